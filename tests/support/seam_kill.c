/*
 * A build of ringback that dies or hangs at a seam: SEAM_KILL=<point>:<n> sends SIGKILL to the
 * process when <point> ("committed", "acted": infra/base/seam.h) is reached for the n-th time;
 * SEAM_HANG=<point>:<n> keeps the thread that reaches it there for ever.
 */
#include "infra/base/seam.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether variable names this point and this time of reaching it. */
static bool is_meant(const char *variable, const char *point, atomic_long *reached)
{
    /* The environment is only read, and never changed in this process. */
    const char *wanted = getenv(variable); /* NOLINT(concurrency-mt-unsafe) */
    size_t size = strlen(point);
    if (wanted == NULL || strncmp(wanted, point, size) != 0 || wanted[size] != ':') {
        return false;
    }
    return atomic_fetch_add(reached, 1) + 1 == strtol(wanted + size + 1, NULL, 10);
}

void seam_reached(const char *point)
{
    static atomic_long reached_kill;
    static atomic_long reached_hang;
    if (is_meant("SEAM_KILL", point, &reached_kill)) {
        (void)kill(getpid(), SIGKILL);
    }
    if (is_meant("SEAM_HANG", point, &reached_hang)) {
        while (true) {
            (void)pause();
        }
    }
}
