#include "infra/base/buffer.h"

#include "infra/base/memory.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

void buffer_init(struct buffer *buffer, size_t max_bytes)
{
    *buffer = (struct buffer){.max_bytes = max_bytes};
}

void buffer_clear(struct buffer *buffer)
{
    free(buffer->data);
    buffer_init(buffer, buffer->max_bytes);
}

void buffer_reset(struct buffer *buffer)
{
    buffer->size = 0;
    buffer->overflowed = false;
    if (buffer->data != NULL) {
        buffer->data[0] = '\0';
    }
}

void buffer_wipe(struct buffer *buffer)
{
    if (buffer->data != NULL) {
        explicit_bzero(buffer->data, buffer->capacity);
    }
    buffer_reset(buffer);
}

/* The capacity doubles, so that appending byte by byte stays linear. */
static void grow(struct buffer *buffer, size_t needed)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;

    while (capacity < needed) {
        capacity = capacity > SIZE_MAX / 2 ? needed : capacity * 2;
    }
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

char *buffer_reserve(struct buffer *buffer, size_t bytes)
{
    if (bytes > buffer->max_bytes - buffer->size) {
        buffer->overflowed = true;
        return NULL;
    }
    if (bytes >= buffer->capacity - buffer->size) {
        if (bytes >= SIZE_MAX - buffer->size) {
            memory_abort("a buffer's size overflows");
        }
        grow(buffer, buffer->size + bytes + 1);
    }
    return buffer->data + buffer->size;
}

void buffer_commit(struct buffer *buffer, size_t bytes)
{
    buffer->size += bytes;
    buffer->data[buffer->size] = '\0';
}

void buffer_append(struct buffer *buffer, struct slice bytes)
{
    char *end = buffer_reserve(buffer, bytes.size);

    if (end == NULL) {
        return;
    }
    if (bytes.size > 0) {
        memcpy(end, bytes.data, bytes.size);
    }
    buffer_commit(buffer, bytes.size);
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, slice_from_text(text));
}

void buffer_append_slowly(struct buffer *buffer, char byte)
{
    char *end = buffer_reserve(buffer, 1);

    if (end != NULL) {
        *end = byte;
        buffer_commit(buffer, 1);
    }
}

void buffer_append_int64(struct buffer *buffer, int64_t value)
{
    char memory[SLICE_INT64_BYTES];

    buffer_append(buffer, slice_from_int64(value, memory));
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_list again;
    int size = 0;
    char *end = NULL;

    va_start(arguments, format);
    va_copy(again, arguments);
    size = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    end = size < 0 ? NULL : buffer_reserve(buffer, (size_t)size);
    if (end == NULL) {
        buffer->overflowed = true;
    } else {
        (void)vsnprintf(end, (size_t)size + 1, format, again);
        buffer_commit(buffer, (size_t)size);
    }
    va_end(again);
}

void buffer_consume(struct buffer *buffer, size_t bytes)
{
    if (bytes >= buffer->size) {
        bytes = buffer->size;
    }
    if (bytes > 0) {
        buffer->size -= bytes;
        memmove(buffer->data, buffer->data + bytes, buffer->size);
        buffer->data[buffer->size] = '\0';
    }
}

struct slice buffer_slice(const struct buffer *buffer)
{
    return buffer->data == NULL ? SLICE("") : (struct slice){buffer->data, buffer->size};
}
