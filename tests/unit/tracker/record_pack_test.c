/* Packing: what goes in comes out, smaller; what is damaged is told, never more than was asked for.
 */
#include "tests/support/cmocka.h"
#include "tracker/record_pack.h"

#include "infra/base/random.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (1u << 20)
#define THREADS   4
#define ROUNDS    200

/* ---- Fixture ---- */

struct fixture {
    struct buffer packed;
    struct buffer plain;
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){0};
    buffer_init(&fixture.packed, MAX_BYTES);
    buffer_init(&fixture.plain, MAX_BYTES);
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    buffer_clear(&fixture->packed);
    buffer_clear(&fixture->plain);
    return 0;
}

/* ---- Helpers ---- */

static void assert_comes_back(struct fixture *fixture, struct slice text)
{
    buffer_reset(&fixture->packed);
    buffer_reset(&fixture->plain);
    record_pack(text, &fixture->packed);
    assert_false(fixture->packed.overflowed);
    assert_true(record_is_packed(buffer_slice(&fixture->packed)));
    assert_int_equal(
        record_unpack(buffer_slice(&fixture->packed), &fixture->plain, &fixture->error), STATUS_OK);
    assert_true(slice_equals(buffer_slice(&fixture->plain), text));
}

/* ---- Success ---- */

static void a_state_takes_less_than_half(void **context)
{
    const struct slice state =
        SLICE("{\"statement\":3,\"step\":1,\"attempt\":1,\"id\":\"d9b6c0c9-0747-4bf4-b142-"
              "e88831000000\",\"lastSend\":1795178096000,\"sends\":1,\"statementAt\":1796062420715,"
              "\"callbacks\":[{\"kind\":1,\"digest\":\"f113d8960cf14267\"}],\"updatedAt\":"
              "1795178096000}");
    struct fixture *fixture = *context;
    assert_comes_back(fixture, state);
    assert_true(fixture->packed.size < state.size / 2);
}

static void any_bytes_come_back(void **context)
{
    struct random_seeded random;
    static char bytes[300000];
    random_seeded_init(&random, 5);
    for (size_t size = 0; size < sizeof(bytes); size = size * 3 + 1) {
        random_fill(&random.random, bytes, size);
        assert_comes_back(*context, (struct slice){bytes, size});
    }
}

static void long_text_comes_back(void **context)
{
    static char text[900000];
    memset(text, 'x', sizeof(text));
    assert_comes_back(*context, (struct slice){text, sizeof(text)});
}

/* What a thread did: how many of its own texts did not come back. */
static void *pack_and_unpack(void *seed)
{
    struct random_seeded random;
    size_t wrong = 0;
    random_seeded_init(&random, *(const unsigned char *)seed);
    for (unsigned round = 0; round < ROUNDS; round++) {
        CLEANUP(buffer_clear) struct buffer packed;
        CLEANUP(buffer_clear) struct buffer plain;
        struct error error = ERROR_NONE;
        char text[2000];
        buffer_init(&packed, MAX_BYTES);
        buffer_init(&plain, MAX_BYTES);
        memset(text, 'a' + (int)(round % 26), sizeof(text));
        random_fill(&random.random, text, 20);
        record_pack((struct slice){text, sizeof(text)}, &packed);
        wrong += record_unpack(buffer_slice(&packed), &plain, &error) != STATUS_OK ||
                 !slice_equals(buffer_slice(&plain), (struct slice){text, sizeof(text)});
    }
    return wrong == 0 ? NULL : seed;
}

static void threads_do_not_disturb_each_other(void **context)
{
    static unsigned char seeds[THREADS] = {1, 2, 3, 4};
    pthread_t threads[THREADS];
    (void)context;
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, pack_and_unpack, &seeds[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *wrong = NULL;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
}

static void plain_json_is_not_taken_for_packed(void **context)
{
    (void)context;
    assert_false(record_is_packed(SLICE("{\"id\":1}")));
    assert_false(record_is_packed(SLICE_NONE));
}

/* ---- Failure ---- */

static void a_text_cut_short_is_refused(void **context)
{
    struct fixture *fixture = *context;
    record_pack(SLICE("{\"statement\":3,\"step\":1,\"what\":\"1kd93kdmnu\"}"), &fixture->packed);
    for (size_t size = 1; size < fixture->packed.size; size++) {
        buffer_reset(&fixture->plain);
        assert_int_equal(record_unpack(slice_part(buffer_slice(&fixture->packed), 0, size),
                                       &fixture->plain, &fixture->error),
                         STATUS_REJECTED);
    }
}

static void more_than_there_is_room_for_is_refused(void **context)
{
    struct fixture *fixture = *context;
    static char text[900000];
    struct buffer small;
    buffer_init(&small, 10000);
    record_pack((struct slice){text, sizeof(text)}, &fixture->packed);
    assert_true(fixture->packed.size < 2000);
    assert_int_equal(record_unpack(buffer_slice(&fixture->packed), &small, &fixture->error),
                     STATUS_REJECTED);
    assert_true(small.size <= 10000);
    buffer_clear(&small);
}

/* Frames written by hand (RFC 8878, section 3.1.1): a head, and one raw block that holds "x". */
#define BLOCK_OF_X        "\x09\0\0x"
#define FRAME_OF_X        "\x20\x01" BLOCK_OF_X
#define FRAME_OF_NO_SIZE  "\0\x58" BLOCK_OF_X
#define FRAME_OF_257      "\x60\x01\0" BLOCK_OF_X
#define FRAME_OF_TERABYTE "\xe0\0\0\0\0\0\x01\0\0" BLOCK_OF_X
#define MAGIC             "\x28\xb5\x2f\xfd"

static void only_one_frame_that_tells_its_size_is_taken(void **context)
{
    const struct {
        struct slice packed;
        enum status status;
    } cases[] = {
        {SLICE("\x01" FRAME_OF_X), STATUS_OK},
        {SLICE("\x01"), STATUS_REJECTED},
        {SLICE("\x01" FRAME_OF_NO_SIZE), STATUS_REJECTED},
        {SLICE("\x01" FRAME_OF_257), STATUS_REJECTED},
        {SLICE("\x01" FRAME_OF_TERABYTE), STATUS_REJECTED},
        {SLICE("\x01" FRAME_OF_X "y"), STATUS_REJECTED},
        {SLICE("\x01" FRAME_OF_X MAGIC FRAME_OF_X), STATUS_REJECTED},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buffer_reset(&fixture->plain);
        assert_int_equal(record_unpack(cases[i].packed, &fixture->plain, &fixture->error),
                         cases[i].status);
        assert_int_equal(fixture->plain.size, cases[i].status == STATUS_OK ? 1 : 0);
        assert_true(fixture->plain.capacity < 4096);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_state_takes_less_than_half),
        TEST(any_bytes_come_back),
        TEST(long_text_comes_back),
        TEST(threads_do_not_disturb_each_other),
        TEST(plain_json_is_not_taken_for_packed),
        TEST(a_text_cut_short_is_refused),
        TEST(more_than_there_is_room_for_is_refused),
        TEST(only_one_frame_that_tells_its_size_is_taken),
    };
    return cmocka_run_group_tests_name("record_pack", tests, NULL, NULL);
}
