#include "infra/base/encode.h"
#include "infra/base/memory.h"
#include "infra/local/local_table.h"
#include "infra/local/service.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX_BYTES  2048
#define TOKEN_RAW_BYTES  525                     /* 700 characters of base64 */
#define TOKEN_PREFIX     "AAAAKgAAAAIAAAAAAAAAA" /* what AWS's tokens begin with */
#define OUTPUT_MAX_BYTES 262144
#define ERROR_MAX_CHARS  256
#define CAUSE_MAX_CHARS  32768
#define SECONDS_MAX      31536000.0
#define TASKS_PATH       SLICE("/_ringback/tasks")

#define TEXT_CLOSED      "Task Timed Out: 'Provided task does not exist anymore'"
#define TEXT_UNKNOWN     "Task does not exist"
#define TEXT_MALFORMED   "Invalid Token: 'Invalid token'"
#define TEXT_OUTPUT      "Invalid output: the output is not valid JSON"

enum task_state { TASK_RUNNING, TASK_SUCCEEDED, TASK_FAILED, TASK_TIMED_OUT, TASK_ABORTED };

static const char *const STATE_NAMES[] = {
    [TASK_RUNNING] = "RUNNING",     [TASK_SUCCEEDED] = "SUCCEEDED", [TASK_FAILED] = "FAILED",
    [TASK_TIMED_OUT] = "TIMED_OUT", [TASK_ABORTED] = "ABORTED",
};

struct task {
    int64_t n;
    char *token;
    enum task_state state;
    char *output; /* NULL: none */
    char *error;
    char *cause;
    int64_t accepted_count; /* closings that took effect: 0 or 1 */
    int64_t refused_count;  /* calls refused because it was closed */
    int64_t heartbeat_count;
    int64_t deadline_ms;  /* INT64_MAX: none */
    int64_t heartbeat_ms; /* longest pause between two signs of life; 0: any */
    int64_t alive_at_ms;  /* last accepted call; once closed, the closing */
};

struct local_tasks {
    pthread_mutex_t mutex;
    const struct clock *clock;
    const struct random *random;
    struct task **tasks; /* task n is at n - 1 */
    size_t count;
    size_t capacity;
    struct local_table by_token;
};

struct local_tasks *local_tasks_new(const struct clock *clock, const struct random *random)
{
    struct local_tasks *tasks = memory_new(sizeof(*tasks));
    pthread_mutex_init(&tasks->mutex, NULL);
    tasks->clock = clock;
    tasks->random = random;
    return tasks;
}

void local_tasks_free(struct local_tasks *tasks)
{
    if (tasks == NULL) {
        return;
    }
    for (size_t i = 0; i < tasks->count; i++) {
        free(tasks->tasks[i]->token);
        free(tasks->tasks[i]->output);
        free(tasks->tasks[i]->error);
        free(tasks->tasks[i]->cause);
        free(tasks->tasks[i]);
    }
    free(tasks->tasks);
    local_table_clear(&tasks->by_token);
    pthread_mutex_destroy(&tasks->mutex);
    free(tasks);
}

/* Time-outs happen when somebody looks. */
static void settle(struct task *task, int64_t now_ms)
{
    bool silent = task->heartbeat_ms > 0 && now_ms - task->alive_at_ms >= task->heartbeat_ms;
    if (task->state == TASK_RUNNING && (silent || now_ms >= task->deadline_ms)) {
        task->state = TASK_TIMED_OUT;
    }
}

/* --- SendTask* --- */

static void fail(struct http_server_response *response, const char *name, const char *text)
{
    local_reply_error(response, 400, name, "message", slice_from_text(text));
}

static bool fail_validation(const struct local_call *call, struct http_server_response *response,
                            const char *member, const char *rule)
{
    fail(response, "ValidationException",
         arena_format(call->arena,
                      "1 validation error detected: Value at '%s' failed to satisfy constraint: "
                      "Member must %s",
                      member, rule));
    return false;
}

static size_t count_characters(struct slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++) {
        count += ((unsigned char)text.data[i] & 0xC0) != 0x80 ? 1 : 0;
    }
    return count;
}

/* Absent stays absent; false when the reply has been written. */
static bool read_member(const struct local_call *call, struct http_server_response *response,
                        const char *name, size_t max_characters, struct slice *text)
{
    struct error error = ERROR_NONE;
    *text = SLICE_NONE;
    if (json_find_text(call->input, name, 0, text, &error) != STATUS_OK) {
        fail(response, "SerializationException", arena_format(call->arena, "%s", error.text));
        return false;
    }
    if (count_characters(*text) > max_characters) {
        return fail_validation(
            call, response, name,
            arena_format(call->arena, "have length less than or equal to %zu", max_characters));
    }
    return true;
}

static bool is_token(struct slice token)
{
    CLEANUP(buffer_clear) struct buffer raw;
    buffer_init(&raw, TOKEN_MAX_BYTES);
    bool good = slice_starts_with(token, SLICE(TOKEN_PREFIX)) &&
                decode_base64(token, &raw, NULL) == STATUS_OK;
    buffer_wipe(&raw);
    return good;
}

/* What a call says; the task is looked up under the mutex. */
struct sent {
    struct slice token;
    struct slice output;
    struct slice error;
    struct slice cause;
};

static bool read_sent(const struct local_call *call, struct http_server_response *response,
                      struct sent *sent)
{
    if (!read_member(call, response, "taskToken", TOKEN_MAX_BYTES, &sent->token) ||
        !read_member(call, response, "error", ERROR_MAX_CHARS, &sent->error) ||
        !read_member(call, response, "cause", CAUSE_MAX_CHARS, &sent->cause) ||
        !read_member(call, response, "output", OUTPUT_MAX_BYTES, &sent->output)) {
        return false;
    }
    if (sent->token.size == 0) {
        return fail_validation(call, response, "taskToken",
                               "have length greater than or equal to 1");
    }
    if (sent->output.size > OUTPUT_MAX_BYTES) {
        return fail_validation(call, response, "output",
                               "have length less than or equal to 262144");
    }
    if (!is_token(sent->token)) {
        fail(response, "InvalidToken", TEXT_MALFORMED);
        return false;
    }
    return true;
}

static bool check_output(const struct local_call *call, struct http_server_response *response,
                         struct slice output)
{
    struct json ignored;
    if (output.data == NULL) {
        return fail_validation(call, response, "output", "not be null");
    }
    if (json_parse(call->arena, output, &ignored, NULL) != STATUS_OK) {
        fail(response, "InvalidOutput", TEXT_OUTPUT);
        return false;
    }
    return true;
}

static void close_task(struct task *task, enum task_state state, const struct sent *sent)
{
    task->state = state;
    task->accepted_count++;
    if (state == TASK_SUCCEEDED) {
        task->output = local_copy_text(sent->output);
    } else {
        task->error = local_copy_text(sent->error);
        task->cause = local_copy_text(sent->cause);
    }
}

/* state RUNNING: a heartbeat. */
static void apply(struct local_tasks *tasks, const struct sent *sent, enum task_state state,
                  struct http_server_response *response)
{
    int64_t now_ms = clock_now_ms(tasks->clock);
    struct task *task = local_table_find(&tasks->by_token, sent->token);
    if (task == NULL) {
        fail(response, "TaskDoesNotExist", TEXT_UNKNOWN);
        return;
    }
    settle(task, now_ms);
    if (task->state != TASK_RUNNING) {
        task->refused_count++;
        fail(response, "TaskTimedOut", TEXT_CLOSED);
        return;
    }
    task->alive_at_ms = now_ms;
    if (state == TASK_RUNNING) {
        task->heartbeat_count++;
    } else {
        close_task(task, state, sent);
    }
    local_reply(response, SLICE("{}"));
}

static bool find_operation(struct slice name, enum task_state *state)
{
    static const struct {
        const char *name;
        enum task_state state;
    } OPERATIONS[] = {
        {"SendTaskSuccess", TASK_SUCCEEDED},
        {"SendTaskFailure", TASK_FAILED},
        {"SendTaskHeartbeat", TASK_RUNNING},
    };
    for (size_t i = 0; i < ARRAY_COUNT(OPERATIONS); i++) {
        if (slice_equals_text(name, OPERATIONS[i].name)) {
            *state = OPERATIONS[i].state;
            return true;
        }
    }
    return false;
}

void local_tasks_handle(struct local_tasks *tasks, const struct local_call *call,
                        struct http_server_response *response)
{
    struct sent sent;
    enum task_state state = TASK_RUNNING;
    if (!find_operation(call->operation, &state)) {
        fail(response, "UnknownOperationException", "The operation is not known.");
    } else if (read_sent(call, response, &sent) &&
               (state != TASK_SUCCEEDED || check_output(call, response, sent.output))) {
        pthread_mutex_lock(&tasks->mutex);
        apply(tasks, &sent, state, response);
        pthread_mutex_unlock(&tasks->mutex);
    }
    response->content_type = "application/x-amz-json-1.0";
}

/* --- /_ringback/tasks --- */

static char *new_token(struct local_tasks *tasks)
{
    unsigned char raw[TOKEN_RAW_BYTES];
    CLEANUP(buffer_clear) struct buffer token;
    buffer_init(&token, TOKEN_MAX_BYTES);
    random_fill(tasks->random, raw, sizeof(raw));
    encode_base64(raw, sizeof(raw), &token);
    memcpy(token.data, TOKEN_PREFIX, sizeof(TOKEN_PREFIX) - 1);
    return local_copy_text(buffer_slice(&token));
}

static struct task *add_task(struct local_tasks *tasks, double heartbeat_seconds,
                             double timeout_seconds)
{
    struct task *task = memory_new(sizeof(*task));
    int64_t now_ms = clock_now_ms(tasks->clock);
    task->token = new_token(tasks);
    task->alive_at_ms = now_ms;
    task->heartbeat_ms = (int64_t)(heartbeat_seconds * 1000);
    task->deadline_ms =
        timeout_seconds > 0 ? now_ms + (int64_t)(timeout_seconds * 1000) : INT64_MAX;
    tasks->tasks =
        local_grow(tasks->tasks, &tasks->capacity, tasks->count + 1, sizeof(struct task *));
    tasks->tasks[tasks->count++] = task;
    task->n = (int64_t)tasks->count;
    local_table_put(&tasks->by_token, slice_from_text(task->token), task);
    return task;
}

static void write_task(struct json_writer *out, const struct task *task)
{
    json_begin_object(out, NULL);
    json_write_int64(out, "n", task->n);
    json_write_text(out, "taskToken", slice_from_text(task->token));
    json_write_text(out, "state", slice_from_text(STATE_NAMES[task->state]));
    json_write_text(out, "output", slice_from_text(task->output));
    json_write_text(out, "error", slice_from_text(task->error));
    json_write_text(out, "cause", slice_from_text(task->cause));
    json_write_int64(out, "accepted", task->accepted_count);
    json_write_int64(out, "refused", task->refused_count);
    json_write_int64(out, "heartbeats", task->heartbeat_count);
    if (task->accepted_count > 0) {
        json_write_int64(out, "closedAt", task->alive_at_ms);
    }
    json_end_object(out);
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

static void control_post(struct local_tasks *tasks, const struct http_server_request *request,
                         struct http_server_response *response)
{
    struct json body = {0};
    struct error error = ERROR_NONE;
    double heartbeat_seconds = 0;
    double timeout_seconds = 0;
    struct slice text = request->body.size > 0 ? request->body : SLICE("{}");
    if (json_parse(request->arena, text, &body, &error) != STATUS_OK ||
        json_find_double(body, "heartbeatSeconds", &heartbeat_seconds, &error) != STATUS_OK ||
        json_find_double(body, "timeoutSeconds", &timeout_seconds, &error) != STATUS_OK) {
        reply_message(response, 400, error.text);
        return;
    }
    if (!(heartbeat_seconds >= 0 && heartbeat_seconds <= SECONDS_MAX && timeout_seconds >= 0 &&
          timeout_seconds <= SECONDS_MAX)) {
        reply_message(response, 400, "seconds must be between 0 and 31536000");
        return;
    }
    pthread_mutex_lock(&tasks->mutex);
    const struct task *task = add_task(tasks, heartbeat_seconds, timeout_seconds);
    const char *reply = arena_format(request->arena, "{\"n\":%" PRId64 ",\"taskToken\":\"%s\"}",
                                     task->n, task->token);
    pthread_mutex_unlock(&tasks->mutex);
    http_server_reply_json(response, 200, slice_from_text(reply));
}

/* n absent: all of them. */
static void control_get(struct local_tasks *tasks, struct slice n,
                        struct http_server_response *response)
{
    struct json_writer out;
    int64_t only = 0;
    if (n.data != NULL && slice_to_int64(n, 1, INT64_MAX, &only, NULL) != STATUS_OK) {
        only = -1;
    }
    json_writer_init(&out, &response->body);
    json_begin_object(&out, NULL);
    json_begin_array(&out, "tasks");
    pthread_mutex_lock(&tasks->mutex);
    int64_t now_ms = clock_now_ms(tasks->clock);
    for (size_t i = 0; i < tasks->count; i++) {
        settle(tasks->tasks[i], now_ms);
        if (only == 0 || only == tasks->tasks[i]->n) {
            write_task(&out, tasks->tasks[i]);
        }
    }
    pthread_mutex_unlock(&tasks->mutex);
    json_end_array(&out);
    json_end_object(&out);
    http_server_reply_json(response, 200, SLICE(""));
}

static void control_delete(struct local_tasks *tasks, const struct http_server_request *request,
                           struct slice number, struct http_server_response *response)
{
    int64_t n = 0;
    enum task_state state = TASK_RUNNING;
    pthread_mutex_lock(&tasks->mutex);
    bool known = slice_to_int64(number, 1, (int64_t)tasks->count, &n, NULL) == STATUS_OK;
    if (known) {
        struct task *task = tasks->tasks[n - 1];
        settle(task, clock_now_ms(tasks->clock));
        task->state = task->state == TASK_RUNNING ? TASK_ABORTED : task->state;
        state = task->state;
    }
    pthread_mutex_unlock(&tasks->mutex);
    if (known) {
        http_server_reply_json(
            response, 200,
            slice_from_text(arena_format(request->arena, "{\"n\":%" PRId64 ",\"state\":\"%s\"}", n,
                                         STATE_NAMES[state])));
    } else {
        reply_message(response, 404, "no such task");
    }
}

void local_tasks_control(struct local_tasks *tasks, const struct http_server_request *request,
                         struct http_server_response *response)
{
    struct slice rest = slice_part(request->path, TASKS_PATH.size, request->path.size);
    if (slice_equals(request->method, SLICE("POST")) && rest.size == 0) {
        control_post(tasks, request, response);
    } else if (slice_equals(request->method, SLICE("GET")) && rest.size == 0) {
        control_get(tasks, http_server_query(request, "n"), response);
    } else if (slice_equals(request->method, SLICE("DELETE")) && rest.size > 1) {
        control_delete(tasks, request, slice_part(rest, 1, rest.size), response);
    } else {
        reply_message(response, 405, "POST or GET tasks, DELETE tasks/<n>");
    }
}
