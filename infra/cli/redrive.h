/* Handing a message in again that could not be handled, wherever it was kept meanwhile. Both ways
 * of handling know a repeat, so that one time too many does no harm. */
#ifndef RINGBACK_INFRA_CLI_REDRIVE_H
#define RINGBACK_INFRA_CLI_REDRIVE_H

#include "invoker/plan.h"

#include "infra/cli/service.h"

enum redriven {
    REDRIVEN_TAKEN,
    REDRIVEN_PARKED, /* it cannot be handled still, and is in the tracker, with its reason */
    REDRIVEN_AWAY,   /* the tracker or AWS is away: nothing has changed */
};

struct redrive_message {
    struct slice body;
    struct slice source;           /* "queue:<name>", "http": where it came from first */
    struct plan_identity identity; /* of a request that has none of its own */
    int64_t first_seen_ms;
};

/* worker is ready; arena: for what is looked at before. */
enum redriven redrive(struct worker *worker, struct arena *arena,
                      const struct redrive_message *message);

/*
 * Reads the dead-letter queue at queue_url: of a queue of ringback's, or of an EventBridge rule.
 * ids[0..id_count) are message ids that are to be handed in again, all of them when `all`; without
 * either the messages are listed. What was handed in is deleted there; the rest stays. REJECTED,
 * RETRY, ...: text; *taken and *parked count what was done until then.
 */
struct dead_letters {
    const char *queue_url;
    char *const *ids;
    size_t id_count;
    bool all;
    /* Out. */
    size_t taken;
    size_t parked;
};

MUST_CHECK enum status dead_letters_read(struct worker *worker, struct dead_letters *letters,
                                         struct error *error);

#endif
