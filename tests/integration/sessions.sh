#!/usr/bin/env bash
# Sessions: opened by a step, used by the steps and requests that follow, one statement at a time,
# and closed.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment

# Submits the SQL $1 in the session $session, which then lives $2 seconds more, if told.
submit_inside() {
    submit "$(jq -nc --arg sql "$1 -- $marker" --arg session "$session" --arg keep "${2:-}" '
        {sqlStatement: $sql, target: {sessionId: $session}}
        + if $keep == "" then {} else {sessionKeepAliveSeconds: ($keep | tonumber)} end')"
}

opened_and_used() {
    local first second
    submit "{\"sqlStatement\":\"create temporary table picked as select 1 as id -- $marker\",
        \"sessionKeepAliveSeconds\":600}"
    session=$(ended_task "$task" | jq -r .output.ringback.sessionId)
    check 'the output tells the session' grep -qE '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' <<<"$session"
    submit_inside 'select id from picked'
    holds 'its temporary table is there for the next request' "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and .output.detail.rows == 1'
    submit_inside 'select pg_sleep(4)'
    first=$task
    submit_inside 'select id from picked'
    second=$task
    holds 'a second statement waits for the first' "$reply" '.State == "waiting"'
    holds 'the first one ends well' "$(ended_task "$first")" '.state == "SUCCEEDED"'
    holds 'and so does the second' "$(ended_task "$second")" '.state == "SUCCEEDED"'
}

a_sequence_in_its_own_session() {
    submit "{\"sqlStatements\":[\"create temporary table stage as select 1 as id -- $marker\",
        \"insert into stage values (2)\",\"select id from stage\"],\"sessionKeepAliveSeconds\":60}"
    holds 'the steps of a sequence run in the session that the first has opened' \
        "$(ended_task "$task")" '.state == "SUCCEEDED" and .output.detail.rows == 2'
}

closed() {
    submit_inside 'select 1' 0
    holds 'the last statement closes the session' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    submit_inside 'select 1'
    holds 'afterwards there is none' "$(ended_task "$task")" '.state == "FAILED" and .error == "REJECTED"'
}

refused() {
    post "{\"sqlStatement\":\"select 1\",\"target\":{\"sessionId\":\"$session\",\"database\":\"dev\"}}"
    equal 'a session is not told where it is' "$code $(jq -r .errorMessage <<<"$reply" | cut -d: -f1)" '400 target'
    post "{\"sqlStatement\":\"select 1\",\"target\":{\"sessionId\":\"$session\"},\"singleton\":{\"key\":\"k\"}}"
    equal 'a singleton has no session' "$code $(jq -r .errorMessage <<<"$reply" | cut -d: -f1)" '400 singleton'
}

for engine in sqlite::memory: "${POSTGRES_URL:-}"; do
    [[ -n $engine ]] || continue
    begin_stack --engine "$engine" || { not_ok 'the stand-in starts'; continue; }
    export RINGBACK_SWEEP_SECONDS=1
    start_daemon serve || { not_ok 'the service starts' "$(tail -n 1 "$daemon_log")"; continue; }
    opened_and_used
    a_sequence_in_its_own_session
    closed
    refused
    end_stack
done
secrets_kept 'no token and no SQL is in a log'
finish
