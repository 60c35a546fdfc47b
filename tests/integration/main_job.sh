#!/usr/bin/env bash
# The main job, end to end with the real programs: a request in, its statement run, its caller rung
# back. The whole table runs with each SQL engine.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment

# Prints a request with the statement $1, which carries the marker.
sql() {
    jq -cn --arg sql "$1 -- $marker" '{sqlStatement: $sql}'
}

# Runs the statement $1 and waits for its end.
run_sql() {
    post "$(sql "$1")"
    until_true statement_is "$(jq -r .Id <<<"$reply")" FINISHED
}

# The callbacks of a task that succeeded and of one that failed, member by member.
token_cases() {
    local task_end name statement
    submit "$(sql 'select 1 as one')"
    equal "$run: accepted" "$code" 202
    holds "$run: the accepted reply" "$reply" '(.InvocationId | test("^[a-z2-7]{32}$"))
        and .StatementName == "ringback/" + .InvocationId + "/1.1" and (.Id | length == 36)
        and .Database == "dev" and (.CreatedAt != null) and (has("State") | not)'
    statement=$(jq -r .Id <<<"$reply")
    name=ringback/$id/1.1
    task_end=$(ended_task "$task")
    holds "$run: success is the event and what ringback adds" "$task_end" '.state == "SUCCEEDED"
        and .accepted == 1 and .refused == 0
        and (.output | (keys == ["account","detail","detail-type","id","region","resources",
                "ringback","source","time","version"])
            and .source == "aws.redshift-data"
            and ."detail-type" == "Redshift Data Statement Status Change"
            and .detail.statementName == $name and .detail.statementId == $statement
            and .detail.state == "FINISHED" and .detail.rows == 1
            and (.detail | has("error") | not)
            and (.ringback | .invocationId == $id and .outcome == "FINISHED"
                and .learnedFrom == "event"
                and (.steps | length == 1 and (.[0] | .step == 1 and .attempt == 1
                    and .statementName == $name and .Id == $statement and .Status == "FINISHED"
                    and .ResultRows == 1))))' \
        --arg id "$id" --arg name "$name" --arg statement "$statement"
    until_true invocation_is "$id" '.Callback == "delivered"'
    holds "$run: the invocation says so too" "$(invocation "$id")" '.Statement == "ended"
        and .Callback == "delivered" and .CallbackKind == "task-token" and .Outcome == "FINISHED"
        and .Callbacks == [{Kind: "task-token", State: "delivered"}] and .SettledAt != null'

    submit "$(sql 'select * from ringback_there_is_no_such_table')"
    statement=$(jq -r .Id <<<"$reply")
    task_end=$(ended_task "$task")
    post "{\"action\":\"describeStatement\",\"statementId\":\"$statement\"}"
    holds "$run: failure is FAILED with the text of the database" "$task_end" '.state == "FAILED"
        and .error == "FAILED" and .accepted == 1
        and (.cause | .detail.state == "FAILED" and .detail.statementId == $statement
            and .detail.error == $text and ($text | contains("ringback_there_is_no_such_table"))
            and .ringback.outcome == "FAILED" and .ringback.invocationId == $id)' \
        --arg id "$id" --arg statement "$statement" --arg text "$(jq -r .Error <<<"$reply")"
    equal "$run: nobody's statement is cancelled, 404" \
        "$(curl -sS -o /dev/null -w '%{http_code}' -X POST \
            "$RINGBACK_URL/invocations/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/cancel")" 404
}

cancel_cases() {
    local statement url task_end
    submit "$(sql 'select pg_sleep(60)')"
    statement=$(jq -r .Id <<<"$reply")
    url=$RINGBACK_URL/invocations/$id/cancel
    equal "$run: a cancel is taken" "$(curl -sS -w ' %{http_code}' -X POST "$url")" \
        '{"Status":true} 202'
    task_end=$(ended_task "$task")
    holds "$run: cancelled is ABORTED" "$task_end" '.state == "FAILED" and .error == "ABORTED"
        and .accepted == 1 and .cause.detail.state == "ABORTED"
        and .cause.ringback.outcome == "ABORTED"'
    equal "$run: the statement is cancelled" "$(statement_of "$statement" | jq -r .status)" ABORTED
    equal "$run: a second cancel changes nothing" "$(curl -sS -w ' %{http_code}' -X POST "$url")" \
        '{"Status":false} 200'

    submit "$(jq -c '. + {timeoutSeconds: 1}' <<<"$(sql 'select pg_sleep(60)')")"
    statement=$(jq -r .Id <<<"$reply")
    task_end=$(ended_task "$task")
    holds "$run: a deadline is TIMED_OUT" "$task_end" '.state == "FAILED" and .error == "TIMED_OUT"
        and .accepted == 1 and .cause.ringback.outcome == "TIMED_OUT"'
    equal "$run: and the statement is cancelled" \
        "$(statement_of "$statement" | jq -r .status)" ABORTED
}

queue_cases() {
    local replies message
    replies=$(create_queue replies)
    send "$RINGBACK_REQUEST_QUEUE_URL" \
        "$(jq -c --arg url "$replies" '. + {replyTo: {queueUrl: $url}}' <<<"$(sql 'select 2 as two')")"
    message=$(take_message "$replies")
    holds "$run: queue in, queue out" "$message" '(.Body | fromjson) as $body
        | ($body | keys == ["invocationId","outcome","output"])
        and $body.outcome == "FINISHED" and $body.output.detail.state == "FINISHED"
        and $body.output.ringback.invocationId == $body.invocationId
        and .MessageAttributes.outcome.StringValue == "FINISHED"
        and .MessageAttributes.invocationId.StringValue == $body.invocationId'
    send "$RINGBACK_REQUEST_QUEUE_URL" \
        "$(jq -c --arg url "$replies" '. + {replyTo: {queueUrl: $url}}' \
            <<<"$(sql 'select * from ringback_there_is_no_such_table')")"
    message=$(take_message "$replies")
    holds "$run: a failure by queue" "$message" '(.Body | fromjson) as $body
        | ($body | keys == ["cause","error","invocationId","outcome"])
        and $body.outcome == "FAILED" and $body.error == "FAILED"
        and ($body.cause.detail.error | contains("ringback_there_is_no_such_table"))
        and .MessageAttributes.outcome.StringValue == "FAILED"'
    check "$run: the request queue is empty" until_true queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL"
}

# Prints a request with the statements that follow the mode $1.
several() {
    local mode=$1
    shift
    printf '%s\n' "$@" | jq -cR --arg marker "$marker" '. + " -- " + $marker' |
        jq -cs --arg mode "$mode" '{sqlStatements: ., mode: $mode}'
}

steps_cases() {
    local task_end t=ringback_main_job
    run_sql "drop table if exists $t"
    run_sql "create table $t (v integer)"
    submit "$(several sequence "insert into $t values (1)" "insert into $t values (2)" \
        "select v from $t")"
    task_end=$(ended_task "$task")
    holds "$run: a sequence of three" "$task_end" '.state == "SUCCEEDED" and (.output
        | .detail.rows == 2 and .detail.statementName == "ringback/" + $id + "/3.1"
        and ([.ringback.steps[] | [.step, .attempt, .Status, .statementName]]
            == [range(1; 4) | [., 1, "FINISHED", "ringback/\($id)/\(.).1"]]))' --arg id "$id"
    submit "$(several sequence "insert into $t values (3)" 'select * from ringback_no_such' \
        "insert into $t values (4)")"
    task_end=$(ended_task "$task")
    holds "$run: a sequence stops at the first failure" "$task_end" '.error == "FAILED"
        and ([.cause.ringback.steps[].Status] == ["FINISHED", "FAILED"])
        and (.cause.detail.error | contains("ringback_no_such"))'
    equal "$run: and nothing after it has run" "$(number_of "select max(v) from $t")" 3

    submit "$(several transaction "insert into $t values (5)" "insert into $t values (6)")"
    task_end=$(ended_task "$task")
    holds "$run: a transaction" "$task_end" \
        '.state == "SUCCEEDED" and (.output.ringback.steps | length == 1)'
    submit "$(several transaction "insert into $t values (7)" 'select * from ringback_no_such')"
    task_end=$(ended_task "$task")
    holds "$run: a transaction that fails" "$task_end" '.error == "FAILED"
        and (.cause.detail.error | contains("ringback_no_such"))'
    equal "$run: is rolled back as a whole" "$(number_of "select max(v) from $t")" 6

    submit "$(jq -c '. + {parameters: [{name: "v", value: "8"}]}' \
        <<<"$(sql "insert into $t values (cast(:v as integer))")")"
    task_end=$(ended_task "$task")
    holds "$run: parameters" "$task_end" '.state == "SUCCEEDED"'
    equal "$run: reach the statement" "$(number_of "select max(v) from $t")" 8
    run_sql "drop table $t"
}

# One work with one outcome, whoever asks for it again.
repeat_cases() {
    local body first first_task key=key-$RANDOM one two
    body=$(jq -c --arg key "$key" '. + {requestKey: $key}' <<<"$(sql 'select pg_sleep(1)')")
    submit "$body"
    first=$reply first_task=$task
    submit "$body"
    equal "$run: a requestKey again while open, 200" "$code" 200
    holds "$run: with the same ids" "$reply" \
        '[.InvocationId, .StatementName, .Id] == ($first | [.InvocationId, .StatementName, .Id])' \
        --argjson first "$first"
    one=$(ended_task "$first_task")
    two=$(ended_task "$task")
    holds "$run: both tokens get the same outcome" "[$one,$two]" \
        '.[0].state == "SUCCEEDED" and .[0].output == .[1].output and .[1].accepted == 1'
    submit "$body"
    holds "$run: and one that comes after the end" "[$one,$(ended_task "$task")]" \
        '.[1].state == "SUCCEEDED" and .[0].output == .[1].output'
    holds "$run: whose reply knows the outcome" "$reply" '.Outcome == "FINISHED"'
    submit "$(jq -c --arg key "$key" '. + {requestKey: $key}' <<<"$(sql 'select 99')")"
    equal "$run: another request under that key, 409" \
        "$code $(jq -r .errorType <<<"$reply")" '409 IdempotencyConflict'
    equal "$run: whose token is not touched" "$(task_of "$task" | jq -r .state)" RUNNING

    submit "$(sql 'select 3')"
    first=$reply first_task=$task
    post "$(jq -c --arg token "$task_token" '. + {taskToken: $token}' <<<"$(sql 'select 3')")"
    equal "$run: the same token again, 200" "$code" 200
    holds "$run: is the same invocation" "$reply" \
        '.InvocationId == $first.InvocationId' --argjson first "$first"
    ended_task "$first_task" >/dev/null

    post "$(sql 'select 4')" -H 'Idempotency-Key: abc'
    first=$reply
    equal "$run: an Idempotency-Key" "$code" 202
    post "$(sql 'select 4')" -H 'Idempotency-Key: abc'
    equal "$run: again, 200" "$code" 200
    holds "$run: with the same ids as before" "$reply" \
        '[.InvocationId, .StatementName, .Id] == ($first | [.InvocationId, .StatementName, .Id])' \
        --argjson first "$first"
    post "$(sql 'select 5')" -H 'Idempotency-Key: abc'
    equal "$run: for another request, 409" \
        "$code $(jq -r .errorType <<<"$reply")" '409 IdempotencyConflict'
}

# Prints an action $1 on the latest statement of the execution $2.
latest() {
    jq -cn --arg action "$1" --arg arn "$2" \
        '{action: $action, statementId: "LATEST", executionArn: $arn}'
}

# The request of P3: what its state machines send.
execution_cases() {
    local arn=arn:aws:states:us-east-1:000000000000:execution:m:$RANDOM old new
    post "$(jq -c --arg arn "$arn" '. + {executionArn: $arn}' <<<"$(sql 'select 6 as six')")"
    equal "$run: without a callback" "$code" 202
    new=$(jq -r .Id <<<"$reply")
    until_true statement_is "$new" FINISHED
    post "$(latest describeStatement "$arn")"
    holds "$run: describe LATEST" "$reply" '.Id == $id and .Status == "FINISHED"
        and .ResultRows == 1' --arg id "$new"
    post "$(latest getStatementResult "$arn")"
    holds "$run: the result of LATEST" "$reply" '.Records == [[{longValue: 6}]]
        and .ColumnMetadata[0].name == "six" and .TotalNumRows == 1'
    submit "$(jq -c --arg arn "$arn" '. + {action: "executeStatement", executionArn: $arn}' \
        <<<"$(sql 'select pg_sleep(60)')")"
    old=$task
    submit "$(jq -c --arg arn "$arn" '. + {action: "executeStatement", executionArn: $arn}' \
        <<<"$(sql 'select pg_sleep(61)')")"
    new=$(jq -r .Id <<<"$reply")
    post "$(latest cancelStatement "$arn")"
    equal "$run: cancel LATEST" "$code $reply" '200 {"Status":true}'
    holds "$run: its task is ABORTED" "$(ended_task "$task")" \
        '.error == "ABORTED" and .cause.detail.statementId == $id' --arg id "$new"
    equal "$run: the other branch runs on" "$(task_of "$old" | jq -r .state)" RUNNING
    holds "$run: the group is listed, the newest first" \
        "$(curl -sS -G "$RINGBACK_URL/invocations" --data-urlencode "group=$arn")" \
        '.Invocations | length == 3 and .[0].InvocationId == $id
        and all(.Group == $arn)' --arg id "$id" --arg arn "$arn"
    holds "$run: and what is open of it" \
        "$(curl -sS -G "$RINGBACK_URL/invocations" --data-urlencode "group=$arn" -d open=true)" \
        '[.Invocations[].Statement] == ["running"]'
    post "$(latest describeStatement "$arn-not")"
    equal "$run: LATEST of nothing, 404" "$code $(jq -r .errorType <<<"$reply")" \
        '404 PreviousExecutionNotFound'
    curl -sS -X POST "$RINGBACK_URL/invocations/$(curl -sS -G "$RINGBACK_URL/invocations" \
        --data-urlencode "group=$arn" -d open=true | jq -r '.Invocations[0].InvocationId')/cancel" \
        -o /dev/null
    ended_task "$old" >/dev/null
}

other_cases() {
    local task_end statement
    submit "$(jq -c '. + {output: "statement"}' <<<"$(sql 'select 7 as seven')")"
    statement=$(jq -r .Id <<<"$reply")
    task_end=$(ended_task "$task")
    holds "$run: output statement" "$task_end" '.output | .Id == $id and .Status == "FINISHED"
        and .StatementName == "ringback/" + .ringback.invocationId + "/1.1" and .ResultRows == 1
        and (.Duration | type == "number") and (has("detail") | not)
        and .ringback.outcome == "FINISHED"' --arg id "$statement"

    faults '{"throttle.ExecuteStatement": 1}'
    post "$(sql 'select 8')"
    equal "$run: a callback-free request is never queued" \
        "$code $(jq -r .errorType <<<"$reply")" '429 TooManyRequestsException'
    faults '{}'

    submit "$(jq -c '. + {heartbeatSeconds: 3}' <<<"$(sql 'select pg_sleep(60)')")" \
        '{"heartbeatSeconds": 6}'
    statement=$(jq -r .Id <<<"$reply")
    check "$run: heartbeats are sent" until_true task_has_heartbeats "$task"
    curl -sS -X DELETE "$control_url/tasks/$task" -o /dev/null
    check "$run: a task that has left: its statement is cancelled" \
        until_true statement_is "$statement" ABORTED
    check "$run: and the callback is closed" until_true invocation_is "$id" '.Callback == "closed"'
    holds "$run: as ABORTED" "$(invocation "$id")" '.Outcome == "ABORTED"'
}

task_has_heartbeats() {
    (($(task_of "$1" | jq .heartbeats) >= 1))
}

# The ending learned from the submit call itself.
wait_cases() {
    export RINGBACK_WAIT_SECONDS=2
    start_daemon serve
    unset RINGBACK_WAIT_SECONDS
    faults '{"drop-events": 1}'
    submit "$(sql 'select 9 as nine')"
    holds "$run: waiting: the reply knows the outcome" "$reply" '.Outcome == "FINISHED"'
    holds "$run: waiting: learned from the submit" "$(ended_task "$task")" \
        '.output.ringback.learnedFrom == "submit" and .output.detail.state == "FINISHED"
        and .output.detail.rows == 1'
    submit "$(sql 'select * from ringback_no_such')"
    holds "$run: waiting: a failure" "$(ended_task "$task")" '.error == "FAILED"
        and .cause.ringback.learnedFrom == "submit"
        and (.cause.detail.error | contains("ringback_no_such"))'
    faults '{}'
    stop_daemon "$daemon_pid"
}

# One process takes requests, others take events; all share the tracker.
split_cases() {
    local tasks=() n taken
    start_daemon completer
    [[ $1 == 1 ]] || start_daemon completer
    start_daemon invoker
    for n in {1..12}; do
        submit "$(sql "select $n")"
        tasks+=("$task")
    done
    submit "$(several sequence 'select 1' 'select 2' 'select 3')"
    tasks+=("$task")
    for n in "${tasks[@]}"; do
        until_true task_is_closed "$n"
    done
    taken=$(curl -sS "$control_url/tasks" | jq --argjson from "${tasks[0]}" \
        '[.tasks[] | select(.n >= $from and .state == "SUCCEEDED" and .accepted == 1)] | length')
    equal "$run: an invoker and $1 completers: all are rung back once" "$taken" 13
}

# While an invocation is open, its token and its SQL can be read in the store, or, where records are
# sealed ($1 is 1), they cannot.
sealed_cases() {
    local sql_found=0 token_found=0
    submit "$(sql 'select pg_sleep(60)')"
    dump_store >"$work/store" 2>&1
    grep -qF "$marker" "$work/store" && sql_found=1
    grep -qF "${task_token:24:80}" "$work/store" && token_found=1
    if [[ $1 == 1 ]]; then
        equal "$run: sealed: neither SQL nor token in the store" "$sql_found $token_found" '0 0'
    else
        equal "$run: not sealed: SQL and token in the store" "$sql_found $token_found" '1 1'
    fi
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" -o /dev/null
    ended_task "$task" >/dev/null
    until_true invocation_is "$id" '.SettledAt != null'
    dump_store >"$work/store" 2>&1
    [[ $tracker == sqlite ]] || equal "$run: settled: the token is gone" \
        "$(grep -cF "${task_token:24:80}" "$work/store")" 0
}

# The table with the engine $1.
table() {
    local engine=sqlite::memory: serve
    run="$tracker, $1"
    [[ $1 == sqlite ]] || engine=$POSTGRES_URL
    begin_stack --engine "$engine" || { not_ok "$run: the stand-in starts"; return; }
    export RINGBACK_SWEEP_SECONDS=1
    if [[ $1 == postgres ]]; then
        printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64 -w 0)" >"$work/keys"
        export RINGBACK_KEY_FILE=$work/keys
    fi
    start_daemon serve || { not_ok "$run: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    serve=$daemon_pid
    token_cases
    cancel_cases
    queue_cases
    steps_cases
    repeat_cases
    execution_cases
    other_cases
    sealed_cases "$([[ $1 == postgres ]] && echo 1 || echo 0)"
    stop_daemon "$serve"
    equal "$run: the service ends with status 0" $? 0
    wait_cases
    split_cases "$([[ $tracker == sqlite ]] && echo 1 || echo 2)"
    equal "$run: no statement has run twice" "$(run_twice)" 0
    check "$run: no event is left" until_true queue_is_empty "$RINGBACK_EVENT_QUEUE_URL"
    end_stack
}

table sqlite
if [[ -z ${POSTGRES_URL:-} ]]; then
    not_ok "$tracker, postgres" 'POSTGRES_URL is not set'
else
    table postgres
fi
secrets_kept 'no token, no SQL and no credential is in a log'
finish
