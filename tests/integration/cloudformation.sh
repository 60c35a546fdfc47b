#!/usr/bin/env bash
# CloudFormation custom resources, end to end with the real programs: what CloudFormation would send
# and what it gets at its ResponseURL, on each tracker, with PostgreSQL as the engine.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment

stack_id=arn:aws:cloudformation:us-east-1:000000000000:stack/s/$RANDOM

# Mints a ResponseURL; sets response, its number, and response_url.
new_response() {
    local minted
    minted=$(curl -sS --fail-with-body -X POST "$control_url/responses") || return 1
    response=$(jq -er .n <<<"$minted")
    response_url=$(jq -er .url <<<"$minted")
    echo "${response_url#*\?}" >>"$work/secrets"
}

# Prints an event of the type $1 for the resource $2 with the properties $3; $4 is more of the event.
event() {
    jq -cn --arg type "$1" --arg logical "$2" --argjson properties "$3" --argjson more "${4:-{\}}" \
        --arg url "$response_url" --arg stack "$stack_id" --arg request "request-$RANDOM$RANDOM" \
        '{RequestType: $type, ResponseURL: $url, StackId: $stack, RequestId: $request,
          ResourceType: "Custom::Sql", LogicalResourceId: $logical,
          ResourceProperties: ({ServiceToken: "arn:aws:sns:us-east-1:000000000000:t"} + $properties)}
         + $more'
}

# Posts such an event with a new ResponseURL; sets response, sent, code, reply and id.
ask() {
    new_response || return 1
    sent=$(event "$@")
    post "$sent"
    id=$(jq -r '.InvocationId // empty' <<<"$reply")
}

puts_of() {
    curl -sS "$control_url/responses" | jq -c --argjson n "$1" '.responses[] | select(.n == $n).puts'
}

is_answered() {
    puts_of "$1" | jq -e 'any(.[]; .status == 200)'
}

# Waits for the answer to the response $1 and prints its body.
answer_to() {
    until_true is_answered "$1"
    puts_of "$1" | jq -c '[.[] | select(.status == 200)][0].body | fromjson'
}

# Asks and waits; sets answer and physical.
resource() {
    ask "$@"
    answer=$(answer_to "$response")
    physical=$(jq -r .PhysicalResourceId <<<"$answer")
}

# Prints {PhysicalResourceId: $1, OldResourceProperties: $2} for an Update or a Delete.
known() {
    jq -cn --arg id "$1" --argjson old "${2:-null}" \
        '{PhysicalResourceId: $id} + if $old then {OldResourceProperties: $old} else {} end'
}

# Prints the first value that the statement $1 finds, asked through the service itself.
value_of() {
    local statement
    post "$(jq -cn --arg sql "$1 -- $marker" '{sqlStatement: $sql}')"
    statement=$(jq -r .Id <<<"$reply")
    until_true statement_is "$statement" FINISHED
    post "{\"action\":\"getStatementResult\",\"statementId\":\"$statement\"}"
    jq -r '.Records[0][0] | if type == "object" then (.longValue // .stringValue // .booleanValue)
        else . end' <<<"$reply"
}

statements() {
    curl -sS "$control_url/statements" | jq '.statements | length'
}

table_exists() {
    value_of "select count(*) from pg_class where relname = '$1'"
}

create_drop_cases() {
    local table view before old new made
    table=$(jq -cn '{create_sql: "create table cfn_table (id int, value varchar(50));",
        drop_sql: "drop table if exists cfn_table;"}')
    view=$(jq -cn '{create_sql: "create view cfn_view as (select id from cfn_table);",
        drop_sql: "drop view if exists cfn_view;"}')
    resource Create Table "$table"
    holds "$run: a Create" "$answer" '.Status == "SUCCESS" and .StackId == $sent.StackId
        and .RequestId == $sent.RequestId and .LogicalResourceId == "Table" and .NoEcho == false
        and .PhysicalResourceId == .Data.StatementName and .Data.Status == "FINISHED"
        and (.Data.StatementId | length == 36) and (has("Reason") | not)' --argjson sent "$sent"
    equal "$run: without a content type" "$(puts_of "$response" | jq '.[0].contentType')" null
    made=$physical
    resource Create View "$view"
    equal "$run: a view that depends on it" \
        "$(jq -r .Status <<<"$answer") $(table_exists cfn_view)" 'SUCCESS 1'
    before=$(statements)
    resource Update View "$view" "$(known "$physical" "$view")"
    equal "$run: an Update without a change runs nothing" \
        "$(jq -r .Status <<<"$answer") $(statements)" "SUCCESS $before"
    old=$view
    new=$(jq -c '.create_sql = "create view cfn_view as (select id, value from cfn_table);"' <<<"$view")
    resource Update View "$new" "$(known "$physical" "$old")"
    equal "$run: a changed view takes the place of the old one" \
        "$(jq -r .Status <<<"$answer") $(value_of \
            "select count(*) from information_schema.columns where table_name = 'cfn_view'")" \
        'SUCCESS 2'
    resource Update View "$old" "$(known "$physical" "$new")"
    equal "$run: and is rolled back" "$(jq -r .Status <<<"$answer") $(value_of \
        "select count(*) from information_schema.columns where table_name = 'cfn_view'")" 'SUCCESS 1'
    new=$(jq -c '.create_sql = "create view cfn_view as (select no_such from cfn_table);"' <<<"$view")
    resource Update View "$new" "$(known "$physical" "$old")"
    holds "$run: an Update that fails keeps the id and tells the database's text" "$answer" \
        '.Status == "FAILED" and .PhysicalResourceId == $id and (.Reason | startswith("FAILED: "))
        and (.Reason | contains("no_such")) and (has("Data") | not)' --arg id "$physical"
    before=$(statements)
    resource Update View "$old" "$(known "$physical" "$new")"
    equal "$run: its rollback has nothing to undo" \
        "$(jq -r .Status <<<"$answer") $(statements) $(table_exists cfn_view)" "SUCCESS $((before)) 1"
    resource Delete View "$old" "$(known "$physical")"
    holds "$run: a Delete repeats the id" "$answer" \
        '.Status == "SUCCESS" and .PhysicalResourceId == $id' --arg id "$physical"
    resource Delete Table "$table" "$(known "$made")"
    equal "$run: both are gone" "$(table_exists cfn_view) $(table_exists cfn_table)" '0 0'
}

failed_create_cases() {
    local properties before
    run_sql 'create table cfn_was_there (id int)'
    properties='{"create":"create table cfn_was_there (id int)","delete":"drop table cfn_was_there"}'
    resource Create Mine "$properties"
    holds "$run: a failed Create has a marker for its id" "$answer" '.Status == "FAILED"
        and .PhysicalResourceId == "ringback:create-failed:" + $id
        and (.Reason | contains("already exists"))' --arg id "$id"
    before=$(statements)
    resource Delete Mine "$properties" "$(known "$physical")"
    equal "$run: whose Delete runs nothing" "$(jq -r .Status <<<"$answer") $(statements)" \
        "SUCCESS $before"
    resource Delete Mine '{"create":{"unknown":1}}' "$(known n/a)"
    equal "$run: nor does that of the former system's" "$(jq -r .Status <<<"$answer") $(statements)" \
        "SUCCESS $before"
    equal "$run: what was there before is there still" "$(table_exists cfn_was_there)" 1
    run_sql 'drop table cfn_was_there'
    resource Create Long '{"create":"select cast(repeat($q$0123456789$q$, 10240) as int)"}'
    holds "$run: an error of 100 KB fits" \
        "$(puts_of "$response" | jq -c '.[0].body')" 'utf8bytelength <= 4096 and length > 4000
        and (fromjson | .Status == "FAILED" and (.Reason | startswith("FAILED: ")
            and contains("0123456789")))'
}

# Runs the statement $1 and waits for its end.
run_sql() {
    post "$(jq -cn --arg sql "$1 -- $marker" '{sqlStatement: $sql}')"
    until_true statement_is "$(jq -r .Id <<<"$reply")" FINISHED
}

native_cases() {
    local properties first
    properties=$(jq -cn '{create: {sqlStatements: ["create table cfn_native (id int)",
            "insert into cfn_native values (7)"], mode: "transaction", timeoutSeconds: "60"},
        update: "update cfn_native set id = 8", delete: "drop table cfn_native",
        physicalResourceId: "mine", noEcho: "true"}')
    resource Create Native "$properties"
    holds "$run: native requests, an id of one's own, noEcho" "$answer" '.Status == "SUCCESS"
        and .PhysicalResourceId == "mine" and .NoEcho == true'
    resource Update Native "$properties" "$(known mine "$properties")"
    equal "$run: update" "$(jq -r .Status <<<"$answer") $physical $(value_of \
        'select id from cfn_native')" 'SUCCESS mine 8'
    resource Update Native "$(jq -c '.physicalResourceId = "other"' <<<"$properties")" \
        "$(known mine "$properties")"
    equal "$run: another physicalResourceId is another resource" "$physical" other
    first=$sent
    post "$first"
    equal "$run: an event that comes twice, 200" "$code $(jq -r .Outcome <<<"$reply")" '200 FINISHED'
    resource Delete Native "$properties" "$(known other)"
    equal "$run: is answered once" "$(puts_of $((response - 1)) | jq length)" 1
    equal "$run: and gone" "$(table_exists cfn_native)" 0
    resource Create Beside '{"x":"y"}' '{"sqlStatement":"select 5"}'
    holds "$run: a statement beside the event" "$answer" \
        '.Status == "SUCCESS" and .Data.ResultRows == "1"'
    resource Create Nothing '{"delete":"select 1"}'
    holds "$run: a Create without create" "$answer" '.Status == "SUCCESS"
        and .Data == {Status: "FINISHED"} and .PhysicalResourceId == "ringback/" + $id + "/1.1"' \
        --arg id "$id"
}

# So many PUTs to ResponseURLs have come.
put_calls() {
    curl -sS "$control_url/calls" | jq '.calls.ResponsePut // 0'
}

puts_have_come() {
    (($(put_calls) >= $1))
}

# Prints the properties of a user with the name $1 and the rest as $2.
user() {
    jq -cn --arg name "$1" --argjson more "${2:-{\}}" --arg password "$(printf 'secret%s' "$1" | md5sum |
        cut -d ' ' -f 1)" '{username: $name, password: ("md5" + $password)} + $more'
}

# Prints the column $2 of the role $1.
role() {
    value_of "select ${2:-count(*)}::text from pg_roles where rolname = '$1'"
}

user_cases() {
    local first second before old
    run_sql 'create group cfn_a'
    run_sql 'create group cfn_b'
    first=$(user 'Cfn "User"' '{"create_db":"true","create_user":"false","groups":["cfn_a","cfn_b"],
        "valid_until":"2035-01-01 12:00:00","connection_limit":"3"}')
    resource Create User "$first"
    equal "$run: a user" "$(jq -r .Status <<<"$answer")" SUCCESS
    equal "$run: whose text \"false\" makes no superuser" "$(role 'Cfn "User"' \
        "(rolsuper, rolcreatedb, rolconnlimit)")" '(f,t,3)'
    old=$physical
    second=$(jq -c '.connection_limit = "5" | .create_db = "false" | .groups = ["cfn_b"]' <<<"$first")
    resource Update User "$second" "$(known "$old" "$first")"
    equal "$run: is altered under its id" "$(jq -r .Status <<<"$answer") $([[ $physical == "$old" ]] &&
        echo same) $(role 'Cfn "User"' "(rolsuper, rolcreatedb, rolconnlimit)")" \
        'SUCCESS same (f,f,5)'
    equal "$run: and leaves a group" \
        "$(value_of "select count(*) from pg_auth_members where roleid = 'cfn_a'::regrole")" 0
    new_response
    first=$second
    second=$(jq -c '.username = "cfn_renamed"' <<<"$first")
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(event Update User "$second" "$(known "$old" "$first")")"
    holds "$run: a rename that would lock the user out is refused" "$(answer_to "$response")" \
        '.Status == "FAILED" and .PhysicalResourceId == $id
        and (.Reason | startswith("REJECTED: ") and contains("password"))' --arg id "$old"
    before=$(statements)
    resource Update User "$first" "$(known "$old" "$second")"
    equal "$run: and its rollback has nothing to undo" \
        "$(jq -r .Status <<<"$answer") $(statements)" "SUCCESS $before"
    second=$(user cfn_renamed "$(jq -c 'del(.username, .password)' <<<"$first")")
    resource Update User "$second" "$(known "$old" "$first")"
    equal "$run: is renamed with a new password" \
        "$(jq -r .Status <<<"$answer") $(role cfn_renamed) $(role 'Cfn "User"')" 'SUCCESS 1 0'
    resource Create Other "$second"
    holds "$run: a user that was there before is not taken over" "$answer" '.Status == "FAILED"
        and (.Reason | contains("already exists"))'
    resource Delete Other "$second" "$(known "$physical")"
    equal "$run: nor dropped by the Delete that follows" \
        "$(jq -r .Status <<<"$answer") $(role cfn_renamed)" 'SUCCESS 1'
    resource Delete User "$second" "$(known "$old")"
    equal "$run: is dropped" "$(jq -r .Status <<<"$answer") $(role cfn_renamed)" 'SUCCESS 0'
    run_sql 'drop group cfn_a'
    run_sql 'drop group cfn_b'
}

delivery_cases() {
    local before
    before=$(put_calls)
    faults '{"5xx.ResponsePut": 1}'
    ask Create Delivered '{"create":"select 1"}'
    check "$run: a PUT that is answered with 5xx is repeated" \
        until_true puts_have_come $((before + 3))
    faults '{}'
    until_true invocation_is "$id" '.SettledAt != null'
    holds "$run: with the same bytes" "$(puts_of "$response")" \
        '([.[].body] | unique | length) == 1 and .[-1].status == 200'
    holds "$run: the invocation is settled" "$(invocation "$id")" \
        '.CallbackKind == "response-url" and .Callback == "delivered"
        and .Group == $stack + "/Delivered"' --arg stack "$stack_id"
}

bad_input_cases() {
    ask Create Bad '{"create":{"sqlStatment":"select 1"}}'
    equal "$run: a mistake over HTTP is the reply" \
        "$code $(jq -r '.errorType + " " + .errorMessage' <<<"$reply")" \
        '400 InvalidRequest ResourceProperties.create.sqlStatment: unknown field'
    equal "$run: and the resource is not answered" "$(puts_of "$response")" '[]'
    new_response
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(event Create Bad '{"create":{"sqlStatment":"select 1"}}')"
    holds "$run: through the queue it is FAILED with field and rule" "$(answer_to "$response")" \
        '.Status == "FAILED"
        and .Reason == "REJECTED: ResourceProperties.create.sqlStatment: unknown field"
        and (.PhysicalResourceId | startswith("ringback:create-failed:"))'
    new_response
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(event Update Bad '{"nothing":1}' "$(known old)")"
    holds "$run: an Update that says nothing" "$(answer_to "$response")" '.Status == "FAILED"
        and .PhysicalResourceId == "old" and (.Reason | contains("one of create, update, delete"))'
}

notification_cases() {
    local message
    new_response
    message=$(event Create Noticed '{"create":"select 1"}')
    for _ in 1 2; do
        send "$RINGBACK_REQUEST_QUEUE_URL" "$(jq -cn --arg message "$message" \
            '{Type: "Notification", MessageId: "m-1", TopicArn: "arn:aws:sns:us-east-1:0:t",
              Subject: "AWS CloudFormation custom resource request", Message: $message,
              Timestamp: "2026-11-20T12:34:56.789Z"}')"
    done
    holds "$run: through a topic and a queue" "$(answer_to "$response")" '.Status == "SUCCESS"'
    check "$run: the request queue is empty" until_true queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL"
    equal "$run: twice, and answered once" "$(puts_of "$response" | jq length)" 1
}

deadline_cases() {
    local started=$SECONDS
    resource Create Slow '{"create":"select pg_sleep(120)","ServiceTimeout":"10"}'
    holds "$run: a statement that does not end is answered in time" "$answer" '.Status == "FAILED"
        and (.Reason | startswith("TIMED_OUT: "))'
    check "$run: before the service timeout" test $((SECONDS - started)) -lt $((patience / 2 + 10))
    check "$run: and cancelled" until_true statement_is \
        "ringback/$id/1.1" ABORTED
}

is_running() {
    invocation_is "$1" '.Statement == "running"'
}

# CloudFormation gives up a Create, and its Delete comes with an id that it has made up.
delete_while_create_runs_cases() {
    local properties create create_response started ended
    properties=$(jq -cn '{create: {sqlStatements: ["create table cfn_half (id int)",
            "select pg_sleep(120)"]}, delete: "drop table cfn_half"}')
    ask Create Half "$properties"
    create=$id create_response=$response
    until_true is_running "$create"
    until_true statement_is "ringback/$create/2.1" STARTED
    resource Delete Half "$properties" "$(known s-Half-ABC123)"
    equal "$run: a Delete while its Create runs" "$(jq -r .Status <<<"$answer") $physical" \
        'SUCCESS s-Half-ABC123'
    holds "$run: cancels it" "$(answer_to "$create_response")" '.Status == "FAILED"
        and (.Reason | startswith("ABORTED: "))'
    ended=$(invocation "$create" | jq -r .EndedAt)
    started=$(statement_of "ringback/$id/1.1" | jq -r .id)
    post "{\"action\":\"describeStatement\",\"statementId\":\"$started\"}"
    holds "$run: and runs only after what was cancelled has ended" "$reply" \
        '.CreatedAt >= $ended' --arg ended "$ended"
    equal "$run: what the Create had made is gone" "$(table_exists cfn_half)" 0
    holds "$run: an open Delete is not cancelled by a late Create" "$(
        ask Delete Late '{"delete":"select pg_sleep(2)"}' "$(known x)"
        late=$response
        ask Create Late '{"create":"select 1"}'
        answer_to "$late"
    )" '.Status == "SUCCESS"'
}

data_cases() {
    local properties
    properties=$(jq -cn '{create: "select 7 as id, cast(null as text) as gone, $q$ä$q$ as name",
        data: {Id: "id", Name: "NAME", Gone: "gone"}}')
    resource Create Data "$properties"
    holds "$run: chosen columns" "$answer" '.Status == "SUCCESS"
        and (.Data | .Id == "7" and .Name == "ä" and .Gone == "" and .ResultRows == "1")'
    resource Create Data "$(jq -c '.data.Other = "other"' <<<"$properties")"
    holds "$run: a column that is not there" "$answer" '.Status == "FAILED"
        and .Reason == "FAILED: Data.Other: the result has no such column, or no row"
        and .PhysicalResourceId == "ringback/" + $id + "/1.1"' --arg id "$id"
    resource Create Data "$(jq -c '.create = "select repeat($q$x$q$, 5000) as id" | .data = {Id: "id"}' \
        <<<"$properties")"
    holds "$run: a column that does not fit" "$answer" '.Status == "FAILED"
        and (.Reason | contains("4096 bytes"))'
}

# The resources of the templates are made in their order and removed in the other one.
template_cases() {
    local template name properties names ids
    for template in docs/examples/cloudformation/*.yaml; do
        node tests/support/template.mjs "$template" >"$work/template" || not_ok "$run: $template"
        names=$(jq -r '.Resources | keys_unsorted[]' "$work/template")
        ids=()
        for name in $names; do
            properties=$(jq -c --arg name "$name" '.Resources[$name].Properties' "$work/template")
            resource Create "$name" "$properties"
            equal "$run: $template: $name is made" "$(jq -r .Status <<<"$answer")" SUCCESS
            ids=("$physical" "${ids[@]}")
        done
        for name in $(tac <<<"$names"); do
            properties=$(jq -c --arg name "$name" '.Resources[$name].Properties' "$work/template")
            resource Delete "$name" "$properties" "$(known "${ids[0]}")"
            equal "$run: $template: $name is removed" "$(jq -r .Status <<<"$answer")" SUCCESS
            ids=("${ids[@]:1}")
        done
    done
}

table() {
    run=$tracker
    begin_stack --engine "$POSTGRES_URL" || { not_ok "$run: the stand-in starts"; return; }
    export RINGBACK_SWEEP_SECONDS=1
    start_daemon serve || { not_ok "$run: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    create_drop_cases
    failed_create_cases
    native_cases
    user_cases
    delivery_cases
    bad_input_cases
    notification_cases
    deadline_cases
    delete_while_create_runs_cases
    data_cases
    template_cases
    equal "$run: no statement has run twice" "$(run_twice)" 0
    end_stack
}

if [[ -z ${POSTGRES_URL:-} ]]; then
    not_ok 'PostgreSQL' 'POSTGRES_URL is not set'
else
    table
fi
secrets_kept 'no ResponseURL, no SQL and no credential is in a log'
finish
