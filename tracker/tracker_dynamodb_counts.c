/*
 * Counters. Changes wait in the handle and are added together to one of eight partitions, at the
 * end of an operation or when they have waited a second; a process that is killed in between loses
 * them, and an addition whose fate is unknown is not repeated. What expires is counted under the
 * day on which it does, so that nobody has to be there when DynamoDB removes it. So the counts are
 * exact but for those losses and for what expires today.
 */
#include "tracker/tracker_dynamodb.h"

#include <inttypes.h>
#include <string.h>

#define WAIT_MS  1000
#define DAY_NONE (-1)

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

static void add_change(struct dynamodb_store *store, const char *sort_key, int64_t day,
                       int64_t records, int64_t parked)
{
    struct dynamodb_count *counts = store->counts;
    size_t at = 0;

    while (at < store->count_changes &&
           (counts[at].day != day || (sort_key && strcmp(counts[at].sort_key, sort_key) != 0))) {
        at++;
    }
    if (at == DYNAMODB_COUNTS_MAX) {
        return; /* records of a month of expiry days in one go: nobody counts so finely */
    }
    if (store->count_changes == 0) {
        store->counted_at_ms = clock_monotonic_ms(store->clock);
    }
    if (at == store->count_changes) {
        counts[store->count_changes++] = (struct dynamodb_count){.sort_key = sort_key, .day = day};
    }
    counts[at].records += records;
    counts[at].parked += parked;
}

static void add_kept(struct dynamodb_store *store, int64_t expires_at_ms, int64_t records,
                     int64_t parked)
{
    if (expires_at_ms == 0) {
        add_change(store, "settled", DAY_NONE, records, parked);
    } else {
        add_change(store, NULL, expires_at_ms / DYNAMODB_DAY_MS, records, parked);
    }
}

void dynamodb_count_record(struct dynamodb_store *store, const struct tracker_record *record,
                           int64_t change)
{
    if (record->settled_at_ms == 0) {
        add_change(store, "open", DAY_NONE, change, 0);
    } else {
        add_kept(store, record->expires_at_ms, change, 0);
    }
}

void dynamodb_count_parked(struct dynamodb_store *store, int64_t expires_at_ms, int64_t change)
{
    add_kept(store, expires_at_ms, 0, change);
}

static void build_addition(struct dynamodb_store *store, const struct dynamodb_count *count,
                           struct aws_call *call)
{
    struct dynamodb_write write = {.table = store->table};

    write.key.pk = arena_format(store->scratch, "n#%u",
                                (unsigned)random_below(store->random, DYNAMODB_COUNTERS));
    write.key.sk = count->day == DAY_NONE ? count->sort_key
                                          : arena_format(store->scratch, "d%05" PRId64, count->day);
    write.update = "ADD #records :records, #parked :parked";
    dynamodb_add_number(&write.values, "records", count->records);
    dynamodb_add_number(&write.values, "parked", count->parked);
    if (count->day != DAY_NONE) {
        write.update = "SET #ttl = :ttl ADD #records :records, #parked :parked";
        dynamodb_add_number(&write.values, "ttl", dynamodb_ttl((count->day + 1) * DYNAMODB_DAY_MS));
    }
    dynamodb_build_update(store->scratch, &write, call);
    /* An addition is not repeated: it would count twice. */
    call->max_attempts = 1;
}

void dynamodb_flush_counts(struct dynamodb_store *store, bool only_due)
{
    struct dynamodb_exchange exchanges[DYNAMODB_COUNTS_MAX] = {0};
    size_t kept = 0;

    if (store->count_changes == 0 ||
        (only_due && clock_monotonic_ms(store->clock) - store->counted_at_ms < WAIT_MS)) {
        return;
    }
    for (size_t i = 0; i < store->count_changes; i++) {
        build_addition(store, &store->counts[i], &exchanges[i].call);
    }
    if (dynamodb_send(store, exchanges, store->count_changes, NULL) != STATUS_OK) {
        store->count_changes = 0;
        return;
    }
    for (size_t i = 0; i < store->count_changes; i++) {
        if (exchanges[i].call.status == STATUS_RETRY) {
            store->counts[kept++] = store->counts[i];
        }
    }
    store->count_changes = kept;
    store->counted_at_ms = clock_monotonic_ms(store->clock);
}

static void add_up(struct dynamodb_store *store, struct json root, struct tracker_counts *counts)
{
    const struct dynamodb_page page = dynamodb_read_query(store->scratch, root);
    const int64_t today = dynamodb_now_ms(store) / DYNAMODB_DAY_MS;

    for (struct json item = page.first; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        const struct slice key = dynamodb_text(item, "sk");
        int64_t day = today;
        if (slice_starts_with(key, SLICE("d")) &&
            (slice_to_int64(slice_part(key, 1, key.size), 0, INT32_MAX, &day, NULL) != STATUS_OK ||
             day < today)) {
            continue;
        }
        counts->records += dynamodb_number(item, "records", 0);
        counts->parked += dynamodb_number(item, "parked", 0);
        if (slice_equals_text(key, "open")) {
            counts->open += dynamodb_number(item, "records", 0);
        }
    }
}

static int64_t at_least_0(int64_t count)
{
    return count < 0 ? 0 : count;
}

enum status dynamodb_count(struct tracker *tracker, struct tracker_counts *counts,
                           struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_exchange exchanges[DYNAMODB_COUNTERS] = {0};
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    dynamodb_flush_counts(store, false);
    for (unsigned i = 0; i < DYNAMODB_COUNTERS; i++) {
        struct dynamodb_query query = {
            .table = store->table, .condition = "#pk = :pk", .consistent = true};
        dynamodb_add_text(&query.values, "pk",
                          slice_from_text(arena_format(store->scratch, "n#%u", i)));
        dynamodb_build_query(store->scratch, &query, &exchanges[i].call);
    }
    status = dynamodb_send(store, exchanges, DYNAMODB_COUNTERS, error);
    for (unsigned i = 0; status == STATUS_OK && i < DYNAMODB_COUNTERS; i++) {
        if (exchanges[i].call.status != STATUS_OK) {
            return dynamodb_problem(store, &exchanges[i].call, error);
        }
        add_up(store, exchanges[i].root, counts);
    }
    counts->records = at_least_0(counts->records);
    counts->open = at_least_0(counts->open);
    counts->parked = at_least_0(counts->parked);
    return status;
}
