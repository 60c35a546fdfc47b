#include "tracker/json_fields.h"

#include <string.h>

void put_text(struct json_writer *writer, const char *name, const char *text)
{
    if (text[0] != '\0') {
        json_write_text(writer, name, slice_from_text(text));
    }
}

void put_number(struct json_writer *writer, const char *name, int64_t value, int64_t fallback)
{
    if (value != fallback) {
        json_write_int64(writer, name, value);
    }
}

void put_flag(struct json_writer *writer, const char *name, bool flag)
{
    if (flag) {
        json_write_bool(writer, name, true);
    }
}

struct slice take_slice(struct reading *reading, const char *name)
{
    struct slice text = SLICE_NONE;
    if (reading->status == STATUS_OK) {
        reading->status = json_find_text(reading->object, name, 0, &text, reading->error);
    }
    return text;
}

void take_text(struct reading *reading, const char *name, char *out, size_t out_bytes)
{
    struct slice text = SLICE_NONE;
    out[0] = '\0';
    if (reading->status == STATUS_OK) {
        reading->status =
            json_find_text(reading->object, name, out_bytes - 1, &text, reading->error);
    }
    if (reading->status == STATUS_OK && text.size > 0) {
        memcpy(out, text.data, text.size);
        out[text.size] = '\0';
    }
}

int64_t take_number(struct reading *reading, const char *name, int64_t least, int64_t most,
                    int64_t fallback)
{
    int64_t value = fallback;
    if (reading->status == STATUS_OK) {
        reading->status =
            json_find_int64(reading->object, name, least, most, &value, reading->error);
    }
    return value;
}

int64_t take_time(struct reading *reading, const char *name)
{
    return take_number(reading, name, 0, INT64_C(1) << 52, 0);
}

bool take_flag(struct reading *reading, const char *name)
{
    bool flag = false;
    if (reading->status == STATUS_OK) {
        reading->status = json_find_bool(reading->object, name, &flag, reading->error);
    }
    return flag;
}

struct json take_array(struct reading *reading, const char *name)
{
    struct json array = {0};
    if (reading->status == STATUS_OK) {
        reading->status = json_find_array(reading->object, name, &array, reading->error);
    }
    return array;
}

/* The array's size, refused above most. */
size_t take_count(struct reading *reading, struct json array, size_t most)
{
    size_t count = json_count(array);
    if (reading->status == STATUS_OK && count > most) {
        reading->status = json_reject(array, reading->error, "at most %zu entries", most);
    }
    return reading->status == STATUS_OK ? count : 0;
}

/* A place that must be an object: of anything else every member would read as its default. */
struct reading read_inside(const struct reading *outer, struct json object)
{
    struct reading inner = {object, outer->error, outer->status};
    if (inner.status == STATUS_OK && json_kind(object) != JSON_OBJECT) {
        inner.status = json_reject(object, inner.error, "must be an object");
    }
    return inner;
}

struct reading read_root(struct arena *arena, struct slice json, struct error *error)
{
    struct reading outer = {.error = error};
    outer.status = json_parse(arena, json, &outer.object, error);
    return read_inside(&outer, outer.object);
}
