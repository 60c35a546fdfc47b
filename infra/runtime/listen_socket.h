/* A listening TCP socket from "host:port". */
#ifndef RINGBACK_INFRA_RUNTIME_LISTEN_SOCKET_H
#define RINGBACK_INFRA_RUNTIME_LISTEN_SOCKET_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>

#define LISTEN_ADDRESS_BYTES 80

struct listen_socket {
    int fd;                             /* listening, not blocking, closed on exec */
    bool ipv6;                          /* its address family */
    bool loopback;                      /* only this machine can reach it */
    char address[LISTEN_ADDRESS_BYTES]; /* host:port actually bound, numeric; [host]:port of IPv6 */
};

/* "127.0.0.1:8080", "[::1]:0", "localhost:0". The caller closes fd. REJECTED names the address and
 * what the system said. */
MUST_CHECK enum status listen_socket_open(const char *address, struct listen_socket *out,
                                          struct error *error);

/* For a socket that nobody accepts from any more: refuses whoever connects from here on, sends
 * `reply` to those that had connected before (at most 256), and reads what they send for at most
 * `grace_ms`, or until they close: closed with bytes unread, they would be reset and might never
 * see the reply. The descriptor stays the caller's. */
void listen_socket_turn_away(int fd, struct slice reply, int grace_ms);

#endif
