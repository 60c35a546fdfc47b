/* Reading records and replies for a batch. */
#include "invoker/dispatch.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"

enum status dispatch_load(struct dispatch *dispatch, const char *const *ids,
                          struct work *const *works, bool *found, size_t count, struct error *error)
{
    struct tracker_lookup *lookups = ARENA_ARRAY(dispatch->arena, count, struct tracker_lookup);
    for (size_t i = 0; i < count; i++) {
        lookups[i].id = ids[i];
    }
    enum status status = tracker_find(dispatch->tracker, dispatch->arena, lookups, count, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct work *work = works[i];
        /* What could not be reached is not known to be missing. */
        found[i] = lookups[i].found || lookups[i].status != STATUS_OK;
        if (!found[i]) {
            continue;
        }
        *work = (struct work){.context = work->context};
        if (lookups[i].status != STATUS_OK) {
            work->status = error_set(&work->error, lookups[i].status, TRACKER_PART_AWAY);
            metrics_add(METRIC_TRACKER_ERRORS, 1);
            continue;
        }
        work->status = record_open(dispatch->seal, dispatch->arena, &lookups[i].record,
                                   &work->record, &work->error);
        if (work->status != STATUS_OK) {
            log_error("record cannot be read", LOG_CSTR("invocationId", ids[i]),
                      LOG_CSTR("problem", work->error.text));
        }
    }
    return status;
}

enum status dispatch_reply(struct dispatch *dispatch, const struct record *record,
                           struct slice *reply, struct error *error)
{
    if (record->state.reply.data != NULL) {
        *reply = record->state.reply;
        return STATUS_OK;
    }
    struct slice sealed = SLICE_NONE;
    if (record->state.reply_digest[0] == '\0') {
        return error_set(error, STATUS_NOT_FOUND, "no outcome yet");
    }
    enum status status = tracker_reply_get(dispatch->tracker, dispatch->arena, record->plan.id,
                                           record->state.reply_digest, &sealed, error);
    if (status != STATUS_OK) {
        return status;
    }
    status =
        record_open_field(dispatch->seal, dispatch->arena,
                          (struct record_field){record->plan.id, "reply"}, sealed, reply, error);
    /* A key that is not here does not mean that the reply is gone. */
    return status == STATUS_NOT_FOUND
               ? error_set(error, STATUS_INTERNAL, "the key of a reply is missing")
               : status;
}
