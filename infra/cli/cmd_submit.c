#include "infra/cli/ask.h"
#include "infra/cli/wait.h"

#include <string.h>

const char cmd_submit_usage[] =
    "submit [REQUEST] [FLAGS]\n"
    "\n"
    "Hands in a request and prints the accepted reply. REQUEST is JSON, @FILE with it, or - or\n"
    "nothing for stdin. The exit status is 0 when it is accepted, 5 when it is refused, 6 when\n"
    "nobody can be reached; with --wait it is the outcome's: 0 FINISHED, 1 FAILED, 3 ABORTED,\n"
    "4 TIMED_OUT or EXPIRED, 5 REJECTED.\n"
    "\n"
    "  --wait               wait for the outcome and print what a replyTo address is told\n"
    "  --json               the same: what is printed is JSON in any case\n"
    "  --sql TEXT           a statement instead of REQUEST; may be repeated\n"
    "  --mode MODE          of several: sequence (default) or transaction\n"
    "  --target NAME        a named target\n"
    "  --request-key KEY    names the work: a repeat is the same invocation\n"
    "  --timeout SECONDS    deadline of the invocation\n";

/* The body from --sql, or from the operand or stdin. */
MUST_CHECK static int read_request(struct verb *verb, const struct ask *ask, struct slice *body)
{
    struct error error = ERROR_NONE;
    enum status status = STATUS_OK;
    const bool flags = ask->mode || ask->target || ask->request_key || ask->timeout_seconds;
    if (ask->sql_count > 0 && verb->count > 0) {
        return verb_fail(verb, EXIT_USAGE, "--sql: not together with a request");
    }
    if (ask->sql_count == 0 && flags) {
        return verb_fail(verb, EXIT_USAGE,
                         "--mode, --target, --request-key and --timeout go with --sql");
    }
    if (ask->sql_count > 0) {
        status = ask_build(verb->arena, ask, body, &error);
    } else {
        status =
            verb_read_input(verb->arena, verb->count > 0 ? verb->arguments[0] : "-", body, &error);
    }
    return status == STATUS_OK ? EXIT_FINISHED : verb_fail(verb, EXIT_USAGE, "%s", error.text);
}

MUST_CHECK static int wait_and_print(struct verb *verb, struct json accepted)
{
    struct wait_result result;
    struct progress progress;
    progress_init(&progress, true);
    const int status =
        wait_for_outcome(verb, verb_text(accepted, "InvocationId"), &progress, &result);
    if (status != EXIT_FINISHED) {
        return status;
    }
    verb_print(result.reply);
    return wait_tell(&result);
}

int cmd_submit(int count, char **arguments)
{
    bool wait = false;
    bool json = false;
    struct ask ask = {0};
    const struct flag flags[] = {
        {.name = "wait", .given = &wait},
        {.name = "json", .given = &json},
        {.name = "sql", .value = ask.sqls, .times = &ask.sql_count, .max = ASK_SQLS_MAX},
        {.name = "mode", .value = &ask.mode},
        {.name = "target", .value = &ask.target},
        {.name = "request-key", .value = &ask.request_key},
        {.name = "timeout", .value = &ask.timeout_seconds},
    };
    CLEANUP(verb_close)
    struct verb verb = {
        .name = "submit", .count = count, .arguments = arguments, .operands_max = 1};
    struct slice body = SLICE_NONE;
    struct remote_call call;
    struct json accepted = {0};
    int status = verb_open(&verb, flags, ARRAY_COUNT(flags));
    if (status == EXIT_FINISHED) {
        status = read_request(&verb, &ask, &body);
    }
    if (status == EXIT_FINISHED) {
        status = ask_send(&verb, body, &call, &accepted);
    }
    if (status != EXIT_FINISHED) {
        return status;
    }
    /* An action is answered at once. */
    if (wait && verb_text(accepted, "InvocationId").size > 0) {
        return wait_and_print(&verb, accepted);
    }
    verb_print(call.reply);
    return EXIT_FINISHED;
}
