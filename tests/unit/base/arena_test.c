#include "tests/support/cmocka.h"

#include "infra/base/arena.h"

#include <signal.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_BYTES ((size_t)1 << 20)

/* --- fixture --- */

static int setup(void **state)
{
    *state = arena_new(MAX_BYTES);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- helpers --- */

static char released[8];
static char name_a[] = "a";
static char name_b[] = "b";

static void note_release(void *object)
{
    const char *name = object;

    released[strlen(released)] = *name;
}

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* Whether body() dies by abort() in a child process. */
static bool aborts(void (*body)(struct arena *arena), struct arena *arena)
{
    int status = 0;
    pid_t child = fork();

    if (child == 0) {
        (void)signal(SIGABRT, SIG_DFL);
        (void)close(STDERR_FILENO);
        body(arena);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void allocate_too_much(struct arena *arena)
{
    (void)arena_alloc(arena, MAX_BYTES + 1);
}

static void allocate_overflowing_array(struct arena *arena)
{
    (void)arena_array(arena, SIZE_MAX / 2, 3);
}

static void allocate_largest(struct arena *arena)
{
    (void)arena_alloc(arena, SIZE_MAX);
}

/* --- success --- */

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
    char *before = NULL;

    for (size_t size = 1; size < 1000; size++) {
        char *memory = arena_alloc(*state, size);

        assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
        assert_true(is_zero(memory, size));
        memset(memory, 0xAB, size);
        assert_ptr_not_equal(memory, before);
        before = memory;
    }
}

static void test_large_allocations_fit(void **state)
{
    char *large = arena_alloc(*state, 500000);
    char *small = arena_alloc(*state, 10);

    memset(large, 1, 500000);
    assert_true(is_zero(small, 10));
    assert_true(arena_used_bytes(*state) >= 500010);
}

static void test_reset_gives_zeroed_memory_again(void **state)
{
    char *first = arena_alloc(*state, 100);

    memset(first, 7, 100);
    memset(arena_alloc(*state, 200000), 7, 200000);
    arena_reset(*state);
    assert_int_equal(arena_used_bytes(*state), 0);
    assert_true(is_zero(first, 100)); /* overwritten, and the first block is kept */
    assert_ptr_equal(arena_alloc(*state, 100), first);
    assert_true(is_zero(first, 100));
}

static void test_copies_are_terminated(void **state)
{
    struct slice copy = arena_copy(*state, (struct slice){"abcdef", 3});

    assert_string_equal(copy.data, "abc");
    assert_int_equal(copy.size, 3);
    assert_null(arena_copy(*state, SLICE_NONE).data);
    assert_null(arena_text(*state, SLICE_NONE));
    assert_string_equal(arena_text(*state, SLICE("")), "");
    assert_string_equal(arena_format(*state, "%s/%d", "x", 12), "x/12");
}

static void test_arrays(void **state)
{
    int64_t *numbers = ARENA_ARRAY(*state, 1000, int64_t);

    assert_true(is_zero((char *)numbers, 8000));
    assert_int_equal(arena_used_bytes(*state), 8000);
}

static void test_deferred_runs_last_first_once(void **state)
{
    memset(released, 0, sizeof(released));
    arena_defer(*state, note_release, name_a);
    arena_defer(*state, note_release, name_b);
    arena_reset(*state);
    assert_string_equal(released, "ba");
    arena_reset(*state);
    assert_string_equal(released, "ba");
}

static void test_deferred_runs_when_freed(void **state)
{
    struct arena *arena = arena_new(1000);

    (void)state;
    memset(released, 0, sizeof(released));
    arena_defer(arena, note_release, name_b);
    arena_cleanup(&arena);
    assert_null(arena);
    assert_string_equal(released, "b");
    arena_free(NULL);
}

/* --- failure --- */

static void test_past_the_maximum_it_aborts(void **state)
{
    assert_true(aborts(allocate_too_much, *state));
    assert_true(aborts(allocate_overflowing_array, *state));
    assert_true(aborts(allocate_largest, *state));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_memory_is_zeroed_aligned_and_apart),
        TEST(test_large_allocations_fit),
        TEST(test_reset_gives_zeroed_memory_again),
        TEST(test_copies_are_terminated),
        TEST(test_arrays),
        TEST(test_deferred_runs_last_first_once),
        TEST(test_deferred_runs_when_freed),
        TEST(test_past_the_maximum_it_aborts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
