#include "infra/aws/pace.h"

#include "infra/base/compiler.h"
#include "infra/base/memory.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LONG_AGO_MS       (-1e15)
#define SECOND_MS         1000.0
#define STEADY_PART       0.8    /* of a quota per second; the rest is for bursts */
#define BURST_MS          250.0  /* a fifth of the quota at the steady rate */
#define HALVINGS          16.0   /* the floor is this part of the quota */
#define RAISE_PART        0.1    /* of the quota, per second of success */
#define TASK_BUCKET_LARGE 6000.0 /* 3,000 tokens at 500 per second */
#define TASK_BUCKET_SMALL 5000.0 /* 1,500 at 300 */

/* ---- One bucket ----------------------------------------------------------------------------- */

void pace_bucket_init(struct pace_bucket *bucket, const struct pace_terms *terms)
{
    *bucket = (struct pace_bucket){.terms = *terms,
                                   .open = !terms->known,
                                   .rate = terms->per_second,
                                   .cut_ms = LONG_AGO_MS,
                                   .next_ms = LONG_AGO_MS};
}

static double interval_ms(const struct pace_bucket *bucket)
{
    return SECOND_MS / bucket->rate;
}

/* A slot may be this much ahead of its time: what was not used before is used at once. */
static double tolerance_ms(const struct pace_bucket *bucket)
{
    const double tolerance = bucket->terms.burst_ms - interval_ms(bucket);
    return tolerance > 0 ? tolerance : 0;
}

bool pace_bucket_take(struct pace_bucket *bucket, int64_t now_ms, double most_ms, double *wait_ms)
{
    const double now = (double)now_ms;
    *wait_ms = 0;
    if (bucket->open) {
        return true;
    }
    const double earliest = now - tolerance_ms(bucket);
    const double slot = bucket->next_ms > earliest ? bucket->next_ms : earliest;
    *wait_ms = slot > now ? slot - now : 0;
    if (*wait_ms > most_ms && *wait_ms > 0) {
        return false;
    }
    bucket->next_ms = slot + interval_ms(bucket);
    return true;
}

double pace_bucket_line(struct pace_bucket *bucket, int64_t now_ms)
{
    const double now = (double)now_ms;
    double place = bucket->line_ms > bucket->next_ms ? bucket->line_ms : bucket->next_ms;
    place = (place > now ? place : now) + interval_ms(bucket);
    if (place - now > PACE_LINE_MAX_MS) {
        return PACE_LINE_MAX_MS;
    }
    bucket->line_ms = place;
    return place - now;
}

void pace_bucket_throttled(struct pace_bucket *bucket, int64_t now_ms)
{
    const double now = (double)now_ms;
    if (now - bucket->cut_ms < PACE_CUT_MS) {
        return;
    }
    bucket->open = false;
    bucket->cut_ms = now;
    bucket->raise_ms = now;
    bucket->rate = bucket->rate / 2 > bucket->terms.floor ? bucket->rate / 2 : bucket->terms.floor;
    /* No burst right after it. */
    bucket->next_ms = bucket->next_ms > now ? bucket->next_ms : now + interval_ms(bucket);
}

/* By time, not by count: a process that takes more would raise its rate faster than the others. */
void pace_bucket_succeeded(struct pace_bucket *bucket, int64_t now_ms)
{
    if (bucket->open || bucket->rate >= bucket->terms.per_second) {
        return;
    }
    const double passed_ms = (double)now_ms - bucket->raise_ms;
    const double counted_ms = passed_ms < SECOND_MS ? passed_ms : SECOND_MS;
    bucket->raise_ms = (double)now_ms;
    bucket->rate += bucket->terms.raise * counted_ms / SECOND_MS;
    if (bucket->rate >= bucket->terms.per_second) {
        bucket->rate = bucket->terms.per_second;
        bucket->open = !bucket->terms.known;
    }
}

/* ---- All of a process ----------------------------------------------------------------------- */

struct shared_bucket {
    pthread_mutex_t mutex;
    bool placed;
    struct pace_bucket bucket;
};

struct pace {
    bool always;
    struct shared_bucket buckets[PACE_OPERATION_COUNT];
};

static const struct {
    const char *name;
    enum aws_service service;
    double quota; /* per second; of SendTask*: by region */
} operations[PACE_OPERATION_COUNT] = {
    [PACE_EXECUTE_STATEMENT] = {"ExecuteStatement", AWS_REDSHIFT_DATA, 30},
    [PACE_BATCH_EXECUTE_STATEMENT] = {"BatchExecuteStatement", AWS_REDSHIFT_DATA, 20},
    [PACE_DESCRIBE_STATEMENT] = {"DescribeStatement", AWS_REDSHIFT_DATA, 100},
    [PACE_CANCEL_STATEMENT] = {"CancelStatement", AWS_REDSHIFT_DATA, 3},
    [PACE_LIST_STATEMENTS] = {"ListStatements", AWS_REDSHIFT_DATA, 3},
    [PACE_GET_STATEMENT_RESULT] = {"GetStatementResult", AWS_REDSHIFT_DATA, 20},
    [PACE_SEND_TASK_SUCCESS] = {"SendTaskSuccess", AWS_STEP_FUNCTIONS, 0},
    [PACE_SEND_TASK_FAILURE] = {"SendTaskFailure", AWS_STEP_FUNCTIONS, 0},
    [PACE_SEND_TASK_HEARTBEAT] = {"SendTaskHeartbeat", AWS_STEP_FUNCTIONS, 0},
};

enum pace_operation pace_operation_find(enum aws_service service, const char *operation)
{
    if (service != AWS_REDSHIFT_DATA && service != AWS_STEP_FUNCTIONS) {
        return PACE_NONE;
    }
    for (enum pace_operation i = PACE_NONE + 1; i < PACE_OPERATION_COUNT; i++) {
        if (operations[i].service == service && strcmp(operations[i].name, operation) == 0) {
            return i;
        }
    }
    return PACE_NONE;
}

struct pace *pace_new(bool always)
{
    struct pace *pace = memory_new(sizeof(*pace));
    pace->always = always;
    for (size_t i = 0; i < PACE_OPERATION_COUNT; i++) {
        if (pthread_mutex_init(&pace->buckets[i].mutex, NULL) != 0) {
            memory_abort("pace: no mutex");
        }
        pace->buckets[i].bucket.open = true;
    }
    return pace;
}

void pace_free(struct pace *pace)
{
    if (pace == NULL) {
        return;
    }
    for (size_t i = 0; i < PACE_OPERATION_COUNT; i++) {
        (void)pthread_mutex_destroy(&pace->buckets[i].mutex);
    }
    free(pace);
}

static bool is_large_region(struct slice region)
{
    return slice_equals_text(region, "us-east-1") || slice_equals_text(region, "us-west-2") ||
           slice_equals_text(region, "eu-west-1");
}

static struct pace_terms terms_of(enum pace_operation operation, struct slice region, bool known)
{
    const bool tasks = operations[operation].service == AWS_STEP_FUNCTIONS;
    const bool large = is_large_region(region);
    const double quota = !tasks ? operations[operation].quota : large ? 500 : 300;
    return (struct pace_terms){
        .per_second = tasks ? quota : quota * STEADY_PART,
        .burst_ms = !tasks  ? BURST_MS
                    : large ? TASK_BUCKET_LARGE
                            : TASK_BUCKET_SMALL,
        .floor = quota / HALVINGS,
        .raise = quota * RAISE_PART,
        .known = known,
    };
}

void pace_place(struct pace *pace, enum aws_service service, struct slice region, bool aws)
{
    for (enum pace_operation i = PACE_NONE + 1; i < PACE_OPERATION_COUNT; i++) {
        struct shared_bucket *shared = &pace->buckets[i];
        if (operations[i].service != service) {
            continue;
        }
        const struct pace_terms terms = terms_of(i, region, aws || pace->always);
        pthread_mutex_lock(&shared->mutex);
        if (!shared->placed) {
            pace_bucket_init(&shared->bucket, &terms);
            shared->placed = true;
        }
        pthread_mutex_unlock(&shared->mutex);
    }
}

bool pace_take(struct pace *pace, enum pace_operation operation, int64_t now_ms, int64_t most_ms,
               int64_t *wait_ms)
{
    struct shared_bucket *shared = &pace->buckets[operation];
    double exact_ms = 0;
    pthread_mutex_lock(&shared->mutex);
    const bool taken = pace_bucket_take(&shared->bucket, now_ms, (double)most_ms, &exact_ms);
    if (!taken) {
        exact_ms = pace_bucket_line(&shared->bucket, now_ms);
    }
    pthread_mutex_unlock(&shared->mutex);
    *wait_ms = (int64_t)ceil(exact_ms);
    return taken;
}

void pace_throttled(struct pace *pace, enum pace_operation operation, int64_t now_ms)
{
    struct shared_bucket *shared = &pace->buckets[operation];
    pthread_mutex_lock(&shared->mutex);
    if (shared->placed) {
        pace_bucket_throttled(&shared->bucket, now_ms);
    }
    pthread_mutex_unlock(&shared->mutex);
}

void pace_succeeded(struct pace *pace, enum pace_operation operation, int64_t now_ms)
{
    struct shared_bucket *shared = &pace->buckets[operation];
    pthread_mutex_lock(&shared->mutex);
    pace_bucket_succeeded(&shared->bucket, now_ms);
    pthread_mutex_unlock(&shared->mutex);
}

double pace_rate(struct pace *pace, enum pace_operation operation)
{
    struct shared_bucket *shared = &pace->buckets[operation];
    pthread_mutex_lock(&shared->mutex);
    const double rate =
        shared->placed ? shared->bucket.rate : operations[operation].quota * STEADY_PART;
    pthread_mutex_unlock(&shared->mutex);
    return rate;
}

int64_t pace_backlog_ms(struct pace *pace, enum pace_operation operation, int64_t now_ms)
{
    struct shared_bucket *shared = &pace->buckets[operation];
    pthread_mutex_lock(&shared->mutex);
    const double line_ms = shared->bucket.line_ms;
    pthread_mutex_unlock(&shared->mutex);
    return line_ms > (double)now_ms ? (int64_t)ceil(line_ms - (double)now_ms) : 0;
}
