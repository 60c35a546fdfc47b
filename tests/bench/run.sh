#!/usr/bin/env bash
# Measures ringback beside its peers, all in one run, and prints medians, extremes and ratios.
#   tests/bench/run.sh [--quick] [--json] [--report] [--long] [NAME...]
# NAME     headline batches trackers https fronts latency cold memory sweep calls micro growth; all
#          but growth without
# --quick  little of each, to see that it works
# --json   for machines
# --report writes docs/benchmarks.md
# --long   growth as well: what costs are with 1,000,000 tracked invocations (20 minutes)
# Takes 10 minutes on 2 cores. Needs what tests/run.sh installs, and python3-boto3 for the prior
# system's side. RINGBACK_BENCH_BOOTSTRAP: the program of a Lambda package, to be started as well.
# RINGBACK_BENCH_BINARY: another ringback than the release build, the old one of a comparison.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
source tests/support/servers.sh

if [[ ${1-} == --help ]]; then
    sed -n '2,12s/^# \{0,1\}//p' "$0"
    exit 0
fi

# The release build, with the benchmarks' own programs beside it.
build() {
    local launcher=()
    command -v ccache >/dev/null && launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    cmake --preset bench "${launcher[@]}" && cmake --build --preset bench -j2 -- --quiet
}

certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=127.0.0.1 \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$1.key" -out "$1.crt"
}

bootstrap=${RINGBACK_BENCH_BOOTSTRAP:-}
binary=${RINGBACK_BENCH_BINARY:-}
clean_environment
/usr/bin/python3 -c 'import boto3' || { echo 'python3-boto3 is missing'; exit 1; }
servers_init
trap servers_stop EXIT
log=$servers_dir/build.log
build >"$log" 2>&1 || { cat "$log"; exit 1; }
{ start_redis bench && start_dynalite bench; } >"$log" 2>&1 || { cat "$log"; exit 1; }
export BENCH_BUILD=$PWD/build-bench BENCH_FOLDER=$servers_dir
[[ -z $bootstrap ]] || export RINGBACK_BENCH_BOOTSTRAP=$bootstrap
[[ -z $binary ]] || export RINGBACK_BENCH_BINARY=$binary
(umask 077 && echo "bench:$(head -c32 /dev/urandom | base64)" >"$BENCH_FOLDER/key")
certificate "$BENCH_FOLDER/tls" >"$log" 2>&1 || { cat "$log"; exit 1; }
tests/node_modules/node/bin/node tests/bench/bench.mjs "$@"
