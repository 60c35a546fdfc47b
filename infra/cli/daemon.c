#include "infra/cli/daemon.h"

#include "completer/completer.h"

#include "infra/base/log.h"
#include "infra/cli/commands.h"
#include "infra/cli/consumer.h"
#include "infra/cli/http_front.h"
#include "infra/cli/service.h"
#include "infra/runtime/admin.h"
#include "infra/runtime/shutdown.h"

#include <pthread.h>
#include <stdio.h>

#define PING_EVERY_MS  1000
#define SWEEP_RETRY_MS 1000
/* While statements wait for their turn. With what a pass itself waits for tokens
 * (ADMISSION_WAITER_MS) it is what a burst of the account's rate allows, so that no second is
 * wasted. */
#define SWEEP_SOON_MS 200

struct daemon {
    const struct service *service;
    struct http_front *front;
    struct consumer requests;
    struct consumer events;
    struct admin *admin;
    pthread_t sweeper;
    bool sweeping;
    /* Under mutex: what the readiness check looks at. */
    pthread_mutex_t mutex;
    bool stopping;         /* the pollers are going away */
    struct tracker *probe; /* the check's own handle */
    int64_t probed_ms;
    enum status probe_status;
    struct error probe_error;
};

/* ---- Sweep ---------------------------------------------------------------------------------- */

/* Turns are told in parts of a second. */
static int64_t sweep_pause_ms(const struct service *service)
{
    const int64_t pause_ms = service->config.sweep_seconds * 1000;
    const bool soon = admission_waiting(service->admission, clock_monotonic_ms(clock_system()));
    return soon && pause_ms > SWEEP_SOON_MS ? SWEEP_SOON_MS : pause_ms;
}

static void *sweep_loop(void *context)
{
    struct daemon *daemon = context;
    struct worker worker;
    enum status last = STATUS_OK;
    worker_init(&worker, daemon->service);
    while (!shutdown_requested()) {
        struct error error = ERROR_NONE;
        size_t claimed = 0;
        enum status status = worker_ready(&worker, &error);
        if (status == STATUS_OK) {
            status = completer_sweep(worker.dispatch, SWEEP_LIMIT_DEFAULT, &claimed, &error);
        }
        if (status != STATUS_OK && last == STATUS_OK) {
            log_warning("sweep is held up", LOG_CSTR("problem", error.text));
        } else if (status == STATUS_OK && last != STATUS_OK) {
            log_info("sweep goes on", LOG_INT("claimed", (int64_t)claimed));
        }
        last = status;
        /* A full pass may have left something due. */
        if (status != STATUS_OK) {
            (void)shutdown_wait(SWEEP_RETRY_MS);
        } else if (claimed < SWEEP_LIMIT_DEFAULT) {
            (void)shutdown_wait(sweep_pause_ms(daemon->service));
        }
    }
    worker_clear(&worker);
    return NULL;
}

/* ---- Readiness ------------------------------------------------------------------------------ */

static bool tracker_problem(struct daemon *daemon, struct error *problem)
{
    int64_t now_ms = clock_monotonic_ms(clock_system());
    if (daemon->probed_ms == 0 || now_ms - daemon->probed_ms >= PING_EVERY_MS) {
        daemon->probed_ms = now_ms;
        daemon->probe_status = STATUS_OK;
        if (daemon->probe == NULL) {
            daemon->probe_status =
                tracker_open(&daemon->service->tracker, &daemon->probe, &daemon->probe_error);
        }
        if (daemon->probe_status == STATUS_OK) {
            daemon->probe_status = tracker_ping(daemon->probe, &daemon->probe_error);
        }
    }
    bool away = daemon->probe_status != STATUS_OK;
    if (away) {
        *problem = daemon->probe_error;
    }
    return away;
}

static size_t find_problems(struct daemon *daemon, struct admin_problem *out, size_t max)
{
    struct error problem = ERROR_NONE;
    size_t count = 0;
    if (daemon->stopping && max > 0) {
        error_set(&problem, STATUS_RETRY, "is stopping");
        out[0] = (struct admin_problem){"process", problem};
        return 1;
    }
    /* Without it no queue is read, which is no problem of the queue. */
    if (max > 0 && tracker_problem(daemon, &problem)) {
        out[0] = (struct admin_problem){"tracker", problem};
        return 1;
    }
    if (count < max && daemon->events.poller != NULL &&
        poller_problem(daemon->events.poller, &problem)) {
        out[count++] = (struct admin_problem){"event queue", problem};
    }
    if (count < max && daemon->requests.poller != NULL &&
        poller_problem(daemon->requests.poller, &problem)) {
        out[count++] = (struct admin_problem){"request queue", problem};
    }
    return count;
}

static size_t list_problems(void *context, struct admin_problem *out, size_t max)
{
    struct daemon *daemon = context;
    pthread_mutex_lock(&daemon->mutex);
    size_t count = find_problems(daemon, out, max);
    pthread_mutex_unlock(&daemon->mutex);
    return count;
}

/* ---- Start and stop ------------------------------------------------------------------------- */

/* A setting that can never work stops the start; what is only away does not. */
MUST_CHECK static enum status check_once(const struct service *service, struct error *error)
{
    struct worker worker;
    worker_init(&worker, service);
    enum status status = worker_ready(&worker, error);
    worker_clear(&worker);
    if (status == STATUS_REJECTED) {
        return status;
    }
    if (status != STATUS_OK) {
        log_warning("starting without it", LOG_CSTR("problem", error->text));
    }
    return STATUS_OK;
}

MUST_CHECK static enum status start_completer(struct daemon *daemon, struct error *error)
{
    const struct config *config = &daemon->service->config;
    enum status status = STATUS_OK;
    if (config->event_queue_url != NULL) {
        status =
            consumer_start_events(daemon->service, config->event_queue_url, &daemon->events, error);
    } else {
        log_warning("no event queue: endings are learned by the sweep alone",
                    LOG_CSTR("setting", "RINGBACK_EVENT_QUEUE_URL"));
    }
    if (status == STATUS_OK && pthread_create(&daemon->sweeper, NULL, sweep_loop, daemon) != 0) {
        return error_set(error, STATUS_INTERNAL, "cannot start the sweep's thread");
    }
    daemon->sweeping = status == STATUS_OK;
    return status;
}

MUST_CHECK static enum status start_invoker(struct daemon *daemon, struct error *error)
{
    const struct config *config = &daemon->service->config;
    enum status status = STATUS_OK;
    if (config->request_queue_url != NULL) {
        status = consumer_start_requests(daemon->service, config->request_queue_url,
                                         &daemon->requests, error);
    }
    return status == STATUS_OK ? http_front_start(daemon->service, &daemon->front, error) : status;
}

MUST_CHECK static enum status start(struct daemon *daemon, const struct daemon_parts *parts,
                                    struct error *error)
{
    const struct admin_options admin = {.listen = daemon->service->config.admin_listen,
                                        .bearer_token = daemon->service->bearer_token,
                                        .version = RINGBACK_VERSION,
                                        .clock = clock_system(),
                                        .problems = list_problems,
                                        .context = daemon};
    enum status status = check_once(daemon->service, error);
    if (status == STATUS_OK && parts->completer) {
        status = start_completer(daemon, error);
    }
    if (status == STATUS_OK && parts->invoker) {
        status = start_invoker(daemon, error);
    }
    if (status == STATUS_OK) {
        status = admin_start(&admin, &daemon->admin, error);
    }
    return status;
}

/* In the order of the flow: nothing new comes in, what is in hand is finished. */
static void stop(struct daemon *daemon)
{
    shutdown_request();
    pthread_mutex_lock(&daemon->mutex);
    daemon->stopping = true;
    pthread_mutex_unlock(&daemon->mutex);
    http_front_stop(daemon->front);
    consumer_stop(&daemon->requests);
    consumer_stop(&daemon->events);
    if (daemon->sweeping) {
        pthread_join(daemon->sweeper, NULL);
    }
    if (daemon->admin != NULL) {
        admin_stop(daemon->admin);
    }
    tracker_close(daemon->probe);
    pthread_mutex_destroy(&daemon->mutex);
}

int daemon_run(const struct daemon_parts *parts, int count, char **arguments)
{
    struct service service;
    struct error error = ERROR_NONE;
    struct daemon daemon = {.service = &service};
    enum status status = service_open(&count, arguments, &service, &error);
    if (status == STATUS_OK && count > 0) {
        status = error_set(&error, STATUS_REJECTED, "%s: unknown argument", arguments[0]);
    }
    if (status == STATUS_OK) {
        shutdown_init();
        pthread_mutex_init(&daemon.mutex, NULL);
        status = start(&daemon, parts, &error);
        if (status == STATUS_OK) {
            (void)shutdown_wait(-1);
        }
        stop(&daemon);
    }
    service_close(&service);
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "ringback %s: %s\n", parts->command, error.text);
        return EXIT_USAGE;
    }
    return EXIT_FINISHED;
}
