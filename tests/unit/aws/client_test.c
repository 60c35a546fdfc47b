/* The client against a real server on loopback: what goes out, what comes back, how it is set up.
 */
#include "tests/support/cmocka.h"
#include "tests/unit/aws/client_fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Success. */

static void call_is_signed_and_read(void **state)
{
    struct client_fixture *fixture = *state;
    client_script(fixture, 200, "{\"Id\":\"x\"}");
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.attempts, 1);
    assert_text_is(call.reply, "{\"Id\":\"x\"}");
    const struct http_fixture_request *request = http_fixture_request(fixture->server, 0);
    assert_text_is(request->method, "POST");
    assert_text_is(request->target, "/");
    assert_text_is(request->body, "{\"Id\":\"x\"}");
    assert_text_is(client_header(fixture, 0, "X-Amz-Target"), "RedshiftData.DescribeStatement");
    assert_text_is(client_header(fixture, 0, "Content-Type"), "application/x-amz-json-1.1");
    assert_text_is(client_header(fixture, 0, "X-Amz-Date"), CLIENT_NOW_HEADER);
    assert_text_contains(client_header(fixture, 0, "Authorization"),
                         "AWS4-HMAC-SHA256 Credential=FIRSTKEY/20261120/eu-west-1/redshift-data/"
                         "aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
                         "Signature=");
}

static void a_call_may_have_a_date_of_its_own(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call dated = client_describe();
    dated.date_ms = 1795178000000; /* 2026-11-20T12:33:20Z */
    client_script(fixture, 200, "{}");
    (void)client_send(fixture, dated);
    assert_text_is(client_header(fixture, 0, "X-Amz-Date"), "20261120T123320Z");
}

static void services_differ_in_target_type_and_signing_name(void **state)
{
    static const struct {
        enum aws_service service;
        const char *target;
        const char *type;
        const char *scope;
    } expected[] = {
        {AWS_SQS, "AmazonSQS.Op", "application/x-amz-json-1.0", "/sqs/"},
        {AWS_STEP_FUNCTIONS, "AWSStepFunctions.Op", "application/x-amz-json-1.0", "/states/"},
        {AWS_DYNAMODB, "DynamoDB_20120810.Op", "application/x-amz-json-1.0", "/dynamodb/"},
        {AWS_EVENTBRIDGE, "AWSEvents.Op", "application/x-amz-json-1.1", "/events/"},
        {AWS_SECRETS_MANAGER, "secretsmanager.Op", "application/x-amz-json-1.1",
         "/secretsmanager/"},
        {AWS_SNS, "", "application/x-www-form-urlencoded; charset=utf-8", "/sns/"},
    };
    struct client_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        client_script(fixture, 200, "{}");
        client_send(fixture, (struct aws_call){.service = expected[i].service,
                                               .operation = "Op",
                                               .body = SLICE("{}")});
        assert_text_is(client_header(fixture, i, "X-Amz-Target"), expected[i].target);
        assert_text_is(client_header(fixture, i, "Content-Type"), expected[i].type);
        assert_text_contains(client_header(fixture, i, "Authorization"), expected[i].scope);
    }
}

static void object_is_asked_for_by_path(void **state)
{
    struct client_fixture *fixture = *state;
    client_script(fixture, 200, "SELECT 1");
    const struct aws_call call =
        client_send(fixture, (struct aws_call){.service = AWS_S3,
                                               .operation = "GetObject",
                                               .s3_method = "GET",
                                               .s3_path = "/bucket/a%20b.sql?versionId=1"});
    assert_text_is(call.reply, "SELECT 1");
    assert_text_is(http_fixture_request(fixture->server, 0)->method, "GET");
    assert_text_is(http_fixture_request(fixture->server, 0)->target,
                   "/bucket/a%20b.sql?versionId=1");
    assert_text_is(client_header(fixture, 0, "X-Amz-Content-SHA256"),
                   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void unsigned_put_is_bare(void **state)
{
    struct client_fixture *fixture = *state;
    char url[128];
    (void)snprintf(url, sizeof(url), "%s/response?X-Amz-Signature=s%%2F",
                   http_fixture_url(fixture->server));
    client_script(fixture, 503, "busy");
    client_script(fixture, 200, "");
    const struct aws_call call =
        client_send(fixture, (struct aws_call){.unsigned_method = "PUT",
                                               .unsigned_url = url,
                                               .body = SLICE("{\"Status\":\"SUCCESS\"}")});
    assert_int_equal(call.status, STATUS_OK);
    assert_int_equal(call.attempts, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct http_fixture_request *request = http_fixture_request(fixture->server, i);
        assert_text_is(request->method, "PUT");
        assert_text_is(request->target, "/response?X-Amz-Signature=s%2F");
        assert_text_is(request->body, "{\"Status\":\"SUCCESS\"}");
        assert_null(client_header(fixture, i, "Content-Type").data);
        assert_null(client_header(fixture, i, "Authorization").data);
        assert_null(client_header(fixture, i, "X-Amz-Date").data);
        assert_text_is(client_header(fixture, i, "Content-Length"), "20");
    }
}

static void many_calls_share_few_connections(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call calls[8];
    for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
            client_script(fixture, 200, "{}");
            calls[i] = client_describe();
        }
        aws_send_all(fixture->client, calls, ARRAY_COUNT(calls));
        for (size_t i = 0; i < ARRAY_COUNT(calls); i++) {
            assert_int_equal(calls[i].status, STATUS_OK);
        }
        aws_reset(fixture->client);
    }
    assert_true(http_fixture_connection_count(fixture->server) <= ARRAY_COUNT(calls));
}

static void *wake(void *context)
{
    aws_wake(context);
    return NULL;
}

static void wake_ends_a_wait(void **state)
{
    struct client_fixture *fixture = *state;
    struct aws_call call = client_describe();
    struct aws_call *pointer = &call;
    struct aws_call *done[1];
    pthread_t thread;
    client_script_fault(fixture, HTTP_FIXTURE_SILENT);
    aws_start(fixture->client, &pointer, 1);
    assert_int_equal(pthread_create(&thread, NULL, wake, fixture->client), 0);
    assert_int_equal(aws_wait(fixture->client, done, 1, -1), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(aws_pending(fixture->client), 1);
    aws_reset(fixture->client);
    assert_int_equal(aws_pending(fixture->client), 0);
    assert_int_equal(call.status, STATUS_IN_DOUBT);
}

/* A proxy sees where a call is going. */
static struct slice asked_of_the_proxy(struct client_fixture *fixture, struct slice region)
{
    const size_t index = client_requests(fixture);
    client_script(fixture, 503, "");
    client_send(fixture, (struct aws_call){.service = AWS_SNS,
                                           .operation = "Publish",
                                           .region = region,
                                           .body = SLICE("x"),
                                           .max_attempts = 1});
    return http_fixture_request(fixture->server, index)->target;
}

static void call_goes_to_its_region(void **state)
{
    struct client_fixture *fixture = *state;
    struct error error = ERROR_NONE;
    fixture->server = http_fixture_open();
    client_write_keys(fixture, "FIRSTKEY");
    client_set(fixture, "AWS_SHARED_CREDENTIALS_FILE", fixture->credentials_path);
    client_set(fixture, "AWS_REGION", "eu-west-1");
    assert_int_equal(client_open(fixture, &error), STATUS_OK);
    assert_int_equal(setenv("https_proxy", http_fixture_url(fixture->server), 1), 0);
    assert_text_is(asked_of_the_proxy(fixture, SLICE_NONE), "sns.eu-west-1.amazonaws.com:443");
    assert_text_is(asked_of_the_proxy(fixture, SLICE("cn-north-1")),
                   "sns.cn-north-1.amazonaws.com.cn:443");
    assert_text_is(asked_of_the_proxy(fixture, SLICE("eu-west-1")),
                   "sns.eu-west-1.amazonaws.com:443");
    assert_int_equal(unsetenv("https_proxy"), 0);
}

static void configured_endpoint_is_one_place(void **state)
{
    struct client_fixture *fixture = *state;
    client_script(fixture, 200, "<MessageId>1</MessageId>");
    const struct aws_call call =
        client_send(fixture, (struct aws_call){.service = AWS_SNS,
                                               .operation = "Publish",
                                               .region = SLICE("us-west-2"),
                                               .body = SLICE("x")});
    assert_int_equal(call.status, STATUS_OK);
    assert_text_contains(client_header(fixture, 0, "Authorization"), "/20261120/eu-west-1/sns/");
}

/* Failure. */

static void missing_credentials_send_nothing(void **state)
{
    struct client_fixture *fixture = *state;
    assert_int_equal(unlink(fixture->credentials_path), 0);
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(call.status, STATUS_REJECTED);
    assert_int_equal(call.attempts, 0);
    assert_text_contains(slice_from_text(call.error_message), "credentials");
    assert_int_equal(client_requests(fixture), 0);
}

static void error_text_names_service_and_operation(void **state)
{
    struct client_fixture *fixture = *state;
    struct error error = ERROR_NONE;
    client_script(fixture, 400, "{\"__type\":\"ValidationException\",\"Message\":\"bad Id\"}");
    const struct aws_call call = client_send(fixture, client_describe());
    assert_int_equal(aws_call_error(&call, &error), STATUS_REJECTED);
    assert_string_equal(error.text, "redshift-data.DescribeStatement: ValidationException: bad Id");
}

static void missing_region_is_named(void **state)
{
    struct client_fixture *fixture = *state;
    struct error error = ERROR_NONE;
    assert_int_equal(client_open(fixture, &error), STATUS_REJECTED);
    assert_text_contains(slice_from_text(error.text), "AWS_REGION");
}

static void malformed_settings_are_named(void **state)
{
    static const char *const settings[][2] = {
        {"AWS_ENDPOINT_URL_SQS", "localhost:1"},
        {"AWS_ENDPOINT_URL_SFN", "http://"},
        {"AWS_ENDPOINT_URL", "http://user@host/"},
        {"AWS_MAX_ATTEMPTS", "many"},
        {"AWS_MAX_ATTEMPTS", "0"},
    };
    struct client_fixture *fixture = *state;
    client_set(fixture, "AWS_REGION", "eu-west-1");
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        struct error error = ERROR_NONE;
        client_set(fixture, settings[i][0], settings[i][1]);
        assert_int_equal(client_open(fixture, &error), STATUS_REJECTED);
        assert_true(error.text[0] != '\0');
        credentials_provider_free(fixture->provider);
        fixture->provider = NULL;
        fixture->environment_count--;
        free(fixture->environment[fixture->environment_count]);
        fixture->environment[fixture->environment_count] = NULL;
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, client_setup, client_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(call_is_signed_and_read),
        TEST(a_call_may_have_a_date_of_its_own),
        TEST(services_differ_in_target_type_and_signing_name),
        TEST(object_is_asked_for_by_path),
        TEST(unsigned_put_is_bare),
        cmocka_unit_test_setup_teardown(call_goes_to_its_region, client_setup_bare,
                                        client_teardown),
        TEST(configured_endpoint_is_one_place),
        TEST(many_calls_share_few_connections),
        TEST(wake_ends_a_wait),
        TEST(missing_credentials_send_nothing),
        TEST(error_text_names_service_and_operation),
        cmocka_unit_test_setup_teardown(missing_region_is_named, client_setup_bare,
                                        client_teardown),
        cmocka_unit_test_setup_teardown(malformed_settings_are_named, client_setup_bare,
                                        client_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
