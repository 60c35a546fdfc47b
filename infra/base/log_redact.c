#include "infra/base/log.h"

#define TOKEN_MIN_BYTES 80 /* Step Functions' task tokens have several hundred */
#define KEY_ID_BYTES    20 /* AKIA or ASIA and 16 more */

static bool is_upper_or_digit(char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

static bool is_alphanumeric(char byte)
{
    return is_upper_or_digit(byte) || (byte >= 'a' && byte <= 'z');
}

/* base64 of both alphabets */
static bool is_token_byte(char byte)
{
    return is_alphanumeric(byte) || byte == '+' || byte == '/' || byte == '=' || byte == '_' ||
           byte == '-';
}

static size_t token_size(struct slice rest)
{
    size_t size = 0;

    while (size < rest.size && is_token_byte(rest.data[size])) {
        size++;
    }
    return size;
}

static bool ends_address(char byte)
{
    return (unsigned char)byte <= 0x20 || byte == '"' || byte == '\'' || byte == '<' ||
           byte == '>' || byte == '\\';
}

static size_t address_size(struct slice rest)
{
    size_t size = 0;

    while (size < rest.size && !ends_address(rest.data[size])) {
        size++;
    }
    return size;
}

static bool contains_ignore_case(struct slice text, struct slice needle)
{
    for (size_t i = 0; i + needle.size <= text.size; i++) {
        if (slice_equals_ignore_case(slice_part(text, i, needle.size), needle)) {
            return true;
        }
    }
    return false;
}

static bool is_presigned(struct slice query)
{
    static const struct slice marks[] = {
        {"Signature=", 10}, {"X-Amz-Credential=", 17}, {"X-Amz-Security-Token=", 21}};

    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        if (contains_ignore_case(query, marks[i])) {
            return true;
        }
    }
    return false;
}

/* Bytes of an access key id at the start of rest; 0 when there is none. */
static size_t key_id_size(struct slice rest)
{
    if (rest.size < KEY_ID_BYTES ||
        !(slice_starts_with(rest, SLICE("AKIA")) || slice_starts_with(rest, SLICE("ASIA")))) {
        return 0;
    }
    for (size_t i = 4; i < KEY_ID_BYTES; i++) {
        if (!is_upper_or_digit(rest.data[i])) {
            return 0;
        }
    }
    return rest.size > KEY_ID_BYTES && is_alphanumeric(rest.data[KEY_ID_BYTES]) ? 0 : KEY_ID_BYTES;
}

/* Bytes of "user:password" at the start of an address that follows "://"; 0 when it has none. A
 * password may hold any byte, so all up to the last '@' counts. */
static size_t user_info_size(struct slice address)
{
    size_t size = address.size;

    while (size > 0 && address.data[size - 1] != '@') {
        size--;
    }
    return size > 0 ? size - 1 : 0;
}

struct redaction {
    struct slice text;
    size_t offset;
    /* Up to here no user and no query begins that was not looked at: addresses are read once, so
     * that the cost stays linear. */
    size_t users_end;
    size_t queries_end;
};

/* Bytes to leave out at the offset because of the address that they stand in. */
static size_t address_secret_size(struct redaction *redaction)
{
    struct slice before = slice_part(redaction->text, 0, redaction->offset);
    struct slice rest = slice_part(redaction->text, redaction->offset, redaction->text.size);

    if (redaction->offset >= redaction->users_end && slice_ends_with(before, SLICE("://"))) {
        struct slice address = slice_part(rest, 0, address_size(rest));
        size_t size = user_info_size(address);

        redaction->users_end = redaction->offset + address.size;
        if (size > 0) {
            return size;
        }
    }
    if (redaction->offset >= redaction->queries_end && rest.data[0] == '?') {
        struct slice query = slice_part(rest, 0, address_size(rest));

        redaction->queries_end = redaction->offset + query.size;
        return is_presigned(query) ? query.size : 0;
    }
    return 0;
}

/* Bytes to leave out at the offset because of what they are. */
static size_t word_secret_size(const struct redaction *redaction)
{
    struct slice before = slice_part(redaction->text, 0, redaction->offset);
    struct slice rest = slice_part(redaction->text, redaction->offset, redaction->text.size);
    struct slice previous = slice_part(before, before.size > 0 ? before.size - 1 : 0, 1);

    if (slice_ends_with(before, SLICE("/t/"))) {
        return token_size(rest);
    }
    if (previous.size == 0 || !is_token_byte(previous.data[0])) {
        size_t size = token_size(rest);

        if (size >= TOKEN_MIN_BYTES) {
            return size;
        }
    }
    return previous.size > 0 && is_alphanumeric(previous.data[0]) ? 0 : key_id_size(rest);
}

void log_redact(struct slice text, struct buffer *out)
{
    struct redaction redaction = {.text = text};
    size_t run = 0;

    while (redaction.offset < text.size) {
        size_t secret = address_secret_size(&redaction);

        if (secret == 0) {
            secret = word_secret_size(&redaction);
        }
        if (secret > 0) {
            buffer_append(out, slice_part(text, run, redaction.offset - run));
            buffer_append(out, SLICE("[redacted]"));
            run = redaction.offset + secret;
        }
        redaction.offset += secret > 0 ? secret : 1;
    }
    buffer_append(out, slice_part(text, run, text.size));
}
