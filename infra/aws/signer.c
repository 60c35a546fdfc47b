#include "infra/aws/signer.h"

#include <string.h>

#define TEXT_MAX_BYTES (64u << 10)

void signer_init(struct signer *signer)
{
    memset(signer, 0, sizeof(*signer));
    buffer_init(&signer->canonical, TEXT_MAX_BYTES);
    buffer_init(&signer->signed_headers, TEXT_MAX_BYTES);
    buffer_init(&signer->to_sign, TEXT_MAX_BYTES);
    buffer_init(&signer->authorization, TEXT_MAX_BYTES);
}

void signer_clear(struct signer *signer)
{
    buffer_wipe(&signer->canonical);
    buffer_wipe(&signer->authorization);
    buffer_clear(&signer->canonical);
    buffer_clear(&signer->signed_headers);
    buffer_clear(&signer->to_sign);
    buffer_clear(&signer->authorization);
}

static void add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    if (exchange->header_count < HTTP_HEADERS_MAX) {
        exchange->headers[exchange->header_count++] = (struct http_header){name, value};
    }
}

static void refresh_key(const struct signer_request *request, const struct sigv4_scope *scope)
{
    struct signer_key *key = request->key;
    if (key->known && key->generation == request->credentials->generation &&
        memcmp(key->date, scope->time, sizeof(key->date) - 1) == 0) {
        return;
    }
    sigv4_signing_key(slice_from_text(request->credentials->secret_access_key), scope, key->bytes);
    memcpy(key->date, scope->time, sizeof(key->date) - 1);
    key->generation = request->credentials->generation;
    key->known = true;
}

static void canonicalise(struct signer *signer, const struct signer_request *request,
                         const struct http_exchange *exchange)
{
    struct sigv4_header headers[HTTP_HEADERS_MAX + 1];
    size_t count = 0;
    headers[count++] = (struct sigv4_header){SLICE("host"), request->host};
    for (size_t i = 0; i < exchange->header_count; i++) {
        if (exchange->headers[i].value != NULL) {
            headers[count++] = (struct sigv4_header){slice_from_text(exchange->headers[i].name),
                                                     slice_from_text(exchange->headers[i].value)};
        }
    }
    struct sigv4_request canonical = {.method = slice_from_text(exchange->method),
                                      .path = request->path,
                                      .query = request->query,
                                      .headers = headers,
                                      .header_count = count,
                                      .s3 = request->s3};
    memcpy(canonical.payload_hash, signer->payload_hash, sizeof(canonical.payload_hash));
    buffer_reset(&signer->canonical);
    buffer_reset(&signer->signed_headers);
    sigv4_canonical_request(&canonical, &signer->canonical, &signer->signed_headers);
}

void signer_sign(struct signer *signer, const struct signer_request *request,
                 struct http_exchange *exchange)
{
    const struct credentials *credentials = request->credentials;
    struct sigv4_scope scope = {.region = request->region,
                                .service = slice_from_text(request->service)};
    sigv4_time(request->now_ms, scope.time);
    memcpy(signer->time, scope.time, sizeof(signer->time));
    digest_sha256_hex(exchange->body.data != NULL ? exchange->body : SLICE(""),
                      signer->payload_hash);
    add_header(exchange, "X-Amz-Date", signer->time);
    if (request->s3) {
        add_header(exchange, "X-Amz-Content-SHA256", signer->payload_hash);
    }
    if (credentials->session_token[0] != '\0') {
        add_header(exchange, "X-Amz-Security-Token", credentials->session_token);
    }
    canonicalise(signer, request, exchange);
    buffer_reset(&signer->to_sign);
    sigv4_string_to_sign(&scope, buffer_slice(&signer->canonical), &signer->to_sign);
    refresh_key(request, &scope);
    char signature[SHA256_HEX_BYTES + 1];
    sigv4_signature(request->key->bytes, buffer_slice(&signer->to_sign), signature);
    buffer_reset(&signer->authorization);
    sigv4_authorization(&scope, slice_from_text(credentials->access_key_id),
                        buffer_slice(&signer->signed_headers), signature, &signer->authorization);
    add_header(exchange, "Authorization", signer->authorization.data);
}
