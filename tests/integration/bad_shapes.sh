#!/usr/bin/env bash
# Malformed, oversized and contradictory requests of each accepted shape: each is answered through its
# own channel with the field and the rule, and leaves nothing behind.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
source tests/support/refusals.sh
source tests/support/lambda_cases.sh
clean_environment

# Native requests, whose caller can be told by its token.
native='
{sqlStatement: S, singleton: "k"}                       ## singleton: must be an object
{sqlStatement: S, singleton: {}}                        ## singleton.key: is required
{sqlStatement: S, singleton: {key: ""}}                 ## singleton.key: must not be empty
{sqlStatement: S, singleton: {key: 7}}                  ## singleton.key: must be a string
{sqlStatement: S, singleton: {key: ("k" * 513)}}        ## singleton.key: must be at most 512
{sqlStatement: S, singleton: {key: "k", onConflict: "wait"}} ## singleton.onConflict: must be one of fail, skip, queue
{sqlStatement: S, singleton: {key: "k", ttl: 7}}        ## singleton.ttl: unknown
{sqlStatement: S, action: "executeSingletonStatement", singleton: {key: "k"}} ## singleton: goes with the action executeStatement only
{sqlStatement: S, retry: 3}                             ## retry: must be an object
{sqlStatement: S, retry: {attempts: 3}}                 ## retry.attempts: unknown
{sqlStatement: S, retry: {maxAttempts: 0}}              ## retry.maxAttempts: must be between 1
{sqlStatement: S, retry: {maxAttempts: 1.5}}            ## retry.maxAttempts: must be
{sqlStatement: S, retry: {errorMatch: "("}}             ## retry.errorMatch: 
{sqlStatement: S, retry: {errorMatch: ""}}              ## retry.errorMatch: must not be empty
{sqlStatement: S, retry: {errorMatch: ("a" * 100000)}}  ## retry.errorMatch: must be at most
{sqlStatement: S, retry: {baseSeconds: -1}}             ## retry.baseSeconds: must be a number of seconds between 0
{sqlStatement: S, retry: {baseSeconds: "1"}}            ## retry.baseSeconds: must be
{sqlStatement: S, retry: {baseSeconds: 9, maxSeconds: 3}} ## retry.maxSeconds: must not be less than baseSeconds
{sqlStatement: S, result: "inline"}                     ## result: must be an object
{sqlStatement: S, result: {mode: "file"}}               ## result.mode: must be one of none, inline, s3
{sqlStatement: S, result: {mode: "s3"}}                 ## result: mode s3 needs uri
{sqlStatement: S, result: {mode: "none", maxRows: 3}}   ## result.mode: none goes without
{sqlStatement: S, result: {mode: "s3", uri: "https://b/k"}} ## result.uri: must be s3://
{sqlStatement: S, result: {mode: "s3", uri: "s3://B"}}  ## result.uri: must be s3://
{sqlStatement: S, result: {maxRows: 0}}                 ## result.maxRows: must be between 1
{sqlStatement: S, result: {format: "xml"}}              ## result.format: must be one of json, csv
{sqlStatement: S, result: {rows: 1}}                    ## result.rows: unknown
{sqlStatement: S, expect: {}}                           ## expect: minRows or maxRows is needed
{sqlStatement: S, expect: {minRows: -1}}                ## expect.minRows: must be between 0
{sqlStatement: S, expect: {minRows: 2, maxRows: 1}}     ## expect.maxRows: must not be less than minRows
{sqlStatement: S, expect: {rows: 1}}                    ## expect.rows: unknown
{sqlStatement: S, notify: {}}                           ## notify: onSuccess or onFailure is needed
{sqlStatement: S, notify: {onEnd: {queueUrl: "https://q/1/a"}}} ## notify.onEnd: unknown
{sqlStatement: S, notify: {onSuccess: {}}}              ## notify.onSuccess: exactly one of
{sqlStatement: S, notify: {onSuccess: {topicArn: "topic"}}} ## notify.onSuccess.topicArn: must be
{sqlStatement: S, notify: {onFailure: [range(9) | {eventBusName: "b"}]}} ## notify.onFailure: must hold 1 to
{sqlStatement: S, notify: {onSuccess: []}}              ## notify.onSuccess: must hold 1 to
{sqlStatements: [S], mode: "auto"}                      ## mode: must be one of sequence, transaction, autoCommit
'

# Scripts in S3, native and of the ETL sample.
scripts='
{sqlUri: 7}                                             ## sqlUri: must be a string
{sqlUri: ""}                                            ## sqlUri: must not be empty
{sqlUri: "scripts/x.sql"}                               ## sqlUri: must be s3://bucket/key
{sqlUri: "s3://scripts"}                                ## sqlUri: the key must have 1 to 1024 bytes
{sqlUri: ("s3://scripts/" + "x" * 3000)}                ## sqlUri: must be at most 2048 bytes
{sqlUri: "s3://scripts/x.sql", sqlStatement: S}         ## request: exactly one of
{sqlUri: "s3://scripts/x.sql", mode: "script"}          ## mode: must be one of sequence, transaction, autoCommit
{sqlUri: "s3://scripts/x.sql", variables: []}           ## variables: must be an object
{sqlUri: "s3://scripts/x.sql", variables: {}}           ## variables: must hold 1 to 100
{sqlUri: "s3://scripts/x.sql", variables: {"a b": S}}   ## variables: names must match
{sqlUri: "s3://scripts/x.sql", variables: {a: [S]}}     ## variables.a: must be a string or a number
{sqlUri: "s3://scripts/x.sql", variables: {a: ("x" * 65537)}} ## variables.a: must be at most 65536 bytes
{sqlStatement: S, variables: {a: "1"}}                  ## variables: goes with sqlUri only
{sqlUri: "s3://nowhere/x.sql"}                          ## sqlUri: the script cannot be read from S3: NoSuchBucket
{sqlUri: "s3://scripts/none.sql"}                       ## sqlUri: the script cannot be read from S3: NoSuchKey
{sqlUri: "s3://scripts/large.sql"}                      ## sqlUri: the script must be at most 1048576 bytes
{sqlUri: "s3://scripts/empty.sql"}                      ## sqlUri: must hold
{sqlUri: "s3://scripts/open.sql"}                       ## sqlUri: line 2: the string that begins here does not end
{sqlUri: "s3://scripts/many.sql", mode: "transaction"}  ## sqlUri: must hold at most 40 statements in this mode, got 41
{sqlUri: "s3://scripts/rollback.sql", mode: "transaction"} ## sqlUri: statement 2: a rollback
{sqlUri: "s3://scripts/place.sql", variables: {name: S}} ## variables.name: must be a number or a plain name
{Input: {}}                                             ## Input.action: is required
{Input: {action: S}}                                    ## Input.action: must be
{Input: {action: "run_x"}}                              ## Input.etl_script_s3_path: is required
{Input: {action: "run_x", etl_script_s3_path: "/x.sql"}} ## Input.etl_script_s3_path: must be s3://bucket/key
{Input: {action: "run_x", etl_script_s3_path: "s3://scripts/none/"}} ## Input.etl_script_s3_path: the script cannot be read from S3: NoSuchKey
{Input: {action: "run_many", etl_script_s3_path: "s3://scripts/many.sql"}} ## Input.etl_script_s3_path: must hold at most 40
{Input: {action: "run_x", etl_script_s3_path: "s3://scripts/x.sql", variables: 7}} ## Input.variables: must be an object
{Input: {action: "run_x", etl_script_s3_path: "s3://scripts/x.sql"}, sqlStatement: S} ## sqlStatement: goes without Input
{Input: {action: "get_sql_status"}}                     ## Input.sql_batch_id: is required
{Input: {action: "get_sql_status", sql_batch_id: "x"}}  ## Input.sql_batch_id: must be
'

# What those scripts are.
write_scripts() {
    mkdir -p "$1/scripts"
    : >"$1/scripts/empty.sql"
    printf "select 1;\nselect '%s" "$marker" >"$1/scripts/open.sql"
    printf 'select %s;\n' {1..41} >"$1/scripts/many.sql"
    echo 'begin; rollback; select 1' >"$1/scripts/rollback.sql"
    echo 'select * from {name}' >"$1/scripts/place.sql"
    head -c 1048577 /dev/zero | tr '\0' ' ' >"$1/scripts/large.sql"
}

# Lists of queries.
lists='
{queries: S}                                            ## queries: must be an array
{queries: []}                                           ## queries: must hold 1 to
{queries: [range(257) | S]}                             ## queries: must hold 1 to
{queries: [7]}                                          ## queries[0]: must be a string or an object
{queries: [S, " "]}                                     ## queries[1]: must not be empty
{queries: [S, {}]}                                      ## queries[1]: ExecuteStatementParameters or StatementId is needed
{queries: [{ExecuteStatementParameters: 7}]}            ## queries[0].ExecuteStatementParameters: must be a string or an object
{queries: [{ExecuteStatementParameters: {}}]}           ## queries[0].ExecuteStatementParameters: Sql is needed
{queries: [{ExecuteStatementParameters: {Sql: S, Sqls: [S]}}]} ## queries[0].ExecuteStatementParameters.Sqls: unknown
{queries: [{ExecuteStatementParameters: {Sql: S, Parameters: [{name: "a"}]}}]} ## queries[0].ExecuteStatementParameters.Parameters[0].value:
{queries: [{ExecuteStatementParameters: S, MaxRetries: -1}]} ## queries[0].MaxRetries: must be between 0
{queries: [{ExecuteStatementParameters: S, MaxRetries: "3"}]} ## queries[0].MaxRetries: must be
{queries: [{ExecuteStatementParameters: S, RetryErrorMatch: "["}]} ## queries[0].RetryErrorMatch:
{queries: [{ExecuteStatementParameters: S, BaseWaitTime: -0.5}]} ## queries[0].BaseWaitTime: must be
{queries: [{ExecuteStatementParameters: S, MaxWait: "long"}]} ## queries[0].MaxWait: must be
{queries: [{ExecuteStatementParameters: S, InitialWaitTime: []}]} ## queries[0].InitialWaitTime: must be
{queries: [{StatementId: "LATEST"}]}                    ## queries[0].StatementId: must be a statement
{queries: [S], sqlStatement: S}                         ## request: exactly one of
{queries: [S], mode: "sequence"}                        ## mode: goes with
{queries: [S], parameters: [{name: "a", value: "1"}]}   ## parameters: goes into
'

# No address can be read: lists without anything around them, events and notifications that are none.
bare='
[]                                                      ## 
[7]                                                     ## 
[{}]                                                    ## 
[S, {ExecuteStatementParameters: S, RetryErrorMatch: "("}] ## 
""                                                      ## 
7                                                       ## request: 
{RequestType: "Create"}                                 ## ResponseURL: is required
{RequestType: "Create", ResponseURL: "http://example.com/x"} ## ResponseURL: must be an https URL
{RequestType: "Create", ResponseURL: "https://u@x/y", StackId: "s"} ## ResponseURL: must be an https URL
{Type: "Notification", MessageId: "m-1", TopicArn: "arn:aws:sns:us-east-1:000000000000:t", Message: "select 1"} ## Message: 
{Type: "Notification", MessageId: "m-2", TopicArn: "arn:aws:sns:us-east-1:000000000000:t", Message: "{}"} ## 
'

# The requests of the tasker; on a queue none of these has an answer.
actions='
{action: "describeStatement"}                           ## statementId: is required
{action: "describeStatement", statementId: 7}           ## statementId: must be a string
{action: "describeStatement", statementId: ("x" * 65)}  ## statementId: must be at most 64
{action: "describeStatement", statementId: "LATEST"}    ## statementId: LATEST needs executionArn
{action: "describeStatement", statementId: "x", sqlStatement: S} ## sqlStatement: goes with the action executeStatement only
{action: "getStatementResult", statementId: "x", nextToken: 7} ## nextToken: must be a string
{action: "getStatementResult", statementId: "x", nextToken: ("x" * 5000)} ## nextToken: must be at most
{action: "cancel", statementId: "x"}                    ## action: must be one of
{action: "executeSingletonStatement"}                   ## action: executeSingletonStatement needs sqlStatement
{action: "executeStatement", statementId: "x"}          ## request: exactly one of
'

# Events, whose detail is the request.
events='
{"detail-type": "t", source: "s", detail: {}}           ## detail: exactly one of
{"detail-type": "t", source: "s", detail: {sqlStatement: S, taskTokens: "t"}} ## detail.taskTokens: unknown
{"detail-type": "t", source: "s", detail: {queries: [{}]}} ## detail.queries[0]:
{"detail-type": "t", source: "s", detail: {sqlStatement: S, expect: 1}} ## detail.expect: must be an object
'

# Properties of a custom resource.
resources='
{}                                                      ## ResourceProperties: one of create
{create: 7}                                             ## ResourceProperties.create: must be
{create: " "}                                           ## ResourceProperties.create: must not be empty
{create: {}}                                            ## ResourceProperties.create: exactly one of
{create: {sqlStatement: S, nonsense: 1}}                ## ResourceProperties.create.nonsense: unknown
{create: {sqlStatement: S, timeoutSeconds: "soon"}}     ## ResourceProperties.create.timeoutSeconds: must be
{create: {sqlStatement: S, taskToken: "t"}}             ## ResourceProperties.create.taskToken: does not go with
{create: {queries: [S, {}]}}                            ## ResourceProperties.create.queries[1]: ExecuteStatementParameters
{create: S, create_sql: S}                              ## ResourceProperties.create_sql: goes without create
{create: S, delete: {sqlStatement: ""}}                 ## ResourceProperties.delete.sqlStatement: must not be empty
{create: S, data: "name"}                               ## ResourceProperties.data: must be an object
{create: S, data: {A: ""}}                              ## ResourceProperties.data.A: must be the name of a column
{create: S, data: {Status: "x"}}                        ## ResourceProperties.data.Status: Status is told in any case
{create: S, data: ([range(33) | {key: "k\(.)", value: "v"}] | from_entries)} ## ResourceProperties.data: must have at most 32
{create: S, noEcho: "perhaps"}                          ## ResourceProperties.noEcho: must be
{create: S, physicalResourceId: ""}                     ## ResourceProperties.physicalResourceId: must be
{create: S, physicalResourceId: ("x" * 1025)}           ## ResourceProperties.physicalResourceId: must be
{create: S, ServiceTimeout: "soon"}                     ## ResourceProperties.ServiceTimeout: must be
{username: ""}                                          ## ResourceProperties.username: must
{username: "public"}                                    ## ResourceProperties.username: must
{username: "u", password: S}                            ## ResourceProperties.password: must be a digest
{username: "u", create_user: "perhaps"}                 ## ResourceProperties.create_user: must be
{username: "u", groups: ["g", "g"]}                     ## ResourceProperties.groups[1]: 
{username: "u", valid_until: ["2030-01-01"]}            ## ResourceProperties.valid_until: must
{username: "u", create: S}                              ## ResourceProperties.username: goes without
{username: "u", connection_limit: "many"}               ## ResourceProperties.connection_limit: must be
'

# Each too large as a whole, to be read or to be stored, though no part of it is.
oversized='
{sqlStatements: [range(3) | "x" * 190000]}              ## request: SQL, parameters and addresses together must be at most
{queries: [range(3) | "x" * 190000]}                    ## request: SQL, parameters and addresses together must be at most
{sqlStatements: [range(6) | "x" * 190000]}              ## body: must be at most 1048576 bytes
[range(6) | "x" * 190000]                               ## body: must be at most 1048576 bytes
{queries: [range(6) | {ExecuteStatementParameters: ("x" * 190000)}]} ## body: must be at most 1048576 bytes
{"detail-type": "t", source: "s", detail: {sqlStatements: [range(6) | "x" * 190000]}} ## body: must be at most 1048576 bytes
'

http_shapes() {
    local more
    new_task '{}'
    more="{\"taskToken\":\"$task_token\"}"
    each "$native" over_http
    each "$scripts" over_http
    each "$lists" over_http
    each "$actions" over_http
    each "$events" over_http
    each "$bare" over_http
    each "$oversized" too_large_over_http
    holds 'http: nothing is left: the token is untouched' \
        "$(task_of "$task" | jq -c 'del(.taskToken)')" \
        '.state == "RUNNING" and .accepted == 0 and .refused == 0'
    nothing_is_left http
}

too_large_over_http() {
    body_of "$1" "$more" >"$work/body"
    post_file
    is_refused "$1" 413 "$2"
}

# A function that is invoked directly answers as HTTP does, by errors of Lambda.
lambda_shapes() {
    new_task '{}'
    more="{\"taskToken\":\"$task_token\"}"
    each "$native" over_lambda
    each "$scripts" over_lambda
    each "$lists" over_lambda
    each "$actions" over_lambda
    over_lambda '{queries: [range(3) | "x" * 190000]}' 'request: SQL, parameters and addresses together'
    over_lambda '{sqlStatements: [range(6) | "x" * 190000]}' 'request: must be at most 1048576 bytes'
    holds 'lambda: nothing is left: the token is untouched' \
        "$(task_of "$task" | jq -c 'del(.taskToken)')" \
        '.state == "RUNNING" and .accepted == 0 and .refused == 0'
    nothing_is_left lambda
}

over_lambda() {
    body_of "$1" "$more" >"$work/body"
    invoke_file
    if [[ $error == InvalidRequest ]] && jq -e --arg text "$2" '.errorType == "InvalidRequest"
        and (.errorMessage | length > 0 and startswith($text))' <<<"$reply" >/dev/null; then
        ok "lambda: $1"
    else
        not_ok "lambda: $1" "got $error ${reply:0:300}, expected $2"
    fi
}

# Neither an invocation, nor a statement, nor a parked message.
nothing_is_left() {
    holds "$1: no invocation" "$(curl -sS "$RINGBACK_URL/invocations")" '.Invocations == []'
    holds "$1: no statement" "$(curl -sS "$control_url/statements")" '.statements == []'
    equal "$1: nothing is parked" "$(parked_reasons | wc -l)" 0
}

queue_shapes() {
    : >"$work/sent"
    : >"$work/parked.expected"
    each "$native" over_queue
    each "$scripts" over_queue
    each "$lists" over_queue
    each "$actions" over_queue
    each "$events" over_queue
    each "$bare" unreadable_over_queue
    told_by_token
    parked_for
    check 'queue: nothing is left in it' until_true queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL"
    holds 'queue: no statement' "$(curl -sS "$control_url/statements")" '.statements == []'
    holds 'queue: every invocation is REJECTED and settled' \
        "$(curl -sS "$RINGBACK_URL/invocations?limit=100")" \
        '.Invocations | length > 60 and all(.Outcome == "REJECTED" and .SettledAt != null)'
}

# Who is to be told by a queue, a topic or a bus is told there.
# Prints the event of a custom resource with the properties of the expression $1, its ResponseURL
# newly minted; response is its number.
resource_body() {
    local made
    made=$(curl -sS -X POST "$control_url/responses")
    jq -r .n <<<"$made" >"$work/response"
    jq -r .url <<<"$made" | sed 's/.*?//' >>"$work/secrets"
    body_of "$1" '{}' | jq -c --arg url "$(jq -r .url <<<"$made")" --arg id "r$RANDOM$RANDOM" '{
        RequestType: "Create", ResponseURL: $url, RequestId: $id, LogicalResourceId: $id,
        StackId: "arn:aws:cloudformation:us-east-1:000000000000:stack/s/1", ResourceType: "Custom::S",
        ResourceProperties: .}'
}

resource_over_http() {
    resource_body "$1" >"$work/body"
    post_file
    is_refused "$1" 400 "$2"
}

resource_over_queue() {
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(resource_body "$1")"
    printf '%s\t%s\t%s\n' "$(cat "$work/response")" "$1" "$2" >>"$work/asked"
}

# Prints the first PUT to the ResponseURL $1.
put_to() {
    curl -sS "$control_url/responses" | jq -ce --argjson n "$1" '.responses[] | select(.n == $n).puts[0].body'
}

resource_shapes() {
    local n expression text
    : >"$work/asked"
    each "$resources" resource_over_http
    nothing_is_left 'http, resources'
    equal 'http, resources: no ResponseURL is touched' \
        "$(curl -sS "$control_url/responses" | jq '[.responses[].puts[]] | length')" 0
    each "$resources" resource_over_queue
    while IFS=$'\t' read -r n expression text; do
        until_true put_to "$n"
        holds "queue: $expression" "$(put_to "$n" | jq -c fromjson)" '.Status == "FAILED"
            and (.Reason | startswith("REJECTED: " + $text) and (contains($marker) | not))
            and (.PhysicalResourceId | startswith("ringback:create-failed:"))' \
            --arg text "$text" --arg marker "$marker"
    done <"$work/asked"
    holds 'queue, resources: no statement' "$(curl -sS "$control_url/statements")" '.statements == []'
}

reply_shapes() {
    local replies kind address
    replies=$(create_queue refusals)
    for address in "{\"queueUrl\":\"$replies\"}" '{"topicArn":"arn:aws:sns:us-east-1:000000000000:refusals"}' \
        '{"eventBusName":"refusals"}'; do
        kind=$(jq -r 'keys[0]' <<<"$address")
        send "$RINGBACK_REQUEST_QUEUE_URL" \
            "$(body_of '{sqlStatement: S, expect: {}}' "{\"replyTo\":$address,\"requestKey\":\"$kind\"}")"
    done
    holds 'reply: by queue' "$(take_message "$replies" | jq -c '.Body | fromjson')" "$rejected"
    check 'reply: by topic and bus' until_true published_count_is 2
    holds 'reply: by topic' "$(published sns)" "$rejected"
    holds 'reply: by bus' "$(published events)" "$rejected"
}

rejected='.outcome == "REJECTED" and .error == "REJECTED"
    and .cause.detail.error == "expect: minRows or maxRows is needed"'

published_count_is() {
    [[ $(curl -sS "$control_url/published" | jq '.published | length') == "$1" ]]
}

# Prints the document that the service $1 was given.
published() {
    curl -sS "$control_url/published" |
        jq -c --arg service "$1" '.published[] | select(.service == $service).body | fromjson'
}

write_scripts "$work/s3"
begin_stack --engine sqlite::memory: --s3 "$work/s3" || not_ok 'the stand-in starts'
start_daemon serve || not_ok 'the service starts' "$(tail -n 1 "$daemon_log")"
# shellcheck disable=SC2119
start_function || not_ok 'the function starts' "$(tail -n 1 "$stack_dir/lambda.log")"
http_shapes
lambda_shapes
resource_shapes
queue_shapes
reply_shapes
stop_daemon "$daemon_pid"
equal 'the service ends with status 0' $? 0
end_stack
secrets_kept 'no token, no SQL and no credential is in a log'
finish
