/*
 * SQS consumers: N worker threads, each with its own AWS client and arena, each in the same loop:
 * receive a batch, hand it to the handler, delete what is finished, give back the rest with a new
 * visibility. As many read as there is to read: one while nothing comes, since each long poll costs
 * a call; another as soon as that one has messages in hand; more as long as batches come in full.
 * A batch is bounded in time by the queue's visibility timeout of 120 s (design.md
 * section 2, Lease). Errors back off and are logged once per change, and show in poller_problem.
 */
#ifndef RINGBACK_INFRA_RUNTIME_POLLER_H
#define RINGBACK_INFRA_RUNTIME_POLLER_H

#include "infra/aws/client.h"
#include "infra/aws/sqs.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/runtime/pulse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define POLLER_VISIBILITY_SECONDS 120

enum poller_verdict {
    POLLER_DONE,  /* delete it */
    POLLER_AGAIN, /* make it visible again after again_seconds */
};

struct poller_item {
    struct sqs_message message;
    enum poller_verdict verdict;
    int64_t again_seconds;
};

struct poller_options {
    const char *name; /* for logs: "events", "requests" */
    const char *queue_url;
    unsigned threads;
    const struct aws_client_options *aws;
    /* Called on worker thread `worker` (0..threads-1); every item's verdict starts as AGAIN with 0
     * seconds. Slices of the items live until it returns. arena is reset after each batch. */
    void (*handle)(void *context, unsigned worker, struct poller_item *items, size_t count,
                   struct arena *arena);
    void *context;
    /* Asked on the worker's thread before each receive; true: wait instead (back-pressure). May be
     * NULL. */
    bool (*hold)(void *context, unsigned worker);
    struct pulse_board *pulses; /* every worker has one there; NULL: nobody watches */
};

struct poller;

MUST_CHECK enum status poller_start(const struct poller_options *options, struct poller **poller,
                                    struct error *error);
/* What keeps the queue from being read, as text for /readyz; false when it is being read. */
bool poller_problem(struct poller *poller, struct error *problem);
/* From now on nothing more is received; returns at once. For whoever has more to stop than this
 * one, so that all of it ends meanwhile. */
void poller_leave(struct poller *poller);
/* Finishes the batches in hand, gives back what is not begun, joins, frees. */
void poller_stop(struct poller *poller);

#endif
