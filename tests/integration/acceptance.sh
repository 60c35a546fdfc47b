#!/usr/bin/env bash
# Everything that the prior systems do, and none of their bugs: one case for each part of the
# compatibility list and for each known bug, by table, with the real programs on the stand-in. SQL is
# run by PostgreSQL where POSTGRES_URL is set, else by SQLite.
#
# P0  the state machine that polls an UNLOAD          P3  the event-driven CDK construct with its
# P1  the sample that polls and notifies by SNS           Lambda functions, table and queue
# P2  the one with SQL scripts in S3                  P4  the list of queries with retries
#
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
for part in tests/integration/acceptance/*.sh; do
    # shellcheck source=/dev/null
    source "$part"
done
clean_environment

# The case | what the prior systems do, for a bug: wrong | the function that shows it.
cases='
Compatibility 1: execute, in the shape of P3                 | sqlStatement, action, taskToken, executionArn; raw Data API reply, ISO times | p3_execute
Compatibility 1: describe, by id and LATEST                  | action describeStatement         | p3_describe
Compatibility 1: cancel, by id and LATEST                    | action cancelStatement           | p3_cancel
Compatibility 1: results, by id and LATEST                   | action getStatementResult, nextToken | p3_result
Compatibility 1: the names of errors                         | InvalidRequest, PreviousExecutionNotFound | p3_errors
Compatibility 1: executeSingletonStatement                   | executeSingletonStatement, ConcurrentExecution | singleton_frees
Compatibility 1: CloudFormation events                       | RequestType, ResponseURL, ...    | p3_resource
Compatibility 1: sqlStatement beside a CloudFormation event    | what its example functions sent  | p3_event
Compatibility 2: the environment of P3                       | CLUSTER_IDENTIFIER, DATABASE, DB_USER, LOG_LEVEL | environment
Compatibility 2: TTL is how many days details are kept       | TTL in days; no integer: ConfigurationError | ttl_days
# Compatibility 2, the layout of its DynamoDB table: not read; the tracker has a table of its own.
Compatibility 2: the store is the table of its name          | DDB_TABLE_NAME                   | its_store
Compatibility 2: a store that is not there stops the start   | DDB_TABLE_NAME                   | no_such_store
Compatibility 3: success is the event, failure the event with the error | output, error FAILED, cause | event_out
Compatibility 3: a richer outcome is opt-in                  | -                                | statement_out
Compatibility 4: two invokers and one completer              | one completer for two taskers    | two_invokers
Compatibility 4: tracker, queue and key are shared           | existingTableObj, existingQueueObj, encryptionKey | shared_parts
# Compatibility 5, the results role: P3 bug 20, the role that owns statements.
Compatibility 5: lists of texts and of objects               | ExecuteStatementParameters       | list_items
Compatibility 5: a bare array                                | the input of the machine         | bare_list
Compatibility 5: in sequence, stop at the first failure      | MaxConcurrency 1                 | list_stops
Compatibility 5: MaxRetries, RetryErrorMatch                 | -                                | list_retries
Compatibility 5: the wait knobs                              | BaseWaitTime, MaxWait, InitialWaitTime | list_pauses
Compatibility 5: attach by StatementId                       | an item that is only watched     | list_attach
Compatibility 5: defaults of user, cluster and database      | DefaultUser, DefaultClusterId, DefaultDb | list_defaults
Compatibility 6: scripts, variables, batches, status         | Input: action, etl_script_s3_path, sql_batch_id | script_contract
Compatibility 6: a validation step                           | division by zero                 | expectation
Compatibility 7: notify on success and on error              | NotifySuccess, NotifyError       | notifications
Compatibility 7: the number of rows                          | NumRows                          | row_count
Compatibility 7: a schedule feeds requests                   | a rule starts the machine        | schedule
# Compatibility 8, the machines and the chained runner: tests/integration/foreign/machines.test.mjs.
Compatibility 8: one winner among ten singletons             | both ends succeed                | one_winner
Compatibility 8: a late ABORTED event is harmless            | shown by chance                  | late_aborted
Compatibility 8: page 2 differs from page 1                  | not looked at                    | next_token
Compatibility 8: no superuser by a text                      | "false" is true                  | superuser_flag
# P0, its state machine as JSON and as CDK code: the path that is not there and the second next state
# are bugs of its text; docs/examples has the machine, which tests/integration/foreign runs.
P0: an aborted statement ends                                | ABORTED is taken for running     | aborted_ends
P0: the documented policy names the real permissions         | IAM prefix redshiftdata, no GetClusterCredentials | documented_policy
P0: nobody polls                                             | a look every 30 s                | no_polling
P0: the error text reaches the caller                        | it is thrown away                | error_text
P0: a statement can be cancelled                             | there is no cancel               | cancel_by_id
P0: runs of a schedule do not overlap                        | no control of overlap            | one_work
P0: every statement has its own name                         | one constant name                | own_names
P0: serverless workgroups, secrets, IAM identities           | a cluster with a database user   | all_targets
P0: a deadline stops the statement                           | machine over, statement runs on  | deadline_stops
P1: a failure is a failure                                   | execution succeeds after NotifyError | failure_fails
P1: success and failure go to topics of their own            | one topic for both               | notifications
P1: rows are counted, not pages                              | NumRows counts pages             | row_count
P1: a statement without rows finishes                        | GetStatementResult fails it      | no_rows
P1: ABORTED has a name of its own                            | a generic error                  | aborted_name
P1: parameters reach the statement                           | none                             | parameters
P1: every page is read, and none without need                | NextToken empty, 0.5 s a page    | inline_rows
P2: a status is an answer, FAILED and ABORTED too            | raises on FAILED, waits for ever on ABORTED | script_status
P2: semicolons and braces in texts and comments              | split at each, KeyError          | script_lexer
P2: a variable is no code                                    | str.format                       | script_injection
P2: the limit of 40 is checked                               | nobody checks                    | script_limit
P2: a transaction in a transaction                           | begin and commit in a batch      | script_transaction
P2: a script is rung back                                    | polled each 10 s                 | script_rung_back
P2: variables of the run, not of the template                | a date in a mapping              | script_contract
# P2, installing its SDK at each cold start and a heartbeat on a task that has none: no counterpart.
P3 bug 1: foreign events are left alone                      | each one is retried and poisons its batch | foreign_events
P3 bug 2: nextToken is honoured                              | every request returns page 1     | next_token
P3 bug 3: LATEST finds what had executionArn without taskToken | executionArn is dropped        | latest_without_token
P3 bug 4: taskToken without executionArn is rung back        | no callback, task hangs          | token_alone
P3 bug 5: ABORTED is told apart from FAILED                  | FAILED, or a crash               | aborted_not_failed
P3 bug 5: a late ABORTED event is harmless                   | retried 15 times                 | late_aborted
P3 bug 6: a lost event is found out                          | task waits until its heartbeat   | lost_event
P3 bug 6: what cannot be handled can be listed and redriven  | no tooling for its DLQ           | redrive_lists
P3 bug 7: a refused submit leaves LATEST usable              | LATEST fails for ever            | refused_submit
P3 bug 8: a repeated request runs once                       | the SQL is submitted again       | repeated_request
P3 bug 8: a submit whose reply is lost runs once             | the SQL is submitted again       | lost_reply
P3 bug 9: LATEST never lists statements                      | ListStatements by prefix, first page | latest_by_tracker
P3 bug 9: LATEST with parallel branches                      | ambiguous                        | latest_of_branches
P3 bug 10: the same SQL does not run twice at once           | check, then act                  | one_winner
P3 bug 10: per cluster and database, whatever the spelling   | exact text, anywhere             | singleton_place
P3 bug 10: any work under a name of its own                  | text of single statements        | singleton_key
P3 bug 11: requests and completions do not get in each other'\''s way | one concurrent Lambda for both | one_worker
P3 bug 12: an answer has at most 4096 bytes                  | the event, twice                 | large_answer
P3 bug 12: the reason is readable                            | "See" and the event as Python text | readable_reason
P3 bug 13: a PUT that fails is repeated                      | swallowed, stack waits an hour   | put_again
P3 bug 14: Delete after a failed Create runs nothing         | drops a user that was there before | failed_create
P3 bug 14: Delete during Create stops it first                | runs beside it                   | delete_during_create
P3 bug 15: updates and rollbacks work                        | FAILED on every Update           | update_and_rollback
P3 bug 16: a refused request is answered                     | nobody answers                   | refused_is_answered
P3 bug 17: the text "false" is false                         | CREATEUSER                       | superuser_flag
P3 bug 18: names and literals are quoted                     | escaping discarded               | quoted_user
P3 bug 19: no secret in logs, none readable in the store     | token, URL, SQL at INFO and in the table | secrets_sealed
P3 bug 20: a completer of its own has the error text         | second role has no permission    | own_completer_text
P3 bug 20: the role that owns statements is assumed          | other role cannot describe       | statement_role
P3 bug 21: a cause fits its limit                            | not limited to 32768             | large_cause
P3 bug 21: dead and foreign tokens do not come back          | retried, then DLQ                | dead_tokens
P3 bug 22: attributes are flat and chosen                    | a nested event                   | flat_data
P3 bug 23: workgroups, secrets, IAM identities               | none                             | all_targets
P3 bug 23: parameters                                        | none                             | parameters
P3 bug 23: sessions                                          | none                             | sessions
P3 bug 23: batches                                           | none                             | batches
P3 bug 23: heartbeats                                        | none                             | heartbeats
P3 bug 23: cancelled when its task has left                  | runs on                          | auto_cancel
P3 bug 23: metrics                                           | none                             | metrics
P3 bug 23: a target per request                              | one per Lambda                   | target_per_request
P3 bug 23: replies to a queue                                | Step Functions, CloudFormation   | reply_to_queue
P3 bug 23: SQL in S3                                         | none                             | script_contract
P3 bug 23: retries                                           | none                             | retry_works
P3 bug 23: results inline, all pages                         | none                             | inline_rows
P3 bug 23: results spilled to S3                             | none                             | spilled_rows
P3 bug 24: times are UTC wherever it runs                    | wrong with a TZ                  | utc_times
P3 bug 24: the same instant gives no collision               | microseconds as identity         | no_collision
P3 bug 24: resources of two stacks are apart                 | LogicalResourceId alone          | stacks_apart
# P3 bug 25: versions of CDK and of Python have no counterpart here.
P3 bug 25: one process serves several users and clusters     | one Lambda each                  | one_process
P4: a matched error is tried again after a real pause        | no pause                         | list_pauses
P4: what does not match is final                             | every error, ten times           | list_no_retry
P4: RetryErrorMatch is unanchored                            | re.match                         | list_retries
P4: seconds may be fractions                                 | crash                            | list_fractions
P4: the caller learns why                                    | Fail without Error and Cause     | list_stops
P4: empty defaults are not sent                              | DbUser empty, cluster always     | list_defaults
P4: workgroups and secrets can be used                       | ClusterIdentifier is always sent | all_targets
P4: nothing polls, no first look after 30 s                  | polling only                     | no_polling
P4: a statement can be cancelled                             | no permission                    | cancel_by_id
P4: ABORTED has a name of its own                            | a failure like any               | aborted_name
# P4, its repeated JSON key, its duplicate branch and its one fixed role name: no counterpart.
'

# ---- Running the table ---------------------------------------------------------------------------

# Shows that $2, what is, equals $3, what should be; $1 names it.
is() {
    proofs=$((proofs + 1))
    [[ $2 == "$3" ]] && return
    problem=${problem:-"$1: got '${2//$'\n'/ }', expected '$3'"}
    return 1
}

# Shows that the jq filter $3 is true of the JSON $2; more arguments go to jq.
so() {
    local what=$1 json=$2 filter=$3
    shift 3
    proofs=$((proofs + 1))
    [[ $json == *[![:space:]]* ]] && jq -e "$@" "$filter" <<<"$json" >/dev/null 2>&1 && return
    problem=${problem:-"$what: not so: ${filter//$'\n'/ }: $(cut -c 1-1200 <<<"$json" | tr '\n' ' ')"}
    return 1
}

# Shows that the command that follows comes to succeed.
comes() {
    local what=$1
    shift
    proofs=$((proofs + 1))
    until_true "$@" && return
    problem=${problem:-"$what: it has not come"}
    return 1
}

# Runs the function $2; what is wrong is the file $1.
run_case() {
    local problem='' proofs=0 scratch=$work/scratch.$BASHPID
    mkdir -p "$scratch"
    "$2" </dev/null
    ((proofs > 0)) || problem=${problem:-'nothing was shown'}
    printf '%s' "$problem" >"$1"
    rm -rf "$scratch"
}

# Whether the function $1 disturbs others or is disturbed: it stops daemons, injects faults or counts.
stands_alone() {
    declare -f "$1" | grep -qE 'service_with|stop_daemon|start_daemon|faults|calls_of|metric|queue_is_empty|run_twice'
}

# Reads the table into the arrays names, functions and alone.
read_table() {
    local name bug function
    while IFS='|' read -r name bug function; do
        name=${name%"${name##*[![:space:]]}"}
        function=${function//[[:space:]]/}
        [[ -n $name && $name != '#'* ]] || continue
        if [[ $(type -t "$function") != function || -z ${bug// /} ]]; then
            not_ok "$name" "there is no function $function"
            continue
        fi
        names+=("$name")
        functions+=("$function")
        stands_alone "$function" && alone+=(1) || alone+=(0)
    done <<<"$cases"
}

# Cases that leave each other alone run eight at once; a function is run once for all its lines.
run_table() {
    local names=() functions=() alone=() n function pids=()
    read_table
    for n in "${!functions[@]}"; do
        [[ ${alone[n]} == 0 && ! -e $work/case.${functions[n]} ]] || continue
        echo 'it broke off' >"$work/case.${functions[n]}"
        run_case "$work/case.${functions[n]}" "${functions[n]}" &
        pids+=($!)
        ((${#pids[@]} < 8)) || { wait "${pids[@]}"; pids=(); }
    done
    ((${#pids[@]} == 0)) || wait "${pids[@]}"
    for n in "${!functions[@]}"; do
        function=${functions[n]}
        [[ -e $work/case.$function ]] || run_case "$work/case.$function" "$function"
        if [[ -s $work/case.$function ]]; then
            not_ok "${names[n]}" "$(cat "$work/case.$function")"
        else
            ok "${names[n]}"
        fi
    done
}

# ---- What the cases share ------------------------------------------------------------------------

# Prints a request with the statement $1, which carries the marker, and the members of $2.
sql() {
    jq -cn --arg sql "$1 -- $marker" --argjson more "${2:-{\}}" '{sqlStatement: $sql} + $more'
}

# Prints a new execution ARN.
new_execution() {
    echo "arn:aws:states:us-east-1:000000000000:execution:acceptance:$((++execution_count))-$RANDOM$RANDOM"
}

# A query with $1 rows of numbers, the same for every engine.
numbers() {
    echo "with recursive n(v) as (select 1 union all select v + 1 from n where v < $1) select v from n"
}

# Runs the statement $1 through the service and waits for its end; sets statement.
run_sql() {
    post "$(sql "$1" "${2:-}")"
    statement=$(jq -r .Id <<<"$reply")
    until_true statement_has_ended "$statement"
}

statement_has_ended() {
    [[ $(statement_of "$1" | jq -r .status) =~ ^(FINISHED|FAILED|ABORTED)$ ]]
}

# Prints the first value that the statement $1 finds.
value_of() {
    run_sql "$1"
    post "{\"action\":\"getStatementResult\",\"statementId\":\"$statement\"}"
    jq -r '.Records[0][0] | .longValue // .stringValue' <<<"$reply"
}

# Prints how often the operation $1 was called.
calls_of() {
    curl -sS "$control_url/calls" | jq --arg name "$1" '.calls[$name] // 0'
}

# Stops the service, and starts it again with the settings $@ added to the usual ones.
service_with() {
    stop_daemon "$serve_pid"
    start_daemon serve "$@" || problem=${problem:-"the service starts: $(tail -n 1 "$daemon_log")"}
    serve_pid=$daemon_pid
}

s3=$work/s3
mkdir "$s3"
begin_stack --engine "${POSTGRES_URL:-sqlite::memory:}" --s3 "$s3" || not_ok 'the stand-in starts'
printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64 -w 0)" >"$work/keys"
export RINGBACK_KEY_FILE=$work/keys RINGBACK_SWEEP_SECONDS=1
execution_count=0
start_daemon serve || not_ok 'the service starts' "$(tail -n 1 "$daemon_log")"
serve_pid=$daemon_pid
run_table
equal 'no statement has run twice' "$(run_twice)" 0
check 'no event is left' until_true queue_is_empty "$RINGBACK_EVENT_QUEUE_URL"
end_stack
secrets_kept 'no token, no SQL and no credential is in a log'
finish
