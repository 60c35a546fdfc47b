/* The client and its rates: every sending takes a token, waits for its slot, or does not happen. */
#include "tests/support/cmocka.h"
#include "tests/unit/aws/client_fixture.h"

#include "infra/base/metrics.h"

#include <string.h>

#define CALLS_MAX 40

/* ---- Fixture ---- */

static int set_up(void **state)
{
    client_setup(state);
    struct client_fixture *fixture = *state;
    fixture->pace = pace_new(true);
    client_reopen_with(fixture, "AWS_MAX_ATTEMPTS", "3");
    return 0;
}

/* ---- Helpers ---- */

static struct aws_call call_of(const char *operation)
{
    struct aws_call call = client_describe();
    call.operation = operation;
    return call;
}

static void send_many(struct client_fixture *fixture, struct aws_call *calls, size_t count,
                      const char *operation)
{
    for (size_t i = 0; i < count; i++) {
        calls[i] = call_of(operation);
        client_script(fixture, 200, "{}");
    }
    aws_send_all(fixture->client, calls, count);
}

/* Takes what there is without a wait. */
static void use_up(struct client_fixture *fixture, enum pace_operation operation)
{
    int64_t wait_ms = 0;
    while (pace_take(fixture->pace, operation, fixture->clock.now_ms, 0, &wait_ms)) {
    }
}

/* ---- Success ---- */

static void a_burst_is_spread_over_the_second(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call calls[CALLS_MAX];
    const uint64_t paced = metrics_value(METRIC_AWS_PACED);
    send_many(fixture, calls, 40, "DescribeStatement");
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(calls[i].status, STATUS_OK);
        assert_int_equal(calls[i].attempts, 1);
    }
    /* Twenty at once, twenty at 80 per second. */
    assert_in_range(fixture->clock.now_ms - CLIENT_NOW_MS, 245, 400);
    assert_int_equal(metrics_value(METRIC_AWS_PACED) - paced, 20);
}

static void other_operations_do_not_wait(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call calls[3];
    send_many(fixture, calls, 3, "ListTables");
    use_up(fixture, PACE_EXECUTE_STATEMENT);
    send_many(fixture, calls, 3, "DescribeStatement");
    assert_int_equal(fixture->clock.now_ms, CLIENT_NOW_MS);
}

static void a_retry_takes_a_token_too(void **state)
{
    struct client_fixture *fixture = *state;
    int64_t wait_ms = 0;
    client_script(fixture, 500, "{\"__type\":\"InternalServerException\"}");
    client_script(fixture, 200, "{}");
    use_up(fixture, PACE_CANCEL_STATEMENT);
    struct aws_call call = client_send(fixture, call_of("CancelStatement"));
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.attempts, 2);
    /* Two slots of 3 per second, less a fifth. */
    assert_in_range(fixture->clock.now_ms - CLIENT_NOW_MS, 830, 940);
    assert_false(
        pace_take(fixture->pace, PACE_CANCEL_STATEMENT, fixture->clock.now_ms, 100, &wait_ms));
}

static void a_throttled_answer_halves_the_rate(void **state)
{
    struct client_fixture *fixture = *state;
    client_script(fixture, 400, "{\"__type\":\"ThrottlingException\"}");
    client_script(fixture, 200, "{}");
    assert_int_equal(client_send(fixture, client_describe()).status, STATUS_OK);
    const double rate = pace_rate(fixture->pace, PACE_DESCRIBE_STATEMENT);
    assert_true(rate >= 40 && rate < 51);
}

/* ---- Failure ---- */

static void what_would_wait_too_long_is_certainly_not_sent(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call calls[5];
    send_many(fixture, calls, 5, "ListStatements");
    size_t held = 0;
    for (size_t i = 0; i < 5; i++) {
        held += calls[i].held_back;
        if (calls[i].held_back) {
            assert_int_equal(calls[i].status, STATUS_RETRY);
            assert_int_equal(calls[i].attempts, 0);
            assert_int_equal(calls[i].code, 0);
            assert_true(calls[i].later_ms > 1000);
            assert_non_null(strstr(calls[i].error_message, "ListStatements"));
        } else {
            assert_int_equal(calls[i].status, STATUS_OK);
            assert_int_equal(calls[i].later_ms, 0);
        }
    }
    assert_int_equal(held, 2);
    assert_int_equal(client_requests(fixture), 3);
    assert_true(calls[4].later_ms > calls[3].later_ms);
}

static void a_call_says_how_long_it_may_wait(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call call = call_of("ListStatements");
    use_up(fixture, PACE_LIST_STATEMENTS);
    call.pace_wait_ms = 100;
    assert_true(client_send(fixture, call).held_back);
    call.pace_wait_ms = 500;
    client_script(fixture, 200, "{}");
    assert_int_equal(client_send(fixture, call).status, STATUS_OK);
}

/* An earlier sending stays what it was. */
static void a_retry_without_a_token_is_no_proof(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call call = call_of("CancelStatement");
    call.pace_wait_ms = 1;
    client_script(fixture, 500, "{\"__type\":\"InternalServerException\"}");
    struct aws_call sent = client_send(fixture, call);
    assert_int_equal(sent.status, STATUS_IN_DOUBT);
    assert_false(sent.held_back);
    assert_int_equal(sent.attempts, 1);
    fixture->clock.now_ms += 1000;
    client_script(fixture, 400, "{\"__type\":\"ThrottlingException\"}");
    use_up(fixture, PACE_CANCEL_STATEMENT);
    fixture->clock.now_ms += 1000;
    sent = client_send(fixture, call);
    assert_int_equal(sent.status, STATUS_RETRY);
    assert_true(sent.throttled);
    assert_false(sent.held_back);
}

static void what_waits_is_broken_off_unsent(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call call = call_of("ListStatements");
    struct aws_call *pointer = &call;
    use_up(fixture, PACE_LIST_STATEMENTS);
    aws_start(fixture->client, &pointer, 1);
    assert_int_equal(aws_pending(fixture->client), 1);
    aws_reset(fixture->client);
    assert_int_equal(aws_pending(fixture->client), 0);
    assert_int_equal(client_requests(fixture), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_burst_is_spread_over_the_second),
        TEST(other_operations_do_not_wait),
        TEST(a_retry_takes_a_token_too),
        TEST(a_throttled_answer_halves_the_rate),
        TEST(what_would_wait_too_long_is_certainly_not_sent),
        TEST(a_call_says_how_long_it_may_wait),
        TEST(a_retry_without_a_token_is_no_proof),
        TEST(what_waits_is_broken_off_unsent),
    };
    return cmocka_run_group_tests_name("client_pace", tests, NULL, NULL);
}
