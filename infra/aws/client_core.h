/* Inside the client: what its files share. Nothing outside infra/aws/client*.c includes this. */
#ifndef RINGBACK_INFRA_AWS_CLIENT_CORE_H
#define RINGBACK_INFRA_AWS_CLIENT_CORE_H

#include "infra/aws/call_list.h"
#include "infra/aws/client.h"
#include "infra/aws/endpoint.h"
#include "infra/aws/profile.h"
#include "infra/aws/retry.h"
#include "infra/aws/signer.h"
#include "infra/base/buffer.h"

#include <stdatomic.h>

#define CREDENTIALS_OF_ALL    0
#define CREDENTIALS_STATEMENT 1

struct service {
    struct endpoint endpoint;
    struct signer_key key;
};

struct aws_client {
    const struct clock *clock;
    const struct random *random;
    struct credentials_provider *providers[2];
    struct credentials credentials[2];
    struct arena *arena;   /* endpoints and region: as long as the client */
    struct arena *scratch; /* one error body or one endpoint away at a time */
    struct http *http;
    struct http *credentials_http;
    struct slice region;
    const struct profile_files *files; /* for the endpoints of other regions */
    struct service services[AWS_SERVICE_COUNT];
    struct signer signer;
    struct buffer text; /* URL, then target of the call being sent */
    int max_attempts;   /* 0: the service's default */
    struct retry_bucket bucket;
    struct pace *pace;        /* NULL: nothing is paced */
    struct call_list waiting; /* for their retry or their slot */
    struct call_list ready;   /* final, not yet returned by aws_wait */
    int64_t clock_offset_ms;
    int64_t clock_checked_ms;
    bool clock_known;
    bool skew_logged;
    atomic_bool woken;
};

#endif
