/*
 * Amazon Redshift Data API, as pairs of pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/redshift-data/latest/APIReference/
 */
#ifndef RINGBACK_INFRA_AWS_REDSHIFT_DATA_H
#define RINGBACK_INFRA_AWS_REDSHIFT_DATA_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"
#include "infra/base/json_reader.h"

#define REDSHIFT_DATA_BATCH_MAX      40
#define REDSHIFT_DATA_SQL_MAX_BYTES  200000u
#define REDSHIFT_DATA_NAME_MAX_BYTES 2048
#define REDSHIFT_DATA_ID_BYTES       40 /* 36 characters and ":NN" */

enum redshift_data_status {
    REDSHIFT_DATA_UNKNOWN, /* absent, or a value this version does not know */
    REDSHIFT_DATA_SUBMITTED,
    REDSHIFT_DATA_PICKED,
    REDSHIFT_DATA_STARTED,
    REDSHIFT_DATA_FINISHED,
    REDSHIFT_DATA_FAILED,
    REDSHIFT_DATA_ABORTED,
};

bool redshift_data_status_final(enum redshift_data_status status);
const char *redshift_data_status_name(enum redshift_data_status status); /* "FINISHED" */
enum redshift_data_status redshift_data_status_parse(struct slice text);

struct redshift_data_parameter {
    struct slice name;
    struct slice value;
};

/* Absent members are left out of the call. */
struct redshift_data_submit {
    const struct slice
        *sqls; /* one: ExecuteStatement; batch set or several: BatchExecuteStatement */
    size_t sql_count;
    bool batch;
    bool auto_commit; /* ExecutionMode of a batch */
    struct slice cluster_identifier;
    struct slice workgroup_name;
    struct slice secret_arn;
    struct slice db_user;
    struct slice database;
    struct slice session_id;
    int64_t session_keep_alive_seconds; /* -1: not sent */
    const struct redshift_data_parameter *parameters;
    size_t parameter_count;
    struct slice statement_name;
    struct slice client_token;
    struct slice result_format;
    int64_t wait_seconds; /* 0: not sent */
    bool with_event;
};

struct redshift_data_submitted {
    struct slice id;
    struct slice session_id;
    enum redshift_data_status status; /* UNKNOWN unless the call waited */
    struct slice
        document; /* the reply with CreatedAt as an ISO text: the accepted reply's members */
};

struct redshift_data_sub_statement {
    struct slice id;
    enum redshift_data_status status;
    struct slice error;
    bool has_result_set;
    int64_t result_rows;
    int64_t duration_ns;
};

struct redshift_data_description {
    struct slice id;
    enum redshift_data_status status;
    struct slice error; /* the database's own text; absent when there is none */
    bool has_result_set;
    int64_t result_rows; /* -1: not known */
    int64_t result_size;
    int64_t duration_ns;
    int64_t redshift_query_id;
    int64_t created_at_ms;
    int64_t updated_at_ms;
    struct slice session_id;
    struct redshift_data_sub_statement *subs;
    size_t sub_count;
    struct slice
        document; /* the reply, times as ISO texts, without QueryString(s) and parameters */
};

struct redshift_data_listed {
    struct slice id;
    struct slice statement_name;
    enum redshift_data_status status;
};

/* Every build_X fills *call; its body is allocated in arena. Every read_X reads an OK call's reply;
 * INTERNAL when the service answered something that is not in its contract. Slices live in arena.
 */
void redshift_data_build_submit(struct arena *arena, const struct redshift_data_submit *submit,
                                struct aws_call *call);
MUST_CHECK enum status redshift_data_read_submit(struct arena *arena, const struct aws_call *call,
                                                 struct redshift_data_submitted *submitted,
                                                 struct error *error);
/* ExecuteStatementException and BatchExecuteStatementException carry the statement's Id: absent
 * when this error does not. */
struct slice redshift_data_error_statement_id(struct arena *arena, const struct aws_call *call);

void redshift_data_build_describe(struct arena *arena, struct slice id, int64_t wait_seconds,
                                  struct aws_call *call);
MUST_CHECK enum status redshift_data_read_describe(struct arena *arena, const struct aws_call *call,
                                                   struct redshift_data_description *description,
                                                   struct error *error);

/* The reply of DescribeStatement whole, SQL included, with times as ISO texts: for the caller who
 * asks for a statement, and for no log. */
MUST_CHECK enum status redshift_data_read_document(struct arena *arena, const struct aws_call *call,
                                                   struct slice *document, struct error *error);

void redshift_data_build_cancel(struct arena *arena, struct slice id, struct aws_call *call);
MUST_CHECK enum status redshift_data_read_cancel(struct arena *arena, const struct aws_call *call,
                                                 bool *accepted, struct error *error);

/* ListStatements by name (a prefix match on AWS's side), Status ALL, the caller's role. */
void redshift_data_build_list(struct arena *arena, struct slice statement_name,
                              struct slice next_token, struct aws_call *call);
MUST_CHECK enum status redshift_data_read_list(struct arena *arena, const struct aws_call *call,
                                               struct redshift_data_listed **listed, size_t *count,
                                               struct slice *next_token, struct error *error);

/* One page; document is GetStatementResult's reply as it came, but integers beyond 2^53 are texts,
 * so that no digit of a bigint is lost. */
void redshift_data_build_result(struct arena *arena, struct slice id, struct slice next_token,
                                struct aws_call *call);
MUST_CHECK enum status redshift_data_read_result(struct arena *arena, const struct aws_call *call,
                                                 struct json *document, struct slice *next_token,
                                                 struct error *error);

#endif
