/* A clock with a time of day of the test's own, whose waits are real: for tests that wait for a
 * real server. */
#ifndef RINGBACK_TESTS_SUPPORT_DAY_CLOCK_H
#define RINGBACK_TESTS_SUPPORT_DAY_CLOCK_H

#include "infra/base/clock.h"

static inline int64_t day_clock_monotonic_ms(void *context)
{
    (void)context;
    return clock_monotonic_ms(clock_system());
}

static inline void day_clock_sleep_ms(void *context, int64_t duration_ms)
{
    (void)context;
    clock_sleep_ms(clock_system(), duration_ms);
}

/* now: int64_t (*)(void *), the time of day. */
#define DAY_CLOCK(now)                                                                             \
    {                                                                                              \
        .now_ms = (now), .monotonic_ms = day_clock_monotonic_ms, .sleep_ms = day_clock_sleep_ms    \
    }

#endif
