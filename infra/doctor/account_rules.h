/* The rules of EventBridge that write to the event queue. Part of account.c. */
#ifndef RINGBACK_INFRA_DOCTOR_ACCOUNT_RULES_H
#define RINGBACK_INFRA_DOCTOR_ACCOUNT_RULES_H

#include "infra/aws/sqs.h"
#include "infra/doctor/account.h"

/* Asks for the names, then for all of the rules at once, then for their dead-letter queues. */
void account_examine_rules(const struct account *account, const struct sqs_queue *queue);
/* One that SQS or EventBridge moves messages to; the call has come back. As queue_judge_dead. */
void account_judge_dead(const struct account *account, const char *subject,
                        const struct aws_call *call, int64_t source_retention_seconds);

#endif
