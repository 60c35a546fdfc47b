/* Which certificates are trusted. That the other places are found is tested where nothing else is
 * there: tests/integration/package.sh. */
#include "tests/support/cmocka.h"

#include "infra/aws/ca_bundle.h"

#include <unistd.h>

static char nothing[] = "X=";
static char setting[] = "AWS_CA_BUNDLE=/no/such/bundle.pem";

static void what_is_set_is_taken_whether_it_is_there_or_not(void **state)
{
    char *environment[] = {nothing, setting, NULL};
    (void)state;
    assert_string_equal(ca_bundle_path(environment), "/no/such/bundle.pem");
}

static void otherwise_the_machine_has_one(void **state)
{
    char *environment[] = {nothing, NULL};
    const char *path = ca_bundle_path(environment);
    (void)state;
    assert_non_null(path);
    assert_int_equal(access(path, R_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_set_is_taken_whether_it_is_there_or_not),
        cmocka_unit_test(otherwise_the_machine_has_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
