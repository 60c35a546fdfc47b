#include "tests/support/cmocka.h"
#include "tests/unit/doctor/findings_fixture.h"

#include "infra/doctor/file_system.h"

#include <sys/vfs.h>

/* --- success ---------------------------------------------------------------------------------- */

static void each_kind_is_told(void **state)
{
    static const struct {
        unsigned type;
        const char *found;
    } cases[] = {
        {0xef53, ""}, /* ext4 */
        {0x58465342, ""},
        {0x9123683e, ""},
        {0x6969, "file-system"},
        {0xff534d42, "file-system"},
        {0x01021994, "file-system-passing"},
        {0x794c7630, "file-system-passing"},
        {0x65735546, "not-looked-at"},
    };
    struct findings_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        findings_forget(fixture);
        file_system_judge(&fixture->findings, "/var/lib/ringback.db", cases[i].type);
        assert_found(fixture, cases[i].found, arena_format(fixture->arena, "%#x", cases[i].type));
    }
}

static void path_of_the_url(void **state)
{
    (void)state;
    assert_string_equal(file_system_path("sqlite:/a/b.db"), "/a/b.db");
    assert_null(file_system_path("redis://h:1/0"));
}

/* Its folder tells, as long as the file is not there. */
static void the_kernel_is_asked(void **state)
{
    struct findings_fixture *fixture = *state;
    struct statfs facts;
    assert_int_equal(statfs(".", &facts), 0);
    file_system_judge(&fixture->findings, "not-there.db", (unsigned)facts.f_type);
    const char *should = findings_names(fixture);
    findings_forget(fixture);
    file_system_examine(&fixture->findings, "not-there.db");
    assert_found(fixture, should, "the folder of this test");
}

/* --- failure ---------------------------------------------------------------------------------- */

static void a_folder_that_is_not_there(void **state)
{
    struct findings_fixture *fixture = *state;
    file_system_examine(&fixture->findings, "/not/there/at/all.db");
    assert_found(fixture, "not-looked-at", "no folder");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, findings_set_up, findings_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_is_told),
        TEST(path_of_the_url),
        TEST(the_kernel_is_asked),
        TEST(a_folder_that_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
