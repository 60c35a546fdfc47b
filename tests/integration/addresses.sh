#!/usr/bin/env bash
# Addresses, end to end with the real programs: replyTo and notify with topics, buses and queues,
# each told exactly what it should be, whatever the services answer in between; and the role that
# owns the statements.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
clean_environment
topic=arn:aws:sns:us-east-1:000000000000
bus=arn:aws:events:us-east-1:000000000000:event-bus

# Prints a request with the statement $1, which carries the marker, and the members of the object $2.
sql() {
    jq -cn --arg sql "$1 -- $marker" --argjson more "$2" '{sqlStatement: $sql} + $more'
}

# Posts the request for $1 with the members $2; sets code, reply and id.
ask() {
    post "$(sql "$1" "$2")"
    id=$(jq -r '.InvocationId // empty' <<<"$reply")
}

# Prints what the topic or bus $1 was told, as a list of {service, body, attributes}, bodies parsed.
told() {
    curl -sS "$control_url/published" | jq -c --arg target "$1" \
        '[.published[] | select(.target == $target) | del(.target) | .body |= fromjson]'
}

was_told() {
    [[ $(told "$1") != '[]' ]]
}

# Prints the reply document of the invocation $1.
document() {
    curl -sS "$RINGBACK_URL/invocations/$1/reply" | jq -cS .
}

is_settled() {
    invocation_is "$1" '.SettledAt != null'
}

# Prints what the addresses of the invocation $1 are told, as "kind state, ...", when all is over.
callbacks() {
    until_true is_settled "$1"
    invocation "$1" | jq -r '[.Callbacks[] | "\(.Kind) \(.State)"] | join(", ")'
}

reply_cases() {
    ask 'select 1 as one' "{\"replyTo\":{\"topicArn\":\"$topic:done\"}}"
    equal 'replyTo a topic: accepted' "$code" 202
    equal 'replyTo a topic: delivered' "$(callbacks "$id")" 'topic delivered'
    holds 'replyTo a topic: told once, with attributes' "$(told "$topic:done")" 'length == 1
        and (.[0] | .service == "sns" and .attributes == {invocationId: $id, outcome: "FINISHED"}
            and .body.output.detail.state == "FINISHED"
            and .body.output.ringback.invocationId == $id)' --arg id "$id"
    equal 'replyTo a topic: the document is the message' \
        "$(told "$topic:done" | jq -cS '.[0].body')" "$(document "$id")"
    holds 'replyTo a topic: is the callback of the invocation' "$(invocation "$id")" \
        '.CallbackKind == "topic" and .Callback == "delivered"'

    ask 'select * from ringback_no_such' "{\"replyTo\":{\"topicArn\":\"$topic:done.fifo\"}}"
    equal 'replyTo a FIFO topic: delivered' "$(callbacks "$id")" 'topic delivered'
    holds 'replyTo a FIFO topic: a failure, with group and deduplication' \
        "$(told "$topic:done.fifo")" 'length == 1 and (.[0] | .attributes == {invocationId: $id,
            outcome: "FAILED", MessageGroupId: $id, MessageDeduplicationId: ($id + ".1")}
            and .body.outcome == "FAILED" and .body.error == "FAILED"
            and (.body.cause.detail.error | contains("ringback_no_such")))' --arg id "$id"

    ask 'select 2 as two' '{"replyTo":{"eventBusName":"orders"}}'
    equal 'replyTo a bus: delivered' "$(callbacks "$id")" 'bus delivered'
    holds 'replyTo a bus: told once, as an event of ours' "$(told orders)" 'length == 1
        and (.[0] | .service == "events" and .attributes.source == "ringback"
            and .attributes.detailType == "Ringback Invocation Outcome"
            and (.attributes | has("resources") | not) and .body.invocationId == $id)' \
        --arg id "$id"
    equal 'replyTo a bus: the document is the detail' \
        "$(told orders | jq -cS '.[0].body')" "$(document "$id")"

    ask 'select * from ringback_no_such' "{\"replyTo\":{\"eventBusName\":\"$bus/audit\"}}"
    equal 'replyTo a bus by its ARN: delivered' "$(callbacks "$id")" 'bus delivered'
    holds 'replyTo a bus by its ARN: a failure' "$(told "$bus/audit")" 'length == 1
        and .[0].body.outcome == "FAILED"
        and (.[0].body.cause.detail.error | contains("ringback_no_such"))'
}

fifo_queue_cases() {
    local url message
    url=$(jq -n '{QueueName: "answers.fifo", Attributes: {FifoQueue: "true"}}' | sqs CreateQueue |
        jq -er .QueueUrl)
    ask 'select 3 as three' "{\"replyTo\":{\"queueUrl\":\"$url\"}}"
    message=$(jq -n --arg url "$url" '{QueueUrl: $url, WaitTimeSeconds: 20,
        MessageAttributeNames: ["All"], MessageSystemAttributeNames: ["All"]}' | sqs ReceiveMessage |
        jq -c '.Messages[0]')
    holds 'replyTo a FIFO queue: group and deduplication' "$message" '
        .Attributes.MessageGroupId == $id and .Attributes.MessageDeduplicationId == $id + ".1"
        and .MessageAttributes.outcome.StringValue == "FINISHED"
        and (.Body | fromjson | .invocationId) == $id' --arg id "$id"
}

# Prints the members of notify with addresses named after $1; the queue's URL is $2.
notify() {
    jq -cn --arg name "$1" --arg topic "$topic" --arg url "$2" '{notify: {
        onSuccess: [{topicArn: "\($topic):\($name)-good"}, {queueUrl: $url}],
        onFailure: [{topicArn: "\($topic):\($name)-bad"}, {eventBusName: "\($name)-bad"}]}}'
}

notify_cases() {
    local url message
    url=$(create_queue good)
    ask 'select 4 as four' "$(notify first "$url")"
    equal 'notify of a success: those of onSuccess' "$(callbacks "$id")" \
        'topic delivered, queue delivered, topic closed, bus closed'
    equal 'notify of a success: the topic is told once, the others are not' \
        "$(told "$topic:first-good" | jq length) $(told "$topic:first-bad") $(told first-bad)" \
        '1 [] []'
    message=$(take_message "$url")
    holds 'notify of a success: the queue too' "$message" \
        '(.Body | fromjson | .invocationId) == $id' --arg id "$id"
    check 'notify of a success: once' until_true queue_is_empty "$url"
    holds 'notify alone: the caller has no callback' "$(invocation "$id")" \
        '.Callback == null and .CallbackKind == "none"'

    ask 'select * from ringback_no_such' "$(notify second "$url")"
    equal 'notify of a failure: those of onFailure' "$(callbacks "$id")" \
        'topic closed, queue closed, topic delivered, bus delivered'
    equal 'notify of a failure: each is told once' \
        "$(told "$topic:second-bad" | jq -c 'map(.body.outcome)') $(told second-bad | jq length) $(told \
            "$topic:second-good")" '["FAILED"] 1 []'
    check 'notify of a failure: the queue is not' until_true queue_is_empty "$url"

    submit "$(sql 'select 5 as five' "$(jq -c --arg arn "$topic:third" '. + {replyTo: {topicArn: $arn},
        requestKey: "third"}' <<<"$(notify third "$url")")")"
    equal 'notify beside a task and a topic' "$(callbacks "$id")" 'task-token delivered, topic delivered,'\
' topic delivered, queue delivered, topic closed, bus closed'
    take_message "$url" >/dev/null
    post "$(sql 'select 5 as five' '{"requestKey":"third","replyTo":{"eventBusName":"late"},
        "notify":{"onSuccess":{"eventBusName":"later"}}}')"
    equal 'a repeat adopts the work for its replyTo' "$code" 200
    check 'and it is told the same' until_true was_told late
    equal 'byte for byte' "$(told late | jq -cS '.[0].body')" \
        "$(told "$topic:third" | jq -cS '.[0].body')"
    until_true is_settled "$id"
    equal 'notify of a repeat is passed over' "$(told later)" '[]'
    ended_task "$task" >/dev/null
}

# Nobody reads a reply on the request queue: who can be told is.
refused_cases() {
    send "$RINGBACK_REQUEST_QUEUE_URL" "{\"sqlStatement\":7,\"replyTo\":{\"topicArn\":\"$topic:no\"},
        \"notify\":{\"onSuccess\":{\"eventBusName\":\"no-good\"},\"onFailure\":{\"eventBusName\":\"no\"}}}"
    check 'a refused request: its topic is told' until_true was_told "$topic:no"
    holds 'a refused request: is REJECTED' "$(told "$topic:no")" 'length == 1
        and .[0].body.outcome == "REJECTED" and .[0].attributes.outcome == "REJECTED"'
    check 'a refused request: onFailure is told' until_true was_told no
    equal 'a refused request: onSuccess is not' "$(told no-good)" '[]'
    check 'a refused request: is taken off the queue' until_true queue_is_empty \
        "$RINGBACK_REQUEST_QUEUE_URL"
}

# Whatever the services answer, in the end each has been told, always with the same bytes.
fault_cases() {
    local ids=() n all published
    published=$(calls Publish)
    faults '{"throttle.Publish": 1, "throttle.PutEvents": 1}'
    ask 'select 6 as six' "{\"replyTo\":{\"topicArn\":\"$topic:throttled\"},
        \"notify\":{\"onSuccess\":{\"eventBusName\":\"throttled\"}}}"
    check 'throttled: the outcome is chosen' until_true invocation_is "$id" \
        '.Outcome == "FINISHED" and all(.Callbacks[]; .State == "chosen")'
    check 'throttled: it is tried again' until_true calls_reach Publish $((published + 4))
    equal 'throttled: nothing is told' "$(told "$topic:throttled")$(told throttled)" '[][]'
    faults '{}'
    equal 'throttled no more: both are delivered' "$(callbacks "$id")" 'topic delivered, bus delivered'
    equal 'throttled no more: each once' \
        "$(told "$topic:throttled" | jq length) $(told throttled | jq length)" '1 1'

    faults '{"5xx.Publish": 0.5, "reset.Publish": 0.5, "5xx.PutEvents": 0.5, "reset.PutEvents": 0.5}'
    for n in 1 2 3 4 5 6; do
        ask "select $n" "{\"replyTo\":{\"topicArn\":\"$topic:faulty\"},
            \"notify\":{\"onSuccess\":{\"eventBusName\":\"faulty\"}}}"
        ids+=("$id")
    done
    check 'faulty: some are told and cannot know it' until_true told_again "$topic:faulty"
    faults '{}'
    for n in "${ids[@]}"; do
        equal 'faulty: delivered in the end' "$(callbacks "$n")" 'topic delivered, bus delivered'
    done
    all=$(curl -sS "$control_url/published" | jq -c '[.published[] | select(.target | endswith("faulty"))]')
    holds 'faulty: at least once, the same bytes every time' "$all" \
        'group_by([.target, (.body | fromjson | .invocationId)])
        | length == 12 and all(.[]; (map(.body) | unique | length) == 1)'
}

# Prints how often the operation $1 was called.
calls() {
    curl -sS "$control_url/calls" | jq --arg name "$1" '.calls[$name] // 0'
}

calls_reach() {
    (($(calls "$1") >= $2))
}

# The topic $1 was told one thing twice.
told_again() {
    told "$1" | jq -e 'any(group_by(.body.invocationId)[]; length > 1)'
}

# Prints who signed the calls of the service $1, each once.
signers() {
    sed -n "s/^$1 //p" "$stack_dir/signers" | sort -u | paste -sd ' '
}

# The role that owns the statements signs every call of the Data API, and no other.
role_cases() {
    local recorder statements
    : >"$stack_dir/signers"
    node tests/support/recorder.mjs "$AWS_ENDPOINT_URL" "$stack_dir/signers" >"$stack_dir/recorder" &
    recorder=$!
    stack_pids+=("$recorder")
    wait_for "$recorder" test -s "$stack_dir/recorder" || { not_ok 'the recorder starts'; return; }
    AWS_ENDPOINT_URL=$(<"$stack_dir/recorder")
    export AWS_ENDPOINT_URL RINGBACK_STATEMENT_ROLE_ARN=arn:aws:iam::000000000000:role/statements
    start_daemon serve || { not_ok 'with a role: the service starts'; return; }
    submit "$(sql 'select 8 as eight' "{\"replyTo\":{\"topicArn\":\"$topic:role\"},
        \"notify\":{\"onSuccess\":{\"eventBusName\":\"role\"}}}")"
    equal 'with a role: a statement runs, all are told' "$(callbacks "$id")" \
        'task-token delivered, topic delivered, bus delivered'
    submit "$(sql 'select * from ringback_no_such' '{}')"
    holds 'with a role: the text of a failure is asked for' "$(ended_task "$task")" \
        '.cause.detail.error | contains("ringback_no_such")'
    stop_daemon "$daemon_pid"
    statements=$(signers redshift-data)
    check 'with a role: it alone signs what concerns statements' \
        grep -qxE 'ASIA[A-Z0-9]+' <<<"$statements"
    equal 'with a role: all else is signed as before' \
        "$(signers sqs), $(signers states), $(signers sns), $(signers events), $(signers sts)" \
        'AKIDLOCAL, AKIDLOCAL, AKIDLOCAL, AKIDLOCAL, AKIDLOCAL'
    equal 'with a role: it is assumed once' "$(grep -c '^sts ' "$stack_dir/signers")" 1
}

# What no topic and no bus can be is refused, with field and rule.
bad_cases() {
    local members text
    while IFS='#' read -r members text; do
        ask 'select 7 as seven' "$(jq -cn --arg topic "$topic:t" "$members")"
        equal "refused: ${text%%:*}" "$code $(jq -r '.errorType + " " + .errorMessage' <<<"$reply")" \
            "400 InvalidRequest $text"
    done <<'BAD'
{replyTo: {topicArn: "t"}}#replyTo.topicArn: must be a topic's ARN
{replyTo: {eventBusName: "a b"}}#replyTo.eventBusName: must be the name or the ARN of an event bus
{replyTo: {topicArn: $topic, eventBusName: "b"}}#replyTo: exactly one of queueUrl, topicArn and eventBusName is needed
{notify: {onSucces: {topicArn: $topic}}}#notify.onSucces: unknown field
{notify: {onFailure: [{topicArn: $topic}, {queueUrl: "q"}]}}#notify.onFailure[1].queueUrl: must be a queue's URL
{notify: {onSuccess: [range(8) | {topicArn: $topic}]}}#notify.onSuccess: must hold 1 to 7 addresses, those of notify together
{taskToken: "t", replyTo: {topicArn: $topic}, notify: {onSuccess: [range(7) | {topicArn: $topic}]}}#notify: an invocation has at most 8 addresses with taskToken and replyTo, got 9
BAD
}

begin_stack || not_ok 'the stand-in starts'
export RINGBACK_SWEEP_SECONDS=1
start_daemon serve || not_ok 'the service starts' "$(tail -n 1 "$daemon_log")"
reply_cases
fifo_queue_cases
notify_cases
refused_cases
bad_cases
fault_cases
equal 'no statement has run twice' "$(run_twice)" 0
stop_daemon "$daemon_pid"
equal 'the service ends with status 0' $? 0
role_cases
end_stack
secrets_kept 'no token, no SQL and no credential is in a log'
finish
