#!/usr/bin/env bash
# Locks with the real programs: singletons that fail, are skipped or wait, however many come at
# once, whoever is killed, for each tracker. Waiters give up at their deadline or when they are
# cancelled, and a session runs one statement at a time.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment

# Prints a request with the statement $1 under the lock $2, which does $3 when it is held.
locked() {
    jq -cn --arg sql "$1 -- $marker" --arg key "$2" --arg conflict "$3" \
        '{sqlStatement: $sql, singleton: {key: $key, onConflict: $conflict}}'
}

cancel() {
    curl -sS -X POST "$RINGBACK_URL/invocations/$1/cancel" -o /dev/null
}

# Prints the invocations whose statements were started, in that order.
started() {
    curl -sS "$control_url/statements" |
        jq -r '[.statements[].name | select(startswith("ringback/")) | .[9:41]] | .[]'
}

# Prints how many statements are under way.
under_way() {
    curl -sS "$control_url/statements" | jq '[.statements[]
        | select(.status | IN("FINISHED", "FAILED", "ABORTED") | not)] | length'
}

# Posts the request $1 $2 times at once; the replies are in $work/parallel.
post_at_once() {
    local n
    mkdir -p "$work/parallel"
    rm -f "$work"/parallel/*
    local posts=()
    for ((n = 0; n < $2; n++)); do
        curl -sS -m 60 -o "$work/parallel/$n.json" -w '%{http_code}\n' --json "$1" \
            "$RINGBACK_URL/invocations" >"$work/parallel/$n.code" &
        posts+=("$!")
    done
    wait "${posts[@]}"
}

fail_cases() {
    local request winner holder
    request=$(jq -cn --arg sql "select pg_sleep(60) -- $marker" \
        '{action: "executeSingletonStatement", sqlStatement: $sql}')
    post_at_once "$request" 10
    equal "$run: of ten singletons at once one wins" \
        "$(sort "$work"/parallel/*.code | uniq -c | xargs)" '1 202 9 409'
    equal "$run: the others are told why" \
        "$(jq -r '.errorType // empty' "$work"/parallel/*.json | sort | uniq -c | xargs)" \
        '9 ConcurrentExecution'
    equal "$run: and one statement runs" "$(under_way)" 1
    winner=$(jq -r '.InvocationId // empty' "$work"/parallel/*.json)
    # The same statement in another spelling, then with a token that must stay untouched.
    post "$(jq -c '.sqlStatement |= "SELECT   pg_sleep(60);"' <<<"$request")"
    equal "$run: however it is spelt" "$code" 409
    submit "$request"
    equal "$run: a token changes nothing" "$code" 409
    holds "$run: and is not touched" "$(task_of "$task")" \
        '.state == "RUNNING" and .accepted == 0 and .refused == 0'
    holder=$(jq -r .errorMessage <<<"$reply")
    equal "$run: the holder is named" "$holder" "singleton: invocation $winner is running"
    cancel "$winner"
    until_true invocation_is "$winner" '.Statement == "ended"'
    submit "$(jq -c '.sqlStatement |= sub("60"; "0")' <<<"$request")"
    equal "$run: free again" "$code" 202
    holds "$run: and run" "$(ended_task "$task")" '.state == "SUCCEEDED"'
}

skip_cases() {
    local holder
    post "$(locked 'select pg_sleep(60)' skipped skip)"
    holder=$(jq -r .InvocationId <<<"$reply")
    post "$(locked 'select 1' skipped skip)"
    equal "$run: a skip is a success" "$code" 200
    holds "$run: and says so" "$reply" '.Outcome == "FINISHED"
        and .ringback == {skipped: true, holder: $holder}' --arg holder "$holder"
    submit "$(locked 'select 1' skipped skip)"
    holds "$run: who waits for a callback is called back" "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and .output.ringback.skipped == true
            and .output.ringback.holder == $holder' --arg holder "$holder"
    cancel "$holder"
    until_true invocation_is "$holder" '.Statement == "ended"'
}

# Three that wait for a fourth, watched while they run.
queue_cases() {
    local ids=() tasks=() most=0 now n owner
    submit "$(locked 'select pg_sleep(60)' queue queue)"
    owner=$id
    for n in 1 2 3; do
        submit "$(locked 'select pg_sleep(0.5)' queue queue)"
        ids+=("$id")
        tasks+=("$task")
    done
    holds "$run: who comes later waits" "$reply" '.State == "waiting"'
    cancel "$owner"
    for ((n = 0; n < patience * 20; n++)); do
        now=$(under_way)
        ((now > most)) && most=$now
        task_is_closed "${tasks[2]}" && break
        sleep 0.05
    done
    for n in 0 1 2; do
        holds "$run: of a queue, number $((n + 1)) runs" "$(ended_task "${tasks[n]}")" \
            '.state == "SUCCEEDED"'
    done
    equal "$run: never two at a time" "$((most > 1))" 0
    equal "$run: in the order of their coming" "$(started | tail -n 3 | xargs)" "${ids[*]}"
}

# A waiter that gives up at its deadline, one that is cancelled, and one that stays.
leaving_cases() {
    local owner late cancelled stays stays_task cancelled_task
    submit "$(locked 'select pg_sleep(60)' leaving queue)"
    owner=$id
    submit "$(locked 'select 1' leaving queue | jq -c '. + {timeoutSeconds: 1}')"
    late=$task
    submit "$(locked 'select 1' leaving queue)"
    cancelled=$id cancelled_task=$task
    submit "$(locked 'select 1' leaving queue)"
    stays=$id stays_task=$task
    holds "$run: a waiter's deadline" "$(ended_task "$late")" \
        '.state == "FAILED" and .error == "TIMED_OUT" and .accepted == 1'
    cancel "$cancelled"
    holds "$run: a waiter is cancelled" "$(ended_task "$cancelled_task")" \
        '.state == "FAILED" and .error == "ABORTED" and .accepted == 1'
    check "$run: the owner still runs" invocation_is "$owner" '.Statement == "running"'
    check "$run: and the last one waits" invocation_is "$stays" '.Statement == "waiting"'
    cancel "$owner"
    holds "$run: those that left are passed over" "$(ended_task "$stays_task")" \
        '.state == "SUCCEEDED"'
}

# The service is killed while the owner's statement runs; what waits runs all the same.
killed_cases() {
    local waiter owner patience=300 # what was in hand comes again when its lease is over
    submit "$(locked 'select pg_sleep(2)' killed queue)"
    owner=$task
    submit "$(locked 'select 1' killed queue)"
    waiter=$task
    kill -KILL "$daemon_pid"
    wait "$daemon_pid" 2>/dev/null
    start_daemon serve || { not_ok "$run: starts again" "$(tail -n 1 "$daemon_log")"; return; }
    holds "$run: killed: the owner's caller is told" "$(ended_task "$owner")" \
        '.state == "SUCCEEDED" and .accepted == 1'
    holds "$run: killed: and then the waiter's" "$(ended_task "$waiter")" \
        '.state == "SUCCEEDED" and .accepted == 1'
}

# Prints a request with the statement $1 in the session $2.
in_session() {
    jq -cn --arg sql "$1 -- $marker" --arg session "$2" \
        '{sqlStatement: $sql, target: {sessionId: $session}}'
}

# Two requests for one session: the API would refuse the second while the first runs.
session_cases() {
    local session first
    submit "$(jq -cn --arg sql "select 1 -- $marker" \
        '{sqlStatement: $sql, sessionKeepAliveSeconds: 60}')"
    session=$(ended_task "$task" | jq -r '.output.ringback.sessionId // empty')
    holds "$run: a session's id is told" "{\"id\":\"$session\"}" '.id | length == 36'
    submit "$(in_session 'select pg_sleep(60)' "$session")"
    first=$id
    submit "$(in_session 'select 2' "$session")"
    equal "$run: a busy session makes wait" "$code $(jq -r .State <<<"$reply")" '202 waiting'
    cancel "$first"
    holds "$run: until it is free" "$(ended_task "$task")" '.state == "SUCCEEDED"'
    submit "$(jq -cn --arg marker "$marker" '{sessionKeepAliveSeconds: 60, sqlStatements:
        ["create temp table of_one_session (v integer) -- " + $marker,
         "insert into of_one_session values (7) -- " + $marker,
         "select v from of_one_session -- " + $marker]}')"
    holds "$run: a sequence shares the session it opens" "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and .output.detail.rows == 1'
}

table() {
    run=$tracker
    begin_stack || { not_ok "$run: the stand-in starts"; return; }
    export RINGBACK_SWEEP_SECONDS=1
    start_daemon serve || { not_ok "$run: the service starts" "$(tail -n 1 "$daemon_log")"; return; }
    fail_cases
    skip_cases
    queue_cases
    leaving_cases
    session_cases
    killed_cases
    equal "$run: no statement has run twice" "$(run_twice)" 0
    end_stack
}

table
secrets_kept 'no token, no SQL and no credential is in a log'
finish
