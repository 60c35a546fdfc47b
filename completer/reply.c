#include "completer/reply.h"

#include "completer/reply_queries.h"
#include "invoker/inspect.h"

#include "infra/aws/step_functions.h"
#include "infra/base/encode.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <string.h>

/* The database's text is what is cut first: halved until the cause fits. At the least size, with
 * six bytes for each control character, it leaves room for the event and 40 steps of 300 bytes. */
#define CAUSE_ERROR_MAX_BYTES 16384
#define CAUSE_ERROR_MIN_BYTES 1024
#define CAUSE_STEPS_MAX       40
#define OUTPUT_STEPS_MAX      600
#define REPLY_MAX_BYTES       (STEP_FUNCTIONS_OUTPUT_MAX_BYTES + 512)
/* Around a result that fills its room: the document's head, a message's attributes, and what the
 * last look may add to the steps. */
#define RESULT_MARGIN_BYTES 2048

/* How much of an output is told; the next is tried when the one before does not fit. */
enum extent {
    EXTENT_WHOLE,
    EXTENT_WITHOUT_ITEMS, /* of a list of queries: what the caller knows */
    EXTENT_WITHOUT_RESULT,
    EXTENT_COUNT,
};

struct rendering {
    struct arena *arena;
    const struct plan *plan;
    const struct state *state;
    const struct stimulus *stimulus;
    size_t error_max_bytes;
    enum extent extent;
    struct json_writer writer;
};

static bool nothing_ran(const struct rendering *rendering)
{
    return rendering->state->skipped ||
           (rendering->plan->step_count == 0 && rendering->state->result_count == 0);
}

/* The rows that were asked for; absent when none were. */
static struct slice told_result(const struct rendering *rendering)
{
    if (rendering->plan->result.mode == PLAN_RESULT_NONE || nothing_ran(rendering) ||
        rendering->state->outcome != OUTCOME_FINISHED) {
        return SLICE_NONE;
    }
    return rendering->stimulus->result.size > 0 && rendering->extent < EXTENT_WITHOUT_RESULT
               ? rendering->stimulus->result
               : SLICE("{\"truncated\":true}");
}

static const char *state_word(const struct state *state)
{
    return outcome_name(state->outcome);
}

/* The attempt that the reply speaks of: the current one, or the one before when the current one was
 * never sent. */
static struct step_result told_attempt(const struct state *state)
{
    struct step_result told = {
        .step = state->step, .attempt = state->attempt, .rows = -1, .duration_ms = -1};
    const struct step_result *last =
        state->result_count > 0 ? &state->results[state->result_count - 1] : NULL;
    bool sent = state->sends > 0 || state->statement_id[0] != '\0';
    if (last != NULL && (!sent || (last->step == told.step && last->attempt == told.attempt))) {
        return *last;
    }
    memcpy(told.statement_id, state->statement_id, sizeof(told.statement_id));
    return told;
}

static struct slice told_name(const struct rendering *rendering)
{
    const struct step_result told = told_attempt(rendering->state);
    return invocation_told_name(rendering->arena, rendering->plan, told.step, told.attempt);
}

/* The newest steps are told; what is left out is counted. */
static void write_ringback(struct rendering *rendering, size_t steps_max)
{
    struct json_writer *writer = &rendering->writer;
    const struct state *state = rendering->state;
    size_t omitted = state->result_count > steps_max ? state->result_count - steps_max : 0;
    json_begin_object(writer, "ringback");
    json_write_text(writer, "invocationId", slice_from_text(rendering->plan->id));
    json_write_text(writer, "outcome", slice_from_text(outcome_name(state->outcome)));
    if (state->witness != WITNESS_NONE) {
        json_write_text(writer, "learnedFrom", slice_from_text(witness_name(state->witness)));
    }
    if (state->statement_unknown) {
        json_write_text(writer, "statement", SLICE("unknown"));
    }
    if (state->error_type[0] != '\0') {
        json_write_text(writer, "errorType", slice_from_text(state->error_type));
    }
    json_begin_array(writer, "steps");
    for (size_t i = omitted; i < state->result_count; i++) {
        inspect_write_step(rendering->arena, rendering->plan, &state->results[i], writer);
    }
    json_end_array(writer);
    if (omitted > 0) {
        json_write_int64(writer, "stepsOmitted", (int64_t)omitted);
    }
    if (state->session_id[0] != '\0') {
        json_write_text(writer, "sessionId", slice_from_text(state->session_id));
    }
    if (state->skipped) {
        json_write_bool(writer, "skipped", true);
    }
    if (state->holder[0] != '\0') {
        json_write_text(writer, "holder", slice_from_text(state->holder));
    }
    if (told_result(rendering).size > 0) {
        json_write_raw(writer, "result", told_result(rendering));
    }
    if (rendering->stimulus->data.size > 0) {
        json_write_raw(writer, "data", rendering->stimulus->data);
    }
    json_end_object(writer);
}

/* A document's members but the ones that are ours to write. */
static void write_members(struct rendering *rendering, struct json document, const char *ours)
{
    const char *const left_out[] = {ours, "ringback"};
    json_copy_members(document, left_out, ARRAY_COUNT(left_out), &rendering->writer);
}

static struct slice error_text(const struct rendering *rendering)
{
    struct slice text = rendering->stimulus->error_text.size > 0 ? rendering->stimulus->error_text
                                                                 : rendering->state->error_text;
    return slice_cut_utf8(text, rendering->error_max_bytes);
}

/* detail of an event, with the database's own text for a failure. */
static void write_detail(struct rendering *rendering, struct json detail, bool with_error)
{
    struct slice text = error_text(rendering);
    json_begin_object(&rendering->writer, "detail");
    write_members(rendering, detail, "error");
    if (with_error && text.size > 0) {
        json_write_text(&rendering->writer, "error", text);
    }
    json_end_object(&rendering->writer);
}

static void write_known_event(struct rendering *rendering, struct json event, bool with_error)
{
    write_members(rendering, event, "detail");
    write_detail(rendering, json_member(event, "detail"), with_error);
}

/* The event that never came: the same members, from what is known. */
static void write_made_event(struct rendering *rendering, bool with_error)
{
    struct json_writer *writer = &rendering->writer;
    const struct state *state = rendering->state;
    const struct step_result told = told_attempt(state);
    struct slice text = error_text(rendering);
    char time[TIME_TEXT_BYTES + 1];
    time_format_ms(state->ended_at_ms > 0 ? state->ended_at_ms : state->updated_at_ms, time);
    json_write_text(writer, "version", SLICE("0"));
    json_write_text(
        writer, "id",
        slice_from_text(arena_format(rendering->arena, "ringback-%s", rendering->plan->id)));
    json_write_text(writer, "detail-type", SLICE("Redshift Data Statement Status Change"));
    json_write_text(writer, "source", SLICE("aws.redshift-data"));
    json_write_text(writer, "account", SLICE(""));
    json_write_text(writer, "time", slice_from_text(time));
    json_write_text(writer, "region", SLICE(""));
    json_begin_array(writer, "resources");
    json_end_array(writer);
    json_begin_object(writer, "detail");
    json_write_text(writer, "principal", SLICE(""));
    json_write_text_if(writer, "statementName", told_name(rendering));
    json_write_text(writer, "statementId", slice_from_text(told.statement_id));
    json_write_int64(writer, "redshiftQueryId", -1);
    json_write_text(writer, "state", slice_from_text(state_word(state)));
    if (told.rows >= 0) {
        json_write_int64(writer, "rows", told.rows);
    }
    if (with_error && text.size > 0) {
        json_write_text(writer, "error", text);
    }
    json_end_object(writer);
}

static void write_event(struct rendering *rendering, bool with_error)
{
    struct json event = {0};
    if (rendering->state->event.size > 0 &&
        json_parse(rendering->arena, rendering->state->event, &event, NULL) == STATUS_OK &&
        json_kind(event) == JSON_OBJECT) {
        write_known_event(rendering, event, with_error);
    } else {
        write_made_event(rendering, with_error);
    }
}

/* DescribeStatement's document with the name that it lacks. */
static void write_statement(struct rendering *rendering)
{
    struct json_writer *writer = &rendering->writer;
    struct json document = {0};
    bool described = rendering->stimulus->description.size > 0 &&
                     json_parse(rendering->arena, rendering->stimulus->description, &document,
                                NULL) == STATUS_OK;
    if (!described) {
        const struct step_result told = told_attempt(rendering->state);
        json_write_text(writer, "Id", slice_from_text(told.statement_id));
        json_write_text(writer, "Status", slice_from_text(state_word(rendering->state)));
    }
    json_write_text_if(writer, "StatementName", told_name(rendering));
    write_members(rendering, document, "StatementName");
}

/* What ran: the event, the statement, or nothing at all. */
static void write_ending(struct rendering *rendering)
{
    if (nothing_ran(rendering)) {
        return;
    }
    if (rendering->plan->output == OUTPUT_STATEMENT) {
        write_statement(rendering);
    } else {
        write_event(rendering, false);
    }
}

static void write_output(struct rendering *rendering)
{
    if (rendering->plan->output == OUTPUT_QUERIES && !nothing_ran(rendering)) {
        const struct reply_queries queries = {
            .plan = rendering->plan,
            .state = rendering->state,
            .documents = rendering->extent < EXTENT_WITHOUT_RESULT ? rendering->stimulus->queries
                                                                   : SLICE_NONE,
            .result = told_result(rendering),
            .without_items = rendering->extent >= EXTENT_WITHOUT_ITEMS,
        };
        reply_queries_write(rendering->arena, &queries, &rendering->writer);
        return;
    }
    json_begin_object(&rendering->writer, "output");
    write_ending(rendering);
    write_ringback(rendering, OUTPUT_STEPS_MAX);
    json_end_object(&rendering->writer);
}

static void write_cause(struct rendering *rendering)
{
    json_write_text(&rendering->writer, "error",
                    slice_from_text(outcome_name(rendering->state->outcome)));
    json_begin_object(&rendering->writer, "cause");
    write_event(rendering, true);
    write_ringback(rendering, CAUSE_STEPS_MAX);
    json_end_object(&rendering->writer);
}

static void begin(struct rendering *rendering, struct buffer *out)
{
    json_writer_init(&rendering->writer, out);
    json_begin_object(&rendering->writer, NULL);
    json_write_text(&rendering->writer, "invocationId", slice_from_text(rendering->plan->id));
    json_write_text(&rendering->writer, "outcome",
                    slice_from_text(outcome_name(rendering->state->outcome)));
}

/* Absent when it does not fit. */
static struct slice render_within(struct rendering *rendering, size_t max_bytes)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, REPLY_MAX_BYTES);
    begin(rendering, &out);
    if (rendering->state->outcome == OUTCOME_FINISHED) {
        write_output(rendering);
    } else {
        write_cause(rendering);
    }
    json_end_object(&rendering->writer);
    struct slice reply = buffer_slice(&out);
    struct slice told =
        rendering->state->outcome == OUTCOME_FINISHED ? reply_output(reply) : reply_cause(reply);
    return out.overflowed || told.size > max_bytes ? SLICE_NONE
                                                   : arena_copy(rendering->arena, reply);
}

static struct slice render_output(struct rendering *rendering)
{
    struct slice reply = SLICE_NONE;
    for (int extent = EXTENT_WHOLE; reply.data == NULL && extent < EXTENT_COUNT; extent++) {
        rendering->extent = (enum extent)extent;
        reply = render_within(rendering, STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
    }
    return reply;
}

static struct slice render_cause(struct rendering *rendering)
{
    struct slice reply = SLICE_NONE;
    for (size_t max_bytes = CAUSE_ERROR_MAX_BYTES;
         reply.data == NULL && max_bytes >= CAUSE_ERROR_MIN_BYTES; max_bytes /= 2) {
        rendering->error_max_bytes = max_bytes;
        reply = render_within(rendering, STEP_FUNCTIONS_CAUSE_MAX_BYTES);
    }
    return reply;
}

struct slice reply_render(struct arena *arena, const struct plan *plan, const struct state *state,
                          const struct stimulus *stimulus)
{
    struct rendering rendering = {
        .arena = arena, .plan = plan, .state = state, .stimulus = stimulus};
    const struct slice reply =
        state->outcome == OUTCOME_FINISHED ? render_output(&rendering) : render_cause(&rendering);
    return reply.data != NULL ? reply : reply_render_short(arena, plan, state);
}

size_t reply_room(struct arena *arena, const struct plan *plan, const struct state *state,
                  const struct stimulus *stimulus)
{
    const size_t taken = reply_render(arena, plan, state, stimulus).size + RESULT_MARGIN_BYTES;
    return taken < STEP_FUNCTIONS_OUTPUT_MAX_BYTES ? STEP_FUNCTIONS_OUTPUT_MAX_BYTES - taken : 0;
}

struct slice reply_render_short(struct arena *arena, const struct plan *plan,
                                const struct state *state)
{
    CLEANUP(buffer_clear) struct buffer out;
    const struct stimulus none = {.rows = -1};
    struct rendering rendering = {.arena = arena,
                                  .plan = plan,
                                  .state = state,
                                  .stimulus = &none,
                                  .extent = EXTENT_WITHOUT_RESULT};
    buffer_init(&out, REPLY_MAX_BYTES);
    begin(&rendering, &out);
    if (state->outcome == OUTCOME_FINISHED) {
        json_begin_object(&rendering.writer, "output");
    } else {
        json_write_text(&rendering.writer, "error", slice_from_text(outcome_name(state->outcome)));
        json_begin_object(&rendering.writer, "cause");
    }
    write_ringback(&rendering, 1);
    json_end_object(&rendering.writer);
    json_end_object(&rendering.writer);
    return arena_copy(arena, buffer_slice(&out));
}

/* What follows the head, without the brace that closes the reply; absent when the reply has another
 * head. Whatever is inside cannot be taken for it. */
static struct slice cut_after(struct slice reply, struct slice outcome, struct slice marker)
{
    size_t at = slice_find(reply, SLICE("\"outcome\":"));
    struct slice rest = slice_part(reply, at, reply.size);
    if (at >= reply.size || !slice_starts_with(rest, outcome)) {
        return SLICE_NONE;
    }
    at = slice_find(rest, marker);
    rest = slice_part(rest, at + marker.size, rest.size);
    return rest.size > 0 ? slice_part(rest, 0, rest.size - 1) : SLICE_NONE;
}

struct slice reply_output(struct slice reply)
{
    return cut_after(reply, SLICE("\"outcome\":\"FINISHED\","), SLICE("\"output\":"));
}

struct slice reply_cause(struct slice reply)
{
    return reply_output(reply).data != NULL
               ? SLICE_NONE
               : cut_after(reply, SLICE("\"outcome\":"), SLICE("\"cause\":"));
}
