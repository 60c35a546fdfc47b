#include "infra/aws/s3.h"

#include "infra/aws/arn.h"
#include "infra/base/encode.h"

#define PATH_MAX_BYTES 8192

static bool bucket_valid(struct slice bucket)
{
    for (size_t i = 0; i < bucket.size; i++) {
        const char c = bucket.data[i];
        const bool edge = i == 0 || i + 1 == bucket.size;
        const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (!letter && (edge || (c != '-' && c != '.'))) {
            return false;
        }
    }
    return bucket.size >= 3 && bucket.size <= S3_BUCKET_MAX_BYTES;
}

enum status s3_parse_uri(struct slice uri, struct s3_object *object, struct error *error)
{
    const struct slice scheme = SLICE("s3://");
    const struct slice rest = slice_part(uri, scheme.size, uri.size);
    const size_t slash = slice_find_byte(rest, '/');
    *object = (struct s3_object){.bucket = slice_part(rest, 0, slash),
                                 .key = slice_part(rest, slash + 1, rest.size)};
    if (!slice_starts_with(uri, scheme)) {
        return error_set(error, STATUS_REJECTED, "must be s3://bucket/key");
    }
    if (!bucket_valid(object->bucket)) {
        return error_set(error, STATUS_REJECTED,
                         "the bucket's name must be 3 to %d of a-z, 0-9, '.' and '-'",
                         S3_BUCKET_MAX_BYTES);
    }
    if (object->key.size == 0 || object->key.size > S3_KEY_MAX_BYTES) {
        return error_set(error, STATUS_REJECTED, "the key must have 1 to %d bytes, got %zu",
                         S3_KEY_MAX_BYTES, object->key.size);
    }
    return STATUS_OK;
}

static void build(struct arena *arena, const char *operation, const char *method,
                  const struct s3_object *object, struct aws_call *call)
{
    CLEANUP(buffer_clear) struct buffer path;
    buffer_init(&path, PATH_MAX_BYTES);
    buffer_append_byte(&path, '/');
    encode_percent(object->bucket, false, &path);
    buffer_append_byte(&path, '/');
    encode_percent(object->key, true, &path);
    if (object->version.size > 0) {
        buffer_append_text(&path, "?versionId=");
        encode_percent(object->version, false, &path);
    }
    call->service = AWS_S3;
    call->operation = operation;
    call->s3_method = method;
    call->s3_path = arena_text(arena, buffer_slice(&path));
}

void s3_build_get(struct arena *arena, const struct s3_object *object, struct aws_call *call)
{
    build(arena, "GetObject", "GET", object, call);
    call->body = SLICE_NONE;
}

enum status s3_read_get(const struct aws_call *call, size_t max_bytes, struct slice *content,
                        struct error *error)
{
    *content = SLICE_NONE;
    if (call->reply.size > max_bytes) {
        return error_set(error, STATUS_REJECTED, "s3.%s: the object has more than %zu bytes",
                         call->operation, max_bytes);
    }
    *content = call->reply.data != NULL ? call->reply : SLICE("");
    return STATUS_OK;
}

enum status s3_build_put(struct arena *arena, const struct s3_object *object, struct slice body,
                         struct aws_call *call, struct error *error)
{
    if (body.size > S3_OBJECT_MAX_BYTES) {
        return error_set(error, STATUS_REJECTED, "s3.PutObject: at most %zu bytes, got %zu",
                         S3_OBJECT_MAX_BYTES, body.size);
    }
    build(arena, "PutObject", "PUT", object, call);
    call->body = body;
    return STATUS_OK;
}

struct slice s3_read_region(struct arena *arena, const struct aws_call *call)
{
    if (call->status == STATUS_OK) {
        return SLICE_NONE;
    }
    const struct slice region =
        arena_copy(arena, http_response_header(&call->exchange, "x-amz-bucket-region"));
    return arn_region_valid(region) ? region : SLICE_NONE;
}
