/* Direct mode: the event of a statement that was never registered rings its caller back. */
#include "invoker/inspect.h"
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#define TOKEN "direct-token-0123456789abcdef"
#define NAME  "ringback/t/" TOKEN

/* ---- Fixture ---- */

static int set_up(void **context)
{
    static struct pipeline pipeline;
    pipeline_open(&pipeline, NULL);
    pipeline.settings.direct = true;
    *context = &pipeline;
    return 0;
}

static int tear_down(void **context)
{
    pipeline_close(*context);
    return 0;
}

/* ---- Helpers ---- */

/* One batch of count equal events. */
static void handle(struct pipeline *pipeline, const char *state, size_t count)
{
    struct event_item items[4];
    const char *body = arena_format(pipeline->arena,
                                    "{\"source\":\"aws.redshift-data\",\"detail-type\":"
                                    "\"Redshift Data Statement Status Change\",\"detail\":"
                                    "{\"statementName\":\"" NAME "\",\"statementId\":\"%s\","
                                    "\"state\":\"%s\",\"rows\":3}}",
                                    cloud_statement_id(0), state);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct event_item){.body = slice_from_text(body), .source = SLICE("queue:e")};
    }
    completer_handle(&pipeline->dispatch, &pipeline->settings, items, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(items[i].acknowledge);
    }
}

/* ---- Success ---- */

static void an_event_rings_the_token_in_the_name(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "FINISHED", 1);
    assert_string_equal(cloud_calls(pipeline->cloud), "SendTaskSuccess");
    struct slice body = cloud_body(pipeline->cloud, "SendTaskSuccess", 0);
    assert_string_equal(pipeline_text(pipeline, body, "taskToken"), TOKEN);
    assert_true(slice_has(slice_from_text(pipeline_text(pipeline, body, "output")), "\"rows\":3"));
}

static void the_name_is_left_out_of_the_output(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "FINISHED", 1);
    struct slice body = cloud_body(pipeline->cloud, "SendTaskSuccess", 0);
    const char *output = pipeline_text(pipeline, body, "output");
    assert_false(slice_has(slice_from_text(output), TOKEN));
    assert_false(slice_has(slice_from_text(output), "tatementName"));
}

static void nor_is_one_made_up_where_it_stands(void **context)
{
    struct pipeline *pipeline = *context;
    int code = 0;
    struct slice document = SLICE_NONE;
    handle(pipeline, "FINISHED", 1);
    inspect_get(&pipeline->dispatch, slice_from_text(pipeline_id(pipeline, "task-token", TOKEN)),
                &code, &document);
    assert_int_equal(code, 200);
    assert_true(slice_has(document, cloud_statement_id(0)));
    assert_false(slice_has(document, "statementName"));
}

static void a_settled_record_holds_the_token_no_more(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "FINISHED", 1);
    struct record record = pipeline_record(pipeline, pipeline_id(pipeline, "task-token", TOKEN));
    assert_true(record.state.settled_at_ms > 0);
    assert_int_equal(record.state.outcome, OUTCOME_FINISHED);
    assert_int_equal(record.plan.addresses[0].target.size, 0);
    assert_false(slice_has(record.state.reply, TOKEN));
}

static void duplicates_in_a_batch_and_later_ring_once(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "FINISHED", 3);
    handle(pipeline, "FINISHED", 1);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 1);
}

static void a_callback_that_fails_is_sent_again_by_the_sweep(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "SendTaskSuccess", 500, "{}");
    handle(pipeline, "FINISHED", 1);
    pipeline_settle(pipeline);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 2);
}

/* ---- Failure ---- */

static void a_failure_is_described_and_told(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "FAILED", 1);
    pipeline_settle(pipeline);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskFailure"), 1);
    assert_true(cloud_count(pipeline->cloud, "DescribeStatement") > 0);
    struct slice body = cloud_body(pipeline->cloud, "SendTaskFailure", 0);
    assert_string_equal(pipeline_text(pipeline, body, "error"), "FAILED");
    assert_false(slice_has(slice_from_text(pipeline_text(pipeline, body, "cause")), TOKEN));
}

static void aborted_is_told_as_aborted(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "ABORTED", 1);
    pipeline_settle(pipeline);
    assert_string_equal(
        pipeline_text(pipeline, cloud_body(pipeline->cloud, "SendTaskFailure", 0), "error"),
        "ABORTED");
}

static void nothing_is_ever_submitted(void **context)
{
    struct pipeline *pipeline = *context;
    handle(pipeline, "FAILED", 1);
    pipeline_settle(pipeline);
    assert_int_equal(cloud_count(pipeline->cloud, "ExecuteStatement"), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_rings_the_token_in_the_name),
        TEST(the_name_is_left_out_of_the_output),
        TEST(nor_is_one_made_up_where_it_stands),
        TEST(a_settled_record_holds_the_token_no_more),
        TEST(duplicates_in_a_batch_and_later_ring_once),
        TEST(a_callback_that_fails_is_sent_again_by_the_sweep),
        TEST(a_failure_is_described_and_told),
        TEST(aborted_is_told_as_aborted),
        TEST(nothing_is_ever_submitted),
    };
    return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
