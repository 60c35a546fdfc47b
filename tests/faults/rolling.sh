#!/usr/bin/env bash
# A rolling restart under load: requests come steadily over HTTP and the queue, events come twice, and
# two invokers and two completers are asked to stop and started again, one after the other, several
# times; at last while AWS is slow. Each ends by itself within its bound (docs/operations.md), what it
# had in hand is finished or given back, and nobody is kept waiting for a lease or a visibility timeout:
# every task has one effective callback, soon, no statement runs twice, and nothing is left, parked or
# buried. A caller who is refused or told 503 goes to the other invoker; nothing else may happen to him.
#     tests/faults/rolling.sh      ROLLING_ROUNDS sets how often it goes around
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
: "${BUILD_DIR:?}"
clean_environment
unset POSTGRES_URL
exec node tests/faults/rolling.mjs
