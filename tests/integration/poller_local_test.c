/* The poller on the stand-in's queues, every call signed and verified. */
#include "tests/support/cmocka.h"

#include "infra/aws/sqs.h"
#include "infra/base/log.h"
#include "infra/local/local.h"
#include "infra/runtime/poller.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 30000

/* --- fixture ---------------------------------------------------------------------------------- */

enum { ENDPOINT, KEY_ID, SECRET, REGION, NO_IMDS, ENVIRONMENT_COUNT };

struct fixture {
    struct local *local;
    struct poller *poller;
    struct credentials_provider *credentials;
    struct aws_client_options aws;
    char settings[ENVIRONMENT_COUNT][160];
    char *environment[ENVIRONMENT_COUNT + 1];
    char queue_url[160];
    atomic_int handled;
    atomic_llong receive_count; /* of the message handled last */
};

static struct fixture fixture;

static void set_environment(int which, const char *name, const char *value)
{
    (void)snprintf(fixture.settings[which], sizeof(fixture.settings[which]), "%s=%s", name, value);
    fixture.environment[which] = fixture.settings[which];
}

static int setup(void **state)
{
    (void)state;
    char endpoint[128];
    struct error error = ERROR_NONE;
    memset(&fixture, 0, sizeof(fixture));
    const struct local_options options = {.listen = "127.0.0.1:0",
                                          .engine = "sqlite::memory:",
                                          .queues = "q",
                                          .credentials = "AKIDLOCAL:local-secret",
                                          .faults = "",
                                          .environment = fixture.environment,
                                          .clock = clock_system(),
                                          .random = random_system()};
    assert_int_equal(local_start(&options, &fixture.local, &error), STATUS_OK);
    (void)snprintf(endpoint, sizeof(endpoint), "http://%s", local_address(fixture.local));
    (void)snprintf(fixture.queue_url, sizeof(fixture.queue_url), "%s/%s/q", endpoint,
                   LOCAL_ACCOUNT);
    set_environment(ENDPOINT, "AWS_ENDPOINT_URL", endpoint);
    set_environment(KEY_ID, "AWS_ACCESS_KEY_ID", "AKIDLOCAL");
    set_environment(SECRET, "AWS_SECRET_ACCESS_KEY", "local-secret");
    set_environment(REGION, "AWS_REGION", "us-east-1");
    set_environment(NO_IMDS, "AWS_EC2_METADATA_DISABLED", "true");
    fixture.credentials = credentials_provider_new(fixture.environment, clock_system());
    fixture.aws = (struct aws_client_options){.environment = fixture.environment,
                                              .credentials = fixture.credentials,
                                              .clock = clock_system(),
                                              .random = random_system()};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    poller_stop(fixture.poller);
    credentials_provider_free(fixture.credentials);
    local_stop(fixture.local);
    return 0;
}

/* --- helpers ---------------------------------------------------------------------------------- */

static void handle(void *context, unsigned worker, struct poller_item *items, size_t count,
                   struct arena *arena)
{
    (void)context;
    (void)worker;
    (void)arena;
    for (size_t i = 0; i < count; i++) {
        items[i].verdict = POLLER_DONE;
        fixture.receive_count = items[i].message.receive_count;
    }
    fixture.handled += (int)count;
}

static void start(unsigned threads)
{
    struct error error = ERROR_NONE;
    const struct poller_options options = {.name = "events",
                                           .queue_url = fixture.queue_url,
                                           .threads = threads,
                                           .aws = &fixture.aws,
                                           .handle = handle};
    assert_int_equal(poller_start(&options, &fixture.poller, &error), STATUS_OK);
}

static void stop(void)
{
    poller_stop(fixture.poller);
    fixture.poller = NULL;
}

static void send_messages(int count)
{
    struct error error = ERROR_NONE;
    struct aws_client *client = NULL;
    struct arena *arena = arena_new(1 << 20);
    const struct sqs_send send = {.queue_url = slice_from_text(fixture.queue_url),
                                  .body = SLICE("{\"a\":\"\xc3\xa9\"}")};
    assert_int_equal(aws_client_new(&fixture.aws, &client, &error), STATUS_OK);
    for (int i = 0; i < count; i++) {
        struct aws_call call = {0};
        sqs_build_send(arena, &send, &call);
        aws_send_all(client, &call, 1);
        assert_int_equal(call.status, STATUS_OK);
        aws_reset(client);
    }
    aws_client_free(client);
    arena_free(arena);
}

static bool is_read(void)
{
    struct error problem = ERROR_NONE;
    return !poller_problem(fixture.poller, &problem);
}

static bool has_one(void)
{
    return fixture.handled >= 1;
}

static bool has_hundred(void)
{
    return fixture.handled >= 100;
}

static void wait_for(bool (*ready)(void))
{
    int64_t end_ms = clock_monotonic_ms(clock_system()) + WAIT_MS;
    while (!ready() && clock_monotonic_ms(clock_system()) < end_ms) {
        (void)usleep(1000);
    }
    assert_true(ready());
}

/* --- success ---------------------------------------------------------------------------------- */

static void test_every_message_is_handled_once(void **state)
{
    (void)state;
    start(4);
    send_messages(100);
    wait_for(has_hundred);
    stop();
    assert_int_equal(fixture.handled, 100);
    assert_int_equal(fixture.receive_count, 1);
}

/* --- failure ---------------------------------------------------------------------------------- */

static void test_broken_long_polls_take_no_message_with_them(void **state)
{
    (void)state;
    start(4);
    wait_for(is_read);
    stop();
    send_messages(1);
    start(1);
    wait_for(has_one);
    assert_int_equal(fixture.receive_count, 1);
}

int main(void)
{
    log_init(LOG_ERROR, -1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_message_is_handled_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_long_polls_take_no_message_with_them, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
