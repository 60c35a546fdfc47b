/*
 * Memory of one batch: items, slices and replies live and die together. Allocations are aligned for
 * any type and zeroed; nothing is freed one by one. Out of memory aborts; so does passing
 * max_bytes, because every input that could fill it is capped before. One arena belongs to one
 * thread.
 */
#ifndef RINGBACK_INFRA_BASE_ARENA_H
#define RINGBACK_INFRA_BASE_ARENA_H

#include "infra/base/compiler.h"
#include "infra/base/slice.h"

#include <stddef.h>

struct arena;

struct arena *arena_new(size_t max_bytes);
void arena_free(struct arena *arena);
/* Fit for CLEANUP on a struct arena * variable. */
void arena_cleanup(struct arena **arena);
/* Everything allocated becomes invalid; some blocks are kept for the next batch. The memory is
 * overwritten, since batches hold secrets. */
void arena_reset(struct arena *arena);
size_t arena_used_bytes(const struct arena *arena);

/* Calls release(object) when the arena is reset or freed, last deferred first: for what a library
 * allocated and a batch refers to. */
void arena_defer(struct arena *arena, void (*release)(void *object), void *object);

void *arena_alloc(struct arena *arena, size_t bytes);
/* Zeroed array of count elements; checks the multiplication. */
void *arena_array(struct arena *arena, size_t count, size_t element_bytes);
#define ARENA_NEW(arena, type)          ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_ARRAY(arena, count, type) ((type *)arena_array((arena), (count), sizeof(type)))

/* Copies, NUL-terminated behind the last byte. Absent stays absent. */
struct slice arena_copy(struct arena *arena, struct slice bytes);
const char *arena_text(struct arena *arena, struct slice bytes);
/* The parts one after the other, NUL-terminated. */
const char *arena_join(struct arena *arena, const struct slice *parts, size_t count);
const char *arena_format(struct arena *arena, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
