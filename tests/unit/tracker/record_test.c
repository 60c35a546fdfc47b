/* Records sealed on their way into the store and opened on their way out. */
#include "tests/support/cmocka.h"
#include "tracker/record.h"

#include "infra/base/buffer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID       "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define OTHER_ID "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_A    "a:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n"
#define KEY_B    "b:ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=\n"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct random_seeded random;
    struct seal_keys *keys;
    struct seal_keys *other_keys;
    struct seal_keys *no_keys;
    struct record_seal seal;
    struct slice sql;
    struct plan_step step;
    struct record record;
    struct error error;
};

static struct seal_keys *load_keys(const char *text)
{
    char path[] = "/tmp/ringback-keys-XXXXXX";
    struct seal_keys *keys = NULL;
    struct error error = ERROR_NONE;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
    assert_int_equal(seal_keys_load(path, &keys, &error), STATUS_OK);
    assert_int_equal(unlink(path), 0);
    return keys;
}

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(32u << 20)};
    random_seeded_init(&fixture.random, 3);
    fixture.keys = load_keys(KEY_A);
    fixture.other_keys = load_keys(KEY_B);
    fixture.no_keys = seal_keys_none();
    fixture.seal = (struct record_seal){fixture.keys, &fixture.random.random};
    fixture.sql = SLICE("select 'secret'");
    fixture.step = (struct plan_step){.sqls = &fixture.sql, .sql_count = 1};
    fixture.record.created_at_ms = 11;
    fixture.record.due_at_ms = 12;
    fixture.record.version = 13;
    fixture.record.group = SLICE("group");
    fixture.record.plan = (struct plan){.id = ID,
                                        .group = SLICE("group"),
                                        .steps = &fixture.step,
                                        .step_count = 1,
                                        .session_keep_alive_seconds = -1,
                                        .retry.max_attempts = 1,
                                        .address_count = 1};
    address_init(&fixture.record.plan.addresses[0], ADDRESS_TASK_TOKEN, SLICE("secret-token"));
    fixture.record.state.step = fixture.record.state.attempt = 1;
    fixture.record.state.error_text = SLICE("secret text");
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    seal_keys_free(fixture->keys);
    seal_keys_free(fixture->other_keys);
    seal_keys_free(fixture->no_keys);
    arena_free(fixture->arena);
    return 0;
}

/* ---- Helpers ---- */

static struct tracker_record closed(struct fixture *fixture)
{
    struct tracker_record stored;
    assert_int_equal(record_close(&fixture->seal, fixture->arena, &fixture->record, "owner",
                                  &stored, &fixture->error),
                     STATUS_OK);
    return stored;
}

static enum status open_stored(struct fixture *fixture, const struct tracker_record *stored,
                               struct record *record)
{
    fixture->error = ERROR_NONE;
    enum status status =
        record_open(&fixture->seal, fixture->arena, stored, record, &fixture->error);
    assert_int_equal(fixture->error.status, status);
    return status;
}

static void assert_opens(struct fixture *fixture, const struct tracker_record *stored)
{
    struct record record;
    assert_int_equal(open_stored(fixture, stored, &record), STATUS_OK);
    assert_string_equal(record.plan.id, ID);
    assert_true(slice_equals(record.plan.steps[0].sqls[0], fixture->sql));
    assert_true(slice_equals(record.state.error_text, SLICE("secret text")));
    assert_true(slice_equals_text(record.plan.addresses[0].target, "secret-token"));
    assert_true(slice_equals_text(record.group, "group"));
    assert_int_equal(record.created_at_ms, 11);
    assert_int_equal(record.due_at_ms, 12);
    assert_int_equal(record.version, stored->version);
}

static bool has(struct slice bytes, const char *text)
{
    return slice_find(bytes, slice_from_text(text)) < bytes.size;
}

static struct slice flipped(struct fixture *fixture, struct slice bytes, size_t at)
{
    struct slice copy = arena_copy(fixture->arena, bytes);
    char *data = arena_alloc(fixture->arena, copy.size);
    memcpy(data, copy.data, copy.size);
    data[at] ^= 1;
    return (struct slice){data, copy.size};
}

/* Sets the SQL to so many bytes and closes the record. */
static enum status close_with_sql(struct fixture *fixture, size_t bytes,
                                  struct tracker_record *stored)
{
    char *sql = arena_alloc(fixture->arena, bytes);
    memset(sql, 'x', bytes);
    fixture->sql = (struct slice){sql, bytes};
    fixture->error = ERROR_NONE;
    return record_close(&fixture->seal, fixture->arena, &fixture->record, "owner", stored,
                        &fixture->error);
}

/* ---- Success ---- */

static void sealed_record_comes_back(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored = closed(fixture);
    assert_false(has(stored.plan, "secret"));
    assert_false(has(stored.state, "secret"));
    assert_opens(fixture, &stored);
}

static void unsealed_record_comes_back(void **context)
{
    struct fixture *fixture = *context;
    fixture->seal.keys = fixture->no_keys;
    struct tracker_record stored = closed(fixture);
    assert_true(has(stored.plan, "secret"));
    assert_opens(fixture, &stored);
}

static void step_that_neither_runs_nor_watches_is_damage(void **context)
{
    struct fixture *fixture = *context;
    struct record record;
    fixture->step.sql_count = 0;
    const struct tracker_record stored = closed(fixture);
    assert_int_not_equal(open_stored(fixture, &stored, &record), STATUS_OK);
}

static void unsealed_record_is_read_after_a_key_is_set(void **context)
{
    struct fixture *fixture = *context;
    fixture->seal.keys = fixture->no_keys;
    struct tracker_record stored = closed(fixture);
    fixture->seal.keys = fixture->keys;
    assert_opens(fixture, &stored);
}

static void step_that_only_watches_needs_no_sql(void **context)
{
    struct fixture *fixture = *context;
    struct record record;
    fixture->step = (struct plan_step){.attach_id = SLICE("d9b6c0c9-0747-4bf4-b142-e8883122f766")};
    struct tracker_record stored = closed(fixture);
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_OK);
    assert_int_equal(record.plan.steps[0].sql_count, 0);
    assert_true(slice_equals(record.plan.steps[0].attach_id, fixture->step.attach_id));
}

static void columns_are_the_records(void **context)
{
    struct fixture *fixture = *context;
    fixture->record.state.settled_at_ms = 14;
    struct tracker_record stored = closed(fixture);
    assert_string_equal(stored.id, ID);
    assert_int_equal(stored.format, TRACKER_FORMAT);
    assert_int_equal(stored.created_at_ms, 11);
    assert_int_equal(stored.due_at_ms, 12);
    assert_int_equal(stored.settled_at_ms, 14);
    assert_string_equal(stored.lease_owner, "owner");
    assert_true(slice_equals_text(stored.group, "group"));
}

static void long_owner_is_cut(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored;
    char owner[200];
    memset(owner, 'o', sizeof(owner) - 1);
    owner[sizeof(owner) - 1] = '\0';
    assert_int_equal(record_close(&fixture->seal, fixture->arena, &fixture->record, owner, &stored,
                                  &fixture->error),
                     STATUS_OK);
    assert_int_equal(strlen(stored.lease_owner), TRACKER_OWNER_MAX_BYTES);
}

static void update_leaves_the_plan_alone_unless_asked(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_update update;
    update = (struct tracker_update){.replace_plan = false};
    assert_int_equal(record_close_update(&fixture->seal, fixture->arena, &fixture->record, "owner",
                                         &update, &fixture->error),
                     STATUS_OK);
    assert_false(update.replace_plan);
    assert_null(update.record.plan.data);
    assert_int_equal(update.record.version, 13);
    update = (struct tracker_update){.replace_plan = true};
    assert_int_equal(record_close_update(&fixture->seal, fixture->arena, &fixture->record, "owner",
                                         &update, &fixture->error),
                     STATUS_OK);
    assert_true(update.replace_plan);
    update.record.created_at_ms = 11;
    update.record.group = SLICE("group");
    assert_opens(fixture, &update.record);
}

static void fields_come_back(void **context)
{
    struct fixture *fixture = *context;
    struct slice sealed = SLICE_NONE;
    struct slice plain = SLICE_NONE;
    assert_int_equal(record_seal_field(&fixture->seal, fixture->arena,
                                       (struct record_field){ID, "reply"}, SLICE("secret\0reply"),
                                       &sealed, &fixture->error),
                     STATUS_OK);
    assert_false(has(sealed, "secret"));
    assert_int_equal(record_open_field(&fixture->seal, fixture->arena,
                                       (struct record_field){ID, "reply"}, sealed, &plain,
                                       &fixture->error),
                     STATUS_OK);
    assert_true(slice_equals(plain, SLICE("secret\0reply")));
}

static void sealed_record_is_packed(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored;
    assert_int_equal(close_with_sql(fixture, 300000, &stored), STATUS_OK);
    assert_true(stored.plan.size < 5000);
    assert_opens(fixture, &stored);
}

static void record_sealed_unpacked_is_read(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored = closed(fixture);
    const struct record_seal seal = fixture->seal;
    fixture->seal.keys = fixture->no_keys;
    const struct tracker_record unsealed = closed(fixture);
    fixture->seal = seal;
    const struct slice plain = slice_part(unsealed.plan, strlen("RB0"), unsealed.plan.size);
    assert_int_equal(record_seal_field(&seal, fixture->arena, (struct record_field){ID, "plan"},
                                       plain, &stored.plan, &fixture->error),
                     STATUS_OK);
    assert_opens(fixture, &stored);
}

static void plan_just_under_350_kb_is_taken(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored;
    fixture->seal.keys = fixture->no_keys;
    assert_int_equal(close_with_sql(fixture, 300000, &stored), STATUS_OK);
    const size_t overhead = stored.plan.size - 300000;
    assert_int_equal(close_with_sql(fixture, TRACKER_BLOB_MAX_BYTES - overhead, &stored),
                     STATUS_OK);
    assert_int_equal(stored.plan.size, TRACKER_BLOB_MAX_BYTES);
    assert_opens(fixture, &stored);
}

/* ---- Failure ---- */

static void plan_just_over_350_kb_is_refused(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored;
    fixture->seal.keys = fixture->no_keys;
    assert_int_equal(close_with_sql(fixture, 300000, &stored), STATUS_OK);
    const size_t overhead = stored.plan.size - 300000;
    assert_int_equal(close_with_sql(fixture, TRACKER_BLOB_MAX_BYTES - overhead + 1, &stored),
                     STATUS_REJECTED);
    assert_string_equal(fixture->error.text,
                        "request: SQL, parameters and addresses together must be at most 358400 "
                        "bytes when stored");
    assert_int_equal(close_with_sql(fixture, 5 * TRACKER_BLOB_MAX_BYTES, &stored), STATUS_REJECTED);
}

/* However small it would be in the store: what is taken does not depend on the key file. */
static void large_plan_is_refused_before_it_is_packed(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored;
    assert_int_equal(close_with_sql(fixture, TRACKER_BLOB_MAX_BYTES, &stored), STATUS_REJECTED);
}

static void record_moved_to_another_id_is_damage(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored = closed(fixture);
    struct record record;
    memcpy(stored.id, OTHER_ID, sizeof(stored.id));
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
    assert_non_null(strstr(fixture->error.text, OTHER_ID));
}

static void plan_and_state_cannot_change_places(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored = closed(fixture);
    struct record record;
    struct slice plan = stored.plan;
    stored.plan = stored.state;
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
    stored.state = plan;
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
}

static void missing_key_is_not_found(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored = closed(fixture);
    struct record record;
    fixture->seal.keys = fixture->other_keys;
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_NOT_FOUND);
    fixture->seal.keys = fixture->no_keys;
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_NOT_FOUND);
    assert_non_null(strstr(fixture->error.text, ID));
}

/* Any byte: the layout is damaged, the tag does not match, or the key's name is another. */
static void every_flipped_byte_is_noticed(void **context)
{
    struct fixture *fixture = *context;
    struct tracker_record stored = closed(fixture);
    for (size_t i = 0; i < stored.state.size; i++) {
        struct tracker_record damaged = stored;
        struct record record;
        damaged.state = flipped(fixture, stored.state, i);
        enum status status = open_stored(fixture, &damaged, &record);
        assert_true(status == STATUS_INTERNAL || (i == 4 && status == STATUS_NOT_FOUND));
    }
}

static void unsealed_damage_is_internal_and_tells_no_content(void **context)
{
    struct fixture *fixture = *context;
    struct record record;
    fixture->seal.keys = fixture->no_keys;
    struct tracker_record stored = closed(fixture);
    stored.plan = slice_part(stored.plan, 0, stored.plan.size - 1);
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
    assert_null(strstr(fixture->error.text, "secret"));
    stored.plan = SLICE_NONE;
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
    stored.plan = SLICE("RB0[]");
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
}

/* What would be sent next is not there. */
static void open_statement_without_its_step_is_damage(void **context)
{
    struct fixture *fixture = *context;
    struct record record;
    fixture->record.state.step = 2;
    struct tracker_record stored = closed(fixture);
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
    fixture->record.state.step = 1;
    plan_scrub(&fixture->record.plan);
    stored = closed(fixture);
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_INTERNAL);
    fixture->record.state.statement = STATEMENT_ENDED;
    stored = closed(fixture);
    assert_int_equal(open_stored(fixture, &stored, &record), STATUS_OK);
}

static void field_of_another_record_or_name_is_damage(void **context)
{
    struct fixture *fixture = *context;
    struct slice sealed = SLICE_NONE;
    struct slice plain = SLICE_NONE;
    assert_int_equal(record_seal_field(&fixture->seal, fixture->arena,
                                       (struct record_field){ID, "reply"}, SLICE("x"), &sealed,
                                       &fixture->error),
                     STATUS_OK);
    assert_int_equal(record_open_field(&fixture->seal, fixture->arena,
                                       (struct record_field){OTHER_ID, "reply"}, sealed, &plain,
                                       &fixture->error),
                     STATUS_INTERNAL);
    assert_int_equal(record_open_field(&fixture->seal, fixture->arena,
                                       (struct record_field){ID, "parked"}, sealed, &plain,
                                       &fixture->error),
                     STATUS_INTERNAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sealed_record_comes_back),
        TEST(step_that_neither_runs_nor_watches_is_damage),
        TEST(unsealed_record_comes_back),
        TEST(unsealed_record_is_read_after_a_key_is_set),
        TEST(step_that_only_watches_needs_no_sql),
        TEST(columns_are_the_records),
        TEST(long_owner_is_cut),
        TEST(update_leaves_the_plan_alone_unless_asked),
        TEST(fields_come_back),
        TEST(sealed_record_is_packed),
        TEST(record_sealed_unpacked_is_read),
        TEST(plan_just_under_350_kb_is_taken),
        TEST(plan_just_over_350_kb_is_refused),
        TEST(large_plan_is_refused_before_it_is_packed),
        TEST(record_moved_to_another_id_is_damage),
        TEST(plan_and_state_cannot_change_places),
        TEST(missing_key_is_not_found),
        TEST(every_flipped_byte_is_noticed),
        TEST(unsealed_damage_is_internal_and_tells_no_content),
        TEST(open_statement_without_its_step_is_damage),
        TEST(field_of_another_record_or_name_is_damage),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
