/* DescribeStatement, GetStatementResult, GetStatementResultV2, ListStatements. */
#include "infra/local/local_statement.h"

#include <string.h>

static void write_sub(const struct data_statement *statement, size_t index,
                      struct json_writer *writer)
{
    const struct data_sub *sub = &statement->subs[index];
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 64);
    buffer_append_format(&text, "%s:%zu", statement->id, index + 1);
    json_begin_object(writer, NULL);
    data_write_time(writer, "CreatedAt", sub->created_ms);
    json_write_int64(writer, "Duration", sub->duration_ns);
    json_write_text_if(writer, "Error", slice_from_text(sub->error));
    json_write_bool(writer, "HasResultSet", sub->has_result);
    json_write_text(writer, "Id", buffer_slice(&text));
    json_write_text(writer, "QueryString", sub->sql);
    json_write_int64(writer, "RedshiftQueryId", sub->query_id);
    json_write_int64(writer, "ResultRows", sub->result_rows);
    json_write_int64(writer, "ResultSize", sub->result_bytes);
    json_write_text(writer, "Status", slice_from_text(data_status_name(sub->status)));
    data_write_time(writer, "UpdatedAt", sub->updated_ms);
    json_end_object(writer);
}

static bool has_result(const struct data_statement *statement)
{
    for (size_t i = 0; i < statement->input.sql_count; i++) {
        if (statement->subs[i].has_result) {
            return true;
        }
    }
    return false;
}

static void write_parameters(const struct data_submit *input, struct json_writer *writer)
{
    if (input->parameter_count == 0) {
        return;
    }
    json_begin_array(writer, "QueryParameters");
    for (size_t i = 0; i < input->parameter_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", input->parameters[i].name);
        json_write_text(writer, "value", input->parameters[i].value);
        json_end_object(writer);
    }
    json_end_array(writer);
}

/* The batch's members: all of them, or the one that was asked for. */
static void write_batch(const struct data_statement *statement, int sub, struct json_writer *writer)
{
    const struct data_submit *input = &statement->input;
    json_write_text(writer, "ExecutionMode",
                    input->auto_commit ? SLICE("AUTO_COMMIT") : SLICE("TRANSACTION"));
    json_begin_array(writer, "SubStatements");
    for (size_t i = 0; i < input->sql_count; i++) {
        if (sub < 0 || (size_t)sub == i) {
            write_sub(statement, i, writer);
        }
    }
    json_end_array(writer);
}

static void write_statement(const struct data_statement *statement, int sub,
                            struct json_writer *writer)
{
    const struct data_submit *input = &statement->input;
    json_begin_object(writer, NULL);
    json_write_text(writer, "Id", slice_from_text(statement->id));
    json_write_text(writer, "Status", slice_from_text(data_status_name(statement->status)));
    json_write_text_if(writer, "Error", slice_from_text(statement->error));
    data_write_time(writer, "CreatedAt", statement->created_ms);
    data_write_time(writer, "UpdatedAt", statement->updated_ms);
    json_write_int64(writer, "Duration", statement->duration_ns);
    json_write_bool(writer, "HasResultSet", has_result(statement));
    json_write_int64(writer, "ResultRows", input->batch ? -1 : statement->subs[0].result_rows);
    json_write_int64(writer, "ResultSize", input->batch ? -1 : statement->subs[0].result_bytes);
    json_write_int64(writer, "RedshiftPid", statement->pid);
    json_write_int64(writer, "RedshiftQueryId", statement->query_id);
    json_write_text(writer, "ResultFormat", input->csv ? SLICE("CSV") : SLICE("JSON"));
    data_write_target(writer, input);
    if (statement->session_id[0]) {
        json_write_text(writer, "SessionId", slice_from_text(statement->session_id));
    }
    write_parameters(input, writer);
    if (input->batch) {
        write_batch(statement, sub, writer);
    } else {
        json_write_text(writer, "QueryString", statement->subs[0].sql);
    }
    json_end_object(writer);
}

/* Finds the statement and waits for its ending when asked to; the mutex is held on return. NULL:
 * the response is filled. */
static struct data_statement *find_and_wait(struct local_data *data, const struct local_call *call,
                                            int *sub, struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct slice id = SLICE_NONE;
    int64_t seconds = 0;
    enum status status = data_parse_id(call->input, "Id", true, &id, &error);
    if (status == STATUS_OK) {
        status = data_parse_wait(call->input, &seconds, &error);
    }
    pthread_mutex_lock(&data->lock);
    if (status != STATUS_OK) {
        data_refuse_input(response, &error);
        return NULL;
    }
    struct data_statement *statement = data_statement_find(data, id, sub);
    if (!statement) {
        data_refuse_unknown(response, id);
        return NULL;
    }
    if (seconds > 0 && statement->waiters >= DATA_WAITERS_MAX) {
        data_refuse(response, "ActiveWaitingRequestsExceededException",
                    "Active waiting requests exceeded the allowed quota (%d).", DATA_WAITERS_MAX);
        return NULL;
    }
    data_statement_wait(statement, seconds);
    return statement;
}

void data_describe(struct local_data *data, const struct local_call *call,
                   struct http_server_response *response)
{
    int sub = -1;
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    const struct data_statement *statement = find_and_wait(data, call, &sub, response);
    if (statement) {
        write_statement(statement, sub, &writer);
    }
    pthread_mutex_unlock(&data->lock);
    if (statement) {
        data_reply(response, &body);
    }
}

/* The sub whose result is asked for; NULL: the response is filled. */
static const struct data_sub *find_result(const struct data_statement *statement, int sub, bool csv,
                                          struct http_server_response *response)
{
    const struct data_sub *found = sub >= 0                 ? &statement->subs[sub]
                                   : statement->input.batch ? NULL
                                                            : &statement->subs[0];
    if (!found || !found->has_result || !data_status_is_final(statement->status)) {
        data_refuse(response, "ResourceNotFoundException",
                    "Query does not have result. Please check query status with "
                    "DescribeStatement.");
        return NULL;
    }
    if (statement->input.csv != csv) {
        data_refuse(response, "ValidationException",
                    "The result format is %s; use %s to retrieve it", csv ? "JSON" : "CSV",
                    csv ? "GetStatementResult" : "GetStatementResultV2");
        return NULL;
    }
    return found;
}

/* Tokens are "row-<first row of the page>". */
static enum status parse_row_token(struct json input, size_t row_count, size_t *first_row,
                                   struct error *error)
{
    struct slice token = SLICE_NONE;
    int64_t row = 0;
    enum status status = json_find_text(input, "NextToken", 0, &token, error);
    if (status != STATUS_OK || !token.data || token.size == 0) {
        return status;
    }
    if (!slice_starts_with(token, SLICE("row-")) ||
        slice_to_int64(slice_part(token, 4, token.size), 1, INT64_MAX, &row, NULL) != STATUS_OK ||
        (size_t)row >= row_count) {
        return error_set(error, STATUS_REJECTED, "NextToken is not valid for this statement");
    }
    *first_row = (size_t)row;
    return STATUS_OK;
}

static void write_csv(const struct local_result *result, size_t first_row, size_t end_row,
                      struct json_writer *writer)
{
    CLEANUP(buffer_clear) struct buffer csv;
    buffer_init(&csv, DATA_REPLY_BYTES);
    local_result_write_csv(result, first_row, end_row, &csv);
    json_begin_array(writer, "Records");
    json_begin_object(writer, NULL);
    json_write_text(writer, "CSVRecords", buffer_slice(&csv));
    json_end_object(writer);
    json_end_array(writer);
    json_write_text(writer, "ResultFormat", SLICE("csv"));
}

static void write_result(const struct local_result *result, size_t first_row, bool csv,
                         struct json_writer *writer)
{
    size_t end_row = local_result_page_end(result, first_row);
    size_t row_count = local_result_row_count(result);
    json_begin_object(writer, NULL);
    if (csv) {
        write_csv(result, first_row, end_row, writer);
    } else {
        local_result_write_rows(result, first_row, end_row, writer);
    }
    local_result_write_columns(result, "ColumnMetadata", writer);
    json_write_int64(writer, "TotalNumRows", (int64_t)row_count);
    if (end_row < row_count) {
        CLEANUP(buffer_clear) struct buffer token;
        buffer_init(&token, 32);
        buffer_append_format(&token, "row-%zu", end_row);
        json_write_text(writer, "NextToken", buffer_slice(&token));
    }
    json_end_object(writer);
}

void data_get_result(struct local_data *data, const struct local_call *call,
                     struct http_server_response *response)
{
    int sub = -1;
    size_t first_row = 0;
    bool csv = slice_equals_text(call->operation, "GetStatementResultV2");
    struct error error = ERROR_NONE;
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    const struct data_statement *statement = find_and_wait(data, call, &sub, response);
    const struct data_sub *found = statement ? find_result(statement, sub, csv, response) : NULL;
    enum status status = STATUS_OK;
    if (found) {
        size_t row_count = local_result_row_count(&found->result);
        status = parse_row_token(call->input, row_count, &first_row, &error);
    }
    if (found && status == STATUS_OK) {
        write_result(&found->result, first_row, csv, &writer);
    }
    pthread_mutex_unlock(&data->lock);
    if (status != STATUS_OK) {
        data_refuse_input(response, &error);
    } else if (found) {
        data_reply(response, &body);
    }
}

struct list_filter {
    struct slice name; /* prefix */
    struct slice status;
    struct slice cluster;
    struct slice workgroup;
    struct slice database;
    int64_t limit;
    int64_t before_serial; /* only older ones */
};

static enum status parse_status(struct json input, struct list_filter *filter, struct error *error)
{
    static const char *const known[] = {"ALL",      "SUBMITTED", "PICKED", "STARTED",
                                        "FINISHED", "FAILED",    "ABORTED"};
    filter->status = SLICE("FINISHED");
    enum status status = json_find_text(input, "Status", 0, &filter->status, error);
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(known); i++) {
        if (slice_equals_text(filter->status, known[i])) {
            return STATUS_OK;
        }
    }
    return status != STATUS_OK
               ? status
               : error_set(error, STATUS_REJECTED,
                           "Status must be one of ALL, SUBMITTED, PICKED, STARTED, FINISHED, "
                           "FAILED, ABORTED");
}

static enum status parse_list(struct json input, struct list_filter *filter, struct error *error)
{
    struct slice token = SLICE_NONE;
    bool role_level = true; /* there is one role here */
    *filter = (struct list_filter){.before_serial = INT64_MAX};
    enum status status = parse_status(input, filter, error);
    if (status == STATUS_OK) {
        status = data_parse_target(input, false, &filter->cluster, &filter->workgroup, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "StatementName", 2048, &filter->name, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "Database", 0, &filter->database, error);
    }
    if (status == STATUS_OK) {
        status = json_find_bool(input, "RoleLevel", &role_level, error);
    }
    if (status == STATUS_OK) {
        status = json_find_int64(input, "MaxResults", 0, 100, &filter->limit, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "NextToken", 0, &token, error);
    }
    if (status == STATUS_OK && token.size > 0 &&
        slice_to_int64(token, 1, INT64_MAX, &filter->before_serial, NULL) != STATUS_OK) {
        status = error_set(error, STATUS_REJECTED, "NextToken is not valid");
    }
    filter->limit = filter->limit > 0 ? filter->limit : 100;
    return status;
}

static bool equals_if(struct slice wanted, struct slice actual)
{
    return !wanted.data || (actual.data && slice_equals(wanted, actual));
}

static bool statement_matches(const struct data_statement *statement,
                              const struct list_filter *filter)
{
    const struct data_submit *input = &statement->input;
    bool named = !filter->name.data || filter->name.size == 0 ||
                 (input->name.data && slice_starts_with(input->name, filter->name));
    return statement->serial < filter->before_serial && named &&
           (slice_equals_text(filter->status, "ALL") ||
            slice_equals_text(filter->status, data_status_name(statement->status))) &&
           equals_if(filter->cluster, input->cluster) &&
           equals_if(filter->workgroup, input->workgroup) &&
           equals_if(filter->database, input->database);
}

static void write_listed(const struct data_statement *statement, struct json_writer *writer)
{
    const struct data_submit *input = &statement->input;
    json_begin_object(writer, NULL);
    json_write_text(writer, "Id", slice_from_text(statement->id));
    json_write_text(writer, "Status", slice_from_text(data_status_name(statement->status)));
    json_write_text_if(writer, "StatementName", input->name);
    data_write_time(writer, "CreatedAt", statement->created_ms);
    data_write_time(writer, "UpdatedAt", statement->updated_ms);
    json_write_bool(writer, "IsBatchStatement", input->batch);
    json_write_text(writer, "ResultFormat", input->csv ? SLICE("CSV") : SLICE("JSON"));
    json_write_text_if(writer, "SecretArn", input->secret_arn);
    if (!input->batch) {
        json_write_text(writer, "QueryString", input->sqls[0]);
    }
    json_begin_array(writer, "QueryStrings");
    for (size_t i = 0; i < input->sql_count; i++) {
        json_write_text(writer, NULL, input->sqls[i]);
    }
    json_end_array(writer);
    write_parameters(input, writer);
    if (statement->session_id[0]) {
        json_write_text(writer, "SessionId", slice_from_text(statement->session_id));
    }
    json_end_object(writer);
}

/* Newest first. The token is the serial number of the last one listed. */
static void write_list(const struct local_data *data, const struct list_filter *filter,
                       struct json_writer *writer)
{
    int64_t listed = 0;
    int64_t last_serial = 0;
    bool more = false;
    json_begin_array(writer, "Statements");
    for (const struct data_statement *statement = data->newest; statement && !more;
         statement = statement->older) {
        if (!statement_matches(statement, filter)) {
            continue;
        }
        more = listed == filter->limit;
        if (!more) {
            write_listed(statement, writer);
            last_serial = statement->serial;
            listed++;
        }
    }
    json_end_array(writer);
    if (more) {
        CLEANUP(buffer_clear) struct buffer token;
        buffer_init(&token, 32);
        buffer_append_int64(&token, last_serial);
        json_write_text(writer, "NextToken", buffer_slice(&token));
    }
}

void data_list_statements(struct local_data *data, const struct local_call *call,
                          struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct list_filter filter;
    if (parse_list(call->input, &filter, &error) != STATUS_OK) {
        data_refuse_input(response, &error);
        return;
    }
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    pthread_mutex_lock(&data->lock);
    write_list(data, &filter, &writer);
    pthread_mutex_unlock(&data->lock);
    json_end_object(&writer);
    data_reply(response, &body);
}
