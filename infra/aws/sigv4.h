/*
 * AWS Signature Version 4 (AWS4-HMAC-SHA256).
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 *
 * The stages are separate functions so that each one can be checked against vectors on its own; the
 * stand-in (infra/local) verifies with the same stages.
 */
#ifndef RINGBACK_INFRA_AWS_SIGV4_H
#define RINGBACK_INFRA_AWS_SIGV4_H

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/encode.h"
#include "infra/base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGV4_TIME_BYTES 16 /* YYYYMMDDTHHMMSSZ */

struct sigv4_header {
    struct slice name; /* any case */
    struct slice value;
};

struct sigv4_request {
    struct slice method;
    struct slice path;                  /* as on the wire, percent-encoded once; empty is "/" */
    struct slice query;                 /* as on the wire, without '?' */
    const struct sigv4_header *headers; /* all to be signed: host, x-amz-date, ... */
    size_t header_count;
    char payload_hash[SHA256_HEX_BYTES + 1]; /* or UNSIGNED-PAYLOAD */
    bool s3; /* no normalisation and no second encoding of the path */
};

struct sigv4_scope {
    char time[SIGV4_TIME_BYTES + 1];
    struct slice region;
    struct slice service;
};

void sigv4_time(int64_t now_ms, char out[SIGV4_TIME_BYTES + 1]);
/* Stage 1: appends the canonical request to out and the signed header names to signed_headers. */
void sigv4_canonical_request(const struct sigv4_request *request, struct buffer *out,
                             struct buffer *signed_headers);
/* Stage 2. */
void sigv4_string_to_sign(const struct sigv4_scope *scope, struct slice canonical_request,
                          struct buffer *out);
/* Stage 3: kDate, kRegion, kService, kSigning; valid for one day, region and service. */
void sigv4_signing_key(struct slice secret, const struct sigv4_scope *scope,
                       unsigned char key[SHA256_BYTES]);
/* Stage 4: lower-case hex. */
void sigv4_signature(const unsigned char key[SHA256_BYTES], struct slice string_to_sign,
                     char out[SHA256_HEX_BYTES + 1]);
/* Stage 5: appends the value of the Authorization header. */
void sigv4_authorization(const struct sigv4_scope *scope, struct slice access_key_id,
                         struct slice signed_headers, const char *signature, struct buffer *out);

#endif
