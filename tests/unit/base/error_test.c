#include "tests/support/cmocka.h"

#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <string.h>

/* --- success --- */

static void test_set_says_what_and_returns_the_status(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    assert_int_equal(error_set(&error, STATUS_RETRY, "disk %d", 7), STATUS_RETRY);
    assert_int_equal(error.status, STATUS_RETRY);
    assert_string_equal(error.text, "disk 7");
}

static void test_wrap_puts_context_before_and_keeps_the_status(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    (void)error_set(&error, STATUS_CONFLICT, "disk full");
    (void)error_wrap(&error, "sqlite");
    assert_int_equal(error_wrap(&error, "register %d", 2), STATUS_CONFLICT);
    assert_string_equal(error.text, "register 2: sqlite: disk full");
}

static void test_no_error_wanted(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, STATUS_REJECTED, "x"), STATUS_REJECTED);
}

/* --- failure --- */

static void test_long_text_is_cut_between_characters(void **state)
{
    char text[ERROR_TEXT_BYTES + 100];
    struct error error = ERROR_NONE;

    (void)state;
    for (size_t lead = 0; lead < 4; lead++) {
        memset(text, 'a', lead);
        for (size_t i = lead; i + 3 < sizeof(text); i += 3) {
            memcpy(text + i, "\xE2\x82\xAC", 4);
        }
        (void)error_set(&error, STATUS_REJECTED, "%s", text);
        assert_true(slice_is_utf8(slice_from_text(error.text)));
        assert_true(strlen(error.text) >= ERROR_TEXT_BYTES - 4);
        assert_null(strchr(error.text, '?'));
    }
}

static void test_long_context_is_cut(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    (void)error_set(&error, STATUS_REJECTED, "end");
    for (int i = 0; i < 100; i++) {
        (void)error_wrap(&error, "context %d", i);
    }
    assert_int_equal(strlen(error.text), ERROR_TEXT_BYTES - 1);
    assert_memory_equal(error.text, "context 99: ", 12);
}

static void test_foreign_bytes_cannot_break_the_line(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    (void)error_set(&error, STATUS_REJECTED, "%s",
                    "a\nb\xFF"
                    "c\xC3");
    assert_string_equal(error.text, "a?b?c?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set_says_what_and_returns_the_status),
        cmocka_unit_test(test_wrap_puts_context_before_and_keeps_the_status),
        cmocka_unit_test(test_no_error_wanted),
        cmocka_unit_test(test_long_text_is_cut_between_characters),
        cmocka_unit_test(test_long_context_is_cut),
        cmocka_unit_test(test_foreign_bytes_cannot_break_the_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
