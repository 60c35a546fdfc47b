#include "completer/completer.h"

#include "completer/callback.h"
#include "completer/direct.h"
#include "completer/execution.h"
#include "completer/gather.h"
#include "completer/reply.h"
#include "completer/statement.h"
#include "invoker/lock.h"
#include "invoker/parking.h"
#include "invoker/submit.h"

#include "infra/base/metrics.h"

#include <string.h>

#define AGAIN_SECONDS 2

/* One message on its way through the stages. */
struct event_entry {
    struct event_item *item;
    struct event event;
    struct work *work; /* shared by all events of one invocation; NULL: not ours, or no record */
};

void completer_equip(struct dispatch *dispatch)
{
    dispatch->handlers[ACTION_SUBMIT] = &submit_handler;
    dispatch->handlers[ACTION_DESCRIBE] = &describe_handler;
    dispatch->handlers[ACTION_LIST] = &list_handler;
    dispatch->handlers[ACTION_CANCEL] = &cancel_handler;
    dispatch->handlers[ACTION_TAKE_LOCK] = &take_lock_handler;
    dispatch->handlers[ACTION_RELEASE_LOCK] = &release_lock_handler;
    dispatch->handlers[ACTION_GATHER] = &gather_handler;
    dispatch->handlers[ACTION_HEARTBEAT] = &heartbeat_handler;
    dispatch->handlers[ACTION_CALLBACK] = &callback_handler;
    dispatch->choose = reply_render;
}

/* One batch on its way. */
struct batch {
    struct dispatch *dispatch;
    const struct plan_settings *settings;
    struct event_entry *entries; /* of what is ours */
    size_t count;
    struct parkings parkings;
};

static void park(struct batch *batch, struct event_item *item, const char *reason)
{
    const struct parking parking = {.body = item->body,
                                    .source = item->source,
                                    .reason = reason,
                                    .first_seen_ms = item->first_seen_ms,
                                    .parked = &item->parked,
                                    .acknowledge = &item->acknowledge};
    item->again_seconds = AGAIN_SECONDS;
    parkings_add(batch->dispatch, &batch->parkings, &parking);
}

/* Parses all; what is not ours is done with here. */
static void parse_all(struct batch *batch, struct event_item *items, size_t count)
{
    const struct event_filter filter = {batch->settings->prefix, batch->settings->direct};
    for (size_t i = 0; i < count; i++) {
        struct event_entry *entry = &batch->entries[batch->count];
        *entry = (struct event_entry){.item = &items[i]};
        event_parse(batch->dispatch->arena, items[i].body, &filter, &entry->event);
        switch (entry->event.kind) {
        case EVENT_COMPLETION:
        case EVENT_DIRECT: batch->count++; break;
        case EVENT_EXECUTION: items[i].execution_over = true; break;
        case EVENT_FOREIGN:
            items[i].acknowledge = true;
            metrics_add(METRIC_EVENTS_FOREIGN, 1);
            break;
        case EVENT_MALFORMED: park(batch, &items[i], entry->event.reason.text); break;
        }
    }
    metrics_add(METRIC_EVENTS_RECEIVED, count);
}

/* Gives every entry its work, one per distinct id; returns how many works there are. */
static size_t assign_works(struct dispatch *dispatch, struct event_entry *entries, size_t count,
                           struct work **works, const char **ids)
{
    size_t work_count = 0;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < work_count && strcmp(ids[k], entries[i].event.id) != 0) {
            k++;
        }
        if (k == work_count) {
            works[work_count] = ARENA_NEW(dispatch->arena, struct work);
            ids[work_count++] = entries[i].event.id;
        }
        entries[i].work = works[k];
    }
    return work_count;
}

static struct stimulus stimulus_of(struct dispatch *dispatch, const struct event *event)
{
    struct stimulus stimulus = dispatch_stimulus(dispatch, STIMULUS_EVENT);
    stimulus.step = event->step;
    stimulus.attempt = event->attempt;
    stimulus.ending = event->ending;
    stimulus.witness = WITNESS_EVENT;
    stimulus.statement_id = event->statement_id;
    stimulus.rows = event->rows;
    stimulus.event = event->document;
    return stimulus;
}

/* Feeds each event to its invocation, where there is one that can be read. */
static void feed_all(struct dispatch *dispatch, struct event_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct work *work = entries[i].work;
        const bool *found = work->context;
        if (*found && work->status == STATUS_OK) {
            struct stimulus stimulus = stimulus_of(dispatch, &entries[i].event);
            dispatch_feed(dispatch, work, &stimulus);
        }
    }
}

/* What direct mode brings without a record gets one; two events of one statement in a batch, or of
 * two completers, make one. */
static void register_direct(struct dispatch *dispatch, const struct plan_settings *settings,
                            struct event_entry *entries, size_t count)
{
    struct registration *registrations = ARENA_ARRAY(dispatch->arena, count, struct registration);
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        struct event_entry *entry = &entries[i];
        bool *found = entry->work->context;
        if (entry->event.kind != EVENT_DIRECT || *found) {
            continue;
        }
        struct stimulus ending = stimulus_of(dispatch, &entry->event);
        registrations[taken].work = entry->work;
        direct_register(dispatch, settings, &entry->event, &ending, &registrations[taken++]);
        *found = true;
    }
    dispatch_register(dispatch, registrations, taken);
}

static void retry_all(struct event_entry *entries, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        entries[i].item->acknowledge = false;
        entries[i].item->again_seconds = AGAIN_SECONDS;
    }
}

static void settle(struct batch *batch, struct event_entry *entry)
{
    const bool *found = entry->work->context;
    if (!*found) {
        park(batch, entry->item, "orphan: no record of this invocation");
        return;
    }
    entry->item->acknowledge = entry->work->status == STATUS_OK;
    entry->item->again_seconds = AGAIN_SECONDS;
    if (entry->item->acknowledge) {
        metrics_add(entry->work->applied ? METRIC_EVENTS_APPLIED : METRIC_EVENTS_STALE, 1);
    }
}

/* Looks up, decides, commits and acts. */
static void handle_ours(struct batch *batch)
{
    struct dispatch *dispatch = batch->dispatch;
    struct event_entry *entries = batch->entries;
    const size_t count = batch->count;
    struct work **works = ARENA_ARRAY(dispatch->arena, count, struct work *);
    const char **ids = ARENA_ARRAY(dispatch->arena, count, const char *);
    bool *found = ARENA_ARRAY(dispatch->arena, count, bool);
    struct error error = ERROR_NONE;
    const size_t work_count = assign_works(dispatch, entries, count, works, ids);
    enum status status = dispatch_load(dispatch, ids, works, found, work_count, &error);
    if (status != STATUS_OK) {
        dispatch_trouble(dispatch, &error);
        metrics_add(METRIC_TRACKER_ERRORS, 1);
        retry_all(entries, count);
        return;
    }
    if (work_count > 0) {
        dispatch_trouble(dispatch, NULL);
    }
    for (size_t i = 0; i < work_count; i++) {
        works[i]->context = &found[i];
    }
    feed_all(dispatch, entries, count);
    register_direct(dispatch, batch->settings, entries, count);
    dispatch_run(dispatch, works, work_count);
    for (size_t i = 0; i < count; i++) {
        settle(batch, &entries[i]);
    }
}

/* Each in batches of its own, after the endings: their callers wait. */
static void handle_executions(struct dispatch *dispatch, const struct plan_settings *settings,
                              struct event_item *items, size_t count)
{
    const struct event_filter filter = {settings->prefix, settings->direct};
    for (size_t i = 0; i < count; i++) {
        if (items[i].execution_over) {
            struct event event;
            event_parse(dispatch->arena, items[i].body, &filter, &event);
            items[i].acknowledge = execution_over(dispatch, &event);
            items[i].again_seconds = AGAIN_SECONDS;
        }
    }
}

void completer_handle(struct dispatch *dispatch, const struct plan_settings *settings,
                      struct event_item *items, size_t count)
{
    dispatch_begin(dispatch);
    struct batch batch = {
        .dispatch = dispatch,
        .settings = settings,
        .entries = ARENA_ARRAY(dispatch->arena, count, struct event_entry),
        .parkings = {.list = ARENA_ARRAY(dispatch->arena, count, struct parking)}};
    parse_all(&batch, items, count);
    handle_ours(&batch);
    parkings_write(dispatch, &batch.parkings);
    handle_executions(dispatch, settings, items, count);
}
