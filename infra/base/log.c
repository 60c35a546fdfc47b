#include "infra/base/log.h"

#include "infra/base/clock.h"
#include "infra/base/encode.h"
#include "infra/base/json_writer.h"

#include <errno.h>
#include <unistd.h>

#define TEXT_MAX_BYTES ((size_t)2048)
#define LINE_MAX_BYTES ((size_t)64 * 1024)

static enum log_level least_level = LOG_INFO;
static int output_fd = STDERR_FILENO;

static const char *const LEVEL_NAMES[] = {
    [LOG_DEBUG] = "DEBUG", [LOG_INFO] = "INFO", [LOG_WARNING] = "WARNING", [LOG_ERROR] = "ERROR"};

void log_init(enum log_level least, int fd)
{
    least_level = least;
    output_fd = fd;
}

struct log_output log_redirect(struct log_output output)
{
    const struct log_output before = {.least = least_level, .fd = output_fd};

    log_init(output.least, output.fd);
    return before;
}

int log_level_parse(struct slice text, enum log_level *level)
{
    if (slice_equals_ignore_case(text, SLICE("WARN"))) {
        *level = LOG_WARNING;
        return 0;
    }
    for (enum log_level i = LOG_DEBUG; i <= LOG_ERROR; i++) {
        if (slice_equals_ignore_case(text, slice_from_text(LEVEL_NAMES[i]))) {
            *level = i;
            return 0;
        }
    }
    return -1;
}

/* Redacted before it is cut, so that a secret's head cannot get through. */
static void write_redacted(struct json_writer *writer, const char *name, struct slice text)
{
    CLEANUP(buffer_clear) struct buffer clean;

    buffer_init(&clean, SIZE_MAX / 2);
    log_redact(text, &clean);
    json_write_text(writer, name, slice_cut_utf8(buffer_slice(&clean), TEXT_MAX_BYTES));
}

static void write_field(struct json_writer *writer, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_FIELD_INTEGER: json_write_int64(writer, field->name, field->integer); break;
    case LOG_FIELD_TEXT:
        if (field->text.data == NULL) {
            json_write_null(writer, field->name);
        } else {
            write_redacted(writer, field->name, field->text);
        }
        break;
    }
}

/* One write(2), repeated only when a signal came first. A log that cannot be written is lost. */
static void write_line(struct slice line)
{
    ssize_t written = 0;

    do {
        written = write(output_fd, line.data, line.size);
    } while (written < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count)
{
    CLEANUP(buffer_clear) struct buffer line;
    struct json_writer writer;
    char time[TIME_TEXT_BYTES + 1];

    buffer_init(&line, LINE_MAX_BYTES);
    if (level < least_level || output_fd < 0) {
        return;
    }
    time_format_ms(clock_now_ms(clock_system()), time);
    json_writer_init(&writer, &line);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "time", slice_from_text(time));
    json_write_text(&writer, "level", slice_from_text(LEVEL_NAMES[level]));
    write_redacted(&writer, "message", slice_from_text(message));
    for (size_t i = 0; i < count; i++) {
        write_field(&writer, &fields[i]);
    }
    json_end_object(&writer);
    buffer_append_byte(&line, '\n');
    if (!line.overflowed) {
        write_line(buffer_slice(&line));
    }
}
