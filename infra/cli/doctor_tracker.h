/* The part of doctor that looks at the tracker: keys, store, records, table. */
#ifndef RINGBACK_INFRA_CLI_DOCTOR_TRACKER_H
#define RINGBACK_INFRA_CLI_DOCTOR_TRACKER_H

#include "infra/cli/service.h"
#include "infra/doctor/findings.h"

struct doctor_tracker {
    struct findings *findings;
    const struct service *service;
    struct worker *worker; /* aws: NULL when there is no client */
    bool creates_table;    /* first, where there is none */
};

void doctor_tracker_examine(const struct doctor_tracker *doctor);

#endif
