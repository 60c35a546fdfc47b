/* The callback axis: telling the outcome to every address, adopters, callers that have left. */
#include "tracker/lifecycle_core.h"

#include <string.h>

#define CALLBACK_BACKOFF_BASE_MS 1000
#define CALLBACK_BACKOFF_MAX_MS  (300 * 1000LL)

static bool applies(enum address_when when, enum outcome outcome)
{
    switch (when) {
    case ADDRESS_ALWAYS: return true;
    case ADDRESS_ON_SUCCESS: return outcome == OUTCOME_FINISHED;
    case ADDRESS_ON_FAILURE: return outcome != OUTCOME_FINISHED;
    }
    return true;
}

static enum address_when when_of(const struct core *core, size_t address)
{
    return address < core->plan->address_count ? core->plan->addresses[address].when
                                               : ADDRESS_ALWAYS;
}

static void ring(struct core *core, size_t address)
{
    struct callback *callback = &core->next->callbacks[address];
    if (!applies(when_of(core, address), core->next->outcome)) {
        core_move_callback(core, address, CALLBACK_CLOSED);
        return;
    }
    core_move_callback(core, address, CALLBACK_CHOSEN);
    callback->attempts++;
    callback->next_at_ms = core->now_ms + core->policy->lease_ms;
    core_add_action(core, ACTION_CALLBACK, address);
}

void core_on_chosen(struct core *core)
{
    struct state *next = core->next;
    if (next->outcome == OUTCOME_NONE || next->reply_digest[0] != '\0') {
        return;
    }
    memcpy(next->reply_digest, core->stimulus->reply_digest, sizeof(next->reply_digest));
    next->reply = core->stimulus->reply;
    next->event = SLICE_NONE;
    if (lifecycle_statement_final(next->statement)) {
        next->statement_at_ms = 0;
    }
    for (size_t i = 0; i < next->callback_count; i++) {
        if (next->callbacks[i].state == CALLBACK_OPEN) {
            ring(core, i);
        }
    }
}

static bool is_told_of(const struct core *core, size_t address)
{
    const char *digest = core->stimulus->address_digest;
    return address < core->next->callback_count &&
           (digest[0] == '\0' || strcmp(core->next->callbacks[address].digest, digest) == 0);
}

/* The address that the stimulus speaks of; the count when it is there no more. */
static size_t told_address(const struct core *core)
{
    size_t address = core->stimulus->address;
    if (is_told_of(core, address)) {
        return address;
    }
    for (address = 0; address < core->next->callback_count; address++) {
        if (core->stimulus->address_digest[0] != '\0' && is_told_of(core, address)) {
            return address;
        }
    }
    return core->next->callback_count;
}

static void ring_again(struct core *core, struct callback *callback)
{
    int64_t tries = callback->attempts - 1;
    callback->next_at_ms =
        core_again_at_ms(core, CALLBACK_BACKOFF_BASE_MS, CALLBACK_BACKOFF_MAX_MS, &tries);
}

void core_on_callback(struct core *core)
{
    const struct stimulus *stimulus = core->stimulus;
    struct state *next = core->next;
    const size_t address = told_address(core);
    if (address == next->callback_count || next->callbacks[address].state != CALLBACK_CHOSEN) {
        return;
    }
    struct callback *callback = &next->callbacks[address];
    if (stimulus->kind == STIMULUS_CALLBACK_DELIVERED) {
        core_move_callback(core, address, CALLBACK_DELIVERED);
        return;
    }
    switch (stimulus->callback_refusal) {
    case CALLBACK_REFUSAL_CLOSED: core_move_callback(core, address, CALLBACK_CLOSED); break;
    case CALLBACK_REFUSAL_UNDELIVERABLE:
        core_move_callback(core, address, CALLBACK_UNDELIVERABLE);
        break;
    case CALLBACK_REFUSAL_INVALID_OUTPUT:
        if (callback->failure_instead) {
            core_move_callback(core, address, CALLBACK_UNDELIVERABLE);
            break;
        }
        callback->failure_instead = true;
        callback->attempts++;
        callback->next_at_ms = core->now_ms + core->policy->lease_ms;
        core_add_action(core, ACTION_CALLBACK, address);
        break;
    case CALLBACK_REFUSAL_AGAIN: ring_again(core, callback); break;
    }
}

static size_t adopter_place(struct core *core)
{
    struct state *next = core->next;
    if (next->callback_count < INVOCATION_ADDRESSES_MAX) {
        return next->callback_count++;
    }
    /* The ninth address replaces the oldest adopter's. */
    size_t first = core->plan->address_count < INVOCATION_ADDRESSES_MAX
                       ? core->plan->address_count
                       : INVOCATION_ADDRESSES_MAX - 1;
    memmove(&next->callbacks[first], &next->callbacks[first + 1],
            (INVOCATION_ADDRESSES_MAX - 1 - first) * sizeof(next->callbacks[0]));
    return INVOCATION_ADDRESSES_MAX - 1;
}

void core_on_adopted(struct core *core)
{
    struct state *next = core->next;
    const struct address *adopter = &core->stimulus->adopter;
    for (size_t i = 0; i < next->callback_count; i++) {
        /* One that is told of some outcomes only does not stand for one that wants to know. */
        if (when_of(core, i) == ADDRESS_ALWAYS &&
            strcmp(next->callbacks[i].digest, adopter->digest) == 0) {
            return;
        }
    }
    size_t place = adopter_place(core);
    struct callback *callback = &next->callbacks[place];
    *callback = (struct callback){
        .kind = adopter->kind,
        .state = CALLBACK_OPEN,
        .adopted_target = adopter->target,
        .elsewhere = !slice_equals(core->stimulus->adopter_group, core->plan->group)};
    memcpy(callback->digest, adopter->digest, sizeof(callback->digest));
    next->settled_at_ms = 0;
    if (next->reply_digest[0] != '\0') {
        ring(core, place);
    }
}

static bool waits_by_token(const struct state *state)
{
    for (size_t i = 0; i < state->callback_count; i++) {
        if (state->callbacks[i].kind == ADDRESS_TASK_TOKEN) {
            return true;
        }
    }
    return false;
}

static bool waits_elsewhere(const struct state *state)
{
    for (size_t i = 0; i < state->callback_count; i++) {
        if (state->callbacks[i].elsewhere) {
            return true;
        }
    }
    return false;
}

/* A dead token alone says little where the work has a name: the next try of the state comes with
 * another one. An execution that is over sends none. What it has started without a token was to go
 * on, and what somebody else has adopted goes on for him. */
static bool nobody_waits(const struct core *core)
{
    if (!core->stimulus->execution_over) {
        return !core->plan->keyed;
    }
    return waits_by_token(core->next) && !waits_elsewhere(core->next);
}

void core_on_caller_gone(struct core *core)
{
    if (!core->plan->keep_running && nobody_waits(core) &&
        !lifecycle_statement_final(core->next->statement)) {
        core_cancel(core, OUTCOME_ABORTED);
    }
}
