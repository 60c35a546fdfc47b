#include "infra/local/local_statement.h"

#include <stdlib.h>

struct data_session *data_session_open(struct local_data *data, const struct data_submit *submit)
{
    if (data_session_open_count(data) >= DATA_SESSIONS_MAX) {
        return NULL;
    }
    struct data_session *session = calloc(1, sizeof(*session));
    if (!session) {
        abort();
    }
    random_uuid(data->options.random, session->id);
    session->status = SESSION_AVAILABLE;
    session->cluster = data_copy_text(submit->cluster);
    session->workgroup = data_copy_text(submit->workgroup);
    session->database = data_copy_text(submit->database);
    session->db_user = data_copy_text(submit->db_user);
    session->secret_arn = data_copy_text(submit->secret_arn);
    session->created_ms = clock_now_ms(data->options.clock);
    session->updated_ms = session->created_ms;
    session->next = data->sessions;
    data->sessions = session;
    return session;
}

struct data_session *data_session_find(struct local_data *data, struct slice id)
{
    struct data_session *session = data->sessions;
    while (session && !slice_equals_text(id, session->id)) {
        session = session->next;
    }
    return session;
}

size_t data_session_open_count(const struct local_data *data)
{
    size_t count = 0;
    for (const struct data_session *session = data->sessions; session; session = session->next) {
        count += session->status != SESSION_CLOSED;
    }
    return count;
}

void data_session_take(struct data_session *session, struct data_statement *statement)
{
    session->status = SESSION_BUSY;
    session->current = statement;
    session->updated_ms = statement->created_ms;
    statement->session = session;
    if (statement->input.keep_alive_seconds != DATA_KEEP_ALIVE_NONE) {
        session->keep_alive_ms = statement->input.keep_alive_seconds * 1000;
    }
    for (size_t i = 0; i < sizeof(session->id); i++) {
        statement->session_id[i] = session->id[i];
    }
}

void data_session_close(struct local_data *data, struct data_session *session)
{
    if (session->connection) {
        data->engine->disconnect(session->connection);
        session->connection = NULL;
    }
    session->status = SESSION_CLOSED;
    session->current = NULL;
    session->updated_ms = clock_now_ms(data->options.clock);
}

void data_session_release(struct local_data *data, struct data_session *session)
{
    int64_t now_ms = clock_now_ms(data->options.clock);
    int64_t life_end_ms = session->created_ms + 1000LL * DATA_KEEP_ALIVE_MAX;
    session->status = SESSION_AVAILABLE;
    session->current = NULL;
    session->updated_ms = now_ms;
    session->expires_ms = now_ms + session->keep_alive_ms;
    if (session->expires_ms > life_end_ms) {
        session->expires_ms = life_end_ms;
    }
    if (!session->connection || session->expires_ms <= now_ms) {
        data_session_close(data, session);
    }
}

static void free_session(struct data_session *session)
{
    free(session->cluster);
    free(session->workgroup);
    free(session->database);
    free(session->db_user);
    free(session->secret_arn);
    free(session);
}

void data_sessions_sweep(struct local_data *data, int64_t now_ms)
{
    struct data_session **link = &data->sessions;
    while (*link) {
        struct data_session *session = *link;
        if (session->status == SESSION_AVAILABLE && session->expires_ms <= now_ms) {
            data_session_close(data, session);
        }
        if (session->status == SESSION_CLOSED && session->updated_ms <= now_ms - DATA_RETAIN_MS) {
            *link = session->next;
            free_session(session);
        } else {
            link = &session->next;
        }
    }
}

void data_sessions_free(struct local_data *data)
{
    while (data->sessions) {
        struct data_session *session = data->sessions;
        data->sessions = session->next;
        data_session_close(data, session);
        free_session(session);
    }
}

static const char *session_status_name(const struct data_session *session)
{
    switch (session->status) {
    case SESSION_AVAILABLE: return "AVAILABLE";
    case SESSION_BUSY: return "BUSY";
    case SESSION_CLOSED: return "CLOSED";
    }
    return "";
}

struct session_filter {
    struct slice id;
    struct slice status;
    struct slice cluster;
    struct slice workgroup;
    struct slice database;
};

static bool matches(struct slice wanted, const char *actual)
{
    return !wanted.data || (actual && slice_equals_text(wanted, actual));
}

static bool session_matches(const struct data_session *session, const struct session_filter *filter)
{
    return matches(filter->id, session->id) &&
           matches(filter->status, session_status_name(session)) &&
           matches(filter->cluster, session->cluster) &&
           matches(filter->workgroup, session->workgroup) &&
           matches(filter->database, session->database);
}

static void write_session(const struct data_session *session, struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "SessionId", slice_from_text(session->id));
    json_write_text(writer, "Status", slice_from_text(session_status_name(session)));
    json_write_int64(writer, "SessionTtl", session->keep_alive_ms / 1000);
    data_write_time(writer, "CreatedAt", session->created_ms);
    data_write_time(writer, "UpdatedAt", session->updated_ms);
    json_write_text_if(writer, "ClusterIdentifier", slice_from_text(session->cluster));
    json_write_text_if(writer, "WorkgroupName", slice_from_text(session->workgroup));
    json_write_text_if(writer, "Database", slice_from_text(session->database));
    json_write_text_if(writer, "DbUser", slice_from_text(session->db_user));
    json_write_text_if(writer, "SecretArn", slice_from_text(session->secret_arn));
    if (session->current) {
        json_write_text(writer, "CurrentStatementId", slice_from_text(session->current->id));
    }
    json_end_object(writer);
}

static enum status parse_filter(struct json input, struct session_filter *filter, int64_t *offset,
                                int64_t *limit, struct error *error)
{
    struct slice token = SLICE_NONE;
    enum status status = STATUS_OK;
    if (json_exists(json_member(input, "SessionId"))) {
        status = data_parse_id(input, "SessionId", false, &filter->id, error);
    }
    if (status == STATUS_OK) {
        status = data_parse_target(input, false, &filter->cluster, &filter->workgroup, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "Status", 0, &filter->status, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "Database", 0, &filter->database, error);
    }
    if (status == STATUS_OK) {
        status = json_find_int64(input, "MaxResults", 0, 100, limit, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "NextToken", 0, &token, error);
    }
    if (status == STATUS_OK && token.data) {
        status = slice_to_int64(token, 0, INT64_MAX, offset, error);
    }
    bool known = !filter->status.data || slice_equals_text(filter->status, "AVAILABLE") ||
                 slice_equals_text(filter->status, "BUSY") ||
                 slice_equals_text(filter->status, "CLOSED");
    return status == STATUS_OK && !known
               ? error_set(error, STATUS_REJECTED, "Status must be AVAILABLE, BUSY or CLOSED")
               : status;
}

void data_list_sessions(struct local_data *data, const struct local_call *call,
                        struct http_server_response *response)
{
    struct error error = ERROR_NONE;
    struct session_filter filter = {0};
    int64_t offset = 0;
    int64_t limit = 0;
    if (parse_filter(call->input, &filter, &offset, &limit, &error) != STATUS_OK) {
        data_refuse_input(response, &error);
        return;
    }
    CLEANUP(buffer_clear) struct buffer body;
    buffer_init(&body, DATA_REPLY_BYTES);
    struct json_writer writer;
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "Sessions");
    int64_t seen = 0;
    int64_t end = offset + (limit > 0 ? limit : 100);
    pthread_mutex_lock(&data->lock);
    for (const struct data_session *session = data->sessions; session; session = session->next) {
        if (session_matches(session, &filter) && seen++ >= offset && seen <= end) {
            write_session(session, &writer);
        }
    }
    pthread_mutex_unlock(&data->lock);
    json_end_array(&writer);
    if (seen > end) {
        const char *token = arena_format(call->arena, "%lld", (long long)end);
        json_write_text(&writer, "NextToken", slice_from_text(token));
    }
    json_end_object(&writer);
    data_reply(response, &body);
}
