#include "tracker/tracker_redis.h"

#include "infra/base/backoff.h"
#include "infra/base/clock.h"
#include "infra/base/log.h"
#include "infra/base/random.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define BACKOFF_BASE_MS 20
#define BACKOFF_MAX_MS  2000
#define SCHEMA_KEY      "rb:schema"

static int64_t remaining_ms(const struct redis_store *store)
{
    int64_t left_ms = store->deadline_ms - clock_monotonic_ms(clock_system());

    return left_ms > 0 ? left_ms : 0;
}

void redis_disconnect(struct redis_store *store)
{
    if (store->context) {
        redisFree(store->context);
        store->context = NULL;
    }
}

static enum status lose_connection(struct redis_store *store, struct error *error)
{
    enum status status = error_set(error, STATUS_RETRY, "redis: connection lost: %s",
                                   store->context->err ? store->context->errstr : "timed out");

    redis_disconnect(store);
    return status;
}

enum status redis_flush(struct redis_store *store, struct error *error)
{
    int done = 0;

    while (!done) {
        if (redisBufferWrite(store->context, &done) != REDIS_OK ||
            (!done && remaining_ms(store) == 0)) {
            return lose_connection(store, error);
        }
    }
    return STATUS_OK;
}

static bool wait_readable(const struct redis_store *store)
{
    struct pollfd socket = {.fd = store->context->fd, .events = POLLIN};
    int ready = 0;

    do {
        ready = poll(&socket, 1, (int)remaining_ms(store));
    } while (ready < 0 && errno == EINTR);
    return ready > 0;
}

enum status redis_read_reply(struct redis_store *store, redisReply **reply, struct error *error)
{
    void *read = NULL;

    for (;;) {
        if (redisGetReplyFromReader(store->context, &read) != REDIS_OK) {
            return lose_connection(store, error);
        }
        if (read) {
            *reply = read;
            return STATUS_OK;
        }
        if (!wait_readable(store) || redisBufferRead(store->context) != REDIS_OK) {
            return lose_connection(store, error);
        }
    }
}

static bool is_type(const redisReply *reply, int type)
{
    return reply && reply->type == type;
}

/* One command and its reply, for the start of a connection. */
static enum status ask(struct redis_store *store, const char *const *parts, int count,
                       redisReply **reply, struct error *error)
{
    enum status status = STATUS_OK;
    const char *words[4] = {NULL};

    for (int i = 0; i < count; i++) {
        words[i] = parts[i];
    }
    *reply = NULL;
    (void)redisAppendCommandArgv(store->context, count, words, NULL);
    status = redis_flush(store, error);
    return status == STATUS_OK ? redis_read_reply(store, reply, error) : status;
}

static void free_reply(redisReply **reply)
{
    if (*reply) {
        freeReplyObject(*reply);
    }
}

static enum status authenticate(struct redis_store *store, struct error *error)
{
    const struct redis_address *address = &store->address;
    const char *both[] = {"AUTH", address->user, address->password};
    const char *alone[] = {"AUTH", address->password};
    CLEANUP(free_reply) redisReply *reply = NULL;
    enum status status = STATUS_OK;

    if (!address->password) {
        return STATUS_OK;
    }
    status = ask(store, address->user ? both : alone, address->user ? 3 : 2, &reply, error);
    if (status == STATUS_OK && is_type(reply, REDIS_REPLY_ERROR)) {
        if (strncmp(reply->str, "LOADING", 7) == 0) {
            return redis_classify(reply, error);
        }
        /* Not the server's text: it may repeat what it was given. */
        return error_set(error, STATUS_REJECTED, "redis: user or password refused");
    }
    return status;
}

static enum status select_database(struct redis_store *store, struct error *error)
{
    char number[24];
    const char *parts[] = {"SELECT", number};
    CLEANUP(free_reply) redisReply *reply = NULL;
    enum status status = STATUS_OK;

    if (store->address.database == 0) {
        return STATUS_OK;
    }
    (void)snprintf(number, sizeof(number), "%" PRId64, store->address.database);
    status = ask(store, parts, 2, &reply, error);
    if (status == STATUS_OK && is_type(reply, REDIS_REPLY_ERROR)) {
        status = redis_classify(reply, error);
        return status == STATUS_RETRY
                   ? status
                   : error_set(error, STATUS_REJECTED, "redis: database number refused");
    }
    return status;
}

enum status redis_load_scripts(struct redis_store *store, struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; i < REDIS_SCRIPT_COUNT; i++) {
        (void)redisAppendCommand(store->context, "SCRIPT LOAD %s", redis_script_texts[i]);
    }
    status = redis_flush(store, error);
    for (size_t i = 0; status == STATUS_OK && i < REDIS_SCRIPT_COUNT; i++) {
        CLEANUP(free_reply) redisReply *reply = NULL;
        status = redis_read_reply(store, &reply, error);
        if (status == STATUS_OK && reply->type == REDIS_REPLY_ERROR) {
            status = redis_classify(reply, error);
        } else if (status == STATUS_OK && redis_reply_slice(reply).size == REDIS_SHA_BYTES) {
            memcpy(store->hashes[i], reply->str, REDIS_SHA_BYTES + 1);
        }
    }
    return status;
}

static enum status check_schema(struct redis_store *store, struct error *error)
{
    char ours[24];
    const char *set[] = {"SETNX", SCHEMA_KEY, ours};
    const char *get[] = {"GET", SCHEMA_KEY};
    CLEANUP(free_reply) redisReply *created = NULL;
    CLEANUP(free_reply) redisReply *reply = NULL;
    int64_t schema = 0;
    enum status status = STATUS_OK;

    (void)snprintf(ours, sizeof(ours), "%d", TRACKER_SCHEMA);
    status = ask(store, get, 2, &reply, error);
    if (status == STATUS_OK && is_type(reply, REDIS_REPLY_NIL)) {
        status = ask(store, set, 3, &created, error);
        if (status == STATUS_OK && !is_type(created, REDIS_REPLY_ERROR)) {
            return STATUS_OK;
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (is_type(reply, REDIS_REPLY_ERROR) || created) {
        return redis_classify(created ? created : reply, error);
    }
    schema = redis_reply_int64(reply);
    if (schema < 1 || schema > TRACKER_SCHEMA) {
        return error_set(error, STATUS_REJECTED,
                         "redis: the store has schema %.40s, this release knows schema %d: a later "
                         "release wrote it",
                         is_type(reply, REDIS_REPLY_STRING) ? reply->str : "?", TRACKER_SCHEMA);
    }
    return STATUS_OK;
}

/* The value of one setting, "" when this connection may not ask. */
static enum status read_setting(struct redis_store *store, const char *name, char *value,
                                size_t room, struct error *error)
{
    const char *parts[] = {"CONFIG", "GET", name};
    CLEANUP(free_reply) redisReply *reply = NULL;
    enum status status = ask(store, parts, 3, &reply, error);

    value[0] = '\0';
    if (status == STATUS_OK && is_type(reply, REDIS_REPLY_ARRAY) && reply->elements == 2) {
        (void)snprintf(value, room, "%.*s", SLICE_PRINT(redis_reply_slice(reply->element[1])));
    }
    return status;
}

static void warn_unless(const char *name, const char *value, const char *needed)
{
    if (value[0] != '\0' && strcmp(value, needed) != 0) {
        log_warning("redis may lose what it has acknowledged", LOG_CSTR("setting", name),
                    LOG_CSTR("value", value), LOG_CSTR("needed", needed));
    }
}

/* The promises need a server that keeps what it acknowledged. Weaker persistence is named; a server
 * that throws keys away when memory is short is refused. */
static enum status check_durability(struct redis_store *store, struct error *error)
{
    char appendonly[8];
    char appendfsync[16];
    char policy[32];
    char maxmemory[24];
    enum status status = read_setting(store, "appendonly", appendonly, sizeof(appendonly), error);

    if (status == STATUS_OK) {
        status = read_setting(store, "appendfsync", appendfsync, sizeof(appendfsync), error);
    }
    if (status == STATUS_OK) {
        status = read_setting(store, "maxmemory-policy", policy, sizeof(policy), error);
    }
    if (status == STATUS_OK) {
        status = read_setting(store, "maxmemory", maxmemory, sizeof(maxmemory), error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    warn_unless("appendonly", appendonly, "yes");
    warn_unless("appendfsync", appendfsync, "always");
    if (policy[0] != '\0' && strcmp(policy, "noeviction") != 0 && maxmemory[0] != '\0' &&
        strcmp(maxmemory, "0") != 0) {
        return error_set(error, STATUS_REJECTED,
                         "redis: maxmemory-policy is %s and maxmemory is set: records would be "
                         "evicted; it must be noeviction",
                         policy);
    }
    store->is_checked = true;
    return STATUS_OK;
}

static enum status open_socket(struct redis_store *store, struct error *error)
{
    int64_t left_ms = remaining_ms(store);
    const struct timeval timeout = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};

    store->context = redisConnectWithTimeout(store->address.host, store->address.port, timeout);
    if (!store->context) {
        abort();
    }
    if (store->context->err) {
        enum status status =
            error_set(error, STATUS_RETRY, "redis: cannot connect: %s", store->context->errstr);
        redis_disconnect(store);
        return status;
    }
    (void)redisSetTimeout(store->context, timeout);
    (void)redisEnableKeepAlive(store->context);
    return STATUS_OK;
}

static enum status begin_connection(struct redis_store *store, struct error *error)
{
    enum status status = open_socket(store, error);

    if (status == STATUS_OK && store->address.is_tls) {
        status = redis_start_tls(store, error);
    }
    if (status == STATUS_OK) {
        status = authenticate(store, error);
    }
    if (status == STATUS_OK) {
        status = select_database(store, error);
    }
    if (status == STATUS_OK) {
        status = check_schema(store, error);
    }
    if (status == STATUS_OK && !store->is_checked) {
        status = check_durability(store, error);
    }
    return status == STATUS_OK ? redis_load_scripts(store, error) : status;
}

/* Between operations nothing is on its way to us: a readable socket was closed by the server. */
static void drop_if_closed(struct redis_store *store)
{
    struct pollfd socket = {.fd = store->context->fd, .events = POLLIN};

    if (poll(&socket, 1, 0) != 0) {
        redis_disconnect(store);
    }
}

enum status redis_connect(struct redis_store *store, struct error *error)
{
    enum status status = STATUS_OK;

    if (store->context) {
        drop_if_closed(store);
    }
    if (store->context) {
        return STATUS_OK;
    }
    /* A server that is away is not asked at every call. */
    if (clock_monotonic_ms(clock_system()) < store->retry_at_ms) {
        return error_set(error, STATUS_RETRY, "redis: away, next try soon");
    }
    status = begin_connection(store, error);
    if (status == STATUS_OK) {
        store->failure_count = 0;
        store->retry_at_ms = 0;
        return STATUS_OK;
    }
    redis_disconnect(store);
    store->retry_at_ms = clock_monotonic_ms(clock_system()) +
                         backoff_full_jitter_ms(BACKOFF_BASE_MS, BACKOFF_MAX_MS,
                                                store->failure_count, random_unit(random_system()));
    store->failure_count++;
    return status;
}
