#include "tests/bench/stub_http.h"

#include "infra/base/buffer.h"
#include "infra/base/memory.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES    65536
#define REQUEST_BYTES (16u << 20)
#define EVENTS_MAX    64
#define BACKLOG       512
#define IDLE_TICK_MS  500

struct stub_connection {
    int socket;
    bool waiting; /* its request is not answered yet */
    bool closed;  /* to be freed when its events are done with */
    struct buffer in;
    struct buffer out;
};

static struct {
    const struct stub_handler *handler;
    int epoll;
    int listener;
    bool ticking;
} server;

int64_t stub_http_now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void stub_http_tick(bool on)
{
    server.ticking = on;
}

static void watch(struct stub_connection *connection, uint32_t events, int operation)
{
    struct epoll_event event = {.events = events, .data.ptr = connection};
    const int socket = connection != NULL ? connection->socket : server.listener;
    if (epoll_ctl(server.epoll, operation, socket, &event) != 0) {
        memory_abort("stub: epoll");
    }
}

static void flush(struct stub_connection *connection)
{
    const struct slice left = buffer_slice(&connection->out);
    const ssize_t sent = send(connection->socket, left.data, left.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) {
        connection->closed = true;
        return;
    }
    buffer_consume(&connection->out, sent > 0 ? (size_t)sent : 0);
    watch(connection, connection->out.size > 0 ? EPOLLIN | EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

void stub_http_answer(struct stub_connection *connection, int code, const char *headers,
                      struct slice body)
{
    connection->waiting = false;
    buffer_append_format(&connection->out,
                         "HTTP/1.1 %d OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
                         "x-amzn-RequestId: 00000000-0000-0000-0000-000000000000\r\n"
                         "Content-Length: %zu\r\n%s\r\n",
                         code, body.size, headers);
    buffer_append(&connection->out, body);
    flush(connection);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* The value of a header in raw lines, trimmed; absent without it. */
static struct slice header_of(struct slice lines, struct slice name)
{
    while (lines.size > 0) {
        const size_t end = slice_find_byte(lines, '\n');
        const size_t colon = slice_find_byte(slice_part(lines, 0, end), ':');
        if (slice_equals_ignore_case(slice_part(lines, 0, colon), name)) {
            return slice_trim(slice_part(lines, colon + 1, end - colon - 1));
        }
        lines = slice_part(lines, end + 1, lines.size);
    }
    return SLICE_NONE;
}

/* Reads one request off the front of the buffer. False: it is not there yet. */
static bool take_request(struct stub_connection *connection)
{
    const struct slice all = buffer_slice(&connection->in);
    const size_t head = slice_find(all, SLICE("\r\n\r\n"));
    int64_t length = 0;
    if (head == all.size) {
        return false;
    }
    const size_t line = slice_find_byte(all, '\n');
    const struct slice lines = slice_part(all, line + 1, head - line);
    const struct slice told = header_of(lines, SLICE("content-length"));
    if (told.data != NULL && slice_to_int64(told, 0, REQUEST_BYTES, &length, NULL) != STATUS_OK) {
        connection->closed = true;
        return false;
    }
    if (all.size < head + 4 + (size_t)length) {
        return false;
    }
    const size_t method = slice_find_byte(all, ' ');
    const struct slice rest = slice_part(all, method + 1, line);
    const struct slice target = header_of(lines, SLICE("x-amz-target"));
    const size_t dot = slice_find_byte(target, '.');
    const struct stub_request request = {
        .method = slice_part(all, 0, method),
        .target = slice_part(rest, 0, slice_find_byte(rest, ' ')),
        .operation = target.data ? slice_part(target, dot + 1, target.size) : SLICE_NONE,
        .body = slice_part(all, head + 4, (size_t)length),
        .connection = connection};
    connection->waiting = true;
    server.handler->request(&request);
    buffer_consume(&connection->in, head + 4 + (size_t)length);
    return true;
}

static void read_some(struct stub_connection *connection)
{
    ssize_t got = READ_BYTES;
    while (got == READ_BYTES) {
        char *place = buffer_reserve(&connection->in, READ_BYTES);
        got = place == NULL ? -1 : recv(connection->socket, place, READ_BYTES, 0);
        if (got == 0 || (got < 0 && (place == NULL || errno != EAGAIN))) {
            connection->closed = true;
            return;
        }
        buffer_commit(&connection->in, got > 0 ? (size_t)got : 0);
    }
    while (!connection->closed && take_request(connection)) {
    }
}

static void drop(struct stub_connection *connection)
{
    if (connection->waiting) {
        server.handler->gone(connection);
    }
    (void)close(connection->socket);
    buffer_clear(&connection->in);
    buffer_clear(&connection->out);
    free(connection);
}

/* ---- The server ----------------------------------------------------------------------------- */

static void take_connection(void)
{
    const int on = 1;
    const int socket = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) {
        return;
    }
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct stub_connection *connection = memory_new(sizeof(*connection));
    connection->socket = socket;
    buffer_init(&connection->in, REQUEST_BYTES);
    buffer_init(&connection->out, REQUEST_BYTES);
    watch(connection, EPOLLIN, EPOLL_CTL_ADD);
}

static void listen_somewhere(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (bind(server.listener, (struct sockaddr *)&address, size) != 0 ||
        listen(server.listener, BACKLOG) != 0 ||
        getsockname(server.listener, (struct sockaddr *)&address, &size) != 0) {
        memory_abort("stub: no socket");
    }
    (void)printf("%u\n", (unsigned)ntohs(address.sin_port));
    (void)fflush(stdout);
}

_Noreturn void stub_http_run(const struct stub_handler *handler)
{
    server.handler = handler;
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    listen_somewhere();
    watch(NULL, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event events[EVENTS_MAX];
        const int count =
            epoll_wait(server.epoll, events, EVENTS_MAX, server.ticking ? 1 : IDLE_TICK_MS);
        for (int i = 0; i < count; i++) {
            struct stub_connection *connection = events[i].data.ptr;
            if (connection == NULL) {
                take_connection();
                continue;
            }
            if ((events[i].events & EPOLLOUT) != 0) {
                flush(connection);
            }
            if (!connection->closed && (events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
                read_some(connection);
            }
            if (connection->closed) {
                drop(connection);
            }
        }
        handler->tick();
    }
}
