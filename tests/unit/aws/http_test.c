/* Exchanges against a real server on loopback. */
#include "tests/support/cmocka.h"
#include "tests/support/http_fixture.h"

#include "infra/aws/http.h"
#include "infra/base/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LARGE_BATCH 64

/* Fixture. */

struct fixture {
    struct http_fixture *server;
    struct http *http;
    char url[128];
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->server = http_fixture_open();
    fixture->http = http_new(NULL);
    (void)snprintf(fixture->url, sizeof(fixture->url), "%s/path?q=1",
                   http_fixture_url(fixture->server));
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_free(fixture->http);
    http_fixture_close(fixture->server);
    test_free(fixture);
    return 0;
}

/* Helpers. */

static struct http_exchange post(const struct fixture *fixture, struct slice body)
{
    return (struct http_exchange){
        .method = "POST", .url = fixture->url, .body = body, .timeout_ms = 5000};
}

static void script(struct fixture *fixture, int code, const char *body,
                   enum http_fixture_fault fault)
{
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){.code = code, .body = body, .fault = fault});
}

static struct http_exchange send_one(struct fixture *fixture, struct slice body)
{
    struct http_exchange exchange = post(fixture, body);
    http_send_all(fixture->http, &exchange, 1);
    return exchange;
}

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

/* Success. */

static void request_and_answer_arrive_whole(void **state)
{
    struct fixture *fixture = *state;
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){
                           .code = 201, .headers = "X-One:  1 \r\nx-two: 2\r\n", .body = "answer"});
    struct http_exchange exchange = post(fixture, SLICE("question"));
    exchange.headers[0] = (struct http_header){"X-Mine", "value"};
    exchange.headers[1] = (struct http_header){"X-Empty", ""};
    exchange.header_count = 2;
    http_send_all(fixture->http, &exchange, 1);
    assert_int_equal(exchange.status, STATUS_OK);
    assert_int_equal(exchange.code, 201);
    assert_slice(exchange.response, "answer");
    assert_slice(http_response_header(&exchange, "x-ONE"), "1");
    assert_slice(http_response_header(&exchange, "X-Two"), "2");
    assert_null(http_response_header(&exchange, "X-Three").data);
    const struct http_fixture_request *request = http_fixture_request(fixture->server, 0);
    assert_slice(request->method, "POST");
    assert_slice(request->target, "/path?q=1");
    assert_slice(request->body, "question");
    assert_slice(http_fixture_header(request, "X-Mine"), "value");
    assert_slice(http_fixture_header(request, "X-Empty"), "");
}

static void no_header_is_added_that_nobody_asked_for(void **state)
{
    struct fixture *fixture = *state;
    static char large[100000];
    memset(large, 'x', sizeof(large));
    script(fixture, 200, "", HTTP_FIXTURE_NO_FAULT);
    send_one(fixture, (struct slice){large, sizeof(large)});
    const struct http_fixture_request *request = http_fixture_request(fixture->server, 0);
    assert_int_equal(request->body.size, sizeof(large));
    assert_null(http_fixture_header(request, "Expect").data);
    assert_null(http_fixture_header(request, "Content-Type").data);
    assert_null(http_fixture_header(request, "Accept").data);
    assert_slice(http_fixture_header(request, "Content-Length"), "100000");
}

static void methods_on_one_handle(void **state)
{
    static const char *const methods[] = {"POST", "GET", "PUT", "HEAD", "DELETE", "GET", "POST"};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(methods); i++) {
        const bool body = strcmp(methods[i], "POST") == 0 || strcmp(methods[i], "PUT") == 0;
        script(fixture, 200, "", HTTP_FIXTURE_NO_FAULT);
        struct http_exchange exchange = post(fixture, body ? SLICE("b") : SLICE_NONE);
        exchange.method = methods[i];
        http_send_all(fixture->http, &exchange, 1);
        assert_int_equal(exchange.status, STATUS_OK);
        http_reset(fixture->http);
        const struct http_fixture_request *request = http_fixture_request(fixture->server, i);
        assert_slice(request->method, methods[i]);
        assert_int_equal(request->body.size, body ? 1 : 0);
    }
    assert_int_equal(http_fixture_connection_count(fixture->server), 1);
}

static void put_without_body_says_length_zero(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200, "token", HTTP_FIXTURE_NO_FAULT);
    struct http_exchange exchange = post(fixture, SLICE_NONE);
    exchange.method = "PUT";
    http_send_all(fixture->http, &exchange, 1);
    assert_slice(http_fixture_header(http_fixture_request(fixture->server, 0), "Content-Length"),
                 "0");
}

static void exchanges_run_at_the_same_time(void **state)
{
    struct fixture *fixture = *state;
    struct http_exchange exchanges[10];
    for (size_t i = 0; i < ARRAY_COUNT(exchanges); i++) {
        http_fixture_reply(fixture->server,
                           (struct http_fixture_reply){.body = "x", .delay_ms = 100});
        exchanges[i] = post(fixture, SLICE("b"));
    }
    const int64_t start_ms = clock_monotonic_ms(clock_system());
    http_send_all(fixture->http, exchanges, ARRAY_COUNT(exchanges));
    assert_true(clock_monotonic_ms(clock_system()) - start_ms < 900);
    for (size_t i = 0; i < ARRAY_COUNT(exchanges); i++) {
        assert_true(exchanges[i].done);
        assert_int_equal(exchanges[i].status, STATUS_OK);
        assert_slice(exchanges[i].response, "x");
    }
}

/* What a sweep claims at once is not connected anew each time. */
static void connections_of_a_large_batch_are_kept(void **state)
{
    struct fixture *fixture = *state;
    struct http_exchange exchanges[LARGE_BATCH];
    size_t connections = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(exchanges); i++) {
            script(fixture, 200, "x", HTTP_FIXTURE_NO_FAULT);
            exchanges[i] = post(fixture, SLICE("b"));
        }
        http_send_all(fixture->http, exchanges, ARRAY_COUNT(exchanges));
        http_reset(fixture->http);
        connections = round == 0 ? http_fixture_connection_count(fixture->server) : connections;
    }
    assert_true(connections <= LARGE_BATCH);
    assert_int_equal(http_fixture_request_count(fixture->server), 3 * LARGE_BATCH);
    assert_int_equal(http_fixture_connection_count(fixture->server), connections);
}

static void results_stay_until_reset(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200, "first", HTTP_FIXTURE_NO_FAULT);
    script(fixture, 200, "second", HTTP_FIXTURE_NO_FAULT);
    const struct http_exchange first = send_one(fixture, SLICE("1"));
    const struct http_exchange second = send_one(fixture, SLICE("2"));
    assert_slice(first.response, "first");
    assert_slice(second.response, "second");
    assert_int_equal(http_pending(fixture->http), 0);
}

static void release_gives_back_one_answer_and_no_other(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200, "one", HTTP_FIXTURE_NO_FAULT);
    script(fixture, 200, "two", HTTP_FIXTURE_NO_FAULT);
    script(fixture, 200, "three", HTTP_FIXTURE_NO_FAULT);
    struct http_exchange kept = send_one(fixture, SLICE("a"));
    struct http_exchange again = post(fixture, SLICE("b"));
    http_send_all(fixture->http, &again, 1);
    http_release(fixture->http, &again);
    http_release(fixture->http, &again);
    again = post(fixture, SLICE("c"));
    http_send_all(fixture->http, &again, 1);
    assert_slice(kept.response, "one");
    assert_slice(again.response, "three");
}

static void wait_returns_what_is_there_first(void **state)
{
    struct fixture *fixture = *state;
    http_fixture_reply(fixture->server, (struct http_fixture_reply){.fault = HTTP_FIXTURE_SILENT});
    script(fixture, 200, "quick", HTTP_FIXTURE_NO_FAULT);
    struct http_exchange slow = post(fixture, SLICE("slow"));
    struct http_exchange quick = post(fixture, SLICE("quick"));
    struct http_exchange *slow_pointer = &slow;
    struct http_exchange *quick_pointer = &quick;
    struct http_exchange *done[2] = {NULL, NULL};
    http_start(fixture->http, &slow_pointer, 1);
    while (http_fixture_request_count(fixture->server) == 0) {
        assert_int_equal(http_wait(fixture->http, done, 2, 10), 0);
    }
    http_start(fixture->http, &quick_pointer, 1);
    assert_int_equal(http_wait(fixture->http, done, 2, 5000), 1);
    assert_ptr_equal(done[0], &quick);
    assert_int_equal(http_pending(fixture->http), 1);
    assert_int_equal(http_wait(fixture->http, done, 2, 0), 0);
    http_reset(fixture->http);
    assert_int_equal(http_pending(fixture->http), 0);
    assert_int_equal(http_wait(fixture->http, done, 2, 5000), 0);
}

static void *wake(void *context)
{
    http_wake(context);
    return NULL;
}

static void wake_ends_a_wait_for_ever(void **state)
{
    struct fixture *fixture = *state;
    http_fixture_reply(fixture->server, (struct http_fixture_reply){.fault = HTTP_FIXTURE_SILENT});
    struct http_exchange exchange = post(fixture, SLICE("b"));
    exchange.timeout_ms = 0;
    struct http_exchange *pointer = &exchange;
    struct http_exchange *done[1];
    pthread_t thread;
    http_start(fixture->http, &pointer, 1);
    assert_int_equal(pthread_create(&thread, NULL, wake, fixture->http), 0);
    assert_int_equal(http_wait(fixture->http, done, 1, -1), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(http_pending(fixture->http), 1);
}

static void connection_closed_while_idle_is_no_failure(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200, "a", HTTP_FIXTURE_CLOSE_AFTER);
    script(fixture, 200, "b", HTTP_FIXTURE_NO_FAULT);
    assert_int_equal(send_one(fixture, SLICE("1")).status, STATUS_OK);
    /* The end of the first connection has arrived when its port's next one has been served. */
    const struct http_exchange second = send_one(fixture, SLICE("2"));
    assert_true(second.status == STATUS_OK || second.status == STATUS_IN_DOUBT);
    assert_true(http_fixture_request_count(fixture->server) <= 2);
}

/* Failure. */

static void nobody_listening_is_retry(void **state)
{
    struct fixture *fixture = *state;
    struct http_fixture *gone = http_fixture_open();
    (void)snprintf(fixture->url, sizeof(fixture->url), "%s/secret", http_fixture_url(gone));
    http_fixture_close(gone);
    const struct http_exchange exchange = send_one(fixture, SLICE("b"));
    assert_int_equal(exchange.status, STATUS_RETRY);
    assert_int_equal(exchange.code, 0);
    assert_null(strstr(exchange.error.text, "secret"));
}

static void malformed_url_is_rejected(void **state)
{
    static const char *const urls[] = {"http://", "ftp://127.0.0.1/", "http://[::1/", ""};
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        struct http_exchange exchange = {.method = "GET", .url = urls[i], .timeout_ms = 5000};
        http_send_all(fixture->http, &exchange, 1);
        assert_int_equal(exchange.status, STATUS_REJECTED);
    }
}

static void reset_after_sending_is_doubt(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 0, NULL, HTTP_FIXTURE_RESET);
    assert_int_equal(send_one(fixture, SLICE("b")).status, STATUS_IN_DOUBT);
    assert_int_equal(http_fixture_request_count(fixture->server), 1);
}

/* libcurl would send it again on a new connection, since the kept one died before any answer. */
static void reset_of_a_kept_connection_sends_nothing_twice(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200, "a", HTTP_FIXTURE_NO_FAULT);
    script(fixture, 0, NULL, HTTP_FIXTURE_RESET);
    script(fixture, 200, "must not be asked for", HTTP_FIXTURE_NO_FAULT);
    assert_int_equal(send_one(fixture, SLICE("1")).status, STATUS_OK);
    assert_int_equal(send_one(fixture, SLICE("2")).status, STATUS_IN_DOUBT);
    assert_int_equal(http_fixture_request_count(fixture->server), 2);
}

static void part_of_an_answer_is_doubt(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200,
           "0123456789012345678901234567890123456789012345678901234567890123456789"
           "0123456789",
           HTTP_FIXTURE_PARTIAL);
    assert_int_equal(send_one(fixture, SLICE("b")).status, STATUS_IN_DOUBT);
}

static void no_answer_in_time_is_doubt(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 0, NULL, HTTP_FIXTURE_SILENT);
    struct http_exchange exchange = post(fixture, SLICE("b"));
    exchange.timeout_ms = 50;
    http_send_all(fixture->http, &exchange, 1);
    assert_int_equal(exchange.status, STATUS_IN_DOUBT);
}

static void answer_over_the_limit_is_doubt(void **state)
{
    struct fixture *fixture = *state;
    script(fixture, 200, "12345", HTTP_FIXTURE_NO_FAULT);
    script(fixture, 200, "1234", HTTP_FIXTURE_NO_FAULT);
    struct http_exchange exchange = post(fixture, SLICE("b"));
    exchange.response_max_bytes = 4;
    http_send_all(fixture->http, &exchange, 1);
    assert_int_equal(exchange.status, STATUS_IN_DOUBT);
    http_reset(fixture->http);
    http_send_all(fixture->http, &exchange, 1);
    assert_int_equal(exchange.status, STATUS_OK);
    assert_slice(exchange.response, "1234");
}

static void redirects_are_not_followed(void **state)
{
    struct fixture *fixture = *state;
    http_fixture_reply(fixture->server, (struct http_fixture_reply){
                                            .code = 307, .headers = "Location: /elsewhere\r\n"});
    assert_int_equal(send_one(fixture, SLICE("b")).code, 307);
    assert_int_equal(http_fixture_request_count(fixture->server), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(request_and_answer_arrive_whole),
        TEST(no_header_is_added_that_nobody_asked_for),
        TEST(methods_on_one_handle),
        TEST(put_without_body_says_length_zero),
        TEST(exchanges_run_at_the_same_time),
        TEST(connections_of_a_large_batch_are_kept),
        TEST(results_stay_until_reset),
        TEST(release_gives_back_one_answer_and_no_other),
        TEST(wait_returns_what_is_there_first),
        TEST(wake_ends_a_wait_for_ever),
        TEST(connection_closed_while_idle_is_no_failure),
        TEST(nobody_listening_is_retry),
        TEST(malformed_url_is_rejected),
        TEST(reset_after_sending_is_doubt),
        TEST(reset_of_a_kept_connection_sends_nothing_twice),
        TEST(part_of_an_answer_is_doubt),
        TEST(no_answer_in_time_is_doubt),
        TEST(answer_over_the_limit_is_doubt),
        TEST(redirects_are_not_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
