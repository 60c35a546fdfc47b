/*
 * Reading what comes out of the event queue: pure. Only messages that are ours go on; everything
 * else gets a verdict here and never a retry.
 */
#ifndef RINGBACK_COMPLETER_EVENT_H
#define RINGBACK_COMPLETER_EVENT_H

#include "tracker/invocation.h"

#include "infra/base/arena.h"
#include "infra/base/error.h"
#include "infra/base/json_reader.h"

enum event_kind {
    EVENT_COMPLETION, /* of a statement of ours */
    EVENT_DIRECT,     /* of a statement that carries a task token in its name (direct mode) */
    EVENT_EXECUTION,  /* an execution of Step Functions is over without having succeeded */
    EVENT_FOREIGN,    /* a well-formed event of somebody else's statement, or of a sub-statement */
    EVENT_MALFORMED,  /* anything else; reason says what */
};

struct event {
    enum event_kind kind;
    char id[TRACKER_ID_BYTES + 1];
    unsigned step;
    unsigned attempt;
    enum ending ending;
    struct slice task_token;    /* of DIRECT; id is the one that a request with it would have */
    struct slice statement_id;  /* absent: not told */
    int64_t rows;               /* -1: not told */
    struct slice document;      /* the event's JSON, one object */
    struct slice execution_arn; /* of EXECUTION */
    int64_t stopped_at_ms;      /* of EXECUTION, UTC; 0: not told */
    struct error reason;        /* of MALFORMED */
};

/* Which events are ours. */
struct event_filter {
    struct slice prefix; /* of statement names */
    bool direct;         /* names that carry a task token are ours too */
};

/* Whether an EventBridge event is of a source that tells about statements or executions; others
 * carry requests. */
bool event_is_status(struct json root);

/* Lenient where AWS's own samples differ: only detail.state and detail.statementName are needed. */
void event_parse(struct arena *arena, struct slice body, const struct event_filter *filter,
                 struct event *event);

#endif
