/* Publish as it goes out and its answer as it comes in. */
#include "tests/support/cmocka.h"

#include "infra/aws/sns.h"
#include "infra/base/compiler.h"

#include <string.h>

#define TOPIC         "arn:aws:sns:us-west-2:123456789012:done"
#define TOPIC_ENCODED "arn%3Aaws%3Asns%3Aus-west-2%3A123456789012%3Adone"

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

/* Success. */

static void smallest_message(void **state)
{
    struct aws_call call = {0};
    const struct sns_publish publish = {.topic_arn = SLICE(TOPIC),
                                        .message = SLICE("{\"a\": 1 & \xc3\xa4}")};
    sns_build_publish(*state, &publish, &call);
    assert_int_equal(call.service, AWS_SNS);
    assert_string_equal(call.operation, "Publish");
    assert_slice(call.region, "us-west-2");
    assert_slice(call.body, "Action=Publish&Version=2010-03-31&TopicArn=" TOPIC_ENCODED
                            "&Message=%7B%22a%22%3A%201%20%26%20%C3%A4%7D");
}

static void attributes_group_and_deduplication(void **state)
{
    static const struct sns_attribute attributes[] = {{{"invocationId", 12}, {"x", 1}},
                                                      {{"outcome", 7}, {"TIMED_OUT", 9}}};
    struct aws_call call = {0};
    const struct sns_publish publish = {.topic_arn = SLICE(TOPIC ".fifo"),
                                        .message = SLICE("m"),
                                        .attributes = attributes,
                                        .attribute_count = ARRAY_COUNT(attributes),
                                        .group_id = SLICE("x"),
                                        .deduplication_id = SLICE("x.2")};
    sns_build_publish(*state, &publish, &call);
    assert_slice(call.body,
                 "Action=Publish&Version=2010-03-31&TopicArn=" TOPIC_ENCODED ".fifo&Message=m"
                 "&MessageAttributes.entry.1.Name=invocationId"
                 "&MessageAttributes.entry.1.Value.DataType=String"
                 "&MessageAttributes.entry.1.Value.StringValue=x"
                 "&MessageAttributes.entry.2.Name=outcome"
                 "&MessageAttributes.entry.2.Value.DataType=String"
                 "&MessageAttributes.entry.2.Value.StringValue=TIMED_OUT"
                 "&MessageGroupId=x&MessageDeduplicationId=x.2");
}

static void largest_message_goes_out_whole(void **state)
{
    static char message[SNS_MESSAGE_MAX_BYTES];
    memset(message, '"', sizeof(message));
    struct aws_call call = {0};
    const struct sns_publish publish = {.topic_arn = SLICE(TOPIC),
                                        .message = {message, sizeof(message)}};
    sns_build_publish(*state, &publish, &call);
    assert_true(call.body.size > 3 * sizeof(message));
    assert_true(slice_ends_with(call.body, SLICE("%22%22")));
}

static void answer_has_an_id(void **state)
{
    struct slice id = SLICE_NONE;
    struct error error = ERROR_NONE;
    const struct aws_call call = {
        .operation = "Publish",
        .reply = SLICE("<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\">"
                       "<PublishResult><MessageId>567910cd</MessageId></PublishResult>"
                       "<ResponseMetadata><RequestId>d74b</RequestId></ResponseMetadata>"
                       "</PublishResponse>")};
    assert_int_equal(sns_read_publish(*state, &call, &id, &error), STATUS_OK);
    assert_slice(id, "567910cd");
}

/* Failure. */

static void answer_without_an_id_breaks_the_contract(void **state)
{
    struct slice id = SLICE_NONE;
    struct error error = ERROR_NONE;
    const struct aws_call call = {.operation = "Publish", .reply = SLICE("<html/>")};
    assert_int_equal(sns_read_publish(*state, &call, &id, &error), STATUS_INTERNAL);
    assert_string_equal(error.text, "sns.Publish: the answer has no MessageId");
}

static void what_is_no_arn_names_no_region(void **state)
{
    struct aws_call call = {.region = SLICE("left-over-1")};
    const struct sns_publish publish = {.topic_arn = SLICE("done"), .message = SLICE("m")};
    sns_build_publish(*state, &publish, &call);
    assert_null(call.region.data);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(smallest_message),
        TEST(attributes_group_and_deduplication),
        TEST(largest_message_goes_out_whole),
        TEST(answer_has_an_id),
        TEST(answer_without_an_id_breaks_the_contract),
        TEST(what_is_no_arn_names_no_region),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
