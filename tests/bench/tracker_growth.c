/*
 * Whether the cost of an operation grows with the store: the same operations on stores of several
 * sizes, filled by tracker_fill, and the ratio of each to the first. First every record is looked
 * up and updated, and every group asked for, once: a store that was just filled has pages that
 * nobody has touched since its server forked, and their first use is paid to the machine, not the
 * store. The stores take turns, so that what else the machine does falls on all of them, and
 * medians count. CPU is this thread's and, where a PID is given, that of the server's main thread;
 * with DynamoDB its calls and units, too. tracker_growth NAME KEY_FILE URL SIZE PID [URL SIZE
 * PID]...       PID 0: the store is embedded
 */
#include "tests/bench/bare_store.h"
#include "tests/bench/records.h"

#include "infra/base/clock.h"
#include "infra/base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define WARM_BATCH 500
#define TURNS      41
#define PER_TURN   25
#define STORES_MAX 4
#define DAY_MS     INT64_C(86400000)
#define ARGUMENTS  3 /* of each store */

struct bench {
    const char *url;
    unsigned size;
    int server; /* PID */
    struct tracker *tracker;
    struct bare_store *bare; /* NULL: there is none for such a store */
    struct arena *arena;
    struct error error;
    uint64_t random;
    int64_t now_ms;
    size_t batch; /* records at a time */
    struct tracker_update updates[WARM_BATCH];
    struct tracker_lookup lookups[WARM_BATCH];
    double wall_us[TURNS];
    double cpu_us[TURNS];
    uint64_t calls; /* of AWS, all turns */
    uint64_t milliunits;
};

struct operation {
    const char *name;
    size_t batch;
    bool is_bare;
    void (*prepare)(struct bench *bench); /* NULL: nothing; not measured */
    void (*run)(struct bench *bench);
};

static void must(const struct bench *bench, enum status status)
{
    if (status != STATUS_OK) {
        (void)fprintf(stderr, "%s: %s\n", bench->url, bench->error.text);
        abort();
    }
}

static unsigned pick(struct bench *bench)
{
    bench->random = bench->random * UINT64_C(6364136223846793005) + 1;
    return (unsigned)((bench->random >> 33) % bench->size);
}

/* ---- Operations ----------------------------------------------------------------------------- */

static void choose_one(struct bench *bench, size_t at, unsigned number)
{
    char *id = arena_alloc(bench->arena, TRACKER_ID_BYTES + 1);

    records_id(number, id);
    bench->lookups[at] = (struct tracker_lookup){.id = id};
}

static void choose(struct bench *bench)
{
    for (size_t i = 0; i < bench->batch; i++) {
        choose_one(bench, i, pick(bench));
    }
}

static void find(struct bench *bench)
{
    must(bench,
         tracker_find(bench->tracker, bench->arena, bench->lookups, bench->batch, &bench->error));
}

static void find_to_update(struct bench *bench)
{
    find(bench);
    for (size_t i = 0; i < bench->batch; i++) {
        bench->updates[i] = (struct tracker_update){.record = bench->lookups[i].record};
        bench->updates[i].record.due_at_ms++;
    }
}

static void choose_and_find(struct bench *bench)
{
    choose(bench);
    find_to_update(bench);
}

static void update(struct bench *bench)
{
    must(bench, tracker_update(bench->tracker, bench->updates, bench->batch, &bench->error));
}

static void bare_find(struct bench *bench)
{
    bare_store_find(bench->bare, bench->lookups, bench->batch);
}

static void choose_and_bare_find(struct bench *bench)
{
    choose(bench);
    bare_find(bench);
}

static void bare_update(struct bench *bench)
{
    bare_store_update(bench->bare, bench->lookups, bench->batch, bench->now_ms + DAY_MS);
}

static void touch(struct bench *bench)
{
    for (size_t i = 0; i < bench->batch; i++) {
        char id[TRACKER_ID_BYTES + 1];
        records_id(pick(bench), id);
        must(bench, tracker_touch(bench->tracker, id, bench->now_ms, &bench->error));
    }
}

static void claim(struct bench *bench)
{
    struct tracker_record *records = NULL;
    size_t count = 0;

    must(bench, tracker_claim(bench->tracker, bench->arena, bench->now_ms, DAY_MS, "bench",
                              bench->batch, &records, &count, &bench->error));
}

static void latest_of(struct bench *bench, unsigned number)
{
    struct tracker_record record;
    const struct slice group = records_group(bench->arena, number);

    must(bench, tracker_group_latest(bench->tracker, bench->arena, group, &record, &bench->error));
}

static void latest(struct bench *bench)
{
    latest_of(bench, pick(bench));
}

static void bare_latest(struct bench *bench)
{
    bare_store_latest(bench->bare, bench->arena, records_group(bench->arena, pick(bench)));
}

static void list(struct bench *bench)
{
    const struct tracker_list page = {.limit = bench->batch, .open_only = true};
    struct tracker_record *records = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;

    must(bench,
         tracker_list(bench->tracker, bench->arena, &page, &records, &count, &next, &bench->error));
}

static void count_all(struct bench *bench)
{
    struct tracker_counts counts;

    must(bench, tracker_count(bench->tracker, &counts, &bench->error));
}

static const struct operation operations[] = {
    {"lookup of 1", 1, false, choose, find},
    {"lookup of 1, bare", 1, true, choose, bare_find},
    {"lookup of 10", 10, false, choose, find},
    {"lookup of 10, bare", 10, true, choose, bare_find},
    {"update of 1", 1, false, choose_and_find, update},
    {"update of 1, bare", 1, true, choose_and_bare_find, bare_update},
    {"update of 10", 10, false, choose_and_find, update},
    {"update of 10, bare", 10, true, choose_and_bare_find, bare_update},
    {"claim of 1 due", 1, false, touch, claim},
    {"claim of 10 due", 10, false, touch, claim},
    {"claim, none due", 10, false, NULL, claim},
    {"latest of a group", 1, false, NULL, latest},
    {"latest, bare", 1, true, NULL, bare_latest},
    {"list of 10 open", 10, false, NULL, list},
    {"count", 1, false, NULL, count_all},
};

static void warm(struct bench *bench)
{
    for (unsigned from = 0; from < bench->size; from += WARM_BATCH) {
        bench->batch = bench->size - from < WARM_BATCH ? bench->size - from : WARM_BATCH;
        for (unsigned i = 0; i < bench->batch; i++) {
            choose_one(bench, i, from + i);
        }
        find_to_update(bench);
        update(bench);
        arena_reset(bench->arena);
    }
    for (unsigned number = 0; number < bench->size; number += RECORDS_GROUP_OF) {
        latest_of(bench, number);
        arena_reset(bench->arena);
    }
}

/* ---- Measuring ------------------------------------------------------------------------------ */

static double clock_us(clockid_t which)
{
    struct timespec time = {0};

    (void)clock_gettime(which, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

/* The first number of schedstat: nanoseconds on a CPU (Documentation/scheduler/sched-stats). */
static double server_us(const struct bench *bench)
{
    char path[64];
    char line[128] = "";
    FILE *file = NULL;

    if (bench->server == 0) {
        return 0;
    }
    (void)snprintf(path, sizeof(path), "/proc/%d/schedstat", bench->server);
    file = fopen(path, "re");
    if (!file || !fgets(line, sizeof(line), file)) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        abort();
    }
    (void)fclose(file);
    return (double)strtoull(line, NULL, 10) / 1e3;
}

static void take_turn(struct bench *bench, const struct operation *operation, size_t turn)
{
    bench->batch = operation->batch;
    bench->wall_us[turn] = 0;
    bench->cpu_us[turn] = 0;
    for (int i = 0; i < PER_TURN; i++) {
        if (operation->prepare) {
            operation->prepare(bench);
        }
        const uint64_t calls = metrics_value(METRIC_AWS_CALLS);
        const uint64_t milliunits = metrics_value(METRIC_DYNAMODB_READ_MILLIUNITS) +
                                    metrics_value(METRIC_DYNAMODB_WRITE_MILLIUNITS);
        const double server = server_us(bench);
        const double cpu = clock_us(CLOCK_THREAD_CPUTIME_ID);
        const double wall = clock_us(CLOCK_MONOTONIC);
        operation->run(bench);
        bench->wall_us[turn] += (clock_us(CLOCK_MONOTONIC) - wall) / PER_TURN;
        bench->cpu_us[turn] += (clock_us(CLOCK_THREAD_CPUTIME_ID) - cpu) / PER_TURN;
        bench->cpu_us[turn] += (server_us(bench) - server) / PER_TURN;
        bench->calls += metrics_value(METRIC_AWS_CALLS) - calls;
        bench->milliunits += metrics_value(METRIC_DYNAMODB_READ_MILLIUNITS) +
                             metrics_value(METRIC_DYNAMODB_WRITE_MILLIUNITS) - milliunits;
        arena_reset(bench->arena);
    }
}

static int compare(const void *a, const void *b)
{
    const double left = *(const double *)a;
    const double right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values)
{
    qsort(values, TURNS, sizeof(*values), compare);
    return values[TURNS / 2];
}

static void print(const char *name, const struct operation *operation, struct bench *bench,
                  const double first[2])
{
    const double wall_us = median(bench->wall_us);
    const double cpu_us = median(bench->cpu_us);
    const double runs = (double)TURNS * PER_TURN;

    (void)printf("%-9s %-19s %8u %9.1f us x %.2f %9.1f us of CPU x %.2f", name, operation->name,
                 bench->size, wall_us, wall_us / first[0], cpu_us, cpu_us / first[1]);
    if (bench->calls > 0) {
        (void)printf(" %6.2f calls %6.2f units", (double)bench->calls / runs,
                     (double)bench->milliunits / 1000 / runs);
    }
    (void)printf("\n");
    bench->calls = bench->milliunits = 0;
}

static void measure(const char *name, struct bench *benches, size_t count,
                    const struct operation *operation)
{
    for (size_t turn = 0; turn < TURNS; turn++) {
        for (size_t i = 0; i < count; i++) {
            take_turn(&benches[i], operation, turn);
        }
    }
    const double first[2] = {median(benches[0].wall_us), median(benches[0].cpu_us)};
    for (size_t i = 0; i < count; i++) {
        print(name, operation, &benches[i], first);
    }
}

/* Opens the stores; how many there are. */
static size_t open_all(struct records *records, struct bench *benches, int count, char **arguments)
{
    size_t opened = 0;

    for (int i = 0; i + ARGUMENTS <= count && opened < STORES_MAX; i += ARGUMENTS) {
        struct bench *bench = &benches[opened++];
        bench->url = arguments[i];
        bench->size = (unsigned)strtoul(arguments[i + 1], NULL, 10);
        bench->server = (int)strtol(arguments[i + 2], NULL, 10);
        bench->tracker = records_open_tracker(records, bench->url);
        bench->bare = bare_store_open(bench->url);
        bench->arena = arena_new(64u << 20);
        bench->random = opened;
        bench->now_ms = clock_now_ms(clock_system());
    }
    return opened;
}

int main(int count, char **arguments)
{
    static struct bench benches[STORES_MAX];

    if (count < 3 + ARGUMENTS) {
        (void)fprintf(stderr, "usage: tracker_growth NAME KEY_FILE URL SIZE PID ...\n");
        return EXIT_FAILURE;
    }
    struct records *records = records_new(arguments[2]);
    const size_t stores = open_all(records, benches, count - 3, arguments + 3);
    /* The largest, which takes minutes, first: what was warmed before it would be cold again. */
    for (size_t i = stores; i > 0; i--) {
        warm(&benches[i - 1]);
    }
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (!operations[i].is_bare || benches[0].bare) {
            measure(arguments[1], benches, stores, &operations[i]);
        }
    }
    for (size_t i = 0; i < stores; i++) {
        tracker_close(benches[i].tracker);
        bare_store_close(benches[i].bare);
        arena_free(benches[i].arena);
    }
    records_free(records);
    return EXIT_SUCCESS;
}
