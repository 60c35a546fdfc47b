/*
 * AWS Lambda's runtime API, as a custom runtime speaks it: ask for the next event, handle it,
 * answer, again. One event at a time; while the sandbox waits for the next one it may be frozen, so
 * that nothing here has a thread or a timer of its own.
 * https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
#ifndef RINGBACK_INFRA_RUNTIME_LAMBDA_H
#define RINGBACK_INFRA_RUNTIME_LAMBDA_H

#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/slice.h"

#include <stdint.h>

struct lambda_event {
    struct slice body;       /* JSON of up to 6 MB */
    struct slice request_id; /* the same when Lambda tries an asynchronous event again */
    int64_t deadline_ms;     /* UTC: the sandbox is killed then; 0: not told */
};

struct lambda_reply {
    const char *error_type; /* NULL: the event was handled */
    struct slice json;      /* the result; with error_type {"errorType","errorMessage"} */
};

struct lambda_options {
    const char *api; /* AWS_LAMBDA_RUNTIME_API: host:port */
    /* Slices of the event live until after has returned; *reply is a success with null. */
    void (*handle)(void *context, const struct lambda_event *event, struct lambda_reply *reply);
    /* Called when the caller has its answer and before the next event is asked for: time that
     * nobody waits for. */
    void (*after)(void *context, const struct lambda_event *event);
    void *context;
};

/* Handles events until the API is gone or out of order, and says how it went; never OK. */
MUST_CHECK enum status lambda_run(const struct lambda_options *options, struct error *error);

/* Tells why the function cannot start; the process is to end then. */
void lambda_report_start(const char *api, struct slice json);

#endif
