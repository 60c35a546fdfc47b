#include "completer/set_aside.h"

#include "infra/base/encode.h"
#include "infra/cli/redrive.h"
#include "infra/cli/table.h"
#include "infra/cli/verb.h"

#include <stdio.h>
#include <string.h>

#define PAGE_MAX         100
#define PAGE_ARENA_BYTES (256u << 20)

const char cmd_redrive_usage[] =
    "redrive [ID... | --all] [--dead-letters URL] [FLAGS]\n"
    "\n"
    "Lists the messages that could not be handled, on tracker and AWS directly, the oldest first.\n"
    "With their ids, or with --all, hands them in again; what is refused again stays parked. The\n"
    "exit status is 0 when all were taken, 5 when one was refused, 6 when nobody can be reached.\n"
    "\n"
    "  --all                every message that is there now\n"
    "  --dead-letters URL   those of a dead-letter queue, of ringback's queues or of the rule; what\n"
    "                       was handed in is deleted there, and parked when it is refused again\n";

struct parked {
    struct verb *verb;
    struct worker *worker;
    struct arena *page; /* of the messages in hand; the dispatch's own is emptied by every batch */
    size_t taken;
    size_t refused;
};

/* ---- One message ---------------------------------------------------------------------------- */

static bool is_whole(const struct tracker_parked *message, struct slice body)
{
    char digest[SHA256_HEX_BYTES + 1];
    digest_sha256_hex(body, digest);
    return slice_equals_text(message->digest, digest);
}

MUST_CHECK static enum status refuse(struct parked *parked, const char *id, struct slice reason)
{
    parked->refused++;
    (void)printf("%s refused: %.*s\n", id, SLICE_PRINT(reason));
    return STATUS_OK;
}

MUST_CHECK static enum status remove_one(struct parked *parked, const char *id, struct error *error)
{
    struct tracker_parked removed;
    parked->taken++;
    (void)printf("%s taken\n", id);
    enum status status =
        tracker_parked_take(parked->worker->dispatch->tracker, parked->page, id, &removed, error);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* It stands for a record that could not be read. */
MUST_CHECK static enum status redrive_record(struct parked *parked, const char *id,
                                             struct error *error)
{
    enum status status = set_aside_end(parked->worker->dispatch, id, error);
    if (status == STATUS_REJECTED) {
        return refuse(parked, id, slice_from_text(error->text));
    }
    return status == STATUS_OK ? remove_one(parked, id, error) : status;
}

MUST_CHECK static enum status redrive_one(struct parked *parked,
                                          const struct tracker_parked *message, struct error *error)
{
    struct slice body = SLICE_NONE;
    if (slice_equals_text(message->source, SET_ASIDE_SOURCE)) {
        return redrive_record(parked, message->id, error);
    }
    enum status status = record_open_field(parked->worker->dispatch->seal, parked->page,
                                           (struct record_field){message->id, "parked"},
                                           message->body, &body, error);
    if (status != STATUS_OK) {
        return refuse(parked, message->id, slice_from_text(error->text));
    }
    if (!is_whole(message, body)) {
        return refuse(parked, message->id, SLICE("only its beginning could be kept"));
    }
    const struct redrive_message again = {
        .body = body,
        .source = message->source,
        .identity = {.kind = SLICE("parked"), .source = slice_from_text(message->id)},
        .first_seen_ms = message->first_seen_ms,
    };
    /* It stays parked while it is handled: a crash in between loses nothing. */
    switch (redrive(parked->worker, parked->page, &again)) {
    case REDRIVEN_AWAY:
        return error_set(error, STATUS_RETRY, "%s: the tracker or AWS is away; it stays parked",
                         message->id);
    case REDRIVEN_PARKED: return refuse(parked, message->id, message->reason);
    case REDRIVEN_TAKEN: break;
    }
    return remove_one(parked, message->id, error);
}

/* ---- All messages --------------------------------------------------------------------------- */

static bool is_wanted(const struct parked *parked, const char *id, bool all)
{
    bool wanted = all;
    for (int i = 0; i < parked->verb->count; i++) {
        wanted |= strcmp(parked->verb->arguments[i], id) == 0;
    }
    return wanted;
}

static void add_row(struct parked *parked, struct table *table,
                    const struct tracker_parked *message)
{
    char time[TIME_TEXT_BYTES + 1];
    time_format_ms(message->first_seen_ms, time);
    table_add_cell(table, slice_from_text(arena_format(parked->page, "%s", message->id)));
    table_add_cell(table, slice_from_text(arena_format(parked->page, "%s", time)));
    table_add_cell(table, message->source);
    table_add_cell(table, message->digest);
    table_add_cell(table, message->reason);
}

/* A page: listed in *table, or redriven when table is NULL. */
MUST_CHECK static enum status take_page(struct parked *parked, bool all, struct table *table,
                                        struct slice *token, struct error *error)
{
    struct tracker_parked *messages = NULL;
    size_t count = 0;
    const struct slice from = arena_copy(parked->verb->arena, *token);
    arena_reset(parked->page);
    enum status status = tracker_parked_list(parked->worker->dispatch->tracker, parked->page,
                                             PAGE_MAX, from, &messages, &count, token, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (table != NULL) {
            add_row(parked, table, &messages[i]);
        } else if (is_wanted(parked, messages[i].id, all)) {
            status = redrive_one(parked, &messages[i], error);
        }
    }
    if (table != NULL && status == STATUS_OK) {
        table_print(table, stdout);
    }
    return status;
}

MUST_CHECK static enum status take_all(struct parked *parked, bool all, struct table *table,
                                       struct error *error)
{
    struct slice token = SLICE_NONE;
    enum status status = worker_ready(&parked->verb->remote.worker, error);
    do {
        if (status == STATUS_OK) {
            status = take_page(parked, all, table, &token, error);
        }
    } while (status == STATUS_OK && token.size > 0);
    return status;
}

static void init_table(struct table *table)
{
    static const char *const columns[] = {"ID", "FIRST SEEN", "SOURCE", "SHA-256", "REASON"};
    table_init(table);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        table_add_column(table, slice_from_text(columns[i]), false);
    }
}

static int run_parked(struct verb *verb, bool all)
{
    CLEANUP(arena_cleanup) struct arena *page = arena_new(PAGE_ARENA_BYTES);
    struct parked parked = {.verb = verb, .worker = &verb->remote.worker, .page = page};
    struct error error = ERROR_NONE;
    struct table table;
    const bool list = !all && verb->count == 0;
    init_table(&table);
    const enum status status = take_all(&parked, all, list ? &table : NULL, &error);
    table_clear(&table);
    if (status != STATUS_OK) {
        return verb_fail_away(verb, &error);
    }
    if (parked.taken + parked.refused < (size_t)verb->count) {
        return verb_fail(verb, EXIT_REJECTED, "not all of these ids are parked");
    }
    return parked.refused > 0 ? EXIT_REJECTED : EXIT_FINISHED;
}

static int run_dead_letters(struct verb *verb, const char *queue_url, bool all)
{
    struct dead_letters letters = {.queue_url = queue_url,
                                   .ids = verb->arguments,
                                   .id_count = (size_t)verb->count,
                                   .all = all};
    struct error error = ERROR_NONE;
    enum status status = worker_ready(&verb->remote.worker, &error);
    if (status == STATUS_OK) {
        status = dead_letters_read(&verb->remote.worker, &letters, &error);
    }
    if (status == STATUS_NOT_FOUND || status == STATUS_REJECTED) {
        return verb_fail(verb, EXIT_REJECTED, "dead-letters: %s", error.text);
    }
    if (status != STATUS_OK) {
        return verb_fail_away(verb, &error);
    }
    if (letters.taken + letters.parked < letters.id_count) {
        return verb_fail(verb, EXIT_REJECTED, "not all of these ids are in the queue");
    }
    return letters.parked > 0 ? EXIT_REJECTED : EXIT_FINISHED;
}

int cmd_redrive(int count, char **arguments)
{
    bool all = false;
    const char *queue_url = NULL;
    const struct flag flags[] = {{.name = "all", .given = &all},
                                 {.name = "dead-letters", .value = &queue_url}};
    CLEANUP(verb_close)
    struct verb verb = {.name = "redrive",
                        .directly = true,
                        .count = count,
                        .arguments = arguments,
                        .operands_max = PAGE_MAX};
    const int opened = verb_open(&verb, flags, ARRAY_COUNT(flags));
    if (opened != EXIT_FINISHED) {
        return opened;
    }
    if (queue_url != NULL) {
        return run_dead_letters(&verb, queue_url, all);
    }
    return run_parked(&verb, all);
}
