#include "infra/local/local_submit.h"

#include "infra/base/sql_lexer.h"

#include <string.h>

#define ID_BYTES 36

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}(:\d{0,2})? */
static bool is_id(struct slice id, bool sub_allowed)
{
    if (id.size < ID_BYTES || id.size > ID_BYTES + 3) {
        return false;
    }
    for (size_t i = 0; i < ID_BYTES; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? id.data[i] != '-' : !is_lower_alnum(id.data[i])) {
            return false;
        }
    }
    if (id.size > ID_BYTES && (!sub_allowed || id.data[ID_BYTES] != ':')) {
        return false;
    }
    for (size_t i = ID_BYTES + 1; i < id.size; i++) {
        if (id.data[i] < '0' || id.data[i] > '9') {
            return false;
        }
    }
    return true;
}

enum status data_parse_id(struct json input, const char *name, bool sub_allowed, struct slice *id,
                          struct error *error)
{
    enum status status = json_get_text(input, name, 0, id, error);
    if (status != STATUS_OK) {
        return status;
    }
    return is_id(*id, sub_allowed) ? STATUS_OK
                                   : error_set(error, STATUS_REJECTED,
                                               "%s must satisfy regular expression pattern: "
                                               "[a-z0-9]{8}(-[a-z0-9]{4}){3}-[a-z0-9]{12}%s",
                                               name, sub_allowed ? "(:\\d{0,2})?" : "");
}

enum status data_parse_wait(struct json input, int64_t *seconds, struct error *error)
{
    *seconds = 0;
    return json_find_int64(input, "WaitTimeSeconds", 1, 30, seconds, error);
}

/* [a-z][a-z0-9]*(-[a-z0-9]+)*, 1..63 */
static bool is_cluster(struct slice text)
{
    if (text.size < 1 || text.size > 63 || text.data[0] < 'a' || text.data[0] > 'z') {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        bool dash = text.data[i] == '-' && text.data[i - 1] != '-' && i + 1 < text.size;
        if (!dash && !is_lower_alnum(text.data[i])) {
            return false;
        }
    }
    return true;
}

static bool is_workgroup(struct slice text)
{
    if (slice_starts_with(text, SLICE("arn:"))) {
        return text.size <= 128 && slice_find(text, SLICE(":workgroup/")) < text.size;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '-' && !is_lower_alnum(text.data[i])) {
            return false;
        }
    }
    return text.size >= 3 && text.size <= 64;
}

enum status data_parse_target(struct json input, bool required, struct slice *cluster,
                              struct slice *workgroup, struct error *error)
{
    enum status status = json_find_text(input, "ClusterIdentifier", 0, cluster, error);
    if (status == STATUS_OK) {
        status = json_find_text(input, "WorkgroupName", 0, workgroup, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (cluster->data && workgroup->data) {
        return error_set(error, STATUS_REJECTED,
                         "ClusterIdentifier and WorkgroupName are mutually exclusive");
    }
    if (required && !cluster->data && !workgroup->data) {
        return error_set(error, STATUS_REJECTED,
                         "Either ClusterIdentifier or WorkgroupName must be given");
    }
    if (cluster->data && !is_cluster(*cluster)) {
        return error_set(error, STATUS_REJECTED,
                         "ClusterIdentifier must satisfy [a-z][a-z0-9]*(-[a-z0-9]+)*, 1 to 63 "
                         "characters");
    }
    if (workgroup->data && !is_workgroup(*workgroup)) {
        return error_set(error, STATUS_REJECTED,
                         "WorkgroupName must be a name of 3 to 64 characters a-z, 0-9 and - or a "
                         "workgroup ARN");
    }
    return STATUS_OK;
}

static enum status check_sql(struct slice sql, const char *name, struct error *error)
{
    if (sql.size > DATA_SQL_BYTES) {
        return error_set(error, STATUS_REJECTED, "%s exceeds the limit of 200 KB", name);
    }
    size_t count = sql_statement_count(sql);
    if (count == 0) {
        return error_set(error, STATUS_REJECTED, "%s is empty", name);
    }
    if (count > 1) {
        return error_set(error, STATUS_REJECTED,
                         "%s has %zu statements where one is allowed; use BatchExecuteStatement",
                         name, count);
    }
    return STATUS_OK;
}

static enum status parse_sqls(struct json input, struct data_submit *submit, struct error *error)
{
    struct json sqls = {0};
    enum status status = json_find_array(input, "Sqls", &sqls, error);
    if (status != STATUS_OK) {
        return status;
    }
    submit->sql_count = json_count(sqls);
    if (submit->sql_count < 1 || submit->sql_count > DATA_SQLS_MAX) {
        return error_set(error, STATUS_REJECTED, "Sqls must have 1 to %d entries, not %zu",
                         DATA_SQLS_MAX, submit->sql_count);
    }
    for (size_t i = 0; status == STATUS_OK && i < submit->sql_count; i++) {
        status = json_text(json_element(sqls, i), &submit->sqls[i], error);
        if (status == STATUS_OK) {
            status = check_sql(submit->sqls[i], "An entry of Sqls", error);
        }
    }
    return status;
}

static enum status parse_sql(struct json input, struct data_submit *submit, struct error *error)
{
    if (submit->batch) {
        return parse_sqls(input, submit, error);
    }
    submit->sql_count = 1;
    enum status status = json_get_text(input, "Sql", 0, &submit->sqls[0], error);
    return status == STATUS_OK ? check_sql(submit->sqls[0], "Sql", error) : status;
}

static bool is_parameter_name(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!is_lower_alnum(c) && !(c >= 'A' && c <= 'Z') && c != '_') {
            return false;
        }
    }
    return name.size > 0;
}

static enum status parse_parameter(struct json entry, struct engine_parameter *parameter,
                                   struct error *error)
{
    enum status status = json_get_text(entry, "name", 0, &parameter->name, error);
    if (status == STATUS_OK) {
        status = json_get_text(entry, "value", 0, &parameter->value, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!is_parameter_name(parameter->name)) {
        return json_reject(entry, error, "name must satisfy [0-9a-zA-Z_]+");
    }
    return parameter->value.size > 0 ? STATUS_OK
                                     : json_reject(entry, error, "value must not be empty");
}

/* The i-th name is none of those before it. */
static enum status check_new_name(const struct data_submit *submit, size_t i, struct error *error)
{
    struct slice name = submit->parameters[i].name;
    for (size_t k = 0; k < i; k++) {
        if (slice_equals(submit->parameters[k].name, name)) {
            return error_set(error, STATUS_REJECTED, "Parameters has \"%.*s\" twice",
                             SLICE_PRINT(slice_part(name, 0, 128)));
        }
    }
    return STATUS_OK;
}

static enum status parse_parameters(const struct local_call *call, struct data_submit *submit,
                                    struct error *error)
{
    struct json list = {0};
    enum status status = json_find_array(call->input, "Parameters", &list, error);
    if (status != STATUS_OK || !json_exists(list)) {
        return status;
    }
    submit->parameter_count = json_count(list);
    if (submit->parameter_count < 1 || submit->parameter_count > DATA_PARAMETERS_MAX) {
        return error_set(error, STATUS_REJECTED, "Parameters must have 1 to %d entries",
                         DATA_PARAMETERS_MAX);
    }
    submit->parameters = ARENA_ARRAY(call->arena, submit->parameter_count, struct engine_parameter);
    for (size_t i = 0; status == STATUS_OK && i < submit->parameter_count; i++) {
        status = parse_parameter(json_element(list, i), &submit->parameters[i], error);
        if (status == STATUS_OK) {
            status = check_new_name(submit, i, error);
        }
    }
    return status;
}

/* Marks what one text uses. */
static enum status use_parameters(const struct data_submit *submit, struct slice sql, bool *used,
                                  struct error *error)
{
    for (struct sql_token token = sql_next(&sql); token.kind != SQL_END; token = sql_next(&sql)) {
        if (token.kind != SQL_PARAMETER) {
            continue;
        }
        struct slice name = slice_part(token.text, 1, token.text.size);
        size_t i = 0;
        while (i < submit->parameter_count && !slice_equals(submit->parameters[i].name, name)) {
            i++;
        }
        if (i == submit->parameter_count) {
            return error_set(error, STATUS_REJECTED,
                             "Parameters has no value for the named parameter \":%.*s\"",
                             SLICE_PRINT(slice_part(name, 0, 128)));
        }
        used[i] = true;
    }
    return STATUS_OK;
}

static enum status check_parameters(const struct data_submit *submit, struct error *error)
{
    bool used[DATA_PARAMETERS_MAX] = {false};
    for (size_t i = 0; i < submit->sql_count; i++) {
        enum status status = use_parameters(submit, submit->sqls[i], used, error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    for (size_t i = 0; i < submit->parameter_count; i++) {
        if (!used[i]) {
            return error_set(
                error, STATUS_REJECTED,
                "Parameters list contains unused parameters. Unused parameters: [%.*s]",
                SLICE_PRINT(slice_part(submit->parameters[i].name, 0, 128)));
        }
    }
    return STATUS_OK;
}

/* *chosen becomes true for `other`, false for `usual` or when the member is absent. */
static enum status parse_choice(struct json input, const char *name, const char *usual,
                                const char *other, bool *chosen, struct error *error)
{
    struct slice text = SLICE_NONE;
    enum status status = json_find_text(input, name, 0, &text, error);
    *chosen = text.data && slice_equals_text(text, other);
    if (status == STATUS_OK && text.data && !*chosen && !slice_equals_text(text, usual)) {
        status = error_set(error, STATUS_REJECTED, "%s must be %s or %s", name, usual, other);
    }
    return status;
}

static enum status parse_options(struct json input, struct data_submit *submit, struct error *error)
{
    enum status status = json_find_bool(input, "WithEvent", &submit->with_event, error);
    if (status == STATUS_OK) {
        status = parse_choice(input, "ResultFormat", "JSON", "CSV", &submit->csv, error);
    }
    if (status == STATUS_OK && submit->batch) {
        status = parse_choice(input, "ExecutionMode", "TRANSACTION", "AUTO_COMMIT",
                              &submit->auto_commit, error);
    }
    if (status == STATUS_OK) {
        status = json_find_int64(input, "SessionKeepAliveSeconds", 0, DATA_KEEP_ALIVE_MAX,
                                 &submit->keep_alive_seconds, error);
    }
    return status == STATUS_OK ? data_parse_wait(input, &submit->wait_seconds, error) : status;
}

static enum status parse_names(struct json input, struct data_submit *submit, struct error *error)
{
    enum status status = json_find_text(input, "StatementName", 2048, &submit->name, error);
    if (status == STATUS_OK) {
        status = json_find_text(input, "ClientToken", 64, &submit->token, error);
    }
    if (status == STATUS_OK && submit->token.data && submit->token.size == 0) {
        status = error_set(error, STATUS_REJECTED, "ClientToken must have 1 to 64 characters");
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "Database", 0, &submit->database, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(input, "DbUser", 0, &submit->db_user, error);
    }
    return status == STATUS_OK ? json_find_text(input, "SecretArn", 0, &submit->secret_arn, error)
                               : status;
}

/* A session says by itself where its statements run. */
static enum status parse_place(struct json input, struct data_submit *submit, struct error *error)
{
    bool in_session = json_exists(json_member(input, "SessionId"));
    enum status status =
        data_parse_target(input, !in_session, &submit->cluster, &submit->workgroup, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!in_session) {
        return submit->database.size > 0
                   ? STATUS_OK
                   : error_set(error, STATUS_REJECTED, "Database must be given");
    }
    if (submit->cluster.data || submit->workgroup.data || submit->database.data ||
        submit->db_user.data || submit->secret_arn.data) {
        return error_set(error, STATUS_REJECTED,
                         "ClusterIdentifier, WorkgroupName, Database, DbUser and SecretArn cannot "
                         "be used with SessionId");
    }
    return data_parse_id(input, "SessionId", false, &submit->session_id, error);
}

enum status data_submit_parse(const struct local_call *call, struct data_submit *submit,
                              struct error *error)
{
    *submit = (struct data_submit){
        .batch = slice_equals_text(call->operation, "BatchExecuteStatement"),
        .keep_alive_seconds = DATA_KEEP_ALIVE_NONE,
    };
    enum status status = parse_sql(call->input, submit, error);
    if (status == STATUS_OK) {
        status = parse_names(call->input, submit, error);
    }
    if (status == STATUS_OK) {
        status = parse_place(call->input, submit, error);
    }
    if (status == STATUS_OK) {
        status = parse_options(call->input, submit, error);
    }
    if (status == STATUS_OK) {
        status = parse_parameters(call, submit, error);
    }
    return status == STATUS_OK ? check_parameters(submit, error) : status;
}
