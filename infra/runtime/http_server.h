/*
 * HTTP server on libmicrohttpd: one thread per connection, limits on connections, body size and
 * idle time. The handler sees a whole request and fills a whole response; it may block.
 */
#ifndef RINGBACK_INFRA_RUNTIME_HTTP_SERVER_H
#define RINGBACK_INFRA_RUNTIME_HTTP_SERVER_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_SERVER_HEADERS_MAX 64

struct MHD_Connection;

struct http_server_header {
    struct slice name;
    struct slice value;
};

struct http_server_request {
    struct slice method;
    struct slice path;  /* as on the wire, without the query */
    struct slice query; /* as on the wire, without '?'; empty when there is none */
    struct http_server_header headers[HTTP_SERVER_HEADERS_MAX];
    size_t header_count;
    struct slice body;
    struct arena *arena; /* of this request; reset when the response has been queued */
    struct MHD_Connection *connection; /* private; NULL: made by a test */
};

struct http_server_response {
    int code;                 /* default 200 */
    const char *content_type; /* NULL: none */
    struct buffer body;       /* initialised, max 32 MiB */
    struct http_server_header headers[8];
    size_t header_count;
    bool drop_connection; /* close without an answer (fault injection) */
};

struct http_server_options {
    const char *listen;       /* "127.0.0.1:8080", "[::1]:0"; port 0: any free one */
    const char *name;         /* of the log line {"message":"listening","name":...} */
    size_t body_max_bytes;    /* more is answered 413 */
    unsigned max_connections; /* 0: 256; one more is closed at once */
    int64_t idle_timeout_ms;  /* 0: 60 s */
    void (*handle)(void *context, const struct http_server_request *request,
                   struct http_server_response *response);
    void *context;
};

struct http_server;

/* Binds and begins to serve. REJECTED names the address when it cannot be had. */
MUST_CHECK enum status http_server_start(const struct http_server_options *options,
                                         struct http_server **server, struct error *error);
/* host:port actually bound. */
const char *http_server_address(const struct http_server *server);
/* Stops accepting, lets running handlers end, answers 503 to requests that come on connections
 * which stand, frees. */
void http_server_stop(struct http_server *server);

struct slice http_server_header(const struct http_server_request *request, const char *name);
/* Decoded value of a query parameter, in the request's arena; absent when there is none. */
struct slice http_server_query(const struct http_server_request *request, const char *name);

/* Whether nobody would read the response any more: for handlers that wait (long polls). */
bool http_server_client_gone(const struct http_server_request *request);

/* Appends a JSON body and sets the content type. */
void http_server_reply_json(struct http_server_response *response, int code, struct slice json);

#endif
