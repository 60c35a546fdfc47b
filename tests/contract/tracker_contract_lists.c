/* Groups and lists. */
#include "tests/contract/tracker_contract.h"

#include <string.h>

/* Helpers */

static struct tracker_record in_group(unsigned number, struct slice group)
{
    struct tracker_record record = contract_record(number);

    record.group = group;
    return record;
}

static struct tracker_record latest_of(struct contract *contract, struct slice group)
{
    struct tracker_record record;

    CONTRACT_OK(contract, tracker_group_latest(contract->tracker, contract->arena, group, &record,
                                               &contract->error));
    return record;
}

struct page {
    struct tracker_record *records;
    size_t count;
    struct slice next;
};

static struct page list_page(struct contract *contract, const struct tracker_list *list)
{
    struct page page = {0};

    CONTRACT_OK(contract, tracker_list(contract->tracker, contract->arena, list, &page.records,
                                       &page.count, &page.next, &contract->error));
    assert_true(page.count <= list->limit);
    return page;
}

/* Reads all pages, expects newest first and no id twice; returns the number of records. */
static size_t list_all(struct contract *contract, struct tracker_list list, bool *seen,
                       size_t seen_count)
{
    size_t total = 0;
    size_t pages = 0;
    struct tracker_record last = {.created_at_ms = INT64_MAX};

    do {
        struct page page = list_page(contract, &list);
        for (size_t i = 0; i < page.count; i++) {
            size_t number = (size_t)(page.records[i].created_at_ms - NOW_MS);
            assert_true(page.records[i].created_at_ms < last.created_at_ms ||
                        strcmp(page.records[i].id, last.id) < 0);
            last = page.records[i];
            if (seen) {
                assert_true(number < seen_count && !seen[number]);
                seen[number] = true;
            }
        }
        total += page.count;
        list.token = page.next;
        assert_true(++pages < 1000);
    } while (list.token.data);
    return total;
}

static void register_many(struct contract *contract, unsigned from, unsigned to, struct slice group)
{
    struct tracker_registration *registrations =
        ARENA_ARRAY(contract->arena, to - from, struct tracker_registration);

    for (unsigned i = from; i < to; i++) {
        registrations[i - from].record = in_group(i, group);
        registrations[i - from].record.settled_at_ms = i % 3 == 0 ? NOW_MS : 0;
    }
    CONTRACT_OK(contract, tracker_register(contract->tracker, contract->arena, registrations,
                                           to - from, &contract->error));
}

/* Success */

static void group_latest_is_the_one_created_last(void **state)
{
    struct contract *contract = *state;
    struct tracker_record early = in_group(1, SLICE("group"));
    struct tracker_record late = in_group(2, SLICE("group"));
    struct tracker_record other = in_group(3, SLICE("grou"));

    late.settled_at_ms = NOW_MS; /* settled ones count */
    contract_register(contract, &late);
    contract_register(contract, &early);
    contract_register(contract, &other);
    assert_string_equal(latest_of(contract, SLICE("group")).id, late.id);
    contract_assert_slice(latest_of(contract, SLICE("group")).group, SLICE("group"));
    contract_assert_slice(latest_of(contract, SLICE("group")).plan, SLICE("plan"));
    assert_string_equal(latest_of(contract, SLICE("grou")).id, other.id);
}

static void group_latest_of_one_millisecond_is_decided_by_id(void **state)
{
    struct contract *contract = *state;
    unsigned numbers[] = {5, 40, 17, 3};
    struct tracker_record highest = {.id = ""};

    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        struct tracker_record record = in_group(numbers[i], SLICE("group"));
        record.created_at_ms = NOW_MS;
        contract_register(contract, &record);
        if (strcmp(record.id, highest.id) > 0) {
            highest = record;
        }
    }
    assert_string_equal(latest_of(contract, SLICE("group")).id, highest.id);
}

static void group_latest_falls_back_when_the_last_one_expires(void **state)
{
    struct contract *contract = *state;
    struct tracker_record early = in_group(1, SLICE("group"));
    struct tracker_record late = in_group(2, SLICE("group"));

    late.settled_at_ms = NOW_MS;
    late.expires_at_ms = NOW_MS;
    contract_register(contract, &early);
    contract_register(contract, &late);
    contract_expire(contract, NOW_MS, 1);
    assert_string_equal(latest_of(contract, SLICE("group")).id, early.id);
}

static void list_pages_newest_first(void **state)
{
    struct contract *contract = *state;
    const size_t limits[] = {1, 7, 30, 100};

    register_many(contract, 0, 230, SLICE_NONE);
    for (size_t i = 0; i < ARRAY_COUNT(limits); i++) {
        bool seen[230] = {false};
        struct tracker_list list = {.limit = limits[i]};
        assert_int_equal(list_all(contract, list, seen, 230), 230);
    }
}

static void list_of_one_shard_pages_too(void **state)
{
    struct contract *contract = *state;
    struct tracker_list list = {.limit = 50};

    for (unsigned i = 0; i < 120; i++) {
        /* The same first digits for all. */
        struct tracker_record record = contract_record(i << 10);
        record.created_at_ms = NOW_MS + i / 40; /* 40 in each millisecond */
        contract_register(contract, &record);
    }
    assert_int_equal(list_all(contract, list, NULL, 0), 120);
}

static void list_filters_by_group_and_by_open(void **state)
{
    struct contract *contract = *state;
    struct tracker_list list = {.limit = 20};

    register_many(contract, 0, 60, SLICE("one"));
    register_many(contract, 60, 120, SLICE("two"));
    assert_int_equal(list_all(contract, list, NULL, 0), 120);
    list.open_only = true;
    assert_int_equal(list_all(contract, list, NULL, 0), 80);
    list.group = SLICE("two");
    assert_int_equal(list_all(contract, list, NULL, 0), 40);
    list.open_only = false;
    assert_int_equal(list_all(contract, list, NULL, 0), 60);
    list.group = SLICE("three");
    assert_int_equal(list_all(contract, list, NULL, 0), 0);
}

static void list_of_open_ones_follows_settling(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record = in_group(1, SLICE("group"));
    struct tracker_list list = {.limit = 10, .open_only = true, .group = SLICE("group")};

    contract_register(contract, &record);
    assert_int_equal(list_all(contract, list, NULL, 0), 1);
    record.version = 1;
    record.settled_at_ms = NOW_MS;
    record.version = contract_update(contract, &record);
    assert_int_equal(list_all(contract, list, NULL, 0), 0);
    record.settled_at_ms = 0;
    (void)contract_update(contract, &record);
    assert_int_equal(list_all(contract, list, NULL, 0), 1);
}

static void a_token_stays_where_it_was_when_newer_ones_come(void **state)
{
    struct contract *contract = *state;
    struct tracker_list list = {.limit = 10};
    struct page first;

    register_many(contract, 0, 30, SLICE_NONE);
    first = list_page(contract, &list);
    assert_true(first.count > 0);
    register_many(contract, 30, 60, SLICE_NONE);
    list.token = first.next;
    assert_int_equal(list_all(contract, list, NULL, 0), 30 - first.count);
}

static void large_records_make_short_pages(void **state)
{
    struct contract *contract = *state;
    struct tracker_list list = {.limit = 100};
    struct slice plan = {arena_alloc(contract->arena, TRACKER_BLOB_MAX_BYTES),
                         TRACKER_BLOB_MAX_BYTES};
    struct page page;

    for (unsigned i = 0; i < 40; i++) {
        struct tracker_record record = contract_record(i);
        record.plan = plan;
        contract_register(contract, &record);
    }
    page = list_page(contract, &list);
    assert_in_range(page.count, 1, 39);
    assert_non_null(page.next.data);
    assert_int_equal(list_all(contract, list, NULL, 0), 40);
}

/* Failure */

static void an_empty_group_has_no_latest(void **state)
{
    struct contract *contract = *state;
    struct tracker_record record;

    assert_int_equal(tracker_group_latest(contract->tracker, contract->arena, SLICE("none"),
                                          &record, &contract->error),
                     STATUS_NOT_FOUND);
    assert_string_equal(contract->error.text, "");
}

static void hostile_tokens_and_limits_are_rejected(void **state)
{
    static const struct slice tokens[] = {
        {"", 0},
        {"x", 1},
        {"0017840000000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 50},
        {"-01784000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 47},
        {"001784000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0", 47},
        {"001784000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\xff", 47},
        {"001784000000000aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa';", 47},
    };
    struct contract *contract = *state;
    struct tracker_list list = {.limit = 10};
    struct page page = {0};

    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
        list.token = tokens[i];
        assert_int_equal(tracker_list(contract->tracker, contract->arena, &list, &page.records,
                                      &page.count, &page.next, &contract->error),
                         STATUS_REJECTED);
    }
    list = (struct tracker_list){.limit = 0};
    assert_int_equal(tracker_list(contract->tracker, contract->arena, &list, &page.records,
                                  &page.count, &page.next, &contract->error),
                     STATUS_REJECTED);
    list.limit = 101;
    assert_int_equal(tracker_list(contract->tracker, contract->arena, &list, &page.records,
                                  &page.count, &page.next, &contract->error),
                     STATUS_REJECTED);
}

int contract_run_lists(void)
{
    const struct CMUnitTest tests[] = {
        CONTRACT_TEST(group_latest_is_the_one_created_last),
        CONTRACT_TEST(group_latest_of_one_millisecond_is_decided_by_id),
        CONTRACT_TEST(group_latest_falls_back_when_the_last_one_expires),
        CONTRACT_TEST(list_pages_newest_first),
        CONTRACT_TEST(list_of_one_shard_pages_too),
        CONTRACT_TEST(list_filters_by_group_and_by_open),
        CONTRACT_TEST(list_of_open_ones_follows_settling),
        CONTRACT_TEST(a_token_stays_where_it_was_when_newer_ones_come),
        CONTRACT_TEST(large_records_make_short_pages),
        CONTRACT_TEST(an_empty_group_has_no_latest),
        CONTRACT_TEST(hostile_tokens_and_limits_are_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
