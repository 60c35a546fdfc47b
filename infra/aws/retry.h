/*
 * When a call is sent again, as pure functions: the SDKs' "standard" mode with the figures of 2026.
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
 */
#ifndef RINGBACK_INFRA_AWS_RETRY_H
#define RINGBACK_INFRA_AWS_RETRY_H

#include "infra/base/slice.h"
#include "infra/base/status.h"

#include <stdbool.h>
#include <stdint.h>

#define RETRY_TOKENS          500
#define RETRY_COST_TRANSIENT  14
#define RETRY_COST_THROTTLING 5
#define RETRY_DELAY_MAX_MS    20000

enum retry_class {
    RETRY_NEVER,
    RETRY_TRANSIENT,
    RETRY_THROTTLING,
    RETRY_CLOCK,   /* refused for its date: once more with the service's own time */
    RETRY_EXPIRED, /* refused for its credentials: once more with fresh ones */
};

/* What an answer means. sent: how the exchange went (enum status of http_exchange); code, name and
 * message are looked at when it is OK. */
enum retry_class retry_classify(enum status sent, int code, const char *name, const char *message);

/* The final status of a call that did not succeed. */
enum status retry_final_status(enum retry_class class, enum status sent, int code,
                               const char *name);

/* retry counts from 0; unit is in [0, 1); retry_after_ms is the service's wish, negative when it
 * has none. */
int64_t retry_delay_ms(enum retry_class class, bool dynamodb, unsigned retry, double unit,
                       int64_t retry_after_ms);

/* The bucket that keeps a client from adding load to a service in trouble. */
struct retry_bucket {
    int tokens;
};

void retry_bucket_init(struct retry_bucket *bucket);
/* Takes the cost of one retry and returns it, or 0 when there is not enough. */
int retry_bucket_take(struct retry_bucket *bucket, enum retry_class class);
/* A call succeeded: gives back what its last retry cost, or 1 when it had none. */
void retry_bucket_give(struct retry_bucket *bucket, int cost);

#endif
