#include "tracker/tracker_redis.h"

#include "infra/base/backoff.h"
#include "infra/base/clock.h"
#include "infra/base/log.h"
#include "infra/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define BACKOFF_BASE_MS 20
#define BACKOFF_MAX_MS  2000
#define WORDS_MAX       4
#define PLACES          1021

int64_t redis_remaining_ms(const struct redis_store *store)
{
    int64_t left_ms = store->deadline_ms - clock_monotonic_ms(clock_system());

    return left_ms > 0 ? left_ms : 0;
}

const char *redis_node_name(const struct redis_node *node)
{
    return node->store->address.is_cluster
               ? arena_format(node->store->scratch, "%s:%d: ", node->host, node->port)
               : "";
}

void redis_disconnect(struct redis_node *node)
{
    if (node->context) {
        redisFree(node->context);
        node->context = NULL;
    }
}

static enum status lose_connection(struct redis_node *node, struct error *error)
{
    enum status status =
        error_set(error, STATUS_RETRY, "redis: %sconnection lost: %s", redis_node_name(node),
                  node->context->err ? node->context->errstr : "timed out");

    redis_disconnect(node);
    node->store->is_stale = true;
    return status;
}

enum status redis_flush(struct redis_node *node, struct error *error)
{
    const size_t output_bytes = sdslen(node->context->obuf);
    int done = 0;

    while (!done) {
        if (redisBufferWrite(node->context, &done) != REDIS_OK ||
            (!done && redis_remaining_ms(node->store) == 0)) {
            node->is_unsent = sdslen(node->context->obuf) == output_bytes;
            return lose_connection(node, error);
        }
    }
    return STATUS_OK;
}

static bool wait_readable(const struct redis_node *node)
{
    struct pollfd socket = {.fd = node->context->fd, .events = POLLIN};
    int ready = 0;

    do {
        ready = poll(&socket, 1, (int)redis_remaining_ms(node->store));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

enum status redis_read_reply(struct redis_node *node, redisReply **reply, struct error *error)
{
    void *read = NULL;

    for (;;) {
        if (redisGetReplyFromReader(node->context, &read) != REDIS_OK) {
            return lose_connection(node, error);
        }
        if (read) {
            *reply = read;
            return STATUS_OK;
        }
        if (!wait_readable(node) || redisBufferRead(node->context) != REDIS_OK) {
            return lose_connection(node, error);
        }
    }
}

void redis_free_reply(redisReply **reply)
{
    if (*reply) {
        freeReplyObject(*reply);
    }
}

enum status redis_ask(struct redis_node *node, const char *const *words, int count,
                      redisReply **reply, struct error *error)
{
    enum status status = STATUS_OK;
    const char *parts[WORDS_MAX] = {NULL};

    for (int i = 0; i < count; i++) {
        parts[i] = words[i];
    }
    *reply = NULL;
    (void)redisAppendCommandArgv(node->context, count, parts, NULL);
    status = redis_flush(node, error);
    return status == STATUS_OK ? redis_read_reply(node, reply, error) : status;
}

static bool is_error(const redisReply *reply)
{
    return reply && reply->type == REDIS_REPLY_ERROR;
}

static enum status authenticate(struct redis_node *node, struct error *error)
{
    const struct redis_address *address = &node->store->address;
    const char *both[] = {"AUTH", address->user, address->password};
    const char *alone[] = {"AUTH", address->password};
    CLEANUP(redis_free_reply) redisReply *reply = NULL;
    enum status status = STATUS_OK;

    if (!address->password) {
        return STATUS_OK;
    }
    status = redis_ask(node, address->user ? both : alone, address->user ? 3 : 2, &reply, error);
    if (status == STATUS_OK && is_error(reply)) {
        if (strncmp(reply->str, "LOADING", 7) == 0) {
            return redis_classify(reply, error);
        }
        /* Not the server's text: it may repeat what it was given. */
        return error_set(error, STATUS_REJECTED, "redis: user or password refused");
    }
    return status;
}

static enum status select_database(struct redis_node *node, struct error *error)
{
    char number[24];
    const char *parts[] = {"SELECT", number};
    CLEANUP(redis_free_reply) redisReply *reply = NULL;
    enum status status = STATUS_OK;

    if (node->store->address.database == 0) {
        return STATUS_OK;
    }
    (void)snprintf(number, sizeof(number), "%" PRId64, node->store->address.database);
    status = redis_ask(node, parts, 2, &reply, error);
    if (status == STATUS_OK && is_error(reply)) {
        status = redis_classify(reply, error);
        return status == STATUS_RETRY
                   ? status
                   : error_set(error, STATUS_REJECTED, "redis: database number refused");
    }
    return status;
}

enum status redis_load_scripts(struct redis_node *node, struct error *error)
{
    struct redis_store *store = node->store;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        (void)redisAppendCommand(node->context, "SCRIPT LOAD %s", redis_script_texts[i]);
    }
    status = redis_flush(node, error);
    for (size_t i = 0; status == STATUS_OK && i < REDIS_SCRIPT_COUNT; i++) {
        CLEANUP(redis_free_reply) redisReply *reply = NULL;
        struct error refused = ERROR_NONE;
        status = redis_read_reply(node, &reply, error);
        if (status == STATUS_OK && is_error(reply)) {
            status = redis_classify(reply, &refused);
            error_set(error, status, "%s", refused.text);
        } else if (status == STATUS_OK && redis_reply_slice(reply).size == REDIS_SHA_BYTES) {
            memcpy(store->hashes[i], reply->str, REDIS_SHA_BYTES + 1);
        }
    }
    return status;
}

static enum status open_socket(struct redis_node *node, struct error *error)
{
    int64_t left_ms = redis_remaining_ms(node->store);
    const struct timeval timeout = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

    node->context = redisConnectWithTimeout(node->host, node->port, timeout);
    if (!node->context) {
        abort();
    }
    if (node->context->err) {
        enum status status = error_set(error, STATUS_RETRY, "redis: %scannot connect: %s",
                                       redis_node_name(node), node->context->errstr);
        redis_disconnect(node);
        return status;
    }
    (void)redisSetTimeout(node->context, timeout);
    (void)redisEnableKeepAlive(node->context);
    return STATUS_OK;
}

static enum status begin_connection(struct redis_node *node, struct error *error)
{
    enum status status = open_socket(node, error);

    if (status == STATUS_OK && node->store->address.is_tls) {
        status = redis_start_tls(node, error);
    }
    if (status == STATUS_OK) {
        status = authenticate(node, error);
    }
    if (status == STATUS_OK) {
        status = select_database(node, error);
    }
    if (status == STATUS_OK && !node->is_checked) {
        status = redis_check_durability(node, error);
    }
    return status == STATUS_OK ? redis_load_scripts(node, error) : status;
}

/* Between operations nothing is on its way to us: a readable socket was closed by the server. */
static void drop_if_closed(struct redis_node *node)
{
    struct pollfd socket = {.fd = node->context->fd, .events = POLLIN};

    if (poll(&socket, 1, 0) != 0) {
        redis_disconnect(node);
    }
}

/* Whether the node was away when last somebody of this process asked: each worker has connections
 * of its own, and what all of them see is said once. Nodes that share a place here share their
 * line. */
static atomic_bool *is_away(const struct redis_node *node)
{
    static atomic_bool places[PLACES];
    uint32_t hash = (uint32_t)node->port;
    for (const char *at = node->host; *at != '\0'; at++) {
        hash = hash * 31 + (unsigned char)*at;
    }
    return &places[hash % PLACES];
}

static void fail_to_connect(struct redis_node *node, const struct error *problem)
{
    if (node->store->address.is_cluster && !atomic_exchange(is_away(node), true)) {
        log_warning("redis node is away", LOG_CSTR("problem", problem->text));
    }
    redis_disconnect(node);
    node->store->is_stale = true;
    node->retry_at_ms = clock_monotonic_ms(clock_system()) +
                        backoff_full_jitter_ms(BACKOFF_BASE_MS, BACKOFF_MAX_MS, node->failure_count,
                                               random_unit(random_system()));
    node->failure_count++;
}

/* One node of several that hangs must leave time for the others. */
static enum status begin_in_time(struct redis_node *node, struct error *error)
{
    struct redis_store *store = node->store;
    const int64_t whole_ms = store->deadline_ms;
    const int64_t part_ms = clock_monotonic_ms(clock_system()) + store->timeout_ms / 4;
    enum status status = STATUS_OK;

    if (store->address.is_cluster && part_ms < whole_ms) {
        store->deadline_ms = part_ms;
    }
    status = begin_connection(node, error);
    store->deadline_ms = whole_ms;
    return status;
}

enum status redis_connect(struct redis_node *node, struct error *error)
{
    struct error problem = ERROR_NONE;
    enum status status = STATUS_OK;

    if (node->context && !node->is_busy) {
        drop_if_closed(node);
    }
    if (node->context) {
        return STATUS_OK;
    }
    /* A server that is away is not asked at every call. */
    if (clock_monotonic_ms(clock_system()) < node->retry_at_ms) {
        node->store->is_stale = true;
        return error_set(error, STATUS_RETRY, "redis: %saway, next try soon",
                         redis_node_name(node));
    }
    status = begin_in_time(node, &problem);
    if (status != STATUS_OK) {
        fail_to_connect(node, &problem);
        return error_set(error, status, "%s", problem.text);
    }
    if (node->store->address.is_cluster && atomic_exchange(is_away(node), false)) {
        log_info("redis node is back", LOG_CSTR("node", redis_node_name(node)));
    }
    node->failure_count = 0;
    node->retry_at_ms = 0;
    return STATUS_OK;
}
