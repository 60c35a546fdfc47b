/*
 * Direct mode: a state machine has called the Data API itself, with its task token in the
 * statement's name, `<prefix>t/<task token>`. Nothing was registered; the first event makes a
 * record whose outcome is chosen, which is delivered like any other (design.md section 4). An event
 * that is lost is lost: there is no record for the sweep to look at.
 */
#ifndef RINGBACK_COMPLETER_DIRECT_H
#define RINGBACK_COMPLETER_DIRECT_H

#include "completer/event.h"
#include "invoker/dispatch.h"
#include "invoker/plan.h"

/*
 * Fills in what registers the statement of an EVENT_DIRECT as an invocation that it has just ended:
 * registration->work's plan and the first decision. The name, being the token, is left out of
 * whatever is kept for the reply.
 */
void direct_register(struct dispatch *dispatch, const struct plan_settings *settings,
                     const struct event *event, const struct stimulus *ending,
                     struct registration *registration);

#endif
