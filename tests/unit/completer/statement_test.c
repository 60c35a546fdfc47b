/* Asking about statements: what is sent, and what each answer means. */
#include "completer/statement.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define ID   "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define NAME "ringback/" ID "/2.1"
#define STMT "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a"

/* ---- Fixture ---- */

struct fixture {
    struct random_seeded random;
    struct dispatch dispatch;
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
    fixture.work.record.plan = (struct plan){.id = ID, .prefix = SLICE("ringback/")};
    fixture.work.record.state.step = 2;
    fixture.work.record.state.attempt = 1;
    memcpy(fixture.work.record.state.statement_id, STMT, sizeof(STMT));
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->dispatch.arena);
    return 0;
}

/* ---- Helpers ---- */

static void assert_built(struct fixture *fixture, const struct action_handler *handler,
                         const char *operation, const char *body)
{
    fixture->call = (struct aws_call){.context = fixture};
    assert_true(handler->build(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                               &fixture->stimulus));
    assert_string_equal(fixture->call.operation, operation);
    assert_true(slice_equals_text(fixture->call.body, body));
    assert_ptr_equal(fixture->call.context, fixture);
}

static const struct stimulus *read_answer(struct fixture *fixture,
                                          const struct action_handler *handler, enum status status,
                                          const char *reply)
{
    fixture->call = (struct aws_call){.service = AWS_REDSHIFT_DATA,
                                      .operation = "Operation",
                                      .status = status,
                                      .code = status == STATUS_OK ? 200 : 400,
                                      .reply = slice_from_text(reply)};
    fixture->stimulus = dispatch_stimulus_of(&fixture->dispatch, &fixture->work, STIMULUS_DUE);
    handler->read(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                  &fixture->stimulus);
    return &fixture->stimulus;
}

static const struct stimulus *describe(struct fixture *fixture, const char *reply)
{
    return read_answer(fixture, &describe_handler, STATUS_OK, reply);
}

static const struct stimulus *list(struct fixture *fixture, const char *reply)
{
    return read_answer(fixture, &list_handler, STATUS_OK, reply);
}

/* ---- Success ---- */

static void what_is_asked(void **context)
{
    assert_built(*context, &describe_handler, "DescribeStatement", "{\"Id\":\"" STMT "\"}");
    assert_built(*context, &cancel_handler, "CancelStatement", "{\"Id\":\"" STMT "\"}");
    assert_built(*context, &list_handler, "ListStatements",
                 "{\"StatementName\":\"" NAME
                 "\",\"Status\":\"ALL\",\"RoleLevel\":true,\"MaxResults\":100}");
}

static void description_of_an_ending_has_all_details(void **context)
{
    const struct stimulus *stimulus =
        describe(*context, "{\"Id\":\"" STMT "\",\"Status\":\"FAILED\",\"Error\":\"ERROR: x\","
                           "\"ResultRows\":7,\"Duration\":1999999,\"QueryString\":\"secret\"}");
    assert_int_equal(stimulus->kind, STIMULUS_DESCRIBED);
    assert_int_equal(stimulus->step, 2);
    assert_int_equal(stimulus->ending, ENDING_FAILED);
    assert_int_equal(stimulus->witness, WITNESS_SWEEP);
    assert_true(stimulus->details);
    assert_false(stimulus->transient);
    assert_int_equal(stimulus->rows, 7);
    assert_int_equal(stimulus->duration_ms, 1);
    assert_true(slice_equals_text(stimulus->error_text, "ERROR: x"));
    assert_true(slice_find(stimulus->description, SLICE("secret")) == stimulus->description.size);
}

static void every_status_is_an_ending_or_alive(void **context)
{
    static const struct {
        const char *status;
        enum ending ending;
    } rows[] = {
        {"FINISHED", ENDING_FINISHED}, {"FAILED", ENDING_FAILED}, {"ABORTED", ENDING_ABORTED},
        {"SUBMITTED", ENDING_NONE},    {"PICKED", ENDING_NONE},   {"STARTED", ENDING_NONE},
        {"PAUSED", ENDING_NONE},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct stimulus *stimulus = describe(
            fixture, arena_format(fixture->dispatch.arena,
                                  "{\"Id\":\"" STMT "\",\"Status\":\"%s\"}", rows[i].status));
        assert_int_equal(stimulus->kind, STIMULUS_DESCRIBED);
        assert_int_equal(stimulus->ending, rows[i].ending);
        assert_int_equal(stimulus->details, rows[i].ending != ENDING_NONE);
    }
}

static void transient_failures_by_their_text(void **context)
{
    static const char *const transient[] = {
        "ERROR: 1023 Detail: Serializable isolation violation on table - 123",
        "ERROR: 1023",
        "error: Serializable isolation violation on table",
        "ERROR: deadlock: conflict with concurrent transaction",
        "ERROR: could not serialize access due to concurrent update",
    };
    static const char *const lasting[] = {
        "",
        "ERROR: syntax error at or near \"1023\"",
        "ERROR: relation \"t\" does not exist",
        "Query cancelled on user's request",
        "connection lost",
        "ERROR: 10231",
    };
    (void)context;
    for (size_t i = 0; i < ARRAY_COUNT(transient); i++) {
        if (!statement_failure_transient(slice_from_text(transient[i]))) {
            fail_msg("not transient: %s", transient[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_COUNT(lasting); i++) {
        if (statement_failure_transient(slice_from_text(lasting[i]))) {
            fail_msg("transient: %s", lasting[i]);
        }
    }
    assert_false(statement_failure_transient(SLICE_NONE));
}

/* A connection that was never made, and one that was lost, perhaps after all was done. */
static void only_what_never_began_is_told_by_its_connection(void **context)
{
    static const struct {
        const char *error;
        const char *query_id;
        bool transient;
    } rows[] = {
        {"java.net.ConnectException: Connection refused", "0", true},
        {"could not connect to server", "-1", true},
        {"FATAL: connection limit exceeded for non-bootstrap users", "0", true},
        {"FATAL: sorry, too many connections already", "0", true},
        {"Connection refused", "4711", false},
        {"connection lost", "0", false},
        {"Connection reset by peer", "0", false},
        {"server closed the connection unexpectedly", "0", false},
        {"connection timed out", "0", false},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct stimulus *stimulus =
            describe(fixture, arena_format(fixture->dispatch.arena,
                                           "{\"Id\":\"" STMT "\",\"Status\":\"FAILED\","
                                           "\"Error\":\"%s\",\"RedshiftQueryId\":%s}",
                                           rows[i].error, rows[i].query_id));
        if (stimulus->transient != rows[i].transient) {
            fail_msg("%s, query %s", rows[i].error, rows[i].query_id);
        }
    }
}

/* The step's pattern, else the plan's, else the classes of this file. */
static void who_says_which_errors_means_these_alone(void **context)
{
    static const struct plan_retry own = {.max_attempts = 2, .error_match = {"dead.?lock", 10}};
    struct fixture *fixture = *context;
    struct plan *plan = &fixture->work.record.plan;
    struct plan_step *steps = ARENA_ARRAY(fixture->dispatch.arena, 2, struct plan_step);
    plan->steps = steps;
    plan->step_count = 2;
    plan->retry.error_match = SLICE("^ERROR: busy$");
    const char *busy = "{\"Id\":\"" STMT "\",\"Status\":\"FAILED\",\"Error\":\"ERROR: busy\"}";
    const char *locked =
        "{\"Id\":\"" STMT "\",\"Status\":\"FAILED\",\"Error\":\"ERROR: deadlock\"}";
    const char *usual = "{\"Id\":\"" STMT "\",\"Status\":\"FAILED\",\"Error\":\"ERROR: 1023\"}";
    assert_true(describe(fixture, busy)->transient);
    assert_false(describe(fixture, locked)->transient);
    assert_false(describe(fixture, usual)->transient);
    steps[1].retry = &own;
    assert_false(describe(fixture, busy)->transient);
    assert_true(describe(fixture, locked)->transient);
    plan->retry.error_match = SLICE_NONE;
    steps[1].retry = NULL;
    assert_true(describe(fixture, usual)->transient);
}

static void the_session_is_told(void **context)
{
    const struct stimulus *stimulus =
        describe(*context, "{\"Id\":\"" STMT "\",\"Status\":\"STARTED\",\"SessionId\":\"s\"}");
    assert_true(slice_equals_text(stimulus->session_id, "s"));
}

/* An id that the caller has made up is refused by its form. */
static void an_attached_id_that_is_none_is_not_found(void **context)
{
    struct fixture *fixture = *context;
    struct plan_step *steps = ARENA_ARRAY(fixture->dispatch.arena, 2, struct plan_step);
    fixture->work.record.plan.steps = steps;
    fixture->work.record.plan.step_count = 2;
    for (unsigned attached = 0; attached < 2; attached++) {
        steps[1].attach_id = attached ? SLICE("made-up") : SLICE_NONE;
        fixture->call = (struct aws_call){.status = STATUS_REJECTED,
                                          .code = 400,
                                          .error_name = "ValidationException",
                                          .reply = SLICE("{}")};
        fixture->stimulus = dispatch_stimulus_of(&fixture->dispatch, &fixture->work, STIMULUS_DUE);
        describe_handler.read(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                              &fixture->stimulus);
        assert_int_equal(fixture->stimulus.kind,
                         attached ? STIMULUS_DESCRIBED : STIMULUS_LOOK_FAILED);
        assert_int_equal(fixture->stimulus.not_found, attached);
    }
}

/* AWS lists by prefix: 2.1 finds 2.10 as well. */
static void only_the_exact_name_is_found(void **context)
{
    const struct stimulus *stimulus =
        list(*context, "{\"Statements\":[{\"Id\":\"a-1\",\"StatementName\":\"" NAME
                       "0\",\"Status\":\"FINISHED\"},{\"Id\":\"" STMT "\",\"StatementName\":\"" NAME
                       "\",\"Status\":\"STARTED\"},{\"Id\":\"a-2\",\"StatementName\":\"" NAME
                       "1\",\"Status\":\"FINISHED\"}]}");
    assert_int_equal(stimulus->kind, STIMULUS_LISTED);
    assert_true(stimulus->found);
    assert_true(slice_equals_text(stimulus->statement_id, STMT));
}

static void name_that_is_not_listed_is_not_found(void **context)
{
    const struct stimulus *stimulus =
        list(*context, "{\"Statements\":[{\"Id\":\"a-1\",\"StatementName\":\"" NAME "0\"}]}");
    assert_int_equal(stimulus->kind, STIMULUS_LISTED);
    assert_false(stimulus->found);
    stimulus = list(*context, "{\"Statements\":[]}");
    assert_int_equal(stimulus->kind, STIMULUS_LISTED);
    assert_false(stimulus->found);
}

static void cancel_that_was_accepted(void **context)
{
    const struct stimulus *stimulus =
        read_answer(*context, &cancel_handler, STATUS_OK, "{\"Status\":true}");
    assert_int_equal(stimulus->kind, STIMULUS_CANCEL_SENT);
    assert_int_equal(stimulus->step, 2);
}

/* ---- Failure ---- */

static void unknown_statement_is_no_ending(void **context)
{
    const struct stimulus *stimulus =
        read_answer(*context, &describe_handler, STATUS_NOT_FOUND, "{}");
    assert_int_equal(stimulus->kind, STIMULUS_DESCRIBED);
    assert_true(stimulus->not_found);
    assert_int_equal(stimulus->ending, ENDING_NONE);
}

static void descriptions_that_say_nothing_are_failed_looks(void **context)
{
    static const enum status statuses[] = {STATUS_RETRY, STATUS_IN_DOUBT, STATUS_REJECTED};
    static const char *const replies[] = {"", "{}", "[]", "<html>", "{\"Status\":\"FINISHED\"}"};
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        const struct stimulus *stimulus =
            read_answer(*context, &describe_handler, statuses[i], "{}");
        assert_int_equal(stimulus->kind, STIMULUS_LOOK_FAILED);
        stimulus = read_answer(*context, &list_handler, statuses[i], "{}");
        assert_int_equal(stimulus->kind, STIMULUS_LOOK_FAILED);
    }
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        assert_int_equal(describe(*context, replies[i])->kind, STIMULUS_LOOK_FAILED);
    }
}

static void first_page_is_no_proof_of_absence(void **context)
{
    const struct stimulus *stimulus =
        list(*context, "{\"Statements\":[{\"Id\":\"a-1\",\"StatementName\":\"" NAME
                       "0\"}],\"NextToken\":\"more\"}");
    assert_int_equal(stimulus->kind, STIMULUS_LOOK_FAILED);
}

static void cancel_that_was_not_accepted(void **context)
{
    static const char *const replies[] = {"{\"Status\":false}", "{}", "", "<html>"};
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        assert_int_equal(read_answer(*context, &cancel_handler, STATUS_OK, replies[i])->kind,
                         STIMULUS_CANCEL_REFUSED);
    }
    assert_int_equal(read_answer(*context, &cancel_handler, STATUS_REJECTED, "{}")->kind,
                     STIMULUS_CANCEL_REFUSED);
    assert_int_equal(read_answer(*context, &cancel_handler, STATUS_IN_DOUBT, "{}")->kind,
                     STIMULUS_CANCEL_REFUSED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_asked),
        TEST(description_of_an_ending_has_all_details),
        TEST(every_status_is_an_ending_or_alive),
        TEST(transient_failures_by_their_text),
        TEST(only_what_never_began_is_told_by_its_connection),
        TEST(who_says_which_errors_means_these_alone),
        TEST(the_session_is_told),
        TEST(an_attached_id_that_is_none_is_not_found),
        TEST(only_the_exact_name_is_found),
        TEST(name_that_is_not_listed_is_not_found),
        TEST(cancel_that_was_accepted),
        TEST(unknown_statement_is_no_ending),
        TEST(descriptions_that_say_nothing_are_failed_looks),
        TEST(first_page_is_no_proof_of_absence),
        TEST(cancel_that_was_not_accepted),
    };
    return cmocka_run_group_tests_name("statement", tests, NULL, NULL);
}
