/*
 * A rendered reply is JSON within the limits of Step Functions, whatever events, descriptions and
 * error texts say. Input: four bytes that choose, then event, description and error text with 0xFF
 * between them.
 */
#include "completer/reply.h"
#include "tests/fuzz/fuzz.h"

#include "infra/aws/redshift_data.h"
#include "infra/aws/step_functions.h"
#include "infra/base/json_reader.h"

#include <string.h>

#define RESULTS_MANY 240 /* seldom, since many are slow */
#define RESULTS_STEP 13

static struct json member_of(struct arena *arena, struct slice text, const char *name)
{
    struct json root = {0};
    FUZZ_CHECK(json_parse(arena, text, &root, NULL) == STATUS_OK);
    FUZZ_CHECK(json_kind(root) == JSON_OBJECT);
    return json_member(root, name);
}

static void check(struct arena *arena, const struct state *state, struct slice reply)
{
    struct slice output = reply_output(reply);
    struct slice cause = reply_cause(reply);
    FUZZ_CHECK(json_exists(member_of(arena, reply, "invocationId")));
    FUZZ_CHECK(slice_is_utf8(reply));
    if (state->outcome == OUTCOME_FINISHED) {
        FUZZ_CHECK(cause.data == NULL && output.size <= STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
        FUZZ_CHECK(json_exists(member_of(arena, output, "ringback")));
    } else {
        FUZZ_CHECK(output.data == NULL && cause.size <= STEP_FUNCTIONS_CAUSE_MAX_BYTES);
        FUZZ_CHECK(json_exists(member_of(arena, cause, "ringback")));
    }
}

/* As the Data API's answer comes in: read, or left out. */
static struct slice description_of(struct arena *arena, struct slice reply)
{
    const struct aws_call call = {.status = STATUS_OK, .reply = reply, .code = 200};
    struct redshift_data_description description;
    struct error error = ERROR_NONE;
    return redshift_data_read_describe(arena, &call, &description, &error) == STATUS_OK
               ? description.document
               : SLICE_NONE;
}

static void fill_state(struct arena *arena, const uint8_t choice[4], struct state *state)
{
    state->outcome = (enum outcome)(1 + choice[0] % OUTCOME_EXPIRED);
    state->witness = (enum witness)(choice[0] / 8 % 4);
    state->statement_unknown = choice[0] >= 128;
    state->step = 1 + choice[2];
    state->attempt = 1;
    state->result_count =
        choice[2] < RESULTS_MANY ? choice[2] % 4 : (size_t)choice[2] * RESULTS_STEP;
    state->results = ARENA_ARRAY(arena, state->result_count, struct step_result);
    state->updated_at_ms = INT64_C(1790000000000);
    for (size_t i = 0; i < state->result_count; i++) {
        struct step_result *result = &state->results[i];
        *result = (struct step_result){.step = 1 + (unsigned)i,
                                       .attempt = 1,
                                       .ending = (enum ending)(1 + choice[3] % 3),
                                       .rows = INT64_MAX,
                                       .duration_ms = INT64_MAX};
        memset(result->statement_id, 'f', INVOCATION_STATEMENT_ID_BYTES);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) {
        return 0;
    }
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(FUZZ_ARENA_BYTES);
    struct slice rest = fuzz_input(data + 4, size - 4);
    struct plan_step step = {.attach_id = data[1] % 4 < 2 ? SLICE_NONE : SLICE("another's")};
    struct plan plan = {.prefix = SLICE("ringback/"),
                        .steps = &step,
                        .step_count = 1,
                        .output = data[1] % 2 == 0 ? OUTPUT_EVENT : OUTPUT_STATEMENT};
    struct state state = {0};
    struct stimulus stimulus = {.kind = STIMULUS_DESCRIBED, .rows = -1};
    memset(plan.id, 'a', TRACKER_ID_BYTES);
    fill_state(arena, data, &state);
    state.event = slice_part(fuzz_take(&rest, '\xff'), 0, INVOCATION_EVENT_MAX_BYTES);
    stimulus.description = description_of(arena, fuzz_take(&rest, '\xff'));
    stimulus.error_text = fuzz_take(&rest, '\0'); /* JSON that was read holds no NUL */
    check(arena, &state, reply_render(arena, &plan, &state, &stimulus));
    check(arena, &state, reply_render_short(arena, &plan, &state));
    return 0;
}
