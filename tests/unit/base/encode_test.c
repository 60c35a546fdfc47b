#include "tests/support/cmocka.h"

#include "infra/base/encode.h"
#include "infra/base/random.h"

#include <string.h>

/* --- fixture --- */

static int setup(void **state)
{
    static struct buffer buffer;

    buffer_init(&buffer, 10000);
    *state = &buffer;
    return 0;
}

static int teardown(void **state)
{
    buffer_clear(*state);
    return 0;
}

/* --- helpers --- */

static const char *base64(struct buffer *out, struct slice bytes)
{
    buffer_reset(out);
    encode_base64(bytes.data, bytes.size, out);
    return out->data;
}

static const char *base32(const char *text)
{
    static char out[33];

    encode_base32(text, strlen(text), out);
    return out;
}

static const char *percent(struct buffer *out, struct slice text, bool keep_slash)
{
    buffer_reset(out);
    encode_percent(text, keep_slash, out);
    return out->data;
}

static const char *unpercent(struct buffer *out, struct slice text, bool plus_is_space)
{
    buffer_reset(out);
    assert_int_equal(decode_percent(text, plus_is_space, out, NULL), STATUS_OK);
    return out->data;
}

static const char *formatted(int64_t time_ms)
{
    static char out[TIME_TEXT_BYTES + 1];

    time_format_ms(time_ms, out);
    return out;
}

static int64_t iso(const char *text)
{
    int64_t time_ms = -1;

    assert_int_equal(time_parse_iso(slice_from_text(text), &time_ms, NULL), STATUS_OK);
    return time_ms;
}

static const char *hmac(const char *key, size_t key_size, const char *text)
{
    static char hex[SHA256_HEX_BYTES + 1];
    unsigned char digest[SHA256_BYTES];

    digest_hmac_sha256(key, key_size, slice_from_text(text), digest);
    encode_hex(digest, sizeof(digest), hex);
    return hex;
}

/* --- success: encodings --- */

static void test_hex(void **state)
{
    char out[9];

    (void)state;
    encode_hex("\x00\x7F\x80\xFF", 4, out);
    assert_string_equal(out, "007f80ff");
    encode_hex("", 0, out);
    assert_string_equal(out, "");
}

static void test_base64_matches_rfc_4648(void **state)
{
    assert_string_equal(base64(*state, SLICE("")), "");
    assert_string_equal(base64(*state, SLICE("f")), "Zg==");
    assert_string_equal(base64(*state, SLICE("fo")), "Zm8=");
    assert_string_equal(base64(*state, SLICE("foo")), "Zm9v");
    assert_string_equal(base64(*state, SLICE("foob")), "Zm9vYg==");
    assert_string_equal(base64(*state, SLICE("fooba")), "Zm9vYmE=");
    assert_string_equal(base64(*state, SLICE("\xFB\xFF\xBF")), "+/+/");
}

static void test_base64_reads_back_what_it_wrote(void **state)
{
    struct random_seeded seeded;
    CLEANUP(buffer_clear) struct buffer decoded;

    buffer_init(&decoded, 1000);
    random_seeded_init(&seeded, 3);
    for (size_t size = 0; size < 200; size++) {
        unsigned char bytes[200];

        random_fill(&seeded.random, bytes, size);
        (void)base64(*state, (struct slice){(char *)bytes, size});
        buffer_reset(&decoded);
        assert_int_equal(decode_base64(buffer_slice(*state), &decoded, NULL), STATUS_OK);
        assert_int_equal(decoded.size, size);
        assert_memory_equal(buffer_slice(&decoded).data, bytes, size);
    }
}

static void test_base32_matches_rfc_4648_in_lower_case(void **state)
{
    (void)state;
    assert_string_equal(base32(""), "");
    assert_string_equal(base32("f"), "my");
    assert_string_equal(base32("fo"), "mzxq");
    assert_string_equal(base32("foo"), "mzxw6");
    assert_string_equal(base32("foob"), "mzxw6yq");
    assert_string_equal(base32("fooba"), "mzxw6ytb");
    assert_string_equal(base32("foobar"), "mzxw6ytboi");
    assert_int_equal(strlen(base32("12345678901234567890")), 32); /* an invocation id */
}

static void test_percent(void **state)
{
    assert_string_equal(percent(*state, SLICE("aZ09-_.~ /%+\xC3\xBC"), false),
                        "aZ09-_.~%20%2F%25%2B%C3%BC");
    assert_string_equal(percent(*state, SLICE("a b/c"), true), "a%20b/c");
    assert_string_equal(unpercent(*state, SLICE("a%20b%2Fc+%c3%BC"), false), "a b/c+\xC3\xBC");
    assert_string_equal(unpercent(*state, SLICE("a+b%2B"), true), "a b+");
}

static void test_constant_time_equals(void **state)
{
    (void)state;
    assert_true(constant_time_equals(SLICE("token"), SLICE("token")));
    assert_false(constant_time_equals(SLICE("token"), SLICE("tokem")));
    assert_false(constant_time_equals(SLICE("token"), SLICE("token1")));
    assert_false(constant_time_equals(SLICE("token"), SLICE_NONE));
    assert_false(constant_time_equals(SLICE(""), SLICE("x")));
    assert_true(constant_time_equals(SLICE(""), SLICE_NONE));
}

/* --- success: digests --- */

static void test_sha256_matches_fips_180(void **state)
{
    char hex[SHA256_HEX_BYTES + 1];

    (void)state;
    digest_sha256_hex(SLICE("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha256_hex(SLICE_NONE, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_md5_matches_rfc_1321(void **state)
{
    char hex[MD5_HEX_BYTES + 1];

    (void)state;
    digest_md5_hex(SLICE("message digest"), hex);
    assert_string_equal(hex, "f96b697d7cb7938d525a2f31aaf161d0");
}

static void test_hmac_matches_rfc_4231(void **state)
{
    char key[131];

    (void)state;
    memset(key, 0x0b, 20);
    assert_string_equal(hmac(key, 20, "Hi There"),
                        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    assert_string_equal(hmac("Jefe", 4, "what do ya want for nothing?"),
                        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    assert_string_equal(
        hmac(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First"),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_string_equal(hmac(NULL, 0, ""),
                        "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* --- success: times --- */

static void test_times_are_written(void **state)
{
    (void)state;
    assert_string_equal(formatted(0), "1970-01-01T00:00:00.000Z");
    assert_string_equal(formatted(1582934399999), "2020-02-28T23:59:59.999Z");
    assert_string_equal(formatted(1582934400001), "2020-02-29T00:00:00.001Z");
    assert_string_equal(formatted(-1), "1969-12-31T23:59:59.999Z");
    assert_string_equal(formatted(INT64_MAX), "9999-12-31T23:59:59.999Z");
    assert_string_equal(formatted(INT64_MIN), "0001-01-01T00:00:00.000Z");
}

static void test_iso_times_are_read(void **state)
{
    (void)state;
    assert_int_equal(iso("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(iso("2020-02-29T00:00:00.001Z"), 1582934400001);
    assert_int_equal(iso("2020-02-29T00:00:00.1Z"), 1582934400100);
    assert_int_equal(iso("2020-02-29T00:00:00.123456789Z"), 1582934400123);
    assert_int_equal(iso("2020-02-29T01:30:00+01:30"), 1582934400000);
    assert_int_equal(iso("2020-02-28T19:00:00-05:00"), 1582934400000);
    assert_int_equal(iso("2016-12-31T23:59:60Z"), iso("2017-01-01T00:00:00Z"));
}

static void test_written_times_read_back(void **state)
{
    struct random_seeded seeded;

    (void)state;
    random_seeded_init(&seeded, 11);
    for (int i = 0; i < 2000; i++) {
        int64_t time_ms = (int64_t)random_below(&seeded.random, 250000000000000);

        assert_int_equal(iso(formatted(time_ms)), time_ms);
    }
}

static void test_http_dates_are_read(void **state)
{
    int64_t time_ms = 0;

    (void)state;
    assert_int_equal(time_parse_http(SLICE("Sun, 06 Nov 1994 08:49:37 GMT"), &time_ms, NULL),
                     STATUS_OK);
    assert_int_equal(time_ms, 784111777000);
}

/* --- failure --- */

static void test_bad_base64_is_refused(void **state)
{
    static const char *const bad[] = {
        "Z",    "Zg",   "Zg=",  "Zm9v\n", "Zm9v====", "=Zg=",    "Zg=a",
        "Zh==", "Zm9=", "Z g=", "Zm9-",   "====",     "Zg==Zg=="};
    struct error error = ERROR_NONE;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(decode_base64(slice_from_text(bad[i]), *state, &error), STATUS_REJECTED);
        assert_int_equal(buffer_slice(*state).size, 0);
    }
}

static void test_base64_past_the_maximum_is_refused(void **state)
{
    CLEANUP(buffer_clear) struct buffer small;

    (void)state;
    buffer_init(&small, 2);
    assert_int_equal(decode_base64(SLICE("Zm9v"), &small, NULL), STATUS_REJECTED);
}

static void test_bad_percent_is_refused(void **state)
{
    static const char *const bad[] = {"%", "%2", "a%2", "%zz", "%2z", "%%20"};

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(decode_percent(slice_from_text(bad[i]), false, *state, NULL),
                         STATUS_REJECTED);
    }
}

static void test_bad_times_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "2020",
                                      "2020-02-29",
                                      "2020-02-29T00:00:00",
                                      "2020-02-29 00:00:00Z",
                                      "2021-02-29T00:00:00Z",
                                      "2020-04-31T00:00:00Z",
                                      "2020-13-01T00:00:00Z",
                                      "2020-00-01T00:00:00Z",
                                      "2020-01-01T24:00:00Z",
                                      "2020-01-01T00:60:00Z",
                                      "2020-01-01T00:00:61Z",
                                      "2020-01-01T00:00:00.Z",
                                      "2020-01-01T00:00:00Zx",
                                      "2020-01-01T00:00:00+0100",
                                      "2020-01-01T00:00:00+01",
                                      "2020-1-01T00:00:00Z",
                                      "-020-01-01T00:00:00Z"};
    int64_t time_ms = 42;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        assert_int_equal(time_parse_iso(slice_from_text(bad[i]), &time_ms, NULL), STATUS_REJECTED);
    }
    assert_int_equal(time_parse_http(SLICE("Sunday, 06-Nov-94 08:49:37 GMT"), &time_ms, NULL),
                     STATUS_REJECTED);
    assert_int_equal(time_parse_http(SLICE("Sun, 06 Nov 1994 08:49:37 CET"), &time_ms, NULL),
                     STATUS_REJECTED);
    assert_int_equal(time_parse_http(SLICE("Sun, 31 Feb 1994 08:49:37 GMT"), &time_ms, NULL),
                     STATUS_REJECTED);
    assert_int_equal(time_ms, 42);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_hex),
        TEST(test_base64_matches_rfc_4648),
        TEST(test_base64_reads_back_what_it_wrote),
        TEST(test_base32_matches_rfc_4648_in_lower_case),
        TEST(test_percent),
        TEST(test_constant_time_equals),
        TEST(test_sha256_matches_fips_180),
        TEST(test_md5_matches_rfc_1321),
        TEST(test_hmac_matches_rfc_4231),
        TEST(test_times_are_written),
        TEST(test_iso_times_are_read),
        TEST(test_written_times_read_back),
        TEST(test_http_dates_are_read),
        TEST(test_bad_base64_is_refused),
        TEST(test_base64_past_the_maximum_is_refused),
        TEST(test_bad_percent_is_refused),
        TEST(test_bad_times_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
