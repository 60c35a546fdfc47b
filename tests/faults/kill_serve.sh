#!/usr/bin/env bash
# Kill -9 of `ringback serve` while it runs the sales-etl pipeline: at random moments, and at the two
# seams "committed, not yet acted" and "acted, not yet settled" (a build that kills itself there,
# tests/support/seam_kill.c). Each round has a stack of its own, is killed, started again, and has to
# ring every caller back exactly once without running any statement name twice. Rounds wait for
# leases most of the time, so they run side by side.
set -u
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
source infra/local/stack.sh
source tests/support/trackers.sh
rounds=${KILL_ROUNDS:-${TEST_THOROUGH:+24}}
rounds=${rounds:-12}
at_once=${KILL_AT_ONCE:-12}
# A Redis Cluster cannot be shared by stacks side by side, and chaos.sh kills at the same seams there.
[[ $tracker != redis-cluster ]] || { rounds=${KILL_ROUNDS:-3} at_once=1; }
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT
clean_environment

# Posts the request $1 with the token of a new task until it is accepted, however often the service
# or its store is away meanwhile: the same token makes it the same invocation. Appends the task to tasks.
# An answer counts while the service lives: the port of a dead one may be another round's by then.
submit() {
    local body code end=$((SECONDS + 60))
    new_task '{}' || return 1
    tasks+=("$task")
    body=$(jq -c --arg token "$task_token" '. + {taskToken: $token}' <<<"$1")
    while ((SECONDS < end)); do
        code=$(curl -sS -m 40 -o /dev/null -w '%{http_code}' --json "$body" "$RINGBACK_URL/invocations" 2>/dev/null)
        if is_alive; then
            case $code in
            20?) return ;;
            503 | 000) ;;
            *) echo "a request was answered $code" && return 1 ;;
            esac
        fi
        restart_if_dead || return 1
        sleep 0.1
    done
    return 1
}

is_alive() {
    kill -0 "$serve_pid" 2>/dev/null
}

# A killed service is started again, without its reason to die.
restart_if_dead() {
    is_alive && return
    wait "$serve_pid" 2>/dev/null
    deaths=$((deaths + 1))
    start_serve
}

# Waits until the task $1 is closed; 420 s are three leases and a margin.
await() {
    local end=$((SECONDS + 420))
    until task_is_closed "$1"; do
        ((SECONDS < end)) || return 1
        restart_if_dead || return 1
        sleep 0.2
    done
}

# The pipeline, stage by stage, and beside it a failure and two that need nothing.
pipeline() {
    local stage
    submit '{"sqlStatement": "select get_date()"}' || return 1
    submit '{"sqlStatements": ["select 1", "select 2", "select 3"]}' || return 1
    for stage in docs/examples/sales-etl/requests/*.json; do
        submit "$(cat "$stage")" || return 1
        await "$task" || return 1
    done
    submit '{"sqlStatement": "select getdate()"}' || return 1
    for task in "${tasks[@]}"; do
        await "$task" || return 1
    done
}

# Kills the service once, within the pipeline's first two seconds.
kill_at_random() {
    sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
    sleep "$((RANDOM % 2))"
    kill -KILL "$1" 2>/dev/null
}

# What a round has come to: deaths, callbacks taken once, all callbacks, names run more than once.
report() {
    local once all twice
    all=${#tasks[@]}
    once=$(curl -sS "$control_url/tasks" | jq '[.tasks[] | select(.accepted == 1)] | length')
    twice=$(curl -sS "$control_url/statements" | jq '[.statements[] | select(.runs > 1)] | length')
    echo "deaths $deaths once $once of $all twice $twice"
}

# What the service, its store and the stand-in say of a round that stands still.
tell_stuck() {
    echo 'the pipeline got stuck'
    tail -n 20 "$stack_dir/serve.log" >&2
    {
        curl -sS -m 10 "$RINGBACK_URL/invocations?open=true"
        curl -sS -m 10 "$control_url/statements"
        curl -sS -m 10 "$admin_url/metrics" | grep -v '^#'
    } >&2
}

# One round: $1 its number, $2 the seam and its count, or "random".
play() {
    local tasks=() deaths=0 ringback=$BUILD_DIR/ringback
    trap stop_stack EXIT
    start_local --engine sqlite::memory: && use_tracker || return 1
    export RINGBACK_OVERDUE_SECONDS=2 RINGBACK_SWEEP_SECONDS=1
    if [[ $2 == random ]]; then
        start_serve || return 1
        kill_at_random "$serve_pid" &
    else
        ringback=$BUILD_DIR/ringback_seams
        start_serve SEAM_KILL="$2"
        ringback=$BUILD_DIR/ringback
    fi
    pipeline || tell_stuck
    restart_if_dead
    report
}

round_of() {
    case $(($1 % 3)) in
    0) echo random ;;
    1) echo "committed:$((1 + $1))" ;;
    2) echo "acted:$((1 + $1))" ;;
    esac
}

: "${BUILD_DIR:?}"
running=0
for ((round = 0; round < rounds; round++)); do
    (play "$round" "$(round_of "$round")" >"$results/$round" 2>"$results/$round.log") &
    ((++running < at_once)) || { wait -n; running=$((running - 1)); }
done
wait
deaths=0
for ((round = 0; round < rounds; round++)); do
    said=$(tail -n 1 "$results/$round")
    deaths=$((deaths + $(sed -nE 's/^deaths ([0-9]+) .*/\1/p' <<<"$said")))
    if [[ $said =~ ^deaths\ ([0-9]+)\ once\ ([0-9]+)\ of\ ([0-9]+)\ twice\ 0$ &&
        ${BASH_REMATCH[2]} == "${BASH_REMATCH[3]}" && ${BASH_REMATCH[3]} -ge 8 ]]; then
        ok "killed at $(round_of "$round"): every caller rung back once ($said)"
    else
        tail -n 300 "$results/$round.log" >&2
        not_ok "killed at $(round_of "$round")" "$said"
    fi
done
if ((deaths >= rounds * 5 / 6)); then
    ok "the service was killed $deaths times in $rounds rounds"
else
    not_ok 'the service was killed often enough' "$deaths times in $rounds rounds"
fi
finish
