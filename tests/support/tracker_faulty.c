#include "tests/support/tracker_faulty.h"

#include "tracker/tracker_backend.h"

#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

struct faulty {
    struct tracker base;
    struct tracker *inner;
    size_t count;
    size_t fail_at;
    enum tracker_fault fault;
    bool down;
    const char *away; /* id of the record that cannot be reached; NULL: none */
    void (*race)(void *context);
    void *race_context;
};

static struct faulty *faulty_of(struct tracker *tracker)
{
    return (struct faulty *)tracker;
}

/* Counts an operation; RETRY: it is not to be done. */
static enum status before(struct tracker *tracker, struct error *error)
{
    struct faulty *faulty = faulty_of(tracker);
    faulty->count++;
    if (faulty->down ||
        (faulty->count == faulty->fail_at && faulty->fault == TRACKER_FAULT_BEFORE)) {
        return error_set(error, STATUS_RETRY, "the tracker is away");
    }
    return STATUS_OK;
}

static enum status after(struct tracker *tracker, enum status status, struct error *error)
{
    const struct faulty *faulty = faulty_of(tracker);
    if (faulty->count == faulty->fail_at && faulty->fault == TRACKER_FAULT_AFTER) {
        return error_set(error, STATUS_RETRY, "the tracker went away");
    }
    return status;
}

/* The body of an operation: counted, passed on to the inner one, its result perhaps lost. */
#define PASS_ON(operation, ...)                                                                    \
    enum status status = before(tracker, error);                                                   \
    if (status != STATUS_OK) {                                                                     \
        return status;                                                                             \
    }                                                                                              \
    struct tracker *inner = faulty_of(tracker)->inner;                                             \
    return after(tracker, inner->backend->operation(inner, __VA_ARGS__), error)

static void faulty_close(struct tracker *tracker)
{
    tracker_close(faulty_of(tracker)->inner);
    free(tracker);
}

static enum status faulty_ping(struct tracker *tracker, struct error *error)
{
    PASS_ON(ping, error);
}

/* Whether the part of the store with this record is away; then its item is RETRY. */
static bool is_away(struct tracker *tracker, const char *id, enum status *status, size_t *reached)
{
    const char *away = faulty_of(tracker)->away;
    bool it_is = away != NULL && strcmp(away, id) == 0;
    *status = it_is ? STATUS_RETRY : STATUS_OK;
    *reached += !it_is;
    return it_is;
}

/* The body of an operation on an array, item by item, while a part is away. */
#define PASS_ON_PARTS(operation, items, id_of, ...)                                                \
    size_t reached = 0;                                                                            \
    enum status done = STATUS_OK;                                                                  \
    for (size_t i = 0; i < count && done == STATUS_OK; i++) {                                      \
        struct tracker *inner = faulty_of(tracker)->inner;                                         \
        if (!is_away(tracker, (items)[i].id_of, &(items)[i].status, &reached)) {                   \
            done = inner->backend->operation(inner, __VA_ARGS__);                                  \
        }                                                                                          \
    }                                                                                              \
    return reached > 0 ? done : error_set(error, STATUS_RETRY, "the tracker is away")

static enum status faulty_register(struct tracker *tracker, struct arena *arena,
                                   struct tracker_registration *registrations, size_t count,
                                   struct error *error)
{
    if (faulty_of(tracker)->away != NULL) {
        PASS_ON_PARTS(register_, registrations, record.id, arena, &registrations[i], 1, error);
    }
    PASS_ON(register_, arena, registrations, count, error);
}

static enum status faulty_find(struct tracker *tracker, struct arena *arena,
                               struct tracker_lookup *lookups, size_t count, struct error *error)
{
    if (faulty_of(tracker)->away != NULL) {
        PASS_ON_PARTS(find, lookups, id, arena, &lookups[i], 1, error);
    }
    PASS_ON(find, arena, lookups, count, error);
}

static enum status faulty_update(struct tracker *tracker, struct tracker_update *updates,
                                 size_t count, struct error *error)
{
    struct faulty *faulty = faulty_of(tracker);
    void (*race)(void *) = faulty->race;
    faulty->race = NULL;
    if (race != NULL) {
        race(faulty->race_context);
    }
    if (faulty->away != NULL) {
        PASS_ON_PARTS(update, updates, record.id, &updates[i], 1, error);
    }
    PASS_ON(update, updates, count, error);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status faulty_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                                int64_t lease_ms, const char *owner, size_t limit,
                                struct tracker_record **records, size_t *count, struct error *error)
{
    PASS_ON(claim, arena, now_ms, lease_ms, owner, limit, records, count, error);
}

static enum status faulty_group_latest(struct tracker *tracker, struct arena *arena,
                                       struct slice group, struct tracker_record *record,
                                       struct error *error)
{
    PASS_ON(group_latest, arena, group, record, error);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status faulty_list(struct tracker *tracker, struct arena *arena,
                               const struct tracker_list *list, struct tracker_record **records,
                               size_t *count, struct slice *next_token, struct error *error)
{
    PASS_ON(list, arena, list, records, count, next_token, error);
}

static enum status faulty_counts(struct tracker *tracker, struct tracker_counts *counts,
                                 struct error *error)
{
    PASS_ON(count, counts, error);
}

static enum status faulty_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                                struct error *error)
{
    PASS_ON(touch, id, now_ms, error);
}

static enum status faulty_lock_take(struct tracker *tracker, const char *key, const char *owner,
                                    const char *expected, char *holder, struct error *error)
{
    PASS_ON(lock_take, key, owner, expected, holder, error);
}

static enum status faulty_lock_holder(struct tracker *tracker, const char *key, char *holder,
                                      struct error *error)
{
    PASS_ON(lock_holder, key, holder, error);
}

static enum status faulty_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                       struct error *error)
{
    PASS_ON(lock_release, key, owner, error);
}

static enum status faulty_lock_wait(struct tracker *tracker, const char *key, const char *id,
                                    int64_t since_ms, struct error *error)
{
    PASS_ON(lock_wait, key, id, since_ms, error);
}

static enum status faulty_lock_leave(struct tracker *tracker, const char *key, const char *id,
                                     struct error *error)
{
    PASS_ON(lock_leave, key, id, error);
}

static enum status faulty_lock_first(struct tracker *tracker, const char *key, char *id,
                                     struct error *error)
{
    PASS_ON(lock_first, key, id, error);
}

static enum status faulty_park(struct tracker *tracker, const struct tracker_parked *messages,
                               size_t count, struct error *error)
{
    PASS_ON(park, messages, count, error);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status faulty_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                                      struct slice token, struct tracker_parked **messages,
                                      size_t *count, struct slice *next_token, struct error *error)
{
    PASS_ON(parked_list, arena, limit, token, messages, count, next_token, error);
}

static enum status faulty_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                                      struct tracker_parked *message, struct error *error)
{
    PASS_ON(parked_take, arena, id, message, error);
}

static enum status faulty_reply_put(struct tracker *tracker, const char *id, const char *digest,
                                    struct slice blob, int64_t expires_at_ms, struct error *error)
{
    PASS_ON(reply_put, id, digest, blob, expires_at_ms, error);
}

static enum status faulty_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                                    const char *digest, struct slice *blob, struct error *error)
{
    PASS_ON(reply_get, arena, id, digest, blob, error);
}

static enum status faulty_expire(struct tracker *tracker, int64_t now_ms, size_t limit,
                                 size_t *removed, struct error *error)
{
    PASS_ON(expire, now_ms, limit, removed, error);
}

static const struct tracker_backend faulty_backend = {
    .name = "faulty",
    .close = faulty_close,
    .ping = faulty_ping,
    .register_ = faulty_register,
    .find = faulty_find,
    .update = faulty_update,
    .claim = faulty_claim,
    .group_latest = faulty_group_latest,
    .list = faulty_list,
    .count = faulty_counts,
    .touch = faulty_touch,
    .lock_take = faulty_lock_take,
    .lock_holder = faulty_lock_holder,
    .lock_release = faulty_lock_release,
    .lock_wait = faulty_lock_wait,
    .lock_leave = faulty_lock_leave,
    .lock_first = faulty_lock_first,
    .park = faulty_park,
    .parked_list = faulty_parked_list,
    .parked_take = faulty_parked_take,
    .reply_put = faulty_reply_put,
    .reply_get = faulty_reply_get,
    .expire = faulty_expire,
};

struct tracker *tracker_faulty_new(struct tracker *inner)
{
    struct faulty *faulty = memory_new(sizeof(*faulty));
    faulty->base.backend = &faulty_backend;
    faulty->inner = inner;
    return &faulty->base;
}

struct tracker *tracker_faulty_inner(struct tracker *tracker)
{
    return faulty_of(tracker)->inner;
}

void tracker_faulty_fail(struct tracker *tracker, size_t operation, enum tracker_fault fault)
{
    struct faulty *faulty = faulty_of(tracker);
    faulty->count = 0;
    faulty->fail_at = operation;
    faulty->fault = fault;
}

void tracker_faulty_down(struct tracker *tracker, bool down)
{
    faulty_of(tracker)->down = down;
}

bool tracker_faulty_failed(const struct tracker *tracker)
{
    const struct faulty *faulty = (const struct faulty *)tracker;
    return faulty->fail_at > 0 && faulty->count >= faulty->fail_at;
}

void tracker_faulty_part_away(struct tracker *tracker, const char *id)
{
    faulty_of(tracker)->away = id;
}

void tracker_faulty_race(struct tracker *tracker, void (*race)(void *context), void *context)
{
    faulty_of(tracker)->race = race;
    faulty_of(tracker)->race_context = context;
}
