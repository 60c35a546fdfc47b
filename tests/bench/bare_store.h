/*
 * The peer of tracker_growth: the records of a store that the tracker filled, read and written with
 * nothing but the store's own client. No compare, no reading of what came, the same bytes put back:
 * what is left is what the store itself takes.
 */
#ifndef RINGBACK_TESTS_BENCH_BARE_STORE_H
#define RINGBACK_TESTS_BENCH_BARE_STORE_H

#include "tracker/tracker.h"

#define BARE_STORE_BATCH_MAX 10

struct bare_store;

/* redis://127.0.0.1:PORT/DB or sqlite:FILE; NULL for another. Aborts the program when something
 * fails, as all functions here. */
struct bare_store *bare_store_open(const char *url);
void bare_store_close(struct bare_store *store);
void bare_store_find(struct bare_store *store, const struct tracker_lookup *lookups, size_t count);
/* Puts what bare_store_find has found back, with another due time. */
void bare_store_update(struct bare_store *store, const struct tracker_lookup *lookups, size_t count,
                       int64_t due_at_ms);
/* The newest record of a group of open ones. */
void bare_store_latest(struct bare_store *store, struct arena *arena, struct slice group);

#endif
