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
    size_t answers; /* that an action of several calls has had */
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

/* An action of three calls, which counts in work->progress. */
static bool more_twice(struct dispatch *dispatch, struct work *work, const struct action *action,
                       struct aws_call *call)
{
    struct fixture *fixture = work->context;
    struct stimulus unused = {0};
    assert_int_equal(call->status, STATUS_OK);
    work->progress = &fixture->answers;
    fixture->answers++;
    return fixture->answers < 3 && describe_handler.build(dispatch, work, action, call, &unused);
}

static void read_last(struct dispatch *dispatch, struct work *work, const struct action *action,
                      const struct aws_call *call, struct stimulus *stimulus)
{
    struct fixture *fixture = work->context;
    assert_ptr_equal(work->progress, &fixture->answers);
    assert_int_equal(fixture->answers, 3);
    describe_handler.read(dispatch, work, action, call, stimulus);
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

static void an_action_of_several_calls_is_answered_once(void **context)
{
    static struct action_handler several;
    struct fixture *fixture = *context;
    struct dispatch *dispatch = &fixture->pipeline.dispatch;
    several = (struct action_handler){
        .build = describe_handler.build, .more = more_twice, .read = read_last};
    dispatch->handlers[ACTION_DESCRIBE] = &several;
    take_in_hand(fixture);
    fixture->work.context = fixture;
    const char *name = pipeline_name(&fixture->pipeline, fixture->id, 1, 1);
    cloud_end(fixture->pipeline.cloud, name, "FAILED", "ERROR: x");
    feed(fixture, STIMULUS_EVENT, ENDING_FAILED);
    run(fixture);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "DescribeStatement"), 3);
    assert_int_equal(fixture->work.record.state.outcome, OUTCOME_FAILED);
    assert_string_equal(cloud_task_state(fixture->pipeline.cloud, "t"), "FAILED");
}

/* Giving back a lock goes beside what is done for the statement, and does not replace it. */
static void a_lock_is_given_back_beside_the_next_action(void **context)
{
    struct fixture *fixture = *context;
    take_in_hand(fixture);
    memset(fixture->work.record.plan.lock_key, 'a', TRACKER_LOCK_KEY_BYTES);
    const char *key = fixture->work.record.plan.lock_key;
    struct tracker *tracker = fixture->pipeline.tracker;
    struct error error = ERROR_NONE;
    char holder[TRACKER_ID_BYTES + 1];
    assert_int_equal(tracker_lock_take(tracker, key, fixture->id, NULL, holder, &error), STATUS_OK);
    feed(fixture, STIMULUS_EVENT, ENDING_ABORTED);
    run(fixture);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "DescribeStatement"), 1);
    assert_int_equal(tracker_lock_holder(tracker, key, holder, &error), STATUS_NOT_FOUND);
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

/* A process that has to be done soon begins exchanges in the same share of its time. */
static void a_batch_with_less_time_begins_nothing_near_its_end(void **context)
{
    struct fixture *fixture = *context;
    struct dispatch *dispatch = &fixture->pipeline.dispatch;
    take_in_hand(fixture);
    dispatch->leave_by_ms = dispatch->started_ms + DISPATCH_BATCH_MS / 10;
    assert_false(dispatch_too_late(dispatch));
    dispatch->started_ms -= DISPATCH_START_MS / 10 + 1;
    dispatch->leave_by_ms -= DISPATCH_START_MS / 10 + 1;
    assert_true(dispatch_too_late(dispatch));
    feed(fixture, STIMULUS_EVENT, ENDING_FINISHED);
    run(fixture);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "ExecuteStatement"), 1);
    assert_int_equal(fixture->work.record.state.statement, STATEMENT_SUBMITTING);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_finished_step_begins_the_next_one),
        TEST(an_action_of_several_calls_is_answered_once),
        TEST(a_lock_is_given_back_beside_the_next_action),
        TEST(a_step_that_the_same_commit_cancels_is_not_begun),
        TEST(what_is_under_way_when_the_time_is_over_is_left_to_the_sweep),
        TEST(a_batch_with_less_time_begins_nothing_near_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
