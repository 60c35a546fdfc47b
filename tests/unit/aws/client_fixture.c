#include "tests/unit/aws/client_fixture.h"

#include "tests/support/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void client_set(struct client_fixture *fixture, const char *name, const char *value)
{
    assert_true(fixture->environment_count + 1 < CLIENT_ENVIRONMENT_MAX);
    char *entry = NULL;
    assert_true(asprintf(&entry, "%s=%s", name, value) > 0);
    fixture->environment[fixture->environment_count++] = entry;
}

void client_write_keys(const struct client_fixture *fixture, const char *key)
{
    FILE *file = fopen(fixture->credentials_path, "we");
    assert_non_null(file);
    assert_true(fprintf(file, "[default]\naws_access_key_id = %s\naws_secret_access_key = secret\n",
                        key) > 0);
    assert_int_equal(fclose(file), 0);
}

enum status client_open(struct client_fixture *fixture, struct error *error)
{
    fixture->provider = credentials_provider_new(fixture->environment, &fixture->clock.clock);
    const struct aws_client_options options = {.environment = fixture->environment,
                                               .credentials = fixture->provider,
                                               .clock = &fixture->clock.clock,
                                               .random = &fixture->random.random,
                                               .pace = fixture->pace};
    return aws_client_new(&options, &fixture->client, error);
}

int client_setup_bare(void **state)
{
    struct client_fixture *fixture = test_calloc(1, sizeof(*fixture));
    (void)snprintf(fixture->credentials_path, sizeof(fixture->credentials_path), "keys-XXXXXX");
    const int fd = mkstemp(fixture->credentials_path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    clock_fake_init(&fixture->clock, CLIENT_NOW_MS);
    random_seeded_init(&fixture->random, 7);
    client_set(fixture, "AWS_EC2_METADATA_DISABLED", "true");
    *state = fixture;
    return 0;
}

int client_setup(void **state)
{
    client_setup_bare(state);
    struct client_fixture *fixture = *state;
    fixture->server = http_fixture_open();
    client_write_keys(fixture, "FIRSTKEY");
    client_set(fixture, "AWS_SHARED_CREDENTIALS_FILE", fixture->credentials_path);
    client_set(fixture, "AWS_REGION", "eu-west-1");
    client_set(fixture, "AWS_ENDPOINT_URL", http_fixture_url(fixture->server));
    struct error error = ERROR_NONE;
    if (client_open(fixture, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return 0;
}

int client_teardown(void **state)
{
    struct client_fixture *fixture = *state;
    aws_client_free(fixture->client);
    credentials_provider_free(fixture->provider);
    pace_free(fixture->pace);
    if (fixture->server != NULL) {
        http_fixture_close(fixture->server);
    }
    for (size_t i = 0; i < fixture->environment_count; i++) {
        free(fixture->environment[i]);
    }
    (void)unlink(fixture->credentials_path);
    test_free(fixture);
    return 0;
}

void client_reopen_with(struct client_fixture *fixture, const char *name, const char *value)
{
    struct error error = ERROR_NONE;
    aws_client_free(fixture->client);
    credentials_provider_free(fixture->provider);
    client_set(fixture, name, value);
    assert_int_equal(client_open(fixture, &error), STATUS_OK);
}

void client_script(struct client_fixture *fixture, int code, const char *body)
{
    http_fixture_reply(fixture->server, (struct http_fixture_reply){.code = code, .body = body});
}

void client_script_fault(struct client_fixture *fixture, enum http_fixture_fault fault)
{
    http_fixture_reply(fixture->server, (struct http_fixture_reply){.fault = fault});
}

struct aws_call client_describe(void)
{
    return (struct aws_call){.service = AWS_REDSHIFT_DATA,
                             .operation = "DescribeStatement",
                             .body = SLICE("{\"Id\":\"x\"}")};
}

struct aws_call client_send(struct client_fixture *fixture, struct aws_call call)
{
    aws_send_all(fixture->client, &call, 1);
    return call;
}

size_t client_requests(const struct client_fixture *fixture)
{
    return http_fixture_request_count(fixture->server);
}

struct slice client_header(const struct client_fixture *fixture, size_t index, const char *name)
{
    return http_fixture_header(http_fixture_request(fixture->server, index), name);
}

void assert_text_is(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

void assert_text_contains(struct slice is, const char *part)
{
    if (slice_find(is, slice_from_text(part)) >= is.size) {
        fail_msg("\"%.*s\" should contain \"%s\"", SLICE_PRINT(is), part);
    }
}
