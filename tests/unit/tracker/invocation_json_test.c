/* The stored form of plan and state: what is written comes back, and nothing damaged is read. */
#include "tests/unit/tracker/invocation_fixture.h"

#include <string.h>

/* ---- Helpers ---- */

static void write_plan(struct fixture *fixture)
{
    buffer_reset(&fixture->written);
    plan_write(&fixture->plan, &fixture->written);
    assert_false(fixture->written.overflowed);
}

static void write_state(struct fixture *fixture)
{
    buffer_reset(&fixture->written);
    state_write(&fixture->state, &fixture->written);
    assert_false(fixture->written.overflowed);
}

static void assert_target(const struct plan_target *actual, const struct plan_target *expected)
{
    assert_slice(actual->cluster_identifier, expected->cluster_identifier);
    assert_slice(actual->workgroup_name, expected->workgroup_name);
    assert_slice(actual->database, expected->database);
    assert_slice(actual->db_user, expected->db_user);
    assert_slice(actual->secret_arn, expected->secret_arn);
    assert_slice(actual->session_id, expected->session_id);
}

static void assert_pairs(const struct plan_parameter *actual, size_t actual_count,
                         const struct plan_parameter *expected, size_t expected_count)
{
    assert_int_equal(actual_count, expected_count);
    for (size_t i = 0; i < expected_count; i++) {
        assert_slice(actual[i].name, expected[i].name);
        assert_slice(actual[i].value, expected[i].value);
    }
}

static void assert_retry(const struct plan_retry *actual, const struct plan_retry *expected)
{
    assert_int_equal(actual->max_attempts, expected->max_attempts);
    assert_slice(actual->error_match, expected->error_match);
    assert_int_equal(actual->base_ms, expected->base_ms);
    assert_int_equal(actual->max_ms, expected->max_ms);
}

static void assert_step(const struct plan_step *actual, const struct plan_step *expected)
{
    assert_int_equal(actual->sql_count, expected->sql_count);
    for (size_t i = 0; i < expected->sql_count; i++) {
        assert_slice(actual->sqls[i], expected->sqls[i]);
    }
    assert_int_equal(actual->batch, expected->batch);
    assert_int_equal(actual->auto_commit, expected->auto_commit);
    assert_int_equal(actual->keep_going, expected->keep_going);
    assert_int_equal(actual->retriable, expected->retriable);
    assert_slice(actual->attach_id, expected->attach_id);
    assert_int_equal(actual->target == NULL, expected->target == NULL);
    if (actual->target != NULL && expected->target != NULL) {
        assert_target(actual->target, expected->target);
    }
    assert_int_equal(actual->retry == NULL, expected->retry == NULL);
    if (actual->retry != NULL && expected->retry != NULL) {
        assert_retry(actual->retry, expected->retry);
    }
    assert_pairs(actual->parameters, actual->parameter_count, expected->parameters,
                 expected->parameter_count);
    assert_slice(actual->item, expected->item);
}

static void assert_resource(const struct plan_resource *actual,
                            const struct plan_resource *expected)
{
    assert_int_equal(actual == NULL, expected == NULL);
    if (actual == NULL || expected == NULL) {
        return;
    }
    assert_slice(actual->request_type, expected->request_type);
    assert_slice(actual->stack_id, expected->stack_id);
    assert_slice(actual->request_id, expected->request_id);
    assert_slice(actual->logical_resource_id, expected->logical_resource_id);
    assert_slice(actual->physical_resource_id, expected->physical_resource_id);
    assert_int_equal(actual->no_echo, expected->no_echo);
    assert_pairs(actual->data, actual->data_count, expected->data, expected->data_count);
}

static void assert_plan_scalars(const struct plan *actual, const struct plan *expected)
{
    assert_string_equal(actual->id, expected->id);
    assert_string_equal(actual->digest, expected->digest);
    assert_int_equal(actual->created_at_ms, expected->created_at_ms);
    assert_slice(actual->prefix, expected->prefix);
    assert_slice(actual->group, expected->group);
    assert_int_equal(actual->session_keep_alive_seconds, expected->session_keep_alive_seconds);
    assert_int_equal(actual->wait_seconds, expected->wait_seconds);
    assert_int_equal(actual->deadline_ms, expected->deadline_ms);
    assert_int_equal(actual->heartbeat_seconds, expected->heartbeat_seconds);
    assert_int_equal(actual->keep_running, expected->keep_running);
    assert_int_equal(actual->keyed, expected->keyed);
    assert_int_equal(actual->output, expected->output);
    assert_string_equal(actual->lock_key, expected->lock_key);
    assert_int_equal(actual->on_conflict, expected->on_conflict);
    assert_int_equal(actual->result.mode, expected->result.mode);
    assert_int_equal(actual->result.format, expected->result.format);
    assert_int_equal(actual->result.max_rows, expected->result.max_rows);
    assert_slice(actual->result.uri, expected->result.uri);
    assert_int_equal(actual->expect_min_rows, expected->expect_min_rows);
    assert_int_equal(actual->expect_max_rows, expected->expect_max_rows);
}

static void assert_plan(const struct plan *actual, const struct plan *expected)
{
    assert_plan_scalars(actual, expected);
    assert_target(&actual->target, &expected->target);
    assert_retry(&actual->retry, &expected->retry);
    assert_resource(actual->resource, expected->resource);
    assert_int_equal(actual->step_count, expected->step_count);
    for (size_t i = 0; i < expected->step_count; i++) {
        assert_step(&actual->steps[i], &expected->steps[i]);
    }
    assert_pairs(actual->parameters, actual->parameter_count, expected->parameters,
                 expected->parameter_count);
    assert_int_equal(actual->address_count, expected->address_count);
    for (size_t i = 0; i < expected->address_count; i++) {
        assert_int_equal(actual->addresses[i].kind, expected->addresses[i].kind);
        assert_int_equal(actual->addresses[i].when, expected->addresses[i].when);
        assert_slice(actual->addresses[i].target, expected->addresses[i].target);
        assert_string_equal(actual->addresses[i].digest, expected->addresses[i].digest);
    }
}

static void plan_round_trip(struct fixture *fixture)
{
    struct plan read;
    write_plan(fixture);
    assert_int_equal(
        plan_read(fixture->arena, buffer_slice(&fixture->written), &read, &fixture->error),
        STATUS_OK);
    assert_plan(&read, &fixture->plan);
}

static void assert_results(const struct state *actual, const struct state *expected)
{
    assert_int_equal(actual->result_count, expected->result_count);
    for (size_t i = 0; i < expected->result_count; i++) {
        assert_int_equal(actual->results[i].step, expected->results[i].step);
        assert_int_equal(actual->results[i].attempt, expected->results[i].attempt);
        assert_int_equal(actual->results[i].ending, expected->results[i].ending);
        assert_string_equal(actual->results[i].statement_id, expected->results[i].statement_id);
        assert_int_equal(actual->results[i].rows, expected->results[i].rows);
        assert_int_equal(actual->results[i].duration_ms, expected->results[i].duration_ms);
    }
}

/* Compares all that is no pointer at once, after the pointers have been compared and blanked. */
static void assert_state(struct state actual, struct state expected)
{
    assert_results(&actual, &expected);
    assert_slice(actual.error_text, expected.error_text);
    assert_slice(actual.event, expected.event);
    assert_slice(actual.reply, expected.reply);
    actual.results = expected.results = NULL;
    actual.error_text = expected.error_text = SLICE_NONE;
    actual.event = expected.event = SLICE_NONE;
    actual.reply = expected.reply = SLICE_NONE;
    for (size_t i = 0; i < INVOCATION_ADDRESSES_MAX; i++) {
        assert_slice(actual.callbacks[i].adopted_target, expected.callbacks[i].adopted_target);
        actual.callbacks[i].adopted_target = expected.callbacks[i].adopted_target = SLICE_NONE;
    }
    assert_memory_equal(&actual, &expected, sizeof(actual));
}

static void state_round_trip(struct fixture *fixture)
{
    struct state read;
    write_state(fixture);
    assert_int_equal(
        state_read(fixture->arena, buffer_slice(&fixture->written), &read, &fixture->error),
        STATUS_OK);
    assert_state(read, fixture->state);
}

static void assert_plan_refused(struct fixture *fixture, const char *json)
{
    struct plan plan;
    fixture->error = ERROR_NONE;
    if (plan_read(fixture->arena, slice_from_text(json), &plan, &fixture->error) !=
        STATUS_REJECTED) {
        fail_msg("accepted as a plan: %s", json);
    }
    assert_true(fixture->error.text[0] != '\0');
}

static void assert_state_refused(struct fixture *fixture, const char *json)
{
    struct state state;
    fixture->error = ERROR_NONE;
    if (state_read(fixture->arena, slice_from_text(json), &state, &fixture->error) !=
        STATUS_REJECTED) {
        fail_msg("accepted as a state: %s", json);
    }
    assert_true(fixture->error.text[0] != '\0');
}

static bool written_has(const struct fixture *fixture, const char *text)
{
    struct slice written = buffer_slice(&fixture->written);
    return slice_find(written, slice_from_text(text)) < written.size;
}

/* ---- Success ---- */

static void plan_comes_back_field_by_field(void **context)
{
    plan_round_trip(*context);
}

static void plan_of_defaults_comes_back(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan = (struct plan){.id = ID,
                                  .session_keep_alive_seconds = -1,
                                  .retry.max_attempts = 1,
                                  .result.max_rows = -1,
                                  .expect_min_rows = -1,
                                  .expect_max_rows = -1};
    plan_round_trip(fixture);
}

static void plan_of_256_steps_comes_back(void **context)
{
    struct fixture *fixture = *context;
    for (size_t i = 0; i < INVOCATION_STEPS_MAX; i++) {
        fixture->steps[i] = fixture->steps[i % 2];
    }
    fixture->plan.step_count = INVOCATION_STEPS_MAX;
    plan_round_trip(fixture);
}

static void state_comes_back_field_by_field(void **context)
{
    state_round_trip(*context);
}

static void fresh_state_comes_back(void **context)
{
    struct fixture *fixture = *context;
    memset(&fixture->state, 0, sizeof(fixture->state));
    fixture->state.step = fixture->state.attempt = 1;
    state_round_trip(fixture);
}

static void unknown_members_are_passed_over(void **context)
{
    struct fixture *fixture = *context;
    struct plan plan;
    struct state state;
    assert_int_equal(plan_read(fixture->arena,
                               SLICE("{\"of\":{\"a\":[1]},\"id\":\"x\",\"steps\":[{\"new\":1}],"
                                     "\"later\":null}"),
                               &plan, &fixture->error),
                     STATUS_OK);
    assert_string_equal(plan.id, "x");
    assert_int_equal(plan.step_count, 1);
    assert_int_equal(state_read(fixture->arena, SLICE("{\"of\":[],\"attempt\":3,\"later\":{}}"),
                                &state, &fixture->error),
                     STATUS_OK);
    assert_int_equal(state.attempt, 3);
}

static void scrubbed_plan_holds_no_secret(void **context)
{
    struct fixture *fixture = *context;
    write_plan(fixture);
    assert_true(written_has(fixture, "secret-"));
    plan_scrub(&fixture->plan);
    write_plan(fixture);
    assert_false(written_has(fixture, "secret-"));
    /* What tells a repeat and an adopter again stays. */
    assert_true(written_has(fixture, fixture->plan.digest));
    assert_true(written_has(fixture, fixture->plan.addresses[7].digest));
    plan_round_trip(fixture);
}

static void shrunk_plan_keeps_who_it_was(void **context)
{
    struct fixture *fixture = *context;
    plan_shrink(&fixture->plan);
    write_plan(fixture);
    assert_false(written_has(fixture, "secret-"));
    assert_string_equal(fixture->plan.id, ID);
    assert_true(written_has(fixture, fixture->plan.digest));
    assert_int_equal(fixture->plan.created_at_ms, 1);
    plan_round_trip(fixture);
}

/* ---- Failure ---- */

static void damaged_plans_are_refused(void **context)
{
    static const char *const plans[] = {
        "",
        "{",
        "[]",
        "null",
        "\"x\"",
        "1",
        "{}x",
        "{\"id\":1}",
        "{\"id\":\"123456789012345678901234567890123\"}",
        "{\"createdAt\":-1}",
        "{\"createdAt\":1.5}",
        "{\"createdAt\":4503599627370497}",
        "{\"steps\":{}}",
        "{\"steps\":[1]}",
        "{\"steps\":[null]}",
        "{\"steps\":[{\"sql\":\"x\"}]}",
        "{\"steps\":[{\"sql\":[1]}]}",
        "{\"steps\":[{\"batch\":1}]}",
        "{\"steps\":[{\"keepGoing\":1}]}",
        "{\"steps\":[{\"attach\":1}]}",
        "{\"steps\":[{\"target\":1}]}",
        "{\"steps\":[{\"retry\":{\"match\":1}}]}",
        "{\"steps\":[{\"parameters\":[1]}]}",
        "{\"parameters\":[[\"a\"]]}",
        "{\"parameters\":[[\"a\",1]]}",
        "{\"parameters\":[{}]}",
        "{\"target\":[]}",
        "{\"target\":{\"cluster\":1}}",
        "{\"addresses\":[1]}",
        "{\"addresses\":[{\"kind\":6}]}",
        "{\"addresses\":[{\"kind\":-1}]}",
        "{\"addresses\":[{\"kind\":1,\"when\":3}]}",
        "{\"addresses\":[{\"kind\":1,\"digest\":\"12345678901234567\"}]}",
        "{\"addresses\":[{},{},{},{},{},{},{},{},{}]}",
        "{\"keepAlive\":-2}",
        "{\"keepAlive\":86401}",
        "{\"wait\":31}",
        "{\"heartbeat\":-1}",
        "{\"keyed\":\"true\"}",
        "{\"output\":3}",
        "{\"retry\":[]}",
        "{\"retry\":{\"attempts\":0}}",
        "{\"retry\":{\"attempts\":1001}}",
        "{\"lock\":\"01234567890123456789012345678901234567890123456789012345678901234\"}",
        "{\"onConflict\":3}",
        "{\"result\":1}",
        "{\"result\":{\"mode\":3}}",
        "{\"result\":{\"format\":2}}",
        "{\"result\":{\"maxRows\":-2}}",
        "{\"minRows\":-2}",
        "{\"maxRows\":\"1\"}",
        "{\"resource\":[]}",
        "{\"resource\":{\"data\":[[\"a\"]]}}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(plans); i++) {
        assert_plan_refused(*context, plans[i]);
    }
}

static void damaged_states_are_refused(void **context)
{
    static const char *const states[] = {
        "",
        "{",
        "[]",
        "null",
        "{\"statement\":7}",
        "{\"statement\":-1}",
        "{\"statement\":\"running\"}",
        "{\"step\":0}",
        "{\"step\":257}",
        "{\"attempt\":0}",
        "{\"id\":\"12345678901234567890123456789012345678901\"}",
        "{\"seen\":4}",
        "{\"sends\":-1}",
        "{\"cancelCause\":7}",
        "{\"outcome\":7}",
        "{\"outcome\":\"FINISHED\"}",
        "{\"witness\":4}",
        "{\"errorText\":{}}",
        "{\"replyDigest\":\"12345678901234567890123456789012345678901234567890123456789012345\"}",
        "{\"results\":1}",
        "{\"results\":[1]}",
        "{\"results\":[{\"ending\":4}]}",
        "{\"results\":[{\"step\":0}]}",
        "{\"results\":[{\"rows\":-2}]}",
        "{\"callbacks\":[[]]}",
        "{\"callbacks\":[{\"kind\":6}]}",
        "{\"callbacks\":[{\"state\":5}]}",
        "{\"callbacks\":[{},{},{},{},{},{},{},{},{}]}",
        "{\"pause\":-1}",
        "{\"stepFailed\":1}",
        "{\"skipped\":1}",
        "{\"holder\":\"123456789012345678901234567890123\"}",
        "{\"session\":\"1234567890123456789012345678901234567\"}",
        "{\"tombstone\":1}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        assert_state_refused(*context, states[i]);
    }
}

/* Every cut of what was written is refused: nothing is half read. */
static void cut_records_are_refused(void **context)
{
    struct fixture *fixture = *context;
    struct plan plan;
    struct state state;
    write_plan(fixture);
    for (size_t size = 0; size < fixture->written.size; size++) {
        assert_int_equal(plan_read(fixture->arena,
                                   slice_part(buffer_slice(&fixture->written), 0, size), &plan,
                                   &fixture->error),
                         STATUS_REJECTED);
        arena_reset(fixture->arena);
    }
    fill_state(fixture);
    write_state(fixture);
    for (size_t size = 0; size < fixture->written.size; size++) {
        assert_int_equal(state_read(fixture->arena,
                                    slice_part(buffer_slice(&fixture->written), 0, size), &state,
                                    &fixture->error),
                         STATUS_REJECTED);
        arena_reset(fixture->arena);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plan_comes_back_field_by_field), TEST(plan_of_defaults_comes_back),
        TEST(plan_of_256_steps_comes_back),   TEST(state_comes_back_field_by_field),
        TEST(fresh_state_comes_back),         TEST(unknown_members_are_passed_over),
        TEST(scrubbed_plan_holds_no_secret),  TEST(shrunk_plan_keeps_who_it_was),
        TEST(damaged_plans_are_refused),      TEST(damaged_states_are_refused),
        TEST(cut_records_are_refused),
    };
    return cmocka_run_group_tests_name("invocation_json", tests, NULL, NULL);
}
