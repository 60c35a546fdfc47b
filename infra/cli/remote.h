/*
 * Where the verbs send their requests: by HTTP to the service at RINGBACK_URL when that is set,
 * else to the same routes in this process, on tracker and AWS directly. Who calls sees no
 * difference.
 */
#ifndef RINGBACK_INFRA_CLI_REMOTE_H
#define RINGBACK_INFRA_CLI_REMOTE_H

#include "infra/aws/http.h"
#include "infra/cli/service.h"

struct remote {
    struct service service;
    struct http *http;    /* NULL: directly */
    struct worker worker; /* directly */
};

struct remote_call {
    /* In. */
    const char *method;
    const char *target; /* path and query */
    struct slice body;  /* absent: none */
    const char *key;    /* Idempotency-Key; NULL: none */
    /* Out, in the arena given. */
    int code; /* HTTP status */
    struct slice reply;
};

/* As service_open_verb. directly: even when RINGBACK_URL is set. */
MUST_CHECK enum status remote_open(int *count, char **arguments, bool directly,
                                   struct remote *remote, struct error *error);
void remote_close(struct remote *remote);

/*
 * Blocking. OK: there is an answer, whatever its code. A call whose answer was lost is sent again,
 * so it must be one that may be: all of ours are, a request with a key. REJECTED: a setting can
 * never work; anything else: unreachable.
 */
MUST_CHECK enum status remote_send(struct remote *remote, struct arena *arena,
                                   struct remote_call *call, struct error *error);
/* Directly, since no daemon may be there to do it: one pass of the sweep, and a look at the
 * statement of an invocation that is waited for. By HTTP nothing is to be done. */
MUST_CHECK enum status remote_sweep(struct remote *remote, struct error *error);
MUST_CHECK enum status remote_look(struct remote *remote, const char *id, struct error *error);

#endif
