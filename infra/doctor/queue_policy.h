/*
 * Whether a queue's policy lets an EventBridge rule write to it, as far as that can be told.
 * https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
 */
#ifndef RINGBACK_INFRA_DOCTOR_QUEUE_POLICY_H
#define RINGBACK_INFRA_DOCTOR_QUEUE_POLICY_H

#include "infra/base/json_reader.h"
#include "infra/doctor/verdict.h"

struct queue_policy_question {
    struct slice queue_arn;
    struct slice rule_arn;
    struct slice account; /* the rule's */
};

struct queue_policy_answer {
    enum verdict may_write;
    bool is_open; /* by a statement that asks neither for the rule nor for the account */
};

/* NotPrincipal, NotAction, NotResource and conditions other than aws:SourceArn, aws:SourceAccount
 * and aws:SecureTransport make a statement UNKNOWN. */
struct queue_policy_answer queue_policy_judge(struct json policy,
                                              const struct queue_policy_question *question);

#endif
