/* Redshift's lexical rules: tokens, statements, quoting. */
#include "tests/support/cmocka.h"

#include "infra/base/sql_lexer.h"

#include <string.h>

/* --- helpers --- */

static const char letters[] = {
    [SQL_END] = '$',    [SQL_SPACE] = '_',     [SQL_COMMENT] = 'c',   [SQL_WORD] = 'w',
    [SQL_QUOTED] = 'q', [SQL_STRING] = 's',    [SQL_DOLLAR] = 'd',    [SQL_NUMBER] = 'n',
    [SQL_CAST] = 'C',   [SQL_PARAMETER] = 'p', [SQL_SEMICOLON] = ';', [SQL_OPEN] = '(',
    [SQL_CLOSE] = ')',  [SQL_DOT] = '.',       [SQL_OTHER] = 'o',
};

/* The kinds of the tokens, a letter each; '!' behind one that is open. */
static void assert_kinds(const char *sql, const char *expected)
{
    char kinds[64];
    size_t count = 0;
    struct slice rest = slice_from_text(sql);
    for (;;) {
        struct sql_token token = sql_next(&rest);
        if (token.kind == SQL_END) {
            break;
        }
        assert_true(count + 2 < sizeof(kinds));
        kinds[count++] = letters[token.kind];
        if (token.open) {
            kinds[count++] = '!';
        }
    }
    kinds[count] = '\0';
    if (strcmp(kinds, expected) != 0) {
        fail_msg("%s is read as %s, not as %s", sql, kinds, expected);
    }
}

static void assert_first(const char *sql, const char *expected)
{
    struct slice rest = slice_from_text(sql);
    struct sql_token token = sql_next(&rest);
    if (!slice_equals_text(token.text, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(token.text), expected);
    }
}

static void assert_count(const char *sql, size_t expected)
{
    assert_int_equal(sql_statement_count(slice_from_text(sql)), expected);
}

static void assert_statement(struct slice *rest, const char *expected)
{
    struct slice statement = SLICE_NONE;
    assert_true(sql_next_statement(rest, &statement));
    if (!slice_equals_text(statement, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(statement), expected);
    }
}

typedef void quote_function(struct buffer *out, struct slice text);

static void assert_quoted(quote_function *quote, const char *text, const char *expected)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, 1000);
    quote(&out, slice_from_text(text));
    assert_true(slice_equals_text(buffer_slice(&out), expected));
    /* And it is read as one token. */
    struct slice rest = buffer_slice(&out);
    assert_int_equal(sql_next(&rest).open, false);
    assert_int_equal(rest.size, 0);
}

/* --- success --- */

static void tokens_have_their_kinds(void **state)
{
    (void)state;
    assert_kinds("", "");
    assert_kinds("SELECT a.b, 1.5e-3 FROM \"T t\";", "w_w.wo_n_w_q;");
    assert_kinds("f(:x::int)", "w(pCw)");
    assert_kinds("x := 1 : 2", "w_oo_n_o_n");
    assert_kinds(".5 5. t.5", "n_n_wn");
}

static void strings_end_where_redshift_ends_them(void **state)
{
    (void)state;
    assert_first("'it''s;' x", "'it''s;'");
    assert_first("'it\\'s' x", "'it\\'s'");
    assert_first("'\\\\' x'", "'\\\\'");
    assert_first("'\\\\\\'' x'", "'\\\\\\''");
    assert_kinds("E'\\'' x", "ws_w");
    assert_kinds("''''''", "s");
    assert_kinds("'a'\n'b'", "s_s");
}

static void quoted_names_know_no_backslash(void **state)
{
    (void)state;
    assert_first("\"a\\\" x", "\"a\\\"");
    assert_first("\"a\"\";\" x", "\"a\"\";\"");
}

static void comments_end_where_postgres_ends_them(void **state)
{
    (void)state;
    assert_kinds("-- a;'b\n'c'", "c_s");
    assert_kinds("-- a\rb", "c_w");
    assert_kinds("/* a /* b */ ; */ c", "c_w");
    assert_kinds("/**/x/*/**/*/", "cwc");
    assert_kinds("a--b", "wc");
    assert_kinds("1 - -1 */ 2", "n_o_on_oo_n");
    assert_kinds("@/* ; */", "oc");
    assert_kinds("'--' -- '", "s_c");
}

static void dollar_quotes_have_tags(void **state)
{
    (void)state;
    assert_kinds("$$ ' ; $x$ $$ x", "d_w");
    assert_kinds("$x$ $$ $X$ $x$;", "d;");
    assert_kinds("$_1$ $1$ $_1$", "d");
    assert_kinds("$x$$$x$", "d");
    assert_kinds("$x$ a$x$", "d");
    assert_kinds("'$$' ; '$$'", "s_;_s");
}

static void a_dollar_is_not_always_a_quote(void **state)
{
    (void)state;
    assert_kinds("$1 + $2", "o_o_o");
    assert_kinds("$1$2", "oo");
    assert_kinds("foo$bar$ ; $bar$x$bar$", "w_;_d");
    assert_kinds("a$$ ; b$$", "w_;_w");
    assert_kinds("$ $a b", "o_ow_w");
    assert_kinds("$1a$ ; $1a$", "ow_;_ow");
}

static void names_may_be_utf8(void **state)
{
    (void)state;
    assert_kinds("\xC3\xA4$1 = 1", "w_o_n");
    assert_kinds("$\xC3\xA4$;$\xC3\xA4$", "d");
}

static void unterminated_tokens_are_open(void **state)
{
    (void)state;
    assert_kinds("'a; b", "s!");
    assert_kinds("'a\\", "s!");
    assert_kinds("'a\\'", "s!");
    assert_kinds("'a''", "s!");
    assert_kinds("\"a; b", "q!");
    assert_kinds("$$a; b", "d!");
    assert_kinds("$a$ $$", "d!");
    assert_kinds("/* /* */", "c!");
    assert_kinds("/*/", "c!");
    assert_kinds("-- a", "c");
}

static void statements_are_counted(void **state)
{
    (void)state;
    assert_count("", 0);
    assert_count(" ;; -- a;b", 0);
    assert_count("/* a */;/* b */", 0);
    assert_count("SELECT 1", 1);
    assert_count("SELECT 1;", 1);
    assert_count("SELECT 1; SELECT 2 ;", 2);
    assert_count("SELECT ';', 'it''s;', \"a;b\", \"a\"\";\"", 1);
    assert_count("SELECT 1 /* ; /* ; */ ; */ -- ;\n + 2", 1);
    assert_count("CREATE FUNCTION f() AS $$ a; b; $$ LANGUAGE sql", 1);
    assert_count("SELECT 'a; b", 1);
}

static void statements_are_trimmed_and_keep_their_comments(void **state)
{
    (void)state;
    struct slice rest = SLICE(" ;\n -- first\n select 1 ;;/* x */;\tselect 2 -- two\n");
    assert_statement(&rest, "-- first\n select 1");
    assert_statement(&rest, "select 2 -- two");
    struct slice none;
    assert_false(sql_next_statement(&rest, &none));
}

static void a_semicolon_in_parentheses_separates_nothing(void **state)
{
    (void)state;
    assert_count("create rule r as on insert to t do (delete from a; delete from b); select 1", 2);
    assert_count("select 1); select 2", 2);
    assert_count("select ('('); select 2", 2);
}

static void keywords_are_compared_in_any_case(void **state)
{
    (void)state;
    struct slice rest = SLICE("  /* c */ BeGin \"begin\"");
    assert_true(sql_token_is(sql_next_solid(&rest), "begin"));
    assert_false(sql_token_is(sql_next_solid(&rest), "begin"));
    assert_int_equal(sql_next_solid(&rest).kind, SQL_END);
}

static void quoting_gives_one_token(void **state)
{
    (void)state;
    assert_quoted(sql_append_literal, "", "''");
    assert_quoted(sql_append_literal, "it's \\ \"x\"", "'it''s \\\\ \"x\"'");
    assert_quoted(sql_append_literal, "\\'; drop table t; --", "'\\\\''; drop table t; --'");
    assert_quoted(sql_append_literal, "''", "''''''");
    assert_quoted(sql_append_name, "a\"b'c\\", "\"a\"\"b'c\\\"");
    assert_quoted(sql_append_name, "\"\"", "\"\"\"\"\"\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_have_their_kinds),
        cmocka_unit_test(strings_end_where_redshift_ends_them),
        cmocka_unit_test(quoted_names_know_no_backslash),
        cmocka_unit_test(comments_end_where_postgres_ends_them),
        cmocka_unit_test(dollar_quotes_have_tags),
        cmocka_unit_test(a_dollar_is_not_always_a_quote),
        cmocka_unit_test(names_may_be_utf8),
        cmocka_unit_test(unterminated_tokens_are_open),
        cmocka_unit_test(statements_are_counted),
        cmocka_unit_test(statements_are_trimmed_and_keep_their_comments),
        cmocka_unit_test(a_semicolon_in_parentheses_separates_nothing),
        cmocka_unit_test(keywords_are_compared_in_any_case),
        cmocka_unit_test(quoting_gives_one_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
