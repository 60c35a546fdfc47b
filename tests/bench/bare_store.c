#include "tests/bench/bare_store.h"

#include "tracker/tracker_check.h"
#include "tracker/tracker_redis.h"
#include "tracker/tracker_sqlite.h"

#include "infra/base/compiler.h"
#include "infra/base/encode.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_OF                                                                                  \
    "SELECT r.state, p.plan FROM invocations AS r JOIN plans AS p ON p.number = r.plan_number "    \
    "WHERE "

/* One of the two is there. */
struct bare_store {
    redisContext *redis;
    redisReply *found[BARE_STORE_BATCH_MAX];
    sqlite3 *sqlite;
    sqlite3_stmt *select;
    sqlite3_stmt *update;
    sqlite3_stmt *latest;
};

static void must(bool holds, const char *what)
{
    if (!holds) {
        (void)fprintf(stderr, "bare store: %s\n", what);
        abort();
    }
}

/* ---- Redis ---------------------------------------------------------------------------------- */

static redisReply *reply_of_next(struct bare_store *store)
{
    void *reply = NULL;

    must(redisGetReply(store->redis, &reply) == REDIS_OK &&
             ((redisReply *)reply)->type != REDIS_REPLY_ERROR,
         "redis");
    return reply;
}

static void open_redis(struct bare_store *store, const char *url)
{
    int port = 0;

    must(sscanf(url, "redis://127.0.0.1:%d", &port) == 1, "url"); /* NOLINT(cert-err34-c) */
    store->redis = redisConnect("127.0.0.1", port);
    must(store->redis && store->redis->err == 0, "redis: connect");
}

static void forget_found(struct bare_store *store)
{
    for (size_t i = 0; i < BARE_STORE_BATCH_MAX; i++) {
        freeReplyObject(store->found[i]);
        store->found[i] = NULL;
    }
}

static void find_in_redis(struct bare_store *store, const struct tracker_lookup *lookups,
                          size_t count)
{
    forget_found(store);
    for (size_t i = 0; i < count; i++) {
        redisAppendCommand(store->redis, "GET rb:r:%s", lookups[i].id);
    }
    for (size_t i = 0; i < count; i++) {
        store->found[i] = reply_of_next(store);
        must(store->found[i]->type == REDIS_REPLY_STRING, "redis: no such record");
    }
}

static void update_redis(struct bare_store *store, const struct tracker_lookup *lookups,
                         size_t count, int64_t due_at_ms)
{
    for (size_t i = 0; i < count; i++) {
        redisAppendCommand(store->redis, "SET rb:r:%s %b", lookups[i].id, store->found[i]->str,
                           (size_t)store->found[i]->len);
        redisAppendCommand(store->redis, "ZADD rb:due:%d %" PRId64 " %s", TRACKER_FORMAT, due_at_ms,
                           lookups[i].id);
    }
    for (size_t i = 0; i < 2 * count; i++) {
        freeReplyObject(reply_of_next(store));
    }
}

static void latest_in_redis(struct bare_store *store, struct arena *arena, struct slice group)
{
    redisReply *places = NULL;

    forget_found(store);
    redisAppendCommand(store->redis, "ZREVRANGE rb:go:%s 0 0", redis_group_hash(arena, group));
    places = reply_of_next(store);
    must(places->type == REDIS_REPLY_ARRAY && places->elements == 1, "redis: no such group");
    redisAppendCommand(store->redis, "GET rb:r:%s",
                       tracker_place_id(slice_from_text(places->element[0]->str)));
    freeReplyObject(places);
    store->found[0] = reply_of_next(store);
    must(store->found[0]->type == REDIS_REPLY_STRING, "redis: no such record");
}

/* ---- SQLite --------------------------------------------------------------------------------- */

static void run_sql(struct bare_store *store, const char *sql)
{
    must(sqlite3_exec(store->sqlite, sql, NULL, NULL, NULL) == SQLITE_OK, sql);
}

static sqlite3_stmt *prepare(struct bare_store *store, const char *sql)
{
    sqlite3_stmt *statement = NULL;

    must(sqlite3_prepare_v2(store->sqlite, sql, -1, &statement, NULL) == SQLITE_OK, sql);
    return statement;
}

static void open_sqlite(struct bare_store *store, const char *file)
{
    must(sqlite3_open_v2(file, &store->sqlite, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) ==
             SQLITE_OK,
         file);
    run_sql(store, "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON");
    store->select = prepare(store, RECORD_OF "r.number = ?");
    store->latest =
        prepare(store, RECORD_OF "r.group_hash = ? AND r.group_key = ? "
                                 "ORDER BY r.created_at_ms DESC, r.number DESC LIMIT 1");
    store->update = prepare(store, "UPDATE invocations SET due_at_ms = ? WHERE number = ?");
}

/* Runs it to its one record. */
static void read_row(sqlite3_stmt *select)
{
    must(sqlite3_step(select) == SQLITE_ROW, "sqlite: no such record");
    must(sqlite3_column_blob(select, 0) && sqlite3_column_blob(select, 1),
         "sqlite: a record without state or plan");
    (void)sqlite3_reset(select);
}

static void find_in_sqlite(struct bare_store *store, const struct tracker_lookup *lookups,
                           size_t count)
{
    run_sql(store, "BEGIN");
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(store->select, 1, sqlite_first_place(lookups[i].id));
        read_row(store->select);
    }
    run_sql(store, "COMMIT");
}

static void update_sqlite(struct bare_store *store, const struct tracker_lookup *lookups,
                          size_t count, int64_t due_at_ms)
{
    run_sql(store, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < count; i++) {
        (void)sqlite3_bind_int64(store->update, 1, due_at_ms);
        (void)sqlite3_bind_int64(store->update, 2, sqlite_first_place(lookups[i].id));
        must(sqlite3_step(store->update) == SQLITE_DONE, "sqlite: update");
        (void)sqlite3_reset(store->update);
    }
    run_sql(store, "COMMIT");
}

static void latest_in_sqlite(struct bare_store *store, struct slice group)
{
    unsigned char hash[SHA256_BYTES];

    digest_sha256(group, hash);
    (void)sqlite3_bind_blob(store->latest, 1, hash, SQLITE_GROUP_HASH_BYTES, SQLITE_STATIC);
    (void)sqlite3_bind_blob(store->latest, 2, group.data, (int)group.size, SQLITE_STATIC);
    read_row(store->latest);
    (void)sqlite3_clear_bindings(store->latest); /* they would outlive what they point to */
}

/* ---- Either --------------------------------------------------------------------------------- */

struct bare_store *bare_store_open(const char *url)
{
    const bool is_redis = strncmp(url, "redis:", strlen("redis:")) == 0;
    const bool is_sqlite = strncmp(url, "sqlite:", strlen("sqlite:")) == 0;
    struct bare_store *store = NULL;

    if (!is_redis && !is_sqlite) {
        return NULL;
    }
    store = calloc(1, sizeof(*store));
    must(store, "memory");
    if (is_redis) {
        open_redis(store, url);
    } else {
        open_sqlite(store, url + strlen("sqlite:"));
    }
    return store;
}

void bare_store_close(struct bare_store *store)
{
    if (!store) {
        return;
    }
    forget_found(store);
    if (store->redis) {
        redisFree(store->redis);
    }
    (void)sqlite3_finalize(store->select);
    (void)sqlite3_finalize(store->update);
    (void)sqlite3_finalize(store->latest);
    (void)sqlite3_close(store->sqlite);
    free(store);
}

void bare_store_find(struct bare_store *store, const struct tracker_lookup *lookups, size_t count)
{
    must(count <= BARE_STORE_BATCH_MAX, "batch");
    if (store->redis) {
        find_in_redis(store, lookups, count);
    } else {
        find_in_sqlite(store, lookups, count);
    }
}

void bare_store_update(struct bare_store *store, const struct tracker_lookup *lookups, size_t count,
                       int64_t due_at_ms)
{
    if (store->redis) {
        update_redis(store, lookups, count, due_at_ms);
    } else {
        update_sqlite(store, lookups, count, due_at_ms);
    }
}

void bare_store_latest(struct bare_store *store, struct arena *arena, struct slice group)
{
    if (store->redis) {
        latest_in_redis(store, arena, group);
    } else {
        latest_in_sqlite(store, group);
    }
}
