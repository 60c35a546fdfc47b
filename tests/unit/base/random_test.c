#include "tests/support/cmocka.h"

#include "infra/base/random.h"

#include <string.h>

/* --- fixture --- */

static int setup(void **state)
{
    static struct random_seeded seeded;

    random_seeded_init(&seeded, 7);
    *state = &seeded;
    return 0;
}

/* --- helpers --- */

static struct random *random_of(void **state)
{
    struct random_seeded *seeded = *state;

    return &seeded->random;
}

/* --- success --- */

static void test_splitmix64_matches_its_reference(void **state)
{
    struct random_seeded seeded;
    uint64_t numbers[3];

    (void)state;
    random_seeded_init(&seeded, 1234567);
    random_fill(&seeded.random, numbers, sizeof(numbers));
    assert_true(numbers[0] == UINT64_C(6457827717110365317));
    assert_true(numbers[1] == UINT64_C(3203168211198807973));
    assert_true(numbers[2] == UINT64_C(9817491932198370423));
}

static void test_the_same_seed_gives_the_same_numbers(void **state)
{
    struct random_seeded again;

    random_seeded_init(&again, 7);
    for (int i = 0; i < 100; i++) {
        assert_true(random_below(random_of(state), 1000) == random_below(&again.random, 1000));
    }
}

static void test_below_reaches_every_number_evenly(void **state)
{
    int seen[10] = {0};

    for (int i = 0; i < 10000; i++) {
        seen[random_below(random_of(state), 10)]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(random_below(random_of(state), 1), 0);
    assert_true(random_below(random_of(state), UINT64_MAX) < UINT64_MAX);
}

static void test_unit_is_in_range_and_centred(void **state)
{
    double sum = 0;

    for (int i = 0; i < 10000; i++) {
        double unit = random_unit(random_of(state));

        assert_true(unit >= 0 && unit < 1);
        sum += unit;
    }
    assert_true(sum > 4800 && sum < 5200);
}

static void test_uuid_has_its_form(void **state)
{
    char uuid[37];

    for (int i = 0; i < 100; i++) {
        random_uuid(random_of(state), uuid);
        assert_int_equal(strlen(uuid), 36);
        assert_int_equal(strspn(uuid, "0123456789abcdef-"), 36);
        assert_int_equal(uuid[8], '-');
        assert_int_equal(uuid[13], '-');
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
        assert_int_equal(uuid[23], '-');
    }
}

/* --- failure --- */

static void test_the_kernel_does_not_repeat_itself(void **state)
{
    unsigned char first[1000] = {0};
    unsigned char second[1000] = {0};

    (void)state;
    random_fill(random_system(), first, sizeof(first));
    random_fill(random_system(), second, sizeof(second));
    assert_memory_not_equal(first, second, sizeof(first));
    assert_memory_not_equal(first + 900, (unsigned char[100]){0}, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splitmix64_matches_its_reference),
        cmocka_unit_test_setup(test_the_same_seed_gives_the_same_numbers, setup),
        cmocka_unit_test_setup(test_below_reaches_every_number_evenly, setup),
        cmocka_unit_test_setup(test_unit_is_in_range_and_centred, setup),
        cmocka_unit_test_setup(test_uuid_has_its_form, setup),
        cmocka_unit_test(test_the_kernel_does_not_repeat_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
