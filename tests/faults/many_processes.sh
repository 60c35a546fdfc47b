#!/usr/bin/env bash
# Two invokers and four completers on one Redis, at full rate: half of the requests wait in the queue, the
# others come over HTTP meanwhile, and events come before a submit's answer is recorded. No work is done
# twice: one submit, one callback for each, no lost lease, nothing sent again. tests/bench/throughput.sh
# measures the same.
set -u
cd "$(dirname "$0")/../.." || exit 1
: "${BUILD_DIR:?}"
exec tests/bench/throughput.sh --check --invocations 400 --setups 2+4 --event-delay-ms 0
