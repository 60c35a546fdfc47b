#include "infra/aws/redshift_data.h"

#include "infra/aws/exact_integers.h"
#include "infra/base/encode.h"
#include "infra/base/json_writer.h"

#include <math.h>
#include <string.h>

/* 40 statements of 200 KB in which every byte is escaped would be more; what is larger than this
 * would be refused by the service anyway. */
#define BODY_MAX_BYTES (16u << 20)
#define WAIT_MORE_MS   5000 /* added to a long poll's own time */
#define TIMEOUT_MS     10000
#define LIST_PAGE      100
#define NUMBER_MAX     9007199254740992 /* 2^53: JSON numbers are exact up to here */

static const char *const status_names[] = {
    [REDSHIFT_DATA_UNKNOWN] = "UNKNOWN",   [REDSHIFT_DATA_SUBMITTED] = "SUBMITTED",
    [REDSHIFT_DATA_PICKED] = "PICKED",     [REDSHIFT_DATA_STARTED] = "STARTED",
    [REDSHIFT_DATA_FINISHED] = "FINISHED", [REDSHIFT_DATA_FAILED] = "FAILED",
    [REDSHIFT_DATA_ABORTED] = "ABORTED",
};

bool redshift_data_status_final(enum redshift_data_status status)
{
    return status == REDSHIFT_DATA_FINISHED || status == REDSHIFT_DATA_FAILED ||
           status == REDSHIFT_DATA_ABORTED;
}

const char *redshift_data_status_name(enum redshift_data_status status)
{
    return status_names[status];
}

enum redshift_data_status redshift_data_status_parse(struct slice text)
{
    for (size_t i = 1; i < ARRAY_COUNT(status_names); i++) {
        if (slice_equals_text(text, status_names[i])) {
            return (enum redshift_data_status)i;
        }
    }
    return REDSHIFT_DATA_UNKNOWN;
}

/* A body under construction; finish copies it into the arena. */
struct request {
    struct buffer body;
    struct json_writer writer;
};

static void begin(struct request *request)
{
    buffer_init(&request->body, BODY_MAX_BYTES);
    json_writer_init(&request->writer, &request->body);
    json_begin_object(&request->writer, NULL);
}

static void finish(struct request *request, struct arena *arena, const char *operation,
                   int64_t wait_seconds, struct aws_call *call)
{
    if (wait_seconds > 0) {
        json_write_int64(&request->writer, "WaitTimeSeconds", wait_seconds);
    }
    json_end_object(&request->writer);
    call->service = AWS_REDSHIFT_DATA;
    call->operation = operation;
    call->body = arena_copy(arena, buffer_slice(&request->body));
    buffer_wipe(&request->body);
    buffer_clear(&request->body);
    if (call->timeout_ms == 0 && wait_seconds > 0) {
        const int64_t needed_ms = wait_seconds * 1000 + WAIT_MORE_MS;
        call->timeout_ms = needed_ms > TIMEOUT_MS ? needed_ms : TIMEOUT_MS;
    }
}

static void write_sql(struct json_writer *writer, const struct redshift_data_submit *submit,
                      bool batch)
{
    if (!batch) {
        json_write_text(writer, "Sql", submit->sqls[0]);
        return;
    }
    json_begin_array(writer, "Sqls");
    for (size_t i = 0; i < submit->sql_count; i++) {
        json_write_text(writer, NULL, submit->sqls[i]);
    }
    json_end_array(writer);
    if (submit->auto_commit) {
        json_write_text(writer, "ExecutionMode", SLICE("AUTO_COMMIT"));
    }
}

static void write_parameters(struct json_writer *writer, const struct redshift_data_submit *submit)
{
    if (submit->parameter_count == 0) {
        return;
    }
    json_begin_array(writer, "Parameters");
    for (size_t i = 0; i < submit->parameter_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "name", submit->parameters[i].name);
        json_write_text(writer, "value", submit->parameters[i].value);
        json_end_object(writer);
    }
    json_end_array(writer);
}

void redshift_data_build_submit(struct arena *arena, const struct redshift_data_submit *submit,
                                struct aws_call *call)
{
    const bool batch = submit->batch || submit->sql_count > 1;
    struct request request;
    begin(&request);
    struct json_writer *writer = &request.writer;
    write_sql(writer, submit, batch);
    json_write_text_if(writer, "ClusterIdentifier", submit->cluster_identifier);
    json_write_text_if(writer, "WorkgroupName", submit->workgroup_name);
    json_write_text_if(writer, "SecretArn", submit->secret_arn);
    json_write_text_if(writer, "DbUser", submit->db_user);
    json_write_text_if(writer, "Database", submit->database);
    json_write_text_if(writer, "SessionId", submit->session_id);
    if (submit->session_keep_alive_seconds >= 0) {
        json_write_int64(writer, "SessionKeepAliveSeconds", submit->session_keep_alive_seconds);
    }
    write_parameters(writer, submit);
    json_write_text_if(writer, "StatementName", submit->statement_name);
    json_write_text_if(writer, "ClientToken", submit->client_token);
    json_write_text_if(writer, "ResultFormat", submit->result_format);
    if (submit->with_event) {
        json_write_bool(writer, "WithEvent", true);
    }
    finish(&request, arena, batch ? "BatchExecuteStatement" : "ExecuteStatement",
           submit->wait_seconds, call);
}

static enum status broken_contract(const struct aws_call *call, const struct error *why,
                                   struct error *error)
{
    return error_set(error, STATUS_INTERNAL, "redshift-data.%s: %s", call->operation, why->text);
}

static enum status parse_text(struct arena *arena, const struct aws_call *call, struct slice text,
                              struct json *root, struct error *error)
{
    if (json_parse(arena, text, root, error) != STATUS_OK || json_kind(*root) != JSON_OBJECT) {
        return error_set(error, STATUS_INTERNAL, "redshift-data.%s: the answer is no JSON object",
                         call->operation);
    }
    return STATUS_OK;
}

static enum status parse_reply(struct arena *arena, const struct aws_call *call, struct json *root,
                               struct error *error)
{
    return parse_text(arena, call, call->reply, root, error);
}

/* Epoch seconds with a fraction; 0 when there is none. */
static int64_t read_time_ms(struct json object, const char *name)
{
    double seconds = 0;
    if (json_find_double(object, name, &seconds, NULL) != STATUS_OK || !(seconds > 0) ||
        seconds > 1e11) {
        return 0;
    }
    return llround(seconds * 1000);
}

static void rewrite(struct json object, bool with_sql, struct buffer *out);

static void rewrite_array(struct json list, bool with_sql, struct buffer *out)
{
    const char *between = "[";
    for (struct json item = json_element(list, 0); json_kind(item) != JSON_ABSENT;
         item = json_next(item)) {
        buffer_append_text(out, between);
        rewrite(item, with_sql, out);
        between = ",";
    }
    buffer_append_text(out, json_count(list) > 0 ? "]" : "[]");
}

static void rewrite_time(struct json object, const char *name, struct buffer *out)
{
    char text[TIME_TEXT_BYTES + 1];
    time_format_ms(read_time_ms(object, name), text);
    buffer_append_format(out, "\"%s\"", text);
}

static void rewrite_member(struct json object, struct slice name, struct json value, bool with_sql,
                           struct buffer *out)
{
    static const char *const times[] = {"CreatedAt", "UpdatedAt"};
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_write_name(&writer, name);
    for (size_t i = 0; i < ARRAY_COUNT(times); i++) {
        if (slice_equals_text(name, times[i]) && json_kind(value) == JSON_NUMBER) {
            rewrite_time(object, times[i], out);
            return;
        }
    }
    if (slice_equals(name, SLICE("SubStatements")) && json_kind(value) == JSON_ARRAY) {
        rewrite_array(value, with_sql, out);
    } else {
        json_print(value, out);
    }
}

/* The reply's object again, with times as ISO texts, and the SQL and its parameters only if asked.
 */
static void rewrite(struct json object, bool with_sql, struct buffer *out)
{
    static const char *const secrets[] = {"QueryString", "QueryStrings", "QueryParameters"};
    const size_t count = json_count(object);
    const char *between = "{";
    if (json_kind(object) != JSON_OBJECT) {
        json_print(object, out);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct slice name;
        const struct json value = json_member_at(object, i, &name);
        if (with_sql || !slice_is_one_of(name, secrets, ARRAY_COUNT(secrets))) {
            buffer_append_text(out, between);
            rewrite_member(object, name, value, with_sql, out);
            between = ",";
        }
    }
    buffer_append_text(out, between[0] == ',' ? "}" : "{}");
}

static struct slice rewritten(struct arena *arena, struct json root, bool with_sql)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, HTTP_RESPONSE_MAX_BYTES);
    rewrite(root, with_sql, &out);
    return arena_copy(arena, buffer_slice(&out));
}

static enum redshift_data_status read_status(struct json object)
{
    struct slice text = SLICE_NONE;
    return json_find_text(object, "Status", 0, &text, NULL) == STATUS_OK
               ? redshift_data_status_parse(text)
               : REDSHIFT_DATA_UNKNOWN;
}

/* Without an Id a statement could neither be asked about nor cancelled. */
static enum status read_id(struct json object, struct slice *id, struct error *error)
{
    const enum status status = json_get_text(object, "Id", REDSHIFT_DATA_ID_BYTES, id, error);
    return status == STATUS_OK && id->size == 0
               ? json_reject(json_member(object, "Id"), error, "must not be empty")
               : status;
}

enum status redshift_data_read_submit(struct arena *arena, const struct aws_call *call,
                                      struct redshift_data_submitted *submitted,
                                      struct error *error)
{
    struct json root;
    struct error why = ERROR_NONE;
    memset(submitted, 0, sizeof(*submitted));
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (read_id(root, &submitted->id, &why) != STATUS_OK ||
        json_find_text(root, "SessionId", 0, &submitted->session_id, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    submitted->status = read_status(root);
    submitted->document = rewritten(arena, root, false);
    return STATUS_OK;
}

struct slice redshift_data_error_statement_id(struct arena *arena, const struct aws_call *call)
{
    struct json root;
    struct slice id = SLICE_NONE;
    if ((strcmp(call->error_name, "ExecuteStatementException") != 0 &&
         strcmp(call->error_name, "BatchExecuteStatementException") != 0) ||
        json_parse(arena, call->reply, &root, NULL) != STATUS_OK ||
        json_find_text(root, "StatementId", REDSHIFT_DATA_ID_BYTES, &id, NULL) != STATUS_OK) {
        return SLICE_NONE;
    }
    return id.size > 0 ? id : SLICE_NONE;
}

static void build_by_id(struct arena *arena, const char *operation, struct slice id,
                        int64_t wait_seconds, struct aws_call *call)
{
    struct request request;
    begin(&request);
    json_write_text(&request.writer, "Id", id);
    finish(&request, arena, operation, wait_seconds, call);
}

void redshift_data_build_describe(struct arena *arena, struct slice id, int64_t wait_seconds,
                                  struct aws_call *call)
{
    build_by_id(arena, "DescribeStatement", id, wait_seconds, call);
}

static enum status read_number(struct json object, const char *name, int64_t *number,
                               struct error *error)
{
    return json_find_int64(object, name, -NUMBER_MAX, NUMBER_MAX, number, error);
}

/* An empty Error says that there is none. */
static enum status read_error(struct json object, struct slice *text, struct error *error)
{
    const enum status status = json_find_text(object, "Error", 0, text, error);
    if (status == STATUS_OK && text->size == 0) {
        *text = SLICE_NONE;
    }
    return status;
}

static enum status read_subs(struct arena *arena, struct json root,
                             struct redshift_data_description *description, struct error *error)
{
    struct json list = {NULL, NULL};
    if (json_find_array(root, "SubStatements", &list, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    description->subs =
        ARENA_ARRAY(arena, json_count(list) + 1, struct redshift_data_sub_statement);
    for (struct json item = json_element(list, 0); json_kind(item) != JSON_ABSENT;
         item = json_next(item)) {
        struct redshift_data_sub_statement *sub = &description->subs[description->sub_count++];
        sub->result_rows = -1;
        sub->status = read_status(item);
        if (read_id(item, &sub->id, error) != STATUS_OK ||
            read_error(item, &sub->error, error) != STATUS_OK ||
            json_find_bool(item, "HasResultSet", &sub->has_result_set, error) != STATUS_OK ||
            read_number(item, "ResultRows", &sub->result_rows, error) != STATUS_OK ||
            read_number(item, "Duration", &sub->duration_ns, error) != STATUS_OK) {
            return STATUS_INTERNAL;
        }
    }
    return STATUS_OK;
}

static enum status read_description(struct arena *arena, struct json root,
                                    struct redshift_data_description *out, struct error *error)
{
    out->result_rows = -1;
    out->result_size = -1;
    out->status = read_status(root);
    if (read_id(root, &out->id, error) != STATUS_OK ||
        read_error(root, &out->error, error) != STATUS_OK ||
        json_find_bool(root, "HasResultSet", &out->has_result_set, error) != STATUS_OK ||
        read_number(root, "ResultRows", &out->result_rows, error) != STATUS_OK ||
        read_number(root, "ResultSize", &out->result_size, error) != STATUS_OK ||
        read_number(root, "Duration", &out->duration_ns, error) != STATUS_OK ||
        read_number(root, "RedshiftQueryId", &out->redshift_query_id, error) != STATUS_OK ||
        json_find_text(root, "SessionId", 0, &out->session_id, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    out->created_at_ms = read_time_ms(root, "CreatedAt");
    out->updated_at_ms = read_time_ms(root, "UpdatedAt");
    return read_subs(arena, root, out, error);
}

enum status redshift_data_read_describe(struct arena *arena, const struct aws_call *call,
                                        struct redshift_data_description *description,
                                        struct error *error)
{
    struct json root;
    struct error why = ERROR_NONE;
    memset(description, 0, sizeof(*description));
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (read_description(arena, root, description, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    description->document = rewritten(arena, root, false);
    return STATUS_OK;
}

enum status redshift_data_read_document(struct arena *arena, const struct aws_call *call,
                                        struct slice *document, struct error *error)
{
    struct json root;
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    *document = rewritten(arena, root, true);
    return STATUS_OK;
}

void redshift_data_build_cancel(struct arena *arena, struct slice id, struct aws_call *call)
{
    build_by_id(arena, "CancelStatement", id, 0, call);
}

enum status redshift_data_read_cancel(struct arena *arena, const struct aws_call *call,
                                      bool *accepted, struct error *error)
{
    struct json root;
    struct error why = ERROR_NONE;
    *accepted = false;
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    return json_find_bool(root, "Status", accepted, &why) == STATUS_OK
               ? STATUS_OK
               : broken_contract(call, &why, error);
}

void redshift_data_build_list(struct arena *arena, struct slice statement_name,
                              struct slice next_token, struct aws_call *call)
{
    struct request request;
    begin(&request);
    json_write_text(&request.writer, "StatementName", statement_name);
    json_write_text(&request.writer, "Status", SLICE("ALL"));
    json_write_bool(&request.writer, "RoleLevel", true);
    json_write_int64(&request.writer, "MaxResults", LIST_PAGE);
    json_write_text_if(&request.writer, "NextToken", next_token);
    finish(&request, arena, "ListStatements", 0, call);
}

static enum status read_next_token(struct json root, struct slice *next_token, struct error *error)
{
    *next_token = SLICE_NONE;
    const enum status status = json_find_text(root, "NextToken", 0, next_token, error);
    if (next_token->size == 0) {
        *next_token = SLICE_NONE;
    }
    return status;
}

enum status redshift_data_read_list(struct arena *arena, const struct aws_call *call,
                                    struct redshift_data_listed **listed, size_t *count,
                                    struct slice *next_token, struct error *error)
{
    struct json root;
    struct json list = {NULL, NULL};
    struct error why = ERROR_NONE;
    *count = 0;
    if (parse_reply(arena, call, &root, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (json_find_array(root, "Statements", &list, &why) != STATUS_OK ||
        read_next_token(root, next_token, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    *listed = ARENA_ARRAY(arena, json_count(list) + 1, struct redshift_data_listed);
    for (struct json item = json_element(list, 0); json_kind(item) != JSON_ABSENT;
         item = json_next(item)) {
        struct redshift_data_listed *entry = &(*listed)[(*count)++];
        entry->status = read_status(item);
        if (read_id(item, &entry->id, &why) != STATUS_OK ||
            json_find_text(item, "StatementName", 0, &entry->statement_name, &why) != STATUS_OK) {
            return broken_contract(call, &why, error);
        }
    }
    return STATUS_OK;
}

void redshift_data_build_result(struct arena *arena, struct slice id, struct slice next_token,
                                struct aws_call *call)
{
    struct request request;
    begin(&request);
    json_write_text(&request.writer, "Id", id);
    json_write_text_if(&request.writer, "NextToken", next_token);
    finish(&request, arena, "GetStatementResult", 0, call);
}

enum status redshift_data_read_result(struct arena *arena, const struct aws_call *call,
                                      struct json *document, struct slice *next_token,
                                      struct error *error)
{
    struct json records = {NULL, NULL};
    struct error why = ERROR_NONE;
    const struct slice reply = exact_integers(arena, call->reply);
    if (parse_text(arena, call, reply, document, error) != STATUS_OK) {
        return STATUS_INTERNAL;
    }
    if (json_find_array(*document, "Records", &records, &why) != STATUS_OK ||
        read_next_token(*document, next_token, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    return STATUS_OK;
}
