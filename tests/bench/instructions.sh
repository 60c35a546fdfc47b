#!/usr/bin/env bash
# Counts the instructions of a batch of ten invocations, of their ten completions, and of a start, and
# compares them with tests/bench/instructions.txt: more than 3 % above is a regression. Unlike times
# they are the same on a busy machine. They belong to one compiler and one set of libraries: with
# others nothing is compared, and that is said.
#   tests/bench/instructions.sh [--update]
# BUILD_DIR  the build that is counted; build/ without it
# --update   writes what was counted into the table, after a change that is meant to cost or to save
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/script.sh

build=${BUILD_DIR:-$PWD/build}
table=tests/bench/instructions.txt
tolerance_percent=3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Compiler and libraries, by the part of their versions that changes what is executed.
toolchain() {
    local name
    printf 'gcc-%s glibc-%s' "$(gcc -dumpfullversion | cut -d. -f1,2)" "$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
    for name in libcrypto libcurl sqlite3 libzstd; do
        printf ' %s-%s' "$name" "$(pkg-config --modversion "$name" | cut -d. -f1,2)"
    done
    printf ' %s %s\n' "$(sed -n 's/^CMAKE_BUILD_TYPE:[^=]*=//p' "$build/CMakeCache.txt")" "$(uname -m)"
}

# Instructions of the program that follows; $1 is the function that is counted, or "" for all. What
# libraries choose by the processor they find is fixed.
count() {
    local what=$1
    shift
    env -i PATH="$PATH" HOME="$folder" OPENSSL_ia32cap=0:0 \
        GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX512F,-AVX512VL,-AVX512BW,-AVX2,-AVX,-BMI2,-BMI1,-LZCNT,-ERMS,-FSRM,-RTM \
        valgrind -q --tool=callgrind --callgrind-out-file="$folder/out" ${what:+--toggle-collect="$what"} "$@" \
        >"$folder/log" 2>&1 || { cat "$folder/log" >&2; return 1; }
    sed -n 's/^\(summary\|totals\): *\([0-9]*\).*/\2/p' "$folder/out" | head -1
}

count_all() {
    local bench=$build/tests/bench/bench_instructions
    echo "bench:$(head -c32 /dev/zero | base64)" >"$folder/key"
    echo "invocation-batch $(count measure_invocation "$bench" "$folder/key")"
    echo "completion-batch $(count measure_completion "$bench" "$folder/key")"
    echo "start $(count '' "$build/ringback" --version)"
}

# One line of the counts against the table.
compare() {
    local name=$1 now=$2 recorded
    recorded=$(sed -n "s/^$name \([0-9]*\)$/\1/p" "$table")
    if [[ ! $now =~ ^[1-9][0-9]*$ || -z $recorded ]]; then
        not_ok "$name" "counted '$now', the table has '$recorded'"
    elif ((now * 100 > recorded * (100 + tolerance_percent))); then
        not_ok "$name" "$now instructions, the table has $recorded: more by over $tolerance_percent %"
    else
        ok "$name: $now instructions, the table has $recorded"
    fi
}

[[ -x $build/tests/bench/bench_instructions ]] || { echo "no build in $build"; exit 1; }
if [[ ${1:-} == --update ]]; then
    { echo "# $(toolchain)"; count_all; } >"$folder/table" && cp "$folder/table" "$table" && cat "$table"
    exit
fi
if [[ $(head -1 "$table") != "# $(toolchain)" ]]; then
    ok "not compared: the table is of $(head -1 "$table"), this is $(toolchain)"
    finish
    exit
fi
while read -r name now; do
    compare "$name" "$now"
done < <(count_all)
finish
