#include "infra/aws/profile.h"
#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/config.h"
#include "infra/cli/commands.h"
#include "infra/cli/completion.h"
#include "infra/cli/manual.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PAGE_MAX_BYTES ((size_t)1 << 20)

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

static const char help_usage[] =
    "help [COMMAND | --markdown | --man | --man-env | --env | --bash | --zsh | --fish]\n"
    "\n"
    "Lists the commands, or says what one of them takes.\n"
    "\n"
    "  --markdown    prints docs/configuration.md\n"
    "  --man         prints the manual page ringback(1)\n"
    "  --man-env     prints the manual page ringback.env(5)\n"
    "  --env         prints /etc/ringback/ringback.env, with every setting as a comment\n"
    "  --bash        prints the completion for that shell\n"
    "  --zsh         the same\n"
    "  --fish        the same\n";

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

/* ---- Pages: what the tables say, in other forms --------------------------------------------- */

static void print_markdown(struct buffer *out)
{
    buffer_append_text(
        out, "# Configuration\n"
             "\n"
             "By environment; a flag of the same name beats the environment. An unknown\n"
             "`RINGBACK_*` name or an invalid value stops the start and is named. AWS's own\n"
             "variables (`AWS_REGION`, credentials, `AWS_ENDPOINT_URL`, `AWS_MAX_ATTEMPTS`,\n"
             "`AWS_CA_BUNDLE`) work as in any SDK. Port 0 is any free one.\n"
             "\n"
             "This page is what `ringback help --markdown` prints.\n"
             "\n");
    config_print_markdown(out);
}

static void print_manual(struct buffer *out)
{
    manual_print_commands(commands, ARRAY_COUNT(commands), out);
}

static void print_environment(struct buffer *out)
{
    buffer_append_text(out, "# Settings of the daemons that systemd starts: ringback.env(5).\n"
                            "# AWS's own variables (AWS_REGION, ...) may stand here too.\n"
                            "\n");
    config_print_environment(out);
}

static void print_bash(struct buffer *out)
{
    completion_print_bash(commands, ARRAY_COUNT(commands), out);
}

static void print_zsh(struct buffer *out)
{
    completion_print_zsh(commands, ARRAY_COUNT(commands), out);
}

static void print_fish(struct buffer *out)
{
    completion_print_fish(commands, ARRAY_COUNT(commands), out);
}

struct page {
    const char *flag;
    void (*print)(struct buffer *out);
};

static const struct page pages[] = {
    {"--markdown", print_markdown}, {"--man", print_manual}, {"--man-env", manual_print_settings},
    {"--env", print_environment},   {"--bash", print_bash},  {"--zsh", print_zsh},
    {"--fish", print_fish},
};

static const struct page *find_page(const char *flag)
{
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        if (strcmp(pages[i].flag, flag) == 0) {
            return &pages[i];
        }
    }
    return NULL;
}

static void print_page(void (*print)(struct buffer *out))
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, PAGE_MAX_BYTES);
    print(&out);
    (void)fputs(out.data, stdout);
}

/* ---- Help ----------------------------------------------------------------------------------- */

static int help(int count, char **arguments)
{
    if (count == 0) {
        print_commands(stdout);
        return EXIT_FINISHED;
    }
    const struct page *page = find_page(arguments[0]);
    if (page) {
        print_page(page->print);
        return EXIT_FINISHED;
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
        (void)puts("\nconfiguration, by flag or by the environment (docs/configuration.md):");
        print_page(config_print_help);
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
