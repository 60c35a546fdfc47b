/*
 * Whether the cost of an operation grows with the store: the same operations at two sizes, on
 * SQLite and on a redis-server of its own, and the ratio of the two. On dynalite, which is slow and
 * holds all in memory, the sizes are a tenth and the whole of the small one.
 *     tracker_growth [small [large]]       default: 10000 200000 records
 */
#include "tests/support/dynalite.h"
#include "tests/support/redis.h"
#include "tracker/tracker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NOW_MS   1784000000000
#define BATCH    10
#define FILL     200
#define PARTS    5
#define ROUNDS   60 /* of each part */
#define GROUP_OF 10 /* records in one group */

struct bench {
    struct tracker *tracker;
    struct arena *arena;
    struct error error;
    uint64_t random;
    unsigned size;
};

struct operation {
    const char *name;
    void (*run)(struct bench *bench);
};

static void must(struct bench *bench, enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "%s\n", bench->error.text);
        abort();
    }
}

/* Ids are spread as real ones are; xorshift64* makes one from its number. */
static void make_id(unsigned number, char id[TRACKER_ID_BYTES + 1])
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t bits = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < TRACKER_ID_BYTES; i++) {
        bits ^= bits >> 12;
        bits ^= bits << 25;
        bits ^= bits >> 27;
        id[i] = digits[(bits * UINT64_C(2685821657736338717)) >> 59];
    }
    id[TRACKER_ID_BYTES] = '\0';
}

static unsigned pick(struct bench *bench)
{
    bench->random = bench->random * UINT64_C(6364136223846793005) + 1;
    return (unsigned)((bench->random >> 33) % bench->size);
}

static struct slice group_of(struct bench *bench, unsigned number)
{
    return slice_from_text(arena_format(
        bench->arena, "arn:aws:states:eu-west-1:000000000000:execution:a:%u", number / GROUP_OF));
}

static void fill(struct bench *bench, unsigned to)
{
    static const char bytes[1200] = "sealed";
    struct tracker_registration registrations[FILL];

    while (bench->size < to) {
        for (unsigned i = 0; i < FILL; i++) {
            struct tracker_record *record = &registrations[i].record;
            registrations[i] = (struct tracker_registration){0};
            make_id(bench->size + i, record->id);
            record->format = TRACKER_FORMAT;
            record->created_at_ms = NOW_MS + bench->size + i;
            record->due_at_ms = NOW_MS + 3600000 + bench->size + i;
            record->group = group_of(bench, bench->size + i);
            record->plan = (struct slice){bytes, sizeof(bytes)};
            record->state = (struct slice){bytes, 300};
        }
        must(bench,
             tracker_register(bench->tracker, bench->arena, registrations, FILL, &bench->error));
        bench->size += FILL;
        arena_reset(bench->arena);
    }
}

static struct tracker_lookup *look_up(struct bench *bench)
{
    struct tracker_lookup *lookups = ARENA_ARRAY(bench->arena, BATCH, struct tracker_lookup);

    for (size_t i = 0; i < BATCH; i++) {
        char *id = arena_alloc(bench->arena, TRACKER_ID_BYTES + 1);
        make_id(pick(bench), id);
        lookups[i].id = id;
    }
    must(bench, tracker_find(bench->tracker, bench->arena, lookups, BATCH, &bench->error));
    return lookups;
}

static void run_find(struct bench *bench)
{
    (void)look_up(bench);
}

static void run_find_and_update(struct bench *bench)
{
    const struct tracker_lookup *lookups = look_up(bench);
    struct tracker_update updates[BATCH];

    for (size_t i = 0; i < BATCH; i++) {
        updates[i] = (struct tracker_update){.record = lookups[i].record};
        updates[i].record.due_at_ms++;
    }
    must(bench, tracker_update(bench->tracker, updates, BATCH, &bench->error));
}

static void run_touch_and_claim(struct bench *bench)
{
    struct tracker_record *records = NULL;
    size_t count = 0;
    char id[TRACKER_ID_BYTES + 1];

    make_id(pick(bench), id);
    must(bench, tracker_touch(bench->tracker, id, NOW_MS, &bench->error));
    must(bench, tracker_claim(bench->tracker, bench->arena, NOW_MS, 3600000, "bench", BATCH,
                              &records, &count, &bench->error));
}

static void run_latest(struct bench *bench)
{
    struct tracker_record record;

    must(bench, tracker_group_latest(bench->tracker, bench->arena, group_of(bench, pick(bench)),
                                     &record, &bench->error));
}

static void run_list(struct bench *bench)
{
    const struct tracker_list list = {.limit = BATCH, .open_only = true};
    struct tracker_record *records = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;

    must(bench,
         tracker_list(bench->tracker, bench->arena, &list, &records, &count, &next, &bench->error));
}

static void run_count(struct bench *bench)
{
    struct tracker_counts counts;

    must(bench, tracker_count(bench->tracker, &counts, &bench->error));
}

static const struct operation operations[] = {
    {"find 10", run_find},
    {"find and update 10", run_find_and_update},
    {"touch and claim", run_touch_and_claim},
    {"group latest", run_latest},
    {"list 10 open", run_list},
    {"count", run_count},
};

static double measure_us(struct bench *bench, const struct operation *operation)
{
    struct timespec start;
    struct timespec end;

    (void)clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < ROUNDS; i++) {
        operation->run(bench);
        arena_reset(bench->arena);
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    return ((double)(end.tv_sec - start.tv_sec) * 1e6 +
            (double)(end.tv_nsec - start.tv_nsec) / 1e3) /
           ROUNDS;
}

/* Both stores take turns and the fastest part of each counts, so that what else the machine does
 * falls on both. */
static void compare_operation(const char *name, struct bench benches[2],
                              const struct operation *operation)
{
    double best_us[2] = {1e12, 1e12};

    for (int part = 0; part < 2 * PARTS; part++) {
        double us = measure_us(&benches[part % 2], operation);
        best_us[part % 2] = us < best_us[part % 2] ? us : best_us[part % 2];
    }
    (void)printf("%-8s %-20s %9.1f us at %u, %9.1f us at %u: x %.2f\n", name, operation->name,
                 best_us[0], benches[0].size, best_us[1], benches[1].size, best_us[1] / best_us[0]);
}

static void compare(const char *name, const char *const urls[2], const unsigned sizes[2],
                    const struct aws_client_options *aws)
{
    struct bench benches[2] = {{.random = 1}, {.random = 2}};

    for (size_t i = 0; i < 2; i++) {
        const struct tracker_options options = {.url = urls[i], .aws = aws};
        benches[i].arena = arena_new(64u * 1024 * 1024);
        must(&benches[i], tracker_open(&options, &benches[i].tracker, &benches[i].error));
        fill(&benches[i], sizes[i]);
    }
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        compare_operation(name, benches, &operations[i]);
    }
    for (size_t i = 0; i < 2; i++) {
        tracker_close(benches[i].tracker);
        arena_free(benches[i].arena);
    }
}

static void compare_dynamodb(const unsigned sizes[2])
{
    const char *const urls[2] = {"dynamodb:growth-small", "dynamodb:growth-large"};
    const unsigned smaller[2] = {sizes[0] / 10, sizes[0]};
    struct dynalite server;

    dynalite_start(&server, false, NULL);
    for (size_t i = 0; i < 2; i++) {
        dynalite_create_table(&server, urls[i] + strlen("dynamodb:"));
    }
    compare("dynamodb", urls, smaller, &server.aws);
    dynalite_stop(&server);
}

int main(int count, char **arguments)
{
    const unsigned sizes[2] = {
        count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 10000,
        count > 2 ? (unsigned)strtoul(arguments[2], NULL, 10) : 200000,
    };
    const char *const files[2] = {"sqlite:tracker-growth-small.db",
                                  "sqlite:tracker-growth-large.db"};
    char databases[2][64];
    const char *const urls[2] = {databases[0], databases[1]};
    struct redis_server server;

    for (size_t i = 0; i < 2; i++) {
        (void)unlink(files[i] + strlen("sqlite:"));
    }
    compare("sqlite", files, sizes, NULL);
    redis_server_start(&server);
    for (size_t i = 0; i < 2; i++) {
        (void)unlink(files[i] + strlen("sqlite:"));
        (void)snprintf(databases[i], sizeof(databases[i]), "redis://127.0.0.1:%d/%zu", server.port,
                       i);
    }
    compare("redis", urls, sizes, NULL);
    redis_server_stop(&server);
    compare_dynamodb(sizes);
    return EXIT_SUCCESS;
}
