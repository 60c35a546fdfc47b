#include "infra/doctor/answer.h"

#include "infra/aws/endpoint.h"

/* However the services spell it. */
static bool is_denied(const struct aws_call *call)
{
    static const char *const names[] = {"AccessDenied",          "AccessDeniedException",
                                        "AuthorizationError",    "AuthorizationErrorException",
                                        "UnauthorizedOperation", "UnauthorizedException"};
    return slice_is_one_of(slice_from_text(call->error_name), names, ARRAY_COUNT(names));
}

bool answer_judge(struct findings *findings, const char *subject, const struct aws_call *call,
                  enum answer_need need)
{
    const bool doctors = need == ANSWER_FOR_DOCTOR;
    struct error problem = ERROR_NONE;
    if (call->status == STATUS_OK) {
        return true;
    }
    if (is_denied(call)) {
        findings_add(findings, doctors ? FOUND_NOT_LOOKED_AT : FOUND_NOT_ALLOWED, subject,
                     "%s:%s is not allowed", aws_service_facts(call->service)->signing_name,
                     call->operation);
        return false;
    }
    (void)aws_call_error(call, &problem);
    findings_add(findings, doctors ? FOUND_NOT_LOOKED_AT : FOUND_NOT_ANSWERED, subject, "%s",
                 problem.text);
    return false;
}
