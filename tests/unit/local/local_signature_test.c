#include "tests/support/cmocka.h"
#include "tests/unit/local/exchange.h"

#include "infra/aws/sigv4.h"
#include "infra/local/local_signature.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW_MS       1795178096000 /* 2026-11-20T12:34:56Z */
#define MINUTE_MS    INT64_C(60000)
#define NOW          "20261120T123456Z"
#define KEY_ID       "AKIDEXAMPLE"
#define SECRET       "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct local_signature keys;
    struct exchange exchange;
    struct local_signature_failure failure;
    char signature[SHA256_HEX_BYTES + 1];
    struct buffer authorization;
    char target[1024];
};

/* A key that was minted with a token. */
static bool find_minted(void *context, struct slice access_key_id, struct slice *secret,
                        struct slice *token)
{
    (void)context;
    *secret = SLICE("minted-secret");
    *token = SLICE("minted-token");
    return slice_equals_text(access_key_id, "ASIAMINTED");
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->keys = (struct local_signature){
        .access_key_id = KEY_ID, .secret_access_key = SECRET, .find = find_minted};
    buffer_init(&f->authorization, 65536);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    exchange_clear(&f->exchange);
    buffer_clear(&f->authorization);
    free(f);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

/* Signs all headers that are there, as infra/aws does. */
static void sign(struct fixture *f, const char *service, const char *time, const char *payload_hash,
                 struct slice secret)
{
    CLEANUP(buffer_clear) struct buffer canonical;
    CLEANUP(buffer_clear) struct buffer names;
    CLEANUP(buffer_clear) struct buffer to_sign;
    struct http_server_request *http = &f->exchange.request;
    struct sigv4_header headers[HTTP_SERVER_HEADERS_MAX];
    struct sigv4_request request = {.method = http->method,
                                    .path = http->path,
                                    .query = http->query,
                                    .headers = headers,
                                    .header_count = http->header_count,
                                    .s3 = strcmp(service, "s3") == 0};
    struct sigv4_scope scope = {.region = SLICE("us-east-1"), .service = slice_from_text(service)};
    unsigned char key[SHA256_BYTES];
    buffer_init(&canonical, 65536);
    buffer_init(&names, 65536);
    buffer_init(&to_sign, 65536);
    for (size_t i = 0; i < http->header_count; i++) {
        headers[i] = (struct sigv4_header){http->headers[i].name, http->headers[i].value};
    }
    (void)snprintf(request.payload_hash, sizeof(request.payload_hash), "%s", payload_hash);
    (void)snprintf(scope.time, sizeof(scope.time), "%s", time);
    sigv4_canonical_request(&request, &canonical, &names);
    sigv4_string_to_sign(&scope, buffer_slice(&canonical), &to_sign);
    sigv4_signing_key(secret, &scope, key);
    sigv4_signature(key, buffer_slice(&to_sign), f->signature);
    sigv4_authorization(&scope,
                        slice_equals_text(secret, SECRET) ? SLICE(KEY_ID) : SLICE("ASIAMINTED"),
                        buffer_slice(&names), f->signature, &f->authorization);
}

static void add_authorization(struct fixture *f)
{
    exchange_add_header(&f->exchange, "Authorization", buffer_slice(&f->authorization).data);
}

/* A call of SQS signed at `time` by the known key. */
static void begin_sqs(struct fixture *f, const char *time)
{
    char hash[SHA256_HEX_BYTES + 1];
    exchange_init(&f->exchange, "POST", "/", SLICE("{}"));
    exchange_add_header(&f->exchange, "Host", "127.0.0.1:4566");
    exchange_add_header(&f->exchange, "X-Amz-Date", time);
    exchange_add_header(&f->exchange, "X-Amz-Target", "AmazonSQS.ReceiveMessage");
    digest_sha256_hex(SLICE("{}"), hash);
    sign(f, "sqs", time, hash, SLICE(SECRET));
    add_authorization(f);
}

static void begin_minted(struct fixture *f, const char *token)
{
    char hash[SHA256_HEX_BYTES + 1];
    exchange_init(&f->exchange, "POST", "/", SLICE("{}"));
    exchange_add_header(&f->exchange, "Host", "127.0.0.1:4566");
    exchange_add_header(&f->exchange, "X-Amz-Date", NOW);
    exchange_add_header(&f->exchange, "X-Amz-Security-Token", token);
    digest_sha256_hex(SLICE("{}"), hash);
    sign(f, "sqs", NOW, hash, SLICE("minted-secret"));
    add_authorization(f);
}

/* A PUT to S3 that says payload_hash. */
static void begin_s3(struct fixture *f, const char *payload_hash, struct slice body)
{
    exchange_init(&f->exchange, "PUT", "/bucket/a%20b", body);
    exchange_add_header(&f->exchange, "Host", "127.0.0.1:4566");
    exchange_add_header(&f->exchange, "x-amz-content-sha256", payload_hash);
    exchange_add_header(&f->exchange, "x-amz-date", NOW);
    sign(f, "s3", NOW, payload_hash, SLICE(SECRET));
    add_authorization(f);
}

/* A GET that is presigned for ten minutes. */
static void begin_presigned(struct fixture *f)
{
    (void)snprintf(f->target, sizeof(f->target),
                   "/bucket/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" KEY_ID
                   "%%2F20261120%%2Fus-east-1%%2Fs3%%2Faws4_request&X-Amz-Date=" NOW
                   "&X-Amz-Expires=600&X-Amz-SignedHeaders=host");
    exchange_init(&f->exchange, "GET", f->target, SLICE(""));
    exchange_add_header(&f->exchange, "Host", "127.0.0.1:4566");
    sign(f, "s3", NOW, "UNSIGNED-PAYLOAD", SLICE(SECRET));
    exchange_clear(&f->exchange);
    const size_t size = strlen(f->target);
    (void)snprintf(f->target + size, sizeof(f->target) - size, "&X-Amz-Signature=%s", f->signature);
    exchange_init(&f->exchange, "GET", f->target, SLICE(""));
    exchange_add_header(&f->exchange, "Host", "127.0.0.1:4566");
}

static bool verify(struct fixture *f, enum local_protocol protocol, const char *service,
                   int64_t now_ms)
{
    return local_signature_verify(&f->keys, &f->exchange.request, protocol, service, now_ms,
                                  &f->failure);
}

static void assert_refused(struct fixture *f, enum local_protocol protocol, const char *service,
                           const char *name)
{
    assert_false(verify(f, protocol, service, NOW_MS));
    assert_string_equal(name, f->failure.name);
}

static void change_last_digit(struct fixture *f)
{
    char *last = f->authorization.data + f->authorization.size - 1;
    *last = *last == '0' ? '1' : '0';
}

/* --- success ---------------------------------------------------------------------------------- */

/* aws-facts' vector A, computed with botocore. */
static void a_signature_of_botocore_holds(void **state)
{
    struct fixture *f = *state;
    exchange_init(&f->exchange, "POST", "/",
                  SLICE("{\"Id\":\"d9b6c0c9-0747-4bf4-b142-e8883122f766\"}"));
    exchange_add_header(&f->exchange, "Host", "redshift-data.us-east-1.amazonaws.com");
    exchange_add_header(&f->exchange, "Content-Type", "application/x-amz-json-1.1");
    exchange_add_header(&f->exchange, "User-Agent", "not signed");
    exchange_add_header(&f->exchange, "X-Amz-Date", NOW);
    exchange_add_header(&f->exchange, "X-Amz-Security-Token", "SESSIONTOKEN==");
    exchange_add_header(&f->exchange, "X-Amz-Target", "RedshiftData.DescribeStatement");
    exchange_add_header(
        &f->exchange, "Authorization",
        "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20261120/us-east-1/redshift-data/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
        "Signature=7ecb15fc27fb1065ccf86359b1614086d60ac8f1b81ac621bf8d93e77ef0b4c3");
    assert_true(verify(f, LOCAL_PROTOCOL_JSON, "redshift-data", NOW_MS));
}

static void a_signature_holds_for_five_minutes(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    assert_true(verify(f, LOCAL_PROTOCOL_JSON, "sqs", NOW_MS + 5 * MINUTE_MS));
    assert_true(verify(f, LOCAL_PROTOCOL_JSON, "sqs", NOW_MS - 5 * MINUTE_MS));
}

static void a_minted_key_with_its_token_holds(void **state)
{
    struct fixture *f = *state;
    begin_minted(f, "minted-token");
    assert_true(verify(f, LOCAL_PROTOCOL_JSON, "sqs", NOW_MS));
}

static void s3_payloads_may_be_unsigned(void **state)
{
    struct fixture *f = *state;
    begin_s3(f, "UNSIGNED-PAYLOAD", SLICE("anything"));
    assert_true(verify(f, LOCAL_PROTOCOL_S3, "s3", NOW_MS));
}

static void s3_payloads_may_be_streamed(void **state)
{
    struct fixture *f = *state;
    begin_s3(f, "STREAMING-UNSIGNED-PAYLOAD-TRAILER", SLICE("0\r\n\r\n"));
    assert_true(verify(f, LOCAL_PROTOCOL_S3, "s3", NOW_MS));
}

static void a_presigned_url_holds_until_it_expires(void **state)
{
    struct fixture *f = *state;
    begin_presigned(f);
    assert_true(verify(f, LOCAL_PROTOCOL_S3, "s3", NOW_MS));
    assert_true(verify(f, LOCAL_PROTOCOL_S3, "s3", NOW_MS + 10 * MINUTE_MS));
    assert_false(verify(f, LOCAL_PROTOCOL_S3, "s3", NOW_MS + 10 * MINUTE_MS + 1));
    assert_string_equal("AccessDenied", f->failure.name);
    assert_string_equal("Request has expired", f->failure.text);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void without_authorization_it_is_missing(void **state)
{
    struct fixture *f = *state;
    exchange_init(&f->exchange, "POST", "/", SLICE("{}"));
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "MissingAuthenticationToken");
    assert_int_equal(403, f->failure.code);
    assert_refused(f, LOCAL_PROTOCOL_QUERY, "sns", "MissingAuthenticationToken");
    assert_refused(f, LOCAL_PROTOCOL_S3, "s3", "AccessDenied");
}

static void half_an_authorization_is_incomplete(void **state)
{
    static const char *const headers[] = {
        "Bearer abc",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=" KEY_ID ", SignedHeaders=host, Signature=ab",
        "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20261121/us-east-1/sqs/aws4_request, "
        "SignedHeaders=host, Signature=ab", /* another day than X-Amz-Date */
        "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20261120/us-east-1/sqs/aws4_request, Signature=ab",
        "AWS4-HMAC-SHA256 Credential=" KEY_ID "/20261120/us-east-1/sqs/aws4_request, "
        "SignedHeaders=host",
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < ARRAY_COUNT(headers); i++) {
        exchange_init(&f->exchange, "POST", "/", SLICE("{}"));
        exchange_add_header(&f->exchange, "X-Amz-Date", NOW);
        exchange_add_header(&f->exchange, "Authorization", headers[i]);
        assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "IncompleteSignature");
        exchange_clear(&f->exchange);
    }
    exchange_init(&f->exchange, "POST", "/", SLICE("{}"));
}

static void an_unknown_key_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    f->keys.access_key_id = "AKIDOTHER";
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "UnrecognizedClientException");
    assert_refused(f, LOCAL_PROTOCOL_QUERY, "sqs", "InvalidClientTokenId");
    assert_refused(f, LOCAL_PROTOCOL_S3, "sqs", "InvalidAccessKeyId");
}

static void another_secret_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    f->keys.secret_access_key = "another";
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "InvalidSignatureException");
    assert_refused(f, LOCAL_PROTOCOL_S3, "sqs", "SignatureDoesNotMatch");
}

static void a_changed_signature_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    change_last_digit(f);
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "InvalidSignatureException");
}

static void a_changed_body_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    f->exchange.request.body = SLICE("{ }");
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "InvalidSignatureException");
}

static void a_changed_query_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    f->exchange.request.query = SLICE("a=b");
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "InvalidSignatureException");
}

static void an_amz_header_that_is_not_signed_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    exchange_add_header(&f->exchange, "x-amz-added", "on the way");
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "InvalidSignatureException");
}

static void another_services_scope_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    assert_refused(f, LOCAL_PROTOCOL_JSON, "states", "InvalidSignatureException");
    assert_string_equal("Credential should be scoped to the service that is called",
                        f->failure.text);
}

static void an_old_signature_has_expired(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    assert_false(verify(f, LOCAL_PROTOCOL_JSON, "sqs", NOW_MS + 5 * MINUTE_MS + 1000));
    assert_string_equal("InvalidSignatureException", f->failure.name);
    assert_string_equal("Signature expired: 20261120T123456Z is now earlier than 20261120T123457Z "
                        "(20261120T123957Z - 5 min.)",
                        f->failure.text);
}

static void a_signature_of_the_future_is_not_current(void **state)
{
    struct fixture *f = *state;
    begin_sqs(f, NOW);
    assert_false(verify(f, LOCAL_PROTOCOL_S3, "sqs", NOW_MS - 5 * MINUTE_MS - 1));
    assert_string_equal("RequestTimeTooSkewed", f->failure.name);
    assert_non_null(strstr(f->failure.text, "not yet current"));
}

static void a_minted_key_without_its_token_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_minted(f, "another-token");
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "UnrecognizedClientException");
    assert_refused(f, LOCAL_PROTOCOL_S3, "sqs", "InvalidToken");
}

static void an_s3_payload_with_another_hash_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_s3(f, EMPTY_SHA256, SLICE("not empty"));
    assert_refused(f, LOCAL_PROTOCOL_S3, "s3", "XAmzContentSHA256Mismatch");
    assert_int_equal(400, f->failure.code);
}

static void a_payload_may_be_unsigned_in_s3_alone(void **state)
{
    struct fixture *f = *state;
    exchange_init(&f->exchange, "POST", "/", SLICE("{}"));
    exchange_add_header(&f->exchange, "Host", "127.0.0.1:4566");
    exchange_add_header(&f->exchange, "X-Amz-Date", NOW);
    exchange_add_header(&f->exchange, "x-amz-content-sha256", "UNSIGNED-PAYLOAD");
    sign(f, "sqs", NOW, "UNSIGNED-PAYLOAD", SLICE(SECRET));
    add_authorization(f);
    assert_refused(f, LOCAL_PROTOCOL_JSON, "sqs", "InvalidSignatureException");
}

static void a_changed_presigned_url_is_refused(void **state)
{
    struct fixture *f = *state;
    begin_presigned(f);
    f->exchange.request.path = SLICE("/bucket/other");
    assert_refused(f, LOCAL_PROTOCOL_S3, "s3", "SignatureDoesNotMatch");
}

static void presigned_urls_are_for_s3_alone(void **state)
{
    struct fixture *f = *state;
    begin_presigned(f);
    assert_refused(f, LOCAL_PROTOCOL_JSON, "s3", "MissingAuthenticationToken");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_signature_of_botocore_holds),
        TEST(a_signature_holds_for_five_minutes),
        TEST(a_minted_key_with_its_token_holds),
        TEST(s3_payloads_may_be_unsigned),
        TEST(s3_payloads_may_be_streamed),
        TEST(a_presigned_url_holds_until_it_expires),
        TEST(without_authorization_it_is_missing),
        TEST(half_an_authorization_is_incomplete),
        TEST(an_unknown_key_is_refused),
        TEST(another_secret_is_refused),
        TEST(a_changed_signature_is_refused),
        TEST(a_changed_body_is_refused),
        TEST(a_changed_query_is_refused),
        TEST(an_amz_header_that_is_not_signed_is_refused),
        TEST(another_services_scope_is_refused),
        TEST(an_old_signature_has_expired),
        TEST(a_signature_of_the_future_is_not_current),
        TEST(a_minted_key_without_its_token_is_refused),
        TEST(an_s3_payload_with_another_hash_is_refused),
        TEST(a_payload_may_be_unsigned_in_s3_alone),
        TEST(a_changed_presigned_url_is_refused),
        TEST(presigned_urls_are_for_s3_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
