#!/usr/bin/env bash
# Results in the reply, end to end with the real programs: rows inline as JSON and CSV, cut where
# they do not fit, put in S3 where there is somewhere to put them, and fetched whatever AWS does.
# The whole table runs with each SQL engine.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
many='with recursive n(i) as (select 1 union all select i + 1 from n where i < 25000)
    select i, '"'number '"' || i as name from n order by i'

# Prints a request with the statement $1 and the result object $2.
wanting() {
    jq -cn --arg sql "$1 -- $marker" --argjson result "$2" '{sqlStatement: $sql, result: $result}'
}

# Submits the statement $1 with the result object $2 and waits; sets told, what the caller is told of
# the rows, task_end and id.
result_of() {
    submit "$(wanting "$1" "$2")"
    task_end=$(ended_task "$task")
    told=$(jq -c .output.ringback.result <<<"$task_end")
}

# Prints the object at the address $1. The header is the digest of the empty body.
object() {
    curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:s3" \
        -H "x-amz-content-sha256: $(sha256sum </dev/null | cut -d' ' -f1)" \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$AWS_ENDPOINT_URL/${1#s3://}"
}

run_sql() {
    submit "$(jq -cn --arg sql "$1" '{sqlStatement: $sql}')"
    ended_task "$task" >/dev/null
}

inline_cases() {
    local t=ringback_results
    run_sql "drop table if exists $t"
    run_sql "create table $t (id bigint, part double precision, flag boolean, words varchar(99))"
    run_sql "insert into $t values (9223372036854775807, 0.1, true, 'a \"b\", é €'),
        (2, null, false, ''), (-3, 2, null, null)"
    result_of "select * from $t order by id desc" '{"mode": "inline"}'
    holds "$run: typed rows" "$told" '. == {format: "json", columns: ["id","part","flag","words"],
        rows: [["9223372036854775807",0.1,true,"a \"b\", é €"],[2,null,false,""],[-3,2,null,null]],
        totalRows: 3, truncated: false}'
    result_of "select * from $t order by id desc" '{"format": "csv"}'
    holds "$run: CSV" "$told" '. == {format: "csv", totalRows: 3, truncated: false,
        text: ("id,part,flag,words\r\n9223372036854775807,0.1,true,\"a \"\"b\"\", é €\"\r\n"
            + "2,,false,\"\"\r\n-3,2,,\r\n")}'
    result_of "select id from $t order by id" '{"maxRows": 2}'
    holds "$run: maxRows" "$told" '.rows == [[-3],[2]] and .totalRows == 3 and .truncated'
    result_of "select id from $t where id = 0" '{}'
    holds "$run: no rows" "$told" '. == {format: "json", columns: ["id"], rows: [], totalRows: 0,
        truncated: false}'
    result_of "update $t set part = 1 where id > 0" '{}'
    holds "$run: an update has no rows but a count" "$task_end" '.output.ringback
        | .result == {format: "json", columns: [], rows: [], totalRows: 0, truncated: false}
        and .steps[0].ResultRows == 2'
    result_of "select * from ringback_no_such" '{}'
    holds "$run: a failure has no result" "$task_end" \
        '.error == "FAILED" and (.cause.ringback | has("result") | not)'
}

# What the rows of a sequence and of a batch are.
steps_cases() {
    submit "$(jq -cn --arg m "$marker" '{sqlStatements: ["select 1 as a", "select 2 as b -- " + $m],
        result: {}}')"
    holds "$run: a sequence has the rows of its last step" "$(ended_task "$task")" \
        '.output.ringback.result | .columns == ["b"] and .rows == [[2]]'
    submit "$(jq -cn '{sqlStatements: ["select 1 as a", "select 3 as c",
        "update ringback_results set part = 2"], mode: "transaction", result: {}}')"
    holds "$run: a batch those of its last select" "$(ended_task "$task")" \
        '.output.ringback.result | .columns == ["c"] and .rows == [[3]]'
    submit "$(jq -cn '{sqlStatement: "select 4 as d", output: "statement", result: {}}')"
    holds "$run: beside the statement" "$(ended_task "$task")" \
        '.output | .HasResultSet and .ResultRows == 1 and .ringback.result.rows == [[4]]'
}

# A list of queries is told query by query, the rows with the last one.
queries_cases() {
    submit "$(jq -cn --arg m "$marker" '{result: {}, queries: ["select 5 as e -- " + $m,
        {ExecuteStatementParameters: {Sql: "select 6 as f"}, MaxRetries: 2, mine: "kept"}]}')"
    task_end=$(ended_task "$task")
    holds "$run: a list of queries" "$task_end" '.output | length == 2
        and .[0].ExecuteStatementParameters == "select 5 as e -- " + $m
        and .[1].ExecuteStatementParameters == {Sql: "select 6 as f"} and .[1].mine == "kept"
        and all(.Decision == "SUCCEED" and .Retries == 0 and .StatementId == .Result.Id
            and .ExecuteStatementResult.Id == .StatementId and .Result.Status == "FINISHED"
            and .Result.ResultRows == 1 and .ExecuteStatementResult.Database == "dev")
        and (.[0] | has("result") | not) and .[1].result.rows == [[6]]' --arg m "$marker"
}

session_cases() {
    local session
    submit "$(jq -cn '{sqlStatement: "select 7 as g", sessionKeepAliveSeconds: 60, result: {}}')"
    session=$(jq -r .SessionId <<<"$reply")
    holds "$run: the session that was opened" "$(ended_task "$task")" '.output.ringback
        | .sessionId == $session and .result.rows == [[7]]' --arg session "$session"
}

large_cases() {
    local uri=s3://results/some/prefix
    mkdir -p "$stack_dir/s3/results"
    result_of "$many" '{}'
    holds "$run: rows that do not fit are left out" "$told" '.truncated and .totalRows == 25000
        and (.rows | length) > 5000 and .rows[0] == [1,"number 1"]
        and .rows[-1][0] == (.rows | length)'
    check "$run: and what fits is within the limit" \
        test "$(jq -c .output <<<"$task_end" | wc -c)" -le 262144
    result_of "$many" "{\"uri\": \"$uri\"}"
    holds "$run: or go to S3" "$told" '.uri == $uri + "/" + $id + ".json" and .format == "json"
        and .totalRows == 25000 and (.truncated | not) and (has("rows") | not)' \
        --arg uri "$uri" --arg id "$id"
    object "$(jq -r .uri <<<"$told")" >"$stack_dir/object"
    equal "$run: a row per line" \
        "$(jq -cs '[length, .[0], .[1000], .[-1]]' "$stack_dir/object")" \
        '[25000,{"i":1,"name":"number 1"},{"i":1001,"name":"number 1001"},{"i":25000,"name":"number 25000"}]'
    equal "$run: all bytes" "$(wc -c <"$stack_dir/object")" "$(jq .bytes <<<"$told")"
    result_of "$many" "{\"mode\": \"s3\", \"uri\": \"$uri\", \"format\": \"csv\", \"maxRows\": 20000}"
    holds "$run: CSV in S3, cut at maxRows" "$told" \
        '(.uri | endswith(".csv")) and .totalRows == 25000 and .truncated'
    object "$(jq -r .uri <<<"$told")" >"$stack_dir/object"
    equal "$run: header and rows" "$(wc -l <"$stack_dir/object")" 20001
    equal "$run: in order" "$(sed -n '1p;2p;$p' "$stack_dir/object" | tr -d '\r' | paste -sd' ')" \
        'i,name 1,number 1 20000,number 20000'
    result_of 'select 1 as one' "{\"uri\": \"$uri\"}"
    holds "$run: what fits is not put there" "$told" '.rows == [[1]]'
    result_of 'select 1 as one' '{"mode": "s3", "uri": "s3://no-such-bucket"}'
    holds "$run: a bucket that is not there: FINISHED all the same" "$task_end" \
        '.state == "SUCCEEDED" and .output.ringback.result
            == {totalRows: 1, truncated: true, error: "NoSuchBucket"}'
}

paging_cases() {
    local statement first
    post "$(jq -cn --arg sql "$many" '{sqlStatement: $sql}')"
    statement=$(jq -r .Id <<<"$reply")
    until_true statement_is "$statement" FINISHED
    post "{\"action\":\"getStatementResult\",\"statementId\":\"$statement\"}"
    first=$(jq -c '.Records[0]' <<<"$reply")
    post "$(jq -c --arg id "$statement" \
        '{action: "getStatementResult", statementId: $id, nextToken: .NextToken}' <<<"$reply")"
    holds "$run: page 2 is not page 1" "$reply" \
        '(.Records | length > 0) and .Records[0] != $first' --argjson first "$first"
}

# Each call fails in each way for a while; what is told is the same.
trouble_cases() {
    local fault expected
    result_of "$many" '{"mode": "s3", "uri": "s3://results", "maxRows": 5000}'
    expected=$(jq -c 'del(.uri)' <<<"$told")
    for fault in 5xx reset throttle; do
        faults "{\"seed\": 5, \"$fault.DescribeStatement\": 0.3, \"$fault.GetStatementResult\": 0.3,
            \"$fault.PutObject\": 0.5}"
        result_of "$many" '{"mode": "s3", "uri": "s3://results", "maxRows": 5000}'
        equal "$run: $fault: the same result" "$(jq -c 'del(.uri)' <<<"$told")" "$expected"
        equal "$run: $fault: the same object" \
            "$(faults '{}'; object "$(jq -r .uri <<<"$told")" | wc -l)" 5000
    done
}

# No row is ever fetched: the caller is told in time all the same.
bounded_case() {
    local name="$run: rows that never come"
    start_daemon serve RINGBACK_GATHER_SECONDS=2 AWS_MAX_ATTEMPTS=1 ||
        { not_ok "$name" "$(tail -n 1 "$daemon_log")"; return; }
    faults '{"5xx.GetStatementResult": 1}'
    result_of 'select 1 as one' '{}'
    faults '{}'
    holds "$name do not hold up the callback" "$task_end" \
        '.state == "SUCCEEDED" and .output.ringback.result.truncated'
    stop_daemon "$daemon_pid"
}

table() {
    local engine=sqlite::memory: s3
    run=$1
    [[ $1 == sqlite ]] || engine=$POSTGRES_URL
    s3=$(mktemp -d "$work/s3.XXXXXX")
    begin_stack --engine "$engine" --s3 "$s3" || { not_ok "$run: the stand-in starts"; return; }
    ln -s "$s3" "$stack_dir/s3"
    export RINGBACK_SWEEP_SECONDS=1
    start_daemon serve || { not_ok "$run: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    inline_cases
    steps_cases
    queries_cases
    session_cases
    large_cases
    paging_cases
    trouble_cases
    stop_daemon "$daemon_pid"
    equal "$run: the service ends with status 0" $? 0
    bounded_case
    equal "$run: no statement has run twice" "$(run_twice)" 0
    end_stack
}

table sqlite
if [[ -n ${POSTGRES_URL:-} ]]; then
    table postgres
else
    not_ok postgres 'POSTGRES_URL is not set'
fi
secrets_kept 'no token, no SQL and no credential is in a log'
finish
