#!/usr/bin/env bash
# Writes requests/<stage>.json, what ringback is sent, from <stage>.sql, what people read.
# The first line of a stage, "-- request: {...}", holds the request's other members. A statement
# ends with ";" at the end of a line; comment lines are left out.
#   make-requests.sh           writes the files
#   make-requests.sh --check   says which differ from their SQL (exit status 1)
set -euo pipefail
cd "$(dirname "$0")"

# Prints the request of the stage file $1.
request() {
    local members
    members=$(sed -n '1s/^-- request: //p' "$1")
    grep -v '^ *--' "$1" | jq --raw-input --slurp --argjson members "$members" '
        $members + {sqlStatements: [split(";\n")[] | gsub("^\\s+|\\s+$"; "") | select(. != "")]}'
}

status=0
for sql in [0-9]*.sql; do
    json=requests/$(basename "$sql" .sql).json
    if [[ ${1:-} != --check ]]; then
        request "$sql" >"$json"
    elif ! request "$sql" | cmp --silent - "$json"; then
        echo "$json differs from $sql: run make-requests.sh" >&2
        status=1
    fi
done
exit "$status"
