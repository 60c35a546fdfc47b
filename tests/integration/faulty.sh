#!/usr/bin/env bash
# Lost, doubled, foreign and malformed events, and an AWS that throttles, fails and breaks
# connections: every caller is rung back exactly once, and no statement runs twice.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
# One call may fail many times in a row, and every retry waits twice as long as the one before: what
# takes this long would be lost for good.
patience=${TEST_PATIENCE:-180}

# Submits requests of each kind, $1 rounds, with a token each; a request that is answered 503 is sent
# again, as its caller would. Sets tasks.
submit_all() {
    local n body
    for ((n = 0; n < $1; n++)); do
        for body in "{\"sqlStatement\":\"select $n -- $marker\"}" \
            "{\"sqlStatement\":\"select * from ringback_no_such_$n -- $marker\"}" \
            "{\"sqlStatements\":[\"select 1\",\"select 2 -- $marker\"]}" \
            "{\"sqlStatements\":[\"select 1\",\"select 2\"],\"mode\":\"transaction\"}"; do
            new_task '{}' || return 1
            persist "$(jq -c --arg token "$task_token" '. + {taskToken: $token}' <<<"$body")"
            tasks+=("$task")
        done
    done
}

# Posts the request $1 until it is taken.
persist() {
    local end=$((SECONDS + patience))
    post "$1"
    until [[ $code == 20? ]]; do
        ((SECONDS < end)) || return 1
        sleep 0.1
        post "$1"
    done
}

all_closed() {
    [[ $(curl -sS "$control_url/tasks" | jq '[.tasks[] | select(.state == "RUNNING")] | length') == 0 ]]
}

# After the trouble $1: all tasks are closed as they should, once, by statements that ran once.
all_is_well() {
    local tasks_now
    check "$1: every task is closed" until_true all_closed
    tasks_now=$(curl -sS "$control_url/tasks" | jq -c '[.tasks[] | del(.taskToken)]')
    holds "$1: every task was answered once" "$tasks_now" 'length > 0 and all(.accepted == 1)'
    holds "$1: with the right outcome" "$(jq -c '[.[] | [.n, .state, .error]]' <<<"$tasks_now")" \
        'all(if .[0] % 4 == 2 then .[1:] == ["FAILED", "FAILED"] else .[1] == "SUCCEEDED" end)'
    equal "$1: no statement has run twice" "$(run_twice)" 0
    check "$1: the event queue drains" until_true nothing_is_visible
}

# A stack with the faults $2 while $3 rounds of requests come in; $4 looks at more, if given.
case_of_faults() {
    begin_stack --engine sqlite::memory: || { not_ok "$1: the stand-in starts"; return; }
    export RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
    start_daemon serve || { not_ok "$1: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    tasks=()
    faults "$2"
    submit_all "$3"
    [[ -z ${4:-} ]] || "$4" "$1"
    all_is_well "$1"
    stop_daemon "$daemon_pid"
    equal "$1: the service ends with status 0" $? 0
    end_stack
}

learned_by_sweep() {
    until_true all_closed
    holds "$1: the sweep has learned it all" \
        "$(curl -sS "$control_url/tasks" | jq -c '[.tasks[] | (.output // .cause) | fromjson
            | .ringback.learnedFrom]')" 'all(. == "sweep")'
    check "$1: and says so" [ "$(metric endings_by_sweep_total)" -ge "${#tasks[@]}" ]
}

doubled_events() {
    until_true all_closed
    check "$1: each statement had two" until_true all_doubled
}

all_doubled() {
    (($(metric events_applied_total) + $(metric events_stale_total) ==
        2 * $(curl -sS "$control_url/statements" | jq '.statements | length')))
}

# What was handled but could not be deleted comes again after the visibility timeout, long after
# this test; nothing else is left.
nothing_is_visible() {
    jq -n --arg url "$RINGBACK_EVENT_QUEUE_URL" '{QueueUrl: $url, AttributeNames: ["All"]}' |
        sqs GetQueueAttributes | jq -e '.Attributes.ApproximateNumberOfMessages == "0"'
}

# ---- Submits that are refused for a while, cancels that do not get through ---------------------

cancel() {
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" -o /dev/null
}

refused_for_a_while() {
    local name='no capacity' waiting cancelled statement
    begin_stack --engine sqlite::memory: || { not_ok "$name: the stand-in starts"; return; }
    export RINGBACK_SWEEP_SECONDS=1 RINGBACK_CANCEL_GRACE_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
    start_daemon serve || { not_ok "$name: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    faults '{"throttle.ExecuteStatement": 1}'
    submit "{\"sqlStatement\":\"select 1 -- $marker\"}"
    waiting=$task
    holds "$name: the request is queued" "$reply" '.State == "queued" and (has("Id") | not)'
    submit "{\"sqlStatement\":\"select 2 -- $marker\"}"
    cancelled=$task
    cancel
    holds "$name: a queued one is cancelled at once" "$(ended_task "$cancelled")" \
        '.error == "ABORTED" and .cause.ringback.steps == []'
    submit "{\"sqlStatement\":\"select 3 -- $marker\",\"timeoutSeconds\":1}"
    holds "$name: or runs into its deadline" "$(ended_task "$task")" '.error == "TIMED_OUT"'
    holds "$name: without a statement" "$(curl -sS "$control_url/statements")" '.statements == []'
    faults '{}'
    holds "$name: the other one runs when there is some" "$(ended_task "$waiting")" \
        '.state == "SUCCEEDED"'

    name='cancels fail'
    submit "{\"sqlStatement\":\"select pg_sleep(60) -- $marker\"}"
    statement=$(jq -r .Id <<<"$reply")
    faults '{"throttle.CancelStatement": 1}'
    cancel
    holds "$name: after the grace the caller is told" "$(ended_task "$task")" \
        '.error == "ABORTED" and .cause.ringback.statement == "unknown"'
    holds "$name: and cancelling goes on" "$(invocation "$id")" \
        '.Statement == "cancelling" and .Outcome == "ABORTED"'
    faults '{}'
    check "$name: until the statement has ended" until_true invocation_is "$id" '.Statement == "ended"'
    equal "$name: and it is cancelled" "$(statement_of "$statement" | jq -r .status)" ABORTED
    equal "$name: the task was answered once" "$(task_of "$task" | jq .accepted)" 1
    end_stack
}

# ---- Events that are none of ours, or no events -------------------------------------------------

# Prints an event about the statement named $1 with the Id $2 and the state $3.
event() {
    jq -cn --arg name "$1" --arg id "$2" --arg state "$3" '{version: "0",
        id: "11111111-2222-3333-4444-555555555555", source: "aws.redshift-data",
        "detail-type": "Redshift Data Statement Status Change", account: "000000000000",
        time: "2026-01-01T00:00:00Z", region: "us-east-1", resources: [],
        detail: {principal: "p", statementName: $name, statementId: $id, redshiftQueryId: 1,
            state: $state, rows: 0, expireAt: 1}}'
}

parked_is() {
    [[ $(parked_reasons | wc -l) == "$1" ]]
}

foreign_events() {
    local name='foreign events' q orphan=ringback/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1.1
    local statement=33333333-2222-3333-4444-555555555555 n
    begin_stack --engine sqlite::memory: || { not_ok "$name: the stand-in starts"; return; }
    export RINGBACK_SWEEP_SECONDS=1
    start_daemon serve || { not_ok "$name: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    q=$RINGBACK_EVENT_QUEUE_URL
    tasks=()
    send "$q" "$(event other/thing/1.1 "$statement" FINISHED)"
    send "$q" "$(event '' "$statement" FINISHED)"
    send "$q" "$(event ringback/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1.1 "$statement:2" FINISHED)"
    send "$q" '{"source":"aws.ec2","detail-type":"EC2 Instance State-change","detail":{"state":"x"}}'
    check "$name: four are foreign" until_true metric_is events_foreign_total 4
    send "$q" 'no json'
    send "$q" '[1,2]'
    send "$q" '{"detail": 7}'
    send "$q" "$(printf '{"a":%.0s' {1..200})"
    send "$q" "$(event ringback/NOT-AN-ID/1.1 "$statement" FINISHED)"
    send "$q" "$(event ringback/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/0.x "$statement" FINISHED)"
    send "$q" "$(event "$orphan" "$statement" STARTED)"
    check "$name: seven are parked" until_true metric_is events_parked_total 7
    send "$q" "$(event "$orphan" "$statement" FINISHED)"
    check "$name: and an orphan" until_true metric_is events_parked_total 8
    equal "$name: all are kept" "$(parked_reasons | wc -l)" 8
    equal "$name: the orphan as such" "$(parked_reasons | grep -c ' orphan')" 1
    submit_all 2
    for ((n = 0; n < 20; n++)); do
        send "$q" "$(event other/thing/1.1 "$statement" FINISHED)"
        send "$q" "garbage $n"
    done
    all_is_well "$name"
    check "$name: all garbage is kept" until_true parked_is 28

    # An event of a part of a batch ends nothing; neither does one of another attempt.
    submit "{\"sqlStatement\":\"select pg_sleep(60) -- $marker\"}"
    statement=$(jq -r .Id <<<"$reply")
    until_true invocation_is "$id" '.Statement == "running"'
    send "$q" "$(event "ringback/$id/1.1" "$statement:1" FINISHED)"
    send "$q" "$(event "ringback/$id/1.2" "$statement" FAILED)"
    send "$q" "$(event "ringback/$id/2.1" "$statement" FAILED)"
    until_true queue_is_empty "$q"
    equal "$name: a part's or another attempt's event ends nothing" \
        "$(task_of "$task" | jq -r .state)" RUNNING
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" -o /dev/null
    holds "$name: which ends as it ends" "$(ended_task "$task")" '.error == "ABORTED"'
    end_stack
}

case_of_faults 'all events lost' '{"drop-events": 1}' 3 learned_by_sweep
case_of_faults 'all events doubled' '{"duplicate-events": 1}' 4 doubled_events
case_of_faults 'half of the events lost' '{"seed": 3, "drop-events": 0.5, "duplicate-events": 0.5}' 4
case_of_faults 'late events' '{"delay-events-ms": "0-1500", "duplicate-events": 0.5}' 3
for operation in ExecuteStatement BatchExecuteStatement DescribeStatement SendTaskSuccess \
    SendTaskFailure; do
    case_of_faults "$operation fails" "{\"seed\": 5, \"throttle.$operation\": 0.1,
        \"5xx.$operation\": 0.1, \"reset.$operation\": 0.1}" 3
done
case_of_faults 'the queues fail' '{"seed": 7, "5xx.ReceiveMessage": 0.3, "reset.ReceiveMessage": 0.2,
    "throttle.ReceiveMessage": 0.2, "5xx.DeleteMessageBatch": 0.3, "reset.DeleteMessageBatch": 0.3,
    "5xx.ChangeMessageVisibilityBatch": 0.5}' 3
case_of_faults 'everything fails' '{"seed": 11, "throttle": 0.1, "5xx": 0.1, "reset": 0.1,
    "drop-events": 0.2, "duplicate-events": 0.2, "delay-ms": "0-50"}' 4
refused_for_a_while
foreign_events
secrets_kept 'no token, no SQL and no credential is in a log'
finish
