#!/usr/bin/env bash
# All completion events are lost: the sweep alone rings every caller back, and asks no more than its
# policy says. With O seconds overdue (RINGBACK_OVERDUE_SECONDS), looks come at the ages O, 2 O, 3 O, and
# then each after half the age, at the latest 15 minutes after the one before: a statement that lives D
# seconds costs at most as many DescribeStatement calls as there are looks up to the first one at or
# after D. Here, with O = 1: 1 for a short statement, 4 for one of 4 s, 8 for one of 16 s. With the
# default, O = 60: 1 within a minute, 9 for half an hour, 103 for a day.
set -u
cd "$(dirname "$0")/../.." || exit 1
source infra/local/stack.sh
: "${BUILD_DIR:?}"
clean_environment
unset POSTGRES_URL
exec node tests/faults/lost_events.mjs
