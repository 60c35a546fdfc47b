#include "tracker/tracker_backend.h"

#include "infra/base/clock.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <stdlib.h>

struct traced {
    struct tracker tracker;
    struct tracker *inner;
};

struct span {
    const char *operation;
    size_t items; /* given to the operation */
    int64_t started_ms;
};

static struct span span_begin(const char *operation, size_t items)
{
    return (struct span){
        .operation = operation, .items = items, .started_ms = clock_monotonic_ms(clock_system())};
}

/* NOT_FOUND and CONFLICT are answers; the rest of what is not OK is an error and counted. */
static enum status span_end(const struct span *span, enum status status)
{
    if (status != STATUS_OK && status != STATUS_NOT_FOUND && status != STATUS_CONFLICT) {
        metrics_add(METRIC_TRACKER_ERRORS, 1);
    }
    log_debug("tracker", LOG_CSTR("operation", span->operation),
              LOG_INT("items", (int64_t)span->items), LOG_CSTR("status", status_name(status)),
              LOG_INT("duration_ms", clock_monotonic_ms(clock_system()) - span->started_ms));
    return status;
}

static struct tracker *inner_of(struct tracker *tracker)
{
    return ((struct traced *)tracker)->inner;
}

static const struct tracker_backend *backend_of(struct tracker *tracker)
{
    return inner_of(tracker)->backend;
}

static void traced_close(struct tracker *tracker)
{
    backend_of(tracker)->close(inner_of(tracker));
    free(tracker);
}

static enum status traced_ping(struct tracker *tracker, struct error *error)
{
    struct span span = span_begin("ping", 0);

    return span_end(&span, backend_of(tracker)->ping(inner_of(tracker), error));
}

static enum status traced_register(struct tracker *tracker, struct arena *arena,
                                   struct tracker_registration *registrations, size_t count,
                                   struct error *error)
{
    struct span span = span_begin("register", count);

    return span_end(&span, backend_of(tracker)->register_(inner_of(tracker), arena, registrations,
                                                          count, error));
}

static enum status traced_find(struct tracker *tracker, struct arena *arena,
                               struct tracker_lookup *lookups, size_t count, struct error *error)
{
    struct span span = span_begin("find", count);

    return span_end(&span,
                    backend_of(tracker)->find(inner_of(tracker), arena, lookups, count, error));
}

static enum status traced_update(struct tracker *tracker, struct tracker_update *updates,
                                 size_t count, struct error *error)
{
    struct span span = span_begin("update", count);
    enum status status = backend_of(tracker)->update(inner_of(tracker), updates, count, error);
    uint64_t conflicts = 0;

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        conflicts += updates[i].status == STATUS_CONFLICT;
    }
    if (conflicts > 0) {
        metrics_add(METRIC_TRACKER_CONFLICTS, conflicts);
    }
    return span_end(&span, status);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status traced_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                                int64_t lease_ms, const char *owner, size_t limit,
                                struct tracker_record **records, size_t *count, struct error *error)
{
    struct span span = span_begin("claim", limit);

    return span_end(&span, backend_of(tracker)->claim(inner_of(tracker), arena, now_ms, lease_ms,
                                                      owner, limit, records, count, error));
}

static enum status traced_group_latest(struct tracker *tracker, struct arena *arena,
                                       struct slice group, struct tracker_record *record,
                                       struct error *error)
{
    struct span span = span_begin("group_latest", 1);

    return span_end(
        &span, backend_of(tracker)->group_latest(inner_of(tracker), arena, group, record, error));
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status traced_list(struct tracker *tracker, struct arena *arena,
                               const struct tracker_list *list, struct tracker_record **records,
                               size_t *count, struct slice *next_token, struct error *error)
{
    struct span span = span_begin("list", list->limit);

    return span_end(&span, backend_of(tracker)->list(inner_of(tracker), arena, list, records, count,
                                                     next_token, error));
}

static enum status traced_count(struct tracker *tracker, struct tracker_counts *counts,
                                struct error *error)
{
    struct span span = span_begin("count", 0);

    return span_end(&span, backend_of(tracker)->count(inner_of(tracker), counts, error));
}

static enum status traced_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                                struct error *error)
{
    struct span span = span_begin("touch", 1);

    return span_end(&span, backend_of(tracker)->touch(inner_of(tracker), id, now_ms, error));
}

static enum status traced_lock_take(struct tracker *tracker, const char *key, const char *owner,
                                    const char *expected, char *holder, struct error *error)
{
    struct span span = span_begin("lock_take", 1);

    return span_end(&span, backend_of(tracker)->lock_take(inner_of(tracker), key, owner, expected,
                                                          holder, error));
}

static enum status traced_lock_holder(struct tracker *tracker, const char *key, char *holder,
                                      struct error *error)
{
    struct span span = span_begin("lock_holder", 1);

    return span_end(&span, backend_of(tracker)->lock_holder(inner_of(tracker), key, holder, error));
}

static enum status traced_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                       struct error *error)
{
    struct span span = span_begin("lock_release", 1);

    return span_end(&span, backend_of(tracker)->lock_release(inner_of(tracker), key, owner, error));
}

static enum status traced_lock_wait(struct tracker *tracker, const char *key, const char *id,
                                    int64_t since_ms, struct error *error)
{
    struct span span = span_begin("lock_wait", 1);

    return span_end(&span,
                    backend_of(tracker)->lock_wait(inner_of(tracker), key, id, since_ms, error));
}

static enum status traced_lock_leave(struct tracker *tracker, const char *key, const char *id,
                                     struct error *error)
{
    struct span span = span_begin("lock_leave", 1);

    return span_end(&span, backend_of(tracker)->lock_leave(inner_of(tracker), key, id, error));
}

static enum status traced_lock_first(struct tracker *tracker, const char *key, char *id,
                                     struct error *error)
{
    struct span span = span_begin("lock_first", 1);

    return span_end(&span, backend_of(tracker)->lock_first(inner_of(tracker), key, id, error));
}

static enum status traced_park(struct tracker *tracker, const struct tracker_parked *messages,
                               size_t count, struct error *error)
{
    struct span span = span_begin("park", count);

    return span_end(&span, backend_of(tracker)->park(inner_of(tracker), messages, count, error));
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status traced_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                                      struct slice token, struct tracker_parked **messages,
                                      size_t *count, struct slice *next_token, struct error *error)
{
    struct span span = span_begin("parked_list", limit);

    return span_end(&span, backend_of(tracker)->parked_list(inner_of(tracker), arena, limit, token,
                                                            messages, count, next_token, error));
}

static enum status traced_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                                      struct tracker_parked *message, struct error *error)
{
    struct span span = span_begin("parked_take", 1);

    return span_end(&span,
                    backend_of(tracker)->parked_take(inner_of(tracker), arena, id, message, error));
}

static enum status traced_reply_put(struct tracker *tracker, const char *id, const char *digest,
                                    struct slice blob, int64_t expires_at_ms, struct error *error)
{
    struct span span = span_begin("reply_put", 1);

    return span_end(&span, backend_of(tracker)->reply_put(inner_of(tracker), id, digest, blob,
                                                          expires_at_ms, error));
}

static enum status traced_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                                    const char *digest, struct slice *blob, struct error *error)
{
    struct span span = span_begin("reply_get", 1);

    return span_end(
        &span, backend_of(tracker)->reply_get(inner_of(tracker), arena, id, digest, blob, error));
}

static enum status traced_expire(struct tracker *tracker, int64_t now_ms, size_t limit,
                                 size_t *removed, struct error *error)
{
    struct span span = span_begin("expire", limit);

    return span_end(&span,
                    backend_of(tracker)->expire(inner_of(tracker), now_ms, limit, removed, error));
}

static const struct tracker_backend traced_backend = {
    .name = "traced",
    .close = traced_close,
    .ping = traced_ping,
    .register_ = traced_register,
    .find = traced_find,
    .update = traced_update,
    .claim = traced_claim,
    .group_latest = traced_group_latest,
    .list = traced_list,
    .count = traced_count,
    .touch = traced_touch,
    .lock_take = traced_lock_take,
    .lock_holder = traced_lock_holder,
    .lock_release = traced_lock_release,
    .lock_wait = traced_lock_wait,
    .lock_leave = traced_lock_leave,
    .lock_first = traced_lock_first,
    .park = traced_park,
    .parked_list = traced_parked_list,
    .parked_take = traced_parked_take,
    .reply_put = traced_reply_put,
    .reply_get = traced_reply_get,
    .expire = traced_expire,
};

struct tracker *tracker_traced_new(struct tracker *inner)
{
    struct traced *traced = calloc(1, sizeof(*traced));

    if (!traced) {
        abort();
    }
    traced->tracker.backend = &traced_backend;
    traced->inner = inner;
    return &traced->tracker;
}
