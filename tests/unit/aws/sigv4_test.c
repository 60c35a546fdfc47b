/*
 * Signature version 4 against vectors: tests/vectors/sigv4/<case>/ holds request,
 * canonical-request, string-to-sign, signature and authorization. Each stage starts from the file
 * of the stage before, so that a failure names the stage. "(empty)" in a request line stands for an
 * empty path. Region and service are those of the authorization; service s3 keeps the path.
 */
#include "tests/support/cmocka.h"

#include "infra/aws/profile.h"
#include "infra/aws/sigv4.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECRET      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define ACCESS_KEY  "AKIDEXAMPLE"
#define FOLDER      SOURCE_ROOT "/tests/vectors/sigv4"
#define HEADERS_MAX 16
#define MAX_BYTES   65536

/* Fixture. */

struct vector {
    struct arena *arena;
    struct slice request;
    struct slice canonical_request;
    struct slice string_to_sign;
    struct slice signature;
    struct slice authorization;
};

static struct slice load(struct arena *arena, const char *name, const char *file)
{
    const char *path = arena_format(arena, "%s/%s/%s", FOLDER, name, file);
    const struct slice content = profile_read_file(arena, path, MAX_BYTES);
    if (content.data == NULL) {
        fail_msg("cannot read %s", path);
    }
    return content;
}

static struct vector open_vector(const char *name)
{
    struct vector vector = {.arena = arena_new(1u << 20)};
    vector.request = load(vector.arena, name, "request");
    vector.canonical_request = load(vector.arena, name, "canonical-request");
    vector.string_to_sign = load(vector.arena, name, "string-to-sign");
    vector.signature = load(vector.arena, name, "signature");
    vector.authorization = load(vector.arena, name, "authorization");
    return vector;
}

/* Helpers. */

static struct slice take_until(struct slice *rest, char end)
{
    const size_t size = slice_find_byte(*rest, end);
    const struct slice part = slice_part(*rest, 0, size);
    *rest = slice_part(*rest, size + 1, rest->size);
    return part;
}

/* "... Credential=AKID/date/region/service/aws4_request, ..." */
static struct sigv4_scope scope_of(const struct vector *vector)
{
    struct slice rest = vector->authorization;
    struct sigv4_scope scope = {.time = "20261120T123456Z"};
    (void)take_until(&rest, '/');
    (void)take_until(&rest, '/');
    scope.region = take_until(&rest, '/');
    scope.service = take_until(&rest, '/');
    return scope;
}

static struct sigv4_request parse(const struct vector *vector, struct sigv4_header *headers)
{
    struct slice rest = vector->request;
    struct slice line = take_until(&rest, '\n');
    struct sigv4_request request = {.headers = headers,
                                    .s3 = slice_equals_text(scope_of(vector).service, "s3")};
    request.method = take_until(&line, ' ');
    struct slice target = take_until(&line, ' ');
    request.path = take_until(&target, '?');
    request.query = target;
    if (slice_equals_text(request.path, "(empty)")) {
        request.path = SLICE("");
    }
    struct slice hash = SLICE_NONE;
    while ((line = take_until(&rest, '\n')).size > 0) {
        assert_true(request.header_count < HEADERS_MAX);
        struct sigv4_header *header = &headers[request.header_count++];
        header->name = take_until(&line, ':');
        header->value = line;
        if (slice_equals_text(header->name, "X-Amz-Content-SHA256")) {
            hash = header->value;
        }
    }
    digest_sha256_hex(slice_equals_text(hash, "UNSIGNED-PAYLOAD") ? SLICE("") : rest,
                      request.payload_hash);
    if (hash.data != NULL) {
        (void)snprintf(request.payload_hash, sizeof(request.payload_hash), "%.*s",
                       SLICE_PRINT(hash));
    }
    return request;
}

static void assert_text(const char *name, const char *stage, struct slice is, struct slice should)
{
    if (!slice_equals(is, should)) {
        fail_msg("%s: %s is\n%.*s\nand should be\n%.*s", name, stage, SLICE_PRINT(is),
                 SLICE_PRINT(should));
    }
}

static void check_canonical_request(const char *name, const struct vector *vector)
{
    struct sigv4_header headers[HEADERS_MAX];
    const struct sigv4_request request = parse(vector, headers);
    CLEANUP(buffer_clear) struct buffer out;
    CLEANUP(buffer_clear) struct buffer names;
    buffer_init(&out, MAX_BYTES);
    buffer_init(&names, MAX_BYTES);
    sigv4_canonical_request(&request, &out, &names);
    assert_text(name, "canonical-request", buffer_slice(&out), vector->canonical_request);
}

static void check_string_to_sign(const char *name, const struct vector *vector)
{
    const struct sigv4_scope scope = scope_of(vector);
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, MAX_BYTES);
    sigv4_string_to_sign(&scope, vector->canonical_request, &out);
    assert_text(name, "string-to-sign", buffer_slice(&out), vector->string_to_sign);
}

static void check_signature(const char *name, const struct vector *vector)
{
    const struct sigv4_scope scope = scope_of(vector);
    unsigned char key[SHA256_BYTES];
    char signature[SHA256_HEX_BYTES + 1];
    sigv4_signing_key(SLICE(SECRET), &scope, key);
    sigv4_signature(key, vector->string_to_sign, signature);
    assert_text(name, "signature", slice_from_text(signature), vector->signature);
}

static void check_authorization(const char *name, const struct vector *vector)
{
    const struct sigv4_scope scope = scope_of(vector);
    const struct slice canonical = vector->canonical_request;
    struct slice lines = canonical;
    struct slice signed_headers = SLICE_NONE; /* the last line but one */
    for (struct slice line = take_until(&lines, '\n'); lines.size > 0;
         line = take_until(&lines, '\n')) {
        signed_headers = line;
    }
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, MAX_BYTES);
    const char *signature = arena_text(vector->arena, vector->signature);
    sigv4_authorization(&scope, SLICE(ACCESS_KEY), signed_headers, signature, &out);
    assert_text(name, "authorization", buffer_slice(&out), vector->authorization);
}

/* Success. */

static void every_stage_of_every_vector(void **state)
{
    (void)state;
    struct dirent **names = NULL;
    size_t count = 0;
    const int found = scandir(FOLDER, &names, NULL, alphasort);
    assert_true(found > 0);
    for (int i = 0; i < found; i++) {
        const char *name = names[i]->d_name;
        if (name[0] != '.') {
            struct vector vector = open_vector(name);
            check_canonical_request(name, &vector);
            check_string_to_sign(name, &vector);
            check_signature(name, &vector);
            check_authorization(name, &vector);
            arena_free(vector.arena);
            count++;
        }
        free(names[i]);
    }
    free(names);
    assert_true(count >= 16);
}

static void signing_key_as_published(void **state)
{
    (void)state;
    const struct sigv4_scope scope = {.time = "20261120T123456Z",
                                      .region = SLICE("us-east-1"),
                                      .service = SLICE("redshift-data")};
    unsigned char key[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES + 1];
    sigv4_signing_key(SLICE(SECRET), &scope, key);
    encode_hex(key, sizeof(key), hex);
    assert_string_equal(hex, "5698c06e1f195364b36988c38f17d429d413fab035e12d918bc741d4983f0dff");
}

static void time_has_the_form_of_the_header(void **state)
{
    (void)state;
    char text[SIGV4_TIME_BYTES + 1];
    sigv4_time(1795178096999, text);
    assert_string_equal(text, "20261120T123456Z");
}

static void output_is_appended(void **state)
{
    (void)state;
    const struct sigv4_header headers[] = {{SLICE("Host"), SLICE("h")}};
    const struct sigv4_request request = {.method = SLICE("GET"),
                                          .path = SLICE("/"),
                                          .query = SLICE(""),
                                          .headers = headers,
                                          .header_count = 1,
                                          .payload_hash = "x"};
    CLEANUP(buffer_clear) struct buffer out;
    CLEANUP(buffer_clear) struct buffer names;
    buffer_init(&out, MAX_BYTES);
    buffer_init(&names, MAX_BYTES);
    buffer_append_text(&names, "before ");
    sigv4_canonical_request(&request, &out, &names);
    assert_string_equal(out.data, "GET\n/\n\nhost:h\n\nhost\nx");
    assert_string_equal(names.data, "before host");
}

/* Failure. */

static void query_that_is_no_encoding_is_taken_as_bytes(void **state)
{
    (void)state;
    const struct sigv4_request request = {.method = SLICE("GET"),
                                          .path = SLICE("/"),
                                          .query = SLICE("a=%zz&&b=%4"),
                                          .headers = NULL,
                                          .header_count = 0,
                                          .payload_hash = "x"};
    CLEANUP(buffer_clear) struct buffer out;
    CLEANUP(buffer_clear) struct buffer names;
    buffer_init(&out, MAX_BYTES);
    buffer_init(&names, MAX_BYTES);
    sigv4_canonical_request(&request, &out, &names);
    assert_string_equal(out.data, "GET\n/\na=%25zz&b=%254\n\n\nx");
}

static void signature_depends_on_every_part_of_the_scope(void **state)
{
    (void)state;
    const struct sigv4_scope scopes[] = {
        {.time = "20261120T123456Z", .region = SLICE("a"), .service = SLICE("b")},
        {.time = "20261121T123456Z", .region = SLICE("a"), .service = SLICE("b")},
        {.time = "20261120T123456Z", .region = SLICE("c"), .service = SLICE("b")},
        {.time = "20261120T123456Z", .region = SLICE("a"), .service = SLICE("c")},
    };
    unsigned char keys[ARRAY_COUNT(scopes)][SHA256_BYTES];
    for (size_t i = 0; i < ARRAY_COUNT(scopes); i++) {
        sigv4_signing_key(SLICE(SECRET), &scopes[i], keys[i]);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(keys[i], keys[j], SHA256_BYTES);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stage_of_every_vector),
        cmocka_unit_test(signing_key_as_published),
        cmocka_unit_test(time_has_the_form_of_the_header),
        cmocka_unit_test(output_is_appended),
        cmocka_unit_test(query_that_is_no_encoding_is_taken_as_bytes),
        cmocka_unit_test(signature_depends_on_every_part_of_the_scope),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
