#include "invoker/lock.h"

#include "infra/base/log.h"

#include <string.h>

/* Owners that end, or waiters that leave, while one looks. */
#define LOOKS_MAX 8

/* ---- Looking at others ---------------------------------------------------------------------- */

/* A record in the arena; *found false when there is none. */
MUST_CHECK static enum status look_at(struct dispatch *dispatch, const char *id,
                                      struct record *record, bool *found, struct error *error)
{
    struct tracker_lookup lookup = {.id = id};
    enum status status = tracker_find(dispatch->tracker, dispatch->arena, &lookup, 1, error);
    *found = status == STATUS_OK && lookup.found;
    if (*found) {
        status = record_open(dispatch->seal, dispatch->arena, &lookup.record, record, error);
    }
    return status;
}

/* An owner that is absent, or whose statement is final, has lost the lock. */
MUST_CHECK static enum status has_lost(struct dispatch *dispatch, const char *owner, bool *lost,
                                       struct error *error)
{
    struct record record = {0};
    bool found = false;
    enum status status = look_at(dispatch, owner, &record, &found, error);
    *lost = status == STATUS_OK && (!found || lifecycle_statement_final(record.state.statement));
    return status;
}

MUST_CHECK static enum status is_waiting(struct dispatch *dispatch, const char *id, bool *waiting,
                                         struct error *error)
{
    struct record record = {0};
    bool found = false;
    enum status status = look_at(dispatch, id, &record, &found, error);
    *waiting = status == STATUS_OK && found && record.state.statement == STATEMENT_WAITING;
    return status;
}

enum status lock_find_holder(struct dispatch *dispatch, const struct plan *plan,
                             char holder[TRACKER_ID_BYTES + 1], struct error *error)
{
    bool lost = true;
    bool known = false;
    struct record record = {0};
    enum status status = tracker_lock_holder(dispatch->tracker, plan->lock_key, holder, error);
    if (status == STATUS_OK && strcmp(holder, plan->id) != 0) {
        status = has_lost(dispatch, holder, &lost, error);
    }
    if (status == STATUS_OK && !lost) {
        status = look_at(dispatch, plan->id, &record, &known, error);
    }
    if (lost || known) {
        holder[0] = '\0';
    }
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---- Taking --------------------------------------------------------------------------------- */

/* CONFLICT: holder has it. */
MUST_CHECK static enum status take(struct dispatch *dispatch, const struct plan *plan,
                                   char holder[TRACKER_ID_BYTES + 1], struct error *error)
{
    char gone[TRACKER_ID_BYTES + 1] = "";
    enum status status = STATUS_CONFLICT;
    bool lost = true;
    for (unsigned look = 0; look < LOOKS_MAX && status == STATUS_CONFLICT && lost; look++) {
        status = tracker_lock_take(dispatch->tracker, plan->lock_key, plan->id,
                                   gone[0] != '\0' ? gone : NULL, holder, error);
        if (status == STATUS_CONFLICT) {
            enum status looked = has_lost(dispatch, holder, &lost, error);
            status = looked == STATUS_OK ? status : looked;
            memcpy(gone, holder, sizeof(gone));
        }
    }
    return status;
}

/* OK: it is this one's turn. CONFLICT: turn waits before. What has left without saying so is taken
 * off the list. */
MUST_CHECK static enum status find_turn(struct dispatch *dispatch, const struct plan *plan,
                                        char turn[TRACKER_ID_BYTES + 1], struct error *error)
{
    for (unsigned look = 0; look < LOOKS_MAX; look++) {
        bool waiting = false;
        enum status status = tracker_lock_first(dispatch->tracker, plan->lock_key, turn, error);
        if (status == STATUS_NOT_FOUND || (status == STATUS_OK && strcmp(turn, plan->id) == 0)) {
            return STATUS_OK;
        }
        if (status == STATUS_OK) {
            status = is_waiting(dispatch, turn, &waiting, error);
        }
        if (status == STATUS_OK && waiting) {
            return STATUS_CONFLICT;
        }
        if (status == STATUS_OK) {
            status = tracker_lock_leave(dispatch->tracker, plan->lock_key, turn, error);
        }
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_CONFLICT;
}

/* OK: it took the lock before, and whoever did that for it died before he could commit it. */
MUST_CHECK static enum status has_it_already(struct dispatch *dispatch, const struct plan *plan,
                                             struct error *error)
{
    char owner[TRACKER_ID_BYTES + 1] = "";
    enum status status = tracker_lock_holder(dispatch->tracker, plan->lock_key, owner, error);
    if (status == STATUS_NOT_FOUND || (status == STATUS_OK && strcmp(owner, plan->id) != 0)) {
        return STATUS_CONFLICT;
    }
    return status;
}

/* Whoever has the lock already goes on out of turn: those who stand before wait for it, too. */
MUST_CHECK static enum status take_in_turn(struct dispatch *dispatch, const struct plan *plan,
                                           char holder[TRACKER_ID_BYTES + 1], struct error *error)
{
    enum status status = find_turn(dispatch, plan, holder, error);
    if (status == STATUS_CONFLICT) {
        return has_it_already(dispatch, plan, error);
    }
    return status == STATUS_OK ? take(dispatch, plan, holder, error) : status;
}

/* Enrolled before the second try: an owner that ends after it knows whom to wake. */
MUST_CHECK static enum status queue_up(struct dispatch *dispatch, const struct plan *plan,
                                       char holder[TRACKER_ID_BYTES + 1], struct error *error)
{
    enum status status = take_in_turn(dispatch, plan, holder, error);
    if (status == STATUS_CONFLICT) {
        status = tracker_lock_wait(dispatch->tracker, plan->lock_key, plan->id, plan->created_at_ms,
                                   error);
        if (status == STATUS_OK) {
            status = take_in_turn(dispatch, plan, holder, error);
        }
    }
    if (status == STATUS_OK) {
        /* One that stays on the list is a hint that nothing stands behind. */
        enum status left = tracker_lock_leave(dispatch->tracker, plan->lock_key, plan->id, NULL);
        (void)left;
    }
    return status;
}

static void trouble(const struct work *work, const struct error *error)
{
    log_warning("lock: the tracker is away", LOG_CSTR("invocationId", work->record.plan.id),
                LOG_CSTR("problem", error->text));
}

/* Without an answer the action's timer is the lease, and the sweep tries again. */
static bool build_take(struct dispatch *dispatch, struct work *work, const struct action *action,
                       struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    (void)call;
    const struct plan *plan = &work->record.plan;
    struct error error = ERROR_NONE;
    enum status status = plan->on_conflict == PLAN_CONFLICT_QUEUE
                             ? queue_up(dispatch, plan, stimulus->holder, &error)
                             : take(dispatch, plan, stimulus->holder, &error);
    if (status == STATUS_OK) {
        stimulus->kind = STIMULUS_LOCK_GRANTED;
    } else if (status == STATUS_CONFLICT) {
        stimulus->kind = STIMULUS_LOCK_HELD;
        stimulus->told_by_reply = work->told_by_reply;
    } else {
        trouble(work, &error);
    }
    return false;
}

const struct action_handler take_lock_handler = {.build = build_take};

/* ---- Releasing ------------------------------------------------------------------------------ */

static bool build_release(struct dispatch *dispatch, struct work *work, const struct action *action,
                          struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    (void)call;
    (void)stimulus;
    const struct plan *plan = &work->record.plan;
    struct error error = ERROR_NONE;
    char first[TRACKER_ID_BYTES + 1];
    enum status status = tracker_lock_release(dispatch->tracker, plan->lock_key, plan->id, &error);
    if (status == STATUS_OK) {
        status = tracker_lock_leave(dispatch->tracker, plan->lock_key, plan->id, &error);
    }
    if (status == STATUS_OK) {
        status = tracker_lock_first(dispatch->tracker, plan->lock_key, first, &error);
    }
    if (status == STATUS_OK) {
        status = tracker_touch(dispatch->tracker, first, dispatch->now_ms, &error);
    }
    if (status != STATUS_OK && status != STATUS_NOT_FOUND) {
        trouble(work, &error);
    }
    return false;
}

const struct action_handler release_lock_handler = {.build = build_release};
