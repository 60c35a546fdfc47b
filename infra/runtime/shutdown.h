/*
 * SIGTERM and SIGINT as one flag and one file descriptor: threads look at the flag, waits poll the
 * descriptor. A second signal ends the process at once.
 */
#ifndef RINGBACK_INFRA_RUNTIME_SHUTDOWN_H
#define RINGBACK_INFRA_RUNTIME_SHUTDOWN_H

#include <stdbool.h>
#include <stdint.h>

/* Installs the handlers; ignores SIGPIPE. Call once, before any thread. */
void shutdown_init(void);
bool shutdown_requested(void);
/* As if a signal had come. */
void shutdown_request(void);
/* Waits at most duration_ms (negative: for ever); returns true as soon as shutdown is requested. */
bool shutdown_wait(int64_t duration_ms);

#endif
