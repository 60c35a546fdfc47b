# shellcheck shell=bash
# Sourced by test scripts through stack_cases.sh, or after infra/local/stack.sh: the store that a
# stack's daemons share. TEST_TRACKER, which is read here alone, says of which kind it is: sqlite (the
# default), redis, redis-cluster or dynamodb. The servers are those of REDIS_URL, REDIS_CLUSTER_URL
# and DYNAMODB_URL.
# shellcheck disable=SC2154
tracker=${TEST_TRACKER:-sqlite}

# Points the tracker at an empty store that no other stack uses, and fails where there is no server
# for it. A Redis Cluster has no databases: there a stack is alone with its servers.
use_tracker() {
    local number
    case $tracker in
        sqlite) export RINGBACK_TRACKER_URL=sqlite:$stack_dir/ringback.db ;;
        redis)
            number=$(redis-cli -u "${REDIS_URL:?}" incr test-databases) &&
                export RINGBACK_TRACKER_URL=${REDIS_URL%/*}/$number
            ;;
        redis-cluster)
            export RINGBACK_TRACKER_URL=${REDIS_CLUSTER_URL:?}
            on_each_redis flushall >/dev/null
            ;;
        dynamodb) : "${DYNAMODB_URL:?}" && use_dynamodb ;;
        *) echo "TEST_TRACKER=$tracker: no such kind" >&2 && return 1 ;;
    esac
}

# Runs the command on each Redis that the tracker is made of; on none when it is another store.
on_each_redis() {
    local place places=()
    case $RINGBACK_TRACKER_URL in
        redis://*) places=("$RINGBACK_TRACKER_URL") ;;
        redis-cluster://*) IFS=, read -ra places <<<"${RINGBACK_TRACKER_URL#redis-cluster://}" ;;
    esac
    for place in "${places[@]}"; do
        redis-cli -u "redis://${place#redis://}" "$@" || return 1
    done
}

# Prints all that the store holds, as text.
dump_store() {
    case $RINGBACK_TRACKER_URL in
        sqlite:*) strings -n 6 "${RINGBACK_TRACKER_URL#sqlite:}"* ;;
        dynamodb:*)
            curl -sS --aws-sigv4 aws:amz:us-east-1:dynamodb --user a:b "$AWS_ENDPOINT_URL_DYNAMODB" \
                -H 'X-Amz-Target: DynamoDB_20120810.Scan' -H 'Content-Type: application/x-amz-json-1.0' \
                -d "{\"TableName\":\"${RINGBACK_TRACKER_URL#dynamodb:}\"}" |
                jq -r '.Items[] | .. | objects | .S // empty, (.B // empty | @base64d)'
            ;;
        *) on_each_redis --no-raw eval "$dump_redis" 0 ;;
    esac
}

# Every key with what it holds; a set has names alone, which the records have as well.
dump_redis='local all = {}
for _, key in ipairs(redis.call("KEYS", "*")) do
    local kind = redis.call("TYPE", key).ok
    all[#all + 1] = key
    all[#all + 1] = kind == "hash" and redis.call("HGETALL", key) or kind == "string" and redis.call("GET", key) or kind
end
return all'
