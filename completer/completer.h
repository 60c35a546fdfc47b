/*
 * "Handle these events" and "sweep what is due". One struct dispatch per worker thread, prepared by
 * completer_equip.
 */
#ifndef RINGBACK_COMPLETER_COMPLETER_H
#define RINGBACK_COMPLETER_COMPLETER_H

#include "invoker/dispatch.h"
#include "invoker/plan.h"

#define SWEEP_LIMIT_DEFAULT 64

/* Fills in every action handler and the rendering of replies. */
void completer_equip(struct dispatch *dispatch);

struct event_item {
    /* In. */
    struct slice body;
    struct slice source;   /* for parking: "queue:<name>" */
    int64_t first_seen_ms; /* when the queue took it; 0: now */
    /* Out. */
    bool acknowledge;      /* the message is done with */
    int64_t again_seconds; /* else: when to look again */
    bool parked;           /* it could not be handled and is kept for a redrive */
    bool execution_over;   /* it is about an execution; private */
};

/* Every item gets its verdict; nothing fails as a whole. Begins a batch. */
void completer_handle(struct dispatch *dispatch, const struct plan_settings *settings,
                      struct event_item *items, size_t count);

/*
 * One bounded pass: claims at most limit due records, does what is due for them, and removes what
 * has expired. *claimed tells whether there may be more. RETRY or INTERNAL: the tracker is away or
 * broken.
 */
MUST_CHECK enum status completer_sweep(struct dispatch *dispatch, size_t limit, size_t *claimed,
                                       struct error *error);

/*
 * Asks the Data API now about the statement of one invocation that somebody waits for. OK also when
 * there is nothing to ask or no answer; RETRY or INTERNAL: the tracker is away or broken.
 */
MUST_CHECK enum status completer_look(struct dispatch *dispatch, const char *id,
                                      struct error *error);

#endif
