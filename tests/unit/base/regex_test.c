/* Users' regular expressions: what matches, what is refused, what is given up. */
#include "tests/support/cmocka.h"

#include "infra/base/arena.h"
#include "infra/base/regex.h"

#include <string.h>

/* --- fixture --- */

static int set_up(void **state)
{
    *state = arena_new(1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- helpers --- */

static enum regex_result matches(const char *pattern, const char *text)
{
    return regex_matches(slice_from_text(pattern), slice_from_text(text));
}

static void assert_refused(struct slice pattern, const char *text)
{
    struct error error = ERROR_NONE;
    assert_int_equal(regex_check(pattern, "retry.errorMatch", &error), STATUS_REJECTED);
    assert_string_equal(error.text, text);
}

static struct slice repeated(struct arena *arena, char letter, size_t size)
{
    char *text = arena_alloc(arena, size);
    memset(text, letter, size);
    return (struct slice){text, size};
}

/* --- success --- */

static void a_pattern_is_found_anywhere(void **state)
{
    (void)state;
    assert_int_equal(matches("1023", "ERROR: 1023 DETAIL: Serializable isolation"), REGEX_MATCH);
    assert_int_equal(matches("serializable", "ERROR: Serializable"), REGEX_NO_MATCH);
    assert_int_equal(matches("(?i)serializable", "ERROR: Serializable"), REGEX_MATCH);
    assert_int_equal(matches("^ERROR", "an ERROR"), REGEX_NO_MATCH);
    assert_int_equal(matches("(a)(b)(c)", "xabcx"), REGEX_MATCH);
}

static void the_empty_pattern_matches_everything(void **state)
{
    (void)state;
    assert_int_equal(regex_check(SLICE_NONE, "x", NULL), STATUS_OK);
    assert_int_equal(matches("", ""), REGEX_MATCH);
    assert_int_equal(regex_matches(SLICE_NONE, SLICE_NONE), REGEX_MATCH);
    assert_int_equal(matches("a", ""), REGEX_NO_MATCH);
}

static void characters_are_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(matches("^.$", "\xE2\x82\xAC"), REGEX_MATCH);
    assert_int_equal(matches("^\\p{L}+$", "\xC3\xA4\xC3\xB6"), REGEX_MATCH);
}

static void a_text_that_is_not_utf8_is_searched_where_it_is(void **state)
{
    (void)state;
    assert_int_equal(matches("1023", "\xFF\xFE 1023 \xC3"), REGEX_MATCH);
    assert_int_equal(matches("^.$", "\xFF"), REGEX_NO_MATCH);
}

static void a_pattern_may_be_as_long_as_the_limit(void **state)
{
    const struct slice pattern = repeated(*state, 'a', REGEX_PATTERN_MAX_BYTES);
    assert_int_equal(regex_check(pattern, "x", NULL), STATUS_OK);
    assert_int_equal(regex_matches(pattern, repeated(*state, 'a', 2000)), REGEX_MATCH);
}

static void an_ordinary_pattern_bears_a_long_text(void **state)
{
    const struct slice text = repeated(*state, 'a', 32768);
    assert_int_equal(regex_matches(SLICE("(?:a|b)+$"), text), REGEX_MATCH);
    assert_int_equal(regex_matches(SLICE(".*timeout.*"), text), REGEX_NO_MATCH);
}

/* --- failure --- */

static void a_broken_pattern_is_refused_with_its_place(void **state)
{
    (void)state;
    assert_refused(SLICE("a(b"), "retry.errorMatch: must be a regular expression of PCRE2: missing "
                                 "closing parenthesis at byte 3");
    assert_refused(SLICE("x*\\C"),
                   "retry.errorMatch: must be a regular expression of PCRE2: using \\C is disabled "
                   "by the application at byte 4");
    assert_int_equal(matches("a(b", "a(b"), REGEX_NO_MATCH);
}

static void a_pattern_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    assert_int_equal(regex_check(SLICE("\xFF"), "x", NULL), STATUS_REJECTED);
}

static void a_pattern_past_the_limit_is_refused(void **state)
{
    const struct slice pattern = repeated(*state, 'a', REGEX_PATTERN_MAX_BYTES + 1);
    assert_refused(pattern, "retry.errorMatch: must be at most 1024 bytes, got 1025");
    assert_int_equal(regex_matches(pattern, repeated(*state, 'a', 2000)), REGEX_NO_MATCH);
}

static void a_runaway_pattern_is_told_apart(void **state)
{
    struct slice text = repeated(*state, 'a', 5000);
    assert_int_equal(regex_check(SLICE("^(a+)+$"), "x", NULL), STATUS_OK);
    char *copy = arena_alloc(*state, text.size + 1);
    memcpy(copy, text.data, text.size);
    copy[text.size] = '!';
    text = (struct slice){copy, text.size + 1};
    assert_int_equal(regex_matches(SLICE("^(a+)+$"), text), REGEX_RUNAWAY);
    assert_int_equal(regex_matches(SLICE("^(?:a?){500}a{500}$"), text), REGEX_RUNAWAY);
    /* A pattern cannot lift the limits by itself. */
    assert_int_equal(regex_matches(SLICE("(*LIMIT_MATCH=4000000000)^(a+)+$"), text), REGEX_RUNAWAY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_found_anywhere),
        cmocka_unit_test(the_empty_pattern_matches_everything),
        cmocka_unit_test(characters_are_not_bytes),
        cmocka_unit_test(a_text_that_is_not_utf8_is_searched_where_it_is),
        cmocka_unit_test(a_pattern_may_be_as_long_as_the_limit),
        cmocka_unit_test(an_ordinary_pattern_bears_a_long_text),
        cmocka_unit_test(a_broken_pattern_is_refused_with_its_place),
        cmocka_unit_test(a_pattern_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_pattern_past_the_limit_is_refused),
        cmocka_unit_test(a_runaway_pattern_is_told_apart),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
