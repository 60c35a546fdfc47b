/* Where the database is: an object with exactly one way, or the name of a target. */
#include "invoker/request.h"

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
