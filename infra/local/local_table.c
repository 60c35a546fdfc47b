#include "infra/local/local_table.h"

#include "infra/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 16

struct local_table_entry {
    uint64_t hash;
    struct slice key;
    void *value; /* NULL: free */
};

/* FNV-1a, then a mix so that the low bits depend on all. */
static uint64_t hash_of(struct slice key)
{
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < key.size; i++) {
        hash = (hash ^ (unsigned char)key.data[i]) * 1099511628211u;
    }
    hash ^= hash >> 32;
    return hash;
}

void local_table_clear(struct local_table *table)
{
    free(table->entries);
    *table = (struct local_table){0};
}

/* Where the key is, or the free place where it belongs. */
static size_t place_of(const struct local_table *table, struct slice key, uint64_t hash)
{
    size_t mask = table->capacity - 1;
    size_t i = (size_t)hash & mask;
    while (table->entries[i].value != NULL &&
           !(table->entries[i].hash == hash && slice_equals(table->entries[i].key, key))) {
        i = (i + 1) & mask;
    }
    return i;
}

void *local_table_find(const struct local_table *table, struct slice key)
{
    if (table->count == 0) {
        return NULL;
    }
    return table->entries[place_of(table, key, hash_of(key))].value;
}

static void grow(struct local_table *table)
{
    struct local_table bigger = {.capacity =
                                     table->capacity == 0 ? CAPACITY_MIN : table->capacity * 2,
                                 .count = table->count};
    bigger.entries = memory_new(bigger.capacity * sizeof(*bigger.entries));
    for (size_t i = 0; i < table->capacity; i++) {
        const struct local_table_entry *entry = &table->entries[i];
        if (entry->value != NULL) {
            bigger.entries[place_of(&bigger, entry->key, entry->hash)] = *entry;
        }
    }
    free(table->entries);
    *table = bigger;
}

void local_table_put(struct local_table *table, struct slice key, void *value)
{
    if ((table->count + 1) * 2 > table->capacity) {
        grow(table);
    }
    uint64_t hash = hash_of(key);
    table->entries[place_of(table, key, hash)] =
        (struct local_table_entry){.hash = hash, .key = key, .value = value};
    table->count++;
}

void local_table_remove(struct local_table *table, struct slice key)
{
    if (table->count == 0) {
        return;
    }
    size_t mask = table->capacity - 1;
    size_t hole = place_of(table, key, hash_of(key));
    if (table->entries[hole].value == NULL) {
        return;
    }
    table->count--;
    /* What follows moves back into the hole unless its own place lies behind the hole. */
    for (size_t i = (hole + 1) & mask; table->entries[i].value != NULL; i = (i + 1) & mask) {
        size_t home = (size_t)table->entries[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->entries[hole] = table->entries[i];
            hole = i;
        }
    }
    table->entries[hole] = (struct local_table_entry){0};
}

void *local_table_any(const struct local_table *table)
{
    for (size_t i = 0; i < table->capacity; i++) {
        if (table->entries[i].value != NULL) {
            return table->entries[i].value;
        }
    }
    return NULL;
}

void *local_grow(void *array, size_t *capacity, size_t count, size_t element_bytes)
{
    if (count <= *capacity) {
        return array;
    }
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    *capacity = wanted;
    return memory_resize(array, wanted * element_bytes);
}

char *local_copy_text(struct slice text)
{
    if (text.data == NULL) {
        return NULL;
    }
    char *copy = memory_new(text.size + 1);
    memcpy(copy, text.data, text.size);
    return copy;
}
