#include "infra/local/local_outbox.h"
#include "infra/local/xml.h"

#include <inttypes.h>

#define MESSAGE_MAX_BYTES 262144
#define SUBJECT_MAX_CHARS 100
#define ATTRIBUTES_MAX    100 /* SNS itself has no limit below its message size */

/* Where it goes: exactly one of the three. Absent when there is none or more than one. */
static struct slice find_target(const struct http_server_request *request)
{
    static const char *const NAMES[] = {"TopicArn", "TargetArn", "PhoneNumber"};
    struct slice target = SLICE_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        struct slice value = local_form_field(request, NAMES[i]);
        if (value.size > 0 && target.size > 0) {
            return SLICE_NONE;
        }
        target = value.size > 0 ? value : target;
    }
    return target;
}

static bool is_subject(struct slice subject)
{
    for (size_t i = 0; i < subject.size; i++) {
        if ((unsigned char)subject.data[i] < 0x20 || subject.data[i] == 0x7f) {
            return false;
        }
    }
    return subject.data == NULL || (subject.size > 0 && subject.size < SUBJECT_MAX_CHARS);
}

/* NULL when the request is good. */
static const char *check_publish(const struct http_server_request *request, struct slice target)
{
    struct slice message = local_form_field(request, "Message");
    bool fifo = slice_ends_with(target, SLICE(".fifo"));
    if (target.size == 0) {
        return "Invalid parameter: exactly one of TopicArn, TargetArn or PhoneNumber is required";
    }
    if (target.data[0] != '+' && !slice_starts_with(target, SLICE("arn:"))) {
        return "Invalid parameter: TopicArn";
    }
    if (message.size == 0) {
        return "Invalid parameter: Empty message";
    }
    if (message.size > MESSAGE_MAX_BYTES) {
        return "Invalid parameter: Message too long";
    }
    if (!is_subject(local_form_field(request, "Subject"))) {
        return "Invalid parameter: Subject";
    }
    if (fifo && local_form_field(request, "MessageGroupId").size == 0) {
        return "Invalid parameter: The MessageGroupId parameter is required for FIFO topics";
    }
    return NULL;
}

/* One MessageAttributes entry; false behind the last. *wrong is set when it is not whole. */
static bool write_attribute(const struct http_server_request *request, struct json_writer *out,
                            unsigned number, bool *wrong)
{
    struct arena *arena = request->arena;
    const char *stem = arena_format(arena, "MessageAttributes.entry.%u.", number);
    struct slice name = local_form_field(request, arena_format(arena, "%sName", stem));
    struct slice type = local_form_field(request, arena_format(arena, "%sValue.DataType", stem));
    struct slice value =
        local_form_field(request, arena_format(arena, "%sValue.StringValue", stem));
    if (value.data == NULL) {
        value = local_form_field(request, arena_format(arena, "%sValue.BinaryValue", stem));
    }
    if (name.data == NULL && type.data == NULL && value.data == NULL) {
        return false;
    }
    *wrong = name.size == 0 || type.size == 0 || value.size == 0;
    if (!*wrong) {
        json_write_text(out, arena_text(arena, name), value);
    }
    return !*wrong;
}

static bool write_attributes(const struct http_server_request *request, struct json_writer *out)
{
    static const char *const OTHERS[] = {"Subject", "MessageGroupId", "MessageDeduplicationId"};
    bool wrong = false;
    json_begin_object(out, "attributes");
    for (unsigned i = 1; i <= ATTRIBUTES_MAX; i++) {
        if (!write_attribute(request, out, i, &wrong)) {
            break;
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(OTHERS); i++) {
        json_write_text_if(out, OTHERS[i], local_form_field(request, OTHERS[i]));
    }
    json_end_object(out);
    return !wrong;
}

static void reply_published(struct local_outbox *outbox, const struct http_server_request *request,
                            bool fifo, struct http_server_response *response)
{
    struct buffer *out = &response->body;
    buffer_append_text(out, "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">"
                            "<PublishResult>");
    xml_append_element(out, "MessageId",
                       slice_from_text(local_outbox_uuid(outbox, request->arena)));
    if (fifo) {
        pthread_mutex_lock(&outbox->mutex);
        uint64_t sequence = ++outbox->sequence;
        pthread_mutex_unlock(&outbox->mutex);
        xml_append_element(
            out, "SequenceNumber",
            slice_from_text(arena_format(request->arena, "1000%016" PRIu64, sequence)));
    }
    buffer_append_text(out, "</PublishResult><ResponseMetadata>");
    xml_append_element(out, "RequestId",
                       slice_from_text(local_outbox_uuid(outbox, request->arena)));
    buffer_append_text(out, "</ResponseMetadata></PublishResponse>");
    local_xml_reply(response, SLICE(""));
}

void local_sns_publish(struct local_outbox *outbox, const struct http_server_request *request,
                       struct http_server_response *response)
{
    struct json_writer out;
    struct slice target = find_target(request);
    const char *wrong = check_publish(request, target);
    CLEANUP(buffer_clear) struct buffer entry;
    buffer_init(&entry, request->body.size * 6 + MESSAGE_MAX_BYTES);
    if (wrong != NULL) {
        local_xml_error(outbox, request, response, 400, "InvalidParameter", wrong);
        return;
    }
    json_writer_init(&out, &entry);
    json_begin_object(&out, NULL);
    json_write_text(&out, "service", SLICE("sns"));
    json_write_text(&out, "target", target);
    json_write_text(&out, "body", local_form_field(request, "Message"));
    bool whole = write_attributes(request, &out);
    json_end_object(&out);
    if (!whole) {
        local_xml_error(outbox, request, response, 400, "ParameterValueInvalid",
                        "The message attribute must contain a name, a type and a value.");
        return;
    }
    local_outbox_keep(outbox, buffer_slice(&entry));
    reply_published(outbox, request, slice_ends_with(target, SLICE(".fifo")), response);
}
