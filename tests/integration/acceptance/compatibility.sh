# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: the compatibility list, and P0 and P1.
# shellcheck disable=SC2016,SC2034,SC2154

# ---- 1: the requests of P3 -----------------------------------------------------------------------

p3_execute() {
    local arn
    arn=$(new_execution)
    submit "$(sql 'select 1 as one' "{\"action\":\"executeStatement\",\"executionArn\":\"$arn\"}")"
    is 'status' "$code" 202
    so 'the reply is that of the Data API' "$reply" '(.Id | length == 36)
        and (.CreatedAt | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}[.][0-9]{3}Z$"))
        and .ClusterIdentifier == $cluster and .Database == $database and .DbUser == $user' \
        --arg cluster "$CLUSTER_IDENTIFIER" --arg database "$DATABASE" --arg user "$DB_USER"
    so 'the task is rung back' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    post "$(sql 'select 1 as one')"
    so 'sqlStatement alone is enough' "$reply" '.Id | length == 36'
}

p3_describe() {
    local arn one
    arn=$(new_execution)
    run_sql 'select 1 as one' "{\"executionArn\":\"$arn\"}"
    post "{\"action\":\"describeStatement\",\"statementId\":\"$statement\"}"
    one=$reply
    is 'status' "$code" 200
    so 'by id: the document of the Data API, times as text' "$one" '.Id == $id
        and .Status == "FINISHED" and .HasResultSet and .ResultRows == 1 and .RedshiftPid != null
        and (.QueryString | startswith("select 1 as one"))
        and ([.CreatedAt, .UpdatedAt] | all(type == "string" and endswith("Z")))' --arg id "$statement"
    post "$(latest describeStatement "$arn")"
    so 'LATEST: the same' "$reply" '.Id == $one.Id and .Status == $one.Status' --argjson one "$one"
}

p3_cancel() {
    local arn
    arn=$(new_execution)
    post "$(sql 'select pg_sleep(60)' "{\"executionArn\":\"$arn\"}")"
    statement=$(jq -r .Id <<<"$reply")
    post "$(latest cancelStatement "$arn")"
    is 'LATEST' "$code $reply" '200 {"Status":true}'
    comes 'it is aborted' statement_is "$statement" ABORTED
    post "$(sql 'select pg_sleep(60)')"
    statement=$(jq -r .Id <<<"$reply")
    post "{\"action\":\"cancelStatement\",\"statementId\":\"$statement\"}"
    is 'by id' "$code $reply" '200 {"Status":true}'
    comes 'that one too' statement_is "$statement" ABORTED
}

p3_result() {
    local arn
    arn=$(new_execution)
    run_sql 'select 6 as six' "{\"executionArn\":\"$arn\"}"
    post "$(latest getStatementResult "$arn")"
    so 'LATEST' "$reply" '.Records == [[{longValue: 6}]] and .ColumnMetadata[0].name == "six"
        and .TotalNumRows == 1 and (has("NextToken") | not)'
    local one=$reply
    post "{\"action\":\"getStatementResult\",\"statementId\":\"$statement\"}"
    is 'by id' "$reply" "$one"
}

# Prints the action $1 on the latest statement of the execution $2.
latest() {
    jq -cn --arg action "$1" --arg arn "$2" \
        '{action: $action, statementId: "LATEST", executionArn: $arn}'
}

p3_errors() {
    post '{"statement": "select 1"}'
    is 'no known request' "$code $(jq -r .errorType <<<"$reply")" '400 InvalidRequest'
    post '{"action": "describeStatement", "statementId": "LATEST"}'
    is 'LATEST without executionArn' "$code $(jq -r .errorType <<<"$reply")" '400 InvalidRequest'
    post "$(latest describeStatement "$(new_execution)")"
    is 'LATEST of nothing' "$code $(jq -r .errorType <<<"$reply")" '404 PreviousExecutionNotFound'
    post '{"action": "describeStatement", "statementId": "11111111-2222-4333-8444-555555555555"}'
    is 'an Id that is none: the exception of the Data API' \
        "$code $(jq -r .errorType <<<"$reply")" '400 ResourceNotFoundException'
    is 'no such invocation' "$(curl -sS "$RINGBACK_URL/invocations/$(printf 'a%.0s' {1..32})" |
        jq -r .errorType)" NoTrackedState
}

# ---- 2: its environment --------------------------------------------------------------------------

environment() {
    service_with CLUSTER_IDENTIFIER=second DATABASE=sales DB_USER=loader LOG_LEVEL=DEBUG
    post "$(sql 'select 1')"
    so 'they are where statements run' "$reply" '.ClusterIdentifier == "second"
        and .Database == "sales" and .DbUser == "loader"'
    is 'LOG_LEVEL: nothing but errors, and where it listens' \
        "$(jq -r 'select(.message != "listening").level' "$daemon_log" | grep -vc ERROR)" 0
    service_with
}

# Details go that long after the end.
ttl_days() {
    service_with TTL=3
    submit "$(sql 'select 1')"
    comes 'it is settled' invocation_is "$id" '.SettledAt != null'
    so 'three days' "$(invocation "$id")" 'def seconds: .[:19] + "Z" | fromdate;
        (.DueAt | seconds) - (.SettledAt | seconds) | . >= 3 * 86400 - 1 and . <= 3 * 86400 + 1'
    service_with
    start_fails TTL=two
    is 'no integer: it does not start' "$failed_with" 2
    so 'and says which' "$(jq -Rs . "$scratch/said")" 'contains("TTL") and contains("integer")'
}

# `ringback serve` with the setting $1 ends at once; sets failed_with, its status.
start_fails() {
    RINGBACK_HTTP_LISTEN=127.0.0.1:0 RINGBACK_ADMIN_LISTEN=127.0.0.1:0 \
        env -u RINGBACK_TRACKER_URL "$@" timeout 20 "$ringback" serve 2>"$scratch/said"
    failed_with=$?
}

# The setting names a table, so its store is DynamoDB whatever the others use.
its_store() {
    local table=acceptance-$$ with
    with=(env -u RINGBACK_TRACKER_URL -u RINGBACK_URL "AWS_ENDPOINT_URL_DYNAMODB=$DYNAMODB_URL"
        "DDB_TABLE_NAME=$table")
    is 'the table is made' "$("${with[@]}" "$ringback" doctor --create-table | grep -c ' table: made$')" 1
    service_with "${with[@]}"
    post "$(sql 'select 1')"
    id=$(jq -r .InvocationId <<<"$reply")
    comes 'it is settled' invocation_is "$id" '.SettledAt != null'
    so 'it is in the table' "$("${with[@]}" "$ringback" list --json)" '.Invocations[0].InvocationId == $id' \
        --arg id "$id"
    service_with
    is 'RINGBACK_TRACKER_URL is another store' "$(curl -sS -o /dev/null -w '%{http_code}' \
        "$RINGBACK_URL/invocations/$id")" 404
}

no_such_store() {
    start_fails DDB_TABLE_NAME=tracking
    is 'it does not start' "$failed_with" 2
    so 'and says why' "$(jq -Rs . "$scratch/said")" 'contains("dynamodb")'
}

# ---- 3: what comes back --------------------------------------------------------------------------

event_out() {
    local ended
    submit "$(sql 'select 1')"
    ended=$(ended_task "$task")
    so 'success is the event' "$ended" '.state == "SUCCEEDED" and (.output
        | .source == "aws.redshift-data"
        and ."detail-type" == "Redshift Data Statement Status Change"
        and .detail.state == "FINISHED" and .detail.statementName == $name)' \
        --arg name "ringback/$id/1.1"
    submit "$(sql 'select * from acceptance_no_such_table')"
    so 'failure is FAILED, with the event and its error' "$(ended_task "$task")" '.error == "FAILED"
        and .cause.source == "aws.redshift-data" and .cause.detail.state == "FAILED"
        and (.cause.detail.error | contains("acceptance_no_such_table"))'
}

statement_out() {
    submit "$(sql 'select 1' '{"output":"statement"}')"
    so 'the statement' "$(ended_task "$task")" '.output | .Status == "FINISHED" and .ResultRows == 1
        and (.Duration | type == "number") and (has("detail") | not)'
    submit "$(sql 'select 1')"
    so 'not unless it is asked for' "$(ended_task "$task")" '.output | has("detail") and (has("Status") | not)'
}

# ---- 4: deployments ------------------------------------------------------------------------------

# Starts `ringback $1` with the settings that follow; sets daemon_pid, for an invoker RINGBACK_URL.
other_daemon() {
    start_daemon "$@" || problem=${problem:-"$1 starts: $(tail -n 1 "$daemon_log")"}
    others+=("$daemon_pid")
}

# Stops what other_daemon has started, and starts the usual service.
end_others() {
    local pid
    for pid in "${others[@]}"; do
        stop_daemon "$pid"
    done
    service_with
}

# Two invokers for two users and one completer, each a process; the usual service is stopped.
two_invokers() {
    local tasks=() n others=() one_url
    stop_daemon "$serve_pid"
    other_daemon completer
    other_daemon invoker DB_USER=user1
    one_url=$RINGBACK_URL
    other_daemon invoker DB_USER=user2
    for n in {1..6}; do
        submit "$(sql "select $n")"
        so 'one invoker is for user2' "$reply" '.DbUser == "user2"'
        tasks+=("$task")
        RINGBACK_URL=$one_url submit "$(sql "select $n")"
        so 'the other for user1' "$reply" '.DbUser == "user1"'
        tasks+=("$task")
    done
    for n in "${tasks[@]}"; do
        so 'all are rung back once' "$(ended_task "$n")" '.state == "SUCCEEDED" and .accepted == 1'
    done
    end_others
}

# A service that knows the tracker, the queue and the key finishes what another has begun.
shared_parts() {
    local others=()
    stop_daemon "$serve_pid"
    start_daemon invoker
    submit "$(sql 'select 1')"
    is 'one process takes it' "$code" 202
    stop_daemon "$daemon_pid"
    other_daemon completer
    so 'another rings back' "$(ended_task "$task")" '.state == "SUCCEEDED" and .accepted == 1'
    end_others
}

# ---- 7: notifications and schedules --------------------------------------------------------------

# Prints what was published to $1, a list of {outcome, body}.
published_to() {
    curl -sS "$control_url/published" | jq -c --arg target "$1" \
        '[.published[] | select(.target == $target) | .body | fromjson]'
}

was_published_to() {
    [[ $(published_to "$1") != '[]' ]]
}

# The one topic is told of successes alone, the other of failures alone.
notifications() {
    local good=arn:aws:sns:us-east-1:000000000000:good-$RANDOM bad=arn:aws:sns:us-east-1:000000000000:bad-$RANDOM notify
    notify="{\"notify\":{\"onSuccess\":{\"topicArn\":\"$good\"},\"onFailure\":{\"topicArn\":\"$bad\"}}}"
    submit "$(sql 'select 1' "$notify")"
    so 'the task succeeds' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    comes 'one is told of the success' was_published_to "$good"
    submit "$(sql 'select * from acceptance_no_such_table' "$notify")"
    so 'the task fails' "$(ended_task "$task")" '.state == "FAILED"'
    comes 'the other of the failure' was_published_to "$bad"
    so 'the success' "$(published_to "$good")" 'length == 1 and .[0].outcome == "FINISHED"
        and .[0].output.detail.state == "FINISHED"'
    so 'the failure, with its text' "$(published_to "$bad")" 'length == 1 and .[0].outcome == "FAILED"
        and (.[0].cause.detail.error | contains("acceptance_no_such_table"))'
}

# A rule's event, as EventBridge puts it on the request queue.
schedule() {
    local replies
    replies=$(create_queue "acceptance-$RANDOM")
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(sql 'select 1' "{\"replyTo\":{\"queueUrl\":\"$replies\"}}" |
        jq -c '{version: "0", id: "c0ffee00-0000-4000-8000-000000000000", "detail-type": "Nightly",
            source: "my.scheduler", account: "000000000000", time: "2026-11-20T15:20:28Z",
            region: "us-east-1", resources: [], detail: .}')"
    so 'it is run and told' "$(take_message "$replies" | jq -c '.Body | fromjson')" '.outcome == "FINISHED"'
}

# ---- P0 ------------------------------------------------------------------------------------------

# The statement is aborted by somebody else; nobody waits for a deadline.
aborted_ends() {
    submit "$(sql 'select pg_sleep(60)')"
    cancel_statement "$(jq -r .Id <<<"$reply")"
    so 'the caller is told' "$(ended_task "$task")" '.state == "FAILED" and .error == "ABORTED"'
}

# Cancels the statement $1 past ringback.
cancel_statement() {
    jq -n --arg id "$1" '{Id: $id}' | aws_call redshift-data RedshiftData.CancelStatement >/dev/null
}

documented_policy() {
    local actions
    actions=$(awk '/^<!-- policy -->$/ {found = 1} found && /^```$/ {exit} found && !/^(<|`)/' \
        docs/operations.md | jq -c '[.Statement[].Action | if type == "array" then .[] else . end]')
    so 'the actions' "$actions" 'contains(["redshift-data:ExecuteStatement",
        "redshift-data:DescribeStatement", "redshift-data:CancelStatement",
        "redshift:GetClusterCredentials"]) and (map(select(startswith("redshiftdata:"))) == [])'
}

no_polling() {
    local before
    before=$(calls_of DescribeStatement)
    submit "$(sql 'select pg_sleep(2)')"
    so 'rung back' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.ringback.learnedFrom == "event"'
    is 'without a look at the statement' "$(calls_of DescribeStatement)" "$before"
}

error_text() {
    submit "$(sql 'select * from acceptance_no_such_table')"
    so 'it is in the cause' "$(ended_task "$task")" \
        '.cause.detail.error | contains("acceptance_no_such_table")'
}

cancel_by_id() {
    submit "$(sql 'select pg_sleep(60)')"
    statement=$(jq -r .Id <<<"$reply")
    is 'taken' "$(curl -sS -X POST "$RINGBACK_URL/invocations/$id/cancel")" '{"Status":true}'
    so 'the caller is told' "$(ended_task "$task")" '.error == "ABORTED"'
    is 'the statement has stopped' "$(statement_of "$statement" | jq -r .status)" ABORTED
}

# Two ticks of one hour come while the work of the first is under way.
one_work() {
    local key=nightly/$RANDOM$RANDOM first
    post "$(sql 'select pg_sleep(1)' "{\"requestKey\":\"$key\"}")"
    first=$(jq -r .Id <<<"$reply")
    post "$(sql 'select pg_sleep(1)' "{\"requestKey\":\"$key\"}")"
    is 'the second is the first' "$code $(jq -r .Id <<<"$reply")" "200 $first"
}

own_names() {
    local one
    submit "$(sql 'select 1')"
    one=$(jq -r .StatementName <<<"$reply")
    submit "$(sql 'select 1')"
    so 'two names' "$reply" '.StatementName != $one and (.StatementName | startswith("ringback/"))' \
        --arg one "$one"
}

all_targets() {
    local cluster='"clusterIdentifier":"c1","database":"dev"' group='"workgroupName":"w-1","database":"dev"'
    local secret='"secretArn":"arn:aws:secretsmanager:us-east-1:000000000000:secret:s-AbCdEf"' way
    for way in "$cluster" "$cluster,\"dbUser\":\"u\"" "$cluster,$secret" "$group" "$group,$secret"; do
        submit "$(sql 'select 1' "{\"target\":{$way}}")"
        so "$way" "$reply" '.Id | length == 36'
        so "$way is rung back" "$(ended_task "$task")" '.state == "SUCCEEDED"'
    done
    post "$(sql 'select 1' "{\"target\":{$group,\"clusterIdentifier\":\"c\"}}")"
    is 'two at once are refused' "$code $(jq -r .errorType <<<"$reply")" '400 InvalidRequest'
}

deadline_stops() {
    submit "$(sql 'select pg_sleep(60)' '{"timeoutSeconds":1}')"
    statement=$(jq -r .Id <<<"$reply")
    so 'the caller is told' "$(ended_task "$task")" '.error == "TIMED_OUT"'
    is 'the statement has stopped' "$(statement_of "$statement" | jq -r .status)" ABORTED
}

# ---- P1 ------------------------------------------------------------------------------------------

failure_fails() {
    submit "$(sql 'select * from acceptance_no_such_table')"
    so 'the task fails' "$(ended_task "$task")" '.state == "FAILED" and .accepted == 1'
}

row_count() {
    submit "$(sql "$(numbers 2500)")"
    so 'rows of three pages' "$(ended_task "$task")" '.output.detail.rows == 2500
        and .output.ringback.steps[0].ResultRows == 2500'
}

no_rows() {
    local t=acceptance_n$RANDOM
    submit "$(sql "create table $t (v integer)")"
    so 'it finishes' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    submit "$(sql "drop table $t")"
    ended_task "$task" >/dev/null
}

aborted_name() {
    submit "$(sql 'select pg_sleep(60)')"
    cancel_statement "$(jq -r .Id <<<"$reply")"
    so 'its name' "$(ended_task "$task")" '.error == "ABORTED" and .cause.detail.state == "ABORTED"'
}

parameters() {
    local given='{"parameters":[{"name":"v","value":"it'"'"'s"}]}'
    post "$(sql 'select cast(:v as varchar(10)) as v' "$given")"
    statement=$(jq -r .Id <<<"$reply")
    until_true statement_has_ended "$statement"
    post "{\"action\":\"getStatementResult\",\"statementId\":\"$statement\"}"
    so 'it has the value' "$reply" '.Records == [[{stringValue: "it\u0027s"}]]'
}
