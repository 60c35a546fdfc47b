#include "tests/unit/local/sqs_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int sqs_setup(void **state)
{
    struct sqs_fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL) {
        return -1;
    }
    service_fixture_init(&fixture->base);
    fixture->sqs = local_sqs_new(&fixture->base.clock.clock, &fixture->base.random.random);
    *state = fixture;
    return sqs_call(fixture, "CreateQueue", "{\"QueueName\":\"q\"}") == 200 &&
                   sqs_call(fixture, "CreateQueue",
                            "{\"QueueName\":\"f.fifo\",\"Attributes\":{\"FifoQueue\":\"true\"}}") ==
                       200
               ? 0
               : -1;
}

int sqs_teardown(void **state)
{
    struct sqs_fixture *fixture = *state;
    local_sqs_free(fixture->sqs);
    service_fixture_clear(&fixture->base);
    free(fixture);
    return 0;
}

int sqs_call(struct sqs_fixture *fixture, const char *operation, const char *input)
{
    struct local_call call = fixture_call(&fixture->base, operation, input);
    local_sqs_handle(fixture->sqs, &call, &fixture->base.response);
    return fixture_answer(&fixture->base);
}

const char *sqs_format(struct sqs_fixture *fixture, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0) {
        abort();
    }
    va_end(arguments);
    const char *copy = arena_text(fixture->base.arena, slice_from_text(text));
    free(text);
    return copy;
}

const char *sqs_send(struct sqs_fixture *fixture, const char *body)
{
    sqs_call(fixture, "SendMessage",
             sqs_format(fixture, "{" QUEUE("q") ",\"MessageBody\":\"%s\"}", body));
    return fixture_text(&fixture->base, fixture->base.reply, "MessageId");
}

size_t sqs_receive(struct sqs_fixture *fixture, const char *queue, int max)
{
    sqs_call(fixture, "ReceiveMessage",
             sqs_format(fixture,
                        "{\"QueueUrl\":\"" URL("%s") "\",\"MaxNumberOfMessages\":%d,"
                                                     "\"AttributeNames\":[\"All\"],"
                                                     "\"MessageAttributeNames\":[\"All\"]}",
                        queue, max));
    return json_count(json_member(fixture->base.reply, "Messages"));
}

struct json sqs_message_at(struct sqs_fixture *fixture, size_t index)
{
    return json_element(json_member(fixture->base.reply, "Messages"), index);
}

const char *sqs_body(struct sqs_fixture *fixture, size_t index)
{
    return fixture_text(&fixture->base, sqs_message_at(fixture, index), "Body");
}

const char *sqs_handle(struct sqs_fixture *fixture, size_t index)
{
    return fixture_text(&fixture->base, sqs_message_at(fixture, index), "ReceiptHandle");
}

int sqs_delete(struct sqs_fixture *fixture, const char *queue, const char *handle)
{
    return sqs_call(fixture, "DeleteMessage",
                    sqs_format(fixture, "{\"QueueUrl\":\"" URL("%s") "\",\"ReceiptHandle\":\"%s\"}",
                               queue, handle));
}

const char *sqs_attribute(struct sqs_fixture *fixture, const char *queue, const char *name)
{
    sqs_call(fixture, "GetQueueAttributes",
             sqs_format(fixture, "{\"QueueUrl\":\"" URL("%s") "\",\"AttributeNames\":[\"All\"]}",
                        queue));
    return fixture_text(&fixture->base, json_member(fixture->base.reply, "Attributes"), name);
}

void sqs_advance(struct sqs_fixture *fixture, int64_t seconds)
{
    clock_fake_advance(&fixture->base.clock, seconds * 1000);
}

const char *sqs_error(struct sqs_fixture *fixture)
{
    const char *type = fixture_text(&fixture->base, fixture->base.reply, "__type");
    const char *hash = strrchr(type, '#');
    return hash != NULL ? hash + 1 : type;
}
