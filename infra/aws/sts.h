/*
 * AWS STS, query protocol, as pure functions: build a call, read its answer. Assuming roles is
 * credentials.h's.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
 */
#ifndef RINGBACK_INFRA_AWS_STS_H
#define RINGBACK_INFRA_AWS_STS_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

/* Who asks; needs no permission. */
void sts_build_identity(struct aws_call *call);
MUST_CHECK enum status sts_read_identity(struct arena *arena, const struct aws_call *call,
                                         struct slice *arn, struct error *error);

#endif
