#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"

#include <string.h>

#define QUERY "select 1 as id, ''a|b'' as name union all select 2, null"
#define PLACE " to 's3://lake/sales/' iam_role default "

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

static struct json unload(const char *sql)
{
    return data_api_await(&api, data_api_execute(&api, sql, ""));
}

static void unloads(const char *sql, const char *name, const char *object)
{
    const struct json described = unload(sql);
    assert_string_equal(data_api_text(&api, described, "Error"), "");
    assert_string_equal(data_api_text(&api, described, "Status"), "FINISHED");
    assert_string_equal(api.object_name, name);
    assert_string_equal(api.object.data, object);
}

static void fails(const char *sql, const char *text)
{
    const struct json described = unload(sql);
    assert_string_equal(data_api_text(&api, described, "Status"), "FAILED");
    assert_string_equal(data_api_text(&api, described, "Error"), text);
}

/* Success */

static void test_rows_are_separated_by_bars(void **state)
{
    (void)state;
    unloads("unload ('" QUERY "')" PLACE, "lake/sales/0000_part_00", "1|a|b\n2|\n");
}

static void test_serial_with_header(void **state)
{
    (void)state;
    unloads("UNLOAD ('" QUERY "')" PLACE "HEADER ALLOWOVERWRITE PARALLEL OFF",
            "lake/sales/000 over", "id|name\n1|a|b\n2|\n");
}

static void test_csv_quotes_its_delimiter(void **state)
{
    (void)state;
    unloads("unload ('" QUERY "')" PLACE "format as csv delimiter as '|'",
            "lake/sales/0000_part_00", "1|\"a|b\"\n2|\n");
    unloads("unload ('" QUERY "')" PLACE "csv", "lake/sales/0000_part_00", "1,a|b\n2,\n");
}

static void test_a_query_in_dollars(void **state)
{
    (void)state;
    unloads("-- nightly\nunload ($q$select 'it''s' as t$q$) to 's3://lake/x' credentials 'none';",
            "lake/x0000_part_00", "it's\n");
}

static void test_it_has_rows_and_no_result(void **state)
{
    (void)state;
    const struct json described = unload("unload ('" QUERY "')" PLACE);
    assert_int_equal(data_api_number(described, "ResultRows"), 2);
    assert_false(data_api_flag(described, "HasResultSet"));
}

/* Failure */

static void test_the_text_is_wrong(void **state)
{
    (void)state;
    fails("unload (select 1)" PLACE, "ERROR: syntax error at or near \"select\"");
    fails("unload ('select 1') into 's3://lake/x'", "ERROR: syntax error at or near \"into\"");
    fails("unload ('select 1') to 'lake'", "ERROR: The S3 path is not valid at or near \"\"");
    fails("unload ('select 1')" PLACE "gzip", "ERROR: not supported here: \"gzip\"");
}

static void test_the_query_fails(void **state)
{
    (void)state;
    fails("unload ('select * from nowhere')" PLACE, "ERROR: no such table: nowhere");
    fails("unload ('create table t (i int)')" PLACE,
          "ERROR: UNLOAD needs a query that returns rows");
}

static void test_s3_refuses(void **state)
{
    (void)state;
    api.store_answer = STATUS_CONFLICT;
    fails("unload ('select 1')" PLACE,
          "ERROR: Specified unload destination on S3 is not empty. Consider using a different "
          "bucket / prefix, manually removing the target files in S3, or using the ALLOWOVERWRITE "
          "option.");
    api.store_answer = STATUS_NOT_FOUND;
    fails("unload ('select 1')" PLACE,
          "ERROR: S3ServiceException:The specified bucket does not exist,Status 404,Error "
          "NoSuchBucket");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rows_are_separated_by_bars, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_serial_with_header, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_csv_quotes_its_delimiter, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_a_query_in_dollars, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_it_has_rows_and_no_result, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_the_text_is_wrong, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_the_query_fails, open_api, close_api),
        cmocka_unit_test_setup_teardown(test_s3_refuses, open_api, close_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
