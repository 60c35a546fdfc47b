#include "infra/aws/sns.h"

#include "infra/aws/arn.h"
#include "infra/aws/xml.h"
#include "infra/base/encode.h"

#include <string.h>

/* A message of which every byte is percent-encoded. */
#define BODY_MAX_BYTES ((size_t)1 << 20)

static void add_field(struct buffer *form, const char *name, struct slice value)
{
    if (value.data == NULL) {
        return;
    }
    buffer_append_byte(form, '&');
    buffer_append_text(form, name);
    buffer_append_byte(form, '=');
    encode_percent(value, false, form);
}

static void add_attribute(struct buffer *form, struct arena *arena, size_t number,
                          const struct sns_attribute *attribute)
{
    const char *stem = arena_format(arena, "MessageAttributes.entry.%zu.", number);
    add_field(form, arena_format(arena, "%sName", stem), attribute->name);
    add_field(form, arena_format(arena, "%sValue.DataType", stem), SLICE("String"));
    add_field(form, arena_format(arena, "%sValue.StringValue", stem), attribute->value);
}

void sns_build_publish(struct arena *arena, const struct sns_publish *publish,
                       struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer form;
    struct arn topic;
    buffer_init(&form, BODY_MAX_BYTES);
    buffer_append_text(&form, "Action=Publish&Version=2010-03-31");
    add_field(&form, "TopicArn", publish->topic_arn);
    add_field(&form, "Message", publish->message);
    for (size_t i = 0; i < publish->attribute_count; i++) {
        add_attribute(&form, arena, i + 1, &publish->attributes[i]);
    }
    add_field(&form, "MessageGroupId", publish->group_id);
    add_field(&form, "MessageDeduplicationId", publish->deduplication_id);
    call->service = AWS_SNS;
    call->operation = "Publish";
    call->region = arn_parse(publish->topic_arn, &topic) ? topic.region : SLICE_NONE;
    call->body = arena_copy(arena, buffer_slice(&form));
}

enum status sns_read_publish(struct arena *arena, const struct aws_call *call,
                             struct slice *message_id, struct error *error)
{
    *message_id = xml_text(arena, call->reply, "MessageId");
    return message_id->size > 0 ? STATUS_OK
                                : error_set(error, STATUS_INTERNAL,
                                            "sns.%s: the answer has no MessageId", call->operation);
}
