/* GetSecretValue as it goes out and its answer as it comes in. */
#include "tests/support/cmocka.h"

#include "infra/aws/secrets_manager.h"
#include "infra/base/compiler.h"

#include <string.h>

#define SECRET "arn:aws:secretsmanager:eu-west-1:123456789012:secret:ringback/keys-AbCdEf"

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

static void goes_to_the_secrets_region(void **state)
{
    struct aws_call call = {0};
    secrets_manager_build_get(*state, SLICE(SECRET), &call);
    assert_int_equal(call.service, AWS_SECRETS_MANAGER);
    assert_string_equal(call.operation, "GetSecretValue");
    assert_slice(call.region, "eu-west-1");
    assert_slice(call.body, "{\"SecretId\":\"" SECRET "\"}");
}

static void text_is_read(void **state)
{
    const struct aws_call call = {
        .operation = "GetSecretValue",
        .reply = SLICE("{\"ARN\":\"" SECRET "\",\"SecretString\":\"{\\\"k1\\\":\\\"x\\\"}\"}")};
    struct slice text = SLICE_NONE;
    assert_int_equal(secrets_manager_read_get(*state, &call, &text, NULL), STATUS_OK);
    assert_slice(text, "{\"k1\":\"x\"}");
}

/* Failure. */

static void a_binary_secret_has_no_text(void **state)
{
    static const char *const replies[] = {"{\"SecretBinary\":\"c2VjcmV0\"}", "c2VjcmV0", "",
                                          "{\"SecretString\":5}"};
    for (size_t i = 0; i < ARRAY_COUNT(replies); i++) {
        const struct aws_call call = {.operation = "GetSecretValue",
                                      .reply = slice_from_text(replies[i])};
        struct slice text = SLICE_NONE;
        struct error error = ERROR_NONE;
        assert_int_equal(secrets_manager_read_get(*state, &call, &text, &error), STATUS_INTERNAL);
        assert_null(strstr(error.text, "c2VjcmV0"));
        assert_non_null(strstr(error.text, "SecretString"));
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(goes_to_the_secrets_region),
        TEST(text_is_read),
        TEST(a_binary_secret_has_no_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
