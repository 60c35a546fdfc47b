/*
 * Amazon SQS, JSON protocol, as pairs of pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/
 */
#ifndef RINGBACK_INFRA_AWS_SQS_H
#define RINGBACK_INFRA_AWS_SQS_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

#define SQS_BATCH_MAX         10
#define SQS_MESSAGE_MAX_BYTES 1048576u
#define SQS_DELAY_MAX_SECONDS 900
/* The message attribute by which a redrive by ringback carries the first message's source along. */
#define SQS_ORIGINAL_SOURCE "ringbackOriginalSource"

struct sqs_message {
    struct slice message_id;
    struct slice receipt_handle;
    struct slice body;
    int64_t receive_count;        /* ApproximateReceiveCount; 0 when not told */
    int64_t sent_at_ms;           /* SentTimestamp; 0 when not told */
    struct slice original_source; /* message attribute of a redrive by ringback, or absent */
    /* Of a message in a dead-letter queue; absent elsewhere, or when not told. */
    struct slice dead_source;  /* ARN of the queue it comes from */
    struct slice rule_arn;     /* of EventBridge, which could not deliver it */
    struct slice rule_problem; /* EventBridge's ERROR_MESSAGE, or else its ERROR_CODE */
};

struct sqs_attribute {
    struct slice name;
    struct slice value;
};

struct sqs_send {
    struct slice queue_url;
    struct slice body;
    int64_t delay_seconds;
    const struct sqs_attribute *attributes; /* String attributes */
    size_t attribute_count;
    struct slice group_id;         /* FIFO, else absent */
    struct slice deduplication_id; /* FIFO, else absent */
};

/* The region that AWS's own URL of a queue names; absent when it is another's. */
struct slice sqs_queue_region(struct slice queue_url);

void sqs_build_receive(struct arena *arena, const char *queue_url, int64_t max_messages,
                       int64_t wait_seconds, int64_t visibility_seconds, struct aws_call *call);
/* No message is count 0, not an error. */
MUST_CHECK enum status sqs_read_receive(struct arena *arena, const struct aws_call *call,
                                        struct sqs_message **messages, size_t *count,
                                        struct error *error);

/* Up to SQS_BATCH_MAX handles; entry ids are their indices. */
void sqs_build_delete(struct arena *arena, const char *queue_url, const struct slice *handles,
                      size_t count, struct aws_call *call);
void sqs_build_visibility(struct arena *arena, const char *queue_url, const struct slice *handles,
                          const int64_t *visibility_seconds, size_t count, struct aws_call *call);
/* Of a batch call: failed[i] is set for each entry in Failed; *failed_count counts them. */
MUST_CHECK enum status sqs_read_batch(struct arena *arena, const struct aws_call *call,
                                      bool *failed, size_t count, size_t *failed_count,
                                      struct error *error);

void sqs_build_send(struct arena *arena, const struct sqs_send *send, struct aws_call *call);
MUST_CHECK enum status sqs_read_send(struct arena *arena, const struct aws_call *call,
                                     struct slice *message_id, struct error *error);

/* A queue, as it says of itself. What it does not tell is absent, or -1. */
struct sqs_queue {
    struct slice arn;
    int64_t visible; /* messages that wait */
    int64_t in_flight;
    int64_t visibility_seconds;
    int64_t retention_seconds;
    bool is_fifo;
    struct slice policy; /* JSON */
    struct slice key_id; /* of KMS; absent: encrypted otherwise or not at all */
    struct slice dead_letter_arn;
    int64_t max_receive_count;
};

/* GetQueueAttributes of all. */
void sqs_build_attributes(struct arena *arena, const char *queue_url, struct aws_call *call);
MUST_CHECK enum status sqs_read_attributes(struct arena *arena, const struct aws_call *call,
                                           struct sqs_queue *queue, struct error *error);

#endif
