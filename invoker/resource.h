/*
 * What a CloudFormation resource means for its invocation: who it is, who waits for how long, what
 * runs beside it, and what the one before it has left behind.
 */
#ifndef RINGBACK_INVOKER_RESOURCE_H
#define RINGBACK_INVOKER_RESOURCE_H

#include "invoker/dispatch.h"
#include "invoker/plan.h"

/* StackId and RequestId: a request that CloudFormation delivers twice is one. */
void resource_identity(const struct plan_resource *resource, struct arena *arena,
                       struct plan_identity *identity);

/*
 * Group, address, deadline and lock of a plan. It has to be answered before the service timeout is
 * over, so the deadline comes earlier by the time that cancelling and answering may take. Requests
 * for one resource run one after the other.
 */
void resource_place(const struct plan_maker *maker, const struct request *request,
                    struct plan *plan);
/* Group and address of a refused request. */
void resource_place_refused(const struct plan_maker *maker,
                            const struct request_addresses *addresses, struct plan *plan);

/*
 * An Update of a built-in resource goes from OldResourceProperties to ResourceProperties. When the
 * Update before it has failed, the resource is not there: this one takes back what never happened,
 * and nothing is to run. The group's latest request tells; without one, the event is believed.
 * REJECTED: the change is against a rule; RETRY or INTERNAL: the tracker is away or broken.
 */
MUST_CHECK enum status resource_recall(struct dispatch *dispatch, struct request *request,
                                       struct error *error);

#endif
