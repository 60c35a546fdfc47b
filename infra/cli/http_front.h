/*
 * The invoker's HTTP front: the routes of infra/cli/routes.h behind RINGBACK_HTTP_LISTEN.
 * Requests are handled by a pool of workers; a caller waits a bounded time for a free one.
 */
#ifndef RINGBACK_INFRA_CLI_HTTP_FRONT_H
#define RINGBACK_INFRA_CLI_HTTP_FRONT_H

#include "infra/cli/service.h"
#include "infra/runtime/pulse.h"

struct http_front;

/* REJECTED: the address cannot be had, or is not loopback while there is no bearer token.
 * pulses: where the workers show that they do not hang. */
MUST_CHECK enum status http_front_start(const struct service *service, struct pulse_board *pulses,
                                        struct http_front **front, struct error *error);
void http_front_stop(struct http_front *front);

#endif
