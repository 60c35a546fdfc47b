# shellcheck shell=bash
# Sourced by the demo and by test scripts: starts `ringback local` and `ringback serve` on free
# ports, talks to them and stops them. The caller sets ringback, the binary to use.
# shellcheck disable=SC2034,SC2154
stack_dir=
stack_pids=()

# Takes the machine's settings for AWS and for ringback out of the environment.
clean_environment() {
    local name
    for name in $(compgen -e | grep -E '^(AWS|RINGBACK)_') CLUSTER_IDENTIFIER WORKGROUP_NAME DATABASE \
        DB_USER SECRET_ARN LOG_LEVEL DDB_TABLE_NAME; do
        unset "$name"
    done
    export no_proxy=127.0.0.1,localhost NO_PROXY=127.0.0.1,localhost
}

# Waits until the command that follows succeeds; fails after 20 s, or when the process $1 has ended.
wait_for() {
    local pid=$1 end=$((SECONDS + 20))
    shift
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null && ((SECONDS < end)) || return 1
        sleep 0.02
    done
}

# Prints the address at which the log $1 says that $2 listens.
address_of() {
    jq -ern --arg name "$2" 'first(inputs | select(.message == "listening" and .name == $name)).address' "$1"
}

# Starts the stand-in for AWS, with the flags given, and points the environment at it; sets
# control_url. Its log is local.log in stack_dir.
start_local() {
    [[ -n $stack_dir ]] || stack_dir=$(mktemp -d)
    "$ringback" local --listen 127.0.0.1:0 "$@" >"$stack_dir/exports" 2>"$stack_dir/local.log" &
    stack_pids+=($!)
    wait_for $! grep -q '^export DB_USER=' "$stack_dir/exports" || return 1
    eval "$(cat "$stack_dir/exports")"
    control_url=$AWS_ENDPOINT_URL/_ringback
}

# Starts the service with its tracker in stack_dir; the arguments go before the command (valgrind
# and the like). Sets serve_pid, admin_url and RINGBACK_URL. Its log is serve.log in stack_dir.
start_serve() {
    : >"$stack_dir/serve.log"
    export RINGBACK_TRACKER_URL=${RINGBACK_TRACKER_URL:-sqlite:$stack_dir/ringback.db}
    env -u RINGBACK_URL RINGBACK_HTTP_LISTEN=127.0.0.1:0 RINGBACK_ADMIN_LISTEN=127.0.0.1:0 \
        "$@" "$ringback" serve >/dev/null 2>"$stack_dir/serve.log" &
    serve_pid=$!
    stack_pids+=("$serve_pid")
    wait_for "$serve_pid" address_of "$stack_dir/serve.log" http || return 1
    wait_for "$serve_pid" address_of "$stack_dir/serve.log" admin || return 1
    export RINGBACK_URL
    RINGBACK_URL=http://$(address_of "$stack_dir/serve.log" http)
    admin_url=http://$(address_of "$stack_dir/serve.log" admin)
}

# Points the tracker at a table of its own, made here, of the DynamoDB at DYNAMODB_URL. What doctor
# says of anything else does not matter.
use_dynamodb() {
    export AWS_ENDPOINT_URL_DYNAMODB=$DYNAMODB_URL RINGBACK_TRACKER_URL=dynamodb:ringback-$$-$RANDOM
    grep -q '^ok  *create table: made$' <<<"$(env -u RINGBACK_URL "$ringback" doctor --create-table)"
}

# Ends what was started, the last first, and removes its files.
stop_stack() {
    local i
    for ((i = ${#stack_pids[@]} - 1; i >= 0; i--)); do
        kill "${stack_pids[i]}" 2>/dev/null || true
        wait "${stack_pids[i]}" 2>/dev/null || true
    done
    stack_pids=()
    [[ -z $stack_dir ]] || rm -rf "$stack_dir"
    stack_dir=
}

# Calls the operation $2 (X-Amz-Target) of the AWS service $1 with the JSON on stdin.
aws_call() {
    curl -sS --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:$1" \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "X-Amz-Target: $2" \
        -H 'Content-Type: application/x-amz-json-1.1' --data-binary @- "$AWS_ENDPOINT_URL/"
}

# Mints a task token with the members $1 ("{}": neither heartbeat nor timeout); sets task, its
# number, and task_token.
new_task() {
    local reply
    reply=$(curl -sS --fail-with-body --json "$1" "$control_url/tasks") || return 1
    task=$(jq -er .n <<<"$reply")
    task_token=$(jq -er .taskToken <<<"$reply")
}

# Prints the task $1 as the stand-in has it.
task_of() {
    curl -sS "$control_url/tasks" | jq -c --argjson n "$1" '.tasks[] | select(.n == $n)'
}

task_is_closed() {
    [[ $(task_of "$1" | jq -r .state) != RUNNING ]]
}

# Prints the callback of the task on stdin as {outcome, output}.
callback_of_task() {
    jq -c 'if .state == "SUCCEEDED" then {outcome: "FINISHED", output: (.output | fromjson)}
           else {outcome: .error, output: (.cause | fromjson)} end'
}

invocation_is_running() {
    [[ $(curl -sS "$RINGBACK_URL/invocations/$1" | jq -r .Statement) == running ]]
}
