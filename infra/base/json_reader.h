/*
 * Reading JSON: parsed by cJSON, which is seen nowhere else, and read through typed getters whose
 * errors name the path and the rule ("target.database: must be a string, got a number").
 *
 * A struct json is a place in a document, passed by value. It is valid as long as its document. A
 * place that is absent is a value too: json_exists tells.
 *
 * Getters come in two kinds. json_get_X demands the member: absent is REJECTED. json_find_X leaves
 * *value as it was and answers OK when the member is absent or null, so that defaults are written
 * before the call. A member of the wrong type is REJECTED by both. Texts are slices into the
 * document.
 */
#ifndef RINGBACK_INFRA_BASE_JSON_READER_H
#define RINGBACK_INFRA_BASE_JSON_READER_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_document;
struct json_writer;

enum json_kind {
    JSON_ABSENT,
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER,
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json {
    struct json_document *document;
    const void *node; /* NULL: absent */
};

/*
 * Parses exactly one value with nothing but white space behind it. REJECTED with "not JSON at byte
 * N" when it is malformed, not UTF-8, nested deeper than 64, has a number of more than 63 bytes or
 * \u0000 in a text (no address or SQL may hold it). The document is owned by the arena and goes
 * with it; one of more than 64 KB does not count against the arena's limit.
 */
MUST_CHECK enum status json_parse(struct arena *arena, struct slice text, struct json *root,
                                  struct error *error);

enum json_kind json_kind(struct json value);
bool json_exists(struct json value); /* neither absent nor null */

/* The member, or an absent place when there is none or value is no object. */
struct json json_member(struct json object, const char *name);
/* The element, or an absent place. */
struct json json_element(struct json array, size_t index);
/* Members of an object or elements of an array; 0 for anything else. */
size_t json_count(struct json value);
/* The i-th member of an object in document order, its name in *name. */
struct json json_member_at(struct json object, size_t index, struct slice *name);
/* Walking a large array: O(1) per step, where json_element is O(index). Start: json_element(a, 0).
 */
struct json json_next(struct json element);

/* Typed access to a place itself. */
MUST_CHECK enum status json_text(struct json value, struct slice *text, struct error *error);
MUST_CHECK enum status json_int64(struct json value, int64_t minimum, int64_t maximum,
                                  int64_t *number, struct error *error);

/* Typed access to a member. text_max is in bytes; 0 means no limit. Numbers must be integers. */
MUST_CHECK enum status json_get_text(struct json object, const char *name, size_t text_max,
                                     struct slice *text, struct error *error);
MUST_CHECK enum status json_find_text(struct json object, const char *name, size_t text_max,
                                      struct slice *text, struct error *error);
MUST_CHECK enum status json_get_int64(struct json object, const char *name, int64_t minimum,
                                      int64_t maximum, int64_t *number, struct error *error);
MUST_CHECK enum status json_find_int64(struct json object, const char *name, int64_t minimum,
                                       int64_t maximum, int64_t *number, struct error *error);
MUST_CHECK enum status json_find_double(struct json object, const char *name, double *number,
                                        struct error *error);
MUST_CHECK enum status json_find_bool(struct json object, const char *name, bool *flag,
                                      struct error *error);
/* *member is absent when there is none; REJECTED when it is there and no object / array. */
MUST_CHECK enum status json_find_object(struct json object, const char *name, struct json *member,
                                        struct error *error);
MUST_CHECK enum status json_find_array(struct json object, const char *name, struct json *member,
                                       struct error *error);

/*
 * REJECTED, naming the first member of object that is not in names (count entries) and its path:
 * "target.databse: unknown field".
 */
MUST_CHECK enum status json_only_members(struct json object, const char *const *names, size_t count,
                                         struct error *error);

/* An error about this place in the house form "path: text"; returns REJECTED. The root has the path
 * "request". */
enum status json_reject(struct json value, struct error *error, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* Writes the value compactly. Integers up to 2^53 keep their digits; a number beyond the range of
 * double becomes null. */
void json_print(struct json value, struct buffer *out);
/* The same as a member of the writer's open object. */
void json_copy_member(struct json value, struct slice name, struct json_writer *writer);
/* All members of object but those named, which are the caller's to write or to leave out. Of
 * anything but an object: none. */
void json_copy_members(struct json object, const char *const *left_out, size_t count,
                       struct json_writer *writer);

#endif
