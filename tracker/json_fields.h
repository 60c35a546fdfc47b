/*
 * Shared by the stored forms of plan and state: members that have their default are left out, a
 * place that is read is checked for its kind and its range, unknown members are passed over.
 * Only plan_json.c and state_json.c include this.
 */
#ifndef RINGBACK_TRACKER_JSON_FIELDS_H
#define RINGBACK_TRACKER_JSON_FIELDS_H

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Left out when they say nothing: an empty text, the fallback, false. */
void put_text(struct json_writer *writer, const char *name, const char *text);
void put_number(struct json_writer *writer, const char *name, int64_t value, int64_t fallback);
void put_flag(struct json_writer *writer, const char *name, bool flag);

/* Reading stops at the first error; the getters below do nothing after it. */
struct reading {
    struct json object;
    struct error *error;
    enum status status;
};

struct reading read_root(struct arena *arena, struct slice json, struct error *error);
/* A place that must be an object: of anything else every member would read as its default. */
struct reading read_inside(const struct reading *outer, struct json object);

struct slice take_slice(struct reading *reading, const char *name);
void take_text(struct reading *reading, const char *name, char *out, size_t out_bytes);
int64_t take_number(struct reading *reading, const char *name, int64_t least, int64_t most,
                    int64_t fallback);
int64_t take_time(struct reading *reading, const char *name);
bool take_flag(struct reading *reading, const char *name);
struct json take_array(struct reading *reading, const char *name);
/* The array's size, refused above most. */
size_t take_count(struct reading *reading, struct json array, size_t most);

#endif
