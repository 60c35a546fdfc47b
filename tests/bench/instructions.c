/*
 * What callgrind counts for tests/bench/instructions.sh: a batch of ten invocations, and the batch
 * of their ten completions, on SQLite in memory, sealed, with a clock and randomness that are
 * always the same and AWS from http_canned.c. Each is done twice: measure_* is the second time.
 */
#include "completer/completer.h"
#include "invoker/invoker.h"

#include "infra/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH       10
#define NOW_MS      1795178096000
#define DAY_MS      86400000LL
#define SQL_BYTES   200
#define TOKEN_BYTES 700
#define ARENA_BYTES (64u << 20)

void measure_invocation(void);
void measure_completion(void);

static struct {
    struct clock_fake clock;
    struct random_seeded random;
    struct record_seal seal;
    struct lifecycle_policy policy;
    struct plan_settings settings;
    struct dispatch dispatch;
    struct invoker invoker;
    struct invoker_item requests[BATCH];
    struct event_item events[BATCH];
    struct arena *arena; /* of the messages */
} bench;

_Noreturn static void fail(const char *what, const struct error *error)
{
    (void)fprintf(stderr, "instructions: %s: %s\n", what, error->text);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void need(enum status status, const char *what, const struct error *error)
{
    if (status != STATUS_OK) {
        fail(what, error);
    }
}

static void open_bench(const char *key_file)
{
    static char key_id[] = "AWS_ACCESS_KEY_ID=AKIDBENCH";
    static char secret[] = "AWS_SECRET_ACCESS_KEY=bench";
    static char region[] = "AWS_REGION=eu-west-1";
    static char *environment[] = {key_id, secret, region, NULL};
    struct error error = ERROR_NONE;
    struct seal_keys *keys = NULL;
    struct dispatch *dispatch = &bench.dispatch;
    clock_fake_init(&bench.clock, NOW_MS);
    random_seeded_init(&bench.random, 11);
    need(seal_keys_load(key_file, &keys, &error), "key", &error);
    bench.arena = arena_new(ARENA_BYTES);
    bench.seal = (struct record_seal){keys, &bench.random.random};
    bench.policy = (struct lifecycle_policy){.lease_ms = TRACKER_LEASE_MS,
                                             .overdue_ms = 60000,
                                             .cancel_grace_ms = 30000,
                                             .gather_ms = 60000,
                                             .retain_ms = DAY_MS,
                                             .dedupe_ms = 16 * DAY_MS};
    bench.settings =
        (struct plan_settings){.prefix = SLICE("ringback/"),
                               .target = {.workgroup_name = SLICE("w"), .database = SLICE("dev")},
                               .has_target = true,
                               .sweep_seconds = 5};
    const struct aws_client_options aws = {
        .environment = environment,
        .credentials = credentials_provider_new(environment, &bench.clock.clock),
        .clock = &bench.clock.clock,
        .random = &bench.random.random};
    const struct tracker_options tracker = {.url = "sqlite::memory:"};
    need(aws_client_new(&aws, &dispatch->aws, &error), "aws", &error);
    need(tracker_open(&tracker, &dispatch->tracker, &error), "tracker", &error);
    dispatch->arena = arena_new(ARENA_BYTES);
    dispatch->policy = &bench.policy;
    dispatch->seal = &bench.seal;
    dispatch->clock = &bench.clock.clock;
    dispatch->random = &bench.random.random;
    dispatch->owner = "bench";
    completer_equip(dispatch);
    bench.invoker = (struct invoker){dispatch, &bench.settings};
}

/* ---- Messages ------------------------------------------------------------------------------- */

static const char *filler(size_t size)
{
    char *text = arena_alloc(bench.arena, size + 1);
    memset(text, 'x', size);
    return text;
}

/* Ten requests, and the events of the statements that they become. */
static void make_batch(unsigned first)
{
    for (unsigned i = 0; i < BATCH; i++) {
        char id[TRACKER_ID_BYTES + 1];
        const char *source = arena_format(bench.arena, "queue/%u", first + i);
        const char *token =
            arena_format(bench.arena, "%010u%s", first + i, filler(TOKEN_BYTES - 10));
        bench.requests[i] =
            (struct invoker_item){.body = slice_from_text(arena_format(
                                      bench.arena, "{\"sqlStatement\":\"%s\",\"taskToken\":\"%s\"}",
                                      filler(SQL_BYTES), token)),
                                  .channel = CHANNEL_ASYNCHRONOUS,
                                  .identity = {SLICE("sqs"), slice_from_text(source)},
                                  .source = SLICE("queue:requests")};
        invocation_id(SLICE("task-token"), slice_from_text(token), id);
        bench.events[i] = (struct event_item){
            .body = slice_from_text(arena_format(
                bench.arena,
                "{\"version\":\"0\",\"id\":\"d9b6c0c9-0747-4bf4-b142-e7883122f766\","
                "\"detail-type\":\"Redshift Data Statement Status Change\",\"source\":"
                "\"aws.redshift-data\",\"account\":\"123456789012\",\"time\":"
                "\"2026-11-20T12:34:56Z\",\"region\":\"eu-west-1\",\"resources\":[],\"detail\":{"
                "\"principal\":\"arn:aws:sts::123456789012:assumed-role/bench/ringback\","
                "\"statementName\":\"ringback/%s/1.1\",\"statementId\":"
                "\"d9b6c0c9-0747-4bf4-b142-e7883122f766\",\"redshiftQueryId\":1234567,\"state\":"
                "\"FINISHED\",\"rows\":3,\"expireAt\":1795264496}}",
                id)),
            .source = SLICE("queue:events")};
    }
}

/* ---- What is counted ------------------------------------------------------------------------ */

static void invoke(void)
{
    invoker_handle(&bench.invoker, bench.requests, BATCH);
}

static void complete(void)
{
    completer_handle(&bench.dispatch, &bench.settings, bench.events, BATCH);
}

__attribute__((noinline)) void measure_invocation(void)
{
    invoke();
}

__attribute__((noinline)) void measure_completion(void)
{
    complete();
}

static void check(void)
{
    const struct error lost = {.text = "a message was not handled"};
    for (size_t i = 0; i < BATCH; i++) {
        if (!bench.requests[i].acknowledge || !bench.events[i].acknowledge ||
            bench.events[i].parked) {
            fail("batch", &lost);
        }
    }
}

int main(int count, char **arguments)
{
    if (count != 2) {
        (void)fprintf(stderr, "usage: bench_instructions KEY_FILE\n");
        return 2;
    }
    open_bench(arguments[1]);
    make_batch(0);
    invoke();
    complete();
    check();
    make_batch(BATCH);
    measure_invocation();
    measure_completion();
    check();
    aws_client_free(bench.dispatch.aws);
    tracker_close(bench.dispatch.tracker);
    return 0;
}
