#include "infra/runtime/poller_settle.h"

#include "infra/base/arena.h"

#define ROUNDS 3
/* SQS allows 12 hours since the receive; a little less, since the clock began then. */
#define VISIBILITY_MAX_SECONDS 43000

/* The entries of one batch call that are still to be done. */
struct entries {
    struct slice handles[SQS_BATCH_MAX];
    int64_t visibility_seconds[SQS_BATCH_MAX];
    size_t count;
    bool rejected; /* the call as a whole failed: the client has retried it already */
};

static int64_t clamp_visibility(int64_t seconds)
{
    if (seconds < 0) {
        return 0;
    }
    return seconds < VISIBILITY_MAX_SECONDS ? seconds : VISIBILITY_MAX_SECONDS;
}

static void add(struct entries *entries, const struct poller_item *item)
{
    entries->handles[entries->count] = item->message.receipt_handle;
    entries->visibility_seconds[entries->count] = clamp_visibility(item->again_seconds);
    entries->count++;
}

/* Drops the entries that the answer reports as done. */
static void keep_failed(struct entries *entries, struct arena *arena, const struct aws_call *call,
                        struct error *error)
{
    bool failed[SQS_BATCH_MAX] = {false};
    size_t failed_count = 0;
    size_t kept = 0;
    if (call->status != STATUS_OK) {
        entries->rejected = true;
        (void)aws_call_error(call, error);
        return;
    }
    if (sqs_read_batch(arena, call, failed, entries->count, &failed_count, error) != STATUS_OK) {
        entries->rejected = true;
        return;
    }
    for (size_t i = 0; i < entries->count; i++) {
        if (failed[i]) {
            entries->handles[kept] = entries->handles[i];
            entries->visibility_seconds[kept] = entries->visibility_seconds[i];
            kept++;
        }
    }
    entries->count = kept;
    if (kept > 0) {
        (void)error_set(error, STATUS_RETRY, "sqs.%s: %zu entries failed", call->operation, kept);
    }
}

static bool is_open(const struct entries *entries)
{
    return entries->count > 0 && !entries->rejected;
}

enum status poller_settle(struct aws_client *client, struct arena *arena, const char *queue_url,
                          const struct poller_item *items, size_t count, struct error *error)
{
    struct entries done = {.count = 0};
    struct entries again = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        add(items[i].verdict == POLLER_DONE ? &done : &again, &items[i]);
    }
    for (int round = 0; round < ROUNDS && (is_open(&done) || is_open(&again)); round++) {
        struct aws_call calls[2] = {0};
        struct entries *parts[2] = {NULL, NULL};
        size_t call_count = 0;
        if (is_open(&done)) {
            sqs_build_delete(arena, queue_url, done.handles, done.count, &calls[call_count]);
            parts[call_count++] = &done;
        }
        if (is_open(&again)) {
            sqs_build_visibility(arena, queue_url, again.handles, again.visibility_seconds,
                                 again.count, &calls[call_count]);
            parts[call_count++] = &again;
        }
        aws_send_all(client, calls, call_count);
        for (size_t i = 0; i < call_count; i++) {
            keep_failed(parts[i], arena, &calls[i], error);
        }
    }
    return done.count + again.count == 0 ? STATUS_OK : STATUS_RETRY;
}
