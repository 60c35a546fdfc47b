#include "infra/cli/commands.h"
#include "infra/cli/daemon.h"

const char cmd_completer_usage[] =
    "completer [FLAGS]\n"
    "\n"
    "Takes completion events from RINGBACK_EVENT_QUEUE_URL, sweeps, rings callers back.\n"
    "Runs until SIGTERM.\n";

int cmd_completer(int count, char **arguments)
{
    const struct daemon_parts parts = {.command = "completer", .invoker = false, .completer = true};
    return daemon_run(&parts, count, arguments);
}
