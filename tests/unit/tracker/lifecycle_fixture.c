#include "tests/unit/tracker/lifecycle_fixture.h"

#include <string.h>

const struct lifecycle_policy policy = {.lease_ms = 120000,
                                        .overdue_ms = 60000,
                                        .cancel_grace_ms = 30000,
                                        .gather_ms = 60000,
                                        .retain_ms = 86400000,
                                        .dedupe_ms = 16 * 86400000LL};
static const struct slice sql = {"select 1", 8};
static const char statement_id[] = "d9b6c0c9-0747-4bf4-b142-e8883122f766";

int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(1u << 20)};
    fixture.steps[0] = fixture.steps[1] = (struct plan_step){.sqls = &sql, .sql_count = 1};
    fixture.plan = (struct plan){.prefix = SLICE("ringback/"),
                                 .steps = fixture.steps,
                                 .step_count = 2,
                                 .address_count = 1,
                                 .retry.max_attempts = 3,
                                 .retry.base_ms = 1000,
                                 .retry.max_ms = 10000,
                                 .session_keep_alive_seconds = -1,
                                 .expect_min_rows = -1,
                                 .expect_max_rows = -1};
    address_init(&fixture.plan.addresses[0], ADDRESS_TASK_TOKEN, SLICE("token"));
    *context = &fixture;
    return 0;
}

int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

void put_in_state(struct fixture *fixture, enum statement_state statement)
{
    struct state *state = &fixture->state;
    *state = (struct state){.statement = statement,
                            .step = 1,
                            .attempt = 1,
                            .statement_at_ms = NOW,
                            .callback_count = 1,
                            .callbacks = {{.kind = ADDRESS_TASK_TOKEN}}};
    memcpy(state->callbacks[0].digest, fixture->plan.addresses[0].digest,
           sizeof(state->callbacks[0].digest));
    if (statement >= STATEMENT_SUBMITTING) {
        state->sends = 1;
        state->last_send_ms = NOW - 1000;
    }
    if (statement == STATEMENT_SUBMITTING) {
        state->doubt_since_ms = NOW - 1000;
    }
    if (statement >= STATEMENT_RUNNING) {
        memcpy(state->statement_id, statement_id, sizeof(statement_id));
    }
    if (statement == STATEMENT_CANCELLING) {
        state->cancel_cause = OUTCOME_ABORTED;
        state->cancelling_since_ms = NOW - 1000;
    }
    if (lifecycle_statement_final(statement)) {
        state->outcome = statement == STATEMENT_ENDED ? OUTCOME_FINISHED : OUTCOME_EXPIRED;
        state->statement_at_ms = 0;
        memset(state->reply_digest, 'a', SHA256_HEX_BYTES);
        state->callbacks[0].state = CALLBACK_CHOSEN;
    }
}

struct stimulus make(enum stimulus_kind kind)
{
    return (struct stimulus){
        .kind = kind, .step = 1, .attempt = 1, .rows = -1, .duration_ms = -1, .unit = 0.5};
}

struct stimulus make_ending(enum stimulus_kind kind, enum ending ending)
{
    struct stimulus stimulus = make(kind);
    stimulus.ending = ending;
    stimulus.witness = kind == STIMULUS_EVENT ? WITNESS_EVENT : WITNESS_SWEEP;
    stimulus.details = kind == STIMULUS_DESCRIBED && ending != ENDING_NONE;
    stimulus.statement_id = slice_from_text(statement_id);
    stimulus.event = kind == STIMULUS_EVENT ? SLICE("{\"detail\":{}}") : SLICE_NONE;
    return stimulus;
}

struct stimulus make_refusal(enum refusal refusal)
{
    struct stimulus stimulus = make(STIMULUS_SUBMIT_REFUSED);
    stimulus.refusal = refusal;
    stimulus.error_type = SLICE("ValidationException");
    stimulus.error_text = SLICE("no such cluster");
    return stimulus;
}

struct stimulus make_listed(bool found)
{
    struct stimulus stimulus = make(STIMULUS_LISTED);
    stimulus.found = found;
    stimulus.statement_id = found ? slice_from_text(statement_id) : SLICE_NONE;
    return stimulus;
}

const struct state *decide_at(struct fixture *fixture, struct stimulus stimulus, int64_t now_ms)
{
    if (stimulus.sent_at_ms == 0) {
        stimulus.sent_at_ms = fixture->state.last_send_ms;
    }
    const struct lifecycle_context context = {fixture->arena, &policy, now_ms};
    lifecycle_decide(&context, &fixture->plan, &fixture->state, &stimulus, &fixture->decision);
    return &fixture->decision.next;
}

const struct state *decide(struct fixture *fixture, struct stimulus stimulus)
{
    return decide_at(fixture, stimulus, NOW);
}

bool has_action(const struct fixture *fixture, enum action_kind kind)
{
    for (size_t i = 0; i < fixture->decision.action_count; i++) {
        if (fixture->decision.actions[i].kind == kind) {
            return true;
        }
    }
    return false;
}

const struct state *choose(struct fixture *fixture)
{
    struct stimulus chosen = make(STIMULUS_CHOSEN);
    chosen.reply = SLICE("{}");
    memset(chosen.reply_digest, 'b', SHA256_HEX_BYTES);
    fixture->state = fixture->decision.next;
    return decide(fixture, chosen);
}
