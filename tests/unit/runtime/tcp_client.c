#include "tests/unit/runtime/tcp_client.h"

#include "infra/base/slice.h"

#include <netdb.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

int tcp_open(const char *address)
{
    char host[80];
    const char *colon = strrchr(address, ':');
    size_t bracket = address[0] == '[';
    size_t size = (size_t)(colon - address) - 2 * bracket;
    memcpy(host, address + bracket, size);
    host[size] = '\0';
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *where = NULL;
    if (getaddrinfo(host, colon + 1, &hints, &where) != 0) {
        return -1;
    }
    int fd = socket(where->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timeval limit = {.tv_sec = 20};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    int result = connect(fd, where->ai_addr, where->ai_addrlen);
    freeaddrinfo(where);
    if (result != 0) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

bool tcp_send(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, text, size, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        text += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Size of the whole reply once its header is there, else 0. */
static size_t reply_size(struct slice reply, bool head_only)
{
    size_t header = slice_find(reply, SLICE("\r\n\r\n"));
    if (header == reply.size) {
        return 0;
    }
    struct slice name = SLICE("Content-Length: ");
    size_t at = slice_find(reply, name);
    int64_t length = 0;
    if (at < header && !head_only) {
        struct slice value = slice_part(reply, at + name.size, reply.size);
        value = slice_part(value, 0, slice_find_byte(value, '\r'));
        if (slice_to_int64(value, 0, INT32_MAX, &length, NULL) != STATUS_OK) {
            return 0;
        }
    }
    return header + 4 + (size_t)length;
}

int tcp_read_reply(int fd, bool head_only, struct buffer *out)
{
    size_t start = out->size;
    for (;;) {
        struct slice reply = slice_part(buffer_slice(out), start, SIZE_MAX);
        size_t whole = reply_size(reply, head_only);
        int64_t code = 0;
        if (whole > 0 && reply.size >= whole) {
            struct slice number = slice_part(reply, sizeof("HTTP/1.1 ") - 1, 3);
            return slice_to_int64(number, 100, 999, &code, NULL) == STATUS_OK ? (int)code : 0;
        }
        char *room = buffer_reserve(out, 65536);
        ssize_t got = room ? recv(fd, room, 65536, 0) : -1;
        if (got <= 0) {
            return 0;
        }
        buffer_commit(out, (size_t)got);
    }
}

bool tcp_ends(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

int tcp_exchange(const char *address, const char *text, struct buffer *out)
{
    int fd = tcp_open(address);
    if (fd < 0) {
        return 0;
    }
    bool head = strncmp(text, "HEAD ", 5) == 0;
    int code = tcp_send(fd, text, strlen(text)) ? tcp_read_reply(fd, head, out) : 0;
    (void)close(fd);
    return code;
}
