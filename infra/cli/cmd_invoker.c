#include "infra/cli/commands.h"
#include "infra/cli/daemon.h"

const char cmd_invoker_usage[] =
    "invoker [FLAGS]\n"
    "\n"
    "Takes requests by HTTP (POST /invocations) and from RINGBACK_REQUEST_QUEUE_URL.\n"
    "Runs until SIGTERM.\n";

int cmd_invoker(int count, char **arguments)
{
    const struct daemon_parts parts = {.command = "invoker", .invoker = true, .completer = false};
    return daemon_run(&parts, count, arguments);
}
