#include "infra/cli/verb.h"

const char cmd_cancel_usage[] =
    "cancel ID [FLAGS]\n"
    "\n"
    "Asks an invocation to stop. The statement's own ending decides what its caller is told.\n"
    "\n"
    "  --json    print the service's reply as it is\n";

int cmd_cancel(int count, char **arguments)
{
    bool json = false;
    const struct flag flags[] = {{.name = "json", .given = &json}};
    CLEANUP(verb_close)
    struct verb verb = {.name = "cancel",
                        .count = count,
                        .arguments = arguments,
                        .operands_min = 1,
                        .operands_max = 1};
    struct remote_call call = {.method = "POST"};
    struct json reply;
    int status = verb_open(&verb, flags, ARRAY_COUNT(flags));
    if (status != EXIT_FINISHED) {
        return status;
    }
    call.target = verb_target(&verb, arguments[0], "/cancel");
    if (call.target == NULL) {
        return verb_fail(&verb, EXIT_USAGE, "%s: not an invocation id", arguments[0]);
    }
    status = verb_call(&verb, &call, &reply);
    if (status == EXIT_FINISHED && json) {
        verb_print(call.reply);
    } else if (status == EXIT_FINISHED) {
        verb_print(call.code == 202 ? SLICE("cancelling") : SLICE("ended already"));
    }
    return status;
}
