/*
 * The tracker: what is remembered. A backend (tracker_sqlite.c, tracker_redis.c, ...) stores an
 * immutable plan blob and a small state blob per invocation, with the columns it needs to find them
 * again, and knows nothing of the lifecycle. This header is the whole contract; one suite
 * (tests/contract) runs against every backend with the real store behind it.
 *
 * - Operations take arrays and cost one round trip (one transaction) where the store allows it.
 * - A record and its due entry change atomically. Reads of records are strongly consistent.
 * - Group entries, locks and the list of all records may be hints: added before the record, removed
 *   after it, verified against the record when read. A dangling hint is harmless.
 * - The cost of an operation does not grow with the number of records.
 * - One handle belongs to one thread. Every function returns RETRY when the store cannot be reached
 *   or is busy (the handle reconnects by itself at the next call), INTERNAL when it is broken, and
 *   REJECTED when the input breaks a rule named in the text. Slices returned live in the arena
 *   given.
 * - Where a part of the store is away (a node of a Redis Cluster), an operation on an array does
 * what it can, and the status of an item that it could not reach is RETRY. The call itself is RETRY
 * only when it reached none: who hands in one item need not look at the item's status.
 * - Blobs arrive sealed or plain as the caller likes: tracker/record.h does both.
 */
#ifndef RINGBACK_TRACKER_TRACKER_H
#define RINGBACK_TRACKER_TRACKER_H

#include "infra/base/arena.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ids, lock keys and digests are of a-z and 0-9; times are 0..999999999999999 ms. */
#define TRACKER_ID_BYTES        32
#define TRACKER_OWNER_MAX_BYTES 63
#define TRACKER_GROUP_MAX_BYTES 2048
#define TRACKER_BLOB_MAX_BYTES  (350u * 1024) /* sealed plan, on every backend */
#define TRACKER_REPLY_MAX_BYTES (512u * 1024) /* sealed reply */
#define TRACKER_SHARDS          64            /* fixed for ever */
#define TRACKER_LEASE_MS        120000        /* equals the queues' visibility timeout */
/* The layout of the blobs. A process neither claims nor writes records of a higher format; a new
 * one is written one release after it can be read. */
#define TRACKER_FORMAT 1
/* The layout of the store, where the backend has no number of its own. Migrations are additive; a
 * store of a higher schema is refused. */
#define TRACKER_SCHEMA 1

/* The text for such an item. */
#define TRACKER_PART_AWAY "tracker: this part of the store is away"

struct tracker;
struct aws_client_options;

struct tracker_record {
    char id[TRACKER_ID_BYTES + 1];
    int64_t version; /* 1 when registered, one more with every claim and update */
    int64_t format;
    int64_t created_at_ms;
    int64_t due_at_ms;     /* when the sweep is to look at it; 0: never */
    int64_t settled_at_ms; /* 0: open */
    int64_t expires_at_ms; /* when tracker_expire removes it; 0: never (always so while open) */
    char lease_owner[TRACKER_OWNER_MAX_BYTES + 1]; /* "": nobody; for people, no rule reads it */
    struct slice group;                            /* absent: none; never changes */
    struct slice plan;                             /* absent once it was dropped */
    struct slice state;
};

struct tracker_options {
    const char *url;       /* sqlite:PATH, redis://[user:password@]host:port/db, rediss://, ... */
    const char *ca_bundle; /* NULL: OpenSSL's own default */
    int64_t redis_wait;    /* replicas that must have a write */
    int64_t timeout_ms;    /* of one operation; 0: 5 s */
    const struct aws_client_options *aws; /* for dynamodb: the handle makes a client of its own */
};

/* Connects (or creates the file and its schema). REJECTED names what is wrong with the url or the
 * store (unknown scheme, schema of a later release); RETRY: it is away. Weaker durability settings
 * than the promises need are logged as warnings. */
MUST_CHECK enum status tracker_open(const struct tracker_options *options, struct tracker **tracker,
                                    struct error *error);
void tracker_close(struct tracker *tracker);
/* One cheap round trip, for /readyz. */
MUST_CHECK enum status tracker_ping(struct tracker *tracker, struct error *error);

/* 0..TRACKER_SHARDS-1, from the id's first characters. */
unsigned tracker_shard(const char *id);

struct tracker_registration {
    /* In: version is ignored; plan and state are copied. */
    struct tracker_record record;
    /* Out. */
    enum status status;             /* OK, or RETRY: the rest is not valid */
    bool created;                   /* false: the id exists already, *existing is what is there */
    struct tracker_record existing; /* valid when !created */
};

/* Creates each record unless its id exists. Same id twice in one call: the second is not created.
 */
MUST_CHECK enum status tracker_register(struct tracker *tracker, struct arena *arena,
                                        struct tracker_registration *registrations, size_t count,
                                        struct error *error);

struct tracker_lookup {
    const char *id;
    enum status status; /* OK, or RETRY: the rest is not valid */
    bool found;
    struct tracker_record record; /* valid when found */
};

MUST_CHECK enum status tracker_find(struct tracker *tracker, struct arena *arena,
                                    struct tracker_lookup *lookups, size_t count,
                                    struct error *error);

struct tracker_update {
    /* In. record.id; record.version is the version that is expected. format, due_at_ms,
     * settled_at_ms, expires_at_ms, lease_owner and state are stored; created_at_ms and group are
     * ignored. The plan is left alone unless replace_plan: then record.plan is stored, absent drops
     * it. */
    struct tracker_record record;
    bool replace_plan;
    /* Out: OK (record.version is the new one), CONFLICT (somebody else was first, or the stored
     * format is higher than ours), NOT_FOUND, RETRY. */
    enum status status;
};

/* Compare-and-set of each record by itself. */
MUST_CHECK enum status tracker_update(struct tracker *tracker, struct tracker_update *updates,
                                      size_t count, struct error *error);

/*
 * Takes the lease of up to limit records with 0 < due_at_ms <= now_ms and a format not above ours,
 * the longest due first (per shard): sets lease_owner, moves due_at_ms to now_ms + lease_ms and
 * bumps the version, atomically for each record; returns them as they are afterwards. Two claimers
 * never get the same record.
 */
MUST_CHECK enum status tracker_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                                     int64_t lease_ms, const char *owner, size_t limit,
                                     struct tracker_record **records, size_t *count,
                                     struct error *error);

/* The member of the group created last; NOT_FOUND (no text) when it has none. */
MUST_CHECK enum status tracker_group_latest(struct tracker *tracker, struct arena *arena,
                                            struct slice group, struct tracker_record *record,
                                            struct error *error);

struct tracker_list {
    struct slice group; /* absent: all records */
    bool open_only;     /* unsettled ones */
    size_t limit;       /* 1..100 */
    struct slice token; /* absent: from the start; else *next_token of the page before */
};

/* Newest first. *next_token is absent on the last page. REJECTED: a token that is none. A page may
 * hold fewer records than limit and still have a next one. */
MUST_CHECK enum status tracker_list(struct tracker *tracker, struct arena *arena,
                                    const struct tracker_list *list,
                                    struct tracker_record **records, size_t *count,
                                    struct slice *next_token, struct error *error);

struct tracker_counts {
    int64_t records; /* with tombstones */
    int64_t open;
    int64_t parked;
};

/* O(1), or approximate; never a scan. */
MUST_CHECK enum status tracker_count(struct tracker *tracker, struct tracker_counts *counts,
                                     struct error *error);

/* Makes the record due at once (due_at_ms = now_ms) if it is open and not due before; for a lock's
 * waiter and for people. NOT_FOUND when there is none. */
MUST_CHECK enum status tracker_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                                     struct error *error);

/*
 * Locks: key -> owner's invocation id. No expiry, no clock. Take succeeds when the key is free or
 * held by `expected` (take-over from an owner that is gone; NULL: only when free) or by owner
 * itself. CONFLICT: held by *holder. Release only removes the entry of this owner; OK either way.
 * Waiters: invocation ids in the order of their coming, as hints; the first one is read when the
 * owner ends.
 */
#define TRACKER_LOCK_KEY_BYTES 64 /* hex SHA-256 */
MUST_CHECK enum status tracker_lock_take(struct tracker *tracker, const char *key,
                                         const char *owner, const char *expected,
                                         char holder[TRACKER_ID_BYTES + 1], struct error *error);
/* Who holds it now. NOT_FOUND (no text): nobody. */
MUST_CHECK enum status tracker_lock_holder(struct tracker *tracker, const char *key,
                                           char holder[TRACKER_ID_BYTES + 1], struct error *error);
MUST_CHECK enum status tracker_lock_release(struct tracker *tracker, const char *key,
                                            const char *owner, struct error *error);
MUST_CHECK enum status tracker_lock_wait(struct tracker *tracker, const char *key, const char *id,
                                         int64_t since_ms, struct error *error);
MUST_CHECK enum status tracker_lock_leave(struct tracker *tracker, const char *key, const char *id,
                                          struct error *error);
/* NOT_FOUND (no text): nobody waits. */
MUST_CHECK enum status tracker_lock_first(struct tracker *tracker, const char *key,
                                          char id[TRACKER_ID_BYTES + 1], struct error *error);

/* A message that could not be handled, kept with its reason until it is redriven or expires. */
struct tracker_parked {
    char id[TRACKER_ID_BYTES + 1]; /* the caller's: same source and body, same id */
    int64_t first_seen_ms;
    int64_t expires_at_ms;
    struct slice source; /* queue, "http", ... */
    struct slice reason; /* for people; no secrets */
    struct slice digest; /* for people: hex SHA-256 of the whole body, to tell it from others */
    struct slice body;   /* sealed; cut to TRACKER_PARKED_MAX_BYTES by the caller */
};
#define TRACKER_PARKED_MAX_BYTES (64u * 1024)

/* Parking what is parked already changes nothing. */
MUST_CHECK enum status tracker_park(struct tracker *tracker, const struct tracker_parked *messages,
                                    size_t count, struct error *error);
/* Oldest first; paged as tracker_list. */
MUST_CHECK enum status tracker_parked_list(struct tracker *tracker, struct arena *arena,
                                           size_t limit, struct slice token,
                                           struct tracker_parked **messages, size_t *count,
                                           struct slice *next_token, struct error *error);
/* Removes and returns one, for a redrive; NOT_FOUND (no text) when it is gone: of several takers
 * one gets it. */
MUST_CHECK enum status tracker_parked_take(struct tracker *tracker, struct arena *arena,
                                           const char *id, struct tracker_parked *message,
                                           struct error *error);

/* The reply of an outcome when it is too large for the state: written before the commit that names
 * its digest. Under one {id, digest} it never changes. */
MUST_CHECK enum status tracker_reply_put(struct tracker *tracker, const char *id,
                                         const char *digest, struct slice blob,
                                         int64_t expires_at_ms, struct error *error);
/* NOT_FOUND (no text) when there is none. */
MUST_CHECK enum status tracker_reply_get(struct tracker *tracker, struct arena *arena,
                                         const char *id, const char *digest, struct slice *blob,
                                         struct error *error);

/* Removes records, parked messages and replies whose expires_at_ms has passed, at most about limit
 * of them; *removed counts. Where the store expires by itself this may do nothing. */
MUST_CHECK enum status tracker_expire(struct tracker *tracker, int64_t now_ms, size_t limit,
                                      size_t *removed, struct error *error);

#endif
