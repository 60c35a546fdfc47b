/*
 * Amazon S3, path-style, as pure functions: build a call, read its answer.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
 */
#ifndef RINGBACK_INFRA_AWS_S3_H
#define RINGBACK_INFRA_AWS_S3_H

#include "infra/aws/client.h"
#include "infra/base/arena.h"

#define S3_BUCKET_MAX_BYTES 63
#define S3_KEY_MAX_BYTES    1024
#define S3_OBJECT_MAX_BYTES ((size_t)32 << 20) /* what is put in one call */

struct s3_object {
    struct slice bucket;
    struct slice key;     /* raw: percent-encoded on the way */
    struct slice version; /* absent: the latest */
};

/* The parts of "s3://bucket/key", which point into uri. REJECTED names what is wrong with it. */
MUST_CHECK enum status s3_parse_uri(struct slice uri, struct s3_object *object,
                                    struct error *error);

void s3_build_get(struct arena *arena, const struct s3_object *object, struct aws_call *call);
/* The object of a call that succeeded; REJECTED when it is larger than max_bytes. */
MUST_CHECK enum status s3_read_get(const struct aws_call *call, size_t max_bytes,
                                   struct slice *content, struct error *error);

/* body must live until the call has come back; REJECTED when it is over S3_OBJECT_MAX_BYTES. */
MUST_CHECK enum status s3_build_put(struct arena *arena, const struct s3_object *object,
                                    struct slice body, struct aws_call *call, struct error *error);

/* The region that a bucket is in, when the answer says that it is in another one than was asked
 * (PermanentRedirect, AuthorizationHeaderMalformed, ...); absent otherwise. A new call with it as
 * its region gets there. */
struct slice s3_read_region(struct arena *arena, const struct aws_call *call);

#endif
