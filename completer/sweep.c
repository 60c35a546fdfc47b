/* The sweep: what is due is claimed under a lease and fed to the core as STIMULUS_DUE; retries,
 * deadlines, heartbeats, overdue statements and callbacks are all this one mechanism. */
#include "completer/completer.h"
#include "completer/set_aside.h"

#include "infra/base/metrics.h"

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
        struct stimulus due = dispatch_stimulus(dispatch, STIMULUS_DUE);
        work->claimed = true;
        dispatch_feed(dispatch, work, &due);
    }
    dispatch_run(dispatch, works, *claimed);
    status = tracker_expire(dispatch->tracker, dispatch->now_ms, limit, &expired, error);
    return status == STATUS_OK ? status : error_wrap(error, "sweep");
}
