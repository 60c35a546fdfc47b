/* What comes out of the event queue: ours, foreign or malformed, and never a surprise. */
#include "completer/event.h"
#include "tests/support/cmocka.h"

#include <string.h>

#define ID   "4oymiquy7qobjgx36tejs35zeqt24qpe"
#define NAME "ringback/" ID "/2.3"
#define HEAD                                                                                       \
    "\"version\":\"0\",\"id\":\"c6dd\",\"detail-type\":\"Redshift Data Statement Status Change\"," \
    "\"source\":\"aws.redshift-data\","

/* ---- Fixture ---- */

struct fixture {
    struct arena *arena;
    struct event event;
    bool direct;
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

static const struct event *parse(struct fixture *fixture, const char *body)
{
    const struct event_filter filter = {.prefix = SLICE("ringback/"), .direct = fixture->direct};
    event_parse(fixture->arena, slice_from_text(body), &filter, &fixture->event);
    return &fixture->event;
}

static const struct event *parse_detail(struct fixture *fixture, const char *members)
{
    return parse(fixture, arena_format(fixture->arena, "{" HEAD "\"detail\":{%s}}", members));
}

static void assert_kind(struct fixture *fixture, const char *body, enum event_kind kind)
{
    parse(fixture, body);
    if (fixture->event.kind != kind) {
        fail_msg("kind %d instead of %d: %.200s (%s)", fixture->event.kind, kind, body,
                 fixture->event.reason.text);
    }
    assert_true(kind != EVENT_MALFORMED || fixture->event.reason.text[0] != '\0');
}

static void assert_text(struct slice actual, const char *expected)
{
    if (!slice_equals_text(actual, expected)) {
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_PRINT(actual), expected);
    }
}

static const char *repeated(struct fixture *fixture, char byte, size_t count)
{
    char *text = arena_alloc(fixture->arena, count + 1);
    memset(text, byte, count);
    return text;
}

/* ---- Success ---- */

/* https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-monitoring-events.html */
static void sample_of_aws_is_read(void **context)
{
    static const char body[] =
        " {\"version\":\"0\",\"id\":\"18e7079c-dd4b-dd64-caf9-e2a31640dab0\","
        "\"detail-type\":\"Redshift Data Statement Status Change\","
        "\"source\":\"aws.redshift-data\",\"account\":\"123456789012\","
        "\"time\":\"2020-10-01T21:14:26Z\",\"region\":\"us-east-1\","
        "\"resources\":[\"arn:aws:redshift:us-east-1:123456789012:cluster:redshift-cluster-1\"],"
        "\"detail\":{\"principal\":\"arn:aws:iam::123456789012:user/myuser\","
        "\"statementName\":\"" NAME "\",\"statementId\":\"dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a\","
        "\"redshiftQueryId\":-1,\"state\":\"FINISHED\",\"rows\":1,\"expireAt\":1601673265}}\n";
    const struct event *event = parse(*context, body);
    assert_int_equal(event->kind, EVENT_COMPLETION);
    assert_string_equal(event->id, ID);
    assert_int_equal(event->step, 2);
    assert_int_equal(event->attempt, 3);
    assert_int_equal(event->ending, ENDING_FINISHED);
    assert_text(event->statement_id, "dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a");
    assert_int_equal(event->rows, 1);
    assert_int_equal(event->document.size, strlen(body) - 2);
    assert_int_equal(event->document.data[0], '{');
}

/* Documentation of 2022: other members, expireAt as a text, no rows. */
static void older_sample_is_read(void **context)
{
    const struct event *event = parse_detail(
        *context, "\"principal\":\"arn:aws:sts::123456789012:assumed-role/any\","
                  "\"statementName\":\"" NAME "\",\"clusterId\":\"c\",\"statementId\":\"dd2e\","
                  "\"state\":\"FAILED\",\"pages\":2,\"queryId\":1,"
                  "\"expireAt\":\"2020-10-02T21:14:26Z\"");
    assert_int_equal(event->kind, EVENT_COMPLETION);
    assert_int_equal(event->ending, ENDING_FAILED);
    assert_int_equal(event->rows, -1);
    assert_text(event->statement_id, "dd2e");
}

static void state_and_name_are_enough(void **context)
{
    const struct event *event =
        parse_detail(*context, "\"statementName\":\"" NAME "\",\"state\":\"ABORTED\"");
    assert_int_equal(event->kind, EVENT_COMPLETION);
    assert_int_equal(event->ending, ENDING_ABORTED);
    assert_null(event->statement_id.data);
    assert_int_equal(event->rows, -1);
}

static void optional_members_may_have_any_type(void **context)
{
    static const char *const members[] = {
        "\"rows\":\"7\"",  "\"rows\":null",   "\"rows\":1.5",
        "\"rows\":-5",     "\"rows\":1e300",  "\"rows\":[]",
        "\"expireAt\":{}", "\"principal\":1", "\"statementId\":null",
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(members); i++) {
        const struct event *event = parse_detail(
            fixture,
            arena_format(fixture->arena, "\"statementName\":\"" NAME "\",\"state\":\"FINISHED\",%s",
                         members[i]));
        assert_int_equal(event->kind, EVENT_COMPLETION);
        assert_int_equal(event->rows, -1);
    }
}

static void rows_count_even_when_the_id_is_odd(void **context)
{
    const struct event *event =
        parse_detail(*context, "\"statementName\":\"" NAME
                               "\",\"state\":\"FINISHED\",\"statementId\":1,\"rows\":7");
    assert_int_equal(event->kind, EVENT_COMPLETION);
    assert_null(event->statement_id.data);
    assert_int_equal(event->rows, 7);
}

static void overlong_id_is_not_taken(void **context)
{
    struct fixture *fixture = *context;
    const struct event *event =
        parse_detail(fixture, arena_format(fixture->arena,
                                           "\"statementName\":\"" NAME
                                           "\",\"state\":\"FINISHED\",\"statementId\":\"%s\"",
                                           repeated(fixture, 'd', 100000)));
    assert_int_equal(event->kind, EVENT_COMPLETION);
    assert_null(event->statement_id.data);
}

static const struct event *parse_execution(struct fixture *fixture, const char *detail)
{
    return parse(fixture, arena_format(fixture->arena,
                                       "{\"source\":\"aws.states\",\"detail-type\":"
                                       "\"Step Functions Execution Status Change\","
                                       "\"detail\":{%s}}",
                                       detail));
}

static void the_end_of_an_execution_is_read(void **context)
{
    static const char *const statuses[] = {"ABORTED", "FAILED", "TIMED_OUT"};
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        const struct event *event =
            parse_execution(fixture, arena_format(fixture->arena,
                                                  "\"executionArn\":\"arn:x\",\"status\":\"%s\","
                                                  "\"stopDate\":1551225146847,\"output\":null",
                                                  statuses[i]));
        assert_int_equal(event->kind, EVENT_EXECUTION);
        assert_text(event->execution_arn, "arn:x");
        assert_int_equal(event->stopped_at_ms, 1551225146847);
    }
}

static void when_an_execution_ended_need_not_be_told(void **context)
{
    const struct event *event = parse_execution(
        *context, "\"executionArn\":\"arn:x\",\"status\":\"ABORTED\",\"stopDate\":null");
    assert_int_equal(event->kind, EVENT_EXECUTION);
    assert_int_equal(event->stopped_at_ms, 0);
}

static void an_execution_that_goes_on_or_succeeds_is_foreign(void **context)
{
    static const char *const statuses[] = {"\"RUNNING\"", "\"SUCCEEDED\"", "\"PENDING_REDRIVE\"",
                                           "null", "7"};
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(statuses); i++) {
        const struct event *event = parse_execution(
            fixture,
            arena_format(fixture->arena, "\"executionArn\":\"arn:x\",\"status\":%s", statuses[i]));
        assert_int_equal(event->kind, EVENT_FOREIGN);
    }
}

/* ---- Failure ---- */

static void an_execution_without_a_name_is_malformed(void **context)
{
    struct fixture *fixture = *context;
    assert_int_equal(parse_execution(fixture, "\"status\":\"ABORTED\"")->kind, EVENT_MALFORMED);
    assert_int_equal(parse_execution(fixture, "\"status\":\"ABORTED\",\"executionArn\":\"\"")->kind,
                     EVENT_MALFORMED);
    assert_int_equal(
        parse_execution(fixture, arena_format(fixture->arena,
                                              "\"status\":\"ABORTED\",\"executionArn\":\"%s\"",
                                              repeated(fixture, 'a', 4096)))
            ->kind,
        EVENT_MALFORMED);
}

static void events_of_others_are_foreign(void **context)
{
    static const char *const bodies[] = {
        "{" HEAD "\"detail\":{\"statementName\":\"test.testtable\",\"state\":\"FINISHED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"\",\"state\":\"FINISHED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"QS2-1\",\"state\":\"ODD\"}}",
        "{" HEAD "\"detail\":{\"state\":\"FINISHED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":null,\"state\":\"FINISHED\"}}",
        "{\"source\":\"aws.s3\",\"detail-type\":\"Object Created\",\"detail\":{}}",
        "{\"source\":\"aws.redshift-data\",\"detail-type\":\"Other\",\"detail\":{"
        "\"statementName\":\"" NAME "\",\"state\":\"FINISHED\"}}",
        "{\"source\":\"my.app\",\"detail-type\":\"Redshift Data Statement Status Change\","
        "\"detail\":{\"statementName\":\"" NAME "\",\"state\":\"FINISHED\"}}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        assert_kind(*context, bodies[i], EVENT_FOREIGN);
    }
}

static void sub_statement_ends_nothing(void **context)
{
    const struct event *event =
        parse_detail(*context, "\"statementName\":\"" NAME "\",\"state\":\"FINISHED\","
                               "\"statementId\":\"dd2e1ec9-2ee3-49a0-819f-905fa7d75a4a:1\"");
    assert_int_equal(event->kind, EVENT_FOREIGN);
}

static void direct_mode_takes_the_token_from_the_name(void **context)
{
    struct fixture *fixture = *context;
    char id[TRACKER_ID_BYTES + 1];
    fixture->direct = true;
    const struct event *event =
        parse_detail(fixture, "\"statementName\":\"ringback/t/AQC+/=\",\"state\":\"FINISHED\"");
    assert_int_equal(event->kind, EVENT_DIRECT);
    assert_text(event->task_token, "AQC+/=");
    invocation_id(SLICE("task-token"), SLICE("AQC+/="), id);
    assert_string_equal(event->id, id);
}

static void without_direct_mode_such_a_name_is_malformed(void **context)
{
    struct fixture *fixture = *context;
    const struct event *event =
        parse_detail(fixture, "\"statementName\":\"ringback/t/AQC\",\"state\":\"FINISHED\"");
    assert_int_equal(event->kind, EVENT_MALFORMED);
    assert_null(strstr(event->reason.text, "AQC"));
}

static void direct_name_without_a_token_is_malformed(void **context)
{
    struct fixture *fixture = *context;
    fixture->direct = true;
    const struct event *event =
        parse_detail(fixture, "\"statementName\":\"ringback/t/\",\"state\":\"FINISHED\"");
    assert_int_equal(event->kind, EVENT_MALFORMED);
}

static void malformed_messages_say_why(void **context)
{
    static const char *const bodies[] = {
        "",
        " ",
        "x",
        "{",
        "[]",
        "null",
        "{}",
        "{\"source\":1,\"detail\":{}}",
        "{\"source\":\"aws.redshift-data\"}",
        "{" HEAD "\"detail\":[]}",
        "{" HEAD "\"detail\":\"{}\"}",
        "{" HEAD "\"detail\":{\"statementName\":1,\"state\":\"FINISHED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"" NAME "\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"" NAME "\",\"state\":\"STARTED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"" NAME "\",\"state\":\"finished\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"" NAME "\",\"state\":1}}",
        "{" HEAD "\"detail\":{\"statementName\":\"ringback/x\",\"state\":\"FINISHED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"ringback/t/secret\",\"state\":\"FINISHED\"}}",
        "{" HEAD "\"detail\":{\"statementName\":\"" NAME "\",\"state\":\"FINISHED\"}}trailing",
        "\xff\xfe{}",
    };
    struct fixture *fixture = *context;
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        assert_kind(fixture, bodies[i], EVENT_MALFORMED);
        assert_null(strstr(fixture->event.reason.text, "secret"));
    }
}

static void hostile_sizes_are_survived(void **context)
{
    struct fixture *fixture = *context;
    assert_kind(fixture, repeated(fixture, '[', 1u << 20), EVENT_MALFORMED);
    assert_kind(fixture, repeated(fixture, '{', 100), EVENT_MALFORMED);
    const struct event *event =
        parse_detail(fixture, arena_format(fixture->arena,
                                           "\"statementName\":\"ringback/%s\",\"state\":\"FAILED\"",
                                           repeated(fixture, '1', 1u << 20)));
    assert_int_equal(event->kind, EVENT_MALFORMED);
    event = parse_detail(fixture, arena_format(fixture->arena,
                                               "\"statementName\":\"" NAME "\",\"state\":\"%s\"",
                                               repeated(fixture, 'F', 1u << 20)));
    assert_int_equal(event->kind, EVENT_MALFORMED);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sample_of_aws_is_read),
        TEST(older_sample_is_read),
        TEST(state_and_name_are_enough),
        TEST(optional_members_may_have_any_type),
        TEST(rows_count_even_when_the_id_is_odd),
        TEST(overlong_id_is_not_taken),
        TEST(the_end_of_an_execution_is_read),
        TEST(when_an_execution_ended_need_not_be_told),
        TEST(an_execution_that_goes_on_or_succeeds_is_foreign),
        TEST(an_execution_without_a_name_is_malformed),
        TEST(events_of_others_are_foreign),
        TEST(sub_statement_ends_nothing),
        TEST(direct_mode_takes_the_token_from_the_name),
        TEST(without_direct_mode_such_a_name_is_malformed),
        TEST(direct_name_without_a_token_is_malformed),
        TEST(malformed_messages_say_why),
        TEST(hostile_sizes_are_survived),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
