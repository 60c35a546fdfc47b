/*
 * The Redis backend's own header: nodes, each with one connection, and batches of commands that
 * cross all of them in one round trip. The files tracker_redis*.c share it; nobody else includes
 * it. A plain Redis is one node; where a shard lives is for tracker_redis_cluster.c alone to know.
 *
 * Keys. In a cluster every key starts with `rb:{NN}:`, NN being the shard, so that all keys of one
 * record are in one slot and one script changes them atomically; there are no hints. While a slot
 * moves from node to node its keys are in two places: a script therefore names the keys that it
 * needs together, so that Redis answers TRYAGAIN, and passes over what it finds without its other
 * half. One server has no slots: there is one shard and every key starts with `rb:`.
 *     r:<id>       the record: one string    open, done  places of the shard's records
 *     due:<format> ids by due_at_ms           go:, gd:<hash of the group>  those of the group
 *     exp          what expires, by time     parked, p:<id>          places and messages
 *     lock:<key>   the owner                 wait:<key>  waiters by time
 *     y:<id>:<digest>  replies
 * A record is a line of numbers (version, format, created_at, due_at, settled_at, expires_at, then
 * the sizes of owner, group's hash, group, plan and state, "-" for what is absent) and those, one
 * after the other. One string, and each place kept once, since with a hash of ten fields and
 * sets of all beside those of open an invocation took twice the memory.
 * A place is time and id as text (tracker_check.h), all with score 0, so that Redis sorts and pages
 * by it. Nothing uses Redis's own expiry:
 * tracker_expire removes a record with all of its entries, which keeps counts exact. What is of the
 * whole store asks all shards in one round trip and merges.
 */
#ifndef RINGBACK_TRACKER_TRACKER_REDIS_H
#define RINGBACK_TRACKER_TRACKER_REDIS_H

#include "tracker/tracker_backend.h"

#include <hiredis/hiredis.h>

enum redis_script {
    REDIS_SCRIPT_REGISTER,
    REDIS_SCRIPT_UPDATE,
    REDIS_SCRIPT_CLAIM,
    REDIS_SCRIPT_TOUCH,
    REDIS_SCRIPT_EXPIRE,
    REDIS_SCRIPT_LOCK_TAKE,
    REDIS_SCRIPT_LOCK_RELEASE,
    REDIS_SCRIPT_PARK,
    REDIS_SCRIPT_PARKED_TAKE,
    REDIS_SCRIPT_REPLY_PUT,
    REDIS_SCRIPT_COUNT,
    REDIS_PLAIN = REDIS_SCRIPT_COUNT, /* a command that is no script */
};

extern const char *const redis_script_texts[REDIS_SCRIPT_COUNT];

struct redis_place {
    const char *host;
    int port;
};

#define REDIS_SEEDS_MAX 16

/* From the url; texts are NULL when absent and live as long as the arena given. */
struct redis_address {
    struct redis_place seeds[REDIS_SEEDS_MAX]; /* of a plain Redis the only one */
    size_t seed_count;
    const char *user;
    const char *password;
    int64_t database;
    bool is_tls;
    bool is_cluster;
};

MUST_CHECK enum status redis_address_parse(const char *url, struct arena *arena,
                                           struct redis_address *address, struct error *error);

#define REDIS_SHA_BYTES 40

struct redis_store;

/* A server and the connection to it. */
struct redis_node {
    struct redis_node *next;
    struct redis_store *store;
    char *host; /* owned */
    int port;
    redisContext *context; /* NULL: not connected */
    int64_t retry_at_ms;   /* monotonic; before it no new connection is tried */
    unsigned failure_count;
    bool is_checked; /* durability settings were looked at */
    bool is_seed;    /* named by the url */
    /* Of the running batch. */
    bool is_busy;    /* commands are on their way */
    bool has_writes; /* replicas are waited for */
    bool is_unsent;  /* the connection was lost before a byte had left */
};

#define REDIS_SHARDS_MAX TRACKER_SHARDS /* in a cluster */

struct redis_store {
    struct tracker tracker;
    struct arena *address_arena;
    struct arena *scratch; /* commands of the running operation */
    unsigned batch_count;  /* begun and not ended */
    struct redis_address address;
    const char *ca_bundle; /* NULL: OpenSSL's own default */
    struct redis_node *nodes;
    unsigned shard_count;                        /* 1 where there is one server only */
    struct redis_node *owners[REDIS_SHARDS_MAX]; /* NULL: nobody, as far as we know */
    bool is_stale;                               /* owners are to be asked for again */
    int64_t timeout_ms;
    int64_t deadline_ms;   /* monotonic, of the running operation */
    int64_t wait_replicas; /* 0: none */
    unsigned next_shard;   /* where the next claim starts */
    bool is_open;          /* tracker_open has succeeded */
    char hashes[REDIS_SCRIPT_COUNT][REDIS_SHA_BYTES + 1];
};

struct redis_command {
    enum redis_script script;
    unsigned shard;
    int count; /* of parts */
    const char **parts;
    size_t *sizes;
    redisReply *reply;       /* owned by the batch; NULL: none */
    struct redis_node *node; /* who is asked */
    bool is_asking;          /* sent there by ASK, for this once */
};

/* Commands that cross the wire together; replies are looked at after redis_batch_run. */
struct redis_batch {
    struct redis_store *store;
    struct redis_command *commands;
    size_t count;
    size_t capacity;
    bool writes;
    struct error failure; /* the first one; OK: none */
};

#define REDIS_PARTS_MAX 28
#define REDIS_DUE       "due:1" /* of TRACKER_FORMAT */
/* The layout of the keys. 1 was one of before the first release, and is refused. */
#define REDIS_SCHEMA 2

/* Room for so many commands in the store's scratch arena, which is reset when no other batch is
 * open. Fit for CLEANUP(redis_batch_end), which frees the replies. */
struct redis_batch redis_batch_begin(struct redis_store *store, size_t capacity);
void redis_batch_end(struct redis_batch *batch);
struct redis_command *redis_add(struct redis_batch *batch, unsigned shard, const char *name,
                                const char *key);
/* The script gets the key, those of its shard that it changes too, and the group's when there is a
 * hash; and as its first argument the shard's prefix. */
struct redis_command *redis_add_script(struct redis_batch *batch, enum redis_script script,
                                       unsigned shard, const char *key, const char *group_hash);
/* Bytes are borrowed until the batch ends. Absent is sent as empty. */
void redis_part(struct redis_command *command, struct slice part);
void redis_part_text(struct redis_command *command, const char *text);
void redis_part_int64(struct redis_batch *batch, struct redis_command *command, int64_t value);
/* Where this is: an id, or a lock's key. */
unsigned redis_shard(const struct redis_store *store, const char *id);
const char *redis_prefix(struct redis_store *store, unsigned shard);
/* The shard's prefix, name and suffix; in the scratch arena. */
const char *redis_key(struct redis_store *store, unsigned shard, const char *name,
                      const char *suffix);
/* Sends all, reads all replies. Not OK when any command has no reply or an error for one. writes:
 * waits for replicas when so configured. */
MUST_CHECK enum status redis_batch_run(struct redis_batch *batch, bool writes, struct error *error);
/* The same, but OK as soon as one command was answered, for what some shards can do while others
 * are away: a command that was not has no reply. */
MUST_CHECK enum status redis_batch_run_some(struct redis_batch *batch, bool writes,
                                            struct error *error);

/* A node's connection (tracker_redis_connection.c). redis_connect does nothing when there is one.
 */
MUST_CHECK enum status redis_connect(struct redis_node *node, struct error *error);
void redis_disconnect(struct redis_node *node);
MUST_CHECK enum status redis_load_scripts(struct redis_node *node, struct error *error);
/* Sends what was appended and reads so many replies, by the operation's deadline; any trouble
 * closes the connection. Fit for pipelines of any length. */
MUST_CHECK enum status redis_flush(struct redis_node *node, struct error *error);
MUST_CHECK enum status redis_read_reply(struct redis_node *node, redisReply **reply,
                                        struct error *error);
/* One command of a few words and its reply, for the start of a connection. */
MUST_CHECK enum status redis_ask(struct redis_node *node, const char *const *words, int count,
                                 redisReply **reply, struct error *error);
/* Fit for CLEANUP on a redisReply * variable. */
void redis_free_reply(redisReply **reply);
int64_t redis_remaining_ms(const struct redis_store *store);
/* REJECTED, with the reason, where this build has no TLS. */
MUST_CHECK enum status redis_check_tls(struct error *error);
MUST_CHECK enum status redis_start_tls(struct redis_node *node, struct error *error);
enum status redis_classify(const redisReply *reply, struct error *error);
/* "1.2.3.4:6379: " in a cluster, "" where there is one server only; in error texts. */
const char *redis_node_name(const struct redis_node *node);

/* What a server must be (tracker_redis_server.c). */
MUST_CHECK enum status redis_check_durability(struct redis_node *node, struct error *error);
/* At the opening: the store's schema is ours, or there is none yet. */
MUST_CHECK enum status redis_check_schema(struct redis_store *store, struct error *error);

/* Where shards live (tracker_redis_cluster.c). The node of this place, a new one when need be. */
struct redis_node *redis_node_at(struct redis_store *store, struct slice host, int port);
/* Knows the url's nodes, before anything else. */
void redis_seed_nodes(struct redis_store *store);
/* At the start of each operation: forgets nodes that are not needed any more. */
void redis_begin_nodes(struct redis_store *store);
void redis_forget_nodes(struct redis_store *store);
/* Makes sure that the owners are known; does nothing where there is one server only, or while
 * nothing hints at a change. RETRY: no node can tell. */
MUST_CHECK enum status redis_find_owners(struct redis_store *store, struct error *error);
/* Whether the reply says to ask (again) elsewhere or in a moment; the command was not carried out.
 * Where to ask next is noted. */
enum redis_again {
    REDIS_AGAIN_NO,
    REDIS_AGAIN_AT_ONCE,
    REDIS_AGAIN_SOON,
};
enum redis_again redis_again(struct redis_store *store, struct redis_command *command);

/* What a reply holds. */
struct slice redis_reply_slice(const redisReply *reply);
int64_t redis_reply_int64(const redisReply *reply);
struct slice redis_reply_copy(const redisReply *reply, struct arena *arena);

void redis_add_get_record(struct redis_batch *batch, const char *id);
/* false: there is none. INTERNAL is for the caller: a reply of another shape reads as none. */
bool redis_read_record(const redisReply *reply, struct arena *arena, const char *id,
                       struct tracker_record *record);
/* What stands for a group in keys: so many digits of its SHA-256. */
#define REDIS_GROUP_DIGITS 24
const char *redis_group_hash(struct arena *arena, struct slice group);
const char *redis_record_key(struct redis_store *store, const char *id);

/* tracker_redis_lists.c */
enum status redis_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                               struct tracker_record *record, struct error *error);
enum status redis_list(struct tracker *tracker, struct arena *arena,
                       const struct tracker_list *list, struct tracker_record **records,
                       size_t *count, struct slice *next_token, struct error *error);
enum status redis_count(struct tracker *tracker, struct tracker_counts *counts,
                        struct error *error);
enum status redis_expire(struct tracker *tracker, int64_t now_ms, size_t limit, size_t *removed,
                         struct error *error);
enum status redis_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                              struct slice token, struct tracker_parked **messages, size_t *count,
                              struct slice *next_token, struct error *error);

/* tracker_redis_side.c */
bool redis_read_parked(const redisReply *reply, struct arena *arena, const char *id,
                       struct tracker_parked *message);
#define REDIS_PARKED_COLUMNS 6
enum status redis_lock_take(struct tracker *tracker, const char *key, const char *owner,
                            const char *expected, char *holder, struct error *error);
enum status redis_lock_holder(struct tracker *tracker, const char *key, char *holder,
                              struct error *error);
enum status redis_lock_release(struct tracker *tracker, const char *key, const char *owner,
                               struct error *error);
enum status redis_lock_wait(struct tracker *tracker, const char *key, const char *id,
                            int64_t since_ms, struct error *error);
enum status redis_lock_leave(struct tracker *tracker, const char *key, const char *id,
                             struct error *error);
enum status redis_lock_first(struct tracker *tracker, const char *key, char *id,
                             struct error *error);
enum status redis_park(struct tracker *tracker, const struct tracker_parked *messages, size_t count,
                       struct error *error);
enum status redis_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                              struct tracker_parked *message, struct error *error);
enum status redis_reply_put(struct tracker *tracker, const char *id, const char *digest,
                            struct slice blob, int64_t expires_at_ms, struct error *error);
enum status redis_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                            const char *digest, struct slice *blob, struct error *error);

#endif
