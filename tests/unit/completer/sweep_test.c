/* The sweep: retries, deadlines, heartbeats, overdue statements and callbacks, by the clock alone.
 */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/tracker_faulty.h"

#include "infra/base/metrics.h"

#include <string.h>

#define SQL "\"sqlStatement\":\"select 1\",\"taskToken\":\"t\""

/* ---- Fixture ---- */

struct fixture {
    struct pipeline pipeline;
    const char *id;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    pipeline_open(&fixture.pipeline, NULL);
    fixture.id = pipeline_id(&fixture.pipeline, "task-token", "t");
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    pipeline_close(&((struct fixture *)*context)->pipeline);
    return 0;
}

/* ---- Helpers ---- */

static void submit(struct fixture *fixture, const char *more)
{
    struct pipeline *pipeline = &fixture->pipeline;
    assert_int_equal(pipeline_post(pipeline, arena_format(pipeline->arena, "{" SQL "%s}", more)),
                     202);
}

static const char *name_of(struct fixture *fixture)
{
    return pipeline_name(&fixture->pipeline, fixture->id, 1, 1);
}

static struct record record_of(struct fixture *fixture)
{
    return pipeline_record(&fixture->pipeline, fixture->id);
}

/* Overwrites columns and, unless absent, the state of the record. */
static void overwrite(struct fixture *fixture, int64_t due_at_ms, struct slice state)
{
    struct pipeline *pipeline = &fixture->pipeline;
    struct tracker_lookup lookup = {.id = fixture->id};
    struct tracker_update update = {0};
    struct error error = ERROR_NONE;
    assert_int_equal(tracker_find(pipeline->tracker, pipeline->arena, &lookup, 1, &error),
                     STATUS_OK);
    update.record = lookup.record;
    update.record.due_at_ms = due_at_ms;
    if (state.data != NULL) {
        update.record.state = state;
    }
    assert_int_equal(tracker_update(pipeline->tracker, &update, 1, &error), STATUS_OK);
    assert_int_equal(update.status, STATUS_OK);
}

/* ---- Success ---- */

static void overdue_statement_is_answered_without_its_event(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "");
    cloud_end(fixture->pipeline.cloud, name_of(fixture), "FINISHED", "");
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 59999), 0);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 1), 1);
    assert_string_equal(cloud_calls(fixture->pipeline.cloud),
                        "ExecuteStatement DescribeStatement SendTaskSuccess");
    assert_true(slice_has(cloud_body(fixture->pipeline.cloud, "SendTaskSuccess", 0), "sweep"));
}

static void living_statement_is_looked_at_again_later(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "");
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 60000), 1);
    assert_int_equal(record_of(fixture).due_at_ms, PIPELINE_NOW + 120000);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 59999), 0);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 1), 1);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "DescribeStatement"), 2);
    assert_int_equal(record_of(fixture).state.outcome, OUTCOME_NONE);
}

/* Claiming moves the due time to the end of the lease; nothing else would bring it back. */
static void record_claimed_too_early_gets_its_due_time_back(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "");
    overwrite(fixture, PIPELINE_NOW, SLICE_NONE);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 0), 1);
    assert_int_equal(record_of(fixture).due_at_ms, PIPELINE_NOW + 60000);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, NULL), 1);
}

static void deadline_cancels_and_tells(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, ",\"timeoutSeconds\":10");
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 9999), 0);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 1), 1);
    assert_string_equal(cloud_calls(fixture->pipeline.cloud), "ExecuteStatement CancelStatement");
    pipeline_settle(&fixture->pipeline);
    assert_int_equal(record_of(fixture).state.outcome, OUTCOME_TIMED_OUT);
    struct slice body = cloud_body(fixture->pipeline.cloud, "SendTaskFailure", 0);
    assert_string_equal(pipeline_text(&fixture->pipeline, body, "error"), "TIMED_OUT");
    assert_int_equal(cloud_taken(fixture->pipeline.cloud, "t"), 1);
}

static void heartbeats_keep_their_pace_while_it_runs(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, ",\"heartbeatSeconds\":20");
    for (size_t i = 1; i <= 5; i++) {
        pipeline_sweep(&fixture->pipeline, 20000);
        assert_int_equal(cloud_count(fixture->pipeline.cloud, "SendTaskHeartbeat"), i);
    }
    pipeline_event(&fixture->pipeline, name_of(fixture), "FINISHED");
    pipeline_sweep(&fixture->pipeline, 20000);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "SendTaskHeartbeat"), 5);
}

static void no_heartbeat_is_sent_unasked(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "");
    for (size_t i = 0; i < 10; i++) {
        pipeline_sweep(&fixture->pipeline, 60000);
    }
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "SendTaskHeartbeat"), 0);
}

static void caller_that_left_is_cancelled(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, ",\"heartbeatSeconds\":20");
    cloud_answer(fixture->pipeline.cloud, "SendTaskHeartbeat", 400,
                 "{\"__type\":\"TaskTimedOut\"}");
    pipeline_sweep(&fixture->pipeline, 20000);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "CancelStatement"), 1);
    pipeline_settle(&fixture->pipeline);
    assert_int_equal(record_of(fixture).state.outcome, OUTCOME_ABORTED);
}

static void keep_running_keeps_it_running(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, ",\"heartbeatSeconds\":20,\"keepRunning\":true");
    cloud_answer(fixture->pipeline.cloud, "SendTaskHeartbeat", 400,
                 "{\"__type\":\"TaskTimedOut\"}");
    pipeline_sweep(&fixture->pipeline, 20000);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "CancelStatement"), 0);
}

static void refused_callback_is_sent_again_identically(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "");
    cloud_answer(fixture->pipeline.cloud, "SendTaskSuccess", 503, "");
    cloud_answer(fixture->pipeline.cloud, "SendTaskSuccess", 400,
                 "{\"__type\":\"KmsInvalidStateException\"}");
    pipeline_event(&fixture->pipeline, name_of(fixture), "FINISHED");
    pipeline_settle(&fixture->pipeline);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "SendTaskSuccess"), 3);
    for (size_t i = 1; i < 3; i++) {
        assert_true(slice_equals(cloud_body(fixture->pipeline.cloud, "SendTaskSuccess", 0),
                                 cloud_body(fixture->pipeline.cloud, "SendTaskSuccess", i)));
    }
}

static void lost_submit_is_adopted_by_its_name_after_7_hours(void **context)
{
    struct fixture *fixture = *context;
    cloud_break(fixture->pipeline.cloud, 1, CLOUD_RESET_AFTER);
    submit(fixture, "");
    cloud_end(fixture->pipeline.cloud, name_of(fixture), "FINISHED", "");
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 8 * 3600000LL), 1);
    assert_string_equal(cloud_calls(fixture->pipeline.cloud),
                        "ExecuteStatement ListStatements DescribeStatement SendTaskSuccess");
    assert_int_equal(cloud_runs(fixture->pipeline.cloud, name_of(fixture)), 1);
}

static void submit_that_never_arrived_expires(void **context)
{
    struct fixture *fixture = *context;
    cloud_break(fixture->pipeline.cloud, 1, CLOUD_RESET_BEFORE);
    submit(fixture, "");
    clock_fake_advance(&fixture->pipeline.clock, 8 * 3600000LL);
    pipeline_settle(&fixture->pipeline);
    assert_int_equal(record_of(fixture).state.outcome, OUTCOME_EXPIRED);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "ExecuteStatement"), 1);
    assert_string_equal(cloud_task_state(fixture->pipeline.cloud, "t"), "FAILED");
}

static void settled_record_shrinks_and_vanishes(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "");
    pipeline_event(&fixture->pipeline, name_of(fixture), "FINISHED");
    assert_false(record_of(fixture).state.tombstone);
    pipeline_sweep(&fixture->pipeline, 86400000);
    assert_true(record_of(fixture).state.tombstone);
    assert_int_equal(record_of(fixture).plan.step_count, 0);
    assert_int_equal(record_of(fixture).due_at_ms, 0);
    pipeline_sweep(&fixture->pipeline, 14 * 86400000LL);
    assert_true(pipeline_has_record(&fixture->pipeline, fixture->id));
    pipeline_sweep(&fixture->pipeline, 2 * 86400000LL);
    assert_false(pipeline_has_record(&fixture->pipeline, fixture->id));
}

/* The process is gone between the answer and its commit: the lease is what its successor waits for.
 */
static void submit_left_by_the_dead_is_counted_as_taken_over(void **context)
{
    struct fixture *fixture = *context;
    const uint64_t before = metrics_value(METRIC_SWEEP_TAKEN_OVER);
    tracker_faulty_fail(fixture->pipeline.tracker, 2, TRACKER_FAULT_BEFORE);
    submit(fixture, "");
    assert_true(tracker_faulty_failed(fixture->pipeline.tracker));
    assert_int_equal(pipeline_sweep(&fixture->pipeline, TRACKER_LEASE_MS - 1), 0);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 1), 1);
    assert_int_equal(metrics_value(METRIC_SWEEP_TAKEN_OVER) - before, 1);
    assert_int_equal(cloud_runs(fixture->pipeline.cloud, name_of(fixture)), 1);
}

static void callback_to_be_repeated_is_not_taken_over(void **context)
{
    struct fixture *fixture = *context;
    const uint64_t before = metrics_value(METRIC_SWEEP_TAKEN_OVER);
    submit(fixture, "");
    cloud_answer(fixture->pipeline.cloud, "SendTaskSuccess", 500, "{}");
    pipeline_event(&fixture->pipeline, name_of(fixture), "FINISHED");
    pipeline_settle(&fixture->pipeline);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "SendTaskSuccess"), 2);
    assert_int_equal(metrics_value(METRIC_SWEEP_TAKEN_OVER), before);
}

/* ---- Failure ---- */

static void unreadable_record_stays_leased(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    pipeline_post(pipeline, "{\"sqlStatement\":\"select 2\",\"taskToken\":\"other\"}");
    submit(fixture, "");
    overwrite(fixture, PIPELINE_NOW, SLICE("damaged"));
    assert_int_equal(pipeline_sweep(pipeline, 60000), 2);
    /* The other one was looked at all the same; this one waits for the lease to end. */
    assert_int_equal(cloud_count(pipeline->cloud, "DescribeStatement"), 1);
    assert_int_equal(pipeline_sweep(pipeline, 59999), 0);
    assert_int_equal(pipeline_sweep(pipeline, 60001), 2);
}

static void sweep_says_that_the_tracker_is_away(void **context)
{
    struct fixture *fixture = *context;
    size_t claimed = 1;
    struct error error = ERROR_NONE;
    submit(fixture, "");
    clock_fake_advance(&fixture->pipeline.clock, 60000);
    tracker_faulty_down(fixture->pipeline.tracker, true);
    assert_int_equal(completer_sweep(&fixture->pipeline.dispatch, 10, &claimed, &error),
                     STATUS_RETRY);
    assert_int_equal(claimed, 0);
    assert_non_null(strstr(error.text, "sweep"));
    assert_int_equal(cloud_count(fixture->pipeline.cloud, NULL), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(overdue_statement_is_answered_without_its_event),
        TEST(living_statement_is_looked_at_again_later),
        TEST(record_claimed_too_early_gets_its_due_time_back),
        TEST(deadline_cancels_and_tells),
        TEST(heartbeats_keep_their_pace_while_it_runs),
        TEST(no_heartbeat_is_sent_unasked),
        TEST(caller_that_left_is_cancelled),
        TEST(keep_running_keeps_it_running),
        TEST(refused_callback_is_sent_again_identically),
        TEST(lost_submit_is_adopted_by_its_name_after_7_hours),
        TEST(submit_that_never_arrived_expires),
        TEST(settled_record_shrinks_and_vanishes),
        TEST(submit_left_by_the_dead_is_counted_as_taken_over),
        TEST(callback_to_be_repeated_is_not_taken_over),
        TEST(unreadable_record_stays_leased),
        TEST(sweep_says_that_the_tracker_is_away),
    };
    return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
