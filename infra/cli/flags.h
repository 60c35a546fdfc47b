/* A command's own flags: --name VALUE, --name=VALUE, or --name alone for a switch. */
#ifndef RINGBACK_INFRA_CLI_FLAGS_H
#define RINGBACK_INFRA_CLI_FLAGS_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"

#include <stdbool.h>
#include <stddef.h>

struct flag {
    const char *name;   /* without "--" */
    const char **value; /* where the value goes, which holds its default; NULL for a switch */
    bool *given;        /* a switch's */
    size_t *times;      /* of one that may be repeated: value is an array of max, *times counts */
    size_t max;
};

/*
 * Takes the flags out of arguments[0..*count) and moves what remains to the front. "--" ends the
 * flags and is taken out too. REJECTED names the flag that is unknown, lacks its value or has one
 * too many.
 */
MUST_CHECK enum status flags_parse(const struct flag *flags, size_t flag_count, int *count,
                                   char **arguments, struct error *error);

#endif
