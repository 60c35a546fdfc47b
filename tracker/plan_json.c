/* The stored form of a plan: JSON, so that people can look inside a store that is not sealed. */
#include "tracker/invocation.h"
#include "tracker/json_fields.h"

#define SQLS_MAX  10000
#define PAIRS_MAX 10000

/* ---- Writing -------------------------------------------------------------------------------- */

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

static void write_retry(struct json_writer *writer, const struct plan_retry *retry)
{
    json_begin_object(writer, "retry");
    put_number(writer, "attempts", retry->max_attempts, 1);
    json_write_text_if(writer, "match", retry->error_match);
    put_number(writer, "base", retry->base_ms, 0);
    put_number(writer, "max", retry->max_ms, 0);
    json_end_object(writer);
}

static void write_pairs(struct json_writer *writer, const char *name,
                        const struct plan_parameter *pairs, size_t count)
{
    if (count == 0) {
        return;
    }
    json_begin_array(writer, name);
    for (size_t i = 0; i < count; i++) {
        json_begin_array(writer, NULL);
        json_write_text(writer, NULL, pairs[i].name);
        json_write_text(writer, NULL, pairs[i].value);
        json_end_array(writer);
    }
    json_end_array(writer);
}

static void write_step(struct json_writer *writer, const struct plan_step *step)
{
    json_begin_object(writer, NULL);
    json_begin_array(writer, "sql");
    for (size_t i = 0; i < step->sql_count; i++) {
        json_write_text(writer, NULL, step->sqls[i]);
    }
    json_end_array(writer);
    put_flag(writer, "batch", step->batch);
    put_flag(writer, "autoCommit", step->auto_commit);
    put_flag(writer, "keepGoing", step->keep_going);
    put_flag(writer, "retriable", step->retriable);
    json_write_text_if(writer, "attach", step->attach_id);
    if (step->target != NULL) {
        write_target(writer, step->target);
    }
    if (step->retry != NULL) {
        write_retry(writer, step->retry);
    }
    write_pairs(writer, "parameters", step->parameters, step->parameter_count);
    json_write_text_if(writer, "item", step->item);
    json_end_object(writer);
}

static void write_steps(struct json_writer *writer, const struct plan *plan)
{
    json_begin_array(writer, "steps");
    for (size_t i = 0; i < plan->step_count; i++) {
        write_step(writer, &plan->steps[i]);
    }
    json_end_array(writer);
}

static void write_result(struct json_writer *writer, const struct plan_result *result)
{
    if (result->mode == PLAN_RESULT_NONE) {
        return;
    }
    json_begin_object(writer, "result");
    json_write_int64(writer, "mode", result->mode);
    put_number(writer, "format", result->format, PLAN_FORMAT_JSON);
    put_number(writer, "maxRows", result->max_rows, -1);
    json_write_text_if(writer, "uri", result->uri);
    json_end_object(writer);
}

static void write_resource(struct json_writer *writer, const struct plan_resource *resource)
{
    if (resource == NULL) {
        return;
    }
    json_begin_object(writer, "resource");
    json_write_text_if(writer, "type", resource->request_type);
    json_write_text_if(writer, "stack", resource->stack_id);
    json_write_text_if(writer, "request", resource->request_id);
    json_write_text_if(writer, "logical", resource->logical_resource_id);
    json_write_text_if(writer, "physical", resource->physical_resource_id);
    json_write_text_if(writer, "current", resource->current_physical_id);
    json_write_text_if(writer, "madeBefore", resource->made_before);
    json_write_text_if(writer, "madeAfter", resource->made_after);
    put_flag(writer, "noEcho", resource->no_echo);
    write_pairs(writer, "data", resource->data, resource->data_count);
    json_end_object(writer);
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
    write_pairs(&writer, "parameters", plan->parameters, plan->parameter_count);
    write_target(&writer, &plan->target);
    write_addresses(&writer, plan);
    put_number(&writer, "keepAlive", plan->session_keep_alive_seconds, -1);
    put_number(&writer, "wait", plan->wait_seconds, 0);
    put_number(&writer, "deadline", plan->deadline_ms, 0);
    put_number(&writer, "answerBy", plan->answer_by_ms, 0);
    put_number(&writer, "heartbeat", plan->heartbeat_seconds, 0);
    put_flag(&writer, "keepRunning", plan->keep_running);
    put_flag(&writer, "keyed", plan->keyed);
    put_number(&writer, "output", plan->output, OUTPUT_EVENT);
    write_retry(&writer, &plan->retry);
    put_text(&writer, "lock", plan->lock_key);
    put_number(&writer, "onConflict", plan->on_conflict, PLAN_CONFLICT_FAIL);
    write_result(&writer, &plan->result);
    put_number(&writer, "minRows", plan->expect_min_rows, -1);
    put_number(&writer, "maxRows", plan->expect_max_rows, -1);
    write_resource(&writer, plan->resource);
    json_end_object(&writer);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* False when there is none; otherwise *reading is inside it, and its status is to be handed back.
 */
static bool enter(const struct reading *outer, const char *name, struct reading *reading)
{
    struct json object = json_member(outer->object, name);
    if (outer->status != STATUS_OK || !json_exists(object)) {
        return false;
    }
    *reading = read_inside(outer, object);
    return true;
}

static bool read_target(struct reading *outer, struct plan_target *target)
{
    struct reading reading;
    *target = (struct plan_target){0};
    if (!enter(outer, "target", &reading)) {
        return false;
    }
    *target = (struct plan_target){
        .cluster_identifier = take_slice(&reading, "cluster"),
        .workgroup_name = take_slice(&reading, "workgroup"),
        .database = take_slice(&reading, "database"),
        .db_user = take_slice(&reading, "user"),
        .secret_arn = take_slice(&reading, "secret"),
        .session_id = take_slice(&reading, "session"),
    };
    outer->status = reading.status;
    return true;
}

static bool read_retry(struct reading *outer, struct plan_retry *retry)
{
    struct reading reading;
    *retry = (struct plan_retry){.max_attempts = 1};
    if (!enter(outer, "retry", &reading)) {
        return false;
    }
    *retry = (struct plan_retry){
        .max_attempts = take_number(&reading, "attempts", 1, 1000, 1),
        .error_match = take_slice(&reading, "match"),
        .base_ms = take_time(&reading, "base"),
        .max_ms = take_time(&reading, "max"),
    };
    outer->status = reading.status;
    return true;
}

static struct plan_parameter *read_pairs(struct arena *arena, struct reading *reading,
                                         const char *name, size_t *count)
{
    struct json array = take_array(reading, name);
    *count = take_count(reading, array, PAIRS_MAX);
    struct plan_parameter *pairs = ARENA_ARRAY(arena, *count, struct plan_parameter);
    struct json pair = json_element(array, 0);
    for (size_t i = 0; i < *count && reading->status == STATUS_OK; i++, pair = json_next(pair)) {
        struct json first = json_element(pair, 0);
        reading->status = json_text(first, &pairs[i].name, reading->error);
        if (reading->status == STATUS_OK) {
            reading->status = json_text(json_next(first), &pairs[i].value, reading->error);
        }
    }
    return pairs;
}

static const struct slice *read_sqls(struct arena *arena, struct reading *reading, size_t *count)
{
    struct json sqls = take_array(reading, "sql");
    *count = take_count(reading, sqls, SQLS_MAX);
    struct slice *texts = ARENA_ARRAY(arena, *count, struct slice);
    struct json sql = json_element(sqls, 0);
    for (size_t i = 0; i < *count && reading->status == STATUS_OK; i++, sql = json_next(sql)) {
        reading->status = json_text(sql, &texts[i], reading->error);
    }
    return texts;
}

static void read_step(struct arena *arena, struct reading *reading, struct plan_step *step)
{
    struct plan_target target;
    struct plan_retry retry;
    *step = (struct plan_step){.batch = take_flag(reading, "batch"),
                               .auto_commit = take_flag(reading, "autoCommit"),
                               .keep_going = take_flag(reading, "keepGoing"),
                               .retriable = take_flag(reading, "retriable"),
                               .attach_id = take_slice(reading, "attach"),
                               .item = take_slice(reading, "item")};
    step->sqls = read_sqls(arena, reading, &step->sql_count);
    if (read_target(reading, &target)) {
        struct plan_target *own = ARENA_NEW(arena, struct plan_target);
        *own = target;
        step->target = own;
    }
    if (read_retry(reading, &retry)) {
        struct plan_retry *own = ARENA_NEW(arena, struct plan_retry);
        *own = retry;
        step->retry = own;
    }
    step->parameters = read_pairs(arena, reading, "parameters", &step->parameter_count);
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

static void read_result(struct reading *outer, struct plan_result *result)
{
    struct reading reading;
    *result = (struct plan_result){.max_rows = -1};
    if (!enter(outer, "result", &reading)) {
        return;
    }
    *result = (struct plan_result){
        .mode = (enum plan_result_mode)take_number(&reading, "mode", 0, PLAN_RESULT_S3, 0),
        .format = (enum plan_result_format)take_number(&reading, "format", 0, PLAN_FORMAT_CSV, 0),
        .max_rows = take_number(&reading, "maxRows", -1, INT64_MAX, -1),
        .uri = take_slice(&reading, "uri"),
    };
    outer->status = reading.status;
}

static const struct plan_resource *read_resource(struct arena *arena, struct reading *outer)
{
    struct reading reading;
    if (!enter(outer, "resource", &reading)) {
        return NULL;
    }
    struct plan_resource *resource = ARENA_NEW(arena, struct plan_resource);
    *resource = (struct plan_resource){
        .request_type = take_slice(&reading, "type"),
        .stack_id = take_slice(&reading, "stack"),
        .request_id = take_slice(&reading, "request"),
        .logical_resource_id = take_slice(&reading, "logical"),
        .physical_resource_id = take_slice(&reading, "physical"),
        .current_physical_id = take_slice(&reading, "current"),
        .made_before = take_slice(&reading, "madeBefore"),
        .made_after = take_slice(&reading, "madeAfter"),
        .no_echo = take_flag(&reading, "noEcho"),
    };
    resource->data = read_pairs(arena, &reading, "data", &resource->data_count);
    outer->status = reading.status;
    return resource;
}

/* How it runs and what is told of it. */
static void read_terms(struct arena *arena, struct reading *reading, struct plan *plan)
{
    plan->session_keep_alive_seconds = take_number(reading, "keepAlive", -1, 86400, -1);
    plan->wait_seconds = take_number(reading, "wait", 0, 30, 0);
    plan->deadline_ms = take_time(reading, "deadline");
    plan->answer_by_ms = take_time(reading, "answerBy");
    plan->heartbeat_seconds = take_number(reading, "heartbeat", 0, INT32_MAX, 0);
    plan->keep_running = take_flag(reading, "keepRunning");
    plan->keyed = take_flag(reading, "keyed");
    plan->output = (enum plan_output)take_number(reading, "output", 0, OUTPUT_QUERIES, 0);
    (void)read_retry(reading, &plan->retry);
    take_text(reading, "lock", plan->lock_key, sizeof(plan->lock_key));
    plan->on_conflict =
        (enum plan_conflict)take_number(reading, "onConflict", 0, PLAN_CONFLICT_QUEUE, 0);
    read_result(reading, &plan->result);
    plan->expect_min_rows = take_number(reading, "minRows", -1, INT64_MAX, -1);
    plan->expect_max_rows = take_number(reading, "maxRows", -1, INT64_MAX, -1);
    plan->resource = read_resource(arena, reading);
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
    plan->parameters = read_pairs(arena, &reading, "parameters", &plan->parameter_count);
    (void)read_target(&reading, &plan->target);
    read_addresses(&reading, plan);
    read_terms(arena, &reading, plan);
    return reading.status;
}
