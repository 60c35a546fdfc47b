/* A record as two items: the one that decides and the plan that it names. */
#include "tracker/tracker_dynamodb.h"

#include "infra/base/encode.h"
#include "infra/base/log.h"

#include <inttypes.h>
#include <string.h>

#define PLAN_HASH_BYTES 32 /* hex digits of the plan's SHA-256 in its key */
/* A plan that is not there any more was replaced after its name was read. */
#define FIND_TRIES 3

struct dynamodb_key dynamodb_record_key(struct dynamodb_store *store, const char *id)
{
    return (struct dynamodb_key){.pk = arena_format(store->scratch, "r#%s", id), .sk = "r"};
}

/* Sorts behind every plan of an older version and before those of this one. */
const char *dynamodb_plan_prefix(struct dynamodb_store *store, int64_t version)
{
    return arena_format(store->scratch, "p#%015" PRId64, version);
}

/* Two that write the same version with different plans do not meet, and a plan that was replaced is
 * never named again. */
const char *dynamodb_plan_key(struct dynamodb_store *store, int64_t version, struct slice plan)
{
    char hash[SHA256_HEX_BYTES + 1];

    digest_sha256_hex(plan, hash);
    return arena_format(store->scratch, "%s#%.*s", dynamodb_plan_prefix(store, version),
                        PLAN_HASH_BYTES, hash);
}

bool dynamodb_has_expired(const struct dynamodb_store *store, struct json item)
{
    const int64_t expires_at_ms = dynamodb_number(item, "expires", 0);

    return expires_at_ms != 0 && expires_at_ms <= dynamodb_now_ms(store);
}

void dynamodb_read_record(struct arena *arena, struct json item, struct tracker_record *record)
{
    const struct slice id = slice_part(dynamodb_text(item, "pk"), 2, TRACKER_ID_BYTES);
    const struct slice owner = slice_part(dynamodb_text(item, "owner"), 0, TRACKER_OWNER_MAX_BYTES);

    *record = (struct tracker_record){
        .version = dynamodb_number(item, "version", 0),
        .format = dynamodb_number(item, "format", 0),
        .created_at_ms = dynamodb_number(item, "created", 0),
        .due_at_ms = dynamodb_number(item, "due", 0),
        .settled_at_ms = dynamodb_number(item, "settled", 0),
        .expires_at_ms = dynamodb_number(item, "expires", 0),
        .group = dynamodb_bytes(arena, item, "group"),
        .state = dynamodb_bytes(arena, item, "state"),
    };
    if (id.size > 0) {
        memcpy(record->id, id.data, id.size);
    }
    if (owner.size > 0) {
        memcpy(record->lease_owner, owner.data, owner.size);
    }
}

void dynamodb_add_columns(struct dynamodb_store *store, struct dynamodb_values *values,
                          const struct tracker_record *record)
{
    dynamodb_add_number(values, "format", record->format);
    dynamodb_add_number(values, "due", record->due_at_ms);
    dynamodb_add_number(values, "settled", record->settled_at_ms);
    dynamodb_add_number(values, "expires", record->expires_at_ms);
    dynamodb_add_text(values, "owner", slice_from_text(record->lease_owner));
    dynamodb_add_bytes(values, "state", record->state);
    if (record->due_at_ms != 0) {
        dynamodb_add_text(values, "part",
                          slice_from_text(dynamodb_due_part(store, record->format, record->id)));
    }
    if (record->expires_at_ms != 0) {
        dynamodb_add_number(values, "ttl", dynamodb_ttl(record->expires_at_ms));
    }
}

bool dynamodb_is_written_by(struct json item, const char *writer)
{
    return writer && slice_equals_text(dynamodb_text(item, "writer"), writer);
}

bool dynamodb_is_second(const char *const *ids, const bool *waits, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (waits[i] && strcmp(ids[i], ids[index]) == 0) {
            return true;
        }
    }
    return false;
}

static const char *plan_key_of(struct dynamodb_store *store, struct json item)
{
    return arena_text(store->scratch, dynamodb_text(item, "plan"));
}

/* Reads the items of those finds that have none. */
MUST_CHECK static enum status find_items(struct dynamodb_store *store, struct dynamodb_find *finds,
                                         size_t count, struct error *error)
{
    struct dynamodb_get *gets = ARENA_ARRAY(store->scratch, count, struct dynamodb_get);
    size_t asked = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (!json_exists(finds[i].item)) {
            gets[asked++].key = dynamodb_record_key(store, finds[i].id);
        }
    }
    status = dynamodb_get_all(store, gets, asked, true, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < count; i++) {
        if (!json_exists(finds[i].item)) {
            finds[i].item = gets[at++].item;
        }
        if (dynamodb_has_expired(store, finds[i].item)) {
            finds[i].item = (struct json){NULL, NULL};
        }
    }
    return status;
}

/* One pass over the plans that are still to be read. Under its key a plan never changes, so that
 * the cheap read will do wherever it finds one. */
MUST_CHECK static enum status read_plans(struct dynamodb_store *store, struct arena *arena,
                                         struct dynamodb_find *finds, size_t count, bool consistent,
                                         struct error *error)
{
    struct dynamodb_get *gets = ARENA_ARRAY(store->scratch, count, struct dynamodb_get);
    size_t asked = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (finds[i].plan_key) {
            gets[asked].key = dynamodb_record_key(store, finds[i].id);
            gets[asked++].key.sk = finds[i].plan_key;
        }
    }
    status = dynamodb_get_all(store, gets, asked, consistent, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < count; i++) {
        if (!finds[i].plan_key) {
            continue;
        }
        finds[i].record.plan = dynamodb_bytes(arena, gets[at++].item, "plan");
        if (finds[i].record.plan.data) {
            finds[i].plan_key = NULL;
        }
    }
    return status;
}

enum status dynamodb_find_plans(struct dynamodb_store *store, struct arena *arena,
                                struct dynamodb_find *finds, size_t count, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        dynamodb_read_record(arena, finds[i].item, &finds[i].record);
        finds[i].plan_key = plan_key_of(store, finds[i].item);
    }
    status = read_plans(store, arena, finds, count, false, error);
    return status == STATUS_OK ? read_plans(store, arena, finds, count, true, error) : status;
}

/* The finds of the list that have an item, put together; those whose plan is missing are left. */
MUST_CHECK static enum status find_once(struct dynamodb_store *store, struct arena *arena,
                                        struct dynamodb_find **left, size_t *left_count,
                                        struct error *error)
{
    struct dynamodb_find *finds = ARENA_ARRAY(store->scratch, *left_count, struct dynamodb_find);
    size_t kept = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < *left_count; i++) {
        finds[i] = *left[i];
        if (finds[i].plan_key) {
            finds[i].item = (struct json){NULL, NULL}; /* read before its plan was replaced */
        }
    }
    status = find_items(store, finds, *left_count, error);
    if (status == STATUS_OK) {
        status = dynamodb_find_plans(store, arena, finds, *left_count, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < *left_count; i++) {
        *left[i] = finds[i];
        if (finds[i].plan_key) {
            left[kept++] = left[i];
        }
    }
    *left_count = kept;
    return status;
}

enum status dynamodb_find_all(struct dynamodb_store *store, struct arena *arena,
                              struct dynamodb_find *finds, size_t count, struct error *error)
{
    struct dynamodb_find **left = ARENA_ARRAY(store->scratch, count, struct dynamodb_find *);
    size_t left_count = count;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        left[i] = &finds[i];
    }
    for (int i = 0; status == STATUS_OK && left_count > 0 && i < FIND_TRIES; i++) {
        status = find_once(store, arena, left, &left_count, error);
    }
    /* It reads as damaged, and holds up nobody else. */
    for (size_t i = 0; status == STATUS_OK && i < left_count; i++) {
        log_error("the plan of a record is missing", LOG_CSTR("invocationId", left[i]->id));
    }
    return status;
}
