/*
 * Whether a rule of EventBridge brings the endings of our statements, and nothing else, into the
 * event queue. Pure: its pattern is tried on sample events.
 */
#ifndef RINGBACK_INFRA_DOCTOR_EVENT_RULE_H
#define RINGBACK_INFRA_DOCTOR_EVENT_RULE_H

#include "infra/aws/event_bridge.h"
#include "infra/aws/sqs.h"
#include "infra/doctor/findings.h"

struct event_rule_facts {
    const struct event_bridge_rule *rule;
    const struct event_bridge_target *target; /* the queue's */
    const struct sqs_queue *queue;
    struct slice prefix; /* of statement names */
};

enum event_rule_use {
    EVENT_RULE_ENDINGS,    /* meant for statements, whether or not it does that well */
    EVENT_RULE_EXECUTIONS, /* tells of executions of Step Functions that are over */
    EVENT_RULE_FOREIGN,
};

/* Adds what is to be said of it, the queue's policy included, and says what it is there for. */
enum event_rule_use event_rule_judge(struct findings *findings,
                                     const struct event_rule_facts *facts);

#endif
