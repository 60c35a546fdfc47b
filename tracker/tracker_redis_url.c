#include "tracker/tracker_redis.h"

#include "infra/base/encode.h"

#include <string.h>

#define DEFAULT_PORT   6379
#define PART_MAX_BYTES 1024

/* Percent-decoded and without NUL bytes; absent when empty. */
static enum status decode_part(struct slice part, struct arena *arena, const char **text,
                               struct error *error)
{
    CLEANUP(buffer_clear) struct buffer decoded;
    enum status status = STATUS_OK;

    buffer_init(&decoded, PART_MAX_BYTES);
    *text = NULL;
    if (part.size == 0) {
        return STATUS_OK;
    }
    status = decode_percent(part, false, &decoded, error);
    if (status != STATUS_OK || decoded.overflowed ||
        slice_find_byte(buffer_slice(&decoded), '\0') != decoded.size) {
        buffer_wipe(&decoded);
        return error_set(error, STATUS_REJECTED, "tracker url: user or password is malformed");
    }
    *text = arena_text(arena, buffer_slice(&decoded));
    buffer_wipe(&decoded);
    return STATUS_OK;
}

static enum status parse_user(struct slice user, struct arena *arena, struct redis_address *address,
                              struct error *error)
{
    size_t colon = slice_find_byte(user, ':');
    enum status status = decode_part(slice_part(user, 0, colon), arena, &address->user, error);

    if (status == STATUS_OK && colon < user.size) {
        status =
            decode_part(slice_part(user, colon + 1, user.size), arena, &address->password, error);
    }
    if (status == STATUS_OK && !address->password) {
        return error_set(error, STATUS_REJECTED, "tracker url: '@' needs a password before it");
    }
    return status;
}

/* host, host:port or [IPv6]:port */
static enum status parse_host(struct slice place, struct arena *arena,
                              struct redis_address *address, struct error *error)
{
    bool is_bracketed = slice_starts_with(place, SLICE("["));
    size_t end = slice_find_byte(place, is_bracketed ? ']' : ':');
    struct slice host = slice_part(place, is_bracketed, end - is_bracketed);
    struct slice port = slice_part(place, end + is_bracketed, place.size);
    int64_t number = DEFAULT_PORT;

    if (host.size == 0 || (is_bracketed && end == place.size) ||
        (port.size > 0 && port.data[0] != ':')) {
        return error_set(error, STATUS_REJECTED, "tracker url: needs redis://host:port/db");
    }
    if (port.size > 0 &&
        slice_to_int64(slice_part(port, 1, port.size), 1, 65535, &number, error) != STATUS_OK) {
        return error_wrap(error, "tracker url: port");
    }
    address->host = arena_text(arena, host);
    address->port = (int)number;
    return STATUS_OK;
}

enum status redis_address_parse(const char *url, struct arena *arena, struct redis_address *address,
                                struct error *error)
{
    struct slice rest = slice_from_text(url);
    size_t scheme_size = 0;
    size_t slash = 0;
    size_t at = 0;
    enum status status = STATUS_OK;

    *address = (struct redis_address){.is_tls = slice_starts_with(rest, SLICE("rediss://"))};
    scheme_size = strlen(address->is_tls ? "rediss://" : "redis://");
    rest = slice_part(rest, scheme_size, rest.size);
    at = slice_find_byte(rest, '@');
    if (at < rest.size) {
        status = parse_user(slice_part(rest, 0, at), arena, address, error);
        rest = slice_part(rest, at + 1, rest.size);
    }
    slash = slice_find_byte(rest, '/');
    if (status == STATUS_OK) {
        status = parse_host(slice_part(rest, 0, slash), arena, address, error);
    }
    if (status == STATUS_OK && slash + 1 < rest.size &&
        slice_to_int64(slice_part(rest, slash + 1, rest.size), 0, 65535, &address->database,
                       error) != STATUS_OK) {
        return error_wrap(error, "tracker url: database number");
    }
    return status;
}
