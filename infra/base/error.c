#include "infra/base/error.h"

#include "infra/base/slice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line of valid UTF-8: a character that was cut at the end is dropped, other bytes that are no
 * character and control characters become '?'. */
static void clean_text(char *text)
{
    struct slice all = slice_from_text(text);
    size_t offset = 0;

    if (all.size == ERROR_TEXT_BYTES - 1) {
        all = slice_cut_utf8(all, all.size);
        text[all.size] = '\0';
    }
    while (offset < all.size) {
        size_t size = slice_utf8_size(all, offset);

        if (size == 0 || (unsigned char)text[offset] < 0x20) {
            text[offset] = '?';
            size = 1;
        }
        offset += size;
    }
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    va_list arguments;

    if (error == NULL) {
        return status;
    }
    error->status = status;
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    clean_text(error->text);
    return status;
}

enum status error_wrap(struct error *error, const char *format, ...)
{
    char inner[ERROR_TEXT_BYTES];
    size_t size = 0;
    va_list arguments;

    if (error == NULL) {
        return STATUS_INTERNAL;
    }
    memcpy(inner, error->text, sizeof(inner));
    va_start(arguments, format);
    (void)vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    size = strlen(error->text);
    (void)snprintf(error->text + size, sizeof(error->text) - size, ": %s", inner);
    clean_text(error->text);
    return error->status;
}
