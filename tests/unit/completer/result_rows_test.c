/* Rows as they are told and as they are put, byte for byte, and their limits. */
#include "completer/result_rows.h"
#include "tests/support/cmocka.h"

#include "infra/base/json_reader.h"

#include <stdio.h>
#include <string.h>

#define PLENTY ((size_t)1 << 20)

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct result_rows rows;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.arena = arena_new(64u << 20);
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    result_rows_clear(&fixture->rows);
    arena_free(fixture->arena);
    return 0;
}

/* ---- Helpers ---- */

static struct redshift_data_field text(const char *value)
{
    return (struct redshift_data_field){.kind = REDSHIFT_DATA_TEXT, .text = slice_from_text(value)};
}

static struct redshift_data_field number(int64_t value)
{
    return (struct redshift_data_field){.kind = REDSHIFT_DATA_LONG, .integer = value};
}

static void begin(struct fixture *fixture, enum plan_result_format format, size_t inline_bytes,
                  size_t object_bytes)
{
    static const struct slice names[] = {{"id", 2}, {"na\"me", 5}};
    const struct result_rows_settings settings = {format, -1, inline_bytes, object_bytes};
    result_rows_clear(&fixture->rows);
    result_rows_init(&fixture->rows, &settings);
    result_rows_set_columns(&fixture->rows, fixture->arena, names, 2);
}

static void add(struct fixture *fixture, struct redshift_data_field a, struct redshift_data_field b)
{
    const struct redshift_data_field fields[] = {a, b};
    result_rows_add(&fixture->rows, fields);
}

/* So many rows [i, "x"], as far as they are wanted. */
static void add_many(struct fixture *fixture, int64_t count)
{
    for (int64_t i = 0; i < count && result_rows_wanted(&fixture->rows); i++) {
        add(fixture, number(i), text("x"));
    }
}

static void assert_inline(struct fixture *fixture, int64_t total, const char *expected)
{
    const struct slice told = result_rows_inline(fixture->arena, &fixture->rows, total, "");
    assert_string_equal(arena_text(fixture->arena, told), expected);
}

static void assert_object(struct fixture *fixture, const char *expected)
{
    const struct slice object = buffer_slice(&fixture->rows.object.bytes);
    assert_string_equal(arena_text(fixture->arena, object), expected);
}

static struct json parsed(struct fixture *fixture, struct slice json)
{
    struct json root;
    assert_int_equal(json_parse(fixture->arena, json, &root, NULL), STATUS_OK);
    return root;
}

/* ---- Success ---- */

static void json_has_columns_and_typed_rows(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_JSON, PLENTY, PLENTY);
    add(fixture, number(1), text("a \"b\" \xc3\xa9\n"));
    add(fixture, (struct redshift_data_field){.kind = REDSHIFT_DATA_BOOL, .flag = true},
        (struct redshift_data_field){.kind = REDSHIFT_DATA_DOUBLE, .real = 0.1});
    const struct redshift_data_field null = {.kind = REDSHIFT_DATA_NULL};
    const struct redshift_data_field blob = {.kind = REDSHIFT_DATA_BLOB, .text = SLICE("AAE=")};
    add(fixture, null, blob);
    assert_inline(fixture, 3,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"na\\\"me\"],\"rows\":["
                  "[1,\"a \\\"b\\\" \xc3\xa9\\n\"],[true,0.1],[null,\"AAE=\"]],"
                  "\"totalRows\":3,\"truncated\":false}");
    assert_object(fixture, "{\"id\":1,\"na\\\"me\":\"a \\\"b\\\" \xc3\xa9\\n\"}\n"
                           "{\"id\":true,\"na\\\"me\":0.1}\n"
                           "{\"id\":null,\"na\\\"me\":\"AAE=\"}\n");
    assert_true(result_rows_fit_inline(&fixture->rows, 3));
}

static void csv_is_quoted_where_it_must_be(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_CSV, PLENTY, PLENTY);
    add(fixture, number(1), text("a,\"b\""));
    add(fixture, (struct redshift_data_field){.kind = REDSHIFT_DATA_BOOL, .flag = false},
        text("two\r\nlines"));
    add(fixture, (struct redshift_data_field){.kind = REDSHIFT_DATA_NULL}, text(""));
    add(fixture, (struct redshift_data_field){.kind = REDSHIFT_DATA_DOUBLE, .real = 2.5},
        text("\xe2\x82\xac"));
    assert_object(fixture, "id,\"na\"\"me\"\r\n1,\"a,\"\"b\"\"\"\r\nfalse,\"two\r\nlines\"\r\n"
                           ",\"\"\r\n2.5,\xe2\x82\xac\r\n");
    struct json told = parsed(fixture, result_rows_inline(fixture->arena, &fixture->rows, 4, ""));
    struct slice csv = SLICE_NONE;
    assert_int_equal(json_get_text(told, "text", 0, &csv, NULL), STATUS_OK);
    assert_true(slice_equals(csv, buffer_slice(&fixture->rows.object.bytes)));
}

static void no_digit_is_lost(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_JSON, PLENTY, PLENTY);
    add(fixture, number(INT64_MAX), number(INT64_MIN));
    add(fixture, number(9007199254740992), number(9007199254740993));
    assert_inline(fixture, 2,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"na\\\"me\"],\"rows\":["
                  "[\"9223372036854775807\",\"-9223372036854775808\"],"
                  "[9007199254740992,\"9007199254740993\"]],\"totalRows\":2,\"truncated\":false}");
    assert_object(fixture, "{\"id\":9223372036854775807,\"na\\\"me\":-9223372036854775808}\n"
                           "{\"id\":9007199254740992,\"na\\\"me\":9007199254740993}\n");
}

static void no_rows_are_no_truncation(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_JSON, PLENTY, 0);
    assert_inline(fixture, 0,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"na\\\"me\"],\"rows\":[],"
                  "\"totalRows\":0,\"truncated\":false}");
    begin(fixture, PLAN_FORMAT_CSV, PLENTY, 0);
    assert_inline(fixture, 0,
                  "{\"format\":\"csv\",\"text\":\"id,\\\"na\\\"\\\"me\\\"\\r\\n\",\"totalRows\":0,"
                  "\"truncated\":false}");
}

static void max_rows_truncates(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_JSON, PLENTY, PLENTY);
    fixture->rows.settings.max_rows = 2;
    add_many(fixture, 10);
    assert_false(result_rows_wanted(&fixture->rows));
    assert_true(result_rows_fit_inline(&fixture->rows, 10));
    assert_inline(fixture, 10,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"na\\\"me\"],\"rows\":[[0,\"x\"],"
                  "[1,\"x\"]],\"totalRows\":10,\"truncated\":true}");
    fixture->rows.settings.max_rows = 100;
    assert_false(result_rows_fit_inline(&fixture->rows, 10));
}

static void name_that_comes_twice_is_numbered_in_an_object(void **context)
{
    static const struct slice names[] = {{"id", 2}, {"id_2", 4}, {"id", 2}, {"", 0}, {"", 0}};
    const struct redshift_data_field fields[] = {number(1), number(2), number(3), number(4),
                                                 number(5)};
    const struct result_rows_settings settings = {PLAN_FORMAT_JSON, -1, PLENTY, PLENTY};
    struct fixture *fixture = *context;
    result_rows_init(&fixture->rows, &settings);
    result_rows_set_columns(&fixture->rows, fixture->arena, names, 5);
    result_rows_add(&fixture->rows, fields);
    assert_object(fixture, "{\"id\":1,\"id_2\":2,\"id_3\":3,\"\":4,\"_2\":5}\n");
    assert_inline(fixture, 1,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"id_2\",\"id\",\"\",\"\"],"
                  "\"rows\":[[1,2,3,4,5]],\"totalRows\":1,\"truncated\":false}");
}

static void pointer_names_the_object(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_CSV, 0, PLENTY);
    add_many(fixture, 3);
    const struct slice pointer =
        result_rows_pointer(fixture->arena, &fixture->rows, 3, SLICE("s3://bucket/x.csv"));
    assert_string_equal(arena_text(fixture->arena, pointer),
                        "{\"uri\":\"s3://bucket/x.csv\",\"format\":\"csv\",\"bytes\":28,"
                        "\"totalRows\":3,\"truncated\":false}");
}

static void fields_as_texts(void **context)
{
    struct fixture *fixture = *context;
    const struct redshift_data_field fields[] = {
        number(INT64_MAX),
        text("a,b"),
        {.kind = REDSHIFT_DATA_NULL},
        {.kind = REDSHIFT_DATA_BOOL, .flag = true},
        {.kind = REDSHIFT_DATA_DOUBLE, .real = 0.25},
    };
    static const char *const texts[] = {"9223372036854775807", "a,b", "", "true", "0.25"};
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        assert_true(
            slice_equals_text(result_rows_field_text(fixture->arena, &fields[i]), texts[i]));
    }
}

/* ---- Failure ---- */

/* At every size the document is whole JSON of whole rows, within its room, and says so. */
static void inline_never_passes_its_room(void **context)
{
    static const enum plan_result_format formats[] = {PLAN_FORMAT_JSON, PLAN_FORMAT_CSV};
    struct fixture *fixture = *context;
    int64_t most = 0;
    for (size_t room = 1; room < 800; room++) {
        begin(fixture, formats[room % 2], room, 0);
        while (result_rows_wanted(&fixture->rows)) {
            add(fixture, number(fixture->rows.seen), text("\"\\\n\x01"));
        }
        const struct slice told = result_rows_inline(fixture->arena, &fixture->rows, 1000, "");
        struct json root = parsed(fixture, told);
        bool truncated = false;
        assert_int_equal(json_find_bool(root, "truncated", &truncated, NULL), STATUS_OK);
        assert_true(truncated);
        assert_false(result_rows_fit_inline(&fixture->rows, 1000));
        assert_true(told.size <= room || fixture->rows.told.bytes.size == 0);
        assert_true(formats[room % 2] == PLAN_FORMAT_CSV ||
                    (int64_t)json_count(json_member(root, "rows")) == fixture->rows.told.count);
        most = fixture->rows.told.count > most ? fixture->rows.told.count : most;
        arena_reset(fixture->arena);
    }
    assert_in_range(most, 10, 100);
}

static void what_does_not_fit_inline_goes_on_in_the_object(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_JSON, 512, PLENTY);
    add_many(fixture, 1000);
    assert_false(result_rows_fit_inline(&fixture->rows, 1000));
    assert_int_equal(fixture->rows.object.count, 1000);
    assert_in_range(fixture->rows.told.count, 1, 100);
}

static void full_object_is_truncated(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_CSV, 0, 100);
    add_many(fixture, 1000);
    assert_false(result_rows_wanted(&fixture->rows));
    const struct slice object = buffer_slice(&fixture->rows.object.bytes);
    assert_in_range(object.size, 90, 100);
    assert_true(slice_ends_with(object, SLICE("\r\n")));
    const struct slice pointer =
        result_rows_pointer(fixture->arena, &fixture->rows, 1000, SLICE("s3://b"));
    assert_true(slice_ends_with(pointer, SLICE("\"totalRows\":1000,\"truncated\":true}")));
}

static void problem_is_named(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture, PLAN_FORMAT_JSON, PLENTY, 0);
    add_many(fixture, 1);
    const struct slice told =
        result_rows_inline(fixture->arena, &fixture->rows, 1, "AccessDeniedException");
    assert_true(slice_ends_with(
        told, SLICE("\"totalRows\":1,\"truncated\":true,\"error\":\"AccessDeniedException\"}")));
    assert_string_equal(arena_text(fixture->arena, result_rows_missing(fixture->arena, -1, "X")),
                        "{\"truncated\":true,\"error\":\"X\"}");
    assert_string_equal(arena_text(fixture->arena, result_rows_missing(fixture->arena, 7, "")),
                        "{\"totalRows\":7,\"truncated\":true}");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_has_columns_and_typed_rows),
        TEST(csv_is_quoted_where_it_must_be),
        TEST(no_digit_is_lost),
        TEST(no_rows_are_no_truncation),
        TEST(max_rows_truncates),
        TEST(name_that_comes_twice_is_numbered_in_an_object),
        TEST(pointer_names_the_object),
        TEST(fields_as_texts),
        TEST(inline_never_passes_its_room),
        TEST(what_does_not_fit_inline_goes_on_in_the_object),
        TEST(full_object_is_truncated),
        TEST(problem_is_named),
    };
    return cmocka_run_group_tests_name("result_rows", tests, NULL, NULL);
}
