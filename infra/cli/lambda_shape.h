/*
 * What Lambda hands over, told by its form. Pure.
 * https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, .../with-sns.html
 */
#ifndef RINGBACK_INFRA_CLI_LAMBDA_SHAPE_H
#define RINGBACK_INFRA_CLI_LAMBDA_SHAPE_H

#include "infra/base/json_reader.h"

enum lambda_shape {
    LAMBDA_REQUEST,  /* anything that is none of the others: its result is the reply */
    LAMBDA_ENVELOPE, /* a request that nobody waits for the result of: CloudFormation, a rule */
    LAMBDA_MESSAGES, /* records of queues: requests and events */
    LAMBDA_NOTIFICATIONS, /* records of topics: requests */
    LAMBDA_STATUS_EVENT,  /* EventBridge tells about a statement */
    LAMBDA_SCHEDULE,      /* EventBridge's "Scheduled Event": the sweep */
    LAMBDA_UNKNOWN_RECORDS,
};

enum lambda_shape lambda_shape_of(struct json root);

/* One record of a queue. */
struct lambda_message {
    struct slice id;
    struct slice queue_arn;
    struct slice body;
    struct slice original_source; /* of a redrive by ringback, or absent */
    struct slice request_id;      /* of the invocation whose dead letter it is, or absent */
    int64_t sent_at_ms;           /* 0 when not told */
};

/* Members that are not there are absent; a record without an id or a body is REJECTED. */
MUST_CHECK enum status lambda_read_message(struct json record, struct lambda_message *message,
                                           struct error *error);

#endif
