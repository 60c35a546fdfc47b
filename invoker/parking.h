/*
 * Parking: a message that cannot be handled is kept, sealed, with its reason, source and first-seen
 * time, until a person redrives it or it expires. A batch that cannot be handled now is given back.
 */
#ifndef RINGBACK_INVOKER_PARKING_H
#define RINGBACK_INVOKER_PARKING_H

#include "invoker/dispatch.h"

#define PARKED_KEEP_MS (14 * 86400 * 1000LL)

struct parking {
    /* In. */
    struct slice body;     /* cut to what a store takes */
    struct slice source;   /* "queue:<name>", "http" */
    const char *reason;    /* no secrets */
    int64_t first_seen_ms; /* 0: now */
    /* Out. */
    bool *parked;      /* it is in the tracker */
    bool *acknowledge; /* the same: the message is done with */
};

/* What is to be parked of a batch: collected on its way, written all at once at its end, so that
 * garbage costs one write for each batch and not for each message. */
struct parkings {
    struct parking *list; /* as long as the batch */
    size_t count;
};

/* Remembers a message; its reason is copied. It is not parked yet. */
void parkings_add(struct dispatch *dispatch, struct parkings *parkings,
                  const struct parking *parking);
/* Parks them. The same source and body is parked once. What is not parked, because the tracker is
 * away (logged), comes again. */
void parkings_write(struct dispatch *dispatch, const struct parkings *parkings);

/* Says in the log that batches cannot be handled, and that they are again: once per change, not per
 * batch. problem NULL: this one could. */
void dispatch_trouble(struct dispatch *dispatch, const struct error *problem);

#endif
