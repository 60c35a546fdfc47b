# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: scripts in S3 (P2).
# shellcheck disable=SC2016,SC2034,SC2154

# Puts the script on stdin into S3 as etl/$1.sql.
script() {
    mkdir -p "$s3/acceptance/etl"
    sed "s/\$/ -- $marker/" >"$s3/acceptance/etl/$1.sql"
}

# Posts P2's request for the script $1, with the members $2 in Input; sets batch.
post_script() {
    post "$(jq -cn --arg name "$1" --argjson more "${2:-{\}}" \
        '{Input: ({action: $name, etl_script_s3_path: "s3://acceptance/etl/"} + $more)}')"
    batch=$(jq -r '.sql_batch_id // empty' <<<"$reply")
}

# Prints the answer to P2's question after the batch $1.
status_of_batch() {
    post "{\"Input\":{\"action\":\"get_sql_status\",\"sql_batch_id\":\"$1\"}}"
    echo "$code $reply"
}

batch_is() {
    [[ $(status_of_batch "$1") == "200 {\"status\":\"$2\"}" ]]
}

script_contract() {
    local t=acceptance_s$RANDOM
    script setup_sales <<<"create table $t (d varchar(10));
        insert into $t values ('{job_run_date}');"
    script run_sales <<<"insert into $t select d from $t;
        select 1 / count(*) from $t where d = '{job_run_date}';"
    post_script setup_sales '{"job_run_date":"2026-11-20"}'
    so 'the first stage' "$reply" '.sql_batch_id | length == 36'
    comes 'finishes' batch_is "$batch" FINISHED
    post_script run_sales '{"job_run_date":"2026-11-20"}'
    comes 'so does the second' batch_is "$batch" FINISHED
    is 'the variable was filled in' "$(value_of "select count(*) from $t where d = '2026-11-20'")" 2
    run_sql "drop table $t"
}

# The status of what has failed, and of what was aborted, is an answer.
script_status() {
    script run_failing <<<'select 1; select * from acceptance_no_such;'
    post_script run_failing
    comes 'FAILED' batch_is "$batch" FAILED
    script run_slow <<<'select pg_sleep(60);'
    post_script run_slow
    cancel_statement "$batch"
    comes 'ABORTED' batch_is "$batch" ABORTED
}

# One transaction: nothing of a script that fails stays.
script_transaction() {
    local t=acceptance_s$RANDOM
    run_sql "create table $t (v integer)"
    script run_half <<<"begin transaction; insert into $t values (1);
        insert into $t values (2); select * from acceptance_no_such; commit;"
    post_script run_half
    comes 'it fails' batch_is "$batch" FAILED
    is 'nothing stays' "$(value_of "select count(*) from $t")" 0
    script run_whole <<<"begin transaction; insert into $t values (1); insert into $t values (2); commit;"
    post_script run_whole
    comes 'begin and commit in a batch are no error' batch_is "$batch" FINISHED
    is 'both stay' "$(value_of "select count(*) from $t")" 2
    run_sql "drop table $t"
}

# What a splitter at every semicolon breaks, and what str.format takes for a place to fill in.
script_lexer() {
    local t=acceptance_s$RANDOM
    script run_text <<EOS
create table $t (v varchar(60));
insert into $t values ('a;b'); /* ; */ insert into $t values ('{"json": {}}');
insert into $t values ('it''s {not_declared};');
-- ; the end

EOS
    post_script run_text '{"job_run_date":"2026-11-20"}'
    comes 'it runs' batch_is "$batch" FINISHED
    is 'as it is' "$(value_of "select count(*) from $t where v in ('a;b', '{\"json\": {}}', 'it''s {not_declared};')")" 3
    so 'no empty statement' "$(jq -n --arg id "$batch" '{Id: $id}' |
        aws_call redshift-data RedshiftData.DescribeStatement)" '.SubStatements | length == 4'
    run_sql "drop table $t"
}

script_injection() {
    local t=acceptance_s$RANDOM
    run_sql "create table $t (v varchar(60))"
    script run_value <<<"insert into $t values ('{name}');"
    post_script run_value "{\"variables\":{\"name\":\"x'); drop table $t; --\"}}"
    comes 'in a literal it is escaped' batch_is "$batch" FINISHED
    is 'and stays a value' "$(value_of "select count(*) from $t where v like 'x''); drop%'")" 1
    script run_name <<<'select * from {name};'
    post_script run_name "{\"variables\":{\"name\":\"$t; drop table $t\"}}"
    is 'elsewhere it is refused' "$code $(jq -r .errorType <<<"$reply")" '400 InvalidRequest'
    run_sql "drop table $t"
}

script_limit() {
    local n
    script run_many < <(for n in {1..41}; do echo "select $n;"; done)
    post_script run_many
    so 'more than 40 in a transaction: the rule' "$reply" '.errorType == "InvalidRequest"
        and (.errorMessage | contains("40"))'
    submit '{"sqlUri":"s3://acceptance/etl/run_many.sql","mode":"sequence"}'
    so 'a sequence takes them' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.ringback.steps[-1].step == 41'
}

# The callback, without a question.
script_rung_back() {
    script run_token <<<'select 1; select 2;'
    new_task '{}'
    post "$(jq -cn --arg token "$task_token" '{Input: {action: "run_token",
        etl_script_s3_path: "s3://acceptance/etl/"}, taskToken: $token}')"
    so 'the task is rung back' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.detail.state == "FINISHED"'
}
