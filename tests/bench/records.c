#include "tests/bench/records.h"

#include "tests/support/cmocka.h"
#include "tests/support/pipeline.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SQL_BYTES   200
#define TOKEN_BYTES 1000
#define DAY_MS      INT64_C(86400000)
#define FIRST_MS    INT64_C(1784000000000)

struct records {
    struct pipeline pipeline;
    struct seal_keys *keys;
    struct record_seal seal;
    struct record models[RECORDS_STAGES];
    struct credentials_provider *credentials;
    struct aws_client_options aws;
};

static void give_up(const struct error *error)
{
    (void)fprintf(stderr, "%s\n", error->text);
    abort();
}

/* Tokens are base64 of what is encrypted: xorshift64* makes one from its number. */
static void make_token(unsigned number, char token[TOKEN_BYTES + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint64_t bits = (number + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15);

    for (size_t i = 0; i < TOKEN_BYTES; i++) {
        bits ^= bits >> 12;
        bits ^= bits << 25;
        bits ^= bits >> 27;
        token[i] = digits[(bits * UINT64_C(2685821657736338717)) >> 58];
    }
    token[TOKEN_BYTES] = '\0';
}

const char *records_request(struct arena *arena, unsigned number)
{
    static const char sql[] =
        "insert into fact_sales select s.sale_id, d.date_key, p.product_key, s.quantity * s.price "
        "from staging.sales s join dim_date d on d.day = s.sold_on join dim_product p using "
        "(product_no) where batch = 1";
    char token[TOKEN_BYTES + 1];

    static_assert(sizeof(sql) - 1 == SQL_BYTES, "as the figures say");
    make_token(number, token);
    return arena_format(arena,
                        "{\"sqlStatement\":\"%s\",\"requestKey\":\"key-%u\",\"taskToken\":\"%s\","
                        "\"executionArn\":\"%.*s\"}",
                        sql, number, token, SLICE_PRINT(records_group(arena, number)));
}

struct slice records_group(struct arena *arena, unsigned number)
{
    return slice_from_text(arena_format(arena,
                                        "arn:aws:states:eu-west-1:000000000000:execution:"
                                        "nightly-load:11111111-2222-3333-4444-%012u",
                                        number / RECORDS_GROUP_OF));
}

void records_id(unsigned number, char id[TRACKER_ID_BYTES + 1])
{
    char key[32];

    (void)snprintf(key, sizeof(key), "key-%u", number);
    invocation_id(SLICE("request-key"), slice_from_text(key), id);
}

/* The model's life: accepted and submitted, ended and told, a day later shrunk. */
static void make_models(struct records *records)
{
    struct pipeline *pipeline = &records->pipeline;
    char id[TRACKER_ID_BYTES + 1];
    const char *name = NULL;

    records_id(0, id);
    pipeline_open(pipeline, NULL);
    assert_int_equal(pipeline_post(pipeline, records_request(pipeline->arena, 0)), 202);
    records->models[RECORDS_OPEN] = pipeline_record(pipeline, id);
    name = pipeline_name(pipeline, id, 1, 1);
    cloud_end(pipeline->cloud, name, "FINISHED", "");
    assert_true(pipeline_event(pipeline, name, "FINISHED"));
    records->models[RECORDS_SETTLED] = pipeline_record(pipeline, id);
    assert_true(records->models[RECORDS_SETTLED].state.settled_at_ms > 0);
    assert_int_equal(pipeline_sweep(pipeline, DAY_MS + 60000), 1);
    records->models[RECORDS_TOMBSTONE] = pipeline_record(pipeline, id);
    assert_true(records->models[RECORDS_TOMBSTONE].state.tombstone);
}

struct records *records_new(const char *key_file)
{
    struct records *records = calloc(1, sizeof(*records));
    struct error error = ERROR_NONE;

    if (!records || seal_keys_load(key_file, &records->keys, &error) != STATUS_OK) {
        give_up(&error);
    }
    make_models(records);
    records->seal = (struct record_seal){records->keys, random_system()};
    records->credentials = credentials_provider_new(environ, clock_system());
    records->aws = (struct aws_client_options){.environment = environ,
                                               .credentials = records->credentials,
                                               .clock = clock_system(),
                                               .random = random_system()};
    return records;
}

void records_free(struct records *records)
{
    pipeline_close(&records->pipeline);
    credentials_provider_free(records->credentials);
    seal_keys_free(records->keys);
    free(records);
}

struct tracker_record records_make(const struct records *records, struct arena *arena,
                                   enum records_stage stage, unsigned number, int64_t due_at_ms)
{
    struct record record = records->models[stage];
    char token[TOKEN_BYTES + 1];
    struct tracker_record stored;
    struct error error = ERROR_NONE;

    make_token(number, token);
    records_id(number, record.plan.id);
    if (stage == RECORDS_OPEN) {
        address_init(&record.plan.addresses[0], ADDRESS_TASK_TOKEN, slice_from_text(token));
        record.plan.group = records_group(arena, number);
    }
    record.group = records_group(arena, number);
    record.created_at_ms = record.plan.created_at_ms = FIRST_MS + number;
    record.due_at_ms = stage == RECORDS_TOMBSTONE ? 0 : due_at_ms;
    if (record_close(&records->seal, arena, &record, "bench:1:0000", &stored, &error) !=
        STATUS_OK) {
        give_up(&error);
    }
    stored.expires_at_ms = stage == RECORDS_OPEN ? 0 : due_at_ms;
    return stored;
}

struct tracker *records_open_tracker(struct records *records, const char *url)
{
    const struct tracker_options options = {.url = url, .aws = &records->aws};
    struct tracker *tracker = NULL;
    struct error error = ERROR_NONE;

    if (tracker_open(&options, &tracker, &error) != STATUS_OK) {
        give_up(&error);
    }
    return tracker;
}
