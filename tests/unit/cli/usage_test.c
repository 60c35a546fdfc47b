#include "tests/support/cmocka.h"

#include "infra/cli/usage.h"

static const char text[] = "run SQL [FLAGS]\n"
                           "\n"
                           "Submits a statement.\n"
                           "  --listen HOST:PORT       where it serves\n"
                           "                           (a default)\n"
                           "  --json\n"
                           "  --all  print all";

static void assert_line(struct slice *rest, enum usage_kind kind, const char *flag,
                        const char *expected)
{
    struct usage_line line;
    assert_true(usage_next(rest, &line));
    assert_int_equal(line.kind, kind);
    assert_true(slice_equals_text(line.flag, flag));
    assert_true(slice_equals_text(line.text, expected));
}

static void test_each_line_is_told_by_its_form(void **state)
{
    struct slice rest = slice_from_text(text);
    struct usage_line line;
    (void)state;
    assert_line(&rest, USAGE_PROSE, "", "run SQL [FLAGS]");
    assert_line(&rest, USAGE_BREAK, "", "");
    assert_line(&rest, USAGE_PROSE, "", "Submits a statement.");
    assert_line(&rest, USAGE_FLAG, "--listen HOST:PORT", "where it serves");
    assert_line(&rest, USAGE_MORE, "", "(a default)");
    assert_line(&rest, USAGE_FLAG, "--json", "");
    assert_line(&rest, USAGE_FLAG, "--all", "print all");
    assert_false(usage_next(&rest, &line));
}

static void test_a_flags_name_is_without_its_value(void **state)
{
    (void)state;
    assert_true(slice_equals_text(usage_flag_name(SLICE("--listen HOST:PORT")), "--listen"));
    assert_true(slice_equals_text(usage_flag_name(SLICE("--json")), "--json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_line_is_told_by_its_form),
        cmocka_unit_test(test_a_flags_name_is_without_its_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
