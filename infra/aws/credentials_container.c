#include "infra/aws/credentials_source.h"
#include "infra/aws/profile.h"

#include <string.h>

#define ECS_ORIGIN      "http://169.254.170.2"
#define TRIES           3
#define PAUSE_MS        1000
#define TIMEOUT_MS      2000
#define TOKEN_MAX_BYTES (16u << 10)

bool credentials_in_container(char *const *environment)
{
    return environment_get(environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != NULL ||
           environment_get(environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI") != NULL;
}

/* In the clear only to where nobody listens in: loopback, the ECS and the EKS agent. */
static bool host_is_allowed(struct slice url)
{
    static const char *const hosts[] = {"localhost", "169.254.170.2", "169.254.170.23",
                                        "[fd00:ec2::23]", "[::1]"};
    if (slice_starts_with(url, SLICE("https://"))) {
        return true;
    }
    if (!slice_starts_with(url, SLICE("http://"))) {
        return false;
    }
    struct slice host = slice_part(url, sizeof("http://") - 1, url.size);
    host = slice_part(host, 0, slice_find_byte(host, '/'));
    if (slice_find_byte(host, '@') < host.size) {
        return false;
    }
    const size_t bracket = slice_find_byte(host, ']');
    host = slice_part(host, 0, bracket < host.size ? bracket + 1 : slice_find_byte(host, ':'));
    for (size_t i = 0; i < ARRAY_COUNT(hosts); i++) {
        if (slice_equals_text(host, hosts[i])) {
            return true;
        }
    }
    if (!slice_starts_with(host, SLICE("127."))) {
        return false;
    }
    for (size_t i = 0; i < host.size; i++) {
        if (strchr("0123456789.", host.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static enum status find_url(const struct credentials_source *source, const char **url,
                            struct error *error)
{
    const char *relative =
        environment_get(source->environment, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    if (relative != NULL) {
        *url = arena_format(source->arena, "%s%s", ECS_ORIGIN, relative);
        return STATUS_OK;
    }
    *url = environment_get(source->environment, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (*url == NULL || !host_is_allowed(slice_from_text(*url))) {
        return error_set(error, STATUS_REJECTED,
                         "AWS_CONTAINER_CREDENTIALS_FULL_URI: must be https, or http to loopback "
                         "or to the container agent");
    }
    return STATUS_OK;
}

/* Read every time, since the agent rotates the file. */
static enum status find_token(const struct credentials_source *source, const char **token,
                              struct error *error)
{
    const char *path =
        environment_get(source->environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    *token = environment_get(source->environment, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (path != NULL) {
        const struct slice content = profile_read_file(source->arena, path, TOKEN_MAX_BYTES);
        if (content.size == 0) {
            return error_set(error, STATUS_RETRY,
                             "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE cannot be read");
        }
        *token = content.data;
    }
    if (*token != NULL && strpbrk(*token, "\r\n") != NULL) {
        return error_set(error, STATUS_REJECTED, "the container's token holds a line break");
    }
    return STATUS_OK;
}

static enum status fetch_once(const struct credentials_source *source, const char *url,
                              const char *token, struct credentials *out, struct error *error)
{
    struct http_exchange exchange = {
        .method = "GET",
        .url = url,
        .headers = {{"Accept", "application/json"}, {"Authorization", token}},
        .header_count = token != NULL ? 2 : 1,
        .timeout_ms = TIMEOUT_MS,
        .direct = true};
    http_send_all(source->http, &exchange, 1);
    if (exchange.status != STATUS_OK) {
        return error_set(error, STATUS_RETRY, "%s", exchange.error.text);
    }
    if (exchange.code != 200) {
        return error_set(error, STATUS_RETRY, "HTTP %d", exchange.code);
    }
    return credentials_read_json(source, exchange.response, "Token", out, error);
}

enum status credentials_fetch_container(const struct credentials_source *source,
                                        struct credentials *out, struct error *error)
{
    const char *url = NULL;
    const char *token = NULL;
    enum status status = find_url(source, &url, error);
    if (status == STATUS_OK) {
        status = find_token(source, &token, error);
    }
    if (status != STATUS_OK) {
        return status;
    }
    for (int i = 0; i < TRIES; i++) {
        if (i > 0) {
            clock_sleep_ms(source->clock, PAUSE_MS);
        }
        status = fetch_once(source, url, token, out, error);
        if (status == STATUS_OK) {
            return STATUS_OK;
        }
    }
    return error_wrap(error, "container");
}
