/*
 * The Data API of the stand-in: what Amazon's does with a statement, on an engine of one's own.
 * This file submits, cancels and takes down; who looks is in local_describe.c.
 */
#include "infra/local/local_statement.h"

#include <stdlib.h>
#include <string.h>

enum status local_data_new(const struct local_data_options *options, struct local_data **out,
                           struct error *error)
{
    const struct engine_functions *engine = engine_find(options->engine);
    if (!engine) {
        return error_set(error, STATUS_REJECTED,
                         "engine: must be sqlite::memory:, sqlite:PATH or postgresql://...");
    }
    void *state = NULL;
    enum status status = engine->open(options->engine, &state, error);
    if (status != STATUS_OK) {
        return status;
    }
    struct local_data *data = calloc(1, sizeof(*data));
    if (!data) {
        abort();
    }
    data->options = *options;
    data->options.engine = NULL; /* the caller's text */
    data->engine = engine;
    data->engine_state = state;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&data->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&data->lock, NULL);
    *out = data;
    return STATUS_OK;
}

void local_data_stop(struct local_data *data)
{
    pthread_mutex_lock(&data->lock);
    data->stopping = true;
    for (struct data_statement *statement = data->newest; statement; statement = statement->older) {
        if (!data_status_is_final(statement->status)) {
            engine_cancel_request(&statement->cancel);
        }
    }
    pthread_cond_broadcast(&data->ended);
    pthread_mutex_unlock(&data->lock);
}

static bool all_joined(const struct local_data *data)
{
    const struct data_statement *statement = data->newest;
    while (statement && statement->joined) {
        statement = statement->older;
    }
    return !statement;
}

void local_data_free(struct local_data *data)
{
    if (!data) {
        return;
    }
    local_data_stop(data);
    pthread_mutex_lock(&data->lock);
    for (data_sweep(data); !all_joined(data); data_sweep(data)) {
        pthread_cond_wait(&data->ended, &data->lock);
    }
    while (data->newest) {
        data_statement_free(data->newest);
    }
    data_sessions_free(data);
    pthread_mutex_unlock(&data->lock);
    data->engine->close(data->engine_state);
    pthread_cond_destroy(&data->ended);
    pthread_mutex_destroy(&data->lock);
    free(data);
}

/* What a submit is answered with. With a long poll also how far it has come. */
static void write_submitted(const struct data_statement *statement, bool waited,
                            struct json_writer *writer)
{
    const struct data_submit *input = &statement->input;
    json_begin_object(writer, NULL);
    json_write_text(writer, "Id", slice_from_text(statement->id));
    data_write_time(writer, "CreatedAt", statement->created_ms);
    data_write_target(writer, input);
    json_begin_array(writer, "DbGroups");
    json_end_array(writer);
    if (statement->session_id[0]) {
        json_write_text(writer, "SessionId", slice_from_text(statement->session_id));
    }
    if (waited) {
        bool has_result = false;
        for (size_t i = 0; i < input->sql_count; i++) {
            has_result = has_result || statement->subs[i].has_result;
        }
        json_write_text(writer, "Status", slice_from_text(data_status_name(statement->status)));
        json_write_int64(writer, "RedshiftPid", statement->pid);
        json_write_bool(writer, "HasResultSet", has_result);
    }
    json_end_object(writer);
}

/* The session that the submit names, free to run; NULL: the response is filled. */
static struct data_session *join_session(struct local_data *data, struct slice id,
                                         struct http_server_response *response)
{
    struct data_session *session = data_session_find(data, id);
    if (!session) {
        data_refuse(response, "ResourceNotFoundException", "Session %.*s does not exist",
                    SLICE_PRINT(id));
        return NULL;
    }
    if (session->status != SESSION_AVAILABLE) {
        data_refuse(response, "ValidationException", "Session %.*s %s", SLICE_PRINT(id),
                    session->status == SESSION_BUSY ? "is busy: it runs one statement at a time"
                                                    : "is closed or has expired");
        return NULL;
    }
    return session;
}

/* The session the statement is to run in, if any. False: the response is filled. */
static bool choose_session(struct local_data *data, const struct data_submit *submit,
                           struct data_session **session, struct http_server_response *response)
{
    *session = NULL;
    if (submit->session_id.data) {
        *session = join_session(data, submit->session_id, response);
        return *session;
    }
    if (submit->keep_alive_seconds <= 0) {
        return true;
    }
    *session = data_session_open(data, submit);
    if (!*session) {
        data_refuse(response, "ActiveSessionsExceededException",
                    "Active sessions exceeded the allowed quota (%d).", DATA_SESSIONS_MAX);
    }
    return *session;
}

/* A statement in a session runs where the session does. */
static void inherit_target(struct data_submit *submit, const struct data_session *session)
{
    submit->cluster = slice_from_text(session->cluster);
    submit->workgroup = slice_from_text(session->workgroup);
    submit->database = slice_from_text(session->database);
    submit->db_user = slice_from_text(session->db_user);
    submit->secret_arn = slice_from_text(session->secret_arn);
}

/* Statements that have not ended where this one is to run. */
static size_t count_active(struct local_data *data, const struct data_submit *submit)
{
    const struct data_session *session =
        submit->session_id.data ? data_session_find(data, submit->session_id) : NULL;
    const struct slice cluster = session ? slice_from_text(session->cluster) : submit->cluster;
    const struct slice workgroup =
        session ? slice_from_text(session->workgroup) : submit->workgroup;
    size_t left = data->active_count;
    size_t active = 0;
    for (const struct data_statement *other = data->newest; other && left > 0;
         other = other->older) {
        if (data_status_is_final(other->status)) {
            continue;
        }
        left--;
        active += slice_equals(other->input.cluster, cluster) &&
                  slice_equals(other->input.workgroup, workgroup);
    }
    return active;
}

/* False: the response is filled. */
static bool has_room(struct local_data *data, const struct data_submit *submit,
                     struct http_server_response *response)
{
    const size_t most =
        data->options.active_max ? data->options.active_max(data->options.context) : 0;
    if (data->active_count >= DATA_ACTIVE_MAX || (most > 0 && count_active(data, submit) >= most)) {
        data_refuse(response, "ActiveStatementsExceededException",
                    "Active statements exceeded the allowed quota (%zu).",
                    most > 0 ? most : (size_t)DATA_ACTIVE_MAX);
        return false;
    }
    return true;
}

static struct data_statement *start_statement(struct local_data *data, struct data_submit *submit,
                                              struct http_server_response *response)
{
    struct data_session *session = NULL;
    if (data->stopping) {
        data_refuse(response, "InternalServerException", "shutting down");
        return NULL;
    }
    if (!has_room(data, submit, response) || !choose_session(data, submit, &session, response)) {
        return NULL;
    }
    if (session) {
        inherit_target(submit, session);
    }
    struct data_statement *statement = data_statement_new(data, submit);
    if (session) {
        data_session_take(session, statement);
    }
    if (data_run(statement)) {
        return statement;
    }
    if (session) {
        data_session_release(data, session);
    }
    data_statement_free(statement);
    data_refuse(response, "ActiveStatementsExceededException", "No thread to be had.");
    return NULL;
}

static void submit_statement(struct local_data *data, const struct local_call *call,
                             struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct data_submit submit;
    if (data_submit_parse(call, &submit, &error) != STATUS_OK) {
        data_refuse_input(response, &error);
        return;
    }
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    pthread_mutex_lock(&data->lock);
    struct data_statement *statement = data_statement_find_token(data, submit.token);
    if (statement) {
        statement->submits++;
    } else {
        statement = start_statement(data, &submit, response);
    }
    if (statement) {
        data_statement_wait(statement, submit.wait_seconds);
        write_submitted(statement, submit.wait_seconds > 0, &writer);
    }
    pthread_mutex_unlock(&data->lock);
    if (statement) {
        data_reply(response, &body);
    }
}

static void cancel_statement(struct local_data *data, const struct local_call *call,
                             struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct slice id = SLICE_NONE;
    int sub = -1;
    if (data_parse_id(call->input, "Id", true, &id, &error) != STATUS_OK) {
        data_refuse_input(response, &error);
        return;
    }
    pthread_mutex_lock(&data->lock);
    struct data_statement *statement = data_statement_find(data, id, &sub);
    if (!statement) {
        data_refuse_unknown(response, id);
    } else if (sub >= 0) {
        data_refuse(response, "ValidationException",
                    "A sub-statement cannot be cancelled; cancel %s", statement->id);
    } else if (data_status_is_final(statement->status)) {
        data_refuse(response, "ValidationException",
                    "Could not cancel a query that is already in %s state with ID: %s",
                    data_status_name(statement->status), statement->id);
    } else {
        engine_cancel_request(&statement->cancel);
        local_reply(response, SLICE("{\"Status\":true}"));
    }
    pthread_mutex_unlock(&data->lock);
}

void local_data_handle(struct local_data *data, const struct local_call *call,
                       struct http_server_response *response)
{
    static const struct {
        const char *operation;
        void (*handle)(struct local_data *data, const struct local_call *call,
                       struct http_server_response *response);
    } operations[] = {
        {"BatchExecuteStatement", submit_statement},
        {"CancelStatement", cancel_statement},
        {"DescribeStatement", data_describe},
        {"DescribeTable", data_catalog},
        {"ExecuteStatement", submit_statement},
        {"GetStatementResult", data_get_result},
        {"GetStatementResultV2", data_get_result},
        {"ListDatabases", data_catalog},
        {"ListSchemas", data_catalog},
        {"ListSessions", data_list_sessions},
        {"ListStatements", data_list_statements},
        {"ListTables", data_catalog},
    };
    pthread_mutex_lock(&data->lock);
    data_sweep(data);
    pthread_mutex_unlock(&data->lock);
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        if (slice_equals_text(call->operation, operations[i].operation)) {
            operations[i].handle(data, call, response);
            return;
        }
    }
    data_refuse(response, "UnknownOperationException", "RedshiftData has no operation %.*s",
                SLICE_PRINT(slice_part(call->operation, 0, 64)));
}

static void write_inspected(const struct data_statement *statement, struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "id", slice_from_text(statement->id));
    json_write_text(writer, "name", statement->input.name);
    json_write_text(writer, "clientToken", statement->input.token);
    json_write_int64(writer, "submits", statement->submits);
    json_write_int64(writer, "runs", statement->runs);
    json_write_text(writer, "status", slice_from_text(data_status_name(statement->status)));
    json_end_object(writer);
}

void local_data_control(struct local_data *data, const struct http_server_request *request,
                        struct http_server_response *response)
{
    if (!slice_equals_text(request->method, "GET")) {
        http_server_reply_json(response, 405, SLICE("{\"message\":\"only GET\"}"));
        return;
    }
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "statements");
    pthread_mutex_lock(&data->lock);
    for (const struct data_statement *statement = data->oldest; statement;
         statement = statement->newer) {
        write_inspected(statement, &writer);
    }
    pthread_mutex_unlock(&data->lock);
    json_end_array(&writer);
    json_end_object(&writer);
    http_server_reply_json(response, body.overflowed ? 500 : 200, buffer_slice(&body));
}
