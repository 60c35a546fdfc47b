#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"

#include "infra/base/clock.h"
#include "infra/local/engine.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* Fixture */

static int open_api(void **state)
{
    static struct data_api api;
    data_api_open(&api, "sqlite::memory:");
    *state = &api;
    return 0;
}

static int close_api(void **state)
{
    data_api_close(*state);
    return 0;
}

/* Helpers */

static void assert_cell(void **state, const char *sql, const char *expected)
{
    assert_string_equal(data_api_cell(*state, sql), expected);
}

static void run(void **state, const char *sql)
{
    const char *id = data_api_execute(*state, sql, "");
    struct json described = data_api_await(*state, id);
    assert_string_equal(data_api_text(*state, described, "Error"), "");
}

/* Success */

static void values_keep_their_types(void **state)
{
    assert_cell(state, "SELECT 42", "longValue:42");
    assert_cell(state, "SELECT 1.5", "doubleValue:1.5");
    assert_cell(state, "SELECT 'a''b'", "stringValue:\"a'b\"");
    assert_cell(state, "SELECT NULL", "null");
    assert_cell(state, "SELECT x'0102ff'", "blobValue:\"AQL/\"");
}

static void declared_types_decide(void **state)
{
    run(state, "CREATE TABLE t (flag boolean, price decimal(10,2), day date, ratio float8)");
    run(state, "INSERT INTO t VALUES (true, 12.5, '2024-02-29', 2)");
    assert_cell(state, "SELECT flag FROM t", "booleanValue:true");
    assert_cell(state, "SELECT price FROM t", "stringValue:\"12.5\"");
    assert_cell(state, "SELECT day FROM t", "stringValue:\"2024-02-29\"");
    assert_cell(state, "SELECT ratio FROM t", "doubleValue:2");
}

static void casts_of_redshift_are_understood(void **state)
{
    assert_cell(state, "SELECT '12'::int + 1", "longValue:13");
    assert_cell(state, "SELECT (1 + 2)::varchar(10)", "stringValue:\"3\"");
    assert_cell(state, "SELECT '2024-05-06 07:08:09'::date", "stringValue:\"2024-05-06\"");
    assert_cell(state, "SELECT '1.239'::decimal(10, 2)", "doubleValue:1.24");
    assert_cell(state, "SELECT upper('a')::text || 'b'", "stringValue:\"Ab\"");
    assert_cell(state, "SELECT '7'::varchar::int", "longValue:7");
    assert_cell(state, "SELECT CASE WHEN 1 = 1 THEN '5' ELSE '6' END::int", "longValue:5");
    assert_cell(state, "SELECT 'a::int'", "stringValue:\"a::int\"");
    assert_cell(state, "SELECT 1 /* ::text */ -- ::text\n", "longValue:1");
    assert_cell(state, "SELECT 1.5::double precision", "doubleValue:1.5");
}

static void date_functions_follow_redshift(void **state)
{
    assert_cell(state, "SELECT dateadd(month, 1, '2024-01-31')",
                "stringValue:\"2024-02-29 00:00:00\"");
    assert_cell(state, "SELECT dateadd(day, -1, '2024-03-01'::date)",
                "stringValue:\"2024-02-29 00:00:00\"");
    assert_cell(state, "SELECT datediff(day, '2024-02-28', '2024-03-01')", "longValue:2");
    assert_cell(state, "SELECT datediff(hour, '2024-01-01 01:59', '2024-01-01 02:01')",
                "longValue:1");
    assert_cell(state, "SELECT datediff(year, '2023-12-31', '2024-01-01')", "longValue:1");
    assert_cell(state, "SELECT datediff(week, '2024-01-07', '2024-01-08')", "longValue:1");
    assert_cell(state, "SELECT date_trunc('quarter', '2024-05-17 10:00:00')",
                "stringValue:\"2024-04-01 00:00:00\"");
    assert_cell(state, "SELECT getdate() > '2020-01-01' AND sysdate > '2020-01-01'", "longValue:1");
    assert_cell(state, "SELECT current_date > '2020-01-01'", "longValue:1");
}

static void text_functions_follow_redshift(void **state)
{
    assert_cell(state, "SELECT nvl(NULL, 'x')", "stringValue:\"x\"");
    assert_cell(state, "SELECT decode(2, 1, 'one', 2, 'two', 'many')", "stringValue:\"two\"");
    assert_cell(state, "SELECT left('h\xc3\xa9llo', 2) || right('world', 2)",
                "stringValue:\"h\xc3\xa9ld\"");
    assert_cell(state, "SELECT len('h\xc3\xa9')", "longValue:2");
    assert_cell(state, "SELECT md5('')", "stringValue:\"d41d8cd98f00b204e9800998ecf8427e\"");
    assert_cell(state, "SELECT left(sha2('', 256), 8)", "stringValue:\"e3b0c442\"");
}

static void a_join_is_not_the_left_function(void **state)
{
    assert_cell(state, "SELECT b.x FROM (SELECT 1 AS x) a LEFT JOIN (SELECT 1 AS x) b ON a.x = b.x",
                "longValue:1");
}

static void the_public_schema_is_the_database(void **state)
{
    run(state, "CREATE TABLE public.t (x int)");
    run(state, "INSERT INTO public.t VALUES (3)");
    assert_cell(state, "SELECT public.t.x FROM public.t", "longValue:3");
}

static void memory_is_shared_by_all_statements(void **state)
{
    run(state, "CREATE TABLE t (x int)");
    run(state, "INSERT INTO t SELECT 5");
    assert_cell(state, "SELECT x FROM t", "longValue:5");
}

static void writers_queue(void **state)
{
    enum { WRITERS = 24 };
    const char *ids[WRITERS];
    run(state, "CREATE TABLE t (x int)");
    for (int i = 0; i < WRITERS; i++) {
        ids[i] = data_api_execute(*state, "INSERT INTO t SELECT count(*) FROM t", "");
    }
    for (int i = 0; i < WRITERS; i++) {
        struct json described = data_api_await(*state, ids[i]);
        assert_string_equal(data_api_text(*state, described, "Error"), "");
    }
    assert_cell(state, "SELECT count(DISTINCT x) FROM t", "longValue:24");
}

static void a_sleeping_select_blocks_no_writer(void **state)
{
    run(state, "CREATE TABLE t (x int)");
    const char *id = data_api_execute(*state,
                                      "SELECT pg_sleep(60), x FROM t UNION SELECT "
                                      "pg_sleep(60), 1",
                                      "");
    data_api_await_status(*state, id, "STARTED");
    run(state, "INSERT INTO t VALUES (1)");
    data_api_call(*state, "CancelStatement", "{\"Id\":\"%s\"}", id);
    assert_string_equal(data_api_text(*state, data_api_await(*state, id), "Status"), "ABORTED");
}

static void a_file_outlives_the_engine(void **state)
{
    struct data_api again;
    (void)state;
    unlink("engine.db");
    data_api_open(&again, "sqlite:engine.db");
    data_api_await(&again, data_api_execute(&again, "CREATE TABLE kept (x int)", ""));
    data_api_close(&again);
    data_api_open(&again, "sqlite:engine.db");
    assert_string_equal(data_api_cell(&again, "SELECT count(*) FROM kept"), "longValue:0");
    data_api_close(&again);
    unlink("engine.db");
}

/* Failure */

static void unknown_functions_are_errors(void **state)
{
    assert_cell(state, "SELECT get_date()", "ERROR: no such function: get_date");
}

static void unknown_tables_are_errors(void **state)
{
    assert_cell(state, "SELECT * FROM nowhere", "ERROR: no such table: nowhere");
}

static void division_by_zero_is_an_error(void **state)
{
    assert_cell(state, "SELECT 1/0", "ERROR: division by zero");
    assert_cell(state, "SELECT 1 / 0.5", "doubleValue:2");
}

static void a_cast_of_nonsense_is_an_error(void **state)
{
    assert_cell(state, "SELECT 'abc'::int",
                "ERROR: invalid input syntax for type integer: \"abc\"");
}

static void a_running_computation_is_cancelled(void **state)
{
    const char *id =
        data_api_execute(*state,
                         "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                         " SELECT count(*) FROM n",
                         "");
    data_api_await_status(*state, id, "STARTED");
    data_api_call(*state, "CancelStatement", "{\"Id\":\"%s\"}", id);
    assert_string_equal(data_api_text(*state, data_api_await(*state, id), "Status"), "ABORTED");
}

/* A transaction that has written and goes on for a minute: from here on it holds the lock. */
static const char *hold_the_lock(struct data_api *api)
{
    struct json answer =
        data_api_call(api, "BatchExecuteStatement",
                      "{\"Sqls\":[\"INSERT INTO t VALUES (1)\",\"SELECT pg_sleep(60)\"],"
                      "\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\"}");
    const char *id = data_api_text(api, answer, "Id");
    for (int i = 0; i < 10000; i++) {
        answer = data_api_call(api, "DescribeStatement", "{\"Id\":\"%s\"}", id);
        struct json first = json_element(json_member(answer, "SubStatements"), 0);
        if (strcmp(data_api_text(api, first, "Status"), "FINISHED") == 0) {
            return id;
        }
        clock_sleep_ms(clock_system(), 1);
    }
    fail_msg("%s never wrote", id);
    return NULL;
}

static void a_writer_waiting_for_the_lock_is_cancelled(void **state)
{
    run(state, "CREATE TABLE t (x int)");
    const char *holder = hold_the_lock(*state);
    const char *waiter = data_api_execute(*state, "DELETE FROM t", "");
    data_api_await_status(*state, waiter, "STARTED");
    data_api_call(*state, "CancelStatement", "{\"Id\":\"%s\"}", waiter);
    assert_string_equal(data_api_text(*state, data_api_await(*state, waiter), "Status"), "ABORTED");
    data_api_call(*state, "CancelStatement", "{\"Id\":\"%s\"}", holder);
    data_api_await(*state, holder);
}

static void an_oversized_row_is_an_error(void **state)
{
    assert_cell(state, "SELECT hex(zeroblob(40000))", "ERROR: Packet for query is too large");
}

static void a_folder_that_is_not_there_stops_the_start(void **state)
{
    struct error error = ERROR_NONE;
    void *engine = NULL;
    (void)state;
    assert_int_not_equal(engine_sqlite.open("sqlite:nowhere/x.db", &engine, &error), STATUS_OK);
    assert_non_null(strstr(error.text, "unable to open"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_keep_their_types, open_api, close_api),
        cmocka_unit_test_setup_teardown(declared_types_decide, open_api, close_api),
        cmocka_unit_test_setup_teardown(casts_of_redshift_are_understood, open_api, close_api),
        cmocka_unit_test_setup_teardown(date_functions_follow_redshift, open_api, close_api),
        cmocka_unit_test_setup_teardown(text_functions_follow_redshift, open_api, close_api),
        cmocka_unit_test_setup_teardown(a_join_is_not_the_left_function, open_api, close_api),
        cmocka_unit_test_setup_teardown(the_public_schema_is_the_database, open_api, close_api),
        cmocka_unit_test_setup_teardown(memory_is_shared_by_all_statements, open_api, close_api),
        cmocka_unit_test_setup_teardown(writers_queue, open_api, close_api),
        cmocka_unit_test_setup_teardown(a_sleeping_select_blocks_no_writer, open_api, close_api),
        cmocka_unit_test(a_file_outlives_the_engine),
        cmocka_unit_test_setup_teardown(unknown_functions_are_errors, open_api, close_api),
        cmocka_unit_test_setup_teardown(unknown_tables_are_errors, open_api, close_api),
        cmocka_unit_test_setup_teardown(division_by_zero_is_an_error, open_api, close_api),
        cmocka_unit_test_setup_teardown(a_cast_of_nonsense_is_an_error, open_api, close_api),
        cmocka_unit_test_setup_teardown(a_running_computation_is_cancelled, open_api, close_api),
        cmocka_unit_test_setup_teardown(a_writer_waiting_for_the_lock_is_cancelled, open_api,
                                        close_api),
        cmocka_unit_test_setup_teardown(an_oversized_row_is_an_error, open_api, close_api),
        cmocka_unit_test(a_folder_that_is_not_there_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
