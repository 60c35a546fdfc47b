# shellcheck shell=bash
# Sourced by scripts that test the real binaries end to end: stacks of `ringback local` and daemons,
# requests over HTTP and the queue, and what is seen of them. Every token and every SQL text of a
# script is a secret that no log may hold: secrets_kept looks.
# shellcheck disable=SC2034
source tests/support/script.sh
source infra/local/stack.sh
source tests/support/trackers.sh
ringback=$BUILD_DIR/ringback
work=$(mktemp -d)
marker=marker_$$_of_sql
queue_region=us-east-1
patience=${TEST_PATIENCE:-30} # seconds until a wait gives up; nothing takes that long
daemon_pids=()

# ---- Stacks -------------------------------------------------------------------------------------

# A stand-in for AWS with the flags given and an empty store, and no daemon yet; the settings of the
# stack before are forgotten. Its key is its own: what still looks for another stand-in at a port of the past is not
# let in.
# shellcheck disable=SC2120
begin_stack() {
    local name
    for name in $(compgen -e | grep -E '^(AWS|RINGBACK)_'); do
        unset "$name"
    done
    stack_dir=$(mktemp -d)
    aws_secret=local-secret-$RANDOM$RANDOM
    echo "$aws_secret" >>"$work/secrets"
    start_local --credentials "AKIDLOCAL:$aws_secret" "$@" && use_tracker
}

# Starts `ringback $1` (serve, invoker, completer), the rest of the arguments before the command.
# Sets daemon_pid, admin_url and, where there is one, RINGBACK_URL. Its log is daemon.log.
start_daemon() {
    local command=$1 log
    shift
    log=$(mktemp "$stack_dir/$command.XXXXXX.log")
    env -u RINGBACK_URL RINGBACK_HTTP_LISTEN=127.0.0.1:0 RINGBACK_ADMIN_LISTEN=127.0.0.1:0 \
        "$@" "$ringback" "$command" 2>"$log" &
    daemon_pid=$!
    daemon_log=$log
    stack_pids+=("$daemon_pid")
    wait_for "$daemon_pid" address_of "$log" admin || return 1
    admin_url=http://$(address_of "$log" admin)
    if [[ $command != completer ]]; then
        wait_for "$daemon_pid" address_of "$log" http || return 1
        export RINGBACK_URL
        RINGBACK_URL=http://$(address_of "$log" http)
    fi
}

# Asks the daemon $1 to stop and waits for it; its exit status is the answer.
stop_daemon() {
    kill "$1" 2>/dev/null
    wait "$1"
}

# Ends the stack; its logs and the tokens it gave out are kept for secrets_kept.
end_stack() {
    curl -sS "$control_url/tasks" 2>/dev/null | jq -r '.tasks[].taskToken' >>"$work/secrets"
    local pid
    for pid in "${stack_pids[@]:1}"; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    cat "$stack_dir"/*.log >>"$work/logs" 2>/dev/null
    stop_stack
}

# No log of the stacks so far holds a token, an SQL text or a credential.
secrets_kept() {
    echo "$marker" >>"$work/secrets"
    if grep -F -m 1 -f <(sed '/^$/d' "$work/secrets") "$work/logs" >"$work/leak"; then
        not_ok "$1" "a log holds a secret: $(cut -c 1-300 "$work/leak")"
    elif [[ ! -s $work/logs ]]; then
        not_ok "$1" 'there is no log'
    else
        ok "$1"
    fi
}

leave() {
    trap - EXIT
    stop_stack
    rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

# ---- Waiting ------------------------------------------------------------------------------------

# Waits until the command that follows succeeds.
until_true() {
    local end=$((SECONDS + patience))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || return 1
        sleep 0.03
    done
}

# ---- Requests -----------------------------------------------------------------------------------

# Posts the JSON $1 (more arguments go to curl); sets code and reply.
post() {
    local body=$1 out
    shift
    out=$(curl -sS -m 60 -w '\n%{http_code}' -H 'Content-Type: application/json' "$@" \
        --data-binary @- "$RINGBACK_URL/invocations" <<<"$body" 2>&1)
    code=${out##*$'\n'}
    reply=${out%$'\n'*}
}

# Posts the request $1 with the token of a new task; sets task, task_token, code, reply, id.
submit() {
    new_task "${2:-{\}}" || return 1
    post "$(jq -c --arg token "$task_token" '. + {taskToken: $token}' <<<"$1")"
    id=$(jq -r '.InvocationId // empty' <<<"$reply")
}

# Prints the number that the statement $1 finds, asked through the service itself.
number_of() {
    post "$(jq -cn --arg sql "$1 -- $marker" '{sqlStatement: $sql}')"
    local statement
    statement=$(jq -r .Id <<<"$reply")
    until_true statement_is "$statement" FINISHED
    post "{\"action\":\"getStatementResult\",\"statementId\":\"$statement\"}"
    jq -r '.Records[0][0] | .longValue // .stringValue' <<<"$reply"
}

# Waits for the end of task $1 and prints it, without its token, with output and cause parsed.
ended_task() {
    until_true task_is_closed "$1"
    task_of "$1" | jq -c 'del(.taskToken) | .output = (.output | if . then fromjson else . end)
        | .cause = (.cause | if . then fromjson else . end)'
}

# Prints what the service says about the invocation $1.
invocation() {
    curl -sS "$RINGBACK_URL/invocations/$1"
}

invocation_is() {
    invocation "$1" | jq -e "$2"
}

# Prints the statement with the Id or name $1 as the stand-in has it.
statement_of() {
    curl -sS "$control_url/statements" |
        jq -c --arg id "$1" '.statements[] | select(.id == $id or .name == $id)'
}

statement_is() {
    [[ $(statement_of "$1" | jq -r .status) == "$2" ]]
}

# Prints how many statements have run more than once.
run_twice() {
    curl -sS "$control_url/statements" | jq '[.statements[] | select(.runs > 1)] | length'
}

# Prints why each parked message is, one a line behind what else is listed of it.
parked_reasons() {
    env -u RINGBACK_URL "$ringback" redrive | sed 1,2d
}

# Prints the counter $1 of the daemon, without ringback_.
metric() {
    curl -sS "$admin_url/metrics" | sed -n "s/^ringback_$1 //p"
}

metric_is() {
    [[ $(metric "$1") == "$2" ]]
}

# Puts the JSON $1 in place of all faults.
faults() {
    curl -sS --fail-with-body -X PUT --data "$1" "$control_url/faults" >/dev/null
}

# The case $1 passes when the jq filter $3 is true of the JSON $2; more arguments go to jq. Of
# nothing at all jq says that everything is true.
holds() {
    local name=$1 json=$2 filter=$3
    shift 3
    if [[ $json == *[![:space:]]* ]] && jq -e "$@" "$filter" <<<"$json" >/dev/null 2>&1; then
        ok "$name"
    else
        not_ok "$name" "not so: ${filter//$'\n'/ }: $(cut -c 1-1500 <<<"$json")"
    fi
}

# ---- Queues -------------------------------------------------------------------------------------

sqs() {
    aws_call sqs "AmazonSQS.$1"
}

# Makes the queue $1 and prints its URL.
create_queue() {
    jq -n --arg name "$1" '{QueueName: $name}' | sqs CreateQueue | jq -er .QueueUrl
}

# Puts the text $2 on the queue with the URL $1.
send() {
    printf '%s' "$2" | jq -Rs --arg url "$1" '{QueueUrl: $url, MessageBody: .}' |
        sqs SendMessage >/dev/null
}

# Prints the first message of the queue $1 with its attributes and takes it off; waits for one.
take_message() {
    local message end=$((SECONDS + patience))
    while ((SECONDS < end)); do
        message=$(jq -n --arg url "$1" '{QueueUrl: $url, WaitTimeSeconds: 5,
            MessageAttributeNames: ["All"]}' | sqs ReceiveMessage | jq -c '.Messages[0] // empty')
        if [[ -n $message ]]; then
            jq --arg url "$1" '{QueueUrl: $url, ReceiptHandle}' <<<"$message" | sqs DeleteMessage >/dev/null
            printf '%s\n' "$message"
            return
        fi
    done
    return 1
}

# The queue $1 holds nothing, neither visible nor in flight.
queue_is_empty() {
    jq -n --arg url "$1" '{QueueUrl: $url, AttributeNames: ["All"]}' | sqs GetQueueAttributes |
        jq -e '.Attributes | .ApproximateNumberOfMessages == "0"
            and .ApproximateNumberOfMessagesNotVisible == "0"'
}
