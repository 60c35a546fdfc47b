/* Ids that begin alike, which share a few places in the file. */
#include "tests/support/cmocka.h"
#include "tracker/tracker_sqlite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Fixture */

struct fixture {
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
};

static int setup(void **state)
{
    const struct tracker_options options = {.url = "sqlite::memory:"};
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    fixture->arena = arena_new(1024 * 1024);
    assert_int_equal(tracker_open(&options, &fixture->tracker, &fixture->error), STATUS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tracker_close(fixture->tracker);
    arena_free(fixture->arena);
    free(fixture);
    return 0;
}

/* Helpers */

/* They differ in the last characters only. */
static struct tracker_record alike(unsigned number)
{
    struct tracker_record record = {
        .format = TRACKER_FORMAT, .created_at_ms = 1000, .state = SLICE("state")};

    (void)snprintf(record.id, sizeof(record.id), "cccccccccccccccccccccccccccccc%02u", number);
    return record;
}

static enum status put(struct fixture *fixture, unsigned number, bool *created)
{
    struct tracker_registration registration = {.record = alike(number)};
    enum status status =
        tracker_register(fixture->tracker, fixture->arena, &registration, 1, &fixture->error);

    *created = registration.created;
    if (status == STATUS_OK && !*created) {
        assert_string_equal(registration.existing.id, registration.record.id);
    }
    return status;
}

static void put_all(struct fixture *fixture, unsigned count)
{
    for (unsigned number = 0; number < count; number++) {
        bool created = false;
        assert_int_equal(put(fixture, number, &created), STATUS_OK);
        assert_true(created);
    }
}

static struct tracker_lookup get(struct fixture *fixture, unsigned number)
{
    const struct tracker_record record = alike(number);
    struct tracker_lookup lookup = {.id = record.id};

    assert_int_equal(tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error),
                     STATUS_OK);
    if (lookup.found) {
        assert_string_equal(lookup.record.id, record.id);
    }
    lookup.id = NULL;
    return lookup;
}

static enum status change(struct fixture *fixture, unsigned number, int64_t version,
                          int64_t expires_at_ms)
{
    struct tracker_update update = {.record = alike(number)};

    update.record.version = version;
    update.record.settled_at_ms = expires_at_ms;
    update.record.expires_at_ms = expires_at_ms;
    assert_int_equal(tracker_update(fixture->tracker, &update, 1, &fixture->error), STATUS_OK);
    return update.status;
}

static void drop(struct fixture *fixture, unsigned number)
{
    size_t removed = 0;

    assert_int_equal(change(fixture, number, 1, 1), STATUS_OK);
    assert_int_equal(tracker_expire(fixture->tracker, 1, 10, &removed, &fixture->error), STATUS_OK);
    assert_int_equal(removed, 1);
}

/* Success */

static void each_is_found(void **state)
{
    struct fixture *fixture = *state;

    put_all(fixture, SQLITE_PLACES);
    for (unsigned number = 0; number < SQLITE_PLACES; number++) {
        assert_true(get(fixture, number).found);
    }
    assert_false(get(fixture, SQLITE_PLACES).found);
}

static void each_is_changed_by_itself(void **state)
{
    struct fixture *fixture = *state;

    put_all(fixture, 3);
    assert_int_equal(change(fixture, 1, 1, 0), STATUS_OK);
    assert_int_equal(get(fixture, 0).record.version, 1);
    assert_int_equal(get(fixture, 1).record.version, 2);
    assert_int_equal(get(fixture, 2).record.version, 1);
}

static void each_is_touched_by_itself(void **state)
{
    struct fixture *fixture = *state;

    put_all(fixture, 3);
    assert_int_equal(tracker_touch(fixture->tracker, alike(1).id, 5000, &fixture->error),
                     STATUS_OK);
    assert_int_equal(get(fixture, 0).record.due_at_ms, 0);
    assert_int_equal(get(fixture, 1).record.due_at_ms, 5000);
}

static void one_whose_neighbour_went_is_not_created_again(void **state)
{
    struct fixture *fixture = *state;
    bool created = true;

    put_all(fixture, 3);
    drop(fixture, 0);
    assert_int_equal(put(fixture, 2, &created), STATUS_OK);
    assert_false(created);
    assert_true(get(fixture, 1).found);
    assert_true(get(fixture, 2).found);
}

static void a_place_in_the_middle_is_used_again(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    put_all(fixture, SQLITE_PLACES);
    drop(fixture, 3);
    assert_false(get(fixture, 3).found);
    assert_int_equal(put(fixture, SQLITE_PLACES, &created), STATUS_OK);
    assert_true(created);
    assert_true(get(fixture, SQLITE_PLACES).found);
    assert_true(get(fixture, SQLITE_PLACES - 1).found);
}

static void pages_of_one_show_each_once(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_list list = {.limit = 1};
    unsigned seen[3] = {0};

    put_all(fixture, ARRAY_COUNT(seen));
    for (size_t i = 0; i < ARRAY_COUNT(seen); i++) {
        struct tracker_record *records = NULL;
        struct slice next = SLICE_NONE;
        size_t count = 0;
        assert_int_equal(tracker_list(fixture->tracker, fixture->arena, &list, &records, &count,
                                      &next, &fixture->error),
                         STATUS_OK);
        assert_int_equal(count, 1);
        seen[records[0].id[TRACKER_ID_BYTES - 1] - '0']++;
        list.token = next;
    }
    assert_null(list.token.data);
    for (size_t i = 0; i < ARRAY_COUNT(seen); i++) {
        assert_int_equal(seen[i], 1);
    }
}

static void places_are_in_the_order_of_the_ids(void **state)
{
    (void)state;
    assert_int_equal(sqlite_first_place("00000000000aaaaaaaaaaaaaaaaaaaaa"), 0);
    assert_true(sqlite_first_place("7zzzzzzzzzzaaaaaaaaaaaaaaaaaaaaa") <
                sqlite_first_place("a0000000000aaaaaaaaaaaaaaaaaaaaa"));
    assert_true(sqlite_first_place("zzzzzzzzzzzaaaaaaaaaaaaaaaaaaaaa") > 0);
}

/* Failure */

static void one_too_many_is_told(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    put_all(fixture, SQLITE_PLACES);
    assert_int_equal(put(fixture, SQLITE_PLACES, &created), STATUS_INTERNAL);
    assert_non_null(strstr(fixture->error.text, "begin with the same 11 characters"));
    assert_int_equal(put(fixture, 0, &created), STATUS_OK);
    assert_false(created);
}

static void a_change_that_lost_is_a_conflict_in_any_place(void **state)
{
    struct fixture *fixture = *state;

    put_all(fixture, 2);
    assert_int_equal(change(fixture, 0, 7, 0), STATUS_CONFLICT);
    assert_int_equal(change(fixture, 1, 7, 0), STATUS_CONFLICT);
    assert_int_equal(change(fixture, 2, 1, 0), STATUS_NOT_FOUND);
}

#define PLACES_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLACES_TEST(each_is_found),
        PLACES_TEST(each_is_changed_by_itself),
        PLACES_TEST(each_is_touched_by_itself),
        PLACES_TEST(one_whose_neighbour_went_is_not_created_again),
        PLACES_TEST(a_place_in_the_middle_is_used_again),
        PLACES_TEST(pages_of_one_show_each_once),
        PLACES_TEST(places_are_in_the_order_of_the_ids),
        PLACES_TEST(one_too_many_is_told),
        PLACES_TEST(a_change_that_lost_is_a_conflict_in_any_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
