/* A plan and a state with every field set, and where their stored form is written. */
#ifndef RINGBACK_TESTS_UNIT_TRACKER_INVOCATION_FIXTURE_H
#define RINGBACK_TESTS_UNIT_TRACKER_INVOCATION_FIXTURE_H

#include "tests/support/cmocka.h"
#include "tracker/invocation.h"

#include "infra/base/buffer.h"

#define ID     "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define PREFIX SLICE("ringback/")

struct fixture {
    struct arena *arena;
    struct buffer written;
    struct slice sqls[2];
    struct plan_step steps[INVOCATION_STEPS_MAX];
    struct plan_parameter parameters[2];
    struct plan_target step_target;
    struct plan_retry step_retry;
    struct plan_parameter data[1];
    struct plan_resource resource;
    struct plan plan;
    struct step_result results[2];
    struct state state;
    struct error error;
};

/* cmocka setup and teardown. */
int set_up(void **context);
int tear_down(void **context);

/* Fills fixture->state anew; the parts that it points to live in the fixture. */
void fill_state(struct fixture *fixture);
/* Same bytes, and none only where none is expected. */
void assert_slice(struct slice actual, struct slice expected);

#endif
