#include "invoker/submit.h"

#include "invoker/admission.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/metrics.h"

#include <string.h>

/* A step's own, or the plan's. */
static void fill_parameters(struct arena *arena, const struct plan *plan,
                            const struct plan_step *step, struct redshift_data_submit *submit)
{
    const bool own = step->parameter_count > 0;
    const struct plan_parameter *given = own ? step->parameters : plan->parameters;
    const size_t count = own ? step->parameter_count : plan->parameter_count;
    struct redshift_data_parameter *parameters =
        ARENA_ARRAY(arena, count, struct redshift_data_parameter);
    for (size_t i = 0; i < count; i++) {
        parameters[i].name = given[i].name;
        parameters[i].value = given[i].value;
    }
    submit->parameters = parameters;
    submit->parameter_count = count;
}

/* Where a step runs: the session that the first one has opened goes before everything else. */
static struct plan_target target_of(const struct plan *plan, const struct state *state)
{
    const struct plan_step *step = &plan->steps[state->step - 1];
    const bool opened = plan->session_keep_alive_seconds >= 0 && state->step > 1;
    if (step->target != NULL) {
        return *step->target;
    }
    if (opened && state->session_id[0] != '\0') {
        return (struct plan_target){.session_id = slice_from_text(state->session_id)};
    }
    return plan->target;
}

static void fill_submit(struct arena *arena, const struct plan *plan, const struct state *state,
                        struct redshift_data_submit *submit)
{
    const struct plan_step *step = &plan->steps[state->step - 1];
    const struct plan_target target = target_of(plan, state);
    char *token = arena_alloc(arena, SHA256_HEX_BYTES + 1);
    *submit = (struct redshift_data_submit){
        .sqls = step->sqls,
        .sql_count = step->sql_count,
        .batch = step->batch,
        .auto_commit = step->auto_commit,
        .cluster_identifier = target.cluster_identifier,
        .workgroup_name = target.workgroup_name,
        .secret_arn = target.secret_arn,
        .db_user = target.db_user,
        .database = target.database,
        .session_id = target.session_id,
        .session_keep_alive_seconds = plan->session_keep_alive_seconds,
        .statement_name = invocation_statement_name(arena, plan, state->step, state->attempt),
        .wait_seconds = state->no_wait ? 0 : plan->wait_seconds,
        .with_event = true,
    };
    fill_parameters(arena, plan, step, submit);
    invocation_client_token(submit->statement_name, token);
    submit->client_token = slice_from_text(token);
}

/* ---- Admission ------------------------------------------------------------------------------ */

static struct admission_key key_of(const struct work *work)
{
    const struct plan *plan = &work->record.plan;
    const struct state *state = &work->record.state;
    /* By the time of an answer the record may be another one, and its steps may be gone. */
    if (state->step > plan->step_count) {
        return admission_key_of(plan, &plan->target, PACE_EXECUTE_STATEMENT);
    }
    const struct plan_step *step = &plan->steps[state->step - 1];
    const struct plan_target target = target_of(plan, state);
    return admission_key_of(plan, &target,
                            step->batch || step->sql_count > 1 ? PACE_BATCH_EXECUTE_STATEMENT
                                                               : PACE_EXECUTE_STATEMENT);
}

/* When it is its turn, if it is to be queued at all. */
static int64_t turn_of(const struct dispatch *dispatch, const struct work *work, double unit)
{
    if (dispatch->admission == NULL || lifecycle_needs_id_now(&work->record.state)) {
        return 0;
    }
    const struct admission_key key = key_of(work);
    metrics_add(METRIC_SUBMITS_QUEUED, 1);
    return admission_queue(dispatch->admission, &key, clock_monotonic_ms(dispatch->clock), unit);
}

static void refuse(struct dispatch *dispatch, struct work *work, enum refusal refusal,
                   const char *type, const char *text, struct stimulus *stimulus)
{
    struct arena *arena = dispatch->arena;
    stimulus->kind = STIMULUS_SUBMIT_REFUSED;
    stimulus->refusal = refusal;
    stimulus->error_type = arena_copy(arena, slice_from_text(type));
    stimulus->error_text = arena_copy(arena, slice_from_text(text));
    stimulus->later_ms = refusal == REFUSAL_CAPACITY ? turn_of(dispatch, work, stimulus->unit) : 0;
    work->submit_refused = true;
    work->submit_refusal = refusal;
    work->submit_error_text = stimulus->error_text;
    memcpy(work->submit_error_type, type, strnlen(type, sizeof(work->submit_error_type) - 1) + 1);
}

/* False: the target is known to be full, and nothing is sent. */
static bool admit(struct dispatch *dispatch, struct work *work, struct aws_call *call,
                  struct stimulus *stimulus)
{
    if (dispatch->admission == NULL) {
        return true;
    }
    const struct admission_key key = key_of(work);
    if (admission_ask(dispatch->admission, &key, clock_monotonic_ms(dispatch->clock),
                      &call->pace_wait_ms)) {
        return true;
    }
    refuse(dispatch, work, REFUSAL_CAPACITY, "", "not sent: the cluster or workgroup is full",
           stimulus);
    return false;
}

static bool build_submit(struct dispatch *dispatch, struct work *work, const struct action *action,
                         struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    void *context = call->context;
    struct redshift_data_submit submit;
    if (!admit(dispatch, work, call, stimulus)) {
        return false;
    }
    fill_submit(dispatch->arena, &work->record.plan, &work->record.state, &submit);
    redshift_data_build_submit(dispatch->arena, &submit, call);
    call->context = context;
    /* Never signed again without a new commit, and with the time of this one: a stalled request
     * dies with its signature, wherever it was stalled. */
    call->max_attempts = 1;
    call->date_ms = dispatch->now_ms;
    call->timeout_ms = DISPATCH_EXCHANGE_MS;
    return true;
}

/* ---- Answers -------------------------------------------------------------------------------- */

static bool has_name(const struct aws_call *call, const char *name)
{
    return strcmp(call->error_name, name) == 0;
}

/* A failure while starting, or of the service itself: the statement may run, whatever the code. */
static bool is_doubtful(const struct aws_call *call)
{
    return has_name(call, "ExecuteStatementException") ||
           has_name(call, "BatchExecuteStatementException") ||
           has_name(call, "InternalServerException");
}

/* What a cluster that is paused, or just coming back, is refused with is not documented: a refusal
 * for good that speaks of a cluster or workgroup and says so. Whoever is wrongly taken for one of
 * them waits until his deadline instead of being told at once, hence the narrow words. */
static bool is_asleep(const struct aws_call *call)
{
    static const char *const places[] = {"cluster", "workgroup"};
    static const char *const states[] = {"paus", "resuming", "is not available",
                                         "not in the available state", "is being resumed"};
    bool of_place = false;
    bool asleep = false;
    for (size_t i = 0; i < ARRAY_COUNT(places); i++) {
        of_place |= strcasestr(call->error_message, places[i]) != NULL;
    }
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        asleep |= strcasestr(call->error_message, states[i]) != NULL;
    }
    return has_name(call, "ValidationException") && of_place && asleep;
}

static bool target_is_full(const struct aws_call *call)
{
    return has_name(call, "ActiveStatementsExceededException") ||
           has_name(call, "ActiveSessionsExceededException") || is_asleep(call);
}

bool submit_was_refused(const struct aws_call *call)
{
    if (call->held_back) {
        return true;
    }
    if (is_doubtful(call)) {
        return false;
    }
    if (call->status == STATUS_REJECTED || call->status == STATUS_NOT_FOUND) {
        return true;
    }
    /* Throttled or full, and said so. Without an HTTP answer nothing is known for sure. */
    return call->status == STATUS_RETRY && call->code >= 400 && call->code < 500;
}

enum refusal submit_classify_refusal(const struct aws_call *call)
{
    if (has_name(call, "ActiveWaitingRequestsExceededException") ||
        (has_name(call, "ValidationException") &&
         strstr(call->error_message, "WaitTimeSeconds") != NULL)) {
        return REFUSAL_WAIT;
    }
    if (call->status == STATUS_RETRY || call->throttled || target_is_full(call) ||
        has_name(call, "ExpiredTokenException") || has_name(call, "ExpiredToken")) {
        return REFUSAL_CAPACITY;
    }
    return REFUSAL_PERMANENT;
}

enum ending submit_ending(enum redshift_data_status status)
{
    switch (status) {
    case REDSHIFT_DATA_FINISHED: return ENDING_FINISHED;
    case REDSHIFT_DATA_FAILED: return ENDING_FAILED;
    case REDSHIFT_DATA_ABORTED: return ENDING_ABORTED;
    case REDSHIFT_DATA_UNKNOWN:
    case REDSHIFT_DATA_SUBMITTED:
    case REDSHIFT_DATA_PICKED:
    case REDSHIFT_DATA_STARTED: return ENDING_NONE;
    }
    return ENDING_NONE;
}

/* Only a wait that was sent can be left out; otherwise the same would be sent for ever. */
static enum refusal refusal_of(const struct work *work, const struct aws_call *call)
{
    enum refusal refusal = submit_classify_refusal(call);
    bool waited = work->record.plan.wait_seconds > 0 && !work->record.state.no_wait;
    if (refusal != REFUSAL_WAIT || waited) {
        return refusal;
    }
    return call->status == STATUS_RETRY ? REFUSAL_CAPACITY : REFUSAL_PERMANENT;
}

static void read_refusal(struct dispatch *dispatch, struct work *work, const struct aws_call *call,
                         struct stimulus *stimulus)
{
    const struct admission_key key = key_of(work);
    if (!call->held_back) {
        metrics_add(METRIC_SUBMITS_REFUSED, 1);
    }
    if (target_is_full(call)) {
        metrics_add(METRIC_TARGETS_FULL, 1);
        if (dispatch->admission != NULL) {
            admission_full(dispatch->admission, &key, clock_monotonic_ms(dispatch->clock));
        }
    }
    refuse(dispatch, work, refusal_of(work, call), call->error_name, call->error_message, stimulus);
}

static void note_taken(const struct dispatch *dispatch, const struct work *work)
{
    if (dispatch->admission != NULL) {
        const struct admission_key key = key_of(work);
        admission_taken(dispatch->admission, &key, clock_monotonic_ms(dispatch->clock));
    }
    metrics_add(METRIC_STATEMENTS_SUBMITTED, 1);
}

static void read_submit(struct dispatch *dispatch, struct work *work, const struct action *action,
                        const struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    struct redshift_data_submitted submitted;
    if (submit_was_refused(call)) {
        read_refusal(dispatch, work, call, stimulus);
        return;
    }
    if (call->status != STATUS_OK ||
        redshift_data_read_submit(dispatch->arena, call, &submitted, NULL) != STATUS_OK) {
        stimulus->kind = STIMULUS_SUBMIT_IN_DOUBT;
        stimulus->statement_id = redshift_data_error_statement_id(dispatch->arena, call);
        metrics_add(METRIC_SUBMITS_IN_DOUBT, 1);
        return;
    }
    stimulus->kind = STIMULUS_SUBMITTED;
    stimulus->statement_id = submitted.id;
    stimulus->session_id = submitted.session_id;
    stimulus->ending = submit_ending(submitted.status);
    stimulus->witness = WITNESS_SUBMIT;
    if (work->submit_document.data == NULL) {
        work->submit_document = submitted.document;
    }
    work->submit_refused = false;
    note_taken(dispatch, work);
}

const struct action_handler submit_handler = {.build = build_submit, .read = read_submit};
