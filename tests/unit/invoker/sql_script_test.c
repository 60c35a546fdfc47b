/* Scripts: splitting, what a statement is, and when two are the same. */
#include "invoker/sql_script.h"
#include "tests/support/cmocka.h"

#include "infra/aws/redshift_data.h"

#include <string.h>

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct sql_script script;
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(16u << 20)};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    arena_free(fixture->arena);
    return 0;
}

/* ---- Helpers ---- */

static void split(struct fixture *fixture, const char *text)
{
    if (sql_script_split(fixture->arena, slice_from_text(text), &fixture->script,
                         &fixture->error) != STATUS_OK) {
        fail_msg("%s", fixture->error.text);
    }
}

static void assert_statement(const struct fixture *fixture, size_t index, const char *expected)
{
    assert_true(index < fixture->script.count);
    struct slice statement = fixture->script.statements[index];
    if (!slice_equals_text(statement, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(statement), expected);
    }
}

static void assert_refused(struct fixture *fixture, struct slice text, const char *expected)
{
    assert_int_equal(sql_script_split(fixture->arena, text, &fixture->script, &fixture->error),
                     STATUS_REJECTED);
    assert_string_equal(fixture->error.text, expected);
}

/* 'xxx...', size bytes in all. */
static struct slice long_statement(struct fixture *fixture, size_t size)
{
    char *text = arena_alloc(fixture->arena, size);
    memset(text, 'x', size);
    text[0] = '\'';
    text[size - 1] = '\'';
    return (struct slice){text, size};
}

static struct slice joined(struct fixture *fixture, struct slice a, struct slice b)
{
    char *text = arena_alloc(fixture->arena, a.size + b.size);
    memcpy(text, a.data, a.size);
    memcpy(text + a.size, b.data, b.size);
    return (struct slice){text, a.size + b.size};
}

static void assert_first_word(const char *sql, const char *expected)
{
    struct slice word = sql_first_word(slice_from_text(sql));
    if (expected == NULL) {
        assert_null(word.data);
    } else if (!slice_equals_text(word, expected)) {
        fail_msg("%s begins with %.*s", sql, SLICE_PRINT(word));
    }
}

static void assert_control(enum sql_control expected, const char *sql)
{
    if (sql_control_of(slice_from_text(sql)) != expected) {
        fail_msg("%s", sql);
    }
}

static void assert_normal(const char *sql, const char *expected)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, 1000);
    sql_normalise(slice_from_text(sql), &out);
    if (!slice_equals_text(buffer_slice(&out), expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(buffer_slice(&out)), expected);
    }
}

static bool same(const char *a, const char *b)
{
    char digests[2][SHA256_HEX_BYTES + 1];
    sql_normal_digest(slice_from_text(a), digests[0]);
    sql_normal_digest(slice_from_text(b), digests[1]);
    return strcmp(digests[0], digests[1]) == 0;
}

/* ---- Success ---- */

static void a_script_is_split_into_trimmed_statements(void **context)
{
    struct fixture *fixture = *context;
    split(fixture, "\n-- one\nselect ';' ;\n\n;/* nothing */;\n create procedure p() as $$\n"
                   "begin a; b; end;\n$$ language plpgsql;\nselect 2 -- end;\n\n");
    assert_int_equal(fixture->script.count, 3);
    assert_statement(fixture, 0, "-- one\nselect ';'");
    assert_statement(fixture, 1,
                     "create procedure p() as $$\nbegin a; b; end;\n$$ language plpgsql");
    assert_statement(fixture, 2, "select 2 -- end;");
}

static void a_byte_order_mark_is_no_part_of_the_first_word(void **context)
{
    struct fixture *fixture = *context;
    split(fixture, "\xEF\xBB\xBFselect 1");
    assert_statement(fixture, 0, "select 1");
}

static void carriage_returns_are_blanks(void **context)
{
    struct fixture *fixture = *context;
    split(fixture, "select 1;\r\n-- two\r\nselect 2;\r\n");
    assert_int_equal(fixture->script.count, 2);
    assert_statement(fixture, 1, "-- two\r\nselect 2");
}

static void a_statement_may_be_as_long_as_the_data_api_takes(void **context)
{
    struct fixture *fixture = *context;
    struct slice text = long_statement(fixture, REDSHIFT_DATA_SQL_MAX_BYTES);
    assert_int_equal(sql_script_split(fixture->arena, joined(fixture, text, SLICE(" ; ")),
                                      &fixture->script, &fixture->error),
                     STATUS_OK);
    assert_int_equal(fixture->script.count, 1);
}

static void the_first_word_stands_behind_comments_and_parentheses(void **context)
{
    (void)context;
    assert_first_word("select 1", "select");
    assert_first_word(" -- call\n ((Select 1))", "Select");
    assert_first_word(";/* /* */ x */CALL p()", "CALL");
    assert_first_word("", NULL);
    assert_first_word("-- call", NULL);
    assert_first_word("'call'", NULL);
    assert_first_word("\"call\" p", NULL);
    assert_first_word("1", NULL);
}

static void what_runs_once_only_cannot_hide(void **context)
{
    (void)context;
    static const char *const once[] = {
        "call p()",
        "/* x */ CALL p()",
        "-- x\nunload ('select 1') to 's3://b/k'",
        "(((vacuum",
        "Start transaction",
        "\"select\" 1",
        "; /**/ ; commit;",
        "",
        "-- nothing",
    };
    static const char *const again[] = {"select 1", "/* call */ select 1", "callable()",
                                        "with c as (select 1) select * from c", "endpoint(1, 2)"};
    for (size_t i = 0; i < ARRAY_COUNT(once); i++) {
        if (!sql_runs_once_only(slice_from_text(once[i]))) {
            fail_msg("%s", once[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(again); i++) {
        if (sql_runs_once_only(slice_from_text(again[i]))) {
            fail_msg("%s", again[i]);
        }
    }
}

static void transaction_control_is_known_in_all_its_spellings(void **context)
{
    (void)context;
    assert_control(SQL_CONTROL_BEGIN, "begin");
    assert_control(SQL_CONTROL_BEGIN, "-- x\nBEGIN TRANSACTION;");
    assert_control(SQL_CONTROL_BEGIN, "begin work isolation level serializable, read only");
    assert_control(SQL_CONTROL_BEGIN, "start transaction read write");
    assert_control(SQL_CONTROL_BEGIN, "Start /* x */ Transaction");
    assert_control(SQL_CONTROL_COMMIT, "commit work");
    assert_control(SQL_CONTROL_COMMIT, "END -- of it");
    assert_control(SQL_CONTROL_ROLLBACK, "rollback");
    assert_control(SQL_CONTROL_ROLLBACK, "abort transaction");
}

static void other_statements_are_no_transaction_control(void **context)
{
    (void)context;
    assert_control(SQL_NO_CONTROL, "");
    assert_control(SQL_NO_CONTROL, "select 1");
    assert_control(SQL_NO_CONTROL, "start");
    assert_control(SQL_NO_CONTROL, "start slave");
    assert_control(SQL_NO_CONTROL, "rollback to savepoint a");
    assert_control(SQL_NO_CONTROL, "commit prepared 'x'");
    assert_control(SQL_NO_CONTROL, "begin; select 1");
    assert_control(SQL_NO_CONTROL, "end case");
    assert_control(SQL_NO_CONTROL, "\"begin\"");
    assert_control(SQL_NO_CONTROL, "(begin)");
}

static void begin_and_commit_are_taken_out(void **context)
{
    struct fixture *fixture = *context;
    split(fixture, "begin; delete from a; commit; begin transaction; insert into a select 1; end;");
    assert_int_equal(sql_script_drop_control(&fixture->script, &fixture->error), STATUS_OK);
    assert_int_equal(fixture->script.count, 2);
    assert_statement(fixture, 0, "delete from a");
    assert_statement(fixture, 1, "insert into a select 1");
}

static void normalising_keeps_what_means_something(void **context)
{
    (void)context;
    assert_normal("", "");
    assert_normal(" ;; ", "");
    assert_normal("SELECT  1 ;\n", "select 1");
    assert_normal("-- a\nSelect/* b */'A  B',\t\"Col  X\" -- c\n from T;;",
                  "select 'A  B', \"Col  X\" from t");
    assert_normal("select $$A  b$$, $Tag$ ; $Tag$ , :Name",
                  "select $$A  b$$, $Tag$ ; $Tag$ , :Name");
    assert_normal("select 'a' -- b\r\n 'c'", "select 'a'\n'c'");
    assert_normal("select 'a'\n||\n'c'", "select 'a' || 'c'");
    assert_normal("select 1E5; select 2", "select 1e5; select 2");
    assert_normal("select \xC3\x84", "select \xC3\x84");
}

static void spellings_of_one_statement_are_the_same(void **context)
{
    (void)context;
    assert_true(same("select GETDATE()", "SELECT\n  getdate();"));
    assert_true(same("select 1 -- x", "select 1"));
    assert_false(same("select 'a'", "select 'A'"));
    assert_false(same("select 'a b'", "select 'a  b'"));
    assert_false(same("select \"a\"", "select \"A\""));
    assert_false(same("select 1 1", "select 11"));
    assert_false(same("select a--b\n1", "select a 2"));
}

/* ---- Failure ---- */

static void what_does_not_end_is_refused_with_its_line(void **context)
{
    struct fixture *fixture = *context;
    assert_refused(fixture, SLICE("select 1;\nselect 'it\\';\nselect 2;"),
                   "line 2: the string that begins here does not end");
    assert_refused(fixture, SLICE("select \"a"),
                   "line 1: the quoted name that begins here does "
                   "not end");
    assert_refused(fixture, SLICE("\n\n/* /* */"),
                   "line 3: the comment that begins here does not end");
    assert_refused(fixture, SLICE("do $x$ a; $y$;"),
                   "line 1: the dollar-quoted text that begins here does not end");
    assert_refused(fixture, SLICE("select 1;\nselect (1,\n(2);\nselect 3;"),
                   "line 2: the parenthesis that begins here does not end");
}

static void a_script_without_a_statement_is_refused(void **context)
{
    assert_refused(*context, SLICE(""), "must hold a statement");
    assert_refused(*context, SLICE(";\n-- x\n;/* y */"), "must hold a statement");
}

static void a_script_must_be_text(void **context)
{
    assert_refused(*context, SLICE("select '\xFF'"), "must be UTF-8");
    assert_refused(*context, SLICE("select 1;\nselect '\0'"), "line 2: must not hold a NUL byte");
}

static void a_script_past_the_limit_is_refused(void **context)
{
    struct fixture *fixture = *context;
    assert_refused(fixture, long_statement(fixture, SQL_SCRIPT_MAX_BYTES + 1),
                   "must be at most 1048576 bytes, got 1048577");
}

static void a_statement_past_the_limit_is_refused_by_number(void **context)
{
    struct fixture *fixture = *context;
    struct slice text = joined(fixture, SLICE("select 1;\n"),
                               long_statement(fixture, REDSHIFT_DATA_SQL_MAX_BYTES + 1));
    assert_refused(fixture, text, "statement 2, line 2: must be at most 200000 bytes, got 200001");
}

static void a_rollback_cannot_be_taken_out(void **context)
{
    struct fixture *fixture = *context;
    split(fixture, "begin; delete from a; rollback;");
    assert_int_equal(sql_script_drop_control(&fixture->script, &fixture->error), STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "statement 3: a rollback cannot be part of a script "
                                             "that runs as one transaction");
}

static void control_alone_is_no_script(void **context)
{
    struct fixture *fixture = *context;
    split(fixture, "begin; commit;");
    assert_int_equal(sql_script_drop_control(&fixture->script, &fixture->error), STATUS_REJECTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_script_is_split_into_trimmed_statements),
        cmocka_unit_test(a_byte_order_mark_is_no_part_of_the_first_word),
        cmocka_unit_test(carriage_returns_are_blanks),
        cmocka_unit_test(a_statement_may_be_as_long_as_the_data_api_takes),
        cmocka_unit_test(the_first_word_stands_behind_comments_and_parentheses),
        cmocka_unit_test(what_runs_once_only_cannot_hide),
        cmocka_unit_test(transaction_control_is_known_in_all_its_spellings),
        cmocka_unit_test(other_statements_are_no_transaction_control),
        cmocka_unit_test(begin_and_commit_are_taken_out),
        cmocka_unit_test(normalising_keeps_what_means_something),
        cmocka_unit_test(spellings_of_one_statement_are_the_same),
        cmocka_unit_test(what_does_not_end_is_refused_with_its_line),
        cmocka_unit_test(a_script_without_a_statement_is_refused),
        cmocka_unit_test(a_script_must_be_text),
        cmocka_unit_test(a_script_past_the_limit_is_refused),
        cmocka_unit_test(a_statement_past_the_limit_is_refused_by_number),
        cmocka_unit_test(a_rollback_cannot_be_taken_out),
        cmocka_unit_test(control_alone_is_no_script),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
