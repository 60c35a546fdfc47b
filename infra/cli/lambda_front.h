/*
 * What `ringback lambda` does with an event, whatever its shape: a thin front on "handle these
 * requests", "handle these events" and "sweep what is due". Batches of records are answered with
 * those that are to come again, and every event ends with one small sweep that nobody waits for.
 */
#ifndef RINGBACK_INFRA_CLI_LAMBDA_FRONT_H
#define RINGBACK_INFRA_CLI_LAMBDA_FRONT_H

#include "infra/cli/service.h"
#include "infra/runtime/lambda.h"

struct lambda_front {
    const struct service *service;
    struct worker worker;
    struct arena *arena;   /* of one event; the worker's is emptied by every batch */
    int64_t idle_since_ms; /* UTC */
    bool swept;            /* this event was the sweep */
};

void lambda_front_init(struct lambda_front *front, const struct service *service);
void lambda_front_clear(struct lambda_front *front);

/* Fit for struct lambda_options; context is the front. */
void lambda_front_handle(void *context, const struct lambda_event *event,
                         struct lambda_reply *reply);
void lambda_front_after(void *context, const struct lambda_event *event);

#endif
