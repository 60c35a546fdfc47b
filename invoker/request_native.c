/* The native request shape, and P3's, whose executeStatement is the same with fewer fields. */
#include "invoker/request.h"

#include "infra/aws/redshift_data.h"
#include "infra/aws/step_functions.h"
#include "infra/base/buffer.h"

#include <string.h>

static const char *const fields[] = {
    "action",  "sqlStatement", "sqlStatements",  "mode",         "parameters",
    "target",  "requestKey",   "taskToken",      "executionArn", "sessionKeepAliveSeconds",
    "replyTo", "notify",       "timeoutSeconds", "keepRunning",  "heartbeatSeconds",
    "output",  "statementId",  "nextToken",
};

struct name_value {
    const char *name;
    int value;
};

/* REJECTED with the names there are; what was given instead is not repeated, it may be a secret. */
static enum status reject_choice(struct json value, const struct name_value *choices, size_t count,
                                 struct error *error)
{
    CLEANUP(buffer_clear) struct buffer names;
    buffer_init(&names, ERROR_TEXT_BYTES);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&names, "%s%s", i > 0 ? ", " : "", choices[i].name);
    }
    return json_reject(value, error, "must be one of %.*s", SLICE_PRINT(buffer_slice(&names)));
}

/* A text member that must be one of a closed set. */
MUST_CHECK static enum status read_choice(struct json object, const char *name,
                                          const struct name_value *choices, size_t count,
                                          int *value, struct error *error)
{
    struct slice text = SLICE_NONE;
    enum status status = json_find_text(object, name, 64, &text, error);
    if (status != STATUS_OK || text.data == NULL) {
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        if (slice_equals_text(text, choices[i].name)) {
            *value = choices[i].value;
            return STATUS_OK;
        }
    }
    return reject_choice(json_member(object, name), choices, count, error);
}

MUST_CHECK static enum status read_sql(struct json value, struct slice *sql, struct error *error)
{
    enum status status = json_text(value, sql, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (slice_trim(*sql).size == 0) {
        return json_reject(value, error, "must not be empty");
    }
    if (sql->size > REDSHIFT_DATA_SQL_MAX_BYTES) {
        return json_reject(value, error, "must be at most %u bytes, got %zu",
                           REDSHIFT_DATA_SQL_MAX_BYTES, sql->size);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_sql_list(struct arena *arena, struct json list,
                                            struct request *request, struct error *error)
{
    size_t count = json_count(list);
    size_t most =
        request->mode == REQUEST_TRANSACTION ? REDSHIFT_DATA_BATCH_MAX : INVOCATION_STEPS_MAX;
    if (count < 1 || count > most) {
        return json_reject(list, error, "must hold 1 to %zu statements in this mode, got %zu", most,
                           count);
    }
    request->sqls = ARENA_ARRAY(arena, count, struct slice);
    request->sql_count = count;
    enum status status = STATUS_OK;
    struct json sql = json_element(list, 0);
    for (size_t i = 0; i < count && status == STATUS_OK; i++, sql = json_next(sql)) {
        status = read_sql(sql, &request->sqls[i], error);
    }
    return status;
}

MUST_CHECK static enum status read_statements(struct arena *arena, struct json root,
                                              struct request *request, struct error *error)
{
    static const struct name_value modes[] = {{"sequence", REQUEST_SEQUENCE},
                                              {"transaction", REQUEST_TRANSACTION}};
    struct json one = json_member(root, "sqlStatement");
    struct json list = {0};
    int mode = REQUEST_SEQUENCE;
    enum status status = json_find_array(root, "sqlStatements", &list, error);
    if (status == STATUS_OK) {
        status = read_choice(root, "mode", modes, ARRAY_COUNT(modes), &mode, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    request->mode = (enum request_mode)mode;
    if (json_exists(one) == json_exists(list)) {
        return json_reject(root, error, "exactly one of sqlStatement and sqlStatements is needed");
    }
    if (json_exists(one) && json_exists(json_member(root, "mode"))) {
        return json_reject(json_member(root, "mode"), error, "goes with sqlStatements only");
    }
    if (json_exists(list)) {
        return read_sql_list(arena, list, request, error);
    }
    request->sqls = ARENA_NEW(arena, struct slice);
    request->sql_count = 1;
    return read_sql(one, &request->sqls[0], error);
}

static bool parameter_name_valid(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool fine =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!fine) {
            return false;
        }
    }
    return name.size > 0;
}

MUST_CHECK static enum status read_parameter(struct json item, struct plan_parameter *parameter,
                                             struct error *error)
{
    static const char *const names[] = {"name", "value"};
    enum status status = json_only_members(item, names, ARRAY_COUNT(names), error);
    if (status == STATUS_OK) {
        status = json_get_text(item, "name", 128, &parameter->name, error);
    }
    if (status == STATUS_OK) {
        status = json_get_text(item, "value", 0, &parameter->value, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!parameter_name_valid(parameter->name)) {
        return json_reject(json_member(item, "name"), error, "must match [0-9a-zA-Z_]+");
    }
    if (parameter->value.size == 0) {
        return json_reject(json_member(item, "value"), error,
                           "must not be empty: the Data API takes no empty parameter");
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_parameters(struct arena *arena, struct json root,
                                              struct request *request, struct error *error)
{
    struct json list = {0};
    enum status status = json_find_array(root, "parameters", &list, error);
    if (status != STATUS_OK || !json_exists(list)) {
        return status;
    }
    request->parameter_count = json_count(list);
    if (request->parameter_count < 1 || request->parameter_count > REQUEST_PARAMETERS_MAX) {
        return json_reject(list, error, "must hold 1 to %d parameters", REQUEST_PARAMETERS_MAX);
    }
    request->parameters = ARENA_ARRAY(arena, request->parameter_count, struct plan_parameter);
    struct json item = json_element(list, 0);
    for (size_t i = 0; i < request->parameter_count && status == STATUS_OK;
         i++, item = json_next(item)) {
        if (json_kind(item) != JSON_OBJECT) {
            return json_reject(item, error, "must be an object with name and value");
        }
        status = read_parameter(item, &request->parameters[i], error);
    }
    return status;
}

/* ---- Target --------------------------------------------------------------------------------- */

enum status request_read_target(struct json value, struct plan_target *target, struct slice *name,
                                struct error *error)
{
    static const char *const names[] = {"clusterIdentifier", "workgroupName", "database", "dbUser",
                                        "secretArn",         "sessionId"};
    *target = (struct plan_target){0};
    *name = SLICE_NONE;
    if (json_kind(value) == JSON_TEXT) {
        return json_text(value, name, error);
    }
    if (json_kind(value) != JSON_OBJECT) {
        return json_reject(value, error, "must be an object or the name of a target");
    }
    struct {
        const char *member;
        size_t max;
        struct slice *text;
    } const texts[] = {
        {"clusterIdentifier", 63, &target->cluster_identifier},
        {"workgroupName", 128, &target->workgroup_name},
        {"database", 128, &target->database},
        {"dbUser", 128, &target->db_user},
        {"secretArn", 2048, &target->secret_arn},
        {"sessionId", 36, &target->session_id},
    };
    enum status status = json_only_members(value, names, ARRAY_COUNT(names), error);
    for (size_t i = 0; i < ARRAY_COUNT(texts) && status == STATUS_OK; i++) {
        status = json_find_text(value, texts[i].member, texts[i].max, texts[i].text, error);
        if (status == STATUS_OK && texts[i].text->data != NULL && texts[i].text->size == 0) {
            status = json_reject(json_member(value, texts[i].member), error, "must not be empty");
        }
    }
    return status;
}

enum status request_check_target(const struct plan_target *target, const char *path,
                                 struct error *error)
{
    bool cluster = target->cluster_identifier.size > 0;
    bool workgroup = target->workgroup_name.size > 0;
    bool session = target->session_id.size > 0;
    if (cluster + workgroup + session != 1) {
        return error_set(error, STATUS_REJECTED,
                         "%s: exactly one of clusterIdentifier, workgroupName and sessionId is "
                         "needed",
                         path);
    }
    if (session &&
        (target->database.size > 0 || target->db_user.size > 0 || target->secret_arn.size > 0)) {
        return error_set(error, STATUS_REJECTED,
                         "%s: sessionId goes without database, dbUser and secretArn", path);
    }
    if (target->db_user.size > 0 && (workgroup || target->secret_arn.size > 0)) {
        return error_set(error, STATUS_REJECTED,
                         "%s: dbUser goes with clusterIdentifier only, and without secretArn",
                         path);
    }
    if (!session && target->database.size == 0) {
        return error_set(error, STATUS_REJECTED, "%s.database: is required", path);
    }
    return STATUS_OK;
}

/* ---- Callers -------------------------------------------------------------------------------- */

/* A text that must not be empty when it is there. */
MUST_CHECK static enum status read_text(struct json root, const char *name, size_t max,
                                        struct slice *text, struct error *error)
{
    enum status status = json_find_text(root, name, max, text, error);
    if (status == STATUS_OK && text->data != NULL && text->size == 0) {
        status = json_reject(json_member(root, name), error, "must not be empty");
    }
    return status;
}

MUST_CHECK static enum status read_callers(struct arena *arena, struct json root,
                                           struct request *request, struct error *error)
{
    enum status status =
        read_text(root, "taskToken", STEP_FUNCTIONS_TOKEN_MAX_BYTES, &request->task_token, error);
    if (status == STATUS_OK) {
        status = read_text(root, "executionArn", TRACKER_GROUP_MAX_BYTES, &request->execution_arn,
                           error);
    }
    if (status == STATUS_OK) {
        status = read_text(root, "requestKey", REQUEST_KEY_MAX_BYTES, &request->request_key, error);
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

/* The actions on a statement that exists already. */
MUST_CHECK static enum status read_statement_action(struct arena *arena, struct json root,
                                                    struct request *request, struct error *error)
{
    enum status status = json_get_text(root, "statementId", 64, &request->statement_id, error);
    if (status == STATUS_OK && request->action == REQUEST_GET_RESULT) {
        status = read_text(root, "nextToken", 4096, &request->next_token, error);
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

enum status request_read_native(struct arena *arena, struct json root, struct request *request,
                                struct error *error)
{
    static const struct name_value actions[] = {{"executeStatement", REQUEST_EXECUTE},
                                                {"describeStatement", REQUEST_DESCRIBE},
                                                {"cancelStatement", REQUEST_CANCEL},
                                                {"getStatementResult", REQUEST_GET_RESULT}};
    int action = REQUEST_EXECUTE;
    enum status status = json_only_members(root, fields, ARRAY_COUNT(fields), error);
    if (status == STATUS_OK) {
        status = read_choice(root, "action", actions, ARRAY_COUNT(actions), &action, error);
    }
    request->action = (enum request_action)action;
    if (status == STATUS_OK && request->action != REQUEST_EXECUTE) {
        return read_statement_action(arena, root, request, error);
    }
    if (status == STATUS_OK) {
        status = read_statements(arena, root, request, error);
    }
    if (status == STATUS_OK) {
        status = read_parameters(arena, root, request, error);
    }
    if (status == STATUS_OK) {
        status = read_target(root, request, error);
    }
    if (status == STATUS_OK) {
        status = read_callers(arena, root, request, error);
    }
    return status == STATUS_OK ? read_options(root, request, error) : status;
}
