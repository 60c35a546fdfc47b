/*
 * The local stand-in for AWS: one HTTP server for all services (design.md section 6). Requests are
 * routed by X-Amz-Target, by the form's Action, or else as path-style S3; each is verified,
 * counted, perhaps made to fail, and handed to its service (infra/local/service.h).
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_H
#define RINGBACK_INFRA_LOCAL_LOCAL_H

#include "infra/base/buffer.h"
#include "infra/base/clock.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/random.h"

#define LOCAL_ACCOUNT       "000000000000"
#define LOCAL_EVENT_QUEUE   "ringback-events"
#define LOCAL_REQUEST_QUEUE "ringback-requests"

/* All texts live as long as the stand-in. */
struct local_options {
    const char *listen;          /* "127.0.0.1:4566"; port 0: any */
    const char *engine;          /* "sqlite::memory:", "sqlite:PATH", "postgresql://..." */
    const char *s3_folder;       /* NULL: a temporary one, removed at the end */
    const char *queues;          /* "ringback-events,ringback-requests" */
    const char *event_queue_url; /* NULL: its own ringback-events, else the first of queues */
    const char *credentials;     /* "id:secret" */
    const char *faults;          /* "": none */
    char *const *environment;    /* credentials and region for a foreign event_queue_url */
    const struct clock *clock;
    const struct random *random;
};

struct local;

/* REJECTED names the option that cannot be. */
MUST_CHECK enum status local_start(const struct local_options *options, struct local **local,
                                   struct error *error);
/* Lets running calls end, cancels statements, removes the temporary folder. */
void local_stop(struct local *local);
/* host:port actually bound. */
const char *local_address(const struct local *local);
/* Shell lines "export NAME=value" that point any AWS client and ringback at it. */
void local_print_exports(const struct local *local, struct buffer *out);

#endif
