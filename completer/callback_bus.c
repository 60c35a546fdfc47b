/* The caller has rules on an event bus: one event, whose detail is the document. At least once. */
#include "completer/callback.h"
#include "completer/reply.h"

#include "infra/aws/event_bridge.h"
#include "infra/base/log.h"

#include <string.h>

#define SOURCE          "ringback"
#define DETAIL_TYPE     "Ringback Invocation Outcome"
#define ARENA_MAX_BYTES ((size_t)64 << 20)

void callback_bus_build(struct arena *arena, const struct callback_message *message,
                        struct aws_call *call)
{
    const size_t frame = strlen(SOURCE) + strlen(DETAIL_TYPE);
    const struct event_bridge_entry entry = {
        .bus = message->target,
        .source = SLICE(SOURCE),
        .detail_type = SLICE(DETAIL_TYPE),
        .detail = reply_cut(arena, message->reply, EVENT_BRIDGE_ENTRY_MAX_BYTES - frame)};
    event_bridge_build_put(arena, &entry, 1, call);
}

/* An entry that failed inside a 200: as a call with that error, which is repeated unless it can
 * never be taken. */
static struct aws_call failed_entry(const struct aws_call *call,
                                    const struct event_bridge_result *result)
{
    static const char *const for_good[] = {"InvalidArgument", "MalformedDetail",
                                           "InvalidAccountIdException", "ResourceNotFound"};
    struct aws_call failed = {.status = STATUS_RETRY, .code = call->code};
    struct slice name = slice_part(result->error_code, 0, sizeof(failed.error_name) - 1);
    memcpy(failed.error_name, name.data, name.size);
    for (size_t i = 0; i < ARRAY_COUNT(for_good); i++) {
        if (slice_starts_with(name, slice_from_text(for_good[i]))) {
            failed.status = STATUS_REJECTED;
        }
    }
    return failed;
}

void callback_bus_read(const struct aws_call *call, struct stimulus *stimulus)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(ARENA_MAX_BYTES);
    struct event_bridge_result result;
    callback_answer_read(call, stimulus);
    if (call->status != STATUS_OK) {
        return;
    }
    if (event_bridge_read_put(arena, call, &result, 1, NULL) != STATUS_OK) {
        stimulus->kind = STIMULUS_CALLBACK_REFUSED;
        stimulus->callback_refusal = CALLBACK_REFUSAL_AGAIN;
    } else if (result.error_code.size > 0) {
        const struct aws_call failed = failed_entry(call, &result);
        log_warning("event not taken", LOG_CSTR("error", failed.error_name));
        callback_answer_read(&failed, stimulus);
    }
}
