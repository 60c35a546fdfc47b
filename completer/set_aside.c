#include "completer/set_aside.h"

#include "invoker/parking.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <string.h>

/* Since when it is set aside. A message that is lost between the two calls starts anew. */
MUST_CHECK static enum status mark(struct dispatch *dispatch, const struct tracker_record *record,
                                   const struct error *problem, int64_t *since_ms,
                                   struct error *error)
{
    struct tracker_parked before = {0};
    struct tracker_parked message = {
        .first_seen_ms = dispatch->now_ms,
        .expires_at_ms = dispatch->now_ms + PARKED_KEEP_MS,
        .source = SLICE(SET_ASIDE_SOURCE),
        .reason = slice_from_text(problem->text),
    };
    enum status status =
        tracker_parked_take(dispatch->tracker, dispatch->arena, record->id, &before, error);

    memcpy(message.id, record->id, sizeof(message.id));
    if (status == STATUS_OK) {
        message.first_seen_ms = before.first_seen_ms;
    } else if (status == STATUS_NOT_FOUND) {
        log_error("record cannot be read, set aside", LOG_CSTR("invocationId", record->id),
                  LOG_CSTR("problem", problem->text));
    } else {
        return status;
    }
    *since_ms = message.first_seen_ms;
    return tracker_park(dispatch->tracker, &message, 1, error);
}

static int64_t pause_ms(const struct dispatch *dispatch, int64_t since_ms)
{
    const int64_t age_ms = dispatch->now_ms - since_ms;
    const int64_t lease_ms = dispatch->policy->lease_ms;

    return age_ms < lease_ms ? lease_ms : age_ms > SET_ASIDE_MAX_MS ? SET_ASIDE_MAX_MS : age_ms;
}

void set_aside(struct dispatch *dispatch, const struct tracker_record *record,
               const struct error *problem)
{
    struct tracker_update update = {.record = *record};
    struct error error = ERROR_NONE;
    int64_t since_ms = 0;
    enum status status = mark(dispatch, record, problem, &since_ms, &error);

    metrics_add(METRIC_RECORDS_UNREADABLE, 1);
    if (status == STATUS_OK) {
        update.record.due_at_ms = dispatch->now_ms + pause_ms(dispatch, since_ms);
        /* A conflict: somebody could read it, or set it aside too. */
        status = tracker_update(dispatch->tracker, &update, 1, &error);
    }
    if (status != STATUS_OK) {
        log_warning("record not set aside", LOG_CSTR("invocationId", record->id),
                    LOG_CSTR("problem", error.text));
    }
}

enum status set_aside_end(struct dispatch *dispatch, const char *id, struct error *error)
{
    struct tracker_lookup lookup = {.id = id};
    struct record record;

    dispatch_begin(dispatch);
    enum status status = tracker_find(dispatch->tracker, dispatch->arena, &lookup, 1, error);
    if (status != STATUS_OK || !lookup.found) {
        return status;
    }
    if (record_open(dispatch->seal, dispatch->arena, &lookup.record, &record, error) != STATUS_OK) {
        return error->status = STATUS_REJECTED;
    }
    status = tracker_touch(dispatch->tracker, id, dispatch->now_ms, error);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}
