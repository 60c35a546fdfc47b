/* What is to run: one statement, several, a script or a list of queries. */
#include "invoker/request_fields.h"

#include "infra/aws/redshift_data.h"

static const char *const sources[] = {"sqlStatement", "sqlStatements", "queries"};

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

/* Members that go with some of the sources only. */
MUST_CHECK static enum status check_company(struct json root, const struct json *given,
                                            struct error *error)
{
    struct json mode = json_member(root, "mode");
    if (json_exists(mode) && !json_exists(given[1])) {
        return json_reject(mode, error, "goes with sqlStatements only");
    }
    if (json_exists(json_member(root, "parameters")) && json_exists(given[2])) {
        return json_reject(json_member(root, "parameters"), error,
                           "goes into the query's own ExecuteStatementParameters");
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_source(struct arena *arena, struct json root,
                                          const struct json *given, struct request *request,
                                          struct error *error)
{
    struct json list = {0};
    if (json_exists(given[0])) {
        return read_one(arena, given[0], request, error);
    }
    const bool queries = json_exists(given[2]);
    enum status status = json_find_array(root, queries ? "queries" : "sqlStatements", &list, error);
    if (status != STATUS_OK) {
        return status;
    }
    return queries ? request_read_queries(arena, list, request, error)
                   : read_list(arena, list, request, error);
}

enum status request_read_statements(struct arena *arena, struct json root, struct request *request,
                                    struct error *error)
{
    static const struct name_value modes[] = {{"sequence", REQUEST_SEQUENCE},
                                              {"transaction", REQUEST_TRANSACTION},
                                              {"autoCommit", REQUEST_AUTO_COMMIT}};
    struct json given[ARRAY_COUNT(sources)];
    struct json parameters = {0};
    size_t count = 0;
    int mode = REQUEST_SEQUENCE;
    for (size_t i = 0; i < ARRAY_COUNT(sources); i++) {
        given[i] = json_member(root, sources[i]);
        count += json_exists(given[i]);
    }
    enum status status = request_read_choice(root, "mode", modes, ARRAY_COUNT(modes), &mode, error);
    if (status != STATUS_OK) {
        return status;
    }
    request->mode = (enum request_mode)mode;
    if (count != 1) {
        return json_reject(root, error,
                           "exactly one of sqlStatement, sqlStatements and queries is needed");
    }
    status = check_company(root, given, error);
    if (status == STATUS_OK) {
        status = read_source(arena, root, given, request, error);
    }
    if (status == STATUS_OK) {
        status = json_find_array(root, "parameters", &parameters, error);
    }
    return status == STATUS_OK && json_exists(parameters)
               ? request_read_parameters(arena, parameters, &request->parameters,
                                         &request->parameter_count, error)
               : status;
}
