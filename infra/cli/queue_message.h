/* What the fronts that read queues have in common: what a message is, and whose. */
#ifndef RINGBACK_INFRA_CLI_QUEUE_MESSAGE_H
#define RINGBACK_INFRA_CLI_QUEUE_MESSAGE_H

#include "infra/cli/service.h"

/* The name of a queue, from its URL or its ARN; "" of neither. */
struct slice queue_name(struct slice queue);

/*
 * Tells a message for ever, whoever reads it and however the queue is named (URL or ARN):
 * "<account>/<queue>/<message id>". original, when not absent, is that of the first message, which
 * a redrive carries along.
 */
struct slice queue_message_source(struct arena *arena, struct slice queue, struct slice message_id,
                                  struct slice original);

/* Whether a message is for the completer: by the queue it came from (its name; absent: not known),
 * and from elsewhere by what it looks like. */
bool queue_message_is_event(const struct service *service, struct arena *arena, struct slice name,
                            struct slice body);

#endif
