#include "invoker/resource.h"

#include "infra/base/encode.h"

#include <string.h>

/* What the PUT may take with its repeats. */
#define ANSWER_SECONDS 10

static struct slice group_of(struct arena *arena, const struct plan_resource *resource)
{
    return slice_from_text(arena_format(arena, "%.*s/%.*s", SLICE_PRINT(resource->stack_id),
                                        SLICE_PRINT(resource->logical_resource_id)));
}

void resource_identity(const struct plan_resource *resource, struct arena *arena,
                       struct plan_identity *identity)
{
    *identity = (struct plan_identity){
        SLICE("cloudformation"),
        slice_from_text(arena_format(arena, "%.*s/%.*s", SLICE_PRINT(resource->stack_id),
                                     SLICE_PRINT(resource->request_id)))};
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* At the deadline the statement is cancelled, and when that shows no ending, the outcome is chosen
 * without one in time for the PUT; each is noticed by a sweep. Of a short time, half is the
 * statement's and a quarter the cancelling's. */
static void place_times(const struct plan_maker *maker, int64_t timeout_seconds, struct plan *plan)
{
    const struct plan_settings *settings = maker->settings;
    const int64_t timeout_ms = timeout_seconds * 1000;
    const int64_t answer_ms =
        least((ANSWER_SECONDS + settings->sweep_seconds) * 1000, timeout_ms / 4);
    const int64_t cancel_ms =
        least((settings->cancel_grace_seconds + settings->sweep_seconds) * 1000, timeout_ms / 4);
    const int64_t deadline_ms = maker->now_ms + timeout_ms - answer_ms - cancel_ms;
    plan->answer_by_ms = maker->now_ms + timeout_ms - answer_ms;
    if (plan->deadline_ms == 0 || plan->deadline_ms > deadline_ms) {
        plan->deadline_ms = deadline_ms;
    }
}

static void place_address(struct arena *arena, const struct plan_resource *resource,
                          struct slice response_url, struct plan *plan)
{
    plan->resource = resource;
    plan->group = group_of(arena, resource);
    address_init(&plan->addresses[plan->address_count++], ADDRESS_RESPONSE_URL, response_url);
}

void resource_place(const struct plan_maker *maker, const struct request *request,
                    struct plan *plan)
{
    place_address(maker->arena, request->resource, request->response_url, plan);
    plan->output = OUTPUT_EVENT; /* the answer is cut from it, whatever it is of */
    place_times(maker, request->service_timeout_seconds, plan);
    if (!request->nothing_to_run) {
        struct slice key = slice_from_text(
            arena_format(maker->arena, "cloudformation\n%.*s", SLICE_PRINT(plan->group)));
        digest_sha256_hex(key, plan->lock_key);
        plan->on_conflict = PLAN_CONFLICT_QUEUE;
    }
}

void resource_place_refused(const struct plan_maker *maker,
                            const struct request_addresses *addresses, struct plan *plan)
{
    place_address(maker->arena, addresses->resource, addresses->response_url, plan);
}

/* What a request has left behind: what it made, or what was there before when it did not. */
static struct slice left_behind(const struct record *record)
{
    const struct plan_resource *resource = record->plan.resource;
    if (resource == NULL) {
        return SLICE_NONE;
    }
    return record->state.outcome == OUTCOME_FINISHED ? resource->made_after : resource->made_before;
}

static bool is_same_request(const struct record *record, const struct plan_resource *resource)
{
    return record->plan.resource != NULL &&
           slice_equals(record->plan.resource->request_id, resource->request_id);
}

enum status resource_recall(struct dispatch *dispatch, struct request *request, struct error *error)
{
    const struct plan_resource *resource = request->resource;
    struct tracker_record stored;
    struct record record;
    if (resource == NULL || !request->made) {
        return STATUS_OK;
    }
    enum status status = tracker_group_latest(dispatch->tracker, dispatch->arena,
                                              group_of(dispatch->arena, resource), &stored, error);
    if (status == STATUS_OK) {
        status = record_open(dispatch->seal, dispatch->arena, &stored, &record, error);
    }
    if (status == STATUS_OK && !is_same_request(&record, resource) &&
        slice_equals(left_behind(&record), resource->made_after)) {
        request->nothing_to_run = true;
        request->sql_count = 0;
        return STATUS_OK;
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        return status;
    }
    return request->made_refusal == NULL
               ? STATUS_OK
               : error_set(error, STATUS_REJECTED, "%s", request->made_refusal);
}
