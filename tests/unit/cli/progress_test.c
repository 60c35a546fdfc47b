#include "tests/support/cmocka.h"

#include "infra/base/clock.h"
#include "infra/cli/progress.h"

#include <stdlib.h>
#include <string.h>

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct progress progress;
    char *text;
    size_t size;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    fixture.progress.out = open_memstream(&fixture.text, &fixture.size);
    fixture.progress.started_ms = clock_monotonic_ms(clock_system());
    assert_non_null(fixture.progress.out);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)fclose(f->progress.out);
    free(f->text);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void show(struct fixture *f, const char *name, int64_t step, int64_t step_count)
{
    const struct progress_point point = {slice_from_text(name), step, step_count};
    progress_show(&f->progress, &point);
}

static void assert_duration(int64_t duration_ms, const char *expected)
{
    char text[32];
    progress_format_ms(duration_ms, text);
    assert_string_equal(expected, text);
}

/* --- success ---------------------------------------------------------------------------------- */

static void a_duration_has_a_unit_that_fits(void **state)
{
    (void)state;
    assert_duration(0, "0 ms");
    assert_duration(999, "999 ms");
    assert_duration(1000, "1.0 s");
    assert_duration(59999, "59.9 s");
    assert_duration(3661000, "61 min 1 s");
}

static void without_a_terminal_a_change_is_a_line(void **state)
{
    struct fixture *f = *state;
    show(f, "running", 1, 2);
    show(f, "running", 1, 2);
    show(f, "running", 2, 2);
    show(f, "ended", 1, 1);
    progress_end(&f->progress);
    assert_string_equal("running, step 1 of 2\nrunning, step 2 of 2\nended\n", f->text);
}

static void on_a_terminal_one_line_is_redrawn(void **state)
{
    struct fixture *f = *state;
    f->progress.terminal = true;
    show(f, "running", 1, 1);
    show(f, "running", 1, 1);
    progress_end(&f->progress);
    assert_null(strchr(f->text, '\n'));
    assert_true(strncmp(f->text, "\r\033[Krunning, ", 13) == 0);
    assert_string_equal("\r\033[K", f->text + f->size - 4);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void nothing_is_taken_away_that_was_not_shown(void **state)
{
    struct fixture *f = *state;
    f->progress.terminal = true;
    progress_end(&f->progress);
    (void)fflush(f->progress.out);
    assert_int_equal(0, f->size);
}

static void quiet_shows_nothing(void **state)
{
    struct fixture *f = *state;
    struct progress quiet = {.out = NULL};
    const struct progress_point point = {SLICE("running"), 1, 1};
    progress_show(&quiet, &point);
    progress_end(&quiet);
    (void)fflush(f->progress.out);
    assert_int_equal(0, f->size);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_duration_has_a_unit_that_fits),
        TEST(without_a_terminal_a_change_is_a_line),
        TEST(on_a_terminal_one_line_is_redrawn),
        TEST(nothing_is_taken_away_that_was_not_shown),
        TEST(quiet_shows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
