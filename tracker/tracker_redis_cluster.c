/*
 * Where shards live. A plain Redis is one node that owns them all. In a Redis Cluster a shard is
 * one of 16,384 slots; the 64 that count are read from CLUSTER SLOTS, corrected by MOVED, and read
 * again whenever a connection is lost or a node says that it is not the one.
 */
#include "tracker/tracker_redis.h"

#include "infra/base/clock.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_COUNT     16384
#define HOST_MAX_BYTES 253

/* Absent when the reply is none. */
static struct slice error_text(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR ? (struct slice){reply->str, (size_t)reply->len}
                                            : SLICE_NONE;
}

/* CRC-16/XMODEM of the shard's two digits, which are the keys' hash tag. */
static unsigned slot_of(unsigned shard)
{
    const unsigned char tag[] = {(unsigned char)('0' + shard / 10),
                                 (unsigned char)('0' + shard % 10)};
    unsigned crc = 0;

    for (size_t i = 0; i < sizeof(tag); i++) {
        crc ^= (unsigned)tag[i] << 8;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1;
        }
    }
    return (crc & 0xffff) % SLOT_COUNT;
}

struct redis_node *redis_node_at(struct redis_store *store, struct slice host, int port)
{
    struct redis_node *node = store->nodes;
    char *copy = NULL;

    while (node && (node->port != port || !slice_equals_text(host, node->host))) {
        node = node->next;
    }
    if (node) {
        return node;
    }
    node = calloc(1, sizeof(*node));
    copy = calloc(1, host.size + 1);
    if (!node || !copy) {
        abort();
    }
    memcpy(copy, host.data, host.size);
    *node = (struct redis_node){.store = store, .host = copy, .port = port, .next = store->nodes};
    store->nodes = node;
    return node;
}

static void free_node(struct redis_node *node)
{
    redis_disconnect(node);
    free(node->host);
    free(node);
}

void redis_seed_nodes(struct redis_store *store)
{
    struct redis_node *node = NULL;

    for (size_t i = 0; i < store->address.seed_count; i++) {
        const struct redis_place *place = &store->address.seeds[i];
        node = redis_node_at(store, slice_from_text(place->host), place->port);
        node->is_seed = true;
    }
    if (!store->address.is_cluster) {
        store->owners[0] = node;
    }
    store->is_stale = true;
}

void redis_forget_nodes(struct redis_store *store)
{
    while (store->nodes) {
        struct redis_node *next = store->nodes->next;
        free_node(store->nodes);
        store->nodes = next;
    }
}

static bool owns_a_shard(const struct redis_store *store, const struct redis_node *node)
{
    for (size_t i = 0; i < store->shard_count; i++) {
        if (store->owners[i] == node) {
            return true;
        }
    }
    return false;
}

void redis_begin_nodes(struct redis_store *store)
{
    struct redis_node **link = &store->nodes;

    while (*link) {
        struct redis_node *node = *link;
        node->has_writes = false;
        /* Nodes come and go, with addresses of their own. Those of the url stay. */
        if (node->is_seed || !store->is_stale || owns_a_shard(store, node)) {
            link = &node->next;
        } else {
            *link = node->next;
            free_node(node);
        }
    }
}

/* [first, last, [host, port, ...], replicas...]; a node that does not know its own address means
 * the one that we asked. */
static bool read_range(const redisReply *range, const struct redis_node *asked,
                       struct redis_node *owners[REDIS_SHARDS_MAX])
{
    const redisReply *place = NULL;
    struct slice host;

    if (range->type != REDIS_REPLY_ARRAY || range->elements < 3) {
        return false;
    }
    place = range->element[2];
    if (place->type != REDIS_REPLY_ARRAY || place->elements < 2) {
        return false;
    }
    host = redis_reply_slice(place->element[0]);
    if (host.size == 0 || slice_equals_text(host, "?")) {
        host = slice_from_text(asked->host);
    }
    for (unsigned shard = 0; shard < REDIS_SHARDS_MAX; shard++) {
        unsigned slot = slot_of(shard);
        if (slot >= redis_reply_int64(range->element[0]) &&
            slot <= redis_reply_int64(range->element[1])) {
            owners[shard] = redis_node_at(asked->store, slice_part(host, 0, HOST_MAX_BYTES),
                                          (int)redis_reply_int64(place->element[1]));
        }
    }
    return true;
}

static enum status ask_for_owners(struct redis_node *node, struct error *error)
{
    const char *parts[] = {"CLUSTER", "SLOTS"};
    CLEANUP(redis_free_reply) redisReply *reply = NULL;
    struct redis_node *owners[REDIS_SHARDS_MAX] = {NULL};
    enum status status = redis_connect(node, error);

    if (status == STATUS_OK) {
        status = redis_ask(node, parts, 2, &reply, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (reply->type == REDIS_REPLY_ERROR && strstr(reply->str, "cluster support disabled")) {
        return error_set(error, STATUS_REJECTED, "redis: %sis no part of a cluster: use redis://",
                         redis_node_name(node));
    }
    if (reply->type == REDIS_REPLY_ERROR) {
        return redis_classify(reply, error);
    }
    for (size_t i = 0; i < reply->elements; i++) {
        if (!read_range(reply->element[i], node, owners)) {
            return error_set(error, STATUS_INTERNAL, "redis: CLUSTER SLOTS is answered oddly");
        }
    }
    if (reply->elements == 0) {
        return error_set(error, STATUS_RETRY, "redis: %sknows of no slots", redis_node_name(node));
    }
    memcpy(node->store->owners, owners, sizeof(owners));
    return STATUS_OK;
}

/* Asks the nodes that we are connected to, or the others, until one knows. */
static bool ask_nodes(struct redis_store *store, bool connected, struct error *first)
{
    struct redis_node *next = NULL;

    for (struct redis_node *node = store->nodes; node; node = next) {
        struct error problem = ERROR_NONE;
        next = node->next;
        if ((node->context != NULL) != connected) {
            continue;
        }
        if (ask_for_owners(node, &problem) == STATUS_OK) {
            return true;
        }
        if (first->status == STATUS_OK) {
            *first = problem;
        }
    }
    return false;
}

enum status redis_find_owners(struct redis_store *store, struct error *error)
{
    struct error first = ERROR_NONE;

    if (!store->is_stale || !store->address.is_cluster) {
        return STATUS_OK;
    }
    /* Those that we are connected to are there. */
    if (ask_nodes(store, true, &first) || ask_nodes(store, false, &first)) {
        store->is_stale = false;
        return STATUS_OK;
    }
    return error_set(error, first.status, "%s", first.text);
}

/* "MOVED 3999 host:port", "ASK 3999 host:port"; without a host it is the one that answered. */
static bool read_redirect(const struct redis_command *command, int64_t *slot,
                          struct redis_node **node)
{
    struct slice text = error_text(command->reply);
    size_t first = slice_find_byte(text, ' ') + 1;
    struct slice rest = slice_part(text, first, text.size);
    size_t second = slice_find_byte(rest, ' ');
    struct slice place = slice_part(rest, second + 1, rest.size);
    size_t colon = place.size;
    int64_t port = 0;

    while (colon > 0 && place.data[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0 ||
        slice_to_int64(slice_part(rest, 0, second), 0, SLOT_COUNT - 1, slot, NULL) != STATUS_OK ||
        slice_to_int64(slice_part(place, colon, place.size), 1, 65535, &port, NULL) != STATUS_OK) {
        return false;
    }
    place = slice_part(place, 0, colon - 1);
    if (place.size == 0 || slice_equals_text(place, "?")) {
        place = slice_from_text(command->node->host);
    }
    *node = redis_node_at(command->node->store, slice_part(place, 0, HOST_MAX_BYTES), (int)port);
    return true;
}

static void move_slot(struct redis_store *store, int64_t slot, struct redis_node *owner)
{
    for (unsigned shard = 0; shard < store->shard_count; shard++) {
        if (slot_of(shard) == slot) {
            store->owners[shard] = owner;
        }
    }
}

enum redis_again redis_again(struct redis_store *store, struct redis_command *command)
{
    static const char *const down[] = {"CLUSTERDOWN", "LOADING", "MASTERDOWN"};
    struct slice text = error_text(command->reply);
    struct slice word = slice_part(text, 0, slice_find_byte(text, ' '));
    struct redis_node *node = NULL;
    int64_t slot = 0;

    if (!store->address.is_cluster || !text.data) {
        return REDIS_AGAIN_NO;
    }
    command->is_asking = false;
    if (slice_equals_text(word, "MOVED") && read_redirect(command, &slot, &node)) {
        move_slot(store, slot, node);
        return REDIS_AGAIN_AT_ONCE;
    }
    if (slice_equals_text(word, "ASK") && read_redirect(command, &slot, &node)) {
        command->node = node;
        command->is_asking = true;
        return REDIS_AGAIN_AT_ONCE;
    }
    if (slice_is_one_of(word, down, ARRAY_COUNT(down))) {
        store->is_stale = true;
        return REDIS_AGAIN_SOON;
    }
    /* The slot is on its way; MOVED follows when it has arrived. */
    return slice_equals_text(word, "TRYAGAIN") ||
                   slice_find(text, SLICE("non local key")) < text.size
               ? REDIS_AGAIN_SOON
               : REDIS_AGAIN_NO;
}
