/* Counts calls per operation, for GET /_ringback/calls. */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_CALLS_H
#define RINGBACK_INFRA_LOCAL_LOCAL_CALLS_H

#include "infra/base/slice.h"
#include "infra/runtime/http_server.h"

struct local_calls;

struct local_calls *local_calls_new(void);
void local_calls_free(struct local_calls *calls);
/* Names over 64 bytes, and new ones once 128 are known, are counted as "other". */
void local_calls_add(struct local_calls *calls, struct slice operation);
/* {"calls":{"DescribeStatement":12,...}} in order of first use. */
void local_calls_control(struct local_calls *calls, struct http_server_response *response);

#endif
