/* The reply documents of design section 5, byte for byte, and their limits. */
#include "completer/reply.h"
#include "tests/support/cmocka.h"

#include "infra/aws/step_functions.h"
#include "infra/base/json_reader.h"

#include <stdio.h>
#include <string.h>

#define ID    "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define NAME  "ringback/" ID "/1.1"
#define STMT  "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a"
#define ENDED 1795178096789 /* 2026-11-20T12:34:56.789Z */
#define EVENT                                                                                      \
    "{\"version\":\"0\",\"id\":\"c6dd\",\"source\":\"aws.redshift-data\",\"detail\":"              \
    "{\"statementName\":\"" NAME "\",\"state\":\"%s\",\"rows\":3,\"expireAt\":1601673265}}"
#define MADE_HEAD                                                                                  \
    "{\"version\":\"0\",\"id\":\"ringback-" ID                                                     \
    "\",\"detail-type\":\"Redshift Data Statement Status Change\","                                \
    "\"source\":\"aws.redshift-data\",\"account\":\"\",\"time\":\"2026-11-20T12:34:56.789Z\","     \
    "\"region\":\"\",\"resources\":[],"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct plan_step steps[INVOCATION_STEPS_MAX];
    struct plan plan;
    struct step_result results[INVOCATION_STEPS_MAX];
    struct state state;
    struct stimulus stimulus;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.arena = arena_new(64u << 20);
    fixture.plan = (struct plan){.id = ID,
                                 .prefix = SLICE("ringback/"),
                                 .steps = fixture.steps,
                                 .step_count = 1,
                                 .session_keep_alive_seconds = -1,
                                 .retry.max_attempts = 1};
    fixture.results[0] = (struct step_result){1, 1, ENDING_FINISHED, STMT, 3, 812};
    fixture.state.statement = STATEMENT_ENDED;
    fixture.state.step = fixture.state.attempt = 1;
    fixture.state.sends = 1;
    memcpy(fixture.state.statement_id, STMT, sizeof(STMT));
    fixture.state.outcome = OUTCOME_FINISHED;
    fixture.state.witness = WITNESS_EVENT;
    fixture.state.ended_at_ms = ENDED;
    fixture.state.results = fixture.results;
    fixture.state.result_count = 1;
    fixture.stimulus = (struct stimulus){.rows = -1, .duration_ms = -1};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static struct slice render(struct fixture *fixture)
{
    return reply_render(fixture->arena, &fixture->plan, &fixture->state, &fixture->stimulus);
}

static void set_event(struct fixture *fixture, const char *state)
{
    fixture->state.event = slice_from_text(arena_format(fixture->arena, EVENT, state));
}

static void set_ending(struct fixture *fixture, enum ending ending, enum outcome outcome)
{
    fixture->results[0].ending = ending;
    fixture->state.outcome = outcome;
}

static void assert_reply(struct fixture *fixture, const char *expected)
{
    struct slice reply = render(fixture);
    if (!slice_equals_text(reply, expected)) {
        fail_msg("\n%.*s\n  is not\n%s", SLICE_PRINT(reply), expected);
    }
}

static struct json parsed(struct fixture *fixture, struct slice text)
{
    struct json root;
    struct error error = ERROR_NONE;
    if (json_parse(fixture->arena, text, &root, &error) != STATUS_OK) {
        fail_msg("%s: %.*s", error.text, SLICE_PRINT(slice_part(text, 0, 2000)));
    }
    return root;
}

static struct slice text_at(struct json object, const char *name)
{
    struct slice text = SLICE_NONE;
    assert_int_equal(json_find_text(object, name, 0, &text, NULL), STATUS_OK);
    return text;
}

/* So many repetitions of a piece. */
static struct slice repeated(struct fixture *fixture, struct slice piece, size_t count)
{
    char *text = arena_alloc(fixture->arena, piece.size * count);
    for (size_t i = 0; i < count; i++) {
        memcpy(text + i * piece.size, piece.data, piece.size);
    }
    return (struct slice){text, piece.size * count};
}

/* The longest names, ids and numbers that a result can have. */
static void fill_steps(struct fixture *fixture, size_t count)
{
    char *prefix = arena_alloc(fixture->arena, INVOCATION_PREFIX_MAX_BYTES);
    memset(prefix, 'p', INVOCATION_PREFIX_MAX_BYTES);
    prefix[INVOCATION_PREFIX_MAX_BYTES - 1] = '/';
    fixture->plan.prefix = (struct slice){prefix, INVOCATION_PREFIX_MAX_BYTES};
    fixture->plan.step_count = count;
    for (size_t i = 0; i < count; i++) {
        fixture->results[i] = (struct step_result){
            (unsigned)i + 1, 1000, ENDING_FINISHED, STMT, INT64_C(9007199254740992), 86400000};
    }
    fixture->state.result_count = count;
    fixture->state.step = (unsigned)count;
    fixture->state.attempt = 1000;
}

static struct slice description_of_batch(struct fixture *fixture, size_t subs)
{
    const char *list = "";
    for (size_t i = 0; i < subs; i++) {
        list = arena_format(fixture->arena,
                            "%s%s{\"Id\":\"" STMT ":%zu\",\"Status\":\"FINISHED\",\"Error\":\"\","
                            "\"CreatedAt\":\"2026-11-20T12:34:56.789Z\",\"UpdatedAt\":"
                            "\"2026-11-20T12:34:56.789Z\",\"Duration\":123456789,\"ResultRows\":-1,"
                            "\"ResultSize\":-1,\"RedshiftQueryId\":-1,\"HasResultSet\":false}",
                            list, i > 0 ? "," : "", i + 1);
    }
    return slice_from_text(
        arena_format(fixture->arena, "{\"Id\":\"" STMT "\",\"SubStatements\":[%s]}", list));
}

/* ---- Success ---- */

static void finished_with_the_event(void **context)
{
    struct fixture *fixture = *context;
    set_event(fixture, "FINISHED");
    assert_reply(fixture,
                 "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":"
                 "{\"version\":\"0\",\"id\":\"c6dd\",\"source\":\"aws.redshift-data\",\"detail\":"
                 "{\"statementName\":\"" NAME "\",\"state\":\"FINISHED\",\"rows\":3,"
                 "\"expireAt\":1601673265},\"ringback\":{\"invocationId\":\"" ID
                 "\",\"outcome\":\"FINISHED\",\"learnedFrom\":\"event\",\"steps\":[{\"step\":1,"
                 "\"attempt\":1,\"statementName\":\"" NAME "\",\"Id\":\"" STMT
                 "\",\"Status\":\"FINISHED\",\"ResultRows\":3,\"DurationMs\":812}]}}}");
}

static void finished_without_an_event_makes_one(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.witness = WITNESS_SWEEP;
    assert_reply(fixture,
                 "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":" MADE_HEAD
                 "\"detail\":{\"principal\":\"\",\"statementName\":\"" NAME
                 "\",\"statementId\":\"" STMT
                 "\",\"redshiftQueryId\":-1,\"state\":\"FINISHED\",\"rows\":3},"
                 "\"ringback\":{\"invocationId\":\"" ID
                 "\",\"outcome\":\"FINISHED\",\"learnedFrom\":\"sweep\",\"steps\":["
                 "{\"step\":1,\"attempt\":1,\"statementName\":\"" NAME "\",\"Id\":\"" STMT
                 "\",\"Status\":\"FINISHED\",\"ResultRows\":3,\"DurationMs\":812}]}}}");
}

static void finished_with_the_statement(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.output = OUTPUT_STATEMENT;
    fixture->stimulus.description = SLICE(
        "{\"Id\":\"" STMT "\",\"Status\":\"FINISHED\",\"ResultRows\":3,\"Duration\":812000000,"
        "\"StatementName\":\"spoofed\",\"ringback\":{}}");
    assert_reply(fixture,
                 "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":"
                 "{\"StatementName\":\"" NAME "\",\"Id\":\"" STMT
                 "\",\"Status\":\"FINISHED\",\"ResultRows\":3,\"Duration\":812000000,"
                 "\"ringback\":{\"invocationId\":\"" ID
                 "\",\"outcome\":\"FINISHED\",\"learnedFrom\":\"event\",\"steps\":[{\"step\":1,"
                 "\"attempt\":1,\"statementName\":\"" NAME "\",\"Id\":\"" STMT
                 "\",\"Status\":\"FINISHED\",\"ResultRows\":3,\"DurationMs\":812}]}}}");
}

static void statement_that_was_not_described_has_id_and_status(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.output = OUTPUT_STATEMENT;
    struct json output = parsed(fixture, reply_output(render(fixture)));
    assert_true(slice_equals_text(text_at(output, "Id"), STMT));
    assert_true(slice_equals_text(text_at(output, "Status"), "FINISHED"));
    assert_true(slice_equals_text(text_at(output, "StatementName"), NAME));
}

static void failed_with_the_databases_text(void **context)
{
    struct fixture *fixture = *context;
    set_event(fixture, "FAILED");
    set_ending(fixture, ENDING_FAILED, OUTCOME_FAILED);
    fixture->results[0].rows = -1;
    fixture->stimulus.error_text = SLICE("ERROR: \"t\" does not exist");
    assert_reply(
        fixture,
        "{\"invocationId\":\"" ID "\",\"outcome\":\"FAILED\",\"error\":\"FAILED\",\"cause\":"
        "{\"version\":\"0\",\"id\":\"c6dd\",\"source\":\"aws.redshift-data\",\"detail\":"
        "{\"statementName\":\"" NAME "\",\"state\":\"FAILED\",\"rows\":3,\"expireAt\":1601673265,"
        "\"error\":\"ERROR: \\\"t\\\" does not exist\"},\"ringback\":{\"invocationId\":\"" ID
        "\",\"outcome\":\"FAILED\",\"learnedFrom\":\"event\",\"steps\":[{\"step\":1,"
        "\"attempt\":1,\"statementName\":\"" NAME "\",\"Id\":\"" STMT
        "\",\"Status\":\"FAILED\",\"DurationMs\":812}]}}}");
}

static void aborted_by_somebody(void **context)
{
    struct fixture *fixture = *context;
    set_event(fixture, "ABORTED");
    set_ending(fixture, ENDING_ABORTED, OUTCOME_ABORTED);
    struct slice reply = render(fixture);
    struct json root = parsed(fixture, reply);
    assert_true(slice_equals_text(text_at(root, "outcome"), "ABORTED"));
    assert_true(slice_equals_text(text_at(root, "error"), "ABORTED"));
    struct json detail = json_member(json_member(root, "cause"), "detail");
    assert_true(slice_equals_text(text_at(detail, "state"), "ABORTED"));
    assert_int_equal(json_kind(json_member(detail, "error")), JSON_ABSENT);
}

static void timed_out_with_the_statement_unknown(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.statement = STATEMENT_CANCELLING;
    fixture->state.outcome = OUTCOME_TIMED_OUT;
    fixture->state.witness = WITNESS_NONE;
    fixture->state.statement_unknown = true;
    fixture->state.result_count = 0;
    fixture->state.ended_at_ms = 0;
    fixture->state.updated_at_ms = ENDED;
    assert_reply(fixture,
                 "{\"invocationId\":\"" ID
                 "\",\"outcome\":\"TIMED_OUT\",\"error\":\"TIMED_OUT\",\"cause\":" MADE_HEAD
                 "\"detail\":{\"principal\":\"\",\"statementName\":\"" NAME
                 "\",\"statementId\":\"" STMT "\",\"redshiftQueryId\":-1,\"state\":\"TIMED_OUT\"},"
                 "\"ringback\":{\"invocationId\":\"" ID
                 "\",\"outcome\":\"TIMED_OUT\",\"statement\":\"unknown\",\"steps\":[]}}}");
}

static void rejected_names_the_exception(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.outcome = OUTCOME_REJECTED;
    fixture->state.witness = WITNESS_SUBMIT;
    fixture->state.result_count = 0;
    fixture->state.statement_id[0] = '\0';
    (void)snprintf(fixture->state.error_type, sizeof(fixture->state.error_type),
                   "ValidationException");
    fixture->state.error_text = SLICE("Cluster doesn't exist in this region.");
    assert_reply(fixture, "{\"invocationId\":\"" ID
                          "\",\"outcome\":\"REJECTED\",\"error\":\"REJECTED\",\"cause\":" MADE_HEAD
                          "\"detail\":{\"principal\":\"\",\"statementName\":\"" NAME
                          "\",\"statementId\":\"\",\"redshiftQueryId\":-1,\"state\":\"REJECTED\","
                          "\"error\":\"Cluster doesn't exist in this region.\"},"
                          "\"ringback\":{\"invocationId\":\"" ID
                          "\",\"outcome\":\"REJECTED\",\"learnedFrom\":\"submit\","
                          "\"errorType\":\"ValidationException\",\"steps\":[]}}}");
}

static void expired_is_unknown(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.statement = STATEMENT_UNKNOWN;
    fixture->state.outcome = OUTCOME_EXPIRED;
    fixture->state.witness = WITNESS_NONE;
    fixture->state.statement_unknown = true;
    fixture->state.result_count = 0;
    struct json cause = parsed(fixture, reply_cause(render(fixture)));
    assert_true(slice_equals_text(text_at(json_member(cause, "detail"), "state"), "EXPIRED"));
    assert_true(slice_equals_text(text_at(json_member(cause, "ringback"), "statement"), "unknown"));
}

/* An attempt that was cancelled before it was sent is not the one to be told of. */
static void attempt_that_was_never_sent_is_not_named(void **context)
{
    struct fixture *fixture = *context;
    set_ending(fixture, ENDING_FAILED, OUTCOME_ABORTED);
    fixture->state.attempt = 2;
    fixture->state.sends = 0;
    fixture->state.statement_id[0] = '\0';
    struct json detail = json_member(parsed(fixture, reply_cause(render(fixture))), "detail");
    assert_true(slice_equals_text(text_at(detail, "statementName"), NAME));
    assert_true(slice_equals_text(text_at(detail, "statementId"), STMT));
}

/* The Id of the step before does not belong to the name of a step whose Id nobody knows. */
static void step_without_an_id_has_none(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.step_count = 2;
    fixture->state.outcome = OUTCOME_EXPIRED;
    fixture->state.step = 2;
    fixture->state.statement_id[0] = '\0';
    struct json detail = json_member(parsed(fixture, reply_cause(render(fixture))), "detail");
    assert_true(slice_equals_text(text_at(detail, "statementName"), "ringback/" ID "/2.1"));
    assert_true(slice_equals_text(text_at(detail, "statementId"), ""));
    assert_int_equal(json_kind(json_member(detail, "rows")), JSON_ABSENT);
}

static void short_reply_holds_ids_and_outcome(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.result_count = 0;
    struct slice reply = reply_render_short(fixture->arena, &fixture->plan, &fixture->state);
    struct json ringback = json_member(parsed(fixture, reply_output(reply)), "ringback");
    assert_true(slice_equals_text(text_at(ringback, "invocationId"), ID));
    assert_true(slice_equals_text(text_at(ringback, "outcome"), "FINISHED"));
    fixture->state.outcome = OUTCOME_FAILED;
    reply = reply_render_short(fixture->arena, &fixture->plan, &fixture->state);
    ringback = json_member(parsed(fixture, reply_cause(reply)), "ringback");
    assert_true(slice_equals_text(text_at(ringback, "outcome"), "FAILED"));
}

static void same_input_gives_the_same_bytes(void **context)
{
    struct fixture *fixture = *context;
    set_event(fixture, "FAILED");
    set_ending(fixture, ENDING_FAILED, OUTCOME_FAILED);
    fill_steps(fixture, INVOCATION_STEPS_MAX);
    fixture->stimulus.error_text = repeated(fixture, SLICE("\x01"), 100000);
    struct slice first = render(fixture);
    struct slice again = render(fixture);
    assert_true(slice_equals(first, again));
    assert_true(slice_equals(reply_cause(first), reply_cause(again)));
}

static void output_and_cause_exclude_each_other(void **context)
{
    struct fixture *fixture = *context;
    assert_non_null(reply_output(render(fixture)).data);
    assert_null(reply_cause(render(fixture)).data);
    fixture->state.outcome = OUTCOME_FAILED;
    assert_null(reply_output(render(fixture)).data);
    assert_non_null(reply_cause(render(fixture)).data);
}

static void large_batch_is_told_whole(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.output = OUTPUT_STATEMENT;
    fixture->stimulus.description = description_of_batch(fixture, 40);
    struct json output = parsed(fixture, reply_output(render(fixture)));
    assert_int_equal(json_count(json_member(output, "SubStatements")), 40);
}

#define ROWS "{\"format\":\"json\",\"columns\":[],\"rows\":[],\"totalRows\":0,\"truncated\":false}"

static void rows_and_session_are_told(void **context)
{
    struct fixture *fixture = *context;
    set_event(fixture, "FINISHED");
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    fixture->stimulus.result = SLICE(ROWS);
    (void)snprintf(fixture->state.session_id, sizeof(fixture->state.session_id), "session");
    struct slice output = reply_output(render(fixture));
    assert_true(slice_ends_with(
        output, SLICE("\"DurationMs\":812}],\"sessionId\":\"session\",\"result\":" ROWS "}}")));
}

static void rows_that_are_not_asked_for_are_not_told(void **context)
{
    struct fixture *fixture = *context;
    struct json ringback = json_member(parsed(fixture, reply_output(render(fixture))), "ringback");
    assert_int_equal(json_kind(json_member(ringback, "result")), JSON_ABSENT);
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    set_ending(fixture, ENDING_FAILED, OUTCOME_FAILED);
    ringback = json_member(parsed(fixture, reply_cause(render(fixture))), "ringback");
    assert_int_equal(json_kind(json_member(ringback, "result")), JSON_ABSENT);
}

static void skipped_names_who_held_the_lock(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    fixture->state.result_count = 0;
    fixture->state.statement_id[0] = '\0';
    fixture->state.sends = 0;
    fixture->state.witness = WITNESS_NONE;
    fixture->state.skipped = true;
    memcpy(fixture->state.holder, ID, sizeof(ID));
    assert_reply(fixture, "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":"
                          "{\"ringback\":{\"invocationId\":\"" ID
                          "\",\"outcome\":\"FINISHED\",\"steps\":[],\"skipped\":true,"
                          "\"holder\":\"" ID "\"}}}");
}

static void nothing_to_run_tells_no_statement(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.step_count = 0;
    fixture->state.result_count = 0;
    fixture->state.witness = WITNESS_NONE;
    assert_reply(fixture, "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":"
                          "{\"ringback\":{\"invocationId\":\"" ID
                          "\",\"outcome\":\"FINISHED\",\"steps\":[]}}}");
}

static void room_is_what_a_result_may_take(void **context)
{
    struct fixture *fixture = *context;
    set_event(fixture, "FINISHED");
    fill_steps(fixture, 100);
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    const size_t room =
        reply_room(fixture->arena, &fixture->plan, &fixture->state, &fixture->stimulus);
    assert_in_range(room, 200000, STEP_FUNCTIONS_OUTPUT_MAX_BYTES - 2048);
    struct slice result = repeated(fixture, SLICE("1"), room);
    fixture->stimulus.result = result;
    struct slice reply = render(fixture);
    assert_in_range(reply.size, room, STEP_FUNCTIONS_OUTPUT_MAX_BYTES - 1024);
    assert_true(slice_find(reply, result) < reply.size);
}

/* ---- Failure ---- */

static void hostile_event_cannot_turn_failure_into_success(void **context)
{
    struct fixture *fixture = *context;
    set_ending(fixture, ENDING_FAILED, OUTCOME_FAILED);
    fixture->state.event =
        SLICE("{\"x\":{\"outcome\":\"FINISHED\",\"output\":{}},\"detail\":{},\"cause\":1}");
    struct slice reply = render(fixture);
    assert_null(reply_output(reply).data);
    struct json cause = parsed(fixture, reply_cause(reply));
    assert_true(slice_equals_text(text_at(json_member(cause, "ringback"), "outcome"), "FAILED"));
}

static void own_members_win_over_the_events(void **context)
{
    struct fixture *fixture = *context;
    set_ending(fixture, ENDING_FAILED, OUTCOME_FAILED);
    fixture->stimulus.error_text = SLICE("ours");
    fixture->state.event =
        SLICE("{\"ringback\":{\"outcome\":\"FINISHED\"},\"detail\":{\"error\":\"theirs\"}}");
    struct slice cause = reply_cause(render(fixture));
    assert_true(slice_find(cause, SLICE("theirs")) == cause.size);
    struct json root = parsed(fixture, cause);
    assert_int_equal(json_count(root), 2);
    assert_true(slice_equals_text(text_at(json_member(root, "detail"), "error"), "ours"));
}

static void cause_fits_whatever_the_database_says(void **context)
{
    static const struct slice pieces[] = {{"\x01", 1}, {"x", 1}, {"\xe2\x82\xac", 3}, {"\"", 1}};
    struct fixture *fixture = *context;
    set_event(fixture, "FAILED");
    set_ending(fixture, ENDING_FAILED, OUTCOME_FAILED);
    fill_steps(fixture, INVOCATION_STEPS_MAX);
    fixture->results[INVOCATION_STEPS_MAX - 1].ending = ENDING_FAILED;
    /* The largest event that is kept. */
    fixture->state.event = slice_from_text(
        arena_format(fixture->arena, "{\"x\":\"%.*s\",\"detail\":{}}",
                     SLICE_PRINT(repeated(fixture, SLICE("e"), INVOCATION_EVENT_MAX_BYTES - 21))));
    for (size_t i = 0; i < ARRAY_COUNT(pieces); i++) {
        fixture->stimulus.error_text = repeated(fixture, pieces[i], 100000 / pieces[i].size);
        struct slice cause = reply_cause(render(fixture));
        assert_in_range(cause.size, 1, STEP_FUNCTIONS_CAUSE_MAX_BYTES);
        struct json root = parsed(fixture, cause);
        struct slice text = text_at(json_member(root, "detail"), "error");
        assert_in_range(text.size, 1000, STEP_FUNCTIONS_CAUSE_MAX_BYTES);
        assert_int_equal(text.size % pieces[i].size, 0);
        struct json steps = json_member(json_member(root, "ringback"), "steps");
        assert_in_range(json_count(steps), 1, 256);
        assert_int_equal(json_count(json_member(root, "x")), 0);
    }
}

static void output_fits_with_256_steps(void **context)
{
    struct fixture *fixture = *context;
    fill_steps(fixture, INVOCATION_STEPS_MAX);
    struct slice output = reply_output(render(fixture));
    assert_in_range(output.size, 1, STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
    struct json steps = json_member(json_member(parsed(fixture, output), "ringback"), "steps");
    assert_int_equal(json_count(steps), INVOCATION_STEPS_MAX);
}

/* At every size around the limit the output is whole JSON and within it. */
static void output_never_passes_its_limit(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.output = OUTPUT_STATEMENT;
    for (size_t more = 0; more < 700; more += 50) {
        fixture->stimulus.description = slice_from_text(
            arena_format(fixture->arena, "{\"Id\":\"" STMT "\",\"X\":\"%.*s\"}",
                         SLICE_PRINT(repeated(fixture, SLICE("x"),
                                              STEP_FUNCTIONS_OUTPUT_MAX_BYTES - 600 + more))));
        struct slice output = reply_output(render(fixture));
        assert_in_range(output.size, 1, STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
        struct json ringback = json_member(parsed(fixture, output), "ringback");
        assert_true(slice_equals_text(text_at(ringback, "outcome"), "FINISHED"));
        arena_reset(fixture->arena);
    }
}

static void result_that_could_not_be_had_is_truncated(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.result.mode = PLAN_RESULT_S3;
    assert_true(
        slice_ends_with(reply_output(render(fixture)), SLICE("\"result\":{\"truncated\":true}}}")));
    fixture->stimulus.result = repeated(fixture, SLICE("1"), STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
    struct slice output = reply_output(render(fixture));
    assert_true(slice_ends_with(output, SLICE("\"result\":{\"truncated\":true}}}")));
    assert_true(slice_equals_text(text_at(parsed(fixture, output), "version"), "0"));
}

static void damaged_event_is_made_anew(void **context)
{
    struct fixture *fixture = *context;
    fixture->state.event = SLICE("{\"detail\":");
    struct json output = parsed(fixture, reply_output(render(fixture)));
    assert_true(slice_equals_text(text_at(output, "id"), "ringback-" ID));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(finished_with_the_event),
        TEST(finished_without_an_event_makes_one),
        TEST(finished_with_the_statement),
        TEST(statement_that_was_not_described_has_id_and_status),
        TEST(failed_with_the_databases_text),
        TEST(aborted_by_somebody),
        TEST(timed_out_with_the_statement_unknown),
        TEST(rejected_names_the_exception),
        TEST(expired_is_unknown),
        TEST(attempt_that_was_never_sent_is_not_named),
        TEST(step_without_an_id_has_none),
        TEST(short_reply_holds_ids_and_outcome),
        TEST(same_input_gives_the_same_bytes),
        TEST(output_and_cause_exclude_each_other),
        TEST(large_batch_is_told_whole),
        TEST(rows_and_session_are_told),
        TEST(rows_that_are_not_asked_for_are_not_told),
        TEST(skipped_names_who_held_the_lock),
        TEST(nothing_to_run_tells_no_statement),
        TEST(room_is_what_a_result_may_take),
        TEST(hostile_event_cannot_turn_failure_into_success),
        TEST(own_members_win_over_the_events),
        TEST(cause_fits_whatever_the_database_says),
        TEST(output_fits_with_256_steps),
        TEST(output_never_passes_its_limit),
        TEST(result_that_could_not_be_had_is_truncated),
        TEST(damaged_event_is_made_anew),
    };
    return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
