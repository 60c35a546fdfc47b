/* A client of raw bytes, for what no HTTP library would send. Every wait is bounded by 20 s. */
#ifndef RINGBACK_TESTS_UNIT_RUNTIME_TCP_CLIENT_H
#define RINGBACK_TESTS_UNIT_RUNTIME_TCP_CLIENT_H

#include "infra/base/buffer.h"

#include <stdbool.h>

/* A connected socket, or -1 when the connection was refused. address is what
 * http_server_address says. */
int tcp_open(const char *address);
/* False when the other side has closed. */
bool tcp_send(int fd, const char *text, size_t size);
/* One HTTP reply with Content-Length (its header alone when head_only): appended to out. Returns
 * its code; 0 when the connection ended without a whole reply. */
int tcp_read_reply(int fd, bool head_only, struct buffer *out);
/* True when the other side closes without sending a byte. */
bool tcp_ends(int fd);
/* Connects, sends the text, reads one reply, closes. */
int tcp_exchange(const char *address, const char *text, struct buffer *out);

#endif
