/*
 * PostgreSQL as Redshift: its dialect family. One connection per statement or session. Results come
 * row by row, so that the size limits hold before libpq has taken all memory.
 */
#include "infra/base/log.h"
#include "infra/local/engine.h"
#include "infra/local/sql_rewrite.h"

#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONNECT_TIMEOUT "10"
#define CANCEL_AGAIN_MS 50

/* pg_type.h's numbers; they are fixed for ever. */
enum {
    OID_BOOL = 16,
    OID_BYTEA = 17,
    OID_INT8 = 20,
    OID_INT2 = 21,
    OID_INT4 = 23,
    OID_TEXT = 25,
    OID_OID = 26,
    OID_FLOAT4 = 700,
    OID_FLOAT8 = 701,
    OID_BPCHAR = 1042,
    OID_VARCHAR = 1043,
    OID_DATE = 1082,
    OID_TIME = 1083,
    OID_TIMESTAMP = 1114,
    OID_TIMESTAMPTZ = 1184,
    OID_NUMERIC = 1700,
};

struct postgres_engine {
    char *url;
};

struct postgres_connection {
    PGconn *pg;
};

static void ignore_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* The server's own words, without libpq's line breaks at the end. */
static enum status connect_failed(PGconn *pg, struct error *error)
{
    struct slice text = slice_trim(slice_from_text(pg ? PQerrorMessage(pg) : "out of memory"));
    return error_set(error, STATUS_RETRY, "%.*s", SLICE_PRINT(text));
}

static enum status connect_to(const char *url, PGconn **pg, struct error *error)
{
    const char *names[] = {"dbname", "connect_timeout", "application_name", NULL};
    const char *values[] = {url, CONNECT_TIMEOUT, "ringback local", NULL};
    *pg = PQconnectdbParams(names, values, 1);
    if (PQstatus(*pg) != CONNECTION_OK) {
        enum status status = connect_failed(*pg, error);
        PQfinish(*pg);
        *pg = NULL;
        return status;
    }
    PQsetNoticeReceiver(*pg, ignore_notice, NULL);
    /* Redshift's functions stand behind everything else, so that they hide nothing. */
    PQclear(PQexec(*pg, "SELECT set_config('search_path', current_setting('search_path') || "
                        "', ringback_redshift', false)"));
    /* Redshift reads backslashes in strings as escapes. */
    PQclear(PQexec(*pg, "SET standard_conforming_strings TO off"));
    PQclear(PQexec(*pg, "SET escape_string_warning TO off"));
    return STATUS_OK;
}

static const char redshift_functions[] =
    "CREATE SCHEMA IF NOT EXISTS ringback_redshift;"
    "CREATE OR REPLACE FUNCTION ringback_redshift.getdate() RETURNS timestamp LANGUAGE sql STABLE"
    " AS $$ SELECT date_trunc('second', now() AT TIME ZONE 'UTC') $$;"
    "CREATE OR REPLACE FUNCTION ringback_redshift.part_interval(part text) RETURNS interval"
    " LANGUAGE sql IMMUTABLE AS $$ SELECT CASE lower(part)"
    " WHEN 'qtr' THEN interval '3 months' WHEN 'quarter' THEN interval '3 months'"
    " WHEN 'mi' THEN interval '1 minute' WHEN 'n' THEN interval '1 minute'"
    " WHEN 'yr' THEN interval '1 year' WHEN 'hr' THEN interval '1 hour'"
    " ELSE ('1 ' || part)::interval END $$;"
    "CREATE OR REPLACE FUNCTION ringback_redshift.dateadd(part text, number bigint, moment"
    " timestamp) RETURNS timestamp LANGUAGE sql IMMUTABLE AS $$"
    " SELECT moment + number * ringback_redshift.part_interval(part) $$;"
    "CREATE OR REPLACE FUNCTION ringback_redshift.datediff(part text, begun timestamp, ended"
    " timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT (CASE"
    " WHEN lower(part) IN ('y', 'yr', 'year', 'years')"
    "  THEN extract(year FROM ended) - extract(year FROM begun)"
    " WHEN lower(part) IN ('qtr', 'quarter', 'quarters')"
    "  THEN 4 * (extract(year FROM ended) - extract(year FROM begun))"
    "   + extract(quarter FROM ended) - extract(quarter FROM begun)"
    " WHEN lower(part) IN ('mon', 'month', 'months')"
    "  THEN 12 * (extract(year FROM ended) - extract(year FROM begun))"
    "   + extract(month FROM ended) - extract(month FROM begun)"
    " ELSE extract(epoch FROM date_trunc(u.unit, ended) - date_trunc(u.unit, begun))"
    "  / extract(epoch FROM ('1 ' || u.unit)::interval) END)::bigint FROM (SELECT CASE"
    " WHEN lower(part) IN ('s', 'sec', 'seconds') THEN 'second'"
    " WHEN lower(part) IN ('m', 'mi', 'min', 'n', 'minutes') THEN 'minute'"
    " WHEN lower(part) IN ('h', 'hr', 'hours') THEN 'hour'"
    " WHEN lower(part) IN ('d', 'days') THEN 'day'"
    " WHEN lower(part) IN ('w', 'weeks') THEN 'week' ELSE lower(part) END) AS u(unit) $$;"
    "CREATE OR REPLACE FUNCTION ringback_redshift.sha2(value text, bits integer) RETURNS text"
    " LANGUAGE sql IMMUTABLE AS $$ SELECT encode(sha256(value::bytea), 'hex') $$;";

static enum status postgres_open(const char *url, void **out, struct error *error)
{
    PGconn *pg = NULL;
    enum status status = connect_to(url, &pg, error);
    if (status != STATUS_OK) {
        error_wrap(error, "engine postgresql");
        return status;
    }
    PGresult *result = PQexec(pg, redshift_functions);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        log_warning("Redshift's functions were not created",
                    LOG_TEXT("reason", slice_trim(slice_from_text(PQerrorMessage(pg)))));
    }
    PQclear(result);
    PQfinish(pg);
    struct postgres_engine *engine = calloc(1, sizeof(*engine));
    if (!engine || !(engine->url = strdup(url))) {
        abort();
    }
    *out = engine;
    return STATUS_OK;
}

static void postgres_close(void *context)
{
    struct postgres_engine *engine = context;
    free(engine->url);
    free(engine);
}

static enum status postgres_connect(void *context, void **out, struct error *error)
{
    const struct postgres_engine *engine = context;
    struct postgres_connection *connection = calloc(1, sizeof(*connection));
    if (!connection) {
        abort();
    }
    enum status status = connect_to(engine->url, &connection->pg, error);
    if (status != STATUS_OK) {
        free(connection);
        return status;
    }
    *out = connection;
    return STATUS_OK;
}

static void postgres_disconnect(void *context)
{
    struct postgres_connection *connection = context;
    PQfinish(connection->pg);
    free(connection);
}

static int64_t postgres_pid(const void *context)
{
    const struct postgres_connection *connection = context;
    return PQbackendPID(connection->pg);
}

static const char *type_name(Oid type)
{
    switch (type) {
    case OID_BOOL: return "bool";
    case OID_BYTEA: return "varbyte";
    case OID_INT8: return "int8";
    case OID_INT2: return "int2";
    case OID_INT4: return "int4";
    case OID_OID: return "oid";
    case OID_FLOAT4: return "float4";
    case OID_FLOAT8: return "float8";
    case OID_BPCHAR: return "bpchar";
    case OID_DATE: return "date";
    case OID_TIME: return "time";
    case OID_TIMESTAMP: return "timestamp";
    case OID_TIMESTAMPTZ: return "timestamptz";
    case OID_NUMERIC: return "numeric";
    default: return "varchar";
    }
}

static void complete_column(struct local_column *column, Oid type, int modifier)
{
    static const struct {
        Oid type;
        int precision;
    } numbers[] = {
        {OID_INT2, 5}, {OID_INT4, 10}, {OID_INT8, 19}, {OID_FLOAT4, 8}, {OID_FLOAT8, 17}};
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++) {
        if (type == numbers[i].type) {
            column->precision = numbers[i].precision;
            column->is_signed = true;
        }
    }
    /* Both encodings carry four bytes more than what was declared. */
    if (modifier >= 4 && type == OID_NUMERIC) {
        column->precision = (modifier - 4) >> 16;
        column->scale = (modifier - 4) & 0xffff;
        column->is_signed = true;
    } else if (modifier >= 4 && (type == OID_VARCHAR || type == OID_BPCHAR)) {
        column->length = modifier - 4;
        column->precision = modifier - 4;
    }
}

static bool add_columns(const PGresult *rows, struct local_result *result)
{
    for (int i = 0; i < PQnfields(rows); i++) {
        Oid type = PQftype(rows, i);
        struct local_column *column = local_result_add_column(
            result, slice_from_text(PQfname(rows, i)), slice_from_text(type_name(type)));
        if (!column) {
            return false;
        }
        complete_column(column, type, PQfmod(rows, i));
    }
    return true;
}

static void add_bytes(const char *escaped, struct local_result *result)
{
    size_t size = 0;
    unsigned char *bytes = PQunescapeBytea((const unsigned char *)escaped, &size);
    local_result_add_blob(result, (struct slice){bytes ? (const char *)bytes : "", size});
    PQfreemem(bytes);
}

static void add_value(const PGresult *rows, int row, int i, struct local_result *result)
{
    if (PQgetisnull(rows, row, i)) {
        local_result_add_null(result);
        return;
    }
    const char *text = PQgetvalue(rows, row, i);
    switch (PQftype(rows, i)) {
    case OID_BOOL: local_result_add_bool(result, text[0] == 't'); break;
    case OID_BYTEA: add_bytes(text, result); break;
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_OID: local_result_add_long(result, strtoll(text, NULL, 10)); break;
    case OID_FLOAT4:
    case OID_FLOAT8: local_result_add_double(result, strtod(text, NULL)); break;
    default:
        local_result_add_text(result, (struct slice){text, (size_t)PQgetlength(rows, row, i)});
        break;
    }
}

static const char *add_rows(const PGresult *rows, struct local_result *result)
{
    if (result->column_count == 0 && !add_columns(rows, result)) {
        return "too many columns";
    }
    for (int row = 0; row < PQntuples(rows); row++) {
        for (int i = 0; i < (int)result->column_count; i++) {
            add_value(rows, row, i, result);
        }
        const char *excess = local_result_end_row(result);
        if (excess) {
            return excess;
        }
    }
    return NULL;
}

/* "ERROR: text\n  Detail: detail"; a serialization failure carries Redshift's number. */
static enum engine_end fail_with_result(const PGresult *failed, struct engine_outcome *outcome)
{
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 1UL << 20);
    const char *code = PQresultErrorField(failed, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(failed, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(failed, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(failed, PG_DIAG_MESSAGE_HINT);
    if (code && (strcmp(code, "40001") == 0 || strcmp(code, "40P01") == 0)) {
        buffer_append_text(&text, "1023 DETAIL: Serializable isolation violation: ");
    }
    buffer_append_text(&text, message ? message : PQresultErrorMessage(failed));
    if (detail) {
        buffer_append_text(&text, "\n  Detail: ");
        buffer_append_text(&text, detail);
    }
    if (hint) {
        buffer_append_text(&text, "\n  Hint: ");
        buffer_append_text(&text, hint);
    }
    return engine_outcome_fail(outcome, text.data ? text.data : "unknown error");
}

static void cancel_backend(PGconn *pg)
{
    char ignored[256];
    PGcancel *cancel = PQgetCancel(pg);
    if (cancel) {
        (void)PQcancel(cancel, ignored, sizeof(ignored));
        PQfreeCancel(cancel);
    }
}

/*
 * Waits for the next result. A cancel that arrives before the server has begun does nothing there,
 * so it is repeated until an answer comes. NULL: there is none left.
 */
static PGresult *next_result(PGconn *pg, const struct engine_cancel *cancel)
{
    PQflush(pg);
    while (PQisBusy(pg)) {
        bool cancelled = engine_cancel_requested(cancel);
        struct pollfd entries[2] = {{.fd = PQsocket(pg), .events = POLLIN},
                                    {.fd = cancel ? cancel->event_fd : -1, .events = POLLIN}};
        if (cancelled) {
            cancel_backend(pg);
        }
        poll(entries, cancelled ? 1 : 2, cancelled ? CANCEL_AGAIN_MS : 1000);
        if (!PQconsumeInput(pg)) {
            break;
        }
        PQflush(pg);
    }
    return PQgetResult(pg);
}

/* Rows that the client would have to send or take are not part of the Data API. */
static enum engine_end refuse_copy(PGconn *pg, struct engine_outcome *outcome)
{
    char *line = NULL;
    while (PQgetCopyData(pg, &line, 0) > 0) {
        PQfreemem(line);
    }
    PQputCopyEnd(pg, "COPY with the client is not supported");
    return engine_outcome_fail(outcome, "COPY with the client is not supported");
}

static enum engine_end take_result(PGconn *pg, PGresult *taken, struct engine_outcome *outcome)
{
    const char *excess = NULL;
    switch (PQresultStatus(taken)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
        outcome->has_result = true;
        excess = add_rows(taken, &outcome->result);
        if (excess) {
            cancel_backend(pg);
            return engine_outcome_fail(outcome, excess);
        }
        return ENGINE_DONE;
    case PGRES_COMMAND_OK:
        outcome->row_count = strtoll(PQcmdTuples(taken), NULL, 10);
        return ENGINE_DONE;
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT: return refuse_copy(pg, outcome);
    case PGRES_EMPTY_QUERY: return ENGINE_DONE;
    default: return fail_with_result(taken, outcome);
    }
}

static bool send_statement(PGconn *pg, const struct engine_request *request,
                           struct engine_outcome *outcome)
{
    struct error error = ERROR_NONE;
    struct sql_rewritten rewritten;
    const char *values[SQL_USES_MAX];
    bool sent = false;
    if (sql_rewrite(SQL_POSTGRES, request, &rewritten, &error) != STATUS_OK) {
        engine_outcome_fail(outcome, error.text);
        sql_rewritten_clear(&rewritten);
        return false;
    }
    /* The request's values end with a NUL: data_submit's copy and literals both do. */
    for (size_t i = 0; i < rewritten.use_count; i++) {
        values[i] = request->parameters[rewritten.uses[i]].value.data;
    }
    sent = PQsendQueryParams(pg, rewritten.text.data, (int)rewritten.use_count, NULL, values, NULL,
                             NULL, 0) == 1 &&
           PQsetSingleRowMode(pg) == 1;
    if (!sent) {
        struct slice text = slice_trim(slice_from_text(PQerrorMessage(pg)));
        engine_outcome_fail(outcome, text.data);
    }
    sql_rewritten_clear(&rewritten);
    return sent;
}

static enum engine_end postgres_execute(void *context, const struct engine_request *request,
                                        struct engine_outcome *outcome)
{
    PGconn *pg = ((struct postgres_connection *)context)->pg;
    enum engine_end end = ENGINE_DONE;
    if (!send_statement(pg, request, outcome)) {
        return ENGINE_FAILED;
    }
    for (PGresult *taken = next_result(pg, request->cancel); taken;
         taken = next_result(pg, request->cancel)) {
        /* The first failure counts; what follows is only drained. */
        if (end == ENGINE_DONE) {
            end = take_result(pg, taken, outcome);
        }
        PQclear(taken);
    }
    if (outcome->has_result) {
        outcome->row_count = (int64_t)local_result_row_count(&outcome->result);
    }
    return end == ENGINE_FAILED && engine_cancel_requested(request->cancel) ? ENGINE_CANCELLED
                                                                            : end;
}

const struct engine_functions engine_postgres = {
    .name = "postgresql",
    .open = postgres_open,
    .close = postgres_close,
    .connect = postgres_connect,
    .disconnect = postgres_disconnect,
    .pid = postgres_pid,
    .execute = postgres_execute,
    .begin = "BEGIN",
    .catalog =
        {
            [ENGINE_CATALOG_DATABASES] =
                "SELECT datname::text FROM pg_database WHERE datallowconn AND NOT datistemplate"
                " ORDER BY datname",
            [ENGINE_CATALOG_SCHEMAS] = "SELECT nspname::text FROM pg_namespace"
                                       " WHERE nspname LIKE :schema ORDER BY nspname",
            [ENGINE_CATALOG_TABLES] =
                "SELECT table_name::text, CASE table_type WHEN 'BASE TABLE' THEN 'TABLE' ELSE"
                " table_type::text END, table_schema::text FROM information_schema.tables"
                " WHERE table_schema LIKE :schema AND table_name LIKE :table"
                " ORDER BY table_schema, table_name",
            [ENGINE_CATALOG_COLUMNS] =
                "SELECT column_name::text, udt_name::text, CASE is_nullable WHEN 'YES' THEN '1'"
                " ELSE '0' END, column_default::text,"
                " coalesce(character_maximum_length, numeric_precision, 0)::text"
                " FROM information_schema.columns WHERE table_schema = :schema"
                " AND table_name = :table ORDER BY ordinal_position",
        },
};
