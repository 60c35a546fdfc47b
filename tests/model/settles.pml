/*
 * Liveness: however it was attacked, every accepted invocation settles once the attack is over. Not
 * one event has to arrive. Checked under weak fairness: whoever can always go on does so some time.
 */
#define INVOCATIONS    1
#define NAMES          1
#define ADDRESSES      1
#define WORKERS        2
#define LOCKS          0
#define REFUSALS       attack
#define ABORTS         false
#define CANCELS        attack
#define CALLER_LEAVES  false
#define UNDELIVERABLES false
#define TELLS          1
#define LOSSES         attack
#define REPEATS        false
#define DUPLICATES     attack
#define CRASHES        attack
#define REQUEST        SUBMIT
#define ALL_DUE

bool attack;

#include "lifecycle.pml"
#include "world.pml"
#include "decide.pml"
#include "worker.pml"

proctype attacker()
{
    attack = false
}

ltl settles { <> (registered[0] && SETTLED(R[0])) }

init {
    atomic {
        attack = true;
        plan.deadline = true;
        requested[0] = true;
        run worker(0, true, true, false, false);
        run worker(1, false, false, true, false);
        run fate(0, 1);
        run passing_time(0);
        run attacker()
    }
}
