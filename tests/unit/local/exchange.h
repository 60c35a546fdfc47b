/* A request put together by hand and the response to it, without a server in between. */
#ifndef RINGBACK_TESTS_UNIT_LOCAL_EXCHANGE_H
#define RINGBACK_TESTS_UNIT_LOCAL_EXCHANGE_H

#include "infra/base/slice.h"
#include "infra/runtime/http_server.h"

struct exchange {
    struct http_server_request request;
    struct http_server_response response;
};

/* target is the path, perhaps with a query. All texts must outlive the exchange. */
void exchange_init(struct exchange *exchange, const char *method, const char *target,
                   struct slice body);
void exchange_clear(struct exchange *exchange);
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);
/* Value of a response header, or absent. */
struct slice exchange_response_header(const struct exchange *exchange, const char *name);
/* Whether the response's body has this text in it. */
bool exchange_body_has(const struct exchange *exchange, const char *text);

#endif
