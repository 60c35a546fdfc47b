/*
 * Amazon SNS, query protocol, as pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
 */
#ifndef RINGBACK_INFRA_AWS_SNS_H
#define RINGBACK_INFRA_AWS_SNS_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

/* Of a message with the names, types and values of its attributes. */
#define SNS_MESSAGE_MAX_BYTES 262144u

struct sns_attribute {
    struct slice name;
    struct slice value;
};

struct sns_publish {
    struct slice topic_arn;
    struct slice message;
    const struct sns_attribute *attributes; /* String attributes */
    size_t attribute_count;
    struct slice group_id;         /* FIFO, else absent */
    struct slice deduplication_id; /* FIFO, else absent */
};

/* Goes to the topic's own region. */
void sns_build_publish(struct arena *arena, const struct sns_publish *publish,
                       struct aws_call *call);
MUST_CHECK enum status sns_read_publish(struct arena *arena, const struct aws_call *call,
                                        struct slice *message_id, struct error *error);

#endif
