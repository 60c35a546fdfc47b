/* Volleys of calls to DynamoDB, and what came of them. */
#include "tracker/tracker_dynamodb.h"

#include "infra/base/backoff.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <inttypes.h>
#include <string.h>

#define IN_FLIGHT_MAX       32 /* as many connections are kept */
#define UNPROCESSED_BASE_MS 25
#define UNPROCESSED_MAX_MS  1000
/* So that one request stays far below DynamoDB's 16 MB. */
#define BATCH_WRITE_MAX_BYTES (4u * 1024 * 1024)

void dynamodb_begin(struct dynamodb_store *store)
{
    arena_reset(store->scratch);
    aws_reset(store->aws);
    store->deadline_ms = clock_monotonic_ms(store->clock) + store->timeout_ms;
}

static int64_t time_left_ms(const struct dynamodb_store *store)
{
    return store->deadline_ms - clock_monotonic_ms(store->clock);
}

/* exchanges: what has been sent of it, with the last answers there were. */
static enum status too_slow(struct dynamodb_store *store, const struct dynamodb_exchange *exchanges,
                            size_t count, struct error *error)
{
    bool throttled = false;
    for (size_t i = 0; i < count; i++) {
        throttled = throttled || exchanges[i].call.throttled;
    }
    /* Whatever is under way is in doubt from now on. */
    aws_reset(store->aws);
    return error_set(error, STATUS_RETRY, "dynamodb: %sno answer within %" PRId64 " ms",
                     throttled ? "throttled, " : "", store->timeout_ms);
}

static void account(const struct dynamodb_exchange *exchange)
{
    const char *operation = exchange->call.operation;
    const bool reads = strcmp(operation, "Query") == 0 || strcmp(operation, "BatchGetItem") == 0;
    const int64_t milli = dynamodb_consumed_milli(exchange->root);

    metrics_add(reads ? METRIC_DYNAMODB_READ_MILLIUNITS : METRIC_DYNAMODB_WRITE_MILLIUNITS,
                (uint64_t)milli);
}

/* A refusal need not be JSON: a proxy's page is none. */
MUST_CHECK static enum status read_answers(struct dynamodb_store *store,
                                           struct dynamodb_exchange *exchanges, size_t count,
                                           struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct dynamodb_exchange *exchange = &exchanges[i];
        const enum status status =
            dynamodb_read(store->scratch, &exchange->call, &exchange->root, error);
        if (status != STATUS_OK) {
            exchange->root = (struct json){NULL, NULL};
        }
        if (exchange->call.status == STATUS_OK && status != STATUS_OK) {
            return status;
        }
        account(exchange);
    }
    return STATUS_OK;
}

enum status dynamodb_send(struct dynamodb_store *store, struct dynamodb_exchange *exchanges,
                          size_t count, struct error *error)
{
    size_t started = 0;
    size_t finished = 0;

    while (finished < count) {
        struct aws_call *done[IN_FLIGHT_MAX];
        for (; started < count && started - finished < IN_FLIGHT_MAX; started++) {
            struct aws_call *call = &exchanges[started].call;
            call->timeout_ms = store->timeout_ms;
            aws_start(store->aws, &call, 1);
        }
        if (time_left_ms(store) <= 0) {
            return too_slow(store, exchanges, started, error);
        }
        finished += aws_wait(store->aws, done, IN_FLIGHT_MAX, time_left_ms(store));
    }
    return read_answers(store, exchanges, count, error);
}

enum status dynamodb_problem(struct dynamodb_store *store, const struct aws_call *call,
                             struct error *error)
{
    enum status status = aws_call_error(call, error);

    if (status == STATUS_NOT_FOUND && !store->is_open) {
        return error_set(error, STATUS_REJECTED,
                         "dynamodb: there is no table %s in %s; `ringback doctor --create-table` "
                         "makes it",
                         store->table, aws_region(store->aws));
    }
    if (strcmp(call->error_name, "ValidationException") == 0 && !store->is_open) {
        return error_set(error, STATUS_REJECTED,
                         "dynamodb: the table %s has other keys than the tracker's; `ringback "
                         "doctor` says what is different",
                         store->table);
    }
    if (status == STATUS_IN_DOUBT) {
        status = STATUS_RETRY;
    } else if (status != STATUS_RETRY && !(status == STATUS_REJECTED && !store->is_open)) {
        /* A permission taken away or a table that is gone is no fault of what came in: REJECTED
         * would make callers refuse it for good. */
        status = STATUS_INTERNAL;
    }
    if (error) {
        error->status = status;
    }
    return status;
}

enum status dynamodb_write_one(struct dynamodb_store *store, struct dynamodb_exchange *exchange,
                               struct json *attributes, struct error *error)
{
    enum status status = dynamodb_send(store, exchange, 1, error);

    *attributes = (struct json){NULL, NULL};
    if (status != STATUS_OK) {
        return status;
    }
    *attributes = dynamodb_read_write(exchange->root);
    if (dynamodb_condition_failed(&exchange->call)) {
        return STATUS_CONFLICT;
    }
    return exchange->call.status == STATUS_OK ? STATUS_OK
                                              : dynamodb_problem(store, &exchange->call, error);
}

enum status dynamodb_query_one(struct dynamodb_store *store, const struct dynamodb_query *query,
                               struct dynamodb_page *page, struct error *error)
{
    struct dynamodb_exchange exchange = {0};
    enum status status = STATUS_OK;

    dynamodb_build_query(store->scratch, query, &exchange.call);
    status = dynamodb_send(store, &exchange, 1, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (exchange.call.status != STATUS_OK) {
        return dynamodb_problem(store, &exchange.call, error);
    }
    *page = dynamodb_read_query(store->scratch, exchange.root);
    return STATUS_OK;
}

enum status dynamodb_get_one(struct dynamodb_store *store, struct dynamodb_key key,
                             struct json *item, struct error *error)
{
    struct dynamodb_get get = {.key = key};
    enum status status = dynamodb_get_all(store, &get, 1, true, error);

    *item = get.item;
    return status;
}

/* Before what was left unprocessed is asked for again. RETRY: there is no time for it. */
MUST_CHECK static enum status pause_before(struct dynamodb_store *store, unsigned round,
                                           struct error *error)
{
    int64_t pause_ms = 0;

    if (round == 0) {
        return STATUS_OK;
    }
    pause_ms = backoff_full_jitter_ms(UNPROCESSED_BASE_MS, UNPROCESSED_MAX_MS, round,
                                      random_unit(store->random));
    if (pause_ms >= time_left_ms(store)) {
        return error_set(error, STATUS_RETRY, "dynamodb: the table is throttled");
    }
    clock_sleep_ms(store->clock, pause_ms);
    return STATUS_OK;
}

MUST_CHECK static enum status first_problem(struct dynamodb_store *store,
                                            const struct dynamodb_exchange *exchanges, size_t count,
                                            struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (exchanges[i].call.status != STATUS_OK) {
            return dynamodb_problem(store, &exchanges[i].call, error);
        }
    }
    return STATUS_OK;
}

/* Sends all gets of the list in chunks. */
MUST_CHECK static enum status get_round(struct dynamodb_store *store, struct dynamodb_get **gets,
                                        size_t count, bool consistent, struct error *error)
{
    const size_t chunks = (count + DYNAMODB_BATCH_GET_MAX - 1) / DYNAMODB_BATCH_GET_MAX;
    struct dynamodb_exchange *exchanges =
        ARENA_ARRAY(store->scratch, chunks, struct dynamodb_exchange);
    enum status status = STATUS_OK;

    for (size_t i = 0; i < chunks; i++) {
        const size_t at = i * DYNAMODB_BATCH_GET_MAX;
        const size_t size =
            count - at < DYNAMODB_BATCH_GET_MAX ? count - at : DYNAMODB_BATCH_GET_MAX;
        dynamodb_build_batch_get(store->scratch, store->table, gets + at, size, consistent,
                                 &exchanges[i].call);
    }
    status = dynamodb_send(store, exchanges, chunks, error);
    if (status == STATUS_OK) {
        status = first_problem(store, exchanges, chunks, error);
    }
    for (size_t i = 0; status == STATUS_OK && i < chunks; i++) {
        const size_t at = i * DYNAMODB_BATCH_GET_MAX;
        const size_t size =
            count - at < DYNAMODB_BATCH_GET_MAX ? count - at : DYNAMODB_BATCH_GET_MAX;
        dynamodb_read_batch_get(exchanges[i].root, store->table, gets + at, size);
    }
    return status;
}

/* Those that were left unprocessed, moved to the front; how many. */
static size_t keep_gets(struct dynamodb_get **gets, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!gets[i]->done) {
            gets[kept++] = gets[i];
        }
    }
    return kept;
}

enum status dynamodb_get_all(struct dynamodb_store *store, struct dynamodb_get *gets, size_t count,
                             bool consistent, struct error *error)
{
    struct dynamodb_get **left = ARENA_ARRAY(store->scratch, count, struct dynamodb_get *);
    size_t left_count = count;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        left[i] = &gets[i];
    }
    for (unsigned round = 0; status == STATUS_OK && left_count > 0; round++) {
        status = pause_before(store, round, error);
        if (status == STATUS_OK) {
            status = get_round(store, left, left_count, consistent, error);
        }
        if (status == STATUS_OK) {
            left_count = keep_gets(left, left_count);
        }
    }
    return status;
}

static size_t write_bytes(const struct dynamodb_batch_write *write)
{
    size_t bytes = 0;

    for (size_t i = 0; i < write->values.count; i++) {
        bytes += write->values.list[i].bytes.size;
    }
    return bytes;
}

/* How many of the list go into one request. */
static size_t chunk_size(struct dynamodb_batch_write *const *writes, size_t count)
{
    size_t bytes = 0;
    size_t size = 0;

    while (size < count && size < DYNAMODB_BATCH_WRITE_MAX &&
           (size == 0 || bytes + write_bytes(writes[size]) <= BATCH_WRITE_MAX_BYTES)) {
        bytes += write_bytes(writes[size]);
        size++;
    }
    return size;
}

MUST_CHECK static enum status write_round(struct dynamodb_store *store,
                                          struct dynamodb_batch_write **writes, size_t count,
                                          struct error *error)
{
    struct dynamodb_exchange *exchanges =
        ARENA_ARRAY(store->scratch, count, struct dynamodb_exchange);
    size_t *sizes = ARENA_ARRAY(store->scratch, count, size_t);
    size_t chunks = 0;
    enum status status = STATUS_OK;

    for (size_t at = 0; at < count; at += sizes[chunks], chunks++) {
        sizes[chunks] = chunk_size(writes + at, count - at);
        dynamodb_build_batch_write(store->scratch, store->table, writes + at, sizes[chunks],
                                   &exchanges[chunks].call);
    }
    status = dynamodb_send(store, exchanges, chunks, error);
    if (status == STATUS_OK) {
        status = first_problem(store, exchanges, chunks, error);
    }
    for (size_t i = 0, at = 0; status == STATUS_OK && i < chunks; at += sizes[i], i++) {
        dynamodb_read_batch_write(exchanges[i].root, store->table, writes + at, sizes[i]);
    }
    return status;
}

static size_t keep_writes(struct dynamodb_batch_write **writes, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (!writes[i]->done) {
            writes[kept++] = writes[i];
        }
    }
    return kept;
}

enum status dynamodb_write_all(struct dynamodb_store *store, struct dynamodb_batch_write *writes,
                               size_t count, struct error *error)
{
    struct dynamodb_batch_write **left =
        ARENA_ARRAY(store->scratch, count, struct dynamodb_batch_write *);
    size_t left_count = count;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        left[i] = &writes[i];
    }
    for (unsigned round = 0; status == STATUS_OK && left_count > 0; round++) {
        status = pause_before(store, round, error);
        if (status == STATUS_OK) {
            status = write_round(store, left, left_count, error);
        }
        if (status == STATUS_OK) {
            left_count = keep_writes(left, left_count);
        }
    }
    return status;
}

void dynamodb_try_all(struct dynamodb_store *store, struct dynamodb_batch_write *writes,
                      size_t count)
{
    struct error problem = ERROR_NONE;

    if (dynamodb_write_all(store, writes, count, &problem) != STATUS_OK) {
        log_debug("hints are left behind", LOG_CSTR("problem", problem.text));
    }
}

const char *dynamodb_writer(struct dynamodb_store *store)
{
    return arena_format(store->scratch, "%012" PRIx64 "%" PRIx64,
                        store->writer_seed & UINT64_C(0xffffffffffff), ++store->writer_count);
}

int64_t dynamodb_now_ms(const struct dynamodb_store *store)
{
    const int64_t now_ms = clock_now_ms(store->clock);

    return now_ms > store->told_ms ? now_ms : store->told_ms;
}

int64_t dynamodb_ttl(int64_t expires_at_ms)
{
    return (expires_at_ms + 999) / 1000;
}

unsigned dynamodb_part(const char *id)
{
    return tracker_shard(id) * DYNAMODB_PARTS / TRACKER_SHARDS;
}
