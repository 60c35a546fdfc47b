#include "infra/aws/credentials_source.h"
#include "infra/aws/endpoint.h"
#include "infra/aws/profile.h"
#include "infra/aws/retry.h"
#include "infra/aws/service_error.h"
#include "infra/aws/signer.h"
#include "infra/aws/xml.h"
#include "infra/base/encode.h"

#define ATTEMPTS        3
#define PAUSE_MS        200
#define TIMEOUT_MS      5000
#define FORM_MAX_BYTES  (128u << 10)
#define TOKEN_MAX_BYTES 20000u
#define DEFAULT_REGION  "us-east-1"
#define DEFAULT_SESSION "ringback"

struct sts_call {
    const struct credentials_source *source;
    const struct credentials *base; /* NULL: unsigned */
    struct endpoint endpoint;
    struct slice region;
    struct slice form;
    int64_t offset_ms;
    struct signer signer;
};

static void add_field(struct buffer *form, const char *name, struct slice value)
{
    if (value.size == 0) {
        return;
    }
    if (form->size > 0) {
        buffer_append_byte(form, '&');
    }
    buffer_append_text(form, name);
    buffer_append_byte(form, '=');
    encode_percent(value, false, form);
}

static void add_role(struct buffer *form, const struct credentials_role *role)
{
    add_field(form, "Version", SLICE("2011-06-15"));
    add_field(form, "RoleArn", role->arn);
    add_field(form, "RoleSessionName",
              role->session_name.size > 0 ? role->session_name : SLICE(DEFAULT_SESSION));
    add_field(form, "DurationSeconds", role->duration_seconds);
}

static void send_once(struct sts_call *call, struct http_exchange *exchange)
{
    const struct credentials_source *source = call->source;
    *exchange = (struct http_exchange){
        .method = "POST",
        .url = arena_format(source->arena, "%.*s%.*s", SLICE_PRINT(call->endpoint.origin),
                            SLICE_PRINT(call->endpoint.path)),
        .headers = {{"Content-Type", aws_service_facts(AWS_STS)->content_type}},
        .header_count = 1,
        .body = call->form,
        .timeout_ms = TIMEOUT_MS};
    struct signer_key key = {.known = false};
    if (call->base != NULL) {
        const struct signer_request request = {.host = call->endpoint.host,
                                               .path = call->endpoint.path,
                                               .query = SLICE(""),
                                               .region = call->region,
                                               .service = aws_service_facts(AWS_STS)->signing_name,
                                               .now_ms =
                                                   clock_now_ms(source->clock) + call->offset_ms,
                                               .credentials = call->base,
                                               .key = &key};
        signer_sign(&call->signer, &request, exchange);
    }
    http_send_all(source->http, exchange, 1);
}

static enum status read_credentials(const struct sts_call *call,
                                    const struct http_exchange *exchange, struct credentials *out,
                                    struct error *error)
{
    struct arena *arena = call->source->arena;
    const struct slice body = exchange->response;
    return credentials_fill(out, xml_text(arena, body, "AccessKeyId"),
                            xml_text(arena, body, "SecretAccessKey"),
                            xml_text(arena, body, "SessionToken"),
                            xml_text(arena, body, "Expiration"), error) == STATUS_OK
               ? STATUS_OK
               : error_set(error, STATUS_RETRY, "sts: the answer holds no credentials");
}

/* Learns the service's clock from a refusal for the date. */
static void learn_offset(struct sts_call *call, const struct http_exchange *exchange)
{
    int64_t date_ms = 0;
    const struct slice date = http_response_header(exchange, "Date");
    if (date.size > 0 && time_parse_http(date, &date_ms, NULL) == STATUS_OK) {
        call->offset_ms = date_ms - clock_now_ms(call->source->clock);
    }
}

static enum status attempt(struct sts_call *call, enum retry_class *class, struct credentials *out,
                           struct error *error)
{
    char name[AWS_ERROR_NAME_BYTES] = "";
    char message[AWS_ERROR_MESSAGE_BYTES] = "";
    struct http_exchange exchange;
    send_once(call, &exchange);
    *class = RETRY_TRANSIENT;
    if (exchange.status != STATUS_OK) {
        return error_set(error, exchange.status == STATUS_REJECTED ? STATUS_REJECTED : STATUS_RETRY,
                         "sts: %s", exchange.error.text);
    }
    if (exchange.code == 200) {
        return read_credentials(call, &exchange, out, error);
    }
    service_error_read(call->source->arena, &exchange, name, message);
    *class = retry_classify(STATUS_OK, exchange.code, name, message);
    if (*class == RETRY_CLOCK) {
        learn_offset(call, &exchange);
    }
    return error_set(error, STATUS_RETRY, "sts: %s (HTTP %d)", name[0] != '\0' ? name : "refused",
                     exchange.code);
}

/* A refusal is RETRY too: a role's trust can be mended while a daemon runs. */
static enum status call_sts(struct sts_call *call, struct credentials *out, struct error *error)
{
    const struct credentials_source *source = call->source;
    call->region = endpoint_region(source->files);
    if (call->region.size == 0) {
        call->region = SLICE(DEFAULT_REGION);
    }
    enum status status = endpoint_resolve(source->arena, source->files, AWS_STS, call->region,
                                          &call->endpoint, error);
    if (status != STATUS_OK) {
        return status;
    }
    signer_init(&call->signer);
    enum retry_class class = RETRY_NEVER;
    for (int i = 0; i < ATTEMPTS; i++) {
        if (i > 0 && class != RETRY_CLOCK) {
            clock_sleep_ms(source->clock, (int64_t)PAUSE_MS << i);
        }
        status = attempt(call, &class, out, error);
        if (status != STATUS_RETRY || class == RETRY_NEVER || class == RETRY_EXPIRED) {
            break;
        }
    }
    signer_clear(&call->signer);
    return status;
}

enum status credentials_fetch_assume_role(const struct credentials_source *source,
                                          const struct credentials *base,
                                          const struct credentials_role *role,
                                          struct credentials *out, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer form;
    buffer_init(&form, FORM_MAX_BYTES);
    add_field(&form, "Action", SLICE("AssumeRole"));
    add_role(&form, role);
    add_field(&form, "ExternalId", role->external_id);
    struct sts_call call = {.source = source, .base = base, .form = buffer_slice(&form)};
    return call_sts(&call, out, error);
}

enum status credentials_fetch_web_identity(const struct credentials_source *source,
                                           const struct credentials_role *role,
                                           const char *token_file, struct credentials *out,
                                           struct error *error)
{
    const struct slice token = profile_read_file(source->arena, token_file, TOKEN_MAX_BYTES);
    if (token.size == 0) {
        return error_set(error, STATUS_RETRY, "the web identity token file cannot be read");
    }
    CLEANUP(buffer_clear) struct buffer form;
    buffer_init(&form, FORM_MAX_BYTES);
    add_field(&form, "Action", SLICE("AssumeRoleWithWebIdentity"));
    add_role(&form, role);
    add_field(&form, "WebIdentityToken", token);
    struct sts_call call = {.source = source, .base = NULL, .form = buffer_slice(&form)};
    const enum status status = call_sts(&call, out, error);
    buffer_wipe(&form);
    return status;
}
