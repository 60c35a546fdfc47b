/* The statement axis: beginning attempts, what the Data API answers, endings, cancelling. */
#include "tracker/lifecycle_core.h"

#include <string.h>

#define SUBMIT_BACKOFF_BASE_MS  1000
#define CAPACITY_BACKOFF_MAX_MS (120 * 1000LL)
#define LOOK_BACKOFF_BASE_MS    1000
#define LOOK_BACKOFF_MAX_MS     (60 * 1000LL)
#define CANCEL_LOOK_BASE_MS     2000
#define OVERDUE_MAX_MS          (900 * 1000LL)

/* ---- Small steps ---- */

static void set_text(char *out, size_t out_bytes, struct slice text)
{
    struct slice cut = slice_cut_utf8(text, out_bytes - 1);
    if (cut.size > 0) {
        memcpy(out, cut.data, cut.size);
    }
    out[cut.size] = '\0';
}

static void set_statement_id(struct core *core, struct slice id)
{
    if (id.size > 0 && core->next->statement_id[0] == '\0') {
        set_text(core->next->statement_id, sizeof(core->next->statement_id), id);
    }
}

void core_keep_error(struct core *core, struct slice type, struct slice text)
{
    if (type.size > 0) {
        set_text(core->next->error_type, sizeof(core->next->error_type), type);
    }
    if (text.size > 0) {
        core->next->error_text = slice_cut_utf8(text, INVOCATION_ERROR_TEXT_MAX_BYTES);
    }
}

static bool current_attempt(const struct core *core)
{
    return core->stimulus->step == core->next->step &&
           core->stimulus->attempt == core->next->attempt;
}

static bool in_flight(const struct core *core)
{
    enum statement_state statement = core->next->statement;
    return statement == STATEMENT_SUBMITTING || statement == STATEMENT_RUNNING ||
           statement == STATEMENT_CANCELLING;
}

static const struct plan_step *current_step(const struct core *core)
{
    return &core->plan->steps[core->next->step - 1];
}

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

/* ---- Beginning an attempt ------------------------------------------------------------------- */

void core_begin_attempt(struct core *core)
{
    struct state *next = core->next;
    core_move_statement(core, STATEMENT_SUBMITTING);
    next->statement_id[0] = '\0';
    next->doubt_since_ms = core->now_ms;
    next->last_send_ms = core->now_ms;
    next->sends = 1;
    next->refused_for_good = false;
    next->no_wait = false;
    next->seen = ENDING_NONE;
    next->gather_until_ms = 0;
    core_act_on_statement(core, ACTION_SUBMIT);
}

void core_repeat_submit(struct core *core)
{
    core->next->last_send_ms = core->now_ms;
    core->next->sends++;
    core_act_on_statement(core, ACTION_SUBMIT);
}

static void now_running(struct core *core, struct slice statement_id)
{
    struct state *next = core->next;
    set_statement_id(core, statement_id);
    next->doubt_since_ms = 0;
    next->tries = 0;
    if (next->statement == STATEMENT_CANCELLING) {
        core_act_on_statement(core, ACTION_CANCEL);
        return;
    }
    core_move_statement(core, STATEMENT_RUNNING);
    next->statement_at_ms = core->now_ms + core->policy->overdue_ms;
    if (core->plan->heartbeat_seconds > 0 && next->heartbeat_at_ms == 0) {
        next->heartbeat_at_ms = core->now_ms + core->plan->heartbeat_seconds * 1000;
    }
}

/* ---- Ending --------------------------------------------------------------------------------- */

/* Is everything here that the reply says? What is missing is gathered from DescribeStatement. */
static bool details_complete(const struct core *core)
{
    const struct state *next = core->next;
    if (next->statement_id[0] == '\0' || core->stimulus->details || next->statement_unknown) {
        return true;
    }
    return next->outcome == OUTCOME_FINISHED && core->plan->output == OUTPUT_EVENT &&
           next->event.size > 0;
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
    if (details_complete(core)) {
        core_add_action(core, ACTION_CHOOSE, 0);
        return;
    }
    if (next->gather_until_ms == 0) {
        next->gather_until_ms = core->now_ms + core->policy->gather_ms;
    }
    next->tries = 0;
    core_act_on_statement(core, ACTION_DESCRIBE);
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
    core_choose_outcome(core, outcome, witness);
}

static bool may_retry(const struct core *core)
{
    return current_step(core)->retriable && core->stimulus->transient &&
           core->next->attempt < core->plan->retry.max_attempts;
}

static void retry_later(struct core *core)
{
    struct state *next = core->next;
    core_move_statement(core, STATEMENT_QUEUED);
    next->statement_at_ms =
        core->now_ms + core_jittered_ms(core, core->plan->retry.base_ms, core->plan->retry.max_ms,
                                        (int64_t)next->attempt - 1);
    next->attempt++;
    next->tries = 0;
    next->statement_id[0] = '\0';
    next->doubt_since_ms = 0;
    next->sends = 0;
    next->seen = ENDING_NONE;
    next->event = SLICE_NONE;
}

/* While cancelling the witnessed ending decides (design.md section 2). */
static enum outcome cancelled_outcome(const struct core *core, enum ending ending)
{
    if (ending == ENDING_FINISHED && core->next->step == core->plan->step_count) {
        return OUTCOME_FINISHED;
    }
    if (ending == ENDING_FAILED && !may_retry(core)) {
        return OUTCOME_FAILED;
    }
    return core->next->cancel_cause;
}

/* The current attempt is known to have ended. */
static void end_attempt(struct core *core, enum ending ending, enum witness witness)
{
    struct state *next = core->next;
    set_statement_id(core, core->stimulus->statement_id);
    record_result(core, ending);
    core_keep_error(core, core->stimulus->error_type, core->stimulus->error_text);
    if (core->stimulus->event.size > 0 &&
        core->stimulus->event.size <= INVOCATION_EVENT_MAX_BYTES) {
        next->event = core->stimulus->event;
    }
    if (next->statement == STATEMENT_CANCELLING) {
        core_end_statement(core, STATEMENT_ENDED, cancelled_outcome(core, ending), witness);
        return;
    }
    if (ending == ENDING_FINISHED && next->step < core->plan->step_count) {
        next->step++;
        next->attempt = 1;
        next->tries = 0;
        next->event = SLICE_NONE;
        core_begin_attempt(core);
        return;
    }
    if (ending == ENDING_FAILED && may_retry(core)) {
        retry_later(core);
        return;
    }
    enum outcome outcome = ending == ENDING_FINISHED ? OUTCOME_FINISHED
                           : ending == ENDING_FAILED ? OUTCOME_FAILED
                                                     : OUTCOME_ABORTED;
    core_end_statement(core, STATEMENT_ENDED, outcome, witness);
}

/* A failure of a step that may be retried has to be classified by its text before it counts. */
static bool wants_text(const struct core *core, enum ending ending)
{
    return ending == ENDING_FAILED && !core->stimulus->details && current_step(core)->retriable &&
           core->next->attempt < core->plan->retry.max_attempts;
}

static void witness_ending(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    if (!wants_text(core, stimulus->ending)) {
        end_attempt(core, stimulus->ending, stimulus->witness);
        return;
    }
    if (next->seen != ENDING_NONE) {
        return;
    }
    set_statement_id(core, stimulus->statement_id);
    if (next->statement_id[0] == '\0') {
        end_attempt(core, stimulus->ending, stimulus->witness);
        return;
    }
    next->seen = stimulus->ending;
    next->witness = stimulus->witness;
    next->doubt_since_ms = 0;
    next->gather_until_ms = core->now_ms + core->policy->gather_ms;
    if (stimulus->event.size <= INVOCATION_EVENT_MAX_BYTES) {
        next->event = stimulus->event;
    }
    if (next->statement == STATEMENT_SUBMITTING) {
        core_move_statement(core, STATEMENT_RUNNING);
    }
    core_act_on_statement(core, ACTION_DESCRIBE);
}

/* ---- Cancelling ----------------------------------------------------------------------------- */

void core_cancel(struct core *core, enum outcome cause)
{
    struct state *next = core->next;
    if (next->cancel_cause != OUTCOME_NONE || next->outcome != OUTCOME_NONE) {
        return;
    }
    if (next->statement == STATEMENT_QUEUED || next->statement == STATEMENT_WAITING) {
        next->cancel_cause = cause;
        core_end_statement(core, STATEMENT_ENDED, cause, WITNESS_NONE);
        return;
    }
    next->cancel_cause = cause;
    next->cancelling_since_ms = core->now_ms;
    next->heartbeat_at_ms = 0;
    next->tries = 0;
    core_move_statement(core, STATEMENT_CANCELLING);
    core_act_on_statement(core, next->statement_id[0] != '\0' ? ACTION_CANCEL : ACTION_LIST);
}

/* ---- Answers of the Data API ---------------------------------------------------------------- */

void core_on_submitted(struct core *core)
{
    if (!current_attempt(core) || !in_flight(core) || core->next->seen != ENDING_NONE) {
        return;
    }
    if (core->stimulus->ending != ENDING_NONE) {
        set_statement_id(core, core->stimulus->statement_id);
        witness_ending(core);
    } else if (core->next->statement != STATEMENT_RUNNING) {
        now_running(core, core->stimulus->statement_id);
    }
}

/* A refusal of the attempt's only send is certain: nothing ran. */
static void sole_refusal(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    /* A callback-free request needs its Id at once: the refusal is its reply. */
    bool needs_id_now = next->callback_count == 0 && next->step == 1 && next->attempt == 1;
    bool later = stimulus->refusal == REFUSAL_CAPACITY && !needs_id_now;
    if (next->statement == STATEMENT_CANCELLING) {
        core_end_statement(core, STATEMENT_ENDED, next->cancel_cause, WITNESS_NONE);
        return;
    }
    if (stimulus->refusal == REFUSAL_WAIT && !next->no_wait) {
        next->no_wait = true;
        core_repeat_submit(core);
        next->sends = 1;
        return;
    }
    if (later) {
        core_move_statement(core, STATEMENT_QUEUED);
        next->doubt_since_ms = 0;
        next->sends = 0;
        next->statement_at_ms =
            core->now_ms + core_jittered_ms(core, CAPACITY_BACKOFF_BASE_MS, CAPACITY_BACKOFF_MAX_MS,
                                            next->tries++);
        return;
    }
    core_keep_error(core, stimulus->error_type, stimulus->error_text);
    /* REJECTED says that nothing ran; after a first step that would be untrue. */
    core_end_statement(core, STATEMENT_ENDED,
                       next->step == 1 && next->attempt == 1 ? OUTCOME_REJECTED : OUTCOME_FAILED,
                       WITNESS_SUBMIT);
}

void core_on_submit_refused(struct core *core)
{
    struct state *next = core->next;
    if (!current_attempt(core) || !in_flight(core) || next->statement_id[0] != '\0') {
        return;
    }
    /* Of an earlier send, told late or twice: the later one gets its own answer. */
    if (core->stimulus->sent_at_ms != next->last_send_ms) {
        return;
    }
    if (next->sends == 1) {
        sole_refusal(core);
        return;
    }
    /* An earlier send may have arrived: the refusal of a repeat proves nothing. */
    next->refused_for_good |= core->stimulus->refusal == REFUSAL_PERMANENT;
    next->statement_at_ms = core->now_ms + core_jittered_ms(core, SUBMIT_BACKOFF_BASE_MS,
                                                            CAPACITY_BACKOFF_MAX_MS, next->tries++);
}

void core_on_submit_in_doubt(struct core *core)
{
    struct state *next = core->next;
    if (!current_attempt(core) || !in_flight(core) || next->statement_id[0] != '\0') {
        return;
    }
    if (core->stimulus->statement_id.size > 0) {
        now_running(core, core->stimulus->statement_id);
        if (next->statement == STATEMENT_RUNNING) {
            next->statement_at_ms = core->now_ms + LOOK_BACKOFF_BASE_MS;
        }
        return;
    }
    next->statement_at_ms = core->now_ms + core_jittered_ms(core, SUBMIT_BACKOFF_BASE_MS,
                                                            LOOK_BACKOFF_MAX_MS, next->tries++);
}

void core_on_event(struct core *core)
{
    if (current_attempt(core) && in_flight(core)) {
        witness_ending(core);
    }
}

static void still_alive(struct core *core)
{
    struct state *next = core->next;
    if (next->statement == STATEMENT_CANCELLING) {
        core_act_on_statement(core, ACTION_CANCEL);
        return;
    }
    next->tries = 0;
    /* Early for short statements, backing off for long ones. */
    int64_t wait_ms = (core->now_ms - next->last_send_ms) / 2;
    if (wait_ms > OVERDUE_MAX_MS) {
        wait_ms = OVERDUE_MAX_MS;
    }
    if (wait_ms < core->policy->overdue_ms) {
        wait_ms = core->policy->overdue_ms;
    }
    next->statement_at_ms = core->now_ms + wait_ms;
}

static void look_again_later(struct core *core)
{
    struct state *next = core->next;
    next->statement_at_ms = core->now_ms + core_jittered_ms(core, LOOK_BACKOFF_BASE_MS,
                                                            LOOK_BACKOFF_MAX_MS, next->tries++);
}

static void never_learned(struct core *core)
{
    enum outcome cause = core->next->cancel_cause;
    core_end_statement(core, STATEMENT_UNKNOWN, cause != OUTCOME_NONE ? cause : OUTCOME_EXPIRED,
                       WITNESS_NONE);
}

/* The last resort: a look long after the longest life of a statement that brought no ending. Not
 * before that look, since all processes may have been away for a day. */
static bool look_was_the_last(struct core *core)
{
    if (core->now_ms - core->next->last_send_ms < LIFECYCLE_EXPIRE_MS) {
        return false;
    }
    never_learned(core);
    return true;
}

/* A failure was witnessed and its text was asked for in vain: after a while the ending counts
 * without it. */
static void text_missing(struct core *core)
{
    if (core->now_ms >= core->next->gather_until_ms) {
        end_attempt(core, core->next->seen, core->next->witness);
    } else {
        look_again_later(core);
    }
}

/* The statement has ended and its details were asked for. */
static void gathered(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    if (next->reply_digest[0] != '\0') {
        return;
    }
    /* Describe may lag behind the event; a statement it does not know is no use asking again. */
    bool behind = stimulus->kind == STIMULUS_LOOK_FAILED ||
                  (stimulus->ending == ENDING_NONE && !stimulus->not_found);
    if (behind && core->now_ms < next->gather_until_ms) {
        look_again_later(core);
        return;
    }
    complete_result(core);
    core_keep_error(core, SLICE_NONE, stimulus->error_text);
    next->statement_at_ms = 0;
    core_add_action(core, ACTION_CHOOSE, 0);
}

void core_on_described(struct core *core)
{
    struct state *next = core->next;
    if (!current_attempt(core)) {
        return;
    }
    if (lifecycle_statement_final(next->statement)) {
        gathered(core);
        return;
    }
    if (!in_flight(core)) {
        return;
    }
    if (core->stimulus->ending != ENDING_NONE) {
        end_attempt(core, core->stimulus->ending,
                    next->seen != ENDING_NONE ? next->witness : core->stimulus->witness);
    } else if (next->seen != ENDING_NONE) {
        text_missing(core);
    } else if (look_was_the_last(core)) {
        return;
    } else if (core->stimulus->not_found) {
        look_again_later(core);
    } else {
        still_alive(core);
    }
}

void core_on_look_failed(struct core *core)
{
    struct state *next = core->next;
    if (!current_attempt(core)) {
        return;
    }
    if (lifecycle_statement_final(next->statement)) {
        gathered(core);
    } else if (in_flight(core) && next->seen != ENDING_NONE) {
        text_missing(core);
    } else if (in_flight(core) && !look_was_the_last(core)) {
        look_again_later(core);
    }
}

void core_on_listed(struct core *core)
{
    struct state *next = core->next;
    if (!current_attempt(core) || !in_flight(core) || next->statement_id[0] != '\0') {
        return;
    }
    if (core->stimulus->found) {
        now_running(core, core->stimulus->statement_id);
        if (next->statement == STATEMENT_RUNNING) {
            core_act_on_statement(core, ACTION_DESCRIBE);
        }
        return;
    }
    if (core->now_ms - next->last_send_ms < LIFECYCLE_ABSENT_MS) {
        look_again_later(core);
        return;
    }
    never_learned(core);
}

void core_on_cancel_answered(struct core *core)
{
    if (!current_attempt(core) || core->next->statement != STATEMENT_CANCELLING) {
        return;
    }
    /* One that cannot be stopped is asked less and less often. */
    bool sent = core->stimulus->kind == STIMULUS_CANCEL_SENT;
    core->next->statement_at_ms =
        core->now_ms + core_jittered_ms(core, sent ? CANCEL_LOOK_BASE_MS : LOOK_BACKOFF_BASE_MS,
                                        LOOK_BACKOFF_MAX_MS, core->next->tries++);
}
