/*
 * How often AWS is asked: token buckets for the operations whose rate is limited per account and
 * region, shared by all threads of a process. A call that finds no token is given the next free
 * slot, so that callers who wait get consecutive ones and nobody races for the same; one that would
 * have to wait too long is given a place in a line instead and comes back then.
 *
 * The rates are those that AWS publishes (aws-facts.md 1.1, 3.3), a fifth of the Data API's at once
 * and the rest steadily, so that no second sees more than the quota. They adapt (AIMD): a throttled
 * answer halves a rate, at most once in PACE_CUT_MS since one burst is one mistake, and success
 * raises it by a tenth of the quota per second, back to the quota. Processes that share an account
 * do not talk to each other: whoever takes more is throttled more often, so that halving and
 * creeping up share the quota out between them.
 *
 * At a place that is not AWS the published rates say nothing: there a bucket is open until the
 * first throttled answer, and open again when its rate has come back to the quota.
 *
 * No call allocates and none makes a system call unless two threads meet in one bucket.
 */
#ifndef RINGBACK_INFRA_AWS_PACE_H
#define RINGBACK_INFRA_AWS_PACE_H

#include "infra/aws/client.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define PACE_CUT_MS      500
#define PACE_LINE_MAX_MS 120000 /* nobody is sent away for longer */
#define PACE_WAIT_MAX_MS 1000   /* for a slot, unless the call says otherwise */

/* ---- One bucket: pure, for one thread at a time -------------------------------------------- */

struct pace_terms {
    double per_second; /* the quota, sustained */
    double burst_ms;   /* so much of it at once after a pause; at least one token */
    double floor;      /* per second; halving stops here */
    double raise;      /* per second and second of success */
    bool known;        /* false: open until the first throttled answer */
};

struct pace_bucket {
    struct pace_terms terms;
    bool open;       /* not paced */
    double rate;     /* per second */
    double next_ms;  /* the next slot, but for what a burst allows */
    double line_ms;  /* the last place given to those who found no slot */
    double cut_ms;   /* when the rate was last halved */
    double raise_ms; /* when it was last raised */
};

void pace_bucket_init(struct pace_bucket *bucket, const struct pace_terms *terms);
/* True: a token was taken, for the slot in *wait_ms from now. False: every slot up to most_ms from
 * now is taken; *wait_ms says when the next one is. */
bool pace_bucket_take(struct pace_bucket *bucket, int64_t now_ms, double most_ms, double *wait_ms);
/* Puts one who found no slot into the line; returns after how many milliseconds it is his turn. */
double pace_bucket_line(struct pace_bucket *bucket, int64_t now_ms);
void pace_bucket_throttled(struct pace_bucket *bucket, int64_t now_ms);
void pace_bucket_succeeded(struct pace_bucket *bucket, int64_t now_ms);

/* ---- All of a process: any thread ----------------------------------------------------------- */

enum pace_operation {
    PACE_NONE, /* not limited */
    PACE_EXECUTE_STATEMENT,
    PACE_BATCH_EXECUTE_STATEMENT,
    PACE_DESCRIBE_STATEMENT,
    PACE_CANCEL_STATEMENT,
    PACE_LIST_STATEMENTS,
    PACE_GET_STATEMENT_RESULT,
    PACE_SEND_TASK_SUCCESS,
    PACE_SEND_TASK_FAILURE,
    PACE_SEND_TASK_HEARTBEAT,
    PACE_OPERATION_COUNT,
};

/* By the operation's name; PACE_NONE for any other. */
enum pace_operation pace_operation_find(enum aws_service service, const char *operation);

struct pace;

/* always: the published rates hold wherever the services are. Until pace_place is told where,
 * nothing is paced. */
struct pace *pace_new(bool always);
void pace_free(struct pace *pace);
/* Where a service is: the rates of a region differ, and a place that is not AWS has none that are
 * known. The first word counts, since all clients of a process ask in the same place. */
void pace_place(struct pace *pace, enum aws_service service, struct slice region, bool aws);
/* As pace_bucket_take, in whole milliseconds; false: *wait_ms is the caller's turn in the line. */
bool pace_take(struct pace *pace, enum pace_operation operation, int64_t now_ms, int64_t most_ms,
               int64_t *wait_ms);
void pace_throttled(struct pace *pace, enum pace_operation operation, int64_t now_ms);
void pace_succeeded(struct pace *pace, enum pace_operation operation, int64_t now_ms);
/* Per second; the quota when the bucket is open. */
double pace_rate(struct pace *pace, enum pace_operation operation);
/* How long the line is now; 0: nobody waits. */
int64_t pace_backlog_ms(struct pace *pace, enum pace_operation operation, int64_t now_ms);

#endif
