#include "completer/reply_queries.h"

#include "infra/base/json_reader.h"

/* What is told of one step. */
struct told_step {
    struct slice item; /* SLICE_NONE: left out */
    struct json document;
    const struct step_result *last; /* of its attempts; NULL: it has not ended */
    bool attached;
};

/* The members that the item came with. A text is a statement: what it is short for. */
static void write_item(struct arena *arena, struct slice text, struct json_writer *writer)
{
    static const char *const ours[] = {
        "StatementId", "ExecuteStatementResult", "Result", "Decision", "Retries", "result"};
    struct json item = {0};
    if (text.size == 0 || json_parse(arena, text, &item, NULL) != STATUS_OK) {
        return;
    }
    if (json_kind(item) == JSON_TEXT) {
        json_copy_member(item, SLICE("ExecuteStatementParameters"), writer);
    }
    json_copy_members(item, ours, ARRAY_COUNT(ours), writer);
}

/* The members of ExecuteStatement's reply, all of which DescribeStatement tells again. */
static void write_submitted(struct json document, struct json_writer *writer)
{
    static const char *const members[] = {"Id",       "CreatedAt", "ClusterIdentifier",
                                          "DbUser",   "Database",  "WorkgroupName",
                                          "DbGroups", "SecretArn", "SessionId"};
    json_begin_object(writer, "ExecuteStatementResult");
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        const struct json member = json_member(document, members[i]);
        if (json_exists(member)) {
            json_copy_member(member, slice_from_text(members[i]), writer);
        }
    }
    json_end_object(writer);
}

static void write_step(struct arena *arena, const struct told_step *told,
                       struct json_writer *writer)
{
    const bool finished = told->last != NULL && told->last->ending == ENDING_FINISHED;
    write_item(arena, told->item, writer);
    if (told->last != NULL && told->last->statement_id[0] != '\0') {
        json_write_text(writer, "StatementId", slice_from_text(told->last->statement_id));
    }
    if (json_kind(told->document) == JSON_OBJECT) {
        if (!told->attached) {
            write_submitted(told->document, writer);
        }
        json_copy_member(told->document, SLICE("Result"), writer);
    }
    json_write_text(writer, "Decision", finished ? SLICE("SUCCEED") : SLICE("FAIL"));
    json_write_int64(writer, "Retries", told->last != NULL ? (int64_t)told->last->attempt - 1 : 0);
}

static const struct step_result *last_attempt(const struct state *state, size_t step)
{
    for (size_t i = state->result_count; i > 0; i--) {
        if (state->results[i - 1].step == step) {
            return &state->results[i - 1];
        }
    }
    return NULL;
}

void reply_queries_write(struct arena *arena, const struct reply_queries *queries,
                         struct json_writer *writer)
{
    const struct plan *plan = queries->plan;
    struct json documents = {0};
    if (queries->documents.size == 0 ||
        json_parse(arena, queries->documents, &documents, NULL) != STATUS_OK) {
        documents = (struct json){0};
    }
    struct json document = json_element(documents, 0);
    json_begin_array(writer, "output");
    for (size_t i = 0; i < plan->step_count; i++, document = json_next(document)) {
        const struct told_step told = {.item = queries->without_items ? SLICE_NONE
                                                                      : plan->steps[i].item,
                                       .document = document,
                                       .last = last_attempt(queries->state, i + 1),
                                       .attached = plan->steps[i].attach_id.size > 0};
        json_begin_object(writer, NULL);
        write_step(arena, &told, writer);
        if (i + 1 == plan->step_count && queries->result.size > 0) {
            json_write_raw(writer, "result", queries->result);
        }
        json_end_object(writer);
    }
    json_end_array(writer);
}
