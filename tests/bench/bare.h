/*
 * The limit that ringback is measured against: the same exchanges, signed the same way, and the
 * same tracker calls through hiredis, with nothing else. No retries, no checks, no reading of what
 * comes back but for what the next call needs. It exits with 1 when anything is not as it should.
 */
#ifndef RINGBACK_TESTS_BENCH_BARE_H
#define RINGBACK_TESTS_BENCH_BARE_H

#include "infra/base/buffer.h"

#include <stddef.h>

#define BARE_BATCH_MAX   10
#define BARE_TOKEN_BYTES 700

struct bare_call {
    const char *service; /* signing name */
    const char *target;
    struct buffer body;
    struct buffer answer;
};

/* A way to send: all calls at once, each on a kept connection; returns when all are answered. */
struct bare_transport {
    void (*open)(const char *url);
    void (*send_all)(struct bare_call *calls, size_t count);
};

extern const struct bare_transport bare_curl;
extern const struct bare_transport bare_sockets;

/* Signs and appends the header lines, each ending in `end`: CRLF, or a NUL. */
void bare_sign(const struct bare_call *call, const char *host, struct slice end,
               struct buffer *lines);
/* Prints why and exits. */
_Noreturn void bare_fail(const char *why);

/* ---- Redis ---------------------------------------------------------------------------------- */

/* As ringback's own records are: see tracker/tracker_redis_scripts.c. */
void bare_redis_open(const char *url);
void bare_register(char (*ids)[33], size_t count, struct slice plan, struct slice state);
/* Appends the token that each record begins with to tokens[i]. */
void bare_find(char (*ids)[33], size_t count, struct buffer *tokens);
/* settled: the plan is put anew, without the token. */
void bare_update(char (*ids)[33], size_t count, unsigned version, struct slice state,
                 struct slice plan);

#endif
