#include "tests/support/cmocka.h"
#include "tests/unit/runtime/tcp_client.h"

#include "infra/base/log.h"
#include "infra/base/metrics.h"
#include "infra/runtime/admin.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct admin *admin;
    struct buffer reply;
    struct clock clock;
    _Atomic int64_t now_ms;
    _Atomic size_t problem_count;
    atomic_bool hangs;
};

static int64_t read_clock(void *context)
{
    struct fixture *fixture = context;
    return fixture->now_ms;
}

static size_t problems(void *context, struct admin_problem *out, size_t max)
{
    struct fixture *fixture = context;
    size_t count = fixture->problem_count < max ? fixture->problem_count : max;
    for (size_t i = 0; i < count; i++) {
        out[i].part = i == 0 ? "event queue" : "tracker";
        (void)error_set(&out[i].problem, STATUS_RETRY, "sqs: <away> & \"gone\"");
    }
    return count;
}

static bool hangs(void *context, struct error *what)
{
    struct fixture *fixture = context;
    if (fixture->hangs) {
        (void)error_set(what, STATUS_INTERNAL, "hangs: worker 2 of events");
    }
    return fixture->hangs;
}

static void start(struct fixture *fixture, const char *token)
{
    struct error error = ERROR_NONE;
    fixture->clock =
        (struct clock){.now_ms = read_clock, .monotonic_ms = read_clock, .context = fixture};
    fixture->now_ms = 1763640000000;
    const struct admin_options options = {
        .listen = "127.0.0.1:0",
        .bearer_token = token,
        .version = "0.1.0",
        .clock = &fixture->clock,
        .problems = problems,
        .hangs = hangs,
        .context = fixture,
    };
    assert_int_equal(admin_start(&options, &fixture->admin, &error), STATUS_OK);
}

static struct fixture *fixture_new(void)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    buffer_init(&fixture->reply, 1 << 20);
    return fixture;
}

static int setup_open(void **state)
{
    struct fixture *fixture = fixture_new();
    start(fixture, NULL);
    *state = fixture;
    return 0;
}

static int setup_guarded(void **state)
{
    struct fixture *fixture = fixture_new();
    start(fixture, "open-sesame");
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    admin_stop(fixture->admin);
    buffer_clear(&fixture->reply);
    free(fixture);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static int ask(struct fixture *fixture, const char *method_and_path, const char *headers)
{
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 1000);
    buffer_append_format(&text, "%s HTTP/1.1\r\nHost: h\r\n%s\r\n", method_and_path, headers);
    buffer_reset(&fixture->reply);
    return tcp_exchange(admin_address(fixture->admin), text.data, &fixture->reply);
}

static bool reply_has(const struct fixture *fixture, const char *text)
{
    struct slice reply = buffer_slice(&fixture->reply);
    return slice_find(reply, slice_from_text(text)) < reply.size;
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_health_is_ok_whatever_the_problems(void **state)
{
    struct fixture *fixture = *state;
    fixture->problem_count = 1;
    assert_int_equal(ask(fixture, "GET /healthz", ""), 200);
    assert_true(reply_has(fixture, "\r\n\r\nok"));
}

static void test_health_is_not_ok_when_a_thread_hangs(void **state)
{
    struct fixture *fixture = *state;
    fixture->hangs = true;
    assert_int_equal(ask(fixture, "GET /healthz", ""), 503);
    assert_true(reply_has(fixture, "\r\n\r\nhangs: worker 2 of events"));
}

static void test_ready_without_problems(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /readyz", ""), 200);
    assert_true(reply_has(fixture, "\r\n\r\n{\"ready\":true,\"problems\":[]}"));
    assert_true(reply_has(fixture, "Cache-Control: no-store\r\n"));
}

static void test_problems_make_it_unready_and_are_named(void **state)
{
    struct fixture *fixture = *state;
    fixture->problem_count = 2;
    assert_int_equal(ask(fixture, "GET /readyz", ""), 503);
    assert_true(reply_has(
        fixture, "{\"ready\":false,\"problems\":[{\"part\":\"event queue\","
                 "\"problem\":\"sqs: <away> & \\\"gone\\\"\"},{\"part\":\"tracker\",\"problem\":"));
}

static void test_more_problems_than_fit_are_cut(void **state)
{
    struct fixture *fixture = *state;
    fixture->problem_count = 1000;
    assert_int_equal(ask(fixture, "GET /readyz", ""), 503);
}

static void test_metrics_are_prometheus_text(void **state)
{
    struct fixture *fixture = *state;
    metrics_add(METRIC_CALLBACKS_DELIVERED, 7);
    assert_int_equal(ask(fixture, "GET /metrics", ""), 200);
    assert_true(reply_has(fixture, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_true(reply_has(fixture, "\nringback_callbacks_delivered_total 7\n"));
}

static void test_page_shows_counts_and_uptime(void **state)
{
    struct fixture *fixture = *state;
    metrics_add(METRIC_SWEEP_CLAIMED, 12345);
    fixture->now_ms += 93900000; /* 26 h 5 min */
    assert_int_equal(ask(fixture, "GET /", ""), 200);
    assert_true(reply_has(fixture, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_true(reply_has(fixture, "0.1.0 &middot; up 1 d 2 h 5 min &middot; 2025-11-21T14:05:00"));
    assert_true(reply_has(fixture, "Records claimed by the sweep</th><td>12345</td>"));
    assert_true(reply_has(fixture, "&#9679; ready"));
    assert_true(reply_has(fixture, "</html>"));
}

static void test_page_escapes_problems(void **state)
{
    struct fixture *fixture = *state;
    fixture->problem_count = 1;
    assert_int_equal(ask(fixture, "GET /", ""), 200);
    assert_true(reply_has(fixture, "not ready"));
    assert_true(reply_has(fixture, "sqs: &lt;away&gt; &amp; &quot;gone&quot;"));
    assert_false(reply_has(fixture, "<away>"));
}

static void test_page_asks_for_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /", ""), 200);
    assert_true(reply_has(fixture, "Content-Security-Policy: default-src 'none'"));
    assert_false(reply_has(fixture, "http://"));
    assert_false(reply_has(fixture, "https://"));
    assert_false(reply_has(fixture, "<script"));
}

static void test_head_is_as_get(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "HEAD /readyz", ""), 200);
    assert_int_equal(ask(fixture, "HEAD /", ""), 200);
}

static void test_token_opens_what_is_guarded(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /metrics", "Authorization: Bearer open-sesame\r\n"), 200);
    assert_int_equal(ask(fixture, "GET /", "authorization: bearer open-sesame\r\n"), 200);
}

static void test_probes_need_no_token(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /healthz", ""), 200);
    assert_int_equal(ask(fixture, "GET /readyz", ""), 200);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_no_or_wrong_token_is_401(void **state)
{
    static const char *const headers[] = {
        "",
        "Authorization: Bearer open-sesam\r\n",
        "Authorization: Bearer open-sesame2\r\n",
        "Authorization: Bearer \r\n",
        "Authorization: Basic open-sesame\r\n",
        "Authorization: open-sesame\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
        assert_int_equal(ask(fixture, "GET /metrics", headers[i]), 401);
        assert_true(reply_has(fixture, "WWW-Authenticate: Bearer\r\n"));
        assert_int_equal(ask(fixture, "GET /", headers[i]), 401);
        assert_int_equal(ask(fixture, "GET /nothing", headers[i]), 401);
    }
}

static void test_other_paths_are_404(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /healthz/", ""), 404);
    assert_int_equal(ask(fixture, "GET /invocations", ""), 404);
}

static void test_other_methods_are_405(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "POST /metrics", "Content-Length: 0\r\n"), 405);
    assert_true(reply_has(fixture, "Allow: GET, HEAD\r\n"));
}

static void test_taken_address_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct admin *second = NULL;
    struct error error = ERROR_NONE;
    const struct admin_options options = {.listen = admin_address(fixture->admin),
                                          .clock = &fixture->clock};
    assert_int_equal(admin_start(&options, &second, &error), STATUS_REJECTED);
    assert_null(second);
    assert_non_null(strstr(error.text, options.listen));
}

int main(void)
{
    log_init(LOG_ERROR, -1);
#define OPEN(test)    cmocka_unit_test_setup_teardown(test, setup_open, teardown)
#define GUARDED(test) cmocka_unit_test_setup_teardown(test, setup_guarded, teardown)
    const struct CMUnitTest tests[] = {
        OPEN(test_health_is_ok_whatever_the_problems),
        OPEN(test_health_is_not_ok_when_a_thread_hangs),
        OPEN(test_ready_without_problems),
        OPEN(test_problems_make_it_unready_and_are_named),
        OPEN(test_more_problems_than_fit_are_cut),
        OPEN(test_metrics_are_prometheus_text),
        OPEN(test_page_shows_counts_and_uptime),
        OPEN(test_page_escapes_problems),
        OPEN(test_page_asks_for_nothing_else),
        OPEN(test_head_is_as_get),
        GUARDED(test_token_opens_what_is_guarded),
        GUARDED(test_probes_need_no_token),
        GUARDED(test_no_or_wrong_token_is_401),
        OPEN(test_other_paths_are_404),
        OPEN(test_other_methods_are_405),
        OPEN(test_taken_address_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
