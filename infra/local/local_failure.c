#include "infra/local/local_failure.h"

#include "infra/local/service.h"
#include "infra/local/xml.h"

const char *local_failure_member(enum local_service service)
{
    return service == LOCAL_SERVICE_DATA ? "Message" : "message";
}

static void reply_xml(int code, const char *begin, const char *end, const char *name,
                      struct slice text, struct http_server_response *response)
{
    buffer_reset(&response->body);
    buffer_append_text(&response->body, begin);
    xml_append_element(&response->body, "Code", slice_from_text(name));
    xml_append_element(&response->body, "Message", text);
    buffer_append_text(&response->body, end);
    response->code = code;
    response->content_type = "application/xml";
    response->header_count = 0;
}

void local_failure_reply(const struct local_route *route, int code, const char *name,
                         struct slice text, struct http_server_response *response)
{
    switch (route->protocol) {
    case LOCAL_PROTOCOL_JSON:
        response->header_count = 0;
        local_reply_error(response, code, name, local_failure_member(route->service), text);
        break;
    case LOCAL_PROTOCOL_QUERY:
        reply_xml(code,
                  code >= 500 ? "<ErrorResponse><Error><Type>Receiver</Type>"
                              : "<ErrorResponse><Error><Type>Sender</Type>",
                  "</Error></ErrorResponse>", name, text, response);
        break;
    case LOCAL_PROTOCOL_S3:
        reply_xml(code, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>", "</Error>", name,
                  text, response);
        break;
    }
}

void local_failure_unknown(const struct local_route *route, struct http_server_response *response)
{
    const bool query = route->protocol == LOCAL_PROTOCOL_QUERY;
    local_failure_reply(route, 400, query ? "InvalidAction" : "UnknownOperationException",
                        SLICE("This operation is not served here"), response);
}

void local_failure_throttle(const struct local_route *route, struct http_server_response *response)
{
    static const struct {
        int code;
        const char *name;
    } by_protocol[] = {
        [LOCAL_PROTOCOL_JSON] = {400, "ThrottlingException"},
        [LOCAL_PROTOCOL_QUERY] = {400, "Throttling"},
        [LOCAL_PROTOCOL_S3] = {503, "SlowDown"},
    };
    local_failure_reply(route, by_protocol[route->protocol].code, by_protocol[route->protocol].name,
                        SLICE("Rate exceeded"), response);
}

void local_failure_internal(const struct local_route *route, struct http_server_response *response)
{
    static const char *const names[] = {
        [LOCAL_PROTOCOL_JSON] = "InternalServerException",
        [LOCAL_PROTOCOL_QUERY] = "InternalError",
        [LOCAL_PROTOCOL_S3] = "InternalError",
    };
    local_failure_reply(route, 500, names[route->protocol],
                        SLICE("We encountered an internal error."), response);
}
