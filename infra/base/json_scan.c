#include "infra/base/json_scan.h"

#include "infra/base/json_plain.h"

static bool is_digit(struct slice text, size_t offset)
{
    return offset < text.size && text.data[offset] >= '0' && text.data[offset] <= '9';
}

static size_t skip_digits(struct slice text, size_t offset)
{
    while (is_digit(text, offset)) {
        offset++;
    }
    return offset;
}

static bool is_byte(struct slice text, size_t offset, char byte)
{
    return offset < text.size && text.data[offset] == byte;
}

/* Moves *offset behind the number that starts there; false when it is malformed. */
static bool scan_number(struct slice text, size_t *offset)
{
    size_t at = *offset + (is_byte(text, *offset, '-') ? 1 : 0);

    if (!is_digit(text, at)) {
        return false;
    }
    at = is_byte(text, at, '0') ? at + 1 : skip_digits(text, at);
    if (is_digit(text, at)) {
        return false;
    }
    if (is_byte(text, at, '.')) {
        if (!is_digit(text, at + 1)) {
            return false;
        }
        at = skip_digits(text, at + 1);
    }
    if (is_byte(text, at, 'e') || is_byte(text, at, 'E')) {
        at += is_byte(text, at + 1, '+') || is_byte(text, at + 1, '-') ? 2 : 1;
        if (!is_digit(text, at)) {
            return false;
        }
        at = skip_digits(text, at);
    }
    if (at - *offset > JSON_MAX_NUMBER_BYTES) {
        return false;
    }
    *offset = at;
    return true;
}

static bool is_hex(char byte)
{
    const char letter = (char)(byte | 0x20);

    return (byte >= '0' && byte <= '9') || (letter >= 'a' && letter <= 'f');
}

/* Bytes of the start of an escape at offset, which has a backslash; 0 when it may not be there.
 * cJSON reads four characters that are no digits as 0. */
static size_t escape_size(struct slice text, size_t offset)
{
    const struct slice escape = slice_part(text, offset, 6);

    if (escape.size < 6 || escape.data[1] != 'u') {
        return 2;
    }
    for (size_t i = 2; i < escape.size; i++) {
        if (!is_hex(escape.data[i])) {
            return 0;
        }
    }
    return slice_equals(escape, SLICE("\\u0000")) ? 0 : escape.size;
}

/* From the opening quote to behind the closing one. On failure *offset is the byte at fault, which
 * may be the end. */
static bool scan_text(struct slice text, size_t *offset)
{
    size_t at = *offset + 1;

    for (;;) {
        at = at < text.size ? at + json_plain_run(text, at) : text.size;
        const size_t escape = is_byte(text, at, '\\') ? escape_size(text, at) : 0;
        if (escape == 0) {
            break;
        }
        at += escape;
    }
    *offset = at;
    if (!is_byte(text, at, '"')) {
        return false;
    }
    (*offset)++;
    return true;
}

/* What a byte outside of texts is. */
enum mark { MARK_PLAIN, MARK_QUOTE, MARK_NUMBER, MARK_OPEN, MARK_CLOSE, MARK_BAD };

static enum mark mark_of(char byte)
{
    switch (byte) {
    case '"': return MARK_QUOTE;
    case '[':
    case '{': return MARK_OPEN;
    case ']':
    case '}': return MARK_CLOSE;
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return MARK_NUMBER;
    case '\t':
    case '\n':
    case '\r': return MARK_PLAIN;
    default: return byte < 0x20 || byte >= 0x7F ? MARK_BAD : MARK_PLAIN;
    }
}

/* One step. On failure *offset is the byte at fault. */
static bool scan_step(struct slice text, size_t *offset, size_t *depth)
{
    switch (mark_of(text.data[*offset])) {
    case MARK_QUOTE: return scan_text(text, offset);
    case MARK_NUMBER: return scan_number(text, offset);
    case MARK_BAD: return false;
    case MARK_OPEN:
        if (*depth == JSON_MAX_DEPTH) {
            return false;
        }
        (*depth)++;
        break;
    case MARK_CLOSE: *depth -= *depth > 0 ? 1 : 0; break; /* cJSON finds the unbalanced */
    case MARK_PLAIN: break;
    }
    (*offset)++;
    return true;
}

size_t json_scan(struct slice text)
{
    size_t offset = 0;
    size_t depth = 0;

    while (offset < text.size && scan_step(text, &offset, &depth)) {
    }
    return offset;
}
