/* Register: what is added before the records, their conditional creation, and what becomes of those
 * that were there. */
#include "tracker/tracker_dynamodb.h"

#include <string.h>

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

/* One registration under way. */
struct entry {
    struct tracker_registration *registration;
    const char *plan_key;
    const char *writer;
    int64_t kept_ms;
    bool is_second;
    bool in_doubt; /* it may have been written and was not said so */
    struct json item;
};

static void build_create(struct dynamodb_store *store, struct entry *entry, struct aws_call *call)
{
    const struct tracker_record *record = &entry->registration->record;
    struct dynamodb_write write = {
        .table = store->table,
        .key = dynamodb_record_key(store, record->id),
        .condition = "attribute_not_exists(#pk) OR (#expires > :zero AND #expires <= :now)",
        .tells_item = true};

    dynamodb_add_number(&write.values, "version", 1);
    dynamodb_add_number(&write.values, "created", record->created_at_ms);
    dynamodb_add_number(&write.values, "kept", record->settled_at_ms == 0 ? entry->kept_ms : 0);
    dynamodb_add_bytes(&write.values, "group", record->group);
    dynamodb_add_text(&write.values, "writer", slice_from_text(entry->writer));
    if (entry->plan_key) {
        dynamodb_add_text(&write.values, "plan", slice_from_text(entry->plan_key));
    }
    dynamodb_add_columns(store, &write.values, record);
    dynamodb_add_number(&write.extra, "zero", 0);
    dynamodb_add_number(&write.extra, "now", dynamodb_now_ms(store));
    dynamodb_build_put(store->scratch, &write, call);
}

/* Plans and hints of those that go first. */
MUST_CHECK static enum status prepare(struct dynamodb_store *store, struct entry *entries,
                                      size_t count, struct error *error)
{
    struct dynamodb_hints hints = dynamodb_hints_begin(store, count * (DYNAMODB_HINTS_MAX + 1));

    for (size_t i = 0; i < count; i++) {
        struct entry *entry = &entries[i];
        const struct tracker_record *record = &entry->registration->record;
        if (entry->is_second) {
            continue;
        }
        entry->kept_ms = dynamodb_keep_until(store, record);
        entry->writer = dynamodb_writer(store);
        if (record->plan.data) {
            entry->plan_key = dynamodb_plan_key(store, 1, record->plan);
            dynamodb_put_plan(store, &hints, record, entry->plan_key, entry->kept_ms);
        }
        dynamodb_put_hints(store, &hints, record,
                           record->settled_at_ms == 0 ? DYNAMODB_HINTS_ALL | DYNAMODB_HINTS_OPEN
                                                      : DYNAMODB_HINTS_ALL,
                           entry->kept_ms);
    }
    return dynamodb_write_all(store, hints.writes, hints.count, error);
}

/* What came of the conditional creates; a problem is kept for the end. */
MUST_CHECK static enum status create(struct dynamodb_store *store, struct entry *entries,
                                     size_t count, enum status *problem, struct error *error)
{
    struct dynamodb_exchange *exchanges =
        ARENA_ARRAY(store->scratch, count, struct dynamodb_exchange);
    size_t sent = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (!entries[i].is_second) {
            build_create(store, &entries[i], &exchanges[sent++].call);
        }
    }
    status = dynamodb_send(store, exchanges, sent, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < count; i++) {
        const struct dynamodb_exchange *exchange = &exchanges[at];
        if (entries[i].is_second) {
            continue;
        }
        at++;
        entries[i].registration->created = exchange->call.status == STATUS_OK;
        if (dynamodb_condition_failed(&exchange->call)) {
            entries[i].item = dynamodb_read_write(exchange->root);
        } else if (exchange->call.status != STATUS_OK) {
            entries[i].in_doubt = true;
            *problem = dynamodb_problem(store, &exchange->call, error);
        }
    }
    return status;
}

/* Reads what was there before; a write of this very call that was not said to be done is one that
 * was done. */
MUST_CHECK static enum status look_up_others(struct dynamodb_store *store, struct arena *arena,
                                             struct entry *entries, size_t count,
                                             enum status *problem, struct error *error)
{
    struct dynamodb_find *finds = ARENA_ARRAY(store->scratch, count, struct dynamodb_find);
    size_t asked = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < count; i++) {
        if (!entries[i].is_second && !entries[i].registration->created) {
            finds[asked++] = (struct dynamodb_find){.id = entries[i].registration->record.id,
                                                    .item = entries[i].item};
        }
    }
    status = dynamodb_find_all(store, arena, finds, asked, error);
    for (size_t i = 0, at = 0; status == STATUS_OK && i < count; i++) {
        struct entry *entry = &entries[i];
        if (entry->is_second || entry->registration->created) {
            continue;
        }
        const struct dynamodb_find *find = &finds[at++];
        entry->registration->created = dynamodb_is_written_by(find->item, entry->writer);
        entry->registration->existing = find->record;
        if (entry->in_doubt && entry->registration->created) {
            entry->in_doubt = false;
        } else if (!json_exists(find->item) && *problem == STATUS_OK) {
            *problem = error_set(error, STATUS_RETRY, "dynamodb: a record was removed meanwhile");
        }
    }
    return status;
}

/* The hints of a repeat lead nowhere, unless it came in the same millisecond. Its plan goes by its
 * ttl. */
static void tidy_up(struct dynamodb_store *store, const struct entry *entries, size_t count)
{
    struct dynamodb_hints hints = dynamodb_hints_begin(store, count * DYNAMODB_HINTS_MAX);

    for (size_t i = 0; i < count; i++) {
        const struct tracker_registration *registration = entries[i].registration;
        if (registration->created) {
            dynamodb_count_record(store, &registration->record, 1);
            dynamodb_note_due(store, registration->record.id, registration->record.due_at_ms);
        } else if (!entries[i].is_second && !entries[i].in_doubt &&
                   registration->existing.version > 0 &&
                   registration->existing.created_at_ms != registration->record.created_at_ms) {
            dynamodb_drop_hints(store, &hints, &registration->record,
                                DYNAMODB_HINTS_ALL | DYNAMODB_HINTS_OPEN);
        }
    }
    dynamodb_try_all(store, hints.writes, hints.count);
}

/* Of two of one id in one call the second finds what the first has made. */
MUST_CHECK static enum status answer_seconds(struct dynamodb_store *store, struct arena *arena,
                                             struct entry *entries, size_t count,
                                             struct error *error)
{
    enum status status = STATUS_OK;

    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        struct tracker_registration *registration = entries[i].registration;
        struct dynamodb_find find = {.id = registration->record.id};
        if (!entries[i].is_second) {
            continue;
        }
        status = dynamodb_find_all(store, arena, &find, 1, error);
        if (status == STATUS_OK && !json_exists(find.item)) {
            status = error_set(error, STATUS_RETRY, "dynamodb: a record was removed meanwhile");
        }
        registration->created = false;
        registration->existing = find.record;
    }
    return status;
}

enum status dynamodb_register(struct tracker *tracker, struct arena *arena,
                              struct tracker_registration *registrations, size_t count,
                              struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct entry *entries = NULL;
    const char **ids = NULL;
    bool *waits = NULL;
    enum status problem = STATUS_OK;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    entries = ARENA_ARRAY(store->scratch, count, struct entry);
    ids = ARENA_ARRAY(store->scratch, count, const char *);
    waits = ARENA_ARRAY(store->scratch, count, bool);
    for (size_t i = 0; i < count; i++) {
        ids[i] = registrations[i].record.id;
        waits[i] = true;
        entries[i] = (struct entry){.registration = &registrations[i],
                                    .is_second = dynamodb_is_second(ids, waits, i)};
    }
    status = prepare(store, entries, count, error);
    if (status == STATUS_OK) {
        status = create(store, entries, count, &problem, error);
    }
    if (status == STATUS_OK) {
        status = look_up_others(store, arena, entries, count, &problem, error);
    }
    if (status == STATUS_OK) {
        tidy_up(store, entries, count);
        dynamodb_flush_counts(store, true);
        status = problem;
    }
    return status == STATUS_OK ? answer_seconds(store, arena, entries, count, error) : status;
}
