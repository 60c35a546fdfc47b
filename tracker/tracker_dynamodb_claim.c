/*
 * Claiming what is due. The index `due` has sixteen partitions, each with four shards, so that no
 * partition of it is hot; all that may hold something are asked at once, the first few entries of
 * each, and the entries are taken partition by partition from a start that moves on, so that
 * claimers do not want the same ones. The index only proposes: the lease is taken by a condition on
 * the record.
 *
 * An answer also tells when the next one of its partition is due. Until then the partition is asked
 * again only after a pause, that grows with every vain look up to just below the usual sweep's:
 * what other processes make due is found no later than without it, and a Lambda function that
 * sweeps after every event asks no more often than a daemon.
 */
#include "tracker/tracker_dynamodb.h"

#include "infra/base/metrics.h"

#define PAUSE_MS     1000
#define PAUSE_MAX_MS 4000
#define PAGES_MAX    8 /* of one partition in one claim: entries that others took are passed over */
#define LOOK_MAX     100

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

const char *dynamodb_due_part(struct dynamodb_store *store, int64_t format, const char *id)
{
    return arena_format(store->scratch, "%lld#%02u", (long long)format, dynamodb_part(id));
}

void dynamodb_note_due(struct dynamodb_store *store, const char *id, int64_t due_at_ms)
{
    for (unsigned i = dynamodb_part(id); due_at_ms != 0 && i < DYNAMODB_DUE_PARTS;
         i += DYNAMODB_PARTS) {
        if (due_at_ms < store->due[i].look_at_ms) {
            store->due[i].look_at_ms = due_at_ms;
        }
    }
}

/* One partition in this claim. */
struct part {
    unsigned index; /* in store->due */
    struct slice next;
    const char **ids; /* proposed and not yet tried */
    size_t id_count;
    bool is_over; /* there is nothing more that is due */
};

struct claim {
    struct dynamodb_store *store;
    struct arena *arena;
    int64_t now_ms;
    int64_t until_ms;
    const char *owner;
    size_t limit;
    struct part parts[DYNAMODB_DUE_PARTS]; /* in the order in which they are taken from */
    size_t part_count;
    struct tracker_record *records;
    size_t count;
};

/* ---- Looking -------------------------------------------------------------------------------- */

static void choose_parts(struct claim *claim)
{
    struct dynamodb_store *store = claim->store;

    for (unsigned i = 0; i < DYNAMODB_DUE_PARTS; i++) {
        const unsigned index = (store->next_part + i) % DYNAMODB_DUE_PARTS;
        if (store->due[index].look_at_ms <= claim->now_ms) {
            claim->parts[claim->part_count++].index = index;
        }
    }
}

static void build_look(const struct claim *claim, const struct part *part, struct aws_call *call)
{
    struct dynamodb_store *store = claim->store;
    /* As a rule all partitions have some; when they do not, there is a next page. */
    const size_t share = (claim->limit - claim->count) / 4 + 4;
    struct dynamodb_query query = {.table = store->table,
                                   .index = "due",
                                   .condition = "#part = :part",
                                   .limit = share < LOOK_MAX ? share : LOOK_MAX,
                                   .start_from = part->next};
    const char *name = arena_format(store->scratch, "%u#%02u", part->index / DYNAMODB_PARTS + 1,
                                    part->index % DYNAMODB_PARTS);

    dynamodb_add_text(&query.values, "part", slice_from_text(name));
    dynamodb_build_query(store->scratch, &query, call);
}

/* The partition has been looked through: when to look again. */
static void note_look(struct claim *claim, const struct part *part, int64_t next_due_ms,
                      bool was_vain)
{
    struct dynamodb_due *due = &claim->store->due[part->index];
    int64_t pause_ms = 0;

    if (!was_vain) {
        due->empty_count = 0;
        due->look_at_ms = 0;
        return;
    }
    /* The first vain look costs no pause. */
    if (due->empty_count > 0) {
        pause_ms = (int64_t)PAUSE_MS << (due->empty_count - 1);
        pause_ms = pause_ms < PAUSE_MAX_MS ? pause_ms : PAUSE_MAX_MS;
    }
    due->empty_count += due->empty_count < 4;
    due->look_at_ms = claim->now_ms + pause_ms;
    if (next_due_ms < due->look_at_ms) {
        due->look_at_ms = next_due_ms;
    }
}

static void read_look(struct claim *claim, struct part *part, struct json root)
{
    struct dynamodb_store *store = claim->store;
    const struct dynamodb_page page = dynamodb_read_query(store->scratch, root);
    const bool is_first = !part->next.data;
    int64_t next_due_ms = INT64_MAX;

    part->ids = ARENA_ARRAY(store->scratch, page.count, const char *);
    part->id_count = 0;
    part->next = page.next;
    part->is_over = !page.next.data;
    for (struct json item = page.first; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        const struct slice key = dynamodb_text(item, "pk");
        const int64_t due_at_ms = dynamodb_number(item, "due", 0);
        if (due_at_ms > claim->now_ms) {
            next_due_ms = due_at_ms;
            part->is_over = true;
            break;
        }
        if (key.size == TRACKER_ID_BYTES + 2) {
            part->ids[part->id_count++] =
                arena_text(store->scratch, slice_part(key, 2, TRACKER_ID_BYTES));
        }
    }
    if (is_first) {
        note_look(claim, part, next_due_ms, part->id_count == 0);
    }
}

/* Asks every partition that has nothing proposed and may have more. */
MUST_CHECK static enum status look(struct claim *claim, struct error *error)
{
    struct dynamodb_store *store = claim->store;
    struct dynamodb_exchange *exchanges =
        ARENA_ARRAY(store->scratch, claim->part_count, struct dynamodb_exchange);
    size_t asked = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < claim->part_count; i++) {
        if (claim->parts[i].id_count == 0 && !claim->parts[i].is_over) {
            build_look(claim, &claim->parts[i], &exchanges[asked++].call);
        }
    }
    status = dynamodb_send(store, exchanges, asked, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < claim->part_count; i++) {
        struct part *part = &claim->parts[i];
        if (part->id_count != 0 || part->is_over) {
            continue;
        }
        if (exchanges[at].call.status != STATUS_OK) {
            return dynamodb_problem(store, &exchanges[at].call, error);
        }
        read_look(claim, part, exchanges[at++].root);
    }
    return status;
}

/* ---- Taking --------------------------------------------------------------------------------- */

static void build_take(const struct claim *claim, const char *id, const char *writer,
                       struct aws_call *call)
{
    struct dynamodb_store *store = claim->store;
    struct dynamodb_write write = {
        .table = store->table,
        .key = dynamodb_record_key(store, id),
        .update = "SET #due = :until, #owner = :owner, #writer = :writer, "
                  "#version = #version + :one",
        .condition = "#due > :zero AND #due <= :now AND #format <= :ours AND "
                     "(#expires = :zero OR #expires > :now)",
        .returns = "ALL_NEW"};

    dynamodb_add_number(&write.values, "now", claim->now_ms);
    dynamodb_add_number(&write.values, "until", claim->until_ms);
    dynamodb_add_number(&write.values, "zero", 0);
    dynamodb_add_number(&write.values, "one", 1);
    dynamodb_add_number(&write.values, "ours", TRACKER_FORMAT);
    dynamodb_add_text(&write.values, "owner", slice_from_text(claim->owner));
    dynamodb_add_text(&write.values, "writer", slice_from_text(writer));
    dynamodb_build_update(store->scratch, &write, call);
}

/* One record that is being taken. */
struct taking {
    const char *id;
    const char *writer;
    struct json item; /* as it is now, when it was taken */
};

/* The next ones to be tried, at most what is still wanted. */
static size_t choose(struct claim *claim, struct taking *takings)
{
    const size_t wanted = claim->limit - claim->count;
    size_t chosen = 0;

    for (size_t i = 0; i < claim->part_count && chosen < wanted; i++) {
        struct part *part = &claim->parts[i];
        for (; part->id_count > 0 && chosen < wanted; part->id_count--) {
            takings[chosen].writer = dynamodb_writer(claim->store);
            takings[chosen++].id = *part->ids++;
            claim->store->next_part = (part->index + 1) % DYNAMODB_DUE_PARTS;
        }
    }
    return chosen;
}

/* Whether the answer leaves open what became of the call. A condition that failed at the first
 * sending is what it says. */
static bool is_unclear(const struct aws_call *call)
{
    return call->status != STATUS_OK && !(dynamodb_condition_failed(call) && call->attempts == 1);
}

/* What was taken, by the answer or, where that left it open, by the item as it is now. */
MUST_CHECK static enum status see_taken(struct dynamodb_store *store,
                                        const struct dynamodb_exchange *exchanges,
                                        struct taking *takings, size_t count, struct error *error)
{
    struct dynamodb_get *gets = ARENA_ARRAY(store->scratch, count, struct dynamodb_get);
    size_t asked = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (is_unclear(&exchanges[i].call)) {
            gets[asked++].key = dynamodb_record_key(store, takings[i].id);
        }
    }
    status = dynamodb_get_all(store, gets, asked, true, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < count; i++) {
        const struct json item = is_unclear(&exchanges[i].call)
                                     ? gets[at++].item
                                     : dynamodb_read_write(exchanges[i].root);
        if (dynamodb_is_written_by(item, takings[i].writer)) {
            takings[i].item = item;
        }
    }
    return status;
}

/* Puts the taken ones together, plans and all. One whose plan cannot be read now stays leased. */
MUST_CHECK static enum status add_taken(struct claim *claim, const struct taking *takings,
                                        size_t count, struct error *error)
{
    struct dynamodb_store *store = claim->store;
    struct dynamodb_find *finds = ARENA_ARRAY(store->scratch, count, struct dynamodb_find);
    size_t found = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (json_exists(takings[i].item)) {
            finds[found++] = (struct dynamodb_find){.id = takings[i].id, .item = takings[i].item};
        }
    }
    metrics_add(METRIC_SWEEP_CLAIMS_LOST, count - found);
    status = dynamodb_find_plans(store, claim->arena, finds, found, error);
    for (size_t i = 0; status == STATUS_OK && i < found; i++) {
        const char *plan_key = arena_text(store->scratch, dynamodb_text(finds[i].item, "plan"));
        claim->records[claim->count++] = finds[i].record;
        dynamodb_note_due(store, finds[i].id, finds[i].record.due_at_ms);
        dynamodb_renew(store, &finds[i].record, plan_key,
                       dynamodb_number(finds[i].item, "kept", 0));
    }
    return status;
}

/* Tries the next ones; *tried: how many. *problem: some call has failed for good. */
MUST_CHECK static enum status take(struct claim *claim, size_t *tried, enum status *problem,
                                   struct error *error)
{
    struct dynamodb_store *store = claim->store;
    struct taking *takings =
        ARENA_ARRAY(store->scratch, claim->limit - claim->count, struct taking);
    struct dynamodb_exchange *exchanges = NULL;
    enum status status = STATUS_OK;

    *tried = choose(claim, takings);
    exchanges = ARENA_ARRAY(store->scratch, *tried, struct dynamodb_exchange);
    for (size_t i = 0; i < *tried; i++) {
        build_take(claim, takings[i].id, takings[i].writer, &exchanges[i].call);
    }
    status = dynamodb_send(store, exchanges, *tried, error);
    for (size_t i = 0; status == STATUS_OK && i < *tried; i++) {
        const struct aws_call *call = &exchanges[i].call;
        if (call->status != STATUS_OK && !dynamodb_condition_failed(call)) {
            *problem = dynamodb_problem(store, call, error);
        }
    }
    if (status == STATUS_OK) {
        status = see_taken(store, exchanges, takings, *tried, error);
    }
    return status == STATUS_OK ? add_taken(claim, takings, *tried, error) : status;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status dynamodb_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                           int64_t lease_ms, const char *owner, size_t limit,
                           struct tracker_record **records, size_t *count, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct claim claim = {.store = store,
                          .arena = arena,
                          .now_ms = now_ms,
                          .until_ms = now_ms + lease_ms,
                          .owner = owner,
                          .limit = limit};
    size_t tried = 1;
    enum status problem = STATUS_OK;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    claim.records = ARENA_ARRAY(arena, limit, struct tracker_record);
    choose_parts(&claim);
    for (int page = 0; status == STATUS_OK && problem == STATUS_OK && tried > 0 &&
                       page < PAGES_MAX && claim.count < limit;
         page++) {
        status = look(&claim, error);
        if (status == STATUS_OK) {
            status = take(&claim, &tried, &problem, error);
        }
    }
    dynamodb_flush_counts(store, true);
    status = status == STATUS_OK ? problem : status;
    /* What was taken is leased to the caller, whatever happened after it. */
    *records = claim.records;
    *count = claim.count;
    return claim.count > 0 ? STATUS_OK : status;
}
