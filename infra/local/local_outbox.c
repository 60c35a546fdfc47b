#include "infra/local/local_outbox.h"

#include "infra/base/encode.h"
#include "infra/base/memory.h"
#include "infra/local/xml.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RESPONSE_MAX_BYTES 4096 /* what CloudFormation takes */
#define PUT_PATH           SLICE("/_response/")
#define RESPONSES_PATH     SLICE("/_ringback/responses")
#define PUBLISHED_PATH     SLICE("/_ringback/published")

struct local_outbox *local_outbox_new(const struct clock *clock, const struct random *random)
{
    struct local_outbox *outbox = memory_new(sizeof(*outbox));
    pthread_mutex_init(&outbox->mutex, NULL);
    outbox->clock = clock;
    outbox->random = random;
    return outbox;
}

static void free_url(struct local_response_url *url)
{
    for (size_t i = 0; i < url->put_count; i++) {
        free(url->puts[i].body);
        free(url->puts[i].content_type);
    }
    free(url->puts);
    free(url->query);
}

void local_outbox_free(struct local_outbox *outbox)
{
    struct local_credential *credential = NULL;
    if (outbox == NULL) {
        return;
    }
    for (size_t i = 0; i < outbox->url_count; i++) {
        free_url(&outbox->urls[i]);
    }
    for (size_t i = 0; i < outbox->published_count; i++) {
        free(outbox->published[i]);
    }
    while ((credential = local_table_any(&outbox->credentials)) != NULL) {
        local_table_remove(&outbox->credentials, slice_from_text(credential->access_key_id));
        free(credential);
    }
    local_table_clear(&outbox->credentials);
    free(outbox->urls);
    free(outbox->published);
    pthread_mutex_destroy(&outbox->mutex);
    free(outbox);
}

void local_outbox_keep(struct local_outbox *outbox, struct slice json)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->published = local_grow(outbox->published, &outbox->published_capacity,
                                   outbox->published_count + 1, sizeof(char *));
    outbox->published[outbox->published_count++] = local_copy_text(json);
    pthread_mutex_unlock(&outbox->mutex);
}

const char *local_outbox_uuid(struct local_outbox *outbox, struct arena *arena)
{
    char *uuid = ARENA_ARRAY(arena, 37, char);
    pthread_mutex_lock(&outbox->mutex);
    random_uuid(outbox->random, uuid);
    pthread_mutex_unlock(&outbox->mutex);
    return uuid;
}

static void reply_message(struct http_server_response *response, int code, const char *text)
{
    struct json_writer out;
    json_writer_init(&out, &response->body);
    json_begin_object(&out, NULL);
    json_write_text(&out, "message", slice_from_text(text));
    json_end_object(&out);
    http_server_reply_json(response, code, SLICE(""));
}

/* --- ResponseURL --- */

/* As S3 answers to a presigned URL that is not what was signed. */
static void refuse_put(struct http_server_response *response, int code, const char *name,
                       const char *text)
{
    response->code = code;
    response->content_type = "application/xml";
    buffer_append_text(&response->body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
    xml_append_element(&response->body, "Code", slice_from_text(name));
    xml_append_element(&response->body, "Message", slice_from_text(text));
    buffer_append_text(&response->body, "</Error>");
}

static void keep_put(struct local_response_url *url, const struct http_server_request *request,
                     int status)
{
    url->puts =
        local_grow(url->puts, &url->put_capacity, url->put_count + 1, sizeof(struct local_put));
    url->puts[url->put_count++] = (struct local_put){
        .body = local_copy_text(slice_part(request->body, 0, request->body.size)),
        .body_size = request->body.size,
        .content_type = local_copy_text(http_server_header(request, "Content-Type")),
        .status = status,
    };
}

static int put_status(const struct local_response_url *url,
                      const struct http_server_request *request)
{
    if (!slice_equals_text(request->query, url->query)) {
        return 403;
    }
    return request->body.size > RESPONSE_MAX_BYTES ? 400 : 200;
}

void local_outbox_response_put(struct local_outbox *outbox,
                               const struct http_server_request *request,
                               struct http_server_response *response)
{
    int status = 403;
    int64_t n = 0;
    struct slice number = slice_part(request->path, PUT_PATH.size, request->path.size);
    if (!slice_equals(request->method, SLICE("PUT"))) {
        refuse_put(response, 405, "MethodNotAllowed",
                   "The specified method is not allowed against this resource.");
        return;
    }
    pthread_mutex_lock(&outbox->mutex);
    if (slice_starts_with(request->path, PUT_PATH) &&
        slice_to_int64(number, 1, (int64_t)outbox->url_count, &n, NULL) == STATUS_OK) {
        struct local_response_url *url = &outbox->urls[n - 1];
        status = put_status(url, request);
        keep_put(url, request, status);
    }
    pthread_mutex_unlock(&outbox->mutex);
    if (status == 403) {
        refuse_put(response, 403, "SignatureDoesNotMatch",
                   "The request signature we calculated does not match the signature you "
                   "provided. Check your key and signing method.");
    } else if (status == 400) {
        refuse_put(response, 400, "EntityTooLarge",
                   "Your proposed upload exceeds the maximum allowed size");
    } else {
        response->code = 200;
    }
}

/* The part after the signature holds percent-encoding, so that a client that encodes again or
 * decodes is found out. */
static char *mint_query(struct local_outbox *outbox, struct arena *arena)
{
    unsigned char raw[SHA256_BYTES];
    char signature[SHA256_HEX_BYTES + 1];
    random_fill(outbox->random, raw, sizeof(raw));
    encode_hex(raw, sizeof(raw), signature);
    return local_copy_text(slice_from_text(arena_format(
        arena, "X-Amz-Signature=%s&X-Amz-Credential=local%%2Fus-east-1%%2Fs3", signature)));
}

static void mint_url(struct local_outbox *outbox, const struct http_server_request *request,
                     const char *address, struct http_server_response *response)
{
    pthread_mutex_lock(&outbox->mutex);
    outbox->urls = local_grow(outbox->urls, &outbox->url_capacity, outbox->url_count + 1,
                              sizeof(struct local_response_url));
    struct local_response_url *url = &outbox->urls[outbox->url_count++];
    *url = (struct local_response_url){.query = mint_query(outbox, request->arena)};
    const char *reply =
        arena_format(request->arena, "{\"n\":%zu,\"url\":\"http://%s/_response/%zu?%s\"}",
                     outbox->url_count, address, outbox->url_count, url->query);
    pthread_mutex_unlock(&outbox->mutex);
    http_server_reply_json(response, 200, slice_from_text(reply));
}

static void write_put(struct json_writer *out, const struct local_put *put)
{
    json_begin_object(out, NULL);
    json_write_text(out, "body", (struct slice){put->body, put->body_size});
    json_write_text(out, "contentType", slice_from_text(put->content_type));
    json_write_int64(out, "status", put->status);
    json_end_object(out);
}

static void list_responses(struct local_outbox *outbox, struct http_server_response *response)
{
    struct json_writer out;
    json_writer_init(&out, &response->body);
    json_begin_object(&out, NULL);
    json_begin_array(&out, "responses");
    pthread_mutex_lock(&outbox->mutex);
    for (size_t i = 0; i < outbox->url_count; i++) {
        json_begin_object(&out, NULL);
        json_write_int64(&out, "n", (int64_t)i + 1);
        json_begin_array(&out, "puts");
        for (size_t j = 0; j < outbox->urls[i].put_count; j++) {
            write_put(&out, &outbox->urls[i].puts[j]);
        }
        json_end_array(&out);
        json_end_object(&out);
    }
    pthread_mutex_unlock(&outbox->mutex);
    json_end_array(&out);
    json_end_object(&out);
    http_server_reply_json(response, 200, SLICE(""));
}

static void list_published(struct local_outbox *outbox, struct http_server_response *response)
{
    struct json_writer out;
    json_writer_init(&out, &response->body);
    json_begin_object(&out, NULL);
    json_begin_array(&out, "published");
    pthread_mutex_lock(&outbox->mutex);
    for (size_t i = 0; i < outbox->published_count; i++) {
        json_write_raw(&out, NULL, slice_from_text(outbox->published[i]));
    }
    pthread_mutex_unlock(&outbox->mutex);
    json_end_array(&out);
    json_end_object(&out);
    http_server_reply_json(response, 200, SLICE(""));
}

void local_outbox_control(struct local_outbox *outbox, const struct http_server_request *request,
                          const char *address, struct http_server_response *response)
{
    bool get = slice_equals(request->method, SLICE("GET"));
    if (slice_equals(request->path, RESPONSES_PATH) && get) {
        list_responses(outbox, response);
    } else if (slice_equals(request->path, RESPONSES_PATH) &&
               slice_equals(request->method, SLICE("POST"))) {
        mint_url(outbox, request, address, response);
    } else if (slice_equals(request->path, PUBLISHED_PATH) && get) {
        list_published(outbox, response);
    } else {
        reply_message(response, 405, "POST or GET responses, GET published");
    }
}

/* --- credentials --- */

bool local_outbox_find_secret(struct local_outbox *outbox, struct slice access_key_id,
                              struct slice *secret, struct slice *session_token)
{
    pthread_mutex_lock(&outbox->mutex);
    const struct local_credential *credential =
        local_table_find(&outbox->credentials, access_key_id);
    bool found = credential != NULL && clock_now_ms(outbox->clock) < credential->expires_at_ms;
    if (found) {
        *secret = slice_from_text(credential->secret);
        *session_token = slice_from_text(credential->session_token);
    }
    pthread_mutex_unlock(&outbox->mutex);
    return found;
}

/* --- the query protocol --- */

static struct slice decode_form(struct arena *arena, struct slice encoded)
{
    CLEANUP(buffer_clear) struct buffer value;
    buffer_init(&value, encoded.size);
    if (decode_percent(encoded, true, &value, NULL) != STATUS_OK) {
        return SLICE_NONE;
    }
    return arena_copy(arena, buffer_slice(&value));
}

struct slice local_form_field(const struct http_server_request *request, const char *name)
{
    struct slice rest = request->body;
    while (rest.size > 0) {
        size_t end = slice_find_byte(rest, '&');
        struct slice pair = slice_part(rest, 0, end);
        size_t equals = slice_find_byte(pair, '=');
        rest = slice_part(rest, end + 1, rest.size);
        if (slice_equals_text(slice_part(pair, 0, equals), name)) {
            return decode_form(request->arena, slice_part(pair, equals + 1, pair.size));
        }
    }
    return SLICE_NONE;
}

void local_xml_reply(struct http_server_response *response, struct slice xml)
{
    response->code = 200;
    response->content_type = "text/xml";
    buffer_append(&response->body, xml);
}

void local_xml_error(struct local_outbox *outbox, const struct http_server_request *request,
                     struct http_server_response *response, int code, const char *name,
                     const char *text)
{
    struct buffer *out = &response->body;
    response->code = code;
    response->content_type = "text/xml";
    buffer_append_text(out, "<ErrorResponse><Error><Type>Sender</Type>");
    xml_append_element(out, "Code", slice_from_text(name));
    xml_append_element(out, "Message", slice_from_text(text));
    buffer_append_text(out, "</Error>");
    xml_append_element(out, "RequestId",
                       slice_from_text(local_outbox_uuid(outbox, request->arena)));
    buffer_append_text(out, "</ErrorResponse>");
}

void local_outbox_query(struct local_outbox *outbox, const struct http_server_request *request,
                        struct http_server_response *response)
{
    struct slice action = local_form_field(request, "Action");
    if (slice_equals(action, SLICE("Publish"))) {
        local_sns_publish(outbox, request, response);
    } else if (slice_equals(action, SLICE("AssumeRole"))) {
        local_sts_assume_role(outbox, request, "AssumeRole", response);
    } else if (slice_equals(action, SLICE("AssumeRoleWithWebIdentity"))) {
        local_sts_assume_role(outbox, request, "AssumeRoleWithWebIdentity", response);
    } else if (slice_equals(action, SLICE("GetCallerIdentity"))) {
        local_sts_identity(outbox, request, response);
    } else {
        local_xml_error(outbox, request, response, 400, "InvalidAction",
                        "The action is not known.");
    }
}
