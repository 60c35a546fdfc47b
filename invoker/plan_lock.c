#include "invoker/plan_lock.h"

#include "invoker/plan_steps.h"
#include "invoker/sql_script.h"

#include "infra/base/json_writer.h"

#define NAME_MAX_BYTES (4u * 1024)

/* The hex SHA-256 of what the lock is about. A user's key is never taken for another kind. */
static void name_lock(const char *kind, const struct plan_target *target, struct slice key,
                      char name[TRACKER_LOCK_KEY_BYTES + 1])
{
    CLEANUP(buffer_clear) struct buffer text;
    struct json_writer writer;
    buffer_init(&text, NAME_MAX_BYTES);
    json_writer_init(&writer, &text);
    json_begin_object(&writer, NULL);
    if (target != NULL) {
        json_write_text_if(&writer, "cluster", target->cluster_identifier);
        json_write_text_if(&writer, "workgroup", target->workgroup_name);
        json_write_text_if(&writer, "database", target->database);
    }
    json_write_text(&writer, kind, key);
    json_end_object(&writer);
    digest_sha256_hex(buffer_slice(&text), name);
}

void plan_set_lock(const struct request *request, struct plan *plan)
{
    const struct slice session = plan_session(plan);
    if (session.size > 0) {
        name_lock("session", NULL, session, plan->lock_key);
        plan->on_conflict = PLAN_CONFLICT_QUEUE;
    } else if (request->singleton_key.size > 0) {
        name_lock("key", &plan->target, request->singleton_key, plan->lock_key);
    } else if (request->singleton_sql) {
        char sql[SHA256_HEX_BYTES + 1];
        sql_normal_digest(request->sqls[0], sql);
        name_lock("sql", &plan->target, slice_from_text(sql), plan->lock_key);
    }
}
