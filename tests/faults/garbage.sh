#!/usr/bin/env bash
# Ten thousand foreign and garbage messages around one hundred completion events that are wanted, and a
# thousand around twenty requests: the queues drain, every message is received once, what is wanted is
# answered when it is first received, foreign ones are forgotten and malformed ones and orphans parked.
# Prints how long that took.
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
: "${BUILD_DIR:?}"
clean_environment
unset POSTGRES_URL
exec node tests/faults/garbage.mjs
