#include "invoker/request.h"
#include "tests/support/cmocka.h"

#include "infra/cli/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID "abcdefghijklmnopqrstuvwxyz234567"

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct arena *arena;
    char path[64]; /* "@" and a file */
    struct slice text;
    struct error error;
};

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(8u << 20), .path = "@/tmp/verb_test.XXXXXX"};
    const int fd = mkstemp(fixture.path + 1);
    assert_true(fd >= 0);
    (void)close(fd);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path + 1);
    arena_free(f->arena);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void write_file(const struct fixture *f, char byte, size_t count)
{
    FILE *file = fopen(f->path + 1, "wbe");
    assert_non_null(file);
    for (size_t i = 0; i < count; i++) {
        (void)fputc(byte, file);
    }
    assert_int_equal(0, fclose(file));
}

static enum status read_input(struct fixture *f, const char *argument)
{
    return verb_read_input(f->arena, argument, &f->text, &f->error);
}

/* --- success ---------------------------------------------------------------------------------- */

static void every_outcome_has_its_exit_status(void **state)
{
    (void)state;
    assert_int_equal(0, verb_exit_of_outcome(SLICE("FINISHED")));
    assert_int_equal(1, verb_exit_of_outcome(SLICE("FAILED")));
    assert_int_equal(3, verb_exit_of_outcome(SLICE("ABORTED")));
    assert_int_equal(4, verb_exit_of_outcome(SLICE("TIMED_OUT")));
    assert_int_equal(4, verb_exit_of_outcome(SLICE("EXPIRED")));
    assert_int_equal(5, verb_exit_of_outcome(SLICE("REJECTED")));
}

static void an_argument_is_the_text_itself(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(STATUS_OK, read_input(f, "SELECT 1"));
    assert_true(slice_equals_text(f->text, "SELECT 1"));
}

static void an_at_sign_names_a_file(void **state)
{
    struct fixture *f = *state;
    write_file(f, 'x', 3);
    assert_int_equal(STATUS_OK, read_input(f, f->path));
    assert_true(slice_equals_text(f->text, "xxx"));
}

static void a_file_may_be_as_large_as_a_request(void **state)
{
    struct fixture *f = *state;
    write_file(f, 'x', REQUEST_MAX_BYTES);
    assert_int_equal(STATUS_OK, read_input(f, f->path));
    assert_int_equal(REQUEST_MAX_BYTES, f->text.size);
}

static void members_are_read_with_their_defaults(void **state)
{
    struct fixture *f = *state;
    struct json root;
    assert_int_equal(STATUS_OK,
                     json_parse(f->arena, SLICE("{\"n\":7,\"t\":\"x\",\"f\":true,\"z\":null}"),
                                &root, &f->error));
    assert_int_equal(7, verb_int64(root, "n", 1));
    assert_int_equal(1, verb_int64(root, "z", 1));
    assert_int_equal(1, verb_int64(root, "t", 1));
    assert_true(verb_bool(root, "f"));
    assert_false(verb_bool(root, "none"));
    assert_true(slice_equals_text(verb_text(root, "t"), "x"));
    assert_null(verb_text(root, "n").data);
}

static void an_id_makes_a_target(void **state)
{
    struct fixture *f = *state;
    struct verb verb = {.arena = f->arena};
    assert_string_equal("/invocations/" ID "/reply", verb_target(&verb, ID, "/reply"));
}

static void a_text_for_a_person_keeps_its_lines(void **state)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    (void)state;
    verb_put(out, SLICE("ERROR: \xc3\xa4\n\tline 2\033[2J\x7f, \xc2\x9b!"));
    (void)fclose(out);
    assert_string_equal("ERROR: \xc3\xa4\n\tline 2?[2J?, ?!", shown);
    free(shown);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void what_is_no_id_makes_no_target(void **state)
{
    struct fixture *f = *state;
    struct verb verb = {.arena = f->arena};
    assert_null(verb_target(&verb, "../admin", ""));
    assert_null(verb_target(&verb, "", ""));
}

static void an_unknown_outcome_is_unknown(void **state)
{
    (void)state;
    assert_int_equal(4, verb_exit_of_outcome(SLICE("WHATEVER")));
    assert_int_equal(4, verb_exit_of_outcome(SLICE_NONE));
}

static void a_missing_file_is_named(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(STATUS_REJECTED, read_input(f, "@/nowhere/at-all"));
    assert_non_null(strstr(f->error.text, "/nowhere/at-all"));
}

static void a_folder_is_no_file(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(STATUS_REJECTED, read_input(f, "@/tmp"));
}

static void a_larger_file_is_refused(void **state)
{
    struct fixture *f = *state;
    write_file(f, 'x', REQUEST_MAX_BYTES + 1);
    assert_int_equal(STATUS_REJECTED, read_input(f, f->path));
    assert_non_null(strstr(f->error.text, "at most 1048576 bytes"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_outcome_has_its_exit_status),
        TEST(an_argument_is_the_text_itself),
        TEST(an_at_sign_names_a_file),
        TEST(a_file_may_be_as_large_as_a_request),
        TEST(members_are_read_with_their_defaults),
        TEST(an_id_makes_a_target),
        TEST(a_text_for_a_person_keeps_its_lines),
        TEST(what_is_no_id_makes_no_target),
        TEST(an_unknown_outcome_is_unknown),
        TEST(a_missing_file_is_named),
        TEST(a_folder_is_no_file),
        TEST(a_larger_file_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
