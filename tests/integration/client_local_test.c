/* The client of infra/aws on the stand-in: what one signs and sends, the other verifies and does.
 */
#include "tests/support/cmocka.h"

#include "infra/aws/event_bridge.h"
#include "infra/aws/redshift_data.h"
#include "infra/aws/s3.h"
#include "infra/aws/sns.h"
#include "infra/aws/sqs.h"
#include "infra/aws/step_functions.h"
#include "infra/base/log.h"
#include "infra/local/local.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)
#define ROLE    "arn:aws:iam::000000000000:role/reader"

/* --- fixture ---------------------------------------------------------------------------------- */

enum { ENDPOINT, KEY_ID, SECRET, REGION, NO_IMDS, ENVIRONMENT_COUNT };

struct fixture {
    struct local *local;
    struct arena *arena;
    struct credentials_provider *credentials;
    struct aws_client *client;
    char settings[ENVIRONMENT_COUNT][160];
    char *environment[ENVIRONMENT_COUNT + 1];
    struct error error;
};

static void set_environment(struct fixture *f, int which, const char *name, const char *value)
{
    (void)snprintf(f->settings[which], sizeof(f->settings[which]), "%s=%s", name, value);
    f->environment[which] = f->settings[which];
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    char endpoint[128];
    const struct local_options options = {.listen = "127.0.0.1:0",
                                          .engine = "sqlite::memory:",
                                          .queues = LOCAL_EVENT_QUEUE,
                                          .credentials = "AKIDLOCAL:local-secret",
                                          .faults = "",
                                          .environment = f->environment,
                                          .clock = clock_system(),
                                          .random = random_system()};
    assert_int_equal(local_start(&options, &f->local, &f->error), STATUS_OK);
    (void)snprintf(endpoint, sizeof(endpoint), "http://%s", local_address(f->local));
    set_environment(f, ENDPOINT, "AWS_ENDPOINT_URL", endpoint);
    set_environment(f, KEY_ID, "AWS_ACCESS_KEY_ID", "AKIDLOCAL");
    set_environment(f, SECRET, "AWS_SECRET_ACCESS_KEY", "local-secret");
    set_environment(f, REGION, "AWS_REGION", "us-east-1");
    set_environment(f, NO_IMDS, "AWS_EC2_METADATA_DISABLED", "true");
    f->arena = arena_new(256u << 20);
    f->credentials = credentials_provider_new(f->environment, clock_system());
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    aws_client_free(f->client);
    credentials_provider_free(f->credentials);
    arena_free(f->arena);
    local_stop(f->local);
    free(f);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void open_client(struct fixture *f, struct credentials_provider *credentials,
                        const struct clock *clock)
{
    const struct aws_client_options options = {.environment = f->environment,
                                               .credentials = credentials,
                                               .clock = clock,
                                               .random = random_system()};
    assert_int_equal(aws_client_new(&options, &f->client, &f->error), STATUS_OK);
}

static enum status send_call(struct fixture *f, struct aws_call *call)
{
    aws_send_all(f->client, call, 1);
    return call->status;
}

static const char *queue_url(struct fixture *f)
{
    return arena_format(f->arena, "http://%s/" LOCAL_ACCOUNT "/" LOCAL_EVENT_QUEUE,
                        local_address(f->local));
}

static struct redshift_data_submitted submit(struct fixture *f, const char *sql, bool with_event)
{
    const struct slice text = slice_from_text(sql);
    const struct redshift_data_submit input = {.sqls = &text,
                                               .sql_count = 1,
                                               .cluster_identifier = SLICE("local"),
                                               .database = SLICE("dev"),
                                               .db_user = SLICE("awsuser"),
                                               .session_keep_alive_seconds = -1,
                                               .statement_name = SLICE("ringback/test"),
                                               .wait_seconds = 30,
                                               .with_event = with_event};
    struct redshift_data_submitted submitted;
    struct aws_call call = {0};
    redshift_data_build_submit(f->arena, &input, &call);
    assert_int_equal(send_call(f, &call), STATUS_OK);
    assert_int_equal(redshift_data_read_submit(f->arena, &call, &submitted, &f->error), STATUS_OK);
    return submitted;
}

static struct aws_call queue_attributes(struct fixture *f)
{
    struct aws_call call = {0};
    sqs_build_attributes(f->arena, queue_url(f), &call);
    (void)send_call(f, &call);
    return call;
}

static struct aws_call s3_call(const char *method, const char *path, const char *body)
{
    return (struct aws_call){.service = AWS_S3,
                             .operation = "Object",
                             .s3_method = method,
                             .s3_path = path,
                             .body = slice_from_text(body)};
}

static int64_t hour_ago_ms(void *context)
{
    (void)context;
    return clock_now_ms(clock_system()) - HOUR_MS;
}

/* --- success ---------------------------------------------------------------------------------- */

static void a_statement_is_submitted_and_described(void **state)
{
    struct fixture *f = *state;
    struct redshift_data_description description;
    struct aws_call call = {0};
    open_client(f, f->credentials, clock_system());
    const struct redshift_data_submitted submitted = submit(f, "SELECT 1 UNION SELECT 2", false);
    assert_int_equal(submitted.status, REDSHIFT_DATA_FINISHED);
    redshift_data_build_describe(f->arena, submitted.id, 0, &call);
    assert_int_equal(send_call(f, &call), STATUS_OK);
    assert_int_equal(redshift_data_read_describe(f->arena, &call, &description, &f->error),
                     STATUS_OK);
    assert_true(description.has_result_set);
    assert_int_equal(description.result_rows, 2);
}

static void the_event_arrives_in_the_queue(void **state)
{
    struct fixture *f = *state;
    struct sqs_message *messages = NULL;
    size_t count = 0;
    struct aws_call call = {0};
    open_client(f, f->credentials, clock_system());
    const struct redshift_data_submitted submitted = submit(f, "SELECT 1", true);
    sqs_build_receive(f->arena, queue_url(f), 10, 20, 30, &call);
    assert_int_equal(send_call(f, &call), STATUS_OK);
    assert_int_equal(sqs_read_receive(f->arena, &call, &messages, &count, &f->error), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(slice_find(messages[0].body, submitted.id) < messages[0].body.size);
}

static void an_object_is_put_and_read(void **state)
{
    struct fixture *f = *state;
    open_client(f, f->credentials, clock_system());
    struct aws_call bucket = s3_call("PUT", "/scripts", "");
    assert_int_equal(send_call(f, &bucket), STATUS_OK);
    const struct s3_object object = {SLICE("scripts"), SLICE("a b/c+d\xc3\xa4.sql"), SLICE_NONE};
    struct slice content = SLICE_NONE;
    struct aws_call put = {0};
    assert_int_equal(s3_build_put(f->arena, &object, SLICE("SELECT 1"), &put, &f->error),
                     STATUS_OK);
    assert_int_equal(send_call(f, &put), STATUS_OK);
    struct aws_call get = {0};
    s3_build_get(f->arena, &object, &get);
    assert_int_equal(send_call(f, &get), STATUS_OK);
    assert_int_equal(s3_read_get(&get, 100, &content, &f->error), STATUS_OK);
    assert_true(slice_equals_text(content, "SELECT 1"));
}

static void the_largest_message_and_event_are_taken(void **state)
{
    struct fixture *f = *state;
    char *text = arena_alloc(f->arena, SNS_MESSAGE_MAX_BYTES + 1);
    struct slice id = SLICE_NONE;
    struct event_bridge_result result;
    memset(text, '"', SNS_MESSAGE_MAX_BYTES);
    const struct sns_publish publish = {.topic_arn = SLICE("arn:aws:sns:us-west-2:1:t"),
                                        .message = {text, SNS_MESSAGE_MAX_BYTES}};
    struct aws_call call = {0};
    open_client(f, f->credentials, clock_system());
    sns_build_publish(f->arena, &publish, &call);
    assert_int_equal(send_call(f, &call), STATUS_OK);
    assert_int_equal(sns_read_publish(f->arena, &call, &id, &f->error), STATUS_OK);
    memset(text, ' ', SNS_MESSAGE_MAX_BYTES);
    text[0] = '{';
    text[EVENT_BRIDGE_ENTRY_MAX_BYTES - 3] = '}';
    const struct event_bridge_entry entry = {
        SLICE("b"), SLICE("s"), SLICE("t"), {text, EVENT_BRIDGE_ENTRY_MAX_BYTES - 2}};
    event_bridge_build_put(f->arena, &entry, 1, &call);
    assert_int_equal(send_call(f, &call), STATUS_OK);
    assert_int_equal(event_bridge_read_put(f->arena, &call, &result, 1, &f->error), STATUS_OK);
    assert_true(result.event_id.size > 0);
}

static void an_assumed_role_may_call(void **state)
{
    struct fixture *f = *state;
    struct credentials_provider *role =
        credentials_provider_assume_role(f->credentials, f->environment, clock_system(), ROLE);
    open_client(f, role, clock_system());
    const struct aws_call call = queue_attributes(f);
    assert_int_equal(call.status, STATUS_OK);
    credentials_provider_free(role);
}

static void a_clock_that_is_off_is_corrected(void **state)
{
    struct fixture *f = *state;
    struct clock slow = *clock_system();
    slow.now_ms = hour_ago_ms;
    open_client(f, f->credentials, &slow);
    const struct aws_call call = queue_attributes(f);
    assert_int_equal(call.status, STATUS_OK);
    assert_in_range(aws_clock_offset_ms(f->client), HOUR_MS - 60000, HOUR_MS + 60000);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void a_wrong_secret_is_refused(void **state)
{
    struct fixture *f = *state;
    set_environment(f, SECRET, "AWS_SECRET_ACCESS_KEY", "another-secret");
    open_client(f, f->credentials, clock_system());
    const struct aws_call call = queue_attributes(f);
    assert_int_equal(call.status, STATUS_REJECTED);
    assert_int_equal(call.code, 403);
    assert_string_equal(call.error_name, "InvalidSignatureException");
}

static void an_unknown_key_is_refused(void **state)
{
    struct fixture *f = *state;
    set_environment(f, KEY_ID, "AWS_ACCESS_KEY_ID", "AKIDOTHER");
    open_client(f, f->credentials, clock_system());
    struct aws_call get = s3_call("GET", "/scripts/x", NULL);
    assert_int_equal(send_call(f, &get), STATUS_REJECTED);
    assert_string_equal(get.error_name, "InvalidAccessKeyId");
}

static void an_object_that_is_none_is_not_found(void **state)
{
    struct fixture *f = *state;
    const struct s3_object object = {SLICE("nowhere"), SLICE("x"), SLICE_NONE};
    struct aws_call get = {0};
    open_client(f, f->credentials, clock_system());
    s3_build_get(f->arena, &object, &get);
    assert_int_equal(send_call(f, &get), STATUS_NOT_FOUND);
    assert_string_equal(get.error_name, "NoSuchBucket");
}

static void an_event_that_is_none_fails_inside_a_200(void **state)
{
    struct fixture *f = *state;
    const struct event_bridge_entry entry = {SLICE_NONE, SLICE("aws.s"), SLICE("t"), SLICE("{}")};
    struct event_bridge_result result;
    struct aws_call call = {0};
    open_client(f, f->credentials, clock_system());
    event_bridge_build_put(f->arena, &entry, 1, &call);
    assert_int_equal(send_call(f, &call), STATUS_OK);
    assert_int_equal(event_bridge_read_put(f->arena, &call, &result, 1, &f->error), STATUS_OK);
    assert_true(slice_equals_text(result.error_code, "NotAuthorizedForSourceException"));
}

static void a_task_nobody_knows_is_undeliverable(void **state)
{
    struct fixture *f = *state;
    struct aws_call call = {0};
    open_client(f, f->credentials, clock_system());
    step_functions_build_success(f->arena, SLICE("nonsense"), SLICE("{}"), &call);
    (void)send_call(f, &call);
    assert_int_equal(step_functions_verdict(&call), STEP_FUNCTIONS_UNDELIVERABLE);
    assert_string_equal(call.error_name, "InvalidToken");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_statement_is_submitted_and_described),
        TEST(the_event_arrives_in_the_queue),
        TEST(an_object_is_put_and_read),
        TEST(the_largest_message_and_event_are_taken),
        TEST(an_assumed_role_may_call),
        TEST(a_clock_that_is_off_is_corrected),
        TEST(a_wrong_secret_is_refused),
        TEST(an_unknown_key_is_refused),
        TEST(an_object_that_is_none_is_not_found),
        TEST(an_event_that_is_none_fails_inside_a_200),
        TEST(a_task_nobody_knows_is_undeliverable),
    };
    log_init(LOG_ERROR, -1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
