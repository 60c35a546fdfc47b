#include "tracker/tracker_redis.h"

#include "infra/base/clock.h"

#include <inttypes.h>
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

static struct redis_command *add_command(struct redis_batch *batch, enum redis_script script)
{
    struct redis_command *command = &batch->commands[batch->count++];

    command->script = script;
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
    redis_part_text(command, arena_format(batch->store->scratch, "%" PRId64, value));
}

struct redis_command *redis_add(struct redis_batch *batch, const char *name, const char *key)
{
    struct redis_command *command = add_command(batch, REDIS_PLAIN);

    redis_part_text(command, name);
    if (key) {
        redis_part_text(command, key);
    }
    return command;
}

struct redis_command *redis_add_script(struct redis_batch *batch, enum redis_script script,
                                       unsigned shard, const char *key)
{
    struct redis_command *command = add_command(batch, script);

    redis_part_text(command, "EVALSHA");
    redis_part_text(command, ""); /* the script's hash, known once connected */
    redis_part_text(command, "1");
    redis_part_text(command, key);
    redis_part_text(command, redis_prefix(batch->store, shard));
    return command;
}

const char *redis_prefix(struct redis_store *store, unsigned shard)
{
    return arena_format(store->scratch, "rb:{%02u}:", shard);
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
    static const char *const passing[] = {"LOADING",  "BUSY",     "READONLY",   "MASTERDOWN",
                                          "OOM",      "MISCONF",  "NOREPLICAS", "CLUSTERDOWN",
                                          "TRYAGAIN", "NOSCRIPT", "UNKILLABLE"};
    struct slice text = {reply->str, (size_t)reply->len};
    size_t word = slice_find_byte(text, ' ');
    enum status status = STATUS_INTERNAL;

    for (size_t i = 0; i < ARRAY_COUNT(passing); i++) {
        if (slice_equals_text(slice_part(text, 0, word), passing[i])) {
            status = STATUS_RETRY;
        }
    }
    if (slice_starts_with(text, SLICE("NOPERM")) || slice_starts_with(text, SLICE("NOAUTH"))) {
        status = STATUS_REJECTED;
    }
    /* An unknown command is answered with its arguments, which are not for error texts. */
    if (slice_starts_with(text, SLICE("ERR unknown command"))) {
        return error_set(error, status, "redis: ERR unknown command");
    }
    text = slice_cut_utf8(text, 200);
    return error_set(error, status, "redis: %.*s", SLICE_PRINT(text));
}

static bool is_no_script(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0;
}

/* Commands without a reply are sent; returns how many of them the server had no script for. */
static enum status exchange(struct redis_batch *batch, size_t *no_script_count, struct error *error)
{
    struct redis_store *store = batch->store;
    enum status status = STATUS_OK;

    *no_script_count = 0;
    for (size_t i = 0; i < batch->count; i++) {
        struct redis_command *command = &batch->commands[i];
        if (command->script != REDIS_PLAIN) {
            command->parts[1] = store->hashes[command->script];
            command->sizes[1] = REDIS_SHA_BYTES;
        }
        if (!command->reply) {
            (void)redisAppendCommandArgv(store->context, command->count, command->parts,
                                         command->sizes);
        }
    }
    status = redis_flush(store, error);
    for (size_t i = 0; status == STATUS_OK && i < batch->count; i++) {
        struct redis_command *command = &batch->commands[i];
        if (command->reply) {
            continue;
        }
        status = redis_read_reply(store, &command->reply, error);
        if (status == STATUS_OK && is_no_script(command->reply)) {
            (*no_script_count)++;
        }
    }
    return status;
}

static void forget_no_script(struct redis_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (is_no_script(batch->commands[i].reply)) {
            freeReplyObject(batch->commands[i].reply);
            batch->commands[i].reply = NULL;
        }
    }
}

static enum status wait_for_replicas(struct redis_store *store, struct error *error)
{
    redisReply *reply = NULL;
    int64_t replicas = 0;
    /* The server gives up before this side does; its timer is coarse. */
    int64_t server_ms = store->timeout_ms / 2 + 1;
    enum status status = STATUS_OK;

    (void)redisAppendCommand(store->context, "WAIT %lld %lld", (long long)store->wait_replicas,
                             (long long)server_ms);
    status = redis_flush(store, error);
    if (status == STATUS_OK) {
        status = redis_read_reply(store, &reply, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    replicas = redis_reply_int64(reply);
    if (reply->type == REDIS_REPLY_ERROR) {
        status = redis_classify(reply, error);
    } else if (replicas < store->wait_replicas) {
        status = error_set(error, STATUS_RETRY,
                           "redis: %" PRId64 " of %" PRId64 " replicas have the write", replicas,
                           store->wait_replicas);
    }
    freeReplyObject(reply);
    return status;
}

static enum status first_error(const struct redis_batch *batch, struct error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->commands[i].reply->type == REDIS_REPLY_ERROR) {
            return redis_classify(batch->commands[i].reply, error);
        }
    }
    return STATUS_OK;
}

static enum status run_batch(struct redis_batch *batch, bool writes, struct error *error)
{
    struct redis_store *store = batch->store;
    size_t no_script_count = 0;
    enum status status = STATUS_OK;

    store->deadline_ms = clock_monotonic_ms(clock_system()) + store->timeout_ms;
    status = redis_connect(store, error);
    if (status == STATUS_OK) {
        status = exchange(batch, &no_script_count, error);
    }
    if (status == STATUS_OK && no_script_count > 0) {
        /* The server forgot its scripts (SCRIPT FLUSH, fail-over); these commands did not run. */
        forget_no_script(batch);
        status = redis_load_scripts(store, error);
        if (status == STATUS_OK) {
            status = exchange(batch, &no_script_count, error);
        }
    }
    if (status == STATUS_OK) {
        status = first_error(batch, error);
    }
    if (status == STATUS_OK && writes && store->wait_replicas > 0) {
        status = wait_for_replicas(store, error);
    }
    return status;
}

enum status redis_batch_run(struct redis_batch *batch, bool writes, struct error *error)
{
    enum status status = run_batch(batch, writes, error);

    /* A password that was changed or a permission that was taken away is no fault of what came in:
     * REJECTED would make callers refuse it for good. */
    if (status == STATUS_REJECTED && batch->store->is_open) {
        status = STATUS_INTERNAL;
        if (error) {
            error->status = status;
        }
    }
    return status;
}
