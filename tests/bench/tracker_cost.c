/*
 * What one invocation costs in DynamoDB: read and write units of each stage, as dynalite charges
 * them (4 KB and 1 KB, the rules of DynamoDB), with the requests of tests/bench/records.h, sealed,
 * one at a time. dynalite does not charge for the index: that is added by rule, one unit
 * for an entry that comes or goes and two for one that moves, as if every write moved it.
 */
#include "tests/bench/records.h"
#include "tests/support/cmocka.h"
#include "tests/support/dynalite.h"
#include "tests/support/pipeline.h"

#include "infra/base/json_reader.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RUNS     20
#define KEY_FILE "tracker-cost.key"
#define DAY_MS   INT64_C(86400000)

struct cost {
    double calls;
    double reads;
    double writes;
    double index; /* by rule */
};

struct bench {
    struct dynalite server;
    struct pipeline pipeline;
    struct cost last;
};

static struct cost read_cost(void)
{
    return (struct cost){.calls = (double)metrics_value(METRIC_AWS_CALLS),
                         .reads = (double)metrics_value(METRIC_DYNAMODB_READ_MILLIUNITS) / 1000,
                         .writes = (double)metrics_value(METRIC_DYNAMODB_WRITE_MILLIUNITS) / 1000};
}

/* What was spent since the last time, added to *stage. */
static void add_since(struct bench *bench, struct cost *stage, double index)
{
    const struct cost now = read_cost();

    stage->calls += now.calls - bench->last.calls;
    stage->reads += now.reads - bench->last.reads;
    stage->writes += now.writes - bench->last.writes;
    stage->index += index;
    bench->last = now;
}

/* As DynamoDB counts an item: names, texts and bytes as they are, two digits of a number a byte. */
static size_t item_bytes(struct json item)
{
    size_t bytes = 0;

    for (size_t i = 0; i < json_count(item); i++) {
        struct slice name = SLICE_NONE;
        struct slice kind = SLICE_NONE;
        struct slice value = SLICE_NONE;
        const struct json typed = json_member_at(item, i, &name);
        const struct json inner = json_member_at(typed, 0, &kind);
        assert_int_equal(json_text(inner, &value, NULL), STATUS_OK);
        bytes += name.size;
        bytes += slice_equals_text(kind, "S")   ? value.size
                 : slice_equals_text(kind, "B") ? value.size / 4 * 3
                                                : value.size / 2 + 1;
    }
    return bytes;
}

/* Bytes of all items for each invocation. */
static void print_size(struct bench *bench, const char *name)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(64u << 20);
    struct json root;
    struct json item;
    size_t bytes = 0;

    assert_int_equal(json_parse(arena,
                                dynalite_call(&bench->server, arena, "Scan",
                                              "{\"TableName\":\"cost\",\"ConsistentRead\":true}"),
                                &root, NULL),
                     STATUS_OK);
    item = json_element(json_member(root, "Items"), 0);
    for (; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        bytes += item_bytes(item);
    }
    (void)printf("%-34s %6.0f bytes in %.1f items\n", name, (double)bytes / RUNS,
                 (double)json_count(json_member(root, "Items")) / RUNS);
}

static void print_cost(const char *name, const struct cost *cost)
{
    (void)printf("%-34s %6.1f calls %6.2f read units %6.2f write units, and %5.2f of the index\n",
                 name, cost->calls / RUNS, cost->reads / RUNS, cost->writes / RUNS,
                 cost->index / RUNS);
}

static void write_key(void)
{
    FILE *file = fopen(KEY_FILE, "we");

    assert_non_null(file);
    (void)fputs("k1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n", file);
    (void)fclose(file);
}

static void open_bench(struct bench *bench)
{
    struct error error = ERROR_NONE;
    struct tracker_options options = {.url = "dynamodb:cost", .aws = &bench->server.aws};

    dynalite_start(&bench->server, false, NULL);
    dynalite_create_table(&bench->server, "cost");
    pipeline_open_on(&bench->pipeline, &options);
    write_key();
    seal_keys_free(bench->pipeline.keys);
    if (seal_keys_load(KEY_FILE, &bench->pipeline.keys, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    bench->pipeline.seal.keys = bench->pipeline.keys;
    (void)unlink(KEY_FILE);
}

static const char *id_of(struct pipeline *pipeline, unsigned number)
{
    return pipeline_id(pipeline, "request-key", arena_format(pipeline->arena, "key-%u", number));
}

/* The record's version tells how often it was written, and so moved in the index. */
static void accept_one(struct bench *bench, unsigned number, struct cost *stage)
{
    struct pipeline *pipeline = &bench->pipeline;

    bench->last = read_cost();
    assert_int_equal(pipeline_post(pipeline, records_request(pipeline->arena, number)), 202);
    add_since(bench, stage, 0);
    stage->index +=
        1 + 2 * (double)(pipeline_record(pipeline, id_of(pipeline, number)).version - 1);
}

static void end_one(struct bench *bench, unsigned number, struct cost *stage)
{
    struct pipeline *pipeline = &bench->pipeline;
    const char *id = id_of(pipeline, number);
    const char *name = pipeline_name(pipeline, id, 1, 1);
    const int64_t version = pipeline_record(pipeline, id).version;

    cloud_end(pipeline->cloud, name, "FINISHED", "");
    bench->last = read_cost();
    assert_true(pipeline_event(pipeline, name, "FINISHED"));
    add_since(bench, stage, 0);
    assert_true(pipeline_record(pipeline, id).state.settled_at_ms != 0);
    stage->index += 2 * (double)(pipeline_record(pipeline, id).version - version);
}

int main(void)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    struct cost stages[4] = {{0}};
    size_t claimed = 0;
    struct error error = ERROR_NONE;

    assert_non_null(bench);
    log_init(LOG_ERROR, STDERR_FILENO);
    open_bench(bench);
    for (unsigned i = 0; i < RUNS; i++) {
        accept_one(bench, i, &stages[0]);
    }
    print_size(bench, "open");
    for (unsigned i = 0; i < RUNS; i++) {
        end_one(bench, i, &stages[1]);
    }
    print_size(bench, "settled");
    print_cost("accepted and submitted", &stages[0]);
    print_cost("ended by its event, told, settled", &stages[1]);
    bench->last = read_cost();
    /* A day later all of them shrink to tombstones: due no more. */
    clock_fake_advance(&bench->pipeline.clock, DAY_MS + 60000);
    assert_int_equal(completer_sweep(&bench->pipeline.dispatch, RUNS, &claimed, &error), STATUS_OK);
    assert_int_equal(claimed, RUNS);
    add_since(bench, &stages[2], RUNS * (2 + 1));
    print_cost("a day later: shrunk by the sweep", &stages[2]);
    print_size(bench, "a tombstone");
    bench->last = read_cost();
    for (unsigned i = 0; i < RUNS; i++) {
        clock_fake_advance(&bench->pipeline.clock, 5000);
        assert_int_equal(completer_sweep(&bench->pipeline.dispatch, 10, &claimed, &error),
                         STATUS_OK);
    }
    add_since(bench, &stages[3], 0);
    print_cost("a sweep, each 5 s, that finds none", &stages[3]);
    pipeline_close(&bench->pipeline);
    dynalite_stop(&bench->server);
    free(bench);
    return EXIT_SUCCESS;
}
