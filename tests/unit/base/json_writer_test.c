#include "tests/support/cmocka.h"

#include "infra/base/json_writer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- fixture --- */

struct fixture {
    struct buffer out;
    struct json_writer writer;
};

static int setup(void **state)
{
    static struct fixture fixture;

    buffer_init(&fixture.out, 10000);
    json_writer_init(&fixture.writer, &fixture.out);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    buffer_clear(&fixture->out);
    return 0;
}

/* --- helpers --- */

static const char *text_of(struct fixture *fixture, struct slice text)
{
    buffer_reset(&fixture->out);
    json_writer_init(&fixture->writer, &fixture->out);
    json_write_text(&fixture->writer, NULL, text);
    return fixture->out.data;
}

static const char *double_of(struct fixture *fixture, double value)
{
    buffer_reset(&fixture->out);
    json_writer_init(&fixture->writer, &fixture->out);
    json_write_double(&fixture->writer, NULL, value);
    return fixture->out.data;
}

/* --- success --- */

static void test_commas_stand_where_they_belong(void **state)
{
    struct fixture *fixture = *state;
    struct json_writer *writer = &fixture->writer;

    json_begin_object(writer, NULL);
    json_write_text(writer, "a", SLICE("x"));
    json_begin_array(writer, "b");
    json_write_int64(writer, NULL, 1);
    json_begin_object(writer, NULL);
    json_end_object(writer);
    json_begin_array(writer, NULL);
    json_end_array(writer);
    json_write_bool(writer, NULL, true);
    json_end_array(writer);
    json_write_null(writer, "c");
    json_write_raw(writer, "d", SLICE("{\"e\":[]}"));
    json_write_name(writer, SLICE("f\"g"));
    json_begin_object(writer, NULL);
    json_write_bool(writer, "h", false);
    json_write_text_if(writer, "i", SLICE_NONE);
    json_write_text_if(writer, "j", SLICE(""));
    json_end_object(writer);
    json_write_text(writer, "k", SLICE_NONE);
    json_end_object(writer);
    assert_string_equal(fixture->out.data,
                        "{\"a\":\"x\",\"b\":[1,{},[],true],\"c\":null,\"d\":{\"e\":[]},"
                        "\"f\\\"g\":{\"h\":false,\"j\":\"\"},\"k\":null}");
}

static void test_texts_are_escaped(void **state)
{
    assert_string_equal(text_of(*state, SLICE("a\"b\\c/\b\f\n\r\t")),
                        "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\"");
    assert_string_equal(text_of(*state, SLICE("\x01\x1F\x7F")), "\"\\u0001\\u001f\x7F\"");
    assert_string_equal(text_of(*state, SLICE("\0")), "\"\\u0000\"");
    assert_string_equal(text_of(*state, SLICE("\xE2\x82\xAC\xF0\x9F\x98\x80")),
                        "\"\xE2\x82\xAC\xF0\x9F\x98\x80\"");
    assert_string_equal(text_of(*state, SLICE("")), "\"\"");
}

static void test_doubles_are_short_and_exact(void **state)
{
    assert_string_equal(double_of(*state, 0), "0");
    assert_string_equal(double_of(*state, 3), "3");
    assert_string_equal(double_of(*state, -1.5), "-1.5");
    assert_string_equal(double_of(*state, 0.1), "0.1");
    assert_string_equal(double_of(*state, 0.1 + 0.2), "0.30000000000000004");
    assert_string_equal(double_of(*state, 9007199254740992.0), "9007199254740992");
    assert_string_equal(double_of(*state, 1e300), "1e+300");
    assert_true(strtod(double_of(*state, 5e-324), NULL) == 5e-324);
}

static void test_integers_are_whole(void **state)
{
    struct fixture *fixture = *state;

    json_begin_array(&fixture->writer, NULL);
    json_write_int64(&fixture->writer, NULL, INT64_MIN);
    json_write_int64(&fixture->writer, NULL, INT64_MAX);
    json_end_array(&fixture->writer);
    assert_string_equal(fixture->out.data, "[-9223372036854775808,9223372036854775807]");
}

/* --- failure --- */

static void test_bytes_that_are_no_utf8_are_replaced(void **state)
{
    assert_string_equal(text_of(*state, SLICE("a\xFF"
                                              "b\xC3")),
                        "\"a\xEF\xBF\xBD"
                        "b\xEF\xBF\xBD\"");
    assert_string_equal(text_of(*state, SLICE("\xED\xA0\x80")),
                        "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void test_what_is_no_number_is_null(void **state)
{
    assert_string_equal(double_of(*state, (double)NAN), "null");
    assert_string_equal(double_of(*state, (double)INFINITY), "null");
}

static void test_too_much_is_told_at_the_end(void **state)
{
    struct fixture *fixture = *state;

    fixture->out.max_bytes = 10;
    json_begin_array(&fixture->writer, NULL);
    json_write_text(&fixture->writer, NULL, SLICE("0123456789"));
    json_end_array(&fixture->writer);
    assert_true(fixture->out.overflowed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_commas_stand_where_they_belong),      TEST(test_texts_are_escaped),
        TEST(test_doubles_are_short_and_exact),         TEST(test_integers_are_whole),
        TEST(test_bytes_that_are_no_utf8_are_replaced), TEST(test_what_is_no_number_is_null),
        TEST(test_too_much_is_told_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
