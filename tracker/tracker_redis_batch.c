#include "tracker/tracker_redis.h"

#include <string.h>

struct redis_batch redis_batch_begin(struct redis_store *store, size_t capacity)
{
    if (store->batch_count++ == 0) {
        arena_reset(store->scratch);
    }
    return (struct redis_batch){
        .store = store,
        .commands = ARENA_ARRAY(store->scratch, capacity, struct redis_command),
        .capacity = capacity,
    };
}

void redis_batch_end(struct redis_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->commands[i].reply) {
            freeReplyObject(batch->commands[i].reply);
        }
    }
    batch->store->batch_count--;
}

static struct redis_command *add_command(struct redis_batch *batch, enum redis_script script,
                                         unsigned shard)
{
    struct redis_command *command = &batch->commands[batch->count++];

    command->script = script;
    command->shard = shard;
    command->parts = ARENA_ARRAY(batch->store->scratch, REDIS_PARTS_MAX, const char *);
    command->sizes = ARENA_ARRAY(batch->store->scratch, REDIS_PARTS_MAX, size_t);
    return command;
}

void redis_part(struct redis_command *command, struct slice part)
{
    command->parts[command->count] = part.data ? part.data : "";
    command->sizes[command->count] = part.size;
    command->count++;
}

void redis_part_text(struct redis_command *command, const char *text)
{
    redis_part(command, slice_from_text(text));
}

void redis_part_int64(struct redis_batch *batch, struct redis_command *command, int64_t value)
{
    redis_part(command,
               slice_from_int64(value, arena_alloc(batch->store->scratch, SLICE_INT64_BYTES)));
}

struct redis_command *redis_add(struct redis_batch *batch, unsigned shard, const char *name,
                                const char *key)
{
    struct redis_command *command = add_command(batch, REDIS_PLAIN, shard);

    redis_part_text(command, name);
    if (key) {
        redis_part_text(command, key);
    }
    return command;
}

/* The shard's keys that a script changes besides its first one. */
static const char *const script_keys[REDIS_SCRIPT_COUNT][5] = {
    [REDIS_SCRIPT_REGISTER] = {"open", "done", REDIS_DUE, "exp"},
    [REDIS_SCRIPT_UPDATE] = {"open", "done", REDIS_DUE, "exp"},
    [REDIS_SCRIPT_TOUCH] = {REDIS_DUE},
    [REDIS_SCRIPT_EXPIRE] = {"open", "done", REDIS_DUE, "parked"},
    [REDIS_SCRIPT_PARK] = {"parked", "exp"},
    [REDIS_SCRIPT_PARKED_TAKE] = {"parked", "exp"},
    [REDIS_SCRIPT_REPLY_PUT] = {"exp"},
};

struct redis_command *redis_add_script(struct redis_batch *batch, enum redis_script script,
                                       unsigned shard, const char *key, const char *group_hash)
{
    struct redis_command *command = add_command(batch, script, shard);
    const char *const *more = script_keys[script];
    struct slice count;
    int key_count = 1;

    redis_part_text(command, "EVALSHA");
    redis_part_text(command, ""); /* the script's hash, known once connected */
    redis_part_text(command, ""); /* the number of keys, known below */
    redis_part_text(command, key);
    for (; more[key_count - 1]; key_count++) {
        redis_part_text(command, redis_key(batch->store, shard, more[key_count - 1], ""));
    }
    if (group_hash) {
        redis_part_text(command, redis_key(batch->store, shard, "go:", group_hash));
        redis_part_text(command, redis_key(batch->store, shard, "gd:", group_hash));
        key_count += 2;
    }
    count = slice_from_int64(key_count, arena_alloc(batch->store->scratch, SLICE_INT64_BYTES));
    command->parts[2] = count.data;
    command->sizes[2] = count.size;
    redis_part_text(command, redis_prefix(batch->store, shard));
    return command;
}

unsigned redis_shard(const struct redis_store *store, const char *id)
{
    return tracker_shard(id) % store->shard_count;
}

const char *redis_prefix(struct redis_store *store, unsigned shard)
{
    char *prefix = NULL;

    if (store->shard_count == 1) {
        return "rb:";
    }
    prefix = arena_alloc(store->scratch, sizeof("rb:{00}:"));
    memcpy(prefix, "rb:{00}:", sizeof("rb:{00}:"));
    prefix[4] = (char)('0' + (char)(shard / 10));
    prefix[5] = (char)('0' + (char)(shard % 10));
    return prefix;
}

const char *redis_key(struct redis_store *store, unsigned shard, const char *name,
                      const char *suffix)
{
    const struct slice parts[] = {slice_from_text(redis_prefix(store, shard)),
                                  slice_from_text(name), slice_from_text(suffix)};

    return arena_join(store->scratch, parts, ARRAY_COUNT(parts));
}

struct slice redis_reply_slice(const redisReply *reply)
{
    if (!reply || (reply->type != REDIS_REPLY_STRING && reply->type != REDIS_REPLY_STATUS)) {
        return SLICE_NONE;
    }
    return (struct slice){reply->str, (size_t)reply->len};
}

struct slice redis_reply_copy(const redisReply *reply, struct arena *arena)
{
    return arena_copy(arena, redis_reply_slice(reply));
}

int64_t redis_reply_int64(const redisReply *reply)
{
    int64_t value = 0;

    if (reply && reply->type == REDIS_REPLY_INTEGER) {
        return reply->integer;
    }
    return slice_to_int64(redis_reply_slice(reply), INT64_MIN, INT64_MAX, &value, NULL) == STATUS_OK
               ? value
               : 0;
}

enum status redis_classify(const redisReply *reply, struct error *error)
{
    static const char *const passing[] = {
        "LOADING",     "BUSY",     "READONLY", "MASTERDOWN", "OOM",   "MISCONF", "NOREPLICAS",
        "CLUSTERDOWN", "TRYAGAIN", "NOSCRIPT", "UNKILLABLE", "MOVED", "ASK"};
    struct slice text = {reply->str, (size_t)reply->len};
    struct slice word = slice_part(text, 0, slice_find_byte(text, ' '));
    enum status status = STATUS_INTERNAL;

    for (size_t i = 0; i < ARRAY_COUNT(passing); i++) {
        if (slice_equals_text(word, passing[i])) {
            status = STATUS_RETRY;
        }
    }
    /* A slot moved while a script was on its way. */
    if (slice_find(text, SLICE("non local key")) < text.size) {
        status = STATUS_RETRY;
    }
    if (slice_equals_text(word, "NOPERM") || slice_equals_text(word, "NOAUTH")) {
        status = STATUS_REJECTED;
    }
    /* An unknown command is answered with its arguments, which are not for error texts. */
    if (slice_starts_with(text, SLICE("ERR unknown command"))) {
        return error_set(error, status, "redis: ERR unknown command");
    }
    text = slice_cut_utf8(text, 200);
    return error_set(error, status, "redis: %.*s", SLICE_PRINT(text));
}
