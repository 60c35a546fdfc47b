#include "tests/support/cmocka.h"
#include "tests/unit/runtime/fake_queue.h"

#include "infra/base/log.h"
#include "infra/base/memory.h"
#include "infra/runtime/poller.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define WORKERS_MAX 4
#define LOG_BYTES   65536

enum { ENDPOINT, KEY_ID, SECRET, REGION, NO_IMDS, ATTEMPTS, ENVIRONMENT_COUNT };

/* --- fixture ---------------------------------------------------------------------------------- */

struct fixture {
    struct fake_queue *queue;
    struct poller *poller;
    struct credentials_provider *credentials;
    struct aws_client_options aws;
    struct pulse_board pulses;
    char settings[ENVIRONMENT_COUNT][160];
    char *environment[ENVIRONMENT_COUNT + 1];
    int log_fd;
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    bool closed; /* the gate that handlers pass */
    unsigned inside;
    unsigned batches;
    size_t largest_batch;
    unsigned worker_batches[WORKERS_MAX];
    bool holds;
    unsigned hold_questions;
    enum poller_verdict verdict;
    int64_t again_seconds;
    bool bodies_fit; /* every body was "message <its id's number>" */
};

static void handle(void *context, unsigned worker, struct poller_item *items, size_t count,
                   struct arena *arena)
{
    struct fixture *fixture = context;
    (void)pthread_mutex_lock(&fixture->mutex);
    fixture->batches++;
    fixture->worker_batches[worker]++;
    fixture->largest_batch = count > fixture->largest_batch ? count : fixture->largest_batch;
    fixture->inside++;
    (void)pthread_cond_broadcast(&fixture->changed);
    while (fixture->closed) {
        (void)pthread_cond_wait(&fixture->changed, &fixture->mutex);
    }
    fixture->inside--;
    for (size_t i = 0; i < count; i++) {
        const char *number = arena_text(arena, slice_part(items[i].message.message_id, 3, 99));
        const char *body = arena_format(arena, "message %s", number);
        fixture->bodies_fit &= slice_equals_text(items[i].message.body, body);
        fixture->bodies_fit &= items[i].verdict == POLLER_AGAIN && items[i].again_seconds == 0;
        items[i].verdict = fixture->verdict;
        items[i].again_seconds = fixture->again_seconds;
    }
    (void)pthread_mutex_unlock(&fixture->mutex);
}

static bool hold(void *context, unsigned worker)
{
    (void)worker;
    struct fixture *fixture = context;
    (void)pthread_mutex_lock(&fixture->mutex);
    bool holds = fixture->holds;
    fixture->hold_questions++;
    (void)pthread_cond_broadcast(&fixture->changed);
    (void)pthread_mutex_unlock(&fixture->mutex);
    return holds;
}

static void set_environment(struct fixture *fixture, int which, const char *setting)
{
    (void)snprintf(fixture->settings[which], sizeof(fixture->settings[which]), "%s", setting);
    fixture->environment[which] = fixture->settings[which];
}

static int setup(void **state)
{
    struct fixture *fixture = memory_new(sizeof(*fixture));
    assert_int_equal(pthread_mutex_init(&fixture->mutex, NULL), 0);
    assert_int_equal(pthread_cond_init(&fixture->changed, NULL), 0);
    fixture->queue = fake_queue_new();
    char endpoint[160];
    (void)snprintf(endpoint, sizeof(endpoint), "AWS_ENDPOINT_URL=%s",
                   fake_queue_endpoint(fixture->queue));
    set_environment(fixture, ENDPOINT, endpoint);
    set_environment(fixture, KEY_ID, "AWS_ACCESS_KEY_ID=AKIDLOCAL");
    set_environment(fixture, SECRET, "AWS_SECRET_ACCESS_KEY=local-secret");
    set_environment(fixture, REGION, "AWS_REGION=eu-west-1");
    set_environment(fixture, NO_IMDS, "AWS_EC2_METADATA_DISABLED=true");
    set_environment(fixture, ATTEMPTS, "AWS_MAX_ATTEMPTS=1");
    fixture->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_true(fixture->log_fd >= 0);
    log_init(LOG_INFO, fixture->log_fd);
    fixture->verdict = POLLER_DONE;
    fixture->bodies_fit = true;
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
    log_init(LOG_ERROR, -1);
    (void)close(fixture->log_fd);
    credentials_provider_free(fixture->credentials);
    fake_queue_free(fixture->queue);
    (void)pthread_cond_destroy(&fixture->changed);
    (void)pthread_mutex_destroy(&fixture->mutex);
    free(fixture);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void start(struct fixture *fixture, unsigned threads)
{
    struct error error = ERROR_NONE;
    if (!fixture->credentials) {
        fixture->credentials = credentials_provider_new(fixture->environment, clock_system());
    }
    fixture->aws = (struct aws_client_options){.environment = fixture->environment,
                                               .credentials = fixture->credentials,
                                               .clock = clock_system(),
                                               .random = random_system()};
    const struct poller_options options = {.name = "events",
                                           .queue_url = fake_queue_url(fixture->queue),
                                           .threads = threads,
                                           .aws = &fixture->aws,
                                           .handle = handle,
                                           .context = fixture,
                                           .hold = hold,
                                           .pulses = &fixture->pulses};
    pulse_board_init(&fixture->pulses, clock_system());
    assert_int_equal(poller_start(&options, &fixture->poller, &error), STATUS_OK);
}

static void set_gate(struct fixture *fixture, bool closed)
{
    (void)pthread_mutex_lock(&fixture->mutex);
    fixture->closed = closed;
    (void)pthread_cond_broadcast(&fixture->changed);
    (void)pthread_mutex_unlock(&fixture->mutex);
}

static void wait_inside(struct fixture *fixture, unsigned count)
{
    (void)pthread_mutex_lock(&fixture->mutex);
    while (fixture->inside < count) {
        (void)pthread_cond_wait(&fixture->changed, &fixture->mutex);
    }
    (void)pthread_mutex_unlock(&fixture->mutex);
}

static bool is_long_polling(const struct fake_queue_counts *counts)
{
    return counts->waiting > 0 && counts->long_polls > 0;
}

static bool is_asked_again_late(const struct fake_queue_counts *counts)
{
    return counts->deletes > 0 && counts->delayed > 0;
}

static bool is_done_with_all(const struct fake_queue_counts *counts)
{
    return counts->delayed == 0;
}

static bool has_failed_thrice(const struct fake_queue_counts *counts)
{
    return counts->receives >= 3;
}

/* Until poller_problem says so; its pace is the poller's, so this looks every millisecond. */
static void wait_problem(struct fixture *fixture, bool expected, struct error *problem)
{
    bool has_problem = !expected;
    for (int i = 0; i < 20000 && has_problem != expected; i++) {
        has_problem =
            poller_problem(fixture->poller, problem) && !strstr(problem->text, "not read yet");
        (void)usleep(1000);
    }
    assert_int_equal(has_problem, expected);
}

static void *stop_in_thread(void *context)
{
    stop(context);
    return NULL;
}

static unsigned count_in_log(struct fixture *fixture, const char *text)
{
    static char log[LOG_BYTES];
    ssize_t size = pread(fixture->log_fd, log, sizeof(log) - 1, 0);
    assert_true(size >= 0);
    log[size] = '\0';
    unsigned count = 0;
    for (const char *at = strstr(log, text); at; at = strstr(at + 1, text)) {
        count++;
    }
    return count;
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_done_messages_are_deleted(void **state)
{
    struct fixture *fixture = *state;
    fake_queue_put(fixture->queue, 25);
    start(fixture, 1);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 25));
    stop(fixture);
    for (size_t i = 0; i < 25; i++) {
        struct fake_message message = fake_queue_message(fixture->queue, i);
        assert_int_equal(message.receives, 1);
        assert_int_equal(message.deletes, 1);
    }
    assert_true(fixture->bodies_fit);
    assert_int_equal(fixture->batches, 3);
    assert_int_equal(fixture->largest_batch, 10);
    assert_int_equal(fake_queue_counts(fixture->queue).visibilities, 0);
}

static void test_receive_asks_for_what_the_lease_needs(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    struct fake_queue_counts counts = fake_queue_counts(fixture->queue);
    assert_int_equal(counts.max_messages, 10);
    assert_int_equal(counts.visibility_timeout, 120);
    /* The first does not wait, so that readiness is known at once. */
    assert_int_equal(counts.receives, 2);
    assert_int_equal(counts.long_polls, 1);
}

static void test_again_gives_back_with_its_time(void **state)
{
    struct fixture *fixture = *state;
    fixture->verdict = POLLER_AGAIN;
    fixture->again_seconds = 17;
    fake_queue_put(fixture->queue, 3);
    start(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(fake_queue_message(fixture->queue, i).visibility_seconds, 17);
    }
    assert_int_equal(fake_queue_counts(fixture->queue).deletes, 0);
}

static void test_again_is_clamped_to_what_the_queue_allows(void **state)
{
    struct fixture *fixture = *state;
    fixture->verdict = POLLER_AGAIN;
    fixture->again_seconds = 1000000;
    fake_queue_put(fixture->queue, 1);
    start(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    assert_int_equal(fake_queue_message(fixture->queue, 0).visibility_seconds, 43000);
}

static void test_workers_share_the_queue(void **state)
{
    struct fixture *fixture = *state;
    fixture->closed = true;
    fake_queue_put(fixture->queue, 40);
    start(fixture, WORKERS_MAX);
    wait_inside(fixture, WORKERS_MAX);
    set_gate(fixture, false);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 40));
    stop(fixture);
    for (unsigned i = 0; i < WORKERS_MAX; i++) {
        assert_int_equal(fixture->worker_batches[i], 1);
    }
}

static void test_message_ends_a_long_poll(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    fake_queue_put(fixture->queue, 1);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 1));
}

static void test_hold_keeps_the_queue_unread(void **state)
{
    struct fixture *fixture = *state;
    fixture->holds = true;
    fake_queue_put(fixture->queue, 1);
    start(fixture, 1);
    (void)pthread_mutex_lock(&fixture->mutex);
    while (fixture->hold_questions < 2) {
        (void)pthread_cond_wait(&fixture->changed, &fixture->mutex);
    }
    fixture->holds = false;
    (void)pthread_mutex_unlock(&fixture->mutex);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 1));
}

static void test_readiness_follows_the_first_answer(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    fixture->holds = true;
    start(fixture, 1);
    assert_true(poller_problem(fixture->poller, &problem));
    assert_string_equal(problem.text, "not read yet");
    (void)pthread_mutex_lock(&fixture->mutex);
    fixture->holds = false;
    (void)pthread_mutex_unlock(&fixture->mutex);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    assert_false(poller_problem(fixture->poller, &problem));
}

static void test_stop_breaks_off_a_long_poll(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, WORKERS_MAX);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    stop(fixture);
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms < 5000);
}

static void test_stop_finishes_the_batch_in_hand(void **state)
{
    struct fixture *fixture = *state;
    pthread_t stopper;
    fixture->closed = true;
    fake_queue_put(fixture->queue, 12);
    start(fixture, 1);
    wait_inside(fixture, 1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, fixture), 0);
    set_gate(fixture, false);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 10));
}

/* Who leaves stops later, when other parts of the process have ended: until then nothing comes in.
 */
static void test_leaving_receives_no_more(void **state)
{
    struct fixture *fixture = *state;
    fixture->closed = true;
    fake_queue_put(fixture->queue, 10);
    start(fixture, 2);
    wait_inside(fixture, 1);
    poller_leave(fixture->poller);
    fake_queue_put(fixture->queue, 2);
    set_gate(fixture, false);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 10));
    stop(fixture);
    for (size_t i = 10; i < 12; i++) {
        struct fake_message message = fake_queue_message(fixture->queue, i);
        assert_true(message.state != FAKE_MESSAGE_DELETED);
        assert_true(message.state != FAKE_MESSAGE_IN_FLIGHT || message.visibility_seconds == 0);
    }
}

static void test_stop_leaves_no_message_invisible(void **state)
{
    struct fixture *fixture = *state;
    size_t put = 0;
    for (int round = 0; round < 40; round++) {
        pthread_t stopper;
        start(fixture, 2);
        assert_true(fake_queue_wait(fixture->queue, is_long_polling));
        assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, fixture), 0);
        fake_queue_put(fixture->queue, 3);
        put += 3;
        assert_int_equal(pthread_join(stopper, NULL), 0);
        fake_queue_release(fixture->queue);
        for (size_t i = 0; i < put; i++) {
            struct fake_message message = fake_queue_message(fixture->queue, i);
            assert_true(message.state != FAKE_MESSAGE_IN_FLIGHT || message.visibility_seconds == 0);
        }
    }
}

/* The queue takes what it hands out when it gets to it, whether or not anybody waits for that
 * still. */
static void test_stop_waits_for_a_slow_answer(void **state)
{
    struct fixture *fixture = *state;
    fake_queue_delay(fixture->queue, 700);
    fake_queue_put(fixture->queue, 10);
    start(fixture, 1);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 10));
    fake_queue_put(fixture->queue, 3);
    assert_true(fake_queue_wait(fixture->queue, is_asked_again_late));
    stop(fixture);
    assert_true(fake_queue_wait(fixture->queue, is_done_with_all));
    for (size_t i = 10; i < 13; i++) {
        struct fake_message message = fake_queue_message(fixture->queue, i);
        assert_true(message.state != FAKE_MESSAGE_IN_FLIGHT || message.visibility_seconds == 0);
    }
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_failed_delete_entries_are_deleted_again(void **state)
{
    struct fixture *fixture = *state;
    fake_queue_fail_deletes(fixture->queue, 2);
    fake_queue_put(fixture->queue, 4);
    start(fixture, 1);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 4));
    stop(fixture);
    assert_int_equal(fake_queue_message(fixture->queue, 0).deletes, 3);
    for (size_t i = 1; i < 4; i++) {
        assert_int_equal(fake_queue_message(fixture->queue, i).deletes, 1);
    }
    assert_int_equal(count_in_log(fixture, "will come again"), 0);
}

static void test_undeletable_messages_are_logged_and_slow_the_worker(void **state)
{
    struct fixture *fixture = *state;
    fake_queue_refuse_settling(fixture->queue, true);
    fake_queue_put(fixture->queue, 1);
    start(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    assert_int_equal(count_in_log(fixture, "messages will come again"), 1);
    assert_int_equal(count_in_log(fixture, "AccessDeniedException"), 1);
    assert_int_equal(fake_queue_message(fixture->queue, 0).deletes, 0);
}

static void test_problem_is_logged_once_and_its_end_too(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    fake_queue_fail(fixture->queue, FAKE_FAILURE_DENIED);
    start(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, has_failed_thrice));
    wait_problem(fixture, true, &problem);
    assert_non_null(strstr(problem.text, "AccessDeniedException"));
    assert_int_equal(count_in_log(fixture, "queue cannot be read"), 1);
    fake_queue_fail(fixture->queue, FAKE_FAILURE_NONE);
    wait_problem(fixture, false, &problem);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    assert_int_equal(count_in_log(fixture, "queue cannot be read"), 1);
    assert_int_equal(count_in_log(fixture, "queue is read again"), 1);
}

static void test_every_kind_of_failure_is_survived(void **state)
{
    static const enum fake_failure kinds[] = {FAKE_FAILURE_500, FAKE_FAILURE_DROP,
                                              FAKE_FAILURE_GARBAGE};
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(kinds); i++) {
        fake_queue_fail(fixture->queue, kinds[i]);
        start(fixture, 1);
        wait_problem(fixture, true, &problem);
        assert_true(problem.text[0] != '\0');
        fake_queue_fail(fixture->queue, FAKE_FAILURE_NONE);
        fake_queue_put(fixture->queue, 1);
        assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, i + 1));
        wait_problem(fixture, false, &problem);
        stop(fixture);
    }
}

static bool one_waits(const struct fake_queue_counts *counts)
{
    return counts->waiting == 1;
}

static void test_one_worker_reads_while_nothing_comes(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, WORKERS_MAX);
    assert_true(fake_queue_wait(fixture->queue, one_waits));
    /* The first receive, which does not wait, and the long poll. */
    assert_int_equal(fake_queue_counts(fixture->queue).receives, 2);
}

static void test_another_one_reads_while_a_batch_is_handled(void **state)
{
    struct fixture *fixture = *state;
    fixture->closed = true;
    fake_queue_put(fixture->queue, 1);
    start(fixture, WORKERS_MAX);
    wait_inside(fixture, 1);
    assert_true(fake_queue_wait(fixture->queue, one_waits));
    fake_queue_put(fixture->queue, 1);
    wait_inside(fixture, 2);
    assert_true(fake_queue_wait(fixture->queue, one_waits));
    set_gate(fixture, false);
    assert_true(fake_queue_wait_state(fixture->queue, FAKE_MESSAGE_DELETED, 2));
    assert_true(fake_queue_wait(fixture->queue, one_waits));
}

/* Somebody has a batch in hand, and nobody can read the queue. */
static void test_who_handles_a_batch_does_not_read(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    fixture->closed = true;
    fake_queue_put(fixture->queue, 1);
    start(fixture, 2);
    wait_inside(fixture, 1);
    fake_queue_fail(fixture->queue, FAKE_FAILURE_DENIED);
    fake_queue_release(fixture->queue);
    wait_problem(fixture, true, &problem);
    set_gate(fixture, false);
}

/* Whether a worker has worked without a word since the last millisecond. */
static bool is_silent(struct fixture *fixture)
{
    struct pulse_stall stall;
    return pulse_stalled(&fixture->pulses, 0, &stall) && strcmp(stall.name, "events") == 0;
}

static void wait_silent(struct fixture *fixture, bool expected)
{
    bool silent = !expected;
    for (int i = 0; i < 20000 && silent != expected; i++) {
        silent = is_silent(fixture);
        (void)usleep(1000);
    }
    assert_int_equal(silent, expected);
}

static void test_only_a_handler_that_does_not_return_is_silent(void **state)
{
    struct fixture *fixture = *state;
    start(fixture, 2);
    assert_true(fake_queue_wait(fixture->queue, is_long_polling));
    wait_silent(fixture, false);
    set_gate(fixture, true);
    fake_queue_put(fixture->queue, 1);
    wait_inside(fixture, 1);
    wait_silent(fixture, true);
    set_gate(fixture, false);
    wait_silent(fixture, false);
}

static void test_missing_region_is_a_problem_not_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    set_environment(fixture, REGION, "HOME=/nowhere");
    start(fixture, 1);
    wait_problem(fixture, true, &problem);
    assert_non_null(strstr(problem.text, "AWS_REGION"));
}

static void test_missing_credentials_are_a_problem_not_the_end(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    set_environment(fixture, KEY_ID, "HOME=/nowhere");
    set_environment(fixture, SECRET, "HOME=/nowhere");
    start(fixture, 1);
    wait_problem(fixture, true, &problem);
    assert_int_equal(fake_queue_counts(fixture->queue).receives, 0);
}

static void test_stop_ends_a_back_off(void **state)
{
    struct fixture *fixture = *state;
    struct error problem = ERROR_NONE;
    set_environment(fixture, ENDPOINT, "AWS_ENDPOINT_URL=http://127.0.0.1:1");
    start(fixture, WORKERS_MAX);
    wait_problem(fixture, true, &problem);
    int64_t begin_ms = clock_monotonic_ms(clock_system());
    stop(fixture);
    assert_true(clock_monotonic_ms(clock_system()) - begin_ms < 5000);
}

static void test_nothing_to_read_is_refused(void **state)
{
    struct fixture *fixture = *state;
    struct error error = ERROR_NONE;
    struct poller_options options = {.name = "events", .threads = 1, .aws = &fixture->aws};
    assert_int_equal(poller_start(&options, &fixture->poller, &error), STATUS_REJECTED);
    options = (struct poller_options){.name = "events", .queue_url = "http://127.0.0.1:1/0/q"};
    assert_int_equal(poller_start(&options, &fixture->poller, &error), STATUS_REJECTED);
    assert_null(fixture->poller);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_done_messages_are_deleted),
        TEST(test_receive_asks_for_what_the_lease_needs),
        TEST(test_again_gives_back_with_its_time),
        TEST(test_again_is_clamped_to_what_the_queue_allows),
        TEST(test_workers_share_the_queue),
        TEST(test_message_ends_a_long_poll),
        TEST(test_hold_keeps_the_queue_unread),
        TEST(test_readiness_follows_the_first_answer),
        TEST(test_stop_breaks_off_a_long_poll),
        TEST(test_stop_finishes_the_batch_in_hand),
        TEST(test_leaving_receives_no_more),
        TEST(test_stop_leaves_no_message_invisible),
        TEST(test_stop_waits_for_a_slow_answer),
        TEST(test_failed_delete_entries_are_deleted_again),
        TEST(test_undeletable_messages_are_logged_and_slow_the_worker),
        TEST(test_problem_is_logged_once_and_its_end_too),
        TEST(test_every_kind_of_failure_is_survived),
        TEST(test_one_worker_reads_while_nothing_comes),
        TEST(test_another_one_reads_while_a_batch_is_handled),
        TEST(test_who_handles_a_batch_does_not_read),
        TEST(test_only_a_handler_that_does_not_return_is_silent),
        TEST(test_missing_region_is_a_problem_not_the_end),
        TEST(test_missing_credentials_are_a_problem_not_the_end),
        TEST(test_stop_ends_a_back_off),
        TEST(test_nothing_to_read_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
