#!/usr/bin/env bash
# What ringback needs is away, at the start and later: AWS, the tracker, a queue. The log says so
# once, /readyz says what is missing, requests are answered, and when it is back everything that was
# accepted is rung back, without a restart.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
source tests/support/servers.sh
clean_environment
patience=90 # a queue can be made anew after a minute
store_pids=()
store_signal=KILL

leave_all() {
    kill_store
    leave
}
trap leave_all EXIT

readiness_is() {
    [[ $(curl -sS "$admin_url/readyz" | jq -c '[.problems[].part]') == "$1" ]]
}

# How many lines of the daemon's log have the message $1.
logged() {
    grep -cF "\"message\":\"$1\"" "$daemon_log"
}

status_of() {
    curl -sS -o /dev/null -w '%{http_code}' "$@"
}

# ---- AWS ----------------------------------------------------------------------------------------

stop_local() {
    kill "${stack_pids[0]}"
    wait "${stack_pids[0]}" 2>/dev/null
}

# Starts the stand-in at the port where it was.
restart_local() {
    "$ringback" local --listen "${AWS_ENDPOINT_URL#http://}" --credentials "AKIDLOCAL:$aws_secret" \
        --queues ringback-events,ringback-requests,replies >"$stack_dir/exports" 2>>"$stack_dir/local.log" &
    stack_pids[0]=$!
    wait_for $! grep -q '^export DB_USER=' "$stack_dir/exports"
}

# Posts $1 requests whose reply goes to a queue.
post_for_queue() {
    local n
    for ((n = 0; n < $1; n++)); do
        post "{\"sqlStatement\":\"select $n -- $marker\",\"replyTo\":{\"queueUrl\":\"$replies\"}}"
        [[ $code == 202 ]] || return 1
    done
}

# Takes $1 replies; succeeds when all are FINISHED.
finished_replies() {
    local n
    for ((n = 0; n < $1; n++)); do
        take_message "$replies" | jq -e '.MessageAttributes.outcome.StringValue == "FINISHED"' || return 1
    done
}

aws_away() {
    local problems='["event queue","request queue"]'
    begin_stack --queues ringback-events,ringback-requests,replies || { not_ok 'aws: the stand-in starts'; return; }
    replies=$AWS_ENDPOINT_URL/000000000000/replies
    stop_local
    export RINGBACK_SWEEP_SECONDS=1
    start_daemon serve || { not_ok 'aws: starts without it' "$(tail -n 1 "$daemon_log")"; return; }
    check 'aws: not ready, and why' until_true readiness_is "$problems"
    equal 'aws: /readyz is 503' "$(status_of "$admin_url/readyz")" 503
    equal 'aws: /healthz is 200' "$(status_of "$admin_url/healthz")" 200
    post_for_queue 3
    equal 'aws: requests are accepted' "$code" 202
    holds 'aws: not submitted yet' "$reply" '.State == "submitting" or .State == "queued"'
    restart_local
    check 'aws: ready when it is there' until_true readiness_is '[]'
    check 'aws: all are rung back' finished_replies 3
    equal 'aws: no statement has run twice' "$(run_twice)" 0
    stop_local
    check 'aws: not ready when it leaves' until_true readiness_is "$problems"
    post_for_queue 3
    equal 'aws: requests are accepted again' "$code" 202
    restart_local
    check 'aws: ready when it is back' until_true readiness_is '[]'
    check 'aws: all are rung back again' finished_replies 3
    equal 'aws: no statement has run twice again' "$(run_twice)" 0
    equal 'aws: the log says once per change that it is away' "$(logged 'queue cannot be read')" 4
    equal 'aws: and that it is back' "$(logged 'queue is read again')" 4
    check 'aws: and little else' [ "$(wc -l <"$daemon_log")" -lt 60 ]
    stop_daemon "$daemon_pid"
    equal 'aws: the service ends with status 0' $? 0
    end_stack
}

# ---- Tracker ------------------------------------------------------------------------------------

# These cases start and kill their store, so they choose it.
# Starts the store of the kind $store at its ports; it keeps what it acknowledged.
start_store() {
    case $store in
        redis) start_redis_node 0 ;;
        redis-cluster) start_cluster ;;
        dynamodb)
            tests/node_modules/node/bin/node tests/support/dynalite.mjs --port "${store_ports[0]}" \
                --path "$work/dynalite" >"$work/store.log" 2>&1 &
            store_pids=($!)
            wait_for $! grep -q '^http' "$work/store.log"
            ;;
    esac
}

# Starts the Redis number $1 of the store; flags may follow.
start_redis_node() {
    local port=${store_ports[$1]} dir=$work/$store$1
    mkdir -p "$dir"
    redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --appendonly yes \
        --appendfsync always --save '' "${@:2}" >>"$work/store.log" 2>&1 &
    store_pids+=($!)
    redis_answers "$port" $!
}

# Three masters, which know each other from the second start on.
start_cluster() {
    local n places=()
    for n in 0 1 2; do
        start_redis_node "$n" --cluster-enabled yes --cluster-port "${store_ports[n + 3]}" \
            --cluster-node-timeout 2000 || return 1
        places+=("127.0.0.1:${store_ports[n]}")
    done
    [[ -e $work/cluster ]] && return
    redis-cli --cluster create "${places[@]}" --cluster-yes >"$work/cluster"
}

kill_store() {
    ((${#store_pids[@]} == 0)) || kill -"$store_signal" "${store_pids[@]}" 2>/dev/null
    wait "${store_pids[@]}" 2>/dev/null
    store_pids=()
}

# Points the tracker at a store that is away.
use_store() {
    store_ports=("$(free_port)" "$(free_port)" "$(free_port)" "$(free_port)" "$(free_port)" "$(free_port)")
    case $store in
        redis) export RINGBACK_TRACKER_URL=redis://127.0.0.1:${store_ports[0]}/0 ;;
        redis-cluster)
            export RINGBACK_TRACKER_URL=redis-cluster://127.0.0.1:${store_ports[0]},127.0.0.1:${store_ports[1]}
            ;;
        # A table that is missing would stop the start.
        dynamodb)
            DYNAMODB_URL=http://127.0.0.1:${store_ports[0]}
            store_signal=TERM # why: tests/support/dynalite.mjs
            start_store && use_dynamodb && kill_store
            ;;
    esac
}

all_closed() {
    [[ $(curl -sS "$control_url/tasks" | jq '[.tasks[] | select(.state == "RUNNING")] | length') == 0 ]]
}

# Submits the statement $1 with a new token; the body is kept in bodies, by task.
submit_kept() {
    submit "{\"sqlStatement\":\"$1 -- $marker\"}"
    bodies[$task]=$(jq -cn --arg token "$task_token" --arg sql "$1 -- $marker" \
        '{sqlStatement: $sql, taskToken: $token}')
    codes[$task]=$code
}

tracker_away() {
    local store=$1 n lines accepted=0 refused=0 text=''
    declare -A bodies codes
    begin_stack || { not_ok "$store: the stand-in starts"; return; }
    use_store || { not_ok "$store: the store is there" "$(tail -n 1 "$work/store.log")"; return; }
    export RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=2
    start_daemon serve || { not_ok "$store: starts without it" "$(tail -n 1 "$daemon_log")"; return; }
    check "$store: not ready, and why" until_true readiness_is '["tracker"]'
    submit_kept 'select 0'
    equal "$store: requests are answered 503" "$code $(jq -r .errorType <<<"$reply")" \
        '503 ServiceUnavailable'
    start_store || { not_ok "$store: it starts" "$(tail -n 1 "$work/store.log")"; return; }
    check "$store: ready when it is there" until_true readiness_is '[]'
    for n in {1..6}; do
        submit_kept "select pg_sleep(0.$n)"
    done
    (sleep 0.3 && kill -"$store_signal" "${store_pids[@]}") &
    for n in {7..40}; do
        submit_kept "select $n"
    done
    wait $!
    kill_store
    check "$store: not ready when it leaves" until_true readiness_is '["tracker"]'
    submit_kept 'select 41'
    equal "$store: requests are answered 503 again" "$code" 503
    text=$(jq -r .errorMessage <<<"$reply")
    [[ ${#text} -gt 10 ]] || not_ok "$store: with a text" "$reply"
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(new_task '{}' && jq -cn --arg token "$task_token" \
        --arg sql "select 42 -- $marker" '{sqlStatement: $sql, taskToken: $token}')"
    lines=$(wc -l <"$daemon_log")
    sleep 12 # read on, the message would be a dead letter after five receipts
    check "$store: the log is not flooded" [ $(($(wc -l <"$daemon_log") - lines)) -lt 10 ]
    check "$store: the request is no dead letter" queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL-dead"
    start_store || not_ok "$store: it starts again" "$(tail -n 1 "$work/store.log")"
    check "$store: ready when it is back" until_true readiness_is '[]'
    for n in "${!codes[@]}"; do
        if [[ ${codes[$n]} == 20? ]]; then
            accepted=$((accepted + 1))
        else
            refused=$((refused + 1))
        fi
    done
    check "$store: some were accepted and some were not" [ "$accepted" -gt 5 -a "$refused" -gt 1 ]
    for n in "${!codes[@]}"; do
        [[ ${codes[$n]} == 20? ]] || post "${bodies[$n]}"
        [[ ${codes[$n]} == 20? || $code == 20? ]] || not_ok "$store: task $n is accepted now" "$code $reply"
    done
    check "$store: every task is closed" until_true all_closed
    holds "$store: each was answered once" \
        "$(curl -sS "$control_url/tasks" | jq -c '[.tasks[] | del(.taskToken)]')" \
        'all(.state == "SUCCEEDED" and .accepted == 1)'
    equal "$store: no statement has run twice" "$(run_twice)" 0
    check "$store: the queues drain" until_true queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL"
    stop_daemon "$daemon_pid"
    equal "$store: the service ends with status 0" $? 0
    end_stack
    kill_store
}

# ---- A queue ------------------------------------------------------------------------------------

delete_queue() {
    jq -n --arg url "$1" '{QueueUrl: $url}' | sqs DeleteQueue >/dev/null
}

# Makes the queue $1 anew; a minute must pass since it was deleted.
recreated() {
    create_queue "$1"
}

queue_away() {
    local queues
    begin_stack --queues events-of-nobody,ringback-requests || { not_ok 'queue: the stand-in starts'; return; }
    queues=$AWS_ENDPOINT_URL/000000000000
    export RINGBACK_EVENT_QUEUE_URL=$queues/ringback-events
    export RINGBACK_REQUEST_QUEUE_URL=$queues/ringback-requests
    export RINGBACK_SWEEP_SECONDS=1 RINGBACK_OVERDUE_SECONDS=1
    start_daemon serve || { not_ok 'queue: starts without it' "$(tail -n 1 "$daemon_log")"; return; }
    check 'queue: not ready, and why' until_true readiness_is '["event queue"]'
    submit "{\"sqlStatement\":\"select 1 -- $marker\"}"
    equal 'queue: requests are accepted' "$code" 202
    holds 'queue: and answered by the sweep' "$(ended_task "$task")" \
        '.state == "SUCCEEDED" and .output.ringback.learnedFrom == "sweep"'
    create_queue ringback-events >/dev/null
    check 'queue: ready when it is there' until_true readiness_is '[]'
    delete_queue "$RINGBACK_REQUEST_QUEUE_URL"
    check 'queue: not ready without the request queue' until_true readiness_is '["request queue"]'
    check 'queue: a minute later it is made anew' until_true recreated ringback-requests
    new_task '{}'
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(jq -cn --arg token "$task_token" \
        --arg sql "select 3 -- $marker" '{sqlStatement: $sql, taskToken: $token}')"
    holds 'queue: and its requests are handled' "$(ended_task "$task")" '.state == "SUCCEEDED"'
    check 'queue: ready again' until_true readiness_is '[]'
    equal 'queue: the log says once per change that it is away' "$(logged 'queue cannot be read')" 2
    equal 'queue: and that it is back' "$(logged 'queue is read again')" 2
    end_stack
}

aws_away
tracker_away redis
tracker_away redis-cluster
tracker_away dynamodb
queue_away
secrets_kept 'no token, no SQL and no credential is in a log'
finish
