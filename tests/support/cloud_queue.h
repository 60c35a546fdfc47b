/*
 * The SQS of tests/support/cloud: queues by URL, made when first used. What was received is
 * invisible until it is given back or cloud_queues_redeliver says that its visibility timeout has
 * passed. The caller locks.
 */
#ifndef RINGBACK_TESTS_SUPPORT_CLOUD_QUEUE_H
#define RINGBACK_TESTS_SUPPORT_CLOUD_QUEUE_H

#include "infra/base/buffer.h"
#include "infra/base/json_reader.h"

struct cloud_queues;

struct cloud_queues *cloud_queues_new(void);
void cloud_queues_free(struct cloud_queues *queues);

/* Appends the answer to reply; false: the operation is none of SQS. */
bool cloud_queues_call(struct cloud_queues *queues, const char *operation, struct json request,
                       struct buffer *reply);
void cloud_queues_put(struct cloud_queues *queues, struct slice url, struct slice body);
void cloud_queues_redeliver(struct cloud_queues *queues);
/* The messages of the queue that are not deleted; body of the index-th of them. */
size_t cloud_queues_count(const struct cloud_queues *queues, struct slice url);
struct slice cloud_queues_body(const struct cloud_queues *queues, struct slice url, size_t index);

#endif
