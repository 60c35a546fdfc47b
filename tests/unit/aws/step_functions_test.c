/* Task callbacks as they go out, and what their answers mean. */
#include "tests/support/cmocka.h"

#include "infra/aws/step_functions.h"
#include "infra/base/compiler.h"

#include <stdio.h>
#include <string.h>

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

static void calls(void **state)
{
    struct aws_call call = {0};
    step_functions_build_success(*state, SLICE("tok"), SLICE("{\"a\":\"b\"}"), &call);
    assert_int_equal(call.service, AWS_STEP_FUNCTIONS);
    assert_string_equal(call.operation, "SendTaskSuccess");
    assert_slice(call.body, "{\"taskToken\":\"tok\",\"output\":\"{\\\"a\\\":\\\"b\\\"}\"}");
    step_functions_build_failure(*state, SLICE("tok"), SLICE("FAILED"), SLICE("why"), &call);
    assert_string_equal(call.operation, "SendTaskFailure");
    assert_slice(call.body, "{\"taskToken\":\"tok\",\"error\":\"FAILED\",\"cause\":\"why\"}");
    step_functions_build_failure(*state, SLICE("tok"), SLICE_NONE, SLICE_NONE, &call);
    assert_slice(call.body, "{\"taskToken\":\"tok\"}");
    step_functions_build_heartbeat(*state, SLICE("tok"), &call);
    assert_string_equal(call.operation, "SendTaskHeartbeat");
    assert_slice(call.body, "{\"taskToken\":\"tok\"}");
}

static void a_machine_is_asked_for_in_its_region(void **state)
{
    const struct slice arn = SLICE("arn:aws:states:eu-west-1:123456789012:stateMachine:nightly");
    struct aws_call call = {0};
    step_functions_build_machine(*state, arn, &call);
    assert_string_equal(call.operation, "DescribeStateMachine");
    assert_slice(call.region, "eu-west-1");
    assert_slice(call.body, "{\"stateMachineArn\":\"arn:aws:states:eu-west-1:123456789012:"
                            "stateMachine:nightly\"}");
}

static void largest_output_goes_out_whole(void **state)
{
    static char output[STEP_FUNCTIONS_OUTPUT_MAX_BYTES];
    memset(output, '"', sizeof(output));
    struct aws_call call = {0};
    step_functions_build_success(*state, SLICE("tok"), (struct slice){output, sizeof(output)},
                                 &call);
    assert_true(call.body.size > 2 * sizeof(output));
    assert_true(slice_ends_with(call.body, SLICE("\\\"\"}")));
}

static void cause_is_cut_between_characters(void **state)
{
    static char cause[STEP_FUNCTIONS_CAUSE_MAX_BYTES + 2];
    memset(cause, 'x', sizeof(cause));
    cause[STEP_FUNCTIONS_CAUSE_MAX_BYTES - 1] = '\xC3';
    cause[STEP_FUNCTIONS_CAUSE_MAX_BYTES] = '\xA4';
    struct aws_call call = {0};
    step_functions_build_failure(*state, SLICE("t"), SLICE("E"),
                                 (struct slice){cause, sizeof(cause)}, &call);
    const size_t frame = sizeof("{\"taskToken\":\"t\",\"error\":\"E\",\"cause\":\"\"}") - 1;
    assert_int_equal(call.body.size, frame + STEP_FUNCTIONS_CAUSE_MAX_BYTES - 1);
    assert_true(slice_is_utf8(call.body));
}

static void verdicts(void **state)
{
    static const struct {
        enum status status;
        const char *name;
        bool throttled;
        enum step_functions_verdict verdict;
    } cases[] = {
        {STATUS_OK, "", false, STEP_FUNCTIONS_TAKEN},
        {STATUS_REJECTED, "TaskTimedOut", false, STEP_FUNCTIONS_CLOSED},
        {STATUS_NOT_FOUND, "TaskDoesNotExist", false, STEP_FUNCTIONS_UNDELIVERABLE},
        {STATUS_REJECTED, "InvalidToken", false, STEP_FUNCTIONS_UNDELIVERABLE},
        {STATUS_REJECTED, "ValidationException", false, STEP_FUNCTIONS_UNDELIVERABLE},
        {STATUS_RETRY, "ValidationException", true, STEP_FUNCTIONS_AGAIN},
        {STATUS_REJECTED, "InvalidOutput", false, STEP_FUNCTIONS_INVALID_OUTPUT},
        {STATUS_REJECTED, "KmsAccessDeniedException", false, STEP_FUNCTIONS_AGAIN},
        {STATUS_REJECTED, "AccessDeniedException", false, STEP_FUNCTIONS_AGAIN},
        {STATUS_RETRY, "ThrottlingException", true, STEP_FUNCTIONS_AGAIN},
        {STATUS_IN_DOUBT, "", false, STEP_FUNCTIONS_AGAIN},
        {STATUS_RETRY, "", false, STEP_FUNCTIONS_AGAIN},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct aws_call call = {.status = cases[i].status, .throttled = cases[i].throttled};
        (void)snprintf(call.error_name, sizeof(call.error_name), "%s", cases[i].name);
        if (step_functions_verdict(&call) != cases[i].verdict) {
            fail_msg("%s: %d", cases[i].name, (int)step_functions_verdict(&call));
        }
    }
}

/* Failure: what is no UTF-8 still goes out as JSON. */

static void broken_text_is_mended(void **state)
{
    struct aws_call call = {0};
    step_functions_build_failure(*state, SLICE("t"), SLICE("a\xFF"), SLICE("\x01"), &call);
    assert_true(slice_is_utf8(call.body));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(calls),
        TEST(a_machine_is_asked_for_in_its_region),
        TEST(largest_output_goes_out_whole),
        TEST(cause_is_cut_between_characters),
        TEST(verdicts),
        TEST(broken_text_is_mended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
