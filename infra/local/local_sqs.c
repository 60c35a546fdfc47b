#include "infra/local/local_sqs.h"

#include "infra/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define SHAPE_PREFIX  "com.amazonaws.sqs#"
#define DEAD_RECEIVES "5"
#define DEAD_SUFFIX   SLICE("-dead")

static const struct {
    const char *shape;
    const char *code;
    const char *query_error;
    int http;
} FAULTS[LOCAL_SQS_FAULT_COUNT] = {
#define FAULT_ROW(symbol, name, legacy, status)                                                    \
    [LOCAL_SQS_##symbol] = {.shape = SHAPE_PREFIX name,                                            \
                            .code = (legacy),                                                      \
                            .query_error = legacy ";Sender",                                       \
                            .http = (status)},
    LOCAL_SQS_FAULTS(FAULT_ROW)
#undef FAULT_ROW
};

/* What AWS has and nothing here asks for. */
static bool unsupported(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    return local_sqs_fail(problem, LOCAL_SQS_UNSUPPORTED, "%.*s is not supported here.",
                          SLICE_PRINT(run->call->operation));
}

static const struct {
    const char *name;
    local_sqs_operation *run;
} OPERATIONS[] = {
    {"AddPermission", unsupported},
    {"CancelMessageMoveTask", unsupported},
    {"ListDeadLetterSourceQueues", unsupported},
    {"ListMessageMoveTasks", unsupported},
    {"ListQueueTags", unsupported},
    {"RemovePermission", unsupported},
    {"StartMessageMoveTask", unsupported},
    {"TagQueue", unsupported},
    {"UntagQueue", unsupported},
    {"ChangeMessageVisibility", local_sqs_change_visibility},
    {"ChangeMessageVisibilityBatch", local_sqs_change_visibility_batch},
    {"CreateQueue", local_sqs_create_queue},
    {"DeleteMessage", local_sqs_delete_message},
    {"DeleteMessageBatch", local_sqs_delete_message_batch},
    {"DeleteQueue", local_sqs_delete_queue},
    {"GetQueueAttributes", local_sqs_get_queue_attributes},
    {"GetQueueUrl", local_sqs_get_queue_url},
    {"ListQueues", local_sqs_list_queues},
    {"PurgeQueue", local_sqs_purge_queue},
    {"ReceiveMessage", local_sqs_receive_message},
    {"SendMessage", local_sqs_send_message},
    {"SendMessageBatch", local_sqs_send_message_batch},
    {"SetQueueAttributes", local_sqs_set_queue_attributes},
};

struct local_sqs *local_sqs_new(const struct clock *clock, const struct random *random)
{
    struct local_sqs *sqs = memory_new(sizeof(*sqs));
    pthread_mutex_init(&sqs->mutex, NULL);
    sqs->clock = clock;
    sqs->random = random;
    return sqs;
}

void local_sqs_free(struct local_sqs *sqs)
{
    if (sqs == NULL) {
        return;
    }
    while (sqs->queues != NULL) {
        struct local_queue *queue = sqs->queues;
        sqs->queues = queue->next;
        local_queue_free(queue);
    }
    while (sqs->deleted != NULL) {
        struct local_sqs_deleted *deleted = sqs->deleted;
        sqs->deleted = deleted->next;
        free(deleted);
    }
    pthread_mutex_destroy(&sqs->mutex);
    free(sqs);
}

void local_sqs_stop(struct local_sqs *sqs)
{
    pthread_mutex_lock(&sqs->mutex);
    sqs->stopping = true;
    for (struct local_queue *queue = sqs->queues; queue != NULL; queue = queue->next) {
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&sqs->mutex);
}

struct local_queue *local_sqs_find(const struct local_sqs *sqs, struct slice name)
{
    struct local_queue *queue = sqs->queues;
    while (queue != NULL && !slice_equals_text(name, queue->name)) {
        queue = queue->next;
    }
    return queue;
}

struct local_queue *local_sqs_add_queue(struct local_sqs *sqs, struct slice name, int64_t now_ms)
{
    struct local_queue *queue = local_queue_new(name, now_ms);
    struct local_queue **end = &sqs->queues;
    local_sqs_attributes_default(queue);
    while (*end != NULL) {
        end = &(*end)->next;
    }
    *end = queue;
    return queue;
}

static struct local_queue *find_or_add(struct local_sqs *sqs, struct slice name, int64_t now_ms)
{
    struct local_queue *queue = local_sqs_find(sqs, name);
    return queue != NULL ? queue : local_sqs_add_queue(sqs, name, now_ms);
}

void local_sqs_create(struct local_sqs *sqs, struct slice name)
{
    char dead[LOCAL_QUEUE_NAME_MAX + 1];
    char policy[LOCAL_SQS_ARN_BYTES + 64];
    struct slice suffix = slice_ends_with(name, SLICE(".fifo")) ? SLICE(".fifo") : SLICE("");
    struct slice stem = slice_part(name, 0, name.size - suffix.size);
    stem = slice_part(stem, 0, LOCAL_QUEUE_NAME_MAX - DEAD_SUFFIX.size - suffix.size);
    (void)snprintf(dead, sizeof(dead), "%.*s%.*s%.*s", SLICE_PRINT(stem), SLICE_PRINT(DEAD_SUFFIX),
                   SLICE_PRINT(suffix));
    (void)snprintf(policy, sizeof(policy),
                   "{\"deadLetterTargetArn\":\"" LOCAL_SQS_QUEUE_ARN "%s\","
                   "\"maxReceiveCount\":" DEAD_RECEIVES "}",
                   dead);
    pthread_mutex_lock(&sqs->mutex);
    int64_t now_ms = clock_now_ms(sqs->clock);
    if (local_sqs_find(sqs, name) == NULL) {
        struct local_queue *queue = local_sqs_add_queue(sqs, name, now_ms);
        (void)find_or_add(sqs, slice_from_text(dead), now_ms);
        local_sqs_attribute_apply(queue, SLICE("RedrivePolicy"), slice_from_text(policy));
    }
    pthread_mutex_unlock(&sqs->mutex);
}

bool local_sqs_put(struct local_sqs *sqs, struct slice queue_name, struct slice body,
                   int64_t delay_ms)
{
    char id[37];
    pthread_mutex_lock(&sqs->mutex);
    struct local_queue *queue = local_sqs_find(sqs, queue_name);
    if (queue != NULL) {
        int64_t now_ms = clock_now_ms(sqs->clock);
        struct local_message_parts parts = {.body = body};
        random_uuid(sqs->random, id);
        local_queue_add(queue, local_message_new(&parts, id, now_ms), now_ms, delay_ms);
    }
    pthread_mutex_unlock(&sqs->mutex);
    return queue != NULL;
}

bool local_sqs_fail(struct local_sqs_problem *problem, enum local_sqs_fault fault,
                    const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(problem->text, sizeof(problem->text), format, arguments);
    va_end(arguments);
    problem->fault = fault;
    return false;
}

const char *local_sqs_fault_code(enum local_sqs_fault fault)
{
    return FAULTS[fault].code;
}

static struct slice last_segment(struct slice url)
{
    size_t start = url.size;
    while (start > 0 && url.data[start - 1] != '/') {
        start--;
    }
    return slice_part(url, start, url.size - start);
}

struct local_queue *local_sqs_queue(struct local_sqs_run *run, struct local_sqs_problem *problem)
{
    struct slice url = SLICE_NONE;
    if (!local_sqs_get_text(run->call->input, "QueueUrl", &url, problem)) {
        return NULL;
    }
    if (slice_find_byte(url, '/') == url.size) {
        local_sqs_fail(problem, LOCAL_SQS_ADDRESS,
                       "The address %.*s is not valid for this endpoint.",
                       SLICE_PRINT(slice_cut_utf8(url, LOCAL_QUEUE_NAME_MAX)));
        return NULL;
    }
    struct local_queue *queue = local_sqs_find(run->sqs, last_segment(url));
    if (queue == NULL) {
        local_sqs_fail(problem, LOCAL_SQS_QUEUE_DOES_NOT_EXIST,
                       "The specified queue does not exist.");
        return NULL;
    }
    local_queue_settle(queue, run->now_ms);
    return queue;
}

bool local_sqs_find_text(struct json object, const char *name, struct slice *value,
                         struct local_sqs_problem *problem)
{
    struct error error = ERROR_NONE;
    if (json_find_text(object, name, 0, value, &error) != STATUS_OK) {
        return local_sqs_fail(problem, LOCAL_SQS_SERIALIZATION, "%s", error.text);
    }
    return true;
}

bool local_sqs_get_text(struct json object, const char *name, struct slice *value,
                        struct local_sqs_problem *problem)
{
    *value = SLICE_NONE;
    if (!local_sqs_find_text(object, name, value, problem)) {
        return false;
    }
    if (value->size == 0) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_MISSING,
                              "The request must contain the parameter %s.", name);
    }
    return true;
}

bool local_sqs_find_number(struct json object, const char *name, int64_t minimum, int64_t maximum,
                           int64_t *value, struct local_sqs_problem *problem)
{
    struct error error = ERROR_NONE;
    if (json_find_int64(object, name, INT32_MIN, INT32_MAX, value, &error) != STATUS_OK) {
        return local_sqs_fail(problem, LOCAL_SQS_SERIALIZATION, "%s", error.text);
    }
    if (json_exists(json_member(object, name)) && (*value < minimum || *value > maximum)) {
        return local_sqs_fail(problem, LOCAL_SQS_PARAMETER_VALUE,
                              "Value %lld for parameter %s is invalid. Reason: Must be between "
                              "%lld and %lld, if provided.",
                              (long long)*value, name, (long long)minimum, (long long)maximum);
    }
    return true;
}

const char *local_sqs_queue_url(struct local_sqs_run *run, const struct local_queue *queue)
{
    return arena_format(run->arena, "http://%s/000000000000/%s", run->call->address, queue->name);
}

static local_sqs_operation *find_operation(struct slice name)
{
    for (size_t i = 0; i < ARRAY_COUNT(OPERATIONS); i++) {
        if (slice_equals_text(name, OPERATIONS[i].name)) {
            return OPERATIONS[i].run;
        }
    }
    return NULL;
}

static void reply_problem(struct http_server_response *response,
                          const struct local_sqs_problem *problem)
{
    local_reply_error(response, FAULTS[problem->fault].http, FAULTS[problem->fault].shape,
                      "message", slice_from_text(problem->text));
    if (response->header_count < ARRAY_COUNT(response->headers)) {
        response->headers[response->header_count++] = (struct http_server_header){
            .name = SLICE("x-amzn-query-error"),
            .value = slice_from_text(FAULTS[problem->fault].query_error)};
    }
}

void local_sqs_handle(struct local_sqs *sqs, const struct local_call *call,
                      struct http_server_response *response)
{
    struct local_sqs_run run = {.sqs = sqs, .call = call, .arena = call->arena};
    struct local_sqs_problem problem = {.fault = LOCAL_SQS_FAULT_COUNT};
    local_sqs_operation *operation = find_operation(call->operation);
    bool done = false;
    json_writer_init(&run.out, &response->body);
    json_begin_object(&run.out, NULL);
    if (operation == NULL) {
        local_sqs_fail(&problem, LOCAL_SQS_OPERATION, "The operation is not known.");
    } else {
        pthread_mutex_lock(&sqs->mutex);
        run.now_ms = clock_now_ms(sqs->clock);
        done = operation(&run, &problem);
        pthread_mutex_unlock(&sqs->mutex);
    }
    if (done) {
        json_end_object(&run.out);
        response->code = 200;
    } else {
        reply_problem(response, &problem);
    }
    response->content_type = "application/x-amz-json-1.0";
}
