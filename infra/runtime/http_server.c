#include "infra/runtime/http_server.h"

#include "infra/base/encode.h"
#include "infra/base/json_writer.h"
#include "infra/base/log.h"
#include "infra/base/memory.h"
#include "infra/runtime/listen_socket.h"

#include <assert.h>
#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STACK_BYTES       ((size_t)256 << 10)
#define HEADERS_MAX_BYTES ((size_t)32 << 10)
#define REPLY_MAX_BYTES   ((size_t)32 << 20)
/* Bytes of a refused body that are read and thrown away, so that the client, which is still
 * sending, gets to see the refusal. */
#define DISCARD_MAX_BYTES       ((size_t)64 << 20)
#define MAX_CONNECTIONS_DEFAULT 256
#define IDLE_TIMEOUT_MS_DEFAULT 60000
#define REPLY_GRACE_SECONDS     5
#define ASKERS_GRACE_MS         250
#define PAUSE_MS                5
/* To who connected as the stop began. Not left to libmicrohttpd: its MHD_add_connection, asked
 * beside its own thread, loses connections at a stop and can leave that thread locked for ever
 * (0.9.75). */
#define IS_STOPPING_BODY "{\"errorType\":\"ServiceUnavailable\",\"errorMessage\":\"is stopping\"}"
#define IS_STOPPING_REPLY                                                                          \
    "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/json\r\n"  \
    "Content-Length: 63\r\n\r\n" IS_STOPPING_BODY
static_assert(sizeof(IS_STOPPING_BODY) - 1 == 63, "what IS_STOPPING_REPLY says");

struct http_server {
    struct MHD_Daemon *daemon;
    struct http_server_options options;
    unsigned idle_timeout_seconds;
    char address[LISTEN_ADDRESS_BYTES];
    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t changed;
    unsigned handling; /* handlers that run */
    unsigned asking;   /* requests that have begun, and whose reply is not sent to its end */
    bool stopping;
};

enum exchange_phase {
    EXCHANGE_NEW,
    EXCHANGE_READING,
    EXCHANGE_DISCARDING, /* the body is too large */
    EXCHANGE_REPLYING,
};

/* One request and its reply; lives until the reply is sent or the connection is gone. */
struct exchange {
    struct http_server *server;
    enum exchange_phase phase;
    struct arena *arena;
    struct buffer body;
    size_t discarded_bytes;
    struct http_server_request request;
    struct http_server_response response;
};

/* --- one exchange ----------------------------------------------------------------------------- */

/* libmicrohttpd calls this with the request target as it was on the wire, before anything else. */
static void *exchange_new(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)connection;
    struct http_server *server = context;
    struct exchange *exchange = memory_new(sizeof(*exchange));
    exchange->server = server;
    pthread_mutex_lock(&server->mutex);
    server->asking++;
    pthread_mutex_unlock(&server->mutex);
    /* Parsed JSON is at most about 70 times as large as its text. */
    exchange->arena = arena_new(((size_t)64 << 20) + 80 * server->options.body_max_bytes);
    buffer_init(&exchange->body, server->options.body_max_bytes);
    buffer_init(&exchange->response.body, REPLY_MAX_BYTES);
    exchange->response.code = MHD_HTTP_OK;
    struct slice whole = arena_copy(exchange->arena, slice_from_text(target));
    size_t mark = slice_find_byte(whole, '?');
    exchange->request.path = slice_part(whole, 0, mark);
    exchange->request.query =
        mark < whole.size ? slice_part(whole, mark + 1, whole.size) : SLICE("");
    exchange->request.arena = exchange->arena;
    return exchange;
}

static void exchange_free(struct exchange *exchange)
{
    buffer_wipe(&exchange->body);
    buffer_clear(&exchange->body);
    buffer_wipe(&exchange->response.body);
    buffer_clear(&exchange->response.body);
    arena_free(exchange->arena);
    free(exchange);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)connection;
    (void)code;
    struct http_server *server = context;
    struct exchange *exchange = *request_context;
    if (!exchange) {
        return;
    }
    *request_context = NULL;
    pthread_mutex_lock(&server->mutex);
    server->asking--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
    exchange_free(exchange);
}

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      size_t name_size, const char *value, size_t value_size)
{
    (void)kind;
    struct http_server_request *request = context;
    if (request->header_count == HTTP_SERVER_HEADERS_MAX) {
        return MHD_NO;
    }
    request->headers[request->header_count++] = (struct http_server_header){
        .name = {name, name_size},
        .value = {value ? value : "", value_size},
    };
    return MHD_YES;
}

/* --- replies ---------------------------------------------------------------------------------- */

static void reply_error(struct http_server_response *response, int code, const char *type,
                        const char *message)
{
    struct json_writer writer;
    buffer_reset(&response->body);
    json_writer_init(&writer, &response->body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "errorType", slice_from_text(type));
    json_write_text(&writer, "errorMessage", slice_from_text(message));
    json_end_object(&writer);
    response->code = code;
    response->content_type = "application/json";
    response->header_count = 0;
}

static struct MHD_Response *make_response(struct exchange *exchange)
{
    struct http_server_response *from = &exchange->response;
    /* The bytes stay the exchange's, which outlives the reply. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(from->body.size, from->body.data, MHD_RESPMEM_PERSISTENT);
    if (!response) {
        return NULL;
    }
    bool ok = !from->content_type ||
              MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, from->content_type);
    for (size_t i = 0; ok && i < from->header_count; i++) {
        /* Refused when there is a line break in it. */
        ok = MHD_add_response_header(response, arena_text(exchange->arena, from->headers[i].name),
                                     arena_text(exchange->arena, from->headers[i].value));
    }
    if (!ok) {
        MHD_destroy_response(response);
        return NULL;
    }
    return response;
}

static enum MHD_Result send_reply(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct http_server *server = exchange->server;
    struct MHD_Response *response = make_response(exchange);
    if (!response) {
        return MHD_NO;
    }
    pthread_mutex_lock(&server->mutex);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->mutex);
    exchange->phase = EXCHANGE_REPLYING;
    if (stopping) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    }
    enum MHD_Result result =
        MHD_queue_response(connection, (unsigned)exchange->response.code, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse_size(struct exchange *exchange, struct MHD_Connection *connection)
{
    char message[64];
    (void)snprintf(message, sizeof(message), "body: must be at most %zu bytes",
                   exchange->server->options.body_max_bytes);
    reply_error(&exchange->response, MHD_HTTP_CONTENT_TOO_LARGE, "InvalidRequest", message);
    return send_reply(exchange, connection);
}

/* --- the stages of a request ------------------------------------------------------------------ */

static bool handler_may_begin(struct http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool begins = !server->stopping;
    server->handling += begins;
    pthread_mutex_unlock(&server->mutex);
    return begins;
}

static void handler_ended(struct http_server *server)
{
    pthread_mutex_lock(&server->mutex);
    server->handling--;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

static enum MHD_Result handle(struct exchange *exchange, struct MHD_Connection *connection)
{
    struct http_server *server = exchange->server;
    struct http_server_response *response = &exchange->response;
    if (!handler_may_begin(server)) {
        reply_error(response, MHD_HTTP_SERVICE_UNAVAILABLE, "ServiceUnavailable", "is stopping");
        return send_reply(exchange, connection);
    }
    exchange->request.body = buffer_slice(&exchange->body);
    /* The time a handler takes is not idle time: without this libmicrohttpd would close the
     * connection instead of sending a reply that took longer. */
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT, 0u);
    server->options.handle(server->options.context, &exchange->request, response);
    (void)MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                                    server->idle_timeout_seconds);
    if (response->body.overflowed) {
        reply_error(response, MHD_HTTP_INTERNAL_SERVER_ERROR, "ConfigurationError",
                    "the reply is larger than 32 MiB");
    }
    enum MHD_Result result = response->drop_connection ? MHD_NO : send_reply(exchange, connection);
    handler_ended(server);
    return result;
}

static enum MHD_Result begin(struct exchange *exchange, struct MHD_Connection *connection,
                             const char *method)
{
    struct http_server_request *request = &exchange->request;
    exchange->phase = EXCHANGE_READING;
    request->method = slice_from_text(method);
    request->connection = connection;
    if (MHD_get_connection_values_n(connection, MHD_HEADER_KIND, NULL, NULL) >
        HTTP_SERVER_HEADERS_MAX) {
        reply_error(&exchange->response, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, "InvalidRequest",
                    "headers: must be at most 64");
        return send_reply(exchange, connection);
    }
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect_header, request);
    int64_t length = 0;
    struct slice announced = http_server_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    if (announced.data && slice_to_int64(announced, 0, INT64_MAX, &length, NULL) == STATUS_OK &&
        (uint64_t)length > exchange->server->options.body_max_bytes) {
        bool asks_first = http_server_header(request, MHD_HTTP_HEADER_EXPECT).data;
        if (asks_first || (uint64_t)length > DISCARD_MAX_BYTES) {
            return refuse_size(exchange, connection);
        }
        exchange->phase = EXCHANGE_DISCARDING;
    }
    return MHD_YES;
}

static enum MHD_Result take_body(struct exchange *exchange, struct slice part)
{
    if (exchange->phase == EXCHANGE_READING) {
        buffer_append(&exchange->body, part);
        if (!exchange->body.overflowed) {
            return MHD_YES;
        }
        exchange->phase = EXCHANGE_DISCARDING;
    }
    exchange->discarded_bytes += part.size;
    return exchange->discarded_bytes <= DISCARD_MAX_BYTES ? MHD_YES : MHD_NO;
}

/* Called by libmicrohttpd once with the headers, then for each part of the body, then at its end.
 */
/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's eight parameters */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request_context)
{
    (void)context;
    (void)url;
    (void)version;
    struct exchange *exchange = *request_context;
    if (exchange->phase == EXCHANGE_NEW) {
        return begin(exchange, connection, method);
    }
    if (*upload_size > 0) {
        struct slice part = {upload, *upload_size};
        *upload_size = 0;
        return take_body(exchange, part);
    }
    switch (exchange->phase) {
    case EXCHANGE_READING: return handle(exchange, connection);
    case EXCHANGE_DISCARDING: return refuse_size(exchange, connection);
    case EXCHANGE_NEW:
    case EXCHANGE_REPLYING: break;
    }
    return MHD_NO;
}

/* Paths and queries stay as on the wire. */
static size_t unescape_nothing(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

/* --- the server ------------------------------------------------------------------------------- */

static struct MHD_Daemon *start_daemon(struct http_server *server,
                                       const struct listen_socket *socket)
{
    unsigned max = server->options.max_connections;
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD |
                     MHD_USE_POLL | MHD_USE_ITC | (socket->ipv6 ? MHD_USE_IPv6 : 0u);
    /* One address may not take all connections; on loopback there is only one. */
    unsigned per_address = socket->loopback ? 0 : max - max / 8;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, socket->fd,
        MHD_OPTION_URI_LOG_CALLBACK, exchange_new, server, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, server, MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL,
        MHD_OPTION_CONNECTION_LIMIT, max, MHD_OPTION_PER_IP_CONNECTION_LIMIT, per_address,
        MHD_OPTION_CONNECTION_TIMEOUT, server->idle_timeout_seconds,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HEADERS_MAX_BYTES, MHD_OPTION_THREAD_STACK_SIZE,
        STACK_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

enum status http_server_start(const struct http_server_options *options,
                              struct http_server **server, struct error *error)
{
    *server = NULL;
    struct listen_socket socket;
    if (listen_socket_open(options->listen, &socket, error) != STATUS_OK) {
        return STATUS_REJECTED;
    }
    struct http_server *made = memory_new(sizeof(*made));
    made->options = *options;
    if (made->options.max_connections == 0) {
        made->options.max_connections = MAX_CONNECTIONS_DEFAULT;
    }
    int64_t idle_ms = options->idle_timeout_ms ? options->idle_timeout_ms : IDLE_TIMEOUT_MS_DEFAULT;
    made->idle_timeout_seconds = (unsigned)((idle_ms + 999) / 1000);
    memcpy(made->address, socket.address, sizeof(made->address));
    pthread_condattr_t attributes;
    if (pthread_mutex_init(&made->mutex, NULL) != 0 || pthread_condattr_init(&attributes) != 0 ||
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&made->changed, &attributes) != 0) {
        memory_abort("http server: no mutex");
    }
    (void)pthread_condattr_destroy(&attributes);
    made->daemon = start_daemon(made, &socket);
    if (!made->daemon) {
        (void)close(socket.fd);
        free(made);
        return error_set(error, STATUS_REJECTED, "listen address %s: cannot start the server",
                         options->listen);
    }
    log_info("listening", LOG_CSTR("name", options->name), LOG_CSTR("address", made->address));
    *server = made;
    return STATUS_OK;
}

const char *http_server_address(const struct http_server *server)
{
    return server->address;
}

static unsigned connection_count(struct http_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
    return info ? info->num_connections : 0;
}

/* A request may be on its way on a connection that stands: it is answered 503, while a reset would
 * leave its caller in doubt. Idle connections make a stop no longer than this. */
static void wait_for_askers(struct http_server *server)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    for (int waited_ms = 0; waited_ms < ASKERS_GRACE_MS && connection_count(server) > 0;
         waited_ms += PAUSE_MS) {
        (void)nanosleep(&pause, NULL);
    }
}

/* Handlers end in their own time; a client that does not send its request or read its reply has a
 * few seconds. */
static void drain(struct http_server *server)
{
    wait_for_askers(server);
    pthread_mutex_lock(&server->mutex);
    while (server->handling > 0) {
        pthread_cond_wait(&server->changed, &server->mutex);
    }
    struct timespec end = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &end);
    end.tv_sec += REPLY_GRACE_SECONDS;
    while (server->asking > 0 &&
           pthread_cond_timedwait(&server->changed, &server->mutex, &end) != ETIMEDOUT) {
    }
    pthread_mutex_unlock(&server->mutex);
}

void http_server_stop(struct http_server *server)
{
    if (!server) {
        return;
    }
    MHD_socket listening = MHD_quiesce_daemon(server->daemon);
    pthread_mutex_lock(&server->mutex);
    server->stopping = true;
    pthread_mutex_unlock(&server->mutex);
    if (listening != MHD_INVALID_SOCKET) {
        listen_socket_turn_away(listening, SLICE(IS_STOPPING_REPLY), ASKERS_GRACE_MS);
    }
    drain(server);
    MHD_stop_daemon(server->daemon);
    if (listening != MHD_INVALID_SOCKET) {
        (void)close(listening);
    }
    (void)pthread_cond_destroy(&server->changed);
    (void)pthread_mutex_destroy(&server->mutex);
    free(server);
}

/* --- for handlers ----------------------------------------------------------------------------- */

struct slice http_server_header(const struct http_server_request *request, const char *name)
{
    struct slice wanted = slice_from_text(name);
    for (size_t i = 0; i < request->header_count; i++) {
        if (slice_equals_ignore_case(request->headers[i].name, wanted)) {
            return request->headers[i].value;
        }
    }
    return SLICE_NONE;
}

static struct slice decode_form(struct arena *arena, struct slice text)
{
    CLEANUP(buffer_clear) struct buffer out;
    buffer_init(&out, text.size);
    if (decode_percent(text, true, &out, NULL) != STATUS_OK) {
        return SLICE_NONE;
    }
    return arena_copy(arena, buffer_slice(&out));
}

struct slice http_server_query(const struct http_server_request *request, const char *name)
{
    struct slice rest = request->query;
    while (rest.size > 0) {
        struct slice pair = slice_part(rest, 0, slice_find_byte(rest, '&'));
        rest = slice_part(rest, pair.size + 1, rest.size);
        size_t equals = slice_find_byte(pair, '=');
        struct slice key = decode_form(request->arena, slice_part(pair, 0, equals));
        if (key.data && slice_equals_text(key, name)) {
            return decode_form(request->arena, slice_part(pair, equals + 1, pair.size));
        }
    }
    return SLICE_NONE;
}

bool http_server_client_gone(const struct http_server_request *request)
{
    const union MHD_ConnectionInfo *info =
        request->connection
            ? MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
            : NULL;
    char byte;
    ssize_t got = info ? recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 1;
    return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

void http_server_reply_json(struct http_server_response *response, int code, struct slice json)
{
    response->code = code;
    response->content_type = "application/json";
    buffer_append(&response->body, json);
}
