/*
 * JSON lines on stderr: {"time","level","message",…}. One write(2) per line, so that lines of
 * several threads do not mix. Secrets do not get here: there is no way to log a request or a body,
 * and every text passes redaction, which replaces what looks like a task token, a presigned URL's
 * query, a credential or a direct-mode statement name by "[redacted]".
 */
#ifndef RINGBACK_INFRA_BASE_LOG_H
#define RINGBACK_INFRA_BASE_LOG_H

#include "infra/base/buffer.h"
#include "infra/base/slice.h"

#include <stdint.h>

enum log_level {
    LOG_DEBUG,
    LOG_INFO,
    LOG_WARNING,
    LOG_ERROR,
};

struct log_field {
    const char *name;
    enum { LOG_FIELD_TEXT, LOG_FIELD_INTEGER } kind;
    struct slice text;
    int64_t integer;
};

#define LOG_TEXT(field_name, value)                                                                \
    ((struct log_field){.name = (field_name), .kind = LOG_FIELD_TEXT, .text = (value)})
#define LOG_CSTR(field_name, value) LOG_TEXT(field_name, slice_from_text(value))
#define LOG_INT(field_name, value)                                                                 \
    ((struct log_field){.name = (field_name), .kind = LOG_FIELD_INTEGER, .integer = (value)})

/* Set once at start, before threads. fd -1 is silence. */
void log_init(enum log_level least, int fd);
/* Another output for a while, in a process of one thread; returns the one before. */
struct log_output {
    enum log_level least;
    int fd;
};
struct log_output log_redirect(struct log_output output);
/* "DEBUG", "INFO", "WARNING" or "WARN", "ERROR"; any case. Returns 0, or -1 when it is none. */
int log_level_parse(struct slice text, enum log_level *level);
void log_write(enum log_level level, const char *message, const struct log_field *fields,
               size_t count);

/* log_info("listening", LOG_CSTR("name", "http"), LOG_CSTR("address", address)); at least one
 * field. */
#define LOG_FIELDS(...)                                                                            \
    (const struct log_field[]){__VA_ARGS__},                                                       \
        sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field)
#define log_debug(message, ...)   log_write(LOG_DEBUG, message, LOG_FIELDS(__VA_ARGS__))
#define log_info(message, ...)    log_write(LOG_INFO, message, LOG_FIELDS(__VA_ARGS__))
#define log_warning(message, ...) log_write(LOG_WARNING, message, LOG_FIELDS(__VA_ARGS__))
#define log_error(message, ...)   log_write(LOG_ERROR, message, LOG_FIELDS(__VA_ARGS__))

/* What redaction does, on its own: appends text with secrets replaced. */
void log_redact(struct slice text, struct buffer *out);

#endif
