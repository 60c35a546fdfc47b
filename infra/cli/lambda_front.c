#include "infra/cli/lambda_front.h"

#include "completer/completer.h"
#include "invoker/invoker.h"

#include "infra/base/json_writer.h"
#include "infra/base/log.h"
#include "infra/cli/lambda_shape.h"
#include "infra/cli/queue_message.h"

#define EVENT_ARENA_BYTES (64u << 20)
#define EVENT_MAX_BYTES   (8u << 20)
/* Kept for the answer when the sandbox's time runs out. */
#define ANSWER_MS 1000
/* No batch of records begins later than this before the end. */
#define BATCH_LEAST_MS 2000
/* So many records go through the stages together. */
#define BATCH_MAX 50
/* The sweep after an event: small, and only where there is time. */
#define AFTER_LIMIT    16
#define AFTER_LEAST_MS 3000
/* Connections of a sandbox that slept longer than this are tried before they are relied on. */
#define IDLE_MS 10000

/* A front with one event in hand. */
struct lambda_case {
    struct lambda_front *front;
    const struct lambda_event *event;
    struct json root;
    struct lambda_reply *reply;
};

/* ---- Replies -------------------------------------------------------------------------------- */

static void fail(const struct lambda_case *it, const char *type, const char *text)
{
    it->reply->error_type = type;
    it->reply->json = invoker_error_reply(it->front->arena, type, text);
}

/* The reply of a request that was refused says by itself what is wrong. */
static void fail_with(const struct lambda_case *it, struct slice refusal)
{
    struct json root = {0};
    struct slice type = SLICE_NONE;
    if (json_parse(it->front->arena, refusal, &root, NULL) != STATUS_OK ||
        json_get_text(root, "errorType", 0, &type, NULL) != STATUS_OK) {
        fail(it, "ServiceUnavailable", "the request could not be handled now");
        return;
    }
    it->reply->error_type = arena_text(it->front->arena, type);
    it->reply->json = refusal;
}

/* ---- Time ----------------------------------------------------------------------------------- */

/* Until the event has to be answered; without a deadline the lease alone counts. */
static int64_t left_ms(const struct lambda_event *event)
{
    return event->deadline_ms == 0 ? DISPATCH_BATCH_MS
                                   : event->deadline_ms - ANSWER_MS - clock_now_ms(clock_system());
}

static void set_time(struct lambda_front *front, const struct lambda_event *event)
{
    front->worker.dispatch->leave_by_ms =
        event->deadline_ms == 0 ? 0 : clock_monotonic_ms(clock_system()) + left_ms(event);
}

/* ---- Requests ------------------------------------------------------------------------------- */

/* Of one that nobody reads the result of, only whether it was taken is told: Lambda tries again
 * what was not. */
static void handle_request(struct lambda_case *it, struct slice body, enum channel channel,
                           struct slice source)
{
    struct lambda_front *front = it->front;
    struct invoker invoker = {front->worker.dispatch, &front->service->settings};
    struct invoker_item item = {
        .body = body,
        .channel = channel,
        .identity = {.kind = SLICE("lambda"), .source = it->event->request_id},
        .source = source,
    };
    invoker_handle(&invoker, &item, 1);
    if (channel == CHANNEL_SYNCHRONOUS ? item.code >= 400 : !item.acknowledge) {
        fail_with(it, item.reply);
    } else if (channel == CHANNEL_SYNCHRONOUS) {
        it->reply->json = item.reply;
    }
}

static void handle_notifications(struct lambda_case *it)
{
    struct json record = json_element(json_member(it->root, "Records"), 0);
    for (; json_kind(record) == JSON_OBJECT && it->reply->error_type == NULL;
         record = json_next(record)) {
        CLEANUP(buffer_clear) struct buffer body;
        buffer_init(&body, EVENT_MAX_BYTES);
        json_print(json_member(record, "Sns"), &body);
        handle_request(it, arena_copy(it->front->arena, buffer_slice(&body)), CHANNEL_ASYNCHRONOUS,
                       SLICE("sns"));
    }
}

/* ---- Messages ------------------------------------------------------------------------------- */

/* Some records of one batch, and which of them are to come again. */
struct lambda_batch {
    struct lambda_message *messages;
    bool *again;
    size_t count;
};

static struct slice source_of(struct arena *arena, const struct lambda_message *message)
{
    return slice_from_text(
        arena_format(arena, "queue:%.*s", SLICE_PRINT(queue_name(message->queue_arn))));
}

static void handle_events(struct lambda_front *front, const struct lambda_batch *batch,
                          const size_t *places, size_t count)
{
    struct event_item *events = ARENA_ARRAY(front->arena, count, struct event_item);
    for (size_t i = 0; i < count; i++) {
        const struct lambda_message *message = &batch->messages[places[i]];
        events[i] = (struct event_item){.body = message->body,
                                        .source = source_of(front->arena, message),
                                        .first_seen_ms = message->sent_at_ms};
    }
    completer_handle(front->worker.dispatch, &front->service->settings, events, count);
    for (size_t i = 0; i < count; i++) {
        batch->again[places[i]] = !events[i].acknowledge;
    }
}

/* What Lambda has put there after its last try may have been accepted by an earlier one: it keeps
 * that identity
 * (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html).
 */
static struct plan_identity identity_of(struct arena *arena, const struct lambda_message *message)
{
    if (message->request_id.size > 0) {
        return (struct plan_identity){.kind = SLICE("lambda"), .source = message->request_id};
    }
    return (struct plan_identity){
        .kind = SLICE("sqs"),
        .source =
            queue_message_source(arena, message->queue_arn, message->id, message->original_source)};
}

static void handle_requests(struct lambda_front *front, const struct lambda_batch *batch,
                            const size_t *places, size_t count)
{
    struct invoker invoker = {front->worker.dispatch, &front->service->settings};
    struct invoker_item *requests = ARENA_ARRAY(front->arena, count, struct invoker_item);
    for (size_t i = 0; i < count; i++) {
        const struct lambda_message *message = &batch->messages[places[i]];
        requests[i] = (struct invoker_item){
            .body = message->body,
            .channel = CHANNEL_ASYNCHRONOUS,
            .identity = identity_of(front->arena, message),
            .source = source_of(front->arena, message),
            .first_seen_ms = message->sent_at_ms,
        };
    }
    invoker_handle(&invoker, requests, count);
    for (size_t i = 0; i < count; i++) {
        batch->again[places[i]] = !requests[i].acknowledge;
    }
}

/* The records from..to; events first, since somebody waits for each. */
static void handle_some(struct lambda_front *front, const struct lambda_batch *batch, size_t from,
                        size_t to)
{
    size_t *events = ARENA_ARRAY(front->arena, to - from, size_t);
    size_t *requests = ARENA_ARRAY(front->arena, to - from, size_t);
    size_t event_count = 0;
    size_t request_count = 0;
    for (size_t i = from; i < to; i++) {
        const struct lambda_message *message = &batch->messages[i];
        if (queue_message_is_event(front->service, front->arena, queue_name(message->queue_arn),
                                   message->body)) {
            events[event_count++] = i;
        } else {
            requests[request_count++] = i;
        }
    }
    if (event_count > 0) {
        handle_events(front, batch, events, event_count);
    }
    if (request_count > 0) {
        handle_requests(front, batch, requests, request_count);
    }
}

/* In a FIFO queue nothing may overtake: what follows one that comes again comes again too. */
static void keep_order(const struct lambda_batch *batch)
{
    bool again = false;
    for (size_t i = 0; i < batch->count; i++) {
        again |= batch->again[i];
        if (slice_ends_with(batch->messages[i].queue_arn, SLICE(".fifo"))) {
            batch->again[i] = again;
        }
    }
}

/* Which are to come again. When all are, the event fails as a whole: that is understood even where
 * the mapping was made without ReportBatchItemFailures. */
static void reply_failures(struct lambda_case *it, const struct lambda_batch *batch)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    size_t failed = 0;
    buffer_init(&out, EVENT_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "batchItemFailures");
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->again[i]) {
            json_begin_object(&writer, NULL);
            json_write_text(&writer, "itemIdentifier", batch->messages[i].id);
            json_end_object(&writer);
            failed++;
        }
    }
    json_end_array(&writer);
    json_end_object(&writer);
    if (failed == batch->count) {
        fail(it, "ServiceUnavailable", "no record could be handled now");
        return;
    }
    it->reply->json = arena_copy(it->front->arena, buffer_slice(&out));
}

MUST_CHECK static enum status read_batch(struct lambda_case *it, struct lambda_batch *batch,
                                         struct error *error)
{
    struct arena *arena = it->front->arena;
    const struct json records = json_member(it->root, "Records");
    struct json record = json_element(records, 0);
    enum status status = STATUS_OK;
    batch->count = json_count(records);
    batch->messages = ARENA_ARRAY(arena, batch->count, struct lambda_message);
    batch->again = ARENA_ARRAY(arena, batch->count, bool);
    for (size_t i = 0; i < batch->count && status == STATUS_OK; i++, record = json_next(record)) {
        status = lambda_read_message(record, &batch->messages[i], error);
        batch->again[i] = true;
    }
    return status;
}

static void handle_messages(struct lambda_case *it)
{
    struct lambda_batch batch;
    struct error error = ERROR_NONE;
    if (read_batch(it, &batch, &error) != STATUS_OK) {
        fail(it, "InvalidRequest", error.text);
        return;
    }
    for (size_t from = 0; from < batch.count && left_ms(it->event) > BATCH_LEAST_MS;
         from += BATCH_MAX) {
        const size_t to = from + BATCH_MAX < batch.count ? from + BATCH_MAX : batch.count;
        handle_some(it->front, &batch, from, to);
    }
    keep_order(&batch);
    reply_failures(it, &batch);
}

/* ---- Events and the sweep ------------------------------------------------------------------- */

static void handle_status_event(struct lambda_case *it)
{
    struct lambda_front *front = it->front;
    struct event_item item = {.body = it->event->body, .source = SLICE("event-bridge")};
    completer_handle(front->worker.dispatch, &front->service->settings, &item, 1);
    if (!item.acknowledge) {
        fail(it, "ServiceUnavailable", "the event could not be handled now");
    }
}

/* Pass after pass until nothing is due or the time is over. */
static void handle_schedule(struct lambda_case *it)
{
    struct error error = ERROR_NONE;
    size_t claimed = SWEEP_LIMIT_DEFAULT;
    size_t total = 0;
    enum status status = STATUS_OK;
    it->front->swept = true;
    while (status == STATUS_OK && claimed == SWEEP_LIMIT_DEFAULT &&
           left_ms(it->event) > AFTER_LEAST_MS) {
        status = completer_sweep(it->front->worker.dispatch, SWEEP_LIMIT_DEFAULT, &claimed, &error);
        total += claimed;
    }
    if (status != STATUS_OK) {
        fail(it, "ServiceUnavailable", error.text);
        return;
    }
    if (claimed == SWEEP_LIMIT_DEFAULT) {
        log_warning("sweep is behind", LOG_INT("claimed", (int64_t)total));
    }
    it->reply->json = slice_from_text(arena_format(it->front->arena, "{\"due\":%zu}", total));
}

/* ---- The front ------------------------------------------------------------------------------ */

static void handle_shape(struct lambda_case *it)
{
    const struct slice body = it->event->body;
    switch (lambda_shape_of(it->root)) {
    case LAMBDA_REQUEST: handle_request(it, body, CHANNEL_SYNCHRONOUS, SLICE("lambda")); break;
    case LAMBDA_ENVELOPE: handle_request(it, body, CHANNEL_ASYNCHRONOUS, SLICE("lambda")); break;
    case LAMBDA_MESSAGES: handle_messages(it); break;
    case LAMBDA_NOTIFICATIONS: handle_notifications(it); break;
    case LAMBDA_STATUS_EVENT: handle_status_event(it); break;
    case LAMBDA_SCHEDULE: handle_schedule(it); break;
    case LAMBDA_UNKNOWN_RECORDS:
        fail(it, "InvalidRequest", "Records: eventSource must be aws:sqs or aws:sns");
        break;
    }
}

/* A sandbox may have slept for hours: the tracker's connection is found to be dead here, where it
 * costs nothing, and made again by the first operation. */
static void wake_up(struct lambda_front *front)
{
    struct error error = ERROR_NONE;
    const bool slept = clock_now_ms(clock_system()) - front->idle_since_ms > IDLE_MS;
    if (front->worker.tracker != NULL && slept &&
        tracker_ping(front->worker.tracker, &error) != STATUS_OK) {
        log_info("connection to the tracker made again", LOG_CSTR("problem", error.text));
    }
}

void lambda_front_handle(void *context, const struct lambda_event *event,
                         struct lambda_reply *reply)
{
    struct lambda_front *front = context;
    struct lambda_case it = {.front = front, .event = event, .reply = reply};
    struct error error = ERROR_NONE;
    front->swept = false;
    wake_up(front);
    const enum status status = worker_ready(&front->worker, &error);
    if (status != STATUS_OK) {
        fail(&it, status == STATUS_REJECTED ? "ConfigurationError" : "ServiceUnavailable",
             error.text);
        return;
    }
    set_time(front, event);
    if (json_parse(front->arena, event->body, &it.root, &error) != STATUS_OK) {
        fail(&it, "InvalidRequest", error.text);
        return;
    }
    handle_shape(&it);
}

void lambda_front_after(void *context, const struct lambda_event *event)
{
    struct lambda_front *front = context;
    struct error error = ERROR_NONE;
    size_t claimed = 0;
    if (!front->swept && left_ms(event) > AFTER_LEAST_MS &&
        worker_ready(&front->worker, &error) == STATUS_OK &&
        completer_sweep(front->worker.dispatch, AFTER_LIMIT, &claimed, &error) != STATUS_OK) {
        log_warning("sweep is held up", LOG_CSTR("problem", error.text));
    }
    arena_reset(front->arena);
    front->idle_since_ms = clock_now_ms(clock_system());
}

void lambda_front_init(struct lambda_front *front, const struct service *service)
{
    *front = (struct lambda_front){.service = service,
                                   .arena = arena_new(EVENT_ARENA_BYTES),
                                   .idle_since_ms = clock_now_ms(clock_system())};
    worker_init(&front->worker, service);
}

void lambda_front_clear(struct lambda_front *front)
{
    worker_clear(&front->worker);
    arena_free(front->arena);
    *front = (struct lambda_front){0};
}
