#include "completer/callback.h"

#include "completer/reply.h"

#include "infra/aws/step_functions.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#define CALLBACK_TIMEOUT_MS 20000
/* CloudFormation waits for an hour at most. What was not taken twice as long after the request is
 * waited for by nobody. */
#define RESPONSE_URL_WAITS_MS (2 * 3600 * 1000LL)

struct address_kind_handler {
    void (*build)(struct arena *arena, const struct callback_message *message,
                  struct aws_call *call);
    void (*read)(const struct aws_call *call, struct stimulus *stimulus);
};

/* One row per address kind that can be told. */
static const struct address_kind_handler kinds[] = {
    [ADDRESS_TASK_TOKEN] = {callback_task_token_build, callback_task_token_read},
    [ADDRESS_RESPONSE_URL] = {callback_response_url_build, callback_response_url_read},
    [ADDRESS_QUEUE] = {callback_queue_build, callback_queue_read},
    [ADDRESS_TOPIC] = {callback_topic_build, callback_topic_read},
    [ADDRESS_BUS] = {callback_bus_build, callback_bus_read},
};

static struct slice target_of(const struct record *record, size_t address)
{
    if (address < record->plan.address_count) {
        return record->plan.addresses[address].target;
    }
    return record->state.callbacks[address].adopted_target;
}

static const struct address_kind_handler *handler_of(enum address_kind kind)
{
    return (size_t)kind < ARRAY_COUNT(kinds) && kinds[kind].build != NULL ? &kinds[kind] : NULL;
}

static void count(const struct stimulus *stimulus)
{
    if (stimulus->kind == STIMULUS_CALLBACK_DELIVERED) {
        metrics_add(METRIC_CALLBACKS_DELIVERED, 1);
        return;
    }
    switch (stimulus->callback_refusal) {
    case CALLBACK_REFUSAL_CLOSED: metrics_add(METRIC_CALLBACKS_CLOSED, 1); break;
    case CALLBACK_REFUSAL_UNDELIVERABLE: metrics_add(METRIC_CALLBACKS_UNDELIVERABLE, 1); break;
    case CALLBACK_REFUSAL_INVALID_OUTPUT:
    case CALLBACK_REFUSAL_AGAIN: metrics_add(METRIC_CALLBACKS_RETRIED, 1); break;
    }
}

/* One that will never be told, or one that is told again. A call that was not sent is neither. */
static void log_refusal(const struct work *work, enum address_kind kind,
                        const struct aws_call *call, const struct stimulus *stimulus)
{
    const bool never = stimulus->callback_refusal == CALLBACK_REFUSAL_UNDELIVERABLE;
    if (stimulus->kind == STIMULUS_CALLBACK_REFUSED && !call->held_back) {
        log_warning(never ? "callback undeliverable" : "callback not taken",
                    LOG_CSTR("invocationId", work->record.plan.id),
                    LOG_CSTR("kind", address_kind_name(kind)), LOG_CSTR("error", call->error_name),
                    LOG_INT("code", call->code));
    }
}

/* Without an exchange. */
static bool answer(struct stimulus *stimulus, size_t address, enum callback_refusal refusal)
{
    stimulus->kind = STIMULUS_CALLBACK_REFUSED;
    stimulus->address = address;
    stimulus->callback_refusal = refusal;
    count(stimulus);
    return false;
}

static bool nobody_waits(const struct dispatch *dispatch, const struct work *work,
                         const struct callback *callback)
{
    return callback->kind == ADDRESS_RESPONSE_URL && callback->attempts > 1 &&
           dispatch->now_ms - work->record.plan.created_at_ms > RESPONSE_URL_WAITS_MS;
}

static bool build_callback(struct dispatch *dispatch, struct work *work,
                           const struct action *action, struct aws_call *call,
                           struct stimulus *stimulus)
{
    const struct callback *callback = &work->record.state.callbacks[action->address];
    const struct address_kind_handler *handler = handler_of(callback->kind);
    struct callback_message message = {.plan = &work->record.plan,
                                       .state = &work->record.state,
                                       .address = action->address,
                                       .target = target_of(&work->record, action->address),
                                       .failure_instead = callback->failure_instead};
    struct error error = ERROR_NONE;
    if (handler == NULL || message.target.size == 0 || nobody_waits(dispatch, work, callback)) {
        (void)answer(stimulus, action->address, CALLBACK_REFUSAL_UNDELIVERABLE);
        log_refusal(work, callback->kind, call, stimulus);
        return false;
    }
    enum status status = dispatch_reply(dispatch, &work->record, &message.reply, &error);
    if (status == STATUS_NOT_FOUND) {
        message.reply =
            reply_render_short(dispatch->arena, &work->record.plan, &work->record.state);
    } else if (status != STATUS_OK) {
        return answer(stimulus, action->address, CALLBACK_REFUSAL_AGAIN);
    }
    void *context = call->context;
    handler->build(dispatch->arena, &message, call);
    call->context = context;
    call->timeout_ms = CALLBACK_TIMEOUT_MS;
    return true;
}

static void read_callback(struct dispatch *dispatch, struct work *work, const struct action *action,
                          const struct aws_call *call, struct stimulus *stimulus)
{
    (void)dispatch;
    enum address_kind kind = work->record.state.callbacks[action->address].kind;
    const struct address_kind_handler *handler = handler_of(kind);
    stimulus->address = action->address;
    if (handler == NULL) {
        (void)answer(stimulus, action->address, CALLBACK_REFUSAL_UNDELIVERABLE);
        return;
    }
    handler->read(call, stimulus);
    count(stimulus);
    log_refusal(work, kind, call, stimulus);
}

const struct action_handler callback_handler = {.build = build_callback, .read = read_callback};

/* ---- Heartbeats ----------------------------------------------------------------------------- */

static bool build_heartbeat(struct dispatch *dispatch, struct work *work,
                            const struct action *action, struct aws_call *call,
                            struct stimulus *stimulus)
{
    (void)stimulus;
    struct slice token = target_of(&work->record, action->address);
    if (token.size == 0) {
        return false;
    }
    void *context = call->context;
    step_functions_build_heartbeat(dispatch->arena, token, call);
    call->context = context;
    call->timeout_ms = CALLBACK_TIMEOUT_MS;
    return true;
}

static void read_heartbeat(struct dispatch *dispatch, struct work *work,
                           const struct action *action, const struct aws_call *call,
                           struct stimulus *stimulus)
{
    (void)dispatch;
    stimulus->address = action->address;
    switch (step_functions_verdict(call)) {
    case STEP_FUNCTIONS_TAKEN: stimulus->kind = STIMULUS_HEARTBEAT_TAKEN; break;
    case STEP_FUNCTIONS_CLOSED:
    case STEP_FUNCTIONS_UNDELIVERABLE:
        stimulus->kind = STIMULUS_CALLER_GONE;
        if (!work->record.plan.keep_running && !work->record.plan.keyed) {
            log_info("nobody waits: its task is closed",
                     LOG_CSTR("invocationId", work->record.plan.id));
        }
        break;
    case STEP_FUNCTIONS_INVALID_OUTPUT:
    case STEP_FUNCTIONS_AGAIN: break; /* the next pace tries again */
    }
}

const struct action_handler heartbeat_handler = {.build = build_heartbeat, .read = read_heartbeat};
