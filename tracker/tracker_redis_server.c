/* What a server must be for the promises to hold: its schema, its eviction policy, its persistence.
 */
#include "tracker/tracker_redis.h"

#include "infra/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VALUE_BYTES 32

/* The settings that count; empty: not known. */
struct settings {
    char appendonly[VALUE_BYTES];
    char appendfsync[VALUE_BYTES];
    char policy[VALUE_BYTES];
    char maxmemory[VALUE_BYTES];
};

enum status redis_check_schema(struct redis_store *store, struct error *error)
{
    CLEANUP(redis_batch_end) struct redis_batch batch = redis_batch_begin(store, 3);
    const char *key = redis_key(store, 0, "schema", "");
    const struct redis_command *stored = NULL;
    int64_t schema = 0;
    enum status status = STATUS_OK;

    /* A node of a cluster that is taken for one server refuses keys of two slots. */
    redis_part_text(redis_add(&batch, 0, "EXISTS", key), redis_key(store, 0, "open", ""));
    redis_part_int64(&batch, redis_add(&batch, 0, "SETNX", key), REDIS_SCHEMA);
    stored = redis_add(&batch, 0, "GET", key);
    status = redis_batch_run(&batch, false, error);
    if (status != STATUS_OK) {
        return status;
    }
    schema = redis_reply_int64(stored->reply);
    if (schema != REDIS_SCHEMA) {
        return error_set(error, STATUS_REJECTED,
                         "redis: the store has schema %.*s, this release knows schema %d: %s "
                         "release wrote it",
                         SLICE_PRINT(slice_part(redis_reply_slice(stored->reply), 0, 40)),
                         REDIS_SCHEMA, schema > REDIS_SCHEMA ? "a later" : "no");
    }
    return STATUS_OK;
}

static enum status read_setting(struct redis_node *node, const char *name, char value[VALUE_BYTES],
                                struct error *error)
{
    const char *parts[] = {"CONFIG", "GET", name};
    CLEANUP(redis_free_reply) redisReply *reply = NULL;
    enum status status = redis_ask(node, parts, 3, &reply, error);

    if (status == STATUS_OK && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) {
        (void)snprintf(value, VALUE_BYTES, "%.*s",
                       SLICE_PRINT(redis_reply_slice(reply->element[1])));
    }
    return status;
}

/* The value of a line "name:value" of INFO. */
static void find_info(struct slice info, const char *name, char value[VALUE_BYTES])
{
    size_t at = slice_find(info, slice_from_text(name));
    struct slice rest = slice_part(info, at + strlen(name), info.size);

    if (at < info.size) {
        (void)snprintf(value, VALUE_BYTES, "%.*s",
                       SLICE_PRINT(slice_part(rest, 0, slice_find_byte(rest, '\r'))));
    }
}

/* A managed service forbids CONFIG, but not INFO, which tells all but appendfsync. */
static enum status read_info(struct redis_node *node, struct settings *settings,
                             struct error *error)
{
    const char *parts[] = {"INFO", "all"};
    CLEANUP(redis_free_reply) redisReply *reply = NULL;
    enum status status = redis_ask(node, parts, 2, &reply, error);
    char has_file[VALUE_BYTES] = "";

    if (status != STATUS_OK) {
        return status;
    }
    find_info(redis_reply_slice(reply), "\nmaxmemory:", settings->maxmemory);
    find_info(redis_reply_slice(reply), "\nmaxmemory_policy:", settings->policy);
    find_info(redis_reply_slice(reply), "\naof_enabled:", has_file);
    if (has_file[0] != '\0') {
        (void)strncpy(settings->appendonly, strcmp(has_file, "1") == 0 ? "yes" : "no", 4);
    }
    return STATUS_OK;
}

static enum status read_settings(struct redis_node *node, struct settings *settings,
                                 struct error *error)
{
    const struct {
        const char *name;
        char *value;
    } all[] = {{"appendonly", settings->appendonly},
               {"appendfsync", settings->appendfsync},
               {"maxmemory-policy", settings->policy},
               {"maxmemory", settings->maxmemory}};
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(all); i++) {
        status = read_setting(node, all[i].name, all[i].value, error);
    }
    return status == STATUS_OK && settings->policy[0] == '\0' ? read_info(node, settings, error)
                                                              : status;
}

static void warn_unless(const char *name, const char *value, const char *needed)
{
    if (value[0] == '\0') {
        log_warning("redis does not tell whether it keeps what it has acknowledged",
                    LOG_CSTR("setting", name), LOG_CSTR("needed", needed));
    } else if (strcmp(value, needed) != 0) {
        log_warning("redis may lose what it has acknowledged", LOG_CSTR("setting", name),
                    LOG_CSTR("value", value), LOG_CSTR("needed", needed));
    }
}

/* The promises need a server that keeps what it acknowledged. Weaker persistence is named; a server
 * that throws our keys away when memory is short is refused. The volatile policies do not: no key
 * of ours has an expiry. */
enum status redis_check_durability(struct redis_node *node, struct error *error)
{
    struct settings settings = {0};
    enum status status = read_settings(node, &settings, error);

    if (status != STATUS_OK) {
        return status;
    }
    if (strncmp(settings.policy, "allkeys", 7) == 0 && strcmp(settings.maxmemory, "0") != 0) {
        return error_set(error, STATUS_REJECTED,
                         "redis: maxmemory-policy is %s and maxmemory is set: records would be "
                         "evicted; it must be noeviction",
                         settings.policy);
    }
    warn_unless("appendonly", settings.appendonly, "yes");
    if (strcmp(settings.appendonly, "no") != 0) {
        warn_unless("appendfsync", settings.appendfsync, "always");
    }
    if (settings.policy[0] == '\0') {
        log_warning("redis does not tell whether it evicts records",
                    LOG_CSTR("setting", "maxmemory-policy"), LOG_CSTR("needed", "noeviction"));
    }
    node->is_checked = true;
    return STATUS_OK;
}
