#include "infra/aws/sts.h"

#include "infra/aws/xml.h"

void sts_build_identity(struct aws_call *call)
{
    call->service = AWS_STS;
    call->operation = "GetCallerIdentity";
    call->body = SLICE("Action=GetCallerIdentity&Version=2011-06-15");
}

enum status sts_read_identity(struct arena *arena, const struct aws_call *call, struct slice *arn,
                              struct error *error)
{
    *arn = xml_text(arena, call->reply, "Arn");
    return arn->size > 0 ? STATUS_OK
                         : error_set(error, STATUS_INTERNAL, "sts.%s: the answer has no Arn",
                                     call->operation);
}
