#include "invoker/plan.h"

#include "invoker/sql_script.h"

#include "infra/aws/redshift_data.h"

#include <string.h>

#define HEARTBEAT_SWEEPS_MIN 3

/* ---- Plan ----------------------------------------------------------------------------------- */

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

/* Whether a failure that the retry speaks of may be followed by another attempt. */
static bool step_retriable(const struct plan *plan, const struct plan_step *step)
{
    /* Who says which errors are to be tried again knows that it may be done. */
    if (plan->retry.error_match.size > 0) {
        return true;
    }
    bool session = plan->target.session_id.size > 0 || plan->session_keep_alive_seconds >= 0;
    bool retriable = !session && !step->auto_commit;
    for (size_t i = 0; i < step->sql_count && retriable; i++) {
        retriable = !sql_runs_once_only(step->sqls[i]);
    }
    return retriable;
}

/* One step for each statement, or for each batch of at most 40. */
static void lay_steps(struct arena *arena, const struct request *request, struct plan *plan)
{
    const bool batch = request->mode != REQUEST_SEQUENCE;
    const size_t size = batch ? REDSHIFT_DATA_BATCH_MAX : 1;
    plan->step_count = (request->sql_count + size - 1) / size;
    plan->steps = ARENA_ARRAY(arena, plan->step_count, struct plan_step);
    for (size_t i = 0; i < plan->step_count; i++) {
        struct plan_step *step = &plan->steps[i];
        const size_t rest = request->sql_count - i * size;
        step->sqls = &request->sqls[i * size];
        step->sql_count = rest < size ? rest : size;
        step->batch = batch;
        step->auto_commit = request->mode == REQUEST_AUTO_COMMIT;
        step->keep_going = step->auto_commit;
        step->retriable = step_retriable(plan, step);
    }
}

static void derive_id(struct plan *plan, const struct request *request,
                      const struct plan_identity *identity, const struct random *random)
{
    unsigned char bytes[20];
    if (request->request_key.size > 0) {
        invocation_id(SLICE("request-key"), request->request_key, plan->id);
    } else if (request->task_token.size > 0) {
        invocation_id(SLICE("task-token"), request->task_token, plan->id);
    } else if (identity->source.size > 0) {
        invocation_id(identity->kind, identity->source, plan->id);
    } else {
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
        .output = settings->output,
        .retry = request->retry,
        .on_conflict = request->on_conflict,
        .result = request->result,
        .expect_min_rows = request->expect_min_rows,
        .expect_max_rows = request->expect_max_rows,
    };
    if (plan->retry.max_attempts == 0) {
        plan->retry = default_retry;
    }
    enum status status = resolve_target(settings, request, &plan->target, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (request->heartbeat_seconds > 0 &&
        request->heartbeat_seconds < HEARTBEAT_SWEEPS_MIN * settings->sweep_seconds) {
        return error_set(error, STATUS_REJECTED,
                         "heartbeatSeconds: must be at least %lld, three times the sweep interval",
                         (long long)(HEARTBEAT_SWEEPS_MIN * settings->sweep_seconds));
    }
    if (plan->target.session_id.size > 0 &&
        (request->singleton_key.size > 0 || request->singleton_sql)) {
        return error_set(error, STATUS_REJECTED,
                         "singleton: goes without a session, which runs one statement at a time");
    }
    if (request->output.data != NULL) {
        plan->output =
            slice_equals_text(request->output, "statement") ? OUTPUT_STATEMENT : OUTPUT_EVENT;
    }
    if (request->timeout_seconds > 0) {
        plan->deadline_ms = now_ms + request->timeout_seconds * 1000;
    }
    memcpy(plan->digest, request->digest, sizeof(plan->digest));
    derive_id(plan, request, identity, maker->random);
    lay_steps(maker->arena, request, plan);
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
    /* One too many may be why it is refused. */
    (void)add_addresses(plan, addresses->task_token, &addresses->reply_to, &addresses->notify);
}
