#include "infra/cli/routes.h"

#include "invoker/inspect.h"
#include "invoker/invoker.h"

#define LIST_LIMIT_DEFAULT 20
#define LIST_LIMIT_MAX     100

static void post_request(const struct route *route, const struct http_server_request *request,
                         struct worker *worker, struct route_reply *reply)
{
    (void)route;
    struct invoker invoker = {worker->dispatch, &worker->service->settings};
    struct invoker_item item = {
        .body = request->body,
        .channel = CHANNEL_SYNCHRONOUS,
        .identity = {.kind = SLICE("idempotency-key"),
                     .source = http_server_header(request, "Idempotency-Key")},
        .source = SLICE("http"),
    };
    invoker_handle(&invoker, &item, 1);
    *reply = (struct route_reply){item.code, item.reply};
}

static void get_one(const struct route *route, const struct http_server_request *request,
                    struct worker *worker, struct route_reply *reply)
{
    (void)request;
    inspect_get(worker->dispatch, route->id, &reply->code, &reply->json);
}

static void get_reply(const struct route *route, const struct http_server_request *request,
                      struct worker *worker, struct route_reply *reply)
{
    (void)request;
    inspect_reply(worker->dispatch, route->id, &reply->code, &reply->json);
}

static void post_cancel(const struct route *route, const struct http_server_request *request,
                        struct worker *worker, struct route_reply *reply)
{
    (void)request;
    inspect_cancel(worker->dispatch, route->id, &reply->code, &reply->json);
}

static void get_list(const struct route *route, const struct http_server_request *request,
                     struct worker *worker, struct route_reply *reply)
{
    (void)route;
    int64_t limit = LIST_LIMIT_DEFAULT;
    struct error error = ERROR_NONE;
    struct slice limit_text = http_server_query(request, "limit");
    if (limit_text.data != NULL &&
        slice_to_int64(limit_text, 1, LIST_LIMIT_MAX, &limit, &error) != STATUS_OK) {
        error_wrap(&error, "limit");
        reply->code = 400;
        reply->json = invoker_error_reply(request->arena, "InvalidRequest", error.text);
        return;
    }
    const struct inspect_query query = {
        .group = http_server_query(request, "group"),
        .open_only = slice_equals_text(http_server_query(request, "open"), "true"),
        .limit = (size_t)limit,
        .token = http_server_query(request, "nextToken"),
    };
    inspect_list(worker->dispatch, &query, &reply->code, &reply->json);
}

/* Which method of which resource; tail is what follows the id, "" included. */
struct resource {
    const char *method;
    const char *tail; /* NULL: of /invocations itself */
    void (*run)(const struct route *route, const struct http_server_request *request,
                struct worker *worker, struct route_reply *reply);
};

static const struct resource resources[] = {
    {"POST", NULL, post_request},     {"GET", NULL, get_list},      {"GET", "", get_one},
    {"POST", "/cancel", post_cancel}, {"GET", "/reply", get_reply},
};

static bool same_tail(const struct resource *resource, bool has_id, struct slice tail)
{
    return has_id ? resource->tail != NULL && slice_equals_text(tail, resource->tail)
                  : resource->tail == NULL;
}

struct route route_find(struct slice method, struct slice path)
{
    const struct slice root = SLICE("/invocations");
    const bool has_id = slice_starts_with(path, SLICE("/invocations/"));
    const struct slice rest = slice_part(path, root.size + 1, path.size);
    const size_t slash = slice_find_byte(rest, '/');
    struct route route = {.code = 404};
    if (!has_id && !slice_equals(path, root)) {
        return route;
    }
    route.id = has_id ? slice_part(rest, 0, slash) : SLICE_NONE;
    for (size_t i = 0; i < ARRAY_COUNT(resources); i++) {
        const struct resource *resource = &resources[i];
        if (!same_tail(resource, has_id, slice_part(rest, slash, rest.size))) {
            continue;
        }
        route.code = 405;
        if (slice_equals_text(method, resource->method)) {
            route.run = resource->run;
            return route;
        }
    }
    return route;
}

void route_run(const struct route *route, const struct http_server_request *request,
               struct worker *worker, struct route_reply *reply)
{
    *reply = (struct route_reply){.code = 500};
    route->run(route, request, worker, reply);
}
