/* The caller reads a topic: one message, with attributes to dedupe by. At least once. */
#include "completer/callback.h"
#include "completer/reply.h"

#include "infra/aws/sns.h"

/* Names, types and values of the attributes count as part of a message. */
#define ATTRIBUTES_MAX_BYTES 512u

void callback_topic_build(struct arena *arena, const struct callback_message *message,
                          struct aws_call *call)
{
    const struct sns_attribute attributes[] = {
        {SLICE("invocationId"), slice_from_text(message->plan->id)},
        {SLICE("outcome"), slice_from_text(outcome_name(message->state->outcome))},
    };
    struct sns_publish publish = {
        .topic_arn = message->target,
        .message = reply_cut(arena, message->reply, SNS_MESSAGE_MAX_BYTES - ATTRIBUTES_MAX_BYTES),
        .attributes = attributes,
        .attribute_count = ARRAY_COUNT(attributes)};
    if (slice_ends_with(message->target, SLICE(".fifo"))) {
        publish.group_id = slice_from_text(message->plan->id);
        publish.deduplication_id =
            slice_from_text(arena_format(arena, "%s.%zu", message->plan->id, message->address + 1));
    }
    sns_build_publish(arena, &publish, call);
}

void callback_topic_read(const struct aws_call *call, struct stimulus *stimulus)
{
    callback_answer_read(call, stimulus);
}
