#include "infra/cli/http_front.h"

#include "invoker/invoker.h"

#include "infra/base/encode.h"
#include "infra/cli/routes.h"
#include "infra/runtime/http_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WORKER_WAIT_SECONDS 20

struct http_front {
    const struct service *service;
    struct http_server *server;
    struct worker *workers;
    struct pulse **pulses; /* parallel to workers */
    struct worker **idle;  /* stack of free workers */
    size_t idle_count;
    size_t worker_count;
    pthread_mutex_t mutex;
    pthread_cond_t freed;
};

/* ---- Pool ----------------------------------------------------------------------------------- */

/* NULL: none became free in time. */
static struct worker *take_worker(struct http_front *front)
{
    struct worker *worker = NULL;
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WORKER_WAIT_SECONDS;
    pthread_mutex_lock(&front->mutex);
    int waited = 0;
    while (front->idle_count == 0 && waited == 0) {
        waited = pthread_cond_timedwait(&front->freed, &front->mutex, &until);
    }
    if (front->idle_count > 0) {
        worker = front->idle[--front->idle_count];
        pulse_work(front->pulses[worker - front->workers]);
    }
    pthread_mutex_unlock(&front->mutex);
    return worker;
}

static void give_back(struct http_front *front, struct worker *worker)
{
    pthread_mutex_lock(&front->mutex);
    pulse_rest(front->pulses[worker - front->workers]);
    front->idle[front->idle_count++] = worker;
    pthread_cond_signal(&front->freed);
    pthread_mutex_unlock(&front->mutex);
}

/* ---- Requests ------------------------------------------------------------------------------- */

static void reply_error(struct http_server_response *response, struct arena *arena, int code,
                        const char *type, const char *text)
{
    http_server_reply_json(response, code, invoker_error_reply(arena, type, text));
}

static bool authorised(const struct http_front *front, const struct http_server_request *request)
{
    if (front->service->bearer_token == NULL) {
        return true;
    }
    struct slice header = http_server_header(request, "Authorization");
    struct slice scheme = SLICE("Bearer ");
    return slice_starts_with(header, scheme) &&
           constant_time_equals(slice_part(header, scheme.size, header.size),
                                slice_from_text(front->service->bearer_token));
}

static void handle_with(struct worker *worker, const struct route *route,
                        const struct http_server_request *request,
                        struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct route_reply reply;
    if (worker_ready(worker, &error) == STATUS_OK) {
        route_run(route, request, worker, &reply);
        http_server_reply_json(response, reply.code, reply.json);
    } else {
        reply_error(response, request->arena, 503, "ServiceUnavailable", error.text);
    }
}

static void handle(void *context, const struct http_server_request *request,
                   struct http_server_response *response)
{
    struct http_front *front = context;
    const struct route route = route_find(request->method, request->path);
    if (!authorised(front, request)) {
        reply_error(response, request->arena, 401, "Unauthorized",
                    "Authorization: a bearer token is needed");
        return;
    }
    if (route.run == NULL) {
        reply_error(response, request->arena, route.code, "InvalidRequest",
                    route.code == 404 ? "path: there is no such resource"
                                      : "method: not allowed on this resource");
        return;
    }
    struct worker *worker = take_worker(front);
    if (worker == NULL) {
        reply_error(response, request->arena, 503, "ServiceUnavailable", "all workers are busy");
        return;
    }
    handle_with(worker, &route, request, response);
    give_back(front, worker);
}

/* ---- Start and stop ------------------------------------------------------------------------- */

static bool is_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]", 5) == 0 ||
           strncmp(listen, "localhost:", 10) == 0;
}

static void free_front(struct http_front *front)
{
    for (size_t i = 0; i < front->worker_count; i++) {
        worker_clear(&front->workers[i]);
    }
    pthread_mutex_destroy(&front->mutex);
    pthread_cond_destroy(&front->freed);
    free(front->workers);
    free(front->pulses);
    free(front->idle);
    free(front);
}

static struct http_front *new_front(const struct service *service, struct pulse_board *pulses)
{
    struct http_front *front = calloc(1, sizeof(*front));
    size_t count = (size_t)service->config.workers;
    if (front == NULL || (front->workers = calloc(count, sizeof(*front->workers))) == NULL ||
        (front->pulses = calloc(count, sizeof(struct pulse *))) == NULL ||
        (front->idle = calloc(count, sizeof(struct worker *))) == NULL) {
        abort();
    }
    front->service = service;
    front->worker_count = count;
    pthread_mutex_init(&front->mutex, NULL);
    pthread_cond_init(&front->freed, NULL);
    for (size_t i = 0; i < count; i++) {
        worker_init(&front->workers[i], service);
        front->pulses[i] = pulse_join(pulses, "http", (unsigned)i);
        front->idle[front->idle_count++] = &front->workers[i];
    }
    return front;
}

enum status http_front_start(const struct service *service, struct pulse_board *pulses,
                             struct http_front **front, struct error *error)
{
    const char *listen = service->config.http_listen;
    if (!is_loopback(listen) && service->bearer_token == NULL) {
        return error_set(error, STATUS_REJECTED,
                         "RINGBACK_HTTP_LISTEN: an address other than loopback needs "
                         "RINGBACK_HTTP_TOKEN_FILE");
    }
    struct http_front *made = new_front(service, pulses);
    const struct http_server_options options = {.listen = listen,
                                                .name = "http",
                                                .body_max_bytes = REQUEST_MAX_BYTES,
                                                .handle = handle,
                                                .context = made};
    enum status status = http_server_start(&options, &made->server, error);
    if (status != STATUS_OK) {
        free_front(made);
        return error_wrap(error, "RINGBACK_HTTP_LISTEN");
    }
    *front = made;
    return STATUS_OK;
}

void http_front_stop(struct http_front *front)
{
    if (front != NULL) {
        http_server_stop(front->server);
        free_front(front);
    }
}
