# shellcheck shell=bash
# Sourced by tests/run.sh: stages and steps, their logs (in the folder $logs, which the caller sets),
# their times and the count of all cases.
# shellcheck disable=SC2154
passed_count=0
failed_count=0
failures=()
stage_times=()
stage_title=

# Ends the running stage, if any, and begins the one named $1.
stage() {
    stage_end
    stage_title=$1
    stage_start=$SECONDS
    printf '\n== %s\n' "$stage_title"
}

stage_end() {
    [[ -n $stage_title ]] && stage_times+=("$(printf '%5d s  %s' $((SECONDS - stage_start)) "$stage_title")")
    stage_title=
}

# Counts $1 cases as passed and $2 as failed; $3 names what they belong to.
count() {
    passed_count=$((passed_count + $1))
    failed_count=$((failed_count + $2))
    (($2 == 0)) || failures+=("$3 ($2)")
}

log_of() {
    printf '%s/%s.log' "$logs" "$(printf '%s' "$1" | tr -cs 'A-Za-z0-9.-' '_')"
}

# Prints what the log $1 says about failures: of TAP, ctest and scripts' cases, those that failed,
# each cut to what a reader wants; else all.
print_failure() {
    if grep -q '^TAP version' "$1"; then
        awk '/^ *not ok /{block = ""; inside = 1}
             inside {block = block $0 "\n"}
             /^ *\.\.\.$/ {if (inside && block !~ /subtestsFailed/) printf "%s", block; inside = 0}' "$1"
    elif grep -q '^not ok ' "$1"; then
        grep '^not ok ' "$1" | cut -c 1-1500
    elif grep -q '^Test project ' "$1"; then
        grep -vE '^ *Start +[0-9]+: | Passed +[0-9.]+ sec$' "$1"
    else
        cat "$1"
    fi | sed 's/^/    | /'
}

# Prints a finished step's line: $1 name, $2 passed, $3 failed, $4 seconds; the log when it failed.
report() {
    local word='ok    '
    (($3 == 0)) || word='FAILED'
    printf '%s  %-52s %4d passed %3d failed %5d s\n' "$word" "$1" "$2" "$3" "$4"
    (($3 == 0)) || print_failure "$(log_of "$1")"
    count "$2" "$3" "$1"
}

# One case: the step $1 passes when the command that follows does.
step() {
    local name=$1 start=$SECONDS
    shift
    if "$@" >"$(log_of "$name")" 2>&1 </dev/null; then
        report "$name" 1 0 $((SECONDS - start))
    else
        report "$name" 0 1 $((SECONDS - start))
        return 1
    fi
}

# Many cases: the step $1 runs the command that follows; $2, a function, reads its log from stdin
# and prints "passed failed". A command that fails without a failed case is one failed case, and so
# is one that reports no case at all.
step_of_cases() {
    local name=$1 counter=$2 start=$SECONDS status=0 passed failed log
    shift 2
    log=$(log_of "$name")
    "$@" >"$log" 2>&1 </dev/null || status=$?
    read -r passed failed < <("$counter" <"$log")
    if ((failed == 0 && (status != 0 || passed == 0))); then
        echo "exit status $status, $passed cases" >>"$log"
        failed=1
    fi
    report "$name" "$passed" "$failed" $((SECONDS - start))
}

# "100% tests passed, 0 tests failed out of 12"
ctest_cases() {
    sed -n 's/.*tests passed, \([0-9]*\) tests\{0,1\} failed out of \([0-9]*\).*/\2 \1/p' |
        { read -r all failed && echo $((all - failed)) "$failed" || echo 0 0; }
}

# TAP as node --test ends it: "# pass 12", "# fail 0", "# cancelled 0".
tap_cases() {
    awk '/^# pass /{p = $3} /^# (fail|cancelled) /{f += $3} END {print p + 0, f + 0}'
}

# "ok NAME", "not ok NAME: why".
script_cases() {
    awk '/^ok /{p++} /^not ok /{f++} END {print p + 0, f + 0}'
}

# Three: what tests attack with kills waits for leases most of the time.
lanes=(1 2 3)

# Runs the lines of the file $1 in lanes at once: whichever lane is free takes the next line and
# calls the function $2 with the lane's number, the arguments that follow, and the line's words.
in_lanes() {
    local file=$1 lane counted pids=()
    shift
    echo 0 >"$logs/lanes.taken"
    for lane in "${lanes[@]}"; do
        one_lane "$file" "$lane" "$@" &
        pids+=($!)
    done
    wait "${pids[@]}"
    for lane in "${lanes[@]}"; do
        mapfile -t counted <"$logs/lane$lane.counts" # passed, failed, names of what failed
        passed_count=$((passed_count + counted[0]))
        failed_count=$((failed_count + counted[1]))
        failures+=("${counted[@]:2}")
    done
}

# Prints the number of the next line that no lane has taken.
take_number() {
    local taken
    (
        flock 9
        read -r taken <"$logs/lanes.taken"
        echo $((taken + 1)) | tee "$logs/lanes.taken"
    ) 9>"$logs/lanes.lock"
}

# Lane $2 of in_lanes. A step's lines are printed together.
one_lane() {
    local file=$1 lane=$2 function=$3 lines words n
    shift 3
    mapfile -t lines <"$file"
    passed_count=0 failed_count=0 failures=()
    while n=$(take_number) && ((n <= ${#lines[@]})); do
        read -ra words <<<"${lines[n - 1]}"
        "$function" "$lane" "$@" "${words[@]}" >"$logs/lane$lane.said" 2>&1
        flock "$logs/lanes.lock" cat "$logs/lane$lane.said"
    done
    printf '%s\n' "$passed_count" "$failed_count" "${failures[@]}" >"$logs/lane$lane.counts"
}

# Prints times, failures and the count; the status says whether all is well.
summary() {
    stage_end
    printf '\n== Times\n'
    printf '%s\n' "${stage_times[@]}"
    if ((${#failures[@]} > 0)); then
        printf '\n== Failures (logs in %s)\n' "$logs"
        printf '%s\n' "${failures[@]}"
    fi
    printf '\n%d passed, %d failed\n' "$passed_count" "$failed_count"
    ((failed_count == 0))
}
