/* Locks, with a real tracker: who gets one, who is told what, and what becomes of those that wait.
 */
#include "invoker/inspect.h"
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/tracker_faulty.h"

#include <string.h>

#define REQUEST(conflict, more)                                                                    \
    "{\"sqlStatement\":\"select 1\",\"singleton\":{\"key\":\"k\",\"onConflict\":\"" conflict       \
    "\"}" more "}"
#define TOKEN(token) ",\"taskToken\":\"" token "\""

/* ---- Fixture ---- */

static int set_up(void **context)
{
    static struct pipeline pipeline;
    pipeline_open(&pipeline, NULL);
    *context = &pipeline;
    return 0;
}

static int tear_down(void **context)
{
    pipeline_close(*context);
    return 0;
}

/* ---- Helpers ---- */

static const char *reply_text(struct pipeline *pipeline, const char *name)
{
    return pipeline_text(pipeline, pipeline->item.reply, name);
}

static const char *id_of(struct pipeline *pipeline, const char *token)
{
    return pipeline_id(pipeline, "task-token", token);
}

static struct state state_of(struct pipeline *pipeline, const char *token)
{
    return pipeline_record(pipeline, id_of(pipeline, token)).state;
}

static int64_t records(struct pipeline *pipeline)
{
    struct tracker_counts counts;
    struct error error = ERROR_NONE;
    assert_int_equal(tracker_count(pipeline->tracker, &counts, &error), STATUS_OK);
    return counts.records;
}

/* The first statement of the token's invocation finishes. */
static void finish(struct pipeline *pipeline, const char *token)
{
    const char *name = pipeline_name(pipeline, id_of(pipeline, token), 1, 1);
    cloud_end(pipeline->cloud, name, "FINISHED", "");
    assert_true(pipeline_event(pipeline, name, "FINISHED"));
}

static const char *lock_of(struct pipeline *pipeline, const char *token)
{
    struct record record = pipeline_record(pipeline, id_of(pipeline, token));
    return arena_text(pipeline->arena, slice_from_text(record.plan.lock_key));
}

/* The owner runs, and its lock is known. */
static const char *begin_owner(struct pipeline *pipeline)
{
    assert_int_equal(pipeline_post(pipeline, REQUEST("queue", TOKEN("owner"))), 202);
    assert_int_equal(state_of(pipeline, "owner").statement, STATEMENT_RUNNING);
    return lock_of(pipeline, "owner");
}

static void begin_waiter(struct pipeline *pipeline, const char *body, const char *token)
{
    pipeline->clock.now_ms++;
    assert_int_equal(pipeline_post(pipeline, body), 202);
    assert_string_equal(reply_text(pipeline, "State"), "waiting");
    assert_int_equal(state_of(pipeline, token).statement, STATEMENT_WAITING);
}

/* ---- Success ---- */

static void a_free_lock_is_taken_and_given_back(void **context)
{
    struct pipeline *pipeline = *context;
    char holder[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    const char *key = begin_owner(pipeline);
    assert_int_equal(tracker_lock_holder(pipeline->tracker, key, holder, &error), STATUS_OK);
    assert_string_equal(holder, id_of(pipeline, "owner"));
    finish(pipeline, "owner");
    assert_int_equal(tracker_lock_holder(pipeline->tracker, key, holder, &error), STATUS_NOT_FOUND);
}

static void a_held_lock_is_409_and_nothing_is_registered(void **context)
{
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    assert_int_equal(pipeline_post(pipeline, REQUEST("fail", TOKEN("late"))), 409);
    assert_string_equal(reply_text(pipeline, "errorType"), "ConcurrentExecution");
    assert_true(slice_has(pipeline->item.reply, id_of(pipeline, "owner")));
    assert_int_equal(records(pipeline), 1);
    assert_string_equal(cloud_task_state(pipeline->cloud, "late"), "");
}

static void a_skip_is_200_and_nothing_is_registered(void **context)
{
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    assert_int_equal(pipeline_post(pipeline, REQUEST("skip", "")), 200);
    assert_string_equal(reply_text(pipeline, "Outcome"), "FINISHED");
    assert_true(slice_has(pipeline->item.reply, "\"skipped\":true"));
    assert_true(slice_has(pipeline->item.reply, id_of(pipeline, "owner")));
    assert_int_equal(records(pipeline), 1);
}

static void a_skip_with_a_token_is_told_there(void **context)
{
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    assert_int_equal(pipeline_post(pipeline, REQUEST("skip", TOKEN("late"))), 200);
    assert_string_equal(cloud_task_state(pipeline->cloud, "late"), "SUCCEEDED");
    assert_true(slice_has(cloud_body(pipeline->cloud, "SendTaskSuccess", 0), "skipped"));
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
}

static void waiters_run_in_the_order_of_their_coming(void **context)
{
    static const char *const tokens[] = {"owner", "first", "second"};
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    begin_waiter(pipeline, REQUEST("queue", TOKEN("first")), "first");
    begin_waiter(pipeline, REQUEST("queue", TOKEN("second")), "second");
    for (size_t i = 0; i < ARRAY_COUNT(tokens); i++) {
        assert_int_equal(cloud_statements(pipeline->cloud), i + 1);
        assert_int_equal(state_of(pipeline, tokens[i]).statement, STATEMENT_RUNNING);
        finish(pipeline, tokens[i]);
        assert_string_equal(cloud_task_state(pipeline->cloud, tokens[i]), "SUCCEEDED");
        pipeline_sweep(pipeline, 0); /* the ending has made the next one due */
    }
}

/* Both come due at once, the later one is looked at first. */
static void nobody_jumps_the_queue(void **context)
{
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    begin_waiter(pipeline, REQUEST("queue", TOKEN("first")), "first");
    finish(pipeline, "owner");
    begin_waiter(pipeline, REQUEST("queue", TOKEN("second")), "second");
    pipeline_sweep(pipeline, 0);
    assert_int_equal(state_of(pipeline, "first").statement, STATEMENT_RUNNING);
    assert_int_equal(state_of(pipeline, "second").statement, STATEMENT_WAITING);
}

static void a_repeat_of_the_owner_is_no_conflict(void **context)
{
    struct pipeline *pipeline = *context;
    assert_int_equal(pipeline_post(pipeline, REQUEST("fail", TOKEN("owner"))), 202);
    assert_int_equal(pipeline_post(pipeline, REQUEST("fail", TOKEN("owner"))), 200);
    finish(pipeline, "owner");
    assert_int_equal(pipeline_post(pipeline, REQUEST("fail", TOKEN("next"))), 202);
    /* The lock is another's by now; what was accepted stays accepted. */
    assert_int_equal(pipeline_post(pipeline, REQUEST("fail", TOKEN("owner"))), 200);
    assert_string_equal(reply_text(pipeline, "Outcome"), "FINISHED");
}

/* ---- Failure ---- */

static void of_a_batch_one_wins_and_the_others_are_told_by_the_reply(void **context)
{
    struct pipeline *pipeline = *context;
    struct invoker_item items[] = {
        {.body = SLICE(REQUEST("fail", TOKEN("one")))},
        {.body = SLICE(REQUEST("fail", TOKEN("two")))},
        {.body = SLICE(REQUEST("fail", TOKEN("three")))},
    };
    invoker_handle(&pipeline->invoker, items, ARRAY_COUNT(items));
    assert_int_equal(items[0].code, 202);
    for (size_t i = 1; i < ARRAY_COUNT(items); i++) {
        assert_int_equal(items[i].code, 409);
        assert_string_equal(pipeline_text(pipeline, items[i].reply, "errorType"),
                            "ConcurrentExecution");
    }
    pipeline_sweep(pipeline, 0);
    assert_int_equal(cloud_statements(pipeline->cloud), 1);
    assert_int_equal(state_of(pipeline, "two").outcome, OUTCOME_REJECTED);
    assert_true(state_of(pipeline, "two").settled_at_ms > 0);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskFailure"), 0);
}

static void an_asynchronous_refusal_is_told_to_its_address(void **context)
{
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    assert_true(pipeline_enqueue(pipeline, "message", REQUEST("fail", TOKEN("late"))));
    assert_string_equal(cloud_task_state(pipeline->cloud, "late"), "FAILED");
    assert_true(
        slice_has(cloud_body(pipeline->cloud, "SendTaskFailure", 0), "ConcurrentExecution"));
    assert_int_equal(state_of(pipeline, "late").outcome, OUTCOME_REJECTED);
}

/* The later one came first to the lock and died; the earlier one was enrolled after that. */
static void who_has_the_lock_already_goes_on_out_of_turn(void **context)
{
    struct pipeline *pipeline = *context;
    char holder[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    const char *key = begin_owner(pipeline);
    begin_waiter(pipeline, REQUEST("queue", TOKEN("first")), "first");
    begin_waiter(pipeline, REQUEST("queue", TOKEN("second")), "second");
    finish(pipeline, "owner");
    assert_int_equal(
        tracker_lock_take(pipeline->tracker, key, id_of(pipeline, "second"), NULL, holder, &error),
        STATUS_OK);
    pipeline_sweep(pipeline, 200000);
    assert_int_equal(state_of(pipeline, "first").statement, STATEMENT_WAITING);
    assert_int_equal(state_of(pipeline, "second").statement, STATEMENT_RUNNING);
    finish(pipeline, "second");
    pipeline_sweep(pipeline, 200000);
    assert_int_equal(state_of(pipeline, "first").statement, STATEMENT_RUNNING);
}

/* An owner that never was, as after a store was put back. */
static void an_absent_owner_has_lost_the_lock(void **context)
{
    struct pipeline *pipeline = *context;
    char holder[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    const char *key = begin_owner(pipeline);
    finish(pipeline, "owner");
    assert_int_equal(
        tracker_lock_take(pipeline->tracker, key, id_of(pipeline, "nobody"), NULL, holder, &error),
        STATUS_OK);
    assert_int_equal(pipeline_post(pipeline, REQUEST("fail", TOKEN("late"))), 202);
    assert_int_equal(state_of(pipeline, "late").statement, STATEMENT_RUNNING);
}

static void a_release_that_was_lost_is_harmless(void **context)
{
    struct pipeline *pipeline = *context;
    begin_owner(pipeline);
    begin_waiter(pipeline, REQUEST("queue", TOKEN("waiter")), "waiter");
    pipeline->dispatch.handlers[ACTION_RELEASE_LOCK] = NULL;
    finish(pipeline, "owner");
    assert_string_equal(cloud_task_state(pipeline->cloud, "owner"), "SUCCEEDED");
    pipeline_sweep(pipeline, 2000);
    assert_int_equal(state_of(pipeline, "waiter").statement, STATEMENT_RUNNING);
}

static void a_waiter_that_is_gone_is_passed_over(void **context)
{
    struct pipeline *pipeline = *context;
    char first[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    const char *key = begin_owner(pipeline);
    finish(pipeline, "owner");
    assert_int_equal(
        tracker_lock_wait(pipeline->tracker, key, id_of(pipeline, "nobody"), 1, &error), STATUS_OK);
    assert_int_equal(tracker_lock_wait(pipeline->tracker, key, id_of(pipeline, "owner"), 2, &error),
                     STATUS_OK);
    assert_int_equal(pipeline_post(pipeline, REQUEST("queue", TOKEN("late"))), 202);
    assert_int_equal(state_of(pipeline, "late").statement, STATEMENT_RUNNING);
    assert_int_equal(tracker_lock_first(pipeline->tracker, key, first, &error), STATUS_NOT_FOUND);
}

static void a_cancelled_waiter_leaves_the_queue(void **context)
{
    struct pipeline *pipeline = *context;
    char first[TRACKER_ID_BYTES + 1];
    struct error error = ERROR_NONE;
    struct slice reply = SLICE_NONE;
    int code = 0;
    const char *key = begin_owner(pipeline);
    begin_waiter(pipeline, REQUEST("queue", TOKEN("waiter")), "waiter");
    inspect_cancel(&pipeline->dispatch, slice_from_text(id_of(pipeline, "waiter")), &code, &reply);
    assert_int_equal(code, 202);
    assert_string_equal(cloud_task_state(pipeline->cloud, "waiter"), "FAILED");
    assert_int_equal(tracker_lock_first(pipeline->tracker, key, first, &error), STATUS_NOT_FOUND);
    assert_int_equal(state_of(pipeline, "owner").statement, STATEMENT_RUNNING);
}

/* Whichever operation of the tracker fails: the request runs in the end, once, or was refused. */
static void a_tracker_that_fails_loses_nobody(void **context)
{
    struct pipeline *pipeline = *context;
    for (size_t operation = 1; operation < 16; operation++) {
        struct pipeline fresh;
        pipeline_open(&fresh, NULL);
        tracker_faulty_fail(fresh.tracker, operation, TRACKER_FAULT_AFTER);
        int code = pipeline_post(&fresh, REQUEST("queue", TOKEN("token")));
        tracker_faulty_fail(fresh.tracker, 0, TRACKER_FAULT_BEFORE);
        assert_true(code == 202 || code == 503);
        if (code == 503) {
            code = pipeline_post(&fresh, REQUEST("queue", TOKEN("token")));
            assert_true(code == 202 || code == 200);
        }
        for (int i = 0; i < 4 && cloud_statements(fresh.cloud) == 0; i++) {
            pipeline_sweep(&fresh, TRACKER_LEASE_MS);
        }
        assert_int_equal(cloud_statements(fresh.cloud), 1);
        pipeline_close(&fresh);
    }
    (void)pipeline;
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_free_lock_is_taken_and_given_back),
        TEST(a_held_lock_is_409_and_nothing_is_registered),
        TEST(a_skip_is_200_and_nothing_is_registered),
        TEST(a_skip_with_a_token_is_told_there),
        TEST(waiters_run_in_the_order_of_their_coming),
        TEST(nobody_jumps_the_queue),
        TEST(a_repeat_of_the_owner_is_no_conflict),
        TEST(of_a_batch_one_wins_and_the_others_are_told_by_the_reply),
        TEST(an_asynchronous_refusal_is_told_to_its_address),
        TEST(who_has_the_lock_already_goes_on_out_of_turn),
        TEST(an_absent_owner_has_lost_the_lock),
        TEST(a_release_that_was_lost_is_harmless),
        TEST(a_waiter_that_is_gone_is_passed_over),
        TEST(a_cancelled_waiter_leaves_the_queue),
        TEST(a_tracker_that_fails_loses_nobody),
    };
    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
