#include "infra/aws/event_bridge.h"

#include "infra/aws/arn.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"

/* Full entries with every byte escaped as \u00XX. */
#define BODY_MAX_BYTES ((size_t)16 << 20)

void event_bridge_build_put(struct arena *arena, const struct event_bridge_entry *entries,
                            size_t count, struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json_writer writer;
    struct arn bus;
    buffer_init(&body, BODY_MAX_BYTES);
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "Entries");
    for (size_t i = 0; i < count && i < EVENT_BRIDGE_ENTRIES_MAX; i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "Source", entries[i].source);
        json_write_text(&writer, "DetailType", entries[i].detail_type);
        json_write_text(&writer, "Detail", entries[i].detail);
        json_write_text_if(&writer, "EventBusName", entries[i].bus);
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    call->service = AWS_EVENTBRIDGE;
    call->operation = "PutEvents";
    call->region = count > 0 && arn_parse(entries[0].bus, &bus) ? bus.region : SLICE_NONE;
    call->body = arena_copy(arena, buffer_slice(&body));
}

MUST_CHECK static enum status read_result(struct json item, struct event_bridge_result *result,
                                          struct error *error)
{
    *result = (struct event_bridge_result){.event_id = SLICE_NONE};
    enum status status = json_find_text(item, "EventId", 0, &result->event_id, error);
    if (status == STATUS_OK) {
        status = json_find_text(item, "ErrorCode", 0, &result->error_code, error);
    }
    if (status == STATUS_OK) {
        status = json_find_text(item, "ErrorMessage", 0, &result->error_message, error);
    }
    if (status == STATUS_OK && result->event_id.size == 0 && result->error_code.size == 0) {
        status = json_reject(item, error, "EventId or ErrorCode is needed");
    }
    return status;
}

enum status event_bridge_read_put(struct arena *arena, const struct aws_call *call,
                                  struct event_bridge_result *results, size_t count,
                                  struct error *error)
{
    struct json root;
    struct json list = {NULL, NULL};
    struct error why = ERROR_NONE;
    enum status status = json_parse(arena, call->reply, &root, &why);
    if (status == STATUS_OK) {
        status = json_find_array(root, "Entries", &list, &why);
    }
    if (status == STATUS_OK && json_count(list) != count) {
        status = json_reject(list, &why, "must hold %zu entries, got %zu", count, json_count(list));
    }
    struct json item = json_element(list, 0);
    for (size_t i = 0; i < count && status == STATUS_OK; i++, item = json_next(item)) {
        status = read_result(item, &results[i], &why);
    }
    return status == STATUS_OK
               ? STATUS_OK
               : error_set(error, STATUS_INTERNAL, "eventbridge.%s: %s", call->operation, why.text);
}

/* ---- Rules of the default bus --------------------------------------------------------------- */

/* {"name": value} to the region. */
static void build_question(struct arena *arena, const char *operation, const char *name,
                           struct slice value, struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer body;
    struct json_writer writer;
    buffer_init(&body, BODY_MAX_BYTES);
    json_writer_init(&writer, &body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, name, value);
    json_end_object(&writer);
    call->service = AWS_EVENTBRIDGE;
    call->operation = operation;
    call->body = arena_copy(arena, buffer_slice(&body));
}

MUST_CHECK static enum status parse_answer(struct arena *arena, const struct aws_call *call,
                                           struct json *root, struct error *why)
{
    enum status status = json_parse(arena, call->reply, root, why);
    return status == STATUS_OK && json_kind(*root) != JSON_OBJECT
               ? json_reject(*root, why, "must be an object")
               : status;
}

static enum status broken_contract(const struct aws_call *call, const struct error *why,
                                   struct error *error)
{
    return error_set(error, STATUS_INTERNAL, "eventbridge.%s: %s", call->operation, why->text);
}

/* The answer and its list, which is none where the answer has none. */
MUST_CHECK static enum status parse_list(struct arena *arena, const struct aws_call *call,
                                         const char *name, struct json *root, struct json *list,
                                         struct error *why)
{
    *list = (struct json){NULL, NULL};
    enum status status = parse_answer(arena, call, root, why);
    return status == STATUS_OK ? json_find_array(*root, name, list, why) : status;
}

void event_bridge_build_rule_names(struct arena *arena, struct slice target_arn,
                                   struct aws_call *call)
{
    struct arn target;
    build_question(arena, "ListRuleNamesByTarget", "TargetArn", target_arn, call);
    call->region = arn_parse(target_arn, &target) ? target.region : SLICE_NONE;
}

enum status event_bridge_read_rule_names(struct arena *arena, const struct aws_call *call,
                                         struct slice **names, size_t *count, bool *more,
                                         struct error *error)
{
    struct json root;
    struct json list;
    struct error why = ERROR_NONE;
    enum status status = parse_list(arena, call, "RuleNames", &root, &list, &why);
    *count = status == STATUS_OK ? json_count(list) : 0;
    *names = ARENA_ARRAY(arena, *count + 1, struct slice);
    *more = status == STATUS_OK && json_exists(json_member(root, "NextToken"));
    struct json item = json_element(list, 0);
    for (size_t i = 0; i < *count && status == STATUS_OK; i++, item = json_next(item)) {
        status = json_text(item, &(*names)[i], &why);
    }
    return status == STATUS_OK ? STATUS_OK : broken_contract(call, &why, error);
}

void event_bridge_build_rule(struct arena *arena, struct slice name, struct slice region,
                             struct aws_call *call)
{
    build_question(arena, "DescribeRule", "Name", name, call);
    call->region = region;
}

enum status event_bridge_read_rule(struct arena *arena, const struct aws_call *call,
                                   struct event_bridge_rule *rule, struct error *error)
{
    struct json root;
    struct slice state = SLICE_NONE;
    struct error why = ERROR_NONE;
    *rule = (struct event_bridge_rule){.name = SLICE_NONE};
    if (parse_answer(arena, call, &root, &why) != STATUS_OK ||
        json_get_text(root, "Name", 0, &rule->name, &why) != STATUS_OK ||
        json_get_text(root, "Arn", 0, &rule->arn, &why) != STATUS_OK ||
        json_find_text(root, "EventPattern", 0, &rule->pattern, &why) != STATUS_OK ||
        json_get_text(root, "State", 0, &state, &why) != STATUS_OK) {
        return broken_contract(call, &why, error);
    }
    /* ENABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS, DISABLED */
    rule->is_enabled = slice_starts_with(state, SLICE("ENABLED"));
    return STATUS_OK;
}

void event_bridge_build_targets(struct arena *arena, struct slice rule, struct slice region,
                                struct aws_call *call)
{
    build_question(arena, "ListTargetsByRule", "Rule", rule, call);
    call->region = region;
}

MUST_CHECK static enum status read_target(struct json item, struct event_bridge_target *target,
                                          struct error *why)
{
    struct json dead = {NULL, NULL};
    *target = (struct event_bridge_target){.changes_input =
                                               json_exists(json_member(item, "Input")) ||
                                               json_exists(json_member(item, "InputPath")) ||
                                               json_exists(json_member(item, "InputTransformer")),
                                           .has_role = json_exists(json_member(item, "RoleArn"))};
    enum status status = json_get_text(item, "Arn", 0, &target->arn, why);
    if (status == STATUS_OK) {
        status = json_find_object(item, "DeadLetterConfig", &dead, why);
    }
    return status == STATUS_OK ? json_find_text(dead, "Arn", 0, &target->dead_letter_arn, why)
                               : status;
}

enum status event_bridge_read_targets(struct arena *arena, const struct aws_call *call,
                                      struct event_bridge_target **targets, size_t *count,
                                      struct error *error)
{
    struct json root;
    struct json list;
    struct error why = ERROR_NONE;
    enum status status = parse_list(arena, call, "Targets", &root, &list, &why);
    *count = status == STATUS_OK ? json_count(list) : 0;
    *targets = ARENA_ARRAY(arena, *count + 1, struct event_bridge_target);
    struct json item = json_element(list, 0);
    for (size_t i = 0; i < *count && status == STATUS_OK; i++, item = json_next(item)) {
        status = read_target(item, &(*targets)[i], &why);
    }
    return status == STATUS_OK ? STATUS_OK : broken_contract(call, &why, error);
}
