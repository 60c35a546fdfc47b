/*
 * A queue, who reads it and with what: a worker of ours on each thread of a poller. A queue is not
 * read while what its messages need is away: every receipt counts towards the dead letters.
 */
#ifndef RINGBACK_INFRA_CLI_CONSUMER_H
#define RINGBACK_INFRA_CLI_CONSUMER_H

#include "infra/cli/service.h"
#include "infra/runtime/poller.h"

struct consumer {
    struct poller *poller; /* NULL: not started */
    struct worker *workers;
    size_t worker_count;
    const struct service *service;
    struct slice source; /* "queue:<name>", for parking */
    struct slice queue_url;
};

/* pulses: where the workers show that they do not hang. */
MUST_CHECK enum status consumer_start_events(const struct service *service, const char *queue_url,
                                             struct pulse_board *pulses, struct consumer *consumer,
                                             struct error *error);
MUST_CHECK enum status consumer_start_requests(const struct service *service, const char *queue_url,
                                               struct pulse_board *pulses,
                                               struct consumer *consumer, struct error *error);
/* Takes no more, and does not wait for what is in hand. Fit for one that was never started. */
void consumer_leave(struct consumer *consumer);
/* Finishes what is in hand. Fit for one that was never started. */
void consumer_stop(struct consumer *consumer);

/* When a message that could not be handled is to come again: later each time, since a queue gives
 * up after a number of times. seconds: what whoever could not handle it asks for. */
int64_t consumer_again_seconds(int64_t seconds, int64_t receive_count);

#endif
