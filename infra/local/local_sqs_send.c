#include "infra/local/local_sqs.h"

#include <inttypes.h>
#include <string.h>

#define FIFO_ID_MAX 128

struct send {
    struct local_message_parts parts;
    struct local_attribute *trace; /* system attributes: AWSTraceHeader at most */
    size_t trace_count;
    int64_t delay_seconds;
};

/* Letters, digits and punctuation: what group and deduplication ids may hold. */
static bool is_fifo_id(struct slice id)
{
    for (size_t i = 0; i < id.size; i++) {
        if (id.data[i] <= 0x20 || id.data[i] >= 0x7f) {
            return false;
        }
    }
    return id.size > 0 && id.size <= FIFO_ID_MAX;
}

static bool read_fifo_id(struct json object, const char *name, struct slice *id,
                         struct local_sqs_problem *problem)
{
    if (!local_sqs_find_text(object, name, id, problem)) {
        return false;
    }
    if (id->data != NULL && !is_fifo_id(*id)) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value for parameter %s is invalid. Reason: %s can only include "
                              "alphanumeric and punctuation characters. 1 to 128 in length.",
                              name, name);
    }
    return true;
}

static bool read_group(struct json object, const struct local_queue *queue, struct send *send,
                       struct local_sqs_problem *problem)
{
    if (!read_fifo_id(object, "MessageGroupId", &send->parts.group_id, problem) ||
        !read_fifo_id(object, "MessageDeduplicationId", &send->parts.dedup_id, problem)) {
        return false;
    }
    if (!queue->fifo) {
        return send->parts.dedup_id.data == NULL ||
               local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "The request includes a parameter that is not valid for this queue "
                              "type: MessageDeduplicationId.");
    }
    if (send->parts.group_id.data == NULL) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_MISSING,
                              "The request must contain the parameter MessageGroupId.");
    }
    if (send->parts.dedup_id.data == NULL &&
        queue->numbers[LOCAL_QUEUE_CONTENT_DEDUPLICATION] == 0) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "The queue should either have ContentBasedDeduplication enabled or "
                              "MessageDeduplicationId provided explicitly");
    }
    return true;
}

static bool read_delay(struct json object, const struct local_queue *queue, struct send *send,
                       struct local_sqs_problem *problem)
{
    send->delay_seconds = queue->numbers[LOCAL_QUEUE_DELAY];
    if (!local_sqs_find_number(object, "DelaySeconds", 0, LOCAL_SQS_DELAY_MAX, &send->delay_seconds,
                               problem)) {
        return false;
    }
    if (queue->fifo && json_exists(json_member(object, "DelaySeconds")) &&
        send->delay_seconds != queue->numbers[LOCAL_QUEUE_DELAY]) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value %" PRId64
                              " for parameter DelaySeconds is invalid. Reason: The "
                              "request include parameter that is not valid for this queue type.",
                              send->delay_seconds);
    }
    return true;
}

static bool read_attributes(struct arena *arena, struct json object, struct send *send,
                            struct local_sqs_problem *problem)
{
    struct error error = ERROR_NONE;
    struct local_attribute *attributes = NULL;
    if (local_attributes_read(arena, json_member(object, "MessageAttributes"), &attributes,
                              &send->parts.attribute_count, &error) != STATUS_OK) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE, "%s", error.text);
    }
    send->parts.attributes = attributes;
    struct json system = json_member(object, "MessageSystemAttributes");
    struct json trace = json_member(system, "AWSTraceHeader");
    send->trace = ARENA_NEW(arena, struct local_attribute);
    if (!json_exists(trace)) {
        return json_count(system) == 0 ||
               local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "The only system attribute of a message is AWSTraceHeader.");
    }
    send->trace->name = SLICE("AWSTraceHeader");
    send->trace_count = 1;
    if (json_get_text(trace, "DataType", 0, &send->trace->type, &error) != STATUS_OK ||
        json_get_text(trace, "StringValue", 0, &send->trace->value, &error) != STATUS_OK ||
        !slice_equals(send->trace->type, SLICE("String"))) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Message system attribute AWSTraceHeader must be of type String.");
    }
    send->parts.trace_header = send->trace->value;
    return true;
}

static bool read_send(struct local_sqs_run *run, const struct local_queue *queue,
                      struct json object, struct send *send, struct local_sqs_problem *problem)
{
    if (!local_sqs_get_text(object, "MessageBody", &send->parts.body, problem)) {
        return false;
    }
    if (!local_message_text_allowed(send->parts.body)) {
        return local_sqs_fail(problem, LOCAL_SQS_CONTENTS_INVALID,
                              "Invalid characters found. Valid unicode characters are #x9 | #xA | "
                              "#xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF");
    }
    if (!read_attributes(run->arena, object, send, problem) ||
        !read_group(object, queue, send, problem) || !read_delay(object, queue, send, problem)) {
        return false;
    }
    if (local_message_size(&send->parts) > (size_t)queue->numbers[LOCAL_QUEUE_SIZE]) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "One or more parameters are invalid. Reason: Message must be shorter "
                              "than %" PRId64 " bytes.",
                              queue->numbers[LOCAL_QUEUE_SIZE]);
    }
    return true;
}

static void write_sent(struct local_sqs_run *run, const struct local_queue *queue,
                       const struct send *send, const char *message_id, uint64_t sequence)
{
    char md5[MD5_HEX_BYTES + 1];
    struct json_writer *out = &run->out;
    json_write_text(out, "MessageId", slice_from_text(message_id));
    digest_md5_hex(send->parts.body, md5);
    json_write_text(out, "MD5OfMessageBody", slice_from_text(md5));
    if (local_attributes_md5(run->arena, send->parts.attributes, send->parts.attribute_count,
                             md5)) {
        json_write_text(out, "MD5OfMessageAttributes", slice_from_text(md5));
    }
    if (local_attributes_md5(run->arena, send->trace, send->trace_count, md5)) {
        json_write_text(out, "MD5OfMessageSystemAttributes", slice_from_text(md5));
    }
    if (queue->fifo) {
        json_write_text(out, "SequenceNumber",
                        slice_from_text(local_sequence_text(run->arena, sequence)));
    }
}

/* What is the same for five minutes for the same message. */
static struct slice dedup_key(struct local_sqs_run *run, const struct local_queue *queue,
                              struct send *send)
{
    const char *scope = queue->texts[LOCAL_QUEUE_DEDUPLICATION_SCOPE];
    if (send->parts.dedup_id.data == NULL) {
        char hex[SHA256_HEX_BYTES + 1];
        digest_sha256_hex(send->parts.body, hex);
        send->parts.dedup_id = arena_copy(run->arena, slice_from_text(hex));
    }
    if (scope == NULL || strcmp(scope, "messageGroup") != 0) {
        return send->parts.dedup_id;
    }
    return slice_from_text(arena_format(run->arena, "%.*s\n%.*s", SLICE_PRINT(send->parts.group_id),
                                        SLICE_PRINT(send->parts.dedup_id)));
}

static bool send_one(struct local_sqs_run *run, struct local_queue *queue, struct json object,
                     struct local_sqs_problem *problem)
{
    struct send send = {.delay_seconds = 0};
    struct slice key = SLICE_NONE;
    char id[37];
    if (!read_send(run, queue, object, &send, problem)) {
        return false;
    }
    if (queue->fifo) {
        key = dedup_key(run, queue, &send);
        const struct local_dedup *earlier = local_queue_find_dedup(queue, key);
        if (earlier != NULL) {
            write_sent(run, queue, &send, earlier->message_id, earlier->sequence);
            return true;
        }
    }
    random_uuid(run->sqs->random, id);
    struct local_message *message = local_message_new(&send.parts, id, run->now_ms);
    local_queue_add(queue, message, run->now_ms, send.delay_seconds * 1000);
    if (queue->fifo) {
        local_queue_add_dedup(queue, key, message, run->now_ms);
    }
    write_sent(run, queue, &send, message->id, message->sequence);
    return true;
}

bool local_sqs_send_message(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct local_queue *queue = local_sqs_queue(run, problem);
    return queue != NULL && send_one(run, queue, run->call->input, problem);
}

static size_t text_bytes(struct json value)
{
    struct slice text = SLICE_NONE;
    return json_text(value, &text, NULL) == STATUS_OK ? text.size : 0;
}

/* Bytes of an entry that count against the limit of the whole batch. */
static size_t entry_bytes(struct json entry)
{
    struct json attributes = json_member(entry, "MessageAttributes");
    size_t bytes = text_bytes(json_member(entry, "MessageBody"));
    for (size_t i = 0; i < json_count(attributes); i++) {
        struct slice name = SLICE_NONE;
        struct json value = json_member_at(attributes, i, &name);
        bytes += name.size + text_bytes(json_member(value, "DataType")) +
                 text_bytes(json_member(value, "StringValue")) +
                 text_bytes(json_member(value, "BinaryValue"));
    }
    return bytes;
}

bool local_sqs_send_message_batch(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct json entries = json_member(run->call->input, "Entries");
    struct json entry = json_element(entries, 0);
    size_t bytes = 0;
    for (size_t i = json_count(entries); i > 0; i--, entry = json_next(entry)) {
        bytes += entry_bytes(entry);
    }
    if (bytes > LOCAL_SQS_MESSAGE_BYTES) {
        return local_sqs_fail(problem, LOCAL_SQS_BATCH_TOO_LONG,
                              "Batch requests cannot be longer than %d bytes. You have sent %zu "
                              "bytes.",
                              LOCAL_SQS_MESSAGE_BYTES, bytes);
    }
    return local_sqs_batch(run, send_one, problem);
}
