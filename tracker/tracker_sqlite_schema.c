#include "tracker/tracker_sqlite.h"

#include "infra/base/log.h"

#include <inttypes.h>
#include <stdio.h>

/*
 * migrations[n] leads from schema n to n + 1; what was released is never edited.
 *
 * Plans stand in a table of their own: they never change, and an update of the record would write
 * their pages again. They are numbered as they come, so that none is moved between pages, where a
 * copy could outlast its deletion. The group is indexed by its SHA-256 because it may be 2 KB long.
 * Counters are kept by triggers, in the transaction of the change.
 *
 * Schema 2 is about pages, since the cache of a handle does not grow with the store: a record is
 * found by its id alone (SQLITE_PLACES), and indexes end in its number, which is in the order of
 * the ids, where schema 1 had the id and the whole SHA-256. The tables are named anew, so that a
 * process of the release before fails on them, also when it asks whether the store is well, instead
 * of misreading them.
 */
static const char *const migrations[SQLITE_FILE_SCHEMA] = {
    "CREATE TABLE records ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " version INTEGER NOT NULL,"
    " format INTEGER NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " due_at_ms INTEGER NOT NULL,"
    " settled_at_ms INTEGER NOT NULL,"
    " expires_at_ms INTEGER NOT NULL,"
    " lease_owner TEXT NOT NULL,"
    " group_key BLOB,"
    " group_hash BLOB,"
    " state BLOB"
    ") STRICT;"
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
    "CREATE TABLE waiters ("
    " key TEXT NOT NULL,"
    " id TEXT NOT NULL,"
    " since_ms INTEGER NOT NULL,"
    " PRIMARY KEY (key, id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX waiters_order ON waiters (key, since_ms, id);"
    "CREATE TABLE parked ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " first_seen_ms INTEGER NOT NULL,"
    " expires_at_ms INTEGER NOT NULL,"
    " source BLOB,"
    " reason BLOB,"
    " digest TEXT,"
    " body BLOB"
    ") STRICT;"
    "CREATE INDEX parked_order ON parked (first_seen_ms, id);"
    "CREATE INDEX parked_expiry ON parked (expires_at_ms) WHERE expires_at_ms > 0;"
    "CREATE TABLE replies ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " blob BLOB,"
    " expires_at_ms INTEGER NOT NULL,"
    " UNIQUE (id, digest)"
    ") STRICT;"
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
    " UPDATE counters SET parked = parked - 1; END;",
    "CREATE TABLE invocations ("
    " number INTEGER PRIMARY KEY,"
    " id TEXT NOT NULL,"
    " version INTEGER NOT NULL,"
    " format INTEGER NOT NULL,"
    " created_at_ms INTEGER NOT NULL,"
    " due_at_ms INTEGER NOT NULL,"
    " settled_at_ms INTEGER NOT NULL,"
    " expires_at_ms INTEGER NOT NULL,"
    " lease_owner TEXT NOT NULL,"
    " group_key BLOB,"
    " group_hash BLOB," /* its first bytes; who reads compares group_key */
    " state BLOB,"
    " plan_number INTEGER"
    ") STRICT;"
    "INSERT INTO invocations SELECT"
    " place(id, (SELECT count(*) FROM records AS o"
    "            WHERE o.id >= substr(r.id, 1, 11) AND o.id < r.id)),"
    " id, version, format, created_at_ms, due_at_ms, settled_at_ms, expires_at_ms, lease_owner,"
    " group_key, substr(group_hash, 1, 8), state,"
    " (SELECT p.number FROM plans AS p WHERE p.number = r.number)"
    " FROM records AS r ORDER BY id;"
    "DROP TABLE records;"
    "CREATE INDEX invocations_due ON invocations (due_at_ms, format) WHERE due_at_ms > 0;"
    "CREATE INDEX invocations_created ON invocations (created_at_ms);"
    "CREATE INDEX invocations_open ON invocations (created_at_ms) WHERE settled_at_ms = 0;"
    "CREATE INDEX invocations_group ON invocations (group_hash, created_at_ms)"
    " WHERE group_hash IS NOT NULL;"
    "CREATE INDEX invocations_group_open ON invocations (group_hash, created_at_ms)"
    " WHERE group_hash IS NOT NULL AND settled_at_ms = 0;"
    "CREATE INDEX invocations_expiry ON invocations (expires_at_ms) WHERE expires_at_ms > 0;"
    "ALTER TABLE counters RENAME TO counts;"
    "ALTER TABLE counts RENAME COLUMN records TO invocations;"
    "CREATE TRIGGER invocations_inserted AFTER INSERT ON invocations BEGIN"
    " UPDATE counts SET invocations = invocations + 1, open = open + (NEW.settled_at_ms = 0); END;"
    "CREATE TRIGGER invocations_deleted AFTER DELETE ON invocations BEGIN"
    " UPDATE counts SET invocations = invocations - 1, open = open - (OLD.settled_at_ms = 0);"
    " DELETE FROM plans WHERE number = OLD.plan_number; END;"
    "CREATE TRIGGER invocations_settled AFTER UPDATE OF settled_at_ms ON invocations"
    " WHEN (OLD.settled_at_ms = 0) <> (NEW.settled_at_ms = 0) BEGIN"
    " UPDATE counts SET open = open + (NEW.settled_at_ms = 0) - (OLD.settled_at_ms = 0); END;",
};

/* place(id, before it): for the way from schema 1, how many ids with the same places are smaller.
 */
static void compute_place(sqlite3_context *context, int count, sqlite3_value **values)
{
    const char *id = (const char *)sqlite3_value_text(values[0]);
    const int64_t before = sqlite3_value_int64(values[1]);

    (void)count;
    if (!id || before >= SQLITE_PLACES) {
        sqlite3_result_error(context, "too many ids begin alike", -1);
        return;
    }
    sqlite3_result_int64(context, sqlite_first_place(id) + before);
}

static enum status add_functions(struct sqlite_store *store, struct error *error)
{
    const int code =
        sqlite3_create_function_v2(store->database, "place", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                   NULL, compute_place, NULL, NULL, NULL);

    return code == SQLITE_OK ? STATUS_OK : sqlite_fail(store, code, error);
}

static enum status run_script(struct sqlite_store *store, const char *sql, struct error *error)
{
    int code = sqlite3_exec(store->database, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? STATUS_OK : sqlite_fail(store, code, error);
}

static int read_integer(void *out, int columns, char **values, char **names)
{
    (void)names;
    if (columns == 1 && values[0] &&
        slice_to_int64(slice_from_text(values[0]), INT32_MIN, INT32_MAX, out, NULL) != STATUS_OK) {
        return 1;
    }
    return 0;
}

static enum status read_schema(struct sqlite_store *store, int64_t *schema, struct error *error)
{
    int code = sqlite3_exec(store->database, "PRAGMA user_version", read_integer, schema, NULL);

    if (code != SQLITE_OK) {
        return sqlite_fail(store, code, error);
    }
    if (*schema < 0 || *schema > SQLITE_FILE_SCHEMA) {
        return error_set(error, STATUS_REJECTED,
                         "sqlite: the file has schema %" PRId64
                         ", this release knows schema %d: a later release wrote it",
                         *schema, SQLITE_FILE_SCHEMA);
    }
    return STATUS_OK;
}

/* Runs inside a write transaction, so that of several openers one migrates. */
static enum status migrate(struct sqlite_store *store, struct error *error)
{
    int64_t schema = 0;
    char pragma[64];
    enum status status = read_schema(store, &schema, error);

    if (status == STATUS_OK) {
        status = add_functions(store, error);
    }
    while (status == STATUS_OK && schema < SQLITE_FILE_SCHEMA) {
        status = run_script(store, migrations[schema], error);
        schema++;
    }
    (void)snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %" PRId64, schema);
    return status == STATUS_OK ? run_script(store, pragma, error) : status;
}

enum status sqlite_prepare_database(struct sqlite_store *store, struct error *error)
{
    int64_t schema = 0;
    /* Deleted content is overwritten, also on pages that become free: a plan that was dropped holds
     * secrets, and long ones have pages of their own. The write-ahead log is cut when a checkpoint
     * empties it. */
    enum status status = run_script(store,
                                    "PRAGMA journal_mode = WAL;"
                                    "PRAGMA synchronous = FULL;"
                                    "PRAGMA secure_delete = ON;"
                                    "PRAGMA foreign_keys = OFF;"
                                    "PRAGMA journal_size_limit = 16777216;",
                                    error);

    if (status == STATUS_OK) {
        status = read_schema(store, &schema, error);
    }
    if (status != STATUS_OK || schema == SQLITE_FILE_SCHEMA) {
        return status;
    }
    status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);
    if (status != STATUS_OK) {
        return status;
    }
    return sqlite_finish(store, migrate(store, error), error);
}
