/*
 * An SQS queue made of infra/runtime/http_server: ReceiveMessage with long poll, DeleteMessageBatch
 * and ChangeMessageVisibilityBatch of the JSON protocol, and the failures that a test asks for.
 * A message that was received once stays in flight until it is deleted: what is given back is only
 * written down.
 */
#ifndef RINGBACK_TESTS_UNIT_RUNTIME_FAKE_QUEUE_H
#define RINGBACK_TESTS_UNIT_RUNTIME_FAKE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_QUEUE_MESSAGES_MAX 512

enum fake_message_state {
    FAKE_MESSAGE_VISIBLE,
    FAKE_MESSAGE_IN_FLIGHT,
    FAKE_MESSAGE_DELETED,
};

/* How ReceiveMessage answers. */
enum fake_failure {
    FAKE_FAILURE_NONE,
    FAKE_FAILURE_DENIED,  /* 400 AccessDeniedException */
    FAKE_FAILURE_500,     /* 500 InternalFailure */
    FAKE_FAILURE_DROP,    /* the connection is closed */
    FAKE_FAILURE_GARBAGE, /* 200 with a page of HTML */
};

struct fake_message {
    enum fake_message_state state;
    int64_t visibility_seconds; /* of the last ChangeMessageVisibility; -1: none */
    unsigned receives;
    unsigned deletes; /* times its handle was in a delete batch */
};

/* What has been seen. */
struct fake_queue_counts {
    unsigned delayed; /* calls about which nothing has been done yet */
    unsigned receives;
    unsigned long_polls; /* receives with WaitTimeSeconds 20 */
    unsigned waiting;    /* long polls under way */
    unsigned deletes;
    unsigned visibilities;
    int64_t max_messages; /* of the last receive */
    int64_t visibility_timeout;
};

struct fake_queue;

struct fake_queue *fake_queue_new(void);
void fake_queue_free(struct fake_queue *queue);
const char *fake_queue_endpoint(const struct fake_queue *queue); /* http://127.0.0.1:port */
const char *fake_queue_url(const struct fake_queue *queue);

/* Bodies are "message <index>". */
void fake_queue_put(struct fake_queue *queue, size_t count);
/* Long polls under way answer as empty: also those whose client has left without a word. */
void fake_queue_release(struct fake_queue *queue);
void fake_queue_fail(struct fake_queue *queue, enum fake_failure failure);
/* Every call waits so long before anything is done about it. */
void fake_queue_delay(struct fake_queue *queue, unsigned delay_ms);
/* The next `calls` delete batches report their first entry as failed. */
void fake_queue_fail_deletes(struct fake_queue *queue, unsigned calls);
/* The next delete and visibility batches are refused altogether. */
void fake_queue_refuse_settling(struct fake_queue *queue, bool refuse);

struct fake_message fake_queue_message(struct fake_queue *queue, size_t index);
struct fake_queue_counts fake_queue_counts(struct fake_queue *queue);
/* Waits until ready(queue's counts, context) holds; false after 20 s. */
bool fake_queue_wait(struct fake_queue *queue, bool (*ready)(const struct fake_queue_counts *));
/* Waits until count messages are in that state; false after 20 s. */
bool fake_queue_wait_state(struct fake_queue *queue, enum fake_message_state state, size_t count);

#endif
