/* The poller on an SQS that was not written here. Time is real where it is what is tested. */
#include "tests/support/cmocka.h"

#include "infra/aws/sqs.h"
#include "infra/base/json_reader.h"
#include "infra/base/log.h"
#include "infra/base/memory.h"
#include "infra/runtime/poller.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NODE              SOURCE_ROOT "/tests/node_modules/node/bin/node"
#define SCRIPT            SOURCE_ROOT "/tests/support/fauxqs.mjs"
#define LINE_BYTES        4096
#define START_MS          30000
#define WAIT_SECONDS      30
#define MESSAGES_MAX      64
#define MAX_RECEIVE_COUNT 3 /* of fauxqs.mjs */

/* --- fixture: one server for all tests, two queues for each
 * --------------------------------------- */

enum { ENDPOINT, KEY_ID, SECRET, REGION, NO_IMDS, ENVIRONMENT_COUNT };

static const char *const queue_names[] = {"q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7"};

struct server {
    pid_t pid;
    int stdin_fd;
    struct arena *arena;
    struct json queues; /* name -> URL */
    char settings[ENVIRONMENT_COUNT][160];
    char *environment[ENVIRONMENT_COUNT + 1];
    struct credentials_provider *credentials;
    struct aws_client_options aws;
    unsigned tests_begun;
};

struct receipt {
    int64_t number; /* what the body says */
    int64_t receive_count;
    int64_t at_ms; /* monotonic */
};

struct fixture {
    struct server *server;
    const char *queue_url;
    const char *dead_url;
    struct aws_client *client; /* the test's own */
    struct arena *arena;
    struct poller *poller;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    struct receipt receipts[MESSAGES_MAX];
    size_t receipt_count;
    int64_t again_until; /* receive counts below it are given back */
    int64_t again_seconds;
};

static struct server server;

static void set_environment(int which, const char *name, const char *value)
{
    (void)snprintf(server.settings[which], sizeof(server.settings[which]), "%s=%s", name, value);
    server.environment[which] = server.settings[which];
}

/* Starts node with pipes on both ends; its output's reading end. */
static int spawn_node(void)
{
    static char node[] = NODE;
    static char script[] = SCRIPT;
    static char names[ARRAY_COUNT(queue_names)][8];
    char *arguments[3 + ARRAY_COUNT(queue_names)] = {node, script};
    char *environment[] = {NULL};
    for (size_t i = 0; i < ARRAY_COUNT(queue_names); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%s", queue_names[i]);
        arguments[2 + i] = names[i];
    }
    int to[2];
    int from[2];
    posix_spawn_file_actions_t actions;
    assert_int_equal(pipe2(to, O_CLOEXEC), 0);
    assert_int_equal(pipe2(from, O_CLOEXEC), 0);
    assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, to[0], STDIN_FILENO), 0);
    assert_int_equal(posix_spawn_file_actions_adddup2(&actions, from[1], STDOUT_FILENO), 0);
    int code = posix_spawn(&server.pid, NODE, &actions, NULL, arguments, environment);
    if (code != 0) {
        print_error("cannot start %s: %s; (cd tests && npm ci) brings it\n", NODE,
                    code == ENOENT ? "not there" : "error");
        fail();
    }
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(to[0]);
    (void)close(from[1]);
    server.stdin_fd = to[1];
    return from[0];
}

static void read_line(int fd, char line[LINE_BYTES])
{
    size_t size = 0;
    while (size == 0 || line[size - 1] != '\n') {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        assert_int_equal(poll(&wait, 1, START_MS), 1);
        ssize_t got = read(fd, line + size, LINE_BYTES - 1 - size);
        assert_true(got > 0);
        size += (size_t)got;
    }
    line[size] = '\0';
}

static int start_server(void **state)
{
    (void)state;
    char line[LINE_BYTES];
    struct error error = ERROR_NONE;
    struct json root = {0};
    struct slice endpoint = SLICE_NONE;
    int fd = spawn_node();
    read_line(fd, line);
    (void)close(fd);
    server.arena = arena_new(1 << 20);
    struct slice text = arena_copy(server.arena, slice_from_text(line));
    assert_int_equal(json_parse(server.arena, text, &root, &error), STATUS_OK);
    assert_int_equal(json_text(json_member(root, "endpoint"), &endpoint, &error), STATUS_OK);
    server.queues = json_member(root, "queues");
    set_environment(ENDPOINT, "AWS_ENDPOINT_URL", arena_text(server.arena, endpoint));
    set_environment(KEY_ID, "AWS_ACCESS_KEY_ID", "AKIDLOCAL");
    set_environment(SECRET, "AWS_SECRET_ACCESS_KEY", "local-secret");
    set_environment(REGION, "AWS_REGION", "us-east-1");
    set_environment(NO_IMDS, "AWS_EC2_METADATA_DISABLED", "true");
    server.credentials = credentials_provider_new(server.environment, clock_system());
    server.aws = (struct aws_client_options){.environment = server.environment,
                                             .credentials = server.credentials,
                                             .clock = clock_system(),
                                             .random = random_system()};
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    int status = 0;
    (void)close(server.stdin_fd);
    assert_int_equal(waitpid(server.pid, &status, 0), server.pid);
    credentials_provider_free(server.credentials);
    arena_free(server.arena);
    return status;
}

static const char *queue_url(const char *name, const char *suffix)
{
    struct slice url = SLICE_NONE;
    struct error error = ERROR_NONE;
    const char *whole = arena_format(server.arena, "%s%s", name, suffix);
    assert_int_equal(json_text(json_member(server.queues, whole), &url, &error), STATUS_OK);
    return arena_text(server.arena, url);
}

static int setup(void **state)
{
    struct fixture *fixture = memory_new(sizeof(*fixture));
    struct error error = ERROR_NONE;
    pthread_condattr_t attributes;
    const char *name = queue_names[server.tests_begun++];
    fixture->server = &server;
    fixture->queue_url = queue_url(name, "");
    fixture->dead_url = queue_url(name, "-dead");
    fixture->arena = arena_new(1 << 20);
    assert_int_equal(aws_client_new(&server.aws, &fixture->client, &error), STATUS_OK);
    assert_int_equal(pthread_mutex_init(&fixture->mutex, NULL), 0);
    assert_int_equal(pthread_condattr_init(&attributes), 0);
    assert_int_equal(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), 0);
    assert_int_equal(pthread_cond_init(&fixture->changed, &attributes), 0);
    (void)pthread_condattr_destroy(&attributes);
    *state = fixture;
    return 0;
}

static void stop(struct fixture *fixture)
{
    poller_stop(fixture->poller);
    fixture->poller = NULL;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    stop(fixture);
    aws_client_free(fixture->client);
    arena_free(fixture->arena);
    (void)pthread_cond_destroy(&fixture->changed);
    (void)pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

static void handle(void *context, unsigned worker, struct poller_item *items, size_t count,
                   struct arena *arena)
{
    (void)worker;
    (void)arena;
    struct fixture *fixture = context;
    struct error error = ERROR_NONE;
    (void)pthread_mutex_lock(&fixture->mutex);
    for (size_t i = 0; i < count && fixture->receipt_count < MESSAGES_MAX; i++) {
        struct receipt *receipt = &fixture->receipts[fixture->receipt_count++];
        *receipt =
            (struct receipt){.receive_count = items[i].message.receive_count, .at_ms = now_ms()};
        if (slice_to_int64(items[i].message.body, 0, MESSAGES_MAX, &receipt->number, &error) !=
            STATUS_OK) {
            receipt->number = -1;
        }
        bool again = receipt->receive_count < fixture->again_until;
        items[i].verdict = again ? POLLER_AGAIN : POLLER_DONE;
        items[i].again_seconds = fixture->again_seconds;
    }
    (void)pthread_cond_broadcast(&fixture->changed);
    (void)pthread_mutex_unlock(&fixture->mutex);
}

static void start(struct fixture *fixture, unsigned threads, const char *url)
{
    struct error error = ERROR_NONE;
    const struct poller_options options = {.name = "events",
                                           .queue_url = url,
                                           .threads = threads,
                                           .aws = &fixture->server->aws,
                                           .handle = handle,
                                           .context = fixture};
    assert_int_equal(poller_start(&options, &fixture->poller, &error), STATUS_OK);
}

static void send_message(struct fixture *fixture, int number, int64_t delay_seconds)
{
    struct aws_call call = {0};
    struct slice id = SLICE_NONE;
    struct error error = ERROR_NONE;
    const struct sqs_send send = {.queue_url = slice_from_text(fixture->queue_url),
                                  .body =
                                      slice_from_text(arena_format(fixture->arena, "%d", number)),
                                  .delay_seconds = delay_seconds};
    sqs_build_send(fixture->arena, &send, &call);
    aws_send_all(fixture->client, &call, 1);
    assert_int_equal(sqs_read_send(fixture->arena, &call, &id, &error), STATUS_OK);
}

/* What the server says is in the queue. */
static void count_messages(struct fixture *fixture, const char *url, int64_t *visible,
                           int64_t *in_flight)
{
    struct aws_call call = {0};
    struct sqs_queue queue;
    struct error error = ERROR_NONE;
    sqs_build_attributes(fixture->arena, url, &call);
    aws_send_all(fixture->client, &call, 1);
    assert_int_equal(sqs_read_attributes(fixture->arena, &call, &queue, &error), STATUS_OK);
    *visible = queue.visible;
    *in_flight = queue.in_flight;
    aws_reset(fixture->client);
}

static void assert_counts(struct fixture *fixture, const char *url, int64_t visible,
                          int64_t in_flight)
{
    int64_t is_visible = -1;
    int64_t is_in_flight = -1;
    count_messages(fixture, url, &is_visible, &is_in_flight);
    assert_int_equal(is_visible, visible);
    assert_int_equal(is_in_flight, in_flight);
}

static void wait_receipts(struct fixture *fixture, size_t count)
{
    struct timespec end = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += WAIT_SECONDS;
    int result = 0;
    (void)pthread_mutex_lock(&fixture->mutex);
    while (fixture->receipt_count < count && result == 0) {
        result = pthread_cond_timedwait(&fixture->changed, &fixture->mutex, &end);
    }
    (void)pthread_mutex_unlock(&fixture->mutex);
    assert_int_equal(result, 0);
}

static void wait_ready(struct fixture *fixture)
{
    struct error problem = ERROR_NONE;
    int64_t end_ms = now_ms() + WAIT_SECONDS * (int64_t)1000;
    while (poller_problem(fixture->poller, &problem) && now_ms() < end_ms) {
        (void)usleep(1000);
    }
    assert_false(poller_problem(fixture->poller, &problem));
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_every_message_is_handled_and_deleted(void **state)
{
    struct fixture *fixture = *state;
    bool seen[25] = {false};
    for (int i = 0; i < 25; i++) {
        send_message(fixture, i, 0);
    }
    start(fixture, 3, fixture->queue_url);
    wait_receipts(fixture, 25);
    stop(fixture);
    assert_counts(fixture, fixture->queue_url, 0, 0);
    assert_int_equal(fixture->receipt_count, 25);
    for (size_t i = 0; i < 25; i++) {
        assert_in_range(fixture->receipts[i].number, 0, 24);
        assert_false(seen[fixture->receipts[i].number]);
        seen[fixture->receipts[i].number] = true;
        assert_int_equal(fixture->receipts[i].receive_count, 1);
    }
}

static void test_long_poll_brings_a_message_at_once(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 1, fixture->queue_url);
    wait_ready(fixture);
    int64_t begin_ms = now_ms();
    send_message(fixture, 1, 0);
    wait_receipts(fixture, 1);
    assert_true(fixture->receipts[0].at_ms - begin_ms < 2000);
}

static void test_again_at_once_comes_again_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->again_until = 2;
    send_message(fixture, 7, 0);
    start(fixture, 1, fixture->queue_url);
    wait_receipts(fixture, 2);
    stop(fixture);
    assert_int_equal(fixture->receipts[1].number, 7);
    assert_int_equal(fixture->receipts[1].receive_count, 2);
    assert_true(fixture->receipts[1].at_ms - fixture->receipts[0].at_ms < 5000);
    assert_counts(fixture, fixture->queue_url, 0, 0);
}

static void test_again_later_comes_later(void **state)
{
    struct fixture *fixture = *state;
    fixture->again_until = 2;
    fixture->again_seconds = 2;
    send_message(fixture, 7, 0);
    start(fixture, 1, fixture->queue_url);
    wait_receipts(fixture, 2);
    int64_t pause_ms = fixture->receipts[1].at_ms - fixture->receipts[0].at_ms;
    assert_true(pause_ms >= 1900 && pause_ms < 15000);
}

static void test_delayed_message_comes_after_its_delay(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 1, fixture->queue_url);
    int64_t begin_ms = now_ms();
    send_message(fixture, 1, 2);
    wait_receipts(fixture, 1);
    int64_t pause_ms = fixture->receipts[0].at_ms - begin_ms;
    assert_true(pause_ms >= 1900 && pause_ms < 15000);
}

static void test_stop_breaks_off_a_long_poll(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 2, fixture->queue_url);
    wait_ready(fixture);
    int64_t begin_ms = now_ms();
    stop(fixture);
    assert_true(now_ms() - begin_ms < 5000);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_message_never_done_goes_to_the_dead_letter_queue(void **state)
{
    struct fixture *fixture = *state;
    int64_t visible = 0;
    int64_t in_flight = 0;
    fixture->again_until = INT64_MAX;
    send_message(fixture, 1, 0);
    start(fixture, 1, fixture->queue_url);
    wait_receipts(fixture, MAX_RECEIVE_COUNT);
    int64_t end_ms = now_ms() + WAIT_SECONDS * (int64_t)1000;
    while (visible == 0 && now_ms() < end_ms) {
        count_messages(fixture, fixture->dead_url, &visible, &in_flight);
    }
    stop(fixture);
    assert_int_equal(fixture->receipt_count, MAX_RECEIVE_COUNT);
    assert_counts(fixture, fixture->dead_url, 1, 0);
    assert_counts(fixture, fixture->queue_url, 0, 0);
}

static void test_missing_queue_is_named_as_the_problem(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    const char *url = arena_format(fixture->arena, "%s-missing", fixture->queue_url);
    start(fixture, 1, url);
    int64_t end_ms = now_ms() + WAIT_SECONDS * (int64_t)1000;
    while (poller_problem(fixture->poller, &problem) && strstr(problem.text, "not read yet") &&
           now_ms() < end_ms) {
        (void)usleep(1000);
    }
    assert_non_null(strstr(problem.text, "QueueDoesNotExist"));
}

int main(void)
{
    log_init(LOG_ERROR, -1);
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_every_message_is_handled_and_deleted),
        TEST(test_long_poll_brings_a_message_at_once),
        TEST(test_again_at_once_comes_again_at_once),
        TEST(test_again_later_comes_later),
        TEST(test_delayed_message_comes_after_its_delay),
        TEST(test_stop_breaks_off_a_long_poll),
        TEST(test_message_never_done_goes_to_the_dead_letter_queue),
        TEST(test_missing_queue_is_named_as_the_problem),
    };
    _Static_assert(ARRAY_COUNT(tests) == ARRAY_COUNT(queue_names), "one queue for each test");
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
