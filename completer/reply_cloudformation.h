/*
 * The answer to a CloudFormation custom resource (design.md section 5): the body of the PUT to its
 * ResponseURL. It is cut from the frozen reply document, so that every PUT has the same bytes, and
 * never has more than 4,096 of them: of a failure the database's text is what is cut. A success
 * whose chosen columns are missing or do not fit is told as FAILED with that rule: an attribute
 * that is silently left out would only fail the stack elsewhere, and with another text.
 */
#ifndef RINGBACK_COMPLETER_REPLY_CLOUDFORMATION_H
#define RINGBACK_COMPLETER_REPLY_CLOUDFORMATION_H

#include "tracker/invocation.h"

#include "infra/base/arena.h"
#include "infra/base/slice.h"

#define REPLY_CLOUDFORMATION_MAX_BYTES 4096

/* plan->resource is there; reply is what reply_render or reply_render_short gave. */
struct slice reply_render_cloudformation(struct arena *arena, const struct plan *plan,
                                         const struct state *state, struct slice reply);

#endif
