/* Waiting for an invocation's outcome, for `run` and `submit --wait`. */
#ifndef RINGBACK_INFRA_CLI_WAIT_H
#define RINGBACK_INFRA_CLI_WAIT_H

#include "infra/cli/progress.h"
#include "infra/cli/verb.h"

struct wait_result {
    struct slice reply;   /* the replyTo document as it came */
    struct json document; /* the same */
    struct slice outcome;
};

/*
 * Blocks until the outcome is known. EXIT_FINISHED: *result is it, good or bad. Else it has been
 * said: EXIT_UNREACHABLE after half a minute without an answer, EXIT_INTERRUPTED by a signal (the
 * invocation goes on). Directly, what a daemon would do is done from here meanwhile.
 */
MUST_CHECK int wait_for_outcome(struct verb *verb, struct slice id, struct progress *progress,
                                struct wait_result *result);
/* Says on stderr what went wrong, in the database's own words; returns the outcome's exit status.
 */
int wait_tell(const struct wait_result *result);

#endif
