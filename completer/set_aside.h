/*
 * Records that cannot be read: sealed by a key that is not here, or damaged. Nothing of them is
 * changed but their due time. A parked message of the record's id, from SET_ASIDE_SOURCE and
 * without a body, says why, and since when: each time it is found unreadable again, the record is
 * left alone for as long as it has been so, at least a lease and at most SET_ASIDE_MAX_MS. Handing
 * that message in again makes the record due at once.
 */
#ifndef RINGBACK_COMPLETER_SET_ASIDE_H
#define RINGBACK_COMPLETER_SET_ASIDE_H

#include "invoker/dispatch.h"

#define SET_ASIDE_SOURCE "tracker"
#define SET_ASIDE_MAX_MS (3600 * 1000LL)

/* The record was claimed in this batch; problem is why it cannot be read. When the tracker fails
 * (logged) it stays leased. */
void set_aside(struct dispatch *dispatch, const struct tracker_record *record,
               const struct error *problem);
/* What a parked message of SET_ASIDE_SOURCE is handed in for: OK when the record is due now or
 * gone; REJECTED: it cannot be read still. Begins a batch. */
MUST_CHECK enum status set_aside_end(struct dispatch *dispatch, const char *id,
                                     struct error *error);

#endif
