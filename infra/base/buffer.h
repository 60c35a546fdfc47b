/*
 * Owning, growing byte buffer with a maximum size. Appends cannot fail one by one: what would pass
 * the maximum is not appended and sets `overflowed`, which the builder checks once at its end.
 * Out of memory aborts.
 */
#ifndef RINGBACK_INFRA_BASE_BUFFER_H
#define RINGBACK_INFRA_BASE_BUFFER_H

#include "infra/base/compiler.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;       /* NUL-terminated once anything was appended; NULL before */
    size_t size;      /* bytes, without the NUL */
    size_t capacity;  /* bytes allocated */
    size_t max_bytes; /* size never exceeds it */
    bool overflowed;  /* sticky until buffer_reset */
};

/* No allocation happens until the first append. */
void buffer_init(struct buffer *buffer, size_t max_bytes);
/* Frees the memory; the buffer may be used again. Fit for CLEANUP. Overwrites nothing: secrets need
 * buffer_wipe first. */
void buffer_clear(struct buffer *buffer);
/* Empties it and keeps the memory. */
void buffer_reset(struct buffer *buffer);
/* Overwrites the content with zeros (not optimised away) and empties it. */
void buffer_wipe(struct buffer *buffer);
void buffer_append(struct buffer *buffer, struct slice bytes);
void buffer_append_text(struct buffer *buffer, const char *text);
void buffer_append_slowly(struct buffer *buffer, char byte);
/* Inline, since writers of JSON live on it. */
static inline void buffer_append_byte(struct buffer *buffer, char byte)
{
    if (buffer->size < buffer->max_bytes && buffer->size + 1 < buffer->capacity) {
        buffer->data[buffer->size++] = byte;
        buffer->data[buffer->size] = '\0';
    } else {
        buffer_append_slowly(buffer, byte);
    }
}
void buffer_append_int64(struct buffer *buffer, int64_t value);
void buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
/* Room for `bytes` more at the end: returns where to write, or NULL (and overflowed) past the
 * maximum. buffer_commit says how many were written. */
char *buffer_reserve(struct buffer *buffer, size_t bytes);
void buffer_commit(struct buffer *buffer, size_t bytes);
/* Drops the first `bytes`. */
void buffer_consume(struct buffer *buffer, size_t bytes);
/* Borrowed; valid until the next append or clear. Never absent: empty gives "". */
struct slice buffer_slice(const struct buffer *buffer);

#endif
