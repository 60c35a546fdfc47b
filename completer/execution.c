#include "completer/execution.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"

#define PAGE_LIMIT 50
/* Of one event; more members than these are cancelled when it comes again. */
#define PAGES_MAX 200
/* A clock this far off is not corrected for. */
#define CLOCK_SLACK_MS 5000
#define KEPT_MAX_BYTES (1u << 20)

/* What outlives the batches, each of which empties the dispatch's arena. */
struct execution {
    struct arena *kept;
    struct slice arn;
    int64_t stopped_at_ms;
    struct slice token; /* of the next page; absent: there is none */
};

/* An execution may be redriven under its name: what came after its end belongs to its next life. */
static bool came_before_end(const struct execution *execution, const struct record *record)
{
    return execution->stopped_at_ms == 0 ||
           record->plan.created_at_ms <= execution->stopped_at_ms + CLOCK_SLACK_MS;
}

static size_t feed_page(struct dispatch *dispatch, const struct execution *execution,
                        const struct tracker_record *stored, size_t count, struct work **works)
{
    struct stimulus gone = dispatch_stimulus(dispatch, STIMULUS_CALLER_GONE);
    size_t taken = 0;
    gone.execution_over = true;
    for (size_t i = 0; i < count; i++) {
        struct work *work = ARENA_NEW(dispatch->arena, struct work);
        if (record_open(dispatch->seal, dispatch->arena, &stored[i], &work->record, &work->error) ==
                STATUS_OK &&
            came_before_end(execution, &work->record)) {
            dispatch_feed(dispatch, work, &gone);
            works[taken++] = work;
        }
    }
    return taken;
}

/* Says which were cancelled; false: some could not be. */
static bool report(struct work *const *works, size_t count)
{
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        if (works[i]->applied) {
            log_info("cancelled: its execution is over",
                     LOG_CSTR("invocationId", works[i]->record.plan.id));
            metrics_add(METRIC_CALLERS_GONE, 1);
        }
        all &= works[i]->status == STATUS_OK || works[i]->applied;
    }
    return all;
}

/* One page of the execution's open members, as a batch of its own. */
static bool cancel_page(struct dispatch *dispatch, struct execution *execution)
{
    const struct tracker_list list = {
        .group = execution->arn, .open_only = true, .limit = PAGE_LIMIT, .token = execution->token};
    struct error error = ERROR_NONE;
    struct tracker_record *stored = NULL;
    struct work *works[PAGE_LIMIT];
    struct slice token = SLICE_NONE;
    size_t count = 0;
    dispatch_begin(dispatch);
    if (tracker_list(dispatch->tracker, dispatch->arena, &list, &stored, &count, &token, &error) !=
        STATUS_OK) {
        log_warning("execution not looked at", LOG_CSTR("problem", error.text));
        return false;
    }
    execution->token = arena_copy(execution->kept, token);
    const size_t taken = feed_page(dispatch, execution, stored, count, works);
    dispatch_run(dispatch, works, taken);
    return report(works, taken);
}

bool execution_over(struct dispatch *dispatch, const struct event *event)
{
    CLEANUP(arena_cleanup) struct arena *kept = arena_new(KEPT_MAX_BYTES);
    struct execution execution = {.kept = kept,
                                  .arn = arena_copy(kept, event->execution_arn),
                                  .stopped_at_ms = event->stopped_at_ms};
    metrics_add(METRIC_EXECUTIONS_OVER, 1);
    for (int page = 0; page < PAGES_MAX; page++) {
        if (!cancel_page(dispatch, &execution)) {
            return false;
        }
        if (execution.token.size == 0) {
            return true;
        }
    }
    return false;
}
