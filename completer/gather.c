#include "completer/gather.h"

#include "completer/batch.h"
#include "completer/reply.h"
#include "completer/result_rows.h"
#include "invoker/submit.h"

#include "infra/aws/redshift_data.h"
#include "infra/aws/redshift_data_page.h"
#include "infra/aws/s3.h"
#include "infra/base/json_writer.h"

#include <string.h>

#define SENDS_MAX        6 /* of one call, each with the client's own retries */
#define PUT_TIMEOUT_MS   30000
#define PAGE_ARENA_BYTES ((size_t)128 << 20)
#define DOCUMENTS_BYTES  ((size_t)4 << 20)
#define NO_ROWS_BYTES    1024
#define OUT_OF_TIME      "GatherTimeout"
#define UNREADABLE       "UnreadableResult"

enum phase { PHASE_DESCRIBE, PHASE_PAGE, PHASE_PUT, PHASE_DONE };

/* How far one gathering is: work->progress. */
struct gather {
    enum phase phase;
    size_t step;             /* being described */
    struct slice *documents; /* by step - 1; absent: could not be had */
    struct slice statement;  /* whose rows are fetched: an Id, or <Id>:<n> */
    struct slice next_token; /* of the page that is fetched */
    struct slice last_token;
    bool paged; /* the first page is here */
    struct result_rows rows;
    int64_t total; /* -1: not known */
    int sends;     /* of the call under way */
    struct slice object_uri;
    struct s3_object object;
    struct slice region; /* of the bucket; absent: ours */
    bool moved;          /* the bucket was looked for in another region */
    bool later;          /* it is to be tried again */
    char problem[AWS_ERROR_NAME_BYTES];
    struct stimulus told; /* what was learned */
};

/* ---- What is wanted ------------------------------------------------------------------------- */

static bool wants_rows(const struct plan *plan)
{
    return plan->result.mode != PLAN_RESULT_NONE;
}

static bool wants_data(const struct plan *plan)
{
    return plan->resource != NULL && plan->resource->data_count > 0;
}

static bool may_spill(const struct plan *plan)
{
    return wants_rows(plan) && plan->result.uri.size > 0;
}

static bool time_is_over(const struct dispatch *dispatch, const struct work *work)
{
    const int64_t elapsed_ms = clock_monotonic_ms(dispatch->clock) - dispatch->started_ms;
    const int64_t until_ms = work->record.state.gather_until_ms;
    return dispatch_too_late(dispatch) ||
           (until_ms > 0 && dispatch->now_ms + elapsed_ms >= until_ms);
}

/* Why an answer is of no use, in one word. */
static struct slice problem_of(const struct aws_call *call)
{
    if (call->status == STATUS_OK) {
        return SLICE(UNREADABLE);
    }
    return call->error_name[0] != '\0' ? slice_from_text(call->error_name) : SLICE(OUT_OF_TIME);
}

static void set_problem(struct gather *gather, struct slice problem)
{
    const struct slice cut = slice_cut_utf8(problem, sizeof(gather->problem) - 1);
    memcpy(gather->problem, cut.data, cut.size);
    gather->problem[cut.size] = '\0';
}

/* ---- Calls ---------------------------------------------------------------------------------- */

/* The Id of the last attempt of a step; absent when it never had one. */
static struct slice statement_of(const struct state *state, size_t step)
{
    struct slice id = SLICE_NONE;
    for (size_t i = 0; i < state->result_count; i++) {
        if (state->results[i].step == step) {
            id = slice_from_text(state->results[i].statement_id);
        }
    }
    if (step == state->step && state->statement_id[0] != '\0') {
        id = slice_from_text(state->statement_id);
    }
    return id.size > 0 ? id : SLICE_NONE;
}

/* Fills in the call of the phase. */
static void build_call(struct dispatch *dispatch, const struct work *work,
                       const struct gather *gather, struct aws_call *call)
{
    struct arena *arena = dispatch->arena;
    void *context = call->context;
    *call = (struct aws_call){.context = context};
    switch (gather->phase) {
    case PHASE_DESCRIBE:
        redshift_data_build_describe(
            arena, arena_copy(arena, statement_of(&work->record.state, gather->step)), 0, call);
        break;
    case PHASE_PAGE:
        redshift_data_build_result(arena, gather->statement, gather->next_token, call);
        break;
    case PHASE_PUT:
        if (s3_build_put(arena, &gather->object, buffer_slice(&gather->rows.object.bytes), call,
                         NULL) == STATUS_OK) {
            call->region = gather->region;
            call->timeout_ms = PUT_TIMEOUT_MS;
        }
        break;
    case PHASE_DONE: break;
    }
}

/* ---- Documents ------------------------------------------------------------------------------ */

/* [{…},null,…], one of each step. */
static struct slice documents_of(struct arena *arena, const struct gather *gather, size_t count)
{
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, DOCUMENTS_BYTES);
    json_writer_init(&writer, &out);
    json_begin_array(&writer, NULL);
    for (size_t i = 0; i < count; i++) {
        const struct slice document = gather->documents[i];
        json_write_raw(&writer, NULL, document.size > 0 ? document : SLICE("null"));
    }
    json_end_array(&writer);
    return out.overflowed ? SLICE_NONE : arena_copy(arena, buffer_slice(&out));
}

/* The statement whose rows are the result; absent: there is no result set. */
static struct slice result_set_of(const struct redshift_data_description *description)
{
    struct slice id =
        description->sub_count == 0 && description->has_result_set ? description->id : SLICE_NONE;
    for (size_t i = 0; i < description->sub_count; i++) {
        if (description->subs[i].has_result_set) {
            id = description->subs[i].id;
        }
    }
    return id;
}

static int64_t rows_of(const struct redshift_data_description *description, struct slice id)
{
    for (size_t i = 0; i < description->sub_count; i++) {
        if (slice_equals(description->subs[i].id, id)) {
            return description->subs[i].result_rows;
        }
    }
    return description->result_rows;
}

static void tell_last(struct gather *gather, const struct redshift_data_description *description)
{
    struct stimulus *told = &gather->told;
    told->description = description->document;
    told->rows = batch_rows(description);
    told->duration_ms = description->duration_ns > 0 ? description->duration_ns / 1000000 : -1;
    told->session_id = description->session_id.size > 0 ? description->session_id : SLICE_NONE;
    gather->statement = result_set_of(description);
    gather->total = gather->statement.size > 0 ? rows_of(description, gather->statement) : 0;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static void begin_rows(struct dispatch *dispatch, struct work *work, struct gather *gather)
{
    const struct plan *plan = &work->record.plan;
    const bool inlined = plan->result.mode == PLAN_RESULT_INLINE;
    const struct result_rows_settings settings = {
        .format = plan->result.format,
        .max_rows = plan->result.max_rows,
        .inline_bytes =
            inlined ? reply_room(dispatch->arena, plan, &work->record.state, &gather->told) : 0,
        .object_bytes = may_spill(plan) ? S3_OBJECT_MAX_BYTES : 0,
    };
    result_rows_init(&gather->rows, &settings);
}

/* {"Name":"text",…}, of the first row; a name without a column is left out. */
static void tell_data(struct dispatch *dispatch, const struct work *work, struct gather *gather,
                      const struct redshift_data_page *page,
                      const struct redshift_data_field *fields)
{
    const struct plan_resource *resource = work->record.plan.resource;
    CLEANUP(buffer_clear) struct buffer out;
    struct json_writer writer;
    buffer_init(&out, DOCUMENTS_BYTES);
    json_writer_init(&writer, &out);
    json_begin_object(&writer, NULL);
    for (size_t i = 0; i < resource->data_count && fields != NULL; i++) {
        size_t column = 0;
        while (column < page->column_count &&
               !slice_equals_ignore_case(page->columns[column], resource->data[i].value)) {
            column++;
        }
        if (column < page->column_count) {
            json_write_name(&writer, resource->data[i].name);
            json_write_text(&writer, NULL,
                            result_rows_field_text(dispatch->arena, &fields[column]));
        }
    }
    json_end_object(&writer);
    gather->told.data =
        out.overflowed ? SLICE_NONE : arena_copy(dispatch->arena, buffer_slice(&out));
}

MUST_CHECK static enum status take_rows(struct dispatch *dispatch, const struct work *work,
                                        struct gather *gather,
                                        const struct redshift_data_page *page, struct arena *arena)
{
    const struct plan *plan = &work->record.plan;
    struct redshift_data_field *fields =
        ARENA_ARRAY(arena, page->column_count + 1, struct redshift_data_field);
    bool first = !gather->paged;
    if (first && wants_rows(plan)) {
        result_rows_set_columns(&gather->rows, dispatch->arena, page->columns, page->column_count);
    }
    if (first && wants_data(plan) && json_kind(page->row) == JSON_ABSENT) {
        tell_data(dispatch, work, gather, page, NULL);
    }
    gather->paged = true;
    for (struct json row = page->row; json_kind(row) != JSON_ABSENT; row = json_next(row)) {
        if (redshift_data_read_row(row, fields, page->column_count, NULL) != STATUS_OK) {
            return STATUS_INTERNAL;
        }
        if (first && wants_data(plan)) {
            tell_data(dispatch, work, gather, page, fields);
        }
        first = false;
        if (!wants_rows(plan) || !result_rows_wanted(&gather->rows)) {
            return STATUS_OK;
        }
        result_rows_add(&gather->rows, fields);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_page(struct dispatch *dispatch, const struct work *work,
                                        struct gather *gather, const struct aws_call *call,
                                        struct redshift_data_page *page, struct arena *arena)
{
    enum status status = redshift_data_read_page(arena, call, page, NULL);
    if (status != STATUS_OK) {
        return status;
    }
    if (gather->paged && page->column_count == 0) {
        page->column_count = gather->rows.column_count;
    }
    if (gather->paged && page->column_count != gather->rows.column_count) {
        return STATUS_INTERNAL;
    }
    return take_rows(dispatch, work, gather, page, arena);
}

/* A token that comes again would lead round for ever. */
static bool leads_on(const struct gather *gather, struct slice next_token)
{
    return next_token.size > 0 && !slice_equals(next_token, gather->next_token) &&
           !slice_equals(next_token, gather->last_token);
}

/* A page goes as soon as its rows are taken. */
static void take_page(struct dispatch *dispatch, struct work *work, struct gather *gather,
                      const struct aws_call *call)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(PAGE_ARENA_BYTES);
    struct redshift_data_page page;
    gather->phase = PHASE_DONE;
    if (read_page(dispatch, work, gather, call, &page, arena) != STATUS_OK) {
        set_problem(gather, SLICE(UNREADABLE));
        return;
    }
    if (page.total_rows >= 0) {
        gather->total = page.total_rows;
    }
    if (leads_on(gather, page.next_token) && wants_rows(&work->record.plan) &&
        result_rows_wanted(&gather->rows)) {
        gather->last_token = gather->next_token;
        gather->next_token = arena_copy(dispatch->arena, page.next_token);
        gather->phase = PHASE_PAGE;
    }
}

/* "s3://bucket/prefix/<invocation id>.<format>" */
MUST_CHECK static bool name_object(struct dispatch *dispatch, const struct work *work,
                                   struct gather *gather)
{
    const struct plan *plan = &work->record.plan;
    const bool slashed = slice_ends_with(plan->result.uri, SLICE("/"));
    gather->object_uri = slice_from_text(arena_format(
        dispatch->arena, "%.*s%s%s.%s", SLICE_PRINT(plan->result.uri), slashed ? "" : "/", plan->id,
        plan->result.format == PLAN_FORMAT_CSV ? "csv" : "json"));
    return s3_parse_uri(gather->object_uri, &gather->object, NULL) == STATUS_OK;
}

static void tell_result(struct dispatch *dispatch, const struct work *work, struct gather *gather)
{
    if (wants_rows(&work->record.plan)) {
        gather->told.result =
            result_rows_inline(dispatch->arena, &gather->rows, gather->total, gather->problem);
    }
}

/* All pages that are wanted are here. */
static void end_pages(struct dispatch *dispatch, struct work *work, struct gather *gather)
{
    const struct plan *plan = &work->record.plan;
    const bool inlined = plan->result.mode == PLAN_RESULT_INLINE;
    if (!may_spill(plan) || gather->problem[0] != '\0' || !gather->paged ||
        (inlined && result_rows_fit_inline(&gather->rows, gather->total))) {
        tell_result(dispatch, work, gather);
    } else if (!name_object(dispatch, work, gather)) {
        set_problem(gather, SLICE("InvalidUri"));
        tell_result(dispatch, work, gather);
    } else {
        gather->phase = PHASE_PUT;
    }
}

/* A statement without a result set has no rows, which is no error. */
static void tell_no_rows(struct dispatch *dispatch, const struct work *work, struct gather *gather)
{
    if (wants_data(&work->record.plan)) {
        gather->told.data = SLICE("{}");
    }
    if (wants_rows(&work->record.plan)) {
        struct result_rows_settings settings = gather->rows.settings;
        settings.inline_bytes = NO_ROWS_BYTES;
        result_rows_init(&gather->rows, &settings);
        result_rows_set_columns(&gather->rows, dispatch->arena, NULL, 0);
        gather->told.result =
            result_rows_inline(dispatch->arena, &gather->rows, 0, gather->problem);
    }
}

/* ---- One answer after the other ------------------------------------------------------------- */

static void end_documents(struct dispatch *dispatch, struct work *work, struct gather *gather)
{
    const struct plan *plan = &work->record.plan;
    gather->phase = PHASE_DONE;
    if (plan->output == OUTPUT_QUERIES) {
        gather->told.queries = documents_of(dispatch->arena, gather, work->record.state.step);
    }
    if (!wants_rows(plan) && !wants_data(plan)) {
        return;
    }
    begin_rows(dispatch, work, gather);
    if (gather->problem[0] != '\0') {
        tell_result(dispatch, work, gather);
    } else if (gather->statement.size == 0) {
        tell_no_rows(dispatch, work, gather);
    } else {
        gather->phase = PHASE_PAGE;
    }
}

static void take_description(struct dispatch *dispatch, struct work *work, struct gather *gather,
                             const struct aws_call *call)
{
    struct redshift_data_description description;
    const bool last = gather->step == work->record.state.step;
    if (call->status == STATUS_OK &&
        redshift_data_read_describe(dispatch->arena, call, &description, NULL) == STATUS_OK) {
        /* Describe may lag behind the event. */
        if (submit_ending(description.status) == ENDING_NONE) {
            gather->later = true;
            gather->phase = PHASE_DONE;
            return;
        }
        gather->documents[gather->step - 1] = description.document;
        if (last) {
            tell_last(gather, &description);
        }
    } else if (last) {
        set_problem(gather, problem_of(call));
    }
    if (last) {
        end_documents(dispatch, work, gather);
    } else {
        gather->step++;
    }
}

/* A bucket in another region says so: once it is followed there. */
static bool follow_bucket(struct dispatch *dispatch, struct gather *gather,
                          const struct aws_call *call)
{
    const struct slice region = s3_read_region(dispatch->arena, call);
    if (gather->moved || region.size == 0) {
        return false;
    }
    gather->moved = true;
    gather->region = region;
    return true;
}

static void take_put(struct dispatch *dispatch, struct work *work, struct gather *gather,
                     const struct aws_call *call)
{
    if (call->status == STATUS_OK) {
        gather->told.result =
            result_rows_pointer(dispatch->arena, &gather->rows, gather->total, gather->object_uri);
    } else if (follow_bucket(dispatch, gather, call)) {
        return;
    } else {
        set_problem(gather, problem_of(call));
        tell_result(dispatch, work, gather);
    }
    gather->phase = PHASE_DONE;
}

static void take_answer(struct dispatch *dispatch, struct work *work, struct gather *gather,
                        const struct aws_call *call)
{
    switch (gather->phase) {
    case PHASE_DESCRIBE: take_description(dispatch, work, gather, call); break;
    case PHASE_PUT: take_put(dispatch, work, gather, call); break;
    case PHASE_DONE: break;
    case PHASE_PAGE:
        if (call->status == STATUS_OK) {
            take_page(dispatch, work, gather, call);
        } else {
            set_problem(gather, problem_of(call));
            gather->phase = PHASE_DONE;
        }
        if (gather->phase == PHASE_DONE) {
            end_pages(dispatch, work, gather);
        }
        break;
    }
}

static bool is_passing(const struct aws_call *call)
{
    return call->status == STATUS_RETRY || call->status == STATUS_IN_DOUBT;
}

/* No time is left for another call: what is here is told. */
static void stop(struct dispatch *dispatch, struct work *work, struct gather *gather,
                 struct slice problem)
{
    set_problem(gather, problem);
    if (gather->phase == PHASE_DESCRIBE) {
        end_documents(dispatch, work, gather);
    } else {
        tell_result(dispatch, work, gather);
    }
    gather->phase = PHASE_DONE;
}

/* ---- The handler ---------------------------------------------------------------------------- */

static void release_gather(void *object)
{
    struct gather *gather = object;
    result_rows_clear(&gather->rows);
}

static bool build_gather(struct dispatch *dispatch, struct work *work, const struct action *action,
                         struct aws_call *call, struct stimulus *stimulus)
{
    const struct state *state = &work->record.state;
    struct gather *gather = ARENA_NEW(dispatch->arena, struct gather);
    (void)action;
    if (state->step == 0 || statement_of(state, state->step).size == 0) {
        stimulus->kind = STIMULUS_GATHERED;
        return false;
    }
    gather->documents = ARENA_ARRAY(dispatch->arena, state->step, struct slice);
    gather->step = work->record.plan.output == OUTPUT_QUERIES ? 1 : state->step;
    gather->total = -1;
    gather->told = (struct stimulus){.rows = -1, .duration_ms = -1};
    arena_defer(dispatch->arena, release_gather, gather);
    work->progress = gather;
    gather->sends = 1;
    build_call(dispatch, work, gather, call);
    return true;
}

static bool more_to_gather(struct dispatch *dispatch, struct work *work,
                           const struct action *action, struct aws_call *call)
{
    struct gather *gather = work->progress;
    const bool over = time_is_over(dispatch, work);
    (void)action;
    if (is_passing(call) && !over && gather->sends < SENDS_MAX) {
        gather->sends++;
        build_call(dispatch, work, gather, call);
        return true;
    }
    if (is_passing(call) && !over) {
        gather->later = true;
        return false;
    }
    take_answer(dispatch, work, gather, call);
    if (gather->phase != PHASE_DONE && over) {
        stop(dispatch, work, gather, SLICE(OUT_OF_TIME));
    }
    if (gather->phase == PHASE_DONE) {
        return false;
    }
    gather->sends = 1;
    build_call(dispatch, work, gather, call);
    return true;
}

static void read_gathered(struct dispatch *dispatch, struct work *work, const struct action *action,
                          const struct aws_call *call, struct stimulus *stimulus)
{
    struct gather *gather = work->progress;
    (void)dispatch;
    (void)action;
    (void)call;
    stimulus->kind = gather->later ? STIMULUS_LOOK_FAILED : STIMULUS_GATHERED;
    if (!gather->later) {
        stimulus->details = true;
        stimulus->rows = gather->told.rows;
        stimulus->duration_ms = gather->told.duration_ms;
        stimulus->description = gather->told.description;
        stimulus->session_id = gather->told.session_id;
        stimulus->result = gather->told.result;
        stimulus->data = gather->told.data;
        stimulus->queries = gather->told.queries;
    }
    result_rows_clear(&gather->rows);
    work->progress = NULL;
}

const struct action_handler gather_handler = {
    .build = build_gather, .more = more_to_gather, .read = read_gathered};
