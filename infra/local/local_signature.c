#include "infra/local/local_signature.h"

#include "infra/aws/sigv4.h"
#include "infra/base/encode.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define ALGORITHM           "AWS4-HMAC-SHA256"
#define CANONICAL_MAX_BYTES (1u << 20)
#define PRESIGN_MAX_SECONDS 604800
#define UNSIGNED            "UNSIGNED-PAYLOAD"
#define SIGNED_HEADERS_MAX  HTTP_SERVER_HEADERS_MAX

/* What a signature claims, from the header or from the query. */
struct claim {
    struct slice access_key_id;
    struct slice date; /* YYYYMMDD of the scope */
    struct slice region;
    struct slice service;
    struct slice signed_headers;
    struct slice signature;
    struct slice time;
    struct slice session_token;
    int64_t time_ms;
    int64_t expires_ms; /* presigned: how long after time_ms it holds */
    bool presigned;
};

enum failure_kind {
    FAILURE_MISSING,
    FAILURE_INCOMPLETE,
    FAILURE_UNKNOWN_KEY,
    FAILURE_TOKEN,
    FAILURE_SCOPE,
    FAILURE_SIGNATURE,
    FAILURE_TIME,
    FAILURE_URL_EXPIRED,
    FAILURE_PAYLOAD,
    FAILURE_KIND_COUNT,
};

#define PROTOCOL_COUNT (LOCAL_PROTOCOL_S3 + 1)

/* [kind][protocol]; 403 but where S3 says 400. */
static const char *const failure_names[FAILURE_KIND_COUNT][PROTOCOL_COUNT] = {
    [FAILURE_MISSING] = {"MissingAuthenticationToken", "MissingAuthenticationToken",
                         "AccessDenied"},
    [FAILURE_INCOMPLETE] = {"IncompleteSignature", "IncompleteSignature",
                            "AuthorizationHeaderMalformed"},
    [FAILURE_UNKNOWN_KEY] = {"UnrecognizedClientException", "InvalidClientTokenId",
                             "InvalidAccessKeyId"},
    [FAILURE_TOKEN] = {"UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken"},
    [FAILURE_SCOPE] = {"InvalidSignatureException", "SignatureDoesNotMatch",
                       "AuthorizationHeaderMalformed"},
    [FAILURE_SIGNATURE] = {"InvalidSignatureException", "SignatureDoesNotMatch",
                           "SignatureDoesNotMatch"},
    [FAILURE_TIME] = {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed"},
    [FAILURE_URL_EXPIRED] = {"InvalidSignatureException", "SignatureDoesNotMatch", "AccessDenied"},
    [FAILURE_PAYLOAD] = {"InvalidSignatureException", "SignatureDoesNotMatch",
                         "XAmzContentSHA256Mismatch"},
};

static const char *const failure_texts[FAILURE_KIND_COUNT] = {
    [FAILURE_MISSING] = "Request is missing Authentication Token",
    [FAILURE_INCOMPLETE] = "The authorization must name Credential, SignedHeaders, Signature and "
                           "the time of signing",
    [FAILURE_UNKNOWN_KEY] = "The security token included in the request is invalid.",
    [FAILURE_TOKEN] = "The security token included in the request is invalid.",
    [FAILURE_SCOPE] = "Credential should be scoped to the service that is called",
    [FAILURE_SIGNATURE] = "The request signature we calculated does not match the signature you "
                          "provided.",
    [FAILURE_TIME] = "",
    [FAILURE_URL_EXPIRED] = "Request has expired",
    [FAILURE_PAYLOAD] = "The provided 'x-amz-content-sha256' header does not match what was "
                        "computed.",
};

static bool s3_says_400(enum failure_kind kind)
{
    return kind == FAILURE_INCOMPLETE || kind == FAILURE_TOKEN || kind == FAILURE_SCOPE ||
           kind == FAILURE_PAYLOAD;
}

static bool refuse(struct local_signature_failure *failure, enum local_protocol protocol,
                   enum failure_kind kind)
{
    failure->name = failure_names[kind][protocol];
    failure->code = protocol == LOCAL_PROTOCOL_S3 && s3_says_400(kind) ? 400 : 403;
    (void)snprintf(failure->text, sizeof(failure->text), "%s", failure_texts[kind]);
    return false;
}

/* Takes what is before the separator off the front of *rest. */
static struct slice take_part(struct slice *rest, char separator)
{
    const size_t end = slice_find_byte(*rest, separator);
    const struct slice part = slice_part(*rest, 0, end);
    *rest = slice_part(*rest, end + 1, rest->size);
    return part;
}

/* AKID/date/region/service/aws4_request */
static bool read_credential(struct slice credential, struct claim *claim)
{
    claim->access_key_id = take_part(&credential, '/');
    claim->date = take_part(&credential, '/');
    claim->region = take_part(&credential, '/');
    claim->service = take_part(&credential, '/');
    return claim->access_key_id.size > 0 && slice_equals_text(credential, "aws4_request");
}

static bool read_two_digits(const char *digits, int *value)
{
    if (!isdigit((unsigned char)digits[0]) || !isdigit((unsigned char)digits[1])) {
        return false;
    }
    *value = (digits[0] - '0') * 10 + (digits[1] - '0');
    return true;
}

/* YYYYMMDDTHHMMSSZ by way of the ISO form. */
static bool read_time(struct slice text, int64_t *time_ms)
{
    char iso[TIME_TEXT_BYTES + 1];
    int part = 0;
    const char *d = text.data;
    if (text.size != SIGV4_TIME_BYTES || d[8] != 'T' || d[15] != 'Z') {
        return false;
    }
    for (size_t i = 0; i < SIGV4_TIME_BYTES - 1; i += i == 6 ? 3 : 2) {
        if (!read_two_digits(d + i, &part)) {
            return false;
        }
    }
    (void)snprintf(iso, sizeof(iso), "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", d, d + 4, d + 6, d + 9,
                   d + 11, d + 13);
    return time_parse_iso(slice_from_text(iso), time_ms, NULL) == STATUS_OK;
}

static bool claim_complete(struct claim *claim)
{
    return claim->signed_headers.size > 0 && claim->signature.size > 0 &&
           read_time(claim->time, &claim->time_ms) &&
           slice_equals(claim->date, slice_part(claim->time, 0, 8));
}

static bool read_header_claim(const struct http_server_request *request, struct claim *claim)
{
    struct slice rest = http_server_header(request, "authorization");
    bool credential_read = false;
    if (!slice_starts_with(rest, SLICE(ALGORITHM " "))) {
        return false;
    }
    rest = slice_part(rest, sizeof(ALGORITHM), rest.size);
    while (rest.size > 0) {
        struct slice value = slice_trim(take_part(&rest, ','));
        const struct slice name = take_part(&value, '=');
        if (slice_equals_text(name, "Credential")) {
            credential_read = read_credential(value, claim);
        } else if (slice_equals_text(name, "SignedHeaders")) {
            claim->signed_headers = value;
        } else if (slice_equals_text(name, "Signature")) {
            claim->signature = value;
        }
    }
    claim->time = http_server_header(request, "x-amz-date");
    claim->session_token = http_server_header(request, "x-amz-security-token");
    return credential_read && claim_complete(claim);
}

static bool read_query_claim(const struct http_server_request *request, struct claim *claim)
{
    int64_t expires_seconds = 0;
    const struct slice expires = http_server_query(request, "X-Amz-Expires");
    claim->presigned = true;
    claim->signed_headers = http_server_query(request, "X-Amz-SignedHeaders");
    claim->signature = http_server_query(request, "X-Amz-Signature");
    claim->time = http_server_query(request, "X-Amz-Date");
    claim->session_token = http_server_query(request, "X-Amz-Security-Token");
    if (slice_to_int64(expires, 1, PRESIGN_MAX_SECONDS, &expires_seconds, NULL) != STATUS_OK) {
        return false;
    }
    claim->expires_ms = expires_seconds * 1000;
    return slice_equals_text(http_server_query(request, "X-Amz-Algorithm"), ALGORITHM) &&
           read_credential(http_server_query(request, "X-Amz-Credential"), claim) &&
           claim_complete(claim);
}

/* Whether the list "host;x-amz-date" holds the name. */
static bool is_signed(struct slice signed_headers, struct slice name)
{
    while (signed_headers.size > 0) {
        if (slice_equals_ignore_case(take_part(&signed_headers, ';'), name)) {
            return true;
        }
    }
    return false;
}

/* Host and every x-amz-* header must be signed: otherwise they could be changed on the way. */
static bool signs_enough(const struct http_server_request *request, const struct claim *claim)
{
    if (!is_signed(claim->signed_headers, SLICE("host"))) {
        return false;
    }
    for (size_t i = 0; i < request->header_count; i++) {
        const struct slice name = request->headers[i].name;
        const bool ours = slice_equals_ignore_case(slice_part(name, 0, 6), SLICE("x-amz-"));
        if (ours && !is_signed(claim->signed_headers, name)) {
            return false;
        }
    }
    return true;
}

static bool time_holds(const struct claim *claim, enum local_protocol protocol, int64_t now_ms,
                       struct local_signature_failure *failure)
{
    char now[SIGV4_TIME_BYTES + 1];
    char bound[SIGV4_TIME_BYTES + 1];
    if (claim->presigned && now_ms > claim->time_ms + claim->expires_ms) {
        return refuse(failure, protocol, FAILURE_URL_EXPIRED);
    }
    const bool early = claim->time_ms > now_ms + LOCAL_SIGNATURE_SKEW_MS;
    const bool late = !claim->presigned && claim->time_ms < now_ms - LOCAL_SIGNATURE_SKEW_MS;
    if (!early && !late) {
        return true;
    }
    sigv4_time(now_ms, now);
    sigv4_time(now_ms + (early ? LOCAL_SIGNATURE_SKEW_MS : -LOCAL_SIGNATURE_SKEW_MS), bound);
    refuse(failure, protocol, FAILURE_TIME);
    (void)snprintf(failure->text, sizeof(failure->text),
                   "Signature %s: %.*s is %s than %s (%s %c 5 min.)",
                   early ? "not yet current" : "expired", SLICE_PRINT(claim->time),
                   early ? "still later" : "now earlier", bound, now, early ? '+' : '-');
    return false;
}

/* What the signer put into the canonical request as the payload's hash; false when it is not the
 * hash of what came. */
static bool read_payload_hash(const struct http_server_request *request, const struct claim *claim,
                              char hash[SHA256_HEX_BYTES + 1])
{
    struct slice told = http_server_header(request, "x-amz-content-sha256");
    if (!told.data && claim->presigned) {
        told = http_server_query(request, "X-Amz-Content-Sha256");
        told = told.data ? told : SLICE(UNSIGNED);
    }
    const bool s3 = slice_equals_text(claim->service, "s3");
    if (s3 && told.data && told.size <= SHA256_HEX_BYTES &&
        (slice_equals_text(told, UNSIGNED) || slice_starts_with(told, SLICE("STREAMING-")))) {
        memcpy(hash, told.data, told.size);
        hash[told.size] = '\0';
        return true;
    }
    digest_sha256_hex(request->body, hash);
    return told.data ? slice_equals_text(told, hash) : !s3;
}

static struct slice query_without_signature(const struct http_server_request *request)
{
    CLEANUP(buffer_clear) struct buffer kept;
    buffer_init(&kept, request->query.size + 1);
    struct slice rest = request->query;
    while (rest.size > 0) {
        const struct slice pair = take_part(&rest, '&');
        if (!slice_starts_with(pair, SLICE("X-Amz-Signature="))) {
            buffer_append_text(&kept, kept.size > 0 ? "&" : "");
            buffer_append(&kept, pair);
        }
    }
    return arena_copy(request->arena, buffer_slice(&kept));
}

static void compute_signature(const struct http_server_request *http, const struct claim *claim,
                              struct slice secret, struct sigv4_request *request,
                              char out[SHA256_HEX_BYTES + 1])
{
    CLEANUP(buffer_clear) struct buffer canonical;
    CLEANUP(buffer_clear) struct buffer names;
    CLEANUP(buffer_clear) struct buffer to_sign;
    struct sigv4_header headers[SIGNED_HEADERS_MAX];
    struct sigv4_scope scope = {.region = claim->region, .service = claim->service};
    unsigned char key[SHA256_BYTES];

    buffer_init(&canonical, CANONICAL_MAX_BYTES);
    buffer_init(&names, CANONICAL_MAX_BYTES);
    buffer_init(&to_sign, CANONICAL_MAX_BYTES);
    memcpy(scope.time, claim->time.data, SIGV4_TIME_BYTES);
    request->headers = headers;
    for (size_t i = 0; i < http->header_count; i++) {
        if (is_signed(claim->signed_headers, http->headers[i].name)) {
            headers[request->header_count++] =
                (struct sigv4_header){http->headers[i].name, http->headers[i].value};
        }
    }
    sigv4_canonical_request(request, &canonical, &names);
    sigv4_string_to_sign(&scope, buffer_slice(&canonical), &to_sign);
    sigv4_signing_key(secret, &scope, key);
    sigv4_signature(key, buffer_slice(&to_sign), out);
    request->headers = NULL; /* they end with this function */
    request->header_count = 0;
}

static bool find_secret(const struct local_signature *keys, const struct claim *claim,
                        struct slice *secret, struct slice *token)
{
    *token = SLICE_NONE;
    if (slice_equals_text(claim->access_key_id, keys->access_key_id)) {
        *secret = slice_from_text(keys->secret_access_key);
        return true;
    }
    return keys->find && keys->find(keys->context, claim->access_key_id, secret, token);
}

/* Time, payload and signature of a claim whose secret is known. */
static bool claim_holds(const struct http_server_request *request, const struct claim *claim,
                        struct slice secret, enum local_protocol protocol,
                        struct local_signature_failure *failure)
{
    char signature[SHA256_HEX_BYTES + 1];
    struct sigv4_request canonical = {.method = request->method,
                                      .path = request->path,
                                      .query = claim->presigned ? query_without_signature(request)
                                                                : request->query,
                                      .s3 = slice_equals_text(claim->service, "s3")};
    if (!signs_enough(request, claim)) {
        return refuse(failure, protocol, FAILURE_SIGNATURE);
    }
    if (!read_payload_hash(request, claim, canonical.payload_hash)) {
        return refuse(failure, protocol, FAILURE_PAYLOAD);
    }
    compute_signature(request, claim, secret, &canonical, signature);
    if (!constant_time_equals(claim->signature, slice_from_text(signature))) {
        return refuse(failure, protocol, FAILURE_SIGNATURE);
    }
    return true;
}

bool local_signature_verify(const struct local_signature *keys,
                            const struct http_server_request *request, enum local_protocol protocol,
                            const char *service, int64_t now_ms,
                            struct local_signature_failure *failure)
{
    struct claim claim = {.presigned = false};
    struct slice secret;
    struct slice token;
    const bool header = http_server_header(request, "authorization").data != NULL;
    const bool query =
        protocol == LOCAL_PROTOCOL_S3 && http_server_query(request, "X-Amz-Signature").data != NULL;
    if (!header && !query) {
        return refuse(failure, protocol, FAILURE_MISSING);
    }
    if (!(header ? read_header_claim(request, &claim) : read_query_claim(request, &claim))) {
        return refuse(failure, protocol, FAILURE_INCOMPLETE);
    }
    if (!slice_equals_text(claim.service, service)) {
        return refuse(failure, protocol, FAILURE_SCOPE);
    }
    if (!find_secret(keys, &claim, &secret, &token)) {
        return refuse(failure, protocol, FAILURE_UNKNOWN_KEY);
    }
    if (token.data && !constant_time_equals(claim.session_token, token)) {
        return refuse(failure, protocol, FAILURE_TOKEN);
    }
    if (!time_holds(&claim, protocol, now_ms, failure)) {
        return false;
    }
    return claim_holds(request, &claim, secret, protocol, failure);
}
