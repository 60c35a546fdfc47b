#include "tests/unit/local/service_fixture.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES    ((size_t)256 << 20)
#define RESPONSE_BYTES ((size_t)32 << 20)

void service_fixture_init(struct service_fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    clock_fake_init(&fixture->clock, FIXTURE_NOW_MS);
    random_seeded_init(&fixture->random, 7);
    fixture->arena = arena_new(ARENA_BYTES);
    buffer_init(&fixture->response.body, RESPONSE_BYTES);
}

void service_fixture_clear(struct service_fixture *fixture)
{
    buffer_clear(&fixture->response.body);
    arena_free(fixture->arena);
}

static void empty_response(struct service_fixture *fixture)
{
    struct buffer body = fixture->response.body;
    buffer_reset(&body);
    fixture->response = (struct http_server_response){.code = 200, .body = body};
}

struct local_call fixture_call(struct service_fixture *fixture, const char *operation,
                               const char *input)
{
    struct local_call call = {.operation = slice_from_text(operation),
                              .arena = fixture->arena,
                              .address = FIXTURE_ADDRESS};
    empty_response(fixture);
    if (json_parse(fixture->arena, slice_from_text(input), &call.input, NULL) != STATUS_OK) {
        abort();
    }
    return call;
}

struct http_server_request fixture_request(struct service_fixture *fixture, const char *method,
                                           const char *path, const char *query, const char *body)
{
    empty_response(fixture);
    return (struct http_server_request){.method = slice_from_text(method),
                                        .path = slice_from_text(path),
                                        .query = slice_from_text(query),
                                        .body = slice_from_text(body),
                                        .arena = fixture->arena};
}

int fixture_answer(struct service_fixture *fixture)
{
    struct slice copy = arena_copy(fixture->arena, buffer_slice(&fixture->response.body));
    fixture->reply = (struct json){0};
    if (json_parse(fixture->arena, copy, &fixture->reply, NULL) != STATUS_OK) {
        fixture->reply = (struct json){0};
    }
    return fixture->response.code;
}

const char *fixture_text(struct service_fixture *fixture, struct json object, const char *name)
{
    struct slice text = SLICE("");
    if (json_text(json_member(object, name), &text, NULL) != STATUS_OK) {
        return "";
    }
    return arena_text(fixture->arena, text);
}

int64_t fixture_number(struct json object, const char *name)
{
    int64_t number = -1;
    return json_int64(json_member(object, name), INT64_MIN, INT64_MAX, &number, NULL) == STATUS_OK
               ? number
               : -1;
}

const char *fixture_header(struct service_fixture *fixture, const char *name)
{
    for (size_t i = 0; i < fixture->response.header_count; i++) {
        if (slice_equals_text(fixture->response.headers[i].name, name)) {
            return arena_text(fixture->arena, fixture->response.headers[i].value);
        }
    }
    return "";
}

const char *fixture_xml(struct service_fixture *fixture, const char *name)
{
    struct slice body = buffer_slice(&fixture->response.body);
    const char *open = arena_format(fixture->arena, "<%s>", name);
    const char *close = arena_format(fixture->arena, "</%s>", name);
    size_t start = slice_find(body, slice_from_text(open));
    if (start == body.size) {
        return "";
    }
    body = slice_part(body, start + strlen(open), body.size);
    return arena_text(fixture->arena,
                      slice_part(body, 0, slice_find(body, slice_from_text(close))));
}
