/* Lists of queries: the items, their knobs, and what becomes of them in a plan. */
#include "invoker/plan.h"
#include "invoker/plan_steps.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define ID        "d9b6c0c9-0747-4bf4-b142-e8883122f766"

#define PARAMETER "{\"name\":\"p\",\"value\":\"v\"}"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct plan_settings settings;
    struct random_seeded random;
    struct request request;
    struct request_addresses addresses;
    struct plan plan;
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(64u << 20)};
    random_seeded_init(&fixture.random, 1);
    fixture.settings = (struct plan_settings){.prefix = SLICE("ringback/"),
                                              .target = {.cluster_identifier = SLICE("env"),
                                                         .database = SLICE("dev"),
                                                         .db_user = SLICE("loader")},
                                              .has_target = true,
                                              .sweep_seconds = 5};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static enum status parse(struct fixture *fixture, const char *body)
{
    fixture->error = ERROR_NONE;
    return request_parse(fixture->arena, slice_from_text(body), &fixture->request,
                         &fixture->addresses, &fixture->error);
}

static const struct request *accept(struct fixture *fixture, const char *body)
{
    if (parse(fixture, body) != STATUS_OK) {
        fail_msg("%s\n  refused: %s", body, fixture->error.text);
    }
    return &fixture->request;
}

/* The only query of a list of one. */
static const struct request_query *query(struct fixture *fixture, const char *item)
{
    const struct request *request = accept(fixture, arena_format(fixture->arena, "[%s]", item));
    assert_int_equal(request->query_count, 1);
    return &request->queries[0];
}

static enum status make(struct fixture *fixture, const char *body)
{
    const struct plan_maker maker = {fixture->arena, &fixture->settings, &fixture->random.random,
                                     1};
    const struct plan_identity identity = {SLICE_NONE, SLICE_NONE};
    accept(fixture, body);
    return plan_make(&maker, &fixture->request, &identity, &fixture->plan, &fixture->error);
}

static const struct plan *made(struct fixture *fixture, const char *body)
{
    if (make(fixture, body) != STATUS_OK) {
        fail_msg("%s\n  refused: %s", body, fixture->error.text);
    }
    return &fixture->plan;
}

static void assert_text(struct slice actual, const char *expected)
{
    if (!slice_equals_text(actual, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(actual), expected);
    }
}

static void assert_absent(struct slice text)
{
    assert_int_equal(text.size, 0);
}

/* ExecuteStatementParameters with these members besides the SQL, as a list of one. */
static const char *with(struct fixture *fixture, const char *members)
{
    return arena_format(fixture->arena,
                        "[{\"ExecuteStatementParameters\":{\"Sql\":\"select 1\"%s%s}}]",
                        members[0] != '\0' ? "," : "", members);
}

/* ---- Success: items ---- */

static void a_bare_text_is_a_list_of_one(void **context)
{
    const struct request *request = accept(*context, "\"select 1\"");
    assert_int_equal(request->query_count, 1);
    assert_text(request->queries[0].sql, "select 1");
    assert_text(request->queries[0].item, "{\"ExecuteStatementParameters\":\"select 1\"}");
}

static void a_bare_array_is_a_list(void **context)
{
    const struct request *request = accept(
        *context, "[\"select 1\",{\"ExecuteStatementParameters\":\"select 2\"},"
                  "{\"ExecuteStatementParameters\":{\"Sql\":\"select 3\"},\"Note\":{\"a\":[1]}}]");
    assert_int_equal(request->query_count, 3);
    assert_int_equal(request->sql_count, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(request->queries[i].retry.max_attempts, 0);
    }
    assert_text(request->queries[1].sql, "select 2");
    assert_text(request->queries[2].sql, "select 3");
    assert_text(request->queries[2].item,
                "{\"ExecuteStatementParameters\":{\"Sql\":\"select 3\"},\"Note\":{\"a\":[1]}}");
}

static void queries_stand_beside_native_fields(void **context)
{
    struct fixture *fixture = *context;
    const struct request *request =
        accept(fixture, "{\"queries\":[\"select 1\"],\"taskToken\":\"token\",\"requestKey\":\"k\","
                        "\"target\":\"reports\",\"retry\":{\"maxAttempts\":2}}");
    assert_int_equal(request->query_count, 1);
    assert_text(request->task_token, "token");
    assert_text(fixture->addresses.task_token, "token");
}

static void every_execute_member_is_read(void **context)
{
    const struct request_query *read = query(
        *context,
        "{\"ExecuteStatementParameters\":{\"Sql\":\"select :a\",\"ClusterIdentifier\":\"c\","
        "\"Database\":\"d\",\"DbUser\":\"u\",\"SecretArn\":\"s\",\"WorkgroupName\":\"w\","
        "\"SessionId\":\"i\",\"Parameters\":[{\"name\":\"a\",\"value\":\"1\"}],"
        "\"WithEvent\":true,\"StatementName\":\"n\",\"ClientToken\":\"t\",\"ResultFormat\":\"CSV\","
        "\"WaitTimeSeconds\":5}}");
    assert_text(read->sql, "select :a");
    assert_text(read->target.cluster_identifier, "c");
    assert_text(read->target.database, "d");
    assert_text(read->target.db_user, "u");
    assert_text(read->target.secret_arn, "s");
    assert_text(read->target.workgroup_name, "w");
    assert_text(read->target.session_id, "i");
    assert_int_equal(read->parameter_count, 1);
    assert_text(read->parameters[0].name, "a");
}

static void empty_defaults_are_absent(void **context)
{
    const struct request_query *read =
        query(*context, "{\"ExecuteStatementParameters\":{\"Sql\":\"select 1\",\"DbUser\":\"\","
                        "\"ClusterIdentifier\":\"\",\"Database\":null,\"Parameters\":[]},"
                        "\"RetryErrorMatch\":\"\",\"StatementId\":null,\"MaxRetries\":null}");
    assert_absent(read->target.db_user);
    assert_absent(read->target.cluster_identifier);
    assert_null(read->target.cluster_identifier.data);
    assert_int_equal(read->retry.max_attempts, 0);
    assert_null(read->attach_id.data);
}

static void a_statement_may_be_attached_with_and_without_its_sql(void **context)
{
    const struct request_query *read = query(*context, "{\"StatementId\":\"" ID "\"}");
    assert_text(read->attach_id, ID);
    assert_absent(read->sql);
    read = query(*context, "{\"StatementId\":\"" ID ":12\",\"ExecuteStatementParameters\":\"a\"}");
    assert_text(read->attach_id, ID ":12");
    assert_text(read->sql, "a");
}

/* ---- Success: knobs ---- */

static void knobs_are_a_retry(void **context)
{
    const struct plan_retry *retry =
        &query(*context, "{\"ExecuteStatementParameters\":\"a\",\"InitialWaitTime\":30,"
                         "\"BaseWaitTime\":0.5,\"WaitMultiplier\":1.5,\"MaxWait\":450,"
                         "\"MaxRetries\":4,\"RetryErrorMatch\":\"deadlock|1023\"}")
             ->retry;
    assert_int_equal(retry->max_attempts, 5);
    assert_text(retry->error_match, "deadlock|1023");
    assert_int_equal(retry->base_ms, 500);
    assert_int_equal(retry->max_ms, 450000);
}

static void knobs_that_are_not_given_have_defaults(void **context)
{
    const struct plan_retry *retry =
        &query(*context, "{\"ExecuteStatementParameters\":\"a\",\"MaxRetries\":0}")->retry;
    assert_int_equal(retry->max_attempts, 1);
    assert_null(retry->error_match.data);
    assert_int_equal(retry->base_ms, 1000);
    assert_int_equal(retry->max_ms, 30000);
    retry =
        &query(*context, "{\"ExecuteStatementParameters\":\"a\",\"RetryErrorMatch\":\"x\"}")->retry;
    assert_int_equal(retry->max_attempts, 11);
    retry = &query(*context, "{\"ExecuteStatementParameters\":\"a\",\"BaseWaitTime\":60}")->retry;
    assert_int_equal(retry->max_attempts, 3);
    assert_int_equal(retry->max_ms, 60000);
    retry =
        &query(*context, "{\"ExecuteStatementParameters\":\"a\",\"BaseWaitTime\":60,\"MaxWait\":2}")
             ->retry;
    assert_int_equal(retry->base_ms, 2000);
}

/* ---- Success: plan ---- */

static void queries_are_steps(void **context)
{
    const struct plan *plan =
        made(*context, "[\"select 1\",{\"ExecuteStatementParameters\":{\"Sql\":\"select :a\","
                       "\"Parameters\":[{\"name\":\"a\",\"value\":\"1\"}]},\"MaxRetries\":7}]");
    assert_int_equal(plan->output, OUTPUT_QUERIES);
    assert_int_equal(plan->step_count, 2);
    assert_int_equal(plan->steps[0].sql_count, 1);
    assert_text(plan->steps[0].sqls[0], "select 1");
    assert_null(plan->steps[0].target);
    assert_null(plan->steps[0].retry);
    assert_false(plan->steps[0].batch);
    assert_false(plan->steps[0].keep_going);
    assert_true(plan->steps[0].retriable);
    assert_text(plan->steps[0].item, "{\"ExecuteStatementParameters\":\"select 1\"}");
    assert_int_equal(plan->steps[1].parameter_count, 1);
    assert_int_equal(plan->steps[1].retry->max_attempts, 8);
    assert_text(plan->target.cluster_identifier, "env");
}

static void output_that_is_asked_for_beats_the_lists_own(void **context)
{
    struct fixture *fixture = *context;
    fixture->settings.output = OUTPUT_STATEMENT;
    assert_int_equal(made(fixture, "[\"a\"]")->output, OUTPUT_QUERIES);
    assert_int_equal(made(fixture, "{\"queries\":[\"a\"],\"output\":\"event\"}")->output,
                     OUTPUT_EVENT);
}

static void attached_statements_are_watched_only(void **context)
{
    const struct plan *plan =
        made(*context, "[{\"StatementId\":\"" ID "\",\"RetryErrorMatch\":\"x\"},"
                       "{\"StatementId\":\"" ID "\",\"ExecuteStatementParameters\":\"a\"}]");
    assert_text(plan->steps[0].attach_id, ID);
    assert_int_equal(plan->steps[0].sql_count, 0);
    assert_false(plan->steps[0].retriable);
    assert_null(plan->steps[0].target);
    assert_int_equal(plan->steps[1].sql_count, 1);
    assert_true(plan->steps[1].retriable);
}

static void absent_members_come_from_the_default_target(void **context)
{
    struct fixture *fixture = *context;
    const struct plan_target *target =
        made(fixture, with(fixture, "\"Database\":\"own\""))->steps[0].target;
    assert_text(target->cluster_identifier, "env");
    assert_text(target->database, "own");
    assert_text(target->db_user, "loader");
    target = made(fixture, with(fixture, "\"ClusterIdentifier\":\"own\""))->steps[0].target;
    assert_text(target->cluster_identifier, "own");
    assert_text(target->database, "dev");
    assert_text(target->db_user, "loader");
}

/* Where the earlier system sent its defaults in any case, and no workgroup or secret could be used.
 */
static void defaults_that_do_not_go_with_the_query_are_left_out(void **context)
{
    struct fixture *fixture = *context;
    const struct plan_target *target =
        made(fixture, with(fixture, "\"WorkgroupName\":\"w\""))->steps[0].target;
    assert_text(target->workgroup_name, "w");
    assert_absent(target->cluster_identifier);
    assert_absent(target->db_user);
    assert_text(target->database, "dev");
    target = made(fixture, with(fixture, "\"SecretArn\":\"s\""))->steps[0].target;
    assert_text(target->cluster_identifier, "env");
    assert_text(target->secret_arn, "s");
    assert_absent(target->db_user);
    target = made(fixture, with(fixture, "\"SessionId\":\"i\""))->steps[0].target;
    assert_text(target->session_id, "i");
    assert_absent(target->cluster_identifier);
    assert_absent(target->database);
}

static void the_secret_of_one_cluster_is_not_sent_to_another(void **context)
{
    struct fixture *fixture = *context;
    fixture->settings.target = (struct plan_target){
        .cluster_identifier = SLICE("env"), .database = SLICE("dev"), .secret_arn = SLICE("arn")};
    const struct plan_target *target =
        made(fixture, with(fixture, "\"ClusterIdentifier\":\"own\""))->steps[0].target;
    assert_absent(target->secret_arn);
    target = made(fixture, with(fixture, "\"Database\":\"own\""))->steps[0].target;
    assert_text(target->secret_arn, "arn");
    target = made(fixture, with(fixture, "\"DbUser\":\"own\""))->steps[0].target;
    assert_absent(target->secret_arn);
    assert_text(target->db_user, "own");
}

static void queries_need_no_default_target(void **context)
{
    struct fixture *fixture = *context;
    fixture->settings.has_target = false;
    const struct plan *plan =
        made(fixture, with(fixture, "\"WorkgroupName\":\"w\",\"Database\":\"d\""));
    assert_text(plan->steps[0].target->workgroup_name, "w");
    assert_absent(plan->target.workgroup_name);
    made(fixture, "[{\"StatementId\":\"" ID "\"}]");
}

static void the_requests_own_target_is_the_default(void **context)
{
    const struct plan *plan =
        made(*context, "{\"queries\":[\"a\",{\"ExecuteStatementParameters\":{\"Sql\":\"b\","
                       "\"Database\":\"d2\"}}],\"target\":{\"workgroupName\":\"w\","
                       "\"database\":\"d1\"}}");
    assert_null(plan->steps[0].target);
    assert_text(plan->target.workgroup_name, "w");
    assert_text(plan->steps[1].target->workgroup_name, "w");
    assert_text(plan->steps[1].target->database, "d2");
}

static void one_session_is_found(void **context)
{
    struct fixture *fixture = *context;
    assert_absent(plan_session(made(fixture, "[\"a\"]")));
    const char *session = "{\"ExecuteStatementParameters\":{\"Sql\":\"a\",\"SessionId\":\"i\"}}";
    assert_text(plan_session(
                    made(fixture, arena_format(fixture->arena, "[\"a\",%s,%s]", session, session))),
                "i");
}

static void digest_sees_the_queries_and_not_where_they_run(void **context)
{
    struct fixture *fixture = *context;
    static const char *const bodies[] = {
        "[\"a\"]",
        "[\"b\"]",
        "[\"a\",\"a\"]",
        "{\"sqlStatement\":\"a\"}",
        "[{\"StatementId\":\"" ID "\"}]",
        "[{\"ExecuteStatementParameters\":\"a\",\"MaxRetries\":1}]",
        "[{\"ExecuteStatementParameters\":\"a\",\"RetryErrorMatch\":\"x\"}]",
        "[{\"ExecuteStatementParameters\":{\"Sql\":\"a\",\"Parameters\":[" PARAMETER "]}}]",
    };
    const char *digests[ARRAY_COUNT(bodies)];
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        digests[i] = arena_format(fixture->arena, "%s", accept(fixture, bodies[i])->digest);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(digests[i], digests[k]);
        }
    }
    static const char *const same[] = {
        "{\"queries\":[\"a\"],\"taskToken\":\"t\"}",
        "[{\"ExecuteStatementParameters\":{\"Sql\":\"a\",\"ClusterIdentifier\":\"c\"}}]",
    };
    for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
        assert_string_equal(accept(fixture, same[i])->digest, digests[0]);
    }
}

static void the_longest_list_is_taken(void **context)
{
    struct fixture *fixture = *context;
    const char *list = "\"a\"";
    for (size_t i = 1; i < 256; i++) {
        list = arena_format(fixture->arena, "%s,\"a\"", list);
    }
    assert_int_equal(accept(fixture, arena_format(fixture->arena, "[%s]", list))->query_count, 256);
    assert_int_equal(parse(fixture, arena_format(fixture->arena, "[%s,\"a\"]", list)),
                     STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "request: must hold 1 to 256 queries, got 257");
}

/* ---- Failure ---- */

#define ITEM(members)    "[{\"ExecuteStatementParameters\":\"a\"," members "}]"
#define EXECUTE(members) "[{\"ExecuteStatementParameters\":{\"Sql\":\"a\"," members "}}]"

static const char *const malformed[][2] = {
    {"[]", "request: must hold 1 to 256 queries, got 0"},
    {"\"\"", "request: must not be empty"},
    {"{\"queries\":[]}", "queries: must hold 1 to 256 queries, got 0"},
    {"{\"queries\":\"a\"}", "queries: must be an array, got a string"},
    {"{\"queries\":[\"a\"],\"sqlStatement\":\"b\"}",
     "request: exactly one of sqlStatement, sqlStatements, sqlUri and queries is needed"},
    {"{\"queries\":[\"a\"],\"mode\":\"sequence\"}",
     "mode: goes with sqlStatements and sqlUri only"},
    {"{\"queries\":[\"a\"],\"parameters\":[{\"name\":\"a\",\"value\":\"b\"}]}",
     "parameters: goes into the query's own ExecuteStatementParameters"},
    {"[1]", "[0]: must be a string or an object"},
    {"[\"a\",[\"b\"]]", "[1]: must be a string or an object"},
    {"[\"a\",null]", "[1]: must be a string or an object"},
    {"[\" \"]", "[0]: must not be empty"},
    {"[{}]", "[0]: ExecuteStatementParameters or StatementId is needed"},
    {"{\"queries\":[\"a\",{\"Sql\":\"b\"}]}",
     "queries[1]: ExecuteStatementParameters or StatementId is needed"},
    {"[{\"ExecuteStatementParameters\":\"\"}]",
     "[0].ExecuteStatementParameters: must not be empty"},
    {"[{\"ExecuteStatementParameters\":7}]",
     "[0].ExecuteStatementParameters: must be a string or an object"},
    {"[{\"ExecuteStatementParameters\":{}}]", "[0].ExecuteStatementParameters: Sql is needed"},
    {"[{\"ExecuteStatementParameters\":{\"Sql\":\"\"}}]",
     "[0].ExecuteStatementParameters.Sql: must not be empty"},
    {EXECUTE("\"ClusterIdentifer\":\"c\""),
     "[0].ExecuteStatementParameters.ClusterIdentifer: unknown field"},
    {EXECUTE("\"Sqls\":[\"c\"]"), "[0].ExecuteStatementParameters.Sqls: unknown field"},
    {EXECUTE("\"DbUser\":1"),
     "[0].ExecuteStatementParameters.DbUser: must be a string, got a number"},
    {EXECUTE("\"Parameters\":{}"),
     "[0].ExecuteStatementParameters.Parameters: must be an array, got an object"},
    {EXECUTE("\"Parameters\":[{\"name\":\"a-b\",\"value\":\"c\"}]"),
     "[0].ExecuteStatementParameters.Parameters[0].name: must match [0-9a-zA-Z_]+"},
    {ITEM("\"MaxRetries\":-1"), "[0].MaxRetries: must be between 0 and 99, got -1"},
    {ITEM("\"MaxRetries\":\"3\""), "[0].MaxRetries: must be a number, got a string"},
    {ITEM("\"RetryErrorMatch\":\"(\""),
     "[0].RetryErrorMatch: must be a regular expression of PCRE2: missing closing parenthesis at "
     "byte 1"},
    {ITEM("\"RetryErrorMatch\":7"), "[0].RetryErrorMatch: must be a string, got a number"},
    {ITEM("\"BaseWaitTime\":-1"),
     "[0].BaseWaitTime: must be a number of seconds between 0 and 86400"},
    {ITEM("\"MaxWait\":90000"), "[0].MaxWait: must be a number of seconds between 0 and 86400"},
    {ITEM("\"InitialWaitTime\":\"30\""), "[0].InitialWaitTime: must be a number, got a string"},
    {ITEM("\"WaitMultiplier\":\"2\""), "[0].WaitMultiplier: must be a number, got a string"},
    {ITEM("\"StatementId\":\"\""), "[0].StatementId: must be a statement's Id"},
    {ITEM("\"StatementId\":\"LATEST\""), "[0].StatementId: must be a statement's Id"},
    {ITEM("\"StatementId\":\"" ID ":\""), "[0].StatementId: must be a statement's Id"},
    {ITEM("\"StatementId\":\"" ID "x\""), "[0].StatementId: must be a statement's Id"},
    {ITEM("\"StatementId\":\"" ID ":1234\""), "[0].StatementId: must be a statement's Id"},
    {ITEM("\"StatementId\":1"), "[0].StatementId: must be a string, got a number"},
    {"{\"action\":\"cancelStatement\",\"statementId\":\"x\",\"queries\":[\"a\"]}",
     "queries: goes with the action executeStatement only"},
};

static void malformed_lists_are_told_field_and_rule(void **context)
{
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        if (parse(fixture, malformed[i][0]) != STATUS_REJECTED) {
            fail_msg("%s\n  accepted", malformed[i][0]);
        }
        assert_string_equal(fixture->error.text, malformed[i][1]);
    }
}

static void bad_targets_name_the_query(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(
        make(fixture, with(fixture, "\"WorkgroupName\":\"w\",\"ClusterIdentifier\":\"c\"")),
        STATUS_REJECTED);
    assert_string_equal(fixture->error.text,
                        "queries[0]: exactly one of clusterIdentifier, workgroupName and "
                        "sessionId is needed");
    fixture->settings.has_target = false;
    assert_int_equal(make(fixture, "[{\"StatementId\":\"" ID "\"},\"a\"]"), STATUS_REJECTED);
    assert_string_equal(fixture->error.text,
                        "queries[1]: exactly one of clusterIdentifier, workgroupName and "
                        "sessionId is needed");
}

static void two_sessions_are_refused(void **context)
{
    assert_int_equal(make(*context,
                          "[{\"ExecuteStatementParameters\":{\"Sql\":\"a\",\"SessionId\":\"i\"}},"
                          "{\"ExecuteStatementParameters\":{\"Sql\":\"a\",\"SessionId\":\"k\"}}]"),
                     STATUS_REJECTED);
    assert_string_equal(((struct fixture *)*context)->error.text,
                        "queries: may speak of one session only, got another in [1]");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bare_text_is_a_list_of_one),
        TEST(a_bare_array_is_a_list),
        TEST(queries_stand_beside_native_fields),
        TEST(every_execute_member_is_read),
        TEST(empty_defaults_are_absent),
        TEST(a_statement_may_be_attached_with_and_without_its_sql),
        TEST(knobs_are_a_retry),
        TEST(knobs_that_are_not_given_have_defaults),
        TEST(queries_are_steps),
        TEST(output_that_is_asked_for_beats_the_lists_own),
        TEST(attached_statements_are_watched_only),
        TEST(absent_members_come_from_the_default_target),
        TEST(defaults_that_do_not_go_with_the_query_are_left_out),
        TEST(the_secret_of_one_cluster_is_not_sent_to_another),
        TEST(queries_need_no_default_target),
        TEST(the_requests_own_target_is_the_default),
        TEST(one_session_is_found),
        TEST(digest_sees_the_queries_and_not_where_they_run),
        TEST(the_longest_list_is_taken),
        TEST(malformed_lists_are_told_field_and_rule),
        TEST(bad_targets_name_the_query),
        TEST(two_sessions_are_refused),
    };
    return cmocka_run_group_tests_name("request queries", tests, NULL, NULL);
}
