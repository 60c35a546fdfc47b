#include "tests/support/cmocka.h"
#include "tests/unit/runtime/tcp_client.h"

#include "infra/base/json_writer.h"
#include "infra/base/log.h"
#include "infra/runtime/http_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX_BYTES 100000u

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct http_server *server;
    struct buffer reply;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned entered; /* handlers that have reached the gate */
    bool open;        /* the gate */
    unsigned handled;
    bool was_there; /* the client of /leave, when its handler began */
};

static void echo(const struct http_server_request *request, struct http_server_response *response)
{
    CLEANUP(buffer_clear) struct buffer json;
    struct json_writer writer;
    buffer_init(&json, 1 << 20);
    json_writer_init(&writer, &json);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "method", request->method);
    json_write_text(&writer, "path", request->path);
    json_write_text(&writer, "query", request->query);
    json_write_text(&writer, "a", http_server_query(request, "a"));
    json_write_text(&writer, "x-test", http_server_header(request, "X-TEST"));
    json_write_int64(&writer, "headers", (int64_t)request->header_count);
    json_write_int64(&writer, "bytes", (int64_t)request->body.size);
    json_write_text(&writer, "body", slice_part(request->body, 0, 20));
    json_end_object(&writer);
    http_server_reply_json(response, 200, buffer_slice(&json));
}

/* Says when it has begun, and when its client has left. */
static void watch_client(struct fixture *fixture, const struct http_server_request *request)
{
    bool gone_before = http_server_client_gone(request);
    (void)pthread_mutex_lock(&fixture->mutex);
    fixture->was_there = !gone_before;
    fixture->entered++;
    (void)pthread_cond_broadcast(&fixture->changed);
    (void)pthread_mutex_unlock(&fixture->mutex);
    while (!http_server_client_gone(request)) {
        (void)usleep(1000);
    }
    (void)pthread_mutex_lock(&fixture->mutex);
    fixture->entered++;
    (void)pthread_cond_broadcast(&fixture->changed);
    (void)pthread_mutex_unlock(&fixture->mutex);
}

static void handle(void *context, const struct http_server_request *request,
                   struct http_server_response *response)
{
    struct fixture *fixture = context;
    pthread_mutex_lock(&fixture->mutex);
    fixture->handled++;
    if (slice_equals_text(request->path, "/gate")) {
        fixture->entered++;
        pthread_cond_broadcast(&fixture->changed);
        while (!fixture->open) {
            pthread_cond_wait(&fixture->changed, &fixture->mutex);
        }
    }
    pthread_mutex_unlock(&fixture->mutex);
    if (slice_equals_text(request->path, "/leave")) {
        watch_client(fixture, request);
        return;
    }
    if (slice_equals_text(request->path, "/slow")) {
        (void)usleep(
            2200000); /* longer than the idle timeout of its test: real time is the point */
    }
    if (slice_equals_text(request->path, "/drop")) {
        response->drop_connection = true;
        return;
    }
    if (slice_equals_text(request->path, "/big")) {
        char *room = buffer_reserve(&response->body, 33u << 20);
        assert_null(room);
        return;
    }
    if (slice_equals_text(request->path, "/created")) {
        response->code = 201;
        response->headers[response->header_count++] =
            (struct http_server_header){SLICE("Retry-After"), SLICE("7")};
        return;
    }
    if (slice_equals_text(request->path, "/split")) {
        response->headers[response->header_count++] =
            (struct http_server_header){SLICE("X-A"), SLICE("1\r\nX-B: 2")};
        return;
    }
    echo(request, response);
}

static void start(struct fixture *fixture, struct http_server_options options)
{
    struct error error = ERROR_NONE;
    options.name = "test";
    options.body_max_bytes = BODY_MAX_BYTES;
    options.handle = handle;
    options.context = fixture;
    assert_int_equal(http_server_start(&options, &fixture->server, &error), STATUS_OK);
}

static int setup_bare(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    buffer_init(&fixture->reply, 64u << 20);
    (void)pthread_mutex_init(&fixture->mutex, NULL);
    (void)pthread_cond_init(&fixture->changed, NULL);
    *state = fixture;
    return 0;
}

static int setup(void **state)
{
    setup_bare(state);
    start(*state, (struct http_server_options){.listen = "127.0.0.1:0"});
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    http_server_stop(fixture->server);
    buffer_clear(&fixture->reply);
    (void)pthread_cond_destroy(&fixture->changed);
    (void)pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static int ask(struct fixture *fixture, const char *text)
{
    buffer_reset(&fixture->reply);
    return tcp_exchange(http_server_address(fixture->server), text, &fixture->reply);
}

static void assert_reply_has(struct fixture *fixture, const char *text)
{
    struct slice reply = buffer_slice(&fixture->reply);
    if (slice_find(reply, slice_from_text(text)) == reply.size) {
        fail_msg("no %s in: %.*s", text, SLICE_PRINT(reply));
    }
}

static void wait_for_entered(struct fixture *fixture, unsigned count)
{
    pthread_mutex_lock(&fixture->mutex);
    while (fixture->entered < count) {
        pthread_cond_wait(&fixture->changed, &fixture->mutex);
    }
    pthread_mutex_unlock(&fixture->mutex);
}

static void open_gate(struct fixture *fixture)
{
    pthread_mutex_lock(&fixture->mutex);
    fixture->open = true;
    pthread_cond_broadcast(&fixture->changed);
    pthread_mutex_unlock(&fixture->mutex);
}

static int open_and_send(struct fixture *fixture, const char *text)
{
    int fd = tcp_open(http_server_address(fixture->server));
    assert_true(fd >= 0);
    assert_true(tcp_send(fd, text, strlen(text)));
    return fd;
}

/* A POST whose header announces size bytes and whose body has them. */
static int post(struct fixture *fixture, size_t size, const char *more_headers)
{
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, size + 1000);
    buffer_append_format(&text, "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n%s\r\n",
                         size, more_headers);
    for (size_t i = 0; i < size; i++) {
        buffer_append_byte(&text, 'x');
    }
    buffer_append_byte(&text, '\0');
    return ask(fixture, text.data);
}

static void *stop_server(void *context)
{
    struct fixture *fixture = context;
    http_server_stop(fixture->server);
    return NULL;
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_request_reaches_the_handler_whole(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "POST /a%2Fb?a=1+2%26&b HTTP/1.1\r\nHost: h\r\nx-Test: v\r\n"
                                  "Content-Length: 5\r\n\r\nhello"),
                     200);
    assert_reply_has(fixture, "Content-Type: application/json\r\n");
    assert_reply_has(fixture, "{\"method\":\"POST\",\"path\":\"/a%2Fb\",\"query\":\"a=1+2%26&b\","
                              "\"a\":\"1 2&\",\"x-test\":\"v\",\"headers\":3,\"bytes\":5,"
                              "\"body\":\"hello\"}");
}

static void test_chunked_body_is_joined(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                                  "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"),
                     200);
    assert_reply_has(fixture, "\"body\":\"abcdefg\"");
}

static void test_absent_query_and_headers_are_absent(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_reply_has(fixture, "\"query\":\"\",\"a\":null,\"x-test\":null");
}

static void test_empty_and_broken_query_values(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /?&&b=2&a= HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_reply_has(fixture, "\"a\":\"\"");
    assert_int_equal(ask(fixture, "GET /?a=%zz HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_reply_has(fixture, "\"a\":null");
}

static void test_head_has_length_and_no_body(void **state)
{
    struct fixture *fixture = *state;
    int fd = open_and_send(fixture, "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(tcp_read_reply(fd, true, &fixture->reply), 200);
    assert_reply_has(fixture, "Content-Length: 95\r\n");
    /* The connection is in step: the next reply begins where the header ended. */
    assert_true(tcp_send(fd, "GET /next HTTP/1.1\r\nHost: h\r\n\r\n", 32));
    buffer_reset(&fixture->reply);
    assert_int_equal(tcp_read_reply(fd, false, &fixture->reply), 200);
    assert_memory_equal(fixture->reply.data, "HTTP/1.1 200", 12);
    (void)close(fd);
}

static void test_handler_sets_code_and_headers(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /created HTTP/1.1\r\nHost: h\r\n\r\n"), 201);
    assert_reply_has(fixture, "Retry-After: 7\r\n");
    assert_reply_has(fixture, "Content-Length: 0\r\n");
}

static void test_connection_is_reused(void **state)
{
    struct fixture *fixture = *state;
    int fd = tcp_open(http_server_address(fixture->server));
    const char *text = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
    for (int i = 0; i < 50; i++) {
        assert_true(tcp_send(fd, text, strlen(text)));
        buffer_reset(&fixture->reply);
        assert_int_equal(tcp_read_reply(fd, false, &fixture->reply), 200);
    }
    (void)close(fd);
    assert_int_equal(fixture->handled, 50);
}

static void test_ipv6_listens(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, (struct http_server_options){.listen = "[::1]:0"});
    assert_memory_equal(http_server_address(fixture->server), "[::1]:", 6);
    assert_int_equal(ask(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
}

static void test_body_of_exactly_the_limit_passes(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(post(fixture, BODY_MAX_BYTES, ""), 200);
    assert_reply_has(fixture, "\"bytes\":100000");
}

static void test_sixty_four_headers_pass(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 10000);
    buffer_append_text(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 1; i < HTTP_SERVER_HEADERS_MAX; i++) {
        buffer_append_format(&text, "X-%d: v\r\n", i);
    }
    buffer_append_text(&text, "\r\n");
    assert_int_equal(ask(fixture, text.data), 200);
    assert_reply_has(fixture, "\"headers\":64");
}

static void test_handlers_run_side_by_side(void **state)
{
    struct fixture *fixture = *state;
    int fds[20];
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = open_and_send(fixture, "GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    wait_for_entered(fixture, ARRAY_COUNT(fds));
    open_gate(fixture);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        assert_int_equal(tcp_read_reply(fds[i], false, &fixture->reply), 200);
        (void)close(fds[i]);
    }
}

static void test_connections_over_the_limit_are_closed(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, (struct http_server_options){.listen = "127.0.0.1:0", .max_connections = 4});
    int fds[4];
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        fds[i] = open_and_send(fixture, "GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    wait_for_entered(fixture, 4);
    int fifth = tcp_open(http_server_address(fixture->server));
    assert_true(tcp_ends(fifth));
    (void)close(fifth);
    open_gate(fixture);
    for (size_t i = 0; i < ARRAY_COUNT(fds); i++) {
        assert_int_equal(tcp_read_reply(fds[i], false, &fixture->reply), 200);
        (void)close(fds[i]);
    }
    /* Room comes back as soon as the server has seen them leave. */
    int code = 0;
    for (int i = 0; i < 100000 && code == 0; i++) {
        code = ask(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    assert_int_equal(code, 200);
}

static void test_handler_may_take_longer_than_the_idle_timeout(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, (struct http_server_options){.listen = "127.0.0.1:0", .idle_timeout_ms = 1000});
    assert_int_equal(ask(fixture, "GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
}

/* Stopping has begun once nobody may connect any more. */
static void wait_until_refused(const char *address)
{
    int refused = 0;
    for (int i = 0; i < 1000000 && refused >= 0; i++) {
        refused = tcp_open(address);
        if (refused >= 0) {
            (void)close(refused);
        }
    }
    assert_int_equal(refused, -1);
}

static void test_stop_answers_who_is_asking(void **state)
{
    struct fixture *fixture = *state;
    int fd = open_and_send(fixture, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
                                    "Expect: 100-continue\r\n\r\n");
    assert_int_equal(tcp_read_reply(fd, true, &fixture->reply), 100);
    char address[80];
    (void)snprintf(address, sizeof(address), "%s", http_server_address(fixture->server));
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, fixture), 0);
    wait_until_refused(address);
    assert_int_equal(write(fd, "{}", 2), 2);
    buffer_reset(&fixture->reply);
    int code = tcp_read_reply(fd, false, &fixture->reply);
    (void)pthread_join(stopper, NULL);
    fixture->server = NULL;
    (void)close(fd);
    assert_int_equal(code, 503);
}

static void test_stop_lets_a_running_handler_answer(void **state)
{
    struct fixture *fixture = *state;
    int fd = open_and_send(fixture, "GET /gate HTTP/1.1\r\nHost: h\r\n\r\n");
    int idle = open_and_send(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(tcp_read_reply(idle, false, &fixture->reply), 200);
    wait_for_entered(fixture, 1);
    char address[80];
    (void)snprintf(address, sizeof(address), "%s", http_server_address(fixture->server));
    pthread_t stopper;
    assert_int_equal(pthread_create(&stopper, NULL, stop_server, fixture), 0);
    wait_until_refused(address);
    open_gate(fixture);
    buffer_reset(&fixture->reply);
    assert_int_equal(tcp_read_reply(fd, false, &fixture->reply), 200);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    fixture->server = NULL;
    (void)close(fd);
    (void)close(idle);
}

static void test_handler_learns_that_its_client_has_left(void **state)
{
    struct fixture *fixture = *state;
    int fd = open_and_send(fixture, "GET /leave HTTP/1.1\r\nHost: h\r\n\r\n");
    wait_for_entered(fixture, 1);
    (void)close(fd);
    wait_for_entered(fixture, 2);
    assert_true(fixture->was_there);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_body_over_the_limit_is_413(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(post(fixture, BODY_MAX_BYTES + 1, ""), 413);
    assert_reply_has(fixture, "{\"errorType\":\"InvalidRequest\",\"errorMessage\":"
                              "\"body: must be at most 100000 bytes\"}");
    assert_int_equal(post(fixture, 5000000, ""), 413);
    assert_int_equal(fixture->handled, 0);
}

static void test_client_that_asks_first_is_refused_before_it_sends(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                                  "Content-Length: 100001\r\n\r\n"),
                     413);
}

static void test_absurd_length_is_refused_at_once(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "POST / HTTP/1.1\r\nHost: h\r\n"
                                  "Content-Length: 99999999999\r\n\r\n"),
                     413);
    assert_int_equal(fixture->handled, 0);
}

static void test_endless_chunks_are_413(void **state)
{
    struct fixture *fixture = *state;
    int fd =
        open_and_send(fixture, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    char chunk[10006] = "2710\r\n";
    memset(chunk + 6, 'y', 10000);
    for (int i = 0; i < 20; i++) {
        assert_true(tcp_send(fd, chunk, sizeof(chunk)));
        assert_true(tcp_send(fd, "\r\n", 2));
    }
    assert_true(tcp_send(fd, "0\r\n\r\n", 5));
    assert_int_equal(tcp_read_reply(fd, false, &fixture->reply), 413);
    assert_int_equal(fixture->handled, 0);
    (void)close(fd);
}

static void test_too_many_headers_are_431(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 10000);
    buffer_append_text(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < HTTP_SERVER_HEADERS_MAX; i++) {
        buffer_append_format(&text, "X-%d: v\r\n", i);
    }
    buffer_append_text(&text, "\r\n");
    assert_int_equal(ask(fixture, text.data), 431);
    assert_reply_has(fixture, "\"errorType\":\"InvalidRequest\"");
    assert_int_equal(fixture->handled, 0);
}

static void test_headers_over_their_memory_are_refused(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 100000);
    buffer_append_text(&text, "GET / HTTP/1.1\r\nHost: h\r\nX: ");
    for (int i = 0; i < 60000; i++) {
        buffer_append_byte(&text, 'h');
    }
    buffer_append_text(&text, "\r\n\r\n");
    (void)ask(fixture, text.data); /* 431, or reset while it still sends */
    assert_int_equal(fixture->handled, 0);
    assert_int_equal(ask(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
}

static void test_malformed_requests_reach_no_handler(void **state)
{
    static const char *const malformed[] = {
        "\x16\x03\x01\x02\x01 TLS hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n", /* no Host */
        "GET / HTTP/1.1\r\nHost: h\r\nno colon\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET / HTTP/9.9\r\nHost: h\r\n\r\n",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        int code = ask(fixture, malformed[i]);
        assert_true(code == 0 || (code >= 400 && code <= 505));
    }
    assert_int_equal(fixture->handled, 0);
    assert_int_equal(ask(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
}

static void test_client_that_leaves_in_the_middle_harms_nobody(void **state)
{
    static const char *const parts[] = {
        "",
        "GET",
        "GET /?a=1 HTTP/1.1\r\nHo",
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc",
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
        (void)close(open_and_send(fixture, parts[i]));
    }
    assert_int_equal(ask(fixture, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"), 200);
    assert_int_equal(fixture->handled, 1);
}

static void test_idle_connection_is_closed(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, (struct http_server_options){.listen = "127.0.0.1:0", .idle_timeout_ms = 1000});
    int fd = open_and_send(fixture, "GET / HTTP/1.1\r\nHost:");
    assert_true(tcp_ends(fd));
    (void)close(fd);
}

static void test_dropped_connection_gives_no_byte(void **state)
{
    struct fixture *fixture = *state;
    int fd = open_and_send(fixture, "GET /drop HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(tcp_ends(fd));
    (void)close(fd);
}

static void test_reply_over_its_limit_is_500(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n"), 500);
}

static void test_header_with_a_line_break_is_never_sent(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(ask(fixture, "GET /split HTTP/1.1\r\nHost: h\r\n\r\n"), 0);
    assert_int_equal(fixture->reply.size, 0);
}

static void test_taken_address_is_named(void **state)
{
    struct fixture *fixture = *state;
    struct http_server *second = NULL;
    struct error error = ERROR_NONE;
    struct http_server_options options = {.listen = http_server_address(fixture->server),
                                          .name = "test",
                                          .body_max_bytes = 1,
                                          .handle = handle,
                                          .context = fixture};
    assert_int_equal(http_server_start(&options, &second, &error), STATUS_REJECTED);
    assert_null(second);
    assert_non_null(strstr(error.text, options.listen));
    assert_non_null(strstr(error.text, "in use"));
}

static void test_malformed_address_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "8080",       "127.0.0.1",         ":8080",
                                      "::1:80", "[::1]",      "127.0.0.1:65536",   "127.0.0.1:http",
                                      "h:",     "127.0.0.1:", "no.such.invalid:80"};
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        struct http_server *server = NULL;
        struct error error = ERROR_NONE;
        struct http_server_options options = {.listen = bad[i], .name = "test", .handle = handle};
        assert_int_equal(http_server_start(&options, &server, &error), STATUS_REJECTED);
        assert_non_null(strstr(error.text, bad[i]));
    }
}

int main(void)
{
    log_init(LOG_ERROR, -1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request_reaches_the_handler_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_chunked_body_is_joined, setup, teardown),
        cmocka_unit_test_setup_teardown(test_absent_query_and_headers_are_absent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_and_broken_query_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_head_has_length_and_no_body, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handler_sets_code_and_headers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connection_is_reused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ipv6_listens, setup_bare, teardown),
        cmocka_unit_test_setup_teardown(test_body_of_exactly_the_limit_passes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sixty_four_headers_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handlers_run_side_by_side, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections_over_the_limit_are_closed, setup_bare,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_handler_may_take_longer_than_the_idle_timeout,
                                        setup_bare, teardown),
        cmocka_unit_test_setup_teardown(test_stop_answers_who_is_asking, setup, teardown),
        cmocka_unit_test_setup_teardown(test_stop_lets_a_running_handler_answer, setup, teardown),
        cmocka_unit_test_setup_teardown(test_handler_learns_that_its_client_has_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_body_over_the_limit_is_413, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_asks_first_is_refused_before_it_sends,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_absurd_length_is_refused_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_endless_chunks_are_413, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_headers_are_431, setup, teardown),
        cmocka_unit_test_setup_teardown(test_headers_over_their_memory_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_malformed_requests_reach_no_handler, setup, teardown),
        cmocka_unit_test_setup_teardown(test_client_that_leaves_in_the_middle_harms_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_idle_connection_is_closed, setup_bare, teardown),
        cmocka_unit_test_setup_teardown(test_dropped_connection_gives_no_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_over_its_limit_is_500, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_with_a_line_break_is_never_sent, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_taken_address_is_named, setup, teardown),
        cmocka_unit_test(test_malformed_address_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
