/* What a batch's verdicts mean to its queue. */
#ifndef RINGBACK_INFRA_RUNTIME_POLLER_SETTLE_H
#define RINGBACK_INFRA_RUNTIME_POLLER_SETTLE_H

#include "infra/base/compiler.h"
#include "infra/runtime/poller.h"

/*
 * Deletes what is DONE and gives back what is AGAIN, both at once; entries that the service reports
 * as failed are tried again. count is at most SQS_BATCH_MAX. Not OK when some remained: they will
 * be received again after their visibility.
 */
MUST_CHECK enum status poller_settle(struct aws_client *client, struct arena *arena,
                                     const char *queue_url, const struct poller_item *items,
                                     size_t count, struct error *error);

#endif
