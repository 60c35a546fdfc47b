/*
 * The shape of the ETL sample with scripts in S3: {"Input":{"action","etl_script_s3_path"}} runs a
 * script as one transaction, {"Input":{"action":"get_sql_status","sql_batch_id"}} asks how it is.
 * Beside Input stand the fields of a native request that say how, where and for whom. Members that
 * are not known are tolerated.
 */
#include "invoker/request_fields.h"

#define STATUS_ACTION "get_sql_status"

bool request_is_input(struct json root)
{
    return json_kind(json_member(root, "Input")) == JSON_OBJECT;
}

/* The object itself, or the folder that holds <action>.sql. */
MUST_CHECK static enum status read_path(struct arena *arena, struct json input, struct slice action,
                                        struct request *request, struct error *error)
{
    struct slice path = SLICE_NONE;
    enum status status =
        json_get_text(input, "etl_script_s3_path", REQUEST_URI_MAX_BYTES, &path, error);
    if (status != STATUS_OK) {
        return status;
    }
    request->script_uri = path;
    if (slice_ends_with(path, SLICE("/"))) {
        request->script_uri = slice_from_text(
            arena_format(arena, "%.*s%.*s.sql", SLICE_PRINT(path), SLICE_PRINT(action)));
    }
    return request_check_uri(json_member(input, "etl_script_s3_path"), request->script_uri, error);
}

/* One more variable, unless there is one of this name. */
static void declare(struct arena *arena, struct slice name, struct slice value,
                    struct request *request)
{
    const size_t count = request->variable_count;
    struct plan_parameter *variables = ARENA_ARRAY(arena, count + 1, struct plan_parameter);
    for (size_t i = 0; i < count; i++) {
        if (slice_equals(request->variables[i].name, name)) {
            return;
        }
        variables[i] = request->variables[i];
    }
    variables[count] = (struct plan_parameter){name, value};
    request->variables = variables;
    request->variable_count = count + 1;
}

/* Those of Input or those beside it, and the date that the sample fills in. */
MUST_CHECK static enum status read_variables(struct arena *arena, struct json root,
                                             struct json input, struct request *request,
                                             struct error *error)
{
    struct json inner = {0};
    struct json outer = {0};
    struct slice date = SLICE_NONE;
    enum status status = json_find_object(input, "variables", &inner, error);
    if (status == STATUS_OK) {
        status = json_find_object(root, "variables", &outer, error);
    }
    if (status == STATUS_OK && json_exists(inner) && json_exists(outer)) {
        status = json_reject(outer, error, "goes without Input.variables");
    }
    if (status == STATUS_OK && (json_exists(inner) || json_exists(outer))) {
        status = request_read_variables(arena, json_exists(inner) ? inner : outer,
                                        &request->variables, &request->variable_count, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "job_run_date", REQUEST_VARIABLE_MAX_BYTES, &date, error);
    }
    if (status == STATUS_OK && date.data != NULL) {
        declare(arena, SLICE("job_run_date"), date, request);
    }
    return status;
}

MUST_CHECK static enum status read_run(struct arena *arena, struct json root, struct json input,
                                       struct slice action, struct request *request,
                                       struct error *error)
{
    request->tells_batch_id = true;
    request->mode = REQUEST_TRANSACTION;
    enum status status = read_path(arena, input, action, request, error);
    if (status == STATUS_OK) {
        status = read_variables(arena, root, input, request, error);
    }
    if (status == STATUS_OK) {
        status = request_read_mode(root, &request->mode, error);
    }
    return status == STATUS_OK ? request_read_company(arena, root, request, error) : status;
}

enum status request_read_input(struct arena *arena, struct json root, struct request *request,
                               struct error *error)
{
    static const char *const sources[] = {"sqlStatement", "sqlStatements", "sqlUri", "queries"};
    const struct json input = json_member(root, "Input");
    struct slice action = SLICE_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
        if (json_exists(json_member(root, sources[i]))) {
            return json_reject(json_member(root, sources[i]), error, "goes without Input");
        }
    }
    enum status status = json_get_text(input, "action", 64, &action, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (slice_equals_text(action, STATUS_ACTION)) {
        request->action = REQUEST_STATUS;
        return request_read_statement_id(input, "sql_batch_id", &request->statement_id, error);
    }
    if (!slice_starts_with(action, SLICE("setup_")) && !slice_starts_with(action, SLICE("run_"))) {
        return json_reject(json_member(input, "action"), error,
                           "must be " STATUS_ACTION ", or begin with setup_ or run_");
    }
    return read_run(arena, root, input, action, request, error);
}
