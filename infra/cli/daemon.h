/*
 * The daemons: invoker (HTTP and request queue), completer (event queue and sweep), serve (both).
 * They run until SIGTERM, finish what is in hand, and end.
 */
#ifndef RINGBACK_INFRA_CLI_DAEMON_H
#define RINGBACK_INFRA_CLI_DAEMON_H

#include <stdbool.h>

struct daemon_parts {
    const char *command; /* for messages */
    bool invoker;
    bool completer;
};

/* Returns the exit status. */
int daemon_run(const struct daemon_parts *parts, int count, char **arguments);

#endif
