/* Redshift Data calls as they go out and answers as they come in. */
#include "tests/support/cmocka.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/compiler.h"

#include <string.h>

#define ID "d9b6c0c9-0747-4bf4-b142-e8883122f766"

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(16u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

static struct aws_call answered(const char *operation, const char *reply)
{
    return (struct aws_call){.service = AWS_REDSHIFT_DATA,
                             .operation = operation,
                             .status = STATUS_OK,
                             .code = 200,
                             .reply = slice_from_text(reply)};
}

/* Success. */

static void statement_with_all_members(void **state)
{
    const struct slice sql[] = {SLICE("SELECT \"a\" FROM t WHERE x = :x")};
    const struct redshift_data_parameter parameters[] = {{SLICE("x"), SLICE("1")}};
    const struct redshift_data_submit submit = {.sqls = sql,
                                                .sql_count = 1,
                                                .workgroup_name = SLICE("w"),
                                                .secret_arn = SLICE("s"),
                                                .database = SLICE("d"),
                                                .session_keep_alive_seconds = 60,
                                                .parameters = parameters,
                                                .parameter_count = 1,
                                                .statement_name = SLICE("ringback/x/1.1"),
                                                .client_token = SLICE("t"),
                                                .result_format = SLICE("CSV"),
                                                .wait_seconds = 10,
                                                .with_event = true};
    struct aws_call call = {0};
    redshift_data_build_submit(*state, &submit, &call);
    assert_int_equal(call.service, AWS_REDSHIFT_DATA);
    assert_string_equal(call.operation, "ExecuteStatement");
    assert_true(call.timeout_ms > 10000);
    assert_slice(call.body,
                 "{\"Sql\":\"SELECT \\\"a\\\" FROM t WHERE x = :x\",\"WorkgroupName\":\"w\","
                 "\"SecretArn\":\"s\",\"Database\":\"d\",\"SessionKeepAliveSeconds\":60,"
                 "\"Parameters\":[{\"name\":\"x\",\"value\":\"1\"}],"
                 "\"StatementName\":\"ringback/x/1.1\",\"ClientToken\":\"t\","
                 "\"ResultFormat\":\"CSV\",\"WithEvent\":true,\"WaitTimeSeconds\":10}");
}

static void absent_members_are_left_out(void **state)
{
    const struct slice sql[] = {SLICE("SELECT 1")};
    const struct redshift_data_submit submit = {
        .sqls = sql, .sql_count = 1, .session_keep_alive_seconds = -1};
    struct aws_call call = {0};
    redshift_data_build_submit(*state, &submit, &call);
    assert_slice(call.body, "{\"Sql\":\"SELECT 1\"}");
    assert_int_equal(call.timeout_ms, 0);
}

static void batches(void **state)
{
    const struct slice sqls[] = {SLICE("A"), SLICE("B")};
    struct redshift_data_submit submit = {.sqls = sqls,
                                          .sql_count = 2,
                                          .batch = true,
                                          .auto_commit = true,
                                          .session_keep_alive_seconds = -1};
    struct aws_call call = {0};
    redshift_data_build_submit(*state, &submit, &call);
    assert_string_equal(call.operation, "BatchExecuteStatement");
    assert_slice(call.body, "{\"Sqls\":[\"A\",\"B\"],\"ExecutionMode\":\"AUTO_COMMIT\"}");
    submit.sql_count = 1;
    submit.auto_commit = false;
    redshift_data_build_submit(*state, &submit, &call);
    assert_string_equal(call.operation, "BatchExecuteStatement");
    assert_slice(call.body, "{\"Sqls\":[\"A\"]}");
}

static void calls_by_id(void **state)
{
    struct aws_call call = {0};
    redshift_data_build_describe(*state, SLICE(ID), 0, &call);
    assert_string_equal(call.operation, "DescribeStatement");
    assert_slice(call.body, "{\"Id\":\"" ID "\"}");
    redshift_data_build_describe(*state, SLICE(ID), 30, &call);
    assert_slice(call.body, "{\"Id\":\"" ID "\",\"WaitTimeSeconds\":30}");
    assert_int_equal(call.timeout_ms, 35000);
    redshift_data_build_cancel(*state, SLICE(ID), &call);
    assert_string_equal(call.operation, "CancelStatement");
    redshift_data_build_result(*state, SLICE(ID ":1"), SLICE("n"), &call);
    assert_string_equal(call.operation, "GetStatementResult");
    assert_slice(call.body, "{\"Id\":\"" ID ":1\",\"NextToken\":\"n\"}");
    redshift_data_build_list(*state, SLICE("name"), SLICE_NONE, &call);
    assert_slice(call.body, "{\"StatementName\":\"name\",\"Status\":\"ALL\",\"RoleLevel\":true,"
                            "\"MaxResults\":100}");
}

static void submit_reply(void **state)
{
    const struct aws_call call = answered(
        "ExecuteStatement", "{\"Id\":\"" ID "\",\"CreatedAt\":1598323175.823,"
                            "\"Database\":\"dev\",\"SessionId\":\"s\",\"New\":{\"a\":[1]}}");
    struct redshift_data_submitted submitted;
    assert_int_equal(redshift_data_read_submit(*state, &call, &submitted, NULL), STATUS_OK);
    assert_slice(submitted.id, ID);
    assert_slice(submitted.session_id, "s");
    assert_int_equal(submitted.status, REDSHIFT_DATA_UNKNOWN);
    assert_slice(submitted.document,
                 "{\"Id\":\"" ID "\",\"CreatedAt\":\"2020-08-25T02:39:35.823Z\",\"Database\":"
                 "\"dev\",\"SessionId\":\"s\",\"New\":{\"a\":[1]}}");
}

static void description_without_sql(void **state)
{
    const struct aws_call call = answered(
        "DescribeStatement",
        "{\"QueryString\":\"secret\",\"Id\":\"" ID "\",\"Status\":\"FAILED\",\"Error\":\"no\","
        "\"QueryParameters\":[{\"name\":\"a\",\"value\":\"secret\"}],\"HasResultSet\":false,"
        "\"CreatedAt\":1598323175.5,\"UpdatedAt\":1598323176,\"Duration\":86399999999999,"
        "\"ResultRows\":-1,\"ResultSize\":0,\"RedshiftQueryId\":9007199254740991,"
        "\"QueryStrings\":[\"secret\"],\"SubStatements\":[{\"Id\":\"" ID ":1\",\"Status\":"
        "\"ABORTED\",\"QueryString\":\"secret\",\"CreatedAt\":1598323175.823,\"Duration\":5,"
        "\"ResultRows\":7},{\"Id\":\"" ID ":2\"}]}");
    struct redshift_data_description description;
    assert_int_equal(redshift_data_read_describe(*state, &call, &description, NULL), STATUS_OK);
    assert_slice(description.error, "no");
    assert_int_equal(description.status, REDSHIFT_DATA_FAILED);
    assert_int_equal(description.duration_ns, 86399999999999);
    assert_int_equal(description.redshift_query_id, 9007199254740991);
    assert_int_equal(description.created_at_ms, 1598323175500);
    assert_int_equal(description.updated_at_ms, 1598323176000);
    assert_int_equal(description.sub_count, 2);
    assert_int_equal(description.subs[0].status, REDSHIFT_DATA_ABORTED);
    assert_int_equal(description.subs[0].result_rows, 7);
    assert_slice(description.subs[1].id, ID ":2");
    assert_int_equal(description.subs[1].result_rows, -1);
    assert_slice(description.document,
                 "{\"Id\":\"" ID "\",\"Status\":\"FAILED\",\"Error\":\"no\",\"HasResultSet\":false,"
                 "\"CreatedAt\":\"2020-08-25T02:39:35.500Z\",\"UpdatedAt\":"
                 "\"2020-08-25T02:39:36.000Z\",\"Duration\":86399999999999,\"ResultRows\":-1,"
                 "\"ResultSize\":0,\"RedshiftQueryId\":9007199254740991,\"SubStatements\":[{\"Id\":"
                 "\"" ID ":1\",\"Status\":\"ABORTED\",\"CreatedAt\":\"2020-08-25T02:39:35.823Z\","
                 "\"Duration\":5,\"ResultRows\":7},{\"Id\":\"" ID ":2\"}]}");
}

static void description_with_the_least(void **state)
{
    const struct aws_call call =
        answered("DescribeStatement", "{\"Id\":\"" ID "\",\"Error\":\"\",\"Status\":\"NEW\","
                                      "\"SubStatements\":[]}");
    struct redshift_data_description description;
    assert_int_equal(redshift_data_read_describe(*state, &call, &description, NULL), STATUS_OK);
    assert_null(description.error.data);
    assert_int_equal(description.status, REDSHIFT_DATA_UNKNOWN);
    assert_int_equal(description.result_rows, -1);
    assert_int_equal(description.sub_count, 0);
    assert_slice(description.document, "{\"Id\":\"" ID "\",\"Error\":\"\",\"Status\":\"NEW\","
                                       "\"SubStatements\":[]}");
}

static void other_replies(void **state)
{
    struct redshift_data_listed *listed = NULL;
    size_t count = 0;
    struct slice next = SLICE_NONE;
    struct json document;
    bool accepted = false;
    struct aws_call call = answered("CancelStatement", "{\"Status\":true}");
    assert_int_equal(redshift_data_read_cancel(*state, &call, &accepted, NULL), STATUS_OK);
    assert_true(accepted);
    call =
        answered("ListStatements", "{\"Statements\":[{\"Id\":\"a\",\"StatementName\":\"n\","
                                   "\"Status\":\"STARTED\"},{\"Id\":\"b\"}],\"NextToken\":\"x\"}");
    assert_int_equal(redshift_data_read_list(*state, &call, &listed, &count, &next, NULL),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_slice(listed[0].statement_name, "n");
    assert_int_equal(listed[0].status, REDSHIFT_DATA_STARTED);
    assert_null(listed[1].statement_name.data);
    assert_slice(next, "x");
    call = answered("GetStatementResult", "{\"Records\":[[{\"longValue\":1}]],\"NextToken\":\"\"}");
    assert_int_equal(redshift_data_read_result(*state, &call, &document, &next, NULL), STATUS_OK);
    assert_null(next.data);
    assert_int_equal(json_count(json_member(document, "Records")), 1);
}

static void large_integers_keep_their_digits(void **state)
{
    const struct aws_call call = answered(
        "GetStatementResult",
        "{\"Records\":[[{\"longValue\":9223372036854775807},{\"longValue\":-9007199254740993},"
        "{\"longValue\":9007199254740992},{\"doubleValue\":0.1234567890123456},"
        "{\"doubleValue\":12345678901234567e3},{\"stringValue\":\"\\\"9223372036854775807\"}]]}");
    struct json document;
    struct slice next = SLICE_NONE;
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, 4096);
    assert_int_equal(redshift_data_read_result(*state, &call, &document, &next, NULL), STATUS_OK);
    json_print(document, &out);
    assert_slice(buffer_slice(&out),
                 "{\"Records\":[[{\"longValue\":\"9223372036854775807\"},{\"longValue\":"
                 "\"-9007199254740993\"},{\"longValue\":9007199254740992},{\"doubleValue\":"
                 "0.1234567890123456},{\"doubleValue\":1.2345678901234567e+19},"
                 "{\"stringValue\":\"\\\"9223372036854775807\"}]]}");
}

static void statement_id_of_an_error(void **state)
{
    struct aws_call call =
        answered("ExecuteStatement", "{\"Message\":\"m\",\"StatementId\":\"" ID "\"}");
    assert_null(redshift_data_error_statement_id(*state, &call).data);
    (void)strcpy(call.error_name, "ExecuteStatementException");
    assert_slice(redshift_data_error_statement_id(*state, &call), ID);
    call.reply = SLICE("<html>");
    assert_null(redshift_data_error_statement_id(*state, &call).data);
}

static void names_of_status(void **state)
{
    (void)state;
    for (int i = REDSHIFT_DATA_SUBMITTED; i <= REDSHIFT_DATA_ABORTED; i++) {
        const enum redshift_data_status status = (enum redshift_data_status)i;
        const struct slice name = slice_from_text(redshift_data_status_name(status));
        assert_int_equal(redshift_data_status_parse(name), status);
        assert_int_equal(redshift_data_status_final(status), i >= REDSHIFT_DATA_FINISHED);
    }
    assert_int_equal(redshift_data_status_parse(SLICE("finished")), REDSHIFT_DATA_UNKNOWN);
    assert_int_equal(redshift_data_status_parse(SLICE_NONE), REDSHIFT_DATA_UNKNOWN);
}

/* Failure. */

static void answers_outside_the_contract(void **state)
{
    static const char *const replies[] = {
        "",           "[]",
        "null",       "{}",
        "{\"Id\":1}", "{\"Id\":null}",
        "<html>",     "{\"Id\":\"0123456789012345678901234567890123456789012345678901234567890\"}",
    };
    struct redshift_data_submitted submitted;
    struct redshift_data_description description;
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct error error = ERROR_NONE;
        const struct aws_call call = answered("X", replies[i]);
        assert_int_equal(redshift_data_read_submit(*state, &call, &submitted, &error),
                         STATUS_INTERNAL);
        assert_int_equal(redshift_data_read_describe(*state, &call, &description, &error),
                         STATUS_INTERNAL);
        assert_non_null(strstr(error.text, "redshift-data.X"));
    }
}

static void members_of_the_wrong_type(void **state)
{
    static const char *const replies[] = {
        "{\"Id\":\"a\",\"Error\":1}",           "{\"Id\":\"a\",\"ResultRows\":\"1\"}",
        "{\"Id\":\"a\",\"SubStatements\":{}}",  "{\"Id\":\"a\",\"SubStatements\":[{}]}",
        "{\"Id\":\"a\",\"SubStatements\":[1]}", "{\"Id\":\"a\",\"HasResultSet\":\"yes\"}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct redshift_data_description description;
        const struct aws_call call = answered("DescribeStatement", replies[i]);
        assert_int_equal(redshift_data_read_describe(*state, &call, &description, NULL),
                         STATUS_INTERNAL);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statement_with_all_members),
        TEST(absent_members_are_left_out),
        TEST(batches),
        TEST(calls_by_id),
        TEST(submit_reply),
        TEST(description_without_sql),
        TEST(description_with_the_least),
        TEST(other_replies),
        TEST(large_integers_keep_their_digits),
        TEST(statement_id_of_an_error),
        TEST(names_of_status),
        TEST(answers_outside_the_contract),
        TEST(members_of_the_wrong_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
