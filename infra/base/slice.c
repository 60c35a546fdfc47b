#include "infra/base/slice.h"

#include <inttypes.h>
#include <string.h>

struct slice slice_from_text(const char *text)
{
    return text == NULL ? SLICE_NONE : (struct slice){text, strlen(text)};
}

bool slice_equals(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool slice_equals_text(struct slice a, const char *b)
{
    return slice_equals(a, slice_from_text(b));
}

bool slice_is_one_of(struct slice slice, const char *const *texts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_text(slice, texts[i])) {
            return true;
        }
    }
    return false;
}

static char lower(char byte)
{
    if (byte >= 'A' && byte <= 'Z') {
        return (char)(byte - 'A' + 'a');
    }
    return byte;
}

bool slice_equals_ignore_case(struct slice a, struct slice b)
{
    if (a.size != b.size) {
        return false;
    }
    for (size_t i = 0; i < a.size; i++) {
        if (lower(a.data[i]) != lower(b.data[i])) {
            return false;
        }
    }
    return true;
}

bool slice_starts_with(struct slice slice, struct slice prefix)
{
    return slice.size >= prefix.size && slice_equals(slice_part(slice, 0, prefix.size), prefix);
}

bool slice_ends_with(struct slice slice, struct slice suffix)
{
    return slice.size >= suffix.size &&
           slice_equals(slice_part(slice, slice.size - suffix.size, suffix.size), suffix);
}

size_t slice_find(struct slice slice, struct slice needle)
{
    const char *found = NULL;

    if (needle.size == 0) {
        return 0;
    }
    if (slice.size < needle.size) {
        return slice.size;
    }
    found = memmem(slice.data, slice.size, needle.data, needle.size);
    return found == NULL ? slice.size : (size_t)(found - slice.data);
}

size_t slice_find_byte(struct slice slice, char byte)
{
    const char *found = slice.size == 0 ? NULL : memchr(slice.data, byte, slice.size);

    return found == NULL ? slice.size : (size_t)(found - slice.data);
}

struct slice slice_part(struct slice slice, size_t offset, size_t size)
{
    if (slice.data == NULL) {
        return SLICE_NONE;
    }
    offset = offset < slice.size ? offset : slice.size;
    size = size < slice.size - offset ? size : slice.size - offset;
    return (struct slice){slice.data + offset, size};
}

static bool is_space(char byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

struct slice slice_trim(struct slice slice)
{
    while (slice.size > 0 && is_space(slice.data[0])) {
        slice.data++;
        slice.size--;
    }
    while (slice.size > 0 && is_space(slice.data[slice.size - 1])) {
        slice.size--;
    }
    return slice;
}

/* Bytes that a character with this first byte has; 0 when it can start none. */
static size_t utf8_size_of_first(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first < 0xC2 || first > 0xF4) {
        return 0;
    }
    return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* The second byte carries the bounds: no overlong forms, no surrogates, nothing past U+10FFFF. */
static bool utf8_second_fits(unsigned char first, unsigned char second)
{
    unsigned char least = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    unsigned char most = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;

    return second >= least && second <= most;
}

size_t slice_utf8_size(struct slice slice, size_t offset)
{
    const unsigned char *bytes = (const unsigned char *)slice.data;
    size_t size = 0;

    if (offset >= slice.size) {
        return 0;
    }
    size = utf8_size_of_first(bytes[offset]);
    if (size > slice.size - offset) {
        return 0;
    }
    if (size > 1 && !utf8_second_fits(bytes[offset], bytes[offset + 1])) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if ((bytes[offset + i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return size;
}

struct slice slice_cut_utf8(struct slice slice, size_t max_bytes)
{
    size_t end = slice.size < max_bytes ? slice.size : max_bytes;
    size_t start = end;

    /* Back to the first byte of the last character, which may be cut. */
    while (start > 0 && end - start < 3 && ((unsigned char)slice.data[start - 1] & 0xC0) == 0x80) {
        start--;
    }
    if (start > 0 && utf8_size_of_first((unsigned char)slice.data[start - 1]) > end - start + 1) {
        end = start - 1;
    }
    return slice_part(slice, 0, end);
}

/* Eight bytes at once when all are ASCII, else one character. 0: not UTF-8. */
static size_t utf8_step(struct slice slice, size_t offset)
{
    uint64_t word = 0;

    if (slice.size - offset >= sizeof(word)) {
        memcpy(&word, slice.data + offset, sizeof(word));
        if ((word & UINT64_C(0x8080808080808080)) == 0) {
            return sizeof(word);
        }
    }
    return slice_utf8_size(slice, offset);
}

bool slice_is_utf8(struct slice slice)
{
    size_t offset = 0;

    while (offset < slice.size) {
        size_t size = utf8_step(slice, offset);

        if (size == 0) {
            return false;
        }
        offset += size;
    }
    return true;
}

/* Digits of text added up as a negative number, which reaches further than the positive side. */
static bool parse_negated(struct slice digits, int64_t *value)
{
    int64_t sum = 0;

    if (digits.size == 0) {
        return false;
    }
    for (size_t i = 0; i < digits.size; i++) {
        char digit = digits.data[i];

        if (digit < '0' || digit > '9' || __builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_sub_overflow(sum, digit - '0', &sum)) {
            return false;
        }
    }
    *value = sum;
    return true;
}

enum status slice_to_int64(struct slice slice, int64_t minimum, int64_t maximum, int64_t *value,
                           struct error *error)
{
    bool negative = slice.size > 0 && slice.data[0] == '-';
    int64_t number = 0;

    if (!parse_negated(slice_part(slice, negative ? 1 : 0, slice.size), &number) ||
        (!negative && number == INT64_MIN)) {
        return error_set(error, STATUS_REJECTED,
                         "must be an integer between %" PRId64 " and %" PRId64, minimum, maximum);
    }
    number = negative ? number : -number;
    if (number < minimum || number > maximum) {
        return error_set(error, STATUS_REJECTED,
                         "must be between %" PRId64 " and %" PRId64 ", got %" PRId64, minimum,
                         maximum, number);
    }
    *value = number;
    return STATUS_OK;
}

struct slice slice_from_int64(int64_t value, char memory[SLICE_INT64_BYTES])
{
    size_t start = SLICE_INT64_BYTES;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do {
        memory[--start] = (char)('0' + (char)(rest % 10));
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        memory[--start] = '-';
    }
    return (struct slice){memory + start, SLICE_INT64_BYTES - start};
}
