#include "tests/support/cmocka.h"

#include "infra/base/random.h"
#include "infra/local/local_table.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- helpers --- */

enum { KEYS = 500 };

static char names[KEYS][8];

static struct slice key_of(size_t i)
{
    (void)snprintf(names[i], sizeof(names[i]), "k%zu", i);
    return slice_from_text(names[i]);
}

/* --- success --- */

/* Puts and removes at random, and compares with a plain array after each step. */
static void table_agrees_with_an_array(void **state)
{
    (void)state;
    struct random_seeded random;
    struct local_table table = {0};
    bool present[KEYS] = {false};
    random_seeded_init(&random, 11);
    for (int step = 0; step < 20000; step++) {
        size_t i = (size_t)random_below(&random.random, KEYS);
        if (present[i]) {
            local_table_remove(&table, key_of(i));
        } else {
            local_table_put(&table, key_of(i), names[i]);
        }
        present[i] = !present[i];
        size_t probe = (size_t)random_below(&random.random, KEYS);
        assert_ptr_equal(local_table_find(&table, key_of(probe)),
                         present[probe] ? names[probe] : NULL);
    }
    size_t count = 0;
    for (size_t i = 0; i < KEYS; i++) {
        count += present[i] ? 1 : 0;
        assert_ptr_equal(local_table_find(&table, key_of(i)), present[i] ? names[i] : NULL);
    }
    assert_int_equal(table.count, count);
    local_table_clear(&table);
}

static void any_empties_a_table(void **state)
{
    (void)state;
    struct local_table table = {0};
    char *value = NULL;
    size_t count = 0;
    for (size_t i = 0; i < 100; i++) {
        local_table_put(&table, key_of(i), names[i]);
    }
    while ((value = local_table_any(&table)) != NULL) {
        local_table_remove(&table, slice_from_text(value));
        count++;
    }
    assert_int_equal(count, 100);
    local_table_clear(&table);
}

static void copied_text_keeps_absence(void **state)
{
    (void)state;
    char *copy = local_copy_text(SLICE("abc"));
    assert_string_equal(copy, "abc");
    free(copy);
    assert_null(local_copy_text(SLICE_NONE));
}

/* --- failure --- */

static void removing_what_is_not_there_changes_nothing(void **state)
{
    (void)state;
    struct local_table table = {0};
    local_table_remove(&table, SLICE("x"));
    local_table_put(&table, SLICE("y"), names);
    local_table_remove(&table, SLICE("x"));
    assert_int_equal(table.count, 1);
    assert_null(local_table_find(&table, SLICE("x")));
    local_table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_agrees_with_an_array),
        cmocka_unit_test(any_empties_a_table),
        cmocka_unit_test(copied_text_keeps_absence),
        cmocka_unit_test(removing_what_is_not_there_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
