#include "infra/local/local_dispatch.h"

#include "infra/local/local_failure.h"
#include "infra/local/local_route.h"

#define SLEEP_SLICE_MS 20

/* --- one call --------------------------------------------------------------------------------- */

static void call_json_service(struct local_services *services, const struct local_route *route,
                              const struct http_server_request *request,
                              struct http_server_response *response)
{
    struct local_call call = {.operation = route->operation,
                              .arena = request->arena,
                              .address = services->address,
                              .request = request};
    const char *member = local_failure_member(route->service);
    struct error error = ERROR_NONE;
    if (json_parse(request->arena, request->body, &call.input, &error) != STATUS_OK ||
        json_kind(call.input) != JSON_OBJECT) {
        local_reply_error(response, 400, "SerializationException", member,
                          SLICE("The body must be a JSON object"));
    } else if (route->service == LOCAL_SERVICE_DATA) {
        local_data_handle(services->data, &call, response);
    } else if (route->service == LOCAL_SERVICE_SQS) {
        local_sqs_handle(services->sqs, &call, response);
    } else if (route->service == LOCAL_SERVICE_TASKS) {
        local_tasks_handle(services->tasks, &call, response);
    } else {
        local_outbox_events(services->outbox, &call, response);
    }
}

static void call_service(struct local_services *services, const struct local_route *route,
                         const struct http_server_request *request,
                         struct http_server_response *response)
{
    switch (route->service) {
    case LOCAL_SERVICE_DATA:
    case LOCAL_SERVICE_SQS:
    case LOCAL_SERVICE_TASKS:
    case LOCAL_SERVICE_EVENTS: call_json_service(services, route, request, response); break;
    case LOCAL_SERVICE_QUERY: local_outbox_query(services->outbox, request, response); break;
    case LOCAL_SERVICE_S3: local_s3_handle(services->s3, request, response); break;
    case LOCAL_SERVICE_RESPONSE:
        local_outbox_response_put(services->outbox, request, response);
        break;
    case LOCAL_SERVICE_UNKNOWN: local_failure_unknown(route, response); break;
    }
}

static bool verified(struct local_services *services, const struct local_route *route,
                     const struct http_server_request *request,
                     struct http_server_response *response)
{
    struct local_signature_failure failure;
    if (!route->signing_name ||
        local_signature_verify(&services->signature, request, route->protocol, route->signing_name,
                               clock_now_ms(services->clock), &failure)) {
        return true;
    }
    local_failure_reply(route, failure.code, failure.name, slice_from_text(failure.text), response);
    return false;
}

/* In slices, so that a delay does not hold up the end. */
static void delay(struct local_services *services, int64_t left_ms)
{
    while (left_ms > 0 && !atomic_load(&services->stopping)) {
        const int64_t slice_ms = left_ms < SLEEP_SLICE_MS ? left_ms : SLEEP_SLICE_MS;
        clock_sleep_ms(services->clock, slice_ms);
        left_ms -= slice_ms;
    }
}

static void serve(struct local_services *services, const struct http_server_request *request,
                  struct http_server_response *response)
{
    const struct local_route route = local_route_find(request);
    int64_t delay_ms = 0;
    local_calls_add(services->calls, route.operation);
    if (!verified(services, &route, request, response)) {
        return;
    }
    if (local_faults_over_rate(services->faults, route.operation, clock_now_ms(services->clock))) {
        local_failure_throttle(&route, response);
        return;
    }
    const enum local_fault fault = local_faults_draw(services->faults, route.operation, &delay_ms);
    delay(services, delay_ms);
    switch (fault) {
    case LOCAL_FAULT_NONE: call_service(services, &route, request, response); break;
    case LOCAL_FAULT_THROTTLE: local_failure_throttle(&route, response); break;
    case LOCAL_FAULT_5XX_AFTER:
        call_service(services, &route, request, response);
        local_failure_internal(&route, response);
        break;
    case LOCAL_FAULT_5XX: local_failure_internal(&route, response); break;
    case LOCAL_FAULT_RESET_AFTER:
        call_service(services, &route, request, response);
        response->drop_connection = true;
        break;
    case LOCAL_FAULT_RESET: response->drop_connection = true; break;
    }
}

static void add_request_id(struct local_services *services,
                           const struct http_server_request *request,
                           struct http_server_response *response)
{
    char id[37];
    if (response->header_count < ARRAY_COUNT(response->headers)) {
        random_uuid(services->random, id);
        response->headers[response->header_count++] =
            (struct http_server_header){.name = SLICE("x-amzn-RequestId"),
                                        .value = arena_copy(request->arena, slice_from_text(id))};
    }
}

/* --- /_ringback/... --------------------------------------------------------------------------- */

static void control(struct local_services *services, const struct http_server_request *request,
                    struct http_server_response *response)
{
    const size_t prefix_size = sizeof("/_ringback/") - 1;
    const struct slice rest = slice_part(request->path, prefix_size, request->path.size);
    const struct slice noun = slice_part(rest, 0, slice_find_byte(rest, '/'));
    if (slice_equals_text(noun, "tasks")) {
        local_tasks_control(services->tasks, request, response);
    } else if (slice_equals_text(noun, "responses") || slice_equals_text(noun, "published")) {
        local_outbox_control(services->outbox, request, services->address, response);
    } else if (slice_equals_text(noun, "statements")) {
        local_data_control(services->data, request, response);
    } else if (slice_equals_text(noun, "calls")) {
        local_calls_control(services->calls, response);
    } else if (slice_equals_text(noun, "faults")) {
        local_faults_control(services->faults, request, response);
    } else {
        local_reply_error(response, 404, "NotFound", "message", SLICE("no such control"));
    }
}

void local_dispatch(struct local_services *services, const struct http_server_request *request,
                    struct http_server_response *response)
{
    if (slice_starts_with(request->path, SLICE("/_ringback/"))) {
        control(services, request, response);
    } else {
        serve(services, request, response);
        add_request_id(services, request, response);
    }
}
