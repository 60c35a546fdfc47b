/* Telling addresses: what is sent to each kind, and every class of answer. */
#include "completer/callback.h"
#include "tests/support/cmocka.h"

#include <stdio.h>
#include <string.h>

#define ID "4oymiquy7qobjgx36tejs35zeqt24qpe"

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct plan plan;
    struct state state;
    struct callback_message message;
    struct aws_call call;
    struct stimulus stimulus;
};

static int set_up(void **context)
{
    static struct fixture fixture;
    memset(&fixture, 0, sizeof(fixture));
    fixture.arena = arena_new(4u << 20);
    fixture.plan = (struct plan){.id = ID};
    fixture.state.outcome = OUTCOME_FINISHED;
    fixture.message = (struct callback_message){
        .plan = &fixture.plan,
        .state = &fixture.state,
        .target = SLICE("token"),
        .reply = SLICE("{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":{\"a\":"
                       "\"\xc3\xa4\"}}")};
    *context = &fixture;
    return 0;
}

static int tear_down(void **context)
{
    arena_free(((struct fixture *)*context)->arena);
    return 0;
}

/* ---- Helpers ---- */

static void set_failed(struct fixture *fixture)
{
    fixture->state.outcome = OUTCOME_TIMED_OUT;
    fixture->message.reply = SLICE("{\"invocationId\":\"" ID "\",\"outcome\":\"TIMED_OUT\","
                                   "\"error\":\"TIMED_OUT\",\"cause\":{\"b\":1}}");
}

static void assert_call(struct fixture *fixture, const char *operation, const char *body)
{
    assert_string_equal(fixture->call.operation, operation);
    if (!slice_equals_text(fixture->call.body, body)) {
        fail_msg("\n%.*s\n  is not\n%s", SLICE_PRINT(fixture->call.body), body);
    }
}

static void build_token(struct fixture *fixture)
{
    callback_task_token_build(fixture->arena, &fixture->message, &fixture->call);
}

static void build_queue(struct fixture *fixture)
{
    callback_queue_build(fixture->arena, &fixture->message, &fixture->call);
}

static void build_topic(struct fixture *fixture)
{
    callback_topic_build(fixture->arena, &fixture->message, &fixture->call);
}

static void build_bus(struct fixture *fixture)
{
    callback_bus_build(fixture->arena, &fixture->message, &fixture->call);
}

/* A document of so many bytes. */
static void set_large_reply(struct fixture *fixture, size_t size)
{
    static const char frame[] = "{\"invocationId\":\"" ID "\",\"outcome\":\"FINISHED\",\"output\":"
                                "{\"ringback\":{\"outcome\":\"FINISHED\",\"r\":\"\"}}}";
    const size_t more = size - (sizeof(frame) - 1);
    char *text = arena_alloc(fixture->arena, more + 1);
    memset(text, 'x', more);
    fixture->message.reply = slice_from_text(
        arena_format(fixture->arena, "%.*s%s%s", (int)sizeof(frame) - 5, frame, text, "\"}}}"));
    assert_int_equal(fixture->message.reply.size, size);
}

static bool is_cut(const struct fixture *fixture)
{
    return slice_find(fixture->call.body, SLICE("truncated")) < fixture->call.body.size;
}

struct row {
    enum status status;
    int code;
    const char *name;
    enum stimulus_kind kind;
    enum callback_refusal refusal;
};

static void assert_rows(void (*read)(const struct aws_call *, struct stimulus *),
                        const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct aws_call call = {.status = rows[i].status, .code = rows[i].code};
        struct stimulus stimulus = {.kind = STIMULUS_DUE};
        (void)snprintf(call.error_name, sizeof(call.error_name), "%s", rows[i].name);
        read(&call, &stimulus);
        if (stimulus.kind != rows[i].kind || (stimulus.kind == STIMULUS_CALLBACK_REFUSED &&
                                              stimulus.callback_refusal != rows[i].refusal)) {
            fail_msg("%d %s: kind %d, refusal %d", rows[i].code, rows[i].name, stimulus.kind,
                     stimulus.callback_refusal);
        }
    }
}

/* ---- Success ---- */

static void token_is_told_of_success(void **context)
{
    struct fixture *fixture = *context;
    build_token(fixture);
    assert_int_equal(fixture->call.service, AWS_STEP_FUNCTIONS);
    assert_call(fixture, "SendTaskSuccess",
                "{\"taskToken\":\"token\",\"output\":\"{\\\"a\\\":\\\"\xc3\xa4\\\"}\"}");
}

static void token_is_told_of_failure(void **context)
{
    struct fixture *fixture = *context;
    set_failed(fixture);
    build_token(fixture);
    assert_call(fixture, "SendTaskFailure",
                "{\"taskToken\":\"token\",\"error\":\"TIMED_OUT\",\"cause\":\"{\\\"b\\\":1}\"}");
}

static void invalid_output_falls_back_to_failure(void **context)
{
    struct fixture *fixture = *context;
    fixture->message.failure_instead = true;
    build_token(fixture);
    assert_call(fixture, "SendTaskFailure",
                "{\"taskToken\":\"token\",\"error\":\"FAILED\",\"cause\":"
                "\"{\\\"ringback\\\":{\\\"invocationId\\\":\\\"" ID
                "\\\",\\\"outcome\\\":\\\"FINISHED\\\",\\\"errorType\\\":\\\"InvalidOutput\\\"}}"
                "\"}");
    set_failed(fixture);
    build_token(fixture);
    assert_call(fixture, "SendTaskFailure",
                "{\"taskToken\":\"token\",\"error\":\"TIMED_OUT\",\"cause\":\"{\\\"b\\\":1}\"}");
}

static void queue_gets_the_document_and_attributes(void **context)
{
    struct fixture *fixture = *context;
    set_failed(fixture);
    fixture->message.target = SLICE("https://sqs.eu-west-1.amazonaws.com/1/q");
    build_queue(fixture);
    assert_int_equal(fixture->call.service, AWS_SQS);
    assert_call(fixture, "SendMessage",
                "{\"QueueUrl\":\"https://sqs.eu-west-1.amazonaws.com/1/q\",\"MessageBody\":"
                "\"{\\\"invocationId\\\":\\\"" ID
                "\\\",\\\"outcome\\\":\\\"TIMED_OUT\\\",\\\"error\\\":\\\"TIMED_OUT\\\","
                "\\\"cause\\\":{\\\"b\\\":1}}\",\"MessageAttributes\":{\"invocationId\":"
                "{\"DataType\":\"String\",\"StringValue\":\"" ID
                "\"},\"outcome\":{\"DataType\":\"String\",\"StringValue\":\"TIMED_OUT\"}}}");
}

static void fifo_queue_has_group_and_deduplication(void **context)
{
    struct fixture *fixture = *context;
    fixture->message.target = SLICE("https://sqs/1/q.fifo");
    fixture->message.address = 2;
    build_queue(fixture);
    assert_true(slice_ends_with(
        fixture->call.body,
        SLICE(",\"MessageGroupId\":\"" ID "\",\"MessageDeduplicationId\":\"" ID ".3\"}")));
}

#define TOPIC         "arn:aws:sns:eu-west-1:1:t"
#define TOPIC_ENCODED "arn%3Aaws%3Asns%3Aeu-west-1%3A1%3At"

static void topic_gets_the_document_and_attributes(void **context)
{
    struct fixture *fixture = *context;
    set_failed(fixture);
    fixture->message.target = SLICE(TOPIC);
    build_topic(fixture);
    assert_int_equal(fixture->call.service, AWS_SNS);
    assert_call(fixture, "Publish",
                "Action=Publish&Version=2010-03-31&TopicArn=" TOPIC_ENCODED
                "&Message=%7B%22invocationId%22%3A%22" ID
                "%22%2C%22outcome%22%3A%22TIMED_OUT%22%2C%22error%22%3A%22TIMED_OUT%22%2C"
                "%22cause%22%3A%7B%22b%22%3A1%7D%7D"
                "&MessageAttributes.entry.1.Name=invocationId"
                "&MessageAttributes.entry.1.Value.DataType=String"
                "&MessageAttributes.entry.1.Value.StringValue=" ID
                "&MessageAttributes.entry.2.Name=outcome"
                "&MessageAttributes.entry.2.Value.DataType=String"
                "&MessageAttributes.entry.2.Value.StringValue=TIMED_OUT");
}

static void fifo_topic_has_group_and_deduplication(void **context)
{
    struct fixture *fixture = *context;
    fixture->message.target = SLICE(TOPIC ".fifo");
    fixture->message.address = 7;
    build_topic(fixture);
    assert_true(slice_ends_with(fixture->call.body,
                                SLICE("&MessageGroupId=" ID "&MessageDeduplicationId=" ID ".8")));
}

static void bus_gets_an_event_with_the_document(void **context)
{
    struct fixture *fixture = *context;
    set_failed(fixture);
    fixture->message.target = SLICE("orders");
    build_bus(fixture);
    assert_int_equal(fixture->call.service, AWS_EVENTBRIDGE);
    assert_call(fixture, "PutEvents",
                "{\"Entries\":[{\"Source\":\"ringback\",\"DetailType\":"
                "\"Ringback Invocation Outcome\",\"Detail\":\"{\\\"invocationId\\\":\\\"" ID
                "\\\",\\\"outcome\\\":\\\"TIMED_OUT\\\",\\\"error\\\":\\\"TIMED_OUT\\\","
                "\\\"cause\\\":{\\\"b\\\":1}}\",\"EventBusName\":\"orders\"}]}");
}

/* 512 bytes are left for the attributes of a message, 35 for an event's source and type. */
static void documents_are_cut_at_their_limits(void **context)
{
    struct fixture *fixture = *context;
    fixture->message.target = SLICE(TOPIC);
    set_large_reply(fixture, 262144 - 512);
    build_topic(fixture);
    assert_false(is_cut(fixture));
    set_large_reply(fixture, 262144 - 511);
    build_topic(fixture);
    assert_true(is_cut(fixture));
    set_large_reply(fixture, 262143 - 35);
    build_bus(fixture);
    assert_false(is_cut(fixture));
    set_large_reply(fixture, 262143 - 34);
    build_bus(fixture);
    assert_true(is_cut(fixture));
    build_queue(fixture);
    assert_false(is_cut(fixture));
}

static void response_url_gets_an_unsigned_put(void **context)
{
    struct fixture *fixture = *context;
    const struct plan_resource resource = {.request_type = SLICE("Delete"),
                                           .stack_id = SLICE("s"),
                                           .request_id = SLICE("r"),
                                           .logical_resource_id = SLICE("l"),
                                           .physical_resource_id = SLICE("p"),
                                           .current_physical_id = SLICE("p")};
    fixture->plan.resource = &resource;
    fixture->message.target = SLICE("https://bucket.s3.amazonaws.com/a%20b?X-Amz-Signature=1");
    callback_response_url_build(fixture->arena, &fixture->message, &fixture->call);
    assert_string_equal(fixture->call.unsigned_method, "PUT");
    assert_string_equal(fixture->call.unsigned_url,
                        "https://bucket.s3.amazonaws.com/a%20b?X-Amz-Signature=1");
    assert_call(fixture, "PUT",
                "{\"Status\":\"SUCCESS\",\"PhysicalResourceId\":\"p\",\"StackId\":\"s\","
                "\"RequestId\":\"r\",\"LogicalResourceId\":\"l\",\"NoEcho\":false,"
                "\"Data\":{\"Status\":\"FINISHED\"}}");
}

static void repeats_are_byte_identical(void **context)
{
    struct fixture *fixture = *context;
    build_token(fixture);
    struct slice first = fixture->call.body;
    build_token(fixture);
    assert_true(slice_equals(fixture->call.body, first));
    build_queue(fixture);
    first = fixture->call.body;
    build_queue(fixture);
    assert_true(slice_equals(fixture->call.body, first));
    set_large_reply(fixture, 300000);
    build_topic(fixture);
    first = fixture->call.body;
    build_topic(fixture);
    assert_true(slice_equals(fixture->call.body, first));
    build_bus(fixture);
    first = fixture->call.body;
    build_bus(fixture);
    assert_true(slice_equals(fixture->call.body, first));
}

/* ---- Failure ---- */

static void every_answer_to_a_token(void **context)
{
    static const struct row rows[] = {
        {STATUS_OK, 200, "", STIMULUS_CALLBACK_DELIVERED, 0},
        {STATUS_REJECTED, 400, "TaskTimedOut", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_CLOSED},
        {STATUS_NOT_FOUND, 400, "TaskDoesNotExist", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "InvalidToken", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "InvalidOutput", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_INVALID_OUTPUT},
        {STATUS_RETRY, 400, "ThrottlingException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "KmsAccessDeniedException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "KmsInvalidStateException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "AccessDeniedException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 403, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 500, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
    };
    (void)context;
    assert_rows(callback_task_token_read, rows, ARRAY_COUNT(rows));
}

/* What a person can mend is tried again; what no queue will ever take is not. */
static void every_answer_of_a_queue(void **context)
{
    static const struct row rows[] = {
        {STATUS_OK, 200, "", STIMULUS_CALLBACK_DELIVERED, 0},
        {STATUS_NOT_FOUND, 400, "QueueDoesNotExist", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "InvalidAddress", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "InvalidMessageContents", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "UnsupportedOperation", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 403, "AccessDenied", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "AccessDeniedException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "KmsDisabled", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "KmsAccessDenied", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "UnrecognizedClientException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "InvalidSignatureException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "InvalidSecurity", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 400, "RequestThrottled", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 503, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
    };
    (void)context;
    assert_rows(callback_queue_read, rows, ARRAY_COUNT(rows));
}

static void every_answer_of_a_topic(void **context)
{
    static const struct row rows[] = {
        {STATUS_OK, 200, "", STIMULUS_CALLBACK_DELIVERED, 0},
        {STATUS_NOT_FOUND, 404, "NotFound", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "InvalidParameter", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "ParameterValueInvalid", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "EndpointDisabled", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 403, "AuthorizationError", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 400, "KMSDisabled", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_REJECTED, 403, "InvalidSecurity", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 400, "Throttled", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 500, "InternalError", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
    };
    (void)context;
    assert_rows(callback_topic_read, rows, ARRAY_COUNT(rows));
}

static void every_answer_of_a_response_url(void **context)
{
    static const struct row rows[] = {
        {STATUS_OK, 200, "", STIMULUS_CALLBACK_DELIVERED, 0},
        {STATUS_REJECTED, 403, "AccessDenied", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_NOT_FOUND, 404, "NoSuchBucket", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 307, "TemporaryRedirect", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 403, "RequestTimeTooSkewed", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 503, "SlowDown", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 500, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 0, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN},
    };
    (void)context;
    assert_rows(callback_response_url_read, rows, ARRAY_COUNT(rows));
}

static void every_refusal_of_a_bus(void **context)
{
    static const struct row rows[] = {
        {STATUS_REJECTED, 400, "ValidationException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_NOT_FOUND, 400, "ResourceNotFoundException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_UNDELIVERABLE},
        {STATUS_REJECTED, 400, "AccessDeniedException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_RETRY, 400, "ThrottlingException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_IN_DOUBT, 500, "InternalException", STIMULUS_CALLBACK_REFUSED,
         CALLBACK_REFUSAL_AGAIN},
        {STATUS_OK, 200, "", STIMULUS_CALLBACK_REFUSED, CALLBACK_REFUSAL_AGAIN}, /* no JSON */
    };
    (void)context;
    assert_rows(callback_bus_read, rows, ARRAY_COUNT(rows));
}

/* A 200 may hold an event that was not taken. */
static void every_entry_of_a_bus(void **context)
{
    static const struct {
        const char *entry;
        bool delivered;
        enum callback_refusal refusal;
    } entries[] = {
        {"\"EventId\":\"1\"", true, 0},
        {"\"ErrorCode\":\"ThrottlingException\"", false, CALLBACK_REFUSAL_AGAIN},
        {"\"ErrorCode\":\"InternalFailure\"", false, CALLBACK_REFUSAL_AGAIN},
        {"\"ErrorCode\":\"NotAuthorizedForDetailTypeException\"", false, CALLBACK_REFUSAL_AGAIN},
        {"\"ErrorCode\":\"AccessDeniedException\"", false, CALLBACK_REFUSAL_AGAIN},
        {"\"ErrorCode\":\"InvalidArgument\"", false, CALLBACK_REFUSAL_UNDELIVERABLE},
        {"\"ErrorCode\":\"MalformedDetail\"", false, CALLBACK_REFUSAL_UNDELIVERABLE},
        {"\"ErrorCode\":\"ResourceNotFoundException\"", false, CALLBACK_REFUSAL_UNDELIVERABLE},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(entries); i++) {
        const struct aws_call call = {
            .operation = "PutEvents",
            .status = STATUS_OK,
            .code = 200,
            .reply = slice_from_text(arena_format(
                fixture->arena, "{\"FailedEntryCount\":0,\"Entries\":[{%s}]}", entries[i].entry))};
        struct stimulus stimulus = {.kind = STIMULUS_DUE};
        callback_bus_read(&call, &stimulus);
        if (stimulus.kind !=
                (entries[i].delivered ? STIMULUS_CALLBACK_DELIVERED : STIMULUS_CALLBACK_REFUSED) ||
            (!entries[i].delivered && stimulus.callback_refusal != entries[i].refusal)) {
            fail_msg("%s: kind %d, refusal %d", entries[i].entry, stimulus.kind,
                     stimulus.callback_refusal);
        }
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(token_is_told_of_success),
        TEST(token_is_told_of_failure),
        TEST(invalid_output_falls_back_to_failure),
        TEST(queue_gets_the_document_and_attributes),
        TEST(fifo_queue_has_group_and_deduplication),
        TEST(topic_gets_the_document_and_attributes),
        TEST(fifo_topic_has_group_and_deduplication),
        TEST(bus_gets_an_event_with_the_document),
        TEST(documents_are_cut_at_their_limits),
        TEST(response_url_gets_an_unsigned_put),
        TEST(repeats_are_byte_identical),
        TEST(every_answer_to_a_token),
        TEST(every_answer_of_a_queue),
        TEST(every_answer_of_a_topic),
        TEST(every_answer_of_a_response_url),
        TEST(every_refusal_of_a_bus),
        TEST(every_entry_of_a_bus),
    };
    return cmocka_run_group_tests_name("callback", tests, NULL, NULL);
}
