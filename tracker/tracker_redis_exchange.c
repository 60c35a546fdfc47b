/*
 * How the commands of a batch get their replies: to every node its share, all nodes at once, and
 * once more, elsewhere or in a moment, what was certainly not carried out.
 */
#include "tracker/tracker_redis.h"

#include "infra/base/clock.h"

#include <inttypes.h>
#include <string.h>

/* Rounds after the first; the pauses before them double. */
#define ROUNDS_MAX 7
#define PAUSE_MS   4

static bool is_error(const redisReply *reply, const char *word)
{
    return reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, word, strlen(word)) == 0;
}

static void forget_reply(struct redis_command *command)
{
    freeReplyObject(command->reply);
    command->reply = NULL;
}

/* The first failure is the one that is told. */
static void note(struct redis_batch *batch, const struct error *problem)
{
    if (batch->failure.status == STATUS_OK) {
        batch->failure = *problem;
    }
}

static bool reach(struct redis_batch *batch, struct redis_command *command)
{
    struct redis_node *node =
        command->is_asking ? command->node : batch->store->owners[command->shard];
    struct error problem = ERROR_NONE;

    command->node = node;
    if (!node) {
        (void)error_set(&problem, STATUS_RETRY, "redis: no node has shard %u", command->shard);
    } else if (redis_connect(node, &problem) != STATUS_OK) {
        node->is_unsent = true;
    }
    note(batch, &problem);
    return problem.status == STATUS_OK;
}

/* Commands without a reply are sent, to all nodes before the first one is read from. */
static void send_commands(struct redis_batch *batch)
{
    struct redis_store *store = batch->store;

    for (size_t i = 0; i < batch->count; i++) {
        struct redis_command *command = &batch->commands[i];
        if (command->reply || !reach(batch, command)) {
            continue;
        }
        if (command->script != REDIS_PLAIN) {
            command->parts[1] = store->hashes[command->script];
            command->sizes[1] = REDIS_SHA_BYTES;
        }
        if (command->is_asking) {
            (void)redisAppendCommand(command->node->context, "ASKING");
        }
        (void)redisAppendCommandArgv(command->node->context, command->count, command->parts,
                                     command->sizes);
        command->node->is_busy = true;
        command->node->is_unsent = false;
    }
    for (struct redis_node *node = store->nodes; node; node = node->next) {
        struct error problem = ERROR_NONE;
        if (node->is_busy && redis_flush(node, &problem) != STATUS_OK) {
            note(batch, &problem);
        }
    }
}

static enum status read_reply(struct redis_command *command, struct error *error)
{
    redisReply *asking = NULL;
    enum status status = STATUS_OK;

    if (command->is_asking) {
        status = redis_read_reply(command->node, &asking, error);
        redis_free_reply(&asking);
    }
    return status == STATUS_OK ? redis_read_reply(command->node, &command->reply, error) : status;
}

/* A claim that finds nothing gives an empty list: replicas have nothing to wait for. */
static bool has_written(const redisReply *reply)
{
    return reply->type != REDIS_REPLY_ERROR &&
           (reply->type != REDIS_REPLY_ARRAY || reply->elements > 0);
}

/* A node that was lost has no context, and its other commands have no reply. */
static void read_replies(struct redis_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct redis_command *command = &batch->commands[i];
        struct error problem = ERROR_NONE;
        if (command->reply || !command->node || !command->node->is_busy ||
            !command->node->context) {
            continue;
        }
        if (read_reply(command, &problem) != STATUS_OK) {
            note(batch, &problem);
        } else if (batch->writes && has_written(command->reply)) {
            command->node->has_writes = true;
        }
    }
    for (struct redis_node *node = batch->store->nodes; node; node = node->next) {
        node->is_busy = false;
    }
}

/* Whether this command is to be sent once more, and when: it was certainly not carried out, or
 * changes nothing. */
static enum redis_again again(struct redis_batch *batch, struct redis_command *command,
                              unsigned round)
{
    enum redis_again when = REDIS_AGAIN_NO;
    struct error problem = ERROR_NONE;

    if (!command->reply) {
        bool is_safe = !batch->writes || !command->node || command->node->is_unsent;
        command->is_asking = false;
        return is_safe && round == 0 ? REDIS_AGAIN_AT_ONCE : REDIS_AGAIN_NO;
    }
    if (is_error(command->reply, "NOSCRIPT") && command->node->context) {
        /* The server forgot its scripts (SCRIPT FLUSH, fail-over). */
        when = redis_load_scripts(command->node, &problem) == STATUS_OK ? REDIS_AGAIN_AT_ONCE
                                                                        : REDIS_AGAIN_NO;
    } else {
        when = redis_again(batch->store, command);
    }
    if (when != REDIS_AGAIN_NO && round < ROUNDS_MAX) {
        forget_reply(command);
    }
    /* Nodes that send us to each other will agree in a moment. */
    return when == REDIS_AGAIN_AT_ONCE && round >= 2 ? REDIS_AGAIN_SOON : when;
}

/* Rounds until every command has its reply, or none is to be expected. */
static enum status run_rounds(struct redis_batch *batch, struct error *error)
{
    enum redis_again next = REDIS_AGAIN_AT_ONCE;
    enum status status = STATUS_OK;

    for (unsigned round = 0; next != REDIS_AGAIN_NO && round <= ROUNDS_MAX; round++) {
        status = redis_find_owners(batch->store, error);
        if (status != STATUS_OK) {
            return status;
        }
        send_commands(batch);
        read_replies(batch);
        next = REDIS_AGAIN_NO;
        for (size_t i = 0; i < batch->count; i++) {
            enum redis_again when = again(batch, &batch->commands[i], round);
            next = when > next ? when : next;
        }
        if (redis_remaining_ms(batch->store) <= PAUSE_MS << round) {
            break;
        }
        if (next == REDIS_AGAIN_SOON) {
            clock_sleep_ms(clock_system(), PAUSE_MS << round);
        }
    }
    return STATUS_OK;
}

/* A node that is too short of replicas has not answered: nobody may rely on what it said. */
static void forget_replies(struct redis_batch *batch, const struct redis_node *node)
{
    for (size_t i = 0; i < batch->count; i++) {
        if (batch->commands[i].node == node && batch->commands[i].reply) {
            forget_reply(&batch->commands[i]);
        }
    }
}

static enum status read_wait(struct redis_node *node, struct error *error)
{
    const int64_t needed = node->store->wait_replicas;
    CLEANUP(redis_free_reply) redisReply *reply = NULL;
    int64_t replicas = 0;
    enum status status = redis_read_reply(node, &reply, error);

    if (status != STATUS_OK || reply->type == REDIS_REPLY_ERROR) {
        return status == STATUS_OK ? redis_classify(reply, error) : status;
    }
    replicas = redis_reply_int64(reply);
    return replicas >= needed
               ? STATUS_OK
               : error_set(error, STATUS_RETRY,
                           "redis: %s%" PRId64 " of %" PRId64 " replicas have the write",
                           redis_node_name(node), replicas, needed);
}

/* Replicas of each node that was written to, all nodes at once. */
static void wait_for_replicas(struct redis_batch *batch)
{
    struct redis_store *store = batch->store;
    struct error problem = ERROR_NONE;

    for (struct redis_node *node = store->nodes; node; node = node->next) {
        if (!node->has_writes || !node->context) {
            continue;
        }
        /* The server gives up before this side does; its timer is coarse. */
        (void)redisAppendCommand(node->context, "WAIT %lld %lld", (long long)store->wait_replicas,
                                 (long long)store->timeout_ms / 2 + 1);
        if (redis_flush(node, &problem) != STATUS_OK) {
            note(batch, &problem);
        }
    }
    for (struct redis_node *node = store->nodes; node; node = node->next) {
        problem = ERROR_NONE;
        if (node->has_writes && (!node->context || read_wait(node, &problem) != STATUS_OK)) {
            note(batch, &problem);
            forget_replies(batch, node);
        }
    }
}

/* Of the replies that are there. An error that will pass counts as no reply. */
static enum status weigh_replies(struct redis_batch *batch, size_t *answered, struct error *error)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct redis_command *command = &batch->commands[i];
        struct error problem = ERROR_NONE;
        if (!command->reply || command->reply->type != REDIS_REPLY_ERROR) {
            *answered += command->reply != NULL;
            continue;
        }
        if (!batch->store->address.is_cluster &&
            (is_error(command->reply, "MOVED") || is_error(command->reply, "CROSSSLOT"))) {
            return error_set(error, STATUS_REJECTED,
                             "redis: the server is part of a cluster: use redis-cluster://");
        }
        if (is_error(command->reply, "READONLY")) {
            /* It is a replica now; the name may lead to another server by now. */
            redis_disconnect(command->node);
        }
        if (redis_classify(command->reply, &problem) != STATUS_RETRY) {
            return error_set(error, problem.status, "%s", problem.text);
        }
        note(batch, &problem);
        forget_reply(command);
    }
    return STATUS_OK;
}

static enum status run_batch(struct redis_batch *batch, size_t *answered, struct error *error)
{
    struct redis_store *store = batch->store;
    enum status status = STATUS_OK;

    *answered = 0;
    store->deadline_ms = clock_monotonic_ms(clock_system()) + store->timeout_ms;
    redis_begin_nodes(store);
    status = run_rounds(batch, error);
    if (status == STATUS_OK && batch->writes && store->wait_replicas > 0) {
        wait_for_replicas(batch);
    }
    if (status == STATUS_OK) {
        status = weigh_replies(batch, answered, error);
    }
    /* A password that was changed or a permission that was taken away is no fault of what came in:
     * REJECTED would make callers refuse it for good. */
    if (status == STATUS_REJECTED && store->is_open) {
        status = STATUS_INTERNAL;
        if (error) {
            error->status = status;
        }
    }
    return status;
}

static enum status tell_failure(const struct redis_batch *batch, struct error *error)
{
    enum status status = batch->failure.status;

    if (status == STATUS_REJECTED && batch->store->is_open) {
        status = STATUS_INTERNAL;
    }
    return error_set(error, status, "%s", batch->failure.text);
}

enum status redis_batch_run(struct redis_batch *batch, bool writes, struct error *error)
{
    size_t answered = 0;
    enum status status = STATUS_OK;

    batch->writes = writes;
    status = run_batch(batch, &answered, error);
    return status == STATUS_OK && answered < batch->count ? tell_failure(batch, error) : status;
}

enum status redis_batch_run_some(struct redis_batch *batch, bool writes, struct error *error)
{
    size_t answered = 0;
    enum status status = STATUS_OK;

    batch->writes = writes;
    status = run_batch(batch, &answered, error);
    return status == STATUS_OK && answered == 0 ? tell_failure(batch, error) : status;
}
