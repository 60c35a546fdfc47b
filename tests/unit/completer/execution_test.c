/* Executions that are over: what belongs to them is cancelled, whatever else is on the queue. */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/tracker_faulty.h"

#include <string.h>

#define ARN "arn:aws:states:us-east-1:000000000000:execution:m:one"

/* ---- Fixture ---- */

static int set_up(void **context)
{
    static struct pipeline pipeline;
    memset(&pipeline, 0, sizeof(pipeline));
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

/* Hands over a statement with this token and these other members; returns its id. */
static const char *submit(struct pipeline *pipeline, const char *token, const char *members)
{
    const char *body = arena_format(
        pipeline->arena, "{\"sqlStatement\":\"select 1\",\"taskToken\":\"%s\"%s}", token, members);
    assert_int_equal(pipeline_post(pipeline, body), 202);
    return arena_text(pipeline->arena, slice_from_text(pipeline_text(pipeline, pipeline->item.reply,
                                                                     "InvocationId")));
}

static struct event_item over(struct pipeline *pipeline, const char *arn, int64_t stopped_at_ms)
{
    const char *body = arena_format(pipeline->arena,
                                    "{\"source\":\"aws.states\",\"detail-type\":"
                                    "\"Step Functions Execution Status Change\",\"detail\":"
                                    "{\"executionArn\":\"%s\",\"status\":\"ABORTED\","
                                    "\"stopDate\":%lld}}",
                                    arn, (long long)stopped_at_ms);
    return (struct event_item){.body = slice_from_text(body), .source = SLICE("queue:events")};
}

static bool end_execution(struct pipeline *pipeline, const char *arn)
{
    struct event_item item = over(pipeline, arn, PIPELINE_NOW + 1000);
    completer_handle(&pipeline->dispatch, &pipeline->settings, &item, 1);
    return item.acknowledge;
}

static enum statement_state statement_of(struct pipeline *pipeline, const char *id)
{
    return pipeline_record(pipeline, id).state.statement;
}

/* ---- Success ---- */

static void its_statements_are_cancelled_at_once(void **context)
{
    struct pipeline *pipeline = *context;
    const char *one = submit(pipeline, "a", ",\"executionArn\":\"" ARN "\"");
    const char *two =
        submit(pipeline, "b", ",\"executionArn\":\"" ARN "\",\"requestKey\":\"named\"");
    assert_true(end_execution(pipeline, ARN));
    assert_int_equal(statement_of(pipeline, one), STATEMENT_CANCELLING);
    assert_int_equal(statement_of(pipeline, two), STATEMENT_CANCELLING);
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 2);
}

static void others_run_on(void **context)
{
    struct pipeline *pipeline = *context;
    const char *other = submit(pipeline, "a", ",\"executionArn\":\"" ARN "-other\"");
    const char *kept = submit(pipeline, "b", ",\"executionArn\":\"" ARN "\",\"keepRunning\":true");
    assert_true(end_execution(pipeline, ARN));
    assert_int_equal(statement_of(pipeline, other), STATEMENT_RUNNING);
    assert_int_equal(statement_of(pipeline, kept), STATEMENT_RUNNING);
}

static void an_execution_nobody_knows_is_acknowledged(void **context)
{
    struct pipeline *pipeline = *context;
    assert_true(end_execution(pipeline, "arn:of:somebody:else"));
    assert_int_equal(pipeline_parked(pipeline), 0);
}

static void more_than_a_page_of_them(void **context)
{
    struct pipeline *pipeline = *context;
    for (int i = 0; i < 130; i++) {
        (void)submit(pipeline, arena_format(pipeline->arena, "token-%d", i),
                     ",\"executionArn\":\"" ARN "\"");
    }
    assert_true(end_execution(pipeline, ARN));
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 130);
}

static void what_came_after_its_end_is_of_its_next_life(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = submit(pipeline, "a", ",\"executionArn\":\"" ARN "\"");
    struct event_item item = over(pipeline, ARN, PIPELINE_NOW - 60000);
    completer_handle(&pipeline->dispatch, &pipeline->settings, &item, 1);
    assert_true(item.acknowledge);
    assert_int_equal(statement_of(pipeline, id), STATEMENT_RUNNING);
}

static void endings_of_the_same_batch_come_first(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = submit(pipeline, "a", ",\"executionArn\":\"" ARN "\"");
    struct event_item items[] = {over(pipeline, ARN, PIPELINE_NOW + 1000),
                                 {.source = SLICE("queue:events")}};
    items[1].body = slice_from_text(arena_format(
        pipeline->arena,
        "{\"source\":\"aws.redshift-data\",\"detail-type\":\"Redshift Data Statement Status "
        "Change\",\"detail\":{\"statementName\":\"%s\",\"state\":\"FINISHED\"}}",
        pipeline_name(pipeline, id, 1, 1)));
    completer_handle(&pipeline->dispatch, &pipeline->settings, items, 2);
    assert_true(items[0].acknowledge && items[1].acknowledge);
    assert_int_equal(pipeline_record(pipeline, id).state.outcome, OUTCOME_FINISHED);
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 0);
}

/* ---- Failure ---- */

static void it_comes_again_while_the_tracker_is_away(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = submit(pipeline, "a", ",\"executionArn\":\"" ARN "\"");
    tracker_faulty_down(pipeline->tracker, true);
    assert_false(end_execution(pipeline, ARN));
    tracker_faulty_down(pipeline->tracker, false);
    assert_true(end_execution(pipeline, ARN));
    assert_int_equal(statement_of(pipeline, id), STATEMENT_CANCELLING);
}

static void told_twice_it_cancels_once(void **context)
{
    struct pipeline *pipeline = *context;
    (void)submit(pipeline, "a", ",\"executionArn\":\"" ARN "\"");
    assert_true(end_execution(pipeline, ARN));
    assert_true(end_execution(pipeline, ARN));
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(its_statements_are_cancelled_at_once),
        TEST(others_run_on),
        TEST(an_execution_nobody_knows_is_acknowledged),
        TEST(more_than_a_page_of_them),
        TEST(what_came_after_its_end_is_of_its_next_life),
        TEST(endings_of_the_same_batch_come_first),
        TEST(it_comes_again_while_the_tracker_is_away),
        TEST(told_twice_it_cancels_once),
    };
    return cmocka_run_group_tests_name("execution", tests, NULL, NULL);
}
