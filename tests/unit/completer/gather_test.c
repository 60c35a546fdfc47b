/* Gathering: which calls are made, one after the other, and what is told of their answers. */
#include "completer/gather.h"
#include "tests/support/cmocka.h"

#include "infra/aws/step_functions.h"
#include "infra/base/json_reader.h"

#include <stdio.h>
#include <string.h>

#define ID   "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define STMT "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a"
#define SUB(n)                                                                                     \
    "{\"Id\":\"" STMT ":" n "\",\"Status\":\"FINISHED\",\"HasResultSet\":true,\"ResultRows\":2}"
#define DESCRIBED                                                                                  \
    "{\"Id\":\"" STMT "\",\"Status\":\"FINISHED\",\"HasResultSet\":true,\"ResultRows\":2,"         \
    "\"Duration\":812000000}"
#define COLUMNS "\"ColumnMetadata\":[{\"label\":\"id\"},{\"label\":\"name\"}],\"TotalNumRows\":2"
#define ROW_1   "[{\"longValue\":1},{\"stringValue\":\"a\"}]"
#define ROW_2   "[{\"longValue\":2},{\"isNull\":true}]"
#define PAGE    "{" COLUMNS ",\"Records\":[" ROW_1 "," ROW_2 "]}"
#define PAGE_1  "{" COLUMNS ",\"Records\":[" ROW_1 "],\"NextToken\":\"t1\"}"
#define PAGE_2  "{" COLUMNS ",\"Records\":[" ROW_2 "]}"
#define BOTH_ROWS                                                                                  \
    "{\"format\":\"json\",\"columns\":[\"id\",\"name\"],\"rows\":[[1,\"a\"],[2,null]],"            \
    "\"totalRows\":2,\"truncated\":false}"

/* ---- Fixture ---- */

struct fixture {
    struct clock_fake clock;
    struct dispatch dispatch;
    struct work work;
    struct action action;
    struct aws_call call;
    struct stimulus stimulus;
    struct plan_step steps[3];
    struct step_result results[3];
    bool open; /* a call is to be answered */
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    clock_fake_init(&fixture.clock, 1795178096000);
    fixture.dispatch.arena = arena_new(64u << 20);
    fixture.dispatch.clock = &fixture.clock.clock;
    fixture.dispatch.now_ms = 1795178096000;
    fixture.dispatch.started_ms = clock_monotonic_ms(&fixture.clock.clock);
    fixture.results[0] = (struct step_result){1, 1, ENDING_FINISHED, STMT, -1, -1};
    fixture.work.record.plan =
        (struct plan){.id = ID,
                      .prefix = SLICE("ringback/"),
                      .steps = fixture.steps,
                      .step_count = 1,
                      .result = {.mode = PLAN_RESULT_INLINE, .max_rows = -1}};
    fixture.work.record.state = (struct state){.statement = STATEMENT_ENDED,
                                               .step = 1,
                                               .attempt = 1,
                                               .sends = 1,
                                               .statement_id = STMT,
                                               .outcome = OUTCOME_FINISHED,
                                               .results = fixture.results,
                                               .result_count = 1,
                                               .gather_until_ms = 1795178096000 + 60000};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->dispatch.arena);
    return 0;
}

/* ---- Helpers ---- */

static struct plan *plan_of(struct fixture *fixture)
{
    return &fixture->work.record.plan;
}

static void begin(struct fixture *fixture)
{
    fixture->call = (struct aws_call){.context = fixture};
    fixture->stimulus = (struct stimulus){.kind = STIMULUS_DUE, .rows = -1, .duration_ms = -1};
    fixture->open = gather_handler.build(&fixture->dispatch, &fixture->work, &fixture->action,
                                         &fixture->call, &fixture->stimulus);
}

/* The call that is under way is of this operation and body, and is answered so. */
static void answer(struct fixture *fixture, const char *operation, const char *body,
                   enum status status, const char *reply)
{
    assert_true(fixture->open);
    assert_string_equal(fixture->call.operation, operation);
    if (body != NULL) {
        assert_string_equal(arena_text(fixture->dispatch.arena, fixture->call.body), body);
    }
    fixture->call.status = status;
    fixture->call.code = status == STATUS_OK ? 200 : 400;
    fixture->call.reply = slice_from_text(reply);
    if (status != STATUS_OK) {
        (void)snprintf(fixture->call.error_name, sizeof(fixture->call.error_name), "%s", reply);
    }
    fixture->open =
        gather_handler.more(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call);
    if (!fixture->open) {
        gather_handler.read(&fixture->dispatch, &fixture->work, &fixture->action, &fixture->call,
                            &fixture->stimulus);
    }
}

static void described(struct fixture *fixture, const char *reply)
{
    answer(fixture, "DescribeStatement", "{\"Id\":\"" STMT "\"}", STATUS_OK, reply);
}

static void assert_told(struct fixture *fixture, struct slice told, const char *expected)
{
    assert_false(fixture->open);
    assert_int_equal(fixture->stimulus.kind, STIMULUS_GATHERED);
    if (expected == NULL) {
        assert_null(told.data);
    } else {
        assert_string_equal(arena_text(fixture->dispatch.arena, told), expected);
    }
}

static void assert_result(struct fixture *fixture, const char *expected)
{
    assert_told(fixture, fixture->stimulus.result, expected);
}

static void spill_to(struct fixture *fixture, const char *uri)
{
    plan_of(fixture)->result.uri = slice_from_text(uri);
    plan_of(fixture)->result.mode = PLAN_RESULT_S3;
}

/* ---- Success ---- */

static void rows_of_one_page(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", "{\"Id\":\"" STMT "\"}", STATUS_OK, PAGE);
    assert_result(fixture, BOTH_ROWS);
    assert_int_equal(fixture->stimulus.rows, 2);
    assert_int_equal(fixture->stimulus.duration_ms, 812);
    assert_true(slice_equals_text(fixture->stimulus.description, DESCRIBED));
    assert_ptr_equal(fixture->call.context, fixture);
}

static void pages_follow_their_tokens(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", "{\"Id\":\"" STMT "\"}", STATUS_OK, PAGE_1);
    answer(fixture, "GetStatementResult", "{\"Id\":\"" STMT "\",\"NextToken\":\"t1\"}", STATUS_OK,
           PAGE_2);
    assert_result(fixture, BOTH_ROWS);
}

static void no_page_is_asked_for_that_is_not_wanted(void **context)
{
    struct fixture *fixture = *context;
    plan_of(fixture)->result.max_rows = 1;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE_1);
    assert_result(fixture,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"name\"],\"rows\":[[1,\"a\"]],"
                  "\"totalRows\":2,\"truncated\":true}");
}

static void csv_inline(void **context)
{
    struct fixture *fixture = *context;
    plan_of(fixture)->result.format = PLAN_FORMAT_CSV;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE);
    assert_result(fixture, "{\"format\":\"csv\",\"text\":\"id,name\\r\\n1,a\\r\\n2,\\r\\n\","
                           "\"totalRows\":2,\"truncated\":false}");
}

static void batch_has_the_rows_of_its_last_select(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture,
              "{\"Id\":\"" STMT "\",\"Status\":\"FINISHED\",\"HasResultSet\":true,"
              "\"ResultRows\":5,\"SubStatements\":[" SUB("1") "," SUB(
                  "2") ",{\"Id\":\"" STMT
                       ":3\",\"Status\":\"FINISHED\",\"HasResultSet\":false,\"ResultRows\":1}]}");
    answer(fixture, "GetStatementResult", "{\"Id\":\"" STMT ":2\"}", STATUS_OK, PAGE);
    assert_result(fixture, BOTH_ROWS);
}

static void statement_without_a_result_set_has_no_rows(void **context)
{
    static const char *const described_as = "{\"Id\":\"" STMT "\",\"Status\":\"FINISHED\","
                                            "\"HasResultSet\":false,\"ResultRows\":7}";
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, described_as);
    assert_result(fixture, "{\"format\":\"json\",\"columns\":[],\"rows\":[],\"totalRows\":0,"
                           "\"truncated\":false}");
    assert_int_equal(fixture->stimulus.rows, 7);
    spill_to(fixture, "s3://bucket/x");
    plan_of(fixture)->result.format = PLAN_FORMAT_CSV;
    begin(fixture);
    described(fixture, described_as);
    assert_result(fixture,
                  "{\"format\":\"csv\",\"text\":\"\",\"totalRows\":0,\"truncated\":false}");
}

static void spilled_rows_are_put_as_an_object(void **context)
{
    struct fixture *fixture = *context;
    spill_to(fixture, "s3://bucket/some prefix/");
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE);
    assert_string_equal(fixture->call.s3_path, "/bucket/some%20prefix/" ID ".json");
    answer(fixture, "PutObject", "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":null}\n", STATUS_OK,
           "");
    assert_result(fixture, "{\"uri\":\"s3://bucket/some prefix/" ID ".json\",\"format\":\"json\","
                           "\"bytes\":41,\"totalRows\":2,\"truncated\":false}");
}

static void rows_that_fit_are_not_spilled(void **context)
{
    struct fixture *fixture = *context;
    spill_to(fixture, "s3://bucket");
    plan_of(fixture)->result.mode = PLAN_RESULT_INLINE;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE);
    assert_result(fixture, BOTH_ROWS);
}

static const char *wide_page(struct fixture *fixture)
{
    char *wide = arena_alloc(fixture->dispatch.arena, STEP_FUNCTIONS_OUTPUT_MAX_BYTES + 1);
    memset(wide, 'x', STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
    return arena_format(fixture->dispatch.arena,
                        "{" COLUMNS ",\"Records\":[" ROW_1 ",[{\"longValue\":2},"
                        "{\"stringValue\":\"%s\"}]]}",
                        wide);
}

static void rows_that_do_not_fit_are_spilled(void **context)
{
    struct fixture *fixture = *context;
    spill_to(fixture, "s3://bucket");
    plan_of(fixture)->result.mode = PLAN_RESULT_INLINE;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, wide_page(fixture));
    assert_string_equal(fixture->call.s3_path, "/bucket/" ID ".json");
    answer(fixture, "PutObject", NULL, STATUS_OK, "");
    assert_true(
        slice_starts_with(fixture->stimulus.result, SLICE("{\"uri\":\"s3://bucket/" ID ".json\"")));
}

static void rows_that_fit_nowhere_are_left_out(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, wide_page(fixture));
    assert_result(fixture,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"name\"],\"rows\":[[1,\"a\"]],"
                  "\"totalRows\":2,\"truncated\":true}");
}

static void chosen_columns_of_the_first_row(void **context)
{
    const struct plan_parameter data[] = {
        {SLICE("Number"), SLICE("ID")}, {SLICE("Text"), SLICE("name")}, {SLICE("No"), SLICE("no")}};
    const struct plan_resource resource = {.data = data, .data_count = 3};
    struct fixture *fixture = *context;
    plan_of(fixture)->result.mode = PLAN_RESULT_NONE;
    plan_of(fixture)->resource = &resource;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE_1);
    assert_told(fixture, fixture->stimulus.data, "{\"Number\":\"1\",\"Text\":\"a\"}");
    assert_result(fixture, NULL);
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, "{" COLUMNS ",\"Records\":[]}");
    assert_told(fixture, fixture->stimulus.data, "{}");
}

/* A step that cannot be described any more is null. */
static void each_query_is_described(void **context)
{
    struct fixture *fixture = *context;
    fixture->results[1] = (struct step_result){2, 1, ENDING_FINISHED, "two", -1, -1};
    fixture->results[2] = (struct step_result){3, 1, ENDING_FINISHED, "three", -1, -1};
    fixture->work.record.state.result_count = 3;
    fixture->work.record.state.step = 3;
    (void)snprintf(fixture->work.record.state.statement_id, 8, "three");
    plan_of(fixture)->step_count = 3;
    plan_of(fixture)->output = OUTPUT_QUERIES;
    plan_of(fixture)->result.mode = PLAN_RESULT_NONE;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "DescribeStatement", "{\"Id\":\"two\"}", STATUS_NOT_FOUND,
           "ResourceNotFoundException");
    answer(fixture, "DescribeStatement", "{\"Id\":\"three\"}", STATUS_OK,
           "{\"Id\":\"three\",\"Status\":\"FINISHED\",\"ResultRows\":9}");
    assert_told(fixture, fixture->stimulus.queries,
                "[" DESCRIBED ",null,{\"Id\":\"three\",\"Status\":\"FINISHED\",\"ResultRows\":9}]");
    assert_result(fixture, NULL);
    assert_int_equal(fixture->stimulus.rows, 9);
}

static void description_alone(void **context)
{
    struct fixture *fixture = *context;
    plan_of(fixture)->result.mode = PLAN_RESULT_NONE;
    plan_of(fixture)->output = OUTPUT_STATEMENT;
    begin(fixture);
    described(fixture, DESCRIBED);
    assert_told(fixture, fixture->stimulus.description, DESCRIBED);
    assert_result(fixture, NULL);
}

/* ---- Failure ---- */

static void passing_failure_is_tried_again(void **context)
{
    static const enum status failures[] = {STATUS_RETRY, STATUS_IN_DOUBT};
    struct fixture *fixture = *context;
    spill_to(fixture, "s3://bucket");
    for (size_t i = 0; i < ARRAY_COUNT(failures); i++) {
        begin(fixture);
        answer(fixture, "DescribeStatement", NULL, failures[i], "ThrottlingException");
        described(fixture, DESCRIBED);
        answer(fixture, "GetStatementResult", NULL, failures[i], "");
        answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE_1);
        answer(fixture, "GetStatementResult", "{\"Id\":\"" STMT "\",\"NextToken\":\"t1\"}",
               failures[i], "");
        answer(fixture, "GetStatementResult", "{\"Id\":\"" STMT "\",\"NextToken\":\"t1\"}",
               STATUS_OK, PAGE_2);
        answer(fixture, "PutObject", NULL, failures[i], "SlowDown");
        answer(fixture, "PutObject", "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":null}\n",
               STATUS_OK, "");
        assert_true(slice_ends_with(fixture->stimulus.result,
                                    SLICE("\"totalRows\":2,\"truncated\":false}")));
    }
}

static void failure_that_does_not_pass_is_left_to_the_sweep(void **context)
{
    struct fixture *fixture = *context;
    size_t sends = 0;
    begin(fixture);
    described(fixture, DESCRIBED);
    for (; fixture->open; sends++) {
        answer(fixture, "GetStatementResult", NULL, STATUS_RETRY, "ThrottlingException");
    }
    assert_in_range(sends, 2, 10);
    assert_int_equal(fixture->stimulus.kind, STIMULUS_LOOK_FAILED);
}

static void description_that_lags_behind_is_looked_at_again(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, "{\"Id\":\"" STMT "\",\"Status\":\"STARTED\"}");
    assert_false(fixture->open);
    assert_int_equal(fixture->stimulus.kind, STIMULUS_LOOK_FAILED);
}

static void refusal_is_named_and_rows_so_far_are_told(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    answer(fixture, "DescribeStatement", NULL, STATUS_REJECTED, "AccessDeniedException");
    assert_result(fixture, "{\"truncated\":true,\"error\":\"AccessDeniedException\"}");
    assert_null(fixture->stimulus.description.data);
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_NOT_FOUND, "ResourceNotFoundException");
    assert_result(fixture,
                  "{\"totalRows\":2,\"truncated\":true,\"error\":\"ResourceNotFoundException\"}");
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE_1);
    answer(fixture, "GetStatementResult", NULL, STATUS_REJECTED, "AccessDeniedException");
    assert_result(fixture,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"name\"],\"rows\":[[1,\"a\"]],"
                  "\"totalRows\":2,\"truncated\":true,\"error\":\"AccessDeniedException\"}");
}

static void object_that_is_refused_is_named(void **context)
{
    struct fixture *fixture = *context;
    spill_to(fixture, "s3://bucket");
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE);
    answer(fixture, "PutObject", NULL, STATUS_REJECTED, "NoSuchBucket");
    assert_result(fixture, "{\"totalRows\":2,\"truncated\":true,\"error\":\"NoSuchBucket\"}");
    spill_to(fixture, "file:///x");
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE);
    assert_result(fixture, "{\"totalRows\":2,\"truncated\":true,\"error\":\"InvalidUri\"}");
}

static void unreadable_page_is_named(void **context)
{
    static const char *const pages[] = {"", "[]", "{" COLUMNS ",\"Records\":[[{\"longValue\":1}]]}",
                                        "{" COLUMNS ",\"Records\":[[{\"longValue\":1},{},{}]]}"};
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        begin(fixture);
        described(fixture, DESCRIBED);
        answer(fixture, "GetStatementResult", NULL, STATUS_OK, pages[i]);
        assert_false(fixture->open);
        assert_true(slice_ends_with(fixture->stimulus.result,
                                    SLICE("\"truncated\":true,\"error\":\"UnreadableResult\"}")));
    }
}

static void token_that_comes_again_ends_the_paging(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, DESCRIBED);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK,
           "{" COLUMNS ",\"Records\":[],\"NextToken\":\"t1\"}");
    answer(fixture, "GetStatementResult", NULL, STATUS_OK,
           "{" COLUMNS ",\"Records\":[],\"NextToken\":\"t1\"}");
    assert_result(fixture, "{\"format\":\"json\",\"columns\":[\"id\",\"name\"],\"rows\":[],"
                           "\"totalRows\":2,\"truncated\":true}");
}

static void time_that_is_over_is_not_waited_for(void **context)
{
    struct fixture *fixture = *context;
    begin(fixture);
    described(fixture, DESCRIBED);
    clock_fake_advance(&fixture->clock, 60000);
    answer(fixture, "GetStatementResult", NULL, STATUS_OK, PAGE_1);
    assert_result(fixture,
                  "{\"format\":\"json\",\"columns\":[\"id\",\"name\"],\"rows\":[[1,\"a\"]],"
                  "\"totalRows\":2,\"truncated\":true,\"error\":\"GatherTimeout\"}");
    begin(fixture);
    answer(fixture, "DescribeStatement", NULL, STATUS_IN_DOUBT, "");
    assert_result(fixture, "{\"truncated\":true,\"error\":\"GatherTimeout\"}");
    begin(fixture);
    described(fixture, DESCRIBED);
    assert_result(fixture, "{\"totalRows\":2,\"truncated\":true,\"error\":\"GatherTimeout\"}");
}

static void invocation_without_a_statement_has_nothing_to_gather(void **context)
{
    struct fixture *fixture = *context;
    fixture->work.record.state.result_count = 0;
    fixture->work.record.state.statement_id[0] = '\0';
    begin(fixture);
    assert_result(fixture, NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(rows_of_one_page),
        TEST(pages_follow_their_tokens),
        TEST(no_page_is_asked_for_that_is_not_wanted),
        TEST(csv_inline),
        TEST(batch_has_the_rows_of_its_last_select),
        TEST(statement_without_a_result_set_has_no_rows),
        TEST(spilled_rows_are_put_as_an_object),
        TEST(rows_that_fit_are_not_spilled),
        TEST(rows_that_do_not_fit_are_spilled),
        TEST(rows_that_fit_nowhere_are_left_out),
        TEST(chosen_columns_of_the_first_row),
        TEST(each_query_is_described),
        TEST(description_alone),
        TEST(passing_failure_is_tried_again),
        TEST(failure_that_does_not_pass_is_left_to_the_sweep),
        TEST(description_that_lags_behind_is_looked_at_again),
        TEST(refusal_is_named_and_rows_so_far_are_told),
        TEST(object_that_is_refused_is_named),
        TEST(unreadable_page_is_named),
        TEST(token_that_comes_again_ends_the_paging),
        TEST(time_that_is_over_is_not_waited_for),
        TEST(invocation_without_a_statement_has_nothing_to_gather),
    };
    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
