/*
 * S3, path-style: objects (GET with Range, HEAD, PUT, DELETE), ListObjectsV2, and buckets (PUT,
 * HEAD, DELETE). https://docs.aws.amazon.com/AmazonS3/latest/API/
 */
#include "infra/base/encode.h"
#include "infra/local/aws_chunked.h"
#include "infra/local/s3_folder.h"
#include "infra/local/service.h"
#include "infra/local/xml.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define OBJECT_MAX_BYTES (32u << 20)
#define KEYS_MAX_BYTES   (16u << 20)
#define LIST_MAX         1000

struct local_s3 {
    int root;
};

struct s3_call {
    struct local_s3 *s3;
    const struct http_server_request *request;
    struct http_server_response *response;
    const char *bucket;
    const char *key; /* "" for the bucket itself */
};

enum status local_s3_new(const char *folder, struct local_s3 **s3, struct error *error)
{
    const int root = s3_folder_open(folder);
    if (root < 0) {
        return error_set(error, STATUS_REJECTED, "s3: %s: cannot be opened as a folder", folder);
    }
    *s3 = calloc(1, sizeof(**s3));
    if (!*s3) {
        abort();
    }
    (*s3)->root = root;
    return STATUS_OK;
}

void local_s3_free(struct local_s3 *s3)
{
    if (!s3) {
        return;
    }
    close(s3->root);
    free(s3);
}

enum status local_s3_put(struct local_s3 *s3, const char *bucket, const char *key, bool overwrite,
                         struct slice object)
{
    int64_t size = 0;
    int64_t modified_ms = 0;
    if (!s3_folder_bucket_valid(bucket) || !s3_folder_bucket_exists(s3->root, bucket)) {
        return STATUS_NOT_FOUND;
    }
    if (!overwrite && s3_folder_stat(s3->root, bucket, key, &size, &modified_ms) == STATUS_OK) {
        return STATUS_CONFLICT;
    }
    return s3_folder_write(s3->root, bucket, key, object);
}

static void add_header(struct s3_call *call, const char *name, const char *value)
{
    struct http_server_response *response = call->response;
    if (response->header_count < ARRAY_COUNT(response->headers)) {
        response->headers[response->header_count++] = (struct http_server_header){
            .name = slice_from_text(name), .value = slice_from_text(value)};
    }
}

static void reply_error(struct s3_call *call, int code, const char *name, const char *text)
{
    struct http_server_response *response = call->response;
    response->code = code;
    response->content_type = "application/xml";
    buffer_reset(&response->body);
    buffer_append_text(&response->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    xml_append_element(&response->body, "Code", slice_from_text(name));
    xml_append_element(&response->body, "Message", slice_from_text(text));
    xml_append_element(&response->body, "Resource", call->request->path);
    buffer_append_text(&response->body, "</Error>");
}

/* The error of an object's operation. */
static void reply_status(struct s3_call *call, enum status status)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        if (s3_folder_bucket_exists(call->s3->root, call->bucket)) {
            reply_error(call, 404, "NoSuchKey", "The specified key does not exist.");
        } else {
            reply_error(call, 404, "NoSuchBucket", "The specified bucket does not exist");
        }
        break;
    case STATUS_REJECTED:
        reply_error(call, 400, "InvalidArgument", "The key cannot be a file's path here");
        break;
    case STATUS_CONFLICT:
        reply_error(call, 409, "BucketNotEmpty", "The bucket you tried to delete is not empty");
        break;
    case STATUS_OK:
    case STATUS_RETRY:
    case STATUS_IN_DOUBT:
    case STATUS_INTERNAL:
        reply_error(call, 500, "InternalError", "We encountered an internal error.");
        break;
    }
}

static const char *make_etag(struct s3_call *call, struct slice object)
{
    char hex[MD5_HEX_BYTES + 1];
    digest_md5_hex(object, hex);
    return arena_format(call->request->arena, "\"%s\"", hex);
}

static const char *make_http_date(struct s3_call *call, int64_t time_ms)
{
    char text[40];
    struct tm parts;
    const time_t seconds = (time_t)(time_ms / 1000);
    gmtime_r(&seconds, &parts);
    (void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return arena_format(call->request->arena, "%s", text);
}

enum range_kind { RANGE_WHOLE, RANGE_PART, RANGE_IMPOSSIBLE };

/*
 * "bytes=first-last", "bytes=first-" or "bytes=-count"; what is no single range is passed over, as
 * RFC 9110 section 14.2 allows.
 */
static enum range_kind read_range(struct slice header, int64_t size, int64_t *first, int64_t *last)
{
    if (!slice_starts_with(header, SLICE("bytes="))) {
        return RANGE_WHOLE;
    }
    const struct slice range = slice_part(header, 6, header.size);
    const size_t dash = slice_find_byte(range, '-');
    const struct slice from = slice_part(range, 0, dash);
    const struct slice to = slice_part(range, dash + 1, range.size);
    *last = size - 1;
    if (to.size > 0 && slice_to_int64(to, 0, INT64_MAX, last, NULL) != STATUS_OK) {
        return RANGE_WHOLE;
    }
    if (from.size == 0) {
        if (to.size == 0) {
            return RANGE_WHOLE;
        }
        *first = *last < size ? size - *last : 0;
        *last = size - 1;
    } else if (slice_to_int64(from, 0, INT64_MAX, first, NULL) != STATUS_OK) {
        return RANGE_WHOLE;
    }
    *last = *last < size ? *last : size - 1;
    return *first <= *last ? RANGE_PART : RANGE_IMPOSSIBLE;
}

/* Cuts the response's body, which is the whole object, down to what was asked for. */
static void apply_range(struct s3_call *call)
{
    struct buffer *body = &call->response->body;
    const int64_t size = (int64_t)body->size;
    int64_t first = 0;
    int64_t last = 0;
    switch (read_range(http_server_header(call->request, "range"), size, &first, &last)) {
    case RANGE_WHOLE: break;
    case RANGE_IMPOSSIBLE:
        call->response->header_count = 0;
        reply_error(call, 416, "InvalidRange", "The requested range is not satisfiable");
        break;
    case RANGE_PART:
        call->response->code = 206;
        add_header(call, "Content-Range",
                   arena_format(call->request->arena, "bytes %lld-%lld/%lld", (long long)first,
                                (long long)last, (long long)size));
        body->size = (size_t)last + 1;
        buffer_consume(body, (size_t)first);
        break;
    }
}

/* HEAD is the same: the server leaves the body out. */
static void get_object(struct s3_call *call)
{
    struct buffer *body = &call->response->body;
    int64_t modified_ms = 0;
    const enum status status =
        s3_folder_read(call->s3->root, call->bucket, call->key, body, &modified_ms);
    if (status != STATUS_OK) {
        reply_status(call, status);
        return;
    }
    call->response->content_type = "binary/octet-stream";
    add_header(call, "ETag", make_etag(call, buffer_slice(body)));
    add_header(call, "Last-Modified", make_http_date(call, modified_ms));
    add_header(call, "Accept-Ranges", "bytes");
    apply_range(call);
}

static void put_object(struct s3_call *call)
{
    CLEANUP(buffer_clear) struct buffer decoded;
    buffer_init(&decoded, OBJECT_MAX_BYTES);
    struct slice object = call->request->body;
    if (http_server_header(call->request, "x-amz-copy-source").data) {
        reply_error(call, 501, "NotImplemented", "CopyObject is not served here");
        return;
    }
    if (aws_chunked_is(call->request)) {
        struct error error = ERROR_NONE;
        if (aws_chunked_decode(object, &decoded, &error) != STATUS_OK) {
            reply_error(call, 400, "IncompleteBody", error.text);
            return;
        }
        object = buffer_slice(&decoded);
    }
    if (object.size > OBJECT_MAX_BYTES || decoded.overflowed) {
        reply_error(call, 400, "EntityTooLarge", "An object has at most 32 MiB here");
        return;
    }
    const enum status status = s3_folder_write(call->s3->root, call->bucket, call->key, object);
    if (status != STATUS_OK) {
        reply_status(call, status);
        return;
    }
    add_header(call, "ETag", make_etag(call, object));
}

static void delete_object(struct s3_call *call)
{
    const enum status status = s3_folder_remove(call->s3->root, call->bucket, call->key);
    if (status == STATUS_OK ||
        (status == STATUS_NOT_FOUND && s3_folder_bucket_exists(call->s3->root, call->bucket))) {
        call->response->code = 204;
    } else {
        reply_status(call, status);
    }
}

static int compare_keys(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Keys of the bucket that begin with prefix and come after `after`, sorted by their bytes. */
static const char **select_keys(struct arena *arena, const struct buffer *all, struct slice prefix,
                                struct slice after, size_t *count)
{
    const char **keys = ARENA_ARRAY(arena, all->size / 2 + 1, const char *);
    const char *floor = after.data ? arena_text(arena, after) : "";
    *count = 0;
    for (size_t at = 0; at < all->size; at += strlen(all->data + at) + 1) {
        const char *key = all->data + at;
        if (slice_starts_with(slice_from_text(key), prefix) && strcmp(key, floor) > 0) {
            keys[(*count)++] = key;
        }
    }
    qsort(keys, *count, sizeof(*keys), compare_keys);
    return keys;
}

static void append_key(struct s3_call *call, const char *key)
{
    struct buffer *out = &call->response->body;
    char modified[TIME_TEXT_BYTES + 1];
    int64_t size = 0;
    int64_t modified_ms = 0;
    if (s3_folder_stat(call->s3->root, call->bucket, key, &size, &modified_ms) != STATUS_OK) {
        return;
    }
    time_format_ms(modified_ms, modified);
    buffer_append_text(out, "<Contents>");
    xml_append_element(out, "Key", slice_from_text(key));
    xml_append_element(out, "LastModified", slice_from_text(modified));
    buffer_append_format(out, "<Size>%lld</Size><StorageClass>STANDARD</StorageClass></Contents>",
                         (long long)size);
}

static void write_list(struct s3_call *call, struct slice prefix, const char *const *keys,
                       size_t shown, bool truncated)
{
    struct buffer *out = &call->response->body;
    call->response->content_type = "application/xml";
    buffer_append_text(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult "
                            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    xml_append_element(out, "Name", slice_from_text(call->bucket));
    xml_append_element(out, "Prefix", prefix);
    buffer_append_format(out, "<KeyCount>%zu</KeyCount><IsTruncated>%s</IsTruncated>", shown,
                         truncated ? "true" : "false");
    for (size_t i = 0; i < shown; i++) {
        append_key(call, keys[i]);
    }
    if (truncated) {
        xml_append_element(out, "NextContinuationToken", slice_from_text(keys[shown - 1]));
    }
    buffer_append_text(out, "</ListBucketResult>");
}

static void list_objects(struct s3_call *call)
{
    CLEANUP(buffer_clear) struct buffer all;
    buffer_init(&all, KEYS_MAX_BYTES);
    const struct http_server_request *request = call->request;
    const struct slice prefix = http_server_query(request, "prefix");
    const struct slice token = http_server_query(request, "continuation-token");
    const struct slice after = token.data ? token : http_server_query(request, "start-after");
    const struct slice limit_text = http_server_query(request, "max-keys");
    int64_t limit = LIST_MAX;
    size_t found = 0;
    if (limit_text.data && slice_to_int64(limit_text, 0, INT32_MAX, &limit, NULL) != STATUS_OK) {
        reply_error(call, 400, "InvalidArgument", "max-keys must be a number");
        return;
    }
    const enum status status = s3_folder_list(call->s3->root, call->bucket, &all);
    if (status != STATUS_OK) {
        reply_status(call, status);
        return;
    }
    const char **keys = select_keys(request->arena, &all, prefix, after, &found);
    const size_t most = limit < LIST_MAX ? (size_t)limit : LIST_MAX;
    write_list(call, prefix, keys, found < most ? found : most, most > 0 && found > most);
}

static void handle_bucket(struct s3_call *call)
{
    const struct slice method = call->request->method;
    enum status status = STATUS_OK;
    if (slice_equals_text(method, "GET") &&
        slice_equals_text(http_server_query(call->request, "list-type"), "2")) {
        list_objects(call);
        return;
    }
    if (slice_equals_text(method, "PUT")) {
        status = s3_folder_bucket_make(call->s3->root, call->bucket);
        if (status == STATUS_CONFLICT) {
            reply_error(call, 409, "BucketAlreadyOwnedByYou", "The bucket exists");
            return;
        }
    } else if (slice_equals_text(method, "HEAD")) {
        status =
            s3_folder_bucket_exists(call->s3->root, call->bucket) ? STATUS_OK : STATUS_NOT_FOUND;
    } else if (slice_equals_text(method, "DELETE")) {
        status = s3_folder_bucket_remove(call->s3->root, call->bucket);
        call->response->code = 204;
    } else {
        reply_error(call, 501, "NotImplemented",
                    "Of a bucket's lists only ListObjectsV2 is served");
        return;
    }
    if (status != STATUS_OK) {
        reply_status(call, status);
    }
}

static void handle_object(struct s3_call *call)
{
    const struct slice method = call->request->method;
    if (slice_equals_text(method, "GET") || slice_equals_text(method, "HEAD")) {
        get_object(call);
    } else if (slice_equals_text(method, "PUT")) {
        put_object(call);
    } else if (slice_equals_text(method, "DELETE")) {
        delete_object(call);
    } else {
        reply_error(call, 405, "MethodNotAllowed", "The method is not allowed against an object");
    }
}

/* Parts of S3 that are other operations on the same path: answering them as plain ones would be
 * wrong. */
static bool asks_for_more(const struct http_server_request *request)
{
    static const char *const parameters[] = {"acl",        "attributes", "delete",     "delimiter",
                                             "legal-hold", "location",   "partNumber", "policy",
                                             "retention",  "tagging",    "torrent",    "uploadId",
                                             "uploads",    "versioning", "versions"};
    for (size_t i = 0; i < ARRAY_COUNT(parameters); i++) {
        if (http_server_query(request, parameters[i]).data) {
            return true;
        }
    }
    return false;
}

/* NULL when the text is no percent encoding or holds a NUL. */
static const char *decode_part(struct arena *arena, struct slice part)
{
    CLEANUP(buffer_clear) struct buffer decoded;
    buffer_init(&decoded, part.size + 1);
    if (decode_percent(part, false, &decoded, NULL) != STATUS_OK ||
        slice_find_byte(buffer_slice(&decoded), '\0') < decoded.size) {
        return NULL;
    }
    return arena_text(arena, buffer_slice(&decoded));
}

void local_s3_handle(struct local_s3 *s3, const struct http_server_request *request,
                     struct http_server_response *response)
{
    const struct slice path = slice_part(request->path, 1, request->path.size);
    const size_t slash = slice_find_byte(path, '/');
    struct s3_call call = {.s3 = s3, .request = request, .response = response};
    call.bucket = decode_part(request->arena, slice_part(path, 0, slash));
    call.key = decode_part(request->arena, slice_part(path, slash + 1, path.size));
    if (!call.bucket || !call.key) {
        reply_error(&call, 400, "InvalidURI", "Couldn't parse the specified URI.");
    } else if (asks_for_more(request)) {
        reply_error(&call, 501, "NotImplemented", "This part of S3 is not served here");
    } else if (!s3_folder_bucket_valid(call.bucket)) {
        reply_error(&call, 400, "InvalidBucketName", "The specified bucket is not valid.");
    } else if (call.key[0] == '\0') {
        handle_bucket(&call);
    } else {
        handle_object(&call);
    }
}
