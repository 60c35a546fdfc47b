#include "infra/cli/rows.h"

const char cmd_result_usage[] =
    "result ID [FLAGS]\n"
    "\n"
    "Prints the rows of an invocation's last statement (kept by AWS for 24 hours). When it did\n"
    "not finish, says why and exits as run does; 1 also when it has not ended yet.\n"
    "\n"
    "  --json    print what its caller was told instead of rows\n"
    "  --all     print all rows, not the first 1000 only\n";

/* Why there are no rows, and the exit status of that. */
MUST_CHECK static int tell_no_rows(struct verb *verb, struct json document)
{
    const struct slice outcome = verb_text(document, "Outcome");
    if (outcome.size == 0) {
        return verb_fail(verb, EXIT_FAILED, "not ended yet: %.*s",
                         SLICE_PRINT(verb_text(document, "Statement")));
    }
    return verb_tell_outcome(outcome, verb_text(document, "Error"));
}

MUST_CHECK static int print_reply(struct verb *verb, const char *id)
{
    struct remote_call call = {.method = "GET", .target = verb_target(verb, id, "/reply")};
    struct json reply;
    const int status = verb_call(verb, &call, &reply);
    if (status != EXIT_FINISHED) {
        return status;
    }
    verb_print(call.reply);
    return verb_exit_of_outcome(verb_text(reply, "outcome"));
}

MUST_CHECK static int print_result(struct verb *verb, const char *id, bool all)
{
    struct remote_call call = {.method = "GET", .target = verb_target(verb, id, "")};
    struct json document;
    const int status = verb_call(verb, &call, &document);
    if (status != EXIT_FINISHED) {
        return status;
    }
    if (!slice_equals_text(verb_text(document, "Outcome"), "FINISHED")) {
        return tell_no_rows(verb, document);
    }
    struct json steps = json_member(document, "Steps");
    const size_t steps_count = json_count(steps);
    const struct slice statement_id =
        steps_count > 0 ? verb_text(json_element(steps, steps_count - 1), "Id") : SLICE_NONE;
    if (statement_id.size == 0) {
        return verb_fail(verb, EXIT_FAILED, "its details are gone");
    }
    return rows_print(verb, statement_id, all);
}

int cmd_result(int count, char **arguments)
{
    bool json = false;
    bool all = false;
    const struct flag flags[] = {{.name = "json", .given = &json}, {.name = "all", .given = &all}};
    CLEANUP(verb_close)
    struct verb verb = {.name = "result",
                        .count = count,
                        .arguments = arguments,
                        .operands_min = 1,
                        .operands_max = 1};
    const int status = verb_open(&verb, flags, ARRAY_COUNT(flags));
    if (status != EXIT_FINISHED) {
        return status;
    }
    if (verb_target(&verb, arguments[0], "") == NULL) {
        return verb_fail(&verb, EXIT_USAGE, "%s: not an invocation id", arguments[0]);
    }
    return json ? print_reply(&verb, arguments[0]) : print_result(&verb, arguments[0], all);
}
