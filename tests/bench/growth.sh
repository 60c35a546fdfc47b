#!/usr/bin/env bash
# Whether anything grows with the store: stores of several sizes are filled through the tracker with open
# invocations as ringback writes them (records.h), then their bytes for each invocation are printed, what
# an operation costs on each, beside a bare client of the store, and the resident memory of a real completer
# on each. 1,000,000 need some minutes, 2.5 GB of memory and 10 GB of disk.
#     tests/bench/growth.sh [--no-dynamodb] [SIZE...]    default: 10000 100000 1000000; dynalite has a tenth
#                                                        of the first and the first, and takes longest
# BUILD_DIR: with the bench programs (build); RELEASE_DIR: whose completer is looked at (BUILD_DIR).
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
source tests/support/servers.sh
BUILD_DIR=$(realpath "${BUILD_DIR:-build}")
RELEASE_DIR=$(realpath "${RELEASE_DIR:-$BUILD_DIR}")
ringback=$BUILD_DIR/ringback
clean_environment
dynamodb=true
[[ ${1:-} == --no-dynamodb ]] && dynamodb=false && shift
sizes=("${@:-10000}")
(($# > 0)) || sizes=(10000 100000 1000000)

servers_init
trap servers_stop EXIT
keys=$servers_dir/keys
(umask 077 && echo "bench:$(openssl rand -base64 32)" >"$keys")

# Fills the store $1 with $2 invocations, of the stage $3 when it is given.
fill() {
    "$BUILD_DIR/tests/bench/tracker_fill" "$1" "$2" "$keys" "${3:-open}" || exit 1
}

redis_memory() {
    redis-cli -u "$1" info memory | tr -d '\r' | sed -n 's/^used_memory://p'
}

redis_is_busy() {
    redis-cli -u "$1" info persistence | grep -q '_in_progress:1'
}

# One line: how many bytes $4 of the store $1 are for each of $2 invocations of the stage $3.
print_bytes() {
    printf '%-9s %8d %-10s %5d bytes for each\n' "$1" "$2" "$3" "$(($4 / $2))"
}

# What remains of invocations that are settled.
print_later_bytes() {
    local stage file=$servers_dir/later.db before
    for stage in settled tombstone; do
        fill "sqlite:$file" "$1" "$stage"
        print_bytes sqlite "$1" "$stage" "$(stat -c %s "$file")"
        rm -f "$file"*
        redis-cli -u "$REDIS_URL" flushall >/dev/null
        before=$(redis_memory "$REDIS_URL")
        fill "$REDIS_URL" "$1" "$stage"
        print_bytes redis "$1" "$stage" "$(($(redis_memory "$REDIS_URL") - before))"
    done
}

growth=()
for size in "${sizes[@]}"; do
    file=$servers_dir/$size.db
    fill "sqlite:$file" "$size"
    print_bytes sqlite "$size" open "$(stat -c %s "$file")"
    growth+=("sqlite:$file" "$size" 0)
done
start_redis later || exit 1
print_later_bytes "${sizes[0]}"
redis_growth=()
for size in "${sizes[@]}"; do
    start_redis "$size" || exit 1
    before=$(redis_memory "$REDIS_URL")
    redis-cli -u "$REDIS_URL" config set appendfsync everysec >/dev/null # while it is filled
    fill "$REDIS_URL" "$size"
    redis-cli -u "$REDIS_URL" config set appendfsync always >/dev/null
    # A rewrite forks, and after a fork the first use of each page is dear.
    redis-cli -u "$REDIS_URL" config set auto-aof-rewrite-percentage 0 >/dev/null
    while redis_is_busy "$REDIS_URL"; do sleep 0.5; done
    print_bytes redis "$size" open "$(($(redis_memory "$REDIS_URL") - before))"
    redis_growth+=("$REDIS_URL" "$size" "${servers_pids[-1]}")
done
"$BUILD_DIR/tests/bench/tracker_growth" sqlite "$keys" "${growth[@]}"
"$BUILD_DIR/tests/bench/tracker_growth" redis "$keys" "${redis_growth[@]}"
for ((i = 0; i < ${#growth[@]}; i += 3)); do
    BUILD_DIR=$RELEASE_DIR node tests/bench/completer_memory.mjs sqlite "${growth[i + 1]}" "${growth[i]}" "$keys"
done
for ((i = 0; i < ${#redis_growth[@]}; i += 3)); do
    BUILD_DIR=$RELEASE_DIR node tests/bench/completer_memory.mjs redis "${redis_growth[i + 1]}" "${redis_growth[i]}" "$keys"
done

$dynamodb || exit 0
dynamodb_growth=()
start_dynalite 1 || exit 1
export AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=bench AWS_SECRET_ACCESS_KEY=bench AWS_ENDPOINT_URL=http://127.0.0.1:1
for size in "$((sizes[0] / 10))" "${sizes[0]}"; do
    use_dynamodb || exit 1
    fill "$RINGBACK_TRACKER_URL" "$size"
    dynamodb_growth+=("$RINGBACK_TRACKER_URL" "$size" "${servers_pids[-1]}")
done
"$BUILD_DIR/tests/bench/tracker_growth" dynamodb "$keys" "${dynamodb_growth[@]}"
