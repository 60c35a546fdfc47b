#include "invoker/invoker.h"

#include "invoker/lock.h"
#include "invoker/parking.h"
#include "invoker/resource.h"
#include "invoker/script.h"
#include "invoker/statement_actions.h"
#include "invoker/supersede.h"

#include "infra/base/json_writer.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"

#include <string.h>

#define REPLY_MAX_BYTES    (64u * 1024)
#define BUSY_AGAIN_SECONDS 5

/* One item on its way through the stages; an item that has an outcome is skipped by later ones. */
struct request_item {
    struct invoker_item *item;
    struct parkings *parkings; /* of the batch */
    struct request request;
    struct request_addresses addresses;
    struct registration registration;
    struct work work;
    bool refused;                      /* is to be registered as REJECTED */
    bool known;                        /* is registered already: work->record is what is there */
    char digest[SHA256_HEX_BYTES + 1]; /* its own, whatever the record says */
    bool done;
};

/* ---- Replies -------------------------------------------------------------------------------- */

struct slice invoker_error_reply(struct arena *arena, const char *type, const char *message)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, REPLY_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "errorType", slice_from_text(type));
    json_write_text(&writer, "errorMessage", slice_from_text(message));
    json_end_object(&writer);
    return arena_copy(arena, buffer_slice(&out));
}

static void finish_error(struct invoker *invoker, struct request_item *entry, int code,
                         const char *type, const char *message)
{
    entry->item->code = code;
    entry->item->reply = invoker_error_reply(invoker->dispatch->arena, type, message);
    entry->done = true;
}

/* The tracker or AWS is away: the caller may come again. */
static void finish_away(struct invoker *invoker, struct request_item *entry,
                        const struct error *error)
{
    finish_error(invoker, entry, 503, "ServiceUnavailable", error->text);
    entry->item->acknowledge = false;
    entry->item->again_seconds = BUSY_AGAIN_SECONDS;
}

/* Of the first attempt, whose name the reply tells; "" when it is known no more. */
static const char *first_id(const struct state *state)
{
    if (state->result_count > 0) {
        return state->results[0].statement_id;
    }
    return state->step == 1 && state->attempt == 1 ? state->statement_id : "";
}

/* The members of the submit call's own reply, but for the Id. */
static void write_submitted(struct json_writer *writer, struct arena *arena, struct slice document)
{
    static const char *const id[] = {"Id"};
    struct json root = {0};
    if (document.size == 0 || json_parse(arena, document, &root, NULL) != STATUS_OK) {
        return;
    }
    json_copy_members(root, id, ARRAY_COUNT(id), writer);
}

/* Told instead of a statement: somebody else's runs. */
static void write_skipped(struct json_writer *writer, const char *holder)
{
    json_begin_object(writer, "ringback");
    json_write_bool(writer, "skipped", true);
    json_write_text(writer, "holder", slice_from_text(holder));
    json_end_object(writer);
}

static struct slice skipped_reply(struct arena *arena, const char *holder)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, REPLY_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "Outcome", slice_from_text(outcome_name(OUTCOME_FINISHED)));
    write_skipped(&writer, holder);
    json_end_object(&writer);
    return arena_copy(arena, buffer_slice(&out));
}

/* The accepted reply: ids, the Data API's own members while they are at hand, or the state. */
static struct slice accepted_reply(struct invoker *invoker, const struct work *work)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    const struct state *state = &work->record.state;
    struct arena *arena = invoker->dispatch->arena;
    buffer_init(&out, REPLY_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "InvocationId", slice_from_text(work->record.plan.id));
    json_write_text_if(&writer, "StatementName",
                       invocation_told_name(arena, &work->record.plan, 1, 1));
    if (first_id(state)[0] != '\0') {
        json_write_text(&writer, "Id", slice_from_text(first_id(state)));
    } else if (state->outcome == OUTCOME_NONE) {
        json_write_text(&writer, "State", slice_from_text(statement_state_name(state->statement)));
    }
    write_submitted(&writer, arena, work->submit_document);
    if (state->outcome != OUTCOME_NONE) {
        json_write_text(&writer, "Outcome", slice_from_text(outcome_name(state->outcome)));
    }
    if (state->skipped) {
        write_skipped(&writer, state->holder);
    }
    json_end_object(&writer);
    return arena_copy(arena, buffer_slice(&out));
}

/* To the ETL sample: all it asks for. */
static struct slice batch_id_reply(struct arena *arena, const char *id)
{
    return slice_from_text(arena_format(arena, "{\"sql_batch_id\":\"%s\"}", id));
}

/* ---- Parking -------------------------------------------------------------------------------- */

/* Asynchronous requests that nobody can be told about are kept for a person. */
static void park(struct invoker *invoker, struct request_item *entry, const char *reason)
{
    struct invoker_item *item = entry->item;
    const struct parking parking = {.body = item->body,
                                    .source = item->source,
                                    .reason = reason,
                                    .first_seen_ms = item->first_seen_ms,
                                    .parked = &item->parked,
                                    .acknowledge = &item->acknowledge};
    item->again_seconds = BUSY_AGAIN_SECONDS;
    entry->done = true;
    parkings_add(invoker->dispatch, entry->parkings, &parking);
}

/* ---- Stages --------------------------------------------------------------------------------- */

static struct plan_maker plan_maker_of(const struct invoker *invoker)
{
    const struct dispatch *dispatch = invoker->dispatch;
    return (struct plan_maker){dispatch->arena, invoker->settings, dispatch->random,
                               dispatch->now_ms};
}

/* A refused request: the reply says so, or its address is told, or it is parked. */
static void refuse(struct invoker *invoker, struct request_item *entry, const struct error *error)
{
    struct dispatch *dispatch = invoker->dispatch;
    bool has_address = entry->addresses.task_token.size > 0 ||
                       entry->addresses.reply_to.kind != ADDRESS_NONE ||
                       entry->addresses.notify.count > 0 || entry->addresses.resource != NULL;
    metrics_add(METRIC_REQUESTS_REFUSED, 1);
    if (entry->item->channel == CHANNEL_SYNCHRONOUS) {
        finish_error(invoker, entry, entry->item->body.size > REQUEST_MAX_BYTES ? 413 : 400,
                     "InvalidRequest", error->text);
        return;
    }
    if (!has_address) {
        park(invoker, entry, error->text);
        return;
    }
    struct record *record = &entry->work.record;
    struct plan_maker maker = plan_maker_of(invoker);
    plan_make_refused(&maker, &entry->addresses, entry->item->body, &entry->item->identity,
                      &record->plan);
    struct lifecycle_context context = dispatch_context(dispatch);
    lifecycle_accept(&context, &record->plan, LIFECYCLE_START_REJECTED, SLICE("InvalidRequest"),
                     arena_copy(dispatch->arena, slice_from_text(error->text)),
                     &entry->registration.decision);
    entry->refused = true;
}

/* What is inside an envelope keeps its own identity, however often the envelope comes. An
 * Idempotency-Key is the caller's own word. */
static void take_identity(struct invoker *invoker, struct request_item *entry)
{
    struct plan_identity *identity = &entry->item->identity;
    const struct request_addresses *addresses = &entry->addresses;
    bool own = identity->source.size > 0 && slice_equals_text(identity->kind, "idempotency-key");
    if (addresses->resource != NULL) {
        resource_identity(addresses->resource, invoker->dispatch->arena, identity);
    } else if (addresses->envelope.source.size > 0 && !own) {
        *identity = addresses->envelope;
    }
}

static void parse(struct invoker *invoker, struct request_item *entry)
{
    struct dispatch *dispatch = invoker->dispatch;
    struct error error = ERROR_NONE;
    enum status status = request_parse(dispatch->arena, entry->item->body, &entry->request,
                                       &entry->addresses, &error);
    take_identity(invoker, entry);
    if (status != STATUS_OK) {
        refuse(invoker, entry, &error);
        return;
    }
    if (entry->request.action == REQUEST_EXECUTE) {
        return;
    }
    if (entry->item->channel == CHANNEL_ASYNCHRONOUS) {
        error_set(&error, STATUS_REJECTED, "action: needs a channel with a reply");
        refuse(invoker, entry, &error);
        return;
    }
    statement_action(dispatch, &entry->request, &entry->item->code, &entry->item->reply);
    entry->done = true;
}

/* Whether a request is registered already. Its script is not read again then: it may have changed,
 * and the invocation goes by what it was. */
static void recall(struct invoker *invoker, struct request_item *entry)
{
    struct dispatch *dispatch = invoker->dispatch;
    struct error error = ERROR_NONE;
    char *id = arena_alloc(dispatch->arena, TRACKER_ID_BYTES + 1);
    const char *const ids[] = {id};
    struct work *const works[] = {&entry->work};
    if (!plan_find_id(&entry->request, &entry->item->identity, id)) {
        return;
    }
    enum status status = dispatch_load(dispatch, ids, works, &entry->known, 1, &error);
    if (status == STATUS_OK && entry->known && entry->work.status != STATUS_OK) {
        status = entry->work.status;
        error = entry->work.error;
    }
    if (status != STATUS_OK) {
        finish_away(invoker, entry, &error);
    }
}

/* The scripts of the batch, all at once. */
static void fetch_scripts(struct invoker *invoker, struct request_item *entries, size_t count)
{
    struct arena *arena = invoker->dispatch->arena;
    struct script *scripts = ARENA_ARRAY(arena, count, struct script);
    struct request_item **whose = ARENA_ARRAY(arena, count, struct request_item *);
    size_t script_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct request_item *entry = &entries[i];
        if (entry->done || entry->refused || entry->request.script_uri.size == 0) {
            continue;
        }
        recall(invoker, entry);
        if (!entry->done && !entry->known) {
            scripts[script_count].request = &entry->request;
            whose[script_count++] = entry;
        }
    }
    scripts_fetch(invoker->dispatch, scripts, script_count);
    for (size_t i = 0; i < script_count; i++) {
        if (scripts[i].status == STATUS_REJECTED) {
            refuse(invoker, whose[i], &scripts[i].error);
        } else if (scripts[i].status != STATUS_OK) {
            finish_away(invoker, whose[i], &scripts[i].error);
        }
    }
}

/* Of a lock that somebody else holds, on a channel with a reply: the reply says so, and nothing is
 * registered. A skip that somebody is to be called back about is told there instead. */
static void find_conflict(struct invoker *invoker, struct request_item *entry)
{
    struct dispatch *dispatch = invoker->dispatch;
    const struct plan *plan = &entry->work.record.plan;
    char holder[TRACKER_ID_BYTES + 1] = "";
    struct error error = ERROR_NONE;
    bool alone = plan->on_conflict == PLAN_CONFLICT_FAIL ||
                 (plan->on_conflict == PLAN_CONFLICT_SKIP && plan->address_count == 0);
    if (plan->lock_key[0] == '\0' || entry->item->channel == CHANNEL_ASYNCHRONOUS || !alone) {
        return;
    }
    entry->work.told_by_reply = plan->on_conflict == PLAN_CONFLICT_FAIL;
    if (lock_find_holder(dispatch, plan, holder, &error) != STATUS_OK) {
        finish_away(invoker, entry, &error);
    } else if (holder[0] != '\0' && plan->on_conflict == PLAN_CONFLICT_FAIL) {
        metrics_add(METRIC_REQUESTS_REFUSED, 1);
        finish_error(invoker, entry, 409, "ConcurrentExecution",
                     arena_format(dispatch->arena, "singleton: invocation %s is running", holder));
    } else if (holder[0] != '\0') {
        entry->item->code = 200;
        entry->item->reply = skipped_reply(dispatch->arena, holder);
        entry->done = true;
    }
}

static void plan(struct invoker *invoker, struct request_item *entry)
{
    struct plan_maker maker = plan_maker_of(invoker);
    struct lifecycle_context context = dispatch_context(invoker->dispatch);
    struct error error = ERROR_NONE;
    struct record *record = &entry->work.record;
    if (entry->done || entry->refused || entry->known) {
        return;
    }
    enum status status = resource_recall(invoker->dispatch, &entry->request, &error);
    if (status == STATUS_OK) {
        status = plan_make(&maker, &entry->request, &entry->item->identity, &record->plan, &error);
    }
    if (status == STATUS_REJECTED) {
        refuse(invoker, entry, &error);
        return;
    }
    if (status != STATUS_OK) {
        finish_away(invoker, entry, &error);
        return;
    }
    find_conflict(invoker, entry);
    if (entry->done) {
        return;
    }
    lifecycle_accept(&context, &record->plan,
                     entry->request.nothing_to_run ? LIFECYCLE_START_FINISHED
                                                   : LIFECYCLE_START_SUBMIT,
                     SLICE_NONE, SLICE_NONE, &entry->registration.decision);
}

/* The same work again: told at once when it is over, an adopter until then. */
static void repeat(struct invoker *invoker, struct request_item *entry)
{
    struct dispatch *dispatch = invoker->dispatch;
    metrics_add(METRIC_REQUESTS_REPEATED, 1);
    if (entry->request.request_key.size == 0) {
        return;
    }
    struct stimulus adopted = dispatch_stimulus(dispatch, STIMULUS_ADOPTED);
    adopted.adopter_group = entry->request.execution_arn;
    if (entry->request.task_token.size > 0) {
        address_init(&adopted.adopter, ADDRESS_TASK_TOKEN, entry->request.task_token);
        dispatch_feed(dispatch, &entry->work, &adopted);
    }
    if (entry->request.reply_to.kind != ADDRESS_NONE) {
        adopted.adopter = entry->request.reply_to;
        dispatch_feed(dispatch, &entry->work, &adopted);
    }
}

/* The digest a record was registered with is in its plan, and stays there until the plan goes. */
static bool conflicts(const struct request_item *entry)
{
    return strcmp(entry->work.record.plan.digest, entry->digest) != 0;
}

static void conflict(struct invoker *invoker, struct request_item *entry)
{
    const char *text = "requestKey: another request was accepted under this identity";
    metrics_add(METRIC_REQUESTS_REFUSED, 1);
    if (entry->item->channel == CHANNEL_SYNCHRONOUS) {
        finish_error(invoker, entry, 409, "IdempotencyConflict", text);
    } else {
        park(invoker, entry, text);
    }
}

static bool in_array(struct request_item *const *entries, size_t count, const char *id)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(entries[i]->work.record.plan.id, id) == 0) {
            return true;
        }
    }
    return false;
}

/* The open entries whose ids are distinct; returns how many. */
static size_t take_some(struct request_item *entries, size_t count, struct request_item **taken)
{
    size_t taken_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct request_item *entry = &entries[i];
        if (entry->done || in_array(taken, taken_count, entry->work.record.plan.id)) {
            continue;
        }
        memcpy(entry->digest, entry->known ? entry->request.digest : entry->work.record.plan.digest,
               sizeof(entry->digest));
        entry->registration.existing = entry->known;
        taken[taken_count++] = entry;
    }
    return taken_count;
}

/* Registers those of them that are not known to be there already. */
static void register_new(struct dispatch *dispatch, struct request_item *const *taken, size_t count)
{
    struct registration *registrations = ARENA_ARRAY(dispatch->arena, count, struct registration);
    struct request_item **whose = ARENA_ARRAY(dispatch->arena, count, struct request_item *);
    size_t new_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct request_item *entry = taken[i];
        if (entry->known) {
            continue;
        }
        entry->work.record.created_at_ms = dispatch->now_ms;
        entry->work.record.group = entry->work.record.plan.group;
        entry->registration.work = &entry->work;
        registrations[new_count] = entry->registration;
        whose[new_count++] = entry;
    }
    dispatch_register(dispatch, registrations, new_count);
    for (size_t i = 0; i < new_count; i++) {
        whose[i]->registration.existing = registrations[i].existing;
    }
}

/* Returns how many were taken up. */
static size_t register_some(struct invoker *invoker, struct request_item *entries, size_t count,
                            struct request_item **taken)
{
    const size_t taken_count = take_some(entries, count, taken);
    register_new(invoker->dispatch, taken, taken_count);
    for (size_t i = 0; i < taken_count; i++) {
        struct request_item *entry = taken[i];
        if (entry->work.status != STATUS_OK || !entry->registration.existing) {
            continue;
        }
        if (conflicts(entry)) {
            conflict(invoker, entry);
        } else {
            repeat(invoker, entry);
        }
    }
    return taken_count;
}

/* One that lost the race for its lock after it had been registered. */
static bool lost_the_race(const struct request_item *entry)
{
    const struct state *state = &entry->work.record.state;
    return entry->work.told_by_reply && !entry->registration.existing &&
           state->outcome == OUTCOME_REJECTED &&
           strcmp(state->error_type, "ConcurrentExecution") == 0;
}

/* A callback-free request has only this reply: the refusal of its submit. */
static bool reply_refusal(struct invoker *invoker, struct request_item *entry)
{
    const struct work *work = &entry->work;
    if (lost_the_race(entry)) {
        metrics_add(METRIC_REQUESTS_REFUSED, 1);
        finish_error(invoker, entry, 409, "ConcurrentExecution",
                     arena_text(invoker->dispatch->arena, work->record.state.error_text));
        return true;
    }
    if (!work->submit_refused || work->record.plan.address_count > 0 ||
        work->record.state.outcome != OUTCOME_REJECTED) {
        return false;
    }
    const char *text = arena_text(invoker->dispatch->arena, work->submit_error_text);
    if (work->submit_refusal == REFUSAL_CAPACITY) {
        finish_error(invoker, entry, 429, "TooManyRequestsException", text);
    } else {
        finish_error(invoker, entry, 400,
                     work->submit_error_type[0] != '\0' ? work->submit_error_type : "ClientError",
                     text);
    }
    return true;
}

/* The plan does not fit into the store; an asynchronous caller is told in the next round. */
static void refuse_size(struct invoker *invoker, struct request_item *entry)
{
    const struct error error = entry->work.error;
    if (entry->item->channel == CHANNEL_SYNCHRONOUS) {
        metrics_add(METRIC_REQUESTS_REFUSED, 1);
        finish_error(invoker, entry, 413, "InvalidRequest", error.text);
        return;
    }
    entry->work = (struct work){0};
    entry->registration = (struct registration){0};
    refuse(invoker, entry, &error);
}

static void settle(struct invoker *invoker, struct request_item *entry)
{
    const struct work *work = &entry->work;
    if (entry->done) {
        return;
    }
    if (work->status == STATUS_REJECTED && !work->applied && !entry->registration.existing &&
        !entry->refused) {
        refuse_size(invoker, entry);
        return;
    }
    /* After registering, a lost settle is the sweep's to mend; before it, the caller's to repeat,
     * and so is an address that could not be adopted. */
    if (work->status != STATUS_OK && !work->applied) {
        finish_away(invoker, entry, &work->error);
        return;
    }
    entry->item->acknowledge = true;
    entry->done = true;
    if (reply_refusal(invoker, entry)) {
        return;
    }
    entry->item->code = entry->registration.existing || work->record.state.skipped ? 200 : 202;
    const char *id = first_id(&work->record.state);
    entry->item->reply = entry->request.tells_batch_id && id[0] != '\0'
                             ? batch_id_reply(invoker->dispatch->arena, id)
                             : accepted_reply(invoker, work);
    if (!entry->registration.existing && !entry->refused) {
        metrics_add(METRIC_REQUESTS_ACCEPTED, 1);
    }
}

/* What could not be cancelled is so when the message comes again. */
static void supersede(struct invoker *invoker, struct request_item *entry)
{
    struct error error = ERROR_NONE;
    if (entry->item->acknowledge &&
        supersede_older(invoker->dispatch, &entry->work.record, &error) != STATUS_OK) {
        log_warning("earlier requests not cancelled", LOG_CSTR("reason", error.text));
        entry->item->acknowledge = false;
        entry->item->again_seconds = BUSY_AGAIN_SECONDS;
    }
}

void invoker_handle(struct invoker *invoker, struct invoker_item *items, size_t count)
{
    dispatch_begin(invoker->dispatch);
    struct arena *arena = invoker->dispatch->arena;
    struct request_item *entries = ARENA_ARRAY(arena, count, struct request_item);
    struct request_item **taken = ARENA_ARRAY(arena, count, struct request_item *);
    struct work **works = ARENA_ARRAY(arena, count, struct work *);
    struct parkings parkings = {.list = ARENA_ARRAY(arena, count, struct parking)};
    for (size_t i = 0; i < count; i++) {
        entries[i].item = &items[i];
        entries[i].parkings = &parkings;
        parse(invoker, &entries[i]);
    }
    fetch_scripts(invoker, entries, count);
    for (size_t i = 0; i < count; i++) {
        plan(invoker, &entries[i]);
    }
    /* Two requests with one identity in a batch: the second one waits for the next round; so does
     * one that turned out to be too large. */
    for (size_t round = 0; round < 2 * count; round++) {
        size_t taken_count = register_some(invoker, entries, count, taken);
        if (taken_count == 0) {
            break;
        }
        for (size_t i = 0; i < taken_count; i++) {
            works[i] = &taken[i]->work;
        }
        dispatch_run(invoker->dispatch, works, taken_count);
        for (size_t i = 0; i < taken_count; i++) {
            settle(invoker, taken[i]);
            supersede(invoker, taken[i]);
        }
    }
    parkings_write(invoker->dispatch, &parkings);
}
