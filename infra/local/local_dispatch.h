/*
 * One request from the wire to its service: routed, counted, verified, perhaps made to fail.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_DISPATCH_H
#define RINGBACK_INFRA_LOCAL_LOCAL_DISPATCH_H

#include "infra/base/clock.h"
#include "infra/base/random.h"
#include "infra/local/local_calls.h"
#include "infra/local/local_signature.h"
#include "infra/local/service.h"

#include <stdatomic.h>

/* What a request can reach. Set before the first request and not changed, but for stopping. */
struct local_services {
    struct local_signature signature;
    struct local_sqs *sqs;
    struct local_tasks *tasks;
    struct local_outbox *outbox;
    struct local_s3 *s3;
    struct local_faults *faults;
    struct local_data *data;
    struct local_calls *calls;
    const struct clock *clock;
    const struct random *random;
    const char *address;  /* host:port of the server */
    atomic_bool stopping; /* ends injected delays early */
};

void local_dispatch(struct local_services *services, const struct http_server_request *request,
                    struct http_server_response *response);

#endif
