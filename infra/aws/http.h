/*
 * An array of HTTP exchanges at once, through one curl multi handle with connection reuse. The
 * caller stays straight-line: http_start, then http_wait until everything has come back. One struct
 * http belongs to one thread.
 *
 * Traps that this file knows: CURLOPT_CAPATH stays NULL and easy handles are kept, since a new TLS
 * context with a full CA bundle costs 18 ms; no Expect header; no signal; no redirect; proxy from
 * the environment as libcurl does.
 */
#ifndef RINGBACK_INFRA_AWS_HTTP_H
#define RINGBACK_INFRA_AWS_HTTP_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADERS_MAX        12
#define HTTP_RESPONSE_MAX_BYTES (20u << 20)

struct http_header {
    const char *name;
    const char *value; /* "" sends the header without a value; NULL keeps libcurl from sending it */
};

struct http_exchange {
    /* In. http_start copies URL and headers; the body must live until the exchange has come back.
     */
    const char *method; /* "GET", "POST", "PUT", ... */
    const char *url;    /* sent as it is, nothing re-encoded */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    struct slice body;  /* absent: none */
    int64_t timeout_ms; /* of the whole exchange; 0: no limit (Lambda's next) */
    int64_t connect_timeout_ms;
    size_t response_max_bytes; /* 0: HTTP_RESPONSE_MAX_BYTES; more is an I/O error */
    void *context;             /* the caller's */
    bool direct;               /* never through a proxy: link-local and runtime addresses */

    /* Out. Memory belongs to the struct http and is valid until its next http_reset. */
    /* Sent at most once: libcurl's own repeats on a broken kept connection are refused.
     * OK: an HTTP answer came, whatever its code. RETRY: nothing was sent (resolve, connect, TLS).
     * IN_DOUBT: it broke after sending began. REJECTED: the URL is malformed. */
    bool done;
    enum status status;
    struct error error;
    bool too_large; /* IN_DOUBT because of response_max_bytes */
    int code;       /* HTTP status */
    struct slice response;
    struct slice response_headers; /* raw lines, CRLF between */
};

struct http;

struct http_options {
    const char *ca_bundle;   /* NULL: libcurl's own default */
    int64_t max_connections; /* kept open; 0: 64 */
};

struct http *http_new(const struct http_options *options);
void http_free(struct http *http);

/* Begins all exchanges. More may be started while others run. Results of exchanges that have come
 * back stay valid until http_reset. */
void http_start(struct http *http, struct http_exchange *const *exchanges, size_t count);
/*
 * Blocks until at least one started exchange has come back or timeout_ms (negative: for ever) is
 * over, and writes all that have come back to done. Returns how many; 0 after the timeout, or at
 * once when nothing is under way.
 */
size_t http_wait(struct http *http, struct http_exchange **done, size_t max, int64_t timeout_ms);
/* Started and not yet returned by http_wait. */
size_t http_pending(const struct http *http);
/* Gives back the memory of all results; exchanges still under way are broken off (IN_DOUBT is for
 * the caller to conclude). Connections stay open. */
void http_reset(struct http *http);
/* Gives back the memory of what one exchange, which has come back, was answered. */
void http_release(struct http *http, const struct http_exchange *exchange);
/* From another thread: makes a blocked http_wait return. */
void http_wake(struct http *http);

/* start + wait for all of an array. */
void http_send_all(struct http *http, struct http_exchange *exchanges, size_t count);

/* Value of a response header, trimmed, or absent. The name is compared without case. */
struct slice http_response_header(const struct http_exchange *exchange, const char *name);

#endif
