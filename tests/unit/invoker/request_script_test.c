/* Scripts in S3: sqlUri with variables, and the shape of the ETL sample. */
#include "invoker/request.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define ID  "d9b6c0c9-0747-4bf4-b142-e8883122f766"
#define URI "\"sqlUri\":\"s3://scripts/etl/load.sql\""

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct request request;
    struct request_addresses addresses;
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(64u << 20)};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static enum status parse(struct fixture *fixture, const char *body)
{
    fixture->error = ERROR_NONE;
    return request_parse(fixture->arena, slice_from_text(body), &fixture->request,
                         &fixture->addresses, &fixture->error);
}

static const struct request *accept(struct fixture *fixture, const char *body)
{
    if (parse(fixture, body) != STATUS_OK) {
        fail_msg("%s\n  refused: %s", body, fixture->error.text);
    }
    return &fixture->request;
}

static const char *digest(struct fixture *fixture, const char *body)
{
    return arena_format(fixture->arena, "%s", accept(fixture, body)->digest);
}

static void assert_text(struct slice actual, const char *expected)
{
    if (!slice_equals_text(actual, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(actual), expected);
    }
}

static void assert_variable(const struct request *request, size_t index, const char *name,
                            const char *value)
{
    assert_true(index < request->variable_count);
    assert_text(request->variables[index].name, name);
    assert_text(request->variables[index].value, value);
}

/* ---- Success ---- */

static void a_script_is_named_and_not_yet_read(void **context)
{
    const struct request *request = accept(*context, "{" URI "}");
    assert_text(request->script_uri, "s3://scripts/etl/load.sql");
    assert_int_equal(request->mode, REQUEST_SEQUENCE);
    assert_int_equal(request->sql_count, 0);
    assert_int_equal(request->variable_count, 0);
    assert_false(request->tells_batch_id);
    request = accept(*context, "{" URI ",\"mode\":\"transaction\"}");
    assert_int_equal(request->mode, REQUEST_TRANSACTION);
}

static void variables_are_texts_and_numbers(void **context)
{
    const struct request *request =
        accept(*context, "{" URI ",\"variables\":{\"day\":\"2021-06-26\",\"_n\":-7,\"f\":1.5,"
                         "\"big\":9007199254740993,\"empty\":\"\"}}");
    assert_int_equal(request->variable_count, 5);
    assert_variable(request, 0, "day", "2021-06-26");
    assert_variable(request, 1, "_n", "-7");
    assert_variable(request, 2, "f", "1.5");
    assert_variable(request, 4, "empty", "");
}

static void parameters_go_with_a_script(void **context)
{
    const struct request *request =
        accept(*context, "{" URI ",\"parameters\":[{\"name\":\"a\",\"value\":\"1\"}]}");
    assert_int_equal(request->parameter_count, 1);
}

static void the_samples_script_is_one_transaction(void **context)
{
    const struct request *request = accept(
        *context, "{\"Input\":{\"action\":\"setup_sales_data_pipeline\",\"etl_script_s3_path\":"
                  "\"s3://scripts/etl/setup_sales_data_pipeline.sql\",\"anything\":{\"a\":1}},"
                  "\"sql_output\":{}}");
    assert_int_equal(request->action, REQUEST_EXECUTE);
    assert_text(request->script_uri, "s3://scripts/etl/setup_sales_data_pipeline.sql");
    assert_int_equal(request->mode, REQUEST_TRANSACTION);
    assert_true(request->tells_batch_id);
}

static void a_folder_holds_the_script_of_the_action(void **context)
{
    const struct request *request =
        accept(*context, "{\"Input\":{\"action\":\"run_sales_data_pipeline\","
                         "\"etl_script_s3_path\":\"s3://scripts/etl/\"}}");
    assert_text(request->script_uri, "s3://scripts/etl/run_sales_data_pipeline.sql");
}

static void the_samples_date_is_a_variable(void **context)
{
    const struct request *request = accept(
        *context, "{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\","
                  "\"job_run_date\":\"2021-06-26\",\"variables\":{\"region\":\"eu\"}}}");
    assert_int_equal(request->variable_count, 2);
    assert_variable(request, 0, "region", "eu");
    assert_variable(request, 1, "job_run_date", "2021-06-26");
    request = accept(
        *context, "{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\","
                  "\"job_run_date\":\"2021-06-26\"},\"variables\":{\"job_run_date\":\"own\"}}");
    assert_int_equal(request->variable_count, 1);
    assert_variable(request, 0, "job_run_date", "own");
}

static void native_fields_stand_beside_input(void **context)
{
    struct fixture *fixture = *context;
    const struct request *request = accept(
        fixture, "{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\"},"
                 "\"taskToken\":\"token\",\"requestKey\":\"key\",\"mode\":\"autoCommit\","
                 "\"timeoutSeconds\":60,\"target\":\"reports\",\"expect\":{\"minRows\":1}}");
    assert_text(request->task_token, "token");
    assert_text(fixture->addresses.task_token, "token");
    assert_text(request->request_key, "key");
    assert_int_equal(request->mode, REQUEST_AUTO_COMMIT);
    assert_int_equal(request->timeout_seconds, 60);
    assert_text(request->target_name, "reports");
    assert_int_equal(request->expect_min_rows, 1);
}

static void the_sample_asks_for_a_status(void **context)
{
    const struct request *request =
        accept(*context, "{\"Input\":{\"action\":\"get_sql_status\",\"sql_batch_id\":\"" ID "\"}}");
    assert_int_equal(request->action, REQUEST_STATUS);
    assert_text(request->statement_id, ID);
}

static void digest_sees_script_mode_and_variables(void **context)
{
    static const char *const bodies[] = {
        "{" URI "}",
        "{\"sqlUri\":\"s3://scripts/etl/load2.sql\"}",
        "{\"sqlStatement\":\"s3://scripts/etl/load.sql\"}",
        "{" URI ",\"mode\":\"transaction\"}",
        "{" URI ",\"variables\":{\"a\":\"b\"}}",
        "{" URI ",\"variables\":{\"b\":\"a\"}}",
        "{" URI ",\"parameters\":[{\"name\":\"a\",\"value\":\"b\"}]}",
    };
    struct fixture *fixture = *context;
    const char *digests[ARRAY_COUNT(bodies)];
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        digests[i] = digest(fixture, bodies[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(digests[i], digests[k]);
        }
    }
    assert_string_equal(digest(fixture, "{" URI ",\"taskToken\":\"t\",\"target\":\"x\"}"),
                        digests[0]);
}

/* ---- Failure ---- */

#define INPUT(members) "{\"Input\":{" members "}}"
#define RUN(members)                                                                               \
    "{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\"" members "}}"

static const char *const malformed[][2] = {
    {"{\"sqlUri\":\"\"}", "sqlUri: must not be empty"},
    {"{\"sqlUri\":7}", "sqlUri: must be a string, got a number"},
    {"{\"sqlUri\":\"https://scripts/x.sql\"}", "sqlUri: must be s3://bucket/key"},
    {"{\"sqlUri\":\"s3://scripts\"}", "sqlUri: the key must have 1 to 1024 bytes, got 0"},
    {"{\"sqlUri\":\"s3://UPPER/x.sql\"}",
     "sqlUri: the bucket's name must be 3 to 63 of a-z, 0-9, '.' and '-'"},
    {"{" URI ",\"sqlStatement\":\"a\"}",
     "request: exactly one of sqlStatement, sqlStatements, sqlUri and queries is needed"},
    {"{" URI ",\"mode\":\"batch\"}", "mode: must be one of sequence, transaction, autoCommit"},
    {"{\"sqlStatement\":\"a\",\"variables\":{\"a\":\"b\"}}", "variables: goes with sqlUri only"},
    {"{" URI ",\"variables\":[]}", "variables: must be an object, got an array"},
    {"{" URI ",\"variables\":{}}", "variables: must hold 1 to 100 variables"},
    {"{" URI ",\"variables\":{\"a\":true}}", "variables.a: must be a string or a number"},
    {"{" URI ",\"variables\":{\"a\":null}}", "variables.a: must be a string or a number"},
    {"{" URI ",\"variables\":{\"a\":[\"b\"]}}", "variables.a: must be a string or a number"},
    {"{" URI ",\"variables\":{\"1a\":\"b\"}}",
     "variables: names must match [a-zA-Z_][0-9a-zA-Z_]*, at most 64"},
    {"{" URI ",\"variables\":{\"a b\":\"b\"}}",
     "variables: names must match [a-zA-Z_][0-9a-zA-Z_]*, at most 64"},
    {"{" URI ",\"variables\":{\"\":\"b\"}}",
     "variables: names must match [a-zA-Z_][0-9a-zA-Z_]*, at most 64"},
    {"{\"action\":\"cancelStatement\",\"statementId\":\"x\"," URI "}",
     "sqlUri: goes with the action executeStatement only"},
    {INPUT(""), "Input.action: is required"},
    {INPUT("\"action\":7"), "Input.action: must be a string, got a number"},
    {INPUT("\"action\":\"drop_everything\""),
     "Input.action: must be get_sql_status, or begin with setup_ or run_"},
    {INPUT("\"action\":\"run_x\""), "Input.etl_script_s3_path: is required"},
    {INPUT("\"action\":\"run_x\",\"etl_script_s3_path\":\"/tmp/x.sql\""),
     "Input.etl_script_s3_path: must be s3://bucket/key"},
    {INPUT("\"action\":\"run_x\",\"etl_script_s3_path\":1"),
     "Input.etl_script_s3_path: must be a string, got a number"},
    {RUN(",\"variables\":7"), "Input.variables: must be an object, got a number"},
    {RUN(",\"job_run_date\":7"), "Input.job_run_date: must be a string, got a number"},
    {"{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\","
     "\"variables\":{\"a\":\"b\"}},\"variables\":{\"a\":\"b\"}}",
     "variables: goes without Input.variables"},
    {"{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\"},"
     "\"sqlStatement\":\"a\"}",
     "sqlStatement: goes without Input"},
    {"{\"Input\":{\"action\":\"run_x\",\"etl_script_s3_path\":\"s3://scripts/x.sql\"},"
     "\"timeoutSeconds\":0}",
     "timeoutSeconds: must be between 1 and 86400, got 0"},
    {INPUT("\"action\":\"get_sql_status\""), "Input.sql_batch_id: is required"},
    {INPUT("\"action\":\"get_sql_status\",\"sql_batch_id\":\"x\""),
     "Input.sql_batch_id: must be a statement's Id"},
    {"{\"Input\":\"run_x\"}", "Input: unknown field"},
};

static void malformed_requests_are_told_field_and_rule(void **context)
{
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        if (parse(fixture, malformed[i][0]) != STATUS_REJECTED) {
            fail_msg("%s\n  accepted", malformed[i][0]);
        }
        assert_string_equal(fixture->error.text, malformed[i][1]);
    }
}

static void too_long_variables_are_refused(void **context)
{
    struct fixture *fixture = *context;
    char *text = arena_alloc(fixture->arena, REQUEST_VARIABLE_MAX_BYTES + 2);
    memset(text, 'x', REQUEST_VARIABLE_MAX_BYTES + 1);
    const char *body = arena_format(fixture->arena, "{" URI ",\"variables\":{\"a\":\"%s\"}}", text);
    assert_int_equal(parse(fixture, body), STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "variables.a: must be at most 65536 bytes, got 65537");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_script_is_named_and_not_yet_read),
        TEST(variables_are_texts_and_numbers),
        TEST(parameters_go_with_a_script),
        TEST(the_samples_script_is_one_transaction),
        TEST(a_folder_holds_the_script_of_the_action),
        TEST(the_samples_date_is_a_variable),
        TEST(native_fields_stand_beside_input),
        TEST(the_sample_asks_for_a_status),
        TEST(digest_sees_script_mode_and_variables),
        TEST(malformed_requests_are_told_field_and_rule),
        TEST(too_long_variables_are_refused),
    };
    return cmocka_run_group_tests_name("request script", tests, NULL, NULL);
}
