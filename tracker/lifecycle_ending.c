/* How attempts end: what follows from an ending, retries, expectations, gathering the details. */
#include "tracker/lifecycle_core.h"

#include "infra/base/backoff.h"

#include <inttypes.h>
#include <string.h>

/* Details are worth waiting for, but not longer than the caller does. */
static int64_t gather_until_ms(const struct core *core)
{
    const int64_t until_ms = core->now_ms + core->policy->gather_ms;
    const int64_t answer_by_ms = core->plan->answer_by_ms;
    return answer_by_ms > 0 && answer_by_ms < until_ms ? answer_by_ms : until_ms;
}

/* ---- Results of the steps ------------------------------------------------------------------- */

static void record_result(struct core *core, enum ending ending)
{
    struct state *next = core->next;
    struct step_result *results =
        ARENA_ARRAY(core->arena, next->result_count + 1, struct step_result);
    if (next->result_count > 0) {
        memcpy(results, next->results, next->result_count * sizeof(*results));
    }
    struct step_result *result = &results[next->result_count];
    *result = (struct step_result){
        .step = next->step,
        .attempt = next->attempt,
        .ending = ending,
        .rows = core->stimulus->rows,
        .duration_ms = core->stimulus->duration_ms,
    };
    memcpy(result->statement_id, next->statement_id, sizeof(result->statement_id));
    next->results = results;
    next->result_count++;
}

/* Details that arrive after the ending was recorded (Describe tells more than the event). */
static void complete_result(struct core *core)
{
    struct state *next = core->next;
    if (next->result_count == 0) {
        return;
    }
    struct step_result *results = ARENA_ARRAY(core->arena, next->result_count, struct step_result);
    memcpy(results, next->results, next->result_count * sizeof(*results));
    struct step_result *last = &results[next->result_count - 1];
    if (last->rows < 0) {
        last->rows = core->stimulus->rows;
    }
    if (last->duration_ms < 0) {
        last->duration_ms = core->stimulus->duration_ms;
    }
    next->results = results;
}

/* ---- The outcome ---------------------------------------------------------------------------- */

bool core_wants_gather(const struct core *core)
{
    const struct plan *plan = core->plan;
    const struct state *next = core->next;
    bool wanted = plan->result.mode != PLAN_RESULT_NONE || plan->output == OUTPUT_QUERIES ||
                  (plan->resource != NULL && plan->resource->data_count > 0);
    return wanted && next->outcome == OUTCOME_FINISHED && next->statement_id[0] != '\0';
}

/* The statement itself has gone well; a FAILED then is ours, and its text is known. */
static bool ended_well(const struct state *state)
{
    return state->result_count > 0 &&
           state->results[state->result_count - 1].ending == ENDING_FINISHED;
}

/* Is everything here that the reply says? What is missing is gathered from DescribeStatement. */
static bool details_complete(const struct core *core)
{
    const struct state *next = core->next;
    if (next->statement_id[0] == '\0' || core->stimulus->details || next->statement_unknown) {
        return true;
    }
    return (next->outcome == OUTCOME_FINISHED || ended_well(next)) &&
           core->plan->output == OUTPUT_EVENT && next->event.size > 0;
}

/* The first committed outcome is final. */
void core_choose_outcome(struct core *core, enum outcome outcome, enum witness witness)
{
    struct state *next = core->next;
    if (next->outcome != OUTCOME_NONE) {
        return;
    }
    next->outcome = outcome;
    next->witness = witness;
    next->heartbeat_at_ms = 0;
    const bool gather = core_wants_gather(core);
    if (!gather && details_complete(core)) {
        core_add_action(core, ACTION_CHOOSE, 0);
        return;
    }
    if (gather || next->gather_until_ms == 0) {
        next->gather_until_ms = gather_until_ms(core);
    }
    next->tries = 0;
    core_act_on_statement(core, gather ? ACTION_GATHER : ACTION_DESCRIBE);
}

void core_end_statement(struct core *core, enum statement_state final, enum outcome outcome,
                        enum witness witness)
{
    struct state *next = core->next;
    core_move_statement(core, final);
    next->ended_at_ms = core->now_ms;
    next->doubt_since_ms = 0;
    next->statement_at_ms = 0;
    next->heartbeat_at_ms = 0;
    next->statement_unknown = final == STATEMENT_UNKNOWN;
    core_release_lock(core);
    core_choose_outcome(core, outcome, witness);
}

/* ---- Retries -------------------------------------------------------------------------------- */

static const struct plan_retry *retry_of(const struct core *core)
{
    const struct plan_step *step = core_step(core);
    return step->retry != NULL ? step->retry : &core->plan->retry;
}

/* A statement that is only watched cannot be sent again, unless its SQL is known too. */
static bool retry_left(const struct core *core)
{
    const struct plan_step *step = core_step(core);
    return step->retriable && step->sql_count > 0 &&
           core->next->attempt < retry_of(core)->max_attempts;
}

static bool may_retry(const struct core *core)
{
    return core->stimulus->transient && retry_left(core);
}

/* Decorrelated jitter: each pause is drawn between base and three times the one before. */
static void retry_later(struct core *core)
{
    const struct plan_retry *retry = retry_of(core);
    struct state *next = core->next;
    core_move_statement(core, STATEMENT_QUEUED);
    next->pause_ms = backoff_decorrelated_ms(retry->base_ms, retry->max_ms, next->pause_ms,
                                             core->stimulus->unit);
    next->statement_at_ms = core->now_ms + next->pause_ms;
    next->attempt++;
    next->tries = 0;
    next->statement_id[0] = '\0';
    next->doubt_since_ms = 0;
    next->sends = 0;
    next->seen = ENDING_NONE;
    next->event = SLICE_NONE;
    core_forget_error(core);
}

/* ---- What follows from an ending ------------------------------------------------------------ */

static bool expects_rows(const struct plan *plan)
{
    return plan->expect_min_rows >= 0 || plan->expect_max_rows >= 0;
}

static bool last_step(const struct core *core)
{
    return core->next->step >= core->plan->step_count;
}

/* What the rows of the last step break; absent: nothing. */
static struct slice broken_expectation(const struct core *core)
{
    const struct plan *plan = core->plan;
    const int64_t rows = core->stimulus->rows;
    const char *text = NULL;
    if (expects_rows(plan) && rows < 0) {
        text = "expect: the number of rows is not known";
    } else if (plan->expect_min_rows >= 0 && rows < plan->expect_min_rows) {
        text = arena_format(core->arena,
                            "expect.minRows: %" PRId64 " rows, at least %" PRId64 " are expected",
                            rows, plan->expect_min_rows);
    } else if (plan->expect_max_rows >= 0 && rows > plan->expect_max_rows) {
        text = arena_format(core->arena,
                            "expect.maxRows: %" PRId64 " rows, at most %" PRId64 " are expected",
                            rows, plan->expect_max_rows);
    }
    return text != NULL ? slice_from_text(text) : SLICE_NONE;
}

/* Of the FINISHED of the last step. */
static enum outcome finished_outcome(struct core *core)
{
    struct slice broken = broken_expectation(core);
    core_keep_error(core, SLICE_NONE, broken);
    return broken.size > 0 || core->next->step_failed ? OUTCOME_FAILED : OUTCOME_FINISHED;
}

/* While cancelling the witnessed ending decides (design.md section 2). */
static enum outcome cancelled_outcome(struct core *core, enum ending ending)
{
    if (ending == ENDING_FINISHED && last_step(core)) {
        return finished_outcome(core);
    }
    if (ending == ENDING_FAILED && !may_retry(core)) {
        return OUTCOME_FAILED;
    }
    return core->next->cancel_cause;
}

/* A session that the first step opens is where the others run, and is told in the output. */
static bool session_is_missing(const struct core *core)
{
    return core->plan->session_keep_alive_seconds >= 0 && core->next->session_id[0] == '\0';
}

static void begin_next_step(struct core *core, enum witness witness)
{
    struct state *next = core->next;
    if (session_is_missing(core)) {
        core_keep_error(core, SLICE_NONE, SLICE("session: its id is not known"));
        core_end_statement(core, STATEMENT_ENDED, OUTCOME_FAILED, witness);
        return;
    }
    next->step++;
    next->attempt = 1;
    next->tries = 0;
    next->pause_ms = 0;
    next->event = SLICE_NONE;
    core_begin_attempt(core);
}

static void end_failed(struct core *core, enum witness witness)
{
    struct state *next = core->next;
    if (may_retry(core)) {
        retry_later(core);
        return;
    }
    next->step_failed |= core_step(core)->keep_going;
    if (core_step(core)->keep_going && !last_step(core)) {
        begin_next_step(core, witness);
        return;
    }
    core_end_statement(core, STATEMENT_ENDED, OUTCOME_FAILED, witness);
}

/* The current attempt is known to have ended. */
static void end_attempt(struct core *core, enum ending ending, enum witness witness)
{
    struct state *next = core->next;
    core_set_statement_id(core, core->stimulus->statement_id);
    record_result(core, ending);
    core_keep_error(core, core->stimulus->error_type, core->stimulus->error_text);
    if (core->stimulus->event.size > 0 &&
        core->stimulus->event.size <= INVOCATION_EVENT_MAX_BYTES) {
        next->event = core->stimulus->event;
    }
    if (next->statement == STATEMENT_CANCELLING) {
        core_end_statement(core, STATEMENT_ENDED, cancelled_outcome(core, ending), witness);
    } else if (ending == ENDING_FAILED) {
        end_failed(core, witness);
    } else if (ending == ENDING_ABORTED) {
        core_end_statement(core, STATEMENT_ENDED, OUTCOME_ABORTED, witness);
    } else if (!last_step(core)) {
        begin_next_step(core, witness);
    } else {
        core_end_statement(core, STATEMENT_ENDED, finished_outcome(core), witness);
    }
}

/* ---- Witnesses ------------------------------------------------------------------------------ */

/*
 * What an ending needs to be known before it counts: the text of a failure that might be tried
 * again or is passed over, the rows that are expected of the last step, the session that was
 * opened.
 */
static bool wants_details(const struct core *core, enum ending ending)
{
    if (core->stimulus->details) {
        return false;
    }
    if (ending == ENDING_FAILED) {
        return retry_left(core) || core_step(core)->keep_going;
    }
    return ending == ENDING_FINISHED &&
           (session_is_missing(core) ||
            (last_step(core) && expects_rows(core->plan) && core->stimulus->rows < 0));
}

void core_witness_ending(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    if (!wants_details(core, stimulus->ending)) {
        end_attempt(core, stimulus->ending,
                    next->seen != ENDING_NONE ? next->witness : stimulus->witness);
        return;
    }
    if (next->seen != ENDING_NONE) {
        return;
    }
    core_set_statement_id(core, stimulus->statement_id);
    if (next->statement_id[0] == '\0') {
        end_attempt(core, stimulus->ending, stimulus->witness);
        return;
    }
    next->seen = stimulus->ending;
    next->witness = stimulus->witness;
    next->doubt_since_ms = 0;
    next->gather_until_ms = gather_until_ms(core);
    if (stimulus->event.size <= INVOCATION_EVENT_MAX_BYTES) {
        next->event = stimulus->event;
    }
    if (next->statement == STATEMENT_SUBMITTING) {
        core_move_statement(core, STATEMENT_RUNNING);
    }
    core_act_on_statement(core, ACTION_DESCRIBE);
}

/* An ending was witnessed and its details were asked for in vain: after a while it counts without
 * them. */
void core_details_missing(struct core *core)
{
    if (core->now_ms >= core->next->gather_until_ms) {
        end_attempt(core, core->next->seen, core->next->witness);
    } else {
        core_look_again_later(core);
    }
}

/* ---- Gathering ------------------------------------------------------------------------------ */

static void choose_now(struct core *core)
{
    complete_result(core);
    core_keep_error(core, SLICE_NONE, core->stimulus->error_text);
    core->next->statement_at_ms = 0;
    core_add_action(core, ACTION_CHOOSE, 0);
}

/* The statement has ended and its details were asked for. */
void core_on_details(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    if (next->reply_digest[0] != '\0') {
        return;
    }
    /* Describe may lag behind the event; a statement it does not know is no use asking again. */
    bool failed = stimulus->kind == STIMULUS_LOOK_FAILED;
    bool behind = failed || (stimulus->ending == ENDING_NONE && !stimulus->not_found);
    if (core_wants_gather(core) && !failed) {
        return; /* a look from before the ending: more than it tells is wanted */
    }
    if (behind && core->now_ms < next->gather_until_ms) {
        core_look_again_later(core);
        return;
    }
    choose_now(core);
}

void core_on_gathered(struct core *core)
{
    if (core_wants_gather(core) && core->next->reply_digest[0] == '\0') {
        choose_now(core);
    }
}
