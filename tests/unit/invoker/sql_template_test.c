/* Variables of scripts: where they are filled in, and that no value gets out of its place. */
#include "invoker/sql_template.h"
#include "tests/support/cmocka.h"

#include "infra/base/arena.h"
#include "infra/base/sql_lexer.h"

#include <string.h>

/* ---- Fixture ---- */

static struct buffer out;
static struct error error;

static int set_up(void **context)
{
    (void)context;
    buffer_init(&out, SQL_TEMPLATE_MAX_BYTES);
    return 0;
}

static int tear_down(void **context)
{
    (void)context;
    buffer_clear(&out);
    return 0;
}

/* ---- Helpers ---- */

static enum status fill(const char *script, const char *value)
{
    const struct sql_variable variables[] = {{SLICE("x"), slice_from_text(value)},
                                             {SLICE("job_run_date"), SLICE("2021-06-26")}};
    buffer_reset(&out);
    error = ERROR_NONE;
    return sql_template_fill(slice_from_text(script), variables, ARRAY_COUNT(variables), &out,
                             &error);
}

static void assert_filled(const char *script, const char *value, const char *expected)
{
    if (fill(script, value) != STATUS_OK) {
        fail_msg("%s: %s", script, error.text);
    }
    if (!slice_equals_text(buffer_slice(&out), expected)) {
        fail_msg("%s is not %s", out.data, expected);
    }
}

static void assert_refused(const char *script, const char *value, const char *text)
{
    if (fill(script, value) != STATUS_REJECTED) {
        fail_msg("%s with %s is not refused", script, value);
    }
    assert_string_equal(error.text, text);
}

static size_t statements(void)
{
    return sql_statement_count(buffer_slice(&out));
}

/* What people send who want more than a value. */
static const char *const attacks[] = {
    "'; drop table t; --",
    "\\'; drop table t; --",
    "\\\\'; drop table t; --",
    "\\",
    "'",
    "''",
    "\"; drop table t; --",
    "\"",
    "1; drop table t",
    "1 -- ",
    "1 /* ",
    "*/ drop table t; /*",
    "\n; drop table t; --",
    "$$; drop table t; $$",
    "$",
    "$x$",
    "{x}",
    "{job_run_date}",
    "a b",
    "f()",
    "a.",
    ".a",
    "1e",
    "--1",
    "-",
    "+1",
    "0x",
    "NaN,1",
    "a;b",
    ":name",
    "\xC3\xA4",
    "",
};

/* ---- Success ---- */

static void plain_values_stand_anywhere(void **context)
{
    (void)context;
    assert_filled("select {x}", "1", "select 1");
    assert_filled("select {x}", "-1.5e+3", "select -1.5e+3");
    assert_filled("select * from {x} t", "stage.Sales_2", "select * from stage.Sales_2 t");
    assert_filled("select * from stage_{x}_new", "2021", "select * from stage_2021_new");
    assert_filled("select * from {x}.{x}", "a", "select * from a.a");
    assert_filled("select '1'::{x}", "int", "select '1'::int");
    assert_filled("({x})", "1", "(1)");
}

static void strings_take_any_text(void **context)
{
    (void)context;
    assert_filled("where d = '{job_run_date}'", "", "where d = '2021-06-26'");
    assert_filled("'{x}'", "it's", "'it''s'");
    assert_filled("'a{x}b{x}'", "\\", "'a\\\\b\\\\'");
    assert_filled("'\\\\{x}'", "'", "'\\\\'''");
    assert_filled("'{x}'", "", "''");
    assert_filled("''''", "", "''''");
    assert_filled("'{x}'", "\xE2\x82\xAC; --", "'\xE2\x82\xAC; --'");
    assert_filled("E'{x}'", "\\n'", "E'\\\\n'''");
}

static void quoted_names_take_any_text(void **context)
{
    (void)context;
    assert_filled("select \"{x}\"", "a\"b\\'", "select \"a\"\"b\\'\"");
    assert_filled("\"{x}\".\"t\"", "S 1", "\"S 1\".\"t\"");
}

static void bodies_take_plain_values(void **context)
{
    (void)context;
    assert_filled("as $$ delete from t_{x}; $$", "5", "as $$ delete from t_5; $$");
    assert_filled("as $b$ where a = '{x}' $b$", "eu", "as $b$ where a = 'eu' $b$");
}

static void comments_stay_as_they_are(void **context)
{
    (void)context;
    assert_filled("-- {x}\nselect 1 /* {x} */", "\n; drop table t", "-- {x}\nselect 1 /* {x} */");
}

static void other_braces_stay_as_they_are(void **context)
{
    (void)context;
    static const char *const scripts[] = {
        "select '{\"a\": {\"b\": 1}}'",
        "select json_parse('{}')",
        "{ x }",
        "{",
        "}",
        "{x",
        "'{unknown}'",
        "{X}",
        "{1}",
        "{}",
        "'{{}}'",
        "select '[0-9]{2,3}'",
        "{job run date}",
        "'{",
        "{x",
        "\"{\"",
    };
    for (size_t i = 0; i < ARRAY_COUNT(scripts); i++) {
        assert_filled(scripts[i], "1", scripts[i]);
    }
    assert_filled("'{\"n\":{x}}'", "1", "'{\"n\":1}'");
    assert_filled("'{{x}}'", "1", "'{1}'");
}

static void a_value_is_not_filled_in_again(void **context)
{
    (void)context;
    assert_filled("'{x}'", "{job_run_date}", "'{job_run_date}'");
    assert_filled("'{x}'", "{x}", "'{x}'");
}

static void a_script_without_variables_is_kept(void **context)
{
    (void)context;
    buffer_reset(&out);
    assert_int_equal(sql_template_fill(SLICE("select '\\'{x}';"), NULL, 0, &out, &error),
                     STATUS_OK);
    assert_true(slice_equals_text(buffer_slice(&out), "select '\\'{x}';"));
}

static void a_minus_may_precede_what_is_not_negative(void **context)
{
    (void)context;
    assert_filled("select 5-{x}", "1", "select 5-1");
    assert_filled("select 5 - {x}", "-1", "select 5 - -1");
}

/* ---- Failure ---- */

static void no_attack_leaves_a_string(void **context)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(attacks); i++) {
        assert_int_equal(fill("select '{x}', 'b'; select 2", attacks[i]), STATUS_OK);
        assert_int_equal(statements(), 2);
        struct slice rest = buffer_slice(&out);
        (void)sql_next_solid(&rest);
        assert_int_equal(sql_next_solid(&rest).kind, SQL_STRING);
        assert_true(slice_equals_text(rest, ", 'b'; select 2"));
    }
}

static void no_attack_leaves_a_quoted_name(void **context)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(attacks); i++) {
        assert_int_equal(fill("select \"{x}\"; select 2", attacks[i]), STATUS_OK);
        assert_int_equal(statements(), 2);
    }
}

static void no_attack_stands_bare_or_in_a_body(void **context)
{
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(attacks); i++) {
        assert_refused("\nselect {x}", attacks[i],
                       "variables.x: must be a number or a plain name where it stands outside of "
                       "quotes, line 2");
        assert_refused("do $$ '{x}' $$", attacks[i],
                       "variables.x: must be a number or a plain name where it stands between "
                       "dollar quotes, line 1");
    }
}

static void a_negative_number_makes_no_comment(void **context)
{
    (void)context;
    assert_refused("select 5-{x}\n, 2", "-1",
                   "variables.x: must not be negative behind a minus, line 1");
    assert_refused("do $$ select 5-{x} $$", "-1",
                   "variables.x: must not be negative behind a minus, line 1");
}

static void a_backslash_does_not_eat_the_escape(void **context)
{
    (void)context;
    assert_refused("select '\\{x}'", "'; drop table t; --",
                   "variables.x: must not stand behind a backslash, line 1");
    assert_refused("select 1;\nselect 'a\\\\\\{x}'", "n",
                   "variables.x: must not stand behind a backslash, line 2");
}

static void a_value_makes_no_dollar_quote(void **context)
{
    (void)context;
    static const char rule[] =
        "variables.x: would change where a string, a comment or a statement ends, line 1";
    assert_refused("select ${x}$ ; '$a$'", "a", rule);
    assert_refused("select $a{x}b$ ; $acb$", "c", rule);
    assert_refused("select {x}$$ ; $$", "a", rule);
    assert_refused("do $a$ ${x}$ ; $a$", "a", rule);
    assert_refused("do $ab$ $a{x}$ ; $ab$", "b", rule);
}

static void names_of_variables_have_a_rule(void **context)
{
    (void)context;
    static const char *const names[] = {"", "1a", "a-b", "a b", "\xC3\xA4", "{x}"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct sql_variable variable = {slice_from_text(names[i]), SLICE("1")};
        assert_int_equal(sql_template_fill(SLICE("{x}"), &variable, 1, &out, &error),
                         STATUS_REJECTED);
    }
    assert_string_equal(error.text, "variables: name 1 must be a letter or _, then letters, digits "
                                    "and _, at most 64 bytes");
}

static void a_value_holds_no_nul(void **context)
{
    (void)context;
    const struct sql_variable variable = {SLICE("x"), SLICE("a\0b")};
    assert_int_equal(sql_template_fill(SLICE("'{x}'"), &variable, 1, &out, &error),
                     STATUS_REJECTED);
    assert_string_equal(error.text, "variables.x: must not hold a NUL byte");
}

static void what_becomes_too_long_is_refused(void **context)
{
    (void)context;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(8u << 20);
    char *text = arena_alloc(arena, SQL_TEMPLATE_MAX_BYTES + 1);
    memset(text, 'a', SQL_TEMPLATE_MAX_BYTES + 1);
    const struct sql_variable variable = {SLICE("x"), {text, SQL_TEMPLATE_MAX_BYTES - 1}};
    assert_int_equal(sql_template_fill(SLICE("'{x}'"), &variable, 1, &out, &error),
                     STATUS_REJECTED);
    assert_int_equal(
        sql_template_fill((struct slice){text, SQL_TEMPLATE_MAX_BYTES + 1}, NULL, 0, &out, &error),
        STATUS_REJECTED);
    assert_string_equal(error.text, "script: must be at most 1048576 bytes, got 1048577");
}

static void too_many_variables_are_refused(void **context)
{
    (void)context;
    struct sql_variable variables[SQL_TEMPLATE_VARIABLES_MAX + 1];
    for (size_t i = 0; i < ARRAY_COUNT(variables); i++) {
        variables[i] = (struct sql_variable){SLICE("x"), SLICE("1")};
    }
    assert_int_equal(sql_template_fill(SLICE(""), variables, ARRAY_COUNT(variables), &out, &error),
                     STATUS_REJECTED);
    assert_string_equal(error.text, "variables: must be at most 100, got 101");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_values_stand_anywhere),
        cmocka_unit_test(strings_take_any_text),
        cmocka_unit_test(quoted_names_take_any_text),
        cmocka_unit_test(bodies_take_plain_values),
        cmocka_unit_test(comments_stay_as_they_are),
        cmocka_unit_test(other_braces_stay_as_they_are),
        cmocka_unit_test(a_value_is_not_filled_in_again),
        cmocka_unit_test(a_script_without_variables_is_kept),
        cmocka_unit_test(a_minus_may_precede_what_is_not_negative),
        cmocka_unit_test(no_attack_leaves_a_string),
        cmocka_unit_test(no_attack_leaves_a_quoted_name),
        cmocka_unit_test(no_attack_stands_bare_or_in_a_body),
        cmocka_unit_test(a_negative_number_makes_no_comment),
        cmocka_unit_test(a_backslash_does_not_eat_the_escape),
        cmocka_unit_test(a_value_makes_no_dollar_quote),
        cmocka_unit_test(names_of_variables_have_a_rule),
        cmocka_unit_test(a_value_holds_no_nul),
        cmocka_unit_test(what_becomes_too_long_is_refused),
        cmocka_unit_test(too_many_variables_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
