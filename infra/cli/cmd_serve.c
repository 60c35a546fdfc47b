#include "infra/cli/commands.h"
#include "infra/cli/daemon.h"

const char cmd_serve_usage[] = "serve [FLAGS]\n"
                               "\n"
                               "invoker and completer in one process.\n"
                               "Runs until SIGTERM.\n";

int cmd_serve(int count, char **arguments)
{
    const struct daemon_parts parts = {.command = "serve", .invoker = true, .completer = true};
    return daemon_run(&parts, count, arguments);
}
