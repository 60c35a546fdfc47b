/* The client against a server that fails: what is sent again, and what a call ends as. */
#include "tests/support/cmocka.h"
#include "tests/unit/aws/client_fixture.h"

#include <stdio.h>

/* Success. */

static void server_errors_are_tried_three_times(void **state)
{
    struct client_fixture *fixture = *state;
    client_script(fixture, 500, "{\"__type\":\"InternalServerException\"}");
    client_script_fault(fixture, HTTP_FIXTURE_RESET);
    client_script(fixture, 200, "{}");
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.attempts, 3);
    assert_string_equal(call.error_name, "");
}

static void every_sending_has_a_fresh_signature(void **state)
{
    struct client_fixture *fixture = *state;
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){.code = 400,
                                                   .headers = "x-amz-retry-after: 2000\r\n",
                                                   .body = "{\"__type\":\"ThrottlingException\"}"});
    client_script(fixture, 200, "{}");
    assert_int_equal(client_send(fixture, client_describe()).status, STATUS_OK);
    assert_true(fixture->clock.now_ms >= CLIENT_NOW_MS + 2000);
    assert_false(slice_equals(client_header(fixture, 0, "X-Amz-Date"),
                              client_header(fixture, 1, "X-Amz-Date")));
    assert_false(slice_equals(client_header(fixture, 0, "Authorization"),
                              client_header(fixture, 1, "Authorization")));
}

static void waiting_for_a_retry_delays_nobody_else(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call throttled = client_describe();
    struct aws_call quick = client_describe();
    struct aws_call *throttled_pointer = &throttled;
    struct aws_call *quick_pointer = &quick;
    struct aws_call *done[2] = {NULL, NULL};
    client_script(fixture, 400, "{\"__type\":\"ThrottlingException\"}");
    aws_start(fixture->client, &throttled_pointer, 1);
    while (client_requests(fixture) == 0) {
        assert_int_equal(aws_wait(fixture->client, done, 2, 0), 0);
    }
    client_script(fixture, 200, "{}");
    aws_start(fixture->client, &quick_pointer, 1);
    assert_int_equal(aws_wait(fixture->client, done, 2, -1), 1);
    assert_ptr_equal(done[0], &quick);
    client_script(fixture, 200, "{}");
    assert_int_equal(aws_wait(fixture->client, done, 2, -1), 1);
    assert_ptr_equal(done[0], &throttled);
    assert_int_equal(aws_pending(fixture->client), 0);
}

static void expired_token_is_refreshed_and_tried_once_more(void **state)
{
    struct client_fixture *fixture = *state;
    client_script(fixture, 200, "{}");
    client_send(fixture, client_describe());
    client_write_keys(fixture, "SECONDKEY");
    client_script(fixture, 400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"expired\"}");
    client_script(fixture, 200, "{}");
    assert_int_equal(client_send(fixture, client_describe()).status, STATUS_OK);
    assert_text_contains(client_header(fixture, 1, "Authorization"), "Credential=FIRSTKEY/");
    assert_text_contains(client_header(fixture, 2, "Authorization"), "Credential=SECONDKEY/");
}

static void clock_that_is_off_is_corrected_by_the_refusal(void **state)
{
    struct client_fixture *fixture = *state;
    http_fixture_reply(
        fixture->server,
        (struct http_fixture_reply){
            .code = 400,
            .headers = "Date: Fri, 20 Nov 2026 13:34:56 GMT\r\n",
            .body = "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: "
                    "20261120T123456Z is now earlier than 20261120T132956Z\"}"});
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){
                           .headers = "Date: Fri, 20 Nov 2026 13:34:56 GMT\r\n", .body = "{}"});
    assert_int_equal(client_send(fixture, client_describe()).status, STATUS_OK);
    assert_text_is(client_header(fixture, 1, "X-Amz-Date"), "20261120T133456Z");
    assert_int_equal(aws_clock_offset_ms(fixture->client), 3600000);
}

static void small_difference_of_clocks_is_left_alone(void **state)
{
    struct client_fixture *fixture = *state;
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){
                           .headers = "Date: Fri, 20 Nov 2026 12:35:01 GMT\r\n", .body = "{}"});
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){
                           .headers = "Date: Fri, 20 Nov 2026 12:35:04 GMT\r\n", .body = "{}"});
    client_send(fixture, client_describe());
    assert_int_equal(aws_clock_offset_ms(fixture->client), 0);
    clock_fake_advance(&fixture->clock, 2000);
    client_send(fixture, client_describe());
    assert_int_equal(aws_clock_offset_ms(fixture->client), 6000);
}

static void attempts_are_configurable(void **state)
{
    struct client_fixture *fixture = *state;
    client_reopen_with(fixture, "AWS_MAX_ATTEMPTS", "5");
    for (int i = 0; i < 5; i++) {
        client_script(fixture, 503, "");
    }
    assert_int_equal(client_send(fixture, client_describe()).attempts, 5);
}

static void dynamodb_has_one_attempt_more(void **state)
{
    struct client_fixture *fixture = *state;
    for (int i = 0; i < 4; i++) {
        client_script(fixture, 500, "");
    }
    const struct aws_call call = client_send(
        fixture,
        (struct aws_call){.service = AWS_DYNAMODB, .operation = "GetItem", .body = SLICE("{}")});
    assert_int_equal(call.attempts, 4);
    assert_int_equal(call.status, STATUS_IN_DOUBT);
}

/* Failure. */

static void one_attempt_is_one_sending(void **state)
{
    static const struct {
        const char *body;
        int code;
        enum http_fixture_fault fault;
        enum status status;
        bool throttled;
    } cases[] = {
        {"", 500, HTTP_FIXTURE_NO_FAULT, STATUS_IN_DOUBT, false},
        {NULL, 0, HTTP_FIXTURE_RESET, STATUS_IN_DOUBT, false},
        {NULL, 0, HTTP_FIXTURE_PARTIAL, STATUS_IN_DOUBT, false},
        {"{\"__type\":\"ThrottlingException\"}", 400, HTTP_FIXTURE_NO_FAULT, STATUS_RETRY, true},
        {"{\"__type\":\"ExpiredTokenException\"}", 400, HTTP_FIXTURE_NO_FAULT, STATUS_RETRY, false},
        {"{\"__type\":\"SlowDown\"}", 503, HTTP_FIXTURE_NO_FAULT, STATUS_RETRY, true},
        {"", 302, HTTP_FIXTURE_NO_FAULT, STATUS_REJECTED, false},
    };
    struct client_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        http_fixture_reply(fixture->server, (struct http_fixture_reply){.code = cases[i].code,
                                                                        .body = cases[i].body,
                                                                        .fault = cases[i].fault});
        struct aws_call call = client_describe();
        call.max_attempts = 1;
        call = client_send(fixture, call);
        assert_int_equal(call.status, cases[i].status);
        assert_int_equal(call.throttled, cases[i].throttled);
        assert_int_equal(call.attempts, 1);
        assert_int_equal(client_requests(fixture), i + 1);
    }
}

static void refusals_are_not_tried_again(void **state)
{
    static const struct {
        const char *type;
        const char *name;
        int code;
        enum status status;
    } cases[] = {
        {"ValidationException", "ValidationException", 400, STATUS_REJECTED},
        {"com.x#AccessDeniedException:http://y", "AccessDeniedException", 403, STATUS_REJECTED},
        {"ResourceNotFoundException", "ResourceNotFoundException", 400, STATUS_NOT_FOUND},
        {"com.amazonaws.sqs#QueueDoesNotExist", "QueueDoesNotExist", 400, STATUS_NOT_FOUND},
        {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", 400, STATUS_NOT_FOUND},
        {"TaskDoesNotExist", "TaskDoesNotExist", 400, STATUS_NOT_FOUND},
        {"", "", 404, STATUS_NOT_FOUND},
        {"ActiveStatementsExceededException", "ActiveStatementsExceededException", 400,
         STATUS_RETRY},
        {"ActiveSessionsExceededException", "ActiveSessionsExceededException", 400, STATUS_RETRY},
    };
    struct client_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char body[256];
        (void)snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"Message\":\"why\"}",
                       cases[i].type);
        client_script(fixture, cases[i].code, body);
        const struct aws_call call = client_send(fixture, client_describe());
        assert_string_equal(call.error_name, cases[i].name);
        assert_string_equal(call.error_message, "why");
        assert_int_equal(call.status, cases[i].status);
        assert_false(call.throttled);
        assert_int_equal(client_requests(fixture), i + 1);
    }
}

static void validation_that_means_throttling(void **state)
{
    struct client_fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        client_script(fixture, 400,
                      "{\"__type\":\"ValidationException\",\"message\":\"Rate exceeded for x\"}");
    }
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_RETRY);
    assert_true(call.throttled);
    assert_int_equal(call.attempts, 3);
}

static void nobody_there_is_retry(void **state)
{
    struct client_fixture *fixture = *state;
    struct http_fixture *gone = http_fixture_open();
    client_reopen_with(fixture, "AWS_ENDPOINT_URL_REDSHIFT_DATA", http_fixture_url(gone));
    http_fixture_close(gone);
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_RETRY);
    assert_int_equal(call.attempts, 3);
    assert_int_equal(call.code, 0);
    assert_false(call.throttled);
}

static void doubt_stays_when_the_last_attempt_was_refused_for_load(void **state)
{
    struct client_fixture *fixture = *state;
    client_script_fault(fixture, HTTP_FIXTURE_RESET);
    client_script(fixture, 400, "{\"__type\":\"ThrottlingException\"}");
    client_script(fixture, 400, "{\"__type\":\"ThrottlingException\"}");
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_IN_DOUBT);
    assert_true(call.throttled);
    assert_int_equal(call.attempts, 3);
}

static void expired_twice_is_the_end(void **state)
{
    struct client_fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        client_script(fixture, 400, "{\"__type\":\"ExpiredToken\"}");
    }
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_RETRY);
    assert_int_equal(call.attempts, 2);
}

static void proxy_page_is_judged_by_its_code(void **state)
{
    struct client_fixture *fixture = *state;
    for (int i = 0; i < 3; i++) {
        client_script(fixture, 502, "<html><Code>not ours</html>");
    }
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_IN_DOUBT);
    assert_int_equal(call.code, 502);
    assert_string_equal(call.error_name, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, client_setup, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(server_errors_are_tried_three_times),
        TEST(every_sending_has_a_fresh_signature),
        TEST(waiting_for_a_retry_delays_nobody_else),
        TEST(expired_token_is_refreshed_and_tried_once_more),
        TEST(clock_that_is_off_is_corrected_by_the_refusal),
        TEST(small_difference_of_clocks_is_left_alone),
        TEST(attempts_are_configurable),
        TEST(dynamodb_has_one_attempt_more),
        TEST(one_attempt_is_one_sending),
        TEST(refusals_are_not_tried_again),
        TEST(validation_that_means_throttling),
        TEST(nobody_there_is_retry),
        TEST(doubt_stays_when_the_last_attempt_was_refused_for_load),
        TEST(expired_twice_is_the_end),
        TEST(proxy_page_is_judged_by_its_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
