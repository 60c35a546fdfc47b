/*
 * An event of a CloudFormation custom resource. Its properties say what is to run: requests under
 * create, update and delete; the texts create_sql, update_sql and drop_sql; a user (user_sql.h); or
 * the statement is beside the event.
 *
 *     Create   runs create
 *     Update   runs update. Without one, a create_sql that has changed runs after the old drop_sql,
 *              both in one transaction, and anything else runs nothing
 *     Delete   runs delete; nothing for a resource whose Create failed
 */
#include "invoker/request_cloudformation.h"

#include "invoker/cloudformation_types.h"
#include "invoker/request_fields.h"
#include "invoker/resource_built_in.h"
#include "invoker/user_sql.h"

#include "infra/base/buffer.h"
#include "infra/base/json_writer.h"

#include <string.h>

#define RESPONSE_URL_MAX_BYTES  8192
#define STACK_ID_MAX_BYTES      512
#define REQUEST_ID_MAX_BYTES    128
#define LOGICAL_ID_MAX_BYTES    255
#define PHYSICAL_ID_MAX_BYTES   1024
#define DATA_MAX                32
#define SERVICE_TIMEOUT_SECONDS 3600 /* CloudFormation's own default and most */
#define PROPERTIES              "ResourceProperties"

static const struct name_value types[] = {
    {"Create", RESOURCE_CREATE}, {"Update", RESOURCE_UPDATE}, {"Delete", RESOURCE_DELETE}};

/* What the properties call the requests of each type. */
static const struct {
    const char *request;
    const char *sql;
} operations[] = {
    [RESOURCE_CREATE] = {"create", "create_sql"},
    [RESOURCE_UPDATE] = {"update", "update_sql"},
    [RESOURCE_DELETE] = {"delete", "drop_sql"},
};

struct event {
    struct arena *arena;
    struct json root;
    struct json properties; /* with their types */
    struct json old;        /* OldResourceProperties */
    enum resource_event type;
    struct plan_resource *resource;
};

/* ---- Who asks ------------------------------------------------------------------------------- */

bool request_is_cloudformation(struct json root)
{
    return json_kind(json_member(root, "RequestType")) != JSON_ABSENT;
}

/* A text that the answer repeats: its limit holds for how JSON writes it, quotes included. */
MUST_CHECK static enum status read_id(struct json object, const char *name, size_t max,
                                      struct slice *id, struct error *error)
{
    CLEANUP(buffer_clear) struct buffer written;
    struct json_writer writer;
    buffer_init(&written, max + 2);
    json_writer_init(&writer, &written);
    enum status status = json_get_text(object, name, max, id, error);
    if (status != STATUS_OK) {
        return status;
    }
    json_write_text(&writer, NULL, *id);
    if (id->size == 0 || written.overflowed) {
        return json_reject(json_member(object, name), error,
                           "must be 1 to %zu bytes as JSON writes it", max);
    }
    return STATUS_OK;
}

MUST_CHECK static enum status read_ids(struct json root, struct plan_resource *resource,
                                       struct error *error)
{
    enum status status = read_id(root, "StackId", STACK_ID_MAX_BYTES, &resource->stack_id, error);
    if (status == STATUS_OK) {
        status = read_id(root, "RequestId", REQUEST_ID_MAX_BYTES, &resource->request_id, error);
    }
    if (status == STATUS_OK) {
        status = read_id(root, "LogicalResourceId", LOGICAL_ID_MAX_BYTES,
                         &resource->logical_resource_id, error);
    }
    if (status == STATUS_OK && json_exists(json_member(root, "PhysicalResourceId"))) {
        status = read_id(root, "PhysicalResourceId", PHYSICAL_ID_MAX_BYTES,
                         &resource->current_physical_id, error);
    }
    return status;
}

static bool is_loopback(struct slice host)
{
    return slice_equals_text(host, "localhost") || slice_equals_text(host, "[::1]") ||
           slice_starts_with(host, SLICE("127."));
}

/* The host of what follows "://", without its port; absent when it has a user or is malformed. */
static struct slice host_of(struct slice rest)
{
    size_t size = 0;
    while (size < rest.size && rest.data[size] != '/' && rest.data[size] != '?' &&
           rest.data[size] != '#') {
        size++;
    }
    struct slice authority = slice_part(rest, 0, size);
    if (slice_find_byte(authority, '@') < size || slice_find_byte(authority, '\\') < size) {
        return SLICE_NONE;
    }
    size_t end = slice_starts_with(authority, SLICE("[")) ? slice_find_byte(authority, ']') + 1
                                                          : slice_find_byte(authority, ':');
    return slice_part(authority, 0, end);
}

/* Where an answer may be sent: over TLS, or to this machine. */
static bool response_url_valid(struct slice url)
{
    for (size_t i = 0; i < url.size; i++) {
        if ((unsigned char)url.data[i] <= 0x20 || (unsigned char)url.data[i] >= 0x7f) {
            return false;
        }
    }
    if (slice_starts_with(url, SLICE("https://"))) {
        return host_of(slice_part(url, 8, url.size)).size > 0;
    }
    return slice_starts_with(url, SLICE("http://")) &&
           is_loopback(host_of(slice_part(url, 7, url.size)));
}

MUST_CHECK static enum status read_response_url(struct json root, struct slice *url,
                                                struct error *error)
{
    enum status status = json_get_text(root, "ResponseURL", RESPONSE_URL_MAX_BYTES, url, error);
    if (status == STATUS_OK && !response_url_valid(*url)) {
        *url = SLICE_NONE;
        status = json_reject(json_member(root, "ResponseURL"), error,
                             "must be an https URL, or an http URL of this machine");
    }
    return status;
}

/* Told of every request, a refused one too: the next Update wants to know (resource.h). */
static void read_made(struct arena *arena, struct json root, struct plan_resource *resource)
{
    int type = RESOURCE_DELETE;
    if (request_read_choice(root, "RequestType", types, ARRAY_COUNT(types), &type, NULL) ==
        STATUS_OK) {
        const struct resource_change change = {arena, (enum resource_event)type,
                                               json_member(root, PROPERTIES),
                                               json_member(root, "OldResourceProperties")};
        resource_read_made(&change, resource);
    }
}

void request_find_resource(struct arena *arena, struct json root,
                           struct request_addresses *addresses)
{
    struct plan_resource *resource = ARENA_NEW(arena, struct plan_resource);
    if (!request_is_cloudformation(root) || read_ids(root, resource, NULL) != STATUS_OK ||
        read_response_url(root, &addresses->response_url, NULL) != STATUS_OK) {
        addresses->response_url = SLICE_NONE;
        return;
    }
    if (json_find_text(root, "RequestType", 0, &resource->request_type, NULL) != STATUS_OK) {
        resource->request_type = SLICE_NONE;
    }
    addresses->resource = resource;
    read_made(arena, root, resource);
}

/* ---- What the answer holds ------------------------------------------------------------------ */

MUST_CHECK static enum status read_physical_id(const struct event *event, struct error *error)
{
    struct slice wanted = SLICE_NONE;
    struct slice old = SLICE_NONE;
    struct plan_resource *resource = event->resource;
    enum status status = STATUS_OK;
    resource->physical_resource_id = resource->current_physical_id;
    if (event->type == RESOURCE_DELETE ||
        !json_exists(json_member(event->properties, "physicalResourceId"))) {
        return STATUS_OK;
    }
    status =
        read_id(event->properties, "physicalResourceId", PHYSICAL_ID_MAX_BYTES, &wanted, error);
    if (json_find_text(event->old, "physicalResourceId", 0, &old, NULL) != STATUS_OK) {
        old = SLICE_NONE;
    }
    /* A property that has not changed does not move a resource that has another id. */
    if (status == STATUS_OK && (event->type == RESOURCE_CREATE || !slice_equals(wanted, old))) {
        resource->physical_resource_id = wanted;
    }
    return status;
}

MUST_CHECK static enum status read_column(struct json data, size_t index,
                                          struct plan_parameter *column, struct error *error)
{
    static const char *const own[] = {"StatementId", "StatementName", "Status", "ResultRows"};
    struct json value = json_member_at(data, index, &column->name);
    enum status status = json_text(value, &column->value, error);
    if (status == STATUS_OK && (column->value.size == 0 || column->name.size == 0)) {
        status = json_reject(value, error, "must be the name of a column");
    }
    for (size_t i = 0; i < ARRAY_COUNT(own) && status == STATUS_OK; i++) {
        if (slice_equals_text(column->name, own[i])) {
            status = json_reject(value, error, "%s is told in any case", own[i]);
        }
    }
    return status;
}

MUST_CHECK static enum status read_data(const struct event *event, struct error *error)
{
    struct json data = {0};
    enum status status = json_find_object(event->properties, "data", &data, error);
    if (status != STATUS_OK || !json_exists(data) || event->type == RESOURCE_DELETE) {
        return status;
    }
    size_t count = json_count(data);
    if (count > DATA_MAX) {
        return json_reject(data, error, "must have at most %d members", DATA_MAX);
    }
    struct plan_parameter *columns = ARENA_ARRAY(event->arena, count, struct plan_parameter);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        status = read_column(data, i, &columns[i], error);
    }
    event->resource->data = columns;
    event->resource->data_count = count;
    return status;
}

MUST_CHECK static enum status read_answer(const struct event *event, struct request *request,
                                          struct error *error)
{
    enum status status = read_physical_id(event, error);
    request->service_timeout_seconds = SERVICE_TIMEOUT_SECONDS;
    if (status == STATUS_OK) {
        status = read_data(event, error);
    }
    if (status == STATUS_OK) {
        status =
            cloudformation_find_bool(event->properties, "noEcho", &event->resource->no_echo, error);
    }
    if (status == STATUS_OK) {
        status = cloudformation_find_int64(event->properties, "ServiceTimeout", 1,
                                           SERVICE_TIMEOUT_SECONDS,
                                           &request->service_timeout_seconds, error);
    }
    return status;
}

/* ---- What runs ------------------------------------------------------------------------------ */

MUST_CHECK static enum status read_text_sql(const struct event *event, struct json value,
                                            struct request *request, struct error *error)
{
    struct slice sql = SLICE_NONE;
    enum status status = request_read_sql(value, &sql, error);
    if (status == STATUS_OK) {
        resource_set_sqls(event->arena, request, &sql, 1);
    }
    return status;
}

/* A native request whose caller is the resource. */
MUST_CHECK static enum status read_native(const struct event *event, struct json value,
                                          struct request *request, struct error *error)
{
    static const char *const others[] = {"action",     "statementId",  "nextToken",
                                         "taskToken",  "executionArn", "heartbeatSeconds",
                                         "requestKey", "replyTo",      "singleton"};
    for (size_t i = 0; i < ARRAY_COUNT(others); i++) {
        if (json_exists(json_member(value, others[i]))) {
            return json_reject(json_member(value, others[i]), error,
                               "does not go with a CloudFormation resource");
        }
    }
    return request_read_native(event->arena, value, request, error);
}

MUST_CHECK static enum status read_operation(const struct event *event, enum resource_event type,
                                             struct request *request, struct error *error)
{
    struct json native = json_member(event->properties, operations[type].request);
    struct json sql = json_member(event->properties, operations[type].sql);
    enum status status = STATUS_OK;
    if (json_exists(native) && json_exists(sql)) {
        return json_reject(sql, error, "goes without %s", operations[type].request);
    }
    if (json_exists(sql) || json_kind(native) == JSON_TEXT) {
        return read_text_sql(event, json_exists(sql) ? sql : native, request, error);
    }
    if (json_kind(native) == JSON_OBJECT) {
        status = read_native(event, native, request, error);
    } else if (json_kind(native) == JSON_ARRAY) {
        status = request_read_queries(event->arena, native, request, error);
    } else if (json_exists(native)) {
        status = json_reject(native, error, "must be a request, or a text with its SQL");
    }
    /* Rules on several members know no path. */
    if (status != STATUS_OK && error != NULL &&
        strncmp(error->text, PROPERTIES, strlen(PROPERTIES)) != 0) {
        return error_wrap(error, PROPERTIES ".%s", operations[type].request);
    }
    return status;
}

static struct resource_change change_of(const struct event *event)
{
    return (struct resource_change){event->arena, event->type, event->properties, event->old};
}

/* All three are read at any event but a Delete: a mistake in what runs later is found while nothing
 * has run. */
MUST_CHECK static enum status read_operations(const struct event *event, struct request *request,
                                              struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(operations) && status == STATUS_OK; i++) {
        struct request other;
        request_init(&other);
        if ((enum resource_event)i == event->type) {
            status = read_operation(event, event->type, request, error);
        } else if (event->type != RESOURCE_DELETE) {
            status = read_operation(event, (enum resource_event)i, &other, error);
        }
    }
    const bool given =
        json_exists(json_member(event->properties, operations[event->type].request)) ||
        json_exists(json_member(event->properties, operations[event->type].sql));
    if (status == STATUS_OK && event->type == RESOURCE_UPDATE && !given) {
        const struct resource_change change = change_of(event);
        status = resource_replace(&change, request, error);
    }
    request->nothing_to_run = !given && request->sql_count == 0;
    return status;
}

static bool has_operation(const struct event *event)
{
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        if (json_exists(json_member(event->properties, operations[i].request)) ||
            json_exists(json_member(event->properties, operations[i].sql))) {
            return true;
        }
    }
    return false;
}

/* The statement beside the event, as the functions of cdk-stepfunctions-redshift send it. */
MUST_CHECK static enum status read_beside(const struct event *event, struct request *request,
                                          struct error *error)
{
    struct json action = json_member(event->root, "action");
    struct slice name = SLICE_NONE;
    enum status status = json_find_text(event->root, "action", 0, &name, error);
    if (status == STATUS_OK && json_exists(action) &&
        !slice_equals_text(name, "executeStatement")) {
        status = json_reject(action, error, "must be executeStatement for a resource");
    }
    return status == STATUS_OK
               ? read_text_sql(event, json_member(event->root, "sqlStatement"), request, error)
               : status;
}

MUST_CHECK static enum status read_work(const struct event *event, struct request *request,
                                        struct error *error)
{
    if (json_exists(json_member(event->root, "sqlStatement"))) {
        return read_beside(event, request, error);
    }
    if (has_operation(event)) {
        struct json username = json_member(event->properties, "username");
        if (json_exists(username) && event->type != RESOURCE_DELETE) {
            return json_reject(username, error, "goes without requests and SQL: it is a user");
        }
        return read_operations(event, request, error);
    }
    if (user_properties_given(event->properties)) {
        const struct resource_change change = change_of(event);
        return resource_read_user(&change, request, error);
    }
    if (event->type != RESOURCE_DELETE) {
        return error_set(error, STATUS_REJECTED,
                         PROPERTIES ": one of create, update, delete, create_sql, update_sql, "
                                    "drop_sql and username is needed");
    }
    request->nothing_to_run = true;
    return STATUS_OK;
}

MUST_CHECK static enum status read_target(const struct event *event, struct request *request,
                                          struct error *error)
{
    struct json target = json_member(event->properties, "target");
    if (request->has_target || !json_exists(target)) {
        return STATUS_OK;
    }
    request->has_target = true;
    enum status status =
        request_read_target(target, &request->target, &request->target_name, error);
    return status == STATUS_OK && request->target_name.data == NULL
               ? request_check_target(&request->target, PROPERTIES ".target", error)
               : status;
}

/* ---- The event ------------------------------------------------------------------------------ */

/* What was never made needs no Delete: the id of a Create that failed, ours or the one that
 * cdk-stepfunctions-redshift gave. */
static bool was_never_made(struct slice physical_id)
{
    return slice_starts_with(physical_id, SLICE(PLAN_RESOURCE_CREATE_FAILED)) ||
           slice_equals_text(physical_id, "n/a");
}

MUST_CHECK static enum status read_head(struct event *event, struct request *request,
                                        struct error *error)
{
    int type = RESOURCE_CREATE;
    struct plan_resource *resource = event->resource;
    enum status status = read_response_url(event->root, &request->response_url, error);
    if (status == STATUS_OK) {
        status = read_ids(event->root, resource, error);
    }
    if (status == STATUS_OK) {
        status = json_get_text(event->root, "RequestType", 0, &resource->request_type, error);
    }
    if (status == STATUS_OK) {
        status = request_read_choice(event->root, "RequestType", types, ARRAY_COUNT(types), &type,
                                     error);
    }
    event->type = (enum resource_event)type;
    read_made(event->arena, event->root, resource);
    if (status == STATUS_OK && event->type == RESOURCE_CREATE) {
        resource->current_physical_id = SLICE_NONE;
    } else if (status == STATUS_OK && resource->current_physical_id.size == 0) {
        status = error_set(error, STATUS_REJECTED, "PhysicalResourceId: is required");
    }
    return status;
}

MUST_CHECK static enum status read_properties(struct event *event, struct error *error)
{
    struct json properties = {0};
    enum status status = json_find_object(event->root, PROPERTIES, &properties, error);
    if (status == STATUS_OK) {
        status = json_find_object(event->root, "OldResourceProperties", &event->old, error);
    }
    if (status == STATUS_OK) {
        status =
            cloudformation_restore(event->arena, properties, PROPERTIES, &event->properties, error);
    }
    return status;
}

enum status request_read_cloudformation(struct arena *arena, struct json root,
                                        struct request *request, struct error *error)
{
    struct event event = {
        .arena = arena, .root = root, .resource = ARENA_NEW(arena, struct plan_resource)};
    request->resource = event.resource;
    enum status status = read_head(&event, request, error);
    if (status == STATUS_OK && event.type == RESOURCE_DELETE &&
        was_never_made(event.resource->current_physical_id)) {
        event.resource->physical_resource_id = event.resource->current_physical_id;
        request->service_timeout_seconds = SERVICE_TIMEOUT_SECONDS;
        request->nothing_to_run = true;
        return STATUS_OK;
    }
    if (status == STATUS_OK) {
        status = read_properties(&event, error);
    }
    if (status == STATUS_OK) {
        status = read_answer(&event, request, error);
    }
    if (status == STATUS_OK) {
        status = read_work(&event, request, error);
    }
    return status == STATUS_OK ? read_target(&event, request, error) : status;
}
