/* What the Data API refuses, and at which length, before anything runs. */
#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"

#include <string.h>

#define TARGET "\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\""
#define UUID   "00000000-0000-0000-0000-000000000000"

/* Fixture */

static struct data_api api;

static int open_api(void **state)
{
    (void)state;
    data_api_open(&api, "sqlite::memory:");
    return 0;
}

static int close_api(void **state)
{
    (void)state;
    data_api_close(&api);
    return 0;
}

/* Helpers */

static const char *repeat(const char *text, size_t count)
{
    CLEANUP(buffer_clear) struct buffer all;
    buffer_init(&all, strlen(text) * count);
    for (size_t i = 0; i < count; i++) {
        buffer_append_text(&all, text);
    }
    return arena_text(api.arena, buffer_slice(&all));
}

static void assert_accepted(const char *operation, const char *input)
{
    struct json answer = data_api_call(&api, operation, "%s", input);
    if (api.code != 200) {
        fail_msg("%s: %s", input, data_api_text(&api, answer, "Message"));
    }
}

/* Refused with a text that names this. */
static void assert_invalid(const char *operation, const char *input, const char *named)
{
    struct json answer = data_api_call(&api, operation, "%s", input);
    if (api.code == 200) {
        fail_msg("accepted: %.200s", input);
    }
    data_api_assert_refused(&api, answer, "ValidationException");
    const char *message = data_api_text(&api, answer, "Message");
    if (!strstr(message, named)) {
        fail_msg("\"%s\" does not name \"%s\"", message, named);
    }
}

static void assert_execute_invalid(const char *members, const char *named)
{
    assert_invalid("ExecuteStatement", arena_format(api.arena, "{%s}", members), named);
    assert_int_equal(json_count(data_api_statements(&api)), 0);
}

/* Success */

static void what_is_just_within_the_limits_is_accepted(void **state)
{
    (void)state;
    assert_accepted("ExecuteStatement",
                    arena_format(api.arena, "{\"Sql\":\"SELECT '%s'\"," TARGET "}",
                                 repeat("x", 200 * 1024 - 9)));
    assert_accepted("ExecuteStatement",
                    arena_format(api.arena,
                                 "{\"Sql\":\"SELECT 1\"," TARGET
                                 ",\"StatementName\":\"%s\",\"ClientToken\":\"%s\"}",
                                 repeat("n", 2048), repeat("t", 64)));
    assert_accepted("BatchExecuteStatement",
                    arena_format(api.arena, "{\"Sqls\":[%s\"SELECT 1\"]," TARGET "}",
                                 repeat("\"SELECT 1\",", 39)));
}

static void targets_are_clusters_workgroups_and_arns(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "\"ClusterIdentifier\":\"my-cluster-1\"",
        "\"WorkgroupName\":\"my-workgroup\"",
        "\"WorkgroupName\":\"arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/" UUID
        "\"",
    };
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        assert_accepted(
            "ExecuteStatement",
            arena_format(api.arena, "{\"Sql\":\"SELECT 1\",%s,\"Database\":\"dev\"}", targets[i]));
    }
}

static void one_statement_may_end_in_semicolons_and_comments(void **state)
{
    (void)state;
    assert_accepted("ExecuteStatement", "{\"Sql\":\"SELECT ';' ; /* ; */ -- ;\\n ;\"," TARGET "}");
}

static void a_parameter_may_serve_one_entry_of_a_batch(void **state)
{
    (void)state;
    assert_accepted("BatchExecuteStatement", "{\"Sqls\":[\"SELECT :a\",\"SELECT 1\"]," TARGET
                                             ",\"Parameters\":[{\"name\":\"a\",\"value\":\"1\"}]}");
}

/* Failure */

static void exactly_one_target_is_demanded(void **state)
{
    (void)state;
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"Database\":\"dev\"", "ClusterIdentifier");
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"WorkgroupName\":\"wg1\"," TARGET,
                           "mutually exclusive");
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"ClusterIdentifier\":\"c1\"", "Database");
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"ClusterIdentifier\":\"C_1\",\"Database\":\"d\"",
                           "ClusterIdentifier");
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"WorkgroupName\":\"w\",\"Database\":\"d\"",
                           "WorkgroupName");
}

static void a_session_excludes_every_other_target(void **state)
{
    (void)state;
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"SessionId\":\"" UUID "\"," TARGET, "SessionId");
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"SessionId\":\"" UUID "\",\"Database\":\"dev\"",
                           "SessionId");
    assert_execute_invalid("\"Sql\":\"SELECT 1\",\"SessionId\":\"nonsense\"", "SessionId");
}

static void the_sql_is_one_statement_of_at_most_200_kb(void **state)
{
    (void)state;
    assert_execute_invalid(TARGET, "Sql");
    assert_execute_invalid("\"Sql\":\"\"," TARGET, "Sql is empty");
    assert_execute_invalid("\"Sql\":\" ; -- nothing\"," TARGET, "Sql is empty");
    assert_execute_invalid("\"Sql\":5," TARGET, "Sql");
    assert_execute_invalid("\"Sql\":\"SELECT 1; SELECT 2\"," TARGET, "2 statements");
    assert_execute_invalid(
        arena_format(api.arena, "\"Sql\":\"SELECT '%s'\"," TARGET, repeat("x", 200 * 1024 - 8)),
        "200 KB");
}

static void a_batch_has_1_to_40_statements(void **state)
{
    (void)state;
    assert_invalid("BatchExecuteStatement", "{\"Sqls\":[]," TARGET "}", "1 to 40");
    assert_invalid("BatchExecuteStatement", "{" TARGET "}", "1 to 40");
    assert_invalid("BatchExecuteStatement",
                   arena_format(api.arena, "{\"Sqls\":[%s\"SELECT 1\"]," TARGET "}",
                                repeat("\"SELECT 1\",", 40)),
                   "not 41");
    assert_invalid("BatchExecuteStatement", "{\"Sqls\":[\"SELECT 1\",7]," TARGET "}", "Sqls");
    assert_invalid("BatchExecuteStatement",
                   "{\"Sqls\":[\"SELECT 1\"]," TARGET ",\"ExecutionMode\":\"MAYBE\"}",
                   "ExecutionMode");
}

static void names_and_tokens_have_their_lengths(void **state)
{
    (void)state;
    assert_execute_invalid(arena_format(api.arena,
                                        "\"Sql\":\"SELECT 1\"," TARGET ",\"StatementName\":\"%s\"",
                                        repeat("n", 2049)),
                           "StatementName");
    assert_execute_invalid(arena_format(api.arena,
                                        "\"Sql\":\"SELECT 1\"," TARGET ",\"ClientToken\":\"%s\"",
                                        repeat("t", 65)),
                           "ClientToken");
    assert_execute_invalid("\"Sql\":\"SELECT 1\"," TARGET ",\"ClientToken\":\"\"", "ClientToken");
}

static void numbers_have_their_ranges(void **state)
{
    (void)state;
    assert_execute_invalid("\"Sql\":\"SELECT 1\"," TARGET ",\"WaitTimeSeconds\":0",
                           "WaitTimeSeconds");
    assert_execute_invalid("\"Sql\":\"SELECT 1\"," TARGET ",\"WaitTimeSeconds\":31",
                           "WaitTimeSeconds");
    assert_execute_invalid("\"Sql\":\"SELECT 1\"," TARGET ",\"SessionKeepAliveSeconds\":86401",
                           "SessionKeepAliveSeconds");
    assert_execute_invalid("\"Sql\":\"SELECT 1\"," TARGET ",\"ResultFormat\":\"XML\"",
                           "ResultFormat");
}

static void parameters_follow_their_rules(void **state)
{
    (void)state;
#define WITH(sql, parameters) "\"Sql\":\"" sql "\"," TARGET ",\"Parameters\":" parameters
    assert_execute_invalid(WITH("SELECT 1", "[]"), "Parameters");
    assert_execute_invalid(WITH("SELECT :a", "[{\"name\":\"a\",\"value\":\"\"}]"), "value");
    assert_execute_invalid(WITH("SELECT :a", "[{\"name\":\"a\",\"value\":1}]"), "value");
    assert_execute_invalid(WITH("SELECT :a", "[{\"name\":\"a-b\",\"value\":\"1\"}]"), "name");
    assert_execute_invalid(WITH("SELECT 1", "[{\"name\":\"a\",\"value\":\"1\"}]"),
                           "Unused parameters: [a]");
    assert_execute_invalid(WITH("SELECT ':a'", "[{\"name\":\"a\",\"value\":\"1\"}]"), "Unused");
    assert_execute_invalid(WITH("SELECT :a, :b", "[{\"name\":\"a\",\"value\":\"1\"}]"), ":b");
    assert_execute_invalid("\"Sql\":\"SELECT :a\"," TARGET, ":a");
    assert_execute_invalid(
        WITH("SELECT :a", "[{\"name\":\"a\",\"value\":\"1\"},{\"name\":\"a\",\"value\":\"2\"}]"),
        "twice");
#undef WITH
}

static void ids_follow_their_pattern(void **state)
{
    (void)state;
    static const char *const ids[] = {"",
                                      "x",
                                      UUID "0",
                                      UUID ":123",
                                      UUID ":x",
                                      "0000000-00000-0000-0000-000000000000",
                                      "ABCDEF00-0000-0000-0000-000000000000"};
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        assert_invalid("DescribeStatement", arena_format(api.arena, "{\"Id\":\"%s\"}", ids[i]),
                       "Id");
    }
    assert_invalid("DescribeStatement", "{}", "Id");
    assert_invalid("CancelStatement", "{\"Id\":5}", "Id");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_api, close_api)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_just_within_the_limits_is_accepted),
        TEST(targets_are_clusters_workgroups_and_arns),
        TEST(one_statement_may_end_in_semicolons_and_comments),
        TEST(a_parameter_may_serve_one_entry_of_a_batch),
        TEST(exactly_one_target_is_demanded),
        TEST(a_session_excludes_every_other_target),
        TEST(the_sql_is_one_statement_of_at_most_200_kb),
        TEST(a_batch_has_1_to_40_statements),
        TEST(names_and_tokens_have_their_lengths),
        TEST(numbers_have_their_ranges),
        TEST(parameters_follow_their_rules),
        TEST(ids_follow_their_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
