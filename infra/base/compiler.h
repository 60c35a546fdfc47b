/*
 * What the compiler is asked to check for us: results that must be looked at, printf formats, and
 * scope clean-up instead of goto.
 */
#ifndef RINGBACK_INFRA_BASE_COMPILER_H
#define RINGBACK_INFRA_BASE_COMPILER_H

/* The result tells whether the work was done: ignoring it does not compile. */
#define MUST_CHECK __attribute__((warn_unused_result))

#define PRINTF_LIKE(format_index, first_argument)                                                  \
    __attribute__((format(printf, format_index, first_argument)))

/*
 * Runs function(&variable) when the variable leaves its scope, in reverse order of declaration:
 *     CLEANUP(buffer_clear) struct buffer body;
 * The variable must be initialised where it is declared.
 */
#define CLEANUP(function)  __attribute__((cleanup(function)))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
