#!/usr/bin/env bash
# docs/examples/sales-etl on SQLite and PostgreSQL, without ringback: the requests match their SQL,
# the numbers are those of its README, every stage can be run again, and a broken rule fails.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh
example=docs/examples/sales-etl
mapfile -t stages < <(cd $example/requests && ls)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Runs what is on stdin on the database $1; prints rows as a|b|c, stops at the first error.
sql() {
    if [[ $1 == sqlite ]]; then
        sqlite3 -bail "$work/etl.sqlite"
    else
        PGOPTIONS='-c client_min_messages=error' psql -XqAt -v ON_ERROR_STOP=1 "$POSTGRES_URL"
    fi
}

# Runs the statements of the stages $2... on the database $1.
run_stages() {
    local engine=$1 stage
    shift
    for stage in "$@"; do
        jq -r '.sqlStatements[] | . + ";"' "$example/requests/$stage" | sql "$engine" || return 1
    done
}

# Stage 5 must fail with the rule $3 once the statement $4 has spoilt the data. Then all is loaded
# again, which must mend it.
broken_rule() {
    local engine=$1 name=$2 rule=$3 statement=$4 said
    echo "$statement;" | sql "$engine" >/dev/null
    if said=$(run_stages "$engine" 05-validate.json 2>&1); then
        not_ok "$engine: $name is noticed" "validation passed"
    elif [[ $said == *"$rule"* ]]; then
        ok "$engine: $name is noticed"
    else
        not_ok "$engine: $name is noticed" "$said"
    fi
    run_stages "$engine" "${stages[@]}" >/dev/null 2>&1 || not_ok "$engine: reload after $name"
}

on_engine() {
    local engine=$1 first
    first=$(run_stages "$engine" "${stages[@]}" 2>&1)
    equal "$engine: the counts are those of the README" "$(cut -d'|' -f2,3 <<<"$first")" "$expected"
    equal "$engine: stages 2 to 5 run again change nothing" \
        "$(run_stages "$engine" "${stages[@]:1}" 2>&1)" "$first"
    broken_rule "$engine" 'a lost sale' every_sale_is_loaded_once \
        'delete from demo_fact_sales where sale_id = 20001'
    broken_rule "$engine" 'a wrong amount' amounts_add_up \
        'update demo_fact_sales set amount = amount + 0.01 where sale_id = 20001'
    broken_rule "$engine" 'a fact without a member' every_key_has_a_member \
        'update demo_dim_product set product_key = 9000 where product_key = 5'
    broken_rule "$engine" 'an old price' products_equal_their_source \
        'update demo_dim_product set list_price = 1.00 where product_id = 7'
    broken_rule "$engine" 'a customer without a current version' one_current_version_per_customer \
        'update demo_dim_customer set is_current = false where customer_id = 11'
    broken_rule "$engine" 'an overlap' versions_do_not_overlap \
        "update demo_dim_customer set valid_to = '9999-12-31' where customer_id = 9"
}

check 'the requests match their SQL' $example/make-requests.sh --check
expected=$(sed -n '/^| what | how many |/,$s/^| \([a-z ]*\) | \([0-9]*\) |$/\1|\2/p' $example/README.md)
on_engine sqlite
if [[ -n ${POSTGRES_URL:-} ]]; then
    on_engine postgres
else
    not_ok 'postgres' 'POSTGRES_URL is not set'
fi
finish
