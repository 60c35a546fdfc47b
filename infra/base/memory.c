#include "infra/base/memory.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void memory_abort(const char *what)
{
    (void)fprintf(stderr, "ringback: aborted: %s\n", what);
    abort();
}

void *memory_new(size_t bytes)
{
    void *memory = calloc(1, bytes > 0 ? bytes : 1);

    if (memory == NULL) {
        memory_abort("out of memory");
    }
    return memory;
}

void *memory_resize(void *memory, size_t bytes)
{
    void *resized = realloc(memory, bytes > 0 ? bytes : 1);

    if (resized == NULL) {
        memory_abort("out of memory");
    }
    return resized;
}
