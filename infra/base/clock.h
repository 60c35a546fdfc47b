/*
 * Time as a seam: everything that reads a clock or waits takes a struct clock, so that tests own
 * time. clock_system() is the real one.
 */
#ifndef RINGBACK_INFRA_BASE_CLOCK_H
#define RINGBACK_INFRA_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*now_ms)(void *context);       /* UTC, milliseconds since the epoch */
    int64_t (*monotonic_ms)(void *context); /* never steps back; arbitrary origin */
    void (*sleep_ms)(void *context, int64_t duration_ms);
    void *context;
};

const struct clock *clock_system(void);
int64_t clock_now_ms(const struct clock *clock);
int64_t clock_monotonic_ms(const struct clock *clock);
void clock_sleep_ms(const struct clock *clock, int64_t duration_ms);

/* A clock that moves only when told or slept on; for tests. Starts at now_ms. */
struct clock_fake {
    struct clock clock;
    int64_t now_ms;
};
void clock_fake_init(struct clock_fake *fake, int64_t now_ms);
void clock_fake_advance(struct clock_fake *fake, int64_t duration_ms);

#endif
