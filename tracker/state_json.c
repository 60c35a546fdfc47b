/* The stored form of a state, as tracker/plan_json.c is of a plan. */
#include "tracker/invocation.h"
#include "tracker/json_fields.h"

#include <string.h>

static void write_results(struct json_writer *writer, const struct state *state)
{
    if (state->result_count == 0) {
        return;
    }
    json_begin_array(writer, "results");
    for (size_t i = 0; i < state->result_count; i++) {
        const struct step_result *result = &state->results[i];
        json_begin_object(writer, NULL);
        json_write_int64(writer, "step", result->step);
        json_write_int64(writer, "attempt", result->attempt);
        json_write_int64(writer, "ending", result->ending);
        put_text(writer, "id", result->statement_id);
        put_number(writer, "rows", result->rows, -1);
        put_number(writer, "ms", result->duration_ms, -1);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_callbacks(struct json_writer *writer, const struct state *state)
{
    json_begin_array(writer, "callbacks");
    for (size_t i = 0; i < state->callback_count; i++) {
        const struct callback *callback = &state->callbacks[i];
        json_begin_object(writer, NULL);
        json_write_int64(writer, "kind", callback->kind);
        put_number(writer, "state", callback->state, CALLBACK_OPEN);
        put_text(writer, "digest", callback->digest);
        put_number(writer, "attempts", callback->attempts, 0);
        put_number(writer, "nextAt", callback->next_at_ms, 0);
        json_write_text_if(writer, "target", callback->adopted_target);
        put_flag(writer, "failureInstead", callback->failure_instead);
        put_flag(writer, "elsewhere", callback->elsewhere);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_attempt(struct json_writer *writer, const struct state *state)
{
    json_write_int64(writer, "statement", state->statement);
    json_write_int64(writer, "step", state->step);
    json_write_int64(writer, "attempt", state->attempt);
    put_text(writer, "id", state->statement_id);
    put_number(writer, "doubtSince", state->doubt_since_ms, 0);
    put_number(writer, "lastSend", state->last_send_ms, 0);
    put_number(writer, "sends", state->sends, 0);
    put_flag(writer, "refused", state->refused_for_good);
    put_flag(writer, "noWait", state->no_wait);
    put_number(writer, "seen", state->seen, ENDING_NONE);
    put_number(writer, "statementAt", state->statement_at_ms, 0);
    put_number(writer, "tries", state->tries, 0);
    put_number(writer, "pause", state->pause_ms, 0);
    put_number(writer, "heartbeatAt", state->heartbeat_at_ms, 0);
    put_number(writer, "cancelCause", state->cancel_cause, OUTCOME_NONE);
    put_number(writer, "cancellingSince", state->cancelling_since_ms, 0);
}

void state_write(const struct state *state, struct buffer *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer, NULL);
    write_attempt(&writer, state);
    put_number(&writer, "outcome", state->outcome, OUTCOME_NONE);
    put_number(&writer, "witness", state->witness, WITNESS_NONE);
    put_flag(&writer, "statementUnknown", state->statement_unknown);
    put_number(&writer, "endedAt", state->ended_at_ms, 0);
    put_number(&writer, "gatherUntil", state->gather_until_ms, 0);
    put_text(&writer, "errorType", state->error_type);
    json_write_text_if(&writer, "errorText", state->error_text);
    put_flag(&writer, "stepFailed", state->step_failed);
    put_flag(&writer, "skipped", state->skipped);
    put_text(&writer, "holder", state->holder);
    put_text(&writer, "session", state->session_id);
    json_write_text_if(&writer, "event", state->event);
    put_text(&writer, "replyDigest", state->reply_digest);
    json_write_text_if(&writer, "reply", state->reply);
    write_results(&writer, state);
    write_callbacks(&writer, state);
    put_number(&writer, "updatedAt", state->updated_at_ms, 0);
    put_number(&writer, "settledAt", state->settled_at_ms, 0);
    put_flag(&writer, "tombstone", state->tombstone);
    json_end_object(&writer);
}

static void read_results(struct arena *arena, struct reading *reading, struct state *state)
{
    struct json results = take_array(reading, "results");
    state->result_count = take_count(reading, results, 100000);
    state->results = ARENA_ARRAY(arena, state->result_count, struct step_result);
    struct json place = json_element(results, 0);
    for (size_t i = 0; i < state->result_count; i++, place = json_next(place)) {
        struct reading inner = read_inside(reading, place);
        struct step_result *result = &state->results[i];
        result->step = (unsigned)take_number(&inner, "step", 1, INT32_MAX, 1);
        result->attempt = (unsigned)take_number(&inner, "attempt", 1, INT32_MAX, 1);
        result->ending = (enum ending)take_number(&inner, "ending", 0, ENDING_ABORTED, 0);
        take_text(&inner, "id", result->statement_id, sizeof(result->statement_id));
        result->rows = take_number(&inner, "rows", -1, INT64_MAX, -1);
        result->duration_ms = take_number(&inner, "ms", -1, INT64_MAX, -1);
        reading->status = inner.status;
    }
}

static void read_callbacks(struct reading *reading, struct state *state)
{
    struct json callbacks = take_array(reading, "callbacks");
    state->callback_count = take_count(reading, callbacks, INVOCATION_ADDRESSES_MAX);
    struct json place = json_element(callbacks, 0);
    for (size_t i = 0; i < state->callback_count; i++, place = json_next(place)) {
        struct reading inner = read_inside(reading, place);
        struct callback *callback = &state->callbacks[i];
        callback->kind = (enum address_kind)take_number(&inner, "kind", 0, ADDRESS_BUS, 0);
        callback->state =
            (enum callback_state)take_number(&inner, "state", 0, CALLBACK_UNDELIVERABLE, 0);
        take_text(&inner, "digest", callback->digest, sizeof(callback->digest));
        callback->attempts = take_number(&inner, "attempts", 0, INT64_MAX, 0);
        callback->next_at_ms = take_time(&inner, "nextAt");
        callback->adopted_target = take_slice(&inner, "target");
        callback->failure_instead = take_flag(&inner, "failureInstead");
        callback->elsewhere = take_flag(&inner, "elsewhere");
        reading->status = inner.status;
    }
}

static void read_attempt(struct reading *reading, struct state *state)
{
    state->statement =
        (enum statement_state)take_number(reading, "statement", 0, STATEMENT_UNKNOWN, 0);
    state->step = (unsigned)take_number(reading, "step", 1, INVOCATION_STEPS_MAX, 1);
    state->attempt = (unsigned)take_number(reading, "attempt", 1, INT32_MAX, 1);
    take_text(reading, "id", state->statement_id, sizeof(state->statement_id));
    state->doubt_since_ms = take_time(reading, "doubtSince");
    state->last_send_ms = take_time(reading, "lastSend");
    state->sends = take_number(reading, "sends", 0, INT64_MAX, 0);
    state->refused_for_good = take_flag(reading, "refused");
    state->no_wait = take_flag(reading, "noWait");
    state->seen = (enum ending)take_number(reading, "seen", 0, ENDING_ABORTED, 0);
    state->statement_at_ms = take_time(reading, "statementAt");
    state->tries = take_number(reading, "tries", 0, INT64_MAX, 0);
    state->pause_ms = take_time(reading, "pause");
    state->heartbeat_at_ms = take_time(reading, "heartbeatAt");
    state->cancel_cause = (enum outcome)take_number(reading, "cancelCause", 0, OUTCOME_EXPIRED, 0);
    state->cancelling_since_ms = take_time(reading, "cancellingSince");
}

enum status state_read(struct arena *arena, struct slice json, struct state *state,
                       struct error *error)
{
    struct reading reading = read_root(arena, json, error);
    memset(state, 0, sizeof(*state)); /* padding too: decisions compare states */
    read_attempt(&reading, state);
    state->outcome = (enum outcome)take_number(&reading, "outcome", 0, OUTCOME_EXPIRED, 0);
    state->witness = (enum witness)take_number(&reading, "witness", 0, WITNESS_SUBMIT, 0);
    state->statement_unknown = take_flag(&reading, "statementUnknown");
    state->ended_at_ms = take_time(&reading, "endedAt");
    state->gather_until_ms = take_time(&reading, "gatherUntil");
    take_text(&reading, "errorType", state->error_type, sizeof(state->error_type));
    state->error_text = take_slice(&reading, "errorText");
    state->step_failed = take_flag(&reading, "stepFailed");
    state->skipped = take_flag(&reading, "skipped");
    take_text(&reading, "holder", state->holder, sizeof(state->holder));
    take_text(&reading, "session", state->session_id, sizeof(state->session_id));
    state->event = take_slice(&reading, "event");
    take_text(&reading, "replyDigest", state->reply_digest, sizeof(state->reply_digest));
    state->reply = take_slice(&reading, "reply");
    read_results(arena, &reading, state);
    read_callbacks(&reading, state);
    state->updated_at_ms = take_time(&reading, "updatedAt");
    state->settled_at_ms = take_time(&reading, "settledAt");
    state->tombstone = take_flag(&reading, "tombstone");
    return reading.status;
}
