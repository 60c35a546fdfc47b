#include "infra/aws/event_bridge.h"

#include "infra/aws/arn.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

/* Full entries with every byte escaped as \u00XX. */
#define BODY_MAX_BYTES ((size_t)16 << 20)

void event_bridge_build_put(struct arena *arena, const struct event_bridge_entry *entries,
                            size_t count, struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json_writer writer;
    struct arn bus;
    buffer_init(&body, BODY_MAX_BYTES);
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "Entries");
    for (size_t i = 0; i < count && i < EVENT_BRIDGE_ENTRIES_MAX; i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "Source", entries[i].source);
        json_write_text(&writer, "DetailType", entries[i].detail_type);
        json_write_text(&writer, "Detail", entries[i].detail);
        json_write_text_if(&writer, "EventBusName", entries[i].bus);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    call->service = AWS_EVENTBRIDGE;
    call->operation = "PutEvents";
    call->region = count > 0 && arn_parse(entries[0].bus, &bus) ? bus.region : SLICE_NONE;
    call->body = arena_copy(arena, buffer_slice(&body));
}

MUST_CHECK static enum status read_result(struct json item, struct event_bridge_result *result,
                                          struct error *error)
{
    *result = (struct event_bridge_result){.event_id = SLICE_NONE};
    enum status status = json_find_text(item, "EventId", 0, &result->event_id, error);
    if (status == STATUS_OK) {
        status = json_find_text(item, "ErrorCode", 0, &result->error_code, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(item, "ErrorMessage", 0, &result->error_message, error);
    }
    if (status == STATUS_OK && result->event_id.size == 0 && result->error_code.size == 0) {
        status = json_reject(item, error, "EventId or ErrorCode is needed");
    }
    return status;
}

enum status event_bridge_read_put(struct arena *arena, const struct aws_call *call,
                                  struct event_bridge_result *results, size_t count,
                                  struct error *error)
{
    struct json root;
    struct json list = {NULL, NULL};
    struct error why = ERROR_NONE;
    enum status status = json_parse(arena, call->reply, &root, &why);
    if (status == STATUS_OK) {
        status = json_find_array(root, "Entries", &list, &why);
    }
    if (status == STATUS_OK && json_count(list) != count) {
        status = json_reject(list, &why, "must hold %zu entries, got %zu", count, json_count(list));
    }
    struct json item = json_element(list, 0);
    for (size_t i = 0; i < count && status == STATUS_OK; i++, item = json_next(item)) {
        status = read_result(item, &results[i], &why);
    }
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, STATUS_INTERNAL, "eventbridge.%s: %s", call->operation, why.text);
}
