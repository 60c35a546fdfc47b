/* Scripts on their way from S3 to the statements of a request. */
#include "invoker/script.h"
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#include <string.h>

#define RUN(more)                                                                                    \
    "{\"sqlUri\":\"s3://scripts/etl/load.sql\",\"mode\":\"transaction\",\"requestKey\":\"key\"" more \
    "}"
#define NO_SUCH_KEY "<Error><Code>NoSuchKey</Code><Message>secret</Message></Error>"

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

static void object_is(struct pipeline *pipeline, const char *script)
{
    cloud_answer(pipeline->cloud, "GetObject", 200, script);
}

static struct request request_of(enum request_mode mode)
{
    struct request request;
    request_init(&request);
    request.mode = mode;
    return request;
}

static void assert_sql(const struct request *request, size_t index, const char *expected)
{
    assert_true(index < request->sql_count);
    if (!slice_equals_text(request->sqls[index], expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(request->sqls[index]), expected);
    }
}

static const char *statements(struct pipeline *pipeline, size_t count)
{
    const char *text = "select 0";
    for (size_t i = 1; i < count; i++) {
        text = arena_format(pipeline->arena, "%s;\nselect %zu", text, i);
    }
    return text;
}

/* ---- Success ---- */

static void variables_are_filled_in_and_statements_split(void **context)
{
    struct pipeline *pipeline = *context;
    struct plan_parameter day = {SLICE("day"), SLICE("2021-06-26")};
    struct request request = request_of(REQUEST_SEQUENCE);
    struct error error = ERROR_NONE;
    request.variables = &day;
    request.variable_count = 1;
    assert_int_equal(script_read(pipeline->arena,
                                 SLICE("delete from t where d = '{day}'; -- ; no\n"
                                       "insert into t values ('{x};', '{day}');\n\n;"),
                                 &request, &error),
                     STATUS_OK);
    assert_int_equal(request.sql_count, 2);
    assert_sql(&request, 0, "delete from t where d = '2021-06-26'");
}

static void a_transaction_is_without_its_begin_and_commit(void **context)
{
    struct pipeline *pipeline = *context;
    const struct slice text = SLICE("begin transaction; select 1; commit; end;");
    struct request request = request_of(REQUEST_TRANSACTION);
    assert_int_equal(script_read(pipeline->arena, text, &request, NULL), STATUS_OK);
    assert_int_equal(request.sql_count, 1);
    assert_sql(&request, 0, "select 1");
    request = request_of(REQUEST_SEQUENCE);
    assert_int_equal(script_read(pipeline->arena, text, &request, NULL), STATUS_OK);
    assert_int_equal(request.sql_count, 4);
}

static void more_than_forty_are_chained_where_that_is_possible(void **context)
{
    struct pipeline *pipeline = *context;
    const struct slice text = slice_from_text(statements(pipeline, 41));
    struct request request = request_of(REQUEST_SEQUENCE);
    assert_int_equal(script_read(pipeline->arena, text, &request, NULL), STATUS_OK);
    assert_int_equal(request.sql_count, 41);
    request = request_of(REQUEST_AUTO_COMMIT);
    assert_int_equal(script_read(pipeline->arena, text, &request, NULL), STATUS_OK);
    assert_int_equal(request.sql_count, 41);
}

static void a_script_is_fetched_and_runs_as_a_batch(void **context)
{
    struct pipeline *pipeline = *context;
    object_is(pipeline, "begin; select '{a}'; select {n}; commit;");
    assert_int_equal(pipeline_post(pipeline, RUN(",\"variables\":{\"a\":\"it's\",\"n\":7}")), 202);
    assert_string_equal(cloud_calls(pipeline->cloud), "GetObject BatchExecuteStatement");
    assert_true(slice_has(cloud_body(pipeline->cloud, "BatchExecuteStatement", 0),
                          "\"Sqls\":[\"select 'it''s'\",\"select 7\"]"));
}

/* What runs is what the script was: it may have changed or gone since. */
static void a_repeat_does_not_read_the_script_again(void **context)
{
    struct pipeline *pipeline = *context;
    object_is(pipeline, "select 1");
    assert_int_equal(pipeline_post(pipeline, RUN("")), 202);
    assert_int_equal(pipeline_post(pipeline, RUN("")), 200);
    assert_string_equal(reply_text(pipeline, "Id"), cloud_statement_id(0));
    assert_int_equal(cloud_count(pipeline->cloud, "GetObject"), 1);
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
}

static void another_script_under_the_same_key_is_a_conflict(void **context)
{
    struct pipeline *pipeline = *context;
    object_is(pipeline, "select 1");
    assert_int_equal(pipeline_post(pipeline, RUN("")), 202);
    assert_int_equal(pipeline_post(pipeline, RUN(",\"variables\":{\"a\":\"b\"}")), 409);
    assert_int_equal(pipeline_post(pipeline, "{\"sqlUri\":\"s3://scripts/other.sql\","
                                             "\"requestKey\":\"key\"}"),
                     409);
    assert_int_equal(cloud_count(pipeline->cloud, "GetObject"), 1);
}

static void the_scripts_of_a_batch_are_fetched_together(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[4] = {
        {.body = SLICE("{\"sqlUri\":\"s3://scripts/a.sql\"}")},
        {.body = SLICE("{\"sqlStatement\":\"select 'secret'\"}")},
        {.body = SLICE("{\"sqlUri\":7}")},
        {.body = SLICE("{\"sqlUri\":\"s3://scripts/b.sql\"}")},
    };
    object_is(pipeline, "select 1");
    object_is(pipeline, "select 2");
    invoker_handle(&pipeline->invoker, items, 4);
    assert_int_equal(items[0].code, 202);
    assert_int_equal(items[1].code, 202);
    assert_int_equal(items[2].code, 400);
    assert_int_equal(items[3].code, 202);
    assert_true(strncmp(cloud_calls(pipeline->cloud), "GetObject GetObject Ex", 22) == 0);
}

static void the_etl_sample_gets_its_batch_id(void **context)
{
    struct pipeline *pipeline = *context;
    object_is(pipeline, "select 1; select 2");
    assert_int_equal(pipeline_post(pipeline,
                                   "{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":"
                                   "\"s3://scripts/x.sql\"}}"),
                     202);
    const char *expected =
        arena_format(pipeline->arena, "{\"sql_batch_id\":\"%s\"}", cloud_statement_id(0));
    assert_string_equal(arena_text(pipeline->arena, pipeline->item.reply), expected);
    assert_int_equal(
        pipeline_post(pipeline, arena_format(pipeline->arena,
                                             "{\"Input\":{\"action\":\"get_sql_status\","
                                             "\"sql_batch_id\":\"%s\"}}",
                                             cloud_statement_id(0))),
        200);
    assert_string_equal(arena_text(pipeline->arena, pipeline->item.reply),
                        "{\"status\":\"STARTED\"}");
}

/* ---- Failure ---- */

static void scripts_that_do_not_fit_are_told_the_rule(void **context)
{
    struct pipeline *pipeline = *context;
    struct plan_parameter variable = {SLICE("a"), SLICE("1; drop table t")};
    const struct {
        const char *script;
        enum request_mode mode;
        const char *text;
    } rows[] = {
        {"", REQUEST_SEQUENCE, NULL},
        {" ; -- nothing\n", REQUEST_SEQUENCE, NULL},
        {"select 'open", REQUEST_SEQUENCE,
         "sqlUri: line 1: the string that begins here does not end"},
        {"begin; select 1; rollback", REQUEST_TRANSACTION,
         "sqlUri: statement 3: a rollback cannot be part of a script that runs as one transaction"},
        {"begin; commit", REQUEST_TRANSACTION, NULL},
        {statements(pipeline, 41), REQUEST_TRANSACTION,
         "sqlUri: must hold at most 40 statements in this mode, got 41"},
        {statements(pipeline, 257), REQUEST_SEQUENCE,
         "sqlUri: must hold at most 256 statements in this mode, got 257"},
        {"select {a}", REQUEST_SEQUENCE,
         "variables.a: must be a number or a plain name where it stands outside of quotes, line "
         "1"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        struct request request = request_of(rows[i].mode);
        struct error error = ERROR_NONE;
        request.variables = &variable;
        request.variable_count = 1;
        assert_int_equal(
            script_read(pipeline->arena, slice_from_text(rows[i].script), &request, &error),
            STATUS_REJECTED);
        if (rows[i].text != NULL) {
            assert_string_equal(error.text, rows[i].text);
        } else if (strncmp(error.text, "sqlUri: ", 8) != 0) {
            fail_msg("%s", error.text);
        }
    }
}

static void a_script_that_is_not_there_is_refused(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "GetObject", 404, NO_SUCH_KEY);
    assert_int_equal(pipeline_post(pipeline, RUN("")), 400);
    assert_string_equal(reply_text(pipeline, "errorType"), "InvalidRequest");
    assert_string_equal(reply_text(pipeline, "errorMessage"),
                        "sqlUri: the script cannot be read from S3: NoSuchKey");
    assert_false(pipeline_has_record(pipeline, pipeline_id(pipeline, "request-key", "key")));
    cloud_answer(pipeline->cloud, "GetObject", 403,
                 "<Error><Code>AccessDenied</Code><Message>secret</Message></Error>");
    assert_int_equal(pipeline_post(pipeline, "{\"Input\":{\"action\":\"run_x\","
                                             "\"etl_script_s3_path\":\"s3://scripts/x.sql\"}}"),
                     400);
    assert_string_equal(
        reply_text(pipeline, "errorMessage"),
        "Input.etl_script_s3_path: the script cannot be read from S3: AccessDenied");
    assert_int_equal(cloud_statements(pipeline->cloud), 0);
}

static void an_asynchronous_refusal_is_told_to_its_address(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "GetObject", 404, NO_SUCH_KEY);
    assert_true(pipeline_enqueue(pipeline, "m1", RUN(",\"taskToken\":\"token\"")));
    assert_string_equal(cloud_task_state(pipeline->cloud, "token"), "FAILED");
    assert_true(
        slice_has(cloud_body(pipeline->cloud, "SendTaskFailure", 0), "\"error\":\"REJECTED\""));
    assert_int_equal(cloud_statements(pipeline->cloud), 0);
}

static void s3_that_is_away_is_503_and_leaves_nothing_behind(void **context)
{
    struct pipeline *pipeline = *context;
    cloud_answer(pipeline->cloud, "GetObject", 503,
                 "<Error><Code>SlowDown</Code><Message>secret</Message></Error>");
    assert_int_equal(pipeline_post(pipeline, RUN("")), 503);
    assert_false(slice_has(pipeline->item.reply, "secret"));
    cloud_answer(pipeline->cloud, "GetObject", 500, "");
    assert_false(pipeline_enqueue(pipeline, "m1", RUN(",\"taskToken\":\"token\"")));
    assert_string_equal(cloud_task_state(pipeline->cloud, "token"), "");
    assert_false(pipeline_has_record(pipeline, pipeline_id(pipeline, "request-key", "key")));
    assert_int_equal(pipeline_parked(pipeline), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(variables_are_filled_in_and_statements_split),
        TEST(a_transaction_is_without_its_begin_and_commit),
        TEST(more_than_forty_are_chained_where_that_is_possible),
        TEST(a_script_is_fetched_and_runs_as_a_batch),
        TEST(a_repeat_does_not_read_the_script_again),
        TEST(another_script_under_the_same_key_is_a_conflict),
        TEST(the_scripts_of_a_batch_are_fetched_together),
        TEST(the_etl_sample_gets_its_batch_id),
        TEST(scripts_that_do_not_fit_are_told_the_rule),
        TEST(a_script_that_is_not_there_is_refused),
        TEST(an_asynchronous_refusal_is_told_to_its_address),
        TEST(s3_that_is_away_is_503_and_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("script", tests, NULL, NULL);
}
