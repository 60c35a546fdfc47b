#!/usr/bin/env bash
# The store is full, slow, locked or half away while ringback works: requests are refused with a
# text that says so or are taken late, messages wait in their queue, and when the trouble is over
# all that was accepted is rung back once and nothing has run twice. A store that is away at the
# start or is killed: tests/integration/away.sh.
#   tests/faults/store_trouble.sh [CASE...]       default: all of them, which are the functions below
# A case waits for leases most of the time, so they run side by side, each with servers of its own.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
source tests/support/servers.sh
clean_environment
patience=150 # what was under way when the trouble came waits for the end of its lease
mounted=

# The end of a case, whichever it is.
leave_case() {
    trap - EXIT
    stop_stack
    servers_stop
    [[ -z $mounted ]] || umount "$mounted"
    [[ -z $mounted ]] || rmdir "$mounted"
}

readiness_is() {
    [[ $(curl -sS "$admin_url/readyz" | jq -c '[.problems[].part]') == "$1" ]]
}

# Posts $2 requests beginning with number $1, each with a token of its own, and keeps bodies and
# answers by task.
post_some() {
    local n
    for ((n = $1; n < $1 + $2; n++)); do
        submit "{\"sqlStatement\":\"select $n -- $marker\"}"
        bodies[$task]=$(jq -cn --arg token "$task_token" --arg sql "select $n -- $marker" \
            '{sqlStatement: $sql, taskToken: $token}')
        codes[$task]=$code
        replies[$task]=$reply
    done
}

# Puts a request with the token of a new task on the queue.
enqueue() {
    new_task '{}'
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(jq -cn --arg token "$task_token" \
        --arg sql "select 'queued' -- $marker" '{sqlStatement: $sql, taskToken: $token}')"
}

# How many of the requests so far were answered with a code like $1.
count_of() {
    local n count=0
    for n in "${codes[@]}"; do
        # shellcheck disable=SC2053
        [[ $n == $1 ]] && count=$((count + 1))
    done
    echo "$count"
}

all_closed() {
    [[ $(curl -sS "$control_url/tasks" | jq '[.tasks[] | select(.state == "RUNNING")] | length') == 0 ]]
}

# Hands in again what was refused, and looks at the end of everything.
recover() {
    local name=$1 n
    check "$name: ready when it is over" until_true readiness_is '[]'
    for n in "${!codes[@]}"; do
        [[ ${codes[$n]} == 20? ]] && continue
        post "${bodies[$n]}"
        [[ $code == 20? ]] || not_ok "$name: a request is accepted afterwards" "$code $reply"
    done
    check "$name: every task is closed" until_true all_closed
    holds "$name: each was answered once" \
        "$(curl -sS "$control_url/tasks" | jq -c '[.tasks[] | del(.taskToken)]')" \
        'all(.state == "SUCCEEDED" and .accepted == 1)'
    equal "$name: no statement has run twice" "$(run_twice)" 0
    check "$name: the queues drain" until_true queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL"
    check "$name: the log is not flooded" [ "$(wc -l <"$daemon_log")" -lt 400 ]
    stop_daemon "$daemon_pid"
    equal "$name: the service ends with status 0" $? 0
    end_stack
}

# As docs/operations.md asks for: a message that comes again every few seconds outlives the trouble.
keep_coming() {
    jq -n --arg url "$RINGBACK_REQUEST_QUEUE_URL" '{QueueUrl: $url, Attributes: {RedrivePolicy:
        ({deadLetterTargetArn: "arn:aws:sqs:us-east-1:000000000000:ringback-requests-dead",
          maxReceiveCount: 1000} | tojson)}}' | sqs SetQueueAttributes >/dev/null
}

# A stack on the tracker $2 (empty: the one that the stack has), which has worked for a while; settings
# may follow. Each case is about one kind of store.
begin() {
    declare -gA bodies=() codes=() replies=()
    begin_stack || { not_ok "$1: the stand-in starts"; return 1; }
    export RINGBACK_TRACKER_URL=${2:-$RINGBACK_TRACKER_URL} RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=2
    check "$1: the queue is patient" keep_coming
    start_daemon serve "${@:3}" || { not_ok "$1: starts" "$(tail -n 1 "$daemon_log")"; return 1; }
    post_some 0 10
    equal "$1: requests are accepted before" "$(count_of 202)" 10
}

# The requests that were refused say $2, and so does /readyz.
refused_with() {
    local name=$1 text=$2 n
    check "$name: not ready" until_true readiness_is '["tracker"]'
    holds "$name: /readyz says why" "$(curl -sS "$admin_url/readyz")" \
        '.problems[0].problem | test($text)' --arg text "$text"
    equal "$name: what is refused is 503" "$(count_of 503)" "$((${#codes[@]} - $(count_of 20?)))"
    check "$name: some are refused" [ "$(count_of 503)" -gt 0 ]
    for n in "${!codes[@]}"; do
        [[ ${codes[$n]} != 503 ]] || holds "$name: the answer says why" "${replies[$n]}" \
            '.errorType == "ServiceUnavailable" and (.errorMessage | test($text))' --arg text "$text"
    done | sort | uniq
}

# ---- Redis --------------------------------------------------------------------------------------

# A stack on a Redis of its own.
begin_on_redis() {
    start_redis 1 || { not_ok "$1: redis starts"; return 1; }
    begin "$1" "$REDIS_URL"
}

redis_full() {
    local name='redis full'
    begin_on_redis "$name" && store_is_full "$name"
}

redis_slow() {
    local name='redis slow'
    begin_on_redis "$name" && store_is_slow "$name"
}

redis_late() {
    local name='redis late'
    begin_on_redis "$name" && store_is_late "$name"
}

# Every server of the store, one or several, has no room.
store_is_full() {
    on_each_redis config set maxmemory 1 >/dev/null
    enqueue
    post_some 10 5
    refused_with "$1" OOM
    on_each_redis config set maxmemory 0 >/dev/null
    recover "$1"
}

# Answers after 20 s, the service waits for 5.
store_is_slow() {
    on_each_redis client pause 20000 all >/dev/null
    enqueue
    post_some 10 2
    check "$1: a request is refused" [ "$(count_of 503)" -gt 0 ]
    recover "$1"
}

# Every answer is late, but not too late.
store_is_late() {
    local pid
    (for _ in {1..30}; do on_each_redis client pause 200 all && sleep 0.25; done) >/dev/null &
    pid=$!
    post_some 10 20
    enqueue
    equal "$1: all are accepted" "$(count_of 20?)" 30
    wait "$pid"
    recover "$1"
}

# ---- Redis Cluster ------------------------------------------------------------------------------

# A stack on three masters of its own, with $2 replicas of each; settings may follow.
begin_on_cluster() {
    if ! start_redis_cluster 1 "$2" >"$servers_dir/cluster.log" 2>&1; then
        not_ok "$1: redis cluster starts" "$(tail -n 1 "$servers_dir/cluster.log")"
        return 1
    fi
    begin "$1" "$REDIS_CLUSTER_URL" "${@:3}"
}

cluster_full() {
    local name='redis cluster full'
    begin_on_cluster "$name" 0 && store_is_full "$name"
}

cluster_slow() {
    local name='redis cluster slow'
    begin_on_cluster "$name" 0 && store_is_slow "$name"
}

cluster_late() {
    local name='redis cluster late'
    begin_on_cluster "$name" 0 && store_is_late "$name"
}

# Another node than the dead one has its slots.
replica_leads() {
    redis-cli -h 127.0.0.1 -p "${redis_cluster_ports[1]}" cluster nodes | awk '
        $3 ~ /fail/ && $9 {lost = 1}
        $3 ~ /master/ && $3 !~ /fail/ && $9 {leaders++}
        END {exit !(leaders == 3 && !lost)}'
}

# One of three masters dies under load, its replica takes over, and the dead one comes back.
cluster_loses_a_master() {
    local name='redis cluster' dir=$servers_dir/redis-cluster1/0
    begin_on_cluster "$name" 1 RINGBACK_REDIS_WAIT=1 || return
    kill -KILL "${redis_cluster_pids[0]}"
    wait "${redis_cluster_pids[0]}" 2>/dev/null
    enqueue
    post_some 10 20
    check "$name: the others go on" [ "$(count_of 20?)" -gt 15 ]
    check "$name: its replica takes over" until_true replica_leads
    post_some 30 10
    start_cluster_node "$dir" "${redis_cluster_ports[0]}" "$(cat "$dir/cluster-port")"
    post_some 40 10
    recover "$name"
}

# ---- DynamoDB -----------------------------------------------------------------------------------

# A stack on a table of its own, behind a proxy that can be asked for trouble.
begin_on_dynamodb() {
    start_dynalite 1 || { not_ok "$1: dynalite starts"; return 1; }
    node tests/support/dynamodb_proxy.mjs "$DYNAMODB_URL" >"$servers_dir/proxy" &
    servers_pids+=($!)
    wait_for $! grep -q '^http' "$servers_dir/proxy" || { not_ok "$1: the proxy starts"; return 1; }
    DYNAMODB_URL=$(<"$servers_dir/proxy")
    tracker=dynamodb
    begin "$1" ''
}

# Puts the JSON $1 in place of the trouble of before.
dynamodb_trouble() {
    curl -sS --fail-with-body -X PUT --data "$1" "$DYNAMODB_URL/_trouble"
}

# Throttled for as long as it lasts, in each of the ways in which AWS says so.
dynamodb_full() {
    local name='dynamodb full'
    begin_on_dynamodb "$name" || return
    dynamodb_trouble '{"throttled": true}'
    enqueue
    post_some 10 5
    refused_with "$name" 'ProvisionedThroughputExceeded|Throttling|RequestLimitExceeded|throttled'
    dynamodb_trouble '{}'
    recover "$name"
}

# Answers after 7 s, the service waits for 5.
dynamodb_slow() {
    local name='dynamodb slow'
    begin_on_dynamodb "$name" || return
    dynamodb_trouble '{"delayMs": 7000}'
    enqueue
    post_some 10 2
    check "$name: a request is refused" [ "$(count_of 503)" -gt 0 ]
    dynamodb_trouble '{}'
    recover "$name"
}

# Every answer is late, but not too late.
dynamodb_late() {
    local name='dynamodb late'
    begin_on_dynamodb "$name" || return
    dynamodb_trouble '{"delayMs": 200}'
    enqueue
    post_some 10 10
    equal "$name: all are accepted" "$(count_of 20?)" 20
    dynamodb_trouble '{}'
    recover "$name"
}

# ---- SQLite -------------------------------------------------------------------------------------

sqlite_full() {
    local name='sqlite full' folder
    folder=$(mktemp -d)
    if ! mount -t tmpfs -o size=16m tmpfs "$folder" 2>/dev/null; then
        rmdir "$folder"
        echo "skipped: $name: a small file system cannot be mounted here"
        return
    fi
    mounted=$folder
    begin "$name" "sqlite:$folder/ringback.db" || return
    head -c 32m /dev/zero >"$folder/filler" 2>/dev/null
    enqueue
    post_some 10 60
    refused_with "$name" full
    rm "$folder/filler"
    recover "$name"
    umount "$folder" && rmdir "$folder"
    mounted=
}

# Somebody holds the write lock for 20 s, the service waits for 5.
sqlite_locked() {
    local name='sqlite locked' file=$work/locked.db
    begin "$name" "sqlite:$file" || return
    (echo 'begin immediate;'; sleep 20; echo 'commit;') | sqlite3 "$file" &
    sleep 0.5
    enqueue
    post_some 10 2
    check "$name: a request is refused" [ "$(count_of 503)" -gt 0 ]
    wait $!
    recover "$name"
}

(($# > 0)) || set -- redis_full redis_slow redis_late cluster_full cluster_slow cluster_late \
    cluster_loses_a_master dynamodb_full dynamodb_slow dynamodb_late sqlite_full sqlite_locked
for case; do
    (
        trap leave_case EXIT
        servers_init
        "$case"
    ) >"$work/said.$case" 2>"$work/said.$case.log" &
done
wait
for case; do
    cat "$work/said.$case"
    cat "$work/said.$case.log" >&2
done
failed_count=$(cat "$work"/said.* | grep -c '^not ok ')
secrets_kept 'no token, no SQL and no credential is in a log'
finish
