/* Due and claim. */
#include "tests/contract/tracker_contract.h"

#include <string.h>

/* Helpers */

struct claimed {
    struct tracker_record *records;
    size_t count;
};

static struct claimed claim(struct contract *contract, int64_t now_ms, size_t limit)
{
    struct claimed claimed = {0};

    CONTRACT_OK(contract,
                tracker_claim(contract->tracker, contract->arena, now_ms, TRACKER_LEASE_MS, "me",
                              limit, &claimed.records, &claimed.count, &contract->error));
    assert_true(claimed.count <= limit);
    return claimed;
}

static void register_due(struct contract *contract, unsigned number, int64_t due_at_ms)
{
    struct tracker_record record = contract_record(number);

    record.due_at_ms = due_at_ms;
    contract_register(contract, &record);
}

/* Success */

static void claim_leases_what_is_due(void **state)
{
    struct contract *contract = *state;
    struct claimed claimed;
    struct tracker_record stored;

    register_due(contract, 1, NOW_MS);
    claimed = claim(contract, NOW_MS, 10);
    assert_int_equal(claimed.count, 1);
    stored = contract_get(contract, contract_id(1).text);
    assert_int_equal(stored.version, 2);
    assert_int_equal(stored.due_at_ms, NOW_MS + TRACKER_LEASE_MS);
    assert_string_equal(stored.lease_owner, "me");
    assert_string_equal(claimed.records[0].id, stored.id);
    assert_int_equal(claimed.records[0].version, stored.version);
    assert_int_equal(claimed.records[0].due_at_ms, stored.due_at_ms);
    assert_string_equal(claimed.records[0].lease_owner, stored.lease_owner);
    contract_assert_slice(claimed.records[0].plan, SLICE("plan"));
    contract_assert_slice(claimed.records[0].state, SLICE("state"));
}

static void claim_passes_over_what_is_not_due(void **state)
{
    struct contract *contract = *state;

    register_due(contract, 1, NOW_MS + 1);
    register_due(contract, 2, 0);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 0);
    assert_int_equal(contract_get(contract, contract_id(1).text).version, 1);
    assert_int_equal(claim(contract, NOW_MS + 1, 10).count, 1);
}

static void a_lease_ends_by_time(void **state)
{
    struct contract *contract = *state;

    register_due(contract, 1, NOW_MS);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 1);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 0);
    assert_int_equal(claim(contract, NOW_MS + TRACKER_LEASE_MS - 1, 10).count, 0);
    assert_int_equal(claim(contract, NOW_MS + TRACKER_LEASE_MS, 10).count, 1);
    assert_int_equal(contract_get(contract, contract_id(1).text).version, 3);
}

static void an_update_with_the_version_before_the_claim_loses(void **state)
{
    struct contract *contract = *state;
    struct tracker_update update = {.record = contract_record(1)};

    register_due(contract, 1, NOW_MS);
    (void)claim(contract, NOW_MS, 10);
    update.record.version = 1;
    CONTRACT_OK(contract, tracker_update(contract->tracker, &update, 1, &contract->error));
    assert_int_equal(update.status, STATUS_CONFLICT);
}

static void the_longest_due_comes_first(void **state)
{
    struct contract *contract = *state;

    /* One shard: the order holds within it. */
    for (unsigned i = 0; i < 20; i++) {
        register_due(contract, i << 10, NOW_MS - (i * 7) % 20);
    }
    for (unsigned i = 0; i < 4; i++) {
        struct claimed claimed = claim(contract, NOW_MS, 5);
        assert_int_equal(claimed.count, 5);
        for (unsigned at = 0; at < 5; at++) {
            unsigned lag = 19 - (i * 5 + at); /* (k * 7) % 20 == lag has one k below 20 */
            unsigned k = lag * 3 % 20;
            assert_string_equal(claimed.records[at].id, contract_id(k << 10).text);
        }
    }
}

static void claim_takes_from_all_shards_up_to_its_limit(void **state)
{
    struct contract *contract = *state;
    size_t total = 0;
    size_t rounds = 0;

    for (unsigned i = 0; i < 200; i++) {
        register_due(contract, i, NOW_MS - i);
    }
    while (total < 200) {
        struct claimed claimed = claim(contract, NOW_MS, 30);
        assert_int_equal(claimed.count, total + 30 <= 200 ? 30 : 200 - total);
        total += claimed.count;
        assert_true(++rounds < 20);
    }
    assert_int_equal(claim(contract, NOW_MS, 30).count, 0);
}

static void a_later_format_is_never_claimed(void **state)
{
    struct contract *contract = *state;
    struct tracker_record later = contract_record(0);
    struct claimed claimed;

    later.format = TRACKER_FORMAT + 1;
    later.due_at_ms = NOW_MS - 1000; /* before ours, in the same shard */
    contract_register(contract, &later);
    register_due(contract, 1u << 10, NOW_MS);
    claimed = claim(contract, NOW_MS, 1);
    assert_int_equal(claimed.count, 1);
    assert_string_equal(claimed.records[0].id, contract_id(1u << 10).text);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 0);
    assert_int_equal(contract_get(contract, later.id).version, 1);
}

static void due_follows_updates_and_touches(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    contract_register(contract, &record);
    record.version = 1;
    record.due_at_ms = 0;
    record.version = contract_update(contract, &record);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 0);
    CONTRACT_OK(contract, tracker_touch(contract->tracker, record.id, NOW_MS, &contract->error));
    assert_int_equal(claim(contract, NOW_MS, 10).count, 1);
    record.version = contract_get(contract, record.id).version;
    record.due_at_ms = NOW_MS + 5;
    (void)contract_update(contract, &record);
    assert_int_equal(claim(contract, NOW_MS + 5, 10).count, 1);
}

static void due_stays_with_an_update_that_leaves_it(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    record.due_at_ms = NOW_MS;
    contract_register(contract, &record);
    record.version = 1;
    (void)contract_update(contract, &record);
    assert_int_equal(claim(contract, NOW_MS - 1, 10).count, 0);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 1);
}

static void a_record_written_in_a_later_format_leaves_our_due(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    contract_register(contract, &record);
    record.version = 1;
    record.format = TRACKER_FORMAT + 1;
    (void)contract_update(contract, &record);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 0);
}

static void a_claimed_record_expires_like_any_other(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    record.settled_at_ms = NOW_MS;
    record.expires_at_ms = NOW_MS;
    contract_register(contract, &record);
    contract_expire(contract, NOW_MS, 1);
    assert_int_equal(claim(contract, NOW_MS, 10).count, 0);
}

/* Failure */

static void wrong_leases_are_rejected(void **state)
{
    struct contract *contract = *state;
    struct claimed claimed = {0};
    char owner[TRACKER_OWNER_MAX_BYTES + 2];

    memset(owner, 'o', sizeof(owner) - 1);
    owner[sizeof(owner) - 1] = '\0';
    assert_int_equal(tracker_claim(contract->tracker, contract->arena, NOW_MS, 0, "me", 1,
                                   &claimed.records, &claimed.count, &contract->error),
                     STATUS_REJECTED);
    assert_int_equal(tracker_claim(contract->tracker, contract->arena, -1, 1, "me", 1,
                                   &claimed.records, &claimed.count, &contract->error),
                     STATUS_REJECTED);
    assert_int_equal(tracker_claim(contract->tracker, contract->arena, NOW_MS, 1, owner, 1,
                                   &claimed.records, &claimed.count, &contract->error),
                     STATUS_REJECTED);
}

int contract_run_claims(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(claim_leases_what_is_due),
        CONTRACT_TEST(claim_passes_over_what_is_not_due),
        CONTRACT_TEST(a_lease_ends_by_time),
        CONTRACT_TEST(an_update_with_the_version_before_the_claim_loses),
        CONTRACT_TEST(the_longest_due_comes_first),
        CONTRACT_TEST(claim_takes_from_all_shards_up_to_its_limit),
        CONTRACT_TEST(a_later_format_is_never_claimed),
        CONTRACT_TEST(due_follows_updates_and_touches),
        CONTRACT_TEST(due_stays_with_an_update_that_leaves_it),
        CONTRACT_TEST(a_record_written_in_a_later_format_leaves_our_due),
        CONTRACT_TEST(a_claimed_record_expires_like_any_other),
        CONTRACT_TEST(wrong_leases_are_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
