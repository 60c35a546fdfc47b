/* What a plan must not run beside. Pure. */
#ifndef RINGBACK_INVOKER_PLAN_LOCK_H
#define RINGBACK_INVOKER_PLAN_LOCK_H

#include "invoker/request.h"

/*
 * Sets lock and conflict of a plan whose steps are laid out: that of its session, where one
 * statement runs after the other; that of its singleton, whose key is the user's or the normalised
 * SQL, one for each cluster or workgroup and database; or none.
 */
void plan_set_lock(const struct request *request, struct plan *plan);

#endif
