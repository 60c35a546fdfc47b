# shellcheck shell=bash
# Sourced after lambda_cases.sh: what a running function is asked, and what must come of it: every
# shape of event, errors, partial batches, deadlines, sandboxes that were frozen. The caller sets on,
# the name of the tracker.
# shellcheck disable=SC2016,SC2034,SC2154

# ---- Helpers ------------------------------------------------------------------------------------

# Prints a request for the statement $1 with the members of the object $2.
request() {
    jq -cn --arg sql "$1 -- $marker" --argjson more "${2:-{\}}" '{sqlStatement: $sql} + $more'
}

# Invokes with a request for the statement $1 whose caller is a new task; $2 is the query of invoke,
# $3 an object of more members. Sets statement, its Id.
invoke_for_task() {
    new_task '{}'
    invoke "$(request "$1" "$(jq -c --arg token "$task_token" '.taskToken = $token' <<<"${3:-{\}}")")" "${2:-}"
    statement=$(jq -r '.Id // empty' <<<"$reply" 2>/dev/null)
}

# A new ResponseURL: sets response, its number, and response_url.
new_response() {
    local made
    made=$(curl -sS -X POST "$control_url/responses")
    response=$(jq -r .n <<<"$made")
    response_url=$(jq -r .url <<<"$made")
    echo "${response_url#*\?}" >>"$work/secrets"
}

# Prints CloudFormation's event $1 for the resource $2 with the ResponseURL of new_response.
resource_event() {
    jq -cn --arg type "$1" --arg id "$2" --arg url "$response_url" --arg marker "$marker" '{
        RequestType: $type, ResponseURL: $url, RequestId: "request-\($type)-\($id)",
        StackId: "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1", LogicalResourceId: $id,
        ResourceType: "Custom::Sql", ResourceProperties: {ServiceToken: "arn",
            create: "create table \($id) (v int) -- \($marker)", delete: "drop table \($id) -- \($marker)"}}
        + if $type == "Create" then {} else {PhysicalResourceId: "p"} end'
}

# Prints what the response was given, by events that the mapping brought.
answer_to() {
    map_queue "$RINGBACK_EVENT_QUEUE_URL" && curl -sS "$control_url/responses" |
        jq -ce --argjson n "$1" '.responses[] | select(.n == $n).puts[0].body | fromjson'
}

thread_count() {
    find "/proc/$function_pid/task" -mindepth 1 -maxdepth 1 | wc -l
}

# ---- Requests -----------------------------------------------------------------------------------

statement_count() {
    curl -sS "$control_url/statements" | jq '.statements | length'
}

request_cases() {
    local first before
    invoke_for_task 'select 1 as one'
    equal "$on: request: no error" "$error" ''
    holds "$on: request: the result is the reply" "$reply" '.InvocationId and .Id and .StatementName'
    check "$on: request: the caller is rung back" until_true is_rung_back "$task"
    holds "$on: request: with the outcome" "$(ended_task "$task")" '.state == "SUCCEEDED" and .accepted == 1
        and .output.detail.state == "FINISHED"'

    invoke "$(request 'select 2')" id=repeated
    first=$(jq -r .InvocationId <<<"$reply")
    invoke "$(request 'select 2')" id=repeated
    equal "$on: request: a repeat by Lambda is the same invocation" "$(jq -r .InvocationId <<<"$reply")" "$first"
    equal "$on: request: nothing ran twice" "$(run_twice)" 0

    before=$(statement_count)
    invoke "$(queue_event "$(request 'select 2' | jq -c '[{id: "dead", body: tostring}]')" ringback-requests |
        jq -c '.Records[0].messageAttributes = {RequestID: {stringValue: "repeated", dataType: "String"},
            ErrorCode: {stringValue: "200", dataType: "Number"}}')"
    equal "$on: request: a dead letter of Lambda is taken" "$error $reply" ' {"batchItemFailures":[]}'
    equal "$on: request: and runs nothing again" "$(statement_count)" "$before"

    invoke '{"action": "describeStatement", "statementId": "LATEST"}'
    equal "$on: request: a refusal is a Lambda error" "$error" InvalidRequest
    holds "$on: request: that says field and rule" "$reply" '.errorType == "InvalidRequest"
        and .errorMessage == "statementId: LATEST needs executionArn beside it"'
    invoke "$(request 'select * from ringback_lambda_missing' '{"singleton": {"key": "k"}}')"
    invoke "$(request 'select pg_sleep(2)' '{"singleton": {"key": "held"}}')"
    invoke "$(request 'select 3' '{"singleton": {"key": "held"}}')"
    equal "$on: request: a lock that is held" "$error" ConcurrentExecution
    invoke 'no json'
    equal "$on: request: what is no JSON" "$error" InvalidRequest
    invoke '{"Records": [{"eventSource": "aws:s3", "s3": {}}]}'
    equal "$on: records of another service" "$error" InvalidRequest
    invoke '{"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}'
    holds "$on: a record without an id" "$reply" '.errorMessage == "Records[0].messageId: is required"'
}

# ---- Envelopes ----------------------------------------------------------------------------------

resource_cases() {
    new_response
    invoke "$(resource_event Create lambda_one)"
    equal "$on: CloudFormation: taken" "$error" ''
    holds "$on: CloudFormation: answered" "$(until_true answer_to "$response"; answer_to "$response")" \
        '.Status == "SUCCESS" and .Data.Status == "FINISHED"'
    new_response
    invoke "$(topic_event "$(resource_event Delete lambda_one)" m-1)"
    equal "$on: CloudFormation through SNS: taken" "$error" ''
    holds "$on: CloudFormation through SNS: answered" "$(until_true answer_to "$response"; answer_to "$response")" \
        '.Status == "SUCCESS" and .PhysicalResourceId == "p"'
    new_response
    invoke "$(resource_event Create lambda_two | jq -c '.ResourceProperties.create = {nonsense: 1}')"
    equal "$on: CloudFormation: a refusal is no Lambda error" "$error" ''
    holds "$on: CloudFormation: it is told there" "$(until_true answer_to "$response"; answer_to "$response")" \
        '.Status == "FAILED" and (.Reason | startswith("REJECTED: ResourceProperties.create.nonsense"))'
}

event_cases() {
    local lost
    new_task '{}'
    invoke "$(jq -cn --argjson detail "$(request 'select 4' "{\"taskToken\":\"$task_token\"}")" '{version: "0",
        id: "e-1", "detail-type": "Nightly", source: "company.schedule", account: "000000000000",
        time: "2026-11-20T12:34:56Z", region: "us-east-1", resources: [], detail: $detail}')"
    equal "$on: EventBridge: a request is taken" "$error" ''
    check "$on: EventBridge: and runs" until_true is_rung_back "$task"

    invoke_for_task 'select 5'
    until_true event_is_there
    invoke "$event"
    equal "$on: a completion event by itself" "$error" ''
    check "$on: a completion event by itself rings back" task_is_closed "$task"

    invoke_for_task 'select pg_sleep(600)' '' '{"executionArn": "arn:aws:states:us-east-1:000000000000:execution:m:1"}'
    invoke '{"version": "0", "id": "x", "source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": "arn:aws:states:us-east-1:000000000000:execution:m:1", "status": "ABORTED"}}'
    equal "$on: an execution that was aborted: taken" "$error" ''
    check "$on: an execution that was aborted: its statement is cancelled" until_true statement_is "$statement" ABORTED

    faults '{"drop-events": 1}'
    invoke_for_task 'select 6'
    faults '{}'
    lost=$(jq -r .InvocationId <<<"$reply")
    check "$on: a lost event is found by the schedule" until_true swept "$task"
    check "$on: a lost event is told of in the log" logs 'ending found by the sweep' "$lost"

    invoke "$(request 'select 7' "{\"taskToken\": \"foreign-$RANDOM$RANDOM\"}")"
    check "$on: a token of nobody is told of in the log" until_true undeliverable "$(jq -r .InvocationId <<<"$reply")"
}

# The function's log has a line $1 of the invocation $2.
logs() {
    jq -R 'fromjson?' "$stack_dir/lambda.log" |
        jq -se --arg message "$1" --arg id "$2" 'any(.message == $message and .invocationId == $id)' >/dev/null
}

undeliverable() {
    map_queue "$RINGBACK_EVENT_QUEUE_URL" && logs 'callback undeliverable' "$1"
}

# Takes completion events off their queue until one is that of the last reply's invocation; sets event.
event_is_there() {
    event=$(take_message "$RINGBACK_EVENT_QUEUE_URL" | jq -r .Body)
    [[ $(jq -r .detail.statementName <<<"$event") == */"$(jq -r .InvocationId <<<"$reply")"/* ]]
}

swept() {
    invoke '{"version":"0","id":"s","detail-type":"Scheduled Event","source":"aws.events","detail":{}}' &&
        [[ -z $error ]] && task_is_closed "$1"
}

# ---- Batches ------------------------------------------------------------------------------------

batch_cases() {
    local good batch
    new_task '{}'
    good=$(request 'select 7' "{\"taskToken\":\"$task_token\"}")
    batch=$(jq -cn --arg good "$good" --arg script '{"sqlUri": "s3://nowhere/x.sql", "replyTo": {"eventBusName": "b"}}' \
        '[{id: "m-one", body: $good}, {id: "m-two", body: $script}, {id: "m-three", body: "no json"},
          {id: "m-four", body: "{\"source\": \"aws.redshift-data\", \"detail-type\": \"other\", \"detail\": {}}"}]')
    faults '{"5xx.GetObject": 1}'
    invoke "$(queue_event "$batch" ringback-requests)"
    equal "$on: batch: the record that could not be handled now comes again" "$reply" \
        '{"batchItemFailures":[{"itemIdentifier":"m-two"}]}'
    check "$on: batch: the others are done with" until_true is_rung_back "$task"
    invoke "$(queue_event "$(jq -c '[.[1, 2]]' <<<"$batch")" ordered.fifo)"
    equal "$on: batch: in a FIFO queue nothing overtakes" "$error" ServiceUnavailable
    invoke "$(queue_event "$(jq -c '[.[2, 1, 3]]' <<<"$batch")" ordered.fifo)"
    equal "$on: batch: but what came before is done with" "$reply" \
        '{"batchItemFailures":[{"itemIdentifier":"m-two"},{"itemIdentifier":"m-four"}]}'
    faults '{}'
    invoke "$(queue_event "$batch" ringback-requests)"
    equal "$on: batch: later all is done with" "$reply" '{"batchItemFailures":[]}'
    equal "$on: batch: nothing ran twice" "$(run_twice)" 0
    batch=$(jq -cn --arg good "$(request 'select 8')" '[range(120) | {id: "many-\(.)", body: $good}]')
    invoke "$(queue_event "$batch" ringback-requests)"
    equal "$on: batch: of 120 records" "$reply" '{"batchItemFailures":[]}'
    invoke "$(queue_event "$batch" ringback-requests)" seconds=2
    equal "$on: batch: without time for any" "$error" ServiceUnavailable
}

# ---- The sandbox --------------------------------------------------------------------------------

sandbox_cases() {
    equal "$on: sandbox: one thread" "$(thread_count)" 1

    faults '{"delay-ms.ExecuteStatement": "6000-6000"}'
    invoke_for_task 'select 9' seconds=4
    holds "$on: deadline: answered before it" "$(curl -sS "$lambda_url/state")" '.leftMs > 0'
    holds "$on: deadline: by what is known then" "$reply" '.InvocationId and .State == "submitting"'
    faults '{}'

    kill -STOP "$function_pid"
    close_connections
    [[ $on == *sqlite ]] || check "$on: frozen: its store closes a connection" until_true has_dead_connection
    kill -CONT "$function_pid"
    invoke "$(request 'select 10')"
    equal "$on: frozen: dead connections do no harm" "$error" ''
    holds "$on: frozen: the statement runs" "$reply" .Id
    equal "$on: frozen: one thread again" "$(thread_count)" 1
}

# Of a Redis, which lets them idle for ever; DynamoDB closes them by itself.
close_connections() {
    case $on in
        *redis) redis-cli -u "$REDIS_URL" client kill type normal >/dev/null ;;
        *redis-cluster) on_each_redis client kill type normal >/dev/null ;;
    esac
}

# The other side has closed one of the function's connections (state 8, CLOSE_WAIT).
has_dead_connection() {
    readlink /proc/"$function_pid"/fd/* | sed -n 's/^socket:\[\(.*\)\]$/\1/p' >"$work/sockets"
    awk '$4 == "08" {print $10}' "/proc/$function_pid/net/tcp" | grep -qxF -f "$work/sockets"
}

every_shape() {
    request_cases
    resource_cases
    event_cases
    batch_cases
    sandbox_cases
    check "$on: the function lives" kill -0 "$function_pid"
}
