#!/usr/bin/env bash
# docs/requests.md and docs/migration.md: every example is posted to a real service on the stand-in,
# in the order of the page, and every reply compared. A block belongs to the comment before it:
#     <!-- request: 202 -->           posted; the status must be this one
#     <!-- request: 200 FINISHED -->  posted once the invocation of the request before has this outcome
#     <!-- reply -->                  of the request before: errors are equal, others have the members
#     <!-- document -->               what the caller is told; <!-- invocation -->: GET /invocations/{id}
#     <!-- result -->                 what it is told of the rows, equal but for the id
#     <!-- failure -->                its outcome and the database's text
#     <!-- targets -->                RINGBACK_TARGETS_FILE; <!-- state -->: of a Step Functions machine
#     <!-- pattern -->                of a rule: what a bus was told has this source and detail type
#     <!-- direct -->                 a state that calls the Data API itself
#     <!-- response -->               what the ResponseURL of the request before is given
#     <!-- script: s3://b/k.sql -->   SQL that is put there
#     <!-- before -->                 what was there before ringback: shown, not run
# The requests of docs/examples/requests are run to their end.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
source infra/local/stack.sh
source tests/support/trackers.sh
page=
ringback=${BUILD_DIR:-$PWD/build}/ringback
blocks=$(mktemp -d)
session_id='' statement_id='' invocation_id='' batch_id='' next_token='' response_number='' status='' reply=''
trap 'stop_stack; rm -rf "$blocks"' EXIT

# Writes the n-th block to n.json, "kind<TAB>status<TAB>outcome<TAB>line" to the index.
split_page() {
    awk -v out="$blocks" '
        /^<!-- (request: [0-9]+( [A-Z]+)?|script: [^ ]+) -->$/ ||
        /^<!-- (reply|document|result|failure|invocation|targets|pattern|state|direct|response|before) -->$/ {
            kind = $2; sub(/:$/, "", kind)
            code = kind == "request" || kind == "script" ? $3 : "-"
            outcome = kind == "request" && $4 != "-->" ? $4 : "-"
            next}
        /^```(json|sql)$/ {
            inside = 1; n++
            printf "%s\t%s\t%s\t%d\n", kind == "" ? "unmarked" : kind, code, outcome, NR >(out "/index")
            kind = ""; next}
        /^```$/ {inside = 0}
        inside {print >(out "/" n ".json")}' "$page"
}

# The block $1 with the values that the page cannot know.
filled() {
    sed -e "s|TASK_TOKEN|$task_token|; s|SESSION_ID|$session_id|; s|STATEMENT_ID|$statement_id|" \
        -e "s|BATCH_ID|$batch_id|; s|NEXT_TOKEN|$next_token|; s|QUEUE_URL|$AWS_ENDPOINT_URL/000000000000/answers|" \
        -e "s|RESPONSE_URL|${response_url//&/\\&}|" "$1"
}

# Mints a ResponseURL; sets response_number and response_url.
new_response() {
    local made
    made=$(curl -sS -X POST "$control_url/responses") || return 1
    response_number=$(jq -r .n <<<"$made")
    response_url=$(jq -r .url <<<"$made")
}

# Prints the body that the last ResponseURL was given.
given_response() {
    curl -sS "$control_url/responses" | jq -er --argjson n "$response_number" \
        '.responses[] | select(.n == $n).puts[0].body'
}

post() {
    reply=$(curl -sS -w '\n%{http_code}' --json @- "$RINGBACK_URL/invocations")
    status=${reply##*$'\n'}
    reply=${reply%$'\n'*}
    invocation_id=$(jq -r '.InvocationId // empty' <<<"$reply")
    statement_id=$(jq -r --arg last "$statement_id" '.Id // $last' <<<"$reply")
    session_id=$(jq -r --arg last "$session_id" '.SessionId // $last' <<<"$reply")
    next_token=$(jq -r '.NextToken? // empty' <<<"$reply")
    batch_id=$(jq -r --arg last "$batch_id" '.sql_batch_id // $last' <<<"$reply")
}

# The paths of all members, those of arrays without their index.
shape() {
    jq -c '[paths | map(if type == "number" then 0 else . end)] | unique'
}

# The JSON on stdin in one order, with ID for the invocation's.
without_id() {
    jq -cS . | sed -E 's/[a-z2-7]{32}/ID/g'
}

get() {
    curl -sS "$RINGBACK_URL/invocations/$invocation_id$1"
}

is_settled() {
    [[ $(get '' | jq -r .SettledAt) != null ]]
}

has_outcome() {
    [[ $(get '' | jq -r .Outcome) == "$1" ]]
}

# A short statement may have ended when its request is answered, which is told then.
compare_reply() {
    [[ $status != 202 ]] || reply=$(jq -c 'del(.Outcome)' <<<"$reply")
    if jq -e 'has("errorType")' <<<"$reply" >/dev/null; then
        equal "$1" "$(jq -cS . <<<"$reply")" "$(jq -cS . "$2")"
    else
        equal "$1" "$(shape <<<"$reply")" "$(shape <"$2")"
    fi
}

# Source and detail type of the events on buses.
told_events() {
    curl -sS "$control_url/published" | jq -c '[.published[] | select(.service == "events")
        | .attributes | [.source, .detailType]] | unique[]'
}

# The task's request with its `.$` members given values, as Step Functions would send it.
state_request() {
    jq -c --arg token "$task_token" --arg n "$task" '.Parameters | .MessageBody // .Payload | with_entries(
        if .key == "taskToken.$" then {key: "taskToken", value: $token}
        elif (.key | endswith(".$")) then {key: (.key | rtrimstr(".$")), value: ("x/" + $n + "/" + .value)}
        else . end)' "$1"
}

one_block() {
    local kind=$1 code=$2 outcome=$3 name="$page:$4: $1" file=$5
    case $kind in
        request)
            [[ $outcome == - ]] || wait_for "$serve_pid" has_outcome "$outcome"
            new_task '{}' && new_response || return
            post < <(filled "$file")
            equal "$name $code" "$status" "$code"
            # What comes next on the page may build on it.
            [[ $status != 202 || -z $invocation_id ]] || wait_for "$serve_pid" is_settled ||
                not_ok "$name settles"
            ;;
        response)
            wait_for "$serve_pid" given_response
            equal "$name" "$(given_response | shape)" "$(shape <"$file")"
            ;;
        script) put_script "$code" "$file" ;;
        before) check "$name" jq -e . "$file" ;;
        reply) compare_reply "$name" "$file" ;;
        document) equal "$name" "$(get /reply | shape)" "$(shape <"$file")" ;;
        result)
            equal "$name" "$(get /reply | jq .output.ringback.result | without_id)" \
                "$(without_id <"$file")"
            ;;
        failure)
            equal "$name" "$(get /reply | jq -cS '{outcome, error: .cause.detail.error}')" \
                "$(jq -cS . "$file")"
            ;;
        invocation) equal "$name" "$(get '' | shape)" "$(shape <"$file")" ;;
        targets) check "$name" jq -e . "$file" ;;
        pattern) equal "$name" "$(told_events)" "$(jq -c '[.source[0], ."detail-type"[0]]' "$file")" ;;
        state)
            new_task '{}' || return
            post < <(state_request "$file")
            equal "$name" "$status" 202
            ;;
        direct)
            new_task '{}' || return
            jq -c --arg token "$task_token" '.Parameters | with_entries(
                if .key == "StatementName.$" then {key: "StatementName", value: ("ringback/t/" + $token)}
                else . end)' "$file" | aws_call redshift-data RedshiftData.ExecuteStatement >/dev/null
            check "$name" wait_for "$serve_pid" task_is_closed "$task"
            ;;
        *) not_ok "$name" 'no comment says what it is' ;;
    esac
}

make_queue() {
    aws_call sqs AmazonSQS.CreateQueue <<<'{"QueueName":"answers"}'
}

# Puts the file $2 where the URI $1 says, in the stand-in's folder of buckets.
put_script() {
    local place=$stack_dir/s3/${1#s3://}
    mkdir -p "$(dirname "$place")" && cp "$2" "$place"
}

# A stand-in and a service with the settings that the page $1 shows.
start_for() {
    local targets
    stack_dir=$(mktemp -d)
    mkdir -p "$stack_dir/s3/results"
    start_local --s3 "$stack_dir/s3" || not_ok "$1: the stand-in starts"
    unset RINGBACK_TARGETS_FILE
    use_tracker || not_ok "$1: the store is there"
    check "$1: a queue for replies" make_queue
    targets=$(grep -n '^targets' "$blocks/index" | cut -d: -f1)
    [[ -z $targets ]] || export RINGBACK_TARGETS_FILE=$blocks/$targets.json
    export RINGBACK_DIRECT=1
    # shellcheck disable=SC2119
    start_serve || not_ok "$1: the service starts" "$(tail -n 1 "$stack_dir/serve.log")"
}

# All blocks of the page $1, which has more than $2.
one_page() {
    local kind code outcome line n=0
    page=$1
    rm -f "$blocks"/*
    split_page
    start_for "$page"
    while IFS=$'\t' read -r kind code outcome line; do
        n=$((n + 1))
        one_block "$kind" "$code" "$outcome" "$line" "$blocks/$n.json" </dev/null
    done <"$blocks/index"
    check "$page has examples" test "$n" -gt "$2"
    stop_stack
}

# The request in the file $1 is accepted, finishes, and is told of in the README beside it.
one_example() {
    local name
    name=docs/examples/requests/$(basename "$1")
    new_task '{}' && new_response || return
    post < <(filled "$1")
    equal "$name" "$status" 202
    if grep -q TASK_TOKEN "$1"; then
        wait_for "$serve_pid" task_is_closed "$task"
        equal "$name is rung back" "$(task_of "$task" | jq -r .state)" SUCCEEDED
    elif grep -q RESPONSE_URL "$1"; then
        wait_for "$serve_pid" given_response
        equal "$name is answered" "$(given_response | jq -r .Status)" SUCCESS
    else
        check "$name finishes" wait_for "$serve_pid" has_outcome FINISHED
    fi
    check "$name is told of" grep -qF "\`$(basename "$1")\`" docs/examples/requests/README.md
}

# In an order in which each finds what it needs.
all_examples() {
    local file script
    rm -f "$blocks"/*
    : >"$blocks/index"
    start_for docs/examples/requests
    for script in docs/examples/sales-pipeline/scripts/*; do
        put_script "s3://ringback-examples/sales-pipeline/$(basename "$script")" "$script"
    done
    for file in docs/examples/requests/{sequence,transaction}.json; do
        one_example "$file"
    done
    for file in docs/examples/requests/*.json; do
        [[ $file == */sequence.json || $file == */transaction.json ]] || one_example "$file"
    done
    stop_stack
}

# Every field that a native request may have is in the table of the page and in one of its examples.
fields_told() {
    local field
    for field in $(awk '/^static const char \*const fields\[\]/ {found = 1; next} /^};/ {found = 0}
        found' invoker/request_native.c | grep -oE '"[A-Za-z]+"' | tr -d '"'); do
        check "docs/requests.md tells of $field" grep -qE "^\| \`$field\` \|" docs/requests.md
        check "docs/requests.md has an example with $field" grep -qE "\"$field\":" docs/requests.md
    done
}

clean_environment
one_page docs/requests.md 30
one_page docs/migration.md 10
all_examples
fields_told
finish
