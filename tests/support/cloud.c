#include "tests/support/cloud.h"

#include "tests/support/cloud_queue.h"
#include "tests/support/cmocka.h"
#include "tests/support/http_fixture.h"

#include "infra/base/arena.h"
#include "infra/base/buffer.h"
#include "infra/base/json_reader.h"
#include "infra/base/json_writer.h"
#include "infra/base/memory.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXCHANGES_MAX  4096
#define STATEMENTS_MAX 256
#define TASKS_MAX      256
#define ANSWERS_MAX    64
#define TEXT_BYTES     2100
#define BODY_BYTES     (1u << 20)

struct statement {
    char name[TEXT_BYTES];
    char token[TEXT_BYTES];
    size_t runs;
    char status[16];
    char error[256];
};

struct task {
    char token[TEXT_BYTES];
    char state[16]; /* "": open */
    size_t taken;
};

struct exchange {
    char operation[64];
    struct slice body;
};

struct answer {
    char operation[64];
    int code;
    const char *body;
    bool used;
};

struct cloud {
    struct http_fixture *server;
    pthread_mutex_t lock;
    struct arena *arena;   /* of everything that is kept */
    struct arena *scratch; /* of one exchange */
    struct exchange exchanges[EXCHANGES_MAX];
    size_t exchange_count;
    struct statement statements[STATEMENTS_MAX];
    size_t statement_count;
    struct task tasks[TASKS_MAX];
    size_t task_count;
    struct cloud_queues *queues;
    struct answer answers[ANSWERS_MAX];
    size_t answer_count;
    size_t break_at;
    enum cloud_break break_how;
    void (*watch)(void *context, const char *operation);
    void *watch_context;
    char delayed[64];
    int64_t delay_ms;
    struct buffer reply;
    char calls[16384];
};

static void insist(bool condition, const char *what)
{
    if (!condition) {
        memory_abort(what);
    }
}

static void copy_text(char *out, size_t out_bytes, struct slice text)
{
    insist(text.size < out_bytes, "cloud: text too long");
    if (text.size > 0) {
        memcpy(out, text.data, text.size);
    }
    out[text.size] = '\0';
}

const char *cloud_statement_id(size_t index)
{
    static char ids[STATEMENTS_MAX][40];
    insist(index < STATEMENTS_MAX, "cloud: too many statements");
    (void)snprintf(ids[index], sizeof(ids[index]), "d9b6c0c9-0747-4bf4-b142-e88831%06zu", index);
    return ids[index];
}

/* ---- Answers ---- */

static struct slice member(struct json request, const char *name)
{
    struct slice text = SLICE_NONE;
    insist(json_find_text(request, name, 0, &text, NULL) == STATUS_OK, "cloud: wrong type");
    return text;
}

static int refuse(struct cloud *cloud, const char *type)
{
    buffer_append_format(&cloud->reply, "{\"__type\":\"%s\",\"message\":\"%s, says AWS\"}", type,
                         type);
    return 400;
}

static struct statement *find_by_id(struct cloud *cloud, struct slice id)
{
    for (size_t i = 0; i < cloud->statement_count; i++) {
        if (slice_equals_text(id, cloud_statement_id(i))) {
            return &cloud->statements[i];
        }
    }
    return NULL;
}

static struct statement *find_by_name(struct cloud *cloud, struct slice name)
{
    for (size_t i = 0; i < cloud->statement_count; i++) {
        if (slice_equals_text(name, cloud->statements[i].name)) {
            return &cloud->statements[i];
        }
    }
    return NULL;
}

static int submit(struct cloud *cloud, struct json request)
{
    struct slice token = member(request, "ClientToken");
    size_t index = 0;
    while (index < cloud->statement_count &&
           !slice_equals_text(token, cloud->statements[index].token)) {
        index++;
    }
    if (index == cloud->statement_count) {
        insist(index < STATEMENTS_MAX, "cloud: too many statements");
        struct statement *statement = &cloud->statements[cloud->statement_count++];
        copy_text(statement->token, sizeof(statement->token), token);
        copy_text(statement->name, sizeof(statement->name), member(request, "StatementName"));
        copy_text(statement->status, sizeof(statement->status), SLICE("STARTED"));
        statement->runs = 1;
    }
    buffer_append_format(&cloud->reply,
                         "{\"Id\":\"%s\",\"CreatedAt\":1795178096.5,\"Database\":\"dev\"}",
                         cloud_statement_id(index));
    return 200;
}

static int describe(struct cloud *cloud, struct json request)
{
    const struct statement *statement = find_by_id(cloud, member(request, "Id"));
    if (statement == NULL) {
        return refuse(cloud, "ResourceNotFoundException");
    }
    struct json_writer writer;
    json_writer_init(&writer, &cloud->reply);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "Id", member(request, "Id"));
    json_write_text(&writer, "Status", slice_from_text(statement->status));
    json_write_text(&writer, "Error", slice_from_text(statement->error));
    json_write_text(&writer, "QueryString", SLICE("select 'secret'"));
    json_write_bool(&writer, "HasResultSet", true);
    json_write_int64(&writer, "ResultRows", 3);
    json_write_int64(&writer, "Duration", 812000000);
    json_end_object(&writer);
    return 200;
}

/* Two rows in two pages. */
static int get_result(struct cloud *cloud, struct json request)
{
    const bool first = member(request, "NextToken").size == 0;
    if (find_by_id(cloud, member(request, "Id")) == NULL) {
        return refuse(cloud, "ResourceNotFoundException");
    }
    buffer_append_format(&cloud->reply,
                         "{\"ColumnMetadata\":[{\"label\":\"id\"}],\"TotalNumRows\":2,"
                         "\"Records\":[[{\"longValue\":%d}]]%s}",
                         first ? 1 : 2, first ? ",\"NextToken\":\"more\"" : "");
    return 200;
}

static int list(struct cloud *cloud, struct json request)
{
    struct slice prefix = member(request, "StatementName");
    struct json_writer writer;
    json_writer_init(&writer, &cloud->reply);
    json_begin_object(&writer, NULL);
    json_begin_array(&writer, "Statements");
    for (size_t i = 0; i < cloud->statement_count; i++) {
        if (slice_starts_with(slice_from_text(cloud->statements[i].name), prefix)) {
            json_begin_object(&writer, NULL);
            json_write_text(&writer, "Id", slice_from_text(cloud_statement_id(i)));
            json_write_text(&writer, "StatementName", slice_from_text(cloud->statements[i].name));
            json_write_text(&writer, "Status", slice_from_text(cloud->statements[i].status));
            json_end_object(&writer);
        }
    }
    json_end_array(&writer);
    json_end_object(&writer);
    return 200;
}

static int cancel(struct cloud *cloud, struct json request)
{
    struct statement *statement = find_by_id(cloud, member(request, "Id"));
    if (statement == NULL || strcmp(statement->status, "STARTED") != 0) {
        return refuse(cloud,
                      statement == NULL ? "ResourceNotFoundException" : "ValidationException");
    }
    copy_text(statement->status, sizeof(statement->status), SLICE("ABORTED"));
    buffer_append_text(&cloud->reply, "{\"Status\":true}");
    return 200;
}

static struct task *find_task(struct cloud *cloud, struct slice token)
{
    for (size_t i = 0; i < cloud->task_count; i++) {
        if (slice_equals_text(token, cloud->tasks[i].token)) {
            return &cloud->tasks[i];
        }
    }
    insist(cloud->task_count < TASKS_MAX, "cloud: too many tasks");
    struct task *task = &cloud->tasks[cloud->task_count++];
    copy_text(task->token, sizeof(task->token), token);
    return task;
}

static int send_task(struct cloud *cloud, struct json request, const char *state)
{
    struct task *task = find_task(cloud, member(request, "taskToken"));
    if (task->state[0] != '\0') {
        return refuse(cloud, "TaskTimedOut");
    }
    copy_text(task->state, sizeof(task->state), slice_from_text(state));
    task->taken += state[0] != '\0';
    buffer_append_text(&cloud->reply, "{}");
    return 200;
}

static int carry_out(struct cloud *cloud, const char *operation, struct json request)
{
    if (strcmp(operation, "ExecuteStatement") == 0 ||
        strcmp(operation, "BatchExecuteStatement") == 0) {
        return submit(cloud, request);
    }
    if (strcmp(operation, "DescribeStatement") == 0) {
        return describe(cloud, request);
    }
    if (strcmp(operation, "GetStatementResult") == 0) {
        return get_result(cloud, request);
    }
    if (strcmp(operation, "ListStatements") == 0) {
        return list(cloud, request);
    }
    if (strcmp(operation, "CancelStatement") == 0) {
        return cancel(cloud, request);
    }
    if (cloud_queues_call(cloud->queues, operation, request, &cloud->reply)) {
        return 200;
    }
    return send_task(cloud, request,
                     strcmp(operation, "SendTaskSuccess") == 0   ? "SUCCEEDED"
                     : strcmp(operation, "SendTaskFailure") == 0 ? "FAILED"
                                                                 : "");
}

/* ---- Exchanges ---- */

static struct answer *scripted(struct cloud *cloud, const char *operation)
{
    for (size_t i = 0; i < cloud->answer_count; i++) {
        if (!cloud->answers[i].used && strcmp(cloud->answers[i].operation, operation) == 0) {
            cloud->answers[i].used = true;
            return &cloud->answers[i];
        }
    }
    return NULL;
}

static struct http_fixture_reply answer(struct cloud *cloud, const char *operation,
                                        struct slice body)
{
    struct json request;
    struct http_fixture_reply reply = {0};
    const struct answer *fixed = scripted(cloud, operation);
    const bool broken = cloud->exchange_count == cloud->break_at;
    const bool before =
        cloud->break_how == CLOUD_RESET_BEFORE || cloud->break_how == CLOUD_5XX_BEFORE;
    buffer_reset(&cloud->reply);
    if (fixed != NULL) {
        reply.code = fixed->code;
        buffer_append_text(&cloud->reply, fixed->body);
    } else if (strcmp(operation, "PutObject") == 0) {
        reply.code = 200;
        buffer_append_text(&cloud->reply, "");
    } else if (!broken || !before) {
        insist(json_parse(cloud->scratch, body, &request, NULL) == STATUS_OK, "cloud: not JSON");
        reply.code = carry_out(cloud, operation, request);
    }
    if (broken) {
        const bool reset =
            cloud->break_how == CLOUD_RESET_BEFORE || cloud->break_how == CLOUD_RESET_AFTER;
        reply = (struct http_fixture_reply){
            .code = 503, .fault = reset ? HTTP_FIXTURE_RESET : HTTP_FIXTURE_NO_FAULT};
        return reply;
    }
    reply.body = cloud->reply.data;
    reply.delay_ms = strcmp(cloud->delayed, operation) == 0 ? cloud->delay_ms : 0;
    return reply;
}

/* Calls without X-Amz-Target are S3's. */
static struct slice object_call(const struct http_fixture_request *request)
{
    return slice_equals_text(request->method, "GET") ? SLICE("GetObject") : SLICE("PutObject");
}

static struct http_fixture_reply handle(void *context, const struct http_fixture_request *request)
{
    struct cloud *cloud = context;
    struct slice target = http_fixture_header(request, "X-Amz-Target");
    size_t dot = slice_find_byte(target, '.');
    (void)pthread_mutex_lock(&cloud->lock);
    insist(cloud->exchange_count < EXCHANGES_MAX, "cloud: too many exchanges");
    struct exchange *exchange = &cloud->exchanges[cloud->exchange_count++];
    copy_text(exchange->operation, sizeof(exchange->operation),
              target.size > 0 ? slice_part(target, dot + 1, target.size) : object_call(request));
    exchange->body = arena_copy(cloud->arena, request->body);
    arena_reset(cloud->scratch);
    if (cloud->watch != NULL) {
        cloud->watch(cloud->watch_context, exchange->operation);
    }
    const struct http_fixture_reply reply = answer(cloud, exchange->operation, exchange->body);
    (void)pthread_mutex_unlock(&cloud->lock);
    return reply;
}

struct cloud *cloud_new(void)
{
    struct cloud *cloud = memory_new(sizeof(*cloud));
    cloud->arena = arena_new(64u << 20);
    cloud->scratch = arena_new(16u << 20);
    cloud->queues = cloud_queues_new();
    buffer_init(&cloud->reply, BODY_BYTES);
    insist(pthread_mutex_init(&cloud->lock, NULL) == 0, "cloud: no lock");
    cloud->server = http_fixture_open();
    http_fixture_handle(cloud->server, handle, cloud);
    return cloud;
}

void cloud_free(struct cloud *cloud)
{
    http_fixture_close(cloud->server);
    (void)pthread_mutex_destroy(&cloud->lock);
    buffer_clear(&cloud->reply);
    cloud_queues_free(cloud->queues);
    arena_free(cloud->arena);
    arena_free(cloud->scratch);
    free(cloud);
}

const char *cloud_url(struct cloud *cloud)
{
    return http_fixture_url(cloud->server);
}

/* ---- What tests say and ask ---- */

void cloud_answer(struct cloud *cloud, const char *operation, int code, const char *body)
{
    (void)pthread_mutex_lock(&cloud->lock);
    insist(cloud->answer_count < ANSWERS_MAX, "cloud: too many answers");
    struct answer *answer = &cloud->answers[cloud->answer_count++];
    copy_text(answer->operation, sizeof(answer->operation), slice_from_text(operation));
    answer->code = code;
    answer->body = arena_text(cloud->arena, slice_from_text(body));
    (void)pthread_mutex_unlock(&cloud->lock);
}

void cloud_break(struct cloud *cloud, size_t exchange, enum cloud_break how)
{
    (void)pthread_mutex_lock(&cloud->lock);
    cloud->break_at = exchange;
    cloud->break_how = how;
    (void)pthread_mutex_unlock(&cloud->lock);
}

void cloud_delay(struct cloud *cloud, const char *operation, int64_t delay_ms)
{
    (void)pthread_mutex_lock(&cloud->lock);
    copy_text(cloud->delayed, sizeof(cloud->delayed), slice_from_text(operation));
    cloud->delay_ms = delay_ms;
    (void)pthread_mutex_unlock(&cloud->lock);
}

void cloud_watch(struct cloud *cloud, void (*watch)(void *context, const char *operation),
                 void *context)
{
    (void)pthread_mutex_lock(&cloud->lock);
    cloud->watch = watch;
    cloud->watch_context = context;
    (void)pthread_mutex_unlock(&cloud->lock);
}

size_t cloud_count(struct cloud *cloud, const char *operation)
{
    size_t count = 0;
    (void)pthread_mutex_lock(&cloud->lock);
    for (size_t i = 0; i < cloud->exchange_count; i++) {
        count += operation == NULL || strcmp(cloud->exchanges[i].operation, operation) == 0;
    }
    (void)pthread_mutex_unlock(&cloud->lock);
    return count;
}

struct slice cloud_body(struct cloud *cloud, const char *operation, size_t index)
{
    struct slice body = SLICE_NONE;
    size_t count = 0;
    (void)pthread_mutex_lock(&cloud->lock);
    for (size_t i = 0; i < cloud->exchange_count && body.data == NULL; i++) {
        if (strcmp(cloud->exchanges[i].operation, operation) == 0 && count++ == index) {
            body = cloud->exchanges[i].body;
        }
    }
    (void)pthread_mutex_unlock(&cloud->lock);
    assert_non_null(body.data);
    return body;
}

const char *cloud_calls(struct cloud *cloud)
{
    size_t size = 0;
    (void)pthread_mutex_lock(&cloud->lock);
    cloud->calls[0] = '\0';
    for (size_t i = 0; i < cloud->exchange_count && size < sizeof(cloud->calls); i++) {
        size += (size_t)snprintf(cloud->calls + size, sizeof(cloud->calls) - size, "%s%s",
                                 i > 0 ? " " : "", cloud->exchanges[i].operation);
    }
    (void)pthread_mutex_unlock(&cloud->lock);
    return cloud->calls;
}

void cloud_end(struct cloud *cloud, const char *name, const char *status, const char *error)
{
    (void)pthread_mutex_lock(&cloud->lock);
    struct statement *statement = find_by_name(cloud, slice_from_text(name));
    if (statement != NULL) {
        copy_text(statement->status, sizeof(statement->status), slice_from_text(status));
        copy_text(statement->error, sizeof(statement->error), slice_from_text(error));
    }
    (void)pthread_mutex_unlock(&cloud->lock);
    assert_non_null(statement);
}

size_t cloud_runs(struct cloud *cloud, const char *name)
{
    size_t runs = 0;
    (void)pthread_mutex_lock(&cloud->lock);
    for (size_t i = 0; i < cloud->statement_count; i++) {
        if (strcmp(cloud->statements[i].name, name) == 0) {
            runs += cloud->statements[i].runs;
        }
    }
    (void)pthread_mutex_unlock(&cloud->lock);
    return runs;
}

const char *cloud_id(struct cloud *cloud, const char *name)
{
    const char *id = "";
    (void)pthread_mutex_lock(&cloud->lock);
    for (size_t i = 0; i < cloud->statement_count; i++) {
        if (strcmp(cloud->statements[i].name, name) == 0) {
            id = cloud_statement_id(i);
        }
    }
    (void)pthread_mutex_unlock(&cloud->lock);
    return id;
}

size_t cloud_statements(struct cloud *cloud)
{
    (void)pthread_mutex_lock(&cloud->lock);
    const size_t count = cloud->statement_count;
    (void)pthread_mutex_unlock(&cloud->lock);
    return count;
}

size_t cloud_taken(struct cloud *cloud, const char *token)
{
    (void)pthread_mutex_lock(&cloud->lock);
    const size_t taken = find_task(cloud, slice_from_text(token))->taken;
    (void)pthread_mutex_unlock(&cloud->lock);
    return taken;
}

const char *cloud_task_state(struct cloud *cloud, const char *token)
{
    (void)pthread_mutex_lock(&cloud->lock);
    const char *state = find_task(cloud, slice_from_text(token))->state;
    (void)pthread_mutex_unlock(&cloud->lock);
    return state;
}

/* ---- Queues ---- */

void cloud_queue_put(struct cloud *cloud, const char *url, const char *body)
{
    (void)pthread_mutex_lock(&cloud->lock);
    cloud_queues_put(cloud->queues, slice_from_text(url), slice_from_text(body));
    (void)pthread_mutex_unlock(&cloud->lock);
}

void cloud_queue_redeliver(struct cloud *cloud)
{
    (void)pthread_mutex_lock(&cloud->lock);
    cloud_queues_redeliver(cloud->queues);
    (void)pthread_mutex_unlock(&cloud->lock);
}

size_t cloud_queue_count(struct cloud *cloud, const char *url)
{
    (void)pthread_mutex_lock(&cloud->lock);
    const size_t count = cloud_queues_count(cloud->queues, slice_from_text(url));
    (void)pthread_mutex_unlock(&cloud->lock);
    return count;
}

struct slice cloud_queue_body(struct cloud *cloud, const char *url, size_t index)
{
    (void)pthread_mutex_lock(&cloud->lock);
    const struct slice body = cloud_queues_body(cloud->queues, slice_from_text(url), index);
    (void)pthread_mutex_unlock(&cloud->lock);
    return body;
}
