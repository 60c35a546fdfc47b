/* The rules of the callback axis: callbacks, adopters, settling, tombstones, heartbeats. */
#include "tests/unit/tracker/lifecycle_fixture.h"

/* ---- Success scenarios --------------------------------------------------------------------------
 */

static void all_delivered_is_settled(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_ENDED);
    const struct state *next = decide(fixture, make(STIMULUS_CALLBACK_DELIVERED));
    assert_true(fixture->decision.settled);
    assert_int_equal(next->settled_at_ms, NOW);
    assert_int_equal(lifecycle_due_at(&policy, &fixture->plan, next), NOW + policy.retain_ms);
    assert_int_equal(lifecycle_expires_at(&policy, next), NOW + policy.dedupe_ms);
}

static void a_settled_record_shrinks_to_a_tombstone(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_ENDED);
    fixture->state = *decide(fixture, make(STIMULUS_CALLBACK_DELIVERED));
    const struct state *next = decide_at(fixture, make(STIMULUS_DUE), NOW + policy.retain_ms);
    assert_true(fixture->decision.shrunk);
    assert_true(next->tombstone);
    assert_int_equal(lifecycle_due_at(&policy, &fixture->plan, next), 0);
}

static void an_adopter_of_a_committed_outcome_is_told_at_once(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_ENDED);
    fixture->state = *decide(fixture, make(STIMULUS_CALLBACK_DELIVERED));
    struct stimulus adopted = make(STIMULUS_ADOPTED);
    address_init(&adopted.adopter, ADDRESS_QUEUE, SLICE("http://queue"));
    const struct state *next = decide(fixture, adopted);
    assert_int_equal(next->callback_count, 2);
    assert_int_equal(next->callbacks[1].state, CALLBACK_CHOSEN);
    assert_int_equal(next->settled_at_ms, 0);
    assert_true(has_action(fixture, ACTION_CALLBACK));
}

static void the_same_address_is_adopted_once(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    struct stimulus adopted = make(STIMULUS_ADOPTED);
    address_init(&adopted.adopter, ADDRESS_TASK_TOKEN, SLICE("token"));
    assert_int_equal(decide(fixture, adopted)->callback_count, 1);
    assert_false(fixture->decision.changed);
}

/* An address that is told of failures only does not stand for a caller at the same place. */
static void an_adopter_at_a_place_of_notify_is_told_too(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.addresses[0].when = ADDRESS_ON_FAILURE;
    put_in_state(fixture, STATEMENT_RUNNING);
    struct stimulus adopted = make(STIMULUS_ADOPTED);
    address_init(&adopted.adopter, ADDRESS_TASK_TOKEN, SLICE("token"));
    fixture->state = *decide(fixture, adopted);
    assert_int_equal(fixture->state.callback_count, 2);
    assert_int_equal(decide(fixture, adopted)->callback_count, 2);
}

static void the_ninth_address_replaces_the_oldest_adopter(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    for (int i = 0; i < INVOCATION_ADDRESSES_MAX; i++) {
        struct stimulus adopted = make(STIMULUS_ADOPTED);
        address_init(&adopted.adopter, ADDRESS_QUEUE,
                     slice_from_text(arena_format(fixture->arena, "http://queue/%d", i)));
        fixture->state = *decide(fixture, adopted);
    }
    const struct state *state = &fixture->state;
    assert_int_equal(state->callback_count, INVOCATION_ADDRESSES_MAX);
    assert_int_equal(state->callbacks[0].kind, ADDRESS_TASK_TOKEN);
    assert_true(slice_equals_text(state->callbacks[1].adopted_target, "http://queue/1"));
    assert_true(slice_equals_text(state->callbacks[7].adopted_target, "http://queue/7"));
}

static void a_heartbeat_goes_out_at_its_pace(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.heartbeat_seconds = 30;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->state = *decide(fixture, make_ending(STIMULUS_SUBMITTED, ENDING_NONE));
    assert_int_equal(fixture->state.heartbeat_at_ms, NOW + 30000);
    const struct state *next = decide_at(fixture, make(STIMULUS_DUE), NOW + 30000);
    assert_true(has_action(fixture, ACTION_HEARTBEAT));
    assert_int_equal(next->heartbeat_at_ms, NOW + 60000);
}

/* The token of a retried state: the first one is dead by then. */
static void an_adopter_gets_heartbeats_too(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.heartbeat_seconds = 30;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->state = *decide(fixture, make_ending(STIMULUS_SUBMITTED, ENDING_NONE));
    struct stimulus adopted = make(STIMULUS_ADOPTED);
    address_init(&adopted.adopter, ADDRESS_TASK_TOKEN, SLICE("second token"));
    fixture->state = *decide(fixture, adopted);
    decide_at(fixture, make(STIMULUS_DUE), NOW + 30000);
    size_t heartbeats = 0;
    for (size_t i = 0; i < fixture->decision.action_count; i++) {
        heartbeats += fixture->decision.actions[i].kind == ACTION_HEARTBEAT;
    }
    assert_int_equal(heartbeats, 2);
}

/* ---- Failure scenarios --------------------------------------------------------------------------
 */

static void callbacks_are_refused_in_four_ways(void **context)
{
    static const struct {
        enum callback_refusal refusal;
        enum callback_state state;
        bool again;
    } cases[] = {
        {CALLBACK_REFUSAL_CLOSED, CALLBACK_CLOSED, false},
        {CALLBACK_REFUSAL_UNDELIVERABLE, CALLBACK_UNDELIVERABLE, false},
        {CALLBACK_REFUSAL_INVALID_OUTPUT, CALLBACK_CHOSEN, true},
        {CALLBACK_REFUSAL_AGAIN, CALLBACK_CHOSEN, false},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        put_in_state(fixture, STATEMENT_ENDED);
        struct stimulus refused = make(STIMULUS_CALLBACK_REFUSED);
        refused.callback_refusal = cases[i].refusal;
        const struct state *next = decide(fixture, refused);
        assert_int_equal(next->callbacks[0].state, cases[i].state);
        assert_int_equal(has_action(fixture, ACTION_CALLBACK), cases[i].again);
        assert_int_equal(next->settled_at_ms > 0, lifecycle_callback_final(cases[i].state));
    }
}

static void an_address_that_does_not_apply_is_closed(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.addresses[0].when = ADDRESS_ON_FAILURE;
    fixture->plan.step_count = 1;
    put_in_state(fixture, STATEMENT_RUNNING);
    decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    const struct state *next = choose(fixture);
    assert_int_equal(next->callbacks[0].state, CALLBACK_CLOSED);
    assert_false(has_action(fixture, ACTION_CALLBACK));
    assert_true(fixture->decision.settled);
}

static void a_refused_request_is_rejected_and_told(void **context)
{
    struct fixture *fixture = *context;
    const struct lifecycle_context now = {fixture->arena, &policy, NOW};
    lifecycle_accept(&now, &fixture->plan, LIFECYCLE_START_REJECTED, SLICE("InvalidRequest"),
                     SLICE("mode: unknown"), &fixture->decision);
    assert_int_equal(fixture->decision.next.outcome, OUTCOME_REJECTED);
    assert_string_equal(fixture->decision.next.error_type, "InvalidRequest");
    assert_true(has_action(fixture, ACTION_CHOOSE));
    assert_false(has_action(fixture, ACTION_SUBMIT));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_delivered_is_settled),
        TEST(a_settled_record_shrinks_to_a_tombstone),
        TEST(an_adopter_of_a_committed_outcome_is_told_at_once),
        TEST(the_same_address_is_adopted_once),
        TEST(an_adopter_at_a_place_of_notify_is_told_too),
        TEST(the_ninth_address_replaces_the_oldest_adopter),
        TEST(a_heartbeat_goes_out_at_its_pace),
        TEST(an_adopter_gets_heartbeats_too),
        TEST(callbacks_are_refused_in_four_ways),
        TEST(an_address_that_does_not_apply_is_closed),
        TEST(a_refused_request_is_rejected_and_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
