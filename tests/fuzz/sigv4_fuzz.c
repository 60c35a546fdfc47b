/*
 * The canonical request is a function of the request: made twice it is the same. Input: flags,
 * method, path, query and headers, one per line.
 */
#include "tests/fuzz/fuzz.h"

#include "infra/aws/sigv4.h"

#define HEADERS_MAX         16
#define CANONICAL_MAX_BYTES (16u << 20)

static size_t read_headers(struct slice rest, struct sigv4_header *headers)
{
    size_t count = 0;
    while (rest.size > 0 && count < HEADERS_MAX) {
        struct slice line = fuzz_take(&rest, '\n');
        headers[count].name = fuzz_take(&line, ':');
        headers[count].value = line;
        count += headers[count].name.size > 0;
    }
    return count;
}

static void canonical(const struct sigv4_request *request, struct buffer *out,
                      struct buffer *signed_headers)
{
    buffer_init(out, CANONICAL_MAX_BYTES);
    buffer_init(signed_headers, CANONICAL_MAX_BYTES);
    sigv4_canonical_request(request, out, signed_headers);
    FUZZ_CHECK(!out->overflowed && !signed_headers->overflowed);
}

static void sign(struct slice canonical_request, struct slice signed_headers)
{
    CLEANUP(buffer_clear) struct buffer text = {0};
    CLEANUP(buffer_clear) struct buffer authorization = {0};
    struct sigv4_scope scope = {.region = SLICE("eu-west-1"), .service = SLICE("sqs")};
    unsigned char key[SHA256_BYTES];
    char signature[SHA256_HEX_BYTES + 1];
    buffer_init(&text, CANONICAL_MAX_BYTES);
    buffer_init(&authorization, CANONICAL_MAX_BYTES);
    sigv4_time(INT64_C(1790000000000), scope.time);
    sigv4_string_to_sign(&scope, canonical_request, &text);
    sigv4_signing_key(SLICE("secret"), &scope, key);
    sigv4_signature(key, buffer_slice(&text), signature);
    sigv4_authorization(&scope, SLICE("AKID"), signed_headers, signature, &authorization);
    FUZZ_CHECK(slice_ends_with(buffer_slice(&authorization), slice_from_text(signature)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(buffer_clear) struct buffer first = {0};
    CLEANUP(buffer_clear) struct buffer second = {0};
    CLEANUP(buffer_clear) struct buffer first_names = {0};
    CLEANUP(buffer_clear) struct buffer second_names = {0};
    struct sigv4_header headers[HEADERS_MAX];
    struct slice rest = fuzz_input(data, size);
    struct slice flags = fuzz_take(&rest, '\n');
    struct sigv4_request request = {.s3 = flags.size > 0 && flags.data[0] == 's',
                                    .payload_hash = "UNSIGNED-PAYLOAD",
                                    .headers = headers};
    request.method = fuzz_take(&rest, '\n');
    request.path = fuzz_take(&rest, '\n');
    request.query = fuzz_take(&rest, '\n');
    request.header_count = read_headers(rest, headers);
    canonical(&request, &first, &first_names);
    canonical(&request, &second, &second_names);
    FUZZ_CHECK(slice_equals(buffer_slice(&first), buffer_slice(&second)));
    FUZZ_CHECK(slice_equals(buffer_slice(&first_names), buffer_slice(&second_names)));
    sign(buffer_slice(&first), buffer_slice(&first_names));
    return 0;
}
