/*
 * The server side of the benchmarks: a small HTTP/1.1 server on 127.0.0.1, one thread, edge by edge
 * as epoll tells, so that it is never what is measured. Requests come whole, with a Content-Length;
 * an answer may be given later.
 */
#ifndef RINGBACK_TESTS_BENCH_STUB_HTTP_H
#define RINGBACK_TESTS_BENCH_STUB_HTTP_H

#include "infra/base/slice.h"

#include <stdint.h>

struct stub_connection;

/* Valid until the handler returns. */
struct stub_request {
    struct slice method;
    struct slice target;    /* path and query */
    struct slice operation; /* of X-Amz-Target, behind the dot; absent without one */
    struct slice body;
    struct stub_connection *connection;
};

struct stub_handler {
    /* Answers now or later, once. */
    void (*request)(const struct stub_request *request);
    /* A connection that still waits for its answer has gone. */
    void (*gone)(struct stub_connection *connection);
    /* About every millisecond while stub_http_tick is on, else twice a second. */
    void (*tick)(void);
};

/* headers: lines with CRLF after each, or "". */
void stub_http_answer(struct stub_connection *connection, int code, const char *headers,
                      struct slice body);
void stub_http_tick(bool on);
int64_t stub_http_now_us(void);

/* Prints the port, then serves until it is killed. Aborts when there is no socket. */
_Noreturn void stub_http_run(const struct stub_handler *handler);

#endif
