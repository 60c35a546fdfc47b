/*
 * The commands of the one binary. A command is a file cmd_<name>.c with one run function, declared
 * here, and one line in the table of main.c.
 */
#ifndef RINGBACK_INFRA_CLI_COMMANDS_H
#define RINGBACK_INFRA_CLI_COMMANDS_H

#include <stdbool.h>

/* Exit statuses (design.md section 6). */
enum exit_status {
    EXIT_FINISHED = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_ABORTED = 3,
    EXIT_UNKNOWN = 4, /* TIMED_OUT or EXPIRED */
    EXIT_REJECTED = 5,
    EXIT_UNREACHABLE = 6,
    EXIT_INTERRUPTED = 130, /* by a signal, while waiting */
};

struct command {
    const char *name;
    const char *summary; /* one line of `ringback help` */
    const char *usage;   /* what `ringback help <name>` prints after "usage: ringback " */
    bool configured;     /* reads the configuration: its flags belong to the help */
    /* arguments[0..count) are what follows the command's name. Returns the exit status. */
    int (*run)(int count, char **arguments);
};

extern const char cmd_cancel_usage[];
int cmd_cancel(int count, char **arguments);

extern const char cmd_completer_usage[];
int cmd_completer(int count, char **arguments);

extern const char cmd_doctor_usage[];
int cmd_doctor(int count, char **arguments);

extern const char cmd_invoker_usage[];
int cmd_invoker(int count, char **arguments);

extern const char cmd_lambda_usage[];
int cmd_lambda(int count, char **arguments);

extern const char cmd_list_usage[];
int cmd_list(int count, char **arguments);

extern const char cmd_local_usage[];
int cmd_local(int count, char **arguments);

extern const char cmd_redrive_usage[];
int cmd_redrive(int count, char **arguments);

extern const char cmd_result_usage[];
int cmd_result(int count, char **arguments);

extern const char cmd_run_usage[];
int cmd_run(int count, char **arguments);

extern const char cmd_serve_usage[];
int cmd_serve(int count, char **arguments);

extern const char cmd_status_usage[];
int cmd_status(int count, char **arguments);

extern const char cmd_submit_usage[];
int cmd_submit(int count, char **arguments);

extern const char cmd_sweep_usage[];
int cmd_sweep(int count, char **arguments);

#endif
