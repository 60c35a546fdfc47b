#include "tests/support/cmocka.h"

#include "infra/runtime/pulse.h"

#include <stdlib.h>

#define LIMIT_MS 1000

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct clock_fake clock;
    struct pulse_board board;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    clock_fake_init(&fixture->clock, 1763640000000);
    pulse_board_init(&fixture->board, &fixture->clock.clock);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static bool stalled(struct fixture *fixture)
{
    struct pulse_stall stall;
    return pulse_stalled(&fixture->board, LIMIT_MS, &stall);
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_work_within_the_limit_is_no_hang(void **state)
{
    struct fixture *fixture = *state;
    struct pulse *pulse = pulse_join(&fixture->board, "events", 0);
    for (int i = 0; i < 5; i++) {
        pulse_work(pulse);
        clock_fake_advance(&fixture->clock, LIMIT_MS);
        assert_false(stalled(fixture));
    }
}

static void test_rest_may_last_for_ever(void **state)
{
    struct fixture *fixture = *state;
    struct pulse *joined = pulse_join(&fixture->board, "events", 0);
    struct pulse *rested = pulse_join(&fixture->board, "events", 1);
    pulse_work(rested);
    pulse_rest(rested);
    clock_fake_advance(&fixture->clock, 1000 * LIMIT_MS);
    assert_false(stalled(fixture));
    assert_ptr_not_equal(joined, rested);
}

static void test_a_wait_has_its_own_time(void **state)
{
    struct fixture *fixture = *state;
    struct pulse *pulse = pulse_join(&fixture->board, "sweep", 0);
    pulse_wait(pulse, 5000);
    clock_fake_advance(&fixture->clock, 5000 + LIMIT_MS);
    assert_false(stalled(fixture));
    clock_fake_advance(&fixture->clock, 1);
    assert_true(stalled(fixture));
}

static void test_without_a_board_nobody_watches(void **state)
{
    struct pulse *pulse = pulse_join(NULL, "events", 0);
    (void)state;
    assert_null(pulse);
    pulse_work(pulse);
    pulse_wait(pulse, 1);
    pulse_rest(pulse);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_the_one_most_overdue_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct pulse_stall stall;
    pulse_work(pulse_join(&fixture->board, "http", 0));
    pulse_wait(pulse_join(&fixture->board, "sweep", 0), 100000);
    clock_fake_advance(&fixture->clock, 7);
    pulse_work(pulse_join(&fixture->board, "events", 3));
    clock_fake_advance(&fixture->clock, LIMIT_MS + 1);
    assert_true(pulse_stalled(&fixture->board, LIMIT_MS, &stall));
    assert_string_equal(stall.name, "http");
    assert_int_equal(stall.number, 0);
    assert_int_equal(stall.overdue_ms, LIMIT_MS + 8);
}

static void test_one_that_goes_on_no_longer_hangs(void **state)
{
    struct fixture *fixture = *state;
    struct pulse *pulse = pulse_join(&fixture->board, "events", 0);
    pulse_work(pulse);
    clock_fake_advance(&fixture->clock, LIMIT_MS + 1);
    assert_true(stalled(fixture));
    pulse_work(pulse);
    assert_false(stalled(fixture));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_work_within_the_limit_is_no_hang, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rest_may_last_for_ever, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_wait_has_its_own_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_board_nobody_watches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_one_most_overdue_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_that_goes_on_no_longer_hangs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
