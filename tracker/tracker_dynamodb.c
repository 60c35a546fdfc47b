#include "tracker/tracker_dynamodb.h"

#include "tracker/tracker_dynamodb_table.h"

#include "infra/base/memory.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 5000
#define ARENA_BYTES        ((size_t)64 * 1024)
#define SCRATCH_MAX_BYTES  ((size_t)1 << 30)
#define NAME_MIN_BYTES     3
#define NAME_MAX_BYTES     255

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

static void dynamodb_close(struct tracker *tracker)
{
    struct dynamodb_store *store = store_of(tracker);

    if (store->is_open && store->count_changes > 0) {
        dynamodb_begin(store);
        dynamodb_flush_counts(store, false);
    }
    aws_client_free(store->aws);
    arena_free(store->arena);
    arena_free(store->scratch);
    free(store);
}

static enum status dynamodb_ping(struct tracker *tracker, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_get get = {.key = {.pk = "m", .sk = "m"}};

    dynamodb_begin(store);
    return dynamodb_get_all(store, &get, 1, false, error);
}

enum status dynamodb_find(struct tracker *tracker, struct arena *arena,
                          struct tracker_lookup *lookups, size_t count, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_find *finds = NULL;
    size_t *places = NULL; /* of each lookup, in finds */
    size_t asked = 0;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    finds = ARENA_ARRAY(store->scratch, count, struct dynamodb_find);
    places = ARENA_ARRAY(store->scratch, count, size_t);
    for (size_t i = 0; i < count; i++) {
        while (places[i] < asked && strcmp(finds[places[i]].id, lookups[i].id) != 0) {
            places[i]++;
        }
        if (places[i] == asked) {
            finds[asked++].id = lookups[i].id;
        }
    }
    status = dynamodb_find_all(store, arena, finds, asked, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        lookups[i].found = json_exists(finds[places[i]].item);
        lookups[i].record = finds[places[i]].record;
    }
    return status;
}

/* DynamoDB removes by itself what has expired; until it has, nobody sees it. */
static enum status dynamodb_expire(struct tracker *tracker, int64_t now_ms, size_t limit,
                                   size_t *removed, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);

    (void)limit;
    (void)removed;
    (void)error;
    store->told_ms = now_ms > store->told_ms ? now_ms : store->told_ms;
    return STATUS_OK;
}

static const struct tracker_backend dynamodb_backend = {
    .name = "dynamodb",
    .close = dynamodb_close,
    .ping = dynamodb_ping,
    .register_ = dynamodb_register,
    .find = dynamodb_find,
    .update = dynamodb_update,
    .claim = dynamodb_claim,
    .group_latest = dynamodb_group_latest,
    .list = dynamodb_list,
    .count = dynamodb_count,
    .touch = dynamodb_touch,
    .lock_take = dynamodb_lock_take,
    .lock_holder = dynamodb_lock_holder,
    .lock_release = dynamodb_lock_release,
    .lock_wait = dynamodb_lock_wait,
    .lock_leave = dynamodb_lock_leave,
    .lock_first = dynamodb_lock_first,
    .park = dynamodb_park,
    .parked_list = dynamodb_parked_list,
    .parked_take = dynamodb_parked_take,
    .reply_put = dynamodb_reply_put,
    .reply_get = dynamodb_reply_get,
    .expire = dynamodb_expire,
};

/* ---- Opening -------------------------------------------------------------------------------- */

MUST_CHECK static enum status check_name(const char *table, struct error *error)
{
    static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    const size_t size = strlen(table);

    if (size < NAME_MIN_BYTES || size > NAME_MAX_BYTES || strspn(table, bytes) != size) {
        return error_set(error, STATUS_REJECTED,
                         "tracker url: a table's name has %d to %d letters, digits, '_', '.' or "
                         "'-'",
                         NAME_MIN_BYTES, NAME_MAX_BYTES);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status write_schema(struct dynamodb_store *store, struct error *error)
{
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {.table = store->table,
                                   .key = {.pk = "m", .sk = "m"},
                                   .condition = "attribute_not_exists(#pk)"};
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_add_number(&write.values, "schema", TRACKER_SCHEMA);
    dynamodb_build_put(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, &item, error);
    /* Another process was first: it looks at the schema at its next start. */
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

/* The first word with the table: whether it is there, and of which schema. */
MUST_CHECK static enum status check_schema(struct dynamodb_store *store, struct error *error)
{
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    status = dynamodb_get_one(store, (struct dynamodb_key){.pk = "m", .sk = "m"}, &item, error);
    if (status != STATUS_OK) {
        return status;
    }
    const int64_t schema = dynamodb_number(item, "schema", 0);
    if (schema > TRACKER_SCHEMA) {
        return error_set(error, STATUS_REJECTED,
                         "dynamodb: the table %s has schema %lld, this release knows %d",
                         store->table, (long long)schema, TRACKER_SCHEMA);
    }
    return json_exists(item) ? STATUS_OK : write_schema(store, error);
}

MUST_CHECK static enum status equip(struct dynamodb_store *store,
                                    const struct tracker_options *options, struct error *error)
{
    const char *table = tracker_dynamodb_table_name(options->url);
    enum status status = STATUS_OK;

    if (!options->aws) {
        return error_set(error, STATUS_REJECTED, "tracker url: dynamodb: needs AWS credentials");
    }
    status = check_name(table, error);
    if (status != STATUS_OK) {
        return status;
    }
    store->table = arena_text(store->arena, slice_from_text(table));
    store->clock = options->aws->clock;
    store->random = options->aws->random;
    random_fill(store->random, &store->writer_seed, sizeof(store->writer_seed));
    store->next_part = (unsigned)random_below(store->random, DYNAMODB_DUE_PARTS);
    return aws_client_new(options->aws, &store->aws, error);
}

enum status tracker_dynamodb_open(const struct tracker_options *options, struct tracker **tracker,
                                  struct error *error)
{
    struct dynamodb_store *store = memory_new(sizeof(*store));
    enum status status = STATUS_OK;

    store->tracker.backend = &dynamodb_backend;
    store->arena = arena_new(ARENA_BYTES);
    store->scratch = arena_new(SCRATCH_MAX_BYTES);
    store->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    status = equip(store, options, error);
    if (status == STATUS_OK) {
        status = check_schema(store, error);
    }
    if (status != STATUS_OK) {
        dynamodb_close(&store->tracker);
        return status;
    }
    store->is_open = true;
    *tracker = &store->tracker;
    return STATUS_OK;
}
