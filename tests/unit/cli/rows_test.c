#include "tests/support/cmocka.h"

#include "infra/cli/rows.h"

/* --- fixture ---------------------------------------------------------------------------------- */

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

/* --- helpers ---------------------------------------------------------------------------------- */

static void assert_kept(struct arena *arena, const char *page, const char *expected)
{
    const struct slice kept = rows_keep_digits(arena, slice_from_text(page));
    assert_string_equal(expected, arena_text(arena, kept));
}

/* --- success ---------------------------------------------------------------------------------- */

static void no_digit_of_a_number_is_lost(void **state)
{
    assert_kept(*state,
                "{\"Records\":[[{\"longValue\":9223372036854775807},{\"longValue\" : -1}],"
                "[{\"doubleValue\":1.5E-7},{\"isNull\":true}]],\"TotalNumRows\":2}",
                "{\"Records\":[[{\"longValue\":\"9223372036854775807\"},{\"longValue\" : \"-1\"}],"
                "[{\"doubleValue\":\"1.5E-7\"},{\"isNull\":true}]],\"TotalNumRows\":2}");
}

static void texts_that_look_alike_are_left_alone(void **state)
{
    const char *page = "[{\"stringValue\":\"\\\"longValue\\\":1\"},{\"stringValue\":\"longValue\"},"
                       "1,{\"stringValue\":\"\\\\\"},2]";
    assert_kept(*state, page, page);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void what_is_cut_off_stays_as_it_is(void **state)
{
    assert_kept(*state, "", "");
    assert_kept(*state, "{\"longValue", "{\"longValue");
    assert_kept(*state, "{\"longValue\":", "{\"longValue\":");
    assert_kept(*state, "{\"a\\", "{\"a\\");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(no_digit_of_a_number_is_lost),
        TEST(texts_that_look_alike_are_left_alone),
        TEST(what_is_cut_off_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
