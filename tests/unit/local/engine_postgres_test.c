/* The Data API on a real PostgreSQL. */
#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"
#include "tests/support/postgres.h"

#include "infra/local/engine.h"

#include <stdio.h>
#include <string.h>

#define TARGET "\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\""

/* Fixture: one server for all tests, one Data API per test */

static struct postgres postgres;
static struct data_api api;
static bool installed;

static int start_server(void **state)
{
    (void)state;
    installed = postgres_start(&postgres);
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    if (installed) {
        postgres_stop(&postgres);
    }
    return 0;
}

static void run(const char *sql);

static int open_api(void **state)
{
    (void)state;
    if (!installed) {
        return 0;
    }
    data_api_open(&api, postgres.url);
    run("DROP SCHEMA public CASCADE");
    run("CREATE SCHEMA public");
    return 0;
}

static int close_api(void **state)
{
    (void)state;
    if (installed) {
        data_api_close(&api);
    }
    return 0;
}

/* Helpers */

static void need_server(void)
{
    if (!installed) {
        skip();
    }
}

static const char *text(struct json object, const char *name)
{
    return data_api_text(&api, object, name);
}

static void run(const char *sql)
{
    struct json described = data_api_await(&api, data_api_execute(&api, sql, ""));
    assert_string_equal(text(described, "Error"), "");
}

static void assert_cell(const char *sql, const char *expected)
{
    assert_string_equal(data_api_cell(&api, sql), expected);
}

static struct json sub(struct json described, size_t index)
{
    return json_element(json_member(described, "SubStatements"), index);
}

static void cancel(const char *id)
{
    data_api_call(&api, "CancelStatement", "{\"Id\":\"%s\"}", id);
    assert_int_equal(api.code, 200);
}

/* Success */

static void values_keep_their_types(void **state)
{
    (void)state;
    need_server();
    assert_cell("SELECT 42", "longValue:42");
    assert_cell("SELECT 1.5::float8", "doubleValue:1.5");
    assert_cell("SELECT 1.50::decimal(10,2)", "stringValue:\"1.50\"");
    assert_cell("SELECT 'a''b'", "stringValue:\"a'b\"");
    assert_cell("SELECT true", "booleanValue:true");
    assert_cell("SELECT NULL::int", "null");
    assert_cell("SELECT '2024-02-29'::date", "stringValue:\"2024-02-29\"");
    assert_cell("SELECT '\\\\x0102ff'::bytea", "blobValue:\"AQL/\"");
    assert_cell("SELECT 'it\\'s'", "stringValue:\"it's\"");
}

static void columns_are_described(void **state)
{
    (void)state;
    need_server();
    const char *id = data_api_execute(
        &api, "SELECT 1::int8 AS a, 'x'::varchar(20) AS b, 1::numeric(10,2) AS c", "");
    data_api_await(&api, id);
    struct json answer = data_api_call(&api, "GetStatementResult", "{\"Id\":\"%s\"}", id);
    struct json columns = json_member(answer, "ColumnMetadata");
    assert_string_equal(text(json_element(columns, 0), "typeName"), "int8");
    assert_int_equal(data_api_number(json_element(columns, 1), "length"), 20);
    assert_int_equal(data_api_number(json_element(columns, 2), "precision"), 10);
    assert_int_equal(data_api_number(json_element(columns, 2), "scale"), 2);
}

static void parameters_are_bound(void **state)
{
    (void)state;
    need_server();
    run("CREATE TABLE t (x int, s text)");
    struct json answer = data_api_call(
        &api, "ExecuteStatement",
        "{\"Sql\":\"INSERT INTO t SELECT :x, ':x' || :s || :x::text /* :no */\"," TARGET
        ",\"Parameters\":[{\"name\":\"x\",\"value\":\"5\"},{\"name\":\"s\",\"value\":\"a'b\"}]}");
    struct json described = data_api_await(&api, text(answer, "Id"));
    assert_string_equal(text(described, "Error"), "");
    assert_int_equal(data_api_number(described, "ResultRows"), 1);
    assert_cell("SELECT x || s FROM t", "stringValue:\"5:xa'b5\"");
}

static void functions_of_redshift_are_there(void **state)
{
    (void)state;
    need_server();
    assert_cell("SELECT getdate() > '2020-01-01' AND sysdate > '2020-01-01'", "booleanValue:true");
    assert_cell("SELECT dateadd(month, 1, '2024-01-31')", "stringValue:\"2024-02-29 00:00:00\"");
    assert_cell("SELECT datediff(week, '2024-01-07', '2024-01-08')", "longValue:1");
    assert_cell("SELECT datediff(year, '2023-12-31', '2024-01-01')", "longValue:1");
    assert_cell("SELECT datediff(hour, '2024-01-01 01:59', '2024-01-01 02:01')", "longValue:1");
    assert_cell("SELECT nvl(NULL, 'x')", "stringValue:\"x\"");
    assert_cell("SELECT len('abc')", "longValue:3");
    assert_cell("SELECT left(sha2('', 256), 8)", "stringValue:\"e3b0c442\"");
}

static void a_batch_is_one_transaction(void **state)
{
    (void)state;
    need_server();
    run("CREATE TABLE t (x int)");
    struct json answer = data_api_call(
        &api, "BatchExecuteStatement",
        "{\"Sqls\":[\"INSERT INTO t VALUES (1)\",\"SELECT 1/0\",\"SELECT 1\"]," TARGET "}");
    struct json described = data_api_await(&api, text(answer, "Id"));
    assert_string_equal(text(described, "Status"), "FAILED");
    assert_string_equal(text(sub(described, 1), "Error"), "ERROR: division by zero");
    assert_string_equal(text(sub(described, 2), "Status"), "ABORTED");
    assert_cell("SELECT count(*) FROM t", "longValue:0");
}

static void auto_commit_keeps_what_succeeded(void **state)
{
    (void)state;
    need_server();
    run("CREATE TABLE t (x int)");
    struct json answer = data_api_call(
        &api, "BatchExecuteStatement",
        "{\"Sqls\":[\"INSERT INTO t VALUES (1)\",\"SELECT 1/0\",\"INSERT INTO t VALUES (2)\"],"
        "\"ExecutionMode\":\"AUTO_COMMIT\"," TARGET "}");
    struct json described = data_api_await(&api, text(answer, "Id"));
    assert_string_equal(text(described, "Status"), "FAILED");
    assert_cell("SELECT count(*) FROM t", "longValue:2");
}

static void a_running_statement_is_cancelled(void **state)
{
    (void)state;
    need_server();
    const char *id = data_api_execute(&api, "SELECT pg_sleep(60)", ",\"WithEvent\":true");
    data_api_await_status(&api, id, "STARTED");
    cancel(id);
    assert_string_equal(text(data_api_await(&api, id), "Status"), "ABORTED");
    assert_string_equal(text(json_member(data_api_event(&api, 0), "detail"), "state"), "ABORTED");
}

static void cancelling_at_any_moment_ends_it(void **state)
{
    (void)state;
    need_server();
    for (int i = 0; i < 20; i++) {
        const char *id = data_api_execute(&api, "SELECT pg_sleep(60)", "");
        cancel(id);
        assert_string_equal(text(data_api_await(&api, id), "Status"), "ABORTED");
    }
}

static void a_session_keeps_its_connection(void **state)
{
    (void)state;
    need_server();
    const char *first =
        data_api_execute(&api, "CREATE TEMP TABLE mine (x int)", ",\"SessionKeepAliveSeconds\":60");
    struct json described = data_api_await(&api, first);
    struct json answer = data_api_call(&api, "ExecuteStatement",
                                       "{\"Sql\":\"SELECT * FROM mine\",\"SessionId\":\"%s\"}",
                                       text(described, "SessionId"));
    struct json again = data_api_await(&api, text(answer, "Id"));
    assert_string_equal(text(again, "Status"), "FINISHED");
    assert_int_equal(data_api_number(again, "RedshiftPid"),
                     data_api_number(described, "RedshiftPid"));
}

static void many_statements_run_side_by_side(void **state)
{
    enum { COUNT = 32 };
    const char *ids[COUNT];
    (void)state;
    need_server();
    run("CREATE TABLE t (x int)");
    for (int i = 0; i < COUNT; i++) {
        ids[i] = data_api_execute(&api, "INSERT INTO t SELECT 1 FROM pg_sleep(0.05)", "");
    }
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(text(data_api_await(&api, ids[i]), "Error"), "");
    }
    assert_cell("SELECT count(*) FROM t", "longValue:32");
}

static void the_catalogue_is_listed(void **state)
{
    (void)state;
    need_server();
    run("CREATE TABLE orders (id int NOT NULL, note varchar(9) DEFAULT 'x')");
    struct json answer = data_api_call(&api, "ListDatabases", "{" TARGET "}");
    assert_int_equal(json_count(json_member(answer, "Databases")), 1);
    answer = data_api_call(&api, "ListSchemas", "{" TARGET ",\"SchemaPattern\":\"pub%%\"}");
    assert_int_equal(json_count(json_member(answer, "Schemas")), 1);
    answer = data_api_call(&api, "ListTables", "{" TARGET ",\"SchemaPattern\":\"public\"}");
    struct json table = json_element(json_member(answer, "Tables"), 0);
    assert_string_equal(text(table, "name"), "orders");
    assert_string_equal(text(table, "type"), "TABLE");
    answer = data_api_call(&api, "DescribeTable",
                           "{" TARGET ",\"Schema\":\"public\",\"Table\":\"orders\"}");
    struct json columns = json_member(answer, "ColumnList");
    assert_int_equal(json_count(columns), 2);
    assert_string_equal(text(json_element(columns, 0), "typeName"), "int4");
    assert_int_equal(data_api_number(json_element(columns, 0), "nullable"), 0);
    assert_int_equal(data_api_number(json_element(columns, 1), "length"), 9);
}

/* Failure */

static void errors_are_the_servers_own(void **state)
{
    (void)state;
    need_server();
    assert_cell("SELECT * FROM nowhere", "ERROR: relation \"nowhere\" does not exist");
    const char *error = data_api_cell(&api, "SELECT get_date()");
    assert_ptr_equal(strstr(error, "ERROR: function get_date() does not exist"), error);
}

static void a_serialization_failure_has_redshifts_number(void **state)
{
    (void)state;
    need_server();
    run("CREATE FUNCTION clash() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION "
        "'could not serialize' USING ERRCODE = '40001'; END $$");
    const char *error = data_api_cell(&api, "SELECT clash()");
    assert_ptr_equal(strstr(error, "ERROR: 1023 DETAIL: Serializable isolation violation"), error);
}

static void an_oversized_row_is_an_error(void **state)
{
    (void)state;
    need_server();
    assert_cell("SELECT repeat('x', 70000)", "ERROR: Packet for query is too large");
}

static void copy_with_the_client_is_refused(void **state)
{
    (void)state;
    need_server();
    run("CREATE TABLE t (x int)");
    static const char expected[] = "ERROR: COPY with the client is not supported";
    assert_cell("COPY t FROM STDIN", expected);
    assert_cell("COPY (SELECT 1) TO STDOUT", expected);
}

static void a_refused_connection_fails_the_statement_alone(void **state)
{
    (void)state;
    need_server();
    char url[320];
    struct data_api guest;
    run("CREATE ROLE guest LOGIN");
    (void)snprintf(url, sizeof(url), "postgresql:///postgres?host=%s&user=guest", postgres.folder);
    data_api_open(&guest, url);
    run("ALTER ROLE guest CONNECTION LIMIT 0");
    struct json answer =
        data_api_call(&guest, "BatchExecuteStatement", "{\"Sqls\":[\"SELECT 1\"]," TARGET "}");
    struct json described = data_api_await(&guest, data_api_text(&guest, answer, "Id"));
    assert_string_equal(data_api_text(&guest, described, "Status"), "FAILED");
    assert_non_null(strstr(data_api_text(&guest, described, "Error"), "too many connections"));
    assert_string_equal(data_api_text(&guest, sub(described, 0), "Status"), "ABORTED");
    data_api_close(&guest);
    run("DROP ROLE guest");
}

static void a_server_that_is_not_there_stops_the_start(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    void *engine = NULL;
    assert_int_not_equal(engine_postgres.open("postgresql:///x?host=/nowhere", &engine, &error),
                         STATUS_OK);
    assert_non_null(strstr(error.text, "/nowhere"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_api, close_api)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_keep_their_types),
        TEST(columns_are_described),
        TEST(parameters_are_bound),
        TEST(functions_of_redshift_are_there),
        TEST(a_batch_is_one_transaction),
        TEST(auto_commit_keeps_what_succeeded),
        TEST(a_running_statement_is_cancelled),
        TEST(cancelling_at_any_moment_ends_it),
        TEST(a_session_keeps_its_connection),
        TEST(many_statements_run_side_by_side),
        TEST(the_catalogue_is_listed),
        TEST(errors_are_the_servers_own),
        TEST(a_serialization_failure_has_redshifts_number),
        TEST(an_oversized_row_is_an_error),
        TEST(copy_with_the_client_is_refused),
        TEST(a_refused_connection_fails_the_statement_alone),
        cmocka_unit_test(a_server_that_is_not_there_stops_the_start),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
