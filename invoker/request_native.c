/* The native request shape, and P3's, whose executeStatement is the same with fewer fields. */
#include "invoker/request_fields.h"

#include "infra/aws/step_functions.h"

static const char *const fields[] = {
    "action",
    "sqlStatement",
    "sqlStatements",
    "sqlUri",
    "variables",
    "queries",
    "mode",
    "parameters",
    "target",
    "requestKey",
    "taskToken",
    "executionArn",
    "sessionKeepAliveSeconds",
    "replyTo",
    "notify",
    "singleton",
    "retry",
    "result",
    "expect",
    "timeoutSeconds",
    "keepRunning",
    "heartbeatSeconds",
    "output",
    "statementId",
    "nextToken",
};

/* ---- Callers -------------------------------------------------------------------------------- */

MUST_CHECK static enum status read_callers(struct arena *arena, struct json root,
                                           struct request *request, struct error *error)
{
    enum status status = request_read_text(root, "taskToken", STEP_FUNCTIONS_TOKEN_MAX_BYTES,
                                           &request->task_token, error);
    if (status == STATUS_OK) {
        status = request_read_text(root, "executionArn", TRACKER_GROUP_MAX_BYTES,
                                   &request->execution_arn, error);
    }
    if (status == STATUS_OK) {
        status = request_read_text(root, "requestKey", REQUEST_KEY_MAX_BYTES, &request->request_key,
                                   error);
    }
    if (status == STATUS_OK) {
        status = request_read_reply_to(root, &request->reply_to, error);
    }
    return status == STATUS_OK ? request_read_notify(arena, root, &request->notify, error) : status;
}

/* ---- The rest ------------------------------------------------------------------------------- */

MUST_CHECK static enum status read_options(struct json root, struct request *request,
                                           struct error *error)
{
    enum status status = json_find_int64(root, "timeoutSeconds", 1, REQUEST_TIMEOUT_MAX_SECONDS,
                                         &request->timeout_seconds, error);
    if (status == STATUS_OK) {
        status = json_find_int64(root, "heartbeatSeconds", 1, REQUEST_TIMEOUT_MAX_SECONDS,
                                 &request->heartbeat_seconds, error);
    }
    if (status == STATUS_OK) {
        status = json_find_int64(root, "sessionKeepAliveSeconds", 0, 86400,
                                 &request->session_keep_alive_seconds, error);
    }
    if (status == STATUS_OK) {
        status = json_find_bool(root, "keepRunning", &request->keep_running, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(root, "output", 16, &request->output, error);
    }
    if (status == STATUS_OK && request->output.data != NULL &&
        !slice_equals_text(request->output, "event") &&
        !slice_equals_text(request->output, "statement")) {
        status =
            json_reject(json_member(root, "output"), error, "must be \"event\" or \"statement\"");
    }
    if (status == STATUS_OK && request->heartbeat_seconds > 0 && request->task_token.size == 0) {
        status =
            json_reject(json_member(root, "heartbeatSeconds"), error, "goes with taskToken only");
    }
    return status;
}

MUST_CHECK static enum status read_target(struct json root, struct request *request,
                                          struct error *error)
{
    struct json target = json_member(root, "target");
    if (!json_exists(target)) {
        return STATUS_OK;
    }
    enum status status =
        request_read_target(target, &request->target, &request->target_name, error);
    request->has_target = true;
    if (status == STATUS_OK && request->target_name.data == NULL) {
        status = request_check_target(&request->target, "target", error);
    }
    return status;
}

enum status request_read_company(struct arena *arena, struct json root, struct request *request,
                                 struct error *error)
{
    enum status status = read_target(root, request, error);
    if (status == STATUS_OK) {
        status = read_callers(arena, root, request, error);
    }
    if (status == STATUS_OK) {
        status = request_read_settings(root, request, error);
    }
    return status == STATUS_OK ? read_options(root, request, error) : status;
}

/* The actions on a statement that exists already. */
MUST_CHECK static enum status read_statement_action(struct arena *arena, struct json root,
                                                    struct request *request, struct error *error)
{
    static const char *const others[] = {"sqlStatement", "sqlStatements", "sqlUri", "queries"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (json_exists(json_member(root, others[i]))) {
            return json_reject(json_member(root, others[i]), error,
                               "goes with the action executeStatement only");
        }
    }
    enum status status = json_get_text(root, "statementId", 64, &request->statement_id, error);
    if (status == STATUS_OK && request->action == REQUEST_GET_RESULT) {
        status = request_read_text(root, "nextToken", 4096, &request->next_token, error);
    }
    if (status == STATUS_OK) {
        status = read_callers(arena, root, request, error);
    }
    if (status == STATUS_OK && slice_equals_text(request->statement_id, "LATEST") &&
        request->execution_arn.size == 0) {
        status = json_reject(json_member(root, "statementId"), error,
                             "LATEST needs executionArn beside it");
    }
    return status;
}

/* executeSingletonStatement is executeStatement with a singleton whose key is the SQL. */
MUST_CHECK static enum status read_action(struct json root, struct request *request,
                                          struct error *error)
{
    enum { EXECUTE_SINGLETON = REQUEST_STATUS + 1 };
    static const struct name_value actions[] = {{"executeStatement", REQUEST_EXECUTE},
                                                {"executeSingletonStatement", EXECUTE_SINGLETON},
                                                {"describeStatement", REQUEST_DESCRIBE},
                                                {"cancelStatement", REQUEST_CANCEL},
                                                {"getStatementResult", REQUEST_GET_RESULT}};
    int action = REQUEST_EXECUTE;
    enum status status =
        request_read_choice(root, "action", actions, ARRAY_COUNT(actions), &action, error);
    request->singleton_sql = action == EXECUTE_SINGLETON;
    request->action = request->singleton_sql ? REQUEST_EXECUTE : (enum request_action)action;
    if (status == STATUS_OK && request->singleton_sql &&
        !json_exists(json_member(root, "sqlStatement"))) {
        status = json_reject(json_member(root, "action"), error,
                             "executeSingletonStatement needs sqlStatement");
    }
    return status;
}

enum status request_read_native(struct arena *arena, struct json root, struct request *request,
                                struct error *error)
{
    enum status status = json_only_members(root, fields, ARRAY_COUNT(fields), error);
    if (status == STATUS_OK) {
        status = read_action(root, request, error);
    }
    if (status == STATUS_OK && request->action != REQUEST_EXECUTE) {
        return read_statement_action(arena, root, request, error);
    }
    if (status == STATUS_OK) {
        status = request_read_statements(arena, root, request, error);
    }
    return status == STATUS_OK ? request_read_company(arena, root, request, error) : status;
}
