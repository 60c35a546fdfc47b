/*
 * Inside the lifecycle core: one decision in the making, and the steps its files share.
 * Nothing outside tracker/lifecycle*.c includes this.
 */
#ifndef RINGBACK_TRACKER_LIFECYCLE_CORE_H
#define RINGBACK_TRACKER_LIFECYCLE_CORE_H

#include "tracker/lifecycle.h"

#define CAPACITY_BACKOFF_BASE_MS 2000

struct core {
    struct arena *arena;
    const struct lifecycle_policy *policy;
    const struct plan *plan;
    const struct stimulus *stimulus;
    int64_t now_ms;
    struct decision *decision;
    struct state *next; /* &decision->next */
};

/* lifecycle.c: the only two places where a state changes; an illegal move leaves it as it is. */
void core_move_statement(struct core *core, enum statement_state to);
void core_move_callback(struct core *core, size_t address, enum callback_state to);
void core_add_action(struct core *core, enum action_kind kind, size_t address);
/* An action on the statement: whoever dies with it in hand is repeated after the lease. */
void core_act_on_statement(struct core *core, enum action_kind kind);
/* When to try again what was not done: in its turn when that was told, else after the backoff. */
int64_t core_again_at_ms(const struct core *core, int64_t base_ms, int64_t max_ms, int64_t *tries);
/* Between half of base * 2^tries and all of it, at most max; the jitter is the stimulus's. */
int64_t core_jittered_ms(const struct core *core, int64_t base_ms, int64_t max_ms, int64_t tries);

/* lifecycle_statement.c */
bool core_current_attempt(const struct core *core); /* is what the stimulus speaks of */
bool core_in_flight(const struct core *core);
const struct plan_step *core_step(const struct core *core);
void core_set_statement_id(struct core *core, struct slice id);
void core_keep_error(struct core *core, struct slice type, struct slice text);
void core_forget_error(struct core *core);
void core_begin_attempt(struct core *core);
void core_repeat_submit(struct core *core);
void core_look_again_later(struct core *core);
void core_cancel(struct core *core, enum outcome cause);
void core_on_submitted(struct core *core);
void core_on_submit_refused(struct core *core);
void core_on_submit_in_doubt(struct core *core);
void core_on_event(struct core *core);
void core_on_described(struct core *core);
void core_on_look_failed(struct core *core);
void core_on_listed(struct core *core);
void core_on_cancel_answered(struct core *core);

/* lifecycle_ending.c */
/* The first committed outcome is final. */
void core_choose_outcome(struct core *core, enum outcome outcome, enum witness witness);
void core_end_statement(struct core *core, enum statement_state final, enum outcome outcome,
                        enum witness witness);
/* Rows or documents beyond those of the last statement belong to the reply. */
bool core_wants_gather(const struct core *core);
void core_witness_ending(struct core *core);
void core_details_missing(struct core *core);
void core_on_details(struct core *core);
void core_on_gathered(struct core *core);

/* lifecycle_lock.c */
void core_release_lock(struct core *core);
void core_on_lock(struct core *core);

/* lifecycle_callback.c */
void core_on_chosen(struct core *core);
void core_on_callback(struct core *core);
void core_on_adopted(struct core *core);
void core_on_caller_gone(struct core *core);

#endif
