/* The caller is a Step Functions task: SendTaskSuccess or SendTaskFailure. */
#include "completer/callback.h"
#include "completer/reply.h"

#include "infra/aws/step_functions.h"

void callback_task_token_build(struct arena *arena, const struct callback_message *message,
                               struct aws_call *call)
{
    struct slice output = reply_output(message->reply);
    if (output.data != NULL && !message->failure_instead) {
        step_functions_build_success(arena, message->target, output, call);
        return;
    }
    if (output.data != NULL) {
        struct slice cause = slice_from_text(
            arena_format(arena,
                         "{\"ringback\":{\"invocationId\":\"%s\",\"outcome\":\"FINISHED\","
                         "\"errorType\":\"InvalidOutput\"}}",
                         message->plan->id));
        step_functions_build_failure(arena, message->target, SLICE("FAILED"), cause, call);
        return;
    }
    step_functions_build_failure(arena, message->target,
                                 slice_from_text(outcome_name(message->state->outcome)),
                                 reply_cause(message->reply), call);
}

void callback_task_token_read(const struct aws_call *call, struct stimulus *stimulus)
{
    stimulus->kind = STIMULUS_CALLBACK_REFUSED;
    switch (step_functions_verdict(call)) {
    case STEP_FUNCTIONS_TAKEN: stimulus->kind = STIMULUS_CALLBACK_DELIVERED; break;
    case STEP_FUNCTIONS_CLOSED: stimulus->callback_refusal = CALLBACK_REFUSAL_CLOSED; break;
    case STEP_FUNCTIONS_UNDELIVERABLE:
        stimulus->callback_refusal = CALLBACK_REFUSAL_UNDELIVERABLE;
        break;
    case STEP_FUNCTIONS_INVALID_OUTPUT:
        stimulus->callback_refusal = CALLBACK_REFUSAL_INVALID_OUTPUT;
        break;
    case STEP_FUNCTIONS_AGAIN: stimulus->callback_refusal = CALLBACK_REFUSAL_AGAIN; break;
    }
}
