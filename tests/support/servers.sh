# shellcheck shell=bash
# Sourced by tests/run.sh and by scripts that need a real server: starts private ones on free ports
# of 127.0.0.1, in a folder of their own. servers_stop ends them all.
servers_dir=
servers_pids=()
servers_postgres=()

# The folder of the servers' files; the user who runs PostgreSQL can reach it.
servers_init() {
    servers_dir=$(mktemp -d)
    chmod 755 "$servers_dir"
}

# Prints a port of 127.0.0.1 that is free now.
free_port() {
    node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => {
        console.log(s.address().port); s.close(); })'
}

# PostgreSQL refuses to run as root: as root, its commands run as the user postgres.
postgres_do() {
    if [[ $(id -u) == 0 ]]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# Prints the folder of PostgreSQL's server programs.
postgres_bin() {
    local bin
    for bin in /usr/lib/postgresql/*/bin; do
        [[ -x $bin/initdb ]] && echo "$bin" && return
    done
    dirname "$(command -v initdb)"
}

# Starts a PostgreSQL, named $1 beside others, and exports POSTGRES_URL.
start_postgres() {
    local bin dir=$servers_dir/postgres$1 port try
    bin=$(postgres_bin)
    mkdir "$dir" && chmod 777 "$dir"
    postgres_do "$bin/initdb" -D "$dir/data" -U postgres -A trust -N || return 1
    for try in 1 2 3 4 5; do
        port=$(free_port)
        postgres_do "$bin/pg_ctl" -D "$dir/data" -w -l "$dir/log" -o "-p $port -k '' \
            -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200" start && break
        cat "$dir/log"
        ((try < 5)) || return 1
    done
    servers_postgres+=("$dir/data")
    export POSTGRES_URL=postgresql://postgres@127.0.0.1:$port/postgres
}

# Starts a Redis, named $1 beside others, with every write on disk before it is acknowledged, and
# exports REDIS_URL. It has a database for every stack that a test may make (trackers.sh).
start_redis() {
    local dir=$servers_dir/redis$1 port try
    mkdir "$dir"
    for try in 1 2 3 4 5; do
        port=$(free_port)
        redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --appendonly yes \
            --appendfsync always --save '' --databases 1000 >"$dir/log" 2>&1 &
        servers_pids+=($!)
        redis_answers "$port" $! && break
        ((try < 5)) || return 1
    done
    export REDIS_URL=redis://127.0.0.1:$port/0
}

# Starts a Redis Cluster, named $1 beside others: three masters, then $2 replicas of each (1), every
# write on disk before it is acknowledged. A part that is away does not stop the rest, and a replica takes
# over after two seconds. Exports REDIS_CLUSTER_URL; the nodes' processes are in redis_cluster_pids,
# their ports in redis_cluster_ports.
start_redis_cluster() {
    local dir=$servers_dir/redis-cluster$1 replicas=${2:-1} node port try places=()
    redis_cluster_pids=()
    redis_cluster_ports=()
    for ((node = 0; node < 3 + 3 * replicas; node++)); do
        mkdir -p "$dir/$node"
        for try in 1 2 3 4 5; do
            port=$(free_port)
            start_cluster_node "$dir/$node" "$port" "$(free_port)" && break
            ((try < 5)) || return 1
        done
        redis_cluster_pids+=("$redis_node_pid")
        redis_cluster_ports+=("$port")
        places+=("127.0.0.1:$port")
    done
    redis-cli --cluster create "${places[@]}" --cluster-replicas "$replicas" --cluster-yes || return 1
    for port in "${redis_cluster_ports[@]}"; do
        until redis-cli -h 127.0.0.1 -p "$port" cluster info | grep -q 'cluster_state:ok'; do
            sleep 0.05
        done
    done
    export REDIS_CLUSTER_URL
    REDIS_CLUSTER_URL=redis-cluster://$(IFS=,; echo "${places[*]:0:3}")
}

# Starts, or starts again, the node in the folder $1 on port $2; $3 is for the nodes among
# themselves. Sets redis_node_pid.
start_cluster_node() {
    redis-server --bind 127.0.0.1 --port "$2" --cluster-port "$3" --dir "$1" --appendonly yes \
        --appendfsync always --save '' --cluster-enabled yes --cluster-node-timeout 2000 \
        --cluster-require-full-coverage no --cluster-replica-validity-factor 0 \
        --repl-diskless-sync-delay 0 >>"$1/log" 2>&1 &
    redis_node_pid=$!
    echo "$3" >"$1/cluster-port"
    servers_pids+=("$redis_node_pid")
    redis_answers "$2" "$redis_node_pid"
}

# Starts a dynalite, named $1 beside others, with its tables in memory, and exports DYNAMODB_URL.
start_dynalite() {
    local log=$servers_dir/dynalite$1.log
    : >"$log"
    tests/node_modules/node/bin/node tests/support/dynalite.mjs >"$log" 2>&1 &
    servers_pids+=($!)
    until grep -q '^http' "$log"; do
        kill -0 $! 2>/dev/null || { cat "$log"; return 1; }
        sleep 0.05
    done
    export DYNAMODB_URL
    DYNAMODB_URL=$(<"$log")
}

# Waits until the Redis of port $1 and process $2 answers; fails when the process has ended.
redis_answers() {
    until [[ $(redis-cli -h 127.0.0.1 -p "$1" ping 2>/dev/null) == PONG ]]; do
        kill -0 "$2" 2>/dev/null || return 1
        sleep 0.05
    done
}

# Stops what was started and removes its files.
servers_stop() {
    local data
    for data in "${servers_postgres[@]}"; do
        postgres_do "$(postgres_bin)/pg_ctl" -D "$data" -m immediate stop >/dev/null 2>&1
    done
    ((${#servers_pids[@]} == 0)) || kill "${servers_pids[@]}" 2>/dev/null
    wait "${servers_pids[@]}" 2>/dev/null
    [[ -n $servers_dir ]] && rm -rf "$servers_dir"
    return 0
}
