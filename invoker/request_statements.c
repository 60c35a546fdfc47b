/* What is to run: one statement, several, a script or a list of queries. */
#include "invoker/request_fields.h"

#include "infra/aws/redshift_data.h"

size_t request_statements_max(enum request_mode mode)
{
    switch (mode) {
    case REQUEST_SEQUENCE: return INVOCATION_STEPS_MAX;
    case REQUEST_TRANSACTION: return REDSHIFT_DATA_BATCH_MAX;
    case REQUEST_AUTO_COMMIT: return (size_t)INVOCATION_STEPS_MAX * REDSHIFT_DATA_BATCH_MAX;
    }
    return 0;
}

MUST_CHECK static enum status read_list(struct arena *arena, struct json list,
                                        struct request *request, struct error *error)
{
    size_t count = json_count(list);
    size_t most = request_statements_max(request->mode);
    if (count < 1 || count > most) {
        return json_reject(list, error, "must hold 1 to %zu statements in this mode, got %zu", most,
                           count);
    }
    request->sqls = ARENA_ARRAY(arena, count, struct slice);
    request->sql_count = count;
    enum status status = STATUS_OK;
    struct json sql = json_element(list, 0);
    for (size_t i = 0; i < count && status == STATUS_OK; i++, sql = json_next(sql)) {
        status = request_read_sql(sql, &request->sqls[i], error);
    }
    return status;
}

MUST_CHECK static enum status read_one(struct arena *arena, struct json sql,
                                       struct request *request, struct error *error)
{
    request->sqls = ARENA_NEW(arena, struct slice);
    request->sql_count = 1;
    return request_read_sql(sql, &request->sqls[0], error);
}

MUST_CHECK static enum status read_script(struct arena *arena, struct json root,
                                          struct request *request, struct error *error)
{
    struct json variables = {0};
    enum status status =
        request_read_text(root, "sqlUri", REQUEST_URI_MAX_BYTES, &request->script_uri, error);
    if (status == STATUS_OK) {
        status = request_check_uri(json_member(root, "sqlUri"), request->script_uri, error);
    }
    if (status == STATUS_OK) {
        status = json_find_object(root, "variables", &variables, error);
    }
    return status == STATUS_OK && json_exists(variables)
               ? request_read_variables(arena, variables, &request->variables,
                                        &request->variable_count, error)
               : status;
}

enum status request_read_mode(struct json root, enum request_mode *mode, struct error *error)
{
    static const struct name_value modes[] = {{"sequence", REQUEST_SEQUENCE},
                                              {"transaction", REQUEST_TRANSACTION},
                                              {"autoCommit", REQUEST_AUTO_COMMIT}};
    int value = (int)*mode;
    enum status status =
        request_read_choice(root, "mode", modes, ARRAY_COUNT(modes), &value, error);
    *mode = (enum request_mode)value;
    return status;
}

/* Where the statements come from, each one with what may stand beside it. */
enum source { ONE, LIST, SCRIPT, QUERIES, SOURCES };

/* Members that go with some of the sources only. */
MUST_CHECK static enum status check_company(struct json root, enum source source,
                                            struct error *error)
{
    struct json mode = json_member(root, "mode");
    struct json variables = json_member(root, "variables");
    struct json parameters = json_member(root, "parameters");
    if (json_exists(mode) && source != LIST && source != SCRIPT) {
        return json_reject(mode, error, "goes with sqlStatements and sqlUri only");
    }
    if (json_exists(variables) && source != SCRIPT) {
        return json_reject(variables, error, "goes with sqlUri only");
    }
    if (json_exists(parameters) && source == QUERIES) {
        return json_reject(parameters, error,
                           "goes into the query's own ExecuteStatementParameters");
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_source(struct arena *arena, struct json root, const char *name,
                                          enum source source, struct request *request,
                                          struct error *error)
{
    struct json list = {0};
    enum status status = STATUS_OK;
    switch (source) {
    case ONE: return read_one(arena, json_member(root, name), request, error);
    case SCRIPT: return read_script(arena, root, request, error);
    case LIST:
        status = json_find_array(root, name, &list, error);
        return status == STATUS_OK ? read_list(arena, list, request, error) : status;
    case QUERIES:
        status = json_find_array(root, name, &list, error);
        return status == STATUS_OK ? request_read_queries(arena, list, request, error) : status;
    case SOURCES: break;
    }
    return status;
}

enum status request_read_statements(struct arena *arena, struct json root, struct request *request,
                                    struct error *error)
{
    static const char *const names[SOURCES] = {"sqlStatement", "sqlStatements", "sqlUri",
                                               "queries"};
    struct json parameters = {0};
    enum source source = ONE;
    size_t given = 0;
    for (enum source i = ONE; i < SOURCES; i++) {
        if (json_exists(json_member(root, names[i]))) {
            source = i;
            given++;
        }
    }
    enum status status = request_read_mode(root, &request->mode, error);
    if (status == STATUS_OK && given != 1) {
        status =
            json_reject(root, error,
                        "exactly one of sqlStatement, sqlStatements, sqlUri and queries is needed");
    }
    if (status == STATUS_OK) {
        status = check_company(root, source, error);
    }
    if (status == STATUS_OK) {
        status = read_source(arena, root, names[source], source, request, error);
    }
    if (status == STATUS_OK) {
        status = json_find_array(root, "parameters", &parameters, error);
    }
    return status == STATUS_OK && json_exists(parameters)
               ? request_read_parameters(arena, parameters, &request->parameters,
                                         &request->parameter_count, error)
               : status;
}
