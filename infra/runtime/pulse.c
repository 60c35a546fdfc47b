#include "infra/runtime/pulse.h"

#include "infra/base/memory.h"

void pulse_board_init(struct pulse_board *board, const struct clock *clock)
{
    *board = (struct pulse_board){.clock = clock};
}

struct pulse *pulse_join(struct pulse_board *board, const char *name, unsigned number)
{
    if (board == NULL) {
        return NULL;
    }
    const size_t index = atomic_fetch_add(&board->count, 1);
    if (index >= PULSES_MAX) {
        memory_abort("pulse: too many threads");
    }
    struct pulse *pulse = &board->pulses[index];
    pulse->name = name;
    pulse->number = number;
    pulse->clock = board->clock;
    return pulse;
}

void pulse_work(struct pulse *pulse)
{
    pulse_wait(pulse, 0);
}

/* What is expected is published last: whoever sees it sees the name too. */
void pulse_wait(struct pulse *pulse, int64_t duration_ms)
{
    if (pulse != NULL) {
        atomic_store(&pulse->expected_ms, clock_monotonic_ms(pulse->clock) + duration_ms);
    }
}

void pulse_rest(struct pulse *pulse)
{
    if (pulse != NULL) {
        atomic_store(&pulse->expected_ms, 0);
    }
}

bool pulse_stalled(struct pulse_board *board, int64_t limit_ms, struct pulse_stall *stall)
{
    const int64_t now_ms = clock_monotonic_ms(board->clock);
    const size_t count = atomic_load(&board->count);
    *stall = (struct pulse_stall){.overdue_ms = limit_ms};
    for (size_t i = 0; i < count && i < PULSES_MAX; i++) {
        struct pulse *pulse = &board->pulses[i];
        const int64_t expected_ms = atomic_load(&pulse->expected_ms);
        if (expected_ms != 0 && now_ms - expected_ms > stall->overdue_ms) {
            *stall = (struct pulse_stall){pulse->name, pulse->number, now_ms - expected_ms};
        }
    }
    return stall->name != NULL;
}
