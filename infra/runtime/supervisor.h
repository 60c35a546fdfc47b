/*
 * What the service manager that has started the process is told: that it is ready, that it stops,
 * that it is alive, and in one line how it does. The protocol is that of sd_notify(3), one datagram
 * of NAME=VALUE lines to the socket that NOTIFY_SOCKET names, which is public and frozen. It is
 * spoken here in some forty lines, as that page recommends, and not through libsystemd: the static
 * Lambda package and the container made from scratch have to do without that library.
 * https://www.freedesktop.org/software/systemd/man/latest/sd_notify.html
 */
#ifndef RINGBACK_INFRA_RUNTIME_SUPERVISOR_H
#define RINGBACK_INFRA_RUNTIME_SUPERVISOR_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

enum supervisor_news {
    SUPERVISOR_STATUS,   /* the line alone */
    SUPERVISOR_READY,    /* READY=1: the start is over */
    SUPERVISOR_ALIVE,    /* WATCHDOG=1 */
    SUPERVISOR_STOPPING, /* STOPPING=1: the watchdog rests from then on */
};

struct supervisor {
    int fd; /* -1: nobody is there, and nothing is sent */
    struct sockaddr_un address;
    socklen_t address_size;
    int64_t watchdog_ms; /* it wants a sign of life so often; 0: never */
    bool deaf;           /* the last datagram did not get through, and the log has said so */
};

/*
 * Reads NOTIFY_SOCKET (a path, or "@name" of the abstract namespace), WATCHDOG_USEC and
 * WATCHDOG_PID of the environment. Without the first nobody is there; without the second, or when
 * the third is another process, no sign of life is wanted. REJECTED names what is malformed. The
 * caller closes.
 */
MUST_CHECK enum status supervisor_open(char *const *environment, struct supervisor *supervisor,
                                       struct error *error);
void supervisor_close(struct supervisor *supervisor);

/* Sends the news with the line: UTF-8, less than ERROR_TEXT_BYTES, or NULL. Waits at most a second
 * for a manager that is busy; what cannot be sent is logged once per change. One thread at a time.
 */
void supervisor_tell(struct supervisor *supervisor, enum supervisor_news news, const char *status);

#endif
