#include "tracker/tracker_sqlite.h"

#include "infra/base/clock.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define DEFAULT_TIMEOUT_MS 5000
#define ROOM_MIN_BYTES     (256 * 1024)

static struct sqlite_store *store_of(struct tracker *tracker)
{
    return (struct sqlite_store *)tracker;
}

static void sqlite_close_store(struct tracker *tracker)
{
    struct sqlite_store *store = store_of(tracker);

    for (size_t i = 0; i < SQLITE_STATEMENT_COUNT; i++) {
        (void)sqlite3_finalize(store->statements[i]);
    }
    (void)sqlite3_close(store->database);
    free(store);
}

/* Reading goes well on a full file system, and writing until the log has to grow. */
static enum status check_room(struct sqlite_store *store, struct error *error)
{
    const char *path = sqlite3_db_filename(store->database, "main");
    struct statfs info;

    if (!path || path[0] == '\0' || statfs(path, &info) != 0 ||
        (int64_t)info.f_bavail * info.f_bsize >= ROOM_MIN_BYTES) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_RETRY, "sqlite: the file system is full");
}

static enum status sqlite_ping(struct tracker *tracker, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_PING);
    enum status status = query_run(&query, error);

    return status == STATUS_OK ? check_room(store, error) : status;
}

static enum status find_one(struct sqlite_store *store, struct arena *arena, const char *id,
                            bool *found, struct tracker_record *record, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_FIND);
    enum status status = STATUS_OK;

    query_int64(&query, sqlite_first_place(id));
    query_text(&query, id);
    status = query_step(&query, found, error);
    if (status == STATUS_OK && *found) {
        query_column_record(&query, arena, record);
    }
    return status;
}

static enum status sqlite_find(struct tracker *tracker, struct arena *arena,
                               struct tracker_lookup *lookups, size_t count, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_READ, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status =
            find_one(store, arena, lookups[i].id, &lookups[i].found, &lookups[i].record, error);
    }
    return sqlite_finish(store, status, error);
}

static enum status add_plan(struct sqlite_store *store, struct slice plan, int64_t *plan_number,
                            struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_ADD_PLAN);
    enum status status = STATUS_OK;

    query_bytes(&query, plan);
    status = query_run(&query, error);
    *plan_number = status == STATUS_OK ? sqlite3_last_insert_rowid(store->database) : 0;
    return status;
}

static enum status set_plan(struct sqlite_store *store, int64_t number, int64_t plan_number,
                            struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_SET_PLAN);

    query_int64(&query, number);
    query_int64(&query, plan_number);
    return query_run(&query, error);
}

/* The invocation has a plan. */
static enum status change_plan(struct sqlite_store *store, int64_t plan_number, struct slice plan,
                               struct error *error)
{
    CLEANUP(query_end)
    struct query query =
        query_begin(store, plan.data ? SQLITE_STATEMENT_CHANGE_PLAN : SQLITE_STATEMENT_DROP_PLAN);

    query_int64(&query, plan_number);
    if (plan.data) {
        query_bytes(&query, plan);
    }
    return query_run(&query, error);
}

static enum status insert_record(struct sqlite_store *store, const struct tracker_record *record,
                                 int64_t number, int64_t plan_number, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_INSERT_RECORD);

    query_int64(&query, number);
    query_text(&query, record->id);
    query_int64(&query, record->format);
    query_int64(&query, record->created_at_ms);
    query_int64(&query, record->due_at_ms);
    query_int64(&query, record->settled_at_ms);
    query_int64(&query, record->expires_at_ms);
    query_text(&query, record->lease_owner);
    query_bytes(&query, record->group);
    query_group_hash(&query, record->group);
    query_bytes(&query, record->state);
    if (plan_number) {
        query_int64(&query, plan_number);
    }
    return query_run(&query, error);
}

static enum status create_one(struct sqlite_store *store, const struct tracker_record *record,
                              int64_t number, struct error *error)
{
    int64_t plan_number = 0;
    enum status status =
        record->plan.data ? add_plan(store, record->plan, &plan_number, error) : STATUS_OK;

    return status == STATUS_OK ? insert_record(store, record, number, plan_number, error) : status;
}

static enum status register_one(struct sqlite_store *store, struct arena *arena,
                                struct tracker_registration *registration, struct error *error)
{
    const struct tracker_record *record = &registration->record;
    struct sqlite_place place;
    bool found = false;
    enum status status = sqlite_find_place(store, record->id, &place, error);

    registration->created = place.free != 0;
    if (status != STATUS_OK) {
        return status;
    }
    if (place.free) {
        return create_one(store, record, place.free, error);
    }
    if (place.number) {
        return find_one(store, arena, record->id, &found, &registration->existing, error);
    }
    return error_set(
        error, STATUS_INTERNAL,
        "sqlite: %s: %d others begin with the same %d characters, and there is no room "
        "for one more",
        record->id, SQLITE_PLACES, SQLITE_PLACE_ID_BYTES);
}

static enum status sqlite_register(struct tracker *tracker, struct arena *arena,
                                   struct tracker_registration *registrations, size_t count,
                                   struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = register_one(store, arena, &registrations[i], error);
    }
    return sqlite_finish(store, status, error);
}

struct match {
    bool matched; /* so did version and format */
    int64_t plan_number;
};

static enum status compare_and_set(struct sqlite_store *store, const struct tracker_record *record,
                                   int64_t number, struct match *match, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_UPDATE);
    enum status status = STATUS_OK;

    query_int64(&query, record->format);
    query_int64(&query, record->due_at_ms);
    query_int64(&query, record->settled_at_ms);
    query_int64(&query, record->expires_at_ms);
    query_text(&query, record->lease_owner);
    query_bytes(&query, record->state);
    query_int64(&query, number);
    query_text(&query, record->id);
    query_int64(&query, record->version);
    query_int64(&query, TRACKER_FORMAT);
    status = query_step(&query, &match->matched, error);
    match->plan_number = match->matched ? sqlite3_column_int64(query.statement, 0) : 0;
    return status;
}

static enum status replace_plan(struct sqlite_store *store, int64_t number, int64_t plan_number,
                                struct slice plan, struct error *error)
{
    int64_t next = plan.data ? plan_number : 0;
    enum status status = STATUS_OK;

    if (plan_number) {
        status = change_plan(store, plan_number, plan, error);
    } else if (plan.data) {
        status = add_plan(store, plan, &next, error);
    }
    /* The numbers of plans that are gone are used again. */
    return status == STATUS_OK && next != plan_number ? set_plan(store, number, next, error)
                                                      : status;
}

/* Most are in the first of their places, and it alone is looked at then. */
static enum status update_one(struct sqlite_store *store, struct tracker_update *update,
                              struct error *error)
{
    struct sqlite_place place = {.number = sqlite_first_place(update->record.id)};
    struct match match = {0};
    enum status status = compare_and_set(store, &update->record, place.number, &match, error);

    if (status == STATUS_OK && !match.matched) {
        status = sqlite_find_place(store, update->record.id, &place, error);
        if (status == STATUS_OK && place.number) {
            status = compare_and_set(store, &update->record, place.number, &match, error);
        }
    }
    if (status != STATUS_OK) {
        return status;
    }
    if (!match.matched) {
        update->status = place.number ? STATUS_CONFLICT : STATUS_NOT_FOUND;
        return STATUS_OK;
    }
    update->status = STATUS_OK;
    return update->replace_plan
               ? replace_plan(store, place.number, match.plan_number, update->record.plan, error)
               : STATUS_OK;
}

static enum status sqlite_update(struct tracker *tracker, struct tracker_update *updates,
                                 size_t count, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        status = update_one(store, &updates[i], error);
    }
    status = sqlite_finish(store, status, error);
    /* Versions move only once the transaction holds, so that a failed call can be repeated. */
    for (size_t i = 0; status == STATUS_OK && i < count; i++) {
        updates[i].record.version += updates[i].status == STATUS_OK;
    }
    return status;
}

/* Whether a claim has anything to take: an idle sweep must not wait for writers. */
static enum status any_due(struct sqlite_store *store, int64_t now_ms, bool *due,
                           struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_ANY_DUE);

    query_int64(&query, now_ms);
    query_int64(&query, TRACKER_FORMAT);
    return query_step(&query, due, error);
}

static enum status read_due(struct sqlite_store *store, int64_t now_ms, size_t limit,
                            int64_t *numbers, size_t *count, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_DUE);
    bool row = true;
    enum status status = STATUS_OK;

    query_int64(&query, now_ms);
    query_int64(&query, TRACKER_FORMAT);
    query_int64(&query, (int64_t)limit);
    while (status == STATUS_OK && *count < limit && row) {
        status = query_step(&query, &row, error);
        if (status == STATUS_OK && row) {
            numbers[(*count)++] = sqlite3_column_int64(query.statement, 0);
        }
    }
    return status;
}

struct lease {
    int64_t due_at_ms;
    const char *owner;
};

static enum status claim_one(struct sqlite_store *store, struct arena *arena,
                             const struct lease *lease, int64_t number,
                             struct tracker_record *record, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_CLAIM);
    bool row = false;
    enum status status = STATUS_OK;

    query_int64(&query, lease->due_at_ms);
    query_text(&query, lease->owner);
    query_int64(&query, number);
    status = query_step(&query, &row, error);
    if (status == STATUS_OK && row) {
        query_column_record(&query, arena, record);
    }
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
static enum status sqlite_claim(struct tracker *tracker, struct arena *arena, int64_t now_ms,
                                int64_t lease_ms, const char *owner, size_t limit,
                                struct tracker_record **records, size_t *count, struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    const struct lease lease = {.due_at_ms = now_ms + lease_ms, .owner = owner};
    int64_t *numbers = NULL;
    size_t due_count = 0;
    bool due = false;
    enum status status = any_due(store, now_ms, &due, error);

    if (status == STATUS_OK && due) {
        status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);
    }
    if (status != STATUS_OK || !due) {
        return status;
    }
    numbers = ARENA_ARRAY(arena, limit, int64_t);
    status = read_due(store, now_ms, limit, numbers, &due_count, error);
    *records = ARENA_ARRAY(arena, due_count, struct tracker_record);
    for (size_t i = 0; status == STATUS_OK && i < due_count; i++) {
        status = claim_one(store, arena, &lease, numbers[i], &(*records)[i], error);
    }
    status = sqlite_finish(store, status, error);
    *count = status == STATUS_OK ? due_count : 0;
    metrics_add(METRIC_SWEEP_CLAIMS_LOST, status == STATUS_OK && due_count == 0);
    return status;
}

static enum status touch_in_transaction(struct sqlite_store *store, const char *id, int64_t now_ms,
                                        struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_TOUCH);
    struct sqlite_place place;
    enum status status = STATUS_OK;

    query_int64(&query, sqlite_first_place(id));
    query_text(&query, id);
    query_int64(&query, now_ms);
    query_int64(&query, TRACKER_FORMAT);
    status = query_run(&query, error);
    if (status == STATUS_OK && sqlite3_changes(store->database) == 0) {
        status = sqlite_find_place(store, id, &place, error);
        if (status == STATUS_OK && !place.number) {
            status = error_set(error, STATUS_NOT_FOUND, "no such invocation");
        }
    }
    return status;
}

static enum status sqlite_touch(struct tracker *tracker, const char *id, int64_t now_ms,
                                struct error *error)
{
    struct sqlite_store *store = store_of(tracker);
    enum status status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);

    return status == STATUS_OK
               ? sqlite_finish(store, touch_in_transaction(store, id, now_ms, error), error)
               : status;
}

static const struct tracker_backend sqlite_backend = {
    .name = "sqlite",
    .close = sqlite_close_store,
    .ping = sqlite_ping,
    .register_ = sqlite_register,
    .find = sqlite_find,
    .update = sqlite_update,
    .claim = sqlite_claim,
    .group_latest = sqlite_group_latest,
    .list = sqlite_list,
    .count = sqlite_count,
    .touch = sqlite_touch,
    .lock_take = sqlite_lock_take,
    .lock_holder = sqlite_lock_holder,
    .lock_release = sqlite_lock_release,
    .lock_wait = sqlite_lock_wait,
    .lock_leave = sqlite_lock_leave,
    .lock_first = sqlite_lock_first,
    .park = sqlite_park,
    .parked_list = sqlite_parked_list,
    .parked_take = sqlite_parked_take,
    .reply_put = sqlite_reply_put,
    .reply_get = sqlite_reply_get,
    .expire = sqlite_expire,
};

/* SQLite's own handler sleeps up to 100 ms at a time, which several workers on one file would feel
 * in every callback; writers here hold the file for about a millisecond. */
static int wait_for_writer(void *context, int count)
{
    struct sqlite_store *store = context;
    int64_t now_ms = clock_monotonic_ms(clock_system());
    struct timespec pause = {.tv_nsec = count < 5 ? 100000L << count : 2000000L};

    if (count == 0) {
        store->busy_started_ms = now_ms;
    }
    if (now_ms - store->busy_started_ms >= store->timeout_ms) {
        return 0;
    }
    (void)nanosleep(&pause, NULL);
    return 1;
}

/* Creates the file for its owner alone, since it holds secrets; SQLite gives its companions the
 * same mode. It is not opened: closing a descriptor of it would drop the locks that other handles
 * of this process hold on the file. */
static enum status create_file(const char *path, struct error *error)
{
    if (mknod(path, S_IFREG | 0600, 0) != 0 && errno != EEXIST) {
        return error_set(error, STATUS_REJECTED, "sqlite: cannot create the file: errno %d", errno);
    }
    return STATUS_OK;
}

static void warn_of_network_file_system(const char *path)
{
    static const unsigned long types[] = {0x6969,     0x517b,     0xff534d42,
                                          0xfe534d42, 0x5346414f, 0x01021997};
    struct statfs info = {0};

    if (statfs(path, &info) != 0) {
        return;
    }
    for (size_t i = 0; i < ARRAY_COUNT(types); i++) {
        if (((unsigned long)info.f_type & 0xffffffffUL) == types[i]) {
            log_warning("the tracker's file is on a network file system, where SQLite cannot keep "
                        "what it acknowledged",
                        LOG_CSTR("path", path));
        }
    }
}

static enum status open_database(struct sqlite_store *store, const char *path, struct error *error)
{
    int code =
        sqlite3_open_v2(path, &store->database,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    int64_t started_ms = clock_monotonic_ms(clock_system());
    enum status status = STATUS_OK;

    if (code != SQLITE_OK) {
        return sqlite_fail(store, code, error);
    }
    (void)sqlite3_extended_result_codes(store->database, 1);
    (void)sqlite3_busy_handler(store->database, wait_for_writer, store);
    /* The change to WAL does not ask the busy handler when two openers meet. */
    do {
        status = sqlite_prepare_database(store, error);
        if (status == STATUS_RETRY) {
            clock_sleep_ms(clock_system(), 2);
        }
    } while (status == STATUS_RETRY &&
             clock_monotonic_ms(clock_system()) - started_ms < store->timeout_ms);
    return status;
}

enum status tracker_sqlite_open(const struct tracker_options *options, struct tracker **tracker,
                                struct error *error)
{
    const char *path = options->url + strlen("sqlite:");
    bool is_memory = strcmp(path, ":memory:") == 0;
    struct sqlite_store *store = NULL;
    enum status status = STATUS_OK;

    /* SQLite would take the first for a temporary file and the second for a URI. */
    if (path[0] == '\0' || strncmp(path, "file:", 5) == 0) {
        return error_set(error, STATUS_REJECTED, "tracker url: sqlite: needs the path of a file");
    }
    status = is_memory ? STATUS_OK : create_file(path, error);
    if (status != STATUS_OK) {
        return status;
    }
    store = calloc(1, sizeof(*store));
    if (!store) {
        abort();
    }
    store->tracker.backend = &sqlite_backend;
    store->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : DEFAULT_TIMEOUT_MS;
    status = open_database(store, path, error);
    if (status != STATUS_OK) {
        sqlite_close_store(&store->tracker);
        return status;
    }
    if (!is_memory) {
        warn_of_network_file_system(path);
    }
    store->is_open = true;
    *tracker = &store->tracker;
    return STATUS_OK;
}
