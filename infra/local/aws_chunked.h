/*
 * The body of an S3 upload in "aws-chunked" encoding, as SDKs send streams:
 * <size in hex>[;chunk-signature=...]\r\n<data>\r\n ... 0[;...]\r\n[trailers]\r\n
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
 */
#ifndef RINGBACK_INFRA_LOCAL_AWS_CHUNKED_H
#define RINGBACK_INFRA_LOCAL_AWS_CHUNKED_H

#include "infra/base/buffer.h"
#include "infra/base/compiler.h"
#include "infra/base/error.h"
#include "infra/runtime/http_server.h"

/* Whether the request says that its body is encoded so. */
bool aws_chunked_is(const struct http_server_request *request);
/* Appends the data of all chunks to out. Extensions and trailers are passed over. REJECTED when the
 * encoding is broken or the last chunk is missing. */
MUST_CHECK enum status aws_chunked_decode(struct slice body, struct buffer *out,
                                          struct error *error);

#endif
