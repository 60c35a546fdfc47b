#include "infra/local/local_calls.h"

#include "infra/local/service.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BYTES 64
#define NAMES_MAX  128

struct local_calls {
    pthread_mutex_t mutex;
    struct {
        char name[NAME_BYTES + 1];
        int64_t count;
    } entries[NAMES_MAX + 1];
    size_t entry_count;
};

struct local_calls *local_calls_new(void)
{
    struct local_calls *calls = calloc(1, sizeof(*calls));
    if (!calls) {
        abort();
    }
    pthread_mutex_init(&calls->mutex, NULL);
    return calls;
}

void local_calls_free(struct local_calls *calls)
{
    if (!calls) {
        return;
    }
    pthread_mutex_destroy(&calls->mutex);
    free(calls);
}

static size_t find_entry(const struct local_calls *calls, struct slice operation)
{
    size_t i = 0;
    while (i < calls->entry_count && !slice_equals_text(operation, calls->entries[i].name)) {
        i++;
    }
    return i;
}

void local_calls_add(struct local_calls *calls, struct slice operation)
{
    if (operation.size > NAME_BYTES) {
        operation = SLICE("other");
    }
    pthread_mutex_lock(&calls->mutex);
    size_t i = find_entry(calls, operation);
    if (i == calls->entry_count && i >= NAMES_MAX) {
        operation = SLICE("other");
        i = find_entry(calls, operation);
    }
    if (i == calls->entry_count) {
        memcpy(calls->entries[i].name, operation.data, operation.size);
        calls->entry_count++;
    }
    calls->entries[i].count++;
    pthread_mutex_unlock(&calls->mutex);
}

void local_calls_control(struct local_calls *calls, struct http_server_response *response)
{
    CLEANUP(buffer_clear) struct buffer json;
    struct json_writer writer;
    buffer_init(&json, (NAMES_MAX + 1) * (size_t)(NAME_BYTES * 6 + 32) + 64);
    json_writer_init(&writer, &json);
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, "calls");
    pthread_mutex_lock(&calls->mutex);
    for (size_t i = 0; i < calls->entry_count; i++) {
        json_write_name(&writer, slice_from_text(calls->entries[i].name));
        json_write_int64(&writer, NULL, calls->entries[i].count);
    }
    pthread_mutex_unlock(&calls->mutex);
    json_end_object(&writer);
    json_end_object(&writer);
    local_reply(response, buffer_slice(&json));
}
