/*
 * Inside of the SQS stand-in: what its files share. One mutex guards all queues and is held for the
 * whole of an operation; a long poll gives it away while it waits.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_SQS_H
#define RINGBACK_INFRA_LOCAL_LOCAL_SQS_H

#include "infra/local/local_queue.h"
#include "infra/local/service.h"

#define LOCAL_SQS_BATCH_MAX      10
#define LOCAL_SQS_MESSAGE_BYTES  1048576
#define LOCAL_SQS_IN_FLIGHT_MAX  120000
#define LOCAL_SQS_VISIBILITY_MAX 43200
#define LOCAL_SQS_WAIT_MAX       20
#define LOCAL_SQS_DELAY_MAX      900
#define LOCAL_SQS_ARN_BYTES      (LOCAL_QUEUE_NAME_MAX + 64)
#define LOCAL_SQS_QUEUE_ARN      "arn:aws:sqs:us-east-1:000000000000:"

/* X(symbol, shape, legacy code, HTTP status) */
#define LOCAL_SQS_FAULTS(X)                                                                        \
    X(QUEUE_DOES_NOT_EXIST, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", 400)   \
    X(QUEUE_NAME_EXISTS, "QueueNameExists", "QueueAlreadyExists", 400)                             \
    X(QUEUE_DELETED_RECENTLY, "QueueDeletedRecently",                                              \
      "AWS.SimpleQueueService.QueueDeletedRecently", 400)                                          \
    X(PURGE_IN_PROGRESS, "PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",    \
      403)                                                                                         \
    X(EMPTY_BATCH, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest", 400)           \
    X(TOO_MANY_ENTRIES, "TooManyEntriesInBatchRequest",                                            \
      "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400)                                  \
    X(BATCH_TOO_LONG, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong", 400)    \
    X(BATCH_ID_INVALID, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId", 400)  \
    X(BATCH_IDS_NOT_DISTINCT, "BatchEntryIdsNotDistinct",                                          \
      "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400)                                      \
    X(NOT_IN_FLIGHT, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight", 400)       \
    X(OVER_LIMIT, "OverLimit", "OverLimit", 403)                                                   \
    X(HANDLE_INVALID, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 400)                     \
    X(CONTENTS_INVALID, "InvalidMessageContents", "InvalidMessageContents", 400)                   \
    X(ATTRIBUTE_NAME, "InvalidAttributeName", "InvalidAttributeName", 400)                         \
    X(ATTRIBUTE_VALUE, "InvalidAttributeValue", "InvalidAttributeValue", 400)                      \
    X(ADDRESS, "InvalidAddress", "InvalidAddress", 404)                                            \
    X(PARAMETER_VALUE, "InvalidParameterValueException", "InvalidParameterValue", 400)             \
    X(PARAMETER_MISSING, "MissingRequiredParameterException", "MissingParameter", 400)             \
    X(SERIALIZATION, "SerializationException", "MalformedInput", 400)                              \
    X(UNSUPPORTED, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation", 400)     \
    X(OPERATION, "UnknownOperationException", "InvalidAction", 400)

enum local_sqs_fault {
#define LOCAL_SQS_ENUM(symbol, shape, code, http) LOCAL_SQS_##symbol,
    LOCAL_SQS_FAULTS(LOCAL_SQS_ENUM)
#undef LOCAL_SQS_ENUM
        LOCAL_SQS_FAULT_COUNT
};

/* Why an operation, or one entry of a batch, failed. */
struct local_sqs_problem {
    enum local_sqs_fault fault;
    char text[ERROR_TEXT_BYTES];
};

struct local_sqs_deleted {
    char name[LOCAL_QUEUE_NAME_MAX + 1];
    int64_t deleted_at_ms;
    struct local_sqs_deleted *next;
};

struct local_sqs {
    pthread_mutex_t mutex;
    const struct clock *clock;
    const struct random *random;
    bool stopping;
    struct local_queue *queues; /* in the order they were made */
    struct local_sqs_deleted *deleted;
};

/* One operation while it runs. */
struct local_sqs_run {
    struct local_sqs *sqs;
    const struct local_call *call;
    struct arena *arena; /* the call's */
    int64_t now_ms;
    struct json_writer out; /* inside the reply's object */
};

/* False with a problem set: the operation, or the entry, failed. */
typedef bool local_sqs_operation(struct local_sqs_run *run, struct local_sqs_problem *problem);
/* Does one entry of a batch and writes what its member of Successful has besides Id. */
typedef bool local_sqs_entry(struct local_sqs_run *run, struct local_queue *queue,
                             struct json entry, struct local_sqs_problem *problem);

/* local_sqs.c */

/* Sets the problem and returns false. */
bool local_sqs_fail(struct local_sqs_problem *problem, enum local_sqs_fault fault,
                    const char *format, ...) PRINTF_LIKE(3, 4);
/* The code that batch entries carry. */
const char *local_sqs_fault_code(enum local_sqs_fault fault);
/* NULL when there is none. */
struct local_queue *local_sqs_find(const struct local_sqs *sqs, struct slice name);
/* The queue of the input's QueueUrl, settled at run->now_ms; NULL with the problem set. */
struct local_queue *local_sqs_queue(struct local_sqs_run *run, struct local_sqs_problem *problem);
/* Appends to the list of queues. */
struct local_queue *local_sqs_add_queue(struct local_sqs *sqs, struct slice name, int64_t now_ms);
/* A member that may be missing: *value stays as it was. */
bool local_sqs_find_text(struct json object, const char *name, struct slice *value,
                         struct local_sqs_problem *problem);
bool local_sqs_get_text(struct json object, const char *name, struct slice *value,
                        struct local_sqs_problem *problem);
bool local_sqs_find_number(struct json object, const char *name, int64_t minimum, int64_t maximum,
                           int64_t *value, struct local_sqs_problem *problem);
const char *local_sqs_queue_url(struct local_sqs_run *run, const struct local_queue *queue);

/* local_sqs_batch.c */

/* Checks the input's Entries and does each; failures of single entries are no failure of this. */
bool local_sqs_batch(struct local_sqs_run *run, local_sqs_entry *apply,
                     struct local_sqs_problem *problem);

/* local_sqs_attributes.c */

/* The defaults of a new queue. */
void local_sqs_attributes_default(struct local_queue *queue);
/* Whether this attribute may be set to this value on a queue of this name. */
bool local_sqs_attribute_check(const struct local_sqs *sqs, struct slice queue_name,
                               struct slice name, struct slice value,
                               struct local_sqs_problem *problem);
/* Sets a checked attribute. */
void local_sqs_attribute_apply(struct local_queue *queue, struct slice name, struct slice value);
bool local_sqs_attribute_known(struct slice name);
/* The value as text in the arena; absent when it is not set. */
struct slice local_sqs_attribute_value(struct arena *arena, const struct local_queue *queue,
                                       struct slice name);
/* Writes all that have a value. */
void local_sqs_attributes_write(struct local_sqs_run *run, const struct local_queue *queue);

/* local_sqs_queues.c */
local_sqs_operation local_sqs_create_queue;
local_sqs_operation local_sqs_delete_queue;
local_sqs_operation local_sqs_get_queue_attributes;
local_sqs_operation local_sqs_get_queue_url;
local_sqs_operation local_sqs_list_queues;
local_sqs_operation local_sqs_purge_queue;
local_sqs_operation local_sqs_set_queue_attributes;

/* local_sqs_send.c */
local_sqs_operation local_sqs_send_message;
local_sqs_operation local_sqs_send_message_batch;

/* local_sqs_receive.c */
local_sqs_operation local_sqs_change_visibility;
local_sqs_operation local_sqs_change_visibility_batch;
local_sqs_operation local_sqs_delete_message;
local_sqs_operation local_sqs_delete_message_batch;
local_sqs_operation local_sqs_receive_message;

#endif
