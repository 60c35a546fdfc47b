/* Long polls: threads wait on the queue; nothing here sleeps. */
#include "tests/support/cmocka.h"
#include "tests/unit/local/sqs_fixture.h"

#include <pthread.h>
#include <time.h>

/* --- fixture --- */

/* One poller with a reply of its own. */
struct poller {
    struct service_fixture base;
    struct local_sqs *sqs;
    const char *input;
    pthread_t thread;
    int code;
    size_t received_count;
    int64_t took_ms;
};

static int64_t real_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *poll(void *context)
{
    struct poller *poller = context;
    struct local_call call = fixture_call(&poller->base, "ReceiveMessage", poller->input);
    int64_t begin_ms = real_ms();
    local_sqs_handle(poller->sqs, &call, &poller->base.response);
    poller->took_ms = real_ms() - begin_ms;
    poller->code = fixture_answer(&poller->base);
    poller->received_count = json_count(json_member(poller->base.reply, "Messages"));
    return NULL;
}

static void start(struct poller *poller, struct local_sqs *sqs, const char *input)
{
    service_fixture_init(&poller->base);
    poller->sqs = sqs;
    poller->input = input;
    assert_int_equal(pthread_create(&poller->thread, NULL, poll, poller), 0);
}

static void finish(struct poller *poller)
{
    pthread_join(poller->thread, NULL);
    service_fixture_clear(&poller->base);
}

#define WAIT_20 "{" QUEUE("q") ",\"WaitTimeSeconds\":20}"

/* --- success --- */

static void poll_ends_when_a_message_comes(void **state)
{
    struct sqs_fixture *f = *state;
    struct poller poller;
    start(&poller, f->sqs, WAIT_20);
    assert_true(local_sqs_put(f->sqs, SLICE("q"), SLICE("x"), 0));
    finish(&poller);
    assert_int_equal(poller.received_count, 1);
    assert_true(poller.took_ms < 10000);
}

static void every_message_goes_to_one_poller(void **state)
{
    enum { POLLERS = 8 };
    struct sqs_fixture *f = *state;
    struct poller pollers[POLLERS];
    for (size_t i = 0; i < POLLERS; i++) {
        start(&pollers[i], f->sqs, WAIT_20);
    }
    for (size_t i = 0; i < POLLERS; i++) {
        assert_true(local_sqs_put(f->sqs, SLICE("q"), SLICE("x"), 0));
    }
    for (size_t i = 0; i < POLLERS; i++) {
        finish(&pollers[i]);
        assert_int_equal(pollers[i].received_count, 1);
    }
}

static void poll_ends_empty_when_its_time_is_over(void **state)
{
    struct sqs_fixture *f = *state;
    struct poller poller;
    start(&poller, f->sqs, "{" QUEUE("q") ",\"WaitTimeSeconds\":1}");
    finish(&poller);
    assert_int_equal(poller.code, 200);
    assert_int_equal(poller.received_count, 0);
    assert_true(poller.took_ms >= 1000);
}

static void queue_may_make_every_receive_a_long_one(void **state)
{
    struct sqs_fixture *f = *state;
    struct poller poller;
    sqs_call(f, "SetQueueAttributes",
             "{" QUEUE("q") ",\"Attributes\":{\"ReceiveMessageWaitTimeSeconds\":\"20\"}}");
    start(&poller, f->sqs, "{" QUEUE("q") "}");
    assert_true(local_sqs_put(f->sqs, SLICE("q"), SLICE("x"), 0));
    finish(&poller);
    assert_int_equal(poller.received_count, 1);
}

static void poll_sees_a_delayed_message_in_time(void **state)
{
    struct poller poller;
    struct sqs_fixture *f = *state;
    struct local_sqs *sqs = local_sqs_new(clock_system(), &f->base.random.random);
    local_sqs_create(sqs, SLICE("q"));
    start(&poller, sqs, WAIT_20);
    assert_true(local_sqs_put(sqs, SLICE("q"), SLICE("x"), 50));
    finish(&poller);
    assert_int_equal(poller.received_count, 1);
    assert_true(poller.took_ms < 10000);
    local_sqs_free(sqs);
}

static void stop_ends_all_polls_as_empty(void **state)
{
    struct sqs_fixture *f = *state;
    struct poller pollers[3];
    for (size_t i = 0; i < ARRAY_COUNT(pollers); i++) {
        start(&pollers[i], f->sqs, WAIT_20);
    }
    local_sqs_stop(f->sqs);
    for (size_t i = 0; i < ARRAY_COUNT(pollers); i++) {
        finish(&pollers[i]);
        assert_int_equal(pollers[i].code, 200);
        assert_int_equal(pollers[i].received_count, 0);
        assert_true(pollers[i].took_ms < 10000);
    }
}

/* --- failure --- */

static void poll_of_a_deleted_queue_is_told_so(void **state)
{
    struct sqs_fixture *f = *state;
    struct poller pollers[2];
    for (size_t i = 0; i < ARRAY_COUNT(pollers); i++) {
        start(&pollers[i], f->sqs, WAIT_20);
    }
    sqs_call(f, "DeleteQueue", "{" QUEUE("q") "}");
    for (size_t i = 0; i < ARRAY_COUNT(pollers); i++) {
        finish(&pollers[i]);
        assert_int_equal(pollers[i].code, 400);
    }
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sqs_setup, sqs_teardown)
    const struct CMUnitTest tests[] = {
        CASE(poll_ends_when_a_message_comes),        CASE(every_message_goes_to_one_poller),
        CASE(poll_ends_empty_when_its_time_is_over), CASE(queue_may_make_every_receive_a_long_one),
        CASE(poll_sees_a_delayed_message_in_time),   CASE(stop_ends_all_polls_as_empty),
        CASE(poll_of_a_deleted_queue_is_told_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
