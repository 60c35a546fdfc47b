#include "infra/runtime/admin.h"

#include "infra/base/encode.h"
#include "infra/base/json_writer.h"
#include "infra/base/memory.h"
#include "infra/base/metrics.h"
#include "infra/runtime/admin_page.h"
#include "infra/runtime/http_server.h"

#include <stdlib.h>

#define MAX_CONNECTIONS 32
#define IDLE_TIMEOUT_MS 30000

struct admin {
    struct admin_options options;
    int64_t started_ms; /* monotonic */
    struct http_server *server;
};

static size_t find_problems(const struct admin *admin, struct admin_problem *out)
{
    return admin->options.problems
               ? admin->options.problems(admin->options.context, out, ADMIN_PROBLEMS_MAX)
               : 0;
}

static void reply_error(struct http_server_response *response, int code, const char *message)
{
    struct json_writer writer;
    json_writer_init(&writer, &response->body);
    json_begin_object(&writer, NULL);
    json_write_text(&writer, "errorType", SLICE("InvalidRequest"));
    json_write_text(&writer, "errorMessage", slice_from_text(message));
    json_end_object(&writer);
    http_server_reply_json(response, code, SLICE(""));
}

static void add_header(struct http_server_response *response, struct slice name, struct slice value)
{
    response->headers[response->header_count++] = (struct http_server_header){name, value};
}

static void show_health(struct admin *admin, struct http_server_response *response)
{
    struct error what = ERROR_NONE;
    const bool hangs = admin->options.hangs && admin->options.hangs(admin->options.context, &what);
    response->code = hangs ? 503 : 200;
    response->content_type = "text/plain; charset=utf-8";
    buffer_append_text(&response->body, hangs ? what.text : "ok");
}

static void show_readiness(struct admin *admin, struct http_server_response *response)
{
    struct admin_problem problems[ADMIN_PROBLEMS_MAX];
    size_t count = find_problems(admin, problems);
    struct json_writer writer;
    json_writer_init(&writer, &response->body);
    json_begin_object(&writer, NULL);
    json_write_bool(&writer, "ready", count == 0);
    json_begin_array(&writer, "problems");
    for (size_t i = 0; i < count; i++) {
        json_begin_object(&writer, NULL);
        json_write_text(&writer, "part", slice_from_text(problems[i].part));
        json_write_text(&writer, "problem", slice_from_text(problems[i].problem.text));
        json_end_object(&writer);
    }
    json_end_array(&writer);
    json_end_object(&writer);
    http_server_reply_json(response, count == 0 ? 200 : 503, SLICE(""));
}

static void show_metrics(struct admin *admin, struct http_server_response *response)
{
    (void)admin;
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    metrics_print(&response->body);
}

static void show_page(struct admin *admin, struct http_server_response *response)
{
    struct admin_problem problems[ADMIN_PROBLEMS_MAX];
    const struct admin_page page = {
        .version = admin->options.version,
        .now_ms = clock_now_ms(admin->options.clock),
        .uptime_ms = clock_monotonic_ms(admin->options.clock) - admin->started_ms,
        .problems = problems,
        .problem_count = find_problems(admin, problems),
    };
    response->content_type = "text/html; charset=utf-8";
    add_header(response, SLICE("Content-Security-Policy"),
               SLICE("default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"));
    add_header(response, SLICE("X-Content-Type-Options"), SLICE("nosniff"));
    admin_page_print(&page, &response->body);
}

struct page {
    const char *path;
    bool open; /* to anybody, with and without a token */
    void (*show)(struct admin *admin, struct http_server_response *response);
};

static const struct page pages[] = {
    {"/healthz", true, show_health},
    {"/readyz", true, show_readiness},
    {"/metrics", false, show_metrics},
    {"/", false, show_page},
};

static const struct page *find_page(struct slice path)
{
    for (size_t i = 0; i < ARRAY_COUNT(pages); i++) {
        if (slice_equals_text(path, pages[i].path)) {
            return &pages[i];
        }
    }
    return NULL;
}

static bool is_authorized(const struct admin *admin, const struct http_server_request *request)
{
    if (!admin->options.bearer_token) {
        return true;
    }
    struct slice header = http_server_header(request, "Authorization");
    struct slice scheme = SLICE("Bearer ");
    return header.size > scheme.size &&
           slice_equals_ignore_case(slice_part(header, 0, scheme.size), scheme) &&
           constant_time_equals(slice_trim(slice_part(header, scheme.size, header.size)),
                                slice_from_text(admin->options.bearer_token));
}

static void handle(void *context, const struct http_server_request *request,
                   struct http_server_response *response)
{
    struct admin *admin = context;
    const struct page *page = find_page(request->path);
    add_header(response, SLICE("Cache-Control"), SLICE("no-store"));
    if (!(page && page->open) && !is_authorized(admin, request)) {
        add_header(response, SLICE("WWW-Authenticate"), SLICE("Bearer"));
        reply_error(response, 401, "Authorization: must be Bearer with the admin token");
    } else if (!page) {
        reply_error(response, 404, "path: must be /, /healthz, /readyz or /metrics");
    } else if (!slice_equals_text(request->method, "GET") &&
               !slice_equals_text(request->method, "HEAD")) {
        add_header(response, SLICE("Allow"), SLICE("GET, HEAD"));
        reply_error(response, 405, "method: must be GET or HEAD");
    } else {
        page->show(admin, response);
    }
}

enum status admin_start(const struct admin_options *options, struct admin **admin,
                        struct error *error)
{
    struct admin *made = memory_new(sizeof(*made));
    made->options = *options;
    made->started_ms = clock_monotonic_ms(options->clock);
    const struct http_server_options server = {
        .listen = options->listen,
        .name = "admin",
        .body_max_bytes = 1024,
        .max_connections = MAX_CONNECTIONS,
        .idle_timeout_ms = IDLE_TIMEOUT_MS,
        .handle = handle,
        .context = made,
    };
    *admin = NULL;
    if (http_server_start(&server, &made->server, error) != STATUS_OK) {
        free(made);
        return error_wrap(error, "admin");
    }
    *admin = made;
    return STATUS_OK;
}

const char *admin_address(const struct admin *admin)
{
    return http_server_address(admin->server);
}

void admin_stop(struct admin *admin)
{
    if (admin) {
        http_server_stop(admin->server);
        free(admin);
    }
}
