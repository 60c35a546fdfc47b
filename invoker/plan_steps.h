/* What a plan runs, one step after the other. Pure. */
#ifndef RINGBACK_INVOKER_PLAN_STEPS_H
#define RINGBACK_INVOKER_PLAN_STEPS_H

#include "invoker/request.h"

/*
 * Lays out the steps of a plan whose target, retry and session are settled: one for each statement
 * of a sequence and for each query, else one for each batch of at most 40. REJECTED names the
 * query whose target is none, or the list when it speaks of two sessions.
 */
MUST_CHECK enum status plan_lay_steps(struct arena *arena, const struct request *request,
                                      struct plan *plan, struct error *error);

/* The session that the plan's statements run in, one at a time; absent: none. */
struct slice plan_session(const struct plan *plan);

#endif
