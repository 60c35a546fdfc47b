#!/usr/bin/env bash
# What the other shapes of a request do, end to end with the real programs: lists of queries, scripts
# in S3, batches that commit one by one, retries, expectations, singletons and sessions.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
missing=ringback_shapes_missing

# ---- Helpers ------------------------------------------------------------------------------------

# Runs the statements given, one after the other.
run_sql() {
    post "$(printf '%s\n' "$@" | jq -cR . | jq -cs '{sqlStatements: .}')"
    until_true invocation_is "$(jq -r .InvocationId <<<"$reply")" '.Outcome == "FINISHED"'
}

# Waits for the outcome of the last request and prints what its caller would be told.
reply_of_last() {
    local last
    last=$(jq -r .InvocationId <<<"$reply")
    until_true invocation_is "$last" '.SettledAt != null' && curl -sS "$RINGBACK_URL/invocations/$last/reply"
}

statement_count() {
    curl -sS "$control_url/statements" | jq '.statements | length'
}

# Prints the ExecuteStatement call of a statement that is not ringback's, and its Id.
start_elsewhere() {
    jq -cn --arg sql "$1 -- $marker" --arg cluster "$CLUSTER_IDENTIFIER" --arg database "$DATABASE" \
        --arg user "$DB_USER" \
        '{Sql: $sql, ClusterIdentifier: $cluster, Database: $database, DbUser: $user}' |
        aws_call redshift-data RedshiftData.ExecuteStatement | jq -er .Id
}

# ---- Lists of queries ---------------------------------------------------------------------------

list_cases() {
    local before
    run_sql 'create table shapes_list (v integer)'
    post "$(jq -cn --arg m "$marker" '["insert into shapes_list values (1) -- " + $m,
        {ExecuteStatementParameters: "insert into shapes_list values (2)", Note: "kept"},
        {ExecuteStatementParameters: {Sql: "select v from shapes_list where v >= cast(:low as integer)",
            Parameters: [{name: "low", value: "1"}], DbUser: "", ClusterIdentifier: ""},
         InitialWaitTime: 30, BaseWaitTime: 0.5, MaxRetries: 3}]')"
    equal 'list: a bare array is accepted' "$code" 202
    holds 'list: what comes out' "$(reply_of_last)" '.outcome == "FINISHED" and (.output
        | length == 3
        and all(.Decision == "SUCCEED" and .Retries == 0 and (.StatementId | length == 36)
            and .StatementId == .Result.Id and .Result.Status == "FINISHED")
        and .[1].Note == "kept" and .[2].MaxRetries == 3 and .[2].Result.ResultRows == 2
        and .[1].ExecuteStatementParameters == "insert into shapes_list values (2)")'

    post '"select 7 as seven"'
    equal 'list: a bare text is accepted' "$code" 202
    holds 'list: and is a list of one' "$(reply_of_last)" '.output | length == 1
        and .[0].Decision == "SUCCEED" and .[0].Result.ResultRows == 1'

    before=$(statement_count)
    submit "$(jq -cn --arg missing "$missing" '{queries: ["insert into shapes_list values (3)",
        "select * from \($missing)", "insert into shapes_list values (4)"]}')"
    holds 'list: it stops at the first failure' "$(ended_task "$task")" '.error == "FAILED"
        and ([.cause.ringback.steps[].Status] == ["FINISHED", "FAILED"])
        and (.cause.detail.error | contains($missing))' --arg missing "$missing"
    equal 'list: and no other statement is begun' $(($(statement_count) - before)) 2
    equal 'list: what came before it stays' "$(number_of 'select max(v) from shapes_list')" 3

    faults '{"drop-events": 1}'
    submit '{"queries": ["select 1", {"ExecuteStatementParameters": {"Sql": "select 2"}}]}'
    holds 'list: a lost event changes nothing' "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and ([.output[].Decision] == ["SUCCEED", "SUCCEED"])'
    faults '{}'
}

attach_cases() {
    local statement before
    statement=$(start_elsewhere 'select pg_sleep(1)')
    before=$(statement_count)
    submit "{\"queries\": [{\"StatementId\": \"$statement\"}, \"select 5 as five\"]}"
    equal 'attach: accepted' "$code" 202
    holds 'attach: it is watched until it ends' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and (.output | length == 2 and .[0].StatementId == $statement
            and .[0].Result.Status == "FINISHED" and .[0].Decision == "SUCCEED"
            and (.[0] | has("ExecuteStatementResult") | not) and .[1].Result.ResultRows == 1)' \
        --arg statement "$statement"
    equal 'attach: and not started again' $(($(statement_count) - before)) 1

    statement=$(start_elsewhere 'select pg_sleep(60)')
    submit "{\"queries\": [{\"StatementId\": \"$statement\"}]}"
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" -o /dev/null
    holds 'attach: a cancel reaches it' "$(ended_task "$task")" '.error == "ABORTED"'
    check 'attach: and it is stopped' until_true statement_is "$statement" ABORTED

    statement=$(start_elsewhere "select * from $missing")
    submit "{\"queries\": [{\"StatementId\": \"$statement\"}, \"select 1\"]}"
    holds 'attach: a failure is one' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.detail.error | contains($missing))' --arg missing "$missing"

    submit '{"queries": [{"StatementId": "00000000-0000-4000-8000-000000000000"}]}'
    holds 'attach: one that nobody knows is told' "$(ended_task "$task")" '.error == "REJECTED"'
}

# ---- Retries ------------------------------------------------------------------------------------

# The table appears while the statement is tried.
retry_cases() {
    submit "$(jq -cn '{sqlStatement: "insert into shapes_late values (1)",
        retry: {maxAttempts: 100, errorMatch: "shapes_[l]ate", baseSeconds: 0.2, maxSeconds: 0.4}}')"
    check 'retry: a failure that matches is followed by another attempt' \
        until_true invocation_is "$id" '.Steps | length >= 2 and .[0].Status == "FAILED"'
    run_sql 'create table shapes_late (v integer)'
    holds 'retry: until it does not fail' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and (.output.ringback.steps | length >= 3 and .[-1].Status == "FINISHED"
            and [.[].attempt] == [range(1; length + 1)])'
    equal 'retry: and has run once' "$(number_of 'select count(*) from shapes_late')" 1
    equal 'retry: no statement has run twice' "$(run_twice)" 0

    submit "$(jq -cn --arg missing "$missing" '{sqlStatement: "select * from \($missing)",
        retry: {maxAttempts: 100, errorMatch: "deadlock", baseSeconds: 0.1}}')"
    holds 'retry: what does not match is not tried again' "$(ended_task "$task")" \
        '.error == "FAILED" and (.cause.ringback.steps | length == 1)'

    submit "$(jq -cn --arg missing "$missing" '{queries: [{ExecuteStatementParameters:
        "select * from \($missing)", RetryErrorMatch: "missing", MaxRetries: 2, BaseWaitTime: 0.1,
        MaxWait: 0.2}]}')"
    holds 'retry: a list knows it as MaxRetries' "$(ended_task "$task")" \
        '.error == "FAILED" and ([.cause.ringback.steps[].attempt] == [1, 2, 3])'

    submit "$(jq -cn --arg missing "$missing" '{queries: ["select * from \($missing)"]}')"
    holds 'retry: a list without knobs does not repeat a mistake' "$(ended_task "$task")" \
        '.error == "FAILED" and (.cause.ringback.steps | length == 1)'
}

# ---- Scripts ------------------------------------------------------------------------------------

write_scripts() {
    mkdir -p "$scripts"
    cat >"$scripts/setup_sales.sql" <<'SQL'
-- The tables; a semicolon here ; splits nothing
begin transaction;
create table shapes_sales (day varchar(10), note varchar(64), amount integer);
insert into shapes_sales values ('{job_run_date}', 'it''s {not_declared}; {"a": 1}', 1);
commit;

SQL
    cat >"$scripts/run_sales.sql" <<'SQL'
delete from shapes_sales where day = '{job_run_date}';
insert into shapes_sales values ('{job_run_date}', '{note}', {amount});
insert into shapes_sales values ('{job_run_date}', '{note}', {amount});
select * from shapes_sales where day = '{job_run_date}';
SQL
    {
        echo 'create table shapes_many (v integer);'
        printf 'insert into shapes_many values (%s);\n' {1..49}
    } >"$scripts/many.sql"
}

# Asks as the ETL sample does, until the batch $1 has ended; prints the last answer.
batch_status() {
    local status=STARTED end=$((SECONDS + patience))
    while [[ $status != FINISHED && $status != FAILED && $status != ABORTED ]] && ((SECONDS < end)); do
        post "{\"Input\":{\"action\":\"get_sql_status\",\"sql_batch_id\":\"$1\"}}"
        status=$(jq -r .status <<<"$reply")
    done
    printf '%s' "$reply"
}

script_cases() {
    local input
    input=$(jq -cn '{action: "setup_sales", etl_script_s3_path: "s3://scripts/etl/setup_sales.sql",
        job_run_date: "2021-06-26"}')
    post "$(jq -cn --argjson input "$input" '{Input: $input}')"
    equal 'script: the ETL sample sets up' "$code" 202
    holds 'script: and is told the batch' "$reply" \
        'keys == ["sql_batch_id"] and (.sql_batch_id | length == 36)'
    equal 'script: whose status it asks for' "$(batch_status "$(jq -r .sql_batch_id <<<"$reply")")" \
        '{"status":"FINISHED"}'
    equal 'script: only declared names are filled in' \
        "$(number_of "select count(*) from shapes_sales where day = '2021-06-26' and
            note = 'it''s {not_declared}; {\"a\": 1}'")" 1

    # The folder, as its template has it, and a callback instead of questions.
    submit "$(jq -cn '{Input: {action: "run_sales", etl_script_s3_path: "s3://scripts/etl/",
        variables: {job_run_date: "2021-06-26", note: "o'\''clock; drop", amount: 7}},
        expect: {minRows: 1, maxRows: 2}}')"
    holds 'script: the sample with a task token' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and (.output.ringback.steps | length == 1 and .[0].Status == "FINISHED")'
    equal 'script: as one transaction, with its values' \
        "$(number_of "select sum(amount) from shapes_sales where note = 'o''clock; drop'")" 14
    submit "$(jq -cn '{sqlUri: "s3://scripts/etl/run_sales.sql", mode: "transaction",
        variables: {job_run_date: "2021-06-26", note: "x", amount: 1}, expect: {minRows: 3}}')"
    holds 'script: too few rows are a failure' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.detail.error | contains("expect") and contains("2") and contains("3"))'

    submit '{"sqlUri": "s3://scripts/etl/many.sql", "mode": "transaction"}'
    equal 'script: 50 statements are no transaction' \
        "$code $(jq -r .errorMessage <<<"$reply")" \
        '400 sqlUri: must hold at most 40 statements in this mode, got 50'
    submit '{"sqlUri": "s3://scripts/etl/many.sql"}'
    holds 'script: but a sequence' "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and (.output.ringback.steps | length == 50)'
    equal 'script: of which every statement has run' "$(number_of 'select count(*) from shapes_many')" 49

    # What was accepted goes by what the script was.
    post '{"sqlUri": "s3://scripts/etl/once.sql", "requestKey": "once"}'
    equal 'script: one that is not there' "$code" 400
    echo 'select 1' >"$scripts/once.sql"
    post '{"sqlUri": "s3://scripts/etl/once.sql", "requestKey": "once"}'
    equal 'script: may be there later' "$code" 202
    rm "$scripts/once.sql"
    post '{"sqlUri": "s3://scripts/etl/once.sql", "requestKey": "once"}'
    equal 'script: a repeat does not need it any more' "$code" 200
    faults '{"5xx.GetObject": 1}'
    post '{"sqlUri": "s3://scripts/etl/run_sales.sql", "requestKey": "away"}'
    equal 'script: S3 that is away' "$code" 503
    faults '{}'
    equal 'script: leaves nothing behind' "$(curl -sS "$RINGBACK_URL/invocations?limit=100" |
        jq '[.Invocations[] | select(.Outcome == null)] | length')" 0
}

# ---- Batches that commit one by one -------------------------------------------------------------

auto_commit_cases() {
    run_sql 'create table shapes_auto (v integer)'
    submit "$(jq -cn --arg missing "$missing" '{mode: "autoCommit", sqlStatements:
        [range(1; 91) | if . == 45 or . == 47 then "insert into \($missing) values (1)"
            else "insert into shapes_auto values (\(.))" end]}')"
    holds 'autoCommit: a failure makes the outcome FAILED' "$(ended_task "$task")" '.error == "FAILED"
        and ([.cause.ringback.steps[].Status] == ["FINISHED", "FAILED", "FINISHED"])
        and (.cause.detail.error | contains("statement 45: ") and contains("statement 47: ")
            and contains($missing))' --arg missing "$missing"
    equal 'autoCommit: but stops nothing' "$(number_of 'select count(*) from shapes_auto')" 88
    submit "$(jq -cn '{mode: "autoCommit", sqlStatements:
        [range(41) | "insert into shapes_auto values (\(.))"]}')"
    holds 'autoCommit: without one it succeeds' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and (.output.ringback.steps | length == 2)'
}

# ---- Expectations, singletons, sessions ---------------------------------------------------------

expect_cases() {
    submit '{"sqlStatement": "select 1 union select 2", "expect": {"minRows": 2, "maxRows": 2}}'
    holds 'expect: met' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    submit '{"sqlStatement": "select 1 union select 2", "expect": {"maxRows": 1}}'
    holds 'expect: too many' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.detail.error | startswith("expect"))'
    submit '{"sqlStatements": ["select 1", "select 1 where 1 = 0"], "expect": {"minRows": 1}}'
    holds 'expect: of the last step' "$(ended_task "$task")" '.error == "FAILED"
        and ([.cause.ringback.steps[].Status] == ["FINISHED", "FINISHED"])'
}

singleton_cases() {
    local first first_task second_task
    submit '{"sqlStatement": "select pg_sleep(60)", "requestKey": "n", "singleton": {"key": "nightly"}}'
    first=$id first_task=$task
    post '{"sqlStatement": "select pg_sleep(60)", "requestKey": "n", "singleton": {"key": "nightly"}}'
    equal 'singleton: a repeat is not in its own way' "$code $(jq -r .InvocationId <<<"$reply")" "200 $first"
    submit '{"sqlStatement": "select 2", "singleton": {"key": "nightly"}}'
    equal 'singleton: a second one is refused' "$code $(jq -r .errorType <<<"$reply")" \
        '409 ConcurrentExecution'
    equal 'singleton: and its token not touched' "$(task_of "$task" | jq -r .state)" RUNNING
    submit '{"sqlStatement": "select 2", "singleton": {"key": "nightly", "onConflict": "skip"}}'
    holds 'singleton: or skipped' "$reply" '.ringback.skipped == true and .ringback.holder == $first' \
        --arg first "$first"
    holds 'singleton: of which the caller is told too' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.ringback.skipped == true and .output.ringback.holder == $first' --arg first "$first"
    submit '{"sqlStatement": "select 2", "singleton": {"key": "hourly"}}'
    holds 'singleton: another key is another lock' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    submit '{"sqlStatement": "select 3", "singleton": {"key": "nightly", "onConflict": "queue"}}'
    second_task=$task
    equal 'singleton: or queued' "$(jq -r .State <<<"$reply")" waiting
    curl -sS -X POST "$RINGBACK_URL/invocations/$first/cancel" -o /dev/null
    ended_task "$first_task" >/dev/null
    holds 'singleton: and runs when the first has ended' "$(ended_task "$second_task")" \
        '.state == "SUCCEEDED"'

    submit '{"action": "executeSingletonStatement", "sqlStatement": "select pg_sleep(60)"}'
    first=$id first_task=$task
    submit '{"action": "executeSingletonStatement", "sqlStatement": "SELECT  pg_sleep(60); -- again"}'
    equal 'singleton: by the SQL, however it is spelt' "$code $(jq -r .errorType <<<"$reply")" \
        '409 ConcurrentExecution'
    curl -sS -X POST "$RINGBACK_URL/invocations/$first/cancel" -o /dev/null
    ended_task "$first_task" >/dev/null
    submit '{"action": "executeSingletonStatement", "sqlStatement": "select 1"}'
    holds 'singleton: and it is free again' "$(ended_task "$task")" '.state == "SUCCEEDED"'
}

session_cases() {
    local session tasks=() n
    submit '{"sqlStatement": "create temporary table shapes_temp (v integer)",
        "sessionKeepAliveSeconds": 600}'
    session=$(ended_task "$task" | jq -r '.output.ringback.sessionId // empty')
    equal 'session: its id is told' "${#session}" 36
    for n in 1 2 3; do
        submit "$(jq -cn --arg session "$session" --argjson n "$n" \
            '{sqlStatement: "insert into shapes_temp values (\($n))", target: {sessionId: $session}}')"
        tasks+=("$task")
    done
    for n in "${tasks[@]}"; do
        holds "session: statement of task $n runs in it" "$(ended_task "$n")" '.state == "SUCCEEDED"'
    done
    submit "$(jq -cn --arg session "$session" '{target: {sessionId: $session},
        sqlStatement: "select v from shapes_temp", expect: {minRows: 3, maxRows: 3}}')"
    holds 'session: where its table is' "$(ended_task "$task")" '.state == "SUCCEEDED"'
}

scripts=$work/s3/scripts/etl
write_scripts
export RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
begin_stack --engine sqlite::memory: --s3 "$work/s3" || not_ok 'the stand-in starts'
export RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
start_daemon serve || not_ok 'the service starts' "$(tail -n 1 "$daemon_log")"
list_cases
attach_cases
retry_cases
script_cases
auto_commit_cases
expect_cases
singleton_cases
session_cases
stop_daemon "$daemon_pid"
equal 'the service ends with status 0' $? 0
end_stack
secrets_kept 'no token, no SQL and no credential is in a log'
finish
