/*
 * Hash table from bytes to a pointer, for the stand-in's services. Keys are borrowed: they belong
 * to the value and must stay as they are while it is in the table.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_TABLE_H
#define RINGBACK_INFRA_LOCAL_LOCAL_TABLE_H

#include "infra/base/slice.h"

#include <stddef.h>

struct local_table_entry;
/* Zeroed is empty. */
struct local_table {
    struct local_table_entry *entries;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
};

/* Frees the table, not the values. */
void local_table_clear(struct local_table *table);
/* NULL when there is none. */
void *local_table_find(const struct local_table *table, struct slice key);
/* The key must not be in the table yet. */
void local_table_put(struct local_table *table, struct slice key, void *value);
void local_table_remove(struct local_table *table, struct slice key);
/* Any value that is in it, for emptying; NULL when there is none. */
void *local_table_any(const struct local_table *table);

/* Grows an array to hold at least count elements, doubling *capacity. */
void *local_grow(void *array, size_t *capacity, size_t count, size_t element_bytes);
/* NUL-terminated copy on the heap; NULL for an absent slice. */
char *local_copy_text(struct slice text);

#endif
