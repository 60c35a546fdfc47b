#include "infra/base/clock.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
    struct timespec now = {0};

    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t system_now_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_REALTIME);
}

/* With the time that the machine was suspended: a batch that slept through its lease is over. */
static int64_t system_monotonic_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_BOOTTIME);
}

/* A signal does not shorten the sleep. */
static void system_sleep_ms(void *context, int64_t duration_ms)
{
    struct timespec left = {.tv_sec = (time_t)(duration_ms / 1000),
                            .tv_nsec = (long)(duration_ms % 1000) * 1000000};

    (void)context;
    if (duration_ms <= 0) {
        return;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
}

const struct clock *clock_system(void)
{
    static const struct clock system = {.now_ms = system_now_ms,
                                        .monotonic_ms = system_monotonic_ms,
                                        .sleep_ms = system_sleep_ms,
                                        .context = NULL};

    return &system;
}

int64_t clock_now_ms(const struct clock *clock)
{
    return clock->now_ms(clock->context);
}

int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock->context);
}

void clock_sleep_ms(const struct clock *clock, int64_t duration_ms)
{
    clock->sleep_ms(clock->context, duration_ms);
}

static int64_t fake_now_ms(void *context)
{
    const struct clock_fake *fake = context;

    return fake->now_ms;
}

static void fake_sleep_ms(void *context, int64_t duration_ms)
{
    clock_fake_advance(context, duration_ms);
}

void clock_fake_init(struct clock_fake *fake, int64_t now_ms)
{
    fake->now_ms = now_ms;
    fake->clock = (struct clock){.now_ms = fake_now_ms,
                                 .monotonic_ms = fake_now_ms,
                                 .sleep_ms = fake_sleep_ms,
                                 .context = fake};
}

void clock_fake_advance(struct clock_fake *fake, int64_t duration_ms)
{
    fake->now_ms += duration_ms > 0 ? duration_ms : 0;
}
