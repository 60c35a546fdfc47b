/* Failures that any service may answer, in the shape of the caller's protocol. */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_FAILURE_H
#define RINGBACK_INFRA_LOCAL_LOCAL_FAILURE_H

#include "infra/local/local_route.h"
#include "infra/runtime/http_server.h"

/* "Message" for Redshift Data, "message" for the other JSON services. */
const char *local_failure_member(enum local_service service);
/* Replaces whatever the response holds. name must outlive it. */
void local_failure_reply(const struct local_route *route, int code, const char *name,
                         struct slice text, struct http_server_response *response);
/* An operation that no service has. */
void local_failure_unknown(const struct local_route *route, struct http_server_response *response);
void local_failure_throttle(const struct local_route *route, struct http_server_response *response);
void local_failure_internal(const struct local_route *route, struct http_server_response *response);

#endif
