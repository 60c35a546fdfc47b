/* A statement that somebody else has started is looked at, not sent; a step of our own follows. */
#define INVOCATIONS    1
#define NAMES          2
#define ADDRESSES      1
#define WORKERS        3
#define LOCKS          1
#define REFUSALS       false
#define ABORTS         true
#define CANCELS        true
#define CALLER_LEAVES  false
#define UNDELIVERABLES false
#define TELLS          0
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
        plan.attached = true;
        plan.steps = true;
        if
        :: plan.locks = true
        :: skip
        fi;
        if
        :: statements[AT(0, 1)] = STARTED
        :: skip /* it never was */
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
