/*
 * What follows from a stimulus: lifecycle_decide, phase by phase. The stimulus is in the worker's
 * kind, about (statement name, or address), what and latest (no send since the worker's own); the
 * actions go into its act, release and rings.
 */

inline act_on(action)
{
#ifndef MUTANT_NO_LEASE
    N.timer = true; /* the lease: who dies with the action in hand is repeated by the sweep */
#endif
    act = action
}

inline now_running()
{
    N.has_id = true;
    N.doubt = false;
    if
    :: N.statement == CANCELLING -> act_on(CANCEL)
    :: else -> move_to = RUNNING; N.timer = true
    fi
}

inline never_learned()
{
    final = UNKNOWN;
    verdict = (N.cause != NONE -> N.cause : EXPIRED)
}

/* ---- Answers of the Data API ---------------------------------------------------------------- */

inline on_submitted()
{
    if
    :: about != N.name || !IN_FLIGHT || N.seen != NONE -> skip
    :: else ->
        if
        :: what != STARTED -> witnessed = true
        :: what == STARTED && N.statement != RUNNING -> now_running()
        :: else -> skip
        fi
    fi
}

/* A refusal of the attempt's only send is certain: nothing ran. */
inline sole_refusal()
{
    if
    :: N.statement == CANCELLING -> final = ENDED; verdict = N.cause
    :: N.statement != CANCELLING && what == WAIT && !N.no_wait ->
        N.no_wait = true;
        N.sends = 1;
        sends = true;
        act_on(SUBMIT)
    :: N.statement != CANCELLING && what == CAPACITY ->
        move_to = QUEUED;
        N.doubt = false;
        N.sends = 0;
        N.timer = true
    :: else -> final = ENDED; verdict = (N.name == 1 -> REJECTED : FAILED)
    fi
}

#ifdef MUTANT_REFUSED_REPEAT
#define SOLE true
#else
#define SOLE (N.sends == 1)
#endif

inline on_submit_refused()
{
    if
    :: about != N.name || !IN_FLIGHT || N.has_id || !latest[w] -> skip
    :: else ->
        if
        :: SOLE -> sole_refusal()
        :: else -> N.refused_for_good = (N.refused_for_good || what == PERMANENT); N.timer = true
        fi
    fi
}

inline on_submit_in_doubt()
{
    if
    :: about != N.name || !IN_FLIGHT || N.has_id -> skip
    :: else ->
        if
        :: what == FOUND -> now_running()
#ifdef MUTANT_RETRY_IN_DOUBT
        :: what != FOUND && RETRY_LEFT -> N.name = 2; begins = true
        :: what != FOUND && !RETRY_LEFT -> N.timer = true
#else
        :: else -> N.timer = true
#endif
        fi
    fi
}

inline on_event()
{
    if
    :: about == N.name && IN_FLIGHT -> witnessed = true
    :: else -> skip
    fi
}

/* The statement has ended and its details were asked for. */
inline on_details()
{
    if
    :: N.reply != 0 -> skip
    :: N.reply == 0 && (kind == LOOK_FAILED || what == STARTED) -> N.timer = true
    :: N.reply == 0 -> N.timer = false; renders = true
    fi
}

/* Asked for in vain: after a while the ending counts without them. */
inline details_missing()
{
    if
    :: N.timer = true
    :: ending = N.seen
    fi
}

inline on_described()
{
    if
    :: about != N.name -> skip
    :: about == N.name && FINAL(N.statement) -> on_details()
    :: about == N.name && IN_FLIGHT ->
        if
        :: what == MISSING && IS_ATTACHED && N.doubt -> /* somebody else's statement never was */
            final = ENDED;
            verdict = (N.statement == CANCELLING -> N.cause : REJECTED)
        :: what != MISSING && what != STARTED -> witnessed = true
        :: else ->
            if
            :: N.seen != NONE -> details_missing()
            :: N.seen == NONE && day_over[i] -> never_learned()
            :: N.seen == NONE && !day_over[i] && what == STARTED ->
                N.doubt = false;
                if
                :: N.statement == CANCELLING -> act_on(CANCEL)
                :: else -> N.timer = true
                fi
            :: else -> N.timer = true
            fi
        fi
    :: else -> skip
    fi
}

inline on_look_failed()
{
    if
    :: about == N.name && FINAL(N.statement) -> on_details()
    :: about == N.name && IN_FLIGHT && N.seen != NONE -> details_missing()
    :: about == N.name && IN_FLIGHT && N.seen == NONE && day_over[i] -> never_learned()
    :: about == N.name && IN_FLIGHT && N.seen == NONE && !day_over[i] -> N.timer = true
    :: else -> skip
    fi
}

#if defined(MUTANT_ABSENT_EARLY)
#define PROVEN_ABSENT true
#elif defined(MUTANT_ABSENT_NEVER)
#define PROVEN_ABSENT false
#else
#define PROVEN_ABSENT (what == ABSENT && latest[w])
#endif

inline on_listed()
{
    if
    :: about != N.name || !IN_FLIGHT || N.has_id -> skip
    :: else ->
        if
        :: what == FOUND ->
            now_running();
            if
            :: move_to == RUNNING -> act_on(DESCRIBE)
            :: else -> skip
            fi
        :: what != FOUND && PROVEN_ABSENT -> never_learned()
        :: else -> N.timer = true
        fi
    fi
}

inline on_cancel_answered()
{
    if
    :: about == N.name && N.statement == CANCELLING -> N.timer = true
    :: else -> skip
    fi
}

/* ---- Timers --------------------------------------------------------------------------------- */

#ifdef MUTANT_RESUBMIT_LATE
#define MAY_RESUBMIT (!N.refused_for_good)
#else
#define MAY_RESUBMIT (!N.refused_for_good && !doubt_old[i])
#endif

inline statement_due()
{
    if
    :: N.statement == QUEUED -> begins = true
    :: N.statement == WAITING -> act_on(TAKE_LOCK)
    :: N.statement == SUBMITTING && MAY_RESUBMIT -> N.sends = 2; sends = true; act_on(SUBMIT)
    :: N.statement == SUBMITTING && !MAY_RESUBMIT -> act_on(LIST)
    :: (N.statement == RUNNING || N.statement == CANCELLING) && N.has_id -> act_on(DESCRIBE)
    :: (N.statement == RUNNING || N.statement == CANCELLING) && !N.has_id -> act_on(LIST)
    :: FINAL(N.statement) -> act_on(DESCRIBE)
    :: FINAL(N.statement) -> N.timer = false; renders = true /* gathered long enough */
    fi
}

/* Which of the armed timers are due is open; where all have to come, all are. */
#ifdef ALL_DUE
#define NOT_YET(armed) !(armed)
#else
#define NOT_YET(armed) true
#endif

inline on_due()
{
    if
    :: DEADLINE_ARMED -> cause = TIMED_OUT
    :: N.timer -> statement_due()
    :: NOT_YET(DEADLINE_ARMED || N.timer) -> skip
    fi;
    if
    :: GRACE_ARMED -> N.statement_unknown = true; verdict = N.cause
    :: NOT_YET(GRACE_ARMED) -> skip
    fi;
    for (a : 0 .. ADDRESSES - 1) {
        if
        :: N.callback_timer[a] -> rings[a] = true
        :: NOT_YET(N.callback_timer[a]) -> skip
        fi
    }
}

/* ---- Locks, callbacks, callers -------------------------------------------------------------- */

/* What the plan wants then: to wait, to end without having run, to be refused (and to be told so by
 * the channel's reply alone). */
inline on_lock_held()
{
    if
    :: N.statement != WAITING -> skip
    :: N.statement == WAITING -> N.timer = true
    :: N.statement == WAITING -> final = ENDED; verdict = FINISHED
    :: N.statement == WAITING -> final = ENDED; verdict = REJECTED
    :: N.statement == WAITING -> final = ENDED; verdict = REJECTED; ring_to[0] = CLOSED
    fi
}

inline on_callback()
{
    a = about;
    if
    :: N.callback[a] != CHOSEN -> skip
    :: N.callback[a] == CHOSEN && kind == CALLBACK_DELIVERED -> ring_to[a] = DELIVERED; N.callback_timer[a] = false
    :: N.callback[a] == CHOSEN && kind == CALLBACK_REFUSED && what != AGAIN ->
        ring_to[a] = what;
        N.callback_timer[a] = false
    :: else -> N.callback_timer[a] = true
    fi
}

/* A repeat of the request with an address of its own, the last one. */
inline on_adopted()
{
    a = ADDRESSES - 1;
    if
    :: N.callback[a] != NONE -> skip
    :: else ->
        N.callback[a] = OPEN;
        if
        :: N.reply != 0 -> ring()
        :: else -> skip
        fi
    fi
}

inline on_accepted()
{
    N.statement = (plan.locks -> WAITING : QUEUED);
    N.name = 1;
    N.callback[0] = OPEN;
    if
    :: what == REJECTED -> N.statement = QUEUED; final = ENDED; verdict = REJECTED
    :: what == QUEUED -> N.timer = true
    :: what == SUBMIT && plan.locks -> act_on(TAKE_LOCK)
    :: else -> begins = true
    fi
}

/* ---- What all of them end in ---------------------------------------------------------------- */

inline cancel()
{
    if
    :: cause == NONE || N.cause != NONE || N.outcome != NONE || FINAL(N.statement) -> skip
    :: else ->
        N.cause = cause;
        if
        :: N.statement == QUEUED || N.statement == WAITING -> final = ENDED; verdict = cause
        :: else -> move_to = CANCELLING; act_on((N.has_id -> CANCEL : LIST))
        fi
    fi
}

/* An ending counts at once, unless a failure might be tried again: then its text is wanted. */
inline witness()
{
    if
    :: !witnessed -> skip
    :: witnessed && kind != DESCRIBED && (what == FAILED || what == TRANSIENT) && RETRY_LEFT ->
        if
        :: N.seen != NONE -> skip
        :: else ->
            N.has_id = true;
            N.seen = FAILED;
            N.doubt = false;
            if
            :: N.statement == SUBMITTING -> move_to = RUNNING
            :: else -> skip
            fi;
            act_on(DESCRIBE)
        fi
    :: else -> ending = what
    fi
}

#define TO_BE_RETRIED (ending == TRANSIENT && kind == DESCRIBED && RETRY_LEFT)

inline retry_later()
{
    move_to = QUEUED;
    N.name++;
    N.has_id = false;
    N.doubt = false;
    N.sends = 0;
    N.seen = NONE;
    N.timer = true
}

inline end_attempt()
{
    if
    :: ending == NONE -> skip
    :: ending != NONE && N.statement == CANCELLING ->
        N.has_id = true;
        final = ENDED;
        if
        :: ending == FINISHED && LAST_STEP -> verdict = FINISHED
        :: (ending == FAILED || ending == TRANSIENT) && !TO_BE_RETRIED -> verdict = FAILED
        :: else -> verdict = N.cause
        fi
    :: ending != NONE && N.statement != CANCELLING ->
        N.has_id = true;
        if
        :: TO_BE_RETRIED -> retry_later()
        :: (ending == FAILED || ending == TRANSIENT) && !TO_BE_RETRIED -> final = ENDED; verdict = FAILED
        :: ending == ABORTED -> final = ENDED; verdict = ABORTED
        :: ending == FINISHED && !LAST_STEP -> N.name++; begins = true
        :: ending == FINISHED && LAST_STEP -> final = ENDED; verdict = FINISHED
        fi
    fi
}

inline begin_attempt()
{
    if
    :: !begins -> skip
    :: else ->
        N.has_id = IS_ATTACHED;
        N.doubt = true;
        N.refused_for_good = false;
        N.no_wait = false;
        N.seen = NONE;
        if
        :: IS_ATTACHED -> move_to = RUNNING; N.sends = 0; act_on(DESCRIBE)
        :: else -> move_to = SUBMITTING; N.sends = 1; sends = true; act_on(SUBMIT)
        fi
    fi
}

inline end_statement()
{
    if
    :: final == NONE -> skip
    :: else ->
        move_to = final;
        N.doubt = false;
        N.timer = false;
        N.statement_unknown = (final == UNKNOWN);
        release = plan.locks
    fi
}

inline ring()
{
    if
    :: plan.failures_only && a == 0 && N.outcome == FINISHED -> ring_to[a] = CLOSED
    :: else -> ring_to[a] = CHOSEN; N.callback_timer[a] = true; rings[a] = true
    fi
}

#ifdef MUTANT_LAST_OUTCOME
#define HAS_OUTCOME false
#else
#define HAS_OUTCOME (N.outcome != NONE)
#endif

/* The first committed outcome is final. The reply goes with it or, its details wanting, follows. */
inline choose_outcome()
{
    if
    :: verdict == NONE || HAS_OUTCOME -> skip
    :: else ->
        N.outcome = verdict;
        if
        :: renders = true
        :: N.has_id && !N.statement_unknown && kind != DESCRIBED -> act_on(DESCRIBE)
        fi
    fi;
    if
    :: !renders || N.reply != 0 -> skip
    :: else ->
        N.reply = (kind == DESCRIBED -> 1 : 2);
        for (a : 0 .. ADDRESSES - 1) {
            if
            :: N.callback[a] == OPEN && ring_to[a] == NONE -> ring()
            :: else -> skip
            fi
        }
    fi
}

#define STIMULUS(name, effect) :: kind == name -> begins = false; witnessed = false; effect

inline decide()
{
    if
    :: kind == ACCEPTED -> on_accepted() /* lifecycle_accept */
    STIMULUS(ADOPTED, on_adopted())
    STIMULUS(SUBMITTED, on_submitted())
    STIMULUS(SUBMIT_REFUSED, on_submit_refused())
    STIMULUS(SUBMIT_IN_DOUBT, on_submit_in_doubt())
    STIMULUS(EVENT, on_event())
    STIMULUS(DESCRIBED, on_described())
    STIMULUS(LISTED, on_listed())
    STIMULUS(LOOK_FAILED, on_look_failed())
    STIMULUS(DUE, on_due())
    STIMULUS(LOCK_GRANTED, begins = (N.statement == WAITING))
    STIMULUS(LOCK_HELD, on_lock_held())
    STIMULUS(CANCEL_REQUESTED, cause = ABORTED)
    STIMULUS(CALLER_GONE, cause = ABORTED)
    STIMULUS(CANCEL_SENT, on_cancel_answered())
    STIMULUS(CANCEL_REFUSED, on_cancel_answered())
    STIMULUS(CALLBACK_DELIVERED, on_callback())
    STIMULUS(CALLBACK_REFUSED, on_callback())
    fi;
    cancel();
    witness();
    end_attempt();
    begin_attempt();
    end_statement();
    choose_outcome();
    move_statement();
    for (a : 0 .. ADDRESSES - 1) {
        move_callback()
    }
}
