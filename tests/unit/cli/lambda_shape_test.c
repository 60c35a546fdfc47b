#include "tests/support/cmocka.h"

#include "infra/cli/lambda_shape.h"

/* --- fixture ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    *state = arena_new(1u << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static struct json parsed(struct arena *arena, const char *text)
{
    struct json root = {0};
    assert_int_equal(json_parse(arena, slice_from_text(text), &root, NULL), STATUS_OK);
    return root;
}

static enum lambda_shape shape_of(struct arena *arena, const char *text)
{
    return lambda_shape_of(parsed(arena, text));
}

/* --- success ---------------------------------------------------------------------------------- */

static void every_shape_is_told(void **state)
{
    static const struct {
        const char *text;
        enum lambda_shape shape;
    } cases[] = {
        {"{\"sqlStatement\":\"x\"}", LAMBDA_REQUEST},
        {"[\"x\"]", LAMBDA_REQUEST},
        {"\"x\"", LAMBDA_REQUEST},
        {"{\"Input\":{\"action\":\"run_x\"}}", LAMBDA_REQUEST},
        {"{\"RequestType\":\"Create\",\"ResponseURL\":\"https://x\"}", LAMBDA_ENVELOPE},
        {"{\"detail-type\":\"Nightly\",\"source\":\"my\",\"detail\":{}}", LAMBDA_ENVELOPE},
        {"{\"detail-type\":\"Scheduled Event\",\"source\":\"my\",\"detail\":{}}", LAMBDA_ENVELOPE},
        {"{\"detail-type\":\"Scheduled Event\",\"source\":\"aws.events\",\"detail\":{}}",
         LAMBDA_SCHEDULE},
        {"{\"detail-type\":\"x\",\"source\":\"aws.redshift-data\",\"detail\":{}}",
         LAMBDA_STATUS_EVENT},
        {"{\"Records\":[{\"eventSource\":\"aws:sqs\"}]}", LAMBDA_MESSAGES},
        {"{\"Records\":[{\"EventSource\":\"aws:sns\"}]}", LAMBDA_NOTIFICATIONS},
        {"{\"Records\":[{\"eventSource\":\"aws:kinesis\"}]}", LAMBDA_UNKNOWN_RECORDS},
        {"{\"Records\":[7]}", LAMBDA_UNKNOWN_RECORDS},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_int_equal(shape_of(*state, cases[i].text), cases[i].shape);
    }
}

static void a_message_is_read(void **state)
{
    struct lambda_message message;
    const struct json record =
        parsed(*state, "{\"messageId\":\"m\",\"body\":\"b\",\"eventSourceARN\":\"a\","
                       "\"attributes\":{\"SentTimestamp\":\"1795178096000\"},"
                       "\"messageAttributes\":{\"ringbackOriginalSource\":"
                       "{\"stringValue\":\"1/q/first\",\"dataType\":\"String\"}}}");
    assert_int_equal(lambda_read_message(record, &message, NULL), STATUS_OK);
    assert_true(slice_equals_text(message.id, "m"));
    assert_true(slice_equals_text(message.body, "b"));
    assert_true(slice_equals_text(message.queue_arn, "a"));
    assert_true(slice_equals_text(message.original_source, "1/q/first"));
    assert_int_equal(message.sent_at_ms, 1795178096000);
}

static void what_a_message_does_not_tell_is_absent(void **state)
{
    struct lambda_message message;
    const struct json record = parsed(*state, "{\"messageId\":\"m\",\"body\":\"\"}");
    assert_int_equal(lambda_read_message(record, &message, NULL), STATUS_OK);
    assert_true(message.queue_arn.data == NULL && message.original_source.data == NULL);
    assert_int_equal(message.sent_at_ms, 0);
}

/* --- failure ---------------------------------------------------------------------------------- */

/* An object of a caller's own that happens to have such a member is a request, to be refused. */
static void records_beside_other_members_are_a_request(void **state)
{
    assert_int_equal(
        shape_of(*state, "{\"Records\":[{\"eventSource\":\"aws:sqs\"}],\"sqlStatement\":\"x\"}"),
        LAMBDA_REQUEST);
    assert_int_equal(shape_of(*state, "{\"Records\":[]}"), LAMBDA_REQUEST);
    assert_int_equal(shape_of(*state, "{\"Records\":{}}"), LAMBDA_REQUEST);
}

static void half_an_envelope_is_a_request(void **state)
{
    assert_int_equal(shape_of(*state, "{\"RequestType\":\"Create\"}"), LAMBDA_REQUEST);
    assert_int_equal(shape_of(*state, "{\"detail-type\":\"x\",\"detail\":\"y\"}"), LAMBDA_REQUEST);
    assert_int_equal(shape_of(*state, "{\"source\":\"aws.events\",\"detail\":{}}"), LAMBDA_REQUEST);
}

static void a_message_without_id_or_body_is_refused(void **state)
{
    struct lambda_message message;
    struct error error = ERROR_NONE;
    assert_int_equal(lambda_read_message(parsed(*state, "{\"body\":\"b\"}"), &message, &error),
                     STATUS_REJECTED);
    assert_string_equal(error.text, "messageId: is required");
    assert_int_equal(
        lambda_read_message(parsed(*state, "{\"messageId\":\"m\",\"body\":7}"), &message, &error),
        STATUS_REJECTED);
    assert_string_equal(error.text, "body: must be a string, got a number");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_shape_is_told),
        TEST(a_message_is_read),
        TEST(what_a_message_does_not_tell_is_absent),
        TEST(records_beside_other_members_are_a_request),
        TEST(half_an_envelope_is_a_request),
        TEST(a_message_without_id_or_body_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
