/* The rules of the statement axis one by one: submitting, doubt, endings, retries, cancelling,
 * deadlines. */
#include "tests/unit/tracker/lifecycle_fixture.h"

/* ---- Success scenarios --------------------------------------------------------------------------
 */

static void last_step_finished_is_chosen_with_its_event(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.step_count = 1;
    const struct state *next = decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    assert_int_equal(next->outcome, OUTCOME_FINISHED);
    assert_true(has_action(fixture, ACTION_CHOOSE));
    assert_false(has_action(fixture, ACTION_DESCRIBE));
    next = choose(fixture);
    assert_int_equal(next->callbacks[0].state, CALLBACK_CHOSEN);
    assert_true(has_action(fixture, ACTION_CALLBACK));
}

static void a_finished_step_begins_the_next_one(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    const struct state *next = decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    assert_int_equal(next->step, 2);
    assert_int_equal(next->attempt, 1);
    assert_int_equal(next->doubt_since_ms, NOW);
    assert_string_equal(next->statement_id, "");
    assert_true(has_action(fixture, ACTION_SUBMIT));
}

static void a_failure_gathers_the_error_text(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    const struct state *next = decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    assert_int_equal(next->outcome, OUTCOME_FAILED);
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    fixture->state = *next;
    struct stimulus described = make_ending(STIMULUS_DESCRIBED, ENDING_FAILED);
    described.error_text = SLICE("ERROR: division by zero");
    next = decide(fixture, described);
    assert_true(has_action(fixture, ACTION_CHOOSE));
    assert_true(slice_equals_text(next->error_text, "ERROR: division by zero"));
}

static void gathering_is_bounded(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->state = *decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    fixture->state = *decide(fixture, make(STIMULUS_LOOK_FAILED));
    assert_false(has_action(fixture, ACTION_CHOOSE));
    decide_at(fixture, make(STIMULUS_LOOK_FAILED), NOW + policy.gather_ms);
    assert_true(has_action(fixture, ACTION_CHOOSE));
}

static void a_transient_failure_is_tried_again(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->steps[0].retriable = true;
    const struct state *next = decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    assert_int_equal(next->outcome, OUTCOME_NONE);
    assert_int_equal(next->seen, ENDING_FAILED);
    fixture->state = *next;
    struct stimulus described = make_ending(STIMULUS_DESCRIBED, ENDING_FAILED);
    described.transient = true;
    next = decide(fixture, described);
    assert_int_equal(next->statement, STATEMENT_QUEUED);
    assert_int_equal(next->attempt, 2);
    assert_true(next->statement_at_ms > NOW);
}

static void who_saw_a_failure_first_is_its_witness(void **context)
{
    struct fixture *fixture = *context;
    fixture->steps[0].retriable = true;
    fixture->plan.retry.max_attempts = 2;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    struct stimulus submitted = make_ending(STIMULUS_SUBMITTED, ENDING_FAILED);
    submitted.witness = WITNESS_SUBMIT;
    fixture->state = *decide(fixture, submitted);
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    const struct state *next = decide(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_FAILED));
    assert_int_equal(next->outcome, OUTCOME_FAILED);
    assert_int_equal(next->witness, WITNESS_SUBMIT);
}

static void a_failure_that_is_passed_over_leaves_its_text(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->steps[0].keep_going = true;
    fixture->state = *decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    struct stimulus described = make_ending(STIMULUS_DESCRIBED, ENDING_FAILED);
    described.error_text = SLICE("no such table");
    fixture->state = *decide(fixture, described);
    assert_int_equal(fixture->state.step, 2);
    assert_true(has_action(fixture, ACTION_SUBMIT));
    struct stimulus last = make_ending(STIMULUS_EVENT, ENDING_FINISHED);
    last.step = 2;
    const struct state *next = decide(fixture, last);
    assert_int_equal(next->outcome, OUTCOME_FAILED);
    assert_true(slice_equals_text(next->error_text, "no such table"));
}

/* ---- Failure scenarios --------------------------------------------------------------------------
 */

static void a_duplicate_event_changes_nothing(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_ENDED);
    decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    assert_false(fixture->decision.changed);
}

static void an_event_of_an_earlier_attempt_changes_nothing(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->state.attempt = 2;
    decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    assert_false(fixture->decision.changed);
}

static void doubt_is_never_moved_by_a_repeat(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    const struct state *next = decide_at(fixture, make(STIMULUS_DUE), NOW + HOUR);
    assert_true(has_action(fixture, ACTION_SUBMIT));
    assert_int_equal(next->doubt_since_ms, NOW - 1000);
    assert_int_equal(next->sends, 2);
}

static void old_doubt_is_looked_up_by_name(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    decide_at(fixture, make(STIMULUS_DUE), NOW + 7 * HOUR);
    assert_false(has_action(fixture, ACTION_SUBMIT));
    assert_true(has_action(fixture, ACTION_LIST));
}

static void the_refusal_of_a_repeat_proves_nothing(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->state.sends = 2;
    const struct state *next = decide(fixture, make_refusal(REFUSAL_PERMANENT));
    assert_int_equal(next->statement, STATEMENT_SUBMITTING);
    assert_int_equal(next->outcome, OUTCOME_NONE);
    fixture->state = *next;
    decide_at(fixture, make(STIMULUS_DUE), next->statement_at_ms);
    assert_true(has_action(fixture, ACTION_LIST));
}

static void not_listed_soon_after_the_send_is_no_proof(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    const struct state *next =
        decide_at(fixture, make_listed(false), NOW - 1000 + LIFECYCLE_ABSENT_MS - 1);
    assert_int_equal(next->outcome, OUTCOME_NONE);
    next = decide_at(fixture, make_listed(false), NOW - 1000 + LIFECYCLE_ABSENT_MS);
    assert_int_equal(next->outcome, OUTCOME_EXPIRED);
    assert_int_equal(next->statement, STATEMENT_UNKNOWN);
}

static void a_later_steps_refusal_is_failed(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    assert_int_equal(decide(fixture, make_refusal(REFUSAL_PERMANENT))->outcome, OUTCOME_REJECTED);
    fixture->state.step = 2;
    struct stimulus refused = make_refusal(REFUSAL_PERMANENT);
    refused.step = 2;
    assert_int_equal(decide(fixture, refused)->outcome, OUTCOME_FAILED);
}

static void a_callback_free_request_is_never_queued(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->plan.address_count = 0;
    fixture->state.callback_count = 0;
    assert_int_equal(decide(fixture, make_refusal(REFUSAL_CAPACITY))->outcome, OUTCOME_REJECTED);
}

static void a_deadline_cancels_and_the_ending_decides(void **context)
{
    static const struct {
        enum ending ending;
        unsigned step;
        enum outcome outcome;
    } cases[] = {
        {ENDING_FINISHED, 2, OUTCOME_FINISHED}, /* of the last step: stays */
        {ENDING_FAILED, 1, OUTCOME_FAILED},     /* stays */
        {ENDING_FINISHED, 1, OUTCOME_TIMED_OUT},
        {ENDING_ABORTED, 1, OUTCOME_TIMED_OUT},
    };
    struct fixture *fixture = *context;
    fixture->plan.deadline_ms = NOW;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        put_in_state(fixture, STATEMENT_RUNNING);
        fixture->state.step = cases[i].step;
        const struct state *next = decide(fixture, make(STIMULUS_DUE));
        assert_int_equal(next->statement, STATEMENT_CANCELLING);
        assert_int_equal(next->outcome, OUTCOME_NONE);
        assert_true(has_action(fixture, ACTION_CANCEL));
        fixture->state = *next;
        struct stimulus event = make_ending(STIMULUS_EVENT, cases[i].ending);
        event.step = cases[i].step;
        assert_int_equal(decide(fixture, event)->outcome, cases[i].outcome);
    }
}

static void a_deadline_before_the_send_ends_at_once(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.deadline_ms = NOW;
    put_in_state(fixture, STATEMENT_QUEUED);
    assert_int_equal(decide(fixture, make(STIMULUS_DUE))->outcome, OUTCOME_TIMED_OUT);
    assert_false(has_action(fixture, ACTION_SUBMIT));
}

static void after_the_grace_the_cause_is_chosen_and_cancelling_goes_on(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_CANCELLING);
    const struct state *next =
        decide_at(fixture, make(STIMULUS_DUE), NOW - 1000 + policy.cancel_grace_ms);
    assert_int_equal(next->outcome, OUTCOME_ABORTED);
    assert_true(next->statement_unknown);
    assert_int_equal(next->statement, STATEMENT_CANCELLING);
    assert_true(has_action(fixture, ACTION_CHOOSE));
    fixture->state = *choose(fixture);
    assert_int_equal(decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED))->outcome,
                     OUTCOME_ABORTED);
    assert_int_equal(fixture->decision.next.statement, STATEMENT_ENDED);
}

static void the_callers_patience_ends_the_grace(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.answer_by_ms = NOW + 10;
    put_in_state(fixture, STATEMENT_CANCELLING);
    assert_int_equal(lifecycle_due_at(&policy, &fixture->plan, &fixture->state), NOW);
    assert_int_equal(decide_at(fixture, make(STIMULUS_DUE), NOW + 9)->outcome, OUTCOME_NONE);
    assert_int_equal(decide_at(fixture, make(STIMULUS_DUE), NOW + 10)->outcome, OUTCOME_ABORTED);
    assert_true(has_action(fixture, ACTION_CHOOSE));
}

static void a_gone_caller_does_not_cancel_keyed_or_kept_work(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.keyed = true;
    decide(fixture, make(STIMULUS_CALLER_GONE));
    assert_false(fixture->decision.changed);
    fixture->plan.keyed = false;
    fixture->plan.keep_running = true;
    decide(fixture, make(STIMULUS_CALLER_GONE));
    assert_false(fixture->decision.changed);
}

/* An execution that is over sends no successor, whatever its work is called. */
static void the_end_of_an_execution_cancels_keyed_work(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus gone = make(STIMULUS_CALLER_GONE);
    gone.execution_over = true;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.keyed = true;
    assert_int_equal(decide(fixture, gone)->statement, STATEMENT_CANCELLING);
    assert_int_equal(fixture->decision.next.cancel_cause, OUTCOME_ABORTED);
    fixture->plan.keep_running = true;
    assert_false((decide(fixture, gone), fixture->decision.changed));
}

static void the_end_of_an_execution_leaves_what_others_wait_for(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus gone = make(STIMULUS_CALLER_GONE);
    struct stimulus adopted = make(STIMULUS_ADOPTED);
    gone.execution_over = true;
    fixture->plan.group = SLICE("arn:one");
    put_in_state(fixture, STATEMENT_RUNNING);
    address_init(&adopted.adopter, ADDRESS_TASK_TOKEN, SLICE("second try"));
    adopted.adopter_group = SLICE("arn:one");
    fixture->state = *decide(fixture, adopted);
    assert_int_equal(decide(fixture, gone)->statement, STATEMENT_CANCELLING);
    address_init(&adopted.adopter, ADDRESS_TASK_TOKEN, SLICE("another execution"));
    adopted.adopter_group = SLICE("arn:two");
    fixture->state = *decide(fixture, adopted);
    assert_int_equal(decide(fixture, gone)->statement, STATEMENT_RUNNING);
}

static void the_end_of_an_execution_leaves_what_nobody_waited_for(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus gone = make(STIMULUS_CALLER_GONE);
    gone.execution_over = true;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->state.callback_count = 0;
    assert_int_equal(decide(fixture, gone)->statement, STATEMENT_RUNNING);
}

static void resource_not_found_is_no_ending(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    struct stimulus described = make(STIMULUS_DESCRIBED);
    described.not_found = true;
    assert_int_equal(decide(fixture, described)->statement, STATEMENT_RUNNING);
    assert_int_equal(decide_at(fixture, described, NOW - 1000 + LIFECYCLE_EXPIRE_MS)->outcome,
                     OUTCOME_EXPIRED);
}

/* All processes were away for two days: what AWS still knows is learned. */
static void nothing_expires_before_a_last_look(void **context)
{
    static const enum statement_state states[] = {STATEMENT_SUBMITTING, STATEMENT_RUNNING};
    struct fixture *fixture = *context;
    fixture->plan.step_count = 1;
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        put_in_state(fixture, states[i]);
        const struct state *next = decide_at(fixture, make(STIMULUS_DUE), NOW + 48 * HOUR);
        assert_int_equal(next->statement, states[i]);
        assert_true(has_action(fixture, ACTION_DESCRIBE) || has_action(fixture, ACTION_LIST));
        fixture->state = *next;
        struct stimulus described = make_ending(STIMULUS_DESCRIBED, ENDING_FINISHED);
        assert_int_equal(decide_at(fixture, described, NOW + 48 * HOUR)->outcome, OUTCOME_FINISHED);
        assert_int_equal(decide_at(fixture, make(STIMULUS_LOOK_FAILED), NOW + 48 * HOUR)->statement,
                         STATEMENT_UNKNOWN);
    }
}

/* The event told the ending; Describe may never tell more. */
static void a_witnessed_failure_counts_without_its_text(void **context)
{
    struct fixture *fixture = *context;
    fixture->steps[0].retriable = true;
    for (int not_found = 0; not_found <= 1; not_found++) {
        put_in_state(fixture, STATEMENT_RUNNING);
        fixture->state = *decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
        struct stimulus described = make(STIMULUS_DESCRIBED);
        described.not_found = not_found == 1;
        assert_int_equal(decide(fixture, described)->outcome, OUTCOME_NONE);
        const struct state *next = decide_at(fixture, described, NOW + policy.gather_ms);
        assert_int_equal(next->outcome, OUTCOME_FAILED);
        assert_int_equal(next->witness, WITNESS_EVENT);
    }
}

static void a_witnessed_failure_is_neither_expired_nor_overruled_by_the_grace(void **context)
{
    struct fixture *fixture = *context;
    fixture->steps[0].retriable = true;
    put_in_state(fixture, STATEMENT_CANCELLING);
    fixture->state = *decide(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    const struct state *next = decide_at(fixture, make(STIMULUS_DUE), NOW + LIFECYCLE_EXPIRE_MS);
    assert_int_equal(next->outcome, OUTCOME_NONE);
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    fixture->state = *next;
    next = decide_at(fixture, make(STIMULUS_LOOK_FAILED), NOW + LIFECYCLE_EXPIRE_MS);
    assert_int_equal(next->outcome, OUTCOME_FAILED);
    assert_false(next->statement_unknown);
}

/* Who knows when it is its turn is believed, and what was not sent is no failed try. */
static void a_turn_that_is_told_stands_for_the_backoff(void **context)
{
    struct fixture *fixture = *context;
    static const struct {
        enum statement_state statement;
        enum stimulus_kind kind;
    } rows[] = {
        {STATEMENT_SUBMITTING, STIMULUS_SUBMIT_REFUSED},
        {STATEMENT_RUNNING, STIMULUS_LOOK_FAILED},
        {STATEMENT_CANCELLING, STIMULUS_LOOK_FAILED},
        {STATEMENT_CANCELLING, STIMULUS_CANCEL_REFUSED},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        put_in_state(fixture, rows[i].statement);
        struct stimulus stimulus = make(rows[i].kind);
        stimulus.refusal = REFUSAL_CAPACITY;
        stimulus.later_ms = 1234;
        const struct state *next = decide(fixture, stimulus);
        assert_int_equal(next->statement_at_ms, NOW + 1234);
        assert_int_equal(next->tries, fixture->state.tries);
        assert_int_equal(next->outcome, OUTCOME_NONE);
    }
}

static void a_repeat_that_was_not_sent_waits_for_its_turn_in_doubt(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->state.sends = 2;
    struct stimulus stimulus = make_refusal(REFUSAL_CAPACITY);
    stimulus.later_ms = 1234;
    const struct state *next = decide(fixture, stimulus);
    assert_int_equal(next->statement, STATEMENT_SUBMITTING);
    assert_int_equal(next->doubt_since_ms, fixture->state.doubt_since_ms);
    assert_int_equal(next->statement_at_ms, NOW + 1234);
    assert_false(next->refused_for_good);
}

/* Its statement was never sent, which is certain. */
static void a_first_send_that_was_not_sent_is_cancelled_at_once(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_CANCELLING);
    fixture->state.statement_id[0] = '\0';
    fixture->state.sends = 1;
    struct stimulus stimulus = make_refusal(REFUSAL_CAPACITY);
    stimulus.later_ms = 1234;
    const struct state *next = decide(fixture, stimulus);
    assert_int_equal(next->statement, STATEMENT_ENDED);
    assert_int_equal(next->outcome, fixture->state.cancel_cause);
}

static void a_full_service_is_asked_less_and_less_often(void **context)
{
    struct fixture *fixture = *context;
    int64_t now_ms = NOW;
    int64_t wait_ms = 0;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    for (int i = 0; i < 10; i++) {
        fixture->state = *decide_at(fixture, make_refusal(REFUSAL_CAPACITY), now_ms);
        assert_int_equal(fixture->state.statement, STATEMENT_QUEUED);
        wait_ms = fixture->state.statement_at_ms - now_ms;
        now_ms = fixture->state.statement_at_ms;
        fixture->state = *decide_at(fixture, make(STIMULUS_DUE), now_ms);
        assert_int_equal(fixture->state.statement, STATEMENT_SUBMITTING);
    }
    assert_true(wait_ms >= 60000);
}

static void waiting_is_left_out_once(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->state = *decide(fixture, make_refusal(REFUSAL_WAIT));
    assert_true(fixture->state.no_wait);
    assert_true(has_action(fixture, ACTION_SUBMIT));
    decide(fixture, make_refusal(REFUSAL_WAIT));
    assert_false(has_action(fixture, ACTION_SUBMIT));
    assert_int_equal(fixture->decision.next.outcome, OUTCOME_REJECTED);
}

/* CancelStatement has the tightest quota of all. */
static void a_statement_that_cannot_be_stopped_is_asked_less_and_less_often(void **context)
{
    static const enum stimulus_kind answers[] = {STIMULUS_CANCEL_SENT, STIMULUS_CANCEL_REFUSED};
    struct fixture *fixture = *context;
    for (size_t k = 0; k < ARRAY_COUNT(answers); k++) {
        int64_t now_ms = NOW;
        int64_t wait_ms = 0;
        put_in_state(fixture, STATEMENT_CANCELLING);
        for (int i = 0; i < 10; i++) {
            fixture->state = *decide_at(fixture, make(answers[k]), now_ms);
            wait_ms = fixture->state.statement_at_ms - now_ms;
            now_ms = fixture->state.statement_at_ms;
            fixture->state = *decide_at(fixture, make(STIMULUS_DUE), now_ms);
            fixture->state =
                *decide_at(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_NONE), now_ms);
            assert_true(has_action(fixture, ACTION_CANCEL));
        }
        assert_true(wait_ms >= 30000);
    }
}

static void the_refusal_of_an_earlier_send_says_nothing_about_this_one(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    struct stimulus refused = make_refusal(REFUSAL_CAPACITY);
    refused.sent_at_ms = fixture->state.last_send_ms;
    fixture->state = *decide(fixture, refused);
    fixture->state = *decide_at(fixture, make(STIMULUS_DUE), NOW + 10000);
    assert_int_equal(fixture->state.sends, 1);
    decide_at(fixture, refused, NOW + 10001);
    assert_false(fixture->decision.changed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(last_step_finished_is_chosen_with_its_event),
        TEST(a_finished_step_begins_the_next_one),
        TEST(a_failure_gathers_the_error_text),
        TEST(gathering_is_bounded),
        TEST(a_transient_failure_is_tried_again),
        TEST(who_saw_a_failure_first_is_its_witness),
        TEST(a_failure_that_is_passed_over_leaves_its_text),
        TEST(a_duplicate_event_changes_nothing),
        TEST(an_event_of_an_earlier_attempt_changes_nothing),
        TEST(doubt_is_never_moved_by_a_repeat),
        TEST(old_doubt_is_looked_up_by_name),
        TEST(the_refusal_of_a_repeat_proves_nothing),
        TEST(not_listed_soon_after_the_send_is_no_proof),
        TEST(a_later_steps_refusal_is_failed),
        TEST(a_callback_free_request_is_never_queued),
        TEST(a_deadline_cancels_and_the_ending_decides),
        TEST(a_deadline_before_the_send_ends_at_once),
        TEST(after_the_grace_the_cause_is_chosen_and_cancelling_goes_on),
        TEST(the_callers_patience_ends_the_grace),
        TEST(a_gone_caller_does_not_cancel_keyed_or_kept_work),
        TEST(the_end_of_an_execution_cancels_keyed_work),
        TEST(the_end_of_an_execution_leaves_what_others_wait_for),
        TEST(the_end_of_an_execution_leaves_what_nobody_waited_for),
        TEST(resource_not_found_is_no_ending),
        TEST(a_witnessed_failure_counts_without_its_text),
        TEST(a_witnessed_failure_is_neither_expired_nor_overruled_by_the_grace),
        TEST(a_turn_that_is_told_stands_for_the_backoff),
        TEST(a_repeat_that_was_not_sent_waits_for_its_turn_in_doubt),
        TEST(a_first_send_that_was_not_sent_is_cancelled_at_once),
        TEST(a_full_service_is_asked_less_and_less_often),
        TEST(waiting_is_left_out_once),
        TEST(nothing_expires_before_a_last_look),
        TEST(a_statement_that_cannot_be_stopped_is_asked_less_and_less_often),
        TEST(the_refusal_of_an_earlier_send_says_nothing_about_this_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
