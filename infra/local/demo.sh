#!/usr/bin/env bash
# Shows ringback at work on this machine, without an AWS account: builds it, starts a stand-in for
# AWS and the service, and hands over a nightly load, a failure, a cancel and a queued request.
#   infra/local/demo.sh [--keep] [--no-install] [--engine ENGINE]
# --keep        leaves the stack up and says what to try next
# --no-install  installs nothing
# --engine      where the SQL runs: sqlite::memory: (default), sqlite:PATH, postgresql://...
# BUILD_DIR     a build to use instead of making one
set -euo pipefail
cd "$(dirname "$0")/../.."
source infra/local/install.sh
source infra/local/stack.sh

keep=false
install=true
engine=sqlite::memory:
while (($# > 0)); do
    case $1 in
        --keep) keep=true ;;
        --no-install) install=false ;;
        --engine) shift; engine=${1:?--engine needs a value} ;;
        *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
    esac
    shift
done

bold='' dim='' red='' green='' clear='' live=false
if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' clear=$'\e[0m' live=true
fi

rows=()
failed=0

title() { printf '\n%s%s%s\n' "$bold" "$1" "$clear"; }
note() { printf '%s%s%s\n' "$dim" "$1" "$clear"; }
die() { printf '%s%s%s\n' "$red" "$1" "$clear" >&2; exit 1; }

# Prints what the logs say, which is what helps when something has gone wrong.
explain() {
    local status=$?
    if ((status == 1)) && [[ -n $stack_dir ]]; then
        tail -n 15 "$stack_dir"/*.log >&2 || true
    fi
    stop_stack
    exit "$status"
}

# ---- the stack

build() {
    title 'Build'
    if $install; then
        install_packages "${build_packages[@]}" ca-certificates curl jq
    fi
    if [[ -x ${BUILD_DIR:-}/ringback ]]; then
        ringback=$BUILD_DIR/ringback
    else
        note 'compiling into build-demo ...'
        mkdir -p build-demo
        compile >build-demo/build.log 2>&1 || { cat build-demo/build.log >&2; die 'The build failed.'; }
        ringback=$PWD/build-demo/ringback
    fi
    "$ringback" --version
}

compile() {
    cmake --preset dev -B build-demo -DRINGBACK_TESTS=OFF && cmake --build build-demo
}

start_stack() {
    title 'Start: a stand-in for AWS, and ringback'
    start_local --engine "$engine" --queues ringback-events,ringback-requests,replies || die 'ringback local did not start.'
    # shellcheck disable=SC2119
    start_serve || die 'ringback serve did not start.'
    note "AWS stand-in   $AWS_ENDPOINT_URL"
    note "ringback       $RINGBACK_URL   (metrics and status: $admin_url)"
}

# ---- one request

# Sends the request on stdin, which is named $1, with a new task token; sets task and invocation.
submit() {
    local reply
    new_task '{}' || die 'no task token'
    reply=$(jq --arg token "$task_token" --arg key "demo/$1" '. + {taskToken: $token, requestKey: $key}' |
        curl -sS --fail-with-body --json @- "$RINGBACK_URL/invocations") || die "refused: $reply"
    invocation=$(jq -er .InvocationId <<<"$reply")
    progress "$1" submitted
}

# Shows that the work $1 is at $2, over the line before.
progress() {
    if $live; then
        printf '\r\e[K  %-26s %s%s%s' "$1" "$dim" "$2" "$clear"
    fi
}

# Waits for the callback of the task $2, named $1; sets closed, the task as the stand-in has it.
await_task() {
    local end=$((SECONDS + 60)) began=$SECONDS
    while ((SECONDS < end)); do
        closed=$(task_of "$2")
        [[ $(jq -r .state <<<"$closed") != RUNNING ]] && return
        progress "$1" "running, $((SECONDS - began)) s"
        sleep 0.05
    done
    die "$1: no callback within 60 s"
}

# Milliseconds from the end of the statement $1 (as the Data API tells it) to the time $2, if known.
callback_ms() {
    local ended
    [[ -n $1 && -n $2 ]] || { echo -; return; }
    ended=$(jq -nc --arg id "$1" '{Id: $id}' | aws_call redshift-data RedshiftData.DescribeStatement | jq .UpdatedAt)
    jq -n --argjson ended "$ended" --argjson told "$2" '($told - $ended * 1000) | round'
}

# One row of the table: $1 name, $2 expected outcome, $3 {outcome, output}, $4 when told (ms).
record() {
    local name=$1 expected=$2 document=$3 outcome ms color=$green mark=
    outcome=$(jq -r .outcome <<<"$document")
    ms=$(callback_ms "$(jq -r '.output.ringback.steps[-1].Id // ""' <<<"$document")" "$4")
    if [[ $outcome != "$expected" ]]; then
        failed=$((failed + 1)) color=$red mark=", expected $expected"
    fi
    rows+=("$(jq -r --arg name "$name" --arg ms "$ms" --arg mark "$mark" '[$name, .output.ringback.invocationId[:12],
        (.output.ringback.steps | length), .outcome, (.output.ringback.steps[-1].ResultRows // "-"), $ms, $mark] |
        @tsv' <<<"$document")")
    $live && printf '\r\e[K'
    printf '  %-26s %s%-9s%s rung back after %s ms\n' "$name" "$color" "$outcome" "$clear" "$ms"
}

# Waits for the callback of the last submitted request, which is named $1 and should end as $2.
expect_callback() {
    await_task "$1" "$task"
    document=$(callback_of_task <<<"$closed")
    record "$1" "$2" "$document" "$(jq '.closedAt // empty' <<<"$closed")"
}

# ---- what is shown

nightly_load() {
    local request name
    title 'A nightly load: five stages, each hands over its SQL, hangs up and is rung back'
    for request in docs/examples/sales-etl/requests/*.json; do
        name=$(basename "$request" .json)
        submit "$name" <"$request"
        expect_callback "$name" FINISHED
    done
    jq -r '.output.ringback.result.rows[] | "\(.[1])\t\(.[2])"' <<<"$document" >"$stack_dir/counts"
    printf '\n'
    awk -F '\t' '{printf "    %-34s %9d\n", $1, $2}' "$stack_dir/counts"
    diff <(sed -n '/^| what/,$s/^| \([a-z ]*\) | \([0-9]*\) |$/\1\t\2/p' docs/examples/sales-etl/README.md) \
        "$stack_dir/counts" || { echo 'The counts are not those of the example.'; failed=$((failed + 1)); }
}

a_failure() {
    submit 'a failure' <<<'{"sqlStatement": "select get_date()"}'
    expect_callback 'a failure' FAILED
    note "    $(jq -r '.output.detail.error' <<<"$document")"
}

a_cancel() {
    submit 'a cancel' <<<'{"sqlStatement": "select pg_sleep(600)"}'
    wait_for "$serve_pid" invocation_is_running "$invocation" || die 'the statement to cancel did not start'
    curl -sS --fail-with-body -X POST "$RINGBACK_URL/invocations/$invocation/cancel" >/dev/null
    expect_callback 'a cancel' ABORTED
}

# A request that comes in by the request queue; its answer goes to the queue "replies".
a_queued_request() {
    local replies=$AWS_ENDPOINT_URL/000000000000/replies message
    jq -nc --arg requests "$RINGBACK_REQUEST_QUEUE_URL" --arg replies "$replies" '{QueueUrl: $requests, MessageBody: ({
        sqlStatement: "select city, count(*) from demo_dim_customer where is_current group by city",
        requestKey: "demo/queued", replyTo: {queueUrl: $replies}} | tojson)}' |
        aws_call sqs AmazonSQS.SendMessage >/dev/null
    progress 'a queued request' sent
    message=$(jq -nc --arg replies "$replies" '{QueueUrl: $replies, WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ["SentTimestamp"]}' | aws_call sqs AmazonSQS.ReceiveMessage | jq -ce '.Messages[0]') ||
        die 'a queued request: no answer within 20 s'
    record 'a queued request' FINISHED "$(jq -c '.Body | fromjson' <<<"$message")" \
        "$(jq -r '.Attributes.SentTimestamp // empty' <<<"$message")"
}

table() {
    local row name id steps outcome count ms mark
    title 'What happened'
    printf '  %-24s %-13s %5s  %-9s %5s  %s\n' invocation id steps outcome rows 'end of statement to callback'
    for row in "${rows[@]}"; do
        IFS=$'\t' read -r name id steps outcome count ms mark <<<"$row"
        printf '  %-24s %-13s %5s  %-9s %5s  %25s ms%s\n' "$name" "$id" "$steps" "$outcome" "$count" "$ms" "$mark"
    done
    if curl -sS "$control_url/tasks" | jq -e 'all(.tasks[]; .accepted == 1 and .refused == 0)' >/dev/null; then
        note '  Every task token was answered once.'
    else
        echo '  A task token was not answered exactly once.'
        failed=$((failed + 1))
    fi
    note "  $(calls)"
}

# What the service has asked of AWS; the demo itself has described each statement once.
calls() {
    curl -sS "$control_url/calls" | jq -r --argjson own "${#rows[@]}" '.calls |
        .DescribeStatement -= $own | del(.SendMessage, .ReceiveMessage, .DeleteMessage, .DeleteMessageBatch,
        .CreateQueue, .GetQueueUrl, .GetQueueAttributes, .ChangeMessageVisibilityBatch) |
        "Calls besides queues: " + (to_entries | map("\(.key) \(.value)") | join(", "))'
}

keep_up() {
    trap - EXIT
    echo "export RINGBACK_URL=$RINGBACK_URL" >>"$stack_dir/exports"
    disown -a
    title 'The stack is up. Try:'
    cat <<TEXT
  source $stack_dir/exports
  $ringback run 'select city, count(*) from demo_dim_customer where is_current group by city'
  $ringback list
  $ringback status $invocation
  curl $control_url/tasks | jq
  curl $admin_url/metrics
When you are done:
  kill ${stack_pids[*]}; rm -r $stack_dir
TEXT
}

clean_environment
build
trap explain EXIT
trap 'exit 130' INT TERM
start_stack
nightly_load
title 'And what else happens: a failure, a cancel, a request that comes by a queue'
a_failure
a_cancel
a_queued_request
table
if $keep; then
    keep_up
fi
((failed == 0))
