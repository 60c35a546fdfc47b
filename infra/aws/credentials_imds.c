#include "infra/aws/credentials_source.h"
#include "infra/aws/profile.h"
#include "infra/base/json_reader.h"

#include <strings.h>

#define ORIGIN_IPV4       "http://169.254.169.254"
#define ORIGIN_IPV6       "http://[fd00:ec2::254]"
#define ROLE_PATH         "/latest/meta-data/iam/security-credentials/"
#define REGION_PATH       "/latest/meta-data/placement/region"
#define TIMEOUT_MS        1000
#define TOKEN_TTL_SECONDS "21600"
#define TEXT_MAX_BYTES    4096u
/* Nearly expired credentials are used on, and asked for again when this long is over (refresh
 * begins 15 minutes before "expiry"). */
#define STATIC_STABILITY_MS INT64_C(1500000) /* 25 min */
#define NEARLY_MS           INT64_C(900000)

struct imds {
    const struct credentials_source *source;
    const char *origin;
    const char *token; /* NULL: version 1 */
};

static void send_request(const struct imds *imds, const char *method, const char *path,
                         struct http_exchange *exchange)
{
    *exchange =
        (struct http_exchange){.method = method,
                               .url = arena_format(imds->source->arena, "%s%s", imds->origin, path),
                               .timeout_ms = TIMEOUT_MS,
                               .connect_timeout_ms = TIMEOUT_MS,
                               .direct = true};
    if (imds->token != NULL) {
        exchange->headers[exchange->header_count++] =
            (struct http_header){"x-aws-ec2-metadata-token", imds->token};
    } else if (method[0] == 'P') {
        exchange->headers[exchange->header_count++] =
            (struct http_header){"x-aws-ec2-metadata-token-ttl-seconds", TOKEN_TTL_SECONDS};
    }
    http_send_all(imds->source->http, exchange, 1);
}

static enum status get_text(const struct imds *imds, const char *path, struct slice *text,
                            struct error *error)
{
    struct http_exchange exchange;
    send_request(imds, "GET", path, &exchange);
    if (exchange.status != STATUS_OK) {
        return error_set(error, STATUS_RETRY, "%s", exchange.error.text);
    }
    if (exchange.code != 200) {
        return error_set(error, STATUS_RETRY, "HTTP %d", exchange.code);
    }
    *text = arena_copy(imds->source->arena, slice_trim(exchange.response));
    return STATUS_OK;
}

/* Version 2's session token; services that know only version 1 answer 403, 404 or 405. */
static enum status get_token(struct imds *imds, struct error *error)
{
    struct http_exchange exchange;
    send_request(imds, "PUT", "/latest/api/token", &exchange);
    if (exchange.status != STATUS_OK) {
        return error_set(error, STATUS_RETRY, "%s", exchange.error.text);
    }
    if (exchange.code == 200 && exchange.response.size > 0 &&
        exchange.response.size < TEXT_MAX_BYTES) {
        imds->token = arena_text(imds->source->arena, slice_trim(exchange.response));
        return STATUS_OK;
    }
    const bool only_version_1 =
        exchange.code == 403 || exchange.code == 404 || exchange.code == 405;
    if (only_version_1 &&
        !environment_flag(imds->source->environment, "AWS_EC2_METADATA_V1_DISABLED")) {
        return STATUS_OK;
    }
    return error_set(error, STATUS_RETRY, "token refused with HTTP %d", exchange.code);
}

static enum status open_imds(const struct credentials_source *source, struct imds *imds,
                             struct error *error)
{
    char *const *environment = source->environment;
    const char *endpoint = environment_get(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = environment_get(environment, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (environment_flag(environment, "AWS_EC2_METADATA_DISABLED")) {
        return error_set(error, STATUS_REJECTED, "none configured");
    }
    *imds = (struct imds){.source = source, .origin = ORIGIN_IPV4};
    if (endpoint != NULL) {
        struct slice origin = slice_from_text(endpoint);
        while (slice_ends_with(origin, SLICE("/"))) {
            origin = slice_part(origin, 0, origin.size - 1);
        }
        imds->origin = arena_text(source->arena, origin);
    } else if (mode != NULL && strcasecmp(mode, "IPv6") == 0) {
        imds->origin = ORIGIN_IPV6;
    }
    return get_token(imds, error) == STATUS_OK
               ? STATUS_OK
               : error_wrap(error, "none configured, and no instance metadata");
}

static enum status fetch_role(const struct imds *imds, struct credentials *out, struct error *error)
{
    struct slice role = SLICE_NONE;
    struct slice json = SLICE_NONE;
    enum status status = get_text(imds, ROLE_PATH, &role, error);
    if (status != STATUS_OK) {
        return status;
    }
    role = slice_part(role, 0, slice_find_byte(role, '\n'));
    const char *path = arena_format(imds->source->arena, "%s%.*s", ROLE_PATH, SLICE_PRINT(role));
    status = get_text(imds, path, &json, error);
    return status == STATUS_OK ? credentials_read_json(imds->source, json, "Token", out, error)
                               : status;
}

enum status credentials_fetch_imds(const struct credentials_source *source, struct credentials *out,
                                   struct error *error)
{
    struct imds imds = {.source = source};
    const enum status status = open_imds(source, &imds, error);
    if (status != STATUS_OK) {
        return status;
    }
    if (fetch_role(&imds, out, error) != STATUS_OK) {
        return error_wrap(error, "instance metadata");
    }
    const int64_t now_ms = clock_now_ms(source->clock);
    if (out->expires_at_ms != 0 && out->expires_at_ms - now_ms < NEARLY_MS) {
        out->expires_at_ms = now_ms + STATIC_STABILITY_MS;
    }
    return STATUS_OK;
}

enum status credentials_imds_region(const struct credentials_source *source, struct slice *region,
                                    struct error *error)
{
    struct imds imds = {.source = source};
    enum status status = open_imds(source, &imds, error);
    if (status == STATUS_OK) {
        status = get_text(&imds, REGION_PATH, region, error);
    }
    if (status == STATUS_OK && region->size == 0) {
        status = error_set(error, STATUS_RETRY, "instance metadata names no region");
    }
    http_reset(source->http);
    return status;
}
