/* A dynalite of the test's own, and AWS options that lead to it. */
#ifndef RINGBACK_TESTS_SUPPORT_DYNALITE_H
#define RINGBACK_TESTS_SUPPORT_DYNALITE_H

#include "tracker/tracker.h"

#include "infra/aws/client.h"

#include <stdbool.h>
#include <sys/types.h>

#define DYNALITE_SETTINGS 6

struct dynalite {
    pid_t pid;
    int stdin_fd;
    int port;
    bool keeps;      /* its tables are in a folder and outlive a kill */
    char folder[64]; /* "": in memory */
    char settings[DYNALITE_SETTINGS][128];
    char *environment[DYNALITE_SETTINGS + 1];
    struct credentials_provider *credentials;
    struct aws_client_options aws;
};

/* Starts it and returns once it answers; aborts the program when it does not. clock NULL: the
 * system's. */
void dynalite_start(struct dynalite *server, bool keeps, const struct clock *clock);
/* SIGKILL, and waits until it is gone. */
void dynalite_kill(struct dynalite *server);
/* The same port and folder again, after a kill. */
void dynalite_restart(struct dynalite *server);
void dynalite_stop(struct dynalite *server);
/* Options like the server's, for another endpoint ("http://127.0.0.1:1"). */
void dynalite_aim(struct dynalite *server, const char *endpoint);
/* Makes the tracker's table. */
void dynalite_create_table(struct dynalite *server, const char *name);
/* One call by hand, with this body; its answer is in the arena. Aborts when it is refused. */
struct slice dynalite_call(struct dynalite *server, struct arena *arena, const char *operation,
                           const char *body);

#endif
