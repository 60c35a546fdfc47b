#include "tests/bench/bare.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_BYTES 65536

static struct {
    const char *host;
    int sockets[BARE_BATCH_MAX];
    struct buffer out;
    struct buffer in;
} state;

static void open_sockets(const char *url)
{
    const int on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    state.host = strstr(url, "//") + 2;
    address.sin_port = htons((uint16_t)strtoul(strchr(state.host, ':') + 1, NULL, 10));
    buffer_init(&state.out, 1u << 22);
    buffer_init(&state.in, 1u << 22);
    for (size_t i = 0; i < BARE_BATCH_MAX; i++) {
        state.sockets[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(state.sockets[i], (struct sockaddr *)&address, sizeof(address)) != 0) {
            bare_fail("connect");
        }
        (void)setsockopt(state.sockets[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
}

static void write_request(const struct bare_call *call, int socket)
{
    struct buffer *out = &state.out;
    buffer_reset(out);
    buffer_append_text(out, "POST / HTTP/1.1\r\nHost: ");
    buffer_append_text(out, state.host);
    buffer_append_text(out, "\r\n");
    bare_sign(call, state.host, SLICE("\r\n"), out);
    buffer_append_text(out, "Content-Length: ");
    buffer_append_int64(out, (int64_t)call->body.size);
    buffer_append_text(out, "\r\n\r\n");
    buffer_append(out, buffer_slice(&call->body));
    if (send(socket, out->data, out->size, MSG_NOSIGNAL) != (ssize_t)out->size) {
        bare_fail("send");
    }
}

/* The stub always names the length like this. */
static void read_answer(struct bare_call *call, int socket)
{
    static const struct slice name = {"Content-Length: ", 16};
    struct buffer *in = &state.in;
    size_t head = 0;
    size_t length = 0;
    buffer_reset(in);
    buffer_reset(&call->answer);
    do {
        char *place = buffer_reserve(in, READ_BYTES);
        const ssize_t got = recv(socket, place, READ_BYTES, 0);
        if (got <= 0) {
            bare_fail("recv");
        }
        buffer_commit(in, (size_t)got);
        const struct slice all = buffer_slice(in);
        const size_t end = slice_find(all, SLICE("\r\n\r\n"));
        if (head == 0 && end < all.size) {
            head = end + 4;
            length = strtoul(all.data + slice_find(all, name) + name.size, NULL, 10);
        }
    } while (head == 0 || in->size < head + length);
    buffer_append(&call->answer, slice_part(buffer_slice(in), head, length));
}

static void send_sockets(struct bare_call *calls, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        write_request(&calls[i], state.sockets[i]);
    }
    for (size_t i = 0; i < count; i++) {
        read_answer(&calls[i], state.sockets[i]);
    }
}

const struct bare_transport bare_sockets = {open_sockets, send_sockets};
