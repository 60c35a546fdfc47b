/* Who is told: every kind of address, its rules, and what can be read of a refused request. */
#include "invoker/request.h"
#include "tests/support/cmocka.h"

#include "infra/base/compiler.h"

#include <string.h>

#define SQL   "\"sqlStatement\":\"select 1\""
#define TOPIC "arn:aws:sns:eu-west-1:123456789012:done"
#define BUS   "arn:aws:events:eu-west-1:123456789012:event-bus/a/b"
#define QUEUE "https://sqs.eu-west-1.amazonaws.com/1/q"

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

static enum status parse(struct fixture *fixture, const char *members)
{
    const char *body = arena_format(fixture->arena, "{%s}", members);
    fixture->error = ERROR_NONE;
    return request_parse(fixture->arena, slice_from_text(body), &fixture->request,
                         &fixture->addresses, &fixture->error);
}

static const struct request *accept(struct fixture *fixture, const char *members)
{
    if (parse(fixture, members) != STATUS_OK) {
        fail_msg("%s\n  refused: %s", members, fixture->error.text);
    }
    return &fixture->request;
}

static void assert_address(const struct address *address, enum address_kind kind,
                           enum address_when when, const char *target)
{
    assert_int_equal(address->kind, kind);
    assert_int_equal(address->when, when);
    if (!slice_equals_text(address->target, target)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(address->target), target);
    }
    assert_int_equal(strlen(address->digest), ADDRESS_DIGEST_BYTES);
}

/* "[{...},{...}]" of so many topics. */
static const char *topics(struct fixture *fixture, size_t count)
{
    const char *list = "";
    for (size_t i = 0; i < count; i++) {
        list = arena_format(fixture->arena, "%s%s{\"topicArn\":\"" TOPIC "%zu\"}", list,
                            i > 0 ? "," : "", i);
    }
    return arena_format(fixture->arena, "[%s]", list);
}

/* ---- Success ---- */

static void reply_goes_to_each_kind(void **context)
{
    static const struct {
        const char *member;
        enum address_kind kind;
        const char *target;
    } cases[] = {
        {"queueUrl", ADDRESS_QUEUE, QUEUE},
        {"queueUrl", ADDRESS_QUEUE, QUEUE ".fifo"},
        {"topicArn", ADDRESS_TOPIC, TOPIC},
        {"topicArn", ADDRESS_TOPIC, "arn:aws-us-gov:sns:us-gov-east-1:1:T_-1.fifo"},
        {"eventBusName", ADDRESS_BUS, "default"},
        {"eventBusName", ADDRESS_BUS, "aws.partner/x.y/a-b_c"},
        {"eventBusName", ADDRESS_BUS, BUS},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct request *request =
            accept(fixture, arena_format(fixture->arena, SQL ",\"replyTo\":{\"%s\":\"%s\"}",
                                         cases[i].member, cases[i].target));
        assert_address(&request->reply_to, cases[i].kind, ADDRESS_ALWAYS, cases[i].target);
        assert_int_equal(request->notify.count, 0);
    }
}

static void notify_takes_one_or_a_list(void **context)
{
    const struct request *request = accept(
        *context, SQL ",\"notify\":{\"onFailure\":[{\"eventBusName\":\"default\"},"
                      "{\"queueUrl\":\"" QUEUE "\"}],\"onSuccess\":{\"topicArn\":\"" TOPIC "\"}}");
    assert_int_equal(request->reply_to.kind, ADDRESS_NONE);
    assert_int_equal(request->notify.count, 3);
    assert_address(&request->notify.addresses[0], ADDRESS_TOPIC, ADDRESS_ON_SUCCESS, TOPIC);
    assert_address(&request->notify.addresses[1], ADDRESS_BUS, ADDRESS_ON_FAILURE, "default");
    assert_address(&request->notify.addresses[2], ADDRESS_QUEUE, ADDRESS_ON_FAILURE, QUEUE);
}

static void notify_of_one_side_and_of_seven(void **context)
{
    struct fixture *fixture = *context;
    const struct request *request =
        accept(fixture,
               arena_format(fixture->arena, SQL ",\"notify\":{\"onSuccess\":%s,\"onFailure\":null}",
                            topics(fixture, 7)));
    assert_int_equal(request->notify.count, 7);
    assert_address(&request->notify.addresses[6], ADDRESS_TOPIC, ADDRESS_ON_SUCCESS, TOPIC "6");
    assert_int_equal(accept(fixture, SQL ",\"notify\":null")->notify.count, 0);
}

static void addresses_are_no_part_of_the_digest(void **context)
{
    struct fixture *fixture = *context;
    const char *plain = arena_format(fixture->arena, "%s", accept(fixture, SQL)->digest);
    assert_string_equal(accept(fixture, SQL ",\"replyTo\":{\"topicArn\":\"" TOPIC "\"}")->digest,
                        plain);
    assert_string_equal(
        accept(fixture, SQL ",\"notify\":{\"onSuccess\":{\"eventBusName\":\"b\"}}")->digest, plain);
}

static void refused_request_still_has_its_addresses(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(parse(fixture, "\"sqlStatement\":7,\"taskToken\":\"t\",\"replyTo\":{"
                                    "\"eventBusName\":\"" BUS "\"},\"notify\":{\"onFailure\":"
                                    "{\"topicArn\":\"" TOPIC "\"}}"),
                     STATUS_REJECTED);
    assert_true(slice_equals_text(fixture->addresses.task_token, "t"));
    assert_address(&fixture->addresses.reply_to, ADDRESS_BUS, ADDRESS_ALWAYS, BUS);
    assert_int_equal(fixture->addresses.notify.count, 1);
    assert_address(&fixture->addresses.notify.addresses[0], ADDRESS_TOPIC, ADDRESS_ON_FAILURE,
                   TOPIC);
}

static void one_bad_address_does_not_hide_the_others(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(parse(fixture, SQL ",\"replyTo\":{\"topicArn\":\"x\"},\"notify\":{"
                                        "\"onFailure\":{\"topicArn\":\"" TOPIC "\"}}"),
                     STATUS_REJECTED);
    assert_int_equal(fixture->addresses.reply_to.kind, ADDRESS_NONE);
    assert_int_equal(fixture->addresses.notify.count, 1);
    assert_int_equal(parse(fixture, SQL ",\"replyTo\":{\"topicArn\":\"" TOPIC "\"},\"notify\":{"
                                        "\"onFailure\":[{\"topicArn\":\"" TOPIC "\"},7]}"),
                     STATUS_REJECTED);
    assert_int_equal(fixture->addresses.reply_to.kind, ADDRESS_TOPIC);
    assert_int_equal(fixture->addresses.notify.count, 0);
}

/* ---- Failure ---- */

#define NEEDED   "exactly one of queueUrl, topicArn and eventBusName is needed"
#define TOO_MANY "must hold 1 to 7 addresses, those of notify together"

static void bad_addresses_are_named(void **context)
{
    static const char *const cases[][2] = {
        {"\"replyTo\":[]", "replyTo: must be an object, got an array"},
        {"\"replyTo\":{}", "replyTo: " NEEDED},
        {"\"replyTo\":{\"queueUrl\":null}", "replyTo: " NEEDED},
        {"\"replyTo\":{\"queueUrl\":\"" QUEUE "\",\"topicArn\":\"" TOPIC "\"}", "replyTo: " NEEDED},
        {"\"replyTo\":{\"topicArn\":7}", "replyTo.topicArn: must be a string, got a number"},
        {"\"replyTo\":{\"topic\":\"" TOPIC "\"}", "replyTo.topic: unknown field"},
        {"\"replyTo\":{\"queueUrl\":\"" TOPIC "\"}", "replyTo.queueUrl: must be a queue's URL"},
        {"\"replyTo\":{\"topicArn\":\"done\"}", "replyTo.topicArn: must be a topic's ARN"},
        {"\"replyTo\":{\"topicArn\":\"" BUS "\"}", "replyTo.topicArn: must be a topic's ARN"},
        {"\"replyTo\":{\"topicArn\":\"" TOPIC ":7a5d\"}",
         "replyTo.topicArn: must be a topic's ARN"},
        {"\"replyTo\":{\"topicArn\":\"arn:aws:sns::1:t\"}",
         "replyTo.topicArn: must be a topic's ARN"},
        {"\"replyTo\":{\"topicArn\":\"arn:aws:sns:e.x/:1:t\"}",
         "replyTo.topicArn: must be a topic's ARN"},
        {"\"replyTo\":{\"eventBusName\":\"\"}",
         "replyTo.eventBusName: must be the name or the ARN of an event bus"},
        {"\"replyTo\":{\"eventBusName\":\"a b\"}",
         "replyTo.eventBusName: must be the name or the ARN of an event bus"},
        {"\"replyTo\":{\"eventBusName\":\"arn:aws:events:eu-west-1:1:rule/x\"}",
         "replyTo.eventBusName: must be the name or the ARN of an event bus"},
        {"\"replyTo\":{\"eventBusName\":\"" TOPIC "\"}",
         "replyTo.eventBusName: must be the name or the ARN of an event bus"},
        {"\"notify\":\"" TOPIC "\"", "notify: must be an object, got a string"},
        {"\"notify\":{}", "notify: onSuccess or onFailure is needed"},
        {"\"notify\":{\"onSuccess\":null}", "notify: onSuccess or onFailure is needed"},
        {"\"notify\":{\"always\":{}}", "notify.always: unknown field"},
        {"\"notify\":{\"onSuccess\":[]}", "notify.onSuccess: " TOO_MANY},
        {"\"notify\":{\"onSuccess\":\"" TOPIC "\"}",
         "notify.onSuccess: must be an object with queueUrl, topicArn or eventBusName"},
        {"\"notify\":{\"onFailure\":[{\"topicArn\":\"" TOPIC "\"},null]}",
         "notify.onFailure[1]: must be an object with queueUrl, topicArn or eventBusName"},
        {"\"notify\":{\"onFailure\":[{\"topicArn\":\"t\"}]}",
         "notify.onFailure[0].topicArn: must be a topic's ARN"},
        {"\"notify\":{\"onFailure\":{}}", "notify.onFailure: " NEEDED},
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *members = arena_format(fixture->arena, SQL ",%s", cases[i][0]);
        if (parse(fixture, members) != STATUS_REJECTED) {
            fail_msg("%s\n  accepted instead of: %s", members, cases[i][1]);
        }
        if (strcmp(fixture->error.text, cases[i][1]) != 0) {
            fail_msg("%s\n  refused: %s\n  expected: %s", members, fixture->error.text,
                     cases[i][1]);
        }
    }
}

static void eighth_address_of_notify_is_refused(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(
        parse(fixture, arena_format(fixture->arena, SQL ",\"notify\":{\"onSuccess\":%s}",
                                    topics(fixture, 8))),
        STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "notify.onSuccess: " TOO_MANY);
    assert_int_equal(parse(fixture, arena_format(fixture->arena,
                                                 SQL ",\"notify\":{\"onSuccess\":%s,"
                                                     "\"onFailure\":%s}",
                                                 topics(fixture, 4), topics(fixture, 4))),
                     STATUS_REJECTED);
    assert_string_equal(fixture->error.text, "notify.onFailure: " TOO_MANY);
}

static void addresses_have_a_limit(void **context)
{
    struct fixture *fixture = *context;
    char *name = arena_alloc(fixture->arena, 2050);
    memset(name, 'x', 257);
    assert_int_equal(
        parse(fixture,
              arena_format(fixture->arena, SQL ",\"replyTo\":{\"eventBusName\":\"%s\"}", name)),
        STATUS_REJECTED);
    memset(name, 'x', 2049);
    assert_int_equal(
        parse(fixture,
              arena_format(fixture->arena, SQL ",\"replyTo\":{\"queueUrl\":\"https://%s\"}", name)),
        STATUS_REJECTED);
    assert_int_equal(fixture->addresses.reply_to.kind, ADDRESS_NONE);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reply_goes_to_each_kind),
        TEST(notify_takes_one_or_a_list),
        TEST(notify_of_one_side_and_of_seven),
        TEST(addresses_are_no_part_of_the_digest),
        TEST(refused_request_still_has_its_addresses),
        TEST(one_bad_address_does_not_hide_the_others),
        TEST(bad_addresses_are_named),
        TEST(eighth_address_of_notify_is_refused),
        TEST(addresses_have_a_limit),
    };
    return cmocka_run_group_tests_name("request_addresses", tests, NULL, NULL);
}
