#include "infra/local/service.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"

void local_reply_error(struct http_server_response *response, int code, const char *name,
                       const char *text_member, struct slice text)
{
    struct json_writer writer;
    buffer_reset(&response->body);
    json_writer_init(&writer, &response->body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "__type", slice_from_text(name));
    json_write_text(&writer, text_member, text);
    json_end_object(&writer);
    response->code = code;
    response->content_type = CONTENT_TYPE;
    response->headers[0] = (struct http_server_header){.name = SLICE("x-amzn-ErrorType"),
                                                       .value = slice_from_text(name)};
    response->header_count = 1;
}

void local_reply(struct http_server_response *response, struct slice json)
{
    response->code = 200;
    response->content_type = CONTENT_TYPE;
    response->header_count = 0;
    buffer_reset(&response->body);
    buffer_append(&response->body, json);
}
