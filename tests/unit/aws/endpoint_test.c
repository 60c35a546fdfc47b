/* Regions, partitions, endpoints and the shared files that they are configured in. */
#include "tests/support/cmocka.h"

#include "infra/aws/endpoint.h"
#include "infra/base/compiler.h"

#include <string.h>

/* Fixture. */

struct fixture {
    struct arena *arena;
    struct profile_files *files;
};

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->arena = arena_new(1u << 20);
    fixture->files = ARENA_NEW(fixture->arena, struct profile_files);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    arena_free(fixture->arena);
    test_free(fixture);
    return 0;
}

/* Helpers. */

static char nothing[] = "X=";
static char *empty_environment[] = {nothing, NULL};

static void config(struct fixture *fixture, const char *text)
{
    profile_parse(fixture->arena, slice_from_text(text), false, fixture->files);
}

static void credentials(struct fixture *fixture, const char *text)
{
    profile_parse(fixture->arena, slice_from_text(text), true, fixture->files);
}

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

static void assert_origin(struct fixture *fixture, char *const *environment,
                          enum aws_service service, const char *region, const char *origin)
{
    struct endpoint endpoint;
    struct error error = ERROR_NONE;
    fixture->files->environment = environment;
    if (endpoint_resolve(fixture->arena, fixture->files, service, slice_from_text(region),
                         &endpoint, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    assert_slice(endpoint.origin, origin);
}

static void assert_refused(struct fixture *fixture, char *const *environment, const char *region)
{
    struct endpoint endpoint;
    struct error error = ERROR_NONE;
    fixture->files->environment = environment;
    assert_int_equal(endpoint_resolve(fixture->arena, fixture->files, AWS_SQS,
                                      slice_from_text(region), &endpoint, &error),
                     STATUS_REJECTED);
    assert_true(error.text[0] != '\0');
}

static struct slice region_with(struct fixture *fixture, char *const *environment)
{
    fixture->files->environment = environment;
    return endpoint_region(fixture->files);
}

static struct slice in_profile(struct fixture *fixture, const char *profile, const char *name)
{
    return profile_get(profile_find(fixture->files, "profile", slice_from_text(profile)), name);
}

/* Success. */

static void hosts_by_service_and_partition(void **state)
{
    static const struct {
        enum aws_service service;
        const char *region;
        const char *origin;
    } cases[] = {
        {AWS_REDSHIFT_DATA, "us-east-1", "https://redshift-data.us-east-1.amazonaws.com"},
        {AWS_STEP_FUNCTIONS, "eu-west-1", "https://states.eu-west-1.amazonaws.com"},
        {AWS_EVENTBRIDGE, "us-gov-west-1", "https://events.us-gov-west-1.amazonaws.com"},
        {AWS_SQS, "cn-north-1", "https://sqs.cn-north-1.amazonaws.com.cn"},
        {AWS_SQS, "eusc-de-east-1", "https://sqs.eusc-de-east-1.amazonaws.eu"},
        {AWS_SECRETS_MANAGER, "eu-west-1", "https://secretsmanager.eu-west-1.amazonaws.com"},
        {AWS_SNS, "us-iso-east-1", "https://sns.us-iso-east-1.c2s.ic.gov"},
        {AWS_SNS, "us-isob-east-1", "https://sns.us-isob-east-1.sc2s.sgov.gov"},
        {AWS_S3, "eu-isoe-west-1", "https://s3.eu-isoe-west-1.cloud.adc-e.uk"},
        {AWS_STS, "us-isof-south-1", "https://sts.us-isof-south-1.csp.hci.ic.gov"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_origin(fixture, empty_environment, cases[i].service, cases[i].region,
                      cases[i].origin);
    }
    assert_string_equal(endpoint_partition(SLICE("us-east-1")), "aws");
    assert_string_equal(endpoint_partition(SLICE("cn-north-1")), "aws-cn");
}

static void variants(void **state)
{
    static char fips[] = "AWS_USE_FIPS_ENDPOINT=true";
    static char dual[] = "AWS_USE_DUALSTACK_ENDPOINT=TRUE";
    char *both[] = {fips, dual, NULL};
    char *only_fips[] = {fips, NULL};
    char *only_dual[] = {dual, NULL};
    struct fixture *fixture = *state;
    assert_origin(fixture, only_fips, AWS_STS, "us-east-1",
                  "https://sts-fips.us-east-1.amazonaws.com");
    assert_origin(fixture, only_dual, AWS_SQS, "us-east-1", "https://sqs.us-east-1.api.aws");
    assert_origin(fixture, only_dual, AWS_SQS, "cn-north-1",
                  "https://sqs.cn-north-1.api.amazonwebservices.com.cn");
    assert_origin(fixture, both, AWS_SQS, "us-east-1", "https://sqs-fips.us-east-1.api.aws");
    assert_origin(fixture, both, AWS_S3, "us-east-1",
                  "https://s3-fips.dualstack.us-east-1.amazonaws.com");
    assert_refused(fixture, only_dual, "us-iso-east-1");
}

static void configured_endpoints_in_their_order(void **state)
{
    static char of_service[] = "AWS_ENDPOINT_URL_REDSHIFT_DATA=http://service:1";
    static char of_all[] = "AWS_ENDPOINT_URL=http://all:2/";
    static char ignore[] = "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true";
    char *environment[] = {of_service, of_all, NULL};
    char *ignoring[] = {of_service, of_all, ignore, NULL};
    struct fixture *fixture = *state;
    config(fixture, "[default]\nservices = local\nendpoint_url = http://profile:4\n"
                    "[services local]\nsfn =\n  endpoint_url = http://section:3\n"
                    "redshift_data =\n  endpoint_url = http://unused\n");
    assert_origin(fixture, environment, AWS_REDSHIFT_DATA, "us-east-1", "http://service:1");
    assert_origin(fixture, environment, AWS_STEP_FUNCTIONS, "us-east-1", "http://all:2");
    assert_origin(fixture, empty_environment, AWS_STEP_FUNCTIONS, "us-east-1", "http://section:3");
    assert_origin(fixture, empty_environment, AWS_SQS, "us-east-1", "http://profile:4");
    assert_origin(fixture, ignoring, AWS_SQS, "us-east-1", "https://sqs.us-east-1.amazonaws.com");
}

static void parts_of_a_configured_endpoint(void **state)
{
    static const struct {
        char url[64];
        const char *host;
        const char *path;
    } cases[] = {
        {"AWS_ENDPOINT_URL=https://h:443/a/b//", "h", "/a/b/"},
        {"AWS_ENDPOINT_URL=http://h:80", "h", "/"},
        {"AWS_ENDPOINT_URL=http://h:443/", "h:443", "/"},
        {"AWS_ENDPOINT_URL=http://[::1]:4566", "[::1]:4566", "/"},
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct endpoint endpoint;
        char url[64];
        memcpy(url, cases[i].url, sizeof(url));
        char *environment[] = {url, NULL};
        fixture->files->environment = environment;
        assert_int_equal(endpoint_resolve(fixture->arena, fixture->files, AWS_SQS,
                                          SLICE("us-east-1"), &endpoint, NULL),
                         STATUS_OK);
        assert_slice(endpoint.host, cases[i].host);
        assert_slice(endpoint.path, cases[i].path);
    }
}

static void region_in_its_order(void **state)
{
    static char first[] = "AWS_REGION=one";
    static char second[] = "AWS_DEFAULT_REGION=two";
    static char profile[] = "AWS_PROFILE=p";
    static char blank[] = "AWS_REGION=";
    char *both[] = {second, first, NULL};
    char *only_second[] = {blank, second, NULL};
    char *only_profile[] = {profile, NULL};
    struct fixture *fixture = *state;
    config(fixture, "[profile p]\nregion=three\n");
    assert_slice(region_with(fixture, both), "one");
    assert_slice(region_with(fixture, only_second), "two");
    assert_slice(region_with(fixture, only_profile), "three");
    assert_null(region_with(fixture, empty_environment).data);
}

static void format_of_the_shared_files(void **state)
{
    struct fixture *fixture = *state;
    credentials(fixture, "[a]\nkey = from credentials\n");
    config(fixture, "; comment\r\n# comment\r\n[profile a]\r\n key2 = ignored, belongs to nothing\n"
                    "KEY = from config\nother=v ; comment\nhash=a#b\nempty =\n\n"
                    "[profile\tb c]\nkey=x=y\n[a]\nkey=not a profile here\n[default]\nkey=d\n");
    assert_slice(in_profile(fixture, "a", "key"), "from credentials");
    assert_slice(in_profile(fixture, "a", "other"), "v");
    assert_slice(in_profile(fixture, "a", "hash"), "a#b");
    assert_slice(in_profile(fixture, "b c", "key"), "x=y");
    assert_slice(in_profile(fixture, "default", "key"), "d");
    assert_null(in_profile(fixture, "a", "empty").data);
    assert_null(in_profile(fixture, "gone", "key").data);
}

/* Failure. */

static void malformed_endpoints_are_refused(void **state)
{
    static const char urls[][48] = {
        "AWS_ENDPOINT_URL=localhost:4566",  "AWS_ENDPOINT_URL=ftp://h",
        "AWS_ENDPOINT_URL=http://",         "AWS_ENDPOINT_URL=http:///path",
        "AWS_ENDPOINT_URL=http://h/?query", "AWS_ENDPOINT_URL=http://u:p@h/",
        "AWS_ENDPOINT_URL=http://h/#part",
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        char url[48];
        memcpy(url, urls[i], sizeof(url));
        char *environment[] = {url, NULL};
        assert_refused(fixture, environment, "us-east-1");
    }
}

static void variant_of_a_configured_endpoint_is_refused(void **state)
{
    static char url[] = "AWS_ENDPOINT_URL=http://h";
    static char fips[] = "AWS_USE_FIPS_ENDPOINT=true";
    char *environment[] = {url, fips, NULL};
    assert_refused(*state, environment, "us-east-1");
}

static void hostile_files_are_read_without_harm(void **state)
{
    struct fixture *fixture = *state;
    config(fixture,
           "[\n[]\n[profile]\n[profile ]\n=\n = \na\n[profile x\nkey = v\n=v\n\tnested = n\n");
    assert_slice(in_profile(fixture, "x", "key"), "v");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

/* ---- Whose place it is ---- */

static void a_place_is_amazons_by_its_host(void **state)
{
    static const struct {
        const char *host;
        bool configured;
        bool aws;
    } rows[] = {
        {"redshift-data.eu-west-1.amazonaws.com", false, true},
        {"vpce-1-2.redshift-data.us-east-1.vpce.amazonaws.com", true, true},
        {"vpce-1-2.redshift-data.us-east-1.vpce.amazonaws.com:443", true, true},
        {"redshift-data.cn-north-1.amazonaws.com.cn", true, true},
        {"redshift-data.eu-west-1.api.aws", true, true},
        {"127.0.0.1:4566", true, false},
        {"localhost", true, false},
        {"proxy.example.com", true, false},
        {"notamazonaws.com", true, false},
        {"amazonaws.com.example.com", true, false},
        {"", true, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(rows); i++) {
        const struct endpoint endpoint = {.host = slice_from_text(rows[i].host),
                                          .configured = rows[i].configured};
        if (endpoint_is_aws(&endpoint) != rows[i].aws) {
            fail_msg("%s", rows[i].host);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(hosts_by_service_and_partition),
        TEST(variants),
        TEST(configured_endpoints_in_their_order),
        TEST(parts_of_a_configured_endpoint),
        TEST(region_in_its_order),
        TEST(format_of_the_shared_files),
        TEST(a_place_is_amazons_by_its_host),
        TEST(malformed_endpoints_are_refused),
        TEST(variant_of_a_configured_endpoint_is_refused),
        TEST(hostile_files_are_read_without_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
