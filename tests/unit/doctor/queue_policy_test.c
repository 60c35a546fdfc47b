/* Policies of queues, as people write them. */
#include "tests/support/cmocka.h"

#include "infra/base/compiler.h"
#include "infra/doctor/queue_policy.h"

#define QUEUE "arn:aws:sqs:eu-west-1:123456789012:ringback-events"
#define RULE  "arn:aws:events:eu-west-1:123456789012:rule/ringback"

/* --- fixture ---------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    *state = arena_new(16u << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

struct policy_case {
    enum verdict may_write;
    bool is_open;
    const char *statements; /* of the policy's list */
};

#define EVENTS  "\"Principal\":{\"Service\":\"events.amazonaws.com\"}"
#define SEND    "\"Action\":\"sqs:SendMessage\""
#define HERE    "\"Resource\":\"" QUEUE "\""
#define ALLOW   "{\"Effect\":\"Allow\"," EVENTS "," SEND "," HERE
#define OF_RULE ",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"" RULE "\"}}"

static void judge_all(struct arena *arena, const struct policy_case *cases, size_t count)
{
    const struct queue_policy_question question = {SLICE(QUEUE), SLICE(RULE),
                                                   SLICE("123456789012")};
    for (size_t i = 0; i < count; i++) {
        struct json policy;
        const char *text = arena_format(arena, "{\"Statement\":[%s]}", cases[i].statements);
        if (json_parse(arena, slice_from_text(text), &policy, NULL) != STATUS_OK) {
            fail_msg("no JSON: %s", text);
        }
        const struct queue_policy_answer answer = queue_policy_judge(policy, &question);
        if (answer.may_write != cases[i].may_write || answer.is_open != cases[i].is_open) {
            fail_msg("%d and %d: %s", answer.may_write, answer.is_open, text);
        }
    }
}

/* --- success ---------------------------------------------------------------------------------- */

static void the_rule_may_write(void **state)
{
    static const struct policy_case cases[] = {
        {VERDICT_YES, false, ALLOW OF_RULE "}"},
        {VERDICT_YES, false,
         ALLOW
         ",\"Condition\":{\"ArnLike\":{\"AWS:sourcearn\":[\"x\",\"arn:aws:events:*:rule/ri*\"]}}}"},
        {VERDICT_YES, false,
         ALLOW ",\"Condition\":{\"StringEquals\":{\"aws:SourceAccount\":\"123456789012\"}}}"},
        {VERDICT_YES, false,
         ALLOW ",\"Condition\":{\"ForAnyValue:ArnLikeIfExists\":{\"aws:SourceArn\":\"" RULE
               "\"}}}"},
        {VERDICT_YES, false,
         "{\"Effect\":\"Allow\",\"Principal\":{\"Service\":[\"sns.amazonaws.com\",\"events.amazonaws.com\"]},"
         "\"Action\":[\"SQS:*\"],\"Resource\":\"*\"" OF_RULE "}"},
        {VERDICT_YES, false,
         "{\"Effect\":\"Allow\",\"Principal\":\"*\"," SEND "," HERE OF_RULE "}"},
        {VERDICT_YES, false,
         ALLOW OF_RULE "},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\"," HERE
                       ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"false\"}}}"},
        {VERDICT_YES, false,
         ALLOW OF_RULE "},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\"," HERE
                       ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":false}}}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

static void anybody_may_write(void **state)
{
    static const struct policy_case cases[] = {
        {VERDICT_YES, true, ALLOW "}"},
        {VERDICT_YES, true,
         "{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"*\"}," SEND "," HERE "}"},
        {VERDICT_YES, true, ALLOW ",\"Condition\":{\"Bool\":{\"aws:SecureTransport\":\"true\"}}}"},
        {VERDICT_YES, true, ALLOW OF_RULE "}," ALLOW "}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

static void one_statement_needs_no_list(void **state)
{
    struct json policy;
    const struct queue_policy_question question = {SLICE(QUEUE), SLICE(RULE),
                                                   SLICE("123456789012")};
    assert_int_equal(json_parse(*state, SLICE("{\"Statement\":" ALLOW OF_RULE "}}"), &policy, NULL),
                     STATUS_OK);
    assert_int_equal(queue_policy_judge(policy, &question).may_write, VERDICT_YES);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void the_rule_may_not_write(void **state)
{
    static const struct policy_case cases[] = {
        {VERDICT_NO, false, ""},
        {VERDICT_NO, false,
         "{\"Effect\":\"Allow\",\"Principal\":{\"AWS\":\"arn:aws:iam::1:root\"}," SEND "," HERE
         "}"},
        {VERDICT_NO, false,
         "{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"sns.amazonaws.com\"}," SEND "," HERE
         "}"},
        {VERDICT_NO, false,
         "{\"Effect\":\"Allow\"," EVENTS ",\"Action\":\"sqs:ReceiveMessage\"," HERE "}"},
        {VERDICT_NO, false,
         "{\"Effect\":\"Allow\"," EVENTS "," SEND ",\"Resource\":\"" QUEUE "-2\"}"},
        {VERDICT_NO, false,
         ALLOW ",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"" RULE "-old\"}}}"},
        {VERDICT_NO, false,
         ALLOW ",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"" RULE "\"},"
               "\"StringEquals\":{\"aws:SourceAccount\":\"210987654321\"}}}"},
        {VERDICT_NO, false,
         ALLOW OF_RULE "},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\"," HERE "}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

static void what_is_not_known_is_not_judged(void **state)
{
    static const struct policy_case cases[] = {
        {VERDICT_UNKNOWN, false,
         ALLOW ",\"Condition\":{\"StringEquals\":{\"aws:PrincipalOrgID\":\"o-1\"}}}"},
        {VERDICT_UNKNOWN, false,
         ALLOW ",\"Condition\":{\"StringNotEquals\":{\"aws:SourceArn\":\"x\"}}}"},
        {VERDICT_UNKNOWN, false,
         "{\"Effect\":\"Allow\",\"NotPrincipal\":{\"AWS\":\"x\"}," SEND "," HERE "}"},
        {VERDICT_UNKNOWN, false,
         ALLOW OF_RULE "},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"sqs:*\"," HERE
                       ",\"Condition\":{\"StringNotEquals\":{\"aws:SourceVpce\":\"vpce-1\"}}}"},
        {VERDICT_UNKNOWN, false,
         ALLOW OF_RULE
         "},{\"Effect\":\"Deny\",\"Principal\":\"*\",\"NotAction\":\"sqs:SendMessage\"," HERE "}"},
    };
    judge_all(*state, cases, ARRAY_COUNT(cases));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_rule_may_write),
        TEST(anybody_may_write),
        TEST(one_statement_needs_no_list),
        TEST(the_rule_may_not_write),
        TEST(what_is_not_known_is_not_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
