#!/usr/bin/env bash
# A service manager's view of the daemons, with socat as the manager's socket: they say when they are
# ready and when they stop, give signs of life while they work or wait, and fall silent when a thread
# hangs, so that the watchdog restarts them.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
manager_pid=

leave_all() {
    [[ -z $manager_pid ]] || kill "$manager_pid" 2>/dev/null
    leave
}
trap leave_all EXIT

# Listens as a manager would; $1 is socat's word for the socket. What it hears goes to heard.
start_manager() {
    : >"$work/heard"
    socat -u "$1" OPEN:"$work/heard",append 2>"$work/socat.log" &
    manager_pid=$!
    stack_pids+=("$manager_pid")
}

heard() {
    grep -qE "$1" "$work/heard"
}

# Whether the line $1 was heard at least $2 times.
heard_times() {
    (($(grep -cx "$1" "$work/heard") >= $2))
}

# A daemon under the manager at $1, with the rest of the arguments before the command.
supervised() {
    local socket=$1 command=$2
    shift 2
    start_daemon "$command" env NOTIFY_SOCKET="$socket" "$@"
}

lives() {
    local command=$1 socket=$2 listener=$3
    begin_stack || { not_ok "$command: the stand-in starts"; return; }
    start_manager "$listener"
    [[ $socket == @* ]] || wait_for "$manager_pid" test -S "$socket"
    supervised "$socket" "$command" WATCHDOG_USEC=1000000 ||
        { not_ok "$command: starts" "$(tail -n 1 "$daemon_log")"; end_stack; return; }
    check "$command: says that it is ready" until_true heard '^READY=1$'
    check "$command: says how it does" until_true heard '^STATUS=works$'
    check "$command: gives signs of life" until_true heard_times WATCHDOG=1 4
    equal "$command: is not stopping" "$(grep -c STOPPING "$work/heard")" 0
    equal "$command: was ready before it lived" "$(grep -m 1 -E '^(READY|WATCHDOG)=' "$work/heard")" READY=1
    stop_daemon "$daemon_pid"
    equal "$command: ends with status 0" $? 0
    check "$command: says that it stops" until_true heard '^STOPPING=1$'
    equal "$command: and nothing after it" "$(grep -E '^[A-Z]+=1$' "$work/heard" | tail -n 1)" STOPPING=1
    end_stack
}

# ---- A thread that hangs ------------------------------------------------------------------------

health() {
    curl -sS -o /dev/null -w '%{http_code}' "$admin_url/healthz"
}

# The service is the build whose thread stops for ever at a seam: the HTTP worker that has committed
# the first request. All else goes on.
hangs() {
    local beats ringback=$BUILD_DIR/ringback_seams
    begin_stack || { not_ok 'hang: the stand-in starts'; return; }
    start_manager "UNIX-RECV:$stack_dir/notify"
    wait_for "$manager_pid" test -S "$stack_dir/notify"
    supervised "$stack_dir/notify" serve WATCHDOG_USEC=1000000 SEAM_HANG=committed:1 ||
        { not_ok 'hang: starts' "$(tail -n 1 "$daemon_log")"; end_stack; return; }
    check 'hang: lives before' until_true heard_times WATCHDOG=1 2
    equal 'hang: is healthy before' "$(health)" 200
    check 'hang: the log warns of so short a watchdog' grep -q 'watchdog is shorter than a batch' "$daemon_log"
    curl -sS -m 120 -o /dev/null "$RINGBACK_URL/invocations" -H 'Content-Type: application/json' \
        --data-binary "{\"sqlStatement\":\"select 1 -- $marker\"}" 2>/dev/null &
    stack_pids+=($!)
    check 'hang: says who hangs' until_true heard '^STATUS=hangs: worker [0-9]+ of http, overdue by'
    equal 'hang: is not healthy' "$(health)" 503
    beats=$(grep -c WATCHDOG "$work/heard")
    check 'hang: goes on saying so' until_true heard '^STATUS=hangs: .* by ([3-9]|[0-9]{2,}) s$'
    equal 'hang: gives no sign of life' "$(grep -c WATCHDOG "$work/heard")" "$beats"
    kill -ABRT "$daemon_pid"
    wait "$daemon_pid" 2>/dev/null
    equal 'hang: the signal of the watchdog ends it' $? 134
    end_stack
}

# ---- A manager that is wrong --------------------------------------------------------------------

refused() {
    local said status
    said=$(env RINGBACK_HTTP_LISTEN=127.0.0.1:0 RINGBACK_ADMIN_LISTEN=127.0.0.1:0 AWS_REGION=us-east-1 \
        RINGBACK_TRACKER_URL="sqlite:$work/refused.db" "${@:2}" "$ringback" serve 2>&1 >/dev/null)
    status=$?
    equal "$1: status 2" "$status" 2
    check "$1: is named" grep -q "^ringback serve: $1: " <<<"$said"
}

lives serve "$work/notify" "UNIX-RECV:$work/notify"
lives invoker "@ringback-test-$$" "ABSTRACT-RECV:ringback-test-$$"
lives completer "$work/notify2" "UNIX-RECV:$work/notify2"
hangs
refused NOTIFY_SOCKET NOTIFY_SOCKET=notify
refused WATCHDOG_USEC NOTIFY_SOCKET="$work/notify" WATCHDOG_USEC=-1
secrets_kept 'no log holds a secret'
finish
