/* The caller reads a queue: one message, with attributes to dedupe by. At least once. */
#include "completer/callback.h"

#include "infra/aws/sqs.h"

void callback_queue_build(struct arena *arena, const struct callback_message *message,
                          struct aws_call *call)
{
    struct sqs_attribute attributes[] = {
        {SLICE("invocationId"), slice_from_text(message->plan->id)},
        {SLICE("outcome"), slice_from_text(outcome_name(message->state->outcome))},
    };
    struct sqs_send send = {.queue_url = message->target,
                            .body = message->reply,
                            .attributes = attributes,
                            .attribute_count = ARRAY_COUNT(attributes)};
    if (slice_ends_with(message->target, SLICE(".fifo"))) {
        send.group_id = slice_from_text(message->plan->id);
        send.deduplication_id =
            slice_from_text(arena_format(arena, "%s.%zu", message->plan->id, message->address + 1));
    }
    sqs_build_send(arena, &send, call);
}

void callback_queue_read(const struct aws_call *call, struct stimulus *stimulus)
{
    callback_answer_read(call, stimulus);
}
