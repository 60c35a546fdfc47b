/*
 * The SQLite backend's own header: one connection with its prepared statements. The files
 * tracker_sqlite*.c share it; nobody else includes it.
 */
#ifndef RINGBACK_TRACKER_TRACKER_SQLITE_H
#define RINGBACK_TRACKER_TRACKER_SQLITE_H

#include "tracker/tracker_backend.h"

#include <assert.h>
#include <sqlite3.h>

#define SQLITE_FILE_SCHEMA 2 /* PRAGMA user_version */
/* Where an invocation stands follows from its id, so that it is found without an index of the ids:
 * the first characters name as many places as there are here, and it is in one of them. */
#define SQLITE_PLACES         8
#define SQLITE_PLACE_ID_BYTES 11
#define SQLITE_IN_PLACES      "number BETWEEN ?1 AND ?1 + 7"
static_assert(SQLITE_PLACES == 8, "what SQLITE_IN_PLACES says");
#define SQLITE_GROUP_HASH_BYTES 8

#define SQLITE_RECORD_COLUMNS                                                                      \
    "r.id, r.version, r.format, r.created_at_ms, r.due_at_ms, r.settled_at_ms, r.expires_at_ms, "  \
    "r.lease_owner, r.group_key, r.state, (SELECT p.plan FROM plans AS p WHERE p.number = "        \
    "r.plan_number)"
#define SQLITE_RECORDS_OLDER                                                                       \
    "(r.created_at_ms, r.number) < (?1, ?2) ORDER BY r.created_at_ms DESC, r.number DESC LIMIT ?3"

/* X(symbol, SQL). The conditions of partial indexes are repeated word for word: SQLite uses such an
 * index only then. */
#define SQLITE_STATEMENTS(X)                                                                       \
    X(BEGIN_READ, "BEGIN")                                                                         \
    X(BEGIN_WRITE, "BEGIN IMMEDIATE")                                                              \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(PING, "SELECT invocations FROM counts")                                                      \
    X(PLACES, "SELECT number, id FROM invocations WHERE " SQLITE_IN_PLACES " ORDER BY number")     \
    X(INSERT_RECORD, "INSERT INTO invocations (number, id, version, format, created_at_ms, "       \
                     "due_at_ms, settled_at_ms, expires_at_ms, lease_owner, group_key, "           \
                     "group_hash, state, plan_number) "                                            \
                     "VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")                             \
    X(ADD_PLAN, "INSERT INTO plans (plan) VALUES (?)")                                             \
    X(CHANGE_PLAN, "UPDATE plans SET plan = ?2 WHERE number = ?1")                                 \
    X(DROP_PLAN, "DELETE FROM plans WHERE number = ?")                                             \
    X(SET_PLAN, "UPDATE invocations SET plan_number = NULLIF(?2, 0) WHERE number = ?1")            \
    X(FIND, "SELECT " SQLITE_RECORD_COLUMNS " FROM invocations AS r WHERE r." SQLITE_IN_PLACES     \
            " AND r.id = ?2")                                                                      \
    X(UPDATE, "UPDATE invocations SET version = version + 1, format = ?, due_at_ms = ?, "          \
              "settled_at_ms = ?, expires_at_ms = ?, lease_owner = ?, state = ? "                  \
              "WHERE number = ? AND id = ? AND version = ? AND format <= ? "                       \
              "RETURNING plan_number")                                                             \
    X(ANY_DUE, "SELECT 1 FROM invocations WHERE due_at_ms > 0 AND due_at_ms <= ? AND format <= ? " \
               "LIMIT 1")                                                                          \
    X(DUE,                                                                                         \
      "SELECT number FROM invocations WHERE due_at_ms > 0 AND due_at_ms <= ? AND format <= ? "     \
      "ORDER BY due_at_ms LIMIT ?")                                                                \
    X(CLAIM, "UPDATE invocations SET version = version + 1, due_at_ms = ?, lease_owner = ? "       \
             "WHERE number = ? RETURNING id, version, format, created_at_ms, due_at_ms, "          \
             "settled_at_ms, expires_at_ms, lease_owner, group_key, state, "                       \
             "(SELECT p.plan FROM plans AS p WHERE p.number = invocations.plan_number)")           \
    X(GROUP_LATEST, "SELECT " SQLITE_RECORD_COLUMNS " FROM invocations AS r "                      \
                    "WHERE r.group_hash = ? AND r.group_key = ? "                                  \
                    "ORDER BY r.created_at_ms DESC, r.number DESC LIMIT 1")                        \
    X(LIST_ALL,                                                                                    \
      "SELECT " SQLITE_RECORD_COLUMNS " FROM invocations AS r WHERE " SQLITE_RECORDS_OLDER)        \
    X(LIST_OPEN, "SELECT " SQLITE_RECORD_COLUMNS                                                   \
                 " FROM invocations AS r WHERE r.settled_at_ms = 0 AND " SQLITE_RECORDS_OLDER)     \
    X(LIST_GROUP, "SELECT " SQLITE_RECORD_COLUMNS                                                  \
                  " FROM invocations AS r WHERE r.group_hash = ?4 AND r.group_key = ?5 "           \
                  "AND " SQLITE_RECORDS_OLDER)                                                     \
    X(LIST_GROUP_OPEN,                                                                             \
      "SELECT " SQLITE_RECORD_COLUMNS " FROM invocations AS r WHERE "                              \
      "r.group_hash = ?4 AND r.group_key = ?5 AND r.settled_at_ms = 0 AND " SQLITE_RECORDS_OLDER)  \
    X(COUNT_ALL, "SELECT invocations, open, parked FROM counts")                                   \
    X(TOUCH, "UPDATE invocations SET due_at_ms = ?3 WHERE " SQLITE_IN_PLACES                       \
             " AND id = ?2 AND settled_at_ms = 0 AND (due_at_ms = 0 OR due_at_ms > ?3) "           \
             "AND format <= ?4")                                                                   \
    X(LOCK_TAKE, "INSERT INTO locks (key, owner) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE "     \
                 "SET owner = excluded.owner WHERE owner = ?2 OR owner = ?3 RETURNING owner")      \
    X(LOCK_HOLDER, "SELECT owner FROM locks WHERE key = ?")                                        \
    X(LOCK_RELEASE, "DELETE FROM locks WHERE key = ? AND owner = ?")                               \
    X(LOCK_WAIT, "INSERT INTO waiters (key, id, since_ms) VALUES (?, ?, ?) "                       \
                 "ON CONFLICT (key, id) DO NOTHING")                                               \
    X(LOCK_LEAVE, "DELETE FROM waiters WHERE key = ? AND id = ?")                                  \
    X(LOCK_FIRST, "SELECT id FROM waiters WHERE key = ? ORDER BY since_ms, id LIMIT 1")            \
    X(PARK, "INSERT INTO parked (id, first_seen_ms, expires_at_ms, source, reason, digest, body) " \
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")                            \
    X(PARKED_LIST,                                                                                 \
      "SELECT id, first_seen_ms, expires_at_ms, source, reason, digest, body "                     \
      "FROM parked WHERE (first_seen_ms, id) > (?1, ?2) ORDER BY first_seen_ms, id LIMIT ?3")      \
    X(PARKED_TAKE, "DELETE FROM parked WHERE id = ? RETURNING id, first_seen_ms, expires_at_ms, "  \
                   "source, reason, digest, body")                                                 \
    X(REPLY_PUT, "INSERT INTO replies (id, digest, blob, expires_at_ms) VALUES (?1, ?2, ?3, ?4) "  \
                 "ON CONFLICT (id, digest) DO UPDATE SET expires_at_ms = ?4 "                      \
                 "WHERE ?4 = 0 OR (expires_at_ms > 0 AND expires_at_ms < ?4)")                     \
    X(REPLY_GET, "SELECT blob FROM replies WHERE id = ? AND digest = ?")                           \
    X(ANY_EXPIRED,                                                                                 \
      "SELECT EXISTS (SELECT 1 FROM invocations WHERE expires_at_ms > 0 AND expires_at_ms <= ?1) " \
      "OR EXISTS (SELECT 1 FROM parked WHERE expires_at_ms > 0 AND expires_at_ms <= ?1) "          \
      "OR EXISTS (SELECT 1 FROM replies WHERE expires_at_ms > 0 AND expires_at_ms <= ?1)")         \
    X(EXPIRE_RECORDS, "DELETE FROM invocations WHERE number IN (SELECT number FROM invocations "   \
                      "WHERE expires_at_ms > 0 AND expires_at_ms <= ? LIMIT ?)")                   \
    X(EXPIRE_PARKED, "DELETE FROM parked WHERE number IN (SELECT number FROM parked "              \
                     "WHERE expires_at_ms > 0 AND expires_at_ms <= ? LIMIT ?)")                    \
    X(EXPIRE_REPLIES, "DELETE FROM replies WHERE number IN (SELECT number FROM replies "           \
                      "WHERE expires_at_ms > 0 AND expires_at_ms <= ? LIMIT ?)")

enum sqlite_statement {
#define SQLITE_STATEMENT_ENUM(symbol, sql) SQLITE_STATEMENT_##symbol,
    SQLITE_STATEMENTS(SQLITE_STATEMENT_ENUM)
#undef SQLITE_STATEMENT_ENUM
        SQLITE_STATEMENT_COUNT
};

struct sqlite_store {
    struct tracker tracker;
    sqlite3 *database;
    int64_t timeout_ms;      /* how long one operation waits for other writers */
    int64_t busy_started_ms; /* monotonic */
    bool is_open;            /* tracker_open has succeeded */
    sqlite3_stmt *statements[SQLITE_STATEMENT_COUNT]; /* prepared when first used */
};

/* Classifies what SQLite said; the text names it. */
enum status sqlite_fail(struct sqlite_store *store, int code, struct error *error);

/* One run of a cached statement: parameters in order, then steps. Fit for CLEANUP(query_end), which
 * makes the statement ready for its next use. */
struct query {
    struct sqlite_store *store;
    sqlite3_stmt *statement; /* NULL when it could not be prepared; query_step says why */
    int code;                /* of the preparation */
    int bound;
};

struct query query_begin(struct sqlite_store *store, enum sqlite_statement statement);
void query_end(struct query *query);
void query_int64(struct query *query, int64_t value);
/* Text and bytes are borrowed until query_end. NULL and absent bind NULL. */
void query_text(struct query *query, const char *text);
void query_text_slice(struct query *query, struct slice text);
void query_bytes(struct query *query, struct slice bytes);
MUST_CHECK enum status query_step(struct query *query, bool *row, struct error *error);
/* For statements whose rows do not matter. */
MUST_CHECK enum status query_run(struct query *query, struct error *error);
/* Copies of columns of the current row. */
struct slice query_column(struct query *query, int column, struct arena *arena);
void query_column_id(struct query *query, int column, char id[TRACKER_ID_BYTES + 1]);
void query_column_record(struct query *query, struct arena *arena, struct tracker_record *record);

/* A transaction: BEGIN and, according to what happened since, COMMIT or ROLLBACK. A write
 * transaction waits for other writers at its begin and never later. */
MUST_CHECK enum status sqlite_begin(struct sqlite_store *store, enum sqlite_statement begin,
                                    struct error *error);
MUST_CHECK enum status sqlite_finish(struct sqlite_store *store, enum status status,
                                     struct error *error);

/* Pragmas, and the schema brought up to SQLITE_FILE_SCHEMA. */
MUST_CHECK enum status sqlite_prepare_database(struct sqlite_store *store, struct error *error);

/* The first of an id's places. They are in the order of the ids. */
int64_t sqlite_first_place(const char *id);
struct sqlite_place {
    int64_t number; /* where the id is; 0: nowhere */
    int64_t free;   /* when it is nowhere: the first place it may take; 0: none is left */
};
MUST_CHECK enum status sqlite_find_place(struct sqlite_store *store, const char *id,
                                         struct sqlite_place *place, struct error *error);
/* Binds what the indexes know of a group, the first SQLITE_GROUP_HASH_BYTES of its SHA-256; NULL of
 * an absent one. */
void query_group_hash(struct query *query, struct slice group);

/* The operations besides those of records (tracker_sqlite_lists.c). */
enum status sqlite_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                                struct tracker_record *record, struct error *error);
enum status sqlite_list(struct tracker *tracker, struct arena *arena,
                        const struct tracker_list *list, struct tracker_record **records,
                        size_t *count, struct slice *next_token, struct error *error);
enum status sqlite_count(struct tracker *tracker, struct tracker_counts *counts,
                         struct error *error);
enum status sqlite_expire(struct tracker *tracker, int64_t now_ms, size_t limit, size_t *removed,
                          struct error *error);

/* Locks, parked messages and replies (tracker_sqlite_side.c). */
enum status sqlite_lock_take(struct tracker *tracker, const char *key, const char *owner,
                             const char *expected, char *holder, struct error *error);
enum status sqlite_lock_holder(struct tracker *tracker, const char *key, char *holder,
                               struct error *error);
enum status sqlite_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                struct error *error);
enum status sqlite_lock_wait(struct tracker *tracker, const char *key, const char *id,
                             int64_t since_ms, struct error *error);
enum status sqlite_lock_leave(struct tracker *tracker, const char *key, const char *id,
                              struct error *error);
enum status sqlite_lock_first(struct tracker *tracker, const char *key, char *id,
                              struct error *error);
enum status sqlite_park(struct tracker *tracker, const struct tracker_parked *messages,
                        size_t count, struct error *error);
enum status sqlite_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                               struct slice token, struct tracker_parked **messages, size_t *count,
                               struct slice *next_token, struct error *error);
enum status sqlite_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                               struct tracker_parked *message, struct error *error);
enum status sqlite_reply_put(struct tracker *tracker, const char *id, const char *digest,
                             struct slice blob, int64_t expires_at_ms, struct error *error);
enum status sqlite_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                             const char *digest, struct slice *blob, struct error *error);

#endif
