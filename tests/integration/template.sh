#!/usr/bin/env bash
# infra/deploy/cloudformation: the template and its example against CloudFormation's specification, the CDK, and the program
# itself, of which it asks the table, the rights, the settings and whether it takes what the template sends it.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
export BUILD_DIR=${BUILD_DIR:-$PWD/build}
source tests/support/stack_cases.sh
clean_environment
node=$PWD/tests/node_modules/node/bin/node
checks=tests/integration/template

# The cases of a program count as this script's.
run_checks() {
    "$node" "$checks/$1.mjs" || failed_count=$((failed_count + 1))
}

print() {
    "$node" "$checks/print.mjs" "$@"
}

table_is_the_trackers() {
    equal 'the table is the one that doctor prints' "$(print table | jq -cS .)" \
        "$(RINGBACK_TRACKER_URL=dynamodb:t "$ringback" doctor --print-table | jq -cS 'del(.TableName)')"
}

# Every setting of the functions is known; the service starts with them, but for what is AWS's.
settings_are_known() {
    local settings setting
    mapfile -t settings < <(print settings | jq -r 'del(.RINGBACK_TRACKER_URL, .RINGBACK_KEY_SECRET_ARN,
        .RINGBACK_EVENT_QUEUE_URL, .RINGBACK_REQUEST_QUEUE_URL, .RINGBACK_STATEMENT_ROLE_ARN) | to_entries[] | "\(.key)=\(.value)"')
    start_daemon serve "${settings[@]}" RINGBACK_OVERDUE_SECONDS=1 ||
        not_ok 'the program takes the settings' "$(tail -n 1 "$daemon_log")"
    for setting in $(print settings | jq -r 'keys[]'); do
        check "$setting is a setting" grep -qE "\`$setting\`" docs/configuration.md
    done
}

has_ended() {
    [[ $(curl -sS "$RINGBACK_URL/invocations/$id" | jq -r .Outcome) == "$1" ]]
}

schedule_is_a_request() {
    submit "$(print schedule "select 'it''s' as a -- $marker")"
    equal 'what the schedule sends is accepted' "$code" 202
    check 'and runs' until_true has_ended FINISHED
}

# Sends CloudFormation's event $1 for the example's resource; sets response, the number of its ResponseURL.
send_event() {
    local made
    made=$(curl -sS -X POST "$control_url/responses")
    response=$(jq -r .n <<<"$made")
    post "$(jq -cn --arg type "$1" --arg url "$(jq -r .url <<<"$made")" --argjson properties "$(print properties)" '{
        RequestType: $type, ResponseURL: $url, RequestId: "request-\($type)", LogicalResourceId: "Visits",
        StackId: "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1", ResourceType: "Custom::RedshiftTable",
        ResourceProperties: $properties} + if $type == "Create" then {} else {PhysicalResourceId: "ringback_visits"} end')"
}

answer_is() {
    curl -sS "$control_url/responses" | jq -e --argjson n "$response" --arg count "$1" \
        '.responses[] | select(.n == $n).puts[0].body | fromjson | .Status == "SUCCESS" and (.Data.Count // "") == $count' >/dev/null
}

# The state $1 of the example's machine, as Step Functions would hand it over.
state_ends() {
    new_task '{}'
    submit "$(print states | jq -c --arg state "$1" --arg token "$task_token" '.[$state].Parameters.Payload | with_entries(
        if .key == "taskToken.$" then {key: "taskToken", value: $token}
        elif (.key | endswith(".$")) then {key: (.key | rtrimstr(".$")), value: ("execution/" + $state)} else . end)')"
    check "the example: $1 is rung back" until_true task_is_closed "$task"
    equal "the example: $1 succeeds" "$(task_of "$task" | jq -r .state)" SUCCEEDED
}

example_works() {
    send_event Create
    check 'the example: its table is made' until_true answer_is 0
    state_ends Fill
    state_ends Look
    holds 'the example: the rows are told' "$(task_of "$task" | jq -c '.output | fromjson? // .')" \
        '.ringback.result.rows == [["2026-11-01", 42]]'
    send_event Update
    check 'the example: an update looks' until_true answer_is 1
    send_event Delete
    check 'the example: its table goes' until_true answer_is ''
}

run_checks shape
run_checks iam
run_checks behaviour
table_is_the_trackers
begin_stack --engine sqlite::memory: || not_ok 'the stand-in starts'
settings_are_known
schedule_is_a_request
example_works
end_stack
finish
