#include "tests/support/cmocka.h"

#include "infra/base/metrics.h"

#include <pthread.h>
#include <string.h>

/* --- helpers --- */

static void *add_many(void *argument)
{
    (void)argument;
    for (int i = 0; i < 10000; i++) {
        metrics_add(METRIC_AWS_CALLS, 1);
    }
    return NULL;
}

static size_t count_lines(const char *text, const char *start)
{
    size_t count = 0;

    for (; text != NULL && *text != '\0'; text = strchr(text, '\n') + 1) {
        count += strncmp(text, start, strlen(start)) == 0;
    }
    return count;
}

/* --- success --- */

static void test_counters_add_up_across_threads(void **state)
{
    pthread_t threads[4];
    uint64_t before = metrics_value(METRIC_AWS_CALLS);

    (void)state;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(metrics_value(METRIC_AWS_CALLS) - before, 40000);
}

static void test_the_text_is_prometheus_text(void **state)
{
    CLEANUP(buffer_clear) struct buffer out;

    (void)state;
    buffer_init(&out, 1 << 20);
    metrics_add(METRIC_SWEEP_CLAIMED, 12);
    metrics_print(&out);
    assert_non_null(strstr(out.data, "# HELP ringback_sweep_claimed_total Records claimed by the "
                                     "sweep\n# TYPE ringback_sweep_claimed_total counter\n"
                                     "ringback_sweep_claimed_total 12\n"));
    assert_int_equal(count_lines(out.data, "# HELP ringback_"), METRIC_COUNT);
    assert_int_equal(count_lines(out.data, "# TYPE ringback_"), METRIC_COUNT);
    assert_int_equal(count_lines(out.data, "ringback_"), METRIC_COUNT);
}

/* --- failure --- */

static void test_no_room_is_told(void **state)
{
    CLEANUP(buffer_clear) struct buffer out;

    (void)state;
    buffer_init(&out, 100);
    metrics_print(&out);
    assert_true(out.overflowed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters_add_up_across_threads),
        cmocka_unit_test(test_the_text_is_prometheus_text),
        cmocka_unit_test(test_no_room_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
