#include "tracker/lifecycle.h"

#include "tracker/lifecycle_core.h"

#include "infra/base/backoff.h"

#include <string.h>

/* ---- The axes ------------------------------------------------------------------------------- */

bool lifecycle_statement_final(enum statement_state state)
{
    return state == STATEMENT_ENDED || state == STATEMENT_UNKNOWN;
}

bool lifecycle_callback_final(enum callback_state state)
{
    return state == CALLBACK_DELIVERED || state == CALLBACK_CLOSED ||
           state == CALLBACK_UNDELIVERABLE;
}

#define TO(state) (1u << (unsigned)(state))

/* From each state, the states that may follow; tests walk the whole square. */
static const unsigned statement_moves[] = {
    [STATEMENT_QUEUED] = TO(STATEMENT_SUBMITTING) | TO(STATEMENT_RUNNING) | TO(STATEMENT_ENDED),
    [STATEMENT_WAITING] = TO(STATEMENT_SUBMITTING) | TO(STATEMENT_RUNNING) | TO(STATEMENT_ENDED),
    [STATEMENT_SUBMITTING] = TO(STATEMENT_RUNNING) | TO(STATEMENT_QUEUED) |
                             TO(STATEMENT_CANCELLING) | TO(STATEMENT_ENDED) | TO(STATEMENT_UNKNOWN),
    [STATEMENT_RUNNING] = TO(STATEMENT_SUBMITTING) | TO(STATEMENT_QUEUED) |
                          TO(STATEMENT_CANCELLING) | TO(STATEMENT_ENDED) | TO(STATEMENT_UNKNOWN),
    [STATEMENT_CANCELLING] = TO(STATEMENT_ENDED) | TO(STATEMENT_UNKNOWN),
    [STATEMENT_ENDED] = 0,
    [STATEMENT_UNKNOWN] = 0,
};

static const unsigned callback_moves[] = {
    [CALLBACK_OPEN] = TO(CALLBACK_CHOSEN) | TO(CALLBACK_CLOSED),
    [CALLBACK_CHOSEN] = TO(CALLBACK_DELIVERED) | TO(CALLBACK_CLOSED) | TO(CALLBACK_UNDELIVERABLE),
    [CALLBACK_DELIVERED] = 0,
    [CALLBACK_CLOSED] = 0,
    [CALLBACK_UNDELIVERABLE] = 0,
};

bool lifecycle_statement_legal(enum statement_state from, enum statement_state to)
{
    return from == to || (statement_moves[from] & TO(to)) != 0;
}

bool lifecycle_callback_legal(enum callback_state from, enum callback_state to)
{
    return from == to || (callback_moves[from] & TO(to)) != 0;
}

/* The only two places where a state changes. An illegal move is a bug of this file: the state is
 * left as it is, which the property test would notice. */
void core_move_statement(struct core *core, enum statement_state to)
{
    if (lifecycle_statement_legal(core->next->statement, to)) {
        core->next->statement = to;
    }
}

void core_move_callback(struct core *core, size_t address, enum callback_state to)
{
    struct callback *callback = &core->next->callbacks[address];
    if (lifecycle_callback_legal(callback->state, to)) {
        callback->state = to;
        callback->next_at_ms = 0;
    }
}

/* ---- Small steps ---------------------------------------------------------------------------- */

void core_add_action(struct core *core, enum action_kind kind, size_t address)
{
    struct decision *decision = core->decision;
    if (decision->action_count < LIFECYCLE_ACTIONS_MAX) {
        decision->actions[decision->action_count++] = (struct action){kind, address};
    }
}

/* An action on the statement: whoever dies with it in hand is repeated after the lease. */
void core_act_on_statement(struct core *core, enum action_kind kind)
{
    core->next->statement_at_ms = core->now_ms + core->policy->lease_ms;
    core_add_action(core, kind, 0);
}

int64_t core_jittered_ms(const struct core *core, int64_t base_ms, int64_t max_ms, int64_t tries)
{
    unsigned exponent = tries > 30 ? 30u : (unsigned)tries;
    int64_t ceiling_ms = backoff_exponential_ms(base_ms, max_ms, exponent);
    int64_t half_ms = ceiling_ms / 2;
    return half_ms + (int64_t)((double)half_ms * core->stimulus->unit);
}

int64_t core_again_at_ms(const struct core *core, int64_t base_ms, int64_t max_ms, int64_t *tries)
{
    if (core->stimulus->later_ms > 0) {
        return core->now_ms + core->stimulus->later_ms;
    }
    return core->now_ms + core_jittered_ms(core, base_ms, max_ms, (*tries)++);
}

/* ---- Timers --------------------------------------------------------------------------------- */

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
    if (a_ms == 0 || b_ms == 0) {
        return a_ms + b_ms;
    }
    return a_ms < b_ms ? a_ms : b_ms;
}

static int64_t grace_over_ms(const struct lifecycle_policy *policy, const struct plan *plan,
                             const struct state *state)
{
    return earlier(state->cancelling_since_ms + policy->cancel_grace_ms, plan->answer_by_ms);
}

static bool deadline_armed(const struct plan *plan, const struct state *state)
{
    return plan->deadline_ms > 0 && state->outcome == OUTCOME_NONE &&
           state->cancel_cause == OUTCOME_NONE && !lifecycle_statement_final(state->statement);
}

/* Not for an ending that was seen and only lacks its text: gathering is bounded by itself. */
static bool grace_armed(const struct state *state)
{
    return state->statement == STATEMENT_CANCELLING && state->outcome == OUTCOME_NONE &&
           state->seen == ENDING_NONE;
}

int64_t lifecycle_due_at(const struct lifecycle_policy *policy, const struct plan *plan,
                         const struct state *state)
{
    if (state->settled_at_ms > 0) {
        return state->tombstone ? 0 : state->settled_at_ms + policy->retain_ms;
    }
    int64_t due_ms = earlier(state->statement_at_ms, state->heartbeat_at_ms);
    if (deadline_armed(plan, state)) {
        due_ms = earlier(due_ms, plan->deadline_ms);
    }
    if (grace_armed(state)) {
        due_ms = earlier(due_ms, grace_over_ms(policy, plan, state));
    }
    for (size_t i = 0; i < state->callback_count; i++) {
        due_ms = earlier(due_ms, state->callbacks[i].next_at_ms);
    }
    return due_ms;
}

int64_t lifecycle_expires_at(const struct lifecycle_policy *policy, const struct state *state)
{
    return state->settled_at_ms > 0 ? state->settled_at_ms + policy->dedupe_ms : 0;
}

/* A submit whose answer is overdue: repeat it while that is safe, look for it by name afterwards.
 */
static void submit_due(struct core *core)
{
    struct state *next = core->next;
    if (!next->refused_for_good && core->now_ms - next->doubt_since_ms < LIFECYCLE_RESUBMIT_MS) {
        core_repeat_submit(core);
    } else {
        core_act_on_statement(core, ACTION_LIST);
    }
}

static void in_flight_due(struct core *core)
{
    const struct state *next = core->next;
    core_act_on_statement(core, next->statement_id[0] != '\0' ? ACTION_DESCRIBE : ACTION_LIST);
}

static void statement_due(struct core *core)
{
    struct state *next = core->next;
    switch (next->statement) {
    case STATEMENT_QUEUED: core_begin_attempt(core); break;
    case STATEMENT_WAITING: core_act_on_statement(core, ACTION_TAKE_LOCK); break;
    case STATEMENT_SUBMITTING: submit_due(core); break;
    case STATEMENT_RUNNING:
    case STATEMENT_CANCELLING: in_flight_due(core); break;
    case STATEMENT_ENDED:
    case STATEMENT_UNKNOWN:
        /* Ended, and the reply is still to be gathered and chosen. */
        if (core->now_ms >= next->gather_until_ms) {
            next->statement_at_ms = 0;
            core_add_action(core, ACTION_CHOOSE, 0);
        } else {
            core_act_on_statement(core, core_wants_gather(core) ? ACTION_GATHER : ACTION_DESCRIBE);
        }
        break;
    }
}

static void callbacks_due(struct core *core)
{
    for (size_t i = 0; i < core->next->callback_count; i++) {
        struct callback *callback = &core->next->callbacks[i];
        if (callback->next_at_ms > 0 && callback->next_at_ms <= core->now_ms) {
            callback->attempts++;
            callback->next_at_ms = core->now_ms + core->policy->lease_ms;
            core_add_action(core, ACTION_CALLBACK, i);
        }
    }
}

static void heartbeat_due(struct core *core)
{
    core->next->heartbeat_at_ms = core->now_ms + core->plan->heartbeat_seconds * 1000;
    for (size_t i = 0; i < core->next->callback_count; i++) {
        if (core->next->callbacks[i].kind == ADDRESS_TASK_TOKEN) {
            core_add_action(core, ACTION_HEARTBEAT, i);
        }
    }
}

static bool reached(const struct core *core, int64_t at_ms)
{
    return at_ms > 0 && at_ms <= core->now_ms;
}

static void on_due(struct core *core)
{
    struct state *next = core->next;
    if (next->settled_at_ms > 0) {
        if (!next->tombstone && reached(core, next->settled_at_ms + core->policy->retain_ms)) {
            next->tombstone = true;
            next->results = NULL;
            next->result_count = 0;
            next->reply = SLICE_NONE;
            next->error_text = SLICE_NONE;
            core->decision->shrunk = true;
        }
        return;
    }
    if (deadline_armed(core->plan, next) && reached(core, core->plan->deadline_ms)) {
        core_cancel(core, OUTCOME_TIMED_OUT);
    } else if (reached(core, next->statement_at_ms) || next->statement == STATEMENT_WAITING) {
        /* One that waits was perhaps made due by the lock's owner, whatever its own timer says. */
        statement_due(core);
    }
    if (grace_armed(next) && reached(core, grace_over_ms(core->policy, core->plan, next))) {
        next->statement_unknown = true;
        core_choose_outcome(core, next->cancel_cause, WITNESS_NONE);
    }
    if (reached(core, next->heartbeat_at_ms)) {
        heartbeat_due(core);
    }
    callbacks_due(core);
}

/* ---- The one function ----------------------------------------------------------------------- */

static bool all_final(const struct state *state)
{
    if (!lifecycle_statement_final(state->statement) || state->reply_digest[0] == '\0') {
        return false;
    }
    for (size_t i = 0; i < state->callback_count; i++) {
        if (!lifecycle_callback_final(state->callbacks[i].state)) {
            return false;
        }
    }
    return true;
}

static void scrub_adopters(struct state *state)
{
    for (size_t i = 0; i < state->callback_count; i++) {
        state->callbacks[i].adopted_target = SLICE_NONE;
    }
}

static void apply(struct core *core)
{
    switch (core->stimulus->kind) {
    case STIMULUS_ADOPTED: core_on_adopted(core); break;
    case STIMULUS_SUBMITTED: core_on_submitted(core); break;
    case STIMULUS_SUBMIT_REFUSED: core_on_submit_refused(core); break;
    case STIMULUS_SUBMIT_IN_DOUBT: core_on_submit_in_doubt(core); break;
    case STIMULUS_EVENT: core_on_event(core); break;
    case STIMULUS_DESCRIBED: core_on_described(core); break;
    case STIMULUS_LISTED: core_on_listed(core); break;
    case STIMULUS_LOOK_FAILED: core_on_look_failed(core); break;
    case STIMULUS_DUE: on_due(core); break;
    case STIMULUS_LOCK_GRANTED:
    case STIMULUS_LOCK_HELD: core_on_lock(core); break;
    case STIMULUS_CANCEL_REQUESTED:
        if (!lifecycle_statement_final(core->next->statement)) {
            core_cancel(core, OUTCOME_ABORTED);
        }
        break;
    case STIMULUS_CANCEL_SENT:
    case STIMULUS_CANCEL_REFUSED: core_on_cancel_answered(core); break;
    case STIMULUS_CALLER_GONE: core_on_caller_gone(core); break;
    case STIMULUS_GATHERED: core_on_gathered(core); break;
    case STIMULUS_HEARTBEAT_TAKEN: break;
    case STIMULUS_CHOSEN: core_on_chosen(core); break;
    case STIMULUS_CALLBACK_DELIVERED:
    case STIMULUS_CALLBACK_REFUSED: core_on_callback(core); break;
    }
}

void lifecycle_decide(const struct lifecycle_context *context, const struct plan *plan,
                      const struct state *state, const struct stimulus *stimulus,
                      struct decision *decision)
{
    *decision = (struct decision){.next = *state};
    struct core core = {.arena = context->arena,
                        .policy = context->policy,
                        .plan = plan,
                        .stimulus = stimulus,
                        .now_ms = context->now_ms,
                        .decision = decision,
                        .next = &decision->next};
    apply(&core);
    if (decision->next.settled_at_ms == 0 && all_final(&decision->next)) {
        decision->next.settled_at_ms = context->now_ms;
        decision->settled = true;
        scrub_adopters(&decision->next);
    }
    /* Padding is equal too: states are read into zeroed memory and copied whole. */
    /* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): at worst one commit too many */
    bool same = memcmp(state, &decision->next, sizeof(*state)) == 0;
    decision->changed = decision->action_count > 0 || !same;
    if (decision->changed) {
        decision->next.updated_at_ms = context->now_ms;
    }
}

/* What there is nothing to run of is over at once, and a lock is not jumped over. */
static enum lifecycle_start resolve_start(const struct plan *plan, enum lifecycle_start start)
{
    return plan->step_count == 0 && start != LIFECYCLE_START_REJECTED ? LIFECYCLE_START_FINISHED
                                                                      : start;
}

static bool waits_first(const struct plan *plan, enum lifecycle_start start)
{
    return start == LIFECYCLE_START_WAITING ||
           (plan->lock_key[0] != '\0' &&
            (start == LIFECYCLE_START_SUBMIT || start == LIFECYCLE_START_QUEUED));
}

/* The end of a record that ran nothing and holds no lock. */
static void end_at_once(struct core *core, enum outcome outcome)
{
    core_move_statement(core, STATEMENT_ENDED);
    core->next->ended_at_ms = core->now_ms;
    core_choose_outcome(core, outcome, WITNESS_NONE);
}

static void start_state(const struct lifecycle_context *context, const struct plan *plan,
                        enum statement_state statement, struct state *state)
{
    *state = (struct state){.statement = statement,
                            .step = 1,
                            .attempt = 1,
                            .callback_count = plan->address_count,
                            .updated_at_ms = context->now_ms};
    for (size_t i = 0; i < plan->address_count; i++) {
        struct callback *callback = &state->callbacks[i];
        callback->kind = plan->addresses[i].kind;
        memcpy(callback->digest, plan->addresses[i].digest, sizeof(callback->digest));
    }
    if (plan->target.session_id.size > 0 &&
        plan->target.session_id.size <= INVOCATION_SESSION_ID_BYTES) {
        memcpy(state->session_id, plan->target.session_id.data, plan->target.session_id.size);
    }
}

void lifecycle_accept(const struct lifecycle_context *context, const struct plan *plan,
                      enum lifecycle_start start, struct slice error_type, struct slice error_text,
                      struct decision *decision)
{
    start = resolve_start(plan, start);
    const bool waits = waits_first(plan, start);
    *decision = (struct decision){.changed = true};
    start_state(context, plan, waits ? STATEMENT_WAITING : STATEMENT_QUEUED, &decision->next);
    const struct stimulus none = {.rows = -1, .duration_ms = -1};
    struct core core = {.arena = context->arena,
                        .policy = context->policy,
                        .plan = plan,
                        .stimulus = &none,
                        .now_ms = context->now_ms,
                        .decision = decision,
                        .next = &decision->next};
    switch (start) {
    case LIFECYCLE_START_SUBMIT:
    case LIFECYCLE_START_WAITING:
        if (waits) {
            core_act_on_statement(&core, ACTION_TAKE_LOCK);
        } else {
            core_begin_attempt(&core);
        }
        break;
    case LIFECYCLE_START_QUEUED:
        decision->next.statement_at_ms = context->now_ms + CAPACITY_BACKOFF_BASE_MS;
        break;
    case LIFECYCLE_START_REJECTED:
        core_keep_error(&core, error_type, error_text);
        end_at_once(&core, OUTCOME_REJECTED);
        break;
    case LIFECYCLE_START_FINISHED: end_at_once(&core, OUTCOME_FINISHED); break;
    }
}
