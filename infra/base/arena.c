#include "infra/base/arena.h"

#include "infra/base/memory.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_BYTES ((size_t)4 * 1024) /* many arenas never need more */
#define BLOCK_BYTES ((size_t)64 * 1024)
#define SPARE_MAX   3 /* blocks kept for the next batch, besides the first */

struct block {
    struct block *next; /* allocated before this one */
    size_t size;        /* bytes behind the header */
    size_t used;
    alignas(max_align_t) char data[];
};

struct deferred {
    struct deferred *next;
    void (*release)(void *object);
    void *object;
};

struct arena {
    struct block *current; /* the newest; the last of the list is the first block, which is kept */
    struct block *spare;   /* of BLOCK_BYTES, empty */
    size_t spare_count;
    struct deferred *deferred;
    size_t used_bytes; /* of all blocks */
    size_t max_bytes;
};

static struct block *block_new(size_t size, struct block *next)
{
    struct block *block = memory_new(sizeof(struct block) + size);

    block->next = next;
    block->size = size;
    return block;
}

struct arena *arena_new(size_t max_bytes)
{
    struct arena *arena = memory_new(sizeof(*arena));

    arena->max_bytes = max_bytes;
    arena->current = block_new(FIRST_BYTES, NULL);
    return arena;
}

/* Makes room for so many bytes. */
static void add_block(struct arena *arena, size_t bytes)
{
    struct block *block = arena->spare;

    if (bytes > BLOCK_BYTES || block == NULL) {
        arena->current = block_new(bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES, arena->current);
        return;
    }
    arena->spare = block->next;
    arena->spare_count--;
    block->next = arena->current;
    arena->current = block;
}

static void run_deferred(struct arena *arena)
{
    while (arena->deferred != NULL) {
        struct deferred *first = arena->deferred;

        arena->deferred = first->next;
        first->release(first->object);
    }
}

/* Overwritten, then kept for the next batch or freed. */
static void block_release(struct arena *arena, struct block *block)
{
    explicit_bzero(block->data, block->used);
    if (block->size == BLOCK_BYTES && arena->spare_count < SPARE_MAX) {
        block->used = 0;
        block->next = arena->spare;
        arena->spare = block;
        arena->spare_count++;
    } else {
        free(block);
    }
}

void arena_reset(struct arena *arena)
{
    run_deferred(arena);
    while (arena->current->next != NULL) {
        struct block *block = arena->current;

        arena->current = block->next;
        block_release(arena, block);
    }
    explicit_bzero(arena->current->data, arena->current->used);
    arena->current->used = 0;
    arena->used_bytes = 0;
}

void arena_free(struct arena *arena)
{
    if (arena != NULL) {
        arena_reset(arena);
        while (arena->spare != NULL) {
            struct block *block = arena->spare;

            arena->spare = block->next;
            free(block);
        }
        free(arena->current);
        free(arena);
    }
}

void arena_cleanup(struct arena **arena)
{
    arena_free(*arena);
    *arena = NULL;
}

size_t arena_used_bytes(const struct arena *arena)
{
    return arena->used_bytes;
}

/* Memory is zeroed because fresh blocks are, and reset overwrites what was used. */
void *arena_alloc(struct arena *arena, size_t bytes)
{
    const size_t alignment = alignof(max_align_t);
    struct block *block = arena->current;
    void *memory = NULL;

    if (bytes > SIZE_MAX - alignment) {
        memory_abort("an arena's allocation overflows");
    }
    bytes = (bytes + alignment - 1) / alignment * alignment;
    if (bytes > arena->max_bytes - arena->used_bytes) {
        memory_abort("an arena is full");
    }
    if (bytes > block->size - block->used) {
        add_block(arena, bytes);
        block = arena->current;
    }
    memory = block->data + block->used;
    block->used += bytes;
    arena->used_bytes += bytes;
    return memory;
}

void *arena_array(struct arena *arena, size_t count, size_t element_bytes)
{
    size_t bytes = 0;

    if (__builtin_mul_overflow(count, element_bytes, &bytes)) {
        memory_abort("an arena's array overflows");
    }
    return arena_alloc(arena, bytes);
}

void arena_defer(struct arena *arena, void (*release)(void *object), void *object)
{
    struct deferred *deferred = ARENA_NEW(arena, struct deferred);

    *deferred = (struct deferred){arena->deferred, release, object};
    arena->deferred = deferred;
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    char *copy = NULL;

    if (bytes.data == NULL) {
        return SLICE_NONE;
    }
    if (bytes.size == SIZE_MAX) {
        memory_abort("an arena's copy overflows");
    }
    copy = arena_alloc(arena, bytes.size + 1);
    memcpy(copy, bytes.data, bytes.size);
    return (struct slice){copy, bytes.size};
}

const char *arena_text(struct arena *arena, struct slice bytes)
{
    return arena_copy(arena, bytes).data;
}

const char *arena_join(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t size = 1;
    char *text = NULL;
    char *end = NULL;

    for (size_t i = 0; i < count; i++) {
        if (__builtin_add_overflow(size, parts[i].size, &size)) {
            memory_abort("an arena's text overflows");
        }
    }
    text = end = arena_alloc(arena, size);
    for (size_t i = 0; i < count; i++) {
        if (parts[i].size > 0) {
            memcpy(end, parts[i].data, parts[i].size);
            end += parts[i].size;
        }
    }
    return text;
}

/* Printed at once where there is room in the block, which nearly always is the case. */
const char *arena_format(struct arena *arena, const char *format, ...)
{
    struct block *block = arena->current;
    va_list arguments;
    va_list again;
    int size = 0;
    char *text = NULL;

    va_start(arguments, format);
    va_copy(again, arguments);
    size = vsnprintf(block->data + block->used, block->size - block->used, format, arguments);
    va_end(arguments);
    if (size < 0) {
        memory_abort("a format cannot be printed");
    }
    text = arena_alloc(arena, (size_t)size + 1);
    if (arena->current != block) {
        explicit_bzero(block->data + block->used, block->size - block->used);
        (void)vsnprintf(text, (size_t)size + 1, format, again);
    }
    va_end(again);
    return text;
}
