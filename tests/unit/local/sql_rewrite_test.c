/* Redshift's spelling in the engines' words. */
#include "tests/support/cmocka.h"

#include "infra/local/sql_rewrite.h"

#include <string.h>

/* Helpers */

static const struct engine_parameter values[] = {
    {{"a", 1}, {"1", 1}},
    {{"long_name2", 10}, {"2", 1}},
};

static void assert_rewritten(enum sql_dialect dialect, const char *sql, const char *expected)
{
    struct error error = ERROR_NONE;
    struct sql_rewritten rewritten;
    const struct engine_request request = {
        .sql = slice_from_text(sql), .parameters = values, .parameter_count = ARRAY_COUNT(values)};
    assert_int_equal(sql_rewrite(dialect, &request, &rewritten, &error), STATUS_OK);
    assert_string_equal(rewritten.text.data, expected);
    sql_rewritten_clear(&rewritten);
}

/* Success */

static void parameters_become_places(void **state)
{
    (void)state;
    assert_rewritten(SQL_POSTGRES, "SELECT :a,:long_name2::int,:a", "SELECT $1,$2::int,$3");
    assert_rewritten(SQL_SQLITE, "x = :a AND y=:long_name2", "x = ?1 AND y=?2");
    assert_rewritten(SQL_POSTGRES, "':a' \":a\" $$:a$$ /*:a*/ --:a\n x::a",
                     "':a' \":a\" $$:a$$ /*:a*/ --:a\n x::a");
}

static void backslashes_are_escapes(void **state)
{
    (void)state;
    assert_rewritten(SQL_SQLITE, "'it\\'s' || '\\\\'", "'it''s' || '\\'");
    assert_rewritten(SQL_SQLITE, "'a\\tb\\nc\\x\\47\\101'", "'a\tb\ncx''A'");
    assert_rewritten(SQL_SQLITE, "'open\\", "'open");
    assert_rewritten(SQL_POSTGRES, "'it\\'s'", "'it\\'s'");
    assert_rewritten(SQL_SQLITE, "\"a\\b\"", "\"a\\b\"");
}

static void casts_wrap_their_operand(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"x::text", "CAST(x AS TEXT)"},
        {"a.b.x::text", "CAST(a.b.x AS TEXT)"},
        {"\"A b\".\"c\"::text", "CAST(\"A b\".\"c\" AS TEXT)"},
        {"1 + x::text", "1 + CAST(x AS TEXT)"},
        {"f(g(1), 2)::text", "CAST(f(g(1), 2) AS TEXT)"},
        {"SELECT (1 + 2)::text", "SELECT CAST((1 + 2) AS TEXT)"},
        {"x :: character varying ( 20 ) || 'y'", "CAST(x  AS TEXT) || 'y'"},
        {"x::timestamp without time zone, y", "datetime(x), y"},
        {"x::numeric(10, 2)", "round(rs_float(x), 2)"},
        {"x::super", "CAST(x AS super)"},
        {"(x::int)::text", "CAST((rs_integer(x)) AS TEXT)"},
        {":a::int", "rs_integer(?1)"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_rewritten(SQL_SQLITE, cases[i][0], cases[i][1]);
    }
}

static void redshift_names_become_the_engines(void **state)
{
    (void)state;
    assert_rewritten(SQL_SQLITE, "nvl(a, LEN(b))", "coalesce(a, length(b))");
    assert_rewritten(SQL_POSTGRES, "nvl(a, LEN(b))", "coalesce(a, length(b))");
    assert_rewritten(SQL_SQLITE, "left (a, 1) LEFT JOIN", "strleft (a, 1) LEFT JOIN");
    assert_rewritten(SQL_POSTGRES, "left(a, 1), SYSDATE", "left(a, 1), getdate()");
    assert_rewritten(SQL_POSTGRES, "dateadd( DAY , 1, x)", "dateadd('DAY' , 1, x)");
    assert_rewritten(SQL_SQLITE, "datediff('day', x, y)", "datediff('day', x, y)");
    assert_rewritten(SQL_SQLITE, "public.t, t.public, x.len", "main.t, t.public, x.len");
}

/* Failure */

static void an_unknown_parameter_is_refused(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct sql_rewritten rewritten;
    const struct engine_request request = {
        .sql = SLICE("SELECT :b"), .parameters = values, .parameter_count = ARRAY_COUNT(values)};
    assert_int_equal(sql_rewrite(SQL_SQLITE, &request, &rewritten, &error), STATUS_REJECTED);
    assert_non_null(strstr(error.text, "\"b\""));
    sql_rewritten_clear(&rewritten);
}

static void too_many_places_are_refused(void **state)
{
    (void)state;
    CLEANUP(buffer_clear) struct buffer sql;
    struct error error = ERROR_NONE;
    struct sql_rewritten rewritten;
    buffer_init(&sql, 64UL * 1024);
    for (int i = 0; i <= SQL_USES_MAX; i++) {
        buffer_append_text(&sql, ":a,");
    }
    const struct engine_request request = {
        .sql = buffer_slice(&sql), .parameters = values, .parameter_count = ARRAY_COUNT(values)};
    assert_int_equal(sql_rewrite(SQL_SQLITE, &request, &rewritten, &error), STATUS_REJECTED);
    sql_rewritten_clear(&rewritten);
}

static void odd_endings_do_no_harm(void **state)
{
    (void)state;
    assert_rewritten(SQL_SQLITE, "x::", "CAST(x AS )");
    assert_rewritten(SQL_SQLITE, "::int", "rs_integer()");
    assert_rewritten(SQL_SQLITE, "))) end end (((", "))) end end (((");
    assert_rewritten(SQL_SQLITE, "dateadd(", "dateadd(");
    assert_rewritten(SQL_SQLITE, ": $ x::varchar(", ": $ CAST(x AS TEXT)(");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_places),
        cmocka_unit_test(backslashes_are_escapes),
        cmocka_unit_test(casts_wrap_their_operand),
        cmocka_unit_test(redshift_names_become_the_engines),
        cmocka_unit_test(an_unknown_parameter_is_refused),
        cmocka_unit_test(too_many_places_are_refused),
        cmocka_unit_test(odd_endings_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
