#include "tests/support/cmocka.h"
#include "tests/support/http_fixture.h"

#include "infra/base/log.h"
#include "infra/runtime/lambda.h"

#include <stdio.h>
#include <string.h>

#define NEXT "Lambda-Runtime-Aws-Request-Id: id-1\r\nLambda-Runtime-Deadline-Ms: 1795178126000\r\n"

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct http_fixture *api;
    const char *error_type; /* of the reply that is given */
    struct slice json;
    char body[64]; /* of the event that was handled */
    char request_id[32];
    int64_t deadline_ms;
    size_t handled;
    size_t answered_before_after; /* answers that had been posted when after was called */
};

static int set_up(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    log_init(LOG_ERROR, -1);
    fixture->api = http_fixture_open();
    fixture->json = SLICE("{\"a\":1}");
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    http_fixture_close(fixture->api);
    test_free(fixture);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void handle(void *context, const struct lambda_event *event, struct lambda_reply *reply)
{
    struct fixture *fixture = context;
    fixture->handled++;
    fixture->deadline_ms = event->deadline_ms;
    (void)snprintf(fixture->body, sizeof(fixture->body), "%.*s", SLICE_PRINT(event->body));
    (void)snprintf(fixture->request_id, sizeof(fixture->request_id), "%.*s",
                   SLICE_PRINT(event->request_id));
    reply->error_type = fixture->error_type;
    if (fixture->json.data != NULL) {
        reply->json = fixture->json;
    }
}

static void after(void *context, const struct lambda_event *event)
{
    struct fixture *fixture = context;
    (void)event;
    fixture->answered_before_after = http_fixture_request_count(fixture->api) - 1;
}

static void answer(struct fixture *fixture, int code, const char *headers, const char *body)
{
    http_fixture_reply(fixture->api,
                       (struct http_fixture_reply){.code = code, .headers = headers, .body = body});
}

/* One event, then an API that is out of order; the text says how it ended. */
static void run(struct fixture *fixture, struct error *error)
{
    const char *api = http_fixture_url(fixture->api) + strlen("http://");
    const struct lambda_options options = {
        .api = api, .handle = handle, .after = after, .context = fixture};
    assert_int_not_equal(lambda_run(&options, error), STATUS_OK);
}

static void assert_request(struct fixture *fixture, size_t index, const char *method,
                           const char *target, const char *body)
{
    const struct http_fixture_request *request = http_fixture_request(fixture->api, index);
    assert_true(slice_equals_text(request->method, method));
    assert_true(slice_equals_text(request->target, target));
    assert_true(slice_equals_text(request->body, body));
}

/* --- success ---------------------------------------------------------------------------------- */

static void an_event_is_handled_and_its_result_posted(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    answer(fixture, 200, NEXT, "{\"event\":1}");
    answer(fixture, 202, NULL, "{}");
    answer(fixture, 500, NULL, "");
    run(fixture, &error);
    assert_string_equal(fixture->body, "{\"event\":1}");
    assert_string_equal(fixture->request_id, "id-1");
    assert_int_equal(fixture->deadline_ms, 1795178126000);
    assert_request(fixture, 0, "GET", "/2018-06-01/runtime/invocation/next", "");
    assert_request(fixture, 1, "POST", "/2018-06-01/runtime/invocation/id-1/response", "{\"a\":1}");
    assert_request(fixture, 2, "GET", "/2018-06-01/runtime/invocation/next", "");
    assert_string_equal(error.text, "next event: HTTP 500");
}

static void the_result_of_nothing_is_null(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    fixture->json = SLICE_NONE;
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 202, NULL, "{}");
    run(fixture, &error);
    assert_request(fixture, 1, "POST", "/2018-06-01/runtime/invocation/id-1/response", "null");
}

static void an_error_names_its_type_in_the_header_too(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    fixture->error_type = "InvalidRequest";
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 202, NULL, "{}");
    run(fixture, &error);
    assert_request(fixture, 1, "POST", "/2018-06-01/runtime/invocation/id-1/error", "{\"a\":1}");
    assert_true(slice_equals_text(http_fixture_header(http_fixture_request(fixture->api, 1),
                                                      "Lambda-Runtime-Function-Error-Type"),
                                  "InvalidRequest"));
}

static void what_nobody_waits_for_comes_after_the_answer(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 202, NULL, "{}");
    run(fixture, &error);
    assert_int_equal(fixture->answered_before_after, 1);
}

static void a_start_that_fails_is_reported(void **state)
{
    struct fixture *fixture = *state;
    answer(fixture, 202, NULL, "{}");
    lambda_report_start(http_fixture_url(fixture->api) + strlen("http://"), SLICE("{\"e\":1}"));
    assert_request(fixture, 0, "POST", "/2018-06-01/runtime/init/error", "{\"e\":1}");
}

/* --- failure ---------------------------------------------------------------------------------- */

static void a_result_that_is_too_large_becomes_an_error(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 413, NULL, "{}");
    answer(fixture, 202, NULL, "{}");
    run(fixture, &error);
    assert_request(fixture, 2, "POST", "/2018-06-01/runtime/invocation/id-1/error",
                   "{\"errorType\":\"Function.ResponseSizeTooLarge\","
                   "\"errorMessage\":\"the result is larger than Lambda takes\"}");
}

static void an_answer_that_is_not_taken_does_not_end_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 403, NULL, "{}");
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 202, NULL, "{}");
    run(fixture, &error);
    assert_int_equal(fixture->handled, 2);
}

static void an_api_out_of_order_ends_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    answer(fixture, 200, NEXT, "{}");
    answer(fixture, 500, NULL, "{}");
    run(fixture, &error);
    assert_string_equal(error.text, "answer: HTTP 500");
    assert_int_equal(http_fixture_request_count(fixture->api), 2);
}

static void an_event_without_an_id_ends_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    answer(fixture, 200, NULL, "{}");
    run(fixture, &error);
    assert_string_equal(error.text, "next event: it has no request id");
    assert_int_equal(fixture->handled, 0);
}

static void an_api_that_is_away_ends_the_loop(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    http_fixture_reply(fixture->api, (struct http_fixture_reply){.fault = HTTP_FIXTURE_RESET});
    run(fixture, &error);
    assert_memory_equal(error.text, "next event: ", strlen("next event: "));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_event_is_handled_and_its_result_posted),
        TEST(the_result_of_nothing_is_null),
        TEST(an_error_names_its_type_in_the_header_too),
        TEST(what_nobody_waits_for_comes_after_the_answer),
        TEST(a_start_that_fails_is_reported),
        TEST(a_result_that_is_too_large_becomes_an_error),
        TEST(an_answer_that_is_not_taken_does_not_end_the_loop),
        TEST(an_api_out_of_order_ends_the_loop),
        TEST(an_event_without_an_id_ends_the_loop),
        TEST(an_api_that_is_away_ends_the_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
