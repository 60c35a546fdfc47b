/* "Handle these requests", with a real tracker and a real client. */
#include "invoker/inspect.h"
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/tracker_faulty.h"

#include <string.h>

#define SQL "\"sqlStatement\":\"select 'secret'\""

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

static const char *reply_text(struct pipeline *pipeline, const char *name)
{
    return pipeline_text(pipeline, pipeline->item.reply, name);
}

static void assert_error(struct pipeline *pipeline, const char *type)
{
    assert_string_equal(reply_text(pipeline, "errorType"), type);
    assert_string_not_equal(reply_text(pipeline, "errorMessage"), "");
    assert_false(slice_has(pipeline->item.reply, "secret"));
}

/* ---- Success ---- */

static void accepted_request_is_submitted_and_tracked(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "task-token", "token");
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}"), 202);
    assert_string_equal(reply_text(pipeline, "InvocationId"), id);
    assert_string_equal(reply_text(pipeline, "StatementName"), pipeline_name(pipeline, id, 1, 1));
    assert_string_equal(reply_text(pipeline, "Id"), cloud_statement_id(0));
    assert_string_equal(reply_text(pipeline, "Database"), "dev");
    assert_string_equal(reply_text(pipeline, "CreatedAt"), "2026-11-20T12:34:56.500Z");
    assert_string_equal(cloud_calls(pipeline->cloud), "ExecuteStatement");
    struct record record = pipeline_record(pipeline, id);
    assert_int_equal(record.state.statement, STATEMENT_RUNNING);
    assert_string_equal(record.state.statement_id, cloud_statement_id(0));
    assert_int_equal(record.state.doubt_since_ms, 0);
    assert_int_equal(record.due_at_ms, PIPELINE_NOW + 60000);
}

static void repeat_is_answered_200_with_the_same_ids(void **context)
{
    struct pipeline *pipeline = *context;
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}"), 202);
    const char *first = arena_text(pipeline->arena, pipeline->item.reply);
    assert_int_equal(pipeline_post(pipeline, "{ " SQL ",\"taskToken\":\"token\"}"), 200);
    assert_string_equal(reply_text(pipeline, "InvocationId"),
                        pipeline_text(pipeline, slice_from_text(first), "InvocationId"));
    assert_string_equal(reply_text(pipeline, "Id"), cloud_statement_id(0));
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 1);
}

static void repeat_of_an_ended_one_tells_the_outcome(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "request-key", "key");
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}");
    assert_true(pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "FINISHED"));
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}"), 200);
    assert_string_equal(reply_text(pipeline, "Outcome"), "FINISHED");
    assert_string_equal(reply_text(pipeline, "Id"), cloud_statement_id(0));
}

static void repeat_with_a_new_address_is_told_too(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "request-key", "key");
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"one\"}");
    assert_int_equal(
        pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"two\"}"), 200);
    pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "FINISHED");
    assert_string_equal(cloud_task_state(pipeline->cloud, "one"), "SUCCEEDED");
    assert_string_equal(cloud_task_state(pipeline->cloud, "two"), "SUCCEEDED");
    /* Over: a third one is told at once. */
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"three\"}");
    assert_string_equal(cloud_task_state(pipeline->cloud, "three"), "SUCCEEDED");
    assert_int_equal(cloud_count(pipeline->cloud, "ExecuteStatement"), 1);
}

static void two_equal_identities_in_a_batch_are_one(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[3] = {
        {.body = SLICE("{" SQL ",\"taskToken\":\"token\"}")},
        {.body = SLICE("{" SQL ",\"taskToken\":\"other\"}")},
        {.body = SLICE("{" SQL ",\"taskToken\":\"token\"}")},
    };
    invoker_handle(&pipeline->invoker, items, 3);
    assert_int_equal(items[0].code, 202);
    assert_int_equal(items[1].code, 202);
    assert_int_equal(items[2].code, 200);
    assert_string_equal(pipeline_text(pipeline, items[0].reply, "Id"),
                        pipeline_text(pipeline, items[2].reply, "Id"));
    assert_int_equal(cloud_statements(pipeline->cloud), 2);
}

static void batch_of_ten_equal_ones_is_one(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[10];
    for (size_t i = 0; i < 10; i++) {
        items[i] = (struct invoker_item){.body = SLICE("{" SQL ",\"requestKey\":\"key\"}")};
    }
    invoker_handle(&pipeline->invoker, items, 10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(items[i].code, i == 0 ? 202 : 200);
    }
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 1);
}

static void callback_without_capacity_waits_for_it(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                 "{\"__type\":\"ActiveStatementsExceededException\"}");
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}"), 202);
    assert_string_equal(reply_text(pipeline, "State"), "queued");
    assert_int_equal(pipeline_sweep(pipeline, 4000), 1);
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
}

static void doubtful_submit_is_accepted_and_repeated_identically(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_break(pipeline->cloud, 1, CLOUD_RESET_AFTER);
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}"), 202);
    assert_string_equal(reply_text(pipeline, "State"), "submitting");
    assert_int_equal(pipeline_sweep(pipeline, 2000), 1);
    assert_true(slice_equals(cloud_body(pipeline->cloud, "ExecuteStatement", 0),
                             cloud_body(pipeline->cloud, "ExecuteStatement", 1)));
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
}

static void asynchronous_refusal_is_told_to_its_address(void **context)
{
    struct pipeline *pipeline = *context;
    assert_true(pipeline_enqueue(pipeline, "m", "{\"taskToken\":\"token\",\"sqlStatment\":\"x\"}"));
    assert_string_equal(cloud_task_state(pipeline->cloud, "token"), "FAILED");
    struct slice body = cloud_body(pipeline->cloud, "SendTaskFailure", 0);
    assert_string_equal(pipeline_text(pipeline, body, "error"), "REJECTED");
    assert_true(slice_has(body, "sqlStatment: unknown field"));
    assert_true(slice_has(body, "InvalidRequest"));
    struct record record = pipeline_record(pipeline, pipeline_id(pipeline, "task-token", "token"));
    assert_int_equal(record.state.outcome, OUTCOME_REJECTED);
    assert_true(record.state.settled_at_ms > 0);
    assert_int_equal(pipeline_parked(pipeline), 0);
    /* Redelivered: told once. */
    assert_true(pipeline_enqueue(pipeline, "m", "{\"taskToken\":\"token\",\"sqlStatment\":\"x\"}"));
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 1);
}

static void asynchronous_request_too_large_is_told_to_its_address(void **context)
{
    struct pipeline *pipeline = *context;
    char *sql = arena_alloc(pipeline->arena, 150001);
    memset(sql, 'x', 150000);
    const char *body = arena_format(
        pipeline->arena, "{\"taskToken\":\"token\",\"sqlStatements\":[\"%s\",\"%s\",\"%s\"]}", sql,
        sql, sql);
    assert_true(pipeline_enqueue(pipeline, "m", body));
    assert_string_equal(cloud_task_state(pipeline->cloud, "token"), "FAILED");
    assert_true(slice_has(cloud_body(pipeline->cloud, "SendTaskFailure", 0), "358400"));
    assert_int_equal(pipeline_parked(pipeline), 0);
}

static void inspected_documents_hold_no_secret(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "request-key", "key");
    struct slice reply = SLICE_NONE;
    int code = 0;
    pipeline_post(pipeline,
                  "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"secret-token\","
                  "\"executionArn\":\"arn:e\",\"replyTo\":{\"queueUrl\":\"http://secret/q\"},"
                  "\"parameters\":[{\"name\":\"a\",\"value\":\"secret\"}]}");
    inspect_get(&pipeline->dispatch, slice_from_text(id), &code, &reply);
    assert_int_equal(code, 200);
    assert_false(slice_has(reply, "secret"));
    assert_string_equal(pipeline_text(pipeline, reply, "InvocationId"), id);
    assert_string_equal(pipeline_text(pipeline, reply, "Statement"), "running");
    assert_string_equal(pipeline_text(pipeline, reply, "Callback"), "open");
    assert_string_equal(pipeline_text(pipeline, reply, "CallbackKind"), "task-token");
    assert_string_equal(pipeline_text(pipeline, reply, "Group"), "arn:e");
    assert_string_equal(pipeline_text(pipeline, reply, "DueAt"), "2026-11-20T12:35:56.000Z");
    const struct inspect_query query = {.group = SLICE("arn:e"), .open_only = true, .limit = 100};
    inspect_list(&pipeline->dispatch, &query, &code, &reply);
    assert_int_equal(code, 200);
    assert_true(slice_has(reply, id));
    assert_false(slice_has(reply, "secret"));
}

static void latest_is_the_newest_that_has_a_statement(void **context)
{
    struct pipeline *pipeline = *context;
    const char latest[] = "{\"action\":\"cancelStatement\",\"statementId\":\"LATEST\","
                          "\"executionArn\":\"arn:e\"}";
    pipeline_post(pipeline, "{" SQL ",\"executionArn\":\"arn:e\"}");
    for (int i = 0; i < 25; i++) {
        cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                     "{\"__type\":\"ValidationException\",\"Message\":\"no\"}");
        assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"executionArn\":\"arn:e\"}"), 400);
    }
    assert_int_equal(pipeline_post(pipeline, latest), 200);
    assert_true(
        slice_has(cloud_body(pipeline->cloud, "CancelStatement", 0), cloud_statement_id(0)));
}

static void latest_of_refused_ones_alone_is_404(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                 "{\"__type\":\"ValidationException\",\"Message\":\"no\"}");
    pipeline_post(pipeline, "{" SQL ",\"executionArn\":\"arn:e\"}");
    assert_int_equal(pipeline_post(pipeline, "{\"action\":\"describeStatement\",\"statementId\":"
                                             "\"LATEST\",\"executionArn\":\"arn:e\"}"),
                     404);
    assert_error(pipeline, "PreviousExecutionNotFound");
}

static void cancel_is_accepted_once_it_is_needed(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "task-token", "token");
    struct slice reply = SLICE_NONE;
    int code = 0;
    pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}");
    inspect_cancel(&pipeline->dispatch, slice_from_text(id), &code, &reply);
    assert_int_equal(code, 202);
    assert_int_equal(cloud_count(pipeline->cloud, "CancelStatement"), 1);
    pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "ABORTED");
    assert_string_equal(cloud_task_state(pipeline->cloud, "token"), "FAILED");
    inspect_cancel(&pipeline->dispatch, slice_from_text(id), &code, &reply);
    assert_int_equal(code, 200);
    assert_true(slice_equals(reply, SLICE("{\"Status\":false}")));
}

/* ---- Failure ---- */

static void synchronous_refusals_leave_nothing_behind(void **context)
{
    struct pipeline *pipeline = *context;
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\",\"x\":1}"), 400);
    assert_error(pipeline, "InvalidRequest");
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 0);
    assert_false(pipeline_has_record(pipeline, pipeline_id(pipeline, "task-token", "token")));
    assert_int_equal(pipeline_parked(pipeline), 0);
}

static void too_large_requests_are_413(void **context)
{
    struct pipeline *pipeline = *context;
    char *sql = arena_alloc(pipeline->arena, 150001);
    memset(sql, 'x', 150000);
    assert_int_equal(pipeline_post(pipeline, arena_format(pipeline->arena,
                                                          "{\"sqlStatements\":[\"%s\",\"%s\","
                                                          "\"%s\"]}",
                                                          sql, sql, sql)),
                     413);
    assert_error(pipeline, "InvalidRequest");
    char *body = arena_alloc(pipeline->arena, REQUEST_MAX_BYTES + 2);
    memset(body, ' ', REQUEST_MAX_BYTES + 1);
    assert_int_equal(pipeline_post(pipeline, body), 413);
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 0);
}

static void conflict_is_409_and_touches_no_address(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"one\"}");
    assert_int_equal(pipeline_post(pipeline, "{\"sqlStatement\":\"select 2\","
                                             "\"requestKey\":\"key\",\"taskToken\":\"two\"}"),
                     409);
    assert_error(pipeline, "IdempotencyConflict");
    assert_true(pipeline_enqueue(pipeline, "m",
                                 "{\"sqlStatement\":\"select 3\",\"requestKey\":\"key\","
                                 "\"taskToken\":\"three\"}"));
    assert_int_equal(pipeline_parked(pipeline), 1);
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 1);
    struct record record = pipeline_record(pipeline, pipeline_id(pipeline, "request-key", "key"));
    assert_int_equal(record.state.callback_count, 1);
}

static void conflict_with_a_settled_one_is_still_409(void **context)
{
    struct pipeline *pipeline = *context;
    const char *id = pipeline_id(pipeline, "request-key", "key");
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}");
    pipeline_event(pipeline, pipeline_name(pipeline, id, 1, 1), "FINISHED");
    assert_int_equal(pipeline_post(pipeline, "{\"sqlStatement\":\"x\",\"requestKey\":\"key\"}"),
                     409);
    pipeline_sweep(pipeline, 2 * 86400000LL);
    assert_true(pipeline_record(pipeline, id).state.tombstone);
    assert_int_equal(pipeline_post(pipeline, "{\"sqlStatement\":\"x\",\"requestKey\":\"key\"}"),
                     409);
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}"), 200);
    assert_string_equal(reply_text(pipeline, "Outcome"), "FINISHED");
}

static void callback_free_request_without_capacity_is_429(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                 "{\"__type\":\"ActiveStatementsExceededException\",\"Message\":\"full\"}");
    assert_int_equal(pipeline_post(pipeline, "{" SQL "}"), 429);
    assert_string_equal(reply_text(pipeline, "errorType"), "TooManyRequestsException");
    assert_string_equal(reply_text(pipeline, "errorMessage"), "full");
    cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                 "{\"__type\":\"ThrottlingException\",\"Message\":\"Rate exceeded\"}");
    assert_int_equal(pipeline_post(pipeline, "{" SQL "}"), 429);
}

static void callback_free_refusal_has_the_exceptions_name(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                 "{\"__type\":\"ValidationException\",\"Message\":\"no such cluster\"}");
    assert_int_equal(pipeline_post(pipeline, "{" SQL "}"), 400);
    assert_string_equal(reply_text(pipeline, "errorType"), "ValidationException");
    assert_string_equal(reply_text(pipeline, "errorMessage"), "no such cluster");
}

static void refusal_without_a_name_still_has_a_type(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "ExecuteStatement", 403, "<html>Forbidden</html>");
    assert_int_equal(pipeline_post(pipeline, "{" SQL "}"), 400);
    assert_string_not_equal(reply_text(pipeline, "errorType"), "");
}

static void refused_submit_with_an_address_goes_there(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "ExecuteStatement", 400,
                 "{\"__type\":\"ValidationException\",\"Message\":\"no such cluster\"}");
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}"), 202);
    assert_string_equal(cloud_task_state(pipeline->cloud, "token"), "FAILED");
    struct slice body = cloud_body(pipeline->cloud, "SendTaskFailure", 0);
    assert_string_equal(pipeline_text(pipeline, body, "error"), "REJECTED");
    assert_true(slice_has(body, "no such cluster"));
}

static void asynchronous_refusal_without_address_is_parked(void **context)
{
    struct pipeline *pipeline = *context;
    assert_true(pipeline_enqueue(pipeline, "m", "{\"sqlStatment\":\"secret\"}"));
    assert_int_equal(pipeline_parked(pipeline), 1);
    assert_string_equal(pipeline_parked_reason(pipeline), "sqlStatment: unknown field");
    assert_true(pipeline_enqueue(pipeline, "m", "{\"sqlStatment\":\"secret\"}"));
    assert_int_equal(pipeline_parked(pipeline), 1);
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 0);
}

static void refused_messages_of_a_batch_are_parked_at_once(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[3] = {{.body = SLICE("no request")},
                                    {.body = SLICE("{\"sqlStatment\":\"secret\"}")},
                                    {.body = SLICE("[]")}};
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        items[i].channel = CHANNEL_ASYNCHRONOUS;
        items[i].source = SLICE("queue:requests");
    }
    tracker_faulty_fail(pipeline->tracker, 2, TRACKER_FAULT_BEFORE);
    invoker_handle(&pipeline->invoker, items, ARRAY_COUNT(items));
    assert_false(tracker_faulty_failed(pipeline->tracker));
    assert_int_equal(pipeline_parked(pipeline), ARRAY_COUNT(items));
    for (size_t i = 0; i < ARRAY_COUNT(items); i++) {
        assert_true(items[i].parked);
        assert_true(items[i].acknowledge);
    }
}

static void action_on_an_asynchronous_channel_is_refused(void **context)
{
    struct pipeline *pipeline = *context;
    assert_true(
        pipeline_enqueue(pipeline, "m", "{\"action\":\"cancelStatement\",\"statementId\":\"x\"}"));
    assert_int_equal(pipeline_parked(pipeline), 1);
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 0);
}

static void tracker_that_is_away_is_503_and_nothing_is_sent(void **context)
{
    struct pipeline *pipeline = *context;
    tracker_faulty_down(pipeline->tracker, true);
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"taskToken\":\"token\"}"), 503);
    assert_error(pipeline, "ServiceUnavailable");
    assert_false(pipeline_enqueue(pipeline, "m", "{" SQL ",\"taskToken\":\"token\"}"));
    assert_true(pipeline->item.again_seconds > 0);
    assert_false(pipeline_enqueue(pipeline, "m", "{}"));
    assert_int_equal(cloud_count(pipeline->cloud, NULL), 0);
}

/* Without this the second token would wait for ever. */
static void request_of_a_part_that_is_away_is_503_alone(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[] = {
        {.body = SLICE("{" SQL ",\"taskToken\":\"one\"}"), .channel = CHANNEL_SYNCHRONOUS},
        {.body = SLICE("{" SQL ",\"taskToken\":\"two\"}"), .channel = CHANNEL_SYNCHRONOUS},
    };
    tracker_faulty_part_away(pipeline->tracker, pipeline_id(pipeline, "task-token", "one"));
    invoker_handle(&pipeline->invoker, items, 2);
    assert_int_equal(items[0].code, 503);
    assert_int_equal(items[1].code, 202);
    assert_string_equal(cloud_calls(pipeline->cloud), "ExecuteStatement");
    assert_false(pipeline_has_record(pipeline, pipeline_id(pipeline, "task-token", "one")));
    tracker_faulty_part_away(pipeline->tracker, NULL);
    invoker_handle(&pipeline->invoker, items, 2);
    assert_int_equal(items[0].code, 202);
    assert_int_equal(items[1].code, 200);
}

static void repeat_whose_address_was_not_adopted_is_503(void **context)
{
    struct pipeline *pipeline = *context;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"one\"}");
    tracker_faulty_fail(pipeline->tracker, 2, TRACKER_FAULT_BEFORE);
    assert_int_equal(
        pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"two\"}"), 503);
    assert_int_equal(
        pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"two\"}"), 200);
    struct record record = pipeline_record(pipeline, pipeline_id(pipeline, "request-key", "key"));
    assert_int_equal(record.state.callback_count, 2);
}

/* Its key is missing: whether it is a repeat or a conflict cannot be told. */
static void existing_record_that_cannot_be_read_is_503(void **context)
{
    struct pipeline *pipeline = *context;
    struct tracker_lookup lookup = {.id = pipeline_id(pipeline, "request-key", "key")};
    struct tracker_update update = {.replace_plan = true};
    struct error error = ERROR_NONE;
    struct slice reply = SLICE_NONE;
    int code = 0;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}");
    assert_int_equal(tracker_find(pipeline->tracker, pipeline->arena, &lookup, 1, &error),
                     STATUS_OK);
    update.record = lookup.record;
    update.record.state = SLICE("RB1\1znnnnnnnnnnnncttttttttttttttttt");
    assert_int_equal(tracker_update(pipeline->tracker, &update, 1, &error), STATUS_OK);
    assert_int_equal(pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}"), 503);
    inspect_get(&pipeline->dispatch, slice_from_text(lookup.id), &code, &reply);
    assert_int_equal(code, 503);
}

static void unknown_invocations_are_404(void **context)
{
    struct pipeline *pipeline = *context;
    struct slice reply = SLICE_NONE;
    int code = 0;
    inspect_get(&pipeline->dispatch, slice_from_text(pipeline_id(pipeline, "x", "x")), &code,
                &reply);
    assert_int_equal(code, 404);
    assert_string_equal(pipeline_text(pipeline, reply, "errorType"), "NoTrackedState");
    inspect_get(&pipeline->dispatch, SLICE("../../x"), &code, &reply);
    assert_int_equal(code, 404);
    inspect_cancel(&pipeline->dispatch, SLICE("x"), &code, &reply);
    assert_int_equal(code, 404);
    inspect_reply(&pipeline->dispatch, SLICE("x"), &code, &reply);
    assert_int_equal(code, 404);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(accepted_request_is_submitted_and_tracked),
        TEST(repeat_is_answered_200_with_the_same_ids),
        TEST(repeat_of_an_ended_one_tells_the_outcome),
        TEST(repeat_with_a_new_address_is_told_too),
        TEST(two_equal_identities_in_a_batch_are_one),
        TEST(batch_of_ten_equal_ones_is_one),
        TEST(callback_without_capacity_waits_for_it),
        TEST(doubtful_submit_is_accepted_and_repeated_identically),
        TEST(asynchronous_refusal_is_told_to_its_address),
        TEST(asynchronous_request_too_large_is_told_to_its_address),
        TEST(inspected_documents_hold_no_secret),
        TEST(latest_is_the_newest_that_has_a_statement),
        TEST(latest_of_refused_ones_alone_is_404),
        TEST(cancel_is_accepted_once_it_is_needed),
        TEST(synchronous_refusals_leave_nothing_behind),
        TEST(too_large_requests_are_413),
        TEST(conflict_is_409_and_touches_no_address),
        TEST(conflict_with_a_settled_one_is_still_409),
        TEST(callback_free_request_without_capacity_is_429),
        TEST(callback_free_refusal_has_the_exceptions_name),
        TEST(refusal_without_a_name_still_has_a_type),
        TEST(refused_submit_with_an_address_goes_there),
        TEST(asynchronous_refusal_without_address_is_parked),
        TEST(refused_messages_of_a_batch_are_parked_at_once),
        TEST(action_on_an_asynchronous_channel_is_refused),
        TEST(tracker_that_is_away_is_503_and_nothing_is_sent),
        TEST(request_of_a_part_that_is_away_is_503_alone),
        TEST(repeat_whose_address_was_not_adopted_is_503),
        TEST(existing_record_that_cannot_be_read_is_503),
        TEST(unknown_invocations_are_404),
    };
    return cmocka_run_group_tests_name("invoker", tests, NULL, NULL);
}
