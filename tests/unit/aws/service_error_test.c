/* Errors of all protocols, as services and what stands before them write them. */
#include "tests/support/cmocka.h"

#include "infra/aws/service_error.h"
#include "infra/base/compiler.h"

#include <string.h>

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(1u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static void assert_reads(struct arena *arena, const char *const answer[4])
{
    const struct http_exchange exchange = {.response_headers = slice_from_text(answer[0]),
                                           .response = slice_from_text(answer[1])};
    char name[AWS_ERROR_NAME_BYTES];
    char message[AWS_ERROR_MESSAGE_BYTES];
    service_error_read(arena, &exchange, name, message);
    assert_string_equal(name, answer[2]);
    assert_string_equal(message, answer[3]);
}

/* Success. */

static void json_errors(void **state)
{
    static const char *const answers[][4] = {
        {"", "{\"__type\":\"ValidationException\",\"message\":\"m\"}", "ValidationException", "m"},
        {"", "{\"__type\":\"com.amazonaws.dynamodb.v20120810#X:http://y\",\"Message\":\"M\"}", "X",
         "M"},
        {"x-amzn-ErrorType: AccessDeniedException:http://i/\r\n", "{\"message\":\"m\"}",
         "AccessDeniedException", "m"},
        {"", "{\"code\":\"Throttling\",\"message\":null,\"Message\":\"M\"}", "Throttling", "M"},
        {"x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n", "{}",
         "QueueDoesNotExist", ""},
        {"x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender\r\n",
         "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\",\"message\":\"no\"}",
         "QueueDoesNotExist", "no"},
        {"x-amzn-query-error: AWS.SimpleQueueService.TooManyEntriesInBatchRequest;Sender\r\n", "",
         "TooManyEntriesInBatchRequest", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        assert_reads(*state, answers[i]);
    }
}

static void xml_errors(void **state)
{
    static const char *const answers[][4] = {
        {"",
         "<?xml version=\"1.0\"?>\n<ErrorResponse><Error><Type>Sender</Type><Code>InvalidParameter"
         "</Code><Message>a &lt;b&gt; &amp;amp; &quot;c&quot;</Message></Error></ErrorResponse>",
         "InvalidParameter", "a <b> &amp; \"c\""},
        {"", "<Error><Code>NoSuchKey</Code></Error>", "NoSuchKey", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        assert_reads(*state, answers[i]);
    }
}

/* Failure. */

static void answers_that_say_nothing(void **state)
{
    static const char *const answers[][4] = {
        {"", "", "", ""},
        {"", "<html><body>502</body></html>", "", ""},
        {"", "<Code>never closed", "", ""},
        {"", "{\"__type\":", "", ""},
        {"", "{\"__type\":7,\"message\":[]}", "", ""},
        {"", "not at all", "", ""},
    };
    for (size_t i = 0; i < ARRAY_COUNT(answers); i++) {
        assert_reads(*state, answers[i]);
    }
}

static void long_texts_are_cut_between_characters(void **state)
{
    static char body[4096] = "{\"message\":\"x";
    for (size_t i = strlen(body); i + 4 < sizeof(body); i += 2) {
        body[i] = '\xC3';
        body[i + 1] = '\xA4';
    }
    const size_t size = strlen(body);
    body[size] = '"';
    body[size + 1] = '}';
    const struct http_exchange exchange = {.response = slice_from_text(body)};
    char name[AWS_ERROR_NAME_BYTES];
    char message[AWS_ERROR_MESSAGE_BYTES];
    service_error_read(*state, &exchange, name, message);
    assert_int_equal(strlen(message), AWS_ERROR_MESSAGE_BYTES - 1);
    assert_true(slice_is_utf8(slice_from_text(message)));
}

/* DynamoDB tells the item of a failed condition along, which has up to 400 KB, as base64. */
static void large_answers_have_names_too(void **state)
{
    static char body[600000];
    static const char start[] = "{\"__type\":\"x#ConditionalCheckFailedException\",\"Item\":"
                                "{\"state\":{\"B\":\"";
    memset(body, 'A', sizeof(body));
    memcpy(body, start, sizeof(start) - 1);
    memcpy(body + sizeof(body) - 5, "\"}}}", 5);
    const struct http_exchange exchange = {.response = slice_from_text(body)};
    char name[AWS_ERROR_NAME_BYTES];
    char message[AWS_ERROR_MESSAGE_BYTES];
    service_error_read(*state, &exchange, name, message);
    assert_string_equal(name, "ConditionalCheckFailedException");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(json_errors),
        TEST(xml_errors),
        TEST(answers_that_say_nothing),
        TEST(long_texts_are_cut_between_characters),
        TEST(large_answers_have_names_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
