/*
 * An execution of Step Functions that was aborted, has failed or has timed out: nobody waits any
 * more for what it has handed over with a task token.
 */
#ifndef RINGBACK_COMPLETER_EXECUTION_H
#define RINGBACK_COMPLETER_EXECUTION_H

#include "completer/event.h"
#include "invoker/dispatch.h"

/*
 * Cancels what belongs to the execution, in batches of its own: the dispatch's arena is reset.
 * False: not all could be looked at now; doing it again does no harm.
 */
MUST_CHECK bool execution_over(struct dispatch *dispatch, const struct event *event);

#endif
