/*
 * A small world around one invocation: a Data API that really runs each name once per ClientToken
 * lifetime, callers who take one answer, locks that others hold. It is driven by the decisions of
 * the core, while answers and events are lost, doubled, delayed and reordered, processes die
 * between commit and act or between act and settle, and the clock jumps. Promises 1 and 2 are
 * asserted wherever something happens.
 */
#ifndef RINGBACK_TESTS_UNIT_TRACKER_LIFECYCLE_WORLD_H
#define RINGBACK_TESTS_UNIT_TRACKER_LIFECYCLE_WORLD_H

#include "tests/support/cmocka.h"
#include "tracker/lifecycle.h"

#include "infra/base/random.h"

#define STEPS_MAX     3
#define ATTEMPTS_MAX  8
#define MAIL_MAX      64
#define TOKEN_LIFE_MS (8 * 3600 * 1000LL)
#define HELD_MAX      8
#define SIGNATURE_MS  (15 * 60 * 1000LL - 1)

enum fate { FATE_NONE, FATE_RUNNING, FATE_FINISHED, FATE_FAILED, FATE_ABORTED };

struct statement {
    enum fate fate;
    int runs;
    int64_t token_at_ms; /* when AWS last saw the ClientToken begin */
    int64_t rows;        /* of one that has finished */
};

/* An action in the hands of a process that stands still: it is done later, by what was committed
 * then, unless its signature is over. */
struct held {
    struct action action;
    unsigned step;
    unsigned attempt;
    int64_t sent_at_ms;
    int64_t until_ms;
};

/* One lock, and the worlds that compete for it. */
struct world_lock {
    struct world *owner;
    struct world *rivals[2];
};

struct world {
    struct world_lock *lock; /* NULL: whoever asks is given it */
    struct random_seeded random;
    struct arena *arena;
    struct lifecycle_policy policy;
    struct plan plan;
    struct plan_step steps[STEPS_MAX];
    struct plan_retry retry;
    bool told_by_reply;
    struct state state;
    int64_t now_ms;
    struct statement statements[STEPS_MAX + 1][ATTEMPTS_MAX + 1];
    struct stimulus mail[MAIL_MAX]; /* answers and events on their way */
    size_t mail_count;
    struct held held[HELD_MAX];
    size_t held_count;
    bool attack;
    /* What must hold. */
    int effective_callbacks[INVOCATION_ADDRESSES_MAX];
    enum outcome told[INVOCATION_ADDRESSES_MAX];
    int heartbeats_after_outcome;
};

/* A plan of any kind, drawn from the seed; arena and clock are new. */
void world_init(struct world *world, uint64_t seed);
/* The number is below bound. */
uint64_t world_draw(struct world *world, uint64_t bound);
/* The world has a lock, which others may hold. */
void world_lock(struct world *world, struct world_lock *lock);
/* Registers, and starts what the first decision asks for. */
void world_begin(struct world *world);
/* One thing of those that happen. */
void world_happen(struct world *world);
/* The attack is over: statements end, mail arrives, the sweep goes on, until all is settled or too
 * much time has passed. */
void world_settle(struct world *const *worlds, size_t count);
/* Decides, chooses, commits, acts: what invoker/dispatch.c does. */
void world_feed(struct world *world, const struct stimulus *stimulus);
void world_sweep(struct world *world);
struct stimulus world_stimulus(struct world *world, enum stimulus_kind kind);

#endif
