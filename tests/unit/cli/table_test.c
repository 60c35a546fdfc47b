#include "tests/support/cmocka.h"

#include "infra/base/compiler.h"
#include "infra/cli/table.h"

#include <stdlib.h>
#include <string.h>

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct table table;
    FILE *out;
    char *text;
    size_t size;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    fixture.out = open_memstream(&fixture.text, &fixture.size);
    assert_non_null(fixture.out);
    table_init(&fixture.table);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    table_clear(&f->table);
    (void)fclose(f->out);
    free(f->text);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void add_columns(struct fixture *f)
{
    table_add_column(&f->table, SLICE("id"), true);
    table_add_column(&f->table, SLICE("name"), false);
}

static void add_row(struct fixture *f, const char *id, const char *name)
{
    table_add_cell(&f->table, slice_from_text(id));
    table_add_cell(&f->table, slice_from_text(name));
}

static const char *printed(struct fixture *f)
{
    table_print(&f->table, f->out);
    (void)fflush(f->out);
    return f->text;
}

/* --- success ---------------------------------------------------------------------------------- */

static void numbers_stand_right_and_texts_left(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    add_row(f, "1", "a");
    add_row(f, "1000", "bcdefg");
    assert_string_equal("  id  name\n"
                        "----  ------\n"
                        "   1  a\n"
                        "1000  bcdefg\n",
                        printed(f));
}

static void null_is_shown_and_empty_is_not(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    add_row(f, NULL, "");
    assert_string_equal("  id  name\n"
                        "----  ----\n"
                        "NULL  \n",
                        printed(f));
}

static void a_head_without_rows_is_printed(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    assert_string_equal("id  name\n--  ----\n", printed(f));
}

static void width_counts_characters_not_bytes(void **state)
{
    struct fixture *f = *state;
    table_add_column(&f->table, SLICE("Größe"), false);
    table_add_column(&f->table, SLICE("x"), false);
    add_row(f, "äöü", "1");
    assert_string_equal("Größe  x\n-----  -\näöü    1\n", printed(f));
}

static void a_later_part_keeps_widths_and_has_no_head(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    add_row(f, "1000", "a");
    (void)printed(f);
    add_row(f, "1", "b");
    assert_int_equal(1, table_rows(&f->table));
    assert_string_equal("  id  name\n----  ----\n1000  a\n   1  b\n", printed(f));
}

/* --- failure ---------------------------------------------------------------------------------- */

static void data_cannot_speak_to_the_terminal(void **state)
{
    struct fixture *f = *state;
    table_add_column(&f->table, SLICE("x"), false);
    table_add_cell(&f->table, SLICE("\033[2J\n\t\r\x7f\xc2\x9b"));
    assert_string_equal("x\n"
                        "-----------------------\n"
                        "\\x1b[2J\\n\\t\\r\\x7f\\u009b\n",
                        strstr(printed(f), "x\n"));
}

static void an_unfinished_row_is_not_printed(void **state)
{
    struct fixture *f = *state;
    add_columns(f);
    table_add_cell(&f->table, SLICE("1"));
    assert_int_equal(0, table_rows(&f->table));
    assert_string_equal("id  name\n--  ----\n", printed(f));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(numbers_stand_right_and_texts_left),
        TEST(null_is_shown_and_empty_is_not),
        TEST(a_head_without_rows_is_printed),
        TEST(width_counts_characters_not_bytes),
        TEST(a_later_part_keeps_widths_and_has_no_head),
        TEST(data_cannot_speak_to_the_terminal),
        TEST(an_unfinished_row_is_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
