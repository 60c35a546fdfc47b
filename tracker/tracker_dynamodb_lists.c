/*
 * Lists by hints. A list of one partition (a group) is read as it is; one of all partitions is
 * asked for a part of the page in each, and the parts are merged down to the horizon: the place up
 * to which no partition can hold anything that was not seen.
 */
#include "tracker/tracker_dynamodb.h"

#include "infra/base/encode.h"

#include <stdlib.h>
#include <string.h>

/* Records are fetched so many at a time, so that a page of large ones can end early. */
#define FETCH_COUNT  16
#define LATEST_PAGE  4
#define LATEST_PAGES 16

static struct dynamodb_store *store_of(struct tracker *tracker)
{
    return (struct dynamodb_store *)tracker;
}

/* Places in the order of the list, complete as far as `count` goes. */
struct places {
    struct tracker_place *all;
    size_t count;
    bool more; /* there are places behind the last one */
};

struct walk {
    const char *partition; /* key of the one partition, or what comes before #NN */
    bool is_split;
    bool is_ascending;
    struct slice token;
    size_t limit;
};

static int compare_ascending(const void *a, const void *b)
{
    return strcmp(((const struct tracker_place *)a)->text, ((const struct tracker_place *)b)->text);
}

static int compare_descending(const void *a, const void *b)
{
    return compare_ascending(b, a);
}

static void build_part(struct dynamodb_store *store, const struct walk *walk, unsigned part,
                       size_t limit, struct aws_call *call)
{
    const char *pk = walk->is_split ? arena_format(store->scratch, "%s#%02u", walk->partition, part)
                                    : walk->partition;
    struct dynamodb_query query = {.table = store->table,
                                   .condition = "#pk = :pk",
                                   .descending = !walk->is_ascending,
                                   .consistent = true,
                                   .limit = limit};

    dynamodb_add_text(&query.values, "pk", slice_from_text(pk));
    if (walk->token.data) {
        query.condition =
            walk->is_ascending ? "#pk = :pk AND #sk > :sk" : "#pk = :pk AND #sk < :sk";
        dynamodb_add_text(&query.values, "sk", walk->token);
    }
    dynamodb_build_query(store->scratch, &query, call);
}

static bool copy_place(struct json item, struct tracker_place *place)
{
    const struct slice text = dynamodb_text(item, "sk");

    if (tracker_check_page(1, text, NULL) != STATUS_OK || text.size != TRACKER_PLACE_BYTES) {
        return false;
    }
    memcpy(place->text, text.data, text.size);
    place->text[text.size] = '\0';
    return true;
}

/* Puts one partition's answer behind the others; moves the horizon nearer when that partition may
 * have more. */
static void add_part(struct dynamodb_store *store, struct json root, struct places *places,
                     struct tracker_place *horizon, int (*compare)(const void *, const void *))
{
    const struct dynamodb_page page = dynamodb_read_query(store->scratch, root);
    const size_t before = places->count;

    for (struct json item = page.first; json_kind(item) != JSON_ABSENT; item = json_next(item)) {
        places->count += copy_place(item, &places->all[places->count]);
    }
    if (page.next.data && places->count > before) {
        const struct tracker_place *last = &places->all[places->count - 1];
        if (horizon->text[0] == '\0' || compare(last, horizon) < 0) {
            *horizon = *last;
        }
    }
}

static void sort_and_cut(struct places *places, const struct walk *walk,
                         const struct tracker_place *horizon,
                         int (*compare)(const void *, const void *))
{
    size_t complete = places->count;

    if (places->count == 0) {
        return;
    }
    qsort(places->all, places->count, sizeof(*places->all), compare);
    while (horizon->text[0] != '\0' && complete > 0 &&
           compare(&places->all[complete - 1], horizon) > 0) {
        complete--;
    }
    places->more = horizon->text[0] != '\0' || complete > walk->limit;
    places->count = complete < walk->limit ? complete : walk->limit;
}

MUST_CHECK static enum status find_places(struct dynamodb_store *store, const struct walk *walk,
                                          struct places *places, struct error *error)
{
    int (*compare)(const void *, const void *) =
        walk->is_ascending ? compare_ascending : compare_descending;
    const unsigned parts = walk->is_split ? DYNAMODB_PARTS : 1;
    /* Ids are spread evenly, so that this is nearly always enough; when it is not, the page ends at
     * the horizon. */
    const size_t share = walk->is_split ? walk->limit / 4 + 4 : walk->limit;
    struct dynamodb_exchange exchanges[DYNAMODB_PARTS] = {0};
    struct tracker_place horizon = {.text = ""};
    enum status status = STATUS_OK;

    *places = (struct places){0};
    for (unsigned part = 0; part < parts; part++) {
        build_part(store, walk, part, share, &exchanges[part].call);
    }
    status = dynamodb_send(store, exchanges, parts, error);
    if (status != STATUS_OK) {
        return status;
    }
    places->all = ARENA_ARRAY(store->scratch, parts * share, struct tracker_place);
    for (unsigned part = 0; part < parts; part++) {
        if (exchanges[part].call.status != STATUS_OK) {
            return dynamodb_problem(store, &exchanges[part].call, error);
        }
        add_part(store, exchanges[part].root, places, &horizon, compare);
    }
    sort_and_cut(places, walk, &horizon, compare);
    return STATUS_OK;
}

/* ---- Records -------------------------------------------------------------------------------- */

static const char *group_partition(struct dynamodb_store *store, struct slice group, bool open_only)
{
    char hash[SHA256_HEX_BYTES + 1];

    digest_sha256_hex(group, hash);
    return arena_format(store->scratch, "%s#%s", open_only ? "h" : "g", hash);
}

/* Whether the hint tells the truth about the record. */
static bool holds(const struct tracker_record *record, const struct tracker_place *place,
                  const struct tracker_list *list)
{
    return record->created_at_ms == tracker_place_time_ms(slice_from_text(place->text)) &&
           (!list->group.data || slice_equals(record->group, list->group)) &&
           (!list->open_only || record->settled_at_ms == 0);
}

/* The records of a page so far. */
struct listing {
    struct dynamodb_store *store;
    struct arena *arena;
    const struct tracker_list *list;
    struct tracker_record *records;
    size_t count;
};

/* The find of this id, or a new one: of a repeat and of the record itself there may be two hints.
 */
static struct dynamodb_find *find_of(struct dynamodb_find *finds, size_t *count, const char *id)
{
    size_t at = 0;

    while (at < *count && strcmp(finds[at].id, id) != 0) {
        at++;
    }
    if (at == *count) {
        finds[(*count)++].id = id;
    }
    return &finds[at];
}

/* Appends the records that these places lead to. */
MUST_CHECK static enum status fetch(struct listing *listing, const struct tracker_place *places,
                                    size_t place_count, struct error *error)
{
    struct dynamodb_store *store = listing->store;
    struct dynamodb_find *finds = ARENA_ARRAY(store->scratch, place_count, struct dynamodb_find);
    struct dynamodb_find **of = ARENA_ARRAY(store->scratch, place_count, struct dynamodb_find *);
    size_t asked = 0;
    enum status status = STATUS_OK;

    for (size_t i = 0; i < place_count; i++) {
        of[i] = find_of(finds, &asked, tracker_place_id(slice_from_text(places[i].text)));
    }
    status = dynamodb_find_all(store, listing->arena, finds, asked, error);
    for (size_t i = 0; status == STATUS_OK && i < place_count; i++) {
        if (json_exists(of[i]->item) && holds(&of[i]->record, &places[i], listing->list)) {
            listing->records[listing->count++] = of[i]->record;
        }
    }
    return status;
}

static size_t blob_bytes(const struct listing *listing)
{
    size_t bytes = 0;

    for (size_t i = 0; i < listing->count; i++) {
        bytes += listing->records[i].plan.size + listing->records[i].state.size;
    }
    return bytes;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status dynamodb_list(struct tracker *tracker, struct arena *arena,
                          const struct tracker_list *list, struct tracker_record **records,
                          size_t *count, struct slice *next_token, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    struct listing listing = {.store = store, .arena = arena, .list = list};
    struct walk walk = {.partition = list->open_only ? "o" : "l",
                        .is_split = true,
                        .token = list->token,
                        .limit = list->limit};
    struct places places = {0};
    size_t fetched = 0;
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    if (list->group.data) {
        walk.partition = group_partition(store, list->group, list->open_only);
        walk.is_split = false;
    }
    status = find_places(store, &walk, &places, error);
    listing.records = ARENA_ARRAY(arena, list->limit, struct tracker_record);
    while (status == STATUS_OK && fetched < places.count &&
           blob_bytes(&listing) <= TRACKER_PAGE_MAX_BYTES) {
        const size_t left = places.count - fetched;
        const size_t next = left < FETCH_COUNT ? left : FETCH_COUNT;
        status = fetch(&listing, &places.all[fetched], next, error);
        fetched += next;
    }
    if (status != STATUS_OK) {
        return status;
    }
    *records = listing.records;
    *count = listing.count;
    if (fetched > 0 && (places.more || fetched < places.count)) {
        *next_token = arena_copy(arena, slice_from_text(places.all[fetched - 1].text));
    }
    return STATUS_OK;
}

enum status dynamodb_group_latest(struct tracker *tracker, struct arena *arena, struct slice group,
                                  struct tracker_record *record, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    const struct tracker_list list = {.group = group};
    struct listing listing = {.store = store, .arena = arena, .list = &list, .records = record};
    struct walk walk = {.limit = LATEST_PAGE};
    struct places places = {.more = true};
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    walk.partition = group_partition(store, group, false);
    /* As a rule the first hint holds. */
    for (int page = 0; places.more && page < LATEST_PAGES; page++) {
        status = find_places(store, &walk, &places, error);
        for (size_t i = 0; status == STATUS_OK && listing.count == 0 && i < places.count; i++) {
            status = fetch(&listing, &places.all[i], 1, error);
        }
        if (status != STATUS_OK || listing.count > 0) {
            return status;
        }
        if (places.more) {
            walk.token = slice_from_text(places.all[places.count - 1].text);
        }
    }
    return STATUS_NOT_FOUND;
}

/* ---- Parked messages ------------------------------------------------------------------------ */

/* One of the places is the message's own. Another one was made by somebody who parked it at the
 * same time and came second. */
static bool is_its_place(const struct places *places, const struct tracker_parked *message)
{
    const struct tracker_place own = tracker_place_make(message->first_seen_ms, message->id);

    for (size_t i = 0; i < places->count; i++) {
        if (strcmp(places->all[i].text, own.text) == 0) {
            return true;
        }
    }
    return false;
}

/* The messages that these places lead to: there, not taken, and seen at that time. */
MUST_CHECK static enum status fetch_parked(struct dynamodb_store *store, struct arena *arena,
                                           const struct places *places,
                                           struct tracker_parked *messages, size_t *count,
                                           struct error *error)
{
    struct dynamodb_get *gets = ARENA_ARRAY(store->scratch, places->count, struct dynamodb_get);
    enum status status = STATUS_OK;
    size_t asked = 0;

    for (size_t i = 0; i < places->count; i++) {
        const char *pk = arena_format(store->scratch, "q#%s",
                                      tracker_place_id(slice_from_text(places->all[i].text)));
        bool is_known = false;
        for (size_t k = 0; k < asked; k++) {
            is_known = is_known || strcmp(gets[k].key.pk, pk) == 0;
        }
        if (!is_known) {
            gets[asked++].key = (struct dynamodb_key){.pk = pk, .sk = "q"};
        }
    }
    status = dynamodb_get_all(store, gets, asked, true, error);
    for (size_t i = 0; status == STATUS_OK && i < asked; i++) {
        if (json_exists(gets[i].item) && !dynamodb_has_expired(store, gets[i].item) &&
            !json_exists(json_member(gets[i].item, "writer"))) {
            dynamodb_read_parked(arena, gets[i].item, &messages[*count]);
            *count += is_its_place(places, &messages[*count]);
        }
    }
    return status;
}

/* NOLINTNEXTLINE(readability-function-size): the contract has so many parameters */
enum status dynamodb_parked_list(struct tracker *tracker, struct arena *arena, size_t limit,
                                 struct slice token, struct tracker_parked **messages,
                                 size_t *count, struct slice *next_token, struct error *error)
{
    struct dynamodb_store *store = store_of(tracker);
    const struct walk walk = {
        .partition = "u", .is_split = true, .is_ascending = true, .token = token, .limit = limit};
    struct places places = {0};
    enum status status = STATUS_OK;

    dynamodb_begin(store);
    status = find_places(store, &walk, &places, error);
    *messages = ARENA_ARRAY(arena, limit, struct tracker_parked);
    if (status == STATUS_OK) {
        status = fetch_parked(store, arena, &places, *messages, count, error);
    }
    if (status != STATUS_OK) {
        *count = 0;
        return status;
    }
    if (places.count > 0 && places.more) {
        *next_token = arena_copy(arena, slice_from_text(places.all[places.count - 1].text));
    }
    return STATUS_OK;
}
