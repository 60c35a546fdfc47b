#!/usr/bin/env bash
# Requests and settings that are wrong: what is said, and that nothing stays behind.
# shellcheck disable=SC2016
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
source tests/support/refusals.sh
clean_environment

# ---- Requests -----------------------------------------------------------------------------------

bad_requests='
{sqlStatement: S, nonsense: 1}                          ## nonsense: unknown
{sqlStatement: S, SqlStatement: S}                      ## SqlStatement: unknown
{}                                                      ## request: exactly one of sqlStatement, sqlStatements
{sqlStatement: S, sqlStatements: [S]}                   ## request: exactly one of sqlStatement, sqlStatements
{sqlStatement: 7}                                       ## sqlStatement: must be a string
{sqlStatement: null}                                    ## request: exactly one of sqlStatement, sqlStatements
{sqlStatement: [S]}                                     ## sqlStatement: must be a string
{sqlStatement: ""}                                      ## sqlStatement: must not be empty
{sqlStatement: " \n\t"}                                 ## sqlStatement: must not be empty
{sqlStatement: ("x" * 200001)}                          ## sqlStatement: must be at most 200000 bytes, got 200001
{sqlStatements: S}                                      ## sqlStatements: must be an array
{sqlStatements: []}                                     ## sqlStatements: must hold 1 to
{sqlStatements: [S, 1]}                                 ## sqlStatements[1]: must be a string
{sqlStatements: [S, " "]}                               ## sqlStatements[1]: must not be empty
{sqlStatements: [range(41) | S], mode: "transaction"}   ## sqlStatements: must hold 1 to 40 statements in this mode, got 41
{sqlStatements: [range(2000) | S]}                      ## sqlStatements: must hold 1 to
{sqlStatements: [S], mode: "parallel"}                  ## mode: must be one of sequence, transaction
{sqlStatements: [S], mode: 1}                           ## mode: must be a string
{sqlStatement: S, mode: "sequence"}                     ## mode: goes with sqlStatements and sqlUri only
{sqlStatement: S, parameters: {}}                       ## parameters: must be an array
{sqlStatement: S, parameters: []}                       ## parameters: must hold 1 to
{sqlStatement: S, parameters: ["x"]}                    ## parameters[0]: must be an object
{sqlStatement: S, parameters: [{name: "a"}]}            ## parameters[0].value: 
{sqlStatement: S, parameters: [{name: "a-b", value: "1"}]} ## parameters[0].name: must match
{sqlStatement: S, parameters: [{name: "a", value: ""}]} ## parameters[0].value: must not be empty
{sqlStatement: S, parameters: [{name: "a", value: 1}]}  ## parameters[0].value: must be a string
{sqlStatement: S, parameters: [{name: "a", value: "1", type: "x"}]} ## parameters[0].type: unknown
{sqlStatement: S, target: 7}                            ## target: must be an object or the name of a target
{sqlStatement: S, target: {}}                           ## target: exactly one of
{sqlStatement: S, target: {clusterIdentifier: "a", workgroupName: "b", database: "d"}} ## target: exactly one of
{sqlStatement: S, target: {workgroupName: "b", database: "d", dbUser: "u"}} ## target: dbUser goes with clusterIdentifier only
{sqlStatement: S, target: {sessionId: "a", database: "d"}} ## target: sessionId goes without
{sqlStatement: S, target: {clusterIdentifier: "a"}}     ## target.database: is required
{sqlStatement: S, target: {clusterIdentifier: "a", database: "d", port: 5439}} ## target.port: unknown
{sqlStatement: S, target: "elsewhere"}                  ## target: there is no target of this name
{sqlStatement: S, executionArn: ("a" * 2049)}           ## executionArn: must be at most
{sqlStatement: S, requestKey: ""}                       ## requestKey: must not be empty
{sqlStatement: S, requestKey: ("k" * 3000)}             ## requestKey: must be at most
{sqlStatement: S, timeoutSeconds: -1}                   ## timeoutSeconds: must be between 1 and 86400, got -1
{sqlStatement: S, timeoutSeconds: 0}                    ## timeoutSeconds: must be between 1 and 86400, got 0
{sqlStatement: S, timeoutSeconds: 86401}                ## timeoutSeconds: must be between 1 and 86400, got 86401
{sqlStatement: S, timeoutSeconds: "5"}                  ## timeoutSeconds: must be
{sqlStatement: S, timeoutSeconds: 1.5}                  ## timeoutSeconds: must be
{sqlStatement: S, heartbeatSeconds: 2}                  ## heartbeatSeconds: must be at least 15, three times the sweep
{sqlStatement: S, sessionKeepAliveSeconds: -1}          ## sessionKeepAliveSeconds: must be between 0 and 86400, got -1
{sqlStatement: S, keepRunning: "yes"}                   ## keepRunning: must be
{sqlStatement: S, output: "csv"}                        ## output: must be "event" or "statement"
{sqlStatement: S, output: 1}                            ## output: must be a string
{sqlStatement: S, action: "dropEverything"}             ## action: must be one of executeStatement, executeSingletonStatement
{action: "cancelStatement"}                             ## statementId: 
{action: "describeStatement", statementId: "LATEST"}    ## statementId: LATEST needs executionArn
{"detail-type": "x", source: "s", detail: {sqlStatement: S, nonsense: 1}} ## 
'

# The same, where no address can be read.
bad_addresses='
{sqlStatement: "select \u0000"}                         ## request: 
{sqlStatement: S, taskToken: 7}                         ## taskToken: must be a string
{sqlStatement: S, taskToken: ""}                        ## taskToken: must not be empty
{sqlStatement: S, taskToken: ("t" * 2049)}              ## taskToken: must be at most 2048
{sqlStatement: S, heartbeatSeconds: 60}                 ## heartbeatSeconds: goes with taskToken only
{sqlStatement: S, replyTo: "q"}                         ## replyTo: must be an object
{sqlStatement: S, replyTo: {}}                          ## replyTo: exactly one of
{sqlStatement: S, replyTo: {queueUrl: ""}}              ## replyTo.queueUrl: 
{sqlStatement: S, replyTo: {queueUrl: "q"}}             ## replyTo.queueUrl: must be
{sqlStatement: S, replyTo: {queueName: "q"}}            ## replyTo.queueName: unknown
'

# What is no JSON object at all: status, text, and the file as printf makes it.
raw_over_http() {
    local name=$1 status=$2 text=$3
    shift 3
    "$@" >"$work/body"
    post_file
    is_refused "$name" "$status" "$text"
}

nested() {
    printf '{"sqlStatement":'
    printf '[%.0s' {1..5000}
}

oversize() {
    printf '{"sqlStatement":"select 1","parameters":[{"name":"a","value":"'
    head -c 3000000 /dev/zero | tr '\0' x
    printf '"}]}'
}

http_requests() {
    local more
    new_task '{}'
    more="{\"taskToken\":\"$task_token\"}"
    each "$bad_requests" over_http
    more='{}'
    each "$bad_addresses" over_http
    raw_over_http 'no JSON' 400 request: printf 'select 1'
    raw_over_http 'nothing' 400 request: printf ''
    raw_over_http 'an array' 400 request: printf '[]'
    raw_over_http 'a number' 400 request: printf '7'
    raw_over_http 'cut off' 400 request: printf '{"sqlStatement":"select 1"'
    raw_over_http 'more behind it' 400 request: printf '{"sqlStatement":"select 1"} x'
    raw_over_http 'a NUL byte' 400 request: printf '{"sqlStatement":"select \0 1"}'
    raw_over_http 'not UTF-8' 400 '' printf '{"sqlStatement":"select \xff"}'
    raw_over_http 'half a surrogate' 400 '' printf '{"sqlStatement":"select \\ud800"}'
    raw_over_http 'nested too deep' 400 request: nested
    raw_over_http 'too large' 413 '' oversize
    equal 'http: no such path' "$(curl -sS -o /dev/null -w '%{http_code}' "$RINGBACK_URL/x")" 404
    equal 'http: no such method' \
        "$(curl -sS -o /dev/null -w '%{http_code}' -X DELETE "$RINGBACK_URL/invocations")" 405
    equal 'http: a bad limit' "$(curl -sS "$RINGBACK_URL/invocations?limit=0" | jq -r .errorMessage)" \
        'limit: must be between 1 and 100, got 0'
    equal 'http: no such invocation' \
        "$(curl -sS -o /dev/null -w '%{http_code}' "$RINGBACK_URL/invocations/x")" 404
    holds 'http: nothing is left: no invocation' "$(curl -sS "$RINGBACK_URL/invocations")" \
        '.Invocations == []'
    holds 'http: nothing is left: no statement' "$(curl -sS "$control_url/statements")" \
        '.statements == []'
    holds 'http: nothing is left: the token is untouched' "$(task_of "$task" | jq -c 'del(.taskToken)')" \
        '.state == "RUNNING" and .accepted == 0 and .refused == 0'
}

# ---- The same by queue --------------------------------------------------------------------------

queue_requests() {
    : >"$work/sent"
    : >"$work/parked.expected"
    each "$bad_requests" over_queue
    each "$bad_addresses" unreadable_over_queue
    send "$RINGBACK_REQUEST_QUEUE_URL" 'select 1'
    send "$RINGBACK_REQUEST_QUEUE_URL" '[]'
    printf 'request:\nrequest:\n' >>"$work/parked.expected"
    told_by_token
    parked_for
    check 'queue: nothing is left in it' until_true queue_is_empty "$RINGBACK_REQUEST_QUEUE_URL"
    holds 'queue: and no statement was made' "$(curl -sS "$control_url/statements")" '.statements == []'
}

# ---- Settings -----------------------------------------------------------------------------------

# `ringback $1` must end with status 2 at once and name $2; the rest is the environment to add. It ends
# before it asks for its store, which may be any.
bad_setting() {
    local command=$1 named=$2 status
    shift 2
    RINGBACK_TRACKER_URL="sqlite:$work/none.db" RINGBACK_HTTP_LISTEN=127.0.0.1:0 \
        RINGBACK_ADMIN_LISTEN=127.0.0.1:0 env "$@" timeout 20 "$ringback" "$command" 2>"$work/said"
    status=$?
    if [[ $status == 2 ]] && grep -F '"message":"listening"' "$work/said" >/dev/null; then
        not_ok "setting: $command, $*" 'it listened'
    elif [[ $status == 2 ]] && tail -n 1 "$work/said" | grep -qF -- "$named"; then
        ok "setting: $command, $*"
    else
        not_ok "setting: $command, $*" "status $status, said $(tail -n 1 "$work/said")"
    fi
}

bad_settings() {
    local pair command
    printf '{"a": {"clusterIdentifier": "c"}}' >"$work/targets-bad"
    printf '[]' >"$work/targets-array"
    printf 'k1:tooshort\n' >"$work/keys-bad"
    : >"$work/keys-empty"
    printf 'short\n' >"$work/token-short"
    for pair in RINGBACK_WORKERS=0 RINGBACK_WORKERS=many RINGBACK_WORKERS=65 \
        RINGBACK_SWEEP_SECONDS=0 RINGBACK_OVERDUE_SECONDS=-1 RINGBACK_WAIT_SECONDS=31 \
        RINGBACK_CANCEL_GRACE_SECONDS=x RINGBACK_GATHER_SECONDS=0 RINGBACK_DIRECT=2 \
        RINGBACK_OUTPUT=csv RINGBACK_RETAIN_DAYS=-1 RINGBACK_DEDUPE_DAYS=14 RINGBACK_REDIS_WAIT=11 \
        RINGBACK_STATEMENT_PREFIX=noslash 'RINGBACK_STATEMENT_PREFIX=a b/' \
        RINGBACK_EVENT_QUEUE_URL=queue RINGBACK_REQUEST_QUEUE_URL=ftp://x/y RINGBACK_URL=x \
        RINGBACK_HTTP_LISTEN=nowhere RINGBACK_HTTP_LISTEN=127.0.0.1:65536 \
        RINGBACK_HTTP_LISTEN=0.0.0.0:0 RINGBACK_ADMIN_LISTEN=x RINGBACK_STATEMENT_ROLE_ARN=role \
        RINGBACK_KEY_SECRET_ARN=arn:aws:sqs:us-east-1:000000000000:keys \
        RINGBACK_TRACKER_URL=mysql://x RINGBACK_TRACKER_URL=sqlite: RINGBACK_TRACKER_URL=redis:// \
        RINGBACK_TRACKER_URL=redis://127.0.0.1:99999/0 RINGBACK_TRACKER_URL=sqlite:/no/such/folder/x.db \
        RINGBACK_KEY_FILE=/no/such/file "RINGBACK_KEY_FILE=$work/keys-bad" \
        "RINGBACK_KEY_FILE=$work/keys-empty" RINGBACK_TARGETS_FILE=/no/such/file \
        "RINGBACK_TARGETS_FILE=$work/targets-bad" "RINGBACK_TARGETS_FILE=$work/targets-array" \
        "RINGBACK_HTTP_TOKEN_FILE=/no/such/file" "RINGBACK_HTTP_TOKEN_FILE=$work/token-short" \
        RINGBACK_WORKRES=4 RINGBACK_X=1 LOG_LEVEL=LOUD TTL=x SECRET_ARN=secret; do
        bad_setting serve "${pair%%=*}" "$pair"
    done
    for command in serve invoker completer; do
        bad_setting "$command" RINGBACK_NO "RINGBACK_NO=1"
        bad_setting "$command" AWS_REGION -u AWS_REGION
        bad_setting "$command" WORKGROUP_NAME WORKGROUP_NAME=w
        bad_setting "$command" DATABASE -u DATABASE
    done
    "$ringback" serve --workers=none 2>"$work/said"
    equal 'setting: a wrong flag' "$? $(cat "$work/said")" \
        '2 ringback serve: --workers: must be an integer between 1 and 64'
    "$ringback" serve --no-such-flag 2>"$work/said"
    equal 'setting: an unknown flag' "$? $(tail -n 1 "$work/said")" \
        '2 ringback serve: --no-such-flag: unknown argument'
}

# ---- The bearer token ---------------------------------------------------------------------------

status_of() {
    curl -sS -o /dev/null -w '%{http_code}' "$@"
}

bearer() {
    local token=0123456789abcdef0123456789abcdef authorization
    printf '%s\n' "$token" >"$work/token"
    echo "$token" >>"$work/secrets"
    export RINGBACK_HTTP_TOKEN_FILE=$work/token
    start_daemon serve || { not_ok 'bearer: the service starts' "$(tail -n 1 "$daemon_log")"; return; }
    for authorization in '' 'Bearer' 'Bearer ' 'Bearer wrong' "Basic $token" "Bearer ${token}x" \
        "Bearer ${token%f}"; do
        equal "bearer: '${authorization/$token/TOKEN}' is 401" "$(status_of -H "Authorization: $authorization" \
            --data '{"sqlStatement":"select 1"}' "$RINGBACK_URL/invocations")" 401
    done
    equal 'bearer: the list too' "$(status_of "$RINGBACK_URL/invocations")" 401
    equal 'bearer: the metrics too' "$(status_of "$admin_url/metrics")" 401
    equal 'bearer: not the health' "$(status_of "$admin_url/healthz")" 200
    equal 'bearer: with the token' "$(status_of -H "Authorization: Bearer $token" \
        --data '{"sqlStatement":"select 1"}' "$RINGBACK_URL/invocations")" 202
    unset RINGBACK_HTTP_TOKEN_FILE
}

begin_stack --engine sqlite::memory: || not_ok 'the stand-in starts'
start_daemon serve || not_ok 'the service starts' "$(tail -n 1 "$daemon_log")"
http_requests
queue_requests
stop_daemon "$daemon_pid"
equal 'the service ends with status 0' $? 0
bad_settings
bearer
end_stack
secrets_kept 'no token, no SQL and no credential is in a log'
finish
