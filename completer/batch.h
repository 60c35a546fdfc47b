/* What DescribeStatement tells of a batch beyond what it tells of a statement. Pure. */
#ifndef RINGBACK_COMPLETER_BATCH_H
#define RINGBACK_COMPLETER_BATCH_H

#include "tracker/invocation.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/arena.h"

/*
 * The database's text. Of a batch, each failed statement's own with its number, which counts
 * through all steps of the plan: "statement 41: ERROR: ...", one on each line. step counts from 1.
 */
struct slice batch_error(struct arena *arena, const struct plan *plan, unsigned step,
                         const struct redshift_data_description *description);

/* The rows: of a batch those of its last statement with a result, else of its last one. -1: not
 * known. */
int64_t batch_rows(const struct redshift_data_description *description);

#endif
