#include "invoker/envelope.h"
#include "invoker/request_cloudformation.h"
#include "invoker/request_fields.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/json_writer.h"

#include <string.h>

/* Members that came later are written only when they are there, so that the digests of requests
 * without them stay what they were. */
static void digest_singleton(struct json_writer *writer, const struct request *request)
{
    json_write_text_if(writer, "singletonKey", request->singleton_key);
    if (request->singleton_sql) {
        json_write_bool(writer, "singletonSql", true);
    }
    if (request->on_conflict != PLAN_CONFLICT_FAIL) {
        json_write_int64(writer, "onConflict", request->on_conflict);
    }
}

static void digest_retry(struct json_writer *writer, const struct plan_retry *retry)
{
    if (retry->max_attempts == 0) {
        return;
    }
    json_begin_object(writer, "retry");
    json_write_int64(writer, "maxAttempts", retry->max_attempts);
    json_write_text_if(writer, "errorMatch", retry->error_match);
    json_write_int64(writer, "base", retry->base_ms);
    json_write_int64(writer, "max", retry->max_ms);
    json_end_object(writer);
}

static void digest_parameters(struct json_writer *writer, const struct plan_parameter *parameters,
                              size_t count)
{
    json_begin_array(writer, "parameters");
    for (size_t i = 0; i < count; i++) {
        json_write_text(writer, NULL, parameters[i].name);
        json_write_text(writer, NULL, parameters[i].value);
    }
    json_end_array(writer);
}

static void digest_script(struct json_writer *writer, const struct request *request)
{
    json_write_text_if(writer, "script", request->script_uri);
    if (request->variable_count > 0) {
        json_begin_object(writer, "variables");
        digest_parameters(writer, request->variables, request->variable_count);
        json_end_object(writer);
    }
}

static void digest_queries(struct json_writer *writer, const struct request *request)
{
    if (request->query_count == 0) {
        return;
    }
    json_begin_array(writer, "queries");
    for (size_t i = 0; i < request->query_count; i++) {
        const struct request_query *query = &request->queries[i];
        json_begin_object(writer, NULL);
        json_write_text_if(writer, "sql", query->sql);
        json_write_text_if(writer, "attach", query->attach_id);
        digest_parameters(writer, query->parameters, query->parameter_count);
        digest_retry(writer, &query->retry);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void digest_result(struct json_writer *writer, const struct request *request)
{
    if (request->result.mode != PLAN_RESULT_NONE) {
        json_begin_object(writer, "result");
        json_write_int64(writer, "mode", request->result.mode);
        json_write_int64(writer, "format", request->result.format);
        json_write_int64(writer, "maxRows", request->result.max_rows);
        json_write_text_if(writer, "uri", request->result.uri);
        json_end_object(writer);
    }
    if (request->expect_min_rows >= 0 || request->expect_max_rows >= 0) {
        json_begin_object(writer, "expect");
        json_write_int64(writer, "min", request->expect_min_rows);
        json_write_int64(writer, "max", request->expect_max_rows);
        json_end_object(writer);
    }
}

static void digest_resource(struct json_writer *writer, const struct plan_resource *resource)
{
    if (resource == NULL) {
        return;
    }
    json_begin_object(writer, "resource");
    json_write_text(writer, "type", resource->request_type);
    json_write_text_if(writer, "current", resource->current_physical_id);
    json_write_text_if(writer, "physical", resource->physical_resource_id);
    json_write_bool(writer, "noEcho", resource->no_echo);
    for (size_t i = 0; i < resource->data_count; i++) {
        json_write_text(writer, "column", resource->data[i].name);
        json_write_text(writer, "of", resource->data[i].value);
    }
    json_end_object(writer);
}

/* What makes two requests the same one: everything but addresses, targets, defaults and the
 * executionArn, since those may differ between a request and its repeat. */
static void digest_request(struct request *request)
{
    CLEANUP(buffer_clear) struct buffer canonical;
    struct json_writer writer;
    buffer_init(&canonical, 4 * REQUEST_MAX_BYTES);
    json_writer_init(&writer, &canonical);
    json_begin_object(&writer, NULL);
    json_write_int64(&writer, "action", request->action);
    json_write_int64(&writer, "mode", request->mode);
    json_begin_array(&writer, "sqls");
    for (size_t i = 0; i < request->sql_count; i++) {
        json_write_text(&writer, NULL, request->sqls[i]);
    }
    json_end_array(&writer);
    digest_parameters(&writer, request->parameters, request->parameter_count);
    json_write_int64(&writer, "keepAlive", request->session_keep_alive_seconds);
    json_write_int64(&writer, "timeout", request->timeout_seconds);
    json_write_int64(&writer, "heartbeat", request->heartbeat_seconds);
    json_write_bool(&writer, "keepRunning", request->keep_running);
    json_write_text(&writer, "output", request->output);
    digest_script(&writer, request);
    digest_queries(&writer, request);
    digest_singleton(&writer, request);
    digest_retry(&writer, &request->retry);
    digest_result(&writer, request);
    digest_resource(&writer, request->resource);
    json_end_object(&writer);
    digest_sha256_hex(buffer_slice(&canonical), request->digest);
    buffer_wipe(&canonical);
}

void request_init(struct request *request)
{
    *request = (struct request){.session_keep_alive_seconds = -1,
                                .result = {.max_rows = -1},
                                .expect_min_rows = -1,
                                .expect_max_rows = -1};
}

MUST_CHECK static enum status read_object(struct arena *arena, struct json root,
                                          struct request *request,
                                          struct request_addresses *addresses, struct error *error)
{
    if (request_is_cloudformation(root)) {
        request_find_resource(arena, root, addresses);
        return request_read_cloudformation(arena, root, request, error);
    }
    request_find_addresses(arena, root, addresses);
    return request_is_input(root) ? request_read_input(arena, root, request, error)
                                  : request_read_native(arena, root, request, error);
}

enum status request_parse(struct arena *arena, struct slice body, struct request *request,
                          struct request_addresses *addresses, struct error *error)
{
    struct json root;
    request_init(request);
    *addresses = (struct request_addresses){0};
    if (body.size > REQUEST_MAX_BYTES) {
        return error_set(error, STATUS_REJECTED, "request: must be at most %u bytes, got %zu",
                         REQUEST_MAX_BYTES, body.size);
    }
    enum status status = json_parse(arena, body, &root, error);
    if (status != STATUS_OK) {
        return error_wrap(error, "request");
    }
    status = envelope_open(arena, &root, &addresses->envelope, error);
    if (status != STATUS_OK) {
        return status;
    }
    switch (json_kind(root)) {
    case JSON_OBJECT: status = read_object(arena, root, request, addresses, error); break;
    case JSON_ARRAY:
    case JSON_TEXT: status = request_read_queries(arena, root, request, error); break;
    case JSON_ABSENT:
    case JSON_NULL:
    case JSON_BOOL:
    case JSON_NUMBER: status = json_reject(root, error, "must be an object"); break;
    }
    if (status == STATUS_OK) {
        digest_request(request);
    }
    return status;
}
