#include "completer/completer.h"

#include "infra/cli/verb.h"

#include <stdio.h>

#define PASSES_MAX 1000

const char cmd_sweep_usage[] =
    "sweep [FLAGS]\n"
    "\n"
    "One pass of the sweep, on tracker and AWS directly: does what is due now (overdue checks,\n"
    "retries, deadlines, callbacks) and removes what has expired. Prints how many were due.\n";

int cmd_sweep(int count, char **arguments)
{
    struct error error = ERROR_NONE;
    CLEANUP(verb_close)
    struct verb verb = {.name = "sweep", .directly = true, .count = count, .arguments = arguments};
    const int opened = verb_open(&verb, NULL, 0);
    if (opened != EXIT_FINISHED) {
        return opened;
    }
    size_t total = 0;
    size_t claimed = SWEEP_LIMIT_DEFAULT;
    enum status status = worker_ready(&verb.remote.worker, &error);
    for (int i = 0; i < PASSES_MAX && status == STATUS_OK && claimed == SWEEP_LIMIT_DEFAULT; i++) {
        status =
            completer_sweep(verb.remote.worker.dispatch, SWEEP_LIMIT_DEFAULT, &claimed, &error);
        total += claimed;
    }
    if (status != STATUS_OK) {
        return verb_fail_away(&verb, &error);
    }
    (void)printf("%zu due\n", total);
    return EXIT_FINISHED;
}
