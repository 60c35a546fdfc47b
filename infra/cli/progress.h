/* How far an invocation is, on stderr: one line that is redrawn on a terminal, else a line per
 * change. */
#ifndef RINGBACK_INFRA_CLI_PROGRESS_H
#define RINGBACK_INFRA_CLI_PROGRESS_H

#include "infra/base/slice.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out;     /* NULL: nothing is shown */
    bool terminal; /* of out */
    int64_t started_ms;
    char shown[128];
};

struct progress_point {
    struct slice state; /* "running" */
    int64_t step;
    int64_t step_count;
};

/* quiet: shows nothing unless stderr is a terminal. */
void progress_init(struct progress *progress, bool quiet);
void progress_show(struct progress *progress, const struct progress_point *point);
/* Takes the redrawn line away. */
void progress_end(struct progress *progress);
int64_t progress_elapsed_ms(const struct progress *progress);
/* "812 ms", "12.3 s", "4 min 12 s" */
void progress_format_ms(int64_t duration_ms, char out[32]);

#endif
