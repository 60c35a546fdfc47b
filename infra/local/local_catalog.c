/* ListDatabases, ListSchemas, ListTables, DescribeTable: asked of the engine within the call. */
#include "infra/local/local_statement.h"

#include <stdlib.h>

struct catalog_call {
    enum engine_catalog query;
    const char *list; /* name of the reply's array */
    struct slice database;
    struct slice schema;
    struct slice table;
    size_t first;
    size_t limit;
};

static bool find_query(struct slice operation, struct catalog_call *catalog)
{
    static const struct {
        const char *operation;
        const char *list;
    } queries[ENGINE_CATALOG_COUNT] = {
        [ENGINE_CATALOG_DATABASES] = {"ListDatabases", "Databases"},
        [ENGINE_CATALOG_SCHEMAS] = {"ListSchemas", "Schemas"},
        [ENGINE_CATALOG_TABLES] = {"ListTables", "Tables"},
        [ENGINE_CATALOG_COLUMNS] = {"DescribeTable", "ColumnList"},
    };
    for (size_t i = 0; i < ENGINE_CATALOG_COUNT; i++) {
        if (slice_equals_text(operation, queries[i].operation)) {
            catalog->query = (enum engine_catalog)i;
            catalog->list = queries[i].list;
            return true;
        }
    }
    return false;
}

static enum status parse_paging(struct json input, struct catalog_call *catalog,
                                struct error *error)
{
    struct slice token = SLICE_NONE;
    int64_t limit = 0;
    int64_t first = 0;
    enum status status = json_find_int64(input, "MaxResults", 0, 1000, &limit, error);
    if (status == STATUS_OK) {
        status = json_find_text(input, "NextToken", 0, &token, error);
    }
    if (status == STATUS_OK && token.size > 0 &&
        slice_to_int64(token, 1, INT32_MAX, &first, NULL) != STATUS_OK) {
        status = error_set(error, STATUS_REJECTED, "NextToken is not valid");
    }
    catalog->limit = limit > 0 ? (size_t)limit : 1000;
    catalog->first = (size_t)first;
    return status;
}

static enum status parse_catalog(struct json input, struct catalog_call *catalog,
                                 struct error *error)
{
    bool describe = catalog->query == ENGINE_CATALOG_COLUMNS;
    struct slice cluster = SLICE_NONE;
    struct slice workgroup = SLICE_NONE;
    catalog->schema = describe ? SLICE("public") : SLICE("%");
    catalog->table = SLICE("%");
    enum status status = data_parse_target(input, true, &cluster, &workgroup, error);
    if (status == STATUS_OK) {
        status = json_get_text(input, "Database", 0, &catalog->database, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, describe ? "Schema" : "SchemaPattern", 0, &catalog->schema,
                                error);
    }
    if (status == STATUS_OK && describe) {
        status = json_get_text(input, "Table", 0, &catalog->table, error);
    }
    if (status == STATUS_OK && !describe) {
        status = json_find_text(input, "TablePattern", 0, &catalog->table, error);
    }
    return status == STATUS_OK ? parse_paging(input, catalog, error) : status;
}

static void write_table(const struct local_result *rows, size_t row, struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "name", local_result_text(rows, row, 0));
    json_write_text(writer, "schema", local_result_text(rows, row, 2));
    json_write_text(writer, "type", local_result_text(rows, row, 1));
    json_end_object(writer);
}

static void write_column(const struct catalog_call *catalog, const struct local_result *rows,
                         size_t row, struct json_writer *writer)
{
    int64_t length = 0;
    if (slice_to_int64(local_result_text(rows, row, 4), 0, INT32_MAX, &length, NULL) != STATUS_OK) {
        length = 0;
    }
    bool nullable = slice_equals_text(local_result_text(rows, row, 2), "1");
    json_begin_object(writer, NULL);
    json_write_text_if(writer, "columnDefault", local_result_text(rows, row, 3));
    json_write_bool(writer, "isCaseSensitive", false);
    json_write_bool(writer, "isCurrency", false);
    json_write_bool(writer, "isSigned", false);
    json_write_text(writer, "label", local_result_text(rows, row, 0));
    json_write_int64(writer, "length", length);
    json_write_text(writer, "name", local_result_text(rows, row, 0));
    json_write_int64(writer, "nullable", nullable ? 1 : 0);
    json_write_int64(writer, "precision", length);
    json_write_int64(writer, "scale", 0);
    json_write_text(writer, "schemaName", catalog->schema);
    json_write_text(writer, "tableName", catalog->table);
    json_write_text(writer, "typeName", local_result_text(rows, row, 1));
    json_end_object(writer);
}

static void write_entry(const struct catalog_call *catalog, const struct local_result *rows,
                        size_t row, struct json_writer *writer)
{
    switch (catalog->query) {
    case ENGINE_CATALOG_DATABASES:
    case ENGINE_CATALOG_SCHEMAS:
        json_write_text(writer, NULL, local_result_text(rows, row, 0));
        break;
    case ENGINE_CATALOG_TABLES: write_table(rows, row, writer); break;
    case ENGINE_CATALOG_COLUMNS: write_column(catalog, rows, row, writer); break;
    }
}

static void write_catalog(const struct catalog_call *catalog, const struct local_result *rows,
                          struct http_server_response *response)
{
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    size_t row_count = local_result_row_count(rows);
    size_t row = catalog->first;
    json_begin_object(&writer, NULL);
    if (catalog->query == ENGINE_CATALOG_COLUMNS) {
        json_write_text(&writer, "TableName", catalog->table);
    }
    json_begin_array(&writer, catalog->list);
    for (; row < row_count && row - catalog->first < catalog->limit; row++) {
        write_entry(catalog, rows, row, &writer);
    }
    json_end_array(&writer);
    if (row < row_count) {
        CLEANUP(buffer_clear) struct buffer token;
        buffer_init(&token, 32);
        buffer_append_int64(&token, (int64_t)row);
        json_write_text(&writer, "NextToken", buffer_slice(&token));
    }
    json_end_object(&writer);
    data_reply(response, &body);
}

void data_catalog(struct local_data *data, const struct local_call *call,
                  struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct catalog_call catalog = {0};
    void *connection = NULL;
    if (!find_query(call->operation, &catalog)) {
        data_refuse(response, "UnknownOperationException", "unknown operation");
        return;
    }
    if (parse_catalog(call->input, &catalog, &error) != STATUS_OK) {
        data_refuse_input(response, &error);
        return;
    }
    if (data->engine->connect(data->engine_state, &connection, &error) != STATUS_OK) {
        data_refuse(response, "DatabaseConnectionException", "%s", error.text);
        return;
    }
    const struct engine_parameter parameters[] = {
        {SLICE("database"), catalog.database},
        {SLICE("schema"), catalog.schema},
        {SLICE("table"), catalog.table},
    };
    const struct engine_request request = {
        .sql = slice_from_text(data->engine->catalog[catalog.query]),
        .parameters = parameters,
        .parameter_count = ARRAY_COUNT(parameters),
    };
    CLEANUP(engine_outcome_clear) struct engine_outcome outcome;
    engine_outcome_init(&outcome);
    if (data->engine->execute(connection, &request, &outcome) == ENGINE_DONE) {
        write_catalog(&catalog, &outcome.result, response);
    } else {
        data_refuse(response, "ValidationException", "%.*s",
                    SLICE_PRINT(buffer_slice(&outcome.error)));
    }
    data->engine->disconnect(connection);
}
