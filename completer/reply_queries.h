/*
 * The output of a list of queries: an array of its items, each with the members that it came with
 * and what became of it:
 *     {…,"StatementId":"…","ExecuteStatementResult":{…},"Result":{…},"Decision":"SUCCEED","Retries":0}
 * The last one has "result" when rows were asked for.
 */
#ifndef RINGBACK_COMPLETER_REPLY_QUERIES_H
#define RINGBACK_COMPLETER_REPLY_QUERIES_H

#include "tracker/invocation.h"

#include "infra/base/json_writer.h"

struct reply_queries {
    const struct plan *plan;
    const struct state *state;
    struct slice documents; /* JSON: an array, DescribeStatement's document of each step, or null */
    struct slice result;    /* JSON; absent: none */
    bool without_items;     /* leaves out the members that the items came with */
};

/* Writes the member "output". */
void reply_queries_write(struct arena *arena, const struct reply_queries *queries,
                         struct json_writer *writer);

#endif
