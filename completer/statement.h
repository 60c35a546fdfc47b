/*
 * Asking the Data API about a statement that has been sent: DescribeStatement, ListStatements by
 * name, CancelStatement, as action handlers.
 */
#ifndef RINGBACK_COMPLETER_STATEMENT_H
#define RINGBACK_COMPLETER_STATEMENT_H

#include "invoker/dispatch.h"

extern const struct action_handler describe_handler;
extern const struct action_handler list_handler;
extern const struct action_handler cancel_handler;

/* Whether the database's text is one of the transient failures that may be tried again:
 * serializable conflict (1023) and aborts by a concurrent transaction. */
bool statement_failure_transient(struct slice error_text);
/* Whether it failed before it began, since there was no connection. */
bool statement_never_began(struct slice error_text, int64_t redshift_query_id);

#endif
