/*
 * AWS Secrets Manager, as pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
#ifndef RINGBACK_INFRA_AWS_SECRETS_MANAGER_H
#define RINGBACK_INFRA_AWS_SECRETS_MANAGER_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

/* Goes to the secret's own region. */
void secrets_manager_build_get(struct arena *arena, struct slice secret_arn, struct aws_call *call);
/* The secret's text, in the arena. INTERNAL for one that is binary. */
MUST_CHECK enum status secrets_manager_read_get(struct arena *arena, const struct aws_call *call,
                                                struct slice *text, struct error *error);

#endif
