/* Names of resources, and the regions that may get into a host name. */
#include "tests/support/cmocka.h"

#include "infra/aws/arn.h"
#include "infra/base/compiler.h"

#include <string.h>

/* Helpers. */

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

/* Success. */

static void parts_are_told_apart(void **state)
{
    struct arn arn;
    (void)state;
    assert_true(arn_parse(SLICE("arn:aws:sns:eu-west-1:123456789012:topic:more/x"), &arn));
    assert_slice(arn.service, "sns");
    assert_slice(arn.region, "eu-west-1");
    assert_slice(arn.account, "123456789012");
    assert_slice(arn.resource, "topic:more/x");
}

static void region_and_account_may_be_empty(void **state)
{
    struct arn arn;
    (void)state;
    assert_true(arn_parse(SLICE("arn:aws:s3:::bucket"), &arn));
    assert_slice(arn.region, "");
    assert_slice(arn.account, "");
    assert_slice(arn.resource, "bucket");
}

/* Failure. */

static void what_is_no_arn(void **state)
{
    static const char *const texts[] = {
        "",
        "arn",
        "topic",
        "arn:aws:sns:eu-west-1:1",
        "arn:aws:sns:eu-west-1:1:",
        "arn::sns:eu-west-1:1:t",
        "arn:aws::eu-west-1:1:t",
        "xarn:aws:sns:eu-west-1:1:t",
        "arn:aws:sns:evil.example/:1:t",
        "arn:aws:sns:EU-WEST-1:1:t",
        "arn:aws:sns:eu-west-1-and-many-more-characters:1:t",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(texts); i++) {
        struct arn arn = {.service = SLICE("left over")};
        if (arn_parse(slice_from_text(texts[i]), &arn)) {
            fail_msg("taken: %s", texts[i]);
        }
        assert_null(arn.service.data);
    }
    struct arn arn;
    assert_false(arn_parse(SLICE_NONE, &arn));
}

static void regions_are_host_name_parts(void **state)
{
    (void)state;
    assert_true(arn_region_valid(SLICE("us-gov-east-1")));
    assert_false(arn_region_valid(SLICE_NONE));
    assert_false(arn_region_valid(SLICE("")));
    assert_false(arn_region_valid(SLICE("a.b")));
    assert_false(arn_region_valid(SLICE("a@b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_told_apart),
        cmocka_unit_test(region_and_account_may_be_empty),
        cmocka_unit_test(what_is_no_arn),
        cmocka_unit_test(regions_are_host_name_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
