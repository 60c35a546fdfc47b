#include "infra/local/local_outbox.h"

#define ENTRIES_MAX       10
#define REQUEST_MAX_BYTES ((size_t)1048576)
#define TIME_BYTES        14 /* what Time counts for */

struct entry {
    struct slice source;
    struct slice detail_type;
    struct slice detail;
    struct slice bus;
    struct json resources;
};

static void read_text(struct json object, const char *name, struct slice *text)
{
    if (json_text(json_member(object, name), text, NULL) != STATUS_OK) {
        *text = SLICE_NONE;
    }
}

static struct entry read_entry(struct json object)
{
    struct entry entry = {.resources = json_member(object, "Resources")};
    read_text(object, "Source", &entry.source);
    read_text(object, "DetailType", &entry.detail_type);
    read_text(object, "Detail", &entry.detail);
    read_text(object, "EventBusName", &entry.bus);
    if (entry.bus.size == 0) {
        entry.bus = SLICE("default");
    }
    return entry;
}

static size_t entry_bytes(struct json object)
{
    struct entry entry = read_entry(object);
    size_t bytes = json_exists(json_member(object, "Time")) ? TIME_BYTES : 0;
    struct json resource = json_element(entry.resources, 0);
    for (size_t i = json_count(entry.resources); i > 0; i--, resource = json_next(resource)) {
        struct slice text = SLICE_NONE;
        if (json_text(resource, &text, NULL) == STATUS_OK) {
            bytes += text.size;
        }
    }
    return bytes + entry.source.size + entry.detail_type.size + entry.detail.size;
}

/* NULL when the entry is good; else the error's code, its text in *text. */
static const char *check_entry(struct arena *arena, const struct entry *entry, const char **text)
{
    struct json detail;
    if (entry->source.size == 0) {
        *text = "Parameter Source is not valid. Reason: Source is a required argument.";
        return "InvalidArgument";
    }
    if (entry->detail_type.size == 0) {
        *text = "Parameter DetailType is not valid. Reason: DetailType is a required argument.";
        return "InvalidArgument";
    }
    if (entry->detail.size == 0) {
        *text = "Parameter Detail is not valid. Reason: Detail is a required argument.";
        return "InvalidArgument";
    }
    if (slice_starts_with(entry->source, SLICE("aws."))) {
        *text = "Not authorized for the source.";
        return "NotAuthorizedForSourceException";
    }
    if (json_parse(arena, entry->detail, &detail, NULL) != STATUS_OK ||
        json_kind(detail) != JSON_OBJECT) {
        *text = "Detail is malformed.";
        return "MalformedDetail";
    }
    return NULL;
}

static void keep_entry(struct local_outbox *outbox, const struct entry *entry, const char *id)
{
    struct json_writer out;
    CLEANUP(buffer_clear) struct buffer kept;
    buffer_init(&kept, REQUEST_MAX_BYTES * 8);
    json_writer_init(&out, &kept);
    json_begin_object(&out, NULL);
    json_write_text(&out, "service", SLICE("events"));
    json_write_text(&out, "target", entry->bus);
    json_write_text(&out, "body", entry->detail);
    json_begin_object(&out, "attributes");
    json_write_text(&out, "id", slice_from_text(id));
    json_write_text(&out, "source", entry->source);
    json_write_text(&out, "detailType", entry->detail_type);
    if (json_exists(entry->resources)) {
        CLEANUP(buffer_clear) struct buffer resources;
        buffer_init(&resources, REQUEST_MAX_BYTES * 2);
        json_print(entry->resources, &resources);
        json_write_raw(&out, "resources", buffer_slice(&resources));
    }
    json_end_object(&out);
    json_end_object(&out);
    local_outbox_keep(outbox, buffer_slice(&kept));
}

/* Writes the entry's result; true when it was taken. */
static bool put_entry(struct local_outbox *outbox, struct arena *arena, struct json object,
                      struct json_writer *out)
{
    struct entry entry = read_entry(object);
    const char *text = NULL;
    const char *code = check_entry(arena, &entry, &text);
    json_begin_object(out, NULL);
    if (code != NULL) {
        json_write_text(out, "ErrorCode", slice_from_text(code));
        json_write_text(out, "ErrorMessage", slice_from_text(text));
    } else {
        const char *id = local_outbox_uuid(outbox, arena);
        keep_entry(outbox, &entry, id);
        json_write_text(out, "EventId", slice_from_text(id));
    }
    json_end_object(out);
    return code == NULL;
}

static bool check_request(const struct local_call *call, struct http_server_response *response)
{
    struct json entries = json_member(call->input, "Entries");
    struct json entry = json_element(entries, 0);
    size_t bytes = 0;
    const char *wrong = NULL;
    if (!slice_equals(call->operation, SLICE("PutEvents"))) {
        local_reply_error(response, 400, "UnknownOperationException", "message",
                          SLICE("The operation is not known."));
        return false;
    }
    for (size_t i = json_count(entries); i > 0; i--, entry = json_next(entry)) {
        bytes += entry_bytes(entry);
    }
    if (json_count(entries) == 0 || json_count(entries) > ENTRIES_MAX) {
        wrong = "1 validation error detected: Value at 'entries' failed to satisfy constraint: "
                "Member must have length between 1 and 10";
    } else if (bytes >= REQUEST_MAX_BYTES) {
        wrong = "Total size of the entries in the request is over the limit.";
    }
    if (wrong != NULL) {
        local_reply_error(response, 400, "ValidationException", "message", slice_from_text(wrong));
    }
    return wrong == NULL;
}

void local_outbox_events(struct local_outbox *outbox, const struct local_call *call,
                         struct http_server_response *response)
{
    struct json_writer out;
    struct json entries = json_member(call->input, "Entries");
    struct json entry = json_element(entries, 0);
    int64_t failed_count = 0;
    CLEANUP(buffer_clear) struct buffer reply;
    buffer_init(&reply, (size_t)ENTRIES_MAX * ERROR_TEXT_BYTES);
    if (!check_request(call, response)) {
        return;
    }
    json_writer_init(&out, &reply);
    json_begin_object(&out, NULL);
    json_begin_array(&out, "Entries");
    for (size_t i = json_count(entries); i > 0; i--, entry = json_next(entry)) {
        failed_count += put_entry(outbox, call->arena, entry, &out) ? 0 : 1;
    }
    json_end_array(&out);
    json_write_int64(&out, "FailedEntryCount", failed_count);
    json_end_object(&out);
    local_reply(response, buffer_slice(&reply));
}
