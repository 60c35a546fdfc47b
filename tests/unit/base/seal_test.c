#include "tests/support/cmocka.h"

#include "infra/base/seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_A "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=" /* 0123456789abcdef twice */
#define KEY_B "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="

/* --- fixture --- */

struct fixture {
    char path[32];
    struct seal_keys *keys; /* a, b */
    struct random_seeded random;
    struct buffer sealed;
    struct buffer plain;
    struct error error;
};

static enum status load(struct fixture *fixture, const char *text, struct seal_keys **keys)
{
    FILE *file = fopen(fixture->path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return seal_keys_load(fixture->path, keys, &fixture->error);
}

static int setup(void **state)
{
    static struct fixture fixture;
    int fd = -1;

    (void)strcpy(fixture.path, "/tmp/ringback-keys-XXXXXX");
    fd = mkstemp(fixture.path);
    if (fd < 0) {
        return -1;
    }
    (void)close(fd);
    random_seeded_init(&fixture.random, 5);
    buffer_init(&fixture.sealed, 100000);
    buffer_init(&fixture.plain, 100000);
    fixture.error = ERROR_NONE;
    *state = &fixture;
    return load(&fixture, "# keys\n\n  a:" KEY_A "  \nb:" KEY_B "\n", &fixture.keys) == STATUS_OK
               ? 0
               : -1;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    seal_keys_free(fixture->keys);
    buffer_clear(&fixture->sealed);
    buffer_clear(&fixture->plain);
    return unlink(fixture->path);
}

/* --- helpers --- */

static void seal(struct fixture *fixture, const struct seal_keys *keys, struct slice plain)
{
    buffer_reset(&fixture->sealed);
    assert_int_equal(seal_close(keys, &fixture->random.random, SLICE("record1"), SLICE("plan"),
                                plain, &fixture->sealed, &fixture->error),
                     STATUS_OK);
}

static enum status open_as(struct fixture *fixture, const struct seal_keys *keys,
                           struct slice record, struct slice field)
{
    buffer_reset(&fixture->plain);
    return seal_open(keys, record, field, buffer_slice(&fixture->sealed), &fixture->plain,
                     &fixture->error);
}

static enum status open_with(struct fixture *fixture, const struct seal_keys *keys)
{
    return open_as(fixture, keys, SLICE("record1"), SLICE("plan"));
}

/* --- success --- */

static void test_what_was_sealed_opens(void **state)
{
    static char large[60000];
    struct fixture *fixture = *state;

    for (size_t size = 0; size <= sizeof(large); size = size * 7 + 1) {
        memset(large, 'x', size);
        seal(fixture, fixture->keys, (struct slice){large, size});
        assert_int_equal(open_with(fixture, fixture->keys), STATUS_OK);
        assert_int_equal(fixture->plain.size, size);
        assert_memory_equal(buffer_slice(&fixture->plain).data, large, size);
    }
}

static void test_the_layout_is_as_promised(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, fixture->keys, SLICE("secret"));
    assert_int_equal(fixture->sealed.size, 3 + 1 + 1 + 12 + 6 + 16);
    assert_memory_equal(fixture->sealed.data,
                        "RB1\x01"
                        "a",
                        5);
    assert_null(memmem(fixture->sealed.data, fixture->sealed.size, "secret", 6));
}

static void test_it_is_appended(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, fixture->keys, SLICE("secret"));
    buffer_append_text(&fixture->plain, "head ");
    assert_int_equal(seal_open(fixture->keys, SLICE("record1"), SLICE("plan"),
                               buffer_slice(&fixture->sealed), &fixture->plain, &fixture->error),
                     STATUS_OK);
    assert_string_equal(fixture->plain.data, "head secret");
}

static void test_the_same_text_never_seals_the_same(void **state)
{
    struct fixture *fixture = *state;
    char first[39];

    seal(fixture, fixture->keys, SLICE("secret"));
    memcpy(first, fixture->sealed.data, sizeof(first));
    seal(fixture, fixture->keys, SLICE("secret"));
    assert_memory_not_equal(first, fixture->sealed.data, sizeof(first));
}

static void test_later_keys_still_open(void **state)
{
    struct fixture *fixture = *state;
    struct seal_keys *rotated = NULL;

    seal(fixture, fixture->keys, SLICE("secret"));
    assert_int_equal(load(fixture, "c:" KEY_B "\na:" KEY_A, &rotated), STATUS_OK);
    assert_int_equal(open_with(fixture, rotated), STATUS_OK);
    assert_string_equal(fixture->plain.data, "secret");
    seal_keys_free(rotated);
}

static void test_without_keys_it_is_stored_in_the_clear(void **state)
{
    struct fixture *fixture = *state;
    struct seal_keys *none = seal_keys_none();

    assert_false(seal_keys_active(none));
    assert_true(seal_keys_active(fixture->keys));
    seal(fixture, none, SLICE("plain"));
    assert_string_equal(fixture->sealed.data, "RB0plain");
    assert_int_equal(open_with(fixture, none), STATUS_OK);
    assert_string_equal(fixture->plain.data, "plain");
    assert_int_equal(open_with(fixture, fixture->keys), STATUS_OK);
    assert_string_equal(fixture->plain.data, "plain");
    seal_keys_free(none);
    seal_keys_free(NULL);
}

/* --- failure: blobs --- */

static void test_every_flipped_bit_is_seen(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, fixture->keys, SLICE("secret"));
    for (size_t bit = 0; bit < fixture->sealed.size * 8; bit++) {
        char *byte = &fixture->sealed.data[bit / 8];
        char before = *byte;

        *byte = (char)(before ^ (1 << bit % 8));
        if (memcmp(fixture->sealed.data, "RB0", 3) != 0) {
            assert_int_not_equal(open_with(fixture, fixture->keys), STATUS_OK);
            assert_int_equal(fixture->plain.size, 0);
        }
        *byte = before;
    }
    assert_int_equal(open_with(fixture, fixture->keys), STATUS_OK);
}

static void test_every_cut_is_seen(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, fixture->keys, SLICE("secret"));
    while (fixture->sealed.size > 0) {
        fixture->sealed.size--;
        assert_int_not_equal(open_with(fixture, fixture->keys), STATUS_OK);
    }
}

static void test_a_moved_blob_does_not_open(void **state)
{
    struct fixture *fixture = *state;

    seal(fixture, fixture->keys, SLICE("secret"));
    assert_int_equal(open_as(fixture, fixture->keys, SLICE("record2"), SLICE("plan")),
                     STATUS_REJECTED);
    assert_int_equal(open_as(fixture, fixture->keys, SLICE("record1"), SLICE("state")),
                     STATUS_REJECTED);
    assert_int_equal(open_as(fixture, fixture->keys, SLICE("record1\0plan"), SLICE("")),
                     STATUS_REJECTED);
    assert_int_equal(open_as(fixture, fixture->keys, SLICE_NONE, SLICE_NONE), STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "the seal is broken: changed or moved");
}

static void test_an_unknown_key_is_told_apart(void **state)
{
    struct fixture *fixture = *state;
    struct seal_keys *others = NULL;
    struct seal_keys *none = seal_keys_none();

    seal(fixture, fixture->keys, SLICE("secret"));
    assert_int_equal(load(fixture, "b:" KEY_B, &others), STATUS_OK);
    assert_int_equal(open_with(fixture, others), STATUS_NOT_FOUND);
    assert_int_equal(open_with(fixture, none), STATUS_NOT_FOUND);
    seal_keys_free(others);
    seal_keys_free(none);
}

static void test_the_same_id_with_another_key_does_not_open(void **state)
{
    struct fixture *fixture = *state;
    struct seal_keys *others = NULL;

    seal(fixture, fixture->keys, SLICE("secret"));
    assert_int_equal(load(fixture, "a:" KEY_B, &others), STATUS_OK);
    assert_int_equal(open_with(fixture, others), STATUS_REJECTED);
    seal_keys_free(others);
}

static void test_what_is_no_blob(void **state)
{
    static const char *const bad[] = {"", "R", "RB", "RB1", "RB2abc", "XB0abc"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        buffer_reset(&fixture->sealed);
        buffer_append_text(&fixture->sealed, bad[i]);
        assert_int_equal(open_with(fixture, fixture->keys), STATUS_REJECTED);
    }
}

static void test_no_room_is_refused(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buffer_clear) struct buffer small;

    buffer_init(&small, 10);
    assert_int_equal(seal_close(fixture->keys, &fixture->random.random, SLICE("r"), SLICE("f"),
                                SLICE("secret"), &small, &fixture->error),
                     STATUS_REJECTED);
    assert_int_equal(small.size, 0);
}

/* As Secrets Manager generates it: letters and digits, without padding. */
static void test_an_object_of_keys_seals_with_the_first(void **state)
{
    static const char text[] =
        " {\"new\": \"aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9nO2q\", \"a\": \"" KEY_A "\"}\n";
    struct fixture *fixture = *state;
    struct seal_keys *keys = NULL;

    assert_int_equal(seal_keys_read(slice_from_text(text), &keys, &fixture->error), STATUS_OK);
    assert_int_equal(seal_close(keys, &fixture->random.random, SLICE("r"), SLICE("f"), SLICE("x"),
                                &fixture->sealed, &fixture->error),
                     STATUS_OK);
    assert_memory_equal(fixture->sealed.data, "RB1\003new", 7);
    assert_int_equal(seal_open(keys, SLICE("r"), SLICE("f"), buffer_slice(&fixture->sealed),
                               &fixture->plain, &fixture->error),
                     STATUS_OK);
    seal_keys_free(keys);
}

/* --- failure: key files --- */

static void test_bad_objects_name_the_member_and_no_content(void **state)
{
    static const char *const bad[] = {
        "{\"a\": \"MDEyMzQ1\"}",
        "{\"a\": 1}",
        "{\"\": \"" KEY_A "\"}",
        "{\"a\": \"MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZW!\"}",
    };
    struct fixture *fixture = *state;
    struct seal_keys *keys = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(seal_keys_read(slice_from_text(bad[i]), &keys, &fixture->error),
                         STATUS_REJECTED);
        assert_null(keys);
        assert_non_null(strstr(fixture->error.text, "member 1: "));
        assert_null(strstr(fixture->error.text, "MDEy"));
    }
    assert_int_equal(seal_keys_read(SLICE("{}"), &keys, &fixture->error), STATUS_REJECTED);
    assert_int_equal(seal_keys_read(SLICE("{\"a\""), &keys, &fixture->error), STATUS_REJECTED);
    assert_int_equal(seal_keys_read(SLICE(""), &keys, &fixture->error), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "holds no key"));
}

static void test_bad_key_files_name_the_line_and_no_content(void **state)
{
    static const char *const bad[] = {"# only\n\n",
                                      "\na" KEY_A "\n",
                                      "\n:" KEY_A "\n",
                                      "\na b:" KEY_A "\n",
                                      "\na:MDEy\n",
                                      "\na:" KEY_A "AAAA\n",
                                      "\na:!DEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n",
                                      "a:" KEY_A "\na:" KEY_B "\n"};
    struct fixture *fixture = *state;
    struct seal_keys *keys = NULL;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(load(fixture, bad[i], &keys), STATUS_REJECTED);
        assert_null(keys);
        assert_non_null(strstr(fixture->error.text, fixture->path));
        assert_null(strstr(fixture->error.text, "MDEy"));
        assert_true(i == 0 || strstr(fixture->error.text, "line 2: ") != NULL);
    }
}

static void test_a_missing_file_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct seal_keys *keys = NULL;

    assert_int_equal(seal_keys_load("/nowhere/keys", &keys, &fixture->error), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "/nowhere/keys"));
    assert_int_equal(seal_keys_load("/", &keys, &fixture->error), STATUS_REJECTED);
}

static void test_a_line_too_long_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct seal_keys *keys = NULL;
    char text[1000];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(load(fixture, text, &keys), STATUS_REJECTED);
    assert_non_null(strstr(fixture->error.text, "line 1: is too long"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_sealed_opens),
        TEST(test_the_layout_is_as_promised),
        TEST(test_it_is_appended),
        TEST(test_the_same_text_never_seals_the_same),
        TEST(test_later_keys_still_open),
        TEST(test_without_keys_it_is_stored_in_the_clear),
        TEST(test_every_flipped_bit_is_seen),
        TEST(test_every_cut_is_seen),
        TEST(test_a_moved_blob_does_not_open),
        TEST(test_an_unknown_key_is_told_apart),
        TEST(test_the_same_id_with_another_key_does_not_open),
        TEST(test_what_is_no_blob),
        TEST(test_no_room_is_refused),
        TEST(test_an_object_of_keys_seals_with_the_first),
        TEST(test_bad_objects_name_the_member_and_no_content),
        TEST(test_bad_key_files_name_the_line_and_no_content),
        TEST(test_a_missing_file_is_named),
        TEST(test_a_line_too_long_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
