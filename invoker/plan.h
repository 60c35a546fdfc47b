/*
 * From request to plan: targets and defaults are resolved, the identity is derived, the steps are
 * laid out. Pure, apart from loading the named targets once at start.
 */
#ifndef RINGBACK_INVOKER_PLAN_H
#define RINGBACK_INVOKER_PLAN_H

#include "invoker/request.h"

#include "infra/base/config.h"
#include "infra/base/random.h"

struct named_target {
    struct slice name;
    struct plan_target target;
};

/* The deployment's settings that plans are made with. Const after plan_settings_init. */
struct plan_settings {
    struct slice prefix;
    struct plan_target target; /* the environment's; all absent: none */
    bool has_target;
    struct named_target *targets; /* RINGBACK_TARGETS_FILE */
    size_t target_count;
    enum plan_output output;
    int64_t wait_seconds;
    int64_t sweep_seconds;
    int64_t cancel_grace_seconds;
    bool direct; /* direct mode: events that carry a task token are ours */
};

/* REJECTED names the variable, or the file and the place in it. */
MUST_CHECK enum status plan_settings_init(struct arena *arena, const struct config *config,
                                          struct plan_settings *settings, struct error *error);

/* What every plan of a batch is made with. */
struct plan_maker {
    struct arena *arena;
    const struct plan_settings *settings;
    const struct random *random;
    int64_t now_ms;
};

/* The id that the plan will have. False: a random one, under which nothing can be known yet. */
bool plan_find_id(const struct request *request, const struct plan_identity *identity,
                  char id[TRACKER_ID_BYTES + 1]);

/*
 * The plan of a valid request, whose script has been fetched. REJECTED names the field and the
 * rule: no target, an unknown named one, a heartbeat faster than three sweeps.
 */
MUST_CHECK enum status plan_make(const struct plan_maker *maker, const struct request *request,
                                 const struct plan_identity *identity, struct plan *plan,
                                 struct error *error);

/* The plan of a refused request whose address could be read: no steps, only who is to be told. */
void plan_make_refused(const struct plan_maker *maker, const struct request_addresses *addresses,
                       struct slice body, const struct plan_identity *identity, struct plan *plan);

#endif
