/*
 * Fills a store through its tracker with invocations (tests/bench/records.h), none of them due
 * before tomorrow.
 *     tracker_fill URL COUNT KEY_FILE [open|settled|tombstone]
 */
#include "tests/bench/records.h"

#include "infra/base/clock.h"
#include "infra/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH  500
#define DAY_MS INT64_C(86400000)

static size_t fill(struct records *records, struct tracker *tracker, enum records_stage stage,
                   unsigned count)
{
    static struct tracker_registration registrations[BATCH];
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(64u << 20);
    const int64_t due_ms = clock_now_ms(clock_system()) + DAY_MS;
    struct error error = ERROR_NONE;
    size_t bytes = 0;

    for (unsigned from = 0; from < count; from += BATCH) {
        const unsigned batch = count - from < BATCH ? count - from : BATCH;
        for (unsigned i = 0; i < batch; i++) {
            struct tracker_record *record = &registrations[i].record;
            *record = records_make(records, arena, stage, from + i, due_ms + from + i);
            bytes += record->plan.size + record->state.size;
        }
        if (tracker_register(tracker, arena, registrations, batch, &error) != STATUS_OK) {
            (void)fprintf(stderr, "%s\n", error.text);
            abort();
        }
        arena_reset(arena);
    }
    return bytes;
}

/* RECORDS_STAGES: there is none of this name. */
static enum records_stage stage_of(const char *name)
{
    static const char *const names[RECORDS_STAGES] = {"open", "settled", "tombstone"};
    enum records_stage stage = RECORDS_OPEN;

    while (stage < RECORDS_STAGES && strcmp(names[stage], name) != 0) {
        stage++;
    }
    return stage;
}

int main(int argument_count, char **arguments)
{
    const enum records_stage stage = stage_of(argument_count > 4 ? arguments[4] : "open");

    if (argument_count < 4 || stage == RECORDS_STAGES) {
        (void)fprintf(stderr, "usage: tracker_fill URL COUNT KEY_FILE [STAGE]\n");
        return EXIT_FAILURE;
    }
    log_init(LOG_ERROR, STDERR_FILENO);
    const unsigned count = (unsigned)strtoul(arguments[2], NULL, 10);
    struct records *records = records_new(arguments[3]);
    struct tracker *tracker = records_open_tracker(records, arguments[1]);
    const int64_t began_ms = clock_monotonic_ms(clock_system());
    const size_t bytes = fill(records, tracker, stage, count);
    const int64_t took_ms = clock_monotonic_ms(clock_system()) - began_ms;

    (void)printf("%u invocations of %.0f sealed bytes in %.1f s\n", count, (double)bytes / count,
                 (double)took_ms / 1000);
    tracker_close(tracker);
    records_free(records);
    return EXIT_SUCCESS;
}
