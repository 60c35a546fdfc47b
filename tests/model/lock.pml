/* Two invocations want one lock: its owner dies, ends, is cancelled, or is never heard of again. */
#define INVOCATIONS    2
#define NAMES          1
#define ADDRESSES      1
#define WORKERS        2
#define LOCKS          1
#define REFUSALS       false
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
        plan.locks = true;
        requested[0] = true;
        requested[1] = true;
        run worker(0, true, true, false, true);
        run worker(1, true, false, true, false);
        run fate(0, 1);
        run fate(1, 1);
        run passing_time(0);
        run passing_time(1);
        run watch()
    }
}
