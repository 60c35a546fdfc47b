#include "tests/support/pipeline.h"

#include "tests/support/cmocka.h"
#include "tests/support/tracker_faulty.h"

#include "infra/base/json_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS        86400000LL
#define SETTLE_SWEEPS 500

static void set(struct pipeline *pipeline, size_t index, const char *name, const char *value)
{
    assert_true(asprintf(&pipeline->environment[index], "%s=%s", name, value) > 0);
}

static void open_client(struct pipeline *pipeline)
{
    struct error error = ERROR_NONE;
    const struct aws_client_options options = {.environment = pipeline->environment,
                                               .credentials = pipeline->provider,
                                               .clock = &pipeline->clock.clock,
                                               .random = &pipeline->random.random,
                                               .pace = pipeline->pace};
    if (aws_client_new(&options, &pipeline->dispatch.aws, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
}

static void open_aws(struct pipeline *pipeline)
{
    set(pipeline, 0, "AWS_ACCESS_KEY_ID", "AKIDTEST");
    set(pipeline, 1, "AWS_SECRET_ACCESS_KEY", "test");
    set(pipeline, 2, "AWS_REGION", "eu-west-1");
    set(pipeline, 3, "AWS_ENDPOINT_URL", cloud_url(pipeline->cloud));
    set(pipeline, 4, "AWS_MAX_ATTEMPTS", "1");
    set(pipeline, 5, "AWS_EC2_METADATA_DISABLED", "true");
    pipeline->provider = credentials_provider_new(pipeline->environment, &pipeline->clock.clock);
    open_client(pipeline);
}

void pipeline_pace(struct pipeline *pipeline)
{
    aws_client_free(pipeline->dispatch.aws);
    pipeline->pace = pace_new(true);
    pipeline->admission = admission_new(pipeline->pace);
    pipeline->dispatch.admission = pipeline->admission;
    open_client(pipeline);
}

void pipeline_use_up(struct pipeline *pipeline, enum pace_operation operation, int64_t most_ms)
{
    int64_t wait_ms = 0;
    while (pace_take(pipeline->pace, operation, pipeline->clock.now_ms, most_ms, &wait_ms)) {
    }
}

void pipeline_open(struct pipeline *pipeline, const char *url)
{
    const struct tracker_options options = {.url = url != NULL ? url : "sqlite::memory:"};
    pipeline_open_on(pipeline, &options);
}

void pipeline_open_on(struct pipeline *pipeline, const struct tracker_options *options)
{
    struct error error = ERROR_NONE;
    memset(pipeline, 0, sizeof(*pipeline));
    pipeline->cloud = cloud_new();
    pipeline->arena = arena_new(64u << 20);
    clock_fake_init(&pipeline->clock, PIPELINE_NOW);
    random_seeded_init(&pipeline->random, 11);
    pipeline->keys = seal_keys_none();
    pipeline->seal = (struct record_seal){pipeline->keys, &pipeline->random.random};
    pipeline->policy = (struct lifecycle_policy){.lease_ms = TRACKER_LEASE_MS,
                                                 .overdue_ms = 60000,
                                                 .cancel_grace_ms = 30000,
                                                 .gather_ms = 60000,
                                                 .retain_ms = DAY_MS,
                                                 .dedupe_ms = 16 * DAY_MS};
    pipeline->settings =
        (struct plan_settings){.prefix = SLICE("ringback/"),
                               .target = {.workgroup_name = SLICE("w"), .database = SLICE("dev")},
                               .has_target = true,
                               .sweep_seconds = 5};
    if (tracker_open(options, &pipeline->tracker, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    pipeline->tracker = tracker_faulty_new(pipeline->tracker);
    open_aws(pipeline);
    pipeline->dispatch.tracker = pipeline->tracker;
    pipeline->dispatch.arena = arena_new(64u << 20);
    pipeline->dispatch.policy = &pipeline->policy;
    pipeline->dispatch.seal = &pipeline->seal;
    pipeline->dispatch.clock = &pipeline->clock.clock;
    pipeline->dispatch.random = &pipeline->random.random;
    pipeline->dispatch.owner = "test";
    completer_equip(&pipeline->dispatch);
    pipeline->invoker = (struct invoker){&pipeline->dispatch, &pipeline->settings};
}

void pipeline_close(struct pipeline *pipeline)
{
    aws_client_free(pipeline->dispatch.aws);
    admission_free(pipeline->admission);
    pace_free(pipeline->pace);
    credentials_provider_free(pipeline->provider);
    tracker_close(pipeline->tracker);
    seal_keys_free(pipeline->keys);
    cloud_free(pipeline->cloud);
    arena_free(pipeline->dispatch.arena);
    arena_free(pipeline->arena);
    for (size_t i = 0; i < ARRAY_COUNT(pipeline->environment); i++) {
        free(pipeline->environment[i]);
    }
}

int pipeline_post(struct pipeline *pipeline, const char *body)
{
    pipeline->item =
        (struct invoker_item){.body = slice_from_text(body), .channel = CHANNEL_SYNCHRONOUS};
    invoker_handle(&pipeline->invoker, &pipeline->item, 1);
    return pipeline->item.code;
}

bool pipeline_enqueue(struct pipeline *pipeline, const char *message_id, const char *body)
{
    pipeline->item = (struct invoker_item){.body = slice_from_text(body),
                                           .channel = CHANNEL_ASYNCHRONOUS,
                                           .identity = {SLICE("sqs"), slice_from_text(message_id)},
                                           .source = SLICE("queue:requests")};
    invoker_handle(&pipeline->invoker, &pipeline->item, 1);
    return pipeline->item.acknowledge;
}

bool pipeline_event(struct pipeline *pipeline, const char *name, const char *state)
{
    struct event_item item = {
        .body = slice_from_text(arena_format(
            pipeline->arena,
            "{\"version\":\"0\",\"source\":\"aws.redshift-data\",\"detail-type\":"
            "\"Redshift Data Statement Status Change\",\"detail\":{\"statementName\":\"%s\","
            "\"statementId\":\"%s\",\"state\":\"%s\",\"rows\":3}}",
            name, cloud_id(pipeline->cloud, name), state)),
        .source = SLICE("queue:events")};
    completer_handle(&pipeline->dispatch, &pipeline->settings, &item, 1);
    return item.acknowledge;
}

size_t pipeline_sweep(struct pipeline *pipeline, int64_t advance_ms)
{
    size_t claimed = 0;
    struct error error = ERROR_NONE;
    clock_fake_advance(&pipeline->clock, advance_ms);
    if (completer_sweep(&pipeline->dispatch, SWEEP_LIMIT_DEFAULT, &claimed, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return claimed;
}

/* The least due time of all open records; 0 when nothing is due. */
static int64_t next_due_ms(struct pipeline *pipeline)
{
    struct tracker_record *records = NULL;
    struct slice next_token = SLICE_NONE;
    struct error error = ERROR_NONE;
    const struct tracker_list list = {.limit = 100};
    size_t count = 0;
    int64_t due_ms = 0;
    if (tracker_list(tracker_faulty_inner(pipeline->tracker), pipeline->arena, &list, &records,
                     &count, &next_token, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    for (size_t i = 0; i < count; i++) {
        if (records[i].settled_at_ms == 0 && records[i].due_at_ms > 0 &&
            (due_ms == 0 || records[i].due_at_ms < due_ms)) {
            due_ms = records[i].due_at_ms;
        }
    }
    return due_ms;
}

void pipeline_settle(struct pipeline *pipeline)
{
    for (size_t i = 0; i < SETTLE_SWEEPS; i++) {
        size_t claimed = 0;
        struct error error = ERROR_NONE;
        const int64_t due_ms = next_due_ms(pipeline);
        if (due_ms == 0) {
            return;
        }
        if (due_ms > pipeline->clock.now_ms) {
            clock_fake_advance(&pipeline->clock, due_ms - pipeline->clock.now_ms);
        }
        (void)!completer_sweep(&pipeline->dispatch, SWEEP_LIMIT_DEFAULT, &claimed, &error);
    }
    fail_msg("not settled after %d sweeps: %s", SETTLE_SWEEPS, cloud_calls(pipeline->cloud));
}

bool pipeline_has_record(struct pipeline *pipeline, const char *id)
{
    struct tracker_lookup lookup = {.id = id};
    struct error error = ERROR_NONE;
    assert_int_equal(
        tracker_find(tracker_faulty_inner(pipeline->tracker), pipeline->arena, &lookup, 1, &error),
        STATUS_OK);
    return lookup.found;
}

struct record pipeline_record(struct pipeline *pipeline, const char *id)
{
    struct tracker_lookup lookup = {.id = id};
    struct error error = ERROR_NONE;
    struct record record;
    assert_int_equal(
        tracker_find(tracker_faulty_inner(pipeline->tracker), pipeline->arena, &lookup, 1, &error),
        STATUS_OK);
    assert_true(lookup.found);
    if (record_open(&pipeline->seal, pipeline->arena, &lookup.record, &record, &error) !=
        STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return record;
}

static size_t list_parked(struct pipeline *pipeline, struct tracker_parked **messages)
{
    struct slice next_token = SLICE_NONE;
    struct error error = ERROR_NONE;
    size_t count = 0;
    assert_int_equal(tracker_parked_list(tracker_faulty_inner(pipeline->tracker), pipeline->arena,
                                         100, SLICE_NONE, messages, &count, &next_token, &error),
                     STATUS_OK);
    return count;
}

size_t pipeline_parked(struct pipeline *pipeline)
{
    struct tracker_parked *messages = NULL;
    return list_parked(pipeline, &messages);
}

const char *pipeline_parked_reason(struct pipeline *pipeline)
{
    struct tracker_parked *messages = NULL;
    assert_true(list_parked(pipeline, &messages) > 0);
    return arena_text(pipeline->arena, messages[0].reason);
}

const char *pipeline_id(struct pipeline *pipeline, const char *kind, const char *source)
{
    char *id = arena_alloc(pipeline->arena, TRACKER_ID_BYTES + 1);
    invocation_id(slice_from_text(kind), slice_from_text(source), id);
    return id;
}

const char *pipeline_name(struct pipeline *pipeline, const char *id, unsigned step,
                          unsigned attempt)
{
    return arena_format(pipeline->arena, "ringback/%s/%u.%u", id, step, attempt);
}

const char *pipeline_text(struct pipeline *pipeline, struct slice json, const char *name)
{
    struct json root;
    struct slice text = SLICE_NONE;
    assert_int_equal(json_parse(pipeline->arena, json, &root, NULL), STATUS_OK);
    if (json_find_text(root, name, 0, &text, NULL) != STATUS_OK || text.data == NULL) {
        return "";
    }
    return arena_text(pipeline->arena, text);
}

bool slice_has(struct slice bytes, const char *text)
{
    return slice_find(bytes, slice_from_text(text)) < bytes.size;
}
