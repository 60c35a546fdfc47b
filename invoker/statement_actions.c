#include "invoker/statement_actions.h"

#include "invoker/invoker.h"

#include "infra/aws/redshift_data.h"

#include <string.h>

#define LATEST_PAGE 20

struct answer {
    struct dispatch *dispatch;
    int *code;
    struct slice *reply;
};

static void answer_error(const struct answer *answer, int code, const char *type, const char *text)
{
    *answer->code = code;
    *answer->reply = invoker_error_reply(answer->dispatch->arena, type, text);
}

/* The Data API's own exception, or that it could not be reached. */
static void answer_call(const struct answer *answer, const struct aws_call *call)
{
    if (call->throttled || call->held_back) {
        answer_error(answer, 429, "TooManyRequestsException", call->error_message);
    } else if (call->code >= 400 && call->code < 500) {
        answer_error(answer, 400, call->error_name[0] != '\0' ? call->error_name : "ClientError",
                     call->error_message);
    } else {
        answer_error(answer, 503, "ServiceUnavailable", call->error_message);
    }
}

/* A refused request, or one that was stopped before it was sent, has made no statement. */
static bool made_none(const struct record *record)
{
    const struct state *state = &record->state;
    return state->outcome != OUTCOME_NONE && state->statement_id[0] == '\0' && !state->tombstone;
}

/* The first of a page of records that has made a statement or still will. NOT_FOUND: none has. */
MUST_CHECK static enum status first_made(struct dispatch *dispatch,
                                         const struct tracker_record *stored, size_t count,
                                         struct record *record, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status =
            record_open(dispatch->seal, dispatch->arena, &stored[i], record, error);
        if (status != STATUS_OK || !made_none(record)) {
            return status;
        }
    }
    return STATUS_NOT_FOUND;
}

/* The newest of the group that has made a statement or still will. NOT_FOUND: there is none. */
MUST_CHECK static enum status find_latest(struct dispatch *dispatch, struct slice group,
                                          struct record *record, struct error *error)
{
    struct tracker_list list = {.group = group, .limit = LATEST_PAGE};
    enum status status = STATUS_NOT_FOUND;
    do {
        struct tracker_record *stored = NULL;
        size_t count = 0;
        status = tracker_list(dispatch->tracker, dispatch->arena, &list, &stored, &count,
                              &list.token, error);
        if (status == STATUS_OK) {
            status = first_made(dispatch, stored, count, record, error);
        }
    } while (status == STATUS_NOT_FOUND && list.token.data != NULL);
    return status;
}

/* LATEST to the Id of the newest statement of the execution. False: answered already. */
static bool resolve_latest(const struct answer *answer, const struct request *request,
                           struct slice *id)
{
    struct dispatch *dispatch = answer->dispatch;
    struct tracker_record stored;
    struct record record;
    struct error error = ERROR_NONE;
    if (!slice_equals_text(request->statement_id, "LATEST")) {
        *id = request->statement_id;
        return true;
    }
    enum status status = tracker_group_latest(dispatch->tracker, dispatch->arena,
                                              request->execution_arn, &stored, &error);
    if (status == STATUS_OK) {
        status = record_open(dispatch->seal, dispatch->arena, &stored, &record, &error);
    }
    if (status == STATUS_OK && made_none(&record)) {
        status = find_latest(dispatch, request->execution_arn, &record, &error);
    }
    if (status == STATUS_NOT_FOUND) {
        answer_error(answer, 404, "PreviousExecutionNotFound",
                     "executionArn: no statement of this execution is known");
        return false;
    }
    if (status != STATUS_OK) {
        answer_error(answer, 503, "ServiceUnavailable", error.text);
        return false;
    }
    if (record.state.statement_id[0] == '\0') {
        answer_error(answer, 404, "PreviousExecutionNotFound",
                     "executionArn: its latest statement has not been submitted");
        return false;
    }
    *id = arena_copy(dispatch->arena, slice_from_text(record.state.statement_id));
    return true;
}

static struct slice status_document(struct arena *arena, bool accepted)
{
    return slice_from_text(arena_format(arena, "{\"Status\":%s}", accepted ? "true" : "false"));
}

static void read_answer(const struct answer *answer, const struct request *request,
                        const struct aws_call *call)
{
    struct arena *arena = answer->dispatch->arena;
    struct error error = ERROR_NONE;
    struct redshift_data_description description;
    bool accepted = false;
    enum status status = STATUS_OK;
    *answer->code = 200;
    switch (request->action) {
    case REQUEST_EXECUTE: break;
    case REQUEST_DESCRIBE:
        status = redshift_data_read_document(arena, call, answer->reply, &error);
        break;
    case REQUEST_STATUS:
        status = redshift_data_read_describe(arena, call, &description, &error);
        if (status == STATUS_OK) {
            *answer->reply = slice_from_text(arena_format(
                arena, "{\"status\":\"%s\"}", redshift_data_status_name(description.status)));
        }
        break;
    case REQUEST_CANCEL:
        status = redshift_data_read_cancel(arena, call, &accepted, &error);
        *answer->reply = status_document(arena, accepted);
        break;
    case REQUEST_GET_RESULT: *answer->reply = arena_copy(arena, call->reply); break;
    }
    if (status != STATUS_OK) {
        answer_error(answer, 503, "ServiceUnavailable", error.text);
    }
}

void statement_action(struct dispatch *dispatch, const struct request *request, int *code,
                      struct slice *reply)
{
    const struct answer answer = {dispatch, code, reply};
    struct aws_call call = {0};
    struct slice id = SLICE_NONE;
    if (!resolve_latest(&answer, request, &id)) {
        return;
    }
    switch (request->action) {
    case REQUEST_EXECUTE: return;
    case REQUEST_DESCRIBE:
    case REQUEST_STATUS: redshift_data_build_describe(dispatch->arena, id, 0, &call); break;
    case REQUEST_CANCEL: redshift_data_build_cancel(dispatch->arena, id, &call); break;
    case REQUEST_GET_RESULT:
        redshift_data_build_result(dispatch->arena, id, request->next_token, &call);
        break;
    }
    aws_send_all(dispatch->aws, &call, 1);
    if (call.status != STATUS_OK) {
        answer_call(&answer, &call);
        return;
    }
    read_answer(&answer, request, &call);
}
