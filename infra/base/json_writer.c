#include "infra/base/json_writer.h"

#include "infra/base/json_plain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_writer_init(struct json_writer *writer, struct buffer *out)
{
    writer->out = out;
    writer->needs_comma = false;
}

/* Of a byte that may not stand for itself. */
static void append_escape(struct buffer *out, unsigned char byte)
{
    static const char hex[] = "0123456789abcdef";
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'};

    if (byte >= 0x80) {
        buffer_append_text(out, "\xEF\xBF\xBD");
        return;
    }
    buffer_append_byte(out, '\\');
    if (byte >= 0x20) {
        buffer_append_byte(out, (char)byte);
    } else if (letters[byte] != '\0') {
        buffer_append_byte(out, letters[byte]);
    } else {
        const char numeric[] = {'u', '0', '0', hex[byte >> 4], hex[byte & 15]};

        buffer_append(out, (struct slice){numeric, sizeof(numeric)});
    }
}

/* Runs that need no escape are appended at once. */
static void append_quoted(struct buffer *out, struct slice text)
{
    size_t offset = 0;

    buffer_append_byte(out, '"');
    while (offset < text.size) {
        const size_t run = json_plain_run(text, offset);

        buffer_append(out, (struct slice){text.data + offset, run});
        offset += run;
        if (offset < text.size) {
            append_escape(out, (unsigned char)text.data[offset++]);
        }
    }
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
        buffer_append_text(writer->out, signbit(value) && value == 0 ? "-" : "");
        buffer_append_int64(writer->out, (int64_t)value);
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
