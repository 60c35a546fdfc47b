#include "tracker/tracker_check.h"

#include "infra/base/encode.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIME_DIGITS 15

/* A text field's longest value; sources are queue names and URLs, reasons are one line. */
#define PARKED_SOURCE_MAX_BYTES 2048
#define PARKED_REASON_MAX_BYTES 4096

static bool is_id_byte(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9');
}

static bool is_word(const char *text, size_t least, size_t most)
{
    size_t size = 0;

    if (!text) {
        return false;
    }
    while (size <= most && is_id_byte(text[size])) {
        size++;
    }
    return size >= least && size <= most && text[size] == '\0';
}

struct tracker_place tracker_place_make(int64_t time_ms, const char *id)
{
    struct tracker_place place = {.text = ""};

    (void)snprintf(place.text, sizeof(place.text), "%015" PRId64 "%.*s", time_ms, TRACKER_ID_BYTES,
                   id);
    return place;
}

int64_t tracker_place_time_ms(struct slice place)
{
    char digits[TIME_DIGITS + 1] = {0};

    memcpy(digits, place.data, TIME_DIGITS);
    return strtoll(digits, NULL, 10);
}

const char *tracker_place_id(struct slice place)
{
    return place.data + TIME_DIGITS;
}

enum status tracker_check_id(const char *name, const char *id, struct error *error)
{
    if (is_word(id, TRACKER_ID_BYTES, TRACKER_ID_BYTES)) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "%s: must be %d characters of a-z and 0-9", name,
                     TRACKER_ID_BYTES);
}

enum status tracker_check_lock_key(const char *key, struct error *error)
{
    if (is_word(key, TRACKER_LOCK_KEY_BYTES, TRACKER_LOCK_KEY_BYTES)) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "lock key: must be %d characters of a-z and 0-9",
                     TRACKER_LOCK_KEY_BYTES);
}

enum status tracker_check_digest(const char *digest, struct error *error)
{
    if (is_word(digest, 1, TRACKER_LOCK_KEY_BYTES)) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "digest: must be 1 to %d characters of a-z and 0-9",
                     TRACKER_LOCK_KEY_BYTES);
}

enum status tracker_check_time(const char *name, int64_t time_ms, struct error *error)
{
    if (time_ms >= 0 && time_ms <= TRACKER_TIME_MAX_MS) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "%s: %" PRId64 " ms is not a time", name, time_ms);
}

enum status tracker_check_owner(const char *owner, struct error *error)
{
    if (owner && strnlen(owner, TRACKER_OWNER_MAX_BYTES + 1) <= TRACKER_OWNER_MAX_BYTES) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "lease owner: at most %d bytes",
                     TRACKER_OWNER_MAX_BYTES);
}

static enum status check_size(const char *name, struct slice bytes, size_t max_bytes,
                              struct error *error)
{
    if (bytes.size <= max_bytes) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "%s: %zu bytes are more than %zu", name, bytes.size,
                     max_bytes);
}

static enum status check_record_times(const struct tracker_record *record, struct error *error)
{
    const struct {
        const char *name;
        int64_t time_ms;
    } times[] = {
        {"created_at_ms", record->created_at_ms},
        {"due_at_ms", record->due_at_ms},
        {"settled_at_ms", record->settled_at_ms},
        {"expires_at_ms", record->expires_at_ms},
    };

    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        enum status status = tracker_check_time(times[i].name, times[i].time_ms, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    if (record->expires_at_ms != 0 && record->settled_at_ms == 0) {
        return error_set(error, STATUS_REJECTED, "expires_at_ms: an open record never expires");
    }
    return STATUS_OK;
}

enum status tracker_check_record(const struct tracker_record *record, struct error *error)
{
    enum status status = tracker_check_id("id", record->id, error);

    if (status == STATUS_OK) {
        status = check_record_times(record, error);
    }
    if (status == STATUS_OK && record->format < 1) {
        status = error_set(error, STATUS_REJECTED, "format: must be at least 1");
    }
    if (status == STATUS_OK) {
        status = tracker_check_owner(record->lease_owner, error);
    }
    if (status == STATUS_OK) {
        status = check_size("group", record->group, TRACKER_GROUP_MAX_BYTES, error);
    }
    if (status == STATUS_OK && record->group.data && record->group.size == 0) {
        status = error_set(error, STATUS_REJECTED, "group: must not be empty");
    }
    if (status == STATUS_OK) {
        status = check_size("plan", record->plan, TRACKER_BLOB_MAX_BYTES, error);
    }
    return status == STATUS_OK ? check_size("state", record->state, TRACKER_BLOB_MAX_BYTES, error)
                               : status;
}

enum status tracker_check_parked(const struct tracker_parked *message, struct error *error)
{
    enum status status = tracker_check_id("parked id", message->id, error);

    if (status == STATUS_OK) {
        status = tracker_check_time("first_seen_ms", message->first_seen_ms, error);
    }
    if (status == STATUS_OK) {
        status = tracker_check_time("expires_at_ms", message->expires_at_ms, error);
    }
    if (status == STATUS_OK) {
        status = check_size("parked source", message->source, PARKED_SOURCE_MAX_BYTES, error);
    }
    if (status == STATUS_OK) {
        status = check_size("parked reason", message->reason, PARKED_REASON_MAX_BYTES, error);
    }
    if (status == STATUS_OK) {
        status = check_size("parked digest", message->digest, SHA256_HEX_BYTES, error);
    }
    return status == STATUS_OK
               ? check_size("parked body", message->body, TRACKER_PARKED_MAX_BYTES, error)
               : status;
}

static bool is_place(struct slice token)
{
    if (token.size != TRACKER_PLACE_BYTES) {
        return false;
    }
    for (size_t i = 0; i < token.size; i++) {
        char byte = token.data[i];
        if (i < TIME_DIGITS ? byte < '0' || byte > '9' : !is_id_byte(byte)) {
            return false;
        }
    }
    return true;
}

enum status tracker_check_page(size_t limit, struct slice token, struct error *error)
{
    if (limit < 1 || limit > 100) {
        return error_set(error, STATUS_REJECTED, "limit: must be between 1 and 100, got %zu",
                         limit);
    }
    if (token.data && !is_place(token)) {
        return error_set(error, STATUS_REJECTED, "nextToken: not a token of this list");
    }
    return STATUS_OK;
}
