/*
 * What went wrong, for a person: one status and one line of text, wrapped with context on the way
 * up ("register: sqlite: disk full"). Lives on the caller's stack; no allocation, no globals.
 * Text must never contain a secret (task token, ResponseURL, credential, SQL).
 */
#ifndef RINGBACK_INFRA_BASE_ERROR_H
#define RINGBACK_INFRA_BASE_ERROR_H

#include "infra/base/compiler.h"
#include "infra/base/status.h"

#define ERROR_TEXT_BYTES 512

struct error {
    enum status status;
    char text[ERROR_TEXT_BYTES]; /* always NUL-terminated valid UTF-8; cut, never overrun */
};

#define ERROR_NONE ((struct error){.status = STATUS_OK, .text = ""})

/* Sets status and text; returns the status so that a failing function ends in one line. error may
 * be NULL where the caller needs no text. */
enum status error_set(struct error *error, enum status status, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Puts "context: " before the text that is there; returns the status that is there. */
enum status error_wrap(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
