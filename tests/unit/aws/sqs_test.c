/* SQS calls as they go out and answers as they come in. */
#include "tests/support/cmocka.h"

#include "infra/aws/sqs.h"
#include "infra/base/compiler.h"

#include <string.h>

#define URL "http://127.0.0.1/000000000000/q"

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(16u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

static struct aws_call answered(const char *reply)
{
    return (struct aws_call){.service = AWS_SQS,
                             .operation = "X",
                             .status = STATUS_OK,
                             .code = 200,
                             .reply = slice_from_text(reply)};
}

/* Success. */

static void queue_is_asked_for_in_its_region(void **state)
{
    static const struct {
        const char *url;
        const char *region; /* NULL: none */
    } urls[] = {
        {"https://sqs.us-west-2.amazonaws.com/123456789012/q", "us-west-2"},
        {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", "cn-north-1"},
        {"https://sqs.eu-west-1.api.aws/123456789012/q", "eu-west-1"},
        {"http://127.0.0.1:4566/000000000000/q", NULL},
        {"https://sqs.example.com/1/q", NULL},
        {"https://sqs.us-west-2.example.com/1/q", NULL},
        {"https://sqs.evil/.amazonaws.com/1/q", NULL},
        {"https://sqs", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        struct aws_call call = {0};
        const struct sqs_send send = {.queue_url = slice_from_text(urls[i].url),
                                      .body = SLICE("m")};
        sqs_build_send(*state, &send, &call);
        if (urls[i].region == NULL) {
            assert_null(call.region.data);
        } else {
            assert_slice(call.region, urls[i].region);
        }
    }
}

static void receive_is_a_long_poll_with_time_to_spare(void **state)
{
    struct aws_call call = {0};
    sqs_build_receive(*state, URL, 10, 20, 120, &call);
    assert_string_equal(call.operation, "ReceiveMessage");
    assert_true(call.long_poll);
    assert_int_equal(call.timeout_ms, 25000);
    assert_slice(call.body,
                 "{\"QueueUrl\":\"" URL "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
                 "\"VisibilityTimeout\":120,\"MessageSystemAttributeNames\":["
                 "\"ApproximateReceiveCount\",\"SentTimestamp\",\"DeadLetterQueueSourceArn\"],"
                 "\"AttributeNames\":["
                 "\"ApproximateReceiveCount\",\"SentTimestamp\",\"DeadLetterQueueSourceArn\"],"
                 "\"MessageAttributeNames\":["
                 "\"ringbackOriginalSource\",\"RULE_ARN\",\"ERROR_CODE\",\"ERROR_MESSAGE\"]}");
    struct aws_call quick = {0};
    sqs_build_receive(*state, URL, 1, 0, 120, &quick);
    assert_false(quick.long_poll);
    assert_int_equal(quick.timeout_ms, 0);
}

static void messages_with_and_without_attributes(void **state)
{
    const struct aws_call call = answered(
        "{\"Messages\":[{\"MessageId\":\"m1\",\"ReceiptHandle\":\"r1\",\"Body\":\"b1\","
        "\"Attributes\":{\"ApproximateReceiveCount\":\"3\",\"SentTimestamp\":\"1795178096000\"},"
        "\"MessageAttributes\":{\"ringbackOriginalSource\":{\"DataType\":\"String\","
        "\"StringValue\":\"q/m0\"}}},{\"ReceiptHandle\":\"r2\",\"Body\":\"\"}]}");
    struct sqs_message *messages = NULL;
    size_t count = 0;
    assert_int_equal(sqs_read_receive(*state, &call, &messages, &count, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    assert_slice(messages[0].message_id, "m1");
    assert_slice(messages[0].receipt_handle, "r1");
    assert_slice(messages[0].body, "b1");
    assert_int_equal(messages[0].receive_count, 3);
    assert_int_equal(messages[0].sent_at_ms, 1795178096000);
    assert_slice(messages[0].original_source, "q/m0");
    assert_slice(messages[1].body, "");
    assert_int_equal(messages[1].receive_count, 0);
    assert_null(messages[1].original_source.data);
}

/* https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html */
static void messages_of_dead_letter_queues(void **state)
{
    const struct aws_call call =
        answered("{\"Messages\":[{\"ReceiptHandle\":\"a\",\"Body\":\"x\",\"Attributes\":"
                 "{\"DeadLetterQueueSourceArn\":\"arn:aws:sqs:us-east-1:1:events\"}},"
                 "{\"ReceiptHandle\":\"b\",\"Body\":\"y\",\"MessageAttributes\":{"
                 "\"RULE_ARN\":{\"DataType\":\"String\",\"StringValue\":\"arn:rule\"},"
                 "\"ERROR_CODE\":{\"DataType\":\"String\",\"StringValue\":\"NO_PERMISSIONS\"}}}]}");
    struct sqs_message *messages = NULL;
    size_t count = 0;
    assert_int_equal(sqs_read_receive(*state, &call, &messages, &count, NULL), STATUS_OK);
    assert_int_equal(count, 2);
    assert_slice(messages[0].dead_source, "arn:aws:sqs:us-east-1:1:events");
    assert_true(messages[0].rule_arn.data == NULL);
    assert_slice(messages[1].rule_arn, "arn:rule");
    assert_slice(messages[1].rule_problem, "NO_PERMISSIONS");
    assert_true(messages[1].dead_source.data == NULL);
}

static void empty_queue_is_no_error(void **state)
{
    static const char *const replies[] = {"{}", "", "{\"Messages\":[]}", "{\"Messages\":null}"};
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct sqs_message *messages = NULL;
        size_t count = 9;
        const struct aws_call call = answered(replies[i]);
        assert_int_equal(sqs_read_receive(*state, &call, &messages, &count, NULL), STATUS_OK);
        assert_int_equal(count, 0);
    }
}

static void batches_are_numbered(void **state)
{
    const struct slice handles[] = {SLICE("a"), SLICE("b")};
    const int64_t seconds[] = {0, 30};
    struct aws_call call = {0};
    sqs_build_delete(*state, URL, handles, 2, &call);
    assert_string_equal(call.operation, "DeleteMessageBatch");
    assert_slice(call.body, "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\","
                            "\"ReceiptHandle\":\"a\"},{\"Id\":\"1\",\"ReceiptHandle\":\"b\"}]}");
    sqs_build_visibility(*state, URL, handles, seconds, 2, &call);
    assert_string_equal(call.operation, "ChangeMessageVisibilityBatch");
    assert_slice(call.body,
                 "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"a\","
                 "\"VisibilityTimeout\":0},{\"Id\":\"1\",\"ReceiptHandle\":\"b\","
                 "\"VisibilityTimeout\":30}]}");
}

static void failed_entries_are_marked(void **state)
{
    bool failed[3] = {true, true, true};
    size_t failed_count = 0;
    struct aws_call call = answered("{\"Successful\":[{\"Id\":\"0\"}],\"Failed\":[{\"Id\":\"2\"},"
                                    "{\"Id\":\"1\"},{\"Id\":\"2\"}]}");
    assert_int_equal(sqs_read_batch(*state, &call, failed, 3, &failed_count, NULL), STATUS_OK);
    assert_int_equal(failed_count, 2);
    assert_false(failed[0]);
    assert_true(failed[1] && failed[2]);
    call = answered("{\"Successful\":[]}");
    assert_int_equal(sqs_read_batch(*state, &call, failed, 3, &failed_count, NULL), STATUS_OK);
    assert_int_equal(failed_count, 0);
}

static void send_with_attributes_and_group(void **state)
{
    const struct sqs_attribute attributes[] = {{SLICE("outcome"), SLICE("FINISHED")}};
    const struct sqs_send send = {.queue_url = SLICE(URL),
                                  .body = SLICE("{\"a\":1}"),
                                  .delay_seconds = 5,
                                  .attributes = attributes,
                                  .attribute_count = 1,
                                  .group_id = SLICE("g"),
                                  .deduplication_id = SLICE("d")};
    struct aws_call call = {0};
    struct slice id = SLICE_NONE;
    sqs_build_send(*state, &send, &call);
    assert_slice(call.body,
                 "{\"QueueUrl\":\"" URL "\",\"MessageBody\":\"{\\\"a\\\":1}\",\"DelaySeconds\":5,"
                 "\"MessageAttributes\":{\"outcome\":{\"DataType\":\"String\",\"StringValue\":"
                 "\"FINISHED\"}},\"MessageGroupId\":\"g\",\"MessageDeduplicationId\":\"d\"}");
    call = answered("{\"MessageId\":\"m\"}");
    assert_int_equal(sqs_read_send(*state, &call, &id, NULL), STATUS_OK);
    assert_slice(id, "m");
}

static void attributes_of_a_queue(void **state)
{
    struct sqs_queue queue;
    struct aws_call call = {0};
    sqs_build_attributes(*state, URL, &call);
    assert_slice(call.body, "{\"QueueUrl\":\"" URL "\",\"AttributeNames\":[\"All\"]}");
    call = answered("{\"Attributes\":{\"QueueArn\":\"arn:q\",\"ApproximateNumberOfMessages\":"
                    "\"12\",\"ApproximateNumberOfMessagesNotVisible\":\"3\","
                    "\"VisibilityTimeout\":\"0\",\"MessageRetentionPeriod\":\"345600\","
                    "\"FifoQueue\":\"true\",\"Policy\":\"{}\",\"KmsMasterKeyId\":\"k\","
                    "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"arn:d\\\","
                    "\\\"maxReceiveCount\\\":20}\"}}");
    assert_int_equal(sqs_read_attributes(*state, &call, &queue, NULL), STATUS_OK);
    assert_slice(queue.arn, "arn:q");
    assert_int_equal(queue.visible, 12);
    assert_int_equal(queue.in_flight, 3);
    assert_int_equal(queue.visibility_seconds, 0);
    assert_int_equal(queue.retention_seconds, 345600);
    assert_true(queue.is_fifo);
    assert_slice(queue.policy, "{}");
    assert_slice(queue.key_id, "k");
    assert_slice(queue.dead_letter_arn, "arn:d");
    assert_int_equal(queue.max_receive_count, 20);
}

static void attributes_that_are_not_told(void **state)
{
    struct sqs_queue queue;
    struct aws_call call = answered("{\"Attributes\":{\"QueueArn\":\"arn:q\"}}");
    assert_int_equal(sqs_read_attributes(*state, &call, &queue, NULL), STATUS_OK);
    assert_int_equal(queue.visibility_seconds, -1);
    assert_int_equal(queue.retention_seconds, -1);
    assert_int_equal(queue.max_receive_count, -1);
    assert_false(queue.is_fifo);
    assert_null(queue.policy.data);
    assert_null(queue.dead_letter_arn.data);
}

/* CloudFormation writes the number as a text. */
static void receives_as_text(void **state)
{
    struct sqs_queue queue;
    struct aws_call call =
        answered("{\"Attributes\":{\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":"
                 "\\\"arn:d\\\",\\\"maxReceiveCount\\\":\\\"7\\\"}\"}}");
    assert_int_equal(sqs_read_attributes(*state, &call, &queue, NULL), STATUS_OK);
    assert_int_equal(queue.max_receive_count, 7);
}

/* Failure. */

static void attributes_outside_the_contract(void **state)
{
    static const char *const replies[] = {
        "[]",
        "{\"Attributes\":{\"Policy\":{}}}",
        "{\"Attributes\":{\"RedrivePolicy\":\"x\"}}",
        "{\"Attributes\":{\"RedrivePolicy\":\"{}\"}}",
        "{\"Attributes\":{\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":\\\"a\\\"}\"}}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct sqs_queue queue;
        struct error error = ERROR_NONE;
        struct aws_call call = answered(replies[i]);
        if (sqs_read_attributes(*state, &call, &queue, &error) != STATUS_INTERNAL) {
            fail_msg("taken: %s", replies[i]);
        }
        assert_true(strncmp(error.text, "sqs.X: ", 7) == 0);
    }
}

static void messages_outside_the_contract(void **state)
{
    static const char *const replies[] = {
        "[]",
        "<html>",
        "{\"Messages\":{}}",
        "{\"Messages\":[{}]}",
        "{\"Messages\":[1]}",
        "{\"Messages\":[{\"ReceiptHandle\":\"r\",\"Body\":1}]}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct sqs_message *messages = NULL;
        struct error error = ERROR_NONE;
        size_t count = 9;
        const struct aws_call call = answered(replies[i]);
        assert_int_equal(sqs_read_receive(*state, &call, &messages, &count, &error),
                         STATUS_INTERNAL);
        assert_int_equal(count, 0);
        assert_non_null(strstr(error.text, "sqs.X"));
    }
}

static void failed_entry_that_was_never_sent(void **state)
{
    static const char *const replies[] = {"{\"Failed\":[{\"Id\":\"3\"}]}",
                                          "{\"Failed\":[{\"Id\":\"x\"}]}", "{\"Failed\":[{}]}",
                                          "{\"Failed\":[{\"Id\":\"-1\"}]}"};
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        bool failed[3];
        size_t failed_count = 0;
        const struct aws_call call = answered(replies[i]);
        assert_int_equal(sqs_read_batch(*state, &call, failed, 3, &failed_count, NULL),
                         STATUS_INTERNAL);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(queue_is_asked_for_in_its_region),
        TEST(receive_is_a_long_poll_with_time_to_spare),
        TEST(messages_with_and_without_attributes),
        TEST(messages_of_dead_letter_queues),
        TEST(empty_queue_is_no_error),
        TEST(batches_are_numbered),
        TEST(failed_entries_are_marked),
        TEST(send_with_attributes_and_group),
        TEST(attributes_of_a_queue),
        TEST(attributes_that_are_not_told),
        TEST(receives_as_text),
        TEST(attributes_outside_the_contract),
        TEST(messages_outside_the_contract),
        TEST(failed_entry_that_was_never_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
