#include "infra/local/local_sqs.h"

#include <inttypes.h>
#include <time.h>

#define POLL_SLICE_MS 500 /* how late a message is seen at most that comes back while we wait */

/* Attributes that ReceiveMessage tells when asked. */
#define SYSTEM_ATTRIBUTES(X)                                                                       \
    X(SENDER, "SenderId")                                                                          \
    X(SENT, "SentTimestamp")                                                                       \
    X(RECEIVES, "ApproximateReceiveCount")                                                         \
    X(FIRST, "ApproximateFirstReceiveTimestamp")                                                   \
    X(SEQUENCE, "SequenceNumber")                                                                  \
    X(DEDUP, "MessageDeduplicationId")                                                             \
    X(GROUP, "MessageGroupId")                                                                     \
    X(TRACE, "AWSTraceHeader")                                                                     \
    X(SOURCE, "DeadLetterQueueSourceArn")

enum system_attribute {
#define SYSTEM_ENUM(symbol, name) SYSTEM_##symbol,
    SYSTEM_ATTRIBUTES(SYSTEM_ENUM)
#undef SYSTEM_ENUM
        SYSTEM_COUNT
};

static const char *const SYSTEM_NAMES[SYSTEM_COUNT] = {
#define SYSTEM_NAME(symbol, name) [SYSTEM_##symbol] = (name),
    SYSTEM_ATTRIBUTES(SYSTEM_NAME)
#undef SYSTEM_NAME
};

struct receive {
    int64_t max_count;
    int64_t wait_seconds;
    int64_t visibility_seconds;
    bool system[SYSTEM_COUNT];
    struct json attribute_names; /* patterns */
};

/* --- what is asked --- */

static bool select_system(struct receive *receive, struct slice name)
{
    bool found = false;
    bool all = slice_equals(name, SLICE("All"));
    for (size_t i = 0; i < SYSTEM_COUNT; i++) {
        if (all || slice_equals_text(name, SYSTEM_NAMES[i])) {
            receive->system[i] = true;
            found = true;
        }
    }
    return found;
}

static bool read_system(struct json names, struct receive *receive,
                        struct local_sqs_problem *problem)
{
    struct json name = json_element(names, 0);
    for (size_t i = json_count(names); i > 0; i--, name = json_next(name)) {
        struct slice text = SLICE_NONE;
        if (json_text(name, &text, NULL) != STATUS_OK || !select_system(receive, text)) {
            return local_sqs_fail(problem, LOCAL_SQS_ATTRIBUTE_NAME, "Unknown Attribute %.*s.",
                                  SLICE_PRINT(slice_cut_utf8(text, 100)));
        }
    }
    return true;
}

static bool read_receive(struct json input, const struct local_queue *queue,
                         struct receive *receive, struct local_sqs_problem *problem)
{
    *receive = (struct receive){
        .max_count = 1,
        .wait_seconds = queue->numbers[LOCAL_QUEUE_WAIT],
        .visibility_seconds = queue->numbers[LOCAL_QUEUE_VISIBILITY],
        .attribute_names = json_member(input, "MessageAttributeNames"),
    };
    return local_sqs_find_number(input, "MaxNumberOfMessages", 1, LOCAL_SQS_BATCH_MAX,
                                 &receive->max_count, problem) &&
           local_sqs_find_number(input, "WaitTimeSeconds", 0, LOCAL_SQS_WAIT_MAX,
                                 &receive->wait_seconds, problem) &&
           local_sqs_find_number(input, "VisibilityTimeout", 0, LOCAL_SQS_VISIBILITY_MAX,
                                 &receive->visibility_seconds, problem) &&
           read_system(json_member(input, "AttributeNames"), receive, problem) &&
           read_system(json_member(input, "MessageSystemAttributeNames"), receive, problem);
}

/* --- waiting --- */

static int64_t real_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sleeps on the queue until it changes, a message may be due, or the deadline (real time). */
static void wait_for_change(struct local_sqs_run *run, struct local_queue *queue,
                            int64_t deadline_ms)
{
    int64_t until_ms = real_ms() + POLL_SLICE_MS;
    int64_t due_ms = local_queue_next_due(queue);
    if (due_ms < run->now_ms + POLL_SLICE_MS) {
        until_ms += due_ms - run->now_ms - POLL_SLICE_MS;
    }
    until_ms = until_ms < deadline_ms ? until_ms : deadline_ms;
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    queue->waiter_count++;
    (void)pthread_cond_timedwait(&queue->changed, &run->sqs->mutex, &until);
    queue->waiter_count--;
}

static size_t take_now(struct local_sqs_run *run, struct local_queue *queue,
                       const struct receive *receive, struct local_message **messages)
{
    struct local_take take = {.max_count = (size_t)receive->max_count};
    run->now_ms = clock_now_ms(run->sqs->clock);
    take.now_ms = run->now_ms;
    take.visibility_ms = receive->visibility_seconds * 1000;
    if (queue->max_receive_count > 0) {
        take.dead = local_sqs_find(run->sqs, slice_from_text(queue->dead_name));
    }
    local_queue_settle(queue, run->now_ms);
    if (!queue->fifo && queue->in_flight_count >= LOCAL_SQS_IN_FLIGHT_MAX) {
        return 0;
    }
    return local_queue_take(queue, &take, messages);
}

/* Long poll: the first messages, or none when the time is over, the server stops or the queue is
 * deleted. */
static size_t take_waiting(struct local_sqs_run *run, struct local_queue *queue,
                           const struct receive *receive, struct local_message **messages)
{
    const struct http_server_request *request = run->call->request;
    int64_t deadline_ms = real_ms() + receive->wait_seconds * 1000;
    for (;;) {
        size_t count = take_now(run, queue, receive, messages);
        if (count > 0 || run->sqs->stopping || real_ms() >= deadline_ms) {
            return count;
        }
        wait_for_change(run, queue, deadline_ms);
        /* Messages given to a client that was killed would stay invisible for their time. */
        if (queue->deleted || (request && http_server_client_gone(request))) {
            return 0;
        }
    }
}

/* --- the answer --- */

static bool is_wanted(struct json names, struct slice attribute)
{
    struct json name = json_element(names, 0);
    for (size_t i = json_count(names); i > 0; i--, name = json_next(name)) {
        struct slice pattern = SLICE_NONE;
        if (json_text(name, &pattern, NULL) != STATUS_OK) {
            continue;
        }
        if (slice_equals(pattern, SLICE("All")) || slice_equals(pattern, attribute) ||
            (slice_ends_with(pattern, SLICE(".*")) &&
             slice_starts_with(attribute, slice_part(pattern, 0, pattern.size - 2)))) {
            return true;
        }
    }
    return false;
}

static void write_user_attributes(struct local_sqs_run *run, struct json names,
                                  const struct local_message_parts *parts)
{
    struct local_attribute *wanted =
        ARENA_ARRAY(run->arena, parts->attribute_count + 1, struct local_attribute);
    char md5[MD5_HEX_BYTES + 1];
    size_t count = 0;
    for (size_t i = 0; i < parts->attribute_count; i++) {
        if (is_wanted(names, parts->attributes[i].name)) {
            wanted[count++] = parts->attributes[i];
        }
    }
    if (local_attributes_md5(run->arena, wanted, count, md5)) {
        json_write_text(&run->out, "MD5OfMessageAttributes", slice_from_text(md5));
        json_begin_object(&run->out, "MessageAttributes");
        local_attributes_write(&run->out, wanted, count);
        json_end_object(&run->out);
    }
}

static struct slice number_text(struct arena *arena, int64_t number)
{
    return slice_from_text(arena_format(arena, "%" PRId64, number));
}

static struct slice system_value(struct arena *arena, const struct local_queue *queue,
                                 const struct local_message *message, enum system_attribute which)
{
    switch (which) {
    case SYSTEM_SENDER: return SLICE("AIDALOCAL");
    case SYSTEM_SENT: return number_text(arena, message->sent_at_ms);
    case SYSTEM_RECEIVES: return number_text(arena, message->receive_count);
    case SYSTEM_FIRST: return number_text(arena, message->first_received_at_ms);
    case SYSTEM_SEQUENCE:
        return queue->fifo ? slice_from_text(local_sequence_text(arena, message->sequence))
                           : SLICE_NONE;
    case SYSTEM_DEDUP: return message->parts.dedup_id;
    case SYSTEM_GROUP: return message->parts.group_id;
    case SYSTEM_TRACE: return message->parts.trace_header;
    case SYSTEM_SOURCE: return slice_from_text(message->dead_source_arn);
    case SYSTEM_COUNT: break;
    }
    return SLICE_NONE;
}

static void write_system_attributes(struct local_sqs_run *run, const struct local_queue *queue,
                                    const struct local_message *message,
                                    const struct receive *receive)
{
    bool begun = false;
    for (unsigned i = 0; i < SYSTEM_COUNT; i++) {
        struct slice value =
            receive->system[i] ? system_value(run->arena, queue, message, (enum system_attribute)i)
                               : SLICE_NONE;
        if (value.data != NULL && !begun) {
            json_begin_object(&run->out, "Attributes");
            begun = true;
        }
        json_write_text_if(&run->out, SYSTEM_NAMES[i], value);
    }
    if (begun) {
        json_end_object(&run->out);
    }
}

static void write_message(struct local_sqs_run *run, const struct local_queue *queue,
                          const struct local_message *message, const struct receive *receive)
{
    uint64_t nonce = 0;
    random_fill(run->sqs->random, &nonce, sizeof(nonce));
    json_begin_object(&run->out, NULL);
    json_write_text(&run->out, "MessageId", slice_from_text(message->id));
    json_write_text(&run->out, "ReceiptHandle",
                    local_handle_make(run->arena, slice_from_text(queue->name), message, nonce));
    json_write_text(&run->out, "MD5OfBody", slice_from_text(message->body_md5));
    json_write_text(&run->out, "Body", message->parts.body);
    write_system_attributes(run, queue, message, receive);
    write_user_attributes(run, receive->attribute_names, &message->parts);
    json_end_object(&run->out);
}

bool local_sqs_receive_message(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_message *messages[LOCAL_SQS_BATCH_MAX];
    struct receive receive;
    struct local_queue *queue = local_sqs_queue(run, problem);
    if (queue == NULL || !read_receive(run->call->input, queue, &receive, problem)) {
        return false;
    }
    if (receive.wait_seconds == 0 && !queue->fifo &&
        queue->in_flight_count >= LOCAL_SQS_IN_FLIGHT_MAX) {
        return local_sqs_fail(problem, LOCAL_SQS_OVER_LIMIT,
                              "The number of in flight messages has reached its limit.");
    }
    size_t count = take_waiting(run, queue, &receive, messages);
    if (queue->deleted) {
        if (queue->waiter_count == 0) {
            local_queue_free(queue);
        }
        return local_sqs_fail(problem, LOCAL_SQS_QUEUE_DOES_NOT_EXIST,
                              "The specified queue does not exist.");
    }
    if (count > 0) {
        json_begin_array(&run->out, "Messages");
        for (size_t i = 0; i < count; i++) {
            write_message(run, queue, messages[i], &receive);
        }
        json_end_array(&run->out);
    }
    return true;
}

/* --- by receipt handle --- */

/* The message that this handle was given for. *message is NULL when it is gone, or was received
 * again since. */
static bool find_by_handle(struct local_sqs_run *run, const struct local_queue *queue,
                           struct json object, struct local_message **message,
                           struct local_sqs_problem *problem)
{
    struct slice handle = SLICE_NONE;
    struct slice id = SLICE_NONE;
    int64_t receive_count = 0;
    if (!local_sqs_get_text(object, "ReceiptHandle", &handle, problem)) {
        return false;
    }
    if (!local_handle_read(run->arena, handle, slice_from_text(queue->name), &id, &receive_count)) {
        return local_sqs_fail(problem, LOCAL_SQS_HANDLE_INVALID,
                              "The input receipt handle is invalid.");
    }
    *message = local_queue_find(queue, id);
    if (*message != NULL && (*message)->receive_count != receive_count) {
        *message = NULL;
    }
    return true;
}

static bool delete_one(struct local_sqs_run *run, struct local_queue *queue, struct json object,
                       struct local_sqs_problem *problem)
{
    struct local_message *message = NULL;
    if (!find_by_handle(run, queue, object, &message, problem)) {
        return false;
    }
    if (message != NULL && queue->fifo && message->state != LOCAL_MESSAGE_IN_FLIGHT) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value for parameter ReceiptHandle is invalid. Reason: The receipt "
                              "handle has expired.");
    }
    if (message != NULL) {
        local_queue_delete(queue, message);
    }
    return true;
}

static bool change_one(struct local_sqs_run *run, struct local_queue *queue, struct json object,
                       struct local_sqs_problem *problem)
{
    struct local_message *message = NULL;
    int64_t seconds = 0;
    if (!json_exists(json_member(object, "VisibilityTimeout"))) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_MISSING,
                              "The request must contain the parameter VisibilityTimeout.");
    }
    if (!local_sqs_find_number(object, "VisibilityTimeout", 0, LOCAL_SQS_VISIBILITY_MAX, &seconds,
                               problem) ||
        !find_by_handle(run, queue, object, &message, problem)) {
        return false;
    }
    if (message == NULL || message->state != LOCAL_MESSAGE_IN_FLIGHT) {
        return local_sqs_fail(problem, LOCAL_SQS_NOT_IN_FLIGHT,
                              "The message referred to isn't in flight.");
    }
    int64_t due_ms = run->now_ms + seconds * 1000;
    if (due_ms - message->taken_at_ms > LOCAL_SQS_VISIBILITY_MAX * INT64_C(1000)) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value %" PRId64
                              " for parameter VisibilityTimeout is invalid. Reason: "
                              "Total VisibilityTimeout for the message is beyond the limit [43200 "
                              "seconds].",
                              seconds);
    }
    local_queue_set_due(queue, message, due_ms);
    local_queue_settle(queue, run->now_ms);
    return true;
}

bool local_sqs_delete_message(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_queue *queue = local_sqs_queue(run, problem);
    return queue != NULL && delete_one(run, queue, run->call->input, problem);
}

bool local_sqs_delete_message_batch(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    return local_sqs_batch(run, delete_one, problem);
}

bool local_sqs_change_visibility(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_queue *queue = local_sqs_queue(run, problem);
    return queue != NULL && change_one(run, queue, run->call->input, problem);
}

bool local_sqs_change_visibility_batch(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    return local_sqs_batch(run, change_one, problem);
}
