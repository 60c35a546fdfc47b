#!/usr/bin/env bash
# `ringback lambda` behind a Lambda runtime API: tests/support/lambda_shapes.sh.
# shellcheck disable=SC2034,SC2154
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
source tests/support/stack_cases.sh
source tests/support/lambda_cases.sh
source tests/support/lambda_shapes.sh
clean_environment

# What can never work is told when the function starts.
start_cases() {
    ! start_function RINGBACK_WORKERS=none || not_ok 'start: a wrong setting'
    holds 'start: the error is reported' "$(curl -sS "$lambda_url/state")" \
        '.initError.errorType == "ConfigurationError" and (.initError.errorMessage | startswith("RINGBACK_WORKERS: "))'
    "$ringback" lambda >/dev/null 2>&1
    equal 'start: elsewhere than in Lambda' $? 2
}

all_cases() {
    on=$tracker
    begin_stack --engine sqlite::memory: || not_ok "$on: the stand-in starts"
    start_function RINGBACK_OVERDUE_SECONDS=1 || not_ok "$on: the function starts"
    every_shape
    end_stack
}

all_cases
begin_stack --engine sqlite::memory: || not_ok 'the stand-in starts'
start_cases
end_stack
secrets_kept 'no token, no SQL and no credential is in a log'
finish
