/* PutEvents as it goes out, and its answer, in which entries may have failed. */
#include "tests/support/cmocka.h"

#include "infra/aws/event_bridge.h"
#include "infra/base/compiler.h"

#include <string.h>

#define BUS "arn:aws:events:ap-south-1:123456789012:event-bus/orders"

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(64u << 20);
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

static enum status read(struct arena *arena, const char *reply, struct event_bridge_result *results,
                        size_t count, struct error *error)
{
    const struct aws_call call = {.operation = "PutEvents", .reply = slice_from_text(reply)};
    return event_bridge_read_put(arena, &call, results, count, error);
}

/* Success. */

static void entry_with_a_named_bus(void **state)
{
    struct aws_call call = {.region = SLICE("left-over-1")};
    const struct event_bridge_entry entry = {SLICE("orders"), SLICE("ringback"), SLICE("Outcome"),
                                             SLICE("{\"a\":\"\xc3\xa4\"}")};
    event_bridge_build_put(*state, &entry, 1, &call);
    assert_int_equal(call.service, AWS_EVENTBRIDGE);
    assert_string_equal(call.operation, "PutEvents");
    assert_null(call.region.data);
    assert_slice(call.body,
                 "{\"Entries\":[{\"Source\":\"ringback\",\"DetailType\":\"Outcome\","
                 "\"Detail\":\"{\\\"a\\\":\\\"\xc3\xa4\\\"}\",\"EventBusName\":\"orders\"}]}");
}

static void bus_by_arn_goes_to_its_region(void **state)
{
    struct aws_call call = {0};
    const struct event_bridge_entry entries[] = {{SLICE(BUS), SLICE("s"), SLICE("t"), SLICE("{}")},
                                                 {SLICE_NONE, SLICE("s"), SLICE("t"), SLICE("{}")}};
    event_bridge_build_put(*state, entries, ARRAY_COUNT(entries), &call);
    assert_slice(call.region, "ap-south-1");
    assert_slice(call.body,
                 "{\"Entries\":[{\"Source\":\"s\",\"DetailType\":\"t\",\"Detail\":\"{}\","
                 "\"EventBusName\":\"" BUS "\"},"
                 "{\"Source\":\"s\",\"DetailType\":\"t\",\"Detail\":\"{}\"}]}");
}

static void largest_detail_goes_out_whole(void **state)
{
    static char detail[EVENT_BRIDGE_ENTRY_MAX_BYTES];
    struct aws_call call = {0};
    memset(detail, '"', sizeof(detail));
    const struct event_bridge_entry entry = {
        SLICE_NONE, SLICE("s"), SLICE("t"), {detail, sizeof(detail)}};
    event_bridge_build_put(*state, &entry, 1, &call);
    assert_true(call.body.size > 2 * sizeof(detail));
    assert_true(slice_ends_with(call.body, SLICE("\\\"\"}]}")));
}

static void each_entry_has_its_result(void **state)
{
    struct event_bridge_result results[2];
    struct error error = ERROR_NONE;
    assert_int_equal(read(*state,
                          "{\"FailedEntryCount\":1,\"Entries\":[{\"EventId\":\"11710aed\"},"
                          "{\"ErrorCode\":\"InternalFailure\",\"ErrorMessage\":\"why\"}]}",
                          results, 2, &error),
                     STATUS_OK);
    assert_slice(results[0].event_id, "11710aed");
    assert_null(results[0].error_code.data);
    assert_null(results[1].event_id.data);
    assert_slice(results[1].error_code, "InternalFailure");
    assert_slice(results[1].error_message, "why");
}

static void questions_about_rules(void **state)
{
    const struct slice queue = SLICE("arn:aws:sqs:eu-west-1:123456789012:q");
    struct aws_call call = {0};
    event_bridge_build_rule_names(*state, queue, &call);
    assert_int_equal(call.service, AWS_EVENTBRIDGE);
    assert_string_equal(call.operation, "ListRuleNamesByTarget");
    assert_slice(call.region, "eu-west-1");
    assert_slice(call.body, "{\"TargetArn\":\"arn:aws:sqs:eu-west-1:123456789012:q\"}");
    event_bridge_build_rule(*state, SLICE("r"), SLICE("eu-west-1"), &call);
    assert_string_equal(call.operation, "DescribeRule");
    assert_slice(call.body, "{\"Name\":\"r\"}");
    event_bridge_build_targets(*state, SLICE("r"), SLICE("eu-west-1"), &call);
    assert_string_equal(call.operation, "ListTargetsByRule");
    assert_slice(call.body, "{\"Rule\":\"r\"}");
}

static void names_of_rules(void **state)
{
    const struct aws_call call = {.reply =
                                      SLICE("{\"RuleNames\":[\"a\",\"b\"],\"NextToken\":\"t\"}")};
    const struct aws_call none = {.reply = SLICE("{}")};
    struct slice *names = NULL;
    size_t count = 0;
    bool more = false;
    assert_int_equal(event_bridge_read_rule_names(*state, &call, &names, &count, &more, NULL),
                     STATUS_OK);
    assert_int_equal(count, 2);
    assert_slice(names[1], "b");
    assert_true(more);
    assert_int_equal(event_bridge_read_rule_names(*state, &none, &names, &count, &more, NULL),
                     STATUS_OK);
    assert_int_equal(count, 0);
    assert_false(more);
}

static void rules_and_their_states(void **state)
{
    static const struct {
        const char *state;
        bool is_enabled;
    } states[] = {{"ENABLED", true},
                  {"ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", true},
                  {"DISABLED", false}};
    for (size_t i = 0; i < ARRAY_COUNT(states); i++) {
        struct event_bridge_rule rule;
        const struct aws_call call = {
            .reply = slice_from_text(arena_format(
                *state,
                "{\"Name\":\"r\",\"Arn\":\"arn:r\",\"EventPattern\":\"{}\",\"State\":\"%s\"}",
                states[i].state))};
        assert_int_equal(event_bridge_read_rule(*state, &call, &rule, NULL), STATUS_OK);
        assert_slice(rule.name, "r");
        assert_slice(rule.arn, "arn:r");
        assert_slice(rule.pattern, "{}");
        assert_int_equal(rule.is_enabled, states[i].is_enabled);
    }
}

static void targets_of_a_rule(void **state)
{
    const struct aws_call call = {
        .reply = SLICE("{\"Targets\":[{\"Id\":\"1\",\"Arn\":\"arn:q\","
                       "\"DeadLetterConfig\":{\"Arn\":\"arn:d\"}},"
                       "{\"Id\":\"2\",\"Arn\":\"arn:f\",\"InputPath\":\"$.detail\","
                       "\"RoleArn\":\"arn:role\"},"
                       "{\"Id\":\"3\",\"Arn\":\"arn:g\",\"InputTransformer\":{}},"
                       "{\"Id\":\"4\",\"Arn\":\"arn:h\",\"Input\":\"{}\"}]}")};
    struct event_bridge_target *targets = NULL;
    size_t count = 0;
    assert_int_equal(event_bridge_read_targets(*state, &call, &targets, &count, NULL), STATUS_OK);
    assert_int_equal(count, 4);
    assert_slice(targets[0].arn, "arn:q");
    assert_slice(targets[0].dead_letter_arn, "arn:d");
    assert_false(targets[0].changes_input || targets[0].has_role);
    assert_true(targets[1].changes_input && targets[1].has_role);
    assert_null(targets[1].dead_letter_arn.data);
    assert_true(targets[2].changes_input && targets[3].changes_input);
}

/* Failure. */

static void answers_about_rules_that_break_the_contract(void **state)
{
    static const char *const replies[] = {
        "",
        "[]",
        "{\"RuleNames\":7,\"Targets\":7}",
        "{\"RuleNames\":[7],\"Targets\":[7]}",
        "{\"RuleNames\":{},\"Targets\":[{\"Arn\":\"a\",\"DeadLetterConfig\":7}]}",
        "{\"RuleNames\":[null],\"Targets\":[{}],\"Name\":\"r\",\"Arn\":\"a\"}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        const struct aws_call call = {.operation = "X", .reply = slice_from_text(replies[i])};
        struct event_bridge_rule rule;
        struct event_bridge_target *targets = NULL;
        struct slice *names = NULL;
        size_t count = 0;
        bool more = false;
        struct error error = ERROR_NONE;
        if (event_bridge_read_rule(*state, &call, &rule, &error) != STATUS_INTERNAL ||
            event_bridge_read_targets(*state, &call, &targets, &count, &error) != STATUS_INTERNAL ||
            event_bridge_read_rule_names(*state, &call, &names, &count, &more, &error) !=
                STATUS_INTERNAL) {
            fail_msg("taken: %s", replies[i]);
        }
        assert_true(strncmp(error.text, "eventbridge.X: ", 15) == 0);
    }
}

static void answers_that_break_the_contract(void **state)
{
    static const char *const replies[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"Entries\":[]}",
        "{\"Entries\":[{}]}",
        "{\"Entries\":[{\"EventId\":\"\"}]}",
        "{\"Entries\":[{\"EventId\":7}]}",
        "{\"Entries\":[7]}",
        "{\"Entries\":{}}",
        "{\"Entries\":[{\"EventId\":\"a\"},{\"EventId\":\"b\"}]}",
    };
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        struct event_bridge_result result;
        struct error error = ERROR_NONE;
        if (read(*state, replies[i], &result, 1, &error) != STATUS_INTERNAL) {
            fail_msg("taken: %s", replies[i]);
        }
        assert_true(strncmp(error.text, "eventbridge.PutEvents: ", 23) == 0);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entry_with_a_named_bus),
        TEST(bus_by_arn_goes_to_its_region),
        TEST(largest_detail_goes_out_whole),
        TEST(each_entry_has_its_result),
        TEST(answers_that_break_the_contract),
        TEST(questions_about_rules),
        TEST(names_of_rules),
        TEST(rules_and_their_states),
        TEST(targets_of_a_rule),
        TEST(answers_about_rules_that_break_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
