#include "invoker/inspect.h"

#include "invoker/invoker.h"

#include "infra/base/encode.h"
#include "infra/base/json_writer.h"

#include <string.h>

/* A page of 100 invocations with 256 steps of 3 attempts each stays below. */
#define DOCUMENT_MAX_BYTES (24u << 20)

static void write_time(struct json_writer *writer, const char *name, int64_t time_ms)
{
    char text[TIME_TEXT_BYTES + 1];
    if (time_ms == 0) {
        json_write_null(writer, name);
        return;
    }
    time_format_ms(time_ms, text);
    json_write_text(writer, name, slice_from_text(text));
}

void inspect_write_step(struct arena *arena, const struct plan *plan,
                        const struct step_result *result, struct json_writer *writer)
{
    json_begin_object(writer, NULL);
    json_write_int64(writer, "step", result->step);
    json_write_int64(writer, "attempt", result->attempt);
    json_write_text_if(writer, "statementName",
                       invocation_told_name(arena, plan, result->step, result->attempt));
    if (result->statement_id[0] != '\0') {
        json_write_text(writer, "Id", slice_from_text(result->statement_id));
    }
    json_write_text(writer, "Status", slice_from_text(ending_name(result->ending)));
    if (result->rows >= 0) {
        json_write_int64(writer, "ResultRows", result->rows);
    }
    if (result->duration_ms >= 0) {
        json_write_int64(writer, "DurationMs", result->duration_ms);
    }
    json_end_object(writer);
}

/* The attempts that ended, and the one that is on its way. */
static void write_steps(struct json_writer *writer, struct arena *arena,
                        const struct record *record)
{
    const struct state *state = &record->state;
    json_begin_array(writer, "Steps");
    for (size_t i = 0; i < state->result_count; i++) {
        inspect_write_step(arena, &record->plan, &state->results[i], writer);
    }
    if (!lifecycle_statement_final(state->statement) && state->statement_id[0] != '\0') {
        struct step_result current = {
            .step = state->step, .attempt = state->attempt, .rows = -1, .duration_ms = -1};
        memcpy(current.statement_id, state->statement_id, sizeof(current.statement_id));
        inspect_write_step(arena, &record->plan, &current, writer);
    }
    json_end_array(writer);
}

/* The first address is the caller's, unless it is one of notify. */
static const struct callback *callback_of_caller(const struct record *record)
{
    const bool notified =
        record->plan.address_count > 0 && record->plan.addresses[0].when != ADDRESS_ALWAYS;
    return record->state.callback_count > 0 && !notified ? &record->state.callbacks[0] : NULL;
}

static void write_callbacks(struct json_writer *writer, const struct record *record)
{
    const struct state *state = &record->state;
    const struct callback *caller = callback_of_caller(record);
    json_write_text(writer, "Callback",
                    caller != NULL ? slice_from_text(callback_state_name(caller->state))
                                   : SLICE_NONE);
    json_write_text(
        writer, "CallbackKind",
        slice_from_text(address_kind_name(caller != NULL ? caller->kind : ADDRESS_NONE)));
    json_begin_array(writer, "Callbacks");
    for (size_t i = 0; i < state->callback_count; i++) {
        json_begin_object(writer, NULL);
        json_write_text(writer, "Kind",
                        slice_from_text(address_kind_name(state->callbacks[i].kind)));
        json_write_text(writer, "State",
                        slice_from_text(callback_state_name(state->callbacks[i].state)));
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_record(struct json_writer *writer, struct arena *arena,
                         const struct record *record)
{
    const struct state *state = &record->state;
    json_begin_object(writer, NULL);
    json_write_text(writer, "InvocationId", slice_from_text(record->plan.id));
    json_write_text(writer, "Statement", slice_from_text(statement_state_name(state->statement)));
    json_write_text(writer, "Outcome",
                    state->outcome != OUTCOME_NONE ? slice_from_text(outcome_name(state->outcome))
                                                   : SLICE_NONE);
    json_write_text(writer, "Group", record->group);
    json_write_int64(writer, "StepCount", (int64_t)record->plan.step_count);
    json_write_int64(writer, "Step", state->step);
    json_write_int64(writer, "Attempt", state->attempt);
    write_callbacks(writer, record);
    write_steps(writer, arena, record);
    if (state->error_type[0] != '\0') {
        json_write_text(writer, "ErrorType", slice_from_text(state->error_type));
    }
    json_write_text_if(writer, "Error", state->error_text);
    write_time(writer, "CreatedAt", record->created_at_ms);
    write_time(writer, "UpdatedAt", state->updated_at_ms);
    write_time(writer, "EndedAt", state->ended_at_ms);
    write_time(writer, "SettledAt", state->settled_at_ms);
    write_time(writer, "DueAt", record->due_at_ms);
    write_time(writer, "Deadline", record->plan.deadline_ms);
    json_end_object(writer);
}

/* What the store knows by itself of a record that cannot be opened, and why it cannot. */
static void write_unreadable(struct json_writer *writer, const struct tracker_record *stored,
                             const struct error *problem)
{
    json_begin_object(writer, NULL);
    json_write_text(writer, "InvocationId", slice_from_text(stored->id));
    json_write_text(writer, "Statement", SLICE("unreadable"));
    json_write_text(writer, "Group", stored->group);
    json_write_text(writer, "Error", slice_from_text(problem->text));
    write_time(writer, "CreatedAt", stored->created_at_ms);
    write_time(writer, "SettledAt", stored->settled_at_ms);
    write_time(writer, "DueAt", stored->due_at_ms);
    json_end_object(writer);
}

static void reply_error(struct dispatch *dispatch, enum status status, const char *text, int *code,
                        struct slice *reply)
{
    *code = status == STATUS_NOT_FOUND ? 404 : status == STATUS_REJECTED ? 400 : 503;
    const char *type = status == STATUS_NOT_FOUND  ? "NoTrackedState"
                       : status == STATUS_REJECTED ? "InvalidRequest"
                                                   : "ServiceUnavailable";
    *reply = invoker_error_reply(dispatch->arena, type, text);
}

/* One record; false: answered already. */
static bool load(struct dispatch *dispatch, struct slice id, struct work *work, int *code,
                 struct slice *reply)
{
    struct error error = ERROR_NONE;
    const char *key = arena_text(dispatch->arena, id);
    bool found = false;
    enum status status = STATUS_OK;
    if (invocation_id_valid(id)) {
        status = dispatch_load(dispatch, &key, &work, &found, 1, &error);
    }
    if (status == STATUS_OK && found) {
        /* A record that is there but cannot be read is no missing one. */
        status = work->status == STATUS_NOT_FOUND ? STATUS_INTERNAL : work->status;
        error = work->error;
    } else if (status == STATUS_OK) {
        status = error_set(&error, STATUS_NOT_FOUND, "invocationId: no such invocation");
    }
    if (status != STATUS_OK) {
        reply_error(dispatch, status, error.text, code, reply);
    }
    return status == STATUS_OK;
}

void inspect_get(struct dispatch *dispatch, struct slice id, int *code, struct slice *reply)
{
    struct work work = {0};
    dispatch_begin(dispatch);
    if (!load(dispatch, id, &work, code, reply)) {
        return;
    }
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, DOCUMENT_MAX_BYTES);
    json_writer_init(&writer, &out);
    write_record(&writer, dispatch->arena, &work.record);
    *code = 200;
    *reply = arena_copy(dispatch->arena, buffer_slice(&out));
}

void inspect_reply(struct dispatch *dispatch, struct slice id, int *code, struct slice *reply)
{
    struct work work = {0};
    struct error error = ERROR_NONE;
    dispatch_begin(dispatch);
    if (!load(dispatch, id, &work, code, reply)) {
        return;
    }
    enum status status = dispatch_reply(dispatch, &work.record, reply, &error);
    *code = 200;
    if (status != STATUS_OK) {
        reply_error(dispatch, status, error.text, code, reply);
    }
}

void inspect_list(struct dispatch *dispatch, const struct inspect_query *query, int *code,
                  struct slice *reply)
{
    struct tracker_record *records = NULL;
    struct slice next_token = SLICE_NONE;
    struct error error = ERROR_NONE;
    size_t count = 0;
    const struct tracker_list list = {.group = query->group,
                                      .open_only = query->open_only,
                                      .limit = query->limit,
                                      .token = query->token};
    dispatch_begin(dispatch);
    enum status status = tracker_list(dispatch->tracker, dispatch->arena, &list, &records, &count,
                                      &next_token, &error);
    if (status != STATUS_OK) {
        reply_error(dispatch, status, error.text, code, reply);
        return;
    }
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, DOCUMENT_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "Invocations");
    for (size_t i = 0; i < count; i++) {
        struct record record;
        if (record_open(dispatch->seal, dispatch->arena, &records[i], &record, &error) ==
            STATUS_OK) {
            write_record(&writer, dispatch->arena, &record);
        } else {
            write_unreadable(&writer, &records[i], &error);
        }
    }
    json_end_array(&writer);
    json_write_text_if(&writer, "NextToken", next_token);
    json_end_object(&writer);
    *code = 200;
    *reply = arena_copy(dispatch->arena, buffer_slice(&out));
}

void inspect_cancel(struct dispatch *dispatch, struct slice id, int *code, struct slice *reply)
{
    struct work work = {0};
    struct work *works[] = {&work};
    dispatch_begin(dispatch);
    if (!load(dispatch, id, &work, code, reply)) {
        return;
    }
    bool ended = work.record.state.outcome != OUTCOME_NONE;
    struct stimulus cancel = dispatch_stimulus(dispatch, STIMULUS_CANCEL_REQUESTED);
    dispatch_feed(dispatch, &work, &cancel);
    dispatch_run(dispatch, works, 1);
    if (work.status != STATUS_OK) {
        reply_error(dispatch, work.status, work.error.text, code, reply);
        return;
    }
    /* It may have ended while this was on its way. */
    bool accepted = !ended && work.record.state.cancel_cause != OUTCOME_NONE;
    *code = accepted ? 202 : 200;
    *reply = accepted ? SLICE("{\"Status\":true}") : SLICE("{\"Status\":false}");
}
