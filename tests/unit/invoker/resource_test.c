/* Requests for one CloudFormation resource: their times and their lock, who cancels whom, and what
 * the one before has left behind. */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#include <string.h>

#define PROPERTIES(text) "\"ResourceProperties\":{" text "}"
#define OLD(text)        "\"OldResourceProperties\":{" text "}"
#define BOTH             PROPERTIES("\"create\":\"select 1\",\"update\":\"select 2\",\"delete\":\"select 3\"")
#define MADE(text)       "\"create_sql\":\"" text "\",\"drop_sql\":\"drop view v\""

/* ---- Fixture ---- */

static int set_up(void **context)
{
    static struct pipeline pipeline;
    pipeline_open(&pipeline, NULL);
    *context = &pipeline;
    return 0;
}

static int tear_down(void **context)
{
    pipeline_close(*context);
    return 0;
}

/* ---- Helpers ---- */

/* Nobody listens at the address: answers are tried again, and the record stays open. */
static const char *event(struct pipeline *pipeline, const char *type, const char *request,
                         const char *members)
{
    return arena_format(pipeline->arena,
                        "{\"RequestType\":\"%s\",\"ResponseURL\":\"http://127.0.0.1:1/%s\","
                        "\"StackId\":\"stack\",\"RequestId\":\"%s\",\"LogicalResourceId\":\"L\","
                        "\"PhysicalResourceId\":\"p\",%s}",
                        type, request, request, members);
}

static struct record record_of(struct pipeline *pipeline, const char *request)
{
    const char *source = arena_format(pipeline->arena, "stack/%s", request);
    return pipeline_record(pipeline, pipeline_id(pipeline, "cloudformation", source));
}

static struct record post(struct pipeline *pipeline, const char *type, const char *request,
                          const char *members)
{
    assert_int_equal(pipeline_post(pipeline, event(pipeline, type, request, members)), 202);
    return record_of(pipeline, request);
}

/* As post, and its statement ends like this. */
static void post_ended(struct pipeline *pipeline, const char *type, const char *request,
                       const char *members, const char *state)
{
    struct record record = post(pipeline, type, request, members);
    pipeline_event(pipeline, pipeline_name(pipeline, record.plan.id, 1, 1), state);
}

/* ---- Placing ---- */

static void has_group_lock_and_times(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline->settings.cancel_grace_seconds = 30;
    pipeline->settings.sweep_seconds = 5;
    struct record record = post(pipeline, "Create", "r-1", BOTH);
    assert_true(slice_equals_text(record.plan.group, "stack/L"));
    assert_int_equal(strlen(record.plan.lock_key), SHA256_HEX_BYTES);
    assert_int_equal(record.plan.on_conflict, PLAN_CONFLICT_QUEUE);
    assert_int_equal(record.plan.addresses[0].kind, ADDRESS_RESPONSE_URL);
    assert_int_equal(record.plan.answer_by_ms, PIPELINE_NOW + (3600 - 15) * 1000);
    assert_int_equal(record.plan.deadline_ms, PIPELINE_NOW + (3600 - 15 - 35) * 1000);
}

static void short_time_is_shared(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline->settings.cancel_grace_seconds = 30;
    struct record record = post(pipeline, "Create", "r-1",
                                PROPERTIES("\"create\":\"select 1\",\"ServiceTimeout\":\"40\""));
    assert_int_equal(record.plan.answer_by_ms, PIPELINE_NOW + 30000);
    assert_int_equal(record.plan.deadline_ms, PIPELINE_NOW + 20000);
}

static void nothing_to_run_is_over_at_once(void **context)
{
    struct pipeline *pipeline = *context;
    struct record record = post(pipeline, "Create", "r-1", PROPERTIES("\"delete\":\"select 1\""));
    assert_int_equal(record.state.outcome, OUTCOME_FINISHED);
    assert_int_equal(cloud_statements(pipeline->cloud), 0);
}

static void twice_is_one(void **context)
{
    struct pipeline *pipeline = *context;
    const char *body = event(pipeline, "Create", "r-1", BOTH);
    assert_int_equal(pipeline_post(pipeline, body), 202);
    assert_int_equal(pipeline_post(pipeline, body), 200);
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
}

/* ---- Superseding ---- */

static void delete_cancels_a_running_create_and_waits(void **context)
{
    struct pipeline *pipeline = *context;
    post(pipeline, "Create", "r-1", BOTH);
    clock_fake_advance(&pipeline->clock, 1000);
    struct record deleting = post(pipeline, "Delete", "r-2", BOTH);
    struct record creating = record_of(pipeline, "r-1");
    assert_int_equal(creating.state.statement, STATEMENT_CANCELLING);
    assert_int_equal(creating.state.cancel_cause, OUTCOME_ABORTED);
    assert_int_equal(deleting.state.statement, STATEMENT_WAITING);
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
    pipeline_event(pipeline, pipeline_name(pipeline, creating.plan.id, 1, 1), "ABORTED");
    assert_int_equal(record_of(pipeline, "r-1").state.outcome, OUTCOME_ABORTED);
    pipeline_sweep(pipeline, 100);
    assert_int_equal(record_of(pipeline, "r-2").state.statement, STATEMENT_RUNNING);
    assert_int_equal(cloud_statements(pipeline->cloud), 2);
}

static void of_one_batch_the_delete_is_the_later(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[] = {{.body = slice_from_text(event(pipeline, "Delete", "r-2", BOTH)),
                                    .channel = CHANNEL_ASYNCHRONOUS},
                                   {.body = slice_from_text(event(pipeline, "Create", "r-1", BOTH)),
                                    .channel = CHANNEL_ASYNCHRONOUS}};
    invoker_handle(&pipeline->invoker, items, ARRAY_COUNT(items));
    assert_true(items[0].acknowledge && items[1].acknowledge);
    assert_int_not_equal(record_of(pipeline, "r-1").state.cancel_cause, OUTCOME_NONE);
    assert_int_equal(record_of(pipeline, "r-2").state.cancel_cause, OUTCOME_NONE);
}

static void late_create_does_not_cancel_a_delete(void **context)
{
    struct pipeline *pipeline = *context;
    post(pipeline, "Delete", "r-2", BOTH);
    clock_fake_advance(&pipeline->clock, 1000);
    post(pipeline, "Create", "r-1", BOTH);
    assert_int_equal(record_of(pipeline, "r-2").state.cancel_cause, OUTCOME_NONE);
}

/* ---- Recalling ---- */

static void rollback_of_a_failed_update_runs_nothing(void **context)
{
    struct pipeline *pipeline = *context;
    post_ended(pipeline, "Update", "r-1", PROPERTIES(MADE("new")) "," OLD(MADE("old")), "FAILED");
    clock_fake_advance(&pipeline->clock, 1000);
    struct record record =
        post(pipeline, "Update", "r-2", PROPERTIES(MADE("old")) "," OLD(MADE("new")));
    assert_int_equal(record.state.outcome, OUTCOME_FINISHED);
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
}

static void rollback_of_a_finished_update_goes_back(void **context)
{
    struct pipeline *pipeline = *context;
    post_ended(pipeline, "Update", "r-1", PROPERTIES(MADE("new")) "," OLD(MADE("old")), "FINISHED");
    clock_fake_advance(&pipeline->clock, 1000);
    post(pipeline, "Update", "r-2", PROPERTIES(MADE("old")) "," OLD(MADE("new")));
    assert_int_equal(cloud_statements(pipeline->cloud), 2);
}

static void refused_update_has_changed_nothing(void **context)
{
    struct pipeline *pipeline = *context;
    assert_true(pipeline_enqueue(
        pipeline, "m-1",
        event(pipeline, "Update", "r-1",
              PROPERTIES(MADE("new") ",\"noEcho\":\"perhaps\"") "," OLD(MADE("old")))));
    assert_int_equal(record_of(pipeline, "r-1").state.outcome, OUTCOME_REJECTED);
    clock_fake_advance(&pipeline->clock, 1000);
    post(pipeline, "Update", "r-2", PROPERTIES(MADE("old")) "," OLD(MADE("new")));
    assert_int_equal(cloud_statements(pipeline->cloud), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(has_group_lock_and_times),
        TEST(short_time_is_shared),
        TEST(nothing_to_run_is_over_at_once),
        TEST(twice_is_one),
        TEST(delete_cancels_a_running_create_and_waits),
        TEST(of_one_batch_the_delete_is_the_later),
        TEST(late_create_does_not_cancel_a_delete),
        TEST(rollback_of_a_failed_update_runs_nothing),
        TEST(rollback_of_a_finished_update_goes_back),
        TEST(refused_update_has_changed_nothing),
    };
    return cmocka_run_group_tests_name("resource", tests, NULL, NULL);
}
