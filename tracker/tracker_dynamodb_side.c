/* Locks, parked messages and replies in DynamoDB. */
#include "tracker/tracker_dynamodb.h"

#include <string.h>

/* Of a reply's blob in one item. */
#define REPLY_PART_BYTES (300u * 1024)
#define REPLY_PARTS_MAX  (TRACKER_REPLY_MAX_BYTES / REPLY_PART_BYTES + 1)
/* How often a lock is tried again that was released while it was looked at. */
#define TAKE_TRIES 4

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

static bool copy_id(struct slice text, char id[TRACKER_ID_BYTES + 1])
{
    if (text.size != TRACKER_ID_BYTES) {
        return false;
    }
    memcpy(id, text.data, TRACKER_ID_BYTES);
    id[TRACKER_ID_BYTES] = '\0';
    return true;
}

/* ---- Locks ---------------------------------------------------------------------------------- */

static struct dynamodb_key lock_key(struct dynamodb_store *store, const char *key)
{
    return (struct dynamodb_key){.pk = arena_format(store->scratch, "k#%s", key), .sk = "k"};
}

/* One try. OK or CONFLICT: holder is who has it now, "" when it was released meanwhile. */
MUST_CHECK static enum status try_take(struct dynamodb_store *store, struct dynamodb_key key,
                                       const char *owner, const char *expected, char *holder,
                                       struct error *error)
{
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {
        .table = store->table,
        .key = key,
        .update = "SET #owner = :owner",
        .condition = "attribute_not_exists(#pk) OR #owner = :owner OR #owner = :expected",
        .tells_item = true,
        .returns = "ALL_NEW"};
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_add_text(&write.values, "owner", slice_from_text(owner));
    dynamodb_add_text(&write.values, "expected", slice_from_text(expected ? expected : owner));
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, &item, error);
    if (status == STATUS_CONFLICT && !json_exists(item)) {
        const enum status read = dynamodb_get_one(store, key, &item, error);
        status = read == STATUS_OK ? status : read;
    }
    if (!copy_id(dynamodb_text(item, "owner"), holder)) {
        holder[0] = '\0';
    }
    return status;
}

enum status dynamodb_lock_take(struct tracker *tracker, const char *key, const char *owner,
                               const char *expected, char *holder, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_key item_key;
    enum status status = STATUS_CONFLICT;

    dynamodb_begin(store);
    item_key = lock_key(store, key);
    for (int i = 0; i < TAKE_TRIES && status == STATUS_CONFLICT && holder[0] == '\0'; i++) {
        status = try_take(store, item_key, owner, expected, holder, error);
    }
    if (status != STATUS_CONFLICT) {
        return status;
    }
    if (holder[0] == '\0') {
        return error_set(error, STATUS_RETRY, "dynamodb: the lock changes hands");
    }
    /* A sending before, whose answer was lost, may have taken it. */
    return strcmp(holder, owner) == 0 ? STATUS_OK
                                      : error_set(error, STATUS_CONFLICT, "the lock is held");
}

enum status dynamodb_lock_holder(struct tracker *tracker, const char *key, char *holder,
                                 struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    status = dynamodb_get_one(store, lock_key(store, key), &item, error);
    if (status != STATUS_OK) {
        return status;
    }
    return copy_id(dynamodb_text(item, "owner"), holder) ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status dynamodb_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                  struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {.table = store->table, .condition = "#owner = :owner"};
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    write.key = lock_key(store, key);
    dynamodb_add_text(&write.values, "owner", slice_from_text(owner));
    dynamodb_build_delete(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, &item, error);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

/* ---- Waiters -------------------------------------------------------------------------------- */

static struct dynamodb_key waiter_key(struct dynamodb_store *store, const char *key,
                                      const char *kind, struct slice name)
{
    return (struct dynamodb_key){
        .pk = arena_format(store->scratch, "w#%s", key),
        .sk = arena_format(store->scratch, "%s#%.*s", kind, SLICE_PRINT(name))};
}

/* First the waiter's own item, which says what place it has, then the place: so whoever has a place
 * can leave it. */
enum status dynamodb_lock_wait(struct tracker *tracker, const char *key, const char *id,
                               int64_t since_ms, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    const struct tracker_place place = tracker_place_make(since_ms, id);
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {
        .update = "SET #place = if_not_exists(#place, :place), #ttl = :ttl", .returns = "ALL_NEW"};
    struct dynamodb_batch_write entry = {.is_delete = false};
    struct json item;
    int64_t ttl = 0;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    ttl = dynamodb_ttl(dynamodb_now_ms(store) + DYNAMODB_KEEP_MS);
    write.table = store->table;
    write.key = waiter_key(store, key, "i", slice_from_text(id));
    dynamodb_add_text(&write.values, "place", slice_from_text(place.text));
    dynamodb_add_number(&write.values, "ttl", ttl);
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, &item, error);
    if (status != STATUS_OK) {
        return status;
    }
    entry.key = waiter_key(store, key, "t", dynamodb_text(item, "place"));
    dynamodb_add_number(&entry.values, "ttl", ttl);
    return dynamodb_write_all(store, &entry, 1, error);
}

enum status dynamodb_lock_leave(struct tracker *tracker, const char *key, const char *id,
                                struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_batch_write place = {.is_delete = true};
    struct dynamodb_batch_write waiter = {.is_delete = true};
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    waiter.key = waiter_key(store, key, "i", slice_from_text(id));
    status = dynamodb_get_one(store, waiter.key, &item, error);
    if (status != STATUS_OK || !json_exists(item)) {
        return status;
    }
    place.key = waiter_key(store, key, "t", dynamodb_text(item, "place"));
    status = dynamodb_write_all(store, &place, 1, error);
    return status == STATUS_OK ? dynamodb_write_all(store, &waiter, 1, error) : status;
}

enum status dynamodb_lock_first(struct tracker *tracker, const char *key, char *id,
                                struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_query query = {
        .condition = "#pk = :pk AND begins_with(#sk, :sk)", .consistent = true, .limit = 1};
    struct dynamodb_page page;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    query.table = store->table;
    dynamodb_add_text(&query.values, "pk",
                      slice_from_text(arena_format(store->scratch, "w#%s", key)));
    dynamodb_add_text(&query.values, "sk", SLICE("t#"));
    status = dynamodb_query_one(store, &query, &page, error);
    if (status != STATUS_OK) {
        return status;
    }
    const struct slice place = dynamodb_text(page.first, "sk");
    return copy_id(slice_part(place, place.size - TRACKER_ID_BYTES, TRACKER_ID_BYTES), id)
               ? STATUS_OK
               : STATUS_NOT_FOUND;
}

/* ---- Parked messages ------------------------------------------------------------------------ */

static struct dynamodb_key parked_key(struct dynamodb_store *store, const char *id)
{
    return (struct dynamodb_key){.pk = arena_format(store->scratch, "q#%s", id), .sk = "q"};
}

static struct dynamodb_batch_write parked_hint(struct dynamodb_store *store, const char *id,
                                               int64_t first_seen_ms)
{
    const struct tracker_place place = tracker_place_make(first_seen_ms, id);

    return (struct dynamodb_batch_write){
        .key = {.pk = arena_format(store->scratch, "u#%02u", dynamodb_part(id)),
                .sk = arena_format(store->scratch, "%s", place.text)}};
}

/* Taken ones are as good as gone: `writer` is the taker's. */
static void build_park(struct dynamodb_store *store, const struct tracker_parked *message,
                       struct aws_call *call)
{
    struct dynamodb_write write = {.table = store->table,
                                   .key = parked_key(store, message->id),
                                   .condition =
                                       "attribute_not_exists(#pk) OR attribute_exists(#writer) OR "
                                       "(#expires > :zero AND #expires <= :now)",
                                   .tells_item = true};

    dynamodb_add_number(&write.values, "seen", message->first_seen_ms);
    dynamodb_add_number(&write.values, "expires", message->expires_at_ms);
    dynamodb_add_bytes(&write.values, "source", message->source);
    dynamodb_add_bytes(&write.values, "reason", message->reason);
    dynamodb_add_bytes(&write.values, "digest", message->digest);
    dynamodb_add_bytes(&write.values, "body", message->body);
    if (message->expires_at_ms != 0) {
        dynamodb_add_number(&write.values, "ttl", dynamodb_ttl(message->expires_at_ms));
    }
    dynamodb_add_number(&write.extra, "zero", 0);
    dynamodb_add_number(&write.extra, "now", dynamodb_now_ms(store));
    dynamodb_build_put(store->scratch, &write, call);
}

MUST_CHECK static enum status put_parked_hints(struct dynamodb_store *store,
                                               const struct tracker_parked *messages, size_t count,
                                               struct error *error)
{
    struct dynamodb_batch_write *hints =
        ARENA_ARRAY(store->scratch, count, struct dynamodb_batch_write);

    for (size_t i = 0; i < count; i++) {
        hints[i] = parked_hint(store, messages[i].id, messages[i].first_seen_ms);
        if (messages[i].expires_at_ms != 0) {
            dynamodb_add_number(&hints[i].values, "ttl", dynamodb_ttl(messages[i].expires_at_ms));
        }
    }
    return dynamodb_write_all(store, hints, count, error);
}

/* The hint of a message that was parked before, at another time, leads nowhere. */
static void finish_parking(struct dynamodb_store *store, const struct tracker_parked *message,
                           const struct dynamodb_exchange *exchange)
{
    const int64_t seen_ms = dynamodb_number(dynamodb_read_write(exchange->root), "seen", -1);

    if (exchange->call.status == STATUS_OK) {
        dynamodb_count_parked(store, message->expires_at_ms, 1);
    } else if (seen_ms >= 0 && seen_ms != message->first_seen_ms) {
        struct dynamodb_batch_write hint = parked_hint(store, message->id, message->first_seen_ms);
        hint.is_delete = true;
        dynamodb_try_all(store, &hint, 1);
    }
}

static bool is_parked_twice(const struct tracker_parked *messages, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (strcmp(messages[i].id, messages[index].id) == 0) {
            return true;
        }
    }
    return false;
}

enum status dynamodb_park(struct tracker *tracker, const struct tracker_parked *messages,
                          size_t count, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct tracker_parked *once = NULL;
    struct dynamodb_exchange *exchanges = NULL;
    size_t once_count = 0;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    once = ARENA_ARRAY(store->scratch, count, struct tracker_parked);
    exchanges = ARENA_ARRAY(store->scratch, count, struct dynamodb_exchange);
    for (size_t i = 0; i < count; i++) {
        if (!is_parked_twice(messages, i)) {
            once[once_count] = messages[i];
            build_park(store, &messages[i], &exchanges[once_count++].call);
        }
    }
    status = put_parked_hints(store, once, once_count, error);
    if (status == STATUS_OK) {
        status = dynamodb_send(store, exchanges, once_count, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < once_count; i++) {
        if (exchanges[i].call.status != STATUS_OK &&
            !dynamodb_condition_failed(&exchanges[i].call)) {
            status = dynamodb_problem(store, &exchanges[i].call, error);
        } else {
            finish_parking(store, &once[i], &exchanges[i]);
        }
    }
    dynamodb_flush_counts(store, true);
    return status;
}

void dynamodb_read_parked(struct arena *arena, struct json item, struct tracker_parked *message)
{
    *message = (struct tracker_parked){
        .first_seen_ms = dynamodb_number(item, "seen", 0),
        .expires_at_ms = dynamodb_number(item, "expires", 0),
        .source = dynamodb_bytes(arena, item, "source"),
        .reason = dynamodb_bytes(arena, item, "reason"),
        .digest = dynamodb_bytes(arena, item, "digest"),
        .body = dynamodb_bytes(arena, item, "body"),
    };
    (void)copy_id(slice_part(dynamodb_text(item, "pk"), 2, TRACKER_ID_BYTES), message->id);
}

/* Marks the message as this taker's: a deletion whose answer is lost would lose the message too.
 * NOT_FOUND: it is not there or another's. */
MUST_CHECK static enum status mark_taken(struct dynamodb_store *store, const char *id,
                                         struct json *item, struct error *error)
{
    const char *writer = dynamodb_writer(store);
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {.table = store->table,
                                   .key = parked_key(store, id),
                                   .update = "SET #writer = :writer",
                                   .condition = "attribute_exists(#pk) AND "
                                                "attribute_not_exists(#writer) AND "
                                                "(#expires = :zero OR #expires > :now)",
                                   .tells_item = true,
                                   .returns = "ALL_NEW"};
    enum status status = STATUS_OK;
    enum status read = STATUS_OK;

    dynamodb_add_text(&write.values, "writer", slice_from_text(writer));
    dynamodb_add_number(&write.values, "zero", 0);
    dynamodb_add_number(&write.values, "now", dynamodb_now_ms(store));
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, item, error);
    if (status != STATUS_CONFLICT && status != STATUS_RETRY) {
        return status;
    }
    read = json_exists(*item)
               ? STATUS_OK
               : dynamodb_get_one(store, write.key, item, status == STATUS_CONFLICT ? error : NULL);
    if (read == STATUS_OK && slice_equals_text(dynamodb_text(*item, "writer"), writer)) {
        return STATUS_OK;
    }
    if (status == STATUS_RETRY) {
        return status;
    }
    return read == STATUS_OK ? STATUS_NOT_FOUND : read;
}

enum status dynamodb_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                                 struct tracker_parked *message, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_batch_write writes[2];
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    status = mark_taken(store, id, &item, error);
    if (status != STATUS_OK) {
        return status;
    }
    dynamodb_read_parked(arena, item, message);
    writes[0] = (struct dynamodb_batch_write){.key = parked_key(store, id)};
    writes[1] = parked_hint(store, id, message->first_seen_ms);
    writes[0].is_delete = writes[1].is_delete = true;
    dynamodb_try_all(store, writes, ARRAY_COUNT(writes));
    dynamodb_count_parked(store, message->expires_at_ms, -1);
    dynamodb_flush_counts(store, true);
    return STATUS_OK;
}

/* ---- Replies -------------------------------------------------------------------------------- */

static const char *reply_partition(struct dynamodb_store *store, const char *id)
{
    return arena_format(store->scratch, "y#%s", id);
}

/* What is there stays, the later expiry holds. OK also when nothing had to be written. */
MUST_CHECK static enum status put_part(struct dynamodb_store *store, struct dynamodb_key key,
                                       struct slice bytes, size_t parts, int64_t expires_at_ms,
                                       struct error *error)
{
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {.table = store->table, .key = key};
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_add_bytes(&write.values, "body", bytes);
    dynamodb_add_number(&write.values, "parts", (int64_t)parts);
    dynamodb_add_number(&write.values, "expires", expires_at_ms);
    if (expires_at_ms == 0) {
        write.update = "SET #body = if_not_exists(#body, :body), "
                       "#parts = if_not_exists(#parts, :parts), #expires = :expires REMOVE #ttl";
        write.condition = "attribute_not_exists(#pk) OR #expires <> :expires";
    } else {
        write.update = "SET #body = if_not_exists(#body, :body), "
                       "#parts = if_not_exists(#parts, :parts), #expires = :expires, #ttl = :ttl";
        write.condition = "attribute_not_exists(#pk) OR "
                          "(#expires <> :zero AND #expires < :expires)";
        dynamodb_add_number(&write.values, "zero", 0);
        dynamodb_add_number(&write.values, "ttl", dynamodb_ttl(expires_at_ms));
    }
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, &item, error);
    return status == STATUS_CONFLICT ? STATUS_OK : status;
}

/* The first part comes last: with it the reply is there. */
enum status dynamodb_reply_put(struct tracker *tracker, const char *id, const char *digest,
                               struct slice blob, int64_t expires_at_ms, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    const size_t parts = blob.size == 0 ? 1 : (blob.size - 1) / REPLY_PART_BYTES + 1;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    for (size_t part = parts; status == STATUS_OK && part-- > 0;) {
        const struct dynamodb_key key = {.pk = reply_partition(store, id),
                                         .sk =
                                             arena_format(store->scratch, "%s#%zu", digest, part)};
        status = put_part(store, key, slice_part(blob, part * REPLY_PART_BYTES, REPLY_PART_BYTES),
                          parts, expires_at_ms, error);
    }
    return status;
}

static struct slice join(struct arena *arena, const struct slice *parts, size_t count)
{
    size_t size = 0;
    char *bytes = NULL;

    for (size_t i = 0; i < count; i++) {
        size += parts[i].size;
    }
    bytes = arena_alloc(arena, size + 1);
    for (size_t i = 0, at = 0; i < count; at += parts[i].size, i++) {
        memcpy(bytes + at, parts[i].data, parts[i].size);
    }
    return (struct slice){bytes, size};
}

enum status dynamodb_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                               const char *digest, struct slice *blob, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_query query = {.condition = "#pk = :pk AND begins_with(#sk, :sk)",
                                   .consistent = true};
    struct slice parts[REPLY_PARTS_MAX];
    struct dynamodb_page page;
    size_t count = 0;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    query.table = store->table;
    dynamodb_add_text(&query.values, "pk", slice_from_text(reply_partition(store, id)));
    dynamodb_add_text(&query.values, "sk",
                      slice_from_text(arena_format(store->scratch, "%s#", digest)));
    status = dynamodb_query_one(store, &query, &page, error);
    if (status != STATUS_OK) {
        return status;
    }
    for (struct json item = page.first; json_kind(item) != JSON_ABSENT && count < REPLY_PARTS_MAX;
         item = json_next(item)) {
        parts[count] = dynamodb_bytes(store->scratch, item, "body");
        if (!parts[count++].data || dynamodb_has_expired(store, item)) {
            return STATUS_NOT_FOUND;
        }
    }
    if (count == 0 || dynamodb_number(page.first, "parts", 0) != (int64_t)count) {
        return STATUS_NOT_FOUND;
    }
    *blob = join(arena, parts, count);
    return STATUS_OK;
}
