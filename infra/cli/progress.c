#include "infra/cli/progress.h"

#include "infra/base/clock.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#define REDRAW "\r\033[K" /* to the first column; clear the line */

void progress_init(struct progress *progress, bool quiet)
{
    const bool terminal = isatty(STDERR_FILENO) == 1;
    *progress = (struct progress){.out = quiet && !terminal ? NULL : stderr,
                                  .terminal = terminal,
                                  .started_ms = clock_monotonic_ms(clock_system())};
}

int64_t progress_elapsed_ms(const struct progress *progress)
{
    return clock_monotonic_ms(clock_system()) - progress->started_ms;
}

void progress_format_ms(int64_t duration_ms, char out[32])
{
    if (duration_ms < 1000) {
        (void)snprintf(out, 32, "%" PRId64 " ms", duration_ms);
    } else if (duration_ms < 60000) {
        (void)snprintf(out, 32, "%" PRId64 ".%" PRId64 " s", duration_ms / 1000,
                       duration_ms % 1000 / 100);
    } else {
        (void)snprintf(out, 32, "%" PRId64 " min %" PRId64 " s", duration_ms / 60000,
                       duration_ms % 60000 / 1000);
    }
}

void progress_show(struct progress *progress, const struct progress_point *point)
{
    char line[sizeof(progress->shown)];
    char elapsed[32];
    int size = snprintf(line, sizeof(line), "%.*s", SLICE_PRINT(point->state));
    if (progress->out == NULL || size < 0 || (size_t)size >= sizeof(line)) {
        return;
    }
    if (point->step_count > 1) {
        (void)snprintf(line + size, sizeof(line) - (size_t)size, ", step %" PRId64 " of %" PRId64,
                       point->step, point->step_count);
    }
    if (progress->terminal) {
        progress_format_ms(progress_elapsed_ms(progress), elapsed);
        (void)fprintf(progress->out, REDRAW "%s, %s", line, elapsed);
    } else if (strcmp(line, progress->shown) != 0) {
        (void)fprintf(progress->out, "%s\n", line);
    }
    memcpy(progress->shown, line, sizeof(line));
    (void)fflush(progress->out);
}

void progress_end(struct progress *progress)
{
    if (progress->out != NULL && progress->terminal && progress->shown[0] != '\0') {
        (void)fputs(REDRAW, progress->out);
        (void)fflush(progress->out);
    }
}
