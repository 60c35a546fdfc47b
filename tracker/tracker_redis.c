#include "tracker/tracker_redis.h"

#include "infra/base/encode.h"
#include "infra/base/metrics.h"
#include "infra/base/random.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT_MS 5000
#define SCRATCH_MAX_BYTES  ((size_t)1 << 30)

static struct redis_store *store_of(struct tracker *tracker)
{
    return (struct redis_store *)tracker;
}

static void redis_close_store(struct tracker *tracker)
{
    struct redis_store *store = store_of(tracker);

    redis_forget_nodes(store);
    /* Overwrites the password. */
    arena_reset(store->address_arena);
    arena_free(store->address_arena);
    arena_free(store->scratch);
    free(store);
}

static enum status redis_ping(struct tracker *tracker, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end)
    struct redis_batch batch = redis_batch_begin(store, store->shard_count);

    /* Changes nothing, and is refused where a write would be: by a full server, a replica, one that
     * cannot write its file. A cluster of which a part is away still serves the rest. */
    for (unsigned shard = 0; shard < store->shard_count; shard++) {
        struct redis_command *command =
            redis_add(&batch, shard, "ZADD", redis_key(store, shard, "open", ""));
        redis_part_text(command, "XX");
        redis_part_text(command, "0");
        redis_part_text(command, "-");
    }
    return redis_batch_run_some(&batch, false, error);
}

const char *redis_record_key(struct redis_store *store, const char *id)
{
    return redis_key(store, redis_shard(store, id), "r:", id);
}

void redis_add_get_record(struct redis_batch *batch, const char *id)
{
    (void)redis_add(batch, redis_shard(batch->store, id), "GET",
                    redis_record_key(batch->store, id));
}

/* The next word of a record's first line. */
static struct slice next_word(struct slice *line)
{
    const size_t size = slice_find_byte(*line, ' ');
    const struct slice word = slice_part(*line, 0, size);

    *line = slice_part(*line, size + 1, line->size);
    return word;
}

static int64_t next_number(struct slice *line)
{
    int64_t value = 0;

    return slice_to_int64(next_word(line), 0, INT64_MAX, &value, NULL) == STATUS_OK ? value : 0;
}

/* The next of the blobs behind the line. */
static struct slice next_blob(struct slice *line, struct slice *rest)
{
    const struct slice word = next_word(line);
    int64_t size = 0;
    struct slice blob;

    if (slice_to_int64(word, 0, INT32_MAX, &size, NULL) != STATUS_OK) {
        return SLICE_NONE;
    }
    blob = slice_part(*rest, 0, (size_t)size);
    *rest = slice_part(*rest, (size_t)size, rest->size);
    return blob;
}

bool redis_read_record(const redisReply *reply, struct arena *arena, const char *id,
                       struct tracker_record *record)
{
    const struct slice text = redis_reply_slice(reply);
    const size_t line_size = slice_find_byte(text, '\n');
    struct slice line = slice_part(text, 0, line_size);
    struct slice rest = slice_part(text, line_size + 1, text.size);
    struct slice owner;

    if (!text.data || line_size == text.size) {
        return false;
    }
    *record = (struct tracker_record){0};
    record->version = next_number(&line);
    record->format = next_number(&line);
    record->created_at_ms = next_number(&line);
    record->due_at_ms = next_number(&line);
    record->settled_at_ms = next_number(&line);
    record->expires_at_ms = next_number(&line);
    owner = slice_part(next_blob(&line, &rest), 0, TRACKER_OWNER_MAX_BYTES);
    (void)next_blob(&line, &rest); /* the group's hash */
    record->group = arena_copy(arena, next_blob(&line, &rest));
    record->plan = arena_copy(arena, next_blob(&line, &rest));
    record->state = arena_copy(arena, next_blob(&line, &rest));
    memcpy(record->id, id, TRACKER_ID_BYTES);
    if (owner.size > 0) {
        memcpy(record->lease_owner, owner.data, owner.size);
    }
    return true;
}

const char *redis_group_hash(struct arena *arena, struct slice group)
{
    char hash[SHA256_HEX_BYTES + 1];

    digest_sha256_hex(group, hash);
    return arena_text(arena, (struct slice){hash, REDIS_GROUP_DIGITS});
}

static void add_blob(struct redis_command *command, struct slice blob)
{
    redis_part_text(command, blob.data ? "1" : "0");
    redis_part(command, blob);
}

static void add_register(struct redis_batch *batch, const struct tracker_record *record)
{
    const char *hash =
        record->group.data ? redis_group_hash(batch->store->scratch, record->group) : NULL;
    struct redis_command *command =
        redis_add_script(batch, REDIS_SCRIPT_REGISTER, redis_shard(batch->store, record->id),
                         redis_record_key(batch->store, record->id), hash);

    redis_part_text(command, record->id);
    redis_part_int64(batch, command, record->format);
    redis_part_int64(batch, command, record->created_at_ms);
    redis_part_int64(batch, command, record->due_at_ms);
    redis_part_int64(batch, command, record->settled_at_ms);
    redis_part_int64(batch, command, record->expires_at_ms);
    redis_part_text(command, record->lease_owner);
    redis_part_text(command, hash);
    add_blob(command, record->group);
    add_blob(command, record->plan);
    add_blob(command, record->state);
}

static enum status redis_register(struct tracker *tracker, struct arena *arena,
                                  struct tracker_registration *registrations, size_t count,
                                  struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, count);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        add_register(&batch, &registrations[i].record);
    }
    status = redis_batch_run_some(&batch, true, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const redisReply *reply = batch.commands[i].reply;
        registrations[i].status = reply ? STATUS_OK : STATUS_RETRY;
        if (!reply) {
            continue;
        }
        registrations[i].created = reply->type == REDIS_REPLY_INTEGER;
        if (!registrations[i].created &&
            !redis_read_record(reply, arena, registrations[i].record.id,
                               &registrations[i].existing)) {
            return error_set(error, STATUS_INTERNAL, "redis: a record without fields");
        }
    }
    return status;
}

static enum status redis_find(struct tracker *tracker, struct arena *arena,
                              struct tracker_lookup *lookups, size_t count, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, count);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        redis_add_get_record(&batch, lookups[i].id);
    }
    status = redis_batch_run_some(&batch, false, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const redisReply *reply = batch.commands[i].reply;
        lookups[i].status = reply ? STATUS_OK : STATUS_RETRY;
        lookups[i].found =
            reply && redis_read_record(reply, arena, lookups[i].id, &lookups[i].record);
    }
    return status;
}

static void add_update(struct redis_batch *batch, const struct tracker_update *update)
{
    const struct tracker_record *record = &update->record;
    const char *plan_action = record->plan.data ? "put" : "drop";
    struct redis_command *command =
        redis_add_script(batch, REDIS_SCRIPT_UPDATE, redis_shard(batch->store, record->id),
                         redis_record_key(batch->store, record->id), NULL);

    redis_part_text(command, record->id);
    redis_part_int64(batch, command, record->version);
    redis_part_int64(batch, command, TRACKER_FORMAT);
    redis_part_int64(batch, command, record->format);
    redis_part_int64(batch, command, record->due_at_ms);
    redis_part_int64(batch, command, record->settled_at_ms);
    redis_part_int64(batch, command, record->expires_at_ms);
    redis_part_text(command, record->lease_owner);
    add_blob(command, record->state);
    redis_part_text(command, update->replace_plan ? plan_action : "keep");
    redis_part(command, update->replace_plan ? record->plan : SLICE_NONE);
}

static enum status redis_update(struct tracker *tracker, struct tracker_update *updates,
                                size_t count, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, count);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        add_update(&batch, &updates[i]);
    }
    status = redis_batch_run_some(&batch, true, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        int64_t answer = redis_reply_int64(batch.commands[i].reply);
        updates[i].record.version += answer == 1;
        updates[i].status = !batch.commands[i].reply ? STATUS_RETRY
                            : answer == 1            ? STATUS_OK
                            : answer == 0            ? STATUS_CONFLICT
                                                     : STATUS_NOT_FOUND;
    }
    return status;
}

/* How many records each shard has due, at most limit in sum, beginning at the store's next shard.
 * One shard is not asked first: it gives what it has. */
static enum status plan_claim(struct redis_store *store, int64_t now_ms, size_t limit,
                              size_t shares[REDIS_SHARDS_MAX], struct error *error)
{
    CLEANUP(redis_batch_end)
    struct redis_batch batch =
        redis_batch_begin(store, (size_t)store->shard_count * TRACKER_FORMAT);
    size_t left = limit;
    unsigned first = store->next_shard;
    enum status status = STATUS_OK;

    if (store->shard_count <= 1) {
        shares[0] = limit;
        return STATUS_OK;
    }
    for (unsigned i = 0; i < store->shard_count * TRACKER_FORMAT; i++) {
        unsigned shard = (first + i / TRACKER_FORMAT) % store->shard_count;
        struct redis_command *command =
            redis_add(&batch, shard, "ZCOUNT",
                      arena_format(store->scratch, "%sdue:%u", redis_prefix(store, shard),
                                   1 + i % TRACKER_FORMAT));
        redis_part_text(command, "-inf");
        redis_part_int64(&batch, command, now_ms);
    }
    status = redis_batch_run_some(&batch, false, error);
    for (unsigned i = 0; status == STATUS_OK && i < batch.count && left > 0; i++) {
        unsigned shard = (first + i / TRACKER_FORMAT) % store->shard_count;
        size_t due = (size_t)redis_reply_int64(batch.commands[i].reply);
        size_t share = due < left ? due : left;
        shares[shard] += share;
        left -= share;
        if (share > 0) {
            store->next_shard = (shard + 1) % store->shard_count;
        }
    }
    return status;
}

/* Other sweeps were first at what a shard had due a moment ago and gives no more. One shard was not
 * asked before. */
static void count_lost(const struct redis_batch *batch, const size_t shares[REDIS_SHARDS_MAX])
{
    for (size_t i = 0; batch->store->shard_count > 1 && i < batch->count; i++) {
        const redisReply *reply = batch->commands[i].reply;
        if (reply && reply->elements / 2 < shares[batch->commands[i].shard]) {
            metrics_add(METRIC_SWEEP_CLAIMS_LOST,
                        shares[batch->commands[i].shard] - reply->elements / 2);
        }
    }
}

/* One shard's answer: id, record, id, record, ...; none while it is away. false: one of them is not
 * what a script returns. */
static bool append_claimed(const redisReply *reply, struct arena *arena, size_t limit,
                           struct tracker_record *records, size_t *count)
{
    for (size_t at = 0; reply && at + 1 < reply->elements && *count < limit; at += 2) {
        struct slice id = redis_reply_slice(reply->element[at]);
        if (id.size != TRACKER_ID_BYTES ||
            !redis_read_record(reply->element[at + 1], arena, id.data, &records[*count])) {
            return false;
        }
        (*count)++;
    }
    return true;
}

static enum status read_claimed(const struct redis_batch *batch, struct arena *arena, size_t limit,
                                struct tracker_record **records, size_t *count, struct error *error)
{
    *records = ARENA_ARRAY(arena, limit, struct tracker_record);
    for (size_t i = 0; i < batch->count; i++) {
        if (!append_claimed(batch->commands[i].reply, arena, limit, *records, count)) {
            *count = 0;
            return error_set(error, STATUS_INTERNAL, "redis: a due entry without a record");
        }
    }
    return STATUS_OK;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status redis_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                               int64_t lease_ms, const char *owner, size_t limit,
                               struct tracker_record **records, size_t *count, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end)
    struct redis_batch batch = redis_batch_begin(store, store->shard_count);
    size_t shares[REDIS_SHARDS_MAX] = {0};
    enum status status = plan_claim(store, now_ms, limit, shares, error);

    for (unsigned shard = 0; status == STATUS_OK && shard < store->shard_count; shard++) {
        struct redis_command *command = NULL;
        if (shares[shard] == 0) {
            continue;
        }
        command = redis_add_script(&batch, REDIS_SCRIPT_CLAIM, shard,
                                   redis_key(store, shard, REDIS_DUE, ""), NULL);
        redis_part_int64(&batch, command, now_ms);
        redis_part_int64(&batch, command, now_ms + lease_ms);
        redis_part_text(command, owner);
        redis_part_int64(&batch, command, TRACKER_FORMAT);
        redis_part_int64(&batch, command, (int64_t)shares[shard]);
    }
    if (status != STATUS_OK || batch.count == 0) {
        return status;
    }
    status = redis_batch_run_some(&batch, true, error);
    if (status != STATUS_OK) {
        return status;
    }
    count_lost(&batch, shares);
    return read_claimed(&batch, arena, limit, records, count, error);
}

static enum status redis_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                               struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 1);
    struct redis_command *command = redis_add_script(
        &batch, REDIS_SCRIPT_TOUCH, redis_shard(store, id), redis_record_key(store, id), NULL);
    enum status status = STATUS_OK;

    redis_part_text(command, id);
    redis_part_int64(&batch, command, now_ms);
    redis_part_int64(&batch, command, TRACKER_FORMAT);
    status = redis_batch_run(&batch, true, error);
    if (status == STATUS_OK && redis_reply_int64(batch.commands[0].reply) == 0) {
        return error_set(error, STATUS_NOT_FOUND, "no such invocation");
    }
    return status;
}

static const struct tracker_backend redis_backend = {
    .name = "redis",
    .close = redis_close_store,
    .ping = redis_ping,
    .register_ = redis_register,
    .find = redis_find,
    .update = redis_update,
    .claim = redis_claim,
    .group_latest = redis_group_latest,
    .list = redis_list,
    .count = redis_count,
    .touch = redis_touch,
    .lock_take = redis_lock_take,
    .lock_holder = redis_lock_holder,
    .lock_release = redis_lock_release,
    .lock_wait = redis_lock_wait,
    .lock_leave = redis_lock_leave,
    .lock_first = redis_lock_first,
    .park = redis_park,
    .parked_list = redis_parked_list,
    .parked_take = redis_parked_take,
    .reply_put = redis_reply_put,
    .reply_get = redis_reply_get,
    .expire = redis_expire,
};

/* hiredis writes with write(2): a server that went away must not end the process. */
static void ignore_broken_pipes(void)
{
    struct sigaction action = {0};

    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL) {
        action.sa_handler = SIG_IGN;
        (void)sigaction(SIGPIPE, &action, NULL);
    }
}

enum status tracker_redis_open(const struct tracker_options *options, struct tracker **tracker,
                               struct error *error)
{
    struct redis_store *store = calloc(1, sizeof(*store));
    enum status status = STATUS_OK;

    if (!store) {
        abort();
    }
    ignore_broken_pipes();
    store->tracker.backend = &redis_backend;
    store->address_arena = arena_new(16 * 1024);
    store->scratch = arena_new(SCRATCH_MAX_BYTES);
    store->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    store->wait_replicas = options->redis_wait;
    store->ca_bundle = arena_text(store->address_arena, slice_from_text(options->ca_bundle));
    status = redis_address_parse(options->url, store->address_arena, &store->address, error);
    if (status == STATUS_OK && store->address.is_tls) {
        status = redis_check_tls(error);
    }
    if (status == STATUS_OK) {
        store->shard_count = store->address.is_cluster ? REDIS_SHARDS_MAX : 1;
        store->next_shard = (unsigned)random_below(random_system(), store->shard_count);
        redis_seed_nodes(store);
        status = redis_check_schema(store, error);
    }
    if (status != STATUS_OK) {
        redis_close_store(&store->tracker);
        return status;
    }
    store->is_open = true;
    *tracker = &store->tracker;
    return STATUS_OK;
}
