#include "infra/cli/verb.h"

#include <stdio.h>

const char cmd_status_usage[] = "status ID [FLAGS]\n"
                                "\n"
                                "Shows one invocation: its statement, its steps, its callbacks.\n"
                                "\n"
                                "  --json    print the service's document as it is\n";

static void print_member(const char *label, struct slice text)
{
    if (text.size > 0) {
        (void)printf("%-12s ", label);
        verb_put(stdout, text);
        (void)putchar('\n');
    }
}

static void print_step(struct json step)
{
    const int64_t rows = verb_int64(step, "ResultRows", -1);
    const int64_t duration_ms = verb_int64(step, "DurationMs", -1);
    const struct slice status = verb_text(step, "Status");
    const struct slice id = verb_text(step, "Id");
    (void)printf("%-12s %lld.%lld %.*s %.*s", "step", (long long)verb_int64(step, "step", 0),
                 (long long)verb_int64(step, "attempt", 0), SLICE_PRINT(status), SLICE_PRINT(id));
    if (rows >= 0) {
        (void)printf(", %lld row%s", (long long)rows, rows == 1 ? "" : "s");
    }
    if (duration_ms >= 0) {
        (void)printf(", %lld ms", (long long)duration_ms);
    }
    (void)putchar('\n');
}

static void print_document(struct json document)
{
    static const char *const members[][2] = {
        {"invocation", "InvocationId"}, {"statement", "Statement"}, {"outcome", "Outcome"},
        {"error type", "ErrorType"},    {"error", "Error"},         {"group", "Group"},
        {"created", "CreatedAt"},       {"updated", "UpdatedAt"},   {"ended", "EndedAt"},
        {"settled", "SettledAt"},       {"due", "DueAt"},           {"deadline", "Deadline"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        print_member(members[i][0], verb_text(document, members[i][1]));
    }
    struct json item = json_element(json_member(document, "Steps"), 0);
    for (; json_kind(item) == JSON_OBJECT; item = json_next(item)) {
        print_step(item);
    }
    item = json_element(json_member(document, "Callbacks"), 0);
    for (; json_kind(item) == JSON_OBJECT; item = json_next(item)) {
        (void)printf("%-12s %.*s %.*s\n", "callback", SLICE_PRINT(verb_text(item, "Kind")),
                     SLICE_PRINT(verb_text(item, "State")));
    }
}

int cmd_status(int count, char **arguments)
{
    bool json = false;
    const struct flag flags[] = {{.name = "json", .given = &json}};
    CLEANUP(verb_close)
    struct verb verb = {.name = "status",
                        .count = count,
                        .arguments = arguments,
                        .operands_min = 1,
                        .operands_max = 1};
    struct remote_call call = {.method = "GET"};
    struct json document;
    int status = verb_open(&verb, flags, ARRAY_COUNT(flags));
    if (status != EXIT_FINISHED) {
        return status;
    }
    call.target = verb_target(&verb, arguments[0], "");
    if (call.target == NULL) {
        return verb_fail(&verb, EXIT_USAGE, "%s: not an invocation id", arguments[0]);
    }
    status = verb_call(&verb, &call, &document);
    if (status == EXIT_FINISHED && json) {
        verb_print(call.reply);
    } else if (status == EXIT_FINISHED) {
        print_document(document);
    }
    return status;
}
