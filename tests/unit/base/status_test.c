#include "tests/support/cmocka.h"

#include "infra/base/status.h"

/* --- success --- */

static void test_every_status_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(status_name(STATUS_OK), "ok");
    assert_string_equal(status_name(STATUS_RETRY), "retry");
    assert_string_equal(status_name(STATUS_IN_DOUBT), "in-doubt");
    assert_string_equal(status_name(STATUS_REJECTED), "rejected");
    assert_string_equal(status_name(STATUS_NOT_FOUND), "not-found");
    assert_string_equal(status_name(STATUS_CONFLICT), "conflict");
    assert_string_equal(status_name(STATUS_INTERNAL), "internal");
}

/* --- failure --- */

static void test_a_number_that_is_no_status_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(status_name((enum status)99), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_status_has_its_name),
        cmocka_unit_test(test_a_number_that_is_no_status_has_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
