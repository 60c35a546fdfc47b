/* Update and touch: plans that are added before the record's own conditional write, and what is
 * removed after it. */
#include "tracker/tracker_dynamodb.h"

#include <string.h>

#define OLD_PLANS_MAX 4 /* looked for when it is not known which plan was replaced */

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

/* ---- Update --------------------------------------------------------------------------------- */

/* One update under way. */
struct change {
    struct tracker_update *update;
    const char *plan_key; /* of the new plan */
    const char *writer;
    bool in_doubt;
    struct json before; /* the item as it was, when it was told */
    struct json after;  /* else the item as it is, when this change made it so */
};

/* Texts are put together from the parts that this update has. */
static const char *update_text(struct dynamodb_store *store, const struct tracker_update *update)
{
    const struct tracker_record *record = &update->record;
    const bool has_plan = update->replace_plan && record->plan.data;
    const bool drops_plan = update->replace_plan && !record->plan.data;
    const bool has_part = record->due_at_ms != 0;
    const bool has_ttl = record->expires_at_ms != 0;
    const char *removed = arena_format(store->scratch, "%s%s%s%s", has_part ? "" : ", #part",
                                       record->state.data ? "" : ", #state",
                                       drops_plan ? ", #plan" : "", has_ttl ? "" : ", #ttl");

    return arena_format(store->scratch,
                        "SET #version = :next, #format = :format, #due = :due, "
                        "#settled = :settled, #expires = :expires, #owner = :owner, "
                        "#writer = :writer%s%s%s%s%s%s%s",
                        has_part ? ", #part = :part" : "",
                        record->state.data ? ", #state = :state" : "",
                        has_plan ? ", #plan = :plan" : "", has_ttl ? ", #ttl = :ttl" : "",
                        record->settled_at_ms != 0 ? ", #kept = :zero" : "",
                        *removed ? " REMOVE " : "", *removed ? removed + 2 : "");
}

static void build_change(struct dynamodb_store *store, struct change *change, struct aws_call *call)
{
    const struct tracker_update *update = change->update;
    struct dynamodb_write write = {.table = store->table,
                                   .key = dynamodb_record_key(store, update->record.id),
                                   .update = update_text(store, update),
                                   .condition = "#version = :version AND #format <= :ours AND "
                                                "(#expires = :zero OR #expires > :now)",
                                   .tells_item = true,
                                   .returns = "ALL_OLD"};

    dynamodb_add_number(&write.values, "version", update->record.version);
    dynamodb_add_number(&write.values, "next", update->record.version + 1);
    dynamodb_add_number(&write.values, "ours", TRACKER_FORMAT);
    dynamodb_add_number(&write.values, "zero", 0);
    dynamodb_add_number(&write.values, "now", dynamodb_now_ms(store));
    dynamodb_add_text(&write.values, "writer", slice_from_text(change->writer));
    if (change->plan_key) {
        dynamodb_add_text(&write.values, "plan", slice_from_text(change->plan_key));
    }
    dynamodb_add_columns(store, &write.values, &update->record);
    dynamodb_build_update(store->scratch, &write, call);
}

MUST_CHECK static enum status put_plans(struct dynamodb_store *store, struct change *changes,
                                        size_t count, struct error *error)
{
    struct dynamodb_hints plans = dynamodb_hints_begin(store, count);

    for (size_t i = 0; i < count; i++) {
        const struct tracker_record *record = &changes[i].update->record;
        changes[i].update->status = STATUS_RETRY;
        changes[i].writer = dynamodb_writer(store);
        if (changes[i].update->replace_plan && record->plan.data) {
            changes[i].plan_key = dynamodb_plan_key(store, record->version + 1, record->plan);
            dynamodb_put_plan(store, &plans, record, changes[i].plan_key,
                              dynamodb_keep_until(store, record));
        }
    }
    return dynamodb_write_all(store, plans.writes, plans.count, error);
}

/* What a failed condition means, from the item as it is. */
static void judge_failed(struct dynamodb_store *store, struct change *change, struct json item)
{
    struct tracker_update *update = change->update;

    if (dynamodb_is_written_by(item, change->writer)) {
        update->status = STATUS_OK;
        change->after = item;
    } else if (!json_exists(item) || dynamodb_has_expired(store, item)) {
        update->status = STATUS_NOT_FOUND;
    } else {
        update->status = STATUS_CONFLICT;
    }
}

/* Of those whose fate the answer did not tell. */
MUST_CHECK static enum status look_again(struct dynamodb_store *store, struct change **unclear,
                                         size_t count, enum status problem, struct error *error)
{
    struct dynamodb_get *gets = ARENA_ARRAY(store->scratch, count, struct dynamodb_get);
    struct error *why = problem == STATUS_OK ? error : NULL;
    enum status outcome = STATUS_OK;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        gets[i].key = dynamodb_record_key(store, unclear[i]->update->record.id);
    }
    status = dynamodb_get_all(store, gets, count, true, why);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        judge_failed(store, unclear[i], gets[i].item);
        /* It may still be on its way: no answer about it holds. */
        if (unclear[i]->in_doubt && unclear[i]->update->status != STATUS_OK) {
            outcome = problem;
        }
    }
    return status == STATUS_OK ? outcome : problem != STATUS_OK ? problem : status;
}

MUST_CHECK static enum status change_all(struct dynamodb_store *store, struct change *changes,
                                         size_t count, struct error *error)
{
    struct dynamodb_exchange *exchanges =
        ARENA_ARRAY(store->scratch, count, struct dynamodb_exchange);
    struct change **unclear = ARENA_ARRAY(store->scratch, count, struct change *);
    size_t unclear_count = 0;
    enum status problem = STATUS_OK;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        build_change(store, &changes[i], &exchanges[i].call);
    }
    status = dynamodb_send(store, exchanges, count, error);
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        const struct json told = dynamodb_read_write(exchanges[i].root);
        if (exchanges[i].call.status == STATUS_OK) {
            changes[i].update->status = STATUS_OK;
            changes[i].before = told;
        } else if (dynamodb_condition_failed(&exchanges[i].call) && json_exists(told)) {
            judge_failed(store, &changes[i], told);
        } else {
            changes[i].in_doubt = !dynamodb_condition_failed(&exchanges[i].call);
            unclear[unclear_count++] = &changes[i];
        }
        if (changes[i].in_doubt) {
            problem = dynamodb_problem(store, &exchanges[i].call, error);
        }
    }
    return status == STATUS_OK ? look_again(store, unclear, unclear_count, problem, error) : status;
}

/* The record after the update, with what an update leaves alone. */
static struct tracker_record merged(const struct tracker_record *before,
                                    const struct tracker_record *after)
{
    struct tracker_record record = *after;

    record.created_at_ms = before->created_at_ms;
    record.group = before->group;
    return record;
}

/* Hints that the record needs no more, or longer than it seemed; a plan that it keeps as well. */
static void add_hint_changes(struct dynamodb_store *store, struct dynamodb_hints *hints,
                             const struct tracker_record *before, int64_t kept_ms,
                             const struct tracker_record *after, const char *plan_key)
{
    const int64_t until_ms = kept_ms == 0 ? before->expires_at_ms : kept_ms;

    if (after->settled_at_ms == 0) {
        return;
    }
    if (before->settled_at_ms == 0) {
        dynamodb_drop_hints(store, hints, after, DYNAMODB_HINTS_OPEN);
    }
    if (after->expires_at_ms == before->expires_at_ms && before->settled_at_ms != 0) {
        return;
    }
    if (after->expires_at_ms == 0 || after->expires_at_ms > until_ms) {
        dynamodb_put_hints(store, hints, after, DYNAMODB_HINTS_ALL, after->expires_at_ms);
        if (plan_key) {
            (void)!dynamodb_keep_plan(store, after->id, plan_key, after->expires_at_ms);
        }
    }
}

static void finish_change(struct dynamodb_store *store, struct dynamodb_hints *hints,
                          const struct change *change)
{
    const int64_t kept_ms = dynamodb_number(change->before, "kept", 0);
    const char *old_plan = arena_text(store->scratch, dynamodb_text(change->before, "plan"));
    const char *plan_key = change->update->replace_plan ? change->plan_key : old_plan;
    struct tracker_record before;
    struct tracker_record after;

    dynamodb_read_record(store->scratch, change->before, &before);
    after = merged(&before, &change->update->record);
    if (change->update->replace_plan && old_plan) {
        dynamodb_drop_plan(store, hints, after.id, old_plan);
    }
    add_hint_changes(store, hints, &before, kept_ms, &after, plan_key);
    if (before.settled_at_ms != after.settled_at_ms ||
        before.expires_at_ms != after.expires_at_ms) {
        dynamodb_count_record(store, &before, -1);
        dynamodb_count_record(store, &after, 1);
    }
    dynamodb_renew(store, &after, plan_key, kept_ms);
}

/* Of a change that turned out to be made: what was before it is not known, and is looked for. It
 * does not count, since it may have been counted. */
static void finish_doubted(struct dynamodb_store *store, struct dynamodb_hints *hints,
                           const struct change *change)
{
    const int64_t version = change->update->record.version + 1;
    struct dynamodb_query query = {.table = store->table,
                                   .condition = "#pk = :pk AND #sk BETWEEN :low AND :high",
                                   .consistent = true,
                                   .limit = OLD_PLANS_MAX};
    struct dynamodb_page page = {.count = 0};
    struct tracker_record after;

    dynamodb_read_record(store->scratch, change->after, &after);
    if (after.settled_at_ms != 0) {
        dynamodb_drop_hints(store, hints, &after, DYNAMODB_HINTS_OPEN);
    }
    if (!change->update->replace_plan) {
        return;
    }
    dynamodb_add_text(&query.values, "pk",
                      slice_from_text(dynamodb_record_key(store, after.id).pk));
    dynamodb_add_text(&query.values, "low", SLICE("p#"));
    dynamodb_add_text(&query.values, "high", slice_from_text(dynamodb_plan_prefix(store, version)));
    if (dynamodb_query_one(store, &query, &page, NULL) != STATUS_OK) {
        return;
    }
    for (struct json item = page.first; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        dynamodb_drop_plan(store, hints, after.id,
                           arena_text(store->scratch, dynamodb_text(item, "sk")));
    }
}

static void finish_all(struct dynamodb_store *store, struct change *changes, size_t count)
{
    struct dynamodb_hints hints =
        dynamodb_hints_begin(store, count * (DYNAMODB_HINTS_MAX + OLD_PLANS_MAX));

    for (size_t i = 0; i < count; i++) {
        struct tracker_update *update = changes[i].update;
        if (update->status != STATUS_OK) {
            continue;
        }
        dynamodb_note_due(store, update->record.id, update->record.due_at_ms);
        if (json_exists(changes[i].before)) {
            finish_change(store, &hints, &changes[i]);
        } else {
            finish_doubted(store, &hints, &changes[i]);
        }
        update->record.version++;
    }
    dynamodb_try_all(store, hints.writes, hints.count);
}

MUST_CHECK static enum status update_wave(struct dynamodb_store *store, struct change *changes,
                                          size_t count, struct error *error)
{
    enum status status = put_plans(store, changes, count, error);

    if (status == STATUS_OK) {
        status = change_all(store, changes, count, error);
    }
    /* Also of the others when one of them is in doubt. */
    finish_all(store, changes, count);
    return status;
}

/* The updates that wait and whose id no earlier one waits for: as a rule all of them. */
static size_t choose_wave(struct tracker_update *updates, const char *const *ids, bool *waits,
                          size_t count, struct change *changes)
{
    size_t taken = 0;

    for (size_t i = count; i-- > 0;) {
        if (waits[i] && !dynamodb_is_second(ids, waits, i)) {
            changes[taken++].update = &updates[i];
            waits[i] = false;
        }
    }
    return taken;
}

enum status dynamodb_update(struct tracker *tracker, struct tracker_update *updates, size_t count,
                            struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    const char **ids = NULL;
    bool *waits = NULL;
    size_t left = count;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    ids = ARENA_ARRAY(store->scratch, count, const char *);
    waits = ARENA_ARRAY(store->scratch, count, bool);
    for (size_t i = 0; i < count; i++) {
        ids[i] = updates[i].record.id;
        waits[i] = true;
    }
    while (status == STATUS_OK && left > 0) {
        struct change *changes = ARENA_ARRAY(store->scratch, left, struct change);
        const size_t taken = choose_wave(updates, ids, waits, count, changes);
        left -= taken;
        status = update_wave(store, changes, taken, error);
    }
    dynamodb_flush_counts(store, true);
    return status;
}

/* ---- Touch ---------------------------------------------------------------------------------- */

enum status dynamodb_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                           struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct dynamodb_exchange exchange = {0};
    struct dynamodb_write write = {
        .table = store->table,
        .update = "SET #due = :now, #part = :part",
        .condition = "#settled = :zero AND #format <= :ours AND (#due = :zero OR #due > :now)",
        .tells_item = true};
    struct json item;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    write.key = dynamodb_record_key(store, id);
    dynamodb_add_number(&write.values, "now", now_ms);
    dynamodb_add_number(&write.values, "zero", 0);
    dynamodb_add_number(&write.values, "ours", TRACKER_FORMAT);
    dynamodb_add_text(&write.values, "part",
                      slice_from_text(dynamodb_due_part(store, TRACKER_FORMAT, id)));
    dynamodb_build_update(store->scratch, &write, &exchange.call);
    status = dynamodb_write_one(store, &exchange, &item, error);
    if (status == STATUS_OK) {
        dynamodb_note_due(store, id, now_ms);
    }
    if (status != STATUS_CONFLICT) {
        return status;
    }
    /* Settled, due already, of a later format - or not there. */
    status = json_exists(item) ? STATUS_OK : dynamodb_get_one(store, write.key, &item, error);
    if (status == STATUS_OK && (!json_exists(item) || dynamodb_has_expired(store, item))) {
        return error_set(error, STATUS_NOT_FOUND, "no such invocation");
    }
    return status;
}
