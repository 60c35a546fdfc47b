/*
 * bare curl|sockets ENDPOINT REDIS_URL: the peer. Reads from stdin, a line each, what to do:
 *
 *     completion BATCH COUNT     COUNT events, BATCH at a time: receive, find, commit, call back,
 * settle, delete invocation BATCH COUNT     COUNT requests: receive, register, submit, commit,
 * delete
 *
 * and answers "done" when it is done.
 */
#include "tests/bench/bare.h"

#include "infra/aws/signer.h"
#include "infra/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BODY_BYTES (1u << 20)
#define SQL_BYTES  200
#define NAME_START 9 /* of the id in a statement name: behind "ringback/" */
#define ID_BYTES   32
/* Sizes of ringback's own records for the same request, sealed. */
#define PLAN_BYTES     1500
#define SCRUBBED_BYTES 700
#define STATE_BYTES    700

struct peer {
    const struct bare_transport *transport;
    struct bare_call queue; /* receive, then delete */
    struct bare_call calls[BARE_BATCH_MAX];
    struct slice bodies[BARE_BATCH_MAX]; /* of messages, escaped as they came */
    struct slice handles[BARE_BATCH_MAX];
    struct buffer tokens[BARE_BATCH_MAX];
    char ids[BARE_BATCH_MAX][ID_BYTES + 1];
    char queue_url[160];
    char plan[PLAN_BYTES];
    char state[STATE_BYTES];
    size_t made;
};

_Noreturn void bare_fail(const char *why)
{
    (void)fprintf(stderr, "bare: %s\n", why);
    exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

/* ---- Signing -------------------------------------------------------------------------------- */

static struct credentials credentials = {
    .access_key_id = "AKIDBENCH", .secret_access_key = "bench", .generation = 1};

void bare_sign(const struct bare_call *call, const char *host, struct slice end,
               struct buffer *lines)
{
    static struct signer signer;
    static struct signer_key keys[3];
    static bool ready;
    struct timespec now;
    struct http_exchange exchange = {.method = "POST", .body = buffer_slice(&call->body)};
    if (!ready) {
        signer_init(&signer);
        ready = true;
    }
    exchange.headers[0] = (struct http_header){"X-Amz-Target", call->target};
    exchange.headers[1] = (struct http_header){"Content-Type", "application/x-amz-json-1.0"};
    exchange.header_count = 2;
    clock_gettime(CLOCK_REALTIME, &now);
    const struct signer_request request = {.host = slice_from_text(host),
                                           .path = SLICE("/"),
                                           .region = SLICE("eu-west-1"),
                                           .service = call->service,
                                           .now_ms = (int64_t)now.tv_sec * 1000,
                                           .credentials = &credentials,
                                           .key = &keys[call->service[1] == 'q'   ? 0
                                                        : call->service[1] == 't' ? 1
                                                                                  : 2]};
    signer_sign(&signer, &request, &exchange);
    for (size_t i = 0; i < exchange.header_count; i++) {
        buffer_append_text(lines, exchange.headers[i].name);
        buffer_append_text(lines, ": ");
        buffer_append_text(lines, exchange.headers[i].value);
        buffer_append(lines, end);
    }
}

/* ---- The queue ------------------------------------------------------------------------------ */

static void name_queue(struct peer *peer, const char *endpoint, const char *queue)
{
    (void)snprintf(peer->queue_url, sizeof(peer->queue_url), "%s/000000000000/%s", endpoint, queue);
}

/* Up to the quote that ends a text; `at` is behind the quote that begins it. */
static struct slice text_at(struct slice all, size_t at)
{
    size_t end = at;
    while (end < all.size && all.data[end] != '"') {
        end += all.data[end] == '\\' ? 2 : 1;
    }
    return slice_part(all, at, end - at);
}

static size_t receive(struct peer *peer)
{
    static const struct slice handle = {"\"ReceiptHandle\":\"", 17};
    static const struct slice body = {"\"Body\":\"", 8};
    struct bare_call *call = &peer->queue;
    size_t count = 0;
    call->service = "sqs";
    call->target = "AmazonSQS.ReceiveMessage";
    buffer_reset(&call->body);
    buffer_append_format(&call->body,
                         "{\"QueueUrl\":\"%s\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
                         "\"VisibilityTimeout\":120,\"AttributeNames\":[\"All\"]}",
                         peer->queue_url);
    peer->transport->send_all(call, 1);
    struct slice rest = buffer_slice(&call->answer);
    for (size_t at = slice_find(rest, handle); at < rest.size; at = slice_find(rest, handle)) {
        peer->handles[count] = text_at(rest, at + handle.size);
        peer->bodies[count++] = text_at(rest, slice_find(rest, body) + body.size);
        const size_t behind = (size_t)(peer->bodies[count - 1].data - rest.data);
        rest = slice_part(rest, behind + peer->bodies[count - 1].size, rest.size);
    }
    return count;
}

static void delete_all(struct peer *peer, size_t count)
{
    struct bare_call *call = &peer->queue;
    call->target = "AmazonSQS.DeleteMessageBatch";
    buffer_reset(&call->body);
    buffer_append_format(&call->body, "{\"QueueUrl\":\"%s\",\"Entries\":[", peer->queue_url);
    for (size_t i = 0; i < count; i++) {
        buffer_append_format(&call->body, "%s{\"Id\":\"%zu\",\"ReceiptHandle\":\"%.*s\"}",
                             i > 0 ? "," : "", i, SLICE_PRINT(peer->handles[i]));
    }
    buffer_append_text(&call->body, "]}");
    peer->transport->send_all(call, 1);
}

/* What follows the name in an escaped document, up to the next escaped quote. */
static struct slice escaped_member(struct slice document, struct slice name)
{
    const size_t at = slice_find(document, name) + name.size;
    const struct slice behind = slice_part(document, at, document.size);
    return slice_part(behind, 0, slice_find_byte(behind, '\\'));
}

/* ---- The two exchanges ---------------------------------------------------------------------- */

static size_t complete(struct peer *peer)
{
    const size_t count = receive(peer);
    const struct slice state = {peer->state, STATE_BYTES};
    for (size_t i = 0; i < count; i++) {
        const struct slice name =
            escaped_member(peer->bodies[i], SLICE("\\\"statementName\\\":\\\""));
        memcpy(peer->ids[i], slice_part(name, NAME_START, ID_BYTES).data, ID_BYTES);
    }
    bare_find(peer->ids, count, peer->tokens);
    bare_update(peer->ids, count, 2, state, SLICE_NONE);
    for (size_t i = 0; i < count; i++) {
        struct bare_call *call = &peer->calls[i];
        call->service = "states";
        call->target = "AWSStepFunctions.SendTaskSuccess";
        buffer_reset(&call->body);
        buffer_append_text(&call->body, "{\"taskToken\":\"");
        buffer_append(&call->body, buffer_slice(&peer->tokens[i]));
        buffer_append_text(&call->body, "\",\"output\":\"");
        buffer_append(&call->body, peer->bodies[i]); /* escaped once, as it is to be */
        buffer_append_text(&call->body, "\"}");
    }
    peer->transport->send_all(peer->calls, count);
    bare_update(peer->ids, count, 3, state, (struct slice){peer->plan, SCRUBBED_BYTES});
    delete_all(peer, count);
    return count;
}

static size_t invoke(struct peer *peer)
{
    const size_t count = receive(peer);
    const struct slice state = {peer->state, STATE_BYTES};
    for (size_t i = 0; i < count; i++) {
        const struct slice sql =
            escaped_member(peer->bodies[i], SLICE("\\\"sqlStatement\\\":\\\""));
        const struct slice token = escaped_member(peer->bodies[i], SLICE("\\\"taskToken\\\":\\\""));
        (void)snprintf(peer->ids[i], sizeof(peer->ids[i]), "%032zu", peer->made++);
        memcpy(peer->plan, token.data, token.size);
        struct bare_call *call = &peer->calls[i];
        call->service = "redshift-data";
        call->target = "RedshiftData.ExecuteStatement";
        buffer_reset(&call->body);
        buffer_append_format(&call->body,
                             "{\"ClusterIdentifier\":\"bench\",\"Database\":\"dev\",\"DbUser\":"
                             "\"etl\",\"Sql\":\"%.*s\",\"StatementName\":\"ringback/%s/1.1\","
                             "\"ClientToken\":\"%s%s\",\"WithEvent\":true}",
                             SLICE_PRINT(sql), peer->ids[i], peer->ids[i], peer->ids[i]);
    }
    bare_register(peer->ids, count, (struct slice){peer->plan, PLAN_BYTES}, state);
    peer->transport->send_all(peer->calls, count);
    bare_update(peer->ids, count, 1, state, SLICE_NONE);
    delete_all(peer, count);
    return count;
}

static void open_peer(struct peer *peer, const char *transport, const char *endpoint,
                      const char *redis_url)
{
    memset(peer->plan, 'p', sizeof(peer->plan));
    memset(peer->state, 's', sizeof(peer->state));
    buffer_init(&peer->queue.body, BODY_BYTES);
    buffer_init(&peer->queue.answer, BODY_BYTES);
    for (size_t i = 0; i < BARE_BATCH_MAX; i++) {
        buffer_init(&peer->calls[i].body, BODY_BYTES);
        buffer_init(&peer->calls[i].answer, BODY_BYTES);
        buffer_init(&peer->tokens[i], BODY_BYTES);
    }
    peer->transport = strcmp(transport, "curl") == 0 ? &bare_curl : &bare_sockets;
    peer->transport->open(endpoint);
    peer->made = (size_t)getpid() << 32; /* other runs use the same Redis */
    bare_redis_open(redis_url);
}

int main(int count, char **arguments)
{
    char what[16];
    unsigned long wanted = 0;
    struct peer *peer = memory_new(sizeof(*peer));
    if (count != 4) {
        bare_fail("usage: bare curl|sockets ENDPOINT REDIS_URL");
    }
    open_peer(peer, arguments[1], arguments[2], arguments[3]);
    (void)printf("ready\n");
    (void)fflush(stdout);
    while (scanf("%15s %*s %lu", what, &wanted) == 2) { /* NOLINT(cert-err34-c) */
        const bool completion = strcmp(what, "completion") == 0;
        name_queue(peer, arguments[2], completion ? "events" : "requests");
        for (unsigned long done = 0; done < wanted;) {
            done += completion ? complete(peer) : invoke(peer);
        }
        (void)printf("done\n");
        (void)fflush(stdout);
    }
    return 0;
}
