#include "tests/unit/local/exchange.h"

#include <string.h>

void exchange_init(struct exchange *exchange, const char *method, const char *target,
                   struct slice body)
{
    const struct slice whole = slice_from_text(target);
    const size_t mark = slice_find_byte(whole, '?');
    memset(exchange, 0, sizeof(*exchange));
    exchange->request = (struct http_server_request){
        .method = slice_from_text(method),
        .path = slice_part(whole, 0, mark),
        .query = slice_part(whole, mark + 1, whole.size),
        .body = body,
        .arena = arena_new(256u << 20),
    };
    exchange->response.code = 200;
    buffer_init(&exchange->response.body, 32u << 20);
}

void exchange_clear(struct exchange *exchange)
{
    buffer_clear(&exchange->response.body);
    arena_free(exchange->request.arena);
}

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
    exchange->request.headers[exchange->request.header_count++] =
        (struct http_server_header){slice_from_text(name), slice_from_text(value)};
}

struct slice exchange_response_header(const struct exchange *exchange, const char *name)
{
    for (size_t i = 0; i < exchange->response.header_count; i++) {
        if (slice_equals_ignore_case(exchange->response.headers[i].name, slice_from_text(name))) {
            return exchange->response.headers[i].value;
        }
    }
    return SLICE_NONE;
}

bool exchange_body_has(const struct exchange *exchange, const char *text)
{
    const struct slice body = buffer_slice(&exchange->response.body);
    return slice_find(body, slice_from_text(text)) < body.size;
}
