/*
 * The reply of an outcome (design.md section 5), rendered once, in one document from which every
 * address's message is cut:
 *     {"invocationId":"…","outcome":"FINISHED","output":{…}}
 *     {"invocationId":"…","outcome":"FAILED","error":"FAILED","cause":{…}}
 * All limits hold by construction: output 262,144 bytes, cause 32,768, error 256.
 */
#ifndef RINGBACK_COMPLETER_REPLY_H
#define RINGBACK_COMPLETER_REPLY_H

#include "invoker/dispatch.h"

/* A dispatch_choose. */
struct slice reply_render(struct arena *arena, const struct plan *plan, const struct state *state,
                          const struct stimulus *stimulus);
/* What can be said when the details are gone: ids and outcome. */
struct slice reply_render_short(struct arena *arena, const struct plan *plan,
                                const struct state *state);

/* How many bytes "ringback.result" may take in the output that is rendered from these. */
size_t reply_room(struct arena *arena, const struct plan *plan, const struct state *state,
                  const struct stimulus *stimulus);

/* Cuts of a rendered reply. */
struct slice reply_output(struct slice reply); /* absent unless FINISHED */
struct slice reply_cause(struct slice reply);  /* absent when FINISHED */
/*
 * The reply itself when it has at most max_bytes; else what fits for certain, with "truncated":
 *     {"invocationId":"…","outcome":"FINISHED","truncated":true,"output":{"ringback":{…}}}
 * ringback keeps its short texts, not steps and rows. It is made of the reply alone, which never
 * changes, so that it is the same at every attempt.
 */
struct slice reply_cut(struct arena *arena, struct slice reply, size_t max_bytes);

#endif
