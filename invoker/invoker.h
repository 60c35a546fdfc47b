/*
 * "Handle these requests": parse, plan, register, submit, reply. One struct invoker per worker
 * thread; a batch is an array of items from HTTP (one), from the request queue (up to ten) or from
 * Lambda.
 */
#ifndef RINGBACK_INVOKER_INVOKER_H
#define RINGBACK_INVOKER_INVOKER_H

#include "invoker/dispatch.h"
#include "invoker/plan.h"

enum channel {
    CHANNEL_SYNCHRONOUS,  /* the reply goes back: HTTP, a direct Lambda invocation */
    CHANNEL_ASYNCHRONOUS, /* nobody reads a reply: queue, topic, rule */
};

struct invoker_item {
    /* In. */
    struct slice body;
    enum channel channel;
    struct plan_identity identity; /* of the channel: Idempotency-Key header, message id, ... */
    struct slice source;           /* for parking: "queue:<name>", "http" */
    int64_t first_seen_ms;         /* when the channel took it; 0: now */
    /* Out. */
    int code;              /* HTTP status */
    struct slice reply;    /* JSON, in the dispatch's arena until the next batch */
    bool acknowledge;      /* asynchronous: the message is done with */
    int64_t again_seconds; /* else: when to look again */
    bool parked;           /* it could not be handled and is kept for a redrive */
};

struct invoker {
    struct dispatch *dispatch;
    const struct plan_settings *settings;
};

/* dispatch_begin is called first. Every item gets its outcome; nothing fails as a whole. */
void invoker_handle(struct invoker *invoker, struct invoker_item *items, size_t count);

/* {"errorType","errorMessage"} in the arena. */
struct slice invoker_error_reply(struct arena *arena, const char *type, const char *message);

#endif
