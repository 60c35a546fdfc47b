/* The caller reads a queue: one message, with attributes to dedupe by. At least once. */
#include "completer/callback.h"

#include "infra/aws/sqs.h"

#include <string.h>

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

/* Permissions, keys and credentials may be mended by a person; a queue that is none cannot. */
static bool may_be_mended(const struct aws_call *call)
{
    static const char *const marks[] = {"AccessDenied",  "Kms",
                                        "KMS",           "Signature",
                                        "Security",      "UnrecognizedClient",
                                        "InvalidClient", "AuthenticationToken",
                                        "OptInRequired"};
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        if (strstr(call->error_name, marks[i]) != NULL) {
            return true;
        }
    }
    return call->code == 403;
}

void callback_queue_read(const struct aws_call *call, struct stimulus *stimulus)
{
    stimulus->kind = STIMULUS_CALLBACK_REFUSED;
    switch (call->status) {
    case STATUS_OK: stimulus->kind = STIMULUS_CALLBACK_DELIVERED; break;
    case STATUS_RETRY:
    case STATUS_IN_DOUBT:
    case STATUS_CONFLICT:
    case STATUS_INTERNAL: stimulus->callback_refusal = CALLBACK_REFUSAL_AGAIN; break;
    case STATUS_NOT_FOUND: stimulus->callback_refusal = CALLBACK_REFUSAL_UNDELIVERABLE; break;
    case STATUS_REJECTED:
        stimulus->callback_refusal =
            may_be_mended(call) ? CALLBACK_REFUSAL_AGAIN : CALLBACK_REFUSAL_UNDELIVERABLE;
        break;
    }
}
