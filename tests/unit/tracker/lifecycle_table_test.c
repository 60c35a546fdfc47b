/* The lifecycle core by table: the square of transitions, and every stimulus in every state. */
#include "tests/unit/tracker/lifecycle_fixture.h"

/* ---- The tables ---------------------------------------------------------------------------------
 */

static void statement_axis_is_this_square(void **context)
{
    /* rows: from; columns: Q W S R C E U */
    static const char *const square[STATES] = {
        [STATEMENT_QUEUED] = "X.XX.X.",     [STATEMENT_WAITING] = ".XXX.X.",
        [STATEMENT_SUBMITTING] = "X.XXXXX", [STATEMENT_RUNNING] = "X.XXXXX",
        [STATEMENT_CANCELLING] = "....XXX", [STATEMENT_ENDED] = ".....X.",
        [STATEMENT_UNKNOWN] = "......X",
    };
    (void)context;
    for (int from = 0; from < STATES; from++) {
        for (int to = 0; to < STATES; to++) {
            assert_int_equal(
                lifecycle_statement_legal((enum statement_state)from, (enum statement_state)to),
                square[from][to] == 'X');
        }
    }
}

static void callback_axis_is_this_square(void **context)
{
    /* columns: open chosen delivered closed undeliverable */
    static const char *const square[] = {
        [CALLBACK_OPEN] = "XX.X.",          [CALLBACK_CHOSEN] = ".XXXX",
        [CALLBACK_DELIVERED] = "..X..",     [CALLBACK_CLOSED] = "...X.",
        [CALLBACK_UNDELIVERABLE] = "....X",
    };
    (void)context;
    for (int from = 0; from <= CALLBACK_UNDELIVERABLE; from++) {
        for (int to = 0; to <= CALLBACK_UNDELIVERABLE; to++) {
            assert_int_equal(
                lifecycle_callback_legal((enum callback_state)from, (enum callback_state)to),
                square[from][to] == 'X');
        }
    }
}

static struct stimulus make_execution_over(void)
{
    struct stimulus stimulus = make(STIMULUS_CALLER_GONE);
    stimulus.execution_over = true;
    return stimulus;
}

struct row {
    const char *name;
    struct stimulus stimulus;
    const char *after; /* the state after it in each state, by letter: Q W S R C E U */
};

/* Every stimulus in every state: where the statement axis goes. Step 1 of 2, nothing retriable. */
static void every_stimulus_in_every_state(void **context)
{
    static const char letters[] = "QWSRCEU";
    struct fixture *fixture = *context;
    const struct row rows[] = {
        {"submitted", make_ending(STIMULUS_SUBMITTED, ENDING_NONE), "QWRRCEU"},
        {"submitted and finished", make_ending(STIMULUS_SUBMITTED, ENDING_FINISHED), "QWSSEEU"},
        {"submitted and failed", make_ending(STIMULUS_SUBMITTED, ENDING_FAILED), "QWEEEEU"},
        {"refused for good", make_refusal(REFUSAL_PERMANENT), "QWERCEU"},
        {"refused for capacity", make_refusal(REFUSAL_CAPACITY), "QWQRCEU"},
        {"refused to wait", make_refusal(REFUSAL_WAIT), "QWSRCEU"},
        {"in doubt", make(STIMULUS_SUBMIT_IN_DOUBT), "QWSRCEU"},
        {"event finished", make_ending(STIMULUS_EVENT, ENDING_FINISHED), "QWSSEEU"},
        {"event failed", make_ending(STIMULUS_EVENT, ENDING_FAILED), "QWEEEEU"},
        {"event aborted", make_ending(STIMULUS_EVENT, ENDING_ABORTED), "QWEEEEU"},
        {"described alive", make_ending(STIMULUS_DESCRIBED, ENDING_NONE), "QWSRCEU"},
        {"described finished", make_ending(STIMULUS_DESCRIBED, ENDING_FINISHED), "QWSSEEU"},
        {"described failed", make_ending(STIMULUS_DESCRIBED, ENDING_FAILED), "QWEEEEU"},
        {"described aborted", make_ending(STIMULUS_DESCRIBED, ENDING_ABORTED), "QWEEEEU"},
        {"listed", make_listed(true), "QWRRCEU"},
        {"not listed", make_listed(false), "QWSRCEU"},
        {"look failed", make(STIMULUS_LOOK_FAILED), "QWSRCEU"},
        {"due", make(STIMULUS_DUE), "SWSRCEU"},
        {"lock granted", make(STIMULUS_LOCK_GRANTED), "QSSRCEU"},
        {"lock held", make(STIMULUS_LOCK_HELD), "QESRCEU"},
        {"gathered", make(STIMULUS_GATHERED), "QWSRCEU"},
        {"cancel requested", make(STIMULUS_CANCEL_REQUESTED), "EECCCEU"},
        {"cancel sent", make(STIMULUS_CANCEL_SENT), "QWSRCEU"},
        {"cancel refused", make(STIMULUS_CANCEL_REFUSED), "QWSRCEU"},
        {"caller gone", make(STIMULUS_CALLER_GONE), "EECCCEU"},
        {"execution over", make_execution_over(), "EECCCEU"},
        {"heartbeat taken", make(STIMULUS_HEARTBEAT_TAKEN), "QWSRCEU"},
        {"adopted", make(STIMULUS_ADOPTED), "QWSRCEU"},
        {"delivered", make(STIMULUS_CALLBACK_DELIVERED), "QWSRCEU"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        for (int from = 0; from < STATES; from++) {
            put_in_state(fixture, (enum statement_state)from);
            enum statement_state to = decide(fixture, rows[i].stimulus)->statement;
            if (letters[to] != rows[i].after[from]) {
                fail_msg("%s in %s: goes to %s, not %c", rows[i].name,
                         statement_state_name((enum statement_state)from), statement_state_name(to),
                         rows[i].after[from]);
            }
            assert_true(lifecycle_statement_legal((enum statement_state)from, to));
        }
    }
}

/* Whatever has been decided, somebody does it: an action's timer is the lease. */
static void every_action_has_a_timer(void **context)
{
    struct fixture *fixture = *context;
    for (int from = 0; from < STATES; from++) {
        put_in_state(fixture, (enum statement_state)from);
        decide(fixture, make(STIMULUS_DUE));
        if (fixture->decision.action_count > 0 && !has_action(fixture, ACTION_CHOOSE)) {
            int64_t due_ms = lifecycle_due_at(&policy, &fixture->plan, &fixture->decision.next);
            assert_true(due_ms > NOW);
            assert_true(due_ms <= NOW + policy.lease_ms);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statement_axis_is_this_square),
        TEST(callback_axis_is_this_square),
        TEST(every_stimulus_in_every_state),
        TEST(every_action_has_a_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
