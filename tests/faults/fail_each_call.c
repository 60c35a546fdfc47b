/*
 * One whole invocation (submit, event, callback), over and over: each time another call fails, the
 * k-th operation of the tracker or the k-th exchange with AWS, done or not, until a run meets no
 * failure. After each the sweep settles it: one effective callback, one run per statement name, one
 * outcome.
 */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/sanitized.h"
#include "tests/support/tracker_faulty.h"

#include <stdio.h>
#include <string.h>

#define CALLS_MAX 100
#define POSTS_MAX 10
/* Of pairs: the longest story has about so many. */
#define PAIRS_OPERATIONS 16
#define PAIRS_EXCHANGES  6
#define PAIRS_STRIDE     (SANITIZED ? 7 : 1) /* prime to all of these */

/* What is run. */
struct story {
    const char *body;
    unsigned steps;
    const char *ending; /* of the last step; NULL: it is cancelled at its deadline */
    const char *error;
    enum outcome outcome;
    bool with_event;
    const char *retried_error; /* attempt 1 of step 1 fails so; NULL: it does not */
    const char *rows;          /* told of its rows, unless the tracker fails; NULL: none */
};

/* ---- Helpers ---- */

/* The caller comes again until the request is taken, as its own retry would. */
static void post(struct pipeline *pipeline, const struct story *story)
{
    for (size_t i = 0; i < POSTS_MAX; i++) {
        const int code = pipeline_post(pipeline, story->body);
        if (code == 200 || code == 202) {
            return;
        }
        assert_int_equal(code, 503);
    }
    fail_msg("not taken: %.*s", SLICE_PRINT(pipeline->item.reply));
}

/* The queue delivers until the message is acknowledged. */
static void deliver(struct pipeline *pipeline, const char *name, const char *state)
{
    for (size_t i = 0; i < POSTS_MAX; i++) {
        if (pipeline_event(pipeline, name, state)) {
            return;
        }
    }
    fail_msg("event not acknowledged");
}

/* Sweeps until the statement of this name has been begun. */
static void await_run(struct pipeline *pipeline, const char *name)
{
    for (size_t i = 0; i < 50 && cloud_runs(pipeline->cloud, name) == 0; i++) {
        size_t claimed = 0;
        struct error error = ERROR_NONE;
        clock_fake_advance(&pipeline->clock, 5000);
        (void)!completer_sweep(&pipeline->dispatch, 10, &claimed, &error);
    }
    if (cloud_runs(pipeline->cloud, name) != 1) {
        fail_msg("%s has not run: %s", name, cloud_calls(pipeline->cloud));
    }
}

static void end(struct pipeline *pipeline, const struct story *story, const char *name,
                const char *status, const char *error)
{
    await_run(pipeline, name);
    cloud_end(pipeline->cloud, name, status, error);
    if (story->with_event) {
        deliver(pipeline, name, status);
        deliver(pipeline, name, status); /* at least once */
    }
}

static void tell(struct pipeline *pipeline, const struct story *story)
{
    const char *id = pipeline_id(pipeline, "request-key", "key");
    unsigned attempt = 1;
    post(pipeline, story);
    for (unsigned step = 1; step <= story->steps; step++) {
        if (step == 1 && story->retried_error != NULL) {
            end(pipeline, story, pipeline_name(pipeline, id, 1, 1), "FAILED", story->retried_error);
            attempt = 2;
        }
        const bool last = step == story->steps;
        if (last && story->ending == NULL) {
            break;
        }
        end(pipeline, story, pipeline_name(pipeline, id, step, step == 1 ? attempt : 1),
            last ? story->ending : "FINISHED", last ? story->error : "");
    }
    pipeline_settle(pipeline);
}

static void assert_settled(struct pipeline *pipeline, const struct story *story, const char *what)
{
    const char *id = pipeline_id(pipeline, "request-key", "key");
    struct record record = pipeline_record(pipeline, id);
    const bool finished = story->outcome == OUTCOME_FINISHED;
    if (record.state.outcome != story->outcome || cloud_taken(pipeline->cloud, "t") != 1 ||
        strcmp(cloud_task_state(pipeline->cloud, "t"), finished ? "SUCCEEDED" : "FAILED") != 0) {
        fail_msg("%s: outcome %s, %zu callbacks: %s", what, outcome_name(record.state.outcome),
                 cloud_taken(pipeline->cloud, "t"), cloud_calls(pipeline->cloud));
    }
    const size_t expected = story->steps + (story->retried_error != NULL);
    if (cloud_statements(pipeline->cloud) != expected) {
        fail_msg("%s: %zu statements: %s", what, cloud_statements(pipeline->cloud),
                 cloud_calls(pipeline->cloud));
    }
    /* Whatever was sent more than once was sent byte by byte the same. */
    const char *operation = finished ? "SendTaskSuccess" : "SendTaskFailure";
    for (size_t i = 1; i < cloud_count(pipeline->cloud, operation); i++) {
        assert_true(slice_equals(cloud_body(pipeline->cloud, operation, 0),
                                 cloud_body(pipeline->cloud, operation, i)));
    }
    if (!slice_has(cloud_body(pipeline->cloud, operation, 0), story->error)) {
        fail_msg("%s: the database's text is lost", what);
    }
    assert_int_equal(cloud_count(pipeline->cloud, finished ? "SendTaskFailure" : "SendTaskSuccess"),
                     0);
}

/* Rows are gathered within a time that a process's lease outlasts: they may be missing when it
 * dies, and no exchange is a reason that they are. */
static void assert_rows(struct pipeline *pipeline, const struct story *story, const char *what)
{
    if (story->rows != NULL &&
        !slice_has(cloud_body(pipeline->cloud, "SendTaskSuccess", 0), story->rows)) {
        fail_msg("%s: the rows are lost: %s", what, cloud_calls(pipeline->cloud));
    }
}

/* Every operation of the tracker, undone and done. */
static void fail_each_operation(const struct story *story)
{
    for (enum tracker_fault fault = TRACKER_FAULT_BEFORE; fault <= TRACKER_FAULT_AFTER; fault++) {
        bool failed = true;
        size_t k = 1;
        for (; failed && k < CALLS_MAX; k++) {
            struct pipeline pipeline;
            char what[64];
            (void)snprintf(what, sizeof(what), "tracker operation %zu, fault %d", k, fault);
            pipeline_open(&pipeline, NULL);
            tracker_faulty_fail(pipeline.tracker, k, fault);
            tell(&pipeline, story);
            failed = tracker_faulty_failed(pipeline.tracker);
            assert_settled(&pipeline, story, what);
            pipeline_close(&pipeline);
        }
        assert_in_range(k, 5, CALLS_MAX - 1);
    }
}

/* Every exchange, broken in every way. */
static void break_each_exchange(const struct story *story)
{
    for (int how = 0; how < CLOUD_BREAKS; how++) {
        bool broken = true;
        size_t k = 1;
        for (; broken && k < CALLS_MAX; k++) {
            struct pipeline pipeline;
            char what[64];
            (void)snprintf(what, sizeof(what), "exchange %zu, break %d", k, how);
            pipeline_open(&pipeline, NULL);
            cloud_break(pipeline.cloud, k, (enum cloud_break)how);
            tell(&pipeline, story);
            broken = cloud_count(pipeline.cloud, NULL) >= k;
            assert_settled(&pipeline, story, what);
            assert_rows(&pipeline, story, what);
            pipeline_close(&pipeline);
        }
        assert_in_range(k, 3, CALLS_MAX - 1);
    }
}

/* Both at once: the tracker and AWS have a bad day. */
static void fail_each_pair(const struct story *story)
{
    for (size_t i = 0; i < PAIRS_OPERATIONS * PAIRS_EXCHANGES * 2 * CLOUD_BREAKS;
         i += PAIRS_STRIDE) {
        const size_t pair = i / (2 * CLOUD_BREAKS);
        const size_t k = 1 + pair / PAIRS_EXCHANGES;
        const size_t m = 1 + pair % PAIRS_EXCHANGES;
        const size_t how = i % (2 * CLOUD_BREAKS);
        struct pipeline pipeline;
        char what[64];
        (void)snprintf(what, sizeof(what), "operation %zu, exchange %zu, way %zu", k, m, how);
        pipeline_open(&pipeline, NULL);
        tracker_faulty_fail(pipeline.tracker, k,
                            how % 2 == 0 ? TRACKER_FAULT_BEFORE : TRACKER_FAULT_AFTER);
        cloud_break(pipeline.cloud, m, (enum cloud_break)(how / 2));
        tell(&pipeline, story);
        assert_settled(&pipeline, story, what);
        pipeline_close(&pipeline);
    }
}

static void fail_each_call(const struct story *story)
{
    fail_each_operation(story);
    break_each_exchange(story);
    /* Two failures may outlast the time in which the text that asks for a retry is gathered. */
    if (story->retried_error == NULL) {
        fail_each_pair(story);
    }
}

/* ---- Tests ---- */

#define ONE "{\"sqlStatement\":\"select 1\",\"requestKey\":\"key\",\"taskToken\":\"t\"}"
#define TWO                                                                                        \
    "{\"sqlStatements\":[\"select 1\",\"select 2\"],\"requestKey\":\"key\",\"taskToken\":\"t\"}"

#define LATE                                                                                       \
    "{\"sqlStatements\":[\"select 1\",\"select 2\"],\"requestKey\":\"key\",\"taskToken\":\"t\","   \
    "\"timeoutSeconds\":3600}"

#define ROWS                                                                                       \
    "{\"sqlStatement\":\"select 1\",\"requestKey\":\"key\",\"taskToken\":\"t\",\"result\":{}}"

#define OBJECT                                                                                     \
    "{\"sqlStatement\":\"select 1\",\"requestKey\":\"key\",\"taskToken\":\"t\","                   \
    "\"result\":{\"mode\":\"s3\",\"uri\":\"s3://bucket/x\"}}"

static void success_told_by_its_event(void **context)
{
    const struct story story = {ONE, 1, "FINISHED", "", OUTCOME_FINISHED, true, NULL, NULL};
    (void)context;
    fail_each_call(&story);
}

static void success_whose_event_is_lost(void **context)
{
    const struct story story = {ONE, 1, "FINISHED", "", OUTCOME_FINISHED, false, NULL, NULL};
    (void)context;
    fail_each_call(&story);
}

static void failure_with_its_text(void **context)
{
    const struct story story = {ONE, 1, "FAILED", "ERROR: no", OUTCOME_FAILED, true, NULL, NULL};
    (void)context;
    fail_each_call(&story);
}

static void two_steps(void **context)
{
    const struct story story = {TWO, 2, "FINISHED", "", OUTCOME_FINISHED, true, NULL, NULL};
    (void)context;
    fail_each_call(&story);
}

static void deadline_of_the_second_step(void **context)
{
    const struct story story = {LATE, 2, NULL, "", OUTCOME_TIMED_OUT, true, NULL, NULL};
    (void)context;
    fail_each_call(&story);
}

static void second_attempt(void **context)
{
    const struct story story = {ONE, 1, "FINISHED", "", OUTCOME_FINISHED, true, "ERROR: 1023 again",
                                NULL};
    (void)context;
    fail_each_call(&story);
}

static void rows_in_the_reply(void **context)
{
    const struct story story = {
        .body = ROWS,
        .steps = 1,
        .ending = "FINISHED",
        .error = "",
        .outcome = OUTCOME_FINISHED,
        .with_event = true,
        .rows = "\\\"rows\\\":[[1],[2]],\\\"totalRows\\\":2,\\\"truncated\\\":false"};
    (void)context;
    fail_each_call(&story);
}

static void rows_in_an_object(void **context)
{
    const struct story story = {.body = OBJECT,
                                .steps = 1,
                                .ending = "FINISHED",
                                .error = "",
                                .outcome = OUTCOME_FINISHED,
                                .with_event = true,
                                .rows = "\\\"totalRows\\\":2,\\\"truncated\\\":false"};
    (void)context;
    fail_each_call(&story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(success_told_by_its_event),
        cmocka_unit_test(success_whose_event_is_lost),
        cmocka_unit_test(failure_with_its_text),
        cmocka_unit_test(two_steps),
        cmocka_unit_test(deadline_of_the_second_step),
        cmocka_unit_test(second_attempt),
        cmocka_unit_test(rows_in_the_reply),
        cmocka_unit_test(rows_in_an_object),
    };
    return cmocka_run_group_tests_name("fail_each_call", tests, NULL, NULL);
}
