/* Locks, parked messages and replies in Redis. */
#include "tracker/tracker_redis.h"

#include <string.h>

static struct redis_store *store_of(struct tracker *tracker)
{
    return (struct redis_store *)tracker;
}

static const char *key_of(struct redis_store *store, const char *name, const char *id)
{
    return redis_key(store, redis_shard(store, id), name, id);
}

static bool copy_id(const redisReply *reply, char id[TRACKER_ID_BYTES + 1])
{
    struct slice text = redis_reply_slice(reply);

    if (text.size != TRACKER_ID_BYTES) {
        return false;
    }
    memcpy(id, text.data, TRACKER_ID_BYTES);
    id[TRACKER_ID_BYTES] = '\0';
    return true;
}

enum status redis_lock_take(struct tracker *tracker, const char *key, const char *owner,
                            const char *expected, char *holder, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command = redis_add_script(
        &batch, REDIS_SCRIPT_LOCK_TAKE, redis_shard(store, key), key_of(store, "lock:", key), NULL);
    enum status status = STATUS_OK;

    redis_part_text(command, owner);
    redis_part_text(command, expected);
    status = redis_batch_run(&batch, true, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!copy_id(command->reply, holder)) {
        return error_set(error, STATUS_INTERNAL, "redis: a lock without an owner");
    }
    return strcmp(holder, owner) == 0 ? STATUS_OK
                                      : error_set(error, STATUS_CONFLICT, "the lock is held");
}

enum status redis_lock_holder(struct tracker *tracker, const char *key, char *holder,
                              struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command =
        redis_add(&batch, redis_shard(store, key), "GET", key_of(store, "lock:", key));
    enum status status = redis_batch_run(&batch, false, error);

    if (status != STATUS_OK) {
        return status;
    }
    return copy_id(command->reply, holder) ? STATUS_OK : STATUS_NOT_FOUND;
}

enum status redis_lock_release(struct tracker *tracker, const char *key, const char *owner,
                               struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command =
        redis_add_script(&batch, REDIS_SCRIPT_LOCK_RELEASE, redis_shard(store, key),
                         key_of(store, "lock:", key), NULL);

    redis_part_text(command, owner);
    return redis_batch_run(&batch, true, error);
}

enum status redis_lock_wait(struct tracker *tracker, const char *key, const char *id,
                            int64_t since_ms, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command =
        redis_add(&batch, redis_shard(store, key), "ZADD", key_of(store, "wait:", key));

    redis_part_text(command, "NX");
    redis_part_int64(&batch, command, since_ms);
    redis_part_text(command, id);
    return redis_batch_run(&batch, true, error);
}

enum status redis_lock_leave(struct tracker *tracker, const char *key, const char *id,
                             struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);

    redis_part_text(redis_add(&batch, redis_shard(store, key), "ZREM", key_of(store, "wait:", key)),
                    id);
    return redis_batch_run(&batch, true, error);
}

enum status redis_lock_first(struct tracker *tracker, const char *key, char *id,
                             struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command =
        redis_add(&batch, redis_shard(store, key), "ZRANGE", key_of(store, "wait:", key));
    enum status status = STATUS_OK;

    redis_part_text(command, "0");
    redis_part_text(command, "0");
    status = redis_batch_run(&batch, false, error);
    if (status != STATUS_OK) {
        return status;
    }
    return command->reply->elements == 1 && copy_id(command->reply->element[0], id)
               ? STATUS_OK
               : STATUS_NOT_FOUND;
}

static void add_optional(struct redis_command *command, struct slice bytes)
{
    redis_part_text(command, bytes.data ? "1" : "0");
    redis_part(command, bytes);
}

enum status redis_park(struct tracker *tracker, const struct tracker_parked *messages, size_t count,
                       struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, count);

    for (size_t i = 0; i < count; i++) {
        const struct tracker_parked *message = &messages[i];
        struct redis_command *command =
            redis_add_script(&batch, REDIS_SCRIPT_PARK, redis_shard(store, message->id),
                             key_of(store, "p:", message->id), NULL);
        redis_part_text(command, message->id);
        redis_part_int64(&batch, command, message->first_seen_ms);
        redis_part_int64(&batch, command, message->expires_at_ms);
        add_optional(command, message->source);
        add_optional(command, message->reason);
        add_optional(command, message->digest);
        add_optional(command, message->body);
    }
    return redis_batch_run(&batch, true, error);
}

bool redis_read_parked(const redisReply *reply, struct arena *arena, const char *id,
                       struct tracker_parked *message)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != REDIS_PARKED_COLUMNS ||
        reply->element[0]->type == REDIS_REPLY_NIL) {
        return false;
    }
    *message = (struct tracker_parked){
        .first_seen_ms = redis_reply_int64(reply->element[0]),
        .expires_at_ms = redis_reply_int64(reply->element[1]),
        .source = redis_reply_copy(reply->element[2], arena),
        .reason = redis_reply_copy(reply->element[3], arena),
        .digest = redis_reply_copy(reply->element[4], arena),
        .body = redis_reply_copy(reply->element[5], arena),
    };
    memcpy(message->id, id, TRACKER_ID_BYTES);
    return true;
}

enum status redis_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                              struct tracker_parked *message, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command = redis_add_script(
        &batch, REDIS_SCRIPT_PARKED_TAKE, redis_shard(store, id), key_of(store, "p:", id), NULL);
    enum status status = STATUS_OK;

    redis_part_text(command, id);
    status = redis_batch_run(&batch, true, error);
    if (status != STATUS_OK) {
        return status;
    }
    return redis_read_parked(command->reply, arena, id, message) ? STATUS_OK : STATUS_NOT_FOUND;
}

/* The member of the shard's expiry set; with the prefix before it, the key. */
static const char *reply_member(struct redis_store *store, const char *id, const char *digest)
{
    return arena_format(store->scratch, "y:%s:%s", id, digest);
}

enum status redis_reply_put(struct tracker *tracker, const char *id, const char *digest,
                            struct slice blob, int64_t expires_at_ms, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    unsigned shard = redis_shard(store, id);
    const char *member = reply_member(store, id, digest);
    struct redis_command *command = redis_add_script(&batch, REDIS_SCRIPT_REPLY_PUT, shard,
                                                     redis_key(store, shard, member, ""), NULL);

    redis_part_text(command, member);
    redis_part_int64(&batch, command, expires_at_ms);
    redis_part(command, blob);
    return redis_batch_run(&batch, true, error);
}

enum status redis_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                            const char *digest, struct slice *blob, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command =
        redis_add(&batch, redis_shard(store, id), "HGET",
                  redis_key(store, redis_shard(store, id), reply_member(store, id, digest), ""));
    enum status status = STATUS_OK;

    redis_part_text(command, "b");
    status = redis_batch_run(&batch, false, error);
    if (status != STATUS_OK) {
        return status;
    }
    *blob = redis_reply_copy(command->reply, arena);
    return blob->data ? STATUS_OK : STATUS_NOT_FOUND;
}
