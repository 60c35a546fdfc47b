#include "invoker/dispatch.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"
#include "infra/base/seam.h"

#include <string.h>

#define COMMIT_ROUNDS_MAX 16
#define DONE_MAX          64

/* One action on its way. The record may be another one by the time of the answer, so that what the
 * action was about is kept here. */
struct exchange {
    struct work *work;
    struct action action;
    unsigned step;
    unsigned attempt;
    int64_t sent_at_ms;                            /* last_send_ms of the attempt */
    char address_digest[ADDRESS_DIGEST_BYTES + 1]; /* of a callback; "" otherwise */
    struct aws_call call;
};

/* A work in the middle of a commit: what its stimuli add up to. */
struct change {
    struct work *work;
    struct decision decision; /* next state; actions of all stimuli */
    bool settled;
    bool shrunk;
    bool open; /* still to be committed */
};

void dispatch_begin(struct dispatch *dispatch)
{
    aws_reset(dispatch->aws);
    arena_reset(dispatch->arena);
    dispatch->now_ms = clock_now_ms(dispatch->clock) + aws_clock_offset_ms(dispatch->aws);
    dispatch->started_ms = clock_monotonic_ms(dispatch->clock);
}

struct lifecycle_context dispatch_context(const struct dispatch *dispatch)
{
    return (struct lifecycle_context){dispatch->arena, dispatch->policy, dispatch->now_ms};
}

struct stimulus dispatch_stimulus(struct dispatch *dispatch, enum stimulus_kind kind)
{
    return (struct stimulus){
        .kind = kind, .rows = -1, .duration_ms = -1, .unit = random_unit(dispatch->random)};
}

struct stimulus dispatch_stimulus_of(struct dispatch *dispatch, const struct work *work,
                                     enum stimulus_kind kind)
{
    struct stimulus stimulus = dispatch_stimulus(dispatch, kind);
    stimulus.step = work->record.state.step;
    stimulus.attempt = work->record.state.attempt;
    return stimulus;
}

void dispatch_feed(struct dispatch *dispatch, struct work *work, const struct stimulus *stimulus)
{
    struct pending_stimulus *pending = ARENA_NEW(dispatch->arena, struct pending_stimulus);
    struct pending_stimulus **end = &work->stimuli;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    pending->stimulus = *stimulus;
    *end = pending;
}

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
MUST_CHECK static enum status take_actions(struct dispatch *dispatch, struct change *change,
                                           const struct decision *decision,
                                           const struct stimulus *stimulus, struct error *error)
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
        status = take_actions(dispatch, change, &decision, &pending->stimulus, error);
    }
    return status;
}

/* ---- Commit --------------------------------------------------------------------------------- */

static void count_outcome(enum outcome outcome)
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

static void committed(struct change *change, const struct tracker_update *update)
{
    struct work *work = change->work;
    if (work->record.state.outcome == OUTCOME_NONE) {
        count_outcome(change->decision.next.outcome);
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
        if (status == STATUS_OK && !lookups[i].found) {
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
static void commit(struct dispatch *dispatch, struct change *changes, size_t count)
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

/* ---- Act ------------------------------------------------------------------------------------ */

static void collect(struct work **works, size_t *count, struct work *work)
{
    for (size_t i = 0; i < *count; i++) {
        if (works[i] == work) {
            return;
        }
    }
    works[(*count)++] = work;
}

static struct stimulus stimulus_about(struct dispatch *dispatch, const struct exchange *exchange)
{
    struct stimulus stimulus = dispatch_stimulus(dispatch, STIMULUS_DUE);
    stimulus.step = exchange->step;
    stimulus.attempt = exchange->attempt;
    stimulus.sent_at_ms = exchange->sent_at_ms;
    memcpy(stimulus.address_digest, exchange->address_digest, sizeof(stimulus.address_digest));
    return stimulus;
}

static int64_t elapsed_ms(const struct dispatch *dispatch)
{
    return clock_monotonic_ms(dispatch->clock) - dispatch->started_ms;
}

/* Starts one action. When there is nothing to send, its answer, if any, has been fed. */
static void start(struct dispatch *dispatch, struct work *work, const struct action *action)
{
    const struct action_handler *handler = dispatch->handlers[action->kind];
    if (elapsed_ms(dispatch) > DISPATCH_START_MS || handler == NULL) {
        return; /* its timer is the lease: the sweep repeats it */
    }
    struct exchange *exchange = ARENA_NEW(dispatch->arena, struct exchange);
    *exchange = (struct exchange){.work = work, .action = *action};
    exchange->call.context = exchange;
    exchange->step = work->record.state.step;
    exchange->attempt = work->record.state.attempt;
    exchange->sent_at_ms = work->record.state.last_send_ms;
    if (action->kind == ACTION_CALLBACK) {
        memcpy(exchange->address_digest, work->record.state.callbacks[action->address].digest,
               sizeof(exchange->address_digest));
    }
    struct stimulus stimulus = stimulus_about(dispatch, exchange);
    if (!handler->build(dispatch, work, action, &exchange->call, &stimulus)) {
        if (stimulus.kind != STIMULUS_DUE) {
            dispatch_feed(dispatch, work, &stimulus);
        }
        return;
    }
    struct aws_call *call = &exchange->call;
    aws_start(dispatch->aws, &call, 1);
}

/* An action of several calls goes on with its next one. */
static bool go_on(struct dispatch *dispatch, struct exchange *exchange)
{
    const struct action_handler *handler = dispatch->handlers[exchange->action.kind];
    if (handler->more == NULL ||
        !handler->more(dispatch, exchange->work, &exchange->action, &exchange->call)) {
        return false;
    }
    struct aws_call *call = &exchange->call;
    call->context = exchange;
    aws_release(dispatch->aws, call);
    aws_start(dispatch->aws, &call, 1);
    return true;
}

/* Waits for some answers and feeds them; returns the works they belong to. What is under way when
 * the time of the batch is over (retries of the client included) is broken off: its timer is the
 * lease, which has not run out yet. */
static size_t gather_answers(struct dispatch *dispatch, struct work **works)
{
    struct aws_call *done[DONE_MAX];
    int64_t left_ms = DISPATCH_START_MS + DISPATCH_EXCHANGE_MS - elapsed_ms(dispatch);
    if (left_ms <= 0) {
        log_warning("batch broken off", LOG_INT("exchanges", (int64_t)aws_pending(dispatch->aws)));
        aws_reset(dispatch->aws);
        return 0;
    }
    size_t count = aws_wait(dispatch->aws, done, DONE_MAX, left_ms);
    size_t work_count = 0;
    if (count > 0) {
        seam_reached("acted");
    }
    for (size_t i = 0; i < count; i++) {
        struct exchange *exchange = done[i]->context;
        struct work *work = exchange->work;
        if (go_on(dispatch, exchange)) {
            continue;
        }
        struct stimulus stimulus = stimulus_about(dispatch, exchange);
        dispatch->handlers[exchange->action.kind]->read(dispatch, work, &exchange->action, done[i],
                                                        &stimulus);
        if (stimulus.kind != STIMULUS_DUE) {
            dispatch_feed(dispatch, work, &stimulus);
            collect(works, &work_count, work);
        }
    }
    return work_count;
}

/* Commits what the works were fed and starts what was decided; works left with stimuli that need no
 * exchange come round again. */
static size_t commit_and_start(struct dispatch *dispatch, struct work **works, size_t count)
{
    struct change *changes = ARENA_ARRAY(dispatch->arena, count, struct change);
    size_t again = 0;
    for (size_t i = 0; i < count; i++) {
        changes[i] = (struct change){.work = works[i], .open = true};
        works[i]->status = STATUS_OK;
    }
    commit(dispatch, changes, count);
    seam_reached("committed");
    for (size_t i = 0; i < count; i++) {
        const struct decision *decision = &changes[i].decision;
        if (works[i]->status != STATUS_OK || !decision->changed) {
            continue;
        }
        for (size_t k = 0; k < decision->action_count; k++) {
            start(dispatch, changes[i].work, &decision->actions[k]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (works[i]->status == STATUS_OK && works[i]->stimuli != NULL) {
            works[again++] = works[i];
        }
    }
    return again;
}

void dispatch_run(struct dispatch *dispatch, struct work *const *works, size_t count)
{
    struct work **open =
        ARENA_ARRAY(dispatch->arena, count > DONE_MAX ? count : DONE_MAX, struct work *);
    size_t open_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (works[i]->stimuli != NULL) {
            open[open_count++] = works[i];
        }
    }
    while (open_count > 0 || aws_pending(dispatch->aws) > 0) {
        open_count = open_count > 0 ? commit_and_start(dispatch, open, open_count)
                                    : gather_answers(dispatch, open);
    }
}

/* ---- Records -------------------------------------------------------------------------------- */

/* What the first decision asks for without an exchange: the reply of a REJECTED one. */
MUST_CHECK static enum status settle_first(struct dispatch *dispatch,
                                           struct registration *registration, struct error *error)
{
    struct work *work = registration->work;
    struct change change = {.work = work, .decision = {.next = registration->decision.next}};
    const struct stimulus none = dispatch_stimulus(dispatch, STIMULUS_DUE);
    enum status status = take_actions(dispatch, &change, &registration->decision, &none, error);
    if (status == STATUS_OK) {
        registration->decision = change.decision;
        work->record.state = change.decision.next;
        work->record.due_at_ms =
            lifecycle_due_at(dispatch->policy, &work->record.plan, &work->record.state);
    }
    return status;
}

static void registered(struct dispatch *dispatch, struct registration *registration,
                       const struct tracker_registration *stored)
{
    struct work *work = registration->work;
    registration->existing = !stored->created;
    if (registration->existing) {
        work->status = record_open(dispatch->seal, dispatch->arena, &stored->existing,
                                   &work->record, &work->error);
        return;
    }
    work->record.version = 1;
    work->applied = true;
    count_outcome(work->record.state.outcome);
    for (size_t i = 0; i < registration->decision.action_count; i++) {
        start(dispatch, work, &registration->decision.actions[i]);
    }
}

void dispatch_register(struct dispatch *dispatch, struct registration *registrations, size_t count)
{
    struct tracker_registration *stored =
        ARENA_ARRAY(dispatch->arena, count, struct tracker_registration);
    struct registration **owners = ARENA_ARRAY(dispatch->arena, count, struct registration *);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct work *work = registrations[i].work;
        work->status = settle_first(dispatch, &registrations[i], &work->error);
        if (work->status == STATUS_OK) {
            work->status = record_close(dispatch->seal, dispatch->arena, &work->record,
                                        dispatch->owner, &stored[kept].record, &work->error);
        }
        if (work->status == STATUS_OK) {
            stored[kept].record.expires_at_ms =
                lifecycle_expires_at(dispatch->policy, &work->record.state);
            owners[kept++] = &registrations[i];
        }
    }
    struct error error = ERROR_NONE;
    enum status status =
        kept == 0 ? STATUS_OK
                  : tracker_register(dispatch->tracker, dispatch->arena, stored, kept, &error);
    seam_reached("committed");
    for (size_t i = 0; i < kept; i++) {
        if (status == STATUS_OK) {
            registered(dispatch, owners[i], &stored[i]);
        } else {
            owners[i]->work->status = status;
            owners[i]->work->error = error;
        }
    }
}
