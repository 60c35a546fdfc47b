/* Records whose key is not here: set aside with a reason and a growing pause, and what a change of
 * keys while everything runs does. */
#include "completer/set_aside.h"
#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_MS 60000LL
#define KEY_1     "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=\n"
#define KEY_2     "k2:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAI=\n"

/* ---- Fixture ---- */

enum ring { ONE, BOTH, TWO, RINGS }; /* the key files of processes before, during and after */

struct fixture {
    struct pipeline pipeline;
    struct seal_keys *keys[RINGS];
    const char *id;
};

static struct seal_keys *load(const char *text)
{
    char path[] = "keys-XXXXXX";
    struct error error = ERROR_NONE;
    struct seal_keys *keys = NULL;
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    (void)close(file);
    assert_int_equal(seal_keys_load(path, &keys, &error), STATUS_OK);
    (void)unlink(path);
    return keys;
}

static int set_up(void **context)
{
    static struct fixture fixture;
    pipeline_open(&fixture.pipeline, NULL);
    fixture.keys[ONE] = load(KEY_1);
    fixture.keys[BOTH] = load(KEY_2 KEY_1);
    fixture.keys[TWO] = load(KEY_2);
    fixture.id = pipeline_id(&fixture.pipeline, "task-token", "t");
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    struct fixture *fixture = *context;
    pipeline_close(&fixture->pipeline);
    for (size_t i = 0; i < RINGS; i++) {
        seal_keys_free(fixture->keys[i]);
    }
    return 0;
}

/* ---- Helpers ---- */

/* From here on we are a process with these keys. */
static void be(struct fixture *fixture, enum ring ring)
{
    fixture->pipeline.seal.keys = fixture->keys[ring];
}

static void submit(struct fixture *fixture, const char *token)
{
    struct pipeline *pipeline = &fixture->pipeline;
    assert_int_equal(pipeline_post(pipeline, arena_format(pipeline->arena,
                                                          "{\"sqlStatement\":\"select 1\","
                                                          "\"taskToken\":\"%s\"}",
                                                          token)),
                     202);
}

static struct tracker_record stored(struct fixture *fixture)
{
    struct tracker_lookup lookup = {.id = fixture->id};
    struct error error = ERROR_NONE;
    assert_int_equal(
        tracker_find(fixture->pipeline.tracker, fixture->pipeline.arena, &lookup, 1, &error),
        STATUS_OK);
    assert_true(lookup.found);
    return lookup.record;
}

static int64_t now(const struct fixture *fixture)
{
    return fixture->pipeline.clock.now_ms;
}

/* Sweeps when the record is due next; returns for how many minutes it is left alone then. */
static int64_t sweep_when_due(struct fixture *fixture)
{
    assert_int_equal(pipeline_sweep(&fixture->pipeline, stored(fixture).due_at_ms - now(fixture)),
                     1);
    return (stored(fixture).due_at_ms - now(fixture)) / MINUTE_MS;
}

static bool is_sealed_by(struct slice blob, const char *key)
{
    return blob.size > 6 && memcmp(blob.data, "RB1", 3) == 0 &&
           slice_equals_text(slice_part(blob, 4, 2), key);
}

/* ---- Success ---- */

static void record_without_its_key_is_left_alone_for_longer_and_longer(void **context)
{
    static const int64_t minutes[] = {2, 2, 4, 8, 16, 32, 60, 60};
    struct fixture *fixture = *context;
    be(fixture, TWO);
    submit(fixture, "t");
    be(fixture, ONE);
    for (size_t i = 0; i < ARRAY_COUNT(minutes); i++) {
        assert_int_equal(sweep_when_due(fixture), minutes[i]);
        assert_int_equal(pipeline_parked(&fixture->pipeline), 1);
    }
    assert_int_equal(cloud_count(fixture->pipeline.cloud, "DescribeStatement"), 0);
}

static void reason_names_the_key(void **context)
{
    struct fixture *fixture = *context;
    be(fixture, TWO);
    submit(fixture, "t");
    be(fixture, ONE);
    (void)sweep_when_due(fixture);
    assert_non_null(
        strstr(pipeline_parked_reason(&fixture->pipeline), "the key k2, which is not in the key"));
}

static void sealed_blobs_are_not_touched(void **context)
{
    struct fixture *fixture = *context;
    be(fixture, TWO);
    submit(fixture, "t");
    struct tracker_record before = stored(fixture);
    be(fixture, ONE);
    (void)sweep_when_due(fixture);
    assert_true(slice_equals(stored(fixture).plan, before.plan));
    assert_true(slice_equals(stored(fixture).state, before.state));
}

static void record_goes_on_when_its_key_is_back(void **context)
{
    struct fixture *fixture = *context;
    struct error error = ERROR_NONE;
    be(fixture, TWO);
    submit(fixture, "t");
    be(fixture, ONE);
    for (int i = 0; i < 6; i++) {
        (void)sweep_when_due(fixture);
    }
    cloud_end(fixture->pipeline.cloud, pipeline_name(&fixture->pipeline, fixture->id, 1, 1),
              "FINISHED", "");
    assert_int_equal(set_aside_end(&fixture->pipeline.dispatch, fixture->id, &error),
                     STATUS_REJECTED);
    be(fixture, BOTH);
    assert_int_equal(set_aside_end(&fixture->pipeline.dispatch, fixture->id, &error), STATUS_OK);
    assert_int_equal(pipeline_sweep(&fixture->pipeline, 0), 1);
    assert_int_equal(cloud_taken(fixture->pipeline.cloud, "t"), 1);
}

static void event_is_kept_until_the_key_is_back(void **context)
{
    struct fixture *fixture = *context;
    const char *name = pipeline_name(&fixture->pipeline, fixture->id, 1, 1);
    be(fixture, TWO);
    submit(fixture, "t");
    be(fixture, ONE);
    assert_false(pipeline_event(&fixture->pipeline, name, "FINISHED"));
    assert_int_equal(pipeline_parked(&fixture->pipeline), 0);
    be(fixture, BOTH);
    assert_true(pipeline_event(&fixture->pipeline, name, "FINISHED"));
    assert_int_equal(cloud_taken(fixture->pipeline.cloud, "t"), 1);
}

/* Old processes, new ones and those in between take turns at everything; each invocation is rung
 * back once, whoever began it. */
static void rolling_change_of_keys_loses_nothing(void **context)
{
    struct fixture *fixture = *context;
    struct pipeline *pipeline = &fixture->pipeline;
    for (unsigned i = 0; i < 30; i++) {
        const char *token = arena_format(pipeline->arena, "t%u", i);
        const char *id = pipeline_id(pipeline, "task-token", token);
        be(fixture, i / 10);
        submit(fixture, token);
        cloud_end(pipeline->cloud, pipeline_name(pipeline, id, 1, 1), "FINISHED", "");
    }
    /* All have the new key first, then the old one is dropped. */
    for (unsigned i = 0; i < 30; i++) {
        be(fixture, i % RINGS);
        pipeline_sweep(pipeline, 2 * MINUTE_MS);
    }
    be(fixture, BOTH);
    for (unsigned i = 0; i < 30; i++) {
        pipeline_sweep(pipeline, 60 * MINUTE_MS);
    }
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(cloud_taken(pipeline->cloud, arena_format(pipeline->arena, "t%u", i)), 1);
    }
}

static void what_is_written_again_is_sealed_by_the_first_key(void **context)
{
    struct fixture *fixture = *context;
    be(fixture, ONE);
    submit(fixture, "t");
    assert_true(is_sealed_by(stored(fixture).state, "k1"));
    assert_true(is_sealed_by(stored(fixture).plan, "k1"));
    be(fixture, BOTH);
    (void)sweep_when_due(fixture);
    assert_true(is_sealed_by(stored(fixture).state, "k2"));
    assert_true(is_sealed_by(stored(fixture).plan, "k1"));
    be(fixture, TWO);
    (void)sweep_when_due(fixture);
    assert_int_equal(pipeline_parked(&fixture->pipeline), 1);
}

/* ---- Failure ---- */

static void record_that_is_gone_needs_no_more(void **context)
{
    struct fixture *fixture = *context;
    struct error error = ERROR_NONE;
    assert_int_equal(set_aside_end(&fixture->pipeline.dispatch, fixture->id, &error), STATUS_OK);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(record_without_its_key_is_left_alone_for_longer_and_longer),
        TEST(reason_names_the_key),
        TEST(sealed_blobs_are_not_touched),
        TEST(record_goes_on_when_its_key_is_back),
        TEST(event_is_kept_until_the_key_is_back),
        TEST(rolling_change_of_keys_loses_nothing),
        TEST(what_is_written_again_is_sealed_by_the_first_key),
        TEST(record_that_is_gone_needs_no_more),
    };
    return cmocka_run_group_tests_name("set aside", tests, NULL, NULL);
}
