/*
 * Regular expressions that users write (errorMatch and the like): PCRE2, 8 bit, UTF. A pattern is
 * checked once when the request is read and compiled anew for each match, which happens only where
 * a statement has failed. Match, depth and heap limits bound what any pattern can cost.
 */
#ifndef RINGBACK_INFRA_BASE_REGEX_H
#define RINGBACK_INFRA_BASE_REGEX_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#define REGEX_PATTERN_MAX_BYTES 1024

enum regex_result {
    REGEX_NO_MATCH,
    REGEX_MATCH,
    REGEX_RUNAWAY, /* given up at a limit: not known, and to be treated as no match */
};

/* REJECTED, naming path, PCRE2's message and the byte where it stopped, when the pattern is none;
 * or the rule, when it is longer than REGEX_PATTERN_MAX_BYTES. The empty pattern is one. */
MUST_CHECK enum status regex_check(struct slice pattern, const char *path, struct error *error);

/* Whether the pattern is found anywhere in the text, which may be any bytes: what is not UTF-8
 * matches nothing. A pattern that regex_check refuses matches nothing. */
enum regex_result regex_matches(struct slice pattern, struct slice text);

#endif
