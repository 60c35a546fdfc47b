#include "invoker/plan.h"

#include "invoker/plan_lock.h"
#include "invoker/plan_steps.h"
#include "invoker/resource.h"

#include <string.h>

#define HEARTBEAT_SWEEPS_MIN 3

MUST_CHECK static enum status resolve_target(const struct plan_settings *settings,
                                             const struct request *request,
                                             struct plan_target *target, struct error *error)
{
    if (request->has_target && request->target_name.data == NULL) {
        *target = request->target;
        return STATUS_OK;
    }
    if (!request->has_target && settings->has_target) {
        *target = settings->target;
        return STATUS_OK;
    }
    /* Each query may name its own; there may be nothing that needs one. */
    if (!request->has_target && (request->query_count > 0 || request->nothing_to_run)) {
        *target = (struct plan_target){0};
        return STATUS_OK;
    }
    if (!request->has_target) {
        return error_set(error, STATUS_REJECTED,
                         "target: is needed, since this deployment has no default target");
    }
    for (size_t i = 0; i < settings->target_count; i++) {
        if (slice_equals(settings->targets[i].name, request->target_name)) {
            *target = settings->targets[i].target;
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_REJECTED,
                     "target: there is no target of this name in RINGBACK_TARGETS_FILE");
}

bool plan_find_id(const struct request *request, const struct plan_identity *identity,
                  char id[TRACKER_ID_BYTES + 1])
{
    if (request->request_key.size > 0) {
        invocation_id(SLICE("request-key"), request->request_key, id);
        return true;
    }
    if (request->task_token.size > 0) {
        invocation_id(SLICE("task-token"), request->task_token, id);
        return true;
    }
    if (identity->source.size > 0) {
        invocation_id(identity->kind, identity->source, id);
        return true;
    }
    return false;
}

static void derive_id(struct plan *plan, const struct request *request,
                      const struct plan_identity *identity, const struct random *random)
{
    unsigned char bytes[20];
    if (!plan_find_id(request, identity, plan->id)) {
        random_fill(random, bytes, sizeof(bytes));
        invocation_id(SLICE("random"), (struct slice){(const char *)bytes, sizeof(bytes)},
                      plan->id);
    }
}

static const struct plan_retry default_retry = {.max_attempts = REQUEST_RETRY_ATTEMPTS,
                                                .base_ms = REQUEST_RETRY_BASE_MS,
                                                .max_ms = REQUEST_RETRY_MAX_MS};

static void add_address(struct plan *plan, enum address_kind kind, struct slice target)
{
    address_init(&plan->addresses[plan->address_count++], kind, target);
}

/* Who is told, at most so many as there are places; returns how many there should be. */
static size_t add_addresses(struct plan *plan, struct slice task_token,
                            const struct address *reply_to, const struct request_notify *notify)
{
    if (task_token.size > 0) {
        add_address(plan, ADDRESS_TASK_TOKEN, task_token);
    }
    if (reply_to->kind != ADDRESS_NONE) {
        plan->addresses[plan->address_count++] = *reply_to;
    }
    size_t wanted = plan->address_count + notify->count;
    for (size_t i = 0; i < notify->count && plan->address_count < INVOCATION_ADDRESSES_MAX; i++) {
        plan->addresses[plan->address_count++] = notify->addresses[i];
    }
    return wanted;
}

/* Rules that need the deployment's settings or the target. */
MUST_CHECK static enum status check_plan(const struct plan_settings *settings,
                                         const struct request *request, const struct plan *plan,
                                         struct error *error)
{
    const int64_t pace_min = HEARTBEAT_SWEEPS_MIN * settings->sweep_seconds;
    if (request->heartbeat_seconds > 0 && request->heartbeat_seconds < pace_min) {
        return error_set(error, STATUS_REJECTED,
                         "heartbeatSeconds: must be at least %lld, three times the sweep interval",
                         (long long)pace_min);
    }
    if (plan_session(plan).size > 0 &&
        (request->singleton_key.size > 0 || request->singleton_sql)) {
        return error_set(error, STATUS_REJECTED,
                         "singleton: goes without a session, which runs one statement at a time");
    }
    return STATUS_OK;
}

/* A list of queries is answered as one, whatever the deployment's default is. */
static enum plan_output output_of(const struct plan_settings *settings,
                                  const struct request *request)
{
    if (request->output.data == NULL) {
        return request->query_count > 0 ? OUTPUT_QUERIES : settings->output;
    }
    return slice_equals_text(request->output, "statement") ? OUTPUT_STATEMENT : OUTPUT_EVENT;
}

enum status plan_make(const struct plan_maker *maker, const struct request *request,
                      const struct plan_identity *identity, struct plan *plan, struct error *error)
{
    const struct plan_settings *settings = maker->settings;
    int64_t now_ms = maker->now_ms;
    *plan = (struct plan){
        .created_at_ms = now_ms,
        .prefix = settings->prefix,
        .group = request->execution_arn,
        .parameters = request->parameters,
        .parameter_count = request->parameter_count,
        .session_keep_alive_seconds = request->session_keep_alive_seconds,
        .wait_seconds = settings->wait_seconds,
        .heartbeat_seconds = request->heartbeat_seconds,
        .keep_running = request->keep_running,
        .keyed = request->request_key.size > 0,
        .retry = request->retry,
        .on_conflict = request->on_conflict,
        .result = request->result,
        .expect_min_rows = request->expect_min_rows,
        .expect_max_rows = request->expect_max_rows,
    };
    if (plan->retry.max_attempts == 0) {
        plan->retry = default_retry;
    }
    enum status status = request->nothing_to_run
                             ? STATUS_OK
                             : resolve_target(settings, request, &plan->target, error);
    if (status == STATUS_OK) {
        status = plan_lay_steps(maker->arena, request, plan, error);
    }
    if (status == STATUS_OK) {
        status = check_plan(settings, request, plan, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    plan_set_lock(request, plan);
    plan->output = output_of(settings, request);
    if (request->timeout_seconds > 0) {
        plan->deadline_ms = now_ms + request->timeout_seconds * 1000;
    }
    memcpy(plan->digest, request->digest, sizeof(plan->digest));
    derive_id(plan, request, identity, maker->random);
    if (request->resource != NULL) {
        resource_place(maker, request, plan);
    }
    size_t wanted = add_addresses(plan, request->task_token, &request->reply_to, &request->notify);
    if (wanted > INVOCATION_ADDRESSES_MAX) {
        return error_set(error, STATUS_REJECTED,
                         "notify: an invocation has at most %d addresses with taskToken and "
                         "replyTo, got %zu",
                         INVOCATION_ADDRESSES_MAX, wanted);
    }
    return STATUS_OK;
}

void plan_make_refused(const struct plan_maker *maker, const struct request_addresses *addresses,
                       struct slice body, const struct plan_identity *identity, struct plan *plan)
{
    const struct request request = {.task_token = addresses->task_token};
    *plan = (struct plan){.created_at_ms = maker->now_ms,
                          .prefix = maker->settings->prefix,
                          .session_keep_alive_seconds = -1,
                          .output = maker->settings->output,
                          .retry = {.max_attempts = 1},
                          .result = {.max_rows = -1},
                          .expect_min_rows = -1,
                          .expect_max_rows = -1};
    digest_sha256_hex(body, plan->digest);
    derive_id(plan, &request, identity, maker->random);
    if (addresses->resource != NULL) {
        resource_place_refused(maker, addresses, plan);
    }
    /* One too many may be why it is refused. */
    (void)add_addresses(plan, addresses->task_token, &addresses->reply_to, &addresses->notify);
}
