"""The prior system's Lambda handler as its users have it today (Python, boto3): a table in DynamoDB,
one statement at a time. An invocation is a conditional put and ExecuteStatement; a completion is a
read of the item, SendTaskSuccess and an update of the item, and every event is logged as JSON. Here
with Python's own logging instead of its library, which costs more. The messages come from the runtime,
so that receiving costs it nothing.

    handler.py ENDPOINT      reads from stdin, a line each: completion BATCH COUNT | invocation BATCH COUNT
                             and answers "done"
"""
import datetime
import json
import logging
import os
import sys
import time
import uuid

import boto3

ENDPOINT = sys.argv[1]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:bench:1"
TABLE = boto3.resource("dynamodb", endpoint_url=ENDPOINT).Table("tracking")
DATA = boto3.client("redshift-data", endpoint_url=ENDPOINT)
STATES = boto3.client("stepfunctions", endpoint_url=ENDPOINT)
DAY = 86400
LOGGER = logging.getLogger("prior")
logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w", encoding="utf-8"))
logging.getLogger("botocore").setLevel(logging.WARNING)


class InvalidRequest(Exception):
    pass


def finish(event):
    """One completion event: who waits for it, tell him, remember that he was told."""
    name = event["detail"]["statementName"]
    identity, invocation = name.rsplit(":", 1)
    key = {"id": identity, "invocationId": invocation}
    item = TABLE.get_item(Key=key, ConsistentRead=True)["Item"]
    callback = json.loads(item["callback_details"])
    state = event["detail"]["state"]
    if state == "FINISHED":
        STATES.send_task_success(taskToken=callback["taskToken"], output=json.dumps(event))
    else:
        detail = DATA.describe_statement(Id=event["detail"]["statementId"])
        event["detail"]["error"] = detail.get("Error")
        STATES.send_task_failure(taskToken=callback["taskToken"], error="FAILED", cause=json.dumps(event))
    TABLE.update_item(
        Key=key,
        UpdateExpression="SET finished_event_details = :details, #ttl = :ttl",
        ExpressionAttributeNames={"#ttl": "TTL"},
        ExpressionAttributeValues={":details": json.dumps(event), ":ttl": int(time.time()) + DAY},
    )


def execute(event):
    """One request: remember who waits, then submit."""
    details = {name: event[name] for name in ("taskToken", "executionArn") if name in event}
    invocation = str(datetime.datetime.utcnow().timestamp())
    TABLE.put_item(
        Item={
            "id": event["executionArn"],
            "invocationId": invocation,
            "sqlStatement": event["sqlStatement"],
            "callback_details": json.dumps(details),
        },
        ConditionExpression="attribute_not_exists(sqlStatement)",
    )
    reply = DATA.execute_statement(
        ClusterIdentifier="bench",
        Database="dev",
        DbUser="etl",
        Sql=event["sqlStatement"],
        StatementName=f"{event['executionArn']}:{invocation}",
        WithEvent=True,
    )
    reply["CreatedAt"] = reply["CreatedAt"].isoformat()
    return reply


def handler(event, _context):
    LOGGER.info(json.dumps(event))
    if "Records" in event:
        for record in event["Records"]:
            finish(json.loads(record["body"]))
        return {}
    if "sqlStatement" in event:
        return execute(event)
    raise InvalidRequest("neither Records nor sqlStatement")


def completion_event():
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Redshift Data Statement Status Change",
        "source": "aws.redshift-data",
        "account": "123456789012",
        "time": "2026-11-20T12:34:56Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:redshift:eu-west-1:123456789012:cluster:bench"],
        "detail": {
            "principal": "arn:aws:sts::123456789012:assumed-role/bench/prior",
            "statementName": f"{ARN}:1795178096.123",
            "statementId": str(uuid.uuid4()),
            "redshiftQueryId": 1234567,
            "state": "FINISHED",
            "rows": 3,
            "expireAt": 1795264496,
        },
    }


def main():
    body = json.dumps(completion_event())
    request = {"sqlStatement": "x" * 200, "taskToken": "A" * 700, "executionArn": ARN}
    print("ready", flush=True)
    if os.environ.get("BENCH_START_ONLY"):
        return
    for line in sys.stdin:
        what, batch, count = line.split()
        for _ in range(0, int(count), int(batch) if what == "completion" else 1):
            if what == "completion":
                handler({"Records": [{"body": body}] * int(batch)}, None)
            else:
                handler(dict(request), None)
        print("done", flush=True)


main()
