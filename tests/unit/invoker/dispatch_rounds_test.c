/* What one round of dispatch may not do: begin what it cancels, outlive its lease. */
#include "completer/statement.h"
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#include <string.h>

/* ---- Fixture ---- */

struct fixture {
    struct pipeline pipeline;
    const char *id;
    struct work work;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    pipeline_open(&fixture.pipeline, NULL);
    fixture.id = pipeline_id(&fixture.pipeline, "task-token", "t");
    assert_int_equal(
        pipeline_post(&fixture.pipeline, "{\"sqlStatements\":[\"a\",\"b\"],\"taskToken\":\"t\"}"),
        202);
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    pipeline_close(&fixture->pipeline);
    return 0;
}

/* ---- Helpers ---- */

static void take_in_hand(struct fixture *fixture)
{
    struct dispatch *dispatch = &fixture->pipeline.dispatch;
    struct work *work = &fixture->work;
    struct error error = ERROR_NONE;
    bool found = false;
    dispatch_begin(dispatch);
    assert_int_equal(dispatch_load(dispatch, &fixture->id, &work, &found, 1, &error), STATUS_OK);
    assert_true(found);
}

static void feed(struct fixture *fixture, enum stimulus_kind kind, enum ending ending)
{
    struct dispatch *dispatch = &fixture->pipeline.dispatch;
    struct stimulus stimulus = dispatch_stimulus_of(dispatch, &fixture->work, kind);
    stimulus.ending = ending;
    dispatch_feed(dispatch, &fixture->work, &stimulus);
}

static void run(struct fixture *fixture)
{
    struct work *works[] = {&fixture->work};
    dispatch_run(&fixture->pipeline.dispatch, works, 1);
    assert_int_equal(fixture->work.status, STATUS_OK);
}

/* A build that takes as long as a batch may. */
static bool build_late(struct dispatch *dispatch, struct work *work, const struct action *action,
                       struct aws_call *call, struct stimulus *stimulus)
{
    dispatch->started_ms -= DISPATCH_START_MS + DISPATCH_EXCHANGE_MS;
    return cancel_handler.build(dispatch, work, action, call, stimulus);
}

static void read_nothing(struct dispatch *dispatch, struct work *work, const struct action *action,
                         const struct aws_call *call, struct stimulus *stimulus)
{
    (void)dispatch;
    (void)work;
    (void)action;
    (void)call;
    (void)stimulus;
    fail_msg("the answer came after the lease");
}

/* ---- Success ---- */

static void a_finished_step_begins_the_next_one(void **context)
{
    struct fixture *fixture = *context;
    take_in_hand(fixture);
    feed(fixture, STIMULUS_EVENT, ENDING_FINISHED);
    run(fixture);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "ExecuteStatement"), 2);
}

/* ---- Failure ---- */

static void a_step_that_the_same_commit_cancels_is_not_begun(void **context)
{
    struct fixture *fixture = *context;
    take_in_hand(fixture);
    feed(fixture, STIMULUS_EVENT, ENDING_FINISHED);
    feed(fixture, STIMULUS_CALLER_GONE, ENDING_NONE);
    run(fixture);
    assert_int_equal(fixture->work.record.state.statement, STATEMENT_CANCELLING);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "ExecuteStatement"), 1);
}

static void what_is_under_way_when_the_time_is_over_is_left_to_the_sweep(void **context)
{
    static const struct action_handler late = {.build = build_late, .read = read_nothing};
    struct fixture *fixture = *context;
    struct dispatch *dispatch = &fixture->pipeline.dispatch;
    dispatch->handlers[ACTION_CANCEL] = &late;
    take_in_hand(fixture);
    feed(fixture, STIMULUS_CANCEL_REQUESTED, ENDING_NONE);
    run(fixture);
    assert_int_equal(aws_pending(dispatch->aws), 0);
    assert_int_equal(fixture->work.record.state.statement_at_ms,
                     dispatch->now_ms + TRACKER_LEASE_MS);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_finished_step_begins_the_next_one),
        TEST(a_step_that_the_same_commit_cancels_is_not_begun),
        TEST(what_is_under_way_when_the_time_is_over_is_left_to_the_sweep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
