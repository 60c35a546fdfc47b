/* A submit in doubt: repeated, looked up, refused; and then a second attempt, or a second step. */
#define INVOCATIONS    1
#define NAMES          2
#define ADDRESSES      1
#define WORKERS        3
#define LOCKS          0
#define REFUSALS       true
#define ABORTS         false
#define CANCELS        true
#define CALLER_LEAVES  false
#define UNDELIVERABLES false
#define TELLS          0
#define LOSSES         true
#define REPEATS        false
#define DUPLICATES     false
#define CRASHES        true
#define REQUEST        SUBMIT

#include "lifecycle.pml"
#include "world.pml"
#include "decide.pml"
#include "worker.pml"

init {
    atomic {
        if
        :: plan.retries = true
        :: plan.steps = true
        fi;
        requested[0] = true;
        run worker(0, false, true, false, true);
        run worker(1, true, false, false, false);
        run worker(2, false, false, true, false);
        run fate(0, 1);
        run fate(0, 2);
        run passing_time(0);
        run watch()
    }
}
