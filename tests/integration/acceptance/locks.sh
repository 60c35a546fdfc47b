# shellcheck shell=bash
# Sourced by tests/integration/acceptance.sh: singletons and retries.
# shellcheck disable=SC2016,SC2034,SC2154

# Posts $1 requests at once, each with a token of its own, every other one to the service at
# $other_url; the rest of the arguments is for sql. Sets tasks; replies are the files one.N, as
# {code, reply}.
post_at_once() {
    local n pids=() url count=$1
    shift
    tasks=()
    rm -f "$scratch"/one.*
    for ((n = 0; n < count; n++)); do
        new_task '{}'
        tasks+=("$task")
        url=$RINGBACK_URL
        ((n % 2 == 0)) || url=${other_url:-$RINGBACK_URL}
        curl -sS -m 60 -w '\n%{http_code}' "$url/invocations" \
            --data "$(jq -c --arg token "$task_token" '. + {taskToken: $token}' <<<"$(sql "$@")")" \
            -o "$scratch/one.$n" -w '%{http_code}' >"$scratch/one.$n.code" &
        pids+=($!)
    done
    wait "${pids[@]}"
    for ((n = 0; n < count; n++)); do
        jq -c --argjson code "$(cat "$scratch/one.$n.code")" '{code: $code, reply: .}' "$scratch/one.$n"
    done >"$scratch/one.all"
}

# Ten at once, by two processes: nobody else keeps them apart than the lock.
one_winner() {
    local arn other_url n winner usual_admin_url=$admin_url
    arn=$(new_execution)
    other_url=$RINGBACK_URL
    start_daemon invoker
    post_at_once 10 "select pg_sleep(60), '$arn'" \
        "{\"action\":\"executeSingletonStatement\",\"executionArn\":\"$arn\"}"
    so 'one is taken, nine are refused' "$(jq -s . "$scratch/one.all")" '
        ([.[] | select(.code == 202)] | length == 1)
        and ([.[] | select(.code == 409 and .reply.errorType == "ConcurrentExecution")] | length == 9)'
    winner=$(jq -r 'select(.code == 202).reply.InvocationId' "$scratch/one.all")
    so 'the winner runs' "$(invocation "$winner")" '.Statement == "running"'
    cancel_invocation "$winner"
    comes 'and ends' invocation_is "$winner" '.Outcome == "ABORTED" and .SettledAt != null'
    is 'no other task was touched' "$(for n in "${tasks[@]}"; do task_of "$n"; done |
        jq -s '[.[] | select(.state == "RUNNING" and .accepted + .refused == 0)] | length')" 9
    stop_daemon "$daemon_pid"
    export RINGBACK_URL=$other_url
    admin_url=$usual_admin_url
}

# Asks the invocation $1 to stop.
cancel_invocation() {
    curl -sS -X POST "$RINGBACK_URL/invocations/$1/cancel" -o /dev/null
}

singleton_frees() {
    local body
    body=$(sql "select pg_sleep(60), '$RANDOM$RANDOM'" '{"action":"executeSingletonStatement"}')
    post "$body"
    is 'the first' "$code" 202
    id=$(jq -r .InvocationId <<<"$reply")
    post "$body"
    is 'the second, while it runs' "$code $(jq -r .errorType <<<"$reply")" '409 ConcurrentExecution'
    cancel_invocation "$id"
    comes 'the first has ended' invocation_is "$id" '.Outcome == "ABORTED"'
    post "$body"
    is 'the third, after it' "$code" 202
    cancel_invocation "$(jq -r .InvocationId <<<"$reply")"
}

# The same text is other work elsewhere; spaces and comments make no other work.
singleton_place() {
    local text="select pg_sleep(60), '$RANDOM$RANDOM'" body one
    body='{"action":"executeSingletonStatement"}'
    post "$(sql "$text" "$body")"
    is 'one database' "$code" 202
    one=$(jq -r .InvocationId <<<"$reply")
    post "$(sql "$text" "$(jq -c '. + {target: {clusterIdentifier: "elsewhere", database: "dev"}}' <<<"$body")")"
    is 'another cluster' "$code" 202
    cancel_invocation "$(jq -r .InvocationId <<<"$reply")"
    post "$(sql "  ${text/, /,
        } /* again */" "$body")"
    is 'the same, written otherwise' "$code $(jq -r .errorType <<<"$reply")" '409 ConcurrentExecution'
    cancel_invocation "$one"
}

# Any work, a batch too, can be locked under a name of the caller's; lists of statements are not
# needed for it.
singleton_key() {
    local key=load-$RANDOM$RANDOM before first first_id
    before=$(calls_of ListStatements)
    submit "$(several transaction 'select pg_sleep(60)' 'select 1' |
        jq -c --arg key "$key" '. + {singleton: {key: $key, onConflict: "fail"}}')"
    first=$task first_id=$id
    submit "$(sql 'select 1' "{\"singleton\":{\"key\":\"$key\",\"onConflict\":\"fail\"}}")"
    is 'fail' "$code $(jq -r .errorType <<<"$reply")" '409 ConcurrentExecution'
    submit "$(sql 'select 1' "{\"singleton\":{\"key\":\"$key\",\"onConflict\":\"skip\"}}")"
    so 'skip' "$reply" '.ringback.skipped == true' || problem="$problem $code"
    submit "$(sql 'select 1' "{\"singleton\":{\"key\":\"$key\",\"onConflict\":\"queue\"}}")"
    is 'queue' "$code" 202
    so 'the queued one waits' "$(invocation "$id")" '.Statement == "waiting"'
    cancel_invocation "$first_id"
    so 'the first ends' "$(ended_task "$first")" '.error == "ABORTED"'
    so 'then the queued one runs' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    is 'no list was asked for' "$(calls_of ListStatements)" "$before"
}

# ---- Retries -------------------------------------------------------------------------------------

# A table that is missing at first.
retry_works() {
    local t=acceptance_r$RANDOM
    submit "$(sql "select * from $t" \
        '{"retry":{"maxAttempts":8,"errorMatch":"(?i)no such|not exist","baseSeconds":1,"maxSeconds":1}}')"
    comes 'it was tried' invocation_is "$id" '.Attempt >= 2'
    run_sql "create table $t (v integer)"
    so 'a later attempt finishes' "$(ended_task "$task")" '.state == "SUCCEEDED"
        and .output.ringback.steps[-1].attempt >= 2'
    run_sql "drop table $t"
}
