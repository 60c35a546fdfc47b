/*
 * AWS as the benchmarks need it: always the same answers, from memory. Two queues ("requests",
 * "events"), the Data API, SendTaskSuccess, DynamoDB's answers for the prior system's handler, and
 * Lambda's runtime API. What becomes visible in a queue, and when, is told by the driver:
 *
 *     POST /fill?queue=Q&count=N&step=S&rate=R    N messages; at most S visible at once (0: all),
 * or R a second. Requests are new ones; an event is about the next statement that was submitted, or
 *                                                 about no known one when there is none
 *     GET /stats                                  counts, and the latencies since the last fill
 *
 * A message that is given back is counted and does not come again.
 */
#include "tests/bench/stub_http.h"

#include "infra/base/buffer.h"
#include "infra/base/encode.h"
#include "infra/base/memory.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TOKEN_BYTES     700
#define SQL_BYTES       200
#define RECEIVE_MAX     10
#define WAITERS_MAX     256
#define ANSWER_BYTES    (16u << 20)
#define NAME_BYTES      160
#define STATEMENTS_MAX  (1u << 20)
#define OPERATION_KINDS 16
#define LONG_POLL_US    20000000

struct message {
    char *body;
    int64_t visible_us; /* when it became visible */
};

struct waiter {
    struct stub_connection *connection;
    int64_t until_us;
};

/* Messages [taken, visible) can be received. */
struct queue {
    const char *name;
    struct message *messages;
    size_t count;
    size_t visible;
    size_t taken;
    size_t deleted;
    size_t given_back;
    size_t step; /* 0: no limit */
    double rate; /* per second; 0: no pace */
    int64_t filled_us;
    size_t first; /* of the last fill */
    struct waiter waiters[WAITERS_MAX];
    size_t waiter_count;
};

static struct {
    struct queue requests;
    struct queue events;
    char (*statements)[NAME_BYTES];
    size_t statement_count;
    size_t statements_told;
    struct stub_connection *runtime; /* a Lambda that waits for its next request */
    size_t runtime_left;             /* requests still to be handed to it */
    size_t runtime_done;
    int64_t *latencies_us;
    size_t latency_count;
    size_t latency_capacity;
    size_t requests_made;
    struct {
        char name[40];
        size_t count;
    } operations[OPERATION_KINDS];
    struct buffer out;
} stub;

/* ---- Messages ------------------------------------------------------------------------------- */

/* The value of the first member of this name that is a string, without escapes undone. */
static struct slice text_member(struct slice json, const char *name)
{
    char wanted[64];
    const int size = snprintf(wanted, sizeof(wanted), "\"%s\":", name);
    const size_t at = slice_find(json, (struct slice){wanted, (size_t)size});
    const struct slice behind = slice_part(json, at + (size_t)size, json.size);
    const size_t quote = slice_find_byte(behind, '"');
    const struct slice value = slice_part(behind, quote + 1, behind.size);
    return slice_part(value, 0, slice_find_byte(value, '"'));
}

/* A request of 200 bytes of SQL and a token of 700 characters; none like another. */
static char *request_body(size_t number)
{
    char sql[SQL_BYTES + 1];
    char token[TOKEN_BYTES + 1];
    char *body = NULL;
    memset(sql, 'x', SQL_BYTES);
    memset(token, 'A', TOKEN_BYTES);
    sql[SQL_BYTES] = token[TOKEN_BYTES] = '\0';
    (void)memcpy(sql, "select * from sales where note = '", 34);
    sql[SQL_BYTES - 1] = '\'';
    /* No other stub of this run makes the same: they may share a store. */
    const int marked = snprintf(token, 40, "AQC%010d%010zu", getpid(), number);
    token[marked] = 'A';
    if (asprintf(&body, "{\"sqlStatement\":\"%s\",\"taskToken\":\"%s\"}", sql, token) < 0) {
        memory_abort("stub: no memory");
    }
    return body;
}

/* As EventBridge writes them; `number` comes back in the callback and tells how long it took. */
static char *event_body(size_t number)
{
    char *body = NULL;
    char unknown[NAME_BYTES];
    const char *name = unknown;
    (void)snprintf(unknown, sizeof(unknown), "ringback/%032zu/1.1", number);
    if (stub.statements_told < stub.statement_count) {
        name = stub.statements[stub.statements_told++];
    }
    if (asprintf(&body,
                 "{\"version\":\"0\",\"id\":\"bench-%012zu\",\"detail-type\":\"Redshift Data "
                 "Statement Status Change\",\"source\":\"aws.redshift-data\",\"account\":"
                 "\"123456789012\",\"time\":\"2026-11-20T12:34:56Z\",\"region\":\"eu-west-1\","
                 "\"resources\":[\"arn:aws:redshift:eu-west-1:123456789012:cluster:bench\"],"
                 "\"detail\":{\"principal\":\"arn:aws:sts::123456789012:assumed-role/bench/"
                 "ringback\",\"statementName\":\"%s\",\"statementId\":"
                 "\"d9b6c0c9-0747-4bf4-b142-%012zu\",\"redshiftQueryId\":1234567,\"state\":"
                 "\"FINISHED\",\"rows\":3,\"expireAt\":1795264496}}",
                 number, name, number) < 0) {
        memory_abort("stub: no memory");
    }
    return body;
}

static void append_message(struct buffer *out, const struct queue *queue, size_t index)
{
    const struct slice body = slice_from_text(queue->messages[index].body);
    unsigned char md5[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1];
    unsigned size = 0;
    (void)EVP_Digest(body.data, body.size, md5, &size, EVP_md5(), NULL);
    encode_hex(md5, size, hex);
    buffer_append_format(out,
                         "{\"MessageId\":\"00000000-0000-4000-8000-%012zu\",\"ReceiptHandle\":"
                         "\"AQEB%0200zu\",\"MD5OfBody\":\"%s\",\"Attributes\":{"
                         "\"ApproximateReceiveCount\":\"1\",\"SentTimestamp\":\"1795178096000\"},"
                         "\"Body\":\"",
                         index, index, hex);
    for (size_t i = 0; i < body.size; i++) {
        if (body.data[i] == '"' || body.data[i] == '\\') {
            buffer_append_byte(out, '\\');
        }
        buffer_append_byte(out, body.data[i]);
    }
    buffer_append_text(out, "\"}");
}

/* ---- Queues --------------------------------------------------------------------------------- */

/* What can be received now, which may be nothing. */
static void hand_out(struct queue *queue, struct stub_connection *connection)
{
    buffer_reset(&stub.out);
    buffer_append_text(&stub.out, "{\"Messages\":[");
    for (size_t i = 0; i < RECEIVE_MAX && queue->taken < queue->visible; i++) {
        buffer_append_text(&stub.out, i > 0 ? "," : "");
        append_message(&stub.out, queue, queue->taken++);
    }
    buffer_append_text(&stub.out, "]}");
    stub_http_answer(connection, 200, "", buffer_slice(&stub.out));
}

/* How many of the last fill may be visible by now. */
static size_t visible_by_now(const struct queue *queue, int64_t now_us)
{
    size_t most = queue->count;
    if (queue->rate > 0) {
        const double seconds = (double)(now_us - queue->filled_us) / 1e6;
        most = queue->first + 1 + (size_t)(seconds * queue->rate);
    } else if (queue->step > 0) {
        most = queue->first + ((queue->deleted - queue->first) / queue->step + 1) * queue->step;
    }
    return most < queue->count ? most : queue->count;
}

/* Makes visible what is due, and answers those who wait for it. */
static void serve(struct queue *queue)
{
    const int64_t now_us = stub_http_now_us();
    const size_t visible = visible_by_now(queue, now_us);
    for (; queue->visible < visible; queue->visible++) {
        queue->messages[queue->visible].visible_us = now_us;
    }
    while (queue->waiter_count > 0 &&
           (queue->taken < queue->visible || queue->waiters[0].until_us <= now_us)) {
        struct stub_connection *connection = queue->waiters[0].connection;
        memmove(queue->waiters, queue->waiters + 1,
                --queue->waiter_count * sizeof(queue->waiters[0]));
        hand_out(queue, connection);
    }
}

static void receive(struct queue *queue, const struct stub_request *request)
{
    const bool waits =
        slice_find(request->body, SLICE("\"WaitTimeSeconds\":0")) == request->body.size;
    if (queue->taken == queue->visible && waits && queue->waiter_count < WAITERS_MAX) {
        queue->waiters[queue->waiter_count++] =
            (struct waiter){request->connection, stub_http_now_us() + LONG_POLL_US};
        return;
    }
    hand_out(queue, request->connection);
}

static size_t count_of(struct slice text, struct slice wanted)
{
    size_t count = 0;
    for (size_t at = slice_find(text, wanted); at < text.size; at = slice_find(text, wanted)) {
        text = slice_part(text, at + wanted.size, text.size);
        count++;
    }
    return count;
}

/* The entries' ids are their indices, as all who ask here name them. */
static void answer_batch(const struct stub_request *request, size_t count)
{
    buffer_reset(&stub.out);
    buffer_append_text(&stub.out, "{\"Successful\":[");
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&stub.out, "%s{\"Id\":\"%zu\"}", i > 0 ? "," : "", i);
    }
    buffer_append_text(&stub.out, "],\"Failed\":[]}");
    stub_http_answer(request->connection, 200, "", buffer_slice(&stub.out));
}

static bool answer_queue(const struct stub_request *request)
{
    const struct slice url = text_member(request->body, "QueueUrl");
    struct queue *queue = slice_ends_with(url, SLICE("/events")) ? &stub.events : &stub.requests;
    const size_t handles = count_of(request->body, SLICE("\"ReceiptHandle\""));
    if (slice_equals_text(request->operation, "ReceiveMessage")) {
        receive(queue, request);
    } else if (slice_equals_text(request->operation, "DeleteMessageBatch")) {
        queue->deleted += handles;
        answer_batch(request, handles);
        serve(queue);
    } else if (slice_equals_text(request->operation, "ChangeMessageVisibilityBatch")) {
        queue->given_back += handles;
        answer_batch(request, handles);
    } else {
        return false;
    }
    return true;
}

/* ---- The other services --------------------------------------------------------------------- */

static struct slice execute(struct slice body)
{
    const struct slice name = text_member(body, "StatementName");
    if (stub.statement_count < STATEMENTS_MAX && name.size < NAME_BYTES) {
        char *place = stub.statements[stub.statement_count++];
        memcpy(place, name.data, name.size);
        place[name.size] = '\0';
    }
    return SLICE("{\"Id\":\"d9b6c0c9-0747-4bf4-b142-e7883122f766\",\"CreatedAt\":1795178096.123,"
                 "\"Database\":\"dev\",\"ClusterIdentifier\":\"bench\",\"DbUser\":\"etl\"}");
}

/* A callback: how long ago did its event become visible? */
static void note_callback(struct slice body)
{
    const struct slice mark = SLICE("bench-");
    const size_t at = slice_find(body, mark);
    int64_t number = 0;
    if (slice_to_int64(slice_part(body, at + mark.size, 12), 0, INT64_MAX, &number, NULL) !=
            STATUS_OK ||
        (size_t)number >= stub.events.count) {
        return;
    }
    if (stub.latency_count == stub.latency_capacity) {
        stub.latency_capacity = 2 * stub.latency_capacity + 1024;
        stub.latencies_us =
            memory_resize(stub.latencies_us, stub.latency_capacity * sizeof(int64_t));
    }
    stub.latencies_us[stub.latency_count++] =
        stub_http_now_us() - stub.events.messages[number].visible_us;
}

/* The item of the prior system's table, with all that its handler reads. */
static struct slice tracked_item(const char *before, const char *after)
{
    char token[TOKEN_BYTES + 1];
    memset(token, 'A', TOKEN_BYTES);
    token[TOKEN_BYTES] = '\0';
    buffer_reset(&stub.out);
    buffer_append_format(&stub.out,
                         "{%s{\"id\":{\"S\":\"arn:aws:states:eu-west-1:123456789012:execution:"
                         "bench:1\"},\"invocationId\":{\"S\":\"1795178096.123\"},"
                         "\"sqlStatement\":{\"S\":\"select 1\"},\"callback_details\":{\"S\":"
                         "\"{\\\"taskToken\\\": \\\"%s\\\"}\"}}%s}",
                         before, token, after);
    return buffer_slice(&stub.out);
}

static struct slice answer_service(const struct stub_request *request)
{
    const struct slice operation = request->operation;
    if (slice_equals_text(operation, "ExecuteStatement")) {
        return execute(request->body);
    }
    if (slice_equals_text(operation, "SendTaskSuccess")) {
        note_callback(request->body);
    } else if (slice_equals_text(operation, "DescribeStatement")) {
        return SLICE("{\"Id\":\"d9b6c0c9-0747-4bf4-b142-e7883122f766\",\"Status\":\"STARTED\","
                     "\"CreatedAt\":1795178096.123,\"UpdatedAt\":1795178097.0,\"Duration\":-1,"
                     "\"ResultRows\":-1,\"ResultSize\":-1,\"RedshiftPid\":0}");
    } else if (slice_equals_text(operation, "GetItem")) {
        return tracked_item("\"Item\":", "");
    }
    return SLICE("{}");
}

static void count_operation(struct slice operation)
{
    size_t i = 0;
    while (i < OPERATION_KINDS - 1 && stub.operations[i].count > 0 &&
           !slice_equals_text(operation, stub.operations[i].name)) {
        i++;
    }
    (void)snprintf(stub.operations[i].name, sizeof(stub.operations[i].name), "%.*s",
                   SLICE_PRINT(operation));
    stub.operations[i].count++;
}

/* ---- Lambda's runtime API ------------------------------------------------------------------- */

static void next_for_runtime(void)
{
    char *body = NULL;
    char headers[256];
    if (stub.runtime == NULL || stub.runtime_left == 0) {
        return;
    }
    body = request_body(stub.requests_made++);
    (void)snprintf(headers, sizeof(headers),
                   "Lambda-Runtime-Aws-Request-Id: 00000000-0000-4000-9000-%012zu\r\n"
                   "Lambda-Runtime-Deadline-Ms: 4102444800000\r\n"
                   "Lambda-Runtime-Invoked-Function-Arn: "
                   "arn:aws:lambda:eu-west-1:123456789012:function:bench\r\n",
                   stub.requests_made);
    stub.runtime_left--;
    stub_http_answer(stub.runtime, 200, headers, slice_from_text(body));
    stub.runtime = NULL;
    free(body);
}

static void answer_runtime(const struct stub_request *request)
{
    if (slice_ends_with(request->target, SLICE("/next"))) {
        stub.runtime = request->connection;
        next_for_runtime();
        return;
    }
    stub.runtime_done++;
    stub_http_answer(request->connection, 202, "", SLICE("{}"));
}

/* ---- The driver's side ---------------------------------------------------------------------- */

/* The value of a parameter of the target's query; 0 without it. */
static int64_t number_of(struct slice target, const char *name)
{
    char wanted[32];
    int64_t value = 0;
    const int size = snprintf(wanted, sizeof(wanted), "%s=", name);
    const size_t at = slice_find(target, (struct slice){wanted, (size_t)size});
    const struct slice behind = slice_part(target, at + (size_t)size, target.size);
    const struct slice digits = slice_part(behind, 0, slice_find_byte(behind, '&'));
    return slice_to_int64(digits, 0, INT32_MAX, &value, NULL) == STATUS_OK ? value : 0;
}

static void fill(struct queue *queue, struct slice target)
{
    const size_t count = (size_t)number_of(target, "count");
    queue->messages =
        memory_resize(queue->messages, (queue->count + count) * sizeof(struct message));
    queue->first = queue->count;
    for (size_t i = 0; i < count; i++) {
        char *body =
            queue == &stub.events ? event_body(queue->count) : request_body(stub.requests_made++);
        queue->messages[queue->count++] = (struct message){.body = body};
    }
    queue->step = (size_t)number_of(target, "step");
    queue->rate = (double)number_of(target, "rate");
    queue->filled_us = stub_http_now_us();
    stub.latency_count = 0;
    serve(queue);
}

static void append_queue(struct buffer *out, const struct queue *queue)
{
    buffer_append_format(out, "\"%s\":{\"count\":%zu,\"deleted\":%zu,\"givenBack\":%zu},",
                         queue->name, queue->count, queue->deleted, queue->given_back);
}

static void answer_stats(const struct stub_request *request)
{
    buffer_reset(&stub.out);
    buffer_append_byte(&stub.out, '{');
    append_queue(&stub.out, &stub.requests);
    append_queue(&stub.out, &stub.events);
    buffer_append_format(&stub.out, "\"runtimeDone\":%zu,\"calls\":{", stub.runtime_done);
    for (size_t i = 0; i < OPERATION_KINDS && stub.operations[i].count > 0; i++) {
        buffer_append_format(&stub.out, "%s\"%s\":%zu", i > 0 ? "," : "", stub.operations[i].name,
                             stub.operations[i].count);
    }
    buffer_append_text(&stub.out, "},\"latenciesUs\":[");
    for (size_t i = 0; i < stub.latency_count; i++) {
        buffer_append_text(&stub.out, i > 0 ? "," : "");
        buffer_append_int64(&stub.out, stub.latencies_us[i]);
    }
    buffer_append_text(&stub.out, "]}");
    stub_http_answer(request->connection, 200, "", buffer_slice(&stub.out));
}

static bool answer_driver(const struct stub_request *request)
{
    const struct slice target = request->target;
    if (slice_equals_text(target, "/stats")) {
        answer_stats(request);
    } else if (slice_starts_with(target, SLICE("/fill?queue=events"))) {
        fill(&stub.events, target);
        stub_http_answer(request->connection, 200, "", SLICE("{}"));
    } else if (slice_starts_with(target, SLICE("/fill?queue=requests"))) {
        fill(&stub.requests, target);
        stub_http_answer(request->connection, 200, "", SLICE("{}"));
    } else if (slice_starts_with(target, SLICE("/fill?queue=runtime"))) {
        stub.runtime_left += (size_t)number_of(target, "count");
        stub_http_answer(request->connection, 200, "", SLICE("{}"));
        next_for_runtime();
    } else {
        return false;
    }
    stub_http_tick(stub.events.rate > 0 || stub.requests.rate > 0);
    return true;
}

/* ---- The handler ---------------------------------------------------------------------------- */

static void answer(const struct stub_request *request)
{
    if (request->operation.data == NULL) {
        if (slice_starts_with(request->target, SLICE("/2018-06-01/"))) {
            answer_runtime(request);
        } else if (!answer_driver(request)) {
            stub_http_answer(request->connection, 404, "", SLICE("{}"));
        }
        return;
    }
    count_operation(request->operation);
    if (!answer_queue(request)) {
        stub_http_answer(request->connection, 200, "", answer_service(request));
    }
}

static void forget_waiter(struct queue *queue, const struct stub_connection *connection)
{
    for (size_t i = 0; i < queue->waiter_count; i++) {
        if (queue->waiters[i].connection == connection) {
            queue->waiters[i--] = queue->waiters[--queue->waiter_count];
        }
    }
}

static void gone(struct stub_connection *connection)
{
    forget_waiter(&stub.requests, connection);
    forget_waiter(&stub.events, connection);
    if (stub.runtime == connection) {
        stub.runtime = NULL;
    }
}

static void tick(void)
{
    serve(&stub.requests);
    serve(&stub.events);
}

int main(void)
{
    static const struct stub_handler handler = {answer, gone, tick};
    stub.requests.name = "requests";
    stub.events.name = "events";
    stub.statements = memory_new(STATEMENTS_MAX * sizeof(*stub.statements));
    buffer_init(&stub.out, ANSWER_BYTES);
    stub_http_run(&handler);
}
