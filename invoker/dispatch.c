#include "invoker/dispatch.h"

#include "invoker/dispatch_commit.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"
#include "infra/base/seam.h"

#include <string.h>

#define DONE_MAX 64

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

/* How long the whole batch may take. */
static int64_t batch_ms(const struct dispatch *dispatch)
{
    const int64_t left_ms = dispatch->leave_by_ms - dispatch->started_ms;
    return dispatch->leave_by_ms == 0 || left_ms > DISPATCH_BATCH_MS ? DISPATCH_BATCH_MS : left_ms;
}

bool dispatch_too_late(const struct dispatch *dispatch)
{
    return elapsed_ms(dispatch) > batch_ms(dispatch) * DISPATCH_START_MS / DISPATCH_BATCH_MS;
}

/* Starts one action. When there is nothing to send, its answer, if any, has been fed. */
static void start(struct dispatch *dispatch, struct work *work, const struct action *action)
{
    const struct action_handler *handler = dispatch->handlers[action->kind];
    if (dispatch_too_late(dispatch) || handler == NULL) {
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
    int64_t left_ms = batch_ms(dispatch) - elapsed_ms(dispatch);
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
        stimulus.later_ms = done[i]->later_ms;
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
    changes_commit(dispatch, changes, count);
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
    enum status status =
        change_take_actions(dispatch, &change, &registration->decision, &none, error);
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
    if (stored->status != STATUS_OK) {
        work->status = error_set(&work->error, stored->status, TRACKER_PART_AWAY);
        return;
    }
    registration->existing = !stored->created;
    if (registration->existing) {
        work->status = record_open(dispatch->seal, dispatch->arena, &stored->existing,
                                   &work->record, &work->error);
        return;
    }
    work->record.version = 1;
    work->applied = true;
    change_count_outcome(work->record.state.outcome);
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
