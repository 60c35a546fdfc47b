/*
 * What spans shards. Each shard is asked for a part of the page, and the parts are merged down to
 * the horizon: the place up to which no shard can hold anything that was not seen.
 */
#include "tracker/tracker_check.h"
#include "tracker/tracker_redis.h"

#include <stdlib.h>
#include <string.h>

/* Records are fetched so many at a time, so that a page of large ones can end early. */
#define FETCH_COUNT 16
/* How often a group is asked again when its latest member was removed in between. */
#define LATEST_TRIES 3

static struct redis_store *store_of(struct tracker *tracker)
{
    return (struct redis_store *)tracker;
}

/* Places of all shards in the order of the list, complete as far as `count` goes. */
struct places {
    struct tracker_place *all;
    size_t count;
    bool more; /* there are places behind the last one */
};

#define SETS_MAX 2

struct scan {
    /* The keys behind the shard's prefix, NULL when there is one only. Asked in this order: what
     * moves from the first to the second meanwhile is seen twice, never not at all. */
    const char *sets[SETS_MAX];
    struct slice token;
    size_t limit;
    bool is_ascending;
};

static int compare_ascending(const void *a, const void *b)
{
    return strcmp(((const struct tracker_place *)a)->text, ((const struct tracker_place *)b)->text);
}

static int compare_descending(const void *a, const void *b)
{
    return compare_ascending(b, a);
}

/* Without a token by rank, which Redis begins at the end of the list; by place it has to find it.
 */
static void add_scan(struct redis_batch *batch, const struct scan *scan, const char *set,
                     unsigned shard, size_t part)
{
    struct redis_store *store = batch->store;
    const char *key = redis_key(store, shard, set, "");
    struct redis_command *command = NULL;

    if (!scan->token.data) {
        command = redis_add(batch, shard, scan->is_ascending ? "ZRANGE" : "ZREVRANGE", key);
        redis_part_text(command, "0");
        redis_part_int64(batch, command, (int64_t)part - 1);
        return;
    }
    command = redis_add(batch, shard, scan->is_ascending ? "ZRANGEBYLEX" : "ZREVRANGEBYLEX", key);
    redis_part_text(command, arena_format(store->scratch, "(%.*s", SLICE_PRINT(scan->token)));
    redis_part_text(command, scan->is_ascending ? "+" : "-");
    redis_part_text(command, "LIMIT");
    redis_part_text(command, "0");
    redis_part_int64(batch, command, (int64_t)part);
}

static bool copy_place(const redisReply *reply, struct tracker_place *place)
{
    struct slice text = redis_reply_slice(reply);

    if (!text.data || text.size != TRACKER_PLACE_BYTES) {
        return false;
    }
    memcpy(place->text, text.data, text.size);
    place->text[text.size] = '\0';
    return true;
}

/* Puts the shards' answers together and returns the horizon, empty when there is none: a shard that
 * gave all it was asked for may have more behind its last place; the nearest of those it is. */
static struct tracker_place collect(const struct redis_batch *batch, size_t part,
                                    int (*compare)(const void *, const void *),
                                    struct places *places)
{
    struct tracker_place horizon = {.text = ""};

    for (size_t i = 0; i < batch->count; i++) {
        const redisReply *reply = batch->commands[i].reply;
        size_t before = places->count;
        for (size_t at = 0; at < reply->elements; at++) {
            places->count += copy_place(reply->element[at], &places->all[places->count]);
        }
        if (reply->elements == part && places->count > before) {
            const struct tracker_place *last = &places->all[places->count - 1];
            bool is_nearer = horizon.text[0] == '\0' || compare(last, &horizon) < 0;
            horizon = is_nearer ? *last : horizon;
        }
    }
    return horizon;
}

static void drop_repeats(struct places *places)
{
    size_t kept = 0;

    for (size_t i = 0; i < places->count; i++) {
        if (kept == 0 || compare_ascending(&places->all[i], &places->all[kept - 1]) != 0) {
            places->all[kept++] = places->all[i];
        }
    }
    places->count = kept;
}

static void merge(const struct redis_batch *batch, size_t part, const struct scan *scan,
                  struct places *places)
{
    int (*compare)(const void *, const void *) =
        scan->is_ascending ? compare_ascending : compare_descending;
    struct tracker_place horizon = collect(batch, part, compare, places);
    size_t complete = 0;

    if (places->count == 0) {
        return;
    }
    qsort(places->all, places->count, sizeof(*places->all), compare);
    drop_repeats(places);
    complete = places->count;
    while (horizon.text[0] != '\0' && complete > 0 &&
           compare(&places->all[complete - 1], &horizon) > 0) {
        complete--;
    }
    places->more = horizon.text[0] != '\0' || complete > scan->limit;
    places->count = complete < scan->limit ? complete : scan->limit;
}

/* How many places each set is asked for: one behind the page tells whether it is the last. Ids are
 * spread evenly over shards, so that a part of it is nearly always enough; when it is not, the page
 * ends at the horizon. */
static size_t part_of(const struct redis_store *store, size_t limit)
{
    const size_t part = limit / 8 + 4;

    return store->shard_count == 1 || part > limit ? limit + 1 : part;
}

static enum status find_places(struct redis_store *store, struct arena *arena,
                               const struct scan *scan, struct places *places, struct error *error)
{
    CLEANUP(redis_batch_end)
    struct redis_batch batch = redis_batch_begin(store, (size_t)store->shard_count * SETS_MAX);
    const size_t part = part_of(store, scan->limit);
    enum status status = STATUS_OK;

    for (unsigned shard = 0; shard < store->shard_count; shard++) {
        for (size_t set = 0; set < SETS_MAX && scan->sets[set]; set++) {
            add_scan(&batch, scan, scan->sets[set], shard, part);
        }
    }
    status = redis_batch_run(&batch, false, error);
    *places = (struct places){0};
    if (status == STATUS_OK) {
        places->all = ARENA_ARRAY(arena, batch.count * part, struct tracker_place);
        merge(&batch, part, scan, places);
    }
    return status;
}

/* Fetches the records of these places. One that was removed meanwhile is left out. */
static enum status fetch(struct redis_store *store, struct arena *arena, struct places places,
                         struct tracker_record *records, size_t *count, struct error *error)
{
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, places.count);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < places.count; i++) {
        redis_add_get_record(&batch, tracker_place_id(slice_from_text(places.all[i].text)));
    }
    status = redis_batch_run(&batch, false, error);
    for (size_t i = 0; status == STATUS_OK && i < places.count; i++) {
        *count += redis_read_record(batch.commands[i].reply, arena,
                                    tracker_place_id(slice_from_text(places.all[i].text)),
                                    &records[*count]);
    }
    return status;
}

static size_t blob_bytes(const struct tracker_record *records, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += records[i].plan.size + records[i].state.size;
    }
    return bytes;
}

/* A record that was settled after its place was read is out of a list of open ones. */
static void keep_open(struct tracker_record *records, size_t *count)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++) {
        if (records[i].settled_at_ms == 0) {
            records[kept++] = records[i];
        }
    }
    *count = kept;
}

static struct scan scan_of(struct arena *arena, struct slice group, bool open_only)
{
    if (group.data) {
        const char *hash = redis_group_hash(arena, group);
        return (struct scan){.sets = {arena_format(arena, "go:%s", hash),
                                      open_only ? NULL : arena_format(arena, "gd:%s", hash)}};
    }
    return (struct scan){.sets = {"open", open_only ? NULL : "done"}};
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status redis_list(struct tracker *tracker, struct arena *arena,
                       const struct tracker_list *list, struct tracker_record **records,
                       size_t *count, struct slice *next_token, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    struct scan scan = scan_of(arena, list->group, list->open_only);
    struct places places = {0};
    size_t fetched = 0;
    enum status status = STATUS_OK;

    scan.token = list->token;
    scan.limit = list->limit;
    status = find_places(store, arena, &scan, &places, error);
    *records = ARENA_ARRAY(arena, list->limit, struct tracker_record);
    while (status == STATUS_OK && fetched < places.count &&
           blob_bytes(*records, *count) <= TRACKER_PAGE_MAX_BYTES) {
        size_t left = places.count - fetched;
        size_t next = left < FETCH_COUNT ? left : FETCH_COUNT;
        struct places part = {.all = &places.all[fetched], .count = next};
        status = fetch(store, arena, part, *records, count, error);
        fetched += next;
    }
    if (status != STATUS_OK) {
        *count = 0;
        return status;
    }
    if (fetched > 0 && (places.more || fetched < places.count)) {
        *next_token = arena_copy(arena, slice_from_text(places.all[fetched - 1].text));
    }
    if (list->open_only) {
        keep_open(*records, count);
    }
    return STATUS_OK;
}

enum status redis_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                               struct tracker_record *record, struct error *error)
{
    struct redis_store *store = store_of(tracker);
    struct scan scan = scan_of(arena, group, false);
    size_t found = 0;
    enum status status = STATUS_OK;

    scan.limit = 1;
    for (int i = 0; i < LATEST_TRIES && status == STATUS_OK && found == 0; i++) {
        struct places places = {0};
        status = find_places(store, arena, &scan, &places, error);
        if (status == STATUS_OK && places.count == 0) {
            return STATUS_NOT_FOUND;
        }
        if (status == STATUS_OK) {
            status = fetch(store, arena, places, record, &found, error);
        }
    }
    return status == STATUS_OK && found == 0 ? STATUS_NOT_FOUND : status;
}

enum status redis_count(struct tracker *tracker, struct tracker_counts *counts, struct error *error)
{
    static const char *const sets[] = {"open", "done", "parked"};
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end)
    struct redis_batch batch = redis_batch_begin(store, store->shard_count * ARRAY_COUNT(sets));
    int64_t sums[ARRAY_COUNT(sets)] = {0};
    enum status status = STATUS_OK;

    for (unsigned shard = 0; shard < store->shard_count; shard++) {
        for (size_t set = 0; set < ARRAY_COUNT(sets); set++) {
            (void)redis_add(&batch, shard, "ZCARD", redis_key(store, shard, sets[set], ""));
        }
    }
    status = redis_batch_run(&batch, false, error);
    for (size_t i = 0; status == STATUS_OK && i < batch.count; i++) {
        sums[i % ARRAY_COUNT(sets)] += redis_reply_int64(batch.commands[i].reply);
    }
    *counts =
        (struct tracker_counts){.records = sums[0] + sums[1], .open = sums[0], .parked = sums[2]};
    return status;
}

enum status redis_expire(struct tracker *tracker, int64_t now_ms, size_t limit, size_t *removed,
                         struct error *error)
{
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end)
    struct redis_batch batch = redis_batch_begin(store, store->shard_count);
    const size_t part = (limit + store->shard_count - 1) / store->shard_count;
    enum status status = STATUS_OK;

    for (unsigned shard = 0; shard < store->shard_count; shard++) {
        struct redis_command *command = redis_add_script(&batch, REDIS_SCRIPT_EXPIRE, shard,
                                                         redis_key(store, shard, "exp", ""), NULL);
        redis_part_int64(&batch, command, now_ms);
        redis_part_int64(&batch, command, (int64_t)part);
    }
    status = redis_batch_run_some(&batch, true, error);
    for (size_t i = 0; status == STATUS_OK && i < batch.count; i++) {
        *removed += (size_t)redis_reply_int64(batch.commands[i].reply);
    }
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status redis_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                              struct slice token, struct tracker_parked **messages, size_t *count,
                              struct slice *next_token, struct error *error)
{
    static const char *const fields[REDIS_PARKED_COLUMNS] = {"w", "e", "s", "r", "d", "b"};
    struct redis_store *store = store_of(tracker);
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, limit);
    const struct scan scan = {
        .sets = {"parked"}, .token = token, .limit = limit, .is_ascending = true};
    struct places places = {0};
    enum status status = find_places(store, arena, &scan, &places, error);

    for (size_t i = 0; status == STATUS_OK && i < places.count; i++) {
        const char *id = tracker_place_id(slice_from_text(places.all[i].text));
        struct redis_command *command =
            redis_add(&batch, redis_shard(store, id), "HMGET",
                      redis_key(store, redis_shard(store, id), "p:", id));
        for (size_t field = 0; field < REDIS_PARKED_COLUMNS; field++) {
            redis_part_text(command, fields[field]);
        }
    }
    if (status != STATUS_OK || places.count == 0) {
        return status;
    }
    status = redis_batch_run(&batch, false, error);
    *messages = ARENA_ARRAY(arena, limit, struct tracker_parked);
    for (size_t i = 0; status == STATUS_OK && i < places.count; i++) {
        const char *id = tracker_place_id(slice_from_text(places.all[i].text));
        *count += redis_read_parked(batch.commands[i].reply, arena, id, &(*messages)[*count]);
    }
    if (status == STATUS_OK && places.more) {
        *next_token = arena_copy(arena, slice_from_text(places.all[places.count - 1].text));
    }
    return status;
}
