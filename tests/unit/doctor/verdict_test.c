/* Three values, and patterns with stars. */
#include "tests/support/cmocka.h"

#include "infra/base/compiler.h"
#include "infra/doctor/verdict.h"

#include <string.h>

static void unknown_stays_unknown_unless_it_cannot_matter(void **state)
{
    (void)state;
    assert_int_equal(verdict_all(VERDICT_UNKNOWN, VERDICT_YES), VERDICT_UNKNOWN);
    assert_int_equal(verdict_all(VERDICT_UNKNOWN, VERDICT_NO), VERDICT_NO);
    assert_int_equal(verdict_any(VERDICT_UNKNOWN, VERDICT_NO), VERDICT_UNKNOWN);
    assert_int_equal(verdict_any(VERDICT_UNKNOWN, VERDICT_YES), VERDICT_YES);
    assert_int_equal(verdict_not(VERDICT_UNKNOWN), VERDICT_UNKNOWN);
    assert_int_equal(verdict_not(VERDICT_NO), VERDICT_YES);
    assert_int_equal(verdict_not(VERDICT_YES), VERDICT_NO);
}

static void stars_stand_for_any_bytes(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool fits;
    } cases[] = {
        {"", "", true},          {"", "a", false},      {"*", "", true},
        {"*", "abc", true},      {"a*c", "abbc", true}, {"a*c", "abcd", false},
        {"*b*", "abc", true},    {"*b*", "acd", false}, {"a*b*c", "aXbYbc", true},
        {"*aab", "aaaab", true}, {"ab", "a", false},    {"a?c", "abc", true},
        {"a?c", "ac", false},    {"A*", "abc", false},  {"a\\*c", "a\\bc", true},
        {"**", "x", true},       {"a*", "ba", false},   {"*.fifo", "q.fifo", true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct glob_style style = {.question_mark = true};
        if (glob_fits(slice_from_text(cases[i].pattern), slice_from_text(cases[i].text), style) !=
            cases[i].fits) {
            fail_msg("%s on %s", cases[i].pattern, cases[i].text);
        }
    }
}

static void style_says_what_else_has_a_meaning(void **state)
{
    const struct glob_style escaped = {.backslash = true};
    const struct glob_style caseless = {.ignore_case = true};
    const struct glob_style plain = {0};
    (void)state;
    assert_true(glob_fits(SLICE("a\\*c"), SLICE("a*c"), escaped));
    assert_false(glob_fits(SLICE("a\\*c"), SLICE("abc"), escaped));
    assert_true(glob_fits(SLICE("a\\\\c"), SLICE("a\\c"), escaped));
    assert_true(glob_fits(SLICE("a\\"), SLICE("a\\"), escaped));
    assert_true(glob_fits(SLICE("SQS:send*"), SLICE("sqs:SendMessage"), caseless));
    assert_false(glob_fits(SLICE("a?c"), SLICE("abc"), plain));
    assert_true(glob_fits(SLICE("a?c"), SLICE("a?c"), plain));
}

/* What runs away where every star is tried at every place. */
static void no_pattern_runs_away(void **state)
{
    char text[20000];
    (void)state;
    memset(text, 'a', sizeof(text));
    assert_false(glob_fits(SLICE("*a*a*a*a*a*a*a*a*a*a*a*a*b"), (struct slice){text, sizeof(text)},
                           (struct glob_style){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_stays_unknown_unless_it_cannot_matter),
        cmocka_unit_test(stars_stand_for_any_bytes),
        cmocka_unit_test(style_says_what_else_has_a_meaning),
        cmocka_unit_test(no_pattern_runs_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
