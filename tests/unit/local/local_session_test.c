#include "tests/support/cmocka.h"
#include "tests/support/data_api.h"

#include <string.h>

#define TARGET "\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\""

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

/* The statement's answer in a new session, once it has ended. */
static const char *open_session(const char *sql, int seconds)
{
    struct json answer =
        data_api_call(&api, "ExecuteStatement",
                      "{\"Sql\":\"%s\"," TARGET ",\"SessionKeepAliveSeconds\":%d}", sql, seconds);
    assert_int_equal(api.code, 200);
    data_api_await(&api, text(answer, "Id"));
    return text(answer, "SessionId");
}

static struct json submit_in(const char *session, const char *sql, const char *extra)
{
    return data_api_call(&api, "ExecuteStatement", "{\"Sql\":\"%s\",\"SessionId\":\"%s\"%s}", sql,
                         session, extra);
}

static void run_in(const char *session, const char *sql)
{
    struct json answer = submit_in(session, sql, "");
    assert_int_equal(api.code, 200);
    assert_string_equal(text(answer, "SessionId"), session);
    struct json described = data_api_await(&api, text(answer, "Id"));
    assert_string_equal(text(described, "Error"), "");
}

static const char *status_of(const char *session)
{
    struct json answer = data_api_call(&api, "ListSessions", "{\"SessionId\":\"%s\"}", session);
    return text(json_element(json_member(answer, "Sessions"), 0), "Status");
}

/* Success */

static void a_session_keeps_its_connection(void **state)
{
    (void)state;
    const char *session = open_session("CREATE TEMP TABLE mine (x int)", 60);
    run_in(session, "INSERT INTO mine VALUES (1)");
    run_in(session, "SELECT x FROM mine");
    assert_string_equal(data_api_cell(&api, "SELECT x FROM mine"), "ERROR: no such table: mine");
}

static void a_transaction_may_span_statements(void **state)
{
    (void)state;
    const char *session = open_session("CREATE TABLE t (x int)", 60);
    run_in(session, "BEGIN");
    run_in(session, "INSERT INTO t VALUES (1)");
    assert_string_equal(data_api_cell(&api, "SELECT count(*) FROM t"), "longValue:0");
    run_in(session, "COMMIT");
    assert_string_equal(data_api_cell(&api, "SELECT count(*) FROM t"), "longValue:1");
}

static void statements_inherit_the_target(void **state)
{
    (void)state;
    const char *session = open_session("SELECT 1", 60);
    struct json answer = submit_in(session, "SELECT 2", ",\"WithEvent\":true");
    struct json described = data_api_await(&api, text(answer, "Id"));
    assert_string_equal(text(described, "ClusterIdentifier"), "c1");
    assert_string_equal(text(described, "Database"), "dev");
    assert_string_equal(text(described, "SessionId"), session);
}

static void sessions_are_listed(void **state)
{
    (void)state;
    const char *session = open_session("SELECT 1", 60);
    struct json answer = data_api_call(&api, "ListSessions", "{\"Status\":\"AVAILABLE\"}");
    struct json listed = json_element(json_member(answer, "Sessions"), 0);
    assert_string_equal(text(listed, "SessionId"), session);
    assert_int_equal(data_api_number(listed, "SessionTtl"), 60);
    assert_false(json_exists(json_member(listed, "CurrentStatementId")));
    answer = submit_in(session, "SELECT pg_sleep(60)", "");
    struct json busy = data_api_call(&api, "ListSessions", "{\"Status\":\"BUSY\"}");
    listed = json_element(json_member(busy, "Sessions"), 0);
    assert_string_equal(text(listed, "CurrentStatementId"), text(answer, "Id"));
}

static void a_cancelled_statement_leaves_its_session(void **state)
{
    (void)state;
    const char *session = open_session("CREATE TEMP TABLE mine (x int)", 60);
    const char *id = text(submit_in(session, "SELECT pg_sleep(60)", ""), "Id");
    data_api_call(&api, "CancelStatement", "{\"Id\":\"%s\"}", id);
    assert_string_equal(text(data_api_await(&api, id), "Status"), "ABORTED");
    run_in(session, "SELECT * FROM mine");
}

static void keep_alive_zero_closes_a_session(void **state)
{
    (void)state;
    const char *session = open_session("SELECT 1", 60);
    struct json answer = submit_in(session, "SELECT 2", ",\"SessionKeepAliveSeconds\":0");
    data_api_await(&api, text(answer, "Id"));
    assert_string_equal(status_of(session), "CLOSED");
}

static void use_prolongs_a_session(void **state)
{
    (void)state;
    const char *session = open_session("SELECT 1", 60);
    clock_fake_advance(&api.clock, 59000);
    run_in(session, "SELECT 1");
    clock_fake_advance(&api.clock, 59000);
    run_in(session, "SELECT 1");
}

/* Failure */

static void a_busy_session_refuses(void **state)
{
    (void)state;
    const char *session = open_session("SELECT 1", 60);
    submit_in(session, "SELECT pg_sleep(60)", "");
    assert_int_equal(api.code, 200);
    data_api_assert_refused(&api, submit_in(session, "SELECT 1", ""), "ValidationException");
}

static void an_expired_session_refuses_and_rolls_back(void **state)
{
    (void)state;
    const char *session = open_session("CREATE TABLE t (x int)", 60);
    run_in(session, "BEGIN");
    run_in(session, "INSERT INTO t VALUES (1)");
    clock_fake_advance(&api.clock, 60000);
    data_api_assert_refused(&api, submit_in(session, "COMMIT", ""), "ValidationException");
    assert_string_equal(status_of(session), "CLOSED");
    data_api_await(&api, data_api_execute(&api, "INSERT INTO t VALUES (2)", ""));
    assert_string_equal(data_api_cell(&api, "SELECT sum(x) FROM t"), "longValue:2");
}

static void an_unknown_session_is_not_found(void **state)
{
    (void)state;
    struct json answer = submit_in("00000000-0000-0000-0000-000000000000", "SELECT 1", "");
    data_api_assert_refused(&api, answer, "ResourceNotFoundException");
}

static void an_unknown_status_is_refused(void **state)
{
    (void)state;
    struct json answer = data_api_call(&api, "ListSessions", "{\"Status\":\"GONE\"}");
    data_api_assert_refused(&api, answer, "ValidationException");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_api, close_api)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_keeps_its_connection),
        TEST(a_transaction_may_span_statements),
        TEST(statements_inherit_the_target),
        TEST(sessions_are_listed),
        TEST(a_cancelled_statement_leaves_its_session),
        TEST(keep_alive_zero_closes_a_session),
        TEST(use_prolongs_a_session),
        TEST(a_busy_session_refuses),
        TEST(an_expired_session_refuses_and_rolls_back),
        TEST(an_unknown_session_is_not_found),
        TEST(an_unknown_status_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
