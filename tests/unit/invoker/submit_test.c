/* The submit stage: what is sent, and what each answer of the Data API means. */
#include "invoker/submit.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define ID   "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define STMT "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a"

/* ---- Fixture ---- */

struct fixture {
    struct random_seeded random;
    struct dispatch dispatch;
    struct slice sqls[2];
    struct plan_step steps[2];
    struct plan_parameter parameter;
    struct work work;
    struct action action;
    struct aws_call call;
    struct stimulus stimulus;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    random_seeded_init(&fixture.random, 1);
    fixture.dispatch.arena = arena_new(4u << 20);
    fixture.dispatch.random = &fixture.random.random;
    fixture.sqls[0] = SLICE("select :a");
    fixture.sqls[1] = SLICE("select 2");
    fixture.steps[0] = (struct plan_step){.sqls = fixture.sqls, .sql_count = 1};
    fixture.steps[1] = (struct plan_step){.sqls = fixture.sqls, .sql_count = 2, .batch = true};
    fixture.parameter = (struct plan_parameter){SLICE("a"), SLICE("1")};
    fixture.work.record.plan = (struct plan){.id = ID,
                                             .prefix = SLICE("ringback/"),
                                             .steps = fixture.steps,
                                             .step_count = 2,
                                             .parameters = &fixture.parameter,
                                             .parameter_count = 1,
                                             .session_keep_alive_seconds = -1,
                                             .wait_seconds = 20,
                                             .retry.max_attempts = 1};
    fixture.work.record.plan.target = (struct plan_target){
        .cluster_identifier = SLICE("c"), .database = SLICE("d"), .db_user = SLICE("u")};
    fixture.work.record.state.step = fixture.work.record.state.attempt = 1;
    fixture.work.record.state.statement = STATEMENT_SUBMITTING;
    fixture.action.kind = ACTION_SUBMIT;
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->dispatch.arena);
    return 0;
}

/* ---- Helpers ---- */

static struct slice build(struct fixture *fixture)
{
    fixture->call = (struct aws_call){.context = fixture};
    assert_true(submit_handler.build(&fixture->dispatch, &fixture->work, &fixture->action,
                                     &fixture->call, &fixture->stimulus));
    assert_ptr_equal(fixture->call.context, fixture);
    return fixture->call.body;
}

static void assert_body(struct fixture *fixture, const char *expected)
{
    struct slice body = build(fixture);
    if (!slice_equals_text(body, expected)) {
        fail_msg("\n%.*s\n  is not\n%s", SLICE_PRINT(body), expected);
    }
}

/* An answer of the service, read. */
static const struct stimulus *answer(struct fixture *fixture, enum status status, int code,
                                     const char *name, const char *reply)
{
    fixture->call = (struct aws_call){.service = AWS_REDSHIFT_DATA,
                                      .operation = "ExecuteStatement",
                                      .status = status,
                                      .code = code,
                                      .reply = slice_from_text(reply)};
    (void)snprintf(fixture->call.error_name, sizeof(fixture->call.error_name), "%s", name);
    (void)snprintf(fixture->call.error_message, sizeof(fixture->call.error_message), "%s, says AWS",
                   name);
    fixture->stimulus = dispatch_stimulus_of(&fixture->dispatch, &fixture->work, STIMULUS_DUE);
    submit_handler.read(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                        &fixture->stimulus);
    return &fixture->stimulus;
}

static void assert_refusal(struct fixture *fixture, const char *name, enum status status,
                           enum refusal refusal)
{
    const struct stimulus *stimulus = answer(fixture, status, 400, name, "{}");
    assert_int_equal(stimulus->kind, STIMULUS_SUBMIT_REFUSED);
    if (stimulus->refusal != refusal) {
        fail_msg("%s: refusal %d instead of %d", name, stimulus->refusal, refusal);
    }
    assert_true(slice_equals_text(stimulus->error_type, name));
    assert_true(slice_starts_with(stimulus->error_text, slice_from_text(name)));
    assert_string_equal(fixture->work.submit_error_type, name);
    assert_true(fixture->work.submit_refused);
}

static void assert_doubt(struct fixture *fixture, enum status status, int code, const char *name)
{
    const struct stimulus *stimulus = answer(fixture, status, code, name, "<html>");
    if (stimulus->kind != STIMULUS_SUBMIT_IN_DOUBT) {
        fail_msg("%d %s: stimulus %d", code, name, stimulus->kind);
    }
    assert_null(stimulus->statement_id.data);
}

/* ---- Success ---- */

/* printf 'ringback/4oy.../1.1' | sha256sum */
static void statement_has_name_token_and_event(void **context)
{
    struct fixture *fixture = *context;
    assert_body(fixture, "{\"Sql\":\"select :a\",\"ClusterIdentifier\":\"c\",\"DbUser\":\"u\","
                         "\"Database\":\"d\",\"Parameters\":[{\"name\":\"a\",\"value\":\"1\"}],"
                         "\"StatementName\":\"ringback/" ID "/1.1\",\"ClientToken\":"
                         "\"5c726d62bc1d3ec982ff2f4efb3eb29efc9531a427f7e3333024b20d88f540cb\","
                         "\"WithEvent\":true,\"WaitTimeSeconds\":20}");
    assert_string_equal(fixture->call.operation, "ExecuteStatement");
    /* Signed and sent once: a repeat needs a new commit. */
    assert_int_equal(fixture->call.max_attempts, 1);
    assert_int_equal(fixture->call.timeout_ms, DISPATCH_EXCHANGE_MS);
}

/* Whatever holds the process up between the commit and the signature, AWS refuses what is old. */
static void statement_is_signed_with_the_time_of_its_commit(void **context)
{
    struct fixture *fixture = *context;
    fixture->dispatch.now_ms = 1795178096000;
    (void)build(fixture);
    assert_int_equal(fixture->call.date_ms, 1795178096000);
}

static void batch_has_its_statements(void **context)
{
    struct fixture *fixture = *context;
    fixture->work.record.state.step = 2;
    fixture->work.record.state.attempt = 3;
    fixture->steps[1].auto_commit = true;
    struct slice body = build(fixture);
    assert_string_equal(fixture->call.operation, "BatchExecuteStatement");
    assert_true(slice_starts_with(body, SLICE("{\"Sqls\":[\"select :a\",\"select 2\"],"
                                              "\"ExecutionMode\":\"AUTO_COMMIT\",")));
    assert_true(slice_find(body, SLICE("\"ringback/" ID "/2.3\"")) < body.size);
}

static void session_is_named_alone(void **context)
{
    struct fixture *fixture = *context;
    fixture->work.record.plan.target = (struct plan_target){.session_id = SLICE("s")};
    fixture->work.record.plan.session_keep_alive_seconds = 0;
    struct slice body = build(fixture);
    assert_true(slice_find(body, SLICE("\"SessionId\":\"s\",\"SessionKeepAliveSeconds\":0,")) <
                body.size);
    assert_true(slice_find(body, SLICE("Database")) == body.size);
}

static void later_steps_run_in_the_session_that_was_opened(void **context)
{
    struct fixture *fixture = *context;
    struct state *state = &fixture->work.record.state;
    fixture->work.record.plan.session_keep_alive_seconds = 60;
    memcpy(state->session_id, "opened", sizeof("opened"));
    struct slice first = build(fixture);
    assert_true(slice_find(first, SLICE("\"SessionId\"")) == first.size);
    state->step = 2;
    struct slice second = build(fixture);
    assert_true(slice_find(second, SLICE("\"SessionId\":\"opened\"")) < second.size);
    assert_true(slice_find(second, SLICE("ClusterIdentifier")) == second.size);
    assert_true(slice_find(second, SLICE("Database")) == second.size);
}

static void a_step_has_its_own_target_and_parameters(void **context)
{
    static const struct plan_target target = {.workgroup_name = {"w", 1}, .database = {"e", 1}};
    static const struct plan_parameter parameter = {{"b", 1}, {"2", 1}};
    struct fixture *fixture = *context;
    fixture->steps[0].target = &target;
    fixture->steps[0].parameters = &parameter;
    fixture->steps[0].parameter_count = 1;
    struct slice body = build(fixture);
    assert_true(slice_starts_with(
        body, SLICE("{\"Sql\":\"select :a\",\"WorkgroupName\":\"w\",\"Database\":\"e\","
                    "\"Parameters\":[{\"name\":\"b\",\"value\":\"2\"}],")));
}

static void the_session_is_told(void **context)
{
    const struct stimulus *stimulus =
        answer(*context, STATUS_OK, 200, "", "{\"Id\":\"" STMT "\",\"SessionId\":\"opened\"}");
    assert_int_equal(stimulus->kind, STIMULUS_SUBMITTED);
    assert_true(slice_equals_text(stimulus->session_id, "opened"));
}

static void repeat_is_byte_identical(void **context)
{
    struct fixture *fixture = *context;
    for (unsigned step = 1; step <= 2; step++) {
        fixture->work.record.state.step = step;
        fixture->work.record.state.sends = 1;
        struct slice first = build(fixture);
        fixture->work.record.state.sends = 7;
        fixture->work.record.state.doubt_since_ms = 99;
        assert_true(slice_equals(build(fixture), first));
    }
}

static void wait_is_dropped_after_its_refusal(void **context)
{
    struct fixture *fixture = *context;
    struct slice with = build(fixture);
    fixture->work.record.state.no_wait = true;
    struct slice without = build(fixture);
    assert_true(slice_ends_with(with, SLICE(",\"WaitTimeSeconds\":20}")));
    assert_int_equal(without.size, with.size - strlen(",\"WaitTimeSeconds\":20"));
}

static void accepted_statement_has_its_id(void **context)
{
    struct fixture *fixture = *context;
    const struct stimulus *stimulus = answer(
        fixture, STATUS_OK, 200, "", "{\"Id\":\"" STMT "\",\"CreatedAt\":1,\"Database\":\"d\"}");
    assert_int_equal(stimulus->kind, STIMULUS_SUBMITTED);
    assert_int_equal(stimulus->step, 1);
    assert_int_equal(stimulus->attempt, 1);
    assert_true(slice_equals_text(stimulus->statement_id, STMT));
    assert_int_equal(stimulus->ending, ENDING_NONE);
    assert_true(slice_find(fixture->work.submit_document, SLICE("\"Database\":\"d\"")) <
                fixture->work.submit_document.size);
}

static void waited_call_witnesses_the_ending(void **context)
{
    static const struct {
        const char *reply;
        enum ending ending;
    } rows[] = {
        {"{\"Id\":\"" STMT "\",\"Status\":\"FINISHED\"}", ENDING_FINISHED},
        {"{\"Id\":\"" STMT "\",\"Status\":\"FAILED\"}", ENDING_FAILED},
        {"{\"Id\":\"" STMT "\",\"Status\":\"ABORTED\"}", ENDING_ABORTED},
        {"{\"Id\":\"" STMT "\",\"Status\":\"STARTED\"}", ENDING_NONE},
        {"{\"Id\":\"" STMT "\",\"Status\":\"PICKED\"}", ENDING_NONE},
        {"{\"Id\":\"" STMT "\",\"Status\":\"WHATEVER\"}", ENDING_NONE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct stimulus *stimulus = answer(*context, STATUS_OK, 200, "", rows[i].reply);
        assert_int_equal(stimulus->kind, STIMULUS_SUBMITTED);
        assert_int_equal(stimulus->ending, rows[i].ending);
        assert_int_equal(stimulus->witness, WITNESS_SUBMIT);
    }
}

/* The accepted reply tells the first statement, whatever follows in the same batch. */
static void first_document_is_kept(void **context)
{
    struct fixture *fixture = *context;
    answer(fixture, STATUS_OK, 200, "", "{\"Id\":\"" STMT "\",\"Database\":\"first\"}");
    answer(fixture, STATUS_OK, 200, "", "{\"Id\":\"" STMT "\",\"Database\":\"second\"}");
    assert_true(slice_find(fixture->work.submit_document, SLICE("first")) <
                fixture->work.submit_document.size);
}

/* ---- Failure ---- */

/* aws-facts 1.7, row by row. */
static void refusals_by_the_matrix(void **context)
{
    struct fixture *fixture = *context;
    fixture->work.record.plan.wait_seconds = 0;
    assert_refusal(fixture, "ThrottlingException", STATUS_RETRY, REFUSAL_CAPACITY);
    assert_refusal(fixture, "ActiveStatementsExceededException", STATUS_RETRY, REFUSAL_CAPACITY);
    assert_refusal(fixture, "ActiveSessionsExceededException", STATUS_RETRY, REFUSAL_CAPACITY);
    assert_refusal(fixture, "ValidationException", STATUS_REJECTED, REFUSAL_PERMANENT);
    assert_refusal(fixture, "ResourceNotFoundException", STATUS_NOT_FOUND, REFUSAL_PERMANENT);
    assert_refusal(fixture, "AccessDeniedException", STATUS_REJECTED, REFUSAL_PERMANENT);
    assert_refusal(fixture, "ExpiredTokenException", STATUS_RETRY, REFUSAL_CAPACITY);
}

static void refused_wait_is_told_while_one_was_sent(void **context)
{
    struct fixture *fixture = *context;
    assert_refusal(fixture, "ActiveWaitingRequestsExceededException", STATUS_RETRY, REFUSAL_WAIT);
    fixture->call.status = STATUS_REJECTED;
    (void)strcpy(fixture->call.error_name, "ValidationException");
    (void)strcpy(fixture->call.error_message, "Unknown parameter: WaitTimeSeconds");
    submit_handler.read(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                        &fixture->stimulus);
    assert_int_equal(fixture->stimulus.refusal, REFUSAL_WAIT);
}

/* Without a wait to leave out, the same refusal again would mean to send for ever. */
static void refused_wait_that_was_not_sent_is_none(void **context)
{
    struct fixture *fixture = *context;
    fixture->work.record.state.no_wait = true;
    assert_refusal(fixture, "ActiveWaitingRequestsExceededException", STATUS_RETRY,
                   REFUSAL_CAPACITY);
    fixture->work.record.state.no_wait = false;
    fixture->work.record.plan.wait_seconds = 0;
    fixture->call.status = STATUS_REJECTED;
    (void)strcpy(fixture->call.error_name, "ValidationException");
    (void)strcpy(fixture->call.error_message, "column WaitTimeSeconds");
    submit_handler.read(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                        &fixture->stimulus);
    assert_int_equal(fixture->stimulus.refusal, REFUSAL_PERMANENT);
}

static void what_is_not_certain_is_doubt(void **context)
{
    struct fixture *fixture = *context;
    assert_doubt(fixture, STATUS_IN_DOUBT, 500, "InternalServerException");
    assert_doubt(fixture, STATUS_IN_DOUBT, 503, "");
    assert_doubt(fixture, STATUS_IN_DOUBT, 0, "");
    assert_doubt(fixture, STATUS_RETRY, 0, "");
    /* By name whatever the code is. */
    assert_doubt(fixture, STATUS_REJECTED, 400, "ExecuteStatementException");
    assert_doubt(fixture, STATUS_REJECTED, 400, "BatchExecuteStatementException");
    assert_doubt(fixture, STATUS_REJECTED, 400, "InternalServerException");
    assert_false(fixture->work.submit_refused);
}

static void success_that_says_nothing_is_doubt(void **context)
{
    static const char *const replies[] = {"", "{}", "[]", "<html>", "{\"Id\":1}", "{\"Id\":\"x"};
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        const struct stimulus *stimulus = answer(*context, STATUS_OK, 200, "", replies[i]);
        assert_int_equal(stimulus->kind, STIMULUS_SUBMIT_IN_DOUBT);
    }
}

static void statement_id_is_found_in_the_exception(void **context)
{
    static const char *const names[] = {"ExecuteStatementException",
                                        "BatchExecuteStatementException"};
    for (size_t i = 0; i < ARRAY_COUNT(names); i++) {
        const struct stimulus *stimulus =
            answer(*context, STATUS_IN_DOUBT, 500, names[i],
                   "{\"Message\":\"m\",\"StatementId\":\"" STMT "\"}");
        assert_int_equal(stimulus->kind, STIMULUS_SUBMIT_IN_DOUBT);
        assert_true(slice_equals_text(stimulus->statement_id, STMT));
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statement_has_name_token_and_event),
        TEST(statement_is_signed_with_the_time_of_its_commit),
        TEST(batch_has_its_statements),
        TEST(session_is_named_alone),
        TEST(later_steps_run_in_the_session_that_was_opened),
        TEST(a_step_has_its_own_target_and_parameters),
        TEST(the_session_is_told),
        TEST(repeat_is_byte_identical),
        TEST(wait_is_dropped_after_its_refusal),
        TEST(accepted_statement_has_its_id),
        TEST(waited_call_witnesses_the_ending),
        TEST(first_document_is_kept),
        TEST(refusals_by_the_matrix),
        TEST(refused_wait_is_told_while_one_was_sent),
        TEST(refused_wait_that_was_not_sent_is_none),
        TEST(what_is_not_certain_is_doubt),
        TEST(success_that_says_nothing_is_doubt),
        TEST(statement_id_is_found_in_the_exception),
    };
    return cmocka_run_group_tests_name("submit", tests, NULL, NULL);
}
