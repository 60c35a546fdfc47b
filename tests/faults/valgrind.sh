#!/usr/bin/env bash
# A run of `ringback serve` under valgrind on each tracker: every way a statement can end, every kind
# of request and action, repeats, heartbeats, the queues, refusals, sealed records; then it stops,
# and nothing may be lost or touched out of bounds.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
patience=120

if grep -qE '__(asan|tsan|ubsan)_' "$ringback"; then
    ok 'skipped under a sanitizer'
    leave
    exit 0
fi

# Hands over the request $2 with a new token and checks that it ends as $1.
ends_as() {
    submit "$2"
    [[ $1 != ABORTED ]] || cancel_when_running
    until_true task_is_closed "$task"
    equal "$run: $1" "$(task_of "$task" | callback_of_task | jq -r .outcome)" "$1"
}

cancel_when_running() {
    until_true invocation_is_running "$id"
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" >/dev/null
}

task_has_heartbeats() {
    (($(task_of "$1" | jq .heartbeats) >= 1))
}

callers() {
    local arn=arn:aws:states:us-east-1:000000000000:execution:m:1 action
    post "{\"sqlStatement\":\"select 2 as two\",\"executionArn\":\"$arn\"}"
    until_true statement_is "$(jq -r .Id <<<"$reply")" FINISHED
    for action in describeStatement getStatementResult cancelStatement; do
        post "{\"action\":\"$action\",\"statementId\":\"LATEST\",\"executionArn\":\"$arn\"}"
        holds "$run: $action" "$code" '. == 200 or . == 400'
    done
    curl -sS -G "$RINGBACK_URL/invocations" --data-urlencode "group=$arn" -d open=true -o /dev/null
    ends_as FINISHED '{"sqlStatement":"select pg_sleep(1)","requestKey":"k","output":"statement"}'
    ends_as FINISHED '{"sqlStatement":"select pg_sleep(1)","requestKey":"k","output":"statement"}'
    submit '{"sqlStatement":"select pg_sleep(600)","heartbeatSeconds":3}'
    check "$run: heartbeats" until_true task_has_heartbeats "$task"
    curl -sS -X DELETE "$control_url/tasks/$task" -o /dev/null
    check "$run: a task that has left" until_true invocation_is "$id" '.Callback == "closed"'
}

refusals() {
    post '{"sqlStatement":"select 3","requestKey":"k"}'
    equal "$run: a conflict" "$code" 409
    post '{"sql":1}'
    equal "$run: a bad request" "$code" 400
    post 'no json'
    equal "$run: no JSON" "$code" 400
    send "$RINGBACK_REQUEST_QUEUE_URL" 'no request at all'
    send "$RINGBACK_EVENT_QUEUE_URL" 'no event at all'
    check "$run: bad messages are parked" until_true metric_is events_parked_total 2
    faults '{"throttle.ExecuteStatement": 1}'
    post '{"sqlStatement":"select 4"}'
    equal "$run: throttled" "$code" 429
    faults '{"seed": 3, "throttle": 0.2, "5xx": 0.2, "reset": 0.2, "drop-events": 0.5}'
    ends_as FINISHED '{"sqlStatements":["select 1","select 2","select 3"]}'
    faults '{}'
}

queues() {
    local replies
    replies=$(create_queue replies)
    send "$RINGBACK_REQUEST_QUEUE_URL" \
        "{\"sqlStatement\":\"select 5\",\"replyTo\":{\"queueUrl\":\"$replies\"}}"
    check "$run: a queued request" take_message "$replies"
    send "$RINGBACK_REQUEST_QUEUE_URL" \
        "{\"sqlStatement\":7,\"replyTo\":{\"queueUrl\":\"$replies\"}}"
    check "$run: a bad one" take_message "$replies"
}

# A run on the tracker with the URL $2.
run_on() {
    run=$1
    begin_stack || { not_ok "$run: the stand-in starts"; return; }
    [[ -z $2 ]] || export RINGBACK_TRACKER_URL=$2
    [[ $run != dynamodb ]] || use_dynamodb || { not_ok "$run: the store is there"; return; }
    printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64 -w 0)" >"$work/keys"
    export RINGBACK_KEY_FILE=$work/keys RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
    start_daemon serve valgrind --quiet --leak-check=full \
        --errors-for-leak-kinds=definite,indirect,possible --show-leak-kinds=definite,indirect,possible \
        --error-exitcode=99 --log-file="$work/valgrind.log" ||
        { not_ok "$run: serve starts" "$(tail -n 1 "$daemon_log")"; return; }
    ends_as FINISHED '{"sqlStatements": ["select 1", "select 2"]}'
    ends_as FINISHED '{"sqlStatements": ["select 1", "select 2"], "mode": "transaction"}'
    ends_as FAILED '{"sqlStatement": "select get_date()"}'
    ends_as ABORTED '{"sqlStatement": "select pg_sleep(600)"}'
    ends_as TIMED_OUT '{"sqlStatement": "select pg_sleep(600)", "timeoutSeconds": 1}'
    callers
    queues
    refusals
    curl -sS "$admin_url/" "$admin_url/readyz" "$admin_url/metrics" >/dev/null
    stop_daemon "$daemon_pid"
    equal "$run: nothing leaks and nothing is touched out of bounds" $? 0
    cat "$work/valgrind.log"
    end_stack
}

run_on sqlite ''
if [[ -n ${REDIS_URL:-} ]]; then
    redis-cli -u "${REDIS_URL%/*}/10" flushdb >/dev/null
    run_on redis "${REDIS_URL%/*}/10"
else
    not_ok redis 'REDIS_URL is not set'
fi
if [[ -n ${DYNAMODB_URL:-} ]]; then
    run_on dynamodb ''
else
    not_ok dynamodb 'DYNAMODB_URL is not set'
fi
finish
