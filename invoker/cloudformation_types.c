#include "invoker/cloudformation_types.h"

#include "infra/base/json_writer.h"

/* The largest request, with escapes. */
#define COPY_MAX_BYTES     (8u << 20)
#define NUMBER_MAX_BYTES   20
#define RESTORED_DEPTH_MAX 8
/* A template's resource has at most 500 properties; walking is quadratic. */
#define MEMBERS_MAX 1000

/* Members of a native request, at any depth of it, that are no texts. */
static const char *const numbers[] = {"timeoutSeconds",   "sessionKeepAliveSeconds",
                                      "heartbeatSeconds", "maxAttempts",
                                      "baseSeconds",      "maxSeconds",
                                      "maxRows",          "minRows",
                                      "MaxRetries",       "InitialWaitTime",
                                      "BaseWaitTime",     "WaitMultiplier",
                                      "MaxWait",          "SessionKeepAliveSeconds"};
static const char *const flags[] = {"keepRunning", "WithEvent"};
/* Members whose own members are the user's, and texts. */
static const char *const opaque[] = {"parameters", "variables", "Parameters"};

static bool is_one_of(struct slice name, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_text(name, names[i])) {
            return true;
        }
    }
    return false;
}

static size_t digits_at(struct slice text, size_t offset)
{
    size_t count = 0;
    while (offset + count < text.size && text.data[offset + count] >= '0' &&
           text.data[offset + count] <= '9') {
        count++;
    }
    return count;
}

/* As JSON writes numbers, without an exponent. */
static bool is_number(struct slice text)
{
    size_t offset = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    size_t whole = digits_at(text, offset);
    if (text.size > NUMBER_MAX_BYTES || whole == 0 || (whole > 1 && text.data[offset] == '0')) {
        return false;
    }
    offset += whole;
    if (offset < text.size && text.data[offset] == '.') {
        size_t fraction = digits_at(text, offset + 1);
        offset += fraction > 0 ? 1 + fraction : 0;
    }
    return offset == text.size;
}

static bool is_flag(struct slice text)
{
    return slice_equals_text(text, "true") || slice_equals_text(text, "false");
}

/* The text that a number or a boolean became; absent for anything else. */
static struct slice text_of(struct json value)
{
    struct slice text = SLICE_NONE;
    return json_kind(value) == JSON_TEXT && json_text(value, &text, NULL) == STATUS_OK ? text
                                                                                       : SLICE_NONE;
}

static void copy_value(struct json_writer *writer, struct json value)
{
    CLEANUP(buffer_clear) struct buffer copy;
    buffer_init(&copy, COPY_MAX_BYTES);
    json_print(value, &copy);
    json_write_raw(writer, NULL, buffer_slice(&copy));
    buffer_wipe(&copy);
}

static void restore_value(struct json_writer *writer, struct json value, int depth);

static void restore_member(struct json_writer *writer, struct slice name, struct json value,
                           int depth)
{
    struct slice text = text_of(value);
    json_write_name(writer, name);
    if (text.size > 0 && ((is_one_of(name, numbers, ARRAY_COUNT(numbers)) && is_number(text)) ||
                          (is_one_of(name, flags, ARRAY_COUNT(flags)) && is_flag(text)))) {
        json_write_raw(writer, NULL, text);
    } else if (is_one_of(name, opaque, ARRAY_COUNT(opaque))) {
        copy_value(writer, value);
    } else {
        restore_value(writer, value, depth);
    }
}

/* What is deeper than a request goes is copied: who reads it refuses it. */
static void restore_value(struct json_writer *writer, struct json value, int depth)
{
    if (json_kind(value) == JSON_OBJECT && depth < RESTORED_DEPTH_MAX &&
        json_count(value) <= MEMBERS_MAX) {
        json_begin_object(writer, NULL);
        for (size_t i = 0; i < json_count(value); i++) {
            struct slice name = SLICE_NONE;
            struct json member = json_member_at(value, i, &name);
            restore_member(writer, name, member, depth + 1);
        }
        json_end_object(writer);
    } else if (json_kind(value) == JSON_ARRAY && depth < RESTORED_DEPTH_MAX) {
        struct json element = json_element(value, 0);
        json_begin_array(writer, NULL);
        for (size_t i = json_count(value); i > 0; i--, element = json_next(element)) {
            restore_value(writer, element, depth + 1);
        }
        json_end_array(writer);
    } else {
        copy_value(writer, value);
    }
}

enum status cloudformation_restore(struct arena *arena, struct json properties, const char *name,
                                   struct json *restored, struct error *error)
{
    static const char *const requests[] = {"create", "update", "delete"};
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    struct json root;
    if (json_count(properties) > MEMBERS_MAX) {
        return json_reject(properties, error, "must have at most %d members", MEMBERS_MAX);
    }
    buffer_init(&out, COPY_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_begin_object(&writer, name);
    for (size_t i = 0; i < json_count(properties); i++) {
        struct slice member_name = SLICE_NONE;
        struct json member = json_member_at(properties, i, &member_name);
        json_write_name(&writer, member_name);
        if (is_one_of(member_name, requests, ARRAY_COUNT(requests))) {
            restore_value(&writer, member, 0);
        } else {
            copy_value(&writer, member);
        }
    }
    json_end_object(&writer);
    json_end_object(&writer);
    enum status status = json_parse(arena, buffer_slice(&out), &root, error);
    buffer_wipe(&out);
    if (status == STATUS_OK) {
        *restored = json_member(root, name);
    }
    return status;
}

enum status cloudformation_find_bool(struct json object, const char *name, bool *flag,
                                     struct error *error)
{
    struct json value = json_member(object, name);
    struct slice text = text_of(value);
    if (text.data == NULL) {
        return json_find_bool(object, name, flag, error);
    }
    if (!is_flag(text)) {
        return json_reject(value, error, "must be true or false");
    }
    *flag = slice_equals_text(text, "true");
    return STATUS_OK;
}

enum status cloudformation_find_int64(struct json object, const char *name, int64_t minimum,
                                      int64_t maximum, int64_t *number, struct error *error)
{
    struct json value = json_member(object, name);
    struct slice text = text_of(value);
    if (text.data == NULL) {
        return json_find_int64(object, name, minimum, maximum, number, error);
    }
    if (!is_number(text) || slice_to_int64(text, minimum, maximum, number, NULL) != STATUS_OK) {
        return json_reject(value, error, "must be an integer between %lld and %lld",
                           (long long)minimum, (long long)maximum);
    }
    return STATUS_OK;
}
