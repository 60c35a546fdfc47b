/*
 * What a store holds is bounded by rate times retention: days of every kind of invocation, by a
 * fake clock, on SQLite and on Redis, counted in the store itself. When no more come, nothing of
 * them is left.
 */
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"
#include "tests/support/redis.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Fixture ---- */

#define DAY_MS        86400000LL
#define DEDUPE_DAYS   16
#define PARKED_DAYS   14
#define SWEEPS        40   /* a day; each removes some */
#define LONG_ERROR    2000 /* characters that are longer as JSON; too long for the state */
#define A_DAY_RECORDS 5

struct fixture {
    struct pipeline pipeline;
    struct redis_server server; /* pid 0: SQLite */
    char path[32];
    unsigned number; /* of the last invocation */
    int64_t replies; /* seen in a store */
};

static int set_up_sqlite(void **context)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char url[64];
    (void)snprintf(fixture->path, sizeof(fixture->path), "retention-%d.db", (int)getpid());
    (void)snprintf(url, sizeof(url), "sqlite:%s", fixture->path);
    pipeline_open(&fixture->pipeline, url);
    *context = fixture;
    return 0;
}

static int set_up_redis(void **context)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    char url[64];
    redis_server_start(&fixture->server);
    (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%d/0", fixture->server.port);
    pipeline_open(&fixture->pipeline, url);
    *context = fixture;
    return 0;
}

static void remove_file(const struct fixture *fixture, const char *suffix)
{
    char path[64];
    (void)snprintf(path, sizeof(path), "%s%s", fixture->path, suffix);
    (void)unlink(path);
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    pipeline_close(&fixture->pipeline);
    if (fixture->server.pid != 0) {
        redis_server_stop(&fixture->server);
    } else {
        remove_file(fixture, "");
        remove_file(fixture, "-wal");
        remove_file(fixture, "-shm");
    }
    free(fixture);
    return 0;
}

/* ---- Helpers ---- */

static int64_t number_in_file(const struct fixture *fixture, const char *sql)
{
    sqlite3 *database = NULL;
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    assert_int_equal(sqlite3_open(fixture->path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    number = sqlite3_column_int64(statement, 0);
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(database);
    return number;
}

/* Rows of all tables but that of the counters; keys but that of the schema. */
static int64_t stored(const struct fixture *fixture)
{
    char text[32];
    if (fixture->server.pid == 0) {
        return number_in_file(fixture, "select (select count(*) from invocations)"
                                       "+(select count(*) from plans)+(select count(*) from locks)"
                                       "+(select count(*) from waiters)"
                                       "+(select count(*) from parked)"
                                       "+(select count(*) from replies)");
    }
    redis_server_ask(&fixture->server, text, sizeof(text), "DBSIZE");
    return strtoll(text, NULL, 10) - 1;
}

/* No table was forgotten above. */
static void assert_tables_are_known(const struct fixture *fixture)
{
    if (fixture->server.pid == 0) {
        assert_int_equal(
            number_in_file(fixture, "select count(*) from sqlite_schema where type='table'"), 7);
    }
}

static int64_t replies(const struct fixture *fixture)
{
    char text[32];
    if (fixture->server.pid == 0) {
        return number_in_file(fixture, "select count(*) from replies");
    }
    redis_server_ask(&fixture->server, text, sizeof(text), "EVAL %s 0",
                     "local n=0 for _,k in ipairs(redis.call('KEYS','rb:y:*')) do "
                     "n=n+1 end return n");
    return strtoll(text, NULL, 10);
}

static const char *token_of(struct fixture *fixture, unsigned number)
{
    return arena_format(fixture->pipeline.arena, "t%u", number);
}

/* The database's text is what the next DescribeStatement tells. */
static void answer_with_a_long_error(struct pipeline *pipeline, const char *name)
{
    char text[6 * LONG_ERROR + 1];
    for (size_t i = 0; i < LONG_ERROR; i++) {
        memcpy(&text[6 * i], "\\u0001", 7);
    }
    cloud_answer(pipeline->cloud, "DescribeStatement", 200,
                 arena_format(pipeline->arena,
                              "{\"Id\":\"%s\",\"Status\":\"FAILED\",\"Error\":\"%s\"}",
                              cloud_id(pipeline->cloud, name), text));
}

/* One invocation with more members, which ends in this state. */
static void run(struct fixture *fixture, const char *more, const char *state)
{
    struct pipeline *pipeline = &fixture->pipeline;
    const char *token = token_of(fixture, ++fixture->number);
    const char *name = pipeline_name(pipeline, pipeline_id(pipeline, "task-token", token), 1, 1);
    assert_int_equal(
        pipeline_post(pipeline,
                      arena_format(pipeline->arena,
                                   "{\"sqlStatement\":\"select 1\",\"taskToken\":\"%s\"%s}", token,
                                   more)),
        202);
    cloud_end(pipeline->cloud, name, state, "");
    if (strcmp(state, "FAILED") == 0) {
        answer_with_a_long_error(pipeline, name);
    }
    assert_true(pipeline_event(pipeline, name, state));
}

/* Two that want the same lock; the second gets it when the first has ended. */
static void run_both_with_one_lock(struct fixture *fixture)
{
    struct pipeline *pipeline = &fixture->pipeline;
    const char *names[2];
    for (unsigned i = 0; i < 2; i++) {
        const char *token = token_of(fixture, ++fixture->number);
        names[i] = pipeline_name(pipeline, pipeline_id(pipeline, "task-token", token), 1, 1);
        assert_int_equal(
            pipeline_post(pipeline,
                          arena_format(pipeline->arena,
                                       "{\"sqlStatement\":\"select 2\",\"taskToken\":\"%s\","
                                       "\"singleton\":{\"key\":\"k\",\"onConflict\":\"queue\"}}",
                                       token)),
            202);
    }
    for (unsigned i = 0; i < 2; i++) {
        cloud_end(pipeline->cloud, names[i], "FINISHED", "");
        assert_true(pipeline_event(pipeline, names[i], "FINISHED"));
        pipeline_sweep(pipeline, 1000);
    }
}

/* A day's work, and its sweeps. */
static void live_a_day(struct fixture *fixture, bool with_work)
{
    struct pipeline *pipeline = &fixture->pipeline;
    if (with_work) {
        const char *day = arena_format(pipeline->arena, "day %lld of work",
                                       (long long)(pipeline->clock.now_ms / DAY_MS));
        run(fixture, ",\"executionArn\":\"arn:aws:states:eu-west-1:123456789012:execution:m:e\"",
            "FINISHED");
        run(fixture, "", "FAILED");
        run(fixture, ",\"timeoutSeconds\":60", "ABORTED");
        run_both_with_one_lock(fixture);
        assert_true(pipeline_enqueue(pipeline, day, day));
        fixture->replies += replies(fixture);
    }
    for (unsigned i = 0; i < SWEEPS; i++) {
        pipeline_sweep(pipeline, DAY_MS / SWEEPS);
    }
}

static void live_days(struct fixture *fixture, unsigned days, bool with_work)
{
    for (unsigned i = 0; i < days; i++) {
        live_a_day(fixture, with_work);
    }
}

static struct tracker_counts counts_of(struct fixture *fixture)
{
    struct tracker_counts counts;
    struct error error = ERROR_NONE;
    assert_int_equal(tracker_count(fixture->pipeline.tracker, &counts, &error), STATUS_OK);
    return counts;
}

/* ---- Success ---- */

static void store_is_bounded_by_rate_times_retention(void **context)
{
    struct fixture *fixture = *context;
    int64_t after_20 = 0;
    live_days(fixture, 20, true);
    after_20 = stored(fixture);
    live_days(fixture, 20, true);
    assert_tables_are_known(fixture);
    assert_true(fixture->replies > 0);
    /* In Redis sets that are empty are none, and come and go. */
    assert_in_range(stored(fixture), after_20 - 4, after_20 + 4);
    struct tracker_counts counts = counts_of(fixture);
    print_message(
        "%lld stored after 20 days, %lld after 40: %lld records, %lld open, %lld parked\n",
        (long long)after_20, (long long)stored(fixture), (long long)counts.records,
        (long long)counts.open, (long long)counts.parked);
    /* At the end of a day, what came first in it is that much older. */
    assert_in_range(counts.records, (DEDUPE_DAYS - 1) * A_DAY_RECORDS, DEDUPE_DAYS * A_DAY_RECORDS);
    assert_in_range(counts.parked, PARKED_DAYS - 1, PARKED_DAYS);
    assert_int_equal(counts.open, 0);
}

static void nothing_is_left_of_what_was(void **context)
{
    struct fixture *fixture = *context;
    live_days(fixture, 3, true);
    assert_true(stored(fixture) > 3 * A_DAY_RECORDS);
    live_days(fixture, DEDUPE_DAYS + 1, false);
    assert_int_equal(stored(fixture), 0);
    struct tracker_counts counts = counts_of(fixture);
    assert_int_equal(counts.records + counts.open + counts.parked, 0);
}

int main(void)
{
#define TEST(test, store)                                                                          \
    {                                                                                              \
#        test " (" #        store ")", test, set_up_##store, tear_down, NULL                       \
    }
    const struct CMUnitTest tests[] = {
        TEST(store_is_bounded_by_rate_times_retention, sqlite),
        TEST(store_is_bounded_by_rate_times_retention, redis),
        TEST(nothing_is_left_of_what_was, sqlite),
        TEST(nothing_is_left_of_what_was, redis),
    };
    return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
