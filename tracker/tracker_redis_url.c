#include "tracker/tracker_redis.h"

#include "infra/base/encode.h"

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
static enum status parse_place(struct slice text, struct arena *arena, struct redis_place *place,
                               struct error *error)
{
    bool is_bracketed = slice_starts_with(text, SLICE("["));
    size_t end = slice_find_byte(text, is_bracketed ? ']' : ':');
    struct slice host = slice_part(text, is_bracketed, end - is_bracketed);
    struct slice port = slice_part(text, end + is_bracketed, text.size);
    int64_t number = DEFAULT_PORT;

    if (host.size == 0 || (is_bracketed && end == text.size) ||
        (port.size > 0 && port.data[0] != ':')) {
        return error_set(error, STATUS_REJECTED, "tracker url: needs redis://host:port/db");
    }
    if (port.size > 0 &&
        slice_to_int64(slice_part(port, 1, port.size), 1, 65535, &number, error) != STATUS_OK) {
        return error_wrap(error, "tracker url: port");
    }
    *place = (struct redis_place){.host = arena_text(arena, host), .port = (int)number};
    return STATUS_OK;
}

/* One place, or in a cluster some of its nodes, with commas between. */
static enum status parse_places(struct slice places, struct arena *arena,
                                struct redis_address *address, struct error *error)
{
    enum status status = STATUS_OK;
    size_t comma = 0;

    do {
        comma = slice_find_byte(places, ',');
        if (comma < places.size && !address->is_cluster) {
            return error_set(error, STATUS_REJECTED,
                             "tracker url: several hosts are for redis-cluster://");
        }
        if (address->seed_count == REDIS_SEEDS_MAX) {
            return error_set(error, STATUS_REJECTED, "tracker url: at most %d hosts",
                             REDIS_SEEDS_MAX);
        }
        status = parse_place(slice_part(places, 0, comma), arena,
                             &address->seeds[address->seed_count++], error);
        places = slice_part(places, comma + 1, places.size);
    } while (status == STATUS_OK && places.size > 0);
    return status;
}

static enum status parse_database(struct slice number, struct redis_address *address,
                                  struct error *error)
{
    if (number.size > 0 &&
        slice_to_int64(number, 0, 65535, &address->database, error) != STATUS_OK) {
        return error_wrap(error, "tracker url: database number");
    }
    if (address->is_cluster && address->database != 0) {
        return error_set(error, STATUS_REJECTED, "tracker url: a cluster has database 0 only");
    }
    return STATUS_OK;
}

/* Takes the scheme off the url. */
static struct slice parse_scheme(struct slice url, struct redis_address *address)
{
    size_t size = slice_find(url, SLICE("://"));
    struct slice scheme = slice_part(url, 0, size);

    address->is_tls = slice_starts_with(scheme, SLICE("rediss"));
    address->is_cluster = slice_ends_with(scheme, SLICE("-cluster"));
    return slice_part(url, size + 3, url.size);
}

enum status redis_address_parse(const char *url, struct arena *arena, struct redis_address *address,
                                struct error *error)
{
    struct slice rest;
    size_t slash = 0;
    size_t at = 0;
    enum status status = STATUS_OK;

    *address = (struct redis_address){0};
    rest = parse_scheme(slice_from_text(url), address);
    at = slice_find_byte(rest, '@');
    if (at < rest.size) {
        status = parse_user(slice_part(rest, 0, at), arena, address, error);
        rest = slice_part(rest, at + 1, rest.size);
    }
    slash = slice_find_byte(rest, '/');
    if (status == STATUS_OK) {
        status = parse_places(slice_part(rest, 0, slash), arena, address, error);
    }
    return status == STATUS_OK
               ? parse_database(slice_part(rest, slash + 1, rest.size), address, error)
               : status;
}
