/*
 * A worker of ringback: invoker/dispatch.c. It takes a stimulus, decides, commits by
 * compare-and-set, and only then acts; each answer is a stimulus again. It may die between any two
 * of its steps, and begins anew.
 *
 * The compare-and-set compares "has anybody committed since this worker read": that is the version.
 * A worker whose copy is stale reads again and decides again, so what it decided on the old copy is
 * seen by nobody. That is why only one worker has a copy of its own (S, of invocation 0); the others
 * decide on the record as it is at their commit.
 */
record S;
bool fresh; /* S is what the tracker has */
#define OWN_COPY (stale && i == 0)

/* The compare-and-set fails. */
#ifdef MUTANT_NO_CAS
#define LOST false
#else
#define LOST (OWN_COPY && !fresh)
#endif

inline copy(to, from)
{
    to.statement = from.statement; to.name = from.name; to.has_id = from.has_id; to.doubt = from.doubt;
    to.sends = from.sends; to.refused_for_good = from.refused_for_good; to.no_wait = from.no_wait;
    to.seen = from.seen; to.timer = from.timer; to.cause = from.cause; to.outcome = from.outcome;
    to.statement_unknown = from.statement_unknown; to.reply = from.reply;
    to.callback[0] = from.callback[0]; to.callback_timer[0] = from.callback_timer[0];
#if ADDRESSES == 2
    to.callback[1] = from.callback[1]; to.callback_timer[1] = from.callback_timer[1]
#endif
}

#if ADDRESSES == 2
#define ANY_CALLBACK_TIMER(r) (r.callback_timer[0] || r.callback_timer[1])
#define CALLBACKS_FINAL(r) (CALLBACK_FINAL(r.callback[0]) && (r.callback[1] == NONE || CALLBACK_FINAL(r.callback[1])))
#else
#define ANY_CALLBACK_TIMER(r) (r.callback_timer[0])
#define CALLBACKS_FINAL(r)    (CALLBACK_FINAL(r.callback[0]))
#endif
#define SETTLED(r)     (FINAL(r.statement) && r.reply != 0 && CALLBACKS_FINAL(r))
#define HAS_DEADLINE(r) (plan.deadline && r.outcome == NONE && r.cause == NONE && !FINAL(r.statement))
#define IN_GRACE(r)    (r.statement == CANCELLING && r.outcome == NONE && r.seen == NONE)
#define HAS_TIMER(r)   (r.timer || ANY_CALLBACK_TIMER(r) || HAS_DEADLINE(r) || IN_GRACE(r))

#if ADDRESSES == 2
#define ANY_RING (rings[0] || rings[1])
#else
#define ANY_RING rings[0]
#endif

/* ---- Commit --------------------------------------------------------------------------------- */

/* What is chosen stays, nothing that is open is forgotten, and nothing ran that was refused. */
inline assert_may_commit()
{
    assert(R[i].outcome == NONE || R[i].outcome == N.outcome);
    assert(R[i].reply == 0 || R[i].reply == N.reply);
    assert(told[TOKEN(i, 0)] == NONE || told[TOKEN(i, 0)] == CLOSED || told[TOKEN(i, 0)] == N.outcome);
    assert(SETTLED(N) || HAS_TIMER(N));
    assert(N.outcome != REJECTED || (statements[AT(i, 1)] == NONE && !on_the_way[AT(i, 1)]))
}

inline forget_older_sends()
{
    for (a : 0 .. WORKERS - 1) {
        latest[a] = (a == w)
    }
    doubt_old[i] = doubt_old[i] && !begins;
    send_old[i] = false;
    day_over[i] = false
}

/* What no decision will read again need not tell states apart. */
inline blank_what_is_over()
{
    N.statement_unknown = false;
    if
    :: N.has_id || FINAL(N.statement) -> N.sends = 0; N.no_wait = false; N.refused_for_good = false
    :: else -> skip
    fi;
    if
    :: FINAL(N.statement) -> N.seen = NONE; N.cause = NONE
    :: else -> skip
    fi;
    N.doubt = N.doubt && plan.attached;
#if !TELLS
    if /* told at once: of no interest here */
    :: rings[0] -> N.callback[0] = DELIVERED; N.callback_timer[0] = false; rings[0] = false
    :: else -> skip
    fi
#endif
}

inline commit()
{
    assert_may_commit();
    blank_what_is_over();
    copy(R[i], N);
    registered[i] = true;
    kind = NONE;
    what = NONE;
    if
    :: OWN_COPY -> copy(S, N)
    :: !OWN_COPY && i == 0 && fresh -> make_stale()
    :: else -> skip
    fi;
    late = sends && !begins && doubt_old[i];
    if
    :: sends -> forget_older_sends(); sending[w] = AT(i, N.name) + 1
    :: act == LIST -> latest[w] = true
    :: else -> skip
    fi;
    if
    :: act != NONE -> about = N.name
    :: else -> skip
    fi;
    if
    :: ANY_RING -> payload = N.outcome; payload_reply = N.reply
    :: else -> skip
    fi;
    if
    :: N.has_id || FINAL(N.statement) -> doubt_old[i] = false; send_old[i] = false
    :: else -> skip
    fi;
    if
    :: FINAL(N.statement) -> day_over[i] = false; asked_to_cancel = true
    :: else -> skip
    fi
}

/* Outside of a commit there are no half-made decisions. */
inline forget_decision()
{
    move_to = NONE; ring_to[0] = NONE; ending = NONE; final = NONE; verdict = NONE; cause = NONE;
    begins = false; sends = false; witnessed = false; renders = false; a = 0;
#if ADDRESSES == 2
    ring_to[1] = NONE;
#endif
    copy(N, nobody)
}

/* What a stale copy says is read by nobody: it is as good as blank. */
inline make_stale()
{
    fresh = false;
#ifndef MUTANT_NO_CAS
    copy(S, nobody)
#endif
}

/* ---- Act: each exchange with its answer ------------------------------------------------------ */

inline submit()
{
    act = NONE;
    if
    :: arrive(i, about, late) ->
        if
        :: kind = SUBMITTED; what = STARTED
        :: ENDED_AT(AT(i, about)) -> kind = SUBMITTED; what = statements[AT(i, about)] /* it had waited */
        :: LOSSES -> kind = SUBMIT_IN_DOUBT; what = NONE /* the answer is lost */
        :: LOSSES -> kind = SUBMIT_IN_DOUBT; what = FOUND /* an error that names the statement */
        fi
    :: LOSSES && statements[AT(i, about)] == NONE -> /* given up, but not gone */
        on_the_way[AT(i, about)] = true;
        kind = SUBMIT_IN_DOUBT;
        what = NONE
    :: LOSSES -> kind = SUBMIT_IN_DOUBT; what = NONE /* it never arrives */
    :: REFUSALS -> kind = SUBMIT_REFUSED; what = CAPACITY
    :: REFUSALS -> kind = SUBMIT_REFUSED; what = PERMANENT
    :: REFUSALS -> kind = SUBMIT_REFUSED; what = WAIT
    fi;
    late = false;
    sending[w] = 0
}

inline describe()
{
    act = NONE;
    kind = DESCRIBED;
    if
    :: statements[AT(i, about)] != NONE -> what = statements[AT(i, about)]
    :: statements[AT(i, about)] == NONE || (LOSSES && !(plan.attached && about == 1)) -> what = MISSING
    :: LOSSES -> kind = LOOK_FAILED; what = NONE
    fi
}

/* The list may lag behind for some minutes. */
inline list()
{
    act = NONE;
    kind = LISTED;
    if
    :: statements[AT(i, about)] != NONE -> what = FOUND
    :: statements[AT(i, about)] == NONE && send_old[i] -> what = ABSENT
    :: !send_old[i] -> what = MISSING
    :: LOSSES -> kind = LOOK_FAILED; what = NONE
    fi
}

/* What becomes of it is in the statement's fate, which may be ABORTED anyway. */
inline cancel_statement()
{
    act = NONE;
    what = NONE;
    if
    :: statements[AT(i, about)] == STARTED -> kind = CANCEL_SENT
    :: kind = CANCEL_REFUSED
    fi
}

/* The first call that arrives closes the token; the answer may be lost. */
inline call(address)
{
    rings[address] = false;
    about = address;
    kind = CALLBACK_REFUSED;
    what = AGAIN;
    if
    :: told[TOKEN(i, address)] == NONE ->
        assert(R[i].outcome == NONE || R[i].outcome == payload);
        assert(R[i].reply == 0 || R[i].reply == payload_reply);
        told[TOKEN(i, address)] = payload;
        if
        :: kind = CALLBACK_DELIVERED; what = NONE
        :: LOSSES -> skip
        fi
    :: told[TOKEN(i, address)] != NONE -> what = CLOSED
    :: UNDELIVERABLES -> what = UNDELIVERABLE
    :: LOSSES -> skip
    fi;
    if
    :: ANY_RING -> skip
    :: else -> payload = NONE; payload_reply = 0
    fi
}

/* Taking a lock: compare-and-set, a look at the holder, compare-and-set against that holder. */
inline take_lock()
{
    if
    :: lock_owner == NONE || lock_owner == i + 1 || (what == FOUND && lock_owner == holder) ->
        lock_owner = i + 1;
        holder = NONE;
        what = NONE;
        act = NONE;
        kind = LOCK_GRANTED
    :: else -> holder = lock_owner; what = NONE
    fi
}

#if defined(MUTANT_TAKE_FROM_THE_LIVING)
#define HAS_LOST(inv) true
#elif defined(MUTANT_LOCK_LOST_BY_OUTCOME)
#define HAS_LOST(inv) (R[inv].outcome != NONE)
#else
#define HAS_LOST(inv) FINAL(R[inv].statement)
#endif

inline look_at_holder()
{
    if
    :: HAS_LOST(holder - 1) -> what = FOUND
    :: else -> holder = NONE; act = NONE; kind = LOCK_HELD
    fi
}

inline release_lock()
{
    release = false;
    if
    :: lock_owner == i + 1 -> lock_owner = NONE
    :: else -> skip
    fi
}

#ifdef MUTANT_ACT_BEFORE_COMMIT
inline act_too_early()
{
    if
    :: rings[0] && told[0] == NONE -> told[0] = N.outcome
    :: else -> skip
    fi;
    act = NONE; release = false; rings[0] = false;
    acted = true;
    forget_decision()
}
#endif

/* ---- The worker ------------------------------------------------------------------------------ */

inline acknowledge(queue, again)
{
    if
    :: queue = false
    :: again -> skip /* it comes again */
    fi
}

#define PENDING (act != NONE || release || ANY_RING)

/* Whatever was in hand is gone. */
inline die()
{
    kind = NONE; about = 0; what = NONE; act = NONE; release = false; rings[0] = false;
#if ADDRESSES == 2
    rings[1] = false;
#endif
    payload = NONE; payload_reply = 0; late = false; holder = NONE; i = 0;
    sending[w] = 0; latest[w] = false;
    if
    :: stale -> fresh = false; copy(S, nobody)
    :: else -> skip
    fi
}

#define HEARS(inv, name) :: hears && queued[AT(inv, name)] -> kind = EVENT; i = inv; about = name; \
                            what = statements[AT(inv, name)]
#define SWEEPS(inv)      :: sweeps && registered[inv] && HAS_TIMER(R[inv]) -> kind = DUE; i = inv
#define ASKS(inv)        :: asks && requested[inv] -> kind = ACCEPTED; i = inv; what = REQUEST; \
                            requested[inv] = KEPT_UNTIL_COMMITTED
#define QUEUES(inv)      :: asks && requested[inv] && REQUEST == SUBMIT -> kind = ACCEPTED; i = inv; what = QUEUED
#ifdef MUTANT_ACK_BEFORE_COMMIT
#define KEPT_UNTIL_COMMITTED false
#else
#define KEPT_UNTIL_COMMITTED true
#endif

/*
 * A worker that invokes (asks), completes (hears) or sweeps. Only a worker that only hears can be
 * stale.
 */
proctype worker(byte w; bool asks; bool hears; bool sweeps; bool stale)
{
    mtype kind, what, act, payload;
    byte about, i, payload_reply, holder;
    bool release, late, rings[ADDRESSES];
#ifdef MUTANT_ACT_BEFORE_COMMIT
    bool acted;
#endif

end_idle:
    atomic {
        if
        ASKS(0)
        QUEUES(0)
        HEARS(0, 1)
        SWEEPS(0)
#if NAMES == 2
        HEARS(0, 2)
#endif
#if INVOCATIONS == 2
        ASKS(1)
        QUEUES(1)
        HEARS(1, 1)
        SWEEPS(1)
#endif
        :: CANCELS && asks && registered[0] && !asked_to_cancel -> asked_to_cancel = true; kind = CANCEL_REQUESTED
        :: CALLER_LEAVES && sweeps && registered[0] && told[0] == CLOSED && R[0].cause == NONE &&
           R[0].outcome == NONE -> kind = CALLER_GONE
#if ADDRESSES == 2
        :: asks && registered[0] && R[0].callback[1] == NONE -> kind = ADOPTED
#endif
        fi;
        if
        :: OWN_COPY -> copy(S, R[0]); fresh = true
        :: else -> goto commit_now
        fi
    }
settle:
    if
    :: atomic { CRASHES -> die(); goto end_idle }
#ifdef MUTANT_ACT_BEFORE_COMMIT
    :: atomic { OWN_COPY && fresh && !acted -> copy(N, S); decide(); act_too_early(); goto settle }
#endif
    :: atomic { LOST -> copy(S, R[0]); fresh = true; goto settle }
    :: atomic { !LOST -> skip;
commit_now:
        if
        :: kind == EVENT -> acknowledge(queued[AT(i, about)], DUPLICATES)
        :: kind == ACCEPTED -> acknowledge(requested[i], REPEATS)
        :: else -> skip
        fi;
        if
        :: kind == ACCEPTED && registered[i] -> die(); goto end_idle /* a repeat: there is nothing to do */
        :: else -> skip
        fi;
        if
        :: OWN_COPY -> copy(N, S)
        :: else -> copy(N, R[i])
        fi;
        decide();
        commit();
        forget_decision();
        if
        :: !PENDING -> die(); goto end_idle
        :: else -> skip
        fi }
    fi;
acts:
    if
    :: atomic { CRASHES -> die(); goto end_idle }
    :: atomic { act == SUBMIT -> submit(); goto settle }
    :: atomic { act == DESCRIBE -> describe(); goto settle }
    :: atomic { act == LIST -> list(); goto settle }
    :: atomic { act == CANCEL -> cancel_statement(); goto settle }
#if LOCKS
    :: atomic { act == TAKE_LOCK && (holder == NONE || what == FOUND) -> take_lock();
        if
        :: kind == LOCK_GRANTED -> goto settle
        :: else -> goto acts
        fi }
    :: atomic { act == TAKE_LOCK && holder != NONE && what != FOUND -> look_at_holder();
        if
        :: kind == LOCK_HELD -> goto settle
        :: else -> goto acts
        fi }
    :: atomic { release -> release_lock();
        if
        :: !PENDING -> die(); goto end_idle
        :: else -> goto acts
        fi }
#endif
    :: atomic { rings[0] -> call(0); goto settle }
#if ADDRESSES == 2
    :: atomic { rings[1] -> call(1); goto settle }
#endif
    fi
}

/* When there is nothing left to do for anybody, all is done. */
proctype watch()
{
end_here:
    timeout;
    assert(registered[0] && SETTLED(R[0]));
#if INVOCATIONS == 2
    assert(registered[1] && SETTLED(R[1]))
#endif
}
