/*
 * A real HTTP/1.1 server for tests: one thread with sockets on 127.0.0.1:0 that answers a scripted
 * list of replies in the order in which requests arrive, and keeps the requests. It can answer
 * late, in part, not at all, or reset the connection. A request without a scripted reply is
 * answered 599.
 */
#ifndef RINGBACK_TESTS_SUPPORT_HTTP_FIXTURE_H
#define RINGBACK_TESTS_SUPPORT_HTTP_FIXTURE_H

#include "infra/base/slice.h"

#include <stddef.h>
#include <stdint.h>

struct http_fixture;

enum http_fixture_fault {
    HTTP_FIXTURE_NO_FAULT,
    HTTP_FIXTURE_RESET,       /* the request is read, then the connection is reset */
    HTTP_FIXTURE_PARTIAL,     /* half of the answer, then the connection ends */
    HTTP_FIXTURE_SILENT,      /* never an answer; the connection stays */
    HTTP_FIXTURE_CLOSE_AFTER, /* the whole answer, then the connection ends unannounced */
};

struct http_fixture_reply {
    int code;            /* 0: 200 */
    const char *headers; /* lines with CRLF after each; NULL: none. Content-Length is added */
    const char *body;    /* NULL: empty */
    int64_t delay_ms;
    enum http_fixture_fault fault;
};

/* Valid until the fixture is closed. */
struct http_fixture_request {
    struct slice method;
    struct slice target;  /* path and query, as on the wire */
    struct slice headers; /* raw lines */
    struct slice body;
};

struct http_fixture *http_fixture_open(void);
void http_fixture_close(struct http_fixture *fixture);
/* "http://127.0.0.1:PORT" */
const char *http_fixture_url(const struct http_fixture *fixture);
/* Appends to the script. */
void http_fixture_reply(struct http_fixture *fixture, struct http_fixture_reply reply);
/*
 * Decides on the reply while the request is waiting; called in the server's thread, one request at
 * a time, and must not call this file's functions. The reply's texts are copied. Asked before the
 * script.
 */
typedef struct http_fixture_reply http_fixture_handler(void *context,
                                                       const struct http_fixture_request *request);
void http_fixture_handle(struct http_fixture *fixture, http_fixture_handler *handler,
                         void *context);
/* Requests that have arrived whole. */
size_t http_fixture_request_count(struct http_fixture *fixture);
/* The index-th that arrived; aborts when there is none. */
const struct http_fixture_request *http_fixture_request(struct http_fixture *fixture, size_t index);
size_t http_fixture_connection_count(struct http_fixture *fixture);
/* Value of a header, trimmed; absent when there is none. */
struct slice http_fixture_header(const struct http_fixture_request *request, const char *name);

#endif
