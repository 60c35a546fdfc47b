#include "tests/support/cmocka.h"

#include "infra/cli/flags.h"

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    const char *listen;
    bool json;
    const char *sqls[2];
    size_t sql_count;
    char *arguments[8];
    int count;
    struct error error;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.listen = "default"};
    *state = &fixture;
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void add(struct fixture *f, char *argument)
{
    f->arguments[f->count++] = argument;
}

static enum status parse(struct fixture *f)
{
    const struct flag flags[] = {
        {.name = "listen", .value = &f->listen},
        {.name = "json", .given = &f->json},
        {.name = "sql", .value = f->sqls, .times = &f->sql_count, .max = ARRAY_COUNT(f->sqls)}};
    return flags_parse(flags, ARRAY_COUNT(flags), &f->count, f->arguments, &f->error);
}

/* --- success ---------------------------------------------------------------------------------- */

static void values_come_in_two_ways(void **state)
{
    struct fixture *f = *state;
    char name[] = "--listen";
    char value[] = "a:1";
    char both[] = "--listen=b:2";
    add(f, name);
    add(f, value);
    assert_int_equal(STATUS_OK, parse(f));
    assert_string_equal("a:1", f->listen);
    f->count = 0;
    add(f, both);
    assert_int_equal(STATUS_OK, parse(f));
    assert_string_equal("b:2", f->listen);
}

static void what_is_no_flag_stays_in_order(void **state)
{
    struct fixture *f = *state;
    char first[] = "SELECT 1";
    char json[] = "--json";
    char second[] = "more";
    add(f, first);
    add(f, json);
    add(f, second);
    assert_int_equal(STATUS_OK, parse(f));
    assert_true(f->json);
    assert_int_equal(2, f->count);
    assert_ptr_equal(first, f->arguments[0]);
    assert_ptr_equal(second, f->arguments[1]);
    assert_string_equal("default", f->listen);
}

static void two_dashes_end_the_flags(void **state)
{
    struct fixture *f = *state;
    char dashes[] = "--";
    char json[] = "--json";
    add(f, dashes);
    add(f, json);
    assert_int_equal(STATUS_OK, parse(f));
    assert_false(f->json);
    assert_int_equal(1, f->count);
    assert_ptr_equal(json, f->arguments[0]);
}

static void a_flag_may_be_repeated(void **state)
{
    struct fixture *f = *state;
    char flag[] = "--sql";
    char first[] = "a";
    char second[] = "--sql=b";
    add(f, flag);
    add(f, first);
    add(f, second);
    assert_int_equal(STATUS_OK, parse(f));
    assert_int_equal(2, f->sql_count);
    assert_string_equal("a", f->sqls[0]);
    assert_string_equal("b", f->sqls[1]);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void an_unknown_flag_is_named(void **state)
{
    struct fixture *f = *state;
    char flag[] = "--lis=1";
    add(f, flag);
    assert_int_equal(STATUS_REJECTED, parse(f));
    assert_string_equal("--lis: unknown flag", f->error.text);
}

static void a_missing_value_is_named(void **state)
{
    struct fixture *f = *state;
    char flag[] = "--listen";
    add(f, flag);
    assert_int_equal(STATUS_REJECTED, parse(f));
    assert_string_equal("--listen: needs a value", f->error.text);
}

static void a_switch_takes_no_value(void **state)
{
    struct fixture *f = *state;
    char flag[] = "--json=yes";
    add(f, flag);
    assert_int_equal(STATUS_REJECTED, parse(f));
    assert_string_equal("--json: takes no value", f->error.text);
}

static void a_flag_is_not_repeated_too_often(void **state)
{
    struct fixture *f = *state;
    char flag[] = "--sql=a";
    add(f, flag);
    add(f, flag);
    add(f, flag);
    assert_int_equal(STATUS_REJECTED, parse(f));
    assert_string_equal("--sql: at most 2 times", f->error.text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, setup)
    const struct CMUnitTest tests[] = {
        TEST(values_come_in_two_ways),  TEST(what_is_no_flag_stays_in_order),
        TEST(two_dashes_end_the_flags), TEST(an_unknown_flag_is_named),
        TEST(a_missing_value_is_named), TEST(a_switch_takes_no_value),
        TEST(a_flag_may_be_repeated),   TEST(a_flag_is_not_repeated_too_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
