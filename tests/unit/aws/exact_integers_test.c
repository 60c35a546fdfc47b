/* Integers that no double holds. */
#include "tests/support/cmocka.h"

#include "infra/aws/exact_integers.h"
#include "infra/base/compiler.h"

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(1u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static void assert_becomes(struct arena *arena, const char *json, const char *should)
{
    const struct slice is = exact_integers(arena, slice_from_text(json));
    if (!slice_equals_text(is, should)) {
        fail_msg("%s becomes %.*s and should become %s", json, SLICE_PRINT(is), should);
    }
}

/* Success. */

static void only_what_would_be_rounded_is_quoted(void **state)
{
    static const char *const cases[][2] = {
        {"9007199254740993", "\"9007199254740993\""},
        {"[-9223372036854775808,1]", "[\"-9223372036854775808\",1]"},
        {"{\"a\":9223372036854775807}", "{\"a\":\"9223372036854775807\"}"},
        {"[9007199254740993, 9007199254740995 ]", "[\"9007199254740993\", \"9007199254740995\" ]"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_becomes(*state, cases[i][0], cases[i][1]);
    }
}

static void everything_else_is_the_same_memory(void **state)
{
    static const char *const same[] = {
        "9007199254740992",
        "-9007199254740992",
        "12345678901234567.5",
        "1234567890123456789e2",
        "\"9007199254740993\"",
        "\"\\\"9007199254740993\"",
        "\"\\\\\",1",
        "{\"9007199254740993\":true}",
        "99999999999999999999999",
    };
    for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
        const struct slice json = slice_from_text(same[i]);
        const struct slice is = exact_integers(*state, json);
        if (is.data != json.data || is.size != json.size) {
            fail_msg("%s becomes %.*s", same[i], SLICE_PRINT(is));
        }
    }
}

/* Failure. */

static void what_is_no_json_does_no_harm(void **state)
{
    static const char *const broken[] = {
        "", "\"", "\"\\", "-", "\"9007199254740993", "----------------"};
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        assert_becomes(*state, broken[i], broken[i]);
    }
    assert_int_equal(exact_integers(*state, SLICE_NONE).size, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_what_would_be_rounded_is_quoted),
        TEST(everything_else_is_the_same_memory),
        TEST(what_is_no_json_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
