#include "tests/unit/runtime/fake_queue.h"

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"
#include "infra/base/memory.h"
#include "infra/runtime/http_server.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WAIT_SECONDS 20

struct fake_queue {
    struct http_server *server;
    char endpoint[128];
    char url[160];
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool closing;
    enum fake_failure failure;
    unsigned failing_deletes;
    unsigned releases;
    unsigned delay_ms;
    bool refuses_settling;
    struct fake_message messages[FAKE_QUEUE_MESSAGES_MAX];
    size_t message_count;
    struct fake_queue_counts counts;
};

static struct timespec deadline(int64_t seconds)
{
    struct timespec end = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += (time_t)seconds;
    return end;
}

static bool wait_until(struct fake_queue *queue, const struct timespec *end)
{
    return pthread_cond_timedwait(&queue->changed, &queue->mutex, end) != ETIMEDOUT;
}

static size_t count_state(const struct fake_queue *queue, enum fake_message_state state)
{
    size_t count = 0;
    for (size_t i = 0; i < queue->message_count; i++) {
        count += queue->messages[i].state == state;
    }
    return count;
}

static int64_t number(struct json input, const char *name)
{
    struct error error = ERROR_NONE;
    int64_t value = -1;
    return json_int64(json_member(input, name), 0, INT32_MAX, &value, &error) == STATUS_OK ? value
                                                                                           : -1;
}

/* --- the three operations; called with the mutex held -------------------------------------------
 */

static void write_message(struct json_writer *writer, size_t index)
{
    char text[32];
    json_begin_object(writer, NULL);
    (void)snprintf(text, sizeof(text), "id-%zu", index);
    json_write_text(writer, "MessageId", slice_from_text(text));
    (void)snprintf(text, sizeof(text), "%zu", index);
    json_write_text(writer, "ReceiptHandle", slice_from_text(text));
    (void)snprintf(text, sizeof(text), "message %zu", index);
    json_write_text(writer, "Body", slice_from_text(text));
    json_end_object(writer);
}

/* Lets others in meanwhile. */
static void delay(struct fake_queue *queue)
{
    struct timespec end = deadline(0);
    const int64_t nanoseconds = end.tv_nsec + (int64_t)queue->delay_ms * 1000000;
    end.tv_sec += (time_t)(nanoseconds / 1000000000);
    end.tv_nsec = (long)(nanoseconds % 1000000000);
    queue->counts.delayed++;
    (void)pthread_cond_broadcast(&queue->changed);
    while (queue->delay_ms > 0 && wait_until(queue, &end)) {
    }
    queue->counts.delayed--;
    (void)pthread_cond_broadcast(&queue->changed);
}

static void receive(struct fake_queue *queue, struct json input, struct json_writer *writer)
{
    int64_t wait_seconds = number(input, "WaitTimeSeconds");
    int64_t room = number(input, "MaxNumberOfMessages");
    const struct timespec end = deadline(wait_seconds);
    const unsigned releases = queue->releases;
    queue->counts.receives++;
    queue->counts.long_polls += wait_seconds == 20;
    queue->counts.max_messages = room;
    queue->counts.visibility_timeout = number(input, "VisibilityTimeout");
    queue->counts.waiting++;
    (void)pthread_cond_broadcast(&queue->changed);
    while (wait_seconds > 0 && count_state(queue, FAKE_MESSAGE_VISIBLE) == 0 && !queue->closing &&
           queue->releases == releases && queue->failure == FAKE_FAILURE_NONE &&
           wait_until(queue, &end)) {
    }
    room = queue->releases == releases ? room : 0;
    queue->counts.waiting--;
    json_begin_array(writer, "Messages");
    for (size_t i = 0; i < queue->message_count && room > 0; i++) {
        struct fake_message *message = &queue->messages[i];
        if (message->state == FAKE_MESSAGE_VISIBLE) {
            message->state = FAKE_MESSAGE_IN_FLIGHT;
            message->receives++;
            write_message(writer, i);
            room--;
        }
    }
    json_end_array(writer);
}

static struct fake_message *find_message(struct fake_queue *queue, struct json entry)
{
    struct error error = ERROR_NONE;
    struct slice handle = SLICE_NONE;
    int64_t index = 0;
    if (json_text(json_member(entry, "ReceiptHandle"), &handle, &error) != STATUS_OK ||
        slice_to_int64(handle, 0, (int64_t)queue->message_count - 1, &index, &error) != STATUS_OK) {
        abort();
    }
    return &queue->messages[index];
}

static void write_entry_id(struct json_writer *writer, struct json entry)
{
    struct error error = ERROR_NONE;
    struct slice id = SLICE_NONE;
    if (json_text(json_member(entry, "Id"), &id, &error) != STATUS_OK) {
        abort();
    }
    json_begin_object(writer, NULL);
    json_write_text(writer, "Id", id);
}

static void settle(struct fake_queue *queue, struct json input, bool deletes,
                   struct json_writer *writer)
{
    struct json entries = json_member(input, "Entries");
    bool fails = deletes && queue->failing_deletes > 0;
    queue->failing_deletes -= fails;
    *(deletes ? &queue->counts.deletes : &queue->counts.visibilities) += 1;
    json_begin_array(writer, "Successful");
    for (size_t i = fails; i < json_count(entries); i++) {
        struct json entry = json_element(entries, i);
        struct fake_message *message = find_message(queue, entry);
        write_entry_id(writer, entry);
        json_end_object(writer);
        message->deletes += deletes;
        message->state = deletes ? FAKE_MESSAGE_DELETED : FAKE_MESSAGE_IN_FLIGHT;
        if (!deletes) {
            message->visibility_seconds = number(entry, "VisibilityTimeout");
        }
    }
    json_end_array(writer);
    json_begin_array(writer, "Failed");
    if (fails) {
        struct json entry = json_element(entries, 0);
        find_message(queue, entry)->deletes++;
        write_entry_id(writer, entry);
        json_write_bool(writer, "SenderFault", false);
        json_write_text(writer, "Code", SLICE("InternalError"));
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* --- the server ---------------------------------------------------------------------------------
 */

static void reply_failure(enum fake_failure failure, struct http_server_response *response)
{
    switch (failure) {
    case FAKE_FAILURE_NONE: break;
    case FAKE_FAILURE_DENIED:
        buffer_reset(&response->body);
        http_server_reply_json(response, 400,
                               SLICE("{\"__type\":\"com.amazonaws.sqs#AccessDeniedException\","
                                     "\"message\":\"not allowed to sqs:receivemessage\"}"));
        break;
    case FAKE_FAILURE_500:
        buffer_reset(&response->body);
        http_server_reply_json(response, 500, SLICE("{\"__type\":\"InternalFailure\"}"));
        break;
    case FAKE_FAILURE_DROP: response->drop_connection = true; break;
    case FAKE_FAILURE_GARBAGE:
        buffer_reset(&response->body);
        buffer_append_text(&response->body, "<html>proxy</html>");
        break;
    }
}

static void handle(void *context, const struct http_server_request *request,
                   struct http_server_response *response)
{
    struct fake_queue *queue = context;
    struct error error = ERROR_NONE;
    struct slice target = http_server_header(request, "X-Amz-Target");
    struct json input = {0};
    struct json_writer writer;
    if (json_parse(request->arena, request->body, &input, &error) != STATUS_OK) {
        abort();
    }
    http_server_reply_json(response, 200, SLICE(""));
    json_writer_init(&writer, &response->body);
    json_begin_object(&writer, NULL);
    enum fake_failure failure = FAKE_FAILURE_NONE;
    (void)pthread_mutex_lock(&queue->mutex);
    delay(queue);
    if (slice_equals_text(target, "AmazonSQS.ReceiveMessage")) {
        if (queue->failure == FAKE_FAILURE_NONE) {
            receive(queue, input, &writer);
        } else {
            queue->counts.receives++;
        }
        failure = queue->failure;
    } else if (queue->refuses_settling) {
        failure = FAKE_FAILURE_DENIED;
    } else {
        settle(queue, input, slice_equals_text(target, "AmazonSQS.DeleteMessageBatch"), &writer);
    }
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
    json_end_object(&writer);
    reply_failure(failure, response);
}

struct fake_queue *fake_queue_new(void)
{
    struct fake_queue *queue = memory_new(sizeof(*queue));
    struct error error = ERROR_NONE;
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&queue->mutex, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&queue->changed, &attributes) != 0) {
        abort();
    }
    (void)pthread_condattr_destroy(&attributes);
    const struct http_server_options options = {.listen = "127.0.0.1:0",
                                                .name = "sqs",
                                                .body_max_bytes = 1 << 20,
                                                .handle = handle,
                                                .context = queue};
    if (http_server_start(&options, &queue->server, &error) != STATUS_OK) {
        abort();
    }
    (void)snprintf(queue->endpoint, sizeof(queue->endpoint), "http://%s",
                   http_server_address(queue->server));
    (void)snprintf(queue->url, sizeof(queue->url), "%s/000000000000/q", queue->endpoint);
    return queue;
}

void fake_queue_free(struct fake_queue *queue)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->closing = true;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
    http_server_stop(queue->server);
    (void)pthread_cond_destroy(&queue->changed);
    (void)pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

const char *fake_queue_endpoint(const struct fake_queue *queue)
{
    return queue->endpoint;
}

const char *fake_queue_url(const struct fake_queue *queue)
{
    return queue->url;
}

/* --- what a test says and asks ------------------------------------------------------------------
 */

void fake_queue_put(struct fake_queue *queue, size_t count)
{
    (void)pthread_mutex_lock(&queue->mutex);
    for (size_t i = 0; i < count; i++) {
        queue->messages[queue->message_count++] = (struct fake_message){.visibility_seconds = -1};
    }
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
}

void fake_queue_release(struct fake_queue *queue)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->releases++;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
}

void fake_queue_fail(struct fake_queue *queue, enum fake_failure failure)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->failure = failure;
    (void)pthread_cond_broadcast(&queue->changed);
    (void)pthread_mutex_unlock(&queue->mutex);
}

void fake_queue_delay(struct fake_queue *queue, unsigned delay_ms)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->delay_ms = delay_ms;
    (void)pthread_mutex_unlock(&queue->mutex);
}

void fake_queue_fail_deletes(struct fake_queue *queue, unsigned calls)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->failing_deletes = calls;
    (void)pthread_mutex_unlock(&queue->mutex);
}

void fake_queue_refuse_settling(struct fake_queue *queue, bool refuse)
{
    (void)pthread_mutex_lock(&queue->mutex);
    queue->refuses_settling = refuse;
    (void)pthread_mutex_unlock(&queue->mutex);
}

struct fake_message fake_queue_message(struct fake_queue *queue, size_t index)
{
    (void)pthread_mutex_lock(&queue->mutex);
    struct fake_message message = queue->messages[index];
    (void)pthread_mutex_unlock(&queue->mutex);
    return message;
}

struct fake_queue_counts fake_queue_counts(struct fake_queue *queue)
{
    (void)pthread_mutex_lock(&queue->mutex);
    struct fake_queue_counts counts = queue->counts;
    (void)pthread_mutex_unlock(&queue->mutex);
    return counts;
}

bool fake_queue_wait(struct fake_queue *queue, bool (*ready)(const struct fake_queue_counts *))
{
    const struct timespec end = deadline(WAIT_SECONDS);
    (void)pthread_mutex_lock(&queue->mutex);
    bool is_ready = ready(&queue->counts);
    while (!is_ready && wait_until(queue, &end)) {
        is_ready = ready(&queue->counts);
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return is_ready;
}

bool fake_queue_wait_state(struct fake_queue *queue, enum fake_message_state state, size_t count)
{
    const struct timespec end = deadline(WAIT_SECONDS);
    (void)pthread_mutex_lock(&queue->mutex);
    bool reached = count_state(queue, state) >= count;
    while (!reached && wait_until(queue, &end)) {
        reached = count_state(queue, state) >= count;
    }
    (void)pthread_mutex_unlock(&queue->mutex);
    return reached;
}
