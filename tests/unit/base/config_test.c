#include "tests/support/cmocka.h"

#include "infra/base/config.h"

#include <string.h>

/* --- fixture --- */

struct fixture {
    struct arena *arena;
    struct config config;
    struct error error;
    int count;
    char *arguments[8];
};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture = (struct fixture){.arena = arena_new(1 << 20), .error = ERROR_NONE};
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    arena_free(fixture->arena);
    return 0;
}

/* --- helpers --- */

static char *text(struct fixture *fixture, const char *literal)
{
    size_t size = strlen(literal) + 1;

    return memcpy(arena_alloc(fixture->arena, size), literal, size);
}

static void argument(struct fixture *fixture, const char *literal)
{
    fixture->arguments[fixture->count++] = text(fixture, literal);
}

/* variables: NAME=VALUE lines. */
static enum status load(struct fixture *fixture, const char *variables)
{
    char *environment[16] = {0};
    char *line = text(fixture, variables);
    size_t count = 0;

    while (*line != '\0') {
        char *end = strchrnul(line, '\n');

        environment[count++] = line;
        line = *end == '\0' ? end : end + 1;
        *end = '\0';
    }
    return config_load(fixture->arena, environment, &fixture->count, fixture->arguments,
                       &fixture->config, &fixture->error);
}

static void assert_refused(struct fixture *fixture, const char *variables, const char *because)
{
    assert_int_equal(load(fixture, variables), STATUS_REJECTED);
    assert_string_equal(fixture->error.text, because);
}

/* --- success --- */

static void test_the_defaults(void **state)
{
    struct fixture *fixture = *state;
    struct config *config = &fixture->config;

    assert_int_equal(load(fixture, "PATH=/bin\nAWS_REGION=eu-west-1\nNOVALUE"), STATUS_OK);
    assert_string_equal(config->tracker_url, "sqlite:ringback.db");
    assert_string_equal(config->http_listen, "127.0.0.1:8080");
    assert_string_equal(config->admin_listen, "127.0.0.1:9090");
    assert_string_equal(config->statement_prefix, "ringback/");
    assert_string_equal(config->output, "event");
    assert_string_equal(config->log_level, "INFO");
    assert_null(config->event_queue_url);
    assert_null(config->cluster_identifier);
    assert_int_equal(config->workers, 4);
    assert_int_equal(config->sweep_seconds, 5);
    assert_int_equal(config->overdue_seconds, 60);
    assert_int_equal(config->wait_seconds, 0);
    assert_int_equal(config->cancel_grace_seconds, 30);
    assert_int_equal(config->gather_seconds, 60);
    assert_int_equal(config->retain_days, 1);
    assert_int_equal(config->dedupe_days, 16);
    assert_int_equal(config->redis_wait, 0);
    assert_false(config->direct);
}

static void test_the_environment_is_read(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "RINGBACK_TRACKER_URL=redis://u:p@h:1/0\nRINGBACK_WORKERS=64\n"
                                   "RINGBACK_DIRECT=1\nRINGBACK_OUTPUT=statement\n"
                                   "WORKGROUP_NAME=wg\nLOG_LEVEL=debug\nRINGBACK_URL="),
                     STATUS_OK);
    assert_string_equal(fixture->config.tracker_url, "redis://u:p@h:1/0");
    assert_int_equal(fixture->config.workers, 64);
    assert_true(fixture->config.direct);
    assert_string_equal(fixture->config.output, "statement");
    assert_string_equal(fixture->config.workgroup_name, "wg");
    assert_string_equal(fixture->config.log_level, "debug");
    assert_null(fixture->config.url); /* empty is unset */
}

static void test_flags_beat_the_environment_and_are_taken_out(void **state)
{
    struct fixture *fixture = *state;

    argument(fixture, "select 1");
    argument(fixture, "--sweep-seconds");
    argument(fixture, "7");
    argument(fixture, "--json");
    argument(fixture, "--database=dev=x");
    argument(fixture, "--");
    argument(fixture, "--workers");
    assert_int_equal(load(fixture, "RINGBACK_SWEEP_SECONDS=9\nDATABASE=prod"), STATUS_OK);
    assert_int_equal(fixture->config.sweep_seconds, 7);
    assert_string_equal(fixture->config.database, "dev=x");
    assert_int_equal(fixture->count, 4);
    assert_string_equal(fixture->arguments[0], "select 1");
    assert_string_equal(fixture->arguments[1], "--json");
    assert_string_equal(fixture->arguments[2], "--");
    assert_string_equal(fixture->arguments[3], "--workers");
    assert_null(fixture->arguments[4]);
}

static void test_names_of_earlier_systems(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "TTL=30\nDDB_TABLE_NAME=table\nCLUSTER_IDENTIFIER=c"),
                     STATUS_OK);
    assert_int_equal(fixture->config.retain_days, 30);
    assert_int_equal(fixture->config.dedupe_days, 30); /* never shorter than the details */
    assert_string_equal(fixture->config.tracker_url, "dynamodb:table");
    assert_string_equal(fixture->config.cluster_identifier, "c");
}

static void test_own_names_beat_those_of_earlier_systems(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "RINGBACK_RETAIN_DAYS=2\nTTL=30\nDDB_TABLE_NAME=table\n"
                                   "RINGBACK_TRACKER_URL=sqlite:x"),
                     STATUS_OK);
    assert_int_equal(fixture->config.retain_days, 2);
    assert_string_equal(fixture->config.tracker_url, "sqlite:x");
    assert_int_equal(load(fixture, "TTL=30\nRINGBACK_RETAIN_DAYS=2"), STATUS_OK);
    assert_int_equal(fixture->config.retain_days, 2);
}

static void test_a_flag_chooses_the_other_kind_of_target(void **state)
{
    struct fixture *fixture = *state;

    argument(fixture, "--workgroup-name=w");
    assert_int_equal(load(fixture, "CLUSTER_IDENTIFIER=c"), STATUS_OK);
    assert_null(fixture->config.cluster_identifier);
    assert_string_equal(fixture->config.workgroup_name, "w");
}

static void test_listening_beyond_loopback_with_a_token(void **state)
{
    struct fixture *fixture = *state;
    static const char *const loopback[] = {
        "RINGBACK_HTTP_LISTEN=127.9.9.9:0", "RINGBACK_HTTP_LISTEN=[::1]:80",
        "RINGBACK_HTTP_LISTEN=localhost:80",
        "RINGBACK_HTTP_LISTEN=0.0.0.0:80\nRINGBACK_HTTP_TOKEN_FILE=/t"};

    for (size_t i = 0; i < ARRAY_COUNT(loopback); i++) {
        assert_int_equal(load(fixture, loopback[i]), STATUS_OK);
    }
}

static void test_help_and_markdown_name_every_option(void **state)
{
    CLEANUP(buffer_clear) struct buffer out;

    (void)state;
    buffer_init(&out, 100000);
    config_print_help(&out);
    assert_non_null(strstr(out.data, "  --workers                  worker threads per daemon "
                                     "(default 4)\n"));
    buffer_reset(&out);
    config_print_markdown(&out);
    assert_non_null(strstr(out.data, "| `RINGBACK_WORKERS` | `--workers` | `4` | 1 to 64 | "
                                     "worker threads per daemon |\n"));
    assert_non_null(strstr(out.data, "| `RINGBACK_RETAIN_DAYS` or `TTL` | `--retain-days` |"));
    assert_non_null(strstr(out.data, "| `DB_USER` | `--db-user` |"));
    assert_false(out.overflowed);
}

/* --- failure --- */

static void test_unknown_variables_stop_the_start(void **state)
{
    assert_refused(*state, "RINGBACK_WORKER=4", "RINGBACK_WORKER: unknown variable");
    assert_refused(*state, "RINGBACK_TEST_X=4", "RINGBACK_TEST_X: unknown variable");
    assert_refused(*state, "RINGBACK_=", "RINGBACK_: unknown variable");
}

static void test_numbers_outside_their_range(void **state)
{
    static const char *const bad[] = {
        "RINGBACK_WORKERS=0",          "RINGBACK_WORKERS=65",
        "RINGBACK_SWEEP_SECONDS=3601", "RINGBACK_OVERDUE_SECONDS=86401",
        "RINGBACK_WAIT_SECONDS=31",    "RINGBACK_CANCEL_GRACE_SECONDS=3601",
        "RINGBACK_GATHER_SECONDS=601", "RINGBACK_RETAIN_DAYS=366",
        "RINGBACK_DEDUPE_DAYS=14",     "RINGBACK_DEDUPE_DAYS=401",
        "RINGBACK_REDIS_WAIT=11",      "RINGBACK_REDIS_WAIT=-1",
        "RINGBACK_WORKERS=4x",         "TTL=one"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        size_t name_size = strcspn(bad[i], "=");

        assert_int_equal(load(fixture, bad[i]), STATUS_REJECTED);
        assert_memory_equal(fixture->error.text, bad[i], name_size);
        assert_memory_equal(fixture->error.text + name_size, ": must be ", 10);
    }
    assert_refused(fixture, "RINGBACK_WORKERS=65",
                   "RINGBACK_WORKERS: must be between 1 and 64, got 65");
}

static void test_texts_against_their_rule(void **state)
{
    static const char *const bad[] = {"RINGBACK_STATEMENT_PREFIX=ringback",
                                      "RINGBACK_STATEMENT_PREFIX=/",
                                      "RINGBACK_STATEMENT_PREFIX=a/b/",
                                      "RINGBACK_STATEMENT_PREFIX=a b/",
                                      "RINGBACK_TRACKER_URL=mysql://x",
                                      "RINGBACK_TRACKER_URL=sqlite:",
                                      "RINGBACK_EVENT_QUEUE_URL=sqs",
                                      "RINGBACK_HTTP_LISTEN=8080",
                                      "RINGBACK_HTTP_LISTEN=:8080",
                                      "RINGBACK_HTTP_LISTEN=127.0.0.1:65536",
                                      "RINGBACK_HTTP_LISTEN=127.0.0.1:",
                                      "RINGBACK_ADMIN_LISTEN=::1:80",
                                      "RINGBACK_ADMIN_LISTEN=[x]:80",
                                      "RINGBACK_OUTPUT=both",
                                      "RINGBACK_DIRECT=yes",
                                      "LOG_LEVEL=loud",
                                      "RINGBACK_STATEMENT_ROLE_ARN=role",
                                      "RINGBACK_URL=ftp://x"};
    struct fixture *fixture = *state;

    for (size_t i = 0; i < ARRAY_COUNT(bad); i++) {
        size_t name_size = strcspn(bad[i], "=");

        assert_int_equal(load(fixture, bad[i]), STATUS_REJECTED);
        assert_memory_equal(fixture->error.text, bad[i], name_size);
        assert_memory_equal(fixture->error.text + name_size, ": must be ", 10);
    }
}

static void test_a_value_is_not_repeated(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "RINGBACK_TRACKER_URL=rediz://u:hunter2@h"), STATUS_REJECTED);
    assert_null(strstr(fixture->error.text, "hunter2"));
}

static void test_prefix_of_65_is_too_long(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(load(fixture, "RINGBACK_STATEMENT_PREFIX=0123456789012345678901234567890123"
                                   "456789012345678901234567890123/"),
                     STATUS_OK);
    assert_int_equal(load(fixture, "RINGBACK_STATEMENT_PREFIX=0123456789012345678901234567890123"
                                   "4567890123456789012345678901234/"),
                     STATUS_REJECTED);
}

static void test_bad_flags_are_named(void **state)
{
    struct fixture *fixture = *state;

    argument(fixture, "--workers=x");
    assert_refused(fixture, "RINGBACK_WORKERS=4", "--workers: must be an integer between 1 and 64");
    fixture->count = 0;
    argument(fixture, "--workers");
    assert_refused(fixture, "", "--workers: needs a value");
    fixture->count = 0;
    argument(fixture, "--database=");
    assert_refused(fixture, "", "--database: must be a name");
}

static void test_two_kinds_of_target_at_once(void **state)
{
    assert_refused(*state, "CLUSTER_IDENTIFIER=c\nWORKGROUP_NAME=w",
                   "CLUSTER_IDENTIFIER: must not be set together with WORKGROUP_NAME");
}

static void test_listening_beyond_loopback_without_a_token(void **state)
{
    assert_refused(*state, "RINGBACK_HTTP_LISTEN=0.0.0.0:8080",
                   "RINGBACK_HTTP_LISTEN: other than loopback needs RINGBACK_HTTP_TOKEN_FILE");
    assert_int_equal(load(*state, "RINGBACK_HTTP_LISTEN=127.evil.example:80"), STATUS_REJECTED);
    assert_int_equal(load(*state, "RINGBACK_HTTP_LISTEN=[::]:80"), STATUS_REJECTED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_defaults),
        TEST(test_the_environment_is_read),
        TEST(test_flags_beat_the_environment_and_are_taken_out),
        TEST(test_names_of_earlier_systems),
        TEST(test_own_names_beat_those_of_earlier_systems),
        TEST(test_a_flag_chooses_the_other_kind_of_target),
        TEST(test_listening_beyond_loopback_with_a_token),
        TEST(test_help_and_markdown_name_every_option),
        TEST(test_unknown_variables_stop_the_start),
        TEST(test_numbers_outside_their_range),
        TEST(test_texts_against_their_rule),
        TEST(test_a_value_is_not_repeated),
        TEST(test_prefix_of_65_is_too_long),
        TEST(test_bad_flags_are_named),
        TEST(test_two_kinds_of_target_at_once),
        TEST(test_listening_beyond_loopback_without_a_token),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
