/*
 * Tells threads that work or wait from threads that hang. A thread says what it is about to do, and
 * whoever watches asks whether one has not been heard of for too long. Each pulse has one writer;
 * nothing blocks, so that a watcher can't be held up by what it watches.
 */
#ifndef RINGBACK_INFRA_RUNTIME_PULSE_H
#define RINGBACK_INFRA_RUNTIME_PULSE_H

#include "infra/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Three kinds of workers, 64 of each at most, and the sweep. */
#define PULSES_MAX 256

struct pulse {
    const char *name;             /* of the kind of thread: "events" */
    unsigned number;              /* of the thread among its kind */
    const struct clock *clock;    /* the board's */
    _Atomic(int64_t) expected_ms; /* monotonic: when it is heard of again; 0: perhaps never */
};

struct pulse_board {
    const struct clock *clock;
    struct pulse pulses[PULSES_MAX];
    atomic_size_t count;
};

struct pulse_stall {
    const char *name;
    unsigned number;
    int64_t overdue_ms; /* since it should have been heard of */
};

/* No pulse yet. The board outlives all who join it. */
void pulse_board_init(struct pulse_board *board, const struct clock *clock);
/* A pulse at rest, which lives as long as the board; name is borrowed. NULL when board is NULL:
 * nobody watches, and the functions below do nothing. More than PULSES_MAX abort. */
struct pulse *pulse_join(struct pulse_board *board, const char *name, unsigned number);

/* It begins something which takes no longer than the watcher's limit. */
void pulse_work(struct pulse *pulse);
/* It begins something which may take so much longer: a wait with a bound. */
void pulse_wait(struct pulse *pulse, int64_t duration_ms);
/* It waits for what may never come. */
void pulse_rest(struct pulse *pulse);

/* True: a thread is overdue by more than limit_ms; *stall is the one that is so most. */
bool pulse_stalled(struct pulse_board *board, int64_t limit_ms, struct pulse_stall *stall);

#endif
