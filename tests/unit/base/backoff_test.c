#include "tests/support/cmocka.h"

#include "infra/base/backoff.h"

/* --- success --- */

static void test_exponential_doubles_up_to_the_maximum(void **state)
{
    (void)state;
    assert_int_equal(backoff_exponential_ms(100, 1000, 0), 100);
    assert_int_equal(backoff_exponential_ms(100, 1000, 1), 200);
    assert_int_equal(backoff_exponential_ms(100, 1000, 3), 800);
    assert_int_equal(backoff_exponential_ms(100, 1000, 4), 1000);
    assert_int_equal(backoff_exponential_ms(100, 1000, 4000000000U), 1000);
    assert_true(backoff_exponential_ms(1, INT64_MAX, 61) == INT64_C(1) << 61);
    assert_true(backoff_exponential_ms(3, INT64_MAX, 61) <= INT64_MAX);
    assert_int_equal(backoff_exponential_ms(0, 1000, 5), 0);
    assert_int_equal(backoff_exponential_ms(2000, 1000, 0), 1000);
}

static void test_full_jitter_covers_zero_to_the_ceiling(void **state)
{
    (void)state;
    assert_int_equal(backoff_full_jitter_ms(50, 20000, 0, 0.0), 0);
    assert_int_equal(backoff_full_jitter_ms(50, 20000, 2, 0.5), 100);
    assert_int_equal(backoff_full_jitter_ms(50, 20000, 30, 0.5), 10000);
    assert_in_range(backoff_full_jitter_ms(50, 20000, 30, 0.999999), 19000, 19999);
}

static void test_decorrelated_spreads_from_the_base_to_thrice_the_last(void **state)
{
    (void)state;
    assert_int_equal(backoff_decorrelated_ms(100, 10000, 0, 0.0), 100);
    assert_int_equal(backoff_decorrelated_ms(100, 10000, 0, 0.5), 200);
    assert_int_equal(backoff_decorrelated_ms(100, 10000, 1000, 0.0), 100);
    assert_int_equal(backoff_decorrelated_ms(100, 10000, 1000, 0.5), 1550);
    assert_int_equal(backoff_decorrelated_ms(100, 10000, 9000, 0.9), 10000);
    assert_int_equal(backoff_decorrelated_ms(100, 10000, INT64_MAX, 0.9), 10000);
}

/* --- failure --- */

static void test_a_wait_never_passes_its_maximum(void **state)
{
    (void)state;
    for (unsigned attempt = 0; attempt < 200; attempt++) {
        for (int tenth = 0; tenth < 10; tenth++) {
            double unit = tenth / 10.0;

            assert_in_range(backoff_full_jitter_ms(7, 5000, attempt, unit), 0, 5000);
            assert_in_range(backoff_decorrelated_ms(7, 5000, INT64_C(50) * attempt, unit), 7, 5000);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exponential_doubles_up_to_the_maximum),
        cmocka_unit_test(test_full_jitter_covers_zero_to_the_ceiling),
        cmocka_unit_test(test_decorrelated_spreads_from_the_base_to_thrice_the_last),
        cmocka_unit_test(test_a_wait_never_passes_its_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
