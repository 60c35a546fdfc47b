#include "completer/reply_cloudformation.h"

#include "completer/reply.h"

#include "infra/base/buffer.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

/* More than the answer can hold of anything. */
#define SCRATCH_MAX_BYTES (1u << 20)

struct answer {
    struct arena *arena;
    const struct plan *plan;
    const struct state *state;
    struct json chosen; /* the columns of the first row that the request chose */
    bool failed;
    struct slice reason; /* of a failure */
};

/* ---- Physical ids --------------------------------------------------------------------------- */

/* A Create that failed gets a marker: the Delete that CloudFormation sends for it runs nothing. */
static struct slice create_failed_id(const struct answer *answer)
{
    return slice_from_text(
        arena_format(answer->arena, "%s%s", PLAN_RESOURCE_CREATE_FAILED, answer->plan->id));
}

static struct slice physical_id(const struct answer *answer)
{
    const struct plan_resource *resource = answer->plan->resource;
    if (answer->state->outcome != OUTCOME_FINISHED) {
        return resource->current_physical_id.size > 0 ? resource->current_physical_id
                                                      : create_failed_id(answer);
    }
    return resource->physical_resource_id.size > 0
               ? resource->physical_resource_id
               : invocation_statement_name(answer->arena, answer->plan, 1, 1);
}

/* ---- What is told --------------------------------------------------------------------------- */

/* Of an outcome that the database said nothing about. */
static const char *plain_reason(enum outcome outcome)
{
    switch (outcome) {
    case OUTCOME_NONE:
    case OUTCOME_FINISHED: break;
    case OUTCOME_FAILED: return "the statement failed";
    case OUTCOME_ABORTED: return "the statement was cancelled";
    case OUTCOME_TIMED_OUT: return "there was no ending before the deadline";
    case OUTCOME_REJECTED: return "the statement was refused";
    case OUTCOME_EXPIRED: return "how the statement ended can no longer be learned";
    }
    return "";
}

static struct slice reason_of(struct arena *arena, const struct state *state, struct slice reply)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json cause = {0};
    struct slice text = SLICE_NONE;
    if (json_parse(arena, reply_cause(reply), &cause, NULL) == STATUS_OK &&
        json_find_text(json_member(cause, "detail"), "error", 0, &text, NULL) != STATUS_OK) {
        text = SLICE_NONE;
    }
    if (text.size == 0) {
        text = state->error_text;
    }
    if (text.size == 0) {
        text = slice_from_text(plain_reason(state->outcome));
    }
    buffer_init(&out, SCRATCH_MAX_BYTES);
    buffer_append_text(&out, outcome_name(state->outcome));
    buffer_append_text(&out, ": ");
    buffer_append(&out, text);
    return arena_copy(arena, buffer_slice(&out));
}

static struct json chosen_of(struct arena *arena, struct slice reply)
{
    struct json output = {0};
    if (json_parse(arena, reply_output(reply), &output, NULL) != STATUS_OK) {
        return (struct json){0};
    }
    return json_member(json_member(output, "ringback"), "data");
}

static void fail(struct answer *answer, const char *reason)
{
    answer->failed = true;
    answer->reason = slice_from_text(reason);
}

/* Every chosen column is there, when a statement ran that could have it. */
static void check_chosen(struct answer *answer)
{
    const struct plan_resource *resource = answer->plan->resource;
    for (size_t i = 0; i < resource->data_count && answer->state->result_count > 0; i++) {
        const char *name = arena_text(answer->arena, resource->data[i].name);
        if (json_kind(json_member(answer->chosen, name)) == JSON_ABSENT) {
            fail(answer,
                 arena_format(answer->arena,
                              "FAILED: Data.%s: the result has no such column, or no row", name));
            return;
        }
    }
}

/* ---- The body ------------------------------------------------------------------------------- */

static void write_chosen(struct json_writer *writer, const struct answer *answer)
{
    for (size_t i = 0; i < json_count(answer->chosen); i++) {
        struct slice name = SLICE_NONE;
        struct slice text = SLICE("");
        struct json value = json_member_at(answer->chosen, i, &name);
        if (json_kind(value) == JSON_TEXT && json_text(value, &text, NULL) != STATUS_OK) {
            continue;
        }
        json_write_name(writer, name);
        json_write_text(writer, NULL, text);
    }
}

/* CloudFormation's attributes are texts. */
static void write_data(struct json_writer *writer, const struct answer *answer)
{
    const struct state *state = answer->state;
    const struct step_result *last =
        state->result_count > 0 ? &state->results[state->result_count - 1] : NULL;
    json_begin_object(writer, "Data");
    if (last != NULL) {
        json_write_text(writer, "StatementId", slice_from_text(last->statement_id));
        json_write_text(
            writer, "StatementName",
            invocation_statement_name(answer->arena, answer->plan, last->step, last->attempt));
    }
    json_write_text(writer, "Status", slice_from_text(outcome_name(state->outcome)));
    if (last != NULL && last->rows >= 0) {
        json_write_text(
            writer, "ResultRows",
            slice_from_text(arena_format(answer->arena, "%lld", (long long)last->rows)));
    }
    write_chosen(writer, answer);
    json_end_object(writer);
}

/* Absent when it does not fit. */
static struct slice write_body(const struct answer *answer, struct slice reason)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    const struct plan_resource *resource = answer->plan->resource;
    buffer_init(&out, REPLY_CLOUDFORMATION_MAX_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "Status", answer->failed ? SLICE("FAILED") : SLICE("SUCCESS"));
    json_write_text_if(&writer, "Reason", reason);
    json_write_text(&writer, "PhysicalResourceId", physical_id(answer));
    json_write_text(&writer, "StackId", resource->stack_id);
    json_write_text(&writer, "RequestId", resource->request_id);
    json_write_text(&writer, "LogicalResourceId", resource->logical_resource_id);
    json_write_bool(&writer, "NoEcho", resource->no_echo);
    if (!answer->failed) {
        write_data(&writer, answer);
    }
    json_end_object(&writer);
    return out.overflowed ? SLICE_NONE : arena_copy(answer->arena, buffer_slice(&out));
}

/* With as much of the reason as there is room for. */
static struct slice write_failure(const struct answer *answer)
{
    size_t fits = 0;
    size_t most = answer->reason.size < REPLY_CLOUDFORMATION_MAX_BYTES
                      ? answer->reason.size
                      : REPLY_CLOUDFORMATION_MAX_BYTES;
    struct slice body = write_body(answer, slice_cut_utf8(answer->reason, most));
    while (body.data == NULL && most - fits > 1) {
        size_t middle = fits + (most - fits) / 2;
        if (write_body(answer, slice_cut_utf8(answer->reason, middle)).data != NULL) {
            fits = middle;
        } else {
            most = middle;
        }
    }
    return body.data != NULL ? body : write_body(answer, slice_cut_utf8(answer->reason, fits));
}

struct slice reply_render_cloudformation(struct arena *arena, const struct plan *plan,
                                         const struct state *state, struct slice reply)
{
    struct answer answer = {.arena = arena, .plan = plan, .state = state};
    if (state->outcome != OUTCOME_FINISHED) {
        answer.failed = true;
        answer.reason = reason_of(arena, state, reply);
        return write_failure(&answer);
    }
    answer.chosen = chosen_of(arena, reply);
    check_chosen(&answer);
    struct slice body = answer.failed ? SLICE_NONE : write_body(&answer, SLICE_NONE);
    if (body.data != NULL) {
        return body;
    }
    if (!answer.failed) {
        fail(&answer, "FAILED: Data: the chosen columns do not fit into an answer of 4096 bytes");
    }
    return write_failure(&answer);
}
