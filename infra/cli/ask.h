/* The request that `run` and `submit` send: given whole, or made from SQL on the command line. */
#ifndef RINGBACK_INFRA_CLI_ASK_H
#define RINGBACK_INFRA_CLI_ASK_H

#include "infra/cli/verb.h"

#define ASK_SQLS_MAX 256

struct ask {
    const char *sqls[ASK_SQLS_MAX];
    size_t sql_count;
    const char *mode;            /* NULL: the service's default */
    const char *target;          /* a named target; NULL: the environment's */
    const char *request_key;     /* NULL: none */
    const char *timeout_seconds; /* NULL: none */
};

/* The request of SQL and flags in the arena. REJECTED names the flag. */
MUST_CHECK enum status ask_build(struct arena *arena, const struct ask *ask, struct slice *body,
                                 struct error *error);

/* Sends it under a fresh Idempotency-Key, so that it may be sent again. Exit status as verb_call;
 * call is filled. */
MUST_CHECK int ask_send(struct verb *verb, struct slice body, struct remote_call *call,
                        struct json *document);

#endif
