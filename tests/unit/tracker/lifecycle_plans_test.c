/* What plans may ask for beyond one statement after the other: locks, steps that go on, statements
 * of others, retries of their own, expectations, sessions, gathering. */
#include "tests/unit/tracker/lifecycle_fixture.h"

#include <string.h>

#define OTHER "4oymiquy7qobjgx36tejs35zeqt24qpe"

/* ---- Helpers ------------------------------------------------------------------------------------
 */

static const struct state *accept(struct fixture *fixture, enum lifecycle_start start)
{
    const struct lifecycle_context context = {fixture->arena, &policy, NOW};
    lifecycle_accept(&context, &fixture->plan, start, SLICE("Type"), SLICE("text"),
                     &fixture->decision);
    fixture->state = fixture->decision.next;
    return &fixture->decision.next;
}

static const struct state *go_on(struct fixture *fixture, struct stimulus stimulus)
{
    fixture->state = *decide(fixture, stimulus);
    return &fixture->state;
}

static void lock_it(struct fixture *fixture, enum plan_conflict on_conflict)
{
    memset(fixture->plan.lock_key, 'a', TRACKER_LOCK_KEY_BYTES);
    fixture->plan.on_conflict = on_conflict;
}

static struct stimulus make_held(void)
{
    struct stimulus held = make(STIMULUS_LOCK_HELD);
    memcpy(held.holder, OTHER, sizeof(held.holder));
    return held;
}

static struct stimulus make_described(enum ending ending, const char *text)
{
    struct stimulus described = make_ending(STIMULUS_DESCRIBED, ending);
    described.error_text = slice_from_text(text);
    return described;
}

static struct stimulus make_rows(int64_t rows)
{
    struct stimulus event = make_ending(STIMULUS_EVENT, ENDING_FINISHED);
    event.rows = rows;
    return event;
}

/* One step that runs and is to find between least and most rows. */
static void expect_rows(struct fixture *fixture, int64_t least, int64_t most)
{
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.step_count = 1;
    fixture->plan.expect_min_rows = least;
    fixture->plan.expect_max_rows = most;
}

static void attach(struct fixture *fixture)
{
    fixture->steps[0] = (struct plan_step){.attach_id = SLICE("d9b6c0c9-attached")};
    accept(fixture, LIFECYCLE_START_SUBMIT);
}

static void assert_ended(struct fixture *fixture, enum outcome outcome, const char *text)
{
    const struct state *next = &fixture->decision.next;
    assert_int_equal(next->statement, STATEMENT_ENDED);
    assert_int_equal(next->outcome, outcome);
    assert_true(slice_equals_text(next->error_text, text));
}

/* ---- Locks --------------------------------------------------------------------------------------
 */

static void a_locked_plan_waits_before_it_is_sent(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_QUEUE);
    assert_int_equal(accept(fixture, LIFECYCLE_START_SUBMIT)->statement, STATEMENT_WAITING);
    assert_true(has_action(fixture, ACTION_TAKE_LOCK));
    assert_false(has_action(fixture, ACTION_SUBMIT));
    assert_int_equal(go_on(fixture, make(STIMULUS_LOCK_GRANTED))->statement, STATEMENT_SUBMITTING);
    assert_true(has_action(fixture, ACTION_SUBMIT));
}

static void back_pressure_does_not_jump_over_a_lock(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_FAIL);
    assert_int_equal(accept(fixture, LIFECYCLE_START_QUEUED)->statement, STATEMENT_WAITING);
    assert_int_equal(fixture->decision.action_count, 0);
    decide_at(fixture, make(STIMULUS_DUE), fixture->state.statement_at_ms);
    assert_true(has_action(fixture, ACTION_TAKE_LOCK));
}

static void who_waits_comes_again_less_and_less_often(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_QUEUE);
    accept(fixture, LIFECYCLE_START_WAITING);
    int64_t first_ms = go_on(fixture, make_held())->statement_at_ms - NOW;
    assert_in_range(first_ms, 1000, 2000);
    for (int i = 0; i < 20; i++) {
        go_on(fixture, make_held());
    }
    assert_in_range(fixture->state.statement_at_ms - NOW, 30000, 60000);
    assert_int_equal(fixture->state.statement, STATEMENT_WAITING);
}

/* The owner's ending makes the record due, not its timer. */
static void a_waiter_that_is_made_due_tries_at_once(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_QUEUE);
    accept(fixture, LIFECYCLE_START_WAITING);
    go_on(fixture, make_held());
    assert_true(fixture->state.statement_at_ms > NOW);
    decide(fixture, make(STIMULUS_DUE));
    assert_true(has_action(fixture, ACTION_TAKE_LOCK));
}

static void a_held_lock_is_a_refusal(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_FAIL);
    accept(fixture, LIFECYCLE_START_WAITING);
    decide(fixture, make_held());
    assert_ended(fixture, OUTCOME_REJECTED, "singleton: invocation " OTHER " is running");
    assert_string_equal(fixture->decision.next.error_type, "ConcurrentExecution");
    assert_true(has_action(fixture, ACTION_CHOOSE));
    assert_int_equal(choose(fixture)->callbacks[0].state, CALLBACK_CHOSEN);
}

static void a_caller_who_is_told_by_the_reply_is_not_called_back(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus held = make_held();
    held.told_by_reply = true;
    lock_it(fixture, PLAN_CONFLICT_FAIL);
    accept(fixture, LIFECYCLE_START_WAITING);
    decide(fixture, held);
    assert_int_equal(choose(fixture)->callbacks[0].state, CALLBACK_CLOSED);
    assert_false(has_action(fixture, ACTION_CALLBACK));
    assert_true(fixture->decision.settled);
}

static void a_held_lock_is_skipped(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_SKIP);
    accept(fixture, LIFECYCLE_START_WAITING);
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    decide(fixture, make_held());
    assert_int_equal(fixture->decision.next.outcome, OUTCOME_FINISHED);
    assert_true(fixture->decision.next.skipped);
    assert_string_equal(fixture->decision.next.holder, OTHER);
    assert_true(has_action(fixture, ACTION_CHOOSE));
    assert_false(has_action(fixture, ACTION_GATHER));
}

static void a_waiter_ends_at_its_deadline(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_QUEUE);
    fixture->plan.deadline_ms = NOW + 500;
    accept(fixture, LIFECYCLE_START_WAITING);
    go_on(fixture, make_held());
    assert_int_equal(lifecycle_due_at(&policy, &fixture->plan, &fixture->state), NOW + 500);
    decide_at(fixture, make(STIMULUS_DUE), NOW + 500);
    assert_int_equal(fixture->decision.next.outcome, OUTCOME_TIMED_OUT);
    assert_true(has_action(fixture, ACTION_RELEASE_LOCK));
}

static void the_statements_end_gives_the_lock_back(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_QUEUE);
    put_in_state(fixture, STATEMENT_RUNNING);
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    assert_false(has_action(fixture, ACTION_RELEASE_LOCK)); /* a step of two */
    struct stimulus last = make_ending(STIMULUS_EVENT, ENDING_FINISHED);
    last.step = 2;
    go_on(fixture, last);
    assert_true(has_action(fixture, ACTION_RELEASE_LOCK));
}

static void a_late_grant_starts_nothing(void **context)
{
    struct fixture *fixture = *context;
    lock_it(fixture, PLAN_CONFLICT_QUEUE);
    accept(fixture, LIFECYCLE_START_WAITING);
    go_on(fixture, make(STIMULUS_CANCEL_REQUESTED));
    decide(fixture, make(STIMULUS_LOCK_GRANTED));
    assert_false(fixture->decision.changed);
}

/* ---- Nothing to run -----------------------------------------------------------------------------
 */

static void a_plan_without_steps_is_finished(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.step_count = 0;
    for (int start = 0; start <= LIFECYCLE_START_FINISHED; start++) {
        const struct state *next = accept(fixture, (enum lifecycle_start)start);
        assert_int_equal(next->outcome,
                         start == LIFECYCLE_START_REJECTED ? OUTCOME_REJECTED : OUTCOME_FINISHED);
        assert_true(has_action(fixture, ACTION_CHOOSE));
    }
}

/* ---- Steps that go on ---------------------------------------------------------------------------
 */

static void a_failure_with_keep_going_ends_failed_with_the_first_text(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->steps[0].keep_going = fixture->steps[1].keep_going = true;
    go_on(fixture, make_described(ENDING_FAILED, "first"));
    assert_int_equal(fixture->state.step, 2);
    struct stimulus second = make_described(ENDING_FAILED, "second");
    second.step = 2;
    decide(fixture, second);
    assert_ended(fixture, OUTCOME_FAILED, "first");
}

static void keep_going_does_not_outlive_an_abort(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->steps[0].keep_going = true;
    assert_int_equal(go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_ABORTED))->outcome,
                     OUTCOME_ABORTED);
}

/* ---- Statements of others -----------------------------------------------------------------------
 */

static void an_attached_statement_is_looked_at_and_not_sent(void **context)
{
    struct fixture *fixture = *context;
    attach(fixture);
    assert_int_equal(fixture->state.statement, STATEMENT_RUNNING);
    assert_string_equal(fixture->state.statement_id, "d9b6c0c9-attached");
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    assert_false(has_action(fixture, ACTION_SUBMIT));
    /* Young, it is looked at soon; old, once in a while. */
    go_on(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_NONE));
    assert_int_equal(fixture->state.statement_at_ms, NOW + 2000);
    assert_int_equal(fixture->state.doubt_since_ms, 0);
    fixture->state = *decide_at(fixture, make(STIMULUS_DUE), NOW + HOUR);
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    const struct state *next =
        decide_at(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_NONE), NOW + HOUR);
    assert_int_equal(next->statement_at_ms, NOW + HOUR + policy.overdue_ms);
}

static void an_attached_statement_that_ends_begins_the_next_step(void **context)
{
    struct fixture *fixture = *context;
    attach(fixture);
    go_on(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_FINISHED));
    assert_int_equal(fixture->state.step, 2);
    assert_true(has_action(fixture, ACTION_SUBMIT));
}

static void an_attached_statement_that_never_was_is_rejected(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus unknown = make(STIMULUS_DESCRIBED);
    unknown.not_found = true;
    attach(fixture);
    decide(fixture, unknown);
    assert_ended(fixture, OUTCOME_REJECTED, "statementId: the Data API does not know it");
    assert_string_equal(fixture->decision.next.error_type, "ResourceNotFoundException");
    /* One that was there once is waited for. */
    attach(fixture);
    go_on(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_NONE));
    assert_int_equal(go_on(fixture, unknown)->statement, STATEMENT_RUNNING);
}

static void an_attached_statement_is_cancelled(void **context)
{
    struct fixture *fixture = *context;
    attach(fixture);
    go_on(fixture, make(STIMULUS_CANCEL_REQUESTED));
    assert_true(has_action(fixture, ACTION_CANCEL));
    assert_int_equal(go_on(fixture, make_described(ENDING_ABORTED, ""))->outcome, OUTCOME_ABORTED);
}

static void an_attached_statement_is_sent_again_with_its_sql_only(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus failed = make_described(ENDING_FAILED, "deadlock");
    failed.transient = true;
    fixture->steps[0].attach_id = SLICE("d9b6c0c9-attached");
    fixture->steps[0].retriable = true;
    accept(fixture, LIFECYCLE_START_SUBMIT);
    assert_int_equal(go_on(fixture, failed)->statement, STATEMENT_QUEUED);
    fixture->state = *decide_at(fixture, make(STIMULUS_DUE), fixture->state.statement_at_ms);
    assert_true(has_action(fixture, ACTION_SUBMIT));
    fixture->steps[0].sql_count = 0;
    accept(fixture, LIFECYCLE_START_SUBMIT);
    assert_int_equal(go_on(fixture, failed)->outcome, OUTCOME_FAILED);
}

/* ---- Retries ------------------------------------------------------------------------------------
 */

static void a_step_has_its_own_retry(void **context)
{
    static const struct plan_retry own = {.max_attempts = 2, .base_ms = 50, .max_ms = 60};
    struct fixture *fixture = *context;
    struct stimulus failed = make_described(ENDING_FAILED, "deadlock");
    failed.transient = true;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->steps[0].retriable = true;
    fixture->steps[0].retry = &own;
    go_on(fixture, failed);
    assert_in_range(fixture->state.statement_at_ms - NOW, 50, 60);
    assert_int_equal(fixture->state.error_text.size, 0);
    fixture->state = *decide_at(fixture, make(STIMULUS_DUE), fixture->state.statement_at_ms);
    failed.attempt = 2;
    decide(fixture, failed);
    assert_ended(fixture, OUTCOME_FAILED, "deadlock");
}

/* min(max, random(base, 3 * previous)): with the greatest draws each pause is three times the one
 * before, with the least always the base. */
static void pauses_are_decorrelated_jitter(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.retry.max_attempts = 10;
    fixture->steps[0].retriable = true;
    const double units[] = {0.999999, 0};
    const int64_t expected_ms[2][4] = {{2999, 8999, 10000, 10000}, {1000, 1000, 1000, 1000}};
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        put_in_state(fixture, STATEMENT_RUNNING);
        for (unsigned k = 0; k < 4; k++) {
            struct stimulus failed = make_described(ENDING_FAILED, "deadlock");
            failed.transient = true;
            failed.unit = units[i];
            failed.attempt = k + 1;
            fixture->state.statement = STATEMENT_RUNNING;
            go_on(fixture, failed);
            assert_in_range(fixture->state.statement_at_ms - NOW, expected_ms[i][k] - 5,
                            expected_ms[i][k]);
        }
    }
}

/* ---- Expectations -------------------------------------------------------------------------------
 */

static void rows_as_expected_are_finished(void **context)
{
    struct fixture *fixture = *context;
    expect_rows(fixture, 1, 3);
    assert_int_equal(go_on(fixture, make_rows(1))->outcome, OUTCOME_FINISHED);
    expect_rows(fixture, 1, 3);
    assert_int_equal(go_on(fixture, make_rows(3))->outcome, OUTCOME_FINISHED);
    expect_rows(fixture, -1, 0);
    assert_int_equal(go_on(fixture, make_rows(0))->outcome, OUTCOME_FINISHED);
}

static void other_rows_are_failed_with_that_text(void **context)
{
    struct fixture *fixture = *context;
    expect_rows(fixture, 5, -1);
    decide(fixture, make_rows(3));
    assert_ended(fixture, OUTCOME_FAILED, "expect.minRows: 3 rows, at least 5 are expected");
    expect_rows(fixture, -1, 2);
    decide(fixture, make_rows(3));
    assert_ended(fixture, OUTCOME_FAILED, "expect.maxRows: 3 rows, at most 2 are expected");
}

static void unknown_rows_are_described_first(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus described = make_ending(STIMULUS_DESCRIBED, ENDING_FINISHED);
    described.rows = 7;
    expect_rows(fixture, 5, -1);
    go_on(fixture, make_rows(-1));
    assert_int_equal(fixture->state.outcome, OUTCOME_NONE);
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    go_on(fixture, described);
    assert_int_equal(fixture->state.outcome, OUTCOME_FINISHED);
    assert_int_equal(fixture->state.witness, WITNESS_EVENT);
    assert_int_equal(fixture->state.results[0].rows, 7);
}

static void rows_that_stay_unknown_are_not_as_expected(void **context)
{
    struct fixture *fixture = *context;
    expect_rows(fixture, 5, -1);
    go_on(fixture, make_rows(-1));
    decide_at(fixture, make(STIMULUS_LOOK_FAILED), NOW + policy.gather_ms);
    assert_ended(fixture, OUTCOME_FAILED, "expect: the number of rows is not known");
}

static void a_cancelled_statement_that_finished_is_held_to_it_too(void **context)
{
    struct fixture *fixture = *context;
    expect_rows(fixture, 5, -1);
    go_on(fixture, make(STIMULUS_CANCEL_REQUESTED));
    assert_int_equal(go_on(fixture, make_rows(3))->outcome, OUTCOME_FAILED);
}

/* ---- Sessions -----------------------------------------------------------------------------------
 */

static void the_session_is_kept_from_the_submit_call(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus submitted = make_ending(STIMULUS_SUBMITTED, ENDING_NONE);
    submitted.session_id = SLICE("session");
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->plan.session_keep_alive_seconds = 60;
    assert_string_equal(go_on(fixture, submitted)->session_id, "session");
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    assert_true(has_action(fixture, ACTION_SUBMIT));
}

static void a_session_that_nobody_told_is_described_first(void **context)
{
    struct fixture *fixture = *context;
    struct stimulus described = make_ending(STIMULUS_DESCRIBED, ENDING_FINISHED);
    described.session_id = SLICE("session");
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->plan.session_keep_alive_seconds = 60;
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    assert_true(has_action(fixture, ACTION_DESCRIBE));
    go_on(fixture, described);
    assert_string_equal(fixture->state.session_id, "session");
    assert_int_equal(fixture->state.step, 2);
}

static void no_step_runs_outside_of_the_session(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_SUBMITTING);
    fixture->plan.session_keep_alive_seconds = 60;
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    decide_at(fixture, make(STIMULUS_LOOK_FAILED), NOW + policy.gather_ms);
    assert_ended(fixture, OUTCOME_FAILED, "session: its id is not known");
}

static void a_session_that_was_given_is_known(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.target.session_id = SLICE("given");
    assert_string_equal(accept(fixture, LIFECYCLE_START_SUBMIT)->session_id, "given");
}

/* ---- Gathering ----------------------------------------------------------------------------------
 */

static void what_is_to_be_told_is_gathered(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.step_count = 1;
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    assert_int_equal(fixture->state.outcome, OUTCOME_FINISHED);
    assert_true(has_action(fixture, ACTION_GATHER));
    assert_false(has_action(fixture, ACTION_CHOOSE));
    /* A look from before knows less. */
    decide(fixture, make_ending(STIMULUS_DESCRIBED, ENDING_FINISHED));
    assert_false(fixture->decision.changed);
    struct stimulus gathered = make(STIMULUS_GATHERED);
    gathered.rows = 4;
    decide(fixture, gathered);
    assert_true(has_action(fixture, ACTION_CHOOSE));
    assert_int_equal(fixture->decision.next.results[0].rows, 4);
}

static void gathering_is_repeated_and_given_up(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.step_count = 1;
    fixture->plan.output = OUTPUT_QUERIES;
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FINISHED));
    go_on(fixture, make(STIMULUS_LOOK_FAILED));
    fixture->state = *decide_at(fixture, make(STIMULUS_DUE), fixture->state.statement_at_ms);
    assert_true(has_action(fixture, ACTION_GATHER));
    decide_at(fixture, make(STIMULUS_DUE), NOW + policy.gather_ms + policy.lease_ms);
    assert_true(has_action(fixture, ACTION_CHOOSE));
}

static void a_failure_has_no_rows_to_gather(void **context)
{
    struct fixture *fixture = *context;
    put_in_state(fixture, STATEMENT_RUNNING);
    fixture->plan.result.mode = PLAN_RESULT_S3;
    go_on(fixture, make_ending(STIMULUS_EVENT, ENDING_FAILED));
    assert_false(has_action(fixture, ACTION_GATHER));
    assert_true(has_action(fixture, ACTION_DESCRIBE));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_locked_plan_waits_before_it_is_sent),
        TEST(back_pressure_does_not_jump_over_a_lock),
        TEST(who_waits_comes_again_less_and_less_often),
        TEST(a_waiter_that_is_made_due_tries_at_once),
        TEST(a_held_lock_is_a_refusal),
        TEST(a_caller_who_is_told_by_the_reply_is_not_called_back),
        TEST(a_held_lock_is_skipped),
        TEST(a_waiter_ends_at_its_deadline),
        TEST(the_statements_end_gives_the_lock_back),
        TEST(a_late_grant_starts_nothing),
        TEST(a_plan_without_steps_is_finished),
        TEST(a_failure_with_keep_going_ends_failed_with_the_first_text),
        TEST(keep_going_does_not_outlive_an_abort),
        TEST(an_attached_statement_is_looked_at_and_not_sent),
        TEST(an_attached_statement_that_ends_begins_the_next_step),
        TEST(an_attached_statement_that_never_was_is_rejected),
        TEST(an_attached_statement_is_cancelled),
        TEST(an_attached_statement_is_sent_again_with_its_sql_only),
        TEST(a_step_has_its_own_retry),
        TEST(pauses_are_decorrelated_jitter),
        TEST(rows_as_expected_are_finished),
        TEST(other_rows_are_failed_with_that_text),
        TEST(unknown_rows_are_described_first),
        TEST(rows_that_stay_unknown_are_not_as_expected),
        TEST(a_cancelled_statement_that_finished_is_held_to_it_too),
        TEST(the_session_is_kept_from_the_submit_call),
        TEST(a_session_that_nobody_told_is_described_first),
        TEST(no_step_runs_outside_of_the_session),
        TEST(a_session_that_was_given_is_known),
        TEST(what_is_to_be_told_is_gathered),
        TEST(gathering_is_repeated_and_given_up),
        TEST(a_failure_has_no_rows_to_gather),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
