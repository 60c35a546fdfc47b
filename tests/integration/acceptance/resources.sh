# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: CloudFormation custom resources.
# shellcheck disable=SC2016,SC2034,SC2154

# Prints a custom resource's event: $1 type, $2 logical id, $3 properties, $4 further members. Its
# stack is $stack, its ResponseURL the one of new_response.
resource_event() {
    jq -cn --arg type "$1" --arg id "$2" --argjson properties "$3" --argjson more "${4:-{\}}" \
        --arg url "$response_url" --arg stack "${stack:-$(new_stack)}" --arg request "$RANDOM-$RANDOM-$RANDOM" \
        '{RequestType: $type, ResponseURL: $url, StackId: $stack, RequestId: $request,
            ResourceType: "Custom::Acceptance", LogicalResourceId: $id,
            ServiceToken: "arn:aws:lambda:us-east-1:000000000000:function:ringback",
            ResourceProperties: ({ServiceToken: "arn:aws:lambda:us-east-1:000000000000:function:ringback"}
                + $properties)} + $more'
}

# Mints a ResponseURL; sets response, its number, and response_url.
new_response() {
    local made
    made=$(curl -sS -X POST "$control_url/responses")
    response=$(jq -r .n <<<"$made")
    response_url=$(jq -r .url <<<"$made")
    echo "${response_url#*\?}" >>"$work/secrets"
}

# Posts such an event with a new ResponseURL; sets response, code, reply and id.
resource() {
    new_response
    post "$(resource_event "$@")"
    id=$(jq -r '.InvocationId // empty' <<<"$reply")
}

new_stack() {
    echo "arn:aws:cloudformation:us-east-1:000000000000:stack/acceptance/$RANDOM-$RANDOM-$RANDOM"
}

was_answered() {
    [[ -n $(answers | jq -c '.[] | select(.status == 200)') ]]
}

# Prints the PUTs to the ResponseURL of the last event.
answers() {
    curl -sS "$control_url/responses" |
        jq -c --argjson n "$response" '.responses[] | select(.n == $n).puts'
}

# Waits for the answer to the last event and prints it.
answer() {
    until_true was_answered
    answers | jq -c '[.[] | select(.status == 200)][0].body | fromjson'
}

# Prints the properties of a resource that runs $1 for Create and $2 for Delete, further members $3.
create_drop() {
    jq -cn --arg create "$1 -- $marker" --arg drop "$2 -- $marker" --argjson more "${3:-{\}}" \
        '{create_sql: $create, drop_sql: $drop} + $more'
}

p3_resource() {
    local stack t=acceptance_c$RANDOM made
    stack=$(new_stack)
    resource Create Table "$(create_drop "create table $t (v integer)" "drop table $t")"
    made=$(answer)
    so 'Create' "$made" '.Status == "SUCCESS" and .LogicalResourceId == "Table" and .StackId == $stack
        and (.PhysicalResourceId | length > 0)' --arg stack "$stack"
    is 'it has run' "$(value_of "select count(*) from $t")" 0
    resource Delete Table "$(create_drop "create table $t (v integer)" "drop table $t")" \
        "$(jq -c '{PhysicalResourceId}' <<<"$made")"
    so 'Delete' "$(answer)" '.Status == "SUCCESS" and .PhysicalResourceId == $made.PhysicalResourceId' \
        --argjson made "$made"
    run_sql "select * from $t"
    is 'that too' "$(statement_of "$statement" | jq -r .status)" FAILED
}

# P3's own way: its example function adds sqlStatement to the event.
p3_event() {
    resource Create Thing '{}' "$(sql 'select 1')"
    so 'answered' "$(answer)" '.Status == "SUCCESS"'
}

large_answer() {
    local body
    resource Create Large "$(create_drop "select cast('$(printf 'x%.0s' {1..100000})' as integer) from nosuch" 'select 1')"
    until_true was_answered
    body=$(answers | jq -r '.[0].body')
    is 'at most 4096 bytes' "$(($(printf %s "$body" | wc -c) <= 4096))" 1
    so 'with the error' "$body" '.Status == "FAILED" and (.Reason | startswith("FAILED: ") and length > 20)'
}

put_again() {
    faults '{"5xx.ResponsePut": 1}'
    resource Create Again "$(create_drop 'select 1' 'select 1')"
    comes 'it was tried' was_put
    faults '{}'
    so 'it is answered' "$(answer)" '.Status == "SUCCESS"'
    so 'with one body' "$(answers)" '[.[].body] | unique | length == 1'
}

was_put() {
    (($(calls_of ResponsePut) > 1))
}

failed_create() {
    local stack t=acceptance_f$RANDOM made before
    stack=$(new_stack)
    run_sql "create table $t (v integer)"
    resource Create Exists "$(create_drop "create table $t (v integer)" "drop table $t")"
    made=$(answer)
    so 'Create fails' "$made" '.Status == "FAILED"
        and (.PhysicalResourceId | startswith("ringback:create-failed:"))'
    resource Delete Exists "$(create_drop "create table $t (v integer)" "drop table $t")" \
        "$(jq -c '{PhysicalResourceId}' <<<"$made")"
    so 'its Delete succeeds' "$(answer)" '.Status == "SUCCESS"'
    is 'and drops nothing' "$(value_of "select count(*) from $t")" 0
    run_sql "drop table $t"
}

update_and_rollback() {
    local stack properties made
    stack=$(new_stack)
    properties=$(create_drop 'select 1' 'select 2')
    resource Create View "$properties"
    made=$(answer)
    resource Update View "$(create_drop 'select 3' 'select 2')" \
        "$(jq -c --argjson old "$properties" '{PhysicalResourceId, OldResourceProperties: $old}' <<<"$made")"
    so 'Update' "$(answer)" '.Status == "SUCCESS" and .PhysicalResourceId != null'
    resource Update View "$properties" \
        "$(jq -c --argjson old "$properties" '{PhysicalResourceId, OldResourceProperties: $old}' <<<"$made")"
    so 'and back' "$(answer)" '.Status == "SUCCESS"'
}

refused_is_answered() {
    new_response
    send "$RINGBACK_REQUEST_QUEUE_URL" \
        "$(resource_event Create Wrong '{"create": {"sqlStatement": "select 1", "nonsense": true}}')"
    so 'a request that breaks a rule' "$(answer)" '.Status == "FAILED" and (.Reason | contains("nonsense"))'
    resource Create Refused "$(jq -cn --arg sql "select 1 -- $marker" \
        '{create: {sqlStatement: $sql, parameters: [{name: "unused", value: "1"}]}}')"
    so 'one that the Data API refuses' "$(answer)" '.Status == "FAILED" and (.Reason | startswith("REJECTED"))'
}

readable_reason() {
    resource Create Bad "$(create_drop 'select * from acceptance_no_such_table' 'select 1')"
    so 'the text of the database' "$(answer)" '.Status == "FAILED" and (.Reason
        | startswith("FAILED: ") and contains("acceptance_no_such_table"))'
}

flat_data() {
    resource Create Chosen "$(jq -cn --arg sql "select 7 as seven, 'x' as name -- $marker" \
        '{create: $sql, data: {Number: "seven", Name: "name"}, noEcho: "true"}')"
    so 'columns of the first row, as texts' "$(answer)" '.Status == "SUCCESS" and .NoEcho == true
        and .Data.Number == "7" and .Data.Name == "x" and (.Data | all(type == "string"))'
}

# The same logical id in two stacks is two things.
stacks_apart() {
    local stack one first
    stack=$(new_stack)
    resource Create Same "$(create_drop 'select pg_sleep(60)' 'select 1')"
    one=$response first=$id
    stack=$(new_stack)
    resource Create Same "$(create_drop 'select 1' 'select 1')"
    so 'the other stack does not wait' "$(answer)" '.Status == "SUCCESS"'
    response=$one
    is 'the first is still at it' "$(answers)" '[]'
    cancel_invocation "$first"
    so 'and ends' "$(answer)" '.Status == "FAILED" and (.Reason | startswith("ABORTED"))'
}

delete_during_create() {
    local stack first
    stack=$(new_stack)
    resource Create Slow "$(create_drop 'select pg_sleep(60)' 'select 1')"
    first=$id
    statement=$(jq -r .Id <<<"$reply")
    resource Delete Slow "$(create_drop 'select pg_sleep(60)' 'select 1')" '{"PhysicalResourceId":"invented"}'
    so 'Delete succeeds' "$(answer)" '.Status == "SUCCESS"'
    is 'once Create has stopped' "$(statement_of "$statement" | jq -r .status)" ABORTED
    so 'which is told' "$(invocation "$first")" '.Outcome == "ABORTED"'
}

# ---- Users ---------------------------------------------------------------------------------------

# Prints the SQL of what the last event's invocation has run.
sql_of_last() {
    jq -n --arg id "$(invocation "$id" | jq -r '.Steps[0].Id')" '{Id: $id}' |
        aws_call redshift-data RedshiftData.DescribeStatement | jq -r '.QueryString // (.SubStatements | map(.QueryString) | join("; "))'
}

user_properties() {
    jq -cn --arg name "$1" --argjson more "${2:-{\}}" \
        '{username: $name, password: "md5153c434b4b77c89e6b94f12c5393af5b"} + $more'
}

# CloudFormation makes texts of booleans. The stand-in's databases know no Redshift users: what is
# looked at is the SQL.
superuser_flag() {
    local flag sql
    for flag in '"false"' false; do
        resource Create User "$(user_properties acceptance_user \
            "{\"create_user\":$flag,\"create_db\":$flag,\"unrestricted_syslog_access\":$flag}")"
        answer >/dev/null
        sql=$(sql_of_last)
        so "$flag" "$(jq -Rs . <<<"$sql")" '(test("CREATE USER"; "i")) and (test("[^O]CREATEUSER| CREATEDB|UNRESTRICTED"; "i") | not)'
    done
    resource Create User "$(user_properties acceptance_user '{"create_user":"true"}')"
    answer >/dev/null
    so '"true"' "$(sql_of_last | jq -Rs .)" 'test(" CREATEUSER"; "i")'
}

quoted_user() {
    resource Create User "$(user_properties 'a"b; drop table x' \
        '{"valid_until":"2030-01-01'"'"'; drop table x; --","groups":["g1","g\"2"]}')"
    answer >/dev/null
    so 'names are quoted' "$(sql_of_last | jq -Rs .)" 'contains("\"a\"\"b; drop table x\"")
        and contains("\"g\"\"2\"") and (contains("2030-01-01'"'"'; drop") | not)'
}
