#include "infra/base/json_plain.h"

#include <endian.h>
#include <string.h>

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The highest bit of each byte that is zero; a byte behind a zero one may be marked wrongly. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH(1)) & ~word & EACH(0x80);
}

/* The highest bit of each byte that is not plain ASCII, right up to the first of them. */
static uint64_t special_bytes(uint64_t word)
{
    const uint64_t control = (word - EACH(0x20)) & ~word;

    return ((word | control) & EACH(0x80)) | zero_bytes(word ^ EACH('"')) |
           zero_bytes(word ^ EACH('\\'));
}

static bool is_special(unsigned char byte)
{
    return byte >= 0x80 || byte < 0x20 || byte == '"' || byte == '\\';
}

/* The first byte from at on that is not plain ASCII: eight at one look, while there are eight. */
static size_t skip_plain(struct slice text, size_t at)
{
    uint64_t word = 0;

    for (; text.size - at >= sizeof(word); at += sizeof(word)) {
        memcpy(&word, text.data + at, sizeof(word));
        const uint64_t special = special_bytes(le64toh(word));
        if (special != 0) {
            return at + (size_t)__builtin_ctzll(special) / 8;
        }
    }
    while (at < text.size && !is_special((unsigned char)text.data[at])) {
        at++;
    }
    return at;
}

size_t json_plain_run(struct slice text, size_t offset)
{
    size_t at = skip_plain(text, offset);
    size_t size = 0;

    while (at < text.size && (unsigned char)text.data[at] >= 0x80 &&
           (size = slice_utf8_size(text, at)) > 0) {
        at = skip_plain(text, at + size);
    }
    return at - offset;
}
