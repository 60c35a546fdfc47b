/* What a queue's attributes must be for ringback to read it well. Pure. */
#ifndef RINGBACK_INFRA_DOCTOR_QUEUE_H
#define RINGBACK_INFRA_DOCTOR_QUEUE_H

#include "infra/aws/sqs.h"
#include "infra/doctor/findings.h"

/* What the daemons ask for with each receive: the lease (design.md section 2). */
#define QUEUE_VISIBILITY_SECONDS 120
/* https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html */
#define QUEUE_FUNCTION_TIMEOUTS 6
#define QUEUE_RETENTION_SECONDS 1209600
#define QUEUE_RECEIVES_MIN      20

struct queue_facts {
    const char *subject;
    const struct sqs_queue *queue;
    bool is_of_events;                /* EventBridge writes to it */
    int64_t function_timeout_seconds; /* of the Lambda function that reads it; 0: daemons do */
};

void queue_judge(struct findings *findings, const struct queue_facts *facts);

/* A dead-letter queue. source_retention_seconds is that of the queue that SQS moves from, whose
 * messages keep their age; -1: EventBridge writes to it. */
void queue_judge_dead(struct findings *findings, const char *subject, const struct sqs_queue *dead,
                      int64_t source_retention_seconds);

/* The URL of the queue with this ARN, as the URL of one in the same region is; NULL: no ARN of a
 * queue, or no such URL. */
const char *queue_url_beside(struct arena *arena, const char *url, struct slice arn);

#endif
