/* Waiting for a lock, and giving it back. */
#include "tracker/lifecycle_core.h"

#include <string.h>

/* The owner's ending makes the first waiter due; this is for an ending that nobody told. */
#define LOCK_BACKOFF_BASE_MS 2000
#define LOCK_BACKOFF_MAX_MS  (60 * 1000LL)

/* A hint: the lock of a statement that is final is anybody's, whether or not it was given back. */
void core_release_lock(struct core *core)
{
    if (core->plan->lock_key[0] != '\0') {
        core_add_action(core, ACTION_RELEASE_LOCK, 0);
    }
}

/* The caller has been told on the channel that its request came by: its addresses stay silent. */
static void close_callbacks(struct core *core)
{
    for (size_t i = 0; i < core->next->callback_count; i++) {
        core_move_callback(core, i, CALLBACK_CLOSED);
    }
}

static void refuse(struct core *core)
{
    const char *text =
        arena_format(core->arena, "singleton: invocation %s is running", core->stimulus->holder);
    core_keep_error(core, SLICE("ConcurrentExecution"), slice_from_text(text));
    if (core->stimulus->told_by_reply) {
        close_callbacks(core);
    }
    core_end_statement(core, STATEMENT_ENDED, OUTCOME_REJECTED, WITNESS_NONE);
}

void core_on_lock(struct core *core)
{
    struct state *next = core->next;
    if (next->statement != STATEMENT_WAITING) {
        return;
    }
    if (core->stimulus->kind == STIMULUS_LOCK_GRANTED) {
        next->tries = 0;
        core_begin_attempt(core);
        return;
    }
    switch (core->plan->on_conflict) {
    case PLAN_CONFLICT_FAIL: refuse(core); break;
    case PLAN_CONFLICT_SKIP:
        next->skipped = true;
        memcpy(next->holder, core->stimulus->holder, sizeof(next->holder));
        core_end_statement(core, STATEMENT_ENDED, OUTCOME_FINISHED, WITNESS_NONE);
        break;
    case PLAN_CONFLICT_QUEUE:
        next->statement_at_ms = core->now_ms + core_jittered_ms(core, LOCK_BACKOFF_BASE_MS,
                                                                LOCK_BACKOFF_MAX_MS, next->tries++);
        break;
    }
}
