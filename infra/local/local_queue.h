/*
 * One queue of the stand-in and the messages in it; knows nothing of the wire. A message is ready
 * (in its group's list), delayed or in flight (both in one heap by the time they become ready).
 * Nothing here scans: add, take, delete and visibility are O(log messages). All calls are made
 * under the mutex of struct local_sqs.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_QUEUE_H
#define RINGBACK_INFRA_LOCAL_LOCAL_QUEUE_H

#include "infra/local/local_message.h"
#include "infra/local/local_table.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCAL_QUEUE_NAME_MAX 80

/* Attributes that are numbers; ContentBasedDeduplication and SqsManagedSseEnabled are 0 or 1. */
enum local_queue_number {
    LOCAL_QUEUE_VISIBILITY, /* seconds */
    LOCAL_QUEUE_DELAY,      /* seconds */
    LOCAL_QUEUE_RETENTION,  /* seconds */
    LOCAL_QUEUE_WAIT,       /* seconds */
    LOCAL_QUEUE_SIZE,       /* bytes */
    LOCAL_QUEUE_CONTENT_DEDUPLICATION,
    LOCAL_QUEUE_MANAGED_ENCRYPTION,
    LOCAL_QUEUE_KEY_REUSE, /* seconds */
    LOCAL_QUEUE_NUMBER_COUNT
};

enum local_queue_text {
    LOCAL_QUEUE_POLICY,
    LOCAL_QUEUE_REDRIVE,
    LOCAL_QUEUE_REDRIVE_ALLOW,
    LOCAL_QUEUE_KEY,
    LOCAL_QUEUE_DEDUPLICATION_SCOPE,
    LOCAL_QUEUE_THROUGHPUT_LIMIT,
    LOCAL_QUEUE_TEXT_COUNT
};

/* Messages of one MessageGroupId; a standard queue has one group, "". */
struct local_group {
    char *id;
    struct local_message *first; /* ready ones, in order */
    struct local_message *last;
    size_t in_flight_count;
    size_t total_count; /* ready, delayed and in flight */
    bool listed;        /* in the queue's list of groups that can be received from */
    struct local_group *previous;
    struct local_group *next;
};

enum local_heap_order {
    LOCAL_HEAP_DUE, /* delayed and in flight, by when they become ready */
    LOCAL_HEAP_AGE, /* all, by when they were sent */
    LOCAL_HEAP_COUNT
};

struct local_heap {
    enum local_heap_order order;
    struct local_message **items;
    size_t count;
    size_t capacity;
};

/* What a FIFO queue remembers of a message for five minutes. */
struct local_dedup {
    char *key;
    char message_id[37];
    uint64_t sequence;
    int64_t expires_at_ms;
    struct local_dedup *next;
};

struct local_queue {
    char name[LOCAL_QUEUE_NAME_MAX + 1];
    bool fifo;
    bool deleted; /* only waiters still hold it */
    int64_t numbers[LOCAL_QUEUE_NUMBER_COUNT];
    char *texts[LOCAL_QUEUE_TEXT_COUNT]; /* NULL: not set */
    char dead_name[LOCAL_QUEUE_NAME_MAX + 1];
    int64_t max_receive_count; /* 0: no redrive */
    int64_t created_at_ms;
    int64_t modified_at_ms;
    int64_t purged_at_ms;

    struct local_table messages; /* by id */
    struct local_table groups;   /* by group id */
    struct local_group *ready_first;
    struct local_group *ready_last;
    struct local_heap due;
    struct local_heap age;
    struct local_table dedups; /* by key */
    struct local_dedup *dedup_first;
    struct local_dedup *dedup_last;
    size_t delayed_count;
    size_t in_flight_count;
    uint64_t sequence;
    int64_t last_due_ms; /* FIFO: no message becomes ready before an earlier one */

    pthread_cond_t changed; /* on CLOCK_MONOTONIC */
    unsigned waiter_count;
    struct local_queue *next;
};

struct local_queue *local_queue_new(struct slice name, int64_t now_ms);
void local_queue_free(struct local_queue *queue);

/* Takes ownership of the message and gives it its sequence. */
void local_queue_add(struct local_queue *queue, struct local_message *message, int64_t now_ms,
                     int64_t delay_ms);
/* Makes ready what is due, drops what is too old, forgets old deduplication ids. Every operation
 * calls it first. */
void local_queue_settle(struct local_queue *queue, int64_t now_ms);

struct local_take {
    int64_t now_ms;
    int64_t visibility_ms;
    size_t max_count;
    struct local_queue *dead; /* where messages go that were received too often, or NULL */
};
/* The next messages, in flight from now on, with receive_count raised. Of one FIFO group only as
 * long as none of it is in flight. */
size_t local_queue_take(struct local_queue *queue, const struct local_take *take,
                        struct local_message **messages);

struct local_message *local_queue_find(const struct local_queue *queue, struct slice message_id);
void local_queue_delete(struct local_queue *queue, struct local_message *message);
/* Of a message in flight: when it becomes ready again. */
void local_queue_set_due(struct local_queue *queue, struct local_message *message, int64_t due_ms);
void local_queue_purge(struct local_queue *queue);
size_t local_queue_ready_count(const struct local_queue *queue);
/* When the next delayed or in-flight message becomes ready; INT64_MAX when there is none. */
int64_t local_queue_next_due(const struct local_queue *queue);

/* What was remembered under this key, or NULL. */
const struct local_dedup *local_queue_find_dedup(const struct local_queue *queue, struct slice key);
void local_queue_add_dedup(struct local_queue *queue, struct slice key,
                           const struct local_message *message, int64_t now_ms);

#endif
