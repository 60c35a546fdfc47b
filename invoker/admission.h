/*
 * Which statement is sent next when not all can be. The account's rate is kept by infra/aws/pace.h;
 * this decides who gets its tokens, and keeps statements from clusters that are full. Shared by all
 * threads of a process; what it knows is a few hundred numbers in fixed tables, and losing them
 * costs some calls and no promise: records wait in the tracker, by their due time.
 *
 * Targets. A cluster or workgroup that says it is full (or paused) has its own rate from then on,
 * which adapts as pace.h's do: halved when it is full, down to a probe every five seconds, raised
 * by every second of success, and forgotten when it is as high as the account's. So a full cluster
 * neither eats up the account's calls nor delays the others.
 *
 * Callers. A statement that cannot be sent now is told its turn, as a time. Turns of one caller
 * follow each other at the rate that there is, as if he were alone; one who has nothing waiting
 * joins the line of those like him instead of standing behind the ten thousand of another. Callers
 * who have some waiting may take only what is free soon, so that newcomers find tokens. That is
 * fair queueing by virtual time: each caller's line is his own clock. There are ADMISSION_LINES;
 * when more callers wait, some share one, which is then fair to them as to one.
 */
#ifndef RINGBACK_INVOKER_ADMISSION_H
#define RINGBACK_INVOKER_ADMISSION_H

#include "tracker/invocation.h"

#include "infra/aws/pace.h"

#define ADMISSION_TARGETS_MAX 64
#define ADMISSION_LINES       256
/* How long a call may wait for its token: of a caller with nothing waiting, and of any other. */
#define ADMISSION_NEWCOMER_MS 1000
#define ADMISSION_WAITER_MS   300

/* Who wants to send what where. */
struct admission_key {
    uint64_t target; /* never 0 */
    uint64_t caller;
    enum pace_operation operation;
};

/* The caller is the invocation's group, else whoever uses the target. */
struct admission_key admission_key_of(const struct plan *plan, const struct plan_target *target,
                                      enum pace_operation operation);

struct admission;

struct admission *admission_new(struct pace *pace); /* not owned */
void admission_free(struct admission *admission);

/* True: it may be tried, and wait so long for a token (pace_wait_ms). False: the target is known to
 * be full. */
bool admission_ask(struct admission *admission, const struct admission_key *key, int64_t now_ms,
                   int64_t *pace_wait_ms);
/* It could not be sent now, for whatever reason: in how many milliseconds it is its turn, at
 * least 1. unit: randomness in [0, 1). */
int64_t admission_queue(struct admission *admission, const struct admission_key *key,
                        int64_t now_ms, double unit);
/* The target has taken a statement, or has said that it is full. */
void admission_taken(struct admission *admission, const struct admission_key *key, int64_t now_ms);
void admission_full(struct admission *admission, const struct admission_key *key, int64_t now_ms);
/* Somebody waits for his turn: the sweep should come soon. */
bool admission_waiting(struct admission *admission, int64_t now_ms);
/* Statements wait for the account's rate for so long that no more should be taken in. */
bool admission_congested(struct admission *admission, int64_t now_ms);

#endif
