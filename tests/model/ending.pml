/* A statement's ending races its deadline, a cancel, and a caller that leaves: who chooses? */
#define INVOCATIONS    1
#define NAMES          1
#define ADDRESSES      1
#define WORKERS        3
#define LOCKS          0
#define REFUSALS       false
#define ABORTS         true
#define CANCELS        true
#define CALLER_LEAVES  true
#define UNDELIVERABLES true
#define TELLS          1
#define LOSSES         true
#define REPEATS        false
#define DUPLICATES     true
#define CRASHES        true
#define REQUEST        SUBMIT

#include "lifecycle.pml"
#include "world.pml"
#include "decide.pml"
#include "worker.pml"

init {
    atomic {
        plan.deadline = true;
        if
        :: plan.failures_only = true
        :: skip
        fi;
        requested[0] = true;
        run worker(0, false, true, false, true);
        run worker(1, true, true, false, false);
        run worker(2, false, false, true, false);
        run fate(0, 1);
        run caller();
        run watch()
    }
}
