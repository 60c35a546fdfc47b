/* What is told of a batch: which of its statements failed, and how many rows there were. */
#include "completer/batch.h"
#include "tests/support/cmocka.h"

#include <string.h>

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct plan plan;
    struct plan_step steps[2];
    struct redshift_data_sub_statement subs[16];
    struct redshift_data_description description;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(4u << 20)};
    fixture.steps[0].sql_count = 40;
    fixture.steps[1].sql_count = 3;
    fixture.plan.steps = fixture.steps;
    fixture.plan.step_count = 2;
    fixture.description.subs = fixture.subs;
    fixture.description.error = SLICE("the batch failed");
    fixture.description.result_rows = -1;
    for (size_t i = 0; i < ARRAY_COUNT(fixture.subs); i++) {
        fixture.subs[i].status = REDSHIFT_DATA_FINISHED;
        fixture.subs[i].result_rows = (int64_t)i;
    }
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static void fails(struct fixture *fixture, size_t index, const char *error)
{
    fixture->subs[index].status = REDSHIFT_DATA_FAILED;
    fixture->subs[index].error = slice_from_text(error);
}

static void assert_error(struct fixture *fixture, unsigned step, const char *expected)
{
    const struct slice text =
        batch_error(fixture->arena, &fixture->plan, step, &fixture->description);
    assert_string_equal(arena_text(fixture->arena, text), expected);
}

/* ---- Success ---- */

static void a_single_statement_has_its_own_text(void **context)
{
    struct fixture *fixture = *context;
    assert_error(fixture, 1, "the batch failed");
}

static void the_failed_statement_has_a_number(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.sub_count = 3;
    fails(fixture, 1, "ERROR: no such table");
    assert_error(fixture, 1, "statement 2: ERROR: no such table");
}

static void numbers_count_through_the_steps(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.sub_count = 3;
    fails(fixture, 0, "one");
    fails(fixture, 2, "three");
    assert_error(fixture, 2, "statement 41: one\nstatement 43: three");
}

static void many_are_counted(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.sub_count = 13;
    for (size_t i = 0; i < 13; i++) {
        fails(fixture, i, "no");
    }
    assert_error(fixture, 1,
                 "statement 1: no\nstatement 2: no\nstatement 3: no\nstatement 4: no\n"
                 "statement 5: no\nstatement 6: no\nstatement 7: no\nstatement 8: no\n"
                 "statement 9: no\nstatement 10: no\nand 3 more");
}

static void long_texts_are_cut(void **context)
{
    struct fixture *fixture = *context;
    char *text = arena_alloc(fixture->arena, 100001);
    memset(text, 'x', 100000);
    fixture->description.sub_count = 2;
    fails(fixture, 0, text);
    fails(fixture, 1, "short");
    const struct slice told = batch_error(fixture->arena, &fixture->plan, 1, &fixture->description);
    assert_true(slice_starts_with(told, SLICE("statement 1: xxx")));
    assert_true(slice_ends_with(told, SLICE("\nand 1 more")));
    assert_true(told.size < 4 * INVOCATION_ERROR_TEXT_MAX_BYTES);
}

static void rows_of_a_statement_are_its_own(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.result_rows = 7;
    assert_int_equal(batch_rows(&fixture->description), 7);
}

static void rows_of_a_batch_are_those_of_its_last_result(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.sub_count = 4;
    fixture->subs[1].has_result_set = true;
    fixture->subs[2].has_result_set = true;
    assert_int_equal(batch_rows(&fixture->description), 2);
}

static void rows_of_a_batch_without_results_are_those_of_its_last(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.sub_count = 4;
    assert_int_equal(batch_rows(&fixture->description), 3);
}

/* ---- Failure ---- */

/* Nothing ran: only the batch itself says why. */
static void parts_that_say_nothing_leave_the_batchs_text(void **context)
{
    struct fixture *fixture = *context;
    fixture->description.sub_count = 3;
    fails(fixture, 0, "");
    fixture->subs[1].status = REDSHIFT_DATA_ABORTED;
    fixture->subs[1].error = SLICE("not executed");
    assert_error(fixture, 1, "the batch failed");
}

static void unknown_rows_stay_unknown(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(batch_rows(&fixture->description), -1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_single_statement_has_its_own_text),
        TEST(the_failed_statement_has_a_number),
        TEST(numbers_count_through_the_steps),
        TEST(many_are_counted),
        TEST(long_texts_are_cut),
        TEST(rows_of_a_statement_are_its_own),
        TEST(rows_of_a_batch_are_those_of_its_last_result),
        TEST(rows_of_a_batch_without_results_are_those_of_its_last),
        TEST(parts_that_say_nothing_leave_the_batchs_text),
        TEST(unknown_rows_stay_unknown),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
