# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: lists of queries (P4).
# shellcheck disable=SC2016,SC2034,SC2154

# Submits the list $1 of queries, a jq expression where S is the beginning of an SQL comment with the
# marker; more members are $2. Sets what submit does.
submit_list() {
    submit "$(jq -cn --arg marker " -- $marker" --argjson more "${2:-{\}}" \
        "def S: \$marker; {queries: $1} + \$more")"
}

# Prints what the task $1 was told of its queries.
queries_of() {
    ended_task "$1" | jq -c .output
}

bare_list() {
    post "$(jq -cn --arg marker " -- $marker" '["select 1" + $marker, "select 2" + $marker]')"
    is 'an array' "$code" 202
    id=$(jq -r .InvocationId <<<"$reply")
    comes 'both have run' invocation_is "$id" '.Outcome == "FINISHED" and (.Steps | length == 2)'
    post "$(jq -cn --arg marker " -- $marker" '"select 1" + $marker')"
    is 'a text' "$code" 202
}

list_items() {
    submit_list '["select 1" + S, {ExecuteStatementParameters: ("select 2" + S)},
        {ExecuteStatementParameters: {Sql: ("select :v" + S), Parameters: [{name: "v", value: "3"}],
            ClusterIdentifier: "other", Database: "db2", DbUser: "u2"}}]'
    so 'told item by item' "$(queries_of "$task")" 'length == 3
        and all(.Decision == "SUCCEED" and (.StatementId | length == 36)
            and .Result.Status == "FINISHED" and .Retries == 0)
        and .[2].Result.ClusterIdentifier == "other" and .[2].Result.DbUser == "u2"
        and .[0].ExecuteStatementParameters != null'
}

list_stops() {
    local t=acceptance_q$RANDOM
    run_sql "create table $t (v integer)"
    submit_list "[\"insert into $t values (1)\" + S, \"select * from acceptance_no_such\" + S,
        \"insert into $t values (2)\" + S]"
    so 'it fails, with the text and how far it came' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause | (.detail.error | contains("acceptance_no_such"))
            and ([.ringback.steps[].Status] == ["FINISHED", "FAILED"]))'
    is 'the third has not run' "$(value_of "select max(v) from $t")" 1
    run_sql "drop table $t"
}

list_retries() {
    local t=acceptance_q$RANDOM
    submit_list "[{ExecuteStatementParameters: (\"select * from $t\" + S), MaxRetries: 8,
        RetryErrorMatch: \"(no such table|not exist)\", BaseWaitTime: 1, MaxWait: 1}]"
    comes 'it was tried again' invocation_is "$id" '.Attempt >= 2'
    run_sql "create table $t (v integer)"
    so 'a later attempt finishes' "$(queries_of "$task")" '.[0].Decision == "SUCCEED" and .[0].Retries >= 1'
    run_sql "drop table $t"
}

# Errors that do not match are final, and so are all without a pattern.
list_no_retry() {
    submit_list '[{ExecuteStatementParameters: ("select * from acceptance_no_such" + S), MaxRetries: 5}]'
    so 'a wrong statement is not repeated' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.ringback.steps | length == 1)'
    submit_list '[{ExecuteStatementParameters: ("select * from acceptance_no_such" + S), MaxRetries: 5,
        RetryErrorMatch: "deadlock", BaseWaitTime: 1}]'
    so 'nor one whose error does not match' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.ringback.steps | length == 1)'
}

list_pauses() {
    submit_list '[{ExecuteStatementParameters: ("select * from acceptance_no_such" + S), MaxRetries: 2,
        RetryErrorMatch: "acceptance", BaseWaitTime: 2, MaxWait: 4, InitialWaitTime: 3000}]'
    local before=$SECONDS
    so 'it gives up' "$(ended_task "$task")" '.error == "FAILED" and (.cause.ringback.steps | length == 3)'
    is 'after two pauses of at least 2 s' "$((SECONDS - before >= 3))" 1
}

list_fractions() {
    submit_list '[{ExecuteStatementParameters: ("select * from acceptance_no_such" + S), MaxRetries: 1,
        RetryErrorMatch: "acceptance", BaseWaitTime: 0.5, MaxWait: 1.5}]'
    so 'taken, and tried again' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.ringback.steps | length == 2)'
}

list_attach() {
    local started
    started=$(jq -n --arg sql "select pg_sleep(2) -- $marker" --arg cluster "$CLUSTER_IDENTIFIER" \
        --arg database "$DATABASE" '{Sql: $sql, ClusterIdentifier: $cluster, Database: $database}' |
        aws_call redshift-data RedshiftData.ExecuteStatement | jq -r .Id)
    submit_list "[{StatementId: \"$started\"}]"
    so 'its ending is told' "$(queries_of "$task")" '.[0].StatementId == $id
        and .[0].Decision == "SUCCEED" and .[0].Result.Status == "FINISHED"' --arg id "$started"
    is 'nothing else was submitted' "$(curl -sS "$control_url/statements" |
        jq --arg id "$id" '[.statements[] | select(.name // "" | contains($id))] | length')" 0
}

list_defaults() {
    submit_list '[{ExecuteStatementParameters: {Sql: ("select 1" + S), DbUser: "", ClusterIdentifier: ""}}]'
    so 'an empty default is none' "$(queries_of "$task")" '.[0].Result.ClusterIdentifier == $cluster
        and .[0].Result.DbUser == $user' --arg cluster "$CLUSTER_IDENTIFIER" --arg user "$DB_USER"
    submit_list '[{ExecuteStatementParameters: {Sql: ("select 1" + S), WorkgroupName: "reporting",
        Database: "dev"}}]'
    so 'no cluster goes with a workgroup' "$(queries_of "$task")" '.[0].Decision == "SUCCEED"
        and .[0].Result.WorkgroupName == "reporting" and (.[0].Result | has("ClusterIdentifier") | not)'
}
