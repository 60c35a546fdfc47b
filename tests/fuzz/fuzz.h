/*
 * What the fuzz targets share. Each reads one input of the program; a target aborts when a promise
 * about that input does not hold, and the sanitizers see the rest.
 */
#ifndef RINGBACK_TESTS_FUZZ_FUZZ_H
#define RINGBACK_TESTS_FUZZ_FUZZ_H

#include "infra/base/arena.h"
#include "infra/base/slice.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FUZZ_ARENA_BYTES (256u << 20)

/* libFuzzer's entry. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);         \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* Input of size 0 is empty, not absent. */
static inline struct slice fuzz_input(const uint8_t *data, size_t size)
{
    return (struct slice){data == NULL ? "" : (const char *)data, size};
}

/* Takes the bytes up to the separator (which goes too) off rest. */
static inline struct slice fuzz_take(struct slice *rest, char separator)
{
    size_t end = slice_find_byte(*rest, separator);
    struct slice piece = slice_part(*rest, 0, end);
    *rest = slice_part(*rest, end + 1, rest->size);
    return piece;
}

#endif
