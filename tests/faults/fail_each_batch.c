/*
 * Several invocations at once, through the queues: requests are received in a batch, their
 * statements end, the events are received in a batch too, and callers are told, one of them by a
 * queue. Over and over: each time another call fails, the k-th operation of the tracker or the k-th
 * exchange with AWS (receives, deletes and visibilities among them), done or not, until a run meets
 * no failure.
 */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/sanitized.h"
#include "tests/support/tracker_faulty.h"

#include "infra/runtime/poller_settle.h"

#include <stdio.h>
#include <string.h>

#define REQUESTS   "https://sqs.eu-west-1.amazonaws.com/123456789012/requests"
#define EVENTS     "https://sqs.eu-west-1.amazonaws.com/123456789012/events"
#define REPLIES    "https://sqs.eu-west-1.amazonaws.com/123456789012/replies"

#define CALLS_MAX  200
#define TURNS_MAX  20
#define SWEEPS_MAX 60
/* Of pairs: a run without failures has about so many. */
#define PAIRS_OPERATIONS 16
#define PAIRS_EXCHANGES  18
#define PAIRS_STRIDE     (SANITIZED ? 7 : 1) /* prime to all of these */

/* ---- Fixture ---- */

/* What is asked for, and how each of its statements ends. */
static const struct invocation {
    const char *key;
    const char *body;
    const char *endings[2]; /* of its steps; NULL: there is no second */
    const char *error;      /* of the last */
    enum outcome outcome;
    const char *token; /* NULL: told by the queue */
} invocations[] = {
    {"one",
     "{\"sqlStatement\":\"select 1\",\"requestKey\":\"one\",\"taskToken\":\"t1\"}",
     {"FINISHED"},
     "",
     OUTCOME_FINISHED,
     "t1"},
    {"fails",
     "{\"sqlStatement\":\"select 2\",\"requestKey\":\"fails\",\"taskToken\":\"t2\"}",
     {"FAILED"},
     "ERROR: no",
     OUTCOME_FAILED,
     "t2"},
    {"two",
     "{\"sqlStatements\":[\"select 3\",\"select 4\"],\"requestKey\":\"two\",\"taskToken\":\"t3\"}",
     {"FINISHED", "FINISHED"},
     "",
     OUTCOME_FINISHED,
     "t3"},
    {"reply",
     "{\"sqlStatement\":\"select 5\",\"requestKey\":\"reply\",\"replyTo\":{\"queueUrl\":\"" REPLIES
     "\"}}",
     {"FINISHED"},
     "",
     OUTCOME_FINISHED,
     NULL},
};

/* What fails in a run: this operation and this exchange, 0: none. */
struct trial {
    size_t copies; /* of each message: queues deliver at least once */
    size_t operation;
    enum tracker_fault fault;
    size_t exchange;
    enum cloud_break how;
};

/* A worker with its poller, without a thread: the poller's client is its own and outlives a batch.
 */
struct poller {
    struct pipeline pipeline;
    struct aws_client *client;
    const struct trial *trial;
};

static void poller_open(struct poller *poller, const struct trial *trial)
{
    struct error error = ERROR_NONE;
    struct pipeline *pipeline = &poller->pipeline;
    pipeline_open(pipeline, NULL);
    const struct aws_client_options options = {.environment = pipeline->environment,
                                               .credentials = pipeline->provider,
                                               .clock = &pipeline->clock.clock,
                                               .random = &pipeline->random.random};
    poller->trial = trial;
    if (aws_client_new(&options, &poller->client, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    tracker_faulty_fail(pipeline->tracker, trial->operation, trial->fault);
    cloud_break(pipeline->cloud, trial->exchange, trial->how);
}

static void poller_close(struct poller *poller)
{
    aws_client_free(poller->client);
    pipeline_close(&poller->pipeline);
}

/* ---- Helpers ---- */

static void put(struct poller *poller, const char *url, const char *body)
{
    for (size_t i = 0; i < poller->trial->copies; i++) {
        cloud_queue_put(poller->pipeline.cloud, url, body);
    }
}

static void handle_requests(struct pipeline *pipeline, struct poller_item *items, size_t count)
{
    struct invoker_item requests[SQS_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        requests[i] = (struct invoker_item){
            .body = items[i].message.body,
            .channel = CHANNEL_ASYNCHRONOUS,
            .identity = {.kind = SLICE("sqs"), .source = items[i].message.message_id},
            .source = SLICE("queue:requests")};
    }
    invoker_handle(&pipeline->invoker, requests, count);
    for (size_t i = 0; i < count; i++) {
        items[i].verdict = requests[i].acknowledge ? POLLER_DONE : POLLER_AGAIN;
        items[i].again_seconds = requests[i].again_seconds;
    }
}

static void handle_events(struct pipeline *pipeline, struct poller_item *items, size_t count)
{
    struct event_item events[SQS_BATCH_MAX];
    for (size_t i = 0; i < count; i++) {
        events[i] =
            (struct event_item){.body = items[i].message.body, .source = SLICE("queue:events")};
    }
    completer_handle(&pipeline->dispatch, &pipeline->settings, events, count);
    for (size_t i = 0; i < count; i++) {
        items[i].verdict = events[i].acknowledge ? POLLER_DONE : POLLER_AGAIN;
        items[i].again_seconds = events[i].again_seconds;
    }
}

/* Receive, handle, settle, as a worker's turn; false: nothing came. */
static bool take_turn(struct poller *poller, const char *url)
{
    struct pipeline *pipeline = &poller->pipeline;
    struct poller_item items[SQS_BATCH_MAX];
    struct sqs_message *messages = NULL;
    struct error error = ERROR_NONE;
    struct aws_call call = {0};
    size_t count = 0;
    sqs_build_receive(pipeline->arena, url, SQS_BATCH_MAX, 0, POLLER_VISIBILITY_SECONDS, &call);
    aws_send_all(poller->client, &call, 1);
    if (call.status != STATUS_OK ||
        sqs_read_receive(pipeline->arena, &call, &messages, &count, &error) != STATUS_OK ||
        count == 0) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct poller_item){.message = messages[i], .verdict = POLLER_AGAIN};
    }
    if (strcmp(url, REQUESTS) == 0) {
        handle_requests(pipeline, items, count);
    } else {
        handle_events(pipeline, items, count);
    }
    /* What could not be deleted comes again. */
    (void)!poller_settle(poller->client, pipeline->arena, url, items, count, &error);
    aws_reset(poller->client);
    return true;
}

/* Until the queue is empty. */
static void work_off(struct poller *poller, const char *url)
{
    struct pipeline *pipeline = &poller->pipeline;
    for (size_t i = 0; cloud_queue_count(pipeline->cloud, url) > 0; i++) {
        if (i == TURNS_MAX) {
            fail_msg("%s: %zu messages are left: %s", url, cloud_queue_count(pipeline->cloud, url),
                     cloud_calls(pipeline->cloud));
        }
        if (!take_turn(poller, url)) {
            clock_fake_advance(&pipeline->clock, POLLER_VISIBILITY_SECONDS * 1000);
            cloud_queue_redeliver(pipeline->cloud);
        }
    }
}

static const char *name_of(struct pipeline *pipeline, const struct invocation *invocation,
                           unsigned step)
{
    return pipeline_name(pipeline, pipeline_id(pipeline, "request-key", invocation->key), step, 1);
}

/* Sweeps until this statement has been begun. */
static void await_run(struct pipeline *pipeline, const char *name)
{
    for (size_t i = 0; i < SWEEPS_MAX && cloud_runs(pipeline->cloud, name) == 0; i++) {
        size_t claimed = 0;
        struct error error = ERROR_NONE;
        clock_fake_advance(&pipeline->clock, 5000);
        (void)!completer_sweep(&pipeline->dispatch, SWEEP_LIMIT_DEFAULT, &claimed, &error);
    }
    if (cloud_runs(pipeline->cloud, name) == 0) {
        fail_msg("%s has not run: %s", name, cloud_calls(pipeline->cloud));
    }
}

static void put_event(struct poller *poller, const char *name, const char *state)
{
    struct pipeline *pipeline = &poller->pipeline;
    put(poller, EVENTS,
        arena_format(pipeline->arena,
                     "{\"source\":\"aws.redshift-data\",\"detail-type\":\"Redshift Data Statement "
                     "Status Change\",\"detail\":{\"statementName\":\"%s\",\"statementId\":\"%s\","
                     "\"state\":\"%s\",\"rows\":3}}",
                     name, cloud_id(pipeline->cloud, name), state));
}

/* This step of all that have it ends, and its events come in one batch. */
static void end_step(struct poller *poller, unsigned step)
{
    struct pipeline *pipeline = &poller->pipeline;
    for (size_t i = 0; i < ARRAY_COUNT(invocations); i++) {
        const char *ending = invocations[i].endings[step - 1];
        const char *name = name_of(pipeline, &invocations[i], step);
        if (ending != NULL) {
            await_run(pipeline, name);
            cloud_end(pipeline->cloud, name, ending, invocations[i].error);
            put_event(poller, name, ending);
        }
    }
    work_off(poller, EVENTS);
}

static void tell(struct poller *poller)
{
    struct pipeline *pipeline = &poller->pipeline;
    for (size_t i = 0; i < ARRAY_COUNT(invocations); i++) {
        put(poller, REQUESTS, invocations[i].body);
    }
    put(poller, REQUESTS, "no request");
    work_off(poller, REQUESTS);
    put(poller, EVENTS, "no event");
    end_step(poller, 1);
    end_step(poller, 2);
    pipeline_settle(pipeline);
}

/* At least once, and every copy is the same. */
static void assert_replied(struct pipeline *pipeline, const char *what)
{
    const size_t count = cloud_queue_count(pipeline->cloud, REPLIES);
    if (count == 0) {
        fail_msg("%s: no reply: %s", what, cloud_calls(pipeline->cloud));
    }
    for (size_t i = 1; i < count; i++) {
        assert_true(slice_equals(cloud_queue_body(pipeline->cloud, REPLIES, 0),
                                 cloud_queue_body(pipeline->cloud, REPLIES, i)));
    }
    assert_true(slice_has(cloud_queue_body(pipeline->cloud, REPLIES, 0), "\"FINISHED\""));
}

static void assert_told(struct pipeline *pipeline, const struct invocation *invocation,
                        const char *what)
{
    const struct record record =
        pipeline_record(pipeline, pipeline_id(pipeline, "request-key", invocation->key));
    const bool finished = invocation->outcome == OUTCOME_FINISHED;
    if (record.state.outcome != invocation->outcome) {
        fail_msg("%s: %s is %s: %s", what, invocation->key, outcome_name(record.state.outcome),
                 cloud_calls(pipeline->cloud));
    }
    if (invocation->token == NULL) {
        assert_replied(pipeline, what);
    } else if (cloud_taken(pipeline->cloud, invocation->token) != 1 ||
               strcmp(cloud_task_state(pipeline->cloud, invocation->token),
                      finished ? "SUCCEEDED" : "FAILED") != 0) {
        fail_msg("%s: %s has %zu callbacks: %s", what, invocation->key,
                 cloud_taken(pipeline->cloud, invocation->token), cloud_calls(pipeline->cloud));
    }
}

static void assert_settled(struct pipeline *pipeline, const char *what)
{
    size_t statements = 0;
    for (size_t i = 0; i < ARRAY_COUNT(invocations); i++) {
        assert_told(pipeline, &invocations[i], what);
        for (unsigned step = 1; step <= 2; step++) {
            const size_t expected = invocations[i].endings[step - 1] != NULL;
            const char *name = name_of(pipeline, &invocations[i], step);
            if (cloud_runs(pipeline->cloud, name) != expected) {
                fail_msg("%s: %s ran %zu times", what, name, cloud_runs(pipeline->cloud, name));
            }
            statements += expected;
        }
    }
    if (cloud_statements(pipeline->cloud) != statements || pipeline_parked(pipeline) != 2) {
        fail_msg("%s: %zu statements, %zu parked: %s", what, cloud_statements(pipeline->cloud),
                 pipeline_parked(pipeline), cloud_calls(pipeline->cloud));
    }
}

/* True when all that was to fail has come. */
static bool run(const struct trial *trial)
{
    struct poller poller;
    char what[96];
    (void)snprintf(what, sizeof(what),
                   "%zu copies, operation %zu, fault %d, exchange %zu, break %d", trial->copies,
                   trial->operation, trial->fault, trial->exchange, trial->how);
    poller_open(&poller, trial);
    tell(&poller);
    assert_settled(&poller.pipeline, what);
    const bool came = (trial->operation == 0 || tracker_faulty_failed(poller.pipeline.tracker)) &&
                      cloud_count(poller.pipeline.cloud, NULL) >= trial->exchange;
    poller_close(&poller);
    return came;
}

/* ---- Tests ---- */

static void each_operation_of_the_tracker(void **context)
{
    (void)context;
    for (size_t i = 0; i < 4; i++) {
        struct trial trial = {.copies = 1 + i / 2,
                              .fault = i % 2 == 0 ? TRACKER_FAULT_BEFORE : TRACKER_FAULT_AFTER};
        do {
            trial.operation++;
        } while (run(&trial));
        assert_in_range(trial.operation, 10, CALLS_MAX);
    }
}

static void each_exchange(void **context)
{
    (void)context;
    for (size_t i = 0; i < 2 * CLOUD_BREAKS; i++) {
        struct trial trial = {.copies = 1 + i / CLOUD_BREAKS,
                              .how = (enum cloud_break)(i % CLOUD_BREAKS)};
        do {
            trial.exchange++;
        } while (run(&trial));
        assert_in_range(trial.exchange, 15, CALLS_MAX);
    }
}

/* Both at once: the tracker and AWS have a bad day. */
static void each_pair(void **context)
{
    (void)context;
    for (size_t i = 0; i < PAIRS_OPERATIONS * PAIRS_EXCHANGES * 2 * CLOUD_BREAKS;
         i += PAIRS_STRIDE) {
        const size_t pair = i / (2 * CLOUD_BREAKS);
        const struct trial trial = {.copies = 1,
                                    .operation = 1 + pair / PAIRS_EXCHANGES,
                                    .fault =
                                        i % 2 == 0 ? TRACKER_FAULT_BEFORE : TRACKER_FAULT_AFTER,
                                    .exchange = 1 + pair % PAIRS_EXCHANGES,
                                    .how = (enum cloud_break)(i / 2 % CLOUD_BREAKS)};
        (void)run(&trial);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operation_of_the_tracker),
        cmocka_unit_test(each_exchange),
        cmocka_unit_test(each_pair),
    };
    return cmocka_run_group_tests_name("fail_each_batch", tests, NULL, NULL);
}
