#include "tests/support/cmocka.h"

#include "infra/base/buffer.h"

#include <string.h>

/* --- fixture --- */

static int setup(void **state)
{
    static struct buffer buffer;

    buffer_init(&buffer, 1000);
    *state = &buffer;
    return 0;
}

static int teardown(void **state)
{
    buffer_clear(*state);
    return 0;
}

/* --- success --- */

static void test_a_new_buffer_is_empty_and_not_absent(void **state)
{
    struct buffer *buffer = *state;

    assert_null(buffer->data);
    assert_non_null(buffer_slice(buffer).data);
    assert_int_equal(buffer_slice(buffer).size, 0);
}

static void test_appending_in_every_way(void **state)
{
    struct buffer *buffer = *state;

    buffer_append(buffer, SLICE("a"));
    buffer_append_text(buffer, "bc");
    buffer_append_byte(buffer, 'd');
    buffer_append_int64(buffer, INT64_MIN);
    buffer_append_int64(buffer, 0);
    buffer_append_int64(buffer, INT64_MAX);
    buffer_append_format(buffer, "-%s-%d", "x", 5);
    assert_string_equal(buffer->data, "abcd-922337203685477580809223372036854775807-x-5");
    assert_int_equal(buffer->size, strlen(buffer->data));
    assert_false(buffer->overflowed);
}

static void test_it_grows_and_keeps_what_is_there(void **state)
{
    struct buffer *buffer = *state;

    for (int i = 0; i < 1000; i++) {
        buffer_append_byte(buffer, (char)('a' + i % 26));
    }
    assert_false(buffer->overflowed);
    assert_int_equal(buffer->size, 1000);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(buffer->data[i], 'a' + i % 26);
    }
    assert_int_equal(buffer->data[1000], '\0');
}

static void test_reserve_and_commit(void **state)
{
    struct buffer *buffer = *state;

    memcpy(buffer_reserve(buffer, 500), "hello", 5);
    assert_int_equal(buffer->size, 0);
    buffer_commit(buffer, 5);
    assert_string_equal(buffer->data, "hello");
}

static void test_consume_drops_the_front(void **state)
{
    struct buffer *buffer = *state;

    buffer_append_text(buffer, "abcdef");
    buffer_consume(buffer, 2);
    assert_string_equal(buffer->data, "cdef");
    buffer_consume(buffer, 99);
    assert_int_equal(buffer->size, 0);
    assert_string_equal(buffer->data, "");
}

static void test_consuming_nothing_of_nothing(void **state)
{
    buffer_consume(*state, 0);
    buffer_consume(*state, 1);
    assert_int_equal(buffer_slice(*state).size, 0);
}

static void test_wipe_overwrites_all_memory(void **state)
{
    struct buffer *buffer = *state;

    buffer_append_text(buffer, "secret");
    buffer_wipe(buffer);
    assert_int_equal(buffer->size, 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(buffer->data[i], 0);
    }
}

static void test_it_can_be_used_again_after_clear(void **state)
{
    struct buffer *buffer = *state;

    buffer_append_text(buffer, "a");
    buffer_clear(buffer);
    buffer_append_text(buffer, "b");
    assert_string_equal(buffer->data, "b");
    assert_int_equal(buffer->max_bytes, 1000);
}

/* --- failure --- */

static void test_past_the_maximum_nothing_is_appended(void **state)
{
    struct buffer *buffer = *state;
    char text[999];

    memset(text, 'x', sizeof(text));
    buffer_append(buffer, (struct slice){text, sizeof(text)});
    buffer_append_text(buffer, "yz");
    assert_true(buffer->overflowed);
    assert_int_equal(buffer->size, 999);
    buffer_append_format(buffer, "%s", "yz");
    assert_int_equal(buffer->size, 999);
    assert_null(buffer_reserve(buffer, SIZE_MAX));
    buffer_append_byte(buffer, 'y');
    assert_int_equal(buffer->size, 1000);
    assert_true(buffer->overflowed);
    buffer_reset(buffer);
    assert_false(buffer->overflowed);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_buffer_is_empty_and_not_absent),
        TEST(test_appending_in_every_way),
        TEST(test_it_grows_and_keeps_what_is_there),
        TEST(test_reserve_and_commit),
        TEST(test_consume_drops_the_front),
        TEST(test_consuming_nothing_of_nothing),
        TEST(test_wipe_overwrites_all_memory),
        TEST(test_it_can_be_used_again_after_clear),
        TEST(test_past_the_maximum_nothing_is_appended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
