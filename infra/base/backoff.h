/* How long to wait before trying again. Pure: randomness comes in as a number in [0, 1). */
#ifndef RINGBACK_INFRA_BASE_BACKOFF_H
#define RINGBACK_INFRA_BASE_BACKOFF_H

#include <stdint.h>

/* "Full jitter": unit * min(max_ms, base_ms * 2^attempt); attempt counts from 0. */
int64_t backoff_full_jitter_ms(int64_t base_ms, int64_t max_ms, unsigned attempt, double unit);
/* Decorrelated jitter: min(max_ms, base_ms + unit * (3 * previous_ms - base_ms)); previous_ms 0
 * means this is the first wait. */
int64_t backoff_decorrelated_ms(int64_t base_ms, int64_t max_ms, int64_t previous_ms, double unit);
/* base_ms * 2^attempt, at most max_ms, without randomness: for the pure core. */
int64_t backoff_exponential_ms(int64_t base_ms, int64_t max_ms, unsigned attempt);

#endif
