#!/usr/bin/env bash
# Chaos: invocations of every kind (chaos/work.mjs) come over HTTP and the request queue to two
# invokers and two completers. One of them is killed about every second, and each also kills itself at
# the seams around its commits, while the stand-in for AWS drops 10% and duplicates 20% of the events,
# delays and so reorders them, throttles 5% of all calls, fails 2% and resets 1%; the tracker's server
# is killed too, where there is one. Then all that is over, and what was leased to the dead is waited
# for. At the end (chaos/judge.mjs) every invocation has exactly one effective callback that tells what
# its statements did, no statement name has run twice, and nothing is left open, running or parked.
#     tests/faults/chaos.sh [--long] [TRACKER...]       default: that of TEST_TRACKER, or sqlite
# --long     30 minutes of it with 2,000 invocations; CHAOS_INVOCATIONS, CHAOS_SECONDS and CHAOS_KILL_MS
#            set any other
# Trackers are tried side by side. CHAOS_FOLDER: where a failed run leaves what the daemons said.
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
source tests/support/trackers.sh
: "${BUILD_DIR:?}"
clean_environment
unset POSTGRES_URL
if [[ ${1:-} == --long ]]; then
    shift
    export CHAOS_INVOCATIONS=${CHAOS_INVOCATIONS:-2000} CHAOS_SECONDS=${CHAOS_SECONDS:-1800}
fi
trackers=("$@")
((${#trackers[@]} > 0)) || trackers=("$tracker")
results=$(mktemp -d)
pids=()

leave() {
    ((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
    wait
    rm -rf "$results"
}
trap leave EXIT
trap 'exit 130' INT TERM

for tracker in "${trackers[@]}"; do
    node tests/faults/chaos/chaos.mjs "$tracker" >"$results/$tracker" 2>"$results/$tracker.log" &
    pids+=($!)
done
status=0
for i in "${!pids[@]}"; do
    wait "${pids[i]}" || status=1
    sed -E "s/^(ok|not ok) /\1 ${trackers[i]}: /" "$results/${trackers[i]}"
    cat "$results/${trackers[i]}.log" >&2
done
pids=()
exit "$status"
