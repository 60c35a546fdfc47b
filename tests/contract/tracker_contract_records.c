/* Register, find, update, touch, count, expire. */
#include "tests/contract/tracker_contract.h"
#include "tracker/tracker_backend.h"

#include <string.h>

#define DAY_MS 86400000

/* Helpers */

static struct slice big_bytes(struct contract *contract, size_t size, unsigned seed)
{
    char *bytes = arena_alloc(contract->arena, size);

    for (size_t i = 0; i < size; i++) {
        bytes[i] = (char)((i * 31 + seed) % 256); /* every byte value, NUL too */
    }
    return (struct slice){bytes, size};
}

static enum status update_status(struct contract *contract, const struct tracker_record *record)
{
    struct tracker_update update = {.record = *record};

    CONTRACT_OK(contract, tracker_update(contract->tracker, &update, 1, &contract->error));
    return update.status;
}

static enum status register_status(struct contract *contract, const struct tracker_record *record)
{
    struct tracker_registration registration = {.record = *record};

    return tracker_register(contract->tracker, contract->arena, &registration, 1, &contract->error);
}

/* Success */

static void register_stores_every_column(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_record stored;

    record.version = 77; /* ignored */
    record.settled_at_ms = NOW_MS + 5;
    record.expires_at_ms = NOW_MS + 6;
    record.group = SLICE("a group\0with NUL");
    record.plan = SLICE("pl\0an");
    record.state = SLICE("");
    (void)strcpy(record.lease_owner, "owner");
    contract_register(contract, &record);
    stored = contract_get(contract, record.id);
    assert_string_equal(stored.id, record.id);
    assert_int_equal(stored.version, 1);
    assert_int_equal(stored.format, TRACKER_FORMAT);
    assert_int_equal(stored.created_at_ms, record.created_at_ms);
    assert_int_equal(stored.due_at_ms, record.due_at_ms);
    assert_int_equal(stored.settled_at_ms, record.settled_at_ms);
    assert_int_equal(stored.expires_at_ms, record.expires_at_ms);
    assert_string_equal(stored.lease_owner, "owner");
    contract_assert_slice(stored.group, record.group);
    contract_assert_slice(stored.plan, record.plan);
    contract_assert_slice(stored.state, record.state);
}

static void absent_blobs_stay_absent(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_record stored;

    record.plan = SLICE_NONE;
    record.state = SLICE_NONE;
    contract_register(contract, &record);
    stored = contract_get(contract, record.id);
    contract_assert_slice(stored.plan, SLICE_NONE);
    contract_assert_slice(stored.state, SLICE_NONE);
    contract_assert_slice(stored.group, SLICE_NONE);
}

static void largest_blobs_come_back(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_record stored;

    record.plan = big_bytes(contract, TRACKER_BLOB_MAX_BYTES, 1);
    record.state = big_bytes(contract, TRACKER_BLOB_MAX_BYTES, 2);
    record.group = big_bytes(contract, TRACKER_GROUP_MAX_BYTES, 3);
    contract_register(contract, &record);
    stored = contract_get(contract, record.id);
    contract_assert_slice(stored.plan, record.plan);
    contract_assert_slice(stored.state, record.state);
    contract_assert_slice(stored.group, record.group);
}

static void a_second_register_returns_what_exists(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_registration again = {.record = record};

    contract_register(contract, &record);
    again.record.plan = SLICE("other");
    again.record.group = SLICE("other group");
    again.record.created_at_ms++;
    CONTRACT_OK(contract,
                tracker_register(contract->tracker, contract->arena, &again, 1, &contract->error));
    assert_false(again.created);
    assert_int_equal(again.existing.version, 1);
    contract_assert_slice(again.existing.plan, SLICE("plan"));
    contract_assert_slice(again.existing.state, SLICE("state"));
    contract_assert_slice(contract_get(contract, record.id).group, SLICE_NONE);
    assert_int_equal(contract_counts(contract).records, 1);
}

static void the_same_id_twice_in_one_call_is_created_once(void **state)
{
    struct contract *contract = *state;
    struct tracker_registration both[3] = {{.record = contract_record(1)},
                                           {.record = contract_record(2)},
                                           {.record = contract_record(1)}};

    both[2].record.plan = SLICE("second");
    CONTRACT_OK(contract,
                tracker_register(contract->tracker, contract->arena, both, 3, &contract->error));
    assert_true(both[0].created);
    assert_true(both[1].created);
    assert_false(both[2].created);
    contract_assert_slice(both[2].existing.plan, SLICE("plan"));
}

static void find_answers_each_lookup_by_itself(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct contract_id known = contract_id(1);
    struct contract_id unknown = contract_id(2);
    struct tracker_lookup lookups[3] = {
        {.id = known.text}, {.id = unknown.text}, {.id = known.text}};

    lookups[1].found = true; /* left from an earlier use */
    contract_register(contract, &record);
    CONTRACT_OK(contract,
                tracker_find(contract->tracker, contract->arena, lookups, 3, &contract->error));
    assert_true(lookups[0].found);
    assert_false(lookups[1].found);
    assert_true(lookups[2].found);
    assert_string_equal(lookups[2].record.id, known.text);
}

static void update_stores_what_may_change_and_nothing_else(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_record changed;
    struct tracker_record stored;

    record.group = SLICE("group");
    contract_register(contract, &record);
    changed = record;
    changed.version = 1;
    changed.created_at_ms = 5;
    changed.group = SLICE("elsewhere");
    changed.plan = SLICE("not replaced");
    changed.state = SLICE("new\0state");
    changed.due_at_ms = NOW_MS + 10;
    changed.settled_at_ms = NOW_MS + 11;
    changed.expires_at_ms = NOW_MS + 12;
    (void)strcpy(changed.lease_owner, "me");
    assert_int_equal(contract_update(contract, &changed), 2);
    stored = contract_get(contract, record.id);
    assert_int_equal(stored.version, 2);
    assert_int_equal(stored.created_at_ms, record.created_at_ms);
    assert_int_equal(stored.due_at_ms, NOW_MS + 10);
    assert_int_equal(stored.settled_at_ms, NOW_MS + 11);
    assert_int_equal(stored.expires_at_ms, NOW_MS + 12);
    assert_string_equal(stored.lease_owner, "me");
    contract_assert_slice(stored.group, SLICE("group"));
    contract_assert_slice(stored.plan, SLICE("plan"));
    contract_assert_slice(stored.state, SLICE("new\0state"));
}

static void update_replaces_and_drops_the_plan_when_told(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_update update = {.record = record, .replace_plan = true};

    contract_register(contract, &record);
    update.record.version = 1;
    update.record.plan = SLICE("new plan");
    CONTRACT_OK(contract, tracker_update(contract->tracker, &update, 1, &contract->error));
    contract_assert_slice(contract_get(contract, record.id).plan, SLICE("new plan"));
    update.record.plan = SLICE_NONE;
    update.record.state = SLICE_NONE;
    CONTRACT_OK(contract, tracker_update(contract->tracker, &update, 1, &contract->error));
    assert_int_equal(update.status, STATUS_OK);
    contract_assert_slice(contract_get(contract, record.id).plan, SLICE_NONE);
    contract_assert_slice(contract_get(contract, record.id).state, SLICE_NONE);
}

static void update_judges_each_record_by_itself(void **state)
{
    struct contract *contract = *state;
    struct tracker_update updates[4] = {{.record = contract_record(1)},
                                        {.record = contract_record(2)},
                                        {.record = contract_record(3)},
                                        {.record = contract_record(1)}};

    contract_register(contract, &updates[0].record);
    contract_register(contract, &updates[1].record);
    updates[0].record.version = 1;
    updates[1].record.version = 2; /* never was */
    updates[2].record.version = 1; /* no such record */
    updates[3].record.version = 1; /* overtaken by the first */
    CONTRACT_OK(contract, tracker_update(contract->tracker, updates, 4, &contract->error));
    assert_int_equal(updates[0].status, STATUS_OK);
    assert_int_equal(updates[0].record.version, 2);
    assert_int_equal(updates[1].status, STATUS_CONFLICT);
    assert_int_equal(updates[1].record.version, 2);
    assert_int_equal(updates[2].status, STATUS_NOT_FOUND);
    assert_int_equal(updates[3].status, STATUS_CONFLICT);
    assert_int_equal(contract_get(contract, updates[1].record.id).version, 1);
}

static void a_later_format_is_read_but_never_written(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    record.format = TRACKER_FORMAT + 1;
    record.due_at_ms = 0;
    contract_register(contract, &record);
    record.version = 1;
    record.format = TRACKER_FORMAT;
    record.state = SLICE("overwritten");
    assert_int_equal(update_status(contract, &record), STATUS_CONFLICT);
    CONTRACT_OK(contract, tracker_touch(contract->tracker, record.id, NOW_MS, &contract->error));
    record = contract_get(contract, record.id);
    assert_int_equal(record.format, TRACKER_FORMAT + 1);
    assert_int_equal(record.version, 1);
    assert_int_equal(record.due_at_ms, 0);
    contract_assert_slice(record.state, SLICE("state"));
}

static void touch_makes_an_open_record_due(void **state)
{
    struct contract *contract = *state;
    struct tracker_record never = contract_record(1);
    struct tracker_record later = contract_record(2);
    struct tracker_record before = contract_record(3);

    never.due_at_ms = 0;
    later.due_at_ms = NOW_MS + 1000;
    before.due_at_ms = NOW_MS - 1000;
    contract_register(contract, &never);
    contract_register(contract, &later);
    contract_register(contract, &before);
    CONTRACT_OK(contract, tracker_touch(contract->tracker, never.id, NOW_MS, &contract->error));
    CONTRACT_OK(contract, tracker_touch(contract->tracker, later.id, NOW_MS, &contract->error));
    CONTRACT_OK(contract, tracker_touch(contract->tracker, before.id, NOW_MS, &contract->error));
    assert_int_equal(contract_get(contract, never.id).due_at_ms, NOW_MS);
    assert_int_equal(contract_get(contract, later.id).due_at_ms, NOW_MS);
    assert_int_equal(contract_get(contract, before.id).due_at_ms, NOW_MS - 1000);
    assert_int_equal(contract_get(contract, later.id).version, 1);
}

static void touch_leaves_a_settled_record_alone(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    record.due_at_ms = 0;
    record.settled_at_ms = NOW_MS;
    contract_register(contract, &record);
    CONTRACT_OK(contract, tracker_touch(contract->tracker, record.id, NOW_MS, &contract->error));
    assert_int_equal(contract_get(contract, record.id).due_at_ms, 0);
}

static void touch_of_nothing_is_not_found(void **state)
{
    struct contract *contract = *state;

    assert_int_equal(
        tracker_touch(contract->tracker, contract_id(1).text, NOW_MS, &contract->error),
        STATUS_NOT_FOUND);
}

static void counts_follow_every_change(void **state)
{
    struct contract *contract = *state;
    struct tracker_record one = contract_record(1);
    struct tracker_record two = contract_record(2);

    assert_int_equal(contract_counts(contract).records, 0);
    two.settled_at_ms = NOW_MS;
    contract_register(contract, &one);
    contract_register(contract, &two);
    assert_int_equal(contract_counts(contract).records, 2);
    assert_int_equal(contract_counts(contract).open, 1);
    one.version = 1;
    one.settled_at_ms = NOW_MS;
    one.expires_at_ms = NOW_MS + 1;
    one.version = contract_update(contract, &one);
    (void)contract_update(contract, &one);
    assert_int_equal(contract_counts(contract).open, 0);
    contract_expire(contract, NOW_MS + 1, 1);
    assert_int_equal(contract_counts(contract).records, contract_backend.expires_by_itself ? 2 : 1);
    /* Of a store that expires by itself: counted under the day, which is over now. */
    contract_expire(contract, NOW_MS + DAY_MS, 0);
    assert_int_equal(contract_counts(contract).records, 1);
    assert_int_equal(contract_counts(contract).open, 0);
}

static void expire_removes_what_has_passed_and_only_that(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(0);
    struct tracker_lookup lookup = {.id = record.id};

    for (unsigned i = 0; i < 4; i++) {
        record = contract_record(i);
        record.settled_at_ms = i == 3 ? 0 : NOW_MS;
        record.expires_at_ms = i == 3 ? 0 : NOW_MS + i;
        record.group = SLICE("group");
        contract_register(contract, &record);
    }
    contract_expire(contract, NOW_MS + 1, 2);
    record = contract_record(0);
    CONTRACT_OK(contract,
                tracker_find(contract->tracker, contract->arena, &lookup, 1, &contract->error));
    assert_false(lookup.found);
    (void)contract_get(contract, contract_id(2).text);
    (void)contract_get(contract, contract_id(3).text);
    /* The id is free again, and nothing of the old record shows. */
    record.plan = SLICE_NONE;
    contract_register(contract, &record);
    contract_assert_slice(contract_get(contract, record.id).plan, SLICE_NONE);
}

static void expire_follows_updates(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);
    struct tracker_lookup lookup = {.id = record.id};

    record.settled_at_ms = NOW_MS;
    record.expires_at_ms = NOW_MS + 1;
    contract_register(contract, &record);
    record.version = 1;
    record.expires_at_ms = NOW_MS + 100;
    record.version = contract_update(contract, &record);
    (void)contract_update(contract, &record); /* leaves it */
    contract_expire(contract, NOW_MS + 50, 0);
    (void)contract_get(contract, record.id);
    contract_expire(contract, NOW_MS + 100, 1);
    CONTRACT_OK(contract,
                tracker_find(contract->tracker, contract->arena, &lookup, 1, &contract->error));
    assert_false(lookup.found);
}

static void expire_stops_at_about_its_limit(void **state)
{
    struct contract *contract = *state;
    struct tracker_registration registrations[300];
    size_t removed = 0;

    for (unsigned i = 0; i < 300; i++) {
        registrations[i] = (struct tracker_registration){.record = contract_record(i)};
        registrations[i].record.settled_at_ms = NOW_MS;
        registrations[i].record.expires_at_ms = NOW_MS;
    }
    CONTRACT_OK(contract, tracker_register(contract->tracker, contract->arena, registrations, 300,
                                           &contract->error));
    CONTRACT_OK(contract,
                tracker_expire(contract->tracker, NOW_MS, 64, &removed, &contract->error));
    assert_in_range(removed, contract_backend.expires_by_itself ? 0 : 1, 128);
    while (removed > 0) {
        CONTRACT_OK(contract,
                    tracker_expire(contract->tracker, NOW_MS, 64, &removed, &contract->error));
    }
    contract_expire(contract, NOW_MS + DAY_MS, 0);
    assert_int_equal(contract_counts(contract).records, 0);
}

static void no_operation_is_missing(void **state)
{
    struct contract *contract = *state;
    const struct tracker_backend *backend = contract->tracker->backend;
    void (*const none)(void) = NULL;

    /* The table is a name and functions, nothing else. */
    assert_non_null(backend->name);
    for (size_t at = sizeof(backend->name); at < sizeof(*backend); at += sizeof(none)) {
        assert_memory_not_equal((const char *)backend + at, &none, sizeof(none));
    }
}

static void everything_survives_closing(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    contract_register(contract, &record);
    tracker_close(contract->tracker);
    contract->tracker = contract_open(contract);
    CONTRACT_OK(contract, tracker_ping(contract->tracker, &contract->error));
    contract_assert_slice(contract_get(contract, record.id).plan, SLICE("plan"));
    assert_int_equal(contract_counts(contract).records, 1);
}

/* Failure */

static void a_later_schema_is_refused(void **state)
{
    struct contract *contract = *state;
    struct tracker *later = NULL;

    contract_backend.raise_schema();
    assert_int_equal(tracker_open(&contract->options, &later, &contract->error), STATUS_REJECTED);
    assert_null(later);
    assert_non_null(strstr(contract->error.text, "schema"));
}

static void malformed_ids_are_rejected(void **state)
{
    static const char *const ids[] = {"", "short", "UPPERaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa*",
                                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"};
    struct contract *contract = *state;

    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        struct tracker_lookup lookup = {.id = ids[i]};
        assert_int_equal(
            tracker_find(contract->tracker, contract->arena, &lookup, 1, &contract->error),
            STATUS_REJECTED);
    }
}

static void blobs_past_their_limits_are_rejected(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    record.plan = big_bytes(contract, TRACKER_BLOB_MAX_BYTES + 1, 0);
    assert_int_equal(register_status(contract, &record), STATUS_REJECTED);
    record = contract_record(1);
    record.state = big_bytes(contract, TRACKER_BLOB_MAX_BYTES + 1, 0);
    assert_int_equal(register_status(contract, &record), STATUS_REJECTED);
    record = contract_record(1);
    record.group = big_bytes(contract, TRACKER_GROUP_MAX_BYTES + 1, 0);
    assert_int_equal(register_status(contract, &record), STATUS_REJECTED);
    assert_int_equal(contract_counts(contract).records, 0);
}

static void an_open_record_that_expires_is_rejected(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = contract_record(1);

    record.expires_at_ms = NOW_MS;
    assert_int_equal(register_status(contract, &record), STATUS_REJECTED);
    assert_non_null(strstr(contract->error.text, "expires_at_ms"));
}

int contract_run_records(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(register_stores_every_column),
        CONTRACT_TEST(absent_blobs_stay_absent),
        CONTRACT_TEST(largest_blobs_come_back),
        CONTRACT_TEST(a_second_register_returns_what_exists),
        CONTRACT_TEST(the_same_id_twice_in_one_call_is_created_once),
        CONTRACT_TEST(find_answers_each_lookup_by_itself),
        CONTRACT_TEST(update_stores_what_may_change_and_nothing_else),
        CONTRACT_TEST(update_replaces_and_drops_the_plan_when_told),
        CONTRACT_TEST(update_judges_each_record_by_itself),
        CONTRACT_TEST(a_later_format_is_read_but_never_written),
        CONTRACT_TEST(touch_makes_an_open_record_due),
        CONTRACT_TEST(touch_leaves_a_settled_record_alone),
        CONTRACT_TEST(touch_of_nothing_is_not_found),
        CONTRACT_TEST(counts_follow_every_change),
        CONTRACT_TEST(expire_removes_what_has_passed_and_only_that),
        CONTRACT_TEST(expire_follows_updates),
        CONTRACT_TEST(expire_stops_at_about_its_limit),
        CONTRACT_TEST(no_operation_is_missing),
        CONTRACT_TEST(everything_survives_closing),
        CONTRACT_TEST(a_later_schema_is_refused),
        CONTRACT_TEST(malformed_ids_are_rejected),
        CONTRACT_TEST(blobs_past_their_limits_are_rejected),
        CONTRACT_TEST(an_open_record_that_expires_is_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
