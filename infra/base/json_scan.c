#include "infra/base/json_scan.h"

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
    *offset = at;
    return true;
}

/* Bytes of the character or of the start of an escape at offset, inside a text; 0 when it may not
 * be there. */
static size_t text_step(struct slice text, size_t offset)
{
    unsigned char byte = (unsigned char)text.data[offset];

    if (byte < 0x20) {
        return 0;
    }
    if (byte == '\\') {
        return slice_equals(slice_part(text, offset, 6), SLICE("\\u0000")) ? 0 : 2;
    }
    return byte < 0x80 ? 1 : slice_utf8_size(text, offset);
}

/* From the opening quote to behind the closing one. On failure *offset is the byte at fault. */
static bool scan_text(struct slice text, size_t *offset)
{
    size_t at = *offset + 1;

    while (at < text.size && text.data[at] != '"') {
        size_t size = text_step(text, at);

        *offset = at;
        if (size == 0) {
            return false;
        }
        at += size;
    }
    *offset = at < text.size ? at + 1 : at;
    return at < text.size;
}

/* One step outside of texts. */
static bool scan_other(struct slice text, size_t *offset, size_t *depth)
{
    unsigned char byte = (unsigned char)text.data[*offset];

    switch (byte) {
    case '[':
    case '{': (*depth)++; break;
    case ']':
    case '}':
        *depth -= *depth > 0 ? 1 : 0; /* cJSON finds the unbalanced */
        break;
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
    case '9': return scan_number(text, offset);
    case '\t':
    case '\n':
    case '\r': break;
    default:
        if (byte < 0x20 || byte >= 0x7F) {
            return false;
        }
    }
    (*offset)++;
    return *depth <= JSON_MAX_DEPTH;
}

size_t json_scan(struct slice text)
{
    size_t offset = 0;
    size_t depth = 0;

    while (offset < text.size) {
        bool quoted = text.data[offset] == '"';
        size_t start = offset;

        if (quoted && !scan_text(text, &offset)) {
            return offset < text.size ? offset : text.size - 1;
        }
        if (!quoted && !scan_other(text, &offset, &depth)) {
            return start;
        }
    }
    return text.size;
}
