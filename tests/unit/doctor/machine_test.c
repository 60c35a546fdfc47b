/*
 * State machines: every file of tests/vectors/machines is a case. Its name says up to the first dot
 * what must be found, several with '+' between them, and "fine" for nothing. What ships with
 * ringback must be fine.
 */
#include "tests/support/cmocka.h"
#include "tests/unit/doctor/findings_fixture.h"

#include "infra/doctor/machine.h"

#include <glob.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES (1u << 20)

/* --- helpers ---------------------------------------------------------------------------------- */

static struct slice read_file(struct arena *arena, const char *path)
{
    CLEANUP(buffer_clear) struct buffer text;
    char block[4096];
    size_t size = 0;
    FILE *file = fopen(path, "rbe");
    assert_non_null(file);
    buffer_init(&text, FILE_MAX_BYTES);
    while ((size = fread(block, 1, sizeof(block), file)) > 0) {
        buffer_append(&text, (struct slice){block, size});
    }
    assert_int_equal(fclose(file), 0);
    return arena_copy(arena, buffer_slice(&text));
}

/* "a b" of ".../a+b.more.json"; "" of ".../fine.json". */
static const char *expected(struct arena *arena, const char *path)
{
    const char *base = strrchr(path, '/') + 1;
    const struct slice name = {base, strcspn(base, ".")};
    char *names = arena_alloc(arena, name.size + 1);
    for (size_t i = 0; i < name.size; i++) {
        names[i] = (char)(name.data[i] == '+' ? ' ' : name.data[i]);
    }
    return strcmp(names, "fine") == 0 ? "" : names;
}

/* Judges all files of the pattern; names NULL: their names say what must be found. */
static void judge_files(struct findings_fixture *fixture, const char *pattern, const char *names,
                        size_t least)
{
    glob_t files;
    assert_int_equal(glob(pattern, 0, NULL, &files), 0);
    assert_true(files.gl_pathc >= least);
    for (size_t i = 0; i < files.gl_pathc; i++) {
        const char *path = arena_format(fixture->arena, "%s", files.gl_pathv[i]);
        findings_forget(fixture);
        machine_judge(&fixture->findings, read_file(fixture->arena, path));
        assert_found(fixture, names != NULL ? names : expected(fixture->arena, path), path);
    }
    globfree(&files);
}

/* --- success ---------------------------------------------------------------------------------- */

static void what_ships_is_fine(void **state)
{
    judge_files(*state, SOURCE_ROOT "/docs/examples/*/*.asl.json", "", 12);
}

static void each_case_is_found_as_it_is_named(void **state)
{
    judge_files(*state, SOURCE_ROOT "/tests/vectors/machines/*.json", NULL, 50);
}

static void tasks_that_wait_are_counted(void **state)
{
    struct findings_fixture *fixture = *state;
    const char *path = SOURCE_ROOT "/docs/examples/sales-pipeline/sales-pipeline.asl.json";
    machine_judge(&fixture->findings, read_file(fixture->arena, path));
    assert_said(fixture, "3 of its tasks wait for a callback");
}

/* --- failure ---------------------------------------------------------------------------------- */

static void what_makes_no_sense_is_passed_over(void **state)
{
    static const char *const machines[] = {
        "{\"States\":{}}",
        "{\"States\":{\"a\":7,\"b\":null,\"c\":[]}}",
        "{\"States\":{\"a\":{\"Type\":\"Task\",\"Resource\":7}}}",
        "{\"States\":{\"a\":{\"Type\":\"Parallel\",\"Branches\":[7,{}]}}}",
        "{\"States\":{\"a\":{\"Type\":\"Map\",\"Iterator\":7,\"ItemProcessor\":[]}}}",
    };
    struct findings_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(machines); i++) {
        findings_forget(fixture);
        machine_judge(&fixture->findings, slice_from_text(machines[i]));
        assert_found(fixture, "", machines[i]);
    }
}

/* A kind that no case shows would be one that nobody has tried. */
static void every_kind_has_a_case(void **state)
{
    struct findings_fixture *fixture = *state;
    for (unsigned kind = FOUND_MACHINE; kind <= FOUND_MACHINE_HEARTBEAT_SLOW; kind++) {
        glob_t files;
        const char *name = finding_facts(kind)->name;
        const char *pattern =
            arena_format(fixture->arena, SOURCE_ROOT "/tests/vectors/machines/%s.*json", name);
        if (glob(pattern, 0, NULL, &files) != 0) {
            fail_msg("no case for %s", name);
        }
        globfree(&files);
    }
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, findings_set_up, findings_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_ships_is_fine),          TEST(each_case_is_found_as_it_is_named),
        TEST(tasks_that_wait_are_counted), TEST(what_makes_no_sense_is_passed_over),
        TEST(every_kind_has_a_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
