/*
 * Completion events on their way to a queue outside of this process: one worker thread sends what
 * is due and tries again, with backoff, until the queue has taken it.
 */
#ifndef RINGBACK_INFRA_LOCAL_EVENT_SENDER_H
#define RINGBACK_INFRA_LOCAL_EVENT_SENDER_H

#include "infra/base/clock.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/random.h"
#include "infra/base/slice.h"

#include <stdint.h>

struct event_sender_options {
    const char *queue_url; /* its scheme, host and port are the endpoint */
    /* Region and credentials as in any SDK; without AWS_ACCESS_KEY_ID in it, the two below. */
    char *const *environment;
    const char *access_key_id;
    const char *secret_access_key;
    const struct clock *clock;
    const struct random *random;
};

struct event_sender;

MUST_CHECK enum status event_sender_start(const struct event_sender_options *options,
                                          struct event_sender **sender, struct error *error);
/* Copies the event. With 4096 waiting the new one is dropped and logged: delivery is best effort,
 * as EventBridge's. */
void event_sender_put(struct event_sender *sender, struct slice event, int64_t delay_ms);
/* Ends the exchange under way and throws away what waits. */
void event_sender_stop(struct event_sender *sender);

#endif
