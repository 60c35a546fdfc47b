#include "tests/support/cmocka.h"
#include "tests/unit/local/sqs_fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* --- helpers --- */

static void expect_error(struct sqs_fixture *fixture, const char *shape, const char *legacy)
{
    assert_string_equal(sqs_error(fixture), shape);
    assert_string_equal(fixture_header(&fixture->base, "x-amzn-query-error"),
                        sqs_format(fixture, "%s;Sender", legacy));
    assert_true(json_exists(json_member(fixture->base.reply, "message")));
}

static const char *attribute_at(struct sqs_fixture *fixture, size_t index, const char *name)
{
    return fixture_text(&fixture->base, json_member(sqs_message_at(fixture, index), "Attributes"),
                        name);
}

static int change_visibility(struct sqs_fixture *fixture, const char *handle, int seconds)
{
    return sqs_call(fixture, "ChangeMessageVisibility",
                    sqs_format(fixture,
                               "{" QUEUE("q") ",\"ReceiptHandle\":\"%s\",\"VisibilityTimeout\":%d}",
                               handle, seconds));
}

/* --- success --- */

static void sent_message_is_received_with_its_digests(void **state)
{
    struct sqs_fixture *f = *state;
    const char *id = sqs_send(f, "hello");
    assert_int_equal(strlen(id), 36);
    assert_string_equal(fixture_text(&f->base, f->base.reply, "MD5OfMessageBody"),
                        "5d41402abc4b2a76b9719d911017c592");
    assert_int_equal(sqs_receive(f, "q", 1), 1);
    assert_string_equal(sqs_body(f, 0), "hello");
    assert_string_equal(fixture_text(&f->base, sqs_message_at(f, 0), "MessageId"), id);
    assert_string_equal(fixture_text(&f->base, sqs_message_at(f, 0), "MD5OfBody"),
                        "5d41402abc4b2a76b9719d911017c592");
    assert_string_equal(attribute_at(f, 0, "ApproximateReceiveCount"), "1");
    assert_string_equal(attribute_at(f, 0, "SentTimestamp"), "1795000000000");
    assert_string_equal(f->base.response.content_type, "application/x-amz-json-1.0");
}

static void empty_receive_has_no_messages_member(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_receive(f, "q", 10), 0);
    assert_int_equal(json_kind(json_member(f->base.reply, "Messages")), JSON_ABSENT);
    assert_int_equal(json_kind(f->base.reply), JSON_OBJECT);
}

static void deleted_message_never_comes_back(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    assert_int_equal(sqs_delete(f, "q", sqs_handle(f, 0)), 200);
    sqs_advance(f, 3600);
    assert_int_equal(sqs_receive(f, "q", 1), 0);
}

static void invisible_message_comes_back_with_a_higher_count(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    assert_int_equal(sqs_receive(f, "q", 1), 1);
    sqs_advance(f, 29);
    assert_int_equal(sqs_receive(f, "q", 1), 0);
    sqs_advance(f, 1);
    assert_int_equal(sqs_receive(f, "q", 1), 1);
    assert_string_equal(attribute_at(f, 0, "ApproximateReceiveCount"), "2");
    assert_string_equal(attribute_at(f, 0, "ApproximateFirstReceiveTimestamp"), "1795000000000");
}

static void old_handle_succeeds_without_deleting(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    const char *old = sqs_handle(f, 0);
    sqs_advance(f, 30);
    sqs_receive(f, "q", 1);
    const char *newest = sqs_handle(f, 0);
    assert_int_equal(sqs_delete(f, "q", old), 200);
    assert_string_equal(sqs_attribute(f, "q", "ApproximateNumberOfMessagesNotVisible"), "1");
    assert_int_equal(sqs_delete(f, "q", newest), 200);
    assert_string_equal(sqs_attribute(f, "q", "ApproximateNumberOfMessagesNotVisible"), "0");
    assert_int_equal(sqs_delete(f, "q", newest), 200);
}

static void visibility_can_be_changed_both_ways(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    const char *handle = sqs_handle(f, 0);
    assert_int_equal(change_visibility(f, handle, 100), 200);
    sqs_advance(f, 99);
    assert_int_equal(sqs_receive(f, "q", 1), 0);
    assert_int_equal(change_visibility(f, handle, 0), 200);
    assert_int_equal(sqs_receive(f, "q", 1), 1);
}

static void delayed_message_waits_for_its_time(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage", "{" QUEUE("q") ",\"MessageBody\":\"late\",\"DelaySeconds\":5}");
    sqs_send(f, "now");
    assert_string_equal(sqs_attribute(f, "q", "ApproximateNumberOfMessagesDelayed"), "1");
    assert_string_equal(sqs_attribute(f, "q", "ApproximateNumberOfMessages"), "1");
    assert_int_equal(sqs_receive(f, "q", 10), 1);
    sqs_advance(f, 5);
    assert_int_equal(sqs_receive(f, "q", 10), 1);
    assert_string_equal(sqs_body(f, 0), "late");
}

static void message_attributes_return_with_their_digest(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage",
             "{" QUEUE("q") ",\"MessageBody\":\"x\",\"MessageAttributes\":{"
                            "\"zeta\":{\"DataType\":\"Number\",\"StringValue\":\"42\"},"
                            "\"alpha\":{\"DataType\":\"String\",\"StringValue\":\"one\"},"
                            "\"bin\":{\"DataType\":\"Binary\",\"BinaryValue\":\"AAEC\"}}}");
    /* Computed with Python's hashlib over the encoding that AWS documents. */
    assert_string_equal(fixture_text(&f->base, f->base.reply, "MD5OfMessageAttributes"),
                        "18e339ff3afc62cffbe79c63a9d9eecc");
    assert_int_equal(sqs_receive(f, "q", 1), 1);
    struct json message = sqs_message_at(f, 0);
    struct json attributes = json_member(message, "MessageAttributes");
    assert_string_equal(fixture_text(&f->base, message, "MD5OfMessageAttributes"),
                        "18e339ff3afc62cffbe79c63a9d9eecc");
    assert_int_equal(json_count(attributes), 3);
    assert_string_equal(fixture_text(&f->base, json_member(attributes, "bin"), "BinaryValue"),
                        "AAEC");
    assert_string_equal(fixture_text(&f->base, json_member(attributes, "zeta"), "DataType"),
                        "Number");
}

static void only_wanted_attributes_are_told(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage",
             "{" QUEUE("q") ",\"MessageBody\":\"x\",\"MessageAttributes\":{"
                            "\"a.one\":{\"DataType\":\"String\",\"StringValue\":\"1\"},"
                            "\"b\":{\"DataType\":\"String\",\"StringValue\":\"2\"}}}");
    sqs_call(f, "ReceiveMessage",
             "{" QUEUE("q") ",\"MessageAttributeNames\":[\"a.*\"],"
                            "\"MessageSystemAttributeNames\":[\"SentTimestamp\"]}");
    struct json message = sqs_message_at(f, 0);
    assert_int_equal(json_count(json_member(message, "MessageAttributes")), 1);
    assert_int_equal(json_count(json_member(message, "Attributes")), 1);
    assert_string_equal(fixture_text(&f->base, message, "MD5OfMessageAttributes"),
                        "f2fd631f3c1e812e04749cce36500de7");
}

static void batch_tells_each_entry_apart(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_call(f, "SendMessageBatch",
                              "{" QUEUE("q") ",\"Entries\":["
                                             "{\"Id\":\"a\",\"MessageBody\":\"1\"},"
                                             "{\"Id\":\"b\",\"MessageBody\":\"\\u0001\"},"
                                             "{\"Id\":\"c\",\"MessageBody\":\"3\"}]}"),
                     200);
    struct json successful = json_member(f->base.reply, "Successful");
    struct json failed = json_member(f->base.reply, "Failed");
    assert_int_equal(json_count(successful), 2);
    assert_string_equal(fixture_text(&f->base, json_element(successful, 1), "Id"), "c");
    assert_int_equal(json_count(failed), 1);
    assert_string_equal(fixture_text(&f->base, json_element(failed, 0), "Id"), "b");
    assert_string_equal(fixture_text(&f->base, json_element(failed, 0), "Code"),
                        "InvalidMessageContents");
    assert_int_equal(sqs_receive(f, "q", 10), 2);
}

static void batch_delete_reports_bad_handles(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    sqs_call(f, "DeleteMessageBatch",
             sqs_format(f,
                        "{" QUEUE("q") ",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"%s\"},"
                                       "{\"Id\":\"1\",\"ReceiptHandle\":\"nonsense\"}]}",
                        sqs_handle(f, 0)));
    struct json failed = json_member(f->base.reply, "Failed");
    assert_int_equal(json_count(json_member(f->base.reply, "Successful")), 1);
    assert_string_equal(fixture_text(&f->base, json_element(failed, 0), "Code"),
                        "ReceiptHandleIsInvalid");
    assert_string_equal(sqs_attribute(f, "q", "ApproximateNumberOfMessagesNotVisible"), "0");
}

static void batch_visibility_makes_messages_ready(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_send(f, "b");
    assert_int_equal(sqs_receive(f, "q", 2), 2);
    sqs_call(f, "ChangeMessageVisibilityBatch",
             sqs_format(f,
                        "{" QUEUE("q") ",\"Entries\":["
                                       "{\"Id\":\"0\",\"ReceiptHandle\":\"%s\","
                                       "\"VisibilityTimeout\":0},"
                                       "{\"Id\":\"1\",\"ReceiptHandle\":\"%s\","
                                       "\"VisibilityTimeout\":50000}]}",
                        sqs_handle(f, 0), sqs_handle(f, 1)));
    assert_int_equal(json_count(json_member(f->base.reply, "Successful")), 1);
    assert_int_equal(json_count(json_member(f->base.reply, "Failed")), 1);
    assert_int_equal(sqs_receive(f, "q", 10), 1);
    assert_string_equal(sqs_body(f, 0), "a");
}

static void too_often_received_goes_to_the_dead_letter_queue(void **state)
{
    struct sqs_fixture *f = *state;
    local_sqs_create(f->sqs, SLICE("events"));
    assert_true(local_sqs_put(f->sqs, SLICE("events"), SLICE("poison"), 0));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sqs_receive(f, "events", 1), 1);
        sqs_advance(f, 30);
    }
    assert_int_equal(sqs_receive(f, "events", 1), 0);
    assert_string_equal(sqs_attribute(f, "events", "ApproximateNumberOfMessages"), "0");
    assert_int_equal(sqs_receive(f, "events-dead", 1), 1);
    assert_string_equal(sqs_body(f, 0), "poison");
    assert_string_equal(attribute_at(f, 0, "DeadLetterQueueSourceArn"),
                        "arn:aws:sqs:us-east-1:000000000000:events");
    assert_string_equal(attribute_at(f, 0, "SentTimestamp"), "1795000000000");
}

static void old_messages_are_dropped(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SetQueueAttributes",
             "{" QUEUE("q") ",\"Attributes\":{\"MessageRetentionPeriod\":\"60\"}}");
    sqs_send(f, "old");
    sqs_receive(f, "q", 1);
    sqs_advance(f, 10);
    sqs_send(f, "young");
    sqs_advance(f, 50);
    assert_int_equal(sqs_receive(f, "q", 10), 1);
    assert_string_equal(sqs_body(f, 0), "young");
}

static void put_message_may_be_delayed_by_milliseconds(void **state)
{
    struct sqs_fixture *f = *state;
    assert_true(local_sqs_put(f->sqs, SLICE("q"), SLICE("x"), 150));
    assert_int_equal(sqs_receive(f, "q", 1), 0);
    clock_fake_advance(&f->base.clock, 150);
    assert_int_equal(sqs_receive(f, "q", 1), 1);
    assert_false(local_sqs_put(f->sqs, SLICE("none"), SLICE("x"), 0));
}

static void trace_header_travels_along(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage",
             "{" QUEUE("q") ",\"MessageBody\":\"x\",\"MessageSystemAttributes\":{"
                            "\"AWSTraceHeader\":{\"DataType\":\"String\","
                            "\"StringValue\":\"Root=1-2-3\"}}}");
    assert_int_equal(strlen(fixture_text(&f->base, f->base.reply, "MD5OfMessageSystemAttributes")),
                     32);
    sqs_receive(f, "q", 1);
    assert_string_equal(attribute_at(f, 0, "AWSTraceHeader"), "Root=1-2-3");
}

/* A queue holds as many messages as a test likes: no operation walks over them. */
static void many_messages_stay_fast(void **state)
{
    struct sqs_fixture *f = *state;
    enum { COUNT = 100000 };
    struct timespec begin;
    struct timespec end;
    char body[32];
    clock_gettime(CLOCK_MONOTONIC, &begin);
    for (int i = 0; i < COUNT; i++) {
        int size = snprintf(body, sizeof(body), "message %d", i);
        assert_true(local_sqs_put(f->sqs, SLICE("q"), (struct slice){body, (size_t)size}, 0));
    }
    for (int i = 0; i < COUNT / 10; i++) {
        arena_reset(f->base.arena);
        assert_int_equal(sqs_receive(f, "q", 10), 10);
        if (i % 2 == 0) {
            assert_int_equal(sqs_delete(f, "q", sqs_handle(f, 0)), 200);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    assert_int_equal(sqs_receive(f, "q", 10), 0);
    /* A scan per receive would take minutes; sanitizers make it slower by ten. */
    assert_true(end.tv_sec - begin.tv_sec < 30);
}

/* --- failure --- */

static void unknown_queue_is_told_in_both_spellings(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_call(f, "SendMessage", "{" QUEUE("none") ",\"MessageBody\":\"x\"}"), 400);
    assert_string_equal(fixture_text(&f->base, f->base.reply, "__type"),
                        "com.amazonaws.sqs#QueueDoesNotExist");
    expect_error(f, "QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue");
}

static void unknown_operation_is_refused(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_call(f, "Send", "{}"), 400);
    assert_string_equal(sqs_error(f), "UnknownOperationException");
    assert_int_equal(sqs_call(f, "StartMessageMoveTask", "{}"), 400);
    expect_error(f, "UnsupportedOperation", "AWS.SimpleQueueService.UnsupportedOperation");
}

static void forged_handles_are_refused(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    const char *handle = sqs_handle(f, 0);
    assert_int_equal(sqs_delete(f, "q", "AQEBnonsense"), 400);
    expect_error(f, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid");
    sqs_call(f, "CreateQueue", "{\"QueueName\":\"other\"}");
    assert_int_equal(sqs_delete(f, "other", handle), 400);
    expect_error(f, "ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid");
}

static void visibility_needs_a_message_in_flight(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    const char *handle = sqs_handle(f, 0);
    sqs_advance(f, 30);
    assert_int_equal(change_visibility(f, handle, 10), 400);
    expect_error(f, "MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight");
}

static void visibility_ends_twelve_hours_after_the_receive(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_receive(f, "q", 1);
    const char *handle = sqs_handle(f, 0);
    assert_int_equal(change_visibility(f, handle, 43200), 200);
    sqs_advance(f, 1);
    assert_int_equal(change_visibility(f, handle, 43200), 400);
    expect_error(f, "InvalidParameterValueException", "InvalidParameterValue");
    assert_int_equal(change_visibility(f, handle, 43199), 200);
}

static void bodies_must_keep_the_rules(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage", "{" QUEUE("q") ",\"MessageBody\":\"\"}");
    expect_error(f, "MissingRequiredParameterException", "MissingParameter");
    sqs_call(f, "SendMessage", "{" QUEUE("q") ",\"MessageBody\":\"a\\u000bb\"}");
    expect_error(f, "InvalidMessageContents", "InvalidMessageContents");
    sqs_call(f, "SendMessage", "{" QUEUE("q") ",\"MessageBody\":\"a\\uffffb\"}");
    expect_error(f, "InvalidMessageContents", "InvalidMessageContents");
    assert_int_equal(
        sqs_call(f, "SendMessage",
                 "{" QUEUE("q") ",\"MessageBody\":\"\\t\\n\\r\\ufffd\\ud83d\\ude00\"}"),
        200);
}

/* A body of this many letters. */
static const char *letters(struct sqs_fixture *fixture, size_t count)
{
    char *text = arena_alloc(fixture->base.arena, count + 1);
    memset(text, 'x', count);
    return text;
}

static int send_with_attribute(struct sqs_fixture *fixture, size_t body_size)
{
    return sqs_call(fixture, "SendMessage",
                    sqs_format(fixture,
                               "{" QUEUE("q") ",\"MessageBody\":\"%s\",\"MessageAttributes\":{"
                                              "\"n\":{\"DataType\":\"String\","
                                              "\"StringValue\":\"v\"}}}",
                               letters(fixture, body_size)));
}

static void body_and_attributes_share_one_mebibyte(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(send_with_attribute(f, 1048576 - 8), 200);
    assert_int_equal(send_with_attribute(f, 1048576 - 7), 400);
    expect_error(f, "InvalidParameterValueException", "InvalidParameterValue");
    sqs_call(f, "SetQueueAttributes",
             "{" QUEUE("q") ",\"Attributes\":{\"MaximumMessageSize\":\"1024\"}}");
    assert_int_equal(send_with_attribute(f, 1024 - 8), 200);
    assert_int_equal(send_with_attribute(f, 1024 - 7), 400);
}

static void batches_must_keep_the_rules(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessageBatch", "{" QUEUE("q") ",\"Entries\":[]}");
    expect_error(f, "EmptyBatchRequest", "AWS.SimpleQueueService.EmptyBatchRequest");
    sqs_call(f, "SendMessageBatch",
             "{" QUEUE("q") ",\"Entries\":[{\"Id\":\"a\",\"MessageBody\":\"1\"},"
                            "{\"Id\":\"a\",\"MessageBody\":\"2\"}]}");
    expect_error(f, "BatchEntryIdsNotDistinct", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct");
    sqs_call(f, "SendMessageBatch",
             "{" QUEUE("q") ",\"Entries\":[{\"Id\":\"a.b\",\"MessageBody\":\"1\"}]}");
    expect_error(f, "InvalidBatchEntryId", "AWS.SimpleQueueService.InvalidBatchEntryId");
    sqs_call(f, "DeleteMessageBatch",
             "{" QUEUE("q") ",\"Entries\":[{},{},{},{},{},{},{},{},{},{},{}]}");
    expect_error(f, "TooManyEntriesInBatchRequest",
                 "AWS.SimpleQueueService.TooManyEntriesInBatchRequest");
    const char *half = letters(f, 600000);
    sqs_call(f, "SendMessageBatch",
             sqs_format(f,
                        "{" QUEUE("q") ",\"Entries\":[{\"Id\":\"a\",\"MessageBody\":\"%s\"},"
                                       "{\"Id\":\"b\",\"MessageBody\":\"%s\"}]}",
                        half, half));
    expect_error(f, "BatchRequestTooLong", "AWS.SimpleQueueService.BatchRequestTooLong");
    assert_int_equal(sqs_receive(f, "q", 10), 0);
}

static void numbers_outside_their_range_are_refused(void **state)
{
    static const char *const INPUTS[] = {
        "{" QUEUE("q") ",\"MaxNumberOfMessages\":0}",
        "{" QUEUE("q") ",\"MaxNumberOfMessages\":11}",
        "{" QUEUE("q") ",\"WaitTimeSeconds\":21}",
        "{" QUEUE("q") ",\"VisibilityTimeout\":43201}",
        "{" QUEUE("q") ",\"WaitTimeSeconds\":-1}",
    };
    struct sqs_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(INPUTS); i++) {
        assert_int_equal(sqs_call(f, "ReceiveMessage", INPUTS[i]), 400);
        expect_error(f, "InvalidParameterValueException", "InvalidParameterValue");
    }
    sqs_call(f, "ReceiveMessage", "{" QUEUE("q") ",\"WaitTimeSeconds\":\"1\"}");
    assert_string_equal(sqs_error(f), "SerializationException");
    sqs_call(f, "ReceiveMessage", "{" QUEUE("q") ",\"AttributeNames\":[\"Colour\"]}");
    expect_error(f, "InvalidAttributeName", "InvalidAttributeName");
}

static void in_flight_messages_are_limited(void **state)
{
    struct sqs_fixture *f = *state;
    enum { LIMIT = 120000 };
    for (int i = 0; i < LIMIT + 1; i++) {
        assert_true(local_sqs_put(f->sqs, SLICE("q"), SLICE("x"), 0));
    }
    for (int i = 0; i < LIMIT / 10; i++) {
        arena_reset(f->base.arena);
        assert_int_equal(sqs_receive(f, "q", 10), 10);
    }
    assert_int_equal(sqs_call(f, "ReceiveMessage", "{" QUEUE("q") "}"), 403);
    expect_error(f, "OverLimit", "OverLimit");
    assert_int_equal(sqs_call(f, "ReceiveMessage", "{" QUEUE("q") ",\"WaitTimeSeconds\":1}"), 200);
    assert_int_equal(json_count(json_member(f->base.reply, "Messages")), 0);
}

static void bad_attributes_are_refused(void **state)
{
    static const char *const ATTRIBUTES[] = {
        "\"AWS.x\":{\"DataType\":\"String\",\"StringValue\":\"v\"}",
        "\".x\":{\"DataType\":\"String\",\"StringValue\":\"v\"}",
        "\"x\":{\"DataType\":\"Colour\",\"StringValue\":\"v\"}",
        "\"x\":{\"DataType\":\"String\",\"StringValue\":\"\"}",
        "\"x\":{\"DataType\":\"String\"}",
        "\"x\":{\"StringValue\":\"v\"}",
        "\"x\":{\"DataType\":\"Binary\",\"BinaryValue\":\"?\"}",
        "\"x\":{\"DataType\":\"String\",\"StringValue\":\"\\u0002\"}",
    };
    struct sqs_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(ATTRIBUTES); i++) {
        assert_int_equal(
            sqs_call(f, "SendMessage",
                     sqs_format(f,
                                "{" QUEUE("q") ",\"MessageBody\":\"b\",\"MessageAttributes\":{%s}}",
                                ATTRIBUTES[i])),
            400);
        expect_error(f, "InvalidParameterValueException", "InvalidParameterValue");
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sqs_setup, sqs_teardown)
    const struct CMUnitTest tests[] = {
        CASE(sent_message_is_received_with_its_digests),
        CASE(empty_receive_has_no_messages_member),
        CASE(deleted_message_never_comes_back),
        CASE(invisible_message_comes_back_with_a_higher_count),
        CASE(old_handle_succeeds_without_deleting),
        CASE(visibility_can_be_changed_both_ways),
        CASE(delayed_message_waits_for_its_time),
        CASE(message_attributes_return_with_their_digest),
        CASE(only_wanted_attributes_are_told),
        CASE(batch_tells_each_entry_apart),
        CASE(batch_delete_reports_bad_handles),
        CASE(batch_visibility_makes_messages_ready),
        CASE(too_often_received_goes_to_the_dead_letter_queue),
        CASE(old_messages_are_dropped),
        CASE(put_message_may_be_delayed_by_milliseconds),
        CASE(trace_header_travels_along),
        CASE(many_messages_stay_fast),
        CASE(unknown_queue_is_told_in_both_spellings),
        CASE(unknown_operation_is_refused),
        CASE(forged_handles_are_refused),
        CASE(visibility_needs_a_message_in_flight),
        CASE(visibility_ends_twelve_hours_after_the_receive),
        CASE(bodies_must_keep_the_rules),
        CASE(body_and_attributes_share_one_mebibyte),
        CASE(batches_must_keep_the_rules),
        CASE(numbers_outside_their_range_are_refused),
        CASE(in_flight_messages_are_limited),
        CASE(bad_attributes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
