/*
 * Borrowed bytes: a pointer and a length, passed by value, never freed through. Valid as long as
 * what it points into, which is the batch's arena unless a comment says otherwise.
 * data NULL means "absent"; size 0 with data not NULL means "empty".
 */
#ifndef RINGBACK_INFRA_BASE_SLICE_H
#define RINGBACK_INFRA_BASE_SLICE_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const char *data;
    size_t size; /* bytes */
};

#define SLICE_NONE     ((struct slice){NULL, 0})
#define SLICE(literal) ((struct slice){"" literal, sizeof(literal) - 1})
/* For "%.*s". */
#define SLICE_PRINT(slice) (int)(slice).size, (slice).data ? (slice).data : ""

/* The text up to its NUL; NULL gives SLICE_NONE. */
struct slice slice_from_text(const char *text);
bool slice_equals(struct slice a, struct slice b);
bool slice_equals_text(struct slice a, const char *b);
bool slice_is_one_of(struct slice slice, const char *const *texts, size_t count);
/* ASCII only. */
bool slice_equals_ignore_case(struct slice a, struct slice b);
bool slice_starts_with(struct slice slice, struct slice prefix);
bool slice_ends_with(struct slice slice, struct slice suffix);
/* Byte offset of the first occurrence, or slice.size when there is none. */
size_t slice_find(struct slice slice, struct slice needle);
size_t slice_find_byte(struct slice slice, char byte);
/* From offset, at most size bytes; both are clamped to what is there. */
struct slice slice_part(struct slice slice, size_t offset, size_t size);
/* Without ASCII white space at both ends. */
struct slice slice_trim(struct slice slice);
/* The longest prefix of at most max_bytes that does not cut a UTF-8 character. */
struct slice slice_cut_utf8(struct slice slice, size_t max_bytes);
bool slice_is_utf8(struct slice slice);
/* Bytes of the UTF-8 character that starts at offset; 0 when none does (RFC 3629). */
size_t slice_utf8_size(struct slice slice, size_t offset);
/*
 * The whole slice as a decimal integer with optional '-'. REJECTED, with a text that says the range
 * (without a field name; the caller wraps it), when it is not one or is outside minimum..maximum.
 */
MUST_CHECK enum status slice_to_int64(struct slice slice, int64_t minimum, int64_t maximum,
                                      int64_t *value, struct error *error);

/* The other way: the number's digits lie at the end of memory, which the slice points into. */
#define SLICE_INT64_BYTES 20
struct slice slice_from_int64(int64_t value, char memory[SLICE_INT64_BYTES]);

#endif
