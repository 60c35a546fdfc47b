/* A plan of two steps with one task token, a record in any state of it, and short words for what
 * tests do with the lifecycle core. */
#ifndef RINGBACK_TESTS_UNIT_TRACKER_LIFECYCLE_FIXTURE_H
#define RINGBACK_TESTS_UNIT_TRACKER_LIFECYCLE_FIXTURE_H

#include "tests/support/cmocka.h"
#include "tracker/lifecycle.h"

#define NOW    INT64_C(1800000000000)
#define HOUR   (3600 * 1000LL)
#define STATES (STATEMENT_UNKNOWN + 1)

struct fixture {
    struct arena *arena;
    struct plan_step steps[2];
    struct plan plan;
    struct state state;
    struct decision decision;
};

extern const struct lifecycle_policy policy;

/* cmocka setup and teardown. */
int set_up(void **context);
int tear_down(void **context);

/* A consistent record in this state of the statement axis, step 1 of 2, timers due now. */
void put_in_state(struct fixture *fixture, enum statement_state statement);

/* Stimuli for step 1, attempt 1. */
struct stimulus make(enum stimulus_kind kind);
struct stimulus make_ending(enum stimulus_kind kind, enum ending ending);
struct stimulus make_refusal(enum refusal refusal);
struct stimulus make_listed(bool found);

/* Lets the core decide and returns the next state, which lives in fixture->decision. A stimulus
 * without a send time answers the last send. */
const struct state *decide_at(struct fixture *fixture, struct stimulus stimulus, int64_t now_ms);
const struct state *decide(struct fixture *fixture, struct stimulus stimulus); /* at NOW */
/* The reply was rendered: what dispatch does before it commits. */
const struct state *choose(struct fixture *fixture);
/* Of the last decision. */
bool has_action(const struct fixture *fixture, enum action_kind kind);

#endif
