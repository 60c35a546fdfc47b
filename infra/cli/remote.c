#include "infra/cli/remote.h"

#include "completer/completer.h"

#include "infra/aws/ca_bundle.h"
#include "infra/base/clock.h"
#include "infra/cli/routes.h"

#include <string.h>
#include <unistd.h>

#define SEND_TRIES         3
#define SEND_PAUSE_MS      200
#define TIMEOUT_MS         60000 /* a submit that waits for a worker and for the Data API */
#define CONNECT_TIMEOUT_MS 5000

enum status remote_open(int *count, char **arguments, bool directly, struct remote *remote,
                        struct error *error)
{
    *remote = (struct remote){0};
    enum status status = service_open_verb(count, arguments, directly, &remote->service, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (remote->service.config.url != NULL && !directly) {
        const struct http_options options = {.ca_bundle = ca_bundle_path(environ),
                                             .max_connections = 1};
        remote->http = http_new(&options);
        return STATUS_OK;
    }
    worker_init(&remote->worker, &remote->service);
    return STATUS_OK;
}

void remote_close(struct remote *remote)
{
    if (remote->http != NULL) {
        http_free(remote->http);
    }
    if (remote->worker.arena != NULL) {
        worker_clear(&remote->worker);
    }
    service_close(&remote->service);
    *remote = (struct remote){0};
}

/* ---- By HTTP -------------------------------------------------------------------------------- */

static void add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    exchange->headers[exchange->header_count++] = (struct http_header){name, value};
}

static void build_exchange(const struct remote *remote, struct arena *arena,
                           const struct remote_call *call, struct http_exchange *exchange)
{
    struct slice base = slice_from_text(remote->service.config.url);
    while (slice_ends_with(base, SLICE("/"))) {
        base.size--;
    }
    *exchange = (struct http_exchange){
        .method = call->method,
        .url = arena_format(arena, "%.*s%s", SLICE_PRINT(base), call->target),
        .body = call->body,
        .timeout_ms = TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_TIMEOUT_MS,
    };
    if (call->body.data != NULL) {
        add_header(exchange, "Content-Type", "application/json");
    }
    if (call->key != NULL) {
        add_header(exchange, "Idempotency-Key", call->key);
    }
    if (remote->service.bearer_token != NULL) {
        add_header(exchange, "Authorization",
                   arena_format(arena, "Bearer %s", remote->service.bearer_token));
    }
}

MUST_CHECK static enum status send_by_http(struct remote *remote, struct arena *arena,
                                           struct remote_call *call, struct error *error)
{
    struct http_exchange exchange;
    for (int try = 1;; try++) {
        build_exchange(remote, arena, call, &exchange);
        http_send_all(remote->http, &exchange, 1);
        if (exchange.status == STATUS_OK) {
            call->code = exchange.code;
            call->reply = arena_copy(arena, exchange.response);
            http_reset(remote->http);
            return STATUS_OK;
        }
        *error = exchange.error;
        http_reset(remote->http);
        if (try == SEND_TRIES || exchange.status == STATUS_REJECTED) {
            return error_wrap(error, "RINGBACK_URL");
        }
        clock_sleep_ms(clock_system(), SEND_PAUSE_MS);
    }
}

/* ---- Directly ------------------------------------------------------------------------------- */

MUST_CHECK static enum status send_directly(struct remote *remote, struct arena *arena,
                                            struct remote_call *call, struct error *error)
{
    const struct slice target = slice_from_text(call->target);
    const size_t question = slice_find_byte(target, '?');
    struct http_server_request request = {
        .method = slice_from_text(call->method),
        .path = slice_part(target, 0, question),
        .query = slice_part(target, question + 1, target.size),
        .body = call->body,
        .arena = arena,
    };
    if (call->key != NULL) {
        request.headers[request.header_count++] =
            (struct http_server_header){SLICE("Idempotency-Key"), slice_from_text(call->key)};
    }
    const struct route route = route_find(request.method, request.path);
    if (route.run == NULL) {
        return error_set(error, STATUS_INTERNAL, "%s %.*s: there is no such route", call->method,
                         SLICE_PRINT(request.path));
    }
    enum status status = worker_ready(&remote->worker, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct route_reply reply;
    route_run(&route, &request, &remote->worker, &reply);
    call->code = reply.code;
    call->reply = arena_copy(arena, reply.json);
    return STATUS_OK;
}

enum status remote_send(struct remote *remote, struct arena *arena, struct remote_call *call,
                        struct error *error)
{
    return remote->http != NULL ? send_by_http(remote, arena, call, error)
                                : send_directly(remote, arena, call, error);
}

enum status remote_sweep(struct remote *remote, struct error *error)
{
    size_t claimed = 0;
    if (remote->http != NULL) {
        return STATUS_OK;
    }
    enum status status = worker_ready(&remote->worker, error);
    return status == STATUS_OK
               ? completer_sweep(remote->worker.dispatch, SWEEP_LIMIT_DEFAULT, &claimed, error)
               : status;
}

enum status remote_look(struct remote *remote, const char *id, struct error *error)
{
    if (remote->http != NULL) {
        return STATUS_OK;
    }
    enum status status = worker_ready(&remote->worker, error);
    return status == STATUS_OK ? completer_look(remote->worker.dispatch, id, error) : status;
}
