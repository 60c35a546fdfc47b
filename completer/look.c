/* Asking about one statement because somebody waits for it, not because it is overdue. */
#include "completer/completer.h"
#include "completer/statement.h"

/* Whether the Data API can be asked: it has given an Id, and no ending is known. */
static bool can_be_asked(const struct state *state)
{
    return state->statement_id[0] != '\0' && state->seen == ENDING_NONE &&
           (state->statement == STATEMENT_RUNNING || state->statement == STATEMENT_CANCELLING);
}

enum status completer_look(struct dispatch *dispatch, const char *id, struct error *error)
{
    const struct action action = {.kind = ACTION_DESCRIBE};
    struct work work = {0};
    struct work *works[] = {&work};
    struct aws_call call = {0};
    bool found = false;
    dispatch_begin(dispatch);
    enum status status = dispatch_load(dispatch, &id, works, &found, 1, error);
    if (status != STATUS_OK || !found || work.status != STATUS_OK ||
        !can_be_asked(&work.record.state)) {
        return status;
    }
    struct stimulus stimulus = dispatch_stimulus_of(dispatch, &work, STIMULUS_LOOK_FAILED);
    (void)describe_handler.build(dispatch, &work, &action, &call, &stimulus);
    aws_send_all(dispatch->aws, &call, 1);
    describe_handler.read(dispatch, &work, &action, &call, &stimulus);
    /* That it is alive is no news, and what could not be answered is the sweep's. */
    if (stimulus.kind == STIMULUS_DESCRIBED && stimulus.ending != ENDING_NONE) {
        dispatch_feed(dispatch, &work, &stimulus);
        dispatch_run(dispatch, works, 1);
    }
    return STATUS_OK;
}
