#include "tests/support/cmocka.h"

#include "infra/base/clock.h"

#include <time.h>

/* --- success --- */

static void test_the_system_clock_tells_utc(void **state)
{
    int64_t before_ms = (int64_t)time(NULL) * 1000;
    int64_t now_ms = clock_now_ms(clock_system());

    (void)state;
    assert_true(now_ms >= before_ms - 1000 && now_ms < before_ms + 60000);
}

static void test_sleeping_takes_at_least_its_time(void **state)
{
    int64_t start_ms = clock_monotonic_ms(clock_system());

    (void)state;
    clock_sleep_ms(clock_system(), 20);
    assert_true(clock_monotonic_ms(clock_system()) - start_ms >= 20);
}

static void test_a_fake_moves_when_told_or_slept_on(void **state)
{
    struct clock_fake fake;

    (void)state;
    clock_fake_init(&fake, 5000);
    assert_int_equal(clock_now_ms(&fake.clock), 5000);
    clock_sleep_ms(&fake.clock, 250);
    clock_fake_advance(&fake, 1000);
    assert_int_equal(clock_now_ms(&fake.clock), 6250);
    assert_int_equal(clock_monotonic_ms(&fake.clock), 6250);
}

/* --- failure --- */

static void test_time_never_goes_back(void **state)
{
    struct clock_fake fake;

    (void)state;
    clock_fake_init(&fake, 5000);
    clock_sleep_ms(&fake.clock, -1);
    clock_sleep_ms(clock_system(), -1);
    clock_sleep_ms(clock_system(), 0);
    assert_int_equal(clock_monotonic_ms(&fake.clock), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_system_clock_tells_utc),
        cmocka_unit_test(test_sleeping_takes_at_least_its_time),
        cmocka_unit_test(test_a_fake_moves_when_told_or_slept_on),
        cmocka_unit_test(test_time_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
