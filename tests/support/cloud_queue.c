#include "tests/support/cloud_queue.h"

#include "infra/base/arena.h"
#include "infra/base/json_writer.h"
#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define MESSAGES_MAX 256

struct message {
    struct slice url;
    struct slice body;
    bool in_flight;
    bool deleted;
};

struct cloud_queues {
    struct arena *arena;
    struct message messages[MESSAGES_MAX];
    size_t count;
};

struct cloud_queues *cloud_queues_new(void)
{
    struct cloud_queues *queues = memory_new(sizeof(*queues));
    queues->arena = arena_new(16u << 20);
    return queues;
}

void cloud_queues_free(struct cloud_queues *queues)
{
    arena_free(queues->arena);
    free(queues);
}

void cloud_queues_put(struct cloud_queues *queues, struct slice url, struct slice body)
{
    if (queues->count == MESSAGES_MAX) {
        memory_abort("cloud: too many messages");
    }
    queues->messages[queues->count++] = (struct message){.url = arena_copy(queues->arena, url),
                                                         .body = arena_copy(queues->arena, body)};
}

void cloud_queues_redeliver(struct cloud_queues *queues)
{
    for (size_t i = 0; i < queues->count; i++) {
        queues->messages[i].in_flight = false;
    }
}

static bool is_in(const struct message *message, struct slice url)
{
    return !message->deleted && slice_equals(message->url, url);
}

size_t cloud_queues_count(const struct cloud_queues *queues, struct slice url)
{
    size_t count = 0;
    for (size_t i = 0; i < queues->count; i++) {
        count += is_in(&queues->messages[i], url);
    }
    return count;
}

struct slice cloud_queues_body(const struct cloud_queues *queues, struct slice url, size_t index)
{
    for (size_t i = 0; i < queues->count; i++) {
        if (is_in(&queues->messages[i], url) && index-- == 0) {
            return queues->messages[i].body;
        }
    }
    return SLICE_NONE;
}

static struct slice text_of(struct json object, const char *name)
{
    struct slice text = SLICE_NONE;
    return json_find_text(object, name, 0, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

/* Handle and id are the message's place. */
static void write_message(struct json_writer *writer, struct arena *arena, size_t index,
                          const struct message *message)
{
    const struct slice place = slice_from_text(arena_format(arena, "%zu", index));
    json_begin_object(writer, NULL);
    json_write_text(writer, "MessageId", place);
    json_write_text(writer, "ReceiptHandle", place);
    json_write_text(writer, "Body", message->body);
    json_end_object(writer);
}

static void receive(struct cloud_queues *queues, struct json request, struct json_writer *writer)
{
    const struct slice url = text_of(request, "QueueUrl");
    int64_t left = 1;
    if (json_find_int64(request, "MaxNumberOfMessages", 1, 10, &left, NULL) != STATUS_OK) {
        memory_abort("cloud: MaxNumberOfMessages");
    }
    json_begin_array(writer, "Messages");
    for (size_t i = 0; i < queues->count && left > 0; i++) {
        struct message *message = &queues->messages[i];
        if (is_in(message, url) && !message->in_flight) {
            message->in_flight = true;
            write_message(writer, queues->arena, i, message);
            left--;
        }
    }
    json_end_array(writer);
}

/* Deletes the messages of a batch, or gives them back. */
static void settle(struct cloud_queues *queues, struct json request, bool done,
                   struct json_writer *writer)
{
    struct json entry = json_element(json_member(request, "Entries"), 0);
    json_begin_array(writer, "Successful");
    for (; json_kind(entry) == JSON_OBJECT; entry = json_next(entry)) {
        int64_t index = 0;
        if (slice_to_int64(text_of(entry, "ReceiptHandle"), 0, (int64_t)queues->count - 1, &index,
                           NULL) != STATUS_OK) {
            memory_abort("cloud: no such receipt handle");
        }
        queues->messages[index].deleted |= done;
        queues->messages[index].in_flight = false;
        json_begin_object(writer, NULL);
        json_write_text(writer, "Id", text_of(entry, "Id"));
        json_end_object(writer);
    }
    json_end_array(writer);
}

bool cloud_queues_call(struct cloud_queues *queues, const char *operation, struct json request,
                       struct buffer *reply)
{
    struct json_writer writer;
    if (strcmp(operation, "SendMessage") == 0) {
        cloud_queues_put(queues, text_of(request, "QueueUrl"), text_of(request, "MessageBody"));
        buffer_append_text(reply, "{\"MessageId\":\"m\"}");
        return true;
    }
    const bool receives = strcmp(operation, "ReceiveMessage") == 0;
    const bool deletes = strcmp(operation, "DeleteMessageBatch") == 0;
    if (!receives && !deletes && strcmp(operation, "ChangeMessageVisibilityBatch") != 0) {
        return false;
    }
    json_writer_init(&writer, reply);
    json_begin_object(&writer, NULL);
    if (receives) {
        receive(queues, request, &writer);
    } else {
        settle(queues, request, deletes, &writer);
    }
    json_end_object(&writer);
    return true;
}
