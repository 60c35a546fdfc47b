#!/usr/bin/env bash
# Callers that leave: tasks with heartbeatSeconds are aborted while their statements run. Each statement
# is cancelled within one pace and one sweep interval of that, and the times are printed; a statement of
# a caller that said keepRunning, or whose work has a requestKey (a successor may be coming), runs on.
# Whole executions that are aborted are heard of by their status event: all that they have handed over
# is cancelled at once, work with a requestKey too.
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
: "${BUILD_DIR:?}"
clean_environment
unset POSTGRES_URL
exec node tests/faults/aborted_callers.mjs
