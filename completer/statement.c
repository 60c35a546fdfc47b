#include "completer/statement.h"

#include "completer/batch.h"
#include "invoker/submit.h"

#include "infra/aws/redshift_data.h"
#include "infra/base/log.h"
#include "infra/base/metrics.h"
#include "infra/base/regex.h"

#include <string.h>

bool statement_failure_transient(struct slice error_text)
{
    static const char *const marks[] = {
        "Serializable isolation violation",
        "conflict with concurrent transaction",
        "aborted by concurrent transaction",
        "could not serialize access",
    };
    for (size_t i = 0; i < ARRAY_COUNT(marks); i++) {
        if (slice_find(error_text, slice_from_text(marks[i])) < error_text.size) {
            return true;
        }
    }
    /* The number alone: 10231 is another one. */
    size_t end = slice_find(error_text, SLICE("ERROR: 1023")) + strlen("ERROR: 1023");
    return end == error_text.size ||
           (end < error_text.size && (error_text.data[end] < '0' || error_text.data[end] > '9'));
}

/* The connection was never made, so that nothing can have run: the text says so, and there is no
 * query id. One that was lost says something else and is never tried again, since the statement may
 * have run to its end. Which texts the Data API passes on is not documented; these are those of the
 * drivers. */
bool statement_never_began(struct slice error_text, int64_t redshift_query_id)
{
    static const char *const marks[] = {
        "Connection refused",   "connection refused",        "could not connect to server",
        "too many connections", "connection limit exceeded",
    };
    for (size_t i = 0; i < ARRAY_COUNT(marks) && redshift_query_id <= 0; i++) {
        if (slice_find(error_text, slice_from_text(marks[i])) < error_text.size) {
            return true;
        }
    }
    return false;
}

/* Who has said which errors may be tried again means these and no others. */
static bool may_be_tried_again(const struct work *work, struct slice error_text,
                               int64_t redshift_query_id)
{
    const struct plan *plan = &work->record.plan;
    const unsigned step = work->record.state.step;
    const struct plan_retry *retry = &plan->retry;
    if (step <= plan->step_count && plan->steps[step - 1].retry != NULL) {
        retry = plan->steps[step - 1].retry;
    }
    return retry->error_match.size > 0
               ? regex_matches(retry->error_match, error_text) == REGEX_MATCH
               : statement_failure_transient(error_text) ||
                     statement_never_began(error_text, redshift_query_id);
}

static struct slice current_id(struct arena *arena, const struct work *work)
{
    return arena_copy(arena, slice_from_text(work->record.state.statement_id));
}

static struct slice current_name(struct arena *arena, const struct work *work)
{
    return invocation_statement_name(arena, &work->record.plan, work->record.state.step,
                                     work->record.state.attempt);
}

/* ---- Describe ------------------------------------------------------------------------------- */

static bool build_describe(struct dispatch *dispatch, struct work *work,
                           const struct action *action, struct aws_call *call,
                           struct stimulus *stimulus)
{
    (void)action;
    (void)stimulus;
    void *context = call->context;
    redshift_data_build_describe(dispatch->arena, current_id(dispatch->arena, work), 0, call);
    call->context = context;
    return true;
}

/* An id that somebody has told, and that is none: nothing has that id. */
static bool is_no_id(const struct work *work, const struct aws_call *call)
{
    const struct plan *plan = &work->record.plan;
    const struct state *state = &work->record.state;
    return call->status == STATUS_REJECTED &&
           strcmp(call->error_name, "ValidationException") == 0 && state->attempt == 1 &&
           state->step <= plan->step_count && plan->steps[state->step - 1].attach_id.size > 0;
}

static void read_describe(struct dispatch *dispatch, struct work *work, const struct action *action,
                          const struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    struct redshift_data_description description;
    stimulus->kind = STIMULUS_LOOK_FAILED;
    if (call->status == STATUS_NOT_FOUND || is_no_id(work, call)) {
        stimulus->kind = STIMULUS_DESCRIBED;
        stimulus->not_found = true;
        return;
    }
    if (call->status != STATUS_OK ||
        redshift_data_read_describe(dispatch->arena, call, &description, NULL) != STATUS_OK) {
        return;
    }
    stimulus->kind = STIMULUS_DESCRIBED;
    stimulus->ending = submit_ending(description.status);
    stimulus->details = stimulus->ending != ENDING_NONE;
    stimulus->witness = WITNESS_SWEEP;
    stimulus->statement_id = description.id;
    stimulus->rows = batch_rows(&description);
    stimulus->duration_ms = description.duration_ns >= 0 ? description.duration_ns / 1000000 : -1;
    stimulus->error_text =
        batch_error(dispatch->arena, &work->record.plan, work->record.state.step, &description);
    stimulus->transient =
        stimulus->ending == ENDING_FAILED &&
        may_be_tried_again(work,
                           description.error.size > 0 ? description.error : stimulus->error_text,
                           description.redshift_query_id);
    stimulus->session_id = description.session_id;
    stimulus->description = description.document;
    if (stimulus->ending != ENDING_NONE && work->record.state.outcome == OUTCOME_NONE) {
        metrics_add(METRIC_ENDINGS_BY_SWEEP, 1);
        log_info("ending found by the sweep", LOG_CSTR("invocationId", work->record.plan.id));
    }
}

const struct action_handler describe_handler = {.build = build_describe, .read = read_describe};

/* ---- List ----------------------------------------------------------------------------------- */

static bool build_list(struct dispatch *dispatch, struct work *work, const struct action *action,
                       struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    (void)stimulus;
    void *context = call->context;
    redshift_data_build_list(dispatch->arena, current_name(dispatch->arena, work), SLICE_NONE,
                             call);
    call->context = context;
    return true;
}

/* The name is a prefix match on AWS's side: only the exact name counts. Names end in a number of
 * one attempt, so that at most ten others share the prefix and one page is enough. */
static void read_list(struct dispatch *dispatch, struct work *work, const struct action *action,
                      const struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    struct redshift_data_listed *listed = NULL;
    struct slice next_token = SLICE_NONE;
    struct slice name = current_name(dispatch->arena, work);
    size_t count = 0;
    stimulus->kind = STIMULUS_LOOK_FAILED;
    if (call->status != STATUS_OK || redshift_data_read_list(dispatch->arena, call, &listed, &count,
                                                             &next_token, NULL) != STATUS_OK) {
        return;
    }
    stimulus->kind = STIMULUS_LISTED;
    for (size_t i = 0; i < count && !stimulus->found; i++) {
        stimulus->found = slice_equals(listed[i].statement_name, name);
        stimulus->statement_id = listed[i].id;
    }
    if (!stimulus->found && next_token.size > 0) {
        stimulus->kind = STIMULUS_LOOK_FAILED; /* not all was seen: no proof of absence */
    }
}

const struct action_handler list_handler = {.build = build_list, .read = read_list};

/* ---- Cancel --------------------------------------------------------------------------------- */

static bool build_cancel(struct dispatch *dispatch, struct work *work, const struct action *action,
                         struct aws_call *call, struct stimulus *stimulus)
{
    (void)action;
    (void)stimulus;
    void *context = call->context;
    redshift_data_build_cancel(dispatch->arena, current_id(dispatch->arena, work), call);
    call->context = context;
    return true;
}

static void read_cancel(struct dispatch *dispatch, struct work *work, const struct action *action,
                        const struct aws_call *call, struct stimulus *stimulus)
{
    (void)work;
    (void)action;
    bool accepted = false;
    stimulus->kind = STIMULUS_CANCEL_REFUSED;
    if (call->status == STATUS_OK &&
        redshift_data_read_cancel(dispatch->arena, call, &accepted, NULL) == STATUS_OK &&
        accepted) {
        stimulus->kind = STIMULUS_CANCEL_SENT;
        metrics_add(METRIC_STATEMENTS_CANCELLED, 1);
    }
}

const struct action_handler cancel_handler = {.build = build_cancel, .read = read_cancel};
