/* Which service and operation a request is for. */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_ROUTE_H
#define RINGBACK_INFRA_LOCAL_LOCAL_ROUTE_H

#include "infra/base/slice.h"
#include "infra/local/local_signature.h"
#include "infra/runtime/http_server.h"

#include <stdbool.h>

enum local_service {
    LOCAL_SERVICE_DATA,
    LOCAL_SERVICE_SQS,
    LOCAL_SERVICE_TASKS,
    LOCAL_SERVICE_EVENTS,
    LOCAL_SERVICE_QUERY, /* SNS and STS */
    LOCAL_SERVICE_S3,
    LOCAL_SERVICE_RESPONSE, /* a ResponseURL */
    LOCAL_SERVICE_UNKNOWN,  /* a target or an action that is not served */
};

struct local_route {
    enum local_service service;
    enum local_protocol protocol;
    const char *signing_name; /* NULL: nothing is signed */
    struct slice operation;   /* borrowed from the request */
};

/* By X-Amz-Target, by the form's Action, /_response/..., else S3. */
struct local_route local_route_find(const struct http_server_request *request);

#endif
