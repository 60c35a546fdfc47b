/* A queue service with one clock, and short words for what tests do with it. */
#ifndef RINGBACK_TESTS_UNIT_LOCAL_SQS_FIXTURE_H
#define RINGBACK_TESTS_UNIT_LOCAL_SQS_FIXTURE_H

#include "tests/unit/local/service_fixture.h"

#define URL(name)   "http://any.host:1/000000000000/" name
#define QUEUE(name) "\"QueueUrl\":\"" URL(name) "\""

struct sqs_fixture {
    struct service_fixture base;
    struct local_sqs *sqs;
};

/* cmocka setup and teardown: a standard queue "q", a FIFO queue "f.fifo". */
int sqs_setup(void **state);
int sqs_teardown(void **state);

/* Calls and returns the code; the reply is in base.reply. */
int sqs_call(struct sqs_fixture *fixture, const char *operation, const char *input);
/* Sends to "q" and returns the message id. */
const char *sqs_send(struct sqs_fixture *fixture, const char *body);
/* Receives up to max messages of this queue without waiting; returns how many. */
size_t sqs_receive(struct sqs_fixture *fixture, const char *queue, int max);
/* Of the last receive. */
struct json sqs_message_at(struct sqs_fixture *fixture, size_t index);
const char *sqs_body(struct sqs_fixture *fixture, size_t index);
const char *sqs_handle(struct sqs_fixture *fixture, size_t index);
/* DeleteMessage; returns the code. */
int sqs_delete(struct sqs_fixture *fixture, const char *queue, const char *handle);
/* An attribute of the queue as text; "" when there is none. */
const char *sqs_attribute(struct sqs_fixture *fixture, const char *queue, const char *name);
void sqs_advance(struct sqs_fixture *fixture, int64_t seconds);
/* The shape name of the last error, without its namespace. */
const char *sqs_error(struct sqs_fixture *fixture);
/* JSON from a format, in the fixture's arena. */
const char *sqs_format(struct sqs_fixture *fixture, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
