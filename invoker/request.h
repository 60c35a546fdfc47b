/*
 * What a request may say (design.md section 4). Every accepted shape becomes this one struct: the
 * native shape in request_native.c, the shapes of prior systems each in a file of their own.
 * Parsing checks form, type and size; what needs configuration (targets, defaults, the statement
 * prefix) comes later in invoker/plan.h.
 */
#ifndef RINGBACK_INVOKER_REQUEST_H
#define RINGBACK_INVOKER_REQUEST_H

#include "tracker/invocation.h"

#include "infra/base/arena.h"
#include "infra/base/error.h"
#include "infra/base/json_reader.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX_BYTES           (1u << 20)
#define REQUEST_KEY_MAX_BYTES       512
#define REQUEST_TIMEOUT_MAX_SECONDS 86400
#define REQUEST_PARAMETERS_MAX      1000
#define REQUEST_VARIABLES_MAX       100
#define REQUEST_VARIABLE_MAX_BYTES  65536
#define REQUEST_URI_MAX_BYTES       2048
#define REQUEST_ATTEMPTS_MAX        100
#define REQUEST_PAUSE_MAX_SECONDS   86400
#define REQUEST_ROWS_MAX            1000000000000
/* With the object's name, "/<id>.json", the key stays below S3's 1,024 bytes. */
#define REQUEST_SPILL_URI_MAX_BYTES 960
/* Retries where they are not told (design.md section 3, promise 2). */
#define REQUEST_RETRY_ATTEMPTS 3
#define REQUEST_RETRY_BASE_MS  1000
#define REQUEST_RETRY_MAX_MS   30000

enum request_action {
    REQUEST_EXECUTE,
    REQUEST_DESCRIBE,
    REQUEST_CANCEL,
    REQUEST_GET_RESULT,
    REQUEST_STATUS, /* P2's get_sql_status: {"status"} */
};

enum request_mode {
    REQUEST_SEQUENCE,
    REQUEST_TRANSACTION,
    REQUEST_AUTO_COMMIT,
};

/* One of a list of queries, with knobs of its own. */
struct request_query {
    struct slice sql;
    struct slice attach_id;    /* a statement that runs already; sql is absent then */
    struct plan_target target; /* fields as given; the environment's fill in what is absent */
    struct plan_parameter *parameters;
    size_t parameter_count;
    struct plan_retry retry; /* max_attempts 0: none given */
    struct slice item;       /* the item's own JSON */
};

/* Who is told besides the caller; each address says when. */
struct request_notify {
    struct address *addresses; /* INVOCATION_ADDRESSES_MAX - 1 at most */
    size_t count;
};

struct request {
    enum request_action action;
    struct slice *sqls;
    size_t sql_count;
    enum request_mode mode;
    struct request_query *queries; /* instead of sqls */
    size_t query_count;
    struct slice script_uri;          /* s3://bucket/key, instead of sqls; absent: none */
    struct plan_parameter *variables; /* of the script */
    size_t variable_count;
    bool tells_batch_id; /* the reply is {"sql_batch_id"} */
    bool nothing_to_run; /* a resource whose event needs no SQL */
    struct plan_parameter *parameters;
    size_t parameter_count;
    struct plan_target target;          /* fields as given */
    bool has_target;                    /* a target object was given */
    struct slice target_name;           /* a named target; absent: none */
    int64_t session_keep_alive_seconds; /* -1: none */
    struct slice request_key;           /* absent: none */
    struct slice task_token;            /* absent: none */
    struct slice execution_arn;         /* absent: none */
    struct address reply_to;            /* kind NONE: none */
    struct request_notify notify;
    int64_t timeout_seconds;   /* 0: none */
    int64_t heartbeat_seconds; /* 0: none */
    bool keep_running;
    struct slice singleton_key; /* absent: none */
    bool singleton_sql;         /* the key is the normalised SQL */
    enum plan_conflict on_conflict;
    struct plan_retry retry; /* max_attempts 0: none given */
    struct plan_result result;
    int64_t expect_min_rows;              /* -1: any */
    int64_t expect_max_rows;              /* -1: any */
    const struct plan_resource *resource; /* a CloudFormation event; NULL: none */
    struct slice response_url;            /* its address; absent: none */
    int64_t service_timeout_seconds;      /* of a resource: how long CloudFormation waits */
    /* Why its change is refused, unless it is one that takes back what never happened; NULL: not.
     */
    const char *made_refusal;
    bool made; /* an Update of a built-in resource, which may be as it is to become (resource.h) */
    struct slice output;       /* "event", "statement", or absent for the deployment's default */
    struct slice statement_id; /* of the other actions; may be LATEST */
    struct slice next_token;
    /* Of the parsed request before anything is resolved: tells a repeat from a conflict. */
    char digest[SHA256_HEX_BYTES + 1];
};

/* Where an identity comes from when the request itself has none (design.md section 2, Identity):
 * kind "idempotency-key", "lambda", "sqs", ...; source absent: random. */
struct plan_identity {
    struct slice kind;
    struct slice source;
};

/* The addresses that could be read even though the rest of a request is refused. */
struct request_addresses {
    struct slice task_token;
    struct address reply_to;
    struct request_notify notify;
    struct slice response_url;
    const struct plan_resource *resource; /* what the answer to response_url has to name */
    struct plan_identity envelope;        /* of what the request came wrapped in; absent: none */
};

/*
 * Parses one request of any accepted shape. REJECTED names the field and the rule
 * ("timeoutSeconds: must be between 1 and 86400, got -1"). *addresses is filled as far as it can be
 * read, also when the request is REJECTED. Slices are in the arena.
 */
MUST_CHECK enum status request_parse(struct arena *arena, struct slice body,
                                     struct request *request, struct request_addresses *addresses,
                                     struct error *error);

/* A request that says nothing: every field is as if it were absent. */
void request_init(struct request *request);
/* How many statements a mode takes. */
size_t request_statements_max(enum request_mode mode);

/* The native shape: root is an object; *request is as request_init leaves it. */
MUST_CHECK enum status request_read_native(struct arena *arena, struct json root,
                                           struct request *request, struct error *error);
/* A target object or name, also used for RINGBACK_TARGETS_FILE. */
MUST_CHECK enum status request_read_target(struct json value, struct plan_target *target,
                                           struct slice *name, struct error *error);
/* The members replyTo and notify of root, which are left as they are when there is none. */
MUST_CHECK enum status request_read_reply_to(struct json root, struct address *reply_to,
                                             struct error *error);
MUST_CHECK enum status request_read_notify(struct arena *arena, struct json root,
                                           struct request_notify *notify, struct error *error);
/* Sets those of taskToken, replyTo and notify that can be read, whatever else is wrong. */
void request_find_addresses(struct arena *arena, struct json root,
                            struct request_addresses *addresses);
/* Exactly one way to reach the database, checked; path names the place in errors. */
MUST_CHECK enum status request_check_target(const struct plan_target *target, const char *path,
                                            struct error *error);

#endif
