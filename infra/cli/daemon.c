#include "infra/cli/daemon.h"

#include "completer/completer.h"

#include "infra/base/log.h"
#include "infra/cli/commands.h"
#include "infra/cli/consumer.h"
#include "infra/cli/http_front.h"
#include "infra/cli/service.h"
#include "infra/runtime/admin.h"
#include "infra/runtime/pulse.h"
#include "infra/runtime/shutdown.h"
#include "infra/runtime/supervisor.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PING_EVERY_MS  1000
#define SWEEP_RETRY_MS 1000
/* While statements wait for their turn. With what a pass itself waits for tokens
 * (ADMISSION_WAITER_MS) it is what a burst of the account's rate allows, so that no second is
 * wasted. */
#define SWEEP_SOON_MS 200
/* A batch takes no longer than DISPATCH_BATCH_MS and what the tracker takes. */
#define HANG_MS       180000
#define LOOK_EVERY_MS 5000

struct daemon {
    const struct service *service;
    struct http_front *front;
    struct consumer requests;
    struct consumer events;
    struct admin *admin;
    pthread_t sweeper;
    struct pulse *sweep_pulse;
    bool sweeping;
    struct pulse_board pulses;
    struct supervisor supervisor;
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

static void sweep_pause(struct daemon *daemon, int64_t duration_ms)
{
    pulse_wait(daemon->sweep_pulse, duration_ms);
    (void)shutdown_wait(duration_ms);
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
        pulse_work(daemon->sweep_pulse);
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
            sweep_pause(daemon, SWEEP_RETRY_MS);
        } else if (claimed < SWEEP_LIMIT_DEFAULT) {
            sweep_pause(daemon, sweep_pause_ms(daemon->service));
        }
    }
    pulse_rest(daemon->sweep_pulse);
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

/* ---- Watch ---------------------------------------------------------------------------------- */

/* Whoever supervises the process says what a hang is; nobody does: a batch can't take that long. */
static int64_t hang_ms(const struct daemon *daemon)
{
    const int64_t watchdog_ms = daemon->supervisor.watchdog_ms;
    return watchdog_ms > 0 ? watchdog_ms : HANG_MS;
}

static bool hangs(void *context, struct error *what)
{
    struct daemon *daemon = context;
    struct pulse_stall stall;
    if (!pulse_stalled(&daemon->pulses, hang_ms(daemon), &stall)) {
        return false;
    }
    (void)error_set(what, STATUS_INTERNAL, "hangs: worker %u of %s, overdue by %" PRId64 " s",
                    stall.number, stall.name, stall.overdue_ms / 1000);
    return true;
}

/* How the daemon does, as one line. Waits for nothing that is away, as the tracker's check would.
 */
static bool look(struct daemon *daemon, struct error *line)
{
    *line = ERROR_NONE;
    if (hangs(daemon, line)) {
        return false;
    }
    if (daemon->events.poller != NULL && poller_problem(daemon->events.poller, line)) {
        (void)error_wrap(line, "event queue");
    } else if (daemon->requests.poller != NULL && poller_problem(daemon->requests.poller, line)) {
        (void)error_wrap(line, "request queue");
    } else {
        (void)error_set(line, STATUS_OK, "works");
    }
    return true;
}

/*
 * The main thread, until the process is to end: a sign of life at half of the time that the
 * watchdog grants, as long as no thread hangs, and a line whenever it has changed.
 */
static void watch(struct daemon *daemon)
{
    struct supervisor *supervisor = &daemon->supervisor;
    const int64_t beat_ms = supervisor->watchdog_ms / 2;
    int64_t beat_at_ms = 0;
    struct error said = ERROR_NONE;
    int64_t wait_ms = supervisor->fd < 0 ? -1 : 0;
    while (!shutdown_wait(wait_ms)) {
        struct error line;
        const bool alive = look(daemon, &line);
        const int64_t now_ms = clock_monotonic_ms(clock_system());
        if (strcmp(line.text, said.text) != 0) {
            supervisor_tell(supervisor, SUPERVISOR_STATUS, line.text);
            said = line;
        }
        if (beat_ms > 0 && alive && now_ms >= beat_at_ms) {
            supervisor_tell(supervisor, SUPERVISOR_ALIVE, NULL);
            beat_at_ms = now_ms + beat_ms;
        }
        const int64_t left_ms = alive && beat_ms > 0 ? beat_at_ms - now_ms : LOOK_EVERY_MS;
        wait_ms = left_ms < LOOK_EVERY_MS ? left_ms : LOOK_EVERY_MS;
    }
}

/* A watchdog that barks at honest work is worse than none. */
static void check_watchdog(const struct supervisor *supervisor)
{
    if (supervisor->watchdog_ms > 0 && supervisor->watchdog_ms <= DISPATCH_BATCH_MS) {
        log_warning("watchdog is shorter than a batch may take",
                    LOG_INT("watchdogMs", supervisor->watchdog_ms),
                    LOG_INT("batchMs", DISPATCH_BATCH_MS));
    }
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
        status = consumer_start_events(daemon->service, config->event_queue_url, &daemon->pulses,
                                       &daemon->events, error);
    } else {
        log_warning("no event queue: endings are learned by the sweep alone",
                    LOG_CSTR("setting", "RINGBACK_EVENT_QUEUE_URL"));
    }
    daemon->sweep_pulse = pulse_join(&daemon->pulses, "sweep", 0);
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
                                         &daemon->pulses, &daemon->requests, error);
    }
    return status == STATUS_OK
               ? http_front_start(daemon->service, &daemon->pulses, &daemon->front, error)
               : status;
}

MUST_CHECK static enum status start(struct daemon *daemon, const struct daemon_parts *parts,
                                    struct error *error)
{
    const struct admin_options admin = {.listen = daemon->service->config.admin_listen,
                                        .bearer_token = daemon->service->bearer_token,
                                        .version = RINGBACK_VERSION,
                                        .clock = clock_system(),
                                        .problems = list_problems,
                                        .hangs = hangs,
                                        .context = daemon};
    enum status status = supervisor_open(environ, &daemon->supervisor, error);
    if (status == STATUS_OK) {
        check_watchdog(&daemon->supervisor);
        status = check_once(daemon->service, error);
    }
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

/* In the order of the flow: nothing new comes in, what is in hand is finished, by all at once. So
 * the slowest batch is what a stop may last, not the sum of them. */
static void stop(struct daemon *daemon)
{
    supervisor_tell(&daemon->supervisor, SUPERVISOR_STOPPING, "finishes what is in hand");
    shutdown_request();
    pthread_mutex_lock(&daemon->mutex);
    daemon->stopping = true;
    pthread_mutex_unlock(&daemon->mutex);
    consumer_leave(&daemon->requests);
    consumer_leave(&daemon->events);
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
    supervisor_close(&daemon->supervisor);
    pthread_mutex_destroy(&daemon->mutex);
}

int daemon_run(const struct daemon_parts *parts, int count, char **arguments)
{
    struct service service;
    struct error error = ERROR_NONE;
    struct daemon daemon = {.service = &service, .supervisor = {.fd = -1}};
    enum status status = service_open(&count, arguments, &service, &error);
    if (status == STATUS_OK && count > 0) {
        status = error_set(&error, STATUS_REJECTED, "%s: unknown argument", arguments[0]);
    }
    if (status == STATUS_OK) {
        shutdown_init();
        pthread_mutex_init(&daemon.mutex, NULL);
        pulse_board_init(&daemon.pulses, clock_system());
        status = start(&daemon, parts, &error);
        if (status == STATUS_OK) {
            supervisor_tell(&daemon.supervisor, SUPERVISOR_READY, NULL);
            watch(&daemon);
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
