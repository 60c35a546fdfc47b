#include "infra/runtime/poller.h"

#include "infra/base/arena.h"
#include "infra/base/backoff.h"
#include "infra/base/clock.h"
#include "infra/base/log.h"
#include "infra/base/memory.h"
#include "infra/base/random.h"
#include "infra/runtime/poller_settle.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONG_POLL_SECONDS 20
#define HOLD_MS           250
#define RECEIVE_LOOK_MS   5000   /* so often a receive shows that it is alive */
#define SETTLE_MAX_MS     240000 /* all rounds and tries, each at its slowest */
/* How long a stop waits for the answer to a long poll: so long, and so many times an answer that
 * did not wait for messages. */
#define LAST_ANSWER_MS     200
#define LAST_ANSWERS       3
#define LAST_ANSWER_MAX_MS 30000
#define BACKOFF_BASE_MS    200
#define BACKOFF_MAX_MS     30000
/* Ten messages of 1 MiB and what a handler parses out of them. */
#define ARENA_MAX_BYTES ((size_t)1 << 30)

enum poller_state {
    POLLER_STARTING, /* no answer of the queue yet */
    POLLER_READING,
    POLLER_TROUBLED, /* nobody who reads it can */
};

struct worker {
    struct poller *poller;
    unsigned index;
    pthread_t thread;
    struct pulse *pulse;
    struct arena *arena;
    struct aws_client *client; /* set under the mutex, so that stop can wake it */
    int64_t backoff_ms;        /* the wait before; 0: the last turn was good */
    unsigned failures;         /* in a row */
    bool hungry;               /* its last batch was full: it reads on beside others */
    bool confirmed;            /* the queue has answered since the last trouble */
};

struct poller {
    struct poller_options options;
    atomic_bool stopping;
    pthread_mutex_t mutex;  /* guards what follows */
    pthread_cond_t stopped; /* to those who pause */
    pthread_cond_t turn;    /* to one who may read */
    enum poller_state state;
    unsigned reading;          /* workers that receive, or are about to */
    int64_t troubled_since_ms; /* monotonic */
    struct error problem;      /* the newest */
    int64_t answer_ms;         /* how long the queue takes for an answer, at worst lately */
    struct worker *workers;
};

/* --- what /readyz and the log say ---------------------------------------------------------------
 */

static void note_failure(struct worker *worker, const struct error *error)
{
    struct poller *poller = worker->poller;
    pthread_mutex_lock(&poller->mutex);
    poller->problem = *error;
    /* One failure after all of the client's own tries may be anything; two are a trouble. */
    const bool counts = ++worker->failures > 1 || poller->state == POLLER_STARTING;
    const bool begins = counts && poller->state != POLLER_TROUBLED && poller->reading == 0;
    if (begins) {
        poller->state = POLLER_TROUBLED;
        poller->troubled_since_ms = clock_monotonic_ms(poller->options.aws->clock);
    }
    pthread_mutex_unlock(&poller->mutex);
    if (begins) {
        log_warning("queue cannot be read", LOG_CSTR("queue", poller->options.name),
                    LOG_CSTR("problem", error->text));
    }
}

static void note_success(struct worker *worker)
{
    struct poller *poller = worker->poller;
    worker->failures = 0;
    if (worker->confirmed) {
        return;
    }
    pthread_mutex_lock(&poller->mutex);
    const bool ends = poller->state == POLLER_TROUBLED;
    const int64_t since_ms = poller->troubled_since_ms;
    poller->state = POLLER_READING;
    pthread_mutex_unlock(&poller->mutex);
    if (ends) {
        int64_t now_ms = clock_monotonic_ms(poller->options.aws->clock);
        log_info("queue is read again", LOG_CSTR("queue", poller->options.name),
                 LOG_INT("seconds", (now_ms - since_ms) / 1000));
    }
}

/* --- one worker ---------------------------------------------------------------------------------
 */

/* Real time, not the clock's, since these waits must be interruptible. */
static struct timespec now(void)
{
    struct timespec time = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &time);
    return time;
}

static int64_t elapsed_ms(struct timespec begin)
{
    const struct timespec end = now();
    return (int64_t)(end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
}

/* An answer that did not wait for messages has come; older ones are forgotten bit by bit. */
static void note_answer(struct poller *poller, struct timespec begin)
{
    const int64_t took_ms = elapsed_ms(begin);
    pthread_mutex_lock(&poller->mutex);
    const int64_t before_ms = poller->answer_ms * 3 / 4;
    poller->answer_ms = took_ms > before_ms ? took_ms : before_ms;
    pthread_mutex_unlock(&poller->mutex);
}

/* Returns early when the poller stops. */
static void pause_ms(struct worker *worker, int64_t duration_ms)
{
    struct poller *poller = worker->poller;
    struct timespec end = now();
    int64_t nanoseconds = end.tv_nsec + duration_ms % 1000 * 1000000;
    end.tv_sec += (time_t)(duration_ms / 1000 + nanoseconds / 1000000000);
    end.tv_nsec = (long)(nanoseconds % 1000000000);
    int result = 0;
    pulse_wait(worker->pulse, duration_ms);
    pthread_mutex_lock(&poller->mutex);
    while (!atomic_load(&poller->stopping) && result == 0) {
        result = pthread_cond_timedwait(&poller->stopped, &poller->mutex, &end);
    }
    pthread_mutex_unlock(&poller->mutex);
}

/* Sleeps while others read, unless there was more to read than one could. */
static void begin_reading(struct worker *worker)
{
    struct poller *poller = worker->poller;
    pulse_rest(worker->pulse);
    pthread_mutex_lock(&poller->mutex);
    while (!atomic_load(&poller->stopping) && poller->reading > 0 && !worker->hungry) {
        (void)pthread_cond_wait(&poller->turn, &poller->mutex);
    }
    poller->reading++;
    worker->confirmed = poller->state == POLLER_READING;
    pthread_mutex_unlock(&poller->mutex);
    pulse_work(worker->pulse);
}

/* Whoever has messages in hand lets another one read meanwhile. */
static void end_reading(struct worker *worker, size_t count)
{
    struct poller *poller = worker->poller;
    worker->hungry = count >= SQS_BATCH_MAX;
    pthread_mutex_lock(&poller->mutex);
    poller->reading--;
    pthread_mutex_unlock(&poller->mutex);
    if (count > 0) {
        pthread_cond_signal(&poller->turn); /* who wakes up finds the mutex free */
    }
}

static void back_off(struct worker *worker)
{
    worker->backoff_ms =
        backoff_decorrelated_ms(BACKOFF_BASE_MS, BACKOFF_MAX_MS, worker->backoff_ms,
                                random_unit(worker->poller->options.aws->random));
    pause_ms(worker, worker->backoff_ms);
}

static enum status open_client(struct worker *worker, struct error *error)
{
    struct poller *poller = worker->poller;
    if (worker->client) {
        return STATUS_OK;
    }
    struct aws_client *client = NULL;
    enum status status = aws_client_new(poller->options.aws, &client, error);
    if (status == STATUS_OK) {
        pthread_mutex_lock(&poller->mutex);
        worker->client = client;
        pthread_mutex_unlock(&poller->mutex);
    }
    return status;
}

/* Stopping: messages of an answer that is on its way would be invisible to everybody for two
 * minutes, so it gets a moment, a longer one where answers take longer. */
static size_t wait_for_last_answer(struct worker *worker, struct aws_call **calls)
{
    const struct timespec begin = now();
    pthread_mutex_lock(&worker->poller->mutex);
    const int64_t usual_ms = LAST_ANSWER_MS + LAST_ANSWERS * worker->poller->answer_ms;
    pthread_mutex_unlock(&worker->poller->mutex);
    const int64_t wait_ms = usual_ms < LAST_ANSWER_MAX_MS ? usual_ms : LAST_ANSWER_MAX_MS;
    size_t done = 0;
    pulse_wait(worker->pulse, wait_ms);
    for (int64_t left_ms = wait_ms; done == 0 && left_ms > 0;
         left_ms = wait_ms - elapsed_ms(begin)) {
        done = aws_wait(worker->client, calls, 1, left_ms);
    }
    return done;
}

/*
 * Count 0 and OK: nothing came, or the poller stops. The first receive after a start or a trouble
 * does not wait for messages, so that readiness is known at once.
 */
static enum status receive(struct worker *worker, struct sqs_message **messages, size_t *count,
                           struct error *error)
{
    const struct poller *poller = worker->poller;
    struct aws_call call = {0};
    struct aws_call *calls[1] = {&call};
    const struct timespec begin = now();
    sqs_build_receive(worker->arena, poller->options.queue_url, SQS_BATCH_MAX,
                      worker->confirmed ? LONG_POLL_SECONDS : 0, POLLER_VISIBILITY_SECONDS, &call);
    aws_start(worker->client, calls, 1);
    size_t done = 0;
    while (done == 0 && !atomic_load(&poller->stopping)) {
        pulse_wait(worker->pulse, RECEIVE_LOOK_MS);
        done = aws_wait(worker->client, calls, 1, RECEIVE_LOOK_MS);
    }
    if (done == 0) {
        done = wait_for_last_answer(worker, calls);
    }
    if (done == 0) {
        return STATUS_OK;
    }
    if (call.status != STATUS_OK) {
        return aws_call_error(&call, error);
    }
    if (!worker->confirmed) {
        note_answer(worker->poller, begin);
    }
    return sqs_read_receive(worker->arena, &call, messages, count, error);
}

static void handle(struct worker *worker, struct poller_item *items, size_t count)
{
    const struct poller_options *options = &worker->poller->options;
    pulse_work(worker->pulse);
    if (!atomic_load(&worker->poller->stopping)) {
        options->handle(options->context, worker->index, items, count, worker->arena);
    }
}

static enum status settle(struct worker *worker, const struct poller_item *items, size_t count)
{
    const struct poller_options *options = &worker->poller->options;
    struct error error = ERROR_NONE;
    const struct timespec begin = now();
    pulse_wait(worker->pulse, SETTLE_MAX_MS);
    enum status status =
        poller_settle(worker->client, worker->arena, options->queue_url, items, count, &error);
    if (status != STATUS_OK) {
        log_warning("messages will come again", LOG_CSTR("queue", options->name),
                    LOG_CSTR("problem", error.text));
    }
    note_answer(worker->poller, begin);
    return status;
}

/* Receive, handle, settle: one batch. Reading has begun. */
static enum status take_turn(struct worker *worker)
{
    struct error error = ERROR_NONE;
    struct sqs_message *messages = NULL;
    size_t count = 0;
    enum status status = open_client(worker, &error);
    if (status == STATUS_OK) {
        status = receive(worker, &messages, &count, &error);
    }
    end_reading(worker, count);
    if (status != STATUS_OK) {
        note_failure(worker, &error);
        return status;
    }
    if (count > 0 || !atomic_load(&worker->poller->stopping)) {
        note_success(worker);
    }
    if (count == 0) {
        return STATUS_OK;
    }
    count = count < SQS_BATCH_MAX ? count : SQS_BATCH_MAX;
    struct poller_item *items = ARENA_ARRAY(worker->arena, count, struct poller_item);
    for (size_t i = 0; i < count; i++) {
        items[i].message = messages[i];
        items[i].verdict = POLLER_AGAIN;
    }
    handle(worker, items, count);
    return settle(worker, items, count);
}

static bool is_held(struct worker *worker)
{
    const struct poller_options *options = &worker->poller->options;
    return options->hold != NULL && options->hold(options->context, worker->index);
}

static void *worker_main(void *context)
{
    struct worker *worker = context;
    struct poller *poller = worker->poller;
    while (!atomic_load(&poller->stopping)) {
        begin_reading(worker);
        if (is_held(worker)) {
            end_reading(worker, 0);
            pause_ms(worker, HOLD_MS);
            continue;
        }
        enum status status = take_turn(worker);
        if (worker->client) {
            aws_reset(worker->client);
        }
        arena_reset(worker->arena);
        if (status == STATUS_OK) {
            worker->backoff_ms = 0;
        } else {
            back_off(worker);
        }
    }
    pulse_rest(worker->pulse);
    return NULL;
}

/* --- the poller ---------------------------------------------------------------------------------
 */

static void tell_workers(struct poller *poller, unsigned count)
{
    pthread_mutex_lock(&poller->mutex);
    atomic_store(&poller->stopping, true);
    pthread_cond_broadcast(&poller->stopped);
    pthread_cond_broadcast(&poller->turn);
    for (unsigned i = 0; i < count; i++) {
        if (poller->workers[i].client) {
            aws_wake(poller->workers[i].client);
        }
    }
    pthread_mutex_unlock(&poller->mutex);
}

static void stop_workers(struct poller *poller, unsigned count)
{
    tell_workers(poller, count);
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(poller->workers[i].thread, NULL);
        aws_client_free(poller->workers[i].client);
        arena_free(poller->workers[i].arena);
    }
}

static void poller_free(struct poller *poller)
{
    (void)pthread_cond_destroy(&poller->stopped);
    (void)pthread_cond_destroy(&poller->turn);
    (void)pthread_mutex_destroy(&poller->mutex);
    free(poller->workers);
    free(poller);
}

static struct poller *poller_new(const struct poller_options *options)
{
    struct poller *poller = memory_new(sizeof(*poller));
    pthread_condattr_t attributes;
    poller->options = *options;
    poller->state = POLLER_STARTING;
    (void)error_set(&poller->problem, STATUS_RETRY, "not read yet");
    if (pthread_mutex_init(&poller->mutex, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&poller->stopped, &attributes) != 0 ||
        pthread_cond_init(&poller->turn, NULL) != 0) {
        memory_abort("poller: no mutex");
    }
    (void)pthread_condattr_destroy(&attributes);
    poller->workers = memory_new(options->threads * sizeof(struct worker));
    return poller;
}

enum status poller_start(const struct poller_options *options, struct poller **poller,
                         struct error *error)
{
    *poller = NULL;
    if (options->threads == 0 || !options->queue_url) {
        return error_set(error, STATUS_REJECTED, "%s: needs a queue and at least one thread",
                         options->name);
    }
    struct poller *made = poller_new(options);
    for (unsigned i = 0; i < options->threads; i++) {
        struct worker *worker = &made->workers[i];
        worker->poller = made;
        worker->index = i;
        worker->pulse = pulse_join(options->pulses, options->name, i);
        worker->arena = arena_new(ARENA_MAX_BYTES);
        int code = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (code != 0) {
            arena_free(worker->arena);
            stop_workers(made, i);
            poller_free(made);
            return error_set(error, STATUS_INTERNAL, "%s: cannot start thread %u: error %d",
                             options->name, i, code);
        }
    }
    *poller = made;
    return STATUS_OK;
}

bool poller_problem(struct poller *poller, struct error *problem)
{
    pthread_mutex_lock(&poller->mutex);
    bool troubled = poller->state != POLLER_READING;
    if (troubled) {
        *problem = poller->problem;
    }
    pthread_mutex_unlock(&poller->mutex);
    return troubled;
}

void poller_leave(struct poller *poller)
{
    tell_workers(poller, poller->options.threads);
}

void poller_stop(struct poller *poller)
{
    if (!poller) {
        return;
    }
    stop_workers(poller, poller->options.threads);
    poller_free(poller);
}
