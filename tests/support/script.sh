# shellcheck shell=bash
# Sourced by the test scripts (tests/integration/*.sh, tests/faults/*.sh): tests/README.md.
failed_count=0

# Reports the case $1 as passed.
ok() {
    echo "ok $1"
}

# Reports the case $1 as failed, and why ($2, one line).
not_ok() {
    echo "not ok $1: ${2:-failed}"
    failed_count=$((failed_count + 1))
}

# The case $1 passes when the command that follows does; what the command printed tells why not.
check() {
    local name=$1 said
    shift
    if said=$("$@" 2>&1); then
        ok "$name"
    else
        printf '%s\n' "$said" | sed 's/^/    /' >&2
        not_ok "$name" "$(printf '%s\n' "$said" | tail -n 1)"
    fi
}

# The case $1 passes when $2 (what is) equals $3 (what should be).
equal() {
    if [[ $2 == "$3" ]]; then
        ok "$1"
    else
        not_ok "$1" "got '${2//$'\n'/ }', expected '${3//$'\n'/ }'"
    fi
}

# Ends the script with an honest status.
finish() {
    exit $((failed_count > 0))
}
