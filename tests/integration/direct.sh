#!/usr/bin/env bash
# Direct mode: a state machine calls the Data API itself, with its task token in the statement's
# name, and ringback only completes it.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
data_api_target=RedshiftData

# Starts the SQL $1 as a state machine's own call would; sets task, task_token, statement.
execute_directly() {
    new_task '{"timeoutSeconds": 600}' || return 1
    statement=$(jq -n --arg sql "$1" --arg name "ringback/t/$task_token" '{ClusterIdentifier: "local",
        Database: "dev", DbUser: "awsuser", Sql: $sql, StatementName: $name, WithEvent: true}' |
        aws_call redshift-data "$data_api_target.ExecuteStatement" | jq -er .Id)
}

direct_calls() {
    begin_stack --engine "${POSTGRES_URL:-sqlite::memory:}" || { not_ok 'the stand-in starts'; return; }
    start_daemon completer RINGBACK_DIRECT=1 || { not_ok 'the completer starts'; return; }
    execute_directly "select 1 -- $marker"
    holds 'the token in the name is rung back' "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and .output.detail.state == "FINISHED"
            and .output.ringback.steps[0].Id == $id' --arg id "$statement"
    holds 'the output does not hold the token' "$(task_of "$task")" \
        '. as $task | .output | contains($task.taskToken) | not'
    execute_directly "select * from ringback_no_such -- $marker"
    holds "a failure has the database's text" "$(ended_task "$task")" \
        '.error == "FAILED" and (.cause.detail.error | contains("ringback_no_such"))'
    faults '{"duplicate-events": 1}'
    execute_directly "select 2 -- $marker"
    ended_task "$task" >/dev/null
    check 'an event that comes twice is taken twice' until_true metric_is events_received_total 4
    equal 'and rings once' "$(task_of "$task" | jq '.accepted + .refused')" 1
    stop_daemon "$daemon_pid"
    end_stack
}

without_direct_mode() {
    begin_stack --engine sqlite::memory: || { not_ok 'the stand-in starts again'; return; }
    start_daemon completer || { not_ok 'the completer starts again'; return; }
    execute_directly "select 1 -- $marker"
    check 'without direct mode such an event is parked' until_true metric_is events_parked_total 1
    holds 'and its task stays open' "$(task_of "$task")" '.state == "RUNNING"'
    stop_daemon "$daemon_pid"
    end_stack
}

direct_calls
without_direct_mode
secrets_kept 'no token and no SQL is in a log'
finish
