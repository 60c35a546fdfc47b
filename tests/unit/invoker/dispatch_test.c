/* Commit, act, settle: what is promised about their order, with a real tracker and client. */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/tracker_faulty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQL "\"sqlStatement\":\"select 1\""

/* ---- Fixture ---- */

struct fixture {
    struct pipeline pipeline;
    char folder[32];
    char path[64];
    char url[80];
    struct tracker *second; /* another handle on the same file */
    /* What the watcher in the server's thread saw. */
    const char *id;
    bool existed;
    enum statement_state statement;
    enum outcome outcome;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    struct error error = ERROR_NONE;
    memset(&fixture, 0, sizeof(fixture));
    (void)snprintf(fixture.folder, sizeof(fixture.folder), "dispatch-XXXXXX");
    assert_non_null(mkdtemp(fixture.folder));
    (void)snprintf(fixture.path, sizeof(fixture.path), "%s/t.db", fixture.folder);
    (void)snprintf(fixture.url, sizeof(fixture.url), "sqlite:%s", fixture.path);
    pipeline_open(&fixture.pipeline, fixture.url);
    const struct tracker_options options = {.url = fixture.url};
    assert_int_equal(tracker_open(&options, &fixture.second, &error), STATUS_OK);
    fixture.id = pipeline_id(&fixture.pipeline, "request-key", "key");
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    struct fixture *fixture = *context;
    char path[128];
    pipeline_close(&fixture->pipeline);
    tracker_close(fixture->second);
    for (size_t i = 0; i < ARRAY_COUNT(endings); i++) {
        (void)snprintf(path, sizeof(path), "%s%s", fixture->path, endings[i]);
        (void)unlink(path);
    }
    return rmdir(fixture->folder);
}

/* ---- Helpers ---- */

/* In the server's thread: what is in the store while the request waits for its answer. */
static void look(void *context, const char *operation)
{
    struct fixture *fixture = context;
    struct tracker_lookup lookup = {.id = fixture->id};
    struct error error = ERROR_NONE;
    struct arena *arena = arena_new(4u << 20);
    struct record record;
    (void)operation;
    assert_int_equal(tracker_find(fixture->second, arena, &lookup, 1, &error), STATUS_OK);
    fixture->existed = lookup.found;
    if (lookup.found) {
        assert_int_equal(
            record_open(&fixture->pipeline.seal, arena, &lookup.record, &record, &error),
            STATUS_OK);
        fixture->statement = record.state.statement;
        fixture->outcome = record.state.outcome;
    }
    arena_free(arena);
}

/* The record as another process leaves it: loaded, changed by the stimulus, stored. */
static void change_elsewhere(struct fixture *fixture, const struct stimulus *stimulus)
{
    struct pipeline *pipeline = &fixture->pipeline;
    struct record record = pipeline_record(pipeline, fixture->id);
    struct tracker_update update = {0};
    struct decision decision;
    struct error error = ERROR_NONE;
    const struct lifecycle_context context = {pipeline->arena, &pipeline->policy,
                                              pipeline->clock.now_ms};
    lifecycle_decide(&context, &record.plan, &record.state, stimulus, &decision);
    assert_true(decision.changed);
    record.state = decision.next;
    record.due_at_ms = lifecycle_due_at(&pipeline->policy, &record.plan, &record.state);
    assert_int_equal(
        record_close_update(&pipeline->seal, pipeline->arena, &record, "other", &update, &error),
        STATUS_OK);
    assert_int_equal(tracker_update(fixture->second, &update, 1, &error), STATUS_OK);
    assert_int_equal(update.status, STATUS_OK);
}

/* Another process hears that step 1 has finished and begins step 2. */
static void finish_step_at_heartbeat(void *context, const char *operation)
{
    const struct stimulus stimulus = {.kind = STIMULUS_EVENT,
                                      .step = 1,
                                      .attempt = 1,
                                      .ending = ENDING_FINISHED,
                                      .witness = WITNESS_EVENT,
                                      .rows = -1,
                                      .duration_ms = -1};
    if (strcmp(operation, "SendTaskHeartbeat") == 0) {
        change_elsewhere(context, &stimulus);
    }
}

static void fail_elsewhere(void *context)
{
    struct fixture *fixture = context;
    const struct stimulus stimulus = {.kind = STIMULUS_DESCRIBED,
                                      .step = 1,
                                      .attempt = 1,
                                      .ending = ENDING_FAILED,
                                      .witness = WITNESS_SWEEP,
                                      .details = true,
                                      .rows = -1,
                                      .duration_ms = -1};
    change_elsewhere(fixture, &stimulus);
}

static const char *name_of(struct fixture *fixture, unsigned step)
{
    return pipeline_name(&fixture->pipeline, fixture->id, step, 1);
}

/* ---- Success ---- */

static void record_exists_when_the_submit_arrives(void **context)
{
    struct fixture *fixture = *context;
    cloud_watch(fixture->pipeline.cloud, look, fixture);
    assert_int_equal(pipeline_post(&fixture->pipeline, "{" SQL ",\"requestKey\":\"key\"}"), 202);
    assert_true(fixture->existed);
    assert_int_equal(fixture->statement, STATEMENT_SUBMITTING);
}

static void outcome_is_committed_when_the_callback_arrives(void **context)
{
    struct fixture *fixture = *context;
    pipeline_post(&fixture->pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"t\"}");
    cloud_watch(fixture->pipeline.cloud, look, fixture);
    assert_true(pipeline_event(&fixture->pipeline, name_of(fixture, 1), "FINISHED"));
    assert_int_equal(fixture->outcome, OUTCOME_FINISHED);
    assert_string_equal(cloud_task_state(fixture->pipeline.cloud, "t"), "SUCCEEDED");
}

static void cancel_is_committed_when_it_arrives(void **context)
{
    struct fixture *fixture = *context;
    pipeline_post(&fixture->pipeline, "{" SQL ",\"requestKey\":\"key\",\"timeoutSeconds\":5}");
    cloud_watch(fixture->pipeline.cloud, look, fixture);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 5000), 1);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "CancelStatement"), 1);
    assert_int_equal(fixture->statement, STATEMENT_CANCELLING);
    assert_int_equal(fixture->outcome, OUTCOME_NONE);
}

static void next_step_is_committed_when_it_is_sent(void **context)
{
    struct fixture *fixture = *context;
    pipeline_post(&fixture->pipeline, "{\"sqlStatements\":[\"a\",\"b\"],\"requestKey\":\"key\"}");
    cloud_watch(fixture->pipeline.cloud, look, fixture);
    pipeline_event(&fixture->pipeline, name_of(fixture, 1), "FINISHED");
    assert_int_equal(fixture->statement, STATEMENT_SUBMITTING);
    assert_int_equal(cloud_runs(fixture->pipeline.cloud, name_of(fixture, 2)), 1);
}

/* The first committed outcome is final; who lost does not send his own. */
static void lost_compare_and_set_decides_again(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"t\"}");
    tracker_faulty_race(pipeline->tracker, fail_elsewhere, fixture);
    assert_true(pipeline_event(pipeline, name_of(fixture, 1), "FINISHED"));
    assert_int_equal(pipeline_record(pipeline, fixture->id).state.outcome, OUTCOME_FAILED);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 0);
}

/* A heartbeat and a look are under way when the record goes on to step 2 elsewhere. The heartbeat's
 * answer brings the fresh record in; the look's, which comes later, is still about step 1. */
static void late_answer_does_not_end_the_next_step(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    fixture->id = pipeline_id(pipeline, "task-token", "t");
    pipeline_post(pipeline, "{\"sqlStatements\":[\"a\",\"b\"],\"taskToken\":\"t\","
                            "\"heartbeatSeconds\":60}");
    cloud_end(pipeline->cloud, name_of(fixture, 1), "FINISHED", "");
    cloud_delay(pipeline->cloud, "DescribeStatement", 200);
    cloud_answer(pipeline->cloud, "SendTaskHeartbeat", 400, "{\"__type\":\"TaskTimedOut\"}");
    cloud_watch(pipeline->cloud, finish_step_at_heartbeat, fixture);
    assert_int_equal(pipeline_sweep(pipeline, 60000), 1);
    struct record record = pipeline_record(pipeline, fixture->id);
    assert_int_equal(record.state.step, 2);
    assert_int_equal(record.state.statement, STATEMENT_CANCELLING);
    assert_int_equal(record.state.outcome, OUTCOME_NONE);
    assert_int_equal(record.state.result_count, 1);
}

static void claimed_record_is_put_right_without_a_change(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\"}");
    const int64_t due_ms = pipeline_record(pipeline, fixture->id).due_at_ms;
    struct work work = {.record = pipeline_record(pipeline, fixture->id), .claimed = true};
    struct work *works[] = {&work};
    dispatch_begin(&pipeline->dispatch);
    struct stimulus due = dispatch_stimulus(&pipeline->dispatch, STIMULUS_DUE);
    dispatch_feed(&pipeline->dispatch, &work, &due);
    dispatch_run(&pipeline->dispatch, works, 1);
    assert_int_equal(work.status, STATUS_OK);
    assert_int_equal(pipeline_record(pipeline, fixture->id).due_at_ms, due_ms);
    assert_int_equal(pipeline_record(pipeline, fixture->id).version, work.record.version);
}

/* A process without the completer's handlers leaves the rest to one that has them, at once. */
static void action_without_a_handler_is_left_to_the_sweep(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    dispatch_choose *choose = pipeline->dispatch.choose;
    const struct action_handler *callback = pipeline->dispatch.handlers[ACTION_CALLBACK];
    pipeline->dispatch.choose = NULL;
    pipeline->dispatch.handlers[ACTION_CALLBACK] = NULL;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"t\"}");
    pipeline_event(pipeline, name_of(fixture, 1), "FINISHED");
    assert_int_equal(pipeline_record(pipeline, fixture->id).due_at_ms, PIPELINE_NOW);
    assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 0);
    pipeline->dispatch.choose = choose;
    pipeline->dispatch.handlers[ACTION_CALLBACK] = callback;
    assert_int_equal(pipeline_sweep(pipeline, 0), 1);
    assert_string_equal(cloud_task_state(pipeline->cloud, "t"), "SUCCEEDED");
}

static void large_reply_is_stored_by_its_digest(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    const char *list = "\"a\"";
    for (size_t i = 0; i < 39; i++) {
        list = arena_format(pipeline->arena, "%s,\"a\"", list);
    }
    pipeline_post(pipeline, arena_format(pipeline->arena,
                                         "{\"sqlStatements\":[%s],\"requestKey\":\"key\","
                                         "\"taskToken\":\"t\"}",
                                         list));
    for (unsigned step = 1; step <= 40; step++) {
        pipeline_event(pipeline, name_of(fixture, step), "FINISHED");
    }
    assert_string_equal(cloud_task_state(pipeline->cloud, "t"), "SUCCEEDED");
    struct record record = pipeline_record(pipeline, fixture->id);
    assert_null(record.state.reply.data);
    struct slice reply = SLICE_NONE;
    struct error error = ERROR_NONE;
    char digest[SHA256_HEX_BYTES + 1];
    assert_int_equal(dispatch_reply(&pipeline->dispatch, &record, &reply, &error), STATUS_OK);
    assert_true(reply.size > INVOCATION_REPLY_INLINE_MAX_BYTES);
    digest_sha256_hex(reply, digest);
    assert_string_equal(digest, record.state.reply_digest);
}

static void settled_record_holds_no_secret(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    struct tracker_lookup lookup = {.id = fixture->id};
    struct error error = ERROR_NONE;
    pipeline_post(pipeline, "{\"sqlStatement\":\"hush-sql\",\"requestKey\":\"key\","
                            "\"taskToken\":\"hush-one\"}");
    pipeline_post(pipeline, "{\"sqlStatement\":\"hush-sql\",\"requestKey\":\"key\","
                            "\"taskToken\":\"hush-two\"}");
    assert_int_equal(tracker_find(pipeline->tracker, pipeline->arena, &lookup, 1, &error),
                     STATUS_OK);
    assert_true(slice_has(lookup.record.plan, "hush-sql"));
    assert_true(slice_has(lookup.record.state, "hush-two"));
    pipeline_event(pipeline, name_of(fixture, 1), "FINISHED");
    assert_int_equal(tracker_find(pipeline->tracker, pipeline->arena, &lookup, 1, &error),
                     STATUS_OK);
    assert_true(lookup.record.settled_at_ms > 0);
    assert_false(slice_has(lookup.record.plan, "hush"));
    assert_false(slice_has(lookup.record.state, "hush"));
}

/* ---- Failure ---- */

static void nothing_is_sent_when_registering_fails(void **context)
{
    struct fixture *fixture = *context;
    tracker_faulty_fail(fixture->pipeline.tracker, 1, TRACKER_FAULT_AFTER);
    assert_int_equal(pipeline_post(&fixture->pipeline, "{" SQL ",\"requestKey\":\"key\"}"), 503);
    assert_int_equal(cloud_count(fixture->pipeline.cloud, NULL), 0);
}

static void nothing_is_sent_when_the_commit_fails(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    pipeline_post(pipeline, "{" SQL ",\"requestKey\":\"key\",\"taskToken\":\"t\"}");
    for (enum tracker_fault fault = TRACKER_FAULT_BEFORE; fault <= TRACKER_FAULT_AFTER; fault++) {
        tracker_faulty_fail(pipeline->tracker, 2, fault);
        assert_false(pipeline_event(pipeline, name_of(fixture, 1), "FINISHED"));
        assert_int_equal(cloud_count(pipeline->cloud, "SendTaskSuccess"), 0);
    }
    pipeline_settle(pipeline);
    assert_string_equal(cloud_task_state(pipeline->cloud, "t"), "SUCCEEDED");
}

static void reply_with_a_missing_key_is_not_gone(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    struct record record = {.plan = {.steps = NULL}};
    struct slice reply = SLICE_NONE;
    struct error error = ERROR_NONE;
    memcpy(record.plan.id, fixture->id, sizeof(record.plan.id));
    memset(record.state.reply_digest, 'a', SHA256_HEX_BYTES);
    assert_int_equal(dispatch_reply(&pipeline->dispatch, &record, &reply, &error),
                     STATUS_NOT_FOUND);
    assert_int_equal(tracker_reply_put(pipeline->tracker, fixture->id, record.state.reply_digest,
                                       SLICE("RB1\1znnnnnnnnnnnncttttttttttttttttt"),
                                       PIPELINE_NOW + 86400000, &error),
                     STATUS_OK);
    assert_int_equal(dispatch_reply(&pipeline->dispatch, &record, &reply, &error), STATUS_INTERNAL);
}

static void callback_in_flight_while_adopters_move(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    struct state state = {.statement = STATEMENT_ENDED,
                          .step = 1,
                          .attempt = 1,
                          .outcome = OUTCOME_FINISHED,
                          .callback_count = 2};
    struct plan plan = {.retry.max_attempts = 1};
    struct decision decision;
    const struct lifecycle_context lifecycle = {pipeline->arena, &pipeline->policy, PIPELINE_NOW};
    struct stimulus delivered = {.kind = STIMULUS_CALLBACK_DELIVERED, .address = 1};
    state.reply_digest[0] = 'x';
    state.callbacks[0] = (struct callback){.state = CALLBACK_CHOSEN, .digest = "moved"};
    state.callbacks[1] = (struct callback){.state = CALLBACK_CHOSEN, .digest = "new"};
    (void)snprintf(delivered.address_digest, sizeof(delivered.address_digest), "moved");
    lifecycle_decide(&lifecycle, &plan, &state, &delivered, &decision);
    assert_int_equal(decision.next.callbacks[0].state, CALLBACK_DELIVERED);
    assert_int_equal(decision.next.callbacks[1].state, CALLBACK_CHOSEN);
    (void)snprintf(delivered.address_digest, sizeof(delivered.address_digest), "gone");
    lifecycle_decide(&lifecycle, &plan, &state, &delivered, &decision);
    assert_false(decision.changed);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(record_exists_when_the_submit_arrives),
        TEST(outcome_is_committed_when_the_callback_arrives),
        TEST(cancel_is_committed_when_it_arrives),
        TEST(next_step_is_committed_when_it_is_sent),
        TEST(lost_compare_and_set_decides_again),
        TEST(late_answer_does_not_end_the_next_step),
        TEST(claimed_record_is_put_right_without_a_change),
        TEST(action_without_a_handler_is_left_to_the_sweep),
        TEST(large_reply_is_stored_by_its_digest),
        TEST(settled_record_holds_no_secret),
        TEST(nothing_is_sent_when_registering_fails),
        TEST(nothing_is_sent_when_the_commit_fails),
        TEST(reply_with_a_missing_key_is_not_gone),
        TEST(callback_in_flight_while_adopters_move),
    };
    return cmocka_run_group_tests_name("dispatch", tests, NULL, NULL);
}
