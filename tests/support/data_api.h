/*
 * The stand-in's Data API without HTTP: one call in, one parsed answer out. Completion events are
 * kept in the order in which they were emitted, and the newest object that UNLOAD has written.
 */
#ifndef RINGBACK_TESTS_SUPPORT_DATA_API_H
#define RINGBACK_TESTS_SUPPORT_DATA_API_H

#include "infra/local/service.h"

#include <pthread.h>

#define DATA_API_EVENTS_MAX 64

struct data_api {
    struct local_data *data;
    struct arena *arena; /* everything that calls return */
    struct clock_fake clock;
    pthread_mutex_t lock;
    pthread_cond_t emitted;
    struct buffer events[DATA_API_EVENTS_MAX];
    size_t event_count;
    char object_name[256]; /* "bucket/key", and " over" when it may be overwritten */
    struct buffer object;
    enum status store_answer; /* what storing an object comes to */
    int code;                 /* of the last answer */
};

/* Opens the Data API on this engine; the clock is fake and starts at 1,600,000,000 s. */
void data_api_open(struct data_api *api, const char *engine);
void data_api_close(struct data_api *api);

/* Calls the operation with a JSON text (printf format). */
struct json data_api_call(struct data_api *api, const char *operation, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* As data_api_call, for a thread that has its own arena; *code is the answer's. */
struct json data_api_call_in(struct data_api *api, struct arena *arena, int *code,
                             const char *operation, const char *input);
/* GET /_ringback/statements: the array. */
struct json data_api_statements(struct data_api *api);

/* The text member, or "" when there is none. */
const char *data_api_text(struct data_api *api, struct json object, const char *name);
/* The integer member; fails the test when there is none. */
int64_t data_api_number(struct json object, const char *name);
bool data_api_flag(struct json object, const char *name);

/* ExecuteStatement on cluster "c1", database "dev"; extra is "" or ",\"Name\":value". Fails the
 * test when it is refused. */
const char *data_api_execute(struct data_api *api, const char *sql, const char *extra);
/* DescribeStatement once it has ended. */
struct json data_api_await(struct data_api *api, const char *id);
/* Describes until the status is this one. */
void data_api_await_status(struct data_api *api, const char *id, const char *status);
/* The i-th event, waited for. */
struct json data_api_event(struct data_api *api, size_t index);
/* Executes and returns the first cell of the result as "kind:value", or "null", or the error. */
const char *data_api_cell(struct data_api *api, const char *sql);
/* The answer was a refusal of this name (__type). */
void data_api_assert_refused(struct data_api *api, struct json answer, const char *name);

#endif
