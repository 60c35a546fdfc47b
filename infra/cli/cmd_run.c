#include "infra/cli/ask.h"
#include "infra/cli/rows.h"
#include "infra/cli/wait.h"

#include <inttypes.h>
#include <stdio.h>

const char cmd_run_usage[] =
    "run SQL [FLAGS]\n"
    "\n"
    "Submits a statement, shows its progress, waits for its end and prints its rows. SQL is the\n"
    "text, @FILE with it, or - for stdin; -- before it when it begins with two dashes. The exit\n"
    "status is 0 FINISHED, 1 FAILED, 2 usage, 3 ABORTED, 4 TIMED_OUT or EXPIRED, 5 REJECTED,\n"
    "6 nobody can be reached. A signal ends the waiting, not the statement.\n"
    "\n"
    "  --json               print what a replyTo address is told instead of rows\n"
    "  --all                print all rows, not the first 1000 only\n"
    "  --target NAME        a named target\n"
    "  --request-key KEY    names the work: a repeat is the same invocation\n"
    "  --timeout SECONDS    deadline of the invocation\n";

/* The last element of the steps; absent when nothing ran. */
static struct json last_step(struct json document)
{
    struct json steps =
        json_member(json_member(json_member(document, "output"), "ringback"), "steps");
    const size_t count = json_count(steps);
    return count > 0 ? json_element(steps, count - 1) : (struct json){0};
}

static void print_summary(const struct wait_result *result, const struct progress *progress)
{
    char elapsed[32];
    const int64_t rows = verb_int64(last_step(result->document), "ResultRows", -1);
    progress_format_ms(progress_elapsed_ms(progress), elapsed);
    (void)fflush(stdout);
    if (rows >= 0) {
        (void)fprintf(stderr, "%.*s, %" PRId64 " row%s, %s\n", SLICE_PRINT(result->outcome), rows,
                      rows == 1 ? "" : "s", elapsed);
    } else {
        (void)fprintf(stderr, "%.*s, %s\n", SLICE_PRINT(result->outcome), elapsed);
    }
}

MUST_CHECK static int print_outcome(struct verb *verb, const struct wait_result *result,
                                    const struct progress *progress, bool all)
{
    int status = wait_tell(result);
    if (status != EXIT_FINISHED) {
        return status;
    }
    const struct slice id = verb_text(last_step(result->document), "Id");
    if (id.size > 0) {
        status = rows_print(verb, id, all);
    }
    if (status == EXIT_FINISHED) {
        print_summary(result, progress);
    }
    return status;
}

MUST_CHECK static int submit(struct verb *verb, struct ask *ask, struct slice *id)
{
    struct error error = ERROR_NONE;
    struct slice sql = SLICE_NONE;
    struct slice body = SLICE_NONE;
    struct remote_call call;
    struct json accepted;
    enum status status = verb_read_input(verb->arena, verb->arguments[0], &sql, &error);
    if (status == STATUS_OK) {
        ask->sqls[0] = arena_text(verb->arena, sql);
        ask->sql_count = 1;
        status = ask_build(verb->arena, ask, &body, &error);
    }
    if (status != STATUS_OK) {
        return verb_fail(verb, EXIT_USAGE, "%s", error.text);
    }
    const int exit_status = ask_send(verb, body, &call, &accepted);
    *id = exit_status == EXIT_FINISHED ? verb_text(accepted, "InvocationId") : SLICE_NONE;
    return exit_status;
}

int cmd_run(int count, char **arguments)
{
    bool json = false;
    bool all = false;
    struct ask ask = {0};
    const struct flag flags[] = {
        {.name = "json", .given = &json},
        {.name = "all", .given = &all},
        {.name = "target", .value = &ask.target},
        {.name = "request-key", .value = &ask.request_key},
        {.name = "timeout", .value = &ask.timeout_seconds},
    };
    CLEANUP(verb_close)
    struct verb verb = {.name = "run",
                        .count = count,
                        .arguments = arguments,
                        .operands_min = 1,
                        .operands_max = 1};
    struct slice id = SLICE_NONE;
    struct wait_result result;
    struct progress progress;
    int status = verb_open(&verb, flags, ARRAY_COUNT(flags));
    progress_init(&progress, json);
    if (status == EXIT_FINISHED) {
        status = submit(&verb, &ask, &id);
    }
    if (status == EXIT_FINISHED) {
        status = wait_for_outcome(&verb, id, &progress, &result);
    }
    if (status != EXIT_FINISHED) {
        return status;
    }
    if (json) {
        verb_print(result.reply);
        return wait_tell(&result);
    }
    return print_outcome(&verb, &result, &progress, all);
}
