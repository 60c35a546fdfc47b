/*
 * A tracker that fails when told: wraps another one behind the same contract. Operations are
 * counted from 1; the chosen one returns RETRY, either without having been done or after it was.
 */
#ifndef RINGBACK_TESTS_SUPPORT_TRACKER_FAULTY_H
#define RINGBACK_TESTS_SUPPORT_TRACKER_FAULTY_H

#include "tracker/tracker.h"

enum tracker_fault { TRACKER_FAULT_BEFORE, TRACKER_FAULT_AFTER };

/* Owns inner. */
struct tracker *tracker_faulty_new(struct tracker *inner);
/* The one that never fails, for looking at it. */
struct tracker *tracker_faulty_inner(struct tracker *tracker);
/* The operation-th one from now fails; 0: none does. */
void tracker_faulty_fail(struct tracker *tracker, size_t operation, enum tracker_fault fault);
/* Every operation fails from now on, undone. */
void tracker_faulty_down(struct tracker *tracker, bool down);
/* The record of this id, one of several, cannot be reached from now on; NULL: all can. */
void tracker_faulty_part_away(struct tracker *tracker, const char *id);
/* Whether the operation that was to fail has come. */
bool tracker_faulty_failed(const struct tracker *tracker);
/* Called once, before the next update: to be first at the record. */
void tracker_faulty_race(struct tracker *tracker, void (*race)(void *context), void *context);

#endif
