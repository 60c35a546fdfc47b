/* A request is refused with a text or becomes a plan that the store gives back as it was. */
#include "invoker/plan.h"
#include "invoker/request.h"
#include "invoker/script.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

#define NOW_MS         INT64_C(1790000000000)
#define PLAN_MAX_BYTES (16u << 20)

static struct named_target named[] = {
    {.name = SLICE("etl"),
     .target = {.workgroup_name = SLICE("etl-group"), .database = SLICE("dev")}},
};

static const struct plan_settings settings = {
    .prefix = SLICE("ringback/"),
    .target = {.cluster_identifier = SLICE("main"),
               .database = SLICE("dev"),
               .db_user = SLICE("loader")},
    .has_target = true,
    .targets = named,
    .target_count = ARRAY_COUNT(named),
    .output = OUTPUT_EVENT,
    .sweep_seconds = 5,
};

static bool targets_equal(const struct plan_target *a, const struct plan_target *b)
{
    return slice_equals(a->cluster_identifier, b->cluster_identifier) &&
           slice_equals(a->workgroup_name, b->workgroup_name) &&
           slice_equals(a->database, b->database) && slice_equals(a->db_user, b->db_user) &&
           slice_equals(a->secret_arn, b->secret_arn) && slice_equals(a->session_id, b->session_id);
}

/* What a query has of its own. */
static bool own_equal(const struct plan_step *a, const struct plan_step *b)
{
    bool equal = (a->target == NULL) == (b->target == NULL) &&
                 (a->retry == NULL) == (b->retry == NULL) &&
                 a->parameter_count == b->parameter_count;
    if (equal && a->target != NULL) {
        equal = targets_equal(a->target, b->target);
    }
    if (equal && a->retry != NULL) {
        equal = a->retry->max_attempts == b->retry->max_attempts &&
                a->retry->base_ms == b->retry->base_ms && a->retry->max_ms == b->retry->max_ms &&
                slice_equals(a->retry->error_match, b->retry->error_match);
    }
    for (size_t i = 0; equal && i < a->parameter_count; i++) {
        equal = slice_equals(a->parameters[i].name, b->parameters[i].name) &&
                slice_equals(a->parameters[i].value, b->parameters[i].value);
    }
    return equal;
}

static bool steps_equal(const struct plan *a, const struct plan *b)
{
    bool equal = a->step_count == b->step_count;
    for (size_t i = 0; equal && i < a->step_count; i++) {
        const struct plan_step *x = &a->steps[i];
        const struct plan_step *y = &b->steps[i];
        equal = x->sql_count == y->sql_count && x->batch == y->batch &&
                x->auto_commit == y->auto_commit && x->retriable == y->retriable &&
                x->keep_going == y->keep_going && slice_equals(x->attach_id, y->attach_id) &&
                slice_equals(x->item, y->item) && own_equal(x, y);
        for (size_t k = 0; equal && k < x->sql_count; k++) {
            equal = slice_equals(x->sqls[k], y->sqls[k]);
        }
    }
    return equal;
}

static bool parameters_equal(const struct plan *a, const struct plan *b)
{
    bool equal = a->parameter_count == b->parameter_count;
    for (size_t i = 0; equal && i < a->parameter_count; i++) {
        equal = slice_equals(a->parameters[i].name, b->parameters[i].name) &&
                slice_equals(a->parameters[i].value, b->parameters[i].value);
    }
    return equal;
}

static bool addresses_equal(const struct plan *a, const struct plan *b)
{
    bool equal = a->address_count == b->address_count;
    for (size_t i = 0; equal && i < a->address_count; i++) {
        equal = a->addresses[i].kind == b->addresses[i].kind &&
                a->addresses[i].when == b->addresses[i].when &&
                slice_equals(a->addresses[i].target, b->addresses[i].target) &&
                strcmp(a->addresses[i].digest, b->addresses[i].digest) == 0;
    }
    return equal;
}

static bool numbers_equal(const struct plan *a, const struct plan *b)
{
    return a->created_at_ms == b->created_at_ms &&
           a->session_keep_alive_seconds == b->session_keep_alive_seconds &&
           a->wait_seconds == b->wait_seconds && a->deadline_ms == b->deadline_ms &&
           a->heartbeat_seconds == b->heartbeat_seconds && a->keep_running == b->keep_running &&
           a->keyed == b->keyed && a->output == b->output &&
           a->retry.max_attempts == b->retry.max_attempts && a->retry.base_ms == b->retry.base_ms &&
           a->retry.max_ms == b->retry.max_ms;
}

static void check_stored(struct arena *arena, const struct plan *plan)
{
    CLEANUP(buffer_clear) struct buffer stored = {0};
    struct plan again;
    struct error error = ERROR_NONE;
    buffer_init(&stored, PLAN_MAX_BYTES);
    plan_write(plan, &stored);
    FUZZ_CHECK(!stored.overflowed);
    FUZZ_CHECK(plan_read(arena, buffer_slice(&stored), &again, &error) == STATUS_OK);
    FUZZ_CHECK(strcmp(plan->id, again.id) == 0 && strcmp(plan->digest, again.digest) == 0);
    FUZZ_CHECK(slice_equals(plan->prefix, again.prefix));
    FUZZ_CHECK(slice_equals(plan->group, again.group));
    FUZZ_CHECK(targets_equal(&plan->target, &again.target));
    FUZZ_CHECK(steps_equal(plan, &again));
    FUZZ_CHECK(parameters_equal(plan, &again));
    FUZZ_CHECK(addresses_equal(plan, &again));
    FUZZ_CHECK(numbers_equal(plan, &again));
}

static void check_refusal(const struct error *error)
{
    FUZZ_CHECK(error->status == STATUS_REJECTED && error->text[0] != '\0');
    FUZZ_CHECK(slice_is_utf8(slice_from_text(error->text)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    const struct plan_identity identity = {SLICE("http"), SLICE("fuzz")};
    struct slice body = fuzz_input(data, size);
    struct error error = ERROR_NONE;
    struct request_addresses addresses;
    struct random_seeded random;
    const struct plan_maker maker = {arena, &settings, &random.random, NOW_MS};
    struct request request;
    struct plan plan;
    random_seeded_init(&random, 1);
    if (request_parse(arena, body, &request, &addresses, &error) != STATUS_OK) {
        check_refusal(&error);
        plan_make_refused(&maker, &addresses, body, &identity, &plan);
        check_stored(arena, &plan);
        return 0;
    }
    if (request.action != REQUEST_EXECUTE) {
        FUZZ_CHECK(request.statement_id.data != NULL);
        return 0;
    }
    if (request.script_uri.size > 0 &&
        script_read(arena, SLICE("select '{a}', {b}; begin; select 2"), &request, &error) !=
            STATUS_OK) {
        check_refusal(&error);
        return 0;
    }
    FUZZ_CHECK((request.sql_count > 0) + (request.query_count > 0) + request.nothing_to_run == 1);
    if (plan_make(&maker, &request, &identity, &plan, &error) != STATUS_OK) {
        check_refusal(&error);
        return 0;
    }
    FUZZ_CHECK(invocation_id_valid(slice_from_text(plan.id)));
    check_stored(arena, &plan);
    return 0;
}
