#!/usr/bin/env bash
# AWS's own limits: 30 submits and 100 looks a second, few statements at a time in a cluster. What is
# handed over at once runs in its turn, is hardly ever throttled, and nobody waits behind the many.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
patience=${TEST_PATIENCE:-90}
aws_limits='"tps.ExecuteStatement": 30, "tps.BatchExecuteStatement": 20, "tps.DescribeStatement": 100,
    "tps.CancelStatement": 3, "tps.ListStatements": 3, "tps.GetStatementResult": 20'

# Makes $1 tasks and puts a request for each on the request queue, ten in a message batch, all of the
# execution named $2, with the SQL $3 at the workgroup $4.
hand_over() {
    curl -sS --fail-with-body --json '{}' "$control_url/tasks?n=[1-$1]" >"$stack_dir/tasks.json" || return 1
    jq -cs --arg name "$2" --arg sql "$3 -- $marker" --arg workgroup "$4" --arg url "$RINGBACK_REQUEST_QUEUE_URL" '
        [to_entries[] | {Id: "m\(.key)", MessageBody: ({taskToken: .value.taskToken, sqlStatement: $sql,
            executionArn: "arn:aws:states:us-east-1:000000000000:execution:m:\($name)",
            target: {workgroupName: $workgroup, database: "dev"}} | tojson)}]
        | _nwise(10) | {QueueUrl: $url, Entries: .}' "$stack_dir/tasks.json" |
        while IFS= read -r batch; do
            sqs SendMessageBatch <<<"$batch" >/dev/null || return 1
        done
}

# A request of one's own over HTTP: of the execution $1, with the SQL $2, at the workgroup $3.
hand_over_one() {
    submit "$(jq -cn --arg name "$1" --arg sql "$2 -- $marker" --arg workgroup "$3" '{sqlStatement: $sql,
        executionArn: "arn:aws:states:us-east-1:000000000000:execution:m:\($name)",
        target: {workgroupName: $workgroup, database: "dev"}}')"
}

open_tasks() {
    curl -sS "$control_url/tasks" | jq '[.tasks[] | select(.state == "RUNNING")] | length'
}

all_closed() {
    [[ $(open_tasks) == 0 ]]
}

accepted_are() {
    (($(metric requests_accepted_total) >= $1))
}

waiting_messages() {
    jq -n --arg url "$RINGBACK_REQUEST_QUEUE_URL" '{QueueUrl: $url, AttributeNames: ["All"]}' |
        sqs GetQueueAttributes | jq -r .Attributes.ApproximateNumberOfMessages
}

at_most() {
    if (($2 <= $3)); then
        ok "$1 ($2, at most $3)"
    else
        not_ok "$1" "$2, more than $3"
    fi
}

begin() {
    begin_stack --engine sqlite::memory: || { not_ok "$1: the stand-in starts"; return 1; }
    export RINGBACK_SWEEP_SECONDS=5 RINGBACK_QUOTAS=$2
    faults "$3"
    start_daemon serve || { not_ok "$1: the service starts" "$(tail -n 1 "$daemon_log")"; return 1; }
}

# All $2 tasks ended well, by statements that ran once.
all_is_well() {
    check "$1: every task is closed" until_true all_closed
    holds "$1: every task succeeded once" "$(curl -sS "$control_url/tasks" | jq -c '[.tasks[] | del(.taskToken)]')" \
        'length == $count and all(.state == "SUCCEEDED" and .accepted == 1)' --argjson count "$2"
    equal "$1: no statement has run twice" "$(run_twice)" 0
}

# 600 statements at AWS's limits, which are known from the start: about 25 s at 24 a second. Taken in are
# those of ten seconds, at most 300; besides, 20 are at AWS and 40 in the hands of four workers.
many_at_once() {
    local name='600 at once' began left held_back
    begin "$name" always "{$aws_limits, \"active-statements\": 20}" || return
    began=$SECONDS
    hand_over 600 many 'select 1' work || not_ok "$name: handed over"
    check "$name: most are taken in" until_true accepted_are 200
    hand_over_one one 'select 2' work
    check "$name: the one of another caller is done" until_true task_is_closed "$task"
    left=$(open_tasks)
    held_back=$(waiting_messages)
    check "$name: long before the many ($left are open)" [ "$left" -ge 50 ]
    at_most "$name: and the others are still kept by their queue" $((left - held_back)) 360
    all_is_well "$name" 601
    at_most "$name: seconds" $((SECONDS - began)) 55
    at_most "$name: throttled answers" "$(metric aws_throttled_total)" 4
    check "$name: what waited was counted" [ "$(metric submits_queued_total)" -ge 100 ]
    at_most "$name: submits asked for in vain, for each statement" \
        $(($(metric submits_queued_total) / 601)) 3
    end_stack
}

# A request without a callback is told so at once, by the Data API's refusal or without asking it.
back_pressure() {
    local name='back-pressure'
    begin "$name" always '{"active-statements": 1}' || return
    hand_over_one a 'select pg_sleep(60)' work
    check "$name: one runs" until_true invocation_is "$id" '.Statement == "running"'
    curl -sS -Z --parallel-max 8 -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' \
        --data "{\"sqlStatement\":\"select 1 -- $marker\",\"target\":{\"workgroupName\":\"work\",\"database\":\"dev\"}}" \
        "$RINGBACK_URL/invocations?n=[1-100]" >"$stack_dir/codes" 2>/dev/null
    equal "$name: the others are told to come again" "$(sort "$stack_dir/codes" | uniq -c | xargs)" '100 429'
    at_most "$name: few of them were sent" \
        "$(curl -sS "$control_url/calls" | jq .calls.ExecuteStatement)" 60
    end_stack
}

# The same limits at a place that is not known to have them: they are learned.
learned() {
    local name='learned limits'
    begin "$name" auto "{$aws_limits}" || return
    hand_over 200 many 'select 1' work || not_ok "$name: handed over"
    all_is_well "$name" 200
    at_most "$name: throttled answers" "$(metric aws_throttled_total)" 40
    check "$name: there were some" [ "$(metric aws_throttled_total)" -ge 1 ]
    end_stack
}

# Five places and 60 statements of half a second: 6 s at best.
full_cluster() {
    local name='a full cluster' began
    begin "$name" always "{$aws_limits, \"active-statements\": 5}" || return
    began=$SECONDS
    hand_over 60 many 'select pg_sleep(0.5)' full || not_ok "$name: handed over"
    check "$name: all are taken in" until_true accepted_are 60
    hand_over_one many 'select 1' other
    check "$name: another one is not delayed" until_true task_is_closed "$task"
    check "$name: while it is full" [ "$(open_tasks)" -ge 10 ]
    hand_over_one one 'select 1' full
    check "$name: the one of another caller is done" until_true task_is_closed "$task"
    check "$name: before the many" [ "$(open_tasks)" -ge 1 ]
    all_is_well "$name" 62
    at_most "$name: seconds" $((SECONDS - began)) 60
    at_most "$name: answers that it is full" "$(metric targets_full_total)" 60
    equal "$name: nothing was throttled" "$(metric aws_throttled_total)" 0
    end_stack
}

# Queued until its deadline, a statement ends without having run.
deadline() {
    local name='a deadline'
    begin "$name" always '{"active-statements": 1}' || return
    hand_over_one a 'select pg_sleep(60)' work
    check "$name: one runs" until_true invocation_is "$id" '.Statement == "running"'
    submit "{\"sqlStatement\":\"select 1 -- $marker\",\"timeoutSeconds\":2,\"target\":{\"workgroupName\":\"work\",\"database\":\"dev\"}}"
    holds "$name: the other is queued" "$reply" '.State == "queued"'
    holds "$name: and times out" "$(ended_task "$task")" '.error == "TIMED_OUT" and .cause.ringback.steps == []'
    equal "$name: without a statement" "$(curl -sS "$control_url/statements" | jq '.statements | length')" 1
    end_stack
}

many_at_once
back_pressure
learned
full_cluster
deadline
secrets_kept 'no token, no SQL and no credential is in a log'
finish
