/* Attributes of queues, and what is found in them. */
#include "tests/support/cmocka.h"
#include "tests/unit/doctor/findings_fixture.h"

#include "infra/doctor/queue.h"

/* --- helpers ---------------------------------------------------------------------------------- */

static struct sqs_queue good_queue(void)
{
    return (struct sqs_queue){.arn = SLICE("arn:aws:sqs:eu-west-1:1:q"),
                              .visibility_seconds = 120,
                              .retention_seconds = 1209600,
                              .max_receive_count = -1};
}

static void judge(struct findings_fixture *fixture, const struct sqs_queue *queue,
                  int64_t function_timeout_seconds)
{
    const struct queue_facts facts = {.subject = "event queue",
                                      .queue = queue,
                                      .is_of_events = true,
                                      .function_timeout_seconds = function_timeout_seconds};
    findings_forget(fixture);
    queue_judge(&fixture->findings, &facts);
}

/* --- success ---------------------------------------------------------------------------------- */

static void a_good_queue_is_fine(void **state)
{
    struct sqs_queue queue = good_queue();
    judge(*state, &queue, 0);
    assert_found(*state, "", "a queue for daemons");
    judge(*state, &queue, 20);
    assert_found(*state, "", "a queue for a function");
    queue.dead_letter_arn = SLICE("arn:aws:sqs:eu-west-1:1:dead");
    queue.max_receive_count = 20;
    judge(*state, &queue, 0);
    assert_found(*state, "", "a queue with dead letters");
}

static void what_is_not_told_is_not_judged(void **state)
{
    const struct sqs_queue queue = {
        .visibility_seconds = -1, .retention_seconds = -1, .max_receive_count = -1};
    judge(*state, &queue, 0);
    assert_found(*state, "", "nothing told");
}

static void a_key_of_ones_own_is_named_as_not_looked_at(void **state)
{
    struct sqs_queue queue = good_queue();
    queue.key_id = SLICE("arn:aws:kms:eu-west-1:1:key/x");
    judge(*state, &queue, 0);
    assert_found(*state, "", "a key");
    assert_said(*state, "the policy of its KMS key was not looked at");
}

static void urls_of_queues_beside(void **state)
{
    static const struct {
        const char *url;
        const char *arn;
        const char *beside; /* NULL: none */
    } cases[] = {
        {"https://sqs.eu-west-1.amazonaws.com/1/q", "arn:aws:sqs:eu-west-1:2:dead",
         "https://sqs.eu-west-1.amazonaws.com/2/dead"},
        {"http://127.0.0.1:4566/base/1/q", "arn:aws:sqs:eu-west-1:1:d",
         "http://127.0.0.1:4566/base/1/d"},
        {"https://sqs.eu-west-1.amazonaws.com/1/q", "arn:aws:sns:eu-west-1:2:topic", NULL},
        {"https://sqs.eu-west-1.amazonaws.com/1/q", "nonsense", NULL},
        {"q", "arn:aws:sqs:eu-west-1:1:d", NULL},
        {"", "arn:aws:sqs:eu-west-1:1:d", NULL},
    };
    struct findings_fixture *fixture = *state;
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        const char *beside =
            queue_url_beside(fixture->arena, cases[i].url, slice_from_text(cases[i].arn));
        if (cases[i].beside == NULL) {
            assert_null(beside);
        } else {
            assert_string_equal(beside, cases[i].beside);
        }
    }
}

/* --- failure ---------------------------------------------------------------------------------- */

static void each_weakness_is_found_alone(void **state)
{
    struct sqs_queue queue = good_queue();
    queue.visibility_seconds = 119;
    judge(*state, &queue, 0);
    assert_found(*state, "queue-visibility", "119 s");
    judge(*state, &queue, 20);
    assert_found(*state, "queue-visibility-lambda", "119 s for 20 s");
    assert_said(*state, "visibility timeout is 119 s, 6 times the function's 20 s are 120 s");
    queue = good_queue();
    queue.retention_seconds = 1209599;
    judge(*state, &queue, 0);
    assert_found(*state, "queue-retention", "a second too few");
    queue = good_queue();
    queue.is_fifo = true;
    judge(*state, &queue, 0);
    assert_found(*state, "queue-fifo", "FIFO");
    queue = good_queue();
    queue.dead_letter_arn = SLICE("arn:aws:sqs:eu-west-1:1:dead");
    queue.max_receive_count = 19;
    judge(*state, &queue, 0);
    assert_found(*state, "queue-receives", "19 receipts");
}

/* EventBridge cannot use it; who sends requests may. */
static void the_key_of_aws_is_none_for_events(void **state)
{
    struct findings_fixture *fixture = *state;
    struct sqs_queue queue = good_queue();
    const struct queue_facts facts = {.subject = "request queue", .queue = &queue};
    queue.key_id = SLICE("alias/aws/sqs");
    judge(fixture, &queue, 0);
    assert_found(fixture, "queue-key", "the event queue");
    findings_forget(fixture);
    queue_judge(&fixture->findings, &facts);
    assert_found(fixture, "", "the request queue");
}

static void dead_letters_are_counted(void **state)
{
    struct findings_fixture *fixture = *state;
    struct sqs_queue dead = good_queue();
    queue_judge_dead(&fixture->findings, "dead", &dead, 1209600);
    assert_found(fixture, "", "an empty one");
    dead.visible = 2;
    dead.in_flight = 1;
    queue_judge_dead(&fixture->findings, "dead", &dead, -1);
    assert_found(fixture, "dead-letters", "three messages");
    assert_said(fixture, "3 messages");
}

/* A moved message keeps its age: four days are over sooner than the source's fourteen. */
static void dead_letters_are_kept_as_long(void **state)
{
    struct findings_fixture *fixture = *state;
    struct sqs_queue dead = good_queue();
    dead.retention_seconds = 345600;
    queue_judge_dead(&fixture->findings, "dead", &dead, 1209600);
    assert_found(fixture, "queue-retention", "four days of fourteen");
    findings_forget(fixture);
    queue_judge_dead(&fixture->findings, "dead", &dead, -1);
    assert_found(fixture, "", "EventBridge's own");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, findings_set_up, findings_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_good_queue_is_fine),
        TEST(what_is_not_told_is_not_judged),
        TEST(a_key_of_ones_own_is_named_as_not_looked_at),
        TEST(urls_of_queues_beside),
        TEST(each_weakness_is_found_alone),
        TEST(the_key_of_aws_is_none_for_events),
        TEST(dead_letters_are_counted),
        TEST(dead_letters_are_kept_as_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
