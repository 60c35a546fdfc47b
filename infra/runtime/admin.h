/*
 * The admin listener: /healthz (the process answers and no thread of it hangs), /readyz (200 when
 * nothing keeps it from working, else 503 with what does), /metrics (Prometheus text) and a status
 * page at /. It shows counts and problems, never a request.
 */
#ifndef RINGBACK_INFRA_RUNTIME_ADMIN_H
#define RINGBACK_INFRA_RUNTIME_ADMIN_H

#include "infra/base/clock.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define ADMIN_PROBLEMS_MAX 16

struct admin_problem {
    const char *part;     /* "event queue", "tracker"; static */
    struct error problem; /* its text is shown; it holds no secret */
};

struct admin_options {
    const char *listen;       /* RINGBACK_ADMIN_LISTEN */
    const char *bearer_token; /* NULL: none is asked for; else all but /healthz and /readyz do */
    const char *version;      /* shown on the status page */
    const struct clock *clock;
    /* Writes at most max problems and returns how many. Called on any thread, for each request of
     * /readyz and the status page. */
    size_t (*problems)(void *context, struct admin_problem *out, size_t max);
    /* Whether a restart would help, and why: /healthz says 503 then. Any thread; NULL: never. */
    bool (*hangs)(void *context, struct error *what);
    void *context;
};

struct admin;

/* Texts of options must live until admin_stop. REJECTED names the address when it cannot be had. */
MUST_CHECK enum status admin_start(const struct admin_options *options, struct admin **admin,
                                   struct error *error);
/* host:port actually bound. */
const char *admin_address(const struct admin *admin);
void admin_stop(struct admin *admin);

#endif
