#include "tracker/tracker_check.h"
#include "tracker/tracker_sqlite.h"

#include <string.h>

static struct sqlite_store *store_of(struct tracker *tracker)
{
    return (struct sqlite_store *)tracker;
}

enum status sqlite_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                                struct tracker_record *record, struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_GROUP_LATEST);
    bool found = false;
    enum status status = STATUS_OK;

    query_group_hash(&query, group);
    query_bytes(&query, group);
    status = query_step(&query, &found, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (!found) {
        return STATUS_NOT_FOUND;
    }
    query_column_record(&query, arena, record);
    return STATUS_OK;
}

struct page {
    struct tracker_record *records;
    size_t count;
    bool more; /* there is a next page */
};

/* A page is full at its limit or once its blobs are large; one row more tells that there is a next
 * page. */
static enum status read_page(struct query *query, struct arena *arena, size_t limit,
                             struct page *page, struct error *error)
{
    size_t bytes = 0;
    enum status status = STATUS_OK;

    page->records = ARENA_ARRAY(arena, limit, struct tracker_record);
    while (status == STATUS_OK) {
        struct tracker_record *record = &page->records[page->count];
        status = query_step(query, &page->more, error);
        if (status != STATUS_OK || !page->more || page->count == limit ||
            bytes > TRACKER_PAGE_MAX_BYTES) {
            break;
        }
        query_column_record(query, arena, record);
        bytes += record->plan.size + record->state.size;
        page->count++;
    }
    return status;
}

/* Where the page after the token begins. Has its last record gone, those that share its places come
 * once more rather than never. */
static enum status read_token(struct sqlite_store *store, struct slice token, int64_t *number,
                              struct error *error)
{
    char id[TRACKER_ID_BYTES + 1] = "";
    struct sqlite_place place;
    enum status status = STATUS_OK;

    *number = INT64_MAX;
    if (!token.data) {
        return STATUS_OK;
    }
    memcpy(id, tracker_place_id(token), TRACKER_ID_BYTES);
    status = sqlite_find_place(store, id, &place, error);
    *number = place.number ? place.number : sqlite_first_place(id) + SQLITE_PLACES;
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status sqlite_list(struct tracker *tracker, struct arena *arena,
                        const struct tracker_list *list, struct tracker_record **records,
                        size_t *count, struct slice *next_token, struct error *error)
{
    enum sqlite_statement by_group =
        list->open_only ? SQLITE_STATEMENT_LIST_GROUP_OPEN : SQLITE_STATEMENT_LIST_GROUP;
    enum sqlite_statement by_time =
        list->open_only ? SQLITE_STATEMENT_LIST_OPEN : SQLITE_STATEMENT_LIST_ALL;
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), list->group.data ? by_group : by_time);
    struct page page = {0};
    int64_t number = 0;
    enum status status = read_token(store_of(tracker), list->token, &number, error);

    if (status != STATUS_OK) {
        return status;
    }
    query_int64(&query, list->token.data ? tracker_place_time_ms(list->token) : INT64_MAX);
    query_int64(&query, number);
    query_int64(&query, (int64_t)list->limit + 1);
    if (list->group.data) {
        query_group_hash(&query, list->group);
        query_bytes(&query, list->group);
    }
    status = read_page(&query, arena, list->limit, &page, error);
    if (status != STATUS_OK) {
        return status;
    }
    *records = page.records;
    *count = page.count;
    if (page.more) {
        const struct tracker_record *last = &page.records[page.count - 1];
        struct tracker_place place = tracker_place_make(last->created_at_ms, last->id);
        *next_token = arena_copy(arena, slice_from_text(place.text));
    }
    return STATUS_OK;
}

enum status sqlite_count(struct tracker *tracker, struct tracker_counts *counts,
                         struct error *error)
{
    CLEANUP(query_end)
    struct query query = query_begin(store_of(tracker), SQLITE_STATEMENT_COUNT_ALL);
    bool row = false;
    enum status status = query_step(&query, &row, error);

    if (status == STATUS_OK && row) {
        counts->records = sqlite3_column_int64(query.statement, 0);
        counts->open = sqlite3_column_int64(query.statement, 1);
        counts->parked = sqlite3_column_int64(query.statement, 2);
    }
    return status;
}

/* Most sweeps find nothing to remove and must not wait for writers. */
static enum status any_expired(struct sqlite_store *store, int64_t now_ms, bool *any,
                               struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, SQLITE_STATEMENT_ANY_EXPIRED);
    bool row = false;
    enum status status = STATUS_OK;

    query_int64(&query, now_ms);
    status = query_step(&query, &row, error);
    *any = status == STATUS_OK && row && sqlite3_column_int(query.statement, 0) != 0;
    return status;
}

static enum status expire_from(struct sqlite_store *store, enum sqlite_statement statement,
                               int64_t now_ms, size_t limit, size_t *removed, struct error *error)
{
    CLEANUP(query_end) struct query query = query_begin(store, statement);
    enum status status = STATUS_OK;

    query_int64(&query, now_ms);
    query_int64(&query, (int64_t)(limit - *removed));
    status = query_run(&query, error);
    if (status == STATUS_OK) {
        *removed += (size_t)sqlite3_changes(store->database);
    }
    return status;
}

enum status sqlite_expire(struct tracker *tracker, int64_t now_ms, size_t limit, size_t *removed,
                          struct error *error)
{
    static const enum sqlite_statement statements[] = {SQLITE_STATEMENT_EXPIRE_RECORDS,
                                                       SQLITE_STATEMENT_EXPIRE_PARKED,
                                                       SQLITE_STATEMENT_EXPIRE_REPLIES};
    struct sqlite_store *store = store_of(tracker);
    bool any = false;
    enum status status = any_expired(store, now_ms, &any, error);

    if (status == STATUS_OK && any) {
        status = sqlite_begin(store, SQLITE_STATEMENT_BEGIN_WRITE, error);
    }
    if (status != STATUS_OK || !any) {
        return status;
    }
    for (size_t i = 0; status == STATUS_OK && i < ARRAY_COUNT(statements); i++) {
        status = expire_from(store, statements[i], now_ms, limit, removed, error);
    }
    status = sqlite_finish(store, status, error);
    if (status != STATUS_OK) {
        *removed = 0;
    }
    return status;
}
