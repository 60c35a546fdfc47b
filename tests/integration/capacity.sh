#!/usr/bin/env bash
# What one invocation costs, in calls of AWS, of the tracker and in units of DynamoDB: invocations go
# through `ringback serve` one after the other, over HTTP and then through the request queue, on each
# tracker. The numbers of the table behind "measured: calls" in docs/capacity.md are compared with it.
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
: "${BUILD_DIR:?}"
clean_environment
unset POSTGRES_URL
exec node tests/integration/capacity.mjs
