/* Results, lists and the catalogue. */
#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"

#include <string.h>

#define TARGET  "\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\""
#define NUMBERS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"

/* Fixture */

static struct data_api api;

static int open_api(void **state)
{
    (void)state;
    data_api_open(&api, "sqlite::memory:");
    return 0;
}

static int close_api(void **state)
{
    (void)state;
    data_api_close(&api);
    return 0;
}

/* Helpers */

static const char *text(struct json object, const char *name)
{
    return data_api_text(&api, object, name);
}

static const char *run(const char *sql, const char *extra)
{
    const char *id = data_api_execute(&api, sql, extra);
    struct json described = data_api_await(&api, id);
    assert_string_equal(text(described, "Error"), "");
    return id;
}

static struct json result(const char *id)
{
    return data_api_call(&api, "GetStatementResult", "{\"Id\":\"%s\"}", id);
}

static struct json page(const char *id, const char *token)
{
    return data_api_call(&api, "GetStatementResult", "{\"Id\":\"%s\",\"NextToken\":\"%s\"}", id,
                         token);
}

static int64_t first_number(struct json answer)
{
    struct json cell = json_element(json_element(json_member(answer, "Records"), 0), 0);
    return data_api_number(cell, "longValue");
}

static size_t record_count(struct json answer)
{
    return json_count(json_member(answer, "Records"));
}

static struct json listed(const char *input)
{
    struct json answer = data_api_call(&api, "ListStatements", "%s", input);
    assert_int_equal(api.code, 200);
    return json_member(answer, "Statements");
}

/* Success */

static void columns_are_described(void **state)
{
    (void)state;
    run("CREATE TABLE t (id int, name varchar(20), price decimal(10,2))", "");
    const char *id = run("SELECT id, name AS label, price FROM t", "");
    struct json columns = json_member(result(id), "ColumnMetadata");
    assert_int_equal(json_count(columns), 3);
    assert_string_equal(text(json_element(columns, 0), "typeName"), "int4");
    assert_true(data_api_flag(json_element(columns, 0), "isSigned"));
    assert_string_equal(text(json_element(columns, 1), "name"), "label");
    assert_string_equal(text(json_element(columns, 1), "typeName"), "varchar");
    assert_int_equal(data_api_number(json_element(columns, 1), "length"), 20);
    assert_int_equal(data_api_number(json_element(columns, 2), "precision"), 10);
    assert_int_equal(data_api_number(json_element(columns, 2), "scale"), 2);
}

static void an_empty_result_is_a_result(void **state)
{
    (void)state;
    struct json answer = result(run("SELECT 1 WHERE 1 = 2", ""));
    assert_int_equal(api.code, 200);
    assert_int_equal(record_count(answer), 0);
    assert_int_equal(data_api_number(answer, "TotalNumRows"), 0);
    assert_false(json_exists(json_member(answer, "NextToken")));
}

static void a_long_result_comes_in_pages(void **state)
{
    (void)state;
    const char *id = run(arena_format(api.arena, NUMBERS " SELECT i FROM n", 2500), "");
    struct json first = result(id);
    assert_int_equal(record_count(first), 1000);
    assert_int_equal(data_api_number(first, "TotalNumRows"), 2500);
    struct json second = page(id, text(first, "NextToken"));
    assert_int_equal(first_number(second), 1001);
    struct json third = page(id, text(second, "NextToken"));
    assert_int_equal(record_count(third), 500);
    assert_false(json_exists(json_member(third, "NextToken")));
}

static void a_page_has_about_a_megabyte(void **state)
{
    (void)state;
    const char *id =
        run(arena_format(api.arena, NUMBERS " SELECT i, hex(zeroblob(25000)) FROM n", 60), "");
    struct json first = result(id);
    assert_true(record_count(first) >= 20 && record_count(first) < 22);
    assert_int_equal(first_number(page(id, text(first, "NextToken"))), record_count(first) + 1);
}

static void csv_has_a_header_and_quotes(void **state)
{
    (void)state;
    const char *id = run("SELECT 1 AS a, 'x,\"y\"' AS b, NULL AS c UNION ALL SELECT 2, 'z', 'w'",
                         ",\"ResultFormat\":\"CSV\"");
    struct json answer = data_api_call(&api, "GetStatementResultV2", "{\"Id\":\"%s\"}", id);
    struct json record = json_element(json_member(answer, "Records"), 0);
    assert_string_equal(text(record, "CSVRecords"), "a,b,c\r\n1,\"x,\"\"y\"\"\",\r\n2,z,w\r\n");
    assert_string_equal(text(answer, "ResultFormat"), "csv");
    assert_int_equal(data_api_number(answer, "TotalNumRows"), 2);
}

static void the_csv_header_is_on_the_first_page_only(void **state)
{
    (void)state;
    const char *id =
        run(arena_format(api.arena, NUMBERS " SELECT i FROM n", 1001), ",\"ResultFormat\":\"CSV\"");
    struct json answer = data_api_call(&api, "GetStatementResultV2", "{\"Id\":\"%s\"}", id);
    const char *token = text(answer, "NextToken");
    answer = data_api_call(&api, "GetStatementResultV2", "{\"Id\":\"%s\",\"NextToken\":\"%s\"}", id,
                           token);
    struct json record = json_element(json_member(answer, "Records"), 0);
    assert_string_equal(text(record, "CSVRecords"), "1001\r\n");
}

static void results_may_be_waited_for(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT 5", "");
    struct json answer =
        data_api_call(&api, "GetStatementResult", "{\"Id\":\"%s\",\"WaitTimeSeconds\":30}", id);
    assert_int_equal(first_number(answer), 5);
}

static void names_are_listed_by_prefix_newest_first(void **state)
{
    (void)state;
    run("SELECT 1", ",\"StatementName\":\"a1\"");
    run("SELECT 2", ",\"StatementName\":\"a10\"");
    run("SELECT 3", ",\"StatementName\":\"A1\"");
    run("SELECT 4", "");
    struct json statements = listed("{\"StatementName\":\"a1\"}");
    assert_int_equal(json_count(statements), 2);
    assert_string_equal(text(json_element(statements, 0), "StatementName"), "a10");
    assert_string_equal(text(json_element(statements, 1), "QueryString"), "SELECT 1");
    assert_false(data_api_flag(json_element(statements, 1), "IsBatchStatement"));
    assert_int_equal(json_count(listed("{}")), 4);
}

static void only_finished_ones_are_listed_unless_asked(void **state)
{
    (void)state;
    run("SELECT 1", "");
    data_api_await(&api, data_api_execute(&api, "SELECT nope", ""));
    data_api_execute(&api, "SELECT pg_sleep(60)", "");
    assert_int_equal(json_count(listed("{}")), 1);
    assert_int_equal(json_count(listed("{\"Status\":\"FAILED\"}")), 1);
    assert_int_equal(json_count(listed("{\"Status\":\"ALL\"}")), 3);
    assert_int_equal(json_count(listed("{\"ClusterIdentifier\":\"other\"}")), 0);
}

static void lists_come_in_pages(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        run("SELECT 1", "");
    }
    const char *token = "";
    size_t seen = 0;
    for (int i = 0; i < 3; i++) {
        struct json answer =
            data_api_call(&api, "ListStatements", "{\"MaxResults\":2,\"NextToken\":\"%s\"}", token);
        seen += json_count(json_member(answer, "Statements"));
        token = text(answer, "NextToken");
    }
    assert_int_equal(seen, 5);
    assert_string_equal(token, "");
}

static void the_catalogue_is_listed(void **state)
{
    (void)state;
    run("CREATE TABLE orders (id int NOT NULL, note varchar(9))", "");
    run("CREATE VIEW sums AS SELECT count(*) FROM orders", "");
    struct json answer = data_api_call(&api, "ListDatabases", "{" TARGET "}");
    assert_int_equal(json_count(json_member(answer, "Databases")), 1);
    answer = data_api_call(&api, "ListSchemas", "{" TARGET ",\"SchemaPattern\":\"pub%%\"}");
    assert_int_equal(json_count(json_member(answer, "Schemas")), 1);
    answer = data_api_call(&api, "ListTables", "{" TARGET ",\"TablePattern\":\"o%%\"}");
    struct json table = json_element(json_member(answer, "Tables"), 0);
    assert_string_equal(text(table, "name"), "orders");
    assert_string_equal(text(table, "type"), "TABLE");
    answer = data_api_call(&api, "ListTables", "{" TARGET ",\"MaxResults\":1}");
    assert_int_equal(json_count(json_member(answer, "Tables")), 1);
    assert_string_equal(text(answer, "NextToken"), "1");
    answer = data_api_call(&api, "DescribeTable",
                           "{" TARGET ",\"Schema\":\"public\",\"Table\":\"orders\"}");
    struct json columns = json_member(answer, "ColumnList");
    assert_int_equal(json_count(columns), 2);
    assert_int_equal(data_api_number(json_element(columns, 0), "nullable"), 0);
    assert_string_equal(text(json_element(columns, 1), "typeName"), "varchar(9)");
}

/* Failure */

static void no_result_is_not_found(void **state)
{
    (void)state;
    const char *running = data_api_execute(&api, "SELECT pg_sleep(60)", "");
    data_api_assert_refused(&api, result(running), "ResourceNotFoundException");
    const char *without = run("CREATE TABLE t (x int)", "");
    data_api_assert_refused(&api, result(without), "ResourceNotFoundException");
}

static void a_batch_has_no_result_of_its_own(void **state)
{
    (void)state;
    struct json answer =
        data_api_call(&api, "BatchExecuteStatement",
                      "{\"Sqls\":[\"SELECT 1\"]," TARGET ",\"WaitTimeSeconds\":30}");
    const char *id = text(answer, "Id");
    data_api_assert_refused(&api, result(id), "ResourceNotFoundException");
    assert_int_equal(first_number(result(arena_format(api.arena, "%s:1", id))), 1);
    answer = result(arena_format(api.arena, "%s:2", id));
    data_api_assert_refused(&api, answer, "ResourceNotFoundException");
}

static void each_format_has_its_operation(void **state)
{
    (void)state;
    const char *csv = run("SELECT 1", ",\"ResultFormat\":\"CSV\"");
    data_api_assert_refused(&api, result(csv), "ValidationException");
    struct json answer =
        data_api_call(&api, "GetStatementResultV2", "{\"Id\":\"%s\"}", run("SELECT 1", ""));
    data_api_assert_refused(&api, answer, "ValidationException");
}

static void foreign_tokens_are_refused(void **state)
{
    (void)state;
    const char *id = run("SELECT 1", "");
    data_api_assert_refused(&api, page(id, "row-1"), "ValidationException");
    data_api_assert_refused(&api, page(id, "x"), "ValidationException");
    struct json answer = data_api_call(&api, "ListStatements", "{\"NextToken\":\"x\"}");
    data_api_assert_refused(&api, answer, "ValidationException");
}

static void lists_check_their_filters(void **state)
{
    (void)state;
    struct json answer = data_api_call(&api, "ListStatements", "{\"Status\":\"DONE\"}");
    data_api_assert_refused(&api, answer, "ValidationException");
    answer = data_api_call(&api, "ListStatements", "{\"MaxResults\":101}");
    data_api_assert_refused(&api, answer, "ValidationException");
    answer = data_api_call(&api, "ListTables", "{\"Database\":\"dev\"}");
    data_api_assert_refused(&api, answer, "ValidationException");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_api, close_api)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(columns_are_described),
        TEST(an_empty_result_is_a_result),
        TEST(a_long_result_comes_in_pages),
        TEST(a_page_has_about_a_megabyte),
        TEST(csv_has_a_header_and_quotes),
        TEST(the_csv_header_is_on_the_first_page_only),
        TEST(results_may_be_waited_for),
        TEST(names_are_listed_by_prefix_newest_first),
        TEST(only_finished_ones_are_listed_unless_asked),
        TEST(lists_come_in_pages),
        TEST(the_catalogue_is_listed),
        TEST(no_result_is_not_found),
        TEST(a_batch_has_no_result_of_its_own),
        TEST(each_format_has_its_operation),
        TEST(foreign_tokens_are_refused),
        TEST(lists_check_their_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
