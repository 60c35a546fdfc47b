/*
 * Writing JSON straight into a buffer, without a tree in between: commas and escapes are put where
 * they belong, so that what is written is always well-formed as long as begin and end are paired.
 * A size limit is the buffer's: check buffer.overflowed at the end.
 */
#ifndef RINGBACK_INFRA_BASE_JSON_WRITER_H
#define RINGBACK_INFRA_BASE_JSON_WRITER_H

#include "infra/base/buffer.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer {
    struct buffer *out;
    bool needs_comma;
};

void json_writer_init(struct json_writer *writer, struct buffer *out);

/* name is NULL inside an array and at the root. */
void json_begin_object(struct json_writer *writer, const char *name);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer, const char *name);
void json_end_array(struct json_writer *writer);

/* Control characters, quotes and backslashes are escaped; invalid UTF-8 becomes U+FFFD. An absent
 * slice writes null. */
void json_write_text(struct json_writer *writer, const char *name, struct slice text);
void json_write_int64(struct json_writer *writer, const char *name, int64_t value);
/* Shortest text that reads back as the same double; NaN and infinities become null. */
void json_write_double(struct json_writer *writer, const char *name, double value);
void json_write_bool(struct json_writer *writer, const char *name, bool value);
void json_write_null(struct json_writer *writer, const char *name);
/* Bytes that are JSON already. */
void json_write_raw(struct json_writer *writer, const char *name, struct slice json);
/* A member name that is not a C literal. The value must follow with name NULL. */
void json_write_name(struct json_writer *writer, struct slice name);

/* As json_write_text, but the member is left out when the slice is absent. */
void json_write_text_if(struct json_writer *writer, const char *name, struct slice text);

#endif
