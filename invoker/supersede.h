/*
 * A later request for a CloudFormation resource means that nobody waits for the earlier ones any
 * more: CloudFormation has given up a Create before it sends the Delete.
 */
#ifndef RINGBACK_INVOKER_SUPERSEDE_H
#define RINGBACK_INVOKER_SUPERSEDE_H

#include "invoker/dispatch.h"

/*
 * Cancels the open requests of the resource that newer, which is registered, came after; their lock
 * keeps newer waiting until what they had sent has ended. A Delete is cancelled by a Delete only:
 * what is left of it would be a resource that nobody knows. RETRY or INTERNAL: not all could be
 * cancelled; doing it again does no harm.
 */
MUST_CHECK enum status supersede_older(struct dispatch *dispatch, const struct record *newer,
                                       struct error *error);

#endif
