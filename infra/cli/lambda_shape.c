#include "infra/cli/lambda_shape.h"

#include "completer/event.h"

#include "infra/aws/sqs.h"

static bool has_text(struct json object, const char *name, const char *expected)
{
    struct slice text = SLICE_NONE;
    return json_find_text(object, name, 0, &text, NULL) == STATUS_OK &&
           (expected == NULL ? text.data != NULL : slice_equals_text(text, expected));
}

/* SQS writes eventSource, SNS writes EventSource. */
static enum lambda_shape shape_of_records(struct json records)
{
    const struct json first = json_element(records, 0);
    if (has_text(first, "eventSource", "aws:sqs")) {
        return LAMBDA_MESSAGES;
    }
    return has_text(first, "EventSource", "aws:sns") ? LAMBDA_NOTIFICATIONS
                                                     : LAMBDA_UNKNOWN_RECORDS;
}

static enum lambda_shape shape_of_event(struct json root)
{
    if (event_is_status(root)) {
        return LAMBDA_STATUS_EVENT;
    }
    return has_text(root, "source", "aws.events") &&
                   has_text(root, "detail-type", "Scheduled Event")
               ? LAMBDA_SCHEDULE
               : LAMBDA_ENVELOPE;
}

enum lambda_shape lambda_shape_of(struct json root)
{
    const struct json records = json_member(root, "Records");
    if (json_kind(records) == JSON_ARRAY && json_count(root) == 1 && json_count(records) > 0) {
        return shape_of_records(records);
    }
    if (has_text(root, "detail-type", NULL) &&
        json_kind(json_member(root, "detail")) == JSON_OBJECT) {
        return shape_of_event(root);
    }
    return has_text(root, "RequestType", NULL) && has_text(root, "ResponseURL", NULL)
               ? LAMBDA_ENVELOPE
               : LAMBDA_REQUEST;
}

enum status lambda_read_message(struct json record, struct lambda_message *message,
                                struct error *error)
{
    const struct json attributes = json_member(record, "attributes");
    const struct json own = json_member(record, "messageAttributes");
    const struct json original = json_member(own, SQS_ORIGINAL_SOURCE);
    const struct json failed = json_member(own, "ErrorCode"); /* beside RequestID, by Lambda */
    struct slice sent = SLICE_NONE;
    *message = (struct lambda_message){0};
    enum status status = json_get_text(record, "messageId", 0, &message->id, error);
    if (status == STATUS_OK) {
        status = json_get_text(record, "body", 0, &message->body, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(record, "eventSourceARN", 0, &message->queue_arn, error);
    }
    if (json_find_text(original, "stringValue", 0, &message->original_source, NULL) != STATUS_OK) {
        message->original_source = SLICE_NONE;
    }
    if (!json_exists(failed) || json_find_text(json_member(own, "RequestID"), "stringValue", 0,
                                               &message->request_id, NULL) != STATUS_OK) {
        message->request_id = SLICE_NONE;
    }
    if (json_find_text(attributes, "SentTimestamp", 0, &sent, NULL) != STATUS_OK ||
        slice_to_int64(sent, 0, INT64_MAX, &message->sent_at_ms, NULL) != STATUS_OK) {
        message->sent_at_ms = 0;
    }
    return status;
}
