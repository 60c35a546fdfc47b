/*
 * Amazon EventBridge, JSON protocol, as pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
 */
#ifndef RINGBACK_INFRA_AWS_EVENT_BRIDGE_H
#define RINGBACK_INFRA_AWS_EVENT_BRIDGE_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

#define EVENT_BRIDGE_ENTRIES_MAX 10
/* Of source, detail type and detail together. */
#define EVENT_BRIDGE_ENTRY_MAX_BYTES 262143u

struct event_bridge_entry {
    struct slice bus; /* name or ARN; absent: the account's default bus */
    struct slice source;
    struct slice detail_type;
    struct slice detail; /* a JSON object */
};

/* What became of one entry: an id, or an error. */
struct event_bridge_result {
    struct slice event_id;
    struct slice error_code;
    struct slice error_message;
};

/* At most EVENT_BRIDGE_ENTRIES_MAX entries; goes to the region of the first one's bus. */
void event_bridge_build_put(struct arena *arena, const struct event_bridge_entry *entries,
                            size_t count, struct aws_call *call);
/* results has as many places as the call had entries, in their order. A 200 may hold failures. */
MUST_CHECK enum status event_bridge_read_put(struct arena *arena, const struct aws_call *call,
                                             struct event_bridge_result *results, size_t count,
                                             struct error *error);

#endif
