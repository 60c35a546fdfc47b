#include "tests/support/cmocka.h"
#include "tests/unit/local/service_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- fixture --- */

struct fixture {
    struct service_fixture base;
    struct local_tasks *tasks;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL) {
        return -1;
    }
    service_fixture_init(&fixture->base);
    fixture->tasks = local_tasks_new(&fixture->base.clock.clock, &fixture->base.random.random);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    local_tasks_free(fixture->tasks);
    service_fixture_clear(&fixture->base);
    free(fixture);
    return 0;
}

/* --- helpers --- */

static int control(struct fixture *fixture, const char *method, const char *path, const char *query,
                   const char *body)
{
    struct http_server_request request = fixture_request(&fixture->base, method, path, query, body);
    local_tasks_control(fixture->tasks, &request, &fixture->base.response);
    return fixture_answer(&fixture->base);
}

static const char *mint(struct fixture *fixture, const char *body)
{
    assert_int_equal(control(fixture, "POST", "/_ringback/tasks", "", body), 200);
    return fixture_text(&fixture->base, fixture->base.reply, "taskToken");
}

static int call(struct fixture *fixture, const char *operation, const char *token,
                const char *members)
{
    struct local_call made =
        fixture_call(&fixture->base, operation,
                     arena_format(fixture->base.arena, "{\"taskToken\":\"%s\"%s}", token, members));
    local_tasks_handle(fixture->tasks, &made, &fixture->base.response);
    return fixture_answer(&fixture->base);
}

static struct json only_task(struct fixture *fixture)
{
    control(fixture, "GET", "/_ringback/tasks", "", "");
    return json_element(json_member(fixture->base.reply, "tasks"), 0);
}

static void expect_state(struct fixture *fixture, const char *state)
{
    assert_string_equal(fixture_text(&fixture->base, only_task(fixture), "state"), state);
}

static void expect_error(struct fixture *fixture, const char *name)
{
    assert_int_equal(fixture->base.response.code, 400);
    assert_string_equal(fixture_text(&fixture->base, fixture->base.reply, "__type"), name);
    assert_string_equal(fixture_header(&fixture->base, "x-amzn-ErrorType"), name);
}

static const char *repeated(struct fixture *fixture, const char *before, char letter, size_t count,
                            const char *after)
{
    char *text = arena_alloc(fixture->base.arena, count + 1);
    memset(text, letter, count);
    return arena_format(fixture->base.arena, "%s%s%s", before, text, after);
}

/* --- success --- */

static void minted_token_looks_like_a_real_one(void **state)
{
    struct fixture *f = *state;
    const char *first = mint(f, "");
    assert_int_equal(fixture_number(f->base.reply, "n"), 1);
    const char *second = mint(f, "{}");
    assert_int_equal(fixture_number(f->base.reply, "n"), 2);
    assert_int_equal(strlen(first), 700);
    assert_string_not_equal(first, second);
}

static void success_closes_with_its_output(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    expect_state(f, "RUNNING");
    assert_int_equal(json_kind(json_member(only_task(f), "closedAt")), JSON_ABSENT);
    clock_fake_advance(&f->base.clock, 5);
    assert_int_equal(call(f, "SendTaskSuccess", token, ",\"output\":\"{\\\"a\\\":1}\""), 200);
    struct json task = only_task(f);
    assert_string_equal(fixture_text(&f->base, task, "state"), "SUCCEEDED");
    assert_string_equal(fixture_text(&f->base, task, "output"), "{\"a\":1}");
    assert_string_equal(fixture_text(&f->base, task, "taskToken"), token);
    assert_int_equal(json_kind(json_member(task, "error")), JSON_NULL);
    assert_int_equal(fixture_number(task, "accepted"), 1);
    assert_int_equal(fixture_number(task, "refused"), 0);
    assert_int_equal(fixture_number(task, "closedAt"), FIXTURE_NOW_MS + 5);
}

static void failure_closes_with_error_and_cause(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    assert_int_equal(call(f, "SendTaskFailure", token, ",\"error\":\"FAILED\",\"cause\":\"why\""),
                     200);
    struct json task = only_task(f);
    assert_string_equal(fixture_text(&f->base, task, "state"), "FAILED");
    assert_string_equal(fixture_text(&f->base, task, "error"), "FAILED");
    assert_string_equal(fixture_text(&f->base, task, "cause"), "why");
}

static void failure_needs_neither_error_nor_cause(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(call(f, "SendTaskFailure", mint(f, ""), ""), 200);
    expect_state(f, "FAILED");
}

static void heartbeats_keep_a_task_alive(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "{\"heartbeatSeconds\":10}");
    for (int i = 0; i < 5; i++) {
        clock_fake_advance(&f->base.clock, 9999);
        assert_int_equal(call(f, "SendTaskHeartbeat", token, ""), 200);
    }
    assert_int_equal(fixture_number(only_task(f), "heartbeats"), 5);
    clock_fake_advance(&f->base.clock, 10000);
    assert_int_equal(call(f, "SendTaskHeartbeat", token, ""), 400);
    expect_error(f, "TaskTimedOut");
    expect_state(f, "TIMED_OUT");
}

static void timeout_holds_whatever_the_heartbeats(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "{\"heartbeatSeconds\":10,\"timeoutSeconds\":15}");
    clock_fake_advance(&f->base.clock, 9000);
    assert_int_equal(call(f, "SendTaskHeartbeat", token, ""), 200);
    clock_fake_advance(&f->base.clock, 5999);
    expect_state(f, "RUNNING");
    clock_fake_advance(&f->base.clock, 1);
    expect_state(f, "TIMED_OUT");
    assert_int_equal(fixture_number(only_task(f), "accepted"), 0);
}

static void one_task_can_be_asked_for(void **state)
{
    struct fixture *f = *state;
    mint(f, "");
    mint(f, "");
    control(f, "GET", "/_ringback/tasks", "n=2", "");
    struct json tasks = json_member(f->base.reply, "tasks");
    assert_int_equal(json_count(tasks), 1);
    assert_int_equal(fixture_number(json_element(tasks, 0), "n"), 2);
    control(f, "GET", "/_ringback/tasks", "n=9", "");
    assert_int_equal(json_count(json_member(f->base.reply, "tasks")), 0);
}

static void largest_values_are_taken(void **state)
{
    struct fixture *f = *state;
    const char *output = repeated(f, ",\"output\":\"\\\"", 'x', 262142, "\\\"\"");
    assert_int_equal(call(f, "SendTaskSuccess", mint(f, ""), output), 200);
    const char *cause = repeated(f, ",\"cause\":\"", 'x', 32767, "\xc3\xa9\"");
    assert_int_equal(call(f, "SendTaskFailure", mint(f, ""), cause), 200);
}

/* --- failure --- */

static void closed_task_refuses_and_counts(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    assert_int_equal(call(f, "SendTaskSuccess", token, ",\"output\":\"1\""), 200);
    call(f, "SendTaskSuccess", token, ",\"output\":\"2\"");
    expect_error(f, "TaskTimedOut");
    assert_string_equal(fixture_text(&f->base, f->base.reply, "message"),
                        "Task Timed Out: 'Provided task does not exist anymore'");
    call(f, "SendTaskFailure", token, "");
    call(f, "SendTaskHeartbeat", token, "");
    struct json task = only_task(f);
    assert_string_equal(fixture_text(&f->base, task, "output"), "1");
    assert_int_equal(fixture_number(task, "accepted"), 1);
    assert_int_equal(fixture_number(task, "refused"), 3);
    assert_int_equal(fixture_number(task, "heartbeats"), 0);
}

static void aborted_task_refuses(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    assert_int_equal(control(f, "DELETE", "/_ringback/tasks/1", "", ""), 200);
    expect_state(f, "ABORTED");
    call(f, "SendTaskHeartbeat", token, "");
    expect_error(f, "TaskTimedOut");
    assert_int_equal(control(f, "DELETE", "/_ringback/tasks/2", "", ""), 404);
    assert_int_equal(control(f, "DELETE", "/_ringback/tasks/x", "", ""), 404);
}

static void abort_does_not_undo_an_ending(void **state)
{
    struct fixture *f = *state;
    call(f, "SendTaskSuccess", mint(f, ""), ",\"output\":\"1\"");
    control(f, "DELETE", "/_ringback/tasks/1", "", "");
    expect_state(f, "SUCCEEDED");
}

static void unknown_and_malformed_tokens_differ(void **state)
{
    struct fixture *f = *state;
    const char *minted = mint(f, "");
    char other[701];
    (void)snprintf(other, sizeof(other), "%s", minted);
    other[500] = other[500] == 'A' ? 'B' : 'A';
    call(f, "SendTaskHeartbeat", other, "");
    expect_error(f, "TaskDoesNotExist");
    call(f, "SendTaskHeartbeat", "nonsense", "");
    expect_error(f, "InvalidToken");
    other[500] = '!';
    call(f, "SendTaskHeartbeat", other, "");
    expect_error(f, "InvalidToken");
}

static void output_must_be_json(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    call(f, "SendTaskSuccess", token, ",\"output\":\"plain\"");
    expect_error(f, "InvalidOutput");
    call(f, "SendTaskSuccess", token, ",\"output\":\"\"");
    expect_error(f, "InvalidOutput");
    call(f, "SendTaskSuccess", token, "");
    expect_error(f, "ValidationException");
    struct json task = only_task(f);
    assert_string_equal(fixture_text(&f->base, task, "state"), "RUNNING");
    assert_int_equal(fixture_number(task, "refused"), 0);
}

static void sizes_are_limited(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    call(f, "SendTaskSuccess", token, repeated(f, ",\"output\":\"\\\"", 'x', 262143, "\\\"\""));
    expect_error(f, "ValidationException");
    call(f, "SendTaskFailure", token, repeated(f, ",\"error\":\"", 'x', 257, "\""));
    expect_error(f, "ValidationException");
    call(f, "SendTaskFailure", token, repeated(f, ",\"cause\":\"", 'x', 32769, "\""));
    expect_error(f, "ValidationException");
    call(f, "SendTaskHeartbeat", repeated(f, "", 'A', 2049, ""), "");
    expect_error(f, "ValidationException");
    call(f, "SendTaskHeartbeat", "", "");
    expect_error(f, "ValidationException");
    expect_state(f, "RUNNING");
}

static void errors_never_repeat_the_token(void **state)
{
    struct fixture *f = *state;
    const char *token = mint(f, "");
    call(f, "SendTaskSuccess", token, ",\"output\":5");
    expect_error(f, "SerializationException");
    assert_int_equal(slice_find(buffer_slice(&f->base.response.body), slice_from_text(token)),
                     f->base.response.body.size);
}

static void control_refuses_what_it_does_not_know(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(control(f, "POST", "/_ringback/tasks", "", "{\"timeoutSeconds\":-1}"), 400);
    assert_int_equal(control(f, "POST", "/_ringback/tasks", "", "no json"), 400);
    assert_int_equal(control(f, "PUT", "/_ringback/tasks", "", ""), 405);
    call(f, "CreateActivity", mint(f, ""), "");
    expect_error(f, "UnknownOperationException");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(minted_token_looks_like_a_real_one),
        CASE(success_closes_with_its_output),
        CASE(failure_closes_with_error_and_cause),
        CASE(failure_needs_neither_error_nor_cause),
        CASE(heartbeats_keep_a_task_alive),
        CASE(timeout_holds_whatever_the_heartbeats),
        CASE(one_task_can_be_asked_for),
        CASE(largest_values_are_taken),
        CASE(closed_task_refuses_and_counts),
        CASE(aborted_task_refuses),
        CASE(abort_does_not_undo_an_ending),
        CASE(unknown_and_malformed_tokens_differ),
        CASE(output_must_be_json),
        CASE(sizes_are_limited),
        CASE(errors_never_repeat_the_token),
        CASE(control_refuses_what_it_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
