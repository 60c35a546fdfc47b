#include "completer/event.h"

#include <string.h>

#define EVENT_SOURCE          "aws.redshift-data"
#define EVENT_DETAIL_TYPE     "Redshift Data Statement Status Change"
#define EXECUTION_SOURCE      "aws.states"
#define EXECUTION_DETAIL_TYPE "Step Functions Execution Status Change"

static void malformed(struct event *event, const char *text)
{
    event->kind = EVENT_MALFORMED;
    error_set(&event->reason, STATUS_REJECTED, "%s", text);
}

static bool member_is(struct json object, const char *name, const char *expected)
{
    struct slice text = SLICE_NONE;
    return json_find_text(object, name, 0, &text, NULL) == STATUS_OK &&
           slice_equals_text(text, expected);
}

static bool read_state(struct json detail, enum ending *ending)
{
    struct slice state = SLICE_NONE;
    if (json_find_text(detail, "state", 0, &state, NULL) != STATUS_OK) {
        return false;
    }
    *ending = slice_equals_text(state, "FINISHED")  ? ENDING_FINISHED
              : slice_equals_text(state, "FAILED")  ? ENDING_FAILED
              : slice_equals_text(state, "ABORTED") ? ENDING_ABORTED
                                                    : ENDING_NONE;
    return *ending != ENDING_NONE;
}

/* "<id>:<n>": an event about a part of a batch, which ends nothing. */
static bool is_sub_statement(struct slice statement_id)
{
    return slice_find_byte(statement_id, ':') < statement_id.size;
}

/* "<prefix>t/<task token>": true when the name has this form, whatever it carries. */
static bool read_direct_name(struct slice name, struct slice prefix, struct event *event)
{
    struct slice rest =
        slice_starts_with(name, prefix) ? slice_part(name, prefix.size, name.size) : SLICE_NONE;
    if (!slice_starts_with(rest, SLICE("t/"))) {
        return false;
    }
    event->task_token = slice_part(rest, 2, rest.size);
    invocation_id(SLICE("task-token"), event->task_token, event->id);
    event->step = 1;
    event->attempt = 1;
    return true;
}

MUST_CHECK static enum status read_name(struct slice name, const struct event_filter *filter,
                                        struct event *event)
{
    if (filter->direct && read_direct_name(name, filter->prefix, event)) {
        return event->task_token.size > 0 ? STATUS_OK
                                          : error_set(&event->reason, STATUS_REJECTED,
                                                      "detail.statementName: has no task token");
    }
    return invocation_parse_name(name, filter->prefix, event->id, &event->step, &event->attempt,
                                 &event->reason);
}

static void read_detail(struct json detail, const struct event_filter *filter, struct event *event)
{
    struct slice name = SLICE_NONE;
    struct slice statement_id = SLICE_NONE;
    if (json_find_text(detail, "statementName", 0, &name, NULL) != STATUS_OK) {
        malformed(event, "detail.statementName: must be a string");
        return;
    }
    enum status status = read_name(name, filter, event);
    if (status == STATUS_NOT_FOUND) {
        event->kind = EVENT_FOREIGN;
        return;
    }
    if (status != STATUS_OK) {
        event->kind = EVENT_MALFORMED;
        return;
    }
    if (!read_state(detail, &event->ending)) {
        malformed(event, "detail.state: must be FINISHED, FAILED or ABORTED");
        return;
    }
    /* Both are optional, of whatever type. */
    if (json_find_text(detail, "statementId", INVOCATION_STATEMENT_ID_BYTES, &statement_id, NULL) !=
        STATUS_OK) {
        statement_id = SLICE_NONE;
    }
    if (json_find_int64(detail, "rows", 0, INT64_MAX, &event->rows, NULL) != STATUS_OK) {
        event->rows = -1;
    }
    event->statement_id = statement_id.size > 0 ? statement_id : SLICE_NONE;
    event->kind = is_sub_statement(statement_id)   ? EVENT_FOREIGN
                  : event->task_token.data != NULL ? EVENT_DIRECT
                                                   : EVENT_COMPLETION;
}

/* One that goes on, or that has succeeded, takes nobody away who waits.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html */
static void read_execution(struct json detail, struct event *event)
{
    static const char *const over[] = {"ABORTED", "FAILED", "TIMED_OUT"};
    struct slice status = SLICE_NONE;
    event->kind = EVENT_FOREIGN;
    if (json_find_text(detail, "status", 0, &status, NULL) != STATUS_OK ||
        !slice_is_one_of(status, over, ARRAY_COUNT(over))) {
        return;
    }
    if (json_get_text(detail, "executionArn", TRACKER_GROUP_MAX_BYTES, &event->execution_arn,
                      NULL) != STATUS_OK ||
        event->execution_arn.size == 0) {
        malformed(event, "detail.executionArn: must be a string");
        return;
    }
    if (json_find_int64(detail, "stopDate", 0, INT64_MAX, &event->stopped_at_ms, NULL) !=
        STATUS_OK) {
        event->stopped_at_ms = 0;
    }
    event->kind = EVENT_EXECUTION;
}

bool event_is_status(struct json root)
{
    return json_kind(json_member(root, "detail")) == JSON_OBJECT &&
           (member_is(root, "source", EVENT_SOURCE) || member_is(root, "source", EXECUTION_SOURCE));
}

void event_parse(struct arena *arena, struct slice body, const struct event_filter *filter,
                 struct event *event)
{
    struct json root;
    *event = (struct event){.kind = EVENT_MALFORMED, .rows = -1, .document = slice_trim(body)};
    if (json_parse(arena, body, &root, &event->reason) != STATUS_OK) {
        return;
    }
    struct json detail = json_member(root, "detail");
    if (json_kind(detail) != JSON_OBJECT || json_kind(json_member(root, "source")) != JSON_TEXT) {
        malformed(event, "not an EventBridge event");
        return;
    }
    if (member_is(root, "source", EXECUTION_SOURCE) &&
        member_is(root, "detail-type", EXECUTION_DETAIL_TYPE)) {
        read_execution(detail, event);
        return;
    }
    if (!member_is(root, "source", EVENT_SOURCE) ||
        !member_is(root, "detail-type", EVENT_DETAIL_TYPE)) {
        event->kind = EVENT_FOREIGN;
        return;
    }
    read_detail(detail, filter, event);
}
