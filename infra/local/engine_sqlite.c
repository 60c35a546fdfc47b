/*
 * SQLite as a small Redshift: one file in WAL mode, a connection per statement or session. Writers
 * queue in the busy handler until they get the lock or are cancelled. "sqlite::memory:" is a
 * database of this process in a temporary folder that goes with it.
 */
#include "infra/local/engine.h"
#include "infra/local/engine_sqlite_functions.h"
#include "infra/local/sql_rewrite.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_STEPS 1000

struct sqlite_engine {
    char path[1024];
    char folder[64]; /* to remove at the end; empty: the file is the user's */
    sqlite3 *keeper; /* keeps the write-ahead log from being checkpointed at every disconnect */
    atomic_int_fast64_t next_pid;
};

struct sqlite_connection {
    sqlite3 *db;
    int64_t pid;
    const struct engine_cancel *cancel; /* of the statement that runs; NULL between statements */
};

/* Called while another connection holds the lock: 0 gives up. */
static int wait_for_lock(void *context, int count)
{
    const struct sqlite_connection *connection = context;
    if (engine_cancel_requested(connection->cancel)) {
        return 0;
    }
    engine_cancel_wait(connection->cancel, count < 10 ? 1 + count : 10);
    return 1;
}

static int progress(void *context)
{
    const struct sqlite_connection *connection = context;
    return engine_cancel_requested(connection->cancel) ? 1 : 0;
}

static enum status open_database(const struct sqlite_engine *engine, sqlite3 **db,
                                 struct error *error)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(engine->path, db, flags, NULL);
    if (code != SQLITE_OK) {
        error_set(error, STATUS_INTERNAL, "%s", *db ? sqlite3_errmsg(*db) : "out of memory");
        sqlite3_close(*db);
        *db = NULL;
        return STATUS_INTERNAL;
    }
    return STATUS_OK;
}

static void sqlite_disconnect(void *context)
{
    struct sqlite_connection *connection = context;
    connection->cancel = NULL;
    sqlite3_close(connection->db);
    free(connection);
}

static enum status sqlite_connect(void *context, void **out, struct error *error)
{
    struct sqlite_engine *engine = context;
    struct sqlite_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        abort();
    }
    enum status status = open_database(engine, &connection->db, error);
    if (status != STATUS_OK) {
        free(connection);
        return status;
    }
    connection->pid = atomic_fetch_add(&engine->next_pid, 1);
    sqlite3_busy_handler(connection->db, wait_for_lock, connection);
    sqlite3_progress_handler(connection->db, PROGRESS_STEPS, progress, connection);
    sqlite3_exec(connection->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    engine_sqlite_add_functions(connection->db, &connection->cancel);
    *out = connection;
    return STATUS_OK;
}

static void remove_database(const struct sqlite_engine *engine)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    for (size_t i = 0; engine->folder[0] && i < ARRAY_COUNT(suffixes); i++) {
        char path[sizeof(engine->path) + 8];
        (void)snprintf(path, sizeof(path), "%s%s", engine->path, suffixes[i]);
        unlink(path);
    }
    if (engine->folder[0]) {
        rmdir(engine->folder);
    }
}

static void sqlite_close(void *context)
{
    struct sqlite_engine *engine = context;
    sqlite3_close(engine->keeper);
    remove_database(engine);
    free(engine);
}

static enum status choose_path(struct sqlite_engine *engine, const char *path, struct error *error)
{
    if (strcmp(path, ":memory:") != 0) {
        int size = snprintf(engine->path, sizeof(engine->path), "%s", path);
        bool fits = size > 0 && (size_t)size < sizeof(engine->path);
        return fits ? STATUS_OK
                    : error_set(error, STATUS_REJECTED, "sqlite: the path is empty or too long");
    }
    (void)snprintf(engine->folder, sizeof(engine->folder), "/tmp/ringback-local-XXXXXX");
    if (!mkdtemp(engine->folder)) {
        engine->folder[0] = '\0';
        return error_set(error, STATUS_INTERNAL, "sqlite: no temporary folder in /tmp");
    }
    (void)snprintf(engine->path, sizeof(engine->path), "%s/database", engine->folder);
    return STATUS_OK;
}

static enum status sqlite_open(const char *url, void **out, struct error *error)
{
    struct sqlite_engine *engine = calloc(1, sizeof(*engine));
    if (!engine) {
        abort();
    }
    atomic_init(&engine->next_pid, 1073741824);
    enum status status = choose_path(engine, url + strlen("sqlite:"), error);
    if (status == STATUS_OK) {
        status = open_database(engine, &engine->keeper, error);
    }
    if (status == STATUS_OK &&
        sqlite3_exec(engine->keeper, "PRAGMA journal_mode=WAL", NULL, NULL, NULL) != SQLITE_OK) {
        status = error_set(error, STATUS_REJECTED, "%s", sqlite3_errmsg(engine->keeper));
    }
    if (status != STATUS_OK) {
        error_wrap(error, "engine %s", url);
        sqlite_close(engine);
        return status;
    }
    *out = engine;
    return STATUS_OK;
}

static int64_t sqlite_pid(const void *context)
{
    const struct sqlite_connection *connection = context;
    return connection->pid;
}

/* Redshift's name of a declared or, without one, of a seen type. */
static const char *type_name(const char *declared, int storage)
{
    static const struct {
        const char *prefix;
        const char *name;
    } names[] = {
        {"bigint", "int8"},         {"bool", "bool"},     {"char", "bpchar"},
        {"character v", "varchar"}, {"date", "date"},     {"dec", "numeric"},
        {"double", "float8"},       {"float4", "float4"}, {"float", "float8"},
        {"int2", "int2"},           {"int8", "int8"},     {"int", "int4"},
        {"numeric", "numeric"},     {"real", "float4"},   {"smallint", "int2"},
        {"super", "super"},         {"text", "varchar"},  {"timestamptz", "timestamptz"},
        {"timestamp", "timestamp"}, {"time", "time"},     {"varbyte", "varbyte"},
        {"varchar", "varchar"},     {"blob", "varbyte"},
    };
    for (size_t i = 0; declared && i < ARRAY_COUNT(names); i++) {
        if (sqlite3_strnicmp(declared, names[i].prefix, (int)strlen(names[i].prefix)) == 0) {
            return names[i].name;
        }
    }
    switch (storage) {
    case SQLITE_INTEGER: return "int8";
    case SQLITE_FLOAT: return "float8";
    case SQLITE_BLOB: return "varbyte";
    default: return "varchar";
    }
}

/* varchar(20): length and precision 20; numeric(10,2): precision 10, scale 2. */
static void complete_column(struct local_column *column, const char *declared)
{
    static const struct {
        const char *name;
        int precision;
    } integers[] = {{"int2", 5}, {"int4", 10}, {"int8", 19}, {"float4", 8}, {"float8", 17}};
    for (size_t i = 0; i < ARRAY_COUNT(integers); i++) {
        if (strcmp(column->type_name, integers[i].name) == 0) {
            column->precision = integers[i].precision;
            column->is_signed = true;
        }
    }
    const char *open = declared ? strchr(declared, '(') : NULL;
    if (open) {
        char *end = NULL;
        column->precision = strtol(open + 1, &end, 10);
        column->length = column->precision;
        column->scale = *end == ',' ? strtol(end + 1, NULL, 10) : 0;
    }
}

static bool add_columns(sqlite3_stmt *statement, bool has_row, struct local_result *result)
{
    for (int i = 0; i < sqlite3_column_count(statement); i++) {
        const char *declared = sqlite3_column_decltype(statement, i);
        const char *type =
            type_name(declared, has_row ? sqlite3_column_type(statement, i) : SQLITE_TEXT);
        struct local_column *column = local_result_add_column(
            result, slice_from_text(sqlite3_column_name(statement, i)), slice_from_text(type));
        if (!column) {
            return false;
        }
        complete_column(column, declared);
    }
    return true;
}

static struct slice column_bytes(sqlite3_stmt *statement, int i)
{
    const char *bytes = sqlite3_column_blob(statement, i);
    return (struct slice){bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, i)};
}

static struct slice column_text(sqlite3_stmt *statement, int i)
{
    const unsigned char *text = sqlite3_column_text(statement, i);
    return (struct slice){(const char *)text, (size_t)sqlite3_column_bytes(statement, i)};
}

static void add_value(sqlite3_stmt *statement, int i, struct local_result *result)
{
    const char *type = result->columns[i].type_name;
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_NULL: local_result_add_null(result); break;
    case SQLITE_BLOB: local_result_add_blob(result, column_bytes(statement, i)); break;
    case SQLITE_INTEGER:
        if (strcmp(type, "bool") == 0) {
            local_result_add_bool(result, sqlite3_column_int(statement, i) != 0);
        } else if (strcmp(type, "numeric") == 0) {
            local_result_add_text(result, column_text(statement, i));
        } else if (type[0] == 'f') {
            local_result_add_double(result, sqlite3_column_double(statement, i));
        } else {
            local_result_add_long(result, sqlite3_column_int64(statement, i));
        }
        break;
    case SQLITE_FLOAT:
        if (strcmp(type, "numeric") == 0) {
            local_result_add_text(result, column_text(statement, i));
        } else {
            local_result_add_double(result, sqlite3_column_double(statement, i));
        }
        break;
    default: local_result_add_text(result, column_text(statement, i)); break;
    }
}

static enum engine_end fail_with_database(sqlite3 *db, struct engine_outcome *outcome)
{
    int code = sqlite3_extended_errcode(db);
    if (code == SQLITE_BUSY_SNAPSHOT) {
        return engine_outcome_fail(outcome, "1023 DETAIL: Serializable isolation violation");
    }
    return engine_outcome_fail(outcome, sqlite3_errmsg(db));
}

static enum engine_end step_all(struct sqlite_connection *connection, sqlite3_stmt *statement,
                                struct engine_outcome *outcome)
{
    struct local_result *result = &outcome->result;
    int code = sqlite3_step(statement);
    outcome->has_result = sqlite3_column_count(statement) > 0;
    if ((code == SQLITE_ROW || code == SQLITE_DONE) &&
        !add_columns(statement, code == SQLITE_ROW, result)) {
        return engine_outcome_fail(outcome, "too many columns");
    }
    for (; code == SQLITE_ROW; code = sqlite3_step(statement)) {
        for (int i = 0; i < (int)result->column_count; i++) {
            add_value(statement, i, result);
        }
        const char *excess = local_result_end_row(result);
        if (excess) {
            return engine_outcome_fail(outcome, excess);
        }
    }
    return code == SQLITE_DONE ? ENGINE_DONE : fail_with_database(connection->db, outcome);
}

static enum engine_end prepare(sqlite3 *db, const struct engine_request *request,
                               sqlite3_stmt **statement, struct engine_outcome *outcome)
{
    struct error error = ERROR_NONE;
    struct sql_rewritten rewritten;
    enum engine_end end = ENGINE_DONE;
    if (sql_rewrite(SQL_SQLITE, request, &rewritten, &error) != STATUS_OK) {
        end = engine_outcome_fail(outcome, error.text);
    } else if (sqlite3_prepare_v2(db, rewritten.text.data, (int)rewritten.text.size, statement,
                                  NULL) != SQLITE_OK) {
        end = fail_with_database(db, outcome);
    }
    for (size_t i = 0; end == ENGINE_DONE && i < rewritten.use_count; i++) {
        struct slice value = request->parameters[rewritten.uses[i]].value;
        sqlite3_bind_text(*statement, (int)i + 1, value.data, (int)value.size, SQLITE_TRANSIENT);
    }
    sql_rewritten_clear(&rewritten);
    return end;
}

static enum engine_end sqlite_execute(void *context, const struct engine_request *request,
                                      struct engine_outcome *outcome)
{
    struct sqlite_connection *connection = context;
    sqlite3_stmt *statement = NULL;
    connection->cancel = request->cancel;
    int64_t changes = sqlite3_total_changes64(connection->db);
    enum engine_end end = prepare(connection->db, request, &statement, outcome);
    if (end == ENGINE_DONE && statement) {
        end = step_all(connection, statement, outcome);
    }
    sqlite3_finalize(statement);
    if (outcome->has_result) {
        outcome->row_count = (int64_t)local_result_row_count(&outcome->result);
    } else if (sqlite3_total_changes64(connection->db) != changes) {
        outcome->row_count = sqlite3_changes64(connection->db);
    }
    connection->cancel = NULL;
    return end == ENGINE_FAILED && engine_cancel_requested(request->cancel) ? ENGINE_CANCELLED
                                                                            : end;
}

const struct engine_functions engine_sqlite = {
    .name = "sqlite",
    .open = sqlite_open,
    .close = sqlite_close,
    .connect = sqlite_connect,
    .disconnect = sqlite_disconnect,
    .pid = sqlite_pid,
    .execute = sqlite_execute,
    .begin = "BEGIN IMMEDIATE",
    .catalog =
        {
            [ENGINE_CATALOG_DATABASES] = "SELECT :database",
            [ENGINE_CATALOG_SCHEMAS] = "SELECT 'public' WHERE 'public' LIKE :schema",
            [ENGINE_CATALOG_TABLES] =
                "SELECT name, upper(type), 'public' FROM sqlite_master WHERE type IN ('table',"
                " 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!' AND 'public' LIKE :schema"
                " AND name LIKE :table ORDER BY name",
            [ENGINE_CATALOG_COLUMNS] =
                "SELECT name, lower(type), CASE \"notnull\" WHEN 0 THEN '1' ELSE '0' END,"
                " dflt_value, '0' FROM pragma_table_info(:table)"
                " WHERE :schema IN ('public', 'main') ORDER BY cid",
        },
};
