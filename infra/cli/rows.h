/* The rows of a statement, fetched page by page through the action getStatementResult. */
#ifndef RINGBACK_INFRA_CLI_ROWS_H
#define RINGBACK_INFRA_CLI_ROWS_H

#include "infra/cli/verb.h"

#define ROWS_MAX 1000 /* printed unless all are asked for */

/* Prints the rows of the statement, or of the last statement of a batch that has some, to stdout.
 * Nothing when there is no result set. Returns the exit status; what failed has been said. */
MUST_CHECK int rows_print(struct verb *verb, struct slice statement_id, bool all);

/* A page with its numbers turned into texts, so that no digit of a BIGINT is lost. */
struct slice rows_keep_digits(struct arena *arena, struct slice page);

#endif
