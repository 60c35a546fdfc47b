/* Hints: where lists and groups find a record. */
#include "tracker/tracker_dynamodb.h"

#include "infra/base/encode.h"

#include <string.h>

struct dynamodb_hints dynamodb_hints_begin(struct dynamodb_store *store, size_t count)
{
    return (struct dynamodb_hints){
        .writes = ARENA_ARRAY(store->scratch, count, struct dynamodb_batch_write)};
}

void dynamodb_put_plan(struct dynamodb_store *store, struct dynamodb_hints *hints,
                       const struct tracker_record *record, const char *plan_key, int64_t kept_ms)
{
    struct dynamodb_batch_write *write = &hints->writes[hints->count++];

    *write = (struct dynamodb_batch_write){.key = dynamodb_record_key(store, record->id)};
    write->key.sk = plan_key;
    dynamodb_add_bytes(&write->values, "plan", record->plan);
    if (kept_ms != 0) {
        dynamodb_add_number(&write->values, "ttl", dynamodb_ttl(kept_ms));
    }
}

void dynamodb_drop_plan(struct dynamodb_store *store, struct dynamodb_hints *hints, const char *id,
                        const char *plan_key)
{
    struct dynamodb_batch_write *write = &hints->writes[hints->count++];

    *write =
        (struct dynamodb_batch_write){.key = dynamodb_record_key(store, id), .is_delete = true};
    write->key.sk = plan_key;
}

int64_t dynamodb_keep_until(const struct dynamodb_store *store, const struct tracker_record *record)
{
    const int64_t usual_ms = dynamodb_now_ms(store) + DYNAMODB_KEEP_MS;

    if (record->settled_at_ms != 0 && record->expires_at_ms == 0) {
        return 0;
    }
    return record->expires_at_ms > usual_ms ? record->expires_at_ms : usual_ms;
}

static struct dynamodb_batch_write *add(struct dynamodb_store *store, struct dynamodb_hints *hints,
                                        const char *pk, const struct tracker_record *record)
{
    const struct tracker_place place = tracker_place_make(record->created_at_ms, record->id);
    struct dynamodb_batch_write *write = &hints->writes[hints->count++];

    *write = (struct dynamodb_batch_write){
        .key = {.pk = pk, .sk = arena_format(store->scratch, "%s", place.text)}};
    return write;
}

/* Every key that leads to the record. */
static void add_keys(struct dynamodb_store *store, struct dynamodb_hints *hints,
                     const struct tracker_record *record, unsigned kinds)
{
    const unsigned part = dynamodb_part(record->id);
    char hash[SHA256_HEX_BYTES + 1] = "";

    if (record->group.data) {
        digest_sha256_hex(record->group, hash);
    }
    if (kinds & DYNAMODB_HINTS_ALL) {
        (void)add(store, hints, arena_format(store->scratch, "l#%02u", part), record);
    }
    if (kinds & DYNAMODB_HINTS_OPEN) {
        (void)add(store, hints, arena_format(store->scratch, "o#%02u", part), record);
    }
    if (record->group.data && kinds & DYNAMODB_HINTS_ALL) {
        (void)add(store, hints, arena_format(store->scratch, "g#%s", hash), record);
    }
    if (record->group.data && kinds & DYNAMODB_HINTS_OPEN) {
        (void)add(store, hints, arena_format(store->scratch, "h#%s", hash), record);
    }
}

void dynamodb_put_hints(struct dynamodb_store *store, struct dynamodb_hints *hints,
                        const struct tracker_record *record, unsigned kinds, int64_t expires_at_ms)
{
    const size_t before = hints->count;

    add_keys(store, hints, record, kinds);
    for (size_t i = before; expires_at_ms != 0 && i < hints->count; i++) {
        dynamodb_add_number(&hints->writes[i].values, "ttl", dynamodb_ttl(expires_at_ms));
    }
}

void dynamodb_drop_hints(struct dynamodb_store *store, struct dynamodb_hints *hints,
                         const struct tracker_record *record, unsigned kinds)
{
    const size_t before = hints->count;

    add_keys(store, hints, record, kinds);
    for (size_t i = before; i < hints->count; i++) {
        hints->writes[i].is_delete = true;
    }
}

enum status dynamodb_keep_plan(struct dynamodb_store *store, const char *id, const char *plan_key,
                               int64_t until_ms)
{
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {.table = store->table,
                                   .key = dynamodb_record_key(store, id),
                                   .update = until_ms == 0 ? "REMOVE #ttl" : "SET #ttl = :ttl",
                                   .condition = "attribute_exists(#pk)"};
    struct json attributes;

    write.key.sk = plan_key;
    if (until_ms != 0) {
        dynamodb_add_number(&write.values, "ttl", dynamodb_ttl(until_ms));
    }
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    return dynamodb_write_one(store, &exchange, &attributes, NULL);
}

/* Last of all the record says so, so that what fails before is done again. */
static void say_kept(struct dynamodb_store *store, const char *id, int64_t kept_ms)
{
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {.table = store->table,
                                   .key = dynamodb_record_key(store, id),
                                   .update = "SET #kept = :kept",
                                   .condition = "attribute_exists(#pk)"};
    struct json attributes;

    dynamodb_add_number(&write.values, "kept", kept_ms);
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    (void)!dynamodb_write_one(store, &exchange, &attributes, NULL);
}

void dynamodb_renew(struct dynamodb_store *store, const struct tracker_record *record,
                    const char *plan_key, int64_t kept_ms)
{
    struct dynamodb_batch_write writes[DYNAMODB_HINTS_MAX];
    struct dynamodb_hints hints = {.writes = writes};
    const int64_t now_ms = dynamodb_now_ms(store);
    const int64_t until_ms = now_ms + DYNAMODB_KEEP_MS;
    enum status status = STATUS_OK;

    if (record->settled_at_ms != 0 || kept_ms >= now_ms + DYNAMODB_RENEW_MS) {
        return;
    }
    dynamodb_put_hints(store, &hints, record, DYNAMODB_HINTS_ALL | DYNAMODB_HINTS_OPEN, until_ms);
    status = dynamodb_write_all(store, hints.writes, hints.count, NULL);
    if (status == STATUS_OK && plan_key) {
        status = dynamodb_keep_plan(store, record->id, plan_key, until_ms);
    }
    if (status == STATUS_OK) {
        say_kept(store, record->id, until_ms);
    }
}
