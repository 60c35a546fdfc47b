#include "tests/support/cmocka.h"

#include "infra/base/slice.h"

#include <string.h>

/* --- helpers --- */

#define EURO "\xE2\x82\xAC"

static void assert_slice(struct slice slice, const char *text)
{
    assert_int_equal(slice.size, strlen(text));
    assert_memory_equal(slice.data, text, slice.size);
}

static int64_t number(const char *text)
{
    int64_t value = 0;

    assert_int_equal(slice_to_int64(slice_from_text(text), INT64_MIN, INT64_MAX, &value, NULL),
                     STATUS_OK);
    return value;
}

/* --- success --- */

static void test_absent_and_empty_differ(void **state)
{
    (void)state;
    assert_null(slice_from_text(NULL).data);
    assert_non_null(slice_from_text("").data);
    assert_null(slice_part(SLICE_NONE, 1, 2).data);
    assert_non_null(slice_part(SLICE("abc"), 9, 2).data);
    assert_true(slice_equals(SLICE_NONE, SLICE("")));
}

static void test_comparing(void **state)
{
    (void)state;
    assert_true(slice_equals_text(SLICE("abc"), "abc"));
    assert_false(slice_equals_text(SLICE("abc"), "abcd"));
    assert_false(slice_equals(SLICE("abc"), SLICE("abd")));
    assert_true(slice_equals_ignore_case(SLICE("Content-Type"), SLICE("cONTENT-tYPE")));
    assert_false(slice_equals_ignore_case(SLICE("a"), SLICE("ab")));
    assert_false(slice_equals_ignore_case(SLICE("@"), SLICE("`")));
    assert_true(slice_starts_with(SLICE("ringback/x"), SLICE("ringback/")));
    assert_false(slice_starts_with(SLICE("ring"), SLICE("ringback/")));
    assert_true(slice_ends_with(SLICE("a.csv"), SLICE(".csv")));
    assert_false(slice_ends_with(SLICE("csv"), SLICE(".csv")));
}

static void test_finding(void **state)
{
    (void)state;
    assert_int_equal(slice_find(SLICE("abcabd"), SLICE("abd")), 3);
    assert_int_equal(slice_find(SLICE("abc"), SLICE("x")), 3);
    assert_int_equal(slice_find(SLICE("abc"), SLICE("abcd")), 3);
    assert_int_equal(slice_find(SLICE("abc"), SLICE("")), 0);
    assert_int_equal(slice_find_byte(SLICE("a=b=c"), '='), 1);
    assert_int_equal(slice_find_byte(SLICE("abc"), '='), 3);
    assert_int_equal(slice_find_byte(SLICE_NONE, '='), 0);
}

static void test_parts_are_clamped(void **state)
{
    (void)state;
    assert_slice(slice_part(SLICE("abcdef"), 2, 3), "cde");
    assert_slice(slice_part(SLICE("abcdef"), 4, SIZE_MAX), "ef");
    assert_slice(slice_part(SLICE("abcdef"), SIZE_MAX, SIZE_MAX), "");
    assert_slice(slice_trim(SLICE(" \t\r\n a b \v\f")), "a b");
    assert_slice(slice_trim(SLICE("  ")), "");
}

static void test_cutting_keeps_characters_whole(void **state)
{
    (void)state;
    assert_slice(slice_cut_utf8(SLICE("abc"), 2), "ab");
    assert_slice(slice_cut_utf8(SLICE("abc"), 3), "abc");
    assert_slice(slice_cut_utf8(SLICE("a" EURO "b"), 1), "a");
    assert_slice(slice_cut_utf8(SLICE("a" EURO "b"), 2), "a");
    assert_slice(slice_cut_utf8(SLICE("a" EURO "b"), 3), "a");
    assert_slice(slice_cut_utf8(SLICE("a" EURO "b"), 4), "a" EURO);
    assert_slice(slice_cut_utf8(SLICE("\xF0\x9F\x98\x80"), 3), "");
    assert_slice(slice_cut_utf8(SLICE("\xF0\x9F\x98\x80"), 4), "\xF0\x9F\x98\x80");
    assert_slice(slice_cut_utf8(SLICE(""), 4), "");
}

static void test_utf8_is_known_at_any_place(void **state)
{
    char text[32];

    (void)state;
    for (size_t at = 0; at < 16; at++) {
        memset(text, 'a', sizeof(text));
        text[at] = EURO[0];
        text[at + 1] = EURO[1];
        text[at + 2] = EURO[2];
        assert_true(slice_is_utf8((struct slice){text, 24}));
        text[at + 1] = 'a';
        assert_false(slice_is_utf8((struct slice){text, 24}));
    }
}

static void test_integers(void **state)
{
    (void)state;
    assert_int_equal(number("0"), 0);
    assert_int_equal(number("-7"), -7);
    assert_int_equal(number("007"), 7);
    assert_true(number("9223372036854775807") == INT64_MAX);
    assert_true(number("-9223372036854775808") == INT64_MIN);
}

/* --- failure --- */

static void test_what_is_not_utf8(void **state)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xE2\x82",
                                      "\xC3",
                                      "\xC3(",
                                      "\xE2(\xAC",
                                      "\xF0\x9F\x98("};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_false(slice_is_utf8(slice_from_text(bad[i])));
    }
}

static void test_what_is_no_integer(void **state)
{
    static const char *const bad[] = {"",
                                      "-",
                                      "+1",
                                      " 1",
                                      "1 ",
                                      "1.0",
                                      "0x1",
                                      "a",
                                      "--1",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "99999999999999999999"};
    int64_t value = 42;
    struct error error = ERROR_NONE;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(slice_to_int64(slice_from_text(bad[i]), 1, 64, &value, &error),
                         STATUS_REJECTED);
        assert_string_equal(error.text, "must be an integer between 1 and 64");
    }
    assert_int_equal(slice_to_int64(SLICE_NONE, 1, 64, &value, NULL), STATUS_REJECTED);
    assert_int_equal(value, 42);
}

static void test_integers_out_of_range_say_the_range(void **state)
{
    int64_t value = 42;
    struct error error = ERROR_NONE;

    (void)state;
    assert_int_equal(slice_to_int64(SLICE("65"), 1, 64, &value, &error), STATUS_REJECTED);
    assert_string_equal(error.text, "must be between 1 and 64, got 65");
    assert_int_equal(slice_to_int64(SLICE("0"), 1, 64, &value, &error), STATUS_REJECTED);
    assert_int_equal(value, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_absent_and_empty_differ),
        cmocka_unit_test(test_comparing),
        cmocka_unit_test(test_finding),
        cmocka_unit_test(test_parts_are_clamped),
        cmocka_unit_test(test_cutting_keeps_characters_whole),
        cmocka_unit_test(test_utf8_is_known_at_any_place),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_what_is_not_utf8),
        cmocka_unit_test(test_what_is_no_integer),
        cmocka_unit_test(test_integers_out_of_range_say_the_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
