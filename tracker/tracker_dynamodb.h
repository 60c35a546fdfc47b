/*
 * The DynamoDB backend's own header: one table, one client, and volleys of calls. The files
 * tracker_dynamodb*.c share it; nobody else includes it.
 *
 * Items, by partition key and sort key (NN: a sixteenth, four shards in one; place: see
 * tracker_check.h):
 *     r#<id>    r                  the record: columns and state; plan: the sort key of its plan
 *     r#<id>    p#<version>#<hash> a plan, accepted at that version of the record
 *     l#NN, o#NN          <place>  hints: all records, open ones
 *     g#, h#<hash>        <place>  hints: all members of a group, open ones
 *     k#<key>   k                  a lock's owner
 *     w#<key>   t#<place>, i#<id>  waiters by time; a waiter's place
 *     q#<id>    q                  a parked message, found by the hint  u#NN <place>
 *     y#<id>    <digest>#<n>       the n-th part of a reply
 *     n#<n>     open, settled, d<day>  counters
 *     m         m                  the schema
 *
 * The record alone decides, by conditions on its version; all else is added before it and removed
 * after it, verified against it when read, and carries `ttl`. The one index, `due`, is sparse: a
 * record has `part` (format and NN) as long as it is due at some time. An item whose time has
 * passed is gone, whether DynamoDB has removed it or not.
 *
 * A conditional write carries a word of its own (`writer`). When its fate is unknown the item is
 * read again, and the word tells whose write it was.
 */
#ifndef RINGBACK_TRACKER_TRACKER_DYNAMODB_H
#define RINGBACK_TRACKER_TRACKER_DYNAMODB_H

#include "tracker/tracker_backend.h"
#include "tracker/tracker_check.h"

#include "infra/aws/dynamodb.h"

#define DYNAMODB_PARTS        16
#define DYNAMODB_DUE_PARTS    (DYNAMODB_PARTS * TRACKER_FORMAT)
#define DYNAMODB_COUNTERS     8
#define DYNAMODB_COUNTS_MAX   32 /* changes that wait to be written */
#define DYNAMODB_WRITER_BYTES 24
#define DYNAMODB_DAY_MS       INT64_C(86400000)
/* How long hints and plans are kept without being renewed, and when an open record renews them. */
#define DYNAMODB_KEEP_MS  (30 * DYNAMODB_DAY_MS)
#define DYNAMODB_RENEW_MS (15 * DYNAMODB_DAY_MS)

/* What is remembered of one partition of the index, so that an idle table costs little. */
struct dynamodb_due {
    int64_t look_at_ms; /* before it nothing can be due there, as far as is known */
    unsigned empty_count;
};

struct dynamodb_count {
    const char *sort_key;
    int64_t day; /* of expiry, when sort_key is NULL */
    int64_t records;
    int64_t parked;
};

struct dynamodb_store {
    struct tracker tracker;
    struct aws_client *aws;
    const struct clock *clock;
    const struct random *random;
    struct arena *arena;   /* as long as the store */
    struct arena *scratch; /* of the running operation */
    const char *table;
    int64_t timeout_ms;
    int64_t deadline_ms; /* monotonic, of the running operation */
    int64_t told_ms;     /* the time as the caller of claim and expire told it */
    uint64_t writer_seed;
    uint64_t writer_count;
    bool is_open;
    unsigned next_part; /* where the next claim starts */
    struct dynamodb_due due[DYNAMODB_DUE_PARTS];
    struct dynamodb_count counts[DYNAMODB_COUNTS_MAX];
    size_t count_changes;
    int64_t counted_at_ms; /* monotonic, of the first change that waits */
};

/* ---- Calls (tracker_dynamodb_calls.c) ------------------------------------------------------- */

struct dynamodb_exchange {
    struct aws_call call;
    struct json root; /* of its answer */
};

/* Begins an operation: forgets the one before and sets the deadline. */
void dynamodb_begin(struct dynamodb_store *store);
/* Sends all and waits for all. Not OK: time was over (RETRY) or an answer is no JSON (INTERNAL),
 * and nothing is known of any of them; what became of each is in its call. */
MUST_CHECK enum status dynamodb_send(struct dynamodb_store *store,
                                     struct dynamodb_exchange *exchanges, size_t count,
                                     struct error *error);
/* What a call that did not succeed means to the caller of the tracker; never OK. */
enum status dynamodb_problem(struct dynamodb_store *store, const struct aws_call *call,
                             struct error *error);
/* Items by their keys, each key once; unprocessed ones are asked for again. */
MUST_CHECK enum status dynamodb_get_all(struct dynamodb_store *store, struct dynamodb_get *gets,
                                        size_t count, bool consistent, struct error *error);
/* Puts and deletes without conditions, each key once; unprocessed ones are sent again. */
MUST_CHECK enum status dynamodb_write_all(struct dynamodb_store *store,
                                          struct dynamodb_batch_write *writes, size_t count,
                                          struct error *error);
/* As dynamodb_write_all, of what may as well stay undone: dangling hints and counters. */
void dynamodb_try_all(struct dynamodb_store *store, struct dynamodb_batch_write *writes,
                      size_t count);
/* One page of a query. */
MUST_CHECK enum status dynamodb_query_one(struct dynamodb_store *store,
                                          const struct dynamodb_query *query,
                                          struct dynamodb_page *page, struct error *error);
/* One write, built already. CONFLICT (no text): its condition failed; RETRY: it may have been done
 * all the same. *attributes: what ReturnValues asked for or, after CONFLICT, the item where the
 * service tells it. */
MUST_CHECK enum status dynamodb_write_one(struct dynamodb_store *store,
                                          struct dynamodb_exchange *exchange,
                                          struct json *attributes, struct error *error);
/* One item; absent when there is none. */
MUST_CHECK enum status dynamodb_get_one(struct dynamodb_store *store, struct dynamodb_key key,
                                        struct json *item, struct error *error);

/* A word for one write. */
const char *dynamodb_writer(struct dynamodb_store *store);
/* What expired by now is gone. */
int64_t dynamodb_now_ms(const struct dynamodb_store *store);
/* The value of `ttl`, in seconds. */
int64_t dynamodb_ttl(int64_t expires_at_ms);
unsigned dynamodb_part(const char *id);

/* ---- Records (tracker_dynamodb_record.c) ---------------------------------------------------- */

struct dynamodb_key dynamodb_record_key(struct dynamodb_store *store, const char *id);
/* Columns and state; absent plan. The name of the plan is in *plan_key, NULL: none. */
void dynamodb_read_record(struct arena *arena, struct json item, struct tracker_record *record);
const char *dynamodb_plan_key(struct dynamodb_store *store, int64_t version, struct slice plan);
const char *dynamodb_plan_prefix(struct dynamodb_store *store, int64_t version);
bool dynamodb_has_expired(const struct dynamodb_store *store, struct json item);

/* What registering and updating both write: all columns but version, created, group and plan. */
void dynamodb_add_columns(struct dynamodb_store *store, struct dynamodb_values *values,
                          const struct tracker_record *record);
bool dynamodb_is_written_by(struct json item, const char *writer);
/* Whether an entry before this one has the same id and waits as well: it goes first. */
bool dynamodb_is_second(const char *const *ids, const bool *waits, size_t index);

/* A record to be read, plan and all. */
struct dynamodb_find {
    const char *id;
    struct json item;     /* in: absent, or the item as it was told; out: absent when none */
    const char *plan_key; /* private */
    struct tracker_record record;
};

/* Reads those whose item is not known, then the plans of all. Each id once. */
MUST_CHECK enum status dynamodb_find_all(struct dynamodb_store *store, struct arena *arena,
                                         struct dynamodb_find *finds, size_t count,
                                         struct error *error);
/* Only the plans, of finds that all have their item. */
MUST_CHECK enum status dynamodb_find_plans(struct dynamodb_store *store, struct arena *arena,
                                           struct dynamodb_find *finds, size_t count,
                                           struct error *error);

/* ---- Hints and plans (tracker_dynamodb_hints.c) --------------------------------------------- */

/* What is put or deleted beside the records: at most four hints for each, and plans. */
#define DYNAMODB_HINTS_MAX 4
struct dynamodb_hints {
    struct dynamodb_batch_write *writes;
    size_t count;
};
enum dynamodb_hint_kind { DYNAMODB_HINTS_ALL = 1, DYNAMODB_HINTS_OPEN = 2 };

struct dynamodb_hints dynamodb_hints_begin(struct dynamodb_store *store, size_t count);
/* How long what belongs to the record is kept at least; 0: for ever. */
int64_t dynamodb_keep_until(const struct dynamodb_store *store,
                            const struct tracker_record *record);
/* A plan under its key, kept until then; and away with it. */
void dynamodb_put_plan(struct dynamodb_store *store, struct dynamodb_hints *hints,
                       const struct tracker_record *record, const char *plan_key, int64_t kept_ms);
void dynamodb_drop_plan(struct dynamodb_store *store, struct dynamodb_hints *hints, const char *id,
                        const char *plan_key);
/* expires_at_ms 0: they stay. */
void dynamodb_put_hints(struct dynamodb_store *store, struct dynamodb_hints *hints,
                        const struct tracker_record *record, unsigned kinds, int64_t expires_at_ms);
void dynamodb_drop_hints(struct dynamodb_store *store, struct dynamodb_hints *hints,
                         const struct tracker_record *record, unsigned kinds);
/* 0: for ever. */
MUST_CHECK enum status dynamodb_keep_plan(struct dynamodb_store *store, const char *id,
                                          const char *plan_key, int64_t until_ms);
/* An open record whose hints and plan would not be kept much longer: renews them. */
void dynamodb_renew(struct dynamodb_store *store, const struct tracker_record *record,
                    const char *plan_key, int64_t kept_ms);

/* Operations of tracker.h (tracker_dynamodb.c, _register.c, _update.c, _claim.c). */
enum status dynamodb_register(struct tracker *tracker, struct arena *arena,
                              struct tracker_registration *registrations, size_t count,
                              struct error *error);
enum status dynamodb_find(struct tracker *tracker, struct arena *arena,
                          struct tracker_lookup *lookups, size_t count, struct error *error);
enum status dynamodb_update(struct tracker *tracker, struct tracker_update *updates, size_t count,
                            struct error *error);
enum status dynamodb_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                           struct error *error);
enum status dynamodb_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                           int64_t lease_ms, const char *owner, size_t limit,
                           struct tracker_record **records, size_t *count, struct error *error);
/* This handle made the record due: the next claim looks there. */
void dynamodb_note_due(struct dynamodb_store *store, const char *id, int64_t due_at_ms);
const char *dynamodb_due_part(struct dynamodb_store *store, int64_t format, const char *id);

/* tracker_dynamodb_lists.c */
enum status dynamodb_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                                  struct tracker_record *record, struct error *error);
enum status dynamodb_list(struct tracker *tracker, struct arena *arena,
                          const struct tracker_list *list, struct tracker_record **records,
                          size_t *count, struct slice *next_token, struct error *error);
enum status dynamodb_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                                 struct slice token, struct tracker_parked **messages,
                                 size_t *count, struct slice *next_token, struct error *error);

/* tracker_dynamodb_side.c */
enum status dynamodb_lock_take(struct tracker *tracker, const char *key, const char *owner,
                               const char *expected, char *holder, struct error *error);
enum status dynamodb_lock_holder(struct tracker *tracker, const char *key, char *holder,
                                 struct error *error);
enum status dynamodb_lock_release(struct tracker *tracker, const char *key, const char *owner,
                                  struct error *error);
enum status dynamodb_lock_wait(struct tracker *tracker, const char *key, const char *id,
                               int64_t since_ms, struct error *error);
enum status dynamodb_lock_leave(struct tracker *tracker, const char *key, const char *id,
                                struct error *error);
enum status dynamodb_lock_first(struct tracker *tracker, const char *key, char *id,
                                struct error *error);

/* The same file: what was parked, and large replies. */
enum status dynamodb_park(struct tracker *tracker, const struct tracker_parked *messages,
                          size_t count, struct error *error);
enum status dynamodb_parked_take(struct tracker *tracker, struct arena *arena, const char *id,
                                 struct tracker_parked *message, struct error *error);
void dynamodb_read_parked(struct arena *arena, struct json item, struct tracker_parked *message);
enum status dynamodb_reply_put(struct tracker *tracker, const char *id, const char *digest,
                               struct slice blob, int64_t expires_at_ms, struct error *error);
enum status dynamodb_reply_get(struct tracker *tracker, struct arena *arena, const char *id,
                               const char *digest, struct slice *blob, struct error *error);

/* ---- Counts (tracker_dynamodb_counts.c) ----------------------------------------------------- */

/* A record begins to count as what it is, or ceases to (change -1). */
void dynamodb_count_record(struct dynamodb_store *store, const struct tracker_record *record,
                           int64_t change);
void dynamodb_count_parked(struct dynamodb_store *store, int64_t expires_at_ms, int64_t change);
/* Writes what waits; not due: only when it has waited a while. */
void dynamodb_flush_counts(struct dynamodb_store *store, bool only_due);
enum status dynamodb_count(struct tracker *tracker, struct tracker_counts *counts,
                           struct error *error);

#endif
