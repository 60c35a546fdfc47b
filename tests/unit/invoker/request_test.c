/* What a request may say: every field, every rule, and the digest that tells a repeat. */
#include "invoker/request.h"
#include "tests/support/cmocka.h"

#include "infra/base/buffer.h"

#include <string.h>

#define SQL    "\"sqlStatement\":\"select 1\""
#define TARGET "\"target\":{\"clusterIdentifier\":\"c\",\"database\":\"d\"}"

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

static void refuse(struct fixture *fixture, const char *body, const char *text)
{
    if (parse(fixture, body) != STATUS_REJECTED) {
        fail_msg("%s\n  accepted instead of: %s", body, text);
    }
    if (strcmp(fixture->error.text, text) != 0) {
        fail_msg("%s\n  refused: %s\n  expected: %s", body, fixture->error.text, text);
    }
}

static void assert_text(struct slice actual, const char *expected)
{
    if (!slice_equals_text(actual, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(actual), expected);
    }
}

/* {"<name>":"xx...x",...} with so many bytes in the text. */
static const char *with_text(struct fixture *fixture, const char *before, size_t bytes,
                             const char *after)
{
    char *text = arena_alloc(fixture->arena, bytes + 1);
    memset(text, 'x', bytes);
    return arena_format(fixture->arena, "%s%s%s", before, text, after);
}

static const char *digest(struct fixture *fixture, const char *body)
{
    return arena_format(fixture->arena, "%s", accept(fixture, body)->digest);
}

/* A list of so many SQL texts. */
static const char *with_list(struct fixture *fixture, size_t count, const char *after)
{
    const char *list = "";
    for (size_t i = 0; i < count; i++) {
        list = arena_format(fixture->arena, "%s%s\"select %zu\"", list, i > 0 ? "," : "", i);
    }
    return arena_format(fixture->arena, "{\"sqlStatements\":[%s]%s}", list, after);
}

/* ---- Success ---- */

static void smallest_request_has_defaults(void **context)
{
    const struct request *request = accept(*context, "{" SQL "}");
    assert_int_equal(request->action, REQUEST_EXECUTE);
    assert_int_equal(request->mode, REQUEST_SEQUENCE);
    assert_int_equal(request->sql_count, 1);
    assert_text(request->sqls[0], "select 1");
    assert_int_equal(request->parameter_count, 0);
    assert_false(request->has_target);
    assert_int_equal(request->session_keep_alive_seconds, -1);
    assert_int_equal(request->timeout_seconds, 0);
    assert_int_equal(request->heartbeat_seconds, 0);
    assert_false(request->keep_running);
    assert_null(request->request_key.data);
    assert_null(request->task_token.data);
    assert_null(request->output.data);
    assert_int_equal(request->reply_to.kind, ADDRESS_NONE);
    assert_null(request->singleton_key.data);
    assert_false(request->singleton_sql);
    assert_int_equal(request->retry.max_attempts, 0);
    assert_int_equal(request->result.mode, PLAN_RESULT_NONE);
    assert_int_equal(request->result.max_rows, -1);
    assert_int_equal(request->expect_min_rows, -1);
    assert_int_equal(request->expect_max_rows, -1);
}

static void singleton_has_a_key_and_a_way_to_meet_another(void **context)
{
    const struct request *request = accept(*context, "{" SQL ",\"singleton\":{\"key\":\"k\"}}");
    assert_text(request->singleton_key, "k");
    assert_int_equal(request->on_conflict, PLAN_CONFLICT_FAIL);
    request = accept(*context, "{" SQL ",\"singleton\":{\"key\":\"k\",\"onConflict\":\"skip\"}}");
    assert_int_equal(request->on_conflict, PLAN_CONFLICT_SKIP);
    request = accept(*context, "{" SQL ",\"singleton\":{\"key\":\"k\",\"onConflict\":\"queue\"}}");
    assert_int_equal(request->on_conflict, PLAN_CONFLICT_QUEUE);
}

static void singleton_action_is_a_singleton_of_its_sql(void **context)
{
    const struct request *request =
        accept(*context, "{\"action\":\"executeSingletonStatement\"," SQL "}");
    assert_int_equal(request->action, REQUEST_EXECUTE);
    assert_true(request->singleton_sql);
    assert_int_equal(request->on_conflict, PLAN_CONFLICT_FAIL);
    assert_text(request->sqls[0], "select 1");
}

static void retry_is_read_with_fractions_of_seconds(void **context)
{
    const struct request *request =
        accept(*context, "{" SQL ",\"retry\":{\"maxAttempts\":100,\"errorMatch\":\"^lock .*busy\","
                         "\"baseSeconds\":0.25,\"maxSeconds\":1.5}}");
    assert_int_equal(request->retry.max_attempts, 100);
    assert_text(request->retry.error_match, "^lock .*busy");
    assert_int_equal(request->retry.base_ms, 250);
    assert_int_equal(request->retry.max_ms, 1500);
    request = accept(*context, "{" SQL ",\"retry\":{}}");
    assert_int_equal(request->retry.max_attempts, 3);
    assert_int_equal(request->retry.base_ms, 1000);
    assert_int_equal(request->retry.max_ms, 30000);
}

static void pause_that_is_not_told_follows_the_one_that_is(void **context)
{
    const struct request *request = accept(*context, "{" SQL ",\"retry\":{\"baseSeconds\":60}}");
    assert_int_equal(request->retry.base_ms, 60000);
    assert_int_equal(request->retry.max_ms, 60000);
    request = accept(*context, "{" SQL ",\"retry\":{\"maxSeconds\":0.5}}");
    assert_int_equal(request->retry.base_ms, 500);
    assert_int_equal(request->retry.max_ms, 500);
}

static void result_is_read(void **context)
{
    const struct request *request = accept(*context, "{" SQL ",\"result\":{}}");
    assert_int_equal(request->result.mode, PLAN_RESULT_INLINE);
    assert_int_equal(request->result.format, PLAN_FORMAT_JSON);
    assert_int_equal(request->result.max_rows, -1);
    assert_null(request->result.uri.data);
    request = accept(*context, "{" SQL ",\"result\":{\"mode\":\"s3\",\"maxRows\":10,\"format\":"
                               "\"csv\",\"uri\":\"s3://the-bucket/a/b/\"}}");
    assert_int_equal(request->result.mode, PLAN_RESULT_S3);
    assert_int_equal(request->result.format, PLAN_FORMAT_CSV);
    assert_int_equal(request->result.max_rows, 10);
    assert_text(request->result.uri, "s3://the-bucket/a/b");
    request = accept(*context, "{" SQL ",\"result\":{\"mode\":\"none\"}}");
    assert_int_equal(request->result.mode, PLAN_RESULT_NONE);
    request = accept(*context, "{" SQL ",\"result\":{\"uri\":\"s3://the-bucket\"}}");
    assert_int_equal(request->result.mode, PLAN_RESULT_INLINE);
    assert_text(request->result.uri, "s3://the-bucket");
}

static void expected_rows_are_read(void **context)
{
    const struct request *request =
        accept(*context, "{" SQL ",\"expect\":{\"minRows\":0,\"maxRows\":0}}");
    assert_int_equal(request->expect_min_rows, 0);
    assert_int_equal(request->expect_max_rows, 0);
    request = accept(*context, "{" SQL ",\"expect\":{\"minRows\":5}}");
    assert_int_equal(request->expect_min_rows, 5);
    assert_int_equal(request->expect_max_rows, -1);
}

static void every_field_is_read(void **context)
{
    const struct request *request = accept(
        *context,
        "{\"action\":\"executeStatement\",\"sqlStatements\":[\"a\",\"b\"],\"mode\":\"transaction\","
        "\"parameters\":[{\"name\":\"p_1\",\"value\":\"v\"},{\"name\":\"Q\",\"value\":\"null\"}],"
        "\"target\":{\"clusterIdentifier\":\"c\",\"database\":\"d\",\"dbUser\":\"u\"},"
        "\"sessionKeepAliveSeconds\":86400,\"requestKey\":\"key\",\"taskToken\":\"token\","
        "\"executionArn\":\"arn\",\"replyTo\":{\"queueUrl\":\"https://sqs/1/q\"},"
        "\"timeoutSeconds\":86400,\"heartbeatSeconds\":86400,\"keepRunning\":true,"
        "\"output\":\"statement\"}");
    assert_int_equal(request->mode, REQUEST_TRANSACTION);
    assert_int_equal(request->sql_count, 2);
    assert_text(request->sqls[1], "b");
    assert_int_equal(request->parameter_count, 2);
    assert_text(request->parameters[0].name, "p_1");
    assert_text(request->parameters[0].value, "v");
    assert_text(request->parameters[1].name, "Q");
    assert_true(request->has_target);
    assert_text(request->target.cluster_identifier, "c");
    assert_text(request->target.database, "d");
    assert_text(request->target.db_user, "u");
    assert_int_equal(request->session_keep_alive_seconds, 86400);
    assert_text(request->request_key, "key");
    assert_text(request->task_token, "token");
    assert_text(request->execution_arn, "arn");
    assert_int_equal(request->reply_to.kind, ADDRESS_QUEUE);
    assert_text(request->reply_to.target, "https://sqs/1/q");
    assert_int_equal(request->timeout_seconds, 86400);
    assert_int_equal(request->heartbeat_seconds, 86400);
    assert_true(request->keep_running);
    assert_text(request->output, "statement");
}

static void null_is_as_good_as_absent(void **context)
{
    const struct request *request =
        accept(*context, "{" SQL ",\"sqlStatements\":null,\"mode\":null,\"parameters\":null,"
                         "\"target\":null,\"taskToken\":null,\"replyTo\":null,"
                         "\"timeoutSeconds\":null,\"keepRunning\":null,\"output\":null}");
    assert_false(request->has_target);
    assert_null(request->task_token.data);
}

static void target_may_be_a_name_or_any_one_way(void **context)
{
    const struct request *request = accept(*context, "{" SQL ",\"target\":\"reports\"}");
    assert_true(request->has_target);
    assert_text(request->target_name, "reports");
    request = accept(*context, "{" SQL ",\"target\":{\"workgroupName\":\"w\",\"database\":\"d\","
                               "\"secretArn\":\"s\"}}");
    assert_text(request->target.workgroup_name, "w");
    assert_text(request->target.secret_arn, "s");
    request = accept(*context, "{" SQL ",\"target\":{\"sessionId\":"
                               "\"d9b6c0c9-0747-4bf4-b142-e8883122f766\"}}");
    assert_text(request->target.session_id, "d9b6c0c9-0747-4bf4-b142-e8883122f766");
}

static void event_bridge_envelope_holds_the_request(void **context)
{
    struct fixture *fixture = *context;
    const struct request *request =
        accept(fixture, "{\"version\":\"0\",\"id\":\"e\",\"detail-type\":\"Nightly\",\"anything\":"
                        "{},\"detail\":{" SQL ",\"taskToken\":\"token\"}}");
    assert_text(request->sqls[0], "select 1");
    assert_text(fixture->addresses.task_token, "token");
}

static void actions_on_a_statement(void **context)
{
    const struct request *request =
        accept(*context, "{\"action\":\"describeStatement\",\"statementId\":\"d9b6\"}");
    assert_int_equal(request->action, REQUEST_DESCRIBE);
    assert_text(request->statement_id, "d9b6");
    request = accept(*context, "{\"action\":\"cancelStatement\",\"statementId\":\"LATEST\","
                               "\"executionArn\":\"arn\"}");
    assert_int_equal(request->action, REQUEST_CANCEL);
    assert_text(request->execution_arn, "arn");
    request = accept(*context, "{\"action\":\"getStatementResult\",\"statementId\":\"d9b6:2\","
                               "\"nextToken\":\"next\"}");
    assert_int_equal(request->action, REQUEST_GET_RESULT);
    assert_text(request->next_token, "next");
}

static void largest_lists_are_taken(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(accept(fixture, with_list(fixture, 256, ""))->sql_count, 256);
    assert_int_equal(
        accept(fixture, with_list(fixture, 40, ",\"mode\":\"transaction\""))->sql_count, 40);
}

static void longest_texts_are_taken(void **context)
{
    struct fixture *fixture = *context;
    accept(fixture, with_text(fixture, "{\"sqlStatement\":\"", 200000, "\"}"));
    accept(fixture, with_text(fixture, "{" SQL ",\"taskToken\":\"", 2048, "\"}"));
    accept(fixture, with_text(fixture, "{" SQL ",\"requestKey\":\"", 512, "\"}"));
    accept(fixture, with_text(fixture, "{" SQL ",\"executionArn\":\"", 2048, "\"}"));
}

/* What may differ between a request and its repeat. */
static void digest_is_blind_to_addresses_targets_and_keys(void **context)
{
    static const char *const same[] = {
        "{" SQL "," TARGET "}",
        "{" SQL ",\"target\":\"reports\"}",
        "{" SQL ",\"taskToken\":\"token\"}",
        "{" SQL ",\"executionArn\":\"arn\"}",
        "{" SQL ",\"requestKey\":\"key\"}",
        "{" SQL ",\"replyTo\":{\"queueUrl\":\"https://sqs/1/q\"}}",
        " {\n" SQL "\n} ",
        "{\"action\":\"executeStatement\"," SQL "}",
        "{\"detail-type\":\"x\",\"detail\":{" SQL "}}",
    };
    struct fixture *fixture = *context;
    const char *expected = digest(fixture, "{" SQL "}");
    assert_int_equal(strlen(expected), SHA256_HEX_BYTES);
    for (size_t i = 0; i < ARRAY_COUNT(same); i++) {
        assert_string_equal(digest(fixture, same[i]), expected);
    }
}

static void digest_sees_everything_else(void **context)
{
    static const char *const bodies[] = {
        "{" SQL "}",
        "{\"sqlStatement\":\"select 1 \"}",
        "{\"sqlStatement\":\"select \\u0001\"}",
        "{\"sqlStatements\":[\"select 1\",\"b\"]}",
        "{\"sqlStatements\":[\"select 1b\"]}",
        "{\"sqlStatements\":[\"b\",\"select 1\"]}",
        "{\"sqlStatements\":[\"select 1\",\"b\"],\"mode\":\"transaction\"}",
        "{" SQL ",\"parameters\":[{\"name\":\"a\",\"value\":\"b\"}]}",
        "{" SQL ",\"parameters\":[{\"name\":\"b\",\"value\":\"a\"}]}",
        "{" SQL ",\"sessionKeepAliveSeconds\":0}",
        "{" SQL ",\"timeoutSeconds\":1}",
        "{" SQL ",\"taskToken\":\"t\",\"heartbeatSeconds\":1}",
        "{" SQL ",\"keepRunning\":true}",
        "{" SQL ",\"output\":\"statement\"}",
        "{\"sqlStatements\":[\"select 1\",\"b\"],\"mode\":\"autoCommit\"}",
        "{\"action\":\"executeSingletonStatement\"," SQL "}",
        "{" SQL ",\"singleton\":{\"key\":\"k\"}}",
        "{" SQL ",\"singleton\":{\"key\":\"l\"}}",
        "{" SQL ",\"singleton\":{\"key\":\"k\",\"onConflict\":\"skip\"}}",
        "{" SQL ",\"singleton\":{\"key\":\"k\",\"onConflict\":\"queue\"}}",
        "{" SQL ",\"retry\":{}}",
        "{" SQL ",\"retry\":{\"maxAttempts\":1}}",
        "{" SQL ",\"retry\":{\"errorMatch\":\"x\"}}",
        "{" SQL ",\"retry\":{\"baseSeconds\":0.5}}",
        "{" SQL ",\"retry\":{\"maxSeconds\":0.5}}",
        "{" SQL ",\"result\":{}}",
        "{" SQL ",\"result\":{\"mode\":\"s3\",\"uri\":\"s3://bucket/a\"}}",
        "{" SQL ",\"result\":{\"uri\":\"s3://bucket/a\"}}",
        "{" SQL ",\"result\":{\"uri\":\"s3://bucket/b\"}}",
        "{" SQL ",\"result\":{\"maxRows\":1}}",
        "{" SQL ",\"result\":{\"format\":\"csv\"}}",
        "{" SQL ",\"expect\":{\"minRows\":1}}",
        "{" SQL ",\"expect\":{\"maxRows\":1}}",
        "{" SQL ",\"expect\":{\"minRows\":1,\"maxRows\":1}}",
    };
    struct fixture *fixture = *context;
    const char *digests[ARRAY_COUNT(bodies)];
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        digests[i] = digest(fixture, bodies[i]);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(digests[i], digests[k]);
        }
    }
}

static void addresses_of_a_refused_request_are_known(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(parse(fixture, "{\"taskToken\":\"token\",\"sqlStatment\":\"x\","
                                    "\"replyTo\":{\"queueUrl\":\"https://sqs/1/q\"}}"),
                     STATUS_REJECTED);
    assert_text(fixture->addresses.task_token, "token");
    assert_int_equal(fixture->addresses.reply_to.kind, ADDRESS_QUEUE);
    assert_text(fixture->addresses.reply_to.target, "https://sqs/1/q");
}

/* ---- Failure ---- */

static void addresses_that_are_none_are_not_taken(void **context)
{
    static const char *const bodies[] = {
        "{\"taskToken\":1,\"replyTo\":\"https://sqs/1/q\"}",
        "{\"taskToken\":\"\",\"replyTo\":{\"queueUrl\":\"\"}}",
        "{\"taskToken\":null,\"replyTo\":{\"queueUrl\":\"file:///etc/passwd\"}}",
        "{\"replyTo\":{\"queueUrl\":\"sqs.eu-west-1.amazonaws.com/1/q\"}}",
        "[[\"token\"]]",
        "x",
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        assert_int_equal(parse(fixture, bodies[i]), STATUS_REJECTED);
        assert_null(fixture->addresses.task_token.data);
        assert_int_equal(fixture->addresses.reply_to.kind, ADDRESS_NONE);
    }
    assert_int_equal(parse(fixture, with_text(fixture, "{\"taskToken\":\"", 2049, "\"}")),
                     STATUS_REJECTED);
    assert_null(fixture->addresses.task_token.data);
}

static const char *const malformed[][2] = {
    {"", "request: not JSON at byte 0"},
    {"{\"a\":}", "request: not JSON at byte 5"},
    {"{}", "request: exactly one of sqlStatement, sqlStatements, sqlUri and queries is needed"},
    {"{" SQL ",\"sqlStatements\":[\"a\"]}",
     "request: exactly one of sqlStatement, sqlStatements, sqlUri and queries is needed"},
    {"{\"sqlStatement\":\"\"}", "sqlStatement: must not be empty"},
    {"{\"sqlStatement\":\" \\n\\t\"}", "sqlStatement: must not be empty"},
    {"{\"sqlStatement\":[\"a\"]}", "sqlStatement: must be a string, got an array"},
    {"{\"sqlStatements\":\"a\"}", "sqlStatements: must be an array, got a string"},
    {"{\"sqlStatements\":[]}", "sqlStatements: must hold 1 to 256 statements in this mode, got 0"},
    {"{\"sqlStatements\":[\"a\",1]}", "sqlStatements[1]: must be a string, got a number"},
    {"{\"sqlStatements\":[null]}", "sqlStatements[0]: must be a string, got null"},
    {"{\"sqlStatements\":[\"a\",\" \"]}", "sqlStatements[1]: must not be empty"},
    {"{" SQL ",\"mode\":\"sequence\"}", "mode: goes with sqlStatements and sqlUri only"},
    {"{\"sqlStatements\":[\"a\"],\"mode\":\"parallel\"}",
     "mode: must be one of sequence, transaction, autoCommit"},
    {"{\"sqlStatements\":[\"a\"],\"mode\":1}", "mode: must be a string, got a number"},
    {"{\"action\":\"drop\"}", "action: must be one of executeStatement, "
                              "executeSingletonStatement, describeStatement, cancelStatement, "
                              "getStatementResult"},
    {"{" SQL ",\"parameters\":{}}", "parameters: must be an array, got an object"},
    {"{" SQL ",\"parameters\":[]}", "parameters: must hold 1 to 1000 parameters"},
    {"{" SQL ",\"parameters\":[1]}", "parameters[0]: must be an object with name and value"},
    {"{" SQL ",\"parameters\":[{\"name\":\"a\"}]}", "parameters[0].value: is required"},
    {"{" SQL ",\"parameters\":[{\"value\":\"a\"}]}", "parameters[0].name: is required"},
    {"{" SQL ",\"parameters\":[{\"name\":\"a b\",\"value\":\"v\"}]}",
     "parameters[0].name: must match [0-9a-zA-Z_]+"},
    {"{" SQL ",\"parameters\":[{\"name\":\"a\",\"value\":\"\"}]}",
     "parameters[0].value: must not be empty: the Data API takes no empty parameter"},
    {"{" SQL ",\"parameters\":[{\"name\":\"a\",\"value\":1}]}",
     "parameters[0].value: must be a string, got a number"},
    {"{" SQL ",\"parameters\":[{\"name\":\"a\",\"value\":\"v\",\"type\":\"int\"}]}",
     "parameters[0].type: unknown field"},
    {"{" SQL ",\"target\":1}", "target: must be an object or the name of a target"},
    {"{" SQL ",\"target\":{}}",
     "target: exactly one of clusterIdentifier, workgroupName and sessionId is needed"},
    {"{" SQL ",\"target\":{\"cluster\":\"c\"}}", "target.cluster: unknown field"},
    {"{" SQL ",\"target\":{\"clusterIdentifier\":\"\"}}",
     "target.clusterIdentifier: must not be empty"},
    {"{" SQL ",\"target\":{\"clusterIdentifier\":\"c\"}}", "target.database: is required"},
    {"{" SQL ",\"taskToken\":\"\"}", "taskToken: must not be empty"},
    {"{" SQL ",\"taskToken\":1}", "taskToken: must be a string, got a number"},
    {"{" SQL ",\"requestKey\":\"\"}", "requestKey: must not be empty"},
    {"{" SQL ",\"executionArn\":\"\"}", "executionArn: must not be empty"},
    {"{" SQL ",\"replyTo\":\"q\"}", "replyTo: must be an object, got a string"},
    {"{" SQL ",\"replyTo\":{}}",
     "replyTo: exactly one of queueUrl, topicArn and eventBusName is needed"},
    {"{" SQL ",\"replyTo\":{\"queue\":\"q\"}}", "replyTo.queue: unknown field"},
    {"{" SQL ",\"replyTo\":{\"queueUrl\":\"q\"}}", "replyTo.queueUrl: must be a queue's URL"},
    {"{" SQL ",\"timeoutSeconds\":0}", "timeoutSeconds: must be between 1 and 86400, got 0"},
    {"{" SQL ",\"timeoutSeconds\":-1}", "timeoutSeconds: must be between 1 and 86400, got -1"},
    {"{" SQL ",\"timeoutSeconds\":86401}",
     "timeoutSeconds: must be between 1 and 86400, got 86401"},
    {"{" SQL ",\"timeoutSeconds\":1.5}", "timeoutSeconds: must be an integer between 1 and 86400"},
    {"{" SQL ",\"timeoutSeconds\":1e300}",
     "timeoutSeconds: must be an integer between 1 and 86400"},
    {"{" SQL ",\"timeoutSeconds\":\"1\"}", "timeoutSeconds: must be a number, got a string"},
    {"{" SQL ",\"taskToken\":\"t\",\"heartbeatSeconds\":0}",
     "heartbeatSeconds: must be between 1 and 86400, got 0"},
    {"{" SQL ",\"heartbeatSeconds\":60}", "heartbeatSeconds: goes with taskToken only"},
    {"{" SQL ",\"sessionKeepAliveSeconds\":86401}",
     "sessionKeepAliveSeconds: must be between 0 and 86400, got 86401"},
    {"{" SQL ",\"keepRunning\":\"yes\"}", "keepRunning: must be a boolean, got a string"},
    {"{" SQL ",\"output\":\"rows\"}", "output: must be \"event\" or \"statement\""},
    {"{" SQL ",\"singleton\":\"k\"}", "singleton: must be an object, got a string"},
    {"{" SQL ",\"singleton\":{}}", "singleton.key: is required"},
    {"{" SQL ",\"singleton\":{\"key\":\"\"}}", "singleton.key: must not be empty"},
    {"{" SQL ",\"singleton\":{\"key\":\"k\",\"onConflict\":\"wait\"}}",
     "singleton.onConflict: must be one of fail, skip, queue"},
    {"{" SQL ",\"singleton\":{\"key\":\"k\",\"wait\":1}}", "singleton.wait: unknown field"},
    {"{\"action\":\"executeSingletonStatement\"," SQL ",\"singleton\":{\"key\":\"k\"}}",
     "singleton: goes with the action executeStatement only"},
    {"{\"action\":\"executeSingletonStatement\",\"sqlStatements\":[\"a\"]}",
     "action: executeSingletonStatement needs sqlStatement"},
    {"{\"action\":\"cancelStatement\",\"statementId\":\"x\"," SQL "}",
     "sqlStatement: goes with the action executeStatement only"},
    {"{" SQL ",\"retry\":3}", "retry: must be an object, got a number"},
    {"{" SQL ",\"retry\":{\"attempts\":3}}", "retry.attempts: unknown field"},
    {"{" SQL ",\"retry\":{\"maxAttempts\":0}}",
     "retry.maxAttempts: must be between 1 and 100, got 0"},
    {"{" SQL ",\"retry\":{\"maxAttempts\":101}}",
     "retry.maxAttempts: must be between 1 and 100, got 101"},
    {"{" SQL ",\"retry\":{\"maxAttempts\":2.5}}",
     "retry.maxAttempts: must be an integer between 1 and 100"},
    {"{" SQL ",\"retry\":{\"errorMatch\":\"\"}}", "retry.errorMatch: must not be empty"},
    {"{" SQL ",\"retry\":{\"errorMatch\":7}}", "retry.errorMatch: must be a string, got a number"},
    {"{" SQL ",\"retry\":{\"errorMatch\":\"(\"}}",
     "retry.errorMatch: must be a regular expression of PCRE2: missing closing parenthesis at "
     "byte 1"},
    {"{" SQL ",\"retry\":{\"baseSeconds\":-1}}",
     "retry.baseSeconds: must be a number of seconds between 0 and 86400"},
    {"{" SQL ",\"retry\":{\"baseSeconds\":\"1\"}}",
     "retry.baseSeconds: must be a number, got a string"},
    {"{" SQL ",\"retry\":{\"maxSeconds\":86400.1}}",
     "retry.maxSeconds: must be a number of seconds between 0 and 86400"},
    {"{" SQL ",\"retry\":{\"maxSeconds\":1e300}}",
     "retry.maxSeconds: must be a number of seconds between 0 and 86400"},
    {"{" SQL ",\"retry\":{\"baseSeconds\":2,\"maxSeconds\":1.5}}",
     "retry.maxSeconds: must not be less than baseSeconds"},
    {"{" SQL ",\"result\":\"inline\"}", "result: must be an object, got a string"},
    {"{" SQL ",\"result\":{\"rows\":1}}", "result.rows: unknown field"},
    {"{" SQL ",\"result\":{\"mode\":\"file\"}}", "result.mode: must be one of none, inline, s3"},
    {"{" SQL ",\"result\":{\"format\":\"xml\"}}", "result.format: must be one of json, csv"},
    {"{" SQL ",\"result\":{\"maxRows\":0}}",
     "result.maxRows: must be between 1 and 1000000000000, got 0"},
    {"{" SQL ",\"result\":{\"mode\":\"s3\"}}", "result: mode s3 needs uri"},
    {"{" SQL ",\"result\":{\"mode\":\"none\",\"maxRows\":5}}",
     "result.mode: none goes without maxRows, format and uri"},
    {"{" SQL ",\"result\":{\"uri\":\"\"}}", "result.uri: must not be empty"},
    {"{" SQL ",\"result\":{\"uri\":\"https://bucket/x\"}}",
     "result.uri: must be s3://bucket/prefix"},
    {"{" SQL ",\"result\":{\"uri\":\"s3://\"}}", "result.uri: must be s3://bucket/prefix"},
    {"{" SQL ",\"result\":{\"uri\":\"s3://Bucket/x\"}}", "result.uri: must be s3://bucket/prefix"},
    {"{" SQL ",\"expect\":[]}", "expect: must be an object, got an array"},
    {"{" SQL ",\"expect\":{}}", "expect: minRows or maxRows is needed"},
    {"{" SQL ",\"expect\":{\"rows\":1}}", "expect.rows: unknown field"},
    {"{" SQL ",\"expect\":{\"minRows\":-1}}",
     "expect.minRows: must be between 0 and 1000000000000, got -1"},
    {"{" SQL ",\"expect\":{\"minRows\":5,\"maxRows\":4}}",
     "expect.maxRows: must not be less than minRows"},
    {"{" SQL ",\"sql\":\"x\"}", "sql: unknown field"},
    {"{" SQL ",\"SqlStatement\":\"x\"}", "SqlStatement: unknown field"},
    {"{\"detail-type\":\"x\",\"detail\":{" SQL ",\"x\":1}}", "detail.x: unknown field"},
    {"{\"action\":\"describeStatement\"}", "statementId: is required"},
    {"{\"action\":\"describeStatement\",\"statementId\":\"LATEST\"}",
     "statementId: LATEST needs executionArn beside it"},
    {"{\"action\":\"getStatementResult\",\"statementId\":\"x\",\"nextToken\":\"\"}",
     "nextToken: must not be empty"},
};

static void malformed_requests_are_told_field_and_rule(void **context)
{
    for (size_t i = 0; i < ARRAY_COUNT(malformed); i++) {
        refuse(*context, malformed[i][0], malformed[i][1]);
    }
}

static void too_long_texts_are_refused(void **context)
{
    struct fixture *fixture = *context;
    refuse(fixture, with_text(fixture, "{\"sqlStatement\":\"", 200001, "\"}"),
           "sqlStatement: must be at most 200000 bytes, got 200001");
    refuse(fixture, with_text(fixture, "{" SQL ",\"taskToken\":\"", 2049, "\"}"),
           "taskToken: must be at most 2048 bytes, got 2049");
    refuse(fixture, with_text(fixture, "{" SQL ",\"requestKey\":\"", 513, "\"}"),
           "requestKey: must be at most 512 bytes, got 513");
    refuse(fixture, with_text(fixture, "{\"sqlStatement\":\"", REQUEST_MAX_BYTES, "\"}"),
           "request: must be at most 1048576 bytes, got 1048595");
}

static void too_long_lists_are_refused(void **context)
{
    struct fixture *fixture = *context;
    refuse(fixture, with_list(fixture, 257, ""),
           "sqlStatements: must hold 1 to 256 statements in this mode, got 257");
    refuse(fixture, with_list(fixture, 41, ",\"mode\":\"transaction\""),
           "sqlStatements: must hold 1 to 40 statements in this mode, got 41");
}

/* Promise 6: what stands where a word is expected may be anything, also a secret. */
static void refusals_repeat_no_value(void **context)
{
    static const char *const bodies[] = {
        "{\"action\":\"hush\"}",
        "{\"sqlStatements\":[\"a\"],\"mode\":\"hush\"}",
        "{" SQL ",\"output\":\"hush\"}",
        "{" SQL ",\"replyTo\":{\"queueUrl\":\"hush\"}}",
        "{" SQL ",\"singleton\":{\"key\":\"hush\",\"onConflict\":\"hush\"}}",
        "{" SQL ",\"retry\":{\"errorMatch\":\"hush(\"}}",
        "{" SQL ",\"result\":{\"uri\":\"hush\"}}",
        "{" SQL
        ",\"target\":{\"workgroupName\":\"hush\",\"database\":\"hush\",\"dbUser\":\"hush\"}}",
        "{" SQL ",\"parameters\":[{\"name\":\"hush!\",\"value\":\"hush\"}]}",
        "{\"taskToken\":\"hush\",\"sqlStatement\":\"hush\",\"heartbeatSeconds\":\"hush\"}",
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        assert_int_equal(parse(fixture, bodies[i]), STATUS_REJECTED);
        if (strstr(fixture->error.text, "hush") != NULL) {
            fail_msg("%s", fixture->error.text);
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(smallest_request_has_defaults),
        TEST(singleton_has_a_key_and_a_way_to_meet_another),
        TEST(singleton_action_is_a_singleton_of_its_sql),
        TEST(retry_is_read_with_fractions_of_seconds),
        TEST(pause_that_is_not_told_follows_the_one_that_is),
        TEST(result_is_read),
        TEST(expected_rows_are_read),
        TEST(every_field_is_read),
        TEST(null_is_as_good_as_absent),
        TEST(target_may_be_a_name_or_any_one_way),
        TEST(event_bridge_envelope_holds_the_request),
        TEST(actions_on_a_statement),
        TEST(largest_lists_are_taken),
        TEST(longest_texts_are_taken),
        TEST(digest_is_blind_to_addresses_targets_and_keys),
        TEST(digest_sees_everything_else),
        TEST(addresses_of_a_refused_request_are_known),
        TEST(addresses_that_are_none_are_not_taken),
        TEST(malformed_requests_are_told_field_and_rule),
        TEST(too_long_texts_are_refused),
        TEST(too_long_lists_are_refused),
        TEST(refusals_repeat_no_value),
    };
    return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
