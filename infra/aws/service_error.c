#include "infra/aws/service_error.h"

#include "infra/aws/endpoint.h"
#include "infra/aws/xml.h"
#include "infra/base/json_reader.h"
#include "infra/base/log.h"

#include <string.h>

#define BODY_MAX_BYTES (1u << 20) /* DynamoDB tells an item of up to 400 KB along */

/* Headers and XML may hold any bytes; what is no character becomes '?', since a record that keeps
 * these texts must not grow when it is written as JSON. */
static void copy_text(struct slice text, char *out, size_t size)
{
    const struct slice part = slice_cut_utf8(text, size - 1);
    size_t offset = 0;
    while (offset < part.size) {
        size_t step = slice_utf8_size(part, offset);
        if (step == 0) {
            out[offset] = '?';
            step = 1;
        } else {
            memcpy(out + offset, part.data + offset, step);
        }
        offset += step;
    }
    out[part.size] = '\0';
}

/* Between the last '#' and the first ':'. */
static struct slice normalise(struct slice name)
{
    static const struct slice legacy = {"AWS.SimpleQueueService.", 23};
    name = slice_part(name, 0, slice_find_byte(name, ':'));
    for (size_t hash = slice_find_byte(name, '#'); hash < name.size;
         hash = slice_find_byte(name, '#')) {
        name = slice_part(name, hash + 1, name.size);
    }
    name = slice_trim(name);
    if (slice_starts_with(name, legacy)) {
        name = slice_part(name, legacy.size, name.size);
    }
    return slice_equals(name, SLICE("NonExistentQueue")) ? SLICE("QueueDoesNotExist") : name;
}

static struct slice text_member(struct json object, const char *first, const char *second)
{
    struct slice text = SLICE_NONE;
    if (json_find_text(object, first, 0, &text, NULL) == STATUS_OK && text.data != NULL) {
        return text;
    }
    text = SLICE_NONE;
    return json_find_text(object, second, 0, &text, NULL) == STATUS_OK ? text : SLICE_NONE;
}

static void read_json(struct arena *arena, struct slice body, struct slice *name,
                      struct slice *message)
{
    struct json root;
    if (json_parse(arena, body, &root, NULL) != STATUS_OK) {
        return;
    }
    const struct slice type = text_member(root, "__type", "code");
    if (type.size > 0) {
        *name = type;
    }
    *message = text_member(root, "message", "Message");
}

void service_error_read(struct arena *arena, const struct http_exchange *exchange,
                        char name[AWS_ERROR_NAME_BYTES], char message[AWS_ERROR_MESSAGE_BYTES])
{
    const struct slice body = slice_trim(exchange->response);
    struct slice found = http_response_header(exchange, "x-amzn-ErrorType");
    struct slice text = SLICE_NONE;
    if (found.size == 0) {
        const struct slice legacy = http_response_header(exchange, "x-amzn-query-error");
        found = slice_part(legacy, 0, slice_find_byte(legacy, ';'));
    }
    if (body.size > 0 && body.size <= BODY_MAX_BYTES && body.data[0] == '{') {
        read_json(arena, body, &found, &text);
    } else if (body.size > 0 && body.size <= BODY_MAX_BYTES && body.data[0] == '<') {
        const struct slice code = xml_text(arena, body, "Code");
        found = code.size > 0 ? code : found;
        text = xml_text(arena, body, "Message");
    }
    copy_text(normalise(found), name, AWS_ERROR_NAME_BYTES);
    copy_text(text, message, AWS_ERROR_MESSAGE_BYTES);
}

enum status aws_call_error(const struct aws_call *call, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer message;
    buffer_init(&message, (size_t)4 * AWS_ERROR_MESSAGE_BYTES);
    buffer_append_text(&message, "");
    log_redact(slice_from_text(call->error_message), &message);
    const char *service =
        call->unsigned_url != NULL ? "http" : aws_service_facts(call->service)->name;
    const char *operation = call->unsigned_url != NULL ? call->unsigned_method : call->operation;
    if (call->error_name[0] != '\0') {
        return error_set(error, call->status, "%s.%s: %s: %s", service, operation, call->error_name,
                         message.data);
    }
    if (call->code != 0) {
        return error_set(error, call->status, "%s.%s: HTTP %d", service, operation, call->code);
    }
    return error_set(error, call->status, "%s.%s: %s", service, operation, message.data);
}
