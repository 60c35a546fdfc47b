#include "tests/support/data_api.h"

#include "tests/support/cmocka.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define START_MS 1600000000000

static void keep_event(void *context, struct slice event)
{
    struct data_api *api = context;
    pthread_mutex_lock(&api->lock);
    assert_true(api->event_count < DATA_API_EVENTS_MAX);
    struct buffer *kept = &api->events[api->event_count++];
    buffer_init(kept, 64UL * 1024);
    buffer_append(kept, event);
    pthread_cond_broadcast(&api->emitted);
    pthread_mutex_unlock(&api->lock);
}

static enum status keep_object(void *context, const char *bucket, const char *key, bool overwrite,
                               struct slice object)
{
    struct data_api *api = context;
    pthread_mutex_lock(&api->lock);
    (void)snprintf(api->object_name, sizeof(api->object_name), "%s/%s%s", bucket, key,
                   overwrite ? " over" : "");
    buffer_reset(&api->object);
    buffer_append(&api->object, object);
    pthread_mutex_unlock(&api->lock);
    return api->store_answer;
}

void data_api_open(struct data_api *api, const char *engine)
{
    struct error error = ERROR_NONE;
    *api = (struct data_api){.code = 0};
    api->arena = arena_new(256UL * 1024 * 1024);
    buffer_init(&api->object, 1024UL * 1024);
    clock_fake_init(&api->clock, START_MS);
    pthread_mutex_init(&api->lock, NULL);
    pthread_cond_init(&api->emitted, NULL);
    const struct local_data_options options = {
        .engine = engine,
        .clock = &api->clock.clock,
        .random = random_system(),
        .emit = keep_event,
        .store = keep_object,
        .context = api,
    };
    if (local_data_new(&options, &api->data, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
}

void data_api_close(struct data_api *api)
{
    local_data_free(api->data);
    for (size_t i = 0; i < api->event_count; i++) {
        buffer_clear(&api->events[i]);
    }
    buffer_clear(&api->object);
    pthread_cond_destroy(&api->emitted);
    pthread_mutex_destroy(&api->lock);
    arena_free(api->arena);
}

static struct json parse(struct arena *arena, struct slice text)
{
    struct error error = ERROR_NONE;
    struct json root = {0};
    if (json_parse(arena, text, &root, &error) != STATUS_OK) {
        fail_msg("%s in: %.*s", error.text, SLICE_PRINT(text));
    }
    return root;
}

struct json data_api_call_in(struct data_api *api, struct arena *arena, int *code,
                             const char *operation, const char *input)
{
    const struct local_call call = {
        .operation = slice_from_text(operation),
        .input = parse(arena, slice_from_text(input)),
        .arena = arena,
        .address = "127.0.0.1:4566",
    };
    struct http_server_response response = {.code = 200};
    buffer_init(&response.body, 32UL * 1024 * 1024);
    local_data_handle(api->data, &call, &response);
    struct json answer = parse(arena, arena_copy(arena, buffer_slice(&response.body)));
    *code = response.code;
    buffer_clear(&response.body);
    return answer;
}

struct json data_api_call(struct data_api *api, const char *operation, const char *format, ...)
{
    char *text = NULL;
    va_list arguments;
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    assert_true(size >= 0);
    struct json answer = data_api_call_in(api, api->arena, &api->code, operation, text);
    free(text);
    return answer;
}

struct json data_api_statements(struct data_api *api)
{
    const struct http_server_request request = {
        .method = SLICE("GET"), .path = SLICE("/_ringback/statements"), .arena = api->arena};
    struct http_server_response response = {.code = 200};
    buffer_init(&response.body, 32UL * 1024 * 1024);
    local_data_control(api->data, &request, &response);
    struct json answer = parse(api->arena, arena_copy(api->arena, buffer_slice(&response.body)));
    buffer_clear(&response.body);
    return json_member(answer, "statements");
}

const char *data_api_text(struct data_api *api, struct json object, const char *name)
{
    struct slice text = SLICE("");
    assert_int_equal(json_find_text(object, name, 0, &text, NULL), STATUS_OK);
    return arena_text(api->arena, text);
}

int64_t data_api_number(struct json object, const char *name)
{
    int64_t number = 0;
    struct error error = ERROR_NONE;
    if (json_get_int64(object, name, INT64_MIN, INT64_MAX, &number, &error) != STATUS_OK) {
        fail_msg("%s", error.text);
    }
    return number;
}

bool data_api_flag(struct json object, const char *name)
{
    bool flag = false;
    assert_true(json_exists(json_member(object, name)));
    assert_int_equal(json_find_bool(object, name, &flag, NULL), STATUS_OK);
    return flag;
}

const char *data_api_execute(struct data_api *api, const char *sql, const char *extra)
{
    CLEANUP(buffer_clear) struct buffer quoted;
    buffer_init(&quoted, 1024UL * 1024);
    struct json_writer writer;
    json_writer_init(&writer, &quoted);
    json_write_text(&writer, NULL, slice_from_text(sql));
    struct json answer =
        data_api_call(api, "ExecuteStatement",
                      "{\"Sql\":%.*s,\"ClusterIdentifier\":\"c1\",\"Database\":\"dev\"%s}",
                      SLICE_PRINT(buffer_slice(&quoted)), extra);
    if (api->code != 200) {
        fail_msg("%s", data_api_text(api, answer, "Message"));
    }
    return data_api_text(api, answer, "Id");
}

struct json data_api_await(struct data_api *api, const char *id)
{
    struct json answer =
        data_api_call(api, "DescribeStatement", "{\"Id\":\"%s\",\"WaitTimeSeconds\":30}", id);
    assert_int_equal(api->code, 200);
    return answer;
}

void data_api_await_status(struct data_api *api, const char *id, const char *status)
{
    for (int i = 0; i < 10000; i++) {
        struct json answer = data_api_call(api, "DescribeStatement", "{\"Id\":\"%s\"}", id);
        if (strcmp(data_api_text(api, answer, "Status"), status) == 0) {
            return;
        }
        clock_sleep_ms(clock_system(), 1);
    }
    fail_msg("%s was never %s", id, status);
}

struct json data_api_event(struct data_api *api, size_t index)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 30;
    pthread_mutex_lock(&api->lock);
    while (api->event_count <= index) {
        assert_int_equal(pthread_cond_timedwait(&api->emitted, &api->lock, &end), 0);
    }
    struct json event = parse(api->arena, buffer_slice(&api->events[index]));
    pthread_mutex_unlock(&api->lock);
    return event;
}

const char *data_api_cell(struct data_api *api, const char *sql)
{
    const char *id = data_api_execute(api, sql, "");
    struct json described = data_api_await(api, id);
    if (strcmp(data_api_text(api, described, "Status"), "FINISHED") != 0) {
        return data_api_text(api, described, "Error");
    }
    struct json answer = data_api_call(api, "GetStatementResult", "{\"Id\":\"%s\"}", id);
    struct json cell = json_element(json_element(json_member(answer, "Records"), 0), 0);
    struct slice kind = SLICE("none");
    struct json value = json_member_at(cell, 0, &kind);
    if (slice_equals_text(kind, "isNull")) {
        return "null";
    }
    CLEANUP(buffer_clear) struct buffer text;
    buffer_init(&text, 1024UL * 1024);
    json_print(value, &text);
    return arena_format(api->arena, "%.*s:%.*s", SLICE_PRINT(kind),
                        SLICE_PRINT(buffer_slice(&text)));
}

void data_api_assert_refused(struct data_api *api, struct json answer, const char *name)
{
    assert_string_equal(data_api_text(api, answer, "__type"), name);
    assert_int_not_equal(api->code, 200);
    assert_true(strlen(data_api_text(api, answer, "Message")) > 0);
}
