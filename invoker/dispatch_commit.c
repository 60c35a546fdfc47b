/* Deciding and committing: the half of dispatch that sends nothing. */
#include "invoker/dispatch_commit.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"
#include "infra/base/seam.h"

#include <string.h>

#define COMMIT_ROUNDS_MAX 16

/* ---- Decide --------------------------------------------------------------------------------- */

static bool concerns_address(const struct action *action)
{
    return action->kind == ACTION_CALLBACK || action->kind == ACTION_HEARTBEAT;
}

static bool concerns_statement(const struct action *action)
{
    return !concerns_address(action) && action->kind != ACTION_RELEASE_LOCK;
}

/* The statement has one timer and one thing to do: what a later stimulus of the same commit decides
 * for it replaces what an earlier one wanted. A step is not begun that is cancelled in the same
 * breath. */
static void add_action(struct decision *total, const struct action *action)
{
    size_t place = total->action_count;
    for (size_t i = 0; i < total->action_count && concerns_statement(action); i++) {
        place = concerns_statement(&total->actions[i]) ? i : place;
    }
    if (place < LIFECYCLE_ACTIONS_MAX) {
        total->actions[place] = *action;
        total->action_count += place == total->action_count;
    }
}

/* Renders the reply and decides on it, so that ending and reply are one compare-and-set. A reply
 * too large for the state is stored first, under its digest. */
MUST_CHECK static enum status choose(struct dispatch *dispatch, struct change *change,
                                     const struct stimulus *last, struct error *error)
{
    const struct plan *plan = &change->work->record.plan;
    struct stimulus chosen = dispatch_stimulus(dispatch, STIMULUS_CHOSEN);
    struct slice reply = dispatch->choose(dispatch->arena, plan, &change->decision.next, last);
    digest_sha256_hex(reply, chosen.reply_digest);
    if (reply.size <= INVOCATION_REPLY_INLINE_MAX_BYTES) {
        chosen.reply = reply;
    } else {
        struct slice sealed = SLICE_NONE;
        enum status status =
            record_seal_field(dispatch->seal, dispatch->arena,
                              (struct record_field){plan->id, "reply"}, reply, &sealed, error);
        if (status == STATUS_OK) {
            status = tracker_reply_put(dispatch->tracker, plan->id, chosen.reply_digest, sealed,
                                       dispatch->now_ms + dispatch->policy->dedupe_ms, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    struct decision decision;
    struct lifecycle_context context = dispatch_context(dispatch);
    lifecycle_decide(&context, plan, &change->decision.next, &chosen, &decision);
    change->settled |= decision.settled;
    change->decision.next = decision.next;
    for (size_t i = 0; i < decision.action_count; i++) {
        add_action(&change->decision, &decision.actions[i]);
    }
    return STATUS_OK;
}

/* What this process has no handler for is left to another one's sweep, at once. */
static void leave_to_others(struct dispatch *dispatch, struct state *next,
                            const struct action *action)
{
    if (action->kind == ACTION_CALLBACK) {
        next->callbacks[action->address].next_at_ms = dispatch->now_ms;
    } else if (concerns_statement(action)) {
        next->statement_at_ms = dispatch->now_ms;
    }
}

/* Adds the actions of one decision; choosing happens here and now. */
enum status change_take_actions(struct dispatch *dispatch, struct change *change,
                                const struct decision *decision, const struct stimulus *stimulus,
                                struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < decision->action_count && status == STATUS_OK; i++) {
        const struct action *action = &decision->actions[i];
        if (action->kind == ACTION_CHOOSE && dispatch->choose != NULL) {
            status = choose(dispatch, change, stimulus, error);
        } else if (action->kind == ACTION_CHOOSE || dispatch->handlers[action->kind] == NULL) {
            leave_to_others(dispatch, &change->decision.next, action);
        } else {
            add_action(&change->decision, action);
        }
    }
    return status;
}

/* Decides on all stimuli of a work, one after the other; false: nothing to commit. */
MUST_CHECK static enum status decide(struct dispatch *dispatch, struct change *change,
                                     struct error *error)
{
    struct work *work = change->work;
    change->decision = (struct decision){.next = work->record.state};
    change->settled = false;
    change->shrunk = false;
    struct lifecycle_context context = dispatch_context(dispatch);
    enum status status = STATUS_OK;
    for (struct pending_stimulus *pending = work->stimuli; pending != NULL && status == STATUS_OK;
         pending = pending->next) {
        struct decision decision;
        lifecycle_decide(&context, &work->record.plan, &change->decision.next, &pending->stimulus,
                         &decision);
        if (!decision.changed) {
            continue;
        }
        change->decision.changed = true;
        change->decision.next = decision.next;
        change->settled |= decision.settled;
        change->shrunk |= decision.shrunk;
        status = change_take_actions(dispatch, change, &decision, &pending->stimulus, error);
    }
    return status;
}

/* ---- Commit --------------------------------------------------------------------------------- */

void change_count_outcome(enum outcome outcome)
{
    static const enum metric metrics[] = {
        [OUTCOME_FINISHED] = METRIC_OUTCOMES_FINISHED,
        [OUTCOME_FAILED] = METRIC_OUTCOMES_FAILED,
        [OUTCOME_ABORTED] = METRIC_OUTCOMES_ABORTED,
        [OUTCOME_TIMED_OUT] = METRIC_OUTCOMES_TIMED_OUT,
        [OUTCOME_REJECTED] = METRIC_OUTCOMES_REJECTED,
        [OUTCOME_EXPIRED] = METRIC_OUTCOMES_EXPIRED,
    };
    if (outcome != OUTCOME_NONE) {
        metrics_add(metrics[outcome], 1);
    }
}

static void fail_work(struct change *change, enum status status, const struct error *error)
{
    change->work->status = status;
    change->work->error = *error;
    change->open = false;
    metrics_add(METRIC_TRACKER_ERRORS, 1);
    log_warning("not committed", LOG_CSTR("invocationId", change->work->record.plan.id),
                LOG_CSTR("status", status_name(status)), LOG_CSTR("problem", error->text));
}

/* Decides for every open change and builds its update; closes those with nothing to commit. */
static size_t prepare(struct dispatch *dispatch, struct change *changes, size_t count,
                      struct tracker_update *updates, struct change **owners)
{
    size_t prepared = 0;
    for (size_t i = 0; i < count; i++) {
        struct change *change = &changes[i];
        if (!change->open) {
            continue;
        }
        struct error error = ERROR_NONE;
        enum status status = decide(dispatch, change, &error);
        if (status == STATUS_OK && !change->decision.changed && !change->work->claimed) {
            change->open = false;
            change->work->stimuli = NULL;
            continue;
        }
        struct record next = change->work->record;
        next.state = change->decision.next;
        next.due_at_ms = lifecycle_due_at(dispatch->policy, &next.plan, &next.state);
        if (change->settled) {
            plan_scrub(&next.plan);
        }
        if (change->shrunk) {
            plan_shrink(&next.plan);
        }
        struct tracker_update *update = &updates[prepared];
        *update = (struct tracker_update){.replace_plan = change->settled || change->shrunk};
        if (status == STATUS_OK) {
            status = record_close_update(dispatch->seal, dispatch->arena, &next, dispatch->owner,
                                         update, &error);
        }
        if (status != STATUS_OK) {
            fail_work(change, status, &error);
            continue;
        }
        update->record.expires_at_ms = lifecycle_expires_at(dispatch->policy, &next.state);
        owners[prepared++] = change;
    }
    return prepared;
}

/* It may have run, or not: a person has to look. */
static void tell_expired(const struct work *work, enum outcome outcome)
{
    if (outcome == OUTCOME_EXPIRED) {
        log_warning("ending never learned", LOG_CSTR("invocationId", work->record.plan.id));
    }
}

static void committed(struct change *change, const struct tracker_update *update)
{
    struct work *work = change->work;
    if (work->record.state.outcome == OUTCOME_NONE) {
        change_count_outcome(change->decision.next.outcome);
        tell_expired(work, change->decision.next.outcome);
    }
    work->record.state = change->decision.next;
    work->record.version = update->record.version;
    work->record.due_at_ms = update->record.due_at_ms;
    work->stimuli = NULL;
    work->claimed = false;
    work->applied = true;
    change->open = false;
}

/* Reads again what somebody else was first at. */
static void reload(struct dispatch *dispatch, struct change **lost, size_t count)
{
    struct tracker_lookup *lookups = ARENA_ARRAY(dispatch->arena, count, struct tracker_lookup);
    struct error error = ERROR_NONE;
    for (size_t i = 0; i < count; i++) {
        lookups[i].id = lost[i]->work->record.plan.id;
    }
    enum status status = tracker_find(dispatch->tracker, dispatch->arena, lookups, count, &error);
    for (size_t i = 0; i < count; i++) {
        struct record fresh = {0};
        enum status opened = status;
        if (status == STATUS_OK && lookups[i].status != STATUS_OK) {
            opened = error_set(&error, lookups[i].status, TRACKER_PART_AWAY);
        } else if (status == STATUS_OK && !lookups[i].found) {
            opened = error_set(&error, STATUS_NOT_FOUND, "the record is gone");
        } else if (status == STATUS_OK) {
            opened =
                record_open(dispatch->seal, dispatch->arena, &lookups[i].record, &fresh, &error);
        }
        if (opened != STATUS_OK) {
            fail_work(lost[i], opened, &error);
            continue;
        }
        lost[i]->work->record = fresh;
        lost[i]->work->claimed = false;
    }
}

static void commit_round(struct dispatch *dispatch, struct change *changes, size_t count)
{
    struct tracker_update *updates = ARENA_ARRAY(dispatch->arena, count, struct tracker_update);
    struct change **owners = ARENA_ARRAY(dispatch->arena, count, struct change *);
    struct change **lost = ARENA_ARRAY(dispatch->arena, count, struct change *);
    size_t prepared = prepare(dispatch, changes, count, updates, owners);
    if (prepared == 0) {
        return;
    }
    struct error error = ERROR_NONE;
    enum status status = tracker_update(dispatch->tracker, updates, prepared, &error);
    size_t lost_count = 0;
    for (size_t i = 0; i < prepared; i++) {
        if (status != STATUS_OK) {
            fail_work(owners[i], status, &error);
        } else if (updates[i].status == STATUS_OK) {
            committed(owners[i], &updates[i]);
        } else if (updates[i].status == STATUS_RETRY) {
            error_set(&error, STATUS_RETRY, TRACKER_PART_AWAY);
            fail_work(owners[i], STATUS_RETRY, &error);
        } else {
            metrics_add(METRIC_TRACKER_CONFLICTS, 1);
            lost[lost_count++] = owners[i];
        }
    }
    if (lost_count > 0) {
        reload(dispatch, lost, lost_count);
    }
}

/* Commits every work's stimuli, whatever others commit meanwhile. */
void changes_commit(struct dispatch *dispatch, struct change *changes, size_t count)
{
    bool open = true;
    for (unsigned round = 0; open && round < COMMIT_ROUNDS_MAX; round++) {
        commit_round(dispatch, changes, count);
        open = false;
        for (size_t i = 0; i < count; i++) {
            open |= changes[i].open;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (changes[i].open) {
            struct error error = ERROR_NONE;
            error_set(&error, STATUS_RETRY, "too many concurrent changes");
            fail_work(&changes[i], STATUS_RETRY, &error);
        }
    }
}
