#!/usr/bin/env bash
# The sealing key is changed while everything runs: processes with the old key, with both and with
# the new one alone take over from each other, and a record whose key is missing waits until it is
# back. Nothing is lost, and nothing is told twice.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
patience=150 # an event that a process without its key has met comes again after 5, 10, 20, ... seconds

make_keys() {
    keys=$stack_dir/keys
    mkdir "$keys"
    first=k1:$(openssl rand -base64 32)
    second=k2:$(openssl rand -base64 32)
    echo "$first" >"$keys/one"
    printf '%s\n' "$second" "$first" >"$keys/both"
    echo "$second" >"$keys/two"
    printf '%s\n' "${first#*:}" "${second#*:}" >>"$work/secrets"
}

# Submits $1 statements that take a moment.
submit_some() {
    local n
    for ((n = 0; n < $1; n++)); do
        submit "{\"sqlStatement\":\"select pg_sleep(0.$((n % 9 + 1))) -- $marker\"}"
        [[ $code == 20? ]] || return 1
    done
}

# A process with the key $1 alone can read the last invocation, one with $2 alone cannot.
is_sealed_by() {
    status_with "$1" && ! status_with "$2"
}

status_with() {
    env -u RINGBACK_URL RINGBACK_KEY_FILE="$keys/$1" "$ringback" status "$id"
}

all_closed() {
    [[ $(curl -sS "$control_url/tasks" | jq '[.tasks[] | select(.state == "RUNNING")] | length') == 0 ]]
}

all_once() {
    holds "$1" "$(curl -sS "$control_url/tasks" | jq -c '[.tasks[] | del(.taskToken)]')" \
        'all(.state == "SUCCEEDED" and .accepted == 1)'
    equal "$1: no statement has run twice" "$(run_twice)" 0
}

# One after the other takes over from the one before, which is asked to stop when its successor runs.
rolling_change() {
    local ring before='' sealers
    for ring in one both two; do
        start_daemon serve RINGBACK_KEY_FILE="$keys/$ring" ||
            { not_ok "change: starts with $ring" "$(tail -n 1 "$daemon_log")"; return; }
        submit_some 8
        equal "change: requests are accepted with $ring" "$code" 202
        [[ $ring == one ]] && sealers=(one two) || sealers=(two one)
        check "change: the first key of $ring seals" is_sealed_by "${sealers[@]}"
        [[ $ring != both ]] || check 'change: all that the old key sealed ends' until_true all_closed
        [[ -z $before ]] || stop_daemon "$before"
        before=$daemon_pid
    done
    check 'change: every task is closed' until_true all_closed
    all_once 'change: each was answered once'
    stop_daemon "$before"
}

# The list of what is open, by a process with the keys $1.
listed() {
    env -u RINGBACK_URL RINGBACK_KEY_FILE="$keys/$1" "$ringback" list --open --json
}

doctor_with() {
    env -u RINGBACK_URL RINGBACK_KEY_FILE="$keys/$1" "$ringback" doctor
}

set_aside() {
    env -u RINGBACK_URL RINGBACK_KEY_FILE="$keys/one" "$ringback" redrive | grep -q ' tracker '
}

missing_key() {
    local told
    start_daemon serve RINGBACK_KEY_FILE="$keys/two" || { not_ok 'missing: starts'; return; }
    submit "{\"sqlStatement\":\"select pg_sleep(2) -- $marker\"}"
    told=$id
    stop_daemon "$daemon_pid"
    check 'missing: doctor opens it with its key' doctor_with two
    holds 'missing: doctor says that it cannot without' "$(doctor_with one | jq -Rs .)" \
        'test("problem  records: 1 of the last 1 open ones cannot be read, .*sealed by the key k2")'
    holds 'missing: the list names it, and why' "$(listed one)" \
        '.Invocations[0] | .InvocationId == $id and .Statement == "unreadable" and (.Error | test("k2"))' --arg id "$told"
    sleep 2 # the statement ends, and its event waits
    start_daemon serve RINGBACK_KEY_FILE="$keys/one" || { not_ok 'missing: starts without'; return; }
    check 'missing: it is set aside' until_true set_aside
    check 'missing: and counted' until_true metric_is records_unreadable_total 1
    sleep 2 # sweeps that must leave it alone
    equal 'missing: once' "$(metric records_unreadable_total)" 1
    equal 'missing: said once' "$(grep -c 'record cannot be read, set aside' "$daemon_log")" 1
    submit "{\"sqlStatement\":\"select 1 -- $marker\"}"
    holds 'missing: all else goes on' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    stop_daemon "$daemon_pid"
    equal 'missing: handing it in needs the key' \
        "$(env -u RINGBACK_URL RINGBACK_KEY_FILE="$keys/one" "$ringback" redrive "$told" | cut -d' ' -f2)" refused:
    start_daemon serve RINGBACK_KEY_FILE="$keys/both" || { not_ok 'missing: starts with both'; return; }
    check 'missing: handed in again with its key' \
        env -u RINGBACK_URL RINGBACK_KEY_FILE="$keys/both" "$ringback" redrive "$told"
    check 'missing: it is rung back' until_true all_closed
    all_once 'missing: each was answered once'
    check 'missing: doctor is content' doctor_with both
    stop_daemon "$daemon_pid"
}

# Secrets Manager with the secret that infra/deploy/cloudformation has it generate.
start_secrets() {
    secret_arn=arn:aws:secretsmanager:us-east-1:000000000000:secret:keys-AbCdEf
    local letters=aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9nO2q
    echo "$letters" >>"$work/secrets"
    echo "{\"s1\":\"$letters\"}" >"$keys/secret"
    node tests/support/secrets.mjs "$secret_arn" "$(cat "$keys/secret")" >"$stack_dir/secrets_url" &
    stack_pids+=($!)
    wait_for $! grep -q : "$stack_dir/secrets_url" || return 1
    export AWS_ENDPOINT_URL_SECRETS_MANAGER
    AWS_ENDPOINT_URL_SECRETS_MANAGER=$(cat "$stack_dir/secrets_url")
}

secret_key() {
    local said
    start_secrets || { not_ok 'secret: its stand-in starts'; return; }
    start_daemon serve RINGBACK_KEY_SECRET_ARN="$secret_arn" ||
        { not_ok 'secret: starts' "$(tail -n 1 "$daemon_log")"; return; }
    submit_some 1
    check 'secret: its first key seals' is_sealed_by secret one
    check 'secret: it is rung back' until_true all_closed
    stop_daemon "$daemon_pid"
    said=$(timeout 20 env -u RINGBACK_URL RINGBACK_KEY_SECRET_ARN="${secret_arn/keys-/other-}" "$ringback" serve 2>&1)
    equal 'secret: one that is not there stops the start' "$? $(jq -R 'fromjson? // empty' <<<"$said")" '2 '
    holds 'secret: with its setting and the reason' "$(jq -Rs . <<<"$said")" \
        'test("RINGBACK_KEY_SECRET_ARN: .*ResourceNotFoundException")'
    said=$(timeout 20 env -u RINGBACK_URL RINGBACK_KEY_SECRET_ARN="$secret_arn" RINGBACK_KEY_FILE="$keys/one" \
        "$ringback" serve 2>&1)
    equal 'secret: beside a file stops the start' "$? ${said##*$'\n'}" \
        '2 ringback serve: RINGBACK_KEY_SECRET_ARN: not beside RINGBACK_KEY_FILE'
}

no_key() {
    holds 'none: doctor warns' "$(env -u RINGBACK_URL "$ringback" doctor | jq -Rs .)" \
        'test("warning  key file: RINGBACK_KEY_FILE is not set")'
}

begin_stack || { not_ok 'the stand-in starts'; finish; }
make_keys
export RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
rolling_change
missing_key
secret_key
no_key
end_stack
secrets_kept 'no key, no token and no SQL is in a log'
finish
