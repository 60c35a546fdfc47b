/*
 * The lifecycle core of tracker/lifecycle*.c, as a model: one decision on the record N.
 *
 * Read by tests/model/drift_test.c, line by line: the moves of both axes (MOVE, CALLBACK_MOVE), the
 * stimuli that the model knows (STIMULUS), and those that it leaves out (LEFT_OUT).
 */
#define NONE 0

mtype = {
    /* statement axis */
    QUEUED, WAITING, SUBMITTING, RUNNING, CANCELLING, ENDED, UNKNOWN,
    /* callback axis */
    OPEN, CHOSEN, DELIVERED, CLOSED, UNDELIVERABLE,
    /* outcomes and endings; TRANSIENT is a FAILED that may be tried again, STARTED is alive */
    FINISHED, FAILED, ABORTED, TIMED_OUT, REJECTED, EXPIRED, TRANSIENT, STARTED,
    /* stimuli */
    ACCEPTED, ADOPTED, SUBMITTED, SUBMIT_REFUSED, SUBMIT_IN_DOUBT, EVENT, DESCRIBED, LISTED, LOOK_FAILED,
    DUE, LOCK_GRANTED, LOCK_HELD, CANCEL_REQUESTED, CANCEL_SENT, CANCEL_REFUSED, CALLER_GONE,
    CALLBACK_DELIVERED, CALLBACK_REFUSED,
    /* what a stimulus says besides */
    CAPACITY, PERMANENT, WAIT, MISSING, AGAIN, FOUND, ABSENT,
    /* actions on the statement */
    SUBMIT, DESCRIBE, LIST, CANCEL, TAKE_LOCK
};

/*
 * LEFT_OUT(HEARTBEAT_TAKEN)  changes nothing
 * LEFT_OUT(GATHERED)         to the record the same as DESCRIBED with details: the reply is chosen
 * LEFT_OUT(CHOSEN)           no stimulus of its own: part of the commit that renders the reply
 */

/* What the plan says, once for all invocations of a model. */
typedef plan_of_all {
    bool retries;    /* a transient failure is followed by attempt 2 */
    bool steps;      /* two steps of one attempt; otherwise one step */
    bool attached;   /* the first statement runs already: it is looked at, never sent */
    bool deadline;
    bool locks;      /* runs under a lock */
    bool failures_only; /* the address wants to know of failures alone */
};

/*
 * The record of one invocation. Times are left out: a timer that is armed may be found due at any
 * time. Statement names are numbered: 2 is the second attempt or the second step. Sends count to 2,
 * which stands for "more than one".
 */
typedef record {
    mtype statement;
    byte name;
    bool has_id;
    bool doubt;
    byte sends;
    bool refused_for_good;
    bool no_wait;
    mtype seen;
    bool timer;
    mtype cause;
    mtype outcome;
    bool statement_unknown;
    byte reply; /* 1 with details, 2 without; 0 not yet chosen */
    mtype callback[ADDRESSES];
    bool callback_timer[ADDRESSES];
};

plan_of_all plan;
record nobody; /* all zero */

/* ---- One decision: what goes in, what comes out. All zero outside of an atomic step. --------- */

record N;       /* the record, then the next one */
mtype move_to;  /* where the statement axis goes; NONE: stays */
mtype ending;   /* the current attempt is known to have ended so */
mtype final;    /* the statement is over, as ENDED or UNKNOWN */
mtype verdict;  /* the outcome to choose */
mtype cause;    /* the reason to cancel for */
byte begins;    /* an attempt */
byte sends;     /* a submit is sent: the ages of the last send begin anew */
byte witnessed; /* what is an ending, if it counts */
byte renders;
mtype ring_to[ADDRESSES]; /* where the callback axes go */
byte a;

#define RETRY_LEFT     (plan.retries && N.name == 1)
#define LAST_STEP      (!plan.steps || N.name == NAMES)
#define IS_ATTACHED    (plan.attached && N.name == 1)
#define IN_FLIGHT      (N.statement == SUBMITTING || N.statement == RUNNING || N.statement == CANCELLING)
#define FINAL(state)   (state == ENDED || state == UNKNOWN)
#define CALLBACK_FINAL(state) (state == DELIVERED || state == CLOSED || state == UNDELIVERABLE)
#define DEADLINE_ARMED (plan.deadline && N.outcome == NONE && N.cause == NONE && !FINAL(N.statement))
#define GRACE_ARMED    (N.statement == CANCELLING && N.outcome == NONE && N.seen == NONE)

/* ---- The axes ------------------------------------------------------------------------------- */

#define MOVE(from, to)          :: move_to == to && N.statement == from -> move_to = NONE; N.statement = to
#define CALLBACK_MOVE(from, to) :: ring_to[a] == to && N.callback[a] == from -> ring_to[a] = NONE; N.callback[a] = to

inline move_statement()
{
    if
    :: move_to == NONE || move_to == N.statement -> skip
    MOVE(QUEUED, SUBMITTING)
    MOVE(QUEUED, RUNNING)
    MOVE(QUEUED, ENDED)
    MOVE(WAITING, SUBMITTING)
    MOVE(WAITING, RUNNING)
    MOVE(WAITING, ENDED)
    MOVE(SUBMITTING, RUNNING)
    MOVE(SUBMITTING, QUEUED)
    MOVE(SUBMITTING, CANCELLING)
    MOVE(SUBMITTING, ENDED)
    MOVE(SUBMITTING, UNKNOWN)
    MOVE(RUNNING, SUBMITTING)
    MOVE(RUNNING, QUEUED)
    MOVE(RUNNING, CANCELLING)
    MOVE(RUNNING, ENDED)
    MOVE(RUNNING, UNKNOWN)
    MOVE(CANCELLING, ENDED)
    MOVE(CANCELLING, UNKNOWN)
    :: else -> assert(false) /* not a legal move of the statement */
    fi
}

inline move_callback()
{
    if
    :: ring_to[a] == NONE || ring_to[a] == N.callback[a] -> skip
    CALLBACK_MOVE(OPEN, CHOSEN)
    CALLBACK_MOVE(OPEN, CLOSED)
    CALLBACK_MOVE(CHOSEN, DELIVERED)
    CALLBACK_MOVE(CHOSEN, CLOSED)
    CALLBACK_MOVE(CHOSEN, UNDELIVERABLE)
    :: else -> assert(false) /* not a legal move of a callback */
    fi
}
