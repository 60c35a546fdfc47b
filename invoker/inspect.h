/*
 * Looking at invocations and cancelling them: GET /invocations/{id}, GET /invocations, POST
 * /invocations/{id}/cancel, and the CLI's verbs on the tracker directly. Documents as in design.md
 * section 5; no secret is in them.
 */
#ifndef RINGBACK_INVOKER_INSPECT_H
#define RINGBACK_INVOKER_INSPECT_H

#include "invoker/dispatch.h"

#include "infra/base/json_writer.h"

/* One attempt as a document tells it, {"step","attempt","statementName","Id",...}, in the writer's
 * open array: here and in replies. */
void inspect_write_step(struct arena *arena, const struct plan *plan,
                        const struct step_result *result, struct json_writer *writer);

struct inspect_query {
    struct slice group; /* absent: all */
    bool open_only;
    size_t limit;       /* 1..100 */
    struct slice token; /* absent: first page */
};

/* Each begins a batch of its own; *code is an HTTP status, *reply JSON in the dispatch's arena. */
void inspect_get(struct dispatch *dispatch, struct slice id, int *code, struct slice *reply);
/* The reply document of a chosen outcome, as replyTo gets it; 404 until there is one. */
void inspect_reply(struct dispatch *dispatch, struct slice id, int *code, struct slice *reply);
void inspect_list(struct dispatch *dispatch, const struct inspect_query *query, int *code,
                  struct slice *reply);
void inspect_cancel(struct dispatch *dispatch, struct slice id, int *code, struct slice *reply);

#endif
