#!/usr/bin/env bash
# What more processes bring, and that they do no work twice: one invoker and one completer against two
# invokers and four completers, on one Redis and one stand-in for AWS, all requests waiting in the
# request queue. Prints invocations a second until settled, the CPU of every process, calls for each
# invocation, and what the leases had to do. The processes share the cores of this machine with the
# stand-in and Redis: where those are few, look at the CPU for each invocation, which must not grow.
#     tests/bench/throughput.sh [--invocations N] [--tracker NAME] [--setups 1+1,2+4] [--event-delay-ms N-N]
# Events come after the time that EventBridge takes; with 0 they overtake the submit's own answer, and a
# compare-and-set is lost for every fourth invocation. NAME: redis, sqlite, redis-cluster or dynamodb
# (tests/faults/chaos/trackers.mjs).
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
BUILD_DIR=$(realpath "${BUILD_DIR:-build}")
export BUILD_DIR
clean_environment
unset POSTGRES_URL
exec node tests/bench/throughput.mjs "$@"
