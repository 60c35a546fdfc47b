/*
 * A message of the stand-in's queues: its parts, its attributes with their MD5, and how it is
 * written. One allocation holds the message and all its texts.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_MESSAGE_H
#define RINGBACK_INFRA_LOCAL_LOCAL_MESSAGE_H

#include "infra/base/arena.h"
#include "infra/base/encode.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCAL_MESSAGE_ATTRIBUTES_MAX 10

struct local_group;
struct local_queue;

struct local_attribute {
    struct slice name;
    struct slice type;
    struct slice value; /* raw bytes when binary */
    bool binary;
};

enum local_message_state { LOCAL_MESSAGE_READY, LOCAL_MESSAGE_DELAYED, LOCAL_MESSAGE_IN_FLIGHT };

/* What a caller sends. */
struct local_message_parts {
    struct slice body;
    struct slice group_id; /* absent: none */
    struct slice dedup_id;
    struct slice trace_header;
    const struct local_attribute *attributes;
    size_t attribute_count;
};

struct local_message {
    char id[37];
    char body_md5[MD5_HEX_BYTES + 1];
    struct local_message_parts parts; /* points into this allocation */
    char *dead_source_arn;            /* heap; NULL unless it came by redrive */
    int64_t sent_at_ms;
    int64_t first_received_at_ms; /* 0: never */
    int64_t due_at_ms;            /* of delayed and in flight */
    int64_t taken_at_ms;          /* of the last receive */
    uint64_t sequence;
    int64_t receive_count;
    enum local_message_state state;
    struct local_group *group;
    struct local_message *previous; /* in the group's ready list */
    struct local_message *next;
    size_t slots[2]; /* place in each heap of the queue */
};

/* Copies the parts. The id is 36 characters. */
struct local_message *local_message_new(const struct local_message_parts *parts, const char *id,
                                        int64_t now_ms);
void local_message_free(struct local_message *message);

/* SequenceNumber as FIFO queues tell it: 20 digits. */
const char *local_sequence_text(struct arena *arena, uint64_t sequence);

/* Bytes that count against the size limit: body and attributes. */
size_t local_message_size(const struct local_message_parts *parts);
/* Only characters that XML 1.0 allows, as SQS demands; the text is UTF-8. */
bool local_message_text_allowed(struct slice text);
/* MD5 as AWS defines it over the attributes, in order of their names; false when there is none. */
bool local_attributes_md5(struct arena *arena, const struct local_attribute *attributes,
                          size_t count, char out[MD5_HEX_BYTES + 1]);
/* Reads MessageAttributes or MessageSystemAttributes. REJECTED says what is wrong with which. */
MUST_CHECK enum status local_attributes_read(struct arena *arena, struct json object,
                                             struct local_attribute **attributes, size_t *count,
                                             struct error *error);
void local_attributes_write(struct json_writer *writer, const struct local_attribute *attributes,
                            size_t count);

/* A receipt handle of the message's last receive. */
struct slice local_handle_make(struct arena *arena, struct slice queue_name,
                               const struct local_message *message, uint64_t nonce);
/* False: not one of ours, or of another queue. */
bool local_handle_read(struct arena *arena, struct slice handle, struct slice queue_name,
                       struct slice *message_id, int64_t *receive_count);

#endif
