/*
 * AWS in a test's hand: Data API, Step Functions tasks, SQS and S3 PutObject on one
 * loopback port, over tests/support/http_fixture. Every result is two rows in two pages. It keeps
 * the promises that ringback builds on (a ClientToken runs once, a task takes one answer), keeps
 * every exchange, and breaks the ones that a test names. Statements end when the test says so. All
 * functions may be called while exchanges are under way.
 */
#ifndef RINGBACK_TESTS_SUPPORT_CLOUD_H
#define RINGBACK_TESTS_SUPPORT_CLOUD_H

#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cloud;

enum cloud_break {
    CLOUD_RESET_BEFORE, /* the connection is reset, nothing was carried out */
    CLOUD_RESET_AFTER,  /* carried out, then reset */
    CLOUD_5XX_BEFORE,
    CLOUD_5XX_AFTER,
    CLOUD_BREAKS, /* how many there are */
};

struct cloud *cloud_new(void);
void cloud_free(struct cloud *cloud);
const char *cloud_url(struct cloud *cloud);

/* The next exchange of this operation is not carried out but answered so; one after the other. */
void cloud_answer(struct cloud *cloud, const char *operation, int code, const char *body);
/* The exchange-th one from the start, counted from 1, is broken. */
void cloud_break(struct cloud *cloud, size_t exchange, enum cloud_break how);
/* Answers of this operation come so much later (of real time). */
void cloud_delay(struct cloud *cloud, const char *operation, int64_t delay_ms);
/* Called in the server's thread before each exchange. */
void cloud_watch(struct cloud *cloud, void (*watch)(void *context, const char *operation),
                 void *context);

/* Exchanges so far; of one operation, or of all (NULL). */
size_t cloud_count(struct cloud *cloud, const char *operation);
/* Body of the index-th exchange of the operation, from 0; fails the test when there is none. Valid
 * until cloud_free. */
struct slice cloud_body(struct cloud *cloud, const char *operation, size_t index);
/* "ExecuteStatement SendTaskSuccess ...", as they came. Valid until the next call. */
const char *cloud_calls(struct cloud *cloud);

/* The statement of this name ends with this status ("FINISHED", ...) and error ("" without one). */
void cloud_end(struct cloud *cloud, const char *name, const char *status, const char *error);
/* How often it was begun; 0 when there is none. */
size_t cloud_runs(struct cloud *cloud, const char *name);
/* Its Id, or "" when there is none. */
const char *cloud_id(struct cloud *cloud, const char *name);
/* How many statements there are. */
size_t cloud_statements(struct cloud *cloud);
/* The Id of the index-th statement, from 0, in order of submission: a constant of the cloud. */
const char *cloud_statement_id(size_t index);

/* The answers that the task took: 0 or 1; and how it ended, "" while it is open. */
size_t cloud_taken(struct cloud *cloud, const char *token);
const char *cloud_task_state(struct cloud *cloud, const char *token);

/* A message on the queue of this URL, which is made when first used. What is received is invisible
 * until it is given back, or until cloud_queue_redeliver: its visibility timeout has passed. */
void cloud_queue_put(struct cloud *cloud, const char *url, const char *body);
void cloud_queue_redeliver(struct cloud *cloud);
/* The messages that are not deleted, and the body of one of them. Valid until cloud_free. */
size_t cloud_queue_count(struct cloud *cloud, const char *url);
struct slice cloud_queue_body(struct cloud *cloud, const char *url, size_t index);

#endif
