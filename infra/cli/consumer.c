#include "infra/cli/consumer.h"

#include "completer/completer.h"
#include "invoker/invoker.h"
#include "invoker/parking.h"

#include "infra/base/memory.h"
#include "infra/cli/queue_message.h"

#include <stdlib.h>

#define AGAIN_SECONDS     2
#define AGAIN_MAX_SECONDS 900
#define DOUBLINGS_MAX     9

/* ---- What is away --------------------------------------------------------------------------- */

/* False: this thread's tracker or client is away, and said so once. */
static bool is_ready(struct worker *worker)
{
    struct error error = ERROR_NONE;
    enum status status = worker_ready(worker, &error);
    if (status == STATUS_OK && worker->dispatch->troubled) {
        status = tracker_ping(worker->tracker, &error);
    }
    dispatch_trouble(worker->dispatch, status == STATUS_OK ? NULL : &error);
    return status == STATUS_OK;
}

/* Nothing of a batch could be handled: the next one waits until the tracker is there. */
static void look_for_trouble(struct worker *worker, const struct poller_item *items, size_t count)
{
    struct error error = ERROR_NONE;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any |= items[i].verdict == POLLER_DONE;
    }
    if (!any && tracker_ping(worker->tracker, &error) != STATUS_OK) {
        dispatch_trouble(worker->dispatch, &error);
    }
}

int64_t consumer_again_seconds(int64_t seconds, int64_t receive_count)
{
    const int64_t before = receive_count > 1 ? receive_count - 1 : 0;
    const int64_t later = seconds << (before < DOUBLINGS_MAX ? before : DOUBLINGS_MAX);
    return later < AGAIN_MAX_SECONDS ? later : AGAIN_MAX_SECONDS;
}

static void settle_item(struct poller_item *item, bool acknowledge, int64_t again_seconds)
{
    item->verdict = acknowledge ? POLLER_DONE : POLLER_AGAIN;
    item->again_seconds = consumer_again_seconds(again_seconds, item->message.receive_count);
}

static void give_back(struct poller_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        settle_item(&items[i], false, AGAIN_SECONDS);
    }
}

/* ---- Events --------------------------------------------------------------------------------- */

static void handle_events(void *context, unsigned index, struct poller_item *items, size_t count,
                          struct arena *arena)
{
    struct consumer *consumer = context;
    struct worker *worker = &consumer->workers[index];
    struct event_item *events = ARENA_ARRAY(arena, count, struct event_item);
    if (!is_ready(worker)) {
        give_back(items, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        events[i] = (struct event_item){.body = items[i].message.body,
                                        .source = consumer->source,
                                        .first_seen_ms = items[i].message.sent_at_ms};
    }
    completer_handle(worker->dispatch, &consumer->service->settings, events, count);
    for (size_t i = 0; i < count; i++) {
        settle_item(&items[i], events[i].acknowledge, events[i].again_seconds);
    }
    look_for_trouble(worker, items, count);
}

static bool hold_events(void *context, unsigned index)
{
    struct consumer *consumer = context;
    return !is_ready(&consumer->workers[index]);
}

/* ---- Requests ------------------------------------------------------------------------------- */

static void handle_requests(void *context, unsigned index, struct poller_item *items, size_t count,
                            struct arena *arena)
{
    struct consumer *consumer = context;
    struct worker *worker = &consumer->workers[index];
    struct invoker_item *requests = ARENA_ARRAY(arena, count, struct invoker_item);
    if (!is_ready(worker)) {
        give_back(items, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        requests[i] = (struct invoker_item){
            .body = items[i].message.body,
            .channel = CHANNEL_ASYNCHRONOUS,
            .identity = {.kind = SLICE("sqs"),
                         .source = queue_message_source(arena, consumer->queue_url,
                                                        items[i].message.message_id,
                                                        items[i].message.original_source)},
            .source = consumer->source,
            .first_seen_ms = items[i].message.sent_at_ms,
        };
    }
    struct invoker invoker = {worker->dispatch, &worker->service->settings};
    invoker_handle(&invoker, requests, count);
    for (size_t i = 0; i < count; i++) {
        settle_item(&items[i], requests[i].acknowledge, requests[i].again_seconds);
    }
    look_for_trouble(worker, items, count);
}

/* While the account's rate is used up for a long time ahead, requests are better kept by their
 * queue than by the tracker. */
static bool hold_requests(void *context, unsigned index)
{
    struct consumer *consumer = context;
    return admission_congested(consumer->service->admission, clock_monotonic_ms(clock_system())) ||
           !is_ready(&consumer->workers[index]);
}

/* ---- Start and stop ------------------------------------------------------------------------- */

/* What a kind of messages is called, and what is done with them. */
struct consumer_kind {
    const char *name;
    void (*handle)(void *context, unsigned worker, struct poller_item *items, size_t count,
                   struct arena *arena);
    bool (*hold)(void *context, unsigned worker);
};

MUST_CHECK static enum status consumer_start(const struct service *service,
                                             const struct consumer_kind *kind,
                                             const char *queue_url, struct pulse_board *pulses,
                                             struct consumer *consumer, struct error *error)
{
    const size_t count = (size_t)service->config.workers;
    *consumer = (struct consumer){
        .workers = memory_new(count * sizeof(*consumer->workers)),
        .worker_count = count,
        .service = service,
        .queue_url = slice_from_text(queue_url),
    };
    for (size_t i = 0; i < count; i++) {
        worker_init(&consumer->workers[i], service);
    }
    consumer->source = slice_from_text(
        arena_format(service->arena, "queue:%.*s", SLICE_PRINT(queue_name(consumer->queue_url))));
    const struct poller_options options = {.name = kind->name,
                                           .queue_url = queue_url,
                                           .threads = (unsigned)count,
                                           .aws = &service->aws,
                                           .handle = kind->handle,
                                           .hold = kind->hold,
                                           .context = consumer,
                                           .pulses = pulses};
    return poller_start(&options, &consumer->poller, error);
}

enum status consumer_start_events(const struct service *service, const char *queue_url,
                                  struct pulse_board *pulses, struct consumer *consumer,
                                  struct error *error)
{
    static const struct consumer_kind events = {"events", handle_events, hold_events};
    return consumer_start(service, &events, queue_url, pulses, consumer, error);
}

enum status consumer_start_requests(const struct service *service, const char *queue_url,
                                    struct pulse_board *pulses, struct consumer *consumer,
                                    struct error *error)
{
    static const struct consumer_kind requests = {"requests", handle_requests, hold_requests};
    return consumer_start(service, &requests, queue_url, pulses, consumer, error);
}

void consumer_leave(struct consumer *consumer)
{
    if (consumer->poller != NULL) {
        poller_leave(consumer->poller);
    }
}

void consumer_stop(struct consumer *consumer)
{
    if (consumer->poller != NULL) {
        poller_stop(consumer->poller);
    }
    for (size_t i = 0; i < consumer->worker_count; i++) {
        worker_clear(&consumer->workers[i]);
    }
    free(consumer->workers);
    *consumer = (struct consumer){0};
}
