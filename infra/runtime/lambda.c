#include "infra/runtime/lambda.h"

#include "infra/aws/http.h"
#include "infra/base/arena.h"
#include "infra/base/log.h"

#define API_PATH          "2018-06-01/runtime"
#define ANSWER_WAIT_MS    10000
#define ARENA_MAX_BYTES   (1u << 20)
#define CODE_OK           200
#define CODE_ACCEPTED     202
#define CODE_TOO_LARGE    413
#define CODE_OUT_OF_ORDER 500

struct runtime {
    const struct lambda_options *options;
    struct http *http;
    struct arena *arena; /* URLs of one event */
};

/* ---- Exchanges ------------------------------------------------------------------------------ */

static void send(struct http *http, struct http_exchange *exchange)
{
    exchange->direct = true;
    http_send_all(http, exchange, 1);
}

/* Waits for as long as it takes: the sandbox may sleep for hours meanwhile. */
MUST_CHECK static enum status next_event(struct runtime *runtime, struct lambda_event *event,
                                         struct error *error)
{
    struct http_exchange exchange = {
        .method = "GET",
        .url = arena_format(runtime->arena, "http://%s/" API_PATH "/invocation/next",
                            runtime->options->api),
    };
    send(runtime->http, &exchange);
    if (exchange.status != STATUS_OK) {
        *error = exchange.error;
        return error_wrap(error, "next event");
    }
    if (exchange.code != CODE_OK) {
        return error_set(error, STATUS_INTERNAL, "next event: HTTP %d", exchange.code);
    }
    const struct slice deadline = http_response_header(&exchange, "Lambda-Runtime-Deadline-Ms");
    *event = (struct lambda_event){
        .body = exchange.response,
        .request_id = http_response_header(&exchange, "Lambda-Runtime-Aws-Request-Id"),
    };
    if (event->request_id.size == 0) {
        return error_set(error, STATUS_INTERNAL, "next event: it has no request id");
    }
    if (slice_to_int64(deadline, 0, INT64_MAX, &event->deadline_ms, NULL) != STATUS_OK) {
        event->deadline_ms = 0;
    }
    return STATUS_OK;
}

/* Posts one answer; *code is 0 when there was none. */
static void post(struct http *http, const char *url, const struct lambda_reply *reply,
                 struct http_exchange *exchange)
{
    *exchange = (struct http_exchange){
        .method = "POST",
        .url = url,
        .headers = {{"Content-Type", "application/json"},
                    {"Lambda-Runtime-Function-Error-Type", reply->error_type}},
        .header_count = reply->error_type != NULL ? 2 : 1,
        .body = reply->json,
        .timeout_ms = ANSWER_WAIT_MS,
    };
    send(http, exchange);
}

/* ---- Answers -------------------------------------------------------------------------------- */

static const char *answer_url(struct runtime *runtime, const struct lambda_event *event,
                              const struct lambda_reply *reply)
{
    return arena_format(runtime->arena, "http://%s/" API_PATH "/invocation/%.*s/%s",
                        runtime->options->api, SLICE_PRINT(event->request_id),
                        reply->error_type != NULL ? "error" : "response");
}

/* An answer that is not taken is Lambda's to deal with; only an API out of order ends the loop. */
MUST_CHECK static enum status answer(struct runtime *runtime, const struct lambda_event *event,
                                     const struct lambda_reply *reply, struct error *error)
{
    const struct lambda_reply too_large = {
        "Function.ResponseSizeTooLarge",
        SLICE("{\"errorType\":\"Function.ResponseSizeTooLarge\","
              "\"errorMessage\":\"the result is larger than Lambda takes\"}"),
    };
    struct http_exchange exchange;
    post(runtime->http, answer_url(runtime, event, reply), reply, &exchange);
    if (exchange.status == STATUS_OK && exchange.code == CODE_TOO_LARGE &&
        reply->error_type == NULL) {
        return answer(runtime, event, &too_large, error);
    }
    if (exchange.status == STATUS_OK && exchange.code >= CODE_OUT_OF_ORDER) {
        return error_set(error, STATUS_INTERNAL, "answer: HTTP %d", exchange.code);
    }
    if (exchange.status != STATUS_OK || exchange.code != CODE_ACCEPTED) {
        log_warning("answer not taken", LOG_TEXT("requestId", event->request_id),
                    LOG_INT("code", exchange.code), LOG_CSTR("problem", exchange.error.text));
    }
    return STATUS_OK;
}

MUST_CHECK static enum status handle_next(struct runtime *runtime, struct error *error)
{
    const struct lambda_options *options = runtime->options;
    struct lambda_event event;
    struct lambda_reply reply = {.json = SLICE("null")};
    enum status status = next_event(runtime, &event, error);
    if (status == STATUS_OK) {
        options->handle(options->context, &event, &reply);
        status = answer(runtime, &event, &reply, error);
    }
    if (status == STATUS_OK) {
        options->after(options->context, &event);
    }
    http_reset(runtime->http);
    arena_reset(runtime->arena);
    return status;
}

enum status lambda_run(const struct lambda_options *options, struct error *error)
{
    const struct http_options http = {.max_connections = 1};
    struct runtime runtime = {options, http_new(&http), arena_new(ARENA_MAX_BYTES)};
    enum status status = STATUS_OK;
    while (status == STATUS_OK) {
        status = handle_next(&runtime, error);
    }
    http_free(runtime.http);
    arena_free(runtime.arena);
    return status;
}

void lambda_report_start(const char *api, struct slice json)
{
    const struct http_options options = {.max_connections = 1};
    const struct lambda_reply reply = {"ConfigurationError", json};
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(ARENA_MAX_BYTES);
    struct http *http = http_new(&options);
    struct http_exchange exchange;
    post(http, arena_format(arena, "http://%s/" API_PATH "/init/error", api), &reply, &exchange);
    http_free(http);
}
