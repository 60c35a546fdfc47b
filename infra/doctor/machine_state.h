/* One task of a state machine. Part of machine.c. Pure. */
#ifndef RINGBACK_INFRA_DOCTOR_MACHINE_STATE_H
#define RINGBACK_INFRA_DOCTOR_MACHINE_STATE_H

#include "infra/base/json_reader.h"
#include "infra/doctor/findings.h"

struct machine_state {
    const char *subject; /* "state NAME" */
    struct json state;
    bool is_in_map; /* several items share the execution */
};

/* Adds what is wrong with it; true: it waits for a callback. */
bool machine_state_judge(struct findings *findings, const struct machine_state *state);

#endif
