#include "completer/completer.h"
#include "invoker/invoker.h"

#include "infra/base/encode.h"
#include "infra/cli/queue_message.h"
#include "infra/cli/table.h"
#include "infra/cli/verb.h"

#include <stdio.h>
#include <string.h>

#define PAGE_MAX         100
#define PAGE_ARENA_BYTES (256u << 20)

const char cmd_redrive_usage[] =
    "redrive [ID... | --all] [FLAGS]\n"
    "\n"
    "Lists the messages that could not be handled, on tracker and AWS directly, the oldest first.\n"
    "With their ids, or with --all, hands them in again; what is refused again stays parked. The\n"
    "exit status is 0 when all were taken, 5 when one was refused, 6 when nobody can be reached.\n"
    "\n"
    "  --all    every message that is parked now\n";

enum redriven { REDRIVEN_TAKEN, REDRIVEN_REFUSED, REDRIVEN_AWAY };

struct redrive {
    struct verb *verb;
    struct dispatch *dispatch;
    struct arena *page; /* of the messages in hand; the dispatch's own is emptied by every batch */
    size_t taken;
    size_t refused;
};

/* ---- One message ---------------------------------------------------------------------------- */

/* "queue:<name>"; absent of what came by another way. */
static struct slice source_queue(struct slice source)
{
    const struct slice prefix = SLICE("queue:");
    return slice_starts_with(source, prefix) ? slice_part(source, prefix.size, source.size)
                                             : SLICE_NONE;
}

/* It stays parked while it is handled, and both ways of handling know a repeat: a crash in between
 * loses nothing. */
static enum redriven handle(struct redrive *redrive, const struct tracker_parked *message,
                            struct slice body)
{
    const struct service *service = &redrive->verb->remote.service;
    if (queue_message_is_event(service, redrive->page, source_queue(message->source), body)) {
        struct event_item event = {
            .body = body, .source = message->source, .first_seen_ms = message->first_seen_ms};
        completer_handle(redrive->dispatch, &service->settings, &event, 1);
        return event.parked ? REDRIVEN_REFUSED : event.acknowledge ? REDRIVEN_TAKEN : REDRIVEN_AWAY;
    }
    struct invoker invoker = {redrive->dispatch, &service->settings};
    struct invoker_item request = {
        .body = body,
        .channel = CHANNEL_ASYNCHRONOUS,
        .identity = {.kind = SLICE("parked"), .source = slice_from_text(message->id)},
        .source = message->source,
        .first_seen_ms = message->first_seen_ms,
    };
    invoker_handle(&invoker, &request, 1);
    return request.parked ? REDRIVEN_REFUSED : request.acknowledge ? REDRIVEN_TAKEN : REDRIVEN_AWAY;
}

MUST_CHECK static enum status redrive_one(struct redrive *redrive,
                                          const struct tracker_parked *message, struct error *error)
{
    struct slice body = SLICE_NONE;
    struct tracker_parked removed;
    enum status status = record_open_field(redrive->dispatch->seal, redrive->page,
                                           (struct record_field){message->id, "parked"},
                                           message->body, &body, error);
    if (status != STATUS_OK) {
        redrive->refused++;
        (void)printf("%s refused: %s\n", message->id, error->text);
        return STATUS_OK;
    }
    switch (handle(redrive, message, body)) {
    case REDRIVEN_AWAY:
        return error_set(error, STATUS_RETRY, "%s: the tracker or AWS is away; it stays parked",
                         message->id);
    case REDRIVEN_REFUSED:
        redrive->refused++;
        (void)printf("%s refused: %.*s\n", message->id, SLICE_PRINT(message->reason));
        return STATUS_OK;
    case REDRIVEN_TAKEN: break;
    }
    redrive->taken++;
    (void)printf("%s taken\n", message->id);
    status = tracker_parked_take(redrive->dispatch->tracker, redrive->page, message->id, &removed,
                                 error);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* ---- All messages --------------------------------------------------------------------------- */

static bool is_wanted(const struct redrive *redrive, const char *id, bool all)
{
    bool wanted = all;
    for (int i = 0; i < redrive->verb->count; i++) {
        wanted |= strcmp(redrive->verb->arguments[i], id) == 0;
    }
    return wanted;
}

static void add_row(struct redrive *redrive, struct table *table,
                    const struct tracker_parked *message)
{
    char time[TIME_TEXT_BYTES + 1];
    time_format_ms(message->first_seen_ms, time);
    table_add_cell(table, slice_from_text(arena_format(redrive->page, "%s", message->id)));
    table_add_cell(table, slice_from_text(arena_format(redrive->page, "%s", time)));
    table_add_cell(table, message->source);
    table_add_cell(table, message->reason);
}

/* A page: listed in *table, or redriven when table is NULL. */
MUST_CHECK static enum status take_page(struct redrive *redrive, bool all, struct table *table,
                                        struct slice *token, struct error *error)
{
    struct tracker_parked *messages = NULL;
    size_t count = 0;
    const struct slice from = arena_copy(redrive->verb->arena, *token);
    arena_reset(redrive->page);
    enum status status = tracker_parked_list(redrive->dispatch->tracker, redrive->page, PAGE_MAX,
                                             from, &messages, &count, token, error);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        if (table != NULL) {
            add_row(redrive, table, &messages[i]);
        } else if (is_wanted(redrive, messages[i].id, all)) {
            status = redrive_one(redrive, &messages[i], error);
        }
    }
    if (table != NULL && status == STATUS_OK) {
        table_print(table, stdout);
    }
    return status;
}

MUST_CHECK static enum status take_all(struct redrive *redrive, bool all, struct table *table,
                                       struct error *error)
{
    struct slice token = SLICE_NONE;
    enum status status = worker_ready(&redrive->verb->remote.worker, error);
    do {
        if (status == STATUS_OK) {
            status = take_page(redrive, all, table, &token, error);
        }
    } while (status == STATUS_OK && token.size > 0);
    return status;
}

static void init_table(struct table *table)
{
    static const char *const columns[] = {"ID", "FIRST SEEN", "SOURCE", "REASON"};
    table_init(table);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        table_add_column(table, slice_from_text(columns[i]), false);
    }
}

int cmd_redrive(int count, char **arguments)
{
    bool all = false;
    struct error error = ERROR_NONE;
    struct table table;
    const struct flag flags[] = {{.name = "all", .given = &all}};
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
    CLEANUP(arena_cleanup) struct arena *page = arena_new(PAGE_ARENA_BYTES);
    struct redrive redrive = {.verb = &verb, .dispatch = verb.remote.worker.dispatch, .page = page};
    const bool list = !all && verb.count == 0;
    init_table(&table);
    const enum status status = take_all(&redrive, all, list ? &table : NULL, &error);
    table_clear(&table);
    if (status != STATUS_OK) {
        return verb_fail_away(&verb, &error);
    }
    if (redrive.taken + redrive.refused < (size_t)verb.count) {
        return verb_fail(&verb, EXIT_REJECTED, "not all of these ids are parked");
    }
    return redrive.refused > 0 ? EXIT_REJECTED : EXIT_FINISHED;
}
