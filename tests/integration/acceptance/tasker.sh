# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: the numbered bugs of P3.
# shellcheck disable=SC2016,SC2034,SC2154

# Prints a completion event of a statement with the name $1; without one when there is no $1.
event_of() {
    jq -cn '{version: "0", id: "5b1c8e4a-0b8a-4d5e-9d0c-1f2e3d4c5b6a", source: "aws.redshift-data",
        "detail-type": "Redshift Data Statement Status Change", account: "000000000000",
        time: "2026-11-20T15:20:28Z", region: "us-east-1", resources: [], detail: {
            principal: "arn:aws:sts::000000000000:assumed-role/other/other",
            statementId: "5b1c8e4a-0b8a-4d5e-9d0c-1f2e3d4c5b6a", redshiftQueryId: 7,
            state: "FINISHED", rows: 1, expireAt: 1795274428}}
        | if $ARGS.positional == [] then . else .detail.statementName = $ARGS.positional[0] end' \
        --args "$@"
}

foreign_events() {
    local before parked
    before=$(metric events_foreign_total)
    parked=$(metric events_parked_total)
    send "$RINGBACK_EVENT_QUEUE_URL" "$(event_of nightly-unload)"
    send "$RINGBACK_EVENT_QUEUE_URL" "$(event_of)"
    send "$RINGBACK_EVENT_QUEUE_URL" "$(event_of "$(new_execution):1700000000.123456")"
    send "$RINGBACK_EVENT_QUEUE_URL" "$(event_of elsewhere/abcdefghijklmnopqrstuvwxyz234567/1.1)"
    submit "$(sql 'select 1')"
    so 'what is ours is rung back' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    comes 'they are acknowledged' queue_is_empty "$RINGBACK_EVENT_QUEUE_URL"
    is 'as foreign, at first sight' "$(metric events_foreign_total)" $((before + 4))
    is 'none is kept' "$(metric events_parked_total)" "$parked"
}

next_token() {
    local action=getStatementResult first=1 last=0 token=null pages=0
    run_sql "$(numbers 2500)"
    until [[ $token == '' ]] || ((++pages > 5)); do
        post "$(jq -cn --arg id "$statement" --argjson token "$token" \
            '{action: "getStatementResult", statementId: $id, nextToken: $token}')"
        so "page $pages begins where the one before has ended" "$reply" \
            '.Records[0][0].longValue == $last + 1' --argjson last "$last" || return
        last=$(jq '.Records[-1][0].longValue' <<<"$reply")
        token=$(jq '.NextToken // empty' <<<"$reply")
    done
    is 'all rows, once' "$pages pages, last $last" '3 pages, last 2500'
}

latest_without_token() {
    local arn
    arn=$(new_execution)
    post "$(sql 'select 1' "{\"executionArn\":\"$arn\"}")"
    statement=$(jq -r .Id <<<"$reply")
    post "$(latest describeStatement "$arn")"
    is 'LATEST is it' "$code $(jq -r .Id <<<"$reply")" "200 $statement"
}

token_alone() {
    submit "$(sql 'select 1' '{"action":"executeStatement"}')"
    so 'the task ends' "$(ended_task "$task")" '.state == "SUCCEEDED" and .accepted == 1'
}

aborted_not_failed() {
    submit "$(sql 'select pg_sleep(60)')"
    cancel_statement "$(jq -r .Id <<<"$reply")"
    so 'aborted' "$(ended_task "$task")" '.error == "ABORTED"'
    submit "$(sql 'select * from acceptance_no_such_table')"
    so 'failed' "$(ended_task "$task")" '.error == "FAILED"'
}

# The task has gone before its statement is aborted.
late_aborted() {
    local parked
    parked=$(metric events_parked_total)
    submit "$(sql 'select pg_sleep(60)')"
    curl -sS -X DELETE "$control_url/tasks/$task" -o /dev/null
    cancel_statement "$(jq -r .Id <<<"$reply")"
    comes 'it settles' invocation_is "$id" '.SettledAt != null and .Outcome == "ABORTED"'
    so 'the callback is closed' "$(invocation "$id")" '.Callback == "closed"'
    send "$RINGBACK_EVENT_QUEUE_URL" \
        "$(event_of "ringback/$id/1.1" | jq -c '.detail.state = "ABORTED"')"
    comes 'its event is acknowledged' queue_is_empty "$RINGBACK_EVENT_QUEUE_URL"
    is 'and not kept' "$(metric events_parked_total)" "$parked"
}

lost_event() {
    local before
    service_with RINGBACK_OVERDUE_SECONDS=1
    before=$(metric endings_by_sweep_total)
    faults '{"drop-events": 1}'
    submit "$(sql 'select 1')"
    so 'the caller is rung back' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.ringback.learnedFrom == "sweep" and .output.detail.state == "FINISHED"'
    is 'and the loss is counted' "$(metric endings_by_sweep_total)" $((before + 1))
    faults '{}'
    service_with
}

redrive_lists() {
    local name=ringback/abcdefghijklmnopqrstuvwxyz234567/1.1 parked
    parked=$(metric events_parked_total)
    send "$RINGBACK_EVENT_QUEUE_URL" "$(event_of "$name")"
    comes 'an event without a record is kept' metric_is events_parked_total $((parked + 1))
    comes 'and does not stay in the queue' queue_is_empty "$RINGBACK_EVENT_QUEUE_URL"
    env -u RINGBACK_URL "$ringback" redrive >"$scratch/said" 2>&1
    so 'it is listed with its reason' "$(jq -Rs . "$scratch/said")" 'contains("orphan")'
}

refused_submit() {
    local arn good
    arn=$(new_execution)
    run_sql 'select 1' "{\"executionArn\":\"$arn\"}"
    good=$statement
    post "$(sql 'select 1' "{\"executionArn\":\"$arn\",\"parameters\":[{\"name\":\"unused\",\"value\":\"1\"}]}")"
    is 'the refusal is the reply' "$code $(jq -r .errorType <<<"$reply")" '400 ValidationException'
    post "$(latest describeStatement "$arn")"
    is 'LATEST is the one that has run' "$code $(jq -r .Id <<<"$reply")" "200 $good"
}

repeated_request() {
    local arn body first
    arn=$(new_execution)
    submit "$(sql 'select pg_sleep(1)' "{\"executionArn\":\"$arn\"}")"
    first=$reply
    post "$(sql 'select pg_sleep(1)' "{\"executionArn\":\"$arn\",\"taskToken\":\"$task_token\"}")"
    is 'the same request again' "$code $(jq -r .Id <<<"$reply")" "200 $(jq -r .Id <<<"$first")"
    so 'one callback' "$(ended_task "$task")" '.accepted == 1 and .refused == 0'
    so 'one statement, which ran once' "$(curl -sS "$control_url/statements")" \
        '[.statements[] | select(.name // "" | startswith("ringback/" + $id))]
        | length == 1 and .[0].submits == 1 and .[0].runs == 1' --arg id "$id"
}

# Connections break off after the statement was taken, or before; nobody can tell which.
lost_reply() {
    local n tasks=()
    faults '{"reset.ExecuteStatement": 0.7, "seed": 5}'
    for n in {1..4}; do
        submit "$(sql "select $n")"
        tasks+=("$task")
    done
    faults '{}'
    for n in "${tasks[@]}"; do
        so 'the caller is rung back' "$(ended_task "$n")" '.state == "SUCCEEDED" and .accepted == 1'
    done
    is 'nothing has run twice' "$(run_twice)" 0
}

latest_by_tracker() {
    local arn before
    arn=$(new_execution)
    before=$(calls_of ListStatements)
    post "$(sql 'select pg_sleep(60)' "{\"executionArn\":\"$arn\"}")"
    post "$(latest describeStatement "$arn")"
    is 'described' "$code" 200
    post "$(latest cancelStatement "$arn")"
    is 'cancelled' "$code" 200
    is 'no list was asked for' "$(calls_of ListStatements)" "$before"
}

# Many branches of one execution, whose names all begin alike.
latest_of_branches() {
    local arn n
    arn=$(new_execution)
    for n in {1..24}; do
        post "$(sql "select $n" "{\"executionArn\":\"$arn\"}")"
    done
    statement=$(jq -r .Id <<<"$reply")
    until_true statement_has_ended "$statement"
    post "$(latest getStatementResult "$arn")"
    so 'LATEST is the newest' "$reply" '.Records == [[{longValue: 24}]]'
    so 'and each can be told by its name' "$(curl -sS -G "$RINGBACK_URL/invocations" \
        --data-urlencode "group=$arn" -d limit=100)" '.Invocations | length == 24
        and ([.[].InvocationId] | unique | length == 24)'
}

# With a single thread for everything, no message is received twice.
one_worker() {
    local n pids=() before
    service_with RINGBACK_WORKERS=1
    before=$(metric events_received_total)
    for n in {1..30}; do
        curl -sS -o /dev/null "$RINGBACK_URL/invocations" \
            --data "$(sql "select $n" "{\"replyTo\":{\"queueUrl\":\"$RINGBACK_REQUEST_QUEUE_URL-none\"}}")" &
        pids+=($!)
    done
    wait "${pids[@]}"
    comes 'every ending is learned' metric_is outcomes_finished_total 30
    is 'by one message each' "$(($(metric events_received_total) - before))" 30
    service_with
}

secrets_sealed() {
    local found
    submit "$(sql 'select pg_sleep(60)')"
    dump_store >"$scratch/store"
    grep -qF "ringback/$id" "$scratch/store" || grep -qF "$id" "$scratch/store" ||
        problem=${problem:-'the store was not looked into'}
    is 'the SQL is not readable in the store' "$(grep -cF "$marker" "$scratch/store")" 0
    is 'nor the token' "$(grep -cF "${task_token:24:80}" "$scratch/store")" 0
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" -o /dev/null
    ended_task "$task" >/dev/null
    cat "$stack_dir"/*.log >"$scratch/log"
    is 'nor in a log' "$(grep -cFe "$marker" -e "$task_token" "$scratch/log")" 0
}

own_completer_text() {
    local others=()
    stop_daemon "$serve_pid"
    other_daemon completer
    other_daemon invoker DB_USER=user2
    submit "$(sql 'select * from acceptance_no_such_table')"
    so 'the text is there' "$(ended_task "$task")" '.error == "FAILED"
        and (.cause.detail.error | contains("acceptance_no_such_table"))'
    end_others
}

statement_role() {
    local before
    before=$(calls_of AssumeRole)
    service_with RINGBACK_STATEMENT_ROLE_ARN=arn:aws:iam::000000000000:role/statements
    submit "$(sql 'select * from acceptance_no_such_table')"
    so 'the text is there' "$(ended_task "$task")" \
        '.cause.detail.error | contains("acceptance_no_such_table")'
    is 'the role was assumed' "$(($(calls_of AssumeRole) > before))" 1
    service_with
}

large_cause() {
    local cause
    submit "$(sql "select cast('$(printf 'x%.0s' {1..100000})' as integer) from (select 1) as t where nosuch = 1")"
    until_true task_is_closed "$task"
    cause=$(task_of "$task" | jq -r .cause)
    is 'not more than 32768 bytes' "$((${#cause} <= 32768))" 1
    so 'and still the event with an error' "$cause" '.detail.state == "FAILED"
        and (.detail.error | length > 10)'
}

dead_tokens() {
    submit "$(sql 'select pg_sleep(1)')"
    curl -sS -X DELETE "$control_url/tasks/$task" -o /dev/null
    comes 'a task that has gone: closed' invocation_is "$id" '.Callback == "closed"'
    post "$(sql 'select 1' '{"taskToken":"this-is-no-token"}')"
    id=$(jq -r .InvocationId <<<"$reply")
    comes 'a token that is none: undeliverable' invocation_is "$id" '.Callback == "undeliverable"'
    so 'both are settled' "$(invocation "$id")" '.SettledAt != null'
    comes 'nothing comes back' queue_is_empty "$RINGBACK_EVENT_QUEUE_URL"
}

sessions() {
    local session
    post "$(sql 'create temporary table acceptance_t as select 7 as v' '{"sessionKeepAliveSeconds":60}')"
    session=$(jq -r .SessionId <<<"$reply")
    until_true statement_has_ended "$(jq -r .Id <<<"$reply")"
    submit "$(sql 'select v from acceptance_t' "{\"target\":{\"sessionId\":\"$session\"}}")"
    so 'a temporary table lives on' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.detail.rows == 1'
}

# Prints a request with the statements that follow the mode $1.
several() {
    local mode=$1
    shift
    printf '%s\n' "$@" | jq -cR --arg marker "$marker" '. + " -- " + $marker' |
        jq -cs --arg mode "$mode" '{sqlStatements: ., mode: $mode}'
}

batches() {
    local t=acceptance_b$RANDOM
    run_sql "create table $t (v integer)"
    submit "$(several transaction "insert into $t values (1)" 'select * from acceptance_no_such_table')"
    so 'one that fails' "$(ended_task "$task")" '.error == "FAILED"'
    is 'leaves nothing' "$(value_of "select count(*) from $t")" 0
    submit "$(several transaction "insert into $t values (1)" "insert into $t values (2)")"
    so 'one that does not' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    is 'does both' "$(value_of "select count(*) from $t")" 2
    run_sql "drop table $t"
}

heartbeats() {
    submit "$(sql 'select pg_sleep(60)' '{"heartbeatSeconds":3}')" '{"heartbeatSeconds":30}'
    comes 'they are sent' task_has_heartbeats "$task"
    curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel" -o /dev/null
    ended_task "$task" >/dev/null
}

task_has_heartbeats() {
    (($(task_of "$1" | jq .heartbeats) >= 1))
}

auto_cancel() {
    submit "$(sql 'select pg_sleep(60)' '{"heartbeatSeconds":3}')" '{"heartbeatSeconds":30}'
    statement=$(jq -r .Id <<<"$reply")
    curl -sS -X DELETE "$control_url/tasks/$task" -o /dev/null
    comes 'the statement is cancelled' statement_is "$statement" ABORTED
    comes 'and settled' invocation_is "$id" '.Outcome == "ABORTED" and .Callback == "closed"'
}

metrics() {
    local name
    for name in requests_accepted_total outcomes_failed_total callbacks_delivered_total \
        endings_by_sweep_total events_foreign_total; do
        so "$name" "$(metric "$name" | jq -s '{values: .}')" '.values | length == 1 and all(type == "number")'
    done
}

target_per_request() {
    post "$(sql 'select 1' '{"target":{"clusterIdentifier":"other","database":"db2","dbUser":"u2"}}')"
    so 'it runs there' "$reply" '.ClusterIdentifier == "other" and .Database == "db2" and .DbUser == "u2"'
}

reply_to_queue() {
    local replies
    replies=$(create_queue "acceptance-$RANDOM")
    post "$(sql 'select 1' "{\"replyTo\":{\"queueUrl\":\"$replies\"}}")"
    so 'the outcome is in the queue' "$(take_message "$replies" | jq -c '.Body | fromjson')" \
        '.outcome == "FINISHED" and .output.detail.state == "FINISHED"'
}

utc_times() {
    service_with TZ=Asia/Tokyo
    submit "$(sql 'select 1')"
    ended_task "$task" >/dev/null
    so 'times are now' "$(invocation "$id")" '[.CreatedAt, .UpdatedAt, .EndedAt]
        | all(.[:19] + "Z" | fromdate - now | . > -120 and . < 120)'
    service_with
}

no_collision() {
    local n pids=()
    for n in {1..30}; do
        curl -sS "$RINGBACK_URL/invocations" --data "$(sql 'select 1')" -o "$scratch/same.$n" &
        pids+=($!)
    done
    wait "${pids[@]}"
    so 'each is accepted under its own name' "$(jq -cs . "$scratch"/same.*)" \
        '[.[].StatementName] | length == 30 and all(type == "string") and (unique | length == 30)'
}

one_process() {
    printf '%s' '{"etl": {"clusterIdentifier": "c1", "database": "dev", "dbUser": "etl"},
        "bi": {"workgroupName": "w-2", "database": "sales"}}' >"$scratch/targets"
    service_with RINGBACK_TARGETS_FILE="$scratch/targets"
    post "$(sql 'select 1' '{"target":"etl"}')"
    so 'one' "$reply" '.ClusterIdentifier == "c1" and .DbUser == "etl"'
    post "$(sql 'select 1' '{"target":"bi"}')"
    so 'the other' "$reply" '.WorkgroupName == "w-2" and .Database == "sales"'
    service_with
}
