#!/usr/bin/env bash
# Every verb of the command line, on the stand-in for AWS: once through a running service
# (RINGBACK_URL, with a bearer token), once directly on tracker and AWS with no daemon at all.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
source infra/local/stack.sh
source tests/support/trackers.sh
ringback=${BUILD_DIR:-$PWD/build}/ringback
trap stop_stack EXIT
clean_environment

# Runs ringback with the arguments; sets said (stdout), erred (stderr) and status.
rb() {
    said=$("$ringback" "$@" 2>"$stack_dir/stderr" </dev/null)
    status=$?
    erred=$(<"$stack_dir/stderr")
}

# The case $1: what rb has run ended with $2.
ended() {
    equal "$mode: $1" "$status" "$2"
}

# The case $1: $2 holds $3.
holds() {
    if [[ $2 == *"$3"* ]]; then
        ok "$mode: $1"
    else
        not_ok "$mode: $1" "no '$3' in '${2//$'\n'/ }'"
    fi
}

same() {
    equal "$mode: $1" "$2" "$3"
}

run_cases() {
    rb run "select 9007199254740993 as id, 'abc' as name, null as none union all select 2, 'd', 'e'"
    ended 'run ends with 0' 0
    same 'run prints an aligned table' "$said" "              id  name  none
----------------  ----  ----
9007199254740993  abc   NULL
               2  d     e"
    holds 'run tells the count of rows' "$erred" 'FINISHED, 2 rows, '
    rb run --json 'select 1'
    ended 'run --json ends with 0' 0
    same 'run --json prints the reply' "$(jq -r '.outcome + " " + .output.detail.state' <<<"$said")" 'FINISHED FINISHED'
    rb run 'select * from nowhere'
    ended 'a failure ends with 1' 1
    same 'a failure prints no rows' "$said" ''
    holds "a failure prints the database's own words" "$erred" 'FAILED: ERROR: no such table: nowhere'
    rb run --json 'select * from nowhere'
    ended 'a failure with --json ends with 1' 1
    same 'a failure with --json prints the reply' "$(jq -r '.error + " " + .cause.detail.state' <<<"$said")" 'FAILED FAILED'
    rb run --timeout 1 'select pg_sleep(60)'
    ended 'a deadline ends with 4' 4
    holds 'run tells states line by line without a terminal' "$erred" $'running\n'
    echo 'select 7 as seven' >"$stack_dir/seven.sql"
    rb run "@$stack_dir/seven.sql"
    same 'run takes a file' "$(tail -n 1 <<<"$said" | tr -d ' ')" 7
    rb run -- "-- a comment
select 8 as eight"
    same 'run takes a text that begins with dashes' "$(tail -n 1 <<<"$said" | tr -d ' ')" 8
    rb run "create table ${mode}_none(i int)"
    same 'a statement without rows prints none' "$said" ''
    ended 'a statement without rows ends with 0' 0
}

paging_cases() {
    local many='with recursive n(i) as (select 1 union all select i + 1 from n where i < 2500) select i from n'
    rb run "$many"
    same 'run prints the first 1000 rows' "$(wc -l <<<"$said")" 1002
    holds 'run says that there are more' "$erred" 'the first 1000 of 2500 rows'
    rb run --all "$many"
    same 'run --all prints all rows' "$(wc -l <<<"$said") $(tail -n 1 <<<"$said")" '2502 2500'
}

submit_cases() {
    local id request='{"sqlStatement":"select 1","requestKey":"'$mode'-key"}'
    rb submit "$request"
    ended 'submit ends with 0' 0
    id=$(jq -r .InvocationId <<<"$said")
    rb submit "$request" --wait
    ended 'submit --wait ends with 0' 0
    same 'a repeat is the same invocation' "$(jq -r '.invocationId + " " + .outcome' <<<"$said")" "$id FINISHED"
    said=$(echo '{"sqlStatement":"select 2"}' | "$ringback" submit)
    same 'submit takes stdin' "$(jq -r '.InvocationId | length' <<<"$said")" 32
    rb submit '{"sqlStatement":"select 3","requestKey":"'"$mode"'-key"}'
    ended 'a conflict ends with 5' 5
    holds 'a conflict is told' "$erred" 'IdempotencyConflict: '
    rb submit '{"sqlStatement":1}'
    ended 'a refusal ends with 5' 5
    same 'a refusal is told' "$erred" 'InvalidRequest: sqlStatement: must be a string, got a number'
    rb submit --sql "create table ${mode}_t(i int)" --sql "insert into ${mode}_t values (1),(2)" \
        --sql "select i from ${mode}_t order by i" --mode transaction --wait
    ended 'a transaction ends with 0' 0
    rb result "$(jq -r .invocationId <<<"$said")"
    same 'result prints the rows of a batch' "$(tail -n 2 <<<"$said" | tr -d ' ' | paste -sd ,)" 1,2
    rb submit --wait --sql 'select 1' --sql 'select * from nowhere'
    ended 'a sequence that fails ends with 1' 1
    rb submit '{"action":"describeStatement","statementId":"'"$(jq -r '.cause.ringback.steps[0].Id' <<<"$said")"'"}'
    same 'submit answers an action' "$(jq -r .Status <<<"$said")" FINISHED
    rb submit '{"sqlStatement":"select 1","target":{"workgroupName":"w","clusterIdentifier":"c","database":"d"}}'
    ended 'an impossible target ends with 5' 5
}

operate_cases() {
    local id
    rb submit --sql 'select 1 as x' --sql 'select 2 as y' --wait
    id=$(jq -r .invocationId <<<"$said")
    rb status "$id"
    ended 'status ends with 0' 0
    holds 'status shows the outcome' "$said" 'outcome      FINISHED'
    holds 'status shows every step' "$said" 'step         2.1 FINISHED '
    rb status "$id" --json
    same 'status --json prints the document' "$(jq -r .InvocationId <<<"$said")" "$id"
    rb result "$id"
    same 'result prints the last statement' "$(paste -sd , <<<"$said")" 'y,-,2'
    rb result "$id" --json
    same 'result --json prints the reply' "$(jq -r .outcome <<<"$said")" FINISHED
    rb list --limit 2
    same 'list prints a head and as many as wanted' "$(wc -l <<<"$said")" 4
    holds 'list begins with the newest' "$(sed -n 3p <<<"$said")" "$id"
    rb list --json --limit 1
    same 'list --json prints a document' "$(jq -r '.Invocations[0].InvocationId' <<<"$said")" "$id"
    rb submit '{"sqlStatement":"select 1","executionArn":"arn:'"$mode"'","replyTo":{"queueUrl":"'"$RINGBACK_EVENT_QUEUE_URL"'-dead"}}'
    rb list --group "arn:$mode" --json
    same 'list --group lists that group' "$(jq -r '.Invocations | length' <<<"$said")" 1
    rb status aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ended 'an invocation that is not there ends with 5' 5
    holds 'an invocation that is not there is told' "$erred" 'NoTrackedState: '
}

cancel_cases() {
    local id
    rb submit --sql 'select pg_sleep(120)'
    id=$(jq -r .InvocationId <<<"$said")
    rb list --open --json
    holds 'list --open lists what runs' "$said" "$id"
    rb result "$id"
    ended 'a result that is not there yet ends with 1' 1
    holds 'a result that is not there yet is told' "$erred" 'not ended yet: running'
    rb cancel "$id"
    ended 'cancel ends with 0' 0
    same 'cancel says what happens' "$said" cancelling
    for ((i = 0; i < 60; i++)); do
        rb sweep
        rb status "$id" --json
        [[ $(jq -r .Outcome <<<"$said") == ABORTED ]] && break
        sleep 0.25
    done
    same 'a cancelled statement is aborted' "$(jq -r .Outcome <<<"$said")" ABORTED
    rb result "$id"
    ended 'the result of an aborted one ends with 3' 3
    rb cancel "$id"
    same 'cancelling again says that it is over' "$said" 'ended already'
    timeout --preserve-status -s INT 1 "$ringback" run 'select pg_sleep(120)' >/dev/null 2>"$stack_dir/stderr"
    status=$? erred=$(<"$stack_dir/stderr")
    ended 'a signal ends the waiting' 130
    id=$(grep -oE 'ringback cancel [a-z2-7]{32}' "$stack_dir/stderr" | awk '{print $3}')
    rb cancel "$id"
    same 'what was left running can be cancelled' "$said" cancelling
}

# What a terminal is shown: $1 runs on one; carriage returns become line ends.
on_terminal() {
    script -qec "$1" /dev/null </dev/null | tr '\r' '\n'
}

terminal_cases() {
    local shown
    shown=$(on_terminal "$ringback run 'select pg_sleep(1), 5 as five'")
    holds 'a terminal sees a line that is redrawn' "$shown" $'\n\033[Krunning, '
    holds 'a terminal sees the rows' "$shown" five
    holds 'a terminal sees the summary' "$shown" 'FINISHED, 1 row, '
    shown=$(on_terminal "$ringback submit --wait --sql 'select pg_sleep(1)' --sql 'select pg_sleep(1)'")
    holds 'a terminal sees the step' "$shown" ', step 2 of 2, '
}

usage_cases() {
    local arguments
    for arguments in 'run' 'run a b' 'run --nothing x' 'status' 'status nonsense' 'list --limit 0' 'cancel' \
        'submit --mode sequence' 'submit --sql a b' 'run --timeout x select' 'sweep x' 'redrive --some' 'list x'; do
        # shellcheck disable=SC2086
        rb $arguments
        ended "usage: $arguments" 2
    done
    rb submit @/nowhere
    ended 'usage: a file that is not there' 2
    rb run --workers 0 'select 1'
    ended 'usage: a setting out of range' 2
    holds 'a setting out of range is named' "$erred" workers
}

doctor_cases() {
    rb doctor
    ended 'doctor ends with 0' 0
    same 'doctor finds no problem' "$(grep -vcE '^(ok|warning|   ) ' <<<"$said")" 0
    [[ $mode == url ]] || holds 'doctor warns that nothing is sealed' "$said" 'warning  key file: '
}

all_cases() {
    doctor_cases
    run_cases
    paging_cases
    submit_cases
    operate_cases
    cancel_cases
    terminal_cases
    usage_cases
}

# The tracker's table: missing, made, there, printed.
table_cases() {
    export AWS_ENDPOINT_URL_DYNAMODB=$DYNAMODB_URL RINGBACK_TRACKER_URL=dynamodb:cli-$$
    rb doctor
    ended 'doctor without its table ends with 1' 1
    holds 'doctor says that it is missing' "$said" 'problem  table: '
    holds 'and what makes it' "$said" 'doctor --create-table'
    rb run 'select 1'
    ended 'no verb works without the table' 2
    rb doctor --create-table
    ended 'the table is made' 0
    holds 'doctor says that it made it' "$said" 'ok       create table: made'
    rb doctor --create-table --url http://127.0.0.1:1
    ended 'once' 0
    holds 'doctor says that it is there' "$said" 'ok       create table: was there already'
    rb doctor --print-table
    ended 'the table is printed' 0
    # shellcheck disable=SC2016
    check "$mode: as properties of a template" jq -e --arg name "cli-$$" '
        .TableName == $name and .BillingMode == "PAY_PER_REQUEST" and
        .TimeToLiveSpecification == {AttributeName: "ttl", Enabled: true} and
        ([.GlobalSecondaryIndexes[].IndexName] == ["due"])' <<<"$said"
    rb doctor --print-table --tracker-url sqlite:x.db
    ended 'only of a table' 2
    rb doctor --create-table --tracker-url "sqlite:$stack_dir/x.db"
    ended 'and only a table is made' 1
}

unreachable_cases() {
    local url=http://127.0.0.1:1
    mode=away
    rb run --url $url 'select 1'
    ended 'run ends with 6' 6
    rb status --url $url aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ended 'status ends with 6' 6
    rb status --url "$AWS_ENDPOINT_URL" aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    ended 'a server that is not ringback ends with 6' 6
    holds 'a server that is not ringback is noticed' "$erred" "the answer is not ringback's"
    rb doctor --url $url
    ended 'doctor ends with 1' 1
    holds 'doctor names the service' "$said" 'problem  service: '
    rb run --tracker-url redis://127.0.0.1:1/0 'select 1'
    ended 'run without its tracker ends with 6' 6
    rb doctor --tracker-url redis://127.0.0.1:1/0
    ended 'doctor without its tracker ends with 1' 1
    holds 'doctor names the tracker' "$said" 'problem  tracker: '
    holds 'doctor goes on after a problem' "$said" 'ok       Data API: '
    rb doctor --event-queue-url "$AWS_ENDPOINT_URL/000000000000/none"
    holds 'doctor names the queue' "$said" 'problem  event queue: '
    rb doctor --workers none
    holds 'doctor names the setting' "$said" 'problem  configuration: --workers: '
}

send() {
    jq -n --arg url "$1" --arg body "$2" '{QueueUrl: $url, MessageBody: $body}' |
        aws_call sqs AmazonSQS.SendMessage >/dev/null
}

parked_count() {
    (($("$ringback" redrive | wc -l) == $1 + 2))
}

redrive_cases() {
    local key id
    mode=redrive
    send "$RINGBACK_EVENT_QUEUE_URL" 'no event'
    send "$RINGBACK_REQUEST_QUEUE_URL" '{"sqlStatement":"select 1","target":"reports","requestKey":"parked"}'
    wait_for "$serve_pid" parked_count 2
    check 'redrive: two messages are parked' parked_count 2
    rb redrive
    ended 'listing ends with 0' 0
    holds 'an event is listed with its source' "$said" 'queue:ringback-events'
    holds 'a request is listed with its reason' "$said" 'target: '
    rb redrive --all
    ended 'what is refused again ends with 5' 5
    check 'redrive: what is refused again stays parked' parked_count 2
    key=$("$ringback" redrive | awk '/ringback-requests/{print $1}')
    echo '{"reports":{"clusterIdentifier":"local","database":"dev","dbUser":"awsuser"}}' >"$stack_dir/targets.json"
    rb redrive "$key" --targets-file "$stack_dir/targets.json"
    ended 'what is taken ends with 0' 0
    same 'what is taken is told' "$said" "$key taken"
    check 'redrive: what is taken is parked no more' parked_count 1
    rb list --json --limit 1
    id=$(jq -r '.Invocations[0].InvocationId' <<<"$said")
    holds 'what is taken is an invocation' "$("$ringback" status "$id")" 'step         1.1 '
    rb redrive "$key"
    ended 'an id that is not parked ends with 5' 5
}

# Prints the id of the message that was put on the queue $1 with the text $2; the arguments that
# follow are String attributes, NAME VALUE.
bury() {
    local url=$1 body=$2
    shift 2
    jq -n --arg url "$url" --arg body "$body" '{QueueUrl: $url, MessageBody: $body, MessageAttributes:
        ($ARGS.positional as $of | [range(0; $of | length; 2)
            | {key: $of[.], value: {DataType: "String", StringValue: $of[. + 1]}}] | from_entries)}' --args "$@" | aws_call sqs AmazonSQS.SendMessage | jq -r .MessageId
}

dead_letter_cases() {
    local queue=${RINGBACK_REQUEST_QUEUE_URL}-dead event request other
    mode='dead letters'
    rb submit --sql 'select pg_sleep(600)' --json
    id=$(jq -r .InvocationId <<<"$said")
    event=$(bury "$queue" "$(jq -cn --arg name "$(jq -r .StatementName <<<"$said")" '{source: "aws.redshift-data",
        "detail-type": "Redshift Data Statement Status Change", detail: {statementName: $name, state: "ABORTED"}}')" \
        RULE_ARN arn:aws:events:us-east-1:000000000000:rule/ringback ERROR_MESSAGE 'no permission')
    request=$(bury "$queue" '{"sqlStatement":"select 11","requestKey":"buried"}')
    other=$(bury "$queue" 'no request')
    rb redrive --dead-letters "$queue"
    ended 'listing ends with 0' 0
    check "$mode: the rule and its reason are listed" grep -Eq \
        "^$event .*arn:aws:events:.*:rule/ringback  +[0-9a-f]{64}  no permission" <<<"$said"
    check "$mode: what nobody could read is listed" grep -Eq "^$other " <<<"$said"
    rb redrive --dead-letters "$queue" "$event" "$request"
    ended 'what is taken ends with 0' 0
    holds 'the event has ended its invocation' "$("$ringback" status "$id")" 'ABORTED'
    holds 'the request has become one' "$("$ringback" list --limit 1)" ' '
    rb redrive --dead-letters "$queue" --all
    ended 'what is refused again ends with 5' 5
    same 'it is parked' "$said" "$other parked"
    rb redrive --dead-letters "$queue"
    same 'and the queue is empty' "$said" ''
    rb redrive --dead-letters "$queue" nobody
    ended 'an id that is not there ends with 5' 5
    rb redrive --dead-letters "${queue}-nowhere"
    ended 'a queue that is not there ends with 5' 5
}

# The service goes away and comes back, on the same port, while somebody waits.
restart_cases() {
    mode=restart
    "$ringback" run 'select pg_sleep(2), 5 as five' >"$stack_dir/rows" 2>"$stack_dir/stderr" &
    local waiter=$!
    wait_for "$waiter" grep -q running "$stack_dir/stderr"
    kill "$serve_pid"
    wait "$serve_pid"
    start_serve env RINGBACK_HTTP_LISTEN="${RINGBACK_URL#http://}"
    wait "$waiter"
    status=$? said=$(<"$stack_dir/rows")
    ended 'who waits outlives a restart' 0
    holds 'who waits gets the rows' "$said" five
}

help_cases() {
    mode=help
    rb help
    ended 'help ends with 0' 0
    while read -r command; do
        rb help "$command"
        holds "help $command" "$said" "usage: ringback $command"
    done < <(awk '/^  [a-z]/{print $1}' <<<"$said")
    rb help run
    holds 'help names the settings' "$said" --tracker-url
    rb run --help
    holds 'a command with --help' "$said" 'usage: ringback run'
    rb help nothing
    ended 'help of an unknown command ends with 2' 2
    rb nothing
    ended 'an unknown command ends with 2' 2
    holds 'an unknown command is named' "$erred" 'nothing: unknown command'
    rb
    ended 'no command ends with 2' 2
    "$ringback" help >/dev/full 2>"$stack_dir/stderr"
    status=$? erred=$(<"$stack_dir/stderr")
    ended 'what cannot be printed ends with 1' 1
    rb --version
    holds 'the version' "$said" 'ringback '
}

mode=direct
# shellcheck disable=SC2119
if start_local && use_tracker; then
    all_cases
    unreachable_cases
    help_cases
else
    not_ok 'the stand-in starts'
fi
stop_stack

# Whatever the others use: making its table is a verb of the command line.
mode=dynamodb
# shellcheck disable=SC2119
if [[ -z ${DYNAMODB_URL:-} ]]; then
    not_ok dynamodb 'DYNAMODB_URL is not set'
elif start_local; then
    table_cases
    all_cases
else
    not_ok 'the stand-in starts'
fi
stop_stack
unset AWS_ENDPOINT_URL_DYNAMODB

mode=url
token=$(mktemp)
head -c 24 /dev/urandom | base64 >"$token"
trap 'stop_stack; rm -f "$token"' EXIT
export RINGBACK_HTTP_TOKEN_FILE=$token
# shellcheck disable=SC2119
if start_local && use_tracker && start_serve; then
    all_cases
    status=$(env -u RINGBACK_HTTP_TOKEN_FILE "$ringback" list >/dev/null 2>&1; echo $?)
    ended 'without its token a verb ends with 5' 5
    redrive_cases
    dead_letter_cases
    restart_cases
else
    not_ok 'the service starts'
fi
finish
