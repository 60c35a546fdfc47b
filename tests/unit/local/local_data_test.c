#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define TARGET  "\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\""
#define HOUR_MS (3600 * 1000LL)

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

static const char *text(struct json object, const char *name)
{
    return data_api_text(&api, object, name);
}

static void run(const char *sql)
{
    struct json described = data_api_await(&api, data_api_execute(&api, sql, ""));
    assert_string_equal(text(described, "Error"), "");
}

static struct json batch(const char *sqls, const char *extra)
{
    struct json answer =
        data_api_call(&api, "BatchExecuteStatement", "{\"Sqls\":%s," TARGET "%s}", sqls, extra);
    assert_int_equal(api.code, 200);
    return data_api_await(&api, text(answer, "Id"));
}

static struct json sub(struct json described, size_t index)
{
    return json_element(json_member(described, "SubStatements"), index);
}

static struct json cancel(const char *id)
{
    return data_api_call(&api, "CancelStatement", "{\"Id\":\"%s\"}", id);
}

static const char *start_sleeping(const char *extra)
{
    const char *id = data_api_execute(&api, "SELECT pg_sleep(60)", extra);
    data_api_await_status(&api, id, "STARTED");
    return id;
}

static atomic_int refused;

/* Long polls; the one that is refused ends the wait of all others. */
static void *describe_until_refused(void *context)
{
    int code = 0;
    struct slice name = SLICE("");
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(1024UL * 1024);
    const char *input =
        arena_format(arena, "{\"Id\":\"%s\",\"WaitTimeSeconds\":30}", (const char *)context);
    struct json answer = data_api_call_in(&api, arena, &code, "DescribeStatement", input);
    assert_int_equal(json_find_text(answer, "__type", 0, &name, NULL), STATUS_OK);
    if (slice_equals_text(name, "ActiveWaitingRequestsExceededException")) {
        refused++;
        local_data_stop(api.data);
    }
    return NULL;
}

/* Success */

static void a_submit_is_answered_with_id_and_target(void **state)
{
    (void)state;
    struct json answer = data_api_call(&api, "ExecuteStatement",
                                       "{\"Sql\":\"SELECT 1\"," TARGET ",\"DbUser\":\"u\"}");
    assert_int_equal(api.code, 200);
    assert_int_equal(strlen(text(answer, "Id")), 36);
    assert_string_equal(text(answer, "ClusterIdentifier"), "c1");
    assert_string_equal(text(answer, "Database"), "dev");
    assert_string_equal(text(answer, "DbUser"), "u");
    double created = 0;
    assert_int_equal(json_find_double(answer, "CreatedAt", &created, NULL), STATUS_OK);
    assert_true(created > 1599999999.5 && created < 1600000000.5);
    assert_false(json_exists(json_member(answer, "Status")));
}

static void a_submit_that_waits_says_how_it_ended(void **state)
{
    (void)state;
    struct json answer = data_api_call(&api, "ExecuteStatement",
                                       "{\"Sql\":\"SELECT 1\"," TARGET ",\"WaitTimeSeconds\":30}");
    assert_string_equal(text(answer, "Status"), "FINISHED");
    assert_true(data_api_flag(answer, "HasResultSet"));
    assert_true(data_api_number(answer, "RedshiftPid") > 0);
}

static void a_wait_that_expires_gives_the_current_status(void **state)
{
    (void)state;
    struct json answer =
        data_api_call(&api, "ExecuteStatement",
                      "{\"Sql\":\"SELECT pg_sleep(60)\"," TARGET ",\"WaitTimeSeconds\":1}");
    assert_int_equal(api.code, 200);
    assert_string_equal(text(answer, "Status"), "STARTED");
}

static void a_finished_select_is_described(void **state)
{
    (void)state;
    const char *id =
        data_api_execute(&api, "SELECT 'abc' UNION SELECT 'de'", ",\"SecretArn\":\"s\"");
    struct json described = data_api_await(&api, id);
    assert_string_equal(text(described, "Status"), "FINISHED");
    assert_string_equal(text(described, "Id"), id);
    assert_string_equal(text(described, "QueryString"), "SELECT 'abc' UNION SELECT 'de'");
    assert_string_equal(text(described, "ResultFormat"), "JSON");
    assert_string_equal(text(described, "SecretArn"), "s");
    assert_true(data_api_flag(described, "HasResultSet"));
    assert_int_equal(data_api_number(described, "ResultRows"), 2);
    assert_int_equal(data_api_number(described, "ResultSize"), 5);
    assert_true(data_api_number(described, "Duration") > 0);
    assert_true(data_api_number(described, "RedshiftQueryId") > 0);
    assert_false(json_exists(json_member(described, "Error")));
    assert_false(json_exists(json_member(described, "StatementName")));
    assert_false(json_exists(json_member(described, "SubStatements")));
}

static void changed_rows_are_counted(void **state)
{
    (void)state;
    run("CREATE TABLE t (x int)");
    const char *id = data_api_execute(&api, "INSERT INTO t VALUES (1), (2), (3)", "");
    struct json described = data_api_await(&api, id);
    assert_int_equal(data_api_number(described, "ResultRows"), 3);
    assert_false(data_api_flag(described, "HasResultSet"));
}

static void parameters_are_bound_and_not_spliced(void **state)
{
    (void)state;
    const char *id = data_api_execute(
        &api, "SELECT :a || ':a' || :b /* :c */",
        ",\"Parameters\":[{\"name\":\"a\",\"value\":\"1'; --\"},{\"name\":\"b\",\"value\":\"2\"}]");
    struct json described = data_api_await(&api, id);
    assert_string_equal(text(described, "Error"), "");
    struct json parameter = json_element(json_member(described, "QueryParameters"), 0);
    assert_string_equal(text(parameter, "value"), "1'; --");
    struct json answer = data_api_call(&api, "GetStatementResult", "{\"Id\":\"%s\"}", id);
    struct json cell = json_element(json_element(json_member(answer, "Records"), 0), 0);
    assert_string_equal(text(cell, "stringValue"), "1'; --:a2");
}

static void the_same_client_token_runs_once(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT 1", ",\"ClientToken\":\"t1\"");
    data_api_await(&api, id);
    assert_string_equal(data_api_execute(&api, "SELECT 1", ",\"ClientToken\":\"t1\""), id);
    assert_string_not_equal(data_api_execute(&api, "SELECT 1", ",\"ClientToken\":\"T1\""), id);
    struct json statement = json_element(data_api_statements(&api), 0);
    assert_int_equal(data_api_number(statement, "submits"), 2);
    assert_int_equal(data_api_number(statement, "runs"), 1);
    assert_string_equal(text(statement, "clientToken"), "t1");
    assert_string_equal(text(statement, "status"), "FINISHED");
}

static void a_client_token_is_forgotten_after_eight_hours(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT 1", ",\"ClientToken\":\"t1\"");
    data_api_await(&api, id);
    clock_fake_advance(&api.clock, 8 * HOUR_MS - 1);
    assert_string_equal(data_api_execute(&api, "SELECT 1", ",\"ClientToken\":\"t1\""), id);
    clock_fake_advance(&api.clock, 1);
    assert_string_not_equal(data_api_execute(&api, "SELECT 1", ",\"ClientToken\":\"t1\""), id);
}

static void a_statement_is_forgotten_after_a_day(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT 1", ",\"WithEvent\":true");
    data_api_await(&api, id);
    data_api_event(&api, 0);
    clock_fake_advance(&api.clock, 24 * HOUR_MS);
    for (int i = 0; i < 10000 && api.code == 200; i++) {
        data_api_call(&api, "DescribeStatement", "{\"Id\":\"%s\"}", id);
    }
    assert_int_equal(api.code, 400);
    assert_int_equal(json_count(data_api_statements(&api)), 0);
}

static void a_transaction_commits_all(void **state)
{
    (void)state;
    struct json described =
        batch("[\"CREATE TABLE t (x int)\",\"INSERT INTO t VALUES (7)\",\"SELECT x FROM t\"]", "");
    assert_string_equal(text(described, "Status"), "FINISHED");
    assert_string_equal(text(described, "ExecutionMode"), "TRANSACTION");
    assert_int_equal(json_count(json_member(described, "SubStatements")), 3);
    assert_int_equal(data_api_number(described, "RedshiftQueryId"), 0);
    assert_int_equal(data_api_number(described, "ResultRows"), -1);
    assert_true(data_api_flag(described, "HasResultSet"));
    assert_int_equal(data_api_number(sub(described, 1), "ResultRows"), 1);
    assert_string_equal(data_api_cell(&api, "SELECT x FROM t"), "longValue:7");
    const char *id = arena_format(api.arena, "%s:3", text(described, "Id"));
    struct json answer = data_api_call(&api, "GetStatementResult", "{\"Id\":\"%s\"}", id);
    assert_int_equal(data_api_number(answer, "TotalNumRows"), 1);
}

static void a_sub_id_describes_the_parent_with_that_sub(void **state)
{
    (void)state;
    struct json described = batch("[\"SELECT 1\",\"SELECT 2\"]", "");
    const char *id = arena_format(api.arena, "%s:2", text(described, "Id"));
    struct json one = data_api_call(&api, "DescribeStatement", "{\"Id\":\"%s\"}", id);
    assert_string_equal(text(one, "Id"), text(described, "Id"));
    assert_int_equal(json_count(json_member(one, "SubStatements")), 1);
    assert_string_equal(text(sub(one, 0), "Id"), id);
    assert_string_equal(text(sub(one, 0), "QueryString"), "SELECT 2");
}

static void auto_commit_goes_on_after_a_failure(void **state)
{
    (void)state;
    run("CREATE TABLE t (x int)");
    struct json described =
        batch("[\"INSERT INTO t VALUES (1)\",\"SELECT nope\",\"INSERT INTO t VALUES (2)\"]",
              ",\"ExecutionMode\":\"AUTO_COMMIT\"");
    assert_string_equal(text(described, "Status"), "FAILED");
    assert_string_equal(text(described, "ExecutionMode"), "AUTO_COMMIT");
    assert_string_equal(text(sub(described, 1), "Status"), "FAILED");
    assert_string_equal(text(sub(described, 1), "Error"), "ERROR: no such column: nope");
    assert_string_equal(text(sub(described, 2), "Status"), "FINISHED");
    assert_string_equal(data_api_cell(&api, "SELECT count(*) FROM t"), "longValue:2");
}

static void an_event_tells_of_the_ending(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT 1 UNION SELECT 2",
                                      ",\"WithEvent\":true,\"StatementName\":\"n/1.1\"");
    struct json event = data_api_event(&api, 0);
    struct json detail = json_member(event, "detail");
    assert_string_equal(text(event, "version"), "0");
    assert_string_equal(text(event, "detail-type"), "Redshift Data Statement Status Change");
    assert_string_equal(text(event, "source"), "aws.redshift-data");
    assert_string_equal(text(event, "account"), "000000000000");
    assert_string_equal(text(event, "region"), "us-east-1");
    assert_string_equal(text(event, "time"), "2020-09-13T12:26:40Z");
    struct slice arn = SLICE_NONE;
    assert_int_equal(json_text(json_element(json_member(event, "resources"), 0), &arn, NULL), 0);
    assert_true(slice_equals_text(arn, "arn:aws:redshift:us-east-1:000000000000:cluster:c1"));
    assert_string_equal(text(detail, "statementId"), id);
    assert_string_equal(text(detail, "statementName"), "n/1.1");
    assert_string_equal(text(detail, "state"), "FINISHED");
    assert_string_equal(text(detail, "principal"),
                        "arn:aws:sts::000000000000:assumed-role/local/ringback");
    assert_int_equal(data_api_number(detail, "rows"), 2);
    assert_int_equal(data_api_number(detail, "expireAt"), 1600000000 + 86400);
    assert_true(data_api_number(detail, "redshiftQueryId") > 0);
}

static void a_batch_has_one_event_and_a_workgroup_an_arn(void **state)
{
    (void)state;
    data_api_call(&api, "BatchExecuteStatement",
                  "{\"Sqls\":[\"SELECT 1\",\"SELECT nope\"],\"WorkgroupName\":\"wg1\","
                  "\"Database\":\"dev\",\"WithEvent\":true}");
    struct json event = data_api_event(&api, 0);
    assert_string_equal(text(json_member(event, "detail"), "state"), "FAILED");
    struct slice arn = SLICE_NONE;
    assert_int_equal(json_text(json_element(json_member(event, "resources"), 0), &arn, NULL), 0);
    assert_true(slice_starts_with(
        arn, SLICE("arn:aws:redshift-serverless:us-east-1:000000000000:workgroup/")));
    local_data_stop(api.data);
    assert_int_equal(api.event_count, 1);
}

static void without_with_event_there_is_none(void **state)
{
    (void)state;
    data_api_await(&api, data_api_execute(&api, "SELECT 1", ""));
    data_api_execute(&api, "SELECT 2", ",\"WithEvent\":true,\"StatementName\":\"second\"");
    assert_string_equal(text(json_member(data_api_event(&api, 0), "detail"), "statementName"),
                        "second");
}

static void a_running_statement_is_cancelled(void **state)
{
    (void)state;
    const char *id = start_sleeping(",\"WithEvent\":true");
    assert_true(data_api_flag(cancel(id), "Status"));
    struct json described = data_api_await(&api, id);
    assert_string_equal(text(described, "Status"), "ABORTED");
    assert_int_equal(data_api_number(described, "ResultRows"), -1);
    assert_string_equal(text(json_member(data_api_event(&api, 0), "detail"), "state"), "ABORTED");
}

static void a_cancelled_transaction_leaves_nothing(void **state)
{
    (void)state;
    run("CREATE TABLE t (x int)");
    struct json answer = data_api_call(&api, "BatchExecuteStatement",
                                       "{\"Sqls\":[\"INSERT INTO t VALUES (1)\","
                                       "\"SELECT pg_sleep(60)\",\"SELECT 1\"]," TARGET "}");
    const char *id = text(answer, "Id");
    for (int i = 0; i < 10000; i++) {
        struct json described = data_api_call(&api, "DescribeStatement", "{\"Id\":\"%s\"}", id);
        if (strcmp(text(sub(described, 1), "Status"), "STARTED") == 0) {
            break;
        }
        clock_sleep_ms(clock_system(), 1);
    }
    cancel(id);
    struct json described = data_api_await(&api, id);
    assert_string_equal(text(described, "Status"), "ABORTED");
    assert_string_equal(text(sub(described, 1), "Status"), "ABORTED");
    assert_string_equal(text(sub(described, 2), "Status"), "ABORTED");
    assert_string_equal(data_api_cell(&api, "SELECT count(*) FROM t"), "longValue:0");
}

static void freeing_cancels_and_joins(void **state)
{
    struct data_api other;
    (void)state;
    data_api_open(&other, "sqlite::memory:");
    for (int i = 0; i < 8; i++) {
        data_api_execute(&other, "SELECT pg_sleep(600)", ",\"SessionKeepAliveSeconds\":60");
    }
    data_api_close(&other);
}

static void *describe_and_wait(void *context)
{
    int code = 0;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(1024UL * 1024);
    const char *input =
        arena_format(arena, "{\"Id\":\"%s\",\"WaitTimeSeconds\":30}", (const char *)context);
    struct json answer = data_api_call_in(&api, arena, &code, "DescribeStatement", input);
    struct slice status = SLICE_NONE;
    assert_int_equal(json_get_text(answer, "Status", 0, &status, NULL), STATUS_OK);
    assert_true(slice_equals_text(status, "ABORTED") || slice_equals_text(status, "STARTED"));
    return NULL;
}

static void stopping_wakes_long_polls(void **state)
{
    pthread_t thread;
    (void)state;
    char id[40];
    (void)snprintf(id, sizeof(id), "%s", start_sleeping(""));
    pthread_create(&thread, NULL, describe_and_wait, id);
    local_data_stop(api.data);
    pthread_join(thread, NULL);
    data_api_call(&api, "ExecuteStatement", "{\"Sql\":\"SELECT 1\"," TARGET "}");
    assert_int_equal(api.code, 500);
}

/* Failure */

static void a_failed_statement_tells_why(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT * FROM nowhere", "");
    struct json described = data_api_await(&api, id);
    assert_string_equal(text(described, "Status"), "FAILED");
    assert_string_equal(text(described, "Error"), "ERROR: no such table: nowhere");
    assert_false(data_api_flag(described, "HasResultSet"));
    assert_int_equal(data_api_number(described, "ResultRows"), -1);
}

static void a_failed_transaction_leaves_nothing(void **state)
{
    (void)state;
    run("CREATE TABLE t (x int)");
    struct json described =
        batch("[\"INSERT INTO t VALUES (1)\",\"SELECT nope\",\"INSERT INTO t VALUES (2)\"]", "");
    assert_string_equal(text(described, "Status"), "FAILED");
    assert_string_equal(text(described, "Error"),
                        "Query #2 failed with ERROR: no such column: nope");
    assert_string_equal(text(sub(described, 0), "Status"), "FINISHED");
    assert_string_equal(text(sub(described, 1), "Status"), "FAILED");
    assert_string_equal(text(sub(described, 2), "Status"), "ABORTED");
    assert_string_equal(data_api_cell(&api, "SELECT count(*) FROM t"), "longValue:0");
}

static void a_finished_statement_cannot_be_cancelled(void **state)
{
    (void)state;
    const char *id = data_api_execute(&api, "SELECT 1", "");
    data_api_await(&api, id);
    data_api_assert_refused(&api, cancel(id), "ValidationException");
}

static void a_sub_statement_cannot_be_cancelled(void **state)
{
    (void)state;
    struct json answer = data_api_call(&api, "BatchExecuteStatement",
                                       "{\"Sqls\":[\"SELECT pg_sleep(60)\"]," TARGET "}");
    const char *id = arena_format(api.arena, "%s:1", text(answer, "Id"));
    data_api_assert_refused(&api, cancel(id), "ValidationException");
}

static void an_unknown_id_is_not_found(void **state)
{
    (void)state;
    static const char *const operations[] = {"DescribeStatement", "CancelStatement",
                                             "GetStatementResult", "GetStatementResultV2"};
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        struct json answer =
            data_api_call(&api, operations[i], "{\"Id\":\"00000000-0000-0000-0000-000000000000\"}");
        data_api_assert_refused(&api, answer, "ResourceNotFoundException");
        assert_string_equal(text(answer, "ResourceId"), "00000000-0000-0000-0000-000000000000");
    }
}

static void more_than_100_long_polls_are_refused(void **state)
{
    enum { WAITERS = 101 };
    pthread_t threads[WAITERS];
    char id[40];
    (void)state;
    (void)snprintf(id, sizeof(id), "%s", start_sleeping(""));
    for (int i = 0; i < WAITERS; i++) {
        pthread_create(&threads[i], NULL, describe_until_refused, id);
    }
    for (int i = 0; i < WAITERS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(refused, 1);
}

static void more_than_500_active_statements_are_refused(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        data_api_execute(&api, "SELECT pg_sleep(600)", i == 0 ? ",\"ClientToken\":\"t\"" : "");
    }
    struct json answer =
        data_api_call(&api, "ExecuteStatement", "{\"Sql\":\"SELECT 1\"," TARGET "}");
    data_api_assert_refused(&api, answer, "ActiveStatementsExceededException");
    data_api_execute(&api, "SELECT pg_sleep(600)", ",\"ClientToken\":\"t\"");
    assert_int_equal(json_count(data_api_statements(&api)), 500);
}

static void an_unknown_operation_is_refused(void **state)
{
    (void)state;
    data_api_assert_refused(&api, data_api_call(&api, "DropEverything", "{}"),
                            "UnknownOperationException");
}

static void an_unknown_engine_stops_the_start(void **state)
{
    (void)state;
    struct error error = ERROR_NONE;
    struct local_data *data = NULL;
    const struct local_data_options options = {
        .engine = "oracle:x", .clock = clock_system(), .random = random_system()};
    assert_int_equal(local_data_new(&options, &data, &error), STATUS_REJECTED);
    assert_non_null(strstr(error.text, "sqlite::memory:"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_api, close_api)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_submit_is_answered_with_id_and_target),
        TEST(a_submit_that_waits_says_how_it_ended),
        TEST(a_wait_that_expires_gives_the_current_status),
        TEST(a_finished_select_is_described),
        TEST(changed_rows_are_counted),
        TEST(parameters_are_bound_and_not_spliced),
        TEST(the_same_client_token_runs_once),
        TEST(a_client_token_is_forgotten_after_eight_hours),
        TEST(a_statement_is_forgotten_after_a_day),
        TEST(a_transaction_commits_all),
        TEST(a_sub_id_describes_the_parent_with_that_sub),
        TEST(auto_commit_goes_on_after_a_failure),
        TEST(an_event_tells_of_the_ending),
        TEST(a_batch_has_one_event_and_a_workgroup_an_arn),
        TEST(without_with_event_there_is_none),
        TEST(a_running_statement_is_cancelled),
        TEST(a_cancelled_transaction_leaves_nothing),
        cmocka_unit_test(freeing_cancels_and_joins),
        TEST(stopping_wakes_long_polls),
        TEST(a_failed_statement_tells_why),
        TEST(a_failed_transaction_leaves_nothing),
        TEST(a_finished_statement_cannot_be_cancelled),
        TEST(a_sub_statement_cannot_be_cancelled),
        TEST(an_unknown_id_is_not_found),
        TEST(more_than_500_active_statements_are_refused),
        TEST(more_than_100_long_polls_are_refused),
        TEST(an_unknown_operation_is_refused),
        cmocka_unit_test(an_unknown_engine_stops_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
