#include "tests/support/http_fixture.h"

#include "infra/base/buffer.h"
#include "infra/base/clock.h"
#include "infra/base/memory.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define REQUESTS_MAX    4096
#define REQUEST_BYTES   (8u << 20)
#define NEVER           INT64_MAX
#define NO_REPLY_CODE   599

struct scripted {
    struct buffer text;
    int64_t delay_ms;
    enum http_fixture_fault fault;
};

struct connection {
    int fd;
    struct buffer input;
    struct scripted *answer; /* to be sent at answer_at_ms; NULL: reading */
    int64_t answer_at_ms;
};

struct kept {
    struct http_fixture_request request;
    struct buffer text;
};

struct http_fixture {
    int listener;
    int wake[2];
    char url[64];
    pthread_t thread;
    pthread_mutex_t lock;
    struct scripted *script[REQUESTS_MAX];
    size_t script_count;
    size_t script_used;
    struct kept *requests[REQUESTS_MAX];
    size_t request_count;
    size_t accepted_count;
    http_fixture_handler *handler;
    void *handler_context;
    struct connection connections[CONNECTIONS_MAX];
};

static void insist(bool condition, const char *what)
{
    if (!condition) {
        memory_abort(what);
    }
}

static struct scripted *scripted_new(struct http_fixture_reply reply)
{
    struct scripted *scripted = memory_new(sizeof(*scripted));
    const char *body = reply.body != NULL ? reply.body : "";
    buffer_init(&scripted->text, REQUEST_BYTES);
    buffer_append_format(&scripted->text, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %zu\r\n\r\n",
                         reply.code != 0 ? reply.code : 200,
                         reply.headers != NULL ? reply.headers : "", strlen(body));
    buffer_append_text(&scripted->text, body);
    scripted->delay_ms = reply.delay_ms;
    scripted->fault = reply.fault;
    return scripted;
}

void http_fixture_reply(struct http_fixture *fixture, struct http_fixture_reply reply)
{
    (void)pthread_mutex_lock(&fixture->lock);
    insist(fixture->script_count < REQUESTS_MAX, "http_fixture: script is full");
    fixture->script[fixture->script_count++] = scripted_new(reply);
    (void)pthread_mutex_unlock(&fixture->lock);
}

void http_fixture_handle(struct http_fixture *fixture, http_fixture_handler *handler, void *context)
{
    (void)pthread_mutex_lock(&fixture->lock);
    fixture->handler = handler;
    fixture->handler_context = context;
    (void)pthread_mutex_unlock(&fixture->lock);
}

static void close_connection(struct connection *connection, bool reset)
{
    if (reset) {
        const struct linger none = {.l_onoff = 1, .l_linger = 0};
        (void)setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    }
    (void)close(connection->fd);
    connection->fd = -1;
    connection->answer = NULL;
    buffer_reset(&connection->input);
}

/* With the lock held. Splits the first request off the input; 0 while it is not whole. */
static size_t whole_request(struct slice input, struct http_fixture_request *request)
{
    const size_t head = slice_find(input, SLICE("\r\n\r\n"));
    if (head == input.size) {
        return 0;
    }
    const size_t line = slice_find(input, SLICE("\r\n"));
    const struct slice first = slice_part(input, 0, line);
    const size_t space = slice_find_byte(first, ' ');
    const struct slice rest = slice_part(first, space + 1, first.size);
    *request =
        (struct http_fixture_request){.method = slice_part(first, 0, space),
                                      .target = slice_part(rest, 0, slice_find_byte(rest, ' ')),
                                      .headers = slice_part(input, line + 2, head - line)};
    const struct slice length = http_fixture_header(request, "Content-Length");
    int64_t size = 0;
    if (length.size > 0) {
        insist(slice_to_int64(length, 0, REQUEST_BYTES, &size, NULL) == STATUS_OK,
               "http_fixture: bad Content-Length");
    }
    if (input.size < head + 4 + (size_t)size) {
        return 0;
    }
    request->body = slice_part(input, head + 4, (size_t)size);
    return head + 4 + (size_t)size;
}

/* With the lock held. Keeps the request and chooses its reply. */
static void take_request(struct http_fixture *fixture, struct connection *connection)
{
    struct http_fixture_request request;
    const size_t size = whole_request(buffer_slice(&connection->input), &request);
    if (size == 0 || connection->answer != NULL) {
        return;
    }
    struct kept *kept = memory_new(sizeof(*kept));
    buffer_init(&kept->text, REQUEST_BYTES);
    buffer_append(&kept->text, slice_part(buffer_slice(&connection->input), 0, size));
    (void)whole_request(buffer_slice(&kept->text), &kept->request);
    buffer_consume(&connection->input, size);
    insist(fixture->request_count < REQUESTS_MAX, "http_fixture: too many requests");
    fixture->requests[fixture->request_count++] = kept;
    if (fixture->handler != NULL || fixture->script_used == fixture->script_count) {
        insist(fixture->script_count < REQUESTS_MAX, "http_fixture: script is full");
        const struct http_fixture_reply reply =
            fixture->handler != NULL ? fixture->handler(fixture->handler_context, &kept->request)
                                     : (struct http_fixture_reply){.code = NO_REPLY_CODE};
        fixture->script_used = fixture->script_count;
        fixture->script[fixture->script_count++] = scripted_new(reply);
    }
    connection->answer = fixture->script[fixture->script_used++];
    connection->answer_at_ms =
        connection->answer->fault == HTTP_FIXTURE_SILENT
            ? NEVER
            : clock_monotonic_ms(clock_system()) + connection->answer->delay_ms;
}

static void answer(struct connection *connection)
{
    const struct scripted *scripted = connection->answer;
    struct slice text = buffer_slice(&scripted->text);
    const enum http_fixture_fault fault = scripted->fault;
    connection->answer = NULL;
    if (fault == HTTP_FIXTURE_RESET) {
        close_connection(connection, true);
        return;
    }
    if (fault == HTTP_FIXTURE_PARTIAL) {
        text = slice_part(text, 0, text.size / 2);
    }
    while (text.size > 0) {
        const ssize_t sent = send(connection->fd, text.data, text.size, MSG_NOSIGNAL);
        if (sent <= 0) {
            close_connection(connection, false);
            return;
        }
        text = slice_part(text, (size_t)sent, text.size);
    }
    if (fault == HTTP_FIXTURE_PARTIAL || fault == HTTP_FIXTURE_CLOSE_AFTER) {
        close_connection(connection, false);
    }
}

/* With the lock held. Sends what is due; returns milliseconds until the next is, or -1. */
static int answer_due(struct http_fixture *fixture)
{
    const int64_t now_ms = clock_monotonic_ms(clock_system());
    int64_t next_ms = NEVER;
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &fixture->connections[i];
        if (connection->fd < 0 || connection->answer == NULL) {
            continue;
        }
        if (connection->answer_at_ms <= now_ms) {
            answer(connection);
        } else if (connection->answer_at_ms < next_ms) {
            next_ms = connection->answer_at_ms;
        }
    }
    return next_ms == NEVER ? -1 : (int)(next_ms - now_ms);
}

static void accept_one(struct http_fixture *fixture)
{
    const int fd = accept4(fixture->listener, NULL, NULL, SOCK_CLOEXEC);
    const int one = 1;
    for (size_t i = 0; fd >= 0 && i < CONNECTIONS_MAX; i++) {
        if (fixture->connections[i].fd < 0) {
            (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            fixture->connections[i].fd = fd;
            fixture->accepted_count++;
            return;
        }
    }
    insist(fd < 0, "http_fixture: too many connections");
}

static void read_some(struct http_fixture *fixture, struct connection *connection)
{
    char chunk[16384];
    const ssize_t size = recv(connection->fd, chunk, sizeof(chunk), 0);
    if (size <= 0) {
        close_connection(connection, false);
        return;
    }
    buffer_append(&connection->input, (struct slice){chunk, (size_t)size});
    insist(!connection->input.overflowed, "http_fixture: request is too large");
    take_request(fixture, connection);
}

static void *serve(void *context)
{
    struct http_fixture *fixture = context;
    struct pollfd fds[CONNECTIONS_MAX + 2];
    for (;;) {
        (void)pthread_mutex_lock(&fixture->lock);
        const int timeout_ms = answer_due(fixture);
        fds[0] = (struct pollfd){.fd = fixture->wake[0], .events = POLLIN};
        fds[1] = (struct pollfd){.fd = fixture->listener, .events = POLLIN};
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            fds[i + 2] = (struct pollfd){.fd = fixture->connections[i].fd, .events = POLLIN};
        }
        (void)pthread_mutex_unlock(&fixture->lock);
        (void)poll(fds, CONNECTIONS_MAX + 2, timeout_ms);
        if (fds[0].revents != 0) {
            return NULL;
        }
        (void)pthread_mutex_lock(&fixture->lock);
        for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
            if (fds[i + 2].revents != 0 && fixture->connections[i].fd >= 0) {
                read_some(fixture, &fixture->connections[i]);
            }
        }
        if (fds[1].revents != 0) {
            accept_one(fixture);
        }
        (void)pthread_mutex_unlock(&fixture->lock);
    }
}

struct http_fixture *http_fixture_open(void)
{
    struct http_fixture *fixture = memory_new(sizeof(*fixture));
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    fixture->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    insist(fixture->listener >= 0 &&
               bind(fixture->listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
               listen(fixture->listener, CONNECTIONS_MAX) == 0 &&
               getsockname(fixture->listener, (struct sockaddr *)&address, &size) == 0 &&
               pipe(fixture->wake) == 0 && pthread_mutex_init(&fixture->lock, NULL) == 0,
           "http_fixture: cannot listen");
    (void)snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        fixture->connections[i].fd = -1;
        buffer_init(&fixture->connections[i].input, REQUEST_BYTES);
    }
    insist(pthread_create(&fixture->thread, NULL, serve, fixture) == 0, "http_fixture: no thread");
    return fixture;
}

void http_fixture_close(struct http_fixture *fixture)
{
    insist(write(fixture->wake[1], "x", 1) == 1, "http_fixture: cannot wake");
    (void)pthread_join(fixture->thread, NULL);
    for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (fixture->connections[i].fd >= 0) {
            close_connection(&fixture->connections[i], false);
        }
        buffer_clear(&fixture->connections[i].input);
    }
    for (size_t i = 0; i < fixture->script_count; i++) {
        buffer_clear(&fixture->script[i]->text);
        free(fixture->script[i]);
    }
    for (size_t i = 0; i < fixture->request_count; i++) {
        buffer_clear(&fixture->requests[i]->text);
        free(fixture->requests[i]);
    }
    (void)close(fixture->listener);
    (void)close(fixture->wake[0]);
    (void)close(fixture->wake[1]);
    (void)pthread_mutex_destroy(&fixture->lock);
    free(fixture);
}

const char *http_fixture_url(const struct http_fixture *fixture)
{
    return fixture->url;
}

size_t http_fixture_request_count(struct http_fixture *fixture)
{
    (void)pthread_mutex_lock(&fixture->lock);
    const size_t count = fixture->request_count;
    (void)pthread_mutex_unlock(&fixture->lock);
    return count;
}

const struct http_fixture_request *http_fixture_request(struct http_fixture *fixture, size_t index)
{
    (void)pthread_mutex_lock(&fixture->lock);
    insist(index < fixture->request_count, "http_fixture: there is no such request");
    const struct http_fixture_request *request = &fixture->requests[index]->request;
    (void)pthread_mutex_unlock(&fixture->lock);
    return request;
}

size_t http_fixture_connection_count(struct http_fixture *fixture)
{
    (void)pthread_mutex_lock(&fixture->lock);
    const size_t count = fixture->accepted_count;
    (void)pthread_mutex_unlock(&fixture->lock);
    return count;
}

struct slice http_fixture_header(const struct http_fixture_request *request, const char *name)
{
    struct slice rest = request->headers;
    while (rest.size > 0) {
        const size_t end = slice_find_byte(rest, '\n');
        const struct slice line = slice_part(rest, 0, end);
        const size_t colon = slice_find_byte(line, ':');
        if (colon < line.size &&
            slice_equals_ignore_case(slice_part(line, 0, colon), slice_from_text(name))) {
            return slice_trim(slice_part(line, colon + 1, line.size));
        }
        rest = slice_part(rest, end + 1, rest.size);
    }
    return SLICE_NONE;
}
