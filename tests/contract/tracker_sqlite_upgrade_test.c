/* A file that the release with schema 1 has written, opened by this one. */
#include "tests/support/cmocka.h"
#include "tests/support/sqlite_file.h"
#include "tracker/tracker_sqlite.h"

#include "infra/base/encode.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fixture */

#define OPEN_ID      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ALIKE_ID     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa7" /* has the same places */
#define SETTLED_ID   "z2222222222222222222222222222222"
#define TOMBSTONE_ID "7bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define LOCK_KEY     "0000000000000000000000000000000000000000000000000000000000000000"
#define MANY         3000
#define LARGE_PLAN   40000

/* As it was released. */
static const char schema_1[] =
    "CREATE TABLE records (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " version INTEGER NOT NULL, format INTEGER NOT NULL, created_at_ms INTEGER NOT NULL,"
    " due_at_ms INTEGER NOT NULL, settled_at_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL,"
    " lease_owner TEXT NOT NULL, group_key BLOB, group_hash BLOB, state BLOB) STRICT;"
    "CREATE INDEX records_due ON records (due_at_ms, format) WHERE due_at_ms > 0;"
    "CREATE INDEX records_created ON records (created_at_ms, id);"
    "CREATE INDEX records_open ON records (created_at_ms, id) WHERE settled_at_ms = 0;"
    "CREATE INDEX records_group ON records (group_hash, created_at_ms, id)"
    " WHERE group_hash IS NOT NULL;"
    "CREATE INDEX records_group_open ON records (group_hash, created_at_ms, id)"
    " WHERE group_hash IS NOT NULL AND settled_at_ms = 0;"
    "CREATE INDEX records_expiry ON records (expires_at_ms) WHERE expires_at_ms > 0;"
    "CREATE TABLE plans (number INTEGER PRIMARY KEY, plan BLOB NOT NULL) STRICT;"
    "CREATE TABLE locks (key TEXT PRIMARY KEY NOT NULL, owner TEXT NOT NULL) STRICT,"
    " WITHOUT ROWID;"
    "CREATE TABLE waiters (key TEXT NOT NULL, id TEXT NOT NULL, since_ms INTEGER NOT NULL,"
    " PRIMARY KEY (key, id)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX waiters_order ON waiters (key, since_ms, id);"
    "CREATE TABLE parked (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " first_seen_ms INTEGER NOT NULL, expires_at_ms INTEGER NOT NULL, source BLOB, reason BLOB,"
    " digest TEXT, body BLOB) STRICT;"
    "CREATE INDEX parked_order ON parked (first_seen_ms, id);"
    "CREATE INDEX parked_expiry ON parked (expires_at_ms) WHERE expires_at_ms > 0;"
    "CREATE TABLE replies (number INTEGER PRIMARY KEY, id TEXT NOT NULL, digest TEXT NOT NULL,"
    " blob BLOB, expires_at_ms INTEGER NOT NULL, UNIQUE (id, digest)) STRICT;"
    "CREATE INDEX replies_expiry ON replies (expires_at_ms) WHERE expires_at_ms > 0;"
    "CREATE TABLE counters (records INTEGER NOT NULL, open INTEGER NOT NULL,"
    " parked INTEGER NOT NULL) STRICT;"
    "INSERT INTO counters VALUES (0, 0, 0);"
    "CREATE TRIGGER records_inserted AFTER INSERT ON records BEGIN"
    " UPDATE counters SET records = records + 1, open = open + (NEW.settled_at_ms = 0); END;"
    "CREATE TRIGGER records_deleted AFTER DELETE ON records BEGIN"
    " UPDATE counters SET records = records - 1, open = open - (OLD.settled_at_ms = 0);"
    " DELETE FROM plans WHERE number = OLD.number; END;"
    "CREATE TRIGGER records_settled AFTER UPDATE OF settled_at_ms ON records"
    " WHEN (OLD.settled_at_ms = 0) <> (NEW.settled_at_ms = 0) BEGIN"
    " UPDATE counters SET open = open + (NEW.settled_at_ms = 0) - (OLD.settled_at_ms = 0); END;"
    "CREATE TRIGGER parked_inserted AFTER INSERT ON parked BEGIN"
    " UPDATE counters SET parked = parked + 1; END;"
    "CREATE TRIGGER parked_deleted AFTER DELETE ON parked BEGIN"
    " UPDATE counters SET parked = parked - 1; END;"
    "PRAGMA user_version = 1;";

static const char rows[] =
    "INSERT INTO records VALUES"
    " (1, '" SETTLED_ID "', 5, 1, 1000, 0, 2000, 9000, '', CAST('nightly' AS BLOB), ?1, x'02'),"
    " (2, '" ALIKE_ID "', 1, 1, 1000, 7000, 0, 0, 'owner', NULL, NULL, x'01'),"
    " (3, '" OPEN_ID "', 3, 1, 1000, 8000, 0, 0, 'owner', CAST('nightly' AS BLOB), ?1, x'00'),"
    " (4, '" TOMBSTONE_ID "', 9, 1, 500, 0, 600, 9500, '', NULL, NULL, x'03')";

struct fixture {
    struct sqlite_file file;
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
};

static void run(sqlite3 *database, const char *sql)
{
    char *text = NULL;

    if (sqlite3_exec(database, sql, NULL, NULL, &text) != SQLITE_OK) {
        fail_msg("%s", text);
    }
}

static sqlite3 *open_file(const struct fixture *fixture)
{
    sqlite3 *database = NULL;

    assert_int_equal(sqlite3_open(fixture->file.path, &database), SQLITE_OK);
    return database;
}

static void insert_rows(sqlite3 *database)
{
    unsigned char hash[SHA256_BYTES];
    sqlite3_stmt *statement = NULL;

    digest_sha256(SLICE("nightly"), hash);
    assert_int_equal(sqlite3_prepare_v2(database, rows, -1, &statement, NULL), SQLITE_OK);
    (void)sqlite3_bind_blob(statement, 1, hash, sizeof(hash), SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    (void)sqlite3_finalize(statement);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    sqlite3 *database = NULL;

    assert_non_null(fixture);
    sqlite_file_make(&fixture->file);
    fixture->arena = arena_new(16 * 1024 * 1024);
    database = open_file(fixture);
    run(database, "PRAGMA journal_mode = WAL");
    run(database, schema_1);
    insert_rows(database);
    run(database, "INSERT INTO plans VALUES (2, CAST('small plan' AS BLOB)), (3, zeroblob(40000));"
                  "INSERT INTO locks VALUES ('" LOCK_KEY "', '" OPEN_ID "');"
                  "INSERT INTO waiters VALUES ('" LOCK_KEY "', '" ALIKE_ID "', 1);"
                  "INSERT INTO parked VALUES (1, '" TOMBSTONE_ID "', 1, 9000, x'01', x'02', 'd',"
                  " x'03');"
                  "INSERT INTO replies VALUES (1, '" SETTLED_ID "', '" LOCK_KEY "', x'07', 9000)");
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tracker_close(fixture->tracker);
    arena_free(fixture->arena);
    sqlite_file_remove(&fixture->file);
    free(fixture);
    return 0;
}

/* Helpers */

static enum status try_open(struct fixture *fixture)
{
    const struct tracker_options options = {.url = fixture->file.url};

    return tracker_open(&options, &fixture->tracker, &fixture->error);
}

static void upgrade(struct fixture *fixture)
{
    if (try_open(fixture) != STATUS_OK) {
        fail_msg("open: %s", fixture->error.text);
    }
}

static struct tracker_record get(struct fixture *fixture, const char *id)
{
    struct tracker_lookup lookup = {.id = id};

    assert_int_equal(tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error),
                     STATUS_OK);
    assert_true(lookup.found);
    assert_string_equal(lookup.record.id, id);
    return lookup.record;
}

static int64_t number_in_file(const struct fixture *fixture, const char *sql)
{
    sqlite3 *database = open_file(fixture);
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;

    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
    return number;
}

static void add_many(const struct fixture *fixture, unsigned count, const char *id)
{
    sqlite3 *database = open_file(fixture);
    char sql[256];

    run(database, "BEGIN");
    for (unsigned i = 0; i < count; i++) {
        (void)snprintf(sql, sizeof(sql),
                       "INSERT INTO records SELECT NULL, printf('%s', %u), 1, 1, 1, 1, 0, 0, '',"
                       " NULL, NULL, randomblob(300)",
                       id, i);
        run(database, sql);
    }
    run(database, "COMMIT");
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* The first write past the limit kills: in the middle of the transaction, whose log is longer. */
static void die_while_upgrading(struct fixture *fixture)
{
    const struct rlimit limit = {.rlim_cur = 100 * 1024, .rlim_max = 100 * 1024};

    (void)signal(SIGXFSZ, SIG_DFL);
    if (setrlimit(RLIMIT_FSIZE, &limit) == 0) {
        _exit((int)try_open(fixture));
    }
    _exit(0);
}

/* Success */

static void an_open_record_has_all_that_it_had(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_record record;

    upgrade(fixture);
    record = get(fixture, OPEN_ID);
    assert_int_equal(record.version, 3);
    assert_int_equal(record.format, 1);
    assert_int_equal(record.created_at_ms, 1000);
    assert_int_equal(record.due_at_ms, 8000);
    assert_int_equal(record.settled_at_ms, 0);
    assert_string_equal(record.lease_owner, "owner");
    assert_true(slice_equals(record.group, SLICE("nightly")));
    assert_int_equal(record.state.size, 1);
    assert_int_equal(record.plan.size, LARGE_PLAN);
}

static void ids_that_begin_alike_are_both_found(void **state)
{
    struct fixture *fixture = *state;

    upgrade(fixture);
    assert_int_equal(get(fixture, OPEN_ID).state.data[0], 0);
    assert_int_equal(get(fixture, ALIKE_ID).state.data[0], 1);
    assert_true(slice_equals(get(fixture, ALIKE_ID).plan, SLICE("small plan")));
}

static void settled_records_and_tombstones_stay(void **state)
{
    struct fixture *fixture = *state;

    upgrade(fixture);
    assert_int_equal(get(fixture, SETTLED_ID).settled_at_ms, 2000);
    assert_int_equal(get(fixture, SETTLED_ID).expires_at_ms, 9000);
    assert_int_equal(get(fixture, TOMBSTONE_ID).version, 9);
    assert_null(get(fixture, TOMBSTONE_ID).plan.data);
}

static void pages_have_the_same_order(void **state)
{
    static const char *const ids[] = {SETTLED_ID, OPEN_ID, ALIKE_ID, TOMBSTONE_ID};
    struct fixture *fixture = *state;
    struct tracker_list list = {.limit = 1};
    struct tracker_record *records = NULL;
    size_t count = 0;

    upgrade(fixture);
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        struct slice next = SLICE_NONE;
        count = 0;
        assert_int_equal(tracker_list(fixture->tracker, fixture->arena, &list, &records, &count,
                                      &next, &fixture->error),
                         STATUS_OK);
        assert_int_equal(count, 1);
        assert_string_equal(records[0].id, ids[i]);
        list.token = next;
    }
    assert_null(list.token.data);
}

static void a_group_keeps_its_members(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_record record;

    upgrade(fixture);
    assert_int_equal(tracker_group_latest(fixture->tracker, fixture->arena, SLICE("nightly"),
                                          &record, &fixture->error),
                     STATUS_OK);
    assert_string_equal(record.id, SETTLED_ID);
}

static void counts_go_on(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_counts counts;
    size_t removed = 0;

    upgrade(fixture);
    assert_int_equal(tracker_expire(fixture->tracker, 9200, 10, &removed, &fixture->error),
                     STATUS_OK);
    assert_int_equal(removed, 3);
    assert_int_equal(tracker_count(fixture->tracker, &counts, &fixture->error), STATUS_OK);
    assert_int_equal(counts.records, 3);
    assert_int_equal(counts.open, 2);
    assert_int_equal(counts.parked, 0);
}

static void a_plan_goes_with_its_record(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_update update = {.replace_plan = true};

    upgrade(fixture);
    update.record = get(fixture, OPEN_ID);
    update.record.plan = SLICE_NONE;
    assert_int_equal(tracker_update(fixture->tracker, &update, 1, &fixture->error), STATUS_OK);
    assert_int_equal(update.status, STATUS_OK);
    assert_null(get(fixture, OPEN_ID).plan.data);
    assert_int_equal(number_in_file(fixture, "SELECT count(*) FROM plans"), 1);
}

static void locks_messages_and_replies_stay(void **state)
{
    struct fixture *fixture = *state;
    char id[TRACKER_ID_BYTES + 1];
    struct slice blob = SLICE_NONE;

    upgrade(fixture);
    assert_int_equal(tracker_lock_holder(fixture->tracker, LOCK_KEY, id, &fixture->error),
                     STATUS_OK);
    assert_string_equal(id, OPEN_ID);
    assert_int_equal(tracker_lock_first(fixture->tracker, LOCK_KEY, id, &fixture->error),
                     STATUS_OK);
    assert_string_equal(id, ALIKE_ID);
    assert_int_equal(number_in_file(fixture, "SELECT count(*) FROM parked"), 1);
    assert_int_equal(tracker_reply_get(fixture->tracker, fixture->arena, SETTLED_ID, LOCK_KEY,
                                       &blob, &fixture->error),
                     STATUS_OK);
}

static void a_process_of_the_release_before_finds_no_records(void **state)
{
    static const char *const texts[] = {"SELECT records FROM counters",
                                        "SELECT id FROM records AS r WHERE r.id = ?",
                                        "UPDATE records SET version = version + 1 WHERE id = ?",
                                        "INSERT INTO records (id) VALUES (?)"};
    struct fixture *fixture = *state;
    sqlite3 *database = open_file(fixture);

    upgrade(fixture);
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        sqlite3_stmt *statement = NULL;
        assert_int_equal(sqlite3_prepare_v2(database, texts[i], -1, &statement, NULL),
                         SQLITE_ERROR);
    }
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* Failure */

static void an_upgrade_that_was_killed_has_not_happened(void **state)
{
    struct fixture *fixture = *state;
    int result = 0;
    pid_t child = 0;

    add_many(fixture, MANY, "b%010uaaaaaaaaaaaaaaaaaaaaa");
    child = fork();
    if (child == 0) {
        die_while_upgrading(fixture);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGXFSZ);
    assert_int_equal(number_in_file(fixture, "PRAGMA user_version"), 1);
    assert_int_equal(number_in_file(fixture, "SELECT count(*) FROM records"), MANY + 4);
    upgrade(fixture);
    assert_int_equal(number_in_file(fixture, "SELECT count(*) FROM invocations"), MANY + 4);
}

static void an_upgrade_that_fails_changes_nothing(void **state)
{
    struct fixture *fixture = *state;

    add_many(fixture, SQLITE_PLACES + 1, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaa%03u");
    assert_int_equal(try_open(fixture), STATUS_INTERNAL);
    assert_non_null(strstr(fixture->error.text, "too many ids begin alike"));
    assert_int_equal(number_in_file(fixture, "PRAGMA user_version"), 1);
    assert_int_equal(number_in_file(fixture, "SELECT count(*) FROM records"), SQLITE_PLACES + 5);
}

#define UPGRADE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UPGRADE_TEST(an_open_record_has_all_that_it_had),
        UPGRADE_TEST(ids_that_begin_alike_are_both_found),
        UPGRADE_TEST(settled_records_and_tombstones_stay),
        UPGRADE_TEST(pages_have_the_same_order),
        UPGRADE_TEST(a_group_keeps_its_members),
        UPGRADE_TEST(counts_go_on),
        UPGRADE_TEST(a_plan_goes_with_its_record),
        UPGRADE_TEST(locks_messages_and_replies_stay),
        UPGRADE_TEST(a_process_of_the_release_before_finds_no_records),
        UPGRADE_TEST(an_upgrade_that_was_killed_has_not_happened),
        UPGRADE_TEST(an_upgrade_that_fails_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
