#include "tests/support/cmocka.h"
#include "tracker/tracker.h"
#include "tracker/tracker_check.h"

#include "infra/aws/client.h"

#include <string.h>

/* Helpers */

static enum status open_url(const char *url, struct error *error)
{
    const struct tracker_options options = {.url = url, .timeout_ms = 200};
    struct tracker *tracker = NULL;
    enum status status = tracker_open(&options, &tracker, error);

    assert_true(status == STATUS_OK || tracker == NULL);
    tracker_close(tracker);
    return status;
}

static void assert_rejected(const char *url, const char *text)
{
    struct error error = ERROR_NONE;

    assert_int_equal(open_url(url, &error), STATUS_REJECTED);
    if (!strstr(error.text, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, error.text);
    }
}

/* Success */

static void memory_opens(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    assert_int_equal(open_url("sqlite::memory:", &error), STATUS_OK);
}

static void a_redis_url_reaches_for_its_port(void **state)
{
    static const char *const urls[] = {
        "redis://127.0.0.1:1",         "redis://127.0.0.1:1/",
        "redis://127.0.0.1:1/15",      "redis://user:p%40ss@127.0.0.1:1",
        "redis://:pass@127.0.0.1:1/0", "redis://[::1]:1/0",
        "redis-cluster://127.0.0.1:1", "redis-cluster://user:p%40ss@127.0.0.1:1,[::1]:2/0"};
    struct error error = ERROR_NONE;

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(urls); i++) {
        assert_int_equal(open_url(urls[i], &error), STATUS_RETRY);
    }
}

static void shards_are_the_first_six_bits(void **state)
{
    unsigned counts[TRACKER_SHARDS] = {0};
    const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";

    (void)state;
    for (size_t first = 0; first < 32; first++) {
        for (size_t second = 0; second < 32; second++) {
            const char id[] = {digits[first], digits[second], '\0'};
            unsigned shard = tracker_shard(id);
            assert_int_equal(shard, first * 2 + second / 16);
            counts[shard]++;
        }
    }
    for (size_t i = 0; i < TRACKER_SHARDS; i++) {
        assert_int_equal(counts[i], 16);
    }
}

static void hexadecimal_keys_have_shards_too(void **state)
{
    (void)state;
    assert_true(tracker_shard("0189") < TRACKER_SHARDS);
    assert_true(tracker_shard("ff") < TRACKER_SHARDS);
    assert_true(tracker_shard("") < TRACKER_SHARDS);
}

static void a_place_sorts_as_time_and_id(void **state)
{
    const char *id = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    struct tracker_place early = tracker_place_make(9, id);
    struct tracker_place late = tracker_place_make(10, id);

    (void)state;
    assert_true(strcmp(early.text, late.text) < 0);
    assert_int_equal(strlen(late.text), TRACKER_PLACE_BYTES);
    assert_int_equal(tracker_place_time_ms(slice_from_text(late.text)), 10);
    assert_string_equal(tracker_place_id(slice_from_text(late.text)), id);
}

static void closing_nothing_is_fine(void **state)
{
    (void)state;
    tracker_close(NULL);
}

/* Failure */

static void a_dynamodb_table_needs_a_name_and_aws(void **state)
{
    static char region[] = "AWS_REGION=eu-west-1";
    char *const environment[] = {region, NULL};
    const struct aws_client_options aws = {
        .environment = environment, .clock = clock_system(), .random = random_system()};
    struct tracker_options options = {.url = "dynamodb:", .aws = &aws};
    struct tracker *tracker = NULL;
    struct error error = ERROR_NONE;

    (void)state;
    assert_rejected("dynamodb:table", "needs AWS credentials");
    assert_int_equal(tracker_open(&options, &tracker, &error), STATUS_REJECTED);
    assert_non_null(strstr(error.text, "name"));
    options.url = "dynamodb:a/b";
    assert_int_equal(tracker_open(&options, &tracker, &error), STATUS_REJECTED);
    assert_non_null(strstr(error.text, "name"));
}

static void unknown_schemes_are_rejected_without_repeating_them(void **state)
{
    struct error error = ERROR_NONE;

    (void)state;
    assert_rejected("mysql://root:hunter2@host/db", "must start with");
    assert_rejected("", "must start with");
    assert_rejected(NULL, "must start with");
    assert_rejected("SQLITE:x", "must start with");
    assert_int_equal(open_url("mysql://root:hunter2@host/db", &error), STATUS_REJECTED);
    assert_null(strstr(error.text, "hunter2"));
}

static void rediss_is_never_opened_in_the_clear(void **state)
{
    struct error error = ERROR_NONE;
    enum status status = open_url("rediss://127.0.0.1:1/0", &error);

    (void)state;
    /* With TLS nobody is there; without it the reason is named. */
    if (status != STATUS_RETRY) {
        assert_rejected("rediss://127.0.0.1:1/0", "hiredis_ssl");
        assert_rejected("rediss-cluster://127.0.0.1:1", "hiredis_ssl");
    }
}

static void malformed_sqlite_urls_are_rejected(void **state)
{
    (void)state;
    assert_rejected("sqlite:", "path");
    assert_rejected("sqlite:file:x.db?mode=memory", "path");
}

static void malformed_redis_urls_are_rejected(void **state)
{
    (void)state;
    assert_rejected("redis://", "host:port");
    assert_rejected("redis://:1", "host:port");
    assert_rejected("redis://host:0", "port");
    assert_rejected("redis://host:65536", "port");
    assert_rejected("redis://host:x", "port");
    assert_rejected("redis://host:1/x", "database number");
    assert_rejected("redis://host:1/-1", "database number");
    assert_rejected("redis://host:1/0?tls=1", "database number");
    assert_rejected("redis://user@host:1", "password");
    assert_rejected("redis://user:%zz@host:1", "malformed");
    assert_rejected("redis://user:%00@host:1", "malformed");
    assert_rejected("redis://[::1:6379", "host:port");
    assert_rejected("redis://a:1,b:2", "several hosts");
    assert_rejected("redis-cluster://a:1,:2", "host:port");
    assert_rejected("redis-cluster://a:1/1", "database 0");
    assert_rejected("redis-cluster://a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", "at most 16 hosts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_opens),
        cmocka_unit_test(a_redis_url_reaches_for_its_port),
        cmocka_unit_test(shards_are_the_first_six_bits),
        cmocka_unit_test(hexadecimal_keys_have_shards_too),
        cmocka_unit_test(a_place_sorts_as_time_and_id),
        cmocka_unit_test(closing_nothing_is_fine),
        cmocka_unit_test(a_dynamodb_table_needs_a_name_and_aws),
        cmocka_unit_test(unknown_schemes_are_rejected_without_repeating_them),
        cmocka_unit_test(rediss_is_never_opened_in_the_clear),
        cmocka_unit_test(malformed_sqlite_urls_are_rejected),
        cmocka_unit_test(malformed_redis_urls_are_rejected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
