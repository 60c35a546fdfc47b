/*
 * Inside of the Data API: what is remembered of statements and sessions, and the steps that work on
 * it. One mutex guards everything here; functions say whether it must be held.
 *
 *     SUBMITTED -> PICKED -> STARTED -> FINISHED | FAILED | ABORTED
 *
 * A statement has one thread until it has ended, and is remembered for 24 hours after that.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_STATEMENT_H
#define RINGBACK_INFRA_LOCAL_LOCAL_STATEMENT_H

#include "infra/local/engine.h"
#include "infra/local/local_submit.h"
#include "infra/local/service.h"

#include <pthread.h>

#define DATA_ACTIVE_MAX   500
#define DATA_SESSIONS_MAX 500
#define DATA_WAITERS_MAX  100 /* long polls per statement; Amazon does not say its number */
#define DATA_RETAIN_MS    (24LL * 3600 * 1000)
#define DATA_TOKEN_MS     (8LL * 3600 * 1000)
#define DATA_BUCKET_COUNT 4096
#define DATA_REPLY_BYTES  (30UL * 1024 * 1024)

enum data_status {
    DATA_SUBMITTED,
    DATA_PICKED,
    DATA_STARTED,
    DATA_FINISHED,
    DATA_FAILED,
    DATA_ABORTED,
};

/* One SQL text of a statement; ExecuteStatement has one, a batch up to 40. */
struct data_sub {
    struct slice sql;
    enum data_status status;
    char *error; /* NULL: none */
    int64_t created_ms;
    int64_t updated_ms;
    int64_t duration_ns;
    int64_t query_id;
    bool has_result;
    int64_t result_rows;  /* -1: none */
    int64_t result_bytes; /* -1: none */
    struct local_result result;
};

struct data_session {
    struct data_session *next;
    char id[37];
    enum { SESSION_AVAILABLE, SESSION_BUSY, SESSION_CLOSED } status;
    struct data_statement *current; /* while busy */
    void *connection; /* owned; belongs to the current statement's thread while busy */
    char *cluster;
    char *workgroup;
    char *database;
    char *db_user;
    char *secret_arn;
    int64_t keep_alive_ms;
    int64_t expires_ms;
    int64_t created_ms;
    int64_t updated_ms;
};

struct data_statement {
    struct local_data *data;
    struct data_statement *newer;
    struct data_statement *older;
    struct data_statement *next_by_id;
    struct data_statement *next_by_token;
    struct data_statement *next_ended;
    char id[37];
    int64_t serial;
    struct data_submit input; /* its slices are the statement's own, in `texts` */
    struct buffer texts;
    char session_id[37];          /* empty: none */
    struct data_session *session; /* until the statement has ended */
    enum data_status status;
    char *error;
    int64_t created_ms;
    int64_t updated_ms;
    int64_t duration_ns;
    int64_t pid;
    int64_t query_id;
    unsigned submits;
    unsigned runs;
    struct engine_cancel cancel;
    pthread_t thread;
    bool joined;
    unsigned waiters; /* calls that look at it with the mutex released */
    struct data_sub *subs;
};

struct local_data {
    struct local_data_options options;
    const struct engine_functions *engine;
    void *engine_state;
    pthread_mutex_t lock;
    pthread_cond_t ended; /* a statement has ended, or stopping */
    bool stopping;
    struct data_statement *newest;
    struct data_statement *oldest;
    struct data_statement *by_id[DATA_BUCKET_COUNT];
    struct data_statement *by_token[DATA_BUCKET_COUNT];
    struct data_statement *ended_threads; /* to be joined */
    struct data_session *sessions;
    int64_t next_serial;
    int64_t next_query_id;
    size_t active_count;
};

const char *data_status_name(enum data_status status);
bool data_status_is_final(enum data_status status);
/* A copy on the heap; NULL for an absent slice. */
char *data_copy_text(struct slice text);

/* local_statement.c. All with the mutex held. */

/* Makes and remembers a statement in SUBMITTED; its thread is not started. */
struct data_statement *data_statement_new(struct local_data *data,
                                          const struct data_submit *submit);
/* Forgets and frees it; its thread must have been joined. */
void data_statement_free(struct data_statement *statement);
/* By id, with or without ":N"; *sub is N - 1, or -1. NULL: none. */
struct data_statement *data_statement_find(struct local_data *data, struct slice id, int *sub);
/* The statement submitted with this ClientToken in the last 8 hours, or NULL. */
struct data_statement *data_statement_find_token(struct local_data *data, struct slice token);
/* Waits until it has ended, at most so long. The mutex is released meanwhile. */
void data_statement_wait(struct data_statement *statement, int64_t seconds);
/* Joins ended threads, closes expired sessions, forgets what is older than 24 hours. */
void data_sweep(struct local_data *data);

/* local_session.c. All with the mutex held. */

/* NULL with *problem set when 500 are open. */
struct data_session *data_session_open(struct local_data *data, const struct data_submit *submit);
struct data_session *data_session_find(struct local_data *data, struct slice id);
/* The statement has it for itself until release. */
void data_session_take(struct data_session *session, struct data_statement *statement);
void data_session_release(struct local_data *data, struct data_session *session);
void data_session_close(struct local_data *data, struct data_session *session);
void data_sessions_sweep(struct local_data *data, int64_t now_ms);
void data_sessions_free(struct local_data *data);
size_t data_session_open_count(const struct local_data *data);
void data_list_sessions(struct local_data *data, const struct local_call *call,
                        struct http_server_response *response);

/* local_runner.c: starts the statement's thread; the mutex is held. False: no thread to be had. */
bool data_run(struct data_statement *statement);

/* local_unload.c: whether the statement is an UNLOAD, which no engine knows; and runs it. */
bool data_is_unload(struct slice sql);
enum engine_end data_unload(struct data_statement *statement, void *connection,
                            const struct engine_request *request, struct engine_outcome *outcome);

/* local_describe.c: operations that look. They take the mutex themselves. */
void data_describe(struct local_data *data, const struct local_call *call,
                   struct http_server_response *response);
void data_get_result(struct local_data *data, const struct local_call *call,
                     struct http_server_response *response);
void data_list_statements(struct local_data *data, const struct local_call *call,
                          struct http_server_response *response);

/* local_catalog.c: ListDatabases, ListSchemas, ListTables, DescribeTable. */
void data_catalog(struct local_data *data, const struct local_call *call,
                  struct http_server_response *response);

/* local_reply.c: what several of these say. */
void data_refuse(struct http_server_response *response, const char *name, const char *format, ...)
    PRINTF_LIKE(3, 4);
/* ValidationException with the error's text. */
void data_refuse_input(struct http_server_response *response, const struct error *error);
/* ResourceNotFoundException with the ResourceId. */
void data_refuse_unknown(struct http_server_response *response, struct slice id);
/* Epoch seconds with milliseconds. */
void data_write_time(struct json_writer *writer, const char *name, int64_t time_ms);
/* ClusterIdentifier, WorkgroupName, Database, DbUser, SecretArn as far as they are there. */
void data_write_target(struct json_writer *writer, const struct data_submit *input);
/* Replies with the buffer, or with InternalServerException when it overflowed. */
void data_reply(struct http_server_response *response, const struct buffer *body);
/* The completion event (EventBridge's shape) of a statement that has ended; mutex held. */
void data_write_event(const struct data_statement *statement, struct buffer *event);

#endif
