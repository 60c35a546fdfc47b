#include "infra/runtime/listen_socket.h"

#include "infra/base/clock.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HOST_BYTES      256
#define PORT_BYTES      8
#define TURNED_AWAY_MAX 256

static enum status split_address(const char *address, char host[HOST_BYTES], char port[PORT_BYTES],
                                 struct error *error)
{
    const char *colon = strrchr(address, ':');
    size_t host_size = colon ? (size_t)(colon - address) : 0;
    if (host_size >= 2 && address[0] == '[' && address[host_size - 1] == ']') {
        address++;
        host_size -= 2;
    } else if (memchr(address, ':', host_size)) {
        host_size = 0; /* an IPv6 address without brackets */
    }
    int64_t number = 0;
    if (host_size == 0 || host_size >= HOST_BYTES ||
        slice_to_int64(slice_from_text(colon + 1), 0, 65535, &number, NULL) != STATUS_OK) {
        return error_set(error, STATUS_REJECTED, "must be host:port or [host]:port");
    }
    memcpy(host, address, host_size);
    host[host_size] = '\0';
    (void)snprintf(port, PORT_BYTES, "%d", (int)number);
    return STATUS_OK;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, address, sizeof(ipv6));
        return IN6_IS_ADDR_LOOPBACK(&ipv6.sin6_addr);
    }
    struct sockaddr_in ipv4;
    memcpy(&ipv4, address, sizeof(ipv4));
    return (ntohl(ipv4.sin_addr.s_addr) >> 24) == 127;
}

/* What the kernel chose. */
static int read_back(struct listen_socket *out)
{
    union {
        struct sockaddr any;
        struct sockaddr_storage storage;
    } bound = {0};
    socklen_t size = sizeof(bound);
    if (getsockname(out->fd, &bound.any, &size) != 0) {
        return -1;
    }
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE];
    char port[PORT_BYTES];
    if (getnameinfo(&bound.any, size, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return -1;
    }
    out->ipv6 = bound.any.sa_family == AF_INET6;
    out->loopback = is_loopback(&bound.any);
    (void)snprintf(out->address, sizeof(out->address), out->ipv6 ? "[%s]:%s" : "%s:%s", host, port);
    return 0;
}

static int open_one(const struct addrinfo *choice, struct listen_socket *out)
{
    out->fd = socket(choice->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (out->fd < 0) {
        return -1;
    }
    const int yes = 1;
    if (setsockopt(out->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) == 0 &&
        bind(out->fd, choice->ai_addr, choice->ai_addrlen) == 0 &&
        listen(out->fd, SOMAXCONN) == 0 && read_back(out) == 0) {
        return 0;
    }
    int why = errno;
    (void)close(out->fd);
    out->fd = -1;
    errno = why;
    return -1;
}

enum status listen_socket_open(const char *address, struct listen_socket *out, struct error *error)
{
    *out = (struct listen_socket){.fd = -1};
    char host[HOST_BYTES];
    char port[PORT_BYTES];
    if (split_address(address, host, port, error) != STATUS_OK) {
        return error_wrap(error, "listen address %s", address);
    }
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *choices = NULL;
    int code = getaddrinfo(host, port, &hints, &choices);
    if (code != 0) {
        return error_set(error, STATUS_REJECTED, "listen address %s: %s", address,
                         gai_strerror(code));
    }
    int result = -1;
    for (const struct addrinfo *choice = choices; choice && result != 0; choice = choice->ai_next) {
        result = open_one(choice, out);
    }
    int why = errno;
    freeaddrinfo(choices);
    if (result != 0) {
        char text[128];
        return error_set(error, STATUS_REJECTED, "listen address %s: %s", address,
                         strerror_r(why, text, sizeof(text)));
    }
    return STATUS_OK;
}

/* --- turning away ----------------------------------------------------------------------------- */

/* Those that have connected are told; returns how many there are in `peers`. */
static size_t tell_backlog(int fd, struct slice reply, struct pollfd peers[TURNED_AWAY_MAX])
{
    size_t count = 0;
    while (count < TURNED_AWAY_MAX) {
        int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (peer < 0) {
            break;
        }
        (void)send(peer, reply.data, reply.size, MSG_NOSIGNAL);
        (void)shutdown(peer, SHUT_WR);
        peers[count++] = (struct pollfd){.fd = peer, .events = POLLIN};
    }
    return count;
}

/* Reads some of what has come; false at the end, or when the peer is gone. */
static bool read_on(int peer)
{
    char bytes[4096];
    ssize_t got = recv(peer, bytes, sizeof(bytes), 0);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Waits until something has come, reads it, and leaves those that are at their end; returns how
 * many stay. */
static size_t read_some(struct pollfd peers[TURNED_AWAY_MAX], size_t count, int64_t wait_ms)
{
    (void)poll(peers, count, (int)wait_ms);
    for (size_t i = count; i-- > 0;) {
        if (peers[i].revents && !read_on(peers[i].fd)) {
            (void)close(peers[i].fd);
            peers[i] = peers[--count];
        }
    }
    return count;
}

void listen_socket_turn_away(int fd, struct slice reply, int grace_ms)
{
    struct pollfd peers[TURNED_AWAY_MAX];
    size_t count = tell_backlog(fd, reply, peers);
    (void)shutdown(fd, SHUT_RDWR);
    int64_t end_ms = clock_monotonic_ms(clock_system()) + grace_ms;
    for (int64_t left_ms = grace_ms; count > 0 && left_ms > 0;
         left_ms = end_ms - clock_monotonic_ms(clock_system())) {
        count = read_some(peers, count, left_ms);
    }
    while (count > 0) {
        (void)close(peers[--count].fd);
    }
}
