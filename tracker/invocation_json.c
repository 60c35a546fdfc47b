/* The stored form of plan and state: JSON, so that people can look inside a store that is not
 * sealed. Members that have their default are left out. */
#include "tracker/invocation.h"

#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

#include <string.h>

/* ---- Helpers: texts, numbers and enums that are left out when they say nothing ----------------
 */

static void put_text(struct json_writer *writer, const char *name, const char *text)
{
    if (text[0] != '\0') {
        json_write_text(writer, name, slice_from_text(text));
    }
}

static void put_number(struct json_writer *writer, const char *name, int64_t value,
                       int64_t fallback)
{
    if (value != fallback) {
        json_write_int64(writer, name, value);
    }
}

static void put_flag(struct json_writer *writer, const char *name, bool flag)
{
    if (flag) {
        json_write_bool(writer, name, true);
    }
}

/* Reading stops at the first error; the getters below do nothing after it. */
struct reading {
    struct json object;
    struct error *error;
    enum status status;
};

static struct slice take_slice(struct reading *reading, const char *name)
{
    struct slice text = SLICE_NONE;
    if (reading->status == STATUS_OK) {
        reading->status = json_find_text(reading->object, name, 0, &text, reading->error);
    }
    return text;
}

static void take_text(struct reading *reading, const char *name, char *out, size_t out_bytes)
{
    struct slice text = SLICE_NONE;
    out[0] = '\0';
    if (reading->status == STATUS_OK) {
        reading->status =
            json_find_text(reading->object, name, out_bytes - 1, &text, reading->error);
    }
    if (reading->status == STATUS_OK && text.size > 0) {
        memcpy(out, text.data, text.size);
        out[text.size] = '\0';
    }
}

static int64_t take_number(struct reading *reading, const char *name, int64_t least, int64_t most,
                           int64_t fallback)
{
    int64_t value = fallback;
    if (reading->status == STATUS_OK) {
        reading->status =
            json_find_int64(reading->object, name, least, most, &value, reading->error);
    }
    return value;
}

static int64_t take_time(struct reading *reading, const char *name)
{
    return take_number(reading, name, 0, INT64_C(1) << 52, 0);
}

static bool take_flag(struct reading *reading, const char *name)
{
    bool flag = false;
    if (reading->status == STATUS_OK) {
        reading->status = json_find_bool(reading->object, name, &flag, reading->error);
    }
    return flag;
}

static struct json take_array(struct reading *reading, const char *name)
{
    struct json array = {0};
    if (reading->status == STATUS_OK) {
        reading->status = json_find_array(reading->object, name, &array, reading->error);
    }
    return array;
}

/* The array's size, refused above most. */
static size_t take_count(struct reading *reading, struct json array, size_t most)
{
    size_t count = json_count(array);
    if (reading->status == STATUS_OK && count > most) {
        reading->status = json_reject(array, reading->error, "at most %zu entries", most);
    }
    return reading->status == STATUS_OK ? count : 0;
}

/* A place that must be an object: of anything else every member would read as its default. */
static struct reading read_inside(const struct reading *outer, struct json object)
{
    struct reading inner = {object, outer->error, outer->status};
    if (inner.status == STATUS_OK && json_kind(object) != JSON_OBJECT) {
        inner.status = json_reject(object, inner.error, "must be an object");
    }
    return inner;
}

static struct reading read_root(struct arena *arena, struct slice json, struct error *error)
{
    struct reading outer = {.error = error};
    outer.status = json_parse(arena, json, &outer.object, error);
    return read_inside(&outer, outer.object);
}

/* ---- Plan ----------------------------------------------------------------------------------- */

static void write_target(struct json_writer *writer, const struct plan_target *target)
{
    json_begin_object(writer, "target");
    json_write_text_if(writer, "cluster", target->cluster_identifier);
    json_write_text_if(writer, "workgroup", target->workgroup_name);
    json_write_text_if(writer, "database", target->database);
    json_write_text_if(writer, "user", target->db_user);
    json_write_text_if(writer, "secret", target->secret_arn);
    json_write_text_if(writer, "session", target->session_id);
    json_end_object(writer);
}

static void write_steps(struct json_writer *writer, const struct plan *plan)
{
    json_begin_array(writer, "steps");
    for (size_t i = 0; i < plan->step_count; i++) {
        const struct plan_step *step = &plan->steps[i];
        json_begin_object(writer, NULL);
        json_begin_array(writer, "sql");
        for (size_t k = 0; k < step->sql_count; k++) {
            json_write_text(writer, NULL, step->sqls[k]);
        }
        json_end_array(writer);
        put_flag(writer, "batch", step->batch);
        put_flag(writer, "autoCommit", step->auto_commit);
        put_flag(writer, "retriable", step->retriable);
        json_end_object(writer);
    }
    json_end_array(writer);
}

static void write_parameters(struct json_writer *writer, const struct plan *plan)
{
    if (plan->parameter_count == 0) {
        return;
    }
    json_begin_array(writer, "parameters");
    for (size_t i = 0; i < plan->parameter_count; i++) {
        json_begin_array(writer, NULL);
        json_write_text(writer, NULL, plan->parameters[i].name);
        json_write_text(writer, NULL, plan->parameters[i].value);
        json_end_array(writer);
    }
    json_end_array(writer);
}

static void write_addresses(struct json_writer *writer, const struct plan *plan)
{
    json_begin_array(writer, "addresses");
    for (size_t i = 0; i < plan->address_count; i++) {
        json_begin_object(writer, NULL);
        json_write_int64(writer, "kind", plan->addresses[i].kind);
        put_number(writer, "when", plan->addresses[i].when, ADDRESS_ALWAYS);
        json_write_text_if(writer, "target", plan->addresses[i].target);
        put_text(writer, "digest", plan->addresses[i].digest);
        json_end_object(writer);
    }
    json_end_array(writer);
}

void plan_write(const struct plan *plan, struct buffer *out)
{
    struct json_writer writer;
    json_writer_init(&writer, out);
    json_begin_object(&writer, NULL);
    put_text(&writer, "id", plan->id);
    put_text(&writer, "digest", plan->digest);
    json_write_int64(&writer, "createdAt", plan->created_at_ms);
    json_write_text_if(&writer, "prefix", plan->prefix);
    json_write_text_if(&writer, "group", plan->group);
    write_steps(&writer, plan);
    write_parameters(&writer, plan);
    write_target(&writer, &plan->target);
    write_addresses(&writer, plan);
    put_number(&writer, "keepAlive", plan->session_keep_alive_seconds, -1);
    put_number(&writer, "wait", plan->wait_seconds, 0);
    put_number(&writer, "deadline", plan->deadline_ms, 0);
    put_number(&writer, "heartbeat", plan->heartbeat_seconds, 0);
    put_flag(&writer, "keepRunning", plan->keep_running);
    put_flag(&writer, "keyed", plan->keyed);
    put_number(&writer, "output", plan->output, OUTPUT_EVENT);
    put_number(&writer, "maxAttempts", plan->retry.max_attempts, 1);
    put_number(&writer, "retryBase", plan->retry.base_ms, 0);
    put_number(&writer, "retryMax", plan->retry.max_ms, 0);
    json_end_object(&writer);
}

static void read_target(struct reading *outer, struct plan_target *target)
{
    struct json object = json_member(outer->object, "target");
    *target = (struct plan_target){0};
    if (outer->status != STATUS_OK || !json_exists(object)) {
        return;
    }
    struct reading reading = read_inside(outer, object);
    *target = (struct plan_target){
        .cluster_identifier = take_slice(&reading, "cluster"),
        .workgroup_name = take_slice(&reading, "workgroup"),
        .database = take_slice(&reading, "database"),
        .db_user = take_slice(&reading, "user"),
        .secret_arn = take_slice(&reading, "secret"),
        .session_id = take_slice(&reading, "session"),
    };
    outer->status = reading.status;
}

static void read_step(struct arena *arena, struct reading *reading, struct plan_step *step)
{
    struct json sqls = take_array(reading, "sql");
    size_t count = take_count(reading, sqls, 10000);
    struct slice *texts = ARENA_ARRAY(arena, count, struct slice);
    struct json sql = json_element(sqls, 0);
    for (size_t i = 0; i < count && reading->status == STATUS_OK; i++, sql = json_next(sql)) {
        reading->status = json_text(sql, &texts[i], reading->error);
    }
    *step = (struct plan_step){.sqls = texts,
                               .sql_count = count,
                               .batch = take_flag(reading, "batch"),
                               .auto_commit = take_flag(reading, "autoCommit"),
                               .retriable = take_flag(reading, "retriable")};
}

static void read_steps(struct arena *arena, struct reading *reading, struct plan *plan)
{
    struct json steps = take_array(reading, "steps");
    plan->step_count = take_count(reading, steps, INVOCATION_STEPS_MAX);
    plan->steps = ARENA_ARRAY(arena, plan->step_count, struct plan_step);
    struct json step = json_element(steps, 0);
    for (size_t i = 0; i < plan->step_count; i++, step = json_next(step)) {
        struct reading inner = read_inside(reading, step);
        read_step(arena, &inner, &plan->steps[i]);
        reading->status = inner.status;
    }
}

static void read_parameters(struct arena *arena, struct reading *reading, struct plan *plan)
{
    struct json parameters = take_array(reading, "parameters");
    plan->parameter_count = take_count(reading, parameters, 10000);
    plan->parameters = ARENA_ARRAY(arena, plan->parameter_count, struct plan_parameter);
    struct json pair = json_element(parameters, 0);
    for (size_t i = 0; i < plan->parameter_count && reading->status == STATUS_OK;
         i++, pair = json_next(pair)) {
        struct json name = json_element(pair, 0);
        reading->status = json_text(name, &plan->parameters[i].name, reading->error);
        if (reading->status == STATUS_OK) {
            reading->status =
                json_text(json_next(name), &plan->parameters[i].value, reading->error);
        }
    }
}

static void read_addresses(struct reading *reading, struct plan *plan)
{
    struct json addresses = take_array(reading, "addresses");
    plan->address_count = take_count(reading, addresses, INVOCATION_ADDRESSES_MAX);
    struct json place = json_element(addresses, 0);
    for (size_t i = 0; i < plan->address_count; i++, place = json_next(place)) {
        struct reading inner = read_inside(reading, place);
        struct address *address = &plan->addresses[i];
        address->kind = (enum address_kind)take_number(&inner, "kind", 0, ADDRESS_BUS, 0);
        address->when = (enum address_when)take_number(&inner, "when", 0, ADDRESS_ON_FAILURE, 0);
        address->target = take_slice(&inner, "target");
        take_text(&inner, "digest", address->digest, sizeof(address->digest));
        reading->status = inner.status;
    }
}

enum status plan_read(struct arena *arena, struct slice json, struct plan *plan,
                      struct error *error)
{
    struct reading reading = read_root(arena, json, error);
    *plan = (struct plan){0};
    take_text(&reading, "id", plan->id, sizeof(plan->id));
    take_text(&reading, "digest", plan->digest, sizeof(plan->digest));
    plan->created_at_ms = take_time(&reading, "createdAt");
    plan->prefix = take_slice(&reading, "prefix");
    plan->group = take_slice(&reading, "group");
    read_steps(arena, &reading, plan);
    read_parameters(arena, &reading, plan);
    read_target(&reading, &plan->target);
    read_addresses(&reading, plan);
    plan->session_keep_alive_seconds = take_number(&reading, "keepAlive", -1, 86400, -1);
    plan->wait_seconds = take_number(&reading, "wait", 0, 30, 0);
    plan->deadline_ms = take_time(&reading, "deadline");
    plan->heartbeat_seconds = take_number(&reading, "heartbeat", 0, INT32_MAX, 0);
    plan->keep_running = take_flag(&reading, "keepRunning");
    plan->keyed = take_flag(&reading, "keyed");
    plan->output = (enum plan_output)take_number(&reading, "output", 0, OUTPUT_STATEMENT, 0);
    plan->retry.max_attempts = take_number(&reading, "maxAttempts", 1, 1000, 1);
    plan->retry.base_ms = take_time(&reading, "retryBase");
    plan->retry.max_ms = take_time(&reading, "retryMax");
    return reading.status;
}

/* ---- State ---------------------------------------------------------------------------------- */

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
