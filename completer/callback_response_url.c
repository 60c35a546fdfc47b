/* The caller is a CloudFormation custom resource: one PUT to the presigned URL that its event
 * carried. */
#include "completer/callback.h"
#include "completer/reply_cloudformation.h"

void callback_response_url_build(struct arena *arena, const struct callback_message *message,
                                 struct aws_call *call)
{
    *call = (struct aws_call){
        .operation = "PUT",
        .body = reply_render_cloudformation(arena, message->plan, message->state, message->reply),
        .unsigned_method = "PUT",
        .unsigned_url = arena_text(arena, message->target)};
}

/* A URL that is expired or was never valid cannot be mended: it is presigned. */
void callback_response_url_read(const struct aws_call *call, struct stimulus *stimulus)
{
    callback_answer_read(call, stimulus);
    if (call->status == STATUS_REJECTED) {
        /* A redirect: the bucket's name is not known everywhere yet. */
        bool redirected = call->code >= 300 && call->code < 400;
        stimulus->callback_refusal =
            redirected ? CALLBACK_REFUSAL_AGAIN : CALLBACK_REFUSAL_UNDELIVERABLE;
    }
}
