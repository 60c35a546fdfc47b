#include "tracker/tracker.h"

#include "tracker/tracker_backend.h"
#include "tracker/tracker_check.h"

#include "infra/base/metrics.h"

#include <string.h>

enum status tracker_open(const struct tracker_options *options, struct tracker **tracker,
                         struct error *error)
{
    static const struct {
        const char *scheme;
        enum status (*open)(const struct tracker_options *, struct tracker **, struct error *);
    } backends[] = {
        {"sqlite:", tracker_sqlite_open},          {"redis://", tracker_redis_open},
        {"rediss://", tracker_redis_open},         {"redis-cluster://", tracker_redis_open},
        {"rediss-cluster://", tracker_redis_open}, {"dynamodb:", tracker_dynamodb_open},
    };

    *tracker = NULL;
    for (size_t i = 0; options->url && i < ARRAY_COUNT(backends); i++) {
        if (strncmp(options->url, backends[i].scheme, strlen(backends[i].scheme)) == 0) {
            return backends[i].open(options, tracker, error);
        }
    }
    /* Not the url itself: it may hold a password. */
    return error_set(error, STATUS_REJECTED,
                     "tracker url: must start with sqlite:, redis://, rediss://, "
                     "redis-cluster://, rediss-cluster:// or dynamodb:");
}

void tracker_close(struct tracker *tracker)
{
    if (tracker) {
        tracker->backend->close(tracker);
    }
}

enum status tracker_ping(struct tracker *tracker, struct error *error)
{
    return tracker->backend->ping(tracker, error);
}

unsigned tracker_shard(const char *id)
{
    unsigned bits = 0;

    /* Six bits of the first two base32 digits; hexadecimal keys fall into the same shards. */
    for (size_t i = 0; i < 2 && id[i]; i++) {
        unsigned byte = (unsigned char)id[i];
        bits = bits << 5 | ((byte >= 'a' ? byte - 'a' : byte - '2' + 26) & 31u);
    }
    return (bits >> 4) % TRACKER_SHARDS;
}

enum status tracker_register(struct tracker *tracker, struct arena *arena,
                             struct tracker_registration *registrations, size_t count,
                             struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = tracker_check_record(&registrations[i].record, error);
        if (status != STATUS_OK) {
            return status;
        }
        registrations[i].status = STATUS_OK;
    }
    if (count == 0) {
        return STATUS_OK;
    }
    metrics_add(METRIC_TRACKER_WRITES, count);
    return tracker->backend->register_(tracker, arena, registrations, count, error);
}

enum status tracker_find(struct tracker *tracker, struct arena *arena,
                         struct tracker_lookup *lookups, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = tracker_check_id("id", lookups[i].id, error);
        if (status != STATUS_OK) {
            return status;
        }
        lookups[i].status = STATUS_OK;
    }
    metrics_add(METRIC_TRACKER_READS, count);
    return count == 0 ? STATUS_OK : tracker->backend->find(tracker, arena, lookups, count, error);
}

enum status tracker_update(struct tracker *tracker, struct tracker_update *updates, size_t count,
                           struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = tracker_check_record(&updates[i].record, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    metrics_add(METRIC_TRACKER_WRITES, count);
    return count == 0 ? STATUS_OK : tracker->backend->update(tracker, updates, count, error);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status tracker_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                          int64_t lease_ms, const char *owner, size_t limit,
                          struct tracker_record **records, size_t *count, struct error *error)
{
    enum status status = tracker_check_time("now_ms", now_ms, error);

    *records = NULL;
    *count = 0;
    if (status == STATUS_OK && (lease_ms < 1 || lease_ms > TRACKER_TIME_MAX_MS - now_ms)) {
        status = error_set(error, STATUS_REJECTED, "lease_ms: out of range");
    }
    if (status == STATUS_OK) {
        status = tracker_check_owner(owner, error);
    }
    if (status != STATUS_OK || limit == 0) {
        return status;
    }
    status = tracker->backend->claim(tracker, arena, now_ms, lease_ms, owner, limit, records, count,
                                     error);
    metrics_add(METRIC_TRACKER_WRITES, *count);
    return status;
}

static enum status check_group(struct slice group, struct error *error)
{
    if (group.size >= 1 && group.size <= TRACKER_GROUP_MAX_BYTES) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_REJECTED, "group: must be 1 to %d bytes, got %zu",
                     TRACKER_GROUP_MAX_BYTES, group.size);
}

enum status tracker_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                                 struct tracker_record *record, struct error *error)
{
    enum status status = check_group(group, error);

    return status == STATUS_OK
               ? tracker->backend->group_latest(tracker, arena, group, record, error)
               : status;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status tracker_list(struct tracker *tracker, struct arena *arena,
                         const struct tracker_list *list, struct tracker_record **records,
                         size_t *count, struct slice *next_token, struct error *error)
{
    enum status status = tracker_check_page(list->limit, list->token, error);

    *records = NULL;
    *count = 0;
    *next_token = SLICE_NONE;
    if (status == STATUS_OK && list->group.data) {
        status = check_group(list->group, error);
    }
    return status == STATUS_OK
               ? tracker->backend->list(tracker, arena, list, records, count, next_token, error)
               : status;
}

enum status tracker_count(struct tracker *tracker, struct tracker_counts *counts,
                          struct error *error)
{
    *counts = (struct tracker_counts){0};
    return tracker->backend->count(tracker, counts, error);
}

enum status tracker_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                          struct error *error)
{
    enum status status = tracker_check_id("id", id, error);

    if (status == STATUS_OK) {
        status = tracker_check_time("now_ms", now_ms, error);
    }
    return status == STATUS_OK ? tracker->backend->touch(tracker, id, now_ms, error) : status;
}

static enum status check_lock(const char *key, const char *id, struct error *error)
{
    enum status status = tracker_check_lock_key(key, error);

    return status == STATUS_OK ? tracker_check_id("lock owner", id, error) : status;
}

enum status tracker_lock_take(struct tracker *tracker, const char *key, const char *owner,
                              const char *expected, char holder[TRACKER_ID_BYTES + 1],
                              struct error *error)
{
    enum status status = check_lock(key, owner, error);

    holder[0] = '\0';
    if (status == STATUS_OK && expected) {
        status = tracker_check_id("expected lock owner", expected, error);
    }
    return status == STATUS_OK
               ? tracker->backend->lock_take(tracker, key, owner, expected, holder, error)
               : status;
}

enum status tracker_lock_holder(struct tracker *tracker, const char *key,
                                char holder[TRACKER_ID_BYTES + 1], struct error *error)
{
    enum status status = tracker_check_lock_key(key, error);

    holder[0] = '\0';
    return status == STATUS_OK ? tracker->backend->lock_holder(tracker, key, holder, error)
                               : status;
}

enum status tracker_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                 struct error *error)
{
    enum status status = check_lock(key, owner, error);

    return status == STATUS_OK ? tracker->backend->lock_release(tracker, key, owner, error)
                               : status;
}

enum status tracker_lock_wait(struct tracker *tracker, const char *key, const char *id,
                              int64_t since_ms, struct error *error)
{
    enum status status = check_lock(key, id, error);

    if (status == STATUS_OK) {
        status = tracker_check_time("since_ms", since_ms, error);
    }
    return status == STATUS_OK ? tracker->backend->lock_wait(tracker, key, id, since_ms, error)
                               : status;
}

enum status tracker_lock_leave(struct tracker *tracker, const char *key, const char *id,
                               struct error *error)
{
    enum status status = check_lock(key, id, error);

    return status == STATUS_OK ? tracker->backend->lock_leave(tracker, key, id, error) : status;
}

enum status tracker_lock_first(struct tracker *tracker, const char *key,
                               char id[TRACKER_ID_BYTES + 1], struct error *error)
{
    enum status status = tracker_check_lock_key(key, error);

    id[0] = '\0';
    return status == STATUS_OK ? tracker->backend->lock_first(tracker, key, id, error) : status;
}

enum status tracker_park(struct tracker *tracker, const struct tracker_parked *messages,
                         size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = tracker_check_parked(&messages[i], error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return count == 0 ? STATUS_OK : tracker->backend->park(tracker, messages, count, error);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status tracker_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                                struct slice token, struct tracker_parked **messages, size_t *count,
                                struct slice *next_token, struct error *error)
{
    enum status status = tracker_check_page(limit, token, error);

    *messages = NULL;
    *count = 0;
    *next_token = SLICE_NONE;
    return status == STATUS_OK ? tracker->backend->parked_list(tracker, arena, limit, token,
                                                               messages, count, next_token, error)
                               : status;
}

enum status tracker_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                                struct tracker_parked *message, struct error *error)
{
    enum status status = tracker_check_id("parked id", id, error);

    return status == STATUS_OK ? tracker->backend->parked_take(tracker, arena, id, message, error)
                               : status;
}

static enum status check_reply(const char *id, const char *digest, struct error *error)
{
    enum status status = tracker_check_id("id", id, error);

    return status == STATUS_OK ? tracker_check_digest(digest, error) : status;
}

enum status tracker_reply_put(struct tracker *tracker, const char *id, const char *digest,
                              struct slice blob, int64_t expires_at_ms, struct error *error)
{
    enum status status = check_reply(id, digest, error);

    if (status == STATUS_OK) {
        status = tracker_check_time("expires_at_ms", expires_at_ms, error);
    }
    if (status == STATUS_OK && blob.size > TRACKER_REPLY_MAX_BYTES) {
        status = error_set(error, STATUS_REJECTED, "reply: %zu bytes are more than %u", blob.size,
                           TRACKER_REPLY_MAX_BYTES);
    }
    return status == STATUS_OK
               ? tracker->backend->reply_put(tracker, id, digest, blob.data ? blob : SLICE(""),
                                             expires_at_ms, error)
               : status;
}

enum status tracker_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                              const char *digest, struct slice *blob, struct error *error)
{
    enum status status = check_reply(id, digest, error);

    *blob = SLICE_NONE;
    return status == STATUS_OK
               ? tracker->backend->reply_get(tracker, arena, id, digest, blob, error)
               : status;
}

enum status tracker_expire(struct tracker *tracker, int64_t now_ms, size_t limit, size_t *removed,
                           struct error *error)
{
    enum status status = tracker_check_time("now_ms", now_ms, error);

    *removed = 0;
    if (status != STATUS_OK || limit == 0) {
        return status;
    }
    return tracker->backend->expire(tracker, now_ms, limit, removed, error);
}
