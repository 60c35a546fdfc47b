/*
 * Inside dispatch: what a work's stimuli add up to, and its commit by compare-and-set. Nothing
 * but dispatch.c and dispatch_commit.c includes this.
 */
#ifndef RINGBACK_INVOKER_DISPATCH_COMMIT_H
#define RINGBACK_INVOKER_DISPATCH_COMMIT_H

#include "invoker/dispatch.h"

/* A work in the middle of a commit: what its stimuli add up to. */
struct change {
    struct work *work;
    struct decision decision; /* next state; actions of all stimuli */
    bool settled;
    bool shrunk;
    bool open; /* still to be committed */
};

/* Adds the actions of one decision; choosing happens here and now. */
MUST_CHECK enum status change_take_actions(struct dispatch *dispatch, struct change *change,
                                           const struct decision *decision,
                                           const struct stimulus *stimulus, struct error *error);
/* Commits every work's stimuli, whatever others commit meanwhile. */
void changes_commit(struct dispatch *dispatch, struct change *changes, size_t count);
/* For the metrics. */
void change_count_outcome(enum outcome outcome);

#endif
