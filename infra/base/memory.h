/* Heap memory that cannot fail: running out of it writes one line to stderr and aborts. */
#ifndef RINGBACK_INFRA_BASE_MEMORY_H
#define RINGBACK_INFRA_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed; freed with free(). */
void *memory_new(size_t bytes);
/* As realloc; what is added is not zeroed. */
void *memory_resize(void *memory, size_t bytes);
/* One line on stderr, then abort(). For sizes that rules should have kept out, too. */
_Noreturn void memory_abort(const char *what);

#endif
