/*
 * Parking: a message that cannot be handled is kept, sealed, with its reason, source and first-seen
 * time, until a person redrives it or it expires. A batch that cannot be handled now is given back.
 */
#ifndef RINGBACK_INVOKER_PARKING_H
#define RINGBACK_INVOKER_PARKING_H

#include "invoker/dispatch.h"

#define PARKED_KEEP_MS (14 * 86400 * 1000LL)

struct parking {
    struct slice body;     /* cut to what a store takes */
    struct slice source;   /* "queue:<name>", "http" */
    const char *reason;    /* no secrets */
    int64_t first_seen_ms; /* 0: now */
};

/* True: it is in the tracker, and the message is done with. The same source and body is parked
 * once. False: the tracker is away (logged). */
MUST_CHECK bool park_message(struct dispatch *dispatch, const struct parking *parking);

/* Says in the log that batches cannot be handled, and that they are again: once per change, not per
 * batch. problem NULL: this one could. */
void dispatch_trouble(struct dispatch *dispatch, const struct error *problem);

#endif
