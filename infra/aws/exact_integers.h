/* JSON readers keep numbers as doubles, which round a bigint. */
#ifndef RINGBACK_INFRA_AWS_EXACT_INTEGERS_H
#define RINGBACK_INFRA_AWS_EXACT_INTEGERS_H

#include "infra/base/arena.h"
#include "infra/base/slice.h"

/* The same JSON with every integer beyond 2^53 put in quotes; json itself when there is none. What
 * is no JSON stays none. */
struct slice exact_integers(struct arena *arena, struct slice json);

#endif
