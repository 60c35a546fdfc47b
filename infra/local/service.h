/*
 * What a service of the stand-in is: it takes one verified request and fills one response. All
 * services run inside one process; each guards its own state with one mutex.
 */
#ifndef RINGBACK_INFRA_LOCAL_SERVICE_H
#define RINGBACK_INFRA_LOCAL_SERVICE_H

#include "infra/base/arena.h"
#include "infra/base/clock.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"
#include "infra/base/random.h"
#include "infra/base/slice.h"
#include "infra/runtime/http_server.h"

/* One call of a JSON service: X-Amz-Target "RedshiftData.ExecuteStatement" gives operation
 * "ExecuteStatement" and input the parsed body (always an object). */
struct local_call {
    struct slice operation;
    struct json input;
    struct arena *arena;
    const char *address;                       /* host:port of the stand-in, for queue URLs */
    const struct http_server_request *request; /* whose client may leave; NULL: none */
};

/* A service error as AWS sends it: {"__type":"name","message":"..."} with x-amzn-ErrorType;
 * Redshift Data's text member is "Message". */
void local_reply_error(struct http_server_response *response, int code, const char *name,
                       const char *text_member, struct slice text);
/* 200 with this JSON and the JSON services' content type. */
void local_reply(struct http_server_response *response, struct slice json);

/* infra/local/local_sqs.c */
struct local_sqs;
struct local_sqs *local_sqs_new(const struct clock *clock, const struct random *random);
void local_sqs_free(struct local_sqs *sqs);
/* Wakes long polls so that the server can stop; they answer as empty. */
void local_sqs_stop(struct local_sqs *sqs);
/* Makes the queue and its dead-letter queue "<name>-dead" (maxReceiveCount 5) unless they exist. */
void local_sqs_create(struct local_sqs *sqs, struct slice name);
/* Puts a message as SendMessage does; delay in milliseconds. False: no such queue. */
bool local_sqs_put(struct local_sqs *sqs, struct slice queue_name, struct slice body,
                   int64_t delay_ms);
void local_sqs_handle(struct local_sqs *sqs, const struct local_call *call,
                      struct http_server_response *response);

/* infra/local/local_tasks.c: task tokens; SendTask*, and /_ringback/tasks. */
struct local_tasks;
struct local_tasks *local_tasks_new(const struct clock *clock, const struct random *random);
void local_tasks_free(struct local_tasks *tasks);
void local_tasks_handle(struct local_tasks *tasks, const struct local_call *call,
                        struct http_server_response *response);
void local_tasks_control(struct local_tasks *tasks, const struct http_server_request *request,
                         struct http_server_response *response);

/* infra/local/local_outbox.c: what is received and only kept for inspection: ResponseURL PUTs, SNS
 * Publish, PutEvents; /_ringback/responses and /_ringback/published. AssumeRole is here too. */
struct local_outbox;
struct local_outbox *local_outbox_new(const struct clock *clock, const struct random *random);
void local_outbox_free(struct local_outbox *outbox);
/* PUT to a URL minted by POST /_ringback/responses: path /_response/<n>. Unsigned. */
void local_outbox_response_put(struct local_outbox *outbox,
                               const struct http_server_request *request,
                               struct http_server_response *response);
void local_outbox_events(struct local_outbox *outbox, const struct local_call *call,
                         struct http_server_response *response);
/* Form-encoded Action=Publish or AssumeRole or AssumeRoleWithWebIdentity or GetCallerIdentity. */
void local_outbox_query(struct local_outbox *outbox, const struct http_server_request *request,
                        struct http_server_response *response);
void local_outbox_control(struct local_outbox *outbox, const struct http_server_request *request,
                          const char *address, struct http_server_response *response);

/* Secret and session token of credentials that AssumeRole gave out and that have not expired; valid
 * as long as the outbox. */
bool local_outbox_find_secret(struct local_outbox *outbox, struct slice access_key_id,
                              struct slice *secret, struct slice *session_token);

/* infra/local/local_s3.c: path-style GET, HEAD, PUT, DELETE of objects; one folder per bucket. */
struct local_s3;
MUST_CHECK enum status local_s3_new(const char *folder, struct local_s3 **s3, struct error *error);
void local_s3_free(struct local_s3 *s3);
void local_s3_handle(struct local_s3 *s3, const struct http_server_request *request,
                     struct http_server_response *response);
/* Puts an object from inside the process. NOT_FOUND: no such bucket. CONFLICT: it is there and may
 * not be overwritten. */
MUST_CHECK enum status local_s3_put(struct local_s3 *s3, const char *bucket, const char *key,
                                    bool overwrite, struct slice object);

/* infra/local/local_faults.c: seeded fault injection; --faults and PUT /_ringback/faults. */
struct local_faults;
struct local_faults *local_faults_new(void);
void local_faults_free(struct local_faults *faults);
/* "seed=7,drop-events=0.1,throttle.ExecuteStatement=0.5"; empty: none. */
MUST_CHECK enum status local_faults_set(struct local_faults *faults, struct slice text,
                                        struct error *error);
/* PUT /_ringback/faults: {"drop-events":0.1,...} replaces what was set. GET tells how many have
 * been injected since the start: {"injected":{"throttle":3,...}}. */
void local_faults_control(struct local_faults *faults, const struct http_server_request *request,
                          struct http_server_response *response);
enum local_fault {
    LOCAL_FAULT_NONE,
    LOCAL_FAULT_THROTTLE, /* ThrottlingException 400, nothing done */
    LOCAL_FAULT_5XX,      /* InternalServerException 500: before or after the work, half and half */
    LOCAL_FAULT_5XX_AFTER,
    LOCAL_FAULT_RESET, /* connection closed: before or after the work, half and half */
    LOCAL_FAULT_RESET_AFTER,
};
/* Draws for one call; *delay_ms is how long to wait first. */
enum local_fault local_faults_draw(struct local_faults *faults, struct slice operation,
                                   int64_t *delay_ms);
/* The operation has been called as often in the last second as "tps" allows. */
bool local_faults_over_rate(struct local_faults *faults, struct slice operation, int64_t now_ms);
/* How many statements may be active in a cluster or workgroup; 0: not limited beyond AWS's 500. */
size_t local_faults_active_max(struct local_faults *faults);
/* Draws for one completion event: how many copies (0: dropped, 2: duplicated), and each one's
 * delay.
 */
unsigned local_faults_draw_event(struct local_faults *faults, int64_t delays_ms[2]);

/* infra/local/local_data.c: the Data API on an engine; /_ringback/statements. */
struct local_data;
struct local_data_options {
    const char *engine; /* "sqlite::memory:", "sqlite:PATH", "postgresql://..." */
    const struct clock *clock;
    const struct random *random;
    /* Called on a statement's thread with the completion event's JSON. */
    void (*emit)(void *context, struct slice event);
    /* How many statements may be active at one target; 0, or NULL: as many as there may be in all.
     */
    size_t (*active_max)(void *context);
    /* Keeps what UNLOAD writes, as local_s3_put does; NULL: nothing can be unloaded. */
    enum status (*store)(void *context, const char *bucket, const char *key, bool overwrite,
                         struct slice object);
    void *context;
};
MUST_CHECK enum status local_data_new(const struct local_data_options *options,
                                      struct local_data **data, struct error *error);
/* Cancels what runs and wakes long polls so that the server can stop; new statements are refused.
 */
void local_data_stop(struct local_data *data);
/* Cancels what runs and waits for its threads. */
void local_data_free(struct local_data *data);
void local_data_handle(struct local_data *data, const struct local_call *call,
                       struct http_server_response *response);
void local_data_control(struct local_data *data, const struct http_server_request *request,
                        struct http_server_response *response);

#endif
