/* Where credentials come from, and how they are kept. STS, container agent and instance metadata
 * are a scripted server on loopback. */
#include "tests/support/cmocka.h"
#include "tests/support/http_fixture.h"

#include "infra/aws/credentials.h"
#include "infra/base/clock.h"
#include "infra/base/encode.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NOW_MS          1795178096000 /* 2026-11-20T12:34:56Z */
#define MINUTE_MS       INT64_C(60000)
#define IN_ONE_HOUR     "2026-11-20T13:34:56Z"
#define IN_TWO_HOURS    "2026-11-20T14:34:56Z"
#define ENVIRONMENT_MAX 16
#define ROLE            "arn:aws:iam::123456789012:role/x"

#define STS_ANSWER(key, expiration)                                                                \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>" key                         \
    "</AccessKeyId><SecretAccessKey>s&amp;s</SecretAccessKey><SessionToken>t==</SessionToken>"     \
    "<Expiration>" expiration                                                                      \
    "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define JSON_ANSWER(key, expiration)                                                               \
    "{\"Code\":\"Success\",\"AccessKeyId\":\"" key                                                 \
    "\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"" expiration "\"}"

/* Fixture. */

struct fixture {
    struct http_fixture *server;
    struct http *http;
    char *environment[ENVIRONMENT_MAX];
    size_t environment_count;
    char path[64];
    struct clock_fake clock;
    struct credentials_provider *provider;
};

static void set(struct fixture *fixture, const char *name, const char *value)
{
    assert_true(fixture->environment_count + 1 < ENVIRONMENT_MAX);
    char *entry = NULL;
    assert_true(asprintf(&entry, "%s=%s", name, value) > 0);
    fixture->environment[fixture->environment_count++] = entry;
}

static int setup(void **state)
{
    struct fixture *fixture = test_calloc(1, sizeof(*fixture));
    fixture->server = http_fixture_open();
    fixture->http = http_new(NULL);
    (void)snprintf(fixture->path, sizeof(fixture->path), "file-XXXXXX");
    const int fd = mkstemp(fixture->path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    clock_fake_init(&fixture->clock, NOW_MS);
    set(fixture, "AWS_REGION", "eu-west-1");
    set(fixture, "AWS_ENDPOINT_URL_STS", http_fixture_url(fixture->server));
    fixture->provider = credentials_provider_new(fixture->environment, &fixture->clock.clock);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    credentials_provider_free(fixture->provider);
    http_free(fixture->http);
    http_fixture_close(fixture->server);
    for (size_t i = 0; i < fixture->environment_count; i++) {
        free(fixture->environment[i]);
    }
    (void)unlink(fixture->path);
    test_free(fixture);
    return 0;
}

/* Helpers. */

static void write_file(const struct fixture *fixture, const char *text)
{
    FILE *file = fopen(fixture->path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void use_config(struct fixture *fixture, const char *text)
{
    write_file(fixture, text);
    set(fixture, "AWS_CONFIG_FILE", fixture->path);
}

static void script(struct fixture *fixture, int code, const char *body)
{
    http_fixture_reply(fixture->server, (struct http_fixture_reply){.code = code, .body = body});
}

static struct credentials get(struct fixture *fixture)
{
    struct credentials credentials;
    struct error error = ERROR_NONE;
    if (credentials_get(fixture->provider, fixture->http, &credentials, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return credentials;
}

static void assert_fails(struct fixture *fixture, enum status status, const char *text)
{
    struct credentials credentials;
    struct error error = ERROR_NONE;
    assert_int_equal(credentials_get(fixture->provider, fixture->http, &credentials, &error),
                     status);
    if (strstr(error.text, text) == NULL) {
        fail_msg("\"%s\" should contain \"%s\"", error.text, text);
    }
}

static const struct http_fixture_request *request(const struct fixture *fixture, size_t index)
{
    return http_fixture_request(fixture->server, index);
}

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

static void assert_contains(struct slice is, const char *part)
{
    if (slice_find(is, slice_from_text(part)) >= is.size) {
        fail_msg("\"%.*s\" should contain \"%s\"", SLICE_PRINT(is), part);
    }
}

static void use_container(struct fixture *fixture)
{
    char url[128];
    (void)snprintf(url, sizeof(url), "%s/creds", http_fixture_url(fixture->server));
    set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
}

static void use_imds(struct fixture *fixture)
{
    set(fixture, "AWS_EC2_METADATA_SERVICE_ENDPOINT", http_fixture_url(fixture->server));
}

/* Success. */

static void the_source_has_a_name(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "AWS_CONFIG_FILE", fixture->path);
    set(fixture, "AWS_SHARED_CREDENTIALS_FILE", fixture->path);
    assert_string_equal(credentials_source_name(fixture->provider), "the role of the EC2 instance");
    set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/");
    assert_string_equal(credentials_source_name(fixture->provider), "the container's endpoint");
    write_file(fixture, "[default]\naws_access_key_id = A\naws_secret_access_key = s\n");
    assert_string_equal(credentials_source_name(fixture->provider),
                        "a profile of the shared files");
    set(fixture, "AWS_ROLE_ARN", ROLE);
    set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", fixture->path);
    assert_string_equal(credentials_source_name(fixture->provider), "a web identity token");
    set(fixture, "AWS_ACCESS_KEY_ID", "A");
    set(fixture, "AWS_SECRET_ACCESS_KEY", "s");
    assert_string_equal(credentials_source_name(fixture->provider), "the environment");
    struct credentials_provider *role = credentials_provider_assume_role(
        fixture->provider, fixture->environment, &fixture->clock.clock, ROLE);
    assert_string_equal(credentials_source_name(role), "an assumed role");
    credentials_provider_free(role);
}

static void environment_comes_first(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\naws_access_key_id=FILE\naws_secret_access_key=s\n");
    use_container(fixture);
    set(fixture, "AWS_ACCESS_KEY_ID", "ENV");
    set(fixture, "AWS_SECRET_ACCESS_KEY", "secret");
    set(fixture, "AWS_SESSION_TOKEN", "token");
    const struct credentials credentials = get(fixture);
    assert_string_equal(credentials.access_key_id, "ENV");
    assert_string_equal(credentials.secret_access_key, "secret");
    assert_string_equal(credentials.session_token, "token");
    assert_int_equal(credentials.expires_at_ms, 0);
    assert_int_equal(credentials.generation, 1);
}

static void profile_comes_before_container(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\naws_access_key_id = WRONG\n[profile x]\n"
                        "aws_access_key_id = RIGHT # note\naws_secret_access_key = s\n");
    use_container(fixture);
    set(fixture, "AWS_PROFILE", "x");
    assert_string_equal(get(fixture).access_key_id, "RIGHT");
}

static void web_identity_is_unsigned_and_reads_the_file_afresh(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "first token\n");
    set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", fixture->path);
    set(fixture, "AWS_ROLE_ARN", ROLE);
    set(fixture, "AWS_ROLE_SESSION_NAME", "me");
    script(fixture, 200, STS_ANSWER("ONE", IN_ONE_HOUR));
    script(fixture, 200, STS_ANSWER("TWO", IN_TWO_HOURS));
    const struct credentials first = get(fixture);
    assert_string_equal(first.access_key_id, "ONE");
    assert_string_equal(first.secret_access_key, "s&s");
    assert_int_equal(first.expires_at_ms, NOW_MS + 60 * MINUTE_MS);
    write_file(fixture, "second");
    clock_fake_advance(&fixture->clock, 50 * MINUTE_MS);
    assert_string_equal(get(fixture).access_key_id, "TWO");
    assert_slice(request(fixture, 0)->body,
                 "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%"
                 "3A123456789012%3Arole%2Fx&RoleSessionName=me&WebIdentityToken=first%20token");
    assert_contains(request(fixture, 1)->body, "WebIdentityToken=second");
    assert_null(http_fixture_header(request(fixture, 0), "Authorization").data);
}

static void role_is_assumed_with_the_source_profile(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\nrole_arn = " ROLE "\nsource_profile = base\n"
                        "external_id = e\nduration_seconds = 900\nrole_session_name = n\n"
                        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
    script(fixture, 200, STS_ANSWER("ASSUMED", IN_ONE_HOUR));
    const struct credentials credentials = get(fixture);
    assert_string_equal(credentials.access_key_id, "ASSUMED");
    assert_string_equal(credentials.session_token, "t==");
    assert_contains(http_fixture_header(request(fixture, 0), "Authorization"),
                    "Credential=BASE/20261120/eu-west-1/sts/aws4_request");
    assert_slice(request(fixture, 0)->body,
                 "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%"
                 "3Arole%2Fx&RoleSessionName=n&DurationSeconds=900&ExternalId=e");
}

static void roles_are_assumed_one_with_the_other(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\nrole_arn = arn:outer\nsource_profile = middle\n"
                        "[profile middle]\nrole_arn = arn:inner\nsource_profile = base\n"
                        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
    script(fixture, 200, STS_ANSWER("INNER", IN_ONE_HOUR));
    script(fixture, 200, STS_ANSWER("OUTER", IN_ONE_HOUR));
    assert_string_equal(get(fixture).access_key_id, "OUTER");
    assert_contains(request(fixture, 0)->body, "RoleArn=arn%3Ainner");
    assert_contains(http_fixture_header(request(fixture, 0), "Authorization"), "Credential=BASE/");
    assert_contains(request(fixture, 1)->body, "RoleArn=arn%3Aouter");
    assert_contains(http_fixture_header(request(fixture, 1), "Authorization"), "Credential=INNER/");
}

static void profile_may_be_its_own_source(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\nrole_arn = " ROLE "\nsource_profile = default\n"
                        "aws_access_key_id = OWN\naws_secret_access_key = s\n");
    script(fixture, 200, STS_ANSWER("ASSUMED", IN_ONE_HOUR));
    assert_string_equal(get(fixture).access_key_id, "ASSUMED");
    assert_contains(http_fixture_header(request(fixture, 0), "Authorization"), "Credential=OWN/");
}

static void named_sources_of_a_role(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\nrole_arn = " ROLE "\ncredential_source = EcsContainer\n");
    use_container(fixture);
    script(fixture, 200, JSON_ANSWER("AGENT", IN_ONE_HOUR));
    script(fixture, 200, STS_ANSWER("ASSUMED", IN_ONE_HOUR));
    assert_string_equal(get(fixture).access_key_id, "ASSUMED");
    assert_contains(http_fixture_header(request(fixture, 1), "Authorization"), "Credential=AGENT/");
}

static void process_prints_credentials(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture,
               "[default]\ncredential_process = printf '%s' '{\"Version\":1,\"AccessKeyId\":"
               "\"PROCESS\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"tok\",\"Expiration\":"
               "\"" IN_ONE_HOUR "\"}'\n");
    const struct credentials credentials = get(fixture);
    assert_string_equal(credentials.access_key_id, "PROCESS");
    assert_string_equal(credentials.session_token, "tok");
    assert_int_equal(credentials.expires_at_ms, NOW_MS + 60 * MINUTE_MS);
}

static void container_agent_gets_the_token_of_the_file(void **state)
{
    struct fixture *fixture = *state;
    use_container(fixture);
    write_file(fixture, "secret-token\n");
    set(fixture, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", fixture->path);
    script(fixture, 500, "");
    script(fixture, 200, JSON_ANSWER("AGENT", IN_ONE_HOUR));
    const struct credentials credentials = get(fixture);
    assert_string_equal(credentials.access_key_id, "AGENT");
    assert_string_equal(credentials.session_token, "t");
    assert_slice(request(fixture, 1)->target, "/creds");
    assert_slice(http_fixture_header(request(fixture, 1), "Authorization"), "secret-token");
}

static void instance_metadata_version_2(void **state)
{
    struct fixture *fixture = *state;
    use_imds(fixture);
    script(fixture, 200, "session");
    script(fixture, 200, "my-role\n");
    script(fixture, 200, JSON_ANSWER("INSTANCE", IN_ONE_HOUR));
    assert_string_equal(get(fixture).access_key_id, "INSTANCE");
    assert_slice(request(fixture, 0)->method, "PUT");
    assert_slice(request(fixture, 0)->target, "/latest/api/token");
    assert_slice(http_fixture_header(request(fixture, 0), "x-aws-ec2-metadata-token-ttl-seconds"),
                 "21600");
    assert_slice(request(fixture, 2)->target, "/latest/meta-data/iam/security-credentials/my-role");
    assert_slice(http_fixture_header(request(fixture, 2), "x-aws-ec2-metadata-token"), "session");
}

static void instance_metadata_version_1_when_there_is_no_other(void **state)
{
    struct fixture *fixture = *state;
    use_imds(fixture);
    script(fixture, 404, "");
    script(fixture, 200, "my-role");
    script(fixture, 200, JSON_ANSWER("INSTANCE", IN_ONE_HOUR));
    assert_string_equal(get(fixture).access_key_id, "INSTANCE");
    assert_null(http_fixture_header(request(fixture, 1), "x-aws-ec2-metadata-token").data);
}

static void instance_credentials_that_expired_are_used_on(void **state)
{
    struct fixture *fixture = *state;
    use_imds(fixture);
    script(fixture, 200, "session");
    script(fixture, 200, "my-role");
    script(fixture, 200, JSON_ANSWER("OLD", "2026-11-20T12:30:00Z"));
    assert_string_equal(get(fixture).access_key_id, "OLD");
    clock_fake_advance(&fixture->clock, 5 * MINUTE_MS);
    assert_string_equal(get(fixture).access_key_id, "OLD");
    assert_int_equal(http_fixture_request_count(fixture->server), 3);
}

static void fresh_credentials_are_not_asked_for_again(void **state)
{
    struct fixture *fixture = *state;
    use_container(fixture);
    script(fixture, 200, JSON_ANSWER("AGENT", IN_ONE_HOUR));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(get(fixture).generation, 1);
        clock_fake_advance(&fixture->clock, 14 * MINUTE_MS);
    }
    assert_int_equal(http_fixture_request_count(fixture->server), 1);
}

static void ageing_credentials_are_kept_when_refresh_fails(void **state)
{
    struct fixture *fixture = *state;
    use_container(fixture);
    script(fixture, 200, JSON_ANSWER("OLD", IN_ONE_HOUR));
    for (int i = 0; i < 3; i++) {
        script(fixture, 500, "");
    }
    get(fixture);
    clock_fake_advance(&fixture->clock, 46 * MINUTE_MS);
    assert_string_equal(get(fixture).access_key_id, "OLD");
    assert_int_equal(http_fixture_request_count(fixture->server), 4);
    /* Not with every call again. */
    assert_string_equal(get(fixture).access_key_id, "OLD");
    assert_int_equal(http_fixture_request_count(fixture->server), 4);
    clock_fake_advance(&fixture->clock, 2 * MINUTE_MS);
    script(fixture, 200, JSON_ANSWER("NEW", IN_TWO_HOURS));
    assert_string_equal(get(fixture).access_key_id, "NEW");
}

static void expired_by_the_service_is_refreshed_once_per_generation(void **state)
{
    struct fixture *fixture = *state;
    use_container(fixture);
    script(fixture, 200, JSON_ANSWER("ONE", IN_ONE_HOUR));
    script(fixture, 200, JSON_ANSWER("TWO", IN_ONE_HOUR));
    const struct credentials first = get(fixture);
    credentials_expired(fixture->provider, first.generation);
    assert_string_equal(get(fixture).access_key_id, "TWO");
    credentials_expired(fixture->provider, first.generation);
    assert_string_equal(get(fixture).access_key_id, "TWO");
    assert_int_equal(http_fixture_request_count(fixture->server), 2);
}

static void wrapped_provider_assumes_its_role(void **state)
{
    struct fixture *fixture = *state;
    struct credentials credentials;
    set(fixture, "AWS_ACCESS_KEY_ID", "ENV");
    set(fixture, "AWS_SECRET_ACCESS_KEY", "secret");
    script(fixture, 200, STS_ANSWER("OWNER", IN_ONE_HOUR));
    struct credentials_provider *wrapped = credentials_provider_assume_role(
        fixture->provider, fixture->environment, &fixture->clock.clock, ROLE);
    assert_int_equal(credentials_get(wrapped, fixture->http, &credentials, NULL), STATUS_OK);
    assert_string_equal(credentials.access_key_id, "OWNER");
    assert_contains(request(fixture, 0)->body, "RoleSessionName=ringback");
    assert_int_equal(credentials_get(wrapped, fixture->http, &credentials, NULL), STATUS_OK);
    assert_int_equal(http_fixture_request_count(fixture->server), 1);
    credentials_provider_free(wrapped);
}

static void role_is_assumed_although_the_clock_is_off(void **state)
{
    struct fixture *fixture = *state;
    use_config(fixture, "[default]\nrole_arn = " ROLE "\nsource_profile = base\n"
                        "[profile base]\naws_access_key_id = BASE\naws_secret_access_key = s\n");
    http_fixture_reply(fixture->server,
                       (struct http_fixture_reply){
                           .code = 403,
                           .headers = "Date: Fri, 20 Nov 2026 13:00:00 GMT\r\n",
                           .body = "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code>"
                                   "<Message>Signature expired: x</Message></Error>"
                                   "</ErrorResponse>"});
    script(fixture, 200, STS_ANSWER("ASSUMED", IN_TWO_HOURS));
    assert_string_equal(get(fixture).access_key_id, "ASSUMED");
    assert_slice(http_fixture_header(request(fixture, 1), "X-Amz-Date"), "20261120T130000Z");
}

struct getter {
    struct fixture *fixture;
    struct credentials credentials;
    enum status status;
};

static void *get_in_thread(void *context)
{
    struct getter *getter = context;
    struct http *http = http_new(NULL);
    getter->status = credentials_get(getter->fixture->provider, http, &getter->credentials, NULL);
    http_free(http);
    return NULL;
}

static void threads_share_one_refresh(void **state)
{
    struct fixture *fixture = *state;
    struct getter getters[4];
    pthread_t threads[ARRAY_COUNT(getters)];
    use_container(fixture);
    http_fixture_reply(
        fixture->server,
        (struct http_fixture_reply){.body = JSON_ANSWER("AGENT", IN_ONE_HOUR), .delay_ms = 100});
    for (size_t i = 0; i < ARRAY_COUNT(getters); i++) {
        getters[i] = (struct getter){.fixture = fixture};
        assert_int_equal(pthread_create(&threads[i], NULL, get_in_thread, &getters[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_COUNT(getters); i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(getters[i].status, STATUS_OK);
        assert_string_equal(getters[i].credentials.access_key_id, "AGENT");
    }
    assert_int_equal(http_fixture_request_count(fixture->server), 1);
}

/* Failure. */

static void nothing_configured_is_rejected(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "AWS_EC2_METADATA_DISABLED", "true");
    assert_fails(fixture, STATUS_REJECTED, "none configured");
}

static void configurations_that_can_never_work(void **state)
{
    static const char *const configs[][2] = {
        {"[default]\nrole_arn = r\nsource_profile = gone\n", "no profile gone"},
        {"[default]\nrole_arn = r\n", "source_profile"},
        {"[default]\nrole_arn = r\ncredential_source = Moon\n", "credential_source"},
        {"[default]\nrole_arn = r\nsource_profile = default\n", "in a chain"},
        {"[default]\nrole_arn = r\nsource_profile = a\n[profile a]\nrole_arn = r\n"
         "source_profile = default\n",
         "in a chain"},
        {"[default]\nrole_arn = r\nmfa_serial = m\nsource_profile = a\n", "mfa_serial"},
        {"[default]\nsso_session = s\n", "SSO"},
        {"[default]\naws_access_key_id = A\n", "secret access key"},
    };
    struct fixture *fixture = *state;
    set(fixture, "AWS_CONFIG_FILE", fixture->path);
    for (size_t i = 0; i < ARRAY_COUNT(configs); i++) {
        write_file(fixture, configs[i][0]);
        assert_fails(fixture, STATUS_REJECTED, configs[i][1]);
    }
    assert_int_equal(http_fixture_request_count(fixture->server), 0);
}

static void profile_that_is_not_there_is_no_reason_to_look_elsewhere(void **state)
{
    struct fixture *fixture = *state;
    set(fixture, "AWS_PROFILE", "gone");
    use_container(fixture);
    assert_fails(fixture, STATUS_REJECTED, "no profile gone");
}

static void process_that_fails_is_retry(void **state)
{
    static const char *const commands[][2] = {
        {"[default]\ncredential_process = exit 3\n", "failed"},
        {"[default]\ncredential_process = echo nonsense\n", "no credentials"},
        {"[default]\ncredential_process = yes\n", "too much"},
        {"[default]\ncredential_process = /nonexistent/helper\n", "failed"},
    };
    struct fixture *fixture = *state;
    set(fixture, "AWS_CONFIG_FILE", fixture->path);
    for (size_t i = 0; i < ARRAY_COUNT(commands); i++) {
        write_file(fixture, commands[i][0]);
        assert_fails(fixture, STATUS_RETRY, commands[i][1]);
    }
}

static void agent_on_a_foreign_host_is_rejected(void **state)
{
    static const char *const urls[] = {"http://example.com/", "http://127.0.0.1.example.com/",
                                       "http://localhost@example.com/", "ftp://localhost/",
                                       "http://10.0.0.1/"};
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        struct fixture *fixture = *state;
        set(fixture, "AWS_CONTAINER_CREDENTIALS_FULL_URI", urls[i]);
        assert_fails(fixture, STATUS_REJECTED, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
        fixture->environment_count--;
        free(fixture->environment[fixture->environment_count]);
        fixture->environment[fixture->environment_count] = NULL;
    }
}

static void agent_that_keeps_failing_is_retry(void **state)
{
    struct fixture *fixture = *state;
    use_container(fixture);
    script(fixture, 500, "");
    script(fixture, 200, "{}");
    script(fixture, 403, "");
    assert_fails(fixture, STATUS_RETRY, "container: HTTP 403");
    assert_int_equal(http_fixture_request_count(fixture->server), 3);
}

static void version_1_may_be_forbidden(void **state)
{
    struct fixture *fixture = *state;
    use_imds(fixture);
    set(fixture, "AWS_EC2_METADATA_V1_DISABLED", "true");
    script(fixture, 404, "");
    assert_fails(fixture, STATUS_RETRY, "token refused with HTTP 404");
}

static void expired_credentials_are_not_handed_out(void **state)
{
    struct fixture *fixture = *state;
    use_container(fixture);
    script(fixture, 200, JSON_ANSWER("OLD", IN_ONE_HOUR));
    get(fixture);
    clock_fake_advance(&fixture->clock, 61 * MINUTE_MS);
    for (int i = 0; i < 3; i++) {
        script(fixture, 500, "");
    }
    assert_fails(fixture, STATUS_RETRY, "HTTP 500");
}

static void refusal_by_sts_names_its_code_and_no_secret(void **state)
{
    struct fixture *fixture = *state;
    write_file(fixture, "very-secret-token");
    set(fixture, "AWS_WEB_IDENTITY_TOKEN_FILE", fixture->path);
    set(fixture, "AWS_ROLE_ARN", ROLE);
    script(fixture, 403,
           "<ErrorResponse><Error><Code>AccessDenied</Code><Message>very-secret-token"
           "</Message></Error></ErrorResponse>");
    struct credentials credentials;
    struct error error = ERROR_NONE;
    assert_int_equal(credentials_get(fixture->provider, fixture->http, &credentials, &error),
                     STATUS_RETRY);
    assert_string_equal(error.text, "credentials: sts: AccessDenied (HTTP 403)");
    assert_int_equal(http_fixture_request_count(fixture->server), 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_source_has_a_name),
        TEST(environment_comes_first),
        TEST(profile_comes_before_container),
        TEST(web_identity_is_unsigned_and_reads_the_file_afresh),
        TEST(role_is_assumed_with_the_source_profile),
        TEST(roles_are_assumed_one_with_the_other),
        TEST(profile_may_be_its_own_source),
        TEST(named_sources_of_a_role),
        TEST(process_prints_credentials),
        TEST(container_agent_gets_the_token_of_the_file),
        TEST(instance_metadata_version_2),
        TEST(instance_metadata_version_1_when_there_is_no_other),
        TEST(instance_credentials_that_expired_are_used_on),
        TEST(fresh_credentials_are_not_asked_for_again),
        TEST(ageing_credentials_are_kept_when_refresh_fails),
        TEST(expired_by_the_service_is_refreshed_once_per_generation),
        TEST(wrapped_provider_assumes_its_role),
        TEST(role_is_assumed_although_the_clock_is_off),
        TEST(threads_share_one_refresh),
        TEST(nothing_configured_is_rejected),
        TEST(configurations_that_can_never_work),
        TEST(profile_that_is_not_there_is_no_reason_to_look_elsewhere),
        TEST(process_that_fails_is_retry),
        TEST(agent_on_a_foreign_host_is_rejected),
        TEST(agent_that_keeps_failing_is_retry),
        TEST(version_1_may_be_forbidden),
        TEST(expired_credentials_are_not_handed_out),
        TEST(refusal_by_sts_names_its_code_and_no_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
