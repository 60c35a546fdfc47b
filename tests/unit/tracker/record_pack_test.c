/* Packing: what goes in comes out, smaller; what is damaged is told, never more than was asked for.
 */
#include "tests/support/cmocka.h"
#include "tracker/record_pack.h"

#include "infra/base/random.h"

#include <stdlib.h>
#include <string.h>

#define MAX_BYTES (1u << 20)

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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_state_takes_less_than_half), TEST(any_bytes_come_back),
        TEST(long_text_comes_back),         TEST(plain_json_is_not_taken_for_packed),
        TEST(a_text_cut_short_is_refused),  TEST(more_than_there_is_room_for_is_refused),
    };
    return cmocka_run_group_tests_name("record_pack", tests, NULL, NULL);
}
