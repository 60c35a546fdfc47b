#include "infra/base/encode.h"

#include <string.h>

static const char BASE64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";

void encode_hex(const void *bytes, size_t size, char *out)
{
    static const char hex[] = "0123456789abcdef";
    const unsigned char *in = bytes;

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = hex[in[i] >> 4];
        out[2 * i + 1] = hex[in[i] & 15];
    }
    out[2 * size] = '\0';
}

void encode_base64(const void *bytes, size_t size, struct buffer *out)
{
    const unsigned char *in = bytes;
    char *end = buffer_reserve(out, (size + 2) / 3 * 4);

    if (end == NULL) {
        return;
    }
    for (size_t i = 0; i < size; i += 3) {
        size_t left = size - i;
        uint32_t bits = (uint32_t)in[i] << 16;

        bits |= left > 1 ? (uint32_t)in[i + 1] << 8 : 0;
        bits |= left > 2 ? in[i + 2] : 0;
        *end++ = BASE64[bits >> 18];
        *end++ = BASE64[bits >> 12 & 63];
        *end++ = BASE64[left > 1 ? bits >> 6 & 63 : 64];
        *end++ = BASE64[left > 2 ? bits & 63 : 64];
    }
    buffer_commit(out, (size + 2) / 3 * 4);
}

/* Value of a base64 letter, or 64. */
static uint32_t base64_value(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (uint32_t)(letter - 'A');
    }
    if (letter >= 'a' && letter <= 'z') {
        return (uint32_t)(letter - 'a' + 26);
    }
    if (letter >= '0' && letter <= '9') {
        return (uint32_t)(letter - '0' + 52);
    }
    return letter == '+' ? 62 : letter == '/' ? 63 : 64;
}

/* Four letters, of which the last `padding` are '='. Bits that belong to no byte must be 0, so that
 * every text has one reading and every reading one text. */
static bool decode_group(const char *letters, size_t padding, char *out)
{
    uint32_t bits = 0;

    for (size_t i = 0; i < 4; i++) {
        uint32_t value = i < 4 - padding ? base64_value(letters[i]) : 0;

        if (value > 63) {
            return false;
        }
        bits = bits << 6 | value;
    }
    if ((padding == 1 && (bits & 0xFF) != 0) || (padding == 2 && (bits & 0xFFFF) != 0)) {
        return false;
    }
    for (size_t i = 0; i < 3 - padding; i++) {
        out[i] = (char)(bits >> (16 - 8 * i) & 0xFF);
    }
    return true;
}

enum status decode_base64(struct slice text, struct buffer *out, struct error *error)
{
    size_t padding = 0;
    size_t size = text.size / 4 * 3;
    char *end = NULL;

    if (text.size % 4 != 0) {
        return error_set(error, STATUS_REJECTED, "not base64: its length is no multiple of 4");
    }
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') {
        padding++;
    }
    end = buffer_reserve(out, size - padding);
    if (end == NULL) {
        return error_set(error, STATUS_REJECTED, "base64 is too long");
    }
    for (size_t i = 0; i < text.size; i += 4) {
        if (!decode_group(text.data + i, i + 4 == text.size ? padding : 0, end + i / 4 * 3)) {
            return error_set(error, STATUS_REJECTED, "not base64 at byte %zu", i);
        }
    }
    buffer_commit(out, size - padding);
    return STATUS_OK;
}

void encode_base32(const void *bytes, size_t size, char *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    const unsigned char *in = bytes;
    uint32_t bits = 0;
    unsigned waiting = 0; /* bits that are not written yet */

    for (size_t i = 0; i < size; i++) {
        bits = (bits << 8 | in[i]) & 0xFFFF;
        for (waiting += 8; waiting >= 5; waiting -= 5) {
            *out++ = letters[bits >> (waiting - 5) & 31];
        }
    }
    if (waiting > 0) {
        *out++ = letters[bits << (5 - waiting) & 31];
    }
    *out = '\0';
}

static bool is_unreserved(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '-' || byte == '_' || byte == '.' || byte == '~';
}

void encode_percent(struct slice text, bool keep_slash, struct buffer *out)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        char escape[3] = {'%', hex[byte >> 4], hex[byte & 15]};

        if (is_unreserved(text.data[i]) || (keep_slash && byte == '/')) {
            buffer_append_byte(out, text.data[i]);
        } else {
            buffer_append(out, (struct slice){escape, sizeof(escape)});
        }
    }
}

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    digit |= 0x20;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

/* The byte that %XX at offset stands for; -1 when it is none. */
static int escaped_byte(struct slice text, size_t offset)
{
    int high = text.size - offset > 2 ? hex_value(text.data[offset + 1]) : -1;
    int low = high >= 0 ? hex_value(text.data[offset + 2]) : -1;

    return low >= 0 ? high * 16 + low : -1;
}

enum status decode_percent(struct slice text, bool plus_is_space, struct buffer *out,
                           struct error *error)
{
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        int escaped = 0;

        if (byte == '+' && plus_is_space) {
            byte = ' ';
        } else if (byte == '%') {
            escaped = escaped_byte(text, i);
            byte = (char)escaped;
            i += 2;
        }
        if (escaped < 0) {
            return error_set(error, STATUS_REJECTED,
                             "%% at byte %zu is not followed by two hex digits", i - 2);
        }
        buffer_append_byte(out, byte);
    }
    return STATUS_OK;
}

bool constant_time_equals(struct slice a, struct slice b)
{
    volatile unsigned char difference = a.size != b.size;

    for (size_t i = 0; i < a.size; i++) {
        /* Of another size: compared with itself, so that the time tells the length of a alone. */
        const char *other = a.size == b.size ? b.data : a.data;

        difference = (unsigned char)(difference | (a.data[i] ^ other[i]));
    }
    return difference == 0;
}
