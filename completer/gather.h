/*
 * Fetching what the reply of a FINISHED invocation is to hold besides its ending: documents of its
 * statements, rows of its result. One call after the other, bounded by RINGBACK_GATHER_SECONDS:
 *
 *     DescribeStatement      of the last step; of every step for a list of queries
 *     GetStatementResult     page by page: of the last step, of a batch its last sub-statement with
 * rows PutObject              of rows that do not fit the reply and have somewhere to go
 *
 * Nothing here changes the outcome: what could not be had is left out, and the result says
 * "truncated" and names the exception. Results are always asked for in the Data API's JSON format,
 * whose fields have types; CSV is written from them (completer/result_rows.h).
 */
#ifndef RINGBACK_COMPLETER_GATHER_H
#define RINGBACK_COMPLETER_GATHER_H

#include "invoker/dispatch.h"

extern const struct action_handler gather_handler;

#endif
