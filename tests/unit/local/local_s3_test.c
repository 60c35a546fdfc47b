#include "tests/support/cmocka.h"
#include "tests/unit/local/exchange.h"

#include "infra/local/service.h"
#include "infra/local/temporary_folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    char *folder;
    struct local_s3 *s3;
    struct exchange exchange; /* the last one */
    bool exchanged;
};

static int setup(void **state)
{
    struct error error = ERROR_NONE;
    struct fixture *f = calloc(1, sizeof(*f));
    f->folder = temporary_folder_make(NULL);
    assert_non_null(f->folder);
    assert_int_equal(STATUS_OK, local_s3_new(f->folder, &f->s3, &error));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    if (f->exchanged) {
        exchange_clear(&f->exchange);
    }
    local_s3_free(f->s3);
    temporary_folder_remove(f->folder);
    free(f);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void begin(struct fixture *f, const char *method, const char *target, struct slice body)
{
    if (f->exchanged) {
        exchange_clear(&f->exchange);
    }
    f->exchanged = true;
    exchange_init(&f->exchange, method, target, body);
}

static int finish(struct fixture *f)
{
    local_s3_handle(f->s3, &f->exchange.request, &f->exchange.response);
    return f->exchange.response.code;
}

static int ask(struct fixture *f, const char *method, const char *target)
{
    begin(f, method, target, SLICE(""));
    return finish(f);
}

static int put(struct fixture *f, const char *target, const char *object)
{
    begin(f, "PUT", target, slice_from_text(object));
    return finish(f);
}

static int get_range(struct fixture *f, const char *target, const char *range)
{
    begin(f, "GET", target, SLICE(""));
    exchange_add_header(&f->exchange, "Range", range);
    return finish(f);
}

static void assert_body(struct fixture *f, const char *text)
{
    assert_true(slice_equals_text(buffer_slice(&f->exchange.response.body), text));
}

static void assert_error(struct fixture *f, const char *code)
{
    char element[64];
    (void)snprintf(element, sizeof(element), "<Code>%s</Code>", code);
    assert_true(exchange_body_has(&f->exchange, element));
}

/* A bucket with one object of ten bytes. */
static void put_digits(struct fixture *f)
{
    assert_int_equal(200, ask(f, "PUT", "/bucket"));
    assert_int_equal(200, put(f, "/bucket/a/b.txt", "0123456789"));
}

/* --- success ---------------------------------------------------------------------------------- */

static void what_was_put_comes_back(void **state)
{
    put_digits(*state);
    assert_int_equal(200, ask(*state, "GET", "/bucket/a/b.txt?x-id=GetObject"));
    assert_body(*state, "0123456789");
}

static void the_etag_is_the_quoted_md5(void **state)
{
    struct fixture *f = *state;
    put_digits(f);
    assert_true(slice_equals_text(exchange_response_header(&f->exchange, "ETag"),
                                  "\"781e5e245d69b566979b86e28d23f2c7\""));
    ask(f, "HEAD", "/bucket/a/b.txt");
    assert_true(slice_equals_text(exchange_response_header(&f->exchange, "ETag"),
                                  "\"781e5e245d69b566979b86e28d23f2c7\""));
    assert_non_null(exchange_response_header(&f->exchange, "Last-Modified").data);
}

static void a_put_replaces(void **state)
{
    put_digits(*state);
    assert_int_equal(200, put(*state, "/bucket/a/b.txt", "new"));
    ask(*state, "GET", "/bucket/a/b.txt");
    assert_body(*state, "new");
}

static void keys_are_decoded(void **state)
{
    struct fixture *f = *state;
    char path[128];
    put_digits(f);
    assert_int_equal(200, put(f, "/bucket/x%20y%2Bz", "odd"));
    (void)snprintf(path, sizeof(path), "%s/bucket/x y+z", f->folder);
    assert_int_equal(0, access(path, R_OK));
}

static void ranges_are_served(void **state)
{
    struct fixture *f = *state;
    put_digits(f);
    assert_int_equal(206, get_range(f, "/bucket/a/b.txt", "bytes=2-4"));
    assert_body(f, "234");
    assert_true(
        slice_equals_text(exchange_response_header(&f->exchange, "Content-Range"), "bytes 2-4/10"));
    assert_int_equal(206, get_range(f, "/bucket/a/b.txt", "bytes=7-"));
    assert_body(f, "789");
    assert_int_equal(206, get_range(f, "/bucket/a/b.txt", "bytes=-2"));
    assert_body(f, "89");
    assert_int_equal(206, get_range(f, "/bucket/a/b.txt", "bytes=5-500"));
    assert_body(f, "56789");
}

static void several_ranges_give_the_whole(void **state)
{
    put_digits(*state);
    assert_int_equal(200, get_range(*state, "/bucket/a/b.txt", "bytes=0-1,4-5"));
    assert_body(*state, "0123456789");
}

static void chunks_are_put_together(void **state)
{
    struct fixture *f = *state;
    put_digits(f);
    begin(f, "PUT", "/bucket/chunked",
          SLICE("3\r\nabc\r\nA;chunk-signature=00\r\n0123456789\r\n0\r\n"
                "x-amz-checksum-crc32:AAAA\r\n\r\n"));
    exchange_add_header(&f->exchange, "x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_int_equal(200, finish(f));
    ask(f, "GET", "/bucket/chunked");
    assert_body(f, "abc0123456789");
}

static void a_deleted_object_is_gone(void **state)
{
    put_digits(*state);
    assert_int_equal(204, ask(*state, "DELETE", "/bucket/a/b.txt"));
    assert_int_equal(404, ask(*state, "GET", "/bucket/a/b.txt"));
    assert_int_equal(204, ask(*state, "DELETE", "/bucket/a/b.txt"));
}

static void lists_are_sorted_and_paged(void **state)
{
    struct fixture *f = *state;
    put_digits(f);
    put(f, "/bucket/a-b", "1");
    put(f, "/bucket/a/c<>", "22");
    assert_int_equal(200, ask(f, "GET", "/bucket?list-type=2&prefix=a&max-keys=2"));
    assert_true(exchange_body_has(&f->exchange, "<Key>a-b</Key>"));
    assert_true(exchange_body_has(&f->exchange, "<Key>a/b.txt</Key>"));
    assert_true(exchange_body_has(&f->exchange, "<IsTruncated>true</IsTruncated>"));
    ask(f, "GET", "/bucket?list-type=2&prefix=a&continuation-token=a%2Fb.txt");
    assert_true(exchange_body_has(&f->exchange, "<KeyCount>1</KeyCount>"));
    assert_true(exchange_body_has(&f->exchange, "<Key>a/c&lt;&gt;</Key>"));
    assert_true(exchange_body_has(&f->exchange, "<Size>2</Size>"));
}

static void a_bucket_is_made_and_removed(void **state)
{
    assert_int_equal(404, ask(*state, "HEAD", "/bucket"));
    assert_int_equal(200, ask(*state, "PUT", "/bucket"));
    assert_int_equal(200, ask(*state, "HEAD", "/bucket/"));
    assert_int_equal(204, ask(*state, "DELETE", "/bucket"));
    assert_int_equal(404, ask(*state, "HEAD", "/bucket"));
}

/* --- failure ---------------------------------------------------------------------------------- */

static void what_is_not_there_is_named(void **state)
{
    assert_int_equal(404, ask(*state, "GET", "/bucket/key"));
    assert_error(*state, "NoSuchBucket");
    assert_int_equal(404, put(*state, "/bucket/key", "x"));
    assert_error(*state, "NoSuchBucket");
    put_digits(*state);
    assert_int_equal(404, ask(*state, "GET", "/bucket/key"));
    assert_error(*state, "NoSuchKey");
    assert_int_equal(404, ask(*state, "GET", "/bucket/a"));
    assert_error(*state, "NoSuchKey");
}

static void no_key_leads_out(void **state)
{
    struct fixture *f = *state;
    char outside[128];
    put_digits(f);
    assert_int_equal(400, put(f, "/bucket/../../stolen", "x"));
    assert_int_equal(400, put(f, "/bucket/%2E%2E/%2e%2e/stolen", "x"));
    assert_int_equal(400, put(f, "/bucket/a%2F..%2F..%2Fstolen", "x"));
    assert_int_equal(400, put(f, "/../stolen", "x"));
    assert_int_equal(400, put(f, "/%2E%2E/stolen", "x"));
    assert_int_equal(400, put(f, "/bucket//etc/passwd", "x"));
    (void)snprintf(outside, sizeof(outside), "%s/../stolen", f->folder);
    assert_int_equal(-1, access(outside, F_OK));
}

static void no_link_leads_out(void **state)
{
    struct fixture *f = *state;
    char link[128];
    put_digits(f);
    (void)snprintf(link, sizeof(link), "%s/bucket/etc", f->folder);
    assert_int_equal(0, symlink("/etc", link));
    assert_int_not_equal(200, ask(f, "GET", "/bucket/etc/hostname"));
    (void)snprintf(link, sizeof(link), "%s/bucket/passwd", f->folder);
    assert_int_equal(0, symlink("/etc/passwd", link));
    assert_int_not_equal(200, ask(f, "GET", "/bucket/passwd"));
    (void)snprintf(link, sizeof(link), "%s/linked-bucket", f->folder);
    assert_int_equal(0, symlink("/etc", link));
    assert_int_not_equal(200, ask(f, "GET", "/linked-bucket?list-type=2"));
}

static void a_key_below_a_file_is_refused(void **state)
{
    put_digits(*state);
    assert_int_equal(400, put(*state, "/bucket/a/b.txt/c", "x"));
    assert_int_equal(400, put(*state, "/bucket/a", "x"));
    assert_error(*state, "InvalidArgument");
}

static void an_impossible_range_is_refused(void **state)
{
    put_digits(*state);
    assert_int_equal(416, get_range(*state, "/bucket/a/b.txt", "bytes=10-"));
    assert_error(*state, "InvalidRange");
}

static void broken_chunks_are_refused(void **state)
{
    static const char *const bodies[] = {
        "",       "3\r\nabc",     "3\r\nabcd\r\n0\r\n",
        "zz\r\n", "3\r\nabc\r\n", "FFFFFFFFFFFFFFF\r\nabc\r\n0\r\n"};
    struct fixture *f = *state;
    put_digits(f);
    for (size_t i = 0; i < ARRAY_COUNT(bodies); i++) {
        begin(f, "PUT", "/bucket/chunked", slice_from_text(bodies[i]));
        exchange_add_header(&f->exchange, "Content-Encoding", "aws-chunked");
        assert_int_equal(400, finish(f));
        assert_error(f, "IncompleteBody");
    }
    assert_int_equal(404, ask(f, "GET", "/bucket/chunked"));
}

static void a_full_bucket_stays(void **state)
{
    put_digits(*state);
    assert_int_equal(409, ask(*state, "DELETE", "/bucket"));
    assert_int_equal(409, ask(*state, "PUT", "/bucket"));
}

static void other_operations_are_not_mistaken(void **state)
{
    put_digits(*state);
    assert_int_equal(501, ask(*state, "PUT", "/bucket/a/b.txt?tagging"));
    assert_int_equal(501, ask(*state, "POST", "/bucket/a/b.txt?uploads"));
    assert_int_equal(405, ask(*state, "POST", "/bucket/a/b.txt"));
    assert_int_equal(501, ask(*state, "GET", "/bucket"));
    assert_int_equal(400, ask(*state, "GET", "/"));
    assert_int_equal(400, ask(*state, "GET", "/bucket/%zz"));
    assert_int_equal(400, ask(*state, "GET", "/bucket/a%00b"));
}

static void a_folder_that_is_none_is_refused(void **state)
{
    struct local_s3 *s3 = NULL;
    struct error error = ERROR_NONE;
    (void)state;
    assert_int_equal(STATUS_REJECTED, local_s3_new("does/not/exist", &s3, &error));
    assert_string_equal("s3: does/not/exist: cannot be opened as a folder", error.text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_comes_back),
        TEST(the_etag_is_the_quoted_md5),
        TEST(a_put_replaces),
        TEST(keys_are_decoded),
        TEST(ranges_are_served),
        TEST(several_ranges_give_the_whole),
        TEST(chunks_are_put_together),
        TEST(a_deleted_object_is_gone),
        TEST(lists_are_sorted_and_paged),
        TEST(a_bucket_is_made_and_removed),
        TEST(what_is_not_there_is_named),
        TEST(no_key_leads_out),
        TEST(no_link_leads_out),
        TEST(a_key_below_a_file_is_refused),
        TEST(an_impossible_range_is_refused),
        TEST(broken_chunks_are_refused),
        TEST(a_full_bucket_stays),
        TEST(other_operations_are_not_mistaken),
        TEST(a_folder_that_is_none_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
