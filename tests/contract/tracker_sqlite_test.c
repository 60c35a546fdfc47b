/* What only SQLite does: files, their modes, locks and damages, and how statements are planned. */
#include "tests/support/cmocka.h"
#include "tests/support/sqlite_file.h"
#include "tracker/tracker_sqlite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Fixture */

#define ID         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TIMEOUT_MS 50

struct fixture {
    struct sqlite_file file;
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
};

static void open_tracker(struct fixture *fixture)
{
    const struct tracker_options options = {.url = fixture->file.url, .timeout_ms = TIMEOUT_MS};

    if (tracker_open(&options, &fixture->tracker, &fixture->error) != STATUS_OK) {
        fail_msg("open: %s", fixture->error.text);
    }
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    sqlite_file_make(&fixture->file);
    fixture->arena = arena_new(16 * 1024 * 1024);
    open_tracker(fixture);
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

static enum status put(struct fixture *fixture, struct slice plan)
{
    struct tracker_registration registration = {
        .record = {.id = ID, .format = TRACKER_FORMAT, .plan = plan, .state = SLICE("state")}};

    return tracker_register(fixture->tracker, fixture->arena, &registration, 1, &fixture->error);
}

static enum status get(struct fixture *fixture, bool *found)
{
    struct tracker_lookup lookup = {.id = ID};
    enum status status =
        tracker_find(fixture->tracker, fixture->arena, &lookup, 1, &fixture->error);

    *found = lookup.found;
    return status;
}

static sqlite3 *open_beside(const struct fixture *fixture)
{
    sqlite3 *database = NULL;

    assert_int_equal(sqlite3_open(fixture->file.path, &database), SQLITE_OK);
    return database;
}

static void run(sqlite3 *database, const char *sql)
{
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void close_tracker(struct fixture *fixture)
{
    tracker_close(fixture->tracker);
    fixture->tracker = NULL;
}

static bool file_holds(struct fixture *fixture, const char *path, const char *marker)
{
    struct stat info;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    char *bytes = NULL;
    ssize_t size = 0;

    if (file < 0) {
        return false;
    }
    assert_int_equal(fstat(file, &info), 0);
    bytes = arena_alloc(fixture->arena, (size_t)info.st_size + 1);
    size = read(file, bytes, (size_t)info.st_size);
    (void)close(file);
    return size > 0 && memmem(bytes, (size_t)size, marker, strlen(marker)) != NULL;
}

static void overwrite(const struct fixture *fixture, off_t offset, size_t size)
{
    char junk[4096];
    int file = open(fixture->file.path, O_WRONLY | O_CLOEXEC);

    memset(junk, 0x5a, sizeof(junk));
    assert_true(file >= 0);
    for (size_t done = 0; done < size; done += sizeof(junk)) {
        assert_int_equal(pwrite(file, junk, sizeof(junk), offset + (off_t)done), sizeof(junk));
    }
    (void)close(file);
}

/* Success */

static void the_file_is_its_owners_alone(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    char path[128];

    assert_int_equal(put(fixture, SLICE("plan")), STATUS_OK);
    assert_int_equal(stat(fixture->file.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    (void)snprintf(path, sizeof(path), "%s-wal", fixture->file.path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void a_dropped_plan_is_not_in_the_file(void **state)
{
    struct fixture *fixture = *state;
    char *plan = arena_alloc(fixture->arena, 40000);
    struct tracker_update update = {.record = {.id = ID, .version = 1, .format = TRACKER_FORMAT},
                                    .replace_plan = true};

    for (size_t i = 0; i < 40000; i++) {
        plan[i] = "secret-key"[i % 10];
    }
    assert_int_equal(put(fixture, (struct slice){plan, 40000}), STATUS_OK);
    close_tracker(fixture);
    assert_true(file_holds(fixture, fixture->file.path, "secret-key"));
    open_tracker(fixture);
    assert_int_equal(tracker_update(fixture->tracker, &update, 1, &fixture->error), STATUS_OK);
    assert_int_equal(update.status, STATUS_OK);
    close_tracker(fixture);
    assert_false(file_holds(fixture, fixture->file.path, "secret-key"));
    open_tracker(fixture);
}

static void a_write_waits_for_another_writer_no_longer_than_its_timeout(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *other = open_beside(fixture);
    bool found = true;

    run(other, "BEGIN IMMEDIATE");
    assert_int_equal(put(fixture, SLICE("plan")), STATUS_RETRY);
    assert_int_equal(get(fixture, &found), STATUS_OK);
    assert_false(found);
    run(other, "COMMIT");
    assert_int_equal(put(fixture, SLICE("plan")), STATUS_OK);
    assert_int_equal(get(fixture, &found), STATUS_OK);
    assert_true(found);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

static void an_idle_sweep_does_not_wait_for_writers(void **state)
{
    struct fixture *fixture = *state;
    sqlite3 *other = open_beside(fixture);
    struct tracker_record *records = NULL;
    size_t count = 0;

    run(other, "BEGIN IMMEDIATE");
    assert_int_equal(tracker_claim(fixture->tracker, fixture->arena, 1000, 1000, "me", 10, &records,
                                   &count, &fixture->error),
                     STATUS_OK);
    assert_int_equal(tracker_expire(fixture->tracker, 1000, 10, &count, &fixture->error),
                     STATUS_OK);
    run(other, "COMMIT");
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
}

/* The range of the file's locks that readers share, from SQLite's file format. */
#define SHARED_LOCK_FIRST 0x40000002
#define SHARED_LOCK_BYTES 510

static void opening_again_keeps_the_locks_of_the_first_handle(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *first = fixture->tracker;
    pid_t child = 0;
    int result = 0;

    assert_int_equal(put(fixture, SLICE("plan")), STATUS_OK);
    open_tracker(fixture);
    child = fork();
    if (child == 0) {
        /* Another process must see that the file is in use. */
        struct flock lock = {.l_type = F_WRLCK,
                             .l_whence = SEEK_SET,
                             .l_start = SHARED_LOCK_FIRST,
                             .l_len = SHARED_LOCK_BYTES};
        int file = open(fixture->file.path, O_RDWR | O_CLOEXEC);
        _exit(file >= 0 && fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    tracker_close(first);
}

static void memory_is_a_store_of_one_handle(void **state)
{
    struct fixture *fixture = *state;
    bool found = false;

    close_tracker(fixture);
    (void)strcpy(fixture->file.url, "sqlite::memory:");
    open_tracker(fixture);
    assert_int_equal(put(fixture, SLICE("plan")), STATUS_OK);
    assert_int_equal(get(fixture, &found), STATUS_OK);
    assert_true(found);
}

static void the_file_is_durable_and_logged_ahead(void **state)
{
    struct fixture *fixture = *state;
    const struct sqlite_store *store = (const struct sqlite_store *)fixture->tracker;
    sqlite3_stmt *statement = NULL;

    assert_int_equal(
        sqlite3_prepare_v2(store->database, "PRAGMA journal_mode", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), "wal");
    (void)sqlite3_finalize(statement);
    assert_int_equal(
        sqlite3_prepare_v2(store->database, "PRAGMA synchronous", -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(statement, 0), 2);
    (void)sqlite3_finalize(statement);
}

/* The cost of no statement grows with the number of records: each finds its rows by an index. */
static void no_statement_scans_a_table_or_sorts(void **state)
{
    static const char *const texts[] = {
#define TEXT(symbol, sql) (sql),
        SQLITE_STATEMENTS(TEXT)
#undef TEXT
    };
    struct fixture *fixture = *state;
    sqlite3 *database = open_beside(fixture);

    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        sqlite3_stmt *statement = NULL;
        const char *sql = arena_format(fixture->arena, "EXPLAIN QUERY PLAN %s", texts[i]);
        assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
        while (sqlite3_step(statement) == SQLITE_ROW) {
            const char *detail = (const char *)sqlite3_column_text(statement, 3);
            bool scans = strncmp(detail, "SCAN ", 5) == 0 && !strstr(detail, "USING") &&
                         !strstr(detail, "counts") && !strstr(detail, "CONSTANT");
            if (scans || strstr(detail, "TEMP B-TREE")) {
                fail_msg("%s: %s", texts[i], detail);
            }
        }
        (void)sqlite3_finalize(statement);
    }
    assert_int_equal(sqlite3_close(database), SQLITE_OK);
}

/* Failure */

static void a_damaged_file_is_internal(void **state)
{
    struct fixture *fixture = *state;
    struct stat info;
    bool found = false;

    assert_int_equal(put(fixture, SLICE("plan")), STATUS_OK);
    close_tracker(fixture);
    assert_int_equal(stat(fixture->file.path, &info), 0);
    overwrite(fixture, 4096, (size_t)info.st_size - 4096);
    open_tracker(fixture);
    assert_int_equal(get(fixture, &found), STATUS_INTERNAL);
    assert_int_equal(put(fixture, SLICE("plan")), STATUS_INTERNAL);
}

static void a_file_that_is_no_database_is_rejected(void **state)
{
    struct fixture *fixture = *state;
    const struct tracker_options options = {.url = fixture->file.url};

    assert_int_equal(put(fixture, SLICE("plan")), STATUS_OK);
    close_tracker(fixture);
    overwrite(fixture, 0, 4096);
    assert_int_equal(tracker_open(&options, &fixture->tracker, &fixture->error), STATUS_REJECTED);
    assert_null(fixture->tracker);
    (void)unlink(fixture->file.path);
    open_tracker(fixture);
}

static void a_folder_that_is_missing_is_rejected(void **state)
{
    struct fixture *fixture = *state;
    const struct tracker_options options = {.url = "sqlite:no/such/folder/t.db"};
    struct tracker *tracker = NULL;

    assert_int_equal(tracker_open(&options, &tracker, &fixture->error), STATUS_REJECTED);
    assert_null(tracker);
}

#define SQLITE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SQLITE_TEST(the_file_is_its_owners_alone),
        SQLITE_TEST(a_dropped_plan_is_not_in_the_file),
        SQLITE_TEST(a_write_waits_for_another_writer_no_longer_than_its_timeout),
        SQLITE_TEST(an_idle_sweep_does_not_wait_for_writers),
        SQLITE_TEST(opening_again_keeps_the_locks_of_the_first_handle),
        SQLITE_TEST(memory_is_a_store_of_one_handle),
        SQLITE_TEST(the_file_is_durable_and_logged_ahead),
        SQLITE_TEST(no_statement_scans_a_table_or_sorts),
        SQLITE_TEST(a_damaged_file_is_internal),
        SQLITE_TEST(a_file_that_is_no_database_is_rejected),
        SQLITE_TEST(a_folder_that_is_missing_is_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
