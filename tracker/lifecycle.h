/*
 * What can happen next: one pure function, (record, stimulus, now) -> (record', actions). No I/O,
 * no clock, no randomness; only the arena is written. Every commit of the program goes through
 * here.
 *
 * Statement axis (X is final):
 *
 *     waiting --> submitting <--> queued        queued, waiting --> X ended (nothing was sent)
 *                                                              --> running (attached)
 *                   |    ^
 *                   v    | next step, next attempt
 *                 running -------------------> X ended
 *                   |    \__ deadline, cancel, caller gone
 *                   |                 v
 *                   |             cancelling --> X ended
 *                   +------------------+-------> X unknown (the ending can no longer be learned)
 *
 * Callback axis, one per address:  open --> chosen --> X delivered | X closed | X undeliverable
 *
 * Timers are data: state.statement_at_ms, heartbeat_at_ms, callbacks[].next_at_ms, plan.deadline_ms
 * and what follows from cancelling and settling. lifecycle_due_at is the least of them and becomes
 * the record's due_at. A decision with an action sets that action's timer to now + lease: whoever
 * dies after the commit is repeated by the sweep when the lease is over.
 */
#ifndef RINGBACK_TRACKER_LIFECYCLE_H
#define RINGBACK_TRACKER_LIFECYCLE_H

#include "tracker/invocation.h"

#include "infra/base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lifecycle_policy {
    int64_t lease_ms;
    int64_t overdue_ms;      /* when a running statement is first checked without an event */
    int64_t cancel_grace_ms; /* how long a cancelled statement may take to show its ending */
    int64_t gather_ms;       /* bound on fetching details of an ending */
    int64_t retain_ms;       /* details of a settled record */
    int64_t dedupe_ms;       /* its tombstone */
};

/* AWS keeps ClientTokens 8 hours: a repeat is safe while the doubt is younger. */
#define LIFECYCLE_RESUBMIT_MS (7 * 3600 * 1000LL)
/* Not listed this long after the last send: it never arrived. */
#define LIFECYCLE_ABSENT_MS (15 * 60 * 1000LL)
/* A statement lives at most 24 hours. */
#define LIFECYCLE_EXPIRE_MS (25 * 3600 * 1000LL)

enum stimulus_kind {
    STIMULUS_ADOPTED,         /* a repeat of a keyed request with a new address: adopter */
    STIMULUS_SUBMITTED,       /* submit answered: statement_id; ending when the call had waited */
    STIMULUS_SUBMIT_REFUSED,  /* refusal, error_type, error_text */
    STIMULUS_SUBMIT_IN_DOUBT, /* 5xx or I/O error; statement_id when the error carried one */
    STIMULUS_EVENT,           /* completion event: ending, statement_id, rows, event */
    STIMULUS_DESCRIBED,       /* DescribeStatement: alive or ending, with all details */
    STIMULUS_LISTED,          /* ListStatements by name: found or not */
    STIMULUS_LOOK_FAILED,     /* Describe or List could not be answered */
    STIMULUS_DUE,             /* some timer may have come */
    STIMULUS_LOCK_GRANTED,
    STIMULUS_LOCK_HELD,        /* by holder */
    STIMULUS_CANCEL_REQUESTED, /* somebody asked */
    STIMULUS_CANCEL_SENT,      /* CancelStatement was accepted */
    STIMULUS_CANCEL_REFUSED,   /* it was not: ended already, or it could not be done now */
    STIMULUS_CALLER_GONE,      /* its token is dead, or its execution is over */
    STIMULUS_HEARTBEAT_TAKEN,
    STIMULUS_GATHERED, /* what the reply tells besides: description, result, data, queries */
    STIMULUS_CHOSEN,   /* the reply was rendered: reply, reply_digest */
    STIMULUS_CALLBACK_DELIVERED,
    STIMULUS_CALLBACK_REFUSED,
};

enum refusal {
    REFUSAL_PERMANENT, /* the request or a permission is wrong */
    REFUSAL_CAPACITY,  /* throttled or full: later */
    REFUSAL_WAIT,      /* only WaitTimeSeconds was refused */
};

enum callback_refusal {
    CALLBACK_REFUSAL_CLOSED,
    CALLBACK_REFUSAL_UNDELIVERABLE,
    CALLBACK_REFUSAL_INVALID_OUTPUT,
    CALLBACK_REFUSAL_AGAIN,
};

struct stimulus {
    enum stimulus_kind kind;
    unsigned step; /* of the attempt it speaks of: SUBMIT*, EVENT, DESCRIBED, LISTED, CANCEL_* */
    unsigned attempt;
    int64_t sent_at_ms; /* of SUBMIT_REFUSED: the state's last_send_ms when it was sent */
    size_t address;     /* of CALLBACK_*, HEARTBEAT_TAKEN */
    /* Of CALLBACK_*: tells the address again when adopters have changed places; "": by place. */
    char address_digest[ADDRESS_DIGEST_BYTES + 1];
    enum ending ending;        /* NONE: alive */
    enum witness witness;      /* of an ending */
    struct slice statement_id; /* absent: not told */
    int64_t rows;              /* -1: not known */
    int64_t duration_ms;       /* -1: not known */
    struct slice error_type;
    struct slice error_text;  /* the database's own, or the refusal's */
    bool details;             /* all that Describe can tell is here (description, error_text) */
    bool transient;           /* the failure may be tried again: by the step's own pattern, or one
                               * of the default classes (1023, ...) */
    bool found;               /* LISTED */
    bool not_found;           /* DESCRIBED: ResourceNotFound, which is not an ending */
    struct slice event;       /* the completion event's own JSON */
    struct slice description; /* the DescribeStatement document */
    struct slice session_id;  /* of SUBMITTED, DESCRIBED; absent: none */
    char holder[TRACKER_ID_BYTES + 1]; /* LOCK_HELD */
    bool told_by_reply; /* LOCK_HELD: the caller waits for the reply, which tells a refusal */
    /* Of GATHERED, for rendering alone; each absent when it is not wanted or could not be had. */
    struct slice result;  /* JSON: "ringback.result" */
    struct slice data;    /* JSON: an object, the chosen columns of the first row as texts */
    struct slice queries; /* JSON: an array, DescribeStatement's document of each step */
    enum refusal refusal;
    enum callback_refusal callback_refusal;
    bool execution_over; /* CALLER_GONE: the whole group is, and no successor will come */
    /* Of what was refused, or could not be sent for lack of a token of its rate, which is certain
     * and no failure: in how long it is its turn. 0: not told, and the backoff decides. */
    int64_t later_ms;
    struct address adopter;
    struct slice adopter_group; /* of the request that adopts; absent: none */
    struct slice reply;
    char reply_digest[SHA256_HEX_BYTES + 1];
    double unit; /* randomness for backoff, [0, 1) */
};

enum action_kind {
    ACTION_SUBMIT,
    ACTION_DESCRIBE,
    ACTION_LIST,
    ACTION_CANCEL,
    ACTION_TAKE_LOCK,
    ACTION_RELEASE_LOCK, /* the statement is final: the next one may begin */
    ACTION_GATHER,       /* after a FINISHED: rows and documents that the reply is to hold */
    ACTION_HEARTBEAT,    /* address */
    ACTION_CALLBACK,     /* address */
    ACTION_CHOOSE,       /* pure: render the reply now and feed STIMULUS_CHOSEN before committing */
};

struct action {
    enum action_kind kind;
    size_t address;
};

#define LIFECYCLE_ACTIONS_MAX (INVOCATION_ADDRESSES_MAX + 5)

struct decision {
    struct state next;
    struct action actions[LIFECYCLE_ACTIONS_MAX];
    size_t action_count;
    bool changed; /* false: nothing to commit; the stimulus was stale or repeated */
    bool settled; /* by this stimulus: secrets of the plan go in the same commit */
    bool shrunk;  /* to a tombstone: the plan goes altogether */
};

/* What a decision is made with besides the record. */
struct lifecycle_context {
    struct arena *arena; /* what the next state needs beyond the struct */
    const struct lifecycle_policy *policy;
    int64_t now_ms;
};

/* How a new invocation starts. */
enum lifecycle_start {
    LIFECYCLE_START_SUBMIT,  /* registering is the commit of step 1, attempt 1 */
    LIFECYCLE_START_QUEUED,  /* back-pressure */
    LIFECYCLE_START_WAITING, /* for a lock; so does SUBMIT, and QUEUED, of a plan with a lock_key */
    LIFECYCLE_START_REJECTED, /* refused, on a channel that is answered by its address alone */
    LIFECYCLE_START_FINISHED, /* there is nothing to run: the caller is told so */
};

/* The first state of a plan. REJECTED wants error_type and error_text. A plan with an attach_id in
 * its first step starts with SUBMIT too, and is looked at instead of sent. */
void lifecycle_accept(const struct lifecycle_context *context, const struct plan *plan,
                      enum lifecycle_start start, struct slice error_type, struct slice error_text,
                      struct decision *decision);

void lifecycle_decide(const struct lifecycle_context *context, const struct plan *plan,
                      const struct state *state, const struct stimulus *stimulus,
                      struct decision *decision);

/* The earliest timer; 0 when there is none. */
int64_t lifecycle_due_at(const struct lifecycle_policy *policy, const struct plan *plan,
                         const struct state *state);
/* When the whole record may vanish; 0 while it is open. */
int64_t lifecycle_expires_at(const struct lifecycle_policy *policy, const struct state *state);

/* A callback-free request needs its Id at once: a refusal is its reply, and nothing is queued. */
bool lifecycle_needs_id_now(const struct state *state);

bool lifecycle_statement_final(enum statement_state state);
bool lifecycle_callback_final(enum callback_state state);
/* The tables of legal transitions; a state may always stay as it is. */
bool lifecycle_statement_legal(enum statement_state from, enum statement_state to);
bool lifecycle_callback_legal(enum callback_state from, enum callback_state to);

#endif
