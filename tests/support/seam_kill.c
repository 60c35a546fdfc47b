/*
 * A build of ringback that kills itself at a seam: SEAM_KILL=<point>:<n> sends SIGKILL to the
 * process when <point> ("committed", "acted": infra/base/seam.h) is reached for the n-th time.
 */
#include "infra/base/seam.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void seam_reached(const char *point)
{
    static atomic_long reached;
    /* The environment is only read, and never changed in this process. */
    const char *wanted = getenv("SEAM_KILL"); /* NOLINT(concurrency-mt-unsafe) */
    size_t size = strlen(point);
    if (wanted == NULL || strncmp(wanted, point, size) != 0 || wanted[size] != ':') {
        return;
    }
    if (atomic_fetch_add(&reached, 1) + 1 == strtol(wanted + size + 1, NULL, 10)) {
        (void)kill(getpid(), SIGKILL);
    }
}
