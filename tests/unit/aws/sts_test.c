/* GetCallerIdentity as it goes out, and its answer. */
#include "tests/support/cmocka.h"

#include "infra/aws/sts.h"

static int setup(void **state)
{
    *state = arena_new(1u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Success. */

static void who_asks(void **state)
{
    struct slice arn = SLICE_NONE;
    struct aws_call call = {0};
    sts_build_identity(&call);
    assert_int_equal(call.service, AWS_STS);
    assert_true(slice_equals_text(call.body, "Action=GetCallerIdentity&Version=2011-06-15"));
    call.reply = SLICE("<GetCallerIdentityResponse><GetCallerIdentityResult>"
                       "<Arn>arn:aws:sts::123456789012:assumed-role/ringback/i-1</Arn>"
                       "<Account>123456789012</Account></GetCallerIdentityResult>"
                       "</GetCallerIdentityResponse>");
    assert_int_equal(sts_read_identity(*state, &call, &arn, NULL), STATUS_OK);
    assert_true(slice_equals_text(arn, "arn:aws:sts::123456789012:assumed-role/ringback/i-1"));
}

/* Failure. */

static void an_answer_without_a_name(void **state)
{
    struct slice arn = SLICE_NONE;
    struct error error = ERROR_NONE;
    struct aws_call call = {.operation = "GetCallerIdentity", .reply = SLICE("<html></html>")};
    assert_int_equal(sts_read_identity(*state, &call, &arn, &error), STATUS_INTERNAL);
    assert_string_equal(error.text, "sts.GetCallerIdentity: the answer has no Arn");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(who_asks), TEST(an_answer_without_a_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
