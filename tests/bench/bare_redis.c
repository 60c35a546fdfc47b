#include "tests/bench/bare.h"
#include "tracker/tracker_redis.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW       "1795178096000"
#define KEY_BYTES 64
#define PARTS_MAX 24

static redisContext *redis;
static char scripts[REDIS_SCRIPT_COUNT][64];

/* One command, put together part by part. */
struct command {
    int count;
    const char *parts[PARTS_MAX];
    size_t sizes[PARTS_MAX];
    char keys[6][KEY_BYTES]; /* of the record, the lists, and the prefix */
};

static redisReply *reply_of_next(void)
{
    void *reply = NULL;
    if (redisGetReply(redis, &reply) != REDIS_OK ||
        ((redisReply *)reply)->type == REDIS_REPLY_ERROR) {
        bare_fail("redis");
    }
    return reply;
}

static void load(enum redis_script script)
{
    redisAppendCommand(redis, "SCRIPT LOAD %s", redis_script_texts[script]);
    redisReply *reply = reply_of_next();
    (void)snprintf(scripts[script], sizeof(scripts[script]), "%s", reply->str);
    freeReplyObject(reply);
}

/* redis://127.0.0.1:port/db */
void bare_redis_open(const char *url)
{
    int port = 0;
    int database = 0;
    if (sscanf(url, "redis://127.0.0.1:%d/%d", &port, &database) != 2) { /* NOLINT(cert-err34-c) */
        bare_fail("redis: URL");
    }
    redis = redisConnect("127.0.0.1", port);
    if (redis == NULL || redis->err != 0) {
        bare_fail("redis: connect");
    }
    redisAppendCommand(redis, "SELECT %d", database);
    freeReplyObject(reply_of_next());
    load(REDIS_SCRIPT_REGISTER);
    load(REDIS_SCRIPT_UPDATE);
}

static void add(struct command *command, struct slice part)
{
    command->parts[command->count] = part.data;
    command->sizes[command->count++] = part.size;
}

static void add_text(struct command *command, const char *text)
{
    add(command, slice_from_text(text));
}

static void begin(struct command *command, enum redis_script script, const char *id)
{
    static const char *const lists[] = {"open", "done", REDIS_DUE, "exp", ""};
    command->count = 0;
    add_text(command, "EVALSHA");
    add_text(command, scripts[script]);
    add_text(command, "5");
    (void)snprintf(command->keys[0], KEY_BYTES, "rb:r:%s", id);
    add_text(command, command->keys[0]);
    for (size_t i = 0; i < 5; i++) {
        (void)snprintf(command->keys[i + 1], KEY_BYTES, "rb:%s", lists[i]);
        add_text(command, command->keys[i + 1]);
    }
    add_text(command, id);
}

static void append(struct command *command)
{
    redisAppendCommandArgv(redis, command->count, command->parts, command->sizes);
}

static void drop_replies(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = reply_of_next();
        if (reply->type != REDIS_REPLY_INTEGER || reply->integer != 1) {
            bare_fail("redis: not done");
        }
        freeReplyObject(reply);
    }
}

void bare_register(char (*ids)[33], size_t count, struct slice plan, struct slice state)
{
    static const char *const columns[] = {"1", NOW, "1795178156000", "0", "0", "bare", "", "0", ""};
    struct command command;
    for (size_t i = 0; i < count; i++) {
        begin(&command, REDIS_SCRIPT_REGISTER, ids[i]);
        for (size_t k = 0; k < ARRAY_COUNT(columns); k++) {
            add_text(&command, columns[k]);
        }
        add_text(&command, "1");
        add(&command, plan);
        add_text(&command, "1");
        add(&command, state);
        append(&command);
    }
    drop_replies(count);
}

/* The plan in a record: a line of eleven numbers, of which the seventh to tenth are the sizes of
 * what stands before it and its own; "-" is none. */
static struct slice plan_of(const redisReply *reply)
{
    const char *end = reply->str == NULL ? NULL : memchr(reply->str, '\n', reply->len);
    size_t at = 0;
    size_t size = 0;
    if (end == NULL) {
        bare_fail("redis: no record");
    }
    const char *word = reply->str;
    for (int i = 0; i < 10; i++) {
        size = i < 6 || *word == '-' ? 0 : strtoul(word, NULL, 10);
        at += i < 9 ? size : 0;
        word = (const char *)memchr(word, ' ', (size_t)(end - word)) + 1;
    }
    return (struct slice){end + 1 + at, size};
}

void bare_find(char (*ids)[33], size_t count, struct buffer *tokens)
{
    for (size_t i = 0; i < count; i++) {
        redisAppendCommand(redis, "GET rb:r:%s", ids[i]);
    }
    for (size_t i = 0; i < count; i++) {
        redisReply *reply = reply_of_next();
        const struct slice plan = plan_of(reply);
        buffer_reset(&tokens[i]);
        buffer_append(&tokens[i], slice_part(plan, 0, BARE_TOKEN_BYTES));
        freeReplyObject(reply);
    }
}

void bare_update(char (*ids)[33], size_t count, unsigned version, struct slice state,
                 struct slice plan)
{
    struct command command;
    char expected[16];
    (void)snprintf(expected, sizeof(expected), "%u", version);
    for (size_t i = 0; i < count; i++) {
        begin(&command, REDIS_SCRIPT_UPDATE, ids[i]);
        add_text(&command, expected);
        add_text(&command, "1");
        add_text(&command, "1");
        add_text(&command, "1795178156000");
        add_text(&command, plan.data != NULL ? NOW : "0");
        add_text(&command, "0");
        add_text(&command, "bare");
        add_text(&command, "1");
        add(&command, state);
        add_text(&command, plan.data != NULL ? "put" : "keep");
        add(&command, plan.data != NULL ? plan : SLICE(""));
        append(&command);
    }
    drop_replies(count);
}
