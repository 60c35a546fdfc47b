#include "invoker/plan_steps.h"

#include "invoker/sql_script.h"

#include "infra/aws/redshift_data.h"

/* Whether a failure that the retry speaks of may be followed by another attempt. */
static bool step_retriable(const struct plan *plan, const struct plan_step *step)
{
    const struct plan_retry *retry = step->retry != NULL ? step->retry : &plan->retry;
    const struct plan_target *target = step->target != NULL ? step->target : &plan->target;
    /* What was started elsewhere can only be watched. */
    if (step->sql_count == 0) {
        return false;
    }
    /* Who says which errors are to be tried again knows that it may be done. */
    if (retry->error_match.size > 0) {
        return true;
    }
    bool session = target->session_id.size > 0 || plan->session_keep_alive_seconds >= 0;
    bool retriable = !session && !step->auto_commit;
    for (size_t i = 0; i < step->sql_count && retriable; i++) {
        retriable = !sql_runs_once_only(step->sqls[i]) &&
                    !(step->sql_count > 1 && sql_commits(step->sqls[i]));
    }
    return retriable;
}

static void lay_statements(struct arena *arena, const struct request *request, struct plan *plan)
{
    const bool batch = request->mode != REQUEST_SEQUENCE;
    const size_t size = batch ? REDSHIFT_DATA_BATCH_MAX : 1;
    plan->step_count = (request->sql_count + size - 1) / size;
    plan->steps = ARENA_ARRAY(arena, plan->step_count, struct plan_step);
    for (size_t i = 0; i < plan->step_count; i++) {
        struct plan_step *step = &plan->steps[i];
        const size_t rest = request->sql_count - i * size;
        step->sqls = &request->sqls[i * size];
        step->sql_count = rest < size ? rest : size;
        step->batch = batch;
        step->auto_commit = request->mode == REQUEST_AUTO_COMMIT;
        step->keep_going = step->auto_commit;
        step->retriable = step_retriable(plan, step);
    }
}

/* ---- Queries -------------------------------------------------------------------------------- */

static void fill_in(struct slice *text, struct slice other)
{
    if (text->size == 0) {
        *text = other;
    }
}

/* What a query does not say itself is the plan's, as far as it goes with what the query says: a
 * session stands alone, a secret belongs to the place it was told with, a user to clusters. */
static struct plan_target merge_target(const struct plan_target *own,
                                       const struct plan_target *other)
{
    struct plan_target merged = *own;
    const bool elsewhere = own->cluster_identifier.size > 0 || own->workgroup_name.size > 0;
    if (own->session_id.size > 0) {
        return merged;
    }
    if (!elsewhere) {
        merged.cluster_identifier = other->cluster_identifier;
        merged.workgroup_name = other->workgroup_name;
        merged.session_id = other->session_id;
    }
    fill_in(&merged.database, other->database);
    if (!elsewhere && own->db_user.size == 0) {
        fill_in(&merged.secret_arn, other->secret_arn);
    }
    if (merged.cluster_identifier.size > 0 && merged.secret_arn.size == 0) {
        fill_in(&merged.db_user, other->db_user);
    }
    return merged;
}

static bool says_nothing(const struct plan_target *target)
{
    return target->cluster_identifier.size == 0 && target->workgroup_name.size == 0 &&
           target->database.size == 0 && target->db_user.size == 0 &&
           target->secret_arn.size == 0 && target->session_id.size == 0;
}

MUST_CHECK static enum status set_target(struct arena *arena, const struct request_query *query,
                                         const char *path, const struct plan *plan,
                                         struct plan_step *step, struct error *error)
{
    const bool any = !says_nothing(&plan->target);
    if (step->sql_count == 0 || (says_nothing(&query->target) && any)) {
        return STATUS_OK;
    }
    struct plan_target *target = ARENA_NEW(arena, struct plan_target);
    *target = merge_target(&query->target, &plan->target);
    step->target = target;
    return request_check_target(target, path, error);
}

MUST_CHECK static enum status lay_queries(struct arena *arena, const struct request *request,
                                          struct plan *plan, struct error *error)
{
    enum status status = STATUS_OK;
    plan->step_count = request->query_count;
    plan->steps = ARENA_ARRAY(arena, plan->step_count, struct plan_step);
    for (size_t i = 0; i < plan->step_count && status == STATUS_OK; i++) {
        const struct request_query *query = &request->queries[i];
        struct plan_step *step = &plan->steps[i];
        const char *path = arena_format(arena, "queries[%zu]", i);
        step->sqls = &query->sql;
        step->sql_count = query->sql.size > 0 ? 1 : 0;
        step->attach_id = query->attach_id;
        step->retry = query->retry.max_attempts > 0 ? &query->retry : NULL;
        step->parameters = query->parameters;
        step->parameter_count = query->parameter_count;
        step->item = query->item;
        status = set_target(arena, query, path, plan, step, error);
        step->retriable = step_retriable(plan, step);
    }
    return status;
}

/* ---- All ------------------------------------------------------------------------------------ */

static struct slice step_session(const struct plan *plan, size_t index)
{
    const struct plan_step *step = &plan->steps[index];
    if (step->sql_count == 0) {
        return SLICE_NONE;
    }
    return step->target != NULL ? step->target->session_id : plan->target.session_id;
}

struct slice plan_session(const struct plan *plan)
{
    for (size_t i = 0; i < plan->step_count; i++) {
        if (step_session(plan, i).size > 0) {
            return step_session(plan, i);
        }
    }
    return SLICE_NONE;
}

enum status plan_lay_steps(struct arena *arena, const struct request *request, struct plan *plan,
                           struct error *error)
{
    if (request->query_count == 0) {
        lay_statements(arena, request, plan);
        return STATUS_OK;
    }
    enum status status = lay_queries(arena, request, plan, error);
    const struct slice session = plan_session(plan);
    for (size_t i = 0; i < plan->step_count && status == STATUS_OK; i++) {
        const struct slice other = step_session(plan, i);
        if (other.size > 0 && !slice_equals(other, session)) {
            status = error_set(error, STATUS_REJECTED,
                               "queries: may speak of one session only, got another in [%zu]", i);
        }
    }
    return status;
}
