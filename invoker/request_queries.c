/*
 * Lists of queries, the shape of redshift-query-step-function: texts, or objects with
 * ExecuteStatementParameters (a text or what ExecuteStatement takes), StatementId and the knobs of
 * retrying. Members that are not known are told again in the output and mean nothing.
 */
#include "invoker/request_fields.h"

#include "infra/base/json_writer.h"

/* As in redshift-query-step-function, where a pattern is given and MaxRetries is not. */
#define MATCHED_RETRIES 10

/* How a text that is the same as an absent one is read: an empty default of a template. */
MUST_CHECK static enum status read_filled(struct json object, const char *name, size_t max,
                                          struct slice *text, struct error *error)
{
    enum status status = json_find_text(object, name, max, text, error);
    if (status == STATUS_OK && text->size == 0) {
        *text = SLICE_NONE;
    }
    return status;
}

MUST_CHECK static enum status read_place(struct json object, struct plan_target *target,
                                         struct error *error)
{
    struct {
        const char *member;
        size_t max;
        struct slice *text;
    } const texts[] = {
        {"ClusterIdentifier", 63, &target->cluster_identifier},
        {"WorkgroupName", 128, &target->workgroup_name},
        {"Database", 128, &target->database},
        {"DbUser", 128, &target->db_user},
        {"SecretArn", 2048, &target->secret_arn},
        {"SessionId", 36, &target->session_id},
    };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(texts) && status == STATUS_OK; i++) {
        status = read_filled(object, texts[i].member, texts[i].max, texts[i].text, error);
    }
    return status;
}

/* ExecuteStatement's own members. Name, token, event and wait are ringback's to choose, and the
 * format of results is told elsewhere. */
MUST_CHECK static enum status read_execute(struct arena *arena, struct json object,
                                           struct request_query *query, struct error *error)
{
    static const char *const names[] = {
        "Sql",         "ClusterIdentifier", "WorkgroupName",  "Database",  "DbUser",
        "SecretArn",   "SessionId",         "Parameters",     "WithEvent", "StatementName",
        "ClientToken", "ResultFormat",      "WaitTimeSeconds"};
    struct json sql = json_member(object, "Sql");
    struct json parameters = {0};
    enum status status = json_only_members(object, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK && !json_exists(sql)) {
        status = json_reject(object, error, "Sql is needed");
    }
    if (status == STATUS_OK) {
        status = request_read_sql(sql, &query->sql, error);
    }
    if (status == STATUS_OK) {
        status = read_place(object, &query->target, error);
    }
    if (status == STATUS_OK) {
        status = json_find_array(object, "Parameters", &parameters, error);
    }
    return status == STATUS_OK && json_count(parameters) > 0
               ? request_read_parameters(arena, parameters, &query->parameters,
                                         &query->parameter_count, error)
               : status;
}

MUST_CHECK static enum status read_error_match(struct json item, struct plan_retry *retry,
                                               struct error *error)
{
    enum status status = read_filled(item, "RetryErrorMatch", 0, &retry->error_match, error);
    return status == STATUS_OK && retry->error_match.size > 0
               ? request_read_pattern(item, "RetryErrorMatch", &retry->error_match, error)
               : status;
}

/* InitialWaitTime and WaitMultiplier are about polling and about how pauses grow: read, so that
 * nonsense is told, and without a meaning. */
MUST_CHECK static enum status read_unused(struct json item, struct error *error)
{
    int64_t ms = 0;
    double factor = 0;
    enum status status =
        request_read_seconds(item, "InitialWaitTime", REQUEST_PAUSE_MAX_SECONDS, &ms, error);
    return status == STATUS_OK ? json_find_double(item, "WaitMultiplier", &factor, error) : status;
}

/* Knobs that are not given are those of any retry; none given: those of the list as a whole. */
static void settle_retry(struct plan_retry *retry, int64_t retries)
{
    if (retries < 0 && retry->error_match.size == 0 && retry->base_ms < 0 && retry->max_ms < 0) {
        *retry = (struct plan_retry){.max_attempts = 0};
        return;
    }
    retry->max_attempts =
        retry->error_match.size > 0 ? MATCHED_RETRIES + 1 : REQUEST_RETRY_ATTEMPTS;
    if (retries >= 0) {
        retry->max_attempts = retries + 1;
    }
    if (retry->base_ms < 0) {
        retry->base_ms = REQUEST_RETRY_BASE_MS;
    }
    if (retry->max_ms < 0) {
        retry->max_ms =
            retry->base_ms > REQUEST_RETRY_MAX_MS ? retry->base_ms : REQUEST_RETRY_MAX_MS;
    }
    if (retry->base_ms > retry->max_ms) {
        retry->base_ms = retry->max_ms;
    }
}

MUST_CHECK static enum status read_knobs(struct json item, struct plan_retry *retry,
                                         struct error *error)
{
    int64_t retries = -1;
    *retry = (struct plan_retry){.base_ms = -1, .max_ms = -1};
    enum status status =
        json_find_int64(item, "MaxRetries", 0, REQUEST_ATTEMPTS_MAX - 1, &retries, error);
    if (status == STATUS_OK) {
        status = read_error_match(item, retry, error);
    }
    if (status == STATUS_OK) {
        status = request_read_seconds(item, "BaseWaitTime", REQUEST_PAUSE_MAX_SECONDS,
                                      &retry->base_ms, error);
    }
    if (status == STATUS_OK) {
        status =
            request_read_seconds(item, "MaxWait", REQUEST_PAUSE_MAX_SECONDS, &retry->max_ms, error);
    }
    if (status == STATUS_OK) {
        status = read_unused(item, error);
    }
    settle_retry(retry, retries);
    return status;
}

MUST_CHECK static enum status read_object(struct arena *arena, struct json item,
                                          struct request_query *query, struct error *error)
{
    struct json execute = json_member(item, "ExecuteStatementParameters");
    enum status status = STATUS_OK;
    if (json_exists(json_member(item, "StatementId"))) {
        status = request_read_statement_id(item, "StatementId", &query->attach_id, error);
    }
    if (status == STATUS_OK) {
        status = read_knobs(item, &query->retry, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    switch (json_kind(execute)) {
    case JSON_TEXT: return request_read_sql(execute, &query->sql, error);
    case JSON_OBJECT: return read_execute(arena, execute, query, error);
    case JSON_ABSENT:
    case JSON_NULL:
        return query->attach_id.size > 0
                   ? STATUS_OK
                   : json_reject(item, error,
                                 "ExecuteStatementParameters or StatementId is needed");
    case JSON_BOOL:
    case JSON_NUMBER:
    case JSON_ARRAY: break;
    }
    return json_reject(execute, error, "must be a string or an object");
}

/* The item as it is told again, always an object: a text is what it stands for. */
static struct slice item_document(struct arena *arena, struct json item)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    struct slice sql = SLICE_NONE;
    buffer_init(&out, 8 * REQUEST_MAX_BYTES);
    if (json_kind(item) == JSON_OBJECT) {
        json_print(item, &out);
        return arena_copy(arena, buffer_slice(&out));
    }
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    if (json_text(item, &sql, NULL) == STATUS_OK) {
        json_write_text(&writer, "ExecuteStatementParameters", sql);
    }
    json_end_object(&writer);
    return arena_copy(arena, buffer_slice(&out));
}

MUST_CHECK static enum status read_query(struct arena *arena, struct json item,
                                         struct request_query *query, struct error *error)
{
    enum status status = STATUS_REJECTED;
    *query = (struct request_query){0};
    if (json_kind(item) == JSON_TEXT) {
        status = request_read_sql(item, &query->sql, error);
    } else if (json_kind(item) == JSON_OBJECT) {
        status = read_object(arena, item, query, error);
    } else {
        status = json_reject(item, error, "must be a string or an object");
    }
    if (status == STATUS_OK) {
        query->item = item_document(arena, item);
    }
    return status;
}

enum status request_read_queries(struct arena *arena, struct json list, struct request *request,
                                 struct error *error)
{
    const bool one = json_kind(list) == JSON_TEXT;
    const size_t count = one ? 1 : json_count(list);
    enum status status = STATUS_OK;
    struct json item = one ? list : json_element(list, 0);
    if (count < 1 || count > INVOCATION_STEPS_MAX) {
        return json_reject(list, error, "must hold 1 to %d queries, got %zu", INVOCATION_STEPS_MAX,
                           count);
    }
    request->queries = ARENA_ARRAY(arena, count, struct request_query);
    request->query_count = count;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = read_query(arena, item, &request->queries[i], error);
        item = one ? item : json_next(item);
    }
    return status;
}
