/*
 * The record of one invocation: an immutable plan (what to do, for whom) and a small mutable state
 * (how far it is). Both are plain data; what may happen to them is in tracker/lifecycle.h, how they
 * are stored in tracker/record.h.
 */
#ifndef RINGBACK_TRACKER_INVOCATION_H
#define RINGBACK_TRACKER_INVOCATION_H

#include "tracker/tracker.h"

#include "infra/base/arena.h"
#include "infra/base/encode.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INVOCATION_ADDRESSES_MAX        8
#define INVOCATION_STEPS_MAX            256
#define INVOCATION_PREFIX_MAX_BYTES     65
#define INVOCATION_STATEMENT_ID_BYTES   40
#define INVOCATION_SESSION_ID_BYTES     36
#define INVOCATION_ERROR_TYPE_BYTES     96
#define INVOCATION_ERROR_TEXT_MAX_BYTES 2048
/* A reply up to this size lives in the state; a larger one is a blob of its own. */
#define INVOCATION_REPLY_INLINE_MAX_BYTES 4096
#define INVOCATION_EVENT_MAX_BYTES        4096
#define ADDRESS_DIGEST_BYTES              16

enum address_kind {
    ADDRESS_NONE,
    ADDRESS_TASK_TOKEN,
    ADDRESS_RESPONSE_URL,
    ADDRESS_QUEUE,
    ADDRESS_TOPIC,
    ADDRESS_BUS,
};

const char *address_kind_name(enum address_kind kind); /* "task-token", ... as in replies */

enum address_when { ADDRESS_ALWAYS, ADDRESS_ON_SUCCESS, ADDRESS_ON_FAILURE };

struct address {
    enum address_kind kind;
    enum address_when when;
    struct slice target; /* token, URL, queue URL, ARN, bus name. Secret. Absent once settled */
    char digest[ADDRESS_DIGEST_BYTES + 1]; /* hex, of kind and target: tells a known one again */
};

void address_init(struct address *address, enum address_kind kind, struct slice target);

struct plan_parameter {
    struct slice name;
    struct slice value;
};

struct plan_target {
    struct slice cluster_identifier;
    struct slice workgroup_name;
    struct slice database;
    struct slice db_user;
    struct slice secret_arn;
    struct slice session_id;
};

/* When a failed attempt is followed by another one, after a pause of decorrelated jitter. */
struct plan_retry {
    int64_t max_attempts;     /* 1: no retry */
    struct slice error_match; /* PCRE2, unanchored, of the database's text; absent: the transient
                               * classes of promise 2 */
    int64_t base_ms;
    int64_t max_ms;
};

/* One ExecuteStatement, or one BatchExecuteStatement, or a statement that runs already. */
struct plan_step {
    const struct slice *sqls;
    size_t sql_count;
    bool batch;
    bool auto_commit; /* sub-statements commit one by one */
    bool keep_going; /* a failure does not stop the next step; the outcome is FAILED all the same */
    bool retriable;  /* a transient failure may be tried again without running anything twice */
    struct slice attach_id; /* of a statement that somebody else has started: it is only watched */
    /* Of a list of queries, where each has its own; NULL, and no parameters: the plan's. */
    const struct plan_target *target;
    const struct plan_retry *retry;
    const struct plan_parameter *parameters;
    size_t parameter_count;
    struct slice item; /* of a list of queries: the item's JSON, told again in the output */
};

enum plan_output {
    OUTPUT_EVENT,
    OUTPUT_STATEMENT,
    OUTPUT_QUERIES, /* an array of the queries' items */
};

/* What is done about a lock that somebody else holds. */
enum plan_conflict {
    PLAN_CONFLICT_FAIL, /* REJECTED, "ConcurrentExecution" */
    PLAN_CONFLICT_SKIP, /* FINISHED without having run */
    PLAN_CONFLICT_QUEUE,
};

enum plan_result_mode { PLAN_RESULT_NONE, PLAN_RESULT_INLINE, PLAN_RESULT_S3 };
enum plan_result_format { PLAN_FORMAT_JSON, PLAN_FORMAT_CSV };

/* What is done with the rows of the last step. */
struct plan_result {
    enum plan_result_mode mode;
    enum plan_result_format format;
    int64_t max_rows; /* -1: as many as fit */
    struct slice uri; /* s3://bucket/prefix; absent: no spill */
};

/* Physical id of a resource whose Create failed: this and the invocation's id. */
#define PLAN_RESOURCE_CREATE_FAILED "ringback:create-failed:"

/* The CloudFormation resource that a request speaks of. */
struct plan_resource {
    struct slice request_type; /* "Create", "Update", "Delete" */
    struct slice stack_id;
    struct slice request_id;
    struct slice logical_resource_id;
    struct slice physical_resource_id; /* of a success; absent: the first statement's name */
    struct slice current_physical_id;  /* that the event named; absent for a Create */
    /* What a built-in resource was and is to be made from (invoker/resource.h); absent: not told.
     */
    struct slice made_before;
    struct slice made_after;
    bool no_echo;
    const struct plan_parameter *data; /* name in Data -> column of the first row */
    size_t data_count;
};

struct plan {
    char id[TRACKER_ID_BYTES + 1];
    char digest[SHA256_HEX_BYTES + 1]; /* of the parsed request: tells a repeat from a conflict */
    int64_t created_at_ms;
    struct slice prefix; /* of statement names, with its '/' */
    struct slice group;  /* absent: none */
    struct plan_step *steps;
    size_t step_count;
    struct plan_parameter *parameters;
    size_t parameter_count;
    struct plan_target target;
    int64_t session_keep_alive_seconds; /* -1: none */
    int64_t wait_seconds;               /* WaitTimeSeconds of the submit calls; 0: none */
    struct address addresses[INVOCATION_ADDRESSES_MAX];
    size_t address_count;
    int64_t deadline_ms;  /* absolute; 0: none */
    int64_t answer_by_ms; /* absolute: the outcome is chosen by then, come what may; 0: never */
    int64_t heartbeat_seconds; /* 0: none */
    bool keep_running;
    bool keyed; /* has a requestKey: a dead token alone does not cancel */
    enum plan_output output;
    struct plan_retry retry;                   /* of steps without one of their own */
    char lock_key[TRACKER_LOCK_KEY_BYTES + 1]; /* "": runs beside anything */
    enum plan_conflict on_conflict;
    struct plan_result result;
    int64_t expect_min_rows; /* of the last step; otherwise the outcome is FAILED; -1: any */
    int64_t expect_max_rows; /* -1: any */
    const struct plan_resource *resource; /* NULL: none */
};

enum outcome {
    OUTCOME_NONE,
    OUTCOME_FINISHED,
    OUTCOME_FAILED,
    OUTCOME_ABORTED,
    OUTCOME_TIMED_OUT,
    OUTCOME_REJECTED,
    OUTCOME_EXPIRED,
};

const char *outcome_name(enum outcome outcome); /* "FINISHED", ... */

enum witness { WITNESS_NONE, WITNESS_EVENT, WITNESS_SWEEP, WITNESS_SUBMIT };

const char *witness_name(enum witness witness); /* "event", "sweep", "submit" */

enum statement_state {
    STATEMENT_QUEUED,     /* to be sent later */
    STATEMENT_WAITING,    /* for a lock */
    STATEMENT_SUBMITTING, /* sending was committed; nobody knows yet whether it arrived */
    STATEMENT_RUNNING,    /* the Data API has given an Id */
    STATEMENT_CANCELLING, /* to be stopped; no step and no attempt begins */
    STATEMENT_ENDED,      /* final */
    STATEMENT_UNKNOWN,    /* final: the ending can no longer be learned */
};

const char *statement_state_name(enum statement_state state); /* "queued", ... */

enum callback_state {
    CALLBACK_OPEN,
    CALLBACK_CHOSEN,        /* the outcome is committed and on its way */
    CALLBACK_DELIVERED,     /* final */
    CALLBACK_CLOSED,        /* final: the other side was closed already */
    CALLBACK_UNDELIVERABLE, /* final: nobody can take it */
};

const char *callback_state_name(enum callback_state state);

/* How an attempt ended. */
enum ending { ENDING_NONE, ENDING_FINISHED, ENDING_FAILED, ENDING_ABORTED };

const char *ending_name(enum ending ending); /* as the Data API's Status; NONE is "STARTED" */

struct step_result {
    unsigned step;
    unsigned attempt;
    enum ending ending;
    char statement_id[INVOCATION_STATEMENT_ID_BYTES + 1];
    int64_t rows;        /* -1: not known */
    int64_t duration_ms; /* -1: not known */
};

struct callback {
    enum address_kind kind;
    enum callback_state state;
    char digest[ADDRESS_DIGEST_BYTES + 1];
    int64_t attempts;            /* sends so far */
    int64_t next_at_ms;          /* when to send again; 0: nothing to send */
    struct slice adopted_target; /* of an adopter; absent for an address of the plan */
    bool failure_instead;        /* the service said InvalidOutput: tell it as a failure */
    bool elsewhere;              /* an adopter's that belongs to another group, or to none */
};

struct state {
    enum statement_state statement;
    unsigned step;    /* current one, from 1 */
    unsigned attempt; /* current one, from 1 */
    /* The current attempt. */
    char statement_id[INVOCATION_STATEMENT_ID_BYTES + 1]; /* "" until known */
    int64_t doubt_since_ms; /* set before the first send, never moved by a repeat; 0: no doubt */
    int64_t last_send_ms;
    int64_t sends;
    bool refused_for_good; /* a repeat was refused for a reason that will not go away */
    bool no_wait;          /* WaitTimeSeconds was refused: leave it out */
    enum ending seen;      /* an ending that is witnessed but not yet committed (text is wanted) */
    int64_t statement_at_ms; /* when to look at the statement again; 0: never */
    int64_t tries;           /* failed looks in a row, for backoff */
    int64_t pause_ms;        /* the last pause before an attempt: the next one follows from it */
    int64_t heartbeat_at_ms; /* 0: none */
    /* Cancelling. */
    enum outcome cancel_cause; /* TIMED_OUT, ABORTED, or NONE */
    int64_t cancelling_since_ms;
    /* The outcome. */
    enum outcome outcome;
    enum witness witness;   /* of seen, then of the outcome */
    bool statement_unknown; /* chosen without having seen the ending */
    int64_t ended_at_ms;
    int64_t gather_until_ms;
    char error_type[INVOCATION_ERROR_TYPE_BYTES + 1]; /* the Data API's exception; "" without one */
    struct slice error_text;                          /* for people; absent when there is none */
    bool step_failed; /* one with keep_going: the outcome is FAILED whatever follows */
    bool skipped;     /* FINISHED without having run, since a lock was held */
    char holder[TRACKER_ID_BYTES + 1];                /* who held the lock; "" not told */
    char session_id[INVOCATION_SESSION_ID_BYTES + 1]; /* opened or used; "" without one */
    struct slice event; /* the completion event's JSON, until the reply is chosen */
    char reply_digest[SHA256_HEX_BYTES + 1]; /* "" until chosen */
    struct slice reply; /* when it is small; absent: tracker_reply_get by the digest */
    struct step_result *results;
    size_t result_count;
    struct callback callbacks[INVOCATION_ADDRESSES_MAX];
    size_t callback_count;
    int64_t updated_at_ms;
    int64_t settled_at_ms; /* 0: open */
    bool tombstone;        /* details are gone */
};

/* "<prefix><id>/<step>.<attempt>", NUL-terminated, in the arena. */
struct slice invocation_statement_name(struct arena *arena, const struct plan *plan, unsigned step,
                                       unsigned attempt);
/* The name as people are told it: absent for a statement that somebody else has started, which has
 * another one, or none. */
struct slice invocation_told_name(struct arena *arena, const struct plan *plan, unsigned step,
                                  unsigned attempt);
/*
 * The parts of a name of ours: OK; NOT_FOUND when the name does not start with prefix; REJECTED
 * when it does but what follows is no well-formed <id>/<step>.<attempt>.
 */
MUST_CHECK enum status invocation_parse_name(struct slice name, struct slice prefix,
                                             char id[TRACKER_ID_BYTES + 1], unsigned *step,
                                             unsigned *attempt, struct error *error);
/* 32 characters of lower-case base32, the first 160 bits of SHA-256(kind, 0, source). */
void invocation_id(struct slice kind, struct slice source, char id[TRACKER_ID_BYTES + 1]);
bool invocation_id_valid(struct slice id);

/* ClientToken of a statement name: its hex SHA-256 (1..64 characters, kept for 8 hours by AWS). */
void invocation_client_token(struct slice statement_name, char token[SHA256_HEX_BYTES + 1]);

/* JSON both ways; slices read are in the arena. Reading ignores members it does not know. */
void plan_write(const struct plan *plan, struct buffer *out);
MUST_CHECK enum status plan_read(struct arena *arena, struct slice json, struct plan *plan,
                                 struct error *error);
/* What may stay when all is settled: no SQL, parameters, queries' items, or addresses' targets. */
void plan_scrub(struct plan *plan);
/* What a tombstone keeps: who it was and the digest that tells a repeat from a conflict. */
void plan_shrink(struct plan *plan);
void state_write(const struct state *state, struct buffer *out);
MUST_CHECK enum status state_read(struct arena *arena, struct slice json, struct state *state,
                                  struct error *error);

#endif
