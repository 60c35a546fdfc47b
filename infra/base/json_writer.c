#include "infra/base/json_writer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_writer_init(struct json_writer *writer, struct buffer *out)
{
    writer->out = out;
    writer->needs_comma = false;
}

/* The escape of a byte below 0x80 that may not stand for itself; NULL when it may. */
static const char *escape_of(unsigned char byte, char numeric[7])
{
    static const char hex[] = "0123456789abcdef";

    switch (byte) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: break;
    }
    if (byte >= 0x20) {
        return NULL;
    }
    numeric[0] = '\\';
    numeric[1] = 'u';
    numeric[2] = '0';
    numeric[3] = '0';
    numeric[4] = hex[byte >> 4];
    numeric[5] = hex[byte & 15];
    numeric[6] = '\0';
    return numeric;
}

/* Runs that need no escape are appended at once. */
static void append_quoted(struct buffer *out, struct slice text)
{
    size_t run = 0;
    size_t offset = 0;

    buffer_append_byte(out, '"');
    while (offset < text.size) {
        unsigned char byte = (unsigned char)text.data[offset];
        size_t size = byte < 0x80 ? 1 : slice_utf8_size(text, offset);
        char numeric[7];
        const char *escape = size == 0 ? "\xEF\xBF\xBD" : NULL;

        if (byte < 0x80) {
            escape = escape_of(byte, numeric);
        }
        size = size == 0 ? 1 : size;
        if (escape != NULL) {
            buffer_append(out, slice_part(text, run, offset - run));
            buffer_append_text(out, escape);
            run = offset + size;
        }
        offset += size;
    }
    buffer_append(out, slice_part(text, run, text.size));
    buffer_append_byte(out, '"');
}

/* What stands before a value: the comma and, inside an object, its name. */
static void begin_value(struct json_writer *writer, const char *name)
{
    if (name != NULL) {
        json_write_name(writer, slice_from_text(name));
    } else if (writer->needs_comma) {
        buffer_append_byte(writer->out, ',');
    }
    writer->needs_comma = true;
}

static void begin_container(struct json_writer *writer, const char *name, char bracket)
{
    begin_value(writer, name);
    buffer_append_byte(writer->out, bracket);
    writer->needs_comma = false;
}

static void end_container(struct json_writer *writer, char bracket)
{
    buffer_append_byte(writer->out, bracket);
    writer->needs_comma = true;
}

void json_begin_object(struct json_writer *writer, const char *name)
{
    begin_container(writer, name, '{');
}

void json_end_object(struct json_writer *writer)
{
    end_container(writer, '}');
}

void json_begin_array(struct json_writer *writer, const char *name)
{
    begin_container(writer, name, '[');
}

void json_end_array(struct json_writer *writer)
{
    end_container(writer, ']');
}

void json_write_name(struct json_writer *writer, struct slice name)
{
    if (writer->needs_comma) {
        buffer_append_byte(writer->out, ',');
    }
    append_quoted(writer->out, name);
    buffer_append_byte(writer->out, ':');
    writer->needs_comma = false;
}

void json_write_raw(struct json_writer *writer, const char *name, struct slice json)
{
    begin_value(writer, name);
    buffer_append(writer->out, json);
}

void json_write_text(struct json_writer *writer, const char *name, struct slice text)
{
    if (text.data == NULL) {
        json_write_null(writer, name);
        return;
    }
    begin_value(writer, name);
    append_quoted(writer->out, text);
}

void json_write_text_if(struct json_writer *writer, const char *name, struct slice text)
{
    if (text.data != NULL) {
        json_write_text(writer, name, text);
    }
}

void json_write_int64(struct json_writer *writer, const char *name, int64_t value)
{
    begin_value(writer, name);
    buffer_append_int64(writer->out, value);
}

void json_write_double(struct json_writer *writer, const char *name, double value)
{
    char text[32];
    int digits = 15;

    if (!isfinite(value)) {
        json_write_null(writer, name);
        return;
    }
    begin_value(writer, name);
    if (fabs(value) <= 0x1p53 && trunc(value) == value) {
        buffer_append_format(writer->out, "%.0f", value);
        return;
    }
    do {
        (void)snprintf(text, sizeof(text), "%.*g", digits, value);
        digits++;
    } while (digits <= 17 && strtod(text, NULL) != value);
    buffer_append_text(writer->out, text);
}

void json_write_bool(struct json_writer *writer, const char *name, bool value)
{
    json_write_raw(writer, name, value ? SLICE("true") : SLICE("false"));
}

void json_write_null(struct json_writer *writer, const char *name)
{
    json_write_raw(writer, name, SLICE("null"));
}
