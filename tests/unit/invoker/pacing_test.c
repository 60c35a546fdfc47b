/* The whole path when AWS may not be asked as often as one would like: what is not sent is certain,
 * is told its turn, and is done later. */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#include "infra/base/metrics.h"

#include <string.h>

#define SQL  "\"sqlStatement\":\"select 1\""
#define FULL "{\"__type\":\"ActiveStatementsExceededException\",\"Message\":\"full\"}"

/* ---- Fixture ---- */

static int set_up(void **context)
{
    static struct pipeline pipeline;
    pipeline_open(&pipeline, NULL);
    pipeline_pace(&pipeline);
    *context = &pipeline;
    return 0;
}

static int tear_down(void **context)
{
    pipeline_close(*context);
    return 0;
}

/* ---- Helpers ---- */

/* A request with a callback, of this group, to this workgroup. */
static const char *request_of(struct pipeline *pipeline, const char *token, const char *group,
                              const char *workgroup)
{
    return arena_format(pipeline->arena,
                        "{" SQL ",\"taskToken\":\"%s\",\"executionArn\":\"arn:aws:states:eu-west-1:"
                        "000000000000:execution:m:%s\",\"target\":{\"workgroupName\":\"%s\","
                        "\"database\":\"dev\"}}",
                        token, group, workgroup);
}

static const char *post(struct pipeline *pipeline, const char *token, const char *group,
                        const char *workgroup)
{
    assert_int_equal(pipeline_post(pipeline, request_of(pipeline, token, group, workgroup)), 202);
    return pipeline_id(pipeline, "task-token", token);
}

static struct state state_of(struct pipeline *pipeline, const char *id)
{
    return pipeline_record(pipeline, id).state;
}

static size_t submits(struct pipeline *pipeline)
{
    return cloud_count(pipeline->cloud, "ExecuteStatement");
}

/* Sweeps every second until so many statements were submitted; how many seconds it took. */
static int seconds_until(struct pipeline *pipeline, size_t statements, int most)
{
    int seconds = 0;
    while (cloud_statements(pipeline->cloud) < statements) {
        assert_true(seconds++ < most);
        pipeline_sweep(pipeline, 1000);
    }
    return seconds;
}

/* A statement that runs, whose look is due. */
static const char *running(struct pipeline *pipeline)
{
    const char *id = post(pipeline, "t", "g", "w");
    assert_int_equal(state_of(pipeline, id).statement, STATEMENT_RUNNING);
    clock_fake_advance(&pipeline->clock, pipeline->policy.overdue_ms);
    return id;
}

/* ---- Success ---- */

static void a_burst_runs_at_the_rate_there_is(void **context)
{
    struct pipeline *pipeline = *context;
    const uint64_t held = metrics_value(METRIC_AWS_HELD_BACK);
    for (int i = 0; i < 20; i++) {
        (void)post(pipeline, arena_format(pipeline->arena, "t%d", i), "g", "w");
    }
    assert_int_equal(submits(pipeline), 20);
    /* Six at once, fourteen at 24 per second. */
    assert_in_range(pipeline->clock.now_ms - PIPELINE_NOW, 570, 700);
    assert_int_equal(metrics_value(METRIC_AWS_HELD_BACK) - held, 0);
}

static void what_finds_no_token_is_queued_and_runs_once(void **context)
{
    struct pipeline *pipeline = *context;
    const uint64_t queued = metrics_value(METRIC_SUBMITS_QUEUED);
    pipeline_use_up(pipeline, PACE_EXECUTE_STATEMENT, 5000);
    const char *id = post(pipeline, "t", "g", "w");
    const struct state state = state_of(pipeline, id);
    assert_int_equal(state.statement, STATEMENT_QUEUED);
    assert_int_equal(state.doubt_since_ms, 0);
    assert_int_equal(state.sends, 0);
    assert_int_equal(state.tries, 0);
    assert_in_range(state.statement_at_ms, PIPELINE_NOW + 1, PIPELINE_NOW + 1000);
    assert_string_equal(pipeline_text(pipeline, pipeline->item.reply, "State"), "queued");
    assert_int_equal(metrics_value(METRIC_SUBMITS_QUEUED) - queued, 1);
    assert_int_equal(submits(pipeline), 0);
    seconds_until(pipeline, 1, 10);
    assert_int_equal(cloud_runs(pipeline->cloud, pipeline_name(pipeline, id, 1, 1)), 1);
}

static void the_one_is_not_behind_the_many(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline_use_up(pipeline, PACE_EXECUTE_STATEMENT, 1000);
    for (int i = 0; i < 120; i++) {
        (void)post(pipeline, arena_format(pipeline->arena, "t%d", i), "many", "w");
    }
    const char *id = post(pipeline, "one", "one", "w");
    int seconds = 0;
    while (cloud_runs(pipeline->cloud, pipeline_name(pipeline, id, 1, 1)) == 0) {
        assert_true(seconds++ < 3);
        pipeline_sweep(pipeline, 1000);
    }
    assert_true(cloud_statements(pipeline->cloud) < 100);
    seconds_until(pipeline, 121, 10);
}

static void looks_at_once_are_spread(void **context)
{
    struct pipeline *pipeline = *context;
    for (int i = 0; i < 20; i++) {
        (void)post(pipeline, arena_format(pipeline->arena, "t%d", i), "g", "w");
    }
    (void)running(pipeline);
    const int64_t begun_ms = pipeline->clock.now_ms;
    assert_int_equal(pipeline_sweep(pipeline, 2000), 21);
    assert_int_equal(cloud_count(pipeline->cloud, "DescribeStatement"), 21);
    assert_in_range(pipeline->clock.now_ms - begun_ms, 2000, 2100);
}

static void a_callback_without_a_token_is_delivered_later(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = running(pipeline);
    pipeline_use_up(pipeline, PACE_SEND_TASK_SUCCESS, 3000);
    assert_true(pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "FINISHED"));
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 0);
    const struct state state = state_of(pipeline, id);
    assert_int_equal(state.outcome, OUTCOME_FINISHED);
    assert_int_equal(state.callbacks[0].state, CALLBACK_CHOSEN);
    assert_in_range(state.callbacks[0].next_at_ms - pipeline->clock.now_ms, 2900, 3100);
    pipeline_sweep(pipeline, 3100);
    assert_int_equal(cloud_taken(pipeline->cloud, "t"), 1);
    assert_int_equal(state_of(pipeline, id).callbacks[0].state, CALLBACK_DELIVERED);
}

/* ---- Failure ---- */

static void a_request_without_a_callback_is_told_so_at_once(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline_use_up(pipeline, PACE_EXECUTE_STATEMENT, 5000);
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"k\"}"), 429);
    assert_string_equal(pipeline_text(pipeline, pipeline->item.reply, "errorType"),
                        "TooManyRequestsException");
    assert_int_equal(submits(pipeline), 0);
    const char *id = pipeline_id(pipeline, "request-key", "k");
    assert_int_equal(state_of(pipeline, id).outcome, OUTCOME_REJECTED);
    assert_false(admission_waiting(pipeline->admission, pipeline->clock.now_ms));
}

static void a_question_about_a_statement_is_told_so_at_once(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline_use_up(pipeline, PACE_DESCRIBE_STATEMENT, 5000);
    assert_int_equal(pipeline_post(pipeline, "{\"action\":\"describeStatement\",\"statementId\":"
                                             "\"dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a\"}"),
                     429);
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 0);
}

/* The first send may have arrived; that the second was not sent says nothing about it. */
static void a_repeat_that_is_not_sent_proves_nothing(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_break(pipeline->cloud, 1, CLOUD_RESET_AFTER);
    const char *id = post(pipeline, "t", "g", "w");
    const int64_t doubt_since_ms = state_of(pipeline, id).doubt_since_ms;
    const int64_t tries = state_of(pipeline, id).tries;
    assert_true(doubt_since_ms > 0);
    clock_fake_advance(&pipeline->clock, 2000);
    pipeline_use_up(pipeline, PACE_EXECUTE_STATEMENT, 5000);
    assert_int_equal(pipeline_sweep(pipeline, 0), 1);
    assert_int_equal(submits(pipeline), 1);
    const struct state state = state_of(pipeline, id);
    assert_int_equal(state.statement, STATEMENT_SUBMITTING);
    assert_int_equal(state.doubt_since_ms, doubt_since_ms);
    assert_int_equal(state.tries, tries);
    assert_false(state.refused_for_good);
    for (int i = 0; i < 10 && submits(pipeline) < 2; i++) {
        pipeline_sweep(pipeline, 1000);
    }
    assert_int_equal(submits(pipeline), 2);
    assert_int_equal(cloud_runs(pipeline->cloud, pipeline_name(pipeline, id, 1, 1)), 1);
    assert_int_equal(state_of(pipeline, id).statement, STATEMENT_RUNNING);
}

static void a_look_without_a_token_is_no_failed_look(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = running(pipeline);
    pipeline_use_up(pipeline, PACE_DESCRIBE_STATEMENT, 5000);
    assert_int_equal(pipeline_sweep(pipeline, 0), 1);
    assert_int_equal(cloud_count(pipeline->cloud, "DescribeStatement"), 0);
    const struct state state = state_of(pipeline, id);
    assert_int_equal(state.statement, STATEMENT_RUNNING);
    assert_int_equal(state.tries, 0);
    assert_in_range(state.statement_at_ms - pipeline->clock.now_ms, 4900, 5100);
}

static void a_search_without_a_token_is_no_proof_of_absence(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_break(pipeline->cloud, 1, CLOUD_RESET_AFTER);
    const char *id = post(pipeline, "t", "g", "w");
    clock_fake_advance(&pipeline->clock, LIFECYCLE_RESUBMIT_MS + LIFECYCLE_ABSENT_MS);
    pipeline_use_up(pipeline, PACE_LIST_STATEMENTS, 5000);
    assert_int_equal(pipeline_sweep(pipeline, 0), 1);
    assert_int_equal(cloud_count(pipeline->cloud, "ListStatements"), 0);
    assert_int_equal(state_of(pipeline, id).statement, STATEMENT_SUBMITTING);
    assert_int_equal(state_of(pipeline, id).outcome, OUTCOME_NONE);
    pipeline_sweep(pipeline, 6000);
    assert_int_equal(state_of(pipeline, id).statement, STATEMENT_RUNNING);
}

static void a_cancel_without_a_token_is_sent_later(void **context)
{
    struct pipeline *pipeline = *context;
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"t\",\"timeoutSeconds\":5}"),
                     202);
    const char *id = pipeline_id(pipeline, "task-token", "t");
    clock_fake_advance(&pipeline->clock, 5000);
    pipeline_use_up(pipeline, PACE_CANCEL_STATEMENT, 5000);
    pipeline_sweep(pipeline, 0);
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 0);
    assert_int_equal(state_of(pipeline, id).statement, STATEMENT_CANCELLING);
    assert_int_equal(state_of(pipeline, id).tries, 0);
    pipeline_sweep(pipeline, 6000);
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 1);
}

static void a_heartbeat_without_a_token_waits_for_the_next(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"t\",\"heartbeatSeconds\":60}");
    clock_fake_advance(&pipeline->clock, 60000);
    pipeline_use_up(pipeline, PACE_SEND_TASK_HEARTBEAT, 5000);
    pipeline_sweep(pipeline, 0);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskHeartbeat"), 0);
    assert_int_equal(state_of(pipeline, pipeline_id(pipeline, "task-token", "t")).outcome,
                     OUTCOME_NONE);
    pipeline_sweep(pipeline, 60000);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskHeartbeat"), 1);
}

static void a_full_cluster_queues_its_statements_and_no_others(void **context)
{
    struct pipeline *pipeline = *context;
    const uint64_t full = metrics_value(METRIC_TARGETS_FULL);
    for (int i = 0; i < 40; i++) {
        cloud_answer(pipeline->cloud, "ExecuteStatement", 400, FULL);
    }
    for (int i = 0; i < 40; i++) {
        const char *id = post(pipeline, arena_format(pipeline->arena, "t%d", i), "g", "full");
        assert_int_equal(state_of(pipeline, id).statement, STATEMENT_QUEUED);
        clock_fake_advance(&pipeline->clock, 100);
    }
    /* Forty in four seconds; asked for as often as a halving rate allows. */
    const size_t asked = submits(pipeline);
    assert_in_range(asked, 5, 20);
    assert_int_equal(metrics_value(METRIC_TARGETS_FULL) - full, asked);
    for (size_t i = asked; i < 40; i++) {
        const char *name = arena_format(pipeline->arena, "x%zu", i);
        (void)post(pipeline, name, name, name);
        assert_int_equal(submits(pipeline), i + 1);
    }
    const char *other = post(pipeline, "other", "g", "other");
    assert_int_equal(state_of(pipeline, other).statement, STATEMENT_RUNNING);
}

static void a_paused_cluster_queues_and_a_wrong_request_does_not(void **context)
{
    static const struct {
        const char *name;
        const char *text;
        bool queued;
    } rows[] = {
        {"ValidationException", "The cluster is paused", true},
        {"ValidationException", "Cluster c is not available", true},
        {"ValidationException", "The workgroup is resuming", true},
        {"ValidationException", "Rate exceeded", true},
        {"ThrottlingException", "", true},
        {"ActiveSessionsExceededException", "", true},
        {"ValidationException", "Parameter paused is not used", false},
        {"ValidationException", "The feature is not available in this region", false},
        {"ValidationException", "Cluster c: syntax", false},
        {"ResourceNotFoundException", "The cluster is paused no more: it is gone", false},
        {"AccessDeniedException", "", false},
    };
    struct pipeline *pipeline = *context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const char *token = arena_format(pipeline->arena, "t%zu", i);
        clock_fake_advance(&pipeline->clock, 60000);
        cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                     arena_format(pipeline->arena, "{\"__type\":\"%s\",\"Message\":\"%s\"}",
                                  rows[i].name, rows[i].text));
        const struct state state = state_of(pipeline, post(pipeline, token, token, token));
        if ((state.statement == STATEMENT_QUEUED) != rows[i].queued ||
            (state.outcome == OUTCOME_REJECTED) == rows[i].queued) {
            fail_msg("%s: %s", rows[i].name, rows[i].text);
        }
    }
}

static void a_queued_statement_ends_at_its_deadline_without_having_run(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "task-token", "t");
    for (int i = 0; i < 30; i++) {
        cloud_answer(pipeline->cloud, "ExecuteStatement", 400, FULL);
    }
    pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"t\",\"timeoutSeconds\":20}");
    for (int i = 0; i < 19; i++) {
        pipeline_sweep(pipeline, 1000);
        assert_int_equal(state_of(pipeline, id).outcome, OUTCOME_NONE);
    }
    pipeline_sweep(pipeline, 1000);
    assert_int_equal(state_of(pipeline, id).outcome, OUTCOME_TIMED_OUT);
    assert_string_equal(cloud_task_state(pipeline->cloud, "t"), "FAILED");
    assert_int_equal(cloud_statements(pipeline->cloud), 0);
}

/* It arrived, but the answer did not: Step Functions says that the task is closed, by us. */
static void a_callback_in_doubt_that_is_closed_counts_as_delivered(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = post(pipeline, "t", "g", "w");
    cloud_break(pipeline->cloud, 2, CLOUD_RESET_AFTER);
    assert_true(pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "FINISHED"));
    assert_int_equal(state_of(pipeline, id).callbacks[0].state, CALLBACK_CHOSEN);
    pipeline_settle(pipeline);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 2);
    assert_int_equal(cloud_taken(pipeline->cloud, "t"), 1);
    assert_string_equal(cloud_task_state(pipeline->cloud, "t"), "SUCCEEDED");
    const struct state state = state_of(pipeline, id);
    assert_int_equal(state.callbacks[0].state, CALLBACK_CLOSED);
    assert_true(state.settled_at_ms > 0);
}

/* Keys that are away, permissions that are missing, throttles: as long as it takes. */
static void a_callback_is_tried_until_it_is_taken(void **context)
{
    static const char *const names[] = {"KmsInvalidStateException", "KmsThrottlingException",
                                        "ThrottlingException", "AccessDeniedException",
                                        "KmsAccessDeniedException"};
    struct pipeline *pipeline = *context;
    const char *id = post(pipeline, "t", "g", "w");
    for (size_t i = 0; i < 4 * ARRAY_COUNT(names); i++) {
        cloud_answer(
            pipeline->cloud, "SendTaskSuccess", 400,
            arena_format(pipeline->arena, "{\"__type\":\"%s\"}", names[i % ARRAY_COUNT(names)]));
    }
    assert_true(pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "FINISHED"));
    pipeline_settle(pipeline);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 4 * ARRAY_COUNT(names) + 1);
    assert_int_equal(cloud_taken(pipeline->cloud, "t"), 1);
    assert_int_equal(state_of(pipeline, id).callbacks[0].state, CALLBACK_DELIVERED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_burst_runs_at_the_rate_there_is),
        TEST(what_finds_no_token_is_queued_and_runs_once),
        TEST(the_one_is_not_behind_the_many),
        TEST(looks_at_once_are_spread),
        TEST(a_callback_without_a_token_is_delivered_later),
        TEST(a_request_without_a_callback_is_told_so_at_once),
        TEST(a_question_about_a_statement_is_told_so_at_once),
        TEST(a_repeat_that_is_not_sent_proves_nothing),
        TEST(a_look_without_a_token_is_no_failed_look),
        TEST(a_search_without_a_token_is_no_proof_of_absence),
        TEST(a_cancel_without_a_token_is_sent_later),
        TEST(a_heartbeat_without_a_token_waits_for_the_next),
        TEST(a_full_cluster_queues_its_statements_and_no_others),
        TEST(a_paused_cluster_queues_and_a_wrong_request_does_not),
        TEST(a_queued_statement_ends_at_its_deadline_without_having_run),
        TEST(a_callback_in_doubt_that_is_closed_counts_as_delivered),
        TEST(a_callback_is_tried_until_it_is_taken),
    };
    return cmocka_run_group_tests_name("pacing", tests, NULL, NULL);
}
