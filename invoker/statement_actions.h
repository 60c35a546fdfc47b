/*
 * P3's actions on a statement that exists already: describeStatement, cancelStatement,
 * getStatementResult. The answer is the Data API's own document. LATEST is answered from the
 * tracker: the newest invocation of the execution.
 */
#ifndef RINGBACK_INVOKER_STATEMENT_ACTIONS_H
#define RINGBACK_INVOKER_STATEMENT_ACTIONS_H

#include "invoker/dispatch.h"
#include "invoker/request.h"

/* Blocking; *code is an HTTP status, *reply JSON in the dispatch's arena. */
void statement_action(struct dispatch *dispatch, const struct request *request, int *code,
                      struct slice *reply);

#endif
