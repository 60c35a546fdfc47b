# shellcheck shell=bash
# Sourced by scripts that send requests which must be refused, after stack_cases.sh: what is said, by
# HTTP and by the request queue. A table has one line per case: what is sent, as a jq expression, and
# the text that must come back, from its beginning. S is a good statement with the marker.
# shellcheck disable=SC2016,SC2154

# Prints the JSON of the jq expression $1 with the members of the object $2 added, into a detail
# when there is one; what is no object stays as it is.
body_of() {
    jq -cn --arg sql "select 1 -- $marker" --argjson more "$2" "def S: \$sql; $1
        | if type != \"object\" then . elif .detail then .detail += \$more else . + \$more end"
}

# Calls the command that follows with each case of the table $1: expression and text.
each() {
    local line expression text table=$1
    shift
    while IFS= read -r line; do
        expression=${line%%##*}
        text=${line#*##}
        [[ -z $line ]] || "$@" "${expression%"${expression##*[![:space:]]}"}" "${text# }"
    done <<<"$table"
}

# The request is answered with the status $2 and a text that begins with $3.
is_refused() {
    local text
    text=$(jq -r '.errorMessage // empty' <<<"$reply" 2>/dev/null)
    if [[ $code == "$2" && -n $text && $text == "$3"* &&
        $(jq -r .errorType <<<"$reply") == InvalidRequest ]]; then
        ok "http: $1"
    else
        not_ok "http: $1" "got $code ${reply:0:300}, expected $2 $3"
    fi
}

over_http() {
    body_of "$1" "$more" >"$work/body"
    post_file
    is_refused "$1" 400 "$2"
}

# Posts the file body as it is.
post_file() {
    local out
    out=$(curl -sS -m 60 -w '\n%{http_code}' -H 'Content-Type: application/json' \
        --data-binary "@$work/body" "$RINGBACK_URL/invocations" 2>&1)
    code=${out##*$'\n'}
    reply=${out%$'\n'*}
}

# ---- By the request queue ------------------------------------------------------------------------

# Sends the case with the token of a new task, which told_by_token looks at.
over_queue() {
    new_task '{}'
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(body_of "$1" "{\"taskToken\":\"$task_token\"}")"
    printf '%s\t%s\t%s\n' "$task" "$1" "$2" >>"$work/sent"
}

# The tasks of over_queue have failed as REJECTED, each with its text.
told_by_token() {
    local n expression text
    while IFS=$'\t' read -r n expression text; do
        # An action asks for a reply, which a queue has none of.
        [[ $expression != '{action'*Statement\"* ]] || text=
        holds "queue: $expression" "$(ended_task "$n")" '.state == "FAILED" and .error == "REJECTED"
            and .cause.ringback.outcome == "REJECTED"
            and .cause.ringback.errorType == "InvalidRequest" and .cause.detail.state == "REJECTED"
            and (.cause.detail.error | length > 0 and startswith($text))' --arg text "$text"
    done <"$work/sent"
}

# Sends the case as it is, for parked_for.
unreadable_over_queue() {
    send "$RINGBACK_REQUEST_QUEUE_URL" "$(body_of "$1" '{}')"
    printf '%s\n' "$2" >>"$work/parked.expected"
}

# What unreadable_over_queue has sent is parked, each with its reason.
parked_for() {
    local text
    check 'queue: what has no address is parked' \
        until_true parked_count_is "$(wc -l <"$work/parked.expected")"
    while IFS= read -r text; do
        check "queue: parked for ${text:-a reason}" grep -qF "$text" <(parked_reasons)
    done <"$work/parked.expected"
}

parked_count_is() {
    [[ $(parked_reasons | wc -l) == "$1" ]]
}
