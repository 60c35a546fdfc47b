/*
 * infra/aws/http.h without a network: every exchange is answered at once, from here. It takes the
 * place of http.c in a program that counts instructions, which sockets would make different each
 * time.
 */
#include "infra/aws/http.h"
#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define READY_MAX 64

struct http {
    struct http_exchange *ready[READY_MAX];
    size_t count;
};

static struct slice answer_to(const struct http_exchange *exchange)
{
    for (size_t i = 0; i < exchange->header_count; i++) {
        const struct http_header *header = &exchange->headers[i];
        if (strcmp(header->name, "X-Amz-Target") == 0 &&
            strcmp(header->value, "RedshiftData.ExecuteStatement") == 0) {
            return SLICE("{\"Id\":\"d9b6c0c9-0747-4bf4-b142-e7883122f766\",\"CreatedAt\":"
                         "1795178096.123,\"Database\":\"dev\",\"WorkgroupName\":\"w\"}");
        }
    }
    return SLICE("{}");
}

struct http *http_new(const struct http_options *options)
{
    (void)options;
    return memory_new(sizeof(struct http));
}

void http_free(struct http *http)
{
    free(http);
}

void http_start(struct http *http, struct http_exchange *const *exchanges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (http->count == READY_MAX) {
            memory_abort("canned: too many exchanges");
        }
        exchanges[i]->status = STATUS_OK;
        exchanges[i]->code = 200;
        exchanges[i]->response = answer_to(exchanges[i]);
        exchanges[i]->done = true;
        http->ready[http->count++] = exchanges[i];
    }
}

size_t http_wait(struct http *http, struct http_exchange **done, size_t max, int64_t timeout_ms)
{
    const size_t count = http->count < max ? http->count : max;
    (void)timeout_ms;
    memcpy(done, http->ready, count * sizeof(struct http_exchange *));
    http->count -= count;
    memmove(http->ready, http->ready + count, http->count * sizeof(struct http_exchange *));
    return count;
}

size_t http_pending(const struct http *http)
{
    return http->count;
}

void http_reset(struct http *http)
{
    http->count = 0;
}

void http_release(struct http *http, const struct http_exchange *exchange)
{
    (void)http;
    (void)exchange;
}

void http_wake(struct http *http)
{
    (void)http;
}

void http_send_all(struct http *http, struct http_exchange *exchanges, size_t count)
{
    struct http_exchange *done[READY_MAX];
    for (size_t i = 0; i < count; i++) {
        struct http_exchange *exchange = &exchanges[i];
        http_start(http, &exchange, 1);
    }
    while (http_pending(http) > 0) {
        (void)http_wait(http, done, READY_MAX, -1);
    }
}

struct slice http_response_header(const struct http_exchange *exchange, const char *name)
{
    (void)exchange;
    (void)name;
    return SLICE_NONE;
}
