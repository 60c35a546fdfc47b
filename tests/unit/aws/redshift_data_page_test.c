/* Pages of GetStatementResult as typed rows. */
#include "tests/support/cmocka.h"

#include "infra/aws/redshift_data_page.h"

#include <math.h>

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct redshift_data_page page;
    struct redshift_data_field fields[8];
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(4u << 20)};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static enum status read_page(struct fixture *fixture, const char *reply)
{
    const struct aws_call call = {.operation = "GetStatementResult",
                                  .status = STATUS_OK,
                                  .code = 200,
                                  .reply = slice_from_text(reply)};
    return redshift_data_read_page(fixture->arena, &call, &fixture->page, &fixture->error);
}

/* One row with this one field. */
static const struct redshift_data_field *field(struct fixture *fixture, const char *json)
{
    const char *reply = arena_format(
        fixture->arena, "{\"ColumnMetadata\":[{\"name\":\"c\"}],\"Records\":[[%s]]}", json);
    assert_int_equal(read_page(fixture, reply), STATUS_OK);
    if (redshift_data_read_row(fixture->page.row, fixture->fields, 1, &fixture->error) !=
        STATUS_OK) {
        return NULL;
    }
    return &fixture->fields[0];
}

/* ---- Success ---- */

static void page_has_columns_total_and_token(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(
        read_page(fixture,
                  "{\"ColumnMetadata\":[{\"name\":\"a\",\"label\":\"x\"},{\"name\":\"b\"},{}],"
                  "\"Records\":[],\"TotalNumRows\":12,\"NextToken\":\"more\"}"),
        STATUS_OK);
    assert_int_equal(fixture->page.column_count, 3);
    assert_true(slice_equals_text(fixture->page.columns[0], "x"));
    assert_true(slice_equals_text(fixture->page.columns[1], "b"));
    assert_true(slice_equals_text(fixture->page.columns[2], ""));
    assert_int_equal(fixture->page.total_rows, 12);
    assert_true(slice_equals_text(fixture->page.next_token, "more"));
    assert_int_equal(json_kind(fixture->page.row), JSON_ABSENT);
}

static void last_page_has_no_token(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(read_page(fixture, "{\"Records\":[],\"NextToken\":\"\"}"), STATUS_OK);
    assert_null(fixture->page.next_token.data);
    assert_int_equal(fixture->page.total_rows, -1);
}

static void every_kind_of_field(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(field(fixture, "{\"isNull\":true}")->kind, REDSHIFT_DATA_NULL);
    assert_int_equal(field(fixture, "{\"booleanValue\":true}")->kind, REDSHIFT_DATA_BOOL);
    assert_true(fixture->fields[0].flag);
    assert_int_equal(field(fixture, "{\"longValue\":-7}")->kind, REDSHIFT_DATA_LONG);
    assert_int_equal(fixture->fields[0].integer, -7);
    assert_int_equal(field(fixture, "{\"doubleValue\":0.1}")->kind, REDSHIFT_DATA_DOUBLE);
    assert_true(fabs(fixture->fields[0].real - 0.1) < 1e-17);
    assert_int_equal(field(fixture, "{\"stringValue\":\"\"}")->kind, REDSHIFT_DATA_TEXT);
    assert_non_null(fixture->fields[0].text.data);
    assert_int_equal(field(fixture, "{\"blobValue\":\"AAE=\"}")->kind, REDSHIFT_DATA_BLOB);
    assert_true(slice_equals_text(fixture->fields[0].text, "AAE="));
}

static void no_digit_of_a_bigint_is_lost(void **context)
{
    struct fixture *fixture = *context;
    assert_non_null(field(fixture, "{\"longValue\":9223372036854775807}"));
    assert_true(fixture->fields[0].integer == INT64_MAX);
    assert_non_null(field(fixture, "{\"longValue\":-9223372036854775808}"));
    assert_true(fixture->fields[0].integer == INT64_MIN);
    assert_non_null(field(fixture, "{\"longValue\":9007199254740993}"));
    assert_true(fixture->fields[0].integer == INT64_C(9007199254740993));
}

static void doubles_that_are_no_json_numbers(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(field(fixture, "{\"doubleValue\":\"NaN\"}")->kind, REDSHIFT_DATA_TEXT);
    assert_true(slice_equals_text(fixture->fields[0].text, "NaN"));
    assert_int_equal(field(fixture, "{\"doubleValue\":100000000000000000}")->kind,
                     REDSHIFT_DATA_DOUBLE);
    assert_true(fabs(fixture->fields[0].real - 1e17) < 1);
}

/* ---- Failure ---- */

static void what_is_not_in_the_contract_is_internal(void **context)
{
    static const char *const fields[] = {
        "{}",     "{\"arrayValue\":[]}",         "{\"longValue\":\"x\"}",
        "7",      "{\"longValue\":1.5}",         "{\"stringValue\":null}",
        "null",   "{\"booleanValue\":\"true\"}", "{\"isNull\":true},{\"isNull\":true}",
        "[true]", "{\"doubleValue\":true}",
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(fields); i++) {
        if (field(fixture, fields[i]) != NULL) {
            fail_msg("read: %s", fields[i]);
        }
        assert_int_equal(fixture->error.status, STATUS_INTERNAL);
    }
    assert_int_equal(read_page(fixture, "[]"), STATUS_INTERNAL);
    assert_int_equal(read_page(fixture, "{\"Records\":1}"), STATUS_INTERNAL);
    assert_int_equal(read_page(fixture, "{\"Records\":[],\"ColumnMetadata\":1}"), STATUS_INTERNAL);
    assert_int_equal(read_page(fixture, "{\"Records\":[],\"TotalNumRows\":\"x\"}"),
                     STATUS_INTERNAL);
}

static void row_that_is_too_short_is_internal(void **context)
{
    struct fixture *fixture = *context;
    assert_non_null(field(fixture, "{\"longValue\":1}"));
    assert_int_equal(redshift_data_read_row(fixture->page.row, fixture->fields, 2, &fixture->error),
                     STATUS_INTERNAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(page_has_columns_total_and_token),
        TEST(last_page_has_no_token),
        TEST(every_kind_of_field),
        TEST(no_digit_of_a_bigint_is_lost),
        TEST(doubles_that_are_no_json_numbers),
        TEST(what_is_not_in_the_contract_is_internal),
        TEST(row_that_is_too_short_is_internal),
    };
    return cmocka_run_group_tests_name("redshift_data_page", tests, NULL, NULL);
}
