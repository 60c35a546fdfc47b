#!/usr/bin/env bash
# Checks the models with spin, each to its end; that a model with a flaw is found out; and that what
# the models know of is really done in one of them. README.md says what they are.
# Takes some minutes, most of them for compiling, and 1 GB for each processor; needs spin and gcc.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh

# Every assertion in every state; and, for settles, that all comes to its end.
models=(refused attached ending doubt lock)

# Flaws: each is found by the model that follows it.
flaws=(
    'NO_CAS ending'                'commits without comparing the version'
    'ACT_BEFORE_COMMIT ending'     'tells the outcome before it is committed'
    'LAST_OUTCOME ending'          'a later outcome replaces the first one'
    'NO_LEASE ending'              'an action without a timer'
    'ACK_BEFORE_COMMIT refused'    'acknowledges the request before it is registered'
    'RETRY_IN_DOUBT doubt'         'begins attempt 2 while attempt 1 is in doubt'
    'REFUSED_REPEAT doubt'         'takes the refusal of a repeat for certain'
    'RESUBMIT_LATE doubt'          'submits again when the ClientToken is forgotten'
    'ABSENT_EARLY doubt'           'takes an empty list for proof at once'
    'TAKE_FROM_THE_LIVING lock'    'takes the lock from an owner that runs'
    'LOCK_LOST_BY_OUTCOME lock'    'takes the lock from an owner whose outcome is chosen'
    'ABSENT_NEVER settles'         'looks for ever for what never arrived'
)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Translates and runs the model $1 in the folder $2; what follows is defined in it. Its output is in
# $2/out.
run() {
    local model=$PWD/tests/model/$1.pml folder=$2 compile=(-DSAFETY -DNOBOUNDCHECK -DCOLLAPSE) search=()
    shift 2
    (($# > 0)) && compile+=(-O1) # a flaw is found soon: what takes its time is the compiler
    if [[ $model == */settles.pml ]]; then
        compile=(-DNFAIR=3)
        search=(-a -f)
    fi
    mkdir -p "$folder"
    (
        cd "$folder" || exit
        spin "$@" -a "$model" && gcc -O2 -w -DVECTORSZ=1024 -DMEMLIM=2000 "${compile[@]}" -o pan pan.c &&
            timeout 600 ./pan -m100000 -w22 "${search[@]}"
    ) >"$folder/out" 2>&1
}

# Runs all models, whole and with flaws, as many at once as there are processors.
run_all() {
    local i flaw model folder define line at_once=0 runs=()
    for model in "${models[@]}" settles; do
        runs+=("$model $model")
    done
    for ((i = 0; i < ${#flaws[@]}; i += 2)); do
        read -r flaw model <<<"${flaws[i]}"
        runs+=("$model $flaw -DMUTANT_$flaw")
    done
    for line in "${runs[@]}"; do
        read -r model folder define <<<"$line"
        run "$model" "$work/$folder" ${define:+"$define"} &
        ((++at_once < $(nproc))) || { wait -n; at_once=$((at_once - 1)); }
    done
    wait
}

# The model $1 was searched to its end, without an error.
holds() {
    local out=$work/$1/out
    grep -E 'errors: |states, stored|elapsed time|pan:' "$out" || tail -n 1 "$out"
    if ! grep -q 'errors: 0$' "$out" || grep -qE 'not completed|depth too small|resources exhausted' "$out"; then
        mkdir -p build/logs && cp "$work/$1"/*.trail build/logs/ 2>/dev/null
        grep -E 'assertion violated|acceptance cycle|invalid end state|not completed|depth' "$out" | tail -n 1
        return 1
    fi
}

# The flaw $1 was found.
is_found() {
    grep -E 'errors: |assertion violated|acceptance cycle' "$work/$1/out" || echo 'it is not: no error'
    grep -qE 'assertion violated|acceptance cycle' "$work/$1/out"
}

# Lines of the file $1 that none of the models has reached; $2 is what the lines begin with, the
# models follow.
never_reached() {
    local file=$1 mark=$2 model line
    shift 2
    grep -nE "^ *$mark\(" "tests/model/$file" | while IFS=: read -r line _; do
        for model; do
            grep -qE "$file:$line, state" "$work/$model/out" || continue 2
        done
        sed -n "${line}p" "tests/model/$file"
    done
}

run_all
for model in "${models[@]}" settles; do
    check "$model holds" holds "$model"
done
for ((i = 0; i < ${#flaws[@]}; i += 2)); do
    read -r flaw model <<<"${flaws[i]}"
    check "$model finds out: ${flaws[i + 1]}" is_found "$flaw"
done

# Without this the cases below could say that all is reached because nothing is told.
tells_what_is_not_reached() {
    [[ $(never_reached lifecycle.pml MOVE refused) == *'MOVE(RUNNING, UNKNOWN)'* &&
        $(never_reached decide.pml STIMULUS refused) == *'STIMULUS(EVENT'* ]]
}
check 'spin tells what a model does not do' tells_what_is_not_reached
equal 'every move of the statement is made by a model' "$(never_reached lifecycle.pml MOVE "${models[@]}")" ''
equal 'every move of a callback is made by a model' \
    "$(never_reached lifecycle.pml CALLBACK_MOVE "${models[@]}")" ''
equal 'every stimulus is met by a model' "$(never_reached decide.pml STIMULUS "${models[@]}")" ''
finish
