# shellcheck shell=bash
# Sourced by scripts that test the Lambda front, after stack_cases.sh: `ringback lambda` with Lambda
# around it (tests/support/lambda_api.mjs), and what SQS, SNS and EventBridge hand to a function.
# shellcheck disable=SC2034,SC2154

function_command=("$ringback") # what is run as the function

# Starts Lambda and the function; the arguments are settings of the function, NAME=VALUE. Sets
# function_pid, lambda_url and function_began, the time in microseconds.
start_function() {
    local api
    rm -f "$stack_dir/lambda_api" # of the function before
    node tests/support/lambda_api.mjs >"$stack_dir/lambda_api" &
    stack_pids+=($!)
    wait_for $! grep -q : "$stack_dir/lambda_api" || return 1
    api=$(cat "$stack_dir/lambda_api")
    lambda_url=http://$api
    function_began=${EPOCHREALTIME/[.,]/}
    env AWS_LAMBDA_RUNTIME_API="$api" "$@" "${function_command[@]}" 2>"$stack_dir/lambda.log" &
    function_pid=$!
    stack_pids+=("$function_pid")
    wait_for "$function_pid" function_waits
}

function_waits() {
    curl -sS "$lambda_url/state" | jq -e .waiting
}

# Invokes the function with the JSON $1; $2 is the query, such as "seconds=3&id=ID". Sets reply, and
# error: the type that Lambda reports, or empty.
invoke() {
    printf '%s' "$1" >"$work/body"
    invoke_file "${2:-}"
}

# The same with the file body as it is.
invoke_file() {
    local out
    out=$(curl -sS -m 60 -w '\n%header{x-amz-function-error};' --data-binary "@$work/body" \
        "$lambda_url/2015-03-31/functions/function/invocations?${1:-}" 2>&1)
    error=${out##*$'\n'}
    error=${error%;}
    reply=${out%$'\n'*}
}

# Prints the event that SQS makes of the messages in $1, a JSON array of {id, body, source?}; $2 is
# the name of their queue.
queue_event() {
    jq -c --arg queue "$2" '{Records: map({messageId: .id, receiptHandle: "h", body: .body,
        attributes: {ApproximateReceiveCount: "1", SentTimestamp: "1795178096000",
            SenderId: "AIDA", ApproximateFirstReceiveTimestamp: "1795178096001"},
        messageAttributes: {}, md5OfBody: "", eventSource: "aws:sqs",
        eventSourceARN: "arn:aws:sqs:us-east-1:000000000000:\($queue)", awsRegion: "us-east-1"})}' <<<"$1"
}

# Prints the event that SNS makes of the text $1, whose message id is $2.
topic_event() {
    jq -cn --arg message "$1" --arg id "$2" '{Records: [{EventSource: "aws:sns", EventVersion: "1.0",
        EventSubscriptionArn: "arn:aws:sns:us-east-1:000000000000:requests:1", Sns: {Type: "Notification",
            MessageId: $id, TopicArn: "arn:aws:sns:us-east-1:000000000000:requests", Subject: null,
            Message: $message, Timestamp: "2026-11-20T12:34:56.000Z", SignatureVersion: "1",
            Signature: "s", SigningCertUrl: "https://c", UnsubscribeUrl: "https://u",
            MessageAttributes: {}}}]}'
}

# What an event source mapping does, once: takes what is in the queue $1, invokes the function with
# it and deletes what has not failed. Sets received, the number of messages.
map_queue() {
    local messages
    messages=$(jq -n --arg url "$1" '{QueueUrl: $url, MaxNumberOfMessages: 10}' | sqs ReceiveMessage |
        jq -c '.Messages // []')
    received=$(jq length <<<"$messages")
    ((received > 0)) || return 0
    invoke "$(queue_event "$(jq -c 'map({id: .MessageId, body: .Body})' <<<"$messages")" "${1##*/}")"
    [[ -z $error ]] || return 1
    jq --arg url "$1" --argjson result "$reply" '{QueueUrl: $url, Entries: [to_entries[]
        | select(.value.MessageId as $id | all($result.batchItemFailures[]; .itemIdentifier != $id))
        | {Id: (.key | tostring), ReceiptHandle: .value.ReceiptHandle}]}' <<<"$messages" |
        sqs DeleteMessageBatch >/dev/null
}

# The task $1 is closed, by events that the mapping of the event queue has brought.
is_rung_back() {
    map_queue "$RINGBACK_EVENT_QUEUE_URL" && task_is_closed "$1"
}
