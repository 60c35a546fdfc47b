/* The sweep: what is due is claimed under a lease and fed to the core as STIMULUS_DUE; retries,
 * deadlines, heartbeats, overdue statements and callbacks are all this one mechanism. */
#include "completer/completer.h"
#include "completer/set_aside.h"

#include "infra/base/metrics.h"

/* Somebody has died with a submit or a callback in hand: its timer is that commit's time and the
 * lease. */
static bool was_left(const struct lifecycle_policy *policy, const struct state *state)
{
    const int64_t lease_ends_ms = state->updated_at_ms + policy->lease_ms;
    if (state->statement == STATEMENT_SUBMITTING && state->statement_at_ms == lease_ends_ms) {
        return true;
    }
    for (size_t i = 0; i < state->callback_count; i++) {
        const struct callback *callback = &state->callbacks[i];
        if (callback->state == CALLBACK_CHOSEN && callback->next_at_ms == lease_ends_ms) {
            return true;
        }
    }
    return false;
}

enum status completer_sweep(struct dispatch *dispatch, size_t limit, size_t *claimed,
                            struct error *error)
{
    struct tracker_record *records = NULL;
    size_t expired = 0;
    *claimed = 0;
    dispatch_begin(dispatch);
    metrics_add(METRIC_SWEEPS, 1);
    enum status status =
        tracker_claim(dispatch->tracker, dispatch->arena, dispatch->now_ms,
                      dispatch->policy->lease_ms, dispatch->owner, limit, &records, claimed, error);
    if (status != STATUS_OK) {
        return error_wrap(error, "sweep");
    }
    metrics_add(METRIC_SWEEP_CLAIMED, *claimed);
    struct work **works = ARENA_ARRAY(dispatch->arena, *claimed, struct work *);
    for (size_t i = 0; i < *claimed; i++) {
        struct work *work = works[i] = ARENA_NEW(dispatch->arena, struct work);
        work->status =
            record_open(dispatch->seal, dispatch->arena, &records[i], &work->record, &work->error);
        if (work->status != STATUS_OK) {
            set_aside(dispatch, &records[i], &work->error);
            continue;
        }
        metrics_add(METRIC_SWEEP_TAKEN_OVER, was_left(dispatch->policy, &work->record.state));
        struct stimulus due = dispatch_stimulus(dispatch, STIMULUS_DUE);
        work->claimed = true;
        dispatch_feed(dispatch, work, &due);
    }
    dispatch_run(dispatch, works, *claimed);
    status = tracker_expire(dispatch->tracker, dispatch->now_ms, limit, &expired, error);
    return status == STATUS_OK ? status : error_wrap(error, "sweep");
}
