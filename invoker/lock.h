/*
 * Locks: at most one statement at a time of what shares a key (invoker/plan_lock.h). The tracker
 * stores who holds one and who waits; what is done about it is decided in tracker/lifecycle_lock.c.
 * Nothing here expires: a lock whose owner is absent, or whose statement is final, is anybody's who
 * takes it over.
 */
#ifndef RINGBACK_INVOKER_LOCK_H
#define RINGBACK_INVOKER_LOCK_H

#include "invoker/dispatch.h"

/* TAKE_LOCK: LOCK_GRANTED or LOCK_HELD, without an exchange. Waiters of a queue take it in the
 * order in which they came. */
extern const struct action_handler take_lock_handler;
/* RELEASE_LOCK: gives back, and makes the first waiter due. */
extern const struct action_handler release_lock_handler;

/*
 * Who holds the lock of a plan that is not registered yet; "" when it could have it. A plan that is
 * registered already does not compete: "" too. Only RETRY and INTERNAL are errors.
 */
MUST_CHECK enum status lock_find_holder(struct dispatch *dispatch, const struct plan *plan,
                                        char holder[TRACKER_ID_BYTES + 1], struct error *error);

#endif
