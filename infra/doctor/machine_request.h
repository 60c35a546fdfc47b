/* The request that a state of a state machine sends, as far as its definition tells. Pure. */
#ifndef RINGBACK_INFRA_DOCTOR_MACHINE_REQUEST_H
#define RINGBACK_INFRA_DOCTOR_MACHINE_REQUEST_H

#include "infra/base/arena.h"
#include "infra/base/json_reader.h"

struct machine_request {
    struct arena *arena;
    bool is_jsonata;       /* Arguments, else Parameters */
    struct json arguments; /* of the whole call; absent: the state has none */
    struct json body;      /* what is sent to ringback; absent: there is none, or it is opaque */
    bool is_opaque;        /* the body is made by an expression */
    bool is_ringbacks;     /* the body has members of a request */
};

struct machine_request machine_request_find(struct arena *arena, struct json state);

/* A member of the body. */
struct machine_member {
    struct json value;  /* absent: there is none */
    bool is_expression; /* evaluated when the state runs, rather than taken as it is */
};

struct machine_member machine_request_member(const struct machine_request *request,
                                             const char *name);
/* A literal whole number; -1: another value, or none. */
int64_t machine_request_number(const struct machine_request *request, const char *name);
/* Whether the task's token gets anywhere into the call. */
bool machine_request_sends_token(const struct machine_request *request);
/* Whether it gets into this member of the body. */
bool machine_request_member_has_token(const struct machine_request *request, const char *name);

/* What requestKey names. */
enum machine_key {
    MACHINE_KEY_NONE,
    MACHINE_KEY_FINE,         /* or not to be told */
    MACHINE_KEY_OF_ALL,       /* one for all executions */
    MACHINE_KEY_OF_EXECUTION, /* one for all that this state does in an execution */
    MACHINE_KEY_CHANGING,     /* another one each time */
};

enum machine_key machine_request_key(const struct machine_request *request);

#endif
