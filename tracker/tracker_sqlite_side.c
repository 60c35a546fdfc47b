/* Locks, parked messages and replies in SQLite. */
#include "tracker/tracker_check.h"
#include "tracker/tracker_sqlite.h"

#include <string.h>

static struct sqlite_store *store_of(struct tracker *tracker)
{
    return (struct sqlite_store *)tracker;
}

static enum status take_if_free(struct sqlite_store *store, const char *key, const char *owner,
                                const char *expected, bool *taken, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_LOCK_TAKE);

    query_text(&query, key);
    query_text(&query, owner);
    query_text(&query, expected);
    return query_step(&query, taken, error);
}

static enum status read_holder(struct sqlite_store *store, const char *key, char *holder,
                               struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_LOCK_HOLDER);
    bool row = false;
    enum status status = STATUS_OK;

    query_text(&query, key);
    status = query_step(&query, &row, error);
    if (status == STATUS_OK && row) {
        query_column_id(&query, 0, holder);
    }
    return status;
}

enum status sqlite_lock_take(struct tracker *tracker, const char *key, const char *owner,
                             const char *expected, char *holder, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    bool taken = false;
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);

    if (status != STATUS_OK) {
        return status;
    }
    status = take_if_free(store, key, owner, expected, &taken, error);
    if (status == STATUS_OK) {
        status = read_holder(store, key, holder, error);
    }
    status = sqlite_finish(store, status, error);
    if (status == STATUS_OK && !taken) {
        return error_set(error, STATUS_CONFLICT, "the lock is held");
    }
    return status;
}

enum status sqlite_lock_holder(struct tracker *tracker, const char *key, char *holder,
                               struct error *error)
{
    enum status status = read_holder(store_of(tracker), key, holder, error);

    return status == STATUS_OK && holder[0] == '\0' ? STATUS_NOT_FOUND : status;
}

enum status sqlite_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_LOCK_RELEASE);

    query_text(&query, key);
    query_text(&query, owner);
    return query_run(&query, error);
}

enum status sqlite_lock_wait(struct tracker *tracker, const char *key, const char *id,
                             int64_t since_ms, struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_LOCK_WAIT);

    query_text(&query, key);
    query_text(&query, id);
    query_int64(&query, since_ms);
    return query_run(&query, error);
}

enum status sqlite_lock_leave(struct tracker *tracker, const char *key, const char *id,
                              struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_LOCK_LEAVE);

    query_text(&query, key);
    query_text(&query, id);
    return query_run(&query, error);
}

enum status sqlite_lock_first(struct tracker *tracker, const char *key, char *id,
                              struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_LOCK_FIRST);
    bool found = false;
    enum status status = STATUS_OK;

    query_text(&query, key);
    status = query_step(&query, &found, error);
    if (status == STATUS_OK && found) {
        query_column_id(&query, 0, id);
    }
    return status == STATUS_OK && !found ? STATUS_NOT_FOUND : status;
}

static enum status park_one(struct sqlite_store *store, const struct tracker_parked *message,
                            struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_PARK);

    query_text(&query, message->id);
    query_int64(&query, message->first_seen_ms);
    query_int64(&query, message->expires_at_ms);
    query_bytes(&query, message->source);
    query_bytes(&query, message->reason);
    query_text_slice(&query, message->digest);
    query_bytes(&query, message->body);
    return query_run(&query, error);
}

enum status sqlite_park(struct tracker *tracker, const struct tracker_parked *messages,
                        size_t count, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = park_one(store, &messages[i], error);
    }
    return sqlite_finish(store, status, error);
}

static void read_parked(struct query *query, struct arena *arena, struct tracker_parked *message)
{
    *message = (struct tracker_parked){
        .first_seen_ms = sqlite3_column_int64(query->statement, 1),
        .expires_at_ms = sqlite3_column_int64(query->statement, 2),
    };
    query_column_id(query, 0, message->id);
    message->source = query_column(query, 3, arena);
    message->reason = query_column(query, 4, arena);
    message->digest = query_column(query, 5, arena);
    message->body = query_column(query, 6, arena);
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status sqlite_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                               struct slice token, struct tracker_parked **messages, size_t *count,
                               struct slice *next_token, struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_PARKED_LIST);
    bool row = true;
    enum status status = STATUS_OK;

    query_int64(&query, token.data ? tracker_place_time_ms(token) : -1);
    query_text_slice(&query, token.data ? (struct slice){tracker_place_id(token), TRACKER_ID_BYTES}
                                        : SLICE(""));
    query_int64(&query, (int64_t)limit + 1);
    *messages = ARENA_ARRAY(arena, limit, struct tracker_parked);
    while (status == STATUS_OK && row) {
        status = query_step(&query, &row, error);
        if (status != STATUS_OK || !row || *count == limit) {
            break;
        }
        read_parked(&query, arena, &(*messages)[(*count)++]);
    }
    if (status == STATUS_OK && row) {
        const struct tracker_parked *last = &(*messages)[*count - 1];
        struct tracker_place place = tracker_place_make(last->first_seen_ms, last->id);
        *next_token = arena_copy(arena, slice_from_text(place.text));
    }
    return status;
}

enum status sqlite_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                               struct tracker_parked *message, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    bool found = false;
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);

    if (status != STATUS_OK) {
        return status;
    }
    {
        CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_PARKED_TAKE);
        query_text(&query, id);
        status = query_step(&query, &found, error);
        if (status == STATUS_OK && found) {
            read_parked(&query, arena, message);
        }
    }
    status = sqlite_finish(store, status, error);
    return status == STATUS_OK && !found ? STATUS_NOT_FOUND : status;
}

enum status sqlite_reply_put(struct tracker *tracker, const char *id, const char *digest,
                             struct slice blob, int64_t expires_at_ms, struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_REPLY_PUT);

    query_text(&query, id);
    query_text(&query, digest);
    query_bytes(&query, blob);
    query_int64(&query, expires_at_ms);
    return query_run(&query, error);
}

enum status sqlite_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                             const char *digest, struct slice *blob, struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_REPLY_GET);
    bool found = false;
    enum status status = STATUS_OK;

    query_text(&query, id);
    query_text(&query, digest);
    status = query_step(&query, &found, error);
    if (status == STATUS_OK && found) {
        *blob = query_column(&query, 0, arena);
    }
    return status == STATUS_OK && !found ? STATUS_NOT_FOUND : status;
}
