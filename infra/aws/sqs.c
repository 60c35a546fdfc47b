#include "infra/aws/sqs.h"

#include "infra/aws/arn.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <string.h>

#define BODY_MAX_BYTES    (8u << 20)
#define LONG_POLL_MORE_MS 5000

/* A body under construction; finish copies it into the arena. */
struct request {
    struct slice region;
    struct buffer body;
    struct json_writer writer;
};

/* https://sqs.<region>.amazonaws.com/..., or with another suffix of AWS. */
struct slice sqs_queue_region(struct slice queue_url)
{
    static const struct slice suffixes[] = {
        {".amazonaws.", 11}, {".api.aws", 8}, {".api.amazonwebservices.", 23}};
    const struct slice before = SLICE("https://sqs.");
    struct slice rest = slice_part(queue_url, before.size, queue_url.size);
    const size_t dot = slice_find_byte(rest, '.');
    const struct slice region = slice_part(rest, 0, dot);
    if (!slice_starts_with(queue_url, before) || !arn_region_valid(region)) {
        return SLICE_NONE;
    }
    rest = slice_part(rest, dot, rest.size);
    for (size_t i = 0; i < ARRAY_COUNT(suffixes); i++) {
        if (slice_starts_with(rest, suffixes[i])) {
            return region;
        }
    }
    return SLICE_NONE;
}

static void begin(struct request *request, struct slice queue_url)
{
    buffer_init(&request->body, BODY_MAX_BYTES);
    request->region = sqs_queue_region(queue_url);
    json_writer_init(&request->writer, &request->body);
    json_begin_object(&request->writer, NULL);
    json_write_text(&request->writer, "QueueUrl", queue_url);
}

static void finish(struct request *request, struct arena *arena, const char *operation,
                   struct aws_call *call)
{
    json_end_object(&request->writer);
    call->service = AWS_SQS;
    call->operation = operation;
    call->region = request->region;
    call->body = arena_copy(arena, buffer_slice(&request->body));
    buffer_clear(&request->body);
}

static void write_names(struct json_writer *writer, const char *member, const char *const *names,
                        size_t count)
{
    json_begin_array(writer, member);
    for (size_t i = 0; i < count; i++) {
        json_write_text(writer, NULL, slice_from_text(names[i]));
    }
    json_end_array(writer);
}

void sqs_build_receive(struct arena *arena, const char *queue_url, int64_t max_messages,
                       int64_t wait_seconds, int64_t visibility_seconds, struct aws_call *call)
{
    static const char *const system_names[] = {"ApproximateReceiveCount", "SentTimestamp",
                                               "DeadLetterQueueSourceArn"};
    static const char *const attribute_names[] = {SQS_ORIGINAL_SOURCE, "RULE_ARN", "ERROR_CODE",
                                                  "ERROR_MESSAGE"};
    struct request request;
    begin(&request, slice_from_text(queue_url));
    json_write_int64(&request.writer, "MaxNumberOfMessages", max_messages);
    json_write_int64(&request.writer, "WaitTimeSeconds", wait_seconds);
    json_write_int64(&request.writer, "VisibilityTimeout", visibility_seconds);
    write_names(&request.writer, "MessageSystemAttributeNames", system_names,
                ARRAY_COUNT(system_names));
    /* The name that older servers know. */
    write_names(&request.writer, "AttributeNames", system_names, ARRAY_COUNT(system_names));
    write_names(&request.writer, "MessageAttributeNames", attribute_names,
                ARRAY_COUNT(attribute_names));
    finish(&request, arena, "ReceiveMessage", call);
    call->long_poll = wait_seconds > 0;
    if (call->timeout_ms == 0 && wait_seconds > 0) {
        call->timeout_ms = wait_seconds * 1000 + LONG_POLL_MORE_MS;
    }
}

static enum status parse_reply(struct arena *arena, const struct aws_call *call, struct json *root,
                               struct error *error)
{
    const struct slice reply = call->reply.size > 0 ? call->reply : SLICE("{}");
    if (json_parse(arena, reply, root, error) != STATUS_OK || json_kind(*root) != JSON_OBJECT) {
        return error_set(error, STATUS_INTERNAL, "sqs.%s: the answer is no JSON object",
                         call->operation);
    }
    return STATUS_OK;
}

static enum status broken_contract(const struct aws_call *call, const struct error *why,
                                   struct error *error)
{
    return error_set(error, STATUS_INTERNAL, "sqs.%s: %s", call->operation, why->text);
}

/* SQS writes numbers of attributes as texts. */
static int64_t attribute_number(struct json attributes, const char *name)
{
    struct slice text = SLICE_NONE;
    int64_t number = 0;
    if (json_find_text(attributes, name, 0, &text, NULL) != STATUS_OK ||
        slice_to_int64(text, 0, INT64_MAX, &number, NULL) != STATUS_OK) {
        return 0;
    }
    return number;
}

/* The value of a message attribute; absent when there is none of type String. */
static struct slice message_attribute(struct json item, const char *name)
{
    const struct json attribute = json_member(json_member(item, "MessageAttributes"), name);
    struct slice value = SLICE_NONE;
    return json_find_text(attribute, "StringValue", 0, &value, NULL) == STATUS_OK ? value
                                                                                  : SLICE_NONE;
}

/* https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html */
static void read_dead(struct json item, struct json attributes, struct sqs_message *message)
{
    const struct slice problem = message_attribute(item, "ERROR_MESSAGE");
    if (json_find_text(attributes, "DeadLetterQueueSourceArn", 0, &message->dead_source, NULL) !=
        STATUS_OK) {
        message->dead_source = SLICE_NONE;
    }
    message->rule_arn = message_attribute(item, "RULE_ARN");
    message->rule_problem = problem.size > 0 ? problem : message_attribute(item, "ERROR_CODE");
}

static enum status read_message(struct json item, struct sqs_message *message, struct error *error)
{
    if (json_get_text(item, "ReceiptHandle", 0, &message->receipt_handle, error) != STATUS_OK ||
        json_get_text(item, "Body", 0, &message->body, error) != STATUS_OK ||
        json_find_text(item, "MessageId", 0, &message->message_id, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    const struct json attributes = json_member(item, "Attributes");
    message->receive_count = attribute_number(attributes, "ApproximateReceiveCount");
    message->sent_at_ms = attribute_number(attributes, "SentTimestamp");
    message->original_source = message_attribute(item, SQS_ORIGINAL_SOURCE);
    read_dead(item, attributes, message);
    return STATUS_OK;
}

enum status sqs_read_receive(struct arena *arena, const struct aws_call *call,
                             struct sqs_message **messages, size_t *count, struct error *error)
{
    struct json root;
    struct json list = {NULL, NULL};
    struct error why = ERROR_NONE;
    *messages = NULL;
    *count = 0;
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (json_find_array(root, "Messages", &list, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    *messages = ARENA_ARRAY(arena, json_count(list) + 1, struct sqs_message);
    struct json item = json_element(list, 0);
    for (size_t i = 0; json_kind(item) != JSON_ABSENT; i++, item = json_next(item)) {
        if (read_message(item, &(*messages)[i], &why) != STATUS_OK) {
            *count = 0;
            return broken_contract(call, &why, error);
        }
        *count = i + 1;
    }
    return STATUS_OK;
}

static void write_entry(struct json_writer *writer, size_t index, struct slice handle)
{
    const char id[] = {(char)('0' + index), '\0'};
    json_begin_object(writer, NULL);
    json_write_text(writer, "Id", slice_from_text(id));
    json_write_text(writer, "ReceiptHandle", handle);
}

void sqs_build_delete(struct arena *arena, const char *queue_url, const struct slice *handles,
                      size_t count, struct aws_call *call)
{
    struct request request;
    begin(&request, slice_from_text(queue_url));
    json_begin_array(&request.writer, "Entries");
    for (size_t i = 0; i < count && i < SQS_BATCH_MAX; i++) {
        write_entry(&request.writer, i, handles[i]);
        json_end_object(&request.writer);
    }
    json_end_array(&request.writer);
    finish(&request, arena, "DeleteMessageBatch", call);
}

void sqs_build_visibility(struct arena *arena, const char *queue_url, const struct slice *handles,
                          const int64_t *visibility_seconds, size_t count, struct aws_call *call)
{
    struct request request;
    begin(&request, slice_from_text(queue_url));
    json_begin_array(&request.writer, "Entries");
    for (size_t i = 0; i < count && i < SQS_BATCH_MAX; i++) {
        write_entry(&request.writer, i, handles[i]);
        json_write_int64(&request.writer, "VisibilityTimeout", visibility_seconds[i]);
        json_end_object(&request.writer);
    }
    json_end_array(&request.writer);
    finish(&request, arena, "ChangeMessageVisibilityBatch", call);
}

enum status sqs_read_batch(struct arena *arena, const struct aws_call *call, bool *failed,
                           size_t count, size_t *failed_count, struct error *error)
{
    struct json root;
    struct json list = {NULL, NULL};
    struct error why = ERROR_NONE;
    memset(failed, 0, count * sizeof(*failed));
    *failed_count = 0;
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (json_find_array(root, "Failed", &list, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    for (struct json item = json_element(list, 0); json_kind(item) != JSON_ABSENT;
         item = json_next(item)) {
        struct slice id = SLICE_NONE;
        int64_t index = 0;
        if (json_get_text(item, "Id", 0, &id, &why) != STATUS_OK ||
            slice_to_int64(id, 0, (int64_t)count - 1, &index, &why) != STATUS_OK) {
            return broken_contract(call, &why, error);
        }
        *failed_count += !failed[index];
        failed[index] = true;
    }
    return STATUS_OK;
}

void sqs_build_send(struct arena *arena, const struct sqs_send *send, struct aws_call *call)
{
    struct request request;
    begin(&request, send->queue_url);
    json_write_text(&request.writer, "MessageBody", send->body);
    if (send->delay_seconds > 0) {
        json_write_int64(&request.writer, "DelaySeconds", send->delay_seconds);
    }
    if (send->attribute_count > 0) {
        json_begin_object(&request.writer, "MessageAttributes");
        for (size_t i = 0; i < send->attribute_count; i++) {
            json_write_name(&request.writer, send->attributes[i].name);
            json_begin_object(&request.writer, NULL);
            json_write_text(&request.writer, "DataType", SLICE("String"));
            json_write_text(&request.writer, "StringValue", send->attributes[i].value);
            json_end_object(&request.writer);
        }
        json_end_object(&request.writer);
    }
    json_write_text_if(&request.writer, "MessageGroupId", send->group_id);
    json_write_text_if(&request.writer, "MessageDeduplicationId", send->deduplication_id);
    finish(&request, arena, "SendMessage", call);
}

enum status sqs_read_send(struct arena *arena, const struct aws_call *call,
                          struct slice *message_id, struct error *error)
{
    struct json root;
    struct error why = ERROR_NONE;
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    return json_get_text(root, "MessageId", 0, message_id, &why) == STATUS_OK
               ? STATUS_OK
               : broken_contract(call, &why, error);
}

void sqs_build_attributes(struct arena *arena, const char *queue_url, struct aws_call *call)
{
    static const char *const all[] = {"All"};
    struct request request;
    begin(&request, slice_from_text(queue_url));
    write_names(&request.writer, "AttributeNames", all, ARRAY_COUNT(all));
    finish(&request, arena, "GetQueueAttributes", call);
}

static int64_t told_number(struct json attributes, const char *name)
{
    return json_exists(json_member(attributes, name)) ? attribute_number(attributes, name) : -1;
}

/* {"deadLetterTargetArn":"...","maxReceiveCount":20}; the number is a text where a template says
 * so.
 */
static enum status read_redrive(struct arena *arena, struct json attributes,
                                struct sqs_queue *queue, struct error *error)
{
    struct slice text = SLICE_NONE;
    struct json policy;
    if (json_find_text(attributes, "RedrivePolicy", 0, &text, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (text.size == 0) {
        return STATUS_OK;
    }
    if (json_parse(arena, text, &policy, error) != STATUS_OK ||
        json_get_text(policy, "deadLetterTargetArn", 0, &queue->dead_letter_arn, error) !=
            STATUS_OK) {
        return error_wrap(error, "RedrivePolicy");
    }
    if (json_kind(json_member(policy, "maxReceiveCount")) == JSON_TEXT) {
        queue->max_receive_count = attribute_number(policy, "maxReceiveCount");
        return STATUS_OK;
    }
    return json_get_int64(policy, "maxReceiveCount", 1, INT32_MAX, &queue->max_receive_count,
                          error);
}

enum status sqs_read_attributes(struct arena *arena, const struct aws_call *call,
                                struct sqs_queue *queue, struct error *error)
{
    struct json root;
    struct slice fifo = SLICE_NONE;
    struct error why = ERROR_NONE;
    *queue = (struct sqs_queue){.max_receive_count = -1};
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    const struct json attributes = json_member(root, "Attributes");
    if (json_find_text(attributes, "QueueArn", 0, &queue->arn, &why) != STATUS_OK ||
        json_find_text(attributes, "Policy", 0, &queue->policy, &why) != STATUS_OK ||
        json_find_text(attributes, "KmsMasterKeyId", 0, &queue->key_id, &why) != STATUS_OK ||
        json_find_text(attributes, "FifoQueue", 0, &fifo, &why) != STATUS_OK ||
        read_redrive(arena, attributes, queue, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    queue->is_fifo = slice_equals_text(fifo, "true");
    queue->visible = told_number(attributes, "ApproximateNumberOfMessages");
    queue->in_flight = told_number(attributes, "ApproximateNumberOfMessagesNotVisible");
    queue->visibility_seconds = told_number(attributes, "VisibilityTimeout");
    queue->retention_seconds = told_number(attributes, "MessageRetentionPeriod");
    return STATUS_OK;
}
