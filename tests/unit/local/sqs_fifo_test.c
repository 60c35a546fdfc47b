#include "tests/support/cmocka.h"
#include "tests/unit/local/sqs_fixture.h"

#include <string.h>

/* --- helpers --- */

static const char *send_to_group(struct sqs_fixture *fixture, const char *group, const char *dedup,
                                 const char *body)
{
    sqs_call(fixture, "SendMessage",
             sqs_format(fixture,
                        "{" QUEUE("f.fifo") ",\"MessageBody\":\"%s\",\"MessageGroupId\":\"%s\","
                                            "\"MessageDeduplicationId\":\"%s\"}",
                        body, group, dedup));
    return fixture_text(&fixture->base, fixture->base.reply, "MessageId");
}

static void set_attribute(struct sqs_fixture *fixture, const char *name, const char *value)
{
    assert_int_equal(
        sqs_call(fixture, "SetQueueAttributes",
                 sqs_format(fixture, "{" QUEUE("f.fifo") ",\"Attributes\":{\"%s\":\"%s\"}}", name,
                            value)),
        200);
}

/* --- success --- */

static void group_keeps_its_order_and_blocks(void **state)
{
    struct sqs_fixture *f = *state;
    send_to_group(f, "a", "1", "a1");
    send_to_group(f, "a", "2", "a2");
    send_to_group(f, "b", "3", "b1");
    assert_int_equal(sqs_receive(f, "f.fifo", 1), 1);
    assert_string_equal(sqs_body(f, 0), "a1");
    const char *first = sqs_handle(f, 0);
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 1);
    assert_string_equal(sqs_body(f, 0), "b1");
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 0);
    assert_int_equal(sqs_delete(f, "f.fifo", first), 200);
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 1);
    assert_string_equal(sqs_body(f, 0), "a2");
}

static void one_receive_takes_several_of_a_group_in_order(void **state)
{
    struct sqs_fixture *f = *state;
    send_to_group(f, "a", "1", "a1");
    send_to_group(f, "b", "2", "b1");
    send_to_group(f, "a", "3", "a2");
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 3);
    assert_string_equal(sqs_body(f, 0), "a1");
    assert_string_equal(sqs_body(f, 1), "a2");
    assert_string_equal(sqs_body(f, 2), "b1");
}

static void returned_messages_take_their_old_places(void **state)
{
    struct sqs_fixture *f = *state;
    send_to_group(f, "a", "1", "a1");
    send_to_group(f, "a", "2", "a2");
    send_to_group(f, "a", "3", "a3");
    assert_int_equal(sqs_receive(f, "f.fifo", 2), 2);
    sqs_advance(f, 30);
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 3);
    assert_string_equal(sqs_body(f, 0), "a1");
    assert_string_equal(sqs_body(f, 1), "a2");
    assert_string_equal(sqs_body(f, 2), "a3");
}

static void same_deduplication_id_is_one_message_for_five_minutes(void **state)
{
    struct sqs_fixture *f = *state;
    const char *id = send_to_group(f, "a", "same", "x");
    const char *sequence = fixture_text(&f->base, f->base.reply, "SequenceNumber");
    assert_int_equal(strlen(sequence), 20);
    sqs_receive(f, "f.fifo", 1);
    sqs_delete(f, "f.fifo", sqs_handle(f, 0));
    sqs_advance(f, 299);
    assert_string_equal(send_to_group(f, "a", "same", "y"), id);
    assert_string_equal(fixture_text(&f->base, f->base.reply, "SequenceNumber"), sequence);
    assert_int_equal(sqs_receive(f, "f.fifo", 1), 0);
    sqs_advance(f, 1);
    assert_string_not_equal(send_to_group(f, "a", "same", "z"), id);
    assert_int_equal(sqs_receive(f, "f.fifo", 1), 1);
}

static void deduplication_may_be_per_group(void **state)
{
    struct sqs_fixture *f = *state;
    set_attribute(f, "DeduplicationScope", "messageGroup");
    send_to_group(f, "a", "same", "x");
    send_to_group(f, "b", "same", "y");
    send_to_group(f, "b", "same", "z");
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 2);
}

static void content_may_be_the_deduplication_id(void **state)
{
    struct sqs_fixture *f = *state;
    const char *input = "{" QUEUE("f.fifo") ",\"MessageBody\":\"same\",\"MessageGroupId\":\"a\"}";
    set_attribute(f, "ContentBasedDeduplication", "true");
    assert_int_equal(sqs_call(f, "SendMessage", input), 200);
    assert_int_equal(sqs_call(f, "SendMessage", input), 200);
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 1);
    struct json attributes = json_member(sqs_message_at(f, 0), "Attributes");
    assert_string_equal(fixture_text(&f->base, attributes, "MessageGroupId"), "a");
    assert_string_equal(fixture_text(&f->base, attributes, "MessageDeduplicationId"),
                        "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5");
}

static void shorter_delay_does_not_overtake(void **state)
{
    struct sqs_fixture *f = *state;
    set_attribute(f, "DelaySeconds", "10");
    send_to_group(f, "a", "1", "first");
    set_attribute(f, "DelaySeconds", "0");
    send_to_group(f, "a", "2", "second");
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 0);
    sqs_advance(f, 10);
    assert_int_equal(sqs_receive(f, "f.fifo", 10), 2);
    assert_string_equal(sqs_body(f, 0), "first");
}

static void redrive_unblocks_the_group(void **state)
{
    struct sqs_fixture *f = *state;
    local_sqs_create(f->sqs, SLICE("g.fifo"));
    for (int i = 0; i < 2; i++) {
        sqs_call(f, "SendMessage",
                 sqs_format(f,
                            "{" QUEUE("g.fifo") ",\"MessageBody\":\"%d\",\"MessageGroupId\":\"a\","
                                                "\"MessageDeduplicationId\":\"%d\"}",
                            i, i));
    }
    for (int i = 0; i < 5; i++) {
        assert_int_equal(sqs_receive(f, "g.fifo", 1), 1);
        sqs_advance(f, 30);
    }
    assert_int_equal(sqs_receive(f, "g.fifo", 1), 1);
    assert_string_equal(sqs_body(f, 0), "1");
    assert_int_equal(sqs_receive(f, "g-dead.fifo", 10), 1);
    assert_string_equal(sqs_body(f, 0), "0");
}

/* --- failure --- */

static void fifo_demands_group_and_deduplication(void **state)
{
    struct sqs_fixture *f = *state;
    assert_int_equal(sqs_call(f, "SendMessage", "{" QUEUE("f.fifo") ",\"MessageBody\":\"x\"}"),
                     400);
    assert_string_equal(sqs_error(f), "MissingRequiredParameterException");
    sqs_call(f, "SendMessage",
             "{" QUEUE("f.fifo") ",\"MessageBody\":\"x\",\"MessageGroupId\":\"a\"}");
    assert_string_equal(sqs_error(f), "InvalidParameterValueException");
    sqs_call(f, "SendMessage",
             "{" QUEUE("f.fifo") ",\"MessageBody\":\"x\",\"MessageGroupId\":\"a b\","
                                 "\"MessageDeduplicationId\":\"1\"}");
    assert_string_equal(sqs_error(f), "InvalidParameterValueException");
}

static void fifo_has_no_delay_per_message(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage",
             "{" QUEUE("f.fifo") ",\"MessageBody\":\"x\",\"MessageGroupId\":\"a\","
                                 "\"MessageDeduplicationId\":\"1\",\"DelaySeconds\":3}");
    assert_string_equal(sqs_error(f), "InvalidParameterValueException");
}

static void standard_queue_takes_no_deduplication_id(void **state)
{
    struct sqs_fixture *f = *state;
    sqs_call(f, "SendMessage",
             "{" QUEUE("q") ",\"MessageBody\":\"x\",\"MessageDeduplicationId\":\"1\"}");
    assert_string_equal(sqs_error(f), "InvalidParameterValueException");
}

static void expired_handle_deletes_nothing(void **state)
{
    struct sqs_fixture *f = *state;
    send_to_group(f, "a", "1", "x");
    sqs_receive(f, "f.fifo", 1);
    const char *handle = sqs_handle(f, 0);
    sqs_advance(f, 30);
    assert_int_equal(sqs_delete(f, "f.fifo", handle), 400);
    assert_string_equal(sqs_error(f), "InvalidParameterValueException");
    assert_int_equal(sqs_receive(f, "f.fifo", 1), 1);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, sqs_setup, sqs_teardown)
    const struct CMUnitTest tests[] = {
        CASE(group_keeps_its_order_and_blocks),
        CASE(one_receive_takes_several_of_a_group_in_order),
        CASE(returned_messages_take_their_old_places),
        CASE(same_deduplication_id_is_one_message_for_five_minutes),
        CASE(deduplication_may_be_per_group),
        CASE(content_may_be_the_deduplication_id),
        CASE(shorter_delay_does_not_overtake),
        CASE(redrive_unblocks_the_group),
        CASE(fifo_demands_group_and_deduplication),
        CASE(fifo_has_no_delay_per_message),
        CASE(standard_queue_takes_no_deduplication_id),
        CASE(expired_handle_deletes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
