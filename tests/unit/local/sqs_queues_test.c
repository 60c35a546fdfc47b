#include "tests/support/cmocka.h"
#include "tests/unit/local/sqs_fixture.h"

#include <string.h>

/* --- helpers --- */

static int create(struct sqs_fixture *fixture, const char *name, const char *attributes)
{
    return sqs_call(
        fixture, "CreateQueue",
        sqs_format(fixture, "{\"QueueName\":\"%s\",\"Attributes\":{%s}}", name, attributes));
}

static int set(struct sqs_fixture *fixture, const char *attributes)
{
    return sqs_call(fixture, "SetQueueAttributes",
                    sqs_format(fixture, "{" QUEUE("q") ",\"Attributes\":{%s}}", attributes));
}

/* --- success --- */

static void queue_url_has_our_address(void **state)
{
    struct sqs_fixture *f = *state;
    const char *url = "http://" FIXTURE_ADDRESS "/000000000000/new";
    assert_int_equal(create(f, "new", ""), 200);
    assert_string_equal(fixture_text(&f->base, f->base.reply, "QueueUrl"), url);
    sqs_call(f, "GetQueueUrl", "{\"QueueName\":\"new\"}");
    assert_string_equal(fixture_text(&f->base, f->base.reply, "QueueUrl"), url);
}

static void new_queue_has_the_documented_defaults(void **state)
{
    static const char *const DEFAULTS[][2] = {
        {"VisibilityTimeout", "30"},
        {"DelaySeconds", "0"},
        {"MessageRetentionPeriod", "345600"},
        {"ReceiveMessageWaitTimeSeconds", "0"},
        {"MaximumMessageSize", "1048576"},
        {"QueueArn", "arn:aws:sqs:us-east-1:000000000000:q"},
        {"ApproximateNumberOfMessages", "0"},
        {"CreatedTimestamp", "1795000000"},
        {"RedrivePolicy", ""},
        {"FifoQueue", ""},
        {"ContentBasedDeduplication", ""},
    };
    struct sqs_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(DEFAULTS); i++) {
        assert_string_equal(sqs_attribute(f, "q", DEFAULTS[i][0]), DEFAULTS[i][1]);
    }
    assert_string_equal(sqs_attribute(f, "f.fifo", "FifoQueue"), "true");
    assert_string_equal(sqs_attribute(f, "f.fifo", "DeduplicationScope"), "queue");
}

static void only_named_attributes_are_told(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "GetQueueAttributes",
             "{" QUEUE("q") ",\"AttributeNames\":[\"QueueArn\",\"VisibilityTimeout\"]}");
    assert_int_equal(json_count(json_member(f->base.reply, "Attributes")), 2);
}

static void set_attributes_take_effect(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(set(f, "\"VisibilityTimeout\":\"5\",\"DelaySeconds\":\"2\""), 200);
    sqs_send(f, "x");
    assert_int_equal(sqs_receive(f, "q", 1), 0);
    sqs_advance(f, 2);
    assert_int_equal(sqs_receive(f, "q", 1), 1);
    sqs_advance(f, 5);
    assert_int_equal(sqs_receive(f, "q", 1), 1);
}

static void creating_again_with_the_same_attributes_is_the_same_queue(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(create(f, "new", "\"DelaySeconds\":\"7\""), 200);
    assert_int_equal(create(f, "new", "\"DelaySeconds\":\"7\""), 200);
    assert_int_equal(create(f, "new", ""), 200);
}

static void queues_are_listed_by_prefix_and_page(void **state)
{
    struct sqs_fixture *f = *state;
    create(f, "p-1", "");
    create(f, "p-2", "");
    create(f, "p-3", "");
    sqs_call(f, "ListQueues", "{\"QueueNamePrefix\":\"p-\",\"MaxResults\":2}");
    assert_int_equal(json_count(json_member(f->base.reply, "QueueUrls")), 2);
    const char *token = fixture_text(&f->base, f->base.reply, "NextToken");
    sqs_call(
        f, "ListQueues",
        sqs_format(f, "{\"QueueNamePrefix\":\"p-\",\"MaxResults\":2,\"NextToken\":\"%s\"}", token));
    assert_int_equal(json_count(json_member(f->base.reply, "QueueUrls")), 1);
    assert_false(json_exists(json_member(f->base.reply, "NextToken")));
}

static void purged_queue_is_empty(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_send(f, "a");
    sqs_send(f, "b");
    sqs_receive(f, "q", 1);
    assert_int_equal(sqs_call(f, "PurgeQueue", "{" QUEUE("q") "}"), 200);
    sqs_advance(f, 30);
    assert_int_equal(sqs_receive(f, "q", 10), 0);
}

static void made_queue_redrives_to_its_dead_queue(void **state)
{
    struct sqs_fixture *f = *state;
    local_sqs_create(f->sqs, SLICE("events"));
    local_sqs_create(f->sqs, SLICE("events"));
    assert_string_equal(sqs_attribute(f, "events", "RedrivePolicy"),
                        "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:"
                        "events-dead\",\"maxReceiveCount\":5}");
    sqs_call(f, "ListQueues", "{\"QueueNamePrefix\":\"events\"}");
    assert_int_equal(json_count(json_member(f->base.reply, "QueueUrls")), 2);
}

static void long_names_have_a_dead_queue_too(void **state)
{
    static const char NAME[] =
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.fifo";
    struct sqs_fixture *f = *state;
    local_sqs_create(f->sqs, slice_from_text(NAME));
    sqs_call(f, "ListQueues", "{\"QueueNamePrefix\":\"aaaa\"}");
    struct json urls = json_member(f->base.reply, "QueueUrls");
    struct slice dead = SLICE_NONE;
    assert_int_equal(json_count(urls), 2);
    assert_int_equal(json_text(json_element(urls, 1), &dead, NULL), STATUS_OK);
    assert_true(slice_ends_with(dead, SLICE("aaa-dead.fifo")));
}

static void redrive_can_be_taken_away(void **state)
{
    struct sqs_fixture *f = *state;
    create(f, "dead", "");
    assert_int_equal(set(f, "\"RedrivePolicy\":\"{\\\"deadLetterTargetArn\\\":"
                            "\\\"arn:aws:sqs:us-east-1:000000000000:dead\\\","
                            "\\\"maxReceiveCount\\\":\\\"1\\\"}\""),
                     200);
    assert_int_equal(set(f, "\"RedrivePolicy\":\"\""), 200);
    sqs_send(f, "x");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sqs_receive(f, "q", 1), 1);
        sqs_advance(f, 30);
    }
}

/* --- failure --- */

static void other_attributes_are_another_queue(void **state)
{
    struct sqs_fixture *f = *state;
    create(f, "new", "\"DelaySeconds\":\"7\"");
    assert_int_equal(create(f, "new", "\"DelaySeconds\":\"8\""), 400);
    assert_string_equal(sqs_error(f), "QueueNameExists");
    assert_string_equal(fixture_header(&f->base, "x-amzn-query-error"),
                        "QueueAlreadyExists;Sender");
}

static void deleted_queue_rests_for_a_minute(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_call(f, "DeleteQueue", "{" QUEUE("q") "}"), 200);
    assert_int_equal(sqs_call(f, "PurgeQueue", "{" QUEUE("q") "}"), 400);
    assert_string_equal(sqs_error(f), "QueueDoesNotExist");
    sqs_advance(f, 59);
    assert_int_equal(create(f, "q", ""), 400);
    assert_string_equal(sqs_error(f), "QueueDeletedRecently");
    sqs_advance(f, 1);
    assert_int_equal(create(f, "q", ""), 200);
}

static void second_purge_within_a_minute_is_refused(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "PurgeQueue", "{" QUEUE("q") "}");
    assert_int_equal(sqs_call(f, "PurgeQueue", "{" QUEUE("q") "}"), 403);
    assert_string_equal(sqs_error(f), "PurgeQueueInProgress");
    sqs_advance(f, 60);
    assert_int_equal(sqs_call(f, "PurgeQueue", "{" QUEUE("q") "}"), 200);
}

static void names_must_keep_the_rules(void **state)
{
    struct sqs_fixture *f = *state;
    static const char *const NAMES[] = {
        "a.b", "a b", ".fifo", "x.fifo",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        assert_int_equal(create(f, NAMES[i], ""), 400);
        assert_string_equal(sqs_error(f), "InvalidParameterValueException");
    }
    assert_int_equal(create(f, "plain", "\"FifoQueue\":\"true\""), 400);
    assert_int_equal(sqs_call(f, "CreateQueue", "{}"), 400);
    assert_string_equal(sqs_error(f), "MissingRequiredParameterException");
}

static void attribute_values_must_keep_the_rules(void **state)
{
    static const char *const VALUES[] = {
        "\"VisibilityTimeout\":\"43201\"",   "\"DelaySeconds\":\"x\"",
        "\"MessageRetentionPeriod\":\"59\"", "\"MaximumMessageSize\":\"1048577\"",
        "\"SqsManagedSseEnabled\":\"yes\"",
    };
    static const char *const NAMES[] = {
        "\"Colour\":\"red\"",
        "\"QueueArn\":\"x\"",
        "\"ContentBasedDeduplication\":\"true\"",
        "\"FifoQueue\":\"true\"",
    };
    struct sqs_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(VALUES); i++) {
        assert_int_equal(set(f, VALUES[i]), 400);
        assert_string_equal(sqs_error(f), "InvalidAttributeValue");
    }
    for (size_t i = 0; i < ARRAY_COUNT(NAMES); i++) {
        assert_int_equal(set(f, NAMES[i]), 400);
        assert_string_equal(sqs_error(f), "InvalidAttributeName");
    }
}

static void one_bad_attribute_sets_none(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(set(f, "\"DelaySeconds\":\"9\",\"VisibilityTimeout\":\"-1\""), 400);
    assert_string_equal(sqs_attribute(f, "q", "DelaySeconds"), "0");
}

static void redrive_needs_an_existing_queue_of_the_same_kind(void **state)
{
    static const char *const POLICIES[] = {
        "{}",
        "no json",
        "{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:000000000000:none\\\","
        "\\\"maxReceiveCount\\\":5}",
        "{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:000000000000:q\\\","
        "\\\"maxReceiveCount\\\":5}",
        "{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:000000000000:f.fifo\\\","
        "\\\"maxReceiveCount\\\":5}",
        "{\\\"deadLetterTargetArn\\\":\\\"arn:aws:sqs:us-east-1:000000000000:dead\\\","
        "\\\"maxReceiveCount\\\":0}",
    };
    struct sqs_fixture *f = *state;
    create(f, "dead", "");
    for (size_t i = 0; i < ARRAY_COUNT(POLICIES); i++) {
        assert_int_equal(set(f, sqs_format(f, "\"RedrivePolicy\":\"%s\"", POLICIES[i])), 400);
        assert_string_equal(sqs_error(f), "InvalidParameterValueException");
    }
}

static void queue_url_must_be_one(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_call(f, "PurgeQueue", "{\"QueueUrl\":\"q\"}"), 404);
    assert_string_equal(sqs_error(f), "InvalidAddress");
    assert_int_equal(sqs_call(f, "PurgeQueue", "{}"), 400);
    assert_string_equal(sqs_error(f), "MissingRequiredParameterException");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sqs_setup, sqs_teardown)
    const struct CMUnitTest tests[] = {
        CASE(queue_url_has_our_address),
        CASE(new_queue_has_the_documented_defaults),
        CASE(only_named_attributes_are_told),
        CASE(set_attributes_take_effect),
        CASE(creating_again_with_the_same_attributes_is_the_same_queue),
        CASE(queues_are_listed_by_prefix_and_page),
        CASE(purged_queue_is_empty),
        CASE(made_queue_redrives_to_its_dead_queue),
        CASE(long_names_have_a_dead_queue_too),
        CASE(redrive_can_be_taken_away),
        CASE(other_attributes_are_another_queue),
        CASE(deleted_queue_rests_for_a_minute),
        CASE(second_purge_within_a_minute_is_refused),
        CASE(names_must_keep_the_rules),
        CASE(attribute_values_must_keep_the_rules),
        CASE(one_bad_attribute_sets_none),
        CASE(redrive_needs_an_existing_queue_of_the_same_kind),
        CASE(queue_url_must_be_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
