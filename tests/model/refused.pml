/* A request on a queue is refused: REJECTED is registered, told, and only then acknowledged. */
#define INVOCATIONS    1
#define NAMES          1
#define ADDRESSES      2
#define WORKERS        3
#define LOCKS          0
#define REFUSALS       true
#define ABORTS         false
#define CANCELS        true
#define CALLER_LEAVES  false
#define UNDELIVERABLES true
#define TELLS          1
#define LOSSES         true
#define REPEATS        true
#define DUPLICATES     true
#define CRASHES        true
#define REQUEST        REJECTED

#include "lifecycle.pml"
#include "world.pml"
#include "decide.pml"
#include "worker.pml"

init {
    atomic {
        requested[0] = true;
        run worker(0, true, false, false, true);
        run worker(1, true, false, false, false);
        run worker(2, false, false, true, false);
        run fate(0, 1);
        run watch()
    }
}
