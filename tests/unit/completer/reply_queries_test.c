/* The output of a list of queries, byte for byte, and what goes when it is too much. */
#include "completer/reply.h"
#include "tests/support/cmocka.h"

#include "infra/aws/step_functions.h"
#include "infra/base/json_reader.h"

#include <string.h>

#define ID   "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define ROWS "{\"format\":\"json\",\"columns\":[],\"rows\":[],\"totalRows\":0,\"truncated\":false}"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct plan_step steps[3];
    struct plan plan;
    struct step_result results[4];
    struct state state;
    struct stimulus stimulus;
};

/* Three queries: a text, an object on its second try, and a statement that was only watched. */
static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.arena = arena_new(64u << 20);
    fixture.plan = (struct plan){.id = ID,
                                 .prefix = SLICE("ringback/"),
                                 .steps = fixture.steps,
                                 .step_count = 3,
                                 .output = OUTPUT_QUERIES};
    fixture.state.outcome = OUTCOME_FINISHED;
    fixture.state.attempt = 1;
    fixture.state.results = fixture.results;
    fixture.steps[0].item = SLICE("\"select 1\"");
    fixture.steps[1].item =
        SLICE("{\"ExecuteStatementParameters\":{\"Sql\":\"select 2\"},\"MaxRetries\":3,"
              "\"Decision\":\"theirs\"}");
    fixture.steps[2].item = SLICE("{\"StatementId\":\"attached\"}");
    fixture.steps[2].attach_id = SLICE("attached");
    fixture.results[0] = (struct step_result){1, 1, ENDING_FINISHED, "one", 1, 1};
    fixture.results[1] = (struct step_result){2, 1, ENDING_FAILED, "failed", -1, 1};
    fixture.results[2] = (struct step_result){2, 2, ENDING_FINISHED, "two", 1, 1};
    fixture.results[3] = (struct step_result){3, 1, ENDING_FINISHED, "attached", 1, 1};
    fixture.state.result_count = 4;
    fixture.state.step = 3;
    fixture.stimulus.queries = SLICE("[{\"Id\":\"one\",\"Database\":\"dev\",\"ResultRows\":1},null,"
                                     "{\"Id\":\"attached\",\"ResultRows\":9}]");
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

/* ---- Success ---- */

static void queries_are_their_items_and_what_became_of_them(void **context)
{
    struct fixture *fixture = *context;
    assert_reply(fixture, "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":["
                          "{\"ExecuteStatementParameters\":\"select 1\",\"StatementId\":\"one\","
                          "\"ExecuteStatementResult\":{\"Id\":\"one\",\"Database\":\"dev\"},"
                          "\"Result\":{\"Id\":\"one\",\"Database\":\"dev\",\"ResultRows\":1},"
                          "\"Decision\":\"SUCCEED\",\"Retries\":0},"
                          "{\"ExecuteStatementParameters\":{\"Sql\":\"select 2\"},\"MaxRetries\":3,"
                          "\"StatementId\":\"two\",\"Decision\":\"SUCCEED\",\"Retries\":1},"
                          "{\"StatementId\":\"attached\",\"Result\":{\"Id\":\"attached\","
                          "\"ResultRows\":9},\"Decision\":\"SUCCEED\",\"Retries\":0}]}");
}

static void last_query_has_the_rows(void **context)
{
    struct fixture *fixture = *context;
    fixture->plan.result.mode = PLAN_RESULT_INLINE;
    fixture->stimulus.result = SLICE(ROWS);
    assert_true(slice_ends_with(reply_output(render(fixture)),
                                SLICE("\"Retries\":0,\"result\":" ROWS "}]")));
}

/* ---- Failure ---- */

/* What the caller knows goes first, then the documents. */
static void queries_that_are_too_much_are_told_in_part(void **context)
{
    struct fixture *fixture = *context;
    struct slice large = repeated(fixture, SLICE("x"), STEP_FUNCTIONS_OUTPUT_MAX_BYTES);
    fixture->steps[0].item =
        slice_from_text(arena_format(fixture->arena, "\"%.*s\"", SLICE_PRINT(large)));
    struct slice output = reply_output(render(fixture));
    struct json first = json_element(parsed(fixture, output), 0);
    assert_int_equal(json_kind(json_member(first, "ExecuteStatementParameters")), JSON_ABSENT);
    assert_int_equal(json_kind(json_member(first, "Result")), JSON_OBJECT);
    fixture->stimulus.queries =
        slice_from_text(arena_format(fixture->arena, "[{\"x\":\"%.*s\"}]", SLICE_PRINT(large)));
    first = json_element(parsed(fixture, reply_output(render(fixture))), 0);
    assert_int_equal(json_kind(json_member(first, "Result")), JSON_ABSENT);
    assert_true(slice_equals_text(text_at(first, "StatementId"), "one"));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queries_are_their_items_and_what_became_of_them),
        TEST(last_query_has_the_rows),
        TEST(queries_that_are_too_much_are_told_in_part),
    };
    return cmocka_run_group_tests_name("reply_queries", tests, NULL, NULL);
}
