#include "infra/aws/profile.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/config.h"
#include "infra/cli/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command commands[] = {
    {"invoker", "daemon: requests in, statements started", cmd_invoker_usage, true, cmd_invoker},
    {"completer", "daemon: events in, callers rung back", cmd_completer_usage, true, cmd_completer},
    {"serve", "both daemons in one process", cmd_serve_usage, true, cmd_serve},
    {"lambda", "AWS Lambda's custom runtime", cmd_lambda_usage, true, cmd_lambda},
#ifdef RINGBACK_LOCAL
    {"local", "local stand-in for AWS", cmd_local_usage, false, cmd_local},
#endif
    {"run", "submit a statement, wait, print its rows", cmd_run_usage, true, cmd_run},
    {"submit", "hand in a request", cmd_submit_usage, true, cmd_submit},
    {"status", "show one invocation", cmd_status_usage, true, cmd_status},
    {"list", "list invocations", cmd_list_usage, true, cmd_list},
    {"result", "print the rows of an invocation", cmd_result_usage, true, cmd_result},
    {"cancel", "ask an invocation to stop", cmd_cancel_usage, true, cmd_cancel},
    {"redrive", "list parked messages, hand them in again", cmd_redrive_usage, true, cmd_redrive},
    {"sweep", "one pass over what is due", cmd_sweep_usage, true, cmd_sweep},
    {"doctor", "check what a daemon needs", cmd_doctor_usage, true, cmd_doctor},
};

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
    }
    return NULL;
}

static const char help_usage[] = "help [COMMAND | --markdown]\n"
                                 "\n"
                                 "Lists the commands, or says what one of them takes.\n"
                                 "\n"
                                 "  --markdown    prints docs/configuration.md\n";

static void print_commands(FILE *out)
{
    (void)fputs("usage: ringback COMMAND [ARGUMENTS]\n\n", out);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        (void)fprintf(out, "  %-12s %s\n", commands[i].name, commands[i].summary);
    }
    (void)fputs("  help         this, or what a command takes: ringback help COMMAND\n", out);
}

static int unknown_command(const char *name)
{
    (void)fprintf(stderr, "ringback: %s: unknown command; see ringback help\n", name);
    return EXIT_USAGE;
}

/* Prints what a part of the configuration table writes, under the text before it. */
static void print_table(const char *before, void (*print)(struct buffer *out))
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, 65536);
    print(&out);
    (void)printf("%s%s", before, out.data);
}

static int print_markdown(void)
{
    print_table("# Configuration\n"
                "\n"
                "By environment; a flag of the same name beats the environment. An unknown\n"
                "`RINGBACK_*` name or an invalid value stops the start and is named. AWS's own\n"
                "variables (`AWS_REGION`, credentials, `AWS_ENDPOINT_URL`, `AWS_MAX_ATTEMPTS`,\n"
                "`AWS_CA_BUNDLE`) work as in any SDK. Port 0 is any free one.\n"
                "\n"
                "This page is what `ringback help --markdown` prints.\n"
                "\n",
                config_print_markdown);
    return EXIT_FINISHED;
}

static int help(int count, char **arguments)
{
    if (count == 0) {
        print_commands(stdout);
        return EXIT_FINISHED;
    }
    if (strcmp(arguments[0], "--markdown") == 0) {
        return print_markdown();
    }
    if (strcmp(arguments[0], "help") == 0) {
        (void)printf("usage: ringback %s", help_usage);
        return EXIT_FINISHED;
    }
    const struct command *command = find_command(arguments[0]);
    if (!command) {
        return unknown_command(arguments[0]);
    }
    (void)printf("usage: ringback %s", command->usage);
    if (command->configured) {
        print_table("\nconfiguration, by flag or by the environment (docs/configuration.md):\n",
                    config_print_help);
    }
    return EXIT_FINISHED;
}

static int run(int count, char **arguments)
{
    if (count < 2 && environment_get(environ, "AWS_LAMBDA_RUNTIME_API") != NULL) {
        return cmd_lambda(0, NULL);
    }
    if (count < 2) {
        print_commands(stderr);
        return EXIT_USAGE;
    }
    const char *name = arguments[1];
    if (strcmp(name, "--version") == 0) {
        (void)puts("ringback " RINGBACK_VERSION);
        return EXIT_FINISHED;
    }
    if (strcmp(name, "help") == 0 || strcmp(name, "--help") == 0) {
        return help(count - 2, arguments + 2);
    }
    const struct command *command = find_command(name);
    if (!command) {
        return unknown_command(name);
    }
    if (count == 3 && strcmp(arguments[2], "--help") == 0) {
        return help(1, arguments + 1);
    }
    return command->run(count - 2, arguments + 2);
}

int main(int count, char **arguments)
{
    const int status = run(count, arguments);
    const bool lost = fflush(stdout) != 0 || ferror(stdout) != 0;
    if (lost && status == EXIT_FINISHED) {
        (void)fputs("ringback: standard output cannot be written\n", stderr);
        return EXIT_FAILED;
    }
    return status;
}
