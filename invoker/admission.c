#include "invoker/admission.h"

#include "infra/base/memory.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#define TARGET_RATE  24.0 /* per second: what the account may submit */
#define TARGET_FLOOR 0.2
#define TARGET_RAISE 1.0
/* Turns at a full target are closer than its rate, and never further apart than half a second: the
 * rate may be another one by then, and asking here costs less than a place that stays empty. */
#define TURNS_EACH        4.0
#define TURNS_FLOOR       2.0
#define CONGESTED_MS      10000 /* of sending, waiting for the account's rate */
#define LINE_WAYS         4
#define HASH_START        14695981039346656037ULL
#define HASH_FACTOR       1099511628211ULL
#define MILLISECONDS_EACH 1000.0

struct target {
    uint64_t key; /* 0: free */
    struct pace_bucket bucket;
    double newcomers_ms; /* the last turn of those who had nothing waiting */
};

struct line {
    uint64_t caller;
    double last_ms; /* the last turn he was told */
};

struct admission {
    pthread_mutex_t mutex;
    struct pace *pace;
    struct target targets[ADMISSION_TARGETS_MAX]; /* those with a rate of their own */
    struct line lines[ADMISSION_LINES];           /* in sets of LINE_WAYS */
    double newcomers_ms;                          /* as a target's, of all others */
    double last_ms;                               /* the last turn of all */
};

/* ---- Keys ----------------------------------------------------------------------------------- */

/* FNV-1a; parts are kept apart by a byte that no UTF-8 text has. */
static uint64_t hash_add(uint64_t hash, struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ (unsigned char)text.data[i]) * HASH_FACTOR;
    }
    return (hash ^ 0xff) * HASH_FACTOR;
}

struct admission_key admission_key_of(const struct plan *plan, const struct plan_target *target,
                                      enum pace_operation operation)
{
    uint64_t hash = hash_add(HASH_START, target->cluster_identifier);
    hash = hash_add(hash, target->workgroup_name);
    hash = hash_add(hash, target->session_id);
    /* There may be places for statements and none for sessions. */
    hash = hash_add(hash,
                    plan->session_keep_alive_seconds >= 0 ? SLICE("opens a session") : SLICE_NONE);
    return (struct admission_key){.target = hash != 0 ? hash : 1,
                                  .caller = hash_add(hash, plan->group),
                                  .operation = operation};
}

static double greater(double a, double b)
{
    return a > b ? a : b;
}

/* ---- Targets -------------------------------------------------------------------------------- */

static struct target *find_target(struct admission *admission, uint64_t key)
{
    for (size_t i = 0; i < ADMISSION_TARGETS_MAX; i++) {
        if (admission->targets[i].key == key) {
            return &admission->targets[i];
        }
    }
    return NULL;
}

/* A free place, or that of the one which was full the longest time ago. */
static struct target *add_target(struct admission *admission, uint64_t key)
{
    static const struct pace_terms terms = {
        .per_second = TARGET_RATE, .floor = TARGET_FLOOR, .raise = TARGET_RAISE};
    struct target *place = &admission->targets[0];
    for (size_t i = 1; i < ADMISSION_TARGETS_MAX && place->key != 0; i++) {
        struct target *other = &admission->targets[i];
        if (other->key == 0 || other->bucket.cut_ms < place->bucket.cut_ms) {
            place = other;
        }
    }
    *place = (struct target){.key = key};
    pace_bucket_init(&place->bucket, &terms);
    return place;
}

/* ---- Lines ---------------------------------------------------------------------------------- */

/* His own, or the one of his set that is over or ends first: as long as somebody waits in it, it is
 * shared. */
static double *line_of(struct admission *admission, const struct admission_key *key, double now)
{
    struct line *set = &admission->lines[key->caller % (ADMISSION_LINES / LINE_WAYS) * LINE_WAYS];
    struct line *first = &set[0];
    for (size_t i = 0; i < LINE_WAYS; i++) {
        if (set[i].caller == key->caller) {
            return &set[i].last_ms;
        }
        first = set[i].last_ms < first->last_ms ? &set[i] : first;
    }
    if (first->last_ms <= now) {
        first->caller = key->caller;
    }
    return &first->last_ms;
}

static double rate_of(struct admission *admission, const struct admission_key *key,
                      const struct target *target)
{
    const double rate = pace_rate(admission->pace, key->operation);
    if (target == NULL) {
        return rate;
    }
    const double turns = greater(TURNS_EACH * target->bucket.rate, TURNS_FLOOR);
    return turns < rate ? turns : rate;
}

/* ---- Contract ------------------------------------------------------------------------------- */

struct admission *admission_new(struct pace *pace)
{
    struct admission *admission = memory_new(sizeof(*admission));
    admission->pace = pace;
    if (pthread_mutex_init(&admission->mutex, NULL) != 0) {
        memory_abort("admission: no mutex");
    }
    return admission;
}

void admission_free(struct admission *admission)
{
    if (admission != NULL) {
        (void)pthread_mutex_destroy(&admission->mutex);
        free(admission);
    }
}

/* A newcomer may run ahead of a full target's rate by one statement, however slow that is. */
static bool target_admits(struct target *target, bool newcomer, int64_t now_ms)
{
    double wait_ms = 0;
    const double ahead_ms =
        newcomer ? greater(ADMISSION_NEWCOMER_MS, MILLISECONDS_EACH / target->bucket.rate) : 0;
    return pace_bucket_take(&target->bucket, now_ms, ahead_ms, &wait_ms);
}

bool admission_ask(struct admission *admission, const struct admission_key *key, int64_t now_ms,
                   int64_t *pace_wait_ms)
{
    pthread_mutex_lock(&admission->mutex);
    const double now = (double)now_ms;
    const bool newcomer = *line_of(admission, key, now) <= now;
    struct target *target = find_target(admission, key->target);
    const bool admitted = target == NULL || target_admits(target, newcomer, now_ms);
    pthread_mutex_unlock(&admission->mutex);
    *pace_wait_ms = newcomer ? ADMISSION_NEWCOMER_MS : ADMISSION_WAITER_MS;
    return admitted;
}

int64_t admission_queue(struct admission *admission, const struct admission_key *key,
                        int64_t now_ms, double unit)
{
    const double now = (double)now_ms;
    pthread_mutex_lock(&admission->mutex);
    struct target *target = find_target(admission, key->target);
    double *newcomers = target != NULL ? &target->newcomers_ms : &admission->newcomers_ms;
    double *line = line_of(admission, key, now);
    const bool newcomer = *line <= now;
    const double interval_ms = MILLISECONDS_EACH / rate_of(admission, key, target);
    const double turn_ms = greater(newcomer ? *newcomers : *line, now) + interval_ms;
    /* Somewhere in his interval: of callers in step the same would always come first. */
    double wait_ms = turn_ms - unit * interval_ms - now;
    if (turn_ms - now > PACE_LINE_MAX_MS) {
        wait_ms = PACE_LINE_MAX_MS * (1 + unit) / 2;
    } else {
        *line = turn_ms;
        if (newcomer) {
            *newcomers = turn_ms;
        }
    }
    admission->last_ms = greater(admission->last_ms, now + wait_ms);
    pthread_mutex_unlock(&admission->mutex);
    return (int64_t)ceil(greater(wait_ms, 1));
}

void admission_taken(struct admission *admission, const struct admission_key *key, int64_t now_ms)
{
    pthread_mutex_lock(&admission->mutex);
    struct target *target = find_target(admission, key->target);
    if (target != NULL) {
        pace_bucket_succeeded(&target->bucket, now_ms);
        if (target->bucket.open) {
            target->key = 0;
        }
    }
    pthread_mutex_unlock(&admission->mutex);
}

void admission_full(struct admission *admission, const struct admission_key *key, int64_t now_ms)
{
    pthread_mutex_lock(&admission->mutex);
    struct target *target = find_target(admission, key->target);
    if (target == NULL) {
        target = add_target(admission, key->target);
    }
    pace_bucket_throttled(&target->bucket, now_ms);
    pthread_mutex_unlock(&admission->mutex);
}

bool admission_waiting(struct admission *admission, int64_t now_ms)
{
    pthread_mutex_lock(&admission->mutex);
    const bool waiting = admission->last_ms > (double)now_ms;
    pthread_mutex_unlock(&admission->mutex);
    return waiting;
}

bool admission_congested(struct admission *admission, int64_t now_ms)
{
    return pace_backlog_ms(admission->pace, PACE_EXECUTE_STATEMENT, now_ms) > CONGESTED_MS ||
           pace_backlog_ms(admission->pace, PACE_BATCH_EXECUTE_STATEMENT, now_ms) > CONGESTED_MS;
}
