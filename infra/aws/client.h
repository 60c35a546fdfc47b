/*
 * Calling AWS: an array of calls at once. A call is built by a pure function of its service
 * (infra/aws/redshift_data.h, ...), sent from here - endpoint, signature, retries - and its answer
 * is read by that service's other pure function.
 *
 * Retries follow the SDKs' "standard" mode with the 2026 figures (aws-facts.md 8.5): full jitter,
 * base 50 ms for transient errors and 1,000 ms for throttling, a token bucket of 500,
 * AWS_MAX_ATTEMPTS in total. Waiting for a retry never delays the other calls. A call with
 * max_attempts 1 is signed and sent exactly once.
 *
 * Where AWS limits how often an operation may be called (infra/aws/pace.h), every sending takes a
 * token first, a retry like any other: a call may start a little later, and one that would have to
 * wait for too long is not sent. Waiting for a token never delays the other calls either.
 */
#ifndef RINGBACK_INFRA_AWS_CLIENT_H
#define RINGBACK_INFRA_AWS_CLIENT_H

#include "infra/aws/credentials.h"
#include "infra/aws/http.h"
#include "infra/base/arena.h"
#include "infra/base/clock.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/base/random.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum aws_service {
    AWS_REDSHIFT_DATA,
    AWS_SQS,
    AWS_STEP_FUNCTIONS,
    AWS_DYNAMODB,
    AWS_EVENTBRIDGE,
    AWS_SNS,
    AWS_STS,
    AWS_S3,
    AWS_SECRETS_MANAGER,
    AWS_SERVICE_COUNT,
};

#define AWS_ERROR_NAME_BYTES    96
#define AWS_ERROR_MESSAGE_BYTES 512

struct aws_call {
    /* In. */
    enum aws_service service;
    int max_attempts;      /* 0: AWS_MAX_ATTEMPTS */
    const char *operation; /* "ExecuteStatement": X-Amz-Target of the JSON services */
    struct slice body;     /* JSON of the JSON services; a form; an object */
    /* Where it goes and what it is signed for; absent: the client's region. Passed over where an
     * endpoint is configured, since that is one place. Of the form arn_region_valid. */
    struct slice region;
    /* For calls that are no signed JSON call: an unsigned request to this URL with this method
     * (CloudFormation's ResponseURL), sent without Content-Type. NULL: a signed call. */
    const char *unsigned_method;
    const char *unsigned_url;
    /* AWS_S3 only: "GET" or "PUT", and the path-style "/bucket/key?versionId=x", percent-encoded
     * once. */
    const char *s3_method;
    const char *s3_path;
    int64_t timeout_ms; /* 0: 10 s */
    /* Of a call that only reads: an answer that has more is REJECTED, "AnswerTooLarge", and not
     * asked for again. 0: HTTP_RESPONSE_MAX_BYTES, and more is an I/O error. */
    size_t reply_max_bytes;
    /* UTC: the date it is signed with; 0: when it is signed. AWS refuses what is minutes old, so
     * that a call with the time of its decision cannot be sent long after it, whatever holds it up.
     */
    int64_t date_ms;
    int64_t pace_wait_ms; /* it may wait so long for a token of its rate; 0: PACE_WAIT_MAX_MS */
    void *context;        /* the caller's */
    bool long_poll;       /* the token bucket never fails it */

    /* Out; memory is the client's and valid until its next aws_reset. */
    bool throttled;
    /* RETRY without having been sent at all: there was no token in time, which is certain. */
    bool held_back;
    int64_t later_ms;  /* no token in time: when to come again; 0 otherwise */
    bool retried_once; /* for its date or its credentials; private */
    bool doubted;      /* some sending of it ended in doubt; private */
    /* OK: 2xx. RETRY: nothing was done and later may do: throttled, nothing was ever sent, no
     * credentials at hand or expired ones, a clock that was off, or the service's capacity is full
     * (Active...ExceededException, which error_name tells and which is never retried here).
     * IN_DOUBT: 5xx or I/O error after sending, also when a later attempt was not sent. NOT_FOUND /
     * REJECTED: other 4xx (NOT_FOUND for ResourceNotFoundException, QueueDoesNotExist,
     * TaskDoesNotExist and 404). */
    enum status status;
    struct slice reply;
    int code;                              /* HTTP status; 0 without an answer */
    int attempts;                          /* sent so far */
    char error_name[AWS_ERROR_NAME_BYTES]; /* normalised: "ValidationException"; "" without one */
    char error_message[AWS_ERROR_MESSAGE_BYTES]; /* the service's own text, or the I/O error */
    struct http_exchange exchange;
    int64_t retry_at_ms; /* monotonic; private */
    unsigned paced;      /* enum pace_operation; private */
    bool has_token;      /* for the slot at retry_at_ms; private */
    uint64_t generation; /* of the credentials it was signed with; private */
    int retry_cost;      /* tokens; private */
};

struct aws_client;
struct pace;

struct aws_client_options {
    char *const *environment; /* AWS_REGION, AWS_ENDPOINT_URL..., AWS_MAX_ATTEMPTS, AWS_CA_BUNDLE */
    struct credentials_provider *credentials; /* shared; not owned */
    /* For AWS_REDSHIFT_DATA when RINGBACK_STATEMENT_ROLE_ARN is set; NULL: the same. */
    struct credentials_provider *statement_credentials;
    const struct clock *clock;
    const struct random *random;
    struct pace *pace; /* shared; not owned; NULL: nothing is paced */
};

/* One client belongs to one thread. REJECTED when an endpoint or number in the environment is
 * malformed; a missing region is REJECTED too, naming AWS_REGION. */
MUST_CHECK enum status aws_client_new(const struct aws_client_options *options,
                                      struct aws_client **client, struct error *error);
void aws_client_free(struct aws_client *client);

/* Signs and begins the calls; they and all they point to must live until they have come back. */
void aws_start(struct aws_client *client, struct aws_call *const *calls, size_t count);
/* As http_wait: blocks until at least one call is final (retries included). */
size_t aws_wait(struct aws_client *client, struct aws_call **done, size_t max, int64_t timeout_ms);
size_t aws_pending(const struct aws_client *client);
/* Breaks off what is under way, which stays IN_DOUBT, and gives back the memory of all replies. */
void aws_reset(struct aws_client *client);
/* Gives back the memory of one reply, of a call that has come back: before it is sent anew. */
void aws_release(struct aws_client *client, const struct aws_call *call);
/* start + wait for all. */
void aws_send_all(struct aws_client *client, struct aws_call *calls, size_t count);
/* From another thread, for shutdown: a blocked aws_wait returns early. */
void aws_wake(struct aws_client *client);

/* Milliseconds to add to the local clock, learned from the Date header of answers; 0 when the
 * difference is within 5 s. Over 5 s it is logged once and counted. */
int64_t aws_clock_offset_ms(const struct aws_client *client);
const char *aws_region(const struct aws_client *client);

/* error "service.operation: Name: message" from a call that did not succeed; returns its status. */
enum status aws_call_error(const struct aws_call *call, struct error *error);

#endif
