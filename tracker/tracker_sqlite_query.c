#include "tracker/tracker_sqlite.h"

#include "infra/base/encode.h"

#include <string.h>

static const char *const statement_texts[SQLITE_STATEMENT_COUNT] = {
#define SQLITE_STATEMENT_TEXT(symbol, sql) [SQLITE_STATEMENT_##symbol] = (sql),
    SQLITE_STATEMENTS(SQLITE_STATEMENT_TEXT)
#undef SQLITE_STATEMENT_TEXT
};

enum status sqlite_fail(struct sqlite_store *store, int code, struct error *error)
{
    enum status status = STATUS_INTERNAL;

    switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL: status = STATUS_RETRY; break;
    case SQLITE_IOERR:
        /* The index of the log could not grow: the file system is full. */
        status = code == SQLITE_IOERR_SHMSIZE ? STATUS_RETRY : STATUS_INTERNAL;
        break;
    case SQLITE_CANTOPEN:
    case SQLITE_NOTADB:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
        /* Later on nobody's input is to blame. */
        status = store->is_open ? STATUS_INTERNAL : STATUS_REJECTED;
        break;
    default: break;
    }
    return error_set(error, status, "sqlite: %s (%d)",
                     store->database ? sqlite3_errmsg(store->database) : sqlite3_errstr(code),
                     code);
}

struct query query_begin(struct sqlite_store *store, enum sqlite_statement statement)
{
    struct query query = {.store = store, .code = SQLITE_OK};

    if (!store->statements[statement]) {
        query.code =
            sqlite3_prepare_v3(store->database, statement_texts[statement], -1,
                               SQLITE_PREPARE_PERSISTENT, &store->statements[statement], NULL);
    }
    query.statement = store->statements[statement];
    return query;
}

void query_end(struct query *query)
{
    if (query->statement) {
        /* Repeats the error that query_step has reported. */
        (void)sqlite3_reset(query->statement);
        (void)sqlite3_clear_bindings(query->statement);
    }
}

/* Binding fails only for a parameter that does not exist or bytes past SQLite's limit, which the
 * checks in tracker.c are far below; the NULL that would stay breaks a constraint. */
void query_int64(struct query *query, int64_t value)
{
    (void)sqlite3_bind_int64(query->statement, ++query->bound, value);
}

void query_text(struct query *query, const char *text)
{
    (void)sqlite3_bind_text(query->statement, ++query->bound, text, -1, SQLITE_STATIC);
}

void query_text_slice(struct query *query, struct slice text)
{
    (void)sqlite3_bind_text(query->statement, ++query->bound, text.data, (int)text.size,
                            SQLITE_STATIC);
}

void query_bytes(struct query *query, struct slice bytes)
{
    (void)sqlite3_bind_blob(query->statement, ++query->bound, bytes.data, (int)bytes.size,
                            SQLITE_STATIC);
}

enum status query_step(struct query *query, bool *row, struct error *error)
{
    int code = query->statement ? sqlite3_step(query->statement) : query->code;

    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE) {
        return STATUS_OK;
    }
    return sqlite_fail(query->store, code, error);
}

enum status query_run(struct query *query, struct error *error)
{
    bool row = false;

    return query_step(query, &row, error);
}

struct slice query_column(struct query *query, int column, struct arena *arena)
{
    const void *bytes = NULL;

    if (sqlite3_column_type(query->statement, column) == SQLITE_NULL) {
        return SLICE_NONE;
    }
    bytes = sqlite3_column_blob(query->statement, column);
    return arena_copy(
        arena, (struct slice){.data = bytes ? bytes : "",
                              .size = (size_t)sqlite3_column_bytes(query->statement, column)});
}

static void copy_text(struct query *query, int column, char *out, size_t room)
{
    const unsigned char *text = sqlite3_column_text(query->statement, column);
    size_t size = (size_t)sqlite3_column_bytes(query->statement, column);

    if (size >= room) {
        size = room - 1;
    }
    if (text) {
        memcpy(out, text, size);
    }
    out[text ? size : 0] = '\0';
}

void query_column_id(struct query *query, int column, char id[TRACKER_ID_BYTES + 1])
{
    copy_text(query, column, id, TRACKER_ID_BYTES + 1);
}

void query_column_record(struct query *query, struct arena *arena, struct tracker_record *record)
{
    sqlite3_stmt *statement = query->statement;

    *record = (struct tracker_record){
        .version = sqlite3_column_int64(statement, 1),
        .format = sqlite3_column_int64(statement, 2),
        .created_at_ms = sqlite3_column_int64(statement, 3),
        .due_at_ms = sqlite3_column_int64(statement, 4),
        .settled_at_ms = sqlite3_column_int64(statement, 5),
        .expires_at_ms = sqlite3_column_int64(statement, 6),
    };
    query_column_id(query, 0, record->id);
    copy_text(query, 7, record->lease_owner, sizeof(record->lease_owner));
    record->group = query_column(query, 8, arena);
    record->state = query_column(query, 9, arena);
    record->plan = query_column(query, 10, arena);
}

int64_t sqlite_first_place(const char *id)
{
    int64_t place = 0;

    /* Of base 36, in the order of ASCII; the ids' own base 32 has the letters first. */
    for (size_t i = 0; i < SQLITE_PLACE_ID_BYTES; i++) {
        place = place * 36 + (id[i] >= 'a' ? id[i] - 'a' + 10 : id[i] - '0');
    }
    return place * SQLITE_PLACES;
}

enum status sqlite_find_place(struct sqlite_store *store, const char *id,
                              struct sqlite_place *place, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_PLACES);
    const int64_t first = sqlite_first_place(id);
    int64_t next = first;
    bool row = true;
    enum status status = STATUS_OK;

    *place = (struct sqlite_place){0};
    query_int64(&query, first);
    while (status == STATUS_OK && row) {
        char other[TRACKER_ID_BYTES + 1];
        status = query_step(&query, &row, error);
        if (status != STATUS_OK || !row) {
            break;
        }
        query_column_id(&query, 1, other);
        if (strcmp(id, other) == 0) {
            place->number = sqlite3_column_int64(query.statement, 0);
            return STATUS_OK;
        }
        next += sqlite3_column_int64(query.statement, 0) == next;
    }
    place->free = next < first + SQLITE_PLACES ? next : 0;
    return status;
}

void query_group_hash(struct query *query, struct slice group)
{
    unsigned char hash[SHA256_BYTES];

    if (!group.data) {
        query_bytes(query, SLICE_NONE);
        return;
    }
    digest_sha256(group, hash);
    (void)sqlite3_bind_blob(query->statement, ++query->bound, hash, SQLITE_GROUP_HASH_BYTES,
                            SQLITE_TRANSIENT);
}

enum status sqlite_begin(struct sqlite_store *store, enum sqlite_statement begin,
                         struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, begin);

    return query_run(&query, error);
}

enum status sqlite_finish(struct sqlite_store *store, enum status status, struct error *error)
{
    if (status == STATUS_OK) {
        CLEANUP(query_end) struct query commit = query_begin(store, SQLITE_STATEMENT_COMMIT);
        status = query_run(&commit, error);
    }
    if (status != STATUS_OK && !sqlite3_get_autocommit(store->database)) {
        /* Some errors have rolled back already; should this one fail, the next begin says so. */
        CLEANUP(query_end) struct query rollback = query_begin(store, SQLITE_STATEMENT_ROLLBACK);
        enum status ignored = query_run(&rollback, NULL);
        (void)ignored;
    }
    return status;
}
