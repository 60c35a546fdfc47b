/*
 * Verifies AWS Signature Version 4 of every request that the stand-in serves, in the Authorization
 * header or, for S3, in the query (presigned). Nothing is trusted before it has passed here.
 */
#ifndef RINGBACK_INFRA_LOCAL_LOCAL_SIGNATURE_H
#define RINGBACK_INFRA_LOCAL_LOCAL_SIGNATURE_H

#include "infra/base/slice.h"
#include "infra/runtime/http_server.h"

#include <stdbool.h>
#include <stdint.h>

/* How far a signature's time may be off. */
#define LOCAL_SIGNATURE_SKEW_MS INT64_C(300000)

/* Whose errors the caller expects. */
enum local_protocol {
    LOCAL_PROTOCOL_JSON,
    LOCAL_PROTOCOL_QUERY,
    LOCAL_PROTOCOL_S3,
};

struct local_signature {
    const char *access_key_id;
    const char *secret_access_key;
    /* Keys that were minted; each has a token, which must come with every request. */
    bool (*find)(void *context, struct slice access_key_id, struct slice *secret,
                 struct slice *session_token);
    void *context;
};

struct local_signature_failure {
    int code;
    const char *name;
    char text[160]; /* never a secret or a signature */
};

/* service is the signing name that the scope must have ("states"). False: refused, and *failure
 * says how that protocol puts it. */
bool local_signature_verify(const struct local_signature *keys,
                            const struct http_server_request *request, enum local_protocol protocol,
                            const char *service, int64_t now_ms,
                            struct local_signature_failure *failure);

#endif
