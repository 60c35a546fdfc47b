#include "tests/support/cmocka.h"

#include "infra/cli/consumer.h"

/* --- fixture ---------------------------------------------------------------------------------- */

/* None: the pauses are pure. What a consumer does is tested with the real programs. */

/* --- success ---------------------------------------------------------------------------------- */

static void a_message_comes_again_later_each_time(void **state)
{
    (void)state;
    assert_int_equal(consumer_again_seconds(5, 1), 5);
    assert_int_equal(consumer_again_seconds(5, 2), 10);
    assert_int_equal(consumer_again_seconds(5, 5), 80);
}

static void five_receipts_outlast_two_minutes(void **state)
{
    (void)state;
    int64_t total = 0;
    for (int64_t receipts = 1; receipts <= 5; receipts++) {
        total += consumer_again_seconds(5, receipts);
    }
    assert_true(total > 120);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void a_pause_is_never_longer_than_a_quarter_of_an_hour(void **state)
{
    (void)state;
    assert_int_equal(consumer_again_seconds(5, 9), 900);
    assert_int_equal(consumer_again_seconds(5, INT64_MAX), 900);
}

static void a_count_that_is_not_told_is_the_first(void **state)
{
    (void)state;
    assert_int_equal(consumer_again_seconds(2, 0), 2);
    assert_int_equal(consumer_again_seconds(2, -7), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_again_later_each_time),
        cmocka_unit_test(five_receipts_outlast_two_minutes),
        cmocka_unit_test(a_pause_is_never_longer_than_a_quarter_of_an_hour),
        cmocka_unit_test(a_count_that_is_not_told_is_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
