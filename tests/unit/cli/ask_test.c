#include "tests/support/cmocka.h"

#include "infra/cli/ask.h"

#include <stdlib.h>
#include <string.h>

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct arena *arena;
    struct ask ask;
    struct slice body;
    struct error error;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(8u << 20)};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    arena_free(((struct fixture *)*state)->arena);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void add(struct fixture *f, const char *sql)
{
    f->ask.sqls[f->ask.sql_count++] = sql;
}

static enum status build(struct fixture *f)
{
    return ask_build(f->arena, &f->ask, &f->body, &f->error);
}

static void assert_built(struct fixture *f, const char *expected)
{
    assert_int_equal(STATUS_OK, build(f));
    assert_string_equal(expected, arena_text(f->arena, f->body));
}

/* --- success ---------------------------------------------------------------------------------- */

static void one_statement(void **state)
{
    struct fixture *f = *state;
    add(f, "select \"x\"\n");
    assert_built(f, "{\"sqlStatement\":\"select \\\"x\\\"\\n\"}");
}

static void several_statements(void **state)
{
    struct fixture *f = *state;
    add(f, "a");
    add(f, "b");
    assert_built(f, "{\"sqlStatements\":[\"a\",\"b\"]}");
}

static void a_mode_goes_with_a_list(void **state)
{
    struct fixture *f = *state;
    add(f, "a");
    f->ask.mode = "transaction";
    assert_built(f, "{\"sqlStatements\":[\"a\"],\"mode\":\"transaction\"}");
}

static void all_that_flags_can_say(void **state)
{
    struct fixture *f = *state;
    add(f, "a");
    f->ask.target = "reports";
    f->ask.request_key = "k";
    f->ask.timeout_seconds = "86400";
    assert_built(f, "{\"sqlStatement\":\"a\",\"target\":\"reports\",\"requestKey\":\"k\","
                    "\"timeoutSeconds\":86400}");
}

/* --- failure ---------------------------------------------------------------------------------- */

static void a_timeout_out_of_range_is_named(void **state)
{
    struct fixture *f = *state;
    add(f, "a");
    f->ask.timeout_seconds = "0";
    assert_int_equal(STATUS_REJECTED, build(f));
    assert_non_null(strstr(f->error.text, "--timeout: "));
}

static void a_timeout_that_is_no_number_is_named(void **state)
{
    struct fixture *f = *state;
    add(f, "a");
    f->ask.timeout_seconds = "1h";
    assert_int_equal(STATUS_REJECTED, build(f));
    assert_non_null(strstr(f->error.text, "--timeout: "));
}

static void more_than_a_request_may_hold_is_refused(void **state)
{
    struct fixture *f = *state;
    char *large = malloc((1u << 20) + 1);
    assert_non_null(large);
    memset(large, 'x', 1u << 20);
    large[1u << 20] = '\0';
    add(f, large);
    assert_int_equal(STATUS_REJECTED, build(f));
    free(large);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(one_statement),
        TEST(several_statements),
        TEST(a_mode_goes_with_a_list),
        TEST(all_that_flags_can_say),
        TEST(a_timeout_out_of_range_is_named),
        TEST(a_timeout_that_is_no_number_is_named),
        TEST(more_than_a_request_may_hold_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
