#include "invoker/supersede.h"

#include "infra/base/log.h"

#include <string.h>

#define PAGE_LIMIT 100
/* CloudFormation has one request under way for a resource, or two. */
#define PAGES_MAX 10

static int rank_of(struct slice request_type)
{
    return slice_equals_text(request_type, "Create")   ? 0
           : slice_equals_text(request_type, "Update") ? 1
                                                       : 2;
}

/* Of two that came in the same millisecond, a Create is before an Update, and that before a Delete.
 */
static bool came_before(const struct record *record, const struct record *newer)
{
    int rank = rank_of(record->plan.resource->request_type);
    int newer_rank = rank_of(newer->plan.resource->request_type);
    if (rank == 2 && newer_rank < 2) {
        return false;
    }
    return record->created_at_ms < newer->created_at_ms ||
           (record->created_at_ms == newer->created_at_ms && rank < newer_rank);
}

static bool is_superseded(const struct record *record, const struct record *newer)
{
    return record->plan.resource != NULL && record->state.outcome == OUTCOME_NONE &&
           strcmp(record->plan.id, newer->plan.id) != 0 && came_before(record, newer);
}

/* One page of the group: which of its records are to be cancelled. */
static size_t open_page(struct dispatch *dispatch, const struct tracker_record *stored,
                        size_t count, const struct record *newer, struct work **works)
{
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        struct work *work = ARENA_NEW(dispatch->arena, struct work);
        if (record_open(dispatch->seal, dispatch->arena, &stored[i], &work->record, NULL) ==
                STATUS_OK &&
            is_superseded(&work->record, newer)) {
            works[taken++] = work;
        }
    }
    return taken;
}

MUST_CHECK static enum status cancel_all(struct dispatch *dispatch, struct work **works,
                                         size_t count, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count; i++) {
        struct stimulus cancel = dispatch_stimulus(dispatch, STIMULUS_CANCEL_REQUESTED);
        log_info("superseded", LOG_CSTR("invocationId", works[i]->record.plan.id));
        dispatch_feed(dispatch, works[i], &cancel);
    }
    dispatch_run(dispatch, works, count);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (works[i]->status != STATUS_OK && !works[i]->applied) {
            status = error_set(error, works[i]->status, "%s", works[i]->error.text);
        }
    }
    return status;
}

enum status supersede_older(struct dispatch *dispatch, const struct record *newer,
                            struct error *error)
{
    struct tracker_list list = {.group = newer->plan.group, .open_only = true, .limit = PAGE_LIMIT};
    struct work *works[PAGE_LIMIT];
    enum status status = STATUS_OK;
    if (newer->plan.resource == NULL) {
        return STATUS_OK;
    }
    for (int page = 0; page < PAGES_MAX && status == STATUS_OK; page++) {
        struct tracker_record *stored = NULL;
        size_t count = 0;
        status = tracker_list(dispatch->tracker, dispatch->arena, &list, &stored, &count,
                              &list.token, error);
        if (status == STATUS_OK) {
            size_t taken = open_page(dispatch, stored, count, newer, works);
            status = taken > 0 ? cancel_all(dispatch, works, taken, error) : STATUS_OK;
        }
        if (list.token.size == 0) {
            break;
        }
    }
    return status;
}
