/*
 * Which method and path mean what (design.md sections 4 and 5), for the HTTP front and for the
 * verbs that work without one:
 *     POST /invocations                 a request
 *     GET  /invocations/{id}            one invocation
 *     GET  /invocations/{id}/reply      what its caller is told, once that is chosen
 *     GET  /invocations?group=&open=&limit=&nextToken=
 *     POST /invocations/{id}/cancel
 */
#ifndef RINGBACK_INFRA_CLI_ROUTES_H
#define RINGBACK_INFRA_CLI_ROUTES_H

#include "infra/cli/service.h"
#include "infra/runtime/http_server.h"

struct route_reply {
    int code;          /* HTTP status */
    struct slice json; /* in the worker's arena until its next batch, or in the request's */
};

struct route {
    /* NULL: there is none; code says whether of that path (404) or of that method (405). */
    void (*run)(const struct route *route, const struct http_server_request *request,
                struct worker *worker, struct route_reply *reply);
    struct slice id; /* of /invocations/{id} */
    int code;
};

struct route route_find(struct slice method, struct slice path);
/* The route's answer; worker is ready. */
void route_run(const struct route *route, const struct http_server_request *request,
               struct worker *worker, struct route_reply *reply);

#endif
