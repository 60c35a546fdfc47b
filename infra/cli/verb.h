/* What the verbs have in common: their start, their calls, how they end and what they say. */
#ifndef RINGBACK_INFRA_CLI_VERB_H
#define RINGBACK_INFRA_CLI_VERB_H

#include "infra/base/json_reader.h"
#include "infra/cli/commands.h"
#include "infra/cli/flags.h"
#include "infra/cli/remote.h"

#include <stdio.h>

struct verb {
    /* In. */
    const char *name;
    bool directly; /* even when RINGBACK_URL is set */
    int count;     /* of what follows the name; after verb_open of what is no flag */
    char **arguments;
    int operands_min; /* how many of those there must be */
    int operands_max;
    /* Filled by verb_open. */
    struct remote remote;
    struct arena *arena; /* of the whole run */
};

/* Reads configuration and flags. EXIT_FINISHED: go on; else it has been said why not. */
MUST_CHECK int verb_open(struct verb *verb, const struct flag *flags, size_t flag_count);
/* Fit for CLEANUP, also before verb_open. */
void verb_close(struct verb *verb);

/* "ringback NAME: text" on stderr; returns status. */
int verb_fail(const struct verb *verb, int status, const char *format, ...) PRINTF_LIKE(3, 4);
/* What a failed call without an answer ends the verb with. */
int verb_fail_away(const struct verb *verb, const struct error *error);

/*
 * Sends and reads. EXIT_FINISHED: the answer is 2xx and *document its JSON. Else it has been said:
 * EXIT_REJECTED with "errorType: errorMessage", EXIT_UNREACHABLE, EXIT_USAGE.
 */
MUST_CHECK int verb_call(struct verb *verb, struct remote_call *call, struct json *document);
/* The same without a word. *problem is what would have been said. */
MUST_CHECK int verb_try_call(struct verb *verb, struct remote_call *call, struct json *document,
                             struct error *problem);

/* /invocations/{id}tail; NULL when that is no invocation id. */
const char *verb_target(struct verb *verb, const char *id, const char *tail);

/* Of design.md section 6. */
int verb_exit_of_outcome(struct slice outcome);

/* A member's text, or absent. */
struct slice verb_text(struct json object, const char *name);
/* A member's number (not below -1) or flag; otherwise and false when there is none. */
int64_t verb_int64(struct json object, const char *name, int64_t otherwise);
bool verb_bool(struct json object, const char *name);
void verb_print(struct slice line); /* on stdout, with a newline */
/* Text that somebody else wrote, for a person: what would speak to the terminal becomes '?'. */
void verb_put(FILE *out, struct slice text);
/* "FAILED: text" on stderr unless the outcome is FINISHED; returns its exit status. */
int verb_tell_outcome(struct slice outcome, struct slice text);

/* An argument: the text itself, @FILE, or - for stdin. REJECTED: it cannot be read, or is larger
 * than a request may be. */
MUST_CHECK enum status verb_read_input(struct arena *arena, const char *argument,
                                       struct slice *text, struct error *error);

#endif
