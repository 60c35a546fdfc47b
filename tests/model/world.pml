/*
 * What is outside of ringback: the Data API, Step Functions, the queues and the clock. They lose,
 * duplicate and delay; what they promise is asserted nowhere, what ringback promises is.
 *
 * A statement's place is AT(invocation, name).
 */
#define AT(i, name) ((i) * NAMES + (name) - 1)
#define STATEMENTS  (INVOCATIONS * NAMES)

record R[INVOCATIONS];    /* the tracker */
bool registered[INVOCATIONS];
byte lock_owner;          /* invocation + 1; 0: free */

mtype statements[STATEMENTS]; /* NONE, STARTED, or how it ended */
bool on_the_way[STATEMENTS];  /* a submit that nobody waits for any more, or several */
bool queued[STATEMENTS];      /* completion events */
bool requested[INVOCATIONS];  /* requests in their queue */
bool asked_to_cancel;

/* Task tokens: what each was closed with; CLOSED: by its own side. */
#define TOKEN(i, address) ((i) * ADDRESSES + (address))
mtype told[INVOCATIONS * ADDRESSES];

/* Ages of the current attempt. */
bool doubt_old[INVOCATIONS]; /* 7 hours since its first send: no more repeats */
bool send_old[INVOCATIONS];  /* 15 minutes since its last send: what is not listed never arrived */
bool day_over[INVOCATIONS];  /* 25 hours since its last send */

bool latest[WORKERS];        /* no send of the invocation was committed since the worker's own */
byte sending[WORKERS];       /* place + 1 of the statement that the worker is about to send; 0: none */

/* ---- Data API ------------------------------------------------------------------------------- */

#define ENDED_AT(place) (statements[place] != NONE && statements[place] != STARTED)

/* Promise 2 and 3, and the lock's: what must be true whenever a statement starts. */
inline assert_may_start(inv, name)
{
    assert(!FINAL(R[inv].statement)); /* nothing starts after the end was told */
    assert(R[inv].outcome != REJECTED);
    assert(name == 1 || ENDED_AT(AT(inv, 1))); /* one attempt, one step at a time */
#if INVOCATIONS == 2
    assert(statements[AT(1 - (inv), 1)] != STARTED); /* one statement under one lock */
#endif
}

/* A submit arrives. A name that is known runs no second time, as long as its ClientToken is kept:
 * one that is sent after 7 hours may find it forgotten. */
inline arrive(inv, name, late)
{
    if
    :: statements[AT(inv, name)] == NONE ->
        assert_may_start(inv, name);
        statements[AT(inv, name)] = STARTED;
        on_the_way[AT(inv, name)] = false /* what comes later finds the name known */
    :: statements[AT(inv, name)] != NONE -> assert(!(late)) /* would run twice */
    fi
}

inline come_to_end(place)
{
    if
    :: statements[place] = FINISHED
    :: statements[place] = FAILED
    :: plan.retries -> statements[place] = TRANSIENT
    :: ABORTS -> statements[place] = ABORTED
    fi;
    if
    :: !(plan.attached && place == 0) -> queued[place] = true
    :: skip /* lost */
    fi
}

/* ---- Clock ---------------------------------------------------------------------------------- */

/* A request that was sent dies with its signature long before the next age begins. */
#define NOTHING_SENT(inv) (!on_the_way[AT(inv, R[inv].name)] && !is_sending(inv))

#if WORKERS == 3
#define is_sending(inv) (sending[0] == AT(inv, R[inv].name) + 1 || sending[1] == AT(inv, R[inv].name) + 1 || \
                         sending[2] == AT(inv, R[inv].name) + 1)
#else
#define is_sending(inv) (sending[0] == AT(inv, R[inv].name) + 1 || sending[1] == AT(inv, R[inv].name) + 1)
#endif

#define AGES_COUNT(inv) (R[inv].statement == SUBMITTING || R[inv].statement == RUNNING || \
                         R[inv].statement == CANCELLING)

/* One process for each statement's fate and for the time that passes. */
proctype fate(byte inv; byte name)
{
end_here:
    do
    :: atomic { statements[AT(inv, name)] == STARTED -> come_to_end(AT(inv, name)) }
    :: atomic { on_the_way[AT(inv, name)] -> arrive(inv, name, false) }
    :: atomic { on_the_way[AT(inv, name)] -> on_the_way[AT(inv, name)] = false } /* lost, or refused */
    od
}

proctype passing_time(byte inv)
{
end_here:
    do
    :: atomic { AGES_COUNT(inv) && !R[inv].has_id && !doubt_old[inv] -> doubt_old[inv] = true }
    :: atomic { AGES_COUNT(inv) && !send_old[inv] && NOTHING_SENT(inv) -> send_old[inv] = true }
    :: atomic { AGES_COUNT(inv) && send_old[inv] && !day_over[inv] &&
                statements[AT(inv, R[inv].name)] != STARTED -> day_over[inv] = true }
    od
}

/* The caller's task is stopped, or its time is over. */
proctype caller()
{
end_here:
    atomic { told[0] == NONE -> told[0] = CLOSED }
}
