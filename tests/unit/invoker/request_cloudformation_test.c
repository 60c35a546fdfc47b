/* CloudFormation's events: what runs for which, what the answer is to hold, and every rule. */
#include "invoker/request.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define URL    "https://bucket.s3.us-east-1.amazonaws.com/key?X-Amz-Signature=1"
#define WHO    "\"StackId\":\"arn:stack\",\"RequestId\":\"r-1\",\"LogicalResourceId\":\"Table\","
#define CREATE "\"RequestType\":\"Create\",\"ResponseURL\":\"" URL "\"," WHO "\"Extra\":1,"
#define UPDATE                                                                                     \
    "\"RequestType\":\"Update\",\"ResponseURL\":\"" URL "\"," WHO "\"PhysicalResourceId\":\"old\","
#define DELETE                                                                                     \
    "\"RequestType\":\"Delete\",\"ResponseURL\":\"" URL "\"," WHO "\"PhysicalResourceId\":\"old\","
#define PROPERTIES(text) "\"ResourceProperties\":{\"ServiceToken\":\"arn:f\"," text "}"
#define OLD(text)        ",\"OldResourceProperties\":{\"ServiceToken\":\"arn:f\"," text "}"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct request request;
    struct request_addresses addresses;
    struct error error;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    fixture = (struct fixture){.arena = arena_new(64u << 20)};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static enum status parse(struct fixture *fixture, const char *members)
{
    fixture->error = ERROR_NONE;
    return request_parse(fixture->arena,
                         slice_from_text(arena_format(fixture->arena, "{%s}", members)),
                         &fixture->request, &fixture->addresses, &fixture->error);
}

static const struct request *accept(struct fixture *fixture, const char *members)
{
    if (parse(fixture, members) != STATUS_OK) {
        fail_msg("%s\n  refused: %s", members, fixture->error.text);
    }
    return &fixture->request;
}

static void refuse(struct fixture *fixture, const char *members, const char *text)
{
    if (parse(fixture, members) != STATUS_REJECTED) {
        fail_msg("%s\n  accepted instead of: %s", members, text);
    }
    if (strcmp(fixture->error.text, text) != 0) {
        fail_msg("%s\n  refused: %s\n  expected: %s", members, fixture->error.text, text);
    }
}

static void assert_text(struct slice text, const char *expected)
{
    if (!slice_equals_text(text, expected)) {
        fail_msg("%.*s is not %s", SLICE_PRINT(text), expected);
    }
}

static void assert_runs(struct fixture *fixture, const char *members, const char *sql)
{
    const struct request *request = accept(fixture, members);
    if (request->sql_count != 1 || request->nothing_to_run) {
        fail_msg("%s\n  has %zu statements", members, request->sql_count);
    }
    assert_text(request->sqls[0], sql);
}

static void assert_runs_nothing(struct fixture *fixture, const char *members)
{
    const struct request *request = accept(fixture, members);
    if (request->sql_count != 0 || !request->nothing_to_run) {
        fail_msg("%s\n  has %zu statements", members, request->sql_count);
    }
}

#define THREE "\"create\":\"c\",\"update\":\"u\",\"delete\":\"d\""
#define SQLS  "\"create_sql\":\"c\",\"update_sql\":\"u\",\"drop_sql\":\"d\""

/* ---- What runs ---- */

static void each_type_runs_its_own(void **context)
{
    assert_runs(*context, CREATE PROPERTIES(THREE), "c");
    assert_runs(*context, UPDATE PROPERTIES(THREE) OLD(THREE), "u");
    assert_runs(*context, DELETE PROPERTIES(THREE), "d");
    assert_runs(*context, CREATE PROPERTIES(SQLS), "c");
    assert_runs(*context, UPDATE PROPERTIES(SQLS) OLD(SQLS), "u");
    assert_runs(*context, DELETE PROPERTIES(SQLS), "d");
}

static void what_is_not_given_runs_nothing(void **context)
{
    assert_runs_nothing(*context, CREATE PROPERTIES("\"delete\":\"d\""));
    assert_runs_nothing(*context, UPDATE PROPERTIES("\"create\":\"c\"") OLD("\"create\":\"b\""));
    assert_runs_nothing(*context, DELETE PROPERTIES("\"create\":\"c\""));
    assert_runs_nothing(*context, DELETE PROPERTIES("\"else\":1"));
}

static void a_request_has_its_types_again(void **context)
{
    const struct request *request = accept(
        *context, CREATE PROPERTIES("\"create\":{\"sqlStatements\":[\"a\",\"5\"],\"mode\":"
                                    "\"transaction\",\"timeoutSeconds\":\"60\",\"keepRunning\":"
                                    "\"true\",\"retry\":{\"maxAttempts\":\"2\"},\"expect\":"
                                    "{\"minRows\":\"1\"},\"parameters\":[{\"name\":\"maxRows\","
                                    "\"value\":\"7\"}]}"));
    assert_int_equal(request->sql_count, 2);
    assert_text(request->sqls[1], "5");
    assert_int_equal(request->mode, REQUEST_TRANSACTION);
    assert_int_equal(request->timeout_seconds, 60);
    assert_true(request->keep_running);
    assert_int_equal(request->retry.max_attempts, 2);
    assert_int_equal(request->expect_min_rows, 1);
    assert_text(request->parameters[0].value, "7");
}

static void target_is_shared(void **context)
{
    const struct request *request = accept(
        *context, CREATE PROPERTIES(THREE ",\"target\":{\"workgroupName\":\"w\",\"database\":"
                                          "\"d\"}"));
    assert_true(request->has_target);
    assert_text(request->target.workgroup_name, "w");
    request = accept(*context, CREATE PROPERTIES("\"create\":{\"sqlStatement\":\"c\",\"target\":"
                                                 "\"mine\"},\"target\":\"theirs\""));
    assert_text(request->target_name, "mine");
}

static void statement_beside_the_event_comes_first(void **context)
{
    assert_runs(*context, "\"sqlStatement\":\"s\"," CREATE PROPERTIES("\"username\":\"u\""), "s");
    assert_runs(*context, "\"sqlStatement\":\"s\"," DELETE PROPERTIES(SQLS), "s");
}

static void failed_create_needs_no_delete(void **context)
{
    static const char *const ids[] = {"ringback:create-failed:abc", "n/a"};
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(ids); i++) {
        const char *members = arena_format(
            fixture->arena,
            "\"sqlStatement\":\"s\",\"RequestType\":\"Delete\",\"ResponseURL\":\"" URL "\"," WHO
            "\"PhysicalResourceId\":\"%s\"," PROPERTIES("\"delete\":{\"unknown\":1}"),
            ids[i]);
        assert_runs_nothing(fixture, members);
        assert_text(fixture->request.resource->physical_resource_id, ids[i]);
    }
}

static void changed_create_sql_replaces_in_a_transaction(void **context)
{
    const struct request *request =
        accept(*context, UPDATE PROPERTIES("\"create_sql\":\"new\",\"drop_sql\":\"x\"")
                             OLD("\"create_sql\":\"old\",\"drop_sql\":\"drop old\""));
    assert_int_equal(request->sql_count, 2);
    assert_text(request->sqls[0], "drop old");
    assert_text(request->sqls[1], "new");
    assert_int_equal(request->mode, REQUEST_TRANSACTION);
    assert_true(request->made);
    assert_false(slice_equals(request->resource->made_before, request->resource->made_after));
    assert_runs_nothing(*context, UPDATE PROPERTIES("\"create_sql\":\"old\"")
                                      OLD("\"create_sql\":\"old\",\"drop_sql\":\"drop old\""));
}

#define USER(name, more)                                                                           \
    "\"username\":\"" name "\",\"password\":\"md5d8578edf8458ce06fbc5bb76a58c5ca4\"" more

static void user_is_created_altered_and_dropped(void **context)
{
    struct fixture *fixture = *context;
    const struct request *request =
        accept(fixture, CREATE PROPERTIES(USER("u", ",\"create_user\":\"false\"")));
    assert_true(request->sql_count >= 1);
    assert_true(slice_starts_with(request->sqls[0], SLICE("CREATE USER \"u\"")));
    assert_true(slice_find(request->sqls[0], SLICE("CREATEUSER")) == request->sqls[0].size);
    request =
        accept(fixture, UPDATE PROPERTIES(USER("u", ",\"create_db\":\"true\"")) OLD(USER("u", "")));
    assert_true(request->made && request->made_refusal == NULL);
    assert_true(slice_starts_with(request->sqls[0], SLICE("ALTER USER \"u\"")));
    request = accept(fixture, DELETE PROPERTIES(USER("u", "")));
    assert_true(slice_starts_with(request->sqls[0], SLICE("DROP USER IF EXISTS \"u\"")));
    assert_runs_nothing(fixture, UPDATE PROPERTIES(USER("u", "")) OLD(USER("u", "")));
}

static void a_refused_change_may_be_taken_back(void **context)
{
    const struct request *request =
        accept(*context, UPDATE PROPERTIES(USER("new", "")) OLD(USER("old", "")));
    assert_true(request->made);
    assert_non_null(request->made_refusal);
    assert_runs_nothing(*context, UPDATE PROPERTIES(USER("u", "")) OLD(USER("", "")));
}

/* ---- What the answer holds ---- */

static void ids_are_repeated(void **context)
{
    const struct request *request = accept(*context, CREATE PROPERTIES(THREE));
    assert_text(request->response_url, URL);
    assert_text(request->resource->request_type, "Create");
    assert_text(request->resource->stack_id, "arn:stack");
    assert_text(request->resource->request_id, "r-1");
    assert_text(request->resource->logical_resource_id, "Table");
    assert_null(request->resource->current_physical_id.data);
    assert_null(request->resource->physical_resource_id.data);
    assert_int_equal(request->service_timeout_seconds, 3600);
}

static void physical_id_moves_with_its_property_only(void **context)
{
#define OWN(id) THREE ",\"physicalResourceId\":\"" id "\""
    static const struct {
        const char *members;
        const char *id;
    } rows[] = {
        {CREATE PROPERTIES(OWN("mine")), "mine"},
        {UPDATE PROPERTIES(THREE) OLD(THREE), "old"},
        {UPDATE PROPERTIES(THREE) OLD(OWN("mine")), "old"},
        {UPDATE PROPERTIES(OWN("mine")) OLD(OWN("mine")), "old"},
        {UPDATE PROPERTIES(OWN("new")) OLD(OWN("mine")), "new"},
        {DELETE PROPERTIES(OWN("mine")), "old"},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        assert_text(accept(fixture, rows[i].members)->resource->physical_resource_id, rows[i].id);
    }
}

static void data_no_echo_and_timeout(void **context)
{
    const struct request *request =
        accept(*context, CREATE PROPERTIES(THREE ",\"data\":{\"Owner\":\"tableowner\"},\"noEcho\":"
                                                 "\"true\",\"ServiceTimeout\":\"90\""));
    assert_int_equal(request->resource->data_count, 1);
    assert_text(request->resource->data[0].name, "Owner");
    assert_text(request->resource->data[0].value, "tableowner");
    assert_true(request->resource->no_echo);
    assert_int_equal(request->service_timeout_seconds, 90);
    request = accept(*context, DELETE PROPERTIES(THREE ",\"data\":{\"Owner\":\"o\"},\"noEcho\":"
                                                       "false,\"ServiceTimeout\":3600"));
    assert_int_equal(request->resource->data_count, 0);
    assert_false(request->resource->no_echo);
}

/* ---- Envelopes ---- */

static void comes_in_a_notification(void **context)
{
    struct fixture *fixture = *context;
    assert_runs(
        fixture,
        "\"Type\":\"Notification\",\"MessageId\":\"m-1\",\"TopicArn\":\"arn:t\",\"Message\":"
        "\"{\\\"RequestType\\\":\\\"Create\\\",\\\"ResponseURL\\\":\\\"" URL
        "\\\",\\\"StackId\\\":\\\"s\\\",\\\"RequestId\\\":\\\"r\\\","
        "\\\"LogicalResourceId\\\":\\\"l\\\",\\\"ResourceProperties\\\":{\\\"create\\\":"
        "\\\"c\\\"}}\"",
        "c");
    assert_text(fixture->addresses.envelope.kind, "sns");
    assert_text(fixture->addresses.envelope.source, "m-1");
    assert_runs(fixture,
                "\"id\":\"e-1\",\"detail-type\":\"t\",\"detail\":{\"sqlStatement\":\"select 1\"}",
                "select 1");
    assert_text(fixture->addresses.envelope.kind, "event-bridge");
    refuse(fixture, "\"TopicArn\":\"arn:t\",\"Message\":\"no\"", "Message: not JSON at byte 0");
}

/* ---- Digest ---- */

static void another_answer_is_another_request(void **context)
{
    char digest[SHA256_HEX_BYTES + 1];
    struct fixture *fixture = *context;
    memcpy(digest, accept(fixture, CREATE PROPERTIES(THREE))->digest, sizeof(digest));
    assert_string_equal(accept(fixture, CREATE PROPERTIES(THREE))->digest, digest);
    assert_string_not_equal(
        accept(fixture, CREATE PROPERTIES(THREE ",\"noEcho\":\"true\""))->digest, digest);
}

/* ---- Failure ---- */

struct rule {
    const char *members;
    const char *text;
};

static void refuse_all(struct fixture *fixture, const struct rule *rules, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        refuse(fixture, rules[i].members, rules[i].text);
    }
}

static void rules_of_the_event(void **context)
{
    static const struct rule rules[] = {
        {"\"RequestType\":\"Create\"", "ResponseURL: is required"},
        {"\"RequestType\":\"Create\",\"ResponseURL\":\"http://example.com/\"",
         "ResponseURL: must be an https URL, or an http URL of this machine"},
        {"\"RequestType\":\"Create\",\"ResponseURL\":\"http://127.0.0.1@example.com/\"",
         "ResponseURL: must be an https URL, or an http URL of this machine"},
        {"\"RequestType\":\"Create\",\"ResponseURL\":\"file:///etc/passwd\"",
         "ResponseURL: must be an https URL, or an http URL of this machine"},
        {"\"RequestType\":\"Create\",\"ResponseURL\":\"" URL "\"", "StackId: is required"},
        {"\"RequestType\":\"Frob\",\"ResponseURL\":\"" URL "\"," WHO "\"x\":1",
         "RequestType: must be one of Create, Update, Delete"},
        {"\"RequestType\":\"Update\",\"ResponseURL\":\"" URL "\"," WHO "\"x\":1",
         "PhysicalResourceId: is required"},
    };
    refuse_all(*context, rules, ARRAY_COUNT(rules));
}

static void rules_of_the_properties(void **context)
{
    static const struct rule rules[] = {
        {CREATE "\"x\":1",
         "ResourceProperties: one of create, update, delete, create_sql, update_sql, drop_sql and "
         "username is needed"},
        {CREATE PROPERTIES("\"Create\":\"c\""),
         "ResourceProperties: one of create, update, delete, create_sql, update_sql, drop_sql and "
         "username is needed"},
        {CREATE PROPERTIES("\"create\":\"\""), "ResourceProperties.create: must not be empty"},
        {CREATE PROPERTIES("\"create\":5"),
         "ResourceProperties.create: must be a request, or a text with its SQL"},
        {CREATE PROPERTIES("\"create\":\"c\",\"create_sql\":\"c\""),
         "ResourceProperties.create_sql: goes without create"},
        {CREATE PROPERTIES("\"create\":{\"sqlStatment\":\"c\"}"),
         "ResourceProperties.create.sqlStatment: unknown field"},
        {CREATE PROPERTIES("\"create\":\"c\",\"delete\":{\"sqlStatment\":\"c\"}"),
         "ResourceProperties.delete.sqlStatment: unknown field"},
        {CREATE PROPERTIES("\"create\":{\"sqlStatement\":\"c\",\"taskToken\":\"t\"}"),
         "ResourceProperties.create.taskToken: does not go with a CloudFormation resource"},
        {CREATE PROPERTIES("\"create\":{\"sqlStatement\":\"c\",\"timeoutSeconds\":\"soon\"}"),
         "ResourceProperties.create.timeoutSeconds: must be a number, got a string"},
        {CREATE PROPERTIES("\"create\":{\"sqlStatement\":\"c\",\"keepRunning\":\"yes\"}"),
         "ResourceProperties.create.keepRunning: must be a boolean, got a string"},
        {CREATE PROPERTIES("\"create\":{\"sqlStatement\":\"c\",\"target\":{\"database\":\"d\"}}"),
         "ResourceProperties.create: target: exactly one of clusterIdentifier, workgroupName and "
         "sessionId is needed"},
    };
    refuse_all(*context, rules, ARRAY_COUNT(rules));
}

static void rules_of_what_is_told(void **context)
{
    static const struct rule rules[] = {
        {CREATE PROPERTIES("\"username\":\"u\",\"password\":\"secret\""),
         "ResourceProperties.password: must be a digest: md5 and the 32 hex digits of "
         "MD5(password + username), or sha256|digest|salt with 64 hex digits each"},
        {CREATE PROPERTIES(THREE ",\"noEcho\":\"yes\""),
         "ResourceProperties.noEcho: must be true or false"},
        {CREATE PROPERTIES(THREE ",\"ServiceTimeout\":\"0\""),
         "ResourceProperties.ServiceTimeout: must be an integer between 1 and 3600"},
        {CREATE PROPERTIES(THREE ",\"physicalResourceId\":\"\""),
         "ResourceProperties.physicalResourceId: must be 1 to 1024 bytes as JSON writes it"},
        {CREATE PROPERTIES(THREE ",\"data\":{\"Status\":\"s\"}"),
         "ResourceProperties.data.Status: Status is told in any case"},
        {CREATE PROPERTIES(THREE ",\"data\":{\"A\":\"\"}"),
         "ResourceProperties.data.A: must be the name of a column"},
        {CREATE PROPERTIES(THREE ",\"target\":{\"database\":\"d\"}"),
         "ResourceProperties.target: exactly one of clusterIdentifier, workgroupName and sessionId "
         "is needed"},
        {"\"sqlStatement\":\"s\",\"action\":\"executeSingletonStatement\"," CREATE "\"x\":1",
         "action: must be executeStatement for a resource"},
    };
    refuse_all(*context, rules, ARRAY_COUNT(rules));
}

static void refused_can_be_answered(void **context)
{
    struct fixture *fixture = *context;
    refuse(fixture, CREATE PROPERTIES("\"create\":\"\""),
           "ResourceProperties.create: must not be empty");
    assert_text(fixture->addresses.response_url, URL);
    assert_text(fixture->addresses.resource->request_id, "r-1");
    refuse(fixture, "\"RequestType\":\"Frob\",\"ResponseURL\":\"" URL "\"," WHO "\"x\":1",
           "RequestType: must be one of Create, Update, Delete");
    assert_non_null(fixture->addresses.resource);
}

static void without_ids_nobody_can_be_answered(void **context)
{
    struct fixture *fixture = *context;
    refuse(fixture, "\"RequestType\":\"Create\",\"ResponseURL\":\"" URL "\"",
           "StackId: is required");
    assert_null(fixture->addresses.resource);
    assert_null(fixture->addresses.response_url.data);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(each_type_runs_its_own),
        TEST(what_is_not_given_runs_nothing),
        TEST(a_request_has_its_types_again),
        TEST(target_is_shared),
        TEST(statement_beside_the_event_comes_first),
        TEST(failed_create_needs_no_delete),
        TEST(changed_create_sql_replaces_in_a_transaction),
        TEST(user_is_created_altered_and_dropped),
        TEST(a_refused_change_may_be_taken_back),
        TEST(ids_are_repeated),
        TEST(physical_id_moves_with_its_property_only),
        TEST(data_no_echo_and_timeout),
        TEST(comes_in_a_notification),
        TEST(another_answer_is_another_request),
        TEST(rules_of_the_event),
        TEST(rules_of_the_properties),
        TEST(rules_of_what_is_told),
        TEST(refused_can_be_answered),
        TEST(without_ids_nobody_can_be_answered),
    };
    return cmocka_run_group_tests_name("request_cloudformation", tests, NULL, NULL);
}
