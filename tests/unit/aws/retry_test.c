/* Retry rules as tables. */
#include "tests/support/cmocka.h"

#include "infra/aws/retry.h"
#include "infra/base/compiler.h"

/* Success. */

static void answers_and_what_they_mean(void **state)
{
    static const struct {
        enum status sent;
        int code;
        const char *name;
        const char *message;
        enum retry_class class;
        enum status final;
    } cases[] = {
        {STATUS_OK, 200, "", "", RETRY_NEVER, STATUS_OK},
        {STATUS_RETRY, 0, "", "", RETRY_TRANSIENT, STATUS_RETRY},
        {STATUS_IN_DOUBT, 0, "", "", RETRY_TRANSIENT, STATUS_IN_DOUBT},
        {STATUS_REJECTED, 0, "", "", RETRY_NEVER, STATUS_REJECTED},
        {STATUS_OK, 400, "ThrottlingException", "", RETRY_THROTTLING, STATUS_RETRY},
        {STATUS_OK, 403, "RequestThrottled", "", RETRY_THROTTLING, STATUS_RETRY},
        {STATUS_OK, 400, "ProvisionedThroughputExceededException", "", RETRY_THROTTLING,
         STATUS_RETRY},
        {STATUS_OK, 429, "", "", RETRY_THROTTLING, STATUS_RETRY},
        {STATUS_OK, 503, "SlowDown", "", RETRY_THROTTLING, STATUS_RETRY},
        {STATUS_OK, 400, "ValidationException", "Rate exceeded", RETRY_THROTTLING, STATUS_RETRY},
        {STATUS_OK, 400, "ValidationException", "Too Many Requests", RETRY_THROTTLING,
         STATUS_RETRY},
        {STATUS_OK, 400, "ValidationException", "rate must be positive", RETRY_NEVER,
         STATUS_REJECTED},
        {STATUS_OK, 500, "", "", RETRY_TRANSIENT, STATUS_IN_DOUBT},
        {STATUS_OK, 502, "", "", RETRY_TRANSIENT, STATUS_IN_DOUBT},
        {STATUS_OK, 500, "ExecuteStatementException", "", RETRY_TRANSIENT, STATUS_IN_DOUBT},
        {STATUS_OK, 400, "RequestTimeout", "", RETRY_TRANSIENT, STATUS_RETRY},
        {STATUS_OK, 400, "TransactionConflictException", "", RETRY_TRANSIENT, STATUS_RETRY},
        {STATUS_OK, 400, "IDPCommunicationError", "", RETRY_TRANSIENT, STATUS_RETRY},
        {STATUS_OK, 403, "RequestTimeTooSkewed", "", RETRY_CLOCK, STATUS_RETRY},
        {STATUS_OK, 400, "InvalidSignatureException", "Signature expired: a is now earlier than b",
         RETRY_CLOCK, STATUS_RETRY},
        {STATUS_OK, 403, "SignatureDoesNotMatch", "Signature not yet current: a", RETRY_CLOCK,
         STATUS_RETRY},
        {STATUS_OK, 403, "SignatureDoesNotMatch", "The request signature we calculated",
         RETRY_NEVER, STATUS_REJECTED},
        {STATUS_OK, 400, "ExpiredTokenException", "", RETRY_EXPIRED, STATUS_RETRY},
        {STATUS_OK, 400, "UnrecognizedClientException", "", RETRY_EXPIRED, STATUS_REJECTED},
        {STATUS_OK, 400, "ActiveStatementsExceededException", "", RETRY_NEVER, STATUS_RETRY},
        {STATUS_OK, 400, "ActiveSessionsExceededException", "", RETRY_NEVER, STATUS_RETRY},
        {STATUS_OK, 400, "ActiveWaitingRequestsExceededException", "", RETRY_NEVER, STATUS_RETRY},
        {STATUS_OK, 400, "ResourceNotFoundException", "", RETRY_NEVER, STATUS_NOT_FOUND},
        {STATUS_OK, 404, "NoSuchKey", "", RETRY_NEVER, STATUS_NOT_FOUND},
        {STATUS_OK, 413, "", "", RETRY_NEVER, STATUS_REJECTED},
        {STATUS_OK, 400, "AccessDeniedException", "", RETRY_NEVER, STATUS_REJECTED},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const enum retry_class class =
            retry_classify(cases[i].sent, cases[i].code, cases[i].name, cases[i].message);
        if (class != cases[i].class) {
            fail_msg("case %zu (%s): class %d", i, cases[i].name, (int)class);
        }
        if (cases[i].final != STATUS_OK) {
            assert_int_equal(retry_final_status(class, cases[i].sent, cases[i].code, cases[i].name),
                             cases[i].final);
        }
    }
}

static void delays_double_from_their_base(void **state)
{
    (void)state;
    assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, false, 0, 0.5, -1), 25);
    assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, false, 3, 0.5, -1), 200);
    assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, true, 3, 0.5, -1), 100);
    assert_int_equal(retry_delay_ms(RETRY_THROTTLING, false, 0, 0.5, -1), 500);
    assert_int_equal(retry_delay_ms(RETRY_THROTTLING, true, 1, 0.5, -1), 1000);
    assert_int_equal(retry_delay_ms(RETRY_THROTTLING, false, 30, 0.5, -1), 10000);
    assert_int_equal(retry_delay_ms(RETRY_CLOCK, false, 1, 0.5, -1), 0);
    assert_int_equal(retry_delay_ms(RETRY_EXPIRED, false, 1, 0.5, 900), 0);
}

static void wish_of_the_service_is_kept_within_bounds(void **state)
{
    (void)state;
    assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, false, 0, 0.5, 10), 25);
    assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, false, 0, 0.5, 3000), 3000);
    assert_int_equal(retry_delay_ms(RETRY_TRANSIENT, false, 0, 0.5, 60000), 5025);
}

static void bucket_pays_back(void **state)
{
    struct retry_bucket bucket;
    (void)state;
    retry_bucket_init(&bucket);
    assert_int_equal(retry_bucket_take(&bucket, RETRY_TRANSIENT), RETRY_COST_TRANSIENT);
    assert_int_equal(retry_bucket_take(&bucket, RETRY_THROTTLING), RETRY_COST_THROTTLING);
    assert_int_equal(bucket.tokens, RETRY_TOKENS - 19);
    retry_bucket_give(&bucket, RETRY_COST_TRANSIENT);
    assert_int_equal(bucket.tokens, RETRY_TOKENS - 5);
    retry_bucket_give(&bucket, 0);
    assert_int_equal(bucket.tokens, RETRY_TOKENS - 4);
    retry_bucket_give(&bucket, RETRY_COST_TRANSIENT);
    assert_int_equal(bucket.tokens, RETRY_TOKENS);
}

/* Failure. */

static void empty_bucket_gives_nothing(void **state)
{
    struct retry_bucket bucket;
    int retries = 0;
    (void)state;
    retry_bucket_init(&bucket);
    while (retry_bucket_take(&bucket, RETRY_TRANSIENT) > 0) {
        retries++;
    }
    assert_int_equal(retries, RETRY_TOKENS / RETRY_COST_TRANSIENT);
    assert_true(bucket.tokens >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_and_what_they_mean),
        cmocka_unit_test(delays_double_from_their_base),
        cmocka_unit_test(wish_of_the_service_is_kept_within_bounds),
        cmocka_unit_test(bucket_pays_back),
        cmocka_unit_test(empty_bucket_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
