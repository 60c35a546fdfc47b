/* The statement axis: beginning attempts, cancelling, what the Data API answers. How attempts end
 * is in lifecycle_ending.c. */
#include "tracker/lifecycle_core.h"

#include <string.h>

#define SUBMIT_BACKOFF_BASE_MS  1000
#define CAPACITY_BACKOFF_MAX_MS (120 * 1000LL)
#define LOOK_BACKOFF_BASE_MS    1000
#define LOOK_BACKOFF_MAX_MS     (60 * 1000LL)
#define CANCEL_LOOK_BASE_MS     2000
#define OVERDUE_MAX_MS          (900 * 1000LL)
#define WATCH_LEAST_MS          2000

/* ---- Small steps ---- */

static void set_text(char *out, size_t out_bytes, struct slice text)
{
    struct slice cut = slice_cut_utf8(text, out_bytes - 1);
    if (cut.size > 0) {
        memcpy(out, cut.data, cut.size);
    }
    out[cut.size] = '\0';
}

void core_set_statement_id(struct core *core, struct slice id)
{
    if (id.size > 0 && core->next->statement_id[0] == '\0') {
        set_text(core->next->statement_id, sizeof(core->next->statement_id), id);
    }
}

/* The first failure of steps that go on is the one that is told. */
void core_keep_error(struct core *core, struct slice type, struct slice text)
{
    if (core->next->step_failed) {
        return;
    }
    if (type.size > 0) {
        set_text(core->next->error_type, sizeof(core->next->error_type), type);
    }
    if (text.size > 0) {
        core->next->error_text = slice_cut_utf8(text, INVOCATION_ERROR_TEXT_MAX_BYTES);
    }
}

void core_forget_error(struct core *core)
{
    if (!core->next->step_failed) {
        core->next->error_type[0] = '\0';
        core->next->error_text = SLICE_NONE;
    }
}

/* A session that a statement opened or ran in. */
static void keep_session(struct core *core)
{
    struct slice session_id = core->stimulus->session_id;
    if (session_id.size > 0 && session_id.size <= INVOCATION_SESSION_ID_BYTES) {
        set_text(core->next->session_id, sizeof(core->next->session_id), session_id);
    }
}

bool core_current_attempt(const struct core *core)
{
    return core->stimulus->step == core->next->step &&
           core->stimulus->attempt == core->next->attempt;
}

bool core_in_flight(const struct core *core)
{
    enum statement_state statement = core->next->statement;
    return statement == STATEMENT_SUBMITTING || statement == STATEMENT_RUNNING ||
           statement == STATEMENT_CANCELLING;
}

const struct plan_step *core_step(const struct core *core)
{
    return &core->plan->steps[core->next->step - 1];
}

/* ---- Beginning an attempt ------------------------------------------------------------------- */

static void start_heartbeat(struct core *core)
{
    if (core->plan->heartbeat_seconds > 0 && core->next->heartbeat_at_ms == 0) {
        core->next->heartbeat_at_ms = core->now_ms + core->plan->heartbeat_seconds * 1000;
    }
}

/* Somebody else's statement: nothing is sent. In doubt until the first look has found it. */
static bool attached(const struct core *core)
{
    return core->next->attempt == 1 && core_step(core)->attach_id.size > 0;
}

void core_begin_attempt(struct core *core)
{
    struct state *next = core->next;
    const bool attach = attached(core);
    core_move_statement(core, attach ? STATEMENT_RUNNING : STATEMENT_SUBMITTING);
    next->statement_id[0] = '\0';
    next->doubt_since_ms = core->now_ms;
    next->last_send_ms = core->now_ms;
    next->sends = attach ? 0 : 1;
    next->refused_for_good = false;
    next->no_wait = false;
    next->seen = ENDING_NONE;
    next->gather_until_ms = 0;
    if (attach) {
        core_set_statement_id(core, core_step(core)->attach_id);
        start_heartbeat(core);
    }
    core_act_on_statement(core, attach ? ACTION_DESCRIBE : ACTION_SUBMIT);
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
    core_set_statement_id(core, statement_id);
    next->doubt_since_ms = 0;
    next->tries = 0;
    if (next->statement == STATEMENT_CANCELLING) {
        core_act_on_statement(core, ACTION_CANCEL);
        return;
    }
    core_move_statement(core, STATEMENT_RUNNING);
    next->statement_at_ms = core->now_ms + core->policy->overdue_ms;
    start_heartbeat(core);
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
    if (!core_current_attempt(core) || !core_in_flight(core)) {
        return;
    }
    keep_session(core);
    if (core->next->seen != ENDING_NONE) {
        return;
    }
    if (core->stimulus->ending != ENDING_NONE) {
        core_set_statement_id(core, core->stimulus->statement_id);
        core_witness_ending(core);
    } else if (core->next->statement != STATEMENT_RUNNING) {
        now_running(core, core->stimulus->statement_id);
    }
}

bool lifecycle_needs_id_now(const struct state *state)
{
    return state->callback_count == 0 && state->step == 1 && state->attempt == 1;
}

/* A refusal of the attempt's only send is certain: nothing ran. */
static void sole_refusal(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    bool later = stimulus->refusal == REFUSAL_CAPACITY && !lifecycle_needs_id_now(next);
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
            core_again_at_ms(core, CAPACITY_BACKOFF_BASE_MS, CAPACITY_BACKOFF_MAX_MS, &next->tries);
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
    if (!core_current_attempt(core) || !core_in_flight(core) || next->statement_id[0] != '\0') {
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
    next->statement_at_ms =
        core_again_at_ms(core, SUBMIT_BACKOFF_BASE_MS, CAPACITY_BACKOFF_MAX_MS, &next->tries);
}

void core_on_submit_in_doubt(struct core *core)
{
    struct state *next = core->next;
    if (!core_current_attempt(core) || !core_in_flight(core) || next->statement_id[0] != '\0') {
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
    if (core_current_attempt(core) && core_in_flight(core)) {
        core_witness_ending(core);
    }
}

/* Early for short statements, backing off for long ones. Without an event to come, that is with a
 * statement that somebody else has started, looks are all there is. */
static int64_t next_look_ms(const struct core *core)
{
    const int64_t age_ms = core->now_ms - core->next->last_send_ms;
    const int64_t overdue_ms = core->policy->overdue_ms;
    const bool watched = attached(core);
    const int64_t least_ms = watched ? WATCH_LEAST_MS : overdue_ms;
    const int64_t most_ms = watched ? overdue_ms : OVERDUE_MAX_MS;
    int64_t wait_ms = watched ? age_ms / 4 : age_ms / 2;
    wait_ms = wait_ms > most_ms ? most_ms : wait_ms;
    return wait_ms < least_ms ? least_ms : wait_ms;
}

static void still_alive(struct core *core)
{
    struct state *next = core->next;
    next->doubt_since_ms = 0;
    if (next->statement == STATEMENT_CANCELLING) {
        core_act_on_statement(core, ACTION_CANCEL);
        return;
    }
    next->tries = 0;
    next->statement_at_ms = core->now_ms + next_look_ms(core);
}

void core_look_again_later(struct core *core)
{
    struct state *next = core->next;
    next->statement_at_ms =
        core_again_at_ms(core, LOOK_BACKOFF_BASE_MS, LOOK_BACKOFF_MAX_MS, &next->tries);
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

/* The first look at a statement that somebody else is said to have started: there is none. */
static bool never_was(struct core *core)
{
    struct state *next = core->next;
    if (!core->stimulus->not_found || !attached(core) || next->doubt_since_ms == 0) {
        return false;
    }
    core_keep_error(core, SLICE("ResourceNotFoundException"),
                    SLICE("statementId: the Data API does not know it"));
    core_end_statement(core, STATEMENT_ENDED,
                       next->statement == STATEMENT_CANCELLING ? next->cancel_cause
                       : next->result_count == 0               ? OUTCOME_REJECTED
                                                               : OUTCOME_FAILED,
                       WITNESS_SWEEP);
    return true;
}

void core_on_described(struct core *core)
{
    struct state *next = core->next;
    if (!core_current_attempt(core)) {
        return;
    }
    if (lifecycle_statement_final(next->statement)) {
        core_on_details(core);
        return;
    }
    if (!core_in_flight(core) || never_was(core)) {
        return;
    }
    keep_session(core);
    if (core->stimulus->ending != ENDING_NONE) {
        core_witness_ending(core);
    } else if (next->seen != ENDING_NONE) {
        core_details_missing(core);
    } else if (look_was_the_last(core)) {
        return;
    } else if (core->stimulus->not_found) {
        core_look_again_later(core);
    } else {
        still_alive(core);
    }
}

void core_on_look_failed(struct core *core)
{
    struct state *next = core->next;
    if (!core_current_attempt(core)) {
        return;
    }
    if (lifecycle_statement_final(next->statement)) {
        core_on_details(core);
    } else if (core_in_flight(core) && next->seen != ENDING_NONE) {
        core_details_missing(core);
    } else if (core_in_flight(core) && !look_was_the_last(core)) {
        core_look_again_later(core);
    }
}

void core_on_listed(struct core *core)
{
    struct state *next = core->next;
    if (!core_current_attempt(core) || !core_in_flight(core) || next->statement_id[0] != '\0') {
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
        core_look_again_later(core);
        return;
    }
    never_learned(core);
}

void core_on_cancel_answered(struct core *core)
{
    if (!core_current_attempt(core) || core->next->statement != STATEMENT_CANCELLING) {
        return;
    }
    /* One that cannot be stopped is asked less and less often. */
    bool sent = core->stimulus->kind == STIMULUS_CANCEL_SENT;
    core->next->statement_at_ms =
        core_again_at_ms(core, sent ? CANCEL_LOOK_BASE_MS : LOOK_BACKOFF_BASE_MS,
                         LOOK_BACKOFF_MAX_MS, &core->next->tries);
}
