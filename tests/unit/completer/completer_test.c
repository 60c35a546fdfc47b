/* "Handle these events", with a real tracker and a real client. */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/tracker_faulty.h"

#include <string.h>

#define ITEMS_MAX 10

/* ---- Fixture ---- */

struct fixture {
    struct pipeline pipeline;
    struct event_item items[ITEMS_MAX];
    const char *id;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
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

static void submit(struct fixture *fixture, const char *token)
{
    struct pipeline *pipeline = &fixture->pipeline;
    assert_int_equal(
        pipeline_post(pipeline,
                      arena_format(pipeline->arena,
                                   "{\"sqlStatement\":\"select 1\",\"taskToken\":\"%s\"}", token)),
        202);
}

static void put(struct fixture *fixture, size_t index, const char *body)
{
    fixture->items[index] =
        (struct event_item){.body = slice_from_text(body), .source = SLICE("queue:events")};
}

static void put_event(struct fixture *fixture, size_t index, const char *name, const char *state)
{
    put(fixture, index,
        arena_format(fixture->pipeline.arena,
                     "{\"source\":\"aws.redshift-data\",\"detail-type\":"
                     "\"Redshift Data Statement Status Change\",\"detail\":"
                     "{\"statementName\":\"%s\",\"state\":\"%s\",\"rows\":3}}",
                     name, state));
}

static void handle(struct fixture *fixture, size_t count)
{
    completer_handle(&fixture->pipeline.dispatch, &fixture->pipeline.settings, fixture->items,
                     count);
}

static const char *name_of(struct fixture *fixture, unsigned attempt)
{
    return pipeline_name(&fixture->pipeline, fixture->id, 1, attempt);
}

static struct state state_of(struct fixture *fixture)
{
    return pipeline_record(&fixture->pipeline, fixture->id).state;
}

static void leave_with_the_first(void *context)
{
    struct fixture *fixture = context;
    tracker_faulty_part_away(fixture->pipeline.tracker, fixture->id);
}

/* ---- Success ---- */

static void event_is_told_and_acknowledged(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    handle(fixture, 1);
    assert_true(fixture->items[0].acknowledge);
    assert_string_equal(cloud_calls(fixture->pipeline.cloud), "ExecuteStatement SendTaskSuccess");
    struct slice body = cloud_body(fixture->pipeline.cloud, "SendTaskSuccess", 0);
    const char *output = pipeline_text(&fixture->pipeline, body, "output");
    assert_true(slice_has(slice_from_text(output), "\"learnedFrom\":\"event\""));
    assert_true(state_of(fixture).settled_at_ms > 0);
}

/* Part of the store is away: what belongs to it comes again, and nothing of it is an orphan. */
static void event_of_a_part_that_is_away_holds_up_itself_alone(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    const char *other = pipeline_id(pipeline, "task-token", "other");
    submit(fixture, "t");
    submit(fixture, "other");
    tracker_faulty_part_away(pipeline->tracker, fixture->id);
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    put_event(fixture, 1, pipeline_name(pipeline, other, 1, 1), "FINISHED");
    handle(fixture, 2);
    assert_false(fixture->items[0].acknowledge);
    assert_true(fixture->items[1].acknowledge);
    assert_int_equal(cloud_taken(pipeline->cloud, "other"), 1);
    assert_int_equal(pipeline_parked(pipeline), 0);
    tracker_faulty_part_away(pipeline->tracker, NULL);
    handle(fixture, 1);
    assert_true(fixture->items[0].acknowledge);
    assert_int_equal(cloud_taken(pipeline->cloud, "t"), 1);
}

/* The part goes away between reading and writing. */
static void ending_that_cannot_be_written_holds_up_itself_alone(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    const char *other = pipeline_id(pipeline, "task-token", "other");
    submit(fixture, "t");
    submit(fixture, "other");
    tracker_faulty_race(pipeline->tracker, leave_with_the_first, fixture);
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    put_event(fixture, 1, pipeline_name(pipeline, other, 1, 1), "FINISHED");
    handle(fixture, 2);
    assert_false(fixture->items[0].acknowledge);
    assert_true(fixture->items[1].acknowledge);
    assert_int_equal(cloud_taken(pipeline->cloud, "t"), 0);
    assert_int_equal(cloud_taken(pipeline->cloud, "other"), 1);
    tracker_faulty_part_away(pipeline->tracker, NULL);
    handle(fixture, 1);
    assert_int_equal(cloud_taken(pipeline->cloud, "t"), 1);
}

static void failure_is_described_first(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    cloud_end(fixture->pipeline.cloud, name_of(fixture, 1), "FAILED", "ERROR: no such table");
    put_event(fixture, 0, name_of(fixture, 1), "FAILED");
    handle(fixture, 1);
    assert_true(fixture->items[0].acknowledge);
    assert_string_equal(cloud_calls(fixture->pipeline.cloud),
                        "ExecuteStatement DescribeStatement SendTaskFailure");
    struct slice body = cloud_body(fixture->pipeline.cloud, "SendTaskFailure", 0);
    assert_true(slice_has(body, "ERROR: no such table"));
    assert_false(slice_has(body, "select"));
}

static void transient_failure_is_tried_again(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    cloud_end(fixture->pipeline.cloud, name_of(fixture, 1), "FAILED", "ERROR: 1023 conflict");
    put_event(fixture, 0, name_of(fixture, 1), "FAILED");
    handle(fixture, 1);
    assert_int_equal(state_of(fixture).statement, STATEMENT_QUEUED);
    assert_int_equal(state_of(fixture).attempt, 2);
    pipeline_sweep(&fixture->pipeline, 30000);
    assert_int_equal(cloud_runs(fixture->pipeline.cloud, name_of(fixture, 2)), 1);
    put_event(fixture, 0, name_of(fixture, 2), "FINISHED");
    handle(fixture, 1);
    assert_int_equal(cloud_taken(fixture->pipeline.cloud, "t"), 1);
    assert_string_equal(cloud_task_state(fixture->pipeline.cloud, "t"), "SUCCEEDED");
}

static void duplicates_in_a_batch_are_told_once(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        put_event(fixture, i, name_of(fixture, 1), i % 2 == 0 ? "FINISHED" : "ABORTED");
    }
    handle(fixture, ITEMS_MAX);
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        assert_true(fixture->items[i].acknowledge);
    }
    assert_string_equal(cloud_calls(fixture->pipeline.cloud), "ExecuteStatement SendTaskSuccess");
}

static void redelivered_event_changes_nothing(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    handle(fixture, 1);
    const int64_t version = pipeline_record(&fixture->pipeline, fixture->id).version;
    put_event(fixture, 0, name_of(fixture, 1), "FAILED");
    handle(fixture, 1);
    assert_true(fixture->items[0].acknowledge);
    assert_int_equal(pipeline_record(&fixture->pipeline, fixture->id).version, version);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, NULL), 2);
}

static void event_of_an_older_attempt_is_acknowledged(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    cloud_end(fixture->pipeline.cloud, name_of(fixture, 1), "FAILED", "ERROR: 1023 conflict");
    put_event(fixture, 0, name_of(fixture, 1), "FAILED");
    handle(fixture, 1);
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    handle(fixture, 1);
    assert_true(fixture->items[0].acknowledge);
    assert_int_equal(state_of(fixture).outcome, OUTCOME_NONE);
}

static void mixed_batch_gets_every_verdict(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    put(fixture, 0, "{\"hostile\":");
    put_event(fixture, 1, "somebody-elses", "FINISHED");
    put_event(fixture, 2, name_of(fixture, 1), "FINISHED");
    put_event(fixture, 3, "ringback/x", "FINISHED");
    put(fixture, 4, "");
    handle(fixture, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_true(fixture->items[i].acknowledge);
    }
    assert_string_equal(cloud_task_state(fixture->pipeline.cloud, "t"), "SUCCEEDED");
    assert_int_equal(pipeline_parked(&fixture->pipeline), 3);
}

/* The event may come before the submit call's own answer was committed. */
static void event_may_come_while_the_submit_is_in_doubt(void **context)
{
    struct fixture *fixture = *context;
    cloud_break(fixture->pipeline.cloud, 1, CLOUD_RESET_AFTER);
    submit(fixture, "t");
    assert_int_equal(state_of(fixture).statement, STATEMENT_SUBMITTING);
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    handle(fixture, 1);
    assert_string_equal(cloud_task_state(fixture->pipeline.cloud, "t"), "SUCCEEDED");
    pipeline_settle(&fixture->pipeline);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "ExecuteStatement"), 1);
}

/* ---- Failure ---- */

static void orphan_is_parked_once(void **context)
{
    struct fixture *fixture = *context;
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    put_event(fixture, 1, name_of(fixture, 1), "FINISHED");
    handle(fixture, 2);
    assert_true(fixture->items[0].acknowledge);
    assert_true(fixture->items[1].acknowledge);
    assert_int_equal(pipeline_parked(&fixture->pipeline), 1);
    assert_non_null(strstr(pipeline_parked_reason(&fixture->pipeline), "orphan"));
}

/* One write, however many there are: garbage does not slow the queue. */
static void malformed_messages_of_a_batch_are_parked_at_once(void **context)
{
    struct fixture *fixture = *context;
    struct tracker *tracker = fixture->pipeline.tracker;
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        put(fixture, i, arena_format(fixture->pipeline.arena, "malformed %zu", i));
    }
    tracker_faulty_fail(tracker, 2, TRACKER_FAULT_BEFORE);
    handle(fixture, ITEMS_MAX);
    assert_false(tracker_faulty_failed(tracker));
    assert_int_equal(pipeline_parked(&fixture->pipeline), ITEMS_MAX);
    for (size_t i = 0; i < ITEMS_MAX; i++) {
        assert_true(fixture->items[i].parked);
        assert_true(fixture->items[i].acknowledge);
    }
}

static void malformed_message_comes_again_when_it_was_not_parked(void **context)
{
    struct fixture *fixture = *context;
    put(fixture, 0, "malformed");
    tracker_faulty_fail(fixture->pipeline.tracker, 1, TRACKER_FAULT_AFTER);
    handle(fixture, 1);
    assert_false(fixture->items[0].parked);
    assert_false(fixture->items[0].acknowledge);
    assert_true(fixture->items[0].again_seconds > 0);
    handle(fixture, 1);
    assert_true(fixture->items[0].acknowledge);
    assert_int_equal(pipeline_parked(&fixture->pipeline), 1);
}

/* A redrive hands it in where it came from. */
static void the_same_body_of_two_sources_is_parked_for_each(void **context)
{
    struct fixture *fixture = *context;
    put(fixture, 0, "malformed");
    put(fixture, 1, "malformed");
    fixture->items[1].source = SLICE("queue:other");
    handle(fixture, 2);
    assert_int_equal(pipeline_parked(&fixture->pipeline), 2);
}

static void nothing_is_acknowledged_while_the_tracker_is_away(void **context)
{
    struct fixture *fixture = *context;
    submit(fixture, "t");
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    put(fixture, 1, "malformed");
    put_event(fixture, 2, "somebody-elses", "FINISHED");
    tracker_faulty_down(fixture->pipeline.tracker, true);
    handle(fixture, 3);
    assert_false(fixture->items[0].acknowledge);
    assert_true(fixture->items[0].again_seconds > 0);
    assert_false(fixture->items[1].acknowledge);
    assert_true(fixture->items[1].again_seconds > 0);
    assert_true(fixture->items[2].acknowledge); /* needs no tracker */
    tracker_faulty_down(fixture->pipeline.tracker, false);
    handle(fixture, 2);
    assert_true(fixture->items[0].acknowledge);
    assert_true(fixture->items[1].acknowledge);
    assert_int_equal(cloud_taken(fixture->pipeline.cloud, "t"), 1);
}

static void unreadable_record_is_not_acknowledged(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    struct tracker_lookup lookup = {.id = fixture->id};
    struct tracker_update update = {0};
    struct error error = ERROR_NONE;
    submit(fixture, "t");
    assert_int_equal(tracker_find(pipeline->tracker, pipeline->arena, &lookup, 1, &error),
                     STATUS_OK);
    update.record = lookup.record;
    update.record.state = SLICE("damaged");
    assert_int_equal(tracker_update(pipeline->tracker, &update, 1, &error), STATUS_OK);
    put_event(fixture, 0, name_of(fixture, 1), "FINISHED");
    handle(fixture, 1);
    assert_false(fixture->items[0].acknowledge);
    assert_int_equal(pipeline_parked(pipeline), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(event_is_told_and_acknowledged),
        TEST(event_of_a_part_that_is_away_holds_up_itself_alone),
        TEST(ending_that_cannot_be_written_holds_up_itself_alone),
        TEST(failure_is_described_first),
        TEST(transient_failure_is_tried_again),
        TEST(duplicates_in_a_batch_are_told_once),
        TEST(redelivered_event_changes_nothing),
        TEST(event_of_an_older_attempt_is_acknowledged),
        TEST(mixed_batch_gets_every_verdict),
        TEST(event_may_come_while_the_submit_is_in_doubt),
        TEST(orphan_is_parked_once),
        TEST(malformed_messages_of_a_batch_are_parked_at_once),
        TEST(malformed_message_comes_again_when_it_was_not_parked),
        TEST(the_same_body_of_two_sources_is_parked_for_each),
        TEST(nothing_is_acknowledged_while_the_tracker_is_away),
        TEST(unreadable_record_is_not_acknowledged),
    };
    return cmocka_run_group_tests_name("completer", tests, NULL, NULL);
}
