/*
 * Inside of the outbox: what its files share. One mutex guards it all.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_OUTBOX_H
#define RINGBACK_INFRA_LOCAL_LOCAL_OUTBOX_H

#include "infra/local/local_table.h"
#include "infra/local/service.h"

#include <pthread.h>

#define LOCAL_SESSION_TOKEN_BYTES 400

/* Credentials that AssumeRole gave out; never freed before the outbox. */
struct local_credential {
    char access_key_id[21];
    char secret[41];
    char session_token[LOCAL_SESSION_TOKEN_BYTES + 1];
    int64_t expires_at_ms;
};

struct local_put {
    char *body;
    size_t body_size;
    char *content_type; /* NULL: none */
    int status;
};

/* A presigned address for one CloudFormation response. */
struct local_response_url {
    char *query; /* as minted, signature included */
    struct local_put *puts;
    size_t put_count;
    size_t put_capacity;
};

struct local_outbox {
    pthread_mutex_t mutex;
    const struct clock *clock;
    const struct random *random;
    struct local_response_url *urls; /* number n is at n - 1 */
    size_t url_count;
    size_t url_capacity;
    char **published; /* each the JSON of its entry */
    size_t published_count;
    size_t published_capacity;
    struct local_table credentials; /* by access key id */
    uint64_t sequence;
};

/* Keeps one entry of /_ringback/published; copies the JSON. */
void local_outbox_keep(struct local_outbox *outbox, struct slice json);
/* A version 4 UUID in the arena. */
const char *local_outbox_uuid(struct local_outbox *outbox, struct arena *arena);

/* The fields of a form, decoded; absent when there is none. */
struct slice local_form_field(const struct http_server_request *request, const char *name);
/* Replies of the query services. local_xml_error writes <ErrorResponse>. */
void local_xml_reply(struct http_server_response *response, struct slice xml);
void local_xml_error(struct local_outbox *outbox, const struct http_server_request *request,
                     struct http_server_response *response, int code, const char *name,
                     const char *text);

/* local_sns.c */
void local_sns_publish(struct local_outbox *outbox, const struct http_server_request *request,
                       struct http_server_response *response);

/* local_sts.c; action is AssumeRole or AssumeRoleWithWebIdentity. */
void local_sts_assume_role(struct local_outbox *outbox, const struct http_server_request *request,
                           const char *action, struct http_server_response *response);
void local_sts_identity(struct local_outbox *outbox, const struct http_server_request *request,
                        struct http_server_response *response);

#endif
