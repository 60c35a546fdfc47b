#include "infra/local/event_sender.h"

#include "infra/aws/client.h"
#include "infra/aws/credentials.h"
#include "infra/aws/sqs.h"
#include "infra/base/arena.h"
#include "infra/base/backoff.h"
#include "infra/base/log.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WAITING_MAX     4096
#define BATCH_MAX       10
#define ENVIRONMENT_MAX 8
#define SEND_TIMEOUT_MS 3000
#define ARENA_MAX_BYTES (64u << 20)
#define RETRY_BASE_MS   50
#define RETRY_MAX_MS    5000

struct waiting_event {
    struct waiting_event *next;
    int64_t due_ms; /* monotonic */
    unsigned tries_count;
    size_t size;
    char text[];
};

struct event_sender {
    struct event_sender_options options;
    struct arena *settings; /* holds the environment */
    char *environment[ENVIRONMENT_MAX + 1];
    struct credentials_provider *credentials;
    struct aws_client *client; /* the worker's */
    pthread_t worker;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct waiting_event *waiting;
    size_t waiting_count;
    bool stopping;
};

/* --- the client ------------------------------------------------------------------------------- */

static const char *find_setting(char *const *environment, const char *name)
{
    const size_t size = strlen(name);
    for (; *environment; environment++) {
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=') {
            return *environment + size + 1;
        }
    }
    return NULL;
}

/* "http://host:port" of "http://host:port/000000000000/name". */
static struct slice origin_of(const char *url)
{
    const struct slice whole = slice_from_text(url);
    const size_t host = slice_find(whole, SLICE("://")) + 3;
    const struct slice rest = slice_part(whole, host, whole.size);
    return slice_part(whole, 0, host + slice_find_byte(rest, '/'));
}

static void add_setting(struct event_sender *sender, size_t *count, const char *name,
                        const char *value)
{
    const size_t size = strlen(name) + strlen(value) + 2;
    char *entry = arena_alloc(sender->settings, size);
    (void)snprintf(entry, size, "%s=%s", name, value);
    sender->environment[(*count)++] = entry;
}

/* Copies these variables of the environment that was given; count is of names. */
static void copy_settings(struct event_sender *sender, size_t *count, const char *const *names,
                          size_t name_count)
{
    for (size_t i = 0; i < name_count; i++) {
        const char *value = find_setting(sender->options.environment, names[i]);
        if (value) {
            add_setting(sender, count, names[i], value);
        }
    }
}

/* Only what a client of SQS needs, so that the endpoints of this process' own environment, which
 * may well point at the stand-in itself, do not count. */
static void make_environment(struct event_sender *sender)
{
    static const char *const general[] = {"AWS_CA_BUNDLE", "AWS_REGION"};
    static const char *const keys[] = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
                                       "AWS_SESSION_TOKEN"};
    const struct event_sender_options *options = &sender->options;
    size_t count = 0;
    copy_settings(sender, &count, general, ARRAY_COUNT(general));
    if (!find_setting(options->environment, "AWS_REGION")) {
        add_setting(sender, &count, "AWS_REGION", "us-east-1");
    }
    if (find_setting(options->environment, "AWS_ACCESS_KEY_ID")) {
        copy_settings(sender, &count, keys, ARRAY_COUNT(keys));
    } else {
        add_setting(sender, &count, "AWS_ACCESS_KEY_ID", options->access_key_id);
        add_setting(sender, &count, "AWS_SECRET_ACCESS_KEY", options->secret_access_key);
    }
    add_setting(sender, &count, "AWS_ENDPOINT_URL_SQS",
                arena_text(sender->settings, origin_of(options->queue_url)));
}

/* --- the queue -------------------------------------------------------------------------------- */

static void insert(struct event_sender *sender, struct waiting_event *event)
{
    struct waiting_event **place = &sender->waiting;
    while (*place && (*place)->due_ms <= event->due_ms) {
        place = &(*place)->next;
    }
    event->next = *place;
    *place = event;
    sender->waiting_count++;
    pthread_cond_signal(&sender->changed);
}

void event_sender_put(struct event_sender *sender, struct slice event, int64_t delay_ms)
{
    struct waiting_event *waiting = calloc(1, sizeof(*waiting) + event.size);
    if (!waiting) {
        abort();
    }
    waiting->due_ms = clock_monotonic_ms(sender->options.clock) + delay_ms;
    waiting->size = event.size;
    memcpy(waiting->text, event.data, event.size);
    pthread_mutex_lock(&sender->mutex);
    const bool dropped = sender->waiting_count >= WAITING_MAX;
    if (!dropped) {
        insert(sender, waiting);
    }
    pthread_mutex_unlock(&sender->mutex);
    if (dropped) {
        free(waiting);
        log_warning("completion event dropped", LOG_INT("waiting", WAITING_MAX));
    }
}

static void wait_until(struct event_sender *sender, int64_t due_ms)
{
    struct timespec when;
    const int64_t now_ms = clock_monotonic_ms(sender->options.clock);
    const int64_t left_ms = due_ms > now_ms ? due_ms - now_ms : 0;
    clock_gettime(CLOCK_MONOTONIC, &when);
    const int64_t nanoseconds = when.tv_nsec + (left_ms % 1000) * 1000000;
    when.tv_sec += (time_t)(left_ms / 1000 + nanoseconds / 1000000000);
    when.tv_nsec = (long)(nanoseconds % 1000000000);
    pthread_cond_timedwait(&sender->changed, &sender->mutex, &when);
}

/* Blocks until something is due; 0 when it is time to stop. */
static size_t take_due(struct event_sender *sender, struct waiting_event **batch)
{
    size_t count = 0;
    pthread_mutex_lock(&sender->mutex);
    while (!sender->stopping && count == 0) {
        const int64_t now_ms = clock_monotonic_ms(sender->options.clock);
        while (count < BATCH_MAX && sender->waiting && sender->waiting->due_ms <= now_ms) {
            batch[count++] = sender->waiting;
            sender->waiting = sender->waiting->next;
            sender->waiting_count--;
        }
        if (count == 0 && sender->waiting) {
            wait_until(sender, sender->waiting->due_ms);
        } else if (count == 0) {
            pthread_cond_wait(&sender->changed, &sender->mutex);
        }
    }
    pthread_mutex_unlock(&sender->mutex);
    return count;
}

/* Sent, it is freed; else it is put back, for ever: what the queue refuses now it may take later.
 */
static void settle(struct event_sender *sender, struct waiting_event *event,
                   const struct aws_call *call)
{
    struct error error = ERROR_NONE;
    if (call->status == STATUS_OK) {
        free(event);
        return;
    }
    aws_call_error(call, &error);
    log_warning("completion event not sent", LOG_CSTR("error", error.text),
                LOG_INT("tries", (int64_t)event->tries_count + 1));
    event->due_ms = clock_monotonic_ms(sender->options.clock) +
                    backoff_exponential_ms(RETRY_BASE_MS, RETRY_MAX_MS, event->tries_count++);
    pthread_mutex_lock(&sender->mutex);
    insert(sender, event);
    pthread_mutex_unlock(&sender->mutex);
}

static void send_batch(struct event_sender *sender, struct arena *arena,
                       struct waiting_event *const *batch, size_t count)
{
    struct aws_call calls[BATCH_MAX];
    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < count; i++) {
        const struct sqs_send send = {.queue_url = slice_from_text(sender->options.queue_url),
                                      .body = {batch[i]->text, batch[i]->size}};
        sqs_build_send(arena, &send, &calls[i]);
        calls[i].timeout_ms = SEND_TIMEOUT_MS;
        calls[i].max_attempts = 1;
    }
    aws_send_all(sender->client, calls, count);
    for (size_t i = 0; i < count; i++) {
        settle(sender, batch[i], &calls[i]);
    }
    aws_reset(sender->client);
}

static void *run(void *context)
{
    struct event_sender *sender = context;
    struct waiting_event *batch[BATCH_MAX];
    struct arena *arena = arena_new(ARENA_MAX_BYTES);
    for (;;) {
        const size_t count = take_due(sender, batch);
        if (count == 0) {
            break;
        }
        send_batch(sender, arena, batch, count);
        arena_reset(arena);
    }
    arena_free(arena);
    return NULL;
}

/* --- start and stop --------------------------------------------------------------------------- */

static void sender_free(struct event_sender *sender)
{
    while (sender->waiting) {
        struct waiting_event *event = sender->waiting;
        sender->waiting = event->next;
        free(event);
    }
    aws_client_free(sender->client);
    credentials_provider_free(sender->credentials);
    arena_free(sender->settings);
    pthread_cond_destroy(&sender->changed);
    pthread_mutex_destroy(&sender->mutex);
    free(sender);
}

static struct event_sender *sender_new(const struct event_sender_options *options)
{
    pthread_condattr_t attributes;
    struct event_sender *sender = calloc(1, sizeof(*sender));
    if (!sender) {
        abort();
    }
    sender->options = *options;
    sender->settings = arena_new(1u << 20);
    pthread_mutex_init(&sender->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&sender->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    return sender;
}

enum status event_sender_start(const struct event_sender_options *options,
                               struct event_sender **sender, struct error *error)
{
    struct event_sender *made = sender_new(options);
    make_environment(made);
    made->credentials = credentials_provider_new(made->environment, options->clock);
    const struct aws_client_options client = {.environment = made->environment,
                                              .credentials = made->credentials,
                                              .clock = options->clock,
                                              .random = options->random};
    enum status status = aws_client_new(&client, &made->client, error);
    if (status == STATUS_OK && pthread_create(&made->worker, NULL, run, made) != 0) {
        status = error_set(error, STATUS_INTERNAL, "no thread");
    }
    if (status != STATUS_OK) {
        sender_free(made);
        return error_wrap(error, "event-queue-url");
    }
    *sender = made;
    return STATUS_OK;
}

void event_sender_stop(struct event_sender *sender)
{
    if (!sender) {
        return;
    }
    pthread_mutex_lock(&sender->mutex);
    sender->stopping = true;
    pthread_cond_signal(&sender->changed);
    pthread_mutex_unlock(&sender->mutex);
    pthread_join(sender->worker, NULL);
    sender_free(sender);
}
