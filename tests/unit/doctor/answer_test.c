#include "tests/support/cmocka.h"
#include "tests/unit/doctor/findings_fixture.h"

#include "infra/doctor/answer.h"

#include <stdio.h>

/* --- helpers ---------------------------------------------------------------------------------- */

static struct aws_call refused(enum aws_service service, const char *operation, const char *name)
{
    struct aws_call call = {
        .service = service, .operation = operation, .status = STATUS_REJECTED, .code = 400};
    (void)snprintf(call.error_name, sizeof(call.error_name), "%s", name);
    return call;
}

/* --- success ---------------------------------------------------------------------------------- */

static void an_answer_is_no_finding(void **state)
{
    struct findings_fixture *fixture = *state;
    const struct aws_call call = {.operation = "X", .status = STATUS_OK};
    assert_true(answer_judge(&fixture->findings, "it", &call, ANSWER_FOR_SERVICE));
    assert_int_equal(fixture->findings.count, 0);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void the_missing_action_is_named_as_iam_does(void **state)
{
    static const struct {
        enum aws_service service;
        const char *operation;
        const char *name;
        const char *said;
    } cases[] = {
        {AWS_EVENTBRIDGE, "DescribeRule", "AccessDeniedException",
         "events:DescribeRule is not allowed"},
        {AWS_SQS, "GetQueueAttributes", "AccessDenied", "sqs:GetQueueAttributes is not allowed"},
        {AWS_REDSHIFT_DATA, "DescribeStatement", "AccessDeniedException",
         "redshift-data:DescribeStatement is not allowed"},
        {AWS_STEP_FUNCTIONS, "DescribeStateMachine", "AccessDeniedException",
         "states:DescribeStateMachine is not allowed"},
        {AWS_DYNAMODB, "DescribeContinuousBackups", "AccessDeniedException",
         "dynamodb:DescribeContinuousBackups is not allowed"},
    };
    struct findings_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const struct aws_call call = refused(cases[i].service, cases[i].operation, cases[i].name);
        findings_forget(fixture);
        assert_false(answer_judge(&fixture->findings, "it", &call, ANSWER_FOR_DOCTOR));
        assert_found(fixture, "not-looked-at", cases[i].operation);
        assert_said(fixture, cases[i].said);
    }
}

static void what_the_service_needs_is_a_problem(void **state)
{
    struct findings_fixture *fixture = *state;
    struct aws_call call = refused(AWS_SQS, "GetQueueAttributes", "AccessDenied");
    assert_false(answer_judge(&fixture->findings, "it", &call, ANSWER_FOR_SERVICE));
    assert_found(fixture, "not-allowed", "denied");
    findings_forget(fixture);
    call = refused(AWS_SQS, "GetQueueAttributes", "InvalidAddress");
    assert_false(answer_judge(&fixture->findings, "it", &call, ANSWER_FOR_SERVICE));
    assert_found(fixture, "not-answered", "another refusal");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, findings_set_up, findings_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_is_no_finding),
        TEST(the_missing_action_is_named_as_iam_does),
        TEST(what_the_service_needs_is_a_problem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
