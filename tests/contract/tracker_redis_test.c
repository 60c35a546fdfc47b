/* What only Redis does: servers that die, forget their scripts, ask for passwords or evict. */
#include "tests/support/cmocka.h"
#include "tests/support/redis.h"
#include "tracker/tracker.h"

#include "infra/base/clock.h"
#include "infra/base/log.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Fixture */

#define ID         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TIMEOUT_MS 300
#define TRIES      1000 /* of 5 ms */
#define LOG_BYTES  4096

struct fixture {
    struct redis_server server;
    struct tracker *tracker;
    struct arena *arena;
    char url[128];
    struct error error;
};

static void set_url(struct fixture *fixture, const char *user, const char *database)
{
    (void)snprintf(fixture->url, sizeof(fixture->url), "redis://%s127.0.0.1:%d/%s", user,
                   fixture->server.port, database);
}

static enum status open_url(struct fixture *fixture, struct tracker **tracker)
{
    const struct tracker_options options = {.url = fixture->url, .timeout_ms = TIMEOUT_MS};

    fixture->error = ERROR_NONE;
    return tracker_open(&options, tracker, &fixture->error);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    redis_server_start(&fixture->server);
    fixture->arena = arena_new(1024 * 1024);
    set_url(fixture, "", "");
    assert_int_equal(open_url(fixture, &fixture->tracker), STATUS_OK);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    tracker_close(fixture->tracker);
    arena_free(fixture->arena);
    redis_server_stop(&fixture->server);
    free(fixture);
    return 0;
}

/* Helpers */

static enum status put(struct fixture *fixture, struct tracker *tracker, bool *created)
{
    struct tracker_registration registration = {
        .record = {.id = ID, .format = TRACKER_FORMAT, .plan = SLICE("plan")}};
    enum status status = STATUS_OK;

    fixture->error = ERROR_NONE;
    status = tracker_register(tracker, fixture->arena, &registration, 1, &fixture->error);
    *created = status == STATUS_OK && registration.created;
    return status;
}

/* Registers the number-th of some records, each of which would have a shard of its own. */
static void put_due(struct fixture *fixture, unsigned number, int64_t due_at_ms)
{
    struct tracker_registration registration = {
        .record = {.id = ID, .format = TRACKER_FORMAT, .created_at_ms = 1, .due_at_ms = due_at_ms}};

    registration.record.id[0] = (char)('a' + number);
    assert_int_equal(
        tracker_register(fixture->tracker, fixture->arena, &registration, 1, &fixture->error),
        STATUS_OK);
}

static struct tracker_record *claim(struct fixture *fixture, struct tracker *tracker, size_t *count)
{
    struct tracker_record *records = NULL;

    *count = 0;
    assert_int_equal(tracker_claim(tracker, fixture->arena, 1000, TRACKER_LEASE_MS, "me", 1,
                                   &records, count, &fixture->error),
                     STATUS_OK);
    return records;
}

static struct slice list_page(struct fixture *fixture, size_t limit, struct slice token)
{
    const struct tracker_list list = {.limit = limit, .token = token};
    struct tracker_record *records = NULL;
    struct slice next = SLICE_NONE;
    size_t count = 0;

    assert_int_equal(tracker_list(fixture->tracker, fixture->arena, &list, &records, &count, &next,
                                  &fixture->error),
                     STATUS_OK);
    assert_int_equal(count, limit);
    return next;
}

/* So many commands the server has carried out, with those in scripts and that of asking. */
static long long commands(const struct fixture *fixture)
{
    return redis_server_info(&fixture->server, "total_commands_processed");
}

static bool is_there(struct fixture *fixture, struct tracker *tracker)
{
    struct tracker_lookup lookup = {.id = ID};

    assert_int_equal(tracker_find(tracker, fixture->arena, &lookup, 1, &fixture->error), STATUS_OK);
    return lookup.found;
}

/* The handle connects again by itself, after a pause of its own choice. */
static void wait_until_back(struct fixture *fixture)
{
    const struct timespec pause = {.tv_nsec = 5000000};
    enum status status = STATUS_RETRY;

    for (int i = 0; i < TRIES && status == STATUS_RETRY; i++) {
        status = tracker_ping(fixture->tracker, &fixture->error);
        (void)nanosleep(&pause, NULL);
    }
    assert_int_equal(status, STATUS_OK);
}

static void open_another(struct fixture *fixture, struct tracker **tracker)
{
    if (open_url(fixture, tracker) != STATUS_OK) {
        fail_msg("open: %s", fixture->error.text);
    }
}

static void assert_open_is(struct fixture *fixture, enum status expected, const char *text)
{
    struct tracker *tracker = NULL;

    assert_int_equal(open_url(fixture, &tracker), expected);
    assert_null(tracker);
    if (!strstr(fixture->error.text, text)) {
        fail_msg("\"%s\" is not in \"%s\"", text, fixture->error.text);
    }
}

/* A handle that waits for one replica. */
static void open_waiting(struct fixture *fixture, struct tracker **tracker)
{
    const struct tracker_options options = {
        .url = fixture->url, .timeout_ms = 4 * TIMEOUT_MS, .redis_wait = 1};

    assert_int_equal(tracker_open(&options, tracker, &fixture->error), STATUS_OK);
}

/* Opens and closes a handle, and tells what was logged. */
static void log_of_opening(struct fixture *fixture, char log[LOG_BYTES])
{
    struct tracker *tracker = NULL;
    ssize_t size = 0;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    log_init(LOG_WARNING, ends[1]);
    open_another(fixture, &tracker);
    tracker_close(tracker);
    log_init(LOG_WARNING, STDERR_FILENO);
    size = read(ends[0], log, LOG_BYTES - 1);
    assert_true(size > 0);
    log[size] = '\0';
    (void)close(ends[0]);
    (void)close(ends[1]);
}

/* Success */

static void a_write_survives_the_death_of_the_server(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    assert_true(created);
    redis_server_kill(&fixture->server);
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_RETRY);
    redis_server_restart(&fixture->server);
    wait_until_back(fixture);
    assert_true(is_there(fixture, fixture->tracker));
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    assert_false(created);
}

static void while_the_server_is_away_calls_do_not_block(void **state)
{
    struct fixture *fixture = *state;
    int64_t started_ms = clock_monotonic_ms(clock_system());

    redis_server_kill(&fixture->server);
    for (int i = 0; i < 200; i++) {
        assert_int_equal(tracker_ping(fixture->tracker, &fixture->error), STATUS_RETRY);
    }
    assert_in_range(clock_monotonic_ms(clock_system()) - started_ms, 0, 20 * TIMEOUT_MS);
    redis_server_restart(&fixture->server);
}

static void a_server_that_hangs_costs_one_timeout(void **state)
{
    struct fixture *fixture = *state;
    int64_t started_ms = clock_monotonic_ms(clock_system());

    assert_int_equal(kill(fixture->server.pid, SIGSTOP), 0);
    assert_int_equal(tracker_ping(fixture->tracker, &fixture->error), STATUS_RETRY);
    assert_in_range(clock_monotonic_ms(clock_system()) - started_ms, TIMEOUT_MS, 10 * TIMEOUT_MS);
    assert_int_equal(kill(fixture->server.pid, SIGCONT), 0);
    wait_until_back(fixture);
}

static void forgotten_scripts_are_loaded_again(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    redis_server_command(&fixture->server, "SCRIPT FLUSH");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    assert_true(created);
}

static void a_connection_closed_while_idle_is_not_noticed(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    redis_server_command(&fixture->server, "CLIENT KILL TYPE normal SKIPME yes");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    assert_true(created);
}

static void a_restart_between_two_calls_is_not_noticed(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    redis_server_kill(&fixture->server);
    redis_server_restart(&fixture->server);
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    assert_false(created);
}

/* Behind a name that leads to the present master, another server may answer by now. */
static void a_server_that_became_a_replica_is_connected_to_anew(void **state)
{
    struct fixture *fixture = *state;
    struct redis_server master;
    long long connections = 0;
    bool created = false;

    redis_server_start(&master);
    redis_server_command(&fixture->server, "REPLICAOF 127.0.0.1 %d", master.port);
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_RETRY);
    assert_non_null(strstr(fixture->error.text, "READONLY"));
    connections = redis_server_info(&fixture->server, "total_connections_received");
    redis_server_command(&fixture->server, "REPLICAOF NO ONE");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    /* That of REPLICAOF, that of this INFO, and ours. */
    assert_int_equal(redis_server_info(&fixture->server, "total_connections_received"),
                     connections + 3);
    redis_server_stop(&master);
}

static void a_replica_in_step_has_the_write(void **state)
{
    struct fixture *fixture = *state;
    struct redis_server replica;
    struct tracker *tracker = NULL;
    bool created = false;

    redis_server_start(&replica);
    redis_server_command(&replica, "REPLICAOF 127.0.0.1 %d", fixture->server.port);
    for (int i = 0; i < TRIES && redis_server_info(&fixture->server, "connected_slaves") == 0;
         i++) {
        clock_sleep_ms(clock_system(), 5);
    }
    open_waiting(fixture, &tracker);
    for (int i = 0; i < TRIES && put(fixture, tracker, &created) == STATUS_RETRY; i++) {
        clock_sleep_ms(clock_system(), 5);
    }
    assert_true(is_there(fixture, tracker));
    assert_int_equal(redis_server_info(&replica, "db0:keys"), 3);
    assert_int_equal(kill(replica.pid, SIGSTOP), 0);
    assert_int_equal(tracker_touch(tracker, ID, 1, &fixture->error), STATUS_RETRY);
    assert_non_null(strstr(fixture->error.text, "0 of 1 replicas"));
    assert_int_equal(kill(replica.pid, SIGCONT), 0);
    assert_int_equal(tracker_touch(tracker, ID, 1, &fixture->error), STATUS_OK);
    tracker_close(tracker);
    redis_server_stop(&replica);
}

static void the_longest_due_of_all_comes_first(void **state)
{
    struct fixture *fixture = *state;

    for (unsigned i = 0; i < 10; i++) {
        put_due(fixture, i, 100 - i);
    }
    for (unsigned i = 10; i > 0; i--) {
        size_t count = 0;
        const struct tracker_record *records = claim(fixture, fixture->tracker, &count);
        assert_int_equal(count, 1);
        assert_int_equal(records[0].id[0], 'a' + i - 1);
    }
}

static void a_full_page_may_be_the_last(void **state)
{
    struct fixture *fixture = *state;
    struct slice next;

    for (unsigned i = 0; i < 20; i++) {
        put_due(fixture, i, 0);
    }
    next = list_page(fixture, 10, SLICE_NONE);
    assert_non_null(next.data);
    assert_null(list_page(fixture, 10, next).data);
    assert_null(list_page(fixture, 20, SLICE_NONE).data);
}

static void a_claim_of_nothing_is_one_script(void **state)
{
    struct fixture *fixture = *state;
    const long long before = commands(fixture);
    size_t count = 0;

    (void)claim(fixture, fixture->tracker, &count);
    assert_int_equal(count, 0);
    /* EVALSHA, its ZRANGEBYSCORE, INFO. */
    assert_int_equal(commands(fixture) - before, 3);
}

static void a_count_asks_for_each_kind_once(void **state)
{
    struct fixture *fixture = *state;
    const long long before = commands(fixture);
    struct tracker_counts counts;

    assert_int_equal(tracker_count(fixture->tracker, &counts, &fixture->error), STATUS_OK);
    assert_int_equal(commands(fixture) - before, 3 + 1);
}

static void the_latest_of_a_group_asks_for_open_and_settled_ones_once(void **state)
{
    struct fixture *fixture = *state;
    const long long before = commands(fixture);
    struct tracker_record record;

    assert_int_equal(tracker_group_latest(fixture->tracker, fixture->arena, SLICE("group"), &record,
                                          &fixture->error),
                     STATUS_NOT_FOUND);
    assert_int_equal(commands(fixture) - before, 2 + 1);
}

static void a_claim_of_nothing_needs_no_replica(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;
    size_t count = 0;

    open_waiting(fixture, &tracker);
    (void)claim(fixture, tracker, &count);
    assert_int_equal(count, 0);
    tracker_close(tracker);
}

static void the_right_password_opens(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;
    bool created = false;

    /* No more than docs/operations.md gives it. */
    redis_server_command(&fixture->server, "ACL SETUSER ringback on >pa:ss/w@rd ~rb:* +@all "
                                           "-@dangerous +info +config|get +cluster|slots");
    set_url(fixture, "ringback:pa:ss%2Fw%40rd@", "");
    open_another(fixture, &tracker);
    assert_int_equal(put(fixture, tracker, &created), STATUS_OK);
    assert_true(is_there(fixture, tracker));
    tracker_close(tracker);
    redis_server_command(&fixture->server, "CONFIG SET requirepass secret");
    set_url(fixture, ":secret@", "0");
    open_another(fixture, &tracker);
    tracker_close(tracker);
}

static void databases_are_apart(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *third = NULL;
    bool created = false;

    set_url(fixture, "", "3");
    open_another(fixture, &third);
    assert_int_equal(put(fixture, third, &created), STATUS_OK);
    assert_true(is_there(fixture, third));
    assert_false(is_there(fixture, fixture->tracker));
    tracker_close(third);
}

static void weaker_persistence_is_named(void **state)
{
    struct fixture *fixture = *state;
    char log[LOG_BYTES];

    redis_server_command(&fixture->server, "CONFIG SET appendfsync everysec");
    log_of_opening(fixture, log);
    assert_non_null(strstr(log, "\"setting\":\"appendfsync\",\"value\":\"everysec\""));
    assert_null(strstr(log, "appendonly"));
}

/* A managed service: INFO tells all but appendfsync. */
static void what_cannot_be_asked_for_is_named(void **state)
{
    struct fixture *fixture = *state;
    char log[LOG_BYTES];

    redis_server_command(&fixture->server, "ACL SETUSER managed on >pw ~* +@all -config");
    set_url(fixture, "managed:pw@", "");
    log_of_opening(fixture, log);
    assert_non_null(strstr(log, "does not tell"));
    assert_non_null(strstr(log, "\"setting\":\"appendfsync\""));
    assert_null(strstr(log, "\"setting\":\"appendonly\""));
    assert_null(strstr(log, "\"setting\":\"maxmemory-policy\""));
    redis_server_command(&fixture->server, "ACL SETUSER managed -info");
    log_of_opening(fixture, log);
    assert_non_null(strstr(log, "\"setting\":\"appendonly\""));
    assert_non_null(strstr(log, "\"setting\":\"maxmemory-policy\""));
}

/* No key of ours has an expiry, so these evict none of them. */
static void volatile_policies_are_fine(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;

    redis_server_command(&fixture->server, "CONFIG SET maxmemory-policy volatile-lru");
    redis_server_command(&fixture->server, "CONFIG SET maxmemory 100mb");
    open_another(fixture, &tracker);
    tracker_close(tracker);
}

/* Failure */

/* Only where REDIS_TLS_FOLDER is set, and hiredis has TLS: tests/debian13.sh. */
static void a_certificate_must_be_trusted_and_for_the_host(void **state)
{
    struct fixture *fixture = *state;
    struct tracker_options options = {.url = fixture->url, .timeout_ms = TIMEOUT_MS};
    struct tracker *tracker = NULL;

    if (!redis_server_ca()) {
        skip();
    }
    (void)snprintf(fixture->url, sizeof(fixture->url), "rediss://127.0.0.1:%d/",
                   fixture->server.tls_port);
    assert_open_is(fixture, STATUS_RETRY, "certificate: ");
    options.ca_bundle = redis_server_ca();
    assert_int_equal(tracker_open(&options, &tracker, &fixture->error), STATUS_OK);
    tracker_close(tracker);
    (void)snprintf(fixture->url, sizeof(fixture->url), "rediss://127.0.0.2:%d/",
                   fixture->server.tls_port);
    assert_int_equal(tracker_open(&options, &tracker, &fixture->error), STATUS_RETRY);
    assert_non_null(strstr(fixture->error.text, "mismatch"));
    options.ca_bundle = "no/such/file";
    assert_int_equal(tracker_open(&options, &tracker, &fixture->error), STATUS_INTERNAL);
    assert_non_null(strstr(fixture->error.text, "AWS_CA_BUNDLE"));
}

static void a_wrong_password_is_rejected_and_not_repeated(void **state)
{
    struct fixture *fixture = *state;

    redis_server_command(&fixture->server, "CONFIG SET requirepass secret");
    set_url(fixture, ":guessed@", "");
    assert_open_is(fixture, STATUS_REJECTED, "password");
    assert_null(strstr(fixture->error.text, "guessed"));
    set_url(fixture, "", "");
    assert_open_is(fixture, STATUS_REJECTED, "NOAUTH");
}

static void a_database_that_is_none_is_rejected(void **state)
{
    struct fixture *fixture = *state;

    set_url(fixture, "", "4000");
    assert_open_is(fixture, STATUS_REJECTED, "database");
}

static void a_server_that_evicts_is_rejected(void **state)
{
    struct fixture *fixture = *state;

    redis_server_command(&fixture->server, "CONFIG SET maxmemory-policy allkeys-lru");
    redis_server_command(&fixture->server, "CONFIG SET maxmemory 100mb");
    assert_open_is(fixture, STATUS_REJECTED, "maxmemory-policy");
    redis_server_command(&fixture->server, "ACL SETUSER managed on >pw ~* +@all -config");
    set_url(fixture, "managed:pw@", "");
    assert_open_is(fixture, STATUS_REJECTED, "allkeys-lru");
}

static void a_full_server_is_retry(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    redis_server_command(&fixture->server, "CONFIG SET maxmemory 1");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_RETRY);
    assert_int_equal(tracker_ping(fixture->tracker, &fixture->error), STATUS_RETRY);
    assert_non_null(strstr(fixture->error.text, "OOM"));
    redis_server_command(&fixture->server, "CONFIG SET maxmemory 0");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_OK);
    assert_true(created);
}

static void missing_replicas_are_retry(void **state)
{
    struct fixture *fixture = *state;
    struct tracker *tracker = NULL;
    bool created = false;

    open_waiting(fixture, &tracker);
    assert_int_equal(put(fixture, tracker, &created), STATUS_RETRY);
    assert_non_null(strstr(fixture->error.text, "replicas"));
    tracker_close(tracker);
}

static void a_server_that_is_away_is_retry_at_open(void **state)
{
    struct fixture *fixture = *state;

    redis_server_kill(&fixture->server);
    assert_open_is(fixture, STATUS_RETRY, "connect");
    redis_server_restart(&fixture->server);
}

static void a_permission_taken_away_is_nobodys_input(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    redis_server_command(&fixture->server, "ACL SETUSER default -@all +config +acl +ping");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_INTERNAL);
    assert_int_equal(fixture->error.status, STATUS_INTERNAL);
    assert_non_null(strstr(fixture->error.text, "NOPERM"));
}

static void a_foreign_value_under_our_key_is_internal(void **state)
{
    struct fixture *fixture = *state;
    bool created = false;

    redis_server_command(&fixture->server, "SET rb:open text");
    assert_int_equal(put(fixture, fixture->tracker, &created), STATUS_INTERNAL);
}

#define REDIS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        REDIS_TEST(a_write_survives_the_death_of_the_server),
        REDIS_TEST(while_the_server_is_away_calls_do_not_block),
        REDIS_TEST(a_server_that_hangs_costs_one_timeout),
        REDIS_TEST(forgotten_scripts_are_loaded_again),
        REDIS_TEST(a_connection_closed_while_idle_is_not_noticed),
        REDIS_TEST(a_restart_between_two_calls_is_not_noticed),
        REDIS_TEST(a_server_that_became_a_replica_is_connected_to_anew),
        REDIS_TEST(a_replica_in_step_has_the_write),
        REDIS_TEST(the_longest_due_of_all_comes_first),
        REDIS_TEST(a_full_page_may_be_the_last),
        REDIS_TEST(a_claim_of_nothing_is_one_script),
        REDIS_TEST(a_count_asks_for_each_kind_once),
        REDIS_TEST(the_latest_of_a_group_asks_for_open_and_settled_ones_once),
        REDIS_TEST(a_claim_of_nothing_needs_no_replica),
        REDIS_TEST(the_right_password_opens),
        REDIS_TEST(databases_are_apart),
        REDIS_TEST(weaker_persistence_is_named),
        REDIS_TEST(what_cannot_be_asked_for_is_named),
        REDIS_TEST(volatile_policies_are_fine),
        REDIS_TEST(a_certificate_must_be_trusted_and_for_the_host),
        REDIS_TEST(a_wrong_password_is_rejected_and_not_repeated),
        REDIS_TEST(a_database_that_is_none_is_rejected),
        REDIS_TEST(a_server_that_evicts_is_rejected),
        REDIS_TEST(a_full_server_is_retry),
        REDIS_TEST(missing_replicas_are_retry),
        REDIS_TEST(a_server_that_is_away_is_retry_at_open),
        REDIS_TEST(a_permission_taken_away_is_nobodys_input),
        REDIS_TEST(a_foreign_value_under_our_key_is_internal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
