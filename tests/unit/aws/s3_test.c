/* Objects by path: names in, calls out, and what an answer says. */
#include "tests/support/cmocka.h"

#include "infra/aws/s3.h"
#include "infra/base/compiler.h"

#include <string.h>

/* Fixture. */

static int setup(void **state)
{
    *state = arena_new(16u << 20);
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* Helpers. */

static void assert_slice(struct slice is, const char *should)
{
    if (!slice_equals_text(is, should)) {
        fail_msg("\"%.*s\" should be \"%s\"", SLICE_PRINT(is), should);
    }
}

static struct aws_call redirected(const char *headers)
{
    return (struct aws_call){
        .operation = "GetObject",
        .status = STATUS_REJECTED,
        .code = 301,
        .exchange = {.response_headers = slice_from_text(headers)},
    };
}

/* Success. */

static void uri_has_bucket_and_key(void **state)
{
    struct s3_object object;
    struct error error = ERROR_NONE;
    (void)state;
    assert_int_equal(s3_parse_uri(SLICE("s3://my.bucket-1/a b//c?.sql"), &object, &error),
                     STATUS_OK);
    assert_slice(object.bucket, "my.bucket-1");
    assert_slice(object.key, "a b//c?.sql");
    assert_null(object.version.data);
}

static void get_encodes_the_key_once(void **state)
{
    struct aws_call call = {.body = SLICE("left over")};
    struct s3_object object = {SLICE("bucket"), SLICE("sql/a b+c\xc3\xa4/~x.sql"), SLICE_NONE};
    s3_build_get(*state, &object, &call);
    assert_int_equal(call.service, AWS_S3);
    assert_string_equal(call.operation, "GetObject");
    assert_string_equal(call.s3_method, "GET");
    assert_string_equal(call.s3_path, "/bucket/sql/a%20b%2Bc%C3%A4/~x.sql");
    assert_null(call.body.data);
    object.version = SLICE("abc=");
    s3_build_get(*state, &object, &call);
    assert_true(slice_ends_with(slice_from_text(call.s3_path), SLICE("~x.sql?versionId=abc%3D")));
}

static void longest_key_fits(void **state)
{
    static char key[S3_KEY_MAX_BYTES];
    struct aws_call call = {0};
    memset(key, '%', sizeof(key));
    const struct s3_object object = {SLICE("bucket"), {key, sizeof(key)}, SLICE_NONE};
    s3_build_get(*state, &object, &call);
    assert_int_equal(strlen(call.s3_path), 8 + 3 * sizeof(key));
}

static void put_has_the_body_as_it_is(void **state)
{
    struct aws_call call = {0};
    struct error error = ERROR_NONE;
    const struct s3_object object = {SLICE("bucket"), SLICE("out/x.csv"), SLICE_NONE};
    const struct slice body = SLICE("a,b\r\n1,2\r\n");
    assert_int_equal(s3_build_put(*state, &object, body, &call, &error), STATUS_OK);
    assert_string_equal(call.operation, "PutObject");
    assert_string_equal(call.s3_method, "PUT");
    assert_string_equal(call.s3_path, "/bucket/out/x.csv");
    assert_ptr_equal(call.body.data, body.data);
}

static void content_up_to_the_cap(void **state)
{
    struct slice content = SLICE_NONE;
    struct error error = ERROR_NONE;
    (void)state;
    struct aws_call call = {.operation = "GetObject", .reply = SLICE("select 1")};
    assert_int_equal(s3_read_get(&call, 8, &content, &error), STATUS_OK);
    assert_slice(content, "select 1");
    call.reply = SLICE_NONE;
    assert_int_equal(s3_read_get(&call, 8, &content, &error), STATUS_OK);
    assert_non_null(content.data);
    assert_int_equal(content.size, 0);
}

static void bucket_elsewhere_is_named(void **state)
{
    const struct aws_call call = redirected("HTTP/1.1 301 Moved Permanently\r\n"
                                            "x-amz-bucket-region: ap-south-1\r\n\r\n");
    assert_slice(s3_read_region(*state, &call), "ap-south-1");
}

/* Failure. */

static void uris_that_are_none(void **state)
{
    static const char *const uris[] = {
        "",
        "s3:/",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "s3:///key",
        "s3://ab/key",
        "s3://Bucket/key",
        "s3://buck_et/key",
        "s3://-bucket/key",
        "s3://bucket./key",
        "S3://bucket/key",
        "http://bucket/key",
        "s3://a123456789a123456789a123456789a123456789a123456789a123456789a123/key",
    };
    static const char frame[] = "s3://bucket/";
    static char long_uri[sizeof(frame) + S3_KEY_MAX_BYTES];
    struct s3_object object;
    struct error error = ERROR_NONE;
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(uris); i++) {
        if (s3_parse_uri(slice_from_text(uris[i]), &object, &error) != STATUS_REJECTED) {
            fail_msg("taken: %s", uris[i]);
        }
    }
    memset(long_uri, 'k', sizeof(long_uri));
    memcpy(long_uri, frame, sizeof(frame) - 1);
    assert_int_equal(s3_parse_uri((struct slice){long_uri, sizeof(long_uri)}, &object, &error),
                     STATUS_REJECTED);
    assert_string_equal(error.text, "the key must have 1 to 1024 bytes, got 1025");
    assert_int_equal(s3_parse_uri((struct slice){long_uri, sizeof(long_uri) - 1}, &object, &error),
                     STATUS_OK);
}

static void too_large_is_refused(void **state)
{
    struct slice content = SLICE("left over");
    struct error error = ERROR_NONE;
    struct aws_call call = {.operation = "GetObject", .reply = SLICE("123456789")};
    const struct s3_object object = {SLICE("bucket"), SLICE("k"), SLICE_NONE};
    assert_int_equal(s3_read_get(&call, 8, &content, &error), STATUS_REJECTED);
    assert_null(content.data);
    assert_string_equal(error.text, "s3.GetObject: the object has more than 8 bytes");
    const struct slice body = {"", S3_OBJECT_MAX_BYTES + 1};
    assert_int_equal(s3_build_put(*state, &object, body, &call, &error), STATUS_REJECTED);
}

static void no_region_without_one(void **state)
{
    const struct aws_call silent = redirected("HTTP/1.1 301 Moved Permanently\r\n\r\n");
    const struct aws_call hostile =
        redirected("HTTP/1.1 301 X\r\nx-amz-bucket-region: evil.example/\r\n\r\n");
    struct aws_call fine = redirected("HTTP/1.1 200 OK\r\nx-amz-bucket-region: eu-west-1\r\n\r\n");
    fine.status = STATUS_OK;
    assert_null(s3_read_region(*state, &silent).data);
    assert_null(s3_read_region(*state, &hostile).data);
    assert_null(s3_read_region(*state, &fine).data);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(uri_has_bucket_and_key), TEST(get_encodes_the_key_once),
        TEST(longest_key_fits),       TEST(put_has_the_body_as_it_is),
        TEST(content_up_to_the_cap),  TEST(bucket_elsewhere_is_named),
        TEST(uris_that_are_none),     TEST(too_large_is_refused),
        TEST(no_region_without_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
