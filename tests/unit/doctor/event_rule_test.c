/* Rules of EventBridge: each fault is found, and no other. */
#include "tests/support/cmocka.h"
#include "tests/unit/doctor/findings_fixture.h"

#include "infra/doctor/event_rule.h"

#define QUEUE "arn:aws:sqs:eu-west-1:123456789012:ringback-events"
#define RULE  "arn:aws:events:eu-west-1:123456789012:rule/ringback"
#define POLICY(condition)                                                                          \
    "{\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":\"events.amazonaws.com\"},"  \
    "\"Action\":\"sqs:SendMessage\",\"Resource\":\"" QUEUE "\"" condition "}]}"
#define OF_RULE ",\"Condition\":{\"ArnEquals\":{\"aws:SourceArn\":\"" RULE "\"}}"
#define SOURCE                                                                                     \
    "\"source\":[\"aws.redshift-data\"],"                                                          \
    "\"detail-type\":[\"Redshift Data Statement Status Change\"]"
#define PATTERN "{" SOURCE ",\"detail\":{\"statementName\":[{\"prefix\":\"ringback/\"}]}}"

/* --- helpers ---------------------------------------------------------------------------------- */

struct facts {
    struct event_bridge_rule rule;
    struct event_bridge_target target;
    struct sqs_queue queue;
};

static struct facts good_facts(void)
{
    return (struct facts){
        .rule = {SLICE("ringback"), SLICE(RULE), SLICE(PATTERN), true},
        .target = {.arn = SLICE(QUEUE),
                   .dead_letter_arn = SLICE("arn:aws:sqs:eu-west-1:123456789012:dead")},
        .queue = {.arn = SLICE(QUEUE), .policy = SLICE(POLICY(OF_RULE))},
    };
}

static enum event_rule_use judge(struct findings_fixture *fixture, const struct facts *facts)
{
    const struct event_rule_facts all = {.rule = &facts->rule,
                                         .target = &facts->target,
                                         .queue = &facts->queue,
                                         .prefix = SLICE("ringback/")};
    findings_forget(fixture);
    return event_rule_judge(&fixture->findings, &all);
}

struct pattern_case {
    const char *pattern; /* NULL: a schedule */
    enum event_rule_use use;
    const char *found;
};

static void judge_patterns(struct findings_fixture *fixture, const struct pattern_case *cases,
                           size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct facts facts = good_facts();
        facts.rule.pattern = slice_from_text(cases[i].pattern);
        if (judge(fixture, &facts) != cases[i].use) {
            fail_msg("of other use: %s", cases[i].pattern);
        }
        assert_found(fixture, cases[i].found, cases[i].pattern);
    }
}

/* --- success ---------------------------------------------------------------------------------- */

static void a_good_rule_is_fine(void **state)
{
    const struct facts facts = good_facts();
    assert_int_equal(judge(*state, &facts), EVENT_RULE_ENDINGS);
    assert_found(*state, "", "the documented rule");
}

static void patterns_that_do(void **state)
{
    static const struct pattern_case cases[] = {
        {"{" SOURCE ",\"detail\":{\"statementName\":[{\"prefix\":\"ringback/\"}],"
         "\"state\":[\"FINISHED\",\"FAILED\",\"ABORTED\"]}}",
         EVENT_RULE_ENDINGS, ""},
        {"{" SOURCE ",\"detail\":{\"statementName\":[{\"wildcard\":\"ringback/*\"}]}}",
         EVENT_RULE_ENDINGS, ""},
        {"{\"source\":[\"aws.states\"],\"detail-type\":[\"Step Functions Execution Status Change\"],"
         "\"detail\":{\"status\":[\"ABORTED\"],\"stateMachineArn\":[\"arn:x\"]}}",
         EVENT_RULE_EXECUTIONS, ""},
    };
    judge_patterns(*state, cases, ARRAY_COUNT(cases));
}

/* --- failure ---------------------------------------------------------------------------------- */

static void patterns_that_do_not(void **state)
{
    static const struct pattern_case cases[] = {
        {"{" SOURCE ",\"detail\":{\"statementName\":[{\"prefix\":\"other/\"}]}}",
         EVENT_RULE_ENDINGS, "rule-pattern"},
        {"{" SOURCE ",\"detail\":{\"statementName\":[{\"prefix\":\"ringback/\"}],"
         "\"state\":[\"FINISHED\"]}}",
         EVENT_RULE_ENDINGS, "rule-pattern rule-pattern"},
        {"{" SOURCE ",\"detail\":{\"statementName\":[{\"prefix\":\"ringback/\"}],"
         "\"rows\":[{\"exists\":true}]}}",
         EVENT_RULE_ENDINGS, "rule-pattern-unclear"},
        {"{" SOURCE "}", EVENT_RULE_ENDINGS, "rule-pattern-wide"},
        {"{" SOURCE ",\"detail\":{\"statementName\":[{\"prefix\":\"ringback\"}]}}",
         EVENT_RULE_ENDINGS, "rule-pattern-wide"},
        {"{\"source\":[\"aws.s3\"]}", EVENT_RULE_FOREIGN, "rule-foreign"},
        {NULL, EVENT_RULE_FOREIGN, "rule-foreign"},
        {"no JSON", EVENT_RULE_ENDINGS, "rule-pattern-unclear"},
    };
    judge_patterns(*state, cases, ARRAY_COUNT(cases));
}

static void a_rule_that_is_off(void **state)
{
    struct facts facts = good_facts();
    facts.rule.is_enabled = false;
    assert_int_equal(judge(*state, &facts), EVENT_RULE_ENDINGS);
    assert_found(*state, "rule-disabled", "a disabled one");
}

static void targets(void **state)
{
    struct facts facts = good_facts();
    facts.target.changes_input = true;
    judge(*state, &facts);
    assert_found(*state, "rule-input", "a transformer");
    facts = good_facts();
    facts.target.dead_letter_arn = SLICE_NONE;
    judge(*state, &facts);
    assert_found(*state, "rule-dead-letters", "no dead-letter queue");
}

static void policies(void **state)
{
    struct facts facts = good_facts();
    facts.queue.policy = SLICE_NONE;
    judge(*state, &facts);
    assert_found(*state, "queue-policy", "no policy");
    facts.target.has_role = true;
    judge(*state, &facts);
    assert_found(*state, "queue-policy-unclear", "a role of the target's own");
    facts = good_facts();
    facts.queue.policy = SLICE(POLICY(""));
    judge(*state, &facts);
    assert_found(*state, "queue-policy-open", "no condition");
    facts.queue.policy = SLICE("x");
    judge(*state, &facts);
    assert_found(*state, "queue-policy-unclear", "no JSON");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, findings_set_up, findings_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_rule_is_fine), TEST(patterns_that_do), TEST(patterns_that_do_not),
        TEST(a_rule_that_is_off),  TEST(targets),          TEST(policies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
