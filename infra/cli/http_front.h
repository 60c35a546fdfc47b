/*
 * The invoker's HTTP front: the routes of infra/cli/routes.h behind RINGBACK_HTTP_LISTEN.
 * Requests are handled by a pool of workers; a caller waits a bounded time for a free one.
 */
#ifndef RINGBACK_INFRA_CLI_HTTP_FRONT_H
#define RINGBACK_INFRA_CLI_HTTP_FRONT_H

#include "infra/cli/service.h"

struct http_front;

/* REJECTED: the address cannot be had, or is not loopback while there is no bearer token. */
MUST_CHECK enum status http_front_start(const struct service *service, struct http_front **front,
                                        struct error *error);
void http_front_stop(struct http_front *front);

#endif
