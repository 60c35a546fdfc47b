#include "infra/local/local_route.h"

#define FORM "application/x-www-form-urlencoded"

static const struct {
    const char *prefix;
    enum local_service service;
    const char *signing_name;
} targets[] = {
    {"RedshiftData.", LOCAL_SERVICE_DATA, "redshift-data"},
    {"AmazonSQS.", LOCAL_SERVICE_SQS, "sqs"},
    {"AWSStepFunctions.", LOCAL_SERVICE_TASKS, "states"},
    {"AWSEvents.", LOCAL_SERVICE_EVENTS, "events"},
};

/* Operations that come as a form. */
static const struct {
    const char *operation;
    const char *signing_name;
} actions[] = {
    {"AssumeRole", "sts"},
    {"AssumeRoleWithWebIdentity", NULL},
    {"GetCallerIdentity", "sts"},
    {"Publish", "sns"},
};

static struct local_route find_target(struct slice target)
{
    for (size_t i = 0; i < ARRAY_COUNT(targets); i++) {
        const struct slice prefix = slice_from_text(targets[i].prefix);
        if (slice_starts_with(target, prefix)) {
            return (struct local_route){
                .service = targets[i].service,
                .protocol = LOCAL_PROTOCOL_JSON,
                .signing_name = targets[i].signing_name,
                .operation = slice_part(target, prefix.size, target.size),
            };
        }
    }
    return (struct local_route){.service = LOCAL_SERVICE_UNKNOWN,
                                .protocol = LOCAL_PROTOCOL_JSON,
                                .operation = SLICE("UnknownOperation")};
}

/* Value of Action; names of operations need no decoding. */
static struct slice find_action(struct slice form)
{
    while (form.size > 0) {
        const size_t end = slice_find_byte(form, '&');
        const struct slice pair = slice_part(form, 0, end);
        if (slice_starts_with(pair, SLICE("Action="))) {
            return slice_part(pair, 7, pair.size);
        }
        form = slice_part(form, end + 1, form.size);
    }
    return SLICE_NONE;
}

static struct local_route find_query(struct slice action)
{
    for (size_t i = 0; i < ARRAY_COUNT(actions); i++) {
        if (slice_equals_text(action, actions[i].operation)) {
            return (struct local_route){.service = LOCAL_SERVICE_QUERY,
                                        .protocol = LOCAL_PROTOCOL_QUERY,
                                        .signing_name = actions[i].signing_name,
                                        .operation = action};
        }
    }
    return (struct local_route){.service = LOCAL_SERVICE_UNKNOWN,
                                .protocol = LOCAL_PROTOCOL_QUERY,
                                .operation = SLICE("UnknownOperation")};
}

static struct slice find_s3_operation(const struct http_server_request *request)
{
    static const struct {
        const char *method;
        struct slice of_object;
        struct slice of_bucket;
    } operations[] = {
        {"GET", {"GetObject", 9}, {"ListObjectsV2", 13}},
        {"HEAD", {"HeadObject", 10}, {"HeadBucket", 10}},
        {"PUT", {"PutObject", 9}, {"CreateBucket", 12}},
        {"DELETE", {"DeleteObject", 12}, {"DeleteBucket", 12}},
    };
    const struct slice path = slice_part(request->path, 1, request->path.size);
    const bool object = slice_find_byte(path, '/') + 1 < path.size;
    for (size_t i = 0; i < ARRAY_COUNT(operations); i++) {
        if (slice_equals_text(request->method, operations[i].method)) {
            return object ? operations[i].of_object : operations[i].of_bucket;
        }
    }
    return SLICE("UnknownOperation");
}

struct local_route local_route_find(const struct http_server_request *request)
{
    const struct slice target = http_server_header(request, "x-amz-target");
    const struct slice content_type = http_server_header(request, "content-type");
    if (target.data) {
        return find_target(target);
    }
    if (slice_starts_with(request->path, SLICE("/_response/"))) {
        return (struct local_route){.service = LOCAL_SERVICE_RESPONSE,
                                    .protocol = LOCAL_PROTOCOL_S3,
                                    .operation = SLICE("ResponsePut")};
    }
    if (slice_equals_text(request->method, "POST") &&
        slice_starts_with(content_type, SLICE(FORM))) {
        return find_query(find_action(request->body));
    }
    return (struct local_route){.service = LOCAL_SERVICE_S3,
                                .protocol = LOCAL_PROTOCOL_S3,
                                .signing_name = "s3",
                                .operation = find_s3_operation(request)};
}
