#include "infra/local/local_message.h"

#include "infra/base/memory.h"
#include "infra/local/local_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE_NAME_MAX 256
#define HANDLE_MAX_BYTES   1024

static size_t attributes_bytes(const struct local_attribute *attributes, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes += attributes[i].name.size + attributes[i].type.size + attributes[i].value.size;
    }
    return bytes;
}

const char *local_sequence_text(struct arena *arena, uint64_t sequence)
{
    return arena_format(arena, "1887%016" PRIu64, sequence);
}

size_t local_message_size(const struct local_message_parts *parts)
{
    return parts->body.size + attributes_bytes(parts->attributes, parts->attribute_count);
}

static struct slice copy_to(char **cursor, struct slice text)
{
    if (text.data == NULL) {
        return SLICE_NONE;
    }
    struct slice copy = {.data = *cursor, .size = text.size};
    memcpy(*cursor, text.data, text.size);
    *cursor += text.size;
    return copy;
}

struct local_message *local_message_new(const struct local_message_parts *parts, const char *id,
                                        int64_t now_ms)
{
    size_t attributes_size = parts->attribute_count * sizeof(struct local_attribute);
    size_t texts_size = local_message_size(parts) + parts->group_id.size + parts->dedup_id.size +
                        parts->trace_header.size;
    struct local_message *message = memory_new(sizeof(*message) + attributes_size + texts_size);
    struct local_attribute *attributes = (struct local_attribute *)(message + 1);
    char *cursor = (char *)(attributes + parts->attribute_count);
    message->parts = (struct local_message_parts){
        .body = copy_to(&cursor, parts->body),
        .group_id = copy_to(&cursor, parts->group_id),
        .dedup_id = copy_to(&cursor, parts->dedup_id),
        .trace_header = copy_to(&cursor, parts->trace_header),
        .attributes = attributes,
        .attribute_count = parts->attribute_count,
    };
    for (size_t i = 0; i < parts->attribute_count; i++) {
        attributes[i] = (struct local_attribute){
            .name = copy_to(&cursor, parts->attributes[i].name),
            .type = copy_to(&cursor, parts->attributes[i].type),
            .value = copy_to(&cursor, parts->attributes[i].value),
            .binary = parts->attributes[i].binary,
        };
    }
    memcpy(message->id, id, sizeof(message->id) - 1);
    digest_md5_hex(message->parts.body, message->body_md5);
    message->sent_at_ms = now_ms;
    return message;
}

void local_message_free(struct local_message *message)
{
    if (message != NULL) {
        free(message->dead_source_arn);
        free(message);
    }
}

bool local_message_text_allowed(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r') {
            return false;
        }
        /* U+FFFE and U+FFFF are EF BF BE and EF BF BF. */
        if (byte == 0xEF && i + 2 < text.size && (unsigned char)text.data[i + 1] == 0xBF &&
            (unsigned char)text.data[i + 2] >= 0xBE) {
            return false;
        }
    }
    return true;
}

static int compare_names(const void *left, const void *right)
{
    const struct local_attribute *a = left;
    const struct local_attribute *b = right;
    size_t shorter = a->name.size < b->name.size ? a->name.size : b->name.size;
    int order = memcmp(a->name.data, b->name.data, shorter);
    if (order != 0) {
        return order;
    }
    return (a->name.size > b->name.size) - (a->name.size < b->name.size);
}

static void append_counted(struct buffer *out, struct slice bytes)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        buffer_append_byte(out, (char)(unsigned char)(bytes.size >> shift));
    }
    buffer_append(out, bytes);
}

bool local_attributes_md5(struct arena *arena, const struct local_attribute *attributes,
                          size_t count, char out[MD5_HEX_BYTES + 1])
{
    if (count == 0) {
        return false;
    }
    struct local_attribute *sorted = ARENA_ARRAY(arena, count, struct local_attribute);
    memcpy(sorted, attributes, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_names);
    CLEANUP(buffer_clear) struct buffer bytes;
    buffer_init(&bytes, attributes_bytes(attributes, count) + count * 16);
    for (size_t i = 0; i < count; i++) {
        append_counted(&bytes, sorted[i].name);
        append_counted(&bytes, sorted[i].type);
        buffer_append_byte(&bytes, sorted[i].binary ? 2 : 1);
        append_counted(&bytes, sorted[i].value);
    }
    digest_md5_hex(buffer_slice(&bytes), out);
    return true;
}

static bool is_name_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

static bool is_valid_name(struct slice name)
{
    if (name.size == 0 || name.size > ATTRIBUTE_NAME_MAX || name.data[0] == '.' ||
        name.data[name.size - 1] == '.' || slice_find(name, SLICE("..")) < name.size) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (!is_name_character(name.data[i])) {
            return false;
        }
    }
    return !slice_equals_ignore_case(slice_part(name, 0, 4), SLICE("AWS.")) &&
           !slice_equals_ignore_case(slice_part(name, 0, 7), SLICE("Amazon."));
}

/* "Number" or "Number.custom". */
static bool is_type(struct slice type, struct slice base)
{
    return slice_starts_with(type, base) &&
           (type.size == base.size || (type.data[base.size] == '.' && type.size > base.size + 1));
}

static bool is_known_type(struct slice type)
{
    return is_type(type, SLICE("String")) || is_type(type, SLICE("Number")) ||
           is_type(type, SLICE("Binary"));
}

static enum status read_binary(struct arena *arena, struct local_attribute *attribute,
                               struct error *error)
{
    CLEANUP(buffer_clear) struct buffer bytes;
    buffer_init(&bytes, attribute->value.size);
    if (decode_base64(attribute->value, &bytes, error) != STATUS_OK) {
        return error_set(error, STATUS_REJECTED, "The value of '%.*s' is not base64.",
                         SLICE_PRINT(attribute->name));
    }
    attribute->value = arena_copy(arena, buffer_slice(&bytes));
    return STATUS_OK;
}

static enum status read_attribute(struct arena *arena, struct json value,
                                  struct local_attribute *attribute, struct error *error)
{
    if (!is_valid_name(attribute->name)) {
        return error_set(error, STATUS_REJECTED, "The message attribute name '%.*s' is invalid.",
                         SLICE_PRINT(slice_cut_utf8(attribute->name, ATTRIBUTE_NAME_MAX)));
    }
    if (json_get_text(value, "DataType", ATTRIBUTE_NAME_MAX, &attribute->type, error) !=
        STATUS_OK) {
        return error_set(error, STATUS_REJECTED,
                         "The message attribute '%.*s' must contain a non-empty DataType.",
                         SLICE_PRINT(attribute->name));
    }
    attribute->binary = is_type(attribute->type, SLICE("Binary"));
    if (!is_known_type(attribute->type)) {
        return error_set(error, STATUS_REJECTED,
                         "The type of message attribute '%.*s' must be String, Number or Binary.",
                         SLICE_PRINT(attribute->name));
    }
    const char *member = attribute->binary ? "BinaryValue" : "StringValue";
    if (json_get_text(value, member, 0, &attribute->value, error) != STATUS_OK ||
        attribute->value.size == 0) {
        return error_set(error, STATUS_REJECTED,
                         "The message attribute '%.*s' must contain a non-empty value of its type.",
                         SLICE_PRINT(attribute->name));
    }
    return attribute->binary ? read_binary(arena, attribute, error) : STATUS_OK;
}

enum status local_attributes_read(struct arena *arena, struct json object,
                                  struct local_attribute **attributes, size_t *count,
                                  struct error *error)
{
    *count = json_count(object);
    if (*count > LOCAL_MESSAGE_ATTRIBUTES_MAX) {
        return error_set(error, STATUS_REJECTED,
                         "Number of message attributes [%zu] exceeds the allowed maximum [%d].",
                         *count, LOCAL_MESSAGE_ATTRIBUTES_MAX);
    }
    *attributes = ARENA_ARRAY(arena, *count + 1, struct local_attribute);
    for (size_t i = 0; i < *count; i++) {
        struct json value = json_member_at(object, i, &(*attributes)[i].name);
        if (read_attribute(arena, value, &(*attributes)[i], error) != STATUS_OK) {
            return STATUS_REJECTED;
        }
        if (!(*attributes)[i].binary && !local_message_text_allowed((*attributes)[i].value)) {
            return error_set(error, STATUS_REJECTED,
                             "The message attribute '%.*s' contains invalid characters.",
                             SLICE_PRINT((*attributes)[i].name));
        }
    }
    return STATUS_OK;
}

void local_attributes_write(struct json_writer *writer, const struct local_attribute *attributes,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_write_name(writer, attributes[i].name);
        json_begin_object(writer, NULL);
        json_write_text(writer, "DataType", attributes[i].type);
        if (attributes[i].binary) {
            CLEANUP(buffer_clear) struct buffer text;
            buffer_init(&text, attributes[i].value.size * 2 + 8);
            encode_base64(attributes[i].value.data, attributes[i].value.size, &text);
            json_write_text(writer, "BinaryValue", buffer_slice(&text));
        } else {
            json_write_text(writer, "StringValue", attributes[i].value);
        }
        json_end_object(writer);
    }
}

/* Three bytes that make it begin as AWS's handles do, then queue, id, count and nonce. */
struct slice local_handle_make(struct arena *arena, struct slice queue_name,
                               const struct local_message *message, uint64_t nonce)
{
    const char *plain =
        arena_format(arena, "\x01\x01\x01%.*s/%s/%" PRId64 "/%016" PRIx64, SLICE_PRINT(queue_name),
                     message->id, message->receive_count, nonce);
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, HANDLE_MAX_BYTES);
    encode_base64(plain, strlen(plain), &text);
    return arena_copy(arena, buffer_slice(&text));
}

/* The part before the next '/', which is taken off; absent when there is no '/'. */
static struct slice next_part(struct slice *rest)
{
    size_t end = slice_find_byte(*rest, '/');
    if (end == rest->size) {
        return SLICE_NONE;
    }
    struct slice part = slice_part(*rest, 0, end);
    *rest = slice_part(*rest, end + 1, rest->size);
    return part;
}

bool local_handle_read(struct arena *arena, struct slice handle, struct slice queue_name,
                       struct slice *message_id, int64_t *receive_count)
{
    CLEANUP(buffer_clear) struct buffer plain;
    buffer_init(&plain, HANDLE_MAX_BYTES);
    if (handle.size > HANDLE_MAX_BYTES || decode_base64(handle, &plain, NULL) != STATUS_OK) {
        return false;
    }
    struct slice rest = arena_copy(arena, buffer_slice(&plain));
    if (!slice_starts_with(rest, SLICE("\x01\x01\x01"))) {
        return false;
    }
    rest = slice_part(rest, 3, rest.size);
    struct slice name = next_part(&rest);
    *message_id = next_part(&rest);
    struct slice count = next_part(&rest);
    return slice_equals(name, queue_name) && message_id->size == 36 && rest.size == 16 &&
           slice_to_int64(count, 1, INT64_MAX, receive_count, NULL) == STATUS_OK;
}
