/* What the answer of a queue, a topic or a bus means for the address. */
#include "completer/callback.h"

#include <string.h>

/* Permissions, keys and credentials may be mended by a person; an address that is none cannot. */
static bool may_be_mended(const char *error_name, int code)
{
    static const char *const marks[] = {
        "AccessDenied",        "Kms",           "KMS",
        "Signature",           "Security",      "UnrecognizedClient",
        "InvalidClient",       "OptInRequired", "Authorization",
        "AuthenticationToken", "NotAuthorized"};
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        if (strstr(error_name, marks[i]) != NULL) {
            return true;
        }
    }
    return code == 403;
}

void callback_answer_read(const struct aws_call *call, struct stimulus *stimulus)
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
        stimulus->callback_refusal = may_be_mended(call->error_name, call->code)
                                         ? CALLBACK_REFUSAL_AGAIN
                                         : CALLBACK_REFUSAL_UNDELIVERABLE;
        break;
    }
}
