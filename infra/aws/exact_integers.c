#include "infra/aws/exact_integers.h"

#include "infra/base/buffer.h"

#include <stdint.h>

#define NUMBER_DIGITS 16               /* no shorter integer is beyond NUMBER_MAX */
#define NUMBER_MAX    9007199254740992 /* 2^53 */

static bool is_number_byte(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == '-' || byte == '+' || byte == '.' ||
           byte == 'e' || byte == 'E';
}

/* The end of the JSON text that starts at `at`, behind its closing quote. */
static size_t text_end(struct slice json, size_t at)
{
    for (at++; at < json.size && json.data[at] != '"'; at++) {
        at += json.data[at] == '\\';
    }
    return at + 1;
}

/* A quoted token is no integer. */
static bool needs_quotes(struct slice token)
{
    int64_t number = 0;
    return token.size >= NUMBER_DIGITS &&
           slice_to_int64(token, INT64_MIN, INT64_MAX, &number, NULL) == STATUS_OK &&
           (number > NUMBER_MAX || number < -NUMBER_MAX);
}

static bool starts_number(char byte)
{
    return byte == '-' || (byte >= '0' && byte <= '9');
}

/* The next piece of a JSON document: a text, a number, or one byte of anything else. */
static struct slice next_token(struct slice json, size_t at)
{
    size_t end = at + 1;
    if (json.data[at] == '"') {
        end = text_end(json, at);
    }
    while (starts_number(json.data[at]) && end < json.size && is_number_byte(json.data[end])) {
        end++;
    }
    return slice_part(json, at, end - at);
}

struct slice exact_integers(struct arena *arena, struct slice json)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, 2 * json.size);
    size_t copied = 0;
    for (size_t at = 0; at < json.size;) {
        const struct slice token = next_token(json, at);
        if (needs_quotes(token)) {
            buffer_append(&out, slice_part(json, copied, at - copied));
            buffer_append_format(&out, "\"%.*s\"", SLICE_PRINT(token));
            copied = at + token.size;
        }
        at += token.size;
    }
    if (copied == 0) {
        return json;
    }
    buffer_append(&out, slice_part(json, copied, json.size));
    return arena_copy(arena, buffer_slice(&out));
}
